//! What the engine tells about itself in answer to a question: names and values, to be shown as they are.

use std::fmt;

/// A value of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Report>),
    /// In the order in which to show it.
    Map(Vec<(&'static str, Report)>),
}

impl Report {
    /// A list of what these make.
    pub fn list<T: Into<Report>>(items: impl IntoIterator<Item = T>) -> Self {
        Self::List(items.into_iter().map(Into::into).collect())
    }

    /// The value of a name, in a map.
    pub fn get(&self, name: &str) -> Option<&Report> {
        match self {
            Self::Map(pairs) => pairs.iter().find(|(n, _)| *n == name).map(|(_, v)| v),
            _ => None,
        }
    }

    fn write(&self, f: &mut fmt::Formatter, depth: usize) -> fmt::Result {
        let indent = "  ".repeat(depth);
        match self {
            Self::Text(text) => writeln!(f, " {text}"),
            Self::Number(n) => writeln!(f, " {n}"),
            Self::Flag(flag) => writeln!(f, " {flag}"),
            Self::List(items) => {
                writeln!(f)?;
                items.iter().try_for_each(|item| {
                    write!(f, "{indent}-")?;
                    item.write(f, depth + 1)
                })
            }
            Self::Map(pairs) => {
                writeln!(f)?;
                pairs.iter().try_for_each(|(name, value)| {
                    write!(f, "{indent}{name}:")?;
                    value.write(f, depth + 1)
                })
            }
        }
    }
}

impl fmt::Display for Report {
    /// A line for each name and each item of a list, the deeper the further in.
    fn fmt(&self, f: &mut fmt::Formatter) -> fmt::Result {
        self.write(f, 0)
    }
}

impl From<&str> for Report {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

impl From<String> for Report {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Report {
    fn from(n: u64) -> Self {
        Self::Number(n)
    }
}

impl From<bool> for Report {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}

/// A time in words, in the units of the rule language: `1h 30m`, `250ms`.
pub fn duration(ms: u64) -> String {
    let mut words = Vec::new();
    let mut rest = ms;
    for (unit, name) in [
        (86_400_000, "d"),
        (3_600_000, "h"),
        (60_000, "m"),
        (1_000, "s"),
        (1, "ms"),
    ] {
        let count = rest / unit;
        rest %= unit;
        if count > 0 {
            words.push(format!("{count}{name}"));
        }
    }
    if words.is_empty() {
        return "0ms".into();
    }
    words.join(" ")
}

/// Words with commas between, and a conjunction before the last: `a, b and c`.
pub fn joined(words: &[String], conjunction: &str) -> String {
    match words {
        [] => String::new(),
        [one] => one.clone(),
        [first @ .., last] => format!("{} {conjunction} {last}", first.join(", ")),
    }
}

/// `1 event`, `2 events`, `3 matches`, `4 entries`.
pub fn counted(count: u64, what: &str) -> String {
    match what.strip_suffix('y') {
        _ if count == 1 => format!("{count} {what}"),
        Some(stem) => format!("{count} {stem}ies"),
        None if what.ends_with("ch") => format!("{count} {what}es"),
        None => format!("{count} {what}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_and_lists_read_as_text() {
        for (ms, text) in [
            (0, "0ms"),
            (250, "250ms"),
            (5_400_000, "1h 30m"),
            (90_061_001, "1d 1h 1m 1s 1ms"),
        ] {
            assert_eq!(duration(ms), text);
        }
        let words = ["a", "b", "c"].map(String::from);
        assert_eq!(joined(&words, "and"), "a, b and c");
        assert_eq!(joined(&words[..1], "or"), "a");
        let counts = [(1, "match"), (2, "event"), (3, "match"), (4, "entry")];
        assert_eq!(
            counts.map(|(n, what)| counted(n, what)),
            ["1 match", "2 events", "3 matches", "4 entries"]
        );
    }

    #[test]
    fn a_report_reads_as_lines() {
        let report = Report::Map(vec![
            ("name", "r".into()),
            ("list", Report::list(["x", "y"])),
            (
                "map",
                Report::Map(vec![("n", 1.into()), ("flag", true.into())]),
            ),
        ]);
        assert_eq!(
            report.to_string(),
            "\nname: r\nlist:\n  - x\n  - y\nmap:\n  n: 1\n  flag: true\n"
        );
        assert_eq!(report.get("name"), Some(&"r".into()));
    }
}
