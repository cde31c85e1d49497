//! Lineage: from an integrated event back to all that it was made of, and from an entry on to all that came of it.
//!
//! The output streams hold what is told; the index says where to look. Which version of a rule made an integrated
//! event follows from its `event_id`: only the text that made it of its sources gives this id.

mod index;
mod origins;
mod queue;
mod tree;

use uuid::Uuid;

use super::event::EntryId;
use super::key::{output_key, AxonKey};
use super::output::{event_id, MULTI_ORIGINATED};
use super::{Emission, Engine};
pub use index::{source_hash, Index, Place};
pub use origins::{Origin, Origins};
pub use tree::{Budget, Node, Read, State, Tree, World};

/// Names and values of an entry.
pub type Fields = Vec<(Vec<u8>, Vec<u8>)>;

/// Which rule made an integrated event.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Maker {
    /// Empty where it is not known any more.
    pub domain: String,
    pub tag: Vec<u8>,
    pub rule: String,
    /// 0 where the text is not known any more, or the entry is none of Leaflet's.
    pub version: u64,
    pub text: String,
}

/// An entry that is an integrated event, as far as its fields tell.
#[derive(Debug)]
pub struct Integral {
    pub event: Uuid,
    pub rule: String,
    pub sources: Vec<Origin>,
}

impl Integral {
    /// Reads the fields of an entry. `None`: it is no integrated event.
    pub fn read<'f>(fields: impl Iterator<Item = (&'f [u8], &'f [u8])> + Clone) -> Option<Self> {
        let text = |name: &str| {
            let (_, value) = fields.clone().find(|(n, _)| *n == name.as_bytes())?;
            std::str::from_utf8(value).ok()
        };
        if text("event_type")? != MULTI_ORIGINATED {
            return None;
        }
        let Origins(sources) = serde_json::from_str(text("lineage")?).ok()?;
        Some(Self {
            event: text("event_id")?.parse().ok()?,
            rule: text("correlation_rule")?.into(),
            sources,
        })
    }

    /// Is this its id, if this domain's rule made it with this text?
    fn is_of(&self, domain: &str, tag: &[u8], text: &str) -> bool {
        let sources = self.sources.iter();
        let sources = sources.map(|source| (source.stream.as_bytes(), source.id));
        event_id(domain, tag, &self.rule, text, sources) == self.event
    }
}

/// What the host tells, and what it asks for.
impl Engine {
    /// The index.
    pub fn lineage(&self) -> &Index {
        &self.lineage
    }

    /// Takes note of an integrated event that the host has appended under this entry id.
    pub fn note_appended(&mut self, emission: &Emission, id: EntryId) {
        if emission.dead_letter {
            return;
        }
        let event = std::str::from_utf8(emission.event_id()).ok();
        if let Some(event) = event.and_then(|event| event.parse().ok()) {
            let (db, key) = (emission.db, &emission.output[..]);
            self.note_place(Place { event, db, key, id }, &emission.sources);
        }
    }

    /// Takes note of an entry of an output, if it is an integrated event.
    pub fn note_entry(&mut self, db: i32, key: &[u8], id: EntryId, fields: &[(&[u8], &[u8])]) {
        if let Some(integral) = Integral::read(fields.iter().copied()) {
            let sources = integral.sources.iter();
            let sources: Vec<u64> = sources
                .map(|source| source_hash(source.stream.as_bytes(), source.id))
                .collect();
            let event = integral.event;
            self.note_place(Place { event, db, key, id }, &sources);
        }
    }

    fn note_place(&mut self, place: Place<'_>, sources: &[u64]) {
        match self.lineage_room() {
            0 => self.lineage.forget(None),
            room => self.lineage.note(place, sources, room),
        }
    }

    /// What the index may take: windows come first.
    pub(super) fn lineage_room(&self) -> u64 {
        let left = self.settings.max_window_memory;
        let left = left.saturating_sub(self.meter.bytes());
        self.settings.max_lineage_memory.min(left)
    }

    /// Is this the key of an output of any domain in this database?
    pub fn is_output(&mut self, db: i32, key: &[u8]) -> bool {
        self.look_up(db, key).is_some_and(|route| route.output)
            && self.domains.iter().any(|domain| domain.writes(db, key))
    }

    /// Which rule made the integrated event that stands in this stream. Each text that is tried takes one of `tries`.
    pub fn maker(&self, db: i32, key: &[u8], integral: &Integral, tries: &mut u64) -> Maker {
        let tag = AxonKey::parse(key).tag;
        let rule = integral.rule.as_str();
        let mut made_by = |domain: &str, text: &str| {
            let more = *tries > 0;
            *tries -= u64::from(more);
            more && integral.is_of(domain, tag, text)
        };
        let maker = |domain: &str, version, text: &str| Maker {
            domain: domain.into(),
            tag: tag.into(),
            rule: rule.into(),
            version,
            text: text.into(),
        };
        let writers = || self.domains.iter().filter(|domain| domain.writes(db, key));
        for domain in writers() {
            let now = domain.place_of(rule).map(|place| &domain.rules[place]);
            if let Some(now) = now.filter(|now| made_by(&domain.name, &now.text)) {
                return maker(&domain.name, now.version, &now.text);
            }
        }
        for past in self.history.of(rule) {
            if made_by(&past.domain, &past.text) {
                return maker(&past.domain, past.version, &past.text);
            }
        }
        let mut writers = writers();
        let domain = writers.next().filter(|_| writers.next().is_none());
        maker(domain.map_or("", |domain| &domain.name), 0, "")
    }

    /// The output of a domain for this tag, with its database.
    ///
    /// # Errors
    /// Where there is no such domain.
    pub fn output_of(&self, domain: &str, tag: &[u8]) -> super::Result<(i32, Vec<u8>)> {
        let spec = self.domain_spec(domain)?;
        Ok((spec.db, output_key(&spec.output, tag)))
    }
}
