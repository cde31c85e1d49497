//! What an event's time is.

use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::event::Event;
use super::field::FieldRef;
use super::value::Value;

/// Where a domain takes the time of its events from.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum TimeSource {
    /// The millisecond part of the entry id: events are processed as they arrive.
    #[default]
    Id,
    /// A field: events are put in order, as far as they are no later than `lateness`.
    Field {
        /// A dotted name, as in rules: `ts`, `metadata.at`.
        field: String,
        /// How far an event's time may lie behind the largest one seen, ms.
        lateness: u64,
    },
}

impl TimeSource {
    /// How far processing stays behind the leaflet's clock, ms.
    pub fn lateness(&self) -> u64 {
        match self {
            Self::Id => 0,
            Self::Field { lateness, .. } => *lateness,
        }
    }
}

impl fmt::Display for TimeSource {
    /// As in `LEAFLET.DOMAIN.CREATE`: `ID` or `FIELD ts`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id => f.write_str("ID"),
            Self::Field { field, .. } => write!(f, "FIELD {field}"),
        }
    }
}

/// Reads a time from a field: RFC 3339, or milliseconds since the epoch (a fraction is cut off). `None` where it is
/// neither, or lies before 1970.
///
/// ```
/// use leaflet::engine::{field::FieldRef, time::read_time, EntryId, Event};
/// let event = Event {
///     key: b"s",
///     id: EntryId { ms: 1, seq: 0 },
///     fields: &[(b"a", b"2024-05-01T10:00:00.250+02:00"), (b"b", b"1714550400250"), (b"c", b"yesterday")],
///     hops: 0,
/// };
/// let time = |name: &str| read_time(&FieldRef::new(&[name.into()]), &event);
/// assert_eq!((time("a"), time("b"), time("c")), (Some(1714550400250), Some(1714550400250), None));
/// ```
pub fn read_time(field: &FieldRef, event: &Event<'_>) -> Option<u64> {
    time_of(&field.read(event))
}

/// The same of a value.
pub fn time_of(value: &Value<'_>) -> Option<u64> {
    if let Some(ms) = value.as_number() {
        // Beyond 2^53 doubles skip whole numbers; that is in the year 287396.
        return (0.0..9_007_199_254_740_992.0)
            .contains(&ms)
            .then_some(ms as u64);
    }
    let Value::Text(text) = value else {
        return None;
    };
    let time: Timestamp = std::str::from_utf8(text).ok()?.parse().ok()?;
    u64::try_from(time.as_millisecond()).ok()
}
