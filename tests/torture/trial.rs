//! One trial: a server, writers, a blow, and what must hold afterwards.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use super::load::{self, Load, Writer};
use super::model::{self, Source, ARRIVAL, FIELD, RULES};
use crate::support::server::PATIENCE;
use crate::support::{stat, Client, Server};

const WRITERS: usize = 3;

/// What a trial has seen, summed up over all trials of a fault.
#[derive(Debug, Clone, Copy, Default, serde::Serialize)]
pub struct Seen {
    /// Times the fault struck.
    pub blows: u64,
    /// Source events that were there after it.
    pub sources: u64,
    /// Integrated events that were there after it, each as worked out from the sources.
    pub integrated: u64,
    /// Source events that were acknowledged and are gone.
    pub lost: u64,
    /// XADDs that the server refused.
    pub refused: u64,
}

impl Seen {
    pub fn add(&mut self, other: Self) {
        self.blows += other.blows;
        self.sources += other.sources;
        self.integrated += other.integrated;
        self.lost += other.lost;
        self.refused += other.refused;
    }
}

/// Why a trial has failed.
pub type Result<T = ()> = std::result::Result<T, String>;

/// A trial under way.
pub struct Trial {
    pub rng: fastrand::Rng,
    writers: Vec<Writer>,
    /// How long writers write before a blow, at most.
    longest: Duration,
    pub seen: Seen,
}

impl Trial {
    pub fn new(seed: u64, longest: Duration) -> Self {
        Self {
            rng: fastrand::Rng::with_seed(seed),
            writers: (0..WRITERS).map(|name| Writer::new(name, seed)).collect(),
            longest,
            seen: Seen::default(),
        }
    }

    /// Defines the domains and rules.
    pub fn define(&self, client: &mut Client) {
        for (domain, axons, out, more) in [
            (ARRIVAL, "t:axon_*", "t:out", &[][..]),
            (
                FIELD,
                "f:axon_*",
                "f:out",
                &["TIME", "FIELD", "ts", "LATENESS", "1000"],
            ),
        ] {
            let mut command = vec![
                "LEAFLET.DOMAIN.CREATE",
                domain,
                "AXONS",
                axons,
                "OUTPUT",
                out,
            ];
            command.extend(more);
            client.ok(&command);
        }
        for (domain, name, text) in RULES {
            client.ok(&["LEAFLET.RULE.ADD", name, text, "DOMAIN", domain]);
            let rule = client.map(&["LEAFLET.RULE.GET", name, "DOMAIN", domain]);
            assert_eq!(
                rule["text"], text,
                "the model works with the canonical text"
            );
        }
    }

    /// Sets the writers to work.
    pub fn load(&mut self, server: &Server) -> Load {
        Load::start(std::mem::take(&mut self.writers), &server.url(), usize::MAX)
    }

    /// Has the writers do so many batches each.
    pub fn write(&mut self, server: &Server, batches: usize) {
        let load = Load::start(std::mem::take(&mut self.writers), &server.url(), batches);
        self.writers = load.wait();
    }

    /// Lets the writers go on for a moment, which is another one each time.
    pub fn moment(&mut self) {
        let most = self.longest.as_micros() as u64;
        std::thread::sleep(Duration::from_micros(self.rng.u64(most / 10..=most)));
    }

    /// The writers have ended.
    pub fn ended(&mut self, writers: Vec<Writer>) {
        self.writers = writers;
    }

    /// Everything that the server has acknowledged so far.
    pub fn acknowledged(&self) -> impl Iterator<Item = &Source> {
        self.writers.iter().flat_map(|writer| &writer.acknowledged)
    }

    /// How many XADDs the server has refused so far, and the words it did it with.
    pub fn refused(&self) -> (u64, BTreeMap<String, u64>) {
        let mut reasons = BTreeMap::new();
        for (reason, count) in self.writers.iter().flat_map(|writer| &writer.reasons) {
            *reasons.entry(reason.clone()).or_default() += count;
        }
        (
            self.writers.iter().map(|writer| writer.refused).sum(),
            reasons,
        )
    }

    /// The blow has struck and the server is back: what must hold, holds. What was lost is forgotten.
    pub fn verify(&mut self, client: &mut Client) -> Result {
        self.seen.blows += 1;
        self.check(client)
    }

    /// The same where there was no blow.
    pub fn check(&mut self, client: &mut Client) -> Result {
        let sources = sources(client);
        let integrated = model::integrated(&sources).into_iter();
        let expected = integrated.map(|integrated| (integrated.id, integrated.what));
        let expected: BTreeMap<_, _> = expected.collect();
        // What waits for a deadline, or for its turn, comes with time.
        let start = Instant::now();
        let mut difference = compare(client, &expected);
        while difference.is_err() && start.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(20));
            difference = compare(client, &expected);
            if difference
                .as_ref()
                .is_err_and(|difference| difference.fatal)
            {
                break;
            }
        }
        difference.map_err(|difference| difference.what)?;
        nothing_went_wrong(client)?;
        let there: HashSet<(&str, u64)> = sources
            .iter()
            .map(|source| (source.writer.as_str(), source.n))
            .collect();
        if there.len() != sources.len() {
            return Err("a source is there twice".into());
        }
        let is_there = |source: &Source| there.contains(&(source.writer.as_str(), source.n));
        for writer in &mut self.writers {
            let before = writer.acknowledged.len();
            writer.acknowledged.retain(is_there);
            self.seen.lost += (before - writer.acknowledged.len()) as u64;
        }
        Ok(())
    }

    /// The trial is over: what its server holds goes into the sum.
    pub fn finish(mut self, client: &mut Client) -> Result<Seen> {
        self.seen.refused = self.refused().0;
        self.seen.sources = sources(client).len() as u64;
        self.seen.integrated = outputs(client).len() as u64;
        Ok(self.seen)
    }
}

/// All source events.
pub fn sources(client: &mut Client) -> Vec<Source> {
    let mut sources = Vec::new();
    for key in keys(client, "[tf]:axon_*") {
        let entries = client.entries(&key);
        sources.extend(entries.iter().map(|entry| load::source(&key, entry)));
    }
    sources
}

/// All integrated events: their ids and rules.
pub fn outputs(client: &mut Client) -> Vec<(String, String)> {
    let mut outputs = Vec::new();
    for key in keys(client, "[tf]:out*") {
        let entries = client.entries(&key);
        outputs.extend(entries.iter().map(|entry| {
            let get = |name: &str| entry.get(name).unwrap_or_default().to_string();
            (get("event_id"), get("correlation_rule"))
        }));
    }
    outputs
}

fn keys(client: &mut Client, pattern: &str) -> Vec<String> {
    let keys = crate::support::items(client.call(&["KEYS", pattern]));
    keys.iter().map(crate::support::text).collect()
}

struct Difference {
    what: String,
    /// It does not get better with time.
    fatal: bool,
}

/// What is there is what has to be, once each.
fn compare(
    client: &mut Client,
    expected: &BTreeMap<String, String>,
) -> std::result::Result<(), Difference> {
    let outputs = outputs(client);
    let there: HashSet<&str> = outputs.iter().map(|(id, _)| id.as_str()).collect();
    let mut wrong = Vec::new();
    if there.len() != outputs.len() {
        wrong.push(format!(
            "{} integrated events are there twice",
            outputs.len() - there.len()
        ));
    }
    let unknown: Vec<_> = outputs
        .iter()
        .filter(|(id, _)| !expected.contains_key(id))
        .collect();
    if let [(id, rule), ..] = unknown[..] {
        wrong.push(format!("{} too many, like {id} of {rule}", unknown.len()));
    }
    let fatal = !wrong.is_empty();
    let missing: Vec<_> = expected
        .iter()
        .filter(|(id, _)| !there.contains(id.as_str()))
        .collect();
    if let [(id, what), ..] = missing[..] {
        wrong.push(format!("{} are missing, like {id}, {what}", missing.len()));
    }
    if wrong.is_empty() {
        return Ok(());
    }
    let what = format!(
        "of {} integrated events {} are there: {}",
        expected.len(),
        outputs.len(),
        wrong.join("; ")
    );
    Err(Difference { what, fatal })
}

/// What would make the model wrong, or tells of a mistake.
fn nothing_went_wrong(client: &mut Client) -> Result {
    for figure in [
        "emit_errors",
        "internal_errors",
        "events_late",
        "events_shed",
        "events_untimed",
        "budget_cuts",
        "matches_cut",
        "hops_cut",
    ] {
        let count = stat(client, &[], figure);
        if count > 0 {
            return Err(format!("{figure} is {count}"));
        }
    }
    Ok(())
}
