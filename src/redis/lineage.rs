//! Lineages: what the index is told of, and the entries that are read for an answer.

use super::ffi::{Access, Context, KeyName, KeyType, Str};
use super::history::backwards;
use super::ingest;
use super::phase::Phase;
use super::state;
use crate::engine::lineage::Read;
use crate::engine::EntryId;

/// So many of an output's newest entries are looked through for an integrated event that the index does not know.
const MOST_SEARCHED: usize = 1_024;

/// An entry was added to a stream that may be an output. What this server appends itself is known already; a replica, and
/// one that loads its append-only file, learns of it here.
pub fn follow(ctx: &Context, key: &KeyName) {
    let (db, key) = (ctx.selected_db(), key.as_bytes());
    let output = state::with(|state| !state.is_appending() && state.engine.is_output(db, key));
    if output != Ok(true) || !matches!(Phase::of(ctx), Phase::Replica | Phase::Loading) {
        return;
    }
    let Some(stream) = ctx.open_stream_at(key) else {
        return;
    };
    let entry = stream
        .newest()
        .and_then(|(id, count)| Some((id, ingest::read_fields(&stream, count).ok()?)));
    if let Some((id, fields)) = entry {
        let fields = ingest::borrowed(&fields);
        let _ = state::with(|state| state.engine.note_entry(db, key, id, &fields));
    }
}

/// Entries of streams, as the client that asks may see them.
pub trait Entries {
    /// Reads an entry, of at most so many bytes.
    fn read(&self, db: i32, key: &[u8], id: EntryId, most: usize) -> Read;

    /// Looks for an integrated event among the newest entries of an output. The client may not read it: it is not found.
    fn find(&self, db: i32, key: &[u8], event: &str) -> Option<EntryId>;

    /// There is something else than a stream at this key of the client's database.
    fn is_no_stream(&self, key: &[u8]) -> bool;
}

impl Entries for Context<'_> {
    fn read(&self, db: i32, key: &[u8], id: EntryId, most: usize) -> Read {
        if !self.may(Access::Read, key) {
            return Read::Denied;
        }
        self.in_db(db, || {
            let stream = self.open_stream_at(key);
            let found = stream.as_ref().filter(|stream| stream.start(id, id));
            let found = found.and_then(|stream| Some((stream, stream.next_entry()?.1)));
            match found {
                Some((stream, count)) => match ingest::read_within(stream, count, most) {
                    Ok(fields) => Read::There(
                        ingest::borrowed(&fields)
                            .iter()
                            .map(|(name, value)| (name.to_vec(), value.to_vec()))
                            .collect(),
                    ),
                    Err(_) => Read::TooLarge,
                },
                None if stream.is_none() && self.flags().cluster && !self.has_slot_of(key) => {
                    Read::Elsewhere
                }
                None => Read::Trimmed,
            }
        })
    }

    fn find(&self, db: i32, key: &[u8], event: &str) -> Option<EntryId> {
        if !self.may(Access::Read, key) {
            return None;
        }
        let (mut found, mut left) = (None, MOST_SEARCHED);
        self.in_db(db, || {
            backwards(self, key, EntryId::MAX, |id, fields| {
                let mut ids = fields.iter().filter(|(name, _)| *name == b"event_id");
                let is = ids.next().is_some_and(|(_, id)| *id == event.as_bytes());
                found = is.then_some(id);
                left -= 1;
                left > 0 && !is
            });
        });
        found
    }

    fn is_no_stream(&self, key: &[u8]) -> bool {
        self.key_type(key) == KeyType::Other
    }
}

impl Context<'_> {
    /// Does something in another database than the selected one.
    fn in_db<R>(&self, db: i32, work: impl FnOnce() -> R) -> R {
        let home = self.selected_db();
        self.select_db(db);
        let result = work();
        self.select_db(home);
        result
    }

    /// The key's slot is this node's.
    fn has_slot_of(&self, key: &[u8]) -> bool {
        self.read(c"EXISTS", &[Str::new(key)]).is_ok()
    }
}

/// Streams without entries, for tests.
#[cfg(test)]
pub struct NoEntries;

#[cfg(test)]
impl Entries for NoEntries {
    fn read(&self, _db: i32, _key: &[u8], _id: EntryId, _most: usize) -> Read {
        Read::Trimmed
    }

    fn find(&self, _db: i32, _key: &[u8], _event: &str) -> Option<EntryId> {
        None
    }

    fn is_no_stream(&self, _key: &[u8]) -> bool {
        false
    }
}
