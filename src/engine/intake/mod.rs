//! One event on its way through the rules of a domain, and the deadlines it passes.

mod arrival;
mod integrating;
mod matching;

use super::domain::DomainSpec;
use super::emission::{Emission, Host};
use super::event::{EntryId, Event};
use super::fields::Fields;
use super::index::Uses;
use super::key::output_key;
use super::leaflet::Leaflet;
use super::lineage::source_hash;
use super::matcher::scope::{MatchScope, Matched};
use super::output::Integrated;
use super::partition::Key;
use super::processor::{self, Rule};
use super::rebuild::Past;
use super::record::Record;
use super::rule::pattern::AtomSet;
use super::rule::program::Kind;
use super::stats::Stats;
use super::store::{Store, MOST_RECORDS};
use super::window::{Window, OVERHEAD_BYTES};
pub use arrival::Arrival;
use matching::Matching;
use smallvec::SmallVec;
use std::rc::Rc;

/// How many deadlines an event meets; the next one goes on. Each can make an integrated event, which the server needs
/// longer to append than the engine to find.
const DEADLINE_SLICE: usize = 256;

/// What became of an event, over all rules.
#[derive(Default)]
pub struct Fate {
    taken: bool,
    late: bool,
    shed: bool,
}

/// What it takes to work on a leaflet.
pub struct Intake<'a, 'h> {
    pub domain: &'a Rc<str>,
    pub spec: &'a DomainSpec,
    pub store: &'a mut Store,
    pub stats: &'a mut Stats,
    pub host: &'a mut Host<'h>,
    pub leaflet: &'a mut Leaflet,
    /// What is known of its past, while it is being rebuilt.
    pub past: Option<&'a Past>,
}

impl Intake<'_, '_> {
    /// Meets the deadlines that lie before this time (ms).
    pub fn meet_deadlines(&mut self, rules: &mut [Rule], passed: u64) {
        self.leaflet.pass(passed);
        for _ in 0..DEADLINE_SLICE {
            if self.host.is_late() || !self.meet_deadline(rules, passed) {
                break;
            }
        }
    }

    /// Meets the next deadline that lies before this time (ms), if there is one.
    pub fn meet_deadline(&mut self, rules: &mut [Rule], passed: u64) -> bool {
        let Some(deadline) = self.leaflet.meet(passed) else {
            return false;
        };
        let rule = processor::place(rules, deadline.order).map(|place| &mut rules[place]);
        // That of a rule that was deleted or replaced may still be there.
        if let Some(rule) = rule.filter(|rule| rule.id == deadline.rule) {
            self.meet(rule, &deadline);
        }
        true
    }

    /// The event comes in: time passes, and what has left the windows goes.
    pub fn arrive<'e>(
        &mut self,
        event: &'e Event<'e>,
        time: u64,
        fields: &'e Fields,
        uses: &'e Uses,
    ) -> Arrival<'e> {
        let seq = self.leaflet.advance(time);
        self.leaflet.expire(self.store);
        Arrival::new(event, time, seq, fields, uses)
    }

    /// The event has been offered to all rules.
    pub fn leave(&mut self, arrival: Arrival, fate: Fate) {
        if let Some(record) = arrival.record {
            self.store.release(record);
        }
        self.stats.events_taken += u64::from(fate.taken);
        self.stats.events_late += u64::from(fate.late);
        self.stats.events_shed += u64::from(fate.shed);
    }

    /// Was the rule there when the event came? Of those that come now it is.
    pub fn sees(&self, rule: &Rule, event: &Event<'_>) -> bool {
        self.past.is_none() || rule.sees_from.is_some_and(|from| from <= event.id)
    }

    /// The matches of a rule that are known to have ended with this event at this time (ms): the places of their sources
    /// in processing order.
    fn ended(&self, rule: &Rule, key: &[u8], id: EntryId, time: u64) -> Option<Vec<Vec<u64>>> {
        self.past?.ended(rule.id, key, id, time)
    }

    /// Counts for LIMIT what is known to have been emitted. False: there was no room to note it.
    fn note_ended(&mut self, rule: &Rule, key: Key, time: u64) -> bool {
        if rule.program.limit.is_none() {
            return true;
        }
        let room = self.has_room(key);
        if room {
            self.with_window(rule, time, |window, _| window.note_fired(key, time));
        }
        room
    }

    /// Offers the event to a rule as one of these atoms.
    pub fn offer(
        &mut self,
        rule: &mut Rule,
        atoms: AtomSet,
        arrival: &mut Arrival,
        fate: &mut Fate,
    ) {
        let program = Rc::clone(&rule.program);
        rule.stats.events_seen += 1;
        let fits = arrival.fits(&program, atoms);
        rule.tally
            .offered(atoms, fits, arrival.event.id, arrival.time);
        if fits == 0 {
            return;
        }
        let Some(key) = arrival.partition_key(&program) else {
            rule.tally.unkeyed += 1;
            return;
        };
        let floor = self.leaflet.max_time.saturating_sub(program.within);
        if arrival.time < floor {
            rule.stats.events_late += 1;
            fate.late = true;
            return;
        }
        rule.stats.events_taken += 1;
        fate.taken = true;
        let shed = match &program.kind {
            Kind::Match(kind) => {
                let mut matching = Matching {
                    rule: &mut *rule,
                    program: &program,
                    kind,
                    key: Key::from(&key),
                };
                self.take(&mut matching, arrival, fits, floor)
            }
            Kind::Integrate(kind) => {
                self.integrate(rule, &program, kind, Key::from(&key), arrival, fits, floor)
            }
        };
        rule.stats.events_shed += u64::from(shed);
        fate.shed |= shed;
    }

    /// Counts a match and emits it, if LIMIT lets it. False: there was no room to note it.
    fn emit(
        &mut self,
        rule: &mut Rule,
        key: Key,
        events: &[Matched],
        time: u64,
        confidence: f64,
        level: Option<f64>,
    ) -> bool {
        let window = self.leaflet.window(rule.id);
        let limit = rule.program.limit;
        let limited = limit.is_some_and(|limit| {
            window.map_or(0, |window| window.fired_within(key, time, limit.per)) >= limit.count
        });
        let mut emitted = None;
        let mut cut = false;
        if !limited {
            let emission = self.emission(rule, events, time, confidence, level);
            cut = emission.hops > self.host.settings.max_hops;
            // Of the past, only what is lacking.
            let (_, id) = &emission.fields[0];
            let lacks = self.past.is_none_or(|past| past.lacks(time, id));
            emitted = (!cut && lacks).then_some(emission);
            if !cut {
                rule.tally.fired = Some(time);
            }
        }
        for stats in [&mut *self.stats, &mut rule.stats] {
            stats.matches += 1;
            stats.limited += u64::from(limited);
            stats.hops_cut += u64::from(cut);
            stats.emitted += u64::from(emitted.is_some());
        }
        let counts = emitted.is_some() && limit.is_some();
        self.host.out.extend(emitted);
        !counts || self.note_ended(rule, key, time)
    }

    fn emission(
        &self,
        rule: &Rule,
        events: &[Matched],
        time: u64,
        confidence: f64,
        level: Option<f64>,
    ) -> Emission {
        let scope = MatchScope {
            events,
            store: self.store,
            slots: &rule.slots,
            level,
            trigger: &[],
            budget: None,
        };
        let program = &rule.program;
        let sources: SmallVec<[Record; 4]> = events
            .iter()
            .map(|m| self.store.get(m.event.record))
            .collect();
        let integrated = Integrated {
            domain: self.domain,
            tag: &self.leaflet.tag,
            rule: &rule.name,
            text: &rule.text,
            sources: &sources,
            time,
            confidence,
            format: self.spec.sources,
        };
        Emission {
            domain: Rc::clone(self.domain),
            rule: Rc::clone(&rule.name),
            dead_letter: false,
            db: self.spec.db,
            output: output_key(&self.spec.output, &self.leaflet.tag),
            maxlen: self.spec.maxlen,
            fields: integrated.fields(
                &scope,
                program.value.as_ref(),
                program.confidence.as_ref(),
                &program.emit,
            ),
            sources: sources
                .iter()
                .map(|source| source_hash(source.key(), source.id()))
                .collect(),
            hops: sources
                .iter()
                .map(|source| source.hops())
                .max()
                .unwrap_or(0)
                .saturating_add(1),
        }
    }

    /// There is room for something small in a partition of this key.
    fn has_room(&self, key: Key) -> bool {
        if self.store.len() >= MOST_RECORDS {
            return false;
        }
        let texts = 2 * (key.bytes.len() + self.leaflet.tag.len());
        self.host.total.bytes() + ((OVERHEAD_BYTES + texts) as u64)
            <= self.host.settings.max_window_memory
    }

    /// Changes a rule's window, which is made where there is none, by something of this time.
    fn with_window<T>(
        &mut self,
        rule: &Rule,
        time: u64,
        change: impl FnOnce(&mut Window, &mut Store) -> T,
    ) -> T {
        let due = time.saturating_add(rule.program.within);
        let new = || rule.window();
        let store = &mut *self.store;
        self.leaflet
            .with_window(rule.id, due, new, |window| change(window, store))
    }
}
