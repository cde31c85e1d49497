//! What a window holds, partition by partition.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::domain::Records;
use super::{misfit, require};
use crate::engine::integrate::Level;
use crate::engine::key::AxonKey;
use crate::engine::leaflet::Leaflet;
use crate::engine::partition::{key_parts, push_part, Candidate, PartitionKey};
use crate::engine::processor::Rule;
use crate::engine::rule::pattern::{members, AtomSet};
use crate::engine::rule::program::Kind;
use crate::engine::store::{RecordId, Store};
use crate::engine::window::Window;
use crate::engine::Result;

#[derive(Debug, Serialize, Deserialize)]
pub struct WindowState<'a> {
    /// The rule's place.
    pub rule: u32,
    /// When the leaflet looks for something that leaves it.
    pub due: u64,
    /// By key.
    #[serde(borrow)]
    partitions: Vec<PartitionState<'a>>,
    /// The emissions LIMIT counts: time and partition, in processing order.
    fired: Vec<(u64, u32)>,
}

#[derive(Debug, Serialize, Deserialize)]
struct PartitionState<'a> {
    #[serde(borrow)]
    key: Bytes<'a>,
    /// In processing order: its place there, the record, and its buffers as bits.
    events: Vec<(u64, u32, AtomSet)>,
    /// By NOT: place in processing order, and time.
    seen: Vec<Vec<(u64, u64)>>,
    last_kept: u64,
    level: Option<LevelState>,
}

#[derive(Debug, Serialize, Deserialize)]
struct LevelState {
    level: Level,
    /// When it was raised last: place in processing order, and time.
    seq: u64,
    time: u64,
}

impl Window {
    pub(super) fn capture(&self, rule: u32, due: u64, records: &mut Records) -> WindowState<'_> {
        let mut places: Vec<u32> = self.partitions.iter().map(|(at, _)| at).collect();
        places.sort_unstable_by(|a, b| self.partitions[*a].key.cmp(&self.partitions[*b].key));
        let partitions = places.iter().map(|at| {
            let partition = &self.partitions[*at];
            let mut events: Vec<(u64, u32, AtomSet)> = Vec::new();
            for (buffer, event) in partition.events() {
                match events.last_mut().filter(|(seq, ..)| *seq == event.seq) {
                    Some((.., buffers)) => *buffers |= 1 << buffer,
                    None => events.push((event.seq, records.number(event.record), 1 << buffer)),
                }
            }
            let more = partition.more.as_deref();
            let mut seen: Vec<Vec<(u64, u64)>> = Vec::new();
            for list in more.iter().flat_map(|more| &more.seen) {
                seen.push(list.iter().map(|seen| (seen.seq, seen.time)).collect());
            }
            while seen.pop_if(|list| list.is_empty()).is_some() {}
            let level = more.and_then(|more| more.level).map(|(level, waiting)| {
                let (seq, time) = self.levels.at(waiting);
                LevelState { level, seq, time }
            });
            PartitionState {
                key: (&*partition.key).into(),
                events,
                // It matters only to a NOT that has seen nothing since.
                last_kept: Some(partition.last_kept)
                    .filter(|kept| {
                        let mut last = seen.iter().filter_map(|list| list.last());
                        last.any(|(seq, _)| seq <= kept)
                    })
                    .unwrap_or_default(),
                seen,
                level,
            }
        });
        let partitions = partitions.collect();
        let numbers: BTreeMap<u32, u32> = places.iter().copied().zip(0..).collect();
        WindowState {
            rule,
            due,
            partitions,
            fired: self
                .fired
                .iter()
                .map(|(time, at)| (*time, numbers[at]))
                .collect(),
        }
    }
}

impl WindowState<'_> {
    /// The window, in a leaflet whose clock is restored.
    pub(super) fn restore(
        self,
        rule: &Rule,
        leaflet: &Leaflet,
        records: &[RecordId],
        store: &mut Store,
    ) -> Result<Window> {
        let program = &rule.program;
        let mut window = rule.window();
        let (last, now) = (leaflet.seq, leaflet.max_time);
        require(
            self.partitions
                .windows(2)
                .all(|two| two[0].key < two[1].key),
            "its partitions are not in order",
        )?;
        // Everything goes in again in processing order, over all partitions.
        let mut events = Vec::new();
        let mut seen = Vec::new();
        let mut levels = Vec::new();
        for partition in &self.partitions {
            let parts = key_parts(&partition.key);
            let key = parts.iter().fold(PartitionKey::new(), |mut key, part| {
                push_part(&mut key, part);
                key
            });
            require(
                parts.len() == program.partition_by.len() && *key == *partition.key,
                "a partition's key is none",
            )?;
            require(partition.last_kept <= last, "a partition is of later")?;
            for (seq, record, buffers) in &partition.events {
                let record = records
                    .get(*record as usize)
                    .ok_or_else(|| misfit("a record is missing"))?;
                let known =
                    *buffers != 0 && program.buffers < 64 && buffers >> program.buffers == 0
                        || *buffers != 0 && program.buffers == 64;
                require(known && *seq <= last, "an event is of another atom")?;
                events.push((*seq, &partition.key, *record, *buffers));
            }
            for (absence, list) in partition.seen.iter().enumerate() {
                seen.extend(list.iter().map(|s| (*s, &partition.key, absence)));
            }
            if let Some(level) = &partition.level {
                levels.push((level.seq, &partition.key, level));
            }
        }
        events.sort_by_key(|(seq, ..)| *seq);
        require(
            events.windows(2).all(|two| two[0].0 < two[1].0),
            "an event stands twice",
        )?;
        seen.sort_by_key(|((seq, _), ..)| *seq);
        levels.sort_by_key(|(seq, ..)| *seq);
        let contributes = matches!(program.kind, Kind::Integrate(_));
        let absences = match &program.kind {
            Kind::Match(kind) => kind.absences.len(),
            Kind::Integrate(_) => 0,
        };
        for (seq, key, record, buffers) in events {
            let candidate = Candidate::new(seq, store.get(record).time(), record);
            require(candidate.time <= now, "an event is of later")?;
            if contributes {
                require(buffers.is_power_of_two(), "a contribution counts twice")?;
                let axon = AxonKey::parse(store.get(record).key()).name.into_owned();
                let buffer = buffers.trailing_zeros() as usize;
                window.contribute(key, buffer, candidate, &axon, store);
            } else {
                let buffers = members(buffers).map(usize::from);
                window.keep(key, buffers, candidate, store);
            }
        }
        for ((seq, time), key, absence) in seen {
            require(
                absence < absences && seq <= last && time <= now,
                "a NOT is missing",
            )?;
            window.note_seen(key, absence, seq, time);
        }
        for (seq, key, state) in levels {
            require(
                contributes && state.level.is_sound(now) && seq <= last && state.time <= now,
                "a level is not sound",
            )?;
            window.raise(key, seq, state.time, |level| *level = state.level);
        }
        for partition in &self.partitions {
            window.set_last_kept(&partition.key, partition.last_kept);
        }
        window.regrow();
        for (time, partition) in &self.fired {
            let partition = self
                .partitions
                .get(*partition as usize)
                .ok_or_else(|| misfit("a partition is missing"))?;
            require(
                program.limit.is_some() && *time <= leaflet.clock,
                "it counts for a LIMIT that is not there",
            )?;
            window.note_fired(&partition.key, *time);
        }
        let empty = |p: &PartitionState| window.partition(&p.key).is_none_or(|p| p.is_empty());
        require(
            !self.partitions.iter().any(empty),
            "a partition holds nothing",
        )?;
        Ok(window)
    }
}
