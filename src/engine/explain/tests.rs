use super::*;
use crate::engine::domain::{AddRule, DomainSpec, DEFAULT_DOMAIN};
use crate::engine::{EntryId, Event};

fn explained(text: &str) -> Report {
    let engine = Engine::new(Settings::default());
    engine.explain_text(DEFAULT_DOMAIN, text).unwrap()
}

/// The values of one name in a list of maps.
fn all(report: &Report, list: &str, name: &str) -> Vec<String> {
    let Some(Report::List(items)) = report.get(list) else {
        panic!("no list {list} in {report}");
    };
    let value = |item: &Report| item.get(name).map(ToString::to_string);
    let text = |item| value(item).unwrap_or_default().trim().to_string();
    items.iter().map(text).collect()
}

#[test]
fn every_atom_has_its_role() {
    let roles = |text| all(&explained(text), "atoms", "role");
    assert_eq!(
        roles("MATCH A -> B WITHIN 1s"),
        [
            "waits for the others",
            "comes last: it is tried when it comes and never waits"
        ]
    );
    assert_eq!(
        roles("MATCH NOT X -> (A AND B) -> NOT Y -> C+ WITHIN 1s"),
        [
            "must not come in the 1s before A or B",
            "waits for the others",
            "waits for the others",
            "must not come between A or B and C",
            "waits for the others, and can be the last",
        ]
    );
    assert_eq!(
        roles("MATCH Order AS o -> NOT Ship FOR 90m WITHIN 1h"),
        [
            "waits for the others or, as the last, for its deadline",
            "must not come in the 1h 30m after o, when the match ends",
        ]
    );
    assert_eq!(
        roles("INTEGRATE A DECAY 1s THRESHOLD 2 WITHIN 1s"),
        ["adds its weight to the level"]
    );
}

#[test]
fn conditions_are_tested_as_early_as_can_be() {
    let tested = |text: &str| all(&explained(text), "where", "tested");
    let rule =
        |rest: &str| format!("MATCH A AS a -> B+ AS b -> C? AS c -> D AS d WHERE {rest} WITHIN 1s");
    assert_eq!(
        tested(&rule("a.v < d.v AND b.v = a.v AND c.v IS NULL")),
        [
            "as soon as a and d are known",
            "as soon as a and b are known; a and b can be looked up by it",
            "as soon as c is known, at the end where one has no event",
        ]
    );
    assert_eq!(
        tested(&(rule("a.v < d.v AND b.v < a.v") + " SELECT FIRST")),
        ["as soon as a and d are known", "at the end"]
    );
}

#[test]
fn what_ends_a_match_and_when_an_integration_fires() {
    let ends = explained("MATCH A -> (B -> NOT C FOR 1m) OR D[x > 1] WITHIN 1s");
    assert_eq!(
        ends.get("ends"),
        Some(&Report::list(["D[x > 1]", "1m after B, if no C comes"]))
    );
    let fires =
        explained("INTEGRATE A@x, B@y DECAY 1s THRESHOLD 2.5 FROM 2 AXONS REFRACTORY 3s WITHIN 1s");
    let when =
        "when the level is 2.5 or more, from 2 axons or more, 3s or more after it last fired";
    assert_eq!(fires.get("fires"), Some(&when.into()));
}

#[test]
fn the_axons_that_have_come_by_are_shown() {
    let mut engine = Engine::new(Settings::default());
    let text = "MATCH A@axon_1 -> ANY WITHIN 1s";
    let add = |engine: &mut Engine| {
        let how = AddRule {
            replace: true,
            ..AddRule::default()
        };
        engine.add_rule(DEFAULT_DOMAIN, "r", text, how).unwrap();
    };
    add(&mut engine);
    for key in ["stream:axon_2{t}", "stream:axon_1", "stream:axon_1{u}"] {
        let event = Event {
            key: key.as_bytes(),
            id: EntryId { ms: 1, seq: 0 },
            fields: &[(b"type", b"X")],
            hops: 0,
        };
        let route = engine.route(0, event.key).unwrap();
        engine.on_event(route, &event, &mut Vec::new());
    }
    add(&mut engine);
    let report = engine.explain(DEFAULT_DOMAIN, "r").unwrap();
    assert_eq!(all(&report, "reads", "axons_known"), ["1", "2"]);
    assert_eq!(
        all(&report, "reads", "axons"),
        ["- stream:axon_1", "- stream:axon_1\n- stream:axon_2"]
    );
}

#[test]
fn what_an_event_takes_is_what_a_window_counts() {
    let mut engine = Engine::new(Settings::default());
    let text = "MATCH A -> B WHERE A.x = B.x AND A.y = B.y AND A.z != B.z WITHIN 1s";
    engine
        .add_rule(DEFAULT_DOMAIN, "r", text, AddRule::default())
        .unwrap();
    let mut bytes = Vec::new();
    for ms in [1, 2] {
        let value = ms.to_string();
        let event = Event {
            key: b"stream:axon_1",
            id: EntryId { ms, seq: 0 },
            fields: &[
                (b"type", b"A"),
                (b"x", value.as_bytes()),
                (b"y", value.as_bytes()),
                (b"z", value.as_bytes()),
            ],
            hops: 0,
        };
        let route = engine.route(0, event.key).unwrap();
        engine.on_event(route, &event, &mut Vec::new());
        bytes.push(engine.stats(None, None).unwrap().window_bytes);
    }
    let report = engine.explain(DEFAULT_DOMAIN, "r").unwrap();
    let told = |name| match report.get("bytes").and_then(|bytes| bytes.get(name)) {
        Some(Report::Number(n)) => *n,
        other => panic!("{other:?}"),
    };
    // Key, type and the three values. The list of kept fields may have grown by doubling.
    let texts = "stream:axon_1".len() + "A".len() + 3;
    let event = told("event") + told("event_in_window") + texts as u64;
    let counted = bytes[1] - bytes[0];
    assert!((event..=event + 64).contains(&counted), "{event} {counted}");
}

#[test]
fn an_axon_that_is_misspelt_is_named() {
    let mut engine = Engine::new(Settings::default());
    for key in ["stream:axon_1", "stream:axon_22{t}"] {
        engine.route(0, key.as_bytes()).unwrap();
    }
    let text = "MATCH A@axom_1 AND B@axon_9 AND C@'axon_*' AND D@'stream:axon_21' AND E WITHIN 2s";
    let report = engine.explain_text(DEFAULT_DOMAIN, text).unwrap();
    assert_eq!(
        all(&report, "reads", "doubt"),
        [
            "no axon 'axom_1' has been seen (did you mean 'axon_1'?)",
            "no axon 'axon_9' has been seen",
            "",
            "no axon 'stream:axon_21' has been seen",
            "",
        ]
    );
    let spec = DomainSpec {
        axons: vec!["s:axon_?".into(), "axon_[1-9]".into()],
        ..DomainSpec::new("narrow", 0)
    };
    engine.create_domain(spec).unwrap();
    let text = "MATCH A@axom_1 AND B@axon_9 AND C@'r:axon_1' WITHIN 2s";
    let report = engine.explain_text("narrow", text).unwrap();
    assert_eq!(
        all(&report, "reads", "doubt"),
        [
            "no axon of the domain can be 'axom_1' (AXONS s:axon_?, axon_[1-9])",
            "no axon 'axon_9' has been seen",
            "no axon of the domain can be 'r:axon_1' (AXONS s:axon_?, axon_[1-9])",
        ]
    );
}
