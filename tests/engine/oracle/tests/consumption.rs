//! `CONSUME`, `HAVING` and `LIMIT`

use super::check;

#[test]
fn matched_events_are_used_up() {
    check("MATCH A -> B WITHIN 9ms", "a1 0, b1 1, b2 2", &["a1 b1"]);
    check(
        "MATCH A -> B WITHIN 9ms CONSUME MATCHED",
        "a1 0, b1 1, b2 2",
        &["a1 b1"],
    );
    check("MATCH A AND A WITHIN 9ms", "a1 0, a2 1, a3 2", &["a1 a2"]);
}

#[test]
fn none_uses_up_nothing() {
    let rule = "MATCH A -> B WITHIN 9ms CONSUME NONE";
    check(rule, "a1 0, b1 1, b2 2", &["a1 b1", "a1 b2"]);
    check(
        "MATCH A AND A WITHIN 9ms CONSUME NONE",
        "a1 0, a2 1, a3 2",
        &["a1 a2", "a2 a3"],
    );
}

#[test]
fn partition_forgets_all_up_to_the_trigger() {
    let rule = "MATCH A -> B WITHIN 9ms CONSUME PARTITION";
    check(rule, "a1 0, a2 1, b1 2, b2 3", &["a2 b1"]);
    check(rule, "a1 0, b1 1, a2 2, b2 3", &["a1 b1", "a2 b2"]);
}

#[test]
fn partition_forgets_its_own_only() {
    let rule = "MATCH A -> B PARTITION BY k WITHIN 9ms CONSUME PARTITION";
    let events = "a1 0 k=1, a2 1 k=2, a3 2 k=1, b1 3 k=1, b2 4 k=1, b3 5 k=2";
    check(rule, events, &["a3 b1", "a2 b3"]);
}

#[test]
fn rules_do_not_affect_each_other() {
    let rules = ["MATCH A -> B WITHIN 9ms", "MATCH A -> C OR B WITHIN 9ms"];
    let found = super::outputs(&rules, "a1 0, b1 1, c1 2");
    let found: Vec<String> = found.iter().map(|o| format!("{} {o}", o.rule)).collect();
    assert_eq!(found, ["rule_0 a1 b1", "rule_1 a1 b1"]);
}

#[test]
fn having_is_tested_on_the_selected_match() {
    let rule = "MATCH A -> B WITHIN 9ms HAVING sum(*.value) > 4";
    // The selected a2 does not do, and a1 is not tried.
    check(rule, "a1 0 value=5, a2 1 value=1, b1 2 value=1", &[]);
    check(rule, "a1 0 value=1, a2 1 value=5, b1 2 value=1", &["a2 b1"]);
}

#[test]
fn what_having_refuses_is_not_consumed() {
    let rule = "MATCH A -> B WITHIN 9ms HAVING sum(*.value) > 4";
    check(rule, "a1 0 value=2, b1 1 value=1, b2 2 value=3", &["a1 b2"]);
    let rule = "MATCH A -> B WITHIN 9ms CONSUME PARTITION HAVING sum(*.value) > 4";
    check(rule, "a1 0 value=2, b1 1 value=1, b2 2 value=3", &["a1 b2"]);
    // Unknown is not TRUE.
    check(
        "MATCH A WITHIN 9ms HAVING A.value > 0",
        "a1 0, a2 1 value=1",
        &["a2"],
    );
}

#[test]
fn limit_counts_triggers_in_its_time() {
    let rule = "MATCH A WITHIN 9ms LIMIT 2 PER 5ms";
    check(
        rule,
        "a1 0, a2 1, a3 2, a4 4, a5 5, a6 6",
        &["a1", "a2", "a5", "a6"],
    );
}

#[test]
fn what_is_limited_does_not_count_but_is_consumed() {
    let rule = "MATCH A -> B WITHIN 20ms LIMIT 1 PER 5ms";
    check(
        rule,
        "a1 0, a2 0, a3 0, b1 1, b2 2, b3 6",
        &["a3 b1", "a1 b3"],
    );
    let rule = "MATCH A -> B WITHIN 20ms CONSUME PARTITION LIMIT 1 PER 5ms";
    check(rule, "a1 0, b1 1, a2 2, b2 3, b3 9", &["a1 b1"]);
}

#[test]
fn limits_hold_for_each_partition() {
    let rule = "MATCH A PARTITION BY k WITHIN 9ms LIMIT 1 PER 5ms";
    check(
        rule,
        "a1 0 k=1, a2 1 k=2, a3 2 k=1, a4 3 k=2",
        &["a1", "a2"],
    );
}

#[test]
fn limits_outlive_what_a_partition_forgets() {
    let rule = "MATCH A WITHIN 9ms CONSUME PARTITION LIMIT 1 PER 5ms";
    check(rule, "a1 0, a2 1, a3 5", &["a1", "a3"]);
}

#[test]
fn limit_counts_only_triggers_up_to_its_own_time() {
    // At 2 nothing was emitted between -3 and 2.
    let rule = "MATCH A WITHIN 9ms LIMIT 1 PER 5ms";
    check(rule, "a1 4, a2 2, a3 5", &["a1", "a2"]);
}

#[test]
fn deadlines_count_by_their_own_time() {
    let rule = "MATCH A -> NOT B FOR 3ms WITHIN 9ms LIMIT 1 PER 3ms";
    check(rule, "a1 0, a2 2, a3 3, d1 20", &["a1", "a3"]);
}
