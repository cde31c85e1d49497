//! What is in an append-only file.

use std::fs;
use std::path::{Path, PathBuf};

/// The incremental append-only file of the server with this folder.
pub fn aof_path(folder: &Path) -> PathBuf {
    let mut files: Vec<PathBuf> = fs::read_dir(folder.join("appendonlydir"))
        .expect("appendonlydir")
        .map(|file| file.expect("a file").path())
        .filter(|path| path.to_string_lossy().ends_with(".incr.aof"))
        .collect();
    files.sort();
    files.pop().expect("an incremental file")
}

/// The commands in an append-only file, each with where it ends.
pub fn aof_commands(bytes: &[u8]) -> Vec<(Vec<String>, usize)> {
    let mut at = 0;
    let line = |at: &mut usize| {
        let end = *at
            + bytes[*at..]
                .windows(2)
                .position(|w| w == b"\r\n")
                .expect("a line");
        let text = std::str::from_utf8(&bytes[*at..end]).expect("a header");
        *at = end + 2;
        text.to_string()
    };
    let mut commands = Vec::new();
    while at < bytes.len() {
        let count: usize = line(&mut at)
            .trim_start_matches('*')
            .parse()
            .expect("a count");
        let mut command = Vec::new();
        for _ in 0..count {
            let length: usize = line(&mut at)
                .trim_start_matches('$')
                .parse()
                .expect("a length");
            command.push(String::from_utf8_lossy(&bytes[at..at + length]).into_owned());
            at += length + 2;
        }
        commands.push((command, at));
    }
    commands
}
