//! The kinds of load: what is sent, and the rules that the module has meanwhile.

use std::ops::Range;

use super::load::{Entry, Load};

/// Where integrated events go in the default domain.
pub const OUTPUT: &str = "stream:integrated_events";
/// Completed by every second event of `PAIRS`.
pub const PAIR_RULE: &str = "MATCH A@axon_1 AND B@axon_2 WITHIN 2s";
/// Pairs of events.
pub const PAIRS: Events = Events::of(&[("stream:axon_1", "A"), ("stream:axon_2", "B")]);
/// The time of the first event where ids are given, ms.
const START: u64 = 1_700_000_000_000;

/// Events of the prototype's six fields, without end.
#[derive(Clone, Copy)]
pub struct Events {
    /// Keys and types, in turn.
    pub axons: &'static [(&'static str, &'static str)],
    /// Values of the field `value`, and of the user in `metadata`.
    pub partitions: usize,
    /// Fields beyond the six.
    pub more: usize,
    /// Events within a millisecond, by their ids; none: the server gives the ids.
    pub pace: Option<u64>,
}

impl Events {
    /// Of a thousand partitions.
    pub const fn of(axons: &'static [(&'static str, &'static str)]) -> Self {
        Self {
            axons,
            partitions: 1000,
            more: 0,
            pace: None,
        }
    }

    /// The n-th event.
    pub fn event(&self, n: usize) -> Entry {
        let (key, event_type) = self.axons[n % self.axons.len()];
        let partition = n / self.axons.len() % self.partitions;
        let mut fields = vec![
            "event_id".to_owned(),
            format!("5f0c9a3e-7d14-4b52-9c1e-{n:012x}"),
            "timestamp".to_owned(),
            "2026-01-01T00:00:00.000Z".to_owned(),
            "source_stream".to_owned(),
            key.to_owned(),
            "event_type".to_owned(),
            event_type.to_owned(),
            "value".to_owned(),
            partition.to_string(),
            "metadata".to_owned(),
            format!(r#"{{"user":"u{partition}"}}"#),
        ];
        for more in 0..self.more {
            fields.extend([format!("field_{more}"), format!("text {more} of {n}")]);
        }
        let id = self.pace.map_or("*".to_owned(), |pace| {
            format!("{}-{}", START + n as u64 / pace, n as u64 % pace)
        });
        Entry {
            key: key.to_owned(),
            id,
            fields,
        }
    }
}

/// What is sent.
#[derive(Clone, Copy)]
pub enum Traffic {
    /// `XADD`s.
    Events(Events),
    /// `SET` and `GET` in turn.
    Plain,
}

/// What is sent, and what the module has to do with it.
#[derive(Clone)]
pub struct Scenario {
    /// Its row's heading.
    pub title: String,
    /// The rules that the module has meanwhile.
    pub rules: Vec<String>,
    /// What is sent.
    pub traffic: Traffic,
    /// How often the usual number is sent, so that a measurement takes about as long as the others.
    pub times: usize,
    /// How many events come before any is measured.
    pub settle: usize,
    /// Does a rule take the events?
    pub taken: bool,
    /// Does every second event complete a match?
    pub completes: bool,
}

impl Scenario {
    /// Events that a rule takes, and nothing completes.
    pub fn new(title: impl Into<String>, rule: &str, events: Events) -> Self {
        Self {
            title: title.into(),
            rules: vec![rule.to_owned()],
            traffic: Traffic::Events(events),
            times: 1,
            settle: 10_000,
            taken: true,
            completes: false,
        }
    }

    /// The same with ids that are given, so that its windows hold the same whatever the machine does.
    pub fn paced(mut self, pace: u64) -> Self {
        if let Traffic::Events(events) = &mut self.traffic {
            events.pace.get_or_insert(pace);
        }
        self
    }

    /// A piece of what is sent. A client adds the integrated events itself where they are given.
    pub fn load(&self, piece: Range<usize>, depth: usize, integrated: Option<&[String]>) -> Load {
        let Traffic::Events(events) = self.traffic else {
            return Load::of(piece.map(plain), depth);
        };
        let entries = piece.flat_map(|n| {
            let fields = integrated.filter(|_| self.completes && n % 2 == 1);
            let integrated = fields.map(|fields| Entry {
                key: OUTPUT.to_owned(),
                id: "*".to_owned(),
                fields: fields.to_vec(),
            });
            std::iter::once(events.event(n)).chain(integrated)
        });
        Load::new(entries, depth)
    }

    /// How many integrated events so many events make.
    pub fn integrated(&self, events: usize) -> usize {
        if self.completes {
            events / 2
        } else {
            0
        }
    }

    /// The streams that are written to.
    pub fn streams(&self) -> Vec<&'static str> {
        match self.traffic {
            Traffic::Events(events) => {
                let keys = events.axons.iter().map(|(key, _)| *key);
                keys.chain([OUTPUT]).collect()
            }
            Traffic::Plain => Vec::new(),
        }
    }
}

/// The n-th command that is no `XADD`.
fn plain(n: usize) -> Vec<String> {
    let key = format!("bench:{}", n / 2 % 1000);
    if n.is_multiple_of(2) {
        vec!["SET".to_owned(), key, format!("{n:0100}")]
    } else {
        vec!["GET".to_owned(), key]
    }
}
