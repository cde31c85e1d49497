//! Snapshots and append-only files in unlike circumstances: damaged, torn, taken in the middle of something, loaded by a server
//! of other settings, or with the module loaded late.

use crate::commands::rule_names;
use crate::seed::SEED;
use crate::support::aof::{cut_aof, xadd_to};
use crate::support::{module_path, own, stat, Client, Options, Scene, Server};
use std::fs;

/// With snapshots on disk that can be read, and changed, byte by byte.
fn plain_rdb() -> Options {
    Options::new()
        .arg("--save", "3600 1")
        .arg("--rdbcompression", "no")
        .arg("--rdbchecksum", "no")
}

/// A rule, a match, and half of the next.
fn story(server: &Server) -> Scene {
    let mut scene = Scene::on(server, "persistence");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    assert_eq!(scene.matches(), ["a b"]);
    scene
}

fn goes_on(scene: &mut Scene) {
    scene.client.wait_until("a rebuild, if any", |client| {
        stat(client, &[], "domains_rebuilding") == 0
    });
    assert_eq!(rule_names(scene), ["seed"]);
    assert_eq!(scene.matches(), ["a b"]);
    scene.feed(&["b2 B@axon_2 1003", "b3 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

fn saved_and_restarted(server: &mut Server, scene: &mut Scene) {
    let _ = scene.client.try_call(&["SHUTDOWN", "SAVE"]);
    server.restart();
    scene.client = scene.connect();
}

/// Where the definitions stand in the RDB, and where what windows held.
fn blocks(rdb: &[u8]) -> (usize, usize) {
    let start = rdb
        .windows(11)
        .position(|bytes| bytes == b"{\"domains\":")
        .expect("the definitions");
    let length: [u8; 8] = rdb[start - 16..start - 8].try_into().expect("a length");
    (start, start + u64::from_le_bytes(length) as usize + 16)
}

/// Saves, has the RDB changed, and starts again.
fn restarted_with(server: &mut Server, scene: &mut Scene, change: impl FnOnce(&mut Vec<u8>)) {
    let _ = scene.client.try_call(&["SHUTDOWN", "SAVE"]);
    let path = server.dir().join("dump.rdb");
    let mut rdb = fs::read(&path).expect("the RDB");
    change(&mut rdb);
    fs::write(&path, rdb).expect("the RDB");
    server.restart();
    scene.client = scene.connect();
}

#[test]
fn windows_that_are_damaged_in_the_rdb_are_rebuilt() {
    let Some(mut server) = own(plain_rdb()) else {
        return;
    };
    let mut scene = story(&server);
    restarted_with(&mut server, &mut scene, |rdb| {
        let (_, windows) = blocks(rdb);
        rdb[windows + 3] ^= 1;
    });
    assert!(server
        .log()
        .contains("windows are LOST (its checksum is wrong)"));
    goes_on(&mut scene);
    // They are saved again.
    saved_and_restarted(&mut server, &mut scene);
    assert_eq!(scene.stat("window_events"), 1);
    scene.feed(&["a3 A@axon_1 1005"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2", "b3 a3"]);
    assert_eq!(server.log().matches("windows are LOST").count(), 1);
}

#[test]
fn definitions_that_are_damaged_in_the_rdb_are_refused() {
    let Some(mut server) = own(plain_rdb()) else {
        return;
    };
    let mut scene = story(&server);
    let _ = scene.client.try_call(&["SHUTDOWN", "SAVE"]);
    let path = server.dir().join("dump.rdb");
    let mut rdb = fs::read(&path).expect("the RDB");
    let (definitions, _) = blocks(&rdb);
    rdb[definitions + 3] ^= 1;
    fs::write(&path, rdb).expect("the RDB");
    let log = server.refuses_to_start();
    let line = "Leaflet's part of this data set can't be loaded: its checksum is wrong";
    assert!(log.contains(line), "{log}");
}

#[test]
fn other_settings_at_load_change_what_comes_and_not_what_is_there() {
    let Some(mut server) = own(plain_rdb()) else {
        return;
    };
    let mut scene = Scene::on(&server, "persistence");
    scene.rule("pair", "MATCH A AND B WITHIN 1h");
    let filler = "x".repeat(1_000);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    let mut pipeline = redis::pipe();
    for number in 1..=3_000u32 {
        pipeline.cmd("XADD").arg(&a).arg(format!("{number}-1"));
        pipeline
            .arg("type")
            .arg("A")
            .arg("event_id")
            .arg(format!("{number}{filler}"));
    }
    scene.client.pipeline(&pipeline);
    assert_eq!(scene.stat("window_events"), 3_000);
    server.set("--leaflet.max-window-memory", "1mb");
    saved_and_restarted(&mut server, &mut scene);
    // What was held is held; there is no room for more, until there is.
    assert_eq!(scene.stat("window_events"), 3_000);
    scene.client.text(&["XADD", &a, "3001-1", "type", "A"]);
    assert_eq!(scene.stat("window_events"), 3_000);
    assert_eq!(scene.stat("events_shed"), 1);
    scene.client.text(&["XADD", &b, "3002-1", "type", "B"]);
    assert_eq!(scene.out().len(), 1);
    assert_eq!(scene.stat("window_events"), 2_999);
}

#[test]
fn a_domain_of_a_database_that_is_not_there_is_told_of() {
    let Some(mut server) = own(plain_rdb()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    client.ok(&["SELECT", "7"]);
    client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "seventh",
        "AXONS",
        "x",
        "OUTPUT",
        "y",
    ]);
    let _ = client.try_call(&["SHUTDOWN", "SAVE"]);
    server.set("--databases", "4");
    server.restart();
    let log = server.log();
    let line = "domain 'seventh' works in database 7, which this server does not have";
    assert!(log.contains(line), "{log}");
    let mut client = Client::connect(&server.url());
    client.map(&["LEAFLET.DOMAIN.INFO", "seventh"]);
}

#[test]
fn a_data_set_goes_from_a_server_alone_into_a_cluster() {
    let Some(mut server) = own(plain_rdb()) else {
        return;
    };
    let mut scene = story(&server);
    let tagged = scene.key("axon_1{t}");
    scene.client.text(&["XADD", &tagged, "1000-1", "type", "A"]);
    let _ = scene.client.try_call(&["SHUTDOWN", "SAVE"]);
    server.become_cluster();
    server.set("--cluster-require-full-coverage", "no");
    server.restart();
    scene.client = scene.connect();
    // It takes over the slots of the keys it finds.
    scene.client.wait_until("the cluster", |client| {
        let info = client.text(&["CLUSTER", "INFO"]);
        info.contains("cluster_state:ok")
    });
    let other = scene.key("axon_2{t}");
    scene.client.text(&["XADD", &other, "1001-1", "type", "B"]);
    let out = format!("{}{{t}}", scene.key("out"));
    assert_eq!(scene.client.entries(&out).len(), 1);
    // What is untagged is correlated no more, and counted.
    scene.feed(&["b2 B@axon_2 1003"]);
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(scene.stat("events_untagged"), 1);
}

#[test]
fn a_snapshot_asked_for_between_cause_and_effect_holds_both() {
    let Some(mut server) = own(plain_rdb()) else {
        return;
    };
    let mut scene = Scene::on(&server, "persistence");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    let saved = scene.client.int(&["LASTSAVE"]);
    scene.client.wait_until("another second", |client| {
        let redis::Value::Array(time) = client.call(&["TIME"]) else {
            panic!("TIME replies an array");
        };
        let second: i64 = redis::from_redis_value(time[0].clone()).expect("seconds");
        second > saved
    });
    scene.client.ok(&["MULTI"]);
    scene
        .client
        .text(&["XADD", &a, "1000-1", "type", "A", "event_id", "a"]);
    scene
        .client
        .text(&["XADD", &b, "1001-1", "type", "B", "event_id", "b"]);
    scene.client.call(&["BGSAVE"]);
    scene
        .client
        .text(&["XADD", &a, "1002-1", "type", "A", "event_id", "a2"]);
    scene.client.call(&["EXEC"]);
    scene
        .client
        .wait_until("the snapshot", |client| client.int(&["LASTSAVE"]) > saved);
    server.kill();
    server.restart();
    scene.client = scene.connect();
    goes_on(&mut scene);
}

#[test]
fn a_torn_transaction_does_not_swallow_what_comes_later() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = story(&server);
    let (source, out) = (scene.key("axon_2"), scene.key("out"));
    server.kill();
    cut_aof(server.dir(), xadd_to(&source), 0);
    server.restart();
    scene.client = scene.connect();
    assert_eq!(scene.client.int(&["XLEN", &source]), 0);
    scene.feed(&["b B@axon_2 1001", "a2 A@axon_1 1002"]);
    for _ in 0..2 {
        server.kill();
        server.restart();
        scene.client = scene.connect();
        assert_eq!(scene.client.int(&["XLEN", &source]), 1);
        assert_eq!(scene.client.int(&["XLEN", &out]), 1);
    }
    goes_on(&mut scene);
}

#[test]
fn a_file_cut_within_the_integrated_event_brings_back_neither() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = story(&server);
    let (source, out) = (scene.key("axon_2"), scene.key("out"));
    server.kill();
    cut_aof(server.dir(), xadd_to(&out), 100);
    server.restart();
    scene.client = scene.connect();
    assert_eq!(scene.client.int(&["XLEN", &source]), 0);
    scene.feed(&["b B@axon_2 1001", "a2 A@axon_1 1002"]);
    goes_on(&mut scene);
}

#[test]
fn the_module_comes_to_a_running_server_and_stays() {
    let Some(server) = own(Options::new()
        .without_module()
        .arg("--enable-module-command", "yes"))
    else {
        return;
    };
    let mut client = Client::connect(&server.url());
    for (key, id, event_type) in [
        ("stream:axon_1", "1000-1", "A"),
        ("stream:axon_2", "1001-1", "B"),
        ("stream:axon_1", "1002-1", "A"),
    ] {
        client.text(&["XADD", key, id, "type", event_type]);
    }
    let module = module_path().display().to_string();
    client.ok(&["MODULE", "LOAD", &module]);
    assert!(client.try_call(&["MODULE", "LOAD", &module]).is_err());
    client.ok(&["LEAFLET.RULE.ADD", "seed", SEED]);
    // From now on; what was before only where it is asked for.
    let out = "stream:integrated_events";
    assert_eq!(client.int(&["XLEN", out]), 0);
    client.ok(&["LEAFLET.REBUILD"]);
    client.wait_until("the rebuild", |client| {
        stat(client, &[], "domains_rebuilding") == 0
    });
    assert_eq!(client.int(&["XLEN", out]), 1);
    client.text(&["XADD", "stream:axon_2", "1003-1", "type", "B"]);
    assert_eq!(client.int(&["XLEN", out]), 2);
    let refused = client.refused(&["MODULE", "UNLOAD", "leaflet"]);
    assert!(refused.contains("can't unload"), "{refused}");
    client.map(&["LEAFLET.STATS"]);
}

#[test]
fn a_server_without_the_module_refuses_a_data_set_with_rules_and_takes_one_without() {
    let Some(mut server) = own(plain_rdb()) else {
        return;
    };
    let mut scene = story(&server);
    saved_and_restarted(&mut server, &mut scene);
    let _ = scene.client.try_call(&["SHUTDOWN", "SAVE"]);
    server.forget_module();
    let log = server.refuses_to_start();
    assert!(log.contains("leaflet-d"), "{log}");

    let Some(mut server) = own(plain_rdb()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    client.text(&["XADD", "stream:axon_1", "1-1", "type", "A"]);
    let _ = client.try_call(&["SHUTDOWN", "SAVE"]);
    server.forget_module();
    server.restart();
    assert_eq!(
        Client::connect(&server.url()).int(&["XLEN", "stream:axon_1"]),
        1
    );
}
