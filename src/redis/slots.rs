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
use super::log::{self, Level};
use super::phase::Phase;
use super::state::{self, State};
use super::{guard, ingest};
use crate::engine::key::{slot, AxonKey};
use crate::engine::{Emission, EntryId, Event, Route};
use ahash::{AHashMap, AHashSet};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::time::{Duration, UNIX_EPOCH};

/// How often marked slots are looked at.
const PERIOD: Duration = Duration::from_millis(50);
/// So many of them at a time.
const SLICE: usize = 16;
/// Leaflets are made of so many entries of a slot at most, the newest, and so many of an output are compared.
const MOST_ENTRIES: usize = 1 << 16;
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
pub fn is_new(state: &State, route: Route, key: &[u8]) -> bool {
    state.engine.settings().cluster && !route.untagged && !state.engine.knows(route, key)
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
    for (slot, mark) in state::with(|state| state.moving.next()).unwrap_or_default() {
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

/// An entry of an axon.
struct Entry {
    id: EntryId,
    /// The axon's place.
    key: usize,
    fields: ingest::Fields,
}

/// Makes the leaflets of a slot, which has moved since then (ms), anew from what their streams hold: what they have completed and
/// the output lacks.
pub fn settle(ctx: &Context, slot_number: u16, since: u64) -> Vec<Emission> {
    let db = ctx.selected_db();
    let mut keys = ctx.keys_in_slot(slot_number, 1_000_000);
    keys.sort_unstable();
    let of_slot = |tag: &[u8]| !tag.is_empty() && slot(tag) == slot_number;
    let begun = state::with(|state| {
        if !state.engine.settings().cluster {
            return None;
        }
        state.engine.forget(of_slot);
        state.renew_wakes();
        // Untagged keys are not correlated.
        keys.retain(|key| {
            state
                .engine
                .route(db, key)
                .is_some_and(|route| !route.untagged)
        });
        Some(state.engine.longest())
    });
    let Ok(Some(longest)) = begun else {
        return Vec::new();
    };
    let entries = newest_entries(ctx, &keys, since, longest);
    let mut missing = replay(db, &keys, &entries, since, longest);
    drop_emitted(ctx, &mut missing);
    if !entries.is_empty() {
        let line = format!(
            "slot {slot_number} has moved: its leaflets were made anew from {} entries of {} axons; {} integrated \
             events were missing",
            entries.len(),
            keys.len(),
            missing.len()
        );
        log::line(Level::Notice, &line);
    }
    missing
}

/// The entries that can matter, in the order of their ids: three times as far back as any rule keeps something, so
/// that what was consumed before is consumed again.
fn newest_entries(ctx: &Context, keys: &[Vec<u8>], since: u64, longest: u64) -> Vec<Entry> {
    let share = MOST_ENTRIES / keys.len().max(1);
    let mut entries = Vec::new();
    // Of a stream that is longer than its share the older part is left out, and of the others what is older.
    let mut from = EntryId::MIN;
    for (place, key) in keys.iter().enumerate() {
        let Some(stream) = ctx.open_stream_at(key) else {
            continue;
        };
        let mut next = stream.newest();
        let newest = next.map_or(0, |(id, _)| id.ms);
        let oldest = newest
            .min(since.saturating_sub(SLACK))
            .saturating_sub(longest.saturating_mul(3));
        let mut read = 0;
        while let Some((id, count)) = next.filter(|(id, _)| id.ms >= oldest) {
            if read == share {
                from = from.max(id);
                break;
            }
            read += 1;
            match ingest::read_fields(&stream, count) {
                Ok(fields) => entries.push(Entry {
                    id,
                    key: place,
                    fields,
                }),
                Err(_) => while stream.next_field().is_some() {},
            }
            next = stream.next_entry();
        }
    }
    entries.retain(|entry| entry.id > from);
    entries.sort_by_key(|entry| (entry.id, entry.key));
    entries
}

/// Feeds them; what they complete late enough to be missing.
fn replay(
    db: i32,
    keys: &[Vec<u8>],
    entries: &[Entry],
    since: u64,
    longest: u64,
) -> Vec<Emission> {
    let newest = entries.last().map_or(0, |entry| entry.id.ms);
    let first_missing = newest
        .saturating_sub(longest)
        .min(since.saturating_sub(SLACK));
    let mut missing = Vec::new();
    let _ = state::with(|state| {
        let mut emissions = Vec::new();
        for entry in entries {
            let key = keys[entry.key].as_slice();
            let event = Event {
                key,
                id: entry.id,
                fields: &ingest::borrowed(&entry.fields),
                hops: 0,
            };
            if let Some(route) = state.engine.route(db, key) {
                state.engine.on_event(route, &event, &mut emissions);
            }
            if entry.id.ms >= first_missing {
                missing.append(&mut emissions);
            } else {
                emissions.clear();
            }
        }
    });
    missing
}

/// Drops those whose event ids stand in their outputs.
fn drop_emitted(ctx: &Context, emissions: &mut Vec<Emission>) {
    let mut sought: AHashMap<Vec<u8>, AHashSet<Vec<u8>>> = AHashMap::new();
    for emission in &*emissions {
        let ids = sought.entry(emission.output.clone()).or_default();
        ids.insert(event_id(emission).to_vec());
    }
    for (output, ids) in &mut sought {
        let Some(stream) = ctx.open_stream_at(output) else {
            continue;
        };
        let mut next = stream.newest();
        let mut read = 0;
        while let Some((_, count)) = next.filter(|_| !ids.is_empty() && read < MOST_ENTRIES) {
            read += 1;
            for _ in 0..count {
                if let Some((name, value)) = stream.next_field() {
                    if name.as_bytes() == b"event_id" {
                        ids.remove(value.as_bytes());
                    }
                }
            }
            next = stream.next_entry();
        }
    }
    emissions.retain(|emission| {
        let missing = sought.get(&emission.output);
        missing.is_some_and(|ids| ids.contains(event_id(emission)))
    });
}

fn event_id(emission: &Emission) -> &[u8] {
    let id = emission.fields.iter().find(|(name, _)| name == "event_id");
    id.map_or(b"", |(_, value)| value)
}
