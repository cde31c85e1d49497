//! A rule's window in one leaflet: the candidates of its atoms, by partition, and what has to leave when.

use std::collections::VecDeque;
use std::mem::size_of;
use std::rc::Rc;

use ahash::AHashMap;
use slab::Slab;
use smallvec::SmallVec;

use super::meter::Meter;
use super::store::{RecordId, Store};

/// An event that waits in a window for partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The leaflet's processing order.
    pub seq: u64,
    /// Milliseconds since the epoch.
    pub time: u64,
    pub record: RecordId,
    /// Its place in the window's expiry list.
    waiting: u32,
}

impl Candidate {
    /// An event that has just come, and is in no window yet.
    pub fn new(seq: u64, time: u64, record: RecordId) -> Self {
        Self {
            seq,
            time,
            record,
            waiting: NOWHERE,
        }
    }
}

/// An event in the list of those that wait to expire: all of a window, in processing order. Linked, so that a
/// consumed event leaves it at once.
#[derive(Debug, Clone, Copy)]
struct Waiting {
    time: u64,
    seq: u64,
    partition: u32,
    older: u32,
    younger: u32,
}

/// The end of the list.
const NOWHERE: u32 = u32::MAX;

/// A rule's state for one partition key.
#[derive(Debug)]
pub struct Partition {
    key: Rc<[u8]>,
    /// Candidates by the atom's buffer, each in processing order. An event that fits several atoms is in several.
    pub buffers: SmallVec<[VecDeque<Candidate>; 2]>,
    /// Trigger times of the emissions that LIMIT still has to count.
    fired: VecDeque<u64>,
}

impl Partition {
    fn is_empty(&self) -> bool {
        self.fired.is_empty() && self.buffers.iter().all(VecDeque::is_empty)
    }

    /// Takes one event out of all buffers, if it is there; with the number of buffers it was in.
    fn take(&mut self, seq: u64) -> Option<(Candidate, usize)> {
        let (mut taken, mut places) = (None, 0);
        for buffer in &mut self.buffers {
            // Events leave from the old end, and SELECT LAST consumes at the young one: both are short ways.
            let found = match (buffer.front(), buffer.back()) {
                (Some(front), _) if front.seq == seq => Some(0),
                (_, Some(back)) if back.seq == seq => Some(buffer.len() - 1),
                _ => buffer.binary_search_by_key(&seq, |c| c.seq).ok(),
            };
            if let Some(candidate) = found.and_then(|at| buffer.remove(at)) {
                taken = Some(candidate);
                places += 1;
            }
        }
        Some((taken?, places))
    }
}

/// What a window takes while it holds nothing: itself, its place in the leaflet's table and heap, and what the first
/// blocks of its own table and lists take beyond what is counted for what stands in them.
const WINDOW_BYTES: usize = size_of::<Window>()
    + 2 * size_of::<(u32, Box<Window>)>()
    + 2 * size_of::<(Rc<[u8]>, usize)>()
    + 2 * size_of::<Waiting>();
/// What a partition takes apart from its key's text and its events: its places in the index and the slab, which are
/// partly empty, the first block of a buffer, and the key's own block.
const PARTITION_BYTES: usize = 3 * size_of::<Partition>() / 2
    + 3 * size_of::<(Rc<[u8]>, usize)>() / 2
    + 3 * size_of::<Candidate>()
    + 32;
/// What an event takes in a window apart from its record: a place in the expiry list and in each of its buffers, which
/// are partly empty.
fn candidate_bytes(buffers: usize) -> u64 {
    (3 * (size_of::<Waiting>() + buffers * size_of::<Candidate>()) / 2) as u64
}
/// What a noted emission takes, in lists that are partly empty.
const FIRED_BYTES: usize = 3 * (size_of::<u64>() + size_of::<(u64, usize)>()) / 2;

/// The window of one rule in one leaflet.
#[derive(Debug)]
pub struct Window {
    index: AHashMap<Rc<[u8]>, usize>,
    partitions: Slab<Partition>,
    /// Every event of the window, in processing order. An event of a later time in front of it can hold an old one
    /// back, but by no more than WITHIN: what is older than that when it comes is not let in.
    waiting: Slab<Waiting>,
    oldest: u32,
    youngest: u32,
    /// The emissions that LIMIT counts: (trigger time, partition), in processing order.
    fired: VecDeque<(u64, usize)>,
    /// WITHIN, ms.
    within: u64,
    /// How far LIMIT looks back, ms.
    limit_per: u64,
    /// The rule's: all its windows count there.
    meter: Rc<Meter>,
}

impl Window {
    /// An empty window of these lengths (ms) that counts what it holds with this meter.
    pub fn new(within: u64, limit_per: u64, meter: &Rc<Meter>) -> Self {
        meter.add_bytes(WINDOW_BYTES as u64);
        Self {
            within,
            limit_per,
            meter: Rc::clone(meter),
            index: AHashMap::new(),
            partitions: Slab::with_capacity(1),
            waiting: Slab::new(),
            oldest: NOWHERE,
            youngest: NOWHERE,
            fired: VecDeque::new(),
        }
    }

    /// It holds nothing.
    pub fn is_empty(&self) -> bool {
        self.partitions.is_empty()
    }

    /// The partition of a key, if it holds anything.
    pub fn partition(&self, key: &[u8]) -> Option<&Partition> {
        self.index.get(key).map(|&at| &self.partitions[at])
    }

    fn partition_or_new(&mut self, key: &[u8], buffers: usize) -> usize {
        if let Some(&at) = self.index.get(key) {
            return at;
        }
        let key: Rc<[u8]> = key.into();
        self.meter.add_partition();
        self.meter.add_bytes((PARTITION_BYTES + key.len()) as u64);
        let at = self.partitions.insert(Partition {
            key: Rc::clone(&key),
            buffers: std::iter::repeat_with(VecDeque::new)
                .take(buffers)
                .collect(),
            fired: VecDeque::new(),
        });
        self.index.insert(key, at);
        at
    }

    fn drop_if_empty(&mut self, at: usize) {
        if self.partitions[at].is_empty() {
            let partition = self.partitions.remove(at);
            self.index.remove(&partition.key);
            self.meter.remove_partition();
            self.meter
                .remove_bytes((PARTITION_BYTES + partition.key.len()) as u64);
        }
    }

    /// Keeps an event as a candidate in these buffers (at least one) of a partition with `of` buffers.
    pub fn keep(
        &mut self,
        key: &[u8],
        of: usize,
        buffers: impl Iterator<Item = usize>,
        mut candidate: Candidate,
        store: &mut Store,
    ) {
        let at = self.partition_or_new(key, of);
        candidate.waiting = self.waiting.insert(Waiting {
            time: candidate.time,
            seq: candidate.seq,
            partition: at as u32,
            older: self.youngest,
            younger: NOWHERE,
        }) as u32;
        match self.youngest {
            NOWHERE => self.oldest = candidate.waiting,
            youngest => self.waiting[youngest as usize].younger = candidate.waiting,
        }
        self.youngest = candidate.waiting;
        let mut places = 0;
        for buffer in buffers {
            self.partitions[at].buffers[buffer].push_back(candidate);
            places += 1;
        }
        store.hold(candidate.record);
        self.meter.add_event();
        self.meter.add_bytes(candidate_bytes(places));
    }

    /// Consumes one event, if it is here.
    pub fn consume(&mut self, key: &[u8], seq: u64, store: &mut Store) {
        if let Some(&at) = self.index.get(key) {
            self.take(at, seq, store);
            self.drop_if_empty(at);
        }
    }

    /// Consumes all events of a partition. What LIMIT counts stays.
    pub fn consume_partition(&mut self, key: &[u8], store: &mut Store) {
        let Some(&at) = self.index.get(key) else {
            return;
        };
        while let Some(seq) = self.partitions[at]
            .buffers
            .iter()
            .find_map(|b| b.front().map(|c| c.seq))
        {
            self.take(at, seq, store);
        }
        self.drop_if_empty(at);
    }

    fn take(&mut self, at: usize, seq: u64, store: &mut Store) {
        let Some((candidate, places)) = self.partitions[at].take(seq) else {
            return;
        };
        let Waiting { older, younger, .. } = self.waiting.remove(candidate.waiting as usize);
        match older {
            NOWHERE => self.oldest = younger,
            older => self.waiting[older as usize].younger = younger,
        }
        match younger {
            NOWHERE => self.youngest = older,
            younger => self.waiting[younger as usize].older = older,
        }
        store.release(candidate.record);
        self.meter.remove_event();
        self.meter.remove_bytes(candidate_bytes(places));
    }

    /// How many emissions of a partition had a trigger time in `(time - per, time]`.
    pub fn fired_within(&self, key: &[u8], time: u64, per: u64) -> u64 {
        self.partition(key).map_or(0, |partition| {
            let counts = |&&fired: &&u64| fired <= time && time - fired < per;
            partition.fired.iter().filter(counts).count() as u64
        })
    }

    /// Notes an emission that LIMIT has to count.
    pub fn note_fired(&mut self, key: &[u8], of: usize, time: u64) {
        let at = self.partition_or_new(key, of);
        self.partitions[at].fired.push_back(time);
        self.fired.push_back((time, at));
        self.meter.add_bytes(FIRED_BYTES as u64);
    }

    /// Takes the newest note of a partition back.
    pub fn forget_fired(&mut self, key: &[u8]) {
        if let Some(&at) = self.index.get(key) {
            self.partitions[at].fired.pop_back();
            self.fired.pop_back();
            self.meter.remove_bytes(FIRED_BYTES as u64);
            self.drop_if_empty(at);
        }
    }

    /// Lets go what has left the window when the leaflet has processed `max_time`: at most `budget` events and as many
    /// noted emissions.
    pub fn expire(&mut self, max_time: u64, budget: usize, store: &mut Store) {
        let floor = max_time.saturating_sub(self.within);
        // An event that comes now can be as old as `floor`, and LIMIT looks back from there.
        let fired_floor = floor.saturating_sub(self.limit_per);
        for _ in 0..budget {
            match self.waiting.get(self.oldest as usize) {
                Some(&Waiting {
                    time,
                    seq,
                    partition,
                    ..
                }) if time < floor => {
                    self.take(partition as usize, seq, store);
                    self.drop_if_empty(partition as usize);
                }
                _ => break,
            }
        }
        for _ in 0..budget {
            match self.fired.front() {
                Some(&(time, partition)) if time < fired_floor => {
                    self.fired.pop_front();
                    self.partitions[partition].fired.pop_front();
                    self.meter.remove_bytes(FIRED_BYTES as u64);
                    self.drop_if_empty(partition);
                }
                _ => break,
            }
        }
    }

    /// The time after which something has left, if the window holds anything.
    pub fn next_due(&self) -> Option<u64> {
        let event = self
            .waiting
            .get(self.oldest as usize)
            .map(|oldest| oldest.time);
        let fired = self
            .fired
            .front()
            .map(|(time, _)| time.saturating_add(self.limit_per));
        let oldest = event.into_iter().chain(fired).min()?;
        Some(oldest.saturating_add(self.within))
    }

    /// Lets go of everything, for a window that is dropped.
    pub fn clear(&mut self, store: &mut Store) {
        let partitions: Vec<usize> = self.partitions.iter().map(|(at, _)| at).collect();
        for at in partitions {
            let noted = self.partitions[at].fired.drain(..).count();
            self.meter.remove_bytes((noted * FIRED_BYTES) as u64);
            let key = Rc::clone(&self.partitions[at].key);
            self.consume_partition(&key, store);
        }
        self.fired.clear();
    }
}

impl Drop for Window {
    fn drop(&mut self) {
        self.meter.remove_bytes(WINDOW_BYTES as u64);
    }
}
