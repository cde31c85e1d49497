//! SQL's LIKE, in linear time.

use ahash::AHashMap;

/// A compiled LIKE pattern: `%` any characters, `_` one character.
#[derive(Debug, Clone, PartialEq)]
pub struct Pattern {
    /// What stands before the first `%`.
    first: Segment,
    /// What stands between two `%`.
    middle: Vec<Middle>,
    /// What stands behind the last `%`, where there is one.
    last: Option<Segment>,
}

/// Characters in a row; `None`: any.
type Segment = Vec<Option<char>>;

/// A segment that is looked for anywhere in the text.
#[derive(Debug, Clone, PartialEq)]
enum Middle {
    Text(String),
    Wild(Wild),
}

/// A segment with `_` in it: all places at which it could have begun are followed at once, a bit each.
#[derive(Debug, Clone, PartialEq)]
struct Wild {
    length: usize,
    /// Where in the segment a character may stand.
    places: AHashMap<char, Places>,
    /// Where any other may.
    any: Places,
}

type Places = [u64; WORDS];

const WORDS: usize = 4;

impl Pattern {
    /// The most characters between two `%` with a `_` among them.
    pub const MAX_WILD: usize = 64 * WORDS;

    /// Compiles a pattern; the character after `escape` stands for itself. `None`: there are more than
    /// [`MAX_WILD`](Self::MAX_WILD) characters between two `%`, with a `_` among them.
    pub fn new(pattern: &str, escape: Option<char>) -> Option<Self> {
        let mut segments = vec![Segment::new()];
        let mut chars = pattern.chars();
        while let Some(c) = chars.next() {
            let part = match c {
                _ if Some(c) == escape => Some(chars.next().unwrap_or(c)),
                '%' => {
                    segments.push(Segment::new());
                    continue;
                }
                '_' => None,
                _ => Some(c),
            };
            segments.last_mut()?.push(part);
        }
        let mut segments = segments.into_iter();
        let first = segments.next()?;
        let last = segments.next_back();
        let middle = segments.filter(|segment| !segment.is_empty());
        Some(Self {
            first,
            middle: middle.map(Middle::new).collect::<Option<_>>()?,
            last,
        })
    }

    /// Does the text match? Bytes that are no UTF-8 count as replacement characters. Takes time in proportion to the
    /// text's length and the pattern's.
    ///
    /// ```
    /// use leaflet::engine::like::Pattern;
    /// assert!(Pattern::new("or%.c_eated", None).unwrap().matches(b"order.created"));
    /// assert!(Pattern::new("100!%", Some('!')).unwrap().matches(b"100%"));
    /// ```
    pub fn matches(&self, text: &[u8]) -> bool {
        let text = String::from_utf8_lossy(text);
        let mut rest = text.chars();
        if !takes(&mut rest, self.first.iter()) {
            return false;
        }
        let Some(last) = &self.last else {
            return rest.next().is_none();
        };
        // The leftmost place is as good as any: it leaves the most to what follows.
        let mut rest = rest.as_str();
        for segment in &self.middle {
            match segment.end_in(rest) {
                Some(end) => rest = &rest[end..],
                None => return false,
            }
        }
        takes(&mut rest.chars().rev(), last.iter().rev())
    }
}

/// Takes a segment off the characters, if it is there.
fn takes<'s>(
    text: &mut impl Iterator<Item = char>,
    mut segment: impl Iterator<Item = &'s Option<char>>,
) -> bool {
    segment.all(|wanted| {
        text.next()
            .is_some_and(|c| wanted.is_none_or(|wanted| wanted == c))
    })
}

impl Middle {
    fn new(segment: Segment) -> Option<Self> {
        match segment.iter().copied().collect::<Option<String>>() {
            Some(text) => Some(Self::Text(text)),
            None => Wild::new(&segment).map(Self::Wild),
        }
    }

    /// Where it ends at the first place in the text where it stands.
    fn end_in(&self, text: &str) -> Option<usize> {
        match self {
            // The standard library's search is linear.
            Self::Text(wanted) => Some(text.find(wanted)? + wanted.len()),
            Self::Wild(wild) => wild.end_in(text),
        }
    }
}

impl Wild {
    fn new(segment: &[Option<char>]) -> Option<Self> {
        let mut any = [0; WORDS];
        for (place, part) in segment.iter().enumerate() {
            if part.is_none() {
                *any.get_mut(place / 64)? |= 1 << (place % 64);
            }
        }
        let mut places = AHashMap::new();
        for (place, part) in segment.iter().enumerate() {
            if let Some(c) = part {
                let places: &mut Places = places.entry(*c).or_insert(any);
                *places.get_mut(place / 64)? |= 1 << (place % 64);
            }
        }
        Some(Self {
            length: segment.len(),
            places,
            any,
        })
    }

    fn end_in(&self, text: &str) -> Option<usize> {
        let last = self.length - 1;
        // A bit is set where the text so far ends with so much of the segment.
        let mut begun = [0u64; WORDS];
        for (at, c) in text.char_indices() {
            let allowed = self.places.get(&c).unwrap_or(&self.any);
            let mut carry = 1;
            for (word, allowed) in begun.iter_mut().zip(allowed) {
                let next = *word >> 63;
                *word = (*word << 1 | carry) & allowed;
                carry = next;
            }
            if begun[last / 64] & (1 << (last % 64)) != 0 {
                return Some(at + c.len_utf8());
            }
        }
        None
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
            ("a%a", None, "a", false),
            ("%a_c%a_d", None, "aacaxcaad", true),
            ("%a_a%a", None, "aaa", false),
            ("%a_a%_", None, "xaaaü", true),
        ] {
            assert_eq!(
                Pattern::new(pattern, escape)
                    .unwrap()
                    .matches(text.as_bytes()),
                expected,
                "{pattern} {text}"
            );
        }
    }

    #[test]
    fn segments_longer_than_a_word_are_found() {
        for length in [63, 64, 65, 128, Pattern::MAX_WILD] {
            let segment = "a".repeat(length - 2) + "_b";
            let pattern = Pattern::new(&format!("%{segment}%"), None).unwrap();
            let text = "a".repeat(length + 5) + "üb";
            assert!(pattern.matches(text.as_bytes()), "{length}");
            assert!(!pattern.matches(&text.as_bytes()[8..]), "{length}");
        }
        let longer = "a".repeat(Pattern::MAX_WILD);
        assert!(Pattern::new(&format!("%{longer}_%"), None).is_none());
        assert!(Pattern::new(&format!("%_%{longer}a%"), None).is_some());
        assert!(Pattern::new(&format!("_{longer}%{longer}_"), None).is_some());
    }

    #[test]
    fn a_hostile_pattern_ends() {
        let text = vec![b'a'; 1 << 20];
        let long = "a".repeat(30_000);
        for pattern in [
            "%a".repeat(200) + "b",
            format!("%{long}b%"),
            format!("%{}_b%", &long[..Pattern::MAX_WILD - 2]),
        ] {
            assert!(!Pattern::new(&pattern, None).unwrap().matches(&text));
        }
    }
}
