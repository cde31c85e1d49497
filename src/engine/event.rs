//! What the engine is fed: entries of axon streams.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use super::Error;

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

impl EntryId {
    /// The smallest there is.
    pub const MIN: Self = Self { ms: 0, seq: 0 };
    /// The largest there is.
    pub const MAX: Self = Self {
        ms: u64::MAX,
        seq: u64::MAX,
    };

    /// The id right after this one; `None` after the largest.
    ///
    /// ```
    /// use leaflet::engine::EntryId;
    /// assert_eq!(EntryId { ms: 5, seq: 0 }.next(), Some(EntryId { ms: 5, seq: 1 }));
    /// assert_eq!(EntryId { ms: 5, seq: u64::MAX }.next(), Some(EntryId { ms: 6, seq: 0 }));
    /// assert_eq!(EntryId::MAX.next(), None);
    /// ```
    pub fn next(self) -> Option<Self> {
        match self.seq.checked_add(1) {
            Some(seq) => Some(Self { seq, ..self }),
            None => self.ms.checked_add(1).map(|ms| Self { ms, seq: 0 }),
        }
    }
}

impl FromStr for EntryId {
    type Err = Error;

    /// Both parts, as [`Display`](fmt::Display) writes them.
    ///
    /// # Errors
    /// Where it is no id.
    fn from_str(text: &str) -> Result<Self, Error> {
        let number = |text: &str| -> Option<u64> {
            let digits = text.bytes().all(|byte| byte.is_ascii_digit());
            digits.then(|| text.parse().ok())?
        };
        let parts = text.split_once('-');
        let id = parts.and_then(|(ms, seq)| Some((number(ms)?, number(seq)?)));
        let (ms, seq) = id.ok_or_else(|| Error::new(format!("'{text}' is no entry id")))?;
        Ok(Self { ms, seq })
    }
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
