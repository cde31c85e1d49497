//! Feeds the engine and the oracle with the same events and compares what they hand back.

use std::fmt::Write;

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::{Emission, Engine, EntryId, Event, Settings};

use crate::oracle::{Oracle, Output};
use crate::stream::Entry;

/// What came of a comparison in which nothing differed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Agreement {
    /// As many integrated events as this.
    On(usize),
    /// There were too many ways to fill the pattern for the oracle.
    TooMany,
}

/// Compares event by event. Each rule is added before the event of the number that stands with it.
///
/// # Errors
/// The first difference, with all that is needed to see it again.
pub fn compare(rules: &[(usize, String)], stream: &[Entry]) -> Result<Agreement, String> {
    let mut engine = engine();
    let mut oracle = Oracle::default();
    let mut count = 0;
    for (number, entry) in stream.iter().enumerate() {
        for (place, (_, text)) in rules
            .iter()
            .enumerate()
            .filter(|(_, (from, _))| *from == number)
        {
            let name = format!("rule_{place}");
            match engine.add_rule(DEFAULT_DOMAIN, &name, text, AddRule::default()) {
                Ok(()) => oracle.add_rule(&name, text),
                // What is refused because it can't come to anything must come to nothing.
                Err(e) if e.to_string().contains(" never ") => oracle.add_rule(&name, text),
                Err(e) => return Err(format!("{text}\nrefused: {e}")),
            }
        }
        let Ok(expected) = oracle.on_event(&entry.key, entry.id, &entry.fields) else {
            return Ok(Agreement::TooMany);
        };
        let emissions = feed(&mut engine, entry);
        let found: Vec<Output> = emissions.iter().map(output).collect();
        let agree = expected.len() == found.len()
            && expected.iter().zip(&found).all(|(a, b)| same_output(a, b));
        if !agree {
            return Err(describe(rules, &stream[..=number], &expected, &found));
        }
        count += found.len();
    }
    Ok(Agreement::On(count))
}

/// An engine whose searches are not cut short.
pub fn engine() -> Engine {
    Engine::new(Settings {
        match_budget: 1 << 40,
        ..Settings::default()
    })
}

/// Feeds one event.
pub fn feed(engine: &mut Engine, entry: &Entry) -> Vec<Emission> {
    let mut out = Vec::new();
    let fields: Vec<(&[u8], &[u8])> = entry
        .fields
        .iter()
        .map(|(field, text)| (field.as_bytes(), text.as_bytes()))
        .collect();
    let event = Event {
        key: entry.key.as_bytes(),
        id: EntryId {
            ms: entry.id.0,
            seq: entry.id.1,
        },
        fields: &fields,
        hops: 0,
    };
    let route = engine.route(0, event.key).expect("an axon of the domain");
    engine.on_event(route, &event, &mut out);
    out
}

/// An emission in the oracle's words.
pub fn output(emission: &Emission) -> Output {
    let own = [
        "event_id",
        "timestamp",
        "event_type",
        "source_events",
        "correlation_rule",
        "integrated_value",
        "confidence",
        "lineage",
    ];
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).expect("text");
    let field = |name: &str| {
        let found = emission.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, value)| text(value))
    };
    let timestamp: jiff::Timestamp = field("timestamp")
        .and_then(|text| text.parse().ok())
        .expect("a timestamp");
    let sources = field("source_events").expect("source_events");
    let others = emission
        .fields
        .iter()
        .filter(|(name, _)| !own.contains(&&**name));
    Output {
        stream: text(&emission.output),
        rule: field("correlation_rule").expect("a rule"),
        time: timestamp.as_millisecond().try_into().expect("a time"),
        id: field("event_id").expect("an id"),
        sources: serde_json::from_str(&sources).expect("a JSON array of texts"),
        value: field("integrated_value"),
        confidence: field("confidence"),
        fields: others
            .map(|(name, value)| (name.to_string(), text(value)))
            .collect(),
    }
}

/// The same, but for how far the last digits of a number were rounded.
pub fn same_output(a: &Output, b: &Output) -> bool {
    let same_field = |((a, x), (b, y)): (&(String, String), &(String, String))| {
        a == b && same_text(Some(x), Some(y))
    };
    (&a.stream, &a.rule, a.time, &a.id) == (&b.stream, &b.rule, b.time, &b.id)
        && a.sources == b.sources
        && same_text(a.value.as_ref(), b.value.as_ref())
        && same_text(a.confidence.as_ref(), b.confidence.as_ref())
        && a.fields.len() == b.fields.len()
        && a.fields.iter().zip(&b.fields).all(same_field)
}

fn same_text(a: Option<&String>, b: Option<&String>) -> bool {
    let number = |text: Option<&String>| text.and_then(|text| text.parse::<f64>().ok());
    match (number(a), number(b)) {
        (Some(a), Some(b)) => (a - b).abs() <= 1e-9 * a.abs().max(1.0),
        _ => a == b,
    }
}

fn describe(
    rules: &[(usize, String)],
    stream: &[Entry],
    expected: &[Output],
    found: &[Output],
) -> String {
    let mut text = String::from("at the last event the engine differs from the oracle\n");
    for rule in rules {
        let _ = writeln!(text, "    {rule:?},");
    }
    for entry in stream {
        let _ = writeln!(text, "    {:?},", entry.to_string());
    }
    for (side, outputs) in [("oracle", expected), ("engine", found)] {
        let _ = writeln!(text, "{side}: {} integrated events", outputs.len());
        for output in outputs {
            let _ = writeln!(text, "    {output:?}");
        }
    }
    text
}
