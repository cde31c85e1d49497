//! What the grammar alone can't refuse: rules that can be read but mean nothing.
//!
//! Names are not looked up here; the compiler does that.

use super::ast::*;
use super::words::{function_name, spelling, AGGREGATES};
use crate::engine::error::{Error, Result};

/// How many atoms a rule may have.
pub const MAX_ATOMS: usize = 64;

/// The output's own fields, which `EMIT` can't set. `value` (for `integrated_value`) and `confidence` it can.
const OWN_FIELDS: [&str; 7] = [
    "event_id",
    "timestamp",
    "event_type",
    "source_events",
    "correlation_rule",
    "integrated_value",
    "lineage",
];

/// Refuses a rule that makes no sense, with the first reason found.
pub(super) fn check(rule: &Rule) -> Result<()> {
    match rule {
        Rule::Match(rule) => {
            let atoms = atoms_of(&rule.pattern);
            check_atoms(&atoms)?;
            check_pattern(&rule.pattern, true)?;
            if may_be_empty(&rule.pattern) {
                return Err(Error::at(
                    atoms.first().map_or(Column(1), |a| a.column),
                    "the pattern would match without any event",
                ));
            }
            if let Some(filter) = &rule.filter {
                check_expr(filter, Some("WHERE"))?;
            }
            if let Some(having) = &rule.having {
                check_expr(having, None)?;
            }
            check_emit(&rule.emit)
        }
        Rule::Integrate(rule) => {
            let atoms: Vec<&Atom> = rule.inputs.iter().map(|i| &i.atom).collect();
            check_atoms(&atoms)?;
            if let Some(atom) = atoms.iter().find(|a| a.quantifier.is_some()) {
                return Err(Error::at(
                    atom.column,
                    "INTEGRATE takes every event by itself: no +, *, ? or {n,m}",
                ));
            }
            for weight in rule.inputs.iter().filter_map(|i| i.weight.as_ref()) {
                check_expr(weight, Some("WEIGHT"))?;
            }
            check_emit(&rule.emit)
        }
    }
}

/// The pattern's atoms, from left to right.
pub(super) fn atoms_of(pattern: &Pattern) -> Vec<&Atom> {
    match pattern {
        Pattern::Seq(members)
        | Pattern::Or(members)
        | Pattern::And(members)
        | Pattern::Of {
            patterns: members, ..
        } => members.iter().flat_map(atoms_of).collect(),
        Pattern::Not { atom, .. } | Pattern::Atom(atom) => vec![atom],
    }
}

fn check_atoms(atoms: &[&Atom]) -> Result<()> {
    if let Some(atom) = atoms.get(MAX_ATOMS) {
        return Err(Error::at(
            atom.column,
            format!("a rule has at most {MAX_ATOMS} event types"),
        ));
    }
    for (i, atom) in atoms.iter().enumerate() {
        if let Some(alias) = &atom.alias {
            if atoms[..i].iter().any(|a| a.alias.as_ref() == Some(alias)) {
                return Err(Error::at(
                    atom.column,
                    format!("the name '{alias}' stands twice"),
                ));
            }
        }
        if let Some(predicate) = &atom.predicate {
            check_expr(predicate, Some("[ ]"))?;
        }
    }
    Ok(())
}

/// Places of NOT and counts of OF. `last` says whether the whole pattern's match can end with this part.
fn check_pattern(pattern: &Pattern, last: bool) -> Result<()> {
    match pattern {
        Pattern::Atom(_) => Ok(()),
        Pattern::Not { column, .. } => Err(Error::at(
            *column,
            "NOT stands in a sequence only: NOT x -> p, p -> NOT x -> q or p -> NOT x FOR 1h",
        )),
        Pattern::Seq(members) => {
            for (i, member) in members.iter().enumerate() {
                let last = last && i + 1 == members.len();
                match member {
                    Pattern::Not { .. } => check_not(members, i, last)?,
                    _ => check_pattern(member, last)?,
                }
            }
            Ok(())
        }
        Pattern::Or(members) => members.iter().try_for_each(|m| check_pattern(m, last)),
        Pattern::And(members) => members.iter().try_for_each(|m| check_pattern(m, false)),
        Pattern::Of {
            count,
            patterns,
            column,
        } => {
            if *count == 0 {
                return Err(Error::at(*column, "0 OF would match without any event"));
            }
            if *count > patterns.len() as u64 {
                return Err(Error::at(
                    *column,
                    format!(
                        "{count} OF needs a list of at least {count}, this one has {}",
                        patterns.len()
                    ),
                ));
            }
            patterns.iter().try_for_each(|m| check_pattern(m, false))
        }
    }
}

/// The NOT at place `i` of a sequence; `last` says whether it ends the whole pattern.
fn check_not(members: &[Pattern], i: usize, last: bool) -> Result<()> {
    let Pattern::Not { atom, for_, column } = &members[i] else {
        return Ok(());
    };
    let refuse = |why: &str| Err(Error::at(*column, why));
    if atom.quantifier.is_some() {
        return refuse("NOT takes no +, *, ? or {n,m}: a single event is enough");
    }
    if atom.alias.is_some() {
        return refuse("NOT takes no AS: its events are never part of a match");
    }
    let before = i.checked_sub(1).map(|i| &members[i]);
    for neighbour in [before, members.get(i + 1)].into_iter().flatten() {
        if matches!(neighbour, Pattern::Not { .. }) {
            return refuse("NOT can't stand next to another NOT");
        }
        if may_be_empty(neighbour) {
            return refuse("NOT can't stand next to a part that may be empty");
        }
    }
    let trailing = i + 1 == members.len();
    match for_ {
        None if trailing => refuse("a NOT at the end needs a time: NOT x FOR 1h"),
        Some(_) if !trailing || !last => refuse("NOT with FOR stands at the end of a pattern only"),
        _ => Ok(()),
    }
}

/// Whether a match of the pattern can do without any event.
fn may_be_empty(pattern: &Pattern) -> bool {
    match pattern {
        Pattern::Atom(atom) => atom.quantifier.is_some_and(|q| q.min == 0),
        Pattern::Not { .. } => true,
        Pattern::Seq(members) | Pattern::And(members) => members.iter().all(may_be_empty),
        Pattern::Or(members) => members.iter().any(may_be_empty),
        Pattern::Of {
            count, patterns, ..
        } => patterns.iter().filter(|p| may_be_empty(p)).count() as u64 >= *count,
    }
}

fn check_emit(emit: &[Emit]) -> Result<()> {
    for (i, item) in emit.iter().enumerate() {
        let field = item.field.as_str();
        if OWN_FIELDS.contains(&field) {
            let hint = if field == "integrated_value" {
                " (EMIT value = … sets it)"
            } else {
                ""
            };
            return Err(Error::at(
                item.column,
                format!("'{field}' is set by Leaflet itself{hint}"),
            ));
        }
        if emit[..i].iter().any(|e| e.field == field) {
            return Err(Error::at(
                item.column,
                format!("the field '{field}' stands twice"),
            ));
        }
        check_expr(&item.expr, None)?;
    }
    Ok(())
}

/// Numbers of arguments, and aggregates: `no_aggregates` names a place where none may stand.
pub(super) fn check_expr(expr: &Expr, no_aggregates: Option<&str>) -> Result<()> {
    let check = |e: &Expr| check_expr(e, no_aggregates);
    match expr {
        Expr::Text(_) | Expr::Number(_) | Expr::Bool(_) | Expr::Null | Expr::Path(_) => Ok(()),
        Expr::Negate(expr) | Expr::Not(expr) | Expr::IsNull { expr, .. } => check(expr),
        Expr::Binary(_, left, right) => check(left).and_then(|()| check(right)),
        Expr::In { expr, list, .. } => {
            check(expr)?;
            list.iter().try_for_each(check)
        }
        Expr::Between {
            expr, low, high, ..
        } => [expr, low, high].into_iter().try_for_each(|e| check(e)),
        Expr::Like { expr, pattern, .. } => check(expr).and_then(|()| check(pattern)),
        Expr::Call {
            function,
            args,
            column,
        } => {
            let name = function_name(*function);
            match function {
                Function::Coalesce | Function::Least | Function::Greatest if args.is_empty() => {
                    return Err(Error::at(
                        *column,
                        format!("{name} takes at least 1 argument"),
                    ));
                }
                Function::Coalesce | Function::Least | Function::Greatest => {}
                _ if args.len() != 1 => {
                    return Err(Error::at(
                        *column,
                        format!("{name} takes 1 argument, not {}", args.len()),
                    ));
                }
                _ => {}
            }
            args.iter().try_for_each(check)
        }
        Expr::Aggregate {
            aggregate,
            over,
            column,
        } => {
            let name = spelling(&AGGREGATES, *aggregate);
            if let Some(place) = no_aggregates {
                return Err(Error::at(
                    *column,
                    format!("{name} belongs in HAVING or EMIT, not in {place}"),
                ));
            }
            let field = match over {
                Over::All(fields) => !fields.is_empty(),
                Over::Name(path) => path.segments.len() > 1,
            };
            if !field && *aggregate != Aggregate::Count {
                return Err(Error::at(
                    *column,
                    format!("{name} needs a field: {name}({over}.value)"),
                ));
            }
            Ok(())
        }
    }
}
