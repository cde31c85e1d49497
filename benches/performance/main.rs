//! Writes the tables of `docs/performance.md` and draws its plots, from what the benchmarks have left in `target/bench/` and
//! from the counts that are kept. `make performance` measures first.
//!
//! A part whose file isn't there stays as it is.

#[allow(dead_code)]
#[path = "../instructions/kept.rs"]
mod kept;
mod plot;
#[path = "../../tests/support/server.rs"]
mod server;
#[allow(dead_code)]
#[path = "../support/mod.rs"]
mod support;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde::de::DeserializeOwned;
use serde::Deserialize;

use kept::Counts;
use plot::{Line, Plot, Point, Scale};
use support::facts::Facts;
use support::report::{self, Report};
use support::side::{Result, Throughput};
use support::table::{self, median, sorted};

/// What the benchmark of the cluster leaves.
#[derive(Deserialize)]
struct Cluster {
    facts: Facts,
    series: Vec<Nodes>,
}

#[derive(Deserialize)]
struct Nodes {
    nodes: usize,
    rounds: Vec<NodesRound>,
}

#[derive(Deserialize)]
struct NodesRound {
    cpu_us_per_event: f64,
}

/// What the benchmark of the curves leaves of each.
#[derive(Deserialize)]
struct Curve {
    facts: Facts,
    lines: Vec<CurveLine>,
}

#[derive(Deserialize)]
struct CurveLine {
    name: String,
    points: Vec<CurvePoint>,
}

#[derive(Deserialize)]
struct CurvePoint {
    x: usize,
    rounds: Vec<Throughput>,
}

fn main() -> ExitCode {
    match write() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn write() -> Result<()> {
    let page = in_repository("docs/performance.md");
    let mut text = std::fs::read_to_string(&page)?;
    if let Some(all) = left::<Report<serde_json::Value>>("correlation_throughput")? {
        let on = all.facts.line();
        replace(
            &mut text,
            "server",
            &on,
            &report::throughput_table(&all.throughput),
        )?;
        if let Some(latency) = all.latency {
            replace(&mut text, "latency", &on, &report::latency_table(&latency))?;
        }
        if let Some(memory) = all.memory {
            replace(&mut text, "memory", &on, &memory.table())?;
        }
    }
    let counts = Counts::load()?;
    replace(
        &mut text,
        "engine-instructions",
        &counts.with,
        &counts.engine_table(None),
    )?;
    replace(
        &mut text,
        "server-instructions",
        &counts.with,
        &counts.server_table(None),
    )?;
    std::fs::write(&page, text)?;

    for (name, curve) in left::<BTreeMap<String, Curve>>("curves")?.unwrap_or_default() {
        draw(&name, curve_plot(&name, &curve)?)?;
    }
    if let Some(cluster) = left::<Cluster>("cluster")? {
        draw("nodes", nodes_plot(&cluster))?;
    }
    println!("written: docs/performance.md and its plots");
    Ok(())
}

/// What a benchmark has left, if it was run.
fn left<T: DeserializeOwned>(bench: &str) -> Result<Option<T>> {
    let file = table::file(bench)?;
    match std::fs::read(&file) {
        Ok(bytes) => {
            let read = serde_json::from_slice(&bytes);
            Ok(Some(
                read.map_err(|error| format!("{}: {error}", file.display()))?,
            ))
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            println!("not measured here, left as it is: {bench}");
            Ok(None)
        }
        Err(error) => Err(error.into()),
    }
}

/// Puts a table between the marks of its part of the page, below what it was measured on.
fn replace(page: &mut String, part: &str, on: &str, table: &impl std::fmt::Display) -> Result<()> {
    let begin = format!("<!-- {part}: written by make performance -->\n");
    let end = format!("<!-- end of {part} -->");
    let missing = || format!("docs/performance.md has no part {part}");
    let from = page.find(&begin).ok_or_else(missing)? + begin.len();
    let to = from + page[from..].find(&end).ok_or_else(missing)?;
    page.replace_range(from..to, &format!("{on}\n\n{table}\n"));
    Ok(())
}

fn draw(name: &str, plot: Plot) -> Result<()> {
    let file = in_repository(&format!("docs/images/cost-by-{name}.svg"));
    Ok(std::fs::write(file, plot.draw()?)?)
}

fn in_repository(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn curve_plot(name: &str, curve: &Curve) -> Result<Plot> {
    const CPU: &str = "server's CPU time per XADD, µs";
    type Pick = fn(&Throughput) -> f64;
    let cpu: Pick = |round| round.cpu_us;
    let rate: Pick = |round| round.per_second / 1e3;
    let (title, x, y, pick, scale) = match name {
        "rules" => ("More rules", "rules", CPU, cpu, Scale::Logs),
        "window" => (
            "More events in the window",
            "events held",
            CPU,
            cpu,
            Scale::Log,
        ),
        "partitions" => (
            "100,000 events in more partitions",
            "partitions",
            CPU,
            cpu,
            Scale::Log,
        ),
        "fields" => ("More fields", "fields of an event", CPU, cpu, Scale::Linear),
        "depth" => (
            "A deeper pipeline",
            "XADDs under way",
            "XADDs per second, thousands",
            rate,
            Scale::Log,
        ),
        _ => return Err(format!("no such curve: {name}").into()),
    };
    let point = |point: &CurvePoint| Point::new(point.x, point.rounds.iter().map(pick));
    let line = |line: &CurveLine| Line {
        name: line.name.clone(),
        points: line.points.iter().map(point).collect(),
    };
    Ok(Plot {
        title,
        x,
        y,
        scale,
        on: curve.facts.line(),
        lines: curve.lines.iter().map(line).collect(),
    })
}

fn nodes_plot(cluster: &Cluster) -> Plot {
    let point = |nodes: &Nodes| {
        let rounds = nodes.rounds.iter();
        Point::new(nodes.nodes, rounds.map(|round| round.cpu_us_per_event))
    };
    Plot {
        title: "More nodes",
        x: "nodes",
        y: "CPU time of all servers per event, µs",
        scale: Scale::Linear,
        on: cluster.facts.line(),
        lines: vec![Line {
            name: "every second event completes".to_owned(),
            points: cluster.series.iter().map(point).collect(),
        }],
    }
}

impl Point {
    /// Of all rounds the median, the least and the most.
    fn new(x: usize, rounds: impl Iterator<Item = f64>) -> Self {
        let rounds = sorted(rounds);
        Self {
            x: x as f64,
            y: median(&rounds),
            least: rounds[0],
            most: rounds[rounds.len() - 1],
        }
    }
}
