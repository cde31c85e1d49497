//! Leaflets in which something waits for time to pass.

use std::collections::BTreeSet;
use std::rc::Rc;

use ahash::AHashMap;

/// When to let time pass in which leaflet: what a timer does for the live ones.
#[derive(Debug, Default)]
pub struct Silences {
    due: AHashMap<Rc<[u8]>, u64>,
    queue: BTreeSet<(u64, Rc<[u8]>)>,
}

impl Silences {
    /// A leaflet waits for this time (ms), or for none any more.
    pub fn note(&mut self, tag: Rc<[u8]>, due: Option<u64>) {
        let known = match due {
            Some(due) => self.due.insert(Rc::clone(&tag), due),
            None => self.due.remove(&tag),
        };
        if known == due {
            return;
        }
        if let Some(known) = known {
            self.queue.remove(&(known, Rc::clone(&tag)));
        }
        if let Some(due) = due {
            self.queue.insert((due, tag));
        }
    }

    /// The leaflet that has waited longest for a time up to this, and for which; it waits no more.
    pub fn next(&mut self, now: u64) -> Option<(u64, Rc<[u8]>)> {
        if self.queue.first()?.0 > now {
            return None;
        }
        let (due, tag) = self.queue.pop_first()?;
        self.due.remove(&tag);
        Some((due, tag))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_waits_comes_at_its_time() {
        let mut silences = Silences::default();
        let mut note = |tag: &str, due| silences.note(tag.as_bytes().into(), due);
        note("a", Some(30));
        note("b", Some(20));
        note("c", Some(10));
        note("a", Some(15));
        note("c", None);
        let mut next = |now| silences.next(now).map(|(due, tag)| (due, tag[0]));
        assert_eq!(next(14), None);
        assert_eq!(next(20), Some((15, b'a')));
        assert_eq!(next(20), Some((20, b'b')));
        assert_eq!(next(u64::MAX), None);
    }
}
