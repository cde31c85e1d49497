//! A snapshot taken at any point goes on elsewhere as if nothing had been.

use leaflet::engine::domain::{AddRule, DomainSpec};
use leaflet::engine::time::TimeSource;
use leaflet::engine::{Emission, Engine, Settings, Stats};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::compare::feed;
use crate::random::{rule, stream};
use crate::stream::Entry;

/// An engine whose searches are short: what is tested here is not what they find.
fn engine() -> Engine {
    Engine::new(Settings {
        match_budget: 300,
        ..Settings::default()
    })
}

/// A domain beside the default one, whose events wait until they are in order.
fn with_domains(rules: &[String]) -> Engine {
    let mut engine = engine();
    let mut spec = DomainSpec::new("ordered", 0);
    spec.output = "stream:ordered".into();
    spec.time = TimeSource::Field {
        field: "value".into(),
        lateness: 2,
    };
    engine.create_domain(spec).expect("a domain");
    for (number, text) in rules.iter().enumerate() {
        for domain in ["default", "ordered"] {
            let how = AddRule {
                replace: false,
                paused: number == 3,
            };
            let _ = engine.add_rule(domain, &format!("rule_{number}"), text, how);
        }
    }
    engine
}

/// What the engine holds, in numbers: the counters begin anew in a restored one.
fn levels(engine: &Engine) -> [u64; 5] {
    let Stats {
        window_events,
        window_bytes,
        partitions,
        leaflets,
        events_held,
        ..
    } = engine.stats(None, None).expect("figures");
    [
        window_events,
        window_bytes,
        partitions,
        leaflets,
        events_held,
    ]
}

fn copy(original: &Engine) -> Engine {
    let mut copy = engine();
    copy.restore(&original.definitions()).expect("definitions");
    let bytes = original.snapshot().expect("a snapshot");
    copy.restore_windows(&bytes).expect("its own snapshot");
    copy
}

/// Feeds an entry, or lets time pass.
fn step(engine: &mut Engine, entry: &Entry, number: usize) -> Vec<Emission> {
    if number % 4 == 3 {
        let mut out = Vec::new();
        engine
            .tick("default", b"", entry.id.0 + 2, &mut out)
            .expect("a domain");
        return out;
    }
    feed(engine, entry)
}

#[test]
fn a_deadline_whose_event_left_while_its_rule_was_paused_is_not_kept() {
    let text = "MATCH A -> NOT B FOR 2s PARTITION BY k WITHIN 1s";
    let mut live = engine();
    live.add_rule("default", "r", text, AddRule::default())
        .expect("a rule");
    let lines = [
        "a A@axon_1 1000 k=1",
        "b C@axon_1 90000",
        "c C@axon_1 90001",
    ];
    for (number, entry) in Entry::read_all(&lines).iter().enumerate() {
        assert_eq!(feed(&mut live, entry), []);
        live.set_paused("default", "r", number < 2).expect("a rule");
    }
    let mut other = copy(&live);
    assert_eq!(other.snapshot(), live.snapshot());
    for entry in &Entry::read_all(&["d A@axon_1 90002 k=1", "e C@axon_1 99000"]) {
        assert_eq!(feed(&mut other, entry), feed(&mut live, entry));
    }
    assert_eq!(other.snapshot(), live.snapshot());
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_snapshot_goes_on_as_if_nothing_had_been(
        rules in vec(rule::any_rule(), 1..5),
        stream in stream::stream(),
        at in 0usize..25,
        resume in any::<bool>(),
    ) {
        let mut live = with_domains(&rules);
        let at = at.min(stream.len());
        for (number, entry) in stream[..at].iter().enumerate() {
            step(&mut live, entry, number);
        }
        let mut other = copy(&live);
        prop_assert_eq!(other.snapshot(), live.snapshot());
        prop_assert_eq!(levels(&other), levels(&live));
        if resume {
            for engine in [&mut live, &mut other] {
                let _ = engine.set_paused("default", "rule_3", false);
            }
        }
        for (number, entry) in stream.iter().enumerate().skip(at) {
            prop_assert_eq!(step(&mut other, entry, number), step(&mut live, entry, number));
            prop_assert_eq!(levels(&other), levels(&live));
        }
        prop_assert_eq!(other.snapshot(), live.snapshot());
        prop_assert_eq!(copy(&other).snapshot(), live.snapshot());
    }

    #[test]
    fn damage_is_refused_or_makes_sense(
        rules in vec(rule::any_rule(), 1..4),
        stream in stream::stream(),
        damage in vec((any::<prop::sample::Index>(), any::<u8>()), 1..4),
        cut in any::<prop::sample::Index>(),
    ) {
        let mut live = with_domains(&rules);
        for entry in &stream {
            feed(&mut live, entry);
        }
        let bytes = live.snapshot().expect("a snapshot");
        let mut damaged = bytes.clone();
        for (place, byte) in damage {
            let place = place.index(damaged.len());
            damaged[place] = byte;
        }
        for bytes in [&damaged[..], &bytes[..cut.index(bytes.len())]] {
            let mut other = engine();
            other.restore(&live.definitions()).expect("definitions");
            let before = other.snapshot();
            match other.restore_windows(bytes) {
                Err(_) => prop_assert_eq!(other.snapshot(), before),
                // What can't be told from a snapshot has to work like one.
                Ok(()) => {
                    for entry in &stream {
                        feed(&mut other, entry);
                    }
                    other.flush(None);
                    prop_assert_eq!(levels(&other), [0; 5]);
                }
            }
        }
    }
}
