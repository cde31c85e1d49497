//! What a look at the ends of the candidate lists tells: whether a search can find anything, and how far back each atom
//! has to look.

use super::candidates;
use crate::engine::partition::Partition;
use crate::engine::rule::pattern::{members, set_of, AtomSet, Kind, Node, MAX_ATOMS};
use crate::engine::rule::program::{Match as Rule, Program};

/// An atom no candidate can be old enough for.
const NEVER: u64 = u64::MAX;

/// Bounds on the places of candidates in processing order. Conditions, and events that fit two atoms, are not looked at.
pub struct Bounds<'a> {
    program: &'a Program,
    partition: Option<&'a Partition>,
    /// By atom: its candidates must be younger than this, for something must fit in before them.
    after: [u64; MAX_ATOMS],
}

impl<'a> Bounds<'a> {
    pub fn new(program: &'a Program, rule: &Rule, partition: Option<&'a Partition>) -> Self {
        let mut bounds = Self {
            program,
            partition,
            after: [0; MAX_ATOMS],
        };
        bounds.note(&rule.tree, 0);
        bounds
    }

    /// The atom's candidates must be younger than this.
    pub fn after(&self, atom: u8) -> u64 {
        self.after[atom as usize]
    }

    /// See [`Search::triggers`](super::Search::triggers).
    pub fn triggers(&self, rule: &Rule, fits: AtomSet) -> AtomSet {
        let possible =
            |atom: &u8| self.after(*atom) != NEVER && self.completable(&rule.tree, *atom);
        set_of(members(rule.last & fits).filter(possible))
    }

    /// How many candidates an atom has, and the place of the n-th oldest (from 1).
    fn nth(&self, atom: u8, n: u32) -> Option<u64> {
        let list = candidates(self.program, self.partition, atom)?;
        Some(list.get(n as usize - 1)?.seq)
    }

    /// The earliest place by which this part of the pattern can be complete, or `None`.
    fn earliest(&self, node: &Node) -> Option<u64> {
        match &node.kind {
            Kind::Atom(place) if place.min == 0 => Some(0),
            Kind::Atom(place) => self.nth(place.atom, place.min),
            Kind::Seq(nodes) | Kind::And(nodes) => nodes
                .iter()
                .try_fold(0, |latest, node| Some(latest.max(self.earliest(node)?))),
            Kind::Or(nodes) => nodes.iter().filter_map(|node| self.earliest(node)).min(),
            Kind::Of(count, nodes) => {
                let mut all: Vec<u64> = nodes.iter().filter_map(|n| self.earliest(n)).collect();
                all.sort_unstable();
                all.get(*count - 1).copied()
            }
        }
    }

    /// Notes for all atoms below a node after which place their candidates must stand.
    fn note(&mut self, node: &Node, after: u64) {
        match &node.kind {
            Kind::Atom(place) => self.after[place.atom as usize] = after,
            Kind::And(nodes) | Kind::Or(nodes) | Kind::Of(_, nodes) => {
                nodes.iter().for_each(|node| self.note(node, after));
            }
            Kind::Seq(nodes) => {
                let mut after = after;
                for node in nodes {
                    self.note(node, after);
                    after = self.earliest(node).map_or(NEVER, |seq| after.max(seq));
                }
            }
        }
    }

    /// If the trigger fills this atom, can the window fill the rest?
    fn completable(&self, node: &Node, atom: u8) -> bool {
        let holds = |node: &Node| node.atoms & (1 << atom) != 0;
        match &node.kind {
            Kind::Atom(place) => place.min <= 1 || self.nth(atom, place.min - 1).is_some(),
            Kind::Or(nodes) => nodes
                .iter()
                .any(|node| holds(node) && self.completable(node, atom)),
            Kind::And(nodes) | Kind::Seq(nodes) => nodes.iter().all(|node| {
                if holds(node) {
                    self.completable(node, atom)
                } else {
                    self.earliest(node).is_some()
                }
            }),
            Kind::Of(count, nodes) => {
                let own = nodes
                    .iter()
                    .any(|node| holds(node) && self.completable(node, atom));
                let others = nodes
                    .iter()
                    .filter(|node| !holds(node) && self.earliest(node).is_some());
                own && others.count() + 1 >= *count
            }
        }
    }
}
