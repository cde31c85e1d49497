//! The kinds of load: what is sent, and what the module has to do with it.

use serde::Serialize;

use super::load::{Entry, Load};

/// Where integrated events go in the default domain.
pub const OUTPUT: &str = "stream:integrated_events";
const PAIR_RULE: &str = "MATCH A@axon_1 AND B@axon_2 WITHIN 2s";
const KEYED_RULE: &str = "MATCH A@axon_1 AND B@axon_2 PARTITION BY metadata.user WITHIN 1s";
/// Partitions of the keyed rule.
const USERS: usize = 1000;

/// What is sent, and what the module has to do with it.
#[derive(Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Scenario {
    /// A stream that is no axon of any domain.
    Unwatched,
    /// An axon, and a type that no rule uses.
    Irrelevant,
    /// Events that a rule with partitions keeps; nothing completes.
    Buffered,
    /// Every second event completes a pair.
    Completing,
}

impl Scenario {
    /// In the order of the table.
    pub const ALL: [Self; 4] = [
        Self::Unwatched,
        Self::Irrelevant,
        Self::Buffered,
        Self::Completing,
    ];

    /// Its row's heading.
    pub fn title(self) -> &'static str {
        match self {
            Self::Unwatched => "stream that is no axon",
            Self::Irrelevant => "axon, type in no rule",
            Self::Buffered => "kept for a keyed rule",
            Self::Completing => "every second completes",
        }
    }

    /// The rule that the module has meanwhile.
    pub fn rule(self) -> &'static str {
        match self {
            Self::Buffered => KEYED_RULE,
            _ => PAIR_RULE,
        }
    }

    /// The n-th source event.
    pub fn event(self, n: usize) -> Entry {
        let (key, event_type) = match self {
            Self::Unwatched => ("bench:events", "A"),
            Self::Irrelevant => ("stream:axon_1", "Other"),
            Self::Completing if n % 2 == 1 => ("stream:axon_2", "B"),
            Self::Buffered | Self::Completing => ("stream:axon_1", "A"),
        };
        let fields = [
            "event_id",
            &format!("5f0c9a3e-7d14-4b52-9c1e-{n:012x}"),
            "timestamp",
            "2026-01-01T00:00:00.000Z",
            "source_stream",
            key,
            "type",
            event_type,
            "value",
            "47.5",
            "metadata",
            &format!(r#"{{"user":"u{}"}}"#, n % USERS),
        ];
        Entry {
            key: key.to_owned(),
            id: "*".to_owned(),
            fields: fields.map(str::to_owned).to_vec(),
        }
    }

    /// What is sent to a server: to the bare one a client adds the integrated events itself.
    pub fn load(self, events: usize, depth: usize, bare: bool, integrated: &[String]) -> Load {
        let entries = (0..events).flat_map(|n| {
            let by_client = bare && self == Self::Completing && n % 2 == 1;
            let integrated = by_client.then(|| Entry {
                key: OUTPUT.to_owned(),
                id: "*".to_owned(),
                fields: integrated.to_vec(),
            });
            std::iter::once(self.event(n)).chain(integrated)
        });
        Load::new(entries, depth)
    }

    /// How many integrated events the stream must hold in the end.
    pub fn integrated(self, events: usize) -> usize {
        match self {
            Self::Completing => events / 2,
            _ => 0,
        }
    }
}
