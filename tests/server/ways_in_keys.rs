//! Streams that come, go and move as whole keys, and databases: entries that no XADD has added are no events.

use crate::seed::SEED;
use crate::support::{own, stat, Client, Options, Scene, Server};
use redis::Value;

/// A scene with a stream of an A and a B, an hour old, at a key that is no axon.
fn with_archive() -> (Scene, String) {
    let mut scene = Scene::new("archive");
    scene.rule("seed", SEED);
    let archive = scene.key("archive");
    for (id, event_type) in [("1000-0", "A"), ("1001-0", "B")] {
        scene
            .client
            .text(&["XADD", &archive, id, "type", event_type, "event_id", "old"]);
    }
    (scene, archive)
}

/// The axon's entries have made no event; what is added to it does.
fn assert_only_new_ones_count(scene: &mut Scene, axon: &str) {
    assert_eq!(scene.client.int(&["XLEN", &scene.key(axon)]), 2);
    assert_eq!(scene.stat("events_seen"), 0);
    let a = format!("a A@{axon} 2000");
    scene.feed(&[&a, "b B@axon_2 2001"]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn a_stream_that_is_renamed_to_an_axon_brings_no_events() {
    let (mut scene, archive) = with_archive();
    let axon = scene.key("axon_1");
    scene.client.ok(&["RENAME", &archive, &axon]);
    assert_only_new_ones_count(&mut scene, "axon_1");
}

#[test]
fn a_stream_that_is_copied_to_an_axon_brings_no_events() {
    let (mut scene, archive) = with_archive();
    let axon = scene.key("axon_1");
    assert_eq!(scene.client.int(&["COPY", &archive, &axon]), 1);
    assert_only_new_ones_count(&mut scene, "axon_1");
}

#[test]
fn a_stream_that_is_restored_to_an_axon_brings_no_events() {
    let (mut scene, archive) = with_archive();
    let Value::BulkString(dump) = scene.client.call(&["DUMP", &archive]) else {
        panic!("no dump");
    };
    let axon = scene.key("axon_1");
    let restore: [&[u8]; 5] = [b"RESTORE", axon.as_bytes(), b"0", &dump, b"REPLACE"];
    scene.client.ok(&restore);
    assert_only_new_ones_count(&mut scene, "axon_1");
    // One that is replaced has arrived all the same.
    scene.feed(&["a2 A@axon_1 2002"]);
    scene.client.ok(&restore);
    scene.feed(&["b2 B@axon_2 2003"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn an_axon_that_is_renamed_has_left_its_events_behind() {
    let mut scene = Scene::new("rename");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000"]);
    let (from, to) = (scene.key("axon_1"), scene.key("axon_9"));
    scene.client.ok(&["RENAME", &from, &to]);
    // The rule names axon_1: what is added at the new name is of another axon.
    scene.feed(&["other A@axon_9 1001", "b B@axon_2 1002", "b2 B@axon_2 1003"]);
    assert_eq!(scene.matches(), ["a b"]);
    let lineage = scene.out()[0].get("lineage").map(String::from);
    assert!(lineage.is_some_and(|lineage| lineage.contains(&from)));
}

#[test]
fn an_output_that_is_renamed_begins_anew() {
    let mut scene = Scene::new("rename");
    scene.rule("one", "MATCH A WITHIN 1s");
    scene.feed(&["a A@axon_1 1000"]);
    let (out, archive) = (scene.key("out"), scene.key("archive"));
    scene.client.ok(&["RENAME", &out, &archive]);
    scene.feed(&["a2 A@axon_1 1001"]);
    assert_eq!(scene.matches(), ["a2"]);
    assert_eq!(scene.client.int(&["XLEN", &archive]), 1);
}

/// A client of another database of this server.
fn client(server: &Server, db: u32) -> Client {
    Client::connect(&format!("{}/{db}", server.url()))
}

#[test]
fn a_domain_sees_its_own_database_alone() {
    let Some(server) = own(Options::new().arg("--leaflet.audit-stream", "")) else {
        return;
    };
    let mut scene = Scene::on(&server, "databases");
    scene.rule("seed", SEED);
    let mut other = client(&server, 1);
    let (a, b, out) = (scene.key("axon_1"), scene.key("axon_2"), scene.key("out"));
    scene.feed(&["a A@axon_1 1000"]);
    other.text(&["XADD", &b, "1001-0", "type", "B"]);
    assert_eq!(scene.stat("events_seen"), 1);
    assert!(scene.matches().is_empty());

    // A domain of the other one works there, in a transaction and in a script that select it, too.
    other.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "second",
        "AXONS",
        &a,
        "OUTPUT",
        &out,
    ]);
    let rule = [
        "LEAFLET.RULE.ADD",
        "one",
        "MATCH A WITHIN 1s",
        "DOMAIN",
        "second",
    ];
    other.ok(&rule);
    other.text(&["XADD", &a, "1-0", "type", "A"]);
    scene.client.ok(&["MULTI"]);
    scene.client.text(&["SELECT", "1"]);
    scene.client.text(&["XADD", &a, "2-0", "type", "A"]);
    scene.client.text(&["SELECT", "0"]);
    scene.client.call(&["EXEC"]);
    let script = "redis.call('SELECT', '1') return redis.call('XADD', KEYS[1], '3-0', 'type', 'A')";
    scene.client.text(&["EVAL", script, "1", &a]);
    assert_eq!(other.int(&["XLEN", &out]), 3);
    assert!(scene.matches().is_empty());
    assert_eq!(scene.client.int(&["DBSIZE"]), 1);
}

#[test]
fn streams_that_move_between_databases_bring_no_events() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "databases");
    scene.rule("seed", SEED);
    let mut other = client(&server, 1);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    for (key, event_type) in [(&a, "A"), (&b, "B")] {
        other.text(&["XADD", key, "1000-0", "type", event_type]);
    }
    assert_eq!(other.int(&["MOVE", &a, "0"]), 1);
    assert_eq!(other.int(&["COPY", &b, &b, "DB", "0"]), 1);
    assert_eq!(scene.stat("events_seen"), 0);
    scene.feed(&["a A@axon_1 1001"]);
    // The window stays when the axon leaves.
    assert_eq!(scene.client.int(&["MOVE", &a, "1"]), 1);
    scene.feed(&["b B@axon_2 1002"]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn a_domain_stays_with_the_number_of_its_database() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "swapdb");
    scene.rule("seed", SEED);
    let out = scene.key("out");
    scene.feed(&["a A@axon_1 1000"]);
    scene.client.ok(&["SWAPDB", "0", "1"]);
    assert_eq!(scene.client.int(&["DBSIZE"]), 0);
    scene.feed(&["b B@axon_2 1001"]);
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(client(&server, 1).int(&["EXISTS", &out]), 0);
}

#[test]
fn flushing_clears_the_windows_of_what_is_flushed() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    for flush in [
        &["FLUSHDB", "ASYNC"][..],
        &["FLUSHDB", "SYNC"],
        &["FLUSHALL", "ASYNC"],
        &["EVAL", "return redis.call('FLUSHDB')", "0"],
    ] {
        let mut scene = Scene::on(&server, "flush");
        scene.rule("seed", SEED);
        scene.feed(&["a A@axon_1 1000"]);
        // Another database is none of this domain's business.
        client(&server, 1).ok(&["FLUSHDB"]);
        assert_eq!(scene.stat("window_events"), 1);
        scene.client.ok(flush);
        assert_eq!(scene.stat("window_events"), 0, "{flush:?}");
        scene.feed(&["b B@axon_2 1001"]);
        assert!(scene.matches().is_empty(), "{flush:?}");
    }
}

#[test]
fn a_transaction_that_flushes_still_emits_what_it_had_completed() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "flush");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    scene.client.ok(&["MULTI"]);
    for command in [
        &["XADD", &a, "1000-0", "type", "A", "event_id", "a"][..],
        &["XADD", &b, "1001-0", "type", "B", "event_id", "b"],
        &["XADD", &a, "1002-0", "type", "A", "event_id", "a2"],
        &["FLUSHALL"],
        &["XADD", &b, "1003-0", "type", "B", "event_id", "b2"],
    ] {
        scene.client.text(command);
    }
    scene.client.call(&["EXEC"]);
    assert_eq!(scene.matches(), ["a b"]);
    scene.feed(&["a3 A@axon_1 1004"]);
    assert_eq!(scene.matches(), ["a b", "b2 a3"]);
}

#[test]
fn a_stream_that_migrates_brings_no_events() {
    let (Some(source), Some(target)) = (own(Options::new()), own(Options::new())) else {
        return;
    };
    let mut from = Scene::on(&source, "migrate");
    from.rule("seed", SEED);
    let (axons, output) = (from.key("axon_*"), from.key("out"));
    let mut to = Client::connect(&target.url());
    to.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &from.domain,
        "AXONS",
        &axons,
        "OUTPUT",
        &output,
    ]);
    to.ok(&["LEAFLET.RULE.ADD", "seed", SEED, "DOMAIN", &from.domain]);
    from.feed(&["a A@axon_1 1000"]);
    let (a, b) = (from.key("axon_1"), from.key("axon_2"));
    let port = target.port().to_string();
    from.client
        .ok(&["MIGRATE", "127.0.0.1", &port, &a, "0", "10000"]);
    let seen = stat(&mut to, &["DOMAIN", &from.domain], "events_seen");
    assert_eq!((to.int(&["XLEN", &a]), seen), (1, 0));
    // The window has stayed where the event arrived.
    to.text(&["XADD", &b, "1001-0", "type", "B"]);
    assert_eq!(to.int(&["EXISTS", &output]), 0);
    from.feed(&["b B@axon_2 1001"]);
    assert_eq!(from.matches(), ["a b"]);
}
