//! Texts written into a buffer, as fast as the usual ones allow: ASCII without anything to escape.

use std::borrow::Cow;

use super::event::EntryId;

/// Bytes as text; what is no UTF-8 becomes U+FFFD.
pub fn lossy(bytes: &[u8]) -> Cow<'_, str> {
    match std::str::from_utf8(bytes) {
        Ok(text) => text.into(),
        Err(_) => String::from_utf8_lossy(bytes),
    }
}

/// Appends a text as a JSON string; what is no UTF-8 becomes U+FFFD.
pub fn push_json(out: &mut Vec<u8>, text: &[u8]) {
    let plain = |byte: u8| matches!(byte, b' '..=b'~') && byte != b'"' && byte != b'\\';
    // Without an early end the compiler looks at many bytes at once.
    if text.iter().fold(true, |all, byte| all & plain(*byte)) {
        out.push(b'"');
        out.extend_from_slice(text);
        out.push(b'"');
    } else {
        serde_json::to_writer(out, &lossy(text)).expect("a text has a JSON form");
    }
}

/// Appends an entry id as Redis writes it.
pub fn push_id(out: &mut Vec<u8>, id: EntryId) {
    let mut digits = itoa::Buffer::new();
    out.extend_from_slice(digits.format(id.ms).as_bytes());
    out.push(b'-');
    out.extend_from_slice(digits.format(id.seq).as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn json_and_ids_are_written_as_their_usual_writers_do(text in ".{0,40}", ms: u64, seq: u64) {
            let mut out = Vec::new();
            push_json(&mut out, text.as_bytes());
            prop_assert_eq!(out, serde_json::to_vec(&text).unwrap());
            let mut out = Vec::new();
            let id = EntryId { ms, seq };
            push_id(&mut out, id);
            prop_assert_eq!(out, id.to_string().into_bytes());
        }

        #[test]
        fn bytes_are_read_as_the_standard_library_does(bytes: Vec<u8>) {
            let usual = String::from_utf8_lossy(&bytes);
            prop_assert_eq!(lossy(&bytes), &*usual);
            let mut out = Vec::new();
            push_json(&mut out, &bytes);
            prop_assert_eq!(out, serde_json::to_vec(&usual).unwrap());
        }
    }
}
