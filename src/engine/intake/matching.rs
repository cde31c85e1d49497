//! `MATCH` rules at work: an event is taken, matches are found and consumed, deadlines are set and met.

use super::arrival::Arrival;
use super::Intake;
use crate::engine::deadline::Deadline;
use crate::engine::matcher::scope::MatchScope;
use crate::engine::matcher::{Match, Search};
use crate::engine::partition::Candidate;
use crate::engine::processor::Rule;
use crate::engine::rule::ast::{Consume, Select};
use crate::engine::rule::pattern::{members, set_of, AtomSet};
use crate::engine::rule::program::{self, Gap, Kind, Program};
use std::rc::Rc;

/// A `MATCH` rule at work in one partition.
pub(super) struct Matching<'r> {
    pub(super) rule: &'r mut Rule,
    pub(super) program: &'r Program,
    pub(super) kind: &'r program::Match,
    pub(super) key: &'r [u8],
}

impl Intake<'_, '_> {
    /// A `MATCH` rule takes an event. True: there was no room for something.
    pub(super) fn take(
        &mut self,
        matching: &mut Matching,
        arrival: &mut Arrival,
        fits: AtomSet,
        floor: u64,
    ) -> bool {
        let kind = matching.kind;
        let absences = (0..).zip(&kind.absences);
        let seen = absences.filter(|(_, absence)| fits & (1 << absence.atom) != 0);
        for (number, absence) in seen.clone() {
            if matches!(absence.place, Gap::Trailing { .. }) {
                self.leaflet
                    .break_wait(matching.rule.id, matching.key, number);
            }
        }
        let usable = fits & kind.tree.atoms;
        let mut shed = false;
        let mut consumed = false;
        let triggers = self.triggers(matching, usable);
        let event = arrival.event;
        if let Some(ended) = self.ended(matching.rule, event.key, event.id, arrival.time) {
            consumed = self.end(matching, &ended, arrival.time, &mut shed);
        } else if triggers != 0 {
            let trigger = arrival.candidate(self.store);
            let found = self.search(matching, trigger, triggers, floor, 0);
            let before = matching.rule.stats.matches;
            consumed = self.conclude(matching, &found, trigger.time, &mut shed);
            let waits = |atom: u8| matching.program.atoms[atom as usize].buffer.is_some();
            if matching.rule.stats.matches == before && !members(usable).all(waits) {
                // No window will tell of it.
                let record = self.store.get(trigger.record);
                let (tally, tag) = (&mut matching.rule.tally, &self.leaflet.tag);
                tally.missed(tag, matching.key, trigger.seq, usable, record);
            }
        }
        if !consumed && usable != 0 {
            if self.keep(matching, arrival, usable) {
                for (wait, absences) in kind.waits() {
                    shed |= !self.wait(matching, arrival, usable, floor, wait, absences);
                }
            } else {
                shed = true;
            }
        }
        if consumed && kind.consume == Consume::Partition {
            return shed;
        }
        for (number, absence) in seen {
            if absence.looks_back() {
                shed |= !self.see(matching, arrival, number);
            }
        }
        shed
    }

    /// Of the atoms that an event fits, those by which it may end a match.
    fn triggers(&self, matching: &Matching, fits: AtomSet) -> AtomSet {
        if fits & matching.kind.last == 0 {
            return 0;
        }
        let window = self.leaflet.window(matching.rule.id);
        let partition = window.and_then(|window| window.partition(matching.key));
        Search::triggers(matching.program, matching.kind, partition, fits)
    }

    /// The selected matches that end with this event as one of these atoms, or with the deadline of one of these NOTs
    /// after it.
    fn search(
        &mut self,
        matching: &mut Matching,
        trigger: Candidate,
        triggers: AtomSet,
        floor: u64,
        absences: u64,
    ) -> Vec<Match> {
        let window = self.leaflet.window(matching.rule.id);
        let partition = window.and_then(|window| window.partition(matching.key));
        let search = Search {
            program: matching.program,
            rule: matching.kind,
            partition,
            store: self.store,
            slots: &matching.rule.slots,
            floor,
            budget: self.host.settings.match_budget,
            most: match matching.kind.select {
                Select::All => self.host.settings.max_matches_per_trigger,
                Select::Last | Select::First => 1,
            },
            absences,
        };
        let outcome = search.run(trigger, triggers);
        for stats in [&mut *self.stats, &mut matching.rule.stats] {
            stats.budget_cuts += u64::from(outcome.exhausted);
            stats.matches_cut += u64::from(outcome.more);
        }
        outcome.found
    }

    /// Sets a deadline, where a match ends with this event unless something comes. False: there was no room.
    fn wait(
        &mut self,
        matching: &mut Matching,
        arrival: &mut Arrival,
        fits: AtomSet,
        floor: u64,
        wait: u64,
        absences: u64,
    ) -> bool {
        let triggers = self.triggers(matching, fits);
        if triggers == 0 {
            return true;
        }
        let trigger = arrival.candidate(self.store);
        if self
            .search(matching, trigger, triggers, floor, absences)
            .is_empty()
        {
            return true;
        }
        let room = self.has_room(matching.key);
        if room {
            self.leaflet.add_deadline(Deadline {
                at: trigger.time.saturating_add(wait),
                seq: trigger.seq,
                order: matching.rule.order,
                rule: matching.rule.id,
                partition: matching.key.into(),
                floor,
                absences,
            });
        }
        room
    }

    /// Meets a deadline: nothing has come, and the match ends.
    pub(super) fn meet(&mut self, rule: &mut Rule, deadline: &Deadline) {
        let program = Rc::clone(&rule.program);
        let Kind::Match(kind) = &program.kind else {
            return;
        };
        let window = self.leaflet.window(rule.id);
        let partition = window.and_then(|window| window.partition(&deadline.partition));
        let Some((trigger, buffers)) = partition.and_then(|p| p.find(deadline.seq)) else {
            return;
        };
        let in_one_of = |atom: &u8| {
            let buffer = program.atoms[*atom as usize].buffer;
            buffer.is_some_and(|buffer| buffers & (1 << buffer) != 0)
        };
        let fits = set_of(members(kind.tree.atoms).filter(in_one_of));
        let mut matching = Matching {
            rule,
            program: &program,
            kind,
            key: &deadline.partition,
        };
        let mut shed = false;
        let last = self.store.get(trigger.record);
        if let Some(ended) = self.ended(matching.rule, last.key(), last.id, deadline.at) {
            self.end(&mut matching, &ended, deadline.at, &mut shed);
        } else {
            let (floor, absences) = (deadline.floor, deadline.absences);
            let triggers = self.triggers(&matching, fits);
            let found = self.search(&mut matching, trigger, triggers, floor, absences);
            self.conclude(&mut matching, &found, deadline.at, &mut shed);
        }
        for stats in [&mut *self.stats, &mut rule.stats] {
            stats.events_shed += u64::from(shed);
        }
    }

    /// Emits and consumes matches, if HAVING lets them. Is the trigger consumed?
    fn conclude(
        &mut self,
        matching: &mut Matching,
        found: &[Match],
        time: u64,
        shed: &mut bool,
    ) -> bool {
        let (program, kind) = (matching.program, matching.kind);
        let mut concluded = false;
        for events in found {
            let scope = MatchScope {
                events,
                store: self.store,
                slots: &matching.rule.slots,
                level: None,
            };
            if kind.having.as_ref().is_some_and(|h| !h.holds(&scope)) {
                matching.rule.tally.having_failed += 1;
                continue;
            }
            concluded = true;
            let times = || events.iter().map(|m| m.event.time);
            let span = times().max().unwrap_or(0) - times().min().unwrap_or(0);
            let confidence = 1.0 - span as f64 / (2.0 * program.within as f64);
            let key = matching.key;
            *shed |= !self.emit(matching.rule, key, events, time, confidence, None);
        }
        concluded && self.consume(matching, || found.iter().flatten().map(|m| m.event.seq))
    }

    /// Consumes the sources of matches that are known to have ended. Is the trigger consumed?
    fn end(
        &mut self,
        matching: &mut Matching,
        ended: &[Vec<u64>],
        time: u64,
        shed: &mut bool,
    ) -> bool {
        for _ in ended {
            *shed |= !self.note_ended(matching.rule, matching.key, time);
        }
        self.consume(matching, || ended.iter().flatten().copied())
    }

    /// Consumes the events at these places in processing order, or what they lead to. Is the trigger consumed?
    fn consume<I: Iterator<Item = u64>>(
        &mut self,
        matching: &Matching,
        events: impl Fn() -> I,
    ) -> bool {
        let (kind, id, key) = (matching.kind, matching.rule.id, matching.key);
        let store = &mut *self.store;
        match kind.consume {
            Consume::Matched => {
                // While their partition is there.
                if kind.absences.iter().any(|not| !not.looks_back()) {
                    self.leaflet.cancel(id, key, events());
                }
                self.leaflet.with_known_window(id, |window| {
                    events().for_each(|seq| window.consume(key, seq, store));
                });
            }
            Consume::Partition => {
                self.leaflet.cancel_all(id, key);
                self.leaflet
                    .with_known_window(id, |window| window.consume_partition(key, store));
            }
            Consume::None => {}
        }
        kind.consume != Consume::None
    }

    /// Keeps the event for later matches, where one of its atoms waits for others. False: there was no room.
    fn keep(&mut self, matching: &Matching, arrival: &mut Arrival, fits: AtomSet) -> bool {
        let program = matching.program;
        let buffers = || members(fits).filter_map(|atom| program.atoms[atom as usize].buffer);
        if buffers().next().is_none() {
            return true;
        }
        let candidate = arrival.candidate(self.store);
        let room = self.has_room(matching.key);
        if room {
            let key = matching.key;
            self.with_window(matching.rule, candidate.time, |window, store| {
                window.keep(key, buffers(), candidate, store);
            });
        }
        room
    }

    /// Notes that a NOT has seen the event. False: there was no room.
    fn see(&mut self, matching: &Matching, arrival: &Arrival, absence: usize) -> bool {
        let room = self.has_room(matching.key);
        if room {
            let (key, seq, time) = (matching.key, arrival.seq, arrival.time);
            self.with_window(matching.rule, time, |window, _| {
                window.see(key, absence, seq, time);
            });
        }
        room
    }
}
