//! The file of events, fed to an engine.

use std::error::Error;
use std::io::{self, BufRead};
use std::time::{Duration, Instant};

use cpu_time::ThreadTime;
use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::{Engine, EntryId, Event, Settings};
use serde::Serialize;

/// So many events are read before the clock goes on.
const PIECE: usize = 10_000;
/// The field names of a line's third and fourth word; the second is the type.
const FIELDS: [&[u8]; 3] = [b"type", b"key", b"value"];

/// The fields of an event.
type Fields<'a> = [(&'a [u8], &'a [u8]); 3];

/// What it took.
#[derive(Serialize)]
pub struct Took {
    pub events: usize,
    pub matches: usize,
    /// Of the events, without the reading of the file.
    pub seconds: f64,
    pub cpu_seconds: f64,
    /// The most memory this process had.
    pub peak_mb: f64,
}

/// Feeds all events of a file to an engine that has this rule.
pub fn feed(mut source: impl BufRead, rule: &str) -> Result<Took, Box<dyn Error>> {
    let mut engine = Engine::new(Settings::default());
    engine.add_rule(DEFAULT_DOMAIN, "peer", rule, AddRule::default())?;
    let (mut wall, mut cpu) = (Duration::ZERO, Duration::ZERO);
    let (mut events, mut matches) = (0, 0);
    let mut out = Vec::new();
    loop {
        let text = piece(&mut source)?;
        let words: Option<Vec<[&str; 4]>> = text.lines().map(split).collect();
        let words = words.ok_or("a line is not time,type,key,value")?;
        if words.is_empty() {
            break;
        }
        let fields: Vec<Fields<'_>> = words.iter().map(fields).collect();
        let piece: Result<Vec<Event<'_>>, _> = words.iter().zip(&fields).map(event).collect();
        let piece = piece?;
        let start = (Instant::now(), ThreadTime::now());
        for event in &piece {
            if let Some(route) = engine.route(0, event.key) {
                engine.on_event(route, event, &mut out);
            }
            engine.wakes().for_each(drop);
            matches += out.len();
            out.clear();
        }
        wall += start.0.elapsed();
        cpu += start.1.elapsed();
        events += piece.len();
    }
    Ok(Took {
        events,
        matches,
        seconds: wall.as_secs_f64(),
        cpu_seconds: cpu.as_secs_f64(),
        peak_mb: peak_mb(),
    })
}

/// The next lines.
fn piece(source: &mut impl BufRead) -> io::Result<String> {
    let mut text = String::new();
    for _ in 0..PIECE {
        if source.read_line(&mut text)? == 0 {
            break;
        }
    }
    Ok(text)
}

/// Time, type, key and value.
fn split(line: &str) -> Option<[&str; 4]> {
    let mut words = line.split(',');
    let all = [words.next()?, words.next()?, words.next()?, words.next()?];
    words.next().is_none().then_some(all)
}

fn fields<'a>(words: &[&'a str; 4]) -> Fields<'a> {
    std::array::from_fn(|n| (FIELDS[n], words[n + 1].as_bytes()))
}

fn event<'a>((words, fields): (&[&str; 4], &'a Fields<'a>)) -> Result<Event<'a>, Box<dyn Error>> {
    let key: &[u8] = match words[1] {
        "A" => b"stream:axon_1",
        "B" => b"stream:axon_2",
        "C" => b"stream:axon_3",
        other => return Err(format!("no stream for type {other}").into()),
    };
    let ms = words[0].parse()?;
    Ok(Event {
        key,
        id: EntryId { ms, seq: 0 },
        fields,
        hops: 0,
    })
}

/// The most memory that this process had so far, as Linux counts it.
fn peak_mb() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().strip_suffix("kB")?.trim().parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}
