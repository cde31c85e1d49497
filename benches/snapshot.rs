//! What it takes to save windows and to load them: time, bytes, and memory at its peak.
//!
//! ```text
//! cargo bench --bench snapshot --no-default-features -- --events 1000000
//! ```
//!
//! Each event waits in the window of one rule, in partitions of ten events. The peak is what Linux says of this process
//! while it saves or loads, above what it had before.

use std::error::Error;
use std::fs;
use std::process::ExitCode;
use std::time::Instant;

use clap::Parser;
use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::{Engine, EntryId, Event, Settings};

/// A million events are to be loaded in so many seconds.
const AIM: f64 = 2.0;

#[derive(Parser)]
struct Args {
    /// Events in the window
    #[arg(long, default_value_t = 1_000_000)]
    events: u64,
    /// How often each is done; the median is shown
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    bench: bool,
}

fn main() -> ExitCode {
    let args = Args::parse();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("{error}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &Args) -> Result<(), Box<dyn Error>> {
    let engine = filled(args.events)?;
    let held = engine.stats(None, None)?;
    println!(
        "{} events in {} partitions, window_bytes {:.0} MB",
        held.window_events,
        held.partitions,
        mega(held.window_bytes)
    );
    let (mut saves, mut loads) = (Vec::new(), Vec::new());
    let definitions = engine.definitions();
    for _ in 0..args.rounds.max(1) {
        let (bytes, save) = measured(|| engine.snapshot())?;
        let bytes = bytes?;
        let (loaded, load) =
            measured(|| Engine::restored(engine.settings(), &definitions, Some(&bytes)))?;
        let restored = loaded?.stats(None, None)?;
        if restored.window_events != held.window_events {
            return Err("not all events came back".into());
        }
        saves.push((save, bytes.len()));
        loads.push((load, bytes.len()));
    }
    for (what, mut rounds) in [("save", saves), ("load", loads)] {
        rounds.sort_by(|a, b| a.0.seconds.total_cmp(&b.0.seconds));
        let (cost, bytes) = &rounds[rounds.len() / 2];
        println!(
            "{what}: {:.2} s, {:.0} MB of snapshot, {:.0} MB more memory at the peak",
            cost.seconds,
            mega(*bytes as u64),
            mega(cost.peak)
        );
        if what == "load" && args.events == 1_000_000 {
            let verdict = if cost.seconds <= AIM { "met" } else { "missed" };
            println!("aim: ≤ {AIM} s: {verdict}");
        }
    }
    Ok(())
}

/// An engine with so many events in its window.
fn filled(events: u64) -> Result<Engine, Box<dyn Error>> {
    let mut engine = Engine::new(Settings {
        max_window_memory: u64::MAX,
        ..Settings::default()
    });
    let text = "MATCH A AS a -> B AS b WHERE a.value < b.value PARTITION BY user WITHIN 1h";
    engine.add_rule(DEFAULT_DOMAIN, "pair", text, AddRule::default())?;
    let mut out = Vec::new();
    for number in 0..events {
        let user = format!("user-{}", number % (events / 10).max(1));
        let id = format!("{number:032x}");
        let value = (number % 100).to_string();
        let fields: [(&[u8], &[u8]); 4] = [
            (b"type", b"A"),
            (b"event_id", id.as_bytes()),
            (b"value", value.as_bytes()),
            (b"user", user.as_bytes()),
        ];
        let event = Event {
            key: b"stream:axon_1",
            id: EntryId {
                ms: 1_000_000 + number / 1_000,
                seq: number,
            },
            fields: &fields,
            hops: 0,
        };
        let route = engine.route(0, event.key).ok_or("no axon")?;
        engine.on_event(route, &event, &mut out);
    }
    Ok(engine)
}

struct Cost {
    seconds: f64,
    /// Bytes beyond what there was before.
    peak: u64,
}

fn measured<T>(work: impl FnOnce() -> T) -> Result<(T, Cost), Box<dyn Error>> {
    // From here on the peak is counted anew.
    fs::write("/proc/self/clear_refs", "5")?;
    let before = memory("VmRSS:")?;
    let start = Instant::now();
    let result = work();
    let seconds = start.elapsed().as_secs_f64();
    let peak = memory("VmHWM:")?.saturating_sub(before);
    Ok((result, Cost { seconds, peak }))
}

/// A figure of this process, in bytes.
fn memory(figure: &str) -> Result<u64, Box<dyn Error>> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix(figure));
    let kilobytes = line.and_then(|line| line.split_whitespace().next());
    Ok(kilobytes.ok_or("no such figure")?.parse::<u64>()? * 1_024)
}

fn mega(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
