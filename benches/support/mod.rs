//! What the benchmarks share.

pub mod facts;
pub mod load;
pub mod machine;
pub mod memory;
pub mod numbers;
pub mod reader;
pub mod report;
pub mod rows;
pub mod scenario;
pub mod side;
pub mod table;
