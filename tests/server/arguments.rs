//! Events are read from the arguments of their XADD where those are known to be its own, and else from the stream:
//! what the rules see is the same.

use crate::support::{own, text, Client, Options, Scene};
use redis::Value;
use std::path::Path;
use std::process::Command;
use std::thread;

/// Shows what the rule saw.
const RULE: &str = "MATCH A AS a WITHIN 1s EMIT x = a.x, y = a.y";

/// A server, and a domain in it whose rule shows what it sees.
struct Seen {
    scene: Scene,
    axon: String,
    /// How many events have been read from arguments.
    from_arguments: u64,
}

impl Seen {
    fn new(server: &crate::support::Server) -> Self {
        let mut scene = Scene::on(server, "arguments");
        scene.rule("show", RULE);
        Self {
            axon: scene.key("axon_1"),
            from_arguments: scene.stat("events_from_arguments"),
            scene,
        }
    }

    fn client(&mut self) -> &mut Client {
        &mut self.scene.client
    }

    /// What the rule saw last: `x` and `y`, from the newest as many events.
    fn last(&mut self, count: usize) -> Vec<(String, String)> {
        let out = self.scene.out();
        let get = |entry: &crate::support::Entry, name| entry.get(name).unwrap_or("-").to_owned();
        out[out.len() - count..]
            .iter()
            .map(|entry| (get(entry, "x"), get(entry, "y")))
            .collect()
    }

    /// The rule has seen these; so many of them were read from arguments.
    fn check(&mut self, how: &str, seen: &[(&str, &str)], from_arguments: u64) {
        let seen: Vec<_> = seen
            .iter()
            .map(|(x, y)| (x.to_string(), y.to_string()))
            .collect();
        assert_eq!(self.last(seen.len()), seen, "{how}");
        let before = self.from_arguments;
        self.from_arguments = self.scene.stat("events_from_arguments");
        assert_eq!(self.from_arguments - before, from_arguments, "{how}");
    }
}

#[test]
fn options_and_ids_of_any_form_stand_before_the_fields() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    let axon = seen.axon.clone();
    for (i, options) in [
        &["*"][..],
        &["9000000000000-*"],
        &["9000000000001-7"],
        &["MAXLEN", "5", "*"],
        &["MAXLEN", "~", "5", "LIMIT", "10", "*"],
        &["NOMKSTREAM", "MINID", "=", "3", "*"],
        // It is trimmed at once.
        &["MAXLEN", "0", "*"],
    ]
    .iter()
    .enumerate()
    {
        let x = i.to_string();
        let head = [&["xAdd", &axon], *options].concat();
        let command = [&head[..], &["type", "A", "x", &x, "x", "second", "y", ""]].concat();
        seen.client().text(&command);
        seen.check(&format!("{options:?}"), &[(&x, "")], 1);
    }
}

#[test]
fn an_entry_of_many_fields_is_read_from_the_stream() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    for (fields, from_arguments) in [(27, 1), (40, 0), (2000, 0)] {
        let mut words = vec!["XADD".to_owned(), seen.axon.clone(), "*".into()];
        words.extend(["type", "A", "x", "1"].map(String::from));
        words.extend((0..fields).flat_map(|i| [format!("f{i}"), "v".into()]));
        words.extend(["y", "2"].map(String::from));
        seen.client().text(&words);
        seen.check(&format!("{fields} fields"), &[("1", "2")], from_arguments);
    }
}

#[test]
fn in_a_transaction_the_noted_command_is_not_the_running_one() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    let axon = seen.axon.clone();
    let script =
        "return redis.call('XADD', KEYS[1], '*', 'type', 'A', 'x', ARGV[1], 'y', 'script')";
    let client = seen.client();
    client.ok(&["MULTI"]);
    for command in [
        &["XADD", &axon, "*", "type", "A", "x", "1", "y", "one"][..],
        &["EVAL", script, "1", &axon, "2"],
        &["XADD", &axon, "*", "type", "A", "x", "3", "y", "three"],
    ] {
        client.text(command);
    }
    client.call(&["EXEC"]);
    let expected = [("1", "one"), ("2", "script"), ("3", "three")];
    seen.check("MULTI", &expected, 1);
}

#[test]
fn scripts_and_functions_are_read_from_their_arguments() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    let axon = seen.axon.clone();
    // The first fails after it has passed: its arguments must not be taken for the second's.
    let script = "redis.call('SET', KEYS[2], 'text')
        for i = 1, 3 do
            redis.pcall('XADD', KEYS[2], '*', 'type', 'A', 'x', 'wrong', 'y', tostring(i))
            redis.call('XADD', KEYS[1], '*', 'type', 'A', 'x', tostring(i), 'y', 'right')
        end";
    let client = seen.client();
    client.call(&["EVAL", script, "2", &axon, "no stream"]);
    let expected = [("1", "right"), ("2", "right"), ("3", "right")];
    seen.check("EVAL", &expected, 3);
    let library = "#!lua name=arguments
        redis.register_function('add', function(keys, args)
            return redis.call('XADD', keys[1], '*', 'type', 'A', 'x', args[1], 'y', 'function')
        end)";
    let client = seen.client();
    client.text(&["FUNCTION", "LOAD", library]);
    client.text(&["FCALL", "add", "1", &axon, "4"]);
    seen.check("FCALL", &[("4", "function")], 1);
}

#[test]
fn what_failed_is_not_taken_for_what_runs() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    let axon = seen.axon.clone();
    seen.client().ok(&["SET", "no stream", "text"]);
    for _ in 0..50 {
        seen.client().refused(&[
            "XADD",
            "no stream",
            "*",
            "type",
            "A",
            "x",
            "wrong",
            "y",
            "0",
        ]);
        seen.client()
            .refused(&["XADD", &axon, "0-0", "type", "A", "x", "wrong", "y", "0"]);
        // Lets time pass without a command that passes the filter.
        let client = seen.client();
        client.ok(&["MULTI"]);
        client.text(&["XADD", &axon, "*", "type", "A", "x", "1", "y", "2"]);
        client.call(&["EXEC"]);
    }
    seen.check("after failures", &[("1", "2"); 50], 0);
}

#[test]
fn writes_that_were_paused_are_read_right() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    let axon = seen.axon.clone();
    seen.client().ok(&["CLIENT", "PAUSE", "100000", "WRITE"]);
    let waiting: Vec<_> = (0..6)
        .map(|i| {
            let mut client = seen.scene.connect();
            let (axon, x) = (axon.clone(), i.to_string());
            let waiting = thread::spawn(move || {
                client.text(&["XADD", &axon, "*", "type", "A", "x", &x, "y", &x])
            });
            let blocked = |observer: &mut Client| {
                observer.info("clients")["blocked_clients"] == (i + 1).to_string()
            };
            seen.client().wait_until("the write waits", blocked);
            waiting
        })
        .collect();
    seen.client().ok(&["CLIENT", "UNPAUSE"]);
    waiting.into_iter().for_each(|write| {
        write.join().expect("the write is done");
    });
    let mut last = seen.last(6);
    last.sort();
    let expected: Vec<_> = (0..6).map(|i| (i.to_string(), i.to_string())).collect();
    assert_eq!(last, expected);
    // Those that come afterwards are their own again.
    seen.from_arguments = seen.scene.stat("events_from_arguments");
    seen.client()
        .text(&["XADD", &axon, "*", "type", "A", "x", "7", "y", "8"]);
    seen.check("after a pause", &[("7", "8")], 1);
}

#[test]
fn it_can_be_turned_off() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    let axon = seen.axon.clone();
    for (setting, from_arguments) in [("no", 0), ("yes", 1)] {
        seen.client()
            .ok(&["CONFIG", "SET", "leaflet.read-arguments", setting]);
        let shown = seen
            .client()
            .call(&["CONFIG", "GET", "leaflet.read-arguments"]);
        assert!(text(&shown).contains(setting));
        seen.client()
            .text(&["XADD", &axon, "*", "type", "A", "x", "1", "y", setting]);
        seen.check(setting, &[("1", setting)], from_arguments);
    }
    seen.client()
        .refused(&["CONFIG", "SET", "leaflet.read-arguments", "perhaps"]);
}

#[test]
fn databases_are_told_apart() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    let axon = seen.axon.clone();
    let mut other = seen.scene.connect();
    other.ok(&["SELECT", "3"]);
    other.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "other",
        "AXONS",
        &axon,
        "OUTPUT",
        "out",
    ]);
    other.ok(&["LEAFLET.RULE.ADD", "other", RULE, "DOMAIN", "other"]);
    for i in 0..4 {
        let x = i.to_string();
        seen.client()
            .text(&["XADD", &axon, "*", "type", "A", "x", &x, "y", "home"]);
        other.text(&["XADD", &axon, "*", "type", "A", "x", &x, "y", "away"]);
        other.text(&["XADD", "nobody's", "*", "type", "A", "x", &x, "y", "lost"]);
        assert_eq!(seen.last(1), [(x.clone(), "home".to_owned())]);
        let away = other.entries("out");
        let last = away.last().expect("an integrated event");
        assert_eq!((last.get("x"), last.get("y")), (Some(&*x), Some("away")));
        assert_eq!(away.len(), i + 1);
    }
}

#[test]
fn what_the_module_appends_is_read_right() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    let (axon, out) = (seen.axon.clone(), seen.scene.key("out"));
    let client = seen.client();
    client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "next",
        "AXONS",
        &out,
        "OUTPUT",
        "next",
    ]);
    let rule =
        "MATCH MULTI_ORIGINATED AS m WITHIN 1s EMIT x = m.x, y = m.y, by = m.correlation_rule";
    client.ok(&["LEAFLET.RULE.ADD", "next", rule, "DOMAIN", "next"]);
    for i in 0..3 {
        let x = i.to_string();
        client.text(&["XADD", &axon, "*", "type", "A", "x", &x, "y", "2"]);
        let next = client.entries("next");
        let last = next.last().expect("an integrated event");
        let fields = ["x", "y", "by"].map(|name| last.get(name));
        assert_eq!(fields, [Some(&*x), Some("2"), Some("show")]);
        assert_eq!(next.len(), i + 1);
    }
}

#[test]
fn replicas_and_restarts_see_the_same() {
    let Some(mut primary) = own(Options::new().aof()) else {
        return;
    };
    let rule = "MATCH A AS a -> B AS b WITHIN 1h EMIT x = a.x, y = b.y";
    let mut client = Client::connect(&primary.url());
    client.ok(&["LEAFLET.RULE.ADD", "pair", rule]);
    let replica = Options::new().replica_of(&primary).start();
    client.wait_until("the replica is there", |client| {
        client.info("replication")["connected_slaves"] == "1"
    });
    let first = [
        "XADD",
        "stream:axon_1",
        "*",
        "type",
        "A",
        "x",
        "1",
        "y",
        "wrong",
    ];
    client.text(&first);
    client.int(&["WAIT", "1", "10000"]);
    primary.kill();
    primary.restart();
    let second = [
        "XADD",
        "stream:axon_1",
        "*",
        "type",
        "B",
        "x",
        "wrong",
        "y",
        "2",
    ];
    for (who, server) in [("restarted", &primary), ("promoted", &replica)] {
        let mut client = Client::connect(&server.url());
        client.ok(&["REPLICAOF", "NO", "ONE"]);
        client.text(&second);
        let out = client.entries("stream:integrated_events");
        let seen: Vec<_> = out.iter().map(|e| (e.get("x"), e.get("y"))).collect();
        assert_eq!(seen, [(Some("1"), Some("2"))], "{who}");
    }
}

#[test]
fn while_another_module_may_exchange_arguments_they_are_not_read() {
    let Some(server) = own(Options::new().arg("--enable-module-command", "yes")) else {
        return;
    };
    let built = server.dir().join("rewriter.so");
    let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/server/fixtures/rewriter.c");
    let compiled = Command::new("cc")
        .args(["-shared", "-fPIC", "-Wall", "-Wextra", "-Werror", "-o"])
        .args([&built, &source])
        .status();
    assert!(compiled.is_ok_and(|status| status.success()));
    let mut seen = Seen::new(&server);
    let axon = seen.axon.clone();
    let add = ["XADD", &axon, "*", "type", "A", "x", "1", "y", "sent"];
    seen.client().text(&add);
    seen.check("alone", &[("1", "sent")], 1);
    let built = built.to_string_lossy();
    seen.client().ok(&["MODULE", "LOAD", &built]);
    seen.client().text(&add);
    seen.check("with another", &[("1", "rewritten")], 0);
    let entries = seen.client().entries(&axon);
    assert_eq!(
        entries.last().and_then(|entry| entry.get("y")),
        Some("rewritten")
    );
    seen.client().ok(&["MODULE", "UNLOAD", "rewriter"]);
    seen.client().text(&add);
    seen.check("alone again", &[("1", "sent")], 1);
}

#[test]
fn what_fails_to_be_written_leaves_nothing() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut seen = Seen::new(&server);
    let axon = seen.axon.clone();
    // Refused before it runs: by its arity, by the user's rights.
    seen.client().refused(&["XADD", &axon, "*", "type"]);
    let user = ["ACL", "SETUSER", "reader", "on", "nopass", "+@read", "~*"];
    seen.client().ok(&user);
    let mut reader = seen.scene.connect();
    reader.ok(&["AUTH", "reader", "any"]);
    let refused = reader.refused(&["XADD", &axon, "*", "type", "A", "x", "no", "y", "no"]);
    assert!(refused.contains("NOPERM"), "{refused}");
    seen.client()
        .text(&["XADD", &axon, "*", "type", "A", "x", "1", "y", "2"]);
    seen.check("after refusals", &[("1", "2")], 1);
    assert!(matches!(
        seen.client().call(&["PING"]),
        Value::SimpleString(_)
    ));
}
