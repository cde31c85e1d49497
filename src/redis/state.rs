//! The module's state: the engine and the queue of what is to be emitted.
//!
//! It belongs to the server's main thread. It is borrowed for the length of one closure and never across a
//! call into the server that can run commands, because those come back here through notifications.

use super::audit;
use super::backtest::Backtests;
use super::log::{self, Kind};
use super::rebuild::Rebuilds;
use super::reindex::Reindex;
use super::slots::Moving;
use super::wake::Wakes;
use crate::engine::{Emission, Engine, Settings};
use hdrhistogram::Histogram;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::mem::ManuallyDrop;
use std::time::Instant;

/// Latencies beyond this many µs are recorded as this.
const LONGEST_US: u64 = 60_000_000;

/// An integrated event on its way to its stream.
pub struct Queued {
    pub emission: Emission,
    /// When the write began that completed it, µs.
    pub since: u64,
    /// The last one of its completing event.
    pub last: bool,
}

/// What the module counts itself; the rest the engine counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Counters {
    /// Entries that were too large to be taken for events.
    pub oversized: u64,
    /// Panics that were caught, and calls that found the state in use.
    pub internal_errors: u64,
    /// Times the server has refused to let time pass.
    pub ticks_refused: u64,
    /// Entries that were read from the arguments of their XADD.
    pub read_from_arguments: u64,
    /// Changes of definitions that could not be recorded.
    pub audit_errors: u64,
}

/// The module's state.
pub struct State {
    pub engine: Engine,
    pub counters: Counters,
    /// µs from the start of the write that completed something to its last integrated event's append.
    pub latency: Histogram<u64>,
    pub wakes: Wakes,
    pub backtests: Backtests,
    /// The timer that frees what was dropped runs.
    pub freeing: bool,
    pub rebuilds: Rebuilds,
    pub reindex: Reindex,
    /// Where changes of definitions are recorded.
    pub audit: audit::Settings,
    pub moving: Moving,
    queue: VecDeque<Queued>,
    /// A job that will drain the queue is on its way or running.
    draining: bool,
    /// The hops of the integrated event that is being appended right now.
    appending: Option<u32>,
    /// The log has its line about untagged axons in a cluster.
    pub untagged_reported: bool,
    /// How large the append-only files were before they were loaded; None but while they are.
    pub aof_size: Option<u64>,
}

impl State {
    fn new(settings: Settings) -> Self {
        let audit = audit::Settings::default();
        let mut engine = Engine::new(settings);
        engine.silence(&audit.stream);
        Self {
            engine,
            counters: Counters::default(),
            latency: Histogram::new_with_bounds(1, LONGEST_US, 2)
                .expect("the bounds of the histogram are valid"),
            wakes: Wakes::default(),
            backtests: Backtests::default(),
            freeing: false,
            rebuilds: Rebuilds::default(),
            reindex: Reindex::default(),
            audit,
            moving: Moving::default(),
            queue: VecDeque::new(),
            draining: false,
            appending: None,
            untagged_reported: false,
            aof_size: None,
        }
    }

    /// Another engine takes over.
    pub fn replace_engine(&mut self, engine: Engine) {
        self.engine = engine;
        self.engine.silence(&self.audit.stream);
        self.reindex.stop();
    }

    /// All outputs are to be read for the index of lineages.
    pub fn reindex_all(&mut self) {
        let dbs = self.engine.domain_specs().map(|spec| spec.db);
        self.reindex.all(dbs);
    }

    /// An integrated event is being appended right now.
    pub fn is_appending(&self) -> bool {
        self.appending.is_some()
    }

    /// How many integrations led to an entry that is being added right now.
    pub fn hops(&self) -> u32 {
        self.appending.unwrap_or(0)
    }

    /// Takes note of which leaflets wait for time to pass, after definitions have changed or something was forgotten.
    pub fn renew_wakes(&mut self) {
        self.engine.wakes();
        self.wakes.renew(self.engine.waits(), Instant::now());
    }

    /// Takes note of which leaflets wait for time to pass, after the engine was fed.
    pub fn note_wakes(&mut self) {
        let mut wakes = self.engine.wakes().peekable();
        if wakes.peek().is_some() {
            let now = Instant::now();
            wakes.for_each(|wake| self.wakes.note(wake, now));
        }
    }

    /// Queues what one event completed. True: a job to drain the queue has to be added.
    pub fn enqueue(&mut self, emissions: Vec<Emission>, since: u64) -> bool {
        let count = emissions.len();
        for (i, emission) in emissions.into_iter().enumerate() {
            self.queue.push_back(Queued {
                emission,
                since,
                last: i + 1 == count,
            });
        }
        count > 0 && !std::mem::replace(&mut self.draining, true)
    }

    /// How many integrated events are still to be appended.
    pub fn queued(&self) -> usize {
        self.queue.len()
    }

    /// The next one to append; None ends the draining.
    pub fn next_to_append(&mut self) -> Option<Queued> {
        let next = self.queue.pop_front();
        self.appending = next.as_ref().map(|queued| queued.emission.hops);
        self.draining = next.is_some();
        next
    }

    /// Takes note of how the append went; the clock tells µs.
    pub fn appended(&mut self, queued: &Queued, ok: bool, clock: impl FnOnce() -> u64) {
        self.appending = None;
        if !ok {
            self.engine.emit_failed(&queued.emission);
        }
        if queued.last {
            let us = clock().saturating_sub(queued.since);
            self.latency.saturating_record(us.clamp(1, LONGEST_US));
        }
    }
}

thread_local! {
    // ManuallyDrop: windows need no freeing when the server exits, and without a destructor the library
    // can be unmapped when loading it failed.
    static STATE: ManuallyDrop<RefCell<Option<State>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
    static MISSES: Cell<u64> = const { Cell::new(0) };
}

/// The state could not be had: it is in use, or this is not the main thread.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unavailable;

/// Makes the state of this thread, which is the server's main thread.
pub fn init(settings: Settings) {
    STATE.with(|cell| {
        if let Ok(mut state) = cell.try_borrow_mut() {
            *state = Some(State::new(settings));
        }
    });
}

/// Runs a closure on the state. The closure must not call the server.
pub fn with<R>(f: impl FnOnce(&mut State) -> R) -> Result<R, Unavailable> {
    let result = STATE.with(|cell| {
        let mut guard = cell.try_borrow_mut().map_err(|_| Unavailable)?;
        let state = guard.as_mut().ok_or(Unavailable)?;
        state.counters.internal_errors += MISSES.take();
        Ok(f(state))
    });
    if result.is_err() {
        count_internal_error();
        log::repeated(Kind::State, || {
            "internal error: the state is in use; an event or command was not processed".into()
        });
    }
    result
}

/// Counts an internal error, at once where the state is free, else when it is next used.
pub fn count_internal_error() {
    MISSES.with(|misses| misses.set(misses.get() + 1));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn emission(hops: u32) -> Emission {
        Emission {
            domain: "d".into(),
            rule: "r".into(),
            dead_letter: false,
            db: 0,
            output: b"out".to_vec(),
            maxlen: None,
            fields: Vec::new(),
            sources: Default::default(),
            hops,
        }
    }

    #[test]
    fn a_second_borrow_is_an_error_and_is_counted() {
        assert_eq!(with(|_| ()), Err(Unavailable));
        init(Settings::default());
        let inner = with(|_| with(|_| ())).unwrap();
        assert_eq!(inner, Err(Unavailable));
        assert_eq!(with(|state| state.counters.internal_errors), Ok(2));
    }

    #[test]
    fn one_job_drains_what_comes_before_and_while_it_runs() {
        let mut state = State::new(Settings::default());
        assert!(!state.enqueue(Vec::new(), 0));
        assert!(state.enqueue(vec![emission(1), emission(1)], 0));
        assert!(!state.enqueue(vec![emission(1)], 0));
        let first = state.next_to_append().unwrap();
        assert!(!first.last);
        assert_eq!(state.hops(), 1);
        assert!(!state.enqueue(vec![emission(2)], 0));
        state.appended(&first, true, || 7);
        assert_eq!(state.hops(), 0);
        let hops: Vec<_> =
            std::iter::from_fn(|| state.next_to_append().map(|queued| queued.emission.hops))
                .collect();
        assert_eq!(hops, [1, 1, 2]);
        assert_eq!(state.hops(), 0);
        assert!(state.enqueue(vec![emission(1)], 0));
    }

    #[test]
    fn latency_is_recorded_once_for_each_completing_event() {
        let mut state = State::new(Settings::default());
        state.enqueue(vec![emission(1), emission(1)], 0);
        while let Some(queued) = state.next_to_append() {
            state.appended(&queued, true, || 7);
        }
        assert_eq!(state.latency.len(), 1);
    }
}
