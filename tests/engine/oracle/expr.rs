//! Expressions in SQL's three-valued logic.

use std::cmp::Ordering;

use leaflet::engine::rule::ast::{Aggregate, BinaryOp, Expr, Function, Over};

use super::event::Event;
use super::value::Value;

/// What an expression sees.
pub enum Scope<'a> {
    /// `[expr]`, `WEIGHT`: one event, with bare fields.
    Event(&'a Event),
    /// `WHERE`, `HAVING`, `EMIT`: the events of a match, by the names of its atoms.
    Match(&'a Bound<'a>),
}

/// The events of a match.
#[derive(Debug, Default)]
pub struct Bound<'a> {
    /// Name and events of each atom that has a name.
    pub atoms: Vec<(String, Vec<&'a Event>)>,
    /// In processing order.
    pub all: Vec<&'a Event>,
    /// The level of an `INTEGRATE` rule that fires.
    pub level: Option<f64>,
}

impl<'a> Bound<'a> {
    /// The events a dotted name means, and the field that is left of it.
    fn find<'p>(&self, path: &'p [String]) -> (&[&'a Event], &'p [String]) {
        for length in (1..=path.len()).rev() {
            let name = path[..length].join(".");
            if let Some((_, events)) = self.atoms.iter().find(|(known, _)| *known == name) {
                return (events, &path[length..]);
            }
        }
        panic!("no atom is called {}", path.join("."));
    }

    fn get(&self, path: &[String]) -> Value {
        match self.level {
            Some(level) if path == ["level"] => return Value::number(level),
            _ => {}
        }
        let (events, field) = self.find(path);
        events.last().map_or(Value::Null, |event| event.get(field))
    }
}

impl Scope<'_> {
    /// Is the condition TRUE? FALSE and NULL are not.
    pub fn holds(&self, expr: &Expr) -> bool {
        self.truth(expr) == Some(true)
    }

    pub fn eval(&self, expr: &Expr) -> Value {
        match expr {
            Expr::Null => Value::Null,
            Expr::Bool(b) => Value::Bool(*b),
            Expr::Number(n) => Value::Number(*n),
            Expr::Text(text) => Value::Text(text.clone()),
            Expr::Path(path) => match self {
                Self::Event(event) => event.get(&path.segments),
                Self::Match(bound) => bound.get(&path.segments),
            },
            Expr::Negate(expr) => self.number(expr).map_or(Value::Null, |n| Value::number(-n)),
            Expr::Not(expr) => Value::truth(self.truth(expr).map(|b| !b)),
            Expr::Binary(op, left, right) => self.binary(*op, left, right),
            Expr::In {
                expr,
                list,
                negated,
            } => {
                let value = self.eval(expr);
                let equal = list.iter().map(|item| equal(&value, &self.eval(item)));
                let found = equal.fold(Some(false), or);
                Value::truth(found.map(|found| found != *negated))
            }
            Expr::Between {
                expr,
                low,
                high,
                negated,
            } => {
                let value = self.eval(expr);
                let above = value.compare(&self.eval(low)).map(Ordering::is_ge);
                let below = value.compare(&self.eval(high)).map(Ordering::is_le);
                Value::truth(and(above, below).map(|within| within != *negated))
            }
            Expr::Like {
                expr,
                pattern,
                escape,
                negated,
            } => match (self.eval(expr).text(), self.eval(pattern).text()) {
                (Some(text), Some(pattern)) => {
                    let text: Vec<char> = text.chars().collect();
                    let pattern: Vec<char> = pattern.chars().collect();
                    Value::Bool(like(&text, &pattern, *escape) != *negated)
                }
                _ => Value::Null,
            },
            Expr::IsNull { expr, negated } => Value::Bool(self.eval(expr).is_null() != *negated),
            Expr::Call { function, args, .. } => {
                let args: Vec<Value> = args.iter().map(|arg| self.eval(arg)).collect();
                call(*function, &args)
            }
            Expr::Aggregate {
                aggregate, over, ..
            } => self.aggregate(*aggregate, over),
        }
    }

    fn truth(&self, expr: &Expr) -> Option<bool> {
        self.eval(expr).as_bool()
    }

    fn number(&self, expr: &Expr) -> Option<f64> {
        self.eval(expr).as_number()
    }

    fn binary(&self, op: BinaryOp, left: &Expr, right: &Expr) -> Value {
        let arithmetic = |f: fn(f64, f64) -> f64| match (self.number(left), self.number(right)) {
            (Some(l), Some(r)) => Value::number(f(l, r)),
            _ => Value::Null,
        };
        let compare = |test: fn(Ordering) -> bool| {
            let (left, right) = (self.eval(left), self.eval(right));
            Value::truth(left.compare(&right).map(test))
        };
        match op {
            BinaryOp::Or => Value::truth(or(self.truth(left), self.truth(right))),
            BinaryOp::And => Value::truth(and(self.truth(left), self.truth(right))),
            BinaryOp::Eq => compare(Ordering::is_eq),
            BinaryOp::Ne => compare(Ordering::is_ne),
            BinaryOp::Lt => compare(Ordering::is_lt),
            BinaryOp::Le => compare(Ordering::is_le),
            BinaryOp::Gt => compare(Ordering::is_gt),
            BinaryOp::Ge => compare(Ordering::is_ge),
            BinaryOp::Add => arithmetic(|l, r| l + r),
            BinaryOp::Sub => arithmetic(|l, r| l - r),
            BinaryOp::Mul => arithmetic(|l, r| l * r),
            BinaryOp::Div => arithmetic(|l, r| l / r),
            BinaryOp::Rem => arithmetic(|l, r| l % r),
        }
    }

    fn aggregate(&self, aggregate: Aggregate, over: &Over) -> Value {
        let Self::Match(bound) = self else {
            panic!("an aggregate over a single event");
        };
        let (events, field) = match over {
            Over::All(field) => (&bound.all[..], &field[..]),
            Over::Name(path) => bound.find(&path.segments),
        };
        if field.is_empty() {
            return Value::Number(events.len() as f64);
        }
        let values: Vec<Value> = events.iter().map(|event| event.get(field)).collect();
        let values: Vec<&Value> = values.iter().filter(|value| !value.is_null()).collect();
        let numbers: Vec<f64> = values.iter().filter_map(|v| v.as_number()).collect();
        let sum = || numbers.iter().sum::<f64>();
        let value = match aggregate {
            Aggregate::Count => return Value::Number(values.len() as f64),
            Aggregate::Sum | Aggregate::Avg if numbers.is_empty() => None,
            Aggregate::Sum => Some(Value::number(sum())),
            Aggregate::Avg => Some(Value::number(sum() / numbers.len() as f64)),
            Aggregate::Min => extreme(&values, Ordering::Less),
            Aggregate::Max => extreme(&values, Ordering::Greater),
            Aggregate::First => events.first().map(|event| event.get(field)),
            Aggregate::Last => events.last().map(|event| event.get(field)),
        };
        value.unwrap_or(Value::Null)
    }
}

fn and(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    match (a, b) {
        (Some(false), _) | (_, Some(false)) => Some(false),
        (Some(true), Some(true)) => Some(true),
        _ => None,
    }
}

fn or(a: Option<bool>, b: Option<bool>) -> Option<bool> {
    and(a.map(|a| !a), b.map(|b| !b)).map(|neither| !neither)
}

fn equal(a: &Value, b: &Value) -> Option<bool> {
    a.compare(b).map(Ordering::is_eq)
}

/// The first of those that are `better` than all before them.
fn extreme(values: &[&Value], better: Ordering) -> Option<Value> {
    let (first, rest) = values.split_first()?;
    let mut best = *first;
    for value in rest {
        if value.compare(best) == Some(better) {
            best = value;
        }
    }
    Some(best.clone())
}

fn like(text: &[char], pattern: &[char], escape: Option<char>) -> bool {
    let Some((first, rest)) = pattern.split_first() else {
        return text.is_empty();
    };
    match first {
        c if Some(*c) == escape => {
            rest.first().is_some_and(|c| text.first() == Some(c))
                && like(&text[1..], &rest[1..], escape)
        }
        '%' => (0..=text.len()).any(|skip| like(&text[skip..], rest, escape)),
        '_' => !text.is_empty() && like(&text[1..], rest, escape),
        c => text.first() == Some(c) && like(&text[1..], rest, escape),
    }
}

fn call(function: Function, args: &[Value]) -> Value {
    let number = |f: fn(f64) -> f64| {
        args[0]
            .as_number()
            .map_or(Value::Null, |n| Value::number(f(n)))
    };
    let text = |f: fn(&str) -> Value| args[0].text().map_or(Value::Null, |text| f(&text));
    match function {
        Function::Abs => number(f64::abs),
        Function::Round => number(f64::round),
        Function::Floor => number(f64::floor),
        Function::Ceil => number(f64::ceil),
        Function::Lower => text(|t| Value::Text(t.to_lowercase())),
        Function::Upper => text(|t| Value::Text(t.to_uppercase())),
        Function::Length => text(|t| Value::Number(t.chars().count() as f64)),
        Function::Coalesce => {
            let first = args.iter().find(|arg| !arg.is_null());
            first.cloned().unwrap_or(Value::Null)
        }
        Function::Least | Function::Greatest => {
            if args.iter().any(Value::is_null) {
                return Value::Null;
            }
            let better = match function {
                Function::Least => Ordering::Less,
                _ => Ordering::Greater,
            };
            let args: Vec<&Value> = args.iter().collect();
            extreme(&args, better).unwrap_or(Value::Null)
        }
    }
}
