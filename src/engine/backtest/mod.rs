//! A rule tried on the past: the events that streams still hold, merged in the order of their ids and fed to an engine
//! of its own, in which there is one domain with this one rule. Nothing is written.

mod report;
#[cfg(test)]
mod tests;

use std::collections::BTreeSet;

use report::Tally;
pub use report::{AxonReport, Found, Report};

use super::domain::{Definitions, DomainDefinition, DomainSpec, RuleDefinition, SacculeDefinition};
use super::emission::{Emission, Wake};
use super::key::AxonKey;
use super::replay::{Listener, Replay, Streams};
use super::{Engine, EntryId, Error, Event, Result, Settings};

/// What is to be tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub spec: DomainSpec,
    /// The rule's name: ids of integrated events depend on it.
    pub rule: String,
    /// The rule's text.
    pub text: String,
    /// What events meet first.
    pub saccules: Vec<SacculeDefinition>,
    /// The first and the last id; `None`: from the oldest entry, to the newest one there is when the streams are opened.
    pub from: Option<EntryId>,
    pub to: Option<EntryId>,
    /// How many integrated events to report in full: the first ones.
    pub keep: usize,
}

/// A rule being tried.
#[derive(Debug)]
pub struct Backtest {
    trial: Trial,
    /// Axons that are still to be opened.
    found: BTreeSet<Box<[u8]>>,
    found_bytes: u64,
    replay: Replay,
}

/// What is fed.
#[derive(Debug)]
struct Trial {
    engine: Engine,
    plan: Plan,
    tally: Tally,
    out: Vec<Emission>,
}

impl Listener for Trial {
    fn event(&mut self, event: &Event<'_>, wakes: &mut Vec<Wake>) {
        if let Some(route) = self.engine.route(self.plan.spec.db, event.key) {
            self.engine.on_event(route, event, &mut self.out);
        }
        self.settle(wakes);
    }

    fn silence(&mut self, tag: &[u8], wakes: &mut Vec<Wake>) {
        let domain = &self.plan.spec.name;
        // Nothing is refused here: the domain is there.
        if let Some((_, reach)) = self.engine.waiting(domain, tag) {
            let _ = self.engine.tick(domain, tag, reach, &mut self.out);
        }
        self.settle(wakes);
    }
}

impl Trial {
    /// Takes note of what the engine was made to say.
    fn settle(&mut self, wakes: &mut Vec<Wake>) {
        wakes.extend(self.engine.wakes());
        for emission in self.out.drain(..) {
            self.tally.add(emission);
        }
    }
}

/// What the key of an axon takes apart from its text, about.
const AXON_BYTES: u64 = 192;

impl Backtest {
    /// Nothing is read yet, and no axon is known.
    ///
    /// # Errors
    /// Where the text is no rule, or the rule's name no name.
    pub fn new(settings: Settings, mut plan: Plan) -> Result<Self> {
        let mut engine = Engine::new(settings);
        let rule = RuleDefinition {
            version: 1,
            name: plan.rule.clone(),
            text: std::mem::take(&mut plan.text),
            paused: false,
            sees_from: None,
        };
        engine.restore(&Definitions {
            domains: vec![DomainDefinition {
                // What is rejected is counted, and is no integrated event of the rule.
                spec: DomainSpec {
                    rejected: None,
                    ..plan.spec.clone()
                },
                rules: vec![rule],
                saccules: std::mem::take(&mut plan.saccules),
                rebuilding: false,
            }],
            retired: Vec::new(),
        })?;
        plan.text = engine.rule_info(&plan.spec.name, &plan.rule)?.text;
        let tally = Tally::new(plan.keep);
        Ok(Self {
            trial: Trial {
                engine,
                plan,
                tally,
                out: Vec::new(),
            },
            found: BTreeSet::new(),
            found_bytes: 0,
            replay: Replay::default(),
        })
    }

    /// The domain.
    pub fn spec(&self) -> &DomainSpec {
        &self.trial.plan.spec
    }

    /// Adds an axon to what will be read, before the first step. One that is added twice is read once.
    ///
    /// # Errors
    /// Where it is no axon of the domain, or there are so many that their names alone fill the memory for windows.
    pub fn add_axon(&mut self, key: &[u8]) -> Result<()> {
        let spec = &self.trial.plan.spec;
        if !spec.watches(&AxonKey::parse(key).name) {
            return Err(Error::new(format!(
                "'{}' is no axon of domain '{}'",
                key.escape_ascii(),
                spec.name
            )));
        }
        if self.found.insert(key.into()) {
            self.found_bytes += key.len() as u64 + AXON_BYTES;
        }
        if self.found_bytes > self.trial.engine.settings().max_window_memory {
            return Err(Error::new(format!(
                "domain '{}' has more axons than leaflet.max-window-memory has room for: name some with AXONS, or a TAG",
                spec.name
            )));
        }
        Ok(())
    }

    /// Goes on, until `enough` says so after a piece of work. True: it is done.
    pub fn step(&mut self, streams: &mut impl Streams, enough: &mut impl FnMut() -> bool) -> bool {
        while let Some(key) = self.found.pop_first() {
            self.open(key, streams);
            if enough() {
                return false;
            }
        }
        self.replay.step(streams, &mut self.trial, enough)
            && self.replay.pass(self.end(), &mut self.trial, enough)
    }

    /// Notes where reading an axon ends. That is done for all of them first, so that a busy server's streams are cut at
    /// the same moment, as near as can be.
    fn open(&mut self, key: Box<[u8]>, streams: &mut impl Streams) {
        let plan = &self.trial.plan;
        let from = plan.from.unwrap_or(EntryId::MIN);
        let newest = streams.newest(&key);
        let to = newest.map(|newest| newest.min(plan.to.unwrap_or(EntryId::MAX)));
        match to {
            Some(to) => self.replay.add(key.into(), from, to),
            None => self.replay.add(key.into(), EntryId::MAX, EntryId::MIN),
        };
    }

    /// Where the history ends: at `to`, or where there is none with the last event read.
    fn end(&self) -> u64 {
        let to = self.trial.plan.to;
        to.map_or_else(|| self.replay.last(), |to| to.ms)
    }

    /// What came out, so far; the integrated events are handed over.
    pub fn report(&mut self) -> Report {
        let Trial {
            engine,
            plan,
            tally,
            ..
        } = &mut self.trial;
        let stats = engine.stats(Some(&plan.spec.name), None);
        tally.report(plan, stats.unwrap_or_default(), self.replay.axons())
    }

    /// What its windows take, as they count it (bytes).
    pub fn window_bytes(&self) -> u64 {
        let stats = self.trial.engine.stats(None, None).unwrap_or_default();
        stats.window_bytes
    }
}
