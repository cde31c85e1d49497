//! An engine under measurement.

use std::time::Duration;

use cpu_time::ThreadTime;
use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::{Engine, Error, Event, Settings, Stats};

use super::workload::Workload;

/// So many events are made at a time.
const PIECE: usize = 100_000;

/// An engine with a workload's rules, in the middle of its stream.
pub struct Subject {
    pub workload: Workload,
    engine: Engine,
}

impl Subject {
    /// An engine that has been fed until its window is as full as it gets.
    pub fn new(workload: Workload) -> Result<Self, Error> {
        let mut engine = Engine::new(Settings {
            max_window_memory: u64::MAX,
            ..Settings::default()
        });
        for (number, rule) in workload.rules.iter().enumerate() {
            let name = format!("rule_{number}");
            engine.add_rule(DEFAULT_DOMAIN, &name, rule, AddRule::default())?;
        }
        if let Some((text, axon)) = workload.saccule {
            engine.add_saccule(DEFAULT_DOMAIN, "saccule", text, Some(axon), false)?;
        }
        let mut subject = Self { workload, engine };
        let mut left = 2 * subject.workload.per_window as usize;
        while left > 0 {
            let events = left.min(PIECE);
            subject.feed(events);
            left -= events;
        }
        Ok(subject)
    }

    /// Feeds the stream's next events; the CPU time it takes.
    pub fn feed(&mut self, events: usize) -> Duration {
        let piece = self.workload.piece(events);
        let fields = piece.fields();
        run(&mut self.engine, &piece.events(&fields))
    }

    /// What its engine has counted.
    pub fn stats(&self) -> Stats {
        self.engine.stats(None, None).unwrap_or_default()
    }
}

/// Feeds events as the module does. What it takes is the CPU time of this thread: others on the machine make it wait,
/// not work. A function of its own in any build, so that a profiler can be told to look at this alone.
#[inline(never)]
fn run(engine: &mut Engine, events: &[Event<'_>]) -> Duration {
    let mut out = Vec::new();
    let start = ThreadTime::now();
    for event in events {
        if let Some(route) = engine.route(0, event.key) {
            engine.on_event(route, event, &mut out);
        }
        engine.wakes().for_each(drop);
        out.clear();
    }
    start.elapsed()
}
