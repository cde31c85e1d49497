//! Finding matches: from a trigger, backwards through the window.

pub mod scope;
pub mod select;
