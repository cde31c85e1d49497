//! The field `lineage` of an integrated event, read back.

use std::fmt;

use serde::de::{Deserializer, MapAccess, Visitor};
use serde::Deserialize;

use crate::engine::event::EntryId;

/// A source, as its integrated event tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Origin {
    #[serde(default)]
    pub event_id: String,
    pub stream: String,
    #[serde(deserialize_with = "entry_id")]
    pub id: EntryId,
}

fn entry_id<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EntryId, D::Error> {
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(serde::de::Error::custom)
}

/// The sources that a lineage names, in its order, which is that of their processing.
#[derive(Debug, Default)]
pub struct Origins(pub Vec<Origin>);

impl<'de> Deserialize<'de> for Origins {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Sources;

        impl<'de> Visitor<'de> for Sources {
            type Value = Origins;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a lineage")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Origins, A::Error> {
                let mut sources = Vec::new();
                while let Some((_, origin)) = map.next_entry::<String, Origin>()? {
                    sources.push(origin);
                }
                Ok(Origins(sources))
            }
        }

        deserializer.deserialize_map(Sources)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sources_come_in_the_order_in_which_they_stand() {
        let text = r#"{"b":{"event_id":"x","timestamp":"t","stream":"s:b","id":"5-1","type":"B","value":2},
                       "a":{"stream":"s:a","id":"4-0"}}"#;
        let Origins(sources) = serde_json::from_str(text).unwrap();
        let told: Vec<_> = sources.iter().map(|s| (&*s.stream, s.id.ms)).collect();
        assert_eq!(told, [("s:b", 5), ("s:a", 4)]);
        assert_eq!((&*sources[0].event_id, &*sources[1].event_id), ("x", ""));
        for wrong in ["[]", r#"{"a":{}}"#, r#"{"a":{"stream":"s","id":"5"}}"#] {
            assert!(serde_json::from_str::<Origins>(wrong).is_err(), "{wrong}");
        }
    }
}
