//! A server under test, and what is measured on it.

use std::collections::HashMap;
use std::time::Duration;

use redis::{Cmd, Connection, Value};
use serde::{Deserialize, Serialize};

use super::facts::cpu_seconds;
use super::load::Load;
use super::reader::BlockedReader;
use super::scenario::{Scenario, OUTPUT, PAIRS};
use crate::server::{Options, Server};

/// Anything that can go wrong ends the benchmark with its message.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// So many events are made at a time while windows are filled.
const PIECE: usize = 100_000;
/// XADDs under way meanwhile.
const DEPTH: usize = 100;

/// A server under test.
pub struct Side {
    server: Server,
    /// For questions to it.
    pub connection: Connection,
    bare: bool,
}

impl Side {
    /// Starts it, with the module and these rules or without.
    pub fn start(options: Options, rules: Option<&[String]>) -> Result<Self> {
        let server = match rules {
            None => options.without_module().start(),
            Some(_) => options.arg("--leaflet.max-window-memory", "8gb").start(),
        };
        let mut connection = connect(&server)?;
        let mut adding = redis::pipe();
        for (number, rule) in rules.into_iter().flatten().enumerate() {
            let name = format!("rule_{number}");
            adding.cmd("LEAFLET.RULE.ADD").arg(name).arg(rule).ignore();
        }
        if !adding.is_empty() {
            adding.exec(&mut connection)?;
        }
        Ok(Self {
            server,
            connection,
            bare: rules.is_none(),
        })
    }

    /// Its server.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// A figure of the module.
    pub fn stat(&mut self, name: &str) -> Result<u64> {
        let all: HashMap<String, Value> =
            redis::cmd("LEAFLET.STATS").query(&mut self.connection)?;
        let value = all
            .get(name)
            .ok_or_else(|| format!("no {name} in LEAFLET.STATS"))?;
        Ok(redis::from_redis_value(value.clone())?)
    }

    /// Times from a write to the blocked reader of the integrated event that it leads to: on the
    /// bare server the write is that event.
    pub fn latency(&mut self, reads: usize, integrated: &[String]) -> Result<Vec<Duration>> {
        redis::cmd("FLUSHALL").exec(&mut self.connection)?;
        let control = connect(&self.server)?;
        let mut reader = BlockedReader::new(self.server.port(), control, OUTPUT)?;
        let mut times = Vec::with_capacity(reads);
        for n in 0..reads {
            let write = if self.bare {
                xadd(OUTPUT, integrated)
            } else {
                let first = PAIRS.event(2 * n);
                xadd(&first.key, &first.fields).exec(&mut self.connection)?;
                let second = PAIRS.event(2 * n + 1);
                xadd(&second.key, &second.fields)
            };
            times.push(reader.time(&mut self.connection, &write)?);
        }
        Ok(times)
    }

    /// The fields of an integrated event as a module with the rule of the pairs writes them.
    pub fn sample(&mut self) -> Result<Vec<String>> {
        for n in 0..2 {
            let event = PAIRS.event(n);
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

/// A server in the middle of a scenario.
pub struct Run {
    /// The server.
    pub side: Side,
    scenario: Scenario,
    depth: usize,
    /// What the client adds itself where a match is complete.
    integrated: Option<Vec<String>>,
    sent: usize,
}

impl Run {
    /// Starts a server, with the module or without, and sends what comes before anything is measured. A bare server's client
    /// adds `integrated` where the module would.
    pub fn start(
        options: Options,
        scenario: &Scenario,
        bare: bool,
        depth: usize,
        integrated: &[String],
    ) -> Result<Self> {
        let mut run = Self {
            side: Side::start(options, (!bare).then_some(&scenario.rules[..]))?,
            scenario: scenario.clone(),
            depth: DEPTH,
            integrated: bare.then(|| integrated.to_vec()),
            sent: 0,
        };
        while run.sent < scenario.settle {
            run.feed(PIECE.min(scenario.settle - run.sent))?;
        }
        run.depth = depth;
        Ok(run)
    }

    /// Sends the scenario's next events, to streams that are empty.
    pub fn feed(&mut self, events: usize) -> Result<Throughput> {
        let load = self.next(events)?;
        let cpu_before = cpu_seconds(&mut self.side.connection)?;
        let took = load.run(self.side.server.port())?;
        let cpu = cpu_seconds(&mut self.side.connection)? - cpu_before;
        let sent = self.check(events)?;
        Ok(Throughput {
            per_second: sent as f64 / took.as_secs_f64(),
            cpu_us: cpu * 1e6 / sent as f64,
        })
    }

    /// Empties the streams, and makes the scenario's next events.
    pub fn next(&mut self, events: usize) -> Result<Load> {
        let streams = self.scenario.streams();
        if !streams.is_empty() {
            redis::cmd("DEL")
                .arg(&streams)
                .exec(&mut self.side.connection)?;
        }
        let piece = self.sent..self.sent + events;
        self.sent += events;
        Ok(self
            .scenario
            .load(piece, self.depth, self.integrated.as_deref()))
    }

    /// How many entries so many events have come to.
    ///
    /// # Errors
    /// When not everything was integrated that should have been, or taken.
    pub fn check(&mut self, events: usize) -> Result<usize> {
        let title = &self.scenario.title;
        let integrated: usize = redis::cmd("XLEN")
            .arg(OUTPUT)
            .query(&mut self.side.connection)?;
        if integrated != self.scenario.integrated(events) {
            return Err(format!("{title}: {integrated} integrated events").into());
        }
        if !self.side.bare {
            let taken = self.side.stat("events_taken")?;
            let expected = if self.scenario.taken { self.sent } else { 0 };
            if taken != expected as u64 {
                return Err(format!("{title}: {taken} events taken of {}", self.sent).into());
            }
        }
        Ok(events + integrated)
    }
}

/// What a load cost.
#[derive(Clone, Copy, Serialize, Deserialize)]
pub struct Throughput {
    /// Entries per second: events, and integrated ones; or commands where these are no events.
    pub per_second: f64,
    /// Server CPU time for each of them, µs.
    pub cpu_us: f64,
}
