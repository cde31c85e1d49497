//! How what Leaflet costs changes with the number of rules, the size of the window, the number of partitions, the fields of an
//! event and the depth of the pipeline.
//!
//! ```text
//! REDIS_SERVER=… cargo bench --bench curves -- --only window
//! ```
//!
//! Each point has a server of its own. All points of a curve are measured in every round, one after the other. The results
//! go to `target/bench/curves.json`, from which `make performance` draws.

#[path = "../tests/support/server.rs"]
mod server;
#[allow(dead_code)]
mod support;

use std::process::ExitCode;

use clap::Parser;
use serde::Serialize;

use server::Options;
use support::facts::Facts;
use support::numbers::at_least_one;
use support::rows;
use support::scenario::{Scenario, Traffic};
use support::side::{Result, Run, Side, Throughput};
use support::table::{self, median, new_table, sorted};

#[derive(Parser, Serialize)]
struct Args {
    /// How often each point is measured
    #[arg(long, env = "LEAFLET_BENCH_ROUNDS", default_value_t = 5, value_parser = at_least_one)]
    rounds: usize,
    /// Events of one measurement
    #[arg(long, default_value_t = 50_000, value_parser = at_least_one)]
    events: usize,
    /// Commands under way at a time, where that is not what is changed
    #[arg(long, default_value_t = 100, value_parser = at_least_one)]
    depth: usize,
    /// Only the curves whose name has this in it; those of others are kept from the last time
    #[arg(long, default_value = "")]
    only: String,
    /// Given by `cargo bench`
    #[arg(long, hide = true)]
    #[serde(skip)]
    bench: bool,
}

/// Lines over the same x.
struct Curve {
    name: &'static str,
    lines: Vec<(&'static str, Vec<Point>)>,
}

/// A scenario to measure.
struct Point {
    x: usize,
    scenario: Scenario,
    bare: bool,
    depth: usize,
}

#[derive(Serialize)]
struct Measured {
    x: usize,
    rounds: Vec<Throughput>,
}

#[derive(Serialize)]
struct Line {
    name: &'static str,
    points: Vec<Measured>,
}

fn main() -> ExitCode {
    match measure(&Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(args: &Args) -> Result<()> {
    let facts = Facts::gather(&mut Side::start(Options::new(), None)?.connection)?;
    println!("{}", facts.line());
    println!("{} rounds of {} events\n", args.rounds, args.events);
    let file = table::file("curves")?;
    let mut all: serde_json::Map<String, serde_json::Value> = match std::fs::read(&file) {
        Ok(bytes) => serde_json::from_slice(&bytes)?,
        Err(_) => Default::default(),
    };
    for curve in curves(args.depth) {
        if curve.name.contains(&args.only) {
            let lines = measure_curve(&curve, args)?;
            print(curve.name, &lines);
            let entry = serde_json::json!({"facts": &facts, "parameters": args, "lines": lines});
            all.insert(curve.name.to_owned(), entry);
            std::fs::write(&file, serde_json::to_vec_pretty(&all)?)?;
        }
    }
    println!("all rounds: {}", file.display());
    Ok(())
}

fn curves(depth: usize) -> Vec<Curve> {
    let at = |x, scenario| Point {
        x,
        scenario,
        bare: false,
        depth,
    };
    let with = |xs: &[usize], scenario: &dyn Fn(usize) -> Scenario| -> Vec<Point> {
        xs.iter().map(|&x| at(x, scenario(x))).collect()
    };
    let bare = |mut points: Vec<Point>| {
        points.iter_mut().for_each(|point| point.bare = true);
        points
    };
    let fields = || {
        with(&[6, 12, 24, 48], &|fields| {
            let mut scenario = rows::keyed();
            if let Traffic::Events(events) = &mut scenario.traffic {
                events.more = fields - 6;
            }
            scenario
        })
    };
    let depths = || {
        let mut points = with(&[1, 2, 5, 10, 20, 50, 100, 200, 500], &|_| rows::keyed());
        points.iter_mut().for_each(|point| point.depth = point.x);
        points
    };
    vec![
        Curve {
            name: "rules",
            lines: vec![
                (
                    "all take the event",
                    with(&[1, 3, 10, 30, 100], &|n| rows::rules("", n, 0)),
                ),
                (
                    "one takes it",
                    with(&[1, 10, 100, 1_000, 10_000], &|n| rows::rules("", 1, n - 1)),
                ),
                ("bare server", bare(with(&[1], &|_| rows::keyed()))),
            ],
        },
        Curve {
            name: "window",
            lines: vec![(
                "ten in a partition",
                with(&[1_000, 10_000, 100_000, 1_000_000], &|n| {
                    rows::window(n, n / 10)
                }),
            )],
        },
        Curve {
            name: "partitions",
            lines: vec![(
                "100,000 events",
                with(&[1, 10, 100, 1_000, 10_000, 100_000], &|n| {
                    rows::window(100_000, n)
                }),
            )],
        },
        Curve {
            name: "fields",
            lines: vec![("with Leaflet", fields()), ("bare server", bare(fields()))],
        },
        Curve {
            name: "depth",
            lines: vec![("with Leaflet", depths()), ("bare server", bare(depths()))],
        },
    ]
}

fn measure_curve(curve: &Curve, args: &Args) -> Result<Vec<Line>> {
    let mut running = Vec::new();
    let mut lines = Vec::new();
    for (line, (name, points)) in curve.lines.iter().enumerate() {
        for (place, point) in points.iter().enumerate() {
            let options = Options::new();
            let run = Run::start(options, &point.scenario, point.bare, point.depth, &[])?;
            running.push((line, place, run));
        }
        let points = points.iter().map(|point| Measured {
            x: point.x,
            rounds: Vec::new(),
        });
        lines.push(Line {
            name,
            points: points.collect(),
        });
    }
    // The first round warms up and is not counted.
    for round in 0..=args.rounds {
        for (line, place, run) in &mut running {
            let result = run.feed(args.events)?;
            if round > 0 {
                lines[*line].points[*place].rounds.push(result);
            }
        }
    }
    Ok(lines)
}

fn print(curve: &str, lines: &[Line]) {
    let mut rows = new_table([curve, "", "per second", "CPU µs", "min–max"]);
    for line in lines {
        for point in &line.points {
            let of = |pick: fn(&Throughput) -> f64| sorted(point.rounds.iter().map(pick));
            let cpu = of(|round| round.cpu_us);
            rows.add_row([
                line.name.to_owned(),
                point.x.to_string(),
                format!("{:.0}", median(&of(|round| round.per_second))),
                format!("{:.2}", median(&cpu)),
                format!("{:.2}–{:.2}", cpu[0], cpu[cpu.len() - 1]),
            ]);
        }
    }
    println!("{rows}\n");
}
