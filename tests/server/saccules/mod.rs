//! Saccules in a server: what they do to events, how they are defined, and what is said of them.

mod letters;
mod surviving;

use redis::Value;

use crate::seed::SEED;
use crate::support::{fields, items, own, text, Client, Options, Scene};

/// Adds a saccule to the scene's domain.
fn saccule(scene: &mut Scene, name: &str, text: &str, more: &[&str]) {
    let domain = scene.domain.clone();
    let command = ["LEAFLET.SACCULE.ADD", name, text, "DOMAIN", &domain];
    scene.client.ok(&[&command, more].concat());
}

/// The domain's saccules: `name(axon): text`.
fn listed(client: &mut Client, domain: &str) -> Vec<String> {
    let list = items(client.call(&["LEAFLET.SACCULE.LIST", "DOMAIN", domain]));
    let shown = |item: &Value| {
        let of = |name: &str| {
            let found = fields(item).into_iter().find(|(field, _)| field == name);
            text(&found.expect("a field").1)
        };
        format!("{}({}): {}", of("name"), of("axon"), of("text"))
    };
    list.iter().map(shown).collect()
}

#[test]
fn the_view_changes_and_the_stream_does_not() {
    let mut scene = Scene::new("saccules");
    scene.rule(
        "seed",
        "MATCH A@axon_1 AS a AND B@axon_2 AS b WITHIN 2s EMIT user = a.user",
    );
    saccule(
        &mut scene,
        "shape",
        "RENAME kind TO type; SET value = value / 100",
        &["AXON", "axon_1"],
    );
    saccule(
        &mut scene,
        "sane",
        "REQUIRE value <= 1 ELSE 'too much'; DEFAULT user = 'nobody'",
        &[],
    );
    scene.add(
        "axon_1",
        "1000-0",
        &[("kind", "A"), ("event_id", "a"), ("value", "50")],
    );
    scene.add(
        "axon_2",
        "1001-0",
        &[("type", "B"), ("event_id", "b"), ("value", "1")],
    );
    assert_eq!(scene.matches(), ["a b"]);
    let found = &scene.out()[0];
    // Copies are of what the engine saw.
    assert_eq!(found.get("integrated_value"), Some("0.75"));
    assert_eq!(found.get("user"), Some("nobody"));
    let key = scene.key("axon_1");
    let entry = &scene.client.entries(&key)[0];
    assert_eq!(entry.get("value"), Some("50"));
    assert_eq!(entry.get("kind"), Some("A"));
    // Of an axon that the first does not look at, 50 is too much.
    scene.feed(&["a2 A@axon_1 1002 value=50", "b2 B@axon_2 1003 value=50"]);
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(scene.stat("events_rejected"), 1);
    assert_eq!(scene.stat("events_seen"), 4);
}

#[test]
fn replaced_ones_keep_their_place() {
    let mut scene = Scene::new("saccules");
    let domain = scene.domain.clone();
    scene.rule("any", "MATCH ANY AS a WITHIN 1s EMIT v = a.v");
    saccule(&mut scene, "one", "SET v = 1", &[]);
    saccule(&mut scene, "two", "set v = v * 10;", &["axon", "axon_*"]);
    scene.feed(&["a A@axon_1 1000"]);
    let command = ["LEAFLET.SACCULE.ADD", "one", "SET v = 2", "DOMAIN", &domain];
    scene
        .client
        .refused_about(&command, "saccule 'one' exists already");
    saccule(&mut scene, "one", "SET v = 2", &["REPLACE"]);
    assert_eq!(
        listed(&mut scene.client, &domain),
        ["one(): SET v = 2", "two(axon_*): SET v = v * 10"]
    );
    scene.feed(&["b A@axon_1 1001"]);
    // The same changes nothing, and what was counted stays.
    saccule(&mut scene, "one", "SET v=2", &["REPLACE"]);
    scene
        .client
        .ok(&["LEAFLET.SACCULE.DEL", "two", "DOMAIN", &domain]);
    scene.feed(&["c A@axon_1 1002"]);
    let values: Vec<String> = scene
        .out()
        .iter()
        .map(|entry| entry.get("v").unwrap_or_default().to_string())
        .collect();
    assert_eq!(values, ["10", "20", "2"]);
    let list = items(
        scene
            .client
            .call(&["LEAFLET.SACCULE.LIST", "DOMAIN", &domain]),
    );
    let seen = fields(&list[0])
        .into_iter()
        .find(|(name, _)| name == "seen");
    assert_eq!(text(&seen.expect("a count").1), "2");
}

#[test]
fn time_is_read_from_what_saccules_leave() {
    let mut scene = Scene::with_options("saccules", &["TIME", "FIELD", "at", "LATENESS", "1s"]);
    scene.rule("pair", "MATCH A -> B WITHIN 5s");
    saccule(
        &mut scene,
        "clock",
        "RENAME \"when\" TO at; CAST at AS TIME",
        &[],
    );
    scene.feed(&["b B@axon_1 10000 when=1970-01-01T00:00:09Z"]);
    scene.feed(&["a A@axon_1 10001 when=8500"]);
    scene.feed(&["c C@axon_1 10002 when=10000", "d C@axon_1 10003 when=soon"]);
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(scene.stat("events_rejected"), 1);
    assert_eq!(scene.stat("events_untimed"), 0);
}

#[test]
fn what_is_wrong_is_said_in_one_line() {
    let mut scene = Scene::new("saccules");
    let domain = scene.domain.clone();
    for (text, line) in [
        ("REQUIRE value >", "column 16: expected a value, found end of saccule"),
        ("REQIRE x", "column 1: expected CAST, DEFAULT, DROP, RENAME, REQUIRE, SET or SKIP, found 'REQIRE' (did you mean REQUIRE?)"),
        (r#"{"properties":{"v":{"minimun":1}}}"#, "column 29: there is no 'minimun' here (did you mean 'minimum'?)"),
        ("SKIP WHEN x = NULL", "column 11: x = NULL can never hold: nothing compares with NULL (IS NULL tests for it)"),
    ] {
        let command = ["LEAFLET.SACCULE.ADD", "s", text, "DOMAIN", &domain];
        scene.client.refused_with(&command, &format!("ERR LEAFLET: {line}"));
    }
    let add = ["LEAFLET.SACCULE.ADD", "s", "DROP x"];
    for (more, phrase) in [
        (&["IN", &domain][..], "expected DOMAIN, AXON or REPLACE"),
        (&["AXON"], "the glob of AXON is missing"),
        (&["AXON", ""], "AXON can't be empty"),
        (&["AXON", "a", "AXON", "b"], "AXON is given twice"),
        (&["REPLACE", "REPLACE"], "REPLACE is given twice"),
        (&["DOMAIN", "nowhere"], "no such domain 'nowhere'"),
    ] {
        scene.client.refused_about(&[&add, more].concat(), phrase);
    }
    let nameless = ["LEAFLET.SACCULE.ADD", "", "DROP x", "DOMAIN", &domain];
    scene.client.refused_about(&nameless, "name of a saccule");
    let delete = ["LEAFLET.SACCULE.DEL", "s", "DOMAIN", &domain];
    scene.client.refused_about(&delete, "no such saccule 's'");
    scene
        .client
        .refused_about(&["LEAFLET.SACCULE.LIST", "ALL"], "ALL");
    for short in [&["LEAFLET.SACCULE.ADD", "s"][..], &["LEAFLET.SACCULE.DEL"]] {
        assert!(scene.client.refused(short).contains("wrong number"));
    }
    assert_eq!(listed(&mut scene.client, &domain), [""; 0]);
}

#[test]
fn there_are_limits() {
    let mut scene = Scene::new("saccules");
    let domain = scene.domain.clone();
    let long = |text: &str| {
        [
            "LEAFLET.SACCULE.ADD".into(),
            "s".into(),
            text.to_string(),
            "DOMAIN".into(),
            domain.clone(),
        ]
    };
    let drops = vec!["DROP x"; 257].join(";");
    scene
        .client
        .refused_about(&long(&drops), "at most 256 statements, this one has 257");
    let spaces = format!("DROP x{}", " ".repeat(65_536));
    scene
        .client
        .refused_about(&long(&spaces), "at most 65536 bytes");
    let ors = format!("SKIP WHEN x{}", " OR x".repeat(513));
    scene
        .client
        .refused_about(&long(&ors), "at most 512 operators");
    let list = format!("SKIP WHEN x IN (1{})", ",1".repeat(16_384));
    scene
        .client
        .refused_about(&long(&list), "at most 16384 parts of expressions");
    for number in 0..256 {
        saccule(&mut scene, &format!("s{number}"), "DROP x", &[]);
    }
    scene
        .client
        .refused_about(&long("DROP x"), "256 saccules already");
    // Large events and many expressions: what would take too long is turned away.
    let heavy = format!("SKIP WHEN x IN (0{})", ",lower(x)".repeat(4_000));
    saccule(&mut scene, "s0", &heavy, &["REPLACE"]);
    scene.add(
        "axon_1",
        "1000-0",
        &[("type", "A"), ("x", &"X".repeat(1_000_000))],
    );
    scene.add("axon_1", "1001-0", &[("type", "A"), ("x", "X")]);
    assert_eq!(scene.stat("events_rejected"), 1);
    let info = scene.client.fields(&["LEAFLET.DOMAIN.INFO", &domain]);
    let (_, rejections) = info.last().expect("rejections");
    assert_eq!(
        text(rejections),
        "saccule s0 reason the event is too large for its saccules events 1"
    );
}

#[test]
fn inside_multi_and_scripts() {
    let mut scene = Scene::new("saccules");
    scene.rule("seed", SEED);
    let (domain, a, b) = (
        scene.domain.clone(),
        scene.key("axon_1"),
        scene.key("axon_2"),
    );
    scene.client.ok(&["MULTI"]);
    for command in [
        &["XADD", &a, "1000-0", "type", "A", "event_id", "a0"][..],
        &[
            "LEAFLET.SACCULE.ADD",
            "odd",
            "REQUIRE value > 0",
            "DOMAIN",
            &domain,
        ],
        &["XADD", &b, "1001-0", "type", "B", "event_id", "b0"],
        &[
            "XADD", &b, "1002-0", "type", "B", "event_id", "b1", "value", "1",
        ],
    ] {
        assert_eq!(scene.client.text(command), "QUEUED");
    }
    scene.client.call(&["EXEC"]);
    assert_eq!(scene.matches(), ["a0 b1"]);
    let script = "redis.call('LEAFLET.SACCULE.DEL', 'odd', 'DOMAIN', ARGV[1]) \
                  return redis.call('XADD', KEYS[1], '1003-0', 'type', 'A', 'event_id', 'a2')";
    scene.client.text(&["EVAL", script, "1", &a, &domain]);
    scene.feed(&["b2 B@axon_2 1004"]);
    assert_eq!(scene.matches(), ["a0 b1", "a2 b2"]);
}

#[test]
fn who_may_not_change_a_domain_adds_no_saccule() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "saccules");
    let (domain, rejected) = (scene.domain.clone(), scene.key("bad"));
    saccule(&mut scene, "theirs", "DROP x", &[]);
    let mut client = Client::connect(&server.url());
    scene.client.ok(&[
        "ACL", "SETUSER", "tenant", "on", "nopass", "+@all", "~mine:*",
    ]);
    client.ok(&["AUTH", "tenant", "any"]);
    for command in [
        &["LEAFLET.SACCULE.ADD", "s", "DROP x", "DOMAIN", &domain][..],
        &["LEAFLET.SACCULE.DEL", "theirs", "DOMAIN", &domain],
        // Nor does who may not write what it rejects.
        &[
            "LEAFLET.DOMAIN.CREATE",
            "d",
            "AXONS",
            "mine:a",
            "OUTPUT",
            "mine:out",
            "REJECTED",
            &rejected,
        ],
    ] {
        let line = client.refused(command);
        assert!(line.starts_with("NOPERM LEAFLET: "), "{command:?}: {line}");
    }
    client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "d",
        "AXONS",
        "mine:a",
        "OUTPUT",
        "mine:out",
        "REJECTED",
        "mine:bad",
    ]);
    client.ok(&["LEAFLET.SACCULE.ADD", "s", "DROP x", "DOMAIN", "d"]);
    client.ok(&["LEAFLET.SACCULE.DEL", "s", "DOMAIN", "d"]);
    assert_eq!(listed(&mut scene.client, &domain), ["theirs(): DROP x"]);
}

#[test]
fn what_they_did_is_told_everywhere() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "saccules");
    let domain = scene.domain.clone();
    scene.rule("seed", SEED);
    let schema = r#"{"required":["value"],"properties":{"value":{"minimum":0}}}"#;
    saccule(&mut scene, "sane", schema, &["AXON", "axon_1"]);
    saccule(&mut scene, "beat", "SKIP WHEN type = 'Beat'", &[]);
    saccule(&mut scene, "other", "DROP x", &["AXON", "axon_9"]);
    scene.feed(&[
        "a A@axon_1 1000",
        "b A@axon_1 1001 value=-1",
        "c A@axon_1 1002",
        "d Beat@axon_2 1003",
    ]);
    let list = items(
        scene
            .client
            .call(&["LEAFLET.SACCULE.LIST", "DOMAIN", &domain]),
    );
    let shown: Vec<String> = list
        .iter()
        .map(|item| {
            let of = fields(item).into_iter().skip(4);
            of.map(|(name, value)| format!("{name} {}", text(&value)))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .collect();
    let reasons = "reason value is missing events 2 reason value is less than 0 events 1";
    assert_eq!(
        shown,
        [
            &format!("seen 3 skipped 0 rejected 3 reasons {reasons}"),
            "seen 1 skipped 1 rejected 0 reasons ",
            "seen 0 skipped 0 rejected 0 reasons "
        ]
    );
    let info = scene.client.fields(&["LEAFLET.DOMAIN.INFO", &domain]);
    let told: Vec<String> = info[15..]
        .iter()
        .map(|(name, value)| format!("{name} {}", text(value)))
        .collect();
    assert_eq!(
        told,
        [
            "rejected ",
            "saccules 3",
            "events_rejected 3",
            "rejections saccule sane reason value is missing events 2 saccule sane reason value is less than 0 events 1"
        ]
    );
    assert_eq!(
        (scene.stat("events_skipped"), scene.stat("saccules")),
        (1, 3)
    );
    let section = scene.client.info("leaflet_saccules");
    assert_eq!(
        section["leaflet_saccule_0"],
        format!("domain={domain},name=sane,rejected=3,skipped=0")
    );
    assert_eq!(
        section["leaflet_saccule_1"],
        format!("domain={domain},name=beat,rejected=0,skipped=1")
    );
    let ask = |what| {
        [
            "LEAFLET.RULE.".to_string() + what,
            "seed".into(),
            "DOMAIN".into(),
            domain.clone(),
        ]
    };
    let why = scene.client.map(&ask("WHYNOT"));
    for sentence in [
        "Saccule 'sane' has rejected 3 events (value is missing: 2, value is less than 0: 1).",
        "Saccule 'beat' has skipped 1 event.",
    ] {
        assert!(why["reasons"].contains(sentence), "{}", why["reasons"]);
    }
    assert_eq!(scene.client.map(&ask("EXPLAIN"))["saccules"], "sane beat");
    scene.client.ok(&["LEAFLET.RESET", "DOMAIN", &domain]);
    assert_eq!(scene.client.info("leaflet_saccules").len(), 0);
}

#[test]
fn a_backtest_meets_them_and_writes_nothing() {
    let mut scene = Scene::new("saccules");
    let (domain, bad) = (scene.key("telling"), scene.key("bad"));
    let (axons, out) = (scene.key("axon_*"), scene.key("telling_out"));
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
    scene.feed(&[
        "a A@axon_1 1000 value=0",
        "b A@axon_1 1001 value=1",
        "c X@axon_1 1002 value=1",
        "d B@axon_2 1003 value=5",
    ]);
    let add = [
        "LEAFLET.SACCULE.ADD",
        "s",
        "SKIP WHEN type = 'X'; REQUIRE value > 0; SET value = value * 2",
        "DOMAIN",
        &domain,
    ];
    scene.client.ok(&add);
    let rule = "MATCH A@axon_1 AS a AND B@axon_2 AS b WITHIN 2s";
    let test = ["LEAFLET.RULE.BACKTEST", "TEXT", rule, "DOMAIN", &domain];
    let fields_of = scene.client.fields(&test);
    let of = |name: &str| {
        text(
            &fields_of
                .iter()
                .find(|(field, _)| field == name)
                .expect("a field")
                .1,
        )
    };
    assert_eq!(
        [
            of("events_read"),
            of("events_rejected"),
            of("events_skipped"),
            of("emitted")
        ],
        ["4", "1", "1", "1"]
    );
    let (_, events) = fields_of.last().expect("events");
    let found = fields(&items(events.clone())[0]);
    let integrated = fields(&found[2].1);
    let value = integrated
        .iter()
        .find(|(name, _)| name == "integrated_value")
        .expect("a value");
    assert_eq!(text(&value.1), "6");
    assert_eq!(scene.client.int(&["EXISTS", &bad, &out]), 0);
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &domain]);
}
