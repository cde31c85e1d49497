//! Windows filled anew from the streams, while the server serves others: a timer that does a slice of the work at a time.
//!
//! A replica does the same with its own copy of the streams, and emits nothing.

use super::ffi::{Context, KeyType, Walk};
use super::history::{backwards, History};
use super::log::{self, Level};
use super::phase::Phase;
use super::state;
use super::{emit, guard};
use crate::engine::domain::DomainSpec;
use crate::engine::key::{output_key, AxonKey};
use crate::engine::replay::{Listener, Replay, Streams};
use crate::engine::{Emission, EntryId, Event, Wake};
use std::collections::{BTreeMap, HashMap};
use std::time::{Duration, Instant};

/// How long a slice of work may last, but for what can't be divided: one event on its way through the rules.
const SLICE: Duration = Duration::from_millis(2);
/// The time others have between two slices, at least.
const REST: Duration = Duration::from_millis(1);
/// The next look, where nothing can be done now.
const LATER: Duration = Duration::from_millis(50);
/// What the key of an axon takes apart from its text, about.
const AXON_BYTES: u64 = 192;

/// The rebuild at work, if there is any.
#[derive(Default)]
pub struct Rebuilds {
    job: Option<Job>,
    /// The timer runs.
    armed: bool,
}

impl Rebuilds {
    /// What was read so far counts for nothing: it is read again.
    pub fn restart(&mut self) {
        self.job = None;
    }
}

/// A rebuild of one domain.
struct Job {
    spec: DomainSpec,
    /// The search for axons, until it is over.
    walk: Option<Walk>,
    /// By tag: the axons of the leaflets whose outputs are still to be read, each with its newest id.
    found: BTreeMap<Box<[u8]>, Axons>,
    found_bytes: u64,
    /// The output that is being read.
    recall: Option<Recall>,
    /// By tag: the first id that is read.
    starts: HashMap<Box<[u8]>, EntryId>,
    replay: Replay,
    /// By key: its place in `replay`.
    places: HashMap<Box<[u8]>, usize>,
    since: Instant,
    emitted: u64,
}

type Axons = Vec<(Box<[u8]>, EntryId)>;

/// An output on its way backwards through the past.
struct Recall {
    tag: Box<[u8]>,
    output: Vec<u8>,
    axons: Axons,
    /// What was integrated before this (ms) is of no interest.
    horizon: u64,
    /// The leaflet's newest id, ms.
    newest: u64,
    reach: u64,
    /// The next entry has at most this id.
    to: EntryId,
    /// When the earliest match that was read ended.
    earliest: Option<u64>,
}

/// Feeds a domain's leaflets with their past.
struct Feeding<'a> {
    domain: &'a str,
    out: Vec<Emission>,
}

impl Listener for Feeding<'_> {
    fn event(&mut self, event: &Event<'_>, wakes: &mut Vec<Wake>) {
        let _ = state::with(|state| {
            state.engine.refeed(self.domain, event, &mut self.out);
            wakes.extend(state.engine.wakes());
        });
    }

    fn silence(&mut self, tag: &[u8], wakes: &mut Vec<Wake>) {
        let _ = state::with(|state| {
            state.engine.repass(self.domain, tag, &mut self.out);
            wakes.extend(state.engine.wakes());
        });
    }
}

/// Sees to it that the timer runs while any domain is to be rebuilt.
pub fn arm(ctx: &Context) {
    let start = state::with(|state| {
        state.engine.rebuilding().is_some() && !std::mem::replace(&mut state.rebuilds.armed, true)
    });
    if start == Ok(true) {
        ctx.start_rebuild_slice(REST);
    }
}

/// The timer: does a slice of the work, and runs on while there is any.
pub fn on_timer(ctx: &Context) {
    let home = ctx.selected_db();
    let rest = match Phase::of(ctx) {
        Phase::Loading | Phase::Paused => LATER,
        Phase::Primary | Phase::Replica => {
            if guard(|| slice(ctx)).is_none() {
                // The reason is in the log; it would come again.
                let _ = state::with(|state| give_up(state, "an internal error"));
            }
            REST
        }
    };
    ctx.select_db(home);
    let more = state::with(|state| {
        state.rebuilds.armed = state.engine.rebuilding().is_some();
        state.rebuilds.armed
    });
    if more == Ok(true) {
        ctx.start_rebuild_slice(rest);
    }
}

/// Goes on for a slice of time with the first domain that is to be rebuilt.
fn slice(ctx: &Context) {
    let Ok(Some((spec, job))) = state::with(|state| {
        let spec = state.engine.rebuilding()?.clone();
        let job = state.rebuilds.job.take();
        Some((spec, job))
    }) else {
        return;
    };
    let mut job = job
        .filter(|job| job.spec == spec)
        .unwrap_or_else(|| Job::new(spec));
    if !ctx.select_db(job.spec.db) {
        let _ = state::with(|state| give_up(state, "there is no such database"));
        return;
    }
    let start = Instant::now();
    let mut feeding = Feeding {
        domain: &job.spec.name.clone(),
        out: Vec::new(),
    };
    let result = job.work(ctx, &mut feeding, &mut || start.elapsed() >= SLICE);
    if Phase::of(ctx) == Phase::Primary {
        job.emitted += feeding.out.len() as u64;
        emit::append_now(ctx, feeding.out);
    }
    let _ = state::with(|state| match result {
        Ok(false) => state.rebuilds.job = Some(job),
        Ok(true) => {
            state.engine.rebuilt(&job.spec.name);
            state.renew_wakes();
            job.report();
        }
        Err(why) => give_up(state, why),
    });
    super::wake::arm(ctx);
}

/// The domain works on with what its windows hold.
fn give_up(state: &mut state::State, why: &str) {
    let Some(spec) = state.engine.rebuilding().cloned() else {
        return;
    };
    log::line(
        Level::Warning,
        &format!(
            "domain '{}' was NOT rebuilt from its streams: {why}",
            spec.name
        ),
    );
    state.engine.rebuilt(&spec.name);
    state.rebuilds.restart();
    state.renew_wakes();
}

impl Job {
    fn new(spec: DomainSpec) -> Self {
        Self {
            spec,
            walk: Some(Walk::new()),
            found: BTreeMap::new(),
            found_bytes: 0,
            recall: None,
            starts: HashMap::new(),
            replay: Replay::default(),
            places: HashMap::new(),
            since: Instant::now(),
            emitted: 0,
        }
    }

    /// Goes on until `enough` says so. True: everything has been read, and nothing has come meanwhile.
    fn work(
        &mut self,
        ctx: &Context,
        feeding: &mut Feeding,
        enough: &mut impl FnMut() -> bool,
    ) -> Result<bool, &'static str> {
        while self.walk.is_some() {
            self.look(ctx)?;
            if enough() {
                return Ok(false);
            }
        }
        while self.recall.is_some() || !self.found.is_empty() {
            if !self.recall(ctx, enough) {
                return Ok(false);
            }
        }
        let mut streams = History(ctx);
        loop {
            if !self.replay.step(&mut streams, feeding, enough)
                || !self.replay.pass(self.replay.last(), feeding, enough)
            {
                return Ok(false);
            }
            // What is to be appended may bring something more.
            let touched = state::with(|state| state.engine.touched(&self.spec.name));
            let touched = touched.unwrap_or_default();
            if touched.is_empty() {
                return Ok(feeding.out.is_empty());
            }
            for key in touched {
                if let Some(newest) = streams.newest(&key) {
                    self.read_on(key, newest);
                }
            }
            if enough() {
                return Ok(false);
            }
        }
    }

    /// Looks through some keys for axons.
    fn look(&mut self, ctx: &Context) -> Result<(), &'static str> {
        let Some(walk) = &self.walk else {
            return Ok(());
        };
        let mut met = Vec::new();
        let more = ctx.walk(walk, |key| {
            if self.spec.watches(&AxonKey::parse(key).name) {
                met.push(key.to_vec());
            }
        });
        for key in met {
            if ctx.key_type(&key) != KeyType::Stream || self.places.contains_key(&*key) {
                continue;
            }
            let Some(newest) = History(ctx).newest(&key) else {
                continue;
            };
            self.found_bytes += key.len() as u64 + AXON_BYTES;
            // Its place follows when its leaflet's output has been read.
            self.places.insert(key.clone().into(), usize::MAX);
            let axons = self.found.entry(AxonKey::parse(&key).tag.into());
            axons.or_default().push((key.into(), newest));
        }
        if !more {
            self.walk = None;
        }
        if self.found_bytes > most_bytes() {
            return Err("it has more axons than leaflet.max-window-memory has room for");
        }
        Ok(())
    }

    /// Reads on in an output. False: this slice is over.
    fn recall(&mut self, ctx: &Context, enough: &mut impl FnMut() -> bool) -> bool {
        let mut recall = match self.recall.take() {
            Some(recall) => recall,
            None => match self.found.pop_first() {
                Some((tag, axons)) => Recall::new(&self.spec, tag, axons),
                None => return true,
            },
        };
        if !recall.read(ctx, &self.spec, enough) {
            self.recall = Some(recall);
            return false;
        }
        let start = EntryId {
            ms: recall.horizon,
            seq: 0,
        };
        self.starts.insert(recall.tag, start);
        for (key, newest) in recall.axons {
            let at = self.replay.add(key.as_ref().into(), start, newest);
            self.places.insert(key, at);
        }
        !enough()
    }

    /// Something has come to an axon.
    fn read_on(&mut self, key: Box<[u8]>, newest: EntryId) {
        match self.places.get(&key) {
            Some(at) => self.replay.read_on(*at, newest),
            None => {
                let start = self.starts.get(AxonKey::parse(&key).tag).copied();
                let from = start.unwrap_or_default();
                let at = self.replay.add(key.as_ref().into(), from, newest);
                self.places.insert(key, at);
            }
        }
    }

    fn report(&self) {
        let axons = self.replay.axons();
        let events: u64 = axons.iter().map(|axon| axon.events).sum();
        log::line(
            Level::Notice,
            &format!(
                "domain '{}' rebuilt from its streams: {events} event(s) of {} axon(s) read, {} integrated event(s) \
                 that were lacking appended, {} ms",
                self.spec.name,
                axons.len(),
                self.emitted,
                self.since.elapsed().as_millis()
            ),
        );
    }
}

impl Recall {
    fn new(spec: &DomainSpec, tag: Box<[u8]>, axons: Axons) -> Self {
        let reach = state::with(|state| state.engine.reach(&spec.name));
        let reach = reach.ok().flatten().unwrap_or(0);
        let newest = axons.iter().map(|(_, newest)| newest.ms).max().unwrap_or(0);
        Self {
            output: output_key(&spec.output, &tag),
            tag,
            axons,
            horizon: newest.saturating_sub(reach),
            newest,
            reach,
            to: EntryId::MAX,
            earliest: None,
        }
    }

    /// Reads backwards. False: this slice is over.
    fn read(
        &mut self,
        ctx: &Context,
        spec: &DomainSpec,
        enough: &mut impl FnMut() -> bool,
    ) -> bool {
        let most_ahead = state::with(|state| state.engine.settings().max_time_ahead).unwrap_or(0);
        // What ended earlier may depend on what is not read.
        let mut settled = self.newest.saturating_sub(self.reach / 2);
        let mut ended = true;
        let mut whole = true;
        backwards(ctx, &self.output, self.to, |id, fields| {
            self.to = id;
            let read = state::with(|state| {
                let time = state.engine.recall(&spec.name, &self.tag, fields);
                (time, state.engine.recalled_bytes(&spec.name))
            });
            let (time, bytes) = read.unwrap_or_default();
            if let Some(time) = time {
                self.earliest = Some(self.earliest.map_or(time, |earliest| earliest.min(time)));
                if bytes > most_bytes() {
                    settled = settled.max(time.saturating_add(1));
                    return false;
                }
            }
            // Ids come from the server's clock; sources may be ahead of it, as far as events with times of their own.
            whole = time.is_none_or(|time| time >= self.horizon)
                && id.ms.saturating_add(most_ahead) >= self.horizon;
            ended = !enough();
            whole && ended
        });
        if !ended {
            if let Some(to) = self.to.previous() {
                self.to = to;
                return false;
            }
        }
        if whole {
            // All there is was read. What was trimmed or deleted was there, up to the first that still is.
            if let Some((length, added)) = ctx.stream_counts(&self.output) {
                if length < added {
                    let first = self.earliest.unwrap_or(self.newest);
                    settled = settled.max(first.saturating_add(1));
                }
            }
        }
        let _ = state::with(|state| {
            state.engine.settle_past(&spec.name, &self.tag, settled);
        });
        true
    }
}

/// The room for what has to be remembered.
fn most_bytes() -> u64 {
    state::with(|state| state.engine.settings().max_window_memory).unwrap_or(0)
}
