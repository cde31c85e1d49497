//! The deadlines of matches that end with `NOT … FOR`.

use std::collections::BTreeMap;
use std::mem::size_of;
use std::rc::Rc;

use super::leaflet::RuleId;

/// When a match ends unless something comes. In the order in which deadlines are met: by time, then by the processing
/// order of the match's last event, then by rule.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Deadline {
    /// Milliseconds since the epoch.
    pub at: u64,
    /// The match's last event.
    pub seq: u64,
    /// The rule's place among the domain's rules (see [`Rule::order`](super::processor::Rule)).
    pub order: u64,
    pub rule: RuleId,
    pub partition: Rc<[u8]>,
    /// What was older than this had left the window when the last event came.
    pub floor: u64,
    /// The NOTs of the rule that wait for it, a bit each. They have the same FOR.
    pub absences: u64,
}

impl Deadline {
    /// What a deadline takes: it stands in the leaflet's tree and in its partition's, both partly empty.
    pub const BYTES: usize = 3 * size_of::<Self>();
}

/// The deadlines of a partition.
#[derive(Debug, Default)]
pub struct Pending {
    /// By last event and the NOTs that wait, which no two of an event share.
    deadlines: BTreeMap<(u64, u64), Deadline>,
}

impl Pending {
    /// What they take; the first node of this tree has room for eleven.
    pub fn bytes(&self) -> u64 {
        const FIRST: usize = 11 * size_of::<((u64, u64), Deadline)>();
        match self.deadlines.len() {
            0 => 0,
            all => (FIRST + all * Deadline::BYTES) as u64,
        }
    }

    /// By last event.
    pub fn iter(&self) -> impl Iterator<Item = &Deadline> {
        self.deadlines.values()
    }

    /// A deadline of this event waits for this NOT.
    pub fn waits(&self, seq: u64, absence: usize) -> bool {
        let mut of = self.deadlines.range((seq, 0)..=(seq, u64::MAX));
        of.any(|((_, absences), _)| absences & (1 << absence) != 0)
    }

    pub fn add(&mut self, deadline: Deadline) {
        let place = (deadline.seq, deadline.absences);
        self.deadlines.insert(place, deadline);
    }

    /// Takes out this deadline, if it is here.
    pub fn take(&mut self, deadline: &Deadline) -> Option<Deadline> {
        self.deadlines.remove(&(deadline.seq, deadline.absences))
    }

    /// Takes out the deadlines of an event.
    pub fn take_of(&mut self, seq: u64) -> Vec<Deadline> {
        let of = self.deadlines.range((seq, 0)..=(seq, u64::MAX));
        self.take_at(of.map(|(place, _)| *place).collect())
    }

    /// Takes out those that fit.
    pub fn take_where(&mut self, fits: impl Fn(&Deadline) -> bool) -> Vec<Deadline> {
        let fitting = self.deadlines.iter().filter(|(_, deadline)| fits(deadline));
        self.take_at(fitting.map(|(place, _)| *place).collect())
    }

    fn take_at(&mut self, places: Vec<(u64, u64)>) -> Vec<Deadline> {
        let places = places.iter();
        places
            .filter_map(|place| self.deadlines.remove(place))
            .collect()
    }
}
