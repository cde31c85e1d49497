//! From integrated events back to their sources, and on again, against plain models.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use leaflet::engine::domain::{AddRule, DomainSpec, DEFAULT_DOMAIN};
use leaflet::engine::lineage::{
    source_hash, Budget, Fields, Index, Node, Place, Read, State, Tree, World,
};
use leaflet::engine::{saved, Emission, Engine, EntryId, Event, Settings};
use proptest::collection::vec;
use proptest::prelude::*;
use uuid::Uuid;

use crate::random::{rule, stream};
use crate::stream::Entry;

const AMPLE: Budget = Budget {
    depth: 64,
    nodes: 100_000,
    bytes: 1 << 30,
    tries: 100_000,
};

/// An engine, and the streams that a server would have.
struct Server {
    engine: Engine,
    entries: BTreeMap<(Vec<u8>, EntryId), Fields>,
    denied: BTreeSet<Vec<u8>>,
    appended: Vec<(Emission, EntryId)>,
    clock: u64,
}

impl Server {
    fn new(rules: &[&str]) -> Self {
        let mut engine = Engine::new(Settings {
            match_budget: 300,
            ..Settings::default()
        });
        for (number, text) in rules.iter().enumerate() {
            let _ = engine.add_rule(
                DEFAULT_DOMAIN,
                &format!("rule_{number}"),
                text,
                AddRule::default(),
            );
        }
        Self {
            engine,
            entries: BTreeMap::new(),
            denied: BTreeSet::new(),
            appended: Vec::new(),
            clock: 1_000_000,
        }
    }

    fn xadd(&mut self, key: &[u8], id: EntryId, fields: Fields, hops: u32) {
        let pairs: Vec<(&[u8], &[u8])> = fields.iter().map(|(n, v)| (&n[..], &v[..])).collect();
        let event = Event {
            key,
            id,
            fields: &pairs,
            hops,
        };
        let mut out = Vec::new();
        if let Some(route) = self.engine.route(0, key) {
            self.engine.on_event(route, &event, &mut out);
        }
        self.entries.insert((key.into(), id), fields);
        out.into_iter().for_each(|emission| self.append(emission));
    }

    fn append(&mut self, emission: Emission) {
        self.clock += 1;
        let id = EntryId {
            ms: self.clock,
            seq: 0,
        };
        let fields = emission.fields.iter();
        let fields = fields
            .map(|(n, v)| (n.as_bytes().to_vec(), v.clone()))
            .collect();
        self.engine.note_appended(&emission, id);
        self.xadd(&emission.output.clone(), id, fields, emission.hops);
        self.appended.push((emission, id));
    }

    fn feed(&mut self, entry: &Entry) {
        let fields = entry.fields.iter();
        let fields = fields
            .map(|(n, v)| (n.as_bytes().to_vec(), v.as_bytes().to_vec()))
            .collect();
        let (ms, seq) = entry.id;
        self.xadd(entry.key.as_bytes(), EntryId { ms, seq }, fields, 0);
    }

    fn back(&mut self, budget: Budget, event_id: &str) -> Tree {
        let place = self.engine.lineage().event(event_id.parse().unwrap());
        let place = place.expect("it is known");
        let (key, id) = (place.key.to_vec(), place.id);
        Tree::back(self, budget, (0, &key), id, event_id.into())
    }

    fn on(&mut self, budget: Budget, key: &str, id: EntryId) -> Tree {
        Tree::on(self, budget, (0, key.as_bytes()), id, None)
    }

    fn event_id(&self, at: usize) -> String {
        String::from_utf8_lossy(self.appended[at].0.event_id()).into_owned()
    }
}

impl World for Server {
    fn read(&mut self, _db: i32, key: &[u8], id: EntryId, most: usize) -> Read {
        if self.denied.contains(key) {
            return Read::Denied;
        }
        match self.entries.get(&(key.to_vec(), id)) {
            None => Read::Trimmed,
            Some(fields) if fields.iter().map(|(n, v)| n.len() + v.len()).sum::<usize>() > most => {
                Read::TooLarge
            }
            Some(fields) => Read::There(fields.clone()),
        }
    }

    fn engine<R>(&self, ask: impl FnOnce(&Engine) -> R) -> Option<R> {
        Some(ask(&self.engine))
    }
}

fn entries(lines: &[&str]) -> Vec<Entry> {
    Entry::read_all(lines)
}

/// `event_id(its links …)`, the whole tree.
fn shape(node: &Node) -> String {
    let links: Vec<String> = node.links.iter().map(shape).collect();
    let name = match node.maker.as_ref() {
        Some(maker) => format!("{}v{}", maker.rule, maker.version),
        None => node.event_id.clone(),
    };
    match links.is_empty() {
        true => name,
        false => format!("{name}({})", links.join(" ")),
    }
}

const PAIR: &str = "MATCH A@axon_1 AND B@axon_2 WITHIN 2s";

/// The default domain's events go on to a second one.
fn chained() -> Server {
    let mut server = Server::new(&[PAIR]);
    let mut spec = DomainSpec::new("second", 0);
    spec.axons = vec!["stream:integrated_events".into()];
    spec.output = "stream:second".into();
    server.engine.create_domain(spec).unwrap();
    let twice = "MATCH MULTI_ORIGINATED{2} AS e WITHIN 1h";
    let how = AddRule::default();
    server
        .engine
        .add_rule("second", "twice", twice, how)
        .unwrap();
    for entry in entries(&[
        "a1 A@axon_1 1000",
        "b1 B@axon_2 1001",
        "a2 A@axon_1 1002",
        "b2 B@axon_2 1003",
    ]) {
        server.feed(&entry);
    }
    server
}

#[test]
fn hops_are_followed_both_ways() {
    let mut server = chained();
    // The second domain's event was appended while the second of the first domain's was.
    let ids: Vec<String> = (0..3).map(|at| server.event_id(at)).collect();
    let twice = server.appended[1].0.clone();
    assert_eq!(&*twice.rule, "twice");
    let tree = server.back(AMPLE, &ids[1]);
    assert_eq!(
        shape(&tree.root),
        "twicev1(rule_0v1(a1 b1) rule_0v1(a2 b2))"
    );
    assert_eq!((tree.nodes, tree.cut), (7, false));
    let maker = tree.root.maker.as_ref().unwrap();
    assert_eq!((&*maker.domain, &*maker.tag), ("second", &b""[..]));
    assert_eq!(tree.root.links[0].maker.as_ref().unwrap().text, PAIR);
    let tree = server.on(AMPLE, "stream:axon_1", EntryId { ms: 1_000, seq: 0 });
    assert_eq!(shape(&tree.root), "a1(rule_0v1(twicev1))");
    // Only what one domain made.
    let output = Some("stream:second");
    let first = (0, &b"stream:integrated_events"[..]);
    let id = server.appended[0].1;
    let tree = Tree::on(&mut server, AMPLE, first, id, output);
    assert_eq!(tree.root.links.len(), 1);
    let axon = (0, &b"stream:axon_1"[..]);
    let id = EntryId { ms: 1_000, seq: 0 };
    let tree = Tree::on(&mut server, AMPLE, axon, id, output);
    assert_eq!((tree.root.links.len(), tree.cut), (0, false));
}

#[test]
fn what_is_left_out_is_told() {
    let mut server = chained();
    let id = server.event_id(1);
    let all = server.back(AMPLE, &id);
    for (budget, expected, left_out) in [
        (Budget { depth: 0, ..AMPLE }, 1, 2),
        (Budget { depth: 1, ..AMPLE }, 3, 4),
        (Budget { nodes: 2, ..AMPLE }, 2, 3),
        (Budget { nodes: 6, ..AMPLE }, 6, 1),
    ] {
        let tree = server.back(budget, &id);
        assert_eq!((tree.nodes, tree.cut), (expected, true), "{budget:?}");
        let mut all = vec![&tree.root];
        let mut told = 0;
        while let Some(node) = all.pop() {
            told += node.left_out;
            all.extend(&node.links);
        }
        assert_eq!(told, left_out, "{budget:?}");
    }
    let bytes = |node: &Node| -> usize { node.fields.iter().map(|(n, v)| n.len() + v.len()).sum() };
    let root = bytes(&all.root);
    let tree = server.back(
        Budget {
            bytes: root,
            ..AMPLE
        },
        &id,
    );
    let states: Vec<State> = tree.root.links.iter().map(|node| node.state).collect();
    assert_eq!((states, tree.cut), (vec![State::Cut; 2], true));
    let tree = server.back(
        Budget {
            bytes: root - 1,
            ..AMPLE
        },
        &id,
    );
    assert_eq!(
        (tree.root.state, tree.nodes, tree.cut),
        (State::Cut, 1, true)
    );
    let exact = server.back(
        Budget {
            nodes: 7,
            depth: 2,
            ..AMPLE
        },
        &id,
    );
    assert_eq!(exact, all);
    // No text may be tried: the rule's name is all that is known.
    let tree = server.back(Budget { tries: 0, ..AMPLE }, &id);
    let maker = tree.root.maker.unwrap();
    assert_eq!(
        (&*maker.domain, &*maker.rule, maker.version),
        ("second", "twice", 0)
    );
    assert_eq!(maker.text, "");
    // On, of one entry that took part in many.
    let mut server = Server::new(&["MATCH A AND B AS b WITHIN 1h SELECT ALL"]);
    server.feed(&Entry::read("a A@axon_1 1000", 0));
    (1..=20).for_each(|n| server.feed(&Entry::read(&format!("b{n} B@axon_2 {}", 1000 + n), n)));
    let id = EntryId { ms: 1_000, seq: 0 };
    let tree = server.on(Budget { nodes: 6, ..AMPLE }, "stream:axon_1", id);
    assert_eq!((tree.root.links.len(), tree.root.left_out), (5, 15));
    let newest = server.event_id(19);
    assert_eq!(tree.root.links[0].event_id, newest);
}

#[test]
fn what_is_gone_or_not_to_be_seen_is_marked() {
    let mut server = chained();
    let id = server.event_id(1);
    let output = b"stream:integrated_events".to_vec();
    server.entries.retain(|(key, _), _| key != b"stream:axon_1");
    server.denied.insert(b"stream:axon_2".to_vec());
    let tree = server.back(AMPLE, &id);
    let pair = &tree.root.links[0];
    let states: Vec<State> = pair.links.iter().map(|node| node.state).collect();
    assert_eq!(states, [State::Trimmed, State::Denied]);
    assert!(pair.links.iter().all(|node| node.fields.is_empty()));
    assert_eq!((&*pair.links[1].event_id, tree.cut), ("b1", false));
    // What can't be read is not gone through.
    server.denied.insert(output.clone());
    let tree = server.back(AMPLE, &id);
    assert_eq!(
        shape(&tree.root),
        format!("twicev1({} {})", server.event_id(0), server.event_id(2))
    );
    let axon = EntryId { ms: 1_000, seq: 0 };
    let tree = server.on(AMPLE, "stream:axon_1", axon);
    let hidden = &tree.root.links[0];
    assert_eq!(
        (hidden.state, hidden.id, &*hidden.event_id),
        (State::Denied, None, "")
    );
    assert_eq!((&hidden.stream, hidden.links.len()), (&output, 0));
    // The integrated event itself is gone; that it was there is known.
    server.denied.clear();
    server.entries.clear();
    let tree = server.back(AMPLE, &id);
    assert_eq!(
        (tree.root.state, tree.root.links.len()),
        (State::Trimmed, 0)
    );
    let tree = server.on(AMPLE, "stream:axon_1", axon);
    assert_eq!(tree.root.links[0].event_id, server.event_id(0));
    assert_eq!(tree.root.links[0].links[0].state, State::Trimmed);
}

#[test]
fn each_text_of_a_rule_is_a_version_and_old_ones_are_found() {
    let mut server = Server::new(&[]);
    let replace = AddRule {
        replace: true,
        paused: false,
    };
    let mut texts = Vec::new();
    let mut at = 0;
    for round in 1..=5u64 {
        let text = format!("MATCH A WITHIN {round}s");
        let engine = &mut server.engine;
        engine
            .add_rule(DEFAULT_DOMAIN, "r", &text, replace)
            .unwrap();
        // The same once more is no version.
        engine
            .add_rule(DEFAULT_DOMAIN, "r", &text, replace)
            .unwrap();
        texts.push(text);
        at += 1;
        server.feed(&Entry::read(&format!("a{at} A@axon_1 {}", at * 1000), at));
        match round {
            3 => server.engine.delete_rule(DEFAULT_DOMAIN, "r").unwrap(),
            4 => {
                server.engine.drop_domain(DEFAULT_DOMAIN).unwrap();
                let spec = DomainSpec::new(DEFAULT_DOMAIN, 0);
                server.engine.create_domain(spec).unwrap();
            }
            _ => {}
        }
    }
    let versions = |server: &mut Server| -> Vec<(u64, String)> {
        let ids: Vec<String> = (0..5).map(|at| server.event_id(at)).collect();
        let made = ids
            .iter()
            .map(|id| server.back(AMPLE, id).root.maker.unwrap());
        made.map(|maker| (maker.version, maker.text)).collect()
    };
    let expected: Vec<(u64, String)> = (1..).zip(texts).collect();
    assert_eq!(versions(&mut server), expected);
    // They are saved with the definitions, and so is the index.
    let bytes = server.engine.save().unwrap();
    let (engine, lost) = Engine::from_saved(Settings::default(), saved::VERSION, &bytes).unwrap();
    assert_eq!((lost, engine.lineage_is_lost()), (None, false));
    server.engine = engine;
    assert_eq!(versions(&mut server), expected);
    // An entry that no rule made has none.
    let (key, id) = (b"stream:integrated_events".to_vec(), server.appended[0].1);
    let forged = server.entries.get_mut(&(key, id)).unwrap();
    let sources = forged
        .iter_mut()
        .find(|(name, _)| name == b"lineage")
        .unwrap();
    sources.1 = br#"{"axon_1":{"stream":"stream:axon_1","id":"7-7"}}"#.to_vec();
    let id = server.event_id(0);
    let maker = server.back(AMPLE, &id).root.maker.unwrap();
    assert_eq!(
        (&*maker.domain, maker.version, &*maker.text),
        ("default", 0, "")
    );
}

#[test]
fn changes_are_told_once_each() {
    let mut engine = Engine::new(Settings::default());
    assert_eq!(engine.take_changes(), []);
    let how = AddRule::default();
    let replace = AddRule {
        replace: true,
        ..how
    };
    let mut spec = DomainSpec::new("d", 0);
    spec.output = "out".into();
    engine.create_domain(spec.clone()).unwrap();
    engine.create_domain(spec).unwrap_err();
    engine
        .add_rule("d", "r", "MATCH A  WITHIN 1s", how)
        .unwrap();
    engine
        .add_rule("d", "r", "MATCH A WITHIN 1s", how)
        .unwrap_err();
    engine
        .add_rule("d", "r", "MATCH A WITHIN 1s", replace)
        .unwrap();
    engine
        .add_rule("d", "r", "MATCH B WITHIN 1s", replace)
        .unwrap();
    engine.set_paused("d", "r", true).unwrap();
    engine.set_paused("d", "r", true).unwrap();
    engine.set_paused("d", "r", false).unwrap();
    engine.delete_rule("d", "r").unwrap();
    engine.delete_rule("d", "r").unwrap_err();
    engine.drop_domain("d").unwrap();
    let told: Vec<_> = engine
        .take_changes()
        .into_iter()
        .map(|c| {
            (
                c.action,
                c.version,
                c.old.unwrap_or_default(),
                c.new.unwrap_or_default(),
            )
        })
        .collect();
    let (a, b) = ("MATCH A WITHIN 1s", "MATCH B WITHIN 1s");
    let of_rule: Vec<_> = told[1..told.len() - 1]
        .iter()
        .map(|(action, version, old, new)| (*action, version.unwrap(), &old[..], &new[..]))
        .collect();
    assert_eq!(
        of_rule,
        [
            ("RULE.ADD", 1, "", a),
            ("RULE.ADD", 2, a, b),
            ("RULE.PAUSE", 2, "", ""),
            ("RULE.RESUME", 2, "", ""),
            ("RULE.DEL", 2, b, ""),
        ]
    );
    let (create, drop) = (&told[0], told.last().unwrap());
    assert_eq!((create.0, drop.0), ("DOMAIN.CREATE", "DOMAIN.DROP"));
    assert_eq!(create.3, drop.2);
    assert!(create.3.contains(r#""output":"out""#), "{}", create.3);
    assert_eq!(engine.take_changes(), []);
    // What is restored was not changed.
    let definitions = engine.definitions();
    engine.restore(&definitions).unwrap();
    assert_eq!(engine.take_changes(), []);
}

#[test]
fn windows_come_first() {
    let mut server = Server::new(&["MATCH A WITHIN 1h", "MATCH X AND Y WITHIN 1h"]);
    for n in 1..=200 {
        server.feed(&Entry::read(&format!("a{n} A@axon_1 {}", n * 10), n));
    }
    let full = server.engine.lineage().bytes();
    assert_eq!(server.engine.lineage().since(), None);
    let mut settings = server.engine.settings();
    let windows = server.engine.stats(None, None).unwrap().window_bytes;
    settings.max_window_memory = windows + full / 2;
    server.engine.set_settings(settings);
    server.feed(&Entry::read("a A@axon_1 3000", 201));
    assert!(server.engine.lineage().bytes() <= full / 2);
    assert!(server.engine.lineage().since().is_some());
    assert_eq!(server.engine.stats(None, None).unwrap().events_shed, 0);
    settings.max_lineage_memory = 0;
    server.engine.set_settings(settings);
    server.feed(&Entry::read("a A@axon_1 3001", 202));
    let index = server.engine.lineage();
    assert_eq!((index.count(), index.bytes()), (0, 0));
}

#[test]
fn outputs_are_known_by_their_keys() {
    let mut engine = Engine::new(Settings::default());
    let mut spec = DomainSpec::new("d", 1);
    (spec.axons, spec.output) = (vec!["d:*".into()], "out:{}:x".into());
    engine.create_domain(spec).unwrap();
    for (db, key, is) in [
        (0, "stream:integrated_events", true),
        (0, "stream:integrated_events{t}", true),
        (0, "{t}stream:integrated_events", false),
        (0, "stream:integrated_events_", false),
        (0, "stream:axon_1", false),
        (1, "stream:integrated_events", false),
        (1, "out::x", true),
        (1, "out:{t}:x", true),
        (1, "out::x{t}", false),
        (0, "out::x", false),
    ] {
        for _ in 0..2 {
            assert_eq!(engine.is_output(db, key.as_bytes()), is, "{key} in {db}");
        }
    }
    // A stream can be nobody's axon.
    assert!(engine.route(0, b"stream:axon_audit{t}").is_some());
    engine.silence(b"stream:axon_audit");
    assert!(engine.route(0, b"stream:axon_audit{t}").is_none());
    assert!(engine.route(0, b"stream:axon_1").is_some());
    engine.silence(b"");
    assert!(engine.route(0, b"stream:axon_audit").is_some());
}

/// What the index should hold: integrated events by their numbers, the oldest first.
#[derive(Default)]
struct Model(VecDeque<(u128, usize, EntryId, Vec<u64>)>);

const KEYS: [(i32, &str); 4] = [(0, "out"), (0, "out{t}"), (1, "out"), (1, "other")];

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn the_index_knows_the_newest(
        steps in vec((0u128..40, 0usize..4, vec(0u64..12, 0..4), any::<u8>()), 1..200),
        room in 200u64..6_000,
    ) {
        let (mut index, mut model) = (Index::default(), Model::default());
        for (number, (event, output, sources, chance)) in steps.into_iter().enumerate() {
            let id = EntryId { ms: 1_000 + number as u64, seq: 1 };
            let (db, key) = KEYS[output];
            let key = key.as_bytes();
            let place = Place { event: Uuid::from_u128(event), db, key, id };
            index.note(place, &sources, room);
            prop_assert!(index.bytes() <= room);
            model.0.push_back((event, output, id, sources.clone()));
            while model.0.len() as u64 > index.count() {
                model.0.pop_front();
            }
            // The same once more changes nothing.
            let (len, bytes) = (index.count(), index.bytes());
            if len > 0 {
                index.note(place, &sources, room);
                prop_assert_eq!((index.count(), index.bytes()), (len, bytes));
            }
            if chance < 4 {
                index.forget(Some(1));
                model.0.iter_mut().for_each(|kept| {
                    if KEYS.get(kept.1).is_some_and(|(db, _)| *db == 1) {
                        kept.1 = usize::MAX;
                    }
                });
            }
            if chance > 250 {
                let bytes = index.to_bytes().unwrap();
                index = Index::from_bytes(&bytes, room).unwrap();
                model.0.retain(|kept| kept.1 != usize::MAX);
                prop_assert_eq!(index.to_bytes().unwrap(), bytes);
            }
            for event in 0..40 {
                let newest = model.0.iter().rev().find(|kept| kept.0 == event);
                let expected = newest.filter(|kept| kept.1 != usize::MAX);
                let expected = expected.map(|kept| (KEYS[kept.1], kept.2));
                let found = index.event(Uuid::from_u128(event));
                let found = found.map(|at| ((at.db, std::str::from_utf8(at.key).unwrap()), at.id));
                prop_assert_eq!(found, expected);
            }
            for (db, source) in [0, 1].into_iter().flat_map(|db| (0..12).map(move |s| (db, s))) {
                let of = |kept: &&(u128, usize, EntryId, Vec<u64>)| {
                    kept.1 != usize::MAX && KEYS[kept.1].0 == db
                };
                let expected: Vec<EntryId> = model.0.iter().rev().filter(of)
                    .flat_map(|kept| kept.3.iter().filter(|s| **s == source).map(|_| kept.2))
                    .collect();
                let found: Vec<EntryId> = index.events_of(db, source).map(|at| at.id).collect();
                prop_assert_eq!(found, expected);
            }
        }
        index.forget(None);
        prop_assert_eq!((index.count(), index.bytes()), (0, 0));
    }

    #[test]
    fn no_bytes_make_it_fail(bytes in vec(any::<u8>(), 0..200)) {
        let _ = Index::from_bytes(&bytes, 1 << 20);
    }

    #[test]
    fn back_and_on_are_each_others_reverse(
        rules in vec(rule::any_rule(), 1..4),
        stream in stream::stream(),
    ) {
        let rules: Vec<&str> = rules.iter().map(String::as_str).collect();
        let mut server = Server::new(&rules);
        stream.iter().for_each(|entry| server.feed(entry));
        // A replica sees the entries alone.
        let mut replica = Engine::new(Settings::default());
        for (emission, id) in &server.appended {
            let fields = &server.entries[&(emission.output.clone(), *id)];
            let fields: Vec<(&[u8], &[u8])> = fields.iter().map(|(n, v)| (&n[..], &v[..])).collect();
            replica.note_entry(0, &emission.output, *id, &fields);
        }
        prop_assert_eq!(
            replica.lineage().to_bytes().unwrap(),
            server.engine.lineage().to_bytes().unwrap()
        );
        let mut taken: BTreeMap<(Vec<u8>, EntryId), Vec<String>> = BTreeMap::new();
        for at in 0..server.appended.len() {
            let id = server.event_id(at);
            let tree = server.back(AMPLE, &id);
            let (rule, text) = {
                let maker = tree.root.maker.as_ref().unwrap();
                prop_assert_eq!(maker.version, 1);
                (maker.rule.clone(), maker.text.clone())
            };
            prop_assert_eq!(&rule, &*server.appended[at].0.rule);
            prop_assert_eq!(text, server.engine.rule_info(DEFAULT_DOMAIN, &rule).unwrap().text);
            let hashes: Vec<u64> = tree.root.links.iter()
                .map(|node| source_hash(&node.stream, node.id.unwrap())).collect();
            prop_assert_eq!(&hashes[..], &server.appended[at].0.sources[..]);
            for node in tree.root.links {
                prop_assert_eq!(node.state, State::There);
                let events = taken.entry((node.stream, node.id.unwrap())).or_default();
                events.insert(0, id.clone());
            }
        }
        for entry in &stream {
            let id = EntryId { ms: entry.id.0, seq: entry.id.1 };
            let tree = server.on(AMPLE, &entry.key, id);
            let found: Vec<String> = tree.root.links.into_iter().map(|node| node.event_id).collect();
            let expected = taken.remove(&(entry.key.as_bytes().to_vec(), id)).unwrap_or_default();
            prop_assert_eq!(found, expected);
        }
    }
}
