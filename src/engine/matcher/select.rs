//! `SELECT LAST`: of all matches that end at a trigger, the one with the most recent events.
//!
//! The search is a depth-first walk over *lists of events*, newest first, in the order in which the lists compare, so
//! that the first list that makes a match is the one to select. Next to each list stand all ways to assign its events
//! to atoms: which of them is the right one is known only when the list is complete.

use smallvec::{smallvec, SmallVec};

use super::scope::{MatchScope, Matched};
use crate::engine::rule::program::{AtomSet, Node, Program, MAX_ATOMS};
use crate::engine::store::{Slot, Store};
use crate::engine::window::{Candidate, Partition};

/// The events of a match, oldest first.
pub type Match = SmallVec<[Matched; 4]>;

/// What a search came to.
#[derive(Debug, PartialEq, Eq)]
pub enum Outcome {
    Found(Match),
    None,
    /// The budget ran out before a match was found or excluded.
    Cut,
}

/// An atom no candidate can be old enough for.
const NEVER: u64 = u64::MAX;

/// One search.
pub struct Search<'a> {
    program: &'a Program,
    partition: Option<&'a Partition>,
    /// By atom: its candidates must be younger than this, for something must fit in before them.
    after: [u64; MAX_ATOMS],
}

/// What is needed beyond the window itself to carry a search out.
pub struct Context<'a> {
    pub store: &'a Store,
    pub slots: &'a [Slot],
    /// Older events have left the window.
    pub floor: u64,
    /// Steps the search may take.
    pub budget: u64,
}

impl<'a> Search<'a> {
    /// Prepares a search in a partition (`None`: one that holds nothing).
    pub fn new(program: &'a Program, partition: Option<&'a Partition>) -> Self {
        let mut search = Self {
            program,
            partition,
            after: [0; MAX_ATOMS],
        };
        search.bound(&program.tree, 0);
        search
    }

    /// Of the atoms the trigger fits, those it can fill as the last event of a match, as far as can be seen without
    /// looking at conditions. Empty: no search is needed.
    pub fn triggers(&self, fits: AtomSet) -> AtomSet {
        let possible = |atom: u8| {
            self.after[atom as usize] != NEVER && self.completable(&self.program.tree, atom)
        };
        members(self.program.tree.enabled(0) & fits)
            .filter(|atom| possible(*atom))
            .fold(0, |set, atom| set | 1 << atom)
    }

    fn candidates(&self, atom: u8) -> Option<&'a std::collections::VecDeque<Candidate>> {
        Some(&self.partition?.buffers[self.program.atoms[atom as usize].buffer?])
    }

    /// The earliest place in processing order by which this part of the pattern can be complete, or `None`. A bound:
    /// conditions and events that fit two atoms are not looked at.
    fn earliest(&self, node: &Node) -> Option<u64> {
        match node {
            Node::Atom(atom) => self.candidates(*atom)?.front().map(|c| c.seq),
            Node::Seq(nodes) | Node::And(nodes) => nodes
                .iter()
                .try_fold(0, |latest, node| Some(latest.max(self.earliest(node)?))),
            Node::Or(nodes) => nodes.iter().filter_map(|node| self.earliest(node)).min(),
        }
    }

    /// Notes for all atoms below a node after which place their candidates must stand.
    fn bound(&mut self, node: &Node, after: u64) {
        match node {
            Node::Atom(atom) => self.after[*atom as usize] = after,
            Node::And(nodes) | Node::Or(nodes) => {
                nodes.iter().for_each(|node| self.bound(node, after))
            }
            Node::Seq(nodes) => {
                let mut after = after;
                for node in nodes {
                    self.bound(node, after);
                    after = self.earliest(node).map_or(NEVER, |seq| after.max(seq));
                }
            }
        }
    }

    /// If the trigger fills this atom, can the window fill the rest?
    fn completable(&self, node: &Node, atom: u8) -> bool {
        let holds = |node: &Node| node.atoms() & (1 << atom) != 0;
        match node {
            Node::Atom(_) => true,
            Node::Or(nodes) => nodes
                .iter()
                .any(|node| holds(node) && self.completable(node, atom)),
            Node::And(nodes) | Node::Seq(nodes) => nodes.iter().all(|node| {
                if holds(node) {
                    self.completable(node, atom)
                } else {
                    self.earliest(node).is_some()
                }
            }),
        }
    }

    /// Searches for the match that `SELECT LAST` selects among those in which the trigger fills one of `atoms`
    /// (from [`Search::triggers`]) and is the last event.
    pub fn last(&self, trigger: Candidate, atoms: AtomSet, context: &Context<'a>) -> Outcome {
        let mut walk = Walk {
            search: self,
            context,
            budget: context.budget,
            list: smallvec![trigger],
        };
        let start: Assignments = members(atoms)
            .map(|atom| Assignment {
                filled: 1 << atom,
                atoms: smallvec![atom],
            })
            .filter(|assignment| walk.conditions_hold(assignment))
            .collect();
        if start.is_empty() {
            return Outcome::None;
        }
        match walk.extend(&start, trigger.time, trigger.time) {
            Ok(Some(found)) => Outcome::Found(found),
            Ok(None) => Outcome::None,
            Err(Exhausted) => Outcome::Cut,
        }
    }
}

fn members(set: AtomSet) -> impl Iterator<Item = u8> {
    (0..MAX_ATOMS as u8).filter(move |atom| set & (1 << atom) != 0)
}

/// One way to give the events of the list to atoms: `atoms[i]` takes `list[i]`.
#[derive(Clone)]
struct Assignment {
    filled: AtomSet,
    atoms: SmallVec<[u8; 8]>,
}

type Assignments = SmallVec<[Assignment; 2]>;

/// The budget ran out.
struct Exhausted;

struct Walk<'w, 'a> {
    search: &'w Search<'a>,
    context: &'w Context<'a>,
    budget: u64,
    /// Newest first.
    list: SmallVec<[Candidate; 8]>,
}

impl Walk<'_, '_> {
    /// The best match whose list begins with the present one. `oldest` and `newest` are the times it spans.
    fn extend(
        &mut self,
        assignments: &Assignments,
        oldest: u64,
        newest: u64,
    ) -> Result<Option<Match>, Exhausted> {
        let program = self.search.program;
        let limit = self.list[self.list.len() - 1].seq;
        let enabled = assignments
            .iter()
            .fold(0, |set, a| set | program.tree.enabled(a.filled));
        // For each atom, where its candidates older than the list end.
        let mut cursors: SmallVec<[(u8, usize); 8]> = members(enabled)
            .filter_map(|atom| {
                let candidates = self.search.candidates(atom)?;
                Some((atom, candidates.partition_point(|c| c.seq < limit)))
            })
            .collect();
        while let Some((candidate, atoms)) = self.next_older(&mut cursors) {
            self.spend(1)?;
            let (oldest, newest) = (oldest.min(candidate.time), newest.max(candidate.time));
            if candidate.time < self.context.floor || newest - oldest > program.within {
                continue;
            }
            self.list.push(candidate);
            let mut next = Assignments::new();
            for assignment in assignments {
                for atom in members(program.tree.enabled(assignment.filled) & atoms) {
                    self.spend(1)?;
                    let mut longer = assignment.clone();
                    longer.filled |= 1 << atom;
                    longer.atoms.push(atom);
                    if self.conditions_hold(&longer) {
                        next.push(longer);
                    }
                }
            }
            if !next.is_empty() {
                if let Some(found) = self.extend(&next, oldest, newest)? {
                    return Ok(Some(found));
                }
            }
            self.list.pop();
        }
        // No longer list does it; where one list begins another, the longer wins, so this one's turn is last.
        Ok(self.best(assignments))
    }

    /// The youngest candidate before the cursors and all enabled atoms it fits; the cursors step over it.
    fn next_older(&self, cursors: &mut [(u8, usize)]) -> Option<(Candidate, AtomSet)> {
        let head = |&(atom, end): &(u8, usize)| {
            let candidate = *self.search.candidates(atom)?.get(end.checked_sub(1)?)?;
            (candidate.seq > self.search.after[atom as usize]).then_some(candidate)
        };
        let youngest = cursors.iter().filter_map(head).max_by_key(|c| c.seq)?;
        let mut atoms = 0;
        for cursor in cursors {
            if head(cursor).is_some_and(|c| c.seq == youngest.seq) {
                atoms |= 1 << cursor.0;
                cursor.1 -= 1;
            }
        }
        Some((youngest, atoms))
    }

    fn spend(&mut self, steps: u64) -> Result<(), Exhausted> {
        self.budget = self.budget.checked_sub(steps).ok_or(Exhausted)?;
        Ok(())
    }

    /// The conditions hold that could be decided when the youngest atom of the assignment was filled.
    fn conditions_hold(&self, assignment: &Assignment) -> bool {
        let last = 1 << assignment.atoms[assignment.atoms.len() - 1];
        let decidable = |atoms: AtomSet| atoms & last != 0 && atoms & !assignment.filled == 0;
        let mut conditions = self
            .search
            .program
            .conditions
            .iter()
            .filter(|c| decidable(c.atoms))
            .peekable();
        if conditions.peek().is_none() {
            return true;
        }
        let events = self.matched(assignment);
        conditions.all(|c| c.expr.holds(&self.scope(&events)))
    }

    /// Of the complete assignments of the list the one that counts: the older events go to the atoms further left.
    fn best(&self, assignments: &Assignments) -> Option<Match> {
        let program = self.search.program;
        let complete = assignments
            .iter()
            .filter(|a| program.tree.complete(a.filled))
            .filter_map(|assignment| {
                let events = self.matched(assignment);
                // Conditions on atoms of a branch of OR that was not taken: their fields are NULL.
                let mut open = program
                    .conditions
                    .iter()
                    .filter(|c| c.atoms == 0 || c.atoms & !assignment.filled != 0);
                open.all(|c| c.expr.holds(&self.scope(&events)))
                    .then_some(events)
            });
        complete.min_by_key(|events| {
            let mut places: SmallVec<[u64; 8]> = smallvec![NEVER; program.atoms.len()];
            events
                .iter()
                .for_each(|m| places[m.atom as usize] = m.event.seq);
            places
        })
    }

    fn matched(&self, assignment: &Assignment) -> Match {
        let pairs = self.list.iter().zip(&assignment.atoms).rev();
        pairs
            .map(|(event, atom)| Matched {
                atom: *atom,
                event: *event,
            })
            .collect()
    }

    fn scope<'m>(&'m self, events: &'m [Matched]) -> MatchScope<'m> {
        MatchScope {
            events,
            store: self.context.store,
            slots: self.context.slots,
        }
    }
}
