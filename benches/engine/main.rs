//! What the engine can do without Redis: events per second on one core, for each kind of rule, beside rules that can't
//! use the events, and with more and more events in the window.
//!
//! ```text
//! cargo bench --bench engine --no-default-features -- --quick
//! ```
//!
//! Streams come from a generator with a fixed seed and are made before the clock starts, which is the CPU time of the
//! thread. The workloads of a table are measured in turn, round by round; a ratio is taken within a round. All rounds go
//! to `target/bench/engine.json`. The aims are there to compare with: nothing fails that misses them.

#[path = "../support/machine.rs"]
mod machine;
#[path = "../support/numbers.rs"]
mod numbers;
mod report;
mod stream;
mod subject;
#[path = "../support/table.rs"]
mod table;
mod workload;

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

use machine::Machine;
use numbers::at_least_one;
use report::{Aim, Group, Report, Series};
use subject::Subject;
use workload::Workload;

#[derive(Parser, Serialize)]
struct Args {
    /// How often each workload is measured
    #[arg(long, env = "LEAFLET_BENCH_ROUNDS", default_value_t = 7, value_parser = at_least_one)]
    rounds: usize,
    /// Events of one measurement
    #[arg(long, default_value_t = 200_000, value_parser = at_least_one)]
    events: usize,
    /// Only the workloads whose title has this in it
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
    }
    match measure(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: Args) -> Result<(), Box<dyn Error>> {
    let machine = Machine::gather();
    println!("{}", machine.line());
    println!(
        "{} rounds of {} events, one core\n",
        args.rounds, args.events
    );
    let held = [1_000, 10_000, 100_000, 1_000_000];
    let held = &held[..if args.quick { 3 } else { 4 }];
    let plan = [
        (
            "one rule",
            Aim::Rate("keyed pair", 2e6),
            Workload::operators(),
        ),
        (
            "rules that can't use the events",
            Aim::Ratio(0.8),
            [0, 1, 100, 10_000].map(Workload::beside).into(),
        ),
        (
            "keyed pair, window",
            Aim::Ratio(0.8),
            held.iter().copied().map(Workload::holding).collect(),
        ),
    ];
    let mut groups = Vec::new();
    for (title, aim, mut workloads) in plan {
        workloads.retain(|workload| workload.title.contains(&args.only));
        if !workloads.is_empty() {
            let series = series(workloads, &args)?;
            let group = Group { title, aim, series };
            group.print();
            groups.push(group);
        }
    }
    println!("medians; emitted: integrated events per event; held: events in the window; ratio: to the table's first row");
    let all = Report {
        machine,
        parameters: args,
        groups,
    };
    let file = table::file("engine")?;
    std::fs::write(&file, serde_json::to_vec_pretty(&all)?)?;
    println!("all rounds: {}", file.display());
    Ok(())
}

/// Measures workloads in turn.
fn series(workloads: Vec<Workload>, args: &Args) -> Result<Vec<Series>, Box<dyn Error>> {
    let subjects: Result<Vec<Subject>, _> = workloads.into_iter().map(Subject::new).collect();
    let mut subjects = subjects?;
    let before: Vec<u64> = subjects.iter().map(|s| s.stats().emitted).collect();
    let mut rounds = Vec::with_capacity(args.rounds);
    for _ in 0..args.rounds {
        let rates = subjects.iter_mut().map(|subject| {
            let took = subject.feed(args.events);
            args.events as f64 / took.as_secs_f64()
        });
        rounds.push(rates.collect::<Vec<f64>>());
    }
    let mut all = Vec::with_capacity(subjects.len());
    for (place, subject) in subjects.into_iter().enumerate() {
        let stats = subject.stats();
        let emitted = stats.emitted - before[place];
        if emitted == 0 {
            return Err(format!("{}: nothing was integrated", subject.workload.title).into());
        }
        all.push(Series {
            title: subject.workload.title,
            rule: subject.workload.rules[0].clone(),
            rules: subject.workload.rules.len(),
            held: stats.window_events,
            emitted: emitted as f64 / (args.rounds * args.events) as f64,
            events_per_second: rounds.iter().map(|round| round[place]).collect(),
            ratio: rounds.iter().map(|round| round[place] / round[0]).collect(),
        });
    }
    Ok(all)
}
