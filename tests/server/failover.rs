//! Changes of the primary in mid-pattern: what fires is what would have fired without them.

use crate::replication::catch_up;
use crate::support::saved::windows;
use crate::support::{own, Client, Entry, Options, Server};
use fastrand::Rng;

/// What is tried: each part of the language that leaves something in a window. Nothing waits for a whole minute, where
/// the events are, so that a quarter of a minute of silence on a slow machine lets nothing fire.
const RULES: [&str; 10] = [
    "MATCH A@axon_1 AND B@axon_2 WITHIN 1h",
    "MATCH A AS a -> B AS b WHERE b.value > a.value PARTITION BY k WITHIN 2h EMIT rise = b.value - a.value",
    "MATCH A{2,} AS a -> C PARTITION BY k WITHIN 3h CONSUME PARTITION EMIT n = count(a)",
    "MATCH A AS a -> NOT B -> C PARTITION BY k WITHIN 2h SELECT FIRST",
    "MATCH A AS a -> NOT B FOR 3630s PARTITION BY k WITHIN 1h EMIT k = a.k",
    "MATCH NOT C -> D PARTITION BY k WITHIN 1h",
    "MATCH 2 OF (A, B, C[value > 50]) PARTITION BY k WITHIN 1h",
    "MATCH A AS a -> D AS d PARTITION BY k WITHIN 1h SELECT ALL",
    "MATCH B AS b -> C PARTITION BY k WITHIN 2h LIMIT 2 PER 3h",
    "INTEGRATE A WEIGHT value/100, B WEIGHT 0.5, C DECAY 1h THRESHOLD 1.5 FROM 2 AXONS REFRACTORY 1h RESET SUBTRACT \
     PARTITION BY k WITHIN 2h EMIT level = level",
];
const TAGS: [&str; 3] = ["", "{t}", "{u}"];
const MINUTE: u64 = 60_000;

fn define(client: &mut Client, rules: &[(usize, &str)]) {
    let domain = ["LEAFLET.DOMAIN.CREATE", "byid", "AXONS", "x:axon_*"];
    client.ok(&[&domain[..], &["OUTPUT", "byid:out"]].concat());
    let domain = ["LEAFLET.DOMAIN.CREATE", "byfield", "AXONS", "x:axon_*"];
    let time = ["TIME", "FIELD", "at", "LATENESS", "1815s"];
    client.ok(&[&domain[..], &["OUTPUT", "byfield:out"], &time].concat());
    for (number, text) in rules {
        for domain in ["byid", "byfield"] {
            let name = format!("r{number}");
            client.ok(&["LEAFLET.RULE.ADD", &name, text, "DOMAIN", domain]);
        }
    }
}

/// One event, as the arguments of XADD.
fn event(rng: &mut Rng, clock: &mut u64, number: usize) -> Vec<String> {
    *clock += rng.u64(0..20) * MINUTE;
    let at = *clock - rng.u64(0..25) * MINUTE;
    let axon = rng.u8(1..=3);
    let tag = rng.choice(TAGS).expect("a tag");
    [
        "XADD",
        &format!("x:axon_{axon}{tag}"),
        &format!("{clock}-*"),
        "event_id",
        &format!("e{number}"),
        "type",
        rng.choice(["A", "B", "C", "D"]).expect("a type"),
        "at",
        &at.to_string(),
        "k",
        &rng.u8(0..3).to_string(),
        "value",
        &rng.u8(..100).to_string(),
    ]
    .map(String::from)
    .to_vec()
}

/// The fields of all integrated events; their entry ids are the servers' own.
fn emitted(client: &mut Client) -> Vec<Vec<(String, String)>> {
    let mut all = Vec::new();
    for domain in ["byid", "byfield"] {
        for tag in TAGS {
            let entries = client.entries(&format!("{domain}:out{tag}"));
            all.extend(entries.into_iter().map(|entry: Entry| entry.fields));
        }
    }
    all
}

/// Two servers of which one is the primary.
struct Pair {
    servers: [Server; 2],
    clients: [Client; 2],
    primary: usize,
}

impl Pair {
    fn start() -> Self {
        let first = Options::new().start();
        let second = Options::new().replica_of(&first).start();
        let clients = [&first, &second].map(|server| Client::connect(&server.url()));
        Self {
            servers: [first, second],
            clients,
            primary: 0,
        }
    }

    fn primary(&mut self) -> &mut Client {
        &mut self.clients[self.primary]
    }

    /// The other has everything.
    fn catch_up(&mut self) {
        let [first, second] = &mut self.clients;
        match self.primary {
            0 => catch_up(first, second),
            _ => catch_up(second, first),
        }
    }

    fn follow(&mut self, follower: usize) {
        let port = self.servers[1 - follower].port().to_string();
        // It may do so already, by its command line.
        self.clients[follower].call(&["REPLICAOF", "127.0.0.1", &port]);
    }

    /// Makes the other one the primary in one of the ways there are.
    fn switch(&mut self, how: u8) {
        self.catch_up();
        let (old, new) = (self.primary, 1 - self.primary);
        self.primary = new;
        match how {
            // The primary dies, and comes back with nothing.
            0 => {
                self.servers[old].kill();
                self.clients[new].ok(&["REPLICAOF", "NO", "ONE"]);
                self.servers[old].restart();
                self.clients[old] = Client::connect(&self.servers[old].url());
                self.follow(old);
            }
            // They change places.
            1 => {
                self.clients[old].ok(&["FAILOVER"]);
                self.clients[new].wait_until("the switch", |client| {
                    client.info("replication")["role"] == "master"
                });
            }
            // The old one goes on alone for a while, and then has to forget what it did.
            _ => {
                self.clients[new].ok(&["REPLICAOF", "NO", "ONE"]);
                for kind in ["A", "B", "C", "D"] {
                    let stray = ["XADD", "x:axon_1{t}", "*", "type", kind, "k", "0"];
                    self.clients[old].text(&[&stray[..], &["value", "99"]].concat());
                }
                self.follow(old);
            }
        }
    }
}

/// A random stream through random rules, with changes of the primary at random places.
fn agrees_with_an_uninterrupted_server(alone: &Server, seed: u64) {
    let mut rng = Rng::with_seed(seed);
    let mut alone_client = Client::connect(&alone.url());
    alone_client.ok(&["FLUSHALL"]);
    for domain in ["byid", "byfield"] {
        let _ = alone_client.try_call(&["LEAFLET.DOMAIN.DROP", domain]);
    }
    let mut rules: Vec<(usize, &str)> = RULES.into_iter().enumerate().collect();
    rng.shuffle(&mut rules);
    rules.truncate(6);
    let mut pair = Pair::start();
    define(&mut alone_client, &rules);
    define(pair.primary(), &rules);
    let mut clock = 1_000 * MINUTE;
    let mut number = 0;
    for _ in 0..4 {
        for _ in 0..rng.usize(20..80) {
            number += 1;
            let event = event(&mut rng, &mut clock, number);
            assert_eq!(pair.primary().text(&event), alone_client.text(&event));
        }
        let how = rng.u8(0..3);
        pair.switch(how);
    }
    pair.catch_up();
    let expected = emitted(&mut alone_client);
    assert!(!expected.is_empty(), "seed {seed}: nothing fired");
    for i in 0..2 {
        assert_eq!(emitted(&mut pair.clients[i]), expected, "seed {seed}");
        let held = windows(&pair.servers[i], &mut pair.clients[i]);
        assert!(
            held == windows(alone, &mut alone_client),
            "seed {seed}: server {i} holds something else"
        );
    }
}

/// The seeds of a run: `LEAFLET_SEED`, or these.
fn seeds() -> Vec<u64> {
    match std::env::var("LEAFLET_SEED") {
        Ok(seed) => vec![seed.parse().expect("LEAFLET_SEED is a number")],
        Err(_) => (1..=4).collect(),
    }
}

#[test]
fn changes_of_the_primary_change_nothing() {
    let Some(alone) = own(Options::new()) else {
        return;
    };
    for seed in seeds() {
        agrees_with_an_uninterrupted_server(&alone, seed);
    }
}
