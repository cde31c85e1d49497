//! Any events do no harm to the rules they meet: the windows stay within their limit, what was fed once gives the same
//! when it is fed again, and nothing is left of a rule that is gone.

use leaflet::engine::domain::{AddRule, DomainSpec, DEFAULT_DOMAIN};
use leaflet::engine::time::TimeSource;
use leaflet::engine::{Emission, Engine, EntryId, Event, Settings};

use super::bytes::Bytes;

/// Every operator and clause of the language.
const RULES: [&str; 16] = [
    "MATCH A@axon_1 AND B@axon_2 WITHIN 2s",
    "MATCH A AS a -> B[value > 2] AS b WHERE a.k != b.k PARTITION BY user WITHIN 5s",
    "MATCH A AS a -> B AS b WHERE a.k = b.k WITHIN 5s CONSUME NONE",
    "MATCH A AS a -> B AS b -> C AS c WHERE c.value > a.value + b.value WITHIN 10s SELECT FIRST",
    "MATCH A{3,} AS a -> B PARTITION BY user WITHIN 9s CONSUME PARTITION EMIT n = count(a), m = max(a.value)",
    "MATCH A{1,2} AND B? AND C* WITHIN 3s HAVING count(*) > 2",
    "MATCH A -> B WITHIN 4s SELECT ALL EMIT v = avg(*.value)",
    "MATCH (A OR B) AND C -> ANY@'axon_*' WITHIN 4s SELECT FIRST CONSUME NONE LIMIT 2 PER 3s",
    "MATCH 2 OF (A, B AND C, D -> A) WITHIN 3s",
    "MATCH A -> NOT C -> B PARTITION BY user WITHIN 5s",
    "MATCH NOT C[value > 1] -> A -> B WITHIN 3s SELECT FIRST",
    "MATCH A AS a -> NOT B FOR 2s PARTITION BY user WITHIN 1s",
    "MATCH A -> (B -> NOT C FOR 3s) OR (D -> NOT A FOR 1s) WITHIN 5s CONSUME NONE LIMIT 1 PER 2s",
    "MATCH A[metadata.x LIKE 'a%'] AS a -> B AS b WHERE b.metadata.x = a.metadata.x WITHIN 5s",
    "INTEGRATE A@axon_1 WEIGHT value / 2, B WEIGHT 0.5, ANY@axon_3 WEIGHT -0.1 DECAY 500ms THRESHOLD 1 FROM 2 AXONS REFRACTORY 1s PARTITION BY user WITHIN 2s",
    "INTEGRATE ANY WEIGHT value DECAY 1s THRESHOLD 3 RESET SUBTRACT WITHIN 1s LIMIT 3 PER 2s EMIT l = level",
];

/// A domain whose events are put in order first.
const ORDERED: &str = "ordered";

pub(super) const KEYS: [&[u8]; 7] = [
    b"stream:axon_1",
    b"stream:axon_2",
    b"stream:axon_3",
    b"stream:axon_1{t}",
    b"stream:{t}axon_2",
    b"stream:axon_{u}3",
    b"stream:axon_x:axon_1",
];
pub(super) const TYPES: [&[u8]; 6] = [b"A", b"B", b"A", b"C", b"D", b"\xff"];
pub(super) const VALUES: [&[u8]; 8] = [b"0", b"1", b"2.5", b"4", b"-3", b"1e308", b"x", b"true"];
/// So many of the rules are there at a time: they don't affect each other.
const CHOSEN: usize = 3;
/// Up to so many things happen.
const MAX_STEPS: usize = 256;
/// When it begins, ms.
pub(super) const START: u64 = 1_000_000;

/// What an engine has to go through.
pub(super) enum Step<'a> {
    Event {
        key: &'static [u8],
        id: EntryId,
        fields: Vec<(&'static [u8], &'a [u8])>,
        hops: u32,
    },
    Tick {
        ordered: bool,
        tag: &'static [u8],
        time: u64,
    },
    Pause {
        rule: usize,
        paused: bool,
    },
    Replace(usize, usize),
}

impl Step<'_> {
    fn leaves_rules_alone(&self) -> bool {
        matches!(self, Self::Event { .. } | Self::Tick { .. })
    }
}

/// Reads the bytes as limits, a choice of rules and what happens to them.
pub fn check(data: &[u8]) {
    let mut bytes = Bytes(data);
    let settings = Settings {
        max_window_memory: bytes.one_of(&[1 << 12, 1 << 14, 1 << 16, 1 << 28]),
        match_budget: bytes.one_of(&[100, 5_000]),
        max_matches_per_trigger: 8,
        max_sources: 4,
        ..Settings::default()
    };
    let chosen = choose(&mut bytes);
    let mut now = START;
    let steps: Vec<Step> =
        std::iter::from_fn(|| (!bytes.is_empty()).then(|| step(&mut bytes, &mut now)))
            .take(MAX_STEPS)
            .collect();

    let mut engine = engine(settings, chosen);
    let first = feed(&mut engine, &steps);
    assert_eq!(feed(&mut self::engine(settings, chosen), &steps), first);
    if steps.iter().all(Step::leaves_rules_alone) {
        // A reset forgets everything else.
        engine.reset(None, None).expect("everything can be reset");
        assert_eq!(feed(&mut engine, &steps), first);
    }

    let definitions = engine.definitions();
    for rule in definitions.domains.iter().flat_map(|domain| {
        let names = domain.rules.iter().map(|rule| &rule.name);
        names.map(|name| (&domain.spec.name, name))
    }) {
        engine.delete_rule(rule.0, rule.1).expect("it is there");
    }
    let left = engine
        .stats(Some(DEFAULT_DOMAIN), None)
        .expect("it is there");
    let left = [
        left.window_events,
        left.window_bytes,
        left.partitions,
        left.leaflets,
    ];
    assert_eq!(left, [0; 4], "of rules that are gone");
}

/// Chooses rules.
pub(super) fn choose(bytes: &mut Bytes) -> [usize; CHOSEN] {
    [(); CHOSEN].map(|()| usize::from(bytes.byte()) % RULES.len())
}

/// The next thing that happens, at `now` or later.
pub(super) fn step<'a>(bytes: &mut Bytes<'a>, now: &mut u64) -> Step<'a> {
    let what = bytes.byte();
    match what {
        // Most of what happens is events.
        0..240 => {
            // Mostly forward by up to three seconds, and now and then back.
            let jump = u64::from(bytes.byte()) * 12;
            *now = match what % 8 {
                7 => now.saturating_sub(jump),
                _ => *now + jump,
            };
            let id = EntryId {
                ms: *now,
                seq: u64::from(what),
            };
            let mut fields: Vec<(&'static [u8], &'a [u8])> = vec![
                (b"type", bytes.one_of(&TYPES)),
                (b"value", bytes.one_of(&VALUES)),
                (b"user", bytes.one_of(&VALUES[..3])),
                (b"k", bytes.one_of(&VALUES)),
            ];
            if what & 16 != 0 {
                fields.remove(usize::from(what & 3));
            }
            if what & 32 != 0 {
                let length = usize::from(bytes.byte());
                fields.push((
                    bytes.one_of(&[b"metadata", b"event_id", b"timestamp"]),
                    bytes.take(length),
                ));
            }
            if what & 64 != 0 {
                fields.push((b"ts", bytes.one_of(&TIMES)));
            }
            Step::Event {
                key: bytes.one_of(&KEYS),
                id,
                fields,
                hops: u32::from(what & 128 != 0) * 8,
            }
        }
        240..248 => Step::Tick {
            ordered: what & 1 != 0,
            tag: bytes.one_of(&[b"", b"t", b"u"]),
            time: *now + u64::from(bytes.byte()) * 100,
        },
        248..254 => Step::Pause {
            rule: usize::from(bytes.byte()),
            paused: what & 1 != 0,
        },
        254.. => Step::Replace(usize::from(bytes.byte()), usize::from(bytes.byte())),
    }
}

/// Times of events in the domain that has them in a field.
const TIMES: [&[u8]; 8] = [
    b"1000000",
    b"1000500",
    b"1001000",
    b"1003000",
    b"1002999",
    b"1970-01-01T00:16:42Z",
    b"99999999999999999999",
    b"",
];

/// An engine with these rules in two domains.
pub(super) fn engine(settings: Settings, chosen: [usize; CHOSEN]) -> Engine {
    let mut engine = Engine::new(settings);
    let ordered = DomainSpec {
        output: "stream:ordered_events".into(),
        time: TimeSource::Field {
            field: "ts".into(),
            lateness: 1_500,
        },
        ..DomainSpec::new(ORDERED, 0)
    };
    engine.create_domain(ordered).expect("a domain");
    for (number, rule) in chosen.into_iter().enumerate() {
        for domain in [DEFAULT_DOMAIN, ORDERED] {
            add(&mut engine, domain, number, rule, AddRule::default());
        }
    }
    engine
}

fn add(engine: &mut Engine, domain: &str, number: usize, rule: usize, how: AddRule) {
    let rule = RULES[rule];
    let added = engine.add_rule(domain, &format!("rule_{number}"), rule, how);
    added.unwrap_or_else(|error| panic!("{rule}\n{error}"));
}

/// What the engine hands back at each step.
pub(super) fn feed(engine: &mut Engine, steps: &[Step]) -> Vec<Vec<Emission>> {
    let handed_back = steps.iter().map(|step| {
        let mut out = Vec::new();
        take(engine, step, &mut out);
        let (stats, limit) = (
            engine.stats(None, None),
            engine.settings().max_window_memory,
        );
        let bytes = stats.expect("of everything").window_bytes;
        assert!(bytes <= limit, "{bytes} of {limit} bytes");
        engine.wakes().for_each(drop);
        out
    });
    handed_back.collect()
}

fn take(engine: &mut Engine, step: &Step, out: &mut Vec<Emission>) {
    match step {
        Step::Event {
            key,
            id,
            fields,
            hops,
        } => {
            let event = Event {
                key,
                id: *id,
                fields,
                hops: *hops,
            };
            let route = engine.route(0, key).expect("an axon");
            engine.on_event(route, &event, out);
        }
        Step::Tick { ordered, tag, time } => {
            let domain = if *ordered { ORDERED } else { DEFAULT_DOMAIN };
            engine.tick(domain, tag, *time, out).expect("a domain");
        }
        Step::Pause { rule, paused } => {
            let name = format!("rule_{}", rule % CHOSEN);
            let done = engine.set_paused(DEFAULT_DOMAIN, &name, *paused);
            done.expect("a rule");
        }
        Step::Replace(number, rule) => {
            let how = AddRule {
                replace: true,
                ..AddRule::default()
            };
            let (number, rule) = (number % CHOSEN, rule % RULES.len());
            add(engine, DEFAULT_DOMAIN, number, rule, how);
        }
    }
}
