//! The parts of a rule as they were written, numbered as the compiler numbers them.

use super::ast::{self, Expr};
use super::check::atoms_of;
use super::compile::conjuncts;

/// The texts of a rule.
#[derive(Debug)]
pub struct Written {
    /// By number.
    pub atoms: Vec<WrittenAtom>,
    pub partition_by: Vec<String>,
    /// The conditions of WHERE, one for each of the compiled ones.
    pub conditions: Vec<Expr>,
    pub having: Option<Expr>,
    /// `name = expression`
    pub emit: Vec<String>,
}

/// The texts of an atom.
#[derive(Debug)]
pub struct WrittenAtom {
    /// What the rule's clauses call it or, where that is not clear, its type and which of them it is: `A#2`.
    pub name: String,
    /// All of it: `Pay[amount > 1000] AS p`.
    pub text: String,
    /// `Pay@axon_1`
    pub source: String,
    pub event_type: String,
    /// `*` where none is named.
    pub axon: String,
    /// Empty where there is none.
    pub predicate: String,
    /// How many events it takes: `1`, `5 or more`.
    pub takes: String,
    /// Of an INTEGRATE rule.
    pub weight: Option<String>,
}

impl Written {
    /// The texts of a rule that the parser has accepted.
    pub fn new(rule: &ast::Rule) -> Self {
        let paths = |paths: &[ast::Path]| paths.iter().map(ToString::to_string).collect();
        let emit = |emit: &[ast::Emit]| emit.iter().map(ToString::to_string).collect();
        match rule {
            ast::Rule::Match(rule) => Self {
                atoms: atoms(&atoms_of(&rule.pattern)),
                partition_by: paths(&rule.partition_by),
                conditions: rule.filter.iter().flat_map(conjuncts).cloned().collect(),
                having: rule.having.clone(),
                emit: emit(&rule.emit),
            },
            ast::Rule::Integrate(rule) => {
                let named: Vec<&ast::Atom> = rule.inputs.iter().map(|input| &input.atom).collect();
                let mut atoms = atoms(&named);
                for (atom, input) in atoms.iter_mut().zip(&rule.inputs) {
                    let weight = input.weight.as_ref();
                    atom.weight = Some(weight.map_or("1".into(), ToString::to_string));
                }
                Self {
                    atoms,
                    partition_by: paths(&rule.partition_by),
                    conditions: Vec::new(),
                    having: None,
                    emit: emit(&rule.emit),
                }
            }
        }
    }
}

fn atoms(atoms: &[&ast::Atom]) -> Vec<WrittenAtom> {
    let same = |a: &ast::Atom, b: &ast::Atom| a.event_type == b.event_type;
    let describe = |(number, atom): (usize, &&ast::Atom)| {
        let event_type = atom.event_type.clone().unwrap_or_else(|| "ANY".into());
        let name = match &atom.alias {
            Some(alias) => alias.clone(),
            None if atoms.iter().filter(|other| same(other, atom)).count() == 1 => {
                event_type.clone()
            }
            None => {
                let before = atoms[..number].iter().filter(|other| same(other, atom));
                format!("{event_type}#{}", before.count() + 1)
            }
        };
        let source = ast::Atom {
            predicate: None,
            quantifier: None,
            alias: None,
            ..(*atom).clone()
        };
        WrittenAtom {
            name,
            text: atom.to_string(),
            source: source.to_string(),
            event_type,
            axon: atom.axon.clone().unwrap_or_else(|| "*".into()),
            predicate: atom
                .predicate
                .as_ref()
                .map_or(String::new(), ToString::to_string),
            takes: takes(atom.quantifier),
            weight: None,
        }
    };
    atoms.iter().enumerate().map(describe).collect()
}

fn takes(quantifier: Option<ast::Quantifier>) -> String {
    let (min, max) = quantifier.map_or((1, Some(1)), |q| (q.min, q.max));
    match max {
        None => format!("{min} or more"),
        Some(max) if max == min => max.to_string(),
        Some(max) if max == min + 1 => format!("{min} or {max}"),
        Some(max) => format!("{min} to {max}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::rule::parse;

    #[test]
    fn atoms_are_called_what_the_rule_calls_them() {
        let rule = parse(
            "match A[x>1]{2,} -> A@s as a2 -> (ANY or 2 of (ANY@t, B?, C{3})) -> not D for 1s within 1s",
        );
        let written = Written::new(&rule.unwrap());
        let atoms: Vec<_> = written
            .atoms
            .iter()
            .map(|a| (&*a.name, &*a.text, &*a.source, &*a.predicate, &*a.takes))
            .collect();
        assert_eq!(
            atoms,
            [
                ("A#1", "A[x > 1]{2,}", "A", "x > 1", "2 or more"),
                ("a2", "A@s AS a2", "A@s", "", "1"),
                ("ANY#1", "ANY", "ANY", "", "1"),
                ("ANY#2", "ANY@t", "ANY@t", "", "1"),
                ("B", "B?", "B", "", "0 or 1"),
                ("C", "C{3}", "C", "", "3"),
                ("D", "D", "D", "", "1"),
            ]
        );
    }
}
