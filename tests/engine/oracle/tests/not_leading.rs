//! `NOT x -> p`

use super::check;

const CA: &str = "MATCH NOT C -> A WITHIN 5ms";
const CAB: &str = "MATCH NOT C -> A -> B WITHIN 5ms";

#[test]
fn nothing_of_the_kind_before() {
    check(CA, "a1 0", &["a1"]);
    check(CA, "c1 0, a1 3", &[]);
    check(CA, "d1 0, a1 3", &["a1"]);
}

#[test]
fn as_far_back_as_within() {
    check(CA, "c1 0, a1 5", &[]);
    check(CA, "c1 0, a1 6", &["a1"]);
}

#[test]
fn before_is_meant_in_processing_order() {
    check(CA, "a1 3, c1 1", &["a1"]);
    check(CA, "c1 3, a1 1", &[]);
    check(CA, "c1 3, a1 3", &[]);
}

#[test]
fn what_comes_after_the_first_event_does_not_matter() {
    check(CAB, "a1 0, c1 1, b1 2", &["a1 b1"]);
    check(CAB, "c1 0, a1 1, b1 2", &[]);
}

#[test]
fn what_it_needs_is_kept_longer_than_the_window() {
    check(CAB, "c1 0, a1 5, b1 10", &[]);
    check(CAB, "c1 0, a1 6, b1 10", &["a1 b1"]);
}

#[test]
fn another_beginning_may_do() {
    check(CAB, "a1 0, c1 1, a2 2, b1 3", &["a1 b1"]);
}

#[test]
fn the_event_itself_is_not_before() {
    check(
        "MATCH NOT A -> A WITHIN 5ms",
        "a1 0, a2 3, a3 9",
        &["a1", "a3"],
    );
    check(
        "MATCH NOT ANY -> A WITHIN 5ms",
        "a1 0, d1 6, a2 11, a3 17",
        &["a1", "a3"],
    );
}

#[test]
fn it_is_about_the_first_event_of_what_follows() {
    let rule = "MATCH NOT C -> A AND B WITHIN 5ms";
    check(rule, "a1 0, c1 1, b1 2", &["a1 b1"]);
    check(rule, "c1 0, b1 1, a1 2", &[]);
    let rule = "MATCH NOT C -> A+ -> B WITHIN 5ms";
    check(rule, "a1 0, c1 1, a2 2, b1 3", &["a1 a2 b1"]);
}

#[test]
fn it_may_stand_deeper() {
    let rule = "MATCH B AND (NOT C -> A) WITHIN 5ms";
    check(rule, "b1 0, c1 1, a1 2", &[]);
    check(rule, "a1 0, c1 1, b1 2", &["a1 b1"]);
    let rule = "MATCH B -> (NOT C -> A) OR D WITHIN 5ms";
    check(rule, "c1 0, b1 1, a1 2", &[]);
    check(rule, "c1 0, b1 1, d1 2", &["b1 d1"]);
}

#[test]
fn consumed_events_count() {
    let rule = "MATCH (NOT C -> A) OR C WITHIN 5ms";
    check(rule, "c1 0, a1 1", &["c1"]);
}

#[test]
fn what_is_late_does_not_count() {
    check(CA, "d1 10, c1 4, a1 9", &["a1"]);
    check(CA, "d1 10, c1 5, a1 9", &[]);
}

#[test]
fn conditions_and_partitions_hold() {
    let rule = "MATCH NOT C[value = 1] -> A PARTITION BY k WITHIN 5ms";
    check(
        rule,
        "c1 0 k=1 value=2, c2 1 k=2 value=1, a1 2 k=1, a2 3 k=2",
        &["a1"],
    );
}

#[test]
fn partition_consumption_forgets_what_was_seen() {
    let rule = "MATCH D OR (NOT C -> A) WITHIN 5ms CONSUME PARTITION";
    check(rule, "c1 0, a1 1, d1 2, a2 3", &["d1", "a2"]);
}
