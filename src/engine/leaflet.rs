//! A leaflet: the state of one domain for one hash tag.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::rc::Rc;

use ahash::AHashMap;

use super::store::Store;
use super::window::Window;

/// A rule's number in its domain, never used twice.
pub type RuleId = u32;

/// How many things one event may let expire: more than one event can bring, so that nothing piles up, and few enough
/// that a jump in time does not stall the server. What is late to leave is not seen by any search.
const EXPIRE_SLICE: usize = 64;

/// The windows of a leaflet and its clock.
#[derive(Debug)]
pub struct Leaflet {
    pub tag: Rc<[u8]>,
    /// The largest time processed so far, ms.
    pub max_time: u64,
    /// How many events were processed.
    pub seq: u64,
    windows: AHashMap<RuleId, Window>,
    /// When to look for something that leaves a window: one entry a window. A window that consumption has emptied
    /// stays until then.
    due: BinaryHeap<Reverse<(u64, RuleId)>>,
    /// How many windows hold anything.
    live: usize,
    /// Kept in the domain's list of idle leaflets.
    pub listed: bool,
    /// Was fed since it was put into that list.
    pub touched: bool,
}

impl Leaflet {
    pub fn new(tag: Rc<[u8]>) -> Self {
        Self {
            tag,
            max_time: 0,
            seq: 0,
            windows: AHashMap::new(),
            due: BinaryHeap::new(),
            live: 0,
            listed: false,
            touched: false,
        }
    }

    /// It holds state that can still matter, apart from its clock.
    pub fn is_live(&self) -> bool {
        self.live > 0
    }

    /// Changes the window of a rule, which `new` makes where there is none. `due`: the time after which what is put
    /// into a new window has left it.
    pub fn with_window<T>(
        &mut self,
        rule: RuleId,
        due: u64,
        new: impl FnOnce() -> Window,
        change: impl FnOnce(&mut Window) -> T,
    ) -> T {
        let window = self.windows.entry(rule).or_insert_with(|| {
            self.due.push(Reverse((due, rule)));
            new()
        });
        let was_live = !window.is_empty();
        let result = change(window);
        self.live = self.live + usize::from(!window.is_empty()) - usize::from(was_live);
        result
    }

    /// Forgets what a rule held.
    pub fn forget(&mut self, rule: RuleId, store: &mut Store) {
        if let Some(mut window) = self.windows.remove(&rule) {
            self.live -= usize::from(!window.is_empty());
            window.clear(store);
            self.due.retain(|Reverse((_, of))| *of != rule);
        }
    }

    /// The window of a rule, if there is one.
    pub fn window(&self, rule: RuleId) -> Option<&Window> {
        self.windows.get(&rule)
    }

    /// Takes the next event's time; its place in processing order.
    pub fn advance(&mut self, time: u64) -> u64 {
        self.max_time = self.max_time.max(time);
        self.seq += 1;
        self.touched = true;
        self.seq
    }

    /// Lets go what has left the windows.
    pub fn expire(&mut self, store: &mut Store) {
        while let Some(&Reverse((due, rule))) = self.due.peek() {
            if due >= self.max_time {
                break;
            }
            self.due.pop();
            let Some(window) = self.windows.get_mut(&rule) else {
                continue;
            };
            let was_live = !window.is_empty();
            window.expire(self.max_time, EXPIRE_SLICE, store);
            self.live = self.live + usize::from(!window.is_empty()) - usize::from(was_live);
            let Some(due) = window.next_due() else {
                self.windows.remove(&rule);
                continue;
            };
            self.due.push(Reverse((due, rule)));
            if due < self.max_time {
                // The slice was used up: the rest goes with the next event.
                break;
            }
        }
    }
}
