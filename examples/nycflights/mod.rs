//! A year of departures from New York's three airports and their hourly weather (2013), replayed
//! as two streams: see [`data`] for what is read and [`replay`](mod@replay) for what is written.

pub mod data;
pub mod replay;
