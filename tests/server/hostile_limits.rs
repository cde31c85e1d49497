//! The largest times, rules, numbers and texts. The server answers, and says in one short line what it does not take.

use crate::hostile::scene;
use crate::support::{stat, Entry};

/// The largest id there is, and times before and after it: nothing overflows, and the server goes on.
#[test]
fn at_the_end_of_time() {
    let (mut scene, _server) = scene();
    const LONGEST: &str = "213503982334d";
    for (name, text) in [
        ("pair", "MATCH A -> B WITHIN 1s"),
        (
            "repeated",
            "MATCH A{2,} AS a -> B WITHIN 1s SELECT FIRST EMIT n = count(a)",
        ),
        ("waits", "MATCH A -> NOT B FOR 1h WITHIN 1s"),
        ("limited", "MATCH A WITHIN 1s LIMIT 1 PER 1h"),
        ("between", "MATCH A -> NOT X -> B WITHIN 365d"),
        ("leading", "MATCH NOT X -> A WITHIN 1s"),
        (
            "level",
            "INTEGRATE A WEIGHT 0.6 DECAY 365d THRESHOLD 1 REFRACTORY 365d WITHIN 365d",
        ),
    ] {
        scene.rule(name, text);
        // The same with the longest durations, where they are taken.
        let long = text
            .replace("365d", LONGEST)
            .replace("1s", LONGEST)
            .replace("1h", LONGEST);
        let domain = scene.domain.clone();
        let name = format!("{name}_long");
        let reply = scene
            .client
            .try_call(&["LEAFLET.RULE.ADD", &name, &long, "DOMAIN", &domain]);
        if let Err(line) = reply {
            assert!(line.starts_with("ERR LEAFLET: "), "{line}");
        }
    }
    let last = u64::MAX;
    for (axon, id, event_type) in [
        ("axon_1", "0-1".to_string(), "A"),
        ("axon_1", format!("{}-0", last - 1), "A"),
        ("axon_1", format!("{last}-0"), "A"),
        ("axon_1", format!("{last}-{last}"), "A"),
        ("axon_2", "5-1".to_string(), "B"),
        ("axon_2", format!("{last}-{last}"), "B"),
        ("axon_3", format!("{last}-{last}"), "X"),
    ] {
        let name = format!("{axon}/{id}");
        scene.add(
            axon,
            &id,
            &[
                ("type", event_type),
                ("event_id", &name),
                ("value", "1e308"),
            ],
        );
    }
    assert!(scene.stat("matches") > 0);
    let domain = scene.domain.clone();
    for rule in ["pair", "waits", "level"] {
        scene
            .client
            .call(&["LEAFLET.RULE.WHYNOT", rule, "DOMAIN", &domain]);
    }
    scene
        .client
        .call(&["LEAFLET.RULE.BACKTEST", "pair", "DOMAIN", &domain]);
    scene
        .client
        .ok(&["LEAFLET.TICK", &domain, "", &last.to_string()]);
    assert_eq!(stat(&mut scene.client, &[], "internal_errors"), 0);
}

/// Rules of all sizes: taken, or refused with one line that is short.
#[test]
fn huge_rules() {
    let (mut scene, _server) = scene();
    let domain = scene.domain.clone();
    let many = |n: usize, part: &dyn Fn(usize) -> String, between: &str| {
        (0..n).map(part).collect::<Vec<_>>().join(between)
    };
    let atoms = |n| format!("MATCH {} WITHIN 1s", many(n, &|i| format!("A{i}"), " AND "));
    let wild = "a".repeat(300);
    for (text, taken) in [
        (atoms(64), true),
        (atoms(65), false),
        ("MATCH A{1000000000} -> B WITHIN 1s".to_string(), true),
        (
            "MATCH A{1,99999999999999999999} -> B WITHIN 1s".into(),
            false,
        ),
        (
            format!(
                "MATCH A WITHIN 1s EMIT {}",
                many(500, &|i| format!("f{i} = {i}"), ", ")
            ),
            true,
        ),
        (
            format!(
                "MATCH A[v IN ({})] WITHIN 1s",
                many(9_000, &|i| i.to_string(), ", ")
            ),
            true,
        ),
        (
            format!(
                "MATCH A[v IN ({})] WITHIN 1s",
                many(90_000, &|i| i.to_string(), ", ")
            ),
            false,
        ),
        (
            format!("MATCH A['{}' LIKE v] WITHIN 1s", "x".repeat(1 << 20)),
            false,
        ),
        (
            format!("MATCH A[v LIKE '%{}b%'] WITHIN 1s", "a".repeat(60_000)),
            true,
        ),
        (format!("MATCH A[v LIKE '%{wild}_b%'] WITHIN 1s"), false),
        (
            format!(
                "MATCH A PARTITION BY {} WITHIN 1s",
                many(5_000, &|i| format!("f{i}"), ", ")
            ),
            true,
        ),
        (format!("MATCH {} WITHIN 1s", "A".repeat(1 << 20)), false),
        ("\0".repeat(1 << 20), false),
        ("(".repeat(60_000), false),
        ("MATCH A WITHIN 99999999999999999999999d".into(), false),
    ] {
        let call = [
            "LEAFLET.RULE.ADD",
            "huge",
            &text,
            "REPLACE",
            "DOMAIN",
            &domain,
        ];
        let reply = scene.client.try_call(&call);
        let start: String = text.chars().take(40).collect();
        if let Err(line) = &reply {
            assert!(line.starts_with("ERR LEAFLET: "), "{start}: {line}");
            assert!(
                line.len() < 1_000 && !line.contains(['\n', '\r']),
                "{start}"
            );
        }
        assert_eq!(reply.is_ok(), taken, "{start}: {reply:?}");
        let value = "a".repeat(100_000);
        scene.add("axon_1", "*", &[("type", "A"), ("v", &value)]);
        scene
            .client
            .call(&["LEAFLET.RULE.EXPLAIN", "huge", "DOMAIN", &domain]);
    }
    let long = "n".repeat(1 << 20);
    for call in [
        &["LEAFLET.DOMAIN.CREATE", &long][..],
        &["LEAFLET.DOMAIN.CREATE", "d", "OUTPUT", &long],
        &["LEAFLET.DOMAIN.CREATE", "d", "AXONS", &long],
        &["LEAFLET.DOMAIN.CREATE", "d", "TIME", "FIELD", &long],
        &["LEAFLET.RULE.ADD", &long, "MATCH A WITHIN 1s"],
        &["LEAFLET.RULE.GET", &long],
        &["LEAFLET.HELP", &long],
        &["LEAFLET.STATS", &long],
        &["LEAFLET.TICK", &long, &long, &long],
    ] {
        let line = scene.client.refused(call);
        assert!(
            line.starts_with("ERR LEAFLET: "),
            "{}",
            &line[..80.min(line.len())]
        );
    }
}

/// Numbers that are none, and texts that cost: conditions hold or don't, and the search pays for what it reads.
#[test]
fn numbers_and_texts_that_cost() {
    let (mut scene, _server) = scene();
    scene.rule("big", "MATCH A[value > 1e300] WITHIN 1s");
    scene.rule("computed", "MATCH A[a LIKE b] WITHIN 1s");
    scene.rule(
        "sum",
        "MATCH A{3,} AS a -> B WITHIN 1d EMIT n = sum(a.value), m = max(a.value)",
    );
    scene.rule(
        "dear",
        "MATCH A AS x -> A AS y -> B AS z WHERE lower(x.a) = upper(z.b) AND y.a LIKE z.b WITHIN 1d",
    );
    let long = "a".repeat(1 << 20);
    let values = [
        "NaN", "inf", "-inf", "1e999", "1e308", "-1e308", "0x10", "1_000", "", "١٢",
    ];
    for (i, value) in values.iter().enumerate() {
        let id = format!("{}-0", 1_000 + i);
        let fields = [
            ("type", "A"),
            ("value", *value),
            ("a", &long),
            ("b", "%a_b%"),
        ];
        scene.add("axon_1", &id, &fields);
    }
    for i in 0..600 {
        let fields = [("type", "A"), ("value", "1e308"), ("a", &long[..100_000])];
        scene.add("axon_1", &format!("{}-0", 2_000 + i), &fields);
    }
    let pattern = format!("%{}_b", "a".repeat(200));
    scene.add("axon_1", "3000-0", &[("type", "B"), ("b", &pattern)]);
    let out = scene.out();
    let of = |rule: &str| {
        let of_rule = |entry: &&Entry| entry.get("correlation_rule") == Some(rule);
        out.iter().filter(of_rule).count()
    };
    assert_eq!((of("computed"), of("dear")), (0, 0));
    assert_eq!(of("sum"), 1);
    assert_eq!(scene.stat("budget_cuts"), 1);
    assert_eq!(stat(&mut scene.client, &[], "internal_errors"), 0);
}
