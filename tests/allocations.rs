//! An event that completes nothing needs no memory of its own: what it takes in the windows is what those that leave give
//! back. With the module the allocator is the server's, so this is for the engine alone.
#![cfg(not(feature = "module"))]

use allocation_counter::measure;
use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::{Engine, EntryId, Event, Settings};

/// Keys of partitions.
const KEYS: u64 = 100;

/// Feeds the events of these ms, and hands over how often memory was asked for.
fn feed(engine: &mut Engine, event_type: &str, ms: std::ops::Range<u64>) -> u64 {
    let mut count = 0;
    for ms in ms {
        let user = format!("u{}", ms % KEYS);
        let metadata = format!(r#"{{"user":{{"id":"{user}"}},"n":[{ms},2.5],"ok":true}}"#);
        let id = format!("5f0c9a3e-7d14-4b52-9c1e-{ms:012x}");
        let value = format!("{}.5", ms % 50);
        let fields: [(&[u8], &[u8]); 7] = [
            (b"event_id", id.as_bytes()),
            (b"timestamp", b"2026-01-01T00:00:00.000Z"),
            (b"source_stream", b"stream:axon_1"),
            (b"event_type", event_type.as_bytes()),
            (b"value", value.as_bytes()),
            (b"user", user.as_bytes()),
            (b"metadata", metadata.as_bytes()),
        ];
        let event = Event {
            key: b"stream:axon_1",
            id: EntryId { ms, seq: 0 },
            fields: &fields,
            hops: 0,
        };
        let mut out = Vec::new();
        let took = measure(|| {
            let route = engine.route(0, event.key).expect("an axon");
            engine.on_event(route, &event, &mut out);
        });
        assert!(out.is_empty());
        count += took.count_total;
    }
    count
}

fn check(rule: &str, event_type: &str) {
    let mut engine = Engine::new(Settings::default());
    engine
        .add_rule(DEFAULT_DOMAIN, "rule", rule, AddRule::default())
        .expect("a rule");
    // Until the window is full, and every list as long as it gets.
    assert!(feed(&mut engine, event_type, 1..20_000) > 0);
    assert_eq!(feed(&mut engine, event_type, 20_000..40_000), 0, "{rule}");
}

#[test]
fn of_a_type_that_no_rule_uses() {
    check("MATCH A AND B WITHIN 1s", "Other");
}

#[test]
fn kept_for_a_partner() {
    check("MATCH A AND B WITHIN 1s", "A");
}

#[test]
fn kept_in_a_partition() {
    check("MATCH A -> B PARTITION BY user WITHIN 1s", "A");
}

#[test]
fn kept_in_a_partition_of_a_path_into_json() {
    check("MATCH A -> B PARTITION BY metadata.user.id WITHIN 1s", "A");
}

#[test]
fn kept_with_what_a_condition_needs() {
    check(
        "MATCH A[value > 1] AS a -> B AS b WHERE b.user = a.user AND b.value > a.value WITHIN 1s",
        "A",
    );
}

#[test]
fn added_to_a_level() {
    check(
        "INTEGRATE A WEIGHT 0.001 DECAY 1s THRESHOLD 1000 PARTITION BY user WITHIN 1s",
        "A",
    );
}
