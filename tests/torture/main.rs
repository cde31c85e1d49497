//! Servers are tortured under load, and what comes out is compared with a model of the rules that shares nothing with the
//! engine (see `model`): each integrated event that the surviving sources make is there, once, and no other.
//!
//! `cargo test` gives each fault one short trial. `make torture TIME=600 SEED=1` goes through them for that many seconds, and
//! prints a table, which is also written to `target/torture/torture.json`. The seed decides what writers write and when the
//! faults strike; when exactly the server is hit depends on the machine too.

mod faults;
mod load;
mod model;
mod report;
#[allow(dead_code, unused_imports)]
#[path = "../support/mod.rs"]
mod support;
mod trial;

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::time::{Duration, Instant};

use faults::{Effort, Fault, FAULTS};
use report::Row;

/// One short trial of each fault whose name has this in it.
fn short(name: &str) {
    if support::scene::given_url().is_some() {
        return support::skip("it needs servers of its own, and LEAFLET_URL names a running one");
    }
    for fault in FAULTS.iter().filter(|fault| fault.name.contains(name)) {
        let effort = Effort {
            seed: 1,
            longest: Duration::from_millis(100),
            blows: 1,
        };
        match (fault.run)(effort) {
            Ok(seen) => assert!(
                seen.integrated > 0 && seen.blows > 0,
                "{}: {seen:?}",
                fault.name
            ),
            Err(why) => panic!("{}: {why}", fault.name),
        }
    }
}

#[test]
fn kill() {
    short("kill -9");
}

#[test]
fn restart() {
    short("restart");
}

#[test]
fn cut() {
    short("cut off");
}

#[test]
fn failover() {
    short("failover");
}

#[test]
fn pause() {
    short("PAUSE");
}

#[test]
fn disk_full() {
    short("disk full");
}

#[test]
fn maxmemory() {
    short("maxmemory");
}

/// `make torture`
#[test]
#[ignore = "takes as long as it is given: make torture"]
fn torture() {
    let number = |name: &str, default: u64| match std::env::var(name) {
        Ok(text) if !text.is_empty() => text.parse().unwrap_or_else(|_| panic!("{name}: {text}")),
        _ => default,
    };
    let seconds = number("LEAFLET_TORTURE_TIME", 600);
    let seed = number("LEAFLET_TORTURE_SEED", 1);
    let only = std::env::var("LEAFLET_TORTURE_ONLY").unwrap_or_default();
    let chosen: Vec<&Fault> = FAULTS
        .iter()
        .filter(|fault| fault.name.contains(&only))
        .collect();
    let share = Duration::from_secs(seconds) / chosen.len().max(1) as u32;
    let rows: Vec<Row> = chosen
        .iter()
        .map(|fault| many(fault, share, seed))
        .collect();
    println!("\n{}", report::table(&rows));
    let path = report::write(seed, seconds, &rows).expect("the report can be written");
    println!("{}", path.display());
    assert!(rows.iter().all(|row| row.failures.is_empty()));
}

/// Trials of a fault, as many as there is time for, at least one.
fn many(fault: &Fault, share: Duration, seed: u64) -> Row {
    let start = Instant::now();
    let mut row = Row::new(fault);
    while row.trials == 0 || start.elapsed() < share {
        let effort = Effort {
            seed: seed.wrapping_mul(1_000_003).wrapping_add(row.trials),
            longest: Duration::from_millis(400),
            blows: 4,
        };
        row.trials += 1;
        // What the tests' own clients don't expect, they panic at.
        let run = catch_unwind(AssertUnwindSafe(|| (fault.run)(effort)));
        match run.unwrap_or_else(|_| Err("a panic, see above".into())) {
            Ok(seen) => row.seen.add(seen),
            Err(why) => row.failures.push(format!("trial {}: {why}", row.trials)),
        }
    }
    println!("{}", row.line());
    row
}
