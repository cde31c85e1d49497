//! Names and values that break naive code. The server answers after each, and nothing is lost.

use crate::support::{own, stat, Client, Options, Scene};

const NAMES: &[&[u8]] = &[
    b"%s%n%s%n%s%n%x%d",
    b"nul\0nul",
    b"\0",
    b"\xff\xfe\x80invalid\xc3",
    b"line\r\n$5\r\nbreak",
    b"'quote' \"double\" \\back",
    b"\x1b[31mred",
    "é☃🐝".as_bytes(),
    b" ",
    b"{",
    b"}{",
];

/// A scene on a server of its own (or the given one), so that a crash takes nobody else along.
pub fn scene() -> (Scene, Option<crate::support::Server>) {
    match own(Options::new()) {
        Some(server) => (Scene::on(&server, "hostile"), Some(server)),
        None => (Scene::new("hostile"), None),
    }
}

fn bytes(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

#[test]
fn in_keys() {
    let (mut scene, _server) = scene();
    scene.rule("pair", "MATCH A AS a -> A AS b WITHIN 1s");
    let prefix = scene.key("axon_");
    for name in NAMES {
        let key = bytes(&[prefix.as_bytes(), name]);
        for id in [&b"1000-0"[..], b"1001-0"] {
            scene.client.call(&[b"XADD", &key[..], id, b"type", b"A"]);
        }
    }
    assert_eq!(scene.stat("matches"), NAMES.len() as u64);
    assert_eq!(scene.stat("emit_errors"), 0);
}

#[test]
fn in_tags() {
    let (mut scene, _server) = scene();
    scene.rule("one", "MATCH A WITHIN 1s");
    let (axon, out) = (scene.key("axon_1"), scene.key("out"));
    for name in NAMES.iter().filter(|name| !name.contains(&b'}')) {
        let key = bytes(&[axon.as_bytes(), b"{", name, b"}"]);
        let output = bytes(&[out.as_bytes(), b"{", name, b"}"]);
        scene
            .client
            .call(&[b"XADD", &key[..], b"1000-0", b"type", b"A"]);
        assert_eq!(
            scene.client.int(&[b"XLEN", &output[..]]),
            1,
            "{}",
            String::from_utf8_lossy(&output)
        );
    }
}

#[test]
fn in_fields_and_values() {
    let (mut scene, _server) = scene();
    scene.rule(
        "one",
        "MATCH A AS a WITHIN 1s EMIT copy = a.copy, sum = a.value + 1, deep = a.metadata.x",
    );
    let (key, out) = (scene.key("axon_1"), scene.key("out"));
    for (i, name) in NAMES.iter().enumerate() {
        let id = format!("{}-0", 1000 + i);
        scene.client.call(&[
            b"XADD",
            key.as_bytes(),
            id.as_bytes(),
            name,
            name,
            b"type",
            b"A",
            b"event_id",
            name,
            b"timestamp",
            name,
            b"value",
            name,
            b"metadata",
            name,
            b"copy",
            name,
        ]);
    }
    let entries = scene.client.entries(&out);
    assert_eq!(entries.len(), NAMES.len());
    for (entry, name) in entries.iter().zip(NAMES) {
        let lossy = String::from_utf8_lossy(name).into_owned();
        assert_eq!(entry.sources(), lossy);
        assert_eq!(entry.get("copy"), Some(lossy.as_str()));
        assert_eq!(entry.get("sum"), None);
        let lineage = entry.get("lineage").expect("lineage");
        let lineage: serde_json::Value = serde_json::from_str(lineage).expect("JSON");
        assert_eq!(lineage["axon_1"]["event_id"], lossy);
    }
}

#[test]
fn in_types() {
    let (mut scene, _server) = scene();
    scene.rule("any", "MATCH ANY WITHIN 1s");
    let key = scene.key("axon_1");
    for name in NAMES {
        scene
            .client
            .call(&[b"XADD", key.as_bytes(), b"*", b"type", name]);
    }
    assert_eq!(scene.stat("emitted"), NAMES.len() as u64);
}

#[test]
fn empty_values_and_names() {
    let (mut scene, _server) = scene();
    scene.rule("any", "MATCH ANY WITHIN 1s");
    scene.add(
        "axon_1",
        "1000-0",
        &[("type", "A"), ("event_id", ""), ("value", "")],
    );
    scene.add(
        "axon_1",
        "1001-0",
        &[("", ""), ("type", "A"), ("metadata", "")],
    );
    scene.add("axon_1", "1002-0", &[("type", "")]);
    let typed = scene.stat("emitted") + scene.stat("events_untyped");
    assert_eq!(typed, 3);
    assert!(scene.stat("emitted") >= 2);
}

#[test]
fn in_names_of_rules_and_domains() {
    let (mut scene, _server) = scene();
    let (axons, out) = (scene.key("axon_*"), scene.key("out"));
    let domain = scene.domain.clone();
    for name in NAMES.iter().chain(&[&b""[..]]) {
        // Taken or refused with one line; either way the server and the reply stay whole.
        let added = scene.client.try_call(&[
            b"LEAFLET.RULE.ADD",
            *name,
            b"MATCH A WITHIN 1s",
            b"DOMAIN",
            domain.as_bytes(),
        ]);
        let created = scene.client.try_call(&[
            b"LEAFLET.DOMAIN.CREATE",
            *name,
            b"AXONS",
            axons.as_bytes(),
            b"OUTPUT",
            out.as_bytes(),
        ]);
        for reply in [&added, &created] {
            if let Err(line) = reply {
                assert!(line.starts_with("ERR LEAFLET: "), "{line:?}");
                assert!(!line.contains(['\n', '\r', '\0']), "{line:?}");
            }
        }
        scene.client.call(&["LEAFLET.RULE.LIST", "DOMAIN", &domain]);
        scene.client.call(&["LEAFLET.DOMAIN.LIST"]);
        if created.is_ok() {
            scene.client.ok(&[&b"LEAFLET.DOMAIN.DROP"[..], name]);
        }
    }
    // Unknown ones come back in the error line.
    for name in NAMES {
        for command in [
            &[&b"LEAFLET.DOMAIN.INFO"[..], name][..],
            &[b"LEAFLET.RULE.GET", name],
            &[b"LEAFLET.RULE.ADD", b"r", name],
            &[b"LEAFLET.STATS", name],
            &[b"LEAFLET.HELP", name],
            &[b"LEAFLET.DOMAIN.CREATE", b"d", name],
        ] {
            if let Err(line) = scene.client.try_call(command) {
                assert!(!line.contains(['\n', '\r', '\0']), "{line:?}");
            }
        }
    }
    let rules = crate::commands::rule_names(&mut scene).len() as u64;
    scene.feed(&["a A@axon_1 1000"]);
    assert_eq!(scene.stat("emitted"), rules);
}

#[test]
fn in_outputs_and_axons_of_a_domain() {
    let (mut scene, _server) = scene();
    let domain = scene.domain.clone();
    for name in NAMES {
        let output = bytes(&[domain.as_bytes(), b":out:", name]);
        let axons = bytes(&[domain.as_bytes(), b":in:", name, b"*"]);
        let key = bytes(&[domain.as_bytes(), b":in:", name, b"1"]);
        let created = scene.client.try_call(&[
            b"LEAFLET.DOMAIN.CREATE",
            &b"odd"[..],
            b"AXONS",
            &axons,
            b"OUTPUT",
            &output,
        ]);
        if let Err(line) = created {
            assert!(line.starts_with("ERR LEAFLET: "), "{line:?}");
            continue;
        }
        scene.client.ok(&[
            "LEAFLET.RULE.ADD",
            "r",
            "MATCH A WITHIN 1s",
            "DOMAIN",
            "odd",
        ]);
        scene
            .client
            .call(&[b"XADD", &key[..], b"1-0", b"type", b"A"]);
        scene.client.map(&["LEAFLET.DOMAIN.INFO", "odd"]);
        scene.client.call(&["LEAFLET.DOMAIN.LIST"]);
        scene.client.ok(&["LEAFLET.DOMAIN.DROP", "odd"]);
    }
    scene.client.text(&["INFO", "everything"]);
}

#[test]
fn a_megabyte_and_thousands_of_fields() {
    let (mut scene, _server) = scene();
    scene.rule(
        "one",
        "MATCH A AS a WITHIN 1s EMIT size = length(a.big), last = a.f4093",
    );
    let big = "x".repeat(1 << 20);
    let fields = [("type", "A"), ("event_id", "big"), ("big", &big)];
    scene.add("axon_1", "1000-0", &fields);
    let oversized = stat(&mut scene.client, &[], "events_oversized");
    // 4,096 fields are the most an event has; what has more is counted and stays what it is, an entry.
    for (id, count) in [("1001-0", 4094), ("1002-0", 4095), ("1003-0", 5000)] {
        let names: Vec<String> = (0..count).map(|i| format!("f{i}")).collect();
        let mut fields: Vec<(&str, &str)> = names.iter().map(|name| (name.as_str(), "v")).collect();
        fields.extend([("event_id", id), ("type", "A")]);
        assert_eq!(scene.add("axon_1", id, &fields), id);
    }
    let out = scene.out();
    assert_eq!(scene.matches(), ["big", "1001-0"]);
    assert_eq!(out[0].get("size"), Some("1048576"));
    assert_eq!(out[1].get("last"), Some("v"));
    assert_eq!(
        stat(&mut scene.client, &[], "events_oversized"),
        oversized + 2
    );
}

#[test]
fn deep_json_and_deep_rules() {
    let (mut scene, _server) = scene();
    scene.rule("one", "MATCH A[metadata.a IS NULL] AS a WITHIN 1s");
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    scene.add(
        "axon_1",
        "1000-0",
        &[("type", "A"), ("event_id", "deep"), ("metadata", &deep)],
    );
    assert_eq!(scene.matches(), ["deep"]);
    for text in [
        format!(
            "MATCH {}A{} WITHIN 1s",
            "(".repeat(50_000),
            ")".repeat(50_000)
        ),
        format!(
            "MATCH A[{}1 = 1{}] WITHIN 1s",
            "(".repeat(50_000),
            ")".repeat(50_000)
        ),
        format!("MATCH A[{}TRUE] WITHIN 1s", "NOT ".repeat(50_000)),
        format!("MATCH A[{}1 = 1] WITHIN 1s", "- ".repeat(50_000)),
        format!("MATCH A[1 = 1{}] WITHIN 1s", " + 1".repeat(50_000)),
        format!("MATCH A{} WITHIN 1s", " -> A".repeat(50_000)),
    ] {
        let domain = scene.domain.clone();
        let reply = scene.client.try_call(&[
            "LEAFLET.RULE.ADD",
            "deep",
            &text,
            "REPLACE",
            "DOMAIN",
            &domain,
        ]);
        if let Err(line) = reply {
            assert!(line.starts_with("ERR LEAFLET: "), "{line}");
            assert!(line.len() < 1000, "a line of {} bytes", line.len());
        }
    }
    scene.client.text(&["PING"]);
}

#[test]
fn an_aof_of_hostile_names_loads() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = Scene::on(&server, "hostile");
    scene.rule("one", "MATCH A WITHIN 1s");
    let prefix = scene.key("axon_");
    for name in NAMES {
        let key = bytes(&[prefix.as_bytes(), name]);
        scene
            .client
            .call(&[b"XADD", &key[..], b"1000-0", b"type", b"A", name, name]);
    }
    let length = scene.client.int(&["DBSIZE"]);
    server.kill();
    server.restart();
    scene.client = Client::connect(&server.url());
    assert_eq!(scene.client.int(&["DBSIZE"]), length);
    assert_eq!(scene.stat("events_seen"), NAMES.len() as u64);
}
