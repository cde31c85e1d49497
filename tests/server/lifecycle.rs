//! From when to when a rule sees events, and what definitions leave untouched.

use crate::commands::rule_names;
use crate::seed::SEED;
use crate::support::{own, Options, Scene};

/// Runs a command about the rule `rule` in the scene's domain.
fn on_rule(scene: &mut Scene, command: &str) {
    scene.client.ok(&[command, "rule", "DOMAIN", &scene.domain]);
}

fn replace(scene: &mut Scene, text: &str) {
    scene.client.ok(&[
        "LEAFLET.RULE.ADD",
        "rule",
        text,
        "REPLACE",
        "DOMAIN",
        &scene.domain,
    ]);
}

#[test]
fn a_rule_sees_the_events_from_its_add_on() {
    let mut scene = Scene::new("add");
    scene.feed(&["before A@axon_1 1000"]);
    scene.rule("rule", SEED);
    scene.feed(&["b B@axon_2 1001"]);
    assert!(scene.matches().is_empty());
    scene.feed(&["a A@axon_1 1002"]);
    assert_eq!(scene.matches(), ["b a"]);
}

#[test]
fn a_paused_rule_sees_nothing_and_keeps_what_it_held() {
    let mut scene = Scene::new("pause");
    scene.rule("rule", SEED);
    scene.feed(&["a A@axon_1 1000"]);
    on_rule(&mut scene, "LEAFLET.RULE.PAUSE");
    on_rule(&mut scene, "LEAFLET.RULE.PAUSE");
    scene.feed(&["unseen_b B@axon_2 1001", "unseen_a A@axon_1 1002"]);
    assert!(scene.matches().is_empty());
    on_rule(&mut scene, "LEAFLET.RULE.RESUME");
    on_rule(&mut scene, "LEAFLET.RULE.RESUME");
    assert!(scene.matches().is_empty());
    scene.feed(&["b B@axon_2 1003"]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn a_rule_can_start_paused() {
    let mut scene = Scene::new("paused");
    scene.client.ok(&[
        "LEAFLET.RULE.ADD",
        "rule",
        SEED,
        "PAUSED",
        "DOMAIN",
        &scene.domain,
    ]);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001"]);
    on_rule(&mut scene, "LEAFLET.RULE.RESUME");
    scene.feed(&["b2 B@axon_2 1002"]);
    assert!(scene.matches().is_empty());
    scene.feed(&["a2 A@axon_1 1003"]);
    assert_eq!(scene.matches(), ["b2 a2"]);
}

#[test]
fn pausing_one_rule_leaves_the_others() {
    let mut scene = Scene::new("pause");
    scene.rule("rule", SEED);
    scene.rule("other", "MATCH B WITHIN 1s");
    on_rule(&mut scene, "LEAFLET.RULE.PAUSE");
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001"]);
    assert_eq!(scene.matches(), ["b"]);
}

#[test]
fn replacing_with_the_same_text_changes_nothing() {
    let mut scene = Scene::new("replace");
    scene.rule("rule", SEED);
    scene.rule("second", "MATCH Z WITHIN 1s");
    scene.feed(&["a A@axon_1 1000"]);
    replace(
        &mut scene,
        "match A@axon_1 and (B@axon_2) within 2s -- the same",
    );
    assert_eq!(rule_names(&mut scene), ["rule", "second"]);
    scene.feed(&["b B@axon_2 1001"]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn replacing_with_another_text_starts_afresh_and_keeps_the_place() {
    let mut scene = Scene::new("replace");
    scene.rule("rule", SEED);
    scene.rule("second", "MATCH B WITHIN 1s");
    scene.feed(&["a A@axon_1 1000"]);
    replace(&mut scene, "MATCH A@axon_1 AND B@axon_2 WITHIN 3s");
    assert_eq!(rule_names(&mut scene), ["rule", "second"]);
    scene.feed(&["b B@axon_2 1001"]);
    assert_eq!(scene.matches(), ["b"]);
    scene.feed(&["a2 A@axon_1 1002", "b2 B@axon_2 1003"]);
    assert_eq!(scene.matches(), ["b", "b a2", "b2"]);

    replace(&mut scene, "MATCH B@axon_2 WITHIN 3s");
    scene.feed(&["b3 B@axon_2 1004"]);
    let rules: Vec<_> = scene.out()[3..]
        .iter()
        .map(|entry| entry.get("correlation_rule").map(String::from))
        .collect();
    assert_eq!(rules, [Some("rule".into()), Some("second".into())]);
}

#[test]
fn replace_adds_a_rule_that_is_not_there() {
    let mut scene = Scene::new("replace");
    replace(&mut scene, SEED);
    assert_eq!(rule_names(&mut scene), ["rule"]);
}

#[test]
fn what_is_refused_changes_nothing() {
    let mut scene = Scene::new("refused");
    let domain = scene.domain.clone();
    scene.rule("rule", SEED);
    scene.feed(&["a A@axon_1 1000"]);
    for text in ["MATCH A AND WITHIN 2s", "MATCH A* WITHIN 1s"] {
        scene.client.refused_about(
            &[
                "LEAFLET.RULE.ADD",
                "rule",
                text,
                "REPLACE",
                "PAUSED",
                "DOMAIN",
                &domain,
            ],
            "column ",
        );
    }
    scene.client.refused_about(
        &[
            "LEAFLET.RULE.ADD",
            "rule",
            "MATCH C WITHIN 1s",
            "REPLACE",
            "DOMAIN",
            &domain,
            "NOW",
        ],
        "NOW",
    );
    let rule = scene
        .client
        .map(&["LEAFLET.RULE.GET", "rule", "DOMAIN", &domain]);
    assert_eq!(rule["text"], SEED);
    assert_eq!(rule_names(&mut scene), ["rule"]);
    scene.feed(&["b B@axon_2 1001"]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn a_deleted_rule_is_gone_with_what_it_held() {
    let mut scene = Scene::new("del");
    scene.rule("rule", SEED);
    scene.feed(&["a A@axon_1 1000"]);
    on_rule(&mut scene, "LEAFLET.RULE.DEL");
    scene.feed(&["b B@axon_2 1001"]);
    scene.rule("rule", SEED);
    scene.feed(&["b2 B@axon_2 1002"]);
    assert!(scene.matches().is_empty());
    scene.feed(&["a2 A@axon_1 1003"]);
    assert_eq!(scene.matches(), ["b2 a2"]);
}

#[test]
fn reset_forgets_windows_and_clocks_and_keeps_definitions() {
    for whole_domain in [true, false] {
        let mut scene = Scene::new("reset");
        let domain = scene.domain.clone();
        scene.rule("rule", SEED);
        scene.rule("other", "MATCH C -> D WITHIN 2s");
        scene.feed(&["a A@axon_1 5000", "c C@axon_3 5001"]);
        let mut command = vec!["LEAFLET.RESET", "DOMAIN", &domain];
        if !whole_domain {
            command.extend(["RULE", "rule"]);
        }
        scene.client.ok(&command);
        assert_eq!(rule_names(&mut scene), ["rule", "other"]);
        scene.feed(&["b B@axon_2 5002", "d D@axon_4 5003"]);
        let kept: &[&str] = if whole_domain { &[] } else { &["c d"] };
        assert_eq!(scene.matches(), kept);
    }
}

#[test]
fn reset_forgets_the_clock() {
    let mut scene = Scene::new("reset");
    scene.rule("rule", SEED);
    scene.feed(&["far A@axon_1 900000", "late B@axon_2 1000"]);
    scene.client.ok(&["LEAFLET.RESET", "DOMAIN", &scene.domain]);
    // Other keys, as a stream's ids only grow.
    scene.rule("more", "MATCH C -> D WITHIN 2s");
    scene.feed(&["c C@axon_3 2000", "d D@axon_4 2001"]);
    assert_eq!(scene.matches(), ["c d"]);
}

#[test]
fn flushing_clears_windows_and_keeps_definitions() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    for flush in ["FLUSHALL", "FLUSHDB"] {
        let mut scene = Scene::on(&server, "flush");
        scene.rule("rule", SEED);
        scene.feed(&["a A@axon_1 1000"]);
        scene.client.ok(&[flush]);
        assert_eq!(rule_names(&mut scene), ["rule"]);
        scene.feed(&["b B@axon_2 1001"]);
        assert!(scene.matches().is_empty(), "{flush}");
        scene.feed(&["a2 A@axon_1 1002"]);
        assert_eq!(scene.matches(), ["b a2"], "{flush}");
    }
}
