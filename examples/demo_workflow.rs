//! Three synapses, two rules, one stream of integrated events: Leaflet at work in a real server.
//!
//! Producers append events of types A, B and C to `stream:axon_1` to `stream:axon_3`; two rules
//! correlate them inside the server; a consumer group reads `stream:integrated_events`.
//!
//! ```text
//! cargo run --release --example demo_workflow -- --url redis://127.0.0.1:6379
//! ```

mod workflow;

use std::collections::BTreeMap;
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anstream::println;
use clap::Parser;

use workflow::consumer::{Consumer, IntegratedEvent};
use workflow::producer::{Producer, SentLog};
use workflow::report::{self, Tally, BOLD, DIM};
use workflow::rules::BorrowedRule;
use workflow::server::{Failure, Server};

const SYNAPSES: [(&str, &str); 3] = [
    ("stream:axon_1", "A"),
    ("stream:axon_2", "B"),
    ("stream:axon_3", "C"),
];
const RULES: [(&str, &str); 2] = [
    (
        "type_A_and_B_within_2s",
        "MATCH A@axon_1 AND B@axon_2 WITHIN 2s",
    ),
    (
        "type_A_B_C_convergence",
        "MATCH A@axon_1 AND B@axon_2 AND C@axon_3 WITHIN 3s",
    ),
];
const OUTPUT: &str = "stream:integrated_events";
/// How long one read waits before the consumer looks at the time and at Ctrl-C.
const POLL: Duration = Duration::from_millis(100);

/// Simulates three synapses and shows the integrated events that Leaflet makes of them.
#[derive(Parser)]
#[command(
    name = "demo_workflow",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage, 3 no server, 4 server without Leaflet.\n\
                  Ctrl-C ends the demo early, with its summary."
)]
struct Args {
    /// The Redis server
    #[arg(long, default_value = "redis://127.0.0.1:6379")]
    url: String,
    /// How long to run
    #[arg(long, default_value_t = 15, value_parser = clap::value_parser!(u64).range(1..))]
    seconds: u64,
    /// Events per second of each synapse, on average
    #[arg(long, default_value_t = 1.0, value_parser = positive)]
    rate: f64,
    /// The server ends with the demo: what to try next begins with another one
    #[arg(long)]
    private: bool,
}

fn positive(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if rate > 0.0 && rate <= 10_000.0 => Ok(rate),
        _ => Err("expected a number above 0, at most 10000".to_owned()),
    }
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}

fn run(args: &Args) -> Result<(), Failure> {
    let server = Server::open(&args.url)?;
    let stop = Arc::new(AtomicBool::new(false));
    let flag = Arc::clone(&stop);
    ctrlc::set_handler(move || flag.store(true, Ordering::Relaxed))
        .map_err(|error| Failure::other(format!("can't listen to Ctrl-C: {error}")))?;

    let mut control = server.connect()?;
    let group = format!("demo-{:08x}", fastrand::u32(..));
    let mut consumer = Consumer::join(server.connect()?, OUTPUT, &group)?;
    let mut rules = Vec::new();
    let shown = put_rules(&mut control, &mut rules)
        .and_then(|()| show(args, &server, &mut consumer, &stop));
    let left = clean_up(&mut control, &rules, &mut consumer);
    let shown = shown?;
    left?;
    print_summary(&mut control, &shown)?;
    print_next(&server, args.private);
    Ok(())
}

fn put_rules(
    control: &mut redis::Connection,
    rules: &mut Vec<BorrowedRule>,
) -> Result<(), Failure> {
    for (name, text) in RULES {
        rules.push(BorrowedRule::put(control, name, text)?);
    }
    Ok(())
}

fn clean_up(
    control: &mut redis::Connection,
    rules: &[BorrowedRule],
    consumer: &mut Consumer,
) -> Result<(), Failure> {
    for rule in rules {
        rule.give_back(control)?;
    }
    Ok(consumer.leave()?)
}

/// What a run has to tell at its end.
struct Shown {
    sent: BTreeMap<String, u64>,
    tally: Tally,
}

/// Runs producers and consumer until the time is over or somebody says stop.
fn show(
    args: &Args,
    server: &Server,
    consumer: &mut Consumer,
    stop: &AtomicBool,
) -> Result<Shown, Failure> {
    print_scene(args, server);
    let producers = SYNAPSES
        .iter()
        .map(|(axon, event_type)| Ok(Producer::new(server.connect()?, axon, event_type)))
        .collect::<Result<Vec<_>, Failure>>()?;
    let log = SentLog::default();
    let mut tally = Tally::default();
    let mut sent = BTreeMap::new();

    std::thread::scope(|scope| {
        let log = &log;
        let running: Vec<_> = producers
            .into_iter()
            .map(|producer| {
                let axon = producer.axon().to_owned();
                (
                    axon,
                    scope.spawn(move || producer.run(args.rate, log, stop)),
                )
            })
            .collect();
        let end = Instant::now() + Duration::from_secs(args.seconds);
        let consumed = consume(consumer, log, &mut tally, |_| {
            stop.load(Ordering::Relaxed) || Instant::now() >= end
        });
        stop.store(true, Ordering::Relaxed);
        for (axon, thread) in running {
            let count = thread.join().expect("a producer does not panic")?;
            sent.insert(axon, count);
        }
        consumed?;
        // What the last events completed is in the stream already: XADD had replied.
        consume(consumer, log, &mut tally, |idle| idle)
    })?;
    Ok(Shown { sent, tally })
}

/// Prints, counts and acknowledges what comes, until it is `over`, which is told whether the last
/// read brought nothing.
fn consume(
    consumer: &mut Consumer,
    log: &SentLog,
    tally: &mut Tally,
    over: impl Fn(bool) -> bool,
) -> Result<(), Failure> {
    loop {
        let entries = consumer.poll(POLL)?;
        for entry in &entries {
            match IntegratedEvent::parse(entry) {
                Ok(event) => {
                    let latency = event.source_events.last().and_then(|id| log.age(id));
                    tally.count(&event, latency);
                    report::print_event(&event, latency);
                }
                Err(problem) => {
                    tally.unreadable += 1;
                    eprintln!("{problem}");
                }
            }
        }
        if !entries.is_empty() {
            consumer.ack(&entries)?;
        }
        if over(entries.is_empty()) {
            return Ok(());
        }
    }
}

fn print_scene(args: &Args, server: &Server) {
    println!("{BOLD}Leaflet at {}{BOLD:#}", server.address());
    for (axon, event_type) in SYNAPSES {
        println!(
            "  {axon}  events of type {event_type}, values 0 to 100, about {} a second",
            args.rate
        );
    }
    for (name, text) in RULES {
        println!("  {name}  {DIM}{text}{DIM:#}");
    }
    println!(
        "  {OUTPUT}  read for {} s; Ctrl-C ends it early\n",
        args.seconds
    );
}

fn print_summary(control: &mut redis::Connection, shown: &Shown) -> Result<(), Failure> {
    println!("\n{BOLD}events in{BOLD:#}");
    for (axon, count) in &shown.sent {
        report::row(axon, count);
    }
    shown.tally.print();

    let stats: BTreeMap<String, redis::Value> = redis::cmd("LEAFLET.STATS").query(control)?;
    println!("\n{BOLD}LEAFLET.STATS, since the server's start{BOLD:#}");
    for name in [
        "events_seen",
        "events_taken",
        "matches",
        "emitted",
        "window_events",
        "latency_us_p50",
        "latency_us_p99",
    ] {
        if let Some(value) = stats.get(name) {
            let value: String =
                redis::from_redis_value_ref(value).map_err(redis::RedisError::from)?;
            report::row(name, value);
        }
    }

    Ok(())
}

fn print_next(server: &Server, private: bool) {
    println!("\n{BOLD}try next{BOLD:#}");
    println!("  make flights  {DIM}a year of flights and weather through three rules{DIM:#}");
    if private {
        println!(
            "  make run      {DIM}a server with Leaflet to keep; then, in another terminal:{DIM:#}"
        );
        println!("  make cli");
    } else {
        println!("  {}", server.redis_cli());
    }
    println!(
        "    LEAFLET.HELP\n    \
         LEAFLET.RULE.ADD rise \"MATCH A[value > 50] AS a -> B AS b WHERE b.value > a.value WITHIN 1m EMIT rise = b.value - a.value\"\n    \
         XADD stream:axon_1 * type A value 60\n    \
         XADD stream:axon_2 * type B value 75\n    \
         XREVRANGE {OUTPUT} + - COUNT 1"
    );
    if !private {
        println!(
            "\n{BOLD}what is left here{BOLD:#}\n  \
             the events in the streams; the demo's rules and consumer group are gone"
        );
    }
}
