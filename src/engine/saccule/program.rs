//! A saccule's text, compiled: what it does to an event's fields.

use std::borrow::Cow;
use std::rc::Rc;

use super::view::View;
use crate::engine::expr::{Expr, Scope};
use crate::engine::field::FieldRef;
use crate::engine::rule::compile::{Expressions, Read, See};
use crate::engine::rule::statement::{Cast, Saccule, Statement};
use crate::engine::rule::{shown, MAX_REASON};
use crate::engine::time::time_of;
use crate::engine::value::{format_number, Value};
use crate::engine::Result;

/// The most that an event's fields may take when saccules have changed them, in bytes: twice what an entry may have.
const MAX_BYTES: usize = 32 << 20;
/// The reason where an event is too large to be looked at.
const TOO_LARGE: &str = "the event is too large for its saccules";

/// What becomes of an event.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It goes on.
    Passes,
    /// It goes no further, and nothing is wrong with it.
    Skipped,
    /// It is turned away: the reason's number.
    Rejected(u16),
}

/// A compiled saccule.
#[derive(Debug)]
pub struct Program {
    steps: Vec<Step>,
    /// What expressions name.
    fields: Vec<FieldRef>,
    /// Why it can reject events; the last: it is too large.
    pub reasons: Vec<Rc<str>>,
    /// About what one event costs: parts of expressions, and steps.
    pub cost: u64,
}

#[derive(Debug)]
enum Step {
    Require {
        test: Expr,
        reason: u16,
    },
    Skip(Expr),
    Set {
        field: Box<[u8]>,
        value: Expr,
    },
    Default {
        field: Box<[u8]>,
        /// The same as expressions see it.
        seen: u16,
        value: Expr,
    },
    Rename {
        from: Box<[u8]>,
        to: Box<[u8]>,
    },
    Drop(Box<[u8]>),
    Cast {
        field: Box<[u8]>,
        to: Cast,
        reason: u16,
    },
}

impl Program {
    /// Compiles what the parser has accepted.
    ///
    /// # Errors
    /// Where a condition can't be TRUE whatever the event is.
    pub fn new(saccule: &Saccule) -> Result<Self> {
        let mut expressions = Expressions::default();
        let mut reasons = Vec::new();
        let mut steps = Vec::with_capacity(saccule.statements.len());
        for statement in &saccule.statements {
            steps.push(step(statement, &mut expressions, &mut reasons)?);
        }
        let cost = steps.iter().map(Step::cost).sum();
        reasons.push(TOO_LARGE.into());
        Ok(Self {
            steps,
            fields: expressions.fields,
            reasons,
            cost,
        })
    }

    /// It is too large.
    pub fn too_large(&self) -> Outcome {
        Outcome::Rejected((self.reasons.len() - 1) as u16)
    }

    /// Lets it look at an event, and change it.
    pub fn run<'p>(&'p self, view: &mut View<'p>) -> Outcome {
        for step in &self.steps {
            let sight = Sight {
                program: self,
                view: &*view,
            };
            match step {
                Step::Require { test, reason } => {
                    if !test.holds(&sight) {
                        return Outcome::Rejected(*reason);
                    }
                }
                Step::Skip(test) => {
                    if test.holds(&sight) {
                        return Outcome::Skipped;
                    }
                }
                Step::Set { field, value } => {
                    let value = sight.text(value);
                    view.set(field, value);
                }
                Step::Default { field, seen, value } => {
                    if sight.field(None, *seen).is_null() {
                        let value = sight.text(value);
                        view.set(field, value);
                    }
                }
                Step::Rename { from, to } => view.rename(from, to),
                Step::Drop(field) => view.set(field, None),
                Step::Cast { field, to, reason } => {
                    let Some(text) = view.field(field) else {
                        continue;
                    };
                    let Some(cast) = cast(text, *to) else {
                        return Outcome::Rejected(*reason);
                    };
                    if *cast != *text {
                        let cast = cast.into_owned();
                        view.set(field, Some(cast));
                    }
                }
            }
            if view.bytes() > MAX_BYTES {
                return self.too_large();
            }
        }
        Outcome::Passes
    }
}

fn step(
    statement: &Statement,
    expressions: &mut Expressions,
    reasons: &mut Vec<Rc<str>>,
) -> Result<Step> {
    let name = |field: &str| Box::from(field.as_bytes());
    // A saccule has few enough statements.
    let mut reason = |text: String| {
        let known = reasons.iter().position(|known| **known == *text);
        let number = known.unwrap_or_else(|| {
            reasons.push(text.into());
            reasons.len() - 1
        });
        number as u16
    };
    Ok(match statement {
        Statement::Require { expr, reason: why } => Step::Require {
            test: expressions.condition(expr, See::Event)?,
            reason: reason(match why {
                Some(why) => why.clone(),
                None => shown(&expr.to_string(), MAX_REASON),
            }),
        },
        Statement::Skip(expr) => Step::Skip(expressions.condition(expr, See::Event)?),
        Statement::Set { field, expr } => Step::Set {
            field: name(field),
            value: expressions.expr(expr, See::Event)?,
        },
        Statement::Default { field, expr } => Step::Default {
            field: name(field),
            seen: expressions.field(std::slice::from_ref(field), Read::AsItComes),
            value: expressions.expr(expr, See::Event)?,
        },
        Statement::Rename { from, to } => Step::Rename {
            from: name(from),
            to: name(to),
        },
        Statement::Drop(field) => Step::Drop(name(field)),
        Statement::Cast { field, to } => {
            let what = match to {
                Cast::Number => "no number",
                Cast::Text => "no text",
                Cast::Bool => "neither true nor false",
                Cast::Time => "no time",
            };
            Step::Cast {
                field: name(field),
                to: *to,
                reason: reason(format!("{} is {what}", shown(field, MAX_REASON / 2))),
            }
        }
    })
}

impl Step {
    fn cost(&self) -> u64 {
        match self {
            Self::Require { test: expr, .. }
            | Self::Skip(expr)
            | Self::Set { value: expr, .. }
            | Self::Default { value: expr, .. } => expr.size(),
            Self::Rename { .. } | Self::Drop(_) | Self::Cast { .. } => 1,
        }
    }
}

/// What a field's text is as something else, in the one form in which that is written. `None`: it is nothing of the kind.
fn cast(text: &[u8], to: Cast) -> Option<Cow<'_, [u8]>> {
    let trimmed = text.trim_ascii();
    Some(match to {
        Cast::Number => {
            let number = Value::text(trimmed).as_number()?;
            format_number(number).into_bytes().into()
        }
        Cast::Text => std::str::from_utf8(text).ok()?.as_bytes().into(),
        Cast::Bool => {
            let is = |words: &[&str]| {
                let mut words = words.iter();
                words.any(|word| trimmed.eq_ignore_ascii_case(word.as_bytes()))
            };
            if is(&["true", "t", "yes", "y", "on", "1"]) {
                b"true".into()
            } else if is(&["false", "f", "no", "n", "off", "0"]) {
                b"false".into()
            } else {
                return None;
            }
        }
        Cast::Time => time_of(&Value::text(trimmed))?
            .to_string()
            .into_bytes()
            .into(),
    })
}

/// What an expression sees: the event as it is by then.
struct Sight<'s, 'p> {
    program: &'s Program,
    view: &'s View<'p>,
}

impl Sight<'_, '_> {
    /// A value as a field has it; `None` for NULL.
    fn text(&self, value: &Expr) -> Option<Vec<u8>> {
        value.eval(self).into_text().map(Cow::into_owned)
    }
}

impl Scope for Sight<'_, '_> {
    fn field(&self, _: Option<u8>, field: u16) -> Value<'_> {
        self.view.read(&self.program.fields[field as usize])
    }

    fn count(&self, _: Option<u8>) -> usize {
        1
    }

    fn each(&self, _: Option<u8>, field: u16) -> impl DoubleEndedIterator<Item = Value<'_>> {
        std::iter::once(self.field(None, field))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_cast_has_one_form() {
        for (text, to, expected) in [
            ("1.50", Cast::Number, Some("1.5")),
            (" +7 ", Cast::Number, Some("7")),
            ("1e3", Cast::Number, Some("1000")),
            ("0x10", Cast::Number, None),
            ("", Cast::Number, None),
            ("é", Cast::Text, Some("é")),
            ("YES", Cast::Bool, Some("true")),
            ("0", Cast::Bool, Some("false")),
            ("2", Cast::Bool, None),
            ("1970-01-01T00:00:01.5Z", Cast::Time, Some("1500")),
            ("1500.9", Cast::Time, Some("1500")),
            ("-1", Cast::Time, None),
            ("today", Cast::Time, None),
        ] {
            let found = cast(text.as_bytes(), to);
            assert_eq!(found.as_deref(), expected.map(str::as_bytes), "{text}");
        }
        assert_eq!(cast(b"\xff", Cast::Text), None);
    }
}
