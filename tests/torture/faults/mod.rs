//! The faults: how each is made, and what is looked at besides [`Trial::verify`].

mod cut;
mod disk;
mod failover;
mod kill;
mod memory;
mod pause;

use std::time::Duration;

use super::trial::{Result, Seen, Trial};
use crate::support::{Client, Options, Server};

/// How much of it.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    pub seed: u64,
    /// How long writers write before a blow, at most.
    pub longest: Duration,
    /// Blows in one trial.
    pub blows: usize,
}

/// One kind of fault.
pub struct Fault {
    pub name: &'static str,
    pub how: &'static str,
    /// One trial.
    pub run: fn(Effort) -> Result<Seen>,
}

/// All faults.
pub const FAULTS: [Fault; 19] = [
    Fault {
        name: "kill -9, `appendfsync always`",
        how: "under load, at a random moment; the server starts again and the writers go on",
        run: kill::always,
    },
    Fault {
        name: "kill -9, `appendfsync everysec`",
        how: "the same",
        run: kill::everysec,
    },
    Fault {
        name: "kill -9 in an AOF rewrite",
        how: "the same, a random moment after `BGREWRITEAOF`",
        run: kill::rewriting,
    },
    Fault {
        name: "kill -9 with an RDB alone",
        how: "the same, a random moment after `BGSAVE`: back to the last snapshot",
        run: kill::snapshot,
    },
    Fault {
        name: "restart, AOF",
        how: "`SHUTDOWN` under load",
        run: kill::shutdown_aof,
    },
    Fault {
        name: "restart, RDB",
        how: "`SHUTDOWN SAVE` under load",
        run: kill::shutdown_rdb,
    },
    Fault {
        name: "AOF cut off anywhere",
        how: "the power fails: the file ends at a random byte; the writers go on, then kill -9",
        run: cut::anywhere,
    },
    Fault {
        name: "AOF cut off in a transaction",
        how: "the same, between a `MULTI` and its `EXEC`",
        run: cut::in_transaction,
    },
    Fault {
        name: "failover",
        how: "the primary is killed under load, its replica promoted, the old primary comes back as the replica",
        run: failover::promote,
    },
    Fault {
        name: "`CLIENT PAUSE WRITE`",
        how: "under load, for a random time",
        run: pause::pause,
    },
    Fault {
        name: "disk full, `appendfsync always`",
        how: "the AOF can't grow under load: the server ends itself and starts again",
        run: disk::always,
    },
    Fault {
        name: "disk full, `appendfsync everysec`",
        how: "the AOF can't grow under load: writes are refused until it can; then kill -9",
        run: disk::everysec,
    },
    Fault {
        name: "disk full, RDB",
        how: "`BGSAVE` fails under load: writes are refused until one succeeds; then kill -9",
        run: disk::snapshot,
    },
    Fault {
        name: "maxmemory, `noeviction`",
        how: "load beyond the limit",
        run: memory::noeviction,
    },
    Fault {
        name: "maxmemory, `allkeys-lru`",
        how: "the same: axons and outputs are evicted, so what is counted is what was taken and emitted",
        run: memory::allkeys_lru,
    },
    Fault {
        name: "maxmemory, `allkeys-lfu`",
        how: "the same",
        run: memory::allkeys_lfu,
    },
    Fault {
        name: "maxmemory, `allkeys-random`",
        how: "the same",
        run: memory::allkeys_random,
    },
    Fault {
        name: "maxmemory, `volatile-lru`",
        how: "the same, with axons that have a time to live",
        run: memory::volatile_lru,
    },
    Fault {
        name: "maxmemory, `volatile-ttl`",
        how: "the same",
        run: memory::volatile_ttl,
    },
];

fn connect(server: &Server) -> Client {
    Client::connect(&server.url())
}

/// A server with the domains and rules, and a trial on it.
fn begin(effort: Effort, options: Options) -> (Trial, Server) {
    let trial = Trial::new(effort.seed, effort.longest);
    let server = options.start();
    trial.define(&mut connect(&server));
    (trial, server)
}

/// The writers go on after the last blow, and the sum is drawn.
fn end(mut trial: Trial, server: &Server) -> Result<Seen> {
    trial.write(server, 50);
    let mut client = connect(server);
    trial.check(&mut client)?;
    trial.finish(&mut client)
}

/// Nothing that the server has acknowledged may be gone.
fn nothing_lost(seen: Seen) -> Result<Seen> {
    match seen.lost {
        0 => Ok(seen),
        lost => Err(format!("{lost} acknowledged source events are gone")),
    }
}

/// Waits until INFO persistence says this.
fn wait_for(client: &mut Client, name: &str, value: &str) {
    client.wait_until(&format!("{name}:{value}"), |client| {
        client
            .info("persistence")
            .get(name)
            .is_some_and(|now| now == value)
    });
}
