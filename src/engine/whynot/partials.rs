//! The partial matches of a MATCH rule, and its deadlines.

use std::cell::Cell;

use super::faults::Judge;
use super::nearest::{known, Nearest, Partial};
use super::{Asked, SHOWN};
use crate::engine::deadline::Deadline;
use crate::engine::partition::Partition;
use crate::engine::report::{duration, joined, Report};
use crate::engine::rule::pattern::{members, Node};
use crate::engine::rule::program::Match;
use crate::engine::tally::Miss;

/// The most events of a partial match that are shown, the newest.
const SHOWN_EVENTS: usize = 16;
/// One partition gets at least this part of the steps that are left.
const SHARE: u64 = 16;

/// A partial match and where it is.
struct Placed<'a> {
    judge: Judge<'a>,
    key: &'a [u8],
    partial: Partial<'a>,
}

impl<'a> Asked<'a> {
    /// What is shown of a MATCH rule alone.
    pub fn partials(
        &self,
        rule: &'a Match,
        partitions: &[&'a Partition],
        reasons: &mut Vec<String>,
    ) -> Vec<(&'static str, Report)> {
        let nearest = self.nearest(rule, partitions);
        if let Some(failed) = nearest.iter().find(|p| !p.partial.faults.is_empty()) {
            reasons.push(self.failed(failed));
        }
        if let Some(waits) = nearest.iter().find(|p| p.partial.faults.is_empty()) {
            reasons.push(self.waits(waits));
        }
        if self.cut.get() {
            reasons.push(
                "There may be nearer ones: the search was cut short (leaflet.match-budget).".into(),
            );
        }
        let mut deadlines: Vec<&Deadline> = partitions
            .iter()
            .filter_map(|partition| partition.more.as_deref())
            .flat_map(|more| more.pending.iter())
            .collect();
        deadlines.sort();
        if let Some(next) = deadlines.first() {
            reasons.push(format!(
                "A match{} ends in {} if no {} comes until then.",
                self.of_partition(&next.partition),
                duration(self.left(next)),
                self.waited_for(rule, next)
            ));
        }
        let nearest = nearest.iter().map(|placed| self.describe(placed));
        let deadlines = deadlines.iter().take(SHOWN);
        let deadlines = deadlines.map(|deadline| self.describe_deadline(rule, deadline));
        vec![
            ("nearest", Report::list(nearest)),
            ("deadlines", Report::list(deadlines)),
        ]
    }

    /// The partial matches nearest to completion, nearest first.
    fn nearest(&self, rule: &'a Match, partitions: &[&'a Partition]) -> Vec<Placed<'a>> {
        let tree = rule.tree.mirrored();
        let places = self.places(partitions);
        let mut nearest: Vec<Placed> = Vec::new();
        for (done, (key, partition)) in places.iter().enumerate() {
            let judge = Judge {
                program: &self.rule.program,
                rule,
                written: self.written,
                slots: &self.rule.slots,
                partition: *partition,
            };
            let left = (places.len() - done) as u64;
            let share = self.budget.get() / left.min(SHARE);
            let found = self.search_in(judge, &tree, key, share);
            nearest.extend(found.into_iter().map(|partial| Placed {
                judge,
                key,
                partial,
            }));
        }
        nearest.sort_by(|a, b| a.partial.order(&b.partial));
        let mut shown: Vec<Placed> = Vec::new();
        for placed in nearest {
            if shown.len() == SHOWN {
                break;
            }
            let known = |other: &Placed| {
                other.key == placed.key && placed.partial.is_part_of(&other.partial)
            };
            if !shown.iter().any(known) {
                shown.push(placed);
            }
        }
        shown
    }

    fn search_in(
        &self,
        judge: Judge<'a>,
        tree: &Node,
        key: &'a [u8],
        share: u64,
    ) -> Vec<Partial<'a>> {
        let misses = self.misses().filter(|miss| *miss.partition == *key);
        let (events, all) = known(&judge, self.domain.store(), misses, self.floor());
        let budget = Cell::new(share);
        let found = Nearest::new(judge, tree, &events, &budget).run();
        self.budget.set(self.budget.get() - (share - budget.get()));
        self.cut.set(self.cut.get() || budget.get() == 0 || !all);
        found
    }

    /// The partitions to look at, and those of events that could have ended a match.
    fn places(&self, partitions: &[&'a Partition]) -> Vec<(&'a [u8], Option<&'a Partition>)> {
        let mut places: Vec<(&[u8], Option<&Partition>)> = Vec::new();
        for miss in self.misses() {
            let wanted = self.key.as_ref().is_none_or(|key| **key == *miss.partition);
            if wanted && places.iter().all(|(key, _)| **key != *miss.partition) {
                let partition = self.window.and_then(|w| w.partition(&miss.partition));
                places.push((&miss.partition, partition));
            }
        }
        for partition in partitions {
            if places.iter().all(|(key, _)| **key != *partition.key) {
                places.push((&partition.key, Some(partition)));
            }
        }
        places
    }

    /// The events of the leaflet that could have ended a match.
    fn misses(&self) -> impl Iterator<Item = &'a Miss> {
        let tally = &self.rule.tally;
        let tag = self.leaflet.map(|leaflet| &leaflet.tag);
        tag.into_iter().flat_map(|tag| tally.misses(tag))
    }

    /// Why the nearest list of events that has faults is no match.
    fn failed(&self, placed: &Placed) -> String {
        let Placed { judge, partial, .. } = placed;
        let faults = partial.faults.iter();
        let faults: Vec<String> = faults
            .map(|fault| judge.describe(*fault, &partial.given))
            .collect();
        let what = match partial.lacks {
            0 => "match",
            _ => "partial match",
        };
        format!(
            "The nearest {what}{} fails: {}.",
            self.of_partition(placed.key),
            faults.join("; ")
        )
    }

    /// What the nearest partial match without faults waits for.
    fn waits(&self, placed: &Placed) -> String {
        format!(
            "The nearest partial match{} lacks {}; its first event leaves the window in {}.",
            self.of_partition(placed.key),
            joined(&placed.partial.lacking, "and"),
            duration(self.leaves(&placed.partial))
        )
    }

    /// How long it is until the oldest event leaves the window, ms.
    fn leaves(&self, partial: &Partial) -> u64 {
        let oldest = partial.given.iter().map(|given| given.event.time).min();
        let end = oldest.map_or(0, |oldest| oldest.saturating_add(self.rule.program.within));
        end.saturating_sub(self.time())
    }

    fn describe(&self, placed: &Placed) -> Report {
        let Placed { judge, partial, .. } = placed;
        let hidden = partial.given.len().saturating_sub(SHOWN_EVENTS);
        let events = partial.given[hidden..]
            .iter()
            .map(|given| self.describe_event(given.atom, given.event.record));
        let faults = partial.faults.iter();
        let fails = faults.map(|fault| judge.describe(*fault, &partial.given));
        let mut shown = Vec::new();
        if !self.written.partition_by.is_empty() {
            shown.push(("partition", self.describe_key(placed.key)));
        }
        shown.extend([
            ("has", (partial.given.len() as u64).into()),
            ("events", Report::list(events)),
            ("lacks", Report::list(partial.lacking.iter().cloned())),
            ("fails", Report::list(fails)),
            ("left_ms", self.leaves(partial).into()),
        ]);
        Report::Map(shown)
    }

    /// How long a deadline is ahead of the leaflet's clock, ms.
    fn left(&self, deadline: &Deadline) -> u64 {
        let processed = self
            .clock()
            .saturating_sub(self.domain.spec.time.lateness());
        deadline.at.saturating_sub(processed)
    }

    /// What must not come until a deadline.
    fn waited_for(&self, rule: &Match, deadline: &Deadline) -> String {
        let text = |number: u8| {
            let atom = rule.absences[number as usize].atom;
            self.written.atoms[atom as usize].text.clone()
        };
        let texts: Vec<String> = members(deadline.absences).map(text).collect();
        joined(&texts, "or")
    }

    fn describe_deadline(&self, rule: &Match, deadline: &Deadline) -> Report {
        let mut shown = Vec::new();
        if !self.written.partition_by.is_empty() {
            shown.push(("partition", self.describe_key(&deadline.partition)));
        }
        shown.extend([
            ("at", deadline.at.into()),
            ("left_ms", self.left(deadline).into()),
            ("unless", self.waited_for(rule, deadline).into()),
        ]);
        let partition = self
            .window
            .and_then(|window| window.partition(&deadline.partition));
        if let Some((last, buffers)) = partition.and_then(|p| p.find(deadline.seq)) {
            let in_one_of = |atom: &u8| {
                let buffer = self.rule.program.atoms[*atom as usize].buffer;
                buffer.is_some_and(|buffer| buffers & (1 << buffer) != 0)
            };
            let atom = members(rule.tree.atoms).find(in_one_of).unwrap_or(0);
            let record = self.domain.store().get(last.record);
            shown.push(("after", self.describe_event(atom, record)));
        }
        Report::Map(shown)
    }
}
