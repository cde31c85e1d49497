//! A domain's records and leaflets.

use std::rc::Rc;

use ahash::AHashMap;
use serde::{Deserialize, Serialize};

use super::bytes::Bytes;
use super::leaflet::LeafletState;
use super::{misfit, require};
use crate::engine::emission::Wake;
use crate::engine::event::EntryId;
use crate::engine::field::FieldRef;
use crate::engine::leaflet::{Leaflet, RuleId};
use crate::engine::processor::Domain;
use crate::engine::record::{Draft, Record};
use crate::engine::store::{RecordId, Slot, Store};
use crate::engine::value::Value;
use crate::engine::Result;

#[derive(Debug, Serialize, Deserialize)]
pub struct DomainState<'a> {
    /// The fields that records keep, each once: a name and a path.
    fields: Vec<(String, Vec<String>)>,
    #[serde(borrow)]
    records: Vec<RecordState<'a>>,
    /// By tag.
    #[serde(borrow)]
    leaflets: Vec<LeafletState<'a>>,
    /// Places of idle leaflets, in the order in which they are given up.
    idle: Vec<u32>,
}

#[derive(Debug, Serialize, Deserialize)]
struct RecordState<'a> {
    time: u64,
    id: (u64, u64),
    hops: u32,
    /// Key, type and the standard fields.
    #[serde(borrow)]
    parts: [Option<Bytes<'a>>; Record::PARTS],
    /// By the numbers of the fields.
    #[serde(borrow)]
    kept: Vec<(u32, ValueState<'a>)>,
}

#[derive(Debug, Serialize, Deserialize)]
enum ValueState<'a> {
    Bool(bool),
    Number(f64),
    #[serde(borrow)]
    Text(Bytes<'a>),
}

/// Gives the records of a snapshot their numbers, as they are met.
#[derive(Default)]
pub struct Records {
    numbers: AHashMap<RecordId, u32>,
    order: Vec<RecordId>,
}

impl Records {
    pub fn number(&mut self, id: RecordId) -> u32 {
        *self.numbers.entry(id).or_insert_with(|| {
            self.order.push(id);
            (self.order.len() - 1) as u32
        })
    }
}

impl Domain {
    /// What its leaflets hold.
    pub fn capture(&self) -> DomainState<'_> {
        let mut records = Records::default();
        let mut leaflets: Vec<&Leaflet> = self.leaflets.iter().collect();
        leaflets.sort_unstable_by(|a, b| a.tag.cmp(&b.tag));
        let place = |tag: &Rc<[u8]>| {
            let place = leaflets.binary_search_by(|leaflet| leaflet.tag.cmp(tag));
            place.ok().map(|place| place as u32)
        };
        let places: AHashMap<RuleId, u32> =
            self.rules.iter().map(|rule| rule.id).zip(0..).collect();
        let idle = self.idle.iter().filter_map(place).collect();
        let leaflets = leaflets
            .iter()
            .map(|leaflet| leaflet.capture(&places, &mut records))
            .collect();
        let mut fields = Vec::new();
        let mut numbers = AHashMap::new();
        let records = records
            .order
            .iter()
            .map(|id| {
                let record = self.store.get(*id);
                // A field that no rule keeps any more is of no use.
                let kept = record.kept_slots();
                let kept = kept.filter(|(slot, _)| self.fields.is_used(*slot));
                let kept = kept.filter_map(|(slot, value)| {
                    let value = capture(value)?;
                    let number = *numbers.entry(slot).or_insert_with(|| {
                        let field = self.fields.get(slot);
                        fields.push((field.field.to_string(), field.path.to_vec()));
                        (fields.len() - 1) as u32
                    });
                    Some((number, value))
                });
                RecordState {
                    time: record.time(),
                    id: (record.id().ms, record.id().seq),
                    hops: record.hops(),
                    parts: record.parts().map(|part| part.map(Bytes::from)),
                    kept: kept.collect(),
                }
            })
            .collect();
        DomainState {
            fields,
            records,
            leaflets,
            idle,
        }
    }

    /// Takes over what a domain of the same definition held.
    pub fn restore(&mut self, state: DomainState, wakes: &mut Vec<Wake>) -> Result<()> {
        let slots = state.fields.iter().map(|(field, path)| {
            self.fields.find(&FieldRef {
                field: field.as_str().into(),
                path: path.as_slice().into(),
            })
        });
        let slots: Vec<Option<Slot>> = slots.collect();
        let mut records = Vec::with_capacity(state.records.len().min(1 << 16));
        for record in state.records {
            records.push(restore(record, &slots, &mut self.store)?);
        }
        let mut tags: Vec<Rc<[u8]>> = Vec::new();
        for leaflet in state.leaflets {
            require(
                tags.last().is_none_or(|last| **last < *leaflet.tag),
                "its leaflets are not in order",
            )?;
            let tag: Rc<[u8]> = leaflet.tag.as_slice().into();
            tags.push(Rc::clone(&tag));
            let mut new = Leaflet::new(Rc::clone(&tag), &self.meter, &self.held);
            new.restore(leaflet, &self.rules, &records, &mut self.store)?;
            self.live += u64::from(new.is_live());
            if let Some(needed) = new.waits_for(self.spec.time.lateness()) {
                wakes.push(Wake {
                    domain: Rc::clone(&self.name),
                    tag: Rc::clone(&tag),
                    after: Some(needed.saturating_sub(new.clock)),
                });
            }
            self.leaflets.insert(new);
        }
        // Each window that needs a record holds it now.
        records.into_iter().for_each(|id| self.store.release(id));
        for place in state.idle {
            let tag = tags
                .get(place as usize)
                .ok_or_else(|| misfit("an idle leaflet is missing"))?;
            if let Some(leaflet) = self.leaflets.get_mut(tag) {
                require(!leaflet.listed, "a leaflet is idle twice")?;
                leaflet.listed = true;
            }
            self.idle.push_back(Rc::clone(tag));
        }
        let known = |leaflet: &Leaflet| leaflet.is_live() || leaflet.listed;
        require(self.leaflets.iter().all(known), "a leaflet is lost")
    }
}

fn capture(value: Value<'_>) -> Option<ValueState<'_>> {
    match value {
        Value::Null => None,
        Value::Bool(b) => Some(ValueState::Bool(b)),
        Value::Number(n) => Some(ValueState::Number(n)),
        Value::Text(text) => Some(ValueState::Text(Bytes(text))),
    }
}

fn restore(state: RecordState, slots: &[Option<Slot>], store: &mut Store) -> Result<RecordId> {
    let mut kept = Vec::with_capacity(state.kept.len());
    for (field, value) in state.kept {
        let slot = slots
            .get(field as usize)
            .ok_or_else(|| misfit("a field is missing"))?;
        let value = match value {
            ValueState::Bool(b) => Value::Bool(b),
            ValueState::Number(n) => Value::number(n),
            ValueState::Text(text) => Value::Text(text.0),
        };
        kept.extend(slot.map(|slot| (slot, value)));
    }
    let id = EntryId {
        ms: state.id.0,
        seq: state.id.1,
    };
    Ok(store.insert(&Draft {
        time: state.time,
        id,
        hops: state.hops,
        parts: std::array::from_fn(|i| state.parts[i].as_deref()),
        values: &kept,
    }))
}
