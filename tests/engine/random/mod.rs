//! Random rules and streams, small enough that much of what is made matches.

pub mod arrivals;
pub mod expr;
pub mod pattern;
pub mod rule;
pub mod stream;
