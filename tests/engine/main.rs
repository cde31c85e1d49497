//! The engine against an oracle: a second implementation of the rules' meaning, as plain as can be.
//!
//! `PROPTEST_CASES=20000 cargo test --no-default-features --test engine` looks longer.

mod agreement;
mod compare;
mod contradictions;
mod determinism;
mod dropped;
mod held;
mod lineage;
mod meters;
mod open_matches;
mod oracle;
mod questions;
mod random;
mod rebuild;
mod regressions;
mod reorder;
mod saccules;
mod snapshot;
mod stream;
mod ticks;
mod transfer;
