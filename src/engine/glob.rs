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

#[cfg(test)]
mod tests {
    use super::matches;

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
