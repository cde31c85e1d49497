//! What waits to leave a window, in processing order.

use std::mem::size_of;

use super::pages::Pages;

/// The end of the list.
const NOWHERE: u32 = u32::MAX;

/// Something that waits to expire.
#[derive(Debug, Clone, Copy)]
pub struct Waiting {
    pub time: u64,
    pub seq: u64,
    pub partition: u32,
    older: u32,
    younger: u32,
}

/// A list of things that expire in the order in which they came. Linked, so that any of them can leave at once.
///
/// A thing of a later time in front can hold others back, but not for long: what is older than the window when it comes
/// is not let in.
#[derive(Debug)]
pub struct Expiry {
    places: Pages<Waiting>,
    oldest: u32,
    youngest: u32,
}

impl Expiry {
    /// What a place takes.
    pub const BYTES: usize = size_of::<Waiting>() + 8;

    /// An empty list.
    pub fn new() -> Self {
        Self {
            places: Pages::default(),
            oldest: NOWHERE,
            youngest: NOWHERE,
        }
    }

    /// Adds something; its place.
    pub fn push(&mut self, time: u64, seq: u64, partition: u32) -> u32 {
        let place = self.places.insert(Waiting {
            time,
            seq,
            partition,
            older: self.youngest,
            younger: NOWHERE,
        });
        match self.youngest {
            NOWHERE => self.oldest = place,
            youngest => self.places[youngest].younger = place,
        }
        self.youngest = place;
        place
    }

    /// Takes the thing at this place out.
    pub fn remove(&mut self, place: u32) {
        let Waiting { older, younger, .. } = self.places.remove(place);
        match older {
            NOWHERE => self.oldest = younger,
            older => self.places[older].younger = younger,
        }
        match younger {
            NOWHERE => self.youngest = older,
            younger => self.places[younger].older = older,
        }
    }

    /// What stands at this place: its place in processing order and its time.
    pub fn at(&self, place: u32) -> (u64, u64) {
        let waiting = &self.places[place];
        (waiting.seq, waiting.time)
    }

    /// All that wait, what came last first.
    pub fn youngest_first(&self) -> impl Iterator<Item = Waiting> + '_ {
        let at = |place: u32| self.places.get(place).copied();
        std::iter::successors(at(self.youngest), move |waiting| at(waiting.older))
    }

    /// What waits longest.
    pub fn oldest(&self) -> Option<Waiting> {
        self.places.get(self.oldest).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_may_leave_and_the_order_stays() {
        let mut list = Expiry::new();
        let places: Vec<u32> = (0..4).map(|n| list.push(n, n, 0)).collect();
        list.remove(places[1]);
        list.remove(places[3]);
        list.push(9, 9, 0);
        let times: Vec<u64> = list.youngest_first().map(|waiting| waiting.time).collect();
        assert_eq!(times, [9, 2, 0]);
        let mut order = Vec::new();
        while let Some(oldest) = list.oldest() {
            order.push(oldest.time);
            list.remove(list.oldest);
        }
        assert_eq!(order, [0, 2, 9]);
        assert_eq!(list.push(5, 5, 0), list.oldest);
    }
}
