//! Writes that the server refuses: what completes a match is refused as any write, and what was taken is emitted.

use crate::seed::SEED;
use crate::support::{own, stat, Client, Options, Scene, Server};

/// A rule that fires in silence, and an event it waits with.
fn waiting(server: &Server) -> Scene {
    let mut scene = Scene::on(server, "waiting");
    scene.rule("silent", "MATCH O -> NOT S FOR 300ms WITHIN 1h");
    scene.feed(&["o O@axon_1 1000"]);
    scene
}

fn ticks_refused(client: &mut Client) -> u64 {
    stat(client, &[], "ticks_refused")
}

#[test]
fn with_too_few_replicas_time_waits() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = waiting(&server);
    let (axon, out) = (scene.key("axon_1"), scene.key("out"));
    scene
        .client
        .ok(&["CONFIG", "SET", "min-replicas-to-write", "1"]);
    let line = scene.client.refused(&["XADD", &axon, "*", "type", "O"]);
    assert!(line.starts_with("NOREPLICAS "), "{line}");
    scene
        .client
        .wait_until("a tick is refused", |client| ticks_refused(client) > 1);
    assert!(scene.matches().is_empty());
    assert_eq!(scene.stat("window_events"), 1);
    assert!(server
        .log()
        .contains("time can't pass, deadlines wait: NOREPLICAS"));
    scene
        .client
        .ok(&["CONFIG", "SET", "min-replicas-to-write", "0"]);
    scene
        .client
        .wait_until("the deadline", |client| client.int(&["XLEN", &out]) == 1);
    scene.feed(&["o2 O@axon_1 900000"]);
    assert_eq!(scene.matches(), ["o"]);
    assert_eq!(scene.stat("emit_errors"), 0);
}

#[test]
fn while_the_server_can_not_persist_time_waits() {
    let Some(server) = own(Options::new().arg("--save", "3600 1000000")) else {
        return;
    };
    let mut scene = waiting(&server);
    let (axon, out) = (scene.key("axon_1"), scene.key("out"));
    let folder = server.dir().join("dump.rdb");
    // What stands in its place can't be replaced by a file.
    std::fs::create_dir_all(folder.join("full")).expect("a folder");
    let saved = |client: &mut Client, how: &str| {
        client.call(&["BGSAVE"]);
        client.wait_until(how, |client| {
            client.info("persistence")["rdb_last_bgsave_status"] == how
        });
    };
    saved(&mut scene.client, "err");
    let line = scene.client.refused(&["XADD", &axon, "*", "type", "O"]);
    assert!(line.starts_with("MISCONF "), "{line}");
    scene
        .client
        .wait_until("a tick is refused", |client| ticks_refused(client) > 1);
    assert!(scene.matches().is_empty());
    std::fs::remove_dir_all(folder).expect("no folder");
    saved(&mut scene.client, "ok");
    scene
        .client
        .wait_until("the deadline", |client| client.int(&["XLEN", &out]) == 1);
    assert_eq!(scene.matches(), ["o"]);
}

#[test]
fn an_output_that_has_used_up_its_ids_is_counted() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "ids");
    scene.rule("one", "MATCH A WITHIN 1s");
    let out = scene.key("out");
    let last = "18446744073709551615-18446744073709551615";
    scene.client.text(&["XADD", &out, last, "x", "y"]);
    scene.feed(&["a A@axon_1 1000", "a2 A@axon_1 1001"]);
    assert_eq!(scene.client.int(&["XLEN", &out]), 1);
    assert_eq!(scene.stat("emit_errors"), 2);
    assert_eq!(scene.stat("matches"), 2);
    assert_eq!(scene.stat("emitted"), 0);
    // The log tells which integrated event it was.
    scene.client.int(&["DEL", &out]);
    scene.feed(&["a3 A@axon_1 1002"]);
    assert_eq!(scene.matches(), ["a3"]);
    let try_again = ["LEAFLET.RULE.BACKTEST", "one", "DOMAIN", &scene.domain];
    let reply = scene.client.call(&try_again);
    let tried = format!("{reply:?}");
    let log = server.log();
    let line = log
        .lines()
        .find(|line| line.contains("can't append "))
        .expect("a line");
    let (_, rest) = line.split_once("can't append ").expect("the words");
    let id = rest.split(' ').next().expect("an id");
    assert_eq!(id.len(), 36, "{line}");
    assert!(tried.contains(id), "{id} is in no backtest");
}

#[test]
fn an_axon_that_has_used_up_its_ids_is_refused_by_the_server() {
    let mut scene = Scene::new("ids");
    scene.rule("one", "MATCH A WITHIN 1s");
    let axon = scene.key("axon_1");
    let last = "18446744073709551615-18446744073709551615";
    let add = ["XADD", &axon, last, "type", "A", "event_id", "last"];
    scene.client.text(&add);
    scene.client.refused(&["XADD", &axon, "*", "type", "A"]);
    assert_eq!(scene.matches(), ["last"]);
    assert_eq!(scene.stat("events_seen"), 1);
}

#[test]
fn where_xadd_has_another_name_nothing_can_be_appended() {
    let renamed = Options::new().arg("--rename-command XADD", "APPEND_TO_STREAM");
    let Some(server) = own(renamed) else {
        return;
    };
    let mut scene = Scene::on(&server, "renamed");
    scene.rule("one", "MATCH A WITHIN 1s");
    let axon = scene.key("axon_1");
    scene
        .client
        .text(&["APPEND_TO_STREAM", &axon, "1000-0", "type", "A"]);
    assert_eq!(scene.stat("matches"), 1);
    assert_eq!(scene.stat("emit_errors"), 1);
    assert!(server.log().contains("unknown command 'XADD'"));
}

#[test]
fn who_may_only_add_to_an_axon_completes_matches_all_the_same() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "acl");
    scene.rule("seed", SEED);
    let (a, b, out) = (scene.key("axon_1"), scene.key("axon_2"), scene.key("out"));
    let keys = format!("~{}", scene.key("axon_*"));
    let user = [
        "ACL",
        "SETUSER",
        "default",
        "on",
        "nopass",
        "resetkeys",
        &keys,
        "-@all",
        "+xadd",
    ];
    let mut producer = scene.connect();
    scene.client.ok(&[
        "ACL", "SETUSER", "admin", "on", "nopass", "~*", "&*", "+@all",
    ]);
    scene.client.ok(&["AUTH", "admin", "any"]);
    scene.client.ok(&user);
    producer.text(&["XADD", &a, "1000-0", "type", "A", "event_id", "a"]);
    producer.text(&["XADD", &b, "1001-0", "type", "B", "event_id", "b"]);
    let line = producer.refused(&["XADD", &out, "*", "x", "y"]);
    assert!(line.starts_with("NOPERM "), "{line}");
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn what_was_taken_is_emitted_beyond_maxmemory() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "oom");
    scene.rule("one", "MATCH A AS a WITHIN 1s EMIT note = a.note");
    let (a, out) = (scene.key("axon_1"), scene.key("out"));
    let limit = crate::faults::used_memory(&mut scene.client) as u64 + 1_000_000;
    let set = ["CONFIG", "SET", "maxmemory", &limit.to_string()];
    scene.client.ok(&set);
    // What a script has begun below the limit it may end beyond it; so do the integrated events.
    let script = "for i = 1, 300 do \
                    redis.call('XADD', KEYS[1], i .. '-0', 'type', 'A', 'note', string.rep('x', 10000)) \
                  end";
    scene.client.call(&["EVAL", script, "1", &a]);
    let line = scene.client.refused(&["XADD", &a, "*", "type", "A"]);
    assert!(line.starts_with("OOM "), "{line}");
    assert_eq!(scene.client.int(&["XLEN", &out]), 300);
    assert_eq!(scene.stat("emitted"), 300);
    assert_eq!(scene.stat("emit_errors"), 0);
}

#[test]
fn a_deadline_is_met_beyond_maxmemory() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = waiting(&server);
    let out = scene.key("out");
    scene.client.ok(&["CONFIG", "SET", "maxmemory", "1"]);
    scene
        .client
        .wait_until("the deadline", |client| client.int(&["XLEN", &out]) == 1);
    assert_eq!(scene.matches(), ["o"]);
}
