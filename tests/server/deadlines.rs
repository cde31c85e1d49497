//! What has not come by its deadline: `NOT … FOR`, in silence and with later events.

use crate::support::{own, Client, Entry, Options, Scene};

/// An order that is not shipped in time.
pub const UNSHIPPED: &str =
    "MATCH Order AS o -> NOT Ship FOR 300ms PARTITION BY order_id WITHIN 300ms";
/// The same with so much time that no silence in a test is long enough.
pub const UNSHIPPED_IN_AN_HOUR: &str =
    "MATCH Order AS o -> NOT Ship FOR 1h PARTITION BY order_id WITHIN 1h";

/// Feeds events in one transaction, so that no time passes between them.
pub fn feed_at_once(scene: &mut Scene, events: &[&str]) {
    scene.client.ok(&["MULTI"]);
    scene.feed(events);
    scene.client.call(&["EXEC"]);
}

/// Waits until these and no others have been emitted.
pub fn wait_for(scene: &mut Scene, expected: &[&str]) {
    let out = scene.key("out");
    scene.client.wait_until("an integrated event", |client| {
        client.int(&["XLEN", &out]) >= expected.len() as i64
    });
    assert_eq!(scene.matches(), expected);
}

/// Waits until an order of its own leaflet, which came last, has fired: what should have fired before has.
fn wait_for_another(scene: &mut Scene) {
    let key = scene.key("out{marker}");
    scene.client.int(&["DEL", &key]);
    scene.feed(&["marker Order@axon_1{marker} 1000 order_id=1"]);
    scene
        .client
        .wait_until("the other integrated event", |client| {
            client.int(&["XLEN", &key]) == 1
        });
}

fn on_rule(scene: &mut Scene, command: &str, rule: &str) {
    scene.client.ok(&[command, rule, "DOMAIN", &scene.domain]);
}

#[test]
fn fires_in_silence_at_its_deadline() {
    let mut scene = Scene::new("silence");
    scene.rule("unshipped", &format!("{UNSHIPPED} EMIT order = o.order_id"));
    scene.feed(&["o Order@axon_1 1000 order_id=7 value=3"]);
    wait_for(&mut scene, &["o"]);
    let out = scene.out();
    // The match ends at the deadline, not at an event, and not when the silence was noticed.
    assert_eq!(out[0].get("timestamp"), Some("1970-01-01T00:00:01.300Z"));
    assert_eq!(out[0].get("correlation_rule"), Some("unshipped"));
    assert_eq!(out[0].get("order"), Some("7"));
    assert_eq!(out[0].get("integrated_value"), Some("3"));
    for (figure, expected) in [
        ("matches", 1),
        ("emitted", 1),
        ("events_seen", 1),
        ("window_events", 0),
        ("leaflets", 0),
        ("emit_errors", 0),
    ] {
        assert_eq!(scene.stat(figure), expected, "{figure}");
    }
}

#[test]
fn fires_again_and_again() {
    let mut scene = Scene::new("silence");
    scene.rule("unshipped", UNSHIPPED);
    let mut expected = Vec::new();
    for (id, ms) in [("o1", 1_000), ("o2", 2_000), ("o3", 100_000)] {
        scene.feed(&[&format!("{id} Order@axon_1 {ms} order_id=1")]);
        expected.push(id);
        wait_for(&mut scene, &expected);
    }
}

#[test]
fn does_not_fire_when_it_has_come() {
    let mut scene = Scene::new("shipped");
    scene.rule("unshipped", UNSHIPPED);
    feed_at_once(
        &mut scene,
        &[
            "o1 Order@axon_1 1000 order_id=1",
            "o2 Order@axon_1 1001 order_id=2",
            "o3 Order@axon_1 1002 order_id=3",
            // The last moment, and one of another order.
            "s1 Ship@axon_2 1300 order_id=1",
            "s3 Ship@axon_2 1301 order_id=3",
        ],
    );
    wait_for(&mut scene, &["o2"]);
    wait_for_another(&mut scene);
    assert_eq!(scene.matches(), ["o2"]);
}

#[test]
fn a_later_event_meets_the_deadline_before_its_own_matches() {
    let mut scene = Scene::new("later");
    scene.rule("noise", "MATCH Noise WITHIN 1s");
    scene.rule("unshipped", UNSHIPPED_IN_AN_HOUR);
    scene.feed(&["o Order@axon_1 1000 order_id=1", "n1 Noise@axon_3 3601000"]);
    // At the deadline it is not over.
    assert_eq!(scene.matches(), ["n1"]);
    scene.feed(&["n2 Noise@axon_3 3601001"]);
    assert_eq!(scene.matches(), ["n1", "o", "n2"]);
    let times: Vec<Option<String>> = scene
        .out()
        .iter()
        .map(|entry| entry.get("timestamp").map(String::from))
        .collect();
    assert_eq!(times[1].as_deref(), Some("1970-01-01T01:00:01.000Z"));
    assert_eq!(times[2].as_deref(), Some("1970-01-01T01:00:01.001Z"));
}

#[test]
fn what_comes_too_late_does_not_stop_it() {
    let mut scene = Scene::new("late");
    scene.rule("unshipped", UNSHIPPED_IN_AN_HOUR);
    scene.feed(&[
        "o Order@axon_1 1000 order_id=1",
        "s Ship@axon_2 3601001 order_id=1",
    ]);
    assert_eq!(scene.matches(), ["o"]);
}

#[test]
fn more_deadlines_than_one_event_meets_are_all_met() {
    let mut scene = Scene::new("slices");
    scene.rule("unshipped", UNSHIPPED_IN_AN_HOUR);
    let (orders, ships) = (scene.key("axon_1"), scene.key("axon_2"));
    let script = "for i = 1, 3000 do
            redis.call('XADD', KEYS[1], '1000-*', 'type', 'Order', 'order_id', i)
        end
        redis.call('XADD', KEYS[2], '3601001-0', 'type', 'Ship', 'order_id', 3000)";
    scene.client.call(&["EVAL", script, "2", &orders, &ships]);
    // That one event meets the first of them only; the ship comes too late for its order all the same.
    let out = scene.key("out");
    scene.client.wait_until("all deadlines", |client| {
        client.int(&["XLEN", &out]) == 3000
    });
    assert_eq!(scene.stat("leaflets"), 0);
}

#[test]
fn inside_multi() {
    let mut scene = Scene::new("multi");
    scene.rule("unshipped", UNSHIPPED_IN_AN_HOUR);
    scene.rule("soon", &UNSHIPPED.replace("Order", "Wish"));
    feed_at_once(
        &mut scene,
        &[
            "o1 Order@axon_1 1000 order_id=1",
            "o2 Order@axon_1 1000 order_id=2",
            "s Ship@axon_2 1001 order_id=1",
            "n Noise@axon_3 3601001",
            "w Wish@axon_1 3601001 order_id=3",
        ],
    );
    assert_eq!(scene.matches(), ["o2"]);
    wait_for(&mut scene, &["o2", "w"]);
}

#[test]
fn replayed_ids_work_like_live_ones() {
    let mut scene = Scene::new("replay");
    scene.rule("unshipped", UNSHIPPED);
    // A day of September 2001, at once; every second order is shipped.
    let start = 1_000_000_000_000u64;
    let mut events = Vec::new();
    for i in 0..100 {
        let ms = start + i * 864_000;
        events.push(format!("o{i} Order@axon_1 {ms} order_id={i}"));
        if i % 2 == 0 {
            events.push(format!("s{i} Ship@axon_2 {} order_id={i}", ms + 300));
        }
    }
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    feed_at_once(&mut scene, &events);
    let mut expected: Vec<String> = (1..99).step_by(2).map(|i| format!("o{i}")).collect();
    assert_eq!(scene.matches(), expected);
    expected.push("o99".into());
    let expected: Vec<&str> = expected.iter().map(String::as_str).collect();
    wait_for(&mut scene, &expected);
    let last = scene.out().pop().expect("the last one");
    assert_eq!(last.get("timestamp"), Some("2001-09-10T01:32:16.300Z"));
}

#[test]
fn the_end_of_time_is_no_deadline() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "end");
    scene.rule("unshipped", UNSHIPPED);
    for (axon, ms) in [("axon_1", u64::MAX), ("axon_2", u64::MAX - 300)] {
        let id = format!("{ms}-0");
        let fields = [("type", "Order"), ("order_id", axon), ("event_id", axon)];
        assert_eq!(scene.add(axon, &id, &fields), id);
    }
    wait_for_another(&mut scene);
    assert!(scene.matches().is_empty());
    // The timer does not try again and again.
    scene.client.ok(&["CONFIG", "RESETSTAT"]);
    wait_for_another(&mut scene);
    let calls = scene.client.info("commandstats")["cmdstat_LEAFLET.TICK"].clone();
    assert!(calls.starts_with("calls=1,"), "{calls}");
    assert_eq!(scene.stat("internal_errors"), 0);
}

#[test]
fn a_domain_in_another_database_beside_one_with_the_same_axons() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    const DOMAINS: [(&str, &str, &str); 3] = [
        ("0", "first", "out1"),
        ("0", "second", "out2"),
        ("3", "third", "out1"),
    ];
    let mut client = Client::connect(&server.url());
    let mut order_in = |db: &str, key: &str, id: &str| {
        client.ok(&["SELECT", db]);
        let order = ["XADD", key, "1000-0", "type", "Order"];
        client.text(&[&order[..], &["order_id", "1", "event_id", id]].concat());
    };
    let mut admin = Client::connect(&server.url());
    for (db, domain, out) in DOMAINS {
        admin.ok(&["SELECT", db]);
        let create = ["LEAFLET.DOMAIN.CREATE", domain, "AXONS", "axon_*"];
        admin.ok(&[&create[..], &["OUTPUT", out]].concat());
        admin.ok(&["LEAFLET.RULE.ADD", "unshipped", UNSHIPPED, "DOMAIN", domain]);
    }
    let mut wait_for_all = |tag: &str, sources: fn(&str) -> String| {
        for (db, _, out) in DOMAINS {
            admin.ok(&["SELECT", db]);
            let out = format!("{out}{tag}");
            admin.wait_until("an integrated event", |client| {
                client.int(&["XLEN", &out]) > 0
            });
            let emitted: Vec<String> = admin.entries(&out).iter().map(Entry::sources).collect();
            assert_eq!(emitted, [sources(db)]);
        }
    };
    order_in("0", "axon_1{t}", "in_0");
    order_in("3", "axon_1{t}", "in_3");
    wait_for_all("{t}", |db| format!("in_{db}"));

    // Domains stay with the number of their database.
    order_in("0", "axon_1", "in_0");
    order_in("3", "axon_1", "in_3");
    let mut other = Client::connect(&server.url());
    other.ok(&["SWAPDB", "0", "3"]);
    wait_for_all("", |db| format!("in_{db}"));
}

#[test]
fn one_domain_waits_for_what_another_does_not_emit() {
    let mut scene = Scene::new("chain");
    let (name, axons) = (scene.key("second"), scene.key("out"));
    let output = scene.key("final");
    scene.client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &name,
        "AXONS",
        &axons,
        "OUTPUT",
        &output,
    ]);
    scene.rule("unshipped", UNSHIPPED);
    let rule =
        "MATCH ANY AS first -> NOT ANY FOR 100ms WITHIN 1s EMIT rule = first.correlation_rule";
    scene
        .client
        .ok(&["LEAFLET.RULE.ADD", "quiet", rule, "DOMAIN", &name]);
    scene.feed(&["o Order@axon_1 1000 order_id=1"]);
    scene
        .client
        .wait_until("the second integrated event", |client| {
            client.int(&["XLEN", &output]) == 1
        });
    let second = scene.client.entries(&output);
    assert_eq!(second[0].get("rule"), Some("unshipped"));
    assert_eq!(
        Some(second[0].sources().as_str()),
        scene.out()[0].get("event_id")
    );
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &name]);
}

#[test]
fn what_is_dropped_or_reset_does_not_fire() {
    for how in ["rule", "replace", "reset", "reset rule", "domain"] {
        let mut scene = Scene::new("drop");
        let domain = scene.domain.clone();
        scene.rule("unshipped", UNSHIPPED);
        scene.feed(&[
            "o1 Order@axon_1 1000 order_id=1",
            "t Order@axon_1{tag} 1000 order_id=1",
        ]);
        match how {
            "rule" => {
                on_rule(&mut scene, "LEAFLET.RULE.DEL", "unshipped");
                scene.rule("unshipped", UNSHIPPED);
            }
            "replace" => {
                let text = UNSHIPPED.replace("WITHIN 300ms", "WITHIN 301ms");
                let add = ["LEAFLET.RULE.ADD", "unshipped", &text, "REPLACE"];
                scene.client.ok(&[&add[..], &["DOMAIN", &domain]].concat());
            }
            "reset" => scene.client.ok(&["LEAFLET.RESET", "DOMAIN", &domain]),
            "reset rule" => {
                let reset = ["LEAFLET.RESET", "DOMAIN", &domain, "RULE", "unshipped"];
                scene.client.ok(&reset);
            }
            _ => {
                scene.client.ok(&["LEAFLET.DOMAIN.DROP", &domain]);
                let (axons, output) = (scene.key("axon_*"), scene.key("out"));
                let create = ["LEAFLET.DOMAIN.CREATE", &domain, "AXONS", &axons];
                scene
                    .client
                    .ok(&[&create[..], &["OUTPUT", &output]].concat());
                scene.rule("unshipped", UNSHIPPED);
            }
        }
        wait_for_another(&mut scene);
        assert!(scene.matches().is_empty(), "{how}");
        let tagged = scene.key("out{tag}");
        assert_eq!(scene.client.int(&["XLEN", &tagged]), 0, "{how}");
        // What comes afterwards does.
        scene.feed(&["o2 Order@axon_1 5000 order_id=1"]);
        wait_for(&mut scene, &["o2"]);
    }
}

#[test]
fn flushing_forgets_what_waits() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    for flush in [&["FLUSHALL"][..], &["FLUSHDB"], &["FLUSHALL", "ASYNC"]] {
        let mut scene = Scene::on(&server, "flush");
        scene.rule("unshipped", UNSHIPPED);
        scene.feed(&["o1 Order@axon_1 1000 order_id=1"]);
        scene.client.ok(flush);
        wait_for_another(&mut scene);
        assert!(scene.matches().is_empty(), "{flush:?}");
        scene.feed(&["o2 Order@axon_1 1000 order_id=1"]);
        wait_for(&mut scene, &["o2"]);
    }
}

#[test]
fn a_paused_rule_keeps_its_deadlines() {
    let mut scene = Scene::new("pause");
    scene.rule("unshipped", UNSHIPPED);
    scene.rule("other", UNSHIPPED);
    scene.feed(&[
        "o Order@axon_1 1000 order_id=1",
        "t Order@axon_1{tag} 1000 order_id=1",
    ]);
    on_rule(&mut scene, "LEAFLET.RULE.PAUSE", "unshipped");
    wait_for(&mut scene, &["o"]);
    wait_for_another(&mut scene);
    let rules = |scene: &mut Scene| -> Vec<String> {
        let rule = |entry: &Entry| entry.get("correlation_rule").map(String::from);
        scene.out().iter().filter_map(rule).collect()
    };
    assert_eq!(rules(&mut scene), ["other"]);
    // Nothing has to come for them to go on.
    on_rule(&mut scene, "LEAFLET.RULE.RESUME", "unshipped");
    wait_for(&mut scene, &["o", "o"]);
    assert_eq!(rules(&mut scene), ["other", "unshipped"]);
    let tagged = scene.key("out{tag}");
    scene.client.wait_until("the other leaflet's", |client| {
        client.int(&["XLEN", &tagged]) == 2
    });
}

#[test]
fn what_is_dropped_does_not_break_the_silence() {
    let mut scene = Scene::with_options("dropped", &["TIME", "FIELD", "t"]);
    scene.rule("unshipped", UNSHIPPED);
    scene.feed(&["o Order@axon_1 1000 order_id=1 t=1000"]);
    let (axon, out) = (scene.key("axon_2"), scene.key("out"));
    // A producer whose events have no time, and another whose clock is late.
    let mut dropped = 0;
    scene.client.wait_until("an integrated event", |client| {
        dropped += 1;
        client.text(&["XADD", &axon, "1000-*", "type", "Ship"]);
        client.text(&["XADD", &axon, "1000-*", "type", "Ship", "t", "999"]);
        client.int(&["XLEN", &out]) == 1
    });
    assert_eq!(scene.matches(), ["o"]);
    assert_eq!(scene.stat("events_untimed"), dropped);
    assert_eq!(scene.stat("events_late"), dropped);
}
