//! `+`, `*`, `?` and `{n,m}`

use super::check;

#[test]
fn plus_takes_all_it_can() {
    let rule = "MATCH A+ AS a -> B WITHIN 9ms EMIT n = count(a)";
    check(rule, "b1 0", &[]);
    check(rule, "a1 0, b1 1", &["a1 b1 n=1"]);
    check(rule, "a1 0, a2 1, a3 2, b1 3", &["a1 a2 a3 b1 n=3"]);
    check(
        rule,
        "a1 0, a2 1, b1 2, a3 3, b2 4",
        &["a1 a2 b1 n=2", "a3 b2 n=1"],
    );
}

#[test]
fn star_may_take_none() {
    let rule = "MATCH A* AS a -> B WITHIN 9ms EMIT n = count(a)";
    check(rule, "b1 0, a1 1, a2 2, b2 3", &["b1 n=0", "a1 a2 b2 n=2"]);
}

#[test]
fn question_mark_takes_one_or_none() {
    let rule = "MATCH A? -> B WITHIN 9ms";
    check(
        rule,
        "b1 0, a1 1, a2 2, b2 3, b3 4",
        &["b1", "a2 b2", "a1 b3"],
    );
}

#[test]
fn a_number_takes_exactly_as_many() {
    let rule = "MATCH A{2} -> B WITHIN 9ms";
    check(rule, "a1 0, b1 1", &[]);
    check(rule, "a1 0, a2 1, a3 2, b1 3, b2 4", &["a2 a3 b1"]);
    check(
        "MATCH A{2} WITHIN 9ms",
        "a1 0, a2 1, a3 2, a4 3",
        &["a1 a2", "a3 a4"],
    );
    check("MATCH A{1} -> B WITHIN 9ms", "a1 0, a2 1, b1 2", &["a2 b1"]);
}

#[test]
fn bounds_hold() {
    let rule = "MATCH A{1,2} -> B WITHIN 9ms";
    check(rule, "a1 0, b1 1", &["a1 b1"]);
    check(rule, "a1 0, a2 1, a3 2, b1 3, b2 4", &["a2 a3 b1", "a1 b2"]);
    let rule = "MATCH A{2,} -> B WITHIN 9ms";
    check(rule, "a1 0, b1 1, a2 2, a3 3, b2 4", &["a1 a2 a3 b2"]);
    let rule = "MATCH A{0,2} -> B WITHIN 9ms";
    check(rule, "b1 0, a1 1, a2 2, a3 3, b2 4", &["b1", "a2 a3 b2"]);
}

#[test]
fn a_repetition_alone_ends_at_every_event() {
    let rule = "MATCH A+ WITHIN 9ms";
    check(rule, "a1 0, a2 1", &["a1", "a2"]);
    let rule = "MATCH A+ WITHIN 9ms CONSUME NONE";
    check(rule, "a1 0, a2 1, a3 2", &["a1", "a1 a2", "a1 a2 a3"]);
}

#[test]
fn a_field_is_that_of_the_last_event() {
    let rule = "MATCH A+ AS a -> B WITHIN 9ms EMIT v = a.value, n = a.event_id";
    check(
        rule,
        "a1 0 value=1, a2 1 value=2, b1 2",
        &["a1 a2 b1 v=2 n=a2"],
    );
    // Last in processing order, whatever its time.
    check(
        rule,
        "a1 3 value=1, a2 1 value=2, b1 3",
        &["a1 a2 b1 v=2 n=a2"],
    );
    let rule = "MATCH A? AS a -> B WITHIN 9ms EMIT v = coalesce(a.value, 'none')";
    check(rule, "b1 0", &["b1 v=none"]);
}

#[test]
fn where_sees_the_last_event() {
    let rule = "MATCH A+ AS a -> B WHERE a.value < 2 WITHIN 9ms";
    check(rule, "a1 0 value=1, a2 1 value=2, b1 2", &["a1 b1"]);
    check(rule, "a1 0 value=2, a2 1 value=1, b1 2", &["a1 a2 b1"]);
}

#[test]
fn a_condition_holds_for_each() {
    let rule = "MATCH A[value > 1]+ -> B WITHIN 9ms";
    check(
        rule,
        "a1 0 value=2, a2 1 value=1, a3 2 value=3, b1 3",
        &["a1 a3 b1"],
    );
}

#[test]
fn repetitions_keep_to_the_order_of_a_sequence() {
    let rule = "MATCH A -> B* -> C WITHIN 9ms";
    check(rule, "a1 0, c1 1", &["a1 c1"]);
    check(rule, "c1 0, a1 1", &[]);
    check(rule, "b1 0, a1 1, b2 2, b3 3, c1 4", &["a1 b2 b3 c1"]);
    // All of A+ before all of B+.
    let rule = "MATCH A+ -> B+ -> C WITHIN 9ms";
    check(rule, "a1 0, b1 1, a2 2, b2 3, c1 4", &["a1 a2 b2 c1"]);
}

#[test]
fn repetitions_share_events_from_left_to_right() {
    let rule =
        "MATCH A+ AS x AND A+ AS y WITHIN 9ms CONSUME NONE EMIT n = count(x), v = x.event_id";
    check(
        rule,
        "a1 0, a2 1, a3 2",
        &["a1 a2 n=1 v=a1", "a1 a2 a3 n=2 v=a2"],
    );
    let rule = "MATCH A+ AS x -> A AS y WITHIN 9ms CONSUME NONE EMIT y = y.event_id";
    check(rule, "a1 0, a2 1, a3 2", &["a1 a2 y=a2", "a1 a2 a3 y=a3"]);
}

#[test]
fn repetitions_in_a_conjunction_mix() {
    let rule = "MATCH A+ AND B+ WITHIN 9ms CONSUME NONE";
    check(
        rule,
        "a1 0, b1 1, a2 2, b2 3",
        &["a1 b1", "a1 b1 a2", "a1 b1 a2 b2"],
    );
}

#[test]
fn repetitions_hold_what_is_in_the_window() {
    check(
        "MATCH A+ -> B WITHIN 5ms",
        "a1 0, a2 2, a3 4, b1 7",
        &["a2 a3 b1"],
    );
}
