//! The audit stream: who changed what of the definitions.

use crate::replication::{catch_up, pair};
use crate::seed::SEED;
use crate::support::aof::{aof_commands, aof_path};
use crate::support::client::Entry;
use crate::support::cluster::Cluster;
use crate::support::scene::given_url;
use crate::support::{own, skip, stat, text, Client, Options};

const STREAM: &str = "leaflet:audit";

fn told(entry: &Entry) -> String {
    let field = |name| entry.get(name).unwrap_or("-").to_string();
    let names = [
        "action", "domain", "name", "version", "old", "new", "paused", "user",
    ];
    names.map(field).join(" | ")
}

#[test]
fn every_change_is_told_with_who_made_it() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut admin = Client::connect(&server.url());
    admin.ok(&["ACL", "SETUSER", "ada", "on", "nopass", "allkeys", "+@all"]);
    let mut ada = Client::connect(&server.url());
    ada.ok(&["AUTH", "ada", "any"]);
    ada.ok(&["CLIENT", "SETNAME", "desk"]);
    ada.ok(&["SELECT", "3"]);
    ada.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "d",
        "AXONS",
        "in:*",
        "OUTPUT",
        "out",
    ]);
    ada.ok(&["LEAFLET.RULE.ADD", "r", SEED, "DOMAIN", "d"]);
    // Neither what is refused nor what changes nothing.
    ada.refused(&["LEAFLET.RULE.ADD", "r", SEED, "DOMAIN", "d"]);
    ada.ok(&["LEAFLET.RULE.ADD", "r", SEED, "DOMAIN", "d", "REPLACE"]);
    ada.ok(&["LEAFLET.RULE.RESUME", "r", "DOMAIN", "d"]);
    ada.ok(&["LEAFLET.RESET", "DOMAIN", "d"]);
    admin.ok(&["MULTI"]);
    admin.call(&["LEAFLET.RULE.PAUSE", "r", "DOMAIN", "d"]);
    let newer = "MATCH A WITHIN 1s";
    admin.call(&[
        "LEAFLET.RULE.ADD",
        "r",
        newer,
        "REPLACE",
        "PAUSED",
        "DOMAIN",
        "d",
    ]);
    admin.call(&["EXEC"]);
    let script = "return redis.call(unpack(ARGV))";
    ada.ok(&["EVAL", script, "0", "LEAFLET.RULE.DEL", "r", "DOMAIN", "d"]);
    admin.ok(&["LEAFLET.DOMAIN.DROP", "d"]);
    let entries = admin.entries(STREAM);
    let spec = entries[0].get("new").expect("a definition").to_string();
    assert!(
        spec.contains(r#""output":"out""#) && spec.contains(r#""db":3"#),
        "{spec}"
    );
    let all: Vec<String> = entries.iter().map(told).collect();
    assert_eq!(
        all,
        [
            format!("DOMAIN.CREATE | d | - | - | - | {spec} | - | ada"),
            format!("RULE.ADD | d | r | 1 | - | {SEED} | no | ada"),
            "RULE.PAUSE | d | r | 1 | - | - | yes | default".into(),
            format!("RULE.ADD | d | r | 2 | {SEED} | {newer} | yes | default"),
            format!("RULE.DEL | d | r | 2 | {newer} | - | - | ada"),
            format!("DOMAIN.DROP | d | - | - | {spec} | - | - | default"),
        ]
    );
    let info = ada.text(&["CLIENT", "INFO"]);
    let address = entries[0].get("client").expect("an address");
    assert!(
        info.contains(&format!(" addr={address} ")),
        "{address}: {info}"
    );
    assert_eq!(entries[0].get("client_name"), Some("desk"));
    // It is in no other database.
    assert!(ada.entries(STREAM).is_empty());
}

#[test]
fn it_is_as_long_as_it_may_be_and_can_be_elsewhere_or_off() {
    let Some(mut server) = own(Options::new().arg("--save", "3600 1")) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    let add = |client: &mut Client, name: &str| client.ok(&["LEAFLET.RULE.ADD", name, SEED]);
    client.ok(&["CONFIG", "SET", "leaflet.audit-maxlen", "2"]);
    ["a", "b", "c"]
        .iter()
        .for_each(|name| add(&mut client, name));
    let names = |client: &mut Client, key: &str| -> Vec<String> {
        let entries = client.entries(key);
        let names = entries
            .iter()
            .map(|entry| entry.get("name").expect("a name"));
        names.map(String::from).collect()
    };
    assert_eq!(names(&mut client, STREAM), ["b", "c"]);
    client.ok(&["CONFIG", "SET", "leaflet.audit-stream", "elsewhere"]);
    add(&mut client, "d");
    client.ok(&["CONFIG", "SET", "leaflet.audit-stream", ""]);
    add(&mut client, "e");
    assert_eq!(names(&mut client, STREAM), ["b", "c"]);
    assert_eq!(names(&mut client, "elsewhere"), ["d"]);
    for wrong in ["a{b}", &"x".repeat(1_025)] {
        client.refused(&["CONFIG", "SET", "leaflet.audit-stream", wrong]);
    }
    assert_eq!(
        client.text(&["CONFIG", "GET", "leaflet.audit-stream"]),
        "leaflet.audit-stream "
    );
    // What can't be recorded is counted, and done all the same.
    client.ok(&["CONFIG", "SET", "leaflet.audit-stream", "list"]);
    client.int(&["RPUSH", "list", "x"]);
    add(&mut client, "f");
    assert_eq!(stat(&mut client, &[], "audit_errors"), 1);
    assert_eq!(stat(&mut client, &[], "rules"), 6);
    assert!(server
        .log()
        .contains("RULE.ADD in domain 'default' is NOT in the audit stream"));
    server.set("--leaflet.audit-stream", "at:start");
    let _ = client.try_call(&["SHUTDOWN"]);
    server.restart();
    let mut client = Client::connect(&server.url());
    add(&mut client, "g");
    assert_eq!(names(&mut client, "at:start"), ["g"]);
}

#[test]
fn it_is_nobodys_axon() {
    let Some(server) = own(Options::new().arg("--leaflet.audit-stream", "all:audit")) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        "d",
        "AXONS",
        "all:*",
        "OUTPUT",
        "out",
    ]);
    client.ok(&[
        "LEAFLET.RULE.ADD",
        "r",
        "MATCH ANY WITHIN 1s",
        "DOMAIN",
        "d",
    ]);
    client.ok(&["LEAFLET.RULE.PAUSE", "r", "DOMAIN", "d"]);
    client.ok(&["LEAFLET.RULE.RESUME", "r", "DOMAIN", "d"]);
    assert_eq!(client.entries("all:audit").len(), 4);
    assert_eq!(stat(&mut client, &["DOMAIN", "d"], "events_seen"), 0);
    client.text(&["XADD", "all:x", "*", "type", "A"]);
    assert_eq!(client.entries("out").len(), 1);
    // Nor is it an event when it is read.
    client.ok(&["LEAFLET.REBUILD"]);
    client.wait_until("the rebuild", |client| {
        stat(client, &[], "domains_rebuilding") == 0
    });
    assert_eq!(client.entries("out").len(), 1);
}

#[test]
fn replicas_and_the_aof_get_each_entry_once() {
    let Some((mut primary, replica)) = pair() else {
        return;
    };
    let mut client = Client::connect(&primary.url());
    let mut follower = Client::connect(&replica.url());
    catch_up(&mut client, &mut follower);
    client.ok(&["CONFIG", "SET", "appendonly", "yes"]);
    client.wait_until("the AOF is written", |client| {
        let info = client.info("persistence");
        info["aof_rewrite_in_progress"] == "0" && info["aof_rewrite_scheduled"] == "0"
    });
    client.ok(&["LEAFLET.RULE.ADD", "r", SEED]);
    client.ok(&["LEAFLET.RULE.PAUSE", "r"]);
    catch_up(&mut client, &mut follower);
    let entries = client.entries(STREAM);
    assert_eq!(entries.len(), 2);
    assert_eq!(follower.entries(STREAM), entries);
    let bytes = std::fs::read(aof_path(primary.dir())).expect("the AOF");
    let commands = aof_commands(&bytes);
    let names = commands.iter().map(|(command, _)| &command[0][..]);
    let names: Vec<&str> = names.filter(|name| *name != "SELECT").collect();
    let at = names
        .iter()
        .position(|name| *name == "LEAFLET.RULE.ADD")
        .expect("it is there");
    assert_eq!(
        names[at - 1..at + 3],
        ["MULTI", "LEAFLET.RULE.ADD", "XADD", "EXEC"]
    );
    primary.set("--appendonly", "yes");
    let _ = client.try_call(&["SHUTDOWN"]);
    primary.restart();
    let mut client = Client::connect(&primary.url());
    assert_eq!(client.entries(STREAM), entries);
    assert_eq!(stat(&mut client, &[], "rules"), 1);
}

#[test]
fn each_primary_of_a_cluster_has_a_record_in_a_slot_of_its_own() {
    if given_url().is_some() {
        return skip("it needs servers of its own");
    }
    let mut cluster = Cluster::start(&Options::new(), 2);
    for place in 0..2 {
        let client = &mut cluster.primaries[place].client;
        client.ok(&["LEAFLET.RULE.ADD", "a", SEED]);
        client.ok(&["LEAFLET.RULE.ADD", "b", SEED]);
        let keys = client.text(&["KEYS", "*"]);
        assert!(keys.starts_with("leaflet:audit{"), "{keys}");
        assert_eq!(client.entries(&keys).len(), 2);
        assert_eq!(cluster.place(&keys), place);
    }
    // What is at another node is said to be there.
    let key = ["x{a}", "x{b}", "x{c}", "x{d}"].into_iter();
    let mut elsewhere = key.filter(|key| cluster.place(key) == 1);
    let key = elsewhere.next().expect("one of four").to_string();
    let client = &mut cluster.primaries[0].client;
    let entry = client.fields(&["LEAFLET.LINEAGE", &key, "1-1"]);
    let (_, state) = entry
        .iter()
        .find(|(name, _)| name == "state")
        .expect("a state");
    assert_eq!(text(state), "elsewhere");
}

#[test]
fn changes_of_saccules_are_told_too() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut client = Client::connect(&server.url());
    let add = ["LEAFLET.SACCULE.ADD", "sane", "REQUIRE x > 0"];
    client.ok(&add);
    // Nothing changes.
    client.ok(&[&add[..], &["REPLACE"]].concat());
    let other = [
        "LEAFLET.SACCULE.ADD",
        "sane",
        "DROP y",
        "AXON",
        "axon_*",
        "REPLACE",
    ];
    client.ok(&other);
    client.ok(&["LEAFLET.SACCULE.DEL", "sane"]);
    let record = client.entries("leaflet:audit");
    let names = ["action", "name", "old", "new"];
    let told: Vec<_> = record
        .iter()
        .map(|change| names.map(|name| change.get(name)))
        .collect();
    let (first, second) = ("REQUIRE x > 0", "DROP y AXON axon_*");
    assert_eq!(
        told,
        [
            [Some("SACCULE.ADD"), Some("sane"), None, Some(first)],
            [Some("SACCULE.ADD"), Some("sane"), Some(first), Some(second)],
            [Some("SACCULE.DEL"), Some("sane"), Some(second), None],
        ]
    );
}
