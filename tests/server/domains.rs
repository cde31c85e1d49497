//! Domains beside each other.

use crate::seed::SEED;
use crate::support::{own, Client, Options, Scene};

#[test]
fn an_output_that_is_an_own_axon_is_refused() {
    let mut scene = Scene::new("loop");
    let name = scene.key("new");
    let (axons, inside) = (scene.key("x*"), scene.key("x_out"));
    for (axons, output) in [
        (axons.as_str(), inside.as_str()),
        (&inside, &inside),
        ("*", &inside),
        // Its leaflets' outputs would be axons.
        (&axons, &format!("{}{{}}", scene.key("x"))),
    ] {
        let command = [
            "LEAFLET.DOMAIN.CREATE",
            &name,
            "AXONS",
            axons,
            "OUTPUT",
            output,
        ];
        scene.client.refused_about(&command, "axon");
    }
    scene.client.refused_with(
        &["LEAFLET.DOMAIN.INFO", &name],
        &format!("ERR LEAFLET: no such domain '{name}'"),
    );
}

#[test]
fn two_domains_share_an_axon() {
    let mut scene = Scene::new("share");
    let (name, out) = (scene.key("second"), scene.key("second_out"));
    let axons = scene.key("axon_*");
    scene.client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &name,
        "AXONS",
        &axons,
        "OUTPUT",
        &out,
    ]);
    scene.rule("rule", SEED);
    scene
        .client
        .ok(&["LEAFLET.RULE.ADD", "rule", SEED, "DOMAIN", &name]);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001"]);
    assert_eq!(scene.matches(), ["a b"]);
    let second = scene.client.entries(&out);
    assert_eq!(second.len(), 1);
    assert_eq!(second[0].sources(), "a b");
    let key = (scene.key("axon_1"), scene.key("axon_2"));
    let sources = [(key.0.as_str(), "1000-0"), (key.1.as_str(), "1001-0")];
    assert_eq!(
        second[0].get("event_id"),
        Some(crate::schema::event_id(&name, "", "rule", SEED, &sources).as_str())
    );
    assert_ne!(second[0].get("event_id"), scene.out()[0].get("event_id"));
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &name]);
}

#[test]
fn two_domains_share_an_output() {
    let mut scene = Scene::new("share");
    let name = scene.key("second");
    let (axons, out) = (scene.key("other_*"), scene.key("out"));
    scene.client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &name,
        "AXONS",
        &axons,
        "OUTPUT",
        &out,
    ]);
    scene.rule("here", "MATCH A WITHIN 1s");
    scene.client.ok(&[
        "LEAFLET.RULE.ADD",
        "there",
        "MATCH A WITHIN 1s",
        "DOMAIN",
        &name,
    ]);
    scene.feed(&["a1 A@axon_1 1000", "a2 A@other_1 1001", "a3 A@axon_1 1002"]);
    assert_eq!(scene.matches(), ["a1", "a2", "a3"]);
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &name]);
}

#[test]
fn an_axon_is_a_glob() {
    let mut scene = Scene::new("glob");
    let name = scene.key("globs");
    let (list, set, single) = (scene.key("l_[ab]?"), scene.key("plain"), scene.key("x\\*y"));
    let out = scene.key("globs_out");
    scene.client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &name,
        "AXONS",
        &list,
        &set,
        &single,
        "OUTPUT",
        &out,
    ]);
    scene.client.ok(&[
        "LEAFLET.RULE.ADD",
        "r",
        "MATCH A WITHIN 1s",
        "DOMAIN",
        &name,
    ]);
    scene.feed(&["1 A@l_a1 1000", "no A@l_c1 1000", "no A@l_a12 1000"]);
    scene.feed(&["2 A@plain 1001", "no A@plain2 1001"]);
    scene.feed(&["3 A@x*y 1002", "no A@xzy 1002"]);
    let fired: Vec<String> = scene
        .client
        .entries(&out)
        .iter()
        .map(|entry| entry.sources())
        .collect();
    assert_eq!(fired, ["1", "2", "3"]);
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &name]);
}

#[test]
fn dropping_a_domain_drops_its_rules_and_windows() {
    let mut scene = Scene::new("drop");
    let (domain, axons, out) = (scene.domain.clone(), scene.key("axon_*"), scene.key("out"));
    scene.rule("rule", SEED);
    scene.feed(&["a A@axon_1 1000"]);
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &domain]);
    scene.feed(&["b B@axon_2 1001"]);
    scene.client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &domain,
        "AXONS",
        &axons,
        "OUTPUT",
        &out,
    ]);
    assert!(crate::commands::rule_names(&mut scene).is_empty());
    scene.rule("rule", SEED);
    scene.feed(&["b2 B@axon_2 1002"]);
    assert!(scene.matches().is_empty());
    scene.feed(&["a2 A@axon_1 1003"]);
    assert_eq!(scene.matches(), ["b2 a2"]);
}

#[test]
fn maxlen_trims_the_output() {
    let mut scene = Scene::with_options("maxlen", &["MAXLEN", "2"]);
    scene.rule("rule", "MATCH A WITHIN 1s");
    scene.feed(&["a1 A@axon_1 1000", "a2 A@axon_1 1001"]);
    scene.feed(&["a3 A@axon_1 1002", "a4 A@axon_1 1003"]);
    assert_eq!(scene.matches(), ["a3", "a4"]);
    assert_eq!(scene.stat("emitted"), 4);
}

#[test]
fn a_domain_works_in_the_database_it_was_created_in() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut other = Client::connect(&server.url());
    other.ok(&["SELECT", "3"]);
    other.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "there",
        "AXONS",
        "axon_*",
        "OUTPUT",
        "out",
    ]);
    other.ok(&["LEAFLET.RULE.ADD", "rule", SEED, "DOMAIN", "there"]);

    let mut here = Client::connect(&server.url());
    here.text(&["XADD", "axon_1", "1000-0", "type", "A"]);
    other.text(&["XADD", "axon_2", "1001-0", "type", "B"]);
    assert_eq!(other.int(&["XLEN", "axon_2"]), 1);
    assert!(other.entries("out").is_empty());
    other.text(&["XADD", "axon_1", "1002-0", "type", "A"]);
    assert_eq!(other.entries("out").len(), 1);
    assert!(here.entries("out").is_empty());

    // And the default domain in database 0 alone.
    here.ok(&["LEAFLET.RULE.ADD", "rule", "MATCH A WITHIN 1s"]);
    other.text(&["XADD", "stream:axon_1", "1-0", "type", "A"]);
    assert!(other.entries("stream:integrated_events").is_empty());
    here.text(&["XADD", "stream:axon_1", "1-0", "type", "A"]);
    assert_eq!(here.entries("stream:integrated_events").len(), 1);
}

#[test]
fn the_default_domain_can_be_dropped_and_created_anew() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    client.ok(&["LEAFLET.DOMAIN.DROP", "default"]);
    client.refused_with(
        &["LEAFLET.RULE.ADD", "rule", SEED],
        "ERR LEAFLET: no such domain 'default'",
    );
    client.ok(&["LEAFLET.DOMAIN.CREATE", "default"]);
    let info = client.map(&["LEAFLET.DOMAIN.INFO", "default"]);
    assert_eq!(info["axons"], "stream:axon_*");
    assert_eq!(info["output"], "stream:integrated_events");
    client.ok(&["LEAFLET.RULE.ADD", "rule", SEED]);
}
