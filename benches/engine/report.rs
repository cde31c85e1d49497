//! What was measured, as tables and as JSON.

use serde::Serialize;

use crate::machine::Machine;
use crate::table::{median, new_table, sorted};

/// All rounds of one workload.
#[derive(Serialize)]
pub struct Series {
    pub title: String,
    /// The rule that is measured.
    pub rule: String,
    pub rules: usize,
    /// Events in its window, at the end.
    pub held: u64,
    /// Integrated events per event.
    pub emitted: f64,
    /// By round.
    pub events_per_second: Vec<f64>,
    /// To the group's first workload, by round.
    pub ratio: Vec<f64>,
}

/// What the figures of a group are compared with.
#[derive(Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Aim {
    /// The workload of this title is to reach so many events per second.
    Rate(&'static str, f64),
    /// Each is to reach this part of the first one's rate.
    Ratio(f64),
}

/// Workloads that were measured in turn.
#[derive(Serialize)]
pub struct Group {
    pub title: &'static str,
    pub aim: Aim,
    pub series: Vec<Series>,
}

/// Everything that was measured.
#[derive(Serialize)]
pub struct Report<P> {
    pub machine: Machine,
    pub parameters: P,
    pub groups: Vec<Group>,
}

impl Group {
    /// Prints a row per workload.
    pub fn print(&self) {
        let mut table = new_table([
            self.title,
            "events/s",
            "min–max",
            "ns/event",
            "emitted",
            "held",
            "ratio",
            "aim",
        ]);
        for series in &self.series {
            let rates = sorted(series.events_per_second.iter().copied());
            let rate = median(&rates);
            let ratio = median(&sorted(series.ratio.iter().copied()));
            let (ratio, aim) = match self.aim {
                Aim::Ratio(aim) => (format!("{ratio:.2}"), format!("≥ {aim:.2}")),
                Aim::Rate(title, aim) if series.title == title => {
                    (String::new(), format!("{:.0}k", aim / 1e3))
                }
                Aim::Rate(..) => Default::default(),
            };
            table.add_row([
                series.title.clone(),
                format!("{:.0}k", rate / 1e3),
                format!("{:.0}–{:.0}k", rates[0] / 1e3, rates[rates.len() - 1] / 1e3),
                format!("{:.0}", 1e9 / rate),
                format!("{:.1} %", 100.0 * series.emitted),
                series.held.to_string(),
                ratio,
                aim,
            ]);
        }
        println!("{table}\n");
    }
}
