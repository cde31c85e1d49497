//! What windows hold, counted where it changes.

use std::cell::Cell;
use std::rc::Rc;

/// Counts what one part of the engine holds; its bytes count for the part it belongs to as well.
#[derive(Debug, Default)]
pub struct Meter {
    events: Cell<u64>,
    partitions: Cell<u64>,
    bytes: Cell<u64>,
    parent: Option<Rc<Meter>>,
    /// What it counts counts for the parent no more.
    alone: Cell<bool>,
}

impl Meter {
    /// A meter of a part of `parent`.
    pub fn child(parent: &Rc<Meter>) -> Rc<Self> {
        Rc::new(Self {
            parent: Some(Rc::clone(parent)),
            ..Self::default()
        })
    }

    /// From here on it counts for itself alone; a new one, which has counted nothing, takes its place in the whole.
    pub fn replace(&self) -> Rc<Self> {
        if let Some(parent) = self.whole() {
            parent.remove_bytes(self.bytes.get());
        }
        self.alone.set(true);
        Rc::new(Self {
            parent: self.parent.clone(),
            ..Self::default()
        })
    }

    fn whole(&self) -> Option<&Self> {
        self.parent.as_deref().filter(|_| !self.alone.get())
    }

    pub fn events(&self) -> u64 {
        self.events.get()
    }

    pub fn partitions(&self) -> u64 {
        self.partitions.get()
    }

    pub fn bytes(&self) -> u64 {
        self.bytes.get()
    }

    pub fn add_event(&self) {
        self.events.set(self.events.get() + 1);
    }

    pub fn remove_event(&self) {
        self.events.set(self.events.get() - 1);
    }

    pub fn add_partition(&self) {
        self.partitions.set(self.partitions.get() + 1);
    }

    pub fn remove_partition(&self) {
        self.partitions.set(self.partitions.get() - 1);
    }

    pub fn add_bytes(&self, bytes: u64) {
        self.bytes.set(self.bytes.get() + bytes);
        if let Some(parent) = self.whole() {
            parent.add_bytes(bytes);
        }
    }

    pub fn remove_bytes(&self, bytes: u64) {
        self.bytes.set(self.bytes.get() - bytes);
        if let Some(parent) = self.whole() {
            parent.remove_bytes(bytes);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_count_for_the_whole() {
        let whole = Rc::new(Meter::default());
        let (a, b) = (Meter::child(&whole), Meter::child(&whole));
        a.add_bytes(5);
        b.add_bytes(7);
        b.add_event();
        a.remove_bytes(2);
        assert_eq!((whole.bytes(), a.bytes(), b.events()), (10, 3, 1));
        let part = Meter::child(&b);
        part.add_bytes(1);
        let new = b.replace();
        assert_eq!((whole.bytes(), b.bytes(), new.bytes()), (3, 8, 0));
        part.remove_bytes(1);
        new.add_bytes(2);
        assert_eq!((whole.bytes(), b.bytes(), new.events()), (5, 7, 0));
    }
}
