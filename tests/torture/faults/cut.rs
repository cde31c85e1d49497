//! The end of the append-only file is missing, as after a power failure.

use std::fs;

use super::{begin, connect, end, Effort, Result, Seen};
use crate::support::aof::{aof_commands, aof_path};
use crate::support::Options;

pub fn anywhere(effort: Effort) -> Result<Seen> {
    cut(effort, |bytes, rng| {
        rng.usize(after_definitions(bytes)..=bytes.len())
    })
}

pub fn in_transaction(effort: Effort) -> Result<Seen> {
    cut(effort, |bytes, rng| {
        let transactions = transactions(bytes);
        let (start, end) = transactions[rng.usize(..transactions.len())];
        rng.usize(start + 1..end)
    })
}

fn cut(effort: Effort, place: fn(&[u8], &mut fastrand::Rng) -> usize) -> Result<Seen> {
    let (mut trial, mut server) = begin(effort, Options::new().aof());
    for _ in 0..effort.blows {
        let load = trial.load(&server);
        trial.moment();
        trial.ended(load.stop());
        server.kill();
        let path = aof_path(server.dir());
        let bytes = fs::read(&path).expect("the file");
        let at = place(&bytes, &mut trial.rng);
        fs::write(&path, &bytes[..at]).expect("a shorter file");
        server.restart();
        let shown = |what| format!("cut at {at} of {} bytes: {what}", bytes.len());
        trial.verify(&mut connect(&server)).map_err(shown)?;
        // What is written now follows the cut in the file.
        trial.write(&server, 10);
        let written: Vec<_> = trial.acknowledged().cloned().collect();
        server.kill();
        // Where the cut was in a transaction and the rewrite is not done, Redis comes up at the second attempt.
        if !server.try_restart() {
            let log = server.log_tail();
            assert!(
                log.contains("the truncated file is not the last file"),
                "{log}"
            );
            server.restart();
        }
        trial.check(&mut connect(&server)).map_err(shown)?;
        if trial.acknowledged().count() < written.len() {
            return Err(shown("what was written after it is gone".into()));
        }
    }
    // What is lost here, the fault itself has taken away.
    end(trial, &server)
}

/// Where the commands end that define domains and rules.
fn after_definitions(bytes: &[u8]) -> usize {
    let commands = aof_commands(bytes);
    let defines = |command: &[String]| {
        command[0].to_uppercase().starts_with("LEAFLET.") && command[0] != "LEAFLET.TICK"
    };
    let last = commands.iter().rfind(|(command, _)| defines(command));
    last.map_or(0, |(_, end)| *end)
}

/// Where the transactions after that begin and end.
fn transactions(bytes: &[u8]) -> Vec<(usize, usize)> {
    let from = after_definitions(bytes);
    let (mut transactions, mut start, mut before) = (Vec::new(), 0, 0);
    for (command, end) in aof_commands(bytes) {
        match command[0].to_uppercase().as_str() {
            "MULTI" => start = before,
            "EXEC" if start >= from => transactions.push((start, end)),
            _ => {}
        }
        before = end;
    }
    transactions
}
