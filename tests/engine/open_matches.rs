//! `SELECT ALL` with open matches: what they take, that none is walked to in vain, and that the search, which
//! makes do without, finds the same.

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::{Engine, Settings, Stats};
use proptest::prelude::*;

use crate::compare::{feed, output};
use crate::oracle::Output;
use crate::random::rule::{self, Clauses};
use crate::random::{pattern, stream};
use crate::stream::Entry;

const RULE: &str = "r";

/// An engine with one rule, which lists so many matches in so many steps at most.
fn engine(text: &str, most: usize, budget: u64) -> Engine {
    let mut engine = Engine::new(Settings {
        match_budget: budget,
        max_matches_per_trigger: most,
        ..Settings::default()
    });
    engine
        .add_rule(DEFAULT_DOMAIN, RULE, text, AddRule::default())
        .expect("a rule");
    engine
}

fn stats(engine: &Engine) -> Stats {
    engine
        .stats(Some(DEFAULT_DOMAIN), Some(RULE))
        .expect("a rule")
}

/// Feeds an event of a type at a time; the sources of what comes of it.
fn put(engine: &mut Engine, event_type: &str, time: u64, number: usize) -> Vec<Vec<String>> {
    let line = format!("{event_type}{number} {event_type}@axon_1 {time}");
    let emissions = feed(engine, &Entry::read(&line, number));
    emissions.iter().map(|e| output(e).sources).collect()
}

/// The rule with a condition that always holds: matches are searched for, then.
fn searched(text: &str) -> String {
    let clause = match text.contains(" PARTITION BY ") {
        true => " PARTITION BY ",
        false => " WITHIN ",
    };
    text.replacen(clause, &format!(" WHERE 1 = 1{clause}"), 1)
}

/// What has to be the same. The ids of integrated events come from the rule's text.
fn same(output: Output) -> Output {
    Output {
        id: String::new(),
        ..output
    }
}

#[test]
fn so_many_open_matches_take_no_more_than_their_events() {
    let text = "MATCH A -> B -> C -> D -> E WITHIN 1h SELECT ALL";
    let mut bytes = Vec::new();
    for of_each in [100, 1_000] {
        let mut engine = engine(text, 128, 1_000);
        let mut number = 0;
        for event_type in ["A", "B", "C", "D"] {
            for _ in 0..of_each {
                put(&mut engine, event_type, number as u64, number);
                number += 1;
            }
        }
        bytes.push(stats(&engine).window_bytes as f64 / number as f64);
        let found = put(&mut engine, "E", number as u64, number);
        // The newest A last of all: 128 of 10^12 in less than 1,000 steps.
        assert_eq!(found.len(), 128);
        let best = |a: usize| vec![a, 2 * of_each - 1, 3 * of_each - 1, 4 * of_each - 1];
        for (nth, sources) in found.iter().enumerate().take(of_each) {
            let events = best(of_each - 1 - nth).into_iter().chain([number]);
            let names = ["A", "B", "C", "D", "E"].iter().zip(events);
            let names: Vec<String> = names.map(|(name, n)| format!("{name}{n}")).collect();
            assert_eq!(*sources, names);
        }
        let Stats {
            budget_cuts,
            matches_cut,
            ..
        } = stats(&engine);
        assert_eq!((budget_cuts, matches_cut), (0, 1));
    }
    assert!(bytes[1] < bytes[0] && bytes[1] < 400.0, "{bytes:?}");
}

#[test]
fn what_a_not_has_shut_out_is_not_walked_to() {
    let text = "MATCH A -> NOT X -> B -> C WITHIN 1h SELECT ALL";
    let mut kept = engine(text, 128, 20);
    let mut search = engine(&searched(text), 128, 20);
    let mut number = 0;
    let mut both = |event_type: &str, times: usize| {
        let mut found = Vec::new();
        for _ in 0..times {
            found = put(&mut kept, event_type, number as u64, number);
            put(&mut search, event_type, number as u64, number);
            number += 1;
        }
        (found, stats(&kept).budget_cuts, stats(&search).budget_cuts)
    };
    both("A", 300);
    both("X", 1);
    both("B", 300);
    assert_eq!(both("C", 1), (vec![], 0, 1));
    both("A", 1);
    both("B", 2);
    both("X", 1);
    both("B", 300);
    let (found, cuts, _) = both("C", 1);
    let sources = |b: &str| ["A602", b, "C906"].map(String::from).to_vec();
    assert_eq!((found, cuts), (vec![sources("B604"), sources("B603")], 0));
}

#[test]
fn what_is_too_old_is_passed_over() {
    let text = "MATCH A -> B WITHIN 100ms SELECT ALL";
    let mut engine = engine(text, 128, 10);
    // A young one in front keeps the old ones behind it from leaving.
    put(&mut engine, "A", 1_100, 0);
    for number in 1..500 {
        put(&mut engine, "A", 1_000 + number as u64 % 50, number);
    }
    let found = put(&mut engine, "B", 1_160, 500);
    assert_eq!(found, [["A0", "B500"]]);
    assert_eq!(stats(&engine).budget_cuts, 0);
}

#[test]
fn a_rule_with_too_many_states_is_searched_for() {
    let explained = |text: &str| {
        let report = Engine::new(Settings::default()).explain_text(DEFAULT_DOMAIN, text);
        report
            .expect("a rule")
            .get("finds")
            .map(|finds| finds.to_string().trim().to_owned())
    };
    let kept = explained("MATCH A -> NOT X -> B{2,} WITHIN 1h SELECT ALL");
    assert_eq!(
        kept.as_deref(),
        Some("the open matches that an event makes whole: they are kept, in 3 states")
    );
    for text in [
        "MATCH A AND B AND C AND D AND E AND F AND G WITHIN 1h SELECT ALL",
        "MATCH A{2,90} -> B WITHIN 1h SELECT ALL",
        "MATCH A AS a -> B AS b WHERE a.x < b.x WITHIN 1h SELECT ALL",
        "MATCH A -> B WITHIN 1h",
    ] {
        let searched = explained(text);
        assert_eq!(
            searched.as_deref(),
            Some("by a search from the event that ends a match"),
            "{text}"
        );
    }
}

proptest! {
    #![proptest_config(ProptestConfig {
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    /// On streams that are too long for the oracle. Where the search is too long as well, nothing is compared.
    #[test]
    fn a_search_finds_the_same(
        text in prop_oneof![
            rule::matching(pattern::any(), Clauses::open()),
            rule::matching(pattern::nots(), Clauses::open()),
        ],
        stream in stream::of(60..120),
    ) {
        // What can never hold is refused.
        let known = Engine::new(Settings::default()).explain_text(DEFAULT_DOMAIN, &text);
        prop_assume!(known.is_ok());
        let most = 8;
        let mut search = engine(&searched(&text), most, 20_000);
        // For each match as many steps as it has events, and more where events fit several atoms.
        let mut kept = engine(&text, most, 40 * (most as u64 + 1) * stream.len() as u64);
        for entry in &stream {
            let outputs = |engine: &mut Engine| -> Vec<Output> {
                feed(engine, entry).iter().map(output).map(same).collect()
            };
            let (found, listed) = (outputs(&mut search), outputs(&mut kept));
            prop_assert_eq!(stats(&kept).budget_cuts, 0);
            if stats(&search).budget_cuts > 0 {
                break;
            }
            prop_assert_eq!(listed, found);
            prop_assert_eq!(stats(&kept).matches_cut, stats(&search).matches_cut);
        }
    }
}
