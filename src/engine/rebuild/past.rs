//! What a leaflet's output tells of the matches that were.

use ahash::{AHashMap, AHashSet};
use jiff::Timestamp;
use uuid::Uuid;

use crate::engine::event::EntryId;
use crate::engine::leaflet::RuleId;
use crate::engine::lineage::Origins;
use crate::engine::output::event_id;
use crate::engine::processor::Rule;

/// An event: the number of its axon's key, and its entry id.
type Source = (u32, EntryId);

/// A match that ended: by which rule, with which event last, and when (ms).
type Ending = (RuleId, Source, u64);

/// What a match takes apart from its sources, and what each of these takes, about.
const MATCH_BYTES: usize = 192;
const SOURCE_BYTES: usize = 96;

/// What is known of a leaflet's past.
#[derive(Debug, Default)]
pub struct Past {
    keys: AHashMap<Box<[u8]>, u32>,
    matches: AHashMap<Ending, Vec<Box<[Source]>>>,
    ids: AHashSet<Uuid>,
    /// Where the sources of these stand in processing order; 0: they have not come yet.
    places: AHashMap<Source, u64>,
    /// What ends before this (ms) is not emitted.
    settled: u64,
    bytes: usize,
}

impl Past {
    /// Takes note of an entry of the output: when the match ended, if it is one of these rules as they are now.
    pub fn recall(
        &mut self,
        domain: &str,
        tag: &[u8],
        rules: &[Rule],
        fields: &[(&[u8], &[u8])],
    ) -> Option<u64> {
        let text = |name: &str| {
            let (_, value) = fields.iter().find(|(n, _)| *n == name.as_bytes())?;
            std::str::from_utf8(value).ok()
        };
        let id: Uuid = text("event_id")?.parse().ok()?;
        let name = text("correlation_rule")?;
        let rule = rules.iter().find(|rule| *rule.name == *name)?;
        let time: Timestamp = text("timestamp")?.parse().ok()?;
        let time = u64::try_from(time.as_millisecond()).ok()?;
        let Origins(sources) = serde_json::from_str(text("lineage")?).ok()?;
        // Only what this rule with this text made of these sources has this id.
        let sources = || {
            sources
                .iter()
                .map(|source| (source.stream.as_bytes(), source.id))
        };
        let named = sources();
        if event_id(domain, tag, &rule.name, &rule.text, named) != id {
            return None;
        }
        if self.ids.insert(id) {
            let sources: Box<[Source]> =
                sources().map(|(key, id)| (self.number(key), id)).collect();
            self.places
                .extend(sources.iter().map(|source| (*source, 0)));
            self.bytes += MATCH_BYTES + sources.len() * SOURCE_BYTES;
            let ending = (rule.id, *sources.last()?, time);
            self.matches.entry(ending).or_default().push(sources);
        }
        Some(time)
    }

    fn number(&mut self, key: &[u8]) -> u32 {
        if let Some(number) = self.keys.get(key) {
            return *number;
        }
        let number = self.keys.len() as u32;
        self.bytes += key.len() + SOURCE_BYTES;
        self.keys.insert(key.into(), number);
        number
    }

    fn source(&self, key: &[u8], id: EntryId) -> Option<Source> {
        Some((*self.keys.get(key)?, id))
    }

    /// What it takes, about.
    pub fn bytes(&self) -> u64 {
        self.bytes as u64
    }

    /// What ends before this time (ms) is not emitted.
    pub fn settle(&mut self, time: u64) {
        self.settled = self.settled.max(time);
    }

    /// An event comes, at this place in processing order.
    pub fn arrive(&mut self, key: &[u8], id: EntryId, seq: u64) {
        let source = self.source(key, id);
        if let Some(place) = source.and_then(|source| self.places.get_mut(&source)) {
            *place = seq;
        }
    }

    /// The matches of a rule that ended with this event at this time (ms), each with the places of its sources in
    /// processing order as far as they were read.
    pub fn ended(&self, rule: RuleId, key: &[u8], id: EntryId, time: u64) -> Option<Vec<Vec<u64>>> {
        let ending = (rule, self.source(key, id)?, time);
        let places = |sources: &[Source]| {
            let places = sources.iter().filter_map(|source| self.places.get(source));
            places.copied().filter(|place| *place > 0).collect()
        };
        Some(
            self.matches
                .get(&ending)?
                .iter()
                .map(|sources| places(sources))
                .collect(),
        )
    }

    /// Is a match that ends now (ms), and whose integrated event has this id, to be emitted?
    pub fn lacks(&self, time: u64, id: &[u8]) -> bool {
        let id = std::str::from_utf8(id).ok().and_then(|id| id.parse().ok());
        time >= self.settled && id.is_none_or(|id: Uuid| !self.ids.contains(&id))
    }
}
