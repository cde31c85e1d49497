//! The plain reasons: what the rule's counters and the state of its windows say.

use super::{shown, Asked, NAMED_TAGS};
use crate::engine::axons::doubt;
use crate::engine::domain::DomainSpec;
use crate::engine::leaflet::Leaflet;
use crate::engine::partition::Partition;
use crate::engine::report::{counted, duration, joined};
use crate::engine::rule::describe::WrittenAtom;
use crate::engine::rule::program::{Gap, Kind};
use crate::engine::tally::AtomTally;
use crate::engine::time::TimeSource;

/// The most atoms of which is said what came of their events.
const MOST_ATOMS: usize = 8;

impl Asked<'_> {
    /// Adds the reasons that need no search, the plainest first.
    pub fn plain_reasons(&self, partitions: &[&Partition], reasons: &mut Vec<String>) {
        let rule = self.rule;
        if let Some(fired) = rule.tally.fired {
            reasons.push(format!(
                "It has fired: {}, the last at {fired}.",
                counted(rule.stats.emitted, "time")
            ));
        }
        if rule.paused {
            reasons.push(format!(
                "It is paused and sees nothing (LEAFLET.RULE.RESUME {}).",
                rule.name
            ));
        }
        self.what_is_doubtful(reasons);
        self.what_was_turned_away(reasons);
        if rule.stats.events_seen == 0 {
            self.nothing_came(reasons);
        } else {
            self.what_came(partitions, reasons);
        }
        self.what_was_lost(reasons);
        self.what_is_here(partitions, reasons);
        self.what_was_held_back(reasons);
    }

    /// Axons that may be misspelt, where some have come.
    fn what_is_doubtful(&self, reasons: &mut Vec<String>) {
        let atoms = self.rule.program.atoms.iter().zip(&self.rule.tally.atoms);
        let silent = atoms.filter(|(_, tally)| tally.offered == 0);
        let mut doubts: Vec<String> = silent
            .filter_map(|(atom, _)| doubt(self.domain, atom.axon.as_ref()?))
            .collect();
        doubts.dedup();
        doubts.truncate(MOST_ATOMS);
        if self.domain.axons().next().is_some() {
            let sentence = |doubt: String| format!("{}{}.", doubt[..1].to_uppercase(), &doubt[1..]);
            reasons.extend(doubts.into_iter().map(sentence));
        }
    }

    /// What saccules have kept from the rule, or may have: they look at axons.
    fn what_was_turned_away(&self, reasons: &mut Vec<String>) {
        let saccules = self.domain.saccules.iter();
        let before = saccules.filter(|saccule| saccule.stands_before(&self.rule.program));
        let turned_away = before.filter_map(|saccule| {
            let (rejected, skipped) = (saccule.rejected(), saccule.skipped());
            let mut said = Vec::new();
            if rejected > 0 {
                let mut why: Vec<_> = saccule.reasons().collect();
                why.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
                why.truncate(MOST_ATOMS);
                let why = why.iter().map(|(why, count)| format!("{why}: {count}"));
                let why = why.collect::<Vec<_>>().join(", ");
                said.push(format!("rejected {} ({why})", counted(rejected, "event")));
            }
            if skipped > 0 {
                said.push(format!("skipped {}", counted(skipped, "event")));
            }
            let name = &saccule.name;
            (!said.is_empty()).then(|| format!("Saccule '{name}' has {}.", joined(&said, "and")))
        });
        reasons.extend(turned_away.take(MOST_ATOMS));
    }

    fn nothing_came(&self, reasons: &mut Vec<String>) {
        let spec = &self.domain.spec;
        let domain = self.domain.stats();
        if domain.events_seen == 0 {
            reasons.push(format!(
                "No event has come on the domain's axons ({}, database {}).",
                spec.axons.join(", "),
                spec.db
            ));
            return;
        }
        let mut sources: Vec<String> = Vec::new();
        for atom in &self.written.atoms {
            if !sources.contains(&atom.source) {
                sources.push(atom.source.clone());
            }
        }
        sources.truncate(MOST_ATOMS);
        reasons.push(format!(
            "No event that the rule reads ({}) has come since it was added or the server started; {} came in the domain.",
            joined(&sources, "or"),
            counted(domain.events_seen, "entry")
        ));
        for (count, why) in [
            (domain.events_untyped, "without a type"),
            (
                domain.events_untagged,
                "on untagged axons, which are not correlated in Redis Cluster",
            ),
            (domain.events_untimed, time_missing(spec)),
            (domain.events_ahead, "with a time too far ahead of their id"),
        ] {
            if count > 0 {
                reasons.push(format!("Of the domain's entries, {count} came {why}."));
            }
        }
    }

    /// What came of the events, by atom.
    fn what_came(&self, partitions: &[&Partition], reasons: &mut Vec<String>) {
        let atoms = self.written.atoms.iter().zip(&self.rule.tally.atoms);
        let said = (0..).zip(atoms).filter_map(|(number, (written, tally))| {
            // What is here without having been counted has survived a restart.
            let here = || self.waiting(usize::from(number), partitions) > 0;
            let worth_it = tally.fitted > 0 || self.needs(number) && !here();
            worth_it.then(|| what_fits(written, tally))?
        });
        let mut said: Vec<String> = said.collect();
        let more = said.len().saturating_sub(MOST_ATOMS);
        said.truncate(MOST_ATOMS);
        reasons.append(&mut said);
        if more > 0 {
            reasons.push(format!("And so for {more} more atoms."));
        }
        let tally = &self.rule.tally;
        if tally.unkeyed > 0 {
            reasons.push(format!(
                "Of the events that fit, {} had no {}, by which the rule is partitioned.",
                tally.unkeyed,
                joined(&self.written.partition_by, "or no")
            ));
        }
        if tally.weightless > 0 {
            reasons.push(format!(
                "Of the events that fit, {} had a WEIGHT that is NULL and added nothing.",
                tally.weightless
            ));
        }
    }

    /// No match is whole without this atom.
    fn needs(&self, atom: u8) -> bool {
        match &self.rule.program.kind {
            Kind::Match(rule) => {
                rule.tree.atoms & (1 << atom) != 0 && !rule.tree.can_do_without(atom)
            }
            // A single input can reach the threshold, but it is worth saying which has not come.
            Kind::Integrate(_) => true,
        }
    }

    fn what_was_lost(&self, reasons: &mut Vec<String>) {
        let stats = &self.rule.stats;
        let within = duration(self.rule.program.within);
        for (count, what) in [
            (
                stats.events_late,
                format!("came when they had left the window already (WITHIN {within})"),
            ),
            (
                stats.events_shed,
                "found no room in the window (leaflet.max-window-memory)".into(),
            ),
        ] {
            if count > 0 {
                reasons.push(format!("Of the events that fit, {count} {what}."));
            }
        }
        if stats.budget_cuts > 0 {
            reasons.push(format!(
                "The search was cut short at {} (leaflet.match-budget).",
                counted(stats.budget_cuts, "event")
            ));
        }
        let domain = self.domain.stats();
        if domain.events_late > 0 && self.domain.spec.time != TimeSource::Id {
            reasons.push(format!(
                "In the domain, {} came later than LATENESS allows or than a rule's window.",
                counted(domain.events_late, "event")
            ));
        }
        if domain.events_held > 0 {
            reasons.push(format!(
                "In the domain, {} still wait for LATENESS to pass.",
                counted(domain.events_held, "event")
            ));
        }
    }

    /// What the windows hold where it was asked.
    fn what_is_here(&self, partitions: &[&Partition], reasons: &mut Vec<String>) {
        if self.rule.stats.events_taken == 0 {
            return;
        }
        if partitions.is_empty() {
            let place = match self.tag.is_empty() {
                true => "The untagged leaflet".into(),
                false => format!("Leaflet '{}'", shown(self.tag)),
            };
            let key = self.key.as_ref();
            let partition = key.map(|key| self.partition(" in", key));
            let partition = partition.unwrap_or_default();
            reasons.push(format!("{place} holds nothing for the rule{partition}."));
            let others = self.other_tags();
            if !others.is_empty() {
                reasons.push(format!(
                    "There is something in {} (TAG asks for another leaflet).",
                    joined(&others, "and")
                ));
            }
        }
        let Kind::Match(rule) = &self.rule.program.kind else {
            return;
        };
        for (number, tally) in self.rule.tally.atoms.iter().enumerate() {
            let name = &self.written.atoms[number].name;
            let trailing = rule.absences.iter().any(|absence| {
                usize::from(absence.atom) == number && matches!(absence.place, Gap::Trailing { .. })
            });
            if trailing && tally.fitted > 0 {
                reasons.push(format!(
                    "{name} came {}: each ends the wait for it in its partition.",
                    counted(tally.fitted, "time")
                ));
            }
            let waits = self.rule.program.atoms[number].buffer.is_some();
            let here = self.waiting(number, partitions) > 0;
            if let (true, false, true, Some((id, time))) =
                (waits, here, self.needs(number as u8), tally.last)
            {
                reasons.push(self.gone(name, &id.to_string(), time));
            }
        }
    }

    /// Events have come for an atom, and none waits here.
    fn gone(&self, name: &str, id: &str, time: u64) -> String {
        let within = self.rule.program.within;
        let behind = self.time().saturating_sub(time);
        if self.leaflet.is_some() && behind > within {
            return format!(
                "No {name} is in the window: the last one ({id}) is {} behind the leaflet's time, and WITHIN is {}.",
                duration(behind),
                duration(within)
            );
        }
        format!("No {name} waits here: the last one ({id}) was used up, or came in another partition or leaflet.")
    }

    /// The tags of other leaflets in which the rule has something.
    fn other_tags(&self) -> Vec<String> {
        let holds = |leaflet: &&Leaflet| {
            let window = leaflet.window(self.rule.id);
            window.is_some_and(|window| !window.is_empty())
        };
        let mut tags: Vec<&[u8]> = Vec::new();
        // Few of many are wanted: the smallest, so that the answer does not depend on the order of a table.
        for leaflet in self.domain.leaflets().filter(holds) {
            let at = tags.binary_search(&&*leaflet.tag).unwrap_or_else(|at| at);
            tags.insert(at, &leaflet.tag);
            tags.truncate(NAMED_TAGS);
        }
        let name = |tag: &&[u8]| match tag.is_empty() {
            true => "the untagged leaflet".into(),
            false => format!("leaflet '{}'", shown(tag)),
        };
        tags.iter().map(name).collect()
    }

    /// Matches that were found and not emitted.
    fn what_was_held_back(&self, reasons: &mut Vec<String>) {
        let (stats, tally) = (&self.rule.stats, &self.rule.tally);
        if let (true, Some(having)) = (tally.having_failed > 0, &self.written.having) {
            let matches = counted(tally.having_failed, "match");
            reasons.push(format!("HAVING {having} was not TRUE for {matches}."));
        }
        if let (true, Some(limit)) = (stats.limited > 0, self.rule.program.limit) {
            let matches = counted(stats.limited, "match");
            reasons.push(format!(
                "LIMIT {} PER {} held back {matches}.",
                limit.count,
                duration(limit.per)
            ));
        }
        if stats.hops_cut > 0 {
            reasons.push(format!(
                "Matches that were led to by too many integrations: {} (leaflet.max-hops).",
                stats.hops_cut
            ));
        }
        if stats.emit_errors > 0 {
            reasons.push(format!(
                "Integrated events that could not be appended: {} (see the server's log).",
                stats.emit_errors
            ));
        }
    }
}

/// What came and did not fit an atom.
fn what_fits(written: &WrittenAtom, tally: &AtomTally) -> Option<String> {
    let AtomTally {
        offered, fitted, ..
    } = *tally;
    let (source, predicate) = (&written.source, &written.predicate);
    if offered == 0 {
        return Some(format!(
            "No {source} has come since the rule was added or the server started."
        ));
    }
    let unfit = match offered - fitted {
        0 => return None,
        unfit if unfit == offered => "none fits".into(),
        unfit => format!("{unfit} did not fit"),
    };
    Some(format!(
        "Of {offered} {source} that came, {unfit}: {predicate} was not TRUE."
    ))
}

fn time_missing(spec: &DomainSpec) -> &'static str {
    match spec.time {
        TimeSource::Id => "without a time",
        TimeSource::Field { .. } => "without a time that can be read in TIME FIELD",
    }
}
