//! Programs under callgrind, and how many instructions they took.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::side::Result;

/// Valgrind's version, where it is there.
pub fn version() -> Option<String> {
    let said = Command::new("valgrind").arg("--version").output().ok()?;
    let version = String::from_utf8(said.stdout).ok()?;
    said.status.success().then(|| version.trim().to_owned())
}

/// A place for what callgrind writes.
pub struct Callgrind {
    folder: tempfile::TempDir,
}

impl Callgrind {
    /// An empty one.
    pub fn new() -> Result<Self> {
        let folder = tempfile::Builder::new().prefix("leaflet-").tempdir()?;
        Ok(Self { folder })
    }

    /// What stands before a program's own command line. Counting begins anew whenever the program enters `mark`, and what
    /// was counted until then is written down.
    pub fn words(&self, mark: &str) -> Vec<String> {
        vec![
            "valgrind".to_owned(),
            "--tool=callgrind".to_owned(),
            format!("--callgrind-out-file={}", self.out().display()),
            format!("--dump-before={mark}"),
        ]
    }

    /// Runs a program to its end.
    pub fn run(&self, mut words: Vec<String>, program: &[&str]) -> Result<()> {
        words.extend(program.iter().map(|&word| word.to_owned()));
        let ended = Command::new(&words[0])
            .args(&words[1..])
            .stdin(Stdio::null())
            .output()?;
        if ended.status.success() {
            Ok(())
        } else {
            Err(String::from_utf8_lossy(&ended.stderr).into_owned().into())
        }
    }

    /// What was counted up to the n-th mark, from 1, or from the last mark to the program's end.
    pub fn instructions(&self, mark: Option<usize>) -> Result<u64> {
        let file = match mark {
            Some(mark) => self.out().with_extension(mark.to_string()),
            None => self.out(),
        };
        let text = std::fs::read_to_string(file)?;
        let line = text.lines().find_map(|line| line.strip_prefix("totals: "));
        Ok(line.ok_or("callgrind counted nothing")?.trim().parse()?)
    }

    fn out(&self) -> PathBuf {
        Path::new(self.folder.path()).join("out")
    }
}
