//! What Leaflet costs: XADDs per second, server CPU time per XADD and the time to a blocked
//! reader, on a bare server and on one with the module, in turn on the same machine.
//!
//! ```text
//! REDIS_SERVER=… cargo bench --bench correlation_throughput -- --quick
//! ```
//!
//! Every round measures each scenario on both servers, one after the other, the other way round in
//! every second round; a ratio is taken within a round. The results of all rounds go to
//! `target/bench/correlation_throughput.json`.

#[path = "../tests/support/server.rs"]
mod server;
mod support;

use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use hdrhistogram::Histogram;
use serde::Serialize;

use support::facts::Facts;
use support::numbers::at_least_one;
use support::report::{self, Latency, Pair, Report, Series};
use support::scenario::Scenario;
use support::side::{Result, Side};
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
    /// XADDs under way at a time
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    depth: usize,
    /// Blocked reads of one measurement
    #[arg(long, default_value_t = 1000, value_parser = at_least_one)]
    reads: usize,
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
    let mut bare = Side::start(true)?;
    let mut module = Side::start(false)?;
    let facts = Facts::gather(&mut module.connection)?;
    let integrated = module.sample()?;
    println!("{}", facts.line());
    println!(
        "{} rounds of {} events, {} XADDs under way, integrated event of {} bytes\n",
        args.rounds,
        args.events,
        args.depth,
        integrated.iter().map(String::len).sum::<usize>()
    );

    let throughput = Scenario::ALL
        .into_iter()
        .map(|scenario| series(scenario, &args, &mut bare, &mut module, &integrated))
        .collect::<Result<Vec<_>>>()?;
    report::print_throughput(&throughput);

    let nothing = Histogram::<u64>::new_with_max(LONGEST.as_nanos() as u64, 3)?;
    let mut times = [nothing.clone(), nothing];
    for round in 0..args.rounds {
        for index in in_turn(round) {
            let side = if index == 0 { &mut bare } else { &mut module };
            for time in side.latency(args.reads, &integrated)? {
                times[index].saturating_record(time.as_nanos() as u64);
            }
        }
    }
    let micros = |index: usize, quantile| times[index].value_at_quantile(quantile) as f64 / 1e3;
    let latency = Latency {
        bare_p50_us: micros(0, 0.5),
        bare_p99_us: micros(0, 0.99),
        module_p50_us: micros(1, 0.5),
        module_p99_us: micros(1, 0.99),
    };
    report::print_latency(&latency);

    let all = Report {
        facts,
        parameters: args,
        throughput,
        latency,
    };
    let file = table::file("correlation_throughput")?;
    std::fs::write(&file, serde_json::to_vec_pretty(&all)?)?;
    println!("\nall rounds: {}", file.display());
    Ok(())
}

/// The sides in this round's order: the bare server first, then the module, and back.
fn in_turn(round: usize) -> [usize; 2] {
    if round.is_multiple_of(2) {
        [0, 1]
    } else {
        [1, 0]
    }
}

fn series(
    scenario: Scenario,
    args: &Args,
    bare: &mut Side,
    module: &mut Side,
    integrated: &[String],
) -> Result<Series> {
    let sides = [bare, module];
    let loads = [true, false].map(|bare| scenario.load(args.events, args.depth, bare, integrated));
    let mut rounds = Vec::with_capacity(args.rounds);
    // The first round warms caches and allocators up and is not counted.
    for round in 0..=args.rounds {
        let mut results = [None; 2];
        for index in in_turn(round) {
            let result = sides[index].throughput(scenario, args.events, &loads[index])?;
            results[index] = Some(result);
        }
        if let [Some(bare), Some(module)] = results {
            rounds.push(Pair {
                bare,
                module,
                ratio: module.events_per_second / bare.events_per_second,
            });
        }
    }
    rounds.remove(0);
    Ok(Series { scenario, rounds })
}
