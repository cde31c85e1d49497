//! Saccules on replicas, in files and through rebuilds.

use super::letters::{telling, told};
use super::{listed, saccule};
use crate::replication::{catch_up, pair};
use crate::seed::SEED;
use crate::support::{own, stat, Client, Options, Scene, Server};

const TEXT: &str = "REQUIRE value > 0 ELSE 'too little'; SET value = value * 10";

/// A rule, a saccule, a match, and half of the next.
fn story(server: &Server) -> Scene {
    let mut scene = Scene::on(server, "surviving");
    scene.rule("seed", SEED);
    saccule(&mut scene, "ten", TEXT, &["AXON", "axon_[12]"]);
    saccule(&mut scene, "second", "DROP x", &[]);
    scene.feed(&["a A@axon_1 1000 value=1", "b B@axon_2 1001 value=2"]);
    scene.feed(&["z A@axon_1 1002 value=0", "a2 A@axon_1 1003 value=3"]);
    assert_eq!(scene.matches(), ["a b"]);
    scene
}

/// The second match is completed, and its values are what the saccule has made of them.
fn goes_on(scene: &mut Scene) {
    scene.client.wait_until("a rebuild, if any", |client| {
        stat(client, &[], "domains_rebuilding") == 0
    });
    let domain = scene.domain.clone();
    let expected = [format!("ten(axon_[12]): {TEXT}"), "second(): DROP x".into()];
    assert_eq!(listed(&mut scene.client, &domain), expected);
    scene.feed(&["y B@axon_2 1004 value=-1", "b2 B@axon_2 1005 value=5"]);
    let out = scene.out();
    let values: Vec<_> = out
        .iter()
        .map(|entry| entry.get("integrated_value"))
        .collect();
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
    assert_eq!(values, [Some("15"), Some("40")]);
}

#[test]
fn a_replica_follows_and_takes_over() {
    let Some((mut primary, replica)) = pair() else {
        return;
    };
    let mut scene = Scene::on(&primary, "replica");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    let mut client = scene.connect();
    let (domain, bad) = telling(&mut client, &scene, &[]);
    scene.feed(&["a A@axon_1 1000", "b A@axon_1 1001 value=1"]);
    catch_up(&mut scene.client, &mut follower);
    assert_eq!(told(&follower.entries(&bad)), ["a too little"]);
    assert_eq!(follower.entries(&bad), client.entries(&bad));
    assert_eq!(listed(&mut follower, &domain), listed(&mut client, &domain));
    // It has seen what its primary has, and told of nothing itself.
    assert_eq!(
        stat(&mut follower, &["DOMAIN", &domain], "events_rejected"),
        1
    );
    let add = ["LEAFLET.SACCULE.ADD", "s", "DROP x"];
    assert!(follower.refused(&add).starts_with("READONLY "));
    // One that comes later gets all in an RDB.
    let late = Options::new().replica_of(&primary).start();
    let mut later = Client::connect(&late.url());
    catch_up(&mut scene.client, &mut later);
    assert_eq!(listed(&mut later, &domain), listed(&mut client, &domain));
    assert_eq!(later.entries(&bad), client.entries(&bad));
    primary.kill();
    follower.ok(&["REPLICAOF", "NO", "ONE"]);
    let key = scene.key("axon_1");
    follower.text(&["XADD", &key, "1002-0", "type", "A", "event_id", "c"]);
    assert_eq!(
        told(&follower.entries(&bad)),
        ["a too little", "c too little"]
    );
}

#[test]
fn an_rdb_holds_them() {
    let Some(mut server) = own(Options::new().arg("--save", "3600 1")) else {
        return;
    };
    let mut scene = story(&server);
    let _ = scene.client.try_call(&["SHUTDOWN", "SAVE"]);
    server.restart();
    scene.client = scene.connect();
    goes_on(&mut scene);
}

#[test]
fn an_append_only_file_holds_them() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = story(&server);
    server.kill();
    server.restart();
    scene.client = scene.connect();
    goes_on(&mut scene);
}

#[test]
fn an_append_only_file_without_preamble_holds_them_after_a_rewrite() {
    let options = Options::new().aof().arg("--aof-use-rdb-preamble", "no");
    let Some(mut server) = own(options) else {
        return;
    };
    let mut scene = story(&server);
    scene.client.call(&["BGREWRITEAOF"]);
    scene.client.wait_until("the rewrite", |client| {
        let info = client.info("persistence");
        info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
    });
    server.kill();
    server.restart();
    scene.client = scene.connect();
    goes_on(&mut scene);
}

#[test]
fn a_rebuild_meets_them_and_tells_nothing_twice() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "rebuild");
    let mut client = scene.connect();
    let (domain, bad) = telling(&mut client, &scene, &[]);
    client.ok(&["LEAFLET.RULE.ADD", "seed", SEED, "DOMAIN", &domain]);
    scene.feed(&["a A@axon_1 1000 value=0", "b A@axon_1 1001 value=1"]);
    // What comes while it is at work is told of too, once.
    let (key, other) = (scene.key("axon_1"), scene.key("axon_2"));
    client.ok(&["MULTI"]);
    client.text(&["LEAFLET.REBUILD", "DOMAIN", &domain]);
    client.text(&[
        "XADD", &key, "1002-0", "type", "A", "event_id", "c", "value", "-1",
    ]);
    client.text(&[
        "XADD", &other, "1003-0", "type", "B", "event_id", "d", "value", "4",
    ]);
    client.call(&["EXEC"]);
    client.wait_until("the rebuild", |client| {
        stat(client, &[], "domains_rebuilding") == 0
    });
    assert_eq!(
        told(&client.entries(&bad)),
        ["a too little", "c too little"]
    );
    let out = client.entries(&scene.key("telling_out"));
    assert_eq!(out.len(), 1);
    assert_eq!(out[0].sources(), "b d");
}

#[test]
fn a_slot_that_moves_is_made_anew_with_them() {
    // A cluster of one node: what a settlement does is done by the command itself.
    let Some(server) = own(Options::new().cluster()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    client.ok(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    client.wait_until("the cluster", |client| {
        client.info("cluster")["cluster_enabled"] == "1"
            && client
                .text(&["CLUSTER", "INFO"])
                .contains("cluster_state:ok")
    });
    client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "d",
        "AXONS",
        "in_*",
        "OUTPUT",
        "out",
        "REJECTED",
        "bad",
    ]);
    client.ok(&[
        "LEAFLET.RULE.ADD",
        "seed",
        "MATCH A AS a AND B AS b WITHIN 2s",
        "DOMAIN",
        "d",
    ]);
    client.ok(&["LEAFLET.SACCULE.ADD", "s", TEXT, "DOMAIN", "d"]);
    for (id, kind, value) in [("1000-0", "A", "1"), ("1001-0", "A", "0")] {
        client.text(&[
            "XADD", "in_1{t}", id, "type", kind, "event_id", id, "value", value,
        ]);
    }
    let slot = client.int(&["CLUSTER", "KEYSLOT", "in_1{t}"]).to_string();
    client.ok(&["LEAFLET.SETTLE", &slot, "1"]);
    client.text(&[
        "XADD", "in_1{t}", "1002-0", "type", "B", "event_id", "b", "value", "2",
    ]);
    let out = client.entries("out{t}");
    assert_eq!(out[0].sources(), "1000-0 b");
    assert_eq!(out[0].get("integrated_value"), Some("15"));
    assert_eq!(client.entries("bad{t}").len(), 1);
}
