//! Expressions: names become numbers of atoms and fields.

use super::super::ast;
use super::super::names::Names;
use super::super::pattern::AtomSet;
use super::super::types;
use crate::engine::expr::{Expr, LikePattern, Scope};
use crate::engine::field::FieldRef;
use crate::engine::like;
use crate::engine::value::{format_number, Value};
use crate::engine::{Error, Result};

/// What an expression may name.
#[derive(Clone, Copy)]
pub enum See<'a> {
    /// The event at hand: bare fields.
    Event,
    /// The events of a match, by the names of their atoms.
    Match(&'a Names),
    /// The contributions of an INTEGRATE rule, by the names of their atoms, and its level.
    Integration(&'a Names),
}

impl<'a> See<'a> {
    /// The names an aggregate can run over.
    fn names(self, path: &ast::Path) -> Result<&'a Names> {
        match self {
            Self::Match(names) | Self::Integration(names) => Ok(names),
            // The parser has refused aggregates over a single event.
            Self::Event => Err(Error::at(path.column, "an aggregate can't stand here")),
        }
    }
}

/// When a field is read.
#[derive(Clone, Copy, PartialEq)]
pub enum Read {
    AsItComes,
    Later,
}

/// The fields of a rule, numbered as its expressions name them.
#[derive(Debug, Default)]
pub struct Expressions {
    pub fields: Vec<FieldRef>,
    /// Those that are read after the event has come.
    pub kept: Vec<u16>,
}

impl Expressions {
    /// A condition, which must be one that can hold.
    ///
    /// # Errors
    /// Where a name is not known, or it can't be TRUE whatever the events are.
    pub fn condition(&mut self, expr: &ast::Expr, see: See) -> Result<Expr> {
        let condition = self.expr(expr, see)?;
        types::check_condition(expr)?;
        if types::is_constant(expr) && !condition.holds(&NoEvent) {
            let why = "it is FALSE or NULL without looking at any event";
            return Err(types::never(expr, why));
        }
        Ok(condition)
    }

    /// The number of a field of the rule.
    pub fn field(&mut self, segments: &[String], read: Read) -> u16 {
        let field = FieldRef::new(segments);
        let number = match self.fields.iter().position(|known| *known == field) {
            Some(number) => number,
            None => {
                self.fields.push(field);
                self.fields.len() - 1
            }
        } as u16;
        if read == Read::Later && !self.kept.contains(&number) {
            self.kept.push(number);
        }
        number
    }

    pub fn expr(&mut self, expr: &ast::Expr, see: See) -> Result<Expr> {
        Ok(match expr {
            ast::Expr::Text(text) => Expr::Const(Value::Text(text.clone().into_bytes().into())),
            ast::Expr::Number(n) => Expr::Const(Value::Number(*n)),
            ast::Expr::Bool(b) => Expr::Const(Value::Bool(*b)),
            ast::Expr::Null => Expr::Const(Value::Null),
            ast::Expr::Path(path) => match see {
                See::Event => Expr::Field {
                    atom: None,
                    field: self.field(&path.segments, Read::AsItComes),
                },
                See::Integration(_) if path.segments == ["level"] => Expr::Level,
                See::Match(names) | See::Integration(names) => {
                    let (atom, field) = names.resolve(path)?;
                    if field.is_empty() {
                        let message = format!(
                            "expected a field after the name, as in {0}.value, found '{0}'",
                            path.segments.join(".")
                        );
                        return Err(Error::at(path.column, message));
                    }
                    Expr::Field {
                        atom: Some(atom),
                        field: self.field(field, Read::Later),
                    }
                }
            },
            ast::Expr::Negate(e) => Expr::Negate(self.boxed(e, see)?),
            ast::Expr::Not(e) => Expr::Not(self.boxed(e, see)?),
            ast::Expr::Binary(op, a, b) => {
                Expr::Binary(*op, self.boxed(a, see)?, self.boxed(b, see)?)
            }
            ast::Expr::In {
                expr,
                list,
                negated,
            } => Expr::In {
                expr: self.boxed(expr, see)?,
                list: list
                    .iter()
                    .map(|e| self.expr(e, see))
                    .collect::<Result<_>>()?,
                negated: *negated,
            },
            ast::Expr::Between {
                expr,
                low,
                high,
                negated,
            } => Expr::Between {
                expr: self.boxed(expr, see)?,
                low: self.boxed(low, see)?,
                high: self.boxed(high, see)?,
                negated: *negated,
            },
            ast::Expr::Like {
                expr,
                pattern,
                escape,
                negated,
            } => Expr::Like {
                expr: self.boxed(expr, see)?,
                pattern: match &**pattern {
                    ast::Expr::Text(text) => constant_pattern(text, *escape)?,
                    ast::Expr::Number(n) => constant_pattern(&format_number(*n), *escape)?,
                    computed => LikePattern::Computed(self.boxed(computed, see)?, *escape),
                },
                negated: *negated,
            },
            ast::Expr::IsNull { expr, negated } => Expr::IsNull {
                expr: self.boxed(expr, see)?,
                negated: *negated,
            },
            ast::Expr::Call { function, args, .. } => Expr::Call(
                *function,
                args.iter()
                    .map(|e| self.expr(e, see))
                    .collect::<Result<_>>()?,
            ),
            ast::Expr::Aggregate {
                aggregate, over, ..
            } => {
                let (over, field) = match over {
                    ast::Over::All(path) => (None, &path[..]),
                    ast::Over::Name(path) => {
                        let (atom, field) = see.names(path)?.resolve(path)?;
                        (Some(atom), field)
                    }
                };
                let field = (!field.is_empty()).then(|| self.field(field, Read::Later));
                Expr::Aggregate {
                    aggregate: *aggregate,
                    over,
                    field,
                }
            }
        })
    }

    fn boxed(&mut self, expr: &ast::Expr, see: See) -> Result<Box<Expr>> {
        self.expr(expr, see).map(Box::new)
    }
}

/// The parts of an expression that are joined by AND, from left to right.
pub fn conjuncts(expr: &ast::Expr) -> Vec<&ast::Expr> {
    match expr {
        ast::Expr::Binary(ast::BinaryOp::And, left, right) => {
            let mut parts = conjuncts(left);
            parts.extend(conjuncts(right));
            parts
        }
        other => vec![other],
    }
}

fn constant_pattern(text: &str, escape: Option<char>) -> Result<LikePattern> {
    let pattern = like::Pattern::new(text, escape).ok_or_else(|| {
        Error::new(format!(
            "a LIKE pattern has at most {} characters between two % with a _ among them",
            like::Pattern::MAX_WILD
        ))
    })?;
    Ok(LikePattern::Compiled(pattern))
}

/// The atoms an expression reads are added to `set`.
pub fn atoms_read(expr: &Expr, set: &mut AtomSet) {
    match expr {
        Expr::Field {
            atom: Some(atom), ..
        } => *set |= 1 << atom,
        Expr::Const(_) | Expr::Level | Expr::Field { atom: None, .. } => {}
        Expr::Aggregate { over, .. } => *set |= over.map_or(AtomSet::MAX, |atom| 1 << atom),
        Expr::Negate(e) | Expr::Not(e) | Expr::IsNull { expr: e, .. } => atoms_read(e, set),
        Expr::Binary(_, a, b) => [a, b].into_iter().for_each(|e| atoms_read(e, set)),
        Expr::In { expr, list, .. } => std::iter::once(&**expr)
            .chain(list)
            .for_each(|e| atoms_read(e, set)),
        Expr::Between {
            expr, low, high, ..
        } => [expr, low, high]
            .into_iter()
            .for_each(|e| atoms_read(e, set)),
        Expr::Like { expr, pattern, .. } => {
            atoms_read(expr, set);
            if let LikePattern::Computed(pattern, _) = pattern {
                atoms_read(pattern, set);
            }
        }
        Expr::Call(_, args) => args.iter().for_each(|e| atoms_read(e, set)),
    }
}

/// What an expression without fields sees.
struct NoEvent;

impl Scope for NoEvent {
    fn field(&self, _: Option<u8>, _: u16) -> Value<'_> {
        Value::Null
    }

    fn count(&self, _: Option<u8>) -> usize {
        0
    }

    fn each(&self, _: Option<u8>, _: u16) -> impl DoubleEndedIterator<Item = Value<'_>> {
        std::iter::empty()
    }
}
