//! `SELECT LAST`, `FIRST` and `ALL`

use super::{check, outputs};

#[test]
fn first_takes_the_oldest_partners() {
    let rule = "MATCH A -> B WITHIN 9ms SELECT FIRST";
    check(rule, "a1 0, a2 1, b1 2, b2 3", &["a1 b1", "a2 b2"]);
    let rule = "MATCH A -> B -> C WITHIN 9ms SELECT FIRST";
    check(
        rule,
        "a1 0, b1 1, a2 2, b2 3, c1 4, c2 5",
        &["a1 b1 c1", "a2 b2 c2"],
    );
}

#[test]
fn oldest_means_processing_order() {
    let rule = "MATCH A -> B WITHIN 9ms SELECT FIRST";
    check(rule, "a1 3, a2 1, b1 4", &["a1 b1"]);
    check("MATCH A -> B WITHIN 9ms", "a1 3, a2 1, b1 4", &["a2 b1"]);
}

#[test]
fn first_takes_all_it_can() {
    let rule = "MATCH A+ -> B WITHIN 9ms SELECT FIRST";
    check(rule, "a1 0, a2 1, b1 2", &["a1 a2 b1"]);
    let rule = "MATCH A{1,2} -> B WITHIN 9ms SELECT FIRST";
    check(rule, "a1 0, a2 1, a3 2, b1 3", &["a1 a2 b1"]);
    let rule = "MATCH (A AND B) OR B WITHIN 9ms SELECT FIRST";
    check(rule, "a1 0, b1 1", &["a1 b1"]);
}

#[test]
fn first_compares_the_oldest_first() {
    // a1 is the oldest of all and only fits with b2.
    let rule = "MATCH A AND B -> C WHERE A.k = B.k WITHIN 9ms SELECT FIRST";
    check(
        rule,
        "a1 0 k=1, b1 1 k=2, a2 2 k=2, b2 3 k=1, c1 4",
        &["a1 b2 c1"],
    );
    // The older of two, even where the newer would be a longer list.
    let rule = "MATCH A -> B? -> C -> D WITHIN 9ms SELECT FIRST";
    check(rule, "a1 0, c1 1, a2 2, b1 3, c2 4, d1 5", &["a1 c1 d1"]);
}

#[test]
fn all_takes_every_set_best_first() {
    let rule = "MATCH A -> B WITHIN 9ms SELECT ALL";
    check(rule, "a1 0, a2 1, b1 2", &["a2 b1", "a1 b1"]);
    check(
        rule,
        "a1 0, a2 1, b1 2, b2 3",
        &["a2 b1", "a1 b1", "a2 b2", "a1 b2"],
    );
}

#[test]
fn all_orders_as_last_does() {
    let rule = "MATCH A+ -> B WITHIN 9ms SELECT ALL";
    check(rule, "a1 0, a2 1, b1 2", &["a1 a2 b1", "a2 b1", "a1 b1"]);
    let rule = "MATCH A? -> B WITHIN 9ms SELECT ALL";
    check(rule, "a1 0, a2 1, b1 2", &["a2 b1", "a1 b1", "b1"]);
}

#[test]
fn a_set_of_sources_counts_once() {
    let rule = "MATCH ANY AS x AND ANY AS y WITHIN 9ms SELECT ALL EMIT x = x.event_id";
    check(rule, "b1 0, a1 1", &["b1 a1 x=b1"]);
    let rule = "MATCH ANY AS x OR A AS y WITHIN 9ms SELECT ALL EMIT x = count(x)";
    check(rule, "a1 0", &["a1 x=1"]);
}

#[test]
fn all_tests_having_on_each() {
    let rule = "MATCH A -> B WITHIN 9ms SELECT ALL HAVING sum(*.value) > 2";
    check(
        rule,
        "a1 0 value=1, a2 1 value=2, a3 2 value=3, b1 3 value=0",
        &["a3 b1"],
    );
}

#[test]
fn all_can_forget_the_partition() {
    let rule = "MATCH A -> B WITHIN 9ms SELECT ALL CONSUME PARTITION";
    check(
        rule,
        "a1 0, a2 1, b1 2, b2 3, a3 4, b3 5",
        &["a2 b1", "a1 b1", "a3 b3"],
    );
    let rule = "MATCH A -> B WITHIN 9ms SELECT ALL CONSUME PARTITION HAVING count(*) > 5";
    check(rule, "a1 0, b1 1", &[]);
}

#[test]
fn all_is_limited_one_by_one() {
    let rule = "MATCH A -> B WITHIN 9ms SELECT ALL LIMIT 2 PER 5ms";
    check(rule, "a1 0, a2 1, a3 2, b1 3", &["a3 b1", "a2 b1"]);
}

#[test]
fn all_stops_at_128() {
    // 8 events give 255 sets.
    let events: Vec<String> = (0..8).map(|n| format!("a{n} 0")).collect();
    let events = format!("{}, b1 1", events.join(", "));
    let rule = "MATCH A+ -> B WITHIN 9ms SELECT ALL";
    let found = outputs(&[rule], &events);
    assert_eq!(found.len(), 128);
    // Those with a7 come first, the longest of them before all others and the shortest last.
    assert_eq!(found[0].to_string(), "a0 a1 a2 a3 a4 a5 a6 a7 b1");
    assert_eq!(found[127].to_string(), "a7 b1");
}

#[test]
fn all_ends_at_deadlines_too() {
    let rule = "MATCH A -> B -> NOT C FOR 2ms WITHIN 9ms SELECT ALL";
    check(rule, "a1 0, a2 1, b1 2, d1 9", &["a2 b1", "a1 b1"]);
}

#[test]
fn one_match_at_a_trigger() {
    check(
        "MATCH A -> B WITHIN 9ms CONSUME NONE",
        "a1 0, a2 1, b1 2",
        &["a2 b1"],
    );
    check(
        "MATCH A -> B WITHIN 9ms SELECT FIRST CONSUME NONE",
        "a1 0, a2 1, b1 2",
        &["a1 b1"],
    );
}
