//! Any expression has a value for any fields, and its truth is one of three.

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::{Emission, Engine, EntryId, Event, Settings};

use super::bytes::Bytes;

/// Up to so many fields are read.
const MAX_FIELDS: usize = 8;

/// Reads the bytes as an expression over the event `a`, and the event's fields: all texts end with a NUL.
pub fn check(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Ok(expr) = std::str::from_utf8(bytes.until(0)) else {
        return;
    };
    let mut fields: Vec<(&[u8], &[u8])> = vec![(b"type", b"A")];
    while !bytes.is_empty() && fields.len() <= MAX_FIELDS {
        fields.push((bytes.until(0), bytes.until(0)));
    }
    let event = Event {
        key: b"stream:axon_1",
        id: EntryId { ms: 1_000, seq: 1 },
        fields: &fields,
        hops: 0,
    };
    // A comment in the expression ends with its line.
    let holds = run(&format!("MATCH A AS a WHERE {expr}\nWITHIN 1s"), &event);
    run(&format!("MATCH A[{expr}\n] AS a WITHIN 1s"), &event);
    let Some(holds) = holds else {
        return;
    };
    // Where this is a rule too, the text is one expression, and no clauses are hidden in it.
    let negated = run(
        &format!("MATCH A AS a WHERE NOT ({expr}\n) WITHIN 1s"),
        &event,
    );
    let written = run(
        &format!("MATCH A AS a WITHIN 1s EMIT v = ({expr}\n)"),
        &event,
    );
    let (Some(negated), Some(written)) = (negated, written) else {
        return;
    };
    assert!(
        holds.is_empty() || negated.is_empty(),
        "it holds, and so does its opposite: {expr}"
    );
    let value = written[0].fields.iter().find(|(name, _)| name == "v");
    let is = |truth: &[u8]| value.is_some_and(|(_, text)| text.eq_ignore_ascii_case(truth));
    assert_eq!(is(b"true"), !holds.is_empty(), "{expr}: {written:?}");
    assert_eq!(is(b"false"), !negated.is_empty(), "{expr}: {written:?}");
}

/// What the rule makes of the event; `None` where it is no rule.
fn run(rule: &str, event: &Event<'_>) -> Option<Vec<Emission>> {
    let mut engine = Engine::new(Settings::default());
    engine
        .add_rule(DEFAULT_DOMAIN, "rule", rule, AddRule::default())
        .ok()?;
    let mut out = Vec::new();
    let route = engine.route(0, event.key)?;
    engine.on_event(route, event, &mut out);
    Some(out)
}
