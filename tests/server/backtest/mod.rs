//! Rules tried on the past.

mod running;

use crate::support::{fields, items, own, text, Client, Options, Scene};
use redis::Value;
use std::collections::BTreeMap;

/// A backtest's reply.
struct Tried {
    figures: BTreeMap<String, Value>,
}

impl Tried {
    fn of(reply: Result<Value, String>) -> Self {
        let reply = reply.unwrap_or_else(|line| panic!("refused: {line}"));
        let figures = fields(&reply).into_iter().collect();
        Self { figures }
    }

    fn text(&self, name: &str) -> String {
        text(&self.figures[name])
    }

    fn number(&self, name: &str) -> u64 {
        self.text(name).parse().expect(name)
    }

    /// Key, first id, last id and number of events of each axon.
    fn axons(&self) -> Vec<String> {
        let show = |axon: Value| {
            let axon: BTreeMap<_, _> = fields(&axon).into_iter().collect();
            let word = |name: &str| text(&axon[name]);
            let key = word("key");
            let name = key.rsplit(':').next().unwrap_or_default();
            format!(
                "{name} {} {} {}",
                word("first_id"),
                word("last_id"),
                word("events")
            )
        };
        items(self.figures["axons"].clone())
            .into_iter()
            .map(show)
            .collect()
    }

    /// The integrated events: output and fields.
    fn events(&self) -> Vec<(String, Vec<(String, String)>)> {
        let read = |event: Value| {
            let event: BTreeMap<_, _> = fields(&event).into_iter().collect();
            let own = fields(&event["fields"]);
            let own: Vec<_> = own
                .iter()
                .map(|(name, value)| (name.clone(), text(value)))
                .collect();
            let timestamp = own.iter().find(|(name, _)| name == "timestamp");
            assert_eq!(
                timestamp.map(|(_, time)| time),
                Some(&text(&event["timestamp"]))
            );
            (text(&event["output"]), own)
        };
        items(self.figures["events"].clone())
            .into_iter()
            .map(read)
            .collect()
    }

    /// The sources of the integrated events.
    fn sources(&self) -> Vec<String> {
        let sources = |(_, fields): &(String, Vec<(String, String)>)| {
            let field = fields.iter().find(|(name, _)| name == "source_events");
            let ids: Vec<String> = serde_json::from_str(&field.expect("sources").1).expect("JSON");
            ids.join(" ")
        };
        self.events().iter().map(sources).collect()
    }
}

fn try_rule(scene: &mut Scene, rule: &str, more: &[&str]) -> Tried {
    let mut command = vec!["LEAFLET.RULE.BACKTEST", rule, "DOMAIN", &scene.domain];
    command.extend(more);
    Tried::of(scene.client.try_call(&command))
}

const HISTORY: [&str; 6] = [
    "a1 A@axon_1 1000 value=1",
    "b1 B@axon_2 1500 value=2",
    "a2 A@axon_1 2000",
    "x X@axon_1 2200",
    "a3 A@axon_1{t} 2300",
    "b3 B@axon_2{t} 2400",
];

const PAIR: &str = "MATCH A AND B WITHIN 2s EMIT a = A.event_id";

#[test]
fn it_agrees_with_what_the_live_rule_emitted() {
    let mut scene = Scene::new("backtest");
    scene.rule("pair", PAIR);
    scene.feed(&HISTORY);
    scene.feed(&["b2 B@axon_2 2500"]);
    let out = scene.key("out");
    let tagged = format!("{out}{{t}}");
    let mut emitted = Vec::new();
    for key in [&out, &tagged] {
        for entry in scene.client.entries(key) {
            emitted.push((key.clone(), entry.fields));
        }
    }
    emitted.sort_by_key(|(_, fields)| fields[1].1.clone());
    let seen = scene.stat("events_seen");
    let tried = try_rule(&mut scene, "pair", &[]);
    assert_eq!(tried.events(), emitted);
    assert_eq!(tried.sources(), ["a1 b1", "a3 b3", "a2 b2"]);
    assert_eq!(tried.text("rule"), "pair");
    assert_eq!(tried.text("domain"), scene.domain);
    assert_eq!(tried.text("text"), PAIR);
    let figures = [
        "events_read",
        "events_taken",
        "matches",
        "emitted",
        "limited",
        "axons_read",
    ];
    assert_eq!(figures.map(|name| tried.number(name)), [7, 6, 3, 3, 0, 4]);
    assert_eq!(tried.text("first_trigger"), "1970-01-01T00:00:01.500Z");
    assert_eq!(tried.text("last_trigger"), "1970-01-01T00:00:02.500Z");
    assert_eq!(
        tried.axons(),
        [
            "axon_1 1000-0 2200-0 3",
            "axon_1{t} 2300-0 2300-0 1",
            "axon_2 1500-0 2500-0 2",
            "axon_2{t} 2400-0 2400-0 1"
        ]
    );
    // Nothing has changed.
    assert_eq!(scene.client.entries(&out).len(), 2);
    assert_eq!(
        (scene.stat("events_seen"), scene.stat("matches")),
        (seen, 3)
    );
}

#[test]
fn a_rule_that_is_not_there_yet_is_known_by_its_text() {
    let mut scene = Scene::new("backtest");
    scene.feed(&HISTORY);
    let tried = try_rule(&mut scene, "new", &["TEXT", "match  A -> B within 2s"]);
    assert_eq!(tried.text("text"), "MATCH A -> B WITHIN 2s");
    assert_eq!(tried.sources(), ["a1 b1", "a3 b3"]);
    let domain = scene.domain.clone();
    let command = ["LEAFLET.RULE.BACKTEST", "new", "DOMAIN", &domain];
    let line = format!("ERR LEAFLET: no such rule 'new' in domain '{domain}'");
    scene.client.refused_with(&command, &line);
    // The ids are those that the rule makes when it is there.
    scene.rule("new", "MATCH A -> B WITHIN 2s");
    scene
        .client
        .ok(&["LEAFLET.RULE.PAUSE", "new", "DOMAIN", &domain]);
    assert_eq!(try_rule(&mut scene, "new", &[]).events(), tried.events());
    let other = try_rule(&mut scene, "other", &["TEXT", "MATCH A -> B WITHIN 2s"]);
    assert_eq!(other.sources(), tried.sources());
    assert_ne!(other.events(), tried.events());
    let nameless = scene.client.try_call(&[
        "LEAFLET.RULE.BACKTEST",
        "TEXT",
        "MATCH A -> B WITHIN 2s",
        "DOMAIN",
        &domain,
    ]);
    let nameless = Tried::of(nameless);
    assert_eq!(nameless.sources(), tried.sources());
    assert_eq!(nameless.text("rule"), "backtest");
    // Another text for a rule that is there.
    let wider = try_rule(&mut scene, "new", &["TEXT", "MATCH B -> A WITHIN 9s"]);
    assert_eq!(wider.sources(), ["b1 a2"]);
}

#[test]
fn ranges_axons_tags_and_limits() {
    let mut scene = Scene::new("backtest");
    scene.rule("any", "MATCH ANY WITHIN 1s");
    scene.feed(&HISTORY);
    let (a, b, tagged) = (
        scene.key("axon_1"),
        scene.key("axon_2"),
        scene.key("axon_1{t}"),
    );
    let nothing = scene.key("axon_9");
    let mut found = |more: &[&str]| {
        let tried = try_rule(&mut scene, "any", more);
        assert_eq!(tried.number("events_read"), tried.number("emitted"));
        tried.sources().join(" ")
    };
    assert_eq!(found(&["FROM", "-", "TO", "+"]), "a1 b1 a2 x a3 b3");
    assert_eq!(found(&["FROM", "2000", "TO", "2300"]), "a2 x a3");
    assert_eq!(found(&["FROM", "1500-0", "TO", "2000-0"]), "b1 a2");
    assert_eq!(found(&["FROM", "1500-1", "TO", "1999"]), "");
    assert_eq!(found(&["TAG", "t"]), "a3 b3");
    assert_eq!(found(&["TAG", ""]), "a1 b1 a2 x");
    assert_eq!(found(&["TAG", "u"]), "");
    assert_eq!(found(&["AXONS", &b, &tagged, "TO", "2300"]), "b1 a3");
    assert_eq!(found(&["AXONS", &a, &a, &nothing]), "a1 a2 x");
    assert_eq!(found(&["LIMIT", "2"]), "a1 b1");
    assert_eq!(found(&["LIMIT", "0"]), "");
    let tried = try_rule(&mut scene, "any", &["AXONS", &nothing, &b, "FROM", "9"]);
    assert_eq!(tried.axons(), ["axon_2 1500-0 1500-0 1", "axon_9   0"]);
}

#[test]
fn an_empty_history_and_one_of_other_things() {
    let mut scene = Scene::new("backtest");
    scene.rule("any", "MATCH ANY WITHIN 1s");
    let tried = try_rule(&mut scene, "any", &[]);
    assert_eq!(
        (tried.number("events_read"), tried.number("axons_read")),
        (0, 0)
    );
    assert_eq!(
        (tried.text("first_trigger"), tried.text("last_trigger")),
        ("".into(), "".into())
    );
    let (list, empty) = (scene.key("axon_list"), scene.key("axon_empty"));
    scene.client.call(&["RPUSH", &list, "x"]);
    scene
        .client
        .call(&["XADD", &empty, "MAXLEN", "0", "1-0", "type", "A"]);
    let tried = try_rule(&mut scene, "any", &[]);
    assert_eq!(tried.axons(), ["axon_empty   0"]);
}

#[test]
fn only_what_the_streams_still_hold_is_tested() {
    let mut scene = Scene::new("backtest");
    scene.rule("pair", "MATCH A -> B WITHIN 5s");
    scene.feed(&[
        "a1 A@axon_1 1000",
        "b1 B@axon_2 1001",
        "a2 A@axon_1 2000",
        "b2 B@axon_2 2001",
    ]);
    assert_eq!(scene.matches(), ["a1 b1", "a2 b2"]);
    let a = scene.key("axon_1");
    scene.client.call(&["XTRIM", &a, "MAXLEN", "1"]);
    let tried = try_rule(&mut scene, "pair", &[]);
    assert_eq!(tried.sources(), ["a2 b2"]);
    assert_eq!(
        tried.axons(),
        ["axon_1 2000-0 2000-0 1", "axon_2 1001-0 2001-0 2"]
    );
    scene.client.call(&["DEL", &a]);
    assert!(try_rule(&mut scene, "pair", &[]).sources().is_empty());
}

#[test]
fn deadlines_before_the_end_of_the_range_are_met() {
    let mut scene = Scene::new("backtest");
    scene.feed(&["a A@axon_1 1000", "b B@axon_2{t} 1900"]);
    let text = "MATCH A -> NOT B FOR 1s WITHIN 1s";
    let mut found = |more: &[&str]| {
        let mut options = vec!["TEXT", text];
        options.extend(more);
        try_rule(&mut scene, "silent", &options).sources().len()
    };
    assert_eq!(found(&[]), 0);
    assert_eq!(found(&["TO", "2000"]), 0);
    assert_eq!(found(&["TO", "2001"]), 1);
}

#[test]
fn what_is_wrong_is_refused_with_one_line() {
    let mut scene = Scene::new("backtest");
    scene.rule("any", "MATCH ANY WITHIN 1s");
    let (out, list) = (scene.key("out"), scene.key("axon_list"));
    scene.client.call(&["RPUSH", &list, "x"]);
    let domain = scene.domain.clone();
    let backtest = "LEAFLET.RULE.BACKTEST";
    for (command, phrase) in [
        (
            &[backtest, "any", "DOMAIN", "nosuch"][..],
            "no such domain 'nosuch'",
        ),
        (
            &[backtest, "r", "DOMAIN", &domain, "TEXT", "MATCH"],
            "column 6: expected ",
        ),
        (
            &[backtest, "", "DOMAIN", &domain, "TEXT", "MATCH A WITHIN 1s"],
            "can't be empty",
        ),
        (
            &[backtest, "any", "DOMAIN", &domain, "AXONS", &out],
            "is no axon of domain",
        ),
        (
            &[backtest, "any", "DOMAIN", &domain, "FROM", "x"],
            "FROM must be - or an entry id",
        ),
        (
            &[backtest, "any", "DOMAIN", &domain, "FROM", "5", "TO", "4"],
            "FROM 5-0 lies after TO 4-",
        ),
        (
            &[backtest, "any", "DOMAIN", &domain, "LIMIT", "1001"],
            "LIMIT must be at most 1000",
        ),
        (
            &[backtest, "any", "DOMAIN", &domain, "MORE"],
            "unknown option 'MORE' (argument 4)",
        ),
    ] {
        scene.client.refused_about(command, phrase);
    }
    let wrong_type = scene
        .client
        .refused(&[backtest, "any", "DOMAIN", &domain, "AXONS", &list]);
    assert!(wrong_type.starts_with("WRONGTYPE "), "{wrong_type}");
    assert!(scene
        .client
        .refused(&[backtest])
        .contains("wrong number of arguments"));
}

#[test]
fn where_a_client_can_not_wait_it_is_refused() {
    let mut scene = Scene::new("backtest");
    scene.rule("any", "MATCH ANY WITHIN 1s");
    let command = ["LEAFLET.RULE.BACKTEST", "any", "DOMAIN", &scene.domain];
    scene.client.ok(&["MULTI"]);
    assert_eq!(scene.client.text(&command), "QUEUED");
    assert_eq!(scene.client.text(&["PING"]), "QUEUED");
    let line =
        "a backtest takes its time: it can't be part of a transaction, a script or a function";
    let refused = scene.client.try_call(&["EXEC"]);
    let refused = format!("{refused:?}");
    assert!(
        refused.contains(line) && !refused.contains('\\'),
        "{refused}"
    );
    let script = format!(
        "return redis.call('{}', '{}', 'DOMAIN', '{}')",
        command[0], command[1], command[3]
    );
    let refused = scene.client.refused(&["EVAL", &script, "0"]);
    assert!(refused.contains(line), "{refused}");
    assert_eq!(scene.client.text(&["PING"]), "PONG");
}

#[test]
fn a_user_reads_only_what_it_may() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "backtest");
    scene.rule("any", "MATCH ANY WITHIN 1s");
    scene.feed(&HISTORY);
    let mine = format!("~{}:axon_1*", scene.domain);
    scene
        .client
        .ok(&["ACL", "SETUSER", "tenant", "on", "nopass", "+@all", &mine]);
    let mut tenant = scene.connect();
    tenant.ok(&["AUTH", "tenant", "any"]);
    let command = ["LEAFLET.RULE.BACKTEST", "any", "DOMAIN", &scene.domain];
    let tried = Tried::of(tenant.try_call(&command));
    assert_eq!(tried.sources(), ["a1", "a2", "x", "a3"]);
    assert_eq!(
        (tried.number("axons_read"), tried.number("axons_denied")),
        (2, 2)
    );
    let denied = scene.key("axon_2");
    let named = [
        command[0], command[1], command[2], command[3], "AXONS", &denied,
    ];
    let line = format!("NOPERM LEAFLET: no permission to read '{denied}'");
    tenant.refused_with(&named, &line);
}

#[test]
fn a_replica_tests_what_it_holds() {
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&primary, "backtest");
    scene.rule("pair", PAIR);
    scene.feed(&HISTORY);
    let replica = Options::new().replica_of(&primary).start();
    let mut follower = Client::connect(&replica.url());
    let key = scene.key("axon_2{t}");
    follower.wait_until("the replica has the streams", |follower| {
        follower.int(&["XLEN", &key]) == 1
    });
    let command = ["LEAFLET.RULE.BACKTEST", "pair", "DOMAIN", &scene.domain];
    let theirs = Tried::of(follower.try_call(&command));
    let ours = Tried::of(scene.client.try_call(&command));
    assert_eq!(theirs.events(), ours.events());
    assert_eq!(theirs.sources(), ["a1 b1", "a3 b3"]);
}

#[test]
fn it_works_in_the_domains_own_database_and_in_resp3() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&format!("{}/5?protocol=resp3", server.url()));
    client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "five",
        "AXONS",
        "in:*",
        "OUTPUT",
        "out",
    ]);
    client.call(&["XADD", "in:a", "7-0", "type", "A", "event_id", "a"]);
    client.call(&["SELECT", "0"]);
    client.call(&["XADD", "in:b", "8-0", "type", "A", "event_id", "b"]);
    let command = [
        "LEAFLET.RULE.BACKTEST",
        "r",
        "DOMAIN",
        "five",
        "TEXT",
        "MATCH A WITHIN 1s",
    ];
    let reply = client.call(&command);
    assert!(matches!(reply, Value::Map(_)));
    assert_eq!(Tried::of(Ok(reply)).sources(), ["a"]);
    let named = [&command[..], &["AXONS", "in:a"]].concat();
    assert_eq!(Tried::of(client.try_call(&named)).sources(), ["a"]);
    // The client is still where it was.
    assert_eq!(client.int(&["XLEN", "in:b"]), 1);
}
