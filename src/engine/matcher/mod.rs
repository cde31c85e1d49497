//! Finding matches that end at a trigger.

mod bounds;
pub mod open;
pub mod scope;
mod walk;

use std::cmp::Ordering;

use smallvec::SmallVec;

use super::partition::{Candidate, Partition};
use super::rule::pattern::AtomSet;
use super::rule::program::{Match as Rule, Program};
use super::store::{Slot, Store};
use bounds::Bounds;
use open::Listing;
use scope::Matched;
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
    /// Older events have left the window.
    pub floor: u64,
    /// Steps the search may take.
    pub budget: u64,
    /// How many matches are wanted.
    pub most: usize,
    /// The NOTs with one of whose deadlines the match is to end, a bit each; none where it ends with an event.
    pub absences: u64,
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
        Bounds::new(program, rule, partition).triggers(rule, fits)
    }

    /// Searches for the matches in which the trigger fills one of `atoms` (from [`Search::triggers`]) and is the last
    /// event.
    pub fn run(&'a self, trigger: Candidate, atoms: AtomSet) -> Outcome {
        let mut outcome = Outcome::default();
        let done = match &self.rule.automaton {
            Some(automaton) => Listing::new(self, automaton, trigger, atoms).run(&mut outcome),
            None => {
                let bounds = Bounds::new(self.program, self.rule, self.partition);
                let mut walk = Walk::new(self, &bounds, trigger, atoms);
                walk.run(&mut outcome)
            }
        };
        outcome.exhausted = done.is_err();
        if outcome.exhausted && self.most == 1 {
            outcome.found.clear();
        }
        outcome
    }

    fn candidates(&self, atom: u8) -> Option<&'a std::collections::VecDeque<Candidate>> {
        candidates(self.program, self.partition, atom)
    }
}

fn candidates<'a>(
    program: &Program,
    partition: Option<&'a Partition>,
    atom: u8,
) -> Option<&'a std::collections::VecDeque<Candidate>> {
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
