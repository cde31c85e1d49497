//! Every operator of the rule language once on a server. What they mean is proven elsewhere, against an oracle.

use crate::support::{check, own, Entry, Options, Scene};

/// Runs one rule over these events; what it emits.
fn emitted(rule: &str, events: &[&str]) -> Vec<Entry> {
    let mut scene = Scene::new("operators");
    scene.rule("rule", rule);
    scene.feed(events);
    scene.out()
}

/// The fields that a rule has added to an integrated event, `name=value` with blanks between.
fn own_fields(entry: &Entry) -> String {
    let lineage = entry.fields.iter().position(|(name, _)| name == "lineage");
    let own = &entry.fields[lineage.expect("lineage") + 1..];
    let texts: Vec<String> = own
        .iter()
        .map(|(name, value)| format!("{name}={value}"))
        .collect();
    texts.join(" ")
}

#[test]
fn a_repetition_takes_all_it_can_and_is_summed_up() {
    let out = emitted(
        "MATCH Fail{3,} AS f -> Ok AS o PARTITION BY user WITHIN 60s CONSUME PARTITION \
         EMIT n = count(f), first = first(f.ip), last = f.ip, worst = max(f.value), by = o.user",
        &[
            "f1 Fail@axon_1 1000 user=ada ip=a value=3",
            "f2 Fail@axon_1 2000 user=ada ip=b value=9",
            "g1 Fail@axon_1 2500 user=bob ip=x value=1",
            "f3 Fail@axon_2 3000 user=ada ip=c value=5",
            "f4 Fail@axon_1 4000 user=ada ip=d value=1",
            "h Ok@axon_1 4500 user=bob",
            "o Ok@axon_1 5000 user=ada",
            "o2 Ok@axon_1 5001 user=ada",
        ],
    );
    assert_eq!(out.len(), 1, "{out:#?}");
    assert_eq!(out[0].sources(), "f1 f2 f3 f4 o");
    assert_eq!(own_fields(&out[0]), "n=4 first=a last=d worst=9 by=ada");
    assert_eq!(out[0].get("integrated_value"), Some("4.5"));
    let lineage: serde_json::Value =
        serde_json::from_str(out[0].get("lineage").expect("lineage")).expect("JSON");
    let keys: Vec<&String> = lineage.as_object().expect("a map").keys().collect();
    assert_eq!(
        keys,
        ["axon_1", "axon_1#2", "axon_1#3", "axon_1#4", "axon_2"]
    );
}

#[test]
fn quantifiers_that_may_take_nothing() {
    check(
        "MATCH A -> B* -> C WITHIN 10s",
        &[
            "a1 A@axon_1 1000",
            "c1 C@axon_1 1001",
            "a2 A@axon_1 1002",
            "b1 B@axon_1 1003",
            "b2 B@axon_1 1004",
            "c2 C@axon_1 1005",
        ],
        &["a1 c1", "a2 b1 b2 c2"],
    );
    let out = emitted(
        "MATCH A -> B? AS b -> C WITHIN 10s EMIT n = count(b), value_of_b = b.value",
        &["a A@axon_1 1000", "c C@axon_1 1001"],
    );
    assert_eq!(own_fields(&out[0]), "n=0", "{out:#?}");
}

#[test]
fn n_of_some() {
    let rule = "MATCH 2 OF (Smoke, Heat[t > 60], Co) PARTITION BY room WITHIN 10s";
    check(
        rule,
        &[
            "cold Heat@axon_2 1000 room=1 t=20",
            "s Smoke@axon_1 1001 room=1",
            "elsewhere Co@axon_3 1002 room=2",
            "h Heat@axon_2 1003 room=1 t=61",
            "co Co@axon_3 1004 room=1",
            "h2 Heat@axon_2 1005 room=1 t=99",
        ],
        &["s h", "co h2"],
    );
}

#[test]
fn one_branch_of_or() {
    check(
        "MATCH A -> (B AND C OR D) WITHIN 10s",
        &[
            "a1 A@axon_1 1000",
            "c C@axon_1 1001",
            "b B@axon_1 1002",
            "a2 A@axon_1 1003",
            "d D@axon_1 1004",
        ],
        &["a1 c b", "a2 d"],
    );
}

#[test]
fn first_takes_the_oldest() {
    check(
        "MATCH A -> B WITHIN 10s SELECT FIRST",
        &[
            "a1 A@axon_1 1000",
            "a2 A@axon_1 1001",
            "b1 B@axon_2 1002",
            "b2 B@axon_2 1003",
        ],
        &["a1 b1", "a2 b2"],
    );
}

#[test]
fn all_gives_every_match_in_one_xadd_best_first() {
    let mut scene = Scene::new("all");
    scene.rule(
        "rule",
        "MATCH A -> B WITHIN 10s SELECT ALL EMIT n = count(*)",
    );
    scene.feed(&["a1 A@axon_1 1000", "a2 A@axon_1 1001", "a3 A@axon_1 1002"]);
    assert!(scene.matches().is_empty());
    scene.feed(&["b B@axon_2 1003"]);
    assert_eq!(scene.matches(), ["a3 b", "a2 b", "a1 b"]);
    // With ALL nothing is used up.
    scene.feed(&["b2 B@axon_2 1004"]);
    assert_eq!(scene.matches()[3..], ["a3 b2", "a2 b2", "a1 b2"]);
    let ids: std::collections::BTreeSet<String> = scene
        .out()
        .iter()
        .filter_map(|entry| entry.get("event_id").map(String::from))
        .collect();
    assert_eq!(ids.len(), 6);
    assert_eq!(scene.stat("matches"), 6);
}

#[test]
fn all_stops_at_the_setting_and_counts_what_it_cuts() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "all");
    let name = "leaflet.max-matches-per-trigger";
    assert_eq!(scene.client.map(&["CONFIG", "GET", name])[name], "128");
    scene.client.ok(&["CONFIG", "SET", name, "2"]);
    scene.rule("rule", "MATCH A -> B WITHIN 10s SELECT ALL");
    scene.feed(&["a1 A@axon_1 1000", "a2 A@axon_1 1001", "b1 B@axon_2 1002"]);
    assert_eq!(scene.matches(), ["a2 b1", "a1 b1"]);
    assert_eq!(scene.stat("matches_cut"), 0);
    scene.feed(&["a3 A@axon_1 1003", "b2 B@axon_2 1004"]);
    assert_eq!(scene.matches()[2..], ["a3 b2", "a2 b2"]);
    assert_eq!(scene.stat("matches_cut"), 1);
    scene.client.ok(&["CONFIG", "SET", name, "3"]);
    scene.feed(&["b3 B@axon_2 1005"]);
    assert_eq!(scene.matches()[4..], ["a3 b3", "a2 b3", "a1 b3"]);
    assert_eq!(scene.stat("matches_cut"), 1);
    for wrong in ["0", "100001", "many"] {
        scene.client.refused(&["CONFIG", "SET", name, wrong]);
    }
}

#[test]
fn integrate_fires_at_a_level_and_starts_afresh() {
    let out = emitted(
        "INTEGRATE A@axon_1 WEIGHT value/100, B@axon_2 WEIGHT 0.5, ANY@axon_3 WEIGHT 0.2 \
         DECAY 500ms THRESHOLD 1.0 FROM 2 AXONS REFRACTORY 1s WITHIN 2s \
         EMIT level = level, n = count(*)",
        &[
            "a1 A@axon_1 1000 value=100",
            "x Any@axon_3 1000",
            // The refractory period is not over; what comes now counts for later.
            "b1 B@axon_2 1999",
            "b2 B@axon_2 1999",
            "a2 A@axon_1 2000 value=10",
            "b3 B@axon_2 2000",
        ],
    );
    let sources: Vec<String> = out.iter().map(Entry::sources).collect();
    assert_eq!(sources, ["a1 x", "b1 b2 a2"]);
    assert_eq!(own_fields(&out[0]), "level=1.2 n=2");
    let confidence: f64 = out[0]
        .get("confidence")
        .and_then(|text| text.parse().ok())
        .expect("a number");
    assert!((confidence - 1.2 / 2.2).abs() < 1e-12, "{confidence}");
    let level: f64 = own_fields(&out[1])
        .strip_prefix("level=")
        .and_then(|rest| rest.split(' ').next())
        .and_then(|text| text.parse().ok())
        .expect("a number");
    assert!(
        (level - ((-1.0f64 / 500.0).exp() + 0.1)).abs() < 1e-12,
        "{level}"
    );
}

#[test]
fn integrate_lowers_the_level_where_the_rule_says_so() {
    check(
        "INTEGRATE A WEIGHT value DECAY 1d THRESHOLD 10 RESET SUBTRACT WITHIN 1h",
        &[
            "a1 A@axon_1 1000 value=19",
            "a2 A@axon_1 1000 value=0.5",
            "a3 A@axon_1 1000 value=0.5",
        ],
        &["a1", "a2 a3"],
    );
}

#[test]
fn integrate_lists_the_newest_sources_up_to_a_setting() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "sources");
    let name = "leaflet.max-sources";
    assert_eq!(scene.client.map(&["CONFIG", "GET", name])[name], "64");
    scene.client.ok(&["CONFIG", "SET", name, "3"]);
    scene.rule("rule", "INTEGRATE A DECAY 1d THRESHOLD 4.5 WITHIN 1h");
    scene.feed(&["a1 A@axon_1 1000", "a2 A@axon_1 1000", "a3 A@axon_1 1000"]);
    scene.feed(&["a4 A@axon_1 1000", "a5 A@axon_1 1000"]);
    assert_eq!(scene.matches(), ["a3 a4 a5"]);
    for wrong in ["0", "100001", "many"] {
        scene.client.refused(&["CONFIG", "SET", name, wrong]);
    }
}

#[test]
fn not_in_between() {
    check(
        "MATCH A AS a -> NOT X[value > 5] -> B AS b PARTITION BY k WITHIN 10s",
        &[
            "a1 A@axon_1 1000 k=1",
            "x X@axon_3 1001 k=1 value=9",
            "b1 B@axon_2 1002 k=1",
            "a2 A@axon_1 1003 k=1",
            "small X@axon_3 1004 k=1 value=1",
            "other X@axon_3 1005 k=2 value=9",
            "b2 B@axon_2 1006 k=1",
        ],
        &["a2 b2"],
    );
}

#[test]
fn not_before() {
    check(
        "MATCH NOT Warm -> A WITHIN 1s",
        &[
            "a1 A@axon_1 1000",
            "w Warm@axon_2 2000",
            "a2 A@axon_1 2500",
            "a3 A@axon_1 3000",
            "a4 A@axon_1 3001",
        ],
        &["a1", "a4"],
    );
}

#[test]
fn not_for_some_time_is_met_by_a_later_event() {
    check(
        "MATCH Order -> NOT Ship FOR 1h PARTITION BY order_id WITHIN 1h",
        &[
            "o1 Order@axon_1 1000 order_id=1",
            "o2 Order@axon_1 2000 order_id=2",
            "s2 Ship@axon_2 3000 order_id=2",
            "later Noise@axon_3 3601001",
        ],
        &["o1"],
    );
}
