//! What rules read before: each text that a rule had is a version of it, and integrated events outlive it.

use std::collections::VecDeque;

use serde::{Deserialize, Serialize};

/// So many texts are remembered, and so many bytes of texts and names, of all rules together.
const MOST_TEXTS: usize = 1_024;
const MOST_BYTES: usize = 1 << 20;

/// A text that is in force no more.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retired {
    pub domain: String,
    pub rule: String,
    pub version: u64,
    /// The canonical text.
    pub text: String,
}

impl Retired {
    fn bytes(&self) -> usize {
        size_of::<Self>() + self.domain.len() + self.rule.len() + self.text.len()
    }
}

/// The texts that are in force no more, the latest ones.
#[derive(Debug, Default)]
pub struct History {
    retired: VecDeque<Retired>,
    bytes: usize,
}

impl History {
    /// Takes note of a text that goes.
    pub fn retire(&mut self, retired: Retired) {
        self.bytes += retired.bytes();
        self.retired.push_back(retired);
        while self.retired.len() > MOST_TEXTS || self.bytes > MOST_BYTES {
            match self.retired.pop_front() {
                Some(oldest) => self.bytes -= oldest.bytes(),
                None => break,
            }
        }
    }

    /// The version that a rule of this name gets which is not there now.
    pub fn next_version(&self, domain: &str, rule: &str) -> u64 {
        let known = self.of(rule).filter(|retired| retired.domain == domain);
        known.map(|retired| retired.version).max().unwrap_or(0) + 1
    }

    /// What rules of this name read, in any domain, the latest first.
    pub fn of<'a>(&'a self, rule: &'a str) -> impl Iterator<Item = &'a Retired> {
        let all = self.retired.iter().rev();
        all.filter(move |retired| retired.rule == rule)
    }

    /// So many texts are remembered at most.
    pub fn capacity() -> usize {
        MOST_TEXTS
    }

    /// All, the oldest first.
    pub fn to_vec(&self) -> Vec<Retired> {
        self.retired.iter().cloned().collect()
    }
}

impl From<Vec<Retired>> for History {
    fn from(all: Vec<Retired>) -> Self {
        let mut history = Self::default();
        all.into_iter().for_each(|retired| history.retire(retired));
        history
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn retired(rule: &str, version: u64, length: usize) -> Retired {
        Retired {
            domain: "d".into(),
            rule: rule.into(),
            version,
            text: "x".repeat(length),
        }
    }

    #[test]
    fn versions_go_on_and_the_oldest_texts_go() {
        let mut history = History::default();
        assert_eq!(history.next_version("d", "r"), 1);
        for version in 1..=2 * MOST_TEXTS as u64 {
            history.retire(retired("r", version, 10));
        }
        let kept: Vec<u64> = history.of("r").map(|retired| retired.version).collect();
        assert_eq!((kept.len(), kept[0]), (MOST_TEXTS, 2 * MOST_TEXTS as u64));
        assert_eq!(history.next_version("d", "r"), kept[0] + 1);
        assert_eq!(history.next_version("other", "r"), 1);
        let again = History::from(history.to_vec());
        assert_eq!(
            (again.retired, again.bytes),
            (history.retired.clone(), history.bytes)
        );
        history.retire(retired("s", 1, MOST_BYTES - 500));
        assert!(history.retired.len() < 10);
        history.retire(retired("t", 1, MOST_BYTES));
        assert_eq!((history.retired.len(), history.bytes), (0, 0));
    }
}
