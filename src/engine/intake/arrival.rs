//! The event that has come in, as rules look at it.

use crate::engine::event::Event;
use crate::engine::expr::Scope;
use crate::engine::field::Documents;
use crate::engine::fields::Fields;
use crate::engine::index::Uses;
use crate::engine::matcher::scope::TRIGGER;
use crate::engine::partition::{push_part, Candidate, PartitionKey};
use crate::engine::record::Draft;
use crate::engine::rule::pattern::{members, set_of, AtomSet};
use crate::engine::rule::program::Program;
use crate::engine::store::{RecordId, Slot, Store};
use crate::engine::value::Value;
use smallvec::SmallVec;
use std::cell::OnceCell;

/// The event that has come in.
pub struct Arrival<'a> {
    pub(super) event: &'a Event<'a>,
    /// Milliseconds since the epoch.
    pub(super) time: u64,
    /// Its place in processing order.
    pub(super) seq: u64,
    pub(super) fields: &'a Fields,
    pub(super) uses: &'a Uses,
    /// Read when the first rule needs them: every field that any of its rules keeps.
    values: OnceCell<Values<'a>>,
    /// Made when the first rule needs it.
    pub(super) record: Option<RecordId>,
    pub(super) documents: Documents,
}

/// Values of fields, as the store numbers them.
type Values<'a> = SmallVec<[(Slot, Value<'a>); 4]>;

impl<'a> Arrival<'a> {
    /// An event of this time, at this place in processing order.
    pub(super) fn new(
        event: &'a Event<'a>,
        time: u64,
        seq: u64,
        fields: &'a Fields,
        uses: &'a Uses,
    ) -> Self {
        Self {
            event,
            time,
            seq,
            fields,
            uses,
            values: OnceCell::new(),
            record: None,
            documents: Documents::default(),
        }
    }

    /// The fields that its rules keep.
    pub(super) fn values(&self) -> &[(Slot, Value<'a>)] {
        self.values.get_or_init(|| {
            let read = |slot: &Slot| {
                let field = self.fields.get(*slot);
                (*slot, field.read_with(self.event, &self.documents))
            };
            self.uses.slots.iter().map(read).collect()
        })
    }

    /// What is kept of the event.
    pub(super) fn draft(&self) -> Draft<'_> {
        Draft::new(self.event, self.time, self.values())
    }

    /// As windows hold it.
    pub(super) fn candidate(&mut self, store: &mut Store) -> Candidate {
        let record = match self.record {
            Some(record) => record,
            None => *self.record.insert(store.insert(&self.draft())),
        };
        Candidate::new(self.seq, self.time, record)
    }

    /// As a search looks at it: it need not be in the store for that.
    pub(super) fn trigger(&self) -> Candidate {
        Candidate::new(self.seq, self.time, self.record.unwrap_or(TRIGGER))
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
