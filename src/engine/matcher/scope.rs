//! What expressions see of a match, whole or in the making.

use std::cell::Cell;

use crate::engine::expr::Scope;
use crate::engine::partition::Candidate;
use crate::engine::store::{RecordId, Slot, Store};
use crate::engine::value::Value;

/// An event of a match and the atom it was given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Matched {
    pub atom: u8,
    pub event: Candidate,
}

/// Stands for the record of a trigger that is in no window, and has none: its fields are in [`MatchScope::trigger`].
pub const TRIGGER: RecordId = RecordId::MAX;

/// The events of a match, oldest first.
pub struct MatchScope<'a> {
    pub events: &'a [Matched],
    pub store: &'a Store,
    /// The rule's fields, as the store numbers them.
    pub slots: &'a [Slot],
    /// Of an INTEGRATE rule.
    pub level: Option<f64>,
    /// The fields of a [`TRIGGER`].
    pub trigger: &'a [(Slot, Value<'a>)],
    /// The steps that are left to a search, which pays for the texts it reads.
    pub budget: Option<&'a Cell<u64>>,
}

/// So many bytes of text cost as much as a step.
const BYTES_A_STEP: u64 = 256;

impl<'a> MatchScope<'a> {
    fn over(&self, over: Option<u8>) -> impl DoubleEndedIterator<Item = &'a Matched> {
        self.events
            .iter()
            .filter(move |m| over.is_none_or(|atom| m.atom == atom))
    }

    fn read(&self, matched: &Matched, field: u16) -> Value<'a> {
        let slot = self.slots[field as usize];
        let value = if matched.event.record == TRIGGER {
            let found = self.trigger.iter().find(|(known, _)| *known == slot);
            found.map_or(Value::Null, |(_, value)| value.as_ref())
        } else {
            self.store.get(matched.event.record).kept(slot)
        };
        if let (Some(budget), Value::Text(text)) = (self.budget, &value) {
            let steps = text.len() as u64 / BYTES_A_STEP;
            budget.set(budget.get().saturating_sub(steps));
        }
        value
    }
}

impl Scope for MatchScope<'_> {
    fn field(&self, atom: Option<u8>, field: u16) -> Value<'_> {
        self.over(atom)
            .next_back()
            .map_or(Value::Null, |last| self.read(last, field))
    }

    fn count(&self, over: Option<u8>) -> usize {
        self.over(over).count()
    }

    fn each(&self, over: Option<u8>, field: u16) -> impl DoubleEndedIterator<Item = Value<'_>> {
        self.over(over)
            .map(move |matched| self.read(matched, field))
    }

    fn level(&self) -> Value<'_> {
        self.level.map_or(Value::Null, Value::number)
    }
}
