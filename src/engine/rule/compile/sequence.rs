//! Patterns that are a plain sequence: what can be decided at which step.

use crate::engine::rule::pattern::{AtomSet, Kind, Node};
use crate::engine::rule::program::{Absence, Condition, Gap, Lookup, Sequence, Step};

/// The steps of a pattern, where it is a sequence of atoms that take one event each.
pub(super) fn sequence(
    tree: &Node,
    absences: &[Absence],
    conditions: &[Condition],
    lookups: &[Lookup],
) -> Option<Sequence> {
    let nodes = match &tree.kind {
        Kind::Atom(_) => std::slice::from_ref(tree),
        Kind::Seq(nodes) => nodes,
        _ => return None,
    };
    let mut sequence = Sequence::default();
    let mut later: AtomSet = 0;
    for node in nodes.iter().rev() {
        let Kind::Atom(place) = &node.kind else {
            return None;
        };
        if (place.min, place.max) != (1, 1) {
            return None;
        }
        let atom = place.atom;
        let filled = later | 1 << atom;
        let decided = |condition: &Condition| match condition.atoms {
            // One that reads no event.
            0 => later == 0,
            atoms => atoms & !filled == 0 && atoms & 1 << atom != 0,
        };
        let found = |lookup: &Lookup| lookup.atom == atom && later & 1 << lookup.other != 0;
        let stands = |absence: &Absence| matches!(absence.place, Gap::Between { before, .. } if before == 1 << atom);
        sequence.steps.push(Step {
            atom,
            conditions: numbers(conditions, decided),
            lookups: numbers(lookups, found),
            not_after: numbers(absences, stands),
        });
        later = filled;
    }
    sequence.steps.reverse();
    let leads = |absence: &Absence| matches!(absence.place, Gap::Leading { .. });
    sequence.not_before = numbers(absences, leads);
    Some(sequence)
}

/// The numbers of those that fit.
fn numbers<T, L: FromIterator<usize>>(all: &[T], fits: impl Fn(&T) -> bool) -> L {
    let fitting = all.iter().enumerate().filter(|(_, one)| fits(one));
    fitting.map(|(number, _)| number).collect()
}
