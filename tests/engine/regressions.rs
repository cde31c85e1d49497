//! Shrunk cases in which engine and oracle once differed.

use crate::compare::compare;
use crate::stream::Entry;

fn agree(rules: &[&str], stream: &[&str]) {
    let rules: Vec<(usize, String)> = rules.iter().map(|&text| (0, text.into())).collect();
    if let Err(difference) = compare(&rules, &Entry::read_all(stream)) {
        panic!("{difference}");
    }
}

#[test]
fn first_is_of_the_first_event_though_it_has_no_value() {
    agree(
        &["MATCH B -> A WITHIN 3ms EMIT b = first(*.value)"],
        &["e0 B@axon_1 1001", "e1 A@axon_1 1002 value=0"],
    );
}
