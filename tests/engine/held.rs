//! Held events, case by case: definitions that change while they wait, memory, and what wakes their leaflet.

use leaflet::engine::domain::{AddRule, DomainSpec};
use leaflet::engine::time::TimeSource;
use leaflet::engine::{Emission, Engine, Settings};

use crate::compare::feed;
use crate::stream::Entry;

/// The domain of these tests takes the events of `stream:axon_*`.
const DOMAIN: &str = "timed";

/// An engine with one domain, whose time is the field `ts`.
fn engine(lateness: u64, settings: Settings) -> Engine {
    let mut engine = Engine::new(settings);
    engine.drop_domain("default").expect("it is there");
    let time = TimeSource::Field {
        field: "ts".into(),
        lateness,
    };
    let spec = DomainSpec {
        time,
        ..DomainSpec::new(DOMAIN, 0)
    };
    engine.create_domain(spec).expect("a domain");
    engine
}

fn add(engine: &mut Engine, name: &str, text: &str) {
    let how = AddRule {
        replace: true,
        paused: false,
    };
    engine.add_rule(DOMAIN, name, text, how).expect("a rule");
}

/// Feeds `name type@axon time` lines; the time is also the entry id's.
fn run(engine: &mut Engine, lines: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    for (number, line) in lines.iter().enumerate() {
        let time = line.split(' ').nth(2).expect("a time");
        let entry = Entry::read(&format!("{line} ts={time}"), number);
        found.extend(feed(engine, &entry).iter().map(sources));
    }
    found
}

fn tick(engine: &mut Engine, time: u64) -> Vec<String> {
    let mut out = Vec::new();
    engine.tick(DOMAIN, b"", time, &mut out).expect("a domain");
    out.iter().map(sources).collect()
}

fn sources(emission: &Emission) -> String {
    let field = |name: &str| emission.fields.iter().find(|(field, _)| field == name);
    let (_, ids) = field("source_events").expect("source_events");
    let ids: Vec<String> = serde_json::from_slice(ids).expect("a JSON array of texts");
    format!("{}: {}", emission.rule, ids.join(" "))
}

#[test]
fn rules_that_change_while_events_are_held() {
    let mut engine = engine(100, Settings::default());
    for name in ["one", "two", "three"] {
        add(&mut engine, name, "MATCH A WITHIN 1s");
    }
    assert!(run(&mut engine, &["a A@axon_1 1000"]).is_empty());
    engine.delete_rule(DOMAIN, "one").expect("a rule");
    engine.delete_rule(DOMAIN, "two").expect("a rule");
    add(&mut engine, "three", "MATCH A AS x WITHIN 1s EMIT n = x.ts");
    assert_eq!(tick(&mut engine, 1_100), ["three: a"]);
    assert!(run(&mut engine, &["b B@axon_1 1050"]).is_empty());
    add(&mut engine, "four", "MATCH B WITHIN 1s");
    assert_eq!(tick(&mut engine, 2_000), ["four: b"]);
}

#[test]
fn a_full_memory_does_not_stop_time() {
    let settings = |max_window_memory| Settings {
        max_window_memory,
        ..Settings::default()
    };
    let mut some = engine(100, settings(20_000));
    add(&mut some, "one", "MATCH A WITHIN 1s");
    let lines: Vec<String> = (0..1_000)
        .map(|n| format!("a{n} A@axon_1 {}", 1_000 + n))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let found = run(&mut some, &lines).len() as u64;
    let stats = some.stats(Some(DOMAIN), None).expect("a domain");
    assert!(stats.window_bytes <= 20_000 && stats.events_shed > 100);
    assert_eq!(found + stats.events_held + stats.events_shed, 1_000);
    assert!(found > 100, "{found}");

    // What need not wait needs no room.
    let mut none = engine(0, settings(0));
    add(&mut none, "one", "MATCH A WITHIN 1s");
    let found = run(
        &mut none,
        &["a A@axon_1 1000", "b A@axon_1 999", "c A@axon_1 1000"],
    );
    assert_eq!(found, ["one: a", "one: c"]);
}

/// The figures that go back to where they were.
fn levels(engine: &Engine) -> [u64; 5] {
    let stats = engine.stats(Some(DOMAIN), None).expect("a domain");
    [
        stats.window_events,
        stats.events_held,
        stats.window_bytes,
        stats.partitions,
        stats.leaflets,
    ]
}

#[test]
fn held_events_are_gone_with_what_is_cleared() {
    let mut engine = engine(100, Settings::default());
    add(&mut engine, "pair", "MATCH A -> B WITHIN 1s");
    let held = [
        "a A@axon_1 1000",
        "a2 A@axon_1{t} 1000",
        "x X@axon_1{t} 1110",
    ];
    for clear in [
        |engine: &mut Engine| engine.reset(Some(DOMAIN), None),
        |engine: &mut Engine| engine.reset(None, None),
        |engine: &mut Engine| {
            engine.flush(None);
            Ok(())
        },
        |engine: &mut Engine| {
            engine.flush(Some(0));
            Ok(())
        },
    ] {
        assert!(run(&mut engine, &held).is_empty());
        assert_eq!(levels(&engine)[..2], [1, 2]);
        assert_eq!(levels(&engine)[4], 2);
        // Another database is none of its business, and a rule holds no events back.
        engine.flush(Some(1));
        engine.reset(Some(DOMAIN), Some("pair")).expect("a rule");
        assert_eq!(levels(&engine)[..2], [0, 2]);
        clear(&mut engine).expect("a domain");
        assert_eq!(levels(&engine), [0; 5]);
        assert_eq!(engine.waiting(DOMAIN, b""), None);
        assert!(tick(&mut engine, 5_000).is_empty());
    }
    run(&mut engine, &held);
    engine.drop_domain(DOMAIN).expect("it is there");
    let stats = engine.stats(None, None).expect("all");
    assert_eq!((stats.window_bytes, stats.events_held), (0, 0));
    assert!(engine.tick(DOMAIN, b"", 5_000, &mut Vec::new()).is_err());
    assert_eq!(engine.waiting(DOMAIN, b""), None);
}

#[test]
fn more_than_one_tick_can_take() {
    let mut engine = engine(10_000, Settings::default());
    add(&mut engine, "wait", "MATCH A -> NOT B FOR 5ms WITHIN 1s");
    let lines: Vec<String> = (0..3_000)
        .map(|n| format!("a{n} A@axon_1 {}", 1_000 + n))
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    assert!(run(&mut engine, &lines).is_empty());
    assert!(run(&mut engine, &["b B@axon_1 3000"]).is_empty());
    let (mut found, mut ticks) = (Vec::new(), 0);
    for time in [13_999, 100_000] {
        while engine
            .waiting(DOMAIN, b"")
            .is_some_and(|(_, needed)| needed <= time)
        {
            found.extend(tick(&mut engine, time));
            let after = engine.wakes().next_back().expect("something waited").after;
            let waiting = engine.waiting(DOMAIN, b"");
            assert_eq!(
                after,
                waiting.map(|(clock, needed)| needed.saturating_sub(clock))
            );
            ticks += 1;
        }
    }
    assert!((12..30).contains(&ticks), "{ticks}");
    // All but those of the five ms before b, and that very ms, where a comes first.
    let expected: Vec<String> = (0..3_000)
        .filter(|n| !(1_995..=2_000).contains(n))
        .map(|n| format!("wait: a{n}"))
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn deadlines_that_are_still_to_be_met_are_not_broken() {
    let mut engine = Engine::new(Settings::default());
    let wait = "MATCH A -> NOT B FOR 5ms WITHIN 1s";
    let how = AddRule::default();
    engine
        .add_rule("default", "wait", wait, how)
        .expect("a rule");
    let mut found = 0;
    let lines = (0..3_000).map(|n| format!("a{n} A@axon_1 1000"));
    let lines = lines.chain((0..12).map(|n| format!("b{n} B@axon_1 {}", 2_000 + n)));
    for (number, line) in lines.enumerate() {
        found += feed(&mut engine, &Entry::read(&line, number)).len();
    }
    assert_eq!(found, 3_000);
}

#[test]
fn a_rule_that_is_resumed_wakes_its_leaflets() {
    let mut engine = engine(10, Settings::default());
    add(&mut engine, "wait", "MATCH A -> NOT B FOR 5ms WITHIN 1s");
    run(&mut engine, &["a A@axon_1 1000"]);
    assert!(tick(&mut engine, 1_010).is_empty());
    engine.wakes();
    let woken = |engine: &mut Engine| {
        let wakes = engine.wakes().map(|wake| wake.after);
        wakes.collect::<Vec<_>>()
    };
    engine.set_paused(DOMAIN, "wait", true).expect("a rule");
    assert!(tick(&mut engine, 1_012).is_empty());
    assert_eq!(woken(&mut engine), []);
    engine.set_paused(DOMAIN, "wait", false).expect("a rule");
    // The watermark has to be greater than the deadline.
    assert_eq!(woken(&mut engine), [Some(4)]);
    assert!(tick(&mut engine, 1_015).is_empty());
    assert_eq!(tick(&mut engine, 1_016), ["wait: a"]);
    assert_eq!(woken(&mut engine), [Some(1), None]);
}

#[test]
fn an_event_does_not_overtake_what_is_still_to_be_let_go() {
    let mut engine = engine(10_000, Settings::default());
    add(&mut engine, "one", "MATCH ANY WITHIN 1s");
    let lines = (0..4_000).map(|n| format!("a{n} A@axon_1 {}", 1_000 + n));
    let lines: Vec<String> = lines
        .chain(["far A@axon_1 20000".into(), "b B@axon_1 10000".into()])
        .collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    let mut found = run(&mut engine, &lines);
    assert!((256..4_000).contains(&found.len()));
    while engine.waiting(DOMAIN, b"").is_some() {
        found.extend(tick(&mut engine, 30_000));
    }
    let names = (0..4_000).map(|n| format!("one: a{n}"));
    let names = names.chain(["one: b".into(), "one: far".into()]);
    assert_eq!(found, names.collect::<Vec<String>>());
}
