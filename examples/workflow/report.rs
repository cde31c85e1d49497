//! What a terminal shows: integrated events as they come, and a summary.
//!
//! Colours are left out where the output is no terminal or `NO_COLOR` is set.

use std::collections::BTreeMap;
use std::time::Duration;

use anstream::println;
use anstyle::{AnsiColor, Style};
use hdrhistogram::Histogram;

use super::consumer::IntegratedEvent;

/// Headings.
pub const BOLD: Style = Style::new().bold();
/// What matters less.
pub const DIM: Style = Style::new().dimmed();
const RULE: Style = AnsiColor::Green.on_default().bold();
const TYPE: Style = AnsiColor::Cyan.on_default();
const NUMBER: Style = AnsiColor::Yellow.on_default();

/// A longer latency counts as this one.
const LONGEST: Duration = Duration::from_secs(60);

/// Prints an integrated event and, below it, the events it was made of.
pub fn print_event(event: &IntegratedEvent, latency: Option<Duration>) {
    let latency = latency.map_or(String::new(), |latency| {
        format!("  {:.2} ms", latency.as_secs_f64() * 1000.0)
    });
    println!(
        "{DIM}{}{DIM:#}  {RULE}{}{RULE:#}  value {NUMBER}{}{NUMBER:#}  confidence {NUMBER}{}{NUMBER:#}{DIM}{latency}  id {:.8}…{DIM:#}",
        clock(&event.timestamp),
        event.rule,
        number(event.value),
        number(event.confidence),
        event.event_id,
    );
    for (index, source) in event.sources.iter().enumerate() {
        let branch = if index + 1 == event.sources.len() {
            '└'
        } else {
            '├'
        };
        println!(
            "              {DIM}{branch}{DIM:#} {TYPE}{}{TYPE:#}  {NUMBER}{:>5}{NUMBER:#}  {DIM}{}  {}/{}{DIM:#}",
            source.event_type,
            number(source.value),
            clock(&source.timestamp),
            source.stream,
            source.id,
        );
    }
}

/// What a consumer counted.
pub struct Tally {
    /// Integrated events by rule.
    pub by_rule: BTreeMap<String, u64>,
    /// Entries that could not be read as integrated events.
    pub unreadable: u64,
    latency: Histogram<u64>,
}

impl Default for Tally {
    fn default() -> Self {
        Self {
            by_rule: BTreeMap::new(),
            unreadable: 0,
            latency: Histogram::new_with_max(LONGEST.as_micros() as u64, 3)
                .expect("a range that takes three significant digits"),
        }
    }
}

impl Tally {
    /// Counts one integrated event, and its latency where that is known.
    pub fn count(&mut self, event: &IntegratedEvent, latency: Option<Duration>) {
        *self.by_rule.entry(event.rule.clone()).or_default() += 1;
        if let Some(latency) = latency {
            self.latency.saturating_record(latency.as_micros() as u64);
        }
    }

    /// Prints the counts and the latency.
    pub fn print(&self) {
        println!("\n{BOLD}integrated events{BOLD:#}");
        for (rule, count) in &self.by_rule {
            row(rule, count);
        }
        if self.by_rule.is_empty() {
            row("none", "the types have to meet within a rule's window");
        }
        if self.unreadable > 0 {
            row("unreadable entries", self.unreadable);
        }
        if !self.latency.is_empty() {
            println!("\n{BOLD}from sending the last source to having the integrated event{BOLD:#}");
            for (name, quantile) in [("p50", 0.5), ("p99", 0.99), ("max", 1.0)] {
                let micros = self.latency.value_at_quantile(quantile);
                row(name, format_args!("{:.2} ms", micros as f64 / 1000.0));
            }
        }
    }
}

/// Prints one line of a summary.
pub fn row(name: &str, value: impl std::fmt::Display) {
    println!("  {name:<28} {NUMBER}{value}{NUMBER:#}");
}

/// The time of day of an RFC 3339 time, which in UTC stands between `T` and `Z`.
fn clock(timestamp: &str) -> &str {
    let time = timestamp
        .split_once('T')
        .map_or(timestamp, |(_, time)| time);
    time.trim_end_matches('Z')
}

fn number(value: Option<f64>) -> String {
    value.map_or("-".to_owned(), |value| {
        let text = format!("{value:.2}");
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    })
}
