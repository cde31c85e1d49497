//! What was measured, as tables and as JSON.

use serde::Serialize;

use super::facts::Facts;
use super::scenario::Scenario;
use super::side::Throughput;
use super::table::{median, new_table, sorted};

/// One round of one scenario.
#[derive(Serialize)]
pub struct Pair {
    pub bare: Throughput,
    pub module: Throughput,
    pub ratio: f64,
}

/// All rounds of one scenario.
#[derive(Serialize)]
pub struct Series {
    pub scenario: Scenario,
    pub rounds: Vec<Pair>,
}

/// From a write to a blocked reader.
#[derive(Serialize)]
pub struct Latency {
    pub bare_p50_us: f64,
    pub bare_p99_us: f64,
    pub module_p50_us: f64,
    pub module_p99_us: f64,
}

/// Everything that was measured.
#[derive(Serialize)]
pub struct Report<P> {
    pub facts: Facts,
    pub parameters: P,
    pub throughput: Vec<Series>,
    pub latency: Latency,
}

/// Prints a row per scenario.
pub fn print_throughput(all: &[Series]) {
    let mut table = new_table([
        "XADD, pipelined",
        "bare/s",
        "module/s",
        "ratio",
        "min–max",
        "bare CPU µs",
        "module CPU µs",
    ]);
    for series in all {
        let of = |pick: fn(&Pair) -> f64| sorted(series.rounds.iter().map(pick));
        let ratios = of(|pair| pair.ratio);
        table.add_row([
            series.scenario.title().to_owned(),
            format!("{:.0}", median(&of(|pair| pair.bare.events_per_second))),
            format!("{:.0}", median(&of(|pair| pair.module.events_per_second))),
            format!("{:.2}", median(&ratios)),
            format!("{:.2}–{:.2}", ratios[0], ratios[ratios.len() - 1]),
            format!("{:.2}", median(&of(|pair| pair.bare.cpu_us_per_event))),
            format!("{:.2}", median(&of(|pair| pair.module.cpu_us_per_event))),
        ]);
    }
    println!("{table}");
    println!(
        "medians, per source event; the ratio is module to bare within a round. Where events complete,\n\
         the client of the bare server adds the integrated events itself.\n"
    );
}

/// Prints a row per server.
pub fn print_latency(latency: &Latency) {
    let mut table = new_table(["to a blocked XREAD", "p50 µs", "p99 µs"]);
    for (title, p50, p99) in [
        (
            "bare: XADD of the entry",
            latency.bare_p50_us,
            latency.bare_p99_us,
        ),
        (
            "module: completing XADD",
            latency.module_p50_us,
            latency.module_p99_us,
        ),
    ] {
        table.add_row([title.to_owned(), format!("{p50:.0}"), format!("{p99:.0}")]);
    }
    println!("{table}");
}
