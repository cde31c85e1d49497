//! Lists the open matches that a trigger makes whole, best first.
//!
//! The walk is over *lists of events*, newest first, in the order in which they compare. Next to each event of a list
//! stand the ways in which the events so far can end a match: one for each origin, since what is older is the same for
//! all that go on from it. No list is walked into that is not part of a match.

use std::cell::Cell;
use std::cmp::Ordering;

use smallvec::SmallVec;

use super::{Chain, OpenMatches};
use crate::engine::matcher::scope::Matched;
use crate::engine::matcher::{older_to_the_left, spend, Exhausted, Match, Outcome, Search};
use crate::engine::partition::Candidate;
use crate::engine::rule::automaton::{Automaton, End, Origin, Step, NOTHING};
use crate::engine::rule::pattern::{members, AtomSet};

/// How the events from this one on can end a match.
#[derive(Debug, Clone, Copy)]
struct Way {
    /// What the event is given to.
    atom: u8,
    /// What is older comes from here.
    origin: Origin,
    /// Among the ways one level up.
    from: u32,
}

/// A stretch of a chain, of which the younger part has been listed.
struct Cursor<'w> {
    /// Among the ways of its level.
    way: u32,
    state: u8,
    chain: &'w Chain,
    /// The first node of the stretch.
    first: u64,
    /// The node whose turn it is.
    next: Option<u64>,
}

/// The events down to this one.
struct Level<'w> {
    event: Candidate,
    ways: SmallVec<[Way; 2]>,
    cursors: SmallVec<[Cursor<'w>; 2]>,
}

/// See [the module](self).
pub struct Listing<'w> {
    search: &'w Search<'w>,
    automaton: &'w Automaton,
    open: Option<&'w OpenMatches>,
    trigger: Candidate,
    /// The atoms the trigger may fill.
    triggers: AtomSet,
    budget: &'w Cell<u64>,
    levels: Vec<Level<'w>>,
}

impl<'w> Listing<'w> {
    pub fn new(
        search: &'w Search<'w>,
        automaton: &'w Automaton,
        budget: &'w Cell<u64>,
        trigger: Candidate,
        triggers: AtomSet,
    ) -> Self {
        let more = search.partition.and_then(|p| p.more.as_ref());
        Self {
            search,
            automaton,
            open: more.and_then(|more| more.open.as_deref()),
            trigger,
            triggers,
            budget,
            levels: Vec::new(),
        }
    }

    pub fn run(&mut self, outcome: &mut Outcome) -> Result<(), Exhausted> {
        let mut level = Level::new(self.trigger);
        for step in self.last_steps() {
            self.add(&mut level, step, 0)?;
        }
        self.push(level)?;
        while let Some(top) = self.levels.last_mut() {
            if let Some((event, steps)) = top.next(self.automaton, self.search.floor) {
                let mut level = Level::new(event);
                for (step, from) in steps {
                    self.add(&mut level, step, from)?;
                }
                self.push(level)?;
                continue;
            }
            // Every longer list has been tried. Where one list begins another the longer wins, so this one's turn is
            // last.
            let whole = top.ways.iter().find(|way| way.origin == NOTHING).copied();
            if let Some(way) = whole {
                let event = top.event;
                let found = self.matched(way, event, self.levels.len() - 1);
                if !outcome.take(found, self.search.most) {
                    return Ok(());
                }
            }
            self.levels.pop();
        }
        Ok(())
    }

    /// The steps by which the trigger makes a match whole that ends as was asked for.
    fn last_steps(&self) -> SmallVec<[Step; 2]> {
        let mut last = SmallVec::new();
        for (number, state) in self.automaton.states().iter().enumerate() {
            let possible = |step: &&Step| self.triggers & (1 << step.atom) != 0;
            match state.end {
                End::Event if self.search.absences == 0 => {
                    let leads = |step: &&Step| {
                        self.open.is_none_or(|open| {
                            open.may_lead(step, self.trigger, self.automaton.within)
                        })
                    };
                    last.extend(state.steps.iter().filter(possible).filter(leads).copied());
                }
                End::Deadline(absence) if self.search.absences & (1 << absence) != 0 => {
                    // It has been kept: what led to it is known.
                    let chain = self.open.and_then(|open| open.chains.get(number));
                    let node = chain.and_then(|chain| chain.find(self.trigger.seq));
                    let steps = node.map_or(0, |node| node.steps);
                    let led = members(steps.into()).map(|n| &state.steps[usize::from(n)]);
                    last.extend(led.filter(possible).copied());
                }
                _ => {}
            }
        }
        last
    }

    /// Adds a way to a level: the level's event makes this step, and goes on as the way of this number one level up. Of two
    /// ways from the same origin the better one will do: whatever is older is the same for both.
    fn add(&mut self, level: &mut Level<'w>, step: Step, from: u32) -> Result<(), Exhausted> {
        let way = Way {
            atom: step.atom,
            origin: step.from,
            from,
        };
        if let Some(rival) = level.ways.iter_mut().find(|w| w.origin == way.origin) {
            let below = self.levels.len();
            self.spend(below as u64)?;
            let [new, old] = [way, *rival].map(|way| self.matched(way, level.event, below));
            if older_to_the_left(&new, &old) == Ordering::Less {
                *rival = way;
            }
            return Ok(());
        }
        let number = level.ways.len() as u32;
        let before = level.cursors.len();
        let (search, seq) = (self.search, level.event.seq);
        let seen = search.partition.and_then(|p| p.more.as_ref());
        let seen = seen.map_or(&[][..], |more| &more.seen);
        for source in self.automaton.sources(step.from) {
            let stretch = self.open.and_then(|open| open.stretch(source, seq, seen));
            let Some((chain, first, end)) = stretch else {
                continue;
            };
            if let Some(next) = chain.last(first, end, search.floor) {
                level.cursors.push(Cursor {
                    way: number,
                    state: source.state,
                    chain,
                    first,
                    next: Some(next),
                });
            }
        }
        if step.from == NOTHING || level.cursors.len() > before {
            self.spend(1)?;
            level.ways.push(way);
        }
        Ok(())
    }

    /// Goes on with a level, if there is a way through it.
    fn push(&mut self, level: Level<'w>) -> Result<(), Exhausted> {
        self.spend(1)?;
        if !level.ways.is_empty() {
            self.levels.push(level);
        }
        Ok(())
    }

    fn spend(&self, steps: u64) -> Result<(), Exhausted> {
        spend(self.budget, steps)
    }

    /// The events from this one on, which stands on top of so many levels, as a way gives them to atoms; oldest first.
    fn matched(&self, way: Way, event: Candidate, below: usize) -> Match {
        let mut events = Match::new();
        let atom = way.atom;
        events.push(Matched { atom, event });
        let mut from = way.from;
        for level in self.levels[..below].iter().rev() {
            let way = level.ways[from as usize];
            events.push(Matched {
                atom: way.atom,
                event: level.event,
            });
            from = way.from;
        }
        events
    }
}

impl Level<'_> {
    fn new(event: Candidate) -> Self {
        Self {
            event,
            ways: SmallVec::new(),
            cursors: SmallVec::new(),
        }
    }

    /// The next event that can stand below this one, and all steps it can make, each with the way it goes on as. The
    /// cursors step over it.
    #[allow(clippy::type_complexity)]
    fn next(
        &mut self,
        automaton: &Automaton,
        floor: u64,
    ) -> Option<(Candidate, SmallVec<[(Step, u32); 2]>)> {
        let event = |cursor: &Cursor| Some(cursor.chain.node(cursor.next?).event);
        let youngest = self.cursors.iter().filter_map(event);
        let youngest = youngest.max_by_key(|event| event.seq)?;
        let mut steps = SmallVec::new();
        for cursor in &mut self.cursors {
            let Some(number) = cursor.next else { continue };
            let node = cursor.chain.node(number);
            if node.event.seq == youngest.seq {
                let all = &automaton.states()[usize::from(cursor.state)].steps;
                let made = members(node.steps.into()).map(|n| all[usize::from(n)]);
                steps.extend(made.map(|step| (step, cursor.way)));
                cursor.next = cursor.chain.last(cursor.first, number, floor);
            }
        }
        Some((youngest, steps))
    }
}
