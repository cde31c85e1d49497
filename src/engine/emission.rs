//! What the engine hands back: entries to append, and when to be woken.

use std::borrow::Cow;
use std::rc::Rc;

use smallvec::SmallVec;

use super::meter::Meter;
use super::settings::Settings;

/// An entry, ready to be appended to its stream: an integrated event, or word of an event that a saccule has rejected.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emission {
    pub domain: Rc<str>,
    /// Whose match it is; of a dead letter the saccule's name.
    pub rule: Rc<str>,
    /// It tells of an event that was rejected.
    pub dead_letter: bool,
    /// The database of the domain.
    pub db: i32,
    /// The stream's key, tag included.
    pub output: Vec<u8>,
    /// Trim the stream to this many entries.
    pub maxlen: Option<u64>,
    /// The fields, in the order of the schema.
    pub fields: Vec<(Cow<'static, str>, Vec<u8>)>,
    /// The hashes of its sources: see [`source_hash`](super::lineage::source_hash).
    pub sources: SmallVec<[u64; 4]>,
    /// How many integrations led to it: one more than the largest of its sources.
    pub hops: u32,
}

impl Emission {
    /// Its `event_id`, which is the first of its fields.
    pub fn event_id(&self) -> &[u8] {
        self.fields.first().map_or(b"", |(_, value)| value)
    }
}

/// A leaflet in which something waits for time to pass. The host's clock is not the leaflet's: what counts is how long
/// the leaflet gets no event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wake {
    pub domain: Rc<str>,
    pub tag: Rc<[u8]>,
    /// So many ms of silence from now on are enough for it; `None`: nothing waits any more.
    pub after: Option<u64>,
}

/// What the work on an event needs of the engine around the domain.
pub struct Host<'a> {
    pub settings: &'a Settings,
    /// What all windows hold.
    pub total: &'a Meter,
    pub out: &'a mut Vec<Emission>,
    pub wakes: &'a mut Vec<Wake>,
    /// Steps that searches have taken so far.
    pub steps: u64,
}

impl Host<'_> {
    /// Searches have taken so long that what can wait is left to the next event or tick.
    pub fn is_late(&self) -> bool {
        self.steps > self.settings.match_budget
    }
}
