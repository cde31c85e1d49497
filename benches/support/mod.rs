//! What the benchmarks share.

pub mod facts;
pub mod load;
pub mod reader;
pub mod report;
pub mod scenario;
pub mod side;
