//! What is measured on a server, what it is compared with, and the aims.

use super::scenario::{Events, Scenario, Traffic, PAIRS, PAIR_RULE};

/// What a row's figures are divided by.
pub enum Against {
    /// A server without the module, under the same load.
    Bare,
    /// The module in another scenario.
    Module(Scenario),
}

/// A row of the table.
pub struct Row {
    pub scenario: Scenario,
    pub against: Against,
    /// The throughput, as a part of the other's, is to be at least this.
    pub aim: f64,
}

const AXON: &[(&str, &str)] = &[("stream:axon_1", "A")];
const KEYED: &str = "MATCH A@axon_1 AND B@axon_2 PARTITION BY value WITHIN 100ms";

/// One rule takes the events, by the value of a field.
pub fn keyed() -> Scenario {
    rules("taken, keyed by a field", 1, 0)
}

/// So many rules that take the events, and so many that don't.
pub fn rules(title: &str, taking: usize, others: usize) -> Scenario {
    let other = |n| format!("MATCH Open_{n} -> Close_{n} PARTITION BY value WITHIN 100ms");
    let mut scenario = Scenario::new(title, KEYED, Events::of(AXON));
    scenario.rules = std::iter::repeat_n(KEYED.to_owned(), taking)
        .chain((0..others).map(other))
        .collect();
    scenario
}

/// A window of so many events, in so many partitions.
pub fn window(events: usize, partitions: usize) -> Scenario {
    let traffic = Events {
        partitions,
        // As many as there are to be within a second.
        pace: Some((events as u64 / 1000).max(1)),
        ..Events::of(AXON)
    };
    let rule = "MATCH A@axon_1 AND B@axon_2 PARTITION BY value WITHIN 1s";
    let title = format!("{events} events in {partitions} partitions");
    let mut scenario = Scenario::new(title, rule, traffic);
    scenario.settle = events;
    scenario
}

fn unwatched() -> Scenario {
    let mut scenario = keyed();
    scenario.title = "stream that no domain watches".to_owned();
    scenario.traffic = Traffic::Events(Events::of(&[("bench:events", "A")]));
    scenario.taken = false;
    scenario
}

fn unused() -> Scenario {
    let mut scenario = keyed();
    scenario.title = "axon, type that no rule uses".to_owned();
    scenario.traffic = Traffic::Events(Events::of(&[("stream:axon_1", "Other")]));
    scenario.taken = false;
    scenario
}

fn keyed_by_json() -> Scenario {
    let rule = "MATCH A@axon_1 AND B@axon_2 PARTITION BY metadata.user WITHIN 100ms";
    Scenario::new("taken, keyed by JSON", rule, Events::of(AXON))
}

fn completing() -> Scenario {
    let mut scenario = Scenario::new("every second completes", PAIR_RULE, PAIRS);
    scenario.completes = true;
    scenario
}

fn integrate() -> Scenario {
    let rule = "INTEGRATE A@axon_1 WEIGHT value / 1000, B@axon_2 WEIGHT 0.5 \
                DECAY 100ms THRESHOLD 1000 PARTITION BY value WITHIN 100ms";
    Scenario::new("INTEGRATE, keyed", rule, PAIRS)
}

fn plain() -> Scenario {
    let mut scenario = keyed();
    scenario.title = "GET and SET".to_owned();
    scenario.traffic = Traffic::Plain;
    scenario.times = 5;
    scenario.taken = false;
    scenario
}

/// The table; its largest window holds so many events, ten in a partition.
pub fn table(largest: usize) -> Vec<Row> {
    let bare = |scenario, aim| Row {
        scenario,
        against: Against::Bare,
        aim,
    };
    vec![
        bare(unwatched(), 0.97),
        bare(unused(), 0.95),
        bare(keyed(), 0.90),
        bare(keyed_by_json(), 0.90),
        bare(completing(), 1.0),
        bare(rules("1,000 rules of which 10 take it", 10, 990), 0.70),
        Row {
            scenario: rules("and 10,000 rules that don't take it", 1, 10_000),
            against: Against::Module(keyed()),
            // As with one rule, as far as it can be told.
            aim: 0.95,
        },
        Row {
            scenario: window(largest, largest / 10),
            against: Against::Module(window(1000, 100)),
            aim: 0.90,
        },
        bare(integrate(), 0.90),
        bare(plain(), 0.99),
    ]
}
