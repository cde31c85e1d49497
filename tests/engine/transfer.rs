//! Leaflets that go from one engine to another of the same definitions.

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::{Emission, Engine, EntryId, Event, Settings};

fn engine() -> Engine {
    let mut engine = Engine::new(Settings::default());
    for (name, text) in [
        ("pair", "MATCH A AS a -> B WITHIN 10s EMIT n = a.n"),
        ("late", "MATCH A -> NOT B FOR 5s WITHIN 10s"),
        ("sum", "INTEGRATE A DECAY 1s THRESHOLD 9 WITHIN 10s"),
    ] {
        let added = engine.add_rule(DEFAULT_DOMAIN, name, text, AddRule::default());
        added.expect("a rule");
    }
    engine
}

fn feed(engine: &mut Engine, tag: &str, kind: &str, ms: u64) -> Vec<Emission> {
    let key = format!("stream:axon_1{{{tag}}}");
    let event = Event {
        key: key.as_bytes(),
        id: EntryId { ms, seq: 0 },
        fields: &[(b"type", kind.as_bytes()), (b"n", tag.as_bytes())],
        hops: 0,
    };
    let mut out = Vec::new();
    let route = engine.route(0, event.key).expect("an axon");
    engine.on_event(route, &event, &mut out);
    out
}

#[test]
fn what_is_forgotten_leaves_nothing_and_what_is_absorbed_goes_on() {
    let (mut here, mut there, mut both) = (engine(), engine(), engine());
    for (ms, tag) in [(1_000, "t"), (2_000, "u"), (3_000, "t"), (4_000, "v")] {
        feed(
            if tag == "t" { &mut there } else { &mut here },
            tag,
            "A",
            ms,
        );
        feed(&mut both, tag, "A", ms);
    }
    here.absorb(&there).expect("the same definitions");
    let held = |engine: &Engine| {
        let stats = engine.stats(None, None).expect("figures");
        (stats.leaflets, stats.window_events, stats.window_bytes)
    };
    assert_eq!(held(&here), held(&both));
    // The same comes of it.
    let mut other = engine_like(&here);
    for engine in [&mut here, &mut other] {
        let out = feed(engine, "t", "B", 6_500);
        let mut expected = engine_like(&both);
        assert_eq!(out, feed(&mut expected, "t", "B", 6_500));
        assert_eq!(out.len(), 2);
    }
    let empty = held(&engine());
    here.forget(|tag| tag != b"u");
    let key = b"stream:axon_1{u}";
    let route = here.route(0, key).expect("an axon");
    assert!(here.knows(route, key) && !here.knows(route, b"stream:axon_1{t}"));
    assert_eq!(held(&here).0, 1);
    here.forget(|_| true);
    assert_eq!(held(&here), empty);
    // Another engine's definitions don't fit.
    let fewer = Engine::new(Settings::default());
    let mut none = Engine::new(Settings::default());
    none.drop_domain(DEFAULT_DOMAIN).expect("it is there");
    assert!(none.absorb(&fewer).is_err());
}

/// An engine that holds the same.
fn engine_like(engine: &Engine) -> Engine {
    let mut other = self::engine();
    other
        .restore_windows(&engine.snapshot().expect("a snapshot"))
        .expect("the same definitions");
    other
}
