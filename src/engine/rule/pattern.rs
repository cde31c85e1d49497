//! A compiled pattern: which events a match can still take, and when it is whole.
//!
//! Matches are built from one end: from the trigger to the oldest event, or, with the tree [mirrored](Node::mirrored),
//! from the oldest event to the trigger. The questions a node answers are the same: given what the atoms have taken so
//! far, which of them can take the next event, and is the match complete?

/// A set of atoms, one bit each.
pub type AtomSet = u64;

/// The most atoms a rule can have: as many as an [`AtomSet`] has bits.
pub const MAX_ATOMS: usize = 64;

/// The atoms of a set, from left to right.
pub fn members(mut set: AtomSet) -> impl Iterator<Item = u8> {
    std::iter::from_fn(move || {
        let atom = (set != 0).then(|| set.trailing_zeros() as u8)?;
        set &= set - 1;
        Some(atom)
    })
}

/// The set of these atoms.
pub fn set_of(atoms: impl IntoIterator<Item = u8>) -> AtomSet {
    atoms.into_iter().fold(0, |set, atom| set | 1 << atom)
}

/// A part of a pattern.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The atoms below it.
    pub atoms: AtomSet,
    pub kind: Kind,
}

/// What a part of a pattern asks for.
#[derive(Debug, Clone, PartialEq)]
pub enum Kind {
    Atom(Place),
    Seq(Vec<Node>),
    And(Vec<Node>),
    Or(Vec<Node>),
    /// Exactly so many of them.
    Of(usize, Vec<Node>),
}

/// An atom and how many events it takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    pub atom: u8,
    pub min: u32,
    pub max: u32,
    /// Where [`Taken::counts`] counts its events; only one that can take several is counted.
    pub counter: u8,
}

/// What atoms have taken so far.
#[derive(Debug, Clone, Copy)]
pub struct Taken<'a> {
    /// Those that took at least one event.
    pub filled: AtomSet,
    /// By [`Place::counter`].
    pub counts: &'a [u32],
}

impl<'a> Taken<'a> {
    /// Nothing at all; `counts` are all 0.
    pub fn nothing(counts: &'a [u32]) -> Self {
        Self { filled: 0, counts }
    }

    /// How many events an atom took.
    pub fn of(&self, place: &Place) -> u32 {
        match self.filled & (1 << place.atom) {
            0 => 0,
            _ if place.max == 1 => 1,
            _ => self.counts[place.counter as usize],
        }
    }

    /// Atoms below this node took events.
    pub fn has_any(&self, node: &Node) -> bool {
        node.atoms & self.filled != 0
    }
}

impl Node {
    /// An atom by itself.
    pub fn atom(place: Place) -> Self {
        Self {
            atoms: 1 << place.atom,
            kind: Kind::Atom(place),
        }
    }

    /// Several parts together.
    pub fn of(nodes: Vec<Self>, kind: impl FnOnce(Vec<Self>) -> Kind) -> Self {
        Self {
            atoms: nodes.iter().fold(0, |set, node| set | node.atoms),
            kind: kind(nodes),
        }
    }

    /// The same pattern for events in the opposite order.
    pub fn mirrored(&self) -> Self {
        let all = |nodes: &[Self]| nodes.iter().map(Self::mirrored).collect::<Vec<_>>();
        let kind = match &self.kind {
            Kind::Atom(place) => Kind::Atom(*place),
            Kind::Seq(nodes) => Kind::Seq(nodes.iter().rev().map(Self::mirrored).collect()),
            Kind::And(nodes) => Kind::And(all(nodes)),
            Kind::Or(nodes) => Kind::Or(all(nodes)),
            Kind::Of(count, nodes) => Kind::Of(*count, all(nodes)),
        };
        Self {
            atoms: self.atoms,
            kind,
        }
    }

    /// What was taken makes a whole match of this part.
    pub fn complete(&self, taken: Taken) -> bool {
        match &self.kind {
            Kind::Atom(place) => taken.of(place) >= place.min,
            Kind::Seq(nodes) | Kind::And(nodes) => nodes.iter().all(|node| node.complete(taken)),
            Kind::Or(nodes) => match nodes.iter().find(|node| taken.has_any(node)) {
                Some(branch) => branch.complete(taken),
                None => nodes.iter().any(|node| node.complete(taken)),
            },
            Kind::Of(count, nodes) => {
                let begun = || nodes.iter().filter(|node| taken.has_any(node));
                let empty = nodes
                    .iter()
                    .filter(|node| !taken.has_any(node) && node.complete(taken));
                let number = begun().count();
                begun().all(|node| node.complete(taken))
                    && (number == *count || number + empty.count() >= *count)
            }
        }
    }

    /// The atoms that can take an event older than all that were taken.
    pub fn enabled(&self, taken: Taken) -> AtomSet {
        let any = |nodes: &[Self]| nodes.iter().fold(0, |set, node| set | node.enabled(taken));
        match &self.kind {
            Kind::Atom(place) => u64::from(taken.of(place) < place.max) << place.atom,
            Kind::And(nodes) => any(nodes),
            Kind::Or(nodes) => match nodes.iter().find(|node| taken.has_any(node)) {
                Some(branch) => branch.enabled(taken),
                None => any(nodes),
            },
            Kind::Of(count, nodes) => {
                let begun = nodes.iter().filter(|node| taken.has_any(node));
                if begun.clone().count() < *count {
                    any(nodes)
                } else {
                    begun.fold(0, |set, node| set | node.enabled(taken))
                }
            }
            Kind::Seq(nodes) => {
                // What stands behind the first part that has begun is closed.
                let first = nodes.iter().position(|node| taken.has_any(node));
                let open = first.map_or(nodes.len(), |first| first + 1);
                let mut set = 0;
                for node in nodes[..open].iter().rev() {
                    set |= node.enabled(taken);
                    if !node.complete(taken) {
                        break;
                    }
                }
                set
            }
        }
    }

    /// The atoms below it, from left to right.
    pub fn places(&self) -> Vec<&Place> {
        match &self.kind {
            Kind::Atom(place) => vec![place],
            Kind::Seq(nodes) | Kind::And(nodes) | Kind::Or(nodes) | Kind::Of(_, nodes) => {
                nodes.iter().flat_map(Self::places).collect()
            }
        }
    }

    /// For each of so many atoms its counter, if it can take several events.
    pub fn counters(&self, atoms: usize) -> Vec<Option<u8>> {
        let mut counters = vec![None; atoms];
        for place in self.places().into_iter().filter(|place| place.max > 1) {
            counters[place.atom as usize] = Some(place.counter);
        }
        counters
    }

    /// The atoms that can take several events.
    pub fn repeated(&self) -> AtomSet {
        let several = self.places().into_iter().filter(|place| place.max > 1);
        set_of(several.map(|place| place.atom))
    }

    /// A match can be whole although this atom takes no event.
    pub fn can_do_without(&self, atom: u8) -> bool {
        let can = |node: &Self| node.can_do_without(atom);
        match &self.kind {
            Kind::Atom(place) => place.min == 0 || place.atom != atom,
            Kind::Seq(nodes) | Kind::And(nodes) => nodes.iter().all(can),
            Kind::Or(nodes) => nodes.iter().any(can),
            Kind::Of(count, nodes) => nodes.iter().filter(|node| can(node)).count() >= *count,
        }
    }

    /// The atoms that can only ever take a match's last event.
    pub fn last_only(&self) -> AtomSet {
        match &self.kind {
            Kind::Atom(place) => u64::from(place.max == 1) << place.atom,
            Kind::Seq(nodes) => nodes.last().map_or(0, Self::last_only),
            Kind::Or(nodes) | Kind::Of(1, nodes) => {
                nodes.iter().fold(0, |set, node| set | node.last_only())
            }
            Kind::And(_) | Kind::Of(..) => 0,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn one(atom: u8) -> Node {
        times(atom, 1, 1)
    }

    /// The first atom that repeats must be 0: its counter is the only one.
    fn times(atom: u8, min: u32, max: u32) -> Node {
        Node::atom(Place {
            atom,
            min,
            max,
            counter: 0,
        })
    }

    fn bits(atoms: &[u8]) -> u64 {
        set_of(atoms.iter().copied())
    }

    /// What is enabled, and whether it is complete, after these atoms took an event each.
    fn state(tree: &Node, taken: &[u8]) -> (AtomSet, bool) {
        let counts = [taken.iter().filter(|atom| **atom == 0).count() as u32];
        let taken = Taken {
            filled: bits(taken),
            counts: &counts,
        };
        (tree.enabled(taken), tree.complete(taken))
    }

    #[test]
    fn a_match_grows_backwards() {
        // 0 -> (1 AND 2) -> (3 OR (4 -> 5))
        let late = Node::of(vec![one(4), one(5)], Kind::Seq);
        let tree = Node::of(
            vec![
                one(0),
                Node::of(vec![one(1), one(2)], Kind::And),
                Node::of(vec![one(3), late], Kind::Or),
            ],
            Kind::Seq,
        );
        for (taken, enabled, complete) in [
            (&[][..], &[3, 5][..], false),
            (&[5], &[4], false),
            (&[5, 4], &[1, 2], false),
            (&[3], &[1, 2], false),
            (&[3, 2], &[1], false),
            (&[3, 2, 1], &[0], false),
            (&[3, 2, 1, 0], &[], true),
        ] {
            assert_eq!(state(&tree, taken), (bits(enabled), complete), "{taken:?}");
        }
        assert_eq!(tree.last_only(), bits(&[3, 5]));
        let (enabled, _) = state(&tree.mirrored(), &[0]);
        assert_eq!(enabled, bits(&[1, 2]));
    }

    #[test]
    fn repetitions_stay_open_until_an_older_part_begins() {
        // 1 -> 0{2,3} -> 2?
        let tree = Node::of(vec![one(1), times(0, 2, 3), times(2, 0, 1)], Kind::Seq);
        for (taken, enabled, complete) in [
            (&[][..], &[0, 2][..], false),
            (&[2], &[0], false),
            (&[0], &[0], false),
            (&[0, 0], &[0, 1], false),
            (&[0, 0, 0], &[1], false),
            (&[0, 0, 1], &[], true),
            (&[2, 0, 0, 1], &[], true),
        ] {
            assert_eq!(state(&tree, taken), (bits(enabled), complete), "{taken:?}");
        }
    }

    #[test]
    fn some_atoms_can_be_done_without() {
        // 0? -> (1 OR 2) -> 2 OF (3, 4) -> 1 OF (5, 6)
        let tree = Node::of(
            vec![
                times(0, 0, 1),
                Node::of(vec![one(1), one(2)], Kind::Or),
                Node::of(vec![one(3), one(4)], |nodes| Kind::Of(2, nodes)),
                Node::of(vec![one(5), one(6)], |nodes| Kind::Of(1, nodes)),
            ],
            Kind::Seq,
        );
        let without: Vec<u8> = (0..7).filter(|atom| tree.can_do_without(*atom)).collect();
        assert_eq!(without, [0, 1, 2, 5, 6]);
    }

    #[test]
    fn exactly_so_many_of_a_list() {
        // 2 OF (1, 2, 0*)
        let tree = Node::of(vec![one(1), one(2), times(0, 0, 9)], |nodes| {
            Kind::Of(2, nodes)
        });
        for (taken, enabled, complete) in [
            (&[][..], &[0, 1, 2][..], false),
            (&[1], &[0, 2], true),
            (&[1, 2], &[], true),
            (&[0, 0], &[0, 1, 2], false),
            (&[0, 1], &[0], true),
        ] {
            assert_eq!(state(&tree, taken), (bits(enabled), complete), "{taken:?}");
        }
    }
}
