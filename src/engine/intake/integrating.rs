//! `INTEGRATE` rules at work.

use super::arrival::Arrival;
use super::Intake;
use crate::engine::key::AxonKey;
use crate::engine::matcher::scope::Matched;
use crate::engine::processor::Rule;
use crate::engine::rule::pattern::AtomSet;
use crate::engine::rule::program::{self, Program};
use std::collections::BTreeSet;

impl Intake<'_, '_> {
    /// An `INTEGRATE` rule takes an event. True: there was no room for it.
    #[allow(clippy::too_many_arguments)]
    pub(super) fn integrate(
        &mut self,
        rule: &mut Rule,
        program: &Program,
        kind: &program::Integrate,
        key: &[u8],
        arrival: &mut Arrival,
        fits: AtomSet,
        floor: u64,
    ) -> bool {
        let atom = fits.trailing_zeros() as u8;
        let weight = match &kind.weights[atom as usize] {
            None => Some(1.0),
            Some(weight) => weight.eval(&arrival.scope(program)).as_number(),
        };
        let Some(weight) = weight else {
            rule.tally.weightless += 1;
            return false;
        };
        let candidate = arrival.candidate(self.store);
        if !self.has_room(key) {
            return true;
        }
        let (seq, time) = (candidate.seq, candidate.time);
        let axon = AxonKey::parse(arrival.event.key).name;
        let level = self.with_window(rule, time, |window, store| {
            window.contribute(key, usize::from(atom), candidate, &axon, store);
            window.raise(key, seq, time, |level| level.add(weight, time, kind.decay))
        });
        let window = self.leaflet.window(rule.id);
        let Some(partition) = window.and_then(|window| window.partition(key)) else {
            return false;
        };
        let ready = level >= kind.threshold
            && partition.axons() as u64 >= kind.from_axons
            && partition.level().is_some_and(|l| l.may_fire(time, kind));
        if let Some(ended) = self.ended(rule, arrival.event.key, arrival.event.id, time) {
            let room = ended.iter().all(|_| self.note_ended(rule, key, time));
            self.discharge(rule, kind, key, time);
            return !room;
        }
        if !ready {
            return false;
        }
        let contributions = partition.events();
        let mut events: Vec<Matched> = contributions
            .into_iter()
            .filter(|(_, candidate)| candidate.time >= floor)
            .map(|(atom, event)| Matched {
                atom: atom as u8,
                event,
            })
            .collect();
        if kind.from_axons > 1 {
            // Some that are held may have left the window already.
            let axon = |m: &Matched| AxonKey::parse(self.store.get(m.event.record).key()).name;
            let axons: BTreeSet<_> = events.iter().map(axon).collect();
            if (axons.len() as u64) < kind.from_axons {
                return false;
            }
        }
        let surplus = events.len().saturating_sub(self.host.settings.max_sources);
        events.drain(..surplus);
        let confidence = level / (level + kind.threshold);
        let room = self.emit(rule, key, &events, time, confidence, Some(level));
        self.discharge(rule, kind, key, time);
        !room
    }

    /// The rule has fired: the level is lowered, and contributions start afresh.
    fn discharge(&mut self, rule: &Rule, kind: &program::Integrate, key: &[u8], time: u64) {
        let store = &mut *self.store;
        self.leaflet.with_known_window(rule.id, |window| {
            if let Some(level) = window.level_mut(key) {
                level.fire(time, kind);
            }
            window.consume_partition(key, store);
        });
    }
}
