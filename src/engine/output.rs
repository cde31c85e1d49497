//! The integrated event of a match: every field of the output schema.

use std::borrow::Cow;
use std::sync::LazyLock;

use ahash::AHashMap;
use jiff::tz::Offset;
use jiff::Timestamp;
use sha1::{Digest, Sha1};
use uuid::fmt::Hyphenated;
use uuid::Uuid;

use super::domain::SourcesFormat;
use super::event::EntryId;
use super::expr::{Expr, Scope};
use super::key::{short_name, AxonKey};
use super::record::Record;
use super::text::{lossy, push_id, push_json};
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
    LazyLock::new(|| uuid_v5(&Uuid::NAMESPACE_URL, b"urn:leaflet:event"));

/// A match about to be written out.
pub struct Integrated<'a> {
    pub domain: &'a str,
    pub tag: &'a [u8],
    pub rule: &'a str,
    /// The rule's canonical text.
    pub text: &'a str,
    /// The sources in processing order.
    pub sources: &'a [Record<'a>],
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
        let sources = sources.map(|source| (source.key(), source.id()));
        let id = event_id(self.domain, self.tag, self.rule, self.text, sources);
        let mut text = [0; Hyphenated::LENGTH];
        let text = id.hyphenated().encode_lower(&mut text);
        push("event_id".into(), text.as_bytes().into());
        push("timestamp".into(), format_time(self.time).into_bytes());
        push("event_type".into(), MULTI_ORIGINATED.into());
        push("source_events".into(), self.source_events());
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
        push("lineage".into(), lineage(self.sources));
        for (name, expr) in emit {
            if let Some(text) = own(expr) {
                push(name.to_string().into(), text);
            }
        }
        fields
    }

    fn source_events(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(48 * self.sources.len() + 2);
        let json = self.format == SourcesFormat::Json;
        if json {
            out.push(b'[');
        }
        for (i, source) in self.sources.iter().enumerate() {
            if i > 0 {
                out.push(b',');
            }
            let id = source_id(*source);
            match self.format {
                SourcesFormat::Json => push_json(&mut out, &id),
                SourcesFormat::Csv => out.extend_from_slice(lossy(&id).as_bytes()),
            }
        }
        if json {
            out.push(b']');
        }
        out
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
        push_id(&mut name, id);
    }
    uuid_v5(&NAMESPACE, &name)
}

/// The name's UUID of version 5 (RFC 9562), with a SHA-1 that uses the processor's own.
fn uuid_v5(namespace: &Uuid, name: &[u8]) -> Uuid {
    let hash = Sha1::new_with_prefix(namespace)
        .chain_update(name)
        .finalize();
    let (bytes, _) = hash.split_first_chunk().expect("a SHA-1 has 20 bytes");
    uuid::Builder::from_sha1_bytes(*bytes).into_uuid()
}

/// A source's event id; one without is called after its place: `<key>/<entry id>`.
fn source_id(source: Record<'_>) -> Cow<'_, [u8]> {
    match source.event_id() {
        Some(id) => id.into(),
        None => {
            let mut place = [source.key(), b"/"].concat();
            push_id(&mut place, source.id());
            place.into()
        }
    }
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
    let time = Offset::UTC.to_datetime(time.unwrap_or(Timestamp::MAX));
    let mut text = *b"0000-00-00T00:00:00.000Z";
    let mut put = |end: usize, mut number: u16| {
        for digit in text[..end]
            .iter_mut()
            .rev()
            .take_while(|digit| digit.is_ascii_digit())
        {
            *digit = b'0' + (number % 10) as u8;
            number /= 10;
        }
    };
    put(4, time.year().unsigned_abs());
    put(7, time.month().unsigned_abs().into());
    put(10, time.day().unsigned_abs().into());
    put(13, time.hour().unsigned_abs().into());
    put(16, time.minute().unsigned_abs().into());
    put(19, time.second().unsigned_abs().into());
    put(23, time.millisecond().unsigned_abs());
    text.iter().map(|byte| char::from(*byte)).collect()
}

/// Where each source came from, by axon, as JSON.
fn lineage(sources: &[Record]) -> Vec<u8> {
    let mut out = Vec::with_capacity(224 * sources.len() + 2);
    let mut seen: AHashMap<String, u32> = AHashMap::with_capacity(sources.len());
    for (i, source) in sources.iter().enumerate() {
        out.push(if i == 0 { b'{' } else { b',' });
        let name = AxonKey::parse(source.key()).name;
        let short = lossy(short_name(&name));
        match seen.get_mut(&*short) {
            None => {
                push_json(&mut out, short.as_bytes());
                seen.insert(short.into(), 1);
            }
            Some(times) => {
                *times += 1;
                push_json(&mut out, format!("{short}#{times}").as_bytes());
            }
        }
        let timestamp = match source.timestamp() {
            Some(timestamp) => timestamp.into(),
            None => Cow::from(format_time(source.time()).into_bytes()),
        };
        out.extend_from_slice(br#":{"event_id":"#);
        push_json(&mut out, &source_id(*source));
        out.extend_from_slice(br#","timestamp":"#);
        push_json(&mut out, &timestamp);
        out.extend_from_slice(br#","stream":"#);
        push_json(&mut out, source.key());
        out.extend_from_slice(br#","id":""#);
        push_id(&mut out, source.id());
        out.extend_from_slice(br#"","type":"#);
        push_json(&mut out, source.event_type());
        out.extend_from_slice(br#","value":"#);
        push_scalar(&mut out, source.value());
        out.push(b'}');
    }
    out.push(b'}');
    out
}

/// Appends a field's text: a JSON number where it reads as one, else a JSON string; null where there is none.
fn push_scalar(out: &mut Vec<u8>, text: Option<&[u8]>) {
    /// Up to here every integer is a double, and is written without a fraction.
    const EXACT: f64 = 9_007_199_254_740_992.0;
    let Some(text) = text else {
        return out.extend_from_slice(b"null");
    };
    match parse_number(text) {
        Some(n) if n.fract() == 0.0 && n.abs() < EXACT => {
            out.extend_from_slice(itoa::Buffer::new().format(n as i64).as_bytes());
        }
        Some(n) => serde_json::to_writer(out, &n).expect("a finite number has a JSON form"),
        None => push_json(out, text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::record::Draft;
    use crate::engine::{EntryId, Event};
    use proptest::prelude::*;

    fn record(key: &str, ms: u64, fields: &[(&str, &str)]) -> Vec<u8> {
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
        let mut block = Vec::new();
        Draft::new(&event, ms, &[]).write(&mut block);
        block
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
        let text = lineage(&[&a, &b].map(|block| Record::of(block)));
        assert_eq!(
            String::from_utf8(text).unwrap(),
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

    proptest! {
        #[test]
        fn times_are_written_as_jiff_writes_them(ms in 0..253_402_207_200_999u64) {
            let time = Timestamp::from_millisecond(ms as i64).unwrap();
            prop_assert_eq!(format_time(ms), format!("{time:.3}"));
        }
    }
}
