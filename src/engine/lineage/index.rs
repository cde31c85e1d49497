//! Where integrated events stand, and which of them an entry took part in.
//!
//! What is held is where to look, not what is there: ids, and hashes of sources. The oldest goes first.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::queue::Queue;
use crate::engine::event::EntryId;
use crate::engine::pages::Pages;
use crate::engine::table::{hash_of, Hashed, Table};
use crate::engine::{Error, Result};

/// A stream's entry, by its stream and id, as far as the index tells them apart. The same everywhere and always: it is
/// saved.
pub fn source_hash(key: &[u8], id: EntryId) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mix = |hash: u64, word: u64| {
        let product = u128::from(hash ^ word) * u128::from(SPREAD);
        (product as u64) ^ (product >> 64) as u64
    };
    let mut hash = SPREAD ^ key.len() as u64;
    let mut words = key.chunks_exact(8);
    for word in words.by_ref() {
        hash = mix(
            hash,
            u64::from_le_bytes(word.try_into().unwrap_or_default()),
        );
    }
    let mut rest = [0; 8];
    rest[..words.remainder().len()].copy_from_slice(words.remainder());
    hash = mix(hash, u64::from_le_bytes(rest));
    mix(mix(hash, id.ms), id.seq.rotate_left(32))
}

/// Where an integrated event stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place<'a> {
    pub event: Uuid,
    pub db: i32,
    /// The key of the output stream.
    pub key: &'a [u8],
    pub id: EntryId,
}

/// An integrated event.
#[derive(Debug, Clone, Copy)]
struct Emitted {
    event: Uuid,
    id: EntryId,
    /// The number of its first source.
    first: u64,
    /// The number of its output.
    output: u32,
}

/// A source of an integrated event.
#[derive(Debug, Clone, Copy)]
struct Source {
    hash: u64,
    /// The number of the integrated event.
    emitted: u64,
    /// The number of the same entry where it was a source before, or [`NONE`].
    before: u64,
}

const NONE: u64 = u64::MAX;

#[derive(Debug)]
struct Output {
    db: i32,
    key: Box<[u8]>,
    hash: u32,
    /// How many integrated events stand there.
    events: u64,
    /// It was flushed, and is in no table.
    gone: bool,
}

/// A number with the hash of what it stands for.
#[derive(Debug, Clone, Copy)]
struct Entry {
    hash: u32,
    number: u64,
}

impl Hashed for Entry {
    fn hash(&self) -> u32 {
        self.hash
    }
}

/// What an entry of a table takes, of which a third is empty.
const ENTRY_BYTES: u64 = (size_of::<Entry>() as u64 + 1) * 3 / 2;
const EMITTED_BYTES: u64 = size_of::<Emitted>() as u64 + ENTRY_BYTES;
const SOURCE_BYTES: u64 = size_of::<Source>() as u64 + ENTRY_BYTES;
const OUTPUT_BYTES: u64 = size_of::<Option<Output>>() as u64 + ENTRY_BYTES;
/// So many old ones go at most when one comes, beside as many as it has sources: the room may have become smaller.
const SLICE: u64 = 1_024;

/// The index.
#[derive(Debug, Default)]
pub struct Index {
    emitted: Queue<Emitted>,
    sources: Queue<Source>,
    outputs: Pages<Output>,
    by_event: Table<Entry>,
    by_source: Table<Entry>,
    by_output: Table<Entry>,
    bytes: u64,
    /// Some had to go.
    cut: bool,
}

impl Index {
    /// What it takes, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// How many integrated events it knows.
    pub fn count(&self) -> u64 {
        self.emitted.len()
    }

    /// What came before this entry id is not known any more. `None`: nothing had to go.
    pub fn since(&self) -> Option<EntryId> {
        let (_, oldest) = self.emitted.iter().next()?;
        self.cut.then_some(oldest.id)
    }

    /// Takes note of an integrated event, which has these sources. The oldest ones go until it takes no more than
    /// `room`.
    pub fn note(&mut self, place: Place<'_>, sources: &[u64], room: u64) {
        let hash = hash_of(place.event.as_bytes());
        let known = self.find(hash, place.event);
        if known.is_some_and(|number| self.place(number) == Some(place)) {
            return;
        }
        let output = self.output(place.db, place.key);
        self.outputs[output].events += 1;
        let number = self.emitted.push(Emitted {
            event: place.event,
            id: place.id,
            first: self.sources.end(),
            output,
        });
        self.bytes += EMITTED_BYTES + SOURCE_BYTES * sources.len() as u64;
        if known.is_some() {
            // It was emitted once more, after its output was lost.
            let is = |entry: &Entry| Some(entry.number) == known;
            if let Some(entry) = self.by_event.get_mut(hash, is) {
                entry.number = number;
            }
        } else {
            self.by_event.insert(Entry { hash, number });
        }
        for source in sources {
            self.note_source(*source, number);
        }
        for _ in 0..SLICE + sources.len() as u64 {
            if self.bytes <= room {
                break;
            }
            self.drop_oldest();
        }
    }

    fn note_source(&mut self, source: u64, emitted: u64) {
        let hash = hash_of(&source.to_le_bytes());
        let number = self.sources.end();
        let known = &self.sources;
        let is = |entry: &Entry| known.get(entry.number).is_some_and(|s| s.hash == source);
        let before = match self.by_source.get_mut(hash, is) {
            Some(entry) => std::mem::replace(&mut entry.number, number),
            None => {
                self.by_source.insert(Entry { hash, number });
                NONE
            }
        };
        self.sources.push(Source {
            hash: source,
            emitted,
            before,
        });
    }

    /// The number of the integrated event of this id, which has this hash.
    fn find(&self, hash: u32, event: Uuid) -> Option<u64> {
        let is = |entry: &Entry| is_event(&self.emitted, entry.number, event);
        self.by_event.get(hash, is).map(|entry| entry.number)
    }

    /// The number of an output.
    fn output(&mut self, db: i32, key: &[u8]) -> u32 {
        let hash = hash_of(key);
        let outputs = &self.outputs;
        let is = |entry: &Entry| is_output(outputs, entry.number, db, key);
        if let Some(entry) = self.by_output.get(hash, is) {
            return entry.number as u32;
        }
        self.bytes += OUTPUT_BYTES + key.len() as u64;
        let number = self.outputs.insert(Output {
            db,
            key: key.into(),
            hash,
            events: 0,
            gone: false,
        });
        self.by_output.insert(Entry {
            hash,
            number: u64::from(number),
        });
        number
    }

    fn drop_oldest(&mut self) {
        let Some((number, oldest)) = self.emitted.pop() else {
            return;
        };
        self.cut = true;
        let same = |entry: &Entry| entry.number == number;
        self.by_event.remove(hash_of(oldest.event.as_bytes()), same);
        self.bytes -= EMITTED_BYTES;
        for _ in oldest.first..self.end_of(number) {
            if let Some((number, source)) = self.sources.pop() {
                let same = |entry: &Entry| entry.number == number;
                self.by_source
                    .remove(hash_of(&source.hash.to_le_bytes()), same);
                self.bytes -= SOURCE_BYTES;
            }
        }
        let output = &mut self.outputs[oldest.output];
        output.events -= 1;
        if output.events == 0 {
            let output = self.outputs.remove(oldest.output);
            self.bytes -= OUTPUT_BYTES + output.key.len() as u64;
            let same = |entry: &Entry| entry.number == u64::from(oldest.output);
            if !output.gone {
                self.by_output.remove(output.hash, same);
            }
        }
    }

    /// Behind the number of the last source of the integrated event of this number.
    fn end_of(&self, number: u64) -> u64 {
        let next = self.emitted.get(number + 1);
        next.map_or(self.sources.end(), |next| next.first)
    }

    /// Where the integrated event of this id stands, or stood.
    pub fn event(&self, event: Uuid) -> Option<Place<'_>> {
        self.place(self.find(hash_of(event.as_bytes()), event)?)
    }

    fn place(&self, number: u64) -> Option<Place<'_>> {
        let emitted = self.emitted.get(number)?;
        let output = self.outputs.get(emitted.output)?;
        (!output.gone).then_some(Place {
            event: emitted.event,
            db: output.db,
            key: &output.key,
            id: emitted.id,
        })
    }

    /// The integrated events that the entry of this hash took part in, in this database, the newest first.
    pub fn events_of(&self, db: i32, source: u64) -> impl Iterator<Item = Place<'_>> {
        let is = |entry: &Entry| {
            let known = self.sources.get(entry.number);
            known.is_some_and(|known| known.hash == source)
        };
        let newest = self.by_source.get(hash_of(&source.to_le_bytes()), is);
        let newest = newest.and_then(|entry| self.sources.get(entry.number));
        std::iter::successors(newest, |source| self.sources.get(source.before))
            .filter_map(|source| self.place(source.emitted))
            .filter(move |place| place.db == db)
    }

    /// Forgets what stood in this database, or in all.
    pub fn forget(&mut self, db: Option<i32>) {
        let Some(db) = db else {
            *self = Self::default();
            return;
        };
        for (number, output) in self.outputs.iter_mut() {
            if output.db == db && !std::mem::replace(&mut output.gone, true) {
                let same = |entry: &Entry| entry.number == u64::from(number);
                self.by_output.remove(output.hash, same);
            }
        }
    }
}

fn is_event(emitted: &Queue<Emitted>, number: u64, event: Uuid) -> bool {
    emitted.get(number).is_some_and(|e| e.event == event)
}

fn is_output(outputs: &Pages<Output>, number: u64, db: i32, key: &[u8]) -> bool {
    let output = outputs.get(number as u32);
    output.is_some_and(|output| output.db == db && *output.key == *key)
}

/// What is saved of it.
#[derive(Serialize, Deserialize)]
struct Saved {
    cut: bool,
    /// Databases and keys.
    outputs: Vec<(i32, Vec<u8>)>,
    /// Integrated events, the oldest first: id, place in `outputs`, entry id, hashes of its sources.
    emitted: Vec<([u8; 16], u32, EntryId, Vec<u64>)>,
}

impl Index {
    /// All of it as bytes, for [`Index::from_bytes`].
    ///
    /// # Errors
    /// Where the bytes can't be made; there is no known reason for that.
    pub fn to_bytes(&self) -> Result<Vec<u8>> {
        let mut saved = Saved {
            cut: self.cut,
            outputs: Vec::new(),
            emitted: Vec::new(),
        };
        // Outputs get their places in the order in which they are met, so that the same index gives the same bytes.
        let mut places = vec![None; self.outputs.end() as usize];
        for (number, emitted) in self.emitted.iter() {
            let output = &self.outputs[emitted.output];
            if output.gone {
                continue;
            }
            let place = *places[emitted.output as usize].get_or_insert_with(|| {
                saved.outputs.push((output.db, output.key.to_vec()));
                saved.outputs.len() as u32 - 1
            });
            let sources = (emitted.first..self.end_of(number))
                .filter_map(|at| Some(self.sources.get(at)?.hash))
                .collect();
            let event = emitted.event.into_bytes();
            saved.emitted.push((event, place, emitted.id, sources));
        }
        postcard::to_stdvec(&saved).map_err(|error| Error::new(error.to_string()))
    }

    /// The index that was saved, as far as there is room.
    ///
    /// # Errors
    /// Where the bytes are no index.
    pub fn from_bytes(bytes: &[u8], room: u64) -> Result<Self> {
        let (saved, rest): (Saved, _) =
            postcard::take_from_bytes(bytes).map_err(|error| Error::new(error.to_string()))?;
        if !rest.is_empty() {
            return Err(Error::new("it is too long"));
        }
        let mut index = Self::default();
        for (event, output, id, sources) in &saved.emitted {
            let (db, key) = (saved.outputs.get(*output as usize))
                .ok_or_else(|| Error::new("it names an output that it does not have"))?;
            let event = Uuid::from_bytes(*event);
            let (db, id) = (*db, *id);
            index.note(Place { event, db, key, id }, sources, room);
        }
        index.cut |= saved.cut;
        Ok(index)
    }
}
