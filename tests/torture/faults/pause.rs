//! The server does not write for a while.

use super::{begin, connect, end, nothing_lost, Effort, Result, Seen};
use crate::support::Options;

pub fn pause(effort: Effort) -> Result<Seen> {
    let (mut trial, server) = begin(effort, Options::new());
    for _ in 0..effort.blows {
        let load = trial.load(&server);
        trial.moment();
        let ms = trial.rng.u32(10..300).to_string();
        connect(&server).ok(&["CLIENT", "PAUSE", &ms, "WRITE"]);
        trial.moment();
        trial.ended(load.stop());
        trial.verify(&mut connect(&server))?;
    }
    nothing_lost(end(trial, &server)?)
}
