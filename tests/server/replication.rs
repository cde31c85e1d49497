//! A replica follows: the same streams, the same definitions, nothing of its own.

use crate::commands::rule_names;
use crate::seed::SEED;
use crate::support::{own, stat, Client, Options, Scene, Server};

pub fn pair() -> Option<(Server, Server)> {
    let primary = own(Options::new())?;
    let replica = Options::new().replica_of(&primary).start();
    Some((primary, replica))
}

/// Waits until the replica has everything the primary has written.
pub fn catch_up(primary: &mut Client, replica: &mut Client) {
    let offset = |info: &std::collections::BTreeMap<String, String>, name: &str| {
        info.get(name).and_then(|offset| offset.parse::<i64>().ok())
    };
    replica.wait_until("the replica has caught up", |replica| {
        let (theirs, ours) = (primary.info("replication"), replica.info("replication"));
        ours.get("master_link_status")
            .is_some_and(|link| link == "up")
            && offset(&theirs, "master_repl_offset") == offset(&ours, "slave_repl_offset")
    });
}

#[test]
fn a_replica_has_the_same_streams_and_emits_nothing_itself() {
    let Some((primary, replica)) = pair() else {
        return;
    };
    let mut scene = Scene::on(&primary, "replica");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    scene.rule("seed", SEED);
    for i in 1..=50 {
        let (a, b) = (
            format!("a{i} A@axon_1 {i}000"),
            format!("b{i} B@axon_2 {i}001"),
        );
        scene.feed(&[&a, &b]);
    }
    let out = scene.key("out");
    catch_up(&mut scene.client, &mut follower);
    let ours = scene.out();
    assert_eq!(ours.len(), 50);
    assert_eq!(follower.entries(&out), ours);
    // It has followed the windows too, without emitting.
    for client in [&mut scene.client, &mut follower] {
        let domain = ["DOMAIN", &scene.domain];
        assert_eq!(stat(client, &domain, "matches"), 50);
        assert_eq!(stat(client, &domain, "events_seen"), 100);
    }
    assert_eq!(follower.entries(&out), ours);
}

#[test]
fn a_replica_that_comes_later_gets_definitions_and_windows() {
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&primary, "replica");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    let replica = Options::new().replica_of(&primary).start();
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    let get = ["LEAFLET.RULE.GET", "seed", "DOMAIN", &scene.domain];
    assert_eq!(follower.map(&get)["text"], SEED);
    let windows = ["DOMAIN", &scene.domain];
    assert_eq!(stat(&mut follower, &windows, "window_events"), 1);
    // It goes on in the middle of a pattern when the primary is gone.
    follower.ok(&["REPLICAOF", "NO", "ONE"]);
    scene.client = follower;
    scene.feed(&["b2 B@axon_2 1003", "b3 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn a_promoted_replica_goes_on_where_the_primary_was() {
    let Some((mut primary, replica)) = pair() else {
        return;
    };
    let mut scene = Scene::on(&primary, "failover");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    catch_up(&mut scene.client, &mut follower);
    primary.kill();
    follower.ok(&["REPLICAOF", "NO", "ONE"]);
    scene.client = follower;
    assert_eq!(rule_names(&mut scene), ["seed"]);
    scene.feed(&["b2 B@axon_2 1003", "b3 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn definitions_are_refused_on_a_replica() {
    let Some((primary, replica)) = pair() else {
        return;
    };
    let mut client = Client::connect(&primary.url());
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut client, &mut follower);
    for command in [
        &["LEAFLET.RULE.ADD", "r", SEED][..],
        &["LEAFLET.DOMAIN.CREATE", "d"],
        &["LEAFLET.RESET"],
    ] {
        let line = follower.refused(command);
        assert!(line.starts_with("READONLY "), "{line}");
    }
    follower.map(&["LEAFLET.STATS"]);
    follower.call(&["LEAFLET.RULE.LIST"]);
}

#[test]
fn a_writable_replica_emits_nothing_either() {
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let replica = Options::new()
        .replica_of(&primary)
        .arg("--replica-read-only", "no")
        .start();
    let mut scene = Scene::on(&primary, "writable");
    scene.rule("seed", "MATCH A WITHIN 1s");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    let (a, out) = (scene.key("axon_1"), scene.key("out"));
    follower.text(&["XADD", &a, "1-0", "type", "A"]);
    assert!(follower.entries(&out).is_empty());
    assert!(!follower.info("server").is_empty());
}
