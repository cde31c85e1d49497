//! A cluster node correlates tagged axons only.

use crate::seed::SEED;
use crate::support::{own, Options, Scene, Server};

fn node() -> Option<(Server, Scene)> {
    let server = own(Options::new().cluster())?;
    let mut client = crate::support::Client::connect(&server.url());
    client.ok(&["CLUSTER", "ADDSLOTSRANGE", "0", "16383"]);
    client.wait_until("the cluster is up", |client| {
        client
            .text(&["CLUSTER", "INFO"])
            .contains("cluster_state:ok")
    });
    let scene = Scene::on(&server, "cluster");
    Some((server, scene))
}

#[test]
fn tagged_axons_are_correlated() {
    let Some((_server, mut scene)) = node() else {
        return;
    };
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1{t} 1000", "b B@axon_2{t} 1001"]);
    let out = scene.key("out{t}");
    let entries = scene.client.entries(&out);
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].sources(), "a b");
    assert_eq!(scene.stat("events_untagged"), 0);
}

#[test]
fn untagged_axons_are_counted_and_not_correlated() {
    let Some((server, mut scene)) = node() else {
        return;
    };
    scene.rule("seed", SEED);
    let before = server.log().lines().count();
    for i in 1..=20 {
        let (a, b) = (format!("a A@axon_1 {i}"), format!("b B@axon_2{{}} {i}"));
        scene.feed(&[&a, &b]);
    }
    assert!(scene.matches().is_empty());
    assert_eq!(scene.stat("events_untagged"), 40);
    assert_eq!(scene.stat("matches"), 0);
    let said = server
        .log()
        .lines()
        .skip(before)
        .filter(|line| line.contains("untagged") || line.contains("hash tag"))
        .count();
    assert_eq!(said, 1);
}

#[test]
fn an_output_in_a_slot_of_its_own_is_refused() {
    let Some((_server, mut scene)) = node() else {
        return;
    };
    let create = ["LEAFLET.DOMAIN.CREATE", "crossing", "OUTPUT", "out{fixed}"];
    scene.client.refused_about(&create, "no other braces");
}
