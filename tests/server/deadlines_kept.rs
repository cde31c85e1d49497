//! Deadlines in replicas and on disk: met once, wherever the time passes.

use crate::deadlines::{feed_at_once, wait_for, UNSHIPPED, UNSHIPPED_IN_AN_HOUR};
use crate::replication::{catch_up, pair};
use crate::support::aof::{aof_commands, aof_path, cut_aof};
use crate::support::{own, stat, Client, Options, Scene, Server};
use std::fs;

/// The commands in the AOF from this one on, each as its name and first argument.
fn shape_from(server: &Server, first: &str) -> Vec<String> {
    let bytes = fs::read(aof_path(server.dir())).expect("the file");
    aof_commands(&bytes)
        .into_iter()
        .map(|(command, _)| command)
        .skip_while(|command| !command.iter().any(|word| word == first))
        .filter(|command| !command[0].eq_ignore_ascii_case("SELECT"))
        .map(|command| match command.get(1) {
            Some(argument) => format!("{} {argument}", command[0].to_uppercase()),
            None => command[0].to_uppercase(),
        })
        .collect()
}

fn reconnect(scene: &mut Scene) {
    scene.client = scene.connect();
}

#[test]
fn the_aof_has_the_tick_and_what_it_completes_in_one_transaction() {
    let Some(server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = Scene::on(&server, "aof");
    scene.rule("unshipped", UNSHIPPED);
    scene.rule("later", UNSHIPPED_IN_AN_HOUR);
    scene.rule("noise", "MATCH Noise WITHIN 1s");
    scene.feed(&["o Order@axon_1 1000 order_id=1"]);
    wait_for(&mut scene, &["o"]);
    scene.feed(&["n Noise@axon_3 3601001"]);
    assert_eq!(scene.matches(), ["o", "o", "n"]);
    let (order, noise, out) = (scene.key("axon_1"), scene.key("axon_3"), scene.key("out"));
    let expected = [
        format!("XADD {order}"),
        "MULTI".into(),
        format!("LEAFLET.TICK {}", scene.domain),
        format!("XADD {out}"),
        "EXEC".into(),
        "MULTI".into(),
        format!("XADD {noise}"),
        format!("XADD {out}"),
        format!("XADD {out}"),
        "EXEC".into(),
    ];
    assert_eq!(shape_from(&server, &order), expected);
}

#[test]
fn a_restart_from_the_aof_neither_loses_nor_doubles() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = Scene::on(&server, "aof");
    scene.rule("unshipped", UNSHIPPED);
    scene.rule("later", &UNSHIPPED_IN_AN_HOUR.replace("Order", "Wish"));
    feed_at_once(
        &mut scene,
        &[
            "o1 Order@axon_1 1000 order_id=1",
            "o2 Order@axon_1 1001 order_id=2",
            "s2 Ship@axon_2 1002 order_id=2",
            "w Wish@axon_1 1003 order_id=3",
        ],
    );
    wait_for(&mut scene, &["o1"]);
    let first = scene.out();
    // One that still waits when the server goes.
    scene.feed(&["o4 Order@axon_1 2000 order_id=4"]);
    server.kill();
    server.restart();
    reconnect(&mut scene);
    wait_for(&mut scene, &["o1", "o4"]);
    assert_eq!(scene.out()[0], first[0]);
    for _ in 0..2 {
        server.kill();
        server.restart();
        reconnect(&mut scene);
        assert_eq!(scene.matches(), ["o1", "o4"]);
    }
    // What needs an hour has waited through all of it.
    scene.feed(&["n Noise@axon_3 3601004"]);
    assert_eq!(scene.matches(), ["o1", "o4", "w"]);
}

#[test]
fn a_torn_tick_is_taken_again() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = Scene::on(&server, "torn");
    scene.rule("unshipped", UNSHIPPED);
    scene.feed(&["o Order@axon_1 1000 order_id=1"]);
    wait_for(&mut scene, &["o"]);
    let before = scene.out();
    server.kill();
    // The power went between the tick and what it completed.
    let is_tick = |command: &[String]| command[0].eq_ignore_ascii_case("LEAFLET.TICK");
    cut_aof(server.dir(), is_tick, 0);
    server.restart();
    reconnect(&mut scene);
    wait_for(&mut scene, &["o"]);
    assert_eq!(scene.out()[0].fields, before[0].fields);
}

#[test]
fn loading_in_place_keeps_what_waits() {
    let Some(server) = own(Options::new().aof().arg("--enable-debug-command", "yes")) else {
        return;
    };
    let mut scene = Scene::on(&server, "reload");
    scene.rule("unshipped", UNSHIPPED);
    scene.feed(&["o1 Order@axon_1 1000 order_id=1"]);
    scene.client.ok(&["DEBUG", "LOADAOF"]);
    wait_for(&mut scene, &["o1"]);
    scene.client.ok(&["DEBUG", "LOADAOF"]);
    scene.feed(&["o2 Order@axon_1 2000 order_id=2"]);
    wait_for(&mut scene, &["o1", "o2"]);
}

#[test]
fn a_replica_gets_the_ticks_and_emits_nothing_itself() {
    let Some((primary, replica)) = pair() else {
        return;
    };
    let mut scene = Scene::on(&primary, "replica");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    scene.rule("unshipped", UNSHIPPED);
    let mut expected = Vec::new();
    for i in 1..=20 {
        let ms = 1000 * i;
        scene.feed(&[
            &format!("o{i} Order@axon_1{{{}}} {ms} order_id={i}", i % 3),
            &format!("p{i} Order@axon_1 {ms} order_id={i}"),
        ]);
        expected.push(format!("p{i}"));
    }
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    wait_for(&mut scene, &expected);
    let domain = scene.domain.clone();
    let of = ["DOMAIN", &domain];
    scene
        .client
        .wait_until("all leaflets", |client| stat(client, &of, "matches") == 40);
    catch_up(&mut scene.client, &mut follower);
    for tag in ["", "{0}", "{1}", "{2}"] {
        let out = scene.key(&format!("out{tag}"));
        assert_eq!(follower.entries(&out), scene.client.entries(&out), "{tag}");
    }
    for (figure, expected) in [("matches", 40), ("leaflets", 0), ("emit_errors", 0)] {
        assert_eq!(stat(&mut follower, &of, figure), expected, "{figure}");
    }
    let line = follower.refused(&["LEAFLET.TICK", &domain, "", "1"]);
    assert!(line.starts_with("READONLY "), "{line}");
}

#[test]
fn a_replica_waits_for_its_primary() {
    let Some((mut primary, replica)) = pair() else {
        return;
    };
    let mut scene = Scene::on(&primary, "failover");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    scene.rule("unshipped", UNSHIPPED);
    scene.feed(&["o1 Order@axon_1 1000 order_id=1"]);
    wait_for(&mut scene, &["o1"]);
    feed_at_once(
        &mut scene,
        &[
            "o2 Order@axon_1 2000 order_id=2",
            "o3 Order@axon_1 2000 order_id=3",
            "s3 Ship@axon_2 2001 order_id=3",
        ],
    );
    catch_up(&mut scene.client, &mut follower);
    primary.kill();
    scene.client = follower;
    // Its deadline passes, and nobody says so.
    let mut marker = 0;
    scene.client.wait_until("some time", |_| {
        marker += 1;
        marker > 60
    });
    assert_eq!(scene.matches(), ["o1"]);
    scene.client.ok(&["REPLICAOF", "NO", "ONE"]);
    wait_for(&mut scene, &["o1", "o2"]);
    let out = scene.out();
    assert_eq!(out[1].get("timestamp"), Some("1970-01-01T00:00:02.300Z"));
    // And it goes on.
    scene.feed(&["o4 Order@axon_1 3000 order_id=4"]);
    wait_for(&mut scene, &["o1", "o2", "o4"]);
}

#[test]
fn a_primary_that_becomes_a_replica_follows_the_other() {
    let Some((first, second)) = pair() else {
        return;
    };
    let mut scene = Scene::on(&first, "switch");
    let mut other = Client::connect(&second.url());
    catch_up(&mut scene.client, &mut other);
    scene.rule("unshipped", UNSHIPPED);
    scene.feed(&["o1 Order@axon_1 1000 order_id=1"]);
    catch_up(&mut scene.client, &mut other);
    let port = second.port().to_string();
    other.ok(&["REPLICAOF", "NO", "ONE"]);
    scene.client.ok(&["REPLICAOF", "127.0.0.1", &port]);
    let out = scene.key("out");
    other.wait_until("the deadline", |client| client.int(&["XLEN", &out]) == 1);
    let axon = scene.key("axon_1");
    let order = ["XADD", &axon, "2000-0", "type", "Order", "order_id", "2"];
    other.text(&[&order[..], &["event_id", "o2"]].concat());
    other.wait_until("the deadline", |client| client.int(&["XLEN", &out]) == 2);
    catch_up(&mut other, &mut scene.client);
    assert_eq!(scene.out(), other.entries(&out));
    assert_eq!(scene.matches(), ["o1", "o2"]);
}

#[test]
fn a_failover_command_lets_nothing_fire_twice() {
    let Some((first, second)) = pair() else {
        return;
    };
    let mut scene = Scene::on(&first, "failover");
    let mut other = Client::connect(&second.url());
    catch_up(&mut scene.client, &mut other);
    scene.rule("unshipped", UNSHIPPED);
    let events: Vec<String> = (0..50)
        .map(|i| format!("o{i} Order@axon_1 {} order_id={i}", 1000 + i))
        .collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    feed_at_once(&mut scene, &events);
    scene.client.ok(&["FAILOVER"]);
    other.wait_until("the switch", |client| {
        client.info("replication")["role"] == "master"
    });
    let out = scene.key("out");
    other.wait_until("the deadlines", |client| client.int(&["XLEN", &out]) >= 50);
    catch_up(&mut other, &mut scene.client);
    let sources: Vec<String> = other.entries(&out).iter().map(|e| e.sources()).collect();
    let expected: Vec<String> = (0..50).map(|i| format!("o{i}")).collect();
    assert_eq!(sources, expected);
    assert_eq!(scene.out(), other.entries(&out));
}
