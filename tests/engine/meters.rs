//! What is counted as held goes back to nothing, whatever came and whatever was changed meanwhile.
//!
//! A meter that is taken below nothing panics in these builds.

use leaflet::engine::domain::{AddRule, Definitions, DEFAULT_DOMAIN};
use leaflet::engine::{Engine, Settings};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::compare::{engine, feed};
use crate::random::arrivals::{self, Step};
use crate::random::rule;
use crate::reorder::{add_rules, tick, timed, LAST};
use crate::stream::Entry;

/// What an operator does between events.
#[derive(Debug, Clone)]
enum Change {
    Pause(usize),
    Resume(usize),
    Delete(usize),
    Reset(usize),
    Replace(usize, String),
    /// The limit on memory, in bytes.
    Limit(u64),
    Flush,
    ResetAll,
}

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        4 => (0usize..3).prop_map(Change::Pause),
        4 => (0usize..3).prop_map(Change::Resume),
        1 => (0usize..3).prop_map(Change::Delete),
        2 => (0usize..3).prop_map(Change::Reset),
        2 => (0usize..3, rule::any_rule()).prop_map(|(at, text)| Change::Replace(at, text)),
        2 => (0u64..20_000).prop_map(Change::Limit),
        1 => Just(Change::Flush),
        1 => Just(Change::ResetAll),
    ]
}

fn apply(engine: &mut Engine, change: &Change) {
    let name = |at: &usize| format!("rule_{at}");
    // A rule may be gone already.
    let _ = match change {
        Change::Pause(at) => engine.set_paused(DEFAULT_DOMAIN, &name(at), true),
        Change::Resume(at) => engine.set_paused(DEFAULT_DOMAIN, &name(at), false),
        Change::Delete(at) => engine.delete_rule(DEFAULT_DOMAIN, &name(at)),
        Change::Reset(at) => engine.reset(Some(DEFAULT_DOMAIN), Some(&name(at))),
        Change::Replace(at, text) => {
            let how = AddRule {
                replace: true,
                paused: false,
            };
            engine.add_rule(DEFAULT_DOMAIN, &name(at), text, how)
        }
        Change::Limit(max_window_memory) => {
            engine.set_settings(Settings {
                max_window_memory: *max_window_memory,
                ..engine.settings()
            });
            Ok(())
        }
        Change::Flush => {
            engine.flush(None);
            Ok(())
        }
        Change::ResetAll => engine.reset(None, None),
    };
}

/// The figures that go back: events, held events, bytes, partitions, leaflets.
fn levels(engine: &Engine) -> [u64; 5] {
    let stats = engine.stats(Some(DEFAULT_DOMAIN), None).expect("a domain");
    let all = engine.stats(None, None).expect("all");
    assert_eq!(all.window_bytes, stats.window_bytes);
    [
        stats.window_events,
        stats.events_held,
        stats.window_bytes,
        stats.partitions,
        stats.leaflets,
    ]
}

/// The figures of each rule: events, bytes, partitions.
fn of_rules(engine: &Engine) -> Vec<[u64; 3]> {
    let infos = engine.rule_infos(DEFAULT_DOMAIN).expect("a domain");
    let of = |name: &str| {
        let stats = engine.stats(Some(DEFAULT_DOMAIN), Some(name));
        let stats = stats.expect("a rule");
        [stats.window_events, stats.window_bytes, stats.partitions]
    };
    infos.iter().map(|info| of(&info.name)).collect()
}

/// Lets far more time pass than anything is kept for, and feeds an event to each of these leaflets.
fn pass(engine: &mut Engine, tags: &[&str], lateness: u64) {
    let far = LAST * LAST;
    for (number, tag) in tags.iter().enumerate() {
        tick(engine, tag, far - lateness - 1);
        let key = if tag.is_empty() { "" } else { "{t}" };
        let line = format!("last Z@axon_1{key} {far} ts={far}");
        feed(engine, &Entry::read(&line, number));
        tick(engine, tag, far + lateness);
    }
}

fn restored(definitions: &Definitions, settings: Settings) -> Engine {
    let mut engine = Engine::new(settings);
    engine.restore(definitions).expect("what was defined once");
    engine
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn all_that_is_counted_leaves(
        rules in vec(rule::any_rule(), 1..4),
        steps in arrivals::steps(),
        changes in vec(prop::option::weighted(0.1, change()), 54),
        lateness in prop::option::of(0u64..20),
    ) {
        let mut engine = match lateness {
            None => engine(),
            Some(lateness) => timed(lateness, 1_000),
        };
        add_rules(&mut engine, &rules);
        let mut tags = Vec::new();
        for (step, change) in steps.iter().zip(&changes) {
            match step {
                Step::Event(arrival) => {
                    let tag = if arrival.entry.key.contains('{') { "t" } else { "" };
                    if !tags.contains(&tag) {
                        tags.push(tag);
                    }
                    match lateness {
                        None => feed(&mut engine, &arrival.entry),
                        Some(_) => feed(&mut engine, &arrival.as_it_came()),
                    };
                }
                Step::Tick(tag, time) => {
                    tick(&mut engine, tag, *time);
                }
            }
            if let Some(change) = change {
                apply(&mut engine, change);
            }
            // The records of rules that share an event are counted once.
            let [events, held, bytes, partitions, leaflets] = levels(&engine);
            let rules = of_rules(&engine);
            prop_assert!(events <= rules.iter().map(|[events, ..]| events).sum());
            prop_assert_eq!(partitions, rules.iter().map(|[.., partitions]| partitions).sum::<u64>());
            prop_assert!(events + held <= steps.len() as u64 && leaflets <= 2);
            prop_assert_eq!(events + held + partitions > 0, leaflets > 0);
            prop_assert!(bytes > 0 || leaflets == 0);
        }
        let settings = Settings {
            max_window_memory: 1 << 30,
            ..engine.settings()
        };
        engine.set_settings(settings);
        pass(&mut engine, &tags, lateness.unwrap_or(0));
        // Nothing is left but what the last event left.
        let mut fresh = restored(&engine.definitions(), settings);
        pass(&mut fresh, &tags, lateness.unwrap_or(0));
        prop_assert_eq!(levels(&engine), levels(&fresh));
        prop_assert_eq!(of_rules(&engine), of_rules(&fresh));
        prop_assert!(levels(&engine)[0] <= tags.len() as u64);

        engine.reset(None, None).expect("all");
        prop_assert_eq!(levels(&engine), [0; 5]);
        prop_assert!(of_rules(&engine).iter().flatten().all(|level| *level == 0));
    }
}
