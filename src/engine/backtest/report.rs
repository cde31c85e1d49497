//! What a backtest says in the end.

use std::borrow::Cow;

use super::super::replay::Axon;
use super::super::{Emission, EntryId, Stats};
use super::Plan;

/// Integrated events are kept up to so many bytes (the first one always).
const KEPT_BYTES: usize = 16 << 20;
/// So many axons are described one by one.
const MOST_AXONS: usize = 1_000;

/// What came out of a backtest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub domain: String,
    pub rule: String,
    /// The canonical text.
    pub text: String,
    /// Entries read.
    pub events_read: u64,
    /// Entries that were too large to be events.
    pub events_oversized: u64,
    /// What became of the events, and the matches.
    pub stats: Stats,
    /// The `timestamp` of the earliest integrated event, and of the latest.
    pub triggers: Option<(Vec<u8>, Vec<u8>)>,
    /// How many axons were read.
    pub axons_read: u64,
    /// The first ones of them, by key.
    pub axons: Vec<AxonReport>,
    /// The first integrated events.
    pub found: Vec<Found>,
}

/// What was read of an axon.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxonReport {
    pub key: Vec<u8>,
    pub events: u64,
    /// First and last id.
    pub ids: Option<(EntryId, EntryId)>,
}

/// An integrated event that would have been appended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The output stream's key.
    pub output: Vec<u8>,
    pub fields: Vec<(Cow<'static, str>, Vec<u8>)>,
}

impl Found {
    /// A field of the event.
    pub fn field(&self, name: &str) -> Option<&[u8]> {
        let mut fields = self.fields.iter();
        let (_, value) = fields.find(|(field, _)| field == name)?;
        Some(value)
    }

    fn bytes(&self) -> usize {
        let fields = self.fields.iter().map(|(n, v)| n.len() + v.len() + 64);
        self.output.len() + fields.sum::<usize>()
    }
}

/// Collects what would have been emitted.
#[derive(Debug)]
pub struct Tally {
    keep: usize,
    found: Vec<Found>,
    bytes: usize,
    triggers: Option<(Vec<u8>, Vec<u8>)>,
}

impl Tally {
    /// Keeps the first so many in full.
    pub fn new(keep: usize) -> Self {
        Self {
            keep,
            found: Vec::new(),
            bytes: 0,
            triggers: None,
        }
    }

    pub fn add(&mut self, emission: Emission) {
        let found = Found {
            output: emission.output,
            fields: emission.fields,
        };
        // All of the same form and length: in the order of texts they are in the order of times.
        if let Some(time) = found.field("timestamp") {
            match &mut self.triggers {
                None => self.triggers = Some((time.to_vec(), time.to_vec())),
                Some((first, _)) if time < &first[..] => *first = time.to_vec(),
                Some((_, last)) if time > &last[..] => *last = time.to_vec(),
                Some(_) => {}
            }
        }
        if self.found.len() < self.keep {
            self.bytes += found.bytes();
            if self.found.is_empty() || self.bytes <= KEPT_BYTES {
                self.found.push(found);
            } else {
                self.keep = 0;
            }
        }
    }

    pub fn report(&mut self, plan: &Plan, stats: Stats, axons: &[Axon]) -> Report {
        let describe = |axon: &Axon| AxonReport {
            key: axon.key.to_vec(),
            events: axon.events,
            ids: axon.read,
        };
        Report {
            domain: plan.spec.name.clone(),
            rule: plan.rule.clone(),
            text: plan.text.clone(),
            events_read: axons.iter().map(|axon| axon.events).sum(),
            events_oversized: axons.iter().map(|axon| axon.oversized).sum(),
            stats,
            triggers: self.triggers.clone(),
            axons_read: axons.len() as u64,
            axons: axons.iter().take(MOST_AXONS).map(describe).collect(),
            found: std::mem::take(&mut self.found),
        }
    }
}
