//! Windows that were lost are filled anew from what the streams still hold.

use crate::commands::rule_names;
use crate::replication::catch_up;
use crate::seed::SEED;
use crate::support::aof::{aof_commands, aof_path};
use crate::support::{own, stat, Client, Options, Scene, Server};
use std::fs;

/// An AOF that loses what is no key when it is rewritten.
fn without_preamble() -> Options {
    Options::new().aof().arg("--aof-use-rdb-preamble", "no")
}

fn rewrite(client: &mut Client) {
    client.call(&["BGREWRITEAOF"]);
    wait_for_rewrite(client);
}

fn wait_for_rewrite(client: &mut Client) {
    client.wait_until("the rewrite", |client| {
        let state = client.info("persistence");
        state["aof_rewrite_in_progress"] == "0" && state["aof_rewrite_scheduled"] == "0"
    });
}

fn wait_until_rebuilt(client: &mut Client) {
    client.wait_until("the rebuild", |client| {
        stat(client, &[], "domains_rebuilding") == 0
    });
}

fn rebuild(scene: &mut Scene) {
    let domain = scene.domain.clone();
    scene.client.ok(&["LEAFLET.REBUILD", "DOMAIN", &domain]);
    wait_until_rebuilt(&mut scene.client);
}

fn killed_and_restarted(server: &mut Server, scene: &mut Scene) {
    server.kill();
    server.restart();
    scene.client = scene.connect();
    wait_until_rebuilt(&mut scene.client);
}

/// A rule, a match, and half of the next.
fn story(server: &Server) -> Scene {
    let mut scene = Scene::on(server, "rebuild");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    assert_eq!(scene.matches(), ["a b"]);
    scene
}

#[test]
fn an_aof_rewrite_without_preamble_keeps_definitions_and_windows_come_from_the_streams() {
    let Some(mut server) = own(without_preamble()) else {
        return;
    };
    let mut scene = story(&server);
    assert!(server.log().contains("aof-use-rdb-preamble is off"));
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", "default"]);
    rewrite(&mut scene.client);
    for _ in 0..2 {
        killed_and_restarted(&mut server, &mut scene);
        assert_eq!(rule_names(&mut scene), ["seed"]);
        let default = ["LEAFLET.DOMAIN.INFO", "default"];
        assert!(scene.client.refused(&default).contains("no such domain"));
        assert_eq!(scene.matches(), ["a b"]);
        assert_eq!(scene.stat("window_events"), 1);
    }
    scene.feed(&["b2 B@axon_2 1003", "b3 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
    killed_and_restarted(&mut server, &mut scene);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
    assert_eq!(scene.stat("window_events"), 1);
    scene.feed(&["a3 A@axon_1 1005"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2", "b3 a3"]);
}

#[test]
fn a_rewrite_states_the_definitions_once_in_the_new_file() {
    let Some(server) = own(without_preamble()) else {
        return;
    };
    let mut scene = story(&server);
    rewrite(&mut scene.client);
    let bytes = fs::read(aof_path(server.dir())).expect("the file");
    let commands = aof_commands(&bytes);
    let names: Vec<&str> = commands.iter().map(|(c, _)| c[0].as_str()).collect();
    assert_eq!(names, ["SELECT", "LEAFLET.RESTORE"]);
    // A rewrite with a preamble needs no such thing.
    scene
        .client
        .ok(&["CONFIG", "SET", "aof-use-rdb-preamble", "yes"]);
    rewrite(&mut scene.client);
    assert!(fs::read(aof_path(server.dir()))
        .expect("the file")
        .is_empty());
}

#[test]
fn an_aof_turned_on_later_without_preamble_holds_the_definitions() {
    let Some(mut server) = own(Options::new().arg("--aof-use-rdb-preamble", "no")) else {
        return;
    };
    let mut scene = story(&server);
    scene.client.ok(&["CONFIG", "SET", "appendonly", "yes"]);
    wait_for_rewrite(&mut scene.client);
    scene.client.ok(&["CONFIG", "SET", "appendfsync", "always"]);
    scene.feed(&["b2 B@axon_2 1003"]);
    let before = scene.out();
    server.kill();
    server.set("--appendonly", "yes");
    server.restart();
    scene.client = scene.connect();
    wait_until_rebuilt(&mut scene.client);
    assert_eq!(scene.out(), before);
    scene.feed(&["b3 B@axon_2 1004", "a3 A@axon_1 1005"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2", "b3 a3"]);
}

#[test]
fn writes_that_are_paused_put_the_definitions_off() {
    let Some(mut server) = own(without_preamble()) else {
        return;
    };
    let mut scene = story(&server);
    scene.client.ok(&["CLIENT", "PAUSE", "100000", "WRITE"]);
    rewrite(&mut scene.client);
    scene.client.ok(&["CLIENT", "UNPAUSE"]);
    scene.client.wait_until("the definitions", |_| {
        let bytes = fs::read(aof_path(server.dir())).expect("the file");
        let commands = aof_commands(&bytes);
        commands.iter().any(|(c, _)| c[0] == "LEAFLET.RESTORE")
    });
    killed_and_restarted(&mut server, &mut scene);
    assert_eq!(rule_names(&mut scene), ["seed"]);
    scene.feed(&["b2 B@axon_2 1003"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn a_rule_sees_nothing_from_before_its_add_in_a_rebuild_after_a_crash() {
    let Some(mut server) = own(without_preamble()) else {
        return;
    };
    let mut scene = Scene::on(&server, "rebuild");
    scene.feed(&["old A@axon_1 1000"]);
    scene.rule("seed", SEED);
    scene.rule("untouched", "MATCH A WITHIN 10s");
    scene
        .client
        .ok(&["LEAFLET.RULE.PAUSE", "untouched", "DOMAIN", &scene.domain]);
    scene.feed(&["b B@axon_2 1001"]);
    rewrite(&mut scene.client);
    killed_and_restarted(&mut server, &mut scene);
    assert!(scene.matches().is_empty());
    scene.feed(&["a A@axon_1 1002"]);
    assert_eq!(scene.matches(), ["b a"]);
}

#[test]
fn definitions_are_restored_from_an_aof_only() {
    let mut scene = Scene::new("rebuild");
    scene.client.refused_with(
        &["LEAFLET.RESTORE", "{\"domains\":[]}"],
        "ERR LEAFLET: only an append-only file restores definitions",
    );
}

#[test]
fn a_rule_sees_the_past_where_it_is_asked_to() {
    let mut scene = Scene::new("rebuild");
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    scene.rule("seed", SEED);
    assert!(scene.matches().is_empty());
    for _ in 0..2 {
        rebuild(&mut scene);
        assert_eq!(scene.matches(), ["a b"], "once");
    }
    scene.feed(&["b2 B@axon_2 1003"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
    scene.client.refused_about(
        &["LEAFLET.REBUILD", "DOMAIN", "no_such"],
        "no such domain 'no_such'",
    );
}

#[test]
fn what_was_consumed_stays_consumed() {
    let mut scene = Scene::new("rebuild");
    // The oldest first: which events are left depends on all that was before.
    scene.rule("queue", "MATCH A AND B WITHIN 10s SELECT FIRST");
    scene.feed(&["a1 A@axon_1 1000", "a2 A@axon_1 1001", "a3 A@axon_1 1002"]);
    for number in 0..40 {
        let time = 2_000 + number * 1_000;
        let (a, b) = (
            format!("x{number} A@axon_1 {time}"),
            format!("y{number} B@axon_2 {}", time + 1),
        );
        scene.feed(&[&a, &b]);
    }
    let before = scene.out();
    rebuild(&mut scene);
    assert_eq!(scene.out(), before);
    scene.feed(&[
        "z1 B@axon_2 42000",
        "z2 B@axon_2 42001",
        "z3 B@axon_2 42002",
        "z4 B@axon_2 42003",
    ]);
    let new: Vec<String> = scene.matches().split_off(before.len());
    assert_eq!(new, ["x37 z1", "x38 z2", "x39 z3"]);
}

#[test]
fn what_is_lacking_is_emitted_once_and_what_was_trimmed_is_not() {
    let mut scene = Scene::new("rebuild");
    scene.rule("pair", "MATCH A AND B WITHIN 1m");
    for number in 0..4 {
        let time = 1_000 + number * 100;
        let (a, b) = (
            format!("a{number} A@axon_1 {time}"),
            format!("b{number} B@axon_2 {}", time + 1),
        );
        scene.feed(&[&a, &b]);
    }
    let ids: Vec<String> = scene.out().iter().map(|entry| entry.id.clone()).collect();
    let all = scene.matches();
    let out = scene.key("out");
    scene.client.int(&["XTRIM", &out, "MAXLEN", "=", "2"]);
    scene.client.int(&["XDEL", &out, &ids[3]]);
    rebuild(&mut scene);
    assert_eq!(scene.matches(), ["a2 b2", "a3 b3"]);
    // An output that is gone altogether knows of nothing.
    scene.client.int(&["DEL", &out]);
    rebuild(&mut scene);
    assert_eq!(scene.matches(), all);
}

#[test]
fn deadlines_levels_and_tags_come_back() {
    let mut scene = Scene::new("rebuild");
    scene.rule("late", "MATCH Order -> NOT Ship FOR 10s WITHIN 1s");
    scene.rule(
        "level",
        "INTEGRATE Hit DECAY 1m THRESHOLD 2.5 PARTITION BY user WITHIN 1m",
    );
    let key = scene.key("axon_1{t}");
    let add = |scene: &mut Scene, ms: &str, event_type: &str| {
        scene
            .client
            .text(&["XADD", &key, ms, "type", event_type, "user", "u"]);
    };
    for (ms, event_type) in [("1000-1", "Order"), ("1001-1", "Hit"), ("1002-1", "Hit")] {
        add(&mut scene, ms, event_type);
    }
    rebuild(&mut scene);
    assert_eq!(scene.stat("partitions"), 2);
    add(&mut scene, "1003-1", "Hit");
    add(&mut scene, "11001-1", "Other");
    let out = format!("{}{{t}}", scene.key("out"));
    let rules: Vec<Option<String>> = scene
        .client
        .entries(&out)
        .iter()
        .map(|entry| entry.get("correlation_rule").map(String::from))
        .collect();
    assert_eq!(rules, [Some("level".into()), Some("late".into())]);
}

#[test]
fn events_that_come_during_a_rebuild_are_taken_once() {
    let mut scene = Scene::new("rebuild");
    scene.rule("pair", "MATCH A AND B WITHIN 1h");
    let (a, b, domain) = (
        scene.key("axon_1"),
        scene.key("axon_2"),
        scene.domain.clone(),
    );
    let mut pipeline = redis::pipe();
    for number in 0..3_000u32 {
        pipeline
            .cmd("XADD")
            .arg(&a)
            .arg(format!("{number}-1"))
            .arg("type")
            .arg("A");
    }
    scene.client.pipeline(&pipeline);
    // All of these come before the first slice of work, and the others in between.
    for round in 0..5u32 {
        let mut pipeline = redis::pipe();
        pipeline.atomic();
        pipeline.cmd("LEAFLET.REBUILD").arg("DOMAIN").arg(&domain);
        for number in 0..100u32 {
            let id = format!("{}-1", 3_000 + round * 100 + number);
            pipeline.cmd("XADD").arg(&b).arg(id).arg("type").arg("B");
        }
        scene.client.pipeline(&pipeline);
    }
    wait_until_rebuilt(&mut scene.client);
    let matches = scene.matches();
    assert_eq!(matches.len(), 500);
    let mut sources: Vec<&str> = matches.iter().flat_map(|m| m.split(' ')).collect();
    sources.sort_unstable();
    sources.dedup();
    assert_eq!(sources.len(), 1_000);
}

#[test]
fn a_replica_rebuilds_too_and_emits_nothing() {
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let replica = Options::new().replica_of(&primary).start();
    let mut scene = Scene::on(&primary, "rebuild");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    scene.rule("seed", SEED);
    rebuild(&mut scene);
    catch_up(&mut scene.client, &mut follower);
    wait_until_rebuilt(&mut follower);
    let out = scene.key("out");
    assert_eq!(follower.entries(&out), scene.out());
    assert_eq!(scene.matches(), ["a b"]);
    follower.ok(&["REPLICAOF", "NO", "ONE"]);
    scene.client = follower;
    scene.feed(&["b2 B@axon_2 1003", "b3 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn a_rebuild_that_was_interrupted_begins_again() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = Scene::on(&server, "rebuild");
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    scene.rule("seed", SEED);
    // Nothing can be emitted while writes are paused.
    let (domain, a) = (scene.domain.clone(), scene.key("axon_1"));
    scene.client.ok(&["MULTI"]);
    for command in [
        &["LEAFLET.REBUILD", "DOMAIN", &domain][..],
        &["XADD", &a, "1003-1", "type", "A"],
        &["CLIENT", "PAUSE", "100000", "WRITE"],
    ] {
        scene.client.call(command);
    }
    scene.client.call(&["EXEC"]);
    assert_eq!(stat(&mut scene.client, &[], "domains_rebuilding"), 1);
    assert!(scene.matches().is_empty());
    killed_and_restarted(&mut server, &mut scene);
    assert_eq!(scene.matches(), ["a b"]);
    scene.feed(&["b2 B@axon_2 1004", "b3 B@axon_2 1005"]);
    assert_eq!(scene.matches().len(), 3);
}
