//! The paths whose instructions are counted: an event's way through the engine, and an entry's through a server.

use crate::callgrind::Callgrind;
use crate::kept::LARGEST;
use crate::server::Options;
use crate::subject::Subject;
use crate::support::rows::{self, Against};
use crate::support::scenario::{Scenario, PAIR_RULE};
use crate::support::side::{Result, Run, Side};
use crate::workload::Workload;

/// Loads of a server that are counted, one after the other.
const LOADS: usize = 2;
/// Events within a millisecond.
const PACE: u64 = 50;
/// Commands under way at a time.
const DEPTH: usize = 100;

/// What one event, or entry, takes.
#[derive(Clone, Copy)]
pub struct Count {
    pub instructions: f64,
    /// By what part of it the loads differ.
    pub spread: f64,
}

impl Count {
    fn of(totals: &[u64], entries: usize) -> Self {
        let least = totals.iter().copied().min().unwrap_or(0) as f64;
        let most = totals.iter().copied().max().unwrap_or(0) as f64;
        let mean = totals.iter().sum::<u64>() as f64 / totals.len() as f64;
        Self {
            instructions: mean / entries as f64,
            spread: (most - least) / mean,
        }
    }
}

/// The workloads of the engine's benchmark.
pub fn workloads() -> Vec<Workload> {
    let mut all = Workload::operators();
    all.extend([Workload::beside(10_000), Workload::holding(100_000)]);
    all
}

/// Runs this program anew, under callgrind, to feed a workload's events to an engine.
pub fn count_engine(workload: &str, events: usize) -> Result<Count> {
    let callgrind = Callgrind::new()?;
    let mut words = callgrind.words("*paths*from_here*");
    words.push("--toggle-collect=*subject*run*".to_owned());
    let program = std::env::current_exe()?.display().to_string();
    let events_text = events.to_string();
    let program = [&program, "--feed", workload, "--events", &events_text];
    callgrind.run(words, &program)?;
    Ok(Count::of(&[callgrind.instructions(None)?], events))
}

/// What that run does.
pub fn feed(title: &str, events: usize) -> Result<()> {
    let mut all = workloads().into_iter();
    let workload = all.find(|workload| workload.title == title);
    let mut subject = Subject::new(workload.ok_or("no such workload")?)?;
    from_here();
    subject.feed(events);
    Ok(())
}

/// Callgrind counts from where this is called.
#[inline(never)]
fn from_here() {
    std::hint::black_box(());
}

/// The scenarios of the server's benchmark, each with whether the server is a bare one.
pub fn scenarios() -> Vec<(Scenario, bool)> {
    let rows = rows::table(LARGEST).into_iter();
    rows.flat_map(|row| {
        let other = match row.against {
            Against::Bare => (row.scenario.clone(), true),
            Against::Module(other) => (other, false),
        };
        [other, (row.scenario, false)].map(|(scenario, bare)| (scenario.paced(PACE), bare))
    })
    .collect()
}

/// An integrated event's fields.
pub fn integrated() -> Result<Vec<String>> {
    Side::start(Options::new(), Some(&[PAIR_RULE.to_owned()]))?.sample()
}

/// What an entry takes on a server under callgrind, its cron aside: that depends on how long everything takes.
pub fn count_server(
    scenario: &Scenario,
    bare: bool,
    events: usize,
    integrated: &[String],
) -> Result<Count> {
    let callgrind = Callgrind::new()?;
    let mut words = callgrind.words("dbsizeCommand");
    words.push("--toggle-collect=serverCron".to_owned());
    // Else nothing but the cron would be counted.
    words.push("--collect-atstart=yes".to_owned());
    let options = Options::new().under(words);
    let mut run = Run::start(options, scenario, bare, DEPTH, integrated)?;
    let mut entries = 0;
    for _ in 0..LOADS {
        let load = run.next(events)?;
        mark(&mut run)?;
        load.run(run.side.server().port())?;
        mark(&mut run)?;
        entries = run.check(events)?;
    }
    // A load lies between every second mark and the one before it.
    let totals: Result<Vec<u64>> = (1..=LOADS)
        .map(|load| callgrind.instructions(Some(2 * load)))
        .collect();
    Ok(Count::of(&totals?, entries))
}

fn mark(run: &mut Run) -> Result<()> {
    Ok(redis::cmd("DBSIZE").exec(&mut run.side.connection)?)
}
