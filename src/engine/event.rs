//! What the engine is fed: entries of axon streams.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A stream entry's id. Its `ms` part is the event's time with `TIME ID`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize,
)]
pub struct EntryId {
    /// Milliseconds since the epoch.
    pub ms: u64,
    /// Counts the entries of one millisecond.
    pub seq: u64,
}

impl fmt::Display for EntryId {
    /// As Redis writes it: `1700000000000-0`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.ms, self.seq)
    }
}

/// One entry of an axon, borrowed from whoever read it.
#[derive(Debug, Clone, Copy)]
pub struct Event<'a> {
    /// The whole key, tag included.
    pub key: &'a [u8],
    pub id: EntryId,
    /// Name and value, in the entry's order. Of a name that stands twice, the first counts.
    pub fields: &'a [(&'a [u8], &'a [u8])],
    /// How many integrations led to this entry: 0 for a producer's own.
    pub hops: u32,
}
