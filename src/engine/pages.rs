//! A slab that grows and shrinks page by page: no growth ever moves what is there, so that none stalls the server, and
//! numbers stay.

use std::ops::{Index, IndexMut};

use super::numbers::{Numbers, PAGE};

/// Things by number. The number of one that was removed is given away again.
///
/// `slab::Slab` does the same in one block, which is copied when it grows: with a million events in it that takes longer
/// than a client may wait.
#[derive(Debug)]
pub struct Pages<T> {
    numbers: Numbers,
    /// Each grows like any list up to [`PAGE`], so that a slab with little in it is small.
    pages: Vec<Vec<Option<T>>>,
}

impl<T> Default for Pages<T> {
    fn default() -> Self {
        Self {
            numbers: Numbers::default(),
            pages: Vec::new(),
        }
    }
}

/// A page with room for no more than this keeps it when it is empty, for what comes and goes one by one.
const SMALL: usize = 4;

impl<T> Pages<T> {
    /// How many things are in it.
    pub fn len(&self) -> usize {
        self.numbers.len()
    }

    pub fn is_empty(&self) -> bool {
        self.numbers.len() == 0
    }

    /// Puts something in; its number.
    pub fn insert(&mut self, thing: T) -> u32 {
        let number = self.numbers.take();
        let (page, place) = parts(number);
        if page == self.pages.len() {
            if page == 0 {
                self.pages.reserve_exact(1);
            }
            self.pages.push(Vec::new());
        }
        let first = page == 0;
        let page = &mut self.pages[page];
        if place >= page.len() {
            if page.capacity() == 0 {
                page.reserve_exact(if first { 1 } else { PAGE as usize });
            }
            page.resize_with(place + 1, || None);
        }
        page[place] = Some(thing);
        number
    }

    /// Takes something out.
    ///
    /// # Panics
    /// Where there is nothing of this number.
    pub fn remove(&mut self, number: u32) -> T {
        let (page, place) = parts(number);
        let thing = self.pages[page][place].take();
        let thing = thing.expect("there is something of this number");
        if self.numbers.give_back(number) && self.pages[page].capacity() > SMALL {
            self.pages[page] = Vec::new();
        }
        self.pages.truncate(self.numbers.pages().max(1));
        thing
    }

    /// The thing of a number.
    pub fn get(&self, number: u32) -> Option<&T> {
        let (page, place) = parts(number);
        self.pages.get(page)?.get(place)?.as_ref()
    }

    /// More than every number that was given away so far.
    pub fn end(&self) -> u32 {
        self.numbers.pages() as u32 * PAGE
    }

    /// All things, by number.
    pub fn iter(&self) -> impl Iterator<Item = (u32, &T)> {
        let pages = (0..).step_by(PAGE as usize).zip(&self.pages);
        pages.flat_map(|(first, page)| {
            let places = (first..).zip(page);
            places.filter_map(|(number, place)| Some((number, place.as_ref()?)))
        })
    }

    /// All things, by number, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = (u32, &mut T)> {
        let pages = (0..).step_by(PAGE as usize).zip(&mut self.pages);
        pages.flat_map(|(first, page)| {
            let places = (first..).zip(page);
            places.filter_map(|(number, place)| Some((number, place.as_mut()?)))
        })
    }
}

/// The page of a number, and its place there.
fn parts(number: u32) -> (usize, usize) {
    ((number / PAGE) as usize, (number % PAGE) as usize)
}

impl<T> Index<u32> for Pages<T> {
    type Output = T;

    fn index(&self, number: u32) -> &T {
        self.get(number).expect("there is something of this number")
    }
}

impl<T> IndexMut<u32> for Pages<T> {
    fn index_mut(&mut self, number: u32) -> &mut T {
        let (page, place) = parts(number);
        let thing = self.pages[page][place].as_mut();
        thing.expect("there is something of this number")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_stay_and_pages_come_and_go() {
        let mut pages = Pages::default();
        let count = 2 * PAGE + 3;
        for n in 0..count {
            assert_eq!(pages.insert(n), n);
        }
        assert_eq!((pages.remove(5), pages.remove(PAGE)), (5, PAGE));
        assert_eq!((pages.get(5), pages.get(9 * PAGE)), (None, None));
        let again = pages.insert(70);
        pages[again] += 1;
        assert_eq!((pages[again], pages.len()), (71, count as usize - 1));
        assert_eq!(pages.iter().count(), pages.len());
        let all: Vec<u32> = pages.iter().map(|(number, _)| number).collect();
        let of_second = |number: &&u32| (PAGE..2 * PAGE).contains(*number);
        all.iter().filter(of_second).for_each(|number| {
            pages.remove(*number);
        });
        assert_eq!(pages.pages[1].capacity(), 0);
        for number in all.iter().filter(|number| !of_second(number)) {
            pages.remove(*number);
        }
        assert!(pages.is_empty() && pages.end() == 0);
        assert_eq!(pages.insert(1), 0);
    }
}
