//! What `LEAFLET.RULE.EXPLAIN` and `LEAFLET.RULE.WHYNOT` show.

use crate::support::{fields, items, text, Client, Scene};
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
            "select",
            "consume",
            "having",
            "within",
            "limit",
            "emit",
            "keeps",
            "fields_kept",
            "bytes",
            "budget"
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
