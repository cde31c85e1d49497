//! One leaflet for each hash tag.

use crate::schema::event_id;
use crate::seed::SEED;
use crate::support::{Entry, Scene};

/// Creates a domain with this output and gives the scene.
fn scene_with_output(output: &str) -> (Scene, String) {
    let mut scene = Scene::new("tags");
    let name = scene.key("tagged");
    let (axons, output) = (scene.key("in_*"), scene.key(output));
    scene.client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &name,
        "AXONS",
        &axons,
        "OUTPUT",
        &output,
    ]);
    scene.client.ok(&[
        "LEAFLET.RULE.ADD",
        "seed",
        "MATCH A@in_1 AND B@in_2 WITHIN 2s",
        "DOMAIN",
        &name,
    ]);
    (scene, name)
}

fn sources(scene: &mut Scene, output: &str) -> Vec<String> {
    let key = scene.key(output);
    scene
        .client
        .entries(&key)
        .iter()
        .map(Entry::sources)
        .collect()
}

#[test]
fn a_tagged_leaflet_has_its_own_output() {
    let mut scene = Scene::new("tags");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1{site7} 1000", "b B@axon_2{site7} 1500"]);
    assert!(scene.matches().is_empty());
    let key = scene.key("out{site7}");
    let out = scene.client.entries(&key);
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].sources(), "a b");
    let (a, b) = (scene.key("axon_1{site7}"), scene.key("axon_2{site7}"));
    let sources = [(a.as_str(), "1000-0"), (b.as_str(), "1500-0")];
    assert_eq!(
        out[0].get("event_id"),
        Some(event_id(&scene.domain, "site7", "seed", SEED, &sources).as_str())
    );
    let lineage: serde_json::Value =
        serde_json::from_str(out[0].get("lineage").expect("lineage")).expect("JSON");
    assert_eq!(lineage["axon_1"]["stream"], a.as_str());
    assert_eq!(lineage["axon_2"]["stream"], b.as_str());
}

#[test]
fn tags_do_not_mix() {
    let mut scene = Scene::new("tags");
    scene.rule("seed", SEED);
    scene.feed(&[
        "a1 A@axon_1{one} 1000",
        "b2 B@axon_2{two} 1001",
        "b0 B@axon_2 1002",
    ]);
    assert_eq!(scene.stat("leaflets"), 3);
    for output in ["out", "out{one}", "out{two}"] {
        assert!(sources(&mut scene, output).is_empty(), "{output}");
    }
    scene.feed(&[
        "a2 A@axon_1{two} 1003",
        "a0 A@axon_1 1004",
        "b1 B@axon_2{one} 1005",
    ]);
    assert_eq!(sources(&mut scene, "out"), ["b0 a0"]);
    assert_eq!(sources(&mut scene, "out{one}"), ["a1 b1"]);
    assert_eq!(sources(&mut scene, "out{two}"), ["b2 a2"]);
}

#[test]
fn each_leaflet_has_its_own_clock() {
    let mut scene = Scene::new("tags");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1{old} 1000", "x X@axon_1{new} 900000"]);
    scene.feed(&["y A@axon_1{new} 900001", "b B@axon_2{old} 1001"]);
    assert_eq!(sources(&mut scene, "out{old}"), ["a b"]);
}

#[test]
fn the_tag_may_stand_anywhere_in_the_key() {
    let (mut scene, name) = scene_with_output("res");
    scene.feed(&["a A@i{t}n_1 1000", "b B@in_{t}2 1001"]);
    assert_eq!(sources(&mut scene, "res{t}"), ["a b"]);
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &name]);
}

#[test]
fn braces_in_the_output_take_the_tag() {
    let (mut scene, name) = scene_with_output("res:{}:end");
    scene.feed(&["a A@in_1{t} 1000", "b B@in_2{t} 1001"]);
    scene.feed(&["a0 A@in_1 1000", "b0 B@in_2 1001"]);
    assert_eq!(sources(&mut scene, "res:{t}:end"), ["a b"]);
    assert_eq!(sources(&mut scene, "res::end"), ["a0 b0"]);
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &name]);
}

#[test]
fn an_empty_tag_is_none_and_only_the_first_counts() {
    let mut scene = Scene::new("tags");
    scene.rule("pair", "MATCH A AND B WITHIN 2s");
    scene.feed(&["a A@axon_1{} 1000", "b B@axon_2 1001"]);
    assert_eq!(sources(&mut scene, "out"), ["a b"]);
    scene.feed(&["a A@axon_1{x}{y} 1000", "b B@axon_2{x} 1001"]);
    assert_eq!(sources(&mut scene, "out{x}"), ["a b"]);
}

#[test]
fn what_has_left_the_window_takes_no_memory() {
    let mut scene = Scene::new("tags");
    scene.rule("seed", SEED);
    assert_eq!(scene.stat("leaflets"), 0);
    scene.feed(&["a A@axon_1{t} 1000"]);
    assert_eq!(scene.stat("leaflets"), 1);
    assert_eq!(scene.stat("window_events"), 1);
    assert!(scene.stat("window_bytes") > 0);
    scene.feed(&["x X@axon_1{t} 900000"]);
    assert_eq!(scene.stat("window_events"), 0);
    assert_eq!(scene.stat("window_bytes"), 0);
}
