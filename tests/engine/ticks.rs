//! Silence: what ticks do, what they don't, and what the engine says about when one is needed.

use leaflet::engine::domain::DEFAULT_DOMAIN;
use leaflet::engine::{Emission, Engine, Wake};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::compare::{engine, feed, output, same_output};
use crate::oracle::{Oracle, Output};
use crate::random::arrivals::{self, Step};
use crate::random::{pattern, rule};
use crate::reorder::{add_rules, tick, timed, LAST};

/// Rules of which many wait.
fn rules() -> impl Strategy<Value = Vec<String>> {
    let waiting = rule::matching(pattern::not_trailing(), rule::Clauses::consuming());
    vec(prop_oneof![waiting, rule::any_rule()], 1..4)
}

/// An engine with these rules; with a lateness, its time is a field.
fn with_rules(rules: &[String], lateness: Option<u64>) -> Engine {
    let mut engine = match lateness {
        None => engine(),
        Some(lateness) => timed(lateness, 1_000),
    };
    add_rules(&mut engine, rules);
    engine
}

fn take(engine: &mut Engine, step: &Step, by_id: bool) -> Vec<Emission> {
    match step {
        Step::Event(arrival) if by_id => feed(engine, &arrival.entry),
        Step::Event(arrival) => feed(engine, &arrival.as_it_came()),
        Step::Tick(tag, time) => tick(engine, tag, *time),
    }
}

/// What comes of each step, with what it says about waking.
fn run(engine: &mut Engine, steps: &[Step], by_id: bool) -> Vec<(Vec<Emission>, Vec<Wake>)> {
    let take = |step| {
        let emissions = take(engine, step, by_id);
        (emissions, engine.wakes().collect())
    };
    steps.iter().map(take).collect()
}

/// What the steps do to the oracle, up to the first that is too much for it.
fn expected(rules: &[String], steps: &[Step]) -> Vec<Vec<Output>> {
    let mut oracle = Oracle::default();
    for (number, text) in rules.iter().enumerate() {
        oracle.add_rule(&format!("rule_{number}"), text);
    }
    let take = |step: &Step| match step {
        Step::Event(arrival) => {
            let entry = &arrival.entry;
            oracle.on_event(&entry.key, entry.id, &entry.fields).ok()
        }
        Step::Tick(tag, time) => oracle.tick(tag, *time).ok(),
    };
    steps.iter().map_while(take).collect()
}

/// Lowers each tick to the least time that is still to come, so that nothing is late by it.
fn not_ahead(steps: &[Step]) -> Vec<Step> {
    let mut least = LAST;
    let mut lowered: Vec<Step> = steps.iter().rev().cloned().collect();
    for step in &mut lowered {
        match step {
            Step::Event(arrival) => least = least.min(arrival.entry.id.0),
            Step::Tick(_, time) => *time = (*time).min(least),
        }
    }
    lowered.reverse();
    lowered
}

fn events(steps: &[Step]) -> Vec<Step> {
    let is_event = |step: &&Step| matches!(step, Step::Event(_));
    steps.iter().filter(is_event).cloned().collect()
}

/// In the order of their times, as far as they are events; ticks stay where they are.
fn sorted(steps: Vec<Step>) -> Vec<Step> {
    let mut in_order = events(&steps);
    in_order.sort_by_key(|step| match step {
        Step::Event(arrival) => arrival.entry.id.0,
        Step::Tick(..) => 0,
    });
    let mut in_order = in_order.into_iter();
    let put = |step| match step {
        Step::Event(_) => in_order.next().expect("as many events"),
        tick => tick,
    };
    steps.into_iter().map(put).collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn ticks_mean_what_the_oracle_says(rules in rules(), steps in arrivals::steps()) {
        let found = run(&mut with_rules(&rules, None), &steps, true);
        for (expected, (found, _)) in expected(&rules, &steps).iter().zip(&found) {
            let found: Vec<Output> = found.iter().map(output).collect();
            let mut pairs = expected.iter().zip(&found);
            let same = expected.len() == found.len() && pairs.all(|(a, b)| same_output(a, b));
            prop_assert!(same, "{expected:#?}\n{found:#?}");
        }
    }

    #[test]
    fn the_same_events_and_ticks_give_the_same(
        rules in rules(),
        steps in arrivals::steps(),
        lateness in prop::option::of(0u64..20),
    ) {
        let by_id = lateness.is_none();
        let once = run(&mut with_rules(&rules, lateness), &steps, by_id);
        prop_assert_eq!(run(&mut with_rules(&rules, lateness), &steps, by_id), once);
    }

    /// A tick to a time that is no later than all that is to come changes nothing but when a deadline is met.
    #[test]
    fn ticks_only_meet_deadlines_earlier(
        rules in rules(),
        steps in arrivals::steps(),
        in_order in any::<bool>(),
    ) {
        let steps = not_ahead(&if in_order { sorted(steps) } else { steps });
        let all = |steps: &[Step]| {
            let mut engine = with_rules(&rules, None);
            let found = run(&mut engine, steps, true).into_iter();
            let mut found: Vec<Emission> = found.flat_map(|(emissions, _)| emissions).collect();
            found.extend(tick(&mut engine, "", LAST));
            found.extend(tick(&mut engine, "t", LAST));
            // Leaflets know nothing of each other.
            found.sort_by(|a, b| a.output.cmp(&b.output));
            found
        };
        prop_assert_eq!(all(&steps), all(&events(&steps)));
    }

    /// After the silence that the engine asks for something happens; one ms earlier nothing does.
    #[test]
    fn wakes_come_when_they_are_needed(
        rules in rules(),
        steps in arrivals::steps(),
        lateness in prop::option::of(0u64..20),
        end in any::<prop::sample::Index>(),
    ) {
        let steps = &steps[..=end.index(steps.len())];
        let mut engine = with_rules(&rules, lateness);
        let said = run(&mut engine, steps, lateness.is_none());
        for tag in ["", "t"] {
            let held = |engine: &Engine| {
                let stats = engine.stats(Some(DEFAULT_DOMAIN), None).expect("a domain");
                (stats.events_held, stats.window_events, stats.window_bytes)
            };
            let waiting = |engine: &Engine| engine.waiting(DEFAULT_DOMAIN, tag.as_bytes());
            let mut wakes = said.iter().flat_map(|(_, wakes)| wakes);
            let last = wakes.rfind(|wake| &*wake.tag == tag.as_bytes());
            let after = last.and_then(|wake| wake.after);
            let before = held(&engine);
            let Some((clock, needed)) = waiting(&engine) else {
                prop_assert_eq!(after, None);
                prop_assert_eq!(tick(&mut engine, tag, LAST), vec![]);
                prop_assert_eq!(held(&engine), before);
                continue;
            };
            prop_assert_eq!(after, Some(needed.saturating_sub(clock)));
            if needed > clock {
                // To the past, to the present, and almost far enough.
                for time in [0, clock - 1, clock, needed - 1] {
                    prop_assert_eq!(tick(&mut engine, tag, time), vec![]);
                    prop_assert_eq!(held(&engine), before);
                    prop_assert_eq!(waiting(&engine), Some((time.max(clock), needed)));
                }
            }
            engine.wakes();
            let found = tick(&mut engine, tag, needed);
            let left = waiting(&engine);
            prop_assert!(left.is_none_or(|(clock, next)| clock >= needed && next > needed));
            prop_assert!(!found.is_empty() || held(&engine) != before);
            let wake = engine.wakes().next_back().expect("something waited");
            prop_assert_eq!(wake.after, left.map(|(clock, next)| next - clock));
        }
    }
}
