//! Random rules: a pattern with its clauses, or an `INTEGRATE` rule.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::strategy::BoxedStrategy;

use leaflet::engine::rule::parse;

use super::expr::{self, Template};
use super::pattern::{self, Shape};

/// Which clauses rules have.
#[derive(Debug, Clone, Copy, Default)]
pub struct Clauses {
    select: &'static [&'static str],
    consume: &'static [&'static str],
    having_and_limit: f64,
    /// How often there is a WHERE.
    filtered: f64,
    /// WHERE compares two events for equality.
    joined: bool,
}

impl Clauses {
    /// WHERE, PARTITION BY, WITHIN and EMIT.
    pub fn plain() -> Self {
        Self {
            select: &[""],
            consume: &["", " CONSUME NONE"],
            having_and_limit: 0.0,
            filtered: 0.25,
            joined: false,
        }
    }

    pub fn consuming() -> Self {
        Self {
            consume: &[" CONSUME MATCHED", " CONSUME PARTITION", " CONSUME NONE"],
            ..Self::plain()
        }
    }

    pub fn first() -> Self {
        Self {
            select: &[" SELECT FIRST"],
            ..Self::consuming()
        }
    }

    pub fn all() -> Self {
        Self {
            select: &[" SELECT ALL"],
            consume: &["", " CONSUME NONE", " CONSUME PARTITION"],
            having_and_limit: 0.2,
            ..Self::plain()
        }
    }

    /// `SELECT ALL` where the engine keeps open matches.
    pub fn open() -> Self {
        Self {
            filtered: 0.0,
            ..Self::all()
        }
    }

    pub fn having_and_limit() -> Self {
        Self {
            having_and_limit: 0.5,
            ..Self::subset()
        }
    }

    /// All clauses with `SELECT LAST`.
    pub fn subset() -> Self {
        Self {
            select: &["", " SELECT LAST"],
            consume: &[
                "",
                " CONSUME MATCHED",
                " CONSUME PARTITION",
                " CONSUME NONE",
            ],
            having_and_limit: 0.2,
            ..Self::plain()
        }
    }

    /// With an equality between two events.
    pub fn joined() -> Self {
        Self {
            select: &["", " SELECT FIRST", " SELECT ALL"],
            joined: true,
            ..Self::plain()
        }
    }
}

/// `MATCH` rules that the parser takes.
pub fn matching(shape: BoxedStrategy<Shape>, clauses: Clauses) -> BoxedStrategy<String> {
    let having_and_limit = (
        sometimes(clauses.having_and_limit, expr::having()),
        sometimes(clauses.having_and_limit, (1u64..4, 1u64..15)),
    );
    let filter = match clauses.joined {
        true => expr::equality().prop_map(Some).boxed(),
        false => sometimes(clauses.filtered, expr::filter()),
    };
    (
        shape,
        filter,
        partition(),
        5u64..20,
        (select(clauses.select), select(clauses.consume)),
        having_and_limit,
        option::weighted(0.4, expr::emit()),
    )
        .prop_filter_map(
            "the parser refuses it",
            |(shape, filter, partition, within, (select, consume), (having, limit), emit)| {
                let mut names = Vec::new();
                let pattern = shape.render(&mut names);
                let condition = |keyword: &str, template: &Option<Template>| {
                    let text = template.as_ref().map(|t| t.render(&names));
                    text.map_or(String::new(), |text| format!(" {keyword} {text}"))
                };
                let text = format!(
                    "MATCH {pattern}{}{partition} WITHIN {within}ms{select}{consume}{}{}{}",
                    condition("WHERE", &filter),
                    condition("HAVING", &having),
                    limit_text(limit),
                    emit_text(emit, &names),
                );
                parse(&text).is_ok().then_some(text)
            },
        )
        .boxed()
}

pub fn integrate() -> BoxedStrategy<String> {
    let weight = select(
        &[
            "",
            " WEIGHT value",
            " WEIGHT value / 2",
            " WEIGHT 0.5",
            " WEIGHT -0.5",
            " WEIGHT value - 1",
            " WEIGHT 0",
        ][..],
    );
    let clauses = (
        select(&["", " FROM 1 AXONS", " FROM 2 AXONS", " FROM 3 AXONS"][..]),
        option::of(0u64..8),
        select(&["", " RESET ZERO", " RESET SUBTRACT"][..]),
    );
    (
        vec((pattern::atom(), weight), 1..4),
        1u64..20,
        select(&["0.5", "1", "1.5", "2", "3", "4.5"][..]),
        clauses,
        partition(),
        5u64..20,
        option::weighted(0.2, (1u64..4, 1u64..15)),
        option::weighted(0.5, expr::emit()),
        any::<bool>(),
    )
        .prop_map(
            |(inputs, decay, threshold, (from, refractory, reset), partition, within, limit, emit, level)| {
                let mut names = Vec::new();
                let inputs = inputs.iter();
                let inputs: Vec<String> = inputs
                    .map(|(atom, weight)| format!("{}{weight}", atom.render(&mut names)))
                    .collect();
                let refractory =
                    refractory.map_or(String::new(), |ms| format!(" REFRACTORY {ms}ms"));
                let mut emit = emit_text(emit, &names);
                if level {
                    emit += if emit.is_empty() { " EMIT" } else { "," };
                    emit += " l = level";
                }
                format!(
                    "INTEGRATE {} DECAY {decay}ms THRESHOLD {threshold}{from}{refractory}{reset}{partition} \
                     WITHIN {within}ms{}{emit}",
                    inputs.join(", "),
                    limit_text(limit),
                )
            },
        )
        .boxed()
}

/// A rule of any kind with any clauses.
pub fn any_rule() -> BoxedStrategy<String> {
    prop_oneof![
        2 => matching(pattern::nested(), Clauses::subset()),
        2 => matching(pattern::any(), Clauses::having_and_limit()),
        1 => matching(pattern::any(), Clauses::first()),
        1 => matching(pattern::any(), Clauses::all()),
        1 => matching(pattern::not_trailing(), Clauses::consuming()),
        1 => integrate(),
    ]
    .boxed()
}

fn sometimes<S: Strategy + 'static>(odds: f64, strategy: S) -> BoxedStrategy<Option<S::Value>>
where
    S::Value: Clone,
{
    match odds > 0.0 {
        true => option::weighted(odds, strategy).boxed(),
        false => Just(None).boxed(),
    }
}

fn partition() -> impl Strategy<Value = &'static str> {
    prop_oneof![
        9 => Just(""),
        2 => Just(" PARTITION BY k"),
        1 => Just(" PARTITION BY metadata.m.n"),
        1 => Just(" PARTITION BY type, k"),
    ]
}

fn limit_text(limit: Option<(u64, u64)>) -> String {
    limit.map_or(String::new(), |(count, per)| {
        format!(" LIMIT {count} PER {per}ms")
    })
}

fn emit_text(emit: Option<Vec<(&str, Template)>>, names: &[String]) -> String {
    let fields = emit.unwrap_or_default();
    let fields = fields.iter();
    let fields: Vec<String> = fields
        .map(|(field, template)| format!("{field} = {}", template.render(names)))
        .collect();
    match fields.is_empty() {
        true => String::new(),
        false => format!(" EMIT {}", fields.join(", ")),
    }
}
