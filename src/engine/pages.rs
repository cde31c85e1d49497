//! A slab that grows page by page: no growth ever moves what is there, so that none stalls the server, and numbers stay.

use std::ops::{Index, IndexMut};

/// Things of a page. The first page begins with one and grows like any list, so that a slab with little in it is small.
const PAGE: usize = 1 << PAGE_BITS;
const PAGE_BITS: u32 = 9;
/// The end of the list of free places.
const NOWHERE: u32 = u32::MAX;

#[derive(Debug)]
enum Place<T> {
    Taken(T),
    /// With the next one that is free.
    Free(u32),
}

/// Things by number. The number of one that was removed is given away again, the latest first.
///
/// `slab::Slab` does the same in one block, which is copied when it grows: with a million events in it that takes longer
/// than a client may wait.
#[derive(Debug)]
pub struct Pages<T> {
    pages: Vec<Vec<Place<T>>>,
    len: usize,
    free: u32,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self {
            pages: Vec::new(),
            len: 0,
            free: NOWHERE,
        }
    }
}

impl<T> Pages<T> {
    /// How many things are in it.
    pub fn len(&self) -> usize {
        self.len
    }

    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Puts something in; its number.
    pub fn insert(&mut self, thing: T) -> u32 {
        self.len += 1;
        if self.free != NOWHERE {
            let number = self.free;
            let place = self.place_mut(number);
            if let Place::Free(next) = *place {
                *place = Place::Taken(thing);
                self.free = next;
                return number;
            }
        }
        let full = self.pages.last().is_none_or(|page| page.len() == PAGE);
        if full {
            let room = match self.pages.len() {
                0 => {
                    self.pages.reserve_exact(1);
                    1
                }
                _ => PAGE,
            };
            self.pages.push(Vec::with_capacity(room));
        }
        let number = ((self.pages.len() - 1) << PAGE_BITS) as u32;
        let page = self.pages.last_mut().expect("there is one now");
        page.push(Place::Taken(thing));
        number + (page.len() - 1) as u32
    }

    /// Takes something out.
    ///
    /// # Panics
    /// Where there is nothing of this number.
    pub fn remove(&mut self, number: u32) -> T {
        let next = self.free;
        let place = self.place_mut(number);
        match std::mem::replace(place, Place::Free(next)) {
            Place::Taken(thing) => {
                self.free = number;
                self.len -= 1;
                if self.len == 0 {
                    *self = Self::default();
                }
                thing
            }
            Place::Free(_) => panic!("there is nothing at {number}"),
        }
    }

    fn place_mut(&mut self, number: u32) -> &mut Place<T> {
        let number = number as usize;
        &mut self.pages[number >> PAGE_BITS][number & (PAGE - 1)]
    }

    pub fn get(&self, number: u32) -> Option<&T> {
        let number = number as usize;
        match self
            .pages
            .get(number >> PAGE_BITS)?
            .get(number & (PAGE - 1))?
        {
            Place::Taken(thing) => Some(thing),
            Place::Free(_) => None,
        }
    }

    /// More than every number that was given away so far.
    pub fn end(&self) -> u32 {
        let last = self.pages.last().map_or(0, Vec::len);
        (self.pages.len().saturating_sub(1) * PAGE + last) as u32
    }

    /// All things, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let places = (0..).zip(self.pages.iter().flatten());
        places.filter_map(|(number, place)| match place {
            Place::Taken(thing) => Some((number, thing)),
            Place::Free(_) => None,
        })
    }

    /// All things, by number, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        let places = (0..).zip(self.pages.iter_mut().flatten());
        places.filter_map(|(number, place)| match place {
            Place::Taken(thing) => Some((number, thing)),
            Place::Free(_) => None,
        })
    }
}

impl<T> Index<u32> for Pages<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        self.get(number).expect("there is something of this number")
    }
}

impl<T> IndexMut<u32> for Pages<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        match self.place_mut(number) {
            Place::Taken(thing) => thing,
            Place::Free(_) => panic!("there is nothing at {number}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_are_used_again() {
        let mut pages = Pages::default();
        let count = 2 * PAGE + 3;
        let numbers: Vec<u32> = (0..count).map(|n| pages.insert(n)).collect();
        assert_eq!(numbers, (0..count as u32).collect::<Vec<_>>());
        assert_eq!(pages.remove(5), 5);
        assert_eq!(pages.remove(PAGE as u32), PAGE);
        assert_eq!((pages.get(5), pages.get(count as u32)), (None, None));
        assert_eq!(pages.insert(70), PAGE as u32);
        assert_eq!(pages.insert(71), 5);
        assert_eq!(pages.insert(72), count as u32);
        pages[5] += 1;
        assert_eq!((pages[5], pages.len()), (72, count + 1));
        assert_eq!(pages.iter().count(), count + 1);
        for number in 0..=count as u32 {
            pages.remove(number);
        }
        assert!(pages.is_empty() && pages.pages.is_empty());
        assert_eq!(pages.insert(1), 0);
    }
}
