//! From a stream's `xadd` notification to the engine.

use super::emit;
use super::ffi::{noted, Context, KeyName, Str, Stream};
use super::log::{self, Kind, Level};
use super::{lineage, slots, state, wake};
use crate::engine::{Event, Route};
use smallvec::SmallVec;

/// An entry with more fields is not taken for an event.
const MOST_FIELDS: usize = 4096;
/// An entry with more bytes in names and values is not taken for an event.
const MOST_BYTES: usize = 16 << 20;

/// Why an entry could not be read.
#[derive(Debug, Clone, Copy)]
pub enum EntryError {
    /// There is no such stream or it is empty.
    Missing,
    TooLarge,
}

/// Names and values of an entry.
pub type Fields = SmallVec<[(Str, Str); 16]>;

/// Where the events of this key in this database go: `None` where nobody watches it and nobody writes to it.
pub fn route(db: i32, key: &[u8]) -> Option<Route> {
    state::with(|state| state.engine.look_up(db, key)).ok()?
}

/// An entry was added to the stream at this key.
pub fn on_xadd(ctx: &Context, key: &KeyName) {
    let db = ctx.selected_db();
    let known = noted::route(db, key);
    let Some(route) = known.unwrap_or_else(|| route(db, key.as_bytes())) else {
        return;
    };
    if route.output {
        lineage::follow(ctx, key);
    }
    if !route.is_axon() {
        return;
    }
    if slots::is_new(route, key.as_bytes()) {
        slots::look(ctx, key.as_bytes());
    }
    if let Err(error) = take_in(ctx, key, route) {
        unreadable(key, error);
    }
}

/// Hands the new entry to the engine, and what that completes on.
fn take_in(ctx: &Context, key: &KeyName, route: Route) -> Result<(), EntryError> {
    // In the notification the new entry is the newest one, even where it will be trimmed at once.
    let stream = ctx.open_stream(key).ok_or(EntryError::Missing)?;
    let (id, count) = stream.newest().ok_or(EntryError::Missing)?;
    let entry;
    let noted = noted::fields(key, count);
    let from_arguments = noted.is_some();
    let fields = match noted {
        Some(fields) if bytes(&fields) > MOST_BYTES => return Err(EntryError::TooLarge),
        Some(fields) => fields,
        None => {
            entry = read_fields(&stream, count)?;
            borrowed(&entry)
        }
    };
    drop(stream);
    let mut emissions = Vec::new();
    let told = state::with(|state| {
        let event = Event {
            key: key.as_bytes(),
            id,
            fields: &fields,
            hops: state.hops(),
        };
        state.counters.read_from_arguments += u64::from(from_arguments);
        state.engine.on_event(route, &event, &mut emissions);
        let report_untagged = route.untagged
            && state.engine.settings().cluster
            && !std::mem::replace(&mut state.untagged_reported, true);
        (report_untagged, wake::must_arm(state))
    });
    let (report_untagged, arm) = told.unwrap_or_default();
    if report_untagged {
        log::line(
            Level::Warning,
            &format!(
                "'{}' has no hash tag: in a cluster only axons with one are correlated (further ones are \
                 counted as events_untagged)",
                key.as_bytes().escape_ascii()
            ),
        );
    }
    emit::submit(ctx, emissions);
    if arm {
        ctx.start_timer(wake::PERIOD);
    }
    Ok(())
}

/// The bytes of names and values.
fn bytes(fields: &[(&[u8], &[u8])]) -> usize {
    fields
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum()
}

/// Reads the fields of the entry that the stream is at.
pub fn read_fields(stream: &Stream, count: usize) -> Result<Fields, EntryError> {
    read_within(stream, count, MOST_BYTES)
}

/// The same of an entry of at most so many bytes.
pub fn read_within(stream: &Stream, count: usize, most: usize) -> Result<Fields, EntryError> {
    if count > MOST_FIELDS {
        return Err(EntryError::TooLarge);
    }
    let (mut fields, mut bytes) = (Fields::new(), 0);
    for _ in 0..count {
        let (name, value) = stream.next_field().ok_or(EntryError::Missing)?;
        bytes += name.as_bytes().len() + value.as_bytes().len();
        if bytes > most.min(MOST_BYTES) {
            return Err(EntryError::TooLarge);
        }
        fields.push((name, value));
    }
    Ok(fields)
}

/// The same as the engine takes them.
pub fn borrowed(fields: &Fields) -> noted::Pairs<'_> {
    fields
        .iter()
        .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
        .collect()
}

fn unreadable(key: &KeyName, error: EntryError) {
    let why = match error {
        EntryError::Missing => "the new entry can't be read",
        EntryError::TooLarge => "the new entry is too large to be an event",
    };
    let _ = state::with(|state| match error {
        EntryError::Missing => state.counters.internal_errors += 1,
        EntryError::TooLarge => state.counters.oversized += 1,
    });
    log::repeated(Kind::Entry, || {
        format!(
            "'{}': {why}; it is not processed",
            key.as_bytes().escape_ascii()
        )
    });
}
