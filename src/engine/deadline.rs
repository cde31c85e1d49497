//! The deadlines of matches that end with `NOT … FOR`.

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
    /// What a deadline takes: it stands in the leaflet's tree and in its partition's list, both partly empty.
    pub const BYTES: usize = 3 * size_of::<Self>();
}
