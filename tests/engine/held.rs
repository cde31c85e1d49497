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
