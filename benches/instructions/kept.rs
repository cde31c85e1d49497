//! The counts that are kept in the repository, and what has changed since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use comfy_table::{ColumnConstraint, Table};
use serde::{Deserialize, Serialize};

use crate::support::rows::{self, Against};
use crate::support::side::Result;
use crate::support::table::new_table;

/// A smaller change says nothing.
pub const TELLING: f64 = 0.03;
/// Events in the largest window: a million would take callgrind five minutes.
pub const LARGEST: usize = 50_000;

/// What the names of paths begin with.
pub const ENGINE: &str = "engine: ";
pub const BARE: &str = "bare: ";
pub const MODULE: &str = "module: ";

/// Instructions per event or entry, by path.
#[derive(Default, Serialize, Deserialize)]
pub struct Counts {
    /// What they were counted with: server, compiler and valgrind.
    pub with: String,
    /// So many events were counted.
    pub events: usize,
    pub instructions: BTreeMap<String, u64>,
}

impl Counts {
    /// Reads what is kept; nothing, where there is no file.
    pub fn load() -> Result<Self> {
        match std::fs::read(file()) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes)?),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(Self::default()),
            Err(error) => Err(error.into()),
        }
    }

    /// Keeps these, and of paths that were not counted what was kept of them.
    pub fn save(mut self, before: Self) -> Result<()> {
        for (path, count) in before.instructions {
            self.instructions.entry(path).or_insert(count);
        }
        let mut text = serde_json::to_string_pretty(&self)?;
        text.push('\n');
        Ok(std::fs::write(file(), text)?)
    }

    /// By what part a path's count has changed.
    pub fn change(&self, path: &str, now: u64) -> Option<f64> {
        let before = *self.instructions.get(path)?;
        Some(now as f64 / before as f64 - 1.0)
    }

    /// A line per workload of the engine, with what has changed since `before`.
    pub fn engine_table(&self, before: Option<&Self>) -> Table {
        let mut table = new_table(["engine, per event", "instructions", "change"]);
        for (path, &count) in &self.instructions {
            if let Some(title) = path.strip_prefix(ENGINE) {
                let change = shown(before, path, count);
                table.add_row([title.to_owned(), count.to_string(), change]);
            }
        }
        hide_change(&mut table, before);
        table
    }

    /// A line per row of the server's benchmark, with what has changed since `before`.
    pub fn server_table(&self, before: Option<&Self>) -> Table {
        let mut table = new_table([
            "server, per entry or command",
            "compared with",
            "instructions of that",
            "with Leaflet",
            "ratio",
            "change",
        ]);
        for row in rows::table(LARGEST) {
            let path = format!("{MODULE}{}", row.scenario.title);
            let (name, other) = match row.against {
                Against::Bare => ("bare".to_owned(), format!("{BARE}{}", row.scenario.title)),
                Against::Module(other) => {
                    let path = format!("{MODULE}{}", other.title);
                    (other.title, path)
                }
            };
            let counts = (self.instructions.get(&other), self.instructions.get(&path));
            if let (Some(&other), Some(&count)) = counts {
                table.add_row([
                    row.scenario.title,
                    name,
                    other.to_string(),
                    count.to_string(),
                    format!("{:.2}", count as f64 / other as f64),
                    shown(before, &path, count),
                ]);
            }
        }
        hide_change(&mut table, before);
        table
    }
}

/// The last column is for a comparison.
fn hide_change(table: &mut Table, before: Option<&Counts>) {
    let last = table.column_iter_mut().last();
    if let (Some(change), None) = (last, before) {
        change.set_constraint(ColumnConstraint::Hidden);
    }
}

/// A path's change in words.
fn shown(before: Option<&Counts>, path: &str, now: u64) -> String {
    let Some(before) = before else {
        return String::new();
    };
    let change = before.change(path, now);
    change.map_or("new".to_owned(), |change| {
        format!("{:+.1} %", 100.0 * change)
    })
}

/// Where they are kept.
fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.json")
}
