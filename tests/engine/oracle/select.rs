//! Which of many matches counts.

use std::cmp::Ordering;

use leaflet::engine::rule::ast::Select;

use super::pattern::Way;

/// Those of the matches at one trigger that are selected, best first; `most` bounds `SELECT ALL`.
pub fn select(ways: Vec<Way>, select: Select, most: usize) -> Vec<Way> {
    let mut sets: Vec<(Vec<usize>, Way)> = Vec::new();
    for way in ways {
        let events = way.events();
        match sets.iter_mut().find(|(known, _)| *known == events) {
            None => sets.push((events, way)),
            Some((_, best)) => {
                if further_left(&way, best).is_lt() {
                    *best = way;
                }
            }
        }
    }
    match select {
        Select::First => sets.sort_by(|(a, _), (b, _)| oldest_first(a, b)),
        Select::Last | Select::All => sets.sort_by(|(a, _), (b, _)| newest_first(a, b)),
    }
    let most = if select == Select::All { most } else { 1 };
    sets.into_iter().map(|(_, way)| way).take(most).collect()
}

/// Newest first, compared one by one: the newer wins, then the longer.
fn newest_first(a: &[usize], b: &[usize]) -> Ordering {
    a.iter().rev().cmp(b.iter().rev()).reverse()
}

/// Oldest first, compared one by one: the older wins, then the longer.
fn oldest_first(a: &[usize], b: &[usize]) -> Ordering {
    let differing = a.iter().zip(b).map(|(a, b)| a.cmp(b));
    let differing = differing.fold(Ordering::Equal, Ordering::then);
    differing.then(b.len().cmp(&a.len()))
}

/// Of two ways for the same events, `Less` is the one that gives the older events to the atoms further left, and
/// takes the branch further left.
fn further_left(a: &Way, b: &Way) -> Ordering {
    match (a, b) {
        (Way::Atom(_, a), Way::Atom(_, b)) => oldest_first(a, b),
        (Way::Each(a), Way::Each(b)) => {
            let members = a.iter().zip(b).map(|(a, b)| further_left(a, b));
            members.fold(Ordering::Equal, Ordering::then)
        }
        (Way::Or(i, a), Way::Or(j, b)) if i == j => further_left(a, b),
        (Way::Or(i, _), Way::Or(j, _)) => i.cmp(j),
        (Way::Of(a), Way::Of(b)) => {
            let members = a.iter().zip(b).map(|pair| match pair {
                (Some(a), Some(b)) => further_left(a, b),
                (Some(a), None) if !a.events().is_empty() => Ordering::Less,
                (None, Some(b)) if !b.events().is_empty() => Ordering::Greater,
                _ => Ordering::Equal,
            });
            members.fold(Ordering::Equal, Ordering::then)
        }
        _ => Ordering::Equal,
    }
}
