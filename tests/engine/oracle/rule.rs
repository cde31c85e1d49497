//! What all rules have in common: which events they use, partitions, LIMIT, and what is emitted.

use std::collections::{BTreeMap, BTreeSet};

use leaflet::engine::rule::ast::{self, Atom, Duration, Emit, Limit, Path};

use uuid::Uuid;

use super::event::Event;
use super::expr::{Bound, Scope};
use super::integrate::{Integrate, Level};
use super::matching::Match;
use super::pattern::TooMany;
use super::value::Value;
use super::Output;

/// The values of a rule's partition key.
pub type Partition = Vec<String>;

#[derive(Debug)]
pub struct Rule {
    pub name: String,
    /// In canonical form.
    text: String,
    pub within: u64,
    partition_by: Vec<Path>,
    limit: Option<Limit>,
    emit: Vec<Emit>,
    kind: Kind,
}

#[derive(Debug)]
enum Kind {
    Match(Match),
    Integrate(Integrate),
}

/// What a rule has to know besides the events.
#[derive(Debug, Default)]
pub struct State {
    /// The events the rule uses, with their partition.
    pub used: BTreeMap<usize, Partition>,
    /// Events that can't be sources any more.
    pub consumed: BTreeSet<usize>,
    /// The first event that `CONSUME PARTITION` has not forgotten.
    pub forgotten: BTreeMap<Partition, usize>,
    /// Deadlines that were met, by time and last event.
    pub met: BTreeSet<(u64, usize)>,
    pub levels: BTreeMap<Partition, Level>,
    /// The trigger times of what was emitted.
    emitted: BTreeMap<Partition, Vec<u64>>,
}

/// Where a match ends.
#[derive(Debug, Clone, Copy)]
pub struct Trigger {
    /// The last event.
    pub last: usize,
    /// Where the match ends later than at that event.
    pub deadline: Option<u64>,
}

impl Trigger {
    pub fn time(&self, history: &[Event]) -> u64 {
        self.deadline.unwrap_or(history[self.last].time())
    }
}

impl Rule {
    pub fn new(name: &str, rule: &ast::Rule) -> Self {
        let name = name.into();
        let text = rule.to_string();
        match rule.clone() {
            ast::Rule::Match(rule) => Self {
                name,
                text,
                within: millis(rule.within),
                kind: Kind::Match(Match::new(&rule)),
                partition_by: rule.partition_by,
                limit: rule.limit,
                emit: rule.emit,
            },
            ast::Rule::Integrate(rule) => Self {
                name,
                text,
                within: millis(rule.within),
                kind: Kind::Integrate(Integrate::new(&rule)),
                partition_by: rule.partition_by,
                limit: rule.limit,
                emit: rule.emit,
            },
        }
    }

    /// Takes note of an event, unless it is late or has no partition.
    pub fn see(&self, history: &[Event], state: &mut State, number: usize) {
        let event = &history[number];
        let key = |path: &Path| event.get(&path.segments).text();
        let partition: Option<Partition> = self.partition_by.iter().map(key).collect();
        match partition {
            Some(partition) if event.lateness() <= self.within => {
                state.used.insert(number, partition);
            }
            _ => {}
        }
    }

    /// The deadlines that were set and not met yet, each with its last event.
    pub fn deadlines(&self, history: &[Event], state: &State) -> Vec<(u64, usize)> {
        let Kind::Match(rule) = &self.kind else {
            return Vec::new();
        };
        let mut deadlines = BTreeSet::new();
        for last in state.used.keys() {
            let waits = rule.pattern.waits();
            deadlines.extend(
                waits
                    .iter()
                    .map(|wait| (history[*last].time() + wait, *last)),
            );
        }
        deadlines.difference(&state.met).copied().collect()
    }

    /// What the rule emits at this trigger.
    pub fn fire(
        &self,
        history: &[Event],
        state: &mut State,
        trigger: Trigger,
    ) -> Result<Vec<Output>, TooMany> {
        let Some(partition) = state.used.get(&trigger.last).cloned() else {
            return Ok(Vec::new());
        };
        let first = state.forgotten.get(&partition).copied().unwrap_or(0);
        if trigger.last < first {
            return Ok(Vec::new());
        }
        match &self.kind {
            Kind::Match(rule) => rule.fire(self, history, state, &partition, trigger),
            Kind::Integrate(rule) => {
                let output = rule.fire(self, history, state, &partition, trigger.last);
                Ok(output.into_iter().collect())
            }
        }
    }

    /// The integrated event, unless the LIMIT holds it back.
    pub fn emit(
        &self,
        bound: &Bound,
        confidence: f64,
        time: u64,
        state: &mut State,
        partition: &Partition,
    ) -> Option<Output> {
        let emitted = state.emitted.entry(partition.clone()).or_default();
        if let Some(limit) = self.limit {
            let since = |then: &&u64| **then <= time && time - **then < millis(limit.per);
            if emitted.iter().filter(since).count() as u64 >= limit.count {
                return None;
            }
        }
        emitted.push(time);

        let (_, tag) = bound.all[0].key_and_tag();
        let value = ["value".to_owned()];
        let values = bound.all.iter().map(|event| event.get(&value));
        let numbers: Vec<f64> = values.filter_map(|value| value.as_number()).collect();
        let mean = numbers.iter().sum::<f64>() / numbers.len() as f64;
        let mut output = Output {
            stream: match tag.as_str() {
                "" => "stream:integrated_events".into(),
                tag => format!("stream:integrated_events{{{tag}}}"),
            },
            rule: self.name.clone(),
            id: self.id(&tag, &bound.all),
            time,
            sources: bound.all.iter().map(|event| event.name()).collect(),
            value: Value::number(mean).text(),
            confidence: Value::number(confidence).text(),
            fields: Vec::new(),
        };
        for item in &self.emit {
            let value = Scope::Match(bound).eval(&item.expr);
            match item.field.as_str() {
                "value" => output.value = value.text(),
                "confidence" => {
                    let clamped = value.as_number().map(|n| n.clamp(0.0, 1.0));
                    output.confidence = clamped.map(|n| n.to_string());
                }
                field => {
                    let text = value.text();
                    output.fields.extend(text.map(|text| (field.into(), text)));
                }
            }
        }
        Some(output)
    }

    /// The `event_id`: domain, tag, rule, its text, and where each source stands.
    fn id(&self, tag: &str, sources: &[&Event]) -> String {
        let mut parts = vec![
            "default".into(),
            tag.into(),
            self.name.clone(),
            self.text.clone(),
        ];
        for event in sources {
            parts.extend([event.key.clone(), format!("{}-{}", event.id.0, event.id.1)]);
        }
        let namespace = Uuid::new_v5(&Uuid::NAMESPACE_URL, b"urn:leaflet:event");
        Uuid::new_v5(&namespace, parts.join("\0").as_bytes()).to_string()
    }
}

/// Whether the event is one that the atom takes.
pub fn fits(atom: &Atom, event: &Event) -> bool {
    let same_type = atom
        .event_type
        .as_deref()
        .is_none_or(|t| event.event_type() == Some(t));
    let same_axon = atom
        .axon
        .as_deref()
        .is_none_or(|glob| match glob.strip_suffix('*') {
            Some(start) => event.axon().starts_with(start),
            None => event.axon() == glob,
        });
    let holds = |predicate| Scope::Event(event).holds(predicate);
    same_type && same_axon && atom.predicate.as_ref().is_none_or(holds)
}

/// How the clauses call an atom.
pub fn name(atom: &Atom) -> Option<String> {
    atom.alias.clone().or(atom.event_type.clone())
}

pub fn millis(duration: Duration) -> u64 {
    duration.millis().expect("a duration that fits")
}
