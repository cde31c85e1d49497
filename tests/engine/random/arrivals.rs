//! Random streams whose events have a time of their own and come in another order, and silence between them.

use jiff::Timestamp;
use proptest::collection::vec;
use proptest::prelude::*;

use super::stream;
use crate::stream::Entry;

/// What a leaflet gets.
#[derive(Debug, Clone)]
pub enum Step {
    Event(Arrival),
    /// Under this hash tag the clock passes to this time.
    Tick(&'static str, u64),
}

/// An event that says in its field `ts` when it happened.
#[derive(Debug, Clone)]
pub struct Arrival {
    /// The id says when it happened too.
    pub entry: Entry,
    /// When it came.
    pub at: u64,
    /// The field can be read.
    pub readable: bool,
}

impl Arrival {
    /// With an id that says when it came.
    pub fn as_it_came(&self) -> Entry {
        Entry {
            id: (self.at, self.entry.id.1),
            ..self.entry.clone()
        }
    }
}

/// How the field is written.
#[derive(Debug, Clone, Copy)]
enum Style {
    Number,
    Date,
    Elsewhere,
    Missing,
    Wrong(&'static str),
}

/// Arrivals and ticks, all events with ids of their own.
pub fn steps() -> impl Strategy<Value = Vec<Step>> {
    let more = (style(), 0u64..4, prop::option::weighted(0.2, tick()));
    (stream::stream(), vec(more, 27)).prop_map(|(stream, more)| {
        let mut steps = Vec::new();
        let (mut now, mut newest) = (1_000, 0);
        for (number, (mut entry, (style, passed, tick))) in stream.into_iter().zip(more).enumerate()
        {
            now += passed;
            let time = entry.id.0;
            newest = newest.max(time);
            entry.fields.retain(|(field, _)| field != "event_id");
            entry.fields.push(("event_id".into(), format!("e{number}")));
            let (text, readable) = written(style, time);
            entry.fields.extend(text.map(|text| ("ts".into(), text)));
            steps.push(Step::Event(Arrival {
                entry,
                at: now,
                readable,
            }));
            steps.extend(tick.map(|(tag, ahead)| Step::Tick(tag, newest - 8 + ahead)));
        }
        steps
    })
}

fn tick() -> impl Strategy<Value = (&'static str, u64)> {
    (prop_oneof![4 => Just(""), 1 => Just("t")], 0u64..24)
}

fn style() -> impl Strategy<Value = Style> {
    prop_oneof![
        12 => Just(Style::Number),
        4 => Just(Style::Date),
        2 => Just(Style::Elsewhere),
        1 => Just(Style::Missing),
        1 => prop::sample::select(&["", "soon", "-5", "1e99", "1969-12-31T23:59:59Z", "{}"][..])
            .prop_map(Style::Wrong),
    ]
}

fn written(style: Style, time: u64) -> (Option<String>, bool) {
    let date = |ms: u64| {
        Timestamp::from_millisecond(ms as i64)
            .expect("a date")
            .to_string()
    };
    match style {
        Style::Number => (Some(time.to_string()), true),
        Style::Date => (Some(date(time)), true),
        Style::Elsewhere => (Some(date(time + 7_200_000).replace('Z', "+02:00")), true),
        Style::Missing => (None, false),
        Style::Wrong(text) => (Some(text.into()), false),
    }
}
