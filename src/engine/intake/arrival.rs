//! The event that has come in, as rules look at it.

use crate::engine::event::Event;
use crate::engine::expr::Scope;
use crate::engine::field::Documents;
use crate::engine::fields::Fields;
use crate::engine::index::Uses;
use crate::engine::partition::{push_part, Candidate, PartitionKey};
use crate::engine::rule::pattern::{members, set_of, AtomSet};
use crate::engine::rule::program::Program;
use crate::engine::store::{Record, RecordId, Slot, Store};
use crate::engine::value::Value;
use smallvec::SmallVec;

/// The event that has come in.
pub struct Arrival<'a> {
    pub(super) event: &'a Event<'a>,
    /// Milliseconds since the epoch.
    pub(super) time: u64,
    /// Its place in processing order.
    pub(super) seq: u64,
    pub(super) fields: &'a Fields,
    pub(super) uses: &'a Uses,
    /// Made when the first rule needs it.
    pub(super) record: Option<RecordId>,
    pub(super) documents: Documents,
}

impl<'a> Arrival<'a> {
    /// As windows hold it, with every field that any of its rules keeps.
    pub(super) fn candidate(&mut self, store: &mut Store) -> Candidate {
        let record = *self.record.get_or_insert_with(|| {
            let read = |slot: &Slot| {
                let field = self.fields.get(*slot);
                (*slot, field.read_with(self.event, &self.documents))
            };
            let values: SmallVec<[_; 4]> = self.uses.slots.iter().map(read).collect();
            store.insert(Record::new(self.event, self.time, &values))
        });
        Candidate::new(self.seq, self.time, record)
    }

    /// Those of the atoms whose predicates hold.
    pub(super) fn fits(&self, program: &Program, atoms: AtomSet) -> AtomSet {
        let scope = self.scope(program);
        let holds = |atom: &u8| {
            let predicate = &program.atoms[*atom as usize].predicate;
            predicate.as_ref().is_none_or(|p| p.holds(&scope))
        };
        set_of(members(atoms).filter(holds))
    }

    /// `None` where a part of the key is NULL.
    pub(super) fn partition_key(&self, program: &Program) -> Option<PartitionKey> {
        let mut key = SmallVec::new();
        for field in &program.partition_by {
            let text = program.fields[*field as usize]
                .read_with(self.event, &self.documents)
                .into_text()?;
            push_part(&mut key, &text);
        }
        Some(key)
    }

    pub(super) fn scope<'s>(&'s self, program: &'s Program) -> EventScope<'s> {
        EventScope {
            event: self.event,
            documents: &self.documents,
            program,
        }
    }
}

/// What a predicate sees: the event alone.
pub(super) struct EventScope<'a> {
    event: &'a Event<'a>,
    documents: &'a Documents,
    program: &'a Program,
}

impl Scope for EventScope<'_> {
    fn field(&self, _: Option<u8>, field: u16) -> Value<'_> {
        self.program.fields[field as usize].read_with(self.event, self.documents)
    }

    fn count(&self, _: Option<u8>) -> usize {
        1
    }

    fn each(&self, _: Option<u8>, field: u16) -> impl DoubleEndedIterator<Item = Value<'_>> {
        std::iter::once(self.field(None, field))
    }
}
