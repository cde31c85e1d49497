//! SQL's LIKE.

/// A compiled LIKE pattern: `%` any characters, `_` one character.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern(Vec<Part>);

#[derive(Debug, Clone, PartialEq)]
enum Part {
    Many,
    One,
    Char(char),
}

impl Pattern {
    /// Compiles a pattern; the character after `escape` stands for itself.
    pub fn new(pattern: &str, escape: Option<char>) -> Self {
        let mut parts = Vec::new();
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let part = match c {
                _ if Some(c) == escape => Part::Char(chars.next().unwrap_or(c)),
                '%' => Part::Many,
                '_' => Part::One,
                _ => Part::Char(c),
            };
            if part != Part::Many || parts.last() != Some(&Part::Many) {
                parts.push(part);
            }
        }
        Self(parts)
    }

    /// Does the text match? Bytes that are no UTF-8 count as replacement characters. Linear in the text for a
    /// given pattern: after a mismatch only the last `%` takes one character more.
    ///
    /// ```
    /// use leaflet::engine::like::Pattern;
    /// assert!(Pattern::new("or%.c_eated", None).matches(b"order.created"));
    /// assert!(Pattern::new("100!%", Some('!')).matches(b"100%"));
    /// ```
    pub fn matches(&self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        let mut rest = text.chars();
        let mut p = 0;
        let mut retry: Option<(usize, std::str::Chars)> = None;
        loop {
            if self.0.get(p) == Some(&Part::Many) {
                p += 1;
                retry = Some((p, rest.clone()));
                continue;
            }
            let mut after = rest.clone();
            let fits = match (self.0.get(p), after.next()) {
                (None, None) => return true,
                (_, None) => return false,
                (Some(Part::One), Some(_)) => true,
                (Some(Part::Char(wanted)), Some(c)) => *wanted == c,
                (None | Some(Part::Many), Some(_)) => false,
            };
            if fits {
                (p, rest) = (p + 1, after);
                continue;
            }
            let Some((star, mut from)) = retry else {
                return false;
            };
            from.next();
            retry = Some((star, from.clone()));
            (p, rest) = (star, from);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;

    #[test]
    fn like() {
        for (pattern, escape, text, expected) in [
            ("", None, "", true),
            ("%", None, "", true),
            ("a%", None, "abc", true),
            ("%c", None, "abc", true),
            ("%b%", None, "abc", true),
            ("a_c", None, "aüc", true),
            ("a_c", None, "abbc", false),
            ("A%", None, "abc", false),
            ("%ab%ab", None, "xabyabab", true),
            ("50\\%", Some('\\'), "50%", true),
            ("50\\%", Some('\\'), "500", false),
            ("50%%%", None, "50", true),
        ] {
            assert_eq!(
                Pattern::new(pattern, escape).matches(text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let text = vec![b'a'; 20_000];
        assert!(!Pattern::new(&("%a".repeat(200) + "b"), None).matches(&text));
    }
}
