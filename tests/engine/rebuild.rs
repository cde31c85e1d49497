//! Windows that are filled anew from the streams and the output go on as those that were lost.

use std::collections::BTreeSet;

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::key::{output_key, AxonKey};
use leaflet::engine::{Emission, Engine, EntryId, Event, Settings};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::compare::{feed, output};
use crate::random::{rule, stream};
use crate::stream::Entry;

fn id(entry: &Entry) -> EntryId {
    let (ms, seq) = entry.id;
    EntryId { ms, seq }
}

fn tag(entry: &Entry) -> Vec<u8> {
    AxonKey::parse(entry.key.as_bytes()).tag.to_vec()
}

/// What is left after a crash without windows: the definitions, the axons and the output.
fn rebuilt(lost: &Engine, axons: &[Entry], outputs: &[&Emission]) -> (Engine, Vec<Emission>) {
    let mut engine = Engine::new(Settings::default());
    engine.restore(&lost.definitions()).expect("definitions");
    engine.rebuild_lost();
    let reach = engine.reach(DEFAULT_DOMAIN).expect("it is being rebuilt");
    let tags: BTreeSet<Vec<u8>> = axons.iter().map(tag).collect();
    let spec = engine.rebuilding().expect("a domain").clone();
    let mut from = std::collections::BTreeMap::new();
    for of in tags {
        let newest = axons.iter().filter(|entry| tag(entry) == of).map(id).max();
        let start = newest.expect("an event").ms.saturating_sub(reach);
        let key = output_key(&spec.output, &of);
        for emission in outputs.iter().filter(|emission| emission.output == key) {
            let fields: Vec<(&[u8], &[u8])> = emission
                .fields
                .iter()
                .map(|(name, value)| (name.as_bytes(), &value[..]))
                .collect();
            let time = engine.recall(DEFAULT_DOMAIN, &of, &fields);
            assert_eq!(time, Some(output(emission).time), "it is recognised");
        }
        engine.settle_past(DEFAULT_DOMAIN, &of, start + reach / 2);
        from.insert(of, start);
    }
    let mut out = Vec::new();
    for entry in axons {
        if entry.id.0 < from[&tag(entry)] {
            continue;
        }
        let fields: Vec<(&[u8], &[u8])> = entry
            .fields
            .iter()
            .map(|(field, text)| (field.as_bytes(), text.as_bytes()))
            .collect();
        let event = Event {
            key: entry.key.as_bytes(),
            id: id(entry),
            fields: &fields,
            hops: 0,
        };
        engine.refeed(DEFAULT_DOMAIN, &event, &mut out);
    }
    engine.rebuilt(DEFAULT_DOMAIN);
    (engine, out)
}

fn ids(emissions: &[Emission]) -> BTreeSet<String> {
    emissions
        .iter()
        .map(|emission| output(emission).id)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn a_rebuild_finds_what_was_lost_and_goes_on(
        rules in vec(rule::any_rule(), 1..4),
        mut stream in stream::stream(),
        at in 1usize..25,
        added in 0usize..10,
        lost in any::<prop::sample::Index>(),
    ) {
        // Where LIMIT held something back, the streams don't tell.
        let rules: Vec<_> = rules.iter().filter(|text| !text.contains(" LIMIT ")).collect();
        stream.sort_by_key(|entry| entry.id);
        let at = at.min(stream.len());
        let mut live = Engine::new(Settings::default());
        let mut before = Vec::new();
        for (number, entry) in stream[..at].iter().enumerate() {
            if number == added.min(at - 1) {
                for (number, text) in rules.iter().enumerate() {
                    let name = format!("rule_{number}");
                    let _ = live.add_rule(DEFAULT_DOMAIN, &name, text, AddRule::default());
                }
            }
            before.extend(feed(&mut live, entry));
        }
        prop_assume!(!live.rule_infos(DEFAULT_DOMAIN).expect("a domain").is_empty());

        // Everything is in the output.
        let all: Vec<&Emission> = before.iter().collect();
        let (mut other, found) = rebuilt(&live, &stream[..at], &all);
        prop_assert_eq!(ids(&found), BTreeSet::new());

        // What one event or deadline led to is lost.
        if let Some(last) = before.last() {
            let newest = output(last).time;
            let times: Vec<u64> = before.iter().map(|emission| output(emission).time).collect();
            let time = times[lost.index(times.len())];
            let kept: Vec<&Emission> = before.iter().filter(|e| output(e).time != time).collect();
            let (_, found) = rebuilt(&live, &stream[..at], &kept);
            let lost: Vec<Emission> = before.iter().filter(|e| output(e).time == time).cloned().collect();
            let found = ids(&found);
            prop_assert!(found.is_subset(&ids(&lost)), "{:?}", found);
            if time == newest {
                prop_assert_eq!(found, ids(&lost));
            }
        }

        for entry in &stream[at..] {
            prop_assert_eq!(feed(&mut other, entry), feed(&mut live, entry));
        }
    }
}
