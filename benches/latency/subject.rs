//! The server under test, and how its windows are filled.

use std::time::{Duration, Instant};

use redis::{Cmd, Connection, FromRedisValue};

use crate::load::{Entry, Load};
use crate::pinger::{Gaps, Pinger};
use crate::server::{Options, Server};

/// Anything that can go wrong ends the measurement with its message.
pub type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// How many commands are under way while events are added before a measurement, and during one.
const FILL_DEPTH: usize = 2_000;
const LIVE_DEPTH: usize = 20;

/// How long what goes on in slices may take, after its command.
const PATIENCE: Duration = Duration::from_secs(120);

/// A server with the module and room for everything.
pub struct Subject {
    server: Server,
    connection: Connection,
}

/// An event: its axon, its time and its fields.
pub type Planned = (String, u64, Vec<(&'static str, String)>);

impl Subject {
    /// Starts a server of its own.
    ///
    /// # Errors
    /// When it can't be reached.
    pub fn start() -> Result<Self> {
        let server = Options::new()
            .arg("--leaflet.max-window-memory", "8gb")
            .start();
        let client = redis::Client::open(server.url())?;
        let connection = client.get_connection_with_timeout(PATIENCE)?;
        Ok(Self { server, connection })
    }

    /// A command that has to succeed.
    ///
    /// # Errors
    /// The server's.
    pub fn call<T: FromRedisValue>(&mut self, words: &[&str]) -> Result<T> {
        let mut command = Cmd::new();
        words.iter().for_each(|word| {
            command.arg(word);
        });
        Ok(command.query(&mut self.connection)?)
    }

    /// Adds a rule to the domain `default`.
    ///
    /// # Errors
    /// The server's.
    pub fn rule(&mut self, name: &str, text: &str) -> Result<()> {
        self.call(&["LEAFLET.RULE.ADD", name, text])
    }

    /// A figure of the whole module.
    ///
    /// # Errors
    /// When there is none of this name.
    pub fn stat(&mut self, name: &str) -> Result<u64> {
        let figures: Vec<(String, u64)> = self.call(&["LEAFLET.STATS"])?;
        let found = figures.into_iter().find(|(figure, _)| figure == name);
        Ok(found.ok_or("no such figure")?.1)
    }

    /// Adds events as fast as it goes, before a measurement.
    ///
    /// # Errors
    /// The server's.
    pub fn fill(&self, events: impl Iterator<Item = Planned>) -> Result<()> {
        self.load(events, FILL_DEPTH)
    }

    /// Adds events as a client does that pipelines some.
    ///
    /// # Errors
    /// The server's.
    pub fn feed(&self, events: impl Iterator<Item = Planned>) -> Result<()> {
        self.load(events, LIVE_DEPTH)
    }

    /// Adds events one after the other, each when the one before is done: what is seen is what one of them takes.
    ///
    /// # Errors
    /// The server's.
    pub fn feed_singly(&self, events: impl Iterator<Item = Planned>) -> Result<()> {
        self.load(events, 1)
    }

    fn load(&self, events: impl Iterator<Item = Planned>, depth: usize) -> Result<()> {
        let entries = events.map(|(key, ms, fields)| Entry {
            key,
            id: format!("{ms}-*"),
            fields: fields
                .into_iter()
                .flat_map(|(name, value)| [name.to_owned(), value])
                .collect(),
        });
        Load::new(entries, depth).run(self.server.port())?;
        Ok(())
    }

    /// The longest gap between a PING and its reply while this is done.
    ///
    /// # Errors
    /// What it fails with.
    pub fn watch(&mut self, act: impl FnOnce(&mut Self) -> Result<()>) -> Result<Gaps> {
        let pinger = Pinger::start(self.server.port())?;
        act(self)?;
        Ok(pinger.stop()?)
    }

    /// Waits until the module's part of the memory has stopped to shrink.
    ///
    /// # Errors
    /// The server's, or that it does not stop.
    pub fn settle(&mut self) -> Result<()> {
        let start = Instant::now();
        let mut before = u64::MAX;
        loop {
            let info: String = self.call(&["INFO", "memory"])?;
            let used = crate::machine::value_of(&info, "used_memory").parse::<u64>()?;
            if used.abs_diff(before) < 1 << 20 {
                return Ok(());
            }
            if start.elapsed() > PATIENCE {
                return Err("the memory does not stop to shrink".into());
            }
            before = used;
            std::thread::sleep(Duration::from_millis(200));
        }
    }
}
