//! What was measured, as tables and as JSON.

use comfy_table::Table;
use serde::{Deserialize, Serialize};

use super::facts::Facts;
use super::memory::Memory;
use super::side::Throughput;
use super::table::{median, new_table, sorted, verdict};

/// A blocked reader may wait so many times longer for an integrated event than for a plain one.
const LATENCY_AIM: f64 = 1.2;

/// One round of one row.
#[derive(Serialize, Deserialize)]
pub struct Pair {
    /// What it is compared with.
    pub other: Throughput,
    pub module: Throughput,
}

impl Pair {
    fn ratio(&self) -> f64 {
        self.module.per_second / self.other.per_second
    }

    fn cpu_ratio(&self) -> f64 {
        self.module.cpu_us / self.other.cpu_us
    }
}

/// All rounds of one row.
#[derive(Serialize, Deserialize)]
pub struct Series {
    pub title: String,
    /// What it is compared with.
    pub other: String,
    /// The first of the rules.
    pub rule: String,
    pub rules: usize,
    /// The ratio is to be at least this.
    pub aim: f64,
    pub rounds: Vec<Pair>,
}

/// From a write to a blocked reader.
#[derive(Serialize, Deserialize)]
pub struct Latency {
    pub bare_p50_us: f64,
    pub bare_p99_us: f64,
    pub module_p50_us: f64,
    pub module_p99_us: f64,
    /// To those of the bare server at most this.
    pub aim: f64,
}

impl Latency {
    /// Of the quantiles of each.
    pub fn new(
        [bare_p50_us, bare_p99_us]: [f64; 2],
        [module_p50_us, module_p99_us]: [f64; 2],
    ) -> Self {
        Self {
            bare_p50_us,
            bare_p99_us,
            module_p50_us,
            module_p99_us,
            aim: LATENCY_AIM,
        }
    }
}

/// Everything that was measured; what wasn't is missing.
#[derive(Serialize, Deserialize)]
pub struct Report<P> {
    pub facts: Facts,
    pub parameters: P,
    pub throughput: Vec<Series>,
    pub latency: Option<Latency>,
    pub memory: Option<Memory>,
}

/// A line per row.
pub fn throughput_table(all: &[Series]) -> Table {
    let mut table = new_table([
        "pipelined",
        "compared with",
        "it does/s",
        "Leaflet/s",
        "ratio",
        "min–max",
        "aim",
        "",
        "its CPU µs",
        "Leaflet's",
        "ratio",
    ]);
    for series in all {
        let of = |pick: fn(&Pair) -> f64| sorted(series.rounds.iter().map(pick));
        let middle = |pick| median(&of(pick));
        let ratios = of(Pair::ratio);
        let ratio = median(&ratios);
        table.add_row([
            series.title.clone(),
            series.other.clone(),
            format!("{:.0}", middle(|pair| pair.other.per_second)),
            format!("{:.0}", middle(|pair| pair.module.per_second)),
            format!("{ratio:.2}"),
            format!("{:.2}–{:.2}", ratios[0], ratios[ratios.len() - 1]),
            format!("≥ {:.2}", series.aim),
            verdict(ratio >= series.aim),
            format!("{:.2}", middle(|pair| pair.other.cpu_us)),
            format!("{:.2}", middle(|pair| pair.module.cpu_us)),
            format!("{:.2}", middle(Pair::cpu_ratio)),
        ]);
    }
    table
}

/// A line per server.
pub fn latency_table(latency: &Latency) -> Table {
    let mut table = new_table(["to a blocked XREAD", "p50 µs", "p99 µs", "aim", ""]);
    let (p50, p99) = (
        latency.module_p50_us / latency.bare_p50_us,
        latency.module_p99_us / latency.bare_p99_us,
    );
    let aim = latency.aim;
    let line = |title: &str, p50: f64, p99: f64| {
        [title.to_owned(), format!("{p50:.0}"), format!("{p99:.0}")]
    };
    table.add_row(line(
        "bare: XADD of the entry",
        latency.bare_p50_us,
        latency.bare_p99_us,
    ));
    table.add_row(line(
        "module: completing XADD",
        latency.module_p50_us,
        latency.module_p99_us,
    ));
    table.add_row([
        "ratio".to_owned(),
        format!("{p50:.2}"),
        format!("{p99:.2}"),
        format!("≤ {aim:.2}"),
        verdict(p50 <= aim && p99 <= aim),
    ]);
    table
}
