//! Slots that move from node to node while events come: nothing is lost, nothing is there twice.

use crate::replication::catch_up;
use crate::seed::SEED;
use crate::support::cluster::{Cluster, Node, Producer};
use crate::support::{own, skip, stat, Client, Options};
use std::collections::BTreeSet;

const FIRST: &str = "stream:axon_1{t}";
const SECOND: &str = "stream:axon_2{t}";
const OUT: &str = "stream:integrated_events{t}";

/// Servers that can be had for these tests: Redis and, where there is one, Valkey.
fn servers() -> Vec<Options> {
    if own(Options::new()).is_none() {
        return Vec::new();
    }
    std::iter::once(Options::new()).chain(valkey()).collect()
}

fn valkey() -> Option<Options> {
    let binary = std::env::var_os("LEAFLET_VALKEY_SERVER")?;
    Some(Options::new().binary(binary))
}

/// Two primaries with the seed rule; the tag's slot, and where it is.
fn start(options: &Options) -> (Cluster, String, usize) {
    // Keys are counted: there is no record of definitions among them.
    let options = options.clone().arg("--leaflet.audit-stream", "");
    let mut cluster = Cluster::start(&options, 2);
    cluster.everywhere(&["LEAFLET.RULE.ADD", "seed", SEED]);
    let (slot, home) = (cluster.slot(FIRST), cluster.place(FIRST));
    (cluster, slot, home)
}

/// A producer of events, no two of them in the same millisecond: where streams are all that is left, nothing else tells
/// which came first.
struct Source {
    producer: Producer,
    ms: u128,
}

impl Source {
    fn at(place: usize) -> Self {
        let now = std::time::UNIX_EPOCH.elapsed().expect("after 1970");
        Self {
            producer: Producer::at(place),
            ms: now.as_millis(),
        }
    }

    fn add(&mut self, cluster: &mut Cluster, key: &str, event: &str) {
        self.ms += 1;
        let kind = event[..1].to_uppercase();
        let id = format!("{}-0", self.ms);
        let command = ["XADD", key, &id, "type", &kind, "event_id", event];
        self.producer.call(cluster, &command);
    }
}

fn matches(client: &mut Client) -> Vec<String> {
    let entries = client.entries(OUT);
    entries.iter().map(|entry| entry.sources()).collect()
}

/// Waits until so many have been emitted, and gives their sources.
fn wait_for(node: &mut Node, count: i64) -> Vec<String> {
    node.client.wait_until("integrated events", |client| {
        client.int(&["XLEN", OUT]) >= count
    });
    assert_eq!(stat(&mut node.client, &[], "emit_errors"), 0);
    matches(&mut node.client)
}

/// The node has neither the slot's keys nor its leaflets any more.
fn assert_gone(node: &mut Node) {
    node.client.wait_until("the leaflet is gone", |client| {
        stat(client, &[], "leaflets") == 0
    });
    assert_eq!(node.client.int(&["DBSIZE"]), 0);
}

#[test]
fn a_slot_that_moves_key_by_key_in_mid_pattern() {
    for options in servers() {
        let (mut cluster, slot, home) = start(&options);
        let mut replicas = cluster.add_replicas(&options);
        let away = 1 - home;
        let mut source = Source::at(home);
        for (key, event) in [(FIRST, "a1"), (SECOND, "b1"), (FIRST, "a2")] {
            source.add(&mut cluster, key, event);
        }
        cluster.open_slot(&slot, home, away);
        cluster.move_keys(home, away, &[FIRST]);
        // What belongs together is at two nodes.
        source.add(&mut cluster, SECOND, "b2");
        source.add(&mut cluster, FIRST, "a3");
        assert_eq!(matches(&mut cluster.primaries[home].client), ["a1 b1"]);
        cluster.move_keys(home, away, &[SECOND, OUT]);
        source.add(&mut cluster, SECOND, "b3");
        source.add(&mut cluster, FIRST, "a4");
        cluster.close_slot(&slot, away);
        let there = wait_for(&mut cluster.primaries[away], 3);
        assert_eq!(there, ["a1 b1", "a2 b2", "a3 b3"]);
        source.add(&mut cluster, SECOND, "b4");
        let there = wait_for(&mut cluster.primaries[away], 4);
        assert_eq!(there[3], "a4 b4");
        assert_gone(&mut cluster.primaries[home]);
        // And back again, all at once.
        source.add(&mut cluster, FIRST, "a5");
        cluster.open_slot(&slot, away, home);
        cluster.move_keys(away, home, &[FIRST, SECOND, OUT]);
        cluster.close_slot(&slot, home);
        source.add(&mut cluster, SECOND, "b5");
        let back = wait_for(&mut cluster.primaries[home], 5);
        assert_eq!(back, [&there[..], &["a5 b5".into()]].concat());
        assert_gone(&mut cluster.primaries[away]);
        for (node, replica) in cluster.primaries.iter_mut().zip(&mut replicas) {
            catch_up(&mut node.client, &mut replica.client);
            let (a, b) = (node.windows(), replica.windows());
            assert!(a == b, "the windows of {} and its replica differ", node.id);
        }
    }
}

#[test]
fn a_move_that_is_called_off() {
    for options in servers() {
        let (mut cluster, slot, home) = start(&options);
        let mut source = Source::at(home);
        source.add(&mut cluster, FIRST, "a1");
        source.add(&mut cluster, SECOND, "x");
        cluster.open_slot(&slot, home, 1 - home);
        // There is no output yet, and none can be made while the slot is open.
        source.add(&mut cluster, SECOND, "b1");
        assert_eq!(cluster.primaries[home].client.int(&["DBSIZE"]), 2);
        cluster.everywhere(&["CLUSTER", "SETSLOT", &slot, "STABLE"]);
        assert_eq!(wait_for(&mut cluster.primaries[home], 1), ["a1 b1"]);
    }
}

#[test]
fn a_slot_that_moves_at_once_under_load() {
    let Some(options) = valkey().filter(|_| !servers().is_empty()) else {
        return skip("it needs Valkey 9, and LEAFLET_VALKEY_SERVER names none");
    };
    let (mut cluster, slot, home) = start(&options);
    let mut source = Source::at(home);
    let mut sent = BTreeSet::new();
    let mut send = |cluster: &mut Cluster| {
        let i = sent.len();
        let (a, b) = (format!("a{i}"), format!("b{i}"));
        source.add(cluster, FIRST, &a);
        source.add(cluster, SECOND, &b);
        sent.insert(format!("{a} {b}"));
    };
    for round in 0..4 {
        let [from, to] = [home, 1 - home].map(|place| (place + round) % 2);
        for _ in 0..50 {
            send(&mut cluster);
        }
        let id = cluster.primaries[to].id.clone();
        let migrate = ["CLUSTER", "MIGRATESLOTS", "SLOTSRANGE", &slot, &slot];
        let migrate = [&migrate[..], &["NODE", &id]].concat();
        cluster.primaries[from].client.ok(&migrate);
        while cluster.primaries[to]
            .client
            .try_call(&["EXISTS", OUT])
            .is_err()
        {
            send(&mut cluster);
        }
        // A match is in the middle of its way when the next move begins.
        for _ in 0..50 {
            send(&mut cluster);
        }
        assert_gone(&mut cluster.primaries[from]);
    }
    let there = wait_for(&mut cluster.primaries[home], sent.len() as i64);
    assert_eq!(there.len(), sent.len());
    assert_eq!(there.into_iter().collect::<BTreeSet<_>>(), sent);
}
