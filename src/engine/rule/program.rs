//! A compiled rule: immutable, shared by all its windows.

use std::rc::Rc;

use smallvec::SmallVec;

use super::automaton::Automaton;
use super::pattern::{AtomSet, Node};
use crate::engine::expr::Expr;
use crate::engine::field::FieldRef;
use crate::engine::glob;
use crate::engine::rule::ast::{Consume, Reset, Select};

/// A rule, compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub kind: Kind,
    pub atoms: Vec<Atom>,
    /// How many lists of candidates a partition has (see [`Atom::buffer`]).
    pub buffers: usize,
    pub partition_by: Vec<u16>,
    pub limit: Option<Limit>,
    /// Milliseconds.
    pub within: u64,
    /// How long things are kept.
    pub retention: Retention,
    /// Replaces the default `integrated_value`.
    pub value: Option<Expr>,
    /// Replaces the default `confidence`.
    pub confidence: Option<Expr>,
    /// The rule's own fields, in the order of EMIT.
    pub emit: Vec<(Box<str>, Expr)>,
    /// All fields the rule reads.
    pub fields: Vec<FieldRef>,
    /// Those of them that it reads after the event has come: the window keeps them.
    pub kept: Vec<u16>,
}

/// After so many times DECAY nothing is left of a level that could change a sum of doubles.
const DECAYS_TO_DUST: u64 = 47;

impl Program {
    /// How far back the past can matter, ms.
    pub fn reach(&self) -> u64 {
        let Retention {
            events,
            seen,
            fired,
            level: _,
        } = self.retention;
        let level = match &self.kind {
            Kind::Match(_) => 0,
            Kind::Integrate(rule) => rule
                .decay
                .saturating_mul(DECAYS_TO_DUST)
                .max(rule.refractory),
        };
        events.max(seen).max(fired).max(level)
    }
}

/// What a rule does with the events it takes.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Match(Box<Match>),
    Integrate(Integrate),
}

/// `MATCH`
#[derive(Debug, Clone, PartialEq)]
pub struct Match {
    /// From the trigger to the oldest event.
    pub tree: Node,
    /// From the oldest event to the trigger: for `SELECT FIRST`.
    pub mirrored: Option<Node>,
    /// Where the pattern is a plain sequence, with `SELECT LAST`.
    pub sequence: Option<Sequence>,
    /// The atoms that can take a match's last event.
    pub last: AtomSet,
    /// How many counters the tree has, and by atom which is its own.
    pub counters: usize,
    pub counter_of: Vec<Option<u8>>,
    /// The atoms that can take several events.
    pub repeated: AtomSet,
    pub absences: Vec<Absence>,
    /// The conditions of WHERE that are joined by AND.
    pub conditions: Vec<Condition>,
    /// Fields by which candidates are kept, for the equalities among the conditions.
    pub joins: Vec<Joined>,
    /// The lookups that this makes possible.
    pub lookups: Vec<Lookup>,
    pub select: Select,
    pub consume: Consume,
    pub having: Option<Expr>,
    /// Whether a list of events makes a match does not depend on which of the atoms it fits an event is given to.
    pub forgetful: bool,
    /// For `SELECT ALL`, where open matches are kept. Without it matches are searched for.
    pub automaton: Option<Rc<Automaton>>,
}

impl Match {
    /// The counter of an atom that can take several events.
    pub fn counter(&self, atom: u8) -> Option<usize> {
        self.counter_of[atom as usize].map(usize::from)
    }

    /// Each FOR (ms) of the rule's trailing NOTs, with those that have it, a bit each.
    pub fn waits(&self) -> SmallVec<[(u64, u64); 1]> {
        let mut waits = SmallVec::<[(u64, u64); 1]>::new();
        for (number, absence) in self.absences.iter().enumerate() {
            if let Gap::Trailing { wait, .. } = absence.place {
                match waits.iter_mut().find(|(known, _)| *known == wait) {
                    Some((_, absences)) => *absences |= 1 << number,
                    None => waits.push((wait, 1 << number)),
                }
            }
        }
        waits
    }
}

/// A sequence of atoms that take one event each.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Sequence {
    pub steps: Vec<Step>,
    /// The NOTs in front, by number.
    pub not_before: SmallVec<[usize; 1]>,
}

/// A step of a sequence, and what can be decided when it and all later ones have an event.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    pub atom: u8,
    /// The conditions, by number.
    pub conditions: SmallVec<[usize; 2]>,
    /// The lookups of its candidates by an event of a later step, by number.
    pub lookups: SmallVec<[usize; 2]>,
    /// The NOTs between it and the next step, by number.
    pub not_after: SmallVec<[usize; 1]>,
}

/// A field of an atom by which its candidates are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    pub atom: u8,
    pub field: u16,
}

/// An equality of WHERE, seen from one of its sides: candidates of an atom are found by what another atom has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookup {
    /// The number of the join.
    pub join: usize,
    pub atom: u8,
    pub other: u8,
    pub other_field: u16,
    /// The number of the condition.
    pub condition: usize,
}

/// `INTEGRATE`
#[derive(Debug, Clone, PartialEq)]
pub struct Integrate {
    /// By atom; `None`: 1.
    pub weights: Vec<Option<Expr>>,
    /// Milliseconds.
    pub decay: u64,
    pub threshold: f64,
    /// How many different axons must have contributed.
    pub from_axons: u64,
    /// Milliseconds.
    pub refractory: u64,
    pub reset: Reset,
}

/// What can fill one place of the pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// `None`: any type.
    pub event_type: Option<Box<str>>,
    pub axon: Option<AxonPattern>,
    pub predicate: Option<Expr>,
    /// Where its candidates are kept; `None` where only a trigger can fill it, which never waits, and for NOT.
    pub buffer: Option<usize>,
}

/// `@axon`: a glob on an axon's short name, or on its whole name where it holds a `:`.
#[derive(Debug, Clone, PartialEq)]
pub struct AxonPattern {
    glob: Box<[u8]>,
    whole_name: bool,
}

impl AxonPattern {
    pub fn new(glob: &str) -> Self {
        Self {
            glob: glob.as_bytes().into(),
            whole_name: glob.contains(':'),
        }
    }

    /// What is written after `@`.
    pub fn glob(&self) -> &[u8] {
        &self.glob
    }

    /// It is compared to keys without their tags, and not to short names.
    pub fn sees_whole_name(&self) -> bool {
        self.whole_name
    }

    /// There can be an axon that both mean.
    pub fn overlaps(&self, other: &Self) -> bool {
        self.whole_name != other.whole_name || glob::overlap(&self.glob, &other.glob)
    }

    /// `name` is the key without its tag, `short` its short name.
    pub fn matches(&self, name: &[u8], short: &[u8]) -> bool {
        glob::matches(&self.glob, if self.whole_name { name } else { short })
    }
}

/// A NOT.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Absence {
    /// What must not come.
    pub atom: u8,
    pub place: Gap,
}

impl Absence {
    /// It asks which events were given to which atoms.
    pub fn looks_back(&self) -> bool {
        !matches!(self.place, Gap::Trailing { .. })
    }
}

/// Where a NOT stands. It counts where the parts beside it are part of the match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Gap {
    /// `NOT x -> after`
    Leading { after: AtomSet },
    /// `before -> NOT x -> after`
    Between { before: AtomSet, after: AtomSet },
    /// `before -> NOT x FOR wait` (milliseconds)
    Trailing { before: AtomSet, wait: u64 },
}

/// The NOT with whose deadline a match ends that fills these atoms, if it ends with one.
pub fn deadline(absences: &[Absence], filled: AtomSet) -> Option<u8> {
    let waits = |absence: &Absence| matches!(absence.place, Gap::Trailing { before, .. } if before & filled != 0);
    absences.iter().position(waits).map(|number| number as u8)
}

/// One condition of WHERE and the atoms it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub expr: Expr,
    /// How many parts it has.
    pub size: u64,
    pub atoms: AtomSet,
}

/// `LIMIT count PER per` (milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub count: u64,
    pub per: u64,
}

/// How far the leaflet's time may run ahead of what is kept, in milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retention {
    /// Of events: WITHIN, and what a waiting deadline needs.
    pub events: u64,
    /// Of what a NOT has seen.
    pub seen: u64,
    /// Of the emissions LIMIT counts.
    pub fired: u64,
    /// Of an INTEGRATE rule's level after its last contribution.
    pub level: u64,
}

impl Retention {
    /// Of whatever is kept longest.
    pub fn longest(&self) -> u64 {
        let Self {
            events,
            seen,
            fired,
            level,
        } = *self;
        events.max(seen).max(fired).max(level)
    }
}
