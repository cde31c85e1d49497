//! What is told of counters, windows, levels and places.

use super::*;

#[test]
fn having_and_limit_are_told_from_what_does_not_match() {
    let rule = "MATCH A AS a -> B AS b WITHIN 10s HAVING sum(*.v) > 10 LIMIT 1 PER 1m";
    let mut scene = Scene::new(rule, &["A@axon_1 1000 v=1", "B@axon_1 2000 v=2"]);
    assert_eq!(
        scene.nearest()[0],
        "a 1000, b 2000 |  | HAVING sum(*.v) > 10: 3 > 10 | 9000"
    );
    assert_eq!(
        scene.reasons()[0],
        "HAVING sum(*.v) > 10 was not TRUE for 1 match."
    );
    scene.feed(&[
        "B@axon_1 3000 v=20",
        "A@axon_1 4000 v=9",
        "B@axon_1 5000 v=9",
    ]);
    assert_eq!(
        scene.reasons()[..3],
        [
            "It has fired: 1 time, the last at 3000.",
            "No a waits here: the last one (4000-0) was used up, or came in another partition or leaflet.",
            "HAVING sum(*.v) > 10 was not TRUE for 1 match.",
        ]
    );
    assert!(scene
        .reasons()
        .contains(&"LIMIT 1 PER 1m held back 1 match.".into()));
    let limit = scene.ask(Question::default());
    assert_eq!(text(limit.get("limit").unwrap().get("used")), "1");
}

#[test]
fn partners_out_of_the_window_are_named() {
    let scene = Scene::new(
        "MATCH A -> B WITHIN 10s",
        &["A@axon_1 1000", "B@axon_1 61000"],
    );
    assert_eq!(
        scene.reasons(),
        [
            "The untagged leaflet holds nothing for the rule.",
            "No A is in the window: the last one (1000-0) is 1m behind the leaflet's time, and WITHIN is 10s.",
        ]
    );
}

#[test]
fn late_events_and_those_without_a_partition_are_counted() {
    let scene = Scene::new(
        "MATCH A -> B PARTITION BY user, site.id WITHIN 10s",
        &[
            "A@axon_1 61000 user=1",
            "X@axon_1 61000",
            "B@axon_1 1000 user=1 site={\"id\":2}",
        ],
    );
    assert_eq!(
        scene.reasons(),
        [
            "Of the events that fit, 1 had no user or no site.id, by which the rule is partitioned.",
            "Of the events that fit, 1 came when they had left the window already (WITHIN 10s).",
        ]
    );
}

#[test]
fn a_question_names_its_leaflet_and_partition() {
    let rule = "MATCH A -> B PARTITION BY user, n WITHIN 10s";
    let scene = Scene::new(
        rule,
        &[
            "A@axon_1{s} 1000 user=ada n=1",
            "A@axon_1{s} 2000 user=bob n=2",
        ],
    );
    assert_eq!(
        scene.reasons(),
        [
            "No B has come since the rule was added or the server started.",
            "The untagged leaflet holds nothing for the rule.",
            "There is something in leaflet 's' (TAG asks for another leaflet).",
            "No A waits here: the last one (2000-0) was used up, or came in another partition or leaflet.",
        ]
    );
    let in_partition = |values: &[&[u8]]| {
        let report = scene.ask(Question {
            tag: b"s",
            partition: Some(values),
        });
        texts(report.get("reasons")).pop().unwrap()
    };
    assert_eq!(
        in_partition(&[b"ada", b"1"]),
        "The nearest partial match of partition ada, 1 lacks B; its first event leaves the window in 9s."
    );
    assert_eq!(
        in_partition(&[b"eve", b"1"]),
        "No A waits here: the last one (2000-0) was used up, or came in another partition or leaflet."
    );
    let refused = |values| {
        let question = Question {
            tag: b"",
            partition: Some(values),
        };
        let answer = scene.0.why_not(DEFAULT_DOMAIN, "r", question);
        answer.unwrap_err().to_string()
    };
    assert_eq!(
        refused(&[b"ada"]),
        "expected 2 values after PARTITION (user, n), found 1"
    );
}

#[test]
fn a_level_is_told_as_it_stands() {
    let rule = "INTEGRATE A@axon_1 WEIGHT v, B@axon_2 WEIGHT 0.5 DECAY 1s THRESHOLD 1 FROM 2 AXONS REFRACTORY 5s \
                PARTITION BY room WITHIN 10s";
    let mut scene = Scene::new(
        rule,
        &["A@axon_1 1000 room=x v=0.8", "A@axon_1 1000 room=x"],
    );
    // Time passes.
    scene.feed(&["X@axon_1 2000"]);
    let level = format!("{}", libm::round(0.8 * libm::exp(-1.0) * 1e6) / 1e6);
    assert_eq!(
        scene.reasons(),
        [
            "No axon 'axon_2' has been seen.".to_string(),
            "No B@axon_2 has come since the rule was added or the server started.".into(),
            "Of the events that fit, 1 had a WEIGHT that is NULL and added nothing.".into(),
            format!("The level of partition x is {level} now; it has to reach 1, and falls to 37 % in 1s."),
            "In the last 10s, events of 1 axon (stream:axon_1) have contributed in partition x; 2 are needed.".into(),
        ]
    );
    scene.feed(&["A@axon_1 2000 room=x v=3", "B@axon_2 2000 room=x"]);
    scene.feed(&["A@axon_1 2500 room=x v=3", "B@axon_2 2500 room=x"]);
    let report = scene.ask(Question::default());
    let levels = items(report.get("levels"));
    assert_eq!(text(levels[0].get("level")), "3.5");
    assert_eq!(levels[0].get("refractory_left_ms"), Some(&4_500.into()));
    assert_eq!(
        texts(levels[0].get("axons")),
        ["stream:axon_1: 1 event", "stream:axon_2: 1 event"]
    );
    assert_eq!(
        texts(report.get("reasons"))[2],
        "The refractory period of partition x lasts another 4s 500ms."
    );
}

#[test]
fn an_answer_is_bounded() {
    let rule = "MATCH A AS a AND A AS b AND A AS c AND B AS d WHERE a.v = b.v WITHIN 10s";
    let events: Vec<String> = (0..2_000).map(|n| format!("A@axon_1 1000 v={n}")).collect();
    let events: Vec<&str> = events.iter().map(String::as_str).collect();
    let scene = Scene::new(rule, &events);
    let report = scene.ask(Question::default());
    assert_eq!(items(report.get("nearest")).len(), 10);
    assert_eq!(report.get("search").unwrap().get("cut"), Some(&true.into()));
    let rule = "MATCH A -> B PARTITION BY v WITHIN 10s";
    let scene = Scene::new(rule, &events);
    let search = scene.ask(Question::default());
    let search = search.get("search").unwrap();
    assert_eq!(search.get("looked_at"), Some(&256.into()));
    assert_eq!(search.get("partitions"), Some(&2_000.into()));
    // Long lists are gone on with as far as is reasonable.
    let scene = Scene::new("MATCH A{1000,} WITHIN 10s", &events[..900]);
    let report = scene.ask(Question::default());
    assert_eq!(items(report.get("nearest")).len(), 1);
}

#[test]
fn what_survived_a_restart_is_not_said_to_be_missing() {
    let rule = "MATCH A -> B -> C WITHIN 10s";
    let before = Scene::new(rule, &["A@axon_1 1000", "B@axon_1 2000"]);
    let mut after = Scene::new(rule, &[]);
    let snapshot = before.0.snapshot().unwrap();
    after.0.restore_windows(&snapshot).unwrap();
    after.feed(&["B@axon_1 3000"]);
    assert_eq!(
        after.reasons(),
        [
            "No C has come since the rule was added or the server started.",
            "The nearest partial match lacks C; its first event leaves the window in 8s."
        ]
    );
}
