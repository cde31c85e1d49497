//! The past, as live events would have come: streams merged in the order of their entry ids, and time that passes in
//! silence between events.
//!
//! The work is done in steps of any length, so that a host can do something else in between. Between two steps the
//! streams may change: what is remembered of a stream is only where to read on.

mod silence;

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use silence::Silences;

use super::emission::Wake;
use super::event::{EntryId, Event};

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

/// Who takes what was read. Both add to `wakes` what the engine then says.
pub trait Listener {
    /// An event comes.
    fn event(&mut self, event: &Event<'_>, wakes: &mut Vec<Wake>);

    /// In the leaflet of this tag enough time has passed in silence for what waits there.
    fn silence(&mut self, tag: &[u8], wakes: &mut Vec<Wake>);
}

/// An axon that is read.
#[derive(Debug)]
pub struct Axon {
    pub key: Rc<[u8]>,
    /// Where reading begins.
    from: EntryId,
    /// Where reading ends: what comes in later is not read.
    to: EntryId,
    /// First and last id read.
    pub read: Option<(EntryId, EntryId)>,
    pub events: u64,
    pub oversized: u64,
}

/// Streams on their way through a listener.
#[derive(Debug, Default)]
pub struct Replay {
    axons: Vec<Axon>,
    /// What to read next: no entry of the axon at this place that is still to be read has a smaller id than this.
    queue: BinaryHeap<Reverse<(EntryId, usize)>>,
    silences: Silences,
    /// Where time stands: the ids read so far, and silence after them (ms).
    now: u64,
}

impl Replay {
    /// Adds an axon whose entries with ids from `from` to `to` are read; its place.
    pub fn add(&mut self, key: Rc<[u8]>, from: EntryId, to: EntryId) -> usize {
        let at = self.axons.len();
        self.axons.push(Axon {
            key,
            from,
            to,
            read: None,
            events: 0,
            oversized: 0,
        });
        if from <= to {
            self.queue.push(Reverse((from, at)));
        }
        at
    }

    /// Has an axon that was read to its end read on to `to`.
    pub fn read_on(&mut self, at: usize, to: EntryId) {
        let axon = &mut self.axons[at];
        let from = match axon.read {
            Some((_, last)) => last.next(),
            None => Some(axon.from),
        };
        axon.to = to;
        if let Some(from) = from.filter(|from| *from <= to) {
            self.queue.push(Reverse((from, at)));
        }
    }

    /// The axons, in the order in which they were added.
    pub fn axons(&self) -> &[Axon] {
        &self.axons
    }

    /// The largest id read so far, ms; 0 before the first.
    pub fn last(&self) -> u64 {
        let last = self.axons.iter().filter_map(|axon| axon.read);
        last.map(|(_, last)| last.ms).max().unwrap_or(0)
    }

    /// Reads on, until `enough` says so after a piece of work. True: everything has been read.
    pub fn step(
        &mut self,
        streams: &mut impl Streams,
        listener: &mut impl Listener,
        enough: &mut impl FnMut() -> bool,
    ) -> bool {
        while let Some(Reverse((from, at))) = self.queue.pop() {
            let (next, go_on) = self.read(at, from, streams, listener, enough);
            if let Some(next) = next {
                self.queue.push(Reverse((next, at)));
            }
            if !go_on {
                return false;
            }
        }
        true
    }

    /// Reads an axon until another's turn comes: with the id to read on from, and whether to go on at once.
    fn read(
        &mut self,
        at: usize,
        from: EntryId,
        streams: &mut impl Streams,
        listener: &mut impl Listener,
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
            if !self.pass(id.ms, listener, enough) {
                return (Some(id), false);
            }
            self.feed(at, &key, id, &mut entries, listener);
            if enough() {
                return (id.next().filter(|next| *next <= to), false);
            }
        }
        (None, true)
    }

    fn feed(
        &mut self,
        at: usize,
        key: &[u8],
        id: EntryId,
        entries: &mut impl Entries,
        listener: &mut impl Listener,
    ) {
        let mut wakes = Vec::new();
        let fed = entries.with_fields(|fields| {
            let event = Event {
                key,
                id,
                fields,
                hops: 0,
            };
            listener.event(&event, &mut wakes);
        });
        let axon = &mut self.axons[at];
        axon.events += 1;
        axon.oversized += u64::from(fed.is_none());
        axon.read = Some((axon.read.map_or(id, |(first, _)| first), id));
        self.now = self.now.max(id.ms);
        self.note(wakes);
    }

    /// Lets time pass in silence, up to this (ms), in every leaflet in which something waits for it. False: more is left to
    /// do, but this step is over.
    pub fn pass(
        &mut self,
        until: u64,
        listener: &mut impl Listener,
        enough: &mut impl FnMut() -> bool,
    ) -> bool {
        while let Some((due, tag)) = self.silences.next(until) {
            self.now = self.now.max(due);
            let mut wakes = Vec::new();
            listener.silence(&tag, &mut wakes);
            self.note(wakes);
            if enough() {
                return false;
            }
        }
        true
    }

    fn note(&mut self, wakes: Vec<Wake>) {
        for wake in wakes {
            let due = wake.after.map(|after| self.now.saturating_add(after));
            self.silences.note(wake.tag, due);
        }
    }
}
