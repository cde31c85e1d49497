//! What `LEAFLET.RULE.EXPLAIN` and `LEAFLET.RULE.WHYNOT` show.

use crate::support::{fields, items, own, text, Client, Options, Scene};
use redis::Value;

/// The value of a name in a map, or a flat array.
fn get(map: &Value, name: &str) -> Value {
    let found = fields(map).into_iter().find(|(field, _)| field == name);
    found.unwrap_or_else(|| panic!("no {name} in {map:?}")).1
}

/// The same in a map in a list in a map.
fn in_list(map: &Value, list: &str, name: &str) -> Vec<String> {
    let of = |item: &Value| text(&get(item, name));
    items(get(map, list)).iter().map(of).collect()
}

fn names(map: &Value) -> Vec<String> {
    fields(map).into_iter().map(|(name, _)| name).collect()
}

const THEFT: &str =
    "MATCH Login AS l -> Pay[amount > 1000] AS p WHERE p.ip != l.ip PARTITION BY user WITHIN 5m";

#[test]
fn explain_shows_how_a_rule_runs() {
    let mut scene = Scene::new("explain");
    scene.rule("theft", THEFT);
    scene.feed(&["l Login@axon_1 1000 user=ada ip=1"]);
    let domain = scene.domain.clone();
    let command = ["LEAFLET.RULE.EXPLAIN", "theft", "DOMAIN", &domain];
    let shown = scene.client.call(&command);
    assert_eq!(
        names(&shown),
        [
            "name",
            "domain",
            "text",
            "atoms",
            "reads",
            "partition_by",
            "where",
            "ends",
            "finds",
            "select",
            "consume",
            "having",
            "within",
            "limit",
            "emit",
            "keeps",
            "fields_kept",
            "bytes",
            "budget",
            "saccules"
        ]
    );
    assert_eq!(text(&get(&shown, "text")), THEFT);
    assert_eq!(in_list(&shown, "atoms", "name"), ["l", "p"]);
    assert_eq!(
        in_list(&shown, "where", "tested"),
        ["as soon as l and p are known"]
    );
    let axons: Vec<String> = items(get(&items(get(&shown, "reads"))[0], "axons"))
        .iter()
        .map(text)
        .collect();
    assert_eq!(axons, [scene.key("axon_1")]);

    let separator = if scene.url().contains('?') { '&' } else { '?' };
    let mut resp3 = Client::connect(&format!("{}{separator}protocol=resp3", scene.url()));
    let map = resp3.call(&command);
    assert!(matches!(map, Value::Map(_)), "{map:?}");
    assert_eq!(names(&map), names(&shown));
}

#[test]
fn a_text_is_explained_without_a_rule() {
    let mut scene = Scene::new("explain");
    let domain = scene.domain.clone();
    let shown = scene.client.call(&["LEAFLET.RULE.EXPLAIN", "text", THEFT]);
    assert_eq!(text(&get(&shown, "name")), "");
    assert_eq!(text(&get(&shown, "domain")), "default");
    assert_eq!(
        items(scene.client.call(&["LEAFLET.RULE.LIST", "DOMAIN", &domain])).len(),
        0
    );
    scene.client.refused_with(
        &["LEAFLET.RULE.EXPLAIN", "TEXT", "MATCH", "DOMAIN", &domain],
        "ERR LEAFLET: column 6: expected an event type, found end of rule",
    );
    // A rule may be called so too.
    scene.rule("TEXT", THEFT);
    let shown = scene
        .client
        .call(&["LEAFLET.RULE.EXPLAIN", "TEXT", "DOMAIN", &domain]);
    assert_eq!(text(&get(&shown, "name")), "TEXT");
    for (wrong, line) in [
        (
            &["x"][..],
            "ERR LEAFLET: no such rule 'x' in domain 'default'",
        ),
        (
            &["TEXT", THEFT, "DOMAIN", "nosuch"],
            "ERR LEAFLET: no such domain 'nosuch'",
        ),
        (
            &["x", "y"],
            "ERR LEAFLET: unknown option 'y' (argument 2), expected DOMAIN",
        ),
    ] {
        let mut command = vec!["LEAFLET.RULE.EXPLAIN"];
        command.extend(wrong);
        scene.client.refused_with(&command, line);
    }
}

/// The sentences of an answer.
fn reasons(scene: &mut Scene, of: &[&str]) -> Vec<String> {
    let domain = scene.domain.clone();
    let mut command = vec!["LEAFLET.RULE.WHYNOT", "theft", "DOMAIN", &domain];
    command.extend(of);
    let answer = scene.client.call(&command);
    items(get(&answer, "reasons")).iter().map(text).collect()
}

#[test]
fn whynot_tells_what_is_nearest_and_why_it_is_no_match() {
    let mut scene = Scene::new("whynot");
    scene.rule("theft", THEFT);
    scene.feed(&[
        "l Login@axon_1 1000 user=ada ip=1.2.3.4",
        "p Pay@axon_2 61000 user=ada ip=1.2.3.4 amount=5000",
    ]);
    assert_eq!(
        reasons(&mut scene, &[]),
        [
            "The nearest match of partition ada fails: p.ip != l.ip: '1.2.3.4' != '1.2.3.4'.",
            "The nearest partial match of partition ada lacks Pay[amount > 1000] AS p; its first event leaves the window \
             in 4m."
        ]
    );
    assert_eq!(
        reasons(&mut scene, &["TAG", "", "PARTITION", "TAG"]),
        [
            "The untagged leaflet holds nothing for the rule in partition TAG.",
            "There is something in the untagged leaflet (TAG asks for another leaflet).",
            "No l waits here: the last one (1000-0) was used up, or came in another partition or leaflet."
        ]
    );
    let domain = scene.domain.clone();
    let command = ["LEAFLET.RULE.WHYNOT", "theft", "DOMAIN", &domain];
    let separator = if scene.url().contains('?') { '&' } else { '?' };
    let mut resp3 = Client::connect(&format!("{}{separator}protocol=resp3", scene.url()));
    let map = resp3.call(&command);
    assert!(matches!(map, Value::Map(_)), "{map:?}");
    let flat = scene.client.call(&command);
    assert_eq!(names(&map), names(&flat));
    assert_eq!(
        names(&flat),
        [
            "name",
            "domain",
            "tag",
            "text",
            "reasons",
            "paused",
            "time",
            "clock",
            "events",
            "matches",
            "emitted",
            "limited",
            "having_failed",
            "budget_cuts",
            "last_fired",
            "limit",
            "atoms",
            "nearest",
            "deadlines",
            "search"
        ]
    );
    let nearest = items(get(&flat, "nearest"));
    assert_eq!(in_list(&nearest[0], "events", "event_id"), ["l", "p"]);
    assert_eq!(
        in_list(&nearest[0], "events", "axon"),
        [scene.key("axon_1"), scene.key("axon_2")]
    );
    scene.client.refused_with(
        &[
            "LEAFLET.RULE.WHYNOT",
            "theft",
            "DOMAIN",
            &domain,
            "PARTITION",
            "a",
            "b",
        ],
        "ERR LEAFLET: expected 1 value after PARTITION (user), found 2",
    );
}

#[test]
fn a_replica_answers_as_its_primary_does() {
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&primary, "whynot");
    scene.rule("theft", THEFT);
    let Some(replica) = own(Options::new().replica_of(&primary)) else {
        return;
    };
    let mut client = Client::connect(&replica.url());
    let domain = scene.domain.clone();
    let command = ["LEAFLET.RULE.WHYNOT", "theft", "DOMAIN", &domain];
    client.wait_until("the rule is there", |client| {
        client.try_call(&command).is_ok()
    });
    scene.feed(&[
        "l Login@axon_1 1000 user=ada ip=1",
        "p Pay@axon_2 2000 user=ada ip=1 amount=5000",
    ]);
    let answer = scene.client.call(&command);
    client.wait_until("the events are there", |client| {
        client.call(&command) == answer
    });
}

#[test]
fn who_may_not_read_the_axons_gets_no_answer() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "whynot");
    scene.rule("theft", THEFT);
    let domain = scene.domain.clone();
    let mut guest = scene.connect();
    let command = ["LEAFLET.RULE.WHYNOT", "theft", "DOMAIN", &domain];
    for (keys, may) in [("%W~*", false), ("%R~*", true)] {
        scene.client.ok(&[
            "ACL", "SETUSER", "guest", "reset", "on", "nopass", "+@all", keys,
        ]);
        guest.ok(&["AUTH", "guest", "any"]);
        let answer = guest.try_call(&command);
        assert_eq!(answer.is_ok(), may, "{answer:?}");
        if let Err(line) = answer {
            assert!(
                line.starts_with("NOPERM LEAFLET: no permission to read '"),
                "{line}"
            );
        }
    }
}

/// All names and values of a reply, one after the other.
fn leaves(value: Value) -> Vec<String> {
    match value {
        Value::Array(items) => items.into_iter().flat_map(leaves).collect(),
        leaf => vec![text(&leaf)],
    }
}

/// The words of a command, or the texts and numbers that `redis-cli` prints in a line.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    for (number, part) in line.split('"').enumerate() {
        match number % 2 {
            0 => words.extend(part.split_whitespace().map(String::from)),
            _ => words.push(part.into()),
        }
    }
    words
}

fn printed(line: &str) -> Vec<String> {
    let quoted = line.split('"').skip(1).step_by(2).map(String::from);
    let number = line.split("(integer) ").nth(1).map(String::from);
    quoted.chain(number).collect()
}

#[test]
fn the_sessions_of_the_manual_are_real() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    let manual = include_str!("../../docs/why.md");
    let sessions = manual.split("```console\n").skip(1);
    let lines = sessions.flat_map(|s| s.split("```").next().unwrap_or_default().lines());
    let mut answer = Vec::new().into_iter();
    let (mut commands, mut shown) = (0, 0);
    for line in lines {
        if let Some(command) = line.strip_prefix("> ") {
            answer = leaves(client.call(&words(command))).into_iter();
            commands += 1;
            continue;
        }
        for expected in printed(line) {
            // What is left out may stand between.
            assert!(answer.any(|leaf| leaf == expected), "{expected} in {line}");
            shown += 1;
        }
    }
    assert!(commands > 15 && shown > 80, "{commands} {shown}");
}
