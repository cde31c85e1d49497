//! Events as the oracle keeps them: all of them, for ever.

use serde_json::Value as Json;

use super::value::Value;

/// One entry of an axon.
#[derive(Debug, Clone)]
pub struct Event {
    pub key: String,
    /// The entry id: milliseconds and sequence number. With `TIME ID` the milliseconds are the event's time.
    pub id: (u64, u64),
    pub fields: Vec<(String, String)>,
    /// The largest time the leaflet had processed when it had processed this event.
    pub clock: u64,
}

impl Event {
    pub fn time(&self) -> u64 {
        self.id.0
    }

    /// How late the event was when it was processed.
    pub fn lateness(&self) -> u64 {
        self.clock - self.time()
    }

    pub fn field(&self, name: &str) -> Option<&str> {
        let found = self.fields.iter().find(|(field, _)| field == name);
        found.map(|(_, text)| text.as_str())
    }

    /// `type` wins over `event_type`; an entry with neither is no event.
    pub fn event_type(&self) -> Option<&str> {
        self.field("type").or_else(|| self.field("event_type"))
    }

    /// A field, or what a path into its JSON leads to.
    pub fn get(&self, path: &[String]) -> Value {
        let text = match path[0].as_str() {
            "type" => self.event_type(),
            name => self.field(name),
        };
        let Some(text) = text else {
            return Value::Null;
        };
        if path.len() == 1 {
            return Value::Text(text.into());
        }
        let mut json = serde_json::from_str(text).unwrap_or(Json::Null);
        for key in &path[1..] {
            json = json.get(key).cloned().unwrap_or(Json::Null);
        }
        match json {
            Json::Null => Value::Null,
            Json::Bool(b) => Value::Bool(b),
            Json::Number(n) => Value::number(n.as_f64().expect("a small number")),
            Json::String(text) => Value::Text(text),
            nested => Value::Text(nested.to_string()),
        }
    }

    /// The key without its hash tag, and the tag.
    pub fn key_and_tag(&self) -> (String, String) {
        match (self.key.find('{'), self.key.find('}')) {
            (Some(open), Some(close)) if open + 1 < close => (
                format!("{}{}", &self.key[..open], &self.key[close + 1..]),
                self.key[open + 1..close].into(),
            ),
            _ => (self.key.clone(), String::new()),
        }
    }

    /// The axon's short name.
    pub fn axon(&self) -> String {
        let (key, _) = self.key_and_tag();
        key.rsplit(':').next().unwrap_or_default().into()
    }

    /// How a match lists it: by its own id, or else by its place.
    pub fn name(&self) -> String {
        match self.field("event_id") {
            Some(id) => id.into(),
            None => format!("{}/{}-{}", self.key, self.id.0, self.id.1),
        }
    }
}
