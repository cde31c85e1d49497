//! Each construct of the language: what it finds and what it leaves.

use crate::support::{check, Scene};

#[test]
fn followed_by_needs_the_order() {
    let rule = "MATCH A -> B WITHIN 10s";
    check(rule, &["a A@axon_1 1000", "b B@axon_1 1001"], &["a b"]);
    check(rule, &["b B@axon_1 1000", "a A@axon_1 1001"], &[]);
}

#[test]
fn order_is_arrival_not_time() {
    let rule = "MATCH A -> B WITHIN 10s";
    check(rule, &["a A@axon_1 2000", "b B@axon_2 1000"], &["a b"]);
    check(rule, &["b B@axon_2 2000", "a A@axon_1 1000"], &[]);
}

#[test]
fn other_events_may_come_between() {
    check(
        "MATCH A -> B -> C WITHIN 10s",
        &[
            "a A@axon_1 1000",
            "x X@axon_1 1001",
            "b B@axon_2 1002",
            "y Y@axon_2 1003",
            "c C@axon_3 1004",
        ],
        &["a b c"],
    );
}

#[test]
fn the_window_spans_the_whole_match() {
    let rule = "MATCH A -> B -> C WITHIN 2s";
    check(
        rule,
        &["a A@axon_1 1000", "b B@axon_1 2000", "c C@axon_1 3000"],
        &["a b c"],
    );
    check(
        rule,
        &["a A@axon_1 1000", "b B@axon_1 2000", "c C@axon_1 3001"],
        &[],
    );
}

#[test]
fn and_takes_any_order() {
    let rule = "MATCH A AND B AND C WITHIN 10s";
    check(
        rule,
        &["c C@axon_3 1000", "a A@axon_1 1001", "b B@axon_2 1002"],
        &["c a b"],
    );
    check(rule, &["c C@axon_3 1000", "a A@axon_1 1001"], &[]);
}

#[test]
fn and_needs_different_events() {
    let rule = "MATCH A AS x AND A AS y WITHIN 10s";
    check(rule, &["a1 A@axon_1 1000"], &[]);
    check(rule, &["a1 A@axon_1 1000", "a2 A@axon_1 1001"], &["a1 a2"]);
}

#[test]
fn or_takes_one_of_them() {
    let rule = "MATCH A OR B WITHIN 1s";
    check(
        rule,
        &["a A@axon_1 1000", "b B@axon_2 1001", "c C@axon_3 1002"],
        &["a", "b"],
    );
}

#[test]
fn and_binds_before_or_and_or_before_followed_by() {
    let and_or = "MATCH A AND B OR C WITHIN 10s";
    check(and_or, &["c C@axon_3 1000"], &["c"]);
    check(and_or, &["a A@axon_1 1000"], &[]);
    check(and_or, &["b B@axon_1 1000", "a A@axon_1 1001"], &["b a"]);

    let or_then = "MATCH A OR B -> C WITHIN 10s";
    check(or_then, &["a A@axon_1 1000"], &[]);
    check(or_then, &["a A@axon_1 1000", "c C@axon_3 1001"], &["a c"]);
    check(or_then, &["b B@axon_1 1000", "c C@axon_3 1001"], &["b c"]);
}

#[test]
fn parentheses_group() {
    let rule = "MATCH A AND (B OR C) WITHIN 10s";
    check(rule, &["c C@axon_3 1000"], &[]);
    check(rule, &["c C@axon_3 1000", "a A@axon_1 1001"], &["c a"]);

    let rule = "MATCH (A -> B) AND C WITHIN 10s";
    check(
        rule,
        &["c C@axon_3 1000", "b B@axon_1 1001", "a A@axon_1 1002"],
        &[],
    );
    check(
        rule,
        &["a A@axon_1 1000", "c C@axon_3 1001", "b B@axon_1 1002"],
        &["a c b"],
    );
}

#[test]
fn any_takes_every_type_and_an_axon_can_be_a_glob() {
    check(
        "MATCH ANY@axon_2 WITHIN 1s",
        &["x X@axon_1 1000", "y Y@axon_2 1001", "z Z@axon_2 1002"],
        &["y", "z"],
    );
    check(
        "MATCH A@'axon_1*' WITHIN 1s",
        &["a1 A@axon_1 1000", "a2 A@axon_2 1001", "a10 A@axon_10 1002"],
        &["a1", "a10"],
    );
}

#[test]
fn types_may_be_quoted() {
    check(
        "MATCH 'order.created' -> 'order-paid' WITHIN 1s",
        &["c order.created@axon_1 1000", "p order-paid@axon_1 1001"],
        &["c p"],
    );
}

#[test]
fn a_predicate_sees_its_event() {
    check(
        "MATCH A[value > 10 AND unit = 'C'] WITHIN 1s",
        &[
            "low A@axon_1 1000 value=10 unit=C",
            "other A@axon_1 1001 value=11 unit=F",
            "missing A@axon_1 1002 unit=C",
            "text A@axon_1 1003 value=high unit=C",
            "hit A@axon_1 1004 value=10.5 unit=C",
            "exponent A@axon_1 1005 value=1.1e1 unit=C",
        ],
        &["hit", "exponent"],
    );
}

#[test]
fn a_predicate_reaches_into_metadata() {
    let mut scene = Scene::new("metadata");
    scene.rule("rule", "MATCH A[metadata.user.id = 7] WITHIN 1s");
    for (id, metadata) in [
        ("seven", r#"{"user":{"id":7}}"#),
        ("text", r#"{"user":{"id":"7"}}"#),
        ("eight", r#"{"user":{"id":8}}"#),
        ("none", "{}"),
        ("broken", r#"{"user":{"id":7}"#),
        ("list", "[7]"),
    ] {
        let fields = [("type", "A"), ("event_id", id), ("metadata", metadata)];
        scene.add("axon_1", "*", &fields);
    }
    assert_eq!(scene.matches(), ["seven", "text"]);
}

#[test]
fn sql_expressions() {
    // Each holds for this event alone.
    let event = "e A@axon_1 1000 n=7 m=3 name=Ada_L zero=0 list=b";
    for condition in [
        "n + m * 2 = 13",
        "(n + m) * 2 = 20",
        "n / 2 = 3.5",
        "-n = 0 - 7",
        "n % 4 = 3",
        "n / zero IS NULL",
        "missing IS NULL",
        "n IS NOT NULL",
        "n != m AND NOT n != 7.0",
        "n >= 7 AND n <= 7 AND NOT n < 7",
        "n BETWEEN 7 AND 8",
        "n NOT BETWEEN 8 AND 9",
        "list IN ('a', 'b')",
        "list NOT IN ('a', 'c')",
        "name LIKE 'Ada%'",
        "name LIKE '_da!_L' ESCAPE '!'",
        "name NOT LIKE 'ada%'",
        "lower(name) = 'ada_l' AND UPPER(name) = 'ADA_L'",
        "length(name) = 5",
        "abs(m - n) = 4",
        "round(n / 2) = 4 AND floor(n / 2) = 3 AND ceil(n / 2) = 4",
        "coalesce(missing, n) = 7",
        "least(n, m) = 3 AND greatest(n, m) = 7",
        "TRUE OR missing",
        "NOT (FALSE AND missing)",
    ] {
        check(&format!("MATCH A[{condition}] WITHIN 1s"), &[event], &["e"]);
    }
    for condition in [
        "missing = 1",
        "NOT (missing = 1)",
        "missing = other",
        "name > 3",
        "name LIKE 'ada%'",
        "n NOT IN (1, missing)",
        "FALSE AND n = 7",
    ] {
        check(&format!("MATCH A[{condition}] WITHIN 1s"), &[event], &[]);
    }
}

#[test]
fn where_sees_every_event_of_the_match() {
    check(
        "MATCH A AS a -> B AS b WHERE b.value > a.value WITHIN 10s",
        &[
            "a1 A@axon_1 1000 value=50",
            "b1 B@axon_2 1001 value=40",
            "b2 B@axon_2 1002 value=60",
        ],
        &["a1 b2"],
    );
}

#[test]
fn where_looks_for_an_older_partner_when_the_newest_does_not_fit() {
    check(
        "MATCH A -> B WHERE A.user = B.user WITHIN 10s",
        &[
            "ada A@axon_1 1000 user=ada",
            "bob A@axon_1 1001 user=bob",
            "b B@axon_2 1002 user=ada",
        ],
        &["ada b"],
    );
}

#[test]
fn a_comparison_with_a_missing_field_does_not_hold() {
    check(
        "MATCH A AS a -> B AS b WHERE a.ip != b.ip WITHIN 10s",
        &["a A@axon_1 1000", "b B@axon_2 1001 ip=1"],
        &[],
    );
}

#[test]
fn partitions_do_not_mix() {
    let rule = "MATCH A -> B PARTITION BY user WITHIN 10s";
    check(
        rule,
        &[
            "ada A@axon_1 1000 user=ada",
            "bob A@axon_1 1001 user=bob",
            "nobody A@axon_1 1002",
            "b_none B@axon_2 1003",
            "b_eve B@axon_2 1004 user=eve",
            "b_bob B@axon_2 1005 user=bob",
            "b_ada B@axon_2 1006 user=ada",
        ],
        &["bob b_bob", "ada b_ada"],
    );
}

#[test]
fn partitions_by_several_paths() {
    check(
        "MATCH A -> B PARTITION BY room, floor WITHIN 10s",
        &[
            "a A@axon_1 1000 room=1 floor=1",
            "x B@axon_2 1001 room=1 floor=2",
            "y B@axon_2 1002 room=1",
            "b B@axon_2 1003 room=1 floor=1",
        ],
        &["a b"],
    );
}

#[test]
fn durations_in_every_unit() {
    for (unit, ms) in [
        ("ms", 1),
        ("s", 1_000),
        ("m", 60_000),
        ("h", 3_600_000),
        ("d", 86_400_000_u64),
    ] {
        let rule = format!("MATCH A -> B WITHIN 3{unit}");
        let inside = format!("b B@axon_2 {}", 1000 + 3 * ms);
        check(&rule, &["a A@axon_1 1000", &inside], &["a b"]);
        let outside = format!("b B@axon_2 {}", 1001 + 3 * ms);
        check(&rule, &["a A@axon_1 1000", &outside], &[]);
    }
}

#[test]
fn keywords_in_any_case_names_as_they_are() {
    check(
        "match A as x -> B as Y where x.v = Y.v partition by k within 1S select last -- as ever",
        &["a A@axon_1 1000 v=1 k=1", "b B@axon_1 1001 v=1 k=1"],
        &["a b"],
    );
    check(
        "MATCH a -> B WITHIN 1s",
        &["a A@axon_1 1", "b B@axon_1 2"],
        &[],
    );
}

#[test]
fn three_way_convergence() {
    check(
        "MATCH A@axon_1 AND B@axon_2 AND C@axon_3 WITHIN 5s",
        &[
            "a1 A@axon_1 1000",
            "b1 B@axon_2 2000",
            "a2 A@axon_1 3000",
            "c1 C@axon_3 4000",
            "c2 C@axon_3 4500",
            "b2 B@axon_2 5000",
        ],
        // The most recent A; then c2 and b2 have only the older a1, still inside the window.
        &["b1 a2 c1", "a1 c2 b2"],
    );
}
