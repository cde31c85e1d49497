//! Slots of a Redis Cluster on their way from node to node.
//!
//! A slot that moves takes its streams along, not the windows. While it moves, its keys can be here in part, and the server
//! refuses to append to an output that is not. So a slot is marked when it is first seen to move: what its leaflets emit
//! from then on is held back. When it has settled at this node, they are made anew from the streams, and what the output lacks is
//! appended ([`settle`]); that is a command, so that replicas and the AOF do the same.
//!
//! No server tells a module whether a slot is its own and at rest, but one answers a question for a key that is not there
//! exactly then.

use super::ffi::{Context, KeyName, Str};
use super::history::History;
use super::log::{self, Level};
use super::phase::Phase;
use super::state::{self, State};
use super::{guard, ingest};
use crate::engine::domain::DomainSpec;
use crate::engine::key::{output_key, slot, AxonKey};
use crate::engine::replay::{Listener, Replay};
use crate::engine::time::TimeSource;
use crate::engine::{Emission, Engine, EntryId, Event, Route, Wake};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, UNIX_EPOCH};

/// How often marked slots are looked at.
const PERIOD: Duration = Duration::from_millis(50);
/// So many of them at a time.
const SLICE: usize = 16;
/// Leaflets are made of so many entries of a slot at most, the newest, and so many of an output are read.
const MOST_ENTRIES: usize = 1 << 16;
const MOST_KEYS: usize = 1 << 20;
/// What was to be emitted so long before a slot was marked may be missing: clocks differ, and the other node may
/// have seen the slot move before this one did.
const SLACK: u64 = 60_000;

/// A slot that moves.
#[derive(Debug, Clone)]
struct Mark {
    /// When it was marked, ms since the epoch.
    since: u64,
    /// A tag of the slot.
    tag: Box<[u8]>,
    /// The server says that the slot is being imported; it hides its keys until that is over.
    importing: bool,
}

/// The slots that move.
#[derive(Debug, Default)]
pub struct Moving {
    marks: BTreeMap<u16, Mark>,
    /// Where the last look ended.
    last: u16,
    /// The timer runs.
    armed: bool,
}

impl Moving {
    /// Is what this key's leaflet emits to be held back?
    pub fn holds(&self, key: &[u8]) -> bool {
        !self.marks.is_empty() && self.marks.contains_key(&slot(AxonKey::parse(key).tag))
    }

    fn mark(&mut self, slot: u16, tag: &[u8], importing: bool) {
        let mark = self.marks.entry(slot).or_insert_with(|| Mark {
            since: now(),
            tag: tag.into(),
            importing,
        });
        mark.importing |= importing;
    }

    /// The next slots to look at, in turn.
    fn next(&mut self) -> Vec<(u16, Mark)> {
        let from = self.last.wrapping_add(1);
        let next = self.marks.range(from..).chain(self.marks.range(..from));
        let next: Vec<_> = next.take(SLICE).map(|(s, m)| (*s, m.clone())).collect();
        self.last = next.last().map_or(0, |(slot, _)| *slot);
        next
    }
}

fn now() -> u64 {
    let since = UNIX_EPOCH.elapsed().unwrap_or_default();
    since.as_millis() as u64
}

/// An event comes to this key: does it have to be seen whether its slot moves? A leaflet that is there already is
/// there because the slot did not when it came to be.
pub fn is_new(route: Route, key: &[u8]) -> bool {
    let new =
        |state: &mut State| state.engine.settings().cluster && !state.engine.knows(route, key);
    !route.untagged && state::with(new) == Ok(true)
}

/// Marks the slot of this key if it moves. True: it is marked.
pub fn look(ctx: &Context, key: &[u8]) -> bool {
    let tag = AxonKey::parse(key).tag;
    if tag.is_empty() || Phase::of(ctx) != Phase::Primary || settled(ctx, tag) {
        return false;
    }
    mark(ctx, slot(tag), tag, false);
    true
}

/// A key came with its slot, or went with it.
pub fn on_key(ctx: &Context, key: &KeyName) {
    let db = ctx.selected_db();
    if let Ok(Some(_)) = state::with(|state| state.engine.route(db, key.as_bytes())) {
        look(ctx, key.as_bytes());
    }
}

/// The server begins or ends to import these slots.
pub fn on_import(ctx: &Context, slots: RangeInclusive<u16>, begins: bool) {
    if begins {
        for slot in slots {
            mark(ctx, slot, ctx.tag_of(slot).as_bytes(), true);
        }
    } else {
        let _ = state::with(|state| {
            for (_, mark) in state.moving.marks.range_mut(slots) {
                mark.importing = false;
            }
        });
    }
}

fn mark(ctx: &Context, slot: u16, tag: &[u8], importing: bool) {
    let arm = state::with(|state| {
        state.moving.mark(slot, tag, importing);
        !std::mem::replace(&mut state.moving.armed, true)
    });
    if arm == Ok(true) {
        ctx.start_settling(PERIOD);
    }
}

/// A tag whose slot is this node's and at rest, the same as long as it is. Slots are tried far from each other: nodes have
/// them in long rows.
pub fn own_tag(ctx: &Context) -> Option<String> {
    const TRIES: u16 = 1 << 10;
    let tags = (0..TRIES).map(|n| ctx.tag_of(n.reverse_bits() >> 2));
    let mut own = tags.filter(|tag| settled(ctx, tag.as_bytes()));
    own.next()
}

/// This tag's slot is this node's and at rest.
fn settled(ctx: &Context, tag: &[u8]) -> bool {
    let nothing = [b"leaflet:nothing{".as_slice(), tag, b"}"].concat();
    ctx.read(c"EXISTS", &[Str::new(&nothing)]).is_ok()
}

/// The timer: settles what has come to rest, and runs on while anything moves.
pub fn on_timer(ctx: &Context) {
    guard(|| look_around(ctx));
    let more = state::with(|state| {
        state.moving.armed = !state.moving.marks.is_empty();
        state.moving.armed
    });
    if more == Ok(true) {
        ctx.start_settling(PERIOD);
    }
}

fn look_around(ctx: &Context) {
    match Phase::of(ctx) {
        Phase::Primary => {}
        Phase::Paused => return,
        // Its primary knows.
        Phase::Replica | Phase::Loading => {
            let _ = state::with(|state| state.moving.marks.clear());
            return;
        }
    }
    let next = state::with(|state| match state.engine.rebuilding() {
        None => state.moving.next(),
        Some(_) => Vec::new(),
    });
    for (slot, mark) in next.unwrap_or_default() {
        let gone = || !mark.importing && ctx.keys_in_slot(slot, 1).is_empty();
        if settled(ctx, &mark.tag) || gone() {
            let _ = state::with(|state| state.moving.marks.remove(&slot));
            let args = [slot.to_string(), mark.since.to_string()];
            let args = args.map(|arg| Str::new(arg.as_bytes()));
            if let Err(why) = ctx.write(c"LEAFLET.SETTLE", &args) {
                let line = format!("can't settle slot {slot}: {why}");
                log::line(Level::Warning, &line);
            }
        }
    }
}

/// Makes the leaflets of a slot, which has moved since then (ms), anew from what their streams hold: what they have completed and
/// the output lacks.
pub fn settle(ctx: &Context, slot_number: u16, since: u64) -> Vec<Emission> {
    let of_slot = |tag: &[u8]| !tag.is_empty() && slot(tag) == slot_number;
    let db = ctx.selected_db();
    let keys = ctx.keys_in_slot(slot_number, MOST_KEYS);
    let begun = state::with(|state| {
        if !state.engine.settings().cluster {
            return None;
        }
        state.engine.forget(of_slot);
        state.renew_wakes();
        let outputs = keys.iter().filter(|key| state.engine.is_output(db, key));
        let outputs = outputs.map(|key| key.as_slice().into()).collect();
        state.reindex.some(db, outputs);
        let mut axons = keys;
        // In an order that replicas have too.
        axons.sort_unstable();
        axons.retain(|key| {
            of_slot(AxonKey::parse(key).tag) && state.engine.route(db, key).is_some()
        });
        let definitions = state.engine.definitions();
        (!axons.is_empty()).then_some((axons, definitions, state.engine.settings()))
    });
    let Ok(Some((axons, definitions, settings))) = begun else {
        return Vec::new();
    };
    let Ok(mut fresh) = Engine::restored(settings, &definitions, None) else {
        return Vec::new();
    };
    let mut missing = Vec::new();
    // Each domain becomes an empty one that is being rebuilt; there is nothing else in this engine.
    let _ = fresh.rebuild(None);
    while let Some(spec) = fresh.rebuilding().cloned() {
        if spec.db == db {
            refill(ctx, &mut fresh, &spec, &axons, since, &mut missing);
        }
        fresh.rebuilt(&spec.name);
    }
    let absorbed = state::with(|state| {
        let absorbed = state.engine.absorb(&fresh);
        state.renew_wakes();
        absorbed
    });
    let outcome = match absorbed {
        Ok(Ok(())) => format!("{} integrated events were missing", missing.len()),
        Ok(Err(error)) => error.to_string(),
        Err(_) => "internal error".into(),
    };
    let line = format!(
        "slot {slot_number} has moved: its leaflets were made anew from {} axons; {outcome}",
        axons.len()
    );
    log::line(Level::Notice, &line);
    missing
}

/// Fills the leaflets of one domain with what its axons hold.
fn refill(
    ctx: &Context,
    fresh: &mut Engine,
    spec: &DomainSpec,
    axons: &[Vec<u8>],
    since: u64,
    missing: &mut Vec<Emission>,
) {
    let reach = fresh.reach(&spec.name).unwrap_or(0);
    let mut by_tag: BTreeMap<&[u8], Vec<&[u8]>> = BTreeMap::new();
    for key in axons {
        let AxonKey { tag, name, .. } = AxonKey::parse(key);
        if spec.watches(&name) {
            by_tag.entry(tag).or_default().push(key);
        }
    }
    let share = MOST_ENTRIES / axons.len();
    for (tag, keys) in by_tag {
        let newest = |key: &&[u8]| Some(ctx.open_stream_at(key)?.newest()?.0);
        let Some(newest) = keys.iter().filter_map(newest).max() else {
            continue;
        };
        // Ids that are the clock's tell what came since then; of others it is taken that everything did.
        let moved = since.saturating_sub(SLACK);
        let mut settled = newest.ms.saturating_sub(reach / 2);
        if spec.time == TimeSource::Id && newest.ms >= moved {
            settled = moved;
        }
        let mut from = EntryId {
            ms: settled.min(newest.ms).saturating_sub(reach),
            seq: 0,
        };
        // Of a stream that is longer than its share the older part is left out, and of the others what is older.
        let cuts = keys
            .iter()
            .filter_map(|key| ctx.open_stream_at(key)?.nth_newest(share));
        if let Some(cut) = cuts.max().filter(|cut| *cut > from) {
            from = cut;
            settled = settled.max(cut.ms.saturating_add(reach / 2));
        }
        recall(ctx, fresh, spec, tag, from);
        fresh.settle_past(&spec.name, tag, settled);
        let mut replay = Replay::default();
        for key in keys {
            replay.add(key.into(), from, newest);
        }
        let mut listener = Refill {
            engine: fresh,
            domain: &spec.name,
            missing,
        };
        replay.step(&mut History(ctx), &mut listener, &mut || false);
        replay.pass(newest.ms, &mut listener, &mut || false);
    }
}

/// Tells the engine what stands in a leaflet's output, from the newest entry back to what ended before this.
fn recall(ctx: &Context, fresh: &mut Engine, spec: &DomainSpec, tag: &[u8], from: EntryId) {
    let Some(stream) = ctx.open_stream_at(&output_key(&spec.output, tag)) else {
        return;
    };
    let mut next = stream.newest();
    for _ in 0..MOST_ENTRIES {
        let Some((_, count)) = next else {
            return;
        };
        match ingest::read_fields(&stream, count) {
            Ok(fields) => {
                let ended = fresh.recall(&spec.name, tag, &ingest::borrowed(&fields));
                if ended.is_some_and(|ended| ended < from.ms) {
                    return;
                }
            }
            Err(_) => while stream.next_field().is_some() {},
        }
        next = stream.next_entry();
    }
}

/// A domain that is filled.
struct Refill<'a> {
    engine: &'a mut Engine,
    domain: &'a str,
    missing: &'a mut Vec<Emission>,
}

impl Listener for Refill<'_> {
    fn event(&mut self, event: &Event<'_>, wakes: &mut Vec<Wake>) {
        self.engine.refeed(self.domain, event, self.missing);
        wakes.extend(self.engine.wakes());
    }

    fn silence(&mut self, tag: &[u8], wakes: &mut Vec<Wake>) {
        self.engine.repass(self.domain, tag, self.missing);
        wakes.extend(self.engine.wakes());
    }
}
