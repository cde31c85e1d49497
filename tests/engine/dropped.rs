//! What is deleted, dropped or forgotten: gone at once as far as anyone can see, and freed a little at a time.

use leaflet::engine::domain::{AddRule, DomainSpec, DEFAULT_DOMAIN};
use leaflet::engine::{Engine, EntryId, Event};

use crate::compare::engine;
use crate::reorder::tick;

/// More than goes at once.
const MANY: u64 = 6_000;
const KEYED: &str = "MATCH A -> B PARTITION BY user WITHIN 1h";
const WAITING: &str = "MATCH A -> NOT C FOR 1m PARTITION BY user WITHIN 1h";

fn add(engine: &mut Engine, name: &str, text: &str) {
    let how = AddRule::default();
    engine.add_rule(DEFAULT_DOMAIN, name, text, how).unwrap();
}

/// Feeds an event of this type and user, and gives the names of the rules that fired.
fn feed(engine: &mut Engine, key: &str, event_type: &str, user: u64, ms: u64) -> Vec<String> {
    let user = user.to_string();
    let event = Event {
        key: key.as_bytes(),
        id: EntryId { ms, seq: 0 },
        fields: &[(b"type", event_type.as_bytes()), (b"user", user.as_bytes())],
        hops: 0,
    };
    let mut out = Vec::new();
    if let Some(route) = engine.route(0, event.key) {
        engine.on_event(route, &event, &mut out);
    }
    out.iter()
        .map(|emission| emission.rule.to_string())
        .collect()
}

fn filled(rules: &[(&str, &str)]) -> Engine {
    let mut engine = engine();
    for (name, text) in rules {
        add(&mut engine, name, text);
    }
    for user in 0..MANY {
        feed(&mut engine, "stream:axon_1", "A", user, 1_000);
    }
    engine
}

/// Events held, bytes and partitions.
fn held(engine: &Engine) -> (u64, u64, u64) {
    let stats = engine.stats(None, None).unwrap();
    (stats.window_events, stats.window_bytes, stats.partitions)
}

#[test]
fn what_is_dropped_is_counted_no_more_and_freed_in_slices() {
    type Forget = fn(&mut Engine);
    let ways: [Forget; 4] = [
        |engine| engine.drop_domain(DEFAULT_DOMAIN).unwrap(),
        |engine| engine.reset(None, None).unwrap(),
        |engine| engine.reset(Some(DEFAULT_DOMAIN), None).unwrap(),
        |engine| engine.flush(None),
    ];
    for forget in ways {
        let mut engine = filled(&[("pair", KEYED), ("waits", WAITING)]);
        assert_eq!(held(&engine).0, MANY);
        forget(&mut engine);
        assert_eq!(held(&engine), (0, 0, 0));
        let slices = (0..).take_while(|_| engine.free_some(1_000)).count();
        assert!(slices > 5, "{slices}");
        assert!(!engine.free_some(0));
    }
}

#[test]
fn events_free_what_was_dropped_too() {
    let mut engine = filled(&[("pair", KEYED)]);
    for round in 0..3 {
        engine.reset(None, None).unwrap();
        for user in 0..MANY {
            feed(&mut engine, "stream:axon_1", "A", user, 1_000);
        }
        assert!(!engine.free_some(0), "round {round}");
        assert_eq!(held(&engine).0, MANY);
    }
}

#[test]
fn a_deleted_rule_is_cleared_by_events_and_ticks_and_by_nothing_else() {
    let delete = |engine: &mut Engine| engine.delete_rule(DEFAULT_DOMAIN, "waits").unwrap();
    let mut one = filled(&[("pair", KEYED), ("waits", WAITING)]);
    let mut other = filled(&[("pair", KEYED), ("waits", WAITING)]);
    delete(&mut one);
    delete(&mut other);
    let mut left = Vec::new();
    while one.clearing().is_some() {
        left.push(held(&one));
        assert_eq!(held(&one), held(&other));
        // The one's host has time, the other's none.
        one.free_some(100_000);
        for engine in [&mut one, &mut other] {
            match left.len() % 2 {
                0 => assert!(tick(engine, "", 0).is_empty()),
                _ => assert!(feed(engine, "stream:axon_1", "X", 0, 1_000).is_empty()),
            }
        }
    }
    assert!(left.len() > 3, "{left:?}");
    assert!(left.is_sorted_by(|a, b| a.1 > b.1), "{left:?}");
    // The other rule is as if it had been alone.
    assert_eq!(held(&one), held(&filled(&[("pair", KEYED)])));
    assert!(other.clearing().is_none());
    // No deadline of it is met.
    assert!(tick(&mut one, "", 10_000_000).is_empty());
    assert_eq!(feed(&mut one, "stream:axon_1", "B", 7, 2_000), ["pair"]);
}

#[test]
fn a_rule_that_was_reset_is_new_while_the_old_windows_are_cleared() {
    let mut engine = filled(&[("waits", WAITING)]);
    engine.reset(Some(DEFAULT_DOMAIN), Some("waits")).unwrap();
    assert!(engine.clearing().is_some());
    feed(&mut engine, "stream:axon_1", "A", 1, 2_000);
    // The old deadlines come first, that of the same user too, and are none.
    let mut met = Vec::new();
    for time in 200_000..200_010 {
        met.extend(tick(&mut engine, "", time));
    }
    assert_eq!(met.len(), 1);
    assert!(engine.clearing().is_none());
}

#[test]
fn a_snapshot_in_the_middle_of_clearing_holds_what_is_there() {
    let mut engine = filled(&[("pair", KEYED), ("waits", WAITING)]);
    engine.reset(Some(DEFAULT_DOMAIN), Some("waits")).unwrap();
    feed(&mut engine, "stream:axon_1", "A", 1, 2_000);
    engine.delete_rule(DEFAULT_DOMAIN, "pair").unwrap();
    assert!(engine.clearing().is_some());
    let snapshot = engine.snapshot().unwrap();
    let mut copy = Engine::new(engine.settings());
    copy.restore(&engine.definitions()).unwrap();
    copy.restore_windows(&snapshot).unwrap();
    assert_eq!(copy.snapshot().unwrap(), snapshot);
    assert_eq!(copy.stats(None, None).unwrap().window_events, 1);
    assert_eq!(tick(&mut copy, "", 200_000).len(), 1);
}

#[test]
fn a_paused_rule_whose_event_has_left_the_window_can_be_saved() {
    let mut engine = engine();
    add(&mut engine, "waits", WAITING);
    feed(&mut engine, "stream:axon_1", "A", 1, 1_000);
    engine.set_paused(DEFAULT_DOMAIN, "waits", true).unwrap();
    feed(&mut engine, "stream:axon_1", "X", 1, 100_000_000);
    assert_eq!(held(&engine).0, 0);
    let snapshot = engine.snapshot().unwrap();
    engine.restore_windows(&snapshot).unwrap();
    engine.set_paused(DEFAULT_DOMAIN, "waits", false).unwrap();
    assert!(tick(&mut engine, "", 200_000_000).is_empty());
}

/// Whatever was added, replaced and deleted, an event reaches the rules that there are, in the order they were added.
#[test]
fn the_index_follows_the_rules() {
    const TYPES: [&str; 4] = ["A", "B", "C", "ANY"];
    let mut random = fastrand::Rng::with_seed(7);
    let mut engine = engine();
    let other = DomainSpec {
        axons: vec!["other:*".into()],
        ..DomainSpec::new("other", 0)
    };
    // Name, type and axon, in order.
    let mut rules: Vec<(String, &str, u8)> = Vec::new();
    for step in 0..2_000 {
        let name = format!("r{}", random.u8(..12));
        let known = rules.iter().position(|(known, ..)| *known == name);
        match (random.u8(..4), known) {
            (0, Some(at)) => {
                engine.delete_rule(DEFAULT_DOMAIN, &name).unwrap();
                rules.remove(at);
            }
            (1, _) => {
                let (kind, axon) = (TYPES[random.usize(..4)], random.u8(..2));
                let text = format!("MATCH {kind}@axon_{axon} WITHIN 1s");
                let how = AddRule {
                    replace: true,
                    paused: false,
                };
                engine.add_rule(DEFAULT_DOMAIN, &name, &text, how).unwrap();
                match known {
                    Some(at) => rules[at] = (name, kind, axon),
                    None => rules.push((name, kind, axon)),
                }
            }
            (2, _) if step % 50 == 0 => {
                engine.create_domain(other.clone()).unwrap();
                engine.drop_domain("other").unwrap();
            }
            _ => {}
        }
        let (kind, axon) = (["A", "B", "C", "D"][random.usize(..4)], random.u8(..2));
        let fired = feed(&mut engine, &format!("stream:axon_{axon}"), kind, 0, step);
        let takes = |(_, wanted, at): &&(String, &str, u8)| {
            *at == axon && (*wanted == "ANY" || *wanted == kind)
        };
        let expected: Vec<_> = rules
            .iter()
            .filter(takes)
            .map(|(name, ..)| name.clone())
            .collect();
        assert_eq!(fired, expected, "step {step}");
    }
}
