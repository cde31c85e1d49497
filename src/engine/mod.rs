//! The correlation engine: pure Rust, no Redis, no clock, no randomness.
//!
//! What it does is a function of what it is fed: definitions and events, in their order.
//!
//! ```
//! use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
//! use leaflet::engine::{Engine, EntryId, Event, Settings};
//!
//! let mut engine = Engine::new(Settings::default());
//! engine.add_rule(DEFAULT_DOMAIN, "pair", "MATCH A@axon_1 AND B@axon_2 WITHIN 2s", AddRule::default())?;
//! let mut out = Vec::new();
//! for (key, event_type, ms) in [("stream:axon_1", "A", 1_000), ("stream:axon_2", "B", 2_500)] {
//!     let event = Event {
//!         key: key.as_bytes(),
//!         id: EntryId { ms, seq: 0 },
//!         fields: &[(b"type", event_type.as_bytes())],
//!         hops: 0,
//!     };
//!     let route = engine.route(0, event.key).expect("the default domain watches stream:axon_*");
//!     engine.on_event(route, &event, &mut out);
//! }
//! assert_eq!(out.len(), 1);
//! assert_eq!(out[0].output, b"stream:integrated_events");
//! # Ok::<(), leaflet::engine::Error>(())
//! ```

mod axons;
pub mod backtest;
mod candidates;
pub mod change;
mod deadline;
pub mod domain;
pub mod emission;
pub mod error;
pub mod event;
mod expiry;
mod explain;
pub mod expr;
mod feed;
pub mod field;
mod fields;
pub mod glob;
mod history;
mod index;
mod intake;
mod integrate;
mod join;
mod json;
pub mod key;
mod leaflet;
mod leaflets;
pub mod like;
pub mod lineage;
mod matcher;
mod meter;
mod numbers;
pub mod output;
mod pages;
mod partition;
mod processor;
mod rebuild;
mod record;
mod remains;
mod reorder;
pub mod replay;
pub mod report;
mod router;
pub mod rule;
mod saccule;
pub mod saved;
pub mod settings;
mod snapshot;
pub mod stats;
mod store;
mod table;
mod tally;
mod text;
pub mod time;
pub mod value;
pub mod whynot;
mod window;

use std::collections::VecDeque;
use std::rc::Rc;

use change::Change;
use domain::{
    AddRule, Definitions, DomainDefinition, DomainInfo, DomainSpec, RuleDefinition, RuleInfo,
    SacculeDefinition, DEFAULT_DOMAIN,
};
use emission::Host;
pub use emission::{Emission, Wake};
pub use error::{Error, Result};
pub use event::{EntryId, Event};
use history::{History, Retired};
use meter::Meter;
use processor::Domain;
use remains::Remains;
pub use router::Route;
use router::Router;
pub use settings::Settings;
pub use stats::Stats;

/// The most domains there can be.
const MAX_DOMAINS: usize = 1_024;
/// The most rules a domain can have.
const MAX_RULES: usize = 100_000;

/// How many of the things that were dropped an event frees: more than it can bring.
const EVENT_PIECES: usize = 16;

/// All domains, their rules and their windows.
#[derive(Debug)]
pub struct Engine {
    settings: Settings,
    /// In the order they were created.
    domains: Vec<Domain>,
    router: Router,
    /// What dropped domains had counted.
    past: Stats,
    meter: Rc<Meter>,
    wakes: Vec<Wake>,
    /// What was dropped and is still to be freed.
    remains: VecDeque<Remains>,
    /// Where integrated events stand, and what they were made of.
    lineage: lineage::Index,
    /// It could not be restored.
    lineage_lost: bool,
    /// What rules read before.
    history: History,
    /// What was changed of the definitions.
    changes: Vec<Change>,
}

impl Engine {
    /// An engine with the `default` domain.
    pub fn new(settings: Settings) -> Self {
        let meter = Rc::new(Meter::default());
        Self {
            settings,
            domains: vec![Domain::new(DomainSpec::new(DEFAULT_DOMAIN, 0), &meter)],
            router: Router::default(),
            past: Stats::default(),
            meter,
            wakes: Vec::new(),
            remains: VecDeque::new(),
            lineage: lineage::Index::default(),
            lineage_lost: false,
            history: History::default(),
            changes: Vec::new(),
        }
    }

    /// The limits in force.
    pub fn settings(&self) -> Settings {
        self.settings
    }

    /// Changes the limits. What windows hold already stays.
    pub fn set_settings(&mut self, settings: Settings) {
        self.settings = settings;
    }

    /// Where the events of this key in this database go: `None` where no domain watches it.
    pub fn route(&mut self, db: i32, key: &[u8]) -> Option<Route> {
        self.look_up(db, key).filter(|route| route.is_axon())
    }

    /// The same, also where nobody watches the key but it may be an output.
    pub fn look_up(&mut self, db: i32, key: &[u8]) -> Option<Route> {
        self.router.route(&mut self.domains, db, key)
    }

    /// Has no domain take the entries of streams of this name (their keys without the tag) for events; empty: there is no
    /// such name.
    pub fn silence(&mut self, name: &[u8]) {
        self.router.silence(name);
    }

    /// Takes in one event, by the route of its key; what it completes is appended to `out`, in the order to emit.
    pub fn on_event(&mut self, route: Route, event: &Event<'_>, out: &mut Vec<Emission>) {
        self.free_some(EVENT_PIECES);
        let mut host = Host {
            settings: &self.settings,
            total: &self.meter,
            out,
            wakes: &mut self.wakes,
            steps: 0,
        };
        for target in self.router.targets(route) {
            let domain = &mut self.domains[target.domain];
            if self.settings.cluster && route.untagged {
                domain.pass_over();
            } else if domain.is_open() {
                domain.feed(target.axon, route, event, &mut host);
            } else {
                domain.sift(target.axon, route, event, &mut host);
            }
        }
    }

    /// What has changed since the last call: for which leaflets a timer must be set, anew or no more.
    pub fn wakes(&mut self) -> std::vec::Drain<'_, Wake> {
        self.wakes.drain(..)
    }

    /// All leaflets in which something waits for time to pass, in no order: after definitions have changed or something
    /// was forgotten, which [`wakes`](Self::wakes) does not tell.
    pub fn waits(&self) -> impl Iterator<Item = Wake> + '_ {
        self.domains.iter().flat_map(Domain::waits)
    }

    /// The clock of a leaflet in which something waits for its time to pass, and what it has to reach (ms).
    pub fn waiting(&self, domain: &str, tag: &[u8]) -> Option<(u64, u64)> {
        self.domains[self.domain_place(domain).ok()?].waiting(tag)
    }

    /// Lets a leaflet's clock pass to this time (ms) in silence, and meets the deadlines behind it; what ends with them
    /// is appended to `out`. A clock never goes back, and a leaflet that is not known has none.
    ///
    /// # Errors
    /// Where there is no such domain.
    pub fn tick(
        &mut self,
        domain: &str,
        tag: &[u8],
        time: u64,
        out: &mut Vec<Emission>,
    ) -> Result<()> {
        let at = self.domain_place(domain)?;
        let mut host = Host {
            settings: &self.settings,
            total: &self.meter,
            out,
            wakes: &mut self.wakes,
            steps: 0,
        };
        self.domains[at].tick(tag, time, &mut host);
        Ok(())
    }

    /// Takes note that the host could not append an entry.
    pub fn emit_failed(&mut self, emission: &Emission) {
        if let Some(domain) = self
            .domains
            .iter_mut()
            .find(|domain| domain.spec.name == *emission.domain)
        {
            match emission.dead_letter {
                true => domain.letter_failed(),
                false => domain.emit_failed(&emission.rule),
            }
        }
    }

    /// Defines a domain.
    ///
    /// # Errors
    /// Where the name is taken or no name, or the definition makes no sense; nothing changes then.
    pub fn create_domain(&mut self, spec: DomainSpec) -> Result<()> {
        spec.check()?;
        if self.domain_place(&spec.name).is_ok() {
            return Err(Error::new(format!("domain '{}' exists already", spec.name)));
        }
        if self.domains.len() == MAX_DOMAINS {
            return Err(Error::new(format!(
                "there are {MAX_DOMAINS} domains already, which is the limit"
            )));
        }
        self.changes.push(Change {
            action: "DOMAIN.CREATE",
            domain: spec.name.clone(),
            new: Some(spec.describe()),
            ..Change::default()
        });
        self.domains.push(Domain::new(spec, &self.meter));
        self.router.redefined();
        Ok(())
    }

    /// Drops a domain with its rules and windows. The `default` domain can be dropped too.
    ///
    /// # Errors
    /// Where there is no such domain.
    pub fn drop_domain(&mut self, name: &str) -> Result<()> {
        let place = self.domain_place(name)?;
        let domain = self.domains.remove(place);
        let forgotten = domain.rules.len().saturating_sub(History::capacity());
        for rule in &domain.rules[forgotten..] {
            self.history.retire(retired(name, rule));
        }
        self.changes.push(Change {
            action: "DOMAIN.DROP",
            domain: name.into(),
            old: Some(domain.spec.describe()),
            ..Change::default()
        });
        let (stats, remains) = domain.end();
        self.past.add_counters(&stats);
        self.remains.push_back(remains);
        self.router.redefined();
        Ok(())
    }

    /// A domain's definition.
    ///
    /// # Errors
    /// Where there is no such domain.
    pub fn domain_spec(&self, name: &str) -> Result<&DomainSpec> {
        Ok(&self.domains[self.domain_place(name)?].spec)
    }

    /// The definitions of all domains, in the order they were created.
    pub fn domain_specs(&self) -> impl Iterator<Item = &DomainSpec> {
        self.domains.iter().map(|domain| &domain.spec)
    }

    /// Describes one domain.
    ///
    /// # Errors
    /// Where there is no such domain.
    pub fn domain_info(&self, name: &str) -> Result<DomainInfo> {
        Ok(self.domains[self.domain_place(name)?].info())
    }

    /// Describes all domains, in the order they were created.
    pub fn domain_infos(&self) -> Vec<DomainInfo> {
        self.domains.iter().map(Domain::info).collect()
    }

    /// Adds (or replaces) a rule. It sees the events from now on. Replacing a rule by the same text changes nothing;
    /// by another, it starts afresh in the old one's place.
    ///
    /// # Errors
    /// Where there is no such domain, the name is taken or no name, or the text is no rule; nothing changes then.
    pub fn add_rule(&mut self, domain: &str, name: &str, text: &str, how: AddRule) -> Result<()> {
        self.define_rule(domain, name, text, how, rule::contradiction::check)
    }

    /// Adds (or replaces) a rule that passes this check.
    fn define_rule(
        &mut self,
        domain: &str,
        name: &str,
        text: &str,
        how: AddRule,
        check: impl FnOnce(&rule::ast::Rule) -> Result<()>,
    ) -> Result<()> {
        let at = self.domain_place(domain)?;
        domain::check_name("rule", name)?;
        let rule = rule::parse(text)?;
        let program = rule::compile::compile(&rule)?;
        let text = rule.to_string();
        let rules = &self.domains[at].rules;
        let place = self.domains[at].place_of(name);
        if let Some(place) = place {
            if !how.replace {
                return Err(Error::new(format!(
                    "rule '{name}' exists already in domain '{domain}' (REPLACE replaces it)"
                )));
            }
            if *rules[place].text == *text {
                return Ok(());
            }
        } else if rules.len() == MAX_RULES {
            return Err(Error::new(format!(
                "domain '{domain}' has {MAX_RULES} rules already, which is the limit"
            )));
        }
        check(&rule)?;
        let old = place.map(|place| &rules[place]);
        let version = match old {
            Some(old) => old.version + 1,
            None => self.history.next_version(domain, name),
        };
        let old = old.map(|old| retired(domain, old));
        let change = Change {
            action: "RULE.ADD",
            domain: domain.into(),
            name: Some(name.into()),
            version: Some(version),
            old: old.as_ref().map(|old| old.text.clone()),
            new: Some(text.clone()),
            paused: Some(how.paused),
        };
        let place = place.unwrap_or(rules.len());
        self.domains[at].put_rule(place, name, text, program, how.paused)?;
        self.domains[at].rules[place].version = version;
        old.into_iter().for_each(|old| self.history.retire(old));
        self.changes.push(change);
        Ok(())
    }

    /// Deletes a rule and what it held.
    ///
    /// # Errors
    /// Where there is no such domain or rule.
    pub fn delete_rule(&mut self, domain: &str, name: &str) -> Result<()> {
        let (at, place) = self.rule_place(domain, name)?;
        let old = retired(domain, &self.domains[at].rules[place]);
        self.domains[at].delete_rule(place);
        self.changes.push(Change {
            action: "RULE.DEL",
            domain: domain.into(),
            name: Some(name.into()),
            version: Some(old.version),
            old: Some(old.text.clone()),
            ..Change::default()
        });
        self.history.retire(old);
        Ok(())
    }

    /// Pauses or resumes a rule. A paused rule sees nothing and keeps what it held.
    ///
    /// # Errors
    /// Where there is no such domain or rule.
    pub fn set_paused(&mut self, domain: &str, name: &str, paused: bool) -> Result<()> {
        let (at, place) = self.rule_place(domain, name)?;
        let rule = &self.domains[at].rules[place];
        if rule.paused != paused {
            self.changes.push(Change {
                action: if paused { "RULE.PAUSE" } else { "RULE.RESUME" },
                domain: domain.into(),
                name: Some(name.into()),
                version: Some(rule.version),
                paused: Some(paused),
                ..Change::default()
            });
        }
        self.domains[at].set_paused(place, paused, &mut self.wakes);
        Ok(())
    }

    /// Describes one rule.
    ///
    /// # Errors
    /// Where there is no such domain or rule.
    pub fn rule_info(&self, domain: &str, name: &str) -> Result<RuleInfo> {
        let (at, place) = self.rule_place(domain, name)?;
        Ok(self.domains[at].rules[place].info(domain))
    }

    /// Describes a domain's rules, in the order they were added.
    ///
    /// # Errors
    /// Where there is no such domain.
    pub fn rule_infos(&self, domain: &str) -> Result<Vec<RuleInfo>> {
        let at = self.domain_place(domain)?;
        Ok(self.domains[at]
            .rules
            .iter()
            .map(|rule| rule.info(domain))
            .collect())
    }

    /// The counters of everything, of one domain, or of one rule (of the `default` domain where none is named).
    ///
    /// # Errors
    /// Where there is no such domain or rule.
    pub fn stats(&self, domain: Option<&str>, rule: Option<&str>) -> Result<Stats> {
        match (domain, rule) {
            (None, None) => {
                let mut total = self.past;
                for stats in self.domains.iter().map(Domain::stats) {
                    total.add_counters(&stats);
                    total.add_levels(&stats);
                }
                Ok(total)
            }
            (Some(domain), None) => Ok(self.domains[self.domain_place(domain)?].stats()),
            (domain, Some(rule)) => {
                let (at, place) = self.rule_place(domain.unwrap_or(DEFAULT_DOMAIN), rule)?;
                Ok(self.domains[at].rules[place].stats())
            }
        }
    }

    /// Forgets windows, clocks and counters, of everything, of one domain, or of one rule (of the `default` domain
    /// where none is named; the clocks are the domain's, and stay); definitions stay.
    ///
    /// # Errors
    /// Where there is no such domain or rule.
    pub fn reset(&mut self, domain: Option<&str>, rule: Option<&str>) -> Result<()> {
        match (domain, rule) {
            (None, None) => {
                let remains = self.domains.iter_mut().map(Domain::reset);
                self.remains.extend(remains);
                self.past = Stats::default();
            }
            (Some(domain), None) => {
                let at = self.domain_place(domain)?;
                self.remains.push_back(self.domains[at].reset());
            }
            (domain, Some(rule)) => {
                let (at, place) = self.rule_place(domain.unwrap_or(DEFAULT_DOMAIN), rule)?;
                self.domains[at].reset_rule(place);
            }
        }
        Ok(())
    }

    /// Forgets the windows and clocks of the domains that work in this database (`FLUSHDB`), or of all (`FLUSHALL`).
    pub fn flush(&mut self, db: Option<i32>) {
        let flushed = |domain: &&mut Domain| db.is_none_or(|db| domain.spec.db == db);
        let flushed = self.domains.iter_mut().filter(flushed);
        self.remains.extend(flushed.map(Domain::clear));
        self.lineage.forget(db);
    }

    /// Frees some of what was dropped: of so many small things at most. True: something is left. What was dropped is
    /// counted nowhere any more, and events free some of it too, so that it can't pile up.
    pub fn free_some(&mut self, mut pieces: usize) -> bool {
        while let Some(remains) = self.remains.front_mut() {
            if !remains.free_some(&mut pieces) {
                return true;
            }
            self.remains.pop_front();
        }
        false
    }

    /// How many dropped or emptied domains are still to be freed.
    pub fn freeing(&self) -> u64 {
        self.remains.len() as u64
    }

    /// A domain in which something of deleted rules is still to be cleared. A [`tick`](Self::tick) of any of its
    /// leaflets, also to a time that has passed, goes on with it, as events do.
    pub fn clearing(&self) -> Option<&Rc<str>> {
        let domain = self.domains.iter().find(|domain| domain.is_clearing());
        domain.map(|domain| &domain.name)
    }

    /// Is there a leaflet for this key in any of the domains that watch it?
    pub fn knows(&self, route: Route, key: &[u8]) -> bool {
        let tag = key::AxonKey::parse(key).tag;
        let mut targets = self.router.targets(route).iter();
        targets.any(|target| self.domains[target.domain].leaflet(tag).is_some())
    }

    /// Forgets the leaflets of these tags, with their clocks.
    pub fn forget(&mut self, gone: impl Fn(&[u8]) -> bool) {
        self.domains
            .iter_mut()
            .for_each(|domain| domain.forget(&gone));
    }

    /// Everything that was defined.
    pub fn definitions(&self) -> Definitions {
        let rules = |domain: &Domain| {
            let define = |rule: &processor::Rule| RuleDefinition {
                name: rule.name.to_string(),
                text: rule.text.to_string(),
                paused: rule.paused,
                version: rule.version,
                sees_from: rule.sees_from,
            };
            domain.rules.iter().map(define).collect()
        };
        let define = |domain: &Domain| DomainDefinition {
            spec: domain.spec.clone(),
            rules: rules(domain),
            saccules: domain.saccules.definitions(),
            rebuilding: domain.rebuild.is_some(),
        };
        Definitions {
            domains: self.domains.iter().map(define).collect(),
            retired: self.history.to_vec(),
        }
    }

    /// Replaces all definitions by these, with empty windows.
    ///
    /// # Errors
    /// Where any of them is refused; nothing changes then.
    pub fn restore(&mut self, definitions: &Definitions) -> Result<()> {
        *self = Self::restored(self.settings, definitions, None)?;
        Ok(())
    }

    /// An engine of these definitions, whose windows hold what a [snapshot](Engine::snapshot) says, or nothing.
    ///
    /// # Errors
    /// Where a definition is refused, or the bytes are no snapshot of such an engine.
    pub fn restored(
        settings: Settings,
        definitions: &Definitions,
        windows: Option<&[u8]>,
    ) -> Result<Self> {
        let mut restored = Self::new(settings);
        restored.domains.clear();
        for domain in &definitions.domains {
            restored.create_domain(domain.spec.clone())?;
            for rule in &domain.rules {
                let how = AddRule {
                    replace: false,
                    paused: rule.paused,
                };
                // What was taken once is not refused by a version that knows better.
                restored.define_rule(&domain.spec.name, &rule.name, &rule.text, how, |_| Ok(()))?;
            }
            for SacculeDefinition {
                name, text, axon, ..
            } in &domain.saccules
            {
                restored.add_saccule(&domain.spec.name, name, text, axon.as_deref(), false)?;
            }
        }
        if let Some(windows) = windows {
            restored.fill(windows)?;
        }
        for (domain, definition) in restored.domains.iter_mut().zip(&definitions.domains) {
            for (rule, definition) in domain.rules.iter_mut().zip(&definition.rules) {
                rule.sees_from = definition.sees_from;
                rule.version = definition.version;
            }
            let saccules = domain.saccules.iter_mut().zip(&definition.saccules);
            saccules.for_each(|(saccule, definition)| saccule.sees_from = definition.sees_from);
            if definition.rebuilding {
                drop(domain.start_rebuild());
            }
        }
        restored.history = definitions.retired.clone().into();
        restored.changes.clear();
        Ok(restored)
    }

    fn domain_place(&self, name: &str) -> Result<usize> {
        let place = self
            .domains
            .iter()
            .position(|domain| domain.spec.name == name);
        place.ok_or_else(|| Error::new(format!("no such domain '{name}'")))
    }

    fn rule_place(&self, domain: &str, name: &str) -> Result<(usize, usize)> {
        let at = self.domain_place(domain)?;
        let place = self.domains[at].place_of(name);
        let place = place
            .ok_or_else(|| Error::new(format!("no such rule '{name}' in domain '{domain}'")))?;
        Ok((at, place))
    }
}

/// A rule's text, which is about to go.
fn retired(domain: &str, rule: &processor::Rule) -> Retired {
    Retired {
        domain: domain.into(),
        rule: rule.name.to_string(),
        version: rule.version,
        text: rule.text.to_string(),
    }
}
