//! The pieces of a small event workflow around Leaflet, each usable on its own:
//!
//! - [`server`]: connect, and make sure that the module is there;
//! - [`rules`]: put rules in place for a while, and leave the server's own as they were;
//! - [`producer`]: append mono-originated events to an axon at a given rate;
//! - [`consumer`]: read integrated events through a consumer group and acknowledge them;
//! - [`report`]: show integrated events and a summary in a terminal.

pub mod consumer;
pub mod producer;
pub mod report;
pub mod rules;
pub mod server;
