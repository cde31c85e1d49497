//! The primary is gone and its replica takes over.

use super::{begin, connect, end, Effort, Result, Seen};
use crate::support::{Options, Server};

pub fn promote(effort: Effort) -> Result<Seen> {
    let (mut trial, mut primary) = begin(effort, Options::new());
    let mut replica = Options::new().replica_of(&primary).start();
    for _ in 0..effort.blows {
        wait_for_link(&replica);
        let load = trial.load(&primary);
        trial.moment();
        primary.kill();
        trial.ended(load.wait());
        std::mem::swap(&mut primary, &mut replica);
        let mut client = connect(&primary);
        client.ok(&["REPLICAOF", "NO", "ONE"]);
        trial.verify(&mut client)?;
        replica.restart();
        let port = primary.port().to_string();
        connect(&replica).text(&["REPLICAOF", "127.0.0.1", &port]);
    }
    end(trial, &primary)
}

fn wait_for_link(replica: &Server) {
    connect(replica).wait_until("the link to the primary", |client| {
        let info = client.info("replication");
        info.get("master_link_status")
            .is_some_and(|link| link == "up")
    });
}
