//! Streams of events, as one line of text each: `name type@axon time field=value …`.

use std::fmt::{self, Debug, Display};

/// One entry of an axon.
#[derive(Clone, PartialEq)]
pub struct Entry {
    pub key: String,
    pub id: (u64, u64),
    pub fields: Vec<(String, String)>,
}

impl Entry {
    /// Reads a line. `-` for the name leaves the event without an id of its own, and `-` for the type without a
    /// type. `number` is the entry's place in its stream.
    pub fn read(line: &str, number: usize) -> Self {
        let mut words = line.split_whitespace();
        let mut word = || words.next().expect("name type@axon time field=value …");
        let (name, source, time) = (word(), word(), word());
        let (event_type, axon) = source.split_once('@').expect("type@axon");
        let given = [("type", event_type), ("event_id", name)];
        let given = given.into_iter().filter(|(_, text)| *text != "-");
        let more = words.map(|word| word.split_once('=').expect("field=value"));
        Self {
            key: format!("stream:{axon}"),
            id: (time.parse().expect("a time"), number as u64),
            fields: given
                .chain(more)
                .map(|(field, text)| (field.into(), text.into()))
                .collect(),
        }
    }

    /// Reads a line for each entry.
    pub fn read_all(lines: &[&str]) -> Vec<Self> {
        let numbered = lines.iter().enumerate();
        numbered.map(|(n, line)| Self::read(line, n)).collect()
    }

    fn field(&self, name: &str) -> &str {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map_or("-", |(_, text)| text)
    }
}

impl Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.to_string())
    }
}

impl Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let axon = self.key.strip_prefix("stream:").unwrap_or(&self.key);
        let (name, event_type) = (self.field("event_id"), self.field("type"));
        write!(f, "{name} {event_type}@{axon} {}", self.id.0)?;
        for (field, text) in &self.fields {
            if field != "event_id" && field != "type" {
                write!(f, " {field}={text}")?;
            }
        }
        Ok(())
    }
}
