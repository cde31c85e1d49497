//! `MATCH` rules: what matches end at a trigger, which of them counts, and what it uses up.

use leaflet::engine::rule::ast::{self, Atom, Consume, Expr, Select};

use super::event::Event;
use super::expr::{Bound, Scope};
use super::pattern::{Filling, Node, TooMany, Way};
use super::rule::{fits, name, Partition, Rule, State, Trigger};
use super::select::select;
use super::{Output, MAX_MATCHES};

#[derive(Debug)]
pub struct Match {
    pub pattern: Node,
    atoms: Vec<Atom>,
    filter: Option<Expr>,
    select: Select,
    consume: Consume,
    having: Option<Expr>,
}

impl Match {
    pub fn new(rule: &ast::Match) -> Self {
        let mut atoms = Vec::new();
        let select = rule.select.unwrap_or(Select::Last);
        let consume = match select {
            Select::All => Consume::None,
            _ => Consume::Matched,
        };
        Self {
            pattern: Node::new(&rule.pattern, &mut atoms),
            atoms,
            filter: rule.filter.clone(),
            select,
            consume: rule.consume.unwrap_or(consume),
            having: rule.having.clone(),
        }
    }

    pub fn fire(
        &self,
        rule: &Rule,
        history: &[Event],
        state: &mut State,
        partition: &Partition,
        trigger: Trigger,
    ) -> Result<Vec<Output>, TooMany> {
        let mut outputs = Vec::new();
        for way in self.selected(rule, history, state, partition, trigger)? {
            let bound = self.bind(&way, history);
            if !self
                .having
                .as_ref()
                .is_none_or(|e| Scope::Match(&bound).holds(e))
            {
                continue;
            }
            let confidence = 1.0 - span(&bound) as f64 / (2.0 * rule.within as f64);
            let time = trigger.time(history);
            outputs.extend(rule.emit(&bound, confidence, time, state, partition));
            match self.consume {
                Consume::Matched => state.consumed.extend(way.events()),
                Consume::Partition => {
                    state.forgotten.insert(partition.clone(), history.len());
                }
                Consume::None => {}
            }
        }
        Ok(outputs)
    }

    /// The matches that end at the trigger and are selected.
    fn selected(
        &self,
        rule: &Rule,
        history: &[Event],
        state: &State,
        partition: &Partition,
        trigger: Trigger,
    ) -> Result<Vec<Way>, TooMany> {
        let first = state.forgotten.get(partition).copied().unwrap_or(0);
        let used = state.used.range(first..).filter(|(_, p)| *p == partition);
        let used: Vec<usize> = used.map(|(number, _)| *number).collect();
        // What had left the window when the last event came can't be a source; of what is waited for, nothing is lost.
        let in_window = |number: usize| {
            let last = &history[trigger.last];
            number <= trigger.last && last.clock <= history[number].time() + rule.within
        };
        let taken = |atom: &Atom, number: usize| fits(atom, &history[number]);
        let sources = |atom: &Atom| {
            let free = used
                .iter()
                .filter(|number| !state.consumed.contains(number));
            let free = free.filter(|number| in_window(**number) && taken(atom, **number));
            free.copied().collect::<Vec<usize>>()
        };
        let seen = |atom: &Atom| {
            let seen = used.iter().filter(|number| taken(atom, **number));
            seen.copied().collect()
        };
        let filling = Filling {
            atoms: &self.atoms,
            sources: self.atoms.iter().map(sources).collect(),
            seen: self.atoms.iter().map(seen).collect(),
            times: history.iter().map(Event::time).collect(),
            within: rule.within,
        };
        if !filling
            .sources
            .iter()
            .any(|events| events.contains(&trigger.last))
        {
            return Ok(Vec::new());
        }
        let mut ways = filling.ways(&self.pattern)?;
        ways.retain(|way| {
            let bound = self.bind(way, history);
            way.events().last() == Some(&trigger.last)
                && way.deadline() == trigger.deadline
                && span(&bound) <= rule.within
                && self
                    .filter
                    .as_ref()
                    .is_none_or(|e| Scope::Match(&bound).holds(e))
        });
        Ok(select(ways, self.select, MAX_MATCHES))
    }

    fn bind<'h>(&self, way: &Way, history: &'h [Event]) -> Bound<'h> {
        let events = |numbers: Vec<usize>| -> Vec<&'h Event> {
            numbers.into_iter().map(|number| &history[number]).collect()
        };
        let atoms = self.atoms.iter().enumerate();
        Bound {
            atoms: atoms
                .filter_map(|(i, atom)| Some((name(atom)?, events(way.of_atom(i)))))
                .collect(),
            all: events(way.events()),
            level: None,
        }
    }
}

/// The largest minus the smallest time.
fn span(bound: &Bound) -> u64 {
    let times = || bound.all.iter().map(|event| event.time());
    times().max().unwrap_or(0) - times().min().unwrap_or(0)
}
