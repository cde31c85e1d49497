//! From a stream's `xadd` notification to the engine.

use super::emit;
use super::ffi::{Context, KeyName, Str, Stream};
use super::log::{self, Kind, Level};
use super::{lineage, slots, state, wake};
use crate::engine::{EntryId, Event};
use smallvec::SmallVec;
use std::time::Instant;

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

/// An entry was added to the stream at this key.
pub fn on_xadd(ctx: &Context, key: &KeyName) {
    let db = ctx.selected_db();
    let routed = state::with(|state| {
        let route = state.engine.route(db, key.as_bytes())?;
        Some((route, slots::is_new(state, route, key.as_bytes())))
    });
    let Ok(Some((route, new))) = routed else {
        lineage::follow(ctx, key);
        return;
    };
    if route.output {
        lineage::follow(ctx, key);
    }
    if new {
        slots::look(ctx, key.as_bytes());
    }
    let since = Instant::now();
    let (id, entry) = match newest_entry(ctx, key) {
        Ok(entry) => entry,
        Err(error) => {
            unreadable(key, error);
            return;
        }
    };
    let fields = borrowed(&entry);
    let mut emissions = Vec::new();
    let told = state::with(|state| {
        let event = Event {
            key: key.as_bytes(),
            id,
            fields: &fields,
            hops: state.hops(),
        };
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
    emit::submit(ctx, emissions, since);
    if arm {
        ctx.start_timer(wake::PERIOD);
    }
}

/// In the notification the new entry is the newest one, even where it will be trimmed at once.
fn newest_entry(ctx: &Context, key: &KeyName) -> Result<(EntryId, Fields), EntryError> {
    let stream = ctx.open_stream(key).ok_or(EntryError::Missing)?;
    let (id, count) = stream.newest().ok_or(EntryError::Missing)?;
    Ok((id, read_fields(&stream, count)?))
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
pub fn borrowed(fields: &Fields) -> SmallVec<[(&[u8], &[u8]); 16]> {
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
