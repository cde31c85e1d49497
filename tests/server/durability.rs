//! What is written to disk, and what comes back from it.

use crate::commands::rule_names;
use crate::seed::SEED;
use crate::support::aof::{aof_commands, aof_path, cut_aof, xadd_to};
use crate::support::{own, Options, Scene, Server};
use std::fs;

/// The AOF holds `MULTI, XADD source, XADD out, EXEC` in this order, once.
pub fn assert_cause_and_effect_in_one_transaction(server: &Server, source: &str, out: &str) {
    let bytes = fs::read(aof_path(server.dir())).expect("the file");
    let commands: Vec<Vec<String>> = aof_commands(&bytes)
        .into_iter()
        .map(|(command, _)| command)
        .collect();
    let is = |command: &[String], name: &str, key: &str| {
        command[0].eq_ignore_ascii_case(name) && (key.is_empty() || command[1] == key)
    };
    let transactions = commands
        .windows(4)
        .filter(|four| {
            is(&four[0], "MULTI", "")
                && is(&four[1], "XADD", source)
                && is(&four[2], "XADD", out)
                && is(&four[3], "EXEC", "")
        })
        .count();
    assert_eq!(transactions, 1, "{commands:#?}");
    let appended = commands
        .iter()
        .filter(|command| is(command, "XADD", out))
        .count();
    assert_eq!(appended, 1, "{commands:#?}");
}

/// An append-only server with the seed rule and one match, and half of the next.
fn story(server: &Server) -> Scene {
    let mut scene = Scene::on(server, "durable");
    scene.rule("seed", SEED);
    scene.client.ok(&[
        "LEAFLET.RULE.ADD",
        "asleep",
        "MATCH C WITHIN 1s",
        "PAUSED",
        "DOMAIN",
        &scene.domain,
    ]);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    assert_eq!(scene.matches(), ["a b"]);
    scene
}

fn reconnect(scene: &mut Scene) {
    scene.client = scene.connect();
}

#[test]
fn cause_and_effect_are_one_transaction_in_the_aof() {
    let Some(server) = own(Options::new().aof()) else {
        return;
    };
    let scene = story(&server);
    assert_cause_and_effect_in_one_transaction(&server, &scene.key("axon_2"), &scene.key("out"));
}

#[test]
fn multi_and_scripts_stay_one_transaction_in_the_aof() {
    // Definitions are no transactions without their record.
    let options = Options::new().aof().arg("--leaflet.audit-stream", "");
    let Some(server) = own(options) else {
        return;
    };
    let mut scene = Scene::on(&server, "durable");
    scene.rule("seed", SEED);
    let (a, b, out) = (scene.key("axon_1"), scene.key("axon_2"), scene.key("out"));
    scene.client.ok(&["MULTI"]);
    scene.client.text(&["XADD", &a, "1-0", "type", "A"]);
    scene.client.text(&["XADD", &b, "2-0", "type", "B"]);
    scene.client.call(&["EXEC"]);
    let script = "redis.call('XADD', KEYS[1], '3-0', 'type', 'A') \
                  redis.call('XADD', KEYS[2], '4-0', 'type', 'B')";
    scene.client.call(&["EVAL", script, "2", &a, &b]);
    let bytes = fs::read(aof_path(server.dir())).expect("the file");
    let shape: Vec<String> = aof_commands(&bytes)
        .into_iter()
        .map(|(command, _)| match command.get(1) {
            Some(key) if command[0].eq_ignore_ascii_case("XADD") => key.clone(),
            _ => command[0].to_uppercase(),
        })
        .skip_while(|name| name != "MULTI")
        .collect();
    let transaction = ["MULTI", &a, &b, &out, "EXEC"];
    assert_eq!(shape, [transaction, transaction].concat());
}

#[test]
fn an_aof_brings_back_definitions_windows_and_streams_and_fires_nothing_again() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = story(&server);
    let before = scene.out();
    for _ in 0..2 {
        server.kill();
        server.restart();
        reconnect(&mut scene);
        assert_eq!(rule_names(&mut scene), ["seed", "asleep"]);
        assert_eq!(scene.out(), before);
    }
    let asleep = scene
        .client
        .map(&["LEAFLET.RULE.GET", "asleep", "DOMAIN", &scene.domain]);
    assert!(["1", "true"].contains(&asleep["paused"].as_str()));
    scene.feed(&["b2 B@axon_2 1003", "b3 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn an_rdb_brings_back_definitions_windows_and_streams_and_fires_nothing_again() {
    let Some(mut server) = own(Options::new().arg("--save", "3600 1")) else {
        return;
    };
    let mut scene = story(&server);
    let before = scene.out();
    let _ = scene.client.try_call(&["SHUTDOWN", "SAVE"]);
    server.restart();
    reconnect(&mut scene);
    assert_eq!(rule_names(&mut scene), ["seed", "asleep"]);
    assert_eq!(scene.out(), before);
    let domain = scene.client.map(&["LEAFLET.DOMAIN.INFO", &scene.domain]);
    assert_eq!(domain["output"], scene.key("out"));
    let asleep = scene
        .client
        .map(&["LEAFLET.RULE.GET", "asleep", "DOMAIN", &scene.domain]);
    assert!(["1", "true"].contains(&asleep["paused"].as_str()));
    // The window goes on in the middle.
    scene.feed(&["b2 B@axon_2 1003", "b3 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn a_deadline_survives_a_restart_from_an_rdb_and_fires_in_silence() {
    let Some(mut server) = own(Options::new().arg("--save", "3600 1")) else {
        return;
    };
    let mut scene = Scene::on(&server, "durable");
    scene.rule("late", "MATCH Order -> NOT Ship FOR 500ms WITHIN 1s");
    scene.feed(&["o Order@axon_1 1000"]);
    let _ = scene.client.try_call(&["SHUTDOWN", "SAVE"]);
    server.restart();
    reconnect(&mut scene);
    let out = scene.key("out");
    scene
        .client
        .wait_until("the deadline", |client| client.int(&["XLEN", &out]) == 1);
    assert_eq!(scene.matches(), ["o"]);
}

#[test]
fn an_aof_rewrite_keeps_definitions_and_windows() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = story(&server);
    let before = scene.out();
    scene.client.call(&["BGREWRITEAOF"]);
    scene.client.wait_until("the rewrite", |client| {
        let state = client.info("persistence");
        state["aof_rewrite_in_progress"] == "0" && state["aof_rewrite_scheduled"] == "0"
    });
    server.kill();
    server.restart();
    reconnect(&mut scene);
    assert_eq!(rule_names(&mut scene), ["seed", "asleep"]);
    assert_eq!(scene.out(), before);
    // The window goes on in the middle.
    scene.feed(&["b2 B@axon_2 1003", "b3 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn a_dropped_default_domain_stays_dropped() {
    let Some(mut server) = own(Options::new().arg("--save", "3600 1")) else {
        return;
    };
    let mut client = crate::support::Client::connect(&server.url());
    client.ok(&["LEAFLET.DOMAIN.DROP", "default"]);
    let _ = client.try_call(&["SHUTDOWN", "SAVE"]);
    server.restart();
    let mut client = crate::support::Client::connect(&server.url());
    client.refused_with(
        &["LEAFLET.DOMAIN.INFO", "default"],
        "ERR LEAFLET: no such domain 'default'",
    );
}

#[test]
fn reloading_in_place_fires_nothing_again() {
    let Some(server) = own(Options::new().aof().arg("--enable-debug-command", "yes")) else {
        return;
    };
    let mut scene = story(&server);
    let before = scene.out();
    for command in [&["DEBUG", "LOADAOF"], &["DEBUG", "RELOAD"]] {
        scene.client.ok(command);
        assert_eq!(scene.out(), before, "{command:?}");
        assert_eq!(rule_names(&mut scene), ["seed", "asleep"], "{command:?}");
    }
    // The window goes on in the middle.
    scene.feed(&["b2 B@axon_2 1003", "b3 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn a_torn_transaction_does_not_come_back() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = story(&server);
    let (source, out) = (scene.key("axon_2"), scene.key("out"));
    server.kill();
    // The power went between the completing XADD and the integrated event.
    cut_aof(server.dir(), xadd_to(&source), 0);
    server.restart();
    reconnect(&mut scene);
    assert_eq!(scene.client.int(&["XLEN", &source]), 0);
    assert_eq!(scene.client.int(&["XLEN", &out]), 0);
    // The window is as it was before the torn write.
    scene.feed(&["b B@axon_2 1001"]);
    assert_eq!(scene.matches(), ["a b"]);
}
