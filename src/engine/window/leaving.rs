//! How things leave a window: when they are too old, or when it is dropped.

use super::{Window, FIRED_BYTES, LEVEL_BYTES, SEEN_BYTES};
use crate::engine::candidates::Candidates;
use crate::engine::deadline::{Deadline, Pending};
use crate::engine::expiry::{Expiry, Waiting};
use crate::engine::store::Store;

impl Window {
    /// Lets go what has left the window when the leaflet has processed `max_time`: at most `budget` things of each kind.
    pub fn expire(&mut self, max_time: u64, budget: usize, store: &mut Store) {
        let due = |list: &Expiry, retention: u64| {
            let floor = max_time.saturating_sub(retention);
            list.oldest().filter(|oldest| oldest.time < floor)
        };
        for _ in 0..budget {
            let Some(oldest) = due(&self.waiting, self.retention.events) else {
                break;
            };
            self.take(oldest.partition, oldest.seq, store);
            self.drop_if_empty(oldest.partition);
        }
        for _ in 0..budget {
            let Some(oldest) = due(&self.seen, self.retention.seen) else {
                break;
            };
            self.forget_seen(oldest);
        }
        for _ in 0..budget {
            let Some(oldest) = due(&self.levels, self.retention.level) else {
                break;
            };
            self.forget_level(oldest.partition);
        }
        let floor = max_time.saturating_sub(self.retention.fired);
        for _ in 0..budget {
            match self.fired.front() {
                Some(&(time, partition)) if time < floor => {
                    self.fired.pop_front();
                    if let Some(more) = &mut self.partitions[partition].more {
                        more.fired.pop_front();
                    }
                    self.meter.remove_bytes(FIRED_BYTES as u64);
                    self.drop_if_empty(partition);
                }
                _ => break,
            }
        }
    }

    fn forget_seen(&mut self, oldest: Waiting) {
        let at = oldest.partition;
        let lists = self.partitions[at].more.iter_mut();
        for list in lists.flat_map(|more| &mut more.seen) {
            // Notes are taken back in the order in which they came; one event can be a note of several NOTs.
            if list.front().is_some_and(|seen| seen.seq == oldest.seq) {
                if let Some(seen) = list.pop_front() {
                    self.seen.remove(seen.waiting);
                    self.meter.remove_bytes(SEEN_BYTES as u64);
                }
            }
        }
        self.drop_if_empty(at);
    }

    fn forget_level(&mut self, at: u32) {
        let more = self.partitions[at].more.as_mut();
        if let Some((_, waiting)) = more.and_then(|more| more.level.take()) {
            self.levels.remove(waiting);
            self.meter.remove_bytes(LEVEL_BYTES as u64);
        }
        self.drop_if_empty(at);
    }

    /// The time after which something has left, if the window holds anything.
    pub fn next_due(&self) -> Option<u64> {
        let next = |list: &Expiry, retention: u64| {
            let oldest = list.oldest()?;
            Some(oldest.time.saturating_add(retention))
        };
        let fired = self.fired.front();
        let fired = fired.map(|(time, _)| time.saturating_add(self.retention.fired));
        [
            next(&self.waiting, self.retention.events),
            next(&self.seen, self.retention.seen),
            next(&self.levels, self.retention.level),
            fired,
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Lets go of so many things at most, for a window that is dropped; `left` counts them down, and `from` says how far
    /// it has come. `gone` gets the deadlines. True: it holds nothing any more.
    pub fn clear_some(
        &mut self,
        from: &mut u32,
        left: &mut usize,
        store: &mut Store,
        mut gone: impl FnMut(Deadline),
    ) -> bool {
        while *from < self.partitions.end() {
            if self.partitions.get(*from).is_some()
                && !self.clear_partition(*from, left, store, &mut gone)
            {
                return false;
            }
            *from += 1;
        }
        true
    }

    fn clear_partition(
        &mut self,
        at: u32,
        left: &mut usize,
        store: &mut Store,
        gone: &mut impl FnMut(Deadline),
    ) -> bool {
        loop {
            if *left == 0 {
                return false;
            }
            *left -= 1;
            let partition = &mut self.partitions[at];
            let pending = partition.more.as_mut().map(|more| &mut more.pending);
            let deadline = pending.and_then(Pending::take_first);
            let first = partition.buffers.iter().find_map(Candidates::front);
            if let Some(deadline) = deadline {
                self.meter.remove_bytes(Deadline::BYTES as u64);
                gone(deadline);
            } else if let Some(seq) = first.map(|candidate| candidate.seq) {
                self.take(at, seq, store);
            } else {
                break;
            }
        }
        if let Some(more) = &mut self.partitions[at].more {
            let noted = more.fired.drain(..).count();
            self.meter.remove_bytes((noted * FIRED_BYTES) as u64);
        }
        self.consume_seen(at);
        // With the level goes the partition, if nothing else has taken it along.
        match self.partitions[at].level() {
            Some(_) => self.forget_level(at),
            None => self.drop_if_empty(at),
        }
        true
    }
}
