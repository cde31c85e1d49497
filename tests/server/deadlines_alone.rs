//! Deadlines on a server of their own: many at once, paused writes, and time that is let pass by hand.

use crate::deadlines::{feed_at_once, wait_for, UNSHIPPED, UNSHIPPED_IN_AN_HOUR};
use crate::faults::used_memory;
use crate::support::{own, Options, Scene};

/// Adds an order at this time: with `%d` in the key or in ARGV\[2\], its id, to ARGV\[1\] places.
const MANY: &str = "for i = 1, ARGV[1] do
    local key, id = KEYS[1]:gsub('%%d', i), ARGV[2]:gsub('%%d', i)
    redis.call('XADD', key, 'MAXLEN', '0', '1000-*', 'type', 'Order', 'order_id', id)
end";

#[test]
fn ten_thousand_of_them_fire_while_the_server_answers() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    for (what, axon, id) in [
        ("leaflets", "axon_1{%d}", "1"),
        ("partitions", "axon_1", "%d"),
    ] {
        let mut scene = Scene::on(&server, "many");
        scene.rule("unshipped", UNSHIPPED);
        let axon = scene.key(axon);
        let mut memory = Vec::new();
        for _ in 0..3 {
            scene.client.call(&["EVAL", MANY, "1", &axon, "10000", id]);
            let domain = ["LEAFLET.STATS", "DOMAIN", &scene.domain];
            let mut answers = 0;
            scene.client.wait_until("all deadlines", |client| {
                answers += 1;
                client.map(&domain)["emitted"] == "10000"
            });
            assert!(answers > 1, "{what}");
            for (figure, expected) in [
                ("matches", 10_000),
                ("window_events", 0),
                ("partitions", 0),
                ("leaflets", 0),
                ("emit_errors", 0),
            ] {
                assert_eq!(scene.stat(figure), expected, "{what}: {figure}");
            }
            // So that the next ones are not behind their leaflet's clock.
            scene.client.ok(&["LEAFLET.RESET", "DOMAIN", &scene.domain]);
            scene.client.ok(&["FLUSHALL", "SYNC"]);
            memory.push(used_memory(&mut scene.client));
        }
        assert!(
            memory[2] - memory[0] < f64::from(1 << 20),
            "{what}: {memory:?}"
        );
    }
}

#[test]
fn what_waits_is_in_the_memory_that_is_counted() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    for (what, axon, id) in [
        ("leaflets", "axon_1{%d}", "1"),
        ("partitions", "axon_1", "%d"),
        ("in one partition", "axon_1", "1"),
    ] {
        let mut scene = Scene::on(&server, "memory");
        scene.rule("unshipped", UNSHIPPED_IN_AN_HOUR);
        let axon = scene.key(axon);
        scene.client.call(&["EVAL", MANY, "1", &axon, "10000", id]);
        let counted = scene.stat("window_bytes") as f64;
        let full = used_memory(&mut scene.client);
        scene.client.ok(&["LEAFLET.RESET", "DOMAIN", &scene.domain]);
        let taken = full - used_memory(&mut scene.client);
        let ratio = counted / taken;
        assert!(
            (0.7..1.5).contains(&ratio),
            "10000 {what}: {counted} bytes counted, {taken} taken"
        );
    }
}

#[test]
fn while_writes_are_paused_they_wait() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    for mode in ["WRITE", "ALL"] {
        let mut scene = Scene::on(&server, "pause");
        scene.rule("unshipped", UNSHIPPED);
        scene.rule("other", "MATCH Wish -> NOT Ship FOR 100ms WITHIN 1s");
        feed_at_once(
            &mut scene,
            &["o Order@axon_1 1000 order_id=1", "w Wish@axon_1{tag} 1000"],
        );
        scene.client.ok(&["CLIENT", "PAUSE", "1000", mode]);
        wait_for(&mut scene, &["o"]);
        let tagged = scene.key("out{tag}");
        assert_eq!(scene.client.int(&["XLEN", &tagged]), 1);
        assert_eq!(scene.stat("emit_errors"), 0);
    }
    // And with a pause that is longer than any.
    let mut scene = Scene::on(&server, "pause");
    scene.rule("unshipped", UNSHIPPED);
    scene.feed(&["o Order@axon_1 1000 order_id=1"]);
    scene.client.ok(&["CLIENT", "PAUSE", "1000000", "WRITE"]);
    let start = std::time::Instant::now();
    while start.elapsed() < std::time::Duration::from_millis(500) {
        assert!(scene.matches().is_empty());
    }
    scene.client.ok(&["CLIENT", "UNPAUSE"]);
    wait_for(&mut scene, &["o"]);
}

#[test]
fn time_passes_by_hand_and_never_back() {
    let mut scene = Scene::new("tick");
    let domain = scene.domain.clone();
    scene.rule("unshipped", UNSHIPPED_IN_AN_HOUR);
    scene.feed(&[
        "o1 Order@axon_1 1000 order_id=1",
        "t Order@axon_1{tag} 1000 order_id=1",
    ]);
    let tick = |scene: &mut Scene, tag: &str, time: &str| {
        scene.client.ok(&["leaflet.tick", &domain, tag, time]);
    };
    tick(&mut scene, "", "3601000");
    assert!(scene.matches().is_empty());
    tick(&mut scene, "", "3601001");
    // When TICK replies, the integrated event is there.
    assert_eq!(scene.matches(), ["o1"]);
    tick(&mut scene, "", "3601001");
    tick(&mut scene, "", "1");
    tick(&mut scene, "", "0");
    // The clock stands where it stood: behind it a deadline is met by whatever comes next.
    feed_at_once(
        &mut scene,
        &["o2 Order@axon_1 1000 order_id=2", "n Noise@axon_3 1001"],
    );
    assert_eq!(scene.matches(), ["o1", "o2"]);
    // Each leaflet has a clock of its own.
    let tagged = scene.key("out{tag}");
    assert_eq!(scene.client.int(&["XLEN", &tagged]), 0);
    tick(&mut scene, "tag", "18446744073709551615");
    assert_eq!(scene.client.int(&["XLEN", &tagged]), 1);
    // An event is not late because of it.
    scene.feed(&["o3 Order@axon_1{tag} 1001 order_id=3"]);
    scene
        .client
        .wait_until("a deadline behind the clock", |client| {
            client.int(&["XLEN", &tagged]) == 2
        });
    assert_eq!(scene.stat("events_late"), 0);
}

#[test]
fn a_leaflet_that_is_not_known_has_no_clock() {
    let mut scene = Scene::new("tick");
    let domain = scene.domain.clone();
    scene.rule("unshipped", UNSHIPPED_IN_AN_HOUR);
    for tag in ["", "tag", "\0%s{}\r\n"] {
        scene
            .client
            .ok(&["LEAFLET.TICK", &domain, tag, "9999999999999"]);
    }
    scene.feed(&[
        "o Order@axon_1 1000 order_id=1",
        "s Ship@axon_2 1001 order_id=1",
    ]);
    scene.feed(&["n Noise@axon_2 3601002"]);
    assert!(scene.matches().is_empty());
}

#[test]
fn a_tick_that_is_wrong_is_refused() {
    let mut scene = Scene::new("tick");
    let domain = scene.domain.clone();
    for command in [
        &["LEAFLET.TICK"][..],
        &["LEAFLET.TICK", &domain],
        &["LEAFLET.TICK", &domain, "tag"],
        &["LEAFLET.TICK", &domain, "tag", "1000", "more"],
    ] {
        let line = scene.client.refused(command);
        assert!(line.contains("wrong number of arguments"), "{line}");
    }
    for time in ["", "soon", "-1", "+1", "1.5", "18446744073709551616"] {
        scene.client.refused_with(
            &["LEAFLET.TICK", &domain, "", time],
            &format!("ERR LEAFLET: the time must be a whole number, found '{time}'"),
        );
    }
    scene.client.refused_with(
        &["LEAFLET.TICK", "absent", "", "1000"],
        "ERR LEAFLET: no such domain 'absent'",
    );
}

#[test]
fn a_tick_is_for_admins() {
    let mut scene = Scene::new("acl");
    let (domain, user) = (scene.domain.clone(), crate::support::unique("user"));
    for category in ["@admin", "@dangerous"] {
        let rules = ["on", "nopass", "~*", "&*", "+@all", &format!("-{category}")];
        let set = ["ACL", "SETUSER", &user, "reset"];
        scene.client.call(&[&set[..], &rules].concat());
        let dry = ["ACL", "DRYRUN", &user, "LEAFLET.TICK", &domain, "", "1"];
        let reply = scene.client.text(&dry);
        assert!(reply.contains("no permissions"), "{category}: {reply}");
    }
    scene.client.int(&["ACL", "DELUSER", &user]);
}

#[test]
fn a_tick_in_a_transaction_and_a_script() {
    let mut scene = Scene::new("tick");
    let domain = scene.domain.clone();
    scene.rule("unshipped", UNSHIPPED_IN_AN_HOUR);
    scene.rule("noise", "MATCH Noise WITHIN 1s");
    scene.client.ok(&["MULTI"]);
    scene.feed(&["o1 Order@axon_1 1000 order_id=1", "n1 Noise@axon_3 1001"]);
    scene.client.text(&["LEAFLET.TICK", &domain, "", "3601001"]);
    scene.feed(&["n2 Noise@axon_3 1002"]);
    scene.client.call(&["EXEC"]);
    assert_eq!(scene.matches(), ["n1", "o1", "n2"]);
    let axon = scene.key("axon_1");
    let script = "redis.call('XADD', KEYS[1], '5000000-0', 'type', 'Order', 'order_id', '2', 'event_id', 'o2')
        return redis.call('LEAFLET.TICK', ARGV[1], '', '9000000')";
    scene.client.ok(&["EVAL", script, "1", &axon, &domain]);
    assert_eq!(scene.matches(), ["n1", "o1", "n2", "o2"]);
}
