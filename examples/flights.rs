//! A year of flights and weather, replayed through three rules as fast as the server takes it.
//!
//! ```text
//! cargo run --release --example flights -- --url redis://127.0.0.1:6379 --data DIR
//! ```

mod nycflights;
#[path = "workflow/server.rs"]
mod server;

use std::collections::HashMap;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use anstream::println;
use anstyle::Style;
use clap::Parser;
use indicatif::{ProgressBar, ProgressStyle};
use redis::streams::{StreamId, StreamRangeReply};
use redis::{Connection, RedisResult};

use nycflights::data;
use nycflights::replay::{self, OUTPUT, RULES};
use server::{Failure, Server};

const BOLD: Style = Style::new().bold();
/// Integrated events that are read at a time.
const PAGE: usize = 1000;
/// Integrated events of each rule that are shown.
const SHOWN: usize = 3;

/// Replays the departures and the weather of nycflights13 through Leaflet.
///
/// Works in the domain `flights` on the keys flights:departures, flights:weather and
/// flights:integrated; what an earlier run left there is removed first.
#[derive(Parser)]
#[command(
    name = "flights",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no server, 4 server without Leaflet."
)]
struct Args {
    /// The Redis server
    #[arg(long, default_value = "redis://127.0.0.1:6379")]
    url: String,
    /// The folder with flights.csv and weather.csv
    #[arg(long)]
    data: PathBuf,
    /// Replay only so many records, from the start of the year
    #[arg(long)]
    limit: Option<usize>,
    /// The server ends with the replay: say nothing about how to look further
    #[arg(long)]
    private: bool,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let server = Server::open(&args.url)?;
    let mut records = data::load(&args.data).map_err(Failure::other)?;
    records.truncate(args.limit.unwrap_or(usize::MAX));

    let mut connection = server.connect()?;
    replay::prepare(&mut connection)?;
    println!(
        "{BOLD}Leaflet at {}: rules of the domain flights{BOLD:#}",
        server.address()
    );
    for (name, text) in RULES {
        println!("{name}\n  {}", text.trim_end().replace('\n', "\n  "));
    }
    println!();

    let bar = ProgressBar::new(records.len() as u64).with_style(
        ProgressStyle::with_template(
            "{bar:30} {human_pos}/{human_len} events  {per_sec}  {elapsed}",
        )
        .expect("the template names known keys"),
    );
    let start = Instant::now();
    replay::replay(&mut connection, &records, |events| bar.inc(events as u64))?;
    let took = start.elapsed();
    bar.finish();

    println!(
        "\n{BOLD}{} events in {:.1} s: {:.0} events/s{BOLD:#}, one client, pipelined",
        records.len(),
        took.as_secs_f64(),
        records.len() as f64 / took.as_secs_f64()
    );
    let matches = read_matches(&mut connection)?;
    for (rule, _) in RULES {
        let found = matches.get(rule);
        println!(
            "\n{BOLD}{rule}: {} matches{BOLD:#}",
            found.map_or(0, |found| found.count)
        );
        for example in found.iter().flat_map(|found| &found.first) {
            println!("  {example}");
        }
    }
    if !args.private {
        println!(
            "\n{BOLD}look further{BOLD:#}\n  {}\n    \
             XREVRANGE {OUTPUT} + - COUNT 1\n    \
             LEAFLET.RULE.LIST DOMAIN flights\n    \
             LEAFLET.STATS DOMAIN flights",
            server.redis_cli()
        );
    }
    Ok(())
}

/// The integrated events of one rule.
#[derive(Default)]
struct Matches {
    count: usize,
    first: Vec<String>,
}

fn read_matches(connection: &mut Connection) -> RedisResult<HashMap<String, Matches>> {
    let mut matches: HashMap<String, Matches> = HashMap::new();
    let mut start = "-".to_owned();
    loop {
        let page: StreamRangeReply = redis::cmd("XRANGE")
            .arg(OUTPUT)
            .arg(&start)
            .arg("+")
            .arg("COUNT")
            .arg(PAGE)
            .query(connection)?;
        let Some(last) = page.ids.last() else {
            return Ok(matches);
        };
        start = format!("({}", last.id);
        for entry in &page.ids {
            let rule = entry.get("correlation_rule").unwrap_or_default();
            let of_rule: &mut Matches = matches.entry(rule).or_default();
            of_rule.count += 1;
            if of_rule.first.len() < SHOWN {
                of_rule.first.push(describe(entry));
            }
        }
    }
}

/// An integrated event's time and what its rule adds to the usual fields.
fn describe(entry: &StreamId) -> String {
    const USUAL: [&str; 8] = [
        "event_id",
        "timestamp",
        "event_type",
        "source_events",
        "correlation_rule",
        "integrated_value",
        "confidence",
        "lineage",
    ];
    let mut own: Vec<String> = entry
        .map
        .keys()
        .filter(|name| !USUAL.contains(&name.as_str()))
        .map(|name| format!("{name} {}", entry.get::<String>(name).unwrap_or_default()))
        .collect();
    own.sort();
    let time: String = entry.get("timestamp").unwrap_or_default();
    format!("{time}  {}", own.join(", "))
}
