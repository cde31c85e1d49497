//! `p -> NOT x FOR d` at the end

use super::{check, outputs};

const AB: &str = "MATCH A -> NOT B FOR 3ms WITHIN 5ms";

#[test]
fn it_ends_when_the_clock_is_past_the_deadline() {
    check(AB, "a1 0", &[]);
    check(AB, "a1 0, d1 3", &[]);
    check(AB, "a1 0, d1 4", &["a1"]);
    assert_eq!(outputs(&[AB], "a1 0, d1 9")[0].time, 1_003);
}

#[test]
fn up_to_and_including_the_deadline() {
    check(AB, "a1 0, b1 3, d1 9", &[]);
    check(AB, "a1 0, b1 4", &["a1"]);
    check(AB, "a1 0, b1 0, d1 9", &[]);
    check(AB, "b1 0, a1 0, d1 9", &["a1"]);
}

#[test]
fn after_is_meant_in_processing_order() {
    check(AB, "a1 3, b1 1, d1 9", &[]);
}

#[test]
fn each_last_event_has_its_own_deadline() {
    check(AB, "a1 0, a2 1, d1 9", &["a1", "a2"]);
    check(AB, "a1 0, a2 1, d1 4, b1 4, d2 9", &["a1"]);
    check(AB, "a2 1, a1 0, d1 9", &["a1", "a2"]);
}

#[test]
fn a_deadline_behind_the_clock_is_met_by_the_next_event() {
    let rule = "MATCH A -> NOT B FOR 3ms WITHIN 9ms";
    check(rule, "d1 10, a1 5", &[]);
    check(rule, "d1 10, a1 5, d2 6", &["a1"]);
    check(rule, "d1 10, a1 5, b1 6", &["a1"]);
    // At 7 its deadline is not behind the clock.
    check(rule, "d1 10, a1 7, b1 8, d2 20", &[]);
}

#[test]
fn it_may_wait_longer_than_the_window() {
    let rule = "MATCH A -> B -> NOT C FOR 20ms WITHIN 5ms";
    check(rule, "a1 0, b1 2, d1 15, d2 22", &[]);
    check(rule, "a1 0, b1 2, d1 15, d2 23", &["a1 b1"]);
    check(rule, "a1 0, b1 2, d1 15, c1 22, d2 23", &[]);
    // What had left the window when the last event came is not kept.
    check(rule, "a1 0, b1 6, d1 40", &[]);
}

#[test]
fn what_is_consumed_meanwhile_is_not_a_source() {
    let rule = "MATCH A -> B -> NOT C FOR 3ms WITHIN 9ms";
    check(rule, "a1 0, b1 1, b2 2, d1 9", &["a1 b1"]);
    let rule = "MATCH A -> B -> NOT C FOR 3ms WITHIN 9ms CONSUME NONE";
    check(rule, "a1 0, b1 1, b2 2, d1 9", &["a1 b1", "a1 b2"]);
}

#[test]
fn later_events_are_not_part_of_it() {
    let rule = "MATCH A+ -> NOT B FOR 3ms WITHIN 9ms CONSUME NONE";
    check(rule, "a1 0, a2 1, d1 9", &["a1", "a1 a2"]);
}

#[test]
fn events_and_deadlines_can_both_end_a_match() {
    let rule = "MATCH A -> (B -> NOT C FOR 3ms) OR D WITHIN 9ms";
    check(rule, "a1 0, d1 1", &["a1 d1"]);
    check(rule, "a1 0, b1 1, d1 2, d2 9", &["a1 d1"]);
    check(rule, "a1 0, b1 1, d1 5", &["a1 b1"]);
    // The same set of sources ends at two triggers.
    let rule = "MATCH A OR (A -> NOT B FOR 3ms) WITHIN 9ms CONSUME NONE";
    check(rule, "a1 0, d1 9", &["a1", "a1"]);
    let rule = "MATCH A OR (A -> NOT B FOR 3ms) WITHIN 9ms";
    check(rule, "a1 0, d1 9", &["a1"]);
}

#[test]
fn deadlines_come_before_the_matches_of_the_event() {
    let rule = "MATCH (A -> NOT B FOR 3ms) OR D WITHIN 9ms";
    check(rule, "a1 0, d1 4", &["a1", "d1"]);
    check(rule, "a1 0, d1 3, c1 4", &["d1", "a1"]);
}

#[test]
fn deadlines_of_rules_come_in_the_order_of_time() {
    let slow = "MATCH A -> NOT B FOR 4ms WITHIN 9ms";
    let quick = "MATCH A -> NOT B FOR 3ms WITHIN 9ms";
    let order = |rules: &[&str], events| {
        let outputs = outputs(rules, events);
        let order = outputs.iter().map(|o| format!("{} {o}", o.rule));
        order.collect::<Vec<_>>()
    };
    assert_eq!(
        order(&[slow, quick], "a1 0, c1 9"),
        ["rule_1 a1", "rule_0 a1"]
    );
    assert_eq!(
        order(&[slow, slow], "a1 0, c1 9"),
        ["rule_0 a1", "rule_1 a1"]
    );
    // The same deadline: by the last event, then by rule.
    assert_eq!(
        order(&[slow, quick], "a1 0, a2 1, c1 9"),
        ["rule_1 a1", "rule_0 a1", "rule_1 a2", "rule_0 a2"]
    );
}

#[test]
fn partition_consumption_forgets_pending_deadlines() {
    let rule = "MATCH A -> NOT B FOR 3ms WITHIN 9ms CONSUME PARTITION";
    check(rule, "a1 0, a2 1, d1 9", &["a1"]);
    check(rule, "a1 0, a2 1, d1 4, a3 5, d2 9", &["a1", "a3"]);
    let rule = "MATCH (A -> NOT B FOR 3ms) OR D PARTITION BY k WITHIN 9ms CONSUME PARTITION";
    check(rule, "a1 0 k=1, a2 0 k=2, d1 1 k=1, c1 9", &["d1", "a2"]);
}

#[test]
fn consumed_events_and_partitions_count_as_elsewhere() {
    let rule = "MATCH (A -> NOT B FOR 3ms) OR B PARTITION BY k WITHIN 9ms";
    check(rule, "a1 0 k=1, b1 1 k=1, d1 9", &["b1"]);
    check(rule, "a1 0 k=1, b1 1 k=2, d1 9", &["b1", "a1"]);
}

#[test]
fn a_leading_not_goes_with_it() {
    let rule = "MATCH NOT C -> A -> NOT B FOR 3ms WITHIN 5ms";
    check(rule, "a1 0, d1 9", &["a1"]);
    check(rule, "c1 0, a1 5, d1 9", &[]);
    check(rule, "c1 0, a1 6, c2 7, d1 10", &["a1"]);
}
