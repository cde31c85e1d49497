//! From the parsed rule to its program: names become numbers, WHERE becomes a list of conditions.

mod expr;
mod pattern;
mod sequence;

use std::collections::BTreeSet;
use std::rc::Rc;

use super::ast;
use super::automaton::Automaton;
use super::check::atoms_of;
use super::names::Names;
use super::pattern::{members, set_of, Taken};
use super::program::{
    Absence, Atom, Condition, Gap, Integrate, Joined, Kind, Limit, Lookup, Match, Program,
    Retention,
};
use super::types;
use crate::engine::expr::Expr;
use crate::engine::value::format_number;
use crate::engine::{Error, Result};
use expr::atoms_read;
pub(super) use expr::conjuncts;
pub(in crate::engine) use expr::{Expressions, Read, See};
use pattern::Lowered;
use sequence::sequence;

/// After so many times DECAY a level of any size is 0: `exp` of less is.
const DECAYS_TO_NOTHING: u64 = 746;

/// Compiles a rule that the parser has accepted.
///
/// # Errors
/// Names that no atom has, and bare fields where a name must stand in front.
pub fn compile(rule: &ast::Rule) -> Result<Program> {
    match rule {
        ast::Rule::Match(rule) => compile_match(rule),
        ast::Rule::Integrate(rule) => compile_integrate(rule),
    }
}

fn compile_match(rule: &ast::Match) -> Result<Program> {
    let mut fields = Expressions::default();
    let mut lowered = Lowered::default();
    let tree = lowered.node(&rule.pattern, &mut fields)?;
    let Lowered {
        mut atoms,
        absences,
        counters,
    } = lowered;
    let absent = set_of(absences.iter().map(|not| not.atom));
    let names = Names::new(&atoms_of(&rule.pattern), absent);

    // What only a trigger can fill is never waited for, and need not be kept, unless a deadline waits for it.
    let wait = absences.iter().filter_map(|not| match not.place {
        Gap::Trailing { wait, .. } => Some(wait),
        _ => None,
    });
    let wait = wait.max();
    let waiting = match wait {
        None => tree.atoms & !tree.last_only(),
        Some(_) => tree.atoms,
    };
    let mut buffers = 0;
    for (i, atom) in atoms.iter_mut().enumerate() {
        if waiting & (1 << i) != 0 {
            atom.buffer = Some(buffers);
            buffers += 1;
        }
    }

    let mut conditions = Vec::new();
    for part in rule.filter.iter().flat_map(conjuncts) {
        let expr = fields.condition(part, See::Match(&names))?;
        let mut reads = 0;
        atoms_read(&expr, &mut reads);
        conditions.push(Condition {
            size: expr.size(),
            expr,
            atoms: reads,
        });
    }
    let (joins, lookups) = lookups(&conditions, &atoms);
    let partition_by = partition_by(&rule.partition_by, &mut fields);
    let having = rule.having.as_ref();
    let having = having.map(|expr| fields.condition(expr, See::Match(&names)));
    let select = rule.select.unwrap_or(ast::Select::Last);
    let consume = match select {
        ast::Select::All => ast::Consume::None,
        ast::Select::Last | ast::Select::First => ast::Consume::Matched,
    };
    let within = millis(rule.within)?;
    let limit = limit(rule.limit)?;
    let events = within.saturating_add(wait.unwrap_or(0));
    let sequence = match select {
        ast::Select::Last => sequence(&tree, &absences, &conditions, &lookups),
        ast::Select::First | ast::Select::All => None,
    };
    // Conditions between events tell open matches of the same state apart, and a search can look partners up by them.
    let lists = select == ast::Select::All && conditions.is_empty();
    let automaton = lists.then(|| {
        let buffered = members(waiting).collect();
        let counters = usize::from(counters);
        Automaton::new(&tree.mirrored(), &absences, counters, buffered, within)
    });
    let kind = Match {
        sequence,
        automaton: automaton.flatten().map(Rc::new),
        mirrored: (select == ast::Select::First).then(|| tree.mirrored()),
        repeated: tree.repeated(),
        last: tree.enabled(Taken::nothing(&vec![0; usize::from(counters)])),
        counter_of: tree.counters(atoms.len()),
        tree,
        counters: usize::from(counters),
        forgetful: conditions.is_empty() && !absences.iter().any(Absence::looks_back),
        absences,
        conditions,
        joins,
        lookups,
        select,
        consume: rule.consume.unwrap_or(consume),
        having: having.transpose()?,
    };
    let emit = emit(&rule.emit, &mut fields, See::Match(&names))?;
    Ok(Program {
        kind: Kind::Match(Box::new(kind)),
        atoms,
        buffers,
        partition_by,
        limit,
        within,
        retention: Retention {
            events,
            seen: events.saturating_add(within),
            fired: fired(events, limit),
            level: 0,
        },
        value: emit.value,
        confidence: emit.confidence,
        emit: emit.own,
        fields: fields.fields,
        kept: fields.kept,
    })
}

fn compile_integrate(rule: &ast::Integrate) -> Result<Program> {
    let mut fields = Expressions::default();
    let mut lowered = Lowered::default();
    let mut weights = Vec::new();
    for input in &rule.inputs {
        lowered.atom(&input.atom, &mut fields)?;
        let weight = input.weight.as_ref();
        weight.map_or(Ok(()), types::check_number)?;
        weights.push(weight.map(|e| fields.expr(e, See::Event)).transpose()?);
    }
    check_reachable(rule)?;
    let mut atoms = lowered.atoms;
    for (i, atom) in atoms.iter_mut().enumerate() {
        atom.buffer = Some(i);
    }
    let named: Vec<&ast::Atom> = rule.inputs.iter().map(|input| &input.atom).collect();
    let names = Names::new(&named, 0);
    let partition_by = partition_by(&rule.partition_by, &mut fields);
    let within = millis(rule.within)?;
    let limit = limit(rule.limit)?;
    let decay = millis(rule.decay)?;
    let refractory = rule.refractory.map_or(Ok(0), millis)?;
    let remembered = decay.saturating_mul(DECAYS_TO_NOTHING).max(refractory);
    let emit = emit(&rule.emit, &mut fields, See::Integration(&names))?;
    Ok(Program {
        kind: Kind::Integrate(Integrate {
            weights,
            decay,
            threshold: rule.threshold,
            from_axons: rule.from_axons.unwrap_or(1),
            refractory,
            reset: rule.reset.unwrap_or(ast::Reset::Zero),
        }),
        buffers: atoms.len(),
        atoms,
        partition_by,
        limit,
        within,
        retention: Retention {
            events: within,
            seen: 0,
            fired: fired(within, limit),
            level: remembered.saturating_add(within),
        },
        value: emit.value,
        confidence: emit.confidence,
        emit: emit.own,
        fields: fields.fields,
        kept: fields.kept,
    })
}

/// The equalities between two atoms' fields among the conditions, each from both its sides as far as candidates are kept.
fn lookups(conditions: &[Condition], atoms: &[Atom]) -> (Vec<Joined>, Vec<Lookup>) {
    let (mut joins, mut lookups) = (Vec::new(), Vec::new());
    for (condition, Condition { expr, .. }) in conditions.iter().enumerate() {
        let Expr::Binary(ast::BinaryOp::Eq, left, right) = expr else {
            continue;
        };
        let (
            &Expr::Field {
                atom: Some(a),
                field: a_field,
            },
            &Expr::Field {
                atom: Some(b),
                field: b_field,
            },
        ) = (&**left, &**right)
        else {
            continue;
        };
        let sides = [(a, a_field, b, b_field), (b, b_field, a, a_field)];
        for (atom, field, other, other_field) in sides {
            if a == b || atoms[atom as usize].buffer.is_none() {
                continue;
            }
            let joined = Joined { atom, field };
            let join = joins.iter().position(|known| *known == joined);
            let join = join.unwrap_or_else(|| {
                joins.push(joined);
                joins.len() - 1
            });
            lookups.push(Lookup {
                join,
                atom,
                other,
                other_field,
                condition,
            });
        }
    }
    (joins, lookups)
}

/// Refuses an INTEGRATE rule that can never fire.
fn check_reachable(rule: &ast::Integrate) -> Result<()> {
    let adds_nothing = |weight: &ast::Expr| match weight {
        ast::Expr::Number(n) => *n <= 0.0,
        ast::Expr::Negate(e) => matches!(**e, ast::Expr::Number(_)),
        _ => false,
    };
    let weights = || rule.inputs.iter().map(|input| input.weight.as_ref());
    if weights().all(|weight| weight.is_some_and(adds_nothing)) {
        return Err(Error::new(format!(
            "THRESHOLD {} can never be reached: no WEIGHT is more than 0",
            format_number(rule.threshold)
        )));
    }
    let axons: Option<BTreeSet<&str>> = rule
        .inputs
        .iter()
        .map(|input| input.atom.axon.as_deref())
        .map(|axon| axon.filter(|axon| !axon.contains(['*', '?', '[', '\\'])))
        .collect();
    match (axons, rule.from_axons) {
        (Some(axons), Some(from)) if (axons.len() as u64) < from => Err(Error::new(format!(
            "FROM {from} AXONS can never be reached: the rule names {}",
            axons.len()
        ))),
        _ => Ok(()),
    }
}

fn partition_by(paths: &[ast::Path], fields: &mut Expressions) -> Vec<u16> {
    paths
        .iter()
        .map(|path| fields.field(&path.segments, Read::AsItComes))
        .collect()
}

/// The compiled EMIT.
#[derive(Default)]
struct Emit {
    value: Option<Expr>,
    confidence: Option<Expr>,
    own: Vec<(Box<str>, Expr)>,
}

fn emit(items: &[ast::Emit], fields: &mut Expressions, see: See) -> Result<Emit> {
    let mut emit = Emit::default();
    for item in items {
        let expr = fields.expr(&item.expr, see)?;
        match item.field.as_str() {
            "value" => emit.value = Some(expr),
            "confidence" => emit.confidence = Some(expr),
            field => emit.own.push((field.into(), expr)),
        }
    }
    Ok(emit)
}

fn limit(limit: Option<ast::Limit>) -> Result<Option<Limit>> {
    let compile = |limit: ast::Limit| {
        Ok(Limit {
            count: limit.count,
            per: millis(limit.per)?,
        })
    };
    limit.map(compile).transpose()
}

/// An event that comes now can be as old as what is kept of events, and LIMIT looks back from there.
fn fired(events: u64, limit: Option<Limit>) -> u64 {
    limit.map_or(0, |limit| events.saturating_add(limit.per))
}

fn millis(duration: ast::Duration) -> Result<u64> {
    duration
        .millis()
        .ok_or_else(|| Error::new(format!("the duration {duration} is too long")))
}
