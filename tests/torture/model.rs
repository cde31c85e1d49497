//! What has to come out, worked out a second time: rules simple enough to be followed in a few lines each, and nothing of
//! the engine.

use std::collections::HashMap;

use uuid::Uuid;

/// The domain of events in the order of their arrival: axons `t:axon_*`, output `t:out`.
pub const ARRIVAL: &str = "arrival";
/// The domain with a time of its own, a leaflet for each writer: axons `f:axon_*`, output `f:out`.
pub const FIELD: &str = "field";

const WITHIN_RECENT: u64 = 200;
const WITHIN_LEVEL: u64 = 10_000;
const DECAY: f64 = 2_000.0;
const THRESHOLD: f64 = 1.3;
const REFRACTORY: u64 = 20;

/// Domain, name and text of each rule.
pub const RULES: [(&str, &str, &str); 7] = [
    (
        ARRIVAL,
        "pair",
        "MATCH A AS a -> B AS b PARTITION BY user WITHIN 1h",
    ),
    (
        ARRIVAL,
        "burst",
        "MATCH A{3} AS f -> B AS b PARTITION BY user WITHIN 1h CONSUME PARTITION",
    ),
    (
        ARRIVAL,
        "recent",
        "MATCH C AS c -> D AS d PARTITION BY user WITHIN 200ms SELECT ALL",
    ),
    (
        ARRIVAL,
        "filling",
        "INTEGRATE A WEIGHT 0.4, B WEIGHT 0.35 DECAY 2s THRESHOLD 1.3 REFRACTORY 20ms PARTITION BY user WITHIN 10s",
    ),
    (
        ARRIVAL,
        "silent",
        "MATCH O AS o -> NOT S FOR 150ms PARTITION BY job WITHIN 1h",
    ),
    (
        ARRIVAL,
        "whole",
        "MATCH P AS p AND Q AS q PARTITION BY job WITHIN 1h",
    ),
    (FIELD, "ordered", "MATCH A AS a -> B AS b WITHIN 5s"),
];

/// An entry of an axon, as a writer has meant it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Source {
    pub key: String,
    /// The entry's id.
    pub id: String,
    pub event_type: String,
    /// The writer that sent it.
    pub writer: String,
    /// Its number among this writer's.
    pub n: u64,
    /// Each writer has some; none is shared.
    pub user: String,
    /// What belongs together in `silent` and `whole`.
    pub job: String,
    /// The event's own time in the domain [`FIELD`].
    pub ts: u64,
}

impl Source {
    /// The time in its entry id.
    fn ms(&self) -> u64 {
        let ms = self.id.split('-').next().and_then(|ms| ms.parse().ok());
        ms.expect("an entry id")
    }
}

/// An integrated event that has to be there.
pub struct Integrated {
    /// Its `event_id`. Two have the same one only where entry ids were used twice.
    pub id: String,
    /// Words to tell it by.
    pub what: String,
}

/// Every integrated event that these sources make.
pub fn integrated(sources: &[Source]) -> Vec<Integrated> {
    let mut in_order: Vec<&Source> = sources.iter().collect();
    in_order.sort_by(|a, b| (&a.writer, a.n).cmp(&(&b.writer, b.n)));
    let mut out = Vec::new();
    let (arrived, timed): (Vec<_>, Vec<_>) = in_order
        .into_iter()
        .partition(|source| source.key.starts_with("t:"));

    for events in parts(&arrived, |source| &source.user).values() {
        pair(events, "pair", "", &mut out);
        burst(events, &mut out);
        recent(events, &mut out);
        filling(events, &mut out);
    }
    for events in parts(&arrived, |source| &source.job).values() {
        silent(events, &mut out);
        whole(events, &mut out);
    }
    for (writer, mut events) in parts(&timed, |source| &source.writer) {
        events.sort_by_key(|source| source.ts);
        pair(&events, "ordered", writer, &mut out);
    }
    out
}

/// The events with the same key, in their order.
fn parts<'a>(
    events: &[&'a Source],
    key: impl Fn(&'a Source) -> &'a str,
) -> HashMap<&'a str, Vec<&'a Source>> {
    let mut parts: HashMap<&str, Vec<&Source>> = HashMap::new();
    for event in events {
        parts.entry(key(event)).or_default().push(event);
    }
    parts
}

/// An A and the next B, the newest A first, each once. Of events with a time of their own those that are too far
/// apart belong to different groups.
fn pair(events: &[&Source], rule: &str, tag: &str, out: &mut Vec<Integrated>) {
    let mut open: Vec<&Source> = Vec::new();
    for event in events {
        match event.event_type.as_str() {
            "A" => open.push(event),
            "B" => {
                open.retain(|a| rule != "ordered" || event.ts - a.ts <= 5_000);
                if let Some(a) = open.pop() {
                    emit(rule, tag, &[a, event], out);
                }
            }
            _ => {}
        }
    }
}

/// Three As and a B, after which everything is forgotten.
fn burst(events: &[&Source], out: &mut Vec<Integrated>) {
    let mut open: Vec<&Source> = Vec::new();
    for event in events {
        match event.event_type.as_str() {
            "A" => open.push(event),
            "B" if open.len() >= 3 => {
                let mut sources = open.split_off(open.len() - 3);
                sources.push(event);
                emit("burst", "", &sources, out);
                open.clear();
            }
            _ => {}
        }
    }
}

/// A D with every C of the last moments.
fn recent(events: &[&Source], out: &mut Vec<Integrated>) {
    for (at, d) in events.iter().enumerate() {
        if d.event_type == "D" {
            let cs = events[..at].iter().filter(|c| c.event_type == "C");
            for c in cs.filter(|c| d.ms() - c.ms() <= WITHIN_RECENT) {
                emit("recent", "", &[c, d], out);
            }
        }
    }
}

/// The leaky sum.
fn filling(events: &[&Source], out: &mut Vec<Integrated>) {
    let (mut level, mut last, mut fired) = (0.0f64, 0, None);
    let mut contributions: Vec<&Source> = Vec::new();
    for event in events {
        let weight = match event.event_type.as_str() {
            "A" => 0.4,
            "B" => 0.35,
            _ => continue,
        };
        let time = event.ms();
        level = level * libm::exp(-((time - last) as f64) / DECAY) + weight;
        last = time;
        contributions.push(event);
        if level >= THRESHOLD && fired.is_none_or(|fired| time - fired >= REFRACTORY) {
            contributions.retain(|source| time - source.ms() <= WITHIN_LEVEL);
            let newest = contributions.len().saturating_sub(64);
            emit("filling", "", &contributions[newest..], out);
            level = 0.0;
            fired = Some(time);
            contributions.clear();
        }
    }
}

/// An O without its S, which comes together with it or not at all.
fn silent(events: &[&Source], out: &mut Vec<Integrated>) {
    if let [o] = events {
        if o.event_type == "O" {
            emit("silent", "", &[o], out);
        }
    }
}

/// A P and a Q of one transaction.
fn whole(events: &[&Source], out: &mut Vec<Integrated>) {
    if let [p, q] = events {
        if p.event_type == "P" && q.event_type == "Q" {
            emit("whole", "", &[p, q], out);
        }
    }
}

fn emit(rule: &str, tag: &str, sources: &[&Source], out: &mut Vec<Integrated>) {
    let (domain, name, text) = RULES
        .into_iter()
        .find(|(_, name, _)| *name == rule)
        .expect("a rule of this name");
    let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:leaflet:event");
    let mut parts = vec![domain, tag, name, text];
    parts.extend(
        sources
            .iter()
            .flat_map(|source| [source.key.as_str(), &source.id]),
    );
    let id = Uuid::new_v5(&namespace, parts.join("\0").as_bytes()).to_string();
    let shown: Vec<String> = sources
        .iter()
        .map(|source| {
            format!(
                "{}{} ({} {})",
                source.event_type, source.n, source.key, source.id
            )
        })
        .collect();
    let what = format!("{rule} of {}: {}", sources[0].writer, shown.join(", "));
    out.push(Integrated { id, what });
}
