//! The entry that tells of an event which a saccule has rejected.

use std::borrow::Cow;
use std::rc::Rc;

use smallvec::SmallVec;

use super::Saccule;
use crate::engine::domain::DomainSpec;
use crate::engine::emission::Emission;
use crate::engine::event::Event;
use crate::engine::key::output_key;
use crate::engine::output::{event_id, format_time};

/// The `event_type` of these entries.
const REJECTED: &str = "REJECTED";

/// An event that was rejected.
pub struct Letter<'a> {
    pub domain: &'a Rc<str>,
    pub spec: &'a DomainSpec,
    pub tag: &'a [u8],
    /// As it came.
    pub event: &'a Event<'a>,
    pub saccule: &'a Saccule,
    pub reason: &'a str,
}

impl Letter<'_> {
    /// The entry, where the domain wants one.
    pub fn emission(&self) -> Option<Emission> {
        let stream = self.spec.rejected.as_ref()?;
        Some(Emission {
            domain: Rc::clone(self.domain),
            rule: Rc::clone(&self.saccule.name),
            dead_letter: true,
            db: self.spec.db,
            output: output_key(stream, self.tag),
            maxlen: self.spec.maxlen,
            fields: self.fields(),
            sources: SmallVec::new(),
            hops: self.event.hops.saturating_add(1),
        })
    }

    fn fields(&self) -> Vec<(Cow<'static, str>, Vec<u8>)> {
        let Self { event, saccule, .. } = self;
        let entry = event.id.to_string();
        let source = [(event.key, event.id)].into_iter();
        let id = event_id(self.domain, self.tag, &saccule.name, &saccule.text, source);
        let source_event = match event.field(b"event_id") {
            Some(id) => id.to_vec(),
            None => [event.key, b"/", entry.as_bytes()].concat(),
        };
        let fields: [(&str, Vec<u8>); 9] = [
            ("event_id", id.to_string().into()),
            ("timestamp", format_time(event.id.ms).into()),
            ("event_type", REJECTED.into()),
            ("source_event", source_event),
            ("stream", event.key.into()),
            ("id", entry.into()),
            ("domain", self.domain.as_bytes().into()),
            ("saccule", saccule.name.as_bytes().into()),
            ("reason", self.reason.into()),
        ];
        fields.map(|(name, text)| (name.into(), text)).into()
    }
}
