//! Streams that are told of rejected events.

use crate::durability::assert_cause_and_effect_in_one_transaction;
use crate::support::{own, stat, Client, Entry, Options, Scene};

/// A scene whose domain tells of what it rejects.
pub fn telling(client: &mut Client, scene: &Scene, more: &[&str]) -> (String, String) {
    let (domain, bad) = (scene.key("telling"), scene.key("bad"));
    let (axons, out) = (scene.key("axon_*"), scene.key("telling_out"));
    let create = [
        "LEAFLET.DOMAIN.CREATE",
        &domain,
        "AXONS",
        &axons,
        "OUTPUT",
        &out,
    ];
    client.ok(&[&create[..], &["REJECTED", &bad], more].concat());
    let add = [
        "LEAFLET.SACCULE.ADD",
        "sane",
        "REQUIRE value > 0 ELSE 'too little'",
        "DOMAIN",
        &domain,
    ];
    client.ok(&add);
    (domain, bad)
}

/// What each entry tells: the event and the reason.
pub fn told(entries: &[Entry]) -> Vec<String> {
    let of = |entry: &Entry, name: &str| entry.get(name).unwrap_or("-").to_string();
    entries
        .iter()
        .map(|entry| format!("{} {}", of(entry, "source_event"), of(entry, "reason")))
        .collect()
}

#[test]
fn an_entry_names_the_event_and_the_reason() {
    let mut scene = Scene::new("letters");
    let mut client = scene.connect();
    let (domain, bad) = telling(&mut client, &scene, &["MAXLEN", "2"]);
    scene.feed(&["a A@axon_1 1000 value=1", "b A@axon_1 1001 value=0"]);
    let entries = client.entries(&bad);
    let key = scene.key("axon_1");
    let mut expected = vec![
        ("event_id", entries[0].get("event_id").expect("an id")),
        ("timestamp", "1970-01-01T00:00:01.001Z"),
        ("event_type", "REJECTED"),
        ("source_event", "b"),
        ("stream", &key),
        ("id", ""),
        ("domain", &domain),
        ("saccule", "sane"),
        ("reason", "too little"),
    ];
    let id = client.entries(&key)[1].id.clone();
    expected[5].1 = &id;
    let found: Vec<(&str, &str)> = entries[0]
        .fields
        .iter()
        .map(|(name, text)| (name.as_str(), text.as_str()))
        .collect();
    assert_eq!(found, expected);
    // One without an id of its own is called after its place, and MAXLEN holds for this stream too.
    scene.add("axon_1", "1002-0", &[("type", "A")]);
    scene.add("axon_1", "1003-0", &[("type", "A"), ("event_id", "d")]);
    let places = format!("{key}/1002-0 too little");
    assert_eq!(told(&client.entries(&bad)), [&places, "d too little"]);
    // A tag goes where the output's goes.
    let tagged = scene.key("axon_1{t}");
    client.text(&["XADD", &tagged, "1-0", "type", "A"]);
    assert_eq!(client.entries(&format!("{bad}{{t}}")).len(), 1);
    assert_eq!(
        stat(&mut client, &["DOMAIN", &domain], "events_rejected"),
        4
    );
    assert_eq!(stat(&mut client, &["DOMAIN", &domain], "emitted"), 0);
    client.ok(&["LEAFLET.DOMAIN.DROP", &domain]);
}

#[test]
fn inside_multi_entries_come_with_exec() {
    let mut scene = Scene::new("letters");
    let mut client = scene.connect();
    let (domain, bad) = telling(&mut client, &scene, &[]);
    let key = scene.key("axon_1");
    client.ok(&["MULTI"]);
    client.text(&["XADD", &key, "1-0", "type", "A"]);
    client.text(&["XADD", &key, "2-0", "type", "A"]);
    assert_eq!(scene.client.int(&["XLEN", &bad]), 0);
    client.call(&["EXEC"]);
    assert_eq!(client.int(&["XLEN", &bad]), 2);
    client.ok(&["LEAFLET.DOMAIN.DROP", &domain]);
}

#[test]
fn streams_that_would_feed_themselves_are_refused() {
    let mut scene = Scene::new("letters");
    let (name, axons, out) = (scene.key("d"), scene.key("x*"), scene.key("out2"));
    for (bad, phrase) in [
        (scene.key("x_bad"), "would be one of the domain's own axons"),
        (
            scene.key("x{}_bad"),
            "would be one of the domain's own axons",
        ),
        (out.clone(), "another stream than OUTPUT"),
        (format!("{out}{{}}"), "another stream than OUTPUT"),
        (scene.key("bad{t}"), "no other braces"),
        (String::new(), "1 to 1024 bytes"),
    ] {
        let create = [
            "LEAFLET.DOMAIN.CREATE",
            &name,
            "AXONS",
            &axons,
            "OUTPUT",
            &out,
            "REJECTED",
            &bad,
        ];
        scene.client.refused_about(&create, phrase);
    }
}

#[test]
fn domains_that_reject_each_others_entries_come_to_an_end() {
    let mut scene = Scene::new("letters");
    let names = [scene.key("one"), scene.key("two")];
    for (number, name) in names.iter().enumerate() {
        let axons = scene.key(&format!("axon{number}_*"));
        let bad = scene.key(&format!("axon{}_bad", 1 - number));
        let out = scene.key(&format!("out{number}"));
        scene.client.ok(&[
            "LEAFLET.DOMAIN.CREATE",
            name,
            "AXONS",
            &axons,
            "OUTPUT",
            &out,
            "REJECTED",
            &bad,
        ]);
        scene.client.ok(&[
            "LEAFLET.SACCULE.ADD",
            "never",
            "REQUIRE nothing IS NOT NULL",
            "DOMAIN",
            name,
        ]);
    }
    scene.add("axon0_1", "*", &[("type", "A")]);
    let mut total = |figure: &str| -> u64 {
        let client = &mut scene.client;
        names
            .iter()
            .map(|name| stat(client, &["DOMAIN", name], figure))
            .sum()
    };
    // As many as leaflet.max-hops allows, and the first.
    assert_eq!((total("events_rejected"), total("hops_cut")), (9, 1));
    for name in &names {
        scene.client.ok(&["LEAFLET.DOMAIN.DROP", name]);
    }
}

#[test]
fn an_entry_that_cant_be_appended_is_counted_and_logged() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "letters");
    let mut client = scene.connect();
    let (domain, bad) = telling(&mut client, &scene, &[]);
    client.ok(&["SET", &bad, "no stream"]);
    scene.feed(&["a A@axon_1 1000"]);
    let of = ["DOMAIN", &domain];
    assert_eq!(stat(&mut client, &of, "emit_errors"), 1);
    assert_eq!(stat(&mut client, &of, "emitted"), 0);
    let line = format!("saccule 'sane' of domain '{domain}': can't append ");
    client.wait_until("the log", |_| server.log().contains(&line));
}

#[test]
fn event_and_entry_are_one_transaction_in_the_aof_and_come_once() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = Scene::on(&server, "letters");
    let mut client = scene.connect();
    let (_, bad) = telling(&mut client, &scene, &[]);
    scene.feed(&["a A@axon_1 1000"]);
    let key = scene.key("axon_1");
    assert_cause_and_effect_in_one_transaction(&server, &key, &bad);
    let before = client.entries(&bad);
    server.kill();
    server.restart();
    client = scene.connect();
    assert_eq!(client.entries(&bad), before);
    scene.client = scene.connect();
    scene.feed(&["b A@axon_1 1001"]);
    assert_eq!(
        told(&client.entries(&bad)),
        ["a too little", "b too little"]
    );
}

#[test]
fn an_alert_on_rejections_is_a_rule_like_any_other() {
    let mut scene = Scene::new("letters");
    let mut client = scene.connect();
    let (domain, bad) = telling(&mut client, &scene, &[]);
    let (watch, out) = (scene.key("watch"), scene.key("alerts"));
    client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &watch,
        "AXONS",
        &bad,
        "OUTPUT",
        &out,
    ]);
    let rule = "MATCH REJECTED{3} AS r PARTITION BY saccule WITHIN 1m EMIT why = last(r.reason)";
    client.ok(&["LEAFLET.RULE.ADD", "many", rule, "DOMAIN", &watch]);
    scene.feed(&["a A@axon_1 1000", "b A@axon_1 1001", "c A@axon_1 1002"]);
    let alerts = client.entries(&out);
    assert_eq!(alerts.len(), 1);
    assert_eq!(alerts[0].get("why"), Some("too little"));
    for name in [&watch, &domain] {
        client.ok(&["LEAFLET.DOMAIN.DROP", name]);
    }
}
