//! Events that wait until no earlier one can come.

use std::collections::BTreeMap;
use std::mem::size_of;
use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::event::{EntryId, Event};
use super::meter::Meter;
use super::{Error, Result};

/// A field: name and value.
type Field = (Box<[u8]>, Box<[u8]>);

/// An event that is held, with everything it was read with.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Held {
    key: Box<[u8]>,
    id: EntryId,
    fields: Box<[Field]>,
    hops: u32,
}

/// An event in a snapshot: its time, its place among the arrivals, and itself.
pub type HeldState = ((u64, u64), Held);

impl Held {
    fn new(event: &Event<'_>) -> Self {
        let own = |(name, value): &(&[u8], &[u8])| ((*name).into(), (*value).into());
        Self {
            key: event.key.into(),
            id: event.id,
            fields: event.fields.iter().map(own).collect(),
            hops: event.hops,
        }
    }

    /// The event, as it came.
    pub fn with_event<T>(&self, then: impl FnOnce(&Event<'_>) -> T) -> T {
        let fields: Vec<(&[u8], &[u8])> = self.fields.iter().map(|(n, v)| (&**n, &**v)).collect();
        then(&Event {
            key: &self.key,
            id: self.id,
            fields: &fields,
            hops: self.hops,
        })
    }

    /// What an event takes when it is held.
    fn bytes(key: usize, fields: impl Iterator<Item = usize>) -> u64 {
        // A tree's nodes are about half full where most events come at its end; each text has a block of its own.
        let field = |text: usize| text + size_of::<Field>() + 32;
        let place = 2 * size_of::<((u64, u64), Self)>() + 32;
        (place + key + fields.map(field).sum::<usize>()) as u64
    }

    fn own_bytes(&self) -> u64 {
        let fields = self.fields.iter().map(|(n, v)| n.len() + v.len());
        Self::bytes(self.key.len(), fields)
    }
}

/// The events of a leaflet that wait, by time and then by arrival.
#[derive(Debug)]
pub struct Reorder {
    held: BTreeMap<(u64, u64), Held>,
    arrivals: u64,
    meter: Rc<Meter>,
}

impl Reorder {
    /// What holding anything takes besides: the first node of the tree.
    pub const BASE_BYTES: u64 = 11 * size_of::<((u64, u64), Held)>() as u64;

    /// An empty buffer that counts with this meter.
    pub fn new(meter: &Rc<Meter>) -> Self {
        Self {
            held: BTreeMap::new(),
            arrivals: 0,
            meter: Rc::clone(meter),
        }
    }

    /// What an event would take.
    pub fn bytes_of(event: &Event<'_>) -> u64 {
        let fields = event.fields.iter().map(|(n, v)| n.len() + v.len());
        Held::bytes(event.key.len(), fields)
    }

    /// Holds an event of this time (ms).
    pub fn hold(&mut self, event: &Event<'_>, time: u64) {
        self.arrivals += 1;
        self.insert((time, self.arrivals), Held::new(event));
    }

    fn insert(&mut self, place: (u64, u64), held: Held) {
        if self.held.is_empty() {
            self.meter.add_bytes(Self::BASE_BYTES);
        }
        self.meter.add_event();
        self.meter.add_bytes(held.own_bytes());
        self.held.insert(place, held);
    }

    /// The next event whose time has come when none before `watermark` (ms) can come any more; its time and itself.
    pub fn release(&mut self, watermark: u64) -> Option<(u64, Held)> {
        let due = self.next()? <= watermark;
        let ((time, _), held) = due.then(|| self.held.pop_first())??;
        self.meter.remove_event();
        self.meter.remove_bytes(held.own_bytes());
        if self.held.is_empty() {
            self.meter.remove_bytes(Self::BASE_BYTES);
        }
        Some((time, held))
    }

    /// How many events were held so far.
    pub fn arrivals(&self) -> u64 {
        self.arrivals
    }

    /// The events held, in order.
    pub fn capture(&self) -> Vec<HeldState> {
        self.held
            .iter()
            .map(|(place, held)| (*place, held.clone()))
            .collect()
    }

    /// Takes over what a buffer held that had held so many events.
    ///
    /// # Errors
    /// Where an event is one of later ones, or is none.
    pub fn restore(&mut self, held: Vec<HeldState>, arrivals: u64) -> Result<()> {
        self.arrivals = arrivals;
        for (place, held) in held {
            let untyped = held.with_event(|event| event.event_type().is_none());
            if place.1 > arrivals || untyped || self.held.contains_key(&place) {
                let why = "the snapshot does not fit: a held event is none";
                return Err(Error::new(why));
            }
            self.insert(place, held);
        }
        Ok(())
    }

    /// Drops the next event, for a buffer that is dropped, without counting it. False: there is none.
    pub fn drop_next(&mut self) -> bool {
        self.held.pop_first().is_some()
    }

    /// Gives back what an empty buffer keeps to be faster.
    pub fn shrink(&mut self) {
        if self.held.is_empty() {
            self.held = BTreeMap::new();
        }
    }

    /// The time of the earliest event held, ms.
    pub fn next(&self) -> Option<u64> {
        self.held.first_key_value().map(|((time, _), _)| *time)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn events_leave_in_the_order_of_their_times() {
        let meter = Rc::new(Meter::default());
        let mut buffer = Reorder::new(&meter);
        for (n, time) in [(1, 30), (2, 10), (3, 10), (4, 20)] {
            let id = EntryId { ms: n, seq: 0 };
            let fields: &[(&[u8], &[u8])] = &[(b"type", b"A")];
            let event = Event {
                key: b"k",
                id,
                fields,
                hops: 0,
            };
            let before = meter.bytes();
            buffer.hold(&event, time);
            let base = if before == 0 { Reorder::BASE_BYTES } else { 0 };
            assert_eq!(meter.bytes() - before, base + Reorder::bytes_of(&event));
        }
        assert_eq!(buffer.next(), Some(10));
        let mut order = Vec::new();
        while let Some((time, held)) = buffer.release(20) {
            order.push((time, held.with_event(|event| event.id.ms)));
        }
        assert_eq!(order, [(10, 2), (10, 3), (20, 4)]);
        assert_eq!(meter.events(), 1);
        assert!(buffer.release(29).is_none());
        assert!(buffer.release(30).is_some());
        assert_eq!((meter.events(), meter.bytes()), (0, 0));
    }
}
