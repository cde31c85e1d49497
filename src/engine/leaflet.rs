//! A leaflet: the state of one domain for one hash tag.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::mem::size_of;
use std::rc::Rc;

use ahash::AHashMap;

use super::meter::Meter;
use super::store::Store;
use super::window::Window;

/// A rule's number in its domain, never used twice.
pub type RuleId = u32;

/// How many things one event may let expire: more than one event can bring, so that nothing piles up, and few enough
/// that a jump in time does not stall the server. What is late to leave is not seen by any search.
const EXPIRE_SLICE: usize = 64;

/// What a leaflet takes apart from its windows and its tag: its place in the domain's table, which is partly
/// empty, and the first blocks of its own table and heap.
const LEAFLET_BYTES: usize = 3 * size_of::<(Rc<[u8]>, Leaflet)>() / 2 + 192;

/// The windows of a leaflet and its clock.
#[derive(Debug)]
pub struct Leaflet {
    pub tag: Rc<[u8]>,
    /// The largest time processed so far, ms.
    pub max_time: u64,
    /// How many events were processed.
    pub seq: u64,
    windows: AHashMap<RuleId, Box<Window>>,
    /// When to look for something that leaves a window: one entry a window. A window that consumption has emptied
    /// stays until then.
    due: BinaryHeap<Reverse<(u64, RuleId)>>,
    /// How many windows hold anything.
    live: usize,
    /// Kept in the domain's list of idle leaflets.
    pub listed: bool,
    /// Was fed since it was put into that list.
    pub touched: bool,
    /// The domain's.
    meter: Rc<Meter>,
}

impl Leaflet {
    /// A leaflet that counts with this meter what it takes while it is live.
    pub fn new(tag: Rc<[u8]>, meter: &Rc<Meter>) -> Self {
        Self {
            tag,
            meter: Rc::clone(meter),
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
            Box::new(new())
        });
        let (result, was_live, is_live) = changed(window, change);
        self.note(was_live, is_live);
        result
    }

    /// Changes the window of a rule, where there is one.
    pub fn with_known_window(&mut self, rule: RuleId, change: impl FnOnce(&mut Window)) {
        if let Some(window) = self.windows.get_mut(&rule) {
            let ((), was_live, is_live) = changed(window, change);
            self.note(was_live, is_live);
        }
    }

    /// Takes note of what became of one window.
    fn note(&mut self, was_live: bool, is_live: bool) {
        let before = self.live;
        self.live = before + usize::from(is_live) - usize::from(was_live);
        let bytes = (LEAFLET_BYTES + self.tag.len()) as u64;
        match (before, self.live) {
            (0, 1) => self.meter.add_bytes(bytes),
            (1, 0) => self.meter.remove_bytes(bytes),
            _ => {}
        }
    }

    /// Gives back what a leaflet that is not live keeps to be faster when it becomes live again.
    pub fn shrink(&mut self) {
        self.windows = AHashMap::new();
        self.due = BinaryHeap::new();
    }

    /// Forgets what a rule held.
    pub fn forget(&mut self, rule: RuleId, store: &mut Store) {
        if let Some(mut window) = self.windows.remove(&rule) {
            self.note(!window.is_empty(), false);
            window.clear(store);
            self.due.retain(|Reverse((_, of))| *of != rule);
        }
    }

    /// The window of a rule, if there is one.
    pub fn window(&self, rule: RuleId) -> Option<&Window> {
        self.windows.get(&rule).map(Box::as_ref)
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
            let (due, was_live, is_live) = changed(window, |window| {
                window.expire(self.max_time, EXPIRE_SLICE, store);
                window.next_due()
            });
            self.note(was_live, is_live);
            let Some(due) = due else {
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

/// Changes a window: the change's result, and whether the window held anything before and after.
fn changed<T>(window: &mut Window, change: impl FnOnce(&mut Window) -> T) -> (T, bool, bool) {
    let was_live = !window.is_empty();
    let result = change(window);
    (result, was_live, !window.is_empty())
}
