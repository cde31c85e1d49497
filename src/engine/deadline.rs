//! The deadlines of matches that end with `NOT … FOR`.

use std::collections::VecDeque;
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

    /// Where it stands among those of its partition.
    fn place(&self) -> (u64, u64) {
        (self.seq, self.absences)
    }
}

/// The deadlines of a partition. Mostly it is one; where there are many, they are met in about the order in which they
/// stand here, from the front.
#[derive(Debug, Default)]
pub struct Pending {
    /// By last event and the NOTs that wait, which no two of an event share.
    deadlines: VecDeque<Deadline>,
}

impl Pending {
    /// What they take.
    pub fn bytes(&self) -> u64 {
        (self.deadlines.len() * Deadline::BYTES) as u64
    }

    /// By last event.
    pub fn iter(&self) -> impl Iterator<Item = &Deadline> {
        self.deadlines.iter()
    }

    /// A deadline of this event waits for this NOT.
    pub fn waits(&self, seq: u64, absence: usize) -> bool {
        let first = self.deadlines.partition_point(|d| d.seq < seq);
        let mut of = self.deadlines.range(first..).take_while(|d| d.seq == seq);
        of.any(|deadline| deadline.absences & (1 << absence) != 0)
    }

    pub fn add(&mut self, deadline: Deadline) {
        if self.deadlines.is_empty() {
            self.deadlines.reserve_exact(1);
        }
        let place = deadline.place();
        let at = self.deadlines.partition_point(|d| d.place() < place);
        self.deadlines.insert(at, deadline);
    }

    /// Takes out the first one.
    pub fn take_first(&mut self) -> Option<Deadline> {
        self.deadlines.pop_front()
    }

    /// Takes out this deadline, if it is here.
    pub fn take(&mut self, deadline: &Deadline) -> Option<Deadline> {
        let place = deadline.place();
        let at = self.deadlines.binary_search_by_key(&place, Deadline::place);
        self.deadlines.remove(at.ok()?)
    }

    /// Takes out the deadlines of an event.
    pub fn take_of(&mut self, seq: u64) -> Vec<Deadline> {
        let at = self.deadlines.partition_point(|d| d.seq < seq);
        let mut taken = Vec::new();
        while self.deadlines.get(at).is_some_and(|d| d.seq == seq) {
            taken.extend(self.deadlines.remove(at));
        }
        taken
    }

    /// Takes out those that fit.
    pub fn take_where(&mut self, fits: impl Fn(&Deadline) -> bool) -> Vec<Deadline> {
        if !self.deadlines.iter().any(&fits) {
            return Vec::new();
        }
        let (taken, stay): (VecDeque<_>, _) = self.deadlines.drain(..).partition(fits);
        self.deadlines = stay;
        taken.into()
    }
}
