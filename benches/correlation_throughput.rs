//! What Leaflet costs: XADDs per second, server CPU time per XADD, the time to a blocked reader and
//! the memory of a window, on a bare server and on one with the module, in turn on the same machine.
//!
//! ```text
//! REDIS_SERVER=… cargo bench --bench correlation_throughput -- --quick
//! ```
//!
//! Every round measures a row on both servers, one after the other, the other way round in every
//! second round; a ratio is taken within a round. The aims are there to compare with: nothing fails
//! that misses them. The results of all rounds go to `target/bench/correlation_throughput.json`.

#[path = "../tests/support/server.rs"]
mod server;
#[allow(dead_code)]
mod support;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hdrhistogram::Histogram;
use serde::Serialize;

use server::Options;
use support::facts::Facts;
use support::memory::Memory;
use support::numbers::at_least_one;
use support::report::{self, Latency, Pair, Report, Series};
use support::rows::{self, Against, Row};
use support::scenario::PAIR_RULE;
use support::side::{Result, Run, Side};
use support::table;

/// A longer wait of a reader counts as this one.
const LONGEST: Duration = Duration::from_secs(10);

#[derive(Parser, Serialize)]
struct Args {
    /// How often each scenario is measured on each server
    #[arg(long, env = "LEAFLET_BENCH_ROUNDS", default_value_t = 7, value_parser = at_least_one)]
    rounds: usize,
    /// Source events of one measurement
    #[arg(long, default_value_t = 100_000, value_parser = at_least_one)]
    events: usize,
    /// Commands under way at a time
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    depth: usize,
    /// Blocked reads of one measurement
    #[arg(long, default_value_t = 1000, value_parser = at_least_one)]
    reads: usize,
    /// Events in the largest window
    #[arg(long, default_value_t = 1_000_000, value_parser = at_least_one)]
    held: usize,
    /// Only the rows whose title has this in it, `latency` or `memory`
    #[arg(long, default_value = "")]
    only: String,
    /// Two rounds of a tenth: whether it works, not what it costs
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    #[serde(skip)]
    bench: bool,
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    if args.quick {
        args.rounds = 2;
        args.events = args.events.div_ceil(10);
        args.held = args.held.div_ceil(10);
        args.reads = args.reads.div_ceil(10);
    }
    // Of every pair of events the second completes.
    args.events = args.events.next_multiple_of(2);
    match measure(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: Args) -> Result<()> {
    let pairs = [PAIR_RULE.to_owned()];
    let mut bare = Side::start(Options::new(), None)?;
    let mut module = Side::start(Options::new(), Some(&pairs))?;
    let facts = Facts::gather(&mut module.connection)?;
    let integrated = module.sample()?;
    println!("{}", facts.line());
    println!(
        "{} rounds of {} events, {} commands under way, integrated event of {} bytes\n",
        args.rounds,
        args.events,
        args.depth,
        integrated.iter().map(String::len).sum::<usize>()
    );

    let rows = rows::table(args.held).into_iter();
    let throughput = rows
        .filter(|row| row.scenario.title.contains(&args.only))
        .map(|row| series(&row, &args, &integrated))
        .collect::<Result<Vec<_>>>()?;
    println!("{}", report::throughput_table(&throughput));
    println!(
        "medians, for each entry (source or integrated) or command; ratios within a round. Where events complete, the client\n\
         of the bare server adds the integrated events itself.\n"
    );

    let mut latency = None;
    if "latency".contains(&args.only) {
        let measured = latencies(&args, &mut bare, &mut module, &integrated)?;
        println!("{}\n", report::latency_table(latency.insert(measured)));
    }
    let mut memory = None;
    if "memory".contains(&args.only) {
        let measured = memory.insert(Memory::measure(args.held)?);
        println!("{}", measured.table());
        println!("needed: an event's id, time and value, and the fields that the rule keeps\n");
    }

    let all = Report {
        facts,
        parameters: args,
        throughput,
        latency,
        memory,
    };
    let file = table::file("correlation_throughput")?;
    std::fs::write(&file, serde_json::to_vec_pretty(&all)?)?;
    println!("all rounds: {}", file.display());
    Ok(())
}

/// The sides in this round's order: the first one first, then the other, and back.
fn in_turn(round: usize) -> [usize; 2] {
    if round.is_multiple_of(2) {
        [0, 1]
    } else {
        [1, 0]
    }
}

fn series(row: &Row, args: &Args, integrated: &[String]) -> Result<Series> {
    let (other, is_bare) = match &row.against {
        Against::Bare => (&row.scenario, true),
        Against::Module(other) => (other, false),
    };
    let start = |scenario, bare| Run::start(Options::new(), scenario, bare, args.depth, integrated);
    let mut runs = [start(other, is_bare)?, start(&row.scenario, false)?];
    let events = args.events * row.scenario.times;
    let mut rounds = Vec::with_capacity(args.rounds);
    // The first round warms caches and allocators up and is not counted.
    for round in 0..=args.rounds {
        let mut results = [None; 2];
        for index in in_turn(round) {
            results[index] = Some(runs[index].feed(events)?);
        }
        if let ([Some(other), Some(module)], true) = (results, round > 0) {
            rounds.push(Pair { other, module });
        }
    }
    Ok(Series {
        title: row.scenario.title.clone(),
        other: if is_bare { "bare" } else { &other.title }.to_owned(),
        rule: row.scenario.rules[0].clone(),
        rules: row.scenario.rules.len(),
        aim: row.aim,
        rounds,
    })
}

fn latencies(
    args: &Args,
    bare: &mut Side,
    module: &mut Side,
    integrated: &[String],
) -> Result<Latency> {
    let nothing = Histogram::<u64>::new_with_max(LONGEST.as_nanos() as u64, 3)?;
    let mut times = [nothing.clone(), nothing];
    for round in 0..args.rounds {
        for index in in_turn(round) {
            let side = if index == 0 { &mut *bare } else { &mut *module };
            for time in side.latency(args.reads, integrated)? {
                times[index].saturating_record(time.as_nanos() as u64);
            }
        }
    }
    let [bare, module] = times
        .map(|times| [0.5, 0.99].map(|quantile| times.value_at_quantile(quantile) as f64 / 1e3));
    Ok(Latency::new(bare, module))
}
