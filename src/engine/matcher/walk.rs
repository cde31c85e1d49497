//! The search itself: a depth-first walk over *lists of events* in the order in which the lists compare, so that the
//! first list that makes a match is the one to select.
//!
//! `SELECT LAST` and `ALL` compare lists newest first: the walk goes from the trigger to older and older events.
//! `SELECT FIRST` compares them oldest first: the walk goes from the oldest event, and the trigger comes last. Next to
//! each list stand all ways to assign its events to atoms: which of them counts is known only when the list is whole.

use std::cell::Cell;
use std::cmp::Ordering;

use smallvec::{smallvec, SmallVec};

use super::bounds::Bounds;
use super::scope::Matched;
use super::{older_to_the_left, spend, Exhausted, Match, Outcome, Search, EVENTS_A_STEP};
use crate::engine::candidates::Candidates;
use crate::engine::expr::Scope;
use crate::engine::partition::Candidate;
use crate::engine::rule::pattern::{members, AtomSet, Node, Taken};
use crate::engine::rule::program::{Condition, Gap, Lookup};

/// One way to give the list's events to atoms: what the youngest of them was given, and the way this one goes on from.
#[derive(Debug, Clone)]
struct Assignment {
    atom: u8,
    /// Among the assignments one level up.
    from: u32,
    filled: AtomSet,
    counts: SmallVec<[u32; 4]>,
}

impl Assignment {
    fn taken(&self) -> Taken<'_> {
        Taken {
            filled: self.filled,
            counts: &self.counts,
        }
    }
}

/// A list of events: those of the levels below, and this one's.
struct Level<'w> {
    /// `None`: the empty list.
    event: Option<Candidate>,
    assignments: SmallVec<[Assignment; 2]>,
    /// For each atom that can take a further event, where its candidates begin that the walk has not tried.
    cursors: SmallVec<[Cursor<'w>; 4]>,
    /// The times the list spans.
    oldest: u64,
    newest: u64,
}

/// The candidates of an atom, and where those begin that have not been tried.
struct Cursor<'w> {
    atom: u8,
    at: usize,
    list: &'w Candidates,
}

pub struct Walk<'w> {
    search: &'w Search<'w>,
    bounds: &'w Bounds<'w>,
    tree: &'w Node,
    /// From the oldest event on.
    forward: bool,
    trigger: Candidate,
    /// The atoms the trigger may fill.
    triggers: AtomSet,
    budget: &'w Cell<u64>,
    levels: Vec<Level<'w>>,
}

impl<'w> Walk<'w> {
    pub fn new(
        search: &'w Search<'w>,
        bounds: &'w Bounds<'w>,
        budget: &'w Cell<u64>,
        trigger: Candidate,
        triggers: AtomSet,
    ) -> Self {
        let mirrored = search.rule.mirrored.as_ref();
        Self {
            search,
            bounds,
            tree: mirrored.unwrap_or(&search.rule.tree),
            forward: mirrored.is_some(),
            trigger,
            triggers,
            budget,
            levels: Vec::new(),
        }
    }

    pub fn run(&mut self, outcome: &mut Outcome) -> Result<(), Exhausted> {
        let nothing = Assignment {
            atom: 0,
            from: 0,
            filled: 0,
            counts: smallvec![0; self.search.rule.counters],
        };
        let root: SmallVec<[Assignment; 2]> = smallvec![nothing];
        if self.forward {
            self.push(None, root);
        } else {
            let triggers = self.triggers;
            let assignments = self.given(&root, self.trigger, triggers)?;
            if assignments.is_empty() {
                return Ok(());
            }
            self.push(Some(self.trigger), assignments);
        }
        while !self.levels.is_empty() {
            match self.next_candidate() {
                Some((candidate, atoms)) => self.lengthen(candidate, atoms)?,
                None => {
                    // Every longer list has been tried. Where one list begins another the longer wins, so this one's
                    // turn is last; and a list that goes forward ends with the trigger, the youngest of all.
                    if let Some(found) = self.finished()? {
                        if !outcome.take(found, self.search.most) {
                            return Ok(());
                        }
                    }
                    self.levels.pop();
                }
            }
        }
        Ok(())
    }

    /// Adds an event to the list, if it can be given to an atom.
    fn lengthen(&mut self, candidate: Candidate, atoms: AtomSet) -> Result<(), Exhausted> {
        self.spend(1)?;
        let level = &self.levels[self.levels.len() - 1];
        let span = level.newest.max(candidate.time) - level.oldest.min(candidate.time);
        if candidate.time < self.search.floor || span > self.search.program.within {
            return Ok(());
        }
        let assignments = self.given(&level.assignments, candidate, atoms)?;
        if !assignments.is_empty() {
            self.push(Some(candidate), assignments);
        }
        Ok(())
    }

    fn push(&mut self, event: Option<Candidate>, assignments: SmallVec<[Assignment; 2]>) {
        let time = event.unwrap_or(self.trigger).time;
        let (oldest, newest) = match self.levels.last() {
            Some(level) => (level.oldest.min(time), level.newest.max(time)),
            None => (time, time),
        };
        let enabled = assignments
            .iter()
            .fold(0, |set, a| set | self.tree.enabled(a.taken()));
        let start = |atom: u8| {
            let list = match self.partners(atom, &assignments, event) {
                Ok(partners) => partners?,
                Err(()) => self.search.candidates(atom)?,
            };
            let at = match (self.forward, event) {
                (true, None) => 0,
                (true, Some(event)) => list.before(event.seq.saturating_add(1)),
                (false, Some(event)) => list.before(event.seq),
                (false, None) => list.len(),
            };
            Some(Cursor { atom, at, list })
        };
        let cursors = members(enabled).filter_map(start).collect();
        self.levels.push(Level {
            event,
            assignments,
            cursors,
            oldest,
            newest,
        });
    }

    /// The candidates of an atom that an equality allows, where it can be looked up: its other side is known, and the
    /// same for all assignments. `Err`: all have to be looked at.
    fn partners(
        &self,
        atom: u8,
        assignments: &[Assignment],
        event: Option<Candidate>,
    ) -> Result<Option<&'w Candidates>, ()> {
        let rule = self.search.rule;
        let ([assignment], Some(event), Some(partition)) =
            (assignments, event, self.search.partition)
        else {
            return Err(());
        };
        // Of an atom that takes several, the condition sees the last: going backwards that is the first one given.
        let usable = |lookup: &&Lookup| {
            lookup.atom == atom
                && assignment.filled & (1 << atom) == 0
                && assignment.filled & (1 << lookup.other) != 0
                && !(self.forward && rule.repeated & (1 << atom | 1 << lookup.other) != 0)
        };
        for lookup in rule.lookups.iter().filter(usable) {
            let events = self.matched(assignment, event, self.levels.len());
            let value = self
                .search
                .scope(&events, self.budget)
                .field(Some(lookup.other), lookup.other_field)
                .into_owned();
            if let Ok(partners) = partition.equal_to(lookup.join, &value) {
                return Ok(partners);
            }
        }
        Err(())
    }

    /// The next candidate to try at the top level and all atoms that could take it; the cursors step over it.
    fn next_candidate(&mut self) -> Option<(Candidate, AtomSet)> {
        let (forward, trigger) = (self.forward, self.trigger.seq);
        let bounds = self.bounds;
        let head = |cursor: &Cursor| {
            let at = if forward {
                cursor.at
            } else {
                cursor.at.checked_sub(1)?
            };
            let candidate = *cursor.list.get(at)?;
            let possible = match forward {
                true => candidate.seq < trigger,
                false => candidate.seq > bounds.after(cursor.atom),
            };
            possible.then_some(candidate)
        };
        let cursors = &mut self.levels.last_mut()?.cursors;
        let heads = cursors.iter().filter_map(head);
        let next = match forward {
            true => heads.min_by_key(|c| c.seq)?,
            false => heads.max_by_key(|c| c.seq)?,
        };
        let mut atoms = 0;
        for cursor in cursors {
            if head(cursor).is_some_and(|c| c.seq == next.seq) {
                atoms |= 1 << cursor.atom;
                cursor.at = if forward {
                    cursor.at + 1
                } else {
                    cursor.at - 1
                };
            }
        }
        Some((next, atoms))
    }

    /// The assignments that go on from these by giving the event to one of the atoms.
    fn given(
        &self,
        from: &[Assignment],
        event: Candidate,
        atoms: AtomSet,
    ) -> Result<SmallVec<[Assignment; 2]>, Exhausted> {
        let mut given = SmallVec::<[Assignment; 2]>::new();
        for (number, assignment) in (0..).zip(from) {
            for atom in members(self.tree.enabled(assignment.taken()) & atoms) {
                self.spend(1)?;
                let bit = 1 << atom;
                let again = assignment.filled & bit != 0;
                let mut counts = assignment.counts.clone();
                if let Some(counter) = self.search.rule.counter(atom) {
                    counts[counter] += 1;
                }
                let longer = Assignment {
                    atom,
                    from: number,
                    filled: assignment.filled | bit,
                    counts,
                };
                if (again || self.conditions_hold(&longer, event)?)
                    && self.gap_is_open(&longer, event, again)
                {
                    self.keep(&mut given, longer, event)?;
                }
            }
        }
        Ok(given)
    }

    /// Adds an assignment. Where nothing that is still to be decided looks back at what atoms were given, of two that
    /// can go on in the same ways the better one will do: whatever comes later is added to both.
    fn keep(
        &self,
        given: &mut SmallVec<[Assignment; 2]>,
        new: Assignment,
        event: Candidate,
    ) -> Result<(), Exhausted> {
        let same = |old: &&mut Assignment| old.filled == new.filled && old.counts == new.counts;
        let rival = given.iter_mut().find(same);
        let Some(rival) = rival.filter(|_| self.search.rule.forgetful) else {
            given.push(new);
            return Ok(());
        };
        let below = self.levels.len();
        let [old, new_one] = [&*rival, &new].map(|a| self.matched(a, event, below));
        if older_to_the_left(&new_one, &old) == Ordering::Less {
            *rival = new;
        }
        self.spend(below as u64)
    }

    fn spend(&self, steps: u64) -> Result<(), Exhausted> {
        spend(self.budget, steps)
    }

    /// The conditions hold that can be decided now that the assignment's youngest atom has its first event. Of an atom
    /// that takes several, conditions see the last: going backwards, that is the first one given.
    fn conditions_hold(
        &self,
        assignment: &Assignment,
        event: Candidate,
    ) -> Result<bool, Exhausted> {
        let rule = self.search.rule;
        let bit = 1 << assignment.atom;
        let mut decidable = rule
            .conditions
            .iter()
            .filter(|c| c.atoms & bit != 0 && c.atoms & !assignment.filled == 0)
            .filter(|c| !self.forward || c.atoms & rule.repeated == 0)
            .peekable();
        if decidable.peek().is_none() {
            return Ok(true);
        }
        let events = self.matched(assignment, event, self.levels.len());
        self.all_hold(decidable, &events)
    }

    /// No event that a NOT between two parts has seen lies between them, as far as can be told when an event begins the
    /// part in front of it. (Going forward, that is told at the end.)
    fn gap_is_open(&self, assignment: &Assignment, event: Candidate, again: bool) -> bool {
        if again || self.forward {
            return true;
        }
        let bit = 1 << assignment.atom;
        let mut gaps = (0..).zip(&self.search.rule.absences);
        gaps.all(|(number, absence)| match absence.place {
            Gap::Between { before, after }
                if before & bit != 0 && before & assignment.filled == bit =>
            {
                let events = self.matched(assignment, event, self.levels.len());
                let next = events.iter().find(|m| after & (1 << m.atom) != 0);
                next.is_none_or(|next| !self.search.saw_between(number, event.seq, next.event.seq))
            }
            _ => true,
        })
    }

    /// The match of the top level's list, if it is one.
    fn finished(&self) -> Result<Option<Match>, Exhausted> {
        let Some(top) = self.levels.last() else {
            return Ok(None);
        };
        if !self.forward {
            let Some(event) = top.event else {
                return Ok(None);
            };
            return self.best(&top.assignments, event, self.levels.len() - 1);
        }
        let (trigger, triggers) = (self.trigger, self.triggers);
        let last = self.given(&top.assignments, trigger, triggers)?;
        self.best(&last, trigger, self.levels.len())
    }

    /// Of the complete assignments of the list, which are this event on top of so many levels, the one that counts.
    fn best(
        &self,
        assignments: &[Assignment],
        event: Candidate,
        below: usize,
    ) -> Result<Option<Match>, Exhausted> {
        let complete = assignments
            .iter()
            .filter(|a| self.tree.complete(a.taken()))
            .filter(|a| self.search.ends_as_asked(a.filled));
        let mut best: Option<Match> = None;
        for assignment in complete {
            self.spend(below as u64 / EVENTS_A_STEP)?;
            let events = self.matched(assignment, event, below);
            if self.nothing_came(&events)
                && self.rest_holds(assignment.filled, &events)?
                && best
                    .as_ref()
                    .is_none_or(|best| older_to_the_left(&events, best) == Ordering::Less)
            {
                best = Some(events);
            }
        }
        Ok(best)
    }

    /// What NOTs wait for in vain did not come. (What a deadline waits for is seen to when it comes.)
    fn nothing_came(&self, events: &[Matched]) -> bool {
        let among = |set: AtomSet| events.iter().filter(move |m| set & (1 << m.atom) != 0);
        let mut absences = self.search.rule.absences.iter().enumerate();
        absences.all(|(number, absence)| match absence.place {
            Gap::Trailing { .. } => true,
            Gap::Between { before, after } => {
                match (among(before).next_back(), among(after).next()) {
                    (Some(last), Some(next)) => {
                        !self
                            .search
                            .saw_between(number, last.event.seq, next.event.seq)
                    }
                    _ => true,
                }
            }
            Gap::Leading { after } => among(after)
                .next()
                .is_none_or(|first| !self.search.saw_before(number, first.event)),
        })
    }

    /// The conditions hold that could not be decided on the way: on atoms without an event, whose fields are NULL, and,
    /// going forward, on atoms that take several.
    fn rest_holds(&self, filled: AtomSet, events: &[Matched]) -> Result<bool, Exhausted> {
        let rule = self.search.rule;
        let open = rule.conditions.iter().filter(|c| {
            c.atoms == 0 || c.atoms & !filled != 0 || (self.forward && c.atoms & rule.repeated != 0)
        });
        self.all_hold(open, events)
    }

    /// The events of an assignment that gives this event on top of so many levels, oldest first.
    fn matched(&self, assignment: &Assignment, event: Candidate, below: usize) -> Match {
        let mut events = smallvec![Matched {
            atom: assignment.atom,
            event,
        }];
        let mut from = assignment.from;
        for level in self.levels[..below].iter().rev() {
            let Some(event) = level.event else { break };
            let assignment = &level.assignments[from as usize];
            events.push(Matched {
                atom: assignment.atom,
                event,
            });
            from = assignment.from;
        }
        if self.forward {
            events.reverse();
        }
        events
    }

    /// Conditions hold for these events.
    fn all_hold<'c>(
        &self,
        conditions: impl Iterator<Item = &'c Condition>,
        events: &[Matched],
    ) -> Result<bool, Exhausted> {
        self.search.all_hold(conditions, events, self.budget)
    }
}
