//! What was dropped, let go a little at a time, so that nobody waits for a million small things to be freed.

use std::collections::hash_map::IntoIter;
use std::collections::VecDeque;
use std::rc::Rc;

use ahash::AHashMap;

use super::deadline::Deadline;
use super::index::Index;
use super::leaflet::Leaflet;
use super::processor::Rule;
use super::store::Store;
use super::window::Window;

/// What a rule counts for, beside the small things of windows.
const RULE_PIECES: usize = 16;

/// What a domain held. It is counted nowhere any more.
#[derive(Debug)]
pub struct Remains {
    leaflets: IntoIter<Rc<[u8]>, Leaflet>,
    idle: VecDeque<Rc<[u8]>>,
    /// With their names and their index, where the domain is gone.
    pub rules: (Vec<Rule>, AHashMap<Rc<str>, u64>, Index),
    store: Store,
    leaflet: Option<Leaflet>,
    windows: Clearing,
}

impl Remains {
    pub fn new(
        leaflets: AHashMap<Rc<[u8]>, Leaflet>,
        idle: VecDeque<Rc<[u8]>>,
        windows: Clearing,
        store: Store,
    ) -> Self {
        // The map of ahash is one of the standard library's with another hasher.
        let leaflets: std::collections::HashMap<_, _, _> = leaflets.into();
        Self {
            leaflets: leaflets.into_iter(),
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
                    windows
                        .into_iter()
                        .for_each(|window| self.windows.add(&leaflet.tag, window));
                    self.leaflet = None;
                }
            } else if let Some((_, leaflet)) = self.leaflets.next() {
                self.leaflet = Some(leaflet);
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
    from: usize,
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
