//! The events that windows hold, each once, counted and measured.

use std::rc::Rc;

use super::meter::Meter;
use super::numbers::{Numbers, PAGE};
use super::pages::Pages;
use super::record::{holders_mut, Draft, Record};

pub use super::record::Slot;

/// A record's number in its [`Store`]: its size class, and its place there.
pub type RecordId = u32;

/// The sizes of places. A record stands in the smallest that it fits; what fits none has a block of its own.
const SIZES: [u16; 16] = [
    96, 112, 128, 144, 160, 192, 224, 256, 288, 320, 384, 448, 512, 640, 768, 1024,
];
/// The class of the records that fit none.
const LARGE: usize = SIZES.len();
const CLASS_SHIFT: u32 = 27;
/// The most records that a store can be asked to hold: a class has no more places.
pub const MOST_RECORDS: u64 = (1 << CLASS_SHIFT) - PAGE as u64;

/// Places of one size, page by page: no growth moves what is there.
#[derive(Debug)]
struct Class {
    size: usize,
    numbers: Numbers,
    pages: Vec<Box<[u8]>>,
}

impl Class {
    fn new(size: u16) -> Self {
        Self {
            size: usize::from(size),
            numbers: Numbers::default(),
            pages: Vec::new(),
        }
    }

    fn insert(&mut self, block: &[u8]) -> u32 {
        let place = self.numbers.take();
        let page = (place / PAGE) as usize;
        if page == self.pages.len() {
            self.pages.push(Box::default());
        }
        if self.pages[page].is_empty() {
            self.pages[page] = vec![0; self.size * PAGE as usize].into();
        }
        self.get_mut(place)[..block.len()].copy_from_slice(block);
        place
    }

    fn remove(&mut self, place: u32) {
        let page = (place / PAGE) as usize;
        // The first one stays: few events that come and go need no other.
        if self.numbers.give_back(place) && page > 0 {
            self.pages[page] = Box::default();
        }
        self.pages.truncate(self.numbers.pages().max(1));
    }

    fn get(&self, place: u32) -> &[u8] {
        let at = (place % PAGE) as usize * self.size;
        &self.pages[(place / PAGE) as usize][at..at + self.size]
    }

    fn get_mut(&mut self, place: u32) -> &mut [u8] {
        let at = (place % PAGE) as usize * self.size;
        &mut self.pages[(place / PAGE) as usize][at..at + self.size]
    }
}

/// The records of a domain.
#[derive(Debug)]
pub struct Store {
    classes: [Class; SIZES.len()],
    large: Pages<Box<[u8]>>,
    /// Where records are written before they get their place.
    scratch: Vec<u8>,
    meter: Rc<Meter>,
}

impl Store {
    /// An empty store that counts what it holds with this meter.
    pub fn new(meter: Rc<Meter>) -> Self {
        Self {
            classes: SIZES.map(Class::new),
            large: Pages::default(),
            scratch: Vec::new(),
            meter,
        }
    }

    /// Puts a record in, held by the caller.
    pub fn insert(&mut self, draft: &Draft) -> RecordId {
        draft.write(&mut self.scratch);
        let length = self.scratch.len();
        let class = SIZES.partition_point(|size| usize::from(*size) < length);
        let place = match self.classes.get_mut(class) {
            Some(class) => class.insert(&self.scratch),
            None => {
                let block = std::mem::take(&mut self.scratch);
                self.large.insert(block.into())
            }
        };
        let id = (class as u32) << CLASS_SHIFT | place;
        self.meter.add_event();
        self.meter.add_bytes(self.bytes(id));
        id
    }

    /// What a record takes.
    fn bytes(&self, id: RecordId) -> u64 {
        let (class, place) = parts(id);
        match SIZES.get(class) {
            Some(size) => u64::from(*size),
            None => (self.large[place].len() + 2 * size_of::<Box<[u8]>>()) as u64,
        }
    }

    fn holders(&mut self, id: RecordId, change: impl FnOnce(u32) -> u32) -> u32 {
        let (class, place) = parts(id);
        let block = match class {
            LARGE => &mut self.large[place],
            class => self.classes[class].get_mut(place),
        };
        let Some(holders) = holders_mut(block) else {
            return 0;
        };
        let changed = change(u32::from_le_bytes(*holders));
        *holders = changed.to_le_bytes();
        changed
    }

    /// One holder more.
    pub fn hold(&mut self, id: RecordId) {
        self.holders(id, |holders| holders + 1);
    }

    /// One holder less; the record goes with the last.
    pub fn release(&mut self, id: RecordId) {
        if self.holders(id, |holders| holders - 1) == 0 {
            self.meter.remove_event();
            self.meter.remove_bytes(self.bytes(id));
            let (class, place) = parts(id);
            match class {
                LARGE => drop(self.large.remove(place)),
                class => self.classes[class].remove(place),
            }
        }
    }

    /// A look at a record.
    pub fn get(&self, id: RecordId) -> Record<'_> {
        let (class, place) = parts(id);
        Record::of(match class {
            LARGE => &self.large[place],
            class => self.classes[class].get(place),
        })
    }

    /// How many events are held.
    pub fn len(&self) -> u64 {
        self.meter.events()
    }
}

/// The class of a record, and its place there.
fn parts(id: RecordId) -> (usize, u32) {
    let class = (id >> CLASS_SHIFT) as usize;
    (class, id & ((1 << CLASS_SHIFT) - 1))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EntryId;

    #[test]
    fn records_of_all_sizes_stay_as_long_as_they_are_held() {
        let meter = Rc::new(Meter::default());
        let mut store = Store::new(Rc::clone(&meter));
        let text = vec![b'x'; 3_000];
        let lengths = [0, 10, 150, 150, 1_000, 3_000].repeat(60);
        let put = |store: &mut Store, length: usize| {
            store.insert(&Draft {
                time: length as u64,
                id: EntryId::MIN,
                hops: 0,
                parts: [Some(&text[..length]), None, None, None, None],
                values: &[],
            })
        };
        let ids: Vec<RecordId> = lengths.iter().map(|n| put(&mut store, *n)).collect();
        for (id, length) in ids.iter().zip(&lengths) {
            assert_eq!(store.get(*id).key().len(), *length);
        }
        assert!(meter.bytes() >= lengths.iter().sum::<usize>() as u64);
        store.hold(ids[0]);
        store.release(ids[0]);
        store.release(ids[3]);
        assert_eq!((put(&mut store, 150), store.len()), (ids[3], 360));
        ids.iter().for_each(|id| store.release(*id));
        assert_eq!((meter.bytes(), store.len()), (0, 0));
        assert!(store.classes.iter().all(|class| class.pages.len() <= 1));
    }
}
