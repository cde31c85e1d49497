//! Why a rule did not fire: what `LEAFLET.RULE.WHYNOT` shows. It looks and changes nothing.

mod faults;
mod lacks;
mod level;
mod nearest;
mod partials;
mod reasons;
#[cfg(test)]
mod tests;

use std::cell::Cell;
use std::collections::BTreeSet;

use super::leaflet::Leaflet;
use super::partition::{key_parts, push_part, Partition, PartitionKey};
use super::processor::{Domain, Rule};
use super::record::Record;
use super::report::Report;
use super::rule::describe::{Written, WrittenAtom};
use super::rule::parse;
use super::rule::program::Kind;
use super::tally::AtomTally;
use super::window::Window;
use super::{Engine, Error, Result, Settings};

/// The most partitions that are looked at, those in which something came last.
const MOST_PARTITIONS: usize = 256;
/// The most partial matches, levels and deadlines that are shown.
const SHOWN: usize = 10;
/// The most tags of other leaflets that are named.
const NAMED_TAGS: usize = 5;

/// Where to look.
#[derive(Debug, Clone, Copy, Default)]
pub struct Question<'a> {
    /// The leaflet's tag; the untagged one where it is empty.
    pub tag: &'a [u8],
    /// A value for each field of PARTITION BY; `None`: the partitions that are nearest to a match.
    pub partition: Option<&'a [&'a [u8]]>,
}

impl Engine {
    /// Tells why a rule did not fire.
    ///
    /// # Errors
    /// Where there is no such domain or rule, or a partition has another number of values.
    pub fn why_not(&self, domain: &str, name: &str, question: Question) -> Result<Report> {
        let (at, place) = self.rule_place(domain, name)?;
        let domain = &self.domains[at];
        let rule = &domain.rules[place];
        let written = Written::new(&parse(&rule.text)?);
        let key = question.partition.map(|values| key(&written, values));
        let leaflet = domain.leaflet(question.tag);
        let asked = Asked {
            settings: &self.settings,
            domain,
            rule,
            written: &written,
            tag: question.tag,
            leaflet,
            window: leaflet.and_then(|leaflet| leaflet.window(rule.id)),
            // A rule without PARTITION BY has one partition, whose key is empty.
            key: match written.partition_by.is_empty() {
                true => key.transpose()?.or(Some(PartitionKey::new())),
                false => key.transpose()?,
            },
            budget: Cell::new(self.settings.match_budget),
            cut: Cell::new(false),
        };
        Ok(asked.report())
    }
}

/// A partition's key from its values.
fn key(written: &Written, values: &[&[u8]]) -> Result<PartitionKey> {
    let fields = &written.partition_by;
    if fields.is_empty() {
        return Err(Error::new("the rule has no PARTITION BY"));
    }
    if fields.len() != values.len() {
        return Err(Error::new(format!(
            "expected {} after PARTITION ({}), found {}",
            super::report::counted(fields.len() as u64, "value"),
            fields.join(", "),
            values.len()
        )));
    }
    let mut key = PartitionKey::new();
    values.iter().for_each(|value| push_part(&mut key, value));
    Ok(key)
}

/// A rule, and where it is looked at.
struct Asked<'a> {
    settings: &'a Settings,
    domain: &'a Domain,
    rule: &'a Rule,
    written: &'a Written,
    tag: &'a [u8],
    leaflet: Option<&'a Leaflet>,
    window: Option<&'a Window>,
    /// `None`: not one partition.
    key: Option<PartitionKey>,
    /// Steps that searches may still take.
    budget: Cell<u64>,
    /// A search was not finished.
    cut: Cell<bool>,
}

impl<'a> Asked<'a> {
    fn report(&self) -> Report {
        let partitions = self.partitions();
        let mut reasons = Vec::new();
        self.plain_reasons(&partitions, &mut reasons);
        let details = match &self.rule.program.kind {
            Kind::Match(rule) => self.partials(rule, &partitions, &mut reasons),
            Kind::Integrate(rule) => {
                let standings = self.standings(rule, &partitions);
                if let Some(highest) = standings.first() {
                    self.level_reasons(rule, highest, &mut reasons);
                }
                let shown = standings.iter().take(SHOWN);
                let levels = shown.map(|standing| self.describe_level(rule, standing));
                vec![("levels", Report::list(levels))]
            }
        };
        if reasons.is_empty() {
            reasons.push("Nothing is known that keeps it from firing.".into());
        }
        let (stats, tally) = (&self.rule.stats, &self.rule.tally);
        let events = vec![
            ("seen", stats.events_seen.into()),
            ("taken", stats.events_taken.into()),
            ("late", stats.events_late.into()),
            ("shed", stats.events_shed.into()),
            ("without_partition", tally.unkeyed.into()),
        ];
        let mut report = vec![
            ("name", (&*self.rule.name).into()),
            ("domain", self.domain.spec.name.as_str().into()),
            ("tag", shown(self.tag).into()),
            ("text", (&*self.rule.text).into()),
            ("reasons", Report::list(reasons)),
            ("paused", self.rule.paused.into()),
            ("time", self.time().into()),
            ("clock", self.clock().into()),
            ("events", Report::Map(events)),
            ("matches", stats.matches.into()),
            ("emitted", stats.emitted.into()),
            ("limited", stats.limited.into()),
            ("having_failed", tally.having_failed.into()),
            ("budget_cuts", stats.budget_cuts.into()),
            ("last_fired", tally.fired.unwrap_or(0).into()),
            ("limit", self.limit()),
            ("atoms", self.atoms(&partitions)),
        ];
        report.extend(details);
        report.push(("search", self.search(partitions.len())));
        Report::Map(report)
    }

    /// The largest time processed (ms): the windows end here.
    fn time(&self) -> u64 {
        self.leaflet.map_or(0, |leaflet| leaflet.max_time)
    }

    /// The largest time seen, and what has passed in silence since (ms): deadlines and levels go by it.
    fn clock(&self) -> u64 {
        self.leaflet.map_or(0, |leaflet| leaflet.clock)
    }

    /// What is older than this has left the window.
    fn floor(&self) -> u64 {
        self.time().saturating_sub(self.rule.program.within)
    }

    /// The partitions to look at.
    fn partitions(&self) -> Vec<&'a Partition> {
        let Some(window) = self.window else {
            return Vec::new();
        };
        if let Some(key) = &self.key {
            return window.partition(key).into_iter().collect();
        }
        let mut known = BTreeSet::new();
        let mut partitions = Vec::new();
        let steps = self.settings.match_budget as usize;
        for partition in window.recent().take(steps) {
            if known.insert(&*partition.key) {
                partitions.push(partition);
            }
            if partitions.len() == MOST_PARTITIONS {
                break;
            }
        }
        partitions
    }

    fn atoms(&self, partitions: &[&Partition]) -> Report {
        let numbered = self.written.atoms.iter().zip(&self.rule.tally.atoms);
        let atom = |(number, (written, tally)): (usize, (&WrittenAtom, &AtomTally))| {
            Report::Map(vec![
                ("name", written.name.as_str().into()),
                ("atom", written.text.as_str().into()),
                ("seen", tally.offered.into()),
                ("fit", tally.fitted.into()),
                (
                    "last",
                    tally
                        .last
                        .map_or(String::new(), |(id, _)| id.to_string())
                        .into(),
                ),
                ("waiting", self.waiting(number, partitions).into()),
            ])
        };
        Report::list(numbered.enumerate().map(atom))
    }

    /// How many candidates of an atom wait in the window, in these partitions.
    fn waiting(&self, atom: usize, partitions: &[&Partition]) -> u64 {
        let Some(buffer) = self.rule.program.atoms[atom].buffer else {
            return 0;
        };
        let floor = self.floor();
        let waiting = |partition: &&Partition| {
            let candidates = partition.buffers[buffer].iter();
            candidates.filter(|c| c.time >= floor).count() as u64
        };
        partitions.iter().map(waiting).sum()
    }

    /// How far LIMIT is used up in the partition that is looked at.
    fn limit(&self) -> Report {
        let Some(limit) = self.rule.program.limit else {
            return Report::Map(Vec::new());
        };
        let mut shown = vec![("count", limit.count.into()), ("per_ms", limit.per.into())];
        if let (Some(window), Some(key)) = (self.window, &self.key) {
            let used = window.fired_within(key, self.time(), limit.per);
            shown.push(("used", used.into()));
        }
        Report::Map(shown)
    }

    /// How much was looked at.
    fn search(&self, looked_at: usize) -> Report {
        let partitions = self.window.map_or(0, Window::partitions) as u64;
        let steps = self.settings.match_budget - self.budget.get();
        Report::Map(vec![
            ("partitions", partitions.into()),
            ("looked_at", (looked_at as u64).into()),
            ("steps", steps.into()),
            ("cut", self.cut.get().into()),
        ])
    }

    /// ` of partition ada, 7`, where the rule has PARTITION BY.
    fn of_partition(&self, key: &[u8]) -> String {
        self.partition(" of", key)
    }

    /// A preposition and the partition, where the rule has PARTITION BY.
    fn partition(&self, preposition: &str, key: &[u8]) -> String {
        if self.written.partition_by.is_empty() {
            return String::new();
        }
        let values: Vec<String> = key_parts(key).iter().map(|part| shown(part)).collect();
        format!("{preposition} partition {}", values.join(", "))
    }

    fn describe_key(&self, key: &[u8]) -> Report {
        Report::list(key_parts(key).iter().map(|part| shown(part)))
    }

    fn describe_event(&self, atom: u8, record: Record) -> Report {
        let mut event = vec![
            (
                "atom",
                self.written.atoms[atom as usize].name.as_str().into(),
            ),
            ("axon", shown(record.key()).into()),
            ("id", record.id().to_string().into()),
            ("type", shown(record.event_type()).into()),
            ("time", record.time().into()),
        ];
        if let Some(id) = record.event_id() {
            event.push(("event_id", shown(id).into()));
        }
        Report::Map(event)
    }
}

/// Bytes as text, short enough to be read.
fn shown(bytes: &[u8]) -> String {
    const LONGEST: usize = 256;
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(LONGEST) {
        None => text.into_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
