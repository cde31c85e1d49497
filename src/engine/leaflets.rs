//! The leaflets of a domain, by tag.

use std::ops::{Index, IndexMut};

use super::leaflet::Leaflet;
use super::pages::Pages;
use super::table::{hash_of, Hashed, Table};

/// All leaflets that a domain knows. Each has a number, which it keeps as long as it is known.
#[derive(Debug, Default)]
pub struct Leaflets {
    leaflets: Pages<Leaflet>,
    tags: Table<Tagged>,
}

/// Where a leaflet stands.
#[derive(Debug, Clone, Copy)]
struct Tagged {
    /// Its tag's.
    hash: u32,
    number: u32,
}

impl Hashed for Tagged {
    fn hash(&self) -> u32 {
        self.hash
    }
}

impl Leaflets {
    /// How many there are.
    pub fn len(&self) -> u64 {
        self.leaflets.len() as u64
    }

    /// The number of the leaflet of a tag.
    pub fn number(&self, tag: &[u8]) -> Option<u32> {
        let same = |tagged: &Tagged| *self.leaflets[tagged.number].tag == *tag;
        self.tags
            .get(hash_of(tag), same)
            .map(|tagged| tagged.number)
    }

    /// The leaflet of a tag.
    pub fn get(&self, tag: &[u8]) -> Option<&Leaflet> {
        Some(&self.leaflets[self.number(tag)?])
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, tag: &[u8]) -> Option<&mut Leaflet> {
        let number = self.number(tag)?;
        Some(&mut self.leaflets[number])
    }

    /// Adds a leaflet whose tag is not known yet; its number.
    pub fn insert(&mut self, leaflet: Leaflet) -> u32 {
        let hash = hash_of(&leaflet.tag);
        let number = self.leaflets.insert(leaflet);
        self.tags.insert(Tagged { hash, number });
        number
    }

    /// Forgets the leaflet of a tag.
    pub fn remove(&mut self, tag: &[u8]) {
        if let Some(number) = self.number(tag) {
            self.tags
                .remove(hash_of(tag), |tagged| tagged.number == number);
            self.leaflets.remove(number);
        }
    }

    /// More than every number that was given away so far.
    pub fn end(&self) -> u32 {
        self.leaflets.end()
    }

    /// Takes out the leaflet of this number, if there is one, when all are to go: its tag is still known.
    pub fn take(&mut self, number: u32) -> Option<Leaflet> {
        self.leaflets.get(number)?;
        Some(self.leaflets.remove(number))
    }

    /// All of them, in no order.
    pub fn iter(&self) -> impl Iterator<Item = &Leaflet> {
        self.leaflets.iter().map(|(_, leaflet)| leaflet)
    }

    /// All of them, in no order, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Leaflet> {
        self.leaflets.iter_mut().map(|(_, leaflet)| leaflet)
    }
}

impl Index<u32> for Leaflets {
    type Output = Leaflet;

    fn index(&self, number: u32) -> &Leaflet {
        &self.leaflets[number]
    }
}

impl IndexMut<u32> for Leaflets {
    fn index_mut(&mut self, number: u32) -> &mut Leaflet {
        &mut self.leaflets[number]
    }
}
