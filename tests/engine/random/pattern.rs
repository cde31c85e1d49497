//! Random patterns, for each operator.

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;

use super::expr;

/// A pattern whose atoms have no names yet.
#[derive(Debug, Clone)]
pub enum Shape {
    /// Type, axon and condition; a quantifier.
    Atom(String, &'static str),
    Not(String, Option<u64>),
    Seq(Vec<Shape>),
    And(Vec<Shape>),
    Or(Vec<Shape>),
    Of(usize, Vec<Shape>),
}

impl Shape {
    /// The pattern's text; appends the name of each atom.
    pub fn render(&self, names: &mut Vec<String>) -> String {
        let mut list = |members: &[Shape], between: &str| {
            let members = members.iter().map(|member| match member {
                Self::Atom(..) | Self::Not(..) | Self::Of(..) => member.render(names),
                nested => format!("({})", nested.render(names)),
            });
            members.collect::<Vec<_>>().join(between)
        };
        match self {
            Self::Atom(text, quantifier) => {
                names.push(format!("p{}", names.len()));
                format!("{text}{quantifier} AS p{}", names.len() - 1)
            }
            Self::Not(text, None) => format!("NOT {text}"),
            Self::Not(text, Some(wait)) => format!("NOT {text} FOR {wait}ms"),
            Self::Seq(members) => list(members, " -> "),
            Self::And(members) => list(members, " AND "),
            Self::Or(members) => list(members, " OR "),
            Self::Of(count, members) => format!("{count} OF ({})", list(members, ", ")),
        }
    }
}

fn event() -> impl Strategy<Value = String> {
    let event_type = prop_oneof![
        4 => Just("A"), 4 => Just("B"), 3 => Just("C"), 1 => Just("D"), 1 => Just("ANY")
    ];
    let axon = prop_oneof![
        12 => Just(""), 1 => Just("@axon_1"), 1 => Just("@axon_2"), 1 => Just("@'axon_*'")
    ];
    let predicate = prop::option::weighted(0.15, expr::predicate());
    (event_type, axon, predicate).prop_map(|(event_type, axon, predicate)| {
        let predicate = predicate.map_or(String::new(), |p| format!("[{p}]"));
        format!("{event_type}{axon}{predicate}")
    })
}

pub fn atom() -> BoxedStrategy<Shape> {
    event().prop_map(|event| Shape::Atom(event, "")).boxed()
}

fn not() -> BoxedStrategy<Shape> {
    event().prop_map(|event| Shape::Not(event, None)).boxed()
}

fn waiting() -> BoxedStrategy<Shape> {
    let shape = |(event, wait)| Shape::Not(event, Some(wait));
    (event(), 1u64..8).prop_map(shape).boxed()
}

fn repeated() -> BoxedStrategy<Shape> {
    let quantifier = select(
        &[
            "+", "*", "?", "{1}", "{2}", "{2,}", "{0,2}", "{1,2}", "{1,3}", "{2,3}",
        ][..],
    );
    (event(), quantifier)
        .prop_map(|(event, quantifier)| Shape::Atom(event, quantifier))
        .boxed()
}

/// Leaves joined by `->`, `AND` and `OR`, at most two deep.
fn joined(leaf: BoxedStrategy<Shape>) -> BoxedStrategy<Shape> {
    leaf.prop_recursive(2, 5, 3, |inner| {
        let members = || vec(inner.clone(), 2..4);
        prop_oneof![
            3 => members().prop_map(Shape::Seq),
            2 => members().prop_map(Shape::And),
            1 => members().prop_map(Shape::Or),
        ]
    })
    .boxed()
}

pub fn sequence() -> BoxedStrategy<Shape> {
    vec(atom(), 1..4).prop_map(one_or(Shape::Seq)).boxed()
}

pub fn conjunction() -> BoxedStrategy<Shape> {
    vec(atom(), 2..4).prop_map(Shape::And).boxed()
}

pub fn disjunction() -> BoxedStrategy<Shape> {
    let part = prop_oneof![
        2 => atom(),
        2 => vec(atom(), 2..3).prop_map(Shape::And),
        1 => vec(atom(), 2..3).prop_map(Shape::Seq),
    ];
    let or = vec(part, 2..4).prop_map(Shape::Or);
    prop_oneof![
        or.clone(),
        (atom(), or.clone()).prop_map(|(a, b)| Shape::And(vec![a, b])),
        (atom(), or.clone()).prop_map(|(a, b)| Shape::Seq(vec![a, b])),
        (or, atom()).prop_map(|(a, b)| Shape::Seq(vec![a, b])),
    ]
    .boxed()
}

/// Sequences, conjunctions and disjunctions in each other.
pub fn nested() -> BoxedStrategy<Shape> {
    joined(atom())
}

pub fn repetition() -> BoxedStrategy<Shape> {
    joined(prop_oneof![2 => repeated(), 3 => atom()].boxed())
}

pub fn of() -> BoxedStrategy<Shape> {
    let part = prop_oneof![
        5 => atom(),
        1 => repeated(),
        1 => vec(atom(), 2..3).prop_map(Shape::Seq),
        1 => vec(atom(), 2..3).prop_map(Shape::Or),
    ];
    let of = (1usize..4, vec(part, 1..5))
        .prop_map(|(count, parts)| Shape::Of(count.min(parts.len()), parts));
    prop_oneof![
        3 => of.clone(),
        1 => (of.clone(), atom()).prop_map(|(a, b)| Shape::Seq(vec![a, b])),
        1 => (atom(), of.clone()).prop_map(|(a, b)| Shape::And(vec![a, b])),
        1 => (of, atom()).prop_map(|(a, b)| Shape::Or(vec![a, b])),
    ]
    .boxed()
}

/// A part that can stand next to a NOT.
fn part() -> BoxedStrategy<Shape> {
    prop_oneof![
        6 => atom(),
        1 => event().prop_map(|event| Shape::Atom(event, "+")),
        1 => vec(atom(), 2..3).prop_map(Shape::And),
        1 => vec(atom(), 2..3).prop_map(Shape::Or),
        1 => vec(atom(), 2..3).prop_map(|atoms| Shape::Of(1, atoms)),
    ]
    .boxed()
}

/// The shape by itself, or within a larger one.
fn somewhere(shape: BoxedStrategy<Shape>) -> BoxedStrategy<Shape> {
    prop_oneof![
        4 => shape.clone(),
        1 => (atom(), shape.clone()).prop_map(|(a, b)| Shape::And(vec![a, b])),
        1 => (atom(), shape.clone()).prop_map(|(a, b)| Shape::Or(vec![a, b])),
        1 => (shape, atom()).prop_map(|(a, b)| Shape::Seq(vec![Shape::Or(vec![a, b.clone()]), b])),
    ]
    .boxed()
}

pub fn not_between() -> BoxedStrategy<Shape> {
    let between = (part(), not(), part()).prop_map(|(p, x, q)| Shape::Seq(vec![p, x, q]));
    let twice = (part(), not(), part(), not(), part())
        .prop_map(|(p, x, q, y, r)| Shape::Seq(vec![p, x, q, y, r]));
    somewhere(prop_oneof![4 => between, 1 => twice].boxed())
}

pub fn not_leading() -> BoxedStrategy<Shape> {
    let leading = (not(), part(), vec(part(), 0..2)).prop_map(|(x, p, mut more)| {
        more.splice(0..0, [x, p]);
        Shape::Seq(more)
    });
    somewhere(leading.boxed())
}

pub fn not_trailing() -> BoxedStrategy<Shape> {
    let trailing = (vec(part(), 1..3), waiting()).prop_map(|(mut parts, x)| {
        parts.push(x);
        Shape::Seq(parts)
    });
    let trailing = trailing.boxed();
    let both = (not(), part(), waiting()).prop_map(|(x, p, y)| Shape::Seq(vec![x, p, y]));
    prop_oneof![
        5 => trailing.clone(),
        1 => both,
        1 => (atom(), trailing.clone()).prop_map(|(a, b)| Shape::Or(vec![a, b])),
        1 => (atom(), trailing.clone(), atom())
            .prop_map(|(a, b, c)| Shape::Seq(vec![a, Shape::Or(vec![b, c])])),
        1 => (trailing.clone(), trailing).prop_map(|(a, b)| Shape::Or(vec![a, b])),
    ]
    .boxed()
}

/// NOTs in several places of one pattern, next to parts whose events mix with those of others.
pub fn nots() -> BoxedStrategy<Shape> {
    let between = (part(), not(), part()).prop_map(|(p, x, q)| Shape::Seq(vec![p, x, q]));
    let mixed = (between.clone(), part()).prop_map(|(a, b)| Shape::And(vec![a, b]));
    let twice = (between.clone(), between.clone()).prop_map(|(a, b)| Shape::And(vec![a, b]));
    let inner = prop_oneof![3 => part(), 1 => between, 2 => mixed, 1 => twice].boxed();
    (
        prop::option::weighted(0.3, not()),
        inner.clone(),
        prop::option::weighted(0.7, not()),
        prop::option::weighted(0.7, inner),
        prop::option::weighted(0.2, waiting()),
    )
        .prop_map(|(leading, first, between, second, trailing)| {
            let mut parts: Vec<Shape> = leading.into_iter().chain([first]).collect();
            parts.extend(between.filter(|_| second.is_some()));
            parts.extend(second);
            parts.extend(trailing);
            Shape::Seq(parts)
        })
        .boxed()
}

/// Any of these; half of them of the plain ones.
pub fn any() -> BoxedStrategy<Shape> {
    prop_oneof![
        3 => sequence(),
        2 => nested(),
        1 => repetition(),
        1 => of(),
        1 => not_between(),
        1 => not_leading(),
        1 => not_trailing(),
    ]
    .boxed()
}

fn one_or(list: fn(Vec<Shape>) -> Shape) -> impl Fn(Vec<Shape>) -> Shape {
    move |mut members| match members.len() {
        1 => members.remove(0),
        _ => list(members),
    }
}
