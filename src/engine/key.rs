//! Keys of axons and outputs: the hash tag, the name without it, the short name.

use std::borrow::Cow;
use std::ops::Range;

use memchr::{memchr, memrchr};

/// An axon's key taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AxonKey<'a> {
    /// What stands in the braces; empty for an untagged key.
    pub tag: &'a [u8],
    /// Where it begins; 0 for an untagged key.
    pub tag_at: usize,
    /// The key without its tag and the braces around it.
    pub name: Cow<'a, [u8]>,
}

/// Where the tag's braces stand in a key, as Redis Cluster sees them: from the first `{` to the first `}` after it.
/// The range covers both braces; an empty `{}` counts.
fn braces(key: &[u8]) -> Option<Range<usize>> {
    let open = memchr(b'{', key)?;
    let close = open + memchr(b'}', &key[open..])?;
    Some(open..close + 1)
}

impl<'a> AxonKey<'a> {
    /// Takes a key apart.
    ///
    /// ```
    /// use leaflet::engine::key::AxonKey;
    /// let key = AxonKey::parse(b"stream:axon_1{site7}");
    /// assert_eq!((key.tag, &*key.name), (&b"site7"[..], &b"stream:axon_1"[..]));
    /// ```
    pub fn parse(key: &'a [u8]) -> Self {
        match braces(key) {
            None => Self {
                tag: b"",
                tag_at: 0,
                name: Cow::Borrowed(key),
            },
            Some(range) => Self {
                tag: &key[range.start + 1..range.end - 1],
                tag_at: range.start + 1,
                name: if range.end == key.len() {
                    Cow::Borrowed(&key[..range.start])
                } else {
                    Cow::Owned([&key[..range.start], &key[range.end..]].concat())
                },
            },
        }
    }
}

/// The short name of an axon: what follows the last `:` of its name.
///
/// ```
/// assert_eq!(leaflet::engine::key::short_name(b"stream:axon_1"), b"axon_1");
/// ```
pub fn short_name(name: &[u8]) -> &[u8] {
    match memrchr(b':', name) {
        Some(colon) => &name[colon + 1..],
        None => name,
    }
}

/// The key of a leaflet's output: the tag goes where `{}` stands, else to the end; an untagged leaflet drops `{}`.
///
/// ```
/// use leaflet::engine::key::output_key;
/// assert_eq!(output_key("stream:out", b"site7"), b"stream:out{site7}");
/// assert_eq!(output_key("stream:{}:out", b"site7"), b"stream:{site7}:out");
/// assert_eq!(output_key("stream{}:out", b""), b"stream:out");
/// ```
pub fn output_key(output: &str, tag: &[u8]) -> Vec<u8> {
    let (head, tail) = output.split_once("{}").unwrap_or((output, ""));
    let mut key = Vec::with_capacity(output.len() + tag.len() + 2);
    key.extend_from_slice(head.as_bytes());
    if !tag.is_empty() {
        key.push(b'{');
        key.extend_from_slice(tag);
        key.push(b'}');
    }
    key.extend_from_slice(tail.as_bytes());
    key
}

/// The slot of a hash tag in Redis Cluster: CRC-16/XMODEM of it, modulo the number of slots.
///
/// ```
/// assert_eq!(leaflet::engine::key::slot(b"123456789"), 0x31C3);
/// ```
pub fn slot(tag: &[u8]) -> u16 {
    const SLOTS: u16 = 16_384;
    let crc = tag.iter().fold(0, |crc: u16, byte| {
        (0..8).fold(crc ^ (u16::from(*byte) << 8), |crc, _| {
            (crc << 1) ^ if crc & 0x8000 == 0 { 0 } else { 0x1021 }
        })
    });
    crc % SLOTS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_what_redis_cluster_hashes() {
        for (key, tag, name) in [
            ("a", "", "a"),
            ("a{t}", "t", "a"),
            ("{t}a", "t", "a"),
            ("a{t}b{u}", "t", "ab{u}"),
            ("a{}b", "", "ab"),
            ("a{{t}}", "{t", "a}"),
            ("a{t", "", "a{t"),
            ("a}t{", "", "a}t{"),
        ] {
            let parsed = AxonKey::parse(key.as_bytes());
            assert_eq!(parsed.tag, tag.as_bytes(), "{key}");
            assert_eq!(&*parsed.name, name.as_bytes(), "{key}");
        }
    }

    #[test]
    fn short_names() {
        assert_eq!(short_name(b"a:b:c"), b"c");
        assert_eq!(short_name(b"plain"), b"plain");
        assert_eq!(short_name(b"a:"), b"");
    }
}
