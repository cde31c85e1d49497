//! A synapse: appends mono-originated events to one axon.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Mutex;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use redis::{Connection, RedisResult};
use uuid::Builder;

/// The longest sleep before a producer looks at its stop flag again.
const NAP: Duration = Duration::from_millis(50);

/// Sends events of one type to one axon.
pub struct Producer {
    connection: Connection,
    axon: String,
    event_type: String,
}

impl Producer {
    /// A producer of `event_type` events for the stream `axon`.
    pub fn new(connection: Connection, axon: &str, event_type: &str) -> Self {
        Self {
            connection,
            axon: axon.to_owned(),
            event_type: event_type.to_owned(),
        }
    }

    /// The stream it writes to.
    pub fn axon(&self) -> &str {
        &self.axon
    }

    /// Appends one event with the given value, and notes in `sent` when its XADD went out.
    pub fn send(&mut self, value: f64, sent: &SentLog) -> RedisResult<()> {
        let event_id = Builder::from_random_bytes(fastrand::u128(..).to_ne_bytes())
            .into_uuid()
            .to_string();
        let mut xadd = redis::cmd("XADD");
        xadd.arg(&self.axon)
            .arg("*")
            .arg("event_id")
            .arg(&event_id)
            .arg("timestamp")
            .arg(format!("{:.3}", Timestamp::now()))
            .arg("source_stream")
            .arg(&self.axon)
            .arg("type")
            .arg(&self.event_type)
            .arg("value")
            .arg(format!("{value:.1}"))
            .arg("metadata")
            .arg(r#"{"origin":"demo"}"#);
        sent.note(event_id);
        xadd.exec(&mut self.connection)
    }

    /// Sends random values between 0 and 100, on average `rate` a second with a gap that varies
    /// by half, until `stop` is set. Returns how many it sent; sets `stop` when the server fails.
    pub fn run(mut self, rate: f64, sent: &SentLog, stop: &AtomicBool) -> RedisResult<u64> {
        let mut count = 0;
        let mut due = Instant::now();
        loop {
            due += Duration::from_secs_f64((0.5 + fastrand::f64()) / rate);
            while let Some(left) = due.checked_duration_since(Instant::now()) {
                if stop.load(Ordering::Relaxed) {
                    return Ok(count);
                }
                std::thread::sleep(left.min(NAP));
            }
            if stop.load(Ordering::Relaxed) {
                return Ok(count);
            }
            if let Err(error) = self.send(fastrand::f64() * 100.0, sent) {
                stop.store(true, Ordering::Relaxed);
                return Err(error);
            }
            count += 1;
        }
    }
}

/// When each of the latest events was sent, by event id: what a latency is measured from.
#[derive(Default)]
pub struct SentLog(Mutex<VecDeque<(String, Instant)>>);

impl SentLog {
    /// Older events are forgotten: an integrated event follows its trigger at once.
    const KEPT: usize = 10_000;

    /// Notes that the event is sent now.
    pub fn note(&self, event_id: String) {
        let mut log = self.lock();
        if log.len() == Self::KEPT {
            log.pop_front();
        }
        log.push_back((event_id, Instant::now()));
    }

    /// The time since the event was sent; none for an event of somebody else.
    pub fn age(&self, event_id: &str) -> Option<Duration> {
        let log = self.lock();
        let (_, at) = log.iter().rev().find(|(id, _)| id == event_id)?;
        Some(at.elapsed())
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, VecDeque<(String, Instant)>> {
        self.0
            .lock()
            .unwrap_or_else(|poisoned| poisoned.into_inner())
    }
}
