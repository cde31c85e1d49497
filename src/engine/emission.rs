//! What the engine hands back: integrated events to append.

use std::borrow::Cow;
use std::rc::Rc;

/// An integrated event, ready to be appended to its output stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Emission {
    pub domain: Rc<str>,
    pub rule: Rc<str>,
    /// The database of the domain.
    pub db: i32,
    /// The output's key, tag included.
    pub output: Vec<u8>,
    /// Trim the output to this many entries.
    pub maxlen: Option<u64>,
    /// The fields, in the order of the schema.
    pub fields: Vec<(Cow<'static, str>, Vec<u8>)>,
    /// How many integrations led to it: one more than the largest of its sources.
    pub hops: u32,
}
