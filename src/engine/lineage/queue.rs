//! A queue whose members have consecutive numbers, which grows and shrinks page by page.

use std::collections::VecDeque;

/// Members of a page.
const PAGE: u64 = 1_024;

/// First in, first out; what is in it is found by its number.
#[derive(Debug)]
pub struct Queue<T> {
    pages: VecDeque<Vec<T>>,
    /// The number of the first member of the first page, taken out or not.
    base: u64,
    /// The number of the first member that is in it.
    first: u64,
    /// The number of the next one that comes.
    end: u64,
}

impl<T> Default for Queue<T> {
    fn default() -> Self {
        Self {
            pages: VecDeque::new(),
            base: 0,
            first: 0,
            end: 0,
        }
    }
}

impl<T: Copy> Queue<T> {
    /// How many are in it.
    pub fn len(&self) -> u64 {
        self.end - self.first
    }

    /// The number of the next one that comes.
    pub fn end(&self) -> u64 {
        self.end
    }

    /// Puts one in; its number.
    pub fn push(&mut self, member: T) -> u64 {
        if self.end == self.base + PAGE * self.pages.len() as u64 {
            self.pages.push_back(Vec::new());
        }
        let page = self.pages.back_mut().expect("it has just been made");
        page.push(member);
        self.end += 1;
        self.end - 1
    }

    /// Takes out the first; its number, too.
    pub fn pop(&mut self) -> Option<(u64, T)> {
        let number = self.first;
        let member = *self.get(number)?;
        self.first += 1;
        if self.first == self.base + PAGE {
            self.pages.pop_front();
            self.base = self.first;
        }
        Some((number, member))
    }

    /// The member of this number, if it is in it.
    pub fn get(&self, number: u64) -> Option<&T> {
        if number < self.first || number >= self.end {
            return None;
        }
        let at = number - self.base;
        self.pages
            .get((at / PAGE) as usize)?
            .get((at % PAGE) as usize)
    }

    /// All that are in it with their numbers, the first comes first.
    pub fn iter(&self) -> impl Iterator<Item = (u64, &T)> {
        (self.first..self.end).filter_map(|number| Some((number, self.get(number)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_consecutive_and_pages_go() {
        let mut queue = Queue::default();
        for n in 0..3 * PAGE {
            assert_eq!(queue.push(n), n);
        }
        for n in 0..2 * PAGE + 1 {
            assert_eq!(queue.pop(), Some((n, n)));
        }
        assert_eq!((queue.pages.len(), queue.len()), (1, PAGE - 1));
        assert_eq!((queue.get(2 * PAGE), queue.get(3 * PAGE)), (None, None));
        assert_eq!(queue.get(2 * PAGE + 1), Some(&(2 * PAGE + 1)));
        assert_eq!(queue.iter().count() as u64, queue.len());
        while queue.pop().is_some() {}
        assert_eq!((queue.pages.len(), queue.push(7)), (0, 3 * PAGE));
        assert_eq!(queue.get(3 * PAGE), Some(&7));
    }
}
