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

/// Cuts the file so many bytes before the end of the first command that is the one asked for, as a power failure would.
pub fn cut_aof(folder: &Path, is: impl Fn(&[String]) -> bool, before_end: usize) {
    let path = aof_path(folder);
    let bytes = fs::read(&path).expect("the file");
    let commands = aof_commands(&bytes);
    let found = commands.iter().find(|(command, _)| is(command));
    let (_, end) = found.expect("the command");
    fs::write(&path, &bytes[..end - before_end]).expect("a shorter file");
}

/// An `XADD` to this key.
pub fn xadd_to(key: &str) -> impl Fn(&[String]) -> bool + '_ {
    move |command| command[0].eq_ignore_ascii_case("XADD") && command[1] == key
}
