//! How commands describe themselves, and the shapes of their replies.

use crate::seed::SEED;
use crate::support::{fields, items, own, skip, text, Client, Options, Scene};
use redis::Value;

pub struct Command {
    pub name: &'static str,
    pub arity: i64,
    pub writes: bool,
}

const fn command(name: &'static str, arity: i64, writes: bool) -> Command {
    Command {
        name,
        arity,
        writes,
    }
}

pub const COMMANDS: &[Command] = &[
    command("LEAFLET.DOMAIN.CREATE", -2, true),
    command("LEAFLET.DOMAIN.DROP", 2, true),
    command("LEAFLET.DOMAIN.LIST", 1, false),
    command("LEAFLET.DOMAIN.INFO", 2, false),
    command("LEAFLET.RULE.ADD", -3, true),
    command("LEAFLET.RULE.DEL", -2, true),
    command("LEAFLET.RULE.GET", -2, false),
    command("LEAFLET.RULE.LIST", -1, false),
    command("LEAFLET.RULE.EXPLAIN", -2, false),
    command("LEAFLET.RULE.WHYNOT", -2, false),
    command("LEAFLET.RULE.PAUSE", -2, true),
    command("LEAFLET.RULE.RESUME", -2, true),
    command("LEAFLET.RULE.BACKTEST", -2, false),
    command("LEAFLET.SACCULE.ADD", -3, true),
    command("LEAFLET.SACCULE.DEL", -2, true),
    command("LEAFLET.SACCULE.LIST", -1, false),
    command("LEAFLET.LINEAGE", -2, false),
    command("LEAFLET.STATS", -1, false),
    command("LEAFLET.TICK", 4, true),
    command("LEAFLET.SETTLE", 3, true),
    command("LEAFLET.RESET", -1, true),
    command("LEAFLET.REBUILD", -1, true),
    command("LEAFLET.RESTORE", 2, true),
    command("LEAFLET.HELP", -1, false),
];

const RULE_FIELDS: [&str; 9] = [
    "name",
    "domain",
    "text",
    "paused",
    "matches",
    "emitted",
    "limited",
    "window_events",
    "partitions",
];

const DOMAIN_FIELDS: [&str; 19] = [
    "name",
    "axons",
    "output",
    "time",
    "lateness",
    "consistency",
    "maxlen",
    "sources",
    "limits",
    "shed",
    "rules",
    "leaflets",
    "partitions",
    "window_events",
    "window_bytes",
    "rejected",
    "saccules",
    "events_rejected",
    "rejections",
];

const STATS_FIELDS: [&str; 20] = [
    "events_seen",
    "events_taken",
    "events_late",
    "events_rejected",
    "events_untyped",
    "events_shed",
    "matches",
    "emitted",
    "limited",
    "emit_errors",
    "budget_cuts",
    "window_events",
    "window_bytes",
    "partitions",
    "leaflets",
    "rules",
    "domains",
    "latency_us_p50",
    "latency_us_p99",
    "latency_us_max",
];

/// Whether the server lets modules have ACL categories of their own: Redis 7.4, Valkey 8, and later.
pub fn has_categories_of_modules(client: &mut Client) -> bool {
    let info = client.info("server");
    let version = |text: &str| -> Vec<u32> {
        let numbers = text.split('.').map(|number| number.parse());
        numbers.collect::<Result<_, _>>().expect("a version")
    };
    match info.get("valkey_version") {
        Some(valkey) => version(valkey) >= vec![8],
        None => version(&info["redis_version"]) >= vec![7, 4],
    }
}

#[test]
fn command_info_tells_arity_flags_and_categories() {
    let mut scene = Scene::new("info");
    let has_categories = has_categories_of_modules(&mut scene.client);
    for command in COMMANDS {
        let reply = items(scene.client.call(&["COMMAND", "INFO", command.name]));
        let info = items(reply[0].clone());
        assert_eq!(text(&info[0]).to_uppercase(), command.name);
        assert_eq!(info[1], Value::Int(command.arity), "{}", command.name);
        let flags: Vec<String> = items(info[2].clone()).iter().map(text).collect();
        let has = |flag: &str| flags.iter().any(|f| f == flag);
        assert_eq!(has("write"), command.writes, "{}: {flags:?}", command.name);
        assert_eq!(
            has("readonly"),
            !command.writes,
            "{}: {flags:?}",
            command.name
        );
        let categories: Vec<String> = items(info[6].clone()).iter().map(text).collect();
        let categorized = categories.iter().any(|category| category == "@leaflet");
        assert_eq!(
            categorized, has_categories,
            "{}: {categories:?}",
            command.name
        );
    }
}

#[test]
fn command_docs_tell_summary_and_arguments() {
    let mut scene = Scene::new("docs");
    for command in COMMANDS {
        let reply = scene.client.call(&["COMMAND", "DOCS", command.name]);
        let docs = fields(&fields(&reply)[0].1);
        let get = |name: &str| docs.iter().find(|(field, _)| field == name);
        for field in ["summary", "since"] {
            assert!(
                get(field).is_some_and(|(_, value)| !text(value).is_empty()),
                "{}: {docs:?}",
                command.name
            );
        }
        let arguments = get("arguments").map_or(0, |(_, list)| items(list.clone()).len());
        assert_eq!(arguments > 0, command.arity != 1, "{}", command.name);
    }
}

#[test]
fn the_acl_category_holds_the_commands() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    if !has_categories_of_modules(&mut client) {
        return skip("the server has no ACL categories for modules");
    }
    // ACL CAT leaves out modules' commands in Redis 7.4 and Valkey 8.0.
    let list = ["COMMAND", "LIST", "FILTERBY", "ACLCAT", "leaflet"];
    let listed: Vec<String> = items(client.call(&list))
        .iter()
        .map(|name| text(name).to_uppercase())
        .collect();
    for command in COMMANDS {
        assert!(
            listed.iter().any(|name| name == command.name),
            "{}",
            command.name
        );
    }
    client.ok(&[
        "ACL",
        "SETUSER",
        "guest",
        "on",
        "nopass",
        "+@all",
        "~*",
        "-@leaflet",
    ]);
    client.ok(&["AUTH", "guest", "any"]);
    assert!(client.refused(&["LEAFLET.STATS"]).starts_with("NOPERM "));
}

#[test]
fn a_definition_needs_the_right_to_its_keys() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    let mut admin = Client::connect(&server.url());
    client.ok(&[
        "ACL", "SETUSER", "tenant", "on", "nopass", "+@all", "~mine:*",
    ]);
    client.ok(&["AUTH", "tenant", "any"]);
    for (axons, output) in [("others:*", "mine:out"), ("mine:axon_*", "others:out")] {
        let line = client.refused(&[
            "LEAFLET.DOMAIN.CREATE",
            "d",
            "AXONS",
            axons,
            "OUTPUT",
            output,
        ]);
        assert!(
            line.starts_with("NOPERM ") || line.starts_with("ERR LEAFLET: "),
            "{line}"
        );
        admin.refused_with(
            &["LEAFLET.DOMAIN.INFO", "d"],
            "ERR LEAFLET: no such domain 'd'",
        );
    }
    client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "d",
        "AXONS",
        "mine:axon_*",
        "OUTPUT",
        "mine:out",
    ]);
    // A rule makes the domain read its axons and write its output.
    let line = client.refused(&["LEAFLET.RULE.ADD", "r", SEED]);
    assert!(
        line.starts_with("NOPERM ") || line.starts_with("ERR LEAFLET: "),
        "{line}"
    );
    client.ok(&["LEAFLET.RULE.ADD", "r", SEED, "DOMAIN", "d"]);
}

#[test]
fn maps_in_resp3_and_flat_arrays_in_resp2() {
    let mut scene = Scene::new("shapes");
    scene.rule("seed", SEED);
    let domain = scene.domain.clone();
    let saccule = ["LEAFLET.SACCULE.ADD", "s", "DROP x", "DOMAIN", &domain];
    scene.client.ok(&saccule);
    let separator = if scene.url().contains('?') { '&' } else { '?' };
    let mut resp3 = Client::connect(&format!("{}{separator}protocol=resp3", scene.url()));

    for (command, names) in [
        (
            &["LEAFLET.RULE.GET", "seed", "DOMAIN", &domain][..],
            &RULE_FIELDS[..],
        ),
        (&["LEAFLET.DOMAIN.INFO", &domain], &DOMAIN_FIELDS),
        (&["LEAFLET.STATS", "DOMAIN", &domain], &STATS_FIELDS),
        (&["LEAFLET.STATS"], &STATS_FIELDS),
    ] {
        let flat = scene.client.call(command);
        let map = resp3.call(command);
        assert!(matches!(flat, Value::Array(_)), "{command:?}: {flat:?}");
        assert!(matches!(map, Value::Map(_)), "{command:?}: {map:?}");
        for reply in [flat, map] {
            let all: Vec<String> = fields(&reply).into_iter().map(|(name, _)| name).collect();
            if names == STATS_FIELDS {
                // It has more to tell, but these stand in this order.
                let known: Vec<&String> = all
                    .iter()
                    .filter(|name| names.contains(&name.as_str()))
                    .collect();
                assert_eq!(known, names);
                for further in ["events_untagged", "hops_cut"] {
                    assert!(
                        all.iter().any(|name| name == further),
                        "{further} in {all:?}"
                    );
                }
            } else {
                assert_eq!(all, names, "{command:?}");
            }
        }
    }
    for command in [
        &["LEAFLET.RULE.LIST", "DOMAIN", &domain][..],
        &["LEAFLET.SACCULE.LIST", "DOMAIN", &domain],
        &["LEAFLET.DOMAIN.LIST"],
    ] {
        for (protocol, client) in [(2, &mut scene.client), (3, &mut resp3)] {
            for item in items(client.call(command)) {
                assert_eq!(matches!(item, Value::Map(_)), protocol == 3, "{item:?}");
                assert_eq!(fields(&item)[0].0, "name");
            }
        }
    }
    for client in [&mut scene.client, &mut resp3] {
        let lines = items(client.call(&["LEAFLET.HELP"]));
        assert!(lines.iter().all(|line| !text(line).contains('\n')));
    }
}

#[test]
fn info_has_leaflet_sections() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "info");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1001"]);
    let all = scene.client.text(&["INFO", "everything"]);
    let sections: Vec<&str> = all
        .lines()
        .filter(|line| line.starts_with("# leaflet_"))
        .collect();
    assert!(!sections.is_empty(), "{all}");
    let figures = scene.client.info("leaflet");
    let ends_with = |name: &str, value: &str| {
        figures
            .iter()
            .any(|(field, found)| field.ends_with(name) && found == value)
    };
    for (name, value) in [("events_seen", "2"), ("matches", "1"), ("emitted", "1")] {
        assert!(ends_with(name, value), "{name}:{value} in {figures:#?}");
    }
}

#[test]
fn settings_are_module_configs() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    for (name, default, other) in [
        ("leaflet.max-window-memory", "268435456", "2097152"),
        ("leaflet.match-budget", "25000", "7"),
        ("leaflet.max-hops", "8", "3"),
    ] {
        assert_eq!(client.map(&["CONFIG", "GET", name])[name], default);
        client.ok(&["CONFIG", "SET", name, other]);
        assert_eq!(client.map(&["CONFIG", "GET", name])[name], other);
        for bad in ["-1", "many", ""] {
            let line = client.refused(&["CONFIG", "SET", name, bad]);
            assert!(line.starts_with("ERR "), "{line}");
        }
        assert_eq!(client.map(&["CONFIG", "GET", name])[name], other);
    }
    client.ok(&["CONFIG", "SET", "leaflet.max-window-memory", "4mb"]);
    let bytes = client.map(&["CONFIG", "GET", "leaflet.max-window-memory"]);
    assert_eq!(bytes["leaflet.max-window-memory"], "4194304");
}
