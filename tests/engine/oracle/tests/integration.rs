//! `INTEGRATE`

use super::{check, outputs};

#[test]
fn it_fires_at_the_threshold() {
    let rule = "INTEGRATE A DECAY 10ms THRESHOLD 2 WITHIN 50ms";
    check(rule, "a1 0", &[]);
    check(rule, "a1 0, b1 0, a2 0", &["a1 a2"]);
    check(rule, "a1 0, a2 0, a3 0, a4 0", &["a1 a2", "a3 a4"]);
}

#[test]
fn the_level_decays() {
    // 1 + exp(-1) = 1.37, and one more 2.37.
    let rule = "INTEGRATE A DECAY 10ms THRESHOLD 2 WITHIN 50ms EMIT l = round(level * 100)";
    check(rule, "a1 0, a2 10, a3 10", &["a1 a2 a3 l=237"]);
    // 1 + exp(-2) = 1.14, + 0.5 = 1.64
    let rule = "INTEGRATE A WEIGHT 1, B WEIGHT 0.5 DECAY 10ms THRESHOLD 1.5 WITHIN 50ms EMIT l = round(level * 100)";
    check(rule, "a1 0, a2 20, b1 20", &["a1 a2 b1 l=164"]);
}

#[test]
fn time_that_goes_back_decays_nothing() {
    let rule = "INTEGRATE A DECAY 10ms THRESHOLD 2 WITHIN 50ms";
    check(rule, "a1 20, a2 10", &["a1 a2"]);
    // Nor does the way back up: from 20 to 20 nothing passed.
    let rule = "INTEGRATE A DECAY 10ms THRESHOLD 3 WITHIN 50ms";
    check(rule, "a1 20, a2 10, a3 20", &["a1 a2 a3"]);
}

#[test]
fn weights_are_expressions() {
    let rule = "INTEGRATE A WEIGHT value / 2 DECAY 10ms THRESHOLD 2 WITHIN 50ms";
    check(rule, "a1 0 value=1, a2 0 value=3", &["a1 a2"]);
    check(rule, "a1 0 value=4", &["a1"]);
    check(rule, "a1 0 value=5, a2 0 value=-3, a3 0 value=2", &["a1"]);
    check(
        rule,
        "a1 0 value=3, a2 0 value=-3, a3 0 value=3, a4 0 value=1",
        &["a1 a2 a3 a4"],
    );
}

#[test]
fn null_is_no_contribution() {
    let rule = "INTEGRATE A WEIGHT value DECAY 10ms THRESHOLD 2 WITHIN 50ms";
    check(
        rule,
        "a1 0 value=1, a2 0, a3 0 value=x, a4 0 value=1",
        &["a1 a4"],
    );
}

#[test]
fn of_several_atoms_the_first_that_fits() {
    let rule = "INTEGRATE A[value > 1] WEIGHT 2, ANY WEIGHT 0.5 DECAY 10ms THRESHOLD 2 WITHIN 50ms";
    check(rule, "a1 0 value=2", &["a1"]);
    check(rule, "a1 0 value=1, b1 0, b2 0, b3 0", &["a1 b1 b2 b3"]);
}

#[test]
fn from_counts_different_axons() {
    let rule = "INTEGRATE ANY DECAY 100ms THRESHOLD 0.5 FROM 2 AXONS WITHIN 10ms";
    check(rule, "a1@1 0, b1@1 0, a2@2 0", &["a1 b1 a2"]);
    // The contribution of axon_1 is no longer within 10 ms.
    check(rule, "a1@1 0, a2@2 11", &[]);
    check(rule, "a1@1 0, a2@2 10", &["a1 a2"]);
}

#[test]
fn sources_are_those_within_the_window() {
    let rule = "INTEGRATE A DECAY 1000ms THRESHOLD 2.5 WITHIN 10ms";
    check(rule, "a1 0, a2 5, a3 12", &["a2 a3"]);
}

#[test]
fn firing_starts_afresh() {
    let rule = "INTEGRATE ANY DECAY 1000ms THRESHOLD 2 FROM 2 AXONS WITHIN 50ms";
    check(
        rule,
        "a1@1 0, a2@2 0, a3@1 0, a4@1 0, a5@2 0",
        &["a1 a2", "a3 a4 a5"],
    );
}

#[test]
fn reset_subtract_keeps_the_rest() {
    let zero = "INTEGRATE A WEIGHT value DECAY 1000ms THRESHOLD 2 RESET ZERO WITHIN 50ms";
    check(zero, "a1 0 value=3.5, a2 0 value=1", &["a1"]);
    let subtract = "INTEGRATE A WEIGHT value DECAY 1000ms THRESHOLD 2 RESET SUBTRACT WITHIN 50ms EMIT l = level";
    check(
        subtract,
        "a1 0 value=3.5, a2 0 value=1",
        &["a1 l=3.5", "a2 l=2.5"],
    );
}

#[test]
fn the_refractory_period_adds_up_and_does_not_fire() {
    let rule = "INTEGRATE A DECAY 1000ms THRESHOLD 1 REFRACTORY 5ms WITHIN 50ms";
    check(rule, "a1 0, a2 1, a3 4, a4 5", &["a1", "a2 a3 a4"]);
    check(
        rule,
        "a1 0, a2 1, a3 4, a4 5, a5 9, a6 10",
        &["a1", "a2 a3 a4", "a5 a6"],
    );
}

#[test]
fn levels_are_kept_by_partition() {
    let rule = "INTEGRATE A DECAY 1000ms THRESHOLD 2 PARTITION BY k WITHIN 50ms";
    check(rule, "a1 0 k=1, a2 0 k=2, a3 0, a4 0 k=1", &["a1 a4"]);
}

#[test]
fn limits_hold() {
    let rule = "INTEGRATE A DECAY 1000ms THRESHOLD 2 WITHIN 50ms LIMIT 1 PER 5ms";
    check(
        rule,
        "a1 0, a2 0, a3 1, a4 1, a5 5, a6 5",
        &["a1 a2", "a5 a6"],
    );
}

#[test]
fn confidence_and_value() {
    let rule = "INTEGRATE A WEIGHT value DECAY 1000ms THRESHOLD 1 WITHIN 50ms EMIT n = count(*), v = last(A.value)";
    let found = &outputs(&[rule], "a1 0 value=0.5, a2 0 value=2.5")[0];
    assert_eq!(found.to_string(), "a1 a2 n=2 v=2.5");
    assert_eq!(
        (found.value.as_deref(), found.confidence.as_deref()),
        (Some("1.5"), Some("0.75"))
    );
}

#[test]
fn what_is_late_is_not_used() {
    let rule = "INTEGRATE A DECAY 1000ms THRESHOLD 2 WITHIN 5ms";
    check(rule, "a1 10, a2 4, a3 10", &["a1 a3"]);
}

#[test]
fn at_most_64_sources() {
    let events: Vec<String> = (0..70).map(|n| format!("a{n} 0")).collect();
    let rule = "INTEGRATE A DECAY 1000ms THRESHOLD 70 WITHIN 5ms";
    let found = &outputs(&[rule], &events.join(", "))[0];
    assert_eq!(found.sources.len(), 64);
    assert_eq!(
        (found.sources[0].as_str(), found.sources[63].as_str()),
        ("a6", "a69")
    );
}
