//! What a window holds for one partition key.

use std::collections::VecDeque;
use std::mem::size_of;

use ahash::AHashMap;
use smallvec::SmallVec;

use super::candidates::Candidates;
use super::deadline::Pending;
use super::integrate::Level;
use super::join::Join;
use super::matcher::open::OpenMatches;
use super::rule::pattern::AtomSet;
use super::store::RecordId;
use super::table::hash_of;
use super::value::Value;

/// A partition's key: the texts of its parts, each with its length in front. Most need no block of their own.
pub type PartitionKey = SmallVec<[u8; 24]>;

/// A partition's key to look for, with its hash, which is made once.
#[derive(Debug, Clone, Copy)]
pub struct Key<'k> {
    pub bytes: &'k [u8],
    pub(super) hash: u32,
}

impl<'k, T: AsRef<[u8]> + ?Sized> From<&'k T> for Key<'k> {
    fn from(bytes: &'k T) -> Self {
        let bytes = bytes.as_ref();
        Self {
            bytes,
            hash: hash_of(bytes),
        }
    }
}

/// Adds a part to a partition's key.
pub fn push_part(key: &mut PartitionKey, text: &[u8]) {
    key.extend_from_slice(&(text.len() as u32).to_le_bytes());
    key.extend_from_slice(text);
}

/// The parts of a partition's key.
pub fn key_parts(mut key: &[u8]) -> Vec<&[u8]> {
    let mut parts = Vec::new();
    while let Some((length, rest)) = key.split_first_chunk() {
        let Some((part, rest)) = rest.split_at_checked(u32::from_le_bytes(*length) as usize) else {
            break;
        };
        parts.push(part);
        key = rest;
    }
    parts
}

/// An event that waits in a window for partners.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Candidate {
    /// The leaflet's processing order.
    pub seq: u64,
    /// Milliseconds since the epoch.
    pub time: u64,
    pub record: RecordId,
    /// Its place in the window's expiry list.
    pub(super) waiting: u32,
}

impl Candidate {
    /// An event that has just come, and is in no window yet.
    pub fn new(seq: u64, time: u64, record: RecordId) -> Self {
        Self {
            seq,
            time,
            record,
            waiting: u32::MAX,
        }
    }
}

/// Events that a NOT has seen with no candidate kept between them: as good as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The last one's place in processing order.
    pub seq: u64,
    /// The largest of their times.
    pub time: u64,
    /// Its place in the window's expiry list.
    pub(super) waiting: u32,
}

/// A rule's state for one partition key.
#[derive(Debug)]
pub struct Partition {
    pub(super) key: PartitionKey,
    /// The key's.
    pub(super) hash: u32,
    /// Candidates by the atom's buffer, each in processing order. An event that fits several atoms is in several.
    pub buffers: SmallVec<[Candidates; 1]>,
    /// The candidate kept last.
    pub(super) last_kept: u64,
    /// What only some rules need.
    pub(super) more: Option<Box<More>>,
}

/// What only rules with NOT, `SELECT ALL`, INTEGRATE, LIMIT or an equality in WHERE need.
#[derive(Debug, Default)]
pub struct More {
    /// Trigger times of the emissions that LIMIT still has to count.
    pub(super) fired: VecDeque<u64>,
    /// By the number of the NOT.
    pub seen: SmallVec<[VecDeque<Seen>; 1]>,
    pub pending: Pending,
    /// With its place in the window's expiry list.
    pub level: Option<(Level, u32)>,
    /// Candidates by fields that WHERE compares, in the order of [`Match::joins`](super::rule::program::Match::joins).
    pub joins: Vec<Join>,
    /// For `SELECT ALL`, where the rule has an automaton.
    pub open: Option<Box<OpenMatches>>,
    /// How many contributions are held of each axon.
    pub axons: AHashMap<Box<[u8]>, u32>,
}

impl Partition {
    /// What a partition of so many buffers takes apart from its key's text and its events: its places in the index, which
    /// is partly empty, and the slab, and the block that several buffers need.
    pub fn bytes(buffers: usize) -> u64 {
        let block = match buffers {
            0 | 1 => 0,
            _ => buffers * size_of::<Candidates>() + 16,
        };
        (size_of::<Self>() + 2 * size_of::<(u32, u32)>() + block) as u64
    }

    /// An empty one with so many buffers.
    pub fn new(key: Key, buffers: usize) -> Self {
        Self {
            key: PartitionKey::from_slice(key.bytes),
            hash: key.hash,
            buffers: std::iter::repeat_with(Candidates::default)
                .take(buffers)
                .collect(),
            last_kept: 0,
            more: None,
        }
    }

    /// It holds nothing.
    pub fn is_empty(&self) -> bool {
        let nothing_more = |more: &More| {
            more.level.is_none()
                && more.fired.is_empty()
                && more.seen.iter().all(VecDeque::is_empty)
        };
        self.buffers.iter().all(Candidates::is_empty)
            && self.more.as_deref().is_none_or(nothing_more)
    }

    /// What a NOT has seen.
    pub fn seen(&self, absence: usize) -> Option<&VecDeque<Seen>> {
        self.more.as_ref()?.seen.get(absence)
    }

    /// The candidates of a join whose value is equal to this one. `Err`: that can't be looked up.
    pub fn equal_to(&self, join: usize, value: &Value) -> Result<Option<&Candidates>, ()> {
        match self.more.as_ref().and_then(|more| more.joins.get(join)) {
            Some(join) => join.equal_to(value),
            None => Ok(None),
        }
    }

    /// A deadline of this event waits for this NOT.
    pub fn waits(&self, seq: u64, absence: usize) -> bool {
        let more = self.more.as_ref();
        more.is_some_and(|more| more.pending.waits(seq, absence))
    }

    /// The level of an INTEGRATE rule.
    pub fn level(&self) -> Option<&Level> {
        Some(&self.more.as_ref()?.level.as_ref()?.0)
    }

    /// How many axons have contributed to the level.
    pub fn axons(&self) -> usize {
        self.more.as_ref().map_or(0, |more| more.axons.len())
    }

    /// The event at this place in processing order, if it is here, and the buffers it is in.
    pub fn find(&self, seq: u64) -> Option<(Candidate, AtomSet)> {
        let mut found = None;
        let mut buffers = 0;
        for (number, buffer) in self.buffers.iter().enumerate() {
            if let Some(at) = buffer.find(seq) {
                found = Some(buffer[at]);
                buffers |= 1 << number;
            }
        }
        Some((found?, buffers))
    }

    /// All events it holds, in processing order.
    pub fn events(&self) -> Vec<(usize, Candidate)> {
        let buffers = self.buffers.iter().enumerate();
        let mut events: Vec<_> = buffers
            .flat_map(|(number, buffer)| buffer.iter().map(move |c| (number, *c)))
            .collect();
        events.sort_unstable_by_key(|(_, candidate)| candidate.seq);
        events
    }

    /// Takes one event out of all buffers, if it is there; with the buffers it was in.
    pub(super) fn take(&mut self, seq: u64) -> Option<(Candidate, AtomSet)> {
        let (mut taken, mut places) = (None, 0);
        for (number, buffer) in self.buffers.iter_mut().enumerate() {
            // Events leave from the old end, and SELECT LAST consumes at the young one: both are short ways.
            let found = match (buffer.front(), buffer.back()) {
                (Some(front), _) if front.seq == seq => Some(0),
                (_, Some(back)) if back.seq == seq => Some(buffer.len() - 1),
                _ => buffer.find(seq),
            };
            if let Some(candidate) = found.and_then(|at| buffer.remove(at)) {
                taken = Some(candidate);
                places |= 1 << number;
            }
        }
        Some((taken?, places))
    }
}
