//! What is refused because its conditions can't hold together never holds: the oracle, which knows nothing of that,
//! finds no match.

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::compare::engine;
use crate::oracle::Oracle;
use crate::stream::Entry;

/// What the fields of the events can be.
const VALUES: [&str; 10] = ["0", "1", "1.0", "2", "-1", "a", "b", "10a", "true", "TRUE"];

fn constant() -> impl Strategy<Value = String> {
    let number = prop::sample::select(vec!["0", "1", "2", "-1", "1.5", "TRUE"]);
    let text = prop::sample::select(VALUES.to_vec()).prop_map(|text| format!("'{text}'"));
    prop_oneof![number.prop_map(String::from), text]
}

fn side(name: &'static str) -> impl Strategy<Value = String> {
    let field = prop::sample::select(vec!["x", "y"]);
    let plain = field.prop_map(move |field| format!("{name}{field}"));
    prop_oneof![
        8 => plain.clone(),
        1 => plain.clone().prop_map(|plain| format!("length({plain})")),
        1 => plain.prop_map(|plain| format!("abs({plain})")),
    ]
}

fn test(name: &'static str) -> impl Strategy<Value = String> {
    let op = || prop::sample::select(vec!["=", "!=", "<", "<=", ">", ">="]);
    let other = prop_oneof![4 => constant(), 1 => side(name)];
    let compare = (side(name), op(), other).prop_map(|(a, op, b)| format!("{a} {op} {b}"));
    let mirrored = (constant(), op(), side(name)).prop_map(|(a, op, b)| format!("{a} {op} {b}"));
    let not = || prop::sample::select(vec!["", "NOT "]);
    let between = (side(name), not(), constant(), constant())
        .prop_map(|(a, not, low, high)| format!("{a} {not}BETWEEN {low} AND {high}"));
    let one_of = (side(name), not(), vec(constant(), 1..4))
        .prop_map(|(a, not, list)| format!("{a} {not}IN ({})", list.join(", ")));
    let like = (
        side(name),
        not(),
        prop::sample::select(vec!["1%", "%a", "tr_e"]),
    )
        .prop_map(|(a, not, pattern)| format!("{a} {not}LIKE '{pattern}'"));
    let null = (side(name), not()).prop_map(|(a, not)| format!("{a} IS {not}NULL"));
    let test =
        prop_oneof![6 => compare, 1 => mirrored, 1 => between, 2 => one_of, 1 => like, 1 => null];
    (not(), test).prop_map(|(not, test)| format!("{not}{test}"))
}

fn condition(name: &'static str) -> impl Strategy<Value = String> {
    let all = || vec(test(name), 2..4).prop_map(|tests| tests.join(" AND "));
    let any = (all(), all()).prop_map(|(a, b)| format!("({a} OR {b})"));
    prop_oneof![4 => all(), 1 => any]
}

fn rule() -> impl Strategy<Value = String> {
    let alone = condition("").prop_map(|c| format!("MATCH A[{c}] WITHIN 5s"));
    let both = (condition(""), condition("a.")).prop_map(|(own, all)| {
        format!("MATCH A[{own}]{{1,2}} AS a OR B WHERE {all} WITHIN 5s CONSUME NONE")
    });
    let pattern = prop::sample::select(vec![
        "A{2,3} AS a",
        "A AS a -> B?",
        "A+ AS a OR B",
        "2 OF (A AS a, B, A{2})",
    ]);
    let count = prop::sample::select(vec!["count(*)", "count(a)", "count(a.x)"]);
    let having = (
        pattern,
        count,
        prop::sample::select(vec!["=", "<", ">", ">="]),
        0..4u8,
    )
        .prop_map(|(pattern, count, op, n)| {
            format!("MATCH {pattern} WITHIN 5s CONSUME NONE HAVING {count} {op} {n}")
        });
    let order = prop::sample::select(vec!["=", "!=", "<", ">"]);
    let keyed = order.prop_map(|op| {
        format!("MATCH A AS a -> B AS b WHERE a.x {op} b.x PARTITION BY x WITHIN 5s CONSUME NONE")
    });
    prop_oneof![4 => alone, 4 => both, 3 => having, 1 => keyed]
}

/// An event of each type with each value or none of both fields.
fn stream() -> Vec<Entry> {
    let values = || VALUES.iter().map(Some).chain([None]);
    let fields = values().flat_map(|x| values().map(move |y| (x, y)));
    let lines = fields.enumerate().flat_map(|(n, (x, y))| {
        ["A", "A", "B"].into_iter().zip(0..).map(move |(kind, k)| {
            let field = |name: &str, value: Option<&&str>| {
                value.map_or(String::new(), |value| format!(" {name}={value}"))
            };
            let time = 1_000 + 2_500 * n as u64 + k;
            format!(
                "e{n}_{k} {kind}@axon_1 {time}{}{}",
                field("x", x),
                field("y", y)
            )
        })
    });
    lines
        .enumerate()
        .map(|(n, line)| Entry::read(&line, n))
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn what_is_refused_never_holds(text in rule()) {
        let added = engine().add_rule(DEFAULT_DOMAIN, "r", &text, AddRule::default());
        let Err(error) = added else {
            return Ok(());
        };
        let error = error.to_string();
        prop_assume!(error.contains(" must hold too") || error.contains(" is always ")
            || error.contains("no such value") || error.contains("both sides"));
        let mut oracle = Oracle::default();
        oracle.add_rule("r", &text);
        for entry in stream() {
            if let Ok(found) = oracle.on_event(&entry.key, entry.id, &entry.fields) {
                prop_assert!(found.is_empty(), "{}: {}", text, error);
            }
        }
    }
}
