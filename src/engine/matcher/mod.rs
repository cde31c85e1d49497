//! Finding matches that end at a trigger.

mod bounds;
pub mod open;
pub mod scope;
mod sequence;
mod walk;

use std::cell::Cell;
use std::cmp::Ordering;

use smallvec::SmallVec;

use super::candidates::Candidates;
use super::partition::{Candidate, Partition};
use super::rule::pattern::AtomSet;
use super::rule::program::{deadline, Condition, Match as Rule, Program};
use super::store::{Slot, Store};
use super::value::Value;
use bounds::Bounds;
use open::Listing;
use scope::{MatchScope, Matched};
use sequence::Climb;
use walk::Walk;

/// The events of a match, oldest first.
pub type Match = SmallVec<[Matched; 4]>;

/// What a search came to.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Outcome {
    /// The selected matches, best first.
    pub found: Vec<Match>,
    /// The budget ran out before everything was found or excluded. Without `SELECT ALL` nothing is found then.
    pub exhausted: bool,
    /// There are more than were asked for.
    pub more: bool,
    /// Steps it took.
    pub steps: u64,
}

impl Outcome {
    /// Takes the next match, if so many are wanted. Does the search go on?
    fn take(&mut self, found: Match, most: usize) -> bool {
        self.more = self.found.len() == most;
        if !self.more {
            self.found.push(found);
        }
        !self.more && most > 1
    }
}

/// The budget ran out.
struct Exhausted;

/// What a search looks at.
pub struct Search<'a> {
    pub program: &'a Program,
    pub rule: &'a Rule,
    /// `None`: one that holds nothing.
    pub partition: Option<&'a Partition>,
    pub store: &'a Store,
    pub slots: &'a [Slot],
    /// The fields of the trigger, where it is in no store.
    pub trigger: &'a [(Slot, Value<'a>)],
    /// Older events have left the window.
    pub floor: u64,
    /// Steps the search may take.
    pub budget: u64,
    /// How many matches are wanted.
    pub most: usize,
    /// The NOTs with one of whose deadlines the match is to end, a bit each; none where it ends with an event.
    pub absences: u64,
}

/// So many events of a match, and parts of a condition, cost as much as a step.
const EVENTS_A_STEP: u64 = 16;
const PARTS_A_STEP: u64 = 16;

/// Takes steps from a budget.
fn spend(budget: &Cell<u64>, steps: u64) -> Result<(), Exhausted> {
    let left = budget.get().checked_sub(steps).ok_or(Exhausted)?;
    budget.set(left);
    Ok(())
}

impl<'a> Search<'a> {
    /// Of the atoms that an event fits, those it can fill as the last event of a match, as far as can be seen without
    /// looking at conditions. Empty: no search is needed.
    pub fn triggers(
        program: &Program,
        rule: &Rule,
        partition: Option<&Partition>,
        fits: AtomSet,
    ) -> AtomSet {
        match &rule.sequence {
            Some(sequence) => sequence::triggers(program, sequence, partition, fits),
            None => Bounds::new(program, rule, partition).triggers(rule, fits),
        }
    }

    /// Searches for the matches in which the trigger fills one of `atoms` (from [`Search::triggers`]) and is the last
    /// event.
    pub fn run(&'a self, trigger: Candidate, atoms: AtomSet) -> Outcome {
        let mut outcome = Outcome::default();
        let budget = Cell::new(self.budget);
        let done = if let Some(sequence) = &self.rule.sequence {
            Climb::new(self, sequence, &budget).run(trigger, &mut outcome)
        } else if let Some(automaton) = &self.rule.automaton {
            Listing::new(self, automaton, &budget, trigger, atoms).run(&mut outcome)
        } else {
            let bounds = Bounds::new(self.program, self.rule, self.partition);
            let mut walk = Walk::new(self, &bounds, &budget, trigger, atoms);
            walk.run(&mut outcome)
        };
        outcome.steps = self.budget - budget.get();
        outcome.exhausted = done.is_err();
        if outcome.exhausted && self.most == 1 {
            outcome.found.clear();
        }
        outcome
    }

    fn candidates(&self, atom: u8) -> Option<&'a Candidates> {
        candidates(self.program, self.partition, atom)
    }

    fn scope<'s>(&'s self, events: &'s [Matched], budget: &'s Cell<u64>) -> MatchScope<'s> {
        MatchScope {
            events,
            store: self.store,
            slots: self.slots,
            level: None,
            trigger: self.trigger,
            budget: Some(budget),
        }
    }

    /// Conditions hold for these events. Long ones, of long matches and on long texts, cost more than a step.
    fn all_hold<'c>(
        &self,
        conditions: impl Iterator<Item = &'c Condition>,
        events: &[Matched],
        budget: &Cell<u64>,
    ) -> Result<bool, Exhausted> {
        spend(budget, events.len() as u64 / EVENTS_A_STEP)?;
        let scope = self.scope(events, budget);
        for condition in conditions {
            spend(budget, condition.size / PARTS_A_STEP)?;
            if !condition.expr.holds(&scope) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// It ends with a deadline that was asked for, or with an event.
    fn ends_as_asked(&self, filled: AtomSet) -> bool {
        match deadline(&self.rule.absences, filled) {
            None => self.absences == 0,
            Some(number) => self.absences & (1 << number) != 0,
        }
    }

    /// A NOT has seen something between these places in processing order.
    fn saw_between(&self, absence: usize, before: u64, after: u64) -> bool {
        let seen = self.partition.and_then(|p| p.seen(absence));
        seen.is_some_and(|seen| {
            let at = seen.partition_point(|s| s.seq <= before);
            seen.get(at).is_some_and(|s| s.seq < after)
        })
    }

    /// A NOT has seen something before this event, at most WITHIN older.
    fn saw_before(&self, absence: usize, first: Candidate) -> bool {
        let floor = first.time.saturating_sub(self.program.within);
        let seen = self.partition.and_then(|p| p.seen(absence));
        let mut before = seen.into_iter().flatten().take_while(|s| s.seq < first.seq);
        before.any(|s| s.time >= floor)
    }
}

fn candidates<'a>(
    program: &Program,
    partition: Option<&'a Partition>,
    atom: u8,
) -> Option<&'a Candidates> {
    Some(&partition?.buffers[program.atoms[atom as usize].buffer?])
}

/// Of two ways to give the same events to atoms, the one that gives the older events to the atoms further left comes
/// first.
fn older_to_the_left(a: &Match, b: &Match) -> Ordering {
    let by_atom = |list: &Match| {
        let mut places: SmallVec<[(u8, u64); 8]> =
            list.iter().map(|m| (m.atom, m.event.seq)).collect();
        places.sort_unstable();
        places
    };
    by_atom(a).cmp(&by_atom(b))
}
