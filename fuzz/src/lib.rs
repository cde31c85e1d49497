//! What must hold for any bytes. libFuzzer looks for bytes for which it does not (`make fuzz`), and
//! `tests/fuzz_corpus.rs` tries those that it found worth keeping.

mod bytes;
pub mod events;
pub mod expression;
pub mod parser;
pub mod saccule;
pub mod snapshot;
