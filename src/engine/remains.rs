//! What was dropped, let go a little at a time, so that nobody waits for a million small things to be freed.

use std::collections::VecDeque;
use std::rc::Rc;

use ahash::AHashMap;

use super::deadline::Deadline;
use super::index::Index;
use super::leaflet::Leaflet;
use super::leaflets::Leaflets;
use super::processor::Rule;
use super::store::Store;
use super::window::Window;

/// What a rule counts for, beside the small things of windows.
const RULE_PIECES: usize = 16;

/// What a domain held. It is counted nowhere any more.
#[derive(Debug)]
pub struct Remains {
    leaflets: Leaflets,
    /// How far they have come.
    next: u32,
    idle: VecDeque<Rc<[u8]>>,
    /// With their names and their index, where the domain is gone.
    pub rules: (Vec<Rule>, AHashMap<Rc<str>, u64>, Index),
    store: Store,
    leaflet: Option<Leaflet>,
    windows: Clearing,
}

impl Remains {
    pub fn new(
        leaflets: Leaflets,
        idle: VecDeque<Rc<[u8]>>,
        windows: Clearing,
        store: Store,
    ) -> Self {
        Self {
            leaflets,
            next: 0,
            idle,
            rules: Default::default(),
            store,
            leaflet: None,
            windows,
        }
    }

    /// Lets so many things go at most, which `left` counts down. True: nothing is left.
    pub fn free_some(&mut self, left: &mut usize) -> bool {
        while *left > 0 {
            if !self.windows.is_empty() {
                self.windows.clear_some(left, &mut self.store, |_, _| {});
            } else if let Some(leaflet) = &mut self.leaflet {
                if let Some(windows) = leaflet.drop_some(left) {
                    windows.for_each(|window| self.windows.add(&leaflet.tag, window));
                    self.leaflet = None;
                }
            } else if self.next < self.leaflets.end() {
                self.leaflet = self.leaflets.take(self.next);
                self.next += 1;
                *left -= 1;
            } else if let Some(rule) = self.rules.0.pop() {
                self.rules.1.remove(&rule.name);
                self.rules.2.remove(rule.order, &rule.program);
                *left = left.saturating_sub(RULE_PIECES);
            } else if self.idle.pop_front().is_some() {
                *left -= 1;
            } else {
                return true;
            }
        }
        false
    }
}

/// Windows that are cleared, one after the other.
#[derive(Debug, Default)]
pub struct Clearing {
    /// With the tags of their leaflets.
    windows: VecDeque<(Rc<[u8]>, Box<Window>)>,
    /// How far the first one has come.
    from: u32,
}

impl Clearing {
    pub fn is_empty(&self) -> bool {
        self.windows.is_empty()
    }

    pub fn add(&mut self, tag: &Rc<[u8]>, window: Box<Window>) {
        self.windows.push_back((Rc::clone(tag), window));
    }

    /// Lets so many things go at most, which `left` counts down. `gone` gets the deadlines, each with its leaflet's tag.
    pub fn clear_some(
        &mut self,
        left: &mut usize,
        store: &mut Store,
        mut gone: impl FnMut(&[u8], Deadline),
    ) {
        while let Some((tag, window)) = self.windows.front_mut().filter(|_| *left > 0) {
            if window.clear_some(&mut self.from, left, store, |deadline| gone(tag, deadline)) {
                self.windows.pop_front();
                self.from = 0;
                *left = left.saturating_sub(1);
            }
        }
    }
}
