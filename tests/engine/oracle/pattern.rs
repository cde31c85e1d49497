//! Every way in which events can fill a pattern, by the definition of each operator.
//!
//! Events are numbers here: their places in processing order.

use leaflet::engine::rule::ast::{Atom, Pattern};

/// More ways than this are too many to go through; the case is left out of the comparison.
const MOST_WAYS: usize = 20_000;

/// There were more than [`MOST_WAYS`].
#[derive(Debug)]
pub struct TooMany;

/// A pattern whose atoms are numbered from left to right.
#[derive(Debug)]
pub enum Node {
    Atom(usize),
    /// `NOT atom [FOR ms]`
    Not(usize, Option<u64>),
    Seq(Vec<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    Of(usize, Vec<Node>),
}

impl Node {
    /// Appends the pattern's atoms to `atoms`.
    pub fn new(pattern: &Pattern, atoms: &mut Vec<Atom>) -> Self {
        let mut number = |atom: &Atom| {
            atoms.push(atom.clone());
            atoms.len() - 1
        };
        match pattern {
            Pattern::Atom(atom) => Self::Atom(number(atom)),
            Pattern::Not { atom, for_, .. } => {
                let for_ = for_.map(|d| d.millis().expect("a duration that fits"));
                Self::Not(number(atom), for_)
            }
            Pattern::Seq(members) => Self::Seq(Self::list(members, atoms)),
            Pattern::And(members) => Self::And(Self::list(members, atoms)),
            Pattern::Or(members) => Self::Or(Self::list(members, atoms)),
            Pattern::Of {
                count, patterns, ..
            } => Self::Of(*count as usize, Self::list(patterns, atoms)),
        }
    }

    fn list(patterns: &[Pattern], atoms: &mut Vec<Atom>) -> Vec<Self> {
        patterns.iter().map(|p| Self::new(p, atoms)).collect()
    }

    /// The times of its `FOR`s.
    pub fn waits(&self) -> Vec<u64> {
        match self {
            Self::Atom(_) => Vec::new(),
            Self::Not(_, for_) => for_.iter().copied().collect(),
            Self::Seq(list) | Self::And(list) | Self::Or(list) | Self::Of(_, list) => {
                list.iter().flat_map(Self::waits).collect()
            }
        }
    }
}

/// How events fill a pattern: a tree of the pattern's shape.
#[derive(Debug, Clone, PartialEq)]
pub enum Way {
    Atom(usize, Vec<usize>),
    /// A NOT that held; with the deadline of one at the end.
    Not(Option<u64>),
    /// Of each member of a sequence or conjunction.
    Each(Vec<Way>),
    /// By which branch.
    Or(usize, Box<Way>),
    /// Of each member, where it is one of those that count.
    Of(Vec<Option<Way>>),
}

impl Way {
    /// Its events, in processing order.
    pub fn events(&self) -> Vec<usize> {
        let mut events: Vec<usize> = match self {
            Self::Atom(_, events) => events.clone(),
            Self::Not(_) => Vec::new(),
            Self::Each(list) => list.iter().flat_map(Self::events).collect(),
            Self::Or(_, way) => way.events(),
            Self::Of(list) => list.iter().flatten().flat_map(Self::events).collect(),
        };
        events.sort_unstable();
        events
    }

    /// The events of one atom.
    pub fn of_atom(&self, atom: usize) -> Vec<usize> {
        match self {
            Self::Atom(number, events) if *number == atom => events.clone(),
            Self::Atom(..) | Self::Not(_) => Vec::new(),
            Self::Each(list) => list.iter().flat_map(|way| way.of_atom(atom)).collect(),
            Self::Or(_, way) => way.of_atom(atom),
            Self::Of(list) => {
                let chosen = list.iter().flatten();
                chosen.flat_map(|way| way.of_atom(atom)).collect()
            }
        }
    }

    /// The deadline at which it ends, where it does not end at an event.
    pub fn deadline(&self) -> Option<u64> {
        match self {
            Self::Atom(..) => None,
            Self::Not(deadline) => *deadline,
            Self::Each(list) => list.iter().find_map(Self::deadline),
            Self::Or(_, way) => way.deadline(),
            Self::Of(list) => list.iter().flatten().find_map(Self::deadline),
        }
    }
}

/// What fills a pattern.
pub struct Filling<'a> {
    pub atoms: &'a [Atom],
    /// The events that can be a source by each atom, in processing order.
    pub sources: Vec<Vec<usize>>,
    /// The events that count for each atom under a NOT, in processing order.
    pub seen: Vec<Vec<usize>>,
    /// The time of each event.
    pub times: Vec<u64>,
    pub within: u64,
}

impl Filling<'_> {
    pub fn ways(&self, node: &Node) -> Result<Vec<Way>, TooMany> {
        match node {
            Node::Atom(atom) => self.repetitions(*atom),
            Node::Not(..) => unreachable!("only a sequence has a NOT"),
            Node::And(members) => {
                let members = self.of_each(members)?;
                Ok(products(&members, disjoint)?
                    .into_iter()
                    .map(Way::Each)
                    .collect())
            }
            Node::Or(branches) => {
                let mut ways = Vec::new();
                for (branch, node) in branches.iter().enumerate() {
                    let by_branch = self.ways(node)?.into_iter();
                    ways.extend(by_branch.map(|way| Way::Or(branch, Box::new(way))));
                }
                Ok(ways)
            }
            Node::Of(count, members) => {
                let mut ways = Vec::new();
                for member in self.of_each(members)? {
                    // Of each member there are its ways, and that it is none of those that count.
                    let mut member: Vec<_> = member.into_iter().map(Some).collect();
                    member.push(None);
                    ways.push(member);
                }
                let fit = |chosen: &[Option<Way>], way: &Option<Way>| {
                    let way = way.iter();
                    way.clone()
                        .all(|way| chosen.iter().flatten().all(|c| apart(c, way)))
                };
                let mut chosen = products(&ways, fit)?;
                chosen.retain(|list| list.iter().flatten().count() == *count);
                Ok(chosen.into_iter().map(Way::Of).collect())
            }
            Node::Seq(members) => self.sequences(members),
        }
    }

    fn of_each(&self, members: &[Node]) -> Result<Vec<Vec<Way>>, TooMany> {
        members.iter().map(|member| self.ways(member)).collect()
    }

    /// Every set of as many events as the quantifier says.
    fn repetitions(&self, atom: usize) -> Result<Vec<Way>, TooMany> {
        let (min, max) = match self.atoms[atom].quantifier {
            Some(q) => (q.min as usize, q.max.map_or(usize::MAX, |max| max as usize)),
            None => (1, 1),
        };
        let mut sets: Vec<Vec<usize>> = vec![Vec::new()];
        for event in &self.sources[atom] {
            for i in 0..sets.len() {
                if sets[i].len() < max {
                    let mut set = sets[i].clone();
                    set.push(*event);
                    sets.push(set);
                }
            }
            if sets.len() > MOST_WAYS {
                return Err(TooMany);
            }
        }
        sets.retain(|set| set.len() >= min);
        Ok(sets.into_iter().map(|set| Way::Atom(atom, set)).collect())
    }

    /// All events of a part before all of the next; what a NOT excludes is looked for in each of these.
    fn sequences(&self, members: &[Node]) -> Result<Vec<Way>, TooMany> {
        let mut ways = Vec::new();
        for member in members {
            ways.push(match member {
                Node::Not(..) => vec![Way::Not(None)],
                member => self.ways(member)?,
            });
        }
        let in_order = |earlier: &[Way], way: &Way| {
            let last = earlier.iter().flat_map(Way::events).max();
            let first = way.events().first().copied();
            last.is_none() || first.is_none() || last < first
        };
        let mut sequences = products(&ways, in_order)?;
        for (i, member) in members.iter().enumerate() {
            if let Node::Not(atom, for_) = member {
                sequences.retain_mut(|list| {
                    let before = i.checked_sub(1).map(|i| &list[i]);
                    let held = self.not_seen(*atom, before, list.get(i + 1), *for_);
                    list[i] = Way::Not(held.flatten());
                    held.is_some()
                });
            }
        }
        Ok(sequences.into_iter().map(Way::Each).collect())
    }

    /// Whether there was no such event `before -> NOT atom -> after`: `None` where there was, else the deadline,
    /// where it ends with one.
    fn not_seen(
        &self,
        atom: usize,
        before: Option<&Way>,
        after: Option<&Way>,
        for_: Option<u64>,
    ) -> Option<Option<u64>> {
        let last = before.map(|way| *way.events().last().expect("never next to an empty part"));
        let first = after.map(|way| *way.events().first().expect("never next to an empty part"));
        let deadline = for_.zip(last).map(|(wait, last)| self.times[last] + wait);
        let excluded = |x: usize| match (last, first) {
            (Some(last), Some(first)) => last < x && x < first,
            (None, Some(first)) => x < first && self.times[x] + self.within >= self.times[first],
            (Some(last), None) => last < x && Some(self.times[x]) <= deadline,
            (None, None) => unreachable!("a NOT alone is refused"),
        };
        let seen = self.seen[atom].iter().any(|x| excluded(*x));
        (!seen).then_some(deadline)
    }
}

/// Every choice of one of each list, where each fits those before it.
fn products<T: Clone>(
    lists: &[Vec<T>],
    fits: impl Fn(&[T], &T) -> bool,
) -> Result<Vec<Vec<T>>, TooMany> {
    let mut products: Vec<Vec<T>> = vec![Vec::new()];
    for list in lists {
        let mut longer = Vec::new();
        for product in &products {
            for item in list.iter().filter(|item| fits(product, item)) {
                let mut product = product.clone();
                product.push(item.clone());
                longer.push(product);
                if longer.len() > MOST_WAYS {
                    return Err(TooMany);
                }
            }
        }
        products = longer;
    }
    Ok(products)
}

fn disjoint(chosen: &[Way], way: &Way) -> bool {
    chosen.iter().all(|c| apart(c, way))
}

fn apart(a: &Way, b: &Way) -> bool {
    let events = a.events();
    b.events().iter().all(|event| !events.contains(event))
}
