//! A reader of integrated events: a consumer group, XREADGROUP and XACK.

use std::collections::HashMap;
use std::time::Duration;

use redis::streams::{StreamId, StreamReadReply};
use redis::{Connection, RedisResult};
use serde::Deserialize;

/// How many entries one read may bring.
const BATCH: usize = 100;

/// One entry of an output stream.
#[derive(Debug)]
pub struct IntegratedEvent {
    /// The same for the same match, wherever and however often it is computed.
    pub event_id: String,
    /// The trigger's time.
    pub timestamp: String,
    /// The rule that matched.
    pub rule: String,
    /// By default the mean of the sources' values.
    pub value: Option<f64>,
    /// 0 to 1: by default, how close together the sources were.
    pub confidence: Option<f64>,
    /// Ids of the events it was made of, oldest first: the last one completed it.
    pub source_events: Vec<String>,
    /// Where each of them came from, in the same order.
    pub sources: Vec<Source>,
}

/// One source in the lineage of an integrated event.
#[derive(Debug, Deserialize)]
pub struct Source {
    /// The producer's id, if it gave one.
    pub event_id: Option<String>,
    /// The event's time.
    pub timestamp: String,
    /// The axon's key.
    pub stream: String,
    /// The entry's id in the axon.
    pub id: String,
    /// The event's type.
    #[serde(rename = "type")]
    pub event_type: String,
    /// The event's value, if it has one.
    pub value: Option<f64>,
}

impl Source {
    /// Its name in `source_events`.
    fn name(&self) -> String {
        match &self.event_id {
            Some(event_id) => event_id.clone(),
            None => format!("{}/{}", self.stream, self.id),
        }
    }
}

impl IntegratedEvent {
    /// Reads one entry of an output stream.
    ///
    /// # Errors
    /// Names the field that is missing or unreadable.
    pub fn parse(entry: &StreamId) -> Result<Self, String> {
        let text = |field: &str| {
            entry
                .get::<String>(field)
                .ok_or_else(|| format!("entry {}: no field {field}", entry.id))
        };
        let bad = |field: &str, error: serde_json::Error| {
            format!("entry {}: field {field}: {error}", entry.id)
        };
        let source_events: Vec<String> = serde_json::from_str(&text("source_events")?)
            .map_err(|error| bad("source_events", error))?;
        let lineage: HashMap<String, Source> =
            serde_json::from_str(&text("lineage")?).map_err(|error| bad("lineage", error))?;
        let mut sources: Vec<Source> = lineage.into_values().collect();
        sources.sort_by_key(|source| {
            let name = source.name();
            source_events.iter().position(|event| *event == name)
        });
        Ok(Self {
            event_id: text("event_id")?,
            timestamp: text("timestamp")?,
            rule: text("correlation_rule")?,
            value: entry.get("integrated_value"),
            confidence: entry.get("confidence"),
            source_events,
            sources,
        })
    }
}

/// A member of a consumer group on an output stream.
pub struct Consumer {
    connection: Connection,
    stream: String,
    group: String,
}

impl Consumer {
    /// The consumer's name in its group.
    const NAME: &str = "reader";

    /// Makes the group, which starts with what comes from now on (and the stream, if need be).
    pub fn join(mut connection: Connection, stream: &str, group: &str) -> RedisResult<Self> {
        redis::cmd("XGROUP")
            .arg("CREATE")
            .arg(stream)
            .arg(group)
            .arg("$")
            .arg("MKSTREAM")
            .exec(&mut connection)?;
        Ok(Self {
            connection,
            stream: stream.to_owned(),
            group: group.to_owned(),
        })
    }

    /// Waits for new entries; none when nothing came within `wait`. What it returns stays
    /// pending in the group until [`ack`](Self::ack).
    pub fn poll(&mut self, wait: Duration) -> RedisResult<Vec<StreamId>> {
        let reply: Option<StreamReadReply> = redis::cmd("XREADGROUP")
            .arg("GROUP")
            .arg(&self.group)
            .arg(Self::NAME)
            .arg("COUNT")
            .arg(BATCH)
            .arg("BLOCK")
            // BLOCK 0 would wait for ever.
            .arg(wait.as_millis().max(1) as u64)
            .arg("STREAMS")
            .arg(&self.stream)
            .arg(">")
            .query(&mut self.connection)?;
        let keys = reply.map(|reply| reply.keys).unwrap_or_default();
        Ok(keys.into_iter().flat_map(|key| key.ids).collect())
    }

    /// Says that the entries have been dealt with.
    pub fn ack(&mut self, entries: &[StreamId]) -> RedisResult<()> {
        let ids: Vec<&str> = entries.iter().map(|entry| entry.id.as_str()).collect();
        redis::cmd("XACK")
            .arg(&self.stream)
            .arg(&self.group)
            .arg(ids)
            .exec(&mut self.connection)
    }

    /// Removes the group. The stream stays.
    pub fn leave(&mut self) -> RedisResult<()> {
        redis::cmd("XGROUP")
            .arg("DESTROY")
            .arg(&self.stream)
            .arg(&self.group)
            .exec(&mut self.connection)
    }
}
