//! Numbers of places that stand in pages of 64: given away, given back, and given away again.

/// Places of a page: as many as a word has bits.
pub const PAGE: u32 = u64::BITS;

/// Which places are taken. A page that nothing stands in any more can be freed at once, so that no million of things has to be
/// freed in one go.
#[derive(Debug, Default)]
pub struct Numbers {
    /// By page, a bit each.
    taken: Vec<u64>,
    /// The pages that are not full, what was given back to last comes last.
    open: Vec<u32>,
    len: usize,
}

impl Numbers {
    /// How many are taken.
    pub fn len(&self) -> usize {
        self.len
    }

    /// How many pages there are.
    pub fn pages(&self) -> usize {
        self.taken.len()
    }

    /// A number that is not taken: its page may be a new one, the one after the last.
    pub fn take(&mut self) -> u32 {
        self.len += 1;
        let page = self.open.last().copied().unwrap_or_else(|| {
            let page = self.taken.len() as u32;
            self.taken.push(0);
            self.open.push(page);
            page
        });
        let taken = &mut self.taken[page as usize];
        let place = taken.trailing_ones();
        *taken |= 1 << place;
        if *taken == u64::MAX {
            self.open.pop();
        }
        page * PAGE + place
    }

    /// Gives a number back. True: nothing of its page is taken any more.
    pub fn give_back(&mut self, number: u32) -> bool {
        let page = number / PAGE;
        let taken = &mut self.taken[page as usize];
        if *taken == u64::MAX {
            self.open.push(page);
        }
        *taken &= !(1 << (number % PAGE));
        let empty = *taken == 0;
        self.len -= 1;
        if self.len == 0 {
            *self = Self::default();
        }
        empty
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_back_is_given_away_again() {
        let mut numbers = Numbers::default();
        let all: Vec<u32> = (0..3 * PAGE).map(|_| numbers.take()).collect();
        assert_eq!(all, (0..3 * PAGE).collect::<Vec<_>>());
        assert!(!numbers.give_back(5));
        assert!(!numbers.give_back(2 * PAGE + 1));
        assert_eq!(numbers.take(), 2 * PAGE + 1);
        assert_eq!(numbers.take(), 5);
        assert_eq!((numbers.take(), numbers.pages()), (3 * PAGE, 4));
        assert!(numbers.give_back(3 * PAGE));
        let emptied = (0..PAGE).filter(|number| numbers.give_back(*number));
        assert_eq!(emptied.collect::<Vec<_>>(), [PAGE - 1]);
        assert_eq!(numbers.take() / PAGE, 0);
        numbers.give_back(0);
        (PAGE..3 * PAGE).for_each(|number| {
            numbers.give_back(number);
        });
        assert_eq!((numbers.len(), numbers.pages()), (0, 0));
    }
}
