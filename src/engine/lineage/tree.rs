//! The tree of an integrated event or of an entry, read from the streams level by level within a budget.

use std::collections::VecDeque;

use super::{source_hash, Fields, Integral, Maker, Place};
use crate::engine::event::EntryId;
use crate::engine::key::{output_key, AxonKey};
use crate::engine::Engine;

/// How much is read for an answer.
#[derive(Debug, Clone, Copy)]
pub struct Budget {
    /// Levels below the first entry.
    pub depth: u64,
    /// Entries.
    pub nodes: usize,
    /// Bytes of fields.
    pub bytes: usize,
    /// Texts that are tried to find out which version of a rule made an integrated event.
    pub tries: u64,
}

/// So many integrated events are looked at for an answer, whether they are shown or not.
const MOST_STEPS: usize = 20_000;

/// What becomes of reading an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    There(Fields),
    /// There is no such entry, or no such stream.
    Trimmed,
    /// Who asks may not read it.
    Denied,
    /// Its stream is at another node.
    Elsewhere,
    /// It is larger than what may be read.
    TooLarge,
}

/// Where the tree is read from.
pub trait World {
    /// Reads an entry, of at most so many bytes.
    fn read(&mut self, db: i32, key: &[u8], id: EntryId, most: usize) -> Read;

    /// Asks the engine. `None`: it can't be asked.
    fn engine<R>(&self, ask: impl FnOnce(&Engine) -> R) -> Option<R>;
}

/// What is shown of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum State {
    There,
    Trimmed,
    Denied,
    Elsewhere,
    /// The budget was used up.
    Cut,
}

impl State {
    /// The word that stands for it.
    pub fn word(self) -> &'static str {
        match self {
            Self::There => "there",
            Self::Trimmed => "trimmed",
            Self::Denied => "denied",
            Self::Elsewhere => "elsewhere",
            Self::Cut => "cut",
        }
    }
}

/// An entry, and what it was made of or what came of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Node {
    /// Empty where it is not known.
    pub event_id: String,
    pub stream: Vec<u8>,
    /// `None`: it is not told.
    pub id: Option<EntryId>,
    pub state: State,
    pub fields: Fields,
    /// Of an integrated event that could be read.
    pub maker: Option<Maker>,
    /// Its sources, oldest first; or the integrated events it took part in, newest first.
    pub links: Vec<Node>,
    /// So many more there are.
    pub left_out: u64,
}

impl Node {
    fn new(event_id: String, stream: &[u8], id: EntryId) -> Self {
        Self {
            event_id,
            stream: stream.into(),
            id: Some(id),
            state: State::Cut,
            fields: Fields::new(),
            maker: None,
            links: Vec::new(),
            left_out: 0,
        }
    }

    fn is_cut(&self) -> bool {
        self.left_out > 0 || self.state == State::Cut
    }
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tree {
    pub root: Node,
    /// How many entries it shows.
    pub nodes: usize,
    /// Something was left out.
    pub cut: bool,
}

/// Which way to go.
enum Way<'a> {
    Back,
    /// Only what stands in such outputs, where one is named as domains name it.
    On(Option<&'a str>),
}

/// A node and where it belongs.
struct Grown {
    node: Node,
    /// The place of the node it belongs to; its own, of the first one.
    parent: usize,
    depth: u64,
    /// It does not belong there: its hash was that of another.
    foreign: bool,
}

/// A tree on its way.
struct Growing<'a, W> {
    world: &'a mut W,
    db: i32,
    budget: Budget,
    way: Way<'a>,
    /// How many integrated events may still be looked at.
    steps: usize,
    nodes: Vec<Grown>,
}

impl Tree {
    /// The integrated event at this place, and what it was made of.
    pub fn back(
        world: &mut impl World,
        budget: Budget,
        (db, key): (i32, &[u8]),
        id: EntryId,
        event_id: String,
    ) -> Self {
        let root = Node::new(event_id, key, id);
        Self::grow(world, budget, db, Way::Back, root)
    }

    /// The entry at this place, and the integrated events it took part in; only those in outputs of this name, as
    /// domains name them, where one is given.
    pub fn on(
        world: &mut impl World,
        budget: Budget,
        (db, key): (i32, &[u8]),
        id: EntryId,
        output: Option<&str>,
    ) -> Self {
        let root = Node::new(String::new(), key, id);
        Self::grow(world, budget, db, Way::On(output), root)
    }

    fn grow(world: &mut impl World, budget: Budget, db: i32, way: Way<'_>, root: Node) -> Self {
        let mut growing = Growing {
            world,
            db,
            budget,
            way,
            steps: MOST_STEPS,
            nodes: Vec::new(),
        };
        growing.push(root, 0, 0);
        let mut next = 0;
        while next < growing.nodes.len() {
            growing.visit(next);
            next += 1;
        }
        let shown = || growing.nodes.iter().filter(|grown| !grown.foreign);
        Self {
            nodes: shown().count(),
            cut: shown().any(|grown| grown.node.is_cut()),
            root: gather(growing.nodes),
        }
    }
}

/// Puts each node where it belongs. It stands behind the one it belongs to.
fn gather(mut nodes: Vec<Grown>) -> Node {
    let mut links: Vec<VecDeque<Node>> = nodes.iter().map(|_| VecDeque::new()).collect();
    loop {
        let mut grown = nodes.pop().expect("the first node has not been met");
        grown.node.links = links.pop().unwrap_or_default().into();
        match links.get_mut(grown.parent) {
            Some(siblings) if !grown.foreign => siblings.push_front(grown.node),
            Some(_) => {}
            None => return grown.node,
        }
    }
}

impl<W: World> Growing<'_, W> {
    /// Reads a node, and adds those that belong to it.
    fn visit(&mut self, at: usize) {
        let Grown { node, depth, .. } = &self.nodes[at];
        let depth = *depth;
        let (key, id) = (node.stream.clone(), node.id.unwrap_or_default());
        let read = self.world.read(self.db, &key, id, self.budget.bytes);
        let integral = match &read {
            Read::There(fields) => Integral::read(pairs(fields)),
            _ => None,
        };
        let node = &mut self.nodes[at].node;
        match read {
            Read::There(fields) => {
                let bytes: usize = pairs(&fields).map(|(n, v)| n.len() + v.len()).sum();
                self.budget.bytes = self.budget.bytes.saturating_sub(bytes);
                if node.event_id.is_empty() {
                    let named = pairs(&fields).find(|(name, _)| *name == b"event_id");
                    let id = named.map_or(&b""[..], |(_, id)| id);
                    node.event_id = String::from_utf8_lossy(id).into_owned();
                }
                node.fields = fields;
                node.state = State::There;
            }
            Read::Trimmed => node.state = State::Trimmed,
            Read::Denied => node.state = State::Denied,
            Read::Elsewhere => node.state = State::Elsewhere,
            Read::TooLarge => node.state = State::Cut,
        }
        if let Some(integral) = &integral {
            let tries = &mut self.budget.tries;
            let made = |engine: &Engine| engine.maker(self.db, &key, integral, tries);
            self.nodes[at].node.maker = self.world.engine(made);
        }
        match self.way {
            Way::Back => self.add_sources(at, integral),
            Way::On(_) if depth > 0 && !self.belongs(at, integral.as_ref()) => {
                self.nodes[at].foreign = true;
            }
            Way::On(_) if depth > 0 && self.nodes[at].node.state == State::Denied => {
                // That it is there is all that is told of it.
                let node = &mut self.nodes[at].node;
                (node.id, node.event_id) = (None, String::new());
            }
            Way::On(output) => self.add_events(at, &key, id, output),
        }
    }

    /// Does this integrated event name the entry it was found by? What can't be read is believed.
    fn belongs(&self, at: usize, integral: Option<&Integral>) -> bool {
        let Grown { node, parent, .. } = &self.nodes[at];
        let entry = &self.nodes[*parent].node;
        let names = |integral: &Integral| {
            let mut sources = integral.sources.iter();
            sources.any(|s| Some(s.id) == entry.id && *s.stream.as_bytes() == *entry.stream)
        };
        match integral {
            Some(integral) => names(integral),
            None => node.state != State::There,
        }
    }

    fn push(&mut self, node: Node, parent: usize, depth: u64) {
        self.nodes.push(Grown {
            node,
            parent,
            depth,
            foreign: false,
        });
    }

    /// How many nodes may be added that belong to this one.
    fn room(&self, at: usize) -> usize {
        match self.nodes[at].depth < self.budget.depth {
            true => self.budget.nodes.saturating_sub(self.nodes.len()),
            false => 0,
        }
    }

    fn add_sources(&mut self, at: usize, integral: Option<Integral>) {
        let sources = integral.map(|integral| integral.sources);
        let mut sources = sources.unwrap_or_default().into_iter();
        let depth = self.nodes[at].depth + 1;
        for source in sources.by_ref().take(self.room(at)) {
            let node = Node::new(source.event_id, source.stream.as_bytes(), source.id);
            self.push(node, at, depth);
        }
        self.nodes[at].node.left_out = sources.count() as u64;
    }

    fn add_events(&mut self, at: usize, key: &[u8], id: EntryId, output: Option<&str>) {
        let (db, room, mut steps) = (self.db, self.room(at), self.steps);
        let found = self.world.engine(|engine| {
            let events = engine.lineage().events_of(db, source_hash(key, id));
            let events = events.take(steps).inspect(|_| steps -= 1);
            let mut events = events.filter(|event| {
                let of = |output| output_key(output, AxonKey::parse(event.key).tag) == event.key;
                output.is_none_or(of)
            });
            let node = |event: Place| Node::new(event.event.to_string(), event.key, event.id);
            let nodes: Vec<Node> = events.by_ref().take(room).map(node).collect();
            (nodes, events.count() as u64)
        });
        self.steps = steps;
        let (nodes, left_out) = found.unwrap_or_default();
        self.nodes[at].node.left_out = left_out;
        let depth = self.nodes[at].depth + 1;
        nodes
            .into_iter()
            .for_each(|node| self.push(node, at, depth));
    }
}

fn pairs(fields: &Fields) -> impl Iterator<Item = (&[u8], &[u8])> + Clone {
    fields.iter().map(|(name, value)| (&name[..], &value[..]))
}
