//! Domains that feed each other come to an end.

use crate::support::{own, Options, Scene};

/// Domains each of whose output is an axon of the next, in a ring; each repeats every event.
fn ring(scene: &mut Scene, size: usize) -> Vec<String> {
    (0..size)
        .map(|i| {
            let name = scene.key(&format!("ring{i}"));
            let (axons, output) = (
                scene.key(&format!("station{i}_*")),
                scene.key(&format!("station{}_1", (i + 1) % size)),
            );
            scene.client.ok(&[
                "LEAFLET.DOMAIN.CREATE",
                &name,
                "AXONS",
                &axons,
                "OUTPUT",
                &output,
            ]);
            scene.client.ok(&[
                "LEAFLET.RULE.ADD",
                "echo",
                "MATCH ANY WITHIN 1s",
                "DOMAIN",
                &name,
            ]);
            name
        })
        .collect()
}

fn total(scene: &mut Scene, domains: &[String], name: &str) -> u64 {
    domains
        .iter()
        .map(|domain| crate::support::stat(&mut scene.client, &["DOMAIN", domain], name))
        .sum()
}

fn drop_all(scene: &mut Scene, domains: &[String]) {
    for domain in domains {
        scene.client.ok(&["LEAFLET.DOMAIN.DROP", domain]);
    }
}

#[test]
fn a_ring_stops_at_the_hop_limit_and_is_counted() {
    for size in [2, 3] {
        let mut scene = Scene::new("ring");
        let domains = ring(&mut scene, size);
        for _ in 0..3 {
            scene.add("station0_0", "*", &[("type", "A")]);
        }
        assert_eq!(
            total(&mut scene, &domains, "emitted"),
            3 * 8,
            "{size} domains"
        );
        assert_eq!(total(&mut scene, &domains, "hops_cut"), 3, "{size} domains");
        drop_all(&mut scene, &domains);
    }
}

#[test]
fn the_hop_limit_is_a_setting() {
    let Some(server) = own(Options::new()) else {
        return;
    };
    let mut scene = Scene::on(&server, "ring");
    scene.client.ok(&["CONFIG", "SET", "leaflet.max-hops", "2"]);
    let domains = ring(&mut scene, 2);
    scene.add("station0_0", "1-0", &[("type", "A")]);
    assert_eq!(total(&mut scene, &domains, "emitted"), 2);
    assert_eq!(total(&mut scene, &domains, "hops_cut"), 1);
}

#[test]
fn a_ring_inside_multi_and_a_script_stops_too() {
    let mut scene = Scene::new("ring");
    let domains = ring(&mut scene, 2);
    let key = scene.key("station0_0");
    scene.client.ok(&["MULTI"]);
    scene.client.text(&["XADD", &key, "*", "type", "A"]);
    scene.client.call(&["EXEC"]);
    let script = "redis.call('XADD', KEYS[1], '*', 'type', 'A')";
    scene.client.call(&["EVAL", script, "1", &key]);
    assert_eq!(total(&mut scene, &domains, "emitted"), 2 * 8);
    assert_eq!(total(&mut scene, &domains, "hops_cut"), 2);
    drop_all(&mut scene, &domains);
}

#[test]
fn a_chain_of_domains_carries_on() {
    let mut scene = Scene::new("chain");
    let name = scene.key("second");
    let (axons, output) = (scene.key("out"), scene.key("final"));
    scene.client.ok(&[
        "LEAFLET.DOMAIN.CREATE",
        &name,
        "AXONS",
        &axons,
        "OUTPUT",
        &output,
    ]);
    scene.rule("pair", "MATCH A -> B WITHIN 1s");
    scene.client.ok(&[
        "LEAFLET.RULE.ADD",
        "pairs",
        "MATCH MULTI_ORIGINATED[correlation_rule = 'pair'] AS m WITHIN 1s EMIT rule = m.correlation_rule",
        "DOMAIN",
        &name,
    ]);
    scene.feed(&["a A@axon_1 1000", "b B@axon_1 1001"]);
    let first = scene.out();
    let second = scene.client.entries(&output);
    assert_eq!(second.len(), 1);
    assert_eq!(
        second[0].sources(),
        first[0].get("event_id").expect("an id")
    );
    assert_eq!(second[0].get("rule"), Some("pair"));
    scene.client.ok(&["LEAFLET.DOMAIN.DROP", &name]);
}
