//! The fields that a domain's rules keep of events: rules that name the same field share one slot.

use ahash::AHashMap;

use super::field::FieldRef;
use super::store::Slot;
use super::{Error, Result};

/// The slots of a domain. A slot is given away again when no rule uses it; records that still hold the old field
/// are older than the new rule, which therefore never looks at them.
#[derive(Debug, Default)]
pub struct Fields {
    slots: Vec<(FieldRef, u32)>,
    index: AHashMap<FieldRef, Slot>,
    free: Vec<Slot>,
}

impl Fields {
    /// The slot of a field, for one rule more.
    ///
    /// # Errors
    /// Where all 65,536 slots are taken.
    pub fn acquire(&mut self, field: &FieldRef) -> Result<Slot> {
        if let Some(&slot) = self.index.get(field) {
            self.slots[slot as usize].1 += 1;
            return Ok(slot);
        }
        let slot = match self.free.pop() {
            Some(slot) => {
                self.slots[slot as usize] = (field.clone(), 1);
                slot
            }
            None => {
                let slot = Slot::try_from(self.slots.len()).map_err(|_| {
                    Error::new("the domain's rules name more than 65536 different fields")
                })?;
                self.slots.push((field.clone(), 1));
                slot
            }
        };
        self.index.insert(field.clone(), slot);
        Ok(slot)
    }

    /// The slot of a field, if a rule uses it.
    pub fn find(&self, field: &FieldRef) -> Option<Slot> {
        self.index.get(field).copied()
    }

    /// One rule less uses the slot.
    pub fn release(&mut self, slot: Slot) {
        let (field, users) = &mut self.slots[slot as usize];
        *users -= 1;
        if *users == 0 {
            self.index.remove(field);
            self.free.push(slot);
        }
    }

    /// The field of a slot.
    pub fn get(&self, slot: Slot) -> &FieldRef {
        &self.slots[slot as usize].0
    }

    /// A rule uses the slot.
    pub fn is_used(&self, slot: Slot) -> bool {
        self.slots[slot as usize].1 > 0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slots_are_shared_and_used_again() {
        let mut fields = Fields::default();
        let field = |name: &str| FieldRef::new(&[name.to_string()]);
        let a = fields.acquire(&field("a")).unwrap();
        assert_eq!(fields.acquire(&field("a")).unwrap(), a);
        let b = fields.acquire(&field("b")).unwrap();
        assert_ne!(a, b);
        fields.release(a);
        assert_eq!(fields.get(a), &field("a"));
        fields.release(a);
        assert!(!fields.is_used(a));
        assert_eq!(fields.acquire(&field("c")).unwrap(), a);
        assert!(fields.is_used(a));
        assert_eq!(fields.get(a), &field("c"));
    }
}
