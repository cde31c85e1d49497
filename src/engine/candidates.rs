//! The candidates of one atom, in processing order.

use std::collections::VecDeque;
use std::ops::Index;

use smallvec::SmallVec;

use super::partition::Candidate;

/// So many need no block of their own: most partitions hold no more.
const INLINE: usize = 4;
/// Up to so many stand in one block.
const FEW: usize = 32;
/// Candidates of a page.
const PAGE: usize = 128;

/// A queue from whose middle some can be taken too.
///
/// `VecDeque` is copied when it grows: with a million candidates in it that takes longer than a client may wait. And its
/// first few stand elsewhere in memory than it does itself.
#[derive(Debug)]
pub enum Candidates {
    Few(SmallVec<[Candidate; INLINE]>),
    Many(Box<Paged>),
}

/// A long queue, page by page.
#[derive(Debug, Default)]
pub struct Paged {
    pages: VecDeque<Box<[Candidate]>>,
    /// Where the oldest one stands in the first page.
    first: usize,
    len: usize,
}

impl Default for Candidates {
    fn default() -> Self {
        Self::Few(SmallVec::new())
    }
}

impl Candidates {
    pub fn len(&self) -> usize {
        match self {
            Self::Few(few) => few.len(),
            Self::Many(many) => many.len,
        }
    }

    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The n-th oldest, from 0.
    pub fn get(&self, n: usize) -> Option<&Candidate> {
        match self {
            Self::Few(few) => few.get(n),
            Self::Many(many) => (n < many.len).then(|| many.at(n)),
        }
    }

    /// The oldest.
    pub fn front(&self) -> Option<&Candidate> {
        self.get(0)
    }

    /// The youngest.
    pub fn back(&self) -> Option<&Candidate> {
        self.get(self.len().checked_sub(1)?)
    }

    /// All of them, the oldest first.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = &Candidate> {
        self.first(self.len())
    }

    /// The oldest so many.
    pub fn first(&self, end: usize) -> impl DoubleEndedIterator<Item = &Candidate> {
        (0..end).map(|n| &self[n])
    }

    /// How many stand before this place in processing order.
    pub fn before(&self, seq: u64) -> usize {
        match self {
            Self::Few(few) => few.partition_point(|c| c.seq < seq),
            Self::Many(many) => {
                let (mut low, mut high) = (0, many.len);
                while low < high {
                    let middle = low + (high - low) / 2;
                    match many.at(middle).seq < seq {
                        true => low = middle + 1,
                        false => high = middle,
                    }
                }
                low
            }
        }
    }

    /// Where the one of this place in processing order stands.
    pub fn find(&self, seq: u64) -> Option<usize> {
        let at = self.before(seq);
        (self.get(at)?.seq == seq).then_some(at)
    }

    /// Adds one that is younger than all others.
    pub fn push(&mut self, candidate: Candidate) {
        match self {
            Self::Few(few) if few.len() < FEW => few.push(candidate),
            Self::Few(few) => {
                let mut many = Paged::default();
                few.iter().for_each(|candidate| many.push(*candidate));
                many.push(candidate);
                *self = Self::Many(Box::new(many));
            }
            Self::Many(many) => many.push(candidate),
        }
    }

    /// Takes one out.
    pub fn remove(&mut self, n: usize) -> Option<Candidate> {
        let removed = *self.get(n)?;
        match self {
            Self::Few(few) => {
                few.remove(n);
            }
            Self::Many(many) => {
                many.remove(n);
                if many.len == 0 {
                    *self = Self::default();
                }
            }
        }
        Some(removed)
    }
}

impl Index<usize> for Candidates {
    type Output = Candidate;

    fn index(&self, n: usize) -> &Candidate {
        match self {
            Self::Few(few) => &few[n],
            Self::Many(many) => many.at(n),
        }
    }
}

impl Paged {
    fn at(&self, n: usize) -> &Candidate {
        let place = self.first + n;
        &self.pages[place / PAGE][place % PAGE]
    }

    fn put(&mut self, n: usize, candidate: Candidate) {
        let place = self.first + n;
        self.pages[place / PAGE][place % PAGE] = candidate;
    }

    fn push(&mut self, candidate: Candidate) {
        if self.first + self.len == self.pages.len() * PAGE {
            let page = vec![Candidate::new(0, 0, 0); PAGE];
            self.pages.push_back(page.into());
        }
        self.len += 1;
        self.put(self.len - 1, candidate);
    }

    /// Those on the shorter side close the gap.
    fn remove(&mut self, n: usize) {
        self.len -= 1;
        if n <= self.len / 2 {
            for n in (0..n).rev() {
                self.put(n + 1, *self.at(n));
            }
            self.first += 1;
            if self.first == PAGE {
                // It serves again at the end: as many come as go, most of the time.
                self.pages.rotate_left(1);
                self.first = 0;
            }
        } else {
            for n in n..self.len {
                self.put(n, *self.at(n + 1));
            }
        }
        if self.first + self.len + 2 * PAGE <= self.pages.len() * PAGE {
            self.pages.pop_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn it_is_a_list(steps in prop::collection::vec((0usize..5, 0usize..1_000), 1..2_000)) {
            let (mut queue, mut list) = (Candidates::default(), Vec::new());
            let mut next = 0;
            for (what, place) in steps {
                if what < 3 || list.is_empty() {
                    next += 2;
                    queue.push(Candidate::new(next, 0, 0));
                    list.push(next);
                } else {
                    let at = match what {
                        3 => 0,
                        _ => place % list.len(),
                    };
                    prop_assert_eq!(queue.remove(at).map(|c| c.seq), Some(list.remove(at)));
                }
                prop_assert_eq!(queue.len(), list.len());
                prop_assert_eq!(queue.front().map(|c| c.seq), list.first().copied());
                prop_assert_eq!(queue.back().map(|c| c.seq), list.last().copied());
                let seq = place as u64;
                let before = list.iter().filter(|s| **s < seq).count();
                prop_assert_eq!(queue.before(seq), before);
                prop_assert_eq!(queue.find(seq).is_some(), list.contains(&seq));
            }
            let all: Vec<u64> = queue.iter().rev().map(|c| c.seq).collect();
            list.reverse();
            prop_assert_eq!(all, list);
        }
    }
}
