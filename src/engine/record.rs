//! What is kept of an event: what the output needs, and the fields that rules read later, as one block of bytes.
//!
//! ```text
//! holders: u32 | hops: u32 | cells: u16, where the tail begins: u32, 2 unused | a cell of 8 for each kept field
//! values of kept fields
//! tail: time, id.ms, id.seq: u64 each | five u32: where key, type, event_id, timestamp, value end | their texts
//! ```
//!
//! What conditions look at stands in front: mostly that is one line of the processor's cache. Blocks are made and read
//! by this module only; it never believes a block that comes from elsewhere, because none does (snapshots hold the parts).

use super::event::{EntryId, Event};
use super::value::Value;

/// A field that rules share: its number in the domain's [`Fields`](super::fields::Fields).
pub type Slot = u16;

/// A part of the head.
const HOPS: usize = 4;
const CELLS: usize = 8;
const TAIL: usize = 10;
const HEAD: usize = 16;
/// The tail's numbers: three times 8 bytes, and the ends of the parts.
const NUMBERS: usize = 24;
const ENDS: usize = 4 * Part::COUNT;

/// Where a part that is absent ends.
const ABSENT: u32 = u32::MAX;

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

/// Key, type and the standard fields `event_id`, `timestamp` and `value`.
pub type Parts<'a> = [Option<&'a [u8]>; Part::COUNT];

/// A kept field: its slot, what kind of value it has, and where that ends among the values.
struct Cell {
    slot: Slot,
    kind: u16,
    end: u32,
}

/// What kind of value a kept field has.
mod kind {
    pub const FALSE: u16 = 0;
    pub const TRUE: u16 = 1;
    /// A double's bytes.
    pub const NUMBER: u16 = 2;
    pub const TEXT: u16 = 3;
}

impl Cell {
    const BYTES: usize = 8;

    fn to_bytes(&self) -> [u8; Self::BYTES] {
        let word = u64::from(self.slot) | u64::from(self.kind) << 16 | u64::from(self.end) << 32;
        word.to_le_bytes()
    }

    fn from_bytes(bytes: [u8; Self::BYTES]) -> Self {
        let word = u64::from_le_bytes(bytes);
        Self {
            slot: word as Slot,
            kind: (word >> 16) as u16,
            end: (word >> 32) as u32,
        }
    }
}

/// What goes into a record.
pub struct Draft<'d> {
    /// Milliseconds since the epoch.
    pub time: u64,
    pub id: EntryId,
    pub hops: u32,
    pub parts: Parts<'d>,
    /// Fields that are kept; a NULL is not.
    pub values: &'d [(Slot, Value<'d>)],
}

impl<'d> Draft<'d> {
    /// What is needed of an event, and these values of its fields.
    pub fn new(event: &Event<'d>, time: u64, values: &'d [(Slot, Value<'d>)]) -> Self {
        Self {
            time,
            id: event.id,
            hops: event.hops,
            parts: [
                Some(event.key),
                event.event_type(),
                event.field(b"event_id"),
                event.field(b"timestamp"),
                event.field(b"value"),
            ],
            values,
        }
    }

    /// What its texts and values take, in bytes.
    pub fn length(&self) -> usize {
        let texts = self.parts.iter().flatten().map(|part| part.len());
        let values = self.values.iter().map(|(_, value)| length_of(value));
        texts.chain(values).sum()
    }

    /// Writes the block, held by one.
    pub fn write(&self, block: &mut Vec<u8>) {
        block.clear();
        let (mut cells, mut length) = (0, 0);
        for (_, value) in self.values {
            cells += usize::from(!value.is_null());
            length += length_of(value);
        }
        // No event is so large, but the values of many nested paths together might be.
        let fits = length < ABSENT as usize && cells <= usize::from(u16::MAX);
        let (values, cells, length) = match fits {
            true => (self.values, cells, length),
            false => (&[][..], 0, 0),
        };
        let tail = HEAD + cells * Cell::BYTES + length;
        let mut head = [0; HEAD];
        head[0] = 1;
        head[HOPS..][..4].copy_from_slice(&self.hops.to_le_bytes());
        head[CELLS..][..2].copy_from_slice(&(cells as u16).to_le_bytes());
        head[TAIL..][..4].copy_from_slice(&(tail as u32).to_le_bytes());
        block.extend_from_slice(&head);
        let mut end = 0;
        for (slot, value) in values {
            let kind = match value {
                Value::Null => continue,
                Value::Bool(false) => kind::FALSE,
                Value::Bool(true) => kind::TRUE,
                Value::Number(_) => kind::NUMBER,
                Value::Text(_) => kind::TEXT,
            };
            end += length_of(value) as u32;
            let slot = *slot;
            block.extend_from_slice(&Cell { slot, kind, end }.to_bytes());
        }
        for (_, value) in values {
            match value {
                Value::Null | Value::Bool(_) => {}
                Value::Number(number) => block.extend_from_slice(&number.to_le_bytes()),
                Value::Text(text) => block.extend_from_slice(text),
            }
        }
        let mut numbers = [0; NUMBERS + ENDS];
        for (n, number) in [self.time, self.id.ms, self.id.seq].iter().enumerate() {
            numbers[8 * n..][..8].copy_from_slice(&number.to_le_bytes());
        }
        let mut end = 0;
        for (n, part) in self.parts.iter().enumerate() {
            end += part.map_or(0, |part| part.len() as u32);
            let mark = part.map_or(ABSENT, |_| end);
            numbers[NUMBERS + 4 * n..][..4].copy_from_slice(&mark.to_le_bytes());
        }
        block.extend_from_slice(&numbers);
        for part in self.parts.into_iter().flatten() {
            block.extend_from_slice(part);
        }
    }
}

fn length_of(value: &Value) -> usize {
    match value {
        Value::Null | Value::Bool(_) => 0,
        Value::Number(_) => size_of::<f64>(),
        Value::Text(text) => text.len(),
    }
}

/// A look at a record; the block may be longer.
#[derive(Debug, Clone, Copy)]
pub struct Record<'r>(&'r [u8]);

impl<'r> Record<'r> {
    /// How many parts its text has.
    pub const PARTS: usize = Part::COUNT;

    /// The record in a block that [`Draft::write`] has written.
    pub fn of(block: &'r [u8]) -> Self {
        Self(block)
    }

    fn u32_at(self, at: usize) -> u32 {
        let bytes = self.0[at..].first_chunk();
        bytes.map_or(0, |bytes| u32::from_le_bytes(*bytes))
    }

    fn tail(self) -> &'r [u8] {
        &self.0[self.u32_at(TAIL) as usize..]
    }

    fn number(self, n: usize) -> u64 {
        let bytes = self.tail()[8 * n..].first_chunk();
        bytes.map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }

    /// Milliseconds since the epoch.
    pub fn time(self) -> u64 {
        self.number(0)
    }

    pub fn id(self) -> EntryId {
        EntryId {
            ms: self.number(1),
            seq: self.number(2),
        }
    }

    pub fn hops(self) -> u32 {
        self.u32_at(HOPS)
    }

    fn part(self, part: Part) -> Option<&'r [u8]> {
        let (numbers, texts) = self.tail().split_at(NUMBERS + ENDS);
        let end = |part: usize| {
            let bytes = numbers[NUMBERS + 4 * part..].first_chunk();
            let end = bytes.map_or(ABSENT, |bytes| u32::from_le_bytes(*bytes));
            (end != ABSENT).then_some(end as usize)
        };
        let part = part as usize;
        let start = (0..part).rev().find_map(end).unwrap_or(0);
        Some(&texts[start..end(part)?])
    }

    /// The whole key of its axon.
    pub fn key(self) -> &'r [u8] {
        self.part(Part::Key).unwrap_or_default()
    }

    pub fn event_type(self) -> &'r [u8] {
        self.part(Part::Type).unwrap_or_default()
    }

    pub fn event_id(self) -> Option<&'r [u8]> {
        self.part(Part::EventId)
    }

    pub fn timestamp(self) -> Option<&'r [u8]> {
        self.part(Part::Timestamp)
    }

    pub fn value(self) -> Option<&'r [u8]> {
        self.part(Part::Value)
    }

    /// Key, type and the standard fields.
    pub fn parts(self) -> Parts<'r> {
        [
            self.part(Part::Key),
            self.part(Part::Type),
            self.part(Part::EventId),
            self.part(Part::Timestamp),
            self.part(Part::Value),
        ]
    }

    fn cells(self) -> &'r [[u8; Cell::BYTES]] {
        let cells = usize::from(self.u32_at(CELLS) as u16);
        let (cells, _) = self.0[HEAD..HEAD + cells * Cell::BYTES].as_chunks();
        cells
    }

    /// The kept fields.
    pub fn kept_slots(self) -> impl Iterator<Item = (Slot, Value<'r>)> {
        let mut start = 0;
        self.cells().iter().map(move |cell| {
            let cell = Cell::from_bytes(*cell);
            let from = std::mem::replace(&mut start, cell.end);
            (cell.slot, self.value_of(from, &cell))
        })
    }

    /// A kept field; NULL where it was not kept.
    pub fn kept(self, slot: Slot) -> Value<'r> {
        let mut kept = self.kept_slots();
        kept.find(|(known, _)| *known == slot)
            .map_or(Value::Null, |(_, value)| value)
    }

    fn value_of(self, from: u32, cell: &Cell) -> Value<'r> {
        let values = &self.0[HEAD + size_of_val(self.cells())..];
        let bytes = &values[from as usize..cell.end as usize];
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

    /// What the block of a record takes that keeps so many fields, apart from their values and its texts.
    pub fn bytes_with(kept: usize) -> u64 {
        (HEAD + kept * Cell::BYTES + NUMBERS + ENDS) as u64
    }
}

/// How many hold a record: windows, and the event's intake while it lasts.
pub fn holders_mut(block: &mut [u8]) -> Option<&mut [u8; 4]> {
    block.first_chunk_mut()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_written_is_read() {
        let values = [
            (3, Value::text(b"x y")),
            (4, Value::Null),
            (1, Value::Number(2.5)),
            (9, Value::Bool(true)),
            (8, Value::Bool(false)),
            (7, Value::text(b"")),
        ];
        let id = EntryId { ms: 5, seq: 6 };
        let parts = [Some(&b"k{t}"[..]), None, Some(b""), Some(b"now"), None];
        let draft = Draft {
            time: 4,
            id,
            hops: 7,
            parts,
            values: &values,
        };
        let mut block = b"what stood there".to_vec();
        draft.write(&mut block);
        let written = block.len();
        block.extend([0xff; 9]);
        let record = Record::of(&block);
        assert_eq!((record.time(), record.id(), record.hops()), (4, id, 7));
        assert_eq!(record.parts(), parts);
        assert_eq!(
            (record.key(), record.event_type()),
            (&b"k{t}"[..], &b""[..])
        );
        for (slot, value) in &values {
            assert_eq!(record.kept(*slot), *value);
        }
        assert_eq!(
            (record.kept(2), record.kept_slots().count()),
            (Value::Null, 5)
        );
        assert_eq!(written as u64, Record::bytes_with(5) + 11 + 7);
        assert_eq!(holders_mut(&mut block), Some(&mut [1, 0, 0, 0]));
    }
}
