//! A server under test, and what is measured on it.

use std::time::Duration;

use redis::{Cmd, Connection};
use serde::Serialize;

use super::facts::cpu_seconds;
use super::load::Load;
use super::reader::BlockedReader;
use super::scenario::{Scenario, OUTPUT};
use crate::server::{Options, Server};

/// Anything that can go wrong ends the benchmark with its message.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A server under test.
pub struct Side {
    server: Server,
    /// For questions to it.
    pub connection: Connection,
    bare: bool,
}

impl Side {
    /// Starts it, with or without the module.
    pub fn start(bare: bool) -> Result<Self> {
        let options = Options::new();
        let server = if bare {
            options.without_module().start()
        } else {
            options.start()
        };
        let mut side = Self {
            connection: connect(&server)?,
            server,
            bare,
        };
        side.clear(Scenario::Completing.rule())?;
        Ok(side)
    }

    /// Empties the server; a module gets this one rule.
    fn clear(&mut self, rule: &str) -> Result<()> {
        redis::cmd("FLUSHALL").exec(&mut self.connection)?;
        if !self.bare {
            redis::cmd("LEAFLET.RULE.ADD")
                .arg("bench")
                .arg(rule)
                .arg("REPLACE")
                .exec(&mut self.connection)?;
            redis::cmd("LEAFLET.RESET").exec(&mut self.connection)?;
        }
        Ok(())
    }

    /// Sends a load to the empty server, and checks that what should have been integrated was.
    pub fn throughput(
        &mut self,
        scenario: Scenario,
        events: usize,
        load: &Load,
    ) -> Result<Throughput> {
        self.clear(scenario.rule())?;
        let cpu_before = cpu_seconds(&mut self.connection)?;
        let took = load.run(self.server.port())?;
        let cpu = cpu_seconds(&mut self.connection)? - cpu_before;
        let integrated: usize = redis::cmd("XLEN").arg(OUTPUT).query(&mut self.connection)?;
        if integrated != scenario.integrated(events) {
            return Err(format!("{}: {integrated} integrated events", scenario.title()).into());
        }
        Ok(Throughput {
            events_per_second: events as f64 / took.as_secs_f64(),
            cpu_us_per_event: cpu * 1e6 / events as f64,
        })
    }

    /// Times from a write to the blocked reader of the integrated event that it leads to: on the
    /// bare server the write is that event.
    pub fn latency(&mut self, reads: usize, integrated: &[String]) -> Result<Vec<Duration>> {
        self.clear(Scenario::Completing.rule())?;
        let control = connect(&self.server)?;
        let mut reader = BlockedReader::new(connect(&self.server)?, control, OUTPUT);
        let mut times = Vec::with_capacity(reads);
        for n in 0..reads {
            let write = if self.bare {
                xadd(OUTPUT, integrated)
            } else {
                let first = Scenario::Completing.event(2 * n);
                xadd(&first.key, &first.fields).exec(&mut self.connection)?;
                let second = Scenario::Completing.event(2 * n + 1);
                xadd(&second.key, &second.fields)
            };
            times.push(reader.time(&mut self.connection, &write)?);
        }
        Ok(times)
    }

    /// The fields of an integrated event as the module writes them.
    pub fn sample(&mut self) -> Result<Vec<String>> {
        for n in 0..2 {
            let event = Scenario::Completing.event(n);
            xadd(&event.key, &event.fields).exec(&mut self.connection)?;
        }
        let entries: Vec<(String, Vec<String>)> = redis::cmd("XRANGE")
            .arg(&[OUTPUT, "-", "+"])
            .query(&mut self.connection)?;
        let (_, fields) = entries.into_iter().next().ok_or("nothing was integrated")?;
        Ok(fields)
    }
}

fn connect(server: &Server) -> Result<Connection> {
    Ok(redis::Client::open(server.url())?.get_connection()?)
}

fn xadd(key: &str, fields: &[String]) -> Cmd {
    let mut xadd = redis::cmd("XADD");
    xadd.arg(key).arg("*").arg(fields);
    xadd
}

/// What a load cost.
#[derive(Clone, Copy, Serialize)]
pub struct Throughput {
    /// Source events per second.
    pub events_per_second: f64,
    /// Server CPU time per source event.
    pub cpu_us_per_event: f64,
}
