//! What a rule remembers so that it can tell why it did not fire. It has no influence on what the rule does, and its size
//! is bounded: it counts as part of the rule, not of its windows.

use std::collections::VecDeque;
use std::rc::Rc;

use super::event::EntryId;
use super::partition::PartitionKey;
use super::record::{Draft, Record};
use super::rule::pattern::{members, AtomSet};

/// How many events a rule remembers that could have ended a match and did not, each of another partition.
const MAX_MISSES: usize = 4;
/// What such an event may take.
const MAX_MISS_BYTES: usize = 1_024;

/// What came of the events that were offered to a rule.
#[derive(Debug)]
pub struct Tally {
    /// By atom.
    pub atoms: Box<[AtomTally]>,
    /// Events that have no value of a field by which the rule is partitioned.
    pub unkeyed: u64,
    /// Events of an INTEGRATE rule whose weight was NULL.
    pub weightless: u64,
    /// Matches for which HAVING was not TRUE.
    pub having_failed: u64,
    /// The trigger's time of the last emission, ms.
    pub fired: Option<u64>,
    misses: VecDeque<Miss>,
}

/// What came of the events that an atom could take.
#[derive(Debug, Clone, Copy, Default)]
pub struct AtomTally {
    /// They had its type and axon.
    pub offered: u64,
    /// Its condition held.
    pub fitted: u64,
    /// The last one of those, and its time (ms).
    pub last: Option<(EntryId, u64)>,
}

/// An event that could have ended a match, and did not.
#[derive(Debug)]
pub struct Miss {
    pub tag: Rc<[u8]>,
    pub partition: PartitionKey,
    /// Its place in the leaflet's processing order.
    pub seq: u64,
    /// The atoms it fits.
    pub fits: AtomSet,
    block: Vec<u8>,
}

impl Miss {
    /// What is kept of the event.
    pub fn record(&self) -> Record<'_> {
        Record::of(&self.block)
    }
}

impl Tally {
    /// Of a rule with so many atoms, to which nothing was offered yet.
    pub fn new(atoms: usize) -> Self {
        Self {
            atoms: vec![AtomTally::default(); atoms].into(),
            unkeyed: 0,
            weightless: 0,
            having_failed: 0,
            fired: None,
            misses: VecDeque::new(),
        }
    }

    /// An event was offered for these atoms and fits some of them.
    pub fn offered(&mut self, atoms: AtomSet, fits: AtomSet, id: EntryId, time: u64) {
        for atom in members(atoms) {
            let tally = &mut self.atoms[atom as usize];
            tally.offered += 1;
            if fits & (1 << atom) != 0 {
                tally.fitted += 1;
                tally.last = Some((id, time));
            }
        }
    }

    /// Remembers an event, in the place of the last one of its partition or of the oldest.
    pub fn missed(
        &mut self,
        tag: &Rc<[u8]>,
        partition: &[u8],
        seq: u64,
        fits: AtomSet,
        draft: &Draft,
    ) {
        let same = |miss: &Miss| *miss.partition == *partition && miss.tag == *tag;
        let known = self.misses.iter().position(same);
        let known = known.and_then(|at| self.misses.remove(at));
        if draft.length() > MAX_MISS_BYTES {
            return;
        }
        // The oldest gives way, and its memory is used again.
        let old = match known {
            None if self.misses.len() == MAX_MISSES => self.misses.pop_front(),
            known => known,
        };
        let mut block = old.map_or_else(Vec::new, |old| old.block);
        draft.write(&mut block);
        self.misses.push_back(Miss {
            tag: Rc::clone(tag),
            partition: PartitionKey::from_slice(partition),
            seq,
            fits,
            block,
        });
    }

    /// What was remembered of a leaflet, the newest first.
    pub fn misses<'t>(&'t self, tag: &'t [u8]) -> impl Iterator<Item = &'t Miss> {
        self.misses
            .iter()
            .rev()
            .filter(move |miss| *miss.tag == *tag)
    }

    /// Forgets events: the windows they belonged to are gone.
    pub fn forget_misses(&mut self) {
        self.misses.clear();
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        *self = Self::new(self.atoms.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::Event;

    #[test]
    fn the_last_event_of_each_of_the_last_partitions_is_remembered() {
        let event = |id| [(&b"type"[..], &b"A"[..]), (b"event_id", id)];
        let missed = |tally: &mut Tally, partition: &str, seq, id| {
            let event = Event {
                key: b"k",
                id: EntryId::default(),
                fields: &event(id),
                hops: 0,
            };
            let tag: Rc<[u8]> = b"t"[..].into();
            tally.missed(
                &tag,
                partition.as_bytes(),
                seq,
                1,
                &Draft::new(&event, 0, &[]),
            );
        };
        let mut tally = Tally::new(1);
        for (seq, partition) in [(1, "a"), (2, "b"), (3, "a"), (4, "c"), (5, "d"), (6, "e")] {
            missed(&mut tally, partition, seq, &b"1"[..]);
        }
        missed(&mut tally, "f", 7, &[b'x'; 2_000]);
        let order: Vec<u64> = tally.misses(b"t").map(|miss| miss.seq).collect();
        assert_eq!(order, [6, 5, 4, 3]);
        assert_eq!(tally.misses(b"u").count(), 0);
    }
}
