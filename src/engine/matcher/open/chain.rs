//! The open matches of one state, by their last event.

use std::collections::VecDeque;

use crate::engine::partition::Candidate;
use crate::engine::rule::automaton::StepSet;

/// All open matches of a state that end with one event.
#[derive(Debug, Clone)]
pub struct Node {
    pub event: Candidate,
    /// Of the oldest time of each of them, the youngest.
    pub start: u64,
    /// The largest `start` of this node and of those in front of it which its number covers.
    block: u64,
    /// The steps by which the event leads here.
    pub steps: StepSet,
}

/// Nodes in processing order.
///
/// Nodes are numbered from 1. As in a Fenwick tree, the node of number n knows the largest `start` of as many nodes up
/// to itself as the lowest bit of n says. So those that are too old are passed over in few steps, wherever they stand.
#[derive(Debug)]
pub struct Chain {
    nodes: VecDeque<Node>,
    /// The number of the first node.
    first: u64,
}

impl Default for Chain {
    fn default() -> Self {
        Self {
            nodes: VecDeque::new(),
            first: 1,
        }
    }
}

impl Chain {
    /// The node of a number that it has.
    pub fn node(&self, number: u64) -> &Node {
        &self.nodes[(number - self.first) as usize]
    }

    /// The node that ends with an event.
    pub fn find(&self, seq: u64) -> Option<&Node> {
        let at = self.nodes.binary_search_by_key(&seq, |n| n.event.seq);
        Some(&self.nodes[at.ok()?])
    }

    /// The number of the first node whose event is not older than this place in processing order, or one more than the
    /// last.
    pub fn from(&self, seq: u64) -> u64 {
        let at = self.nodes.partition_point(|node| node.event.seq < seq);
        self.first + at as u64
    }

    /// Adds a node at the end.
    pub fn push(&mut self, event: Candidate, start: u64, steps: StepSet) {
        let number = self.first + self.nodes.len() as u64;
        let mut block = start;
        let mut before = number - 1;
        while before >= self.first && before > number - lowest_bit(number) {
            block = block.max(self.node(before).block);
            before -= lowest_bit(before);
        }
        self.nodes.push_back(Node {
            event,
            start,
            block,
            steps,
        });
    }

    /// The event, and all before it, are gone.
    pub fn forget(&mut self, seq: u64) {
        while self.nodes.front().is_some_and(|n| n.event.seq <= seq) {
            self.nodes.pop_front();
            self.first += 1;
        }
    }

    /// Of the nodes `from..to`, the last whose `start` is not before `floor`.
    pub fn last(&self, from: u64, to: u64, floor: u64) -> Option<u64> {
        let mut number = to - 1;
        while number >= from.max(self.first) {
            let node = self.node(number);
            if node.start >= floor {
                return Some(number);
            }
            number -= match node.block < floor {
                true => lowest_bit(number),
                false => 1,
            };
        }
        None
    }

    /// The largest `start` of the nodes `from..to`, if there are any.
    pub fn latest(&self, from: u64, to: u64) -> Option<u64> {
        let mut latest = None;
        let mut number = to - 1;
        while number >= from.max(self.first) {
            let node = self.node(number);
            let covered = lowest_bit(number);
            let whole = number - covered + 1 >= from.max(self.first);
            latest = latest.max(Some(if whole { node.block } else { node.start }));
            number -= if whole { covered } else { 1 };
        }
        latest
    }
}

fn lowest_bit(number: u64) -> u64 {
    number & number.wrapping_neg()
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_finds_what_looking_at_every_node_finds(
            starts in vec(0u64..20, 1..100),
            gone in 0usize..100,
            (a, b) in (0usize..100, 0usize..100),
            floor in 0u64..20,
        ) {
            let mut chain = Chain::default();
            // Some are gone before others come.
            let gone = gone.min(starts.len() - 1);
            for (seq, start) in (0..).zip(&starts) {
                chain.push(Candidate::new(seq, 0, 0), *start, 0);
                if seq as usize == gone + (starts.len() - gone) / 2 {
                    chain.forget(gone as u64);
                }
            }
            chain.forget(gone as u64);
            let [from, to] = [a.min(b), a.max(b)].map(|seq| chain.from(seq as u64));
            let nodes = || (0u64..).zip(&starts).filter(|(seq, _)| {
                *seq > gone as u64 && *seq >= a.min(b) as u64 && *seq < a.max(b) as u64
            });
            let last = nodes().filter(|(_, start)| **start >= floor).last();
            prop_assert_eq!(
                chain.last(from, to, floor).map(|n| chain.node(n).event.seq),
                last.map(|(seq, _)| seq)
            );
            prop_assert_eq!(chain.latest(from, to), nodes().map(|(_, start)| *start).max());
        }
    }
}
