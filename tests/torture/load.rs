//! Writers that append events as fast as the server takes them, and know what it has acknowledged.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread::JoinHandle;

use redis::{Cmd, ConnectionLike, Value};

use super::model::Source;
use crate::support::text;

const USERS: usize = 4;
/// Own times start here; every group moves them on by so much that no silence of the test comes near to it.
const FIRST_TS: u64 = 1_500_000_000_000;
const TS_STEP: u64 = 60_000;

/// Adds two events from inside of a script.
const SCRIPT: &str = "local ids = {} \
    for i = 1, #KEYS do \
      local from = (i - 1) * #ARGV / #KEYS \
      ids[i] = redis.call('XADD', KEYS[i], '*', unpack(ARGV, from + 1, from + #ARGV / #KEYS)) \
    end return ids";

/// Events that are sent together.
enum Batch {
    /// One XADD.
    Alone(Source),
    /// MULTI, XADDs, EXEC.
    Transaction(Vec<Source>),
    /// XADDs in a script.
    Script(Vec<Source>),
}

/// One client and what it has sent.
pub struct Writer {
    name: String,
    rng: fastrand::Rng,
    n: u64,
    ts: u64,
    /// What the server has acknowledged, with ids.
    pub acknowledged: Vec<Source>,
    /// How many XADDs the server has refused.
    pub refused: u64,
    /// Why it has refused some: the first words of its error lines, and how often.
    pub reasons: BTreeMap<String, u64>,
}

impl Writer {
    pub fn new(name: usize, seed: u64) -> Self {
        Self {
            name: format!("w{name}"),
            rng: fastrand::Rng::with_seed(seed ^ name as u64),
            n: 0,
            ts: FIRST_TS,
            acknowledged: Vec::new(),
            refused: 0,
            reasons: BTreeMap::new(),
        }
    }

    /// Writes until it is told to stop or the server is gone. At most `most` batches.
    pub fn run(&mut self, url: &str, stop: &AtomicBool, most: usize) {
        let Ok(client) = redis::Client::open(url) else {
            return;
        };
        let Ok(mut connection) = client.get_connection() else {
            return;
        };
        let mut sent = 0;
        while !stop.load(Ordering::Relaxed) && sent < most {
            let batches: Vec<Batch> = (0..self.rng.usize(1..6)).map(|_| self.batch()).collect();
            sent += batches.len();
            let (mut bytes, mut count) = (Vec::new(), 0);
            for batch in &batches {
                for command in commands(batch) {
                    bytes.extend(command.get_packed_command());
                    count += 1;
                }
            }
            let Ok(replies) = connection.req_packed_commands(&bytes, 0, count) else {
                return;
            };
            let mut replies = replies.into_iter();
            for batch in batches {
                self.note(batch, &mut replies);
            }
        }
    }

    fn batch(&mut self) -> Batch {
        let user = self.rng.usize(..USERS);
        match self.rng.u8(..100) {
            0..=54 => {
                let types = ["A", "A", "B", "B", "B", "C", "D"];
                let event_type = types[self.rng.usize(..types.len())];
                Batch::Alone(self.event(event_type, user, None))
            }
            55..=61 => Batch::Script(vec![
                self.event("A", user, None),
                self.event("B", user, None),
            ]),
            62..=69 => Batch::Alone(self.event("O", user, Some(self.n))),
            70..=77 => self.both("O", "S", user),
            78..=89 => self.both("P", "Q", user),
            _ => self.group(),
        }
    }

    /// Two events of one job in a transaction.
    fn both(&mut self, first: &str, second: &str, user: usize) -> Batch {
        let job = Some(self.n);
        Batch::Transaction(
            [first, second]
                .map(|event_type| self.event(event_type, user, job))
                .into(),
        )
    }

    /// Some events with times of their own, in another order than these times.
    fn group(&mut self) -> Batch {
        self.ts += TS_STEP;
        let mut times: Vec<u64> = (0..self.rng.u64(2..6)).map(|i| self.ts + i * 150).collect();
        self.rng.shuffle(&mut times);
        let event = |ts: &u64| {
            let event_type = if self.rng.bool() { "A" } else { "B" };
            let axon = self.rng.u8(1..4);
            self.n += 1;
            Source {
                key: format!("f:axon_{axon}{{{}}}", self.name),
                ts: *ts,
                user: String::new(),
                job: String::new(),
                id: String::new(),
                event_type: event_type.into(),
                writer: self.name.clone(),
                n: self.n,
            }
        };
        Batch::Transaction(times.iter().map(event).collect())
    }

    fn event(&mut self, event_type: &str, user: usize, job: Option<u64>) -> Source {
        self.n += 1;
        Source {
            key: format!("t:axon_{}", self.rng.u8(1..4)),
            id: String::new(),
            event_type: event_type.into(),
            writer: self.name.clone(),
            n: self.n,
            user: format!("{}.{user}", self.name),
            job: job
                .map(|job| format!("{}.{job}", self.name))
                .unwrap_or_default(),
            ts: 0,
        }
    }

    /// Takes note of what the server has said.
    fn note(&mut self, batch: Batch, replies: &mut impl Iterator<Item = Value>) {
        let mut next = || replies.next().unwrap_or(Value::Nil);
        let (sources, ids) = match batch {
            Batch::Alone(source) => (vec![source], vec![next()]),
            Batch::Script(sources) => {
                let ids = each(next(), sources.len());
                (sources, ids)
            }
            Batch::Transaction(sources) => {
                (0..=sources.len()).for_each(|_| drop(next()));
                let ids = each(next(), sources.len());
                (sources, ids)
            }
        };
        for (mut source, id) in sources.into_iter().zip(ids) {
            match id {
                Value::BulkString(_) => {
                    source.id = text(&id);
                    self.acknowledged.push(source);
                }
                other => {
                    self.refused += 1;
                    let line = match other {
                        Value::ServerError(error) => error.code().to_string(),
                        other => format!("{other:?}"),
                    };
                    *self.reasons.entry(line).or_default() += 1;
                }
            }
        }
    }
}

/// The members of an array; where there is none, the same reply for each.
fn each(reply: Value, count: usize) -> Vec<Value> {
    match reply {
        Value::Array(ids) => ids,
        other => vec![other; count],
    }
}

fn fields(source: &Source) -> Vec<(&'static str, String)> {
    vec![
        ("type", source.event_type.clone()),
        ("writer", source.writer.clone()),
        ("n", source.n.to_string()),
        ("user", source.user.clone()),
        ("job", source.job.clone()),
        ("ts", source.ts.to_string()),
    ]
    .into_iter()
    .filter(|(name, value)| *name == "ts" || !value.is_empty())
    .collect()
}

fn xadd(source: &Source) -> Cmd {
    let mut command = redis::cmd("XADD");
    command.arg(&source.key).arg("*").arg(fields(source));
    command
}

fn commands(batch: &Batch) -> Vec<Cmd> {
    match batch {
        Batch::Alone(source) => vec![xadd(source)],
        Batch::Transaction(sources) => {
            let mut commands = vec![redis::cmd("MULTI")];
            commands.extend(sources.iter().map(xadd));
            commands.push(redis::cmd("EXEC"));
            commands
        }
        Batch::Script(sources) => {
            let mut command = redis::cmd("EVAL");
            command.arg(SCRIPT).arg(sources.len());
            command.arg(sources.iter().map(|source| &source.key).collect::<Vec<_>>());
            for source in sources {
                command.arg(fields(source));
            }
            vec![command]
        }
    }
}

/// What a stream's entry says.
pub fn source(key: &str, entry: &crate::support::Entry) -> Source {
    let get = |name: &str| entry.get(name).unwrap_or_default().to_string();
    Source {
        key: key.into(),
        id: entry.id.clone(),
        event_type: get("type"),
        writer: get("writer"),
        n: get("n").parse().expect("a number"),
        user: get("user"),
        job: get("job"),
        ts: get("ts").parse().expect("a time"),
    }
}

/// Writers at work.
pub struct Load {
    stop: Arc<AtomicBool>,
    threads: Vec<JoinHandle<Writer>>,
}

impl Load {
    /// Sets them to work on this server.
    pub fn start(writers: Vec<Writer>, url: &str, most: usize) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let threads = writers
            .into_iter()
            .map(|mut writer| {
                let (stop, url) = (stop.clone(), url.to_string());
                std::thread::spawn(move || {
                    writer.run(&url, &stop, most);
                    writer
                })
            })
            .collect();
        Self { stop, threads }
    }

    /// Waits until they have done their batches, or the server is gone.
    pub fn wait(self) -> Vec<Writer> {
        let join = |thread: JoinHandle<Writer>| thread.join().expect("a writer");
        self.threads.into_iter().map(join).collect()
    }

    /// Ends their work.
    pub fn stop(self) -> Vec<Writer> {
        self.stop.store(true, Ordering::Relaxed);
        self.wait()
    }
}
