//! A leaflet's clock, windows, deadlines and held events.

use ahash::AHashMap;
use serde::{Deserialize, Serialize};

use super::domain::Records;
use super::window::WindowState;
use super::{misfit, require};
use crate::engine::deadline::Deadline;
use crate::engine::leaflet::{Leaflet, RuleId};
use crate::engine::processor::Rule;
use crate::engine::reorder::HeldState;
use crate::engine::rule::pattern::members;
use crate::engine::rule::program::Kind;
use crate::engine::store::{RecordId, Store};
use crate::engine::window::Window;
use crate::engine::Result;

/// A leaflet that has processed or held more events than this is none: numbers would run out.
const MOST_EVENTS: u64 = u64::MAX >> 1;

#[derive(Debug, Serialize, Deserialize)]
pub struct LeafletState<'a> {
    pub tag: Vec<u8>,
    max_time: u64,
    clock: u64,
    seq: u64,
    passed: u64,
    touched: bool,
    /// How many events were held so far.
    arrivals: u64,
    held: Vec<HeldState>,
    #[serde(borrow)]
    windows: Vec<WindowState<'a>>,
    deadlines: Vec<DeadlineState>,
}

#[derive(Debug, Serialize, Deserialize)]
struct DeadlineState {
    at: u64,
    seq: u64,
    /// The rule's place.
    rule: u32,
    partition: Vec<u8>,
    floor: u64,
    absences: u64,
}

impl Leaflet {
    pub(super) fn capture(
        &self,
        places: &AHashMap<RuleId, u32>,
        records: &mut Records,
    ) -> LeafletState<'_> {
        let due: AHashMap<RuleId, u64> = self.dues().collect();
        let mut windows: Vec<(u32, RuleId, &Window)> = self
            .windows()
            .filter_map(|(rule, window)| Some((*places.get(&rule)?, rule, window)))
            .collect();
        windows.sort_unstable_by_key(|(place, ..)| *place);
        let windows = windows.into_iter().map(|(place, rule, window)| {
            let due = due.get(&rule).copied().unwrap_or_default();
            window.capture(place, due, records)
        });
        let windows = windows.collect();
        // One whose last event is gone, with its rule or while it was paused, can't be met any more.
        let known = |deadline: &&Deadline| {
            let window = self.window(deadline.rule);
            let partition = window.and_then(|window| window.partition(&deadline.partition));
            partition.is_some_and(|partition| partition.find(deadline.seq).is_some())
        };
        let deadlines = self
            .all_deadlines()
            .filter(known)
            .map(|deadline| DeadlineState {
                at: deadline.at,
                seq: deadline.seq,
                rule: places.get(&deadline.rule).copied().unwrap_or_default(),
                partition: deadline.partition.to_vec(),
                floor: deadline.floor,
                absences: deadline.absences,
            });
        LeafletState {
            tag: self.tag.to_vec(),
            max_time: self.max_time,
            clock: self.clock,
            seq: self.seq,
            passed: self.passed,
            touched: self.touched,
            arrivals: self.held().arrivals(),
            held: self.held().capture(),
            windows,
            deadlines: deadlines.collect(),
        }
    }

    pub(super) fn restore(
        &mut self,
        state: LeafletState,
        rules: &[Rule],
        records: &[RecordId],
        store: &mut Store,
    ) -> Result<()> {
        require(
            state.max_time <= state.clock && state.passed <= state.clock,
            "its times are not in order",
        )?;
        require(
            state.seq <= MOST_EVENTS && state.arrivals <= MOST_EVENTS,
            "it has seen too many events",
        )?;
        self.max_time = state.max_time;
        self.clock = state.clock;
        self.seq = state.seq;
        self.passed = state.passed;
        self.touched = state.touched;
        self.restore_held(state.held, state.arrivals)?;
        for window in state.windows {
            let rule = rule_at(rules, window.rule)?;
            require(self.window(rule.id).is_none(), "a window stands twice")?;
            let due = window.due;
            let longest = rule.program.retention.longest();
            require(
                due <= self.clock.saturating_add(longest),
                "a window is kept for too long",
            )?;
            let window = window.restore(rule, self, records, store)?;
            self.put_window(rule.id, due, window);
        }
        for state in state.deadlines {
            let rule = rule_at(rules, state.rule)?;
            let Kind::Match(kind) = &rule.program.kind else {
                return Err(misfit("a deadline is of a rule without NOT"));
            };
            let waits = kind.waits();
            let own = waits
                .iter()
                .find(|(_, all)| state.absences & !all == 0 && state.absences != 0);
            let (wait, _) = own.ok_or_else(|| misfit("a deadline is of another NOT"))?;
            let window = self.window(rule.id);
            let partition = window.and_then(|window| window.partition(&state.partition));
            let (last, _) = partition
                .and_then(|partition| partition.find(state.seq))
                .ok_or_else(|| misfit("a deadline's last event is missing"))?;
            require(
                state.at == last.time.saturating_add(*wait),
                "a deadline is of another time",
            )?;
            let stands = |absence: usize| partition.is_some_and(|p| p.waits(state.seq, absence));
            require(
                !members(state.absences).map(usize::from).any(stands),
                "a deadline stands twice",
            )?;
            let deadline = Deadline {
                at: state.at,
                seq: state.seq,
                order: rule.order,
                rule: rule.id,
                partition: state.partition.into(),
                floor: state.floor,
                absences: state.absences,
            };
            self.add_deadline(deadline);
        }
        for rule in rules.iter().filter(|rule| rule.paused) {
            self.set_paused(rule.id, true);
        }
        Ok(())
    }
}

fn rule_at(rules: &[Rule], place: u32) -> Result<&Rule> {
    rules
        .get(place as usize)
        .ok_or_else(|| misfit("it is of other rules"))
}
