//! Small examples whose result follows from the definition by hand: they are what the oracle can be trusted for.
//! The engine has to agree with each.

mod conjunctions;
mod consumption;
mod disjunctions;
mod expressions;
mod integration;
mod not_between;
mod not_leading;
mod not_trailing;
mod of;
mod repetitions;
mod selection;
mod sequences;

use super::{Oracle, Output};
use crate::compare::compare;
use crate::stream::Entry;

/// A stream as short as can be: `a1 0, b2@3 5 value=1` is an `A` on `axon_1` at 0, and a `B` on `axon_3` at 5. Times
/// are counted from 1000.
fn stream(text: &str) -> Vec<Entry> {
    let events = text.split(", ").enumerate();
    let line = |(number, text): (usize, &str)| {
        let mut words = text.split(' ');
        let mut word = || words.next().expect("a name and a time");
        let (source, time) = (word(), word());
        let (name, axon) = source.split_once('@').unwrap_or((source, "1"));
        let event_type = name[..1].to_uppercase();
        let time = 1_000 + time.parse::<u64>().expect("a time");
        let fields: Vec<&str> = words.collect();
        let line = format!(
            "{name} {event_type}@axon_{axon} {time} {}",
            fields.join(" ")
        );
        Entry::read(&line, number)
    };
    events.map(line).collect()
}

/// What comes of the rules, by the oracle; the engine has to say the same.
fn outputs(rules: &[&str], events: &str) -> Vec<Output> {
    let stream = stream(events);
    let mut oracle = Oracle::default();
    for (number, text) in rules.iter().enumerate() {
        oracle.add_rule(&format!("rule_{number}"), text);
    }
    let mut outputs = Vec::new();
    for entry in &stream {
        let completed = oracle.on_event(&entry.key, entry.id, &entry.fields);
        outputs.extend(completed.expect("few ways"));
    }
    let rules: Vec<(usize, String)> = rules.iter().map(|&text| (0, text.into())).collect();
    if let Err(difference) = compare(&rules, &stream) {
        panic!("{difference}");
    }
    outputs
}

/// The rule gives these matches: each its sources and the fields it emits.
#[track_caller]
fn check(rule: &str, events: &str, expected: &[&str]) {
    let outputs = outputs(&[rule], events);
    let found: Vec<String> = outputs.iter().map(Output::to_string).collect();
    assert_eq!(found, expected, "{rule}: {events}");
}
