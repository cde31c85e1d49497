//! What rules mean, computed by definition from the whole history of events: slow, and as plain as can be.
//!
//! It shares the parser with the engine and nothing else.
//!
//! Where the definition leaves room, this is how it is read here:
//! - What a NOT between two parts saw counts as long as the first part is in the window, also where times went back
//!   and the event itself has left it.
//! - An event that meets a deadline which was behind the clock already does so before it counts for the NOT.
//! - LIMIT counts what was emitted with trigger times in (t - d, t], t being the trigger's own time: what was emitted
//!   earlier at a later time does not count.
//! - Of several assignments, atoms are compared from left to right: the older event first, then the longer list; at an
//!   OR the branch comes first.
//! - A level decays from the largest time of a contribution; those within WITHIN are those in the leaflet's window;
//!   without REFRACTORY it is 0, so nothing fires at a time before the last firing.

pub mod event;
mod expr;
mod integrate;
mod matching;
pub mod pattern;
mod rule;
mod select;
mod tests;
mod value;

use std::collections::BTreeMap;
use std::fmt::{self, Display};

use leaflet::engine::rule::parse;

use event::Event;
use pattern::TooMany;
use rule::{Rule, State, Trigger};

/// The default of `leaflet.max-matches-per-trigger`.
const MAX_MATCHES: usize = 128;
/// The default of `leaflet.max-sources`.
const MAX_SOURCES: usize = 64;

/// An integrated event.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    pub stream: String,
    pub rule: String,
    /// The `event_id`.
    pub id: String,
    /// The trigger's time.
    pub time: u64,
    pub sources: Vec<String>,
    /// `integrated_value`.
    pub value: Option<String>,
    pub confidence: Option<String>,
    /// What the rule emits besides.
    pub fields: Vec<(String, String)>,
}

impl Display for Output {
    /// The sources and fields, such as `a1 b1 n=2`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.sources.join(" "))?;
        let mut fields = self.fields.iter();
        fields.try_for_each(|(name, value)| write!(f, " {name}={value}"))
    }
}

/// The domain `default`.
#[derive(Debug, Default)]
pub struct Oracle {
    rules: Vec<Rule>,
    /// By hash tag.
    leaflets: BTreeMap<String, Leaflet>,
}

/// What happened under one hash tag.
#[derive(Debug, Default)]
struct Leaflet {
    history: Vec<Event>,
    /// The largest time processed.
    processed: u64,
    /// The largest time seen, and what passed in silence since.
    clock: u64,
    /// By the rule's name.
    states: BTreeMap<String, State>,
}

impl Oracle {
    /// Adds a rule that the engine has taken.
    pub fn add_rule(&mut self, name: &str, text: &str) {
        let rule = parse(text).expect("a rule that the engine takes");
        self.rules.push(Rule::new(name, &rule));
    }

    /// Takes in one event; gives what it completes, in the order to emit.
    pub fn on_event(
        &mut self,
        key: &str,
        id: (u64, u64),
        fields: &[(String, String)],
    ) -> Result<Vec<Output>, TooMany> {
        let mut event = Event {
            key: key.into(),
            id,
            fields: fields.to_vec(),
            clock: 0,
        };
        let mut outputs = Vec::new();
        if event.event_type().is_none() {
            return Ok(outputs);
        }
        let (_, tag) = event.key_and_tag();
        self.leaflets.entry(tag.clone()).or_default();
        // Deadlines that are now behind the clock come before the event.
        outputs.extend(self.tick(&tag, event.time())?);

        let leaflet = self.leaflets.entry(tag).or_default();
        leaflet.processed = leaflet.processed.max(event.time());
        event.clock = leaflet.processed;
        leaflet.history.push(event);
        let last = leaflet.history.len() - 1;
        for rule in &self.rules {
            let state = leaflet.states.entry(rule.name.clone()).or_default();
            rule.see(&leaflet.history, state, last);
            let trigger = Trigger {
                last,
                deadline: None,
            };
            outputs.extend(rule.fire(&leaflet.history, state, trigger)?);
        }

        Ok(outputs)
    }

    /// Time passes in silence, up to this time, under a hash tag that is known; gives what ends by that.
    pub fn tick(&mut self, tag: &str, time: u64) -> Result<Vec<Output>, TooMany> {
        let mut outputs = Vec::new();
        let Some(leaflet) = self.leaflets.get_mut(tag) else {
            return Ok(outputs);
        };
        leaflet.clock = leaflet.clock.max(time);
        let mut due: Vec<(u64, usize, usize)> = Vec::new();
        for (place, rule) in self.rules.iter().enumerate() {
            let state = leaflet.states.entry(rule.name.clone()).or_default();
            let met = rule.deadlines(&leaflet.history, state);
            let met = met
                .into_iter()
                .filter(|(deadline, _)| *deadline < leaflet.clock);
            due.extend(met.map(|(deadline, last)| (deadline, last, place)));
        }
        due.sort_unstable();
        for (deadline, last, place) in due {
            let rule = &self.rules[place];
            let state = leaflet.states.entry(rule.name.clone()).or_default();
            let trigger = Trigger {
                last,
                deadline: Some(deadline),
            };
            state.met.insert((deadline, last));
            outputs.extend(rule.fire(&leaflet.history, state, trigger)?);
        }
        Ok(outputs)
    }
}
