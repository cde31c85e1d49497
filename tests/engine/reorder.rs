//! `TIME FIELD … LATENESS`: the same as if the events had come in the order in which they happened.

use std::cell::Cell;
use std::collections::BTreeMap;

use leaflet::engine::domain::{AddRule, DomainSpec, DEFAULT_DOMAIN};
use leaflet::engine::time::TimeSource;
use leaflet::engine::{Emission, Engine, Settings};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::compare::{feed, output, same_output};
use crate::oracle::{Oracle, Output};
use crate::random::arrivals::{self, Arrival, Step};
use crate::random::rule;

/// Beyond all times.
pub const LAST: u64 = 1_000_000;

/// An engine whose one domain takes the time of events from the field `ts`.
pub fn timed(lateness: u64, max_time_ahead: u64) -> Engine {
    let mut engine = Engine::new(Settings {
        match_budget: 1 << 40,
        max_time_ahead,
        ..Settings::default()
    });
    engine.drop_domain(DEFAULT_DOMAIN).expect("it is there");
    let time = TimeSource::Field {
        field: "ts".into(),
        lateness,
    };
    let spec = DomainSpec {
        time,
        ..DomainSpec::new(DEFAULT_DOMAIN, 0)
    };
    engine.create_domain(spec).expect("a domain");
    engine
}

/// Adds the rules, called `rule_0` and so on, but for those that are refused because they can never fire.
pub fn add_rules(engine: &mut Engine, rules: &[String]) {
    for (number, text) in rules.iter().enumerate() {
        let name = format!("rule_{number}");
        if let Err(refusal) = engine.add_rule(DEFAULT_DOMAIN, &name, text, AddRule::default()) {
            assert!(refusal.to_string().contains(" never "), "{text}: {refusal}");
        }
    }
}

/// Lets time pass.
pub fn tick(engine: &mut Engine, tag: &str, time: u64) -> Vec<Emission> {
    let mut out = Vec::new();
    let ticked = engine.tick(DEFAULT_DOMAIN, tag.as_bytes(), time, &mut out);
    ticked.expect("a domain");
    out
}

/// What a domain with a time field makes of what comes, by definition.
#[derive(Debug, Default)]
struct Expected {
    /// By hash tag.
    clocks: BTreeMap<String, u64>,
    accepted: Vec<Arrival>,
    untyped: u64,
    untimed: u64,
    ahead: u64,
    late: u64,
}

impl Expected {
    fn new(steps: &[Step], lateness: u64, max_ahead: u64) -> Self {
        let mut expected = Self::default();
        for step in steps {
            match step {
                Step::Event(arrival) => expected.arrive(arrival, lateness, max_ahead),
                Step::Tick(tag, time) => {
                    if let Some(clock) = expected.clocks.get_mut(*tag) {
                        *clock = (*clock).max(*time);
                    }
                }
            }
        }
        expected.accepted.sort_by_key(|arrival| arrival.entry.id.0);
        expected
    }

    fn arrive(&mut self, arrival: &Arrival, lateness: u64, max_ahead: u64) {
        let entry = &arrival.entry;
        let typed = |(field, _): &(String, String)| field == "type" || field == "event_type";
        if !entry.fields.iter().any(typed) {
            self.untyped += 1;
            return;
        }
        let tag = if entry.key.contains('{') { "t" } else { "" };
        let clock = self.clocks.entry(tag.into()).or_default();
        let time = entry.id.0;
        if !arrival.readable {
            self.untimed += 1;
        } else if time > arrival.at + max_ahead {
            self.ahead += 1;
        } else if time + lateness < *clock {
            self.late += 1;
        } else {
            *clock = (*clock).max(time);
            self.accepted.push(arrival.clone());
        }
    }

    /// What the oracle says of the accepted events in their order; `None` where that is too much for it.
    fn outputs(&self, rules: &[String]) -> Option<Vec<Output>> {
        let mut oracle = Oracle::default();
        for (number, text) in rules.iter().enumerate() {
            oracle.add_rule(&format!("rule_{number}"), text);
        }
        let mut outputs = Vec::new();
        for Arrival { entry, .. } in &self.accepted {
            outputs.extend(oracle.on_event(&entry.key, entry.id, &entry.fields).ok()?);
        }
        for tag in self.clocks.keys() {
            outputs.extend(oracle.tick(tag, LAST).ok()?);
        }
        Some(outputs)
    }
}

/// Feeds everything, and lets time pass until nothing is left.
fn run(engine: &mut Engine, steps: &[Step]) -> Vec<Emission> {
    let mut found = Vec::new();
    for step in steps {
        found.extend(match step {
            Step::Event(arrival) => feed(engine, &arrival.as_it_came()),
            Step::Tick(tag, time) => tick(engine, tag, *time),
        });
    }
    for tag in ["", "t"] {
        found.extend(tick(engine, tag, LAST));
    }
    found
}

/// By output: hash tags know nothing of each other. Ids depend on when events came.
fn by_stream(outputs: Vec<Output>) -> BTreeMap<String, Vec<Output>> {
    let mut streams = BTreeMap::<String, Vec<Output>>::new();
    for mut output in outputs {
        output.id.clear();
        let stream = streams.entry(output.stream.clone()).or_default();
        stream.push(output);
    }
    streams
}

fn same(expected: &[Output], found: &[Output]) -> bool {
    let mut pairs = expected.iter().zip(found);
    expected.len() == found.len() && pairs.all(|(a, b)| same_output(a, b))
}

fn config(cases: u32) -> ProptestConfig {
    let default = ProptestConfig::default();
    ProptestConfig {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => default.cases,
            None => cases,
        },
        failure_persistence: None,
        ..default
    }
}

/// Random rules on random arrivals agree with the oracle on what is left of them in order.
#[test]
fn events_are_processed_in_the_order_in_which_they_happened() {
    let matched = Cell::new(0);
    let compared = Cell::new(0);
    let max_ahead = prop_oneof![2 => Just(1_000u64), 1 => 0u64..20];
    let cases = (
        vec(rule::any_rule(), 1..4),
        arrivals::steps(),
        0u64..20,
        max_ahead,
    );
    let mut runner = proptest::test_runner::TestRunner::new(config(600));
    let result = runner.run(&cases, |(rules, steps, lateness, max_ahead)| {
        let expected = Expected::new(&steps, lateness, max_ahead);
        let mut engine = timed(lateness, max_ahead);
        add_rules(&mut engine, &rules);
        let definitions = engine.definitions();
        let found = run(&mut engine, &steps);

        let stats = engine.stats(Some(DEFAULT_DOMAIN), None).expect("a domain");
        let counted = [
            ("untyped", stats.events_untyped, expected.untyped),
            ("untimed", stats.events_untimed, expected.untimed),
            ("ahead", stats.events_ahead, expected.ahead),
            ("late", stats.events_late, expected.late),
            ("held", stats.events_held, 0),
        ];
        for (what, found, expected) in counted {
            prop_assert_eq!(found, expected, "{}", what);
        }

        let Some(outputs) = expected.outputs(&rules) else {
            return Ok(());
        };
        compared.set(compared.get() + 1);
        matched.set(matched.get() + usize::from(!outputs.is_empty()));
        let outputs = by_stream(outputs);
        let all = by_stream(found.iter().map(output).collect());
        for stream in outputs.keys().chain(all.keys()) {
            let of = |streams: &BTreeMap<String, Vec<Output>>| {
                streams.get(stream).cloned().unwrap_or_default()
            };
            let (expected, found) = (of(&outputs), of(&all));
            prop_assert!(same(&expected, &found), "{expected:#?}\n{found:#?}");
        }

        // The same again, from definitions that were stored and read.
        let json = serde_json::to_string(&definitions).expect("JSON");
        let mut again = Engine::new(engine.settings());
        let definitions = serde_json::from_str(&json).expect("definitions");
        again.restore(&definitions).expect("what was defined once");
        prop_assert_eq!(run(&mut again, &steps), found);
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let (matched, compared) = (matched.get(), compared.get());
    println!("{matched} of {compared} matched");
    assert!(compared < 100 || matched * 4 >= compared);
}
