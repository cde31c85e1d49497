//! An event's way into a leaflet: at once, or held until its time has come.

use std::rc::Rc;

use super::domain::DomainSpec;
use super::emission::Host;
use super::event::Event;
use super::field::FieldRef;
use super::fields::Fields;
use super::index::Index;
use super::intake::{Fate, Intake};
use super::key::AxonKey;
use super::leaflet::Leaflet;
use super::processor::Rule;
use super::rebuild::Past;
use super::stats::Stats;
use super::store::Store;
use super::time::{read_time, TimeSource};

/// How many held events and deadlines one event or tick takes together; the next one goes on, and a leaflet that is behind
/// asks for a tick at once.
const RELEASE_SLICE: usize = 1_024;

/// The parts of a domain that work on one of its leaflets.
pub struct Feed<'a> {
    pub domain: &'a Rc<str>,
    pub spec: &'a DomainSpec,
    /// The field of [`TimeSource::Field`].
    pub time_field: Option<&'a FieldRef>,
    pub rules: &'a mut [Rule],
    pub index: &'a mut Index,
    pub fields: &'a Fields,
    pub store: &'a mut Store,
    pub stats: &'a mut Stats,
    pub leaflet: &'a mut Leaflet,
    /// What is known of its past, while it is being rebuilt.
    pub past: Option<&'a mut Past>,
}

impl Feed<'_> {
    /// An event of this axon comes. False: it is dropped, as if it had not come.
    pub fn arrive(&mut self, axon: usize, event: &Event<'_>, host: &mut Host) -> bool {
        let TimeSource::Field { lateness, .. } = self.spec.time else {
            let time = event.id.ms;
            self.leaflet.clock = self.leaflet.clock.max(time);
            self.process(axon, event, time, self.leaflet.clock, host);
            return true;
        };
        let time = self.time_field.and_then(|field| read_time(field, event));
        let Some(time) = time else {
            self.stats.events_untimed += 1;
            return false;
        };
        if time > event.id.ms.saturating_add(host.settings.max_time_ahead) {
            self.stats.events_ahead += 1;
            return false;
        }
        if time < self.leaflet.clock.saturating_sub(lateness) {
            self.stats.events_late += 1;
            return false;
        }
        // Also an event that finds no room moves the clock: what is held would else never make room.
        self.leaflet.clock = self.leaflet.clock.max(time);
        let caught_up = self.release(host);
        if caught_up && time <= self.leaflet.clock.saturating_sub(lateness) {
            // It is not earlier than what was held until now, and need not wait.
            self.process(axon, event, time, time, host);
        } else if host.total.bytes() + self.leaflet.bytes_to_hold(event)
            > host.settings.max_window_memory
        {
            self.stats.events_shed += 1;
        } else {
            self.leaflet.hold(event, time);
        }
        true
    }

    /// Time passes in silence.
    pub fn tick(&mut self, time: u64, host: &mut Host) {
        self.leaflet.clock = self.leaflet.clock.max(time);
        self.release(host);
    }

    /// Processes the held events whose time has come, and meets the deadlines behind the watermark, in the order of
    /// time. False: something of that is left.
    fn release(&mut self, host: &mut Host) -> bool {
        let watermark = self.leaflet.clock.saturating_sub(self.spec.time.lateness());
        for _ in 0..RELEASE_SLICE {
            let next = self.leaflet.next_held().filter(|time| *time <= watermark);
            let (rules, mut intake) = self.intake(host);
            if intake.meet_deadline(rules, next.unwrap_or(watermark)) {
                continue;
            }
            let Some((time, held)) = self.leaflet.release(watermark) else {
                return true;
            };
            held.with_event(|event| {
                let name = AxonKey::parse(event.key).name;
                let rules = &*self.rules;
                let axon = self.index.axon(&name, |place| rules[place].indexed());
                self.process(axon, event, time, time, host);
            });
        }
        false
    }

    fn intake<'s, 'h>(&'s mut self, host: &'s mut Host<'h>) -> (&'s mut [Rule], Intake<'s, 'h>) {
        let intake = Intake {
            domain: self.domain,
            spec: self.spec,
            store: &mut *self.store,
            stats: &mut *self.stats,
            host,
            leaflet: &mut *self.leaflet,
            past: self.past.as_deref(),
        };
        (&mut *self.rules, intake)
    }

    /// Processes an event of this time, after the deadlines that lie before `passed`.
    fn process(&mut self, axon: usize, event: &Event<'_>, time: u64, passed: u64, host: &mut Host) {
        // Entries without a type are not let in.
        let event_type = event.event_type().unwrap_or_default();
        let rules = &*self.rules;
        let uses = self
            .index
            .uses(axon, event_type, |place| rules[place].indexed());
        let fields = self.fields;
        if let Some(past) = &mut self.past {
            past.arrive(event.key, event.id, self.leaflet.seq + 1);
        }
        let (rules, mut intake) = self.intake(host);
        intake.meet_deadlines(rules, passed);
        let mut arrival = intake.arrive(event, time, fields, &uses);
        let mut fate = Fate::default();
        for &(place, atoms) in &uses.rules {
            let rule = &mut rules[place];
            if !rule.paused && intake.sees(rule, event) {
                intake.offer(rule, atoms, &mut arrival, &mut fate);
            }
        }
        intake.leave(arrival, fate);
    }
}
