//! The counts that are kept in the repository, and what has changed since.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::support::side::Result;

/// A smaller change says nothing.
pub const TELLING: f64 = 0.03;

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
}

/// Where they are kept.
fn file() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/instructions.json")
}
