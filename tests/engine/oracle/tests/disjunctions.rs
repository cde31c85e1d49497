//! `p OR q`

use super::check;

#[test]
fn one_of_them_is_enough() {
    check("MATCH A OR B WITHIN 5ms", "a1 0, c1 1, b1 2", &["a1", "b1"]);
}

#[test]
fn a_longer_match_wins_over_its_beginning() {
    check("MATCH (A AND B) OR B WITHIN 5ms", "a1 0, b1 1", &["a1 b1"]);
    check("MATCH B OR (A AND B) WITHIN 5ms", "a1 0, b1 1", &["a1 b1"]);
    check("MATCH B OR (A AND B) WITHIN 5ms", "b1 0, a1 1", &["b1"]);
}

#[test]
fn the_branch_further_left_wins_for_the_same_event() {
    let rule = "MATCH ANY AS x OR A AS y WITHIN 5ms EMIT l = count(x), r = count(y)";
    check(rule, "a1 0", &["a1 l=1 r=0"]);
    let rule = "MATCH A AS x OR ANY AS y WITHIN 5ms EMIT l = count(x), r = count(y)";
    check(rule, "a1 0, b1 1", &["a1 l=1 r=0", "b1 l=0 r=1"]);
}

#[test]
fn the_branch_comes_before_the_age_of_what_stands_further_right() {
    let rule = "MATCH (A AS a OR B AS b) AND ANY AS y WITHIN 5ms EMIT y = y.event_id";
    check(rule, "b1 0, a1 1", &["b1 a1 y=b1"]);
    check(rule, "a1 0, b1 1", &["a1 b1 y=b1"]);
}

#[test]
fn of_a_branch_not_taken_fields_are_null() {
    let rule = "MATCH A OR B WHERE A.value IS NULL WITHIN 5ms";
    check(rule, "a1 0 value=1, b1 1 value=1", &["b1"]);
    let rule = "MATCH A OR B WHERE A.value > 0 WITHIN 5ms";
    check(rule, "a1 0 value=1, b1 1 value=1", &["a1"]);
}

#[test]
fn branches_stand_within_sequences() {
    let rule = "MATCH A -> B OR C -> D WITHIN 9ms";
    check(rule, "a1 0, b1 1, d1 2", &["a1 b1 d1"]);
    check(rule, "a1 0, c1 1, d1 2", &["a1 c1 d1"]);
    check(rule, "a1 0, d1 2", &[]);
    // The more recent of both.
    check(rule, "a1 0, b1 1, c1 2, d1 3", &["a1 c1 d1"]);
}

#[test]
fn branches_stand_within_conjunctions() {
    let rule = "MATCH A AND (B OR C) WITHIN 9ms";
    check(rule, "c1 0, a1 1", &["c1 a1"]);
    check(rule, "b1 0, c1 1, a1 2", &["c1 a1"]);
    check(rule, "b1 0, c1 1", &[]);
}

#[test]
fn branches_hold_patterns() {
    let rule = "MATCH (A -> B) OR (C AND D) WITHIN 9ms";
    check(rule, "d1 0, a1 1, c1 2, b1 3", &["d1 c1", "a1 b1"]);
}

#[test]
fn only_one_match_is_emitted_for_a_trigger() {
    let rule = "MATCH (A -> C) OR (B -> C) WITHIN 9ms";
    check(rule, "a1 0, b1 1, c1 2", &["b1 c1"]);
    check(rule, "a1 0, b1 1, c1 2, c2 3", &["b1 c1", "a1 c2"]);
}
