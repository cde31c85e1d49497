//! A domain at work: its rules, its leaflets, and what happens when an event comes in.

use std::collections::VecDeque;
use std::rc::Rc;

use ahash::AHashMap;
use smallvec::SmallVec;

use super::domain::{DomainInfo, DomainSpec, RuleInfo};
use super::emission::Emission;
use super::event::Event;
use super::fields::Fields;
use super::index::{Index, Indexed, Uses};
use super::key::{output_key, AxonKey};
use super::leaflet::{Leaflet, RuleId};
use super::matcher::scope::MatchScope;
use super::matcher::select::{Context, Match, Outcome, Search};
use super::meter::Meter;
use super::output::Integrated;
use super::rule::ast::Consume;
use super::rule::program::{AtomSet, Program};
use super::settings::Settings;
use super::stats::Stats;
use super::store::{Record, RecordId, Slot, Store};
use super::window::{Candidate, Window};
use super::Result;

/// Leaflets that hold nothing but their clock are remembered up to this many in a domain.
const MAX_IDLE: u64 = 16_384;

/// Up to so many idle leaflets of a domain keep their empty windows, so that few busy ones need not make them anew.
const WARM_IDLE: u64 = 64;

/// A rule in force.
#[derive(Debug)]
pub struct Rule {
    id: RuleId,
    pub name: Rc<str>,
    /// The canonical text.
    pub text: Rc<str>,
    program: Rc<Program>,
    /// By the program's fields: where the domain keeps them. Fields that are not kept have no meaning here.
    slots: Rc<[Slot]>,
    pub paused: bool,
    pub stats: Stats,
    meter: Rc<Meter>,
}

impl Rule {
    fn indexed(&self) -> Indexed<'_> {
        Indexed {
            program: &self.program,
            slots: &self.slots,
        }
    }

    pub fn info(&self, domain: &str) -> RuleInfo {
        RuleInfo {
            name: self.name.to_string(),
            domain: domain.to_string(),
            text: self.text.to_string(),
            paused: self.paused,
            matches: self.stats.matches,
            emitted: self.stats.emitted,
            limited: self.stats.limited,
            window_events: self.meter.events(),
            partitions: self.meter.partitions(),
        }
    }

    pub fn stats(&self) -> Stats {
        Stats {
            window_events: self.meter.events(),
            window_bytes: self.meter.bytes(),
            partitions: self.meter.partitions(),
            rules: 1,
            ..self.stats
        }
    }
}

/// A domain and everything it holds.
#[derive(Debug)]
pub struct Domain {
    pub spec: DomainSpec,
    name: Rc<str>,
    pub rules: Vec<Rule>,
    next_rule: RuleId,
    leaflets: AHashMap<Rc<[u8]>, Leaflet>,
    /// How many leaflets hold anything but their clock.
    live: u64,
    /// Those that do not, in the order in which they are given up when there are too many.
    idle: VecDeque<Rc<[u8]>>,
    store: Store,
    fields: Fields,
    index: Index,
    stats: Stats,
    meter: Rc<Meter>,
}

impl Domain {
    /// A domain without rules; its bytes count for `parent`.
    pub fn new(spec: DomainSpec, parent: &Rc<Meter>) -> Self {
        let meter = Meter::child(parent);
        Self {
            name: spec.name.as_str().into(),
            spec,
            rules: Vec::new(),
            next_rule: 0,
            leaflets: AHashMap::new(),
            live: 0,
            idle: VecDeque::new(),
            store: Store::new(Meter::child(&meter)),
            fields: Fields::default(),
            index: Index::default(),
            stats: Stats::default(),
            meter,
        }
    }

    /// Puts a rule at this place (replacing the one there) or, beyond the last, at the end.
    pub fn put_rule(
        &mut self,
        place: usize,
        name: &str,
        text: String,
        program: Program,
        paused: bool,
    ) -> Result<()> {
        let mut slots = vec![0; program.fields.len()];
        for (done, field) in program.kept.iter().enumerate() {
            match self.fields.acquire(&program.fields[*field as usize]) {
                Ok(slot) => slots[*field as usize] = slot,
                Err(error) => {
                    program.kept[..done]
                        .iter()
                        .for_each(|field| self.fields.release(slots[*field as usize]));
                    return Err(error);
                }
            }
        }
        let rule = Rule {
            id: self.next_rule,
            name: name.into(),
            text: text.into(),
            program: Rc::new(program),
            slots: slots.into(),
            paused,
            stats: Stats::default(),
            meter: Meter::child(&self.meter),
        };
        self.next_rule += 1;
        if place < self.rules.len() {
            let old = std::mem::replace(&mut self.rules[place], rule);
            self.retire(&old);
        } else {
            self.rules.push(rule);
        }
        Ok(())
    }

    /// Deletes the rule at this place and what it held.
    pub fn delete_rule(&mut self, place: usize) {
        let old = self.rules.remove(place);
        self.retire(&old);
    }

    fn retire(&mut self, rule: &Rule) {
        self.forget_windows(rule.id);
        for field in &rule.program.kept {
            self.fields.release(rule.slots[*field as usize]);
        }
    }

    fn forget_windows(&mut self, rule: RuleId) {
        let mut idle = Vec::new();
        self.live = 0;
        for leaflet in self.leaflets.values_mut() {
            leaflet.forget(rule, &mut self.store);
            if leaflet.is_live() {
                self.live += 1;
            } else if !leaflet.listed {
                leaflet.listed = true;
                idle.push(Rc::clone(&leaflet.tag));
            }
        }
        idle.sort_unstable();
        self.idle.extend(idle);
    }

    /// Forgets what one rule held, and its counters.
    pub fn reset_rule(&mut self, place: usize) {
        self.forget_windows(self.rules[place].id);
        self.rules[place].stats = Stats::default();
    }

    /// Forgets all windows and clocks.
    pub fn clear(&mut self) {
        self.leaflets.clear();
        self.idle.clear();
        self.live = 0;
        self.store.clear();
        self.rules.iter().for_each(|rule| rule.meter.clear());
        self.meter.clear();
    }

    /// Forgets all windows, clocks and counters.
    pub fn reset(&mut self) {
        self.clear();
        self.stats = Stats::default();
        self.rules
            .iter_mut()
            .for_each(|rule| rule.stats = Stats::default());
    }

    /// Builds the index anew, after a change of rules or when too many axons were seen.
    pub fn reindex(&mut self) {
        self.index = Index::new(self.rules.iter().map(Rule::indexed));
    }

    /// The number of an axon (its key without the tag) in the index.
    pub fn add_axon(&mut self, name: &[u8]) -> usize {
        let rules = &self.rules;
        self.index.add_axon(name, |place| rules[place].indexed())
    }

    pub fn info(&self) -> DomainInfo {
        let stats = self.stats();
        DomainInfo {
            spec: self.spec.clone(),
            rules: stats.rules,
            leaflets: stats.leaflets,
            partitions: stats.partitions,
            window_events: stats.window_events,
            window_bytes: stats.window_bytes,
        }
    }

    pub fn stats(&self) -> Stats {
        Stats {
            window_events: self.store.len(),
            window_bytes: self.meter.bytes(),
            partitions: self.rules.iter().map(|rule| rule.meter.partitions()).sum(),
            leaflets: self.live,
            rules: self.rules.len() as u64,
            domains: 1,
            ..self.stats
        }
    }

    /// Takes note that an integrated event could not be appended.
    pub fn emit_failed(&mut self, rule: &str) {
        let rule = self.rules.iter_mut().find(|known| *known.name == *rule);
        for stats in std::iter::once(&mut self.stats).chain(rule.map(|rule| &mut rule.stats)) {
            stats.emit_errors += 1;
            stats.emitted = stats.emitted.saturating_sub(1);
        }
    }

    /// Counts an event of an untagged axon in Redis Cluster, where it is not correlated.
    pub fn pass_over(&mut self) {
        self.stats.events_seen += 1;
        self.stats.events_untagged += 1;
    }

    /// Takes in one event of an axon; what it completes goes to `out`. `total` is what all windows hold.
    pub fn feed(
        &mut self,
        axon: usize,
        event: &Event<'_>,
        settings: &Settings,
        total: &Meter,
        out: &mut Vec<Emission>,
    ) {
        self.stats.events_seen += 1;
        let Some(event_type) = event.event_type() else {
            self.stats.events_untyped += 1;
            return;
        };
        let rules = &self.rules;
        let uses = self
            .index
            .uses(axon, event_type, |place| rules[place].indexed());
        let tag = AxonKey::parse(event.key).tag;
        if !self.leaflets.contains_key(tag) {
            let tag: Rc<[u8]> = tag.into();
            self.leaflets
                .insert(Rc::clone(&tag), Leaflet::new(tag, &self.meter));
        }
        let leaflet = self.leaflets.get_mut(tag).expect("it was just put in");
        let was_live = leaflet.is_live();
        let seq = leaflet.advance(event.id.ms);
        leaflet.expire(&mut self.store);

        let mut intake = Intake {
            domain: &self.name,
            spec: &self.spec,
            store: &mut self.store,
            settings,
            total,
            leaflet,
            arrival: Arrival {
                event,
                seq,
                fields: &self.fields,
                uses: &uses,
                record: None,
            },
            out,
        };
        let mut fate = Fate::default();
        for &(place, atoms) in &uses.rules {
            let rule = &mut self.rules[place];
            if !rule.paused {
                intake.offer(rule, atoms, &mut fate, &mut self.stats);
            }
        }
        if let Some(record) = intake.arrival.record {
            self.store.release(record);
        }
        self.stats.events_taken += u64::from(fate.taken);
        self.stats.events_late += u64::from(fate.late);
        self.stats.events_shed += u64::from(fate.shed);
        self.settle(tag, was_live);
    }

    /// After a leaflet was fed: keeps the count of live ones and the number of idle ones within its limit.
    fn settle(&mut self, tag: &[u8], was_live: bool) {
        let known = self.leaflets.len() as u64;
        let leaflet = self.leaflets.get_mut(tag).expect("it was just fed");
        self.live = self.live + u64::from(leaflet.is_live()) - u64::from(was_live);
        if !leaflet.is_live() {
            if known - self.live > WARM_IDLE {
                leaflet.shrink();
            }
            if !leaflet.listed {
                leaflet.listed = true;
                leaflet.touched = false;
                self.idle.push_back(Rc::clone(&leaflet.tag));
            }
        }
        // One event makes at most one leaflet idle; a few looks for each are enough to keep up.
        for _ in 0..4 {
            if self.leaflets.len() as u64 - self.live <= MAX_IDLE {
                return;
            }
            let Some(tag) = self.idle.pop_front() else {
                return;
            };
            match self.leaflets.get_mut(&tag) {
                Some(leaflet) if leaflet.is_live() => leaflet.listed = false,
                Some(leaflet) if leaflet.touched => {
                    leaflet.touched = false;
                    self.idle.push_back(tag);
                }
                _ => {
                    self.leaflets.remove(&tag);
                }
            }
        }
    }
}

/// What became of an event, over all rules.
#[derive(Default)]
struct Fate {
    taken: bool,
    late: bool,
    shed: bool,
}

/// One event on its way through the rules of a domain.
struct Intake<'a> {
    domain: &'a Rc<str>,
    spec: &'a DomainSpec,
    store: &'a mut Store,
    settings: &'a Settings,
    total: &'a Meter,
    leaflet: &'a mut Leaflet,
    arrival: Arrival<'a>,
    out: &'a mut Vec<Emission>,
}

/// The event that has come in.
struct Arrival<'a> {
    event: &'a Event<'a>,
    /// Its place in processing order.
    seq: u64,
    fields: &'a Fields,
    uses: &'a Uses,
    /// Made when the first rule needs it.
    record: Option<RecordId>,
}

impl Arrival<'_> {
    fn time(&self) -> u64 {
        self.event.id.ms
    }

    /// As windows hold it, with every field that any of its rules keeps.
    fn candidate(&mut self, store: &mut Store) -> Candidate {
        let record = *self.record.get_or_insert_with(|| {
            let read = |slot: &Slot| (*slot, self.fields.get(*slot).read(self.event).into_owned());
            let kept = self
                .uses
                .slots
                .iter()
                .map(read)
                .filter(|(_, value)| !value.is_null())
                .collect();
            store.insert(Record::new(self.event, self.event.id.ms, kept))
        });
        Candidate::new(self.seq, self.event.id.ms, record)
    }
}

impl Intake<'_> {
    /// Offers the event to a rule as one of these atoms.
    fn offer(&mut self, rule: &mut Rule, atoms: AtomSet, fate: &mut Fate, totals: &mut Stats) {
        let program = Rc::clone(&rule.program);
        rule.stats.events_seen += 1;
        let fits = self.fits(&program, atoms);
        if fits == 0 {
            return;
        }
        let Some(key) = self.partition_key(&program) else {
            return;
        };
        let floor = self.leaflet.max_time.saturating_sub(program.within);
        if self.arrival.time() < floor {
            rule.stats.events_late += 1;
            fate.late = true;
            return;
        }
        rule.stats.events_taken += 1;
        fate.taken = true;

        let consumed = match self.search(rule, &program, &key, fits, floor) {
            Outcome::Found(found) => self.conclude(rule, &program, &key, &found, totals, fate),
            Outcome::None => false,
            Outcome::Cut => {
                rule.stats.budget_cuts += 1;
                totals.budget_cuts += 1;
                false
            }
        };
        if !consumed && !self.keep(rule, &program, &key, fits) {
            rule.stats.events_shed += 1;
            fate.shed = true;
        }
    }

    /// Those of the atoms whose predicates hold.
    fn fits(&self, program: &Program, atoms: AtomSet) -> AtomSet {
        let scope = EventScope {
            event: self.arrival.event,
            program,
        };
        let holds = |atom: &usize| {
            program.atoms[*atom]
                .predicate
                .as_ref()
                .is_none_or(|p| p.holds(&scope))
        };
        (0..program.atoms.len())
            .filter(|atom| atoms & (1 << atom) != 0)
            .filter(holds)
            .fold(0, |set, atom| set | 1 << atom)
    }

    /// The event's partition key: the texts of its parts, each with its length in front. `None` where one is NULL.
    fn partition_key(&self, program: &Program) -> Option<SmallVec<[u8; 64]>> {
        let mut key = SmallVec::new();
        for field in &program.partition_by {
            let text = program.fields[*field as usize]
                .read(self.arrival.event)
                .into_text()?;
            key.extend_from_slice(&(text.len() as u32).to_le_bytes());
            key.extend_from_slice(&text);
        }
        Some(key)
    }

    fn search(
        &mut self,
        rule: &Rule,
        program: &Program,
        key: &[u8],
        fits: AtomSet,
        floor: u64,
    ) -> Outcome {
        let partition = self
            .leaflet
            .window(rule.id)
            .and_then(|window| window.partition(key));
        let search = Search::new(program, partition);
        let triggers = search.triggers(fits);
        if triggers == 0 {
            return Outcome::None;
        }
        let trigger = self.arrival.candidate(self.store);
        let context = Context {
            store: self.store,
            slots: &rule.slots,
            floor,
            budget: self.settings.match_budget,
        };
        search.last(trigger, triggers, &context)
    }

    /// Emits and consumes a match, if HAVING lets it. Is the trigger consumed?
    fn conclude(
        &mut self,
        rule: &mut Rule,
        program: &Program,
        key: &[u8],
        found: &Match,
        totals: &mut Stats,
        fate: &mut Fate,
    ) -> bool {
        let scope = MatchScope {
            events: found,
            store: self.store,
            slots: &rule.slots,
        };
        if program
            .having
            .as_ref()
            .is_some_and(|having| !having.holds(&scope))
        {
            return false;
        }
        let time = self.arrival.time();
        let window = self.leaflet.window(rule.id);
        let limited = program.limit.is_some_and(|limit| {
            window.map_or(0, |window| window.fired_within(key, time, limit.per)) >= limit.count
        });
        let mut emitted = None;
        let mut cut = false;
        if !limited {
            let emission = self.emission(rule, program, found, &scope);
            cut = emission.hops > self.settings.max_hops;
            emitted = (!cut).then_some(emission);
        }
        for stats in [totals, &mut rule.stats] {
            stats.matches += 1;
            stats.limited += u64::from(limited);
            stats.hops_cut += u64::from(cut);
            stats.emitted += u64::from(emitted.is_some());
        }
        let note = emitted.is_some() && program.limit.is_some();
        self.out.extend(emitted);
        self.consume(rule, program, key, found);
        if note && !self.note_fired(rule, program, key, time) {
            rule.stats.events_shed += 1;
            fate.shed = true;
        }
        program.consume != Consume::None
    }

    /// Takes what a match uses up out of the window.
    fn consume(&mut self, rule: &Rule, program: &Program, key: &[u8], found: &Match) {
        let store = &mut *self.store;
        let window = |window: &mut Window| match program.consume {
            Consume::Matched => found
                .iter()
                .for_each(|m| window.consume(key, m.event.seq, store)),
            Consume::Partition => window.consume_partition(key, store),
            Consume::None => {}
        };
        self.leaflet.with_known_window(rule.id, window);
    }

    /// Notes an emission that LIMIT has to count. False: there was no room.
    fn note_fired(&mut self, rule: &Rule, program: &Program, key: &[u8], time: u64) -> bool {
        let (total, most) = (self.total, self.settings.max_window_memory);
        let (due, new) = opening(rule, program, time);
        self.leaflet.with_window(rule.id, due, new, |window| {
            window.note_fired(key, program.buffers, time);
            let room = total.bytes() <= most;
            if !room {
                window.forget_fired(key);
            }
            room
        })
    }

    fn emission(
        &self,
        rule: &Rule,
        program: &Program,
        found: &Match,
        scope: &MatchScope,
    ) -> Emission {
        let sources: SmallVec<[&Record; 4]> = found
            .iter()
            .map(|m| self.store.get(m.event.record))
            .collect();
        let times = || found.iter().map(|m| m.event.time);
        let span = times().max().unwrap_or(0) - times().min().unwrap_or(0);
        let integrated = Integrated {
            domain: self.domain,
            tag: &self.leaflet.tag,
            rule: &rule.name,
            text: &rule.text,
            sources: &sources,
            time: self.arrival.time(),
            confidence: 1.0 - span as f64 / (2.0 * program.within as f64),
            format: self.spec.sources,
        };
        Emission {
            domain: Rc::clone(self.domain),
            rule: Rc::clone(&rule.name),
            db: self.spec.db,
            output: output_key(&self.spec.output, &self.leaflet.tag),
            maxlen: self.spec.maxlen,
            fields: integrated.fields(
                scope,
                program.value.as_ref(),
                program.confidence.as_ref(),
                &program.emit,
            ),
            hops: sources.iter().map(|source| source.hops).max().unwrap_or(0) + 1,
        }
    }

    /// Keeps the event for later matches, where one of its atoms waits for others. False: there was no room.
    fn keep(&mut self, rule: &Rule, program: &Program, key: &[u8], fits: AtomSet) -> bool {
        let buffers = || {
            let atoms = program.atoms.iter().enumerate();
            atoms
                .filter(|(i, _)| fits & (1 << i) != 0)
                .filter_map(|(_, atom)| atom.buffer)
        };
        if buffers().next().is_none() {
            return true;
        }
        let (total, most) = (self.total, self.settings.max_window_memory);
        if total.bytes() >= most {
            return false;
        }
        let candidate = self.arrival.candidate(self.store);
        let store = &mut *self.store;
        let (due, new) = opening(rule, program, candidate.time);
        self.leaflet.with_window(rule.id, due, new, |window| {
            window.keep(key, program.buffers, buffers(), candidate, store);
            let room = total.bytes() <= most;
            if !room {
                window.consume(key, candidate.seq, store);
            }
            room
        })
    }
}

/// What it takes to open a rule's window with something of this time.
fn opening<'a>(
    rule: &'a Rule,
    program: &'a Program,
    time: u64,
) -> (u64, impl FnOnce() -> Window + 'a) {
    let per = program.limit.map_or(0, |limit| limit.per);
    (time.saturating_add(program.within), move || {
        Window::new(program.within, per, &rule.meter)
    })
}

/// What a predicate sees: the event alone.
struct EventScope<'a> {
    event: &'a Event<'a>,
    program: &'a Program,
}

impl super::expr::Scope for EventScope<'_> {
    fn field(&self, _: Option<u8>, field: u16) -> super::value::Value<'_> {
        self.program.fields[field as usize].read(self.event)
    }

    fn count(&self, _: Option<u8>) -> usize {
        1
    }

    fn nth(&self, _: Option<u8>, _: usize, field: u16) -> super::value::Value<'_> {
        self.field(None, field)
    }
}
