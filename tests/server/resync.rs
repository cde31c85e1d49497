//! A replica that gets its data anew, in part, from another replica, or is not what its primary is: what its windows
//! hold, and what it goes on with.

use crate::deadlines::{UNSHIPPED, UNSHIPPED_IN_AN_HOUR};
use crate::faults::used_memory;
use crate::replication::{catch_up, pair};
use crate::seed::SEED;
use crate::support::saved::windows;
use crate::support::{own, stat, Client, Options, Scene, Server};

/// A rule of each kind that leaves something in a window, and events that leave it in mid-pattern.
fn mid_pattern(scene: &mut Scene) {
    scene.rule("seed", SEED);
    scene.rule("late", UNSHIPPED_IN_AN_HOUR);
    let level = "INTEGRATE Spark DECAY 1s THRESHOLD 2.5 WITHIN 10s";
    scene.rule("level", level);
    scene.feed(&[
        "a A@axon_1 1000",
        "b B@axon_2 1001",
        "a2 A@axon_1 1002",
        "o Order@axon_1 1003 order_id=1",
        "s Spark@axon_3 1004",
        "s2 Spark@axon_3 1005",
    ]);
    assert_eq!(scene.matches(), ["a b"]);
}

/// The events that complete it, and what they do.
fn complete(scene: &mut Scene) {
    scene.feed(&[
        "b2 B@axon_2 1006",
        "b3 B@axon_2 1007",
        "s3 Spark@axon_3 1008",
        "n Noise@axon_3 3601004",
    ]);
    assert_eq!(scene.matches(), ["a b", "a2 b2", "s s2 s3", "o"]);
}

/// The replica has everything, and the two hold the same, byte for byte.
fn assert_agree(primary: (&Server, &mut Client), replica: (&Server, &mut Client)) {
    catch_up(primary.1, replica.1);
    assert!(windows(primary.0, primary.1) == windows(replica.0, replica.1));
}

#[test]
fn a_full_resync_in_mid_window_by_each_way_there_is() {
    for (diskless, load) in [
        ("no", "disabled"),
        ("yes", "disabled"),
        ("yes", "on-empty-db"),
        ("yes", "swapdb"),
    ] {
        let Some(primary) = own(Options::new().arg("--repl-diskless-sync", diskless)) else {
            return;
        };
        let replica = Options::new().arg("--repl-diskless-load", load).start();
        // It has had another life.
        let _before = (load != "on-empty-db").then(|| {
            let mut before = Scene::on(&replica, "before");
            before.rule("seed", SEED);
            before.feed(&["a A@axon_1 1000"]);
            before
        });
        let mut scene = Scene::on(&primary, "resync");
        mid_pattern(&mut scene);
        let mut follower = Client::connect(&replica.url());
        let port = primary.port().to_string();
        follower.ok(&["REPLICAOF", "127.0.0.1", &port]);
        assert_agree((&primary, &mut scene.client), (&replica, &mut follower));
        follower.ok(&["REPLICAOF", "NO", "ONE"]);
        scene.client = follower;
        complete(&mut scene);
    }
}

#[test]
fn a_partial_resync_after_a_dropped_link() {
    let Some((primary, replica)) = pair() else {
        return;
    };
    let mut scene = Scene::on(&primary, "partial");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    mid_pattern(&mut scene);
    for round in 0..3 {
        follower.call(&["CLIENT", "KILL", "TYPE", "master"]);
        let (a, b) = (
            format!("c A@axon_1 {}", 1010 + round),
            format!("d B@axon_2 {}", 1010 + round),
        );
        scene.feed(&[&a, &b, &a]);
        catch_up(&mut scene.client, &mut follower);
    }
    let syncs = scene.client.info("stats");
    assert_eq!(syncs["sync_full"], "1");
    assert_eq!(syncs["sync_partial_ok"], "3");
    assert_agree((&primary, &mut scene.client), (&replica, &mut follower));
    let out = scene.key("out");
    assert_eq!(follower.entries(&out), scene.out());
    assert_eq!(scene.out().len(), 4);
}

#[test]
fn a_replica_of_a_replica() {
    let Some((mut primary, middle)) = pair() else {
        return;
    };
    let last = Options::new().replica_of(&middle).start();
    let mut scene = Scene::on(&primary, "chain");
    let mut middle_client = Client::connect(&middle.url());
    let mut last_client = Client::connect(&last.url());
    catch_up(&mut scene.client, &mut middle_client);
    catch_up(&mut middle_client, &mut last_client);
    mid_pattern(&mut scene);
    assert_agree((&primary, &mut scene.client), (&middle, &mut middle_client));
    assert_agree((&middle, &mut middle_client), (&last, &mut last_client));
    primary.kill();
    middle_client.ok(&["REPLICAOF", "NO", "ONE"]);
    scene.client = middle_client;
    complete(&mut scene);
    // Time in silence passes through both.
    scene.rule("unshipped", UNSHIPPED);
    scene.feed(&["p Order@axon_1 4000000 order_id=2"]);
    let out = scene.key("out");
    scene
        .client
        .wait_until("a deadline", |client| client.int(&["XLEN", &out]) == 5);
    assert_agree((&middle, &mut scene.client), (&last, &mut last_client));
    assert_eq!(last_client.entries(&out), scene.out());
}

#[test]
fn a_write_to_a_replica_counts_there_until_the_next_full_resync() {
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let writable = Options::new().arg("--replica-read-only", "no");
    let replica = writable.replica_of(&primary).start();
    let mut scene = Scene::on(&primary, "writable");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    scene.rule("seed", SEED);
    scene.rule("alone", "MATCH Lone WITHIN 1s");
    catch_up(&mut scene.client, &mut follower);
    let (first, out) = (scene.key("axon_1"), scene.key("out"));
    for (id, kind) in [("1000-0", "A"), ("1001-0", "Lone")] {
        follower.text(&["XADD", &first, id, "type", kind, "event_id", "local"]);
    }
    // It is in the replica's windows, as it is in its streams, and fires nothing there.
    let domain = scene.domain.clone();
    let of = ["DOMAIN", &domain];
    assert_eq!(stat(&mut follower, &of, "window_events"), 1);
    assert_eq!(follower.int(&["EXISTS", &out]), 0);
    // With it the replica sees what the primary does not, and appends nothing of its own.
    scene.feed(&["b B@axon_2 1002"]);
    catch_up(&mut scene.client, &mut follower);
    assert_eq!(stat(&mut follower, &of, "matches"), 2);
    assert_eq!(follower.int(&["EXISTS", &out]), 0);
    scene.feed(&["a A@axon_1 1003"]);
    catch_up(&mut scene.client, &mut follower);
    assert_eq!(scene.matches(), ["b a"]);
    assert_eq!(follower.entries(&out), scene.out());
    // A full resync takes it back.
    follower.ok(&["REPLICAOF", "NO", "ONE"]);
    follower.text(&["XADD", &first, "5000-0", "type", "Noise"]);
    let port = primary.port().to_string();
    follower.ok(&["REPLICAOF", "127.0.0.1", &port]);
    assert_agree((&primary, &mut scene.client), (&replica, &mut follower));
    assert_eq!(follower.entries(&first), scene.client.entries(&first));
}

#[test]
fn a_replica_without_the_module_follows_until_it_needs_all_data() {
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let replica = Options::new().without_module().replica_of(&primary).start();
    let mut follower = Client::connect(&replica.url());
    // Before there is anything that the replica could not load.
    catch_up(&mut Client::connect(&primary.url()), &mut follower);
    let mut scene = Scene::on(&primary, "bare");
    scene.rule("seed", SEED);
    scene.rule("unshipped", UNSHIPPED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001"]);
    let out = scene.key("out");
    catch_up(&mut scene.client, &mut follower);
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(follower.entries(&out), scene.out());
    // What a command of Leaflet's makes is in one transaction with the command, which it does not know.
    scene.feed(&["o Order@axon_1 1002 order_id=1"]);
    scene
        .client
        .wait_until("a deadline", |client| client.int(&["XLEN", &out]) == 2);
    catch_up(&mut scene.client, &mut follower);
    assert_eq!(follower.int(&["XLEN", &out]), 1);
    assert_ne!(follower.info("stats")["unexpected_error_replies"], "0");
    // Redis itself refuses data of a module that is not there.
    let alone = Options::new().without_module().start();
    let mut client = Client::connect(&alone.url());
    let port = primary.port().to_string();
    client.ok(&["REPLICAOF", "127.0.0.1", &port]);
    client.wait_until("it ends", |_| {
        alone
            .log()
            .contains("AUX module data I can't load: no matching module 'leaflet-d'")
    });
}

#[test]
fn a_replica_with_less_memory_for_windows_has_less_in_them() {
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let small = Options::new().arg("--leaflet.max-window-memory", "1mb");
    let replica = small.replica_of(&primary).start();
    let mut scene = Scene::on(&primary, "settings");
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    let rule = "MATCH A AS a -> B AS b WHERE a.note = b.note WITHIN 1h";
    scene.rule("pair", rule);
    let note = "x".repeat(10_000);
    for i in 0..200 {
        let fields = [("type", "A"), ("event_id", "a"), ("note", &note)];
        scene.add("axon_1", &format!("{}-0", 1000 + i), &fields);
    }
    scene.add("axon_2", "2000-0", &[("type", "B"), ("note", &note)]);
    catch_up(&mut scene.client, &mut follower);
    let domain = scene.domain.clone();
    let of = ["DOMAIN", &domain];
    assert_eq!(scene.stat("events_shed"), 0);
    assert_ne!(stat(&mut follower, &of, "events_shed"), 0);
    // What the primary emits it gets all the same.
    let out = scene.key("out");
    assert_eq!(scene.out().len(), 1);
    assert_eq!(follower.entries(&out), scene.out());
    // A full resync brings what is there, and more comes in when there is room.
    follower.ok(&["CONFIG", "SET", "leaflet.max-window-memory", "256mb"]);
    follower.ok(&["REPLICAOF", "NO", "ONE"]);
    follower.ok(&["SET", "mine", "1"]);
    let port = primary.port().to_string();
    follower.ok(&["REPLICAOF", "127.0.0.1", &port]);
    assert_agree((&primary, &mut scene.client), (&replica, &mut follower));
}

/// One round of orders in this many leaflets that are not shipped in time, and wait for silence.
const LEAFLETS: usize = 500;

fn round(scene: &mut Scene, ms: u64) {
    let mut orders = redis::pipe();
    for tag in 0..LEAFLETS {
        let key = scene.key(&format!("axon_1{{{tag}}}"));
        let order = orders.cmd("XADD").arg(key).arg("MAXLEN").arg(1);
        let id = format!("{ms}-*");
        order
            .arg(id)
            .arg("type")
            .arg("Order")
            .arg("order_id")
            .arg(ms);
    }
    scene.client.pipeline(&orders);
    let of = scene.domain.clone();
    scene.client.wait_until("all deadlines", |client| {
        stat(client, &["DOMAIN", &of], "leaflets") == 0
    });
    let mut outputs = redis::cmd("DEL");
    for tag in 0..LEAFLETS {
        outputs.arg(scene.key(&format!("out{{{tag}}}")));
    }
    let mut remove = redis::pipe();
    remove.add_command(outputs);
    scene.client.pipeline(&remove);
}

#[test]
fn the_memory_of_a_replica_stays_flat() {
    let Some((primary, replica)) = pair() else {
        return;
    };
    let mut scene = Scene::on(&primary, "flat");
    let mut follower = Client::connect(&replica.url());
    // It grows until it is full, and Valkey's is ten times Redis's.
    follower.ok(&["CONFIG", "SET", "repl-backlog-size", "16kb"]);
    // The same of the index of lineages.
    follower.ok(&["CONFIG", "SET", "leaflet.max-lineage-memory", "0"]);
    catch_up(&mut scene.client, &mut follower);
    scene.rule("unshipped", UNSHIPPED);
    let mut used = Vec::new();
    for i in 1..=9 {
        round(&mut scene, i * 1_000);
        catch_up(&mut scene.client, &mut follower);
        used.push(used_memory(&mut follower));
    }
    // A leaflet or a tick that leaves a hundred bytes behind would be seen after so many.
    let grown = used[8] - used[2];
    assert!(
        grown < (6 * LEAFLETS * 50) as f64,
        "{grown} bytes more: {used:?}"
    );
    let domain = scene.domain.clone();
    for figure in ["leaflets", "window_events", "emit_errors"] {
        assert_eq!(stat(&mut follower, &["DOMAIN", &domain], figure), 0);
    }
}
