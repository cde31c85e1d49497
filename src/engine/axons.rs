//! Axons that a rule names and that don't come: a word to those who have misspelt one.
//!
//! It is only told, never refused: an axon can come at any time, and AXONS can be altered after the rule was added.

use super::glob;
use super::key::short_name;
use super::processor::Domain;
use super::rule::program::AxonPattern;
use super::rule::words::nearest;

/// What is wrong with this axon of a rule, as far as the domain can tell: no such axon was seen, or can be.
pub fn doubt(domain: &Domain, axon: &AxonPattern) -> Option<String> {
    let seen = || domain.axons().map(|name| (name, short_name(name)));
    if seen().any(|(name, short)| axon.matches(name, short)) {
        return None;
    }
    let written = String::from_utf8_lossy(axon.glob());
    let axons = &domain.spec.axons;
    let can_be = axons.iter().any(|glob| overlaps(axon, glob.as_bytes()));
    let problem = match can_be {
        true => format!("no axon '{written}' has been seen"),
        false => format!(
            "no axon of the domain can be '{written}' (AXONS {})",
            axons.join(", ")
        ),
    };
    let names: Vec<_> = seen()
        .map(|(name, short)| if axon.sees_whole_name() { name } else { short })
        .filter_map(|name| std::str::from_utf8(name).ok())
        .collect();
    // One of another number is another one.
    let numberless = |name: &str| name.replace(|c: char| c.is_ascii_digit(), "");
    let names = names
        .into_iter()
        .filter(|name| numberless(name) != numberless(&written));
    Some(match nearest(&written, names) {
        Some(meant) => format!("{problem} (did you mean '{meant}'?)"),
        None => problem,
    })
}

/// A key of this glob can be such an axon.
fn overlaps(axon: &AxonPattern, keys: &[u8]) -> bool {
    if glob::overlap(axon.glob(), keys) {
        return true;
    }
    let after_colon = [b"*:", axon.glob()].concat();
    !axon.sees_whole_name() && glob::overlap(&after_colon, keys)
}
