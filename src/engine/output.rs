//! The integrated event of a match: every field of the output schema.

use std::borrow::Cow;
use std::collections::HashMap;
use std::sync::LazyLock;

use jiff::Timestamp;
use serde::ser::{Serialize, SerializeMap, Serializer};
use uuid::Uuid;

use super::domain::SourcesFormat;
use super::event::EntryId;
use super::expr::{Expr, Scope};
use super::key::{short_name, AxonKey};
use super::store::Record;
use super::value::{format_number, parse_number};

/// The fields that every integrated event has; a rule can't EMIT fields of these names.
pub const SCHEMA: [&str; 8] = [
    "event_id",
    "timestamp",
    "event_type",
    "source_events",
    "correlation_rule",
    "integrated_value",
    "confidence",
    "lineage",
];

/// The `event_type` of integrated events.
pub const MULTI_ORIGINATED: &str = "MULTI_ORIGINATED";

/// The namespace of the ids of integrated events.
static NAMESPACE: LazyLock<Uuid> =
    LazyLock::new(|| Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:leaflet:event"));

/// A match about to be written out.
pub struct Integrated<'a> {
    pub domain: &'a str,
    pub tag: &'a [u8],
    pub rule: &'a str,
    /// The rule's canonical text.
    pub text: &'a str,
    /// The sources in processing order.
    pub sources: &'a [&'a Record],
    /// The trigger's time, ms.
    pub time: u64,
    /// Where the rule doesn't say: 0..1.
    pub confidence: f64,
    pub format: SourcesFormat,
}

impl Integrated<'_> {
    /// The fields, in the order of the schema, then the rule's own.
    pub fn fields(
        &self,
        scope: &impl Scope,
        value: Option<&Expr>,
        confidence: Option<&Expr>,
        emit: &[(Box<str>, Expr)],
    ) -> Vec<(Cow<'static, str>, Vec<u8>)> {
        let mut fields = Vec::with_capacity(SCHEMA.len() + emit.len());
        let mut push = |name: Cow<'static, str>, value: Vec<u8>| fields.push((name, value));
        let own = |expr: &Expr| expr.eval(scope).into_text().map(Cow::into_owned);

        let sources = self.sources.iter();
        let sources = sources.map(|source| (source.key(), source.id));
        let id = event_id(self.domain, self.tag, self.rule, self.text, sources);
        push("event_id".into(), id.to_string().into_bytes());
        push("timestamp".into(), format_time(self.time).into_bytes());
        push("event_type".into(), MULTI_ORIGINATED.into());
        push("source_events".into(), self.source_events().into_bytes());
        push("correlation_rule".into(), self.rule.into());
        let integrated_value = match value {
            Some(expr) => own(expr),
            None => self.mean().map(|mean| format_number(mean).into_bytes()),
        };
        if let Some(integrated_value) = integrated_value {
            push("integrated_value".into(), integrated_value);
        }
        let confidence = match confidence {
            Some(expr) => expr.eval(scope).as_number(),
            None => Some(self.confidence),
        };
        if let Some(confidence) = confidence {
            push(
                "confidence".into(),
                format_number(confidence.clamp(0.0, 1.0)).into_bytes(),
            );
        }
        push("lineage".into(), json(&Lineage(self.sources)).into_bytes());
        for (name, expr) in emit {
            if let Some(text) = own(expr) {
                push(name.to_string().into(), text);
            }
        }
        fields
    }

    fn source_events(&self) -> String {
        let ids: Vec<Cow<str>> = self
            .sources
            .iter()
            .map(|source| source_id(source))
            .collect();
        match self.format {
            SourcesFormat::Json => json(&ids),
            SourcesFormat::Csv => ids.join(","),
        }
    }

    /// The mean of the sources' values, of those that have a number.
    fn mean(&self) -> Option<f64> {
        let values = self
            .sources
            .iter()
            .filter_map(|source| parse_number(source.value()?));
        let (sum, count) = values.fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
        let mean = sum / f64::from(count);
        mean.is_finite().then_some(mean)
    }
}

/// The same match of the same rule has the same id on every node, after every restart, in every backtest. The sources
/// in processing order: key and entry id.
pub fn event_id<'a>(
    domain: &str,
    tag: &[u8],
    rule: &str,
    text: &str,
    sources: impl Iterator<Item = (&'a [u8], EntryId)>,
) -> Uuid {
    let mut name = Vec::with_capacity(256);
    name.extend_from_slice(domain.as_bytes());
    for part in [tag, rule.as_bytes(), text.as_bytes()] {
        name.push(0);
        name.extend_from_slice(part);
    }
    for (key, id) in sources {
        name.push(0);
        name.extend_from_slice(key);
        name.push(0);
        name.extend_from_slice(id.to_string().as_bytes());
    }
    Uuid::new_v5(&NAMESPACE, &name)
}

/// A source's event id; one without is called after its place: `<key>/<entry id>`.
fn source_id(source: &Record) -> Cow<'_, str> {
    match source.event_id() {
        Some(id) => String::from_utf8_lossy(id),
        None => format!("{}/{}", String::from_utf8_lossy(source.key()), source.id).into(),
    }
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).expect("texts and numbers have a JSON form")
}

/// A time as RFC 3339 with milliseconds, UTC. Beyond the year 9999 it stays at the last millisecond there is.
///
/// ```
/// assert_eq!(leaflet::engine::output::format_time(1_700_000_000_123), "2023-11-14T22:13:20.123Z");
/// ```
pub fn format_time(ms: u64) -> String {
    let time = i64::try_from(ms)
        .ok()
        .and_then(|ms| Timestamp::from_millisecond(ms).ok());
    format!("{:.3}", time.unwrap_or(Timestamp::MAX))
}

/// Where each source came from, by axon.
struct Lineage<'a>(&'a [&'a Record]);

impl Serialize for Lineage<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seen: HashMap<Cow<str>, u32> = HashMap::with_capacity(self.0.len());
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for source in self.0 {
            let axon = String::from_utf8_lossy(source.key());
            let name = AxonKey::parse(source.key()).name;
            let short = String::from_utf8_lossy(short_name(&name)).into_owned();
            let times = seen.entry(short.clone().into()).or_default();
            *times += 1;
            let key = if *times == 1 {
                short
            } else {
                format!("{short}#{times}")
            };
            let origin = Origin {
                event_id: source_id(source),
                timestamp: match source.timestamp() {
                    Some(timestamp) => String::from_utf8_lossy(timestamp),
                    None => format_time(source.time).into(),
                },
                stream: axon,
                id: source.id.to_string(),
                r#type: String::from_utf8_lossy(source.event_type()),
                value: source.value().map(Scalar),
            };
            map.serialize_entry(&key, &origin)?;
        }
        map.end()
    }
}

#[derive(serde::Serialize)]
struct Origin<'a> {
    event_id: Cow<'a, str>,
    timestamp: Cow<'a, str>,
    stream: Cow<'a, str>,
    id: String,
    r#type: Cow<'a, str>,
    value: Option<Scalar<'a>>,
}

/// A field's text: a JSON number where it reads as one, else a JSON string.
struct Scalar<'a>(&'a [u8]);

impl Serialize for Scalar<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        /// Up to here every integer is a double, and is written without a fraction.
        const EXACT: f64 = 9_007_199_254_740_992.0;
        match parse_number(self.0) {
            Some(n) if n.fract() == 0.0 && n.abs() < EXACT => serializer.serialize_i64(n as i64),
            Some(n) => serializer.serialize_f64(n),
            None => serializer.serialize_str(&String::from_utf8_lossy(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::{EntryId, Event};

    fn record(key: &str, ms: u64, fields: &[(&str, &str)]) -> Record {
        let fields: Vec<(&[u8], &[u8])> = fields
            .iter()
            .map(|(n, v)| (n.as_bytes(), v.as_bytes()))
            .collect();
        let event = Event {
            key: key.as_bytes(),
            id: EntryId { ms, seq: 3 },
            fields: &fields,
            hops: 0,
        };
        Record::new(&event, ms, &[])
    }

    #[test]
    fn lineage_names_every_source_by_its_axon() {
        let a = record(
            "s:axon_1{t}",
            5,
            &[
                ("type", "A"),
                ("event_id", "x"),
                ("timestamp", "now"),
                ("value", "2.50"),
            ],
        );
        let b = record("s:axon_1{t}", 6, &[("event_type", "B"), ("value", "n/a")]);
        let text = json(&Lineage(&[&a, &b]));
        assert_eq!(
            text,
            concat!(
                r#"{"axon_1":{"event_id":"x","timestamp":"now","stream":"s:axon_1{t}","id":"5-3","type":"A","value":2.5},"#,
                r#""axon_1#2":{"event_id":"s:axon_1{t}/6-3","timestamp":"1970-01-01T00:00:00.006Z","#,
                r#""stream":"s:axon_1{t}","id":"6-3","type":"B","value":"n/a"}}"#
            )
        );
    }

    #[test]
    fn times_beyond_the_calendar_stay_at_its_end() {
        assert_eq!(format_time(0), "1970-01-01T00:00:00.000Z");
        assert!(format_time(u64::MAX).starts_with("9999-12-"));
    }
}
