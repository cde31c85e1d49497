//! A piece of a stream of events, made before the clock starts.

use std::ops::Range;

use leaflet::engine::{EntryId, Event};

/// The time of a stream's first event, ms.
const START: u64 = 1_700_000_000_000;

/// What a workload says of one event; the rest is the same for all.
pub struct Made {
    /// `stream:axon_<axon>`.
    pub axon: u8,
    pub event_type: &'static str,
    pub value: u32,
    /// Further fields.
    pub fields: Vec<(&'static str, String)>,
}

/// Events as a producer writes them, all their texts in one block.
#[derive(Default)]
pub struct Piece {
    text: Vec<u8>,
    fields: Vec<(&'static str, Range<usize>)>,
    /// Axon and time, and where the event's fields end.
    events: Vec<(u8, u64, usize)>,
}

impl Piece {
    /// Appends the n-th event of a stream, so many ms after its first.
    pub fn push(&mut self, n: u64, after: u64, made: &Made) {
        self.field("event_id", &format!("5f0c9a3e-7d14-4b52-9c1e-{n:012x}"));
        self.field("timestamp", "2026-01-01T00:00:00.000Z");
        self.field("source_stream", AXONS[usize::from(made.axon)]);
        self.field("type", made.event_type);
        self.field("value", &made.value.to_string());
        for (name, value) in &made.fields {
            self.field(name, value);
        }
        self.events
            .push((made.axon, START + after, self.fields.len()));
    }

    fn field(&mut self, name: &'static str, value: &str) {
        let from = self.text.len();
        self.text.extend_from_slice(value.as_bytes());
        self.fields.push((name, from..self.text.len()));
    }

    /// The fields of all events, one after the other.
    pub fn fields(&self) -> Vec<(&[u8], &[u8])> {
        self.fields
            .iter()
            .map(|(name, range)| (name.as_bytes(), &self.text[range.clone()]))
            .collect()
    }

    /// The events, whose fields these are.
    pub fn events<'a>(&self, fields: &'a [(&'a [u8], &'a [u8])]) -> Vec<Event<'a>> {
        let mut from = 0;
        let event = |(seq, &(axon, ms, to)): (u64, &(u8, u64, usize))| Event {
            key: AXONS[usize::from(axon)].as_bytes(),
            id: EntryId { ms, seq },
            fields: &fields[std::mem::replace(&mut from, to)..to],
            hops: 0,
        };
        (0..).zip(&self.events).map(event).collect()
    }
}

/// The keys of the axons.
const AXONS: [&str; 4] = [
    "stream:axon_0",
    "stream:axon_1",
    "stream:axon_2",
    "stream:axon_3",
];
