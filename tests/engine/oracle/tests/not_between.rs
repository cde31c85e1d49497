//! `p -> NOT x -> q`

use super::check;

const ACB: &str = "MATCH A -> NOT C -> B WITHIN 9ms";

#[test]
fn nothing_of_the_kind_between() {
    check(ACB, "a1 0, b1 1", &["a1 b1"]);
    check(ACB, "a1 0, c1 1, b1 2", &[]);
    check(ACB, "a1 0, d1 1, b1 2", &["a1 b1"]);
}

#[test]
fn before_and_after_do_not_matter() {
    check(ACB, "c1 0, a1 1, b1 2, c2 3", &["a1 b1"]);
    check(ACB, "c1 0, a1 0, b1 0", &["a1 b1"]);
}

#[test]
fn another_beginning_may_do() {
    check(ACB, "a1 0, c1 1, a2 2, b1 3", &["a2 b1"]);
    check(ACB, "a1 0, c1 1, a2 2, b1 3, b2 4", &["a2 b1"]);
}

#[test]
fn between_is_meant_in_processing_order() {
    check(ACB, "a1 3, c1 1, b1 4", &[]);
    check(ACB, "a1 3, c1 8, b1 4", &[]);
}

#[test]
fn what_completes_is_not_between() {
    let rule = "MATCH A -> NOT B -> B WITHIN 9ms CONSUME NONE";
    check(rule, "a1 0, b1 1, b2 2", &["a1 b1"]);
    let rule = "MATCH A -> NOT ANY -> B WITHIN 9ms";
    check(rule, "a1 0, b1 1", &["a1 b1"]);
    check(rule, "a1 0, d1 1, b1 2", &[]);
}

#[test]
fn it_ends_at_the_first_event_of_what_follows() {
    let rule = "MATCH A -> NOT C -> B+ WITHIN 9ms CONSUME NONE";
    check(rule, "a1 0, b1 1, c1 2, b2 3", &["a1 b1", "a1 b1 b2"]);
    let rule = "MATCH A -> NOT C -> B AND D WITHIN 9ms";
    check(rule, "a1 0, b1 1, c1 2, d1 3", &["a1 b1 d1"]);
    check(rule, "a1 0, c1 1, b1 2, d1 3", &[]);
}

#[test]
fn it_begins_at_the_last_event_of_what_goes_before() {
    let rule = "MATCH A+ -> NOT C -> B WITHIN 9ms";
    check(rule, "a1 0, c1 1, a2 2, b1 3", &["a1 a2 b1"]);
    let rule = "MATCH A AND D -> NOT C -> B WITHIN 9ms";
    check(rule, "a1 0, c1 1, d1 2, b1 3", &["a1 d1 b1"]);
    check(rule, "a1 0, d1 1, c1 2, b1 3", &[]);
}

#[test]
fn consumed_events_count() {
    let rule = "MATCH (A -> NOT C -> B) OR C WITHIN 9ms";
    check(rule, "a1 0, c1 1, b1 2", &["c1"]);
}

#[test]
fn sources_of_the_match_count() {
    let rule = "MATCH (A -> NOT C -> B) AND C WITHIN 9ms";
    check(rule, "a1 0, c1 1, b1 2", &[]);
    check(rule, "c1 0, a1 1, b1 2", &["c1 a1 b1"]);
}

#[test]
fn conditions_axons_and_partitions_hold() {
    let rule = "MATCH A -> NOT C@axon_1[value > 1] -> B PARTITION BY k WITHIN 9ms";
    check(
        rule,
        "a1 0 k=1, c1@2 1 k=1 value=2, c2 2 k=1 value=1, c3 3 k=2 value=2, b1 4 k=1",
        &["a1 b1"],
    );
    check(rule, "a1 0 k=1, c1 1 k=1 value=2, b1 4 k=1", &[]);
}

#[test]
fn what_is_late_does_not_count() {
    let rule = "MATCH A -> NOT C -> B WITHIN 5ms";
    check(rule, "a1 10, d1 14, c1 8, b1 14", &["a1 b1"]);
    check(rule, "a1 10, d1 14, c1 9, b1 14", &[]);
}

#[test]
fn what_was_seen_counts_though_it_left_the_window() {
    let rule = "MATCH A -> NOT C -> B WITHIN 5ms";
    check(rule, "a1 10, c1 7, b1 14", &[]);
}

#[test]
fn there_may_be_more_than_one() {
    let rule = "MATCH A -> NOT C -> B -> NOT D -> A WITHIN 9ms";
    check(rule, "a1 0, d1 1, b1 2, c1 3, a2 4", &["a1 b1 a2"]);
    check(rule, "a1 0, b1 2, d1 3, a2 4", &[]);
}

#[test]
fn partition_consumption_forgets_what_was_seen() {
    // c1 is forgotten together with a1.
    let rule = "MATCH (A -> NOT C -> B) OR D WITHIN 9ms CONSUME PARTITION";
    check(rule, "a1 0, c1 1, d1 2, a2 3, b1 4", &["d1", "a2 b1"]);
    check(rule, "a1 0, d1 2, b1 4", &["d1"]);
}
