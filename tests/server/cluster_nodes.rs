//! Several nodes: each leaflet lives where its slot does.

use crate::replication::catch_up;
use crate::seed::SEED;
use crate::support::cluster::{Cluster, Node};
use crate::support::{own, stat, Client, Options};

const TAGS: [&str; 12] = ["a", "b", "c", "d", "e", "f", "g", "h", "i", "j", "k", "l"];

/// Appends an event to an axon of a tag and gives the integrated events of that tag.
fn add(client: &mut Client, tag: &str, event: &str) {
    let mut words = event.split(' ');
    let mut next = || words.next().expect("<event_id> <type>@<axon> <ms>");
    let (id, place, ms) = (next(), next(), next());
    let (kind, axon) = place.split_once('@').expect("type@axon");
    let key = format!("stream:{axon}{{{tag}}}");
    let fields = ["type", kind, "event_id", id];
    client.text(&[&["XADD", &key, &format!("{ms}-*")][..], &fields].concat());
}

fn out(tag: &str) -> String {
    format!("stream:integrated_events{{{tag}}}")
}

fn matches(client: &mut Client, tag: &str) -> Vec<String> {
    let entries = client.entries(&out(tag));
    entries.iter().map(|entry| entry.sources()).collect()
}

#[test]
fn leaflets_live_in_their_slots_and_survive_their_nodes() {
    // Whether nodes are to be started is known by whether servers are.
    if own(Options::new()).is_none() {
        return;
    }
    let mut cluster = Cluster::start(&Options::new(), 3);
    let mut replicas = cluster.add_replicas(&Options::new());
    cluster.everywhere(&["LEAFLET.RULE.ADD", "seed", SEED]);
    let places: Vec<usize> = TAGS.iter().map(|tag| cluster.place(&out(tag))).collect();
    for node in 0..3 {
        assert!(places.contains(&node), "no tag at node {node}: {places:?}");
    }
    for (tag, place) in TAGS.iter().zip(&places) {
        let client = &mut cluster.primaries[*place].client;
        for event in ["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"] {
            add(client, tag, event);
        }
        assert_eq!(matches(client, tag), ["a b"], "{tag}");
    }
    for (node, replica) in cluster.primaries.iter_mut().zip(&mut replicas) {
        catch_up(&mut node.client, &mut replica.client);
        assert_eq!(stat(&mut node.client, &[], "events_untagged"), 0);
        assert!(node.windows() == replica.windows());
    }
    // One node dies in mid-pattern; another changes places with its replica.
    cluster.primaries[0].server.kill();
    replicas[0].client.ok(&["CLUSTER", "FAILOVER", "TAKEOVER"]);
    replicas[1].client.ok(&["CLUSTER", "FAILOVER"]);
    for replica in &mut replicas[..2] {
        replica.client.wait_until("it has taken over", |client| {
            client.info("replication")["role"] == "master"
        });
    }
    let nodes = cluster.primaries.into_iter().chain(replicas);
    let [_, mut old, third, first, second, _]: [Node; 6] = nodes
        .collect::<Vec<_>>()
        .try_into()
        .unwrap_or_else(|_| panic!("six nodes"));
    old.client.wait_until("it has given way", |client| {
        client.info("replication")["role"] == "slave"
    });
    let mut serving = [first, second, third];
    for (tag, place) in TAGS.iter().zip(&places) {
        let client = &mut serving[*place].client;
        client.wait_until("the slot is served", |client| {
            client.try_call(&["EXISTS", &out(tag)]).is_ok()
        });
        for event in ["b2 B@axon_2 1003", "b3 B@axon_2 1004"] {
            add(client, tag, event);
        }
        assert_eq!(matches(client, tag), ["a b", "a2 b2"], "{tag}");
    }
    catch_up(&mut serving[1].client, &mut old.client);
    assert!(serving[1].windows() == old.windows());
}
