//! Conditions, aggregates and what is emitted

use super::{check, outputs};

/// Does the condition hold for an event with this value?
fn holds(condition: &str, fields: &str) -> bool {
    let rule = format!("MATCH A[{condition}] WITHIN 9ms");
    !outputs(&[&rule], &format!("a1 0 {fields}")).is_empty()
}

#[test]
fn missing_fields_are_null() {
    for unknown in [
        "value > 1",
        "value = 1",
        "value != 1",
        "NOT value = 1",
        "value IN (1, 2)",
    ] {
        assert!(!holds(unknown, "k=1"), "{unknown}");
    }
    assert!(holds("value IS NULL", "k=1"));
    assert!(!holds("value IS NOT NULL", "k=1"));
    assert!(holds("value IS NULL OR value > 1", "k=1"));
    assert!(!holds("value > 1 AND k = 1", "k=1"));
    assert!(holds("NOT (value > 1 AND k = 2)", "k=1"));
}

#[test]
fn text_against_a_number_is_a_number_or_null() {
    assert!(holds("value = 1", "value=1.0"));
    assert!(holds("value = 10", "value=1e1"));
    assert!(!holds("value < 10", "value=x"));
    assert!(!holds("NOT value < 10", "value=x"));
    assert!(!holds("value > 0", "value=inf"));
    assert!(!holds("value > 0", "value=0x10"));
}

#[test]
fn texts_compare_as_numbers_where_both_are() {
    assert!(holds("value < '10'", "value=9"));
    assert!(holds("value = '1.0'", "value=1"));
    assert!(holds("value > '10'", "value=9x"));
    assert!(holds("value < 'b'", "value=a"));
}

#[test]
fn arithmetic() {
    assert!(holds("value / 4 = 2.5", "value=10"));
    assert!(holds("value / 0 IS NULL", "value=10"));
    assert!(holds("value % 3 = 1", "value=10"));
    assert!(holds("value % 3 = -1", "value=-10"));
    assert!(holds("-value + 2 * 3 = 5", "value=1"));
}

#[test]
fn in_between_and_like() {
    assert!(holds("value IN (1, 2)", "value=2"));
    assert!(holds("value NOT IN (1, 2)", "value=3"));
    assert!(!holds("value NOT IN (1, NULL)", "value=3"));
    assert!(holds("value IN (3, NULL)", "value=3"));
    assert!(holds("value BETWEEN 1 AND 3", "value=3"));
    assert!(holds("value NOT BETWEEN 1 AND 2", "value=3"));
    assert!(holds("k LIKE 'a%_'", "k=abc"));
    assert!(!holds("k LIKE 'A%'", "k=abc"));
    assert!(holds("k LIKE 'a!%%' ESCAPE '!'", "k=a%b"));
    assert!(!holds("k LIKE 'a!%%' ESCAPE '!'", "k=ab"));
}

#[test]
fn functions() {
    assert!(holds("abs(value) = 2", "value=-2"));
    assert!(holds(
        "round(value) = 2 AND floor(value) = 1 AND ceil(value) = 2",
        "value=1.6"
    ));
    assert!(holds("coalesce(value, k) = 7", "k=7"));
    assert!(holds(
        "upper(k) = 'AB' AND lower('AB') = k AND length(k) = 2",
        "k=ab"
    ));
    assert!(holds(
        "least(value, 2) = 1 AND greatest(value, 2) = 2",
        "value=1"
    ));
}

#[test]
fn paths_reach_into_json() {
    assert!(holds("metadata.a.b = 2", r#"metadata={"a":{"b":2}}"#));
    assert!(holds("metadata.a = 'x'", r#"metadata={"a":"x"}"#));
    assert!(holds("metadata.a.c IS NULL", r#"metadata={"a":{"b":2}}"#));
    assert!(holds("metadata.a IS NULL", "metadata=x"));
}

#[test]
fn where_compares_events() {
    let rule = "MATCH A -> B WHERE B.value > A.value WITHIN 9ms";
    check(rule, "a1 0 value=1, a2 1 value=3, b1 2 value=2", &["a1 b1"]);
    check(rule, "a1 0 value=1, a2 1, b1 2 value=2", &["a1 b1"]);
}

#[test]
fn aggregates_run_over_an_atom_or_all() {
    let rule = "MATCH A+ AS a -> B WITHIN 9ms EMIT n = count(a), m = count(*), s = sum(a.value), \
                v = avg(*.value), x = max(*.value), i = min(a.value), f = first(*.value), l = last(a.value)";
    let events = "a1 0 value=1, a2 1 value=4, b1 2 value=10";
    check(rule, events, &["a1 a2 b1 n=2 m=3 s=5 v=5 x=10 i=1 f=1 l=4"]);
}

#[test]
fn aggregates_of_nothing_are_null_and_left_out() {
    let rule = "MATCH A? AS a -> B WITHIN 9ms EMIT n = count(a), s = sum(a.value), x = max(a.value), c = count(*.value)";
    check(rule, "b1 0", &["b1 n=0 c=0"]);
}

#[test]
fn the_defaults_of_value_and_confidence() {
    let rule = "MATCH A -> B WITHIN 10ms";
    let found = &outputs(&[rule], "a1 0 value=1, b1 5 value=2")[0];
    assert_eq!(found.value.as_deref(), Some("1.5"));
    assert_eq!(found.confidence.as_deref(), Some("0.75"));
    assert_eq!((found.rule.as_str(), found.time), ("rule_0", 1_005));
    let found = &outputs(&[rule], "a1 0, b1 0 value=x")[0];
    assert_eq!(
        (found.value.as_deref(), found.confidence.as_deref()),
        (None, Some("1"))
    );
}

#[test]
fn value_and_confidence_can_be_emitted() {
    let rule = "MATCH A WITHIN 10ms EMIT value = A.value * 2, confidence = A.value";
    let found = &outputs(&[rule], "a1 0 value=3")[0];
    assert_eq!(
        (found.value.as_deref(), found.confidence.as_deref()),
        (Some("6"), Some("1"))
    );
}

#[test]
fn sources_without_an_id_are_named_by_their_place() {
    let rule = "MATCH A -> B WITHIN 9ms";
    let found = &outputs(&[rule], "a1 0 x=1, b1 1")[0];
    assert_eq!(found.sources, ["a1", "b1"]);
    assert_eq!(found.stream, "stream:integrated_events");
    let found = &outputs(&[rule], "a1@1{t} 0, b1@2{t} 1")[0];
    assert_eq!(found.stream, "stream:integrated_events{t}");
}
