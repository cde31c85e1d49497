//! The index of lineages, filled anew from the output streams while the server serves others: after it was lost, with a
//! rebuild, and with slots that come to this node. A timer does a slice of the work at a time.

use super::ffi::{Context, KeyType, Walk};
use super::guard;
use super::history::History;
use super::phase::Phase;
use super::state;
use crate::engine::replay::{Listener, Replay, Streams};
use crate::engine::{EntryId, Event, Wake};
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a slice of work may last, but for one entry.
const SLICE: Duration = Duration::from_millis(2);
/// The time others have between two slices, at least.
const REST: Duration = Duration::from_millis(1);
/// The next look, where nothing can be done now.
const LATER: Duration = Duration::from_millis(50);
/// What an output takes apart from its key, about.
const OUTPUT_BYTES: u64 = 192;

/// What is still to be read.
#[derive(Default)]
pub struct Reindex {
    /// Databases all of whose outputs are to be looked for.
    dbs: BTreeSet<i32>,
    /// By database: outputs to be read.
    keys: BTreeMap<i32, Vec<Box<[u8]>>>,
    job: Option<Job>,
    /// The timer runs.
    armed: bool,
}

impl Reindex {
    /// All outputs in these databases are to be read.
    pub fn all(&mut self, dbs: impl IntoIterator<Item = i32>) {
        self.job = None;
        self.keys.clear();
        self.dbs.extend(dbs);
    }

    /// These outputs are to be read.
    pub fn some(&mut self, db: i32, keys: Vec<Box<[u8]>>) {
        if !keys.is_empty() && !self.dbs.contains(&db) {
            self.keys.entry(db).or_default().extend(keys);
        }
    }

    /// Nothing is to be read any more.
    pub fn stop(&mut self) {
        *self = Self {
            armed: self.armed,
            ..Self::default()
        };
    }

    /// There is something to be read.
    pub fn is_busy(&self) -> bool {
        self.job.is_some() || !self.dbs.is_empty() || !self.keys.is_empty()
    }

    fn next(&mut self) -> Option<Job> {
        let job = |db, walk| Job {
            db,
            walk,
            bytes: 0,
            replay: Replay::default(),
            keys: Vec::new(),
        };
        self.job.take().or_else(|| {
            if let Some(db) = self.dbs.pop_first() {
                return Some(job(db, Some(Walk::new())));
            }
            let (db, keys) = self.keys.pop_first()?;
            Some(Job {
                keys,
                ..job(db, None)
            })
        })
    }
}

/// Outputs of one database that are being read, merged by their entry ids.
struct Job {
    db: i32,
    /// The search for outputs, until it is over.
    walk: Option<Walk>,
    /// Outputs that were met and are not yet read.
    keys: Vec<Box<[u8]>>,
    /// What they take.
    bytes: u64,
    replay: Replay,
}

/// Tells the index of entries.
struct Noting(i32);

impl Listener for Noting {
    fn event(&mut self, event: &Event<'_>, _wakes: &mut Vec<Wake>) {
        let _ = state::with(|state| {
            let engine = &mut state.engine;
            engine.note_entry(self.0, event.key, event.id, event.fields);
        });
    }

    fn silence(&mut self, _tag: &[u8], _wakes: &mut Vec<Wake>) {}
}

/// Sees to it that the timer runs while anything is to be read.
pub fn arm(ctx: &Context) {
    let start = state::with(|state| {
        state.reindex.is_busy() && !std::mem::replace(&mut state.reindex.armed, true)
    });
    if start == Ok(true) {
        ctx.start_reindex_slice(REST);
    }
}

/// The timer: does a slice of the work, and runs on while there is any.
pub fn on_timer(ctx: &Context) {
    let home = ctx.selected_db();
    let rest = match Phase::of(ctx) {
        Phase::Loading => LATER,
        _ => {
            if guard(|| slice(ctx)).is_none() {
                // The reason is in the log; it would come again.
                let _ = state::with(|state| state.reindex.stop());
            }
            REST
        }
    };
    ctx.select_db(home);
    let more = state::with(|state| {
        state.reindex.armed = state.reindex.is_busy();
        state.reindex.armed
    });
    if more == Ok(true) {
        ctx.start_reindex_slice(rest);
    }
}

fn slice(ctx: &Context) {
    let Ok(Some(mut job)) = state::with(|state| state.reindex.next()) else {
        return;
    };
    let start = Instant::now();
    let done = !ctx.select_db(job.db) || job.work(ctx, &mut || start.elapsed() >= SLICE);
    if !done {
        let _ = state::with(|state| state.reindex.job = Some(job));
    }
}

impl Job {
    /// Goes on until `enough` says so. True: everything has been read.
    fn work(&mut self, ctx: &Context, enough: &mut impl FnMut() -> bool) -> bool {
        while let Some(walk) = &self.walk {
            let keys = &mut self.keys;
            let more = ctx.walk(walk, |key| keys.push(key.into()));
            self.add_outputs(ctx);
            if !more || self.is_full() {
                self.walk = None;
            }
            if enough() {
                return false;
            }
        }
        self.add_outputs(ctx);
        self.replay
            .step(&mut History(ctx), &mut Noting(self.db), enough)
    }

    /// Those of the keys that are outputs are to be read.
    fn add_outputs(&mut self, ctx: &Context) {
        for key in self.keys.drain(..) {
            let output = state::with(|state| state.engine.is_output(self.db, &key));
            if output != Ok(true) || ctx.key_type(&key) != KeyType::Stream {
                continue;
            }
            if let Some(newest) = History(ctx).newest(&key) {
                self.bytes += key.len() as u64 + OUTPUT_BYTES;
                self.replay.add(key.as_ref().into(), EntryId::MIN, newest);
            }
        }
    }

    /// The index has no room for more outputs.
    fn is_full(&self) -> bool {
        let room = state::with(|state| state.engine.settings().max_lineage_memory);
        self.bytes > room.unwrap_or(0)
    }
}
