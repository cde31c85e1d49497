//! Definitions and events that come and go leave nothing behind.
//!
//! `make soak` does it a hundred thousand times, and then for a while under valgrind.

use std::io::Write;

use crate::faults::used_memory;
use crate::support::{own, skip, stat, Client, Options};

/// How often something is added and deleted in a usual test run.
const SHORT: u64 = 2_000;
/// What the allocator may keep more of in the end.
const SLACK: f64 = 512.0 * 1024.0;

const RULES: [&str; 8] = [
    "MATCH A AND B WITHIN 2s",
    "MATCH A AS a -> B AS b WHERE a.user = b.user WITHIN 1h",
    "MATCH A{2,} AS a -> B PARTITION BY user WITHIN 1h EMIT n = count(a)",
    "MATCH A -> NOT C FOR 1h PARTITION BY user WITHIN 1h",
    "MATCH A -> NOT C -> B WITHIN 1h SELECT FIRST",
    "MATCH 2 OF (A, B, C[metadata.x > 1]) WITHIN 1h SELECT ALL CONSUME NONE",
    "INTEGRATE A WEIGHT 0.4, B DECAY 1m THRESHOLD 1 PARTITION BY user WITHIN 1h",
    "MATCH ANY PARTITION BY user WITHIN 1h LIMIT 1 PER 1h",
];

/// A number from the environment.
fn given(name: &str, otherwise: u64) -> u64 {
    let value = std::env::var(name).ok();
    value.map_or(otherwise, |value| value.parse().expect("a whole number"))
}

/// One domain more or less, or a rule, or an event; now and then something larger.
fn step(client: &mut Client, random: &mut fastrand::Rng) {
    let domain = format!("d{}", random.u8(..6));
    let rule = format!("r{}", random.u8(..12));
    let axons = format!("{domain}:*");
    let output = format!("out:{domain}");
    let text = RULES[random.usize(..RULES.len())];
    let tag = ["", "{t}", "{u}"][random.usize(..3)];
    let key = format!("{domain}:a{}{tag}", random.u8(..3));
    let user = random.u8(..20).to_string();
    let time = if random.u8(..3) == 0 { "FIELD" } else { "ID" };
    let mut create = vec!["LEAFLET.DOMAIN.CREATE", &domain, "AXONS", &axons];
    create.extend(["OUTPUT", &output, "MAXLEN", "10", "TIME", time]);
    if time == "FIELD" {
        create.extend(["at", "LATENESS", "5"]);
    }
    let event = ["A", "B", "C"][random.usize(..3)];
    let at = random.u32(..).to_string();
    // Much of this is refused: what is there and what not is left to chance.
    let _ = match random.u8(..40) {
        0..3 => client.try_call(&create),
        3..5 => client.try_call(&["LEAFLET.DOMAIN.DROP", &domain]),
        5..12 => client.try_call(&[
            "LEAFLET.RULE.ADD",
            &rule,
            text,
            "DOMAIN",
            &domain,
            "REPLACE",
        ]),
        12..17 => client.try_call(&["LEAFLET.RULE.DEL", &rule, "DOMAIN", &domain]),
        17 => client.try_call(&["LEAFLET.RULE.PAUSE", &rule, "DOMAIN", &domain]),
        18 => client.try_call(&["LEAFLET.RULE.RESUME", &rule, "DOMAIN", &domain]),
        19 => client.try_call(&["LEAFLET.RULE.WHYNOT", &rule, "DOMAIN", &domain]),
        20 => client.try_call(&["LEAFLET.RULE.EXPLAIN", "TEXT", text, "DOMAIN", &domain]),
        21 => client.try_call(&["LEAFLET.RESET", "DOMAIN", &domain]),
        22 => client.try_call(&["LEAFLET.RULE.BACKTEST", &rule, "DOMAIN", &domain]),
        23 if random.u8(..20) == 0 => client.try_call(&["FLUSHALL"]),
        23 => client.try_call(&[
            "LEAFLET.RULE.ADD",
            &rule,
            "MATCH nothing",
            "DOMAIN",
            &domain,
        ]),
        _ => {
            let json = r#"{"x":2}"#;
            let head = ["XADD", &key, "MAXLEN", "100", "*", "type", event];
            let fields = ["user", &user, "metadata", json, "at", &at];
            client.try_call(&[&head[..], &fields].concat())
        }
    };
}

/// Everything that the steps may have made is gone.
fn clear(client: &mut Client) {
    for domain in 0..6 {
        let _ = client.try_call(&["LEAFLET.DOMAIN.DROP", &format!("d{domain}")]);
    }
    client.ok(&["FLUSHALL", "SYNC"]);
    client.ok(&["SCRIPT", "FLUSH"]);
}

#[test]
fn what_comes_and_goes_leaves_nothing() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    let (steps, seed) = (given("LEAFLET_SOAK", SHORT), given("LEAFLET_SOAK_SEED", 1));
    let mut random = fastrand::Rng::with_seed(seed);
    let mut round = |steps| {
        (0..steps).for_each(|_| step(&mut client, &mut random));
        clear(&mut client);
        let used = used_memory(&mut client);
        assert_eq!(stat(&mut client, &[], "window_bytes"), 0);
        assert_eq!(stat(&mut client, &[], "internal_errors"), 0);
        used
    };
    let before = round(SHORT);
    let after = round(steps);
    say(&format!(
        "soak, seed {seed}: {before} bytes in use after {SHORT} steps, {after} after {steps} more"
    ));
    assert!(after - before < SLACK, "{before} bytes became {after}");
}

/// Needs a server that uses the system's allocator, which valgrind knows: Valkey's is such a one.
#[test]
fn valgrind_finds_nothing() {
    let steps = given("LEAFLET_SOAK_VALGRIND", 0);
    let valkey = std::env::var("LEAFLET_VALKEY_SERVER");
    let (Ok(valkey), true) = (valkey, steps > 0) else {
        return skip("make soak does this");
    };
    let folder = tempfile::tempdir().expect("a temporary folder");
    let (wrapper, report) = (folder.path().join("server"), folder.path().join("report"));
    let script = format!(
        "#!/bin/sh\nexec valgrind --leak-check=full --show-leak-kinds=definite --errors-for-leak-kinds=definite \
         --log-file='{}' '{valkey}' \"$@\"\n",
        report.display()
    );
    std::fs::write(&wrapper, script).expect("a script");
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
    std::fs::set_permissions(&wrapper, mode).expect("a script that runs");
    let server = Options::new().binary(&wrapper).start();
    let mut client = Client::connect(&server.url());
    let mut random = fastrand::Rng::with_seed(given("LEAFLET_SOAK_SEED", 1));
    (0..steps).for_each(|_| step(&mut client, &mut random));
    clear(&mut client);
    used_memory(&mut client);
    let _ = client.try_call(&["SHUTDOWN", "NOSAVE"]);
    let start = std::time::Instant::now();
    let found = loop {
        let found = std::fs::read_to_string(&report).unwrap_or_default();
        if found.contains("ERROR SUMMARY") {
            break found;
        }
        assert!(start.elapsed().as_secs() < 120, "valgrind does not end");
        std::thread::sleep(std::time::Duration::from_millis(100));
    };
    let summary = found
        .lines()
        .filter(|line| line.contains("SUMMARY") || line.contains("lost:"));
    let summary: Vec<&str> = summary.collect();
    say(&format!(
        "soak under valgrind, {steps} steps:\n{}",
        summary.join("\n")
    ));
    assert!(found.contains("ERROR SUMMARY: 0 errors"), "{found}");
}

fn say(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
