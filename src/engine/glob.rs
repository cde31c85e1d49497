//! Redis-style globs on bytes: `*`, `?`, `[abc]`, `[^a-z]`, `\x`.

/// Does `text` match `pattern`? Takes at most `pattern.len() * text.len()` steps, whatever the pattern.
///
/// ```
/// use leaflet::engine::glob::matches;
/// assert!(matches(b"stream:axon_*", b"stream:axon_1"));
/// assert!(matches(b"[^a]?c", b"bbc"));
/// assert!(!matches(b"a\\*", b"ab"));
/// ```
pub fn matches(pattern: &[u8], text: &[u8]) -> bool {
    let (mut p, mut t) = (0, 0);
    // Where to go on after a mismatch: the last `*` takes one more byte. Earlier stars never need to.
    let mut retry: Option<(usize, usize)> = None;
    loop {
        if p < pattern.len() && pattern[p] == b'*' {
            p += 1;
            retry = Some((p, t));
            continue;
        }
        if t == text.len() {
            return p == pattern.len();
        }
        if let Some(next) = step(&pattern[p..], text[t]) {
            p += next;
            t += 1;
            continue;
        }
        let Some((star, taken)) = retry else {
            return false;
        };
        retry = Some((star, taken + 1));
        (p, t) = (star, taken + 1);
    }
}

/// Matches one byte against the head of the pattern: the length of that head, or `None`.
fn step(pattern: &[u8], byte: u8) -> Option<usize> {
    match *pattern.first()? {
        b'?' => Some(1),
        b'\\' if pattern.len() > 1 => (pattern[1] == byte).then_some(2),
        b'[' => class(pattern, byte),
        literal => (literal == byte).then_some(1),
    }
}

/// Matches one byte against a `[…]` class; an unclosed class ends with the pattern, as in Redis.
fn class(pattern: &[u8], byte: u8) -> Option<usize> {
    let mut i = 1;
    let negated = pattern.get(i) == Some(&b'^');
    i += usize::from(negated);
    let mut hit = false;
    while i < pattern.len() && pattern[i] != b']' {
        if pattern[i] == b'\\' && i + 1 < pattern.len() {
            hit |= pattern[i + 1] == byte;
            i += 2;
        } else if i + 2 < pattern.len() && pattern[i + 1] == b'-' {
            let (low, high) = (
                pattern[i].min(pattern[i + 2]),
                pattern[i].max(pattern[i + 2]),
            );
            hit |= (low..=high).contains(&byte);
            i += 3;
        } else {
            hit |= pattern[i] == byte;
            i += 1;
        }
    }
    (hit != negated).then_some((i + 1).min(pattern.len()))
}

/// Is there a text that matches both patterns? Takes about `a.len() * b.len()` steps.
///
/// ```
/// use leaflet::engine::glob::overlap;
/// assert!(overlap(b"stream:axon_*", b"*_[0-9]"));
/// assert!(!overlap(b"stream:axon_?", b"*:axom_1"));
/// ```
pub fn overlap(a: &[u8], b: &[u8]) -> bool {
    let (a, b) = (heads(a), heads(b));
    let takes_any =
        |part: &Option<Head>| part.is_none_or(|head| (0..=u8::MAX).any(|byte| head.takes(byte)));
    // By place in `b`: the parts of both from here on can match the same text. From the end of `a` to its beginning.
    let mut below = vec![false; b.len() + 1];
    for i in (0..=a.len()).rev() {
        let mut row = vec![false; b.len() + 1];
        for j in (0..=b.len()).rev() {
            row[j] = match (a.get(i), b.get(j)) {
                (None, None) => true,
                // A star takes nothing, or what the other has next.
                (Some(None), other) => below[j] || other.is_some_and(takes_any) && row[j + 1],
                (other, Some(None)) => row[j + 1] || other.is_some_and(takes_any) && below[j],
                (Some(Some(x)), Some(Some(y))) => {
                    below[j + 1] && (0..=u8::MAX).any(|byte| x.takes(byte) && y.takes(byte))
                }
                (None, _) | (_, None) => false,
            };
        }
        below = row;
    }
    below[0]
}

/// The part of a pattern that takes one byte.
#[derive(Clone, Copy)]
struct Head<'p>(&'p [u8]);

impl Head<'_> {
    fn takes(self, byte: u8) -> bool {
        step(self.0, byte).is_some()
    }
}

/// A pattern's parts: one byte each, or a star.
fn heads(pattern: &[u8]) -> Vec<Option<Head<'_>>> {
    let mut heads = Vec::new();
    let mut rest = pattern;
    while let Some(first) = rest.first() {
        let length = match first {
            b'\\' if rest.len() > 1 => 2,
            // A class has the same end for whatever it takes, and none it takes is no matter.
            b'[' => (0..=u8::MAX)
                .find_map(|byte| class(rest, byte))
                .unwrap_or(rest.len()),
            _ => 1,
        };
        heads.push((*first != b'*').then_some(Head(rest)));
        rest = &rest[length..];
    }
    heads
}

#[cfg(test)]
mod tests {
    use super::{matches, overlap};

    #[test]
    fn patterns_overlap_where_a_text_matches_both() {
        let patterns = [
            "", "*", "a", "a*", "*a", "?", "?b", "[ab]", "[^a]", "a*b", "*b*", "\\*", "[b-c]?",
            "aa", "[]a", "**a", "[a",
        ];
        let letters = ["a", "b", "c", "*"];
        let mut texts = vec![String::new()];
        for length in 0..3 {
            let longer = texts.iter().filter(|text| text.len() == length);
            let longer = longer.flat_map(|text| letters.map(|letter| format!("{text}{letter}")));
            let longer: Vec<String> = longer.collect();
            texts.extend(longer);
        }
        for a in patterns {
            for b in patterns {
                let both = |text: &String| {
                    matches(a.as_bytes(), text.as_bytes()) && matches(b.as_bytes(), text.as_bytes())
                };
                let expected = texts.iter().any(both);
                assert_eq!(overlap(a.as_bytes(), b.as_bytes()), expected, "{a} {b}");
            }
        }
    }

    #[test]
    fn globs() {
        for (pattern, text, expected) in [
            ("", "", true),
            ("", "a", false),
            ("*", "", true),
            ("a*", "a", true),
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYbZ", false),
            ("?", "", false),
            ("a?c", "abc", true),
            ("[abc]x", "bx", true),
            ("[a-c]x", "dx", false),
            ("[c-a]x", "bx", true),
            ("[^a-c]x", "dx", true),
            ("[^a-c]x", "ax", false),
            ("[\\]]", "]", true),
            ("[a", "a", true),
            ("\\*", "*", true),
            ("\\*", "x", false),
            ("\\", "\\", true),
            ("stream:axon_*", "stream:axon_1", true),
            ("stream:axon_*", "stream:integrated_events", false),
        ] {
            assert_eq!(
                matches(pattern.as_bytes(), text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_hostile_pattern_takes_polynomial_time() {
        let text = vec![b'a'; 10_000];
        let pattern = "a*".repeat(500) + "b";
        assert!(!matches(pattern.as_bytes(), &text));
    }
}
