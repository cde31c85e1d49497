//! Backtests on streams in memory.

mod memory;

use memory::Memory;

use super::*;
use crate::engine::domain::AddRule;
use crate::engine::time::TimeSource;

impl Memory {
    /// A backtest of all streams.
    fn test(&self, plan: Plan) -> Backtest {
        let mut test = Backtest::new(Settings::default(), plan).unwrap();
        let mut add = |key: &String| test.add_axon(key.as_bytes());
        self.0.keys().try_for_each(&mut add).unwrap();
        test
    }

    /// Runs it to its end.
    fn run(&mut self, plan: Plan) -> Report {
        let mut test = self.test(plan);
        assert!(test.step(self, &mut || false));
        test.report()
    }
}

fn plan(text: &str) -> Plan {
    Plan {
        saccules: Vec::new(),
        spec: DomainSpec::new("d", 3),
        rule: "r".into(),
        text: text.into(),
        from: None,
        to: None,
        keep: 100,
    }
}

fn at(ms: u64) -> Option<EntryId> {
    Some(EntryId { ms, seq: 0 })
}

/// The sources of what was found, each with its time in seconds since the epoch.
fn sources(report: &Report) -> Vec<String> {
    let show = |found: &Found| {
        let sources = String::from_utf8_lossy(found.field("source_events").unwrap());
        let time = String::from_utf8_lossy(found.field("timestamp").unwrap());
        let names = sources.replace(['[', ']', '"'], "").replace(',', " ");
        format!("{names} {}", &time["1970-01-01T00:".len()..time.len() - 1])
    };
    report.found.iter().map(show).collect()
}

const HISTORY: [&str; 8] = [
    "a1 A@axon_1 1000",
    "a2 A@axon_1 2000",
    "b1 B@axon_2 1500",
    "b2 B@axon_2 2500",
    "b3 B@axon_2 2600",
    "a3 A@axon_1{t} 1000",
    "b4 B@axon_2{t} 2000",
    "b5 B@axon_2{t} 9000",
];

#[test]
fn it_finds_what_the_live_rule_emitted() {
    const RULE: &str = "MATCH A AND B WITHIN 2s EMIT axon = A.event_id";
    let mut live = Engine::new(Settings::default());
    live.create_domain(DomainSpec::new("d", 3)).unwrap();
    live.add_rule("d", "r", RULE, AddRule::default()).unwrap();
    let mut memory = Memory::of(&HISTORY);
    let mut history: Vec<_> = memory
        .0
        .iter()
        .flat_map(|(key, stream)| stream.iter().map(move |(id, fields)| (*id, key, fields)))
        .collect();
    history.sort();
    let mut emitted = Vec::new();
    for (id, key, fields) in history {
        let fields: Vec<_> = fields
            .iter()
            .map(|(n, v)| (n.as_bytes(), v.as_bytes()))
            .collect();
        let route = live.route(3, key.as_bytes()).unwrap();
        let event = Event {
            key: key.as_bytes(),
            id,
            fields: &fields,
            hops: 0,
        };
        live.on_event(route, &event, &mut emitted);
    }
    let report = memory.run(plan(&RULE.replace(' ', "  ").replace("MATCH", "match")));
    assert_eq!(report.text, RULE);
    let emitted: Vec<_> = emitted
        .into_iter()
        .map(|emission| (emission.output, emission.fields))
        .collect();
    let found: Vec<_> = report
        .found
        .iter()
        .map(|f| (f.output.clone(), f.fields.clone()))
        .collect();
    assert_eq!(found, emitted);
    assert_eq!(
        sources(&report),
        ["a1 b1 00:01.500", "a3 b4 00:02.000", "a2 b2 00:02.500"]
    );
    assert_eq!((report.events_read, report.stats.events_taken), (8, 8));
    assert_eq!((report.stats.matches, report.stats.emitted), (3, 3));
    let (first, last) = report.triggers.unwrap();
    assert_eq!(first, b"1970-01-01T00:00:01.500Z");
    assert_eq!(last, b"1970-01-01T00:00:02.500Z");
    let axons: Vec<_> = report
        .axons
        .iter()
        .map(|axon| (&axon.key[..], axon.events, axon.ids))
        .collect();
    let ids = |first, last| Some((at(first).unwrap(), at(last).unwrap()));
    let expected: [(&[u8], _, _); 4] = [
        (b"stream:axon_1", 2, ids(1000, 2000)),
        (b"stream:axon_1{t}", 1, ids(1000, 1000)),
        (b"stream:axon_2", 3, ids(1500, 2600)),
        (b"stream:axon_2{t}", 2, ids(2000, 9000)),
    ];
    assert_eq!(axons, expected);
}

#[test]
fn it_can_stop_after_every_piece_of_work() {
    for rule in [
        "MATCH A AND B WITHIN 2s",
        "MATCH A -> NOT B FOR 300ms WITHIN 2s",
    ] {
        let mut memory = Memory::of(&HISTORY);
        let expected = memory.run(plan(rule));
        let mut test = memory.test(plan(rule));
        let mut steps = 1;
        while !test.step(&mut memory, &mut || true) {
            steps += 1;
        }
        assert!(steps > 12, "{steps}");
        assert_eq!(test.report(), expected);
    }
}

#[test]
fn events_of_one_id_come_in_the_order_of_their_keys() {
    let events = ["b B@axon_2 1000", "c C@axon_3 1000", "a A@axon_1 1000"];
    let mut memory = Memory::of(&events);
    let report = memory.run(plan("MATCH A -> B -> C WITHIN 1s"));
    assert_eq!(sources(&report), ["a b c 00:01.000"]);
    assert!(memory.run(plan("MATCH B -> A WITHIN 1s")).found.is_empty());
}

#[test]
fn the_range_includes_its_ends() {
    let mut memory = Memory::of(&[
        "a A@axon_1 1",
        "b A@axon_1 2",
        "c A@axon_1 2",
        "d A@axon_1 3",
    ]);
    let mut found = |from, to| {
        let range = Plan {
            from,
            to,
            ..plan("MATCH A WITHIN 1s")
        };
        let report = memory.run(range);
        assert_eq!(report.events_read, report.found.len() as u64);
        let names: Vec<_> = sources(&report)
            .iter()
            .map(|s| s[..1].to_string())
            .collect();
        names.concat()
    };
    assert_eq!(found(None, None), "abcd");
    assert_eq!(found(at(2), None), "bcd");
    assert_eq!(found(None, at(2)), "ab");
    assert_eq!(found(at(1).unwrap().next(), at(3)), "bcd");
    assert_eq!(
        found(
            Some(EntryId { ms: 2, seq: 1 }),
            Some(EntryId { ms: 2, seq: 1 })
        ),
        "c"
    );
    assert_eq!(found(at(4), None), "");
}

#[test]
fn deadlines_before_the_end_are_met() {
    let rule = "MATCH A -> NOT B FOR 1s WITHIN 1s";
    let mut memory = Memory::of(&["a A@axon_1 1000", "x X@axon_1{t} 2000"]);
    let mut found = |to| sources(&memory.run(Plan { to, ..plan(rule) }));
    // The last event comes at the deadline itself, which includes what comes at it.
    assert!(found(None).is_empty());
    assert!(found(at(2000)).is_empty());
    assert_eq!(found(at(2001)), ["a 00:02.000"]);
    // The last event of all axons is later.
    memory.add("y X@axon_1{t} 2001");
    assert_eq!(sources(&memory.run(plan(rule))), ["a 00:02.000"]);
}

#[test]
fn deadlines_of_silent_leaflets_are_met_in_their_time() {
    let rule = "MATCH A -> NOT B FOR 1s WITHIN 1s";
    let events = [
        "a A@axon_1{t} 1000",
        "b A@axon_1 1500",
        "c A@axon_1{u} 9000",
        "d D@axon_1 9999",
    ];
    let mut memory = Memory::of(&events);
    let all = memory.run(plan(rule));
    assert_eq!(sources(&all), ["a 00:02.000", "b 00:02.500"]);
    // More of them than one tick meets.
    let mut memory = Memory::default();
    (0..3_000).for_each(|i| memory.add(&format!("a{i} A@axon_1{{t}} 1000")));
    memory.add("x X@axon_1 5000");
    let report = memory.run(plan("MATCH A -> NOT B FOR 1s WITHIN 1s CONSUME NONE"));
    assert_eq!(report.stats.emitted, 3_000);
}

#[test]
fn streams_may_change_between_steps() {
    let names = |report: &Report| {
        let names: Vec<_> = sources(report).iter().map(|s| s[..2].to_string()).collect();
        names.join(" ")
    };
    let events = [
        "a1 A@axon_1 10",
        "a2 A@axon_1 20",
        "a3 A@axon_1 30",
        "b1 A@axon_2 15",
        "b2 A@axon_2 25",
    ];
    let memory = Memory::of(&events);
    let start = |memory: &mut Memory| {
        let mut test = memory.test(plan("MATCH A WITHIN 1s"));
        let mut left = 4;
        let mut enough = || {
            left -= 1;
            left == 0
        };
        // Both axons are opened and two events read.
        assert!(!test.step(memory, &mut enough));
        test
    };
    let finish = |mut test: Backtest, mut memory: Memory| {
        assert!(test.step(&mut memory, &mut || false));
        names(&test.report())
    };
    let mut appended = memory.clone();
    let test = start(&mut appended);
    appended.add("a4 A@axon_1 40");
    appended.add("c1 A@axon_3 1");
    assert_eq!(finish(test, appended), "a1 b1 a2 b2 a3");
    let mut trimmed = memory.clone();
    let test = start(&mut trimmed);
    trimmed
        .0
        .get_mut("stream:axon_1")
        .unwrap()
        .remove(&at(20).unwrap());
    assert_eq!(finish(test, trimmed), "a1 b1 b2 a3");
    let mut deleted = memory.clone();
    let test = start(&mut deleted);
    deleted.0.remove("stream:axon_2");
    assert_eq!(finish(test, deleted), "a1 b1 a2 a3");
    let mut anew = memory.clone();
    let test = start(&mut anew);
    anew.0.clear();
    anew.add("x1 A@axon_1 1");
    anew.add("x2 A@axon_1 28");
    assert_eq!(finish(test, anew), "a1 b1 x2");
}

#[test]
fn the_first_matches_are_kept_and_all_are_counted() {
    let mut memory = Memory::default();
    (1..=50).for_each(|i| memory.add(&format!("a{i} A@axon_1 {i}000")));
    let report = memory.run(Plan {
        keep: 2,
        ..plan("MATCH A WITHIN 1s LIMIT 1 PER 2s")
    });
    assert_eq!(sources(&report), ["a1 00:01.000", "a3 00:03.000"]);
    assert_eq!(
        (
            report.stats.matches,
            report.stats.emitted,
            report.stats.limited
        ),
        (50, 25, 25)
    );
    assert_eq!(report.triggers.unwrap().1, b"1970-01-01T00:00:49.000Z");
    let big = "x".repeat(5 << 20);
    let mut memory = Memory::default();
    (1..=5).for_each(|i| memory.add(&format!("a{i} A@axon_1 {i} big={big}")));
    let report = memory.run(plan("MATCH A AS a WITHIN 1s EMIT big = a.big"));
    assert_eq!((report.found.len(), report.stats.emitted), (3, 5));
}

#[test]
fn what_is_no_event_is_counted() {
    let mut memory = Memory::of(&["a A@axon_1 1", "b A@axon_1 2 oversized=1", "c A@axon_1 3"]);
    let untyped = vec![("event_id".into(), "u".into())];
    let stream = memory.0.get_mut("stream:axon_1").unwrap();
    stream.insert(at(4).unwrap(), untyped);
    let report = memory.run(plan("MATCH A WITHIN 1s"));
    assert_eq!(report.stats.emitted, 2);
    let counts = (
        report.events_read,
        report.events_oversized,
        report.stats.events_untyped,
    );
    assert_eq!(counts, (4, 1, 1));
}

#[test]
fn times_of_a_field_are_ordered_and_silence_lets_held_events_go() {
    let spec = DomainSpec {
        time: TimeSource::Field {
            field: "at".into(),
            lateness: 1000,
        },
        ..DomainSpec::new("d", 0)
    };
    let rule = Plan {
        spec,
        ..plan("MATCH A -> B WITHIN 5s")
    };
    let events = [
        "b B@axon_1 10000 at=9500",
        "a A@axon_2 10100 at=9400",
        "x X@axon_1 10200 at=10100",
    ];
    let mut memory = Memory::of(&events);
    // Nothing says yet that no earlier event can come.
    let report = memory.run(rule.clone());
    assert_eq!((report.found.len(), report.stats.events_held), (0, 3));
    let report = memory.run(Plan {
        to: at(11_200),
        ..rule.clone()
    });
    assert_eq!(
        (sources(&report), report.stats.events_held),
        (vec!["a b 00:09.500".to_string()], 0)
    );
    memory.add("late A@axon_2 13000 at=10050");
    assert_eq!(memory.run(rule).stats.events_late, 1);
}

#[test]
fn mistakes_are_named() {
    let refused = |plan| {
        Backtest::new(Settings::default(), plan)
            .unwrap_err()
            .to_string()
    };
    assert!(refused(plan("MATCH A")).starts_with("column 8: expected "));
    let nameless = Plan {
        rule: String::new(),
        ..plan("MATCH A WITHIN 1s")
    };
    assert_eq!(refused(nameless), "the name of a rule can't be empty");
    let settings = Settings {
        max_window_memory: 1_000,
        ..Settings::default()
    };
    let mut test = Backtest::new(settings, plan("MATCH A WITHIN 1s")).unwrap();
    let mut add = |key: &str| test.add_axon(key.as_bytes()).map_err(|e| e.to_string());
    assert_eq!(
        add("stream:out"),
        Err("'stream:out' is no axon of domain 'd'".into())
    );
    for key in [
        "stream:axon_1",
        "stream:axon_1",
        "stream:axon_1",
        "{t}stream:axon_1",
    ] {
        assert_eq!(add(key), Ok(()));
    }
    let refusals: Vec<_> = (2..9)
        .filter_map(|i| add(&format!("stream:axon_{i}")).err())
        .collect();
    assert!(refusals[0].contains("max-window-memory"), "{refusals:?}");
}
