//! What a partial match still lacks.

use crate::engine::rule::describe::Written;
use crate::engine::rule::pattern::{Kind, Node, Taken};

/// The fewest events with which what was taken becomes whole.
pub fn count(node: &Node, taken: Taken) -> u64 {
    match &node.kind {
        Kind::Atom(place) => u64::from(place.min.saturating_sub(taken.of(place))),
        Kind::Seq(nodes) | Kind::And(nodes) => nodes.iter().map(|node| count(node, taken)).sum(),
        Kind::Or(nodes) => match nodes.iter().find(|node| taken.has_any(node)) {
            Some(branch) => count(branch, taken),
            None => nodes
                .iter()
                .map(|node| count(node, taken))
                .min()
                .unwrap_or(0),
        },
        Kind::Of(wanted, nodes) => {
            let (begun, rest): (Vec<&Node>, Vec<&Node>) =
                nodes.iter().partition(|node| taken.has_any(node));
            let mut rest: Vec<u64> = rest.iter().map(|node| count(node, taken)).collect();
            rest.sort_unstable();
            let further = wanted.saturating_sub(begun.len());
            let begun: u64 = begun.iter().map(|node| count(node, taken)).sum();
            begun + rest.iter().take(further).sum::<u64>()
        }
    }
}

/// What is lacking, a text for each part of the pattern.
pub fn texts(node: &Node, taken: Taken, written: &Written) -> Vec<String> {
    if node.complete(taken) {
        return Vec::new();
    }
    let all = |nodes: &[Node]| -> Vec<String> {
        let texts = |node| texts(node, taken, written);
        nodes.iter().flat_map(texts).collect()
    };
    match &node.kind {
        Kind::Atom(place) => {
            let atom = &written.atoms[place.atom as usize];
            match taken.of(place) {
                0 => vec![atom.text.clone()],
                some => vec![format!("{} more {}", place.min - some, atom.name)],
            }
        }
        Kind::Seq(nodes) | Kind::And(nodes) => all(nodes),
        Kind::Or(nodes) => match nodes.iter().find(|node| taken.has_any(node)) {
            Some(branch) => texts(branch, taken, written),
            None => vec![text(node, written)],
        },
        Kind::Of(wanted, nodes) => {
            let (begun, rest): (Vec<&Node>, Vec<&Node>) =
                nodes.iter().partition(|node| taken.has_any(node));
            let mut lacking: Vec<String> = begun
                .iter()
                .flat_map(|node| texts(node, taken, written))
                .collect();
            let further = wanted.saturating_sub(begun.len());
            if further > 0 {
                let rest: Vec<String> = rest.iter().map(|node| text(node, written)).collect();
                lacking.push(format!("{further} of ({})", rest.join(", ")));
            }
            lacking
        }
    }
}

/// A part of a pattern as text.
fn text(node: &Node, written: &Written) -> String {
    let joined = |nodes: &[Node], operator: &str| {
        let member = |node: &Node| match node.kind {
            Kind::Atom(_) | Kind::Of(..) => text(node, written),
            _ => format!("({})", text(node, written)),
        };
        let members: Vec<String> = nodes.iter().map(member).collect();
        members.join(operator)
    };
    match &node.kind {
        Kind::Atom(place) => written.atoms[place.atom as usize].text.clone(),
        Kind::Seq(nodes) => joined(nodes, " -> "),
        Kind::And(nodes) => joined(nodes, " AND "),
        Kind::Or(nodes) => joined(nodes, " OR "),
        Kind::Of(count, nodes) => {
            let members: Vec<String> = nodes.iter().map(|node| text(node, written)).collect();
            format!("{count} OF ({})", members.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rule::compile::compile;
    use crate::engine::rule::parse;
    use crate::engine::rule::pattern::set_of;
    use crate::engine::rule::program;

    /// What is lacking after these atoms took an event each; of the pattern's repeated atoms, only one may be used.
    fn lacking(pattern: &str, given: &[u8]) -> (u64, Vec<String>) {
        let rule = parse(&format!("MATCH {pattern} WITHIN 1s")).unwrap();
        let program = compile(&rule).unwrap();
        let program::Kind::Match(compiled) = &program.kind else {
            panic!("no MATCH");
        };
        let mut counts = vec![0; compiled.counters];
        for atom in given {
            if let Some(counter) = compiled.counter(*atom) {
                counts[counter] += 1;
            }
        }
        let taken = Taken {
            filled: set_of(given.iter().copied()),
            counts: &counts,
        };
        let tree = &compiled.tree;
        (count(tree, taken), texts(tree, taken, &Written::new(&rule)))
    }

    #[test]
    fn what_is_lacking_is_the_least_that_completes() {
        for (pattern, given, number, texts) in [
            (
                "A -> B@b[x > 1] AS b -> C",
                &[0][..],
                2,
                &["B@b[x > 1] AS b", "C"][..],
            ),
            ("A -> F{5,} AS f -> B?", &[0, 1, 1], 3, &["3 more f"]),
            ("A AND (B OR (C -> D))", &[0], 1, &["B OR (C -> D)"]),
            ("A AND (B OR (C -> D))", &[0, 2], 1, &["D"]),
            (
                "2 OF (A, B{2}, C -> D)",
                &[],
                3,
                &["2 of (A, B{2}, C -> D)"],
            ),
            (
                "3 OF (A, B{2}, C -> D)",
                &[1],
                4,
                &["1 more B", "2 of (A, C -> D)"],
            ),
            ("A -> NOT X -> B -> NOT Y FOR 1s", &[0], 1, &["B"]),
            ("A -> B*", &[0], 0, &[]),
        ] {
            let expected = (number, texts.iter().map(ToString::to_string).collect());
            assert_eq!(lacking(pattern, given), expected, "{pattern} {given:?}");
        }
    }
}
