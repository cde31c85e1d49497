//! Random streams: times that mostly rise, few types, axons, values and partitions.

use std::ops::Range;

use proptest::collection::vec;
use proptest::prelude::*;
use proptest::sample::select;

use crate::stream::Entry;

/// How an event's time follows from the times before it.
#[derive(Debug, Clone, Copy)]
enum Step {
    On(u64),
    /// This much earlier than the one before.
    Back(u64),
}

/// Streams of 5 to 25 events; one in eight has two hash tags.
pub fn stream() -> impl Strategy<Value = Vec<Entry>> {
    of(5..27)
}

/// Streams of so many events.
pub fn of(length: Range<usize>) -> impl Strategy<Value = Vec<Entry>> {
    (vec((step(), event()), length), prop::bool::weighted(0.125)).prop_map(|(events, tags)| {
        let mut clock = 1_000;
        let mut entries = Vec::new();
        for (number, (step, line)) in events.into_iter().enumerate() {
            let time = match step {
                Step::On(passed) => {
                    clock += passed;
                    clock
                }
                Step::Back(earlier) => clock - earlier,
            };
            let line = line.replace("TIME", &time.to_string());
            let line = line.replace("TAG", if tags && number % 3 == 0 { "{t}" } else { "" });
            let name = format!("e{number}");
            entries.push(Entry::read(&line.replace("NAME", &name), number));
        }
        entries
    })
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => Just(Step::On(1)),
        2 => Just(Step::On(0)),
        2 => Just(Step::On(2)),
        1 => (3u64..6).prop_map(Step::On),
        1 => (1u64..14).prop_map(Step::Back),
    ]
}

/// The line of an event with its name, tag and time left open.
fn event() -> impl Strategy<Value = String> {
    let event_type = prop_oneof![4 => Just("A"), 4 => Just("B"), 3 => Just("C"), 1 => Just("D")];
    let name = prop_oneof![9 => Just("NAME"), 1 => Just("-")];
    let value = prop_oneof![
        9 => (0u8..5).prop_map(|n| format!(" value={n}")),
        1 => Just(String::new()),
        1 => select(&[" value=x", " value=1.5", " value=-1", " value=1e0"][..]).prop_map(str::to_owned),
    ];
    let key = prop_oneof![5 => Just(" k=1"), 4 => Just(" k=2"), 1 => Just("")];
    let metadata = prop_oneof![
        2 => Just(r#" metadata={"m":{"n":1}}"#),
        1 => Just(r#" metadata={"m":{"n":2}}"#),
        1 => Just(r#" metadata={"m":"no""#),
        4 => Just(""),
    ];
    // Most have the field `type`.
    let kind = prop_oneof![18 => Just(0), 1 => Just(1), 1 => Just(2)];
    (name, event_type, kind, 1u8..4, value, key, metadata).prop_map(
        |(name, event_type, kind, axon, value, key, metadata)| {
            let (source, more) = match kind {
                0 => (event_type, String::new()),
                1 => ("-", format!(" event_type={event_type}")),
                _ => ("-", String::new()),
            };
            format!("{name} {source}@axon_{axon}TAG TIME{value}{key}{metadata}{more}")
        },
    )
}
