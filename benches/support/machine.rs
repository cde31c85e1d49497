//! What a measurement has to be read with: the machine and the version.

use std::fs::read_to_string;

use serde::{Deserialize, Serialize};

/// Where it was measured, and what.
#[derive(Serialize, Deserialize)]
pub struct Machine {
    cpu: String,
    cores: usize,
    kernel: String,
    /// Of the last minute, before the start.
    load_average: String,
    leaflet: String,
}

impl Machine {
    /// Asks the machine.
    pub fn gather() -> Self {
        let first_word = |text: String| text.split_whitespace().next().map(str::to_owned);
        Self {
            cpu: value_of(&file("/proc/cpuinfo"), "model name"),
            cores: std::thread::available_parallelism().map_or(0, usize::from),
            kernel: file("/proc/sys/kernel/osrelease").trim().to_owned(),
            load_average: first_word(file("/proc/loadavg")).unwrap_or_default(),
            leaflet: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// One line for people.
    pub fn line(&self) -> String {
        format!(
            "{}, {} cores, Linux {}, load {}; Leaflet {}",
            self.cpu, self.cores, self.kernel, self.load_average, self.leaflet
        )
    }
}

/// What stands after the colon on the line of this name.
pub fn value_of(text: &str, name: &str) -> String {
    text.lines()
        .filter_map(|line| line.split_once(':'))
        .find(|(key, _)| key.trim() == name)
        .map(|(_, value)| value.trim().to_owned())
        .unwrap_or_default()
}

fn file(path: &str) -> String {
    read_to_string(path).unwrap_or_default()
}
