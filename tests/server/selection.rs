//! Which match counts, what it uses up, and what is let out: SELECT, CONSUME, HAVING, LIMIT, EMIT.

use crate::support::{check, Scene};

#[test]
fn last_takes_the_most_recent_partners() {
    let events = [
        "a1 A@axon_1 1000",
        "a2 A@axon_1 1001",
        "b1 B@axon_2 1002",
        "b2 B@axon_2 1003",
        "c C@axon_3 1004",
    ];
    check("MATCH A -> B -> C WITHIN 10s", &events, &["a2 b2 c"]);
    check(
        "MATCH A -> B -> C WITHIN 10s SELECT LAST",
        &events,
        &["a2 b2 c"],
    );
}

#[test]
fn last_compares_newest_first_whatever_atom_an_event_fills() {
    // Taking the newest A first would give a2 and b2; but b1 is newer than either.
    check(
        "MATCH A AND B -> C WHERE A.k = B.k WITHIN 10s",
        &[
            "a1 A@axon_1 1000 k=1",
            "b2 B@axon_2 1001 k=2",
            "a2 A@axon_1 1002 k=2",
            "b1 B@axon_2 1003 k=1",
            "c C@axon_3 1004",
        ],
        &["a1 b1 c"],
    );
}

#[test]
fn last_prefers_the_longer_of_two_where_one_is_a_prefix() {
    check(
        "MATCH (A AND B) OR B WITHIN 10s",
        &["a A@axon_1 1000", "b B@axon_2 1001"],
        &["a b"],
    );
}

#[test]
fn consume_matched_is_the_default() {
    let events = [
        "a1 A@axon_1 1000",
        "a2 A@axon_1 1001",
        "b1 B@axon_2 1002",
        "b2 B@axon_2 1003",
        "b3 B@axon_2 1004",
    ];
    check("MATCH A -> B WITHIN 10s", &events, &["a2 b1", "a1 b2"]);
    let explicit = "MATCH A -> B WITHIN 10s CONSUME MATCHED";
    check(explicit, &events, &["a2 b1", "a1 b2"]);
}

#[test]
fn consume_none_uses_nothing_up() {
    check(
        "MATCH A -> B WITHIN 10s CONSUME NONE",
        &[
            "a1 A@axon_1 1000",
            "a2 A@axon_1 1001",
            "b1 B@axon_2 1002",
            "b2 B@axon_2 1003",
        ],
        &["a2 b1", "a2 b2"],
    );
}

#[test]
fn consume_partition_forgets_the_partition_and_no_other() {
    check(
        "MATCH A -> B PARTITION BY k WITHIN 10s CONSUME PARTITION",
        &[
            "a1 A@axon_1 1000 k=1",
            "a2 A@axon_1 1001 k=1",
            "other A@axon_1 1002 k=2",
            "b1 B@axon_2 1003 k=1",
            "b2 B@axon_2 1004 k=1",
            "b3 B@axon_2 1005 k=2",
        ],
        &["a2 b1", "other b3"],
    );
}

#[test]
fn rules_do_not_use_up_each_others_events_and_fire_in_the_order_added() {
    let mut scene = Scene::new("rules");
    scene.rule("zebra", "MATCH A -> B WITHIN 10s");
    scene.rule("ant", "MATCH A -> B WITHIN 10s CONSUME PARTITION");
    scene.rule("mole", "MATCH B WITHIN 10s");
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001"]);
    let fired: Vec<_> = scene
        .out()
        .iter()
        .map(|entry| {
            (
                entry.get("correlation_rule").map(String::from),
                entry.sources(),
            )
        })
        .collect();
    let expected = [("zebra", "a b"), ("ant", "a b"), ("mole", "b")]
        .map(|(rule, sources)| (Some(rule.to_string()), sources.to_string()));
    assert_eq!(fired, expected);
}

#[test]
fn having_keeps_a_match_from_being_emitted_and_used_up() {
    check(
        "MATCH A AS a -> B AS b WITHIN 10s HAVING sum(*.value) > 100",
        &[
            "a A@axon_1 1000 value=40",
            "b1 B@axon_2 1001 value=50",
            "b2 B@axon_2 1002 value=61",
        ],
        &["a b2"],
    );
    // HAVING tests the selected match; it does not look for another.
    check(
        "MATCH A AS a -> B AS b WITHIN 10s HAVING a.value > 100",
        &[
            "a1 A@axon_1 1000 value=200",
            "a2 A@axon_1 1001 value=1",
            "b1 B@axon_2 1002",
        ],
        &[],
    );
    check(
        "MATCH A WITHIN 1s HAVING A.missing > 1",
        &["a A@axon_1 1"],
        &[],
    );
}

#[test]
fn limit_lets_n_out_per_duration_and_partition() {
    let mut scene = Scene::new("limit");
    scene.rule("rule", "MATCH A PARTITION BY k WITHIN 1s LIMIT 2 PER 10s");
    scene.feed(&[
        "a1 A@axon_1 1000 k=1",
        "a2 A@axon_1 2000 k=1",
        "a3 A@axon_1 3000 k=1",
        "b1 A@axon_1 3500 k=2",
        "a4 A@axon_1 10999 k=1",
        "a5 A@axon_1 11000 k=1",
        "a6 A@axon_1 11001 k=1",
        "a7 A@axon_1 12000 k=1",
    ]);
    assert_eq!(scene.matches(), ["a1", "a2", "b1", "a5", "a7"]);
    assert_eq!(scene.stat("limited"), 3);
    assert_eq!(scene.stat("matches"), 8);
    assert_eq!(scene.stat("emitted"), 5);
}

#[test]
fn a_limited_match_uses_its_events_up() {
    check(
        "MATCH A -> B WITHIN 100s LIMIT 1 PER 10s",
        &[
            "a1 A@axon_1 1000",
            "a2 A@axon_1 1001",
            "b1 B@axon_2 1002",
            "b2 B@axon_2 1003",
            "b3 B@axon_2 20000",
        ],
        &["a2 b1"],
    );
}

#[test]
fn emit_adds_fields_in_its_order() {
    let mut scene = Scene::new("emit");
    scene.rule(
        "rule",
        "MATCH A AS a -> B AS b WITHIN 10s EMIT user = b.user, difference = b.value - a.value, \
         third = a.value / 3, whole = a.value * 2.5, gone = a.missing, \
         n = count(*), none = count(a.missing), nothing = sum(a.missing), \
         mean = avg(*.value), first = first(*.value), last = last(*.value), \
         low = min(*.value), high = max(*.value)",
    );
    scene.feed(&[
        "a A@axon_1 1000 value=10",
        "b B@axon_2 1001 value=30 user=ada",
    ]);
    let out = scene.out();
    assert_eq!(out.len(), 1);
    let emitted: Vec<_> = out[0].fields[8..]
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    assert_eq!(
        emitted,
        [
            ("user", "ada"),
            ("difference", "20"),
            ("third", "3.3333333333333335"),
            ("whole", "25"),
            ("n", "2"),
            ("none", "0"),
            ("mean", "20"),
            ("first", "10"),
            ("last", "30"),
            ("low", "10"),
            ("high", "30"),
        ]
    );
}

#[test]
fn emit_replaces_value_and_confidence() {
    for (emit, value, confidence) in [
        (
            "value = a.value * 10, confidence = 0.25",
            Some("70"),
            Some("0.25"),
        ),
        ("confidence = 7", Some("7"), Some("1")),
        ("confidence = -0.5, value = 'high'", Some("high"), Some("0")),
        ("value = a.missing", None, Some("1")),
    ] {
        let mut scene = Scene::new("emit");
        scene.rule("rule", &format!("MATCH A AS a WITHIN 1s EMIT {emit}"));
        scene.feed(&["a A@axon_1 1000 value=7"]);
        let out = scene.out();
        assert_eq!(out.len(), 1, "{emit}");
        assert_eq!(out[0].get("integrated_value"), value, "{emit}");
        assert_eq!(out[0].get("confidence"), confidence, "{emit}");
        assert_eq!(out[0].get("value"), None, "{emit}");
    }
}
