//! What commands on a stream itself mean to its events: one that has arrived has arrived.

use crate::seed::SEED;
use crate::support::{Entry, Scene};
use redis::Value;

/// Does something to the axon `axon_1` between its event and the event that completes the match.
fn completes_after(what: &str, change: impl FnOnce(&mut Scene, &str)) {
    let mut scene = Scene::new("way_in");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000"]);
    let axon = scene.key("axon_1");
    change(&mut scene, &axon);
    scene.feed(&["b B@axon_2 1001"]);
    assert_eq!(scene.matches(), ["a b"], "after {what}");
    let out = scene.out();
    let lineage = out[0].get("lineage").expect("lineage");
    assert!(lineage.contains("1000-0"), "after {what}: {lineage}");
}

#[test]
fn what_is_deleted_or_trimmed_has_arrived_all_the_same() {
    for command in [
        &["XDEL", "KEY", "1000-0"][..],
        &["XTRIM", "KEY", "MAXLEN", "0"],
        &["XTRIM", "KEY", "MINID", "5000"],
        &["DEL", "KEY"],
        &["UNLINK", "KEY"],
        &["PEXPIREAT", "KEY", "1"],
    ] {
        completes_after(command[0], |scene, axon| {
            let command = command.iter().map(|word| word.replace("KEY", axon));
            scene.client.int(&command.collect::<Vec<_>>());
        });
    }
}

#[test]
fn what_expires_has_arrived_all_the_same() {
    completes_after("PEXPIRE", |scene, axon| {
        scene.client.int(&["PEXPIRE", axon, "1"]);
        scene.client.wait_until("the axon has expired", |client| {
            client.int(&["EXISTS", axon]) == 0
        });
    });
}

#[test]
fn what_is_acknowledged_and_deleted_has_arrived_all_the_same() {
    for (command, tail) in [("XDELEX", ""), ("XACKDEL", "group")] {
        completes_after(command, |scene, axon| {
            let create = ["XGROUP", "CREATE", axon, "group", "0"];
            scene.client.ok(&create);
            let read = ["XREADGROUP", "GROUP", "group", "me", "STREAMS", axon, ">"];
            scene.client.call(&read);
            let mut words = vec![command, axon];
            words.extend((!tail.is_empty()).then_some(tail));
            words.extend(["IDS", "1", "1000-0"]);
            match scene.client.try_call(&words) {
                Ok(_) => assert_eq!(scene.client.int(&["XLEN", axon]), 0),
                // Only Redis 8.2 and later have them.
                Err(line) => assert!(line.contains("unknown command"), "{line}"),
            }
        });
    }
}

#[test]
fn what_is_deleted_in_the_same_transaction_has_arrived() {
    let mut scene = Scene::new("way_in");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    scene.client.ok(&["MULTI"]);
    for command in [
        &["XADD", &a, "1000-0", "type", "A", "event_id", "a"][..],
        &["XDEL", &a, "1000-0"],
        &["XADD", &b, "1001-0", "type", "B", "event_id", "b"],
        &["DEL", &b],
    ] {
        scene.client.text(command);
    }
    scene.client.call(&["EXEC"]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn an_output_that_is_deleted_begins_anew() {
    let mut scene = Scene::new("way_in");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    let out = scene.key("out");
    for command in [&["XTRIM", &out, "MAXLEN", "0"][..], &["DEL", &out]] {
        assert_eq!(scene.client.int(command), 1);
        assert!(scene.matches().is_empty());
        // What was emitted is not emitted again, and the window has stayed.
        scene.feed(&["b2 B@axon_2 1003"]);
        assert_eq!(scene.matches(), ["a2 b2"]);
        scene.feed(&["a2 A@axon_1 1004"]);
    }
}

#[test]
fn an_output_may_be_deleted_by_the_transaction_that_completes() {
    let mut scene = Scene::new("way_in");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    let (b, out) = (scene.key("axon_2"), scene.key("out"));
    scene.client.ok(&["MULTI"]);
    scene
        .client
        .text(&["XADD", &b, "1003-0", "type", "B", "event_id", "b2"]);
    scene.client.text(&["DEL", &out]);
    scene.client.call(&["EXEC"]);
    // Integrated events come after all that the transaction says.
    assert_eq!(scene.matches(), ["a2 b2"]);
}

#[test]
fn ids_may_be_explicit_partial_or_the_servers() {
    let mut scene = Scene::new("way_in");
    scene.rule("one", "MATCH A WITHIN 1s");
    let key = scene.key("axon_1");
    let mut ids = Vec::new();
    for id in ["1000-7", "1001-*", "1001-*", "1002", "*"] {
        ids.push(scene.add("axon_1", id, &[("type", "A")]));
    }
    assert_eq!(ids[..4], ["1000-7", "1001-0", "1001-1", "1002-0"]);
    let expected: Vec<String> = ids.iter().map(|id| format!("{key}/{id}")).collect();
    assert_eq!(scene.matches(), expected);
}

#[test]
fn an_entry_that_its_own_xadd_trims_is_an_event() {
    let mut scene = Scene::new("way_in");
    scene.rule("one", "MATCH A WITHIN 1s");
    let key = scene.key("axon_1");
    for (id, options) in [
        ("1000-0", &["MAXLEN", "=", "0"][..]),
        ("1001-0", &["MINID", "5000"]),
        ("1002-0", &["MAXLEN", "KEEPREF", "=", "0"]),
        ("1003-0", &["MAXLEN", "DELREF", "=", "0"]),
    ] {
        let mut command = vec!["XADD", &key];
        command.extend(options);
        command.extend([id, "type", "A", "event_id", id]);
        match scene.client.try_call(&command) {
            Ok(reply) => assert_eq!(crate::support::text(&reply), id),
            // Only Redis 8.2 and later know how references are to be dealt with.
            Err(line) => {
                assert!(options.len() == 4 || options[1].ends_with("REF"), "{line}");
                continue;
            }
        }
        assert_eq!(scene.client.int(&["XLEN", &key]), 0);
        assert_eq!(scene.matches().last().map(String::as_str), Some(id));
    }
    assert!(scene.matches().len() >= 2);
}

#[test]
fn a_group_or_an_id_that_is_set_is_no_event() {
    let mut scene = Scene::new("way_in");
    scene.rule("one", "MATCH ANY WITHIN 1s");
    let (axon, out) = (scene.key("axon_1"), scene.key("out"));
    for key in [&axon, &out] {
        scene
            .client
            .ok(&["XGROUP", "CREATE", key, "group", "$", "MKSTREAM"]);
    }
    scene.client.ok(&["XSETID", &axon, "999-9"]);
    assert_eq!(scene.stat("events_seen"), 0);
    scene.feed(&["a A@axon_1 1000"]);
    assert_eq!(scene.matches(), ["a"]);
    let group = ["XREADGROUP", "GROUP", "group", "me", "STREAMS", &out, ">"];
    assert_ne!(scene.client.call(&group), Value::Nil);
}

#[test]
fn ids_that_are_used_again_make_the_same_event_id_again() {
    let mut scene = Scene::new("way_in");
    scene.rule("one", "MATCH A WITHIN 1s");
    scene.feed(&["first A@axon_1 1000"]);
    scene.client.int(&["DEL", &scene.key("axon_1")]);
    scene.feed(&["second A@axon_1 1000"]);
    assert_eq!(scene.matches(), ["first", "second"]);
    let id = |entry: &Entry| entry.get("event_id").map(String::from);
    let ids: Vec<_> = scene.out().iter().map(id).collect();
    assert_eq!(ids[0], ids[1]);
}

#[test]
fn a_stream_that_begins_anew_with_old_ids_is_late() {
    let mut scene = Scene::new("way_in");
    scene.rule("seed", SEED);
    scene.feed(&["far A@axon_1 100000"]);
    scene.client.int(&["DEL", &scene.key("axon_1")]);
    scene.feed(&["old A@axon_1 1000", "b B@axon_2 1001"]);
    assert!(scene.matches().is_empty());
    assert_eq!(scene.stat("events_late"), 2);
    scene.feed(&["b2 B@axon_2 100001"]);
    assert_eq!(scene.matches(), ["far b2"]);
}
