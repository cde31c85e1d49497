//! Who may do what, and that commands are what they say they are.

use redis::Value;

use crate::introspection::{has_categories_of_modules, COMMANDS};
use crate::seed::SEED;
use crate::support::{items, own, text, Client, Options, Server};

fn user(server: &Server, admin: &mut Client, rules: &[&str]) -> Client {
    let mut command = vec!["ACL", "SETUSER", "tenant", "reset", "on", "nopass"];
    command.extend(rules);
    admin.ok(&command);
    let mut client = Client::connect(&server.url());
    client.ok(&["AUTH", "tenant", "any"]);
    client
}

fn create(name: &'static str, axons: &'static str, output: &'static str) -> Vec<&'static str> {
    let words = ["LEAFLET.DOMAIN.CREATE", name, "AXONS", axons, "OUTPUT"];
    [&words[..], &[output]].concat()
}

#[test]
fn a_change_needs_the_right_to_the_domains_keys() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut admin = Client::connect(&server.url());
    admin.ok(&create("theirs", "theirs:*", "out"));
    admin.ok(&["LEAFLET.RULE.ADD", "r", SEED, "DOMAIN", "theirs"]);
    let mut tenant = user(&server, &mut admin, &["+@all", "~mine:*"]);
    tenant.ok(&create("mine", "mine:in:*", "mine:out"));
    tenant.ok(&["LEAFLET.RULE.ADD", "r", SEED, "DOMAIN", "mine"]);
    let before = admin.map(&["LEAFLET.RULE.GET", "r", "DOMAIN", "theirs"]);
    let replaced = "MATCH Z WITHIN 1s";
    for command in [
        &["LEAFLET.RULE.ADD", "s", SEED, "DOMAIN"][..],
        &["LEAFLET.RULE.ADD", "r", replaced, "REPLACE", "DOMAIN"],
        &["LEAFLET.RULE.PAUSE", "r", "DOMAIN"],
        &["LEAFLET.RULE.RESUME", "r", "DOMAIN"],
        &["LEAFLET.RESET", "RULE", "r", "DOMAIN"],
        &["LEAFLET.RESET", "DOMAIN"],
        &["LEAFLET.RULE.DEL", "r", "DOMAIN"],
        &["LEAFLET.DOMAIN.DROP"],
    ] {
        let with = |domain| [command, &[domain]].concat();
        let line = tenant.refused(&with("theirs"));
        assert!(line.starts_with("NOPERM LEAFLET: "), "{command:?}: {line}");
        // The user of a transaction or a script is the one who sent it.
        let script = "return redis.call(unpack(ARGV))";
        let mut in_script = vec!["EVAL", script, "0"];
        in_script.extend(with("theirs"));
        let line = tenant.refused(&in_script);
        assert!(line.contains("NOPERM"), "{command:?}: {line}");
        tenant.ok(&["MULTI"]);
        tenant.call(&with("theirs"));
        let replies = tenant.try_call(&["EXEC"]);
        assert!(format!("{replies:?}").contains("NOPERM"), "{replies:?}");
        if command[0] != "LEAFLET.RULE.ADD" || command[1] == "s" {
            tenant.ok(&with("mine"));
        }
    }
    // Of everything: others' too.
    assert!(tenant.refused(&["LEAFLET.RESET"]).starts_with("NOPERM "));
    admin.ok(&["LEAFLET.RESET"]);
    let after = admin.map(&["LEAFLET.RULE.GET", "r", "DOMAIN", "theirs"]);
    assert_eq!(before, after);
}

#[test]
fn patterns_and_permissions_of_all_kinds() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut admin = Client::connect(&server.url());
    for (rules, axons, output, may) in [
        (&["~in:*", "~out*"][..], "in:*", "out", true),
        (&["%R~in:*", "%W~out*"], "in:*", "out", true),
        (&["%R~in:*", "%R~out*"], "in:*", "out", false),
        (&["%W~in:*", "%W~out*"], "in:*", "out", false),
        (&["allkeys"], "in:*", "out", true),
        (&["allkeys", "resetkeys"], "in:*", "out", false),
        // A tag makes another key of it.
        (&["~in:*", "~out"], "in:*", "out", false),
        (&["~in:a", "~out*"], "in:a", "out", false),
        // The user's pattern is narrower than the glob, though it matches its text.
        (&["~in:?", "~in:?{*}", "~out*"], "in:*", "out", false),
        (&["~in:[*]*", "~out*"], "in:*", "out", false),
        (&["~in:a?", "~in:a?{*}", "~out*"], "in:a?", "out", false),
        (&["~*:out"], "*", "x:out", false),
        // What a selector grants counts.
        (&["(~in:* +@all)", "(~out* +@all)"], "in:*", "out", true),
        (&["(~in:* +@all)"], "in:*", "out", false),
    ] {
        let all = [&["+@all"], rules].concat();
        let mut tenant = user(&server, &mut admin, &all);
        let command = create("d", axons, output);
        if may {
            tenant.ok(&command);
            admin.ok(&["LEAFLET.DOMAIN.DROP", "d"]);
        } else {
            let line = tenant.refused(&command);
            assert!(line.starts_with("NOPERM LEAFLET: "), "{rules:?}: {line}");
        }
    }
}

#[test]
fn categories_are_enough_to_keep_somebody_out() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut admin = Client::connect(&server.url());
    let has_categories = has_categories_of_modules(&mut admin);
    for (rules, reads, writes) in [
        (&["~*", "+@leaflet"][..], true, true),
        (&["~*", "+@read"], true, false),
        (&["~*", "+@all", "-@write"], true, false),
        (&["~*", "+@all", "-@leaflet"], false, false),
        (&["~*", "+@all", "-@admin"], true, true),
    ] {
        if !has_categories && rules.iter().any(|rule| rule.ends_with("@leaflet")) {
            continue;
        }
        user(&server, &mut admin, rules);
        for command in COMMANDS {
            let arguments = vec!["x"; command.arity.unsigned_abs() as usize - 1];
            let words = [&["ACL", "DRYRUN", "tenant", command.name], &arguments[..]].concat();
            let allowed = admin.call(&words) == Value::Okay;
            let admin_only =
                ["LEAFLET.TICK", "LEAFLET.SETTLE", "LEAFLET.RESTORE"].contains(&command.name);
            let kept_out = admin_only && rules.contains(&"-@admin");
            let expected = !kept_out && if command.writes { writes } else { reads };
            assert_eq!(allowed, expected, "{} {rules:?}", command.name);
        }
    }
}

/// Arguments with which each command does something.
fn call_of(name: &str) -> Vec<&'static str> {
    match name {
        "LEAFLET.DOMAIN.CREATE" => create("new", "new:*", "new_out"),
        "LEAFLET.DOMAIN.DROP" => vec!["LEAFLET.DOMAIN.DROP", "new"],
        "LEAFLET.DOMAIN.LIST" => vec!["LEAFLET.DOMAIN.LIST"],
        "LEAFLET.DOMAIN.INFO" => vec!["LEAFLET.DOMAIN.INFO", "default"],
        "LEAFLET.RULE.ADD" => vec!["LEAFLET.RULE.ADD", "other", SEED],
        "LEAFLET.RULE.DEL" => vec!["LEAFLET.RULE.DEL", "other"],
        "LEAFLET.RULE.GET" => vec!["LEAFLET.RULE.GET", "r"],
        "LEAFLET.RULE.LIST" => vec!["LEAFLET.RULE.LIST"],
        "LEAFLET.RULE.EXPLAIN" => vec!["LEAFLET.RULE.EXPLAIN", "r"],
        "LEAFLET.RULE.WHYNOT" => vec!["LEAFLET.RULE.WHYNOT", "r"],
        "LEAFLET.RULE.PAUSE" => vec!["LEAFLET.RULE.PAUSE", "r"],
        "LEAFLET.RULE.RESUME" => vec!["LEAFLET.RULE.RESUME", "r"],
        "LEAFLET.RULE.BACKTEST" => vec!["LEAFLET.RULE.BACKTEST", "r"],
        "LEAFLET.SACCULE.ADD" => vec!["LEAFLET.SACCULE.ADD", "other", "DROP x"],
        "LEAFLET.SACCULE.DEL" => vec!["LEAFLET.SACCULE.DEL", "other"],
        "LEAFLET.SACCULE.LIST" => vec!["LEAFLET.SACCULE.LIST"],
        "LEAFLET.LINEAGE" => vec!["LEAFLET.LINEAGE", "stream:axon_1", "1-1"],
        "LEAFLET.STATS" => vec!["LEAFLET.STATS"],
        "LEAFLET.TICK" => vec!["LEAFLET.TICK", "default", "", "1"],
        "LEAFLET.SETTLE" => vec!["LEAFLET.SETTLE", "1", "1"],
        "LEAFLET.RESET" => vec!["LEAFLET.RESET"],
        "LEAFLET.REBUILD" => vec!["LEAFLET.REBUILD"],
        "LEAFLET.RESTORE" => vec!["LEAFLET.RESTORE", r#"{"domains":[]}"#],
        "LEAFLET.HELP" => vec!["LEAFLET.HELP"],
        other => panic!("{other} is not tried"),
    }
}

#[test]
fn commands_do_what_their_flags_say() {
    let Some(primary) = own(Options::new()) else {
        return;
    };
    let replica = Options::new().replica_of(&primary).start();
    let mut on_primary = Client::connect(&primary.url());
    let mut on_replica = Client::connect(&replica.url());
    on_replica.wait_until("the replica is in sync", |client| {
        client.info("replication")["master_link_status"] == "up"
    });
    on_primary.ok(&["LEAFLET.RULE.ADD", "r", SEED]);
    on_replica.wait_until("the rule is there", |client| {
        client.try_call(&["LEAFLET.RULE.GET", "r"]).is_ok()
    });
    // In an order in which each finds what it needs.
    for command in COMMANDS.iter().filter(|command| command.writes) {
        let line = on_replica.refused(&call_of(command.name));
        assert!(line.starts_with("READONLY "), "{}: {line}", command.name);
    }
    let offset = |client: &mut Client| client.info("replication")["master_repl_offset"].clone();
    for command in COMMANDS {
        let call = call_of(command.name);
        let line = on_primary.refused(&[&["COMMAND", "GETKEYS"], &call[..]].concat());
        assert!(line.contains("no key arguments"), "{line}");
        let dirty =
            |client: &mut Client| client.info("persistence")["rdb_changes_since_last_save"].clone();
        let (before, sent) = (dirty(&mut on_primary), offset(&mut on_primary));
        if command.name == "LEAFLET.RESTORE" {
            // It is for append-only files.
            on_primary.refused_about(&call, "only an append-only file");
        } else if command.writes {
            on_primary.ok(&call);
            assert_ne!(offset(&mut on_primary), sent, "{}", command.name);
            // A script that may only read can't.
            let script = [
                &["EVAL_RO", "return redis.call(unpack(ARGV))", "0"],
                &call[..],
            ]
            .concat();
            let line = on_primary.refused(&script);
            assert!(line.contains("Write commands are not allowed"), "{line}");
            let defines = ["DOMAIN.CREATE", "RULE.ADD", "SACCULE.ADD"];
            if defines.iter().any(|name| command.name.ends_with(name)) {
                on_primary.ok(&["CONFIG", "SET", "maxmemory", "1"]);
                let line = on_primary.refused(&call);
                assert!(line.starts_with("OOM "), "{}: {line}", command.name);
                on_primary.ok(&["CONFIG", "SET", "maxmemory", "0"]);
            }
        } else {
            on_primary.call(&call);
            on_replica.call(&call);
            assert_eq!(dirty(&mut on_primary), before, "{}", command.name);
        }
    }
    // Both still have the same.
    for command in [
        "LEAFLET.RULE.LIST",
        "LEAFLET.SACCULE.LIST",
        "LEAFLET.DOMAIN.LIST",
    ] {
        let listed = format!("{:?}", on_primary.call(&[command]));
        on_replica.wait_until("the replica follows", |client| {
            format!("{:?}", client.call(&[command])) == listed
        });
    }
    let known: Vec<String> =
        items(on_primary.call(&["COMMAND", "LIST", "FILTERBY", "MODULE", "leaflet"]))
            .iter()
            .map(|name| text(name).to_uppercase())
            .collect();
    assert_eq!(known.len(), COMMANDS.len(), "{known:?}");
}
