//! Streams in memory.

use std::collections::BTreeMap;

use crate::engine::replay::{Entries, Streams};
use crate::engine::EntryId;

type Fields = Vec<(String, String)>;

/// Streams by their keys. An entry with a field `oversized` is too large.
#[derive(Clone, Default)]
pub struct Memory(pub BTreeMap<String, BTreeMap<EntryId, Fields>>);

pub struct Range<'a> {
    entries: std::collections::btree_map::Range<'a, EntryId, Fields>,
    fields: &'a [(String, String)],
}

impl Streams for Memory {
    type Entries<'a> = Range<'a>;

    fn newest(&mut self, key: &[u8]) -> Option<EntryId> {
        self.stream(key)?.last_key_value().map(|(id, _)| *id)
    }

    fn entries<'a>(&'a mut self, key: &'a [u8], from: EntryId, to: EntryId) -> Option<Range<'a>> {
        Some(Range {
            entries: self.stream(key)?.range(from..=to),
            fields: &[],
        })
    }
}

impl Entries for Range<'_> {
    fn next_id(&mut self) -> Option<EntryId> {
        let (id, fields) = self.entries.next()?;
        self.fields = fields;
        Some(*id)
    }

    fn with_fields<R>(&mut self, read: impl FnOnce(&[(&[u8], &[u8])]) -> R) -> Option<R> {
        let fields: Vec<(&[u8], &[u8])> = self
            .fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        let oversized = fields.iter().any(|(name, _)| *name == b"oversized");
        (!oversized).then(|| read(&fields))
    }
}

impl Memory {
    /// Each event written `<event_id> <type>@<axon> <ms> [name=value …]`.
    pub fn of(events: &[&str]) -> Self {
        let mut memory = Self::default();
        events.iter().for_each(|event| memory.add(event));
        memory
    }

    pub fn add(&mut self, event: &str) {
        let mut words = event.split(' ');
        let mut word = || words.next().unwrap();
        let (event_id, place, ms) = (word(), word(), word());
        let (event_type, axon) = place.split_once('@').unwrap();
        let mut fields = vec![
            ("type".into(), event_type.into()),
            ("event_id".into(), event_id.into()),
        ];
        let more = words.map(|word| word.split_once('=').unwrap());
        fields.extend(more.map(|(name, value)| (name.into(), value.into())));
        let ms = ms.parse().unwrap();
        let stream = self.0.entry(format!("stream:{axon}")).or_default();
        let in_ms = |seq| EntryId { ms, seq };
        let seq = stream.range(in_ms(0)..=in_ms(u64::MAX)).count() as u64;
        stream.insert(in_ms(seq), fields);
    }

    fn stream(&self, key: &[u8]) -> Option<&BTreeMap<EntryId, Fields>> {
        self.0.get(std::str::from_utf8(key).unwrap())
    }
}
