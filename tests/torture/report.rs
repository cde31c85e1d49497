//! The table of faults.

use std::path::PathBuf;

use serde::Serialize;

use super::faults::Fault;
use super::trial::Seen;

/// What came of one fault.
#[derive(Serialize)]
pub struct Row {
    fault: &'static str,
    how: &'static str,
    pub trials: u64,
    #[serde(flatten)]
    pub seen: Seen,
    /// One line each.
    pub failures: Vec<String>,
}

impl Row {
    pub fn new(fault: &Fault) -> Self {
        Self {
            fault: fault.name,
            how: fault.how,
            trials: 0,
            seen: Seen::default(),
            failures: Vec::new(),
        }
    }

    /// As a row of the table.
    pub fn line(&self) -> String {
        format!(
            "| {} | {} | {} | {} |",
            self.fault,
            self.how,
            self.seen.blows,
            self.outcome()
        )
    }

    fn outcome(&self) -> String {
        if let Some(first) = self.failures.first() {
            return format!(
                "**{} of {} trials failed**: {first}",
                self.failures.len(),
                self.trials
            );
        }
        let Seen {
            sources,
            integrated,
            lost,
            refused,
            ..
        } = self.seen;
        let mut outcome = format!(
            "{} events, {} integrated: each once, none missing",
            grouped(sources),
            grouped(integrated)
        );
        if refused > 0 {
            outcome += &format!("; {} refused by the server", grouped(refused));
        }
        if lost > 0 {
            outcome += &format!("; {} acknowledged events gone", grouped(lost));
        }
        outcome
    }
}

/// All rows as a table.
pub fn table(rows: &[Row]) -> String {
    let mut lines = vec![
        "| fault | how | times | outcome |".to_string(),
        "|---|---|---|---|".to_string(),
    ];
    lines.extend(rows.iter().map(Row::line));
    lines.join("\n")
}

/// A number with commas.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// Everything, for programs: `target/torture/torture.json`, wherever the target folder is.
pub fn write(seed: u64, seconds: u64, rows: &[Row]) -> std::io::Result<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("torture");
    std::fs::create_dir_all(&folder)?;
    let path = folder.join("torture.json");
    let report = serde_json::json!({
        "version": env!("CARGO_PKG_VERSION"),
        "seed": seed,
        "seconds": seconds,
        "faults": rows,
    });
    std::fs::write(&path, serde_json::to_vec_pretty(&report)?)?;
    Ok(path)
}
