//! The server ends under load, in one way or another, and starts again.

use super::{begin, connect, end, nothing_lost, wait_for, Effort, Result, Seen, Trial};
use crate::support::{Client, Options, Server};

pub fn always(effort: Effort) -> Result<Seen> {
    nothing_lost(blows(
        effort,
        Options::new().aof(),
        |_, _| {},
        Server::kill,
    )?)
}

pub fn everysec(effort: Effort) -> Result<Seen> {
    let options = Options::new().arg("--appendonly", "yes");
    blows(
        effort,
        options.arg("--appendfsync", "everysec"),
        |_, _| {},
        Server::kill,
    )
}

pub fn rewriting(effort: Effort) -> Result<Seen> {
    let rewrite = |trial: &mut Trial, client: &mut Client| {
        wait_for(client, "aof_rewrite_in_progress", "0");
        client.call(&["BGREWRITEAOF"]);
        trial.moment();
    };
    nothing_lost(blows(effort, Options::new().aof(), rewrite, Server::kill)?)
}

pub fn snapshot(effort: Effort) -> Result<Seen> {
    let save = |trial: &mut Trial, client: &mut Client| {
        wait_for(client, "rdb_bgsave_in_progress", "0");
        client.call(&["BGSAVE"]);
        trial.moment();
    };
    let options = Options::new();
    let (mut trial, mut server) = begin(effort, options);
    // The definitions are in the first one.
    connect(&server).ok(&["SAVE"]);
    strike(&mut trial, &mut server, effort, save, Server::kill)?;
    end(trial, &server)
}

pub fn shutdown_aof(effort: Effort) -> Result<Seen> {
    let shutdown = |server: &mut Server| drop(connect(server).try_call(&["SHUTDOWN"]));
    nothing_lost(blows(effort, Options::new().aof(), |_, _| {}, shutdown)?)
}

pub fn shutdown_rdb(effort: Effort) -> Result<Seen> {
    let shutdown = |server: &mut Server| drop(connect(server).try_call(&["SHUTDOWN", "SAVE"]));
    nothing_lost(blows(effort, Options::new(), |_, _| {}, shutdown)?)
}

fn blows(
    effort: Effort,
    options: Options,
    before: fn(&mut Trial, &mut Client),
    blow: fn(&mut Server),
) -> Result<Seen> {
    let (mut trial, mut server) = begin(effort, options);
    strike(&mut trial, &mut server, effort, before, blow)?;
    end(trial, &server)
}

fn strike(
    trial: &mut Trial,
    server: &mut Server,
    effort: Effort,
    before: fn(&mut Trial, &mut Client),
    blow: fn(&mut Server),
) -> Result {
    for _ in 0..effort.blows {
        let load = trial.load(server);
        trial.moment();
        before(trial, &mut connect(server));
        blow(server);
        trial.ended(load.wait());
        server.restart();
        trial.verify(&mut connect(server))?;
    }
    Ok(())
}
