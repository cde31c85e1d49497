//! More than `maxmemory`: what is evicted can't be looked at any more, so the sources are what the server has acknowledged.

use std::collections::HashMap;

use super::{begin, connect, Effort, Result, Seen, Trial};
use crate::model;
use crate::support::{stat, Client, Options};
use crate::trial::outputs;

pub fn noeviction(effort: Effort) -> Result<Seen> {
    fill(effort, "noeviction", false)
}

pub fn allkeys_lru(effort: Effort) -> Result<Seen> {
    fill(effort, "allkeys-lru", false)
}

pub fn allkeys_lfu(effort: Effort) -> Result<Seen> {
    fill(effort, "allkeys-lfu", false)
}

pub fn allkeys_random(effort: Effort) -> Result<Seen> {
    fill(effort, "allkeys-random", false)
}

pub fn volatile_lru(effort: Effort) -> Result<Seen> {
    fill(effort, "volatile-lru", true)
}

pub fn volatile_ttl(effort: Effort) -> Result<Seen> {
    fill(effort, "volatile-ttl", true)
}

fn figure(client: &mut Client, section: &str, name: &str) -> u64 {
    let info = client.info(section);
    info[name].trim().parse().expect("a number")
}

/// Keys evicted and writes refused so far. While writers write, the latter stands still.
fn pressure(client: &mut Client, trial: &Trial) -> (u64, u64) {
    (figure(client, "stats", "evicted_keys"), trial.refused().0)
}

fn fill(effort: Effort, policy: &str, expiring: bool) -> Result<Seen> {
    let (mut trial, server) = begin(effort, Options::new().arg("--maxmemory-policy", policy));
    let mut client = connect(&server);
    trial.write(&server, 100);
    if expiring {
        for axon in ["t:axon_1", "t:axon_2", "t:axon_3"] {
            client.int(&["EXPIRE", axon, "3600"]);
        }
    }
    for _ in 0..effort.blows {
        let room = trial.rng.u64(1..8) << 16;
        let limit = figure(&mut client, "memory", "used_memory") + room;
        client.ok(&["CONFIG", "SET", "maxmemory", &limit.to_string()]);
        let before = pressure(&mut client, &trial);
        let load = trial.load(&server);
        client.wait_until("the limit", |client| {
            let memory = client.info("memory");
            let bytes = |name: &str| memory[name].trim().parse::<u64>().expect("a number");
            bytes("used_memory") > bytes("maxmemory")
                || figure(client, "stats", "evicted_keys") > before.0
        });
        trial.moment();
        trial.ended(load.stop());
        if pressure(&mut client, &trial) == before {
            return Err("there was room for everything".into());
        }
        trial.seen.blows += 1;
    }
    let evicted = figure(&mut client, "stats", "evicted_keys");
    let (refused, reasons) = trial.refused();
    if let Some(reason) = reasons
        .keys()
        .find(|reason| !["OOM", "EXECABORT"].contains(&reason.as_str()))
    {
        return Err(format!("refused with {reason}"));
    }
    client.ok(&["CONFIG", "SET", "maxmemory", "0"]);
    let sources: Vec<_> = trial.acknowledged().cloned().collect();
    let expected = model::integrated(&sources);
    client.wait_until("all deadlines", |client| {
        stat(client, &[], "emitted") >= expected.len() as u64
    });
    for (name, wanted) in [
        ("emitted", expected.len() as u64),
        ("matches", expected.len() as u64),
        ("emit_errors", 0),
        ("internal_errors", 0),
        ("events_seen", sources.len() as u64),
    ] {
        let count = stat(&mut client, &[], name);
        if count != wanted {
            return Err(format!("{name} is {count}, not {wanted}"));
        }
    }
    let outputs = outputs(&mut client);
    let outputs: Vec<_> = outputs.iter().map(|(id, _)| id.as_str()).collect();
    let due = counted(expected.iter().map(|integrated| integrated.id.as_str()));
    if let Some((id, count)) = counted(outputs.iter().copied())
        .into_iter()
        .find(|(id, count)| due.get(id).is_none_or(|due| due < count))
    {
        return Err(format!("{id} is there {count} times"));
    }
    if evicted == 0 && outputs.len() != expected.len() {
        return Err(format!("{} of {} are there", outputs.len(), expected.len()));
    }
    trial.seen.refused = refused;
    trial.seen.sources = sources.len() as u64;
    trial.seen.integrated = expected.len() as u64;
    Ok(trial.seen)
}

/// How often each is there. An axon that is evicted begins anew, and may use an entry id again within the same
/// millisecond; what then is made of the same ids has the same `event_id`.
fn counted<'a>(ids: impl Iterator<Item = &'a str>) -> HashMap<&'a str, u64> {
    let mut counts = HashMap::new();
    for id in ids {
        *counts.entry(id).or_default() += 1;
    }
    counts
}
