//! Conditions that can hold one by one, but never together: of each expression that is compared, what its value would
//! have to be is followed through all of them. Only what is certain is refused.

use super::ast::{Aggregate, Atom, BinaryOp, Expr, Function, Integrate, Match, Over, Path, Rule};
use super::check::atoms_of;
use super::compile::conjuncts;
use super::count::{count, Count};
use super::names::Names;
use super::possible::{possible, Nature, Test};
use super::types::never;
use crate::engine::like;
use crate::engine::value::Value;
use crate::engine::{Error, Result};

/// Checks a rule that compiles.
///
/// # Errors
/// Where its conditions can't hold for any events. A rule that was taken by an earlier version stays valid: this is for
/// those who write a new one.
pub fn check(rule: &Rule) -> Result<()> {
    match rule {
        Rule::Match(rule) => check_match(rule),
        Rule::Integrate(Integrate { inputs, .. }) => {
            let mut atoms = inputs.iter().map(|input| &input.atom);
            atoms.try_for_each(|atom| predicate(atom, &Around::default()))
        }
    }
}

fn check_match(rule: &Match) -> Result<()> {
    let atoms = atoms_of(&rule.pattern);
    let around = Around {
        rule: Some(rule),
        names: Names::new(&atoms, 0),
        atoms,
    };
    for atom in &around.atoms {
        predicate(atom, &Around::default())?;
    }
    // HAVING is asked about a match for which WHERE holds.
    let conditions = rule.filter.iter().chain(&rule.having);
    let conditions: Vec<&Expr> = conditions.flat_map(conjuncts).collect();
    refusal(&conditions, &around).map_or(Ok(()), Err)
}

fn predicate(atom: &Atom, around: &Around) -> Result<()> {
    let conditions = atom.predicate.iter().flat_map(conjuncts);
    let conditions: Vec<&Expr> = conditions.collect();
    refusal(&conditions, around).map_or(Ok(()), Err)
}

/// The rule around a condition that sees whole matches.
#[derive(Default)]
struct Around<'r> {
    rule: Option<&'r Match>,
    names: Names,
    atoms: Vec<&'r Atom>,
}

impl Around<'_> {
    /// An atom that the path names, and the field.
    fn resolve<'p>(&self, path: &'p Path) -> Option<(&Atom, &'p [String])> {
        self.rule?;
        let (atom, field) = self.names.resolve(path).ok()?;
        Some((self.atoms[atom as usize], field))
    }

    /// PARTITION BY sees to it that both are equal, or can't be compared.
    fn partition_equates(&self, a: &Expr, b: &Expr) -> bool {
        let (Expr::Path(a), Expr::Path(b), Some(rule)) = (a, b, self.rule) else {
            return false;
        };
        match (self.resolve(a), self.resolve(b)) {
            (Some((_, a)), Some((_, b))) => {
                a == b && rule.partition_by.iter().any(|path| path.segments == a)
            }
            _ => false,
        }
    }

    /// What is known of an expression's value without looking at the conditions.
    fn nature(&self, subject: &Expr) -> Nature {
        match subject {
            Expr::Call { function, .. } => match function {
                Function::Length | Function::Abs => Nature::from(0, None),
                Function::Round | Function::Floor | Function::Ceil => Nature::NUMBER,
                _ => Nature::ANY,
            },
            Expr::Negate(_)
            | Expr::Binary(
                BinaryOp::Add | BinaryOp::Sub | BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem,
                ..,
            ) => Nature::NUMBER,
            Expr::Aggregate {
                aggregate: Aggregate::Count,
                over,
                ..
            } => self.counted(over).map_or(Nature::from(0, None), |events| {
                Nature::from(events.min, events.max)
            }),
            Expr::Aggregate {
                aggregate: Aggregate::Sum | Aggregate::Avg,
                ..
            } => Nature::NUMBER,
            _ => Nature::ANY,
        }
    }

    /// How many values are counted.
    fn counted(&self, over: &Over) -> Option<Count> {
        let pattern = &self.rule?.pattern;
        let (events, field) = match over {
            Over::All(field) => (count(pattern, &|_| true), &field[..]),
            Over::Name(path) => {
                let (atom, field) = self.resolve(path)?;
                (count(pattern, &|other| std::ptr::eq(other, atom)), field)
            }
        };
        // Events without the field are passed over.
        let min = if field.is_empty() { events.min } else { 0 };
        Some(Count { min, ..events })
    }
}

/// What the conditions ask of one expression.
struct Subject<'e> {
    expr: &'e Expr,
    tests: Vec<Test<'e>>,
    from: Vec<String>,
}

/// What they ask of two.
struct Pair<'e> {
    a: &'e Expr,
    b: &'e Expr,
    /// The orders in which they can stand, a bit each: less, equal, greater.
    orders: u8,
    from: Vec<String>,
}

const LESS: u8 = 1;
const EQUAL: u8 = 2;
const GREATER: u8 = 4;

/// Why the conditions can't all hold, if they can't.
fn refusal(conditions: &[&Expr], around: &Around) -> Option<Error> {
    let mut facts = Facts {
        around,
        subjects: Vec::new(),
        pairs: Vec::new(),
    };
    conditions
        .iter()
        .find_map(|condition| facts.add(condition, condition, false).err())
}

struct Facts<'e, 'r> {
    around: &'r Around<'r>,
    subjects: Vec<Subject<'e>>,
    pairs: Vec<Pair<'e>>,
}

impl<'e> Facts<'e, '_> {
    /// Adds what follows from `part` of a condition, which has to be TRUE, or with `not` FALSE.
    fn add(&mut self, condition: &'e Expr, part: &'e Expr, not: bool) -> Result<()> {
        match part {
            Expr::Not(part) => self.add(condition, part, !not),
            Expr::Binary(BinaryOp::Or, a, b) if !not => {
                let arms = [a, b].map(|arm| refusal(&conjuncts(arm), self.around));
                match arms {
                    [Some(error), Some(_)] => Err(error),
                    _ => Ok(()),
                }
            }
            Expr::Binary(op, a, b) => match orders(*op) {
                Some(orders) if not => self.compare(condition, a, orders ^ 7, b),
                Some(orders) => self.compare(condition, a, orders, b),
                None => Ok(()),
            },
            Expr::Between {
                expr,
                low,
                high,
                negated,
            } if *negated == not => {
                self.compare(condition, expr, EQUAL | GREATER, low)?;
                self.compare(condition, expr, LESS | EQUAL, high)
            }
            Expr::In {
                expr,
                list,
                negated,
            } if *negated == not => {
                let values: Option<Vec<Value>> = list.iter().map(constant).collect();
                match values {
                    Some(values) => self.test(condition, expr, Test::In(values)),
                    None => Ok(()),
                }
            }
            Expr::In { expr, list, .. } => list
                .iter()
                .try_for_each(|item| self.compare(condition, expr, LESS | GREATER, item)),
            Expr::Like {
                expr,
                pattern,
                escape,
                negated,
            } => match &**pattern {
                Expr::Text(text) => match like::Pattern::new(text, *escape) {
                    Some(pattern) => {
                        self.test(condition, expr, Test::Like(pattern, *negated == not))
                    }
                    None => Ok(()),
                },
                _ => Ok(()),
            },
            Expr::IsNull { expr, negated } => {
                self.test(condition, expr, Test::Null(*negated == not))
            }
            _ => Ok(()),
        }
    }

    fn compare(&mut self, from: &'e Expr, a: &'e Expr, orders: u8, b: &'e Expr) -> Result<()> {
        match (constant(a), constant(b)) {
            (None, Some(value)) => self.test(from, a, Test::Compare(orders, value)),
            (Some(value), None) => self.test(from, b, Test::Compare(mirrored(orders), value)),
            (None, None) => self.pair(from, a, orders, b),
            // Constants alone are looked at elsewhere.
            (Some(_), Some(_)) => Ok(()),
        }
    }

    fn test(&mut self, from: &'e Expr, expr: &'e Expr, test: Test<'e>) -> Result<()> {
        let place = self.subjects.iter().position(|known| known.expr == expr);
        let place = place.unwrap_or_else(|| {
            self.subjects.push(Subject {
                expr,
                tests: Vec::new(),
                from: Vec::new(),
            });
            self.subjects.len() - 1
        });
        let subject = &mut self.subjects[place];
        subject.tests.push(test);
        let nature = self.around.nature(expr);
        if possible(&subject.tests, nature) {
            if possible_beside(self.around, subject, nature) {
                subject.from.push(from.to_string());
                return Ok(());
            }
            return Err(never(from, "the [ ] of its atom must hold too"));
        }
        // A condition can be several tests.
        let own = from.to_string();
        subject.from.retain(|other| *other != own);
        let alone = subject.from.is_empty();
        Err(match nature.range() {
            _ if !alone => never(from, &together(&subject.from)),
            Some(range) => never(from, &format!("{expr} is always {range}")),
            None => never(from, "there is no such value"),
        })
    }

    fn pair(&mut self, from: &'e Expr, a: &'e Expr, orders: u8, b: &'e Expr) -> Result<()> {
        let place = self
            .pairs
            .iter()
            .position(|known| (known.a == a && known.b == b) || (known.a == b && known.b == a));
        let place = place.unwrap_or_else(|| {
            let same = a == b || self.around.partition_equates(a, b);
            self.pairs.push(Pair {
                a,
                b,
                orders: if same { EQUAL } else { LESS | EQUAL | GREATER },
                from: Vec::new(),
            });
            self.pairs.len() - 1
        });
        let pair = &mut self.pairs[place];
        pair.orders &= match pair.a == a {
            true => orders,
            false => mirrored(orders),
        };
        if pair.orders != 0 {
            pair.from.push(from.to_string());
            return Ok(());
        }
        Err(if pair.a == pair.b {
            never(from, "both sides are the same")
        } else if self.around.partition_equates(a, b) {
            never(from, "PARTITION BY makes both sides equal")
        } else {
            never(from, &together(&pair.from))
        })
    }
}

/// The conditions can hold where the `[ ]` of the atom does whose field this is: if any of them needs a value, the
/// atom has taken an event.
fn possible_beside(around: &Around, subject: &Subject, nature: Nature) -> bool {
    let needs_value = |test: &Test| !matches!(test, Test::Null(true));
    let Expr::Path(path) = subject.expr else {
        return true;
    };
    let Some((atom, field)) = around.resolve(path) else {
        return true;
    };
    let Some(predicate) = atom.predicate.as_ref() else {
        return true;
    };
    if !subject.tests.iter().any(needs_value) {
        return true;
    }
    let alone = Around::default();
    let mut facts = Facts {
        around: &alone,
        subjects: Vec::new(),
        pairs: Vec::new(),
    };
    for condition in conjuncts(predicate) {
        if facts.add(condition, condition, false).is_err() {
            return false;
        }
    }
    let of_field =
        |known: &&Subject| matches!(known.expr, Expr::Path(path) if path.segments == field);
    match facts.subjects.iter().find(of_field) {
        Some(known) => {
            let tests = known.tests.iter().chain(&subject.tests).cloned();
            possible(&tests.collect::<Vec<_>>(), nature)
        }
        None => true,
    }
}

fn together(others: &[String]) -> String {
    let mut others = others.to_vec();
    others.dedup();
    format!("{} must hold too", others.join(" AND "))
}

/// The orders of both sides for which a comparison is TRUE.
fn orders(op: BinaryOp) -> Option<u8> {
    Some(match op {
        BinaryOp::Eq => EQUAL,
        BinaryOp::Ne => LESS | GREATER,
        BinaryOp::Lt => LESS,
        BinaryOp::Le => LESS | EQUAL,
        BinaryOp::Gt => GREATER,
        BinaryOp::Ge => GREATER | EQUAL,
        _ => return None,
    })
}

/// The same, with the sides exchanged.
fn mirrored(orders: u8) -> u8 {
    (orders & EQUAL) | (orders & LESS) << 2 | (orders & GREATER) >> 2
}

fn constant(expr: &Expr) -> Option<Value<'_>> {
    match expr {
        Expr::Text(text) => Some(Value::text(text.as_bytes())),
        Expr::Number(number) => Some(Value::number(*number)),
        Expr::Bool(truth) => Some(Value::Bool(*truth)),
        Expr::Null => Some(Value::Null),
        Expr::Negate(expr) => match constant(expr)? {
            Value::Number(number) => Some(Value::number(-number)),
            _ => None,
        },
        _ => None,
    }
}
