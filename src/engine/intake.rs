//! One event on its way through the rules of a domain, and the deadlines it passes.

use std::collections::BTreeSet;
use std::rc::Rc;

use smallvec::SmallVec;

use super::deadline::Deadline;
use super::domain::DomainSpec;
use super::emission::{Emission, Host};
use super::event::Event;
use super::expr::Scope;
use super::fields::Fields;
use super::index::Uses;
use super::key::{output_key, AxonKey};
use super::leaflet::Leaflet;
use super::matcher::scope::{MatchScope, Matched};
use super::matcher::{Match, Search};
use super::output::Integrated;
use super::partition::{push_part, Candidate, PartitionKey};
use super::processor::Rule;
use super::rule::ast::{Consume, Select};
use super::rule::pattern::{members, AtomSet};
use super::rule::program::{self, Gap, Kind, Program};
use super::stats::Stats;
use super::store::{Record, RecordId, Slot, Store};
use super::value::Value;
use super::window::{Window, OVERHEAD_BYTES};

/// How many deadlines an event meets; the next one goes on.
const DEADLINE_SLICE: usize = 1_024;

/// What became of an event, over all rules.
#[derive(Default)]
pub struct Fate {
    taken: bool,
    late: bool,
    shed: bool,
}

/// The event that has come in.
pub struct Arrival<'a> {
    event: &'a Event<'a>,
    /// Milliseconds since the epoch.
    time: u64,
    /// Its place in processing order.
    seq: u64,
    fields: &'a Fields,
    uses: &'a Uses,
    /// Made when the first rule needs it.
    record: Option<RecordId>,
}

impl<'a> Arrival<'a> {
    /// As windows hold it, with every field that any of its rules keeps.
    fn candidate(&mut self, store: &mut Store) -> Candidate {
        let record = *self.record.get_or_insert_with(|| {
            let read = |slot: &Slot| (*slot, self.fields.get(*slot).read(self.event));
            let values: SmallVec<[_; 4]> = self.uses.slots.iter().map(read).collect();
            store.insert(Record::new(self.event, self.time, &values))
        });
        Candidate::new(self.seq, self.time, record)
    }

    /// Those of the atoms whose predicates hold.
    fn fits(&self, program: &Program, atoms: AtomSet) -> AtomSet {
        let scope = self.scope(program);
        let holds = |atom: &u8| {
            let predicate = &program.atoms[*atom as usize].predicate;
            predicate.as_ref().is_none_or(|p| p.holds(&scope))
        };
        members(atoms)
            .filter(holds)
            .fold(0, |set, atom| set | 1 << atom)
    }

    /// `None` where a part of the key is NULL.
    fn partition_key(&self, program: &Program) -> Option<PartitionKey> {
        let mut key = SmallVec::new();
        for field in &program.partition_by {
            let text = program.fields[*field as usize]
                .read(self.event)
                .into_text()?;
            push_part(&mut key, &text);
        }
        Some(key)
    }

    fn scope<'s>(&self, program: &'s Program) -> EventScope<'s>
    where
        'a: 's,
    {
        EventScope {
            event: self.event,
            program,
        }
    }
}

/// A `MATCH` rule at work in one partition.
struct Matching<'r> {
    rule: &'r mut Rule,
    program: &'r Program,
    kind: &'r program::Match,
    key: &'r [u8],
}

/// What it takes to work on a leaflet.
pub struct Intake<'a, 'h> {
    pub domain: &'a Rc<str>,
    pub spec: &'a DomainSpec,
    pub store: &'a mut Store,
    pub stats: &'a mut Stats,
    pub host: &'a mut Host<'h>,
    pub leaflet: &'a mut Leaflet,
}

impl Intake<'_, '_> {
    /// Meets the deadlines that lie before this time (ms).
    pub fn meet_deadlines(&mut self, rules: &mut [Rule], passed: u64) {
        self.leaflet.pass(passed);
        for _ in 0..DEADLINE_SLICE {
            if !self.meet_deadline(rules, passed) {
                break;
            }
        }
    }

    /// Meets the next deadline that lies before this time (ms), if there is one.
    pub fn meet_deadline(&mut self, rules: &mut [Rule], passed: u64) -> bool {
        let Some(deadline) = self.leaflet.meet(passed) else {
            return false;
        };
        if let Ok(place) = rules.binary_search_by_key(&deadline.order, |rule| rule.order) {
            self.meet(&mut rules[place], &deadline);
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
        Arrival {
            event,
            time,
            seq,
            fields,
            uses,
            record: None,
        }
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
                    key: &key,
                };
                self.take(&mut matching, arrival, fits, floor)
            }
            Kind::Integrate(kind) => {
                self.integrate(rule, &program, kind, &key, arrival, fits, floor)
            }
        };
        rule.stats.events_shed += u64::from(shed);
        fate.shed |= shed;
    }

    /// A `MATCH` rule takes an event. True: there was no room for something.
    fn take(
        &mut self,
        matching: &mut Matching,
        arrival: &mut Arrival,
        fits: AtomSet,
        floor: u64,
    ) -> bool {
        let kind = matching.kind;
        let absences = (0..).zip(&kind.absences);
        let seen = absences.filter(|(_, absence)| fits & (1 << absence.atom) != 0);
        for (number, absence) in seen.clone() {
            if matches!(absence.place, Gap::Trailing { .. }) {
                self.leaflet
                    .break_wait(matching.rule.id, matching.key, number);
            }
        }
        let usable = fits & kind.tree.atoms;
        let mut shed = false;
        let mut consumed = false;
        let triggers = self.triggers(matching, usable);
        if triggers != 0 {
            let trigger = arrival.candidate(self.store);
            let found = self.search(matching, trigger, triggers, floor, 0);
            let before = matching.rule.stats.matches;
            consumed = self.conclude(matching, &found, trigger.time, &mut shed);
            let waits = |atom: u8| matching.program.atoms[atom as usize].buffer.is_some();
            if matching.rule.stats.matches == before && !members(usable).all(waits) {
                // No window will tell of it.
                let record = self.store.get(trigger.record);
                let (tally, tag) = (&mut matching.rule.tally, &self.leaflet.tag);
                tally.missed(tag, matching.key, trigger.seq, usable, record);
            }
        }
        if !consumed && usable != 0 {
            if self.keep(matching, arrival, usable) {
                for (wait, absences) in kind.waits() {
                    shed |= !self.wait(matching, arrival, usable, floor, wait, absences);
                }
            } else {
                shed = true;
            }
        }
        if consumed && kind.consume == Consume::Partition {
            return shed;
        }
        for (number, absence) in seen {
            if absence.looks_back() {
                shed |= !self.see(matching, arrival, number);
            }
        }
        shed
    }

    /// Of the atoms that an event fits, those by which it may end a match.
    fn triggers(&self, matching: &Matching, fits: AtomSet) -> AtomSet {
        if fits & matching.kind.last == 0 {
            return 0;
        }
        let window = self.leaflet.window(matching.rule.id);
        let partition = window.and_then(|window| window.partition(matching.key));
        Search::triggers(matching.program, matching.kind, partition, fits)
    }

    /// The selected matches that end with this event as one of these atoms, or with the deadline of one of these NOTs
    /// after it.
    fn search(
        &mut self,
        matching: &mut Matching,
        trigger: Candidate,
        triggers: AtomSet,
        floor: u64,
        absences: u64,
    ) -> Vec<Match> {
        let window = self.leaflet.window(matching.rule.id);
        let partition = window.and_then(|window| window.partition(matching.key));
        let search = Search {
            program: matching.program,
            rule: matching.kind,
            partition,
            store: self.store,
            slots: &matching.rule.slots,
            floor,
            budget: self.host.settings.match_budget,
            most: match matching.kind.select {
                Select::All => self.host.settings.max_matches_per_trigger,
                Select::Last | Select::First => 1,
            },
            absences,
        };
        let outcome = search.run(trigger, triggers);
        for stats in [&mut *self.stats, &mut matching.rule.stats] {
            stats.budget_cuts += u64::from(outcome.exhausted);
            stats.matches_cut += u64::from(outcome.more);
        }
        outcome.found
    }

    /// Sets a deadline, where a match ends with this event unless something comes. False: there was no room.
    fn wait(
        &mut self,
        matching: &mut Matching,
        arrival: &mut Arrival,
        fits: AtomSet,
        floor: u64,
        wait: u64,
        absences: u64,
    ) -> bool {
        let triggers = self.triggers(matching, fits);
        if triggers == 0 {
            return true;
        }
        let trigger = arrival.candidate(self.store);
        if self
            .search(matching, trigger, triggers, floor, absences)
            .is_empty()
        {
            return true;
        }
        let room = self.has_room(matching.key);
        if room {
            self.leaflet.add_deadline(Deadline {
                at: trigger.time.saturating_add(wait),
                seq: trigger.seq,
                order: matching.rule.order,
                rule: matching.rule.id,
                partition: matching.key.into(),
                floor,
                absences,
            });
        }
        room
    }

    /// Meets a deadline: nothing has come, and the match ends.
    fn meet(&mut self, rule: &mut Rule, deadline: &Deadline) {
        let program = Rc::clone(&rule.program);
        let Kind::Match(kind) = &program.kind else {
            return;
        };
        let window = self.leaflet.window(rule.id);
        let partition = window.and_then(|window| window.partition(&deadline.partition));
        let Some((trigger, buffers)) = partition.and_then(|p| p.find(deadline.seq)) else {
            return;
        };
        let in_one_of = |atom: &u8| {
            let buffer = program.atoms[*atom as usize].buffer;
            buffer.is_some_and(|buffer| buffers & (1 << buffer) != 0)
        };
        let fits = members(kind.tree.atoms)
            .filter(in_one_of)
            .fold(0, |set, atom| set | 1 << atom);
        let mut matching = Matching {
            rule,
            program: &program,
            kind,
            key: &deadline.partition,
        };
        let (floor, absences) = (deadline.floor, deadline.absences);
        let triggers = self.triggers(&matching, fits);
        let found = self.search(&mut matching, trigger, triggers, floor, absences);
        let mut shed = false;
        self.conclude(&mut matching, &found, deadline.at, &mut shed);
        for stats in [&mut *self.stats, &mut rule.stats] {
            stats.events_shed += u64::from(shed);
        }
    }

    /// Emits and consumes matches, if HAVING lets them. Is the trigger consumed?
    fn conclude(
        &mut self,
        matching: &mut Matching,
        found: &[Match],
        time: u64,
        shed: &mut bool,
    ) -> bool {
        let (program, kind) = (matching.program, matching.kind);
        let mut concluded = false;
        for events in found {
            let scope = MatchScope {
                events,
                store: self.store,
                slots: &matching.rule.slots,
                level: None,
            };
            if kind.having.as_ref().is_some_and(|h| !h.holds(&scope)) {
                matching.rule.tally.having_failed += 1;
                continue;
            }
            concluded = true;
            let times = || events.iter().map(|m| m.event.time);
            let span = times().max().unwrap_or(0) - times().min().unwrap_or(0);
            let confidence = 1.0 - span as f64 / (2.0 * program.within as f64);
            let key = matching.key;
            *shed |= !self.emit(matching.rule, program, key, events, time, confidence, None);
        }
        if !concluded {
            return false;
        }
        let (id, key) = (matching.rule.id, matching.key);
        let store = &mut *self.store;
        match kind.consume {
            Consume::Matched => {
                let events = || found.iter().flatten();
                // While their partition is there.
                if kind.absences.iter().any(|not| !not.looks_back()) {
                    self.leaflet.cancel(id, key, events().map(|m| m.event.seq));
                }
                self.leaflet.with_known_window(id, |window| {
                    events().for_each(|m| window.consume(key, m.event.seq, store));
                });
            }
            Consume::Partition => {
                self.leaflet.cancel_all(id, key);
                self.leaflet
                    .with_known_window(id, |window| window.consume_partition(key, store));
            }
            Consume::None => {}
        }
        kind.consume != Consume::None
    }

    /// Counts a match and emits it, if LIMIT lets it. False: there was no room to note it.
    #[allow(clippy::too_many_arguments)]
    fn emit(
        &mut self,
        rule: &mut Rule,
        program: &Program,
        key: &[u8],
        events: &[Matched],
        time: u64,
        confidence: f64,
        level: Option<f64>,
    ) -> bool {
        let window = self.leaflet.window(rule.id);
        let limited = program.limit.is_some_and(|limit| {
            window.map_or(0, |window| window.fired_within(key, time, limit.per)) >= limit.count
        });
        let mut emitted = None;
        let mut cut = false;
        if !limited {
            let emission = self.emission(rule, program, events, time, confidence, level);
            cut = emission.hops > self.host.settings.max_hops;
            emitted = (!cut).then_some(emission);
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
        if emitted.is_none() || program.limit.is_none() {
            self.host.out.extend(emitted);
            return true;
        }
        self.host.out.extend(emitted);
        let room = self.has_room(key);
        if room {
            self.with_window(rule, program, time, |window, _| {
                window.note_fired(key, time)
            });
        }
        room
    }

    fn emission(
        &self,
        rule: &Rule,
        program: &Program,
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
        };
        let sources: SmallVec<[&Record; 4]> = events
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
            db: self.spec.db,
            output: output_key(&self.spec.output, &self.leaflet.tag),
            maxlen: self.spec.maxlen,
            fields: integrated.fields(
                &scope,
                program.value.as_ref(),
                program.confidence.as_ref(),
                &program.emit,
            ),
            hops: sources.iter().map(|source| source.hops).max().unwrap_or(0) + 1,
        }
    }

    /// Keeps the event for later matches, where one of its atoms waits for others. False: there was no room.
    fn keep(&mut self, matching: &Matching, arrival: &mut Arrival, fits: AtomSet) -> bool {
        let program = matching.program;
        let buffers = || members(fits).filter_map(|atom| program.atoms[atom as usize].buffer);
        if buffers().next().is_none() {
            return true;
        }
        let candidate = arrival.candidate(self.store);
        let room = self.has_room(matching.key);
        if room {
            let key = matching.key;
            self.with_window(matching.rule, program, candidate.time, |window, store| {
                window.keep(key, buffers(), candidate, store);
            });
        }
        room
    }

    /// Notes that a NOT has seen the event. False: there was no room.
    fn see(&mut self, matching: &Matching, arrival: &Arrival, absence: usize) -> bool {
        let room = self.has_room(matching.key);
        if room {
            let (key, seq, time) = (matching.key, arrival.seq, arrival.time);
            self.with_window(matching.rule, matching.program, time, |window, _| {
                window.see(key, absence, seq, time);
            });
        }
        room
    }

    /// An `INTEGRATE` rule takes an event. True: there was no room for it.
    #[allow(clippy::too_many_arguments)]
    fn integrate(
        &mut self,
        rule: &mut Rule,
        program: &Program,
        kind: &program::Integrate,
        key: &[u8],
        arrival: &mut Arrival,
        fits: AtomSet,
        floor: u64,
    ) -> bool {
        let atom = fits.trailing_zeros() as u8;
        let weight = match &kind.weights[atom as usize] {
            None => Some(1.0),
            Some(weight) => weight.eval(&arrival.scope(program)).as_number(),
        };
        let Some(weight) = weight else {
            rule.tally.weightless += 1;
            return false;
        };
        let candidate = arrival.candidate(self.store);
        if !self.has_room(key) {
            return true;
        }
        let (seq, time) = (candidate.seq, candidate.time);
        let axon = AxonKey::parse(arrival.event.key).name;
        let level = self.with_window(rule, program, time, |window, store| {
            window.contribute(key, usize::from(atom), candidate, &axon, store);
            window.raise(key, seq, time, |level| level.add(weight, time, kind.decay))
        });
        let window = self.leaflet.window(rule.id);
        let Some(partition) = window.and_then(|window| window.partition(key)) else {
            return false;
        };
        let ready = level >= kind.threshold
            && partition.axons() as u64 >= kind.from_axons
            && partition.level().is_some_and(|l| l.may_fire(time, kind));
        if !ready {
            return false;
        }
        let contributions = partition.events();
        let mut events: Vec<Matched> = contributions
            .into_iter()
            .filter(|(_, candidate)| candidate.time >= floor)
            .map(|(atom, event)| Matched {
                atom: atom as u8,
                event,
            })
            .collect();
        if kind.from_axons > 1 {
            // Some that are held may have left the window already.
            let axon = |m: &Matched| AxonKey::parse(self.store.get(m.event.record).key()).name;
            let axons: BTreeSet<_> = events.iter().map(axon).collect();
            if (axons.len() as u64) < kind.from_axons {
                return false;
            }
        }
        let surplus = events.len().saturating_sub(self.host.settings.max_sources);
        events.drain(..surplus);
        let confidence = level / (level + kind.threshold);
        let room = self.emit(rule, program, key, &events, time, confidence, Some(level));
        let store = &mut *self.store;
        self.leaflet.with_known_window(rule.id, |window| {
            if let Some(level) = window.level_mut(key) {
                level.fire(time, kind);
            }
            window.consume_partition(key, store);
        });
        !room
    }

    /// There is room for something small in a partition of this key.
    fn has_room(&self, key: &[u8]) -> bool {
        let texts = 2 * (key.len() + self.leaflet.tag.len());
        self.host.total.bytes() + ((OVERHEAD_BYTES + texts) as u64)
            <= self.host.settings.max_window_memory
    }

    /// Changes a rule's window, which is made where there is none, by something of this time.
    fn with_window<T>(
        &mut self,
        rule: &Rule,
        program: &Program,
        time: u64,
        change: impl FnOnce(&mut Window, &mut Store) -> T,
    ) -> T {
        let due = time.saturating_add(program.within);
        let new = || rule.window();
        let store = &mut *self.store;
        self.leaflet
            .with_window(rule.id, due, new, |window| change(window, store))
    }
}

/// What a predicate sees: the event alone.
struct EventScope<'a> {
    event: &'a Event<'a>,
    program: &'a Program,
}

impl Scope for EventScope<'_> {
    fn field(&self, _: Option<u8>, field: u16) -> Value<'_> {
        self.program.fields[field as usize].read(self.event)
    }

    fn count(&self, _: Option<u8>) -> usize {
        1
    }

    fn nth(&self, _: Option<u8>, _: usize, field: u16) -> Value<'_> {
        self.field(None, field)
    }
}
