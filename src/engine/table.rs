//! A hash table that grows in parts: growing all of a large table at once would stall the server.

use std::sync::LazyLock;

use ahash::RandomState;
use hashbrown::HashTable;

/// A table is cut into so many parts when it has become large; each grows by itself.
const PARTS: usize = 256;
/// What is large: as much as can be moved in a part of a millisecond.
const LARGE: usize = 8_192;
/// An empty part with room for no more than this keeps it, for what comes and goes one by one.
const SMALL: usize = 64;

/// What stands in a table: it carries its hash along, so that growing touches nothing else.
pub trait Hashed {
    fn hash(&self) -> u32;
}

/// Things by a hash that they carry. What is equal is for the caller to say.
#[derive(Debug)]
pub struct Table<T> {
    /// As long as it is small.
    whole: HashTable<T>,
    /// When it has become large: [`PARTS`].
    parts: Vec<HashTable<T>>,
    len: usize,
}

impl<T> Default for Table<T> {
    fn default() -> Self {
        Self {
            whole: HashTable::new(),
            parts: Vec::new(),
            len: 0,
        }
    }
}

/// The hash of a key. It differs from process to process, so that nobody can choose keys that collide: nothing that
/// shows depends on it.
pub fn hash_of(key: &[u8]) -> u32 {
    static STATE: LazyLock<RandomState> = LazyLock::new(RandomState::new);
    (STATE.hash_one(key) >> 32) as u32
}

/// The table looks at a hash's lowest and highest bits.
fn spread(hash: u32) -> u64 {
    u64::from(hash).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

impl<T: Hashed> Table<T> {
    fn part(&self, hash: u32) -> &HashTable<T> {
        let part = self.parts.get(hash as usize % PARTS);
        part.unwrap_or(&self.whole)
    }

    fn part_mut(&mut self, hash: u32) -> &mut HashTable<T> {
        let part = self.parts.get_mut(hash as usize % PARTS);
        part.unwrap_or(&mut self.whole)
    }

    /// The thing with this hash that is the one asked for.
    pub fn get(&self, hash: u32, is: impl FnMut(&T) -> bool) -> Option<&T> {
        self.part(hash).find(spread(hash), is)
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, hash: u32, is: impl FnMut(&T) -> bool) -> Option<&mut T> {
        self.part_mut(hash).find_mut(spread(hash), is)
    }

    /// Puts something in that is not there yet.
    pub fn insert(&mut self, thing: T) {
        if self.whole.len() == LARGE {
            let whole = std::mem::take(&mut self.whole);
            self.parts = (0..PARTS).map(|_| HashTable::new()).collect();
            whole.into_iter().for_each(|thing| self.put(thing));
        }
        self.len += 1;
        self.put(thing);
    }

    fn put(&mut self, thing: T) {
        let hash = thing.hash();
        let again = |thing: &T| spread(thing.hash());
        self.part_mut(hash)
            .insert_unique(spread(hash), thing, again);
    }

    /// Takes out the thing with this hash that is the one asked for.
    pub fn remove(&mut self, hash: u32, is: impl FnMut(&T) -> bool) -> Option<T> {
        let part = self.part_mut(hash);
        let found = part.find_entry(spread(hash), is).ok()?;
        let (thing, _) = found.remove();
        if part.is_empty() && part.capacity() > SMALL {
            *part = HashTable::new();
        }
        self.len -= 1;
        if self.len == 0 {
            self.parts = Vec::new();
        }
        Some(thing)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    impl Hashed for u64 {
        fn hash(&self) -> u32 {
            hash_of(&self.to_le_bytes())
        }
    }

    #[test]
    fn it_holds_what_was_put_in_however_large() {
        let mut table = Table::default();
        let all = 3 * LARGE as u64;
        for n in 0..all {
            table.insert(n);
        }
        assert_eq!((table.len, table.parts.len()), (all as usize, PARTS));
        for n in 0..2 * all {
            let found = table.get(n.hash(), |other| *other == n).copied();
            assert_eq!(found, (n < all).then_some(n));
        }
        for n in (0..all).step_by(2) {
            assert_eq!(table.remove(n.hash(), |other| *other == n), Some(n));
            assert_eq!(table.remove(n.hash(), |other| *other == n), None);
        }
        assert_eq!(table.len, (all / 2) as usize);
    }
}
