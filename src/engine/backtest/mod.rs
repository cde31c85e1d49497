//! A rule tried on the past: the events that streams still hold, merged in the order of their ids and fed to an engine
//! of its own, in which there is one domain with this one rule. Nothing is written.
//!
//! The work is done in steps of any length, so that a host can do something else in between. Between two steps the
//! streams may change: what is remembered of a stream is only where to read on.

mod report;
mod silence;
#[cfg(test)]
mod tests;

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::rc::Rc;

use report::Tally;
pub use report::{AxonReport, Found, Report};
use silence::Silences;

use super::domain::{Definitions, DomainDefinition, DomainSpec, RuleDefinition};
use super::key::AxonKey;
use super::{Emission, Engine, EntryId, Error, Event, Result, Settings};

/// What is to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub spec: DomainSpec,
    /// The rule's name: ids of integrated events depend on it.
    pub rule: String,
    /// The rule's text.
    pub text: String,
    /// The first and the last id; `None`: from the oldest entry, to the newest one there is when the streams are opened.
    pub from: Option<EntryId>,
    pub to: Option<EntryId>,
    /// How many integrated events to report in full: the first ones.
    pub keep: usize,
}

/// Where the history is: streams by their keys.
pub trait Streams {
    /// Entries of one stream.
    type Entries<'a>: Entries
    where
        Self: 'a;

    /// The id of a stream's newest entry, if there is one.
    fn newest(&mut self, key: &[u8]) -> Option<EntryId>;

    /// The entries whose ids are not outside of these. `None`: there is no stream any more.
    fn entries<'a>(
        &'a mut self,
        key: &'a [u8],
        from: EntryId,
        to: EntryId,
    ) -> Option<Self::Entries<'a>>;
}

/// Entries of a stream, in the order of their ids.
pub trait Entries {
    /// Goes to the next entry: its id.
    fn next_id(&mut self) -> Option<EntryId>;

    /// Reads that entry's fields. `None`: it is too large to be an event.
    fn with_fields<R>(&mut self, read: impl FnOnce(&[(&[u8], &[u8])]) -> R) -> Option<R>;
}

/// An axon that is read.
#[derive(Debug)]
struct Axon {
    key: Rc<[u8]>,
    /// Where reading ends: what comes in later is not read.
    to: EntryId,
    /// First and last id read.
    read: Option<(EntryId, EntryId)>,
    events: u64,
    oversized: u64,
}

/// A rule being tried.
#[derive(Debug)]
pub struct Backtest {
    engine: Engine,
    plan: Plan,
    /// Axons that are still to be opened.
    found: BTreeSet<Box<[u8]>>,
    found_bytes: u64,
    /// In the order of their keys.
    axons: Vec<Axon>,
    /// What to read next: no entry of the axon at this place that is still to be read has a smaller id than this.
    queue: BinaryHeap<Reverse<(EntryId, usize)>>,
    silences: Silences,
    /// Where time stands: the ids read so far, and silence after them (ms).
    now: u64,
    tally: Tally,
    out: Vec<Emission>,
}

/// What the key of an axon takes apart from its text, about.
const AXON_BYTES: u64 = 192;

impl Backtest {
    /// Nothing is read yet, and no axon is known.
    ///
    /// # Errors
    /// Where the text is no rule, or the rule's name no name.
    pub fn new(settings: Settings, mut plan: Plan) -> Result<Self> {
        let mut engine = Engine::new(settings);
        let rule = RuleDefinition {
            name: plan.rule.clone(),
            text: std::mem::take(&mut plan.text),
            paused: false,
        };
        engine.restore(&Definitions {
            domains: vec![DomainDefinition {
                spec: plan.spec.clone(),
                rules: vec![rule],
            }],
        })?;
        plan.text = engine.rule_info(&plan.spec.name, &plan.rule)?.text;
        let tally = Tally::new(plan.keep);
        Ok(Self {
            engine,
            plan,
            found: BTreeSet::new(),
            found_bytes: 0,
            axons: Vec::new(),
            queue: BinaryHeap::new(),
            silences: Silences::default(),
            now: 0,
            tally,
            out: Vec::new(),
        })
    }

    /// The domain.
    pub fn spec(&self) -> &DomainSpec {
        &self.plan.spec
    }

    /// Adds an axon to what will be read, before the first step. One that is added twice is read once.
    ///
    /// # Errors
    /// Where it is no axon of the domain, or there are so many that their names alone fill the memory for windows.
    pub fn add_axon(&mut self, key: &[u8]) -> Result<()> {
        if !self.plan.spec.watches(&AxonKey::parse(key).name) {
            return Err(Error::new(format!(
                "'{}' is no axon of domain '{}'",
                key.escape_ascii(),
                self.plan.spec.name
            )));
        }
        if self.found.insert(key.into()) {
            self.found_bytes += key.len() as u64 + AXON_BYTES;
        }
        if self.found_bytes > self.engine.settings().max_window_memory {
            return Err(Error::new(format!(
                "domain '{}' has more axons than leaflet.max-window-memory has room for: name some with AXONS, or a TAG",
                self.plan.spec.name
            )));
        }
        Ok(())
    }

    /// Goes on, until `enough` says so after a piece of work. True: it is done.
    pub fn step(&mut self, streams: &mut impl Streams, enough: &mut impl FnMut() -> bool) -> bool {
        while let Some(key) = self.found.pop_first() {
            self.open(key, streams);
            if enough() {
                return false;
            }
        }
        while let Some(Reverse((from, at))) = self.queue.pop() {
            let (next, go_on) = self.read(at, from, streams, enough);
            if let Some(next) = next {
                self.queue.push(Reverse((next, at)));
            }
            if !go_on {
                return false;
            }
        }
        self.pass(self.end(), enough)
    }

    /// Notes where reading an axon ends. That is done for all of them first, so that a busy server's streams are cut at
    /// the same moment, as near as can be.
    fn open(&mut self, key: Box<[u8]>, streams: &mut impl Streams) {
        let from = self.plan.from.unwrap_or(EntryId::MIN);
        let newest = streams.newest(&key);
        let to = newest.map(|newest| newest.min(self.plan.to.unwrap_or(EntryId::MAX)));
        if to.is_some_and(|to| from <= to) {
            self.queue.push(Reverse((from, self.axons.len())));
        }
        self.axons.push(Axon {
            key: key.into(),
            to: to.unwrap_or_default(),
            read: None,
            events: 0,
            oversized: 0,
        });
    }

    /// Reads an axon until another's turn comes: with the id to read on from, and whether to go on at once.
    fn read(
        &mut self,
        at: usize,
        from: EntryId,
        streams: &mut impl Streams,
        enough: &mut impl FnMut() -> bool,
    ) -> (Option<EntryId>, bool) {
        let other = self.queue.peek().map(|Reverse(other)| *other);
        let key = Rc::clone(&self.axons[at].key);
        let to = self.axons[at].to;
        let Some(mut entries) = streams.entries(&key, from, to) else {
            return (None, true);
        };
        while let Some(id) = entries.next_id() {
            if other.is_some_and(|other| other < (id, at)) {
                return (Some(id), true);
            }
            if !self.pass(id.ms, enough) {
                return (Some(id), false);
            }
            self.feed(at, &key, id, &mut entries);
            if enough() {
                return (id.next().filter(|next| *next <= to), false);
            }
        }
        (None, true)
    }

    fn feed(&mut self, at: usize, key: &[u8], id: EntryId, entries: &mut impl Entries) {
        let db = self.plan.spec.db;
        let (engine, out) = (&mut self.engine, &mut self.out);
        let fed = entries.with_fields(|fields| {
            let event = Event {
                key,
                id,
                fields,
                hops: 0,
            };
            if let Some(route) = engine.route(db, key) {
                engine.on_event(route, &event, out);
            }
        });
        let axon = &mut self.axons[at];
        axon.events += 1;
        axon.oversized += u64::from(fed.is_none());
        axon.read = Some((axon.read.map_or(id, |(first, _)| first), id));
        self.now = self.now.max(id.ms);
        self.settle();
    }

    /// Lets time pass in silence, up to this (ms), in every leaflet in which something waits for it. False: more is left to do,
    /// but this slice is over.
    fn pass(&mut self, until: u64, enough: &mut impl FnMut() -> bool) -> bool {
        while let Some((due, tag)) = self.silences.next(until) {
            self.now = self.now.max(due);
            let domain = &self.plan.spec.name;
            // Nothing is refused here: the domain is there.
            if let Some((_, reach)) = self.engine.waiting(domain, &tag) {
                let _ = self.engine.tick(domain, &tag, reach, &mut self.out);
            }
            self.settle();
            if enough() {
                return false;
            }
        }
        true
    }

    /// Takes note of what the engine was made to say.
    fn settle(&mut self) {
        for wake in self.engine.wakes() {
            let due = wake.after.map(|after| self.now.saturating_add(after));
            self.silences.note(wake.tag, due);
        }
        for emission in self.out.drain(..) {
            self.tally.add(emission);
        }
    }

    /// Where the history ends: at `to`, or where there is none with the last event read.
    fn end(&self) -> u64 {
        let last = self.axons.iter().filter_map(|axon| axon.read);
        let last = last.map(|(_, last)| last.ms).max().unwrap_or(0);
        self.plan.to.map_or(last, |to| to.ms)
    }

    /// What came out, so far; the integrated events are handed over.
    pub fn report(&mut self) -> Report {
        let stats = self.engine.stats(Some(&self.plan.spec.name), None);
        self.tally
            .report(&self.plan, stats.unwrap_or_default(), &self.axons)
    }

    /// What its windows take, as they count it (bytes).
    pub fn window_bytes(&self) -> u64 {
        let stats = self.engine.stats(None, None).unwrap_or_default();
        stats.window_bytes
    }
}
