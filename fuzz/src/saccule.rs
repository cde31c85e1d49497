//! Any text is a saccule, or is refused with one line; and any saccule does to any event what it did to it before.

use leaflet::engine::domain::{AddRule, DomainSpec};
use leaflet::engine::rule::parse_saccule;
use leaflet::engine::{Emission, Engine, EntryId, Error, Event, Settings};

use super::bytes::Bytes;
use super::parser::assert_one_line;

/// Up to so many fields are read.
const MAX_FIELDS: usize = 8;
const DOMAIN: &str = "sifting";
/// It shows what is left of an event that passes.
const RULE: &str = "MATCH ANY AS e WITHIN 1s EMIT a = e.a, b = e.b, c = e.c.x";

/// Reads the bytes as a saccule's text, and an event's fields: all texts end with a NUL.
pub fn check(data: &[u8]) {
    let mut bytes = Bytes(data);
    let Ok(text) = std::str::from_utf8(bytes.until(0)) else {
        return;
    };
    let saccule = match parse_saccule(text) {
        Ok(saccule) => saccule,
        Err(error) => return assert_one_line(&error),
    };
    let canonical = saccule.to_string();
    match parse_saccule(&canonical) {
        Ok(again) => {
            assert_eq!(again, saccule, "read again, it is another: {canonical}");
            assert_eq!(again.to_string(), canonical, "it prints in two ways");
        }
        Err(error) => panic!("can't be read again: {canonical}\n{error}"),
    }
    let mut fields: Vec<(&[u8], &[u8])> = vec![(b"type", b"A")];
    while !bytes.is_empty() && fields.len() <= MAX_FIELDS {
        fields.push((bytes.until(0), bytes.until(0)));
    }
    let written = run(text, &fields);
    let printed = run(&canonical, &fields);
    match (written, printed) {
        (Ok(written), Ok(printed)) => {
            assert_eq!(written, printed, "{canonical}");
            // It passes, it is skipped, or it is rejected and told of.
            assert!(written.len() <= 1, "{written:?}");
        }
        (Err(written), Err(_)) => assert_one_line(&written),
        (written, printed) => panic!("{canonical}\n{written:?}\n{printed:?}"),
    }
}

/// What an engine with this saccule makes of an event.
fn run(text: &str, fields: &[(&[u8], &[u8])]) -> Result<Vec<Emission>, Error> {
    let mut engine = Engine::new(Settings::default());
    let spec = DomainSpec {
        output: "stream:out".into(),
        rejected: Some("stream:rejected".into()),
        axons: vec!["in".into()],
        ..DomainSpec::new(DOMAIN, 0)
    };
    engine.create_domain(spec).expect("a domain");
    engine
        .add_rule(DOMAIN, "rule", RULE, AddRule::default())
        .expect("a rule");
    engine.add_saccule(DOMAIN, "saccule", text, None, false)?;
    let event = Event {
        key: b"in",
        id: EntryId { ms: 1_000, seq: 1 },
        fields,
        hops: 0,
    };
    let mut out = Vec::new();
    let route = engine.route(0, event.key).expect("an axon");
    engine.on_event(route, &event, &mut out);
    let saved = engine.save().expect("it can be saved");
    let version = leaflet::engine::saved::VERSION;
    let (again, lost) = Engine::from_saved(Settings::default(), version, &saved).expect("its own");
    assert_eq!(lost, None);
    assert_eq!(again.definitions(), engine.definitions());
    Ok(out)
}
