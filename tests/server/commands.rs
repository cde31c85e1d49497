//! Every command's good and bad use.

use crate::seed::SEED;
use crate::support::{items, text, unique, Client, Scene};

const WRONG_NUMBER: &str = "wrong number of arguments";

fn refused_count(client: &mut Client, command: &[&str]) {
    let line = client.refused(command);
    assert!(
        line.starts_with("ERR ") && line.contains(WRONG_NUMBER),
        "{command:?}: {line}"
    );
}

#[test]
fn wrong_numbers_of_arguments() {
    let mut scene = Scene::new("arity");
    for command in [
        &["LEAFLET.DOMAIN.CREATE"][..],
        &["LEAFLET.DOMAIN.DROP"],
        &["LEAFLET.DOMAIN.DROP", "a", "b"],
        &["LEAFLET.DOMAIN.LIST", "a"],
        &["LEAFLET.DOMAIN.INFO"],
        &["LEAFLET.DOMAIN.INFO", "a", "b"],
        &["LEAFLET.RULE.ADD"],
        &["LEAFLET.RULE.ADD", "r"],
        &["LEAFLET.RULE.DEL"],
        &["LEAFLET.RULE.GET"],
        &["LEAFLET.RULE.PAUSE"],
        &["LEAFLET.RULE.RESUME"],
    ] {
        refused_count(&mut scene.client, command);
    }
}

#[test]
fn options_that_are_unknown_unfinished_or_given_twice() {
    let mut scene = Scene::new("options");
    let domain = scene.domain.clone();
    scene.rule("rule", SEED);
    for (command, phrase) in [
        (&["LEAFLET.DOMAIN.CREATE", "d", "AXON", "x"][..], "AXON"),
        (&["LEAFLET.DOMAIN.CREATE", "d", "OUTPUT"], "output"),
        (&["LEAFLET.DOMAIN.CREATE", "d", "AXONS"], "AXONS"),
        (&["LEAFLET.DOMAIN.CREATE", "d", "MAXLEN"], "MAXLEN"),
        (&["LEAFLET.DOMAIN.CREATE", "d", "MAXLEN", "many"], "MAXLEN"),
        (&["LEAFLET.DOMAIN.CREATE", "d", "MAXLEN", "-1"], "MAXLEN"),
        (&["LEAFLET.DOMAIN.CREATE", "d", "SOURCES", "XML"], "XML"),
        (
            &["LEAFLET.DOMAIN.CREATE", "d", "MAXLEN", "1", "MAXLEN", "2"],
            "MAXLEN",
        ),
        (&["LEAFLET.RULE.ADD", "r", SEED, "IN", &domain], "IN"),
        (&["LEAFLET.RULE.ADD", "r", SEED, "DOMAIN"], "domain"),
        (&["LEAFLET.RULE.DEL", "rule", "FROM", &domain], "FROM"),
        (&["LEAFLET.RULE.GET", "rule", "DOMAIN"], "domain"),
        (&["LEAFLET.RULE.LIST", "EVERY"], "EVERY"),
        (&["LEAFLET.RULE.PAUSE", "rule", "NOW"], "NOW"),
        (&["LEAFLET.RULE.RESUME", "rule", "NOW"], "NOW"),
        (&["LEAFLET.STATS", "ALL"], "ALL"),
        (&["LEAFLET.STATS", "DOMAIN"], "domain"),
        (&["LEAFLET.RESET", "HARD"], "HARD"),
        (&["LEAFLET.RESET", "RULE"], "rule"),
    ] {
        scene.client.refused_about(command, phrase);
    }
    scene.client.refused_with(
        &["LEAFLET.DOMAIN.INFO", "d"],
        "ERR LEAFLET: no such domain 'd'",
    );
}

#[test]
fn names_that_are_not_there() {
    let mut scene = Scene::new("missing");
    let (domain, missing) = (scene.domain.clone(), unique("missing"));
    let no_domain = format!("ERR LEAFLET: no such domain '{missing}'");
    for command in [
        &["LEAFLET.DOMAIN.DROP", &missing][..],
        &["LEAFLET.DOMAIN.INFO", &missing],
        &["LEAFLET.RULE.ADD", "r", SEED, "DOMAIN", &missing],
        &["LEAFLET.RULE.DEL", "r", "DOMAIN", &missing],
        &["LEAFLET.RULE.GET", "r", "DOMAIN", &missing],
        &["LEAFLET.RULE.LIST", "DOMAIN", &missing],
        &["LEAFLET.RULE.PAUSE", "r", "DOMAIN", &missing],
        &["LEAFLET.RULE.RESUME", "r", "DOMAIN", &missing],
        &["LEAFLET.STATS", "DOMAIN", &missing],
        &["LEAFLET.STATS", "DOMAIN", &missing, "RULE", "r"],
        &["LEAFLET.RESET", "DOMAIN", &missing],
    ] {
        scene.client.refused_with(command, &no_domain);
    }
    for command in [
        &["LEAFLET.RULE.DEL", "absent", "DOMAIN", &domain][..],
        &["LEAFLET.RULE.GET", "absent", "DOMAIN", &domain],
        &["LEAFLET.RULE.PAUSE", "absent", "DOMAIN", &domain],
        &["LEAFLET.RULE.RESUME", "absent", "DOMAIN", &domain],
        &["LEAFLET.STATS", "DOMAIN", &domain, "RULE", "absent"],
        &["LEAFLET.RESET", "DOMAIN", &domain, "RULE", "absent"],
    ] {
        scene.client.refused_about(command, "no such rule 'absent'");
    }
}

#[test]
fn names_that_are_taken() {
    let mut scene = Scene::new("taken");
    let domain = scene.domain.clone();
    scene
        .client
        .refused_about(&["LEAFLET.DOMAIN.CREATE", &domain], "exists");
    scene.rule("rule", SEED);
    scene.client.refused_about(
        &[
            "LEAFLET.RULE.ADD",
            "rule",
            "MATCH C WITHIN 1s",
            "DOMAIN",
            &domain,
        ],
        "exists",
    );
    let rule = scene
        .client
        .map(&["LEAFLET.RULE.GET", "rule", "DOMAIN", &domain]);
    assert_eq!(rule["text"], SEED);
}

#[test]
fn a_bad_rule_is_refused_with_its_column() {
    let mut scene = Scene::new("bad");
    let line = scene.refused_rule("MATCH A AND WITHIN 2s");
    assert!(
        line.starts_with("ERR LEAFLET: column 13: expected ") && line.ends_with("found 'WITHIN'"),
        "{line}"
    );
    for (text, column) in [
        ("", 1),
        ("SELECT * FROM a", 1),
        ("MATCH A", 8),
        ("MATCH A WITHIN", 15),
        ("MATCH A WITHIN 2x", 17),
        ("MATCH A@ WITHIN 2s", 10),
        ("MATCH (A WITHIN 2s", 10),
        ("MATCH A[value > ] WITHIN 2s", 17),
        ("MATCH A['open WITHIN 2s", 9),
        ("MATCH A WITHIN 2s EMIT", 23),
        ("MATCH A WITHIN 2s EMIT event_id = 1", 24),
        ("MATCH A WITHIN 2s LIMIT 1 EACH 2s", 27),
        ("MATCH 'é☃' AND WITHIN 2s", 16),
        ("MATCH A AS x AND B AS x WITHIN 2s", 18),
        ("MATCH A WHERE B.value = 1 WITHIN 2s", 15),
        ("MATCH A WHERE value = 1 WITHIN 2s", 15),
        ("MATCH A WHERE count(A) = 1 WITHIN 2s", 15),
    ] {
        let line = scene.refused_rule(text);
        assert!(
            line.starts_with(&format!("ERR LEAFLET: column {column}: ")),
            "{text}\n{line}"
        );
        assert!(!line.contains('\n'), "{line:?}");
    }
}

#[test]
fn what_makes_no_sense_is_refused() {
    let mut scene = Scene::new("refused");
    for text in [
        "MATCH A* WITHIN 1s",
        "MATCH A{0} WITHIN 1s",
        "MATCH A{3,2} WITHIN 1s",
        "MATCH 0 OF (A, B) WITHIN 1s",
        "MATCH 3 OF (A, B) WITHIN 1s",
        "MATCH NOT A WITHIN 1s",
        "MATCH A AND NOT B WITHIN 1s",
        "MATCH A -> NOT B WITHIN 1s",
        "MATCH A -> NOT B+ -> C WITHIN 1s",
        "MATCH A -> NOT B AS b -> C WITHIN 1s",
        "MATCH A -> NOT B -> C* WITHIN 1s",
        "MATCH A WITHIN 1s SELECT ALL CONSUME MATCHED",
        "MATCH A WITHIN 99999999999999999999d",
    ] {
        let line = scene.refused_rule(text);
        assert!(line.starts_with("ERR LEAFLET: "), "{text}: {line}");
    }
    let rules = scene
        .client
        .call(&["LEAFLET.RULE.LIST", "DOMAIN", &scene.domain]);
    assert_eq!(items(rules), []);
}

#[test]
fn domain_create_info_list_drop() {
    let mut scene = Scene::new("domain");
    let name = scene.key("second");
    let (axons, more, output) = (scene.key("in_*"), scene.key("more"), scene.key("res"));
    scene.client.ok(&[
        "leaflet.domain.create",
        &name,
        "sources",
        "csv",
        "maxlen",
        "7",
        "output",
        &output,
        "axons",
        &axons,
        &more,
    ]);
    let info = scene.client.map(&["LEAFLET.DOMAIN.INFO", &name]);
    for (field, value) in [
        ("name", name.as_str()),
        ("axons", &format!("{axons} {more}")),
        ("output", &output),
        ("maxlen", "7"),
        ("sources", "CSV"),
        ("rules", "0"),
        ("leaflets", "0"),
        ("partitions", "0"),
        ("window_events", "0"),
        ("window_bytes", "0"),
    ] {
        assert_eq!(info[field], value, "{field}");
    }

    let listed: Vec<String> = items(scene.client.call(&["LEAFLET.DOMAIN.LIST"]))
        .iter()
        .map(|domain| text(&crate::support::fields(domain)[0].1))
        .filter(|listed| listed.starts_with(&scene.domain))
        .collect();
    assert_eq!(listed, [scene.domain.clone(), name.clone()]);

    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &name]);
    scene.client.refused_with(
        &["LEAFLET.DOMAIN.INFO", &name],
        &format!("ERR LEAFLET: no such domain '{name}'"),
    );
}

#[test]
fn rule_add_get_list_del() {
    let mut scene = Scene::new("rule");
    let domain = scene.domain.clone();
    scene.rule("one", "match A@axon_1 and B@axon_2   within 2s");
    scene.client.ok(&[
        "LEAFLET.RULE.ADD",
        "two",
        "MATCH C WITHIN 1m",
        "PAUSED",
        "DOMAIN",
        &domain,
    ]);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001", "a2 A@axon_1 1002"]);

    let one = scene
        .client
        .map(&["LEAFLET.RULE.GET", "one", "DOMAIN", &domain]);
    for (field, value) in [
        ("name", "one"),
        ("domain", domain.as_str()),
        ("text", SEED),
        ("matches", "1"),
        ("emitted", "1"),
        ("limited", "0"),
        ("window_events", "1"),
    ] {
        assert_eq!(one[field], value, "{field}");
    }
    assert!(["0", "false"].contains(&one["paused"].as_str()));
    let two = scene
        .client
        .map(&["LEAFLET.RULE.GET", "two", "DOMAIN", &domain]);
    assert!(["1", "true"].contains(&two["paused"].as_str()));
    assert_eq!(two["text"], "MATCH C WITHIN 1m");

    assert_eq!(rule_names(&mut scene), ["one", "two"]);
    scene
        .client
        .ok(&["LEAFLET.RULE.DEL", "one", "DOMAIN", &domain]);
    assert_eq!(rule_names(&mut scene), ["two"]);
    let info = scene.client.map(&["LEAFLET.DOMAIN.INFO", &domain]);
    assert_eq!(info["rules"], "1");
}

pub fn rule_names(scene: &mut Scene) -> Vec<String> {
    items(
        scene
            .client
            .call(&["LEAFLET.RULE.LIST", "DOMAIN", &scene.domain]),
    )
    .iter()
    .map(|rule| text(&crate::support::fields(rule)[0].1))
    .collect()
}

#[test]
fn a_rule_name_stands_once_a_domain() {
    let (mut first, mut second) = (Scene::new("first"), Scene::new("second"));
    first.rule("same", SEED);
    second.rule("same", "MATCH C WITHIN 1s");
    let get = |scene: &mut Scene| {
        let domain = scene.domain.clone();
        scene
            .client
            .map(&["LEAFLET.RULE.GET", "same", "DOMAIN", &domain])["text"]
            .clone()
    };
    assert_eq!(get(&mut first), SEED);
    assert_eq!(get(&mut second), "MATCH C WITHIN 1s");
}

#[test]
fn stats_of_a_domain_and_of_a_rule() {
    let mut scene = Scene::new("stats");
    let domain = scene.domain.clone();
    scene.rule("seed", SEED);
    scene.rule("alone", "MATCH C WITHIN 1s");
    scene.feed(&[
        "a A@axon_1 100000",
        "late B@axon_2 1",
        "b B@axon_2 100001",
        "x X@axon_1 100002",
        "c C@axon_3 100003",
        "a2 A@axon_1 100004",
    ]);
    for (name, value) in [
        ("events_seen", 6),
        ("events_taken", 4),
        ("events_late", 1),
        ("events_untyped", 0),
        ("matches", 2),
        ("emitted", 2),
        ("emit_errors", 0),
        ("window_events", 1),
        ("leaflets", 1),
        ("rules", 2),
    ] {
        assert_eq!(scene.stat(name), value, "{name}");
    }
    assert!(scene.stat("window_bytes") > 0);
    let of_rule = ["DOMAIN", &domain, "RULE", "seed"];
    assert_eq!(
        crate::support::stat(&mut scene.client, &of_rule, "matches"),
        1
    );
    let everything = crate::support::stat(&mut scene.client, &[], "matches");
    assert!(everything >= 2);
}

#[test]
fn help() {
    let mut scene = Scene::new("help");
    let all: Vec<String> = items(scene.client.call(&["LEAFLET.HELP"]))
        .iter()
        .map(text)
        .collect();
    for command in crate::introspection::COMMANDS {
        assert!(
            all.iter().any(|line| line.contains(command.name)),
            "{} is not in {all:#?}",
            command.name
        );
        let one: Vec<String> = items(scene.client.call(&["LEAFLET.HELP", command.name]))
            .iter()
            .map(text)
            .collect();
        assert!(
            one.iter().any(|line| line.contains(command.name)),
            "{one:?}"
        );
    }
    scene
        .client
        .refused_about(&["LEAFLET.HELP", "LEAFLET.NONSENSE"], "LEAFLET.NONSENSE");
}
