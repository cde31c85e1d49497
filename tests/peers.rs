//! The questions of the benchmark against other programs, and their right answers.

#[path = "../benches/peers/feed.rs"]
mod feed;

use std::collections::BTreeMap;
use std::fs::read_to_string;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::process::Command;

fn peers() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/peers")
}

fn python(words: &[&str]) -> String {
    let python = std::env::var_os("PYTHON").unwrap_or_else(|| "python3".into());
    let run = Command::new(python)
        .args(["-B", "-c"])
        .args(words)
        .current_dir(peers())
        .output()
        .expect("Python starts");
    let problems = String::from_utf8_lossy(&run.stderr);
    assert!(run.status.success(), "{problems}");
    String::from_utf8(run.stdout).expect("UTF-8")
}

#[test]
fn the_engine_gives_the_answers_that_the_definitions_give() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("events.csv");
    let name = file.to_str().expect("UTF-8");
    python(&[
        "import events, sys; events.write(sys.argv[1], 20_000)",
        name,
    ]);
    let answers = python(&[
        "import json, reference, sys; print(json.dumps(reference.answers(sys.argv[1])))",
        name,
    ]);
    let answers: BTreeMap<String, BTreeMap<String, usize>> =
        serde_json::from_str(&answers).expect("numbers of matches");

    let events = std::fs::read(&file).expect("the events");
    for (question, answers) in &answers {
        let text = read_to_string(
            peers()
                .join("questions")
                .join(question)
                .with_extension("rule"),
        );
        let text = text.expect("a rule");
        // One match at a time is Siddhi's, and no rule of ours.
        for (consume, expected) in answers.iter().filter(|(consume, _)| *consume != "one") {
            let rule = format!("{text} CONSUME {consume}");
            let took = feed::feed(BufReader::new(&events[..]), &rule).expect(&rule);
            assert_eq!(took.events, 20_000);
            assert_eq!(took.matches, *expected, "{rule}");
            assert!(took.matches > 100, "{rule}: too few to say anything");
        }
    }
}
