//! Saccules on servers: what they reject, skip and change, and that replicas and restarts agree.

use crate::explain::played;
use crate::support::{own, text, Client, Entry, Options, Scene, Server};

/// A domain that tells of what it rejects, with a rule that shows what it sees.
fn scene() -> Scene {
    let mut scene = Scene::new("saccules");
    let (domain, bad) = (scene.domain.clone(), scene.key("bad"));
    let axons = scene.key("axon_*");
    let out = scene.key("out");
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &domain]);
    scene.client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &domain,
        "AXONS",
        &axons,
        "OUTPUT",
        &out,
        "REJECTED",
        &bad,
    ]);
    scene.rule(
        "show",
        "MATCH A AS a WITHIN 1s EMIT x = a.x, y = a.y, z = a.z",
    );
    scene
}

fn add(scene: &mut Scene, name: &str, text: &str, more: &[&str]) {
    let domain = scene.domain.clone();
    let command = [
        &["LEAFLET.SACCULE.ADD", name, text, "DOMAIN", &domain],
        more,
    ]
    .concat();
    scene.client.ok(&command);
}

fn rejected(scene: &mut Scene) -> Vec<Entry> {
    let bad = scene.key("bad");
    scene.client.entries(&bad)
}

fn shown(entry: &Entry) -> [Option<&str>; 3] {
    ["x", "y", "z"].map(|name| entry.get(name))
}

#[test]
fn what_is_rejected_is_told_with_its_reason() {
    let mut scene = scene();
    add(
        &mut scene,
        "sane",
        "REQUIRE x > 0 ELSE 'too little'; REQUIRE y != 'no'",
        &[],
    );
    for (id, fields) in [
        ("1-0", &[("type", "A"), ("event_id", "a"), ("x", "0")][..]),
        ("2-0", &[("type", "A"), ("x", "1"), ("y", "no")]),
        ("3-0", &[("type", "A"), ("x", "1"), ("y", "yes")]),
        ("4-0", &[("type", "A"), ("y", "yes")]),
    ] {
        scene.add("axon_1", id, fields);
    }
    assert_eq!(scene.out().len(), 1);
    let axon = scene.key("axon_1");
    let domain = scene.domain.clone();
    let names = [
        "event_type",
        "source_event",
        "stream",
        "id",
        "domain",
        "saccule",
        "reason",
    ];
    let letters = rejected(&mut scene);
    let told: Vec<_> = letters
        .iter()
        .map(|letter| names.map(|name| letter.get(name)))
        .collect();
    let place = format!("{axon}/2-0");
    let last = format!("{axon}/4-0");
    let letter =
        |source, id, reason| ["REJECTED", source, &axon, id, &domain, "sane", reason].map(Some);
    assert_eq!(
        told,
        [
            letter("a", "1-0", "too little"),
            letter(&place, "2-0", "y != 'no'"),
            letter(&last, "4-0", "too little"),
        ]
    );
    let list = scene
        .client
        .call(&["LEAFLET.SACCULE.LIST", "DOMAIN", &domain]);
    let list = text(&list);
    for part in ["sane", "too little", "y != 'no'"] {
        assert!(list.contains(part), "{list}");
    }
    assert_eq!(scene.stat("events_rejected"), 3);
    let info = text(&scene.client.call(&["LEAFLET.DOMAIN.INFO", &domain]));
    assert!(info.contains("too little"), "{info}");
    let server = scene.client.info("everything");
    assert!(server
        .values()
        .any(|line| line.contains("rejected=3,skipped=0")));
}

#[test]
fn the_view_is_changed_and_the_stream_is_not() {
    let mut scene = scene();
    let change =
        "RENAME old TO x; SET y = x * 2; DEFAULT z = 'none'; CAST x AS NUMBER; DROP secret";
    add(&mut scene, "change", change, &["AXON", "axon_1"]);
    let skip = "SKIP WHEN x = 7; SET type = upper(type)";
    add(&mut scene, "skip", skip, &[]);
    scene.add(
        "axon_1",
        "1-0",
        &[("type", "a"), ("old", "1.50"), ("secret", "s")],
    );
    scene.add("axon_2", "2-0", &[("type", "A"), ("old", "1.50")]);
    scene.add("axon_2", "3-0", &[("type", "A"), ("x", "7")]);
    let out = scene.out();
    let seen: Vec<_> = out.iter().map(shown).collect();
    assert_eq!(seen, [[Some("1.5"), Some("3"), Some("none")], [None; 3]]);
    assert_eq!(scene.stat("events_skipped"), 1);
    assert!(rejected(&mut scene).is_empty());
    let axon = scene.key("axon_1");
    let entries = scene.client.entries(&axon);
    let stored = ["type", "old", "secret", "x"].map(|name| entries[0].get(name));
    assert_eq!(stored, [Some("a"), Some("1.50"), Some("s"), None]);
}

#[test]
fn the_line_keeps_its_order_and_places() {
    let mut scene = scene();
    let domain = scene.domain.clone();
    add(&mut scene, "first", "SET x = 1", &[]);
    add(&mut scene, "second", "SET y = x + 1", &[]);
    let again = [
        "LEAFLET.SACCULE.ADD",
        "first",
        "SET x = 5",
        "DOMAIN",
        &domain,
    ];
    scene.client.refused_about(&again, "exists already");
    add(&mut scene, "first", "SET x = 10", &["REPLACE"]);
    scene.add("axon_1", "1-0", &[("type", "A")]);
    scene
        .client
        .ok(&["LEAFLET.SACCULE.DEL", "first", "DOMAIN", &domain]);
    scene.add("axon_1", "2-0", &[("type", "A"), ("x", "3")]);
    let out = scene.out();
    let seen: Vec<_> = out.iter().map(shown).collect();
    assert_eq!(
        seen,
        [[Some("10"), Some("11"), None], [Some("3"), Some("4"), None]]
    );
}

#[test]
fn wrong_input_is_refused_with_a_line_and_changes_nothing() {
    let mut scene = scene();
    let domain = scene.domain.clone();
    let (out, axon) = (scene.key("out"), scene.key("axon_1"));
    for (command, line) in [
        (
            vec!["LEAFLET.SACCULE.ADD", "s", "REQIRE x"],
            "column 1: expected",
        ),
        (vec!["LEAFLET.SACCULE.ADD", "s", "{\"type\":"], "column"),
        (vec!["LEAFLET.SACCULE.ADD", "", "DROP x"], "can't be empty"),
        (
            vec!["LEAFLET.SACCULE.ADD", "s", "DROP x", "AXIS", "a"],
            "unknown option 'AXIS'",
        ),
        (
            vec!["LEAFLET.SACCULE.ADD", "s", "DROP x", "DOMAIN", "nowhere"],
            "no such domain 'nowhere'",
        ),
        (
            vec!["LEAFLET.SACCULE.DEL", "s", "DOMAIN", &domain],
            "no such saccule 's'",
        ),
        (
            vec!["LEAFLET.SACCULE.LIST", "DOMAIN", "nowhere"],
            "no such domain 'nowhere'",
        ),
        (
            vec![
                "LEAFLET.DOMAIN.CREATE",
                "d",
                "AXONS",
                &axon,
                "OUTPUT",
                &out,
                "REJECTED",
                &axon,
            ],
            "one of the domain's own axons",
        ),
        (
            vec![
                "LEAFLET.DOMAIN.CREATE",
                "d",
                "AXONS",
                &axon,
                "OUTPUT",
                &out,
                "REJECTED",
                &out,
            ],
            "another stream than OUTPUT",
        ),
    ] {
        let refused = scene.client.refused(&command);
        assert!(
            refused.starts_with("ERR LEAFLET: ") && refused.contains(line),
            "{refused}"
        );
    }
    let many = vec!["DROP x"; 257].join(";");
    let command = ["LEAFLET.SACCULE.ADD", "s", &many, "DOMAIN", &domain];
    scene
        .client
        .refused_about(&command, "at most 256 statements");
    let long = format!("REQUIRE x = '{}'", "x".repeat(2 << 20));
    scene
        .client
        .refused(&["LEAFLET.SACCULE.ADD", "s", &long, "DOMAIN", &domain]);
    let list = scene
        .client
        .call(&["LEAFLET.SACCULE.LIST", "DOMAIN", &domain]);
    assert_eq!(text(&list), text(&redis::Value::Array(Vec::new())));
}

#[test]
fn in_a_transaction_each_is_told_once() {
    let mut scene = scene();
    add(&mut scene, "sane", "REQUIRE x > 0 ELSE 'too little'", &[]);
    let axon = scene.key("axon_1");
    scene.client.ok(&["MULTI"]);
    for x in ["0", "1", "-1"] {
        scene
            .client
            .text(&["XADD", &axon, "*", "type", "A", "x", x]);
    }
    scene.client.call(&["EXEC"]);
    assert_eq!((rejected(&mut scene).len(), scene.out().len()), (2, 1));
}

const ADD: [&str; 3] = [
    "LEAFLET.SACCULE.ADD",
    "sane",
    "REQUIRE x > 0 ELSE 'too little'; SET x = x + 1",
];

fn fill(client: &mut Client) {
    client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "d",
        "AXONS",
        "d:*",
        "OUTPUT",
        "out",
        "REJECTED",
        "bad",
    ]);
    client.ok(&[
        "LEAFLET.RULE.ADD",
        "show",
        "MATCH A AS a -> B AS b WITHIN 1h EMIT x = a.x, y = b.x",
        "DOMAIN",
        "d",
    ]);
    client.ok(&[&ADD[..], &["DOMAIN", "d"]].concat());
    client.ok(&[
        "LEAFLET.SACCULE.ADD",
        "last",
        "SET x = x * 10",
        "DOMAIN",
        "d",
        "AXON",
        "b*",
    ]);
    client.text(&["XADD", "d:a", "1000-0", "type", "A", "x", "0"]);
    client.text(&["XADD", "d:a", "1001-0", "type", "A", "x", "1"]);
}

fn goes_on(who: &str, client: &mut Client) {
    client.text(&["XADD", "d:b", "1002-0", "type", "B", "x", "0"]);
    client.text(&["XADD", "d:b", "1003-0", "type", "B", "x", "2"]);
    let out = client.entries("out");
    let seen: Vec<_> = out
        .iter()
        .map(|entry| (entry.get("x"), entry.get("y")))
        .collect();
    assert_eq!(seen, [(Some("2"), Some("30"))], "{who}");
    let bad = client.entries("bad");
    let ids: Vec<_> = bad.iter().map(|letter| letter.get("id")).collect();
    assert_eq!(ids, [Some("1000-0"), Some("1002-0")], "{who}");
}

#[test]
fn restarts_and_replicas_have_the_same_line() {
    for (how, options) in [
        ("AOF", Options::new().aof()),
        (
            "AOF without preamble",
            Options::new().aof().arg("--aof-use-rdb-preamble", "no"),
        ),
        ("RDB", Options::new()),
    ] {
        let Some(mut server) = own(options) else {
            return;
        };
        let mut client = Client::connect(&server.url());
        fill(&mut client);
        if how == "RDB" {
            client.ok(&["SAVE"]);
        }
        server.kill();
        server.restart();
        goes_on(how, &mut Client::connect(&server.url()));
    }
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&primary.url());
    fill(&mut client);
    let replica = Options::new().replica_of(&primary).start();
    client.wait_until("the replica is there", |client| {
        client.info("replication")["connected_slaves"] == "1"
    });
    client.text(&["XADD", "d:a", "1001-1", "type", "A", "x", "1"]);
    client.int(&["WAIT", "1", "10000"]);
    drop::<Server>(primary);
    let mut promoted = Client::connect(&replica.url());
    promoted.ok(&["REPLICAOF", "NO", "ONE"]);
    goes_on("promoted", &mut promoted);
}

#[test]
fn the_past_passes_them_too() {
    let mut scene = scene();
    let domain = scene.domain.clone();
    add(
        &mut scene,
        "sane",
        "REQUIRE x > 0 ELSE 'too little'; SET x = x + 1",
        &[],
    );
    scene.add("axon_1", "1-0", &[("type", "A"), ("x", "0")]);
    scene.add("axon_1", "2-0", &[("type", "A"), ("x", "1")]);
    let test = ["LEAFLET.RULE.BACKTEST", "show", "DOMAIN", &domain];
    let figures = scene.client.map(&test);
    let found = ["events_read", "events_rejected", "matches"].map(|name| &*figures[name]);
    assert_eq!(found, ["2", "1", "1"]);
    scene.client.ok(&["LEAFLET.REBUILD", "DOMAIN", &domain]);
    scene.client.wait_until("it is rebuilt", |client| {
        client.map(&["LEAFLET.STATS"])["domains_rebuilding"] == "0"
    });
    assert_eq!((rejected(&mut scene).len(), scene.out().len()), (1, 1));
}

#[test]
fn changes_are_recorded() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    client.ok(&ADD);
    client.ok(&[&ADD[..], &["REPLACE"]].concat());
    client.ok(&[
        "LEAFLET.SACCULE.ADD",
        "sane",
        "DROP y",
        "AXON",
        "axon_*",
        "REPLACE",
    ]);
    client.ok(&["LEAFLET.SACCULE.DEL", "sane"]);
    let record = client.entries("leaflet:audit");
    let names = ["action", "name", "old", "new"];
    let told: Vec<_> = record
        .iter()
        .map(|change| names.map(|name| change.get(name)))
        .collect();
    let (first, second) = (ADD[2], "DROP y AXON axon_*");
    assert_eq!(
        told,
        [
            [Some("SACCULE.ADD"), Some("sane"), None, Some(first)],
            [Some("SACCULE.ADD"), Some("sane"), Some(first), Some(second)],
            [Some("SACCULE.DEL"), Some("sane"), Some(second), None],
        ]
    );
}

#[test]
fn the_sessions_of_the_manual_are_real() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    let (commands, shown) = played(&mut client, include_str!("../../docs/saccules.md"));
    assert!(commands > 9 && shown > 40, "{commands} {shown}");
}
