//! The search for the partial matches of a partition that are nearest to completion.
//!
//! It grows lists of events from the oldest on, as a match would have grown while they came, and goes on past conditions
//! that do not hold. It need not be fast, but it is bounded: by a budget of steps, and by how many events it looks at.

use std::cell::Cell;
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

use super::faults::{Fault, Judge};
use super::lacks;
use crate::engine::record::Record;
use crate::engine::rule::pattern::{members, AtomSet, Node, Taken};
use crate::engine::rule::program::Gap;
use crate::engine::store::Store;
use crate::engine::tally::Miss;

/// The newest events of each atom that are looked at, and the most events of one partial match.
pub const MOST_EVENTS: usize = 512;
/// What has more faults than this is not gone on with.
const MOST_FAULTS: usize = 2;
/// The most partial matches of a partition that are kept while others are looked for.
const MOST_KEPT: usize = 64;

/// An event that the rule can still use, or that could have ended a match.
#[derive(Debug, Clone, Copy)]
pub struct Known<'a> {
    /// Its place in processing order.
    pub seq: u64,
    pub time: u64,
    /// The atoms it fits.
    pub atoms: AtomSet,
    pub record: Record<'a>,
}

/// An event and the atom it is given to.
#[derive(Debug, Clone, Copy)]
pub struct Given<'a> {
    pub atom: u8,
    pub event: Known<'a>,
}

/// A partial match: some of the events of a match, oldest first, and what keeps it from being one.
#[derive(Debug, Clone)]
pub struct Partial<'a> {
    pub given: Vec<Given<'a>>,
    /// How many events it lacks, at least.
    pub lacks: u64,
    pub lacking: Vec<String>,
    pub faults: Vec<Fault>,
}

impl Partial<'_> {
    fn distance(&self) -> u64 {
        self.lacks + self.faults.len() as u64
    }

    /// The nearer to completion comes first: what lacks fewer events and has fewer faults; then the newer, event by event
    /// from the newest on; then the one with more events.
    pub fn order(&self, other: &Self) -> Ordering {
        let newest_first = |partial: &Self| {
            let events = partial.given.iter().rev();
            events.map(|given| given.event.seq).collect::<Vec<u64>>()
        };
        let nearer = self.distance().cmp(&other.distance());
        nearer.then_with(|| newest_first(other).cmp(&newest_first(self)))
    }

    /// All its events are in the other one too, where that has no faults: it says nothing new.
    pub fn is_part_of(&self, other: &Self) -> bool {
        let holds = |given: &Given| {
            let same = |g: &Given| g.atom == given.atom && g.event.seq == given.event.seq;
            other.given.iter().any(same)
        };
        other.faults.is_empty() && self.given.iter().all(holds)
    }
}

/// The events of a partition that are not older than `floor`, and those that it remembers besides, in processing order;
/// and whether these are all.
pub fn known<'a>(
    judge: &Judge<'a>,
    store: &'a Store,
    misses: impl Iterator<Item = &'a Miss>,
    floor: u64,
) -> (Vec<Known<'a>>, bool) {
    let mut all = true;
    let mut known: BTreeMap<u64, Known> = BTreeMap::new();
    let mut add = |seq, atoms, record: Record<'a>| {
        let new = Known {
            seq,
            time: record.time(),
            atoms: 0,
            record,
        };
        if record.time() >= floor {
            known.entry(seq).or_insert(new).atoms |= atoms;
        }
    };
    for atom in members(judge.rule.tree.atoms) {
        let buffer = judge.program.atoms[atom as usize].buffer;
        let candidates = buffer.and_then(|b| judge.partition.map(|p| &p.buffers[b]));
        let Some(candidates) = candidates else {
            continue;
        };
        all &= candidates.len() <= MOST_EVENTS;
        for candidate in candidates.iter().rev().take(MOST_EVENTS) {
            add(candidate.seq, 1 << atom, store.get(candidate.record));
        }
    }
    for miss in misses {
        add(miss.seq, miss.fits & judge.rule.tree.atoms, miss.record());
    }
    (known.into_values().collect(), all)
}

/// A search in one partition.
pub struct Nearest<'a, 's> {
    judge: Judge<'a>,
    /// From the oldest event to the newest.
    tree: &'s Node,
    events: &'s [Known<'a>],
    /// By atom, the places of the events that fit it.
    by_atom: Vec<Vec<usize>>,
    /// Steps it may take.
    budget: &'s Cell<u64>,
    given: Vec<Given<'a>>,
    filled: AtomSet,
    counts: Vec<u32>,
    /// By the last event's place, the best without faults and the best with some.
    found: BTreeMap<(u64, bool), Partial<'a>>,
    /// The last events of whole matches without a fault: they have ended one, or wait for a deadline.
    whole: BTreeSet<u64>,
}

/// The budget ran out.
struct Exhausted;

impl<'a, 's> Nearest<'a, 's> {
    /// `tree` is the rule's, mirrored.
    pub fn new(
        judge: Judge<'a>,
        tree: &'s Node,
        events: &'s [Known<'a>],
        budget: &'s Cell<u64>,
    ) -> Self {
        let places = |atom: usize| {
            let fits = |event: &Known| event.atoms & (1 << atom) != 0;
            let places = events.iter().enumerate();
            places
                .filter(|(_, event)| fits(event))
                .map(|(place, _)| place)
                .collect()
        };
        Self {
            judge,
            tree,
            events,
            by_atom: (0..judge.program.atoms.len()).map(places).collect(),
            budget,
            given: Vec::new(),
            filled: 0,
            counts: vec![0; judge.rule.counters],
            found: BTreeMap::new(),
            whole: BTreeSet::new(),
        }
    }

    /// The partial matches, nearest first: for each last event at most one with faults and one without. Where the budget
    /// runs out, those that were found until then.
    pub fn run(mut self) -> Vec<Partial<'a>> {
        // In case the budget runs out: those with the oldest event are looked at first, for a short while, since a
        // repetition that takes all it can begins there; and then those that begin with new events.
        let short = self.budget.get() / 4;
        let rest = self.budget.replace(short) - short;
        // It does not matter if this is not finished: what begins here is looked at again at the end.
        let _finished = self.grow(Some(0));
        self.budget.set(self.budget.get() + rest);
        for first in (0..self.events.len()).rev() {
            if self.grow(Some(first)).is_err() {
                break;
            }
        }
        let whole = self.whole;
        let found = self.found.into_values();
        let mut found: Vec<Partial> = found
            .filter(|partial| {
                let last = partial.given.last().map(|given| given.event.seq);
                partial.lacks > 0 || last.is_none_or(|seq| !whole.contains(&seq))
            })
            .collect();
        found.sort_by(Partial::order);
        found
    }

    /// Goes on from the list as it is with every event that an atom can take, or, at the beginning, with this one.
    fn grow(&mut self, first: Option<usize>) -> Result<(), Exhausted> {
        for atom in members(self.tree.enabled(self.taken())) {
            for at in self.next(atom, first) {
                self.give(atom, at)?;
            }
        }
        Ok(())
    }

    /// The places of the events that an atom can take next. One that takes several leaves none out: it can only go on
    /// with the next that is not taken.
    fn next(&self, atom: u8, first: Option<usize>) -> Range<usize> {
        let list = &self.by_atom[atom as usize];
        if let Some(first) = first {
            let at = list.partition_point(|event| *event < first);
            let fits = list.get(at) == Some(&first);
            return at..at + usize::from(fits);
        }
        let after = |seq| list.partition_point(|event| self.events[*event].seq <= seq);
        let newest = self.given.last().map_or(0, |given| given.event.seq);
        let start = after(newest);
        match self.given.iter().rev().find(|given| given.atom == atom) {
            None => start..list.len(),
            Some(last) => {
                let mut next = after(last.event.seq)..start;
                let left_out = next.any(|place| {
                    let seq = self.events[list[place]].seq;
                    !self.given.iter().any(|given| given.event.seq == seq)
                });
                start..start + usize::from(!left_out && start < list.len())
            }
        }
    }

    /// Gives an event, by its place among those of the atom, to the atom, and goes on from there.
    fn give(&mut self, atom: u8, place: usize) -> Result<(), Exhausted> {
        let event = self.events[self.by_atom[atom as usize][place]];
        if self.too_far(event.time) {
            return self.spend(1);
        }
        let filled = self.filled;
        let counter = self.judge.rule.counter(atom);
        self.filled |= 1 << atom;
        if let Some(counter) = counter {
            self.counts[counter] += 1;
        }
        self.given.push(Given { atom, event });
        let result = self.look().and_then(|go_on| match go_on {
            true => self.grow(None),
            false => Ok(()),
        });
        self.given.pop();
        if let Some(counter) = counter {
            self.counts[counter] -= 1;
        }
        self.filled = filled;
        result
    }

    fn taken(&self) -> Taken<'_> {
        Taken {
            filled: self.filled,
            counts: &self.counts,
        }
    }

    fn spend(&self, steps: u64) -> Result<(), Exhausted> {
        let left = self.budget.get().checked_sub(steps);
        self.budget.set(left.unwrap_or(0));
        left.map(|_| ()).ok_or(Exhausted)
    }

    /// With an event of this time, the list would span more than the window.
    fn too_far(&self, time: u64) -> bool {
        let times = || {
            self.given
                .iter()
                .map(|given| given.event.time)
                .chain([time])
        };
        let span = times().max().unwrap_or(time) - times().min().unwrap_or(time);
        span > self.judge.program.within
    }

    /// Looks at the list as it is. Should it be gone on with?
    fn look(&mut self) -> Result<bool, Exhausted> {
        let rule = self.judge.rule;
        self.spend((1 + rule.conditions.len() + self.given.len() / 4) as u64)?;
        let taken = Taken {
            filled: self.filled,
            counts: &self.counts,
        };
        let complete = self.tree.complete(taken);
        let mut faults = self.judge.faults(&self.given, self.filled, complete);
        let Some(last) = self.given.last().map(|given| given.event.seq) else {
            return Ok(true);
        };
        if complete && faults.is_empty() {
            match self.over(last) {
                Some(number) => faults.push(Fault::Over(number)),
                None => {
                    self.whole.insert(last);
                    return Ok(self.given.len() < MOST_EVENTS);
                }
            }
        }
        let go_on = faults.len() <= MOST_FAULTS && self.given.len() < MOST_EVENTS;
        let lacks = lacks::count(self.tree, taken);
        let place = (last, !faults.is_empty());
        let known = self.found.get(&place);
        if known.is_some_and(|known| known.distance() < lacks + faults.len() as u64) {
            return Ok(go_on);
        }
        let partial = Partial {
            given: self.given.clone(),
            lacks,
            lacking: Vec::new(),
            faults,
        };
        if known.is_none_or(|known| partial.order(known) == Ordering::Less) {
            let lacking = lacks::texts(&rule.tree, taken, self.judge.written);
            self.found.insert(place, Partial { lacking, ..partial });
        }
        if self.found.len() > MOST_KEPT {
            let furthest = self.found.iter().max_by(|(_, a), (_, b)| a.order(b));
            let furthest = furthest.map(|(place, _)| *place);
            furthest.and_then(|place| self.found.remove(&place));
        }
        Ok(go_on)
    }

    /// The trailing NOT with whose deadline the list would end, where none is pending for its last event.
    fn over(&self, last: u64) -> Option<usize> {
        let mut absences = self.judge.rule.absences.iter();
        let number = absences.position(|absence| {
            matches!(absence.place, Gap::Trailing { before, .. } if before & self.filled != 0)
        })?;
        let waits = self.judge.partition.is_some_and(|p| p.waits(last, number));
        (!waits).then_some(number)
    }
}
