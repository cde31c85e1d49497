//! Saccules: an engine that has them does with the events as they come what one without them does with the events as
//! they should be.

use leaflet::engine::domain::{AddRule, DomainSpec, DEFAULT_DOMAIN};
use leaflet::engine::{Emission, Engine, EntryId, Settings, Stats};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::compare::{engine, feed};
use crate::random::{rule, stream};
use crate::stream::Entry;

/// A statement in front of random rules: its text, and what it means, put as plainly as can be.
#[derive(Debug, Clone)]
enum Statement {
    Require(Condition),
    Skip(Condition),
    Set(&'static str, Source),
    Default(&'static str, &'static str),
    Rename(&'static str, &'static str),
    Drop(&'static str),
    Number(&'static str),
}

#[derive(Debug, Clone)]
enum Condition {
    Is(&'static str, &'static str),
    MoreThan(&'static str, i32),
    Missing(&'static str),
}

#[derive(Debug, Clone)]
enum Source {
    Text(&'static str),
    Field(&'static str),
    Sum(&'static str, i32),
}

const FIELDS: [&str; 6] = ["value", "k", "x", "event_id", "type", "event_type"];
const TEXTS: [&str; 5] = ["A", "B", "C", "1", "x"];

fn field() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&FIELDS[..])
}

fn text() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(&TEXTS[..])
}

fn condition() -> impl Strategy<Value = Condition> {
    prop_oneof![
        (field(), text()).prop_map(|(field, text)| Condition::Is(field, text)),
        (field(), -2..6).prop_map(|(field, n)| Condition::MoreThan(field, n)),
        field().prop_map(Condition::Missing),
    ]
}

fn statement() -> impl Strategy<Value = Statement> {
    let source = prop_oneof![
        text().prop_map(Source::Text),
        field().prop_map(Source::Field),
        (field(), -3..4).prop_map(|(field, n)| Source::Sum(field, n)),
    ];
    let names = (field(), field()).prop_filter("two names", |(a, b)| a != b);
    prop_oneof![
        1 => condition().prop_map(Statement::Require),
        1 => condition().prop_map(Statement::Skip),
        2 => (field(), source).prop_map(|(field, source)| Statement::Set(field, source)),
        1 => (field(), text()).prop_map(|(field, text)| Statement::Default(field, text)),
        2 => names.prop_map(|(from, to)| Statement::Rename(from, to)),
        1 => field().prop_map(Statement::Drop),
        1 => field().prop_map(Statement::Number),
    ]
}

/// A saccule: its statements, and the axon whose events meet it.
type Saccule = (Vec<Statement>, Option<&'static str>);

fn saccules() -> impl Strategy<Value = Vec<Saccule>> {
    let axon = prop_oneof![
        2 => Just(None),
        1 => Just(Some("axon_1")),
        1 => Just(Some("axon_[23]")),
        1 => Just(Some("stream:axon_*")),
    ];
    vec((vec(statement(), 1..4), axon), 1..4)
}

impl Condition {
    fn written(&self) -> String {
        match self {
            Self::Is(field, text) => format!("{field} = '{text}'"),
            Self::MoreThan(field, n) => format!("{field} > {n}"),
            Self::Missing(field) => format!("{field} IS NULL"),
        }
    }

    fn holds(&self, entry: &Entry) -> bool {
        match self {
            Self::Is(field, text) => seen(entry, field).is_some_and(|found| {
                match (found.parse::<f64>(), text.parse::<f64>()) {
                    (Ok(a), Ok(b)) => a == b,
                    _ => found == *text,
                }
            }),
            Self::MoreThan(field, n) => seen(entry, field)
                .and_then(|found| found.parse::<f64>().ok())
                .is_some_and(|found| found > f64::from(*n)),
            Self::Missing(field) => seen(entry, field).is_none(),
        }
    }
}

/// A field as expressions see it.
fn seen<'e>(entry: &'e Entry, name: &str) -> Option<&'e str> {
    let raw = |name: &str| {
        let found = entry.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, text)| text.as_str())
    };
    match name {
        "type" => raw("type").or_else(|| raw("event_type")),
        name => raw(name),
    }
}

fn put(entry: &mut Entry, name: &str, text: Option<String>) {
    let place = entry.fields.iter().position(|(field, _)| field == name);
    match (place, text) {
        (Some(place), Some(text)) => entry.fields[place].1 = text,
        (None, Some(text)) => entry.fields.push((name.into(), text)),
        (_, None) => entry.fields.retain(|(field, _)| field != name),
    }
}

impl Statement {
    fn written(&self) -> String {
        match self {
            Self::Require(condition) => format!("REQUIRE {} ELSE 'no'", condition.written()),
            Self::Skip(condition) => format!("SKIP WHEN {}", condition.written()),
            Self::Set(field, Source::Text(text)) => format!("SET {field} = '{text}'"),
            Self::Set(field, Source::Field(from)) => format!("SET {field} = {from}"),
            Self::Set(field, Source::Sum(from, n)) => format!("SET {field} = {from} + ({n})"),
            Self::Default(field, text) => format!("DEFAULT {field} = '{text}'"),
            Self::Rename(from, to) => format!("RENAME {from} TO {to}"),
            Self::Drop(field) => format!("DROP {field}"),
            Self::Number(field) => format!("CAST {field} AS NUMBER"),
        }
    }

    /// False: the event goes no further.
    fn apply(&self, entry: &mut Entry) -> bool {
        match self {
            Self::Require(condition) => return condition.holds(entry),
            Self::Skip(condition) => return !condition.holds(entry),
            Self::Set(field, source) => {
                let text = match source {
                    Source::Text(text) => Some(text.to_string()),
                    Source::Field(from) => seen(entry, from).map(String::from),
                    Source::Sum(from, n) => seen(entry, from)
                        .and_then(|found| found.parse::<f64>().ok())
                        .map(|found| (found + f64::from(*n)).to_string()),
                };
                put(entry, field, text);
            }
            Self::Default(field, text) => {
                if seen(entry, field).is_none() {
                    put(entry, field, Some(text.to_string()));
                }
            }
            Self::Rename(from, to) => {
                if entry.fields.iter().any(|(field, _)| field == from) {
                    put(entry, to, None);
                    for (field, _) in &mut entry.fields {
                        if field == from {
                            *field = to.to_string();
                        }
                    }
                }
            }
            Self::Drop(field) => put(entry, field, None),
            Self::Number(field) => {
                let found = entry.fields.iter().find(|(name, _)| name == field);
                if let Some((_, text)) = found {
                    let Ok(number) = text.parse::<f64>() else {
                        return false;
                    };
                    put(entry, field, Some(number.to_string()));
                }
            }
        }
        true
    }
}

/// The event as the saccules leave it; `None`: it goes no further.
fn sifted(saccules: &[Saccule], entry: &Entry) -> Option<Entry> {
    let mut entry = entry.clone();
    let name = entry.key.split('{').next().unwrap_or_default().to_string();
    let short = name.rsplit(':').next().unwrap_or_default();
    for (statements, axon) in saccules {
        let meets = match axon {
            None => true,
            Some("axon_1") => short == "axon_1",
            Some("axon_[23]") => short == "axon_2" || short == "axon_3",
            Some(_) => name.starts_with("stream:axon_"),
        };
        if meets && !statements.iter().all(|one| one.apply(&mut entry)) {
            return None;
        }
    }
    Some(entry)
}

/// Some conditions can never hold, and are refused; what can't be added is left out everywhere.
fn add(engine: &mut Engine, domain: &str, saccules: &[Saccule]) -> Vec<Saccule> {
    let mut added = Vec::new();
    for (number, (statements, axon)) in saccules.iter().enumerate() {
        let text: Vec<String> = statements.iter().map(Statement::written).collect();
        let name = format!("saccule_{number}");
        match engine.add_saccule(domain, &name, &text.join("; "), *axon, false) {
            Ok(()) => added.push((statements.clone(), *axon)),
            Err(why) => assert!(why.to_string().contains(" never "), "{text:?}: {why}"),
        }
    }
    added
}

fn add_rules(engine: &mut Engine, domain: &str, rules: &[String]) {
    for (number, text) in rules.iter().enumerate() {
        let _ = engine.add_rule(domain, &format!("rule_{number}"), text, AddRule::default());
    }
}

/// A domain that tells of what it rejects.
fn telling() -> Engine {
    let mut engine = engine();
    engine.drop_domain(DEFAULT_DOMAIN).expect("it is there");
    let spec = DomainSpec {
        rejected: Some("stream:rejected".into()),
        ..DomainSpec::new(DEFAULT_DOMAIN, 0)
    };
    engine.create_domain(spec).expect("a domain");
    engine
}

fn run(engine: &mut Engine, stream: &[Entry]) -> Vec<Vec<Emission>> {
    stream.iter().map(|entry| feed(engine, entry)).collect()
}

fn integrated(emissions: &[Emission]) -> Vec<Emission> {
    let integrated = emissions.iter().filter(|emission| !emission.dead_letter);
    integrated.cloned().collect()
}

fn stats(engine: &Engine) -> Stats {
    engine.stats(None, None).expect("figures")
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn saccules_do_to_the_view_what_they_say(
        saccules in saccules(),
        rules in vec(rule::any_rule(), 1..4),
        stream in stream::stream(),
    ) {
        let (mut live, mut plain) = (telling(), engine());
        let saccules = add(&mut live, DEFAULT_DOMAIN, &saccules);
        for engine in [&mut live, &mut plain] {
            add_rules(engine, DEFAULT_DOMAIN, &rules);
        }
        let mut passed = 0;
        for entry in &stream {
            let found = feed(&mut live, entry);
            match sifted(&saccules, entry) {
                None => prop_assert_eq!(integrated(&found), vec![]),
                Some(view) => {
                    passed += 1;
                    prop_assert_eq!(found, feed(&mut plain, &view));
                }
            }
        }
        let figures = stats(&live);
        let turned_away = figures.events_rejected + figures.events_skipped;
        prop_assert_eq!(figures.events_seen, stream.len() as u64);
        prop_assert_eq!(turned_away, (stream.len() - passed) as u64);
        let counted = live.saccule_infos(DEFAULT_DOMAIN).expect("a domain");
        let counted: u64 = counted.iter().map(|info| info.rejected).sum();
        prop_assert_eq!(counted, figures.events_rejected);
        // What the windows hold is the same, too.
        prop_assert_eq!(live.snapshot(), plain.snapshot());
    }

    #[test]
    fn replicas_files_and_snapshots_agree(
        saccules in saccules(),
        rules in vec(rule::any_rule(), 1..4),
        stream in stream::stream(),
        at in any::<prop::sample::Index>(),
    ) {
        let mut live = telling();
        add(&mut live, DEFAULT_DOMAIN, &saccules);
        add_rules(&mut live, DEFAULT_DOMAIN, &rules);
        // A replica, or an append-only file: the same commands and events once more.
        let mut follower = telling();
        add(&mut follower, DEFAULT_DOMAIN, &saccules);
        add_rules(&mut follower, DEFAULT_DOMAIN, &rules);
        let at = at.index(stream.len() + 1);
        let before = run(&mut live, &stream[..at]);
        prop_assert_eq!(run(&mut follower, &stream[..at]), before);
        // An RDB.
        let saved = live.save().expect("it can be saved");
        let version = leaflet::engine::saved::VERSION;
        let settings = live.settings();
        let (mut other, lost) = Engine::from_saved(settings, version, &saved).expect("its own");
        prop_assert_eq!(lost, None);
        prop_assert_eq!(other.definitions(), live.definitions());
        let after = run(&mut live, &stream[at..]);
        prop_assert_eq!(&run(&mut follower, &stream[at..]), &after);
        prop_assert_eq!(&run(&mut other, &stream[at..]), &after);
        prop_assert_eq!(other.save(), live.save());
    }

    #[test]
    fn what_is_rebuilt_meets_the_saccules_that_were_there(
        saccules in saccules(),
        rules in vec(rule::any_rule(), 1..3),
        mut stream in stream::stream(),
        at in any::<prop::sample::Index>(),
    ) {
        stream.sort_by_key(|entry| entry.id);
        let mut live = telling();
        add_rules(&mut live, DEFAULT_DOMAIN, &rules);
        let at = at.index(stream.len() + 1);
        run(&mut live, &stream[..at]);
        add(&mut live, DEFAULT_DOMAIN, &saccules);
        let mut again = Engine::new(Settings { match_budget: 1 << 40, ..Settings::default() });
        run(&mut live, &stream[at..]);
        again.restore(&live.definitions()).expect("definitions");
        again.rebuild_lost();
        // Without a rule there is nothing to be rebuilt.
        prop_assume!(again.rebuilding().is_some());
        let mut out = Vec::new();
        for entry in &stream {
            let fields: Vec<(&[u8], &[u8])> = entry
                .fields
                .iter()
                .map(|(field, text)| (field.as_bytes(), text.as_bytes()))
                .collect();
            let (ms, seq) = entry.id;
            let event = leaflet::engine::Event {
                key: entry.key.as_bytes(),
                id: EntryId { ms, seq },
                fields: &fields,
                hops: 0,
            };
            again.refeed(DEFAULT_DOMAIN, &event, &mut out);
        }
        again.rebuilt(DEFAULT_DOMAIN);
        prop_assert!(out.iter().all(|emission| !emission.dead_letter), "told twice");
        let counted = stats(&again);
        prop_assert_eq!((counted.events_rejected, counted.events_skipped), (0, 0), "counted twice");
        prop_assert_eq!(again.snapshot(), live.snapshot());
    }
}
