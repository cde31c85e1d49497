//! Lines for the server's log: never a printf format, always one line, and of what can happen at every
//! write at most one line a second.

use super::ffi;
use std::cell::RefCell;
use std::time::{Duration, Instant};

/// How loud a line is; the server's own levels.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Level {
    Notice,
    Warning,
}

/// What a repeated line is about. Each kind has its own allowance.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// An integrated event that could not be appended.
    Emit,
    /// A panic that was caught.
    Panic,
    /// The state was asked for where it can't be had.
    State,
    /// An entry that could not be read.
    Entry,
    /// Time that could not pass.
    Tick,
    /// A change that could not be recorded.
    Audit,
}

const KINDS: usize = Kind::Audit as usize + 1;
const INTERVAL: Duration = Duration::from_secs(1);

/// Lets one line through per interval and counts the others.
#[derive(Debug, Clone, Copy)]
struct Limiter {
    last: Option<Instant>,
    suppressed: u64,
}

impl Limiter {
    const NEW: Self = Self {
        last: None,
        suppressed: 0,
    };

    /// None: hold the line back. Otherwise how many were held back before this one.
    fn admit(&mut self, now: Instant) -> Option<u64> {
        if self.last.is_some_and(|last| now - last < INTERVAL) {
            self.suppressed += 1;
            return None;
        }
        self.last = Some(now);
        Some(std::mem::take(&mut self.suppressed))
    }
}

thread_local! {
    static LIMITERS: RefCell<[Limiter; KINDS]> = const { RefCell::new([Limiter::NEW; KINDS]) };
}

/// Logs a line that can't repeat itself.
pub fn line(level: Level, message: &str) {
    ffi::log(level, &cut(&escaped(message)));
}

/// Logs a line about something that may happen at every write.
pub fn repeated(kind: Kind, message: impl FnOnce() -> String) {
    let admitted = LIMITERS.with(|limiters| {
        limiters
            .try_borrow_mut()
            .ok()
            .and_then(|mut limiters| limiters[kind as usize].admit(Instant::now()))
    });
    match admitted {
        None => {}
        Some(0) => line(Level::Warning, &message()),
        Some(n) => line(
            Level::Warning,
            &format!("{} ({n} more suppressed)", message()),
        ),
    }
}

/// The text without control characters.
pub fn escaped(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_control() {
            line.extend(c.escape_default());
        } else {
            line.push(c);
        }
    }
    line
}

/// As much of it as fits into one line of the server's log.
fn cut(line: &str) -> String {
    const LONGEST: usize = 800;
    match line.char_indices().find(|(at, _)| *at >= LONGEST) {
        None => line.to_string(),
        Some((end, _)) => format!("{}…", &line[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_line_an_interval_and_the_rest_is_counted() {
        let start = Instant::now();
        let mut limiter = Limiter::NEW;
        assert_eq!(limiter.admit(start), Some(0));
        assert_eq!(limiter.admit(start + INTERVAL / 2), None);
        assert_eq!(
            limiter.admit(start + INTERVAL - Duration::from_nanos(1)),
            None
        );
        assert_eq!(limiter.admit(start + INTERVAL), Some(2));
        assert_eq!(limiter.admit(start + 3 * INTERVAL), Some(0));
    }

    #[test]
    fn control_characters_are_escaped_and_long_lines_cut() {
        assert_eq!(escaped("a\r\nb\0c%s%n"), "a\\r\\nb\\u{0}c%s%n");
        let long = cut(&"ä".repeat(5000));
        assert!(long.len() < 820 && long.ends_with('…'));
        assert_eq!(cut("short"), "short");
    }
}
