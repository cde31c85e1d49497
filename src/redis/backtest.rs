//! Rules tried on the past, while the server serves others: a blocked client for each, and a timer that does a slice of
//! the work at a time.
//!
//! Nothing of the keyspace is held between two slices: streams may be written to, trimmed or deleted meanwhile.

use super::commands::{self, answer as reply, Refusal, Reply};
use super::ffi::{free_elsewhere, Access, Blocked, BlockedId, Context, KeyType, User, Walk};
use super::history::History;
use super::{guard, state};
use crate::engine::backtest::{AxonReport, Backtest, Found, Plan, Report};
use crate::engine::key::AxonKey;
use crate::engine::{EntryId, Error, Settings};
use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// So many run at a time; they take turns.
const MOST: usize = 4;
/// How long a slice of work may last, but for what can't be divided: one event on its way through the rule.
const SLICE: Duration = Duration::from_millis(2);
/// The time others have between two slices, at least.
const REST: Duration = Duration::from_millis(1);
/// What is larger is freed on a thread of its own, bytes.
const LARGE: u64 = 1 << 20;

/// What to try on which axons.
pub struct Order {
    pub plan: Plan,
    pub axons: Axons,
}

/// Which of a domain's axons are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Axons {
    /// All the user may read, looked for among all keys.
    All,
    /// The same, but only those with this hash tag.
    Tagged(Vec<u8>),
    /// These.
    Named(Vec<Vec<u8>>),
}

/// A backtest at work.
struct Job {
    test: Box<Backtest>,
    /// The user on whose behalf keys are read.
    user: User,
    /// The search for axons, until it is over.
    walk: Option<Walk>,
    /// Only axons with this tag are looked for.
    tag: Option<Vec<u8>>,
    denied: u64,
    since: Instant,
    slices: u64,
    longest: Duration,
}

/// All backtests.
#[derive(Default)]
pub struct Backtests {
    /// The next one to get a slice is the first.
    running: VecDeque<(Blocked, Job)>,
    /// What clients that wait no longer are about to be told.
    answers: Vec<(BlockedId, Option<commands::Result>)>,
    /// The timer runs.
    armed: bool,
}

impl Backtests {
    /// Adds a job. True: the timer must be set.
    fn add(&mut self, client: Blocked, job: Job) -> bool {
        self.running.push_back((client, job));
        !std::mem::replace(&mut self.armed, true)
    }
}

/// Starts a backtest and has the client wait for it.
pub fn start(ctx: &Context, order: Order) -> commands::Result {
    if !ctx.may_block() {
        return Err(refusal(
            "a backtest takes its time: it can't be part of a transaction, a script or a function",
        ));
    }
    let (settings, running) =
        state::with(|state| (state.engine.settings(), state.backtests.running.len()))?;
    if running >= MOST {
        return Err(refusal(&format!(
            "{MOST} backtests are running already, which is the limit"
        )));
    }
    let job = Job::new(ctx, order, settings)?;
    let Some(client) = ctx.block_client() else {
        return Err(refusal("the server can't let this client wait"));
    };
    // From here on the client gets its reply when it is unblocked, come what may.
    if state::with(|state| state.backtests.add(client, job)) == Ok(true) {
        ctx.start_slice(REST);
    }
    Ok(Reply::Later)
}

fn refusal(message: &str) -> Refusal {
    Refusal::Error(Error::new(message))
}

/// The timer: gives the next backtest its slice, and runs on while there is any.
pub fn on_timer(ctx: &Context) {
    let next = state::with(|state| state.backtests.running.pop_front());
    if let Ok(Some((client, mut job))) = next {
        match guard(|| job.slice(ctx)) {
            Some(Ok(None)) => {
                let _ = state::with(|state| state.backtests.running.push_back((client, job)));
            }
            Some(Ok(Some(reply))) => finish(client, job, Some(Ok(reply))),
            Some(Err(refusal)) => finish(client, job, Some(Err(refusal))),
            None => finish(client, job, None),
        }
    }
    let more = state::with(|state| {
        state.backtests.armed = !state.backtests.running.is_empty();
        state.backtests.armed
    });
    if more == Ok(true) {
        ctx.start_slice(REST);
    }
}

fn finish(client: Blocked, job: Job, result: Option<commands::Result>) {
    let _ = state::with(|state| state.backtests.answers.push((client.id(), result)));
    drop(client);
    job.free();
}

/// A client that has waited gets its reply.
pub fn answer(ctx: &Context, client: BlockedId) {
    let result = state::with(|state| {
        let answers = &mut state.backtests.answers;
        let place = answers.iter().position(|(id, _)| *id == client)?;
        answers.swap_remove(place).1
    });
    reply(ctx, &result.ok().flatten());
}

/// The client waits no more, and its backtest ends.
pub fn stop(client: BlockedId) {
    let stopped = state::with(|state| {
        let Backtests {
            running, answers, ..
        } = &mut state.backtests;
        answers.retain(|(id, _)| *id != client);
        let place = running.iter().position(|(of, _)| of.id() == client)?;
        running.remove(place)
    });
    if let Ok(Some((client, job))) = stopped {
        drop(client);
        job.free();
    }
}

/// The reply where `CLIENT UNBLOCK` has stopped a backtest.
pub fn answer_stopped(ctx: &Context) {
    reply(ctx, &Some(Err(refusal("the backtest was stopped"))));
}

/// All data is about to be replaced: what was read so far is of another history.
pub fn stop_all() {
    while let Ok(Some((client, job))) = state::with(|state| state.backtests.running.pop_front()) {
        let why = "the backtest was stopped: the server loads another data set";
        finish(client, job, Some(Err(refusal(why))));
    }
}

impl Job {
    fn new(ctx: &Context, order: Order, settings: Settings) -> Result<Self, Refusal> {
        let mut job = Self {
            test: Box::new(Backtest::new(settings, order.plan)?),
            user: ctx.user(),
            walk: None,
            tag: None,
            denied: 0,
            since: Instant::now(),
            slices: 0,
            longest: Duration::ZERO,
        };
        match order.axons {
            Axons::All => job.walk = Some(Walk::new()),
            Axons::Tagged(tag) => {
                job.walk = Some(Walk::new());
                job.tag = Some(tag);
            }
            Axons::Named(keys) => {
                let home = ctx.selected_db();
                let added = ctx
                    .select_db(job.test.spec().db)
                    .then(|| job.add_named(ctx, &keys));
                ctx.select_db(home);
                added.unwrap_or(Ok(()))?;
            }
        }
        Ok(job)
    }

    fn add_named(&mut self, ctx: &Context, keys: &[Vec<u8>]) -> Result<(), Refusal> {
        for key in keys {
            self.test.add_axon(key)?;
            if !self.user.may(Access::Read, key) {
                let key = String::from_utf8_lossy(key).into_owned();
                return Err(Refusal::Key(Access::Read, key));
            }
            if ctx.key_type(key) == KeyType::Other {
                return Err(Refusal::WrongType);
            }
        }
        Ok(())
    }

    /// Goes on for a slice of time. The reply, if that was the last.
    fn slice(&mut self, ctx: &Context) -> Result<Option<Reply>, Refusal> {
        let db = self.test.spec().db;
        if !ctx.select_db(db) {
            return Err(refusal(&format!("there is no database {db}")));
        }
        let start = Instant::now();
        let done = self.work(ctx, &mut || start.elapsed() >= SLICE)?;
        self.slices += 1;
        self.longest = self.longest.max(start.elapsed());
        Ok(done.then(|| self.reply()))
    }

    fn work(&mut self, ctx: &Context, enough: &mut impl FnMut() -> bool) -> Result<bool, Refusal> {
        while let Some(walk) = &self.walk {
            let mut met = Vec::new();
            let more = ctx.walk(walk, |key| {
                if self.wants(key) {
                    met.push(key.to_vec());
                }
            });
            for key in met {
                if ctx.key_type(&key) != KeyType::Stream {
                    continue;
                }
                if self.user.may(Access::Read, &key) {
                    self.test.add_axon(&key)?;
                } else {
                    self.denied += 1;
                }
            }
            if !more {
                self.walk = None;
            }
            if enough() {
                return Ok(false);
            }
        }
        Ok(self.test.step(&mut History(ctx), enough))
    }

    /// Is this the key of an axon that is looked for?
    fn wants(&self, key: &[u8]) -> bool {
        let axon = AxonKey::parse(key);
        self.test.spec().watches(&axon.name) && self.tag.as_ref().is_none_or(|tag| *tag == axon.tag)
    }

    fn reply(&mut self) -> Reply {
        let Report {
            domain,
            rule,
            text,
            events_read,
            events_oversized,
            stats,
            triggers,
            axons_read,
            axons,
            found,
        } = self.test.report();
        let (first, last) = triggers.unwrap_or_default();
        Reply::Map(vec![
            ("rule", Reply::Text(rule)),
            ("domain", Reply::Text(domain)),
            ("text", Reply::Text(text)),
            ("events_read", events_read.into()),
            ("events_taken", stats.events_taken.into()),
            ("events_late", stats.events_late.into()),
            ("events_untyped", stats.events_untyped.into()),
            ("events_rejected", stats.events_rejected.into()),
            ("events_skipped", stats.events_skipped.into()),
            ("events_untimed", stats.events_untimed.into()),
            ("events_ahead", stats.events_ahead.into()),
            ("events_held", stats.events_held.into()),
            ("events_untagged", stats.events_untagged.into()),
            ("events_oversized", events_oversized.into()),
            ("events_shed", stats.events_shed.into()),
            ("budget_cuts", stats.budget_cuts.into()),
            ("matches_cut", stats.matches_cut.into()),
            ("matches", stats.matches.into()),
            ("emitted", stats.emitted.into()),
            ("limited", stats.limited.into()),
            ("first_trigger", Reply::Bytes(first)),
            ("last_trigger", Reply::Bytes(last)),
            ("took_ms", (self.since.elapsed().as_millis() as u64).into()),
            ("slices", self.slices.into()),
            ("longest_slice_us", (self.longest.as_micros() as u64).into()),
            ("axons_read", axons_read.into()),
            ("axons_denied", self.denied.into()),
            ("axons", Reply::Array(axons.into_iter().map(axon).collect())),
            (
                "events",
                Reply::Array(found.into_iter().map(event).collect()),
            ),
        ])
    }

    fn free(self) {
        if self.test.window_bytes() > LARGE {
            free_elsewhere(self.test);
        }
    }
}

fn axon(axon: AxonReport) -> Reply {
    let shown = |id: EntryId| Reply::Text(id.to_string());
    let (first, last) = match axon.ids {
        Some((first, last)) => (shown(first), shown(last)),
        None => ("".into(), "".into()),
    };
    Reply::Map(vec![
        ("key", Reply::Bytes(axon.key)),
        ("events", axon.events.into()),
        ("first_id", first),
        ("last_id", last),
    ])
}

fn event(found: Found) -> Reply {
    let time = found.field("timestamp").unwrap_or_default().to_vec();
    Reply::Map(vec![
        ("output", Reply::Bytes(found.output)),
        ("timestamp", Reply::Bytes(time)),
        ("fields", Reply::Fields(found.fields)),
    ])
}
