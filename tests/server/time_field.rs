//! Domains that take the time of events from a field, and hold them until their time has come.

use std::time::{Duration, Instant};

use crate::replication::catch_up;
use crate::seed::SEED;
use crate::support::{own, stat, Client, Options, Scene, Server};

/// A domain with the time in `ts`, late by at most so much.
fn timed(lateness: &'static str) -> [&'static str; 5] {
    ["TIME", "FIELD", "ts", "LATENESS", lateness]
}

/// A lateness that no test lives to see.
const LONG: &str = "1h";

/// Waits until so many integrated events have come.
fn wait_for(scene: &mut Scene, count: i64) {
    let out = scene.key("out");
    let what = format!("{count} integrated events");
    scene
        .client
        .wait_until(&what, |client| client.int(&["XLEN", &out]) >= count);
}

#[test]
fn a_silent_stream_holds_nothing_back_for_ever() {
    let mut scene = Scene::with_options("silent", &timed("1s"));
    scene.rule("pair", SEED);
    scene.rule("alone", "MATCH B -> NOT C FOR 500ms WITHIN 2s");
    scene.feed(&["b B@axon_2 5000 ts=1500", "a A@axon_1 5000 ts=1000"]);
    let start = Instant::now();
    assert!(scene.matches().is_empty());
    assert_eq!(scene.stat("events_held"), 2);
    wait_for(&mut scene, 1);
    assert!(start.elapsed() >= Duration::from_millis(950));
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(scene.stat("events_held"), 0);
    wait_for(&mut scene, 2);
    assert!(start.elapsed() >= Duration::from_millis(1_450));
    assert_eq!(scene.matches(), ["a b", "b"]);
    assert_eq!(
        scene.out()[1].get("timestamp"),
        Some("1970-01-01T00:00:02.000Z")
    );
    // The silence has moved the clock: what comes now is late where it is older than that allows.
    scene.feed(&["late A@axon_1 5000 ts=1900", "a2 A@axon_1 5000 ts=5500"]);
    assert_eq!(
        (scene.stat("events_late"), scene.stat("events_held")),
        (1, 1)
    );
}

#[test]
fn events_are_processed_in_the_order_of_their_times() {
    let mut scene = Scene::with_options("order", &timed("2s"));
    scene.rule(
        "steps",
        "MATCH A AS a -> B AS b -> C AS c WITHIN 10s EMIT first = a.ts",
    );
    scene.feed(&[
        "c C@axon_1 1714550410000 ts=2024-05-01T08:00:02.500Z",
        "b B@axon_1 1714550410001 ts=1714550402000",
        "a A@axon_1 1714550410002 ts=2024-05-01T10:00:01+02:00",
        "late A@axon_1 1714550410003 ts=1714550400499",
        "a2 A@axon_1 1714550410004 ts=1714550400500",
    ]);
    assert!(scene.matches().is_empty());
    assert_eq!(
        (scene.stat("events_held"), scene.stat("events_late")),
        (3, 1)
    );
    // The clock of one hash tag is none of another's.
    scene.feed(&["far A@axon_1{t} 1714550410000 ts=1714550490000"]);
    assert!(scene.matches().is_empty());
    scene.feed(&["x X@axon_1 1714550410005 ts=2024-05-01T08:00:04.5Z"]);
    assert_eq!(scene.matches(), ["a b c"]);
    let integrated = &scene.out()[0];
    assert_eq!(
        integrated.get("timestamp"),
        Some("2024-05-01T08:00:02.500Z")
    );
    assert_eq!(integrated.get("first"), Some("2024-05-01T10:00:01+02:00"));
    assert_eq!(integrated.get("confidence"), Some("0.925"));
}

#[test]
fn the_time_may_stand_in_the_metadata() {
    let mut scene = Scene::with_options("metadata", &["TIME", "FIELD", "metadata.at"]);
    scene.rule("pair", "MATCH A -> B WITHIN 2s");
    scene.feed(&[
        r#"b B@axon_1 9000 metadata={"at":2000}"#,
        r#"a A@axon_1 9000 metadata={"at":"1970-01-01T00:00:02.5Z"}"#,
        r#"late B@axon_1 9000 metadata={"at":2499}"#,
        r#"none B@axon_1 9000 metadata={"on":2600}"#,
        r#"bad B@axon_1 9000 metadata={"at":"#,
        r#"b2 B@axon_1 9000 metadata={"at":"2500"}"#,
    ]);
    // Without a lateness, nothing is held.
    assert_eq!(scene.matches(), ["a b2"]);
    let counted = ["events_late", "events_untimed", "events_held"].map(|name| scene.stat(name));
    assert_eq!(counted, [1, 2, 0]);
}

#[test]
fn times_too_far_ahead_are_not_taken() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on_with_options(&server, "ahead", &timed(LONG));
    scene.rule("one", "MATCH A WITHIN 1s");
    scene.feed(&[
        "day A@axon_1 1000 ts=86401000",
        "more A@axon_1 1000 ts=86401001",
    ]);
    assert_eq!(
        (scene.stat("events_held"), scene.stat("events_ahead")),
        (1, 1)
    );
    let set = |scene: &mut Scene, ms: &str| {
        scene
            .client
            .ok(&["CONFIG", "SET", "leaflet.max-time-ahead", ms]);
    };
    set(&mut scene, "0");
    scene.feed(&[
        "now A@axon_1 90001000 ts=90001000",
        "soon A@axon_1 90001000 ts=90001001",
    ]);
    assert_eq!(
        (scene.stat("events_held"), scene.stat("events_ahead")),
        (1, 2)
    );
    assert_eq!(scene.matches(), ["day"]);
    set(&mut scene, "9223372036854775807");
    scene.feed(&["end A@axon_1 90001001 ts=9007199254740991"]);
    assert_eq!(scene.matches(), ["day", "now"]);
    let info = scene.client.info("leaflet_stats");
    assert_eq!(
        info.get("leaflet_events_ahead").map(String::as_str),
        Some("2")
    );
}

#[test]
fn the_definition_is_shown() {
    let mut scene = Scene::with_options(
        "info",
        &["LATENESS", "1500", "TIME", "field", "metadata.at"],
    );
    let info = scene.client.map(&["LEAFLET.DOMAIN.INFO", &scene.domain]);
    assert_eq!(
        (&*info["time"], &*info["lateness"]),
        ("FIELD metadata.at", "1500")
    );
    let mut plain = Scene::with_options("info", &["TIME", "ID"]);
    let info = plain.client.map(&["LEAFLET.DOMAIN.INFO", &plain.domain]);
    assert_eq!((&*info["time"], &*info["lateness"]), ("ID", "0"));
}

#[test]
fn definitions_that_make_no_sense_are_refused() {
    let mut scene = Scene::new("refused");
    let name = scene.key("new");
    for (options, message) in [
        (&["TIME"][..], "TIME is missing"),
        (&["TIME", "FIELD"], "the field of TIME FIELD is missing"),
        (
            &["TIME", "CLOCK"],
            "TIME must be ID or FIELD, found 'CLOCK'",
        ),
        (&["LATENESS", "5s"], "LATENESS needs TIME FIELD"),
        (
            &["TIME", "ID", "LATENESS", "5"],
            "LATENESS needs TIME FIELD",
        ),
        (&["TIME", "ID", "TIME", "ID"], "TIME is given twice"),
        (
            &["TIME", "FIELD", "ts", "LATENESS", "-1"],
            "LATENESS must be a number of ms or a duration such as 5s, found '-1'",
        ),
        (
            &["TIME", "FIELD", "a..b"],
            "expected a field after TIME FIELD, as in rules: ts or metadata.at, found 'a..b'",
        ),
        (
            &["TIME", "FIELD", ""],
            "expected a field after TIME FIELD, as in rules: ts or metadata.at, found ''",
        ),
    ] {
        let (axons, out) = (scene.key("x_*"), scene.key("y"));
        let mut command = vec![
            "LEAFLET.DOMAIN.CREATE",
            &name,
            "AXONS",
            &axons,
            "OUTPUT",
            &out,
        ];
        command.extend(options);
        scene
            .client
            .refused_with(&command, &format!("ERR LEAFLET: {message}"));
    }
}

/// A domain that holds events, of which a pair has come out.
fn story(server: &Server) -> Scene {
    let mut scene = Scene::on_with_options(server, "held", &timed(LONG));
    scene.rule("pair", "MATCH A -> B WITHIN 2s");
    scene.feed(&[
        "b B@axon_1 90000000 ts=1001",
        "a A@axon_1 90000000 ts=1000",
        "a2 A@axon_1 90000000 ts=2000",
        "x X@axon_1 90000000 ts=3601500",
    ]);
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(scene.stat("events_held"), 2);
    scene
}

fn time_of(scene: &mut Scene) -> (String, String) {
    let mut info = scene.client.map(&["LEAFLET.DOMAIN.INFO", &scene.domain]);
    let mut take = |name: &str| info.remove(name).expect("a field");
    (take("time"), take("lateness"))
}

#[test]
fn an_aof_brings_back_the_definition_and_what_is_held() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = story(&server);
    let before = scene.out();
    for _ in 0..2 {
        server.kill();
        server.restart();
        scene.client = scene.connect();
        assert_eq!(time_of(&mut scene), ("FIELD ts".into(), "3600000".into()));
        assert_eq!(scene.out(), before);
        assert_eq!(scene.stat("events_held"), 2);
    }
    scene.feed(&[
        "b2 B@axon_1 90000000 ts=2001",
        "x2 X@axon_1 90000000 ts=3603000",
    ]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
    scene.feed(&["late A@axon_1 90000000 ts=2999"]);
    assert_eq!(scene.stat("events_late"), 1);
}

#[test]
fn an_aof_lets_time_pass_as_it_did() {
    let Some(mut server) = own(Options::new().aof()) else {
        return;
    };
    let mut scene = Scene::on_with_options(&server, "ticks", &timed("100ms"));
    scene.rule("pair", "MATCH A -> B WITHIN 2s");
    scene.rule("alone", "MATCH A -> NOT C FOR 100ms WITHIN 2s");
    scene.feed(&["b B@axon_1 9000 ts=1050", "a A@axon_1 9000 ts=1000"]);
    wait_for(&mut scene, 2);
    scene.feed(&["late C@axon_1 9000 ts=1000"]);
    let before = scene.out();
    let counted =
        |scene: &mut Scene| ["emitted", "events_late", "events_held"].map(|name| scene.stat(name));
    assert_eq!(counted(&mut scene), [2, 1, 0]);
    server.kill();
    server.restart();
    scene.client = scene.connect();
    assert_eq!(scene.out(), before);
    assert_eq!(counted(&mut scene), [2, 1, 0]);
}

#[test]
fn an_rdb_brings_back_the_definition() {
    let Some(mut server) = own(Options::new().arg("--save", "3600 1")) else {
        return;
    };
    let mut scene = story(&server);
    let before = scene.out();
    let _ = scene.client.try_call(&["SHUTDOWN", "SAVE"]);
    server.restart();
    scene.client = scene.connect();
    assert_eq!(time_of(&mut scene), ("FIELD ts".into(), "3600000".into()));
    assert_eq!(scene.out(), before);
}

#[test]
fn a_replica_agrees_and_goes_on_when_it_is_promoted() {
    let Some(mut primary) = own(Options::new()) else {
        return;
    };
    let replica = Options::new().replica_of(&primary).start();
    let mut follower = Client::connect(&replica.url());
    let mut scene = Scene::on_with_options(&primary, "replica", &timed("700ms"));
    catch_up(&mut scene.client, &mut follower);
    scene.rule("pair", "MATCH A -> B WITHIN 2s");
    scene.rule("alone", "MATCH A -> NOT B FOR 100ms WITHIN 2s CONSUME NONE");
    // Out of order by up to 600 ms.
    for n in 0..200u64 {
        let kind = if n % 3 == 0 { "B" } else { "A" };
        let time = 1_000 + 40 * n - 120 * (n * 7 % 6);
        scene.feed(&[&format!("e{n} {kind}@axon_1 90000000 ts={time}")]);
    }
    let emitted = scene.stat("emitted");
    assert!(emitted > 50, "{emitted}");
    // The timer meets the last deadline.
    scene.client.wait_until("silence", |client| {
        stat(client, &["DOMAIN", &scene.domain], "events_held") == 0
    });
    catch_up(&mut scene.client, &mut follower);
    let out = scene.key("out");
    assert_eq!(follower.entries(&out), scene.out());
    for name in [
        "emitted",
        "matches",
        "events_late",
        "events_held",
        "window_bytes",
    ] {
        let of = ["DOMAIN", &scene.domain];
        assert_eq!(stat(&mut follower, &of, name), scene.stat(name), "{name}");
    }

    // What is held is held by both; the timer of the one that is promoted lets it go.
    scene.feed(&[
        "b B@axon_1 90000000 ts=20100",
        "a A@axon_1 90000000 ts=20000",
    ]);
    catch_up(&mut scene.client, &mut follower);
    primary.kill();
    follower.ok(&["REPLICAOF", "NO", "ONE"]);
    scene.client = follower;
    scene
        .client
        .wait_until("the promoted one's timer", |client| {
            let last = client.entries(&out).pop().expect("an entry");
            last.sources() == "a b"
        });
}

#[test]
fn time_waits_while_writes_are_paused() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on_with_options(&server, "paused", &timed("50ms"));
    scene.rule("one", "MATCH A WITHIN 1s");
    scene.feed(&["a A@axon_1 9000 ts=1000"]);
    scene.client.ok(&["CLIENT", "PAUSE", "600", "WRITE"]);
    std::thread::sleep(Duration::from_millis(300));
    assert!(scene.matches().is_empty());
    wait_for(&mut scene, 1);
    assert_eq!(scene.stat("emit_errors"), 0);
}

#[test]
fn what_is_held_goes_with_what_is_cleared() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on_with_options(&server, "clear", &timed("100ms"));
    let domain = scene.domain.clone();
    scene.rule("one", "MATCH A WITHIN 1s");
    for command in [
        &["FLUSHALL"][..],
        &["FLUSHDB"],
        &["LEAFLET.RESET"],
        &["LEAFLET.DOMAIN.DROP", &domain],
    ] {
        // In one transaction, so that the timer does not come between.
        scene.client.ok(&["MULTI"]);
        let axon = scene.key("axon_1{t}");
        scene
            .client
            .text(&["XADD", &axon, "9000-*", "type", "A", "ts", "1000"]);
        scene.client.text(command);
        scene.client.call(&["EXEC"]);
        if command[0] != "LEAFLET.DOMAIN.DROP" {
            let levels = ["events_held", "window_bytes", "leaflets"].map(|name| scene.stat(name));
            assert_eq!(levels, [0; 3], "{command:?}");
        }
        std::thread::sleep(Duration::from_millis(250));
        let out = scene.key("out{t}");
        assert_eq!(scene.client.int(&["EXISTS", &out]), 0, "{command:?}");
        scene.client.call(&["DEL", &axon]);
    }
    assert_eq!(stat(&mut scene.client, &[], "internal_errors"), 0);
}

#[test]
fn the_memory_of_held_events_is_counted() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    const MANY: &str = "for n = 1, tonumber(ARGV[1]) do \
         redis.call('XADD', (string.gsub(KEYS[1], '%%d', n)), 'MAXLEN', 1, '90000000-*', \
                    'type', 'A', 'ts', 1000 + n, 'event_id', 'event-' .. n, 'value', n) end";
    for (what, axon) in [("leaflets", "axon_1{%d}"), ("events", "axon_1")] {
        let mut scene = Scene::on_with_options(&server, "memory", &timed(LONG));
        scene.rule("one", "MATCH A WITHIN 1s");
        let axon = scene.key(axon);
        scene.client.call(&["EVAL", MANY, "1", &axon, "10000"]);
        assert_eq!(scene.stat("events_held"), 10_000);
        let counted = scene.stat("window_bytes") as f64;
        let full = crate::faults::used_memory(&mut scene.client);
        scene.client.ok(&["LEAFLET.RESET", "DOMAIN", &scene.domain]);
        let taken = full - crate::faults::used_memory(&mut scene.client);
        let ratio = counted / taken;
        assert!(
            (0.7..1.5).contains(&ratio),
            "10000 {what}: {counted} bytes counted, {taken} taken"
        );
    }
}
