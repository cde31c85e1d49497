//! EXPLAIN and WHYNOT answer whatever the rule and the events are, and what they say is consistent.

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::report::Report;
use leaflet::engine::whynot::Question;
use leaflet::engine::{Engine, Settings};
use proptest::prelude::*;

use crate::compare::feed;
use crate::random::{rule, stream};

fn list<'a>(report: &'a Report, name: &str) -> &'a [Report] {
    match report.get(name) {
        Some(Report::List(items)) => items,
        _ => &[],
    }
}

fn number(report: &Report, name: &str) -> u64 {
    match report.get(name) {
        Some(Report::Number(n)) => *n,
        other => panic!("{name}: {other:?}"),
    }
}

/// What an answer must look like, whatever it says.
fn check(report: &Report) -> Result<(), TestCaseError> {
    prop_assert!(!list(report, "reasons").is_empty(), "{report}");
    let nearest = list(report, "nearest");
    prop_assert!(nearest.len() <= 10);
    for partial in nearest {
        let (lacks, fails) = (list(partial, "lacks"), list(partial, "fails"));
        prop_assert!(lacks.len() + fails.len() > 0, "nothing keeps it: {report}");
        let events = list(partial, "events");
        prop_assert_eq!(events.len() as u64, number(partial, "has").min(16));
        let ids: Vec<_> = events.iter().map(|event| event.get("id")).collect();
        for (at, id) in ids.iter().enumerate() {
            prop_assert!(!ids[..at].contains(id), "an event twice: {report}");
        }
    }
    Ok(())
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_rule_answers_after_every_event(
        text in rule::any_rule(),
        stream in stream::stream(),
    ) {
        let mut engine = Engine::new(Settings {
            match_budget: 5_000,
            ..Settings::default()
        });
        if engine.add_rule(DEFAULT_DOMAIN, "r", &text, AddRule::default()).is_ok() {
            for entry in &stream {
                feed(&mut engine, entry);
                let tag = entry.key.split(['{', '}']).nth(1).unwrap_or_default();
                let question = Question {
                    tag: tag.as_bytes(),
                    partition: None,
                };
                check(&engine.why_not(DEFAULT_DOMAIN, "r", question).expect("an answer"))?;
            }
            let explained = engine.explain(DEFAULT_DOMAIN, "r").expect("an explanation");
            prop_assert_eq!(engine.explain_text(DEFAULT_DOMAIN, &text).is_ok(), true);
            prop_assert!(!list(&explained, "atoms").is_empty());
        }
    }
}
