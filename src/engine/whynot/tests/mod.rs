//! Questions and what is answered.

mod state;

use super::*;
use crate::engine::domain::{AddRule, DEFAULT_DOMAIN};
use crate::engine::{EntryId, Event};

/// An engine with one rule, and events that came: `type@axon ms field=value …`.
struct Scene(Engine);

impl Scene {
    fn new(rule: &str, events: &[&str]) -> Self {
        let mut engine = Engine::new(Settings::default());
        engine
            .add_rule(DEFAULT_DOMAIN, "r", rule, AddRule::default())
            .unwrap();
        let mut scene = Self(engine);
        scene.feed(events);
        scene
    }

    fn feed(&mut self, events: &[&str]) {
        for event in events {
            let mut words = event.split(' ');
            let (event_type, axon) = words.next().unwrap().split_once('@').unwrap();
            let id = EntryId {
                ms: words.next().unwrap().parse().unwrap(),
                seq: 0,
            };
            let mut fields = vec![(&b"type"[..], event_type.as_bytes())];
            let more = words.map(|word| word.split_once('=').unwrap());
            fields.extend(more.map(|(name, value)| (name.as_bytes(), value.as_bytes())));
            let key = format!("stream:{axon}");
            let event = Event {
                key: key.as_bytes(),
                id,
                fields: &fields,
                hops: 0,
            };
            let route = self.0.route(0, event.key).unwrap();
            self.0.on_event(route, &event, &mut Vec::new());
        }
    }

    fn ask(&self, question: Question) -> Report {
        self.0.why_not(DEFAULT_DOMAIN, "r", question).unwrap()
    }

    fn reasons(&self) -> Vec<String> {
        texts(self.ask(Question::default()).get("reasons"))
    }

    /// Each partial match in a line: `atom type id, … | lacks | fails | left`.
    fn nearest(&self) -> Vec<String> {
        let report = self.ask(Question::default());
        let event = |event: &Report| {
            let word = |name| text(event.get(name));
            format!("{} {}", word("atom"), word("id").trim_end_matches("-0"))
        };
        let line = |partial: &Report| {
            let events: Vec<String> = items(partial.get("events")).iter().map(event).collect();
            format!(
                "{} | {} | {} | {}",
                events.join(", "),
                texts(partial.get("lacks")).join("; "),
                texts(partial.get("fails")).join("; "),
                text(partial.get("left_ms"))
            )
        };
        items(report.get("nearest")).iter().map(line).collect()
    }
}

fn items(report: Option<&Report>) -> &[Report] {
    match report {
        Some(Report::List(items)) => items,
        other => panic!("no list: {other:?}"),
    }
}

fn text(report: Option<&Report>) -> String {
    report.map_or(String::new(), |report| report.to_string().trim().into())
}

fn texts(report: Option<&Report>) -> Vec<String> {
    items(report).iter().map(|item| text(Some(item))).collect()
}

#[test]
fn what_has_not_come_is_said_first() {
    let rule = "MATCH A@axon_1 -> B[x > 5] AS b -> C? -> (D OR E) WITHIN 10s";
    let mut scene = Scene::new(rule, &[]);
    assert_eq!(
        scene.reasons(),
        ["No event has come on the domain's axons (stream:axon_*, database 0)."]
    );
    scene.feed(&["X@axon_1 1000", "A@axon_2 1000"]);
    assert_eq!(
        scene.reasons(),
        [
            "No event that the rule reads (A@axon_1, B, C, D or E) has come since it was added or the server started; 2 \
             entries came in the domain."
        ]
    );
    // Neither C nor D or E alone are needed.
    scene.feed(&["B@axon_2 2000 x=5", "B@axon_2 2001"]);
    assert_eq!(
        scene.reasons(),
        [
            "No A@axon_1 has come since the rule was added or the server started.",
            "Of 2 B that came, none fits: x > 5 was not TRUE."
        ]
    );
    scene.feed(&["A@axon_1 3000", "B@axon_2 4000 x=6"]);
    assert_eq!(
        scene.reasons(),
        [
            "Of 3 B that came, 2 did not fit: x > 5 was not TRUE.",
            "The nearest partial match lacks D OR E; its first event leaves the window in 9s."
        ]
    );
    scene.0.set_paused(DEFAULT_DOMAIN, "r", true).unwrap();
    assert_eq!(
        scene.reasons()[0],
        "It is paused and sees nothing (LEAFLET.RULE.RESUME r)."
    );
}

#[test]
fn partial_matches_are_ordered_by_what_they_lack_and_then_by_age() {
    let events = [
        "A@axon_1 1000",
        "A@axon_1 2000",
        "B@axon_1 3000",
        "A@axon_1 4000",
        "B@axon_1 5000",
        "A@axon_1 6000",
    ];
    let scene = Scene::new("MATCH A -> B -> C WITHIN 10s", &events);
    assert_eq!(
        scene.nearest(),
        [
            "A 4000, B 5000 | C |  | 8000",
            "A 2000, B 3000 | C |  | 6000",
            "A 6000 | B; C |  | 10000",
            "A 1000 | B; C |  | 5000",
        ]
    );
}

#[test]
fn a_repetition_leaves_none_out() {
    let rule = "MATCH F{3,} AS f -> Ok WITHIN 10s";
    let scene = Scene::new(rule, &["F@axon_1 1000", "F@axon_1 2000"]);
    assert_eq!(scene.nearest(), ["f 1000, f 2000 | 1 more f; Ok |  | 9000"]);
    let scene = Scene::new("MATCH F{200,} -> Ok WITHIN 10s", &["F@axon_1 1000"; 199]);
    let report = scene.ask(Question::default());
    let nearest = &items(report.get("nearest"))[0];
    assert_eq!(nearest.get("has"), Some(&199.into()));
    assert_eq!(items(nearest.get("events")).len(), 16);
    assert_eq!(texts(nearest.get("lacks")), ["1 more F", "Ok"]);
}

#[test]
fn a_condition_that_fails_is_shown_with_its_values() {
    // B is never kept: the rule remembers the last one that could have ended a match.
    let rule =
        "MATCH A AS a -> B AS b WHERE a.ip != b.ip AND b.v BETWEEN a.v AND a.v + 10 WITHIN 10s";
    let scene = Scene::new(
        rule,
        &[
            "A@axon_1 1000 ip=1.2.3.4 v=1",
            "A@axon_1 2000 ip=1.2.3.4 v=5",
            "B@axon_2 3000 ip=1.2.3.4 v=6",
        ],
    );
    assert_eq!(
        scene.nearest(),
        [
            "a 2000, b 3000 |  | a.ip != b.ip: '1.2.3.4' != '1.2.3.4' | 9000",
            "a 2000 | B AS b |  | 9000",
            "a 1000 | B AS b |  | 8000",
        ]
    );
    assert_eq!(
        scene.reasons()[0],
        "The nearest match fails: a.ip != b.ip: '1.2.3.4' != '1.2.3.4'."
    );
    // Fewer faults are nearer than newer events.
    let scene = Scene::new(
        rule,
        &[
            "A@axon_1 1000 ip=1 v=x",
            "A@axon_1 2000 v=99",
            "B@axon_2 3000 ip=2 v=6",
        ],
    );
    assert_eq!(
        scene.nearest()[0],
        "a 1000, b 3000 |  | b.v BETWEEN a.v AND a.v + 10: 6 BETWEEN 'x' AND 'x' + 10 | 8000"
    );
}

#[test]
fn every_form_of_condition_is_shown_with_values() {
    for (condition, values) in [
        ("NOT a.x = b.x", "NOT 1 = 1"),
        ("b.x IN (2, a.y)", "1 IN (2, NULL)"),
        ("a.name LIKE 'y%'", "'x' LIKE 'y%'"),
        ("a.name LIKE b.x ESCAPE '#'", "'x' LIKE 1 ESCAPE '#'"),
        ("a.y IS NOT NULL", "NULL IS NOT NULL"),
        ("abs(a.x) > 1 OR -b.x > 0", "abs(1) > 1 OR -1 > 0"),
        (
            "coalesce(a.y, b.flag, 'z') = a.name",
            "coalesce(NULL, '01', 'z') = 'x'",
        ),
    ] {
        let rule = format!("MATCH A AS a -> B AS b WHERE {condition} WITHIN 10s");
        let events = ["A@axon_1 1 x=1 name=x", "B@axon_2 2 x=1 flag=01"];
        let scene = Scene::new(&rule, &events);
        assert_eq!(
            scene.nearest()[0],
            format!("a 1, b 2 |  | {condition}: {values} | 9999")
        );
    }
}

#[test]
fn what_a_not_has_seen_is_a_fault() {
    let between = "MATCH A -> NOT X[v > 1] -> B WITHIN 10s";
    let came = "NOT X[v > 1]: X came, at 2000";
    let mut scene = Scene::new(between, &["A@axon_1 1000", "X@axon_1 2000 v=2"]);
    let open = format!("A 1000 | B | {came} | 9000");
    assert_eq!(scene.nearest(), std::slice::from_ref(&open));
    scene.feed(&["B@axon_1 3000"]);
    let whole = format!("A 1000, B 3000 |  | {came} | 8000");
    assert_eq!(scene.nearest()[0], whole);
    let leading = "MATCH NOT X -> A -> B WITHIN 10s";
    let scene = Scene::new(leading, &["X@axon_1 2000", "A@axon_1 3000"]);
    assert_eq!(
        scene.nearest(),
        ["A 3000 | B | NOT X: X came, at 2000 | 10000"]
    );
}

#[test]
fn deadlines_that_are_waited_for_are_shown() {
    let rule = "MATCH Order AS o -> NOT Ship FOR 1h PARTITION BY id WITHIN 1m";
    let mut scene = Scene::new(rule, &["Order@axon_1 1000 id=7"]);
    scene.feed(&["Order@axon_1 601000 id=8"]);
    assert_eq!(
        scene.reasons(),
        ["A match of partition 7 ends in 50m if no Ship comes until then."]
    );
    let report = scene.ask(Question::default());
    let deadlines = items(report.get("deadlines"));
    assert_eq!(deadlines.len(), 2);
    assert_eq!(deadlines[0].get("left_ms"), Some(&3_000_000.into()));
    assert_eq!(text(deadlines[0].get("after").unwrap().get("id")), "1000-0");
    assert_eq!(items(report.get("nearest")), []);
    scene.feed(&["Ship@axon_1 602000 id=8"]);
    assert_eq!(
        scene.reasons(),
        [
            "Ship came 1 time: each ends the wait for it in its partition.",
            "The nearest match of partition 8 fails: NOT Ship FOR 1h: no deadline is pending any more (Ship has come, \
             or it was met).",
            "A match of partition 7 ends in 49m 59s if no Ship comes until then.",
        ]
    );
}

#[test]
fn an_axon_that_is_misspelt_is_named() {
    let scene = Scene::new("MATCH A@axom_1 -> B WITHIN 1s", &["B@axon_1 1000"]);
    let reasons = scene.reasons();
    let doubt = "No axon 'axom_1' has been seen (did you mean 'axon_1'?).";
    assert!(reasons.iter().any(|reason| reason == doubt), "{reasons:?}");
}
