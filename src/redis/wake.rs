//! Silence: leaflets in which something waits for time to pass, and the timer that tells them it has.
//!
//! Only a primary lets time pass. It does so with the command `LEAFLET.TICK`, which its replicas and the AOF get too.

use super::ffi::{Context, Str};
use super::guard;
use super::log::{self, Kind};
use super::phase::Phase;
use super::state::{self, State};
use crate::engine::Wake;
use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;
use std::time::{Duration, Instant};

/// How often the timer looks, while anything waits: as exact as deadlines are met in silence.
pub const PERIOD: Duration = Duration::from_millis(50);
/// The next look, when one did not get through.
const SOON: Duration = Duration::from_millis(1);
/// How many leaflets one look wakes.
const SLICE: usize = 64;
/// With so many integrated events to append, a look ends: clients get their turn before the next one.
const ENOUGH: usize = 256;

type Leaflet = (Rc<str>, Rc<[u8]>);

/// What a leaflet waits for.
#[derive(Debug, Clone, Copy)]
struct Silence {
    /// When it got its last event or tick.
    since: Instant,
    /// How long it must get none.
    needed: Duration,
    /// Where it stands in the queue: then or earlier it is looked at.
    queued: Instant,
}

/// The leaflets that wait.
#[derive(Debug, Default)]
pub struct Wakes {
    leaflets: HashMap<Leaflet, Silence>,
    queue: BTreeSet<(Instant, Leaflet)>,
    /// The timer runs.
    armed: bool,
}

impl Wakes {
    /// Takes note of what the engine says about a leaflet that has just got an event or a tick.
    pub fn note(&mut self, wake: Wake, now: Instant) {
        let leaflet = (wake.domain, wake.tag);
        let known = self.leaflets.get(&leaflet).copied();
        let Some(after) = wake.after else {
            if let Some(known) = known {
                self.queue.remove(&(known.queued, leaflet.clone()));
                self.leaflets.remove(&leaflet);
            }
            return;
        };
        let needed = needed(after);
        let due = now + needed;
        // It may stand too early in the queue, and is put back then; so a busy leaflet need not be moved each time.
        let queued = known.map_or(due, |known| known.queued.min(due));
        if known.is_none_or(|known| known.queued != queued) {
            if let Some(known) = known {
                self.queue.remove(&(known.queued, leaflet.clone()));
            }
            self.queue.insert((queued, leaflet.clone()));
        }
        let silence = Silence {
            since: now,
            needed,
            queued,
        };
        self.leaflets.insert(leaflet, silence);
    }

    /// Takes note of all that the engine says: what does not wait any more is forgotten, and for what has waited
    /// before, the silence goes on.
    pub fn renew(&mut self, wakes: impl Iterator<Item = Wake>, now: Instant) {
        let known = std::mem::take(&mut self.leaflets);
        self.queue.clear();
        for wake in wakes {
            let leaflet = (wake.domain, wake.tag);
            let since = known.get(&leaflet).map_or(now, |silence| silence.since);
            let needed = needed(wake.after.unwrap_or(0));
            let queued = since + needed;
            self.queue.insert((queued, leaflet.clone()));
            let silence = Silence {
                since,
                needed,
                queued,
            };
            self.leaflets.insert(leaflet, silence);
        }
    }

    /// A leaflet that has waited long enough.
    fn due(&mut self, now: Instant) -> Option<(Leaflet, Silence)> {
        loop {
            if self.queue.first()?.0 > now {
                return None;
            }
            let (_, leaflet) = self.queue.pop_first()?;
            let Some(silence) = self.leaflets.get_mut(&leaflet) else {
                continue;
            };
            let due = silence.since + silence.needed;
            if due <= now {
                let silence = *silence;
                self.leaflets.remove(&leaflet);
                return Some((leaflet, silence));
            }
            silence.queued = due;
            self.queue.insert((due, leaflet));
        }
    }

    /// The leaflet could not be told; its silence goes on.
    fn put_back(&mut self, leaflet: Leaflet, silence: Silence, now: Instant) {
        let queued = now + PERIOD;
        self.queue.insert((queued, leaflet.clone()));
        self.leaflets.insert(leaflet, Silence { queued, ..silence });
    }
}

/// How long a leaflet that waits for so much time (ms) must get nothing.
fn needed(after: u64) -> Duration {
    Duration::from_millis(after.min(u64::from(u32::MAX)))
}

/// After the engine was fed: sees to it that the timer runs while anything waits.
pub fn arm(ctx: &Context) {
    if state::with(must_arm) == Ok(true) {
        ctx.start_timer(PERIOD);
    }
}

/// Takes note of what the engine says; the timer has to be started now.
pub fn must_arm(state: &mut State) -> bool {
    state.note_wakes();
    let wakes = &mut state.wakes;
    !wakes.queue.is_empty() && !std::mem::replace(&mut wakes.armed, true)
}

/// The timer: lets time pass where it has, and runs on while anything waits.
pub fn on_timer(ctx: &Context) {
    // Whatever happens, the timer must run on.
    let next = guard(|| pass(ctx)).unwrap_or(PERIOD);
    let waits = state::with(|state| {
        let wakes = &mut state.wakes;
        wakes.armed = !wakes.queue.is_empty();
        if !wakes.armed {
            // Gives back the room of those that have waited.
            *wakes = Wakes::default();
        }
        wakes.armed
    });
    if waits == Ok(true) {
        ctx.start_timer(next);
    }
}

/// Lets time pass where it has; when to look again.
fn pass(ctx: &Context) -> Duration {
    // A replica's time passes when its primary says so. While writes are paused, it waits.
    if Phase::of(ctx) != Phase::Primary {
        return PERIOD;
    }
    for _ in 0..SLICE {
        let now = Instant::now();
        let Ok(Some((leaflet, silence))) = state::with(|state| state.wakes.due(now)) else {
            return PERIOD;
        };
        let ((domain, tag), passed) = (&leaflet, now - silence.since);
        let clock = state::with(|state| state.engine.waiting(domain, tag));
        // What waited may be gone with its rule or domain.
        if let Ok(Some((clock, _))) = clock {
            let time = clock.saturating_add(passed.as_millis() as u64);
            let args = [domain.as_bytes(), tag, time.to_string().as_bytes()].map(Str::new);
            if let Err(why) = ctx.write_if_allowed(c"LEAFLET.TICK", &args) {
                log::repeated(Kind::Tick, || {
                    format!("time can't pass, deadlines wait: {why}")
                });
                let _ = state::with(|state| {
                    state.counters.ticks_refused += 1;
                    state.wakes.put_back(leaflet, silence, now);
                });
                return PERIOD;
            }
        }
        if state::with(|state| state.queued()).is_ok_and(|queued| queued >= ENOUGH) {
            break;
        }
    }
    SOON
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wake(tag: &str, after: Option<u64>) -> Wake {
        Wake {
            domain: "d".into(),
            tag: tag.as_bytes().into(),
            after,
        }
    }

    fn due(wakes: &mut Wakes, now: Instant) -> Option<(String, u64)> {
        let ((_, tag), silence) = wakes.due(now)?;
        let passed = (now - silence.since).as_millis() as u64;
        Some((String::from_utf8_lossy(&tag).into_owned(), passed))
    }

    #[test]
    fn who_waits_is_woken_after_so_much_silence() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut wakes = Wakes::default();
        wakes.note(wake("a", Some(100)), start);
        wakes.note(wake("b", Some(50)), start);
        wakes.note(wake("c", Some(10)), start);
        wakes.note(wake("c", None), at(1));
        assert_eq!(due(&mut wakes, at(49)), None);
        // An event comes to a: its silence begins anew.
        wakes.note(wake("a", Some(80)), at(40));
        assert_eq!(due(&mut wakes, at(110)), Some(("b".into(), 110)));
        assert_eq!(due(&mut wakes, at(119)), None);
        // Another, which brings the deadline nearer.
        wakes.note(wake("a", Some(10)), at(60));
        assert_eq!(due(&mut wakes, at(119)), Some(("a".into(), 59)));
        assert_eq!(due(&mut wakes, at(1_000)), None);
        assert!(wakes.leaflets.is_empty() && wakes.queue.is_empty());
    }

    #[test]
    fn what_still_waits_keeps_its_silence_and_the_rest_is_forgotten() {
        let start = Instant::now();
        let at = |ms| start + Duration::from_millis(ms);
        let mut wakes = Wakes::default();
        wakes.note(wake("a", Some(100)), start);
        wakes.note(wake("b", Some(100)), start);
        // Nothing waits in b any more, something new in c, and in a something else.
        let waits = [wake("c", Some(100)), wake("a", Some(60))];
        wakes.renew(waits.into_iter(), at(50));
        assert_eq!(due(&mut wakes, at(59)), None);
        assert_eq!(due(&mut wakes, at(60)), Some(("a".into(), 60)));
        assert_eq!(due(&mut wakes, at(149)), None);
        assert_eq!(due(&mut wakes, at(150)), Some(("c".into(), 100)));
        assert!(wakes.leaflets.is_empty() && wakes.queue.is_empty());
    }

    #[test]
    fn who_could_not_be_told_is_told_later_of_all_the_silence() {
        let start = Instant::now();
        let mut wakes = Wakes::default();
        wakes.note(wake("a", Some(100)), start);
        let late = start + Duration::from_millis(120);
        let (leaflet, silence) = wakes.due(late).unwrap();
        wakes.put_back(leaflet, silence, late);
        assert_eq!(due(&mut wakes, late), None);
        assert_eq!(due(&mut wakes, late + PERIOD), Some(("a".into(), 170)));
        assert!(wakes.leaflets.is_empty() && wakes.queue.is_empty());
    }
}
