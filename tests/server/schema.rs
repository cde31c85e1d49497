//! The integrated event, field by field.

use crate::seed::SEED;
use crate::support::{own, Client, Options, Scene};
use uuid::Uuid;

/// The id of a match, computed from DESIGN's words alone.
pub fn event_id(
    domain: &str,
    tag: &str,
    rule: &str,
    text: &str,
    sources: &[(&str, &str)],
) -> String {
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:leaflet:event");
    let mut parts = vec![domain, tag, rule, text];
    parts.extend(sources.iter().flat_map(|(key, id)| [*key, *id]));
    Uuid::new_v5(&namespace, parts.join("\0").as_bytes()).to_string()
}

#[test]
fn every_field_in_its_order() {
    let mut scene = Scene::new("schema");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    scene.add(
        "axon_1",
        "1000-3",
        &[
            ("event_id", "id-a"),
            ("timestamp", "1970-01-01T01:00:01+01:00"),
            ("source_stream", "elsewhere"),
            ("type", "A"),
            ("value", "10"),
            ("metadata", r#"{"k":1}"#),
        ],
    );
    scene.add("axon_2", "1500-7", &[("type", "B"), ("value", "20.5")]);

    let out = scene.out();
    assert_eq!(out.len(), 1);
    let id = event_id(
        &scene.domain,
        "",
        "seed",
        SEED,
        &[(&a, "1000-3"), (&b, "1500-7")],
    );
    let lineage = format!(
        concat!(
            r#"{{"axon_1":{{"event_id":"id-a","timestamp":"1970-01-01T01:00:01+01:00","stream":"{a}","#,
            r#""id":"1000-3","type":"A","value":10}},"#,
            r#""axon_2":{{"event_id":"{b}/1500-7","timestamp":"1970-01-01T00:00:01.500Z","stream":"{b}","#,
            r#""id":"1500-7","type":"B","value":20.5}}}}"#
        ),
        a = a,
        b = b
    );
    let expected = [
        ("event_id", id.as_str()),
        ("timestamp", "1970-01-01T00:00:01.500Z"),
        ("event_type", "MULTI_ORIGINATED"),
        ("source_events", &format!(r#"["id-a","{b}/1500-7"]"#)),
        ("correlation_rule", "seed"),
        ("integrated_value", "15.25"),
        // 500 ms of a window of 2 s: 1 - 500/4000.
        ("confidence", "0.875"),
        ("lineage", &lineage),
    ]
    .map(|(name, value)| (name.to_string(), value.to_string()));
    assert_eq!(out[0].fields, expected);
}

#[test]
fn the_event_id_follows_processing_order() {
    let mut scene = Scene::new("schema");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    // b arrives first, with the later time.
    scene.add("axon_2", "1500-0", &[("type", "B")]);
    scene.add("axon_1", "1000-0", &[("type", "A")]);
    let out = scene.out();
    let id = event_id(
        &scene.domain,
        "",
        "seed",
        SEED,
        &[(&b, "1500-0"), (&a, "1000-0")],
    );
    assert_eq!(out[0].get("event_id"), Some(id.as_str()));
    assert_eq!(out[0].sources(), format!("{b}/1500-0 {a}/1000-0"));
    // The trigger's time, not the latest.
    assert_eq!(out[0].get("timestamp"), Some("1970-01-01T00:00:01.000Z"));
    assert_eq!(out[0].get("confidence"), Some("0.875"));
}

#[test]
fn a_second_event_of_an_axon_gets_a_number() {
    let mut scene = Scene::new("schema");
    scene.rule("rule", "MATCH A -> B -> C -> D WITHIN 10s");
    scene.feed(&["a A@axon_1 1000", "b B@axon_1 1001"]);
    scene.feed(&["c C@axon_2 1002", "d D@axon_1 1003"]);
    let out = scene.out();
    let lineage: serde_json::Value =
        serde_json::from_str(out[0].get("lineage").expect("lineage")).expect("JSON");
    let ids: Vec<_> = ["axon_1", "axon_1#2", "axon_2", "axon_1#3"]
        .iter()
        .map(|axon| lineage[axon]["event_id"].as_str())
        .collect();
    assert_eq!(ids, [Some("a"), Some("b"), Some("c"), Some("d")]);
    assert_eq!(lineage.as_object().map(|map| map.len()), Some(4));
}

#[test]
fn sources_as_csv() {
    let mut scene = Scene::with_options("schema", &["SOURCES", "CSV"]);
    scene.rule("seed", SEED);
    let b = scene.key("axon_2");
    scene.add("axon_1", "1000-0", &[("type", "A"), ("event_id", "a")]);
    scene.add("axon_2", "1500-0", &[("type", "B")]);
    let out = scene.out();
    assert_eq!(
        out[0].get("source_events"),
        Some(format!("a,{b}/1500-0").as_str())
    );
}

#[test]
fn values_that_are_no_numbers() {
    for (a, b, mean) in [
        (Some("1"), Some("2"), Some("1.5")),
        (Some("1"), Some("high"), Some("1")),
        (Some("1"), None, Some("1")),
        (Some("high"), Some("nan"), None),
        (Some(""), Some("inf"), None),
        (Some("0x10"), Some("-2.50e1"), Some("-25")),
        (Some("1e300"), Some("3e300"), Some("2e300")),
        (None, None, None),
    ] {
        let mut scene = Scene::new("schema");
        scene.rule("seed", SEED);
        for (axon, id, event_type, value) in
            [("axon_1", "1000-0", "A", a), ("axon_2", "1000-0", "B", b)]
        {
            let mut fields = vec![("type", event_type)];
            fields.extend(value.map(|value| ("value", value)));
            scene.add(axon, id, &fields);
        }
        let out = scene.out();
        assert_eq!(out.len(), 1, "{a:?} {b:?}");
        assert_eq!(
            number(out[0].get("integrated_value")),
            number(mean),
            "{a:?} {b:?}"
        );
        assert_eq!(out[0].get("confidence"), Some("1"), "{a:?} {b:?}");
        let lineage: serde_json::Value =
            serde_json::from_str(out[0].get("lineage").expect("lineage")).expect("JSON");
        for (axon, value) in [("axon_1", a), ("axon_2", b)] {
            let shown = &lineage[axon]["value"];
            assert!(
                shown.is_number() == number(value).is_some() && shown.is_null() == value.is_none(),
                "{value:?} became {shown}"
            );
        }
    }
}

/// A decimal number, as rules see it.
fn number(text: Option<&str>) -> Option<f64> {
    text.filter(|text| text.starts_with(|c: char| c.is_ascii_digit() || c == '-'))?
        .parse()
        .ok()
}

#[test]
fn type_wins_over_event_type_and_an_entry_with_neither_is_counted() {
    let mut scene = Scene::new("schema");
    scene.rule("rule", "MATCH A WITHIN 1s");
    scene.add(
        "axon_1",
        "1000-0",
        &[("event_type", "A"), ("event_id", "by_event_type")],
    );
    scene.add(
        "axon_1",
        "1001-0",
        &[
            ("event_type", "B"),
            ("type", "A"),
            ("event_id", "type_wins"),
        ],
    );
    scene.add(
        "axon_1",
        "1002-0",
        &[("type", "B"), ("event_type", "A"), ("event_id", "no")],
    );
    scene.add(
        "axon_1",
        "1003-0",
        &[("value", "1"), ("event_id", "untyped")],
    );
    assert_eq!(scene.matches(), ["by_event_type", "type_wins"]);
    assert_eq!(scene.stat("events_untyped"), 1);
    assert_eq!(scene.stat("events_seen"), 4);
}

#[test]
fn text_is_escaped_in_json() {
    let mut scene = Scene::new("schema");
    scene.rule("rule", "MATCH A WITHIN 1s");
    let id = "quote\" back\\ line\n tab\t é ☃ \u{1F41D}";
    scene.add("axon_1", "1000-0", &[("type", "A"), ("event_id", id)]);
    assert_eq!(scene.matches(), [id]);
}

#[test]
fn the_default_domain_is_there_and_ids_are_the_same_everywhere() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    let text = "match A@axon_1  and B@'axon_2'\nwithin 2S -- in canonical form the same";
    client.ok(&["LEAFLET.RULE.ADD", "seed", text]);
    client.text(&["XADD", "stream:axon_1", "1000-0", "type", "A"]);
    client.text(&["XADD", "stream:axon_2", "1500-0", "type", "B"]);
    let out = client.entries("stream:integrated_events");
    assert_eq!(out.len(), 1);
    // Computed once with Python's uuid module.
    assert_eq!(
        out[0].get("event_id"),
        Some("8c5976e8-aef8-5d17-8521-1125f7bb82c3")
    );
    let sources = [("stream:axon_1", "1000-0"), ("stream:axon_2", "1500-0")];
    let computed = event_id("default", "", "seed", SEED, &sources);
    assert_eq!(out[0].get("event_id"), Some(computed.as_str()));
}
