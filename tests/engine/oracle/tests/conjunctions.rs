//! `p AND q`

use super::check;

const AB: &str = "MATCH A AND B WITHIN 5ms";

#[test]
fn the_order_is_free() {
    check(AB, "a1 0, b1 1", &["a1 b1"]);
    check(AB, "b1 0, a1 1", &["b1 a1"]);
    check(AB, "b1 1, a1 0", &["b1 a1"]);
}

#[test]
fn all_must_have_come() {
    check(AB, "a1 0, a2 1", &[]);
    check("MATCH A AND B AND C WITHIN 5ms", "c1 0, a1 1", &[]);
    check(
        "MATCH A AND B AND C WITHIN 5ms",
        "c1 0, a1 1, b1 2",
        &["c1 a1 b1"],
    );
}

#[test]
fn different_events_fill_different_atoms() {
    let rule = "MATCH A AND A WITHIN 5ms";
    check(rule, "a1 0", &[]);
    check(rule, "a1 0, a2 1", &["a1 a2"]);
    check("MATCH ANY AND A WITHIN 5ms", "a1 0", &[]);
}

#[test]
fn the_most_recent_partner_is_taken() {
    check(AB, "a1 0, a2 1, b1 2, b2 3", &["a2 b1", "a1 b2"]);
    check(
        "MATCH A AND B AND C WITHIN 9ms",
        "a1 0, b1 1, a2 2, b2 3, c1 4",
        &["a2 b2 c1"],
    );
}

#[test]
fn older_events_go_to_atoms_further_left() {
    let rule = "MATCH ANY AS x AND ANY AS y WITHIN 5ms EMIT x = x.event_id";
    check(rule, "b1 0, a1 1", &["b1 a1 x=b1"]);
}

#[test]
fn conditions_can_leave_only_one_assignment() {
    let rule = "MATCH ANY AS x AND A AS y WITHIN 5ms EMIT x = x.event_id";
    check(rule, "a1 0, b1 1", &["a1 b1 x=b1"]);
    let rule = "MATCH ANY AS x AND ANY AS y WHERE x.value > y.value WITHIN 5ms EMIT x = x.event_id";
    check(rule, "a1 0 value=1, b1 1 value=2", &["a1 b1 x=b1"]);
}

#[test]
fn a_conjunction_is_complete_before_what_follows() {
    let rule = "MATCH A AND B -> C WITHIN 9ms";
    check(rule, "a1 0, c1 1, b1 2, c2 3", &["a1 b1 c2"]);
}

#[test]
fn what_follows_comes_after_what_was_before() {
    check(
        "MATCH C -> A AND B WITHIN 9ms",
        "a1 0, c1 1, b1 2, a2 3",
        &["c1 b1 a2"],
    );
}

#[test]
fn members_may_be_interleaved() {
    check(
        "MATCH A AND (B -> C) WITHIN 9ms",
        "b1 0, a1 1, c1 2",
        &["b1 a1 c1"],
    );
    check(
        "MATCH (A -> B) AND (C -> D) WITHIN 9ms",
        "a1 0, c1 1, b1 2, d1 3",
        &["a1 c1 b1 d1"],
    );
    check(
        "MATCH (A -> B) AND (C -> D) WITHIN 9ms",
        "b1 0, c1 1, a1 2, d1 3",
        &[],
    );
}

#[test]
fn newest_first_whatever_atom_an_event_fills() {
    let rule = "MATCH A AND B -> C WHERE A.k = B.k WITHIN 9ms";
    // The newest A would bring b2; but b1 is newer than either.
    let events = "a1 0 k=1, b2 1 k=2, a2 2 k=2, b1 3 k=1, c1 4";
    check(rule, events, &["a1 b1 c1"]);
}

#[test]
fn the_span_is_at_most_within() {
    check(AB, "a1 0, b1 5", &["a1 b1"]);
    check(AB, "b1 0, a1 6", &[]);
    check(AB, "b1 6, a1 1", &["b1 a1"]);
    check(AB, "b1 6, a1 0", &[]);
}

#[test]
fn and_binds_before_or_before_arrow() {
    let rule = "MATCH A AND B OR C -> D WITHIN 9ms";
    check(rule, "a1 0, d1 1", &[]);
    check(rule, "c1 0, d1 1", &["c1 d1"]);
    check(rule, "b1 0, a1 1, d1 2", &["b1 a1 d1"]);
}
