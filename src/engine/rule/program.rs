//! A compiled rule: immutable, shared by all its windows.

use crate::engine::expr::Expr;
use crate::engine::field::FieldRef;
use crate::engine::glob;
use crate::engine::rule::ast::Consume;

/// A set of atoms, one bit each.
pub type AtomSet = u64;

/// The most atoms a rule can have: as many as an [`AtomSet`] has bits.
pub const MAX_ATOMS: usize = 64;

/// A `MATCH` rule, compiled.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    pub atoms: Vec<Atom>,
    pub tree: Node,
    /// How many atoms keep candidates (see [`Atom::buffer`]).
    pub buffers: usize,
    /// The conditions of WHERE that are joined by AND.
    pub conditions: Vec<Condition>,
    pub partition_by: Vec<u16>,
    /// Milliseconds.
    pub within: u64,
    pub consume: Consume,
    pub having: Option<Expr>,
    pub limit: Option<Limit>,
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

/// What can fill one place of the pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Atom {
    /// `None`: any type.
    pub event_type: Option<Box<str>>,
    pub axon: Option<AxonPattern>,
    pub predicate: Option<Expr>,
    /// Where its candidates are kept; `None` where only a trigger can fill it, which never waits.
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

    /// `name` is the key without its tag, `short` its short name.
    pub fn matches(&self, name: &[u8], short: &[u8]) -> bool {
        glob::matches(&self.glob, if self.whole_name { name } else { short })
    }
}

/// One condition of WHERE and the atoms it reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Condition {
    pub expr: Expr,
    pub atoms: AtomSet,
}

/// `LIMIT count PER per` (milliseconds).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limit {
    pub count: u64,
    pub per: u64,
}

/// The pattern. Matches are built backwards, from the trigger to the oldest event, so the questions a node answers
/// are: given the atoms that are filled already, which can take the next older event, and is the match complete?
#[derive(Debug, Clone, PartialEq)]
pub enum Node {
    Atom(u8),
    Seq(Vec<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
}

impl Node {
    /// The atoms below this node.
    pub fn atoms(&self) -> AtomSet {
        match self {
            Self::Atom(atom) => 1 << atom,
            Self::Seq(nodes) | Self::And(nodes) | Self::Or(nodes) => {
                nodes.iter().fold(0, |set, node| set | node.atoms())
            }
        }
    }

    /// The filled atoms make a whole match of this node.
    pub fn complete(&self, filled: AtomSet) -> bool {
        match self {
            Self::Atom(atom) => filled & (1 << atom) != 0,
            Self::Seq(nodes) | Self::And(nodes) => nodes.iter().all(|node| node.complete(filled)),
            Self::Or(nodes) => nodes.iter().any(|node| node.complete(filled)),
        }
    }

    /// The atoms that can take an event older than all the filled ones.
    pub fn enabled(&self, filled: AtomSet) -> AtomSet {
        match self {
            Self::Atom(atom) => (1 << atom) & !filled,
            Self::And(nodes) => nodes.iter().fold(0, |set, node| set | node.enabled(filled)),
            Self::Or(nodes) => match nodes.iter().find(|node| node.atoms() & filled != 0) {
                Some(branch) => branch.enabled(filled),
                None => nodes.iter().fold(0, |set, node| set | node.enabled(filled)),
            },
            Self::Seq(nodes) => nodes
                .iter()
                .rev()
                .find(|node| !node.complete(filled))
                .map_or(0, |node| node.enabled(filled)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Node::{self, *};

    fn bits(atoms: &[u8]) -> u64 {
        atoms.iter().fold(0, |set, atom| set | 1 << atom)
    }

    #[test]
    fn a_match_grows_backwards() {
        // 0 -> (1 AND 2) -> (3 OR (4 -> 5))
        let tree: Node = Seq(vec![
            Atom(0),
            And(vec![Atom(1), Atom(2)]),
            Or(vec![Atom(3), Seq(vec![Atom(4), Atom(5)])]),
        ]);
        for (filled, enabled, complete) in [
            (&[][..], &[3, 5][..], false),
            (&[5], &[4], false),
            (&[5, 4], &[1, 2], false),
            (&[3], &[1, 2], false),
            (&[3, 2], &[1], false),
            (&[3, 2, 1], &[0], false),
            (&[3, 2, 1, 0], &[], true),
        ] {
            assert_eq!(tree.enabled(bits(filled)), bits(enabled), "{filled:?}");
            assert_eq!(tree.complete(bits(filled)), complete, "{filled:?}");
        }
    }
}
