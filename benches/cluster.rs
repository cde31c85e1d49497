//! What a cluster of one, two and three nodes takes in: XADDs per second, and the CPU time of the servers per XADD.
//!
//! The nodes, and what sends to them, share this machine: it has fewer cores than they could use, so that it is the
//! CPU time that says how Leaflet scales. Every second event completes a match; each node has as many leaflets, and
//! gets as many events, as the others. The results of all rounds go to `target/bench/cluster.json`.

#[allow(dead_code)]
mod support;
#[allow(dead_code, unused_imports)]
#[path = "../tests/support/mod.rs"]
mod testing;

use std::process::ExitCode;
use std::thread;
use std::time::Instant;

use clap::Parser;
use comfy_table::Cell;
use serde::Serialize;

use support::facts::{cpu_seconds, Facts};
use support::load::Load;
use support::numbers::at_least_one;
use support::scenario::{PAIRS, PAIR_RULE};
use support::side::Result;
use support::table;
use testing::cluster::Cluster;
use testing::server;
use testing::Options;

/// Leaflets of a node.
const LEAFLETS: usize = 8;
const NODES: [usize; 3] = [1, 2, 3];

#[derive(Parser, Serialize)]
struct Args {
    /// How often each number of nodes is measured
    #[arg(long, env = "LEAFLET_BENCH_ROUNDS", default_value_t = 5, value_parser = at_least_one)]
    rounds: usize,
    /// Events of one measurement, of all nodes together
    #[arg(long, default_value_t = 120_000, value_parser = at_least_one)]
    events: usize,
    /// XADDs under way at a time, at each node
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    depth: usize,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    #[serde(skip)]
    bench: bool,
}

/// What one measurement came to.
#[derive(Clone, Copy, Serialize)]
struct Round {
    events_per_second: f64,
    cpu_us_per_event: f64,
}

/// All rounds with this many nodes.
#[derive(Serialize)]
struct Series {
    nodes: usize,
    rounds: Vec<Round>,
}

#[derive(Serialize)]
struct Report {
    facts: Facts,
    parameters: Args,
    series: Vec<Series>,
}

fn main() -> ExitCode {
    match measure(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: Args) -> Result<()> {
    let mut clusters: Vec<Subject> = NODES
        .into_iter()
        .map(|nodes| Subject::start(nodes, &args))
        .collect();
    let facts = Facts::gather(&mut clusters[0].connections()?[0])?;
    println!("{}", facts.line());
    println!(
        "{} rounds of {} events, {} XADDs under way at each node, {LEAFLETS} leaflets a node\n",
        args.rounds, args.events, args.depth
    );
    let mut series: Vec<Series> = NODES
        .into_iter()
        .map(|nodes| Series {
            nodes,
            rounds: Vec::new(),
        })
        .collect();
    // The first round warms up and is not counted.
    for round in 0..=args.rounds {
        for (cluster, series) in clusters.iter_mut().zip(&mut series) {
            let result = cluster.round()?;
            if round > 0 {
                series.rounds.push(result);
            }
        }
    }
    print(&series);
    let all = Report {
        facts,
        parameters: args,
        series,
    };
    let file = table::file("cluster")?;
    std::fs::write(&file, serde_json::to_vec_pretty(&all)?)?;
    println!("\nall rounds: {}", file.display());
    Ok(())
}

fn print(series: &[Series]) {
    let mut rows = table::new_table([
        "nodes",
        "events/s",
        "min–max",
        "CPU µs per event",
        "min–max",
    ]);
    for Series { nodes, rounds } in series {
        let rate = table::sorted(rounds.iter().map(|round| round.events_per_second));
        let cpu = table::sorted(rounds.iter().map(|round| round.cpu_us_per_event));
        let ends = |all: &[f64], digits| {
            let (least, most) = (all[0], all[all.len() - 1]);
            format!("{least:.digits$}–{most:.digits$}")
        };
        rows.add_row([
            Cell::new(nodes),
            Cell::new(format!("{:.0}", table::median(&rate))),
            Cell::new(ends(&rate, 0)),
            Cell::new(format!("{:.2}", table::median(&cpu))),
            Cell::new(ends(&cpu, 2)),
        ]);
    }
    println!("{rows}");
}

/// A cluster, and what is sent to each of its nodes.
struct Subject {
    cluster: Cluster,
    loads: Vec<Load>,
    events: usize,
}

impl Subject {
    fn start(nodes: usize, args: &Args) -> Self {
        let mut cluster = Cluster::start(&Options::new(), nodes);
        cluster.everywhere(&["LEAFLET.RULE.ADD", "bench", PAIR_RULE]);
        let mut tags = vec![Vec::new(); nodes];
        for tag in 0.. {
            let tag = format!("{{{tag}}}");
            let node = cluster.place(&tag);
            if tags[node].len() < LEAFLETS {
                tags[node].push(tag);
            }
            if tags.iter().all(|tags| tags.len() == LEAFLETS) {
                break;
            }
        }
        // Of every pair of events the second completes.
        let share = (args.events / nodes).next_multiple_of(2);
        let event = |n: usize, tags: &[String]| {
            let mut event = PAIRS.event(n);
            event.key.push_str(&tags[n / 2 % tags.len()]);
            event
        };
        let loads = tags
            .iter()
            .map(|tags| Load::new((0..share).map(|n| event(n, tags)), args.depth))
            .collect();
        Self {
            cluster,
            loads,
            events: share * nodes,
        }
    }

    fn connections(&self) -> Result<Vec<redis::Connection>> {
        let nodes = self.cluster.primaries.iter();
        nodes
            .map(|node| Ok(redis::Client::open(node.server.url())?.get_connection()?))
            .collect()
    }

    fn cpu(&self) -> Result<f64> {
        let mut connections = self.connections()?;
        let seconds = connections.iter_mut().map(cpu_seconds);
        Ok(seconds.sum::<redis::RedisResult<f64>>()?)
    }

    fn round(&mut self) -> Result<Round> {
        self.cluster.everywhere(&["FLUSHALL"]);
        self.cluster.everywhere(&["LEAFLET.RESET"]);
        let cpu = self.cpu()?;
        let start = Instant::now();
        thread::scope(|scope| {
            let nodes = self.cluster.primaries.iter().zip(&self.loads);
            let running: Vec<_> = nodes
                .map(|(node, load)| {
                    let port = node.server.port();
                    scope.spawn(move || load.run(port))
                })
                .collect();
            running
                .into_iter()
                .try_for_each(|load| load.join().expect("a load ends").map(drop))
        })?;
        let took = start.elapsed();
        let cpu = self.cpu()? - cpu;
        let emitted: u64 = self
            .cluster
            .primaries
            .iter_mut()
            .map(|node| testing::stat(&mut node.client, &[], "emitted"))
            .sum();
        if emitted != self.events as u64 / 2 {
            return Err(format!("{emitted} integrated events of {} events", self.events).into());
        }
        Ok(Round {
            events_per_second: self.events as f64 / took.as_secs_f64(),
            cpu_us_per_event: cpu * 1e6 / self.events as f64,
        })
    }
}
