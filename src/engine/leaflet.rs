//! A leaflet: the state of one domain for one hash tag.

use std::cmp::Reverse;
use std::collections::{BTreeSet, BinaryHeap};
use std::mem::size_of;
use std::rc::Rc;

use ahash::AHashMap;

use super::deadline::Deadline;
use super::emission::Wake;
use super::event::Event;
use super::meter::Meter;
use super::partition::Key;
use super::reorder::{Held, HeldState, Reorder};
use super::store::Store;
use super::window::Window;
use super::Result;

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
    /// Events that wait for their time to come.
    held: Reorder,
    /// The largest time seen so far, and what has passed in silence since: deadlines are met by it.
    pub clock: u64,
    /// How many events were processed.
    pub seq: u64,
    windows: AHashMap<RuleId, Box<Window>>,
    /// When to look for something that leaves a window: one entry a window. A window that consumption has emptied
    /// stays until then.
    due: BinaryHeap<Reverse<(u64, RuleId)>>,
    /// The deadlines of all rules. Boxed, as most leaflets have one or none, and the tree keeps room for several.
    deadlines: BTreeSet<Box<Deadline>>,
    /// Those before this time (ms) should have been met; where the last event did not get through, some are left.
    pub(super) passed: u64,
    /// Those of paused rules.
    stopped: BTreeSet<Box<Deadline>>,
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
    /// A leaflet that counts with the one meter what it takes while it is live, and with the other what it holds back.
    pub fn new(tag: Rc<[u8]>, meter: &Rc<Meter>, held: &Rc<Meter>) -> Self {
        Self {
            tag,
            meter: Rc::clone(meter),
            max_time: 0,
            held: Reorder::new(held),
            passed: 0,
            clock: 0,
            seq: 0,
            windows: AHashMap::new(),
            due: BinaryHeap::new(),
            deadlines: BTreeSet::new(),
            stopped: BTreeSet::new(),
            live: 0,
            listed: false,
            touched: false,
        }
    }

    /// It holds state that can still matter, apart from its clock.
    pub fn is_live(&self) -> bool {
        self.live > 0 || self.next_held().is_some()
    }

    /// The time of the earliest event held, ms.
    pub fn next_held(&self) -> Option<u64> {
        self.held.next()
    }

    /// At most what it takes to hold an event.
    pub fn bytes_to_hold(&self, event: &Event<'_>) -> u64 {
        Reorder::bytes_of(event) + Reorder::BASE_BYTES + self.own_bytes()
    }

    /// The events that wait for their time to come.
    pub fn held(&self) -> &Reorder {
        &self.held
    }

    /// Takes over events that were held, and how many had been so far.
    ///
    /// # Errors
    /// Where they make no sense.
    pub fn restore_held(&mut self, held: Vec<HeldState>, arrivals: u64) -> Result<()> {
        let was_live = self.is_live();
        let result = self.held.restore(held, arrivals);
        self.count(was_live);
        result
    }

    /// Holds an event of this time (ms).
    pub fn hold(&mut self, event: &Event<'_>, time: u64) {
        let was_live = self.is_live();
        self.held.hold(event, time);
        self.count(was_live);
    }

    /// The next event whose time has come when none before `watermark` (ms) can come any more; its time and itself.
    pub fn release(&mut self, watermark: u64) -> Option<(u64, Held)> {
        let was_live = self.is_live();
        let released = self.held.release(watermark);
        self.count(was_live);
        released
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
        let before = self.is_live();
        self.live = self.live + usize::from(is_live) - usize::from(was_live);
        self.count(before);
    }

    /// Counts what the leaflet itself takes, while it is live.
    fn count(&self, was_live: bool) {
        match (was_live, self.is_live()) {
            (false, true) => self.meter.add_bytes(self.own_bytes()),
            (true, false) => self.meter.remove_bytes(self.own_bytes()),
            _ => {}
        }
    }

    fn own_bytes(&self) -> u64 {
        (LEAFLET_BYTES + self.tag.len()) as u64
    }

    /// Gives back what a leaflet that is not live keeps to be faster when it becomes live again.
    pub fn shrink(&mut self) {
        self.windows = AHashMap::new();
        self.due = BinaryHeap::new();
        self.held.shrink();
    }

    /// Forgets what a rule held. Its window is handed over, and to be cleared; the deadlines of that go then.
    pub fn forget(&mut self, rule: RuleId) -> Option<Box<Window>> {
        // Those of a paused rule outlive its window.
        self.stopped.retain(|deadline| deadline.rule != rule);
        let window = self.windows.remove(&rule)?;
        self.note(!window.is_empty(), false);
        self.due.retain(|Reverse((_, of))| *of != rule);
        Some(window)
    }

    /// Forgets a deadline of a window that is gone.
    pub fn forget_deadline(&mut self, deadline: &Deadline) {
        self.deadlines.remove(deadline);
    }

    /// Drops deadlines and held events of a leaflet that is dropped, so many at most, which `left` counts down. Its
    /// windows, when that is all.
    pub fn drop_some(&mut self, left: &mut usize) -> Option<impl Iterator<Item = Box<Window>>> {
        while *left > 0 {
            *left -= 1;
            let any = self.deadlines.pop_first().is_some()
                || self.stopped.pop_first().is_some()
                || self.held.drop_next();
            if !any {
                let windows = std::mem::take(&mut self.windows);
                return Some(windows.into_values());
            }
        }
        None
    }

    /// The window of a rule, if there is one.
    pub fn window(&self, rule: RuleId) -> Option<&Window> {
        self.windows.get(&rule).map(Box::as_ref)
    }

    /// Processes the next event's time; the event's place in processing order.
    pub fn advance(&mut self, time: u64) -> u64 {
        self.max_time = self.max_time.max(time);
        self.seq += 1;
        self.touched = true;
        self.seq
    }

    /// Adds a deadline of a rule's window.
    pub fn add_deadline(&mut self, deadline: Deadline) {
        if let Some(window) = self.windows.get_mut(&deadline.rule) {
            window.add_deadline(deadline.clone());
            self.deadlines.insert(Box::new(deadline));
        }
    }

    /// Takes back the deadlines of these events.
    pub fn cancel(&mut self, rule: RuleId, key: Key, events: impl Iterator<Item = u64>) {
        if let Some(window) = self.windows.get_mut(&rule) {
            for deadline in
                events.flat_map(|seq| window.take_deadlines(key, |all| all.take_of(seq)))
            {
                self.deadlines.remove(&deadline);
            }
        }
    }

    /// Takes back all deadlines of a partition.
    pub fn cancel_all(&mut self, rule: RuleId, key: Key) {
        if let Some(window) = self.windows.get_mut(&rule) {
            for deadline in window.take_deadlines(key, |all| all.take_where(|_| true)) {
                self.deadlines.remove(&deadline);
            }
        }
    }

    /// What this NOT waits for has come to a partition: no match ends with its deadlines any more, but for those that
    /// have passed and are still to be met.
    pub fn break_wait(&mut self, rule: RuleId, key: Key, absence: usize) {
        let bit = 1 << absence;
        let Some(window) = self.windows.get_mut(&rule) else {
            return;
        };
        let passed = self.passed;
        let broken = |deadline: &Deadline| deadline.absences & bit != 0 && deadline.at >= passed;
        for mut deadline in window.take_deadlines(key, |all| all.take_where(broken)) {
            self.deadlines.remove(&deadline);
            deadline.absences &= !bit;
            if deadline.absences != 0 {
                window.add_deadline(deadline.clone());
                self.deadlines.insert(Box::new(deadline));
            }
        }
    }

    /// The next deadline that lies before this time, if there is one; it is met, and gone.
    pub fn meet(&mut self, clock: u64) -> Option<Deadline> {
        let due = self.deadlines.first().is_some_and(|next| next.at < clock);
        let deadline = due.then(|| self.deadlines.pop_first())??;
        if let Some(window) = self.windows.get_mut(&deadline.rule) {
            window.take_deadlines(&deadline.partition, |all| all.take(&deadline));
        }
        Some(*deadline)
    }

    /// All deadlines, of paused rules too.
    pub fn all_deadlines(&self) -> impl Iterator<Item = &Deadline> {
        self.deadlines.iter().chain(&self.stopped).map(Box::as_ref)
    }

    /// All windows, in no order.
    pub fn windows(&self) -> impl Iterator<Item = (RuleId, &Window)> {
        self.windows.iter().map(|(rule, window)| (*rule, &**window))
    }

    /// When to look for something that leaves a rule's window, for each rule.
    pub fn dues(&self) -> impl Iterator<Item = (RuleId, u64)> + '_ {
        self.due.iter().map(|Reverse((due, rule))| (*rule, *due))
    }

    /// Puts a window in that was restored.
    pub fn put_window(&mut self, rule: RuleId, due: u64, window: Window) {
        let is_live = !window.is_empty();
        self.due.push(Reverse((due, rule)));
        self.windows.insert(rule, Box::new(window));
        self.note(false, is_live);
    }

    /// Takes note of how far deadlines should have been met.
    pub fn pass(&mut self, time: u64) {
        self.passed = time;
    }

    /// What the clock must reach for a deadline to be met or a held event to be processed (ms), where processing stays
    /// so far behind the clock. What no clock can reach is not waited for.
    pub fn waits_for(&self, lateness: u64) -> Option<u64> {
        let deadline = self.deadlines.first();
        let after = deadline.and_then(|next| next.at.checked_add(1));
        let next = after.into_iter().chain(self.next_held()).min()?;
        next.checked_add(lateness)
    }

    /// After how much silence it is to be woken.
    pub fn wake(&self, domain: &Rc<str>, lateness: u64) -> Wake {
        let next = self.waits_for(lateness);
        Wake {
            domain: Rc::clone(domain),
            tag: Rc::clone(&self.tag),
            after: next.map(|next| next.saturating_sub(self.clock)),
        }
    }

    /// Stops the deadlines of a rule that is paused, or lets them go on. Are there any?
    pub fn set_paused(&mut self, rule: RuleId, paused: bool) -> bool {
        let (from, to) = match paused {
            true => (&mut self.deadlines, &mut self.stopped),
            false => (&mut self.stopped, &mut self.deadlines),
        };
        let (mut moved, stay) = std::mem::take(from)
            .into_iter()
            .partition::<BTreeSet<_>, _>(|deadline| deadline.rule == rule);
        let any = !moved.is_empty();
        *from = stay;
        to.append(&mut moved);
        any
    }

    /// Lets go what has left the windows. Deadlines that are still to be met may need it: they come first.
    pub fn expire(&mut self, store: &mut Store) {
        let next = self.deadlines.first();
        if next.is_some_and(|next| next.at < self.passed) {
            return;
        }
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
