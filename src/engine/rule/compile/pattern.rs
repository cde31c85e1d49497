//! Patterns: atoms get their numbers, quantifiers their counters, and NOTs are taken out of the tree.

use super::super::ast;
use super::super::pattern::{Kind, Node, Place};
use super::super::program::{Absence, Atom, AxonPattern, Gap};
use super::expr::{Expressions, See};
use super::millis;
use crate::engine::Result;

/// A pattern in the making. The parser has seen to it that there are not too many atoms, and that every NOT stands in a
/// sequence, beside parts that can't be empty.
#[derive(Default)]
pub struct Lowered {
    pub atoms: Vec<Atom>,
    pub absences: Vec<Absence>,
    pub counters: u8,
}

impl Lowered {
    /// Lowers an atom that is no NOT, or the atom of an INTEGRATE rule; its number.
    pub fn atom(&mut self, atom: &ast::Atom, fields: &mut Expressions) -> Result<u8> {
        let predicate = atom
            .predicate
            .as_ref()
            .map(|e| fields.condition(e, See::Event))
            .transpose()?;
        self.atoms.push(Atom {
            event_type: atom.event_type.as_deref().map(Into::into),
            axon: atom.axon.as_deref().map(AxonPattern::new),
            predicate,
            buffer: None,
        });
        Ok((self.atoms.len() - 1) as u8)
    }

    /// Lowers a pattern. Atoms are numbered in textual order, as their names are.
    pub fn node(&mut self, pattern: &ast::Pattern, fields: &mut Expressions) -> Result<Node> {
        let mut all = |list: &[ast::Pattern]| -> Result<Vec<Node>> {
            list.iter().map(|part| self.node(part, fields)).collect()
        };
        Ok(match pattern {
            ast::Pattern::And(list) => Node::of(all(list)?, Kind::And),
            ast::Pattern::Or(list) => Node::of(all(list)?, Kind::Or),
            ast::Pattern::Of {
                count, patterns, ..
            } => Node::of(all(patterns)?, |nodes| Kind::Of(*count as usize, nodes)),
            ast::Pattern::Seq(list) => self.sequence(list, fields)?,
            ast::Pattern::Atom(atom) => {
                let number = self.atom(atom, fields)?;
                Node::atom(self.place(number, atom.quantifier))
            }
            ast::Pattern::Not { .. } => unreachable!("the parser has refused a NOT by itself"),
        })
    }

    fn place(&mut self, atom: u8, quantifier: Option<ast::Quantifier>) -> Place {
        let (min, max) =
            quantifier.map_or((1, 1), |q| (clamp(q.min), q.max.map_or(u32::MAX, clamp)));
        let counter = self.counters;
        self.counters += u8::from(max > 1);
        Place {
            atom,
            min,
            max,
            counter,
        }
    }

    fn sequence(&mut self, list: &[ast::Pattern], fields: &mut Expressions) -> Result<Node> {
        let mut parts: Vec<Node> = Vec::new();
        // The NOT that waits for the part after it.
        let mut open = None;
        for part in list {
            let ast::Pattern::Not { atom, for_, .. } = part else {
                let node = self.node(part, fields)?;
                if let Some(atom) = open.take() {
                    let after = node.atoms;
                    let place = match parts.last() {
                        None => Gap::Leading { after },
                        Some(part) => Gap::Between {
                            before: part.atoms,
                            after,
                        },
                    };
                    self.absences.push(Absence { atom, place });
                }
                parts.push(node);
                continue;
            };
            let atom = self.atom(atom, fields)?;
            match (for_, parts.last()) {
                (Some(wait), Some(part)) => self.absences.push(Absence {
                    atom,
                    place: Gap::Trailing {
                        before: part.atoms,
                        wait: millis(*wait)?,
                    },
                }),
                _ => open = Some(atom),
            }
        }
        Ok(match parts.len() {
            1 => parts.remove(0),
            _ => Node::of(parts, Kind::Seq),
        })
    }
}

/// More events than this no match can have.
fn clamp(count: u64) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}
