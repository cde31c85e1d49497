//! Compiled expressions and how they are evaluated: SQL's three-valued logic over [`Value`]s.

use std::cmp::Ordering;

use super::like::Pattern;
use super::rule::ast::{Aggregate, BinaryOp, Function};
use super::value::Value;

/// An expression with its names resolved: atoms and fields are numbers of the rule's program.
#[derive(Debug, Clone, PartialEq)]
pub enum Expr {
    Const(Value<'static>),
    /// A field: of the event at hand, or of an atom's last event.
    Field {
        atom: Option<u8>,
        field: u16,
    },
    /// The level of an INTEGRATE rule when it fired.
    Level,
    Negate(Box<Expr>),
    Not(Box<Expr>),
    Binary(BinaryOp, Box<Expr>, Box<Expr>),
    In {
        expr: Box<Expr>,
        list: Vec<Expr>,
        negated: bool,
    },
    Between {
        expr: Box<Expr>,
        low: Box<Expr>,
        high: Box<Expr>,
        negated: bool,
    },
    Like {
        expr: Box<Expr>,
        pattern: LikePattern,
        negated: bool,
    },
    IsNull {
        expr: Box<Expr>,
        negated: bool,
    },
    Call(Function, Vec<Expr>),
    /// Over one atom's events or, with `None`, over all of the match's; a field unless it counts events.
    Aggregate {
        aggregate: Aggregate,
        over: Option<u8>,
        field: Option<u16>,
    },
}

/// A LIKE pattern: compiled once where it is a constant.
#[derive(Debug, Clone, PartialEq)]
pub enum LikePattern {
    Compiled(Pattern),
    Computed(Box<Expr>, Option<char>),
}

/// What an expression can see.
pub trait Scope {
    /// A field of the event at hand (`None`) or of an atom's last event; NULL where there is no such event.
    fn field(&self, atom: Option<u8>, field: u16) -> Value<'_>;
    /// How many events an atom took, or the whole match.
    fn count(&self, over: Option<u8>) -> usize;
    /// A field of each of them, in processing order.
    fn each(&self, over: Option<u8>, field: u16) -> impl DoubleEndedIterator<Item = Value<'_>>;
    /// The level of an INTEGRATE rule; NULL elsewhere.
    fn level(&self) -> Value<'_> {
        Value::Null
    }
}

impl Expr {
    /// The condition holds: it is TRUE, not FALSE or NULL.
    pub fn holds(&self, scope: &impl Scope) -> bool {
        self.eval(scope).as_truth() == Some(true)
    }

    /// How many parts it has: about what it costs to evaluate, lengths of texts aside.
    pub fn size(&self) -> u64 {
        let sum = |parts: &[&Self]| parts.iter().map(|part| part.size()).sum::<u64>();
        1 + match self {
            Self::Const(_) | Self::Field { .. } | Self::Level | Self::Aggregate { .. } => 0,
            Self::Negate(expr) | Self::Not(expr) | Self::IsNull { expr, .. } => expr.size(),
            Self::Binary(_, left, right) => sum(&[left, right]),
            Self::In { expr, list, .. } => expr.size() + list.iter().map(Self::size).sum::<u64>(),
            Self::Between {
                expr, low, high, ..
            } => sum(&[expr, low, high]),
            Self::Like { expr, pattern, .. } => match pattern {
                LikePattern::Compiled(_) => expr.size(),
                LikePattern::Computed(pattern, _) => sum(&[expr, pattern]),
            },
            Self::Call(_, args) => args.iter().map(Self::size).sum(),
        }
    }

    /// The expression's value. Never fails: what has no value is NULL.
    pub fn eval<'a>(&'a self, scope: &'a impl Scope) -> Value<'a> {
        match self {
            Self::Const(value) => value.as_ref(),
            Self::Field { atom, field } => scope.field(*atom, *field),
            Self::Level => scope.level(),
            Self::Negate(expr) => expr
                .eval(scope)
                .as_number()
                .map_or(Value::Null, |n| Value::Number(-n)),
            Self::Not(expr) => Value::truth(expr.eval(scope).as_truth().map(|b| !b)),
            Self::Binary(op, left, right) => binary(*op, left, right, scope),
            Self::In {
                expr,
                list,
                negated,
            } => {
                let needle = expr.eval(scope);
                let found = list.iter().try_fold(Some(false), |found, item| {
                    match equal(&needle, &item.eval(scope)) {
                        Some(true) => Err(Some(true)),
                        Some(false) => Ok(found),
                        None => Ok(None),
                    }
                });
                negate_if(*negated, found.unwrap_or_else(|found| found))
            }
            Self::Between {
                expr,
                low,
                high,
                negated,
            } => {
                let value = expr.eval(scope);
                let above = value.compare(&low.eval(scope)).map(Ordering::is_ge);
                let below = value.compare(&high.eval(scope)).map(Ordering::is_le);
                negate_if(*negated, and(above, || below))
            }
            Self::Like {
                expr,
                pattern,
                negated,
            } => negate_if(*negated, like(expr, pattern, scope)),
            Self::IsNull { expr, negated } => Value::Bool(expr.eval(scope).is_null() != *negated),
            Self::Call(function, args) => call(*function, args, scope),
            Self::Aggregate {
                aggregate,
                over,
                field,
            } => self::aggregate(*aggregate, *over, *field, scope),
        }
    }
}

fn negate_if(negated: bool, truth: Option<bool>) -> Value<'static> {
    Value::truth(truth.map(|b| b != negated))
}

fn and(left: Option<bool>, right: impl FnOnce() -> Option<bool>) -> Option<bool> {
    match left {
        Some(false) => Some(false),
        Some(true) => right(),
        None => (right() == Some(false)).then_some(false),
    }
}

fn equal(a: &Value, b: &Value) -> Option<bool> {
    a.compare(b).map(Ordering::is_eq)
}

fn binary<'a>(op: BinaryOp, left: &'a Expr, right: &'a Expr, scope: &'a impl Scope) -> Value<'a> {
    let a = left.eval(scope);
    let ordering =
        |test: fn(Ordering) -> bool| Value::truth(a.compare(&right.eval(scope)).map(test));
    let arithmetic = |f: fn(f64, f64) -> f64| match (a.as_number(), right.eval(scope).as_number()) {
        (Some(a), Some(b)) => Value::number(f(a, b)),
        _ => Value::Null,
    };
    match op {
        BinaryOp::And => Value::truth(and(a.as_truth(), || right.eval(scope).as_truth())),
        BinaryOp::Or => Value::truth(
            and(a.as_truth().map(|b| !b), || {
                right.eval(scope).as_truth().map(|b| !b)
            })
            .map(|b| !b),
        ),
        BinaryOp::Eq => ordering(Ordering::is_eq),
        BinaryOp::Ne => ordering(Ordering::is_ne),
        BinaryOp::Lt => ordering(Ordering::is_lt),
        BinaryOp::Le => ordering(Ordering::is_le),
        BinaryOp::Gt => ordering(Ordering::is_gt),
        BinaryOp::Ge => ordering(Ordering::is_ge),
        BinaryOp::Add => arithmetic(|a, b| a + b),
        BinaryOp::Sub => arithmetic(|a, b| a - b),
        BinaryOp::Mul => arithmetic(|a, b| a * b),
        // Division by zero gives an infinity or NaN, which `Value::number` makes NULL.
        BinaryOp::Div => arithmetic(|a, b| a / b),
        BinaryOp::Rem => arithmetic(libm::fmod),
    }
}

fn like(expr: &Expr, pattern: &LikePattern, scope: &impl Scope) -> Option<bool> {
    let text = expr.eval(scope).into_text()?;
    match pattern {
        LikePattern::Compiled(pattern) => Some(pattern.matches(&text)),
        LikePattern::Computed(pattern, escape) => {
            let pattern = pattern.eval(scope).into_text()?;
            let pattern = Pattern::new(&String::from_utf8_lossy(&pattern), *escape)?;
            Some(pattern.matches(&text))
        }
    }
}

fn call<'a>(function: Function, args: &'a [Expr], scope: &'a impl Scope) -> Value<'a> {
    let number = |f: fn(f64) -> f64| {
        args[0]
            .eval(scope)
            .as_number()
            .map_or(Value::Null, |n| Value::number(f(n)))
    };
    let text = |f: fn(&str) -> Value<'static>| {
        args[0]
            .eval(scope)
            .into_text()
            .map_or(Value::Null, |t| f(&String::from_utf8_lossy(&t)))
    };
    match function {
        Function::Abs => number(f64::abs),
        Function::Round => number(libm::round),
        Function::Floor => number(libm::floor),
        Function::Ceil => number(libm::ceil),
        Function::Coalesce => args
            .iter()
            .map(|arg| arg.eval(scope))
            .find(|v| !v.is_null())
            .unwrap_or(Value::Null),
        Function::Lower => text(|t| Value::Text(t.to_lowercase().into_bytes().into())),
        Function::Upper => text(|t| Value::Text(t.to_uppercase().into_bytes().into())),
        Function::Length => text(|t| Value::Number(t.chars().count() as f64)),
        Function::Least => extreme(args.iter().map(|arg| arg.eval(scope)), Ordering::Less, true),
        Function::Greatest => extreme(
            args.iter().map(|arg| arg.eval(scope)),
            Ordering::Greater,
            true,
        ),
    }
}

/// The least or greatest of some values: the scalar functions give NULL where any is NULL (SQL:2023), the
/// aggregates pass NULLs over. Values that can't be compared are NULL too.
fn extreme<'a>(
    values: impl Iterator<Item = Value<'a>>,
    wanted: Ordering,
    strict: bool,
) -> Value<'a> {
    let mut best = Value::Null;
    for value in values {
        if value.is_null() {
            if strict {
                return Value::Null;
            }
        } else if best.is_null() {
            best = value;
        } else {
            match value.compare(&best) {
                Some(ordering) if ordering == wanted => best = value,
                Some(_) => {}
                None => return Value::Null,
            }
        }
    }
    best
}

fn aggregate<'a>(
    aggregate: Aggregate,
    over: Option<u8>,
    field: Option<u16>,
    scope: &'a impl Scope,
) -> Value<'a> {
    let Some(field) = field else {
        return Value::Number(scope.count(over) as f64);
    };
    let values = || scope.each(over, field);
    let numbers = || values().filter_map(|v| v.as_number());
    match aggregate {
        Aggregate::Count => Value::Number(values().filter(|v| !v.is_null()).count() as f64),
        Aggregate::Sum => numbers()
            .reduce(|a, b| a + b)
            .map_or(Value::Null, Value::number),
        Aggregate::Avg => {
            let (sum, n) = numbers().fold((0.0, 0u32), |(sum, n), v| (sum + v, n + 1));
            Value::number(sum / f64::from(n))
        }
        Aggregate::Min => extreme(values(), Ordering::Less, false),
        Aggregate::Max => extreme(values(), Ordering::Greater, false),
        Aggregate::First => values().next().unwrap_or(Value::Null),
        Aggregate::Last => values().next_back().unwrap_or(Value::Null),
    }
}
