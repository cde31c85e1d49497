//! The automaton of a pattern, for `SELECT ALL`: what an open match can be, and how an event takes it on.
//!
//! It is what CORE (Bucchi, Grez, Quintana, Riveros, Vansummeren: *CORE: a Complex Event Recognition Engine*, VLDB 2022)
//! compiles a query to. Its states are what the atoms have taken, oldest event first, and which NOTs have seen something
//! meanwhile. NOTs are no part of CORE's queries; they fit in because what a NOT has seen divides the open matches of a
//! state by the place of their last event: those that are older have been seen, the younger ones have not.

use std::collections::BTreeMap;

use smallvec::SmallVec;

use super::pattern::{members, AtomSet, Node, Taken};
use super::program::{deadline, Absence, Gap};

/// More states than this are not looked at while an automaton is made.
const MAX_STATES: usize = 256;
/// More steps than this are not looked at while an automaton is made.
const MAX_STEPS: usize = 1_024;
/// So many states can be kept: as many as a [`StateSet`] has bits.
const MAX_KEPT: usize = 64;
/// So many states an atom's event can lead to: this bounds what an event costs.
const MAX_REACHED: u32 = 16;
/// So many steps can lead to a state: as many as a [`StepSet`] has bits.
const MAX_ARRIVING: usize = 32;
/// So many NOTs can be open at a time.
const MAX_OPEN: u32 = 4;

/// A set of kept states, a bit each.
pub type StateSet = u64;

/// A set of the steps that lead to a state, a bit each.
pub type StepSet = u32;

/// A set of NOTs, a bit each.
pub type NotSet = u64;

/// Where a step comes from: its number in [`Automaton::sources`].
pub type Origin = u16;

/// The origin of a match's first event.
pub const NOTHING: Origin = 0;

/// See [the module](self).
#[derive(Debug, Clone, PartialEq)]
pub struct Automaton {
    /// WITHIN, in milliseconds.
    pub within: u64,
    /// Those first whose open matches are kept.
    states: Vec<State>,
    kept: usize,
    /// By origin.
    sources: Vec<Vec<Source>>,
    /// By atom: the kept states that its event can lead to.
    reached: Vec<StateSet>,
    /// By buffer: its atom.
    atoms: Vec<u8>,
}

/// What an open match can be.
#[derive(Debug, Clone, PartialEq)]
pub struct State {
    /// The steps that lead here.
    pub steps: Vec<Step>,
    pub end: End,
}

/// Whether what is in a state is a whole match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Open,
    /// It ends with its last event.
    Event,
    /// It ends with the deadline of this NOT.
    Deadline(u8),
}

/// How an event leads to a state.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    pub from: Origin,
    /// What the event is given to.
    pub atom: u8,
    /// The leading NOTs that must not have seen anything when it comes.
    pub leading: NotSet,
    /// Of these NOTs the event must be seen by exactly `seen`.
    pub among: NotSet,
    pub seen: NotSet,
}

/// Open matches of a state from which a step can be made.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Source {
    /// A kept state.
    pub state: u8,
    /// They are not older than what these NOTs have seen last.
    pub since: NotSet,
    /// They are older than what each of these NOTs has seen last.
    pub before: NotSet,
}

impl Automaton {
    /// The automaton of a pattern, if it is small enough. `tree` reads from the oldest event on; `buffers` names the atom
    /// of each buffer.
    pub fn new(
        tree: &Node,
        absences: &[Absence],
        counters: usize,
        buffers: Vec<u8>,
        within: u64,
    ) -> Option<Self> {
        let mut builder = Builder::new(tree, absences, counters);
        let mut next = 0;
        while next < builder.origins.len() {
            builder.expand(next)?;
            next += 1;
        }
        builder.finish(buffers, within)
    }

    /// The states whose open matches are kept.
    pub fn kept(&self) -> usize {
        self.kept
    }

    pub fn states(&self) -> &[State] {
        &self.states
    }

    /// What the steps from an origin start from. Of [`NOTHING`] there is none: they start a match.
    pub fn sources(&self, origin: Origin) -> &[Source] {
        &self.sources[usize::from(origin)]
    }

    /// The kept states that an event can lead to which fits these atoms.
    pub fn reached(&self, atoms: AtomSet) -> StateSet {
        members(atoms).fold(0, |set, atom| set | self.reached[usize::from(atom)])
    }

    /// The atoms of some buffers, a bit each.
    pub fn atoms(&self, buffers: AtomSet) -> AtomSet {
        members(buffers).fold(0, |set, buffer| set | 1 << self.atoms[usize::from(buffer)])
    }
}

/// What the atoms have taken, and the NOTs that have seen something after the part before them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Form {
    filled: AtomSet,
    counts: SmallVec<[u32; 4]>,
    late: NotSet,
}

impl Form {
    fn taken(&self) -> Taken<'_> {
        Taken {
            filled: self.filled,
            counts: &self.counts,
        }
    }
}

struct Builder<'b> {
    tree: &'b Node,
    absences: &'b [Absence],
    /// By atom that can take several events: its counter, and beyond what count it makes no difference.
    counters: BTreeMap<u8, (usize, u32)>,
    origins: Vec<(Form, Vec<Source>)>,
    origin_of: BTreeMap<Form, Origin>,
    states: Vec<(Form, Vec<Step>)>,
    state_of: BTreeMap<Form, usize>,
    steps: usize,
}

impl<'b> Builder<'b> {
    fn new(tree: &'b Node, absences: &'b [Absence], counters: usize) -> Self {
        let several = tree.places().into_iter().filter(|place| place.max > 1);
        let cap = |min: u32, max: u32| if max == u32::MAX { min.max(1) } else { max };
        let start = Form {
            filled: 0,
            counts: SmallVec::from_elem(0, counters),
            late: 0,
        };
        Self {
            tree,
            absences,
            counters: several
                .map(|p| (p.atom, (usize::from(p.counter), cap(p.min, p.max))))
                .collect(),
            origin_of: BTreeMap::from([(start.clone(), NOTHING)]),
            origins: vec![(start, Vec::new())],
            states: Vec::new(),
            state_of: BTreeMap::new(),
            steps: 0,
        }
    }

    /// The NOTs that fit.
    fn nots(&self, fits: impl Fn(Gap) -> bool) -> NotSet {
        let numbered = (0..).zip(self.absences);
        numbered.fold(0, |set, (number, absence)| {
            set | u64::from(fits(absence.place)) << number
        })
    }

    /// The NOTs between two parts of which the one before has begun and the one after has not.
    fn open(&self, filled: AtomSet) -> NotSet {
        self.nots(|place| match place {
            Gap::Between { before, after } => filled & before != 0 && filled & after == 0,
            _ => false,
        })
    }

    /// Adds the steps that can be made from an origin. `None`: there are too many.
    fn expand(&mut self, origin: usize) -> Option<()> {
        let form = self.origins[origin].0.clone();
        for atom in members(self.tree.enabled(form.taken())) {
            let bit = 1 << atom;
            let begins = |after: AtomSet| after & bit != 0 && form.filled & after == 0;
            let closed = self.nots(|place| match place {
                Gap::Between { after, .. } => begins(after),
                _ => false,
            });
            if closed & form.late != 0 {
                continue;
            }
            let mut counts = form.counts.clone();
            if let Some(&(counter, cap)) = self.counters.get(&atom) {
                counts[counter] = (counts[counter] + 1).min(cap);
            }
            let filled = form.filled | bit;
            // What a NOT has seen counts from the last event before it on.
            let renewed = self.nots(|place| match place {
                Gap::Between { before, .. } => before & bit != 0,
                _ => false,
            });
            let open = self.open(filled) & !renewed;
            let late = form.late & open;
            let among = open & !late;
            let leading = self.nots(|place| match place {
                Gap::Leading { after } => begins(after),
                _ => false,
            });
            for seen in subsets(among)? {
                let state = self.state(Form {
                    filled,
                    counts: counts.clone(),
                    late: late | seen,
                })?;
                self.steps += 1;
                if self.steps > MAX_STEPS {
                    return None;
                }
                self.states[state].1.push(Step {
                    from: origin as Origin,
                    atom,
                    leading,
                    among,
                    seen,
                });
            }
        }
        Some(())
    }

    /// The number of a state. A new one can be gone on from, as it is or after its NOTs have seen something.
    fn state(&mut self, form: Form) -> Option<usize> {
        if let Some(known) = self.state_of.get(&form) {
            return Some(*known);
        }
        let number = self.states.len();
        if number == MAX_STATES {
            return None;
        }
        let open = self.open(form.filled);
        for before in subsets(open & !form.late)? {
            let mut seen = form.clone();
            seen.late |= before;
            let origins = &mut self.origins;
            let since = open & !seen.late;
            let origin = *self.origin_of.entry(seen).or_insert_with_key(|seen| {
                origins.push((seen.clone(), Vec::new()));
                (origins.len() - 1) as Origin
            });
            origins[usize::from(origin)].1.push(Source {
                state: number as u8,
                since,
                before,
            });
        }
        self.states.push((form.clone(), Vec::new()));
        self.state_of.insert(form, number);
        Some(number)
    }

    /// Leaves out what can lead to no match.
    fn finish(self, atoms: Vec<u8>, within: u64) -> Option<Automaton> {
        let end = |form: &Form| match self.tree.complete(form.taken()) {
            false => End::Open,
            true => deadline(self.absences, form.filled).map_or(End::Event, End::Deadline),
        };
        let ends: Vec<End> = self.states.iter().map(|(form, _)| end(form)).collect();
        // From which origins a match can be made whole. A state goes on at least as well if no NOT sees anything.
        let onward = |form: &Form| usize::from(self.origin_of[form]);
        let mut useful = vec![false; self.origins.len()];
        loop {
            let mut more = false;
            for ((form, steps), end) in self.states.iter().zip(&ends) {
                if *end != End::Open || useful[onward(form)] {
                    for step in steps {
                        let from = &mut useful[usize::from(step.from)];
                        more |= !std::mem::replace(from, true);
                    }
                }
            }
            if !more {
                break;
            }
        }
        // Where a match that is whole waits for a deadline, its last event is looked up again.
        let kept = |state: usize| {
            useful[onward(&self.states[state].0)] || matches!(ends[state], End::Deadline(_))
        };
        let all = 0..self.states.len();
        let order: Vec<usize> = all.clone().filter(|s| kept(*s)).collect();
        let number = order.len();
        let whole = all.filter(|s| !kept(*s) && ends[*s] != End::Open);
        let order: Vec<usize> = order.into_iter().chain(whole).collect();
        let places: BTreeMap<usize, u8> = order[..number].iter().copied().zip(0..).collect();

        let states: Vec<State> = order
            .iter()
            .map(|state| State {
                steps: self.states[*state].1.clone(),
                end: ends[*state],
            })
            .collect();
        let source = |source: &Source| {
            let state = *places.get(&usize::from(source.state))?;
            Some(Source { state, ..*source })
        };
        let sources = self.origins.iter();
        let sources = sources.map(|(_, all)| all.iter().filter_map(source).collect());
        let mut reached = vec![0; self.absences.len() + self.tree.atoms.count_ones() as usize];
        for (state, steps) in states[..number.min(MAX_KEPT)].iter().enumerate() {
            for step in &steps.steps {
                reached[usize::from(step.atom)] |= 1 << state;
            }
        }
        let small = number <= MAX_KEPT
            && states.iter().all(|s| s.steps.len() <= MAX_ARRIVING)
            && reached
                .iter()
                .all(|set: &u64| set.count_ones() <= MAX_REACHED);
        small.then(|| Automaton {
            within,
            sources: sources.collect(),
            states,
            kept: number,
            reached,
            atoms,
        })
    }
}

/// All subsets of a set, if they are few.
fn subsets(set: NotSet) -> Option<impl Iterator<Item = NotSet>> {
    let next = move |subset: &NotSet| Some(subset.wrapping_sub(set) & set).filter(|s| *s != 0);
    (set.count_ones() <= MAX_OPEN).then(|| std::iter::successors(Some(0), next))
}
