//! Where the levels of an INTEGRATE rule stand.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use super::Asked;
use crate::engine::key::AxonKey;
use crate::engine::partition::Partition;
use crate::engine::record::Record;
use crate::engine::report::{counted, duration, joined, Report};
use crate::engine::rule::program::Integrate;
use crate::engine::value::format_number;

/// The most contributions that are looked at, and those that are shown.
const LOOKED_AT: usize = 1_024;
const SHOWN: usize = 5;
/// The most axons that are named.
const NAMED: usize = 16;

/// The level of a partition.
pub struct Standing<'a> {
    partition: &'a Partition,
    pub level: f64,
    /// How many contributions of each axon are in the window.
    axons: BTreeMap<Vec<u8>, u64>,
    /// What is left of the refractory period, ms.
    refractory: u64,
}

impl<'a> Asked<'a> {
    /// The levels of these partitions, the highest first.
    pub fn standings(&self, rule: &Integrate, partitions: &[&'a Partition]) -> Vec<Standing<'a>> {
        let standing = |partition: &&'a Partition| self.standing(rule, partition);
        let mut standings: Vec<Standing> = partitions.iter().filter_map(standing).collect();
        standings.sort_by(|a, b| b.level.total_cmp(&a.level));
        standings
    }

    fn standing(&self, rule: &Integrate, partition: &'a Partition) -> Option<Standing<'a>> {
        let level = partition.level()?;
        let clock = self.clock();
        let mut axons = BTreeMap::new();
        for (_, record) in self.contributions(partition).take(LOOKED_AT) {
            let axon = AxonKey::parse(record.key()).name.into_owned();
            *axons.entry(axon).or_insert(0) += 1;
        }
        let refractory = level.fired().map_or(0, |fired| {
            fired.saturating_add(rule.refractory).saturating_sub(clock)
        });
        Some(Standing {
            partition,
            level: level.at(clock, rule.decay),
            axons,
            refractory,
        })
    }

    /// What is in the window, by atom, the newest of each atom first.
    fn contributions(
        &self,
        partition: &'a Partition,
    ) -> impl Iterator<Item = (usize, Record<'a>)> + '_ {
        let floor = self.floor();
        let store = self.domain.store();
        let buffers = partition.buffers.iter().enumerate();
        let all = buffers.flat_map(|(atom, list)| list.iter().rev().map(move |c| (atom, *c)));
        all.filter(move |(_, c)| c.time >= floor)
            .map(move |(atom, c)| (atom, store.get(c.record)))
    }

    pub fn describe_level(&self, rule: &Integrate, standing: &Standing) -> Report {
        let mut newest: Vec<_> = self
            .contributions(standing.partition)
            .take(LOOKED_AT)
            .collect();
        newest.sort_by_key(|(_, record)| Reverse((record.time(), record.id())));
        let shown = newest
            .iter()
            .take(SHOWN)
            .map(|(atom, record)| self.describe_event(*atom as u8, *record));
        let axons = standing.axons.iter().take(NAMED).map(|(axon, count)| {
            let axon = String::from_utf8_lossy(axon);
            format!("{axon}: {}", counted(*count, "event"))
        });
        let mut level = Vec::new();
        if !self.written.partition_by.is_empty() {
            level.push(("partition", self.describe_key(&standing.partition.key)));
        }
        level.extend([
            ("level", format_number(rounded(standing.level)).into()),
            ("threshold", format_number(rule.threshold).into()),
            ("axons", Report::list(axons)),
            ("axons_needed", rule.from_axons.into()),
            ("refractory_left_ms", standing.refractory.into()),
            ("newest", Report::list(shown)),
        ]);
        Report::Map(level)
    }

    /// What keeps a level from firing, in words.
    pub fn level_reasons(&self, rule: &Integrate, standing: &Standing, reasons: &mut Vec<String>) {
        let of = self.of_partition(&standing.partition.key);
        let level = format_number(rounded(standing.level));
        let threshold = format_number(rule.threshold);
        if standing.level < rule.threshold {
            reasons.push(format!(
                "The level{of} is {level} now; it has to reach {threshold}, and falls to 37 % in {}.",
                duration(rule.decay)
            ));
        }
        if (standing.axons.len() as u64) < rule.from_axons {
            let axons: Vec<String> = standing
                .axons
                .keys()
                .take(NAMED)
                .map(|axon| String::from_utf8_lossy(axon).into_owned())
                .collect();
            let names = match axons.len() {
                0 => String::new(),
                _ => format!(" ({})", joined(&axons, "and")),
            };
            reasons.push(format!(
                "In the last {}, events of {}{names} have contributed{}; {} are needed.",
                duration(self.rule.program.within),
                counted(standing.axons.len() as u64, "axon"),
                self.partition(" in", &standing.partition.key),
                rule.from_axons
            ));
        }
        if standing.refractory > 0 {
            reasons.push(format!(
                "The refractory period{of} lasts another {}.",
                duration(standing.refractory)
            ));
        }
        if standing.level >= rule.threshold {
            reasons.push(format!(
                "The level{of} is {level}, and has to reach {threshold}: it is tested when the next event comes."
            ));
        }
    }
}

/// As many digits as a person wants to see.
fn rounded(level: f64) -> f64 {
    libm::round(level * 1e6) / 1e6
}
