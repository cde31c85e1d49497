//! `LEAFLET.LINEAGE`

use super::args::{once, refusal, shortened, Args};
use super::{with_state, Refusal, Reply, Request, Result};
use crate::engine::domain::DEFAULT_DOMAIN;
use crate::engine::lineage::{Budget, Fields, Node, Read, Tree, World};
use crate::engine::{Engine, EntryId};
use crate::redis::ffi::Access;
use crate::redis::state;
use uuid::Uuid;

/// What is read for an answer: levels where DEPTH says nothing else, and at most; entries; bytes of their fields; texts
/// of rules that are tried.
const DEPTH: u64 = 8;
const DEPTH_MOST: u64 = 64;
const NODES: usize = 512;
const BYTES: usize = 1 << 20;
const TRIES: u64 = 4_096;

/// `event_id [DEPTH n] [DOMAIN d] [TAG t]` or `stream id [DEPTH n] [DOMAIN d]`. No option reads like an entry id, so the
/// second argument tells the two apart.
pub fn lineage(request: &Request) -> Result {
    let parsed = parse(request)?;
    let budget = Budget {
        depth: parsed.depth,
        nodes: NODES,
        bytes: BYTES,
        tries: TRIES,
    };
    match parsed.what {
        What::Event(event) => back(request, event, &parsed, budget),
        What::Entry(key, id) => on(request, key, id, parsed.domain, budget),
    }
}

/// What is asked about.
#[derive(Debug, PartialEq)]
enum What<'a> {
    Event(Uuid),
    Entry(&'a [u8], EntryId),
}

#[derive(Debug, PartialEq)]
struct Parsed<'a> {
    what: What<'a>,
    depth: u64,
    domain: Option<&'a str>,
    tag: Option<&'a [u8]>,
}

fn parse<'a>(request: &Request<'a>) -> std::result::Result<Parsed<'a>, Refusal> {
    let mut args = Args::new(request);
    let first = args.bytes("the event_id, or the stream")?;
    let id = request.args.get(1).and_then(|arg| entry_id(arg));
    let what = match id {
        Some(id) => {
            args.bytes("the entry's id")?;
            What::Entry(first, id)
        }
        None => What::Event(event_id(first)?),
    };
    let (mut depth, mut domain, mut tag) = (None, None, None);
    while !args.done() {
        if args.keyword("DEPTH") {
            once(&mut depth, args.number("DEPTH")?, "DEPTH")?;
        } else if args.keyword("DOMAIN") {
            once(&mut domain, args.text("the domain")?, "DOMAIN")?;
        } else if id.is_none() && args.keyword("TAG") {
            once(&mut tag, args.bytes("the tag")?, "TAG")?;
        } else {
            let expected = match id {
                Some(_) => "DEPTH or DOMAIN",
                None => "an entry's id, DEPTH, DOMAIN or TAG",
            };
            return Err(args.unknown_option(expected));
        }
    }
    match depth {
        Some(depth) if depth > DEPTH_MOST => Err(refusal(format!(
            "DEPTH must be at most {DEPTH_MOST}, found {depth}"
        ))),
        depth => Ok(Parsed {
            what,
            depth: depth.unwrap_or(DEPTH),
            domain,
            tag,
        }),
    }
}

/// An entry's id, as `XDEL` takes it: the time alone stands for its first entry.
fn entry_id(arg: &[u8]) -> Option<EntryId> {
    let text = std::str::from_utf8(arg).ok()?;
    let id = text.parse().or_else(|_| format!("{text}-0").parse());
    id.ok()
}

fn event_id(arg: &[u8]) -> std::result::Result<Uuid, Refusal> {
    let text = std::str::from_utf8(arg).ok();
    text.and_then(|text| text.parse().ok()).ok_or_else(|| {
        refusal(format!(
            "'{}' is no event_id of an integrated event, and no stream with an entry's id behind it",
            shortened(arg)
        ))
    })
}

/// From an integrated event back to its sources.
fn back(request: &Request, event: Uuid, parsed: &Parsed, budget: Budget) -> Result {
    let named = parsed.domain.is_some() || parsed.tag.is_some();
    let (output, known) = with_state(|state| {
        let domain = parsed.domain.unwrap_or(DEFAULT_DOMAIN);
        let tag = parsed.tag.unwrap_or_default();
        // The default domain may have been dropped.
        let output = match state.engine.output_of(domain, tag) {
            Err(error) if parsed.domain.is_some() => return Err(error.into()),
            output => output.ok(),
        };
        let known = state.engine.lineage().event(event);
        let known = known.map(|place| ((place.db, place.key.to_vec()), place.id));
        Ok((output, known))
    })?;
    // One that is asked for somewhere has to be there.
    let known = known.filter(|(place, _)| match parsed.tag {
        _ if !named => true,
        Some(_) => output.as_ref() == Some(place),
        None => with_state(|state| {
            let tag = crate::engine::key::AxonKey::parse(&place.1).tag;
            let of_domain = state
                .engine
                .output_of(parsed.domain.unwrap_or(DEFAULT_DOMAIN), tag);
            Ok(of_domain.is_ok_and(|output| output == *place))
        })
        .unwrap_or(false),
    });
    let event = event.to_string();
    let found = known.or_else(|| {
        let (db, key) = output.as_ref()?;
        let id = request.entries.find(*db, key, &event)?;
        Some(((*db, key.clone()), id))
    });
    let Some(((db, key), id)) = found else {
        let place = match &output {
            Some((_, key)) => {
                readable(request, key)?;
                format!(", nor among the newest entries of '{}'", shortened(key))
            }
            None => String::new(),
        };
        return Err(refusal(format!(
            "no integrated event '{event}' is known{place}"
        )));
    };
    readable(request, &key)?;
    let tree = Tree::back(&mut Streams(request), budget, (db, &key), id, event);
    Ok(Reply::Map(describe(tree, "sources")))
}

/// From an entry on to the integrated events it took part in.
fn on(request: &Request, key: &[u8], id: EntryId, domain: Option<&str>, budget: Budget) -> Result {
    let output = match domain {
        Some(domain) => Some(with_state(|state| {
            Ok(state.engine.domain_spec(domain)?.output.clone())
        })?),
        None => None,
    };
    readable(request, key)?;
    if request.entries.is_no_stream(key) {
        return Err(Refusal::WrongType);
    }
    let at = (request.db, key);
    let tree = Tree::on(&mut Streams(request), budget, at, id, output.as_deref());
    let since = with_state(|state| Ok(state.engine.lineage().since()))?;
    let since = since.map_or(String::new(), |since| since.to_string());
    let mut reply = describe(tree, "events");
    reply.push(("since", Reply::Text(since)));
    Ok(Reply::Map(reply))
}

/// Refuses a client whose user may not read this stream.
fn readable(request: &Request, key: &[u8]) -> std::result::Result<(), Refusal> {
    match (request.may)(Access::Read, key) {
        true => Ok(()),
        false => {
            let key = String::from_utf8_lossy(key).into_owned();
            Err(Refusal::Key(Access::Read, key))
        }
    }
}

/// The streams and the index, as the client may see them.
struct Streams<'r, 'a>(&'r Request<'a>);

impl World for Streams<'_, '_> {
    fn read(&mut self, db: i32, key: &[u8], id: EntryId, most: usize) -> Read {
        self.0.entries.read(db, key, id, most)
    }

    fn engine<R>(&self, ask: impl FnOnce(&Engine) -> R) -> Option<R> {
        state::with(|state| ask(&state.engine)).ok()
    }
}

fn describe(tree: Tree, links: &'static str) -> Vec<(&'static str, Reply)> {
    let mut reply = node(tree.root, links);
    reply.push(("nodes", (tree.nodes as u64).into()));
    reply.push(("cut", Reply::Bool(tree.cut)));
    reply
}

fn node(shown: Node, links: &'static str) -> Vec<(&'static str, Reply)> {
    let maker = shown.maker.unwrap_or_default();
    let id = shown.id.map_or(String::new(), |id| id.to_string());
    let linked = shown.links.into_iter();
    let linked = linked.map(|link| Reply::Map(node(link, links))).collect();
    vec![
        ("event_id", Reply::Text(shown.event_id)),
        ("stream", Reply::Bytes(shown.stream)),
        ("id", Reply::Text(id)),
        ("state", shown.state.word().into()),
        ("domain", Reply::Text(maker.domain)),
        ("tag", Reply::Bytes(maker.tag)),
        ("rule", Reply::Text(maker.rule)),
        ("version", maker.version.into()),
        ("text", Reply::Text(maker.text)),
        ("fields", fields(shown.fields)),
        (links, Reply::Array(linked)),
        ("left_out", shown.left_out.into()),
    ]
}

fn fields(fields: Fields) -> Reply {
    let fields = fields.into_iter();
    let named = fields.map(|(name, value)| {
        let name = String::from_utf8_lossy(&name).into_owned();
        (name.into(), value)
    });
    Reply::Fields(named.collect())
}
