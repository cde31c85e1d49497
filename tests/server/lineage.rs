//! `LEAFLET.LINEAGE` on servers: what it shows, of what is there, gone, at other places or not to be seen.

use std::collections::BTreeMap;

use redis::Value;

use crate::explain::played;
use crate::replication::{catch_up, pair};
use crate::seed::SEED;
use crate::support::{fields, items, own, stat, text, Client, Options, Scene, Server};

/// A reply by its names.
type Shown = BTreeMap<String, Value>;

const NAMES: [&str; 12] = [
    "event_id", "stream", "id", "state", "domain", "tag", "rule", "version", "text", "fields",
    "sources", "left_out",
];

fn shown(value: &Value) -> Shown {
    fields(value).into_iter().collect()
}

fn get(node: &Shown, name: &str) -> String {
    text(&node[name])
}

fn nodes(node: &Shown, name: &str) -> Vec<Shown> {
    items(node[name].clone()).iter().map(shown).collect()
}

fn back(client: &mut Client, event_id: &str) -> Shown {
    shown(&client.call(&["LEAFLET.LINEAGE", event_id]))
}

fn on(client: &mut Client, key: &str, id: &str) -> Shown {
    shown(&client.call(&["LEAFLET.LINEAGE", key, id]))
}

/// `rule:version:state(event_id:state …)` of an integrated event.
fn told(node: &Shown) -> String {
    let sources = nodes(node, "sources");
    let sources = sources
        .iter()
        .map(|source| format!("{}:{}", get(source, "event_id"), get(source, "state")));
    let sources: Vec<String> = sources.collect();
    let (rule, version, state) = (get(node, "rule"), get(node, "version"), get(node, "state"));
    format!("{rule}:{version}:{state}({})", sources.join(" "))
}

/// A scene with a rule and one match; the match's id.
fn story(server: &Server) -> (Scene, String) {
    let mut scene = Scene::on(server, "lineage");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000 user=ada", "b B@axon_2 1001"]);
    let id = event_id(&mut scene, 0);
    (scene, id)
}

fn event_id(scene: &mut Scene, at: usize) -> String {
    scene.out()[at].get("event_id").expect("an id").to_string()
}

const WHOLE: &str = "seed:1:there(a:there b:there)";

#[test]
fn the_tree_shows_rule_sources_and_fields_in_both_protocols() {
    let mut scene = Scene::new("lineage");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1{t} 1000 user=ada", "b B@axon_2{t} 1001"]);
    let (out, axon) = (scene.key("out{t}"), scene.key("axon_1{t}"));
    let entry = scene.client.entries(&out).remove(0);
    let id = entry.get("event_id").expect("an id").to_string();
    for protocol in ["2", "3"] {
        let mut client = scene.connect();
        client.call(&["HELLO", protocol]);
        let reply = client.call(&["LEAFLET.LINEAGE", &id]);
        assert_eq!(matches!(reply, Value::Map(_)), protocol == "3");
        let names: Vec<String> = fields(&reply).into_iter().map(|(name, _)| name).collect();
        assert_eq!(names, [&NAMES[..], &["nodes", "cut"]].concat());
        let root = shown(&reply);
        assert_eq!(told(&root), WHOLE);
        for (name, value) in [
            ("event_id", &id[..]),
            ("stream", &out),
            ("id", &entry.id),
            ("domain", &scene.domain),
            ("tag", "t"),
            ("text", SEED),
            ("left_out", "0"),
            ("nodes", "3"),
        ] {
            assert_eq!(get(&root, name), value, "{name}");
        }
        let own: Vec<(String, String)> = fields(&root["fields"])
            .into_iter()
            .map(|(name, value)| (name, text(&value)))
            .collect();
        assert_eq!(own, entry.fields);
        let source = nodes(&root, "sources").remove(0);
        let names: Vec<String> = fields(&items(root["sources"].clone())[0])
            .into_iter()
            .map(|(name, _)| name)
            .collect();
        assert_eq!(names, NAMES);
        assert_eq!(
            (get(&source, "stream"), get(&source, "id")),
            (axon.clone(), "1000-0".into())
        );
        assert_eq!(text(&shown(&source["fields"])["user"]), "ada");
        assert_eq!(
            (get(&source, "rule"), get(&source, "version")),
            (String::new(), "0".into())
        );

        let reply = client.call(&["LEAFLET.LINEAGE", &axon, "1000"]);
        let names: Vec<String> = fields(&reply).into_iter().map(|(name, _)| name).collect();
        let expected = [
            &NAMES[..10],
            &["events", "left_out", "nodes", "cut", "since"],
        ]
        .concat();
        assert_eq!(names, expected);
        let entry = shown(&reply);
        assert_eq!(get(&entry, "event_id"), "a");
        let event = nodes(&entry, "events").remove(0);
        assert_eq!(
            (get(&event, "event_id"), get(&event, "text")),
            (id.clone(), SEED.into())
        );
        assert_eq!(get(&entry, "since"), "");
    }
    // Where it is asked for.
    let domain = scene.domain.clone();
    for options in [
        &["DOMAIN", &domain, "TAG", "t"][..],
        &["domain", &domain, "depth", "1"],
    ] {
        let command = [&["LEAFLET.LINEAGE", &id], options].concat();
        assert_eq!(told(&shown(&scene.client.call(&command))), WHOLE);
    }
    for options in [
        &["DOMAIN", &domain, "TAG", "u"][..],
        &["DOMAIN", "default"],
        &["TAG", "t"],
    ] {
        let command = [&["LEAFLET.LINEAGE", &id], options].concat();
        scene.client.refused_about(&command, "no integrated event");
    }
}

#[test]
fn wrong_input_is_named() {
    let mut scene = Scene::new("lineage");
    let (list, key) = (scene.key("list"), scene.key("axon_1"));
    scene.client.int(&["RPUSH", &list, "x"]);
    let unknown = "00000000-0000-5000-8000-000000000000";
    for (command, phrase) in [
        (
            &["LEAFLET.LINEAGE", "x"][..],
            "'x' is no event_id of an integrated event",
        ),
        (
            &["LEAFLET.LINEAGE", &key, "x"],
            "is no event_id of an integrated event",
        ),
        (
            &["LEAFLET.LINEAGE", unknown],
            "nor among the newest entries of 'stream:integrated_events'",
        ),
        (
            &["LEAFLET.LINEAGE", unknown, "DOMAIN", "nosuch"],
            "no such domain 'nosuch'",
        ),
        (
            &["LEAFLET.LINEAGE", &key, "1", "DOMAIN", "nosuch"],
            "no such domain 'nosuch'",
        ),
        (
            &["LEAFLET.LINEAGE", unknown, "DEPTH", "65"],
            "DEPTH must be at most 64, found 65",
        ),
        (
            &["LEAFLET.LINEAGE", unknown, "DEPTH", "-1"],
            "DEPTH must be a whole number, found '-1'",
        ),
        (&["LEAFLET.LINEAGE", unknown, "DEPTH"], "DEPTH is missing"),
        (
            &["LEAFLET.LINEAGE", unknown, "TAG", "t", "TAG", "t"],
            "TAG is given twice",
        ),
        (
            &["LEAFLET.LINEAGE", unknown, "x"],
            "unknown option 'x' (argument 2), expected an entry's id, DEPTH, DOMAIN or TAG",
        ),
        (
            &["LEAFLET.LINEAGE", &key, "1-1", "TAG", "t"],
            "unknown option 'TAG' (argument 3), expected DEPTH or DOMAIN",
        ),
    ] {
        scene.client.refused_about(command, phrase);
    }
    let line = scene.client.refused(&["LEAFLET.LINEAGE", &list, "1-0"]);
    assert!(line.starts_with("WRONGTYPE "), "{line}");
    // No such entry, no such stream.
    let entry = on(&mut scene.client, &key, "5-5");
    assert_eq!(
        (get(&entry, "state"), get(&entry, "events")),
        ("trimmed".into(), String::new())
    );
}

#[test]
fn what_was_trimmed_or_deleted_is_marked() {
    let mut scene = Scene::new("lineage");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);
    let id = event_id(&mut scene, 0);
    let (one, two, out) = (scene.key("axon_1"), scene.key("axon_2"), scene.key("out"));
    scene.client.int(&["XTRIM", &one, "MAXLEN", "1"]);
    let root = back(&mut scene.client, &id);
    assert_eq!(told(&root), "seed:1:there(a:trimmed b:there)");
    assert_eq!(get(&nodes(&root, "sources")[0], "id"), "1000-0");
    scene.client.int(&["DEL", &two]);
    let root = back(&mut scene.client, &id);
    assert_eq!(told(&root), "seed:1:there(a:trimmed b:trimmed)");
    let entry = on(&mut scene.client, &one, "1000-0");
    assert_eq!(get(&entry, "state"), "trimmed");
    assert_eq!(get(&nodes(&entry, "events")[0], "event_id"), id);
    // The integrated event is gone, too: where it was is known.
    scene.client.int(&["DEL", &out]);
    let root = back(&mut scene.client, &id);
    assert_eq!(
        (told(&root), get(&root, "stream")),
        (":0:trimmed()".into(), out.clone())
    );
    let entry = on(&mut scene.client, &one, "1000-0");
    assert_eq!(get(&nodes(&entry, "events")[0], "state"), "trimmed");
}

#[test]
fn hops_and_old_versions_are_followed() {
    let mut scene = Scene::new("lineage");
    let (second, out) = (scene.domain.clone() + "_second", scene.key("out"));
    let further = scene.key("further");
    let create = [
        "LEAFLET.DOMAIN.CREATE",
        &second,
        "AXONS",
        &out,
        "OUTPUT",
        &further,
    ];
    scene.client.ok(&create);
    scene.rule("r", "MATCH A WITHIN 1s");
    let twice = "MATCH MULTI_ORIGINATED{2} AS m WITHIN 1h";
    scene
        .client
        .ok(&["LEAFLET.RULE.ADD", "twice", twice, "DOMAIN", &second]);
    scene.feed(&["a1 A@axon_1 1000"]);
    let domain = scene.domain.clone();
    let newer = "MATCH A WITHIN 2s";
    let replace = ["LEAFLET.RULE.ADD", "r", newer, "REPLACE", "DOMAIN", &domain];
    scene.client.ok(&replace);
    scene.feed(&["a2 A@axon_1 1001"]);
    let top = scene.client.entries(&further).remove(0);
    let id = top.get("event_id").expect("an id").to_string();
    scene
        .client
        .ok(&["LEAFLET.RULE.DEL", "r", "DOMAIN", &domain]);
    let root = back(&mut scene.client, &id);
    let sources = nodes(&root, "sources");
    let made: Vec<_> = sources.iter().map(|s| (told(s), get(s, "text"))).collect();
    assert_eq!(
        made,
        [
            (
                "r:1:there(a1:there)".into(),
                "MATCH A WITHIN 1s".to_string()
            ),
            ("r:2:there(a2:there)".into(), newer.to_string()),
        ]
    );
    assert_eq!(
        (get(&root, "domain"), get(&root, "nodes")),
        (second.clone(), "5".into())
    );
    let cut = shown(&scene.client.call(&["LEAFLET.LINEAGE", &id, "DEPTH", "1"]));
    assert_eq!(
        (get(&cut, "nodes"), get(&cut, "cut")),
        ("3".into(), "1".into())
    );
    assert_eq!(get(&nodes(&cut, "sources")[0], "left_out"), "1");
    // On: both hops; of one domain: only what it made.
    let axon = scene.key("axon_1");
    let entry = on(&mut scene.client, &axon, "1000-0");
    let event = nodes(&entry, "events").remove(0);
    assert_eq!(get(&nodes(&event, "events")[0], "event_id"), id);
    let command = ["LEAFLET.LINEAGE", &axon, "1000-0", "DOMAIN", &second];
    let entry = shown(&scene.client.call(&command));
    assert!(nodes(&entry, "events").is_empty());
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &second]);
    assert_eq!(get(&back(&mut scene.client, &id), "domain"), second);
}

#[test]
fn a_large_answer_is_cut_and_says_so() {
    let mut scene = Scene::new("lineage");
    scene.rule("all", "MATCH A AND B AS b WITHIN 1h SELECT ALL");
    scene.feed(&["a A@axon_1 1000"]);
    let (one, two) = (scene.key("axon_1"), scene.key("axon_2"));
    let mut pipeline = redis::pipe();
    for number in 1..=600u32 {
        let id = format!("{}-0", 1000 + number);
        pipeline.cmd("XADD").arg(&two).arg(id).arg("type").arg("B");
    }
    scene.client.pipeline(&pipeline);
    let entry = on(&mut scene.client, &one, "1000-0");
    let (shown_here, left_out) = (nodes(&entry, "events").len(), get(&entry, "left_out"));
    assert_eq!((shown_here, &left_out[..]), (511, "89"));
    assert_eq!(
        (get(&entry, "nodes"), get(&entry, "cut")),
        ("512".into(), "1".into())
    );
    // Entries too large to be shown.
    let filler = "x".repeat(600 << 10);
    scene.add("axon_1", "2000-0", &[("type", "C"), ("filler", &filler)]);
    scene.add("axon_2", "2000-0", &[("type", "D"), ("filler", &filler)]);
    scene.rule("large", "MATCH E AND F WITHIN 1h");
    scene.add("axon_1", "3000-0", &[("type", "E"), ("filler", &filler)]);
    scene.add(
        "axon_2",
        "3000-0",
        &[("type", "F"), ("event_id", "f"), ("filler", &filler)],
    );
    let last = scene.out().len() - 1;
    let id = event_id(&mut scene, last);
    let root = back(&mut scene.client, &id);
    let states: Vec<String> = nodes(&root, "sources")
        .iter()
        .map(|s| get(s, "state"))
        .collect();
    assert_eq!(
        (states, get(&root, "cut")),
        (vec!["there".into(), "cut".into()], "1".into())
    );
}

#[test]
fn it_answers_in_transactions_and_scripts() {
    let mut scene = Scene::new("lineage");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001"]);
    let id = event_id(&mut scene, 0);
    let key = scene.key("axon_1");
    scene.client.ok(&["MULTI"]);
    scene.client.call(&["LEAFLET.LINEAGE", &id]);
    scene.client.call(&["LEAFLET.LINEAGE", &key, "1000-0"]);
    let replies = items(scene.client.call(&["EXEC"]));
    assert_eq!(told(&shown(&replies[0])), WHOLE);
    assert_eq!(nodes(&shown(&replies[1]), "events").len(), 1);
    let script = "return redis.call('LEAFLET.LINEAGE', ARGV[1])";
    let reply = scene.client.call(&["EVAL_RO", script, "0", &id]);
    assert_eq!(told(&shown(&reply)), WHOLE);
    // From another database: an integrated event has its own, an entry is where the client is.
    let mut client = scene.connect();
    client.ok(&["SELECT", "1"]);
    assert_eq!(told(&back(&mut client, &id)), WHOLE);
    let entry = on(&mut client, &key, "1000-0");
    assert_eq!(
        (get(&entry, "state"), get(&entry, "events")),
        ("trimmed".into(), String::new())
    );
}

#[test]
fn only_what_the_user_may_read_is_shown() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let (mut scene, id) = story(&server);
    let (one, out) = (scene.key("axon_1"), scene.key("out"));
    let mut tenant = |keys: &[&str]| {
        let mut command = vec!["ACL", "SETUSER", "tenant", "reset", "on", "nopass", "+@all"];
        command.extend(keys);
        scene.client.ok(&command);
        let mut client = Client::connect(&server.url());
        client.ok(&["AUTH", "tenant", "any"]);
        client
    };
    let (may_out, may_one) = (format!("%R~{out}"), format!("~{one}"));
    let mut client = tenant(&[&may_out, &may_one]);
    let root = back(&mut client, &id);
    assert_eq!(told(&root), "seed:1:there(a:there b:denied)");
    assert_eq!(text(&nodes(&root, "sources")[1]["fields"]), "");
    let mut client = tenant(&[&may_one]);
    let line = client.refused(&["LEAFLET.LINEAGE", &id]);
    assert_eq!(
        line,
        format!("NOPERM LEAFLET: no permission to read '{out}'")
    );
    let entry = on(&mut client, &one, "1000-0");
    let event = nodes(&entry, "events").remove(0);
    assert_eq!(
        (get(&event, "state"), get(&event, "stream")),
        ("denied".into(), out.clone())
    );
    assert_eq!(
        get(&event, "event_id") + &get(&event, "id") + &get(&event, "rule"),
        ""
    );
    let mut client = tenant(&[&may_out]);
    let line = client.refused(&["LEAFLET.LINEAGE", &one, "1000-0"]);
    assert!(line.starts_with("NOPERM "), "{line}");
    let mut client = tenant(&["allkeys", "-@read"]);
    let line = client.refused(&["LEAFLET.LINEAGE", &id]);
    assert!(line.starts_with("NOPERM "), "{line}");
}

#[test]
fn it_is_known_after_every_kind_of_restart() {
    for (options, save) in [
        (Options::new().arg("--save", "3600 1"), true),
        (Options::new().aof(), false),
        (
            Options::new().aof().arg("--aof-use-rdb-preamble", "no"),
            false,
        ),
    ] {
        let Some(mut server) = own(options) else {
            return;
        };
        let (mut scene, id) = story(&server);
        if !save {
            // The first part comes from the rewritten file, the second from what was written since.
            scene.client.call(&["BGREWRITEAOF"]);
            scene.client.wait_until("the AOF is rewritten", |client| {
                let info = client.info("persistence");
                info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
            });
        }
        scene.feed(&["a2 A@axon_1 1002", "b2 B@axon_2 1003"]);
        let second = event_id(&mut scene, 1);
        let _ = scene.client.try_call(&["SHUTDOWN"]);
        server.restart();
        scene.client = scene.connect();
        scene.client.wait_until("the index is there", |client| {
            stat(client, &[], "lineage_rebuilding") == 0
        });
        assert_eq!(told(&back(&mut scene.client, &id)), WHOLE);
        let second = back(&mut scene.client, &second);
        assert_eq!(told(&second), "seed:1:there(a2:there b2:there)");
        let axon = scene.key("axon_2");
        let entry = on(&mut scene.client, &axon, "1001-0");
        assert_eq!(get(&nodes(&entry, "events")[0], "event_id"), id);
        assert_eq!(stat(&mut scene.client, &[], "lineage_events"), 2);
    }
}

#[test]
fn a_rebuild_fills_the_index_from_the_outputs() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let (mut scene, id) = story(&server);
    scene.feed(&["a2 A@axon_1{t} 1002", "b2 B@axon_2{t} 1003"]);
    let bytes = stat(&mut scene.client, &[], "lineage_bytes");
    // It is emptied with the next integrated event.
    let set = ["CONFIG", "SET", "leaflet.max-lineage-memory"];
    scene.client.ok(&[&set[..], &["0"]].concat());
    scene.feed(&["a3 A@axon_1 1004", "b3 B@axon_2 1005"]);
    assert_eq!(stat(&mut scene.client, &[], "lineage_bytes"), 0);
    // What the index does not know is looked for among the output's newest entries.
    let domain = scene.domain.clone();
    let command = ["LEAFLET.LINEAGE", &id, "DOMAIN", &domain];
    assert_eq!(told(&shown(&scene.client.call(&command))), WHOLE);
    scene
        .client
        .refused_about(&["LEAFLET.LINEAGE", &id], "no integrated event");
    scene.client.ok(&[&set[..], &["1mb"]].concat());
    scene.client.ok(&["LEAFLET.REBUILD"]);
    scene.client.wait_until("the index is there", |client| {
        stat(client, &[], "lineage_rebuilding") == 0
    });
    assert_eq!(told(&back(&mut scene.client, &id)), WHOLE);
    assert_eq!(stat(&mut scene.client, &[], "lineage_events"), 3);
    assert!(stat(&mut scene.client, &[], "lineage_bytes") > bytes);
    let axon = scene.key("axon_1{t}");
    let entry = on(&mut scene.client, &axon, "1002-0");
    assert_eq!(nodes(&entry, "events").len(), 1);
    scene.client.ok(&["FLUSHALL"]);
    assert_eq!(stat(&mut scene.client, &[], "lineage_bytes"), 0);
}

#[test]
fn a_replica_answers_the_same_and_goes_on_after_a_failover() {
    let Some((mut primary, replica)) = pair() else {
        return;
    };
    let (mut scene, id) = story(&primary);
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut scene.client, &mut follower);
    let axon = scene.key("axon_1");
    let expected = (
        back(&mut scene.client, &id),
        on(&mut scene.client, &axon, "1000-0"),
    );
    assert_eq!(told(&expected.0), WHOLE);
    assert_eq!(
        (back(&mut follower, &id), on(&mut follower, &axon, "1000-0")),
        expected
    );
    // One that comes later gets the index with the data.
    let late = Options::new().replica_of(&primary).start();
    let mut latecomer = Client::connect(&late.url());
    catch_up(&mut scene.client, &mut latecomer);
    assert_eq!(on(&mut latecomer, &axon, "1000-0"), expected.1);
    let bytes = stat(&mut scene.client, &[], "lineage_bytes");
    assert_eq!(stat(&mut follower, &[], "lineage_bytes"), bytes);
    primary.kill();
    follower.ok(&["REPLICAOF", "NO", "ONE"]);
    scene.client = follower;
    scene.feed(&["a2 A@axon_1 1002", "b2 B@axon_2 1003"]);
    let second = event_id(&mut scene, 1);
    let second = back(&mut scene.client, &second);
    assert_eq!(told(&second), "seed:1:there(a2:there b2:there)");
    assert_eq!(back(&mut scene.client, &id), expected.0);
}

#[test]
fn the_sessions_of_the_manual_are_real() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    let (commands, shown) = played(&mut client, include_str!("../../docs/lineage.md"));
    assert!(commands > 6 && shown > 50, "{commands} {shown}");
}
