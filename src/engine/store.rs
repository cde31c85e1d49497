//! The events that windows hold, each once, counted and measured.

use std::mem::size_of;
use std::rc::Rc;

use super::event::{EntryId, Event};
use super::meter::Meter;
use super::pages::Pages;
use super::value::Value;

/// A record's number in its [`Store`].
pub type RecordId = u32;

/// A field that rules share: its number in the domain's [`Fields`](super::fields::Fields).
pub type Slot = u16;

/// What is kept of an event: what the output needs, and the fields that rules read later.
///
/// All of it but the numbers that every event has stands in one block, so that a look at an event touches little memory.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// Milliseconds since the epoch.
    pub time: u64,
    pub id: EntryId,
    pub hops: u32,
    /// How many hold it: windows, and the event's intake while it lasts.
    holders: u32,
    /// Where the texts of key, type and the standard fields end ([`ABSENT`] where there is none), a [`Cell`] for each kept
    /// field, and the texts one after the other.
    block: Box<[u8]>,
}

/// A kept field in a record's block: its slot, what kind of value it has, and where that ends among the texts.
struct Cell {
    slot: Slot,
    kind: u16,
    end: u32,
}

/// What kind of value a kept field has.
mod kind {
    pub const FALSE: u16 = 0;
    pub const TRUE: u16 = 1;
    /// A double's bytes stand among the texts.
    pub const NUMBER: u16 = 2;
    pub const TEXT: u16 = 3;
}

impl Cell {
    const BYTES: usize = 8;

    fn write(&self, block: &mut Vec<u8>) {
        block.extend_from_slice(&self.slot.to_le_bytes());
        block.extend_from_slice(&self.kind.to_le_bytes());
        block.extend_from_slice(&self.end.to_le_bytes());
    }

    fn read(bytes: &[u8; Self::BYTES]) -> Self {
        let [a, b, c, d, e, f, g, h] = *bytes;
        Self {
            slot: Slot::from_le_bytes([a, b]),
            kind: u16::from_le_bytes([c, d]),
            end: u32::from_le_bytes([e, f, g, h]),
        }
    }
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
/// The ends of the parts, and the number of cells.
const HEAD: usize = 4 * Part::COUNT + 2;

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
        let (mut cells, mut bytes) = (0, HEAD);
        bytes += parts.iter().flatten().map(|part| part.len()).sum::<usize>();
        for (_, value) in values {
            cells += usize::from(!value.is_null());
            bytes += match value {
                Value::Null => continue,
                Value::Bool(_) => 0,
                Value::Number(_) => size_of::<f64>(),
                Value::Text(text) => text.len(),
            } + Cell::BYTES;
        }
        // No event is so large, but the values of many nested paths together might be.
        let fits = bytes < ABSENT as usize && cells <= usize::from(u16::MAX);
        let (values, cells) = if fits { (values, cells) } else { (&[][..], 0) };
        let mut block = Vec::with_capacity(bytes);
        let mut end = 0;
        for part in parts {
            end += part.map_or(0, <[u8]>::len) as u32;
            let mark = part.map_or(ABSENT, |_| end);
            block.extend_from_slice(&mark.to_le_bytes());
        }
        block.extend_from_slice(&(cells as u16).to_le_bytes());
        for (slot, value) in values {
            let (kind, length) = match value {
                Value::Null => continue,
                Value::Bool(false) => (kind::FALSE, 0),
                Value::Bool(true) => (kind::TRUE, 0),
                Value::Number(_) => (kind::NUMBER, size_of::<f64>()),
                Value::Text(text) => (kind::TEXT, text.len()),
            };
            end += length as u32;
            let slot = *slot;
            Cell { slot, kind, end }.write(&mut block);
        }
        for part in parts.into_iter().flatten() {
            block.extend_from_slice(part);
        }
        for (_, value) in values {
            match value {
                Value::Null | Value::Bool(_) => {}
                Value::Number(number) => block.extend_from_slice(&number.to_le_bytes()),
                Value::Text(text) => block.extend_from_slice(text),
            }
        }
        Self {
            time,
            id,
            hops,
            holders: 1,
            block: block.into(),
        }
    }

    /// Where a part's text ends.
    fn end(&self, part: usize) -> u32 {
        let bytes = self.block[4 * part..].first_chunk();
        bytes.map_or(ABSENT, |bytes| u32::from_le_bytes(*bytes))
    }

    /// Where the last of these parts that is there ends.
    fn end_of_last(&self, parts: std::ops::Range<usize>) -> u32 {
        let mut ends = parts.rev().map(|part| self.end(part));
        ends.find(|end| *end != ABSENT).unwrap_or(0)
    }

    fn cells(&self) -> &[[u8; Cell::BYTES]] {
        let [low, high] = [self.block[HEAD - 2], self.block[HEAD - 1]];
        let cells = usize::from(u16::from_le_bytes([low, high]));
        let (cells, _) = self.block[HEAD..HEAD + cells * Cell::BYTES].as_chunks();
        cells
    }

    fn texts(&self) -> &[u8] {
        &self.block[HEAD + size_of_val(self.cells())..]
    }

    fn part(&self, part: Part) -> Option<&[u8]> {
        let part = part as usize;
        let end = self.end(part);
        if end == ABSENT {
            return None;
        }
        let start = self.end_of_last(0..part);
        Some(&self.texts()[start as usize..end as usize])
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
        let mut start = self.end_of_last(0..Self::PARTS);
        self.cells().iter().map(move |cell| {
            let cell = Cell::read(cell);
            let from = std::mem::replace(&mut start, cell.end);
            (cell.slot, self.value_of(from, &cell))
        })
    }

    /// A kept field; NULL where it was not kept.
    pub fn kept(&self, slot: Slot) -> Value<'_> {
        let cells = self.cells();
        for (n, cell) in cells.iter().enumerate() {
            let cell = Cell::read(cell);
            if cell.slot == slot {
                let from = match n.checked_sub(1) {
                    Some(before) => Cell::read(&cells[before]).end,
                    None => self.end_of_last(0..Self::PARTS),
                };
                return self.value_of(from, &cell);
            }
        }
        Value::Null
    }

    fn value_of(&self, from: u32, cell: &Cell) -> Value<'_> {
        let bytes = &self.texts()[from as usize..cell.end as usize];
        match cell.kind {
            kind::TRUE => Value::Bool(true),
            kind::FALSE => Value::Bool(false),
            kind::NUMBER => match bytes.try_into() {
                Ok(bytes) => Value::Number(f64::from_le_bytes(bytes)),
                Err(_) => Value::Null,
            },
            _ => Value::text(bytes),
        }
    }

    /// What it takes in memory.
    pub fn bytes(&self) -> u64 {
        (Self::OWN_BYTES + self.block.len()) as u64
    }

    /// A record's place, and what the memory's keeper puts around its block.
    const OWN_BYTES: usize = size_of::<Self>() + 16;

    /// What a record that keeps so many fields takes, apart from their values and its texts.
    pub fn bytes_with(kept: usize) -> u64 {
        (Self::OWN_BYTES + HEAD + kept * Cell::BYTES) as u64
    }
}

/// The records of a domain.
#[derive(Debug)]
pub struct Store {
    records: Pages<Record>,
    meter: Rc<Meter>,
}

impl Store {
    /// An empty store that counts what it holds with this meter.
    pub fn new(meter: Rc<Meter>) -> Self {
        Self {
            records: Pages::default(),
            meter,
        }
    }

    /// Puts a record in, held by the caller.
    pub fn insert(&mut self, record: Record) -> RecordId {
        self.meter.add_event();
        self.meter.add_bytes(record.bytes());
        self.records.insert(record)
    }

    /// One holder more.
    pub fn hold(&mut self, id: RecordId) {
        self.records[id].holders += 1;
    }

    /// One holder less; the record goes with the last.
    pub fn release(&mut self, id: RecordId) {
        let record = &mut self.records[id];
        record.holders -= 1;
        if record.holders == 0 {
            self.meter.remove_event();
            self.meter.remove_bytes(self.records.remove(id).bytes());
        }
    }

    pub fn get(&self, id: RecordId) -> &Record {
        &self.records[id]
    }

    /// How many events are held.
    pub fn len(&self) -> u64 {
        self.meter.events()
    }

    /// Forgets everything.
    pub fn clear(&mut self) {
        self.records = Pages::default();
        self.meter.clear();
    }
}
