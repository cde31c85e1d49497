//! What an event in a window takes.

use redis::{Connection, Value};
use serde::Serialize;

use super::machine::value_of;
use super::rows;
use super::scenario::{Scenario, Traffic};
use super::side::{Result, Run};
use super::table::{new_table, verdict};
use crate::server::Options;

/// Beside the bytes that the rule needs of it, an event may take so many.
const AIM: f64 = 160.0;
const DEPTH: usize = 100;
/// Events of a partition.
const EACH: usize = 10;

/// Bytes for each event in a window.
#[derive(Serialize)]
pub struct Memory {
    pub events: usize,
    /// As `LEAFLET.STATS` counts them.
    pub window_bytes: f64,
    /// How much more the server's allocator has handed out than a bare server's that holds the same streams.
    pub used_memory: f64,
    /// The texts of the fields that the rule keeps, by `LEAFLET.RULE.EXPLAIN`.
    pub needed: f64,
    /// Beyond `needed` at most this.
    pub aim: f64,
}

impl Memory {
    /// Fills a window with so many events.
    pub fn measure(events: usize) -> Result<Self> {
        let scenario = rows::window(events, events / EACH);
        let mut bare = Run::start(Options::new(), &scenario, true, DEPTH, &[])?;
        let mut module = Run::start(Options::new(), &scenario, false, DEPTH, &[])?;
        let held = module.side.stat("window_events")? as f64;
        let window_bytes = module.side.stat("window_bytes")? as f64;
        let needed = needed(&mut module.side.connection, &scenario)?;
        let more = used(&mut module.side.connection)? - used(&mut bare.side.connection)?;
        Ok(Self {
            events: held as usize,
            window_bytes: window_bytes / held,
            used_memory: more / held,
            needed,
            aim: AIM,
        })
    }

    /// Prints them.
    pub fn print(&self) {
        let mut table = new_table([
            "memory of an event in a window",
            "bytes",
            "of which needed",
            "beyond",
            "aim",
            "",
        ]);
        for (title, bytes) in [
            ("window_bytes", self.window_bytes),
            ("used_memory, less a bare server's", self.used_memory),
        ] {
            let beyond = bytes - self.needed;
            table.add_row([
                title.to_owned(),
                format!("{bytes:.0}"),
                format!("{:.0}", self.needed),
                format!("{beyond:.0}"),
                format!("≤ {:.0}", self.aim),
                verdict(beyond <= self.aim),
            ]);
        }
        println!("{table}");
        println!("{} events, {EACH} in each partition\n", self.events);
    }
}

fn used(connection: &mut Connection) -> Result<f64> {
    let info: String = redis::cmd("INFO").arg("memory").query(connection)?;
    Ok(value_of(&info, "used_memory").parse()?)
}

/// The bytes of the values that the rule keeps of an event; the mean of a partition's worth of them.
fn needed(connection: &mut Connection, scenario: &Scenario) -> Result<f64> {
    let explained: std::collections::HashMap<String, Value> = redis::cmd("LEAFLET.RULE.EXPLAIN")
        .arg("rule_0")
        .query(connection)?;
    let kept = explained.get("fields_kept").ok_or("no fields_kept")?;
    let kept: Vec<String> = redis::from_redis_value(kept.clone())?;
    let Traffic::Events(events) = scenario.traffic else {
        return Err("no events".into());
    };
    let sample = scenario.settle.min(100_000);
    let bytes: usize = (0..sample)
        .flat_map(|n| {
            let fields = events.event(n).fields;
            fields
                .chunks_exact(2)
                .filter(|field| kept.contains(&field[0]))
                .map(|field| field[1].len())
                .collect::<Vec<_>>()
        })
        .sum();
    Ok(bytes as f64 / sample as f64)
}
