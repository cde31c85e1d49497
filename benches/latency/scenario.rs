//! What might keep a server from answering.

use std::time::Duration;

use crate::pinger::Gaps;
use crate::subject::{Planned, Result, Subject};

/// One of them.
pub struct Scenario {
    pub title: &'static str,
    /// Makes ready, does it, and tells the longest gap meanwhile.
    pub run: fn(&mut Subject, usize) -> Result<Gaps>,
}

/// All of them; `n` is the number of events of the large ones.
pub const ALL: [Scenario; 19] = [
    Scenario {
        title: "nothing, for two seconds",
        run: |subject, _| {
            subject.watch(|_| {
                std::thread::sleep(Duration::from_secs(2));
                Ok(())
            })
        },
    },
    Scenario {
        title: "n partitions come",
        run: |subject, n| {
            subject.rule("pair", KEYED)?;
            subject.watch(|subject| subject.feed(partitions(n)))
        },
    },
    Scenario {
        title: "n events come to one partition",
        run: |subject, n| {
            subject.rule("pair", "MATCH A -> B WITHIN 1d")?;
            subject.watch(|subject| subject.feed((0..n).map(|i| event("A", 1 + i as u64, &[]))))
        },
    },
    Scenario {
        title: "n partitions expire at a jump in time",
        run: |subject, n| {
            full(subject, n)?;
            subject.watch(|subject| {
                // Each event lets 64 go.
                let after = (0..n / 64 + 100).map(|i| event("C", LATER + i as u64, &[]));
                subject.feed(after)
            })
        },
    },
    Scenario {
        title: "a domain of n partitions is dropped",
        run: |subject, n| {
            full(subject, n)?;
            quietly(subject, &["LEAFLET.DOMAIN.DROP", "default"])
        },
    },
    Scenario {
        title: "LEAFLET.RESET with n partitions",
        run: |subject, n| {
            full(subject, n)?;
            quietly(subject, &["LEAFLET.RESET"])
        },
    },
    Scenario {
        title: "FLUSHALL ASYNC with n partitions",
        run: |subject, n| {
            full(subject, n)?;
            quietly(subject, &["FLUSHALL", "ASYNC"])
        },
    },
    Scenario {
        title: "a rule of n partitions is deleted",
        run: |subject, n| {
            full(subject, n)?;
            quietly(subject, &["LEAFLET.RULE.DEL", "pair"])
        },
    },
    Scenario {
        title: "n / 10 leaflets come",
        run: |subject, n| {
            subject.rule("pair", KEYED)?;
            subject.watch(|subject| subject.feed(leaflets(n / 10)))
        },
    },
    Scenario {
        title: "a domain of n / 10 leaflets is dropped",
        run: |subject, n| {
            subject.rule("pair", KEYED)?;
            subject.fill(leaflets(n / 10))?;
            quietly(subject, &["LEAFLET.DOMAIN.DROP", "default"])
        },
    },
    Scenario {
        title: "n / 100 rules are added, with an event after each",
        run: |subject, n| {
            subject.watch(|subject| {
                for i in 0..n / 100 {
                    let text = format!("MATCH A{i} -> B{i} WITHIN 1s");
                    subject.rule(&format!("rule_{i}"), &text)?;
                    subject.call::<()>(&["XADD", "stream:axon_1", "*", "type", "C"])?;
                }
                Ok(())
            })
        },
    },
    Scenario {
        title: "SELECT ALL over n / 10 candidates",
        run: |subject, n| {
            subject.rule("all", "MATCH A -> B WITHIN 1d SELECT ALL CONSUME NONE")?;
            subject.fill((0..n / 10).map(|i| event("A", 1 + i as u64, &[])))?;
            subject.watch(|subject| {
                subject.feed_singly((0..20).map(|i| event("B", n as u64 + i, &[])))
            })
        },
    },
    Scenario {
        title: "a WHERE that uses up its budget",
        run: |subject, _| {
            subject.rule(
                "hard",
                "MATCH A AS a -> A AS b -> A AS c -> B AS d WHERE a.v + b.v + c.v + d.v = 0.5 WITHIN 1d",
            )?;
            subject.fill((0..1_000).map(|i| event("A", 1 + i, &[("v", "1".into())])))?;
            subject.watch(|subject| {
                subject.feed_singly((0..100).map(|i| event("B", 10_000 + i, &[("v", "1".into())])))
            })
        },
    },
    Scenario {
        title: "ten rules read ten fields of 240 kB of JSON",
        run: |subject, _| {
            for i in 0..10 {
                let text = format!("MATCH A[metadata.k{i} IS NULL] WITHIN 1s");
                subject.rule(&format!("rule_{i}"), &text)?;
            }
            let pairs: Vec<String> = (0..10_500)
                .map(|i| format!(r#""k{i}":"value {i}""#))
                .collect();
            let json = format!("{{{}}}", pairs.join(","));
            subject.watch(|subject| {
                subject
                    .feed_singly((0..20).map(|i| event("A", 1 + i, &[("metadata", json.clone())])))
            })
        },
    },
    Scenario {
        title: "BGSAVE with n partitions",
        run: |subject, n| {
            full(subject, n)?;
            subject.watch(|subject| {
                subject.call::<String>(&["BGSAVE"])?;
                loop {
                    std::thread::sleep(Duration::from_millis(100));
                    let info: String = subject.call(&["INFO", "persistence"])?;
                    if info.contains("rdb_bgsave_in_progress:0") {
                        return Ok(());
                    }
                }
            })
        },
    },
    Scenario {
        title: "n / 10 deadlines are due at a jump in time",
        run: |subject, n| {
            deadlines(subject, n / 10, "1h")?;
            subject
                .watch(|subject| subject.feed_singly((0..400).map(|i| event("C", LATER + i, &[]))))
        },
    },
    Scenario {
        title: "n / 10 deadlines are due in silence",
        run: |subject, n| {
            deadlines(subject, n / 10, "1s")?;
            subject.watch(|subject| {
                while subject.stat("emitted")? < n as u64 / 10 {
                    std::thread::sleep(Duration::from_millis(100));
                }
                Ok(())
            })
        },
    },
    Scenario {
        title: "a rule of n / 10 deadlines is paused and resumed",
        run: |subject, n| {
            deadlines(subject, n / 10, "1h")?;
            subject.watch(|subject| {
                subject.call::<()>(&["LEAFLET.RULE.PAUSE", "waits"])?;
                subject.call::<()>(&["LEAFLET.RULE.RESUME", "waits"])
            })
        },
    },
    Scenario {
        title: "a backtest over n events",
        run: |subject, n| {
            subject.fill(partitions(n))?;
            subject.watch(|subject| {
                let text = "MATCH A AS a -> A AS b WHERE b.user = a.user WITHIN 1d";
                subject.call::<redis::Value>(&["LEAFLET.RULE.BACKTEST", "TEXT", text])?;
                Ok(())
            })
        },
    },
];

const KEYED: &str = "MATCH A -> B PARTITION BY user WITHIN 1d";
/// Everything in the windows is older than a day then.
const LATER: u64 = 1_000_000_000;

fn event(event_type: &str, ms: u64, fields: &[(&'static str, String)]) -> Planned {
    let mut all = vec![("type", event_type.to_owned())];
    all.extend(fields.iter().cloned());
    ("stream:axon_1".into(), ms, all)
}

fn partitions(n: usize) -> impl Iterator<Item = Planned> {
    (0..n).map(|i| event("A", 1 + i as u64, &[("user", format!("user-{i}"))]))
}

fn leaflets(n: usize) -> impl Iterator<Item = Planned> {
    partitions(n)
        .enumerate()
        .map(|(i, (key, ms, fields))| (format!("{key}{{{i}}}"), ms, fields))
}

/// The domain `default` with one rule that holds an event in each of so many partitions. The stream itself is cut
/// short, so that it is not what takes its time.
fn full(subject: &mut Subject, n: usize) -> Result<()> {
    subject.rule("pair", KEYED)?;
    subject.fill(partitions(n))?;
    subject.call::<u64>(&["XTRIM", "stream:axon_1", "MAXLEN", "1"])?;
    subject.settle()
}

fn deadlines(subject: &mut Subject, n: usize, wait: &str) -> Result<()> {
    let text = format!("MATCH A -> NOT B FOR {wait} PARTITION BY user WITHIN 1d");
    subject.rule("waits", &text)?;
    subject.fill(partitions(n).map(|(key, _, fields)| (key, 1, fields)))
}

/// One command, and what it leaves to do.
fn quietly(subject: &mut Subject, command: &[&str]) -> Result<Gaps> {
    subject.watch(|subject| {
        subject.call::<()>(command)?;
        subject.settle()
    })
}
