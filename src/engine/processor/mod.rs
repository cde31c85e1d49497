//! A domain at work: its rules, its leaflets, and what happens when an event comes in.

mod forgetting;
mod sifting;

use std::collections::{BTreeSet, VecDeque};
use std::rc::Rc;

use ahash::AHashMap;

use crate::engine::domain::{DomainInfo, DomainSpec, RuleInfo};
use crate::engine::emission::{Host, Wake};
use crate::engine::event::{EntryId, Event};
use crate::engine::feed::Feed;
use crate::engine::field::FieldRef;
use crate::engine::fields::Fields;
use crate::engine::index::{Index, Indexed};
use crate::engine::key::{output_key, AxonKey};
use crate::engine::leaflet::{Leaflet, RuleId};
use crate::engine::leaflets::Leaflets;
use crate::engine::meter::Meter;
use crate::engine::rebuild::Rebuild;
use crate::engine::remains::Clearing;
use crate::engine::router::Route;
use crate::engine::rule::program::{Joined, Kind, Program};
use crate::engine::saccule::Saccules;
use crate::engine::stats::Stats;
use crate::engine::store::{Slot, Store};
use crate::engine::tally::Tally;
use crate::engine::window::Window;
use crate::engine::Result;

/// Leaflets that hold nothing but their clock are remembered up to this many in a domain.
const MAX_IDLE: u64 = 16_384;

/// Up to so many idle leaflets of a domain keep their empty windows, so that few busy ones need not make them anew.
const WARM_IDLE: u64 = 64;

/// A domain remembers up to so many names of axons, of up to so many bytes, to tell of them.
const MAX_AXONS: usize = 1_024;
const MAX_AXON_NAME: usize = 256;

/// How many things that deleted rules have left go at once, and with each event.
const FORGET_SLICE: usize = 2_048;
const EVENT_FORGET_SLICE: usize = 64;

/// A rule in force.
#[derive(Debug)]
pub struct Rule {
    pub id: RuleId,
    /// Grows along the domain's list of rules; a rule that replaces another has the other's.
    pub order: u64,
    pub name: Rc<str>,
    /// The canonical text.
    pub text: Rc<str>,
    /// How many texts it has had, this one included.
    pub version: u64,
    pub program: Rc<Program>,
    /// By the program's fields: where the domain keeps them. Fields that are not kept have no meaning here.
    pub slots: Rc<[Slot]>,
    /// The buffers and fields of its joins.
    pub joins: Rc<[(usize, Slot)]>,
    pub paused: bool,
    /// See [`RuleDefinition::sees_from`](super::domain::RuleDefinition).
    pub sees_from: Option<EntryId>,
    pub stats: Stats,
    pub tally: Tally,
    pub meter: Rc<Meter>,
}

/// The place of the rule of this order, if there is one.
pub fn place(rules: &[Rule], order: u64) -> Option<usize> {
    rules.binary_search_by_key(&order, |rule| rule.order).ok()
}

/// The rule of this order, as the index sees it.
pub fn indexed(rules: &[Rule], order: u64) -> Option<Indexed<'_>> {
    let position = place(rules, order)?;
    Some(Indexed {
        position,
        program: &rules[position].program,
        slots: &rules[position].slots,
    })
}

impl Rule {
    /// An empty window of this rule.
    pub fn window(&self) -> Window {
        let program = &self.program;
        let automaton = match &program.kind {
            Kind::Match(rule) => rule.automaton.clone(),
            Kind::Integrate(_) => None,
        };
        Window::new(
            program.retention,
            program.buffers,
            &self.joins,
            automaton,
            &self.meter,
        )
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
    pub(super) name: Rc<str>,
    /// In the order they were added.
    pub rules: Vec<Rule>,
    /// The order of each, by name.
    names: AHashMap<Rc<str>, u64>,
    next_rule: RuleId,
    /// What events meet first.
    pub(super) saccules: Saccules,
    pub(super) leaflets: Leaflets,
    /// How many leaflets hold anything but their clock.
    pub(super) live: u64,
    /// Those that do not, in the order in which they are given up when there are too many.
    pub(super) idle: VecDeque<Rc<[u8]>>,
    pub(super) store: Store,
    /// What deleted rules have left.
    forgotten: Clearing,
    pub(super) fields: Fields,
    index: Index,
    /// The axons that have come by (their keys without the tag), as far as they are remembered.
    axons: BTreeSet<Box<[u8]>>,
    stats: Stats,
    pub(super) meter: Rc<Meter>,
    /// Of the events that leaflets hold back.
    pub(super) held: Rc<Meter>,
    /// Where the time of events stands, if it is a field.
    time_field: Option<FieldRef>,
    /// Some rules or saccules have seen nothing yet.
    fresh: bool,
    /// Its windows are being filled anew.
    pub(super) rebuild: Option<Box<Rebuild>>,
}

impl Domain {
    /// A domain without rules; its bytes count for `parent`.
    pub fn new(spec: DomainSpec, parent: &Rc<Meter>) -> Self {
        let meter = Meter::child(parent);
        Self {
            name: spec.name.as_str().into(),
            time_field: spec.time_field(),
            held: Meter::child(&meter),
            spec,
            rules: Vec::new(),
            names: AHashMap::new(),
            next_rule: 0,
            saccules: Saccules::default(),
            leaflets: Leaflets::default(),
            live: 0,
            idle: VecDeque::new(),
            store: Store::new(Meter::child(&meter)),
            forgotten: Clearing::default(),
            fields: Fields::default(),
            index: Index::default(),
            axons: BTreeSet::new(),
            stats: Stats::default(),
            meter,
            fresh: false,
            rebuild: None,
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
        let order = match self.rules.get(place) {
            Some(old) => old.order,
            None => self.rules.last().map_or(0, |last| last.order + 1),
        };
        let rule = Rule {
            id: self.next_rule,
            order,
            name: name.into(),
            text: text.into(),
            version: 1,
            joins: joins(&program, &slots),
            tally: Tally::new(program.atoms.len()),
            program: Rc::new(program),
            slots: slots.into(),
            paused,
            sees_from: None,
            stats: Stats::default(),
            meter: Meter::child(&self.meter),
        };
        self.next_rule += 1;
        self.fresh = true;
        if place < self.rules.len() {
            let program = Rc::clone(&rule.program);
            let old = std::mem::replace(&mut self.rules[place], rule);
            self.retire(&old);
            self.index.add(order, &program);
        } else {
            self.index.add(order, &rule.program);
            self.names.insert(Rc::clone(&rule.name), order);
            self.rules.push(rule);
        }
        Ok(())
    }

    /// Deletes the rule at this place and what it held.
    pub fn delete_rule(&mut self, place: usize) {
        let old = self.rules.remove(place);
        self.names.remove(&old.name);
        self.retire(&old);
        if place < self.rules.len() {
            self.index.moved();
        }
    }

    /// The place of the rule of this name.
    pub fn place_of(&self, rule: &str) -> Option<usize> {
        place(&self.rules, *self.names.get(rule)?)
    }

    fn retire(&mut self, rule: &Rule) {
        self.index.remove(rule.order, &rule.program);
        self.forget_windows(rule.id);
        for field in &rule.program.kept {
            self.fields.release(rule.slots[*field as usize]);
        }
    }

    /// What came until now is nothing to the rule at this place, also when its windows are filled anew.
    fn see_from_now(&mut self, place: usize) {
        self.rules[place].sees_from = None;
        self.fresh = true;
    }

    /// Is this the key of one of its outputs?
    pub fn writes(&self, db: i32, key: &[u8]) -> bool {
        self.spec.db == db && output_key(&self.spec.output, AxonKey::parse(key).tag) == key
    }

    /// Forgets the numbers of axons.
    pub fn forget_axons(&mut self) {
        self.index.forget_axons();
        self.saccules.forget_axons();
    }

    /// The number of an axon (its key without the tag) in the index.
    pub fn axon(&mut self, name: &[u8]) -> usize {
        if self.axons.len() < MAX_AXONS && name.len() <= MAX_AXON_NAME {
            self.axons.insert(name.into());
        }
        self.index.axon(name)
    }

    /// What the rules' windows hold of events.
    pub fn store(&self) -> &Store {
        &self.store
    }

    /// The leaflet of a tag, if it is known.
    pub fn leaflet(&self, tag: &[u8]) -> Option<&Leaflet> {
        self.leaflets.get(tag)
    }

    /// All leaflets that are known, in no order.
    pub fn leaflets(&self) -> impl Iterator<Item = &Leaflet> {
        self.leaflets.iter()
    }

    /// The names of the axons it knows.
    pub fn axons(&self) -> impl Iterator<Item = &[u8]> {
        self.axons.iter().map(AsRef::as_ref)
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
            saccules: stats.saccules,
            events_rejected: stats.events_rejected,
            rejections: self.saccules.rejections(),
        }
    }

    pub fn stats(&self) -> Stats {
        Stats {
            window_events: self.store.len(),
            events_held: self.held.events(),
            window_bytes: self.meter.bytes(),
            partitions: self.rules.iter().map(|rule| rule.meter.partitions()).sum(),
            leaflets: self.live,
            rules: self.rules.len() as u64,
            domains: 1,
            saccules: self.saccules.iter().len() as u64,
            ..self.stats
        }
    }

    /// Takes note that word of a rejected event could not be appended.
    pub fn letter_failed(&mut self) {
        self.stats.emit_errors += 1;
    }

    /// Takes note that an integrated event could not be appended.
    pub fn emit_failed(&mut self, rule: &str) {
        let place = self.place_of(rule);
        let rule = place.map(|place| &mut self.rules[place]);
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

    /// One event of an axon comes, as the saccules have left it.
    pub fn feed(&mut self, axon: usize, route: Route, event: &Event<'_>, host: &mut Host) {
        self.note_first(event);
        match &mut self.rebuild {
            // It is read from the stream.
            Some(rebuild) => rebuild.touch(event.key),
            None => self.take_in(axon, route.tag(event.key), event, host),
        }
    }

    /// What was added since the last event has seen nothing before this one.
    #[inline]
    fn note_first(&mut self, event: &Event<'_>) {
        if self.fresh {
            let rules = self.rules.iter_mut().map(|rule| &mut rule.sees_from);
            let saccules = self
                .saccules
                .iter_mut()
                .map(|saccule| &mut saccule.sees_from);
            for sees_from in rules.chain(saccules) {
                sees_from.get_or_insert(event.id);
            }
            self.fresh = false;
        }
    }

    /// Takes in an event of the past.
    pub fn refeed(&mut self, cluster: bool, event: &Event<'_>, host: &mut Host) {
        let AxonKey { tag, name, .. } = AxonKey::parse(event.key);
        if cluster && tag.is_empty() {
            self.pass_over();
        } else {
            let axon = self.axon(&name);
            self.resift(axon, event, |domain, event| {
                domain.take_in(axon, tag, event, host);
            });
        }
    }

    fn take_in(&mut self, axon: usize, tag: &[u8], event: &Event<'_>, host: &mut Host) {
        self.stats.events_seen += 1;
        self.clear_forgotten(EVENT_FORGET_SLICE);
        if event.event_type().is_none() {
            self.stats.events_untyped += 1;
            return;
        }
        let number = self.leaflets.number(tag).unwrap_or_else(|| {
            let leaflet = Leaflet::new(tag.into(), &self.meter, &self.held);
            self.leaflets.insert(leaflet)
        });
        self.work(number, host, |feed, host| feed.arrive(axon, event, host));
    }

    /// Lets a leaflet's clock pass to this time (ms) in silence. One that is being rebuilt is not that far yet.
    pub fn tick(&mut self, tag: &[u8], time: u64, host: &mut Host) {
        self.clear_forgotten(FORGET_SLICE);
        if self.rebuild.is_none() {
            self.pass_to(tag, time, host);
        }
    }

    /// Lets enough time pass in silence for what waits in a leaflet, in the past.
    pub fn repass(&mut self, tag: &[u8], host: &mut Host) {
        let waits = |leaflet: &Leaflet| leaflet.waits_for(self.spec.time.lateness());
        if let Some(reach) = self.leaflets.get(tag).and_then(waits) {
            self.pass_to(tag, reach, host);
        }
    }

    fn pass_to(&mut self, tag: &[u8], time: u64, host: &mut Host) {
        if let Some(number) = self.leaflets.number(tag) {
            self.work(number, host, |feed, host| {
                feed.tick(time, host);
                true
            });
        }
    }

    /// Works on a leaflet. The work says whether it has ended the leaflet's silence.
    fn work(
        &mut self,
        number: u32,
        host: &mut Host,
        work: impl FnOnce(&mut Feed, &mut Host) -> bool,
    ) {
        let lateness = self.spec.time.lateness();
        let leaflet = &mut self.leaflets[number];
        let was_live = leaflet.is_live();
        let waited = leaflet.waits_for(lateness).is_some();
        let mut feed = Feed {
            domain: &self.name,
            spec: &self.spec,
            time_field: self.time_field.as_ref(),
            rules: &mut self.rules,
            index: &mut self.index,
            fields: &self.fields,
            store: &mut self.store,
            stats: &mut self.stats,
            past: self
                .rebuild
                .as_mut()
                .map(|rebuild| rebuild.past(&leaflet.tag)),
            leaflet,
        };
        let heard = work(&mut feed, host);
        if heard && (waited || leaflet.waits_for(lateness).is_some()) {
            host.wakes.push(leaflet.wake(&self.name, lateness));
        }
        self.settle(number, was_live);
    }

    /// The leaflets in which something waits for time to pass, in no order.
    pub fn waits(&self) -> impl Iterator<Item = Wake> + '_ {
        let lateness = self.spec.time.lateness();
        let waiting = self.leaflets.iter();
        waiting
            .filter(|_| self.rebuild.is_none())
            .map(move |leaflet| leaflet.wake(&self.name, lateness))
            .filter(|wake| wake.after.is_some())
    }

    /// A leaflet's clock, and what it has to reach for something in it (ms). One that is being rebuilt waits for no timer.
    pub fn waiting(&self, tag: &[u8]) -> Option<(u64, u64)> {
        if self.rebuild.is_some() {
            return None;
        }
        let leaflet = self.leaflets.get(tag)?;
        Some((leaflet.clock, leaflet.waits_for(self.spec.time.lateness())?))
    }

    /// Pauses or resumes the rule at this place.
    pub fn set_paused(&mut self, place: usize, paused: bool, wakes: &mut Vec<Wake>) {
        if self.rules[place].paused && !paused {
            self.see_from_now(place);
        }
        let rule = &mut self.rules[place];
        rule.paused = paused;
        let lateness = self.spec.time.lateness();
        for leaflet in self.leaflets.iter_mut() {
            // Who wakes a leaflet too early because of a rule that is paused finds out.
            if leaflet.set_paused(rule.id, paused) && !paused {
                wakes.push(leaflet.wake(&self.name, lateness));
            }
        }
    }

    /// After a leaflet was worked on: keeps the count of live ones and the number of idle ones within its limit.
    fn settle(&mut self, number: u32, was_live: bool) {
        let known = self.leaflets.len();
        let leaflet = &mut self.leaflets[number];
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
            if self.leaflets.len() - self.live <= MAX_IDLE {
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

/// The buffers of a rule's joins, and where the domain keeps their fields.
fn joins(program: &Program, slots: &[Slot]) -> Rc<[(usize, Slot)]> {
    let Kind::Match(rule) = &program.kind else {
        return Rc::default();
    };
    let place = |join: &Joined| {
        let buffer = program.atoms[join.atom as usize].buffer?;
        Some((buffer, slots[join.field as usize]))
    };
    rule.joins.iter().filter_map(place).collect()
}
