//! Clients that wait, writes that wait, and scripts that fail.

use crate::seed::SEED;
use crate::support::{own, text, Client, Options, Scene};
use redis::Value;
use std::thread;

/// Runs a command that blocks on a connection of its own, and waits until the server has it blocked.
fn blocked(scene: &mut Scene, command: &[&str]) -> thread::JoinHandle<Value> {
    let words: Vec<String> = command.iter().map(|word| word.to_string()).collect();
    let mut client = scene.connect();
    let id = client.int(&["CLIENT", "ID"]).to_string();
    let waiting = thread::spawn(move || client.call(&words));
    scene
        .client
        .wait_until("the client is blocked", |observer| {
            let line = observer.text(&["CLIENT", "LIST", "ID", &id]);
            line.contains("flags=b")
        });
    waiting
}

#[test]
fn who_waits_for_the_output_gets_the_integrated_event() {
    let mut scene = Scene::new("block");
    scene.rule("seed", SEED);
    let (a, b, out) = (scene.key("axon_1"), scene.key("axon_2"), scene.key("out"));
    let (read, script) = (
        ["XREAD", "BLOCK", "0", "STREAMS", &out, "$"],
        "return redis.call('XADD', KEYS[1], ARGV[1], 'type', 'B', 'event_id', 'b')",
    );
    // By an XADD, a transaction and a script.
    for (i, complete) in [
        &[&["XADD", &b, "1000-9", "type", "B", "event_id", "b"][..]][..],
        &[
            &["MULTI"],
            &["XADD", &b, "2000-9", "type", "B", "event_id", "b"],
            &["EXEC"],
        ],
        &[&["EVAL", script, "1", &b, "3000-9"]],
    ]
    .iter()
    .enumerate()
    {
        let id = format!("{}-0", (i + 1) * 1000);
        scene
            .client
            .text(&["XADD", &a, &id, "type", "A", "event_id", "a"]);
        let waiting = blocked(&mut scene, &read);
        for command in *complete {
            scene.client.call(command);
        }
        let reply = waiting.join().expect("a reply");
        let Value::Array(streams) = reply else {
            panic!("{reply:?}");
        };
        assert!(text(&streams[0]).contains("[\"a\",\"b\"]"));
    }
    assert_eq!(scene.matches(), ["a b"; 3]);
}

#[test]
fn a_group_that_waits_for_the_output_gets_each_integrated_event_once() {
    let mut scene = Scene::new("block");
    scene.rule("one", "MATCH A WITHIN 1s");
    let out = scene.key("out");
    let group = ["XGROUP", "CREATE", &out, "group", "$", "MKSTREAM"];
    scene.client.ok(&group);
    let waiting = ["first", "second"].map(|consumer| {
        let read = [
            "XREADGROUP",
            "GROUP",
            "group",
            consumer,
            "COUNT",
            "1",
            "BLOCK",
            "0",
            "STREAMS",
            &out,
            ">",
        ];
        blocked(&mut scene, &read)
    });
    scene.feed(&["a1 A@axon_1 1000", "a2 A@axon_1 1001"]);
    let got = waiting.map(|waiting| {
        let Value::Array(streams) = waiting.join().expect("a reply") else {
            panic!("no streams");
        };
        text(&streams[0])
    });
    assert!(
        got[0].contains("[\"a1\"]") && got[1].contains("[\"a2\"]"),
        "{got:?}"
    );
}

#[test]
fn who_waits_for_the_output_is_woken_by_a_deadline() {
    let mut scene = Scene::new("block");
    scene.rule("silent", "MATCH O -> NOT S FOR 100ms WITHIN 1s");
    let out = scene.key("out");
    let waiting = blocked(&mut scene, &["XREAD", "BLOCK", "0", "STREAMS", &out, "$"]);
    scene.feed(&["o O@axon_1 1000"]);
    let Value::Array(streams) = waiting.join().expect("a reply") else {
        panic!("no streams");
    };
    assert!(text(&streams[0]).contains("[\"o\"]"));
}

#[test]
fn who_waits_for_a_list_is_served_after_the_integrated_event() {
    let mut scene = Scene::new("block");
    scene.rule("seed", SEED);
    let (a, b, list) = (scene.key("axon_1"), scene.key("axon_2"), scene.key("list"));
    let waiting = blocked(&mut scene, &["BLPOP", &list, "0"]);
    scene.client.ok(&["MULTI"]);
    for command in [
        &["XADD", &a, "1000-0", "type", "A", "event_id", "a"][..],
        &["LPUSH", &list, "x"],
        &["XADD", &b, "1001-0", "type", "B", "event_id", "b"],
    ] {
        scene.client.text(command);
    }
    scene.client.call(&["EXEC"]);
    assert_eq!(text(&waiting.join().expect("a reply")), format!("{list} x"));
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn writes_that_wait_for_the_end_of_a_pause_are_all_correlated() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    for mode in ["WRITE", "ALL"] {
        let mut scene = Scene::on(&server, "pause");
        scene.rule("one", "MATCH A WITHIN 1h");
        scene.rule("silent", "MATCH O -> NOT S FOR 50ms WITHIN 1h");
        scene.feed(&["o O@axon_1 1000"]);
        let (a, out) = (scene.key("axon_2"), scene.key("out"));
        // They connect before, as a pause of everything keeps them from it.
        let mut clients: Vec<Client> = (0..5).map(|_| scene.connect()).collect();
        scene.client.ok(&["CLIENT", "PAUSE", "300", mode]);
        let writers: Vec<_> = clients
            .drain(..)
            .enumerate()
            .map(|(i, mut client)| {
                let (a, id) = (a.clone(), format!("e{i}"));
                thread::spawn(move || {
                    client.text(&["XADD", &a, "2000-*", "type", "A", "event_id", &id]);
                })
            })
            .collect();
        for writer in writers {
            writer.join().expect("a writer");
        }
        scene
            .client
            .wait_until("all six", |client| client.int(&["XLEN", &out]) == 6);
        let mut matches = scene.matches();
        matches.sort();
        assert_eq!(matches, ["e0", "e1", "e2", "e3", "e4", "o"], "{mode}");
        assert_eq!(scene.stat("emit_errors"), 0);
    }
}

#[test]
fn a_script_that_goes_on_after_an_error_has_all_its_events_correlated() {
    let mut scene = Scene::new("pcall");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    let script = "redis.call('XADD', KEYS[1], '1-0', 'type', 'A', 'event_id', 'a') \
                  local failed = redis.pcall('XADD', KEYS[1], '1-0', 'type', 'A', 'event_id', 'not') \
                  redis.call('XADD', KEYS[2], '2-0', 'type', 'B', 'event_id', 'b') \
                  return failed.err and 'failed' or 'not'";
    assert_eq!(scene.client.text(&["EVAL", script, "2", &a, &b]), "failed");
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(scene.stat("events_seen"), 2);
}

#[test]
fn a_function_that_fails_half_way_still_has_its_events_correlated() {
    let mut scene = Scene::new("function");
    scene.rule("seed", SEED);
    let name = scene.domain.clone();
    let code = format!(
        "#!lua name={name}\n\
         redis.register_function('{name}', function(keys, args)\n\
           redis.call('XADD', keys[1], '1-0', 'type', 'A', 'event_id', 'a')\n\
           redis.call('XADD', keys[2], '2-0', 'type', 'B', 'event_id', 'b')\n\
           error('on purpose')\n\
         end)"
    );
    scene.client.call(&["FUNCTION", "LOAD", &code]);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    scene.client.refused(&["FCALL", &name, "2", &a, &b]);
    scene.client.ok(&["FUNCTION", "DELETE", &name]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn a_script_that_only_reads_adds_no_events() {
    let mut scene = Scene::new("readonly");
    scene.rule("one", "MATCH A WITHIN 1s");
    let a = scene.key("axon_1");
    let write = "return redis.call('XADD', KEYS[1], '1-0', 'type', 'A')";
    scene.client.refused(&["EVAL_RO", write, "1", &a]);
    let flagged = format!("#!lua flags=no-writes\n{write}");
    scene.client.refused(&["EVAL", &flagged, "1", &a]);
    let read = "return redis.call('XLEN', KEYS[1])";
    assert_eq!(scene.client.int(&["EVAL_RO", read, "1", &a]), 0);
    assert_eq!(scene.stat("events_seen"), 0);
    assert!(scene.matches().is_empty());
}

#[test]
fn a_transaction_that_fails_in_part_has_the_rest_correlated() {
    let mut scene = Scene::new("partly");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    scene.client.ok(&["MULTI"]);
    for (key, id, event_type) in [(&a, "5-0", "A"), (&a, "1-0", "A"), (&b, "6-0", "B")] {
        scene
            .client
            .text(&["XADD", key, id, "type", event_type, "event_id", id]);
    }
    let reply = scene.client.try_call(&["EXEC"]);
    assert!(reply.is_ok() || reply.is_err_and(|line| line.contains("smaller")));
    assert_eq!(scene.matches(), ["5-0 6-0"]);
}

#[test]
fn a_client_that_goes_away_in_a_transaction_leaves_no_event() {
    let mut scene = Scene::new("gone");
    scene.rule("one", "MATCH A WITHIN 1s");
    let a = scene.key("axon_1");
    let mut client = scene.connect();
    client.ok(&["MULTI"]);
    client.text(&["XADD", &a, "1-0", "type", "A"]);
    drop(client);
    scene.feed(&["a A@axon_1 1000"]);
    assert_eq!(scene.matches(), ["a"]);
    assert_eq!(scene.stat("events_seen"), 1);
}
