//! Properties: printing loses nothing, and no input does harm.

use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

use super::CANONICAL;
use crate::engine::rule::ast::*;
use crate::engine::rule::parse::pattern::flat;
use crate::engine::rule::words::{AGGREGATES, COMPARISONS, FUNCTIONS, RESERVED, UNITS};
use crate::engine::rule::{parse, read};

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Za-z_][A-Za-z0-9_]{0,3}",
        2 => "[A-Za-z_][A-Za-z0-9_.-]{0,6}",
        1 => select(&RESERVED[..]).prop_map(str::to_lowercase),
        1 => select(&["first", "count", "weight", "ms", "LAST", "NONE"][..]).prop_map(str::to_owned),
        1 => "[^\0]{1,4}",
    ]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        (0u32..2000).prop_map(f64::from),
        (0.0..10.0),
        any::<f64>()
            .prop_filter("a literal is finite", |n| n.is_finite())
            .prop_map(f64::abs),
    ]
}

fn path() -> impl Strategy<Value = Path> {
    vec(name(), 1..4).prop_map(|segments| Path {
        segments,
        column: Column::default(),
    })
}

fn over() -> impl Strategy<Value = Over> {
    prop_oneof![
        vec(name(), 0..3).prop_map(Over::All),
        path().prop_map(Over::Name)
    ]
}

fn expr() -> impl Strategy<Value = Expr> {
    let column = Column::default();
    let binary = COMPARISONS
        .iter()
        .map(|(_, op)| *op)
        .chain([
            BinaryOp::Or,
            BinaryOp::And,
            BinaryOp::Add,
            BinaryOp::Sub,
            BinaryOp::Mul,
            BinaryOp::Div,
            BinaryOp::Rem,
        ])
        .collect::<Vec<_>>();
    let leaf = prop_oneof![
        "[^\0]{0,5}".prop_map(Expr::Text),
        number().prop_map(Expr::Number),
        any::<bool>().prop_map(Expr::Bool),
        Just(Expr::Null),
        path().prop_map(Expr::Path),
        (select(&AGGREGATES[..]), over()).prop_map(move |((_, aggregate), over)| {
            Expr::Aggregate {
                aggregate,
                over,
                column,
            }
        }),
    ];
    leaf.prop_recursive(5, 24, 3, move |e| {
        let boxed = || e.clone().prop_map(Box::new);
        prop_oneof![
            boxed().prop_map(Expr::Negate),
            boxed().prop_map(Expr::Not),
            (select(binary.clone()), boxed(), boxed())
                .prop_map(|(op, l, r)| Expr::Binary(op, l, r)),
            (boxed(), vec(e.clone(), 1..3), any::<bool>()).prop_map(|(expr, list, negated)| {
                Expr::In {
                    expr,
                    list,
                    negated,
                }
            }),
            (boxed(), boxed(), boxed(), any::<bool>()).prop_map(|(expr, low, high, negated)| {
                Expr::Between {
                    expr,
                    low,
                    high,
                    negated,
                }
            }),
            (
                boxed(),
                boxed(),
                option::of(any::<char>().prop_filter("not NUL", |c| *c != '\0')),
                any::<bool>()
            )
                .prop_map(|(expr, pattern, escape, negated)| Expr::Like {
                    expr,
                    pattern,
                    escape,
                    negated
                }),
            (boxed(), any::<bool>()).prop_map(|(expr, negated)| Expr::IsNull { expr, negated }),
            (select(&FUNCTIONS[..]), vec(e.clone(), 0..3)).prop_map(
                move |((_, function), args)| {
                    Expr::Call {
                        function,
                        args,
                        column,
                    }
                }
            ),
        ]
    })
}

fn duration() -> impl Strategy<Value = Duration> {
    (1u64..100_000, select(&UNITS[..])).prop_map(|(count, (_, unit))| Duration { count, unit })
}

fn quantifier() -> impl Strategy<Value = Quantifier> {
    (0u64..4, option::of(0u64..4)).prop_map(|(min, more)| Quantifier {
        min,
        max: more.map(|more| (min + more).max(1)),
    })
}

fn atom() -> impl Strategy<Value = Atom> {
    (
        option::of(name()),
        option::of(name()),
        option::weighted(0.3, expr()),
        option::of(quantifier()),
        option::of(name()),
    )
        .prop_map(|(event_type, axon, predicate, quantifier, alias)| Atom {
            event_type,
            axon,
            predicate,
            quantifier,
            alias,
            column: Column::default(),
        })
}

fn pattern() -> impl Strategy<Value = Pattern> {
    let column = Column::default();
    let leaf = prop_oneof![
        3 => atom().prop_map(Pattern::Atom),
        1 => (atom(), option::of(duration())).prop_map(move |(atom, for_)| Pattern::Not {
            atom,
            for_,
            column
        }),
    ];
    leaf.prop_recursive(4, 12, 3, move |p| {
        let members = || vec(p.clone(), 2..4);
        prop_oneof![
            members().prop_map(|m| flat(Pattern::Seq, m)),
            members().prop_map(|m| flat(Pattern::Or, m)),
            members().prop_map(|m| flat(Pattern::And, m)),
            (0u64..4, vec(p.clone(), 1..4)).prop_map(move |(count, patterns)| Pattern::Of {
                count,
                patterns,
                column
            }),
        ]
    })
}

fn emit() -> impl Strategy<Value = Vec<Emit>> {
    let item = (name(), expr()).prop_map(|(field, expr)| Emit {
        field,
        expr,
        column: Column::default(),
    });
    vec(item, 0..3)
}

fn limit() -> impl Strategy<Value = Option<Limit>> {
    option::of((1u64..9, duration()).prop_map(|(count, per)| Limit { count, per }))
}

fn match_rule() -> impl Strategy<Value = Rule> {
    let chosen = (
        option::of(select(&[Select::Last, Select::First, Select::All][..])),
        option::of(select(&[Consume::Partition, Consume::None][..])),
    );
    (
        pattern(),
        option::of(expr()),
        vec(path(), 0..3),
        duration(),
        chosen,
        option::of(expr()),
        limit(),
        emit(),
    )
        .prop_map(
            |(pattern, filter, partition_by, within, (select, consume), having, limit, emit)| {
                Rule::Match(Match {
                    pattern,
                    filter,
                    partition_by,
                    within,
                    select,
                    consume,
                    having,
                    limit,
                    emit,
                })
            },
        )
}

fn integrate_rule() -> impl Strategy<Value = Rule> {
    let input = (atom(), option::of(expr())).prop_map(|(atom, weight)| Input { atom, weight });
    (
        vec(input, 1..3),
        duration(),
        number().prop_filter("more than 0", |n| *n > 0.0),
        (
            option::of(1u64..9),
            option::of(duration()),
            option::of(select(&[Reset::Zero, Reset::Subtract][..])),
        ),
        vec(path(), 0..3),
        duration(),
        limit(),
        emit(),
    )
        .prop_map(
            |(
                inputs,
                decay,
                threshold,
                (from_axons, refractory, reset),
                partition_by,
                within,
                limit,
                emit,
            )| {
                Rule::Integrate(Integrate {
                    inputs,
                    decay,
                    threshold,
                    from_axons,
                    refractory,
                    reset,
                    partition_by,
                    within,
                    limit,
                    emit,
                })
            },
        )
}

/// A rule of the manual with some of its pieces exchanged for others.
fn mutant() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        select(&RESERVED[..]).prop_map(|w| format!(" {w} ")),
        "[ ()\\[\\]{}+*?@.,<>=!%/'\"-]{1,3}",
        "[0-9]{1,22}[a-z]?",
        "\\PC{1,3}",
        Just(String::new()),
    ];
    let edits = vec((any::<prop::sample::Index>(), 0usize..6, piece), 1..4);
    (select(CANONICAL), edits).prop_map(|(text, edits)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, length, piece) in edits {
            let at = at.index(text.len() + 1);
            let end = (at + length).min(text.len());
            text.splice(at..end, piece.chars());
        }
        text.into_iter().collect()
    })
}

/// Whatever is read prints as something that is read as the same.
fn harmless(text: &str) {
    match parse(text) {
        Ok(rule) => {
            let canonical = rule.to_string();
            assert_eq!(
                parse(&canonical).as_ref(),
                Ok(&rule),
                "{text} -> {canonical}"
            );
            assert_eq!(parse(&canonical).unwrap().to_string(), canonical);
        }
        Err(error) => {
            let error = error.to_string();
            assert!(!error.is_empty() && !error.contains('\n'), "{error}");
        }
    }
}

proptest! {
    #[test]
    fn printing_loses_nothing(rule in prop_oneof![match_rule(), integrate_rule()]) {
        let text = rule.to_string();
        let again = read(&text);
        prop_assert_eq!(again.as_ref(), Ok(&rule), "{}", text);
        prop_assert_eq!(again.unwrap().to_string(), text);
    }

    #[test]
    fn mutated_rules_do_no_harm(text in mutant()) {
        harmless(&text);
    }

    #[test]
    fn garbage_does_no_harm(text in "\\PC{0,60}|(?s).{0,60}|[A-Z '\"()\\[\\]{}0-9a-z.,@+*-]{0,80}") {
        harmless(&text);
        harmless(&format!("MATCH {text}"));
        harmless(&format!("MATCH A[{text}] WITHIN 1s"));
    }
}
