//! The events that windows hold, each once, counted and measured.

use std::mem::size_of;
use std::rc::Rc;

use slab::Slab;
use smallvec::SmallVec;

use super::event::{EntryId, Event};
use super::meter::Meter;
use super::value::Value;

/// A record's number in its [`Store`].
pub type RecordId = u32;

/// A field that rules share: its number in the domain's [`Fields`](super::fields::Fields).
pub type Slot = u16;

/// Kept fields up to this number need no block of their own.
const KEPT_INLINE: usize = 2;

/// The value of a field that is kept.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kept {
    Bool(bool),
    Number(f64),
    /// From here to there in the record's text.
    Text(u32, u32),
}

/// What is kept of an event: what the output needs, and the fields that rules read later.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Milliseconds since the epoch.
    pub time: u64,
    pub id: EntryId,
    pub hops: u32,
    /// How many hold it: windows, and the event's intake while it lasts.
    holders: u32,
    /// Key, type, the standard fields and the texts of those kept, one after the other: one allocation for all.
    text: Box<[u8]>,
    /// Where each of the former ends in `text`; `u32::MAX` where it is absent.
    ends: [u32; Part::COUNT],
    kept: SmallVec<[(Slot, Kept); KEPT_INLINE]>,
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Key,
    Type,
    EventId,
    Timestamp,
    Value,
}

impl Part {
    const COUNT: usize = 5;
}

const ABSENT: u32 = u32::MAX;

impl Record {
    /// How many parts its text has.
    pub const PARTS: usize = Part::COUNT;

    /// Keeps what is needed of an event, and these values of its fields.
    pub fn new(event: &Event<'_>, time: u64, values: &[(Slot, Value)]) -> Self {
        let parts = [
            Some(event.key),
            event.event_type(),
            event.field(b"event_id"),
            event.field(b"timestamp"),
            event.field(b"value"),
        ];
        Self::from_parts(parts, event.id, time, event.hops, values)
    }

    /// A record of these parts (key, type and the standard fields) and values; a NULL is not kept.
    pub fn from_parts(
        parts: [Option<&[u8]>; Self::PARTS],
        id: EntryId,
        time: u64,
        hops: u32,
        values: &[(Slot, Value)],
    ) -> Self {
        let texts = values.iter().map(|(_, value)| text_of(value));
        let texts = parts.iter().flatten().copied().chain(texts);
        let mut text = Vec::with_capacity(texts.map(<[u8]>::len).sum());
        let ends = parts.map(|part| match part {
            None => ABSENT,
            Some(bytes) => {
                text.extend_from_slice(bytes);
                text.len() as u32
            }
        });
        let values = values.iter().filter(|(_, value)| !value.is_null());
        let mut kept = SmallVec::with_capacity(values.clone().count());
        for (slot, value) in values {
            let from = text.len();
            text.extend_from_slice(text_of(value));
            let value = match value {
                Value::Bool(truth) => Kept::Bool(*truth),
                Value::Number(number) => Kept::Number(*number),
                // No event is so large, but the values of many nested paths together might be.
                _ => match (u32::try_from(from), u32::try_from(text.len())) {
                    (Ok(from), Ok(to)) => Kept::Text(from, to),
                    _ => break,
                },
            };
            kept.push((*slot, value));
        }
        Self {
            time,
            id,
            hops,
            holders: 1,
            text: text.into(),
            ends,
            kept,
        }
    }

    fn part(&self, part: Part) -> Option<&[u8]> {
        let part = part as usize;
        if self.ends[part] == ABSENT {
            return None;
        }
        let start = self.ends[..part]
            .iter()
            .rev()
            .find(|end| **end != ABSENT)
            .copied()
            .unwrap_or(0);
        Some(&self.text[start as usize..self.ends[part] as usize])
    }

    /// The whole key of its axon.
    pub fn key(&self) -> &[u8] {
        self.part(Part::Key).unwrap_or_default()
    }

    pub fn event_type(&self) -> &[u8] {
        self.part(Part::Type).unwrap_or_default()
    }

    pub fn event_id(&self) -> Option<&[u8]> {
        self.part(Part::EventId)
    }

    pub fn timestamp(&self) -> Option<&[u8]> {
        self.part(Part::Timestamp)
    }

    pub fn value(&self) -> Option<&[u8]> {
        self.part(Part::Value)
    }

    /// Key, type and the standard fields.
    pub fn parts(&self) -> [Option<&[u8]>; Self::PARTS] {
        [
            self.part(Part::Key),
            self.part(Part::Type),
            self.part(Part::EventId),
            self.part(Part::Timestamp),
            self.part(Part::Value),
        ]
    }

    /// The kept fields.
    pub fn kept_slots(&self) -> impl Iterator<Item = (Slot, Value<'_>)> {
        self.kept
            .iter()
            .map(|(slot, kept)| (*slot, self.value_of(*kept)))
    }

    /// A kept field; NULL where it was not kept.
    pub fn kept(&self, slot: Slot) -> Value<'_> {
        let found = self.kept.iter().find(|(known, _)| *known == slot);
        found.map_or(Value::Null, |(_, kept)| self.value_of(*kept))
    }

    fn value_of(&self, kept: Kept) -> Value<'_> {
        match kept {
            Kept::Bool(truth) => Value::Bool(truth),
            Kept::Number(number) => Value::Number(number),
            Kept::Text(from, to) => Value::text(&self.text[from as usize..to as usize]),
        }
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> u64 {
        let spilled = if self.kept.spilled() {
            self.kept.capacity()
        } else {
            0
        };
        Self::bytes_without_texts(spilled) + self.text.len() as u64
    }

    /// What a record takes whose list of kept fields has a block of its own for so many (0: it has none), apart from
    /// its texts. Records stand in a list that is partly empty; the text has a block of its own.
    fn bytes_without_texts(spilled: usize) -> u64 {
        (3 * size_of::<Self>() / 2 + spilled * size_of::<(Slot, Kept)>() + 16) as u64
    }

    /// What a record that keeps so many fields takes, apart from its texts.
    pub fn bytes_with(kept: usize) -> u64 {
        let spilled = if kept > KEPT_INLINE { kept } else { 0 };
        Self::bytes_without_texts(spilled)
    }
}

/// The bytes of a text; no other value has any.
fn text_of<'a>(value: &'a Value) -> &'a [u8] {
    match value {
        Value::Text(text) => text,
        _ => &[],
    }
}

/// The records of a domain.
#[derive(Debug)]
pub struct Store {
    records: Slab<Record>,
    meter: Rc<Meter>,
}

impl Store {
    /// An empty store that counts what it holds with this meter.
    pub fn new(meter: Rc<Meter>) -> Self {
        Self {
            records: Slab::new(),
            meter,
        }
    }

    /// Puts a record in, held by the caller.
    pub fn insert(&mut self, record: Record) -> RecordId {
        self.meter.add_event();
        self.meter.add_bytes(record.bytes());
        self.records.insert(record) as RecordId
    }

    /// One holder more.
    pub fn hold(&mut self, id: RecordId) {
        self.records[id as usize].holders += 1;
    }

    /// One holder less; the record goes with the last.
    pub fn release(&mut self, id: RecordId) {
        let record = &mut self.records[id as usize];
        record.holders -= 1;
        if record.holders == 0 {
            self.meter.remove_event();
            self.meter
                .remove_bytes(self.records.remove(id as usize).bytes());
        }
    }

    pub fn get(&self, id: RecordId) -> &Record {
        &self.records[id as usize]
    }

    /// How many events are held.
    pub fn len(&self) -> u64 {
        self.meter.events()
    }
}
