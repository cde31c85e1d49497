//! The streams of the keyspace as backtests read them.

use super::ffi::{Context, Stream};
use super::ingest;
use crate::engine::replay::{Entries, Streams};
use crate::engine::EntryId;

/// The streams of the selected database.
pub struct History<'c>(pub &'c Context<'c>);

/// A stream that is being read.
pub struct Reading<'c> {
    ctx: &'c Context<'c>,
    key: &'c [u8],
    /// None at the end.
    stream: Option<Stream>,
    /// The entry it is at, and its number of fields.
    at: (EntryId, usize),
    to: EntryId,
}

impl Streams for History<'_> {
    type Entries<'a>
        = Reading<'a>
    where
        Self: 'a;

    fn newest(&mut self, key: &[u8]) -> Option<EntryId> {
        let (id, _) = self.0.open_stream_at(key)?.newest()?;
        Some(id)
    }

    fn entries<'a>(&'a mut self, key: &'a [u8], from: EntryId, to: EntryId) -> Option<Reading<'a>> {
        let mut reading = Reading {
            ctx: self.0,
            key,
            stream: None,
            at: (from, 0),
            to,
        };
        reading.open(from);
        reading.stream.is_some().then_some(reading)
    }
}

impl Reading<'_> {
    fn open(&mut self, from: EntryId) {
        let stream = self.ctx.open_stream_at(self.key);
        self.stream = stream.filter(|stream| stream.start(from, self.to));
    }
}

impl Entries for Reading<'_> {
    fn next_id(&mut self) -> Option<EntryId> {
        self.at = self.stream.as_ref()?.next_entry()?;
        Some(self.at.0)
    }

    fn with_fields<R>(&mut self, read: impl FnOnce(&[(&[u8], &[u8])]) -> R) -> Option<R> {
        let (id, count) = self.at;
        if let Ok(fields) = ingest::read_fields(self.stream.as_ref()?, count) {
            return Some(read(&ingest::borrowed(&fields)));
        }
        // Not all of its fields have been read: the stream can't go on from here by itself.
        self.stream = None;
        if let Some(next) = id.next().filter(|next| *next <= self.to) {
            self.open(next);
        }
        None
    }
}
