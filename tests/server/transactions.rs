//! Events inside MULTI, scripts and functions, and streams that keep nothing.

use crate::seed::SEED;
use crate::support::{items, Scene};
use redis::Value;

#[test]
fn inside_multi_the_integrated_event_comes_with_exec() {
    let mut scene = Scene::new("multi");
    scene.rule("seed", SEED);
    let (a, b, out) = (scene.key("axon_1"), scene.key("axon_2"), scene.key("out"));
    scene.client.ok(&["MULTI"]);
    for command in [
        &["XADD", &a, "1000-0", "type", "A", "event_id", "a"][..],
        &["XADD", &b, "1001-0", "type", "B", "event_id", "b"],
        &["XADD", &a, "1002-0", "type", "A", "event_id", "a2"],
        &["XADD", &b, "1003-0", "type", "B", "event_id", "b2"],
    ] {
        assert_eq!(scene.client.text(command), "QUEUED");
    }
    let mut other = scene.connect();
    assert_eq!(other.int(&["XLEN", &out]), 0);
    assert_eq!(items(scene.client.call(&["EXEC"])).len(), 4);
    assert_eq!(scene.matches(), ["a b", "a2 b2"]);
}

#[test]
fn a_discarded_transaction_leaves_no_event() {
    let mut scene = Scene::new("discard");
    scene.rule("seed", SEED);
    let a = scene.key("axon_1");
    scene.client.ok(&["MULTI"]);
    scene.client.text(&["XADD", &a, "1000-0", "type", "A"]);
    scene.client.ok(&["DISCARD"]);
    scene.feed(&["b B@axon_2 1001"]);
    assert!(scene.matches().is_empty());
    assert_eq!(scene.stat("events_seen"), 1);
}

#[test]
fn a_script_may_add_events() {
    let mut scene = Scene::new("lua");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    let script = "for i = 1, 3 do \
                    redis.call('XADD', KEYS[1], i .. '-1', 'type', 'A', 'event_id', 'a' .. i) \
                    redis.call('XADD', KEYS[2], i .. '-2', 'event_id', 'b' .. i, 'type', 'B') \
                  end return 'done'";
    assert_eq!(scene.client.text(&["EVAL", script, "2", &a, &b]), "done");
    assert_eq!(scene.matches(), ["a1 b1", "a2 b2", "a3 b3"]);
}

#[test]
fn a_script_that_fails_half_way_still_has_its_events_correlated() {
    let mut scene = Scene::new("lua");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    let script = "redis.call('XADD', KEYS[1], '1-0', 'type', 'A', 'event_id', 'a') \
                  redis.call('XADD', KEYS[2], '2-0', 'type', 'B', 'event_id', 'b') \
                  return redis.call('XADD', KEYS[2], '1-0', 'type', 'B', 'event_id', 'not')";
    scene.client.refused(&["EVAL", script, "2", &a, &b]);
    assert_eq!(scene.matches(), ["a b"]);
    assert_eq!(scene.stat("events_seen"), 2);
}

#[test]
fn a_function_may_add_events() {
    let mut scene = Scene::new("function");
    scene.rule("seed", SEED);
    let library = scene.domain.clone();
    let code = format!(
        "#!lua name={library}\n\
         redis.register_function('{library}', function(keys, args)\n\
           redis.call('XADD', keys[1], '1-0', 'type', 'A', 'event_id', 'a')\n\
           return redis.call('XADD', keys[2], '2-0', 'type', 'B', 'event_id', 'b')\n\
         end)"
    );
    scene.client.call(&["FUNCTION", "LOAD", &code]);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    assert_eq!(scene.client.text(&["FCALL", &library, "2", &a, &b]), "2-0");
    scene.client.ok(&["FUNCTION", "DELETE", &library]);
    assert_eq!(scene.matches(), ["a b"]);
}

#[test]
fn an_axon_that_keeps_nothing_still_correlates() {
    let mut scene = Scene::new("maxlen0");
    scene.rule("seed", SEED);
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    for (key, id, event_type) in [(&a, "1000-0", "A"), (&b, "1001-0", "B")] {
        let command = [
            "XADD", key, "MAXLEN", "0", id, "type", event_type, "event_id", id,
        ];
        assert_eq!(scene.client.text(&command), id);
        assert_eq!(scene.client.int(&["XLEN", key]), 0);
    }
    assert_eq!(scene.matches(), ["1000-0 1001-0"]);
}

#[test]
fn an_xadd_that_adds_nothing_is_no_event() {
    let mut scene = Scene::new("nomkstream");
    scene.rule("rule", "MATCH A WITHIN 1s");
    let a = scene.key("axon_1");
    let reply = scene
        .client
        .call(&["XADD", &a, "NOMKSTREAM", "1-0", "type", "A"]);
    assert_eq!(reply, Value::Nil);
    scene.feed(&["a A@axon_1 1000"]);
    scene.client.refused(&["XADD", &a, "5-0", "type", "A"]);
    assert_eq!(scene.matches(), ["a"]);
    assert_eq!(scene.stat("events_seen"), 1);
}

#[test]
fn options_of_xadd_are_not_taken_for_fields() {
    let mut scene = Scene::new("options");
    scene.rule("rule", "MATCH A[value = 3] WITHIN 1s");
    let a = scene.key("axon_1");
    for (id, options) in [
        ("1000-0", &["MAXLEN", "~", "100"][..]),
        ("1001-0", &["MINID", "=", "1"]),
        (
            "1002-0",
            &["NOMKSTREAM", "MAXLEN", "~", "100", "LIMIT", "10"],
        ),
    ] {
        let mut command = vec!["XADD", &a];
        command.extend(options);
        command.extend([id, "type", "A", "value", "3", "event_id", id]);
        assert_eq!(scene.client.text(&command), id);
    }
    assert_eq!(scene.matches(), ["1000-0", "1001-0", "1002-0"]);
}

#[test]
fn a_pipeline_is_taken_in_order() {
    let mut scene = Scene::new("pipeline");
    scene.rule("rule", "MATCH A -> B WITHIN 1s");
    let (a, b) = (scene.key("axon_1"), scene.key("axon_2"));
    let mut pipeline = redis::pipe();
    for i in 1..=100 {
        for (key, event_type) in [(&a, "A"), (&b, "B")] {
            pipeline.cmd("XADD").arg(key).arg(format!("{i}-0")).arg(&[
                "type",
                event_type,
                "event_id",
                &format!("{event_type}{i}"),
            ]);
        }
    }
    scene.client.pipeline(&pipeline);
    let expected: Vec<String> = (1..=100).map(|i| format!("A{i} B{i}")).collect();
    assert_eq!(scene.matches(), expected);
}
