//! `p -> q`, the window, and processing order.

use super::check;

const AB: &str = "MATCH A -> B WITHIN 5ms";

#[test]
fn the_left_comes_before_the_right() {
    check(AB, "a1 0, b1 1", &["a1 b1"]);
    check(AB, "b1 0, a1 1", &[]);
}

#[test]
fn other_events_may_come_between() {
    check(AB, "a1 0, c1 1, b1 2", &["a1 b1"]);
}

#[test]
fn arrival_decides_and_not_time() {
    check(AB, "a1 3, b1 3", &["a1 b1"]);
    check(AB, "b1 3, a1 3", &[]);
    check(AB, "a1 3, b1 1", &["a1 b1"]);
    check(AB, "b1 3, a1 1", &[]);
}

#[test]
fn different_events_fill_different_atoms() {
    check("MATCH A -> A WITHIN 5ms", "a1 0", &[]);
    check(
        "MATCH A -> A WITHIN 5ms",
        "a1 0, a2 1, a3 2, a4 3",
        &["a1 a2", "a3 a4"],
    );
}

#[test]
fn the_most_recent_partner_is_taken() {
    check(AB, "a1 0, a2 1, b1 2, b2 3, b3 4", &["a2 b1", "a1 b2"]);
    let three = "MATCH A -> B -> C WITHIN 9ms";
    check(three, "a1 0, b1 1, a2 2, b2 3, c1 4", &["a2 b2 c1"]);
    check(three, "a1 0, b1 1, a2 2, c1 3", &["a1 b1 c1"]);
}

#[test]
fn the_span_is_at_most_within() {
    check(AB, "a1 0, b1 5", &["a1 b1"]);
    check(AB, "a1 0, b1 6", &[]);
    check("MATCH A -> B -> C WITHIN 5ms", "a1 0, b1 3, c1 6", &[]);
}

#[test]
fn events_leave_the_window_by_the_clock_of_the_leaflet() {
    // At 6 a1 is out of the window, though it and b1 are 5 apart.
    check(AB, "a1 0, c1 6, b1 5", &[]);
    check(AB, "a1 0, c1 5, b1 5", &["a1 b1"]);
    // Another axon, another type: the clock is the leaflet's.
    check(AB, "a1 0, d1@3 6, b1@2 5", &[]);
}

#[test]
fn what_is_late_is_not_used() {
    check(AB, "c1 10, a1 4, b1 9", &[]);
    check(AB, "c1 10, a1 5, b1 9", &["a1 b1"]);
    check(AB, "a1 10, b1 4", &[]);
    check(AB, "a1 10, b1 5", &["a1 b1"]);
}

#[test]
fn axons_and_conditions_restrict_atoms() {
    let rule = "MATCH A@axon_1 -> A@axon_2 WITHIN 5ms";
    check(rule, "a1@1 0, a2@1 1, a3@2 2", &["a2 a3"]);
    let rule = "MATCH A[value > 1] -> B WITHIN 5ms";
    check(rule, "a1 0 value=2, a2 1 value=1, a3 2, b1 3", &["a1 b1"]);
    check(
        "MATCH ANY@'axon_*' -> B WITHIN 5ms",
        "c1@3 0, b1 1",
        &["c1 b1"],
    );
}

#[test]
fn sequences_nest() {
    let rule = "MATCH A -> (B AND C) -> D WITHIN 9ms";
    check(rule, "a1 0, c1 1, b1 2, d1 3", &["a1 c1 b1 d1"]);
    check(rule, "c1 0, a1 1, b1 2, d1 3", &[]);
}

#[test]
fn partitions_are_matched_for_themselves() {
    let rule = "MATCH A -> B PARTITION BY k WITHIN 5ms";
    check(
        rule,
        "a1 0 k=1, a2 1 k=2, b1 2 k=1, b2 3 k=2",
        &["a1 b1", "a2 b2"],
    );
    check(rule, "a1 0 k=1, b1 1 k=2", &[]);
    // NULL is no partition.
    check(rule, "a1 0, b1 1", &[]);
    let two = "MATCH A -> B PARTITION BY k, metadata.m WITHIN 5ms";
    let same =
        r#"a1 0 k=1 metadata={"m":"x"}, b1 1 k=1 metadata={"m":"y"}, b2 2 k=1 metadata={"m":"x"}"#;
    check(two, same, &["a1 b2"]);
}

#[test]
fn tags_are_leaflets_of_their_own() {
    check(AB, "a1@1{x} 0, b1@1{y} 1, b2@2{x} 2", &["a1 b2"]);
    // Each has its own clock.
    check(AB, "a1@1{x} 0, c1@1{y} 9, b1@2{x} 2", &["a1 b1"]);
}
