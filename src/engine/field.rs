//! Fields of events as rules name them: a stream field, or a path into the JSON it holds.

use std::cell::RefCell;

use smallvec::SmallVec;

use super::event::Event;
use super::json::Document;
use super::value::Value;

/// A field, and a path into its JSON where there is one: `metadata.user.id`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct FieldRef {
    pub field: Box<str>,
    /// Keys of nested JSON objects; empty for the field itself.
    pub path: Box<[String]>,
}

impl FieldRef {
    /// From the segments of a dotted name.
    pub fn new(segments: &[String]) -> Self {
        let (field, path) = segments.split_first().expect("a path has a segment");
        Self {
            field: field.as_str().into(),
            path: path.into(),
        }
    }

    /// The field's value in an event; NULL where the field is missing, holds no JSON, or the JSON has no such key.
    ///
    /// ```
    /// use leaflet::engine::{field::FieldRef, value::Value, EntryId, Event};
    /// let event = Event {
    ///     key: b"s",
    ///     id: EntryId { ms: 1, seq: 0 },
    ///     fields: &[(b"type", b"A"), (b"metadata", br#"{"user":{"id":7}}"#)],
    ///     hops: 0,
    /// };
    /// let id = FieldRef::new(&["metadata".into(), "user".into(), "id".into()]);
    /// assert_eq!(id.read(&event), Value::Number(7.0));
    /// ```
    pub fn read<'a>(&self, event: &Event<'a>) -> Value<'a> {
        self.read_with(event, &Documents::default())
    }

    /// The same; the event's JSON is parsed once, however many paths into it are read with these documents.
    pub fn read_with<'a>(&self, event: &Event<'a>, documents: &Documents) -> Value<'a> {
        let raw = match &*self.field {
            "type" => event.event_type(),
            name => event.field(name.as_bytes()),
        };
        self.read_raw(raw, documents)
    }

    /// The same of the field's raw text.
    #[inline(always)]
    pub fn read_raw<'a>(&self, raw: Option<&'a [u8]>, documents: &Documents) -> Value<'a> {
        match raw {
            None => Value::Null,
            Some(text) if self.path.is_empty() => Value::text(text),
            Some(json) => documents.with(json, |document| document.read(&self.path, json)),
        }
    }
}

/// The JSON documents of one event that were parsed.
#[derive(Debug, Default)]
pub struct Documents(RefCell<SmallVec<[Parsed; 1]>>);

/// A document, and the text that it was parsed from.
type Parsed = (*const [u8], Document);

impl Documents {
    /// A text that is about to go: another may come to stand in its place.
    pub fn forget(&mut self, text: &[u8]) {
        let place: *const [u8] = text;
        let parsed = self.0.get_mut();
        parsed.retain(|(of, _)| !std::ptr::eq(*of, place));
    }

    /// Reads a text of the event as JSON.
    fn with<T>(&self, text: &[u8], read: impl FnOnce(&Document) -> T) -> T {
        let mut parsed = self.0.borrow_mut();
        // Fields of one event don't move: where a text stands says which it is.
        let place: *const [u8] = text;
        let known = parsed.iter().position(|(of, _)| std::ptr::eq(*of, place));
        let at = known.unwrap_or_else(|| {
            parsed.push((place, Document::parse(text)));
            parsed.len() - 1
        });
        read(&parsed[at].1)
    }
}

impl<'a> Event<'a> {
    /// The raw text of a field.
    pub fn field(&self, name: &[u8]) -> Option<&'a [u8]> {
        self.fields
            .iter()
            .find(|(field, _)| *field == name)
            .map(|(_, value)| *value)
    }

    /// The event's type: `type`, or else `event_type`. An entry with neither is no event.
    pub fn event_type(&self) -> Option<&'a [u8]> {
        self.field(b"type").or_else(|| self.field(b"event_type"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EntryId;

    #[test]
    fn reads_fields_and_json() {
        let fields: [(&[u8], &[u8]); 4] = [
            (b"event_type", b"B"),
            (
                b"metadata",
                br#"{"a":{"b":"x","n":null,"t":true,"l":[1, 2]},"a.b":1}"#,
            ),
            (b"bad", b"{"),
            (b"metadata", b"second"),
        ];
        let event = Event {
            key: b"k",
            id: EntryId::default(),
            fields: &fields,
            hops: 0,
        };
        let documents = Documents::default();
        let read = |path: &str| {
            let segments: Vec<String> = path.split('.').map(String::from).collect();
            let field = FieldRef::new(&segments);
            let value = field.read_with(&event, &documents);
            assert_eq!(value, field.read(&event), "{path}");
            value
        };
        assert_eq!(read("type"), Value::text(b"B"));
        assert_eq!(read("metadata.a.b"), Value::text(b"x"));
        assert_eq!(read("metadata.a.t"), Value::Bool(true));
        assert_eq!(read("metadata.a.l"), Value::text(b"[1,2]"));
        for null in [
            "nothing",
            "metadata.a.n",
            "metadata.x",
            "metadata.a.b.c",
            "bad.x",
        ] {
            assert!(read(null).is_null(), "{null}");
        }
        // That of `metadata`, and none of `bad`.
        assert_eq!(documents.0.borrow().len(), 2);
    }
}
