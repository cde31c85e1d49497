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

use std::process::{Command, ExitCode};

use clap::Parser;

use kept::{Counts, TELLING};
use paths::Count;
use support::facts::Facts;
use support::numbers::at_least_one;
use support::side::{Result, Side};
use support::table::{self, new_table};

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
    println!("{}; loads of {} events\n", now.with, args.events);
    let mut widest = 0.0_f64;
    let mut counted = |now: &mut Counts, path: String, count: &dyn Fn() -> Result<Count>| {
        if let Some(&known) = now.instructions.get(&path) {
            return Ok::<u64, Box<dyn std::error::Error>>(known);
        }
        let count = count().map_err(|error| format!("{path}: {error}"))?;
        widest = widest.max(count.spread);
        let instructions = count.instructions.round() as u64;
        now.instructions.insert(path, instructions);
        Ok(instructions)
    };

    let mut rows = new_table(["engine", "instructions per event", "since kept"]);
    for workload in paths::workloads() {
        let title = &workload.title;
        if title.contains(&args.only) {
            let path = format!("engine: {title}");
            let count = counted(&mut now, path.clone(), &|| {
                paths::count_engine(title, args.events)
            })?;
            rows.add_row([
                title.clone(),
                count.to_string(),
                change(&before, &path, count),
            ]);
        }
    }
    println!("{rows}\n");

    let integrated = paths::integrated()?;
    let mut rows = new_table([
        "server",
        "compared with",
        "it takes",
        "with Leaflet",
        "ratio",
        "since kept",
    ]);
    for path in paths::server_paths() {
        let title = &path.scenario.title;
        if !title.contains(&args.only) {
            continue;
        }
        let (other, bare) = match &path.against {
            None => (&path.scenario, true),
            Some(other) => (other, false),
        };
        let side = |bare| if bare { "bare" } else { "module" };
        let name = format!("{}: {}", side(bare), other.title);
        let reference = counted(&mut now, name, &|| {
            paths::count_server(other, bare, args.events, &integrated)
        })?;
        let name = format!("{}: {title}", side(false));
        let count = counted(&mut now, name.clone(), &|| {
            paths::count_server(&path.scenario, false, args.events, &integrated)
        })?;
        rows.add_row([
            title.clone(),
            if bare { "bare" } else { &other.title }.to_owned(),
            reference.to_string(),
            count.to_string(),
            format!("{:.2}", count as f64 / reference as f64),
            change(&before, &name, count),
        ]);
    }
    println!("{rows}");
    println!(
        "instructions of the server for each entry (source or integrated) or command, in user mode and without its cron;\n\
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

fn change(before: &Counts, path: &str, count: u64) -> String {
    match before.change(path, count) {
        Some(change) => format!("{:+.1} %", 100.0 * change),
        None => "new".to_owned(),
    }
}

fn counted_with(valgrind: &str) -> Result<String> {
    let server = Facts::gather(&mut Side::start(server::Options::new(), None)?.connection)?;
    let rustc = Command::new("rustc").arg("--version").output()?.stdout;
    let rustc = String::from_utf8(rustc)?;
    Ok(format!("{}, {}, {valgrind}", server.server, rustc.trim()))
}
