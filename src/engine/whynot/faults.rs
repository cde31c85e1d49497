//! What keeps a list of events from being a match: conditions of WHERE and HAVING that are not TRUE, and NOTs that have
//! seen an event.

use super::nearest::Given;
use crate::engine::expr::{Expr, LikePattern, Scope};
use crate::engine::partition::Partition;
use crate::engine::report::duration;
use crate::engine::rule::ast;
use crate::engine::rule::describe::Written;
use crate::engine::rule::pattern::AtomSet;
use crate::engine::rule::program::{Gap, Match, Program};
use crate::engine::store::Slot;
use crate::engine::value::{format_number, parse_number, Value};

/// The longest text of an event that is shown, in characters.
const SHOWN: usize = 64;

/// One thing that keeps a list of events from being a match.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// A condition of WHERE, by its number.
    Where(usize),
    Having,
    /// A NOT, by its number, and the time (ms) of what it has seen.
    Not(usize, u64),
    /// A trailing NOT, by its number, whose wait is over.
    Over(usize),
}

/// What is looked at to find faults.
#[derive(Clone, Copy)]
pub struct Judge<'a> {
    pub program: &'a Program,
    pub rule: &'a Match,
    pub written: &'a Written,
    pub slots: &'a [Slot],
    pub partition: Option<&'a Partition>,
}

impl<'a> Judge<'a> {
    /// The faults of these events, oldest first, as far as they can be told before the match is whole.
    pub fn faults(&self, given: &[Given<'a>], filled: AtomSet, complete: bool) -> Vec<Fault> {
        let scope = GivenScope {
            given,
            slots: self.slots,
        };
        let decided =
            |atoms: AtomSet| complete || (atoms & !filled == 0 && atoms & self.rule.repeated == 0);
        let conditions = self.rule.conditions.iter().enumerate();
        let mut faults: Vec<Fault> = conditions
            .filter(|(_, c)| decided(c.atoms) && !c.expr.holds(&scope))
            .map(|(number, _)| Fault::Where(number))
            .collect();
        for (number, absence) in self.rule.absences.iter().enumerate() {
            if let Some(time) = self.seen(number, absence.place, given) {
                faults.push(Fault::Not(number, time));
            }
        }
        if complete && faults.is_empty() {
            let having = self.rule.having.as_ref();
            if having.is_some_and(|having| !having.holds(&scope)) {
                faults.push(Fault::Having);
            }
        }
        faults
    }

    /// The time of what a NOT has seen where it should not have.
    fn seen(&self, number: usize, place: Gap, given: &[Given]) -> Option<u64> {
        let among = |set: AtomSet| given.iter().filter(move |g| set & (1 << g.atom) != 0);
        let mut seen = self.partition?.seen(number)?.iter();
        let found = match place {
            Gap::Trailing { .. } => None,
            Gap::Between { before, after } => {
                let last = among(before).next_back()?.event.seq;
                let next = among(after).next().map_or(u64::MAX, |g| g.event.seq);
                seen.find(|s| s.seq > last && s.seq < next)
            }
            Gap::Leading { after } => {
                let first = among(after).next()?.event;
                let floor = first.time.saturating_sub(self.program.within);
                seen.take_while(|s| s.seq < first.seq)
                    .find(|s| s.time >= floor)
            }
        };
        Some(found?.time)
    }

    /// A fault in words: the condition, and what its values are.
    pub fn describe(&self, fault: Fault, given: &[Given]) -> String {
        let scope = GivenScope {
            given,
            slots: self.slots,
        };
        let not = |number: usize| {
            let absence = &self.rule.absences[number];
            &self.written.atoms[absence.atom as usize]
        };
        match fault {
            Fault::Where(number) => {
                let written = &self.written.conditions[number];
                let shown = with_values(written, &self.rule.conditions[number].expr, &scope);
                format!("{written}: {shown}")
            }
            Fault::Having => match (&self.written.having, &self.rule.having) {
                (Some(written), Some(having)) => {
                    format!("HAVING {written}: {}", with_values(written, having, &scope))
                }
                _ => String::new(),
            },
            Fault::Not(number, time) => {
                let not = not(number);
                format!("NOT {}: {} came, at {time}", not.text, not.name)
            }
            Fault::Over(number) => {
                let wait = match self.rule.absences[number].place {
                    Gap::Trailing { wait, .. } => duration(wait),
                    Gap::Leading { .. } | Gap::Between { .. } => String::new(),
                };
                let not = not(number);
                format!(
                    "NOT {} FOR {wait}: no deadline is pending any more ({} has come, or it was met)",
                    not.text, not.name
                )
            }
        }
    }
}

/// What expressions see of the events.
struct GivenScope<'g, 'a> {
    given: &'g [Given<'a>],
    slots: &'g [Slot],
}

impl<'a> GivenScope<'_, 'a> {
    fn over(&self, over: Option<u8>) -> impl DoubleEndedIterator<Item = &Given<'a>> {
        self.given
            .iter()
            .filter(move |g| over.is_none_or(|atom| g.atom == atom))
    }

    fn read(&self, given: &Given<'a>, field: u16) -> Value<'a> {
        given.event.record.kept(self.slots[field as usize])
    }
}

impl Scope for GivenScope<'_, '_> {
    fn field(&self, atom: Option<u8>, field: u16) -> Value<'_> {
        let last = self.over(atom).next_back();
        last.map_or(Value::Null, |last| self.read(last, field))
    }

    fn count(&self, over: Option<u8>) -> usize {
        self.over(over).count()
    }

    fn each(&self, over: Option<u8>, field: u16) -> impl DoubleEndedIterator<Item = Value<'_>> {
        self.over(over).map(move |given| self.read(given, field))
    }
}

/// An expression as it is written, with the values of its fields and aggregates in their place. The compiled one has the
/// same form.
fn with_values(written: &ast::Expr, expr: &Expr, scope: &impl Scope) -> ast::Expr {
    let of = |written: &ast::Expr, expr: &Expr| Box::new(with_values(written, expr, scope));
    let list = |written: &[ast::Expr], exprs: &[Expr]| -> Vec<ast::Expr> {
        let pairs = written.iter().zip(exprs);
        pairs.map(|(w, e)| with_values(w, e, scope)).collect()
    };
    match (written, expr) {
        (ast::Expr::Path(_) | ast::Expr::Aggregate { .. }, expr) => literal(&expr.eval(scope)),
        (ast::Expr::Negate(w), Expr::Negate(e)) => ast::Expr::Negate(of(w, e)),
        (ast::Expr::Not(w), Expr::Not(e)) => ast::Expr::Not(of(w, e)),
        (ast::Expr::Binary(op, wa, wb), Expr::Binary(_, a, b)) => {
            ast::Expr::Binary(*op, of(wa, a), of(wb, b))
        }
        (
            ast::Expr::In {
                expr: w,
                list: written,
                negated,
            },
            Expr::In { expr, list: l, .. },
        ) => ast::Expr::In {
            expr: of(w, expr),
            list: list(written, l),
            negated: *negated,
        },
        (
            ast::Expr::Between {
                expr: w,
                low: w_low,
                high: w_high,
                negated,
            },
            Expr::Between {
                expr, low, high, ..
            },
        ) => ast::Expr::Between {
            expr: of(w, expr),
            low: of(w_low, low),
            high: of(w_high, high),
            negated: *negated,
        },
        (
            ast::Expr::Like {
                expr: w,
                pattern: w_pattern,
                escape,
                negated,
            },
            Expr::Like { expr, pattern, .. },
        ) => ast::Expr::Like {
            expr: of(w, expr),
            pattern: match pattern {
                LikePattern::Compiled(_) => w_pattern.clone(),
                LikePattern::Computed(pattern, _) => of(w_pattern, pattern),
            },
            escape: *escape,
            negated: *negated,
        },
        (ast::Expr::IsNull { expr: w, negated }, Expr::IsNull { expr, .. }) => ast::Expr::IsNull {
            expr: of(w, expr),
            negated: *negated,
        },
        (
            ast::Expr::Call {
                function,
                args: written,
                column,
            },
            Expr::Call(_, args),
        ) => ast::Expr::Call {
            function: *function,
            args: list(written, args),
            column: *column,
        },
        (written, _) => written.clone(),
    }
}

/// A value as it would be written. A text that reads as a number is shown as one, where nothing of it is lost.
fn literal(value: &Value) -> ast::Expr {
    match value {
        Value::Null => ast::Expr::Null,
        Value::Bool(b) => ast::Expr::Bool(*b),
        Value::Number(n) => ast::Expr::Number(*n),
        Value::Text(text) => match parse_number(text) {
            Some(n) if format_number(n).as_bytes() == &**text => ast::Expr::Number(n),
            _ => {
                let text = String::from_utf8_lossy(text);
                ast::Expr::Text(match text.char_indices().nth(SHOWN) {
                    None => text.into_owned(),
                    Some((end, _)) => format!("{}…", &text[..end]),
                })
            }
        },
    }
}
