//! A disk that is full: the server's files can't grow beyond a size (`prlimit --fsize`).

use std::fs;
use std::process::Command;

use super::{begin, connect, end, nothing_lost, wait_for, Effort, Result, Seen};
use crate::support::aof::aof_path;
use crate::support::{Options, Server};

/// The server's files can't grow beyond this; its log, which is short, can't either.
fn limit(server: &Server, size: &str) {
    let status = Command::new("prlimit")
        .args([
            "--pid",
            &server.pid().to_string(),
            &format!("--fsize={size}:unlimited"),
        ])
        .status();
    assert!(
        status.is_ok_and(|status| status.success()),
        "prlimit (util-linux)"
    );
}

/// The file has grown beyond the log.
fn length(server: &Server) -> u64 {
    let length = fs::metadata(aof_path(server.dir()))
        .expect("the file")
        .len();
    length.max(1 << 18)
}

pub fn always(effort: Effort) -> Result<Seen> {
    let (mut trial, mut server) = begin(effort, Options::new().aof());
    for _ in 0..effort.blows {
        let size = length(&server) + trial.rng.u64(..1 << 18);
        limit(&server, &size.to_string());
        let load = trial.load(&server);
        trial.ended(load.wait());
        server.restart();
        trial.verify(&mut connect(&server))?;
    }
    nothing_lost(end(trial, &server)?)
}

pub fn everysec(effort: Effort) -> Result<Seen> {
    let options = Options::new()
        .arg("--appendonly", "yes")
        .arg("--appendfsync", "everysec");
    let (mut trial, mut server) = begin(effort, options);
    for _ in 0..effort.blows {
        let mut client = connect(&server);
        let size = length(&server) + trial.rng.u64(..1 << 18);
        limit(&server, &size.to_string());
        let load = trial.load(&server);
        wait_for(&mut client, "aof_last_write_status", "err");
        trial.moment();
        trial.ended(load.stop());
        limit(&server, "unlimited");
        wait_for(&mut client, "aof_last_write_status", "ok");
        trial.verify(&mut client)?;
        trial.write(&server, 10);
        server.kill();
        server.restart();
        trial.check(&mut connect(&server))?;
    }
    refusals(end(trial, &server)?)
}

pub fn snapshot(effort: Effort) -> Result<Seen> {
    let (mut trial, mut server) = begin(effort, Options::new().arg("--save", "3600 1000000000"));
    let mut client = connect(&server);
    client.ok(&["SAVE"]);
    for _ in 0..effort.blows {
        let load = trial.load(&server);
        trial.moment();
        limit(&server, "10000");
        client.call(&["BGSAVE"]);
        wait_for(&mut client, "rdb_last_bgsave_status", "err");
        trial.moment();
        trial.ended(load.stop());
        limit(&server, "unlimited");
        client.call(&["BGSAVE"]);
        wait_for(&mut client, "rdb_last_bgsave_status", "ok");
        trial.verify(&mut client)?;
        let load = trial.load(&server);
        trial.moment();
        server.kill();
        trial.ended(load.wait());
        server.restart();
        client = connect(&server);
        trial.check(&mut client)?;
    }
    refusals(end(trial, &server)?)
}

/// It was noticed that the disk was full.
fn refusals(seen: Seen) -> Result<Seen> {
    match seen.refused {
        0 => Err("no write was refused".into()),
        _ => Ok(seen),
    }
}
