//! Servers that tests start end with them, whatever happens.

use crate::support::server::PATIENCE;
use crate::support::{Client, Options};
use std::path::{Path, PathBuf};
use std::time::Instant;

const DIES: &str = "LEAFLET_TEST_DIES";

/// Waits until neither the process nor the folder is there.
fn assert_gone(pid: u32, folder: &Path) {
    let process = PathBuf::from(format!("/proc/{pid}"));
    let start = Instant::now();
    while process.exists() || folder.exists() {
        assert!(start.elapsed() < PATIENCE, "{pid} or {folder:?} is left");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
}

#[test]
fn a_dropped_server_is_gone() {
    let server = Options::new().without_module().start();
    let (pid, folder) = (server.pid(), server.dir().to_path_buf());
    assert_eq!(Client::connect(&server.url()).text(&["PING"]), "PONG");
    drop(server);
    assert_gone(pid, &folder);
}

#[test]
fn a_server_is_gone_when_its_test_panics() {
    let (send, receive) = std::sync::mpsc::channel();
    let test = std::thread::spawn(move || {
        let server = Options::new().without_module().start();
        send.send((server.pid(), server.dir().to_path_buf()))
            .expect("a listener");
        panic!("on purpose");
    });
    assert!(test.join().is_err());
    let (pid, folder) = receive.recv().expect("the server");
    assert_gone(pid, &folder);
}

/// Runs itself in a process of its own that aborts.
#[test]
fn a_server_is_gone_when_the_whole_process_dies() {
    if std::env::var_os(DIES).is_some() {
        let server = Options::new().without_module().start();
        println!("\nstarted {} {}", server.pid(), server.dir().display());
        std::process::abort();
    }
    let output = std::process::Command::new(std::env::current_exe().expect("this program"))
        .args(["--exact", "--nocapture"])
        .arg("starter::a_server_is_gone_when_the_whole_process_dies")
        .env(DIES, "1")
        .output()
        .expect("this program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let started = said
        .lines()
        .find_map(|line| line.strip_prefix("started "))
        .and_then(|line| line.split_once(' '))
        .unwrap_or_else(|| panic!("{said}"));
    assert!(!output.status.success());
    assert_gone(
        started.0.parse().expect("a process id"),
        Path::new(started.1),
    );
}

#[test]
fn a_server_that_cannot_start_tells_its_log() {
    let log = Options::new()
        .without_module()
        .arg("--no-such-setting", "1")
        .try_start()
        .err()
        .expect("no server");
    assert!(log.contains("no-such-setting"), "{log}");
}
