//! What an event in a window takes.

use std::collections::HashMap;

use comfy_table::Table;
use redis::{Connection, Value};
use serde::{Deserialize, Serialize};

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

/// Bytes for each event in a window, ten in a partition.
#[derive(Serialize, Deserialize)]
pub struct Memory {
    pub events: usize,
    /// As `LEAFLET.STATS` counts them.
    pub window_bytes: f64,
    /// How much more the server's allocator has handed out than a bare server's that holds the same streams.
    pub used_memory: f64,
    /// What is the event's own: what integrated events show of it, and the fields that the rule keeps.
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

    /// A table of them.
    pub fn table(&self) -> Table {
        let mut table = new_table([
            "memory of an event in a window",
            "bytes",
            "needed of it",
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
        table
    }
}

fn used(connection: &mut Connection) -> Result<f64> {
    let info: String = redis::cmd("INFO").arg("memory").query(connection)?;
    Ok(value_of(&info, "used_memory").parse()?)
}

/// The texts of an event's id, time and value, which lineage shows, and of the fields that `LEAFLET.RULE.EXPLAIN` says are
/// kept: how many bytes they have, in the mean.
fn needed(connection: &mut Connection, scenario: &Scenario) -> Result<f64> {
    let explained: HashMap<String, Value> = redis::cmd("LEAFLET.RULE.EXPLAIN")
        .arg("rule_0")
        .query(connection)?;
    let kept = explained.get("fields_kept").ok_or("no fields_kept")?;
    let mut kept: Vec<String> = redis::from_redis_value(kept.clone())?;
    kept.extend(["event_id", "timestamp", "value"].map(str::to_owned));
    let Traffic::Events(events) = scenario.traffic else {
        return Err("no events".into());
    };
    let of_one = |n| -> usize {
        let fields = events.event(n).fields;
        let own = fields.chunks_exact(2).filter(|own| kept.contains(&own[0]));
        own.map(|own| own[1].len()).sum()
    };
    let bytes: usize = (0..scenario.settle).map(of_one).sum();
    Ok(bytes as f64 / scenario.settle as f64)
}
