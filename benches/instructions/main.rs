//! How many instructions an event takes on its way through the engine, and an entry through a server with the module and
//! through a bare one: they say what a change costs, whatever else the machine does.
//!
//! ```text
//! REDIS_SERVER=… cargo bench --bench instructions -- --only keyed
//! ```
//!
//! Each path runs under callgrind with a load that is always the same. What has changed by more than 3 % since the counts in
//! `benches/instructions.json` were kept is named; `--update` keeps the new ones. They also go to `target/bench/instructions.json`.

mod callgrind;
mod kept;
mod paths;
#[path = "../../tests/support/server.rs"]
mod server;
#[path = "../engine/stream.rs"]
mod stream;
#[allow(dead_code)]
#[path = "../engine/subject.rs"]
mod subject;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;
#[path = "../engine/workload.rs"]
mod workload;

use std::collections::HashSet;
use std::process::{Command, ExitCode};

use clap::Parser;

use kept::{Counts, BARE, ENGINE, MODULE, TELLING};
use paths::Count;
use support::facts::Facts;
use support::numbers::at_least_one;
use support::side::{Result, Side};
use support::table;

#[derive(Parser)]
struct Args {
    /// Events of one load
    #[arg(long, default_value_t = 10_000, value_parser = at_least_one)]
    events: usize,
    /// Only the paths whose title has this in it
    #[arg(long, default_value = "")]
    only: String,
    /// Keep the counts in benches/instructions.json
    #[arg(long)]
    update: bool,
    /// Feed this workload, under callgrind
    #[arg(long, hide = true)]
    feed: Option<String>,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    let done = match (&args.feed, callgrind::version()) {
        (Some(title), _) => paths::feed(title, args.events),
        (None, Some(valgrind)) => measure(&args, &valgrind),
        (None, None) => {
            println!("instructions are not counted: there is no valgrind here");
            Ok(())
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args, valgrind: &str) -> Result<()> {
    let before = Counts::load()?;
    let mut now = Counts {
        with: counted_with(valgrind)?,
        events: args.events,
        ..Counts::default()
    };
    println!("{}; loads of {} events", now.with, args.events);
    let mut widest = 0.0_f64;
    let mut keep = |path: String, count: Result<Count>| {
        let count = count.map_err(|error| format!("{path}: {error}"))?;
        widest = widest.max(count.spread);
        println!("{:>8.0}  {path}", count.instructions);
        now.instructions
            .insert(path, count.instructions.round() as u64);
        Result::Ok(())
    };
    for workload in paths::workloads() {
        let title = &workload.title;
        if title.contains(&args.only) {
            keep(
                format!("{ENGINE}{title}"),
                paths::count_engine(title, args.events),
            )?;
        }
    }
    let integrated = paths::integrated()?;
    let mut done = HashSet::new();
    for (scenario, bare) in paths::scenarios() {
        let side = if bare { BARE } else { MODULE };
        let path = format!("{side}{}", scenario.title);
        if scenario.title.contains(&args.only) && done.insert(path.clone()) {
            keep(
                path,
                paths::count_server(&scenario, bare, args.events, &integrated),
            )?;
        }
    }
    println!(
        "\n{}\n\n{}",
        now.engine_table(Some(&before)),
        now.server_table(Some(&before))
    );
    println!(
        "instructions in user mode, the server's without its cron; an entry is a source or an integrated event;\n\
         two loads of a server differ by {:.1} % at most\n",
        100.0 * widest
    );
    finish(now, before, args.update)
}

/// Says what has changed, and keeps the counts where asked to.
fn finish(now: Counts, before: Counts, update: bool) -> Result<()> {
    let file = table::file("instructions")?;
    std::fs::write(&file, serde_json::to_vec_pretty(&now)?)?;
    println!("all counts: {}", file.display());
    if before.with != now.with && !before.instructions.is_empty() {
        println!("those that are kept were counted with {}", before.with);
    }
    for (path, &count) in &now.instructions {
        if let Some(change) = before.change(path, count) {
            if change.abs() > TELLING {
                let was = before.instructions[path];
                println!(
                    "changed: {path}: {was} -> {count} ({:+.1} %)",
                    100.0 * change
                );
            }
        }
    }
    if update {
        now.save(before)?;
        println!("kept in benches/instructions.json");
    }
    Ok(())
}

fn counted_with(valgrind: &str) -> Result<String> {
    let server = Facts::gather(&mut Side::start(server::Options::new(), None)?.connection)?;
    let rustc = Command::new("rustc").arg("--version").output()?.stdout;
    let rustc = String::from_utf8(rustc)?;
    Ok(format!("{}, {}, {valgrind}", server.server, rustc.trim()))
}
