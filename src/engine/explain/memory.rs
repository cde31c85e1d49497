//! What a rule keeps, for how long, and what that takes.

use super::Explained;
use crate::engine::deadline::Deadline;
use crate::engine::join::Join;
use crate::engine::matcher::open::OpenMatches;
use crate::engine::partition::Partition;
use crate::engine::record::Record;
use crate::engine::report::{duration, Report};
use crate::engine::rule::pattern::members;
use crate::engine::rule::program::{Absence, Kind};
use crate::engine::window::{candidate_bytes, FIRED_BYTES, LEVEL_BYTES, SEEN_BYTES, WINDOW_BYTES};

impl Explained<'_> {
    /// How far the leaflet's time runs ahead of what is kept.
    pub(super) fn keeps(&self) -> Report {
        let retention = self.program.retention;
        let mut keeps = vec![("events", duration(retention.events).into())];
        match &self.program.kind {
            Kind::Match(rule) if rule.absences.iter().any(Absence::looks_back) => {
                keeps.push(("what_not_has_seen", duration(retention.seen).into()));
            }
            Kind::Match(_) => {}
            Kind::Integrate(_) => keeps.push(("level", duration(retention.level).into())),
        }
        if self.program.limit.is_some() {
            keeps.push(("what_limit_counts", duration(retention.fired).into()));
        }
        Report::Map(keeps)
    }

    pub(super) fn fields_kept(&self) -> Report {
        let name = |field: &u16| {
            let field = &self.program.fields[*field as usize];
            let mut name = field.field.to_string();
            for key in &field.path {
                name.push('.');
                name.push_str(key);
            }
            name
        };
        Report::list(self.program.kept.iter().map(name))
    }

    /// What things take in memory, apart from the texts that come with them.
    pub(super) fn bytes(&self) -> Report {
        let mut bytes = vec![
            ("event", Record::bytes_with(self.program.kept.len())),
            ("event_in_window", self.event_in_window()),
            (
                "partition",
                Partition::bytes(self.program.buffers) + self.open_matches(),
            ),
            ("window", WINDOW_BYTES as u64),
        ];
        match &self.program.kind {
            Kind::Match(rule) => {
                if rule.absences.iter().any(Absence::looks_back) {
                    bytes.push(("what_not_has_seen", SEEN_BYTES as u64));
                }
                if !rule.waits().is_empty() {
                    bytes.push(("deadline", Deadline::BYTES as u64));
                }
            }
            Kind::Integrate(_) => bytes.push(("level", LEVEL_BYTES as u64)),
        }
        if self.program.limit.is_some() {
            bytes.push(("what_limit_counts", FIRED_BYTES as u64));
        }
        let bytes = bytes.into_iter().map(|(name, n)| (name, n.into()));
        Report::Map(bytes.collect())
    }

    /// What the open matches of a partition take apart from its events.
    fn open_matches(&self) -> u64 {
        match &self.program.kind {
            Kind::Match(rule) => rule.automaton.as_deref().map_or(0, OpenMatches::bytes),
            Kind::Integrate(_) => 0,
        }
    }

    /// The most that an event takes in the window that fits one of the atoms.
    fn event_in_window(&self) -> u64 {
        let Kind::Match(rule) = &self.program.kind else {
            return candidate_bytes(1);
        };
        if let Some(automaton) = &rule.automaton {
            let bytes = |atom: u8| OpenMatches::event_bytes(automaton, 1 << atom);
            let most = members(rule.tree.atoms).map(bytes).max().unwrap_or(0);
            return most + if most > 0 { candidate_bytes(1) } else { 0 };
        }
        let joins = |atom: u8| rule.joins.iter().filter(move |join| join.atom == atom);
        let most = members(rule.tree.atoms).map(|atom| joins(atom).count());
        let lists = most.max().unwrap_or(0);
        match self.program.buffers {
            0 => 0,
            _ => candidate_bytes(1) + (lists * Join::BYTES) as u64,
        }
    }
}
