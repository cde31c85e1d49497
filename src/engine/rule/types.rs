//! Conditions that can never hold, whatever the events: what fields hold is not known, but constants, arithmetic and
//! some functions tell enough to find mistakes.

use super::ast::{Aggregate, BinaryOp, Column, Expr, Function};
use crate::engine::value::parse_number;
use crate::engine::{Error, Result};

/// What is known of an expression's value, where it is not NULL.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Type {
    /// Anything.
    Unknown,
    Number,
    Truth,
    /// A text that reads neither as a number nor as a truth value.
    Text,
    /// It is always NULL.
    Null,
}

/// Checks a condition of `[ ]`, WHERE or HAVING.
///
/// # Errors
/// Where it, or a part of it, can never be TRUE.
pub fn check_condition(expr: &Expr) -> Result<()> {
    let kind = infer(expr)?;
    let why = match kind {
        Type::Unknown | Type::Truth => return Ok(()),
        Type::Number => "a number is neither true nor false",
        Type::Text => "a text is neither true nor false",
        Type::Null => "NULL is not true",
    };
    Err(never(expr, why))
}

/// Checks a WEIGHT.
///
/// # Errors
/// Where it can never be a number.
pub fn check_number(expr: &Expr) -> Result<()> {
    match infer(expr)? {
        Type::Unknown | Type::Number => Ok(()),
        _ => Err(fault(expr, format!("{expr} is never a number"))),
    }
}

/// It names no field.
pub fn is_constant(expr: &Expr) -> bool {
    let mut constant = true;
    walk(expr, &mut |part| {
        constant &= !matches!(part, Expr::Path(_) | Expr::Aggregate { .. });
    });
    constant
}

/// The refusal of a condition that can't be TRUE.
pub fn never(expr: &Expr, why: &str) -> Error {
    fault(expr, format!("{expr} can never hold: {why}"))
}

/// An error at the first place in the expression that is known.
fn fault(expr: &Expr, message: String) -> Error {
    let mut column = None;
    walk(expr, &mut |part| column = column.or(column_of(part)));
    match column {
        Some(column) => Error::at(column, message),
        None => Error::new(message),
    }
}

fn column_of(expr: &Expr) -> Option<Column> {
    match expr {
        Expr::Path(path) => Some(path.column),
        Expr::Call { column, .. } | Expr::Aggregate { column, .. } => Some(*column),
        _ => None,
    }
}

/// Visits an expression and all its parts, from left to right.
fn walk<'e>(expr: &'e Expr, visit: &mut impl FnMut(&'e Expr)) {
    visit(expr);
    match expr {
        Expr::Text(_)
        | Expr::Number(_)
        | Expr::Bool(_)
        | Expr::Null
        | Expr::Path(_)
        | Expr::Aggregate { .. } => {}
        Expr::Negate(e) | Expr::Not(e) | Expr::IsNull { expr: e, .. } => walk(e, visit),
        Expr::Binary(_, a, b) => [a, b].into_iter().for_each(|e| walk(e, visit)),
        Expr::In { expr, list, .. } => {
            walk(expr, visit);
            list.iter().for_each(|e| walk(e, visit));
        }
        Expr::Between {
            expr, low, high, ..
        } => [expr, low, high].into_iter().for_each(|e| walk(e, visit)),
        Expr::Like { expr, pattern, .. } => {
            [expr, pattern].into_iter().for_each(|e| walk(e, visit))
        }
        Expr::Call { args, .. } => args.iter().for_each(|e| walk(e, visit)),
    }
}

fn infer(expr: &Expr) -> Result<Type> {
    Ok(match expr {
        Expr::Text(text) => of_text(text),
        Expr::Number(_) => Type::Number,
        Expr::Bool(_) => Type::Truth,
        Expr::Null => Type::Null,
        Expr::Path(_) => Type::Unknown,
        Expr::Negate(e) => {
            check_number(e)?;
            Type::Number
        }
        Expr::Not(e) => {
            check_condition(e)?;
            Type::Truth
        }
        Expr::Binary(BinaryOp::And | BinaryOp::Or, a, b) => {
            check_condition(a)?;
            check_condition(b)?;
            Type::Truth
        }
        Expr::Binary(
            BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem,
            a,
            b,
        ) => {
            check_number(a)?;
            check_number(b)?;
            Type::Number
        }
        Expr::Binary(_, a, b) => {
            check_comparable(expr, infer(a)?, infer(b)?)?;
            Type::Truth
        }
        Expr::In {
            expr: value,
            list,
            negated,
        } => {
            let value = infer(value)?;
            let mut fits = 0;
            for item in list {
                let item = infer(item)?;
                if *negated && item == Type::Null {
                    return Err(never(expr, "nothing is known to differ from NULL"));
                }
                fits += usize::from(comparable(value, item));
            }
            if fits == 0 {
                return Err(never(expr, "none of the list can be compared with it"));
            }
            Type::Truth
        }
        Expr::Between {
            expr: value,
            low,
            high,
            ..
        } => {
            let value = infer(value)?;
            check_comparable(expr, value, infer(low)?)?;
            check_comparable(expr, value, infer(high)?)?;
            Type::Truth
        }
        Expr::Like {
            expr: value,
            pattern,
            ..
        } => {
            if infer(value)? == Type::Null || infer(pattern)? == Type::Null {
                return Err(never(expr, "NULL is like nothing"));
            }
            Type::Truth
        }
        Expr::IsNull { expr, .. } => {
            infer(expr)?;
            Type::Truth
        }
        Expr::Call { function, args, .. } => call(*function, args)?,
        Expr::Aggregate { aggregate, .. } => match aggregate {
            Aggregate::Count | Aggregate::Sum | Aggregate::Avg => Type::Number,
            Aggregate::Min | Aggregate::Max | Aggregate::First | Aggregate::Last => Type::Unknown,
        },
    })
}

fn of_text(text: &str) -> Type {
    let truth = ["true", "false"]
        .iter()
        .any(|word| text.eq_ignore_ascii_case(word));
    if truth || parse_number(text.as_bytes()).is_some() {
        Type::Unknown
    } else {
        Type::Text
    }
}

fn call(function: Function, args: &[Expr]) -> Result<Type> {
    Ok(match function {
        Function::Abs | Function::Round | Function::Floor | Function::Ceil => {
            args.iter().try_for_each(check_number)?;
            Type::Number
        }
        Function::Length => {
            args.iter().try_for_each(|arg| infer(arg).map(drop))?;
            Type::Number
        }
        Function::Lower
        | Function::Upper
        | Function::Coalesce
        | Function::Least
        | Function::Greatest => {
            args.iter().try_for_each(|arg| infer(arg).map(drop))?;
            Type::Unknown
        }
    })
}

fn comparable(a: Type, b: Type) -> bool {
    match (a, b) {
        (Type::Null, _) | (_, Type::Null) => false,
        (Type::Unknown, _) | (_, Type::Unknown) => true,
        (a, b) => a == b,
    }
}

fn check_comparable(comparison: &Expr, a: Type, b: Type) -> Result<()> {
    if comparable(a, b) {
        return Ok(());
    }
    let is = |kind| a == kind || b == kind;
    Err(never(
        comparison,
        if is(Type::Null) {
            "nothing compares with NULL (IS NULL tests for it)"
        } else if is(Type::Number) && is(Type::Text) {
            "the text is no number"
        } else if is(Type::Number) {
            "a number is neither true nor false"
        } else {
            "the text is neither true nor false"
        },
    ))
}

#[cfg(test)]
mod tests {
    use crate::engine::rule::{compile::compile, parse};

    fn refusal(text: &str) -> Option<String> {
        let rule = parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        compile(&rule).err().map(|error| error.to_string())
    }

    #[test]
    fn conditions_that_can_never_hold_are_refused() {
        for (condition, why) in [
            ("x = NULL", "column 9: x = NULL can never hold: nothing compares with NULL (IS NULL tests for it)"),
            ("x > 1 AND y != NULL", "column 19: y != NULL can never hold: nothing compares with NULL (IS NULL tests for it)"),
            ("x", ""),
            ("x + 1", "column 9: x + 1 can never hold: a number is neither true nor false"),
            ("NOT length(x)", "column 13: length(x) can never hold: a number is neither true nor false"),
            ("abs(x) = 'abc'", "column 9: abs(x) = 'abc' can never hold: the text is no number"),
            ("abs(x) = '12'", ""),
            ("x = 'abc'", ""),
            ("x * 'abc' > 1", "'abc' is never a number"),
            ("length(x) BETWEEN 'a' AND 3", "column 9: length(x) BETWEEN 'a' AND 3 can never hold: the text is no number"),
            ("x NOT IN (1, NULL)", "column 9: x NOT IN (1, NULL) can never hold: nothing is known to differ from NULL"),
            ("x IN (1, NULL)", ""),
            ("abs(x) IN ('a', 'b')", "column 9: abs(x) IN ('a', 'b') can never hold: none of the list can be compared with it"),
            ("x LIKE NULL", "column 9: x LIKE NULL can never hold: NULL is like nothing"),
            ("1 = 2", "1 = 2 can never hold: it is FALSE or NULL without looking at any event"),
            ("FALSE OR 1 = 1", ""),
            ("(x > 1) = 5", "column 10: (x > 1) = 5 can never hold: a number is neither true nor false"),
            ("(x > 1) = 'yes'", "column 10: (x > 1) = 'yes' can never hold: the text is neither true nor false"),
            ("(x > 1) = 'TRUE'", ""),
        ] {
            let expected = (!why.is_empty()).then(|| why.to_string());
            assert_eq!(refusal(&format!("MATCH A[{condition}] WITHIN 1s")), expected, "{condition}");
        }
        for (rule, why) in [
            ("MATCH A AS a WHERE a.x > 1 AND a.y = NULL WITHIN 1s", "column 32: a.y = NULL can never hold: nothing compares with NULL (IS NULL tests for it)"),
            ("MATCH A WITHIN 1s HAVING count(*) = 'many'", "column 26: count(*) = 'many' can never hold: the text is no number"),
            ("INTEGRATE A WEIGHT 'heavy' DECAY 1s THRESHOLD 1 WITHIN 1s", "'heavy' is never a number"),
            ("INTEGRATE A WEIGHT -1, B WEIGHT 0 DECAY 1s THRESHOLD 1 WITHIN 1s", "THRESHOLD 1 can never be reached: no WEIGHT is more than 0"),
            ("INTEGRATE A@x, B@y DECAY 1s THRESHOLD 1 FROM 3 AXONS WITHIN 1s", "FROM 3 AXONS can never be reached: the rule names 2"),
        ] {
            assert_eq!(refusal(rule).as_deref(), Some(why), "{rule}");
        }
        for rule in [
            "INTEGRATE A@x, B@'y*' DECAY 1s THRESHOLD 1 FROM 3 AXONS WITHIN 1s",
            "INTEGRATE A@x, B DECAY 1s THRESHOLD 1 FROM 3 AXONS WITHIN 1s",
            "INTEGRATE A WEIGHT -1, B WEIGHT value DECAY 1s THRESHOLD 1 WITHIN 1s",
            "MATCH A WITHIN 1s EMIT x = A.y = NULL",
        ] {
            assert_eq!(refusal(rule), None, "{rule}");
        }
    }
}
