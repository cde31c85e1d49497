//! How many events a pattern's matches have.

use super::ast::{Atom, Pattern};

/// From so many to so many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Count {
    pub min: u64,
    /// `None`: there is no bound.
    pub max: Option<u64>,
}

impl Count {
    const NONE: Self = Self {
        min: 0,
        max: Some(0),
    };

    fn and(self, other: Self) -> Self {
        let max = self.max.zip(other.max);
        Self {
            min: self.min.saturating_add(other.min),
            max: max.and_then(|(a, b)| a.checked_add(b)),
        }
    }
}

/// How many events the wanted atoms have in a match of the pattern.
pub fn count(pattern: &Pattern, wanted: &dyn Fn(&Atom) -> bool) -> Count {
    let each = |patterns: &[Pattern]| -> Vec<Count> {
        patterns.iter().map(|part| count(part, wanted)).collect()
    };
    match pattern {
        Pattern::Atom(atom) if wanted(atom) => match atom.quantifier {
            Some(quantifier) => Count {
                min: quantifier.min,
                max: quantifier.max,
            },
            None => Count {
                min: 1,
                max: Some(1),
            },
        },
        Pattern::Atom(_) | Pattern::Not { .. } => Count::NONE,
        Pattern::Seq(parts) | Pattern::And(parts) => {
            each(parts).into_iter().fold(Count::NONE, Count::and)
        }
        Pattern::Or(parts) => some_of(each(parts), 1),
        Pattern::Of {
            count, patterns, ..
        } => some_of(
            each(patterns),
            usize::try_from(*count).unwrap_or(usize::MAX),
        ),
    }
}

/// So many of them.
fn some_of(mut parts: Vec<Count>, number: usize) -> Count {
    parts.sort_by_key(|part| part.min);
    let fewest = parts.iter().take(number).copied();
    let min = fewest.fold(Count::NONE, Count::and).min;
    parts.sort_by_key(|part| std::cmp::Reverse(part.max.unwrap_or(u64::MAX)));
    let most = parts.iter().take(number).copied();
    let max = most.fold(Count::NONE, Count::and).max;
    Count { min, max }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rule::{ast::Rule, parse};

    #[test]
    fn bounds_of_every_operator() {
        for (pattern, min, max) in [
            ("A", 1, Some(1)),
            ("A -> B? -> C", 2, Some(3)),
            ("A{2,3} AND B", 3, Some(4)),
            ("A+ -> B", 2, None),
            ("A{3} OR B", 1, Some(3)),
            ("A OR B+", 1, None),
            ("2 OF (A{3}, B, C{2})", 3, Some(5)),
            ("A -> NOT B -> C", 2, Some(2)),
        ] {
            let rule = parse(&format!("MATCH {pattern} WITHIN 1s")).unwrap();
            let Rule::Match(rule) = rule else {
                panic!("a match")
            };
            let counted = count(&rule.pattern, &|_| true);
            assert_eq!(counted, Count { min, max }, "{pattern}");
        }
    }
}
