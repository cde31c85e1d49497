//! Records into Redis: a domain of its own, its rules, and pipelined XADDs whose explicit ids are
//! the event times.

use redis::{Connection, RedisError, RedisResult};

use super::data::Record;

/// The domain of this data.
pub const DOMAIN: &str = "flights";
/// Where departures go.
pub const DEPARTURES: &str = "flights:departures";
/// Where weather records go.
pub const WEATHER: &str = "flights:weather";
/// Where the integrated events come out.
pub const OUTPUT: &str = "flights:integrated";
/// The rules, in the order they are added.
pub const RULES: [(&str, &str); 3] = [
    ("knock_on", include_str!("knock_on.rule")),
    ("gust", include_str!("gust.rule")),
    ("ground_stop", include_str!("ground_stop.rule")),
];

/// XADDs that are sent before their replies are read.
const PIPELINE: usize = 500;

/// Removes what an earlier run left, and sets up the domain and its rules.
pub fn prepare(connection: &mut Connection) -> RedisResult<()> {
    let drop = redis::cmd("LEAFLET.DOMAIN.DROP")
        .arg(DOMAIN)
        .exec(connection);
    if drop.as_ref().is_err_and(|error| !is_missing(error)) {
        return drop;
    }
    redis::cmd("DEL")
        .arg(&[DEPARTURES, WEATHER, OUTPUT])
        .exec(connection)?;
    redis::cmd("LEAFLET.DOMAIN.CREATE")
        .arg(DOMAIN)
        .arg("AXONS")
        .arg(&[DEPARTURES, WEATHER])
        .arg("OUTPUT")
        .arg(OUTPUT)
        .exec(connection)?;
    for (name, text) in RULES {
        redis::cmd("LEAFLET.RULE.ADD")
            .arg(name)
            .arg(text)
            .arg("DOMAIN")
            .arg(DOMAIN)
            .exec(connection)?;
    }
    Ok(())
}

fn is_missing(error: &RedisError) -> bool {
    error
        .detail()
        .is_some_and(|detail| detail.contains("no such domain"))
}

/// Appends the records, which must be in event-time order. An entry's id is the event time in ms
/// and, as sequence number, how many records of that ms came before. `progress` is told how many
/// more are in.
pub fn replay(
    connection: &mut Connection,
    records: &[Record],
    mut progress: impl FnMut(usize),
) -> RedisResult<()> {
    let mut last_ms = 0;
    let mut sequence = 0;
    let mut pipeline = redis::pipe();
    for chunk in records.chunks(PIPELINE) {
        pipeline.clear();
        for record in chunk {
            let time = record.time();
            let ms = time.as_millisecond();
            sequence = if ms == last_ms { sequence + 1 } else { 0 };
            last_ms = ms;
            let (stream, event_type) = match record {
                Record::Departure(_) => (DEPARTURES, "Departure"),
                Record::Weather(_) => (WEATHER, "Weather"),
            };
            pipeline
                .cmd("XADD")
                .arg(stream)
                .arg(format!("{ms}-{sequence}"))
                .arg(&[("type", event_type)])
                .arg(&[("timestamp", time.to_string())])
                .arg(record.fields())
                .ignore();
        }
        pipeline.exec(connection)?;
        progress(chunk.len());
    }
    Ok(())
}
