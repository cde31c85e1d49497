//! What the fuzzer found worth keeping, tried without the fuzzer.

#[path = "../fuzz/src/lib.rs"]
mod targets;

use std::fs;
use std::path::Path;

use targets::{events, expression, parser, saccule, snapshot};

/// Tries every file of a target's corpus.
fn replay(target: &str, check: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fuzz/corpus")
        .join(target);
    let files = fs::read_dir(&folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let mut count = 0;
    for file in files {
        let file = file.expect("a file").path();
        println!("{}", file.display());
        check(&fs::read(&file).expect("its bytes"));
        count += 1;
    }
    assert!(count > 0, "{} is empty", folder.display());
}

#[test]
fn any_text_is_a_rule_or_refused_with_one_line() {
    replay("parser", parser::check);
}

#[test]
fn any_expression_has_a_value_and_one_truth() {
    replay("expression", expression::check);
}

#[test]
fn any_text_is_a_saccule_or_refused_with_one_line() {
    replay("saccule", saccule::check);
}

#[test]
fn any_events_do_no_harm() {
    replay("events", events::check);
}

#[test]
fn any_saved_bytes_are_refused_or_make_sense() {
    replay("snapshot", snapshot::check);
}
