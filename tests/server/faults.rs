//! What goes wrong is counted, and the server lives.

use crate::seed::SEED;
use crate::support::{own, skip, stat, Client, Options, Scene};

#[test]
fn an_output_of_another_type_is_counted() {
    let mut scene = Scene::new("wrongtype");
    scene.rule("one", "MATCH A WITHIN 1s");
    let out = scene.key("out");
    scene.client.ok(&["SET", &out, "no stream"]);
    scene.feed(&["a1 A@axon_1 1000", "a2 A@axon_1 1001"]);
    assert_eq!(scene.stat("emit_errors"), 2);
    assert_eq!(scene.stat("matches"), 2);
    assert_eq!(scene.stat("emitted"), 0);
    assert_eq!(scene.client.text(&["GET", &out]), "no stream");
    scene.client.int(&["DEL", &out]);
    scene.feed(&["a3 A@axon_1 1002"]);
    assert_eq!(scene.matches(), ["a3"]);
    assert_eq!(scene.stat("emitted"), 1);
}

#[test]
fn an_axon_that_is_no_stream_stays_wrongtype() {
    let mut scene = Scene::new("wrongtype");
    let key = scene.key("axon_1");
    scene.client.ok(&["SET", &key, "x"]);
    let line = scene.client.refused(&["XADD", &key, "*", "type", "A"]);
    assert!(line.starts_with("WRONGTYPE "), "{line}");
    assert_eq!(scene.stat("events_seen"), 0);
}

#[test]
fn many_failures_do_not_flood_the_log() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "flood");
    scene.rule("one", "MATCH A WITHIN 1s");
    let (axon, out) = (scene.key("axon_1"), scene.key("out"));
    scene.client.ok(&["SET", &out, "no stream"]);
    let before = server.log().lines().count();
    let script = "for i = 1, 5000 do redis.call('XADD', KEYS[1], i .. '-0', 'type', 'A') end";
    scene.client.call(&["EVAL", script, "1", &axon]);
    assert_eq!(scene.stat("emit_errors"), 5000);
    let lines = server.log().lines().count() - before;
    assert!((1..=100).contains(&lines), "{lines} lines");
}

#[test]
fn a_full_server_does_not_lose_its_life() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "oom");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000"]);
    scene.client.ok(&["CONFIG", "SET", "maxmemory", "1"]);
    let b = scene.key("axon_2");
    let line = scene.client.refused(&["XADD", &b, "1001-0", "type", "B"]);
    assert!(line.starts_with("OOM "), "{line}");
    scene.client.ok(&["CONFIG", "SET", "maxmemory", "0"]);
    scene.feed(&["b B@axon_2 1002"]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn entries_without_a_type_are_counted() {
    let mut scene = Scene::new("untyped");
    scene.rule("any", "MATCH ANY WITHIN 1s");
    scene.add("axon_1", "1000-0", &[("value", "1")]);
    scene.add("axon_1", "1001-0", &[("Type", "A")]);
    assert_eq!(scene.stat("events_untyped"), 2);
    assert_eq!(scene.stat("events_seen"), 2);
    assert_eq!(scene.stat("events_taken"), 0);
    assert!(scene.matches().is_empty());
}

#[test]
fn the_window_has_a_memory_limit() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "memory");
    let limit = 1 << 20;
    scene.client.ok(&[
        "CONFIG",
        "SET",
        "leaflet.max-window-memory",
        &limit.to_string(),
    ]);
    scene.rule(
        "pair",
        "MATCH A AS a -> B AS b WHERE a.note = b.note WITHIN 1h",
    );
    let note = "x".repeat(10_000);
    for i in 0..500 {
        let (id, event_id) = (format!("{}-0", 1000 + i), format!("a{i}"));
        let fields = [("type", "A"), ("event_id", &event_id), ("note", &note)];
        scene.add("axon_1", &id, &fields);
        let bytes = scene.stat("window_bytes");
        assert!(bytes <= limit, "{bytes} bytes after {i} events");
    }
    let (kept, shed) = (scene.stat("window_events"), scene.stat("events_shed"));
    assert_eq!(kept + shed, 500);
    assert!(kept > 0 && kept <= limit / 10_000, "{kept} events kept");
    // What found no room can still complete a match.
    scene.add(
        "axon_2",
        "2000-0",
        &[("type", "B"), ("event_id", "b"), ("note", &note)],
    );
    assert_eq!(scene.matches(), [format!("a{} b", kept - 1)]);
    // And there is room again when the window has moved on.
    scene.add(
        "axon_1",
        "90000000-0",
        &[("type", "A"), ("event_id", "new"), ("note", &note)],
    );
    scene.add(
        "axon_2",
        "90000001-0",
        &[("type", "B"), ("event_id", "b2"), ("note", &note)],
    );
    assert_eq!(scene.matches().last().map(String::as_str), Some("new b2"));
}

/// Adds many A events of the same time, 10 ms after 1,000 s: ARGV\[1\] of them; `%d` in the key and in ARGV\[2\], the
/// user, is the event's number.
const MANY: &str = "for i = 1, ARGV[1] do
    redis.call('XADD', KEYS[1]:gsub('%%d', i), 'MAXLEN', '0', '1000010-*', 'type', 'A', 'user', (ARGV[2]:gsub('%%d', i)))
end";

#[test]
fn what_limit_remembers_is_in_the_memory_limit_too() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "memory");
    let limit = 1 << 20;
    let value = limit.to_string();
    let set = ["CONFIG", "SET", "leaflet.max-window-memory", &value];
    scene.client.ok(&set);
    scene.rule("one", "MATCH A PARTITION BY user WITHIN 1h LIMIT 1 PER 10d");
    let axon = scene.key("axon_1");
    for user in ["a%d", "b%d"] {
        let call = ["EVAL", MANY, "1", &axon, "5000", user];
        scene.client.call(&call);
        let bytes = scene.stat("window_bytes");
        assert!(bytes <= limit, "{bytes} bytes");
    }
    // What can't be noted is emitted all the same.
    assert_eq!(scene.stat("emitted"), 10_000);
    assert_eq!(scene.stat("partitions") + scene.stat("events_shed"), 10_000);
    assert!(scene.stat("partitions") > 100);
}

#[test]
fn the_memory_of_windows_is_counted() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    for (what, axon, user) in [
        ("leaflets", "axon_1{%d}", "u"),
        ("partitions", "axon_1", "%d"),
        ("events", "axon_1", "u"),
    ] {
        let mut scene = Scene::on(&server, "memory");
        scene.rule("pair", "MATCH A -> B PARTITION BY user WITHIN 1h");
        let axon = scene.key(axon);
        scene
            .client
            .call(&["EVAL", MANY, "1", &axon, "10000", user]);
        assert_eq!(scene.stat("window_events"), 10_000);
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

/// The memory in use, when what was dropped is freed.
pub fn used_memory(client: &mut Client) -> f64 {
    client.wait_until("what was dropped is freed", |client| {
        stat(client, &[], "freeing") == 0
    });
    let info = client.text(&["INFO", "memory"]);
    let line = info
        .lines()
        .find_map(|line| line.strip_prefix("used_memory:"));
    line.and_then(|bytes| bytes.parse().ok())
        .expect("INFO tells the memory used")
}

#[test]
fn a_search_has_a_budget() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "budget");
    scene
        .client
        .ok(&["CONFIG", "SET", "leaflet.match-budget", "1000"]);
    // No assignment ever fits, and there are 200^3 to try.
    scene.rule(
        "hard",
        "MATCH A AS a -> A AS b -> A AS c -> B AS d WHERE a.v + b.v + c.v + d.v = 0.5 WITHIN 1h",
    );
    for i in 0..200 {
        scene.add(
            "axon_1",
            &format!("{}-0", 1000 + i),
            &[("type", "A"), ("v", "1")],
        );
    }
    scene.add("axon_2", "2000-0", &[("type", "B"), ("v", "1")]);
    assert!(scene.stat("budget_cuts") >= 1);
    assert_eq!(scene.stat("matches"), 0);
}

#[test]
fn a_paused_primary_stays_alive() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "pause");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000"]);
    let mut writer = scene.connect();
    let (b, out) = (scene.key("axon_2"), scene.key("out"));
    scene.client.ok(&["CLIENT", "PAUSE", "300", "WRITE"]);
    // Waits out the pause.
    writer.text(&["XADD", &b, "1001-0", "type", "B"]);
    assert_eq!(scene.client.int(&["XLEN", &out]), 1);
}

#[test]
fn a_server_that_is_too_old_refuses_the_module_with_one_line() {
    let Some(binary) = std::env::var_os("LEAFLET_OLD_SERVER") else {
        return skip("LEAFLET_OLD_SERVER names no server that is too old");
    };
    let log = Options::new()
        .binary(binary)
        .try_start()
        .err()
        .expect("it must not come up");
    let lines = log.lines().filter(|line| line.contains("Leaflet needs"));
    assert_eq!(lines.count(), 1, "{log}");
    assert!(!log.contains("panicked"), "{log}");
}

#[test]
fn settings_can_be_given_at_start_and_bad_ones_stop_it() {
    let Some(server) = own(Options::new().arg("--leaflet.max-hops", "3")) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    let settings = client.map(&["CONFIG", "GET", "leaflet.max-hops"]);
    assert_eq!(settings["leaflet.max-hops"], "3");
    let started = Options::new().arg("--leaflet.max-hops", "many").try_start();
    assert!(started.is_err());
}
