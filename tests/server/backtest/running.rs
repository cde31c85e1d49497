//! While backtests run, others are served, and the streams change.

use super::{try_rule, Tried};
use crate::support::{own, stat, Client, Options, Scene, Server};
use redis::Value;

/// Fills an axon with so many events, 100 a second from the epoch on.
fn fill(scene: &mut Scene, axon: &str, count: u32) {
    let script = "for i = 1, ARGV[1] do \
                    redis.call('XADD', KEYS[1], i * 10 .. '-0', 'type', 'A', 'n', i) \
                  end";
    let key = scene.key(axon);
    scene
        .client
        .call(&["EVAL", script, "1", &key, &count.to_string()]);
}

/// Starts a backtest without waiting for it, and gives the client's id.
fn start(scene: &Scene, more: &[&str]) -> (std::thread::JoinHandle<Result<Value, String>>, i64) {
    let mut client = scene.connect();
    let id = client.int(&["CLIENT", "ID"]);
    let mut command: Vec<String> = ["LEAFLET.RULE.BACKTEST", "r", "DOMAIN", &scene.domain]
        .map(String::from)
        .into();
    command.extend(more.iter().map(|word| word.to_string()));
    (std::thread::spawn(move || client.try_call(&command)), id)
}

fn blocked(client: &mut Client) -> u64 {
    client.info("clients")["blocked_clients"]
        .parse()
        .expect("a number")
}

#[test]
fn others_are_served_while_many_events_are_read() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "backtest");
    fill(&mut scene, "axon_1", 100_000);
    fill(&mut scene, "axon_2", 100_000);
    scene.rule("r", "MATCH A[n % 1000 = 0] WITHIN 1s");
    let (running, _) = start(&scene, &[]);
    scene
        .client
        .wait_until("it runs", |client| blocked(client) == 1);
    let (mut pings, mut late) = (0, 0);
    while !running.is_finished() {
        assert_eq!(scene.client.text(&["PING"]), "PONG");
        pings += 1;
        // What is written once it reads is not read.
        if pings % 20 == 1 {
            late += 1;
            scene.add(
                "axon_1",
                &format!("{}-0", 2_000_000 + late),
                &[("type", "A")],
            );
        }
    }
    let tried = Tried::of(running.join().expect("a reply"));
    let read = tried.number("events_read");
    assert!((200_000..200_000 + late).contains(&read), "{read}");
    assert_eq!(tried.number("matches"), 200);
    assert!(tried.number("slices") > 1);
    assert!(tried.number("longest_slice_us") > 0);
    assert_eq!(stat(&mut scene.client, &[], "internal_errors"), 0);
}

#[test]
fn streams_may_be_trimmed_and_deleted_meanwhile() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "backtest");
    fill(&mut scene, "axon_1", 50_000);
    fill(&mut scene, "axon_2", 50_000);
    scene.rule("r", "MATCH A WITHIN 1s");
    let (running, _) = start(&scene, &[]);
    scene
        .client
        .wait_until("it runs", |client| blocked(client) == 1);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    scene.client.call(&["XTRIM", &a, "MAXLEN", "10"]);
    scene.client.ok(&["SET", &b, "no stream"]);
    let tried = Tried::of(running.join().expect("a reply"));
    let read = tried.number("events_read");
    assert!((10..100_000).contains(&read), "{read}");
    assert_eq!(tried.number("emitted"), read);
    assert_eq!(scene.client.text(&["PING"]), "PONG");
}

#[test]
fn a_backtest_ends_with_its_client() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "backtest");
    fill(&mut scene, "axon_1", 200_000);
    scene.rule("r", "MATCH A -> A WITHIN 1h CONSUME NONE");
    let running: Vec<_> = (0..4).map(|_| start(&scene, &[])).collect();
    scene
        .client
        .wait_until("they run", |client| blocked(client) == 4);
    let one_more = ["LEAFLET.RULE.BACKTEST", "r", "DOMAIN", &scene.domain];
    let line = "ERR LEAFLET: 4 backtests are running already, which is the limit";
    scene.client.refused_with(&one_more, line);
    let mut ways = [
        "CLIENT KILL ID",
        "CLIENT UNBLOCK TIMEOUT",
        "CLIENT UNBLOCK ERROR",
        "CLIENT KILL ID",
    ]
    .iter();
    for (thread, id) in running {
        let id = id.to_string();
        let way = ways.next().expect("a way");
        match *way {
            "CLIENT KILL ID" => scene.client.call(&["CLIENT", "KILL", "ID", &id]),
            "CLIENT UNBLOCK TIMEOUT" => scene.client.call(&["CLIENT", "UNBLOCK", &id]),
            _ => scene.client.call(&["CLIENT", "UNBLOCK", &id, "ERROR"]),
        };
        let line = thread.join().expect("a reply").expect_err(way);
        match *way {
            "CLIENT KILL ID" => assert!(line.starts_with("not an error reply"), "{line}"),
            "CLIENT UNBLOCK TIMEOUT" => {
                assert_eq!(line, "ERR LEAFLET: the backtest was stopped");
            }
            _ => assert!(line.starts_with("UNBLOCKED "), "{line}"),
        }
    }
    assert_eq!(blocked(&mut scene.client), 0);
    // They don't count any more.
    let tried = try_rule(&mut scene, "r", &["TO", "100"]);
    assert_eq!(tried.number("events_read"), 10);
    assert_eq!(stat(&mut scene.client, &[], "internal_errors"), 0);
}

#[test]
fn another_data_set_or_role_ends_a_backtest() {
    let Some(server) = own(Options::new().arg("--enable-debug-command", "yes")) else {
        return;
    };
    let mut scene = Scene::on(&server, "backtest");
    fill(&mut scene, "axon_1", 200_000);
    scene.rule("r", "MATCH A -> A WITHIN 1h CONSUME NONE");
    let primary = Server::start();
    let port = primary.port().to_string();
    for (command, why) in [
        (
            &["DEBUG", "RELOAD"][..],
            "ERR LEAFLET: the backtest was stopped: ",
        ),
        (&["REPLICAOF", "127.0.0.1", &port], "UNBLOCKED "),
    ] {
        let (running, _) = start(&scene, &[]);
        scene
            .client
            .wait_until("it runs", |client| blocked(client) == 1);
        scene.client.ok(command);
        let line = running.join().expect("a reply").expect_err(why);
        assert!(line.starts_with(why), "{line}");
    }
    assert_eq!(stat(&mut scene.client, &[], "internal_errors"), 0);
}
