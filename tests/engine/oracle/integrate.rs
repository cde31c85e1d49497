//! `INTEGRATE` rules: a level that decays, and fires at a threshold.

use std::collections::BTreeSet;

use leaflet::engine::rule::ast::{self, Input, Reset};

use super::event::Event;
use super::expr::{Bound, Scope};
use super::rule::{fits, millis, name, Partition, Rule, State};
use super::{Output, MAX_SOURCES};

#[derive(Debug)]
pub struct Integrate {
    inputs: Vec<Input>,
    decay: u64,
    threshold: f64,
    from_axons: usize,
    refractory: u64,
    reset: Reset,
}

/// The level of one partition.
#[derive(Debug, Default)]
pub struct Level {
    level: f64,
    /// The time up to which the level has decayed.
    last: u64,
    fired: Option<u64>,
    /// Since it last fired: the event and the input that took it.
    contributions: Vec<(usize, usize)>,
}

impl Integrate {
    pub fn new(rule: &ast::Integrate) -> Self {
        Self {
            inputs: rule.inputs.clone(),
            decay: millis(rule.decay),
            threshold: rule.threshold,
            from_axons: rule.from_axons.unwrap_or(1) as usize,
            refractory: rule.refractory.map_or(0, millis),
            reset: rule.reset.unwrap_or(Reset::Zero),
        }
    }

    pub fn fire(
        &self,
        rule: &Rule,
        history: &[Event],
        state: &mut State,
        partition: &Partition,
        number: usize,
    ) -> Option<Output> {
        let event = &history[number];
        let fitting = |input: &Input| fits(&input.atom, event);
        let place = self.inputs.iter().position(fitting)?;
        let weight = match &self.inputs[place].weight {
            Some(weight) => Scope::Event(event).eval(weight).as_number()?,
            None => 1.0,
        };
        let state_level = state.levels.entry(partition.clone()).or_default();
        let time = event.time();
        if time > state_level.last {
            let passed = (time - state_level.last) as f64;
            state_level.level *= libm::exp(-passed / self.decay as f64);
            state_level.last = time;
        }
        state_level.level += weight;
        state_level.contributions.push((number, place));

        let within =
            |(number, _): &&(usize, usize)| event.clock <= history[*number].time() + rule.within;
        let contributions: Vec<(usize, usize)> = state_level
            .contributions
            .iter()
            .filter(within)
            .copied()
            .collect();
        let axons: BTreeSet<String> = contributions
            .iter()
            .map(|(number, _)| history[*number].axon())
            .collect();
        let rested = state_level
            .fired
            .is_none_or(|fired| time >= fired + self.refractory);
        let level = state_level.level;
        if level < self.threshold || axons.len() < self.from_axons || !rested {
            return None;
        }
        state_level.level = match self.reset {
            Reset::Zero => 0.0,
            Reset::Subtract => level - self.threshold,
        };
        state_level.contributions.clear();
        state_level.fired = Some(time);

        let newest = contributions.len().saturating_sub(MAX_SOURCES);
        let sources = &contributions[newest..];
        let of_input = |place: usize| {
            let taken = sources.iter().filter(move |(_, taken)| *taken == place);
            taken.map(|(number, _)| &history[*number]).collect()
        };
        let inputs = self.inputs.iter().enumerate();
        let bound = Bound {
            atoms: inputs
                .filter_map(|(place, input)| Some((name(&input.atom)?, of_input(place))))
                .collect(),
            all: sources
                .iter()
                .map(|(number, _)| &history[*number])
                .collect(),
            level: Some(level),
        };
        rule.emit(
            &bound,
            level / (level + self.threshold),
            time,
            state,
            partition,
        )
    }
}
