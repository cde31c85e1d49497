//! How long a server with the module keeps others waiting: the longest time between a `PING` and its reply while something
//! large happens.
//!
//! ```text
//! REDIS_SERVER=… cargo bench --bench latency -- --quick
//! ```
//!
//! Each scenario runs on a server of its own, several times. On a machine that does other things too the longest gap of a
//! run may be another program's; the smallest of several runs is what the server is to answer for. The first scenario,
//! in which nothing happens, shows what the machine itself adds. All runs go to `target/bench/latency.json`.

#[path = "../support/load.rs"]
mod load;
#[path = "../support/machine.rs"]
mod machine;
#[path = "../support/numbers.rs"]
mod numbers;
mod pinger;
mod scenario;
#[path = "../../tests/support/server.rs"]
mod server;
mod subject;
#[path = "../support/table.rs"]
mod table;

use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

use machine::Machine;
use numbers::at_least_one;
use subject::{Result, Subject};

#[derive(Parser, Serialize)]
struct Args {
    /// How often each scenario runs
    #[arg(long, default_value_t = 3, value_parser = at_least_one)]
    runs: usize,
    /// The n of the scenarios' titles
    #[arg(long, default_value_t = 1_000_000, value_parser = at_least_one)]
    n: usize,
    /// Only the scenarios whose title has this in it
    #[arg(long, default_value = "")]
    only: String,
    /// One run of a tenth: whether it works, not how long it takes
    #[arg(long)]
    quick: bool,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    #[serde(skip)]
    bench: bool,
}

/// What became of a scenario.
#[derive(Serialize)]
struct Series {
    title: &'static str,
    /// The longest gap of each run, ms.
    longest_ms: Vec<f64>,
    /// How many PINGs were answered in each run.
    pings: Vec<u64>,
}

#[derive(Serialize)]
struct Report {
    machine: Machine,
    parameters: Args,
    scenarios: Vec<Series>,
}

fn main() -> ExitCode {
    let mut args = Args::parse();
    if args.quick {
        args.runs = 1;
        args.n = args.n.div_ceil(10);
    }
    match measure(args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: Args) -> Result<()> {
    let machine = Machine::gather();
    println!("{}", machine.line());
    println!("{} runs, n = {}\n", args.runs, args.n);
    let mut scenarios = Vec::new();
    for scenario in &scenario::ALL {
        if !scenario.title.contains(&args.only) {
            continue;
        }
        let mut series = Series {
            title: scenario.title,
            longest_ms: Vec::new(),
            pings: Vec::new(),
        };
        for _ in 0..args.runs {
            let gaps = (scenario.run)(&mut Subject::start()?, args.n)
                .map_err(|error| format!("{}: {error}", scenario.title))?;
            series.longest_ms.push(gaps.longest.as_secs_f64() * 1e3);
            series.pings.push(gaps.pings);
        }
        eprintln!("{}: {:.1?} ms", series.title, series.longest_ms);
        scenarios.push(series);
    }
    print(&scenarios);
    let file = table::file("latency")?;
    let report = Report {
        machine,
        parameters: args,
        scenarios,
    };
    std::fs::write(&file, serde_json::to_vec_pretty(&report)?)?;
    println!("\nall runs: {}", file.display());
    Ok(())
}

fn print(all: &[Series]) {
    let mut table = table::new_table(["longest gap, ms", "smallest", "median", "largest"]);
    for series in all {
        let gaps = table::sorted(series.longest_ms.iter().copied());
        let row =
            [gaps[0], table::median(&gaps), gaps[gaps.len() - 1]].map(|ms| format!("{ms:.1}"));
        let [smallest, median, largest] = row;
        table.add_row([series.title.to_owned(), smallest, median, largest]);
    }
    println!("{table}");
}
