//! What a domain forgets: what deleted rules held, leaflets, or everything.

use std::rc::Rc;

use super::{Domain, FORGET_SLICE};
use crate::engine::leaflet::RuleId;
use crate::engine::meter::Meter;
use crate::engine::remains::{Clearing, Remains};
use crate::engine::stats::Stats;
use crate::engine::store::Store;

impl Domain {
    pub(super) fn forget_windows(&mut self, rule: RuleId) {
        let mut idle = Vec::new();
        self.live = 0;
        for leaflet in self.leaflets.iter_mut() {
            if let Some(window) = leaflet.forget(rule) {
                self.forgotten.add(&leaflet.tag, window);
            }
            if leaflet.is_live() {
                self.live += 1;
            } else if !leaflet.listed {
                leaflet.listed = true;
                idle.push(Rc::clone(&leaflet.tag));
            }
        }
        idle.sort_unstable();
        self.idle.extend(idle);
        self.clear_forgotten(FORGET_SLICE);
    }

    /// Clears so much of the windows of rules that were deleted. That is done with the events and ticks of the domain
    /// and by nothing else, so that all who see the same have the same in memory.
    pub(super) fn clear_forgotten(&mut self, mut pieces: usize) {
        let leaflets = &mut self.leaflets;
        let gone = |tag: &[u8], deadline| {
            if let Some(leaflet) = leaflets.get_mut(tag) {
                leaflet.forget_deadline(&deadline);
            }
        };
        self.forgotten
            .clear_some(&mut pieces, &mut self.store, gone);
    }

    /// Windows of rules that were deleted are still to be cleared: a tick goes on with it.
    pub fn is_clearing(&self) -> bool {
        !self.forgotten.is_empty()
    }

    /// Forgets what one rule held, and its counters.
    pub fn reset_rule(&mut self, place: usize) {
        self.forget_windows(self.rules[place].id);
        self.rules[place].stats = Stats::default();
        self.rules[place].tally.clear();
        self.see_from_now(place);
    }

    /// Forgets the leaflets of these tags.
    pub fn forget(&mut self, gone: impl Fn(&[u8]) -> bool) {
        let tags = self.leaflets.iter().map(|leaflet| &leaflet.tag);
        let tags: Vec<Rc<[u8]>> = tags.filter(|tag| gone(tag)).cloned().collect();
        let mut windows = Clearing::default();
        for tag in &tags {
            let Some(leaflet) = self.leaflets.get_mut(tag) else {
                continue;
            };
            self.live -= u64::from(leaflet.is_live());
            for rule in &self.rules {
                if let Some(window) = leaflet.forget(rule.id) {
                    windows.add(tag, window);
                }
            }
            while leaflet.release(u64::MAX).is_some() {}
            self.leaflets.remove(tag);
        }
        let mut all = usize::MAX;
        windows.clear_some(&mut all, &mut self.store, |_, _| {});
        let leaflets = &self.leaflets;
        self.idle.retain(|tag| leaflets.number(tag).is_some());
    }

    /// Forgets all windows and clocks; what they held is handed over, to be freed.
    pub fn clear(&mut self) -> Remains {
        self.meter = self.meter.replace();
        self.held = Meter::child(&self.meter);
        self.live = 0;
        for rule in &mut self.rules {
            rule.meter = Meter::child(&self.meter);
            rule.tally.forget_misses();
        }
        let store = Store::new(Meter::child(&self.meter));
        Remains::new(
            std::mem::take(&mut self.leaflets),
            std::mem::take(&mut self.idle),
            std::mem::take(&mut self.forgotten),
            std::mem::replace(&mut self.store, store),
        )
    }

    /// Forgets all windows, clocks and counters; what they held is handed over, to be freed.
    pub fn reset(&mut self) -> Remains {
        self.stats = Stats::default();
        self.saccules.clear();
        for rule in &mut self.rules {
            rule.stats = Stats::default();
            rule.tally.clear();
            rule.sees_from = None;
        }
        self.fresh = true;
        self.clear()
    }

    /// Forgets all windows and clocks, to have them filled anew; what they held is handed over, to be freed.
    pub fn start_rebuild(&mut self) -> Remains {
        self.rebuild = Some(Box::default());
        self.clear()
    }

    /// What the domain had counted, and what it held.
    pub fn end(mut self) -> (Stats, Remains) {
        let stats = self.stats();
        let rules = std::mem::take(&mut self.rules);
        let mut remains = self.clear();
        remains.rules = (rules, self.names, self.index);
        (stats, remains)
    }
}
