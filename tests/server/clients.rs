//! The whole story told by clients in other languages.

use crate::support::{remove_keys, skip, unique, Scene};
use std::path::Path;
use std::process::Command;

/// Runs a story against the server; it prints `ok` at its end.
fn tell(mut command: Command, script: &str) {
    let scene = Scene::new("client");
    let name = unique("story");
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    let output = command
        .arg(script)
        .args([scene.url(), &name])
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}"));
    remove_keys(&mut scene.connect(), &format!("{name}*"));
    let (said, complained) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{said}{complained}");
    assert_eq!(said.trim(), "ok", "{complained}");
}

/// True where the client library is there; panics where it is missing but required.
fn available(mut probe: Command, what: &str) -> bool {
    let found = probe.output().is_ok_and(|output| output.status.success());
    if !found {
        assert!(
            std::env::var_os("LEAFLET_REQUIRE_CLIENTS").is_none(),
            "{what} is required: {probe:?} failed"
        );
        skip(&format!("{what} is not installed"));
    }
    found
}

#[test]
fn redis_py() {
    let interpreter = std::env::var("LEAFLET_PYTHON").unwrap_or_else(|_| "python3".into());
    let mut probe = Command::new(&interpreter);
    probe.args(["-c", "import redis"]);
    if available(probe, "redis-py") {
        tell(Command::new(&interpreter), "story.py");
    }
}

#[test]
fn ioredis() {
    let node = || {
        let mut node = Command::new("node");
        if let Some(folder) = std::env::var_os("LEAFLET_NODE_MODULES") {
            node.env("NODE_PATH", folder);
        }
        node
    };
    let mut probe = node();
    probe.args(["-e", "require('ioredis')"]);
    if available(probe, "ioredis") {
        tell(node(), "story.js");
    }
}
