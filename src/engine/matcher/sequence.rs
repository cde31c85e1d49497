//! The search for patterns that are a plain sequence, `A -> B -> C`, with `SELECT LAST`: the most common ones.
//!
//! Each event can be given to one atom only, so that there is nothing to weigh, as [`walk`](super::walk) has to: from the
//! trigger on, each atom takes the youngest candidate before the one behind it, and the next older one where that leads
//! nowhere.

use std::cell::Cell;

use smallvec::SmallVec;

use super::scope::{MatchScope, Matched};
use super::{spend, Exhausted, Match, Outcome, Search};
use crate::engine::candidates::Candidates;
use crate::engine::expr::Scope;
use crate::engine::partition::{Candidate, Partition};
use crate::engine::rule::pattern::AtomSet;
use crate::engine::rule::program::{Program, Sequence};

/// Of the atoms that an event fits, the last one of the sequence, if each of the others has a candidate.
pub fn triggers(
    program: &Program,
    sequence: &Sequence,
    partition: Option<&Partition>,
    fits: AtomSet,
) -> AtomSet {
    let Some((last, others)) = sequence.steps.split_last() else {
        return 0;
    };
    let waits = |atom: u8| {
        let list = super::candidates(program, partition, atom);
        list.is_some_and(|list| !list.is_empty())
    };
    if others.iter().all(|step| waits(step.atom)) {
        fits & 1 << last.atom
    } else {
        0
    }
}

/// A search at work.
pub struct Climb<'s> {
    search: &'s Search<'s>,
    sequence: &'s Sequence,
    /// By step: its candidates must be younger than this, for something must fit in before them.
    after: SmallVec<[u64; 8]>,
    /// Newest first.
    given: Match,
    budget: &'s Cell<u64>,
}

impl<'s> Climb<'s> {
    /// A search along this sequence; each of its steps but the last one has a candidate.
    pub fn new(search: &'s Search<'s>, sequence: &'s Sequence, budget: &'s Cell<u64>) -> Self {
        let mut earliest = 0;
        let after = sequence.steps.iter().map(|step| {
            let front = search.candidates(step.atom).and_then(|list| list.front());
            let after = earliest;
            earliest = earliest.max(front.map_or(0, |front| front.seq));
            after
        });
        Self {
            after: after.collect(),
            search,
            sequence,
            given: Match::new(),
            budget,
        }
    }

    /// Finds the match that ends with this event, if there is one.
    pub fn run(mut self, trigger: Candidate, outcome: &mut Outcome) -> Result<(), Exhausted> {
        let last = self.sequence.steps.len() - 1;
        if self.search.ends_as_asked(self.search.rule.tree.atoms)
            && self.give(last, trigger, (trigger.time, trigger.time))?
        {
            self.given.reverse();
            outcome.found.push(self.given);
        }
        Ok(())
    }

    /// Gives an event to a step and fills the ones before. `times`: what the events span with it.
    fn give(
        &mut self,
        step: usize,
        event: Candidate,
        times: (u64, u64),
    ) -> Result<bool, Exhausted> {
        let atom = self.sequence.steps[step].atom;
        self.given.push(Matched { atom, event });
        if self.holds(step)? && self.fill_before(step, event, times)? {
            return Ok(true);
        }
        self.given.pop();
        Ok(false)
    }

    fn holds(&self, step: usize) -> Result<bool, Exhausted> {
        let conditions = self.sequence.steps[step].conditions.iter();
        let conditions = conditions.map(|number| &self.search.rule.conditions[*number]);
        self.search.all_hold(conditions, &self.given, self.budget)
    }

    fn fill_before(
        &mut self,
        step: usize,
        event: Candidate,
        (oldest, newest): (u64, u64),
    ) -> Result<bool, Exhausted> {
        let Some(before) = step.checked_sub(1) else {
            let mut nots = self.sequence.not_before.iter();
            return Ok(!nots.any(|not| self.search.saw_before(*not, event)));
        };
        let Some(list) = self.partners(before) else {
            return Ok(false);
        };
        // Mostly all of them are older.
        let end = match list.back() {
            Some(back) if back.seq < event.seq => list.len(),
            _ => list.before(event.seq),
        };
        let floor = self.after[before];
        for candidate in list.first(end).rev() {
            // What a NOT has seen behind this one it has seen behind all that are older.
            let mut seen = self.sequence.steps[before].not_after.iter();
            if candidate.seq <= floor
                || seen.any(|not| self.search.saw_between(*not, candidate.seq, event.seq))
            {
                break;
            }
            spend(self.budget, 1)?;
            let times = (oldest.min(candidate.time), newest.max(candidate.time));
            if candidate.time >= self.search.floor
                && times.1 - times.0 <= self.search.program.within
                && self.give(before, *candidate, times)?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The candidates of a step: those that an equality allows, where it can be looked up.
    fn partners(&self, step: usize) -> Option<&'s Candidates> {
        let step = &self.sequence.steps[step];
        let partition = self.search.partition?;
        for number in &step.lookups {
            let lookup = &self.search.rule.lookups[*number];
            let scope = self.scope();
            let value = scope.field(Some(lookup.other), lookup.other_field);
            if let Ok(partners) = partition.equal_to(lookup.join, &value) {
                return partners;
            }
        }
        self.search.candidates(step.atom)
    }

    fn scope(&self) -> MatchScope<'_> {
        self.search.scope(&self.given, self.budget)
    }
}
