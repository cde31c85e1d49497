//! The engine is a function of what it is fed.

use leaflet::engine::domain::{AddRule, Definitions, DEFAULT_DOMAIN};
use leaflet::engine::{Emission, Engine};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::compare::{engine, feed};
use crate::random::{rule, stream};
use crate::stream::Entry;

/// An engine with those of the rules that it supports.
fn with_rules(rules: &[String]) -> Engine {
    let mut engine = engine();
    for (number, text) in rules.iter().enumerate() {
        let name = format!("rule_{number}");
        let _ = engine.add_rule(DEFAULT_DOMAIN, &name, text, AddRule::default());
    }
    engine
}

fn run(engine: &mut Engine, stream: &[Entry]) -> Vec<Vec<Emission>> {
    stream.iter().map(|entry| feed(engine, entry)).collect()
}

fn restored(definitions: &Definitions) -> Engine {
    let mut engine = engine();
    engine.restore(definitions).expect("what was defined once");
    engine
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_same_events_give_the_same(
        rules in vec(rule::any_rule(), 1..4),
        stream in stream::stream(),
    ) {
        let whole = run(&mut with_rules(&rules), &stream);
        prop_assert_eq!(&run(&mut with_rules(&rules), &stream), &whole);

        // Definitions that were stored and read again mean the same.
        let json = serde_json::to_string(&with_rules(&rules).definitions()).expect("JSON");
        let definitions = serde_json::from_str(&json).expect("definitions");
        prop_assert_eq!(&run(&mut restored(&definitions), &stream), &whole);

        // Resetting leaves nothing behind, and takes no definition away.
        let mut used = with_rules(&rules);
        run(&mut used, &stream);
        used.reset(None, None).expect("everything can be reset");
        prop_assert_eq!(&run(&mut used, &stream), &whole);
        used.flush(None);
        prop_assert_eq!(&run(&mut used, &stream), &whole);
    }

    #[test]
    fn rules_and_tags_do_not_affect_each_other(
        rules in vec(rule::any_rule(), 2..4),
        stream in stream::stream(),
    ) {
        let together = run(&mut with_rules(&rules), &stream);
        for (number, text) in rules.iter().enumerate() {
            let name = format!("rule_{number}");
            let mut alone = engine();
            let _ = alone.add_rule(DEFAULT_DOMAIN, &name, text, AddRule::default());
            for (entry, emissions) in stream.iter().zip(&together) {
                let own = emissions.iter().filter(|emission| *emission.rule == *name);
                let own: Vec<Emission> = own.cloned().collect();
                prop_assert_eq!(feed(&mut alone, entry), own);
            }
        }

        let tagged = |entry: &Entry| entry.key.contains('{');
        for tag in [true, false] {
            let mut alone = with_rules(&rules);
            for (entry, emissions) in stream.iter().zip(&together) {
                if tagged(entry) == tag {
                    prop_assert_eq!(&feed(&mut alone, entry), emissions);
                }
            }
        }
    }

    /// Two engines that are fed in turns, each its own half of a stream, do as they would alone.
    #[test]
    fn engines_do_not_affect_each_other(
        rules in vec(rule::any_rule(), 1..3),
        streams in (stream::stream(), stream::stream()),
    ) {
        let (first, second) = streams;
        let whole = (run(&mut with_rules(&rules), &first), run(&mut with_rules(&rules), &second));
        let mut engines = (with_rules(&rules), with_rules(&rules));
        for n in 0..first.len().max(second.len()) {
            if let Some(entry) = first.get(n) {
                prop_assert_eq!(&feed(&mut engines.0, entry), &whole.0[n]);
            }
            if let Some(entry) = second.get(n) {
                prop_assert_eq!(&feed(&mut engines.1, entry), &whole.1[n]);
            }
        }
    }

    /// Rules that were there from the start, paused, see what a rule added later sees.
    #[test]
    fn a_rule_sees_events_from_its_start_on(
        rules in vec(rule::any_rule(), 1..3),
        stream in stream::stream(),
        start in any::<prop::sample::Index>(),
    ) {
        let start = start.index(stream.len());
        let mut paused = engine();
        let mut late = engine();
        let paused_rule = AddRule { paused: true, ..AddRule::default() };
        // Something has to keep the leaflet's clock.
        for engine in [&mut paused, &mut late] {
            let clock = "MATCH ANY AND Never WITHIN 1s";
            engine.add_rule(DEFAULT_DOMAIN, "clock", clock, AddRule::default()).expect("a rule");
        }
        for (number, text) in rules.iter().enumerate() {
            let _ = paused.add_rule(DEFAULT_DOMAIN, &format!("rule_{number}"), text, paused_rule);
        }
        for entry in &stream[..start] {
            prop_assert_eq!(feed(&mut paused, entry), vec![]);
            prop_assert_eq!(feed(&mut late, entry), vec![]);
        }
        for (number, text) in rules.iter().enumerate() {
            let name = format!("rule_{number}");
            let _ = late.add_rule(DEFAULT_DOMAIN, &name, text, AddRule::default());
            let _ = paused.set_paused(DEFAULT_DOMAIN, &name, false);
        }
        for entry in &stream[start..] {
            prop_assert_eq!(feed(&mut paused, entry), feed(&mut late, entry));
        }
    }
}
