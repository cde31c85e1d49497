//! Tables of numbers, and the file that all rounds go to.

use std::io;
use std::path::PathBuf;

use comfy_table::{presets, CellAlignment, Table};

/// A table whose columns are numbers, the first one aside.
pub fn new_table<const N: usize>(header: [&str; N]) -> Table {
    let mut table = Table::new();
    table.load_style(presets::ASCII_MARKDOWN);
    table.set_header(header);
    for column in table.column_iter_mut().skip(1) {
        column.set_cell_alignment(CellAlignment::Right);
    }
    table
}

pub fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_by(f64::total_cmp);
    numbers
}

/// Of numbers in order; of an even count the mean of the middle two.
pub fn median(sorted: &[f64]) -> f64 {
    let middle = sorted.len() / 2;
    if sorted.len() % 2 == 1 {
        sorted[middle]
    } else {
        (sorted[middle - 1] + sorted[middle]) / 2.0
    }
}

/// `target/bench/<bench>.json`, wherever the target folder is.
pub fn file(bench: &str) -> io::Result<PathBuf> {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).with_file_name("bench");
    std::fs::create_dir_all(&folder)?;
    Ok(folder.join(bench).with_extension("json"))
}

/// Whether an aim was reached.
#[allow(dead_code)]
pub fn verdict(met: bool) -> String {
    if met { "met" } else { "missed" }.to_owned()
}
