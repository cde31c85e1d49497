//! The engine's view of an event: its fields, as saccules have left them.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::engine::event::Event;
use crate::engine::field::{Documents, FieldRef};
use crate::engine::value::Value;

type Fields<'e> = SmallVec<[(Cow<'e, [u8]>, Cow<'e, [u8]>); 16]>;

/// An event whose fields may be others than it came with. They are copied when the first one changes.
pub struct View<'e> {
    event: &'e Event<'e>,
    changed: Option<Fields<'e>>,
    /// What names and texts take.
    bytes: usize,
    documents: Documents,
}

impl<'e> View<'e> {
    /// The event as it came.
    pub fn new(event: &'e Event<'e>) -> Self {
        Self {
            event,
            changed: None,
            bytes: event.fields.iter().map(|(n, t)| n.len() + t.len()).sum(),
            documents: Documents::default(),
        }
    }

    /// What the fields take, in bytes.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The raw text of a field.
    pub fn field(&self, name: &[u8]) -> Option<&[u8]> {
        let Some(fields) = &self.changed else {
            return self.event.field(name);
        };
        let mut fields = fields.iter();
        let (_, text) = fields.find(|(field, _)| **field == *name)?;
        Some(text)
    }

    /// A field's value.
    pub fn read(&self, field: &FieldRef) -> Value<'_> {
        let raw = match &*field.field {
            "type" => self.field(b"type").or_else(|| self.field(b"event_type")),
            name => self.field(name.as_bytes()),
        };
        field.read_raw(raw, &self.documents)
    }

    /// Gives a field another text, or takes it out.
    pub fn set(&mut self, name: &'e [u8], text: Option<Vec<u8>>) {
        let Some(text) = text else {
            if self.field(name).is_some() {
                self.take_out(name);
            }
            return;
        };
        self.bytes += text.len();
        let fields = self.changed();
        match fields.iter_mut().find(|(field, _)| **field == *name) {
            Some((_, old)) => {
                let old = std::mem::replace(old, text.into());
                self.bytes -= old.len();
                self.documents.forget(&old);
            }
            None => {
                fields.push((name.into(), text.into()));
                self.bytes += name.len();
            }
        }
    }

    /// Gives a field another name, which no other has then. One that is missing leaves all as it is.
    pub fn rename(&mut self, from: &[u8], to: &'e [u8]) {
        if self.field(from).is_none() {
            return;
        }
        self.take_out(to);
        let mut fields = self.changed().iter_mut();
        if let Some((name, _)) = fields.find(|(field, _)| **field == *from) {
            *name = to.into();
            self.bytes = self.bytes - from.len() + to.len();
        }
        // Of a name that stood twice, the first has counted.
        self.take_out(from);
    }

    /// The fields, to be changed.
    fn changed(&mut self) -> &mut Fields<'e> {
        let borrowed = |(name, text): &(&'e [u8], &'e [u8])| (Cow::from(*name), Cow::from(*text));
        let fields = self.event.fields;
        self.changed
            .get_or_insert_with(|| fields.iter().map(borrowed).collect())
    }

    /// Takes out all fields of a name.
    fn take_out(&mut self, name: &[u8]) {
        self.changed();
        let (bytes, documents) = (&mut self.bytes, &mut self.documents);
        let Some(fields) = &mut self.changed else {
            return;
        };
        fields.retain(|(field, text)| {
            let stays = **field != *name;
            if !stays {
                *bytes -= field.len() + text.len();
                documents.forget(text);
            }
            stays
        });
    }

    /// The event as it is now.
    pub fn with_event<T>(&self, read: impl FnOnce(&Event<'_>) -> T) -> T {
        let Some(fields) = &self.changed else {
            return read(self.event);
        };
        let fields: SmallVec<[(&[u8], &[u8]); 16]> = fields
            .iter()
            .map(|(name, text)| (&**name, &**text))
            .collect();
        read(&Event {
            fields: &fields,
            ..*self.event
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::EntryId;

    #[test]
    fn of_a_name_that_stands_twice_the_first_counts() {
        let fields: [(&[u8], &[u8]); 4] = [(b"a", b"1"), (b"b", b"2"), (b"a", b"3"), (b"c", b"4")];
        let event = Event {
            key: b"k",
            id: EntryId::default(),
            fields: &fields,
            hops: 0,
        };
        let after = |change: fn(&mut View)| {
            let mut view = View::new(&event);
            change(&mut view);
            view.with_event(|event| {
                let bytes = event.fields.iter().map(|(n, t)| n.len() + t.len());
                assert_eq!(view.bytes(), bytes.sum::<usize>());
                let pairs = event.fields.iter();
                let pairs = pairs.map(|(name, text)| [*name, *text].concat());
                String::from_utf8(pairs.collect::<Vec<_>>().join(&b' ')).unwrap()
            })
        };
        assert_eq!(after(|view| view.set(b"x", None)), "a1 b2 a3 c4");
        assert_eq!(after(|view| view.rename(b"x", b"a")), "a1 b2 a3 c4");
        assert_eq!(after(|view| view.set(b"a", None)), "b2 c4");
        assert_eq!(
            after(|view| view.set(b"a", Some(b"9".to_vec()))),
            "a9 b2 a3 c4"
        );
        assert_eq!(
            after(|view| view.set(b"x", Some(Vec::new()))),
            "a1 b2 a3 c4 x"
        );
        assert_eq!(after(|view| view.rename(b"a", b"b")), "b1 c4");
        assert_eq!(after(|view| view.rename(b"c", b"a")), "b2 a4");
    }

    #[test]
    fn a_text_that_takes_anothers_place_is_read_anew() {
        let fields: [(&[u8], &[u8]); 1] = [(b"j", br#"{"a":1}"#)];
        let event = Event {
            key: b"k",
            id: EntryId::default(),
            fields: &fields,
            hops: 0,
        };
        let path = FieldRef::new(&["j".into(), "a".into()]);
        let mut view = View::new(&event);
        for number in 1..9 {
            assert_eq!(view.read(&path), Value::Number(f64::from(number)));
            view.set(b"j", Some(format!(r#"{{"a":{}}}"#, number + 1).into()));
        }
    }
}
