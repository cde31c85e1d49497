//! Engine and oracle agree on random rules and streams, feature by feature.

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, TestCaseError, TestRunner};

use crate::compare::{compare, Agreement};
use crate::random::rule::{self, Clauses};
use crate::random::{pattern, stream};

/// How many cases each property looks at, where `PROPTEST_CASES` does not say.
const CASES: u32 = 300;

/// Compares on rules such as these; at least `matching` percent of what is compared has to match anything, or the
/// comparison would say little.
fn agree(rules: impl Strategy<Value = Vec<(usize, String)>>, matching: usize) {
    let default = Config::default();
    let config = Config {
        cases: match std::env::var_os("PROPTEST_CASES") {
            Some(_) => default.cases,
            None => CASES,
        },
        failure_persistence: None,
        ..default
    };
    let [matched, silent, too_many] = [(); 3].map(|()| Cell::new(0));
    let count = |cell: &Cell<usize>| cell.set(cell.get() + 1);
    let result = TestRunner::new(config).run(&(rules, stream::stream()), |(rules, stream)| {
        match compare(&rules, &stream).map_err(TestCaseError::fail)? {
            Agreement::On(0) => count(&silent),
            Agreement::On(_) => count(&matched),
            Agreement::TooMany => count(&too_many),
        }
        Ok(())
    });
    if let Err(failure) = result {
        panic!("{failure}");
    }
    let [matched, silent, too_many] = [matched, silent, too_many].map(Cell::into_inner);
    println!("{matched} matched, {silent} silent, {too_many} too many");
    let compared = matched + silent;
    assert!(too_many * 10 <= compared + too_many);
    assert!(compared < 100 || matched * 100 >= compared * matching);
}

fn one(rule: impl Strategy<Value = String>) -> impl Strategy<Value = Vec<(usize, String)>> {
    rule.prop_map(|rule| vec![(0, rule)])
}

/// A rule that is there from the start, and some that may come later.
fn several() -> impl Strategy<Value = Vec<(usize, String)>> {
    let start = prop_oneof![2 => Just(0), 1 => 1usize..8];
    let more = proptest::collection::vec((start, rule::any_rule()), 0..3);
    (rule::any_rule(), more).prop_map(|(first, mut rules)| {
        rules.insert(0, (0, first));
        rules
    })
}

macro_rules! properties {
    ($($(#[$doc:meta])* $name:ident: $rules:expr, $matching:literal;)*) => {
        $($(#[$doc])* #[test] fn $name() { agree($rules, $matching); })*
    };
}

properties! {
    sequences: one(rule::matching(pattern::sequence(), Clauses::plain())), 35;
    conjunctions: one(rule::matching(pattern::conjunction(), Clauses::plain())), 35;
    disjunctions: one(rule::matching(pattern::disjunction(), Clauses::plain())), 35;
    nested: one(rule::matching(pattern::nested(), Clauses::plain())), 35;
    repetitions: one(rule::matching(pattern::repetition(), Clauses::plain())), 35;
    of: one(rule::matching(pattern::of(), Clauses::plain())), 35;
    not_between: one(rule::matching(pattern::not_between(), Clauses::plain())), 25;
    not_leading: one(rule::matching(pattern::not_leading(), Clauses::plain())), 25;
    not_trailing: one(rule::matching(pattern::not_trailing(), Clauses::plain())), 25;
    first: one(rule::matching(pattern::any(), Clauses::first())), 35;
    all: one(rule::matching(pattern::any(), Clauses::all())), 35;
    /// `SELECT ALL` where open matches are kept, for each operator.
    all_sequences: one(rule::matching(pattern::sequence(), Clauses::open())), 35;
    all_nested: one(rule::matching(pattern::nested(), Clauses::open())), 35;
    all_repetitions: one(rule::matching(pattern::repetition(), Clauses::open())), 35;
    all_of: one(rule::matching(pattern::of(), Clauses::open())), 35;
    all_not_between: one(rule::matching(pattern::not_between(), Clauses::open())), 25;
    all_not_leading: one(rule::matching(pattern::not_leading(), Clauses::open())), 25;
    all_not_trailing: one(rule::matching(pattern::not_trailing(), Clauses::open())), 25;
    all_nots: one(rule::matching(pattern::nots(), Clauses::open())), 15;
    consume: one(rule::matching(pattern::any(), Clauses::consuming())), 35;
    having_and_limit: one(rule::matching(pattern::any(), Clauses::having_and_limit())), 25;
    integrate: one(rule::integrate()), 25;
    /// Equalities between events, which the engine looks up.
    joined: one(rule::matching(pattern::nested(), Clauses::joined())), 15;
    /// The part of the language that was there first, with all its clauses.
    subset: one(rule::matching(pattern::nested(), Clauses::subset())), 35;
    /// Several rules of any kind in one domain.
    everything: several(), 35;
}
