//! `n OF (p, q, …)`

use super::check;

#[test]
fn as_many_as_wanted_in_any_order() {
    let rule = "MATCH 2 OF (A, B, C) WITHIN 9ms";
    check(rule, "a1 0, b1 1", &["a1 b1"]);
    check(rule, "c1 0, a1 1", &["c1 a1"]);
    check(rule, "b1 0, b2 1", &[]);
}

#[test]
fn exactly_as_many() {
    let rule = "MATCH 2 OF (A, B, C) WITHIN 9ms CONSUME NONE";
    check(rule, "a1 0, b1 1, c1 2", &["a1 b1", "b1 c1"]);
    let rule = "MATCH 2 OF (A, B, C) WITHIN 9ms";
    check(rule, "a1 0, b1 1, c1 2, a2 3", &["a1 b1", "c1 a2"]);
}

#[test]
fn one_of_is_or_and_all_of_is_and() {
    check("MATCH 1 OF (A, B) WITHIN 9ms", "a1 0, b1 1", &["a1", "b1"]);
    check("MATCH 2 OF (A, B) WITHIN 9ms", "b1 0, a1 1", &["b1 a1"]);
    check("MATCH 1 OF (A) WITHIN 9ms", "a1 0", &["a1"]);
}

#[test]
fn members_take_different_events() {
    check("MATCH 2 OF (A, A, B) WITHIN 9ms", "a1 0, a2 1", &["a1 a2"]);
    check("MATCH 2 OF (A, ANY) WITHIN 9ms", "a1 0", &[]);
}

#[test]
fn members_are_patterns() {
    let rule = "MATCH 1 OF (A -> B, C) WITHIN 9ms";
    check(rule, "a1 0, c1 1, b1 2", &["c1", "a1 b1"]);
    let rule = "MATCH 2 OF (A -> B, C, D) WITHIN 9ms";
    check(rule, "a1 0, c1 1, b1 2", &["a1 c1 b1"]);
}

#[test]
fn it_stands_in_a_sequence() {
    let rule = "MATCH 2 OF (A, B, C) -> D WITHIN 9ms";
    check(rule, "a1 0, d1 1, b1 2, d2 3", &["a1 b1 d2"]);
    let rule = "MATCH D -> 2 OF (A, B, C) WITHIN 9ms";
    check(rule, "a1 0, d1 1, b1 2, c1 3", &["d1 b1 c1"]);
}

#[test]
fn the_members_further_left_take_the_older_events() {
    let rule = "MATCH 1 OF (A AS x, ANY AS y) WITHIN 9ms EMIT x = count(x), y = count(y)";
    check(rule, "a1 0, b1 1", &["a1 x=1 y=0", "b1 x=0 y=1"]);
    let rule =
        "MATCH 2 OF (ANY AS x, ANY AS y, ANY AS z) WITHIN 9ms EMIT x = x.event_id, y = y.event_id";
    check(rule, "b1 0, a1 1", &["b1 a1 x=b1 y=a1"]);
}

#[test]
fn a_member_that_takes_no_event_counts_as_one() {
    let rule = "MATCH 2 OF (A*, B, C) WITHIN 9ms";
    check(rule, "b1 0, a1 1, c1 2", &["b1", "a1 c1"]);
}

#[test]
fn repetitions_are_members() {
    let rule = "MATCH 2 OF (A{2}, B, C) WITHIN 9ms";
    check(rule, "a1 0, b1 1, a2 2", &["a1 b1 a2"]);
}

#[test]
fn conditions_and_partitions_hold() {
    let rule = "MATCH 2 OF (A, B[value > 1], C) PARTITION BY k WITHIN 9ms";
    let events = "a1 0 k=1, b1 1 k=1 value=1, c1 2 k=2, b2 3 k=1 value=2";
    check(rule, events, &["a1 b2"]);
}

#[test]
fn fields_of_a_member_that_does_not_count_are_null() {
    let rule = "MATCH 2 OF (A, B, C) WHERE C.value IS NULL WITHIN 9ms";
    check(rule, "a1 0, c1 1 value=1, b1 2", &["a1 b1"]);
}
