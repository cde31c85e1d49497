//! The rules of the flights example on real data, against the same computed without Leaflet.

#[path = "../examples/nycflights/mod.rs"]
mod nycflights;
#[path = "support/server.rs"]
mod server;

use std::path::{Path, PathBuf};
use std::process::Command;

use nycflights::{data, replay};
use redis::streams::StreamRangeReply;
use server::Server;

/// The folder with the data.
fn folder() -> PathBuf {
    std::env::var_os("LEAFLET_FLIGHTS_DATA")
        .expect("LEAFLET_FLIGHTS_DATA names the folder with flights.csv and weather.csv: make test")
        .into()
}

/// One line per integrated event, in order: rule, tab, sources.
fn expected(folder: &Path) -> Vec<String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/flights_expected.py");
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let run = Command::new(python)
        .arg(script)
        .arg(folder)
        .output()
        .expect("Python starts");
    let problems = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{problems}");
    let text = String::from_utf8(run.stdout).expect("UTF-8");
    text.lines().map(str::to_owned).collect()
}

fn integrated(connection: &mut redis::Connection) -> Vec<String> {
    let output: StreamRangeReply = redis::cmd("XRANGE")
        .arg(&[replay::OUTPUT, "-", "+"])
        .query(connection)
        .expect("the output stream");
    let line = |entry: &redis::streams::StreamId| {
        let field = |name| entry.get::<String>(name).expect(name);
        let sources: Vec<String> =
            serde_json::from_str(&field("source_events")).expect("a JSON array");
        format!("{}\t{}", field("correlation_rule"), sources.join(" "))
    };
    output.ids.iter().map(line).collect()
}

#[test]
fn a_year_of_flights_gives_what_the_rules_mean() {
    let folder = folder();
    let records = data::load(&folder).expect("the data");
    let server = Server::start();
    let client = redis::Client::open(server.url()).expect("a valid address");
    let mut connection = client.get_connection().expect("a connection");
    replay::prepare(&mut connection).expect("the rules");
    replay::replay(&mut connection, &records, |_| ()).expect("the replay");

    let (found, expected) = (integrated(&mut connection), expected(&folder));
    for (n, (found, expected)) in found.iter().zip(&expected).enumerate() {
        assert_eq!(found, expected, "integrated event {n}");
    }
    assert_eq!(found.len(), expected.len());
    for (rule, _) in replay::RULES {
        let of_rule = |line: &&String| line.starts_with(&format!("{rule}\t"));
        assert!(
            found.iter().any(|line| of_rule(&line)),
            "{rule} never matched"
        );
    }
}
