//! The seed rule: A on one axon and B on another within two seconds.

use crate::support::{check, skip, Options, Scene};

pub const SEED: &str = "MATCH A@axon_1 AND B@axon_2 WITHIN 2s";

#[test]
fn fires_in_either_order() {
    check(SEED, &["a A@axon_1 1000", "b B@axon_2 1500"], &["a b"]);
    check(SEED, &["b B@axon_2 1000", "a A@axon_1 1500"], &["b a"]);
}

#[test]
fn fires_before_the_completing_xadd_replies() {
    let mut scene = Scene::new("seed");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000"]);
    assert!(scene.matches().is_empty());
    scene.feed(&["b B@axon_2 1500"]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn does_not_fire_again_on_what_it_has_used() {
    check(
        SEED,
        &[
            "a1 A@axon_1 1000",
            "b1 B@axon_2 1100",
            "b2 B@axon_2 1200",
            "b3 B@axon_2 1300",
            "a2 A@axon_1 1400",
        ],
        &["a1 b1", "b3 a2"],
    );
}

#[test]
fn the_window_includes_its_end_and_nothing_beyond() {
    check(SEED, &["a A@axon_1 1000", "b B@axon_2 3000"], &["a b"]);
    check(SEED, &["a A@axon_1 1000", "b B@axon_2 3001"], &[]);
}

#[test]
fn an_expired_event_stays_out_whatever_comes_later() {
    check(
        SEED,
        &[
            "a A@axon_1 1000",
            "far C@axon_3 60000",
            "b B@axon_2 2000",
            "a2 A@axon_1 60500",
            "b2 B@axon_2 61000",
        ],
        &["a2 b2"],
    );
}

#[test]
fn events_of_other_types_axons_and_keys_are_nothing_to_it() {
    let mut scene = Scene::new("seed");
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "x B@axon_1 1001", "y A@axon_2 1002"]);
    scene.feed(&["z b@axon_2 1003", "w B@other_2 1004", "v B@axon_3 1005"]);
    assert!(scene.matches().is_empty());
    scene.feed(&["b B@axon_2 1006"]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn times_come_from_the_ids_so_old_ids_work_like_new_ones() {
    check(
        SEED,
        &["a A@axon_1 1", "b B@axon_2 2", "a2 A@axon_1 1700000000000"],
        &["a b"],
    );
}

#[test]
fn works_with_ids_the_server_gives() {
    let mut scene = Scene::new("seed");
    scene.rule("seed", "MATCH A@axon_1 AND B@axon_2 WITHIN 10m");
    scene.add("axon_1", "*", &[("type", "A"), ("event_id", "a")]);
    scene.add("axon_2", "*", &[("type", "B"), ("event_id", "b")]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn works_on_valkey() {
    let Some(binary) = std::env::var_os("LEAFLET_VALKEY_SERVER") else {
        return skip("LEAFLET_VALKEY_SERVER names no Valkey server");
    };
    let server = Options::new().binary(binary).aof().start();
    let mut scene = Scene::on(&server, "seed");
    assert!(scene.client.info("server").contains_key("valkey_version"));
    scene.rule("seed", SEED);
    scene.feed(&["a A@axon_1 1000", "b B@axon_2 1500", "b2 B@axon_2 1600"]);
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(scene.stat("matches"), 1);
    assert_eq!(scene.stat("events_seen"), 3);
    crate::durability::assert_cause_and_effect_in_one_transaction(
        &server,
        &scene.key("axon_2"),
        &scene.key("out"),
    );
}
