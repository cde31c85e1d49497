//! An append-only file that ends in the middle of a transaction.

use crate::seed::SEED;
use crate::support::aof::{aof_commands, aof_path};
use crate::support::{own, Options, Scene, Server};
use std::fs;

/// A server that has started after the power went in the last transaction: where the source was written, and in the
/// middle of the integrated event.
fn torn(options: Options) -> Option<(Scene, Server)> {
    let mut server = own(options.aof())?;
    let mut scene = Scene::on(&server, "torn");
    scene.rule("seed", SEED);
    scene.feed(&[
        "a A@axon_1 1000",
        "b B@axon_2 1001",
        "a2 A@axon_1 1002",
        "b2 B@axon_2 1003",
    ]);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
    server.kill();
    let path = aof_path(server.dir());
    let bytes = fs::read(&path).expect("the file");
    let commands = aof_commands(&bytes);
    let (name, end) = &commands[commands.len() - 2];
    assert_eq!(name[0], "XADD");
    fs::write(&path, &bytes[..end - 20]).expect("a shorter file");
    server.restart();
    scene.client = scene.connect();
    assert_eq!(scene.matches(), ["a b"]);
    Some((scene, server))
}

#[test]
fn a_torn_transaction_swallows_nothing_that_is_written_later() {
    let Some((mut scene, mut server)) = torn(Options::new()) else {
        return;
    };
    scene.client.wait_until("the rewrite", |client| {
        // The line first: what was asked before it can be from before the rewrite.
        let begun = server
            .log()
            .contains("the append-only file was cut off at its end; it is rewritten");
        let state = client.info("persistence");
        begun && state["aof_rewrite_in_progress"] == "0" && state["aof_rewrite_scheduled"] == "0"
    });
    scene.feed(&["b3 B@axon_2 1004", "a4 A@axon_1 1005"]);
    for _ in 0..2 {
        server.kill();
        server.restart();
        scene.client = scene.connect();
        assert_eq!(scene.matches(), ["a b", "a2 b3"]);
    }
    let rewrites = server.log().matches("it is rewritten").count();
    assert_eq!(rewrites, 1, "a whole file is left as it is");
    scene.feed(&["b4 B@axon_2 1006"]);
    assert_eq!(scene.matches(), ["a b", "a2 b3", "a4 b4"]);
}

#[test]
fn where_a_rewrite_would_lose_the_definitions_the_log_says_what_to_do() {
    let without_preamble = Options::new().arg("--aof-use-rdb-preamble", "no");
    let Some((mut scene, server)) = torn(without_preamble) else {
        return;
    };
    scene.client.wait_until("the line", |_| {
        server.log().contains("use redis-check-aof --fix")
    });
    assert_eq!(scene.client.info("persistence")["aof_rewrites"], "0");
}
