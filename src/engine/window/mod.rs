//! A rule's window in one leaflet: what its partitions hold, and what has to leave when.

mod leaving;

use std::collections::VecDeque;
use std::mem::size_of;
use std::rc::Rc;

use crate::engine::deadline::{Deadline, Pending};
use crate::engine::expiry::{Expiry, Waiting};
use crate::engine::integrate::Level;
use crate::engine::join::Join;
use crate::engine::key::AxonKey;
use crate::engine::matcher::open::{Coming, OpenMatches};
use crate::engine::meter::Meter;
use crate::engine::pages::Pages;
use crate::engine::partition::{Candidate, Key, More, Partition, Seen};
use crate::engine::rule::automaton::Automaton;
use crate::engine::rule::pattern::AtomSet;
use crate::engine::rule::program::Retention;
use crate::engine::store::{Slot, Store};
use crate::engine::table::{Hashed, Table};

/// What a window takes while it holds nothing: itself, its place in the leaflet's table and heap, and what the first
/// blocks of its own table and lists take beyond what is counted for what stands in them.
pub const WINDOW_BYTES: usize = size_of::<Window>()
    + 2 * size_of::<(u32, Box<Window>)>()
    + 8 * size_of::<Placed>()
    + size_of::<Partition>()
    + 2 * size_of::<Waiting>();
/// What a noted emission takes, in lists that are partly empty.
pub const FIRED_BYTES: usize = 3 * (size_of::<u64>() + size_of::<(u64, u32)>()) / 2;
/// What a NOT's note takes, in a list that is partly empty.
pub const SEEN_BYTES: usize = 3 * size_of::<Seen>() / 2 + Expiry::BYTES;
/// What a level takes.
pub const LEVEL_BYTES: usize = size_of::<More>() + Expiry::BYTES;

/// What it takes to count the contributions of an axon.
fn axon_bytes(axon: &[u8]) -> u64 {
    (2 * size_of::<(Box<[u8]>, u32)>() + axon.len()) as u64
}

/// More than whatever can come with something that is put into a window: a leaflet, a window and a partition of 64 atoms, apart
/// from the tag's and the key's text.
pub const OVERHEAD_BYTES: usize = 10_240;

/// What an event takes in a window apart from its record: a place in the expiry list and in each of its buffers, which
/// are partly empty.
pub fn candidate_bytes(buffers: usize) -> u64 {
    (Expiry::BYTES + 3 * buffers * size_of::<Candidate>() / 2) as u64
}

/// Where a partition stands.
#[derive(Debug, Clone, Copy)]
struct Placed {
    /// Its key's.
    hash: u32,
    at: u32,
}

impl Hashed for Placed {
    fn hash(&self) -> u32 {
        self.hash
    }
}

/// The window of one rule in one leaflet.
#[derive(Debug)]
pub struct Window {
    index: Table<Placed>,
    pub(super) partitions: Pages<Partition>,
    /// How many buffers a partition has.
    buffers: usize,
    /// The buffers and fields of its joins.
    joins: Rc<[(usize, Slot)]>,
    /// The candidates.
    waiting: Expiry,
    /// What NOTs have seen.
    seen: Expiry,
    /// The levels.
    pub(super) levels: Expiry,
    /// The emissions that LIMIT counts: (trigger time, partition), in processing order.
    pub(super) fired: VecDeque<(u64, u32)>,
    retention: Retention,
    /// Of a rule whose open matches are kept.
    automaton: Option<Rc<Automaton>>,
    /// The rule's: all its windows count there.
    meter: Rc<Meter>,
}

impl Window {
    /// An empty window that keeps things for so long and counts what it holds with this meter.
    pub fn new(
        retention: Retention,
        buffers: usize,
        joins: &Rc<[(usize, Slot)]>,
        automaton: Option<Rc<Automaton>>,
        meter: &Rc<Meter>,
    ) -> Self {
        meter.add_bytes(WINDOW_BYTES as u64);
        Self {
            retention,
            buffers,
            joins: Rc::clone(joins),
            automaton,
            meter: Rc::clone(meter),
            index: Table::default(),
            partitions: Pages::default(),
            waiting: Expiry::new(),
            seen: Expiry::new(),
            levels: Expiry::new(),
            fired: VecDeque::new(),
        }
    }

    /// It holds nothing.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// The partition of a key, if it holds anything.
    pub fn partition<'k>(&self, key: impl Into<Key<'k>>) -> Option<&Partition> {
        self.place(key.into()).map(|at| &self.partitions[at])
    }

    fn place(&self, key: Key) -> Option<u32> {
        let same = |placed: &Placed| {
            placed.hash == key.hash && *self.partitions[placed.at].key == *key.bytes
        };
        self.index.get(key.hash, same).map(|placed| placed.at)
    }

    /// How many partitions hold anything.
    pub fn partitions(&self) -> usize {
        self.partitions.len()
    }

    /// The partition of each thing that waits, what came last first; a partition can come several times.
    pub fn recent(&self) -> impl Iterator<Item = &Partition> {
        let waiting = self.waiting.youngest_first();
        let levels = self.levels.youngest_first();
        let partition = |waiting: Waiting| &self.partitions[waiting.partition];
        waiting.chain(levels).map(partition)
    }

    fn partition_or_new(&mut self, key: Key) -> u32 {
        if let Some(at) = self.place(key) {
            return at;
        }
        self.meter.add_partition();
        self.meter.add_bytes(self.partition_bytes(key.bytes));
        let at = self.partitions.insert(Partition::new(key, self.buffers));
        let hash = key.hash;
        self.index.insert(Placed { hash, at });
        at
    }

    /// What a partition of this key takes apart from its events.
    fn partition_bytes(&self, key: &[u8]) -> u64 {
        Partition::bytes(self.buffers) + key.len() as u64 + self.open_bytes()
    }

    fn drop_if_empty(&mut self, at: u32) {
        if self.partitions[at].is_empty() {
            let partition = self.partitions.remove(at);
            self.index.remove(partition.hash, |placed| placed.at == at);
            self.meter.remove_partition();
            self.meter
                .remove_bytes(self.partition_bytes(&partition.key));
            let pending = partition.more.map_or(0, |more| more.pending.bytes());
            self.meter.remove_bytes(pending);
        }
    }

    /// Keeps an event as a candidate in these buffers (at least one) of a partition; the partition's place.
    pub fn keep<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        buffers: impl Iterator<Item = usize>,
        mut candidate: Candidate,
        store: &mut Store,
    ) -> u32 {
        let at = self.partition_or_new(key.into());
        candidate.waiting = self.waiting.push(candidate.time, candidate.seq, at);
        let partition = &mut self.partitions[at];
        let (mut places, mut in_buffers) = (0, 0);
        for buffer in buffers {
            partition.buffers[buffer].push(candidate);
            places += 1;
            in_buffers |= 1 << buffer;
        }
        if !self.joins.is_empty() {
            let more = partition.more.get_or_insert_default();
            more.joins.resize_with(self.joins.len(), Join::default);
            let record = store.get(candidate.record);
            for (join, (buffer, slot)) in more.joins.iter_mut().zip(&*self.joins) {
                let youngest = partition.buffers[*buffer].back();
                if youngest.is_some_and(|c| c.seq == candidate.seq) {
                    self.meter
                        .add_bytes(join.insert(&record.kept(*slot), candidate));
                }
            }
        }
        partition.last_kept = candidate.seq;
        store.hold(candidate.record);
        self.meter.add_event();
        self.meter
            .add_bytes(candidate_bytes(places) + self.event_bytes(in_buffers));
        at
    }

    /// The event that was just kept in a partition goes on from its open matches.
    pub fn grow(&mut self, at: u32, coming: Coming) {
        if let Some(automaton) = &self.automaton {
            let more = self.partitions[at].more.get_or_insert_default();
            let open = more.open.get_or_insert_default();
            open.grow(automaton, &more.seen, coming);
        }
    }

    /// Makes the open matches anew of what was put back.
    pub fn regrow(&mut self) {
        let Some(automaton) = &self.automaton else {
            return;
        };
        for (_, partition) in self.partitions.iter_mut() {
            let mut events: Vec<(Candidate, AtomSet)> = Vec::new();
            for (buffer, event) in partition.events() {
                let atoms = automaton.atoms(1 << buffer);
                match events.last_mut().filter(|(last, _)| last.seq == event.seq) {
                    Some((_, known)) => *known |= atoms,
                    None => events.push((event, atoms)),
                }
            }
            let more = partition.more.get_or_insert_default();
            more.regrow(automaton, events.into_iter());
        }
    }

    /// What the open matches of a partition take apart from its events.
    fn open_bytes(&self) -> u64 {
        let automaton = self.automaton.as_ref();
        automaton.map_or(0, |automaton| OpenMatches::bytes(automaton))
    }

    /// What an event takes in open matches that is kept in these buffers.
    fn event_bytes(&self, buffers: AtomSet) -> u64 {
        let automaton = self.automaton.as_ref();
        automaton.map_or(0, |automaton| {
            OpenMatches::event_bytes(automaton, automaton.atoms(buffers))
        })
    }

    /// Keeps an event as a contribution of an axon to a partition's level.
    pub fn contribute<'k>(
        &mut self,
        key: impl Into<Key<'k>>,
        buffer: usize,
        candidate: Candidate,
        axon: &[u8],
        store: &mut Store,
    ) {
        let at = self.keep(key, std::iter::once(buffer), candidate, store);
        let more = self.partitions[at].more.get_or_insert_default();
        match more.axons.get_mut(axon) {
            Some(contributions) => *contributions += 1,
            None => {
                more.axons.insert(axon.into(), 1);
                self.meter.add_bytes(axon_bytes(axon));
            }
        }
    }

    /// Takes note that a NOT has seen an event: the `absence`-th of the rule's.
    pub fn see<'k>(&mut self, key: impl Into<Key<'k>>, absence: usize, seq: u64, time: u64) {
        let at = self.partition_or_new(key.into());
        let last_kept = self.partitions[at].last_kept;
        let more = self.partitions[at].more.get_or_insert_default();
        if more.seen.len() <= absence {
            more.seen.resize_with(absence + 1, VecDeque::new);
        }
        let list = &mut more.seen[absence];
        // With no candidate kept since, what lies before or after this event lies so of the last one too.
        let last = list.back().filter(|last| last.seq > last_kept).copied();
        if last.is_some() {
            list.pop_back();
        }
        if self.automaton.is_some() {
            more.open.get_or_insert_default().see(absence, time);
        }
        let time = last.map_or(time, |last| last.time.max(time));
        match last {
            Some(last) => self.seen.remove(last.waiting),
            None => self.meter.add_bytes(SEEN_BYTES as u64),
        }
        let waiting = self.seen.push(time, seq, at);
        list.push_back(Seen { seq, time, waiting });
    }

    /// Puts back what a NOT has seen.
    pub fn note_seen<'k>(&mut self, key: impl Into<Key<'k>>, absence: usize, seq: u64, time: u64) {
        let key = key.into();
        self.set_last_kept(key, u64::MAX);
        self.see(key, absence, seq, time);
    }

    /// The candidate of a partition that was kept last.
    pub fn set_last_kept<'k>(&mut self, key: impl Into<Key<'k>>, seq: u64) {
        let at = self.partition_or_new(key.into());
        self.partitions[at].last_kept = seq;
    }

    /// Raises the level of a partition at this time.
    pub fn raise<'k, T>(
        &mut self,
        key: impl Into<Key<'k>>,
        seq: u64,
        time: u64,
        raise: impl FnOnce(&mut Level) -> T,
    ) -> T {
        let at = self.partition_or_new(key.into());
        let waiting = self.levels.push(time, seq, at);
        let more = self.partitions[at].more.get_or_insert_default();
        let mut level = Level::NOTHING;
        match more.level {
            Some((known, old)) => {
                level = known;
                self.levels.remove(old);
            }
            None => self.meter.add_bytes(LEVEL_BYTES as u64),
        }
        let result = raise(&mut level);
        more.level = Some((level, waiting));
        result
    }

    /// The level of a partition, to lower it.
    pub fn level_mut<'k>(&mut self, key: impl Into<Key<'k>>) -> Option<&mut Level> {
        let at = self.place(key.into())?;
        let more = self.partitions[at].more.as_mut()?;
        Some(&mut more.level.as_mut()?.0)
    }

    /// Adds a deadline of a partition that holds its last event.
    pub fn add_deadline(&mut self, deadline: Deadline) {
        let at = self.partition_or_new((&deadline.partition).into());
        let more = self.partitions[at].more.get_or_insert_default();
        let before = more.pending.bytes();
        more.pending.add(deadline);
        self.meter.add_bytes(more.pending.bytes() - before);
    }

    /// Takes out some deadlines of a partition.
    pub fn take_deadlines<'k, T: Default>(
        &mut self,
        key: impl Into<Key<'k>>,
        take: impl FnOnce(&mut Pending) -> T,
    ) -> T {
        let at = self.place(key.into());
        let more = at.and_then(|at| self.partitions[at].more.as_mut());
        let Some(pending) = more.map(|more| &mut more.pending) else {
            return T::default();
        };
        let before = pending.bytes();
        let taken = take(pending);
        self.meter.remove_bytes(before - pending.bytes());
        taken
    }

    /// Consumes one event, if it is here.
    pub fn consume<'k>(&mut self, key: impl Into<Key<'k>>, seq: u64, store: &mut Store) {
        if let Some(at) = self.place(key.into()) {
            self.take(at, seq, store);
            self.drop_if_empty(at);
        }
    }

    /// Consumes all events of a partition, and what NOTs have seen. A level and what LIMIT counts stay.
    pub fn consume_partition<'k>(&mut self, key: impl Into<Key<'k>>, store: &mut Store) {
        let Some(at) = self.place(key.into()) else {
            return;
        };
        if let Some(more) = &mut self.partitions[at].more {
            more.open = None;
        }
        while let Some(seq) = self.partitions[at]
            .buffers
            .iter()
            .find_map(|b| b.front().map(|c| c.seq))
        {
            self.take(at, seq, store);
        }
        self.consume_seen(at);
        self.drop_if_empty(at);
    }

    fn consume_seen(&mut self, at: u32) {
        if let Some(more) = &mut self.partitions[at].more {
            for seen in more.seen.iter_mut().flat_map(|list| list.drain(..)) {
                self.seen.remove(seen.waiting);
                self.meter.remove_bytes(SEEN_BYTES as u64);
            }
        }
    }

    fn take(&mut self, at: u32, seq: u64, store: &mut Store) {
        let Some((candidate, buffers)) = self.partitions[at].take(seq) else {
            return;
        };
        let places = buffers.count_ones() as usize;
        self.waiting.remove(candidate.waiting);
        if let Some(more) = self.partitions[at].more.as_mut() {
            let record = store.get(candidate.record);
            for (join, (buffer, slot)) in more.joins.iter_mut().zip(&*self.joins) {
                if buffers & (1 << buffer) != 0 {
                    let bytes = join.remove(&record.kept(*slot), seq);
                    self.meter.remove_bytes(bytes);
                }
            }
        }
        if let (Some(more), Some(automaton)) = (&mut self.partitions[at].more, &self.automaton) {
            if let Some(open) = &mut more.open {
                open.forget(automaton, seq, automaton.atoms(buffers));
            }
        }
        let more = self.partitions[at].more.as_mut();
        if let Some(more) = more.filter(|more| !more.axons.is_empty()) {
            let axon = AxonKey::parse(store.get(candidate.record).key()).name;
            if let Some(contributions) = more.axons.get_mut(&*axon) {
                *contributions -= 1;
                if *contributions == 0 {
                    more.axons.remove(&*axon);
                    self.meter.remove_bytes(axon_bytes(&axon));
                }
            }
        }
        store.release(candidate.record);
        self.meter.remove_event();
        self.meter
            .remove_bytes(candidate_bytes(places) + self.event_bytes(buffers));
    }

    /// How many emissions of a partition had a trigger time in `(time - per, time]`.
    pub fn fired_within<'k>(&self, key: impl Into<Key<'k>>, time: u64, per: u64) -> u64 {
        self.partition(key).map_or(0, |partition| {
            let counts = |&&fired: &&u64| fired <= time && time - fired < per;
            let fired = partition.more.iter().flat_map(|more| &more.fired);
            fired.filter(counts).count() as u64
        })
    }

    /// Notes an emission that LIMIT has to count.
    pub fn note_fired<'k>(&mut self, key: impl Into<Key<'k>>, time: u64) {
        let at = self.partition_or_new(key.into());
        let more = self.partitions[at].more.get_or_insert_default();
        more.fired.push_back(time);
        self.fired.push_back((time, at));
        self.meter.add_bytes(FIRED_BYTES as u64);
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.meter.remove_bytes(WINDOW_BYTES as u64);
    }
}
