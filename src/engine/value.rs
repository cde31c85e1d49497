//! Values of expressions: SQL's NULL, booleans, doubles and texts (bytes).

use std::borrow::Cow;
use std::cmp::Ordering;

/// A value. Fields of events are texts; a text that reads as a number compares and counts as one.
#[derive(Debug, Clone, PartialEq)]
pub enum Value<'a> {
    Null,
    Bool(bool),
    Number(f64),
    Text(Cow<'a, [u8]>),
}

impl<'a> Value<'a> {
    /// A borrowed text.
    pub fn text(bytes: &'a [u8]) -> Self {
        Self::Text(Cow::Borrowed(bytes))
    }

    /// A finite number; anything else is NULL.
    pub fn number(n: f64) -> Self {
        if n.is_finite() {
            Self::Number(n)
        } else {
            Self::Null
        }
    }

    /// A truth value; `None` is NULL.
    pub fn truth(truth: Option<bool>) -> Self {
        truth.map_or(Self::Null, Self::Bool)
    }

    pub fn is_null(&self) -> bool {
        matches!(self, Self::Null)
    }

    /// The same value, owned.
    pub fn into_owned(self) -> Value<'static> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(b),
            Self::Number(n) => Value::Number(n),
            Self::Text(t) => Value::Text(Cow::Owned(t.into_owned())),
        }
    }

    /// The same value, borrowed from this one.
    pub fn as_ref(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(b) => Value::Bool(*b),
            Self::Number(n) => Value::Number(*n),
            Self::Text(t) => Value::text(t),
        }
    }

    /// As a number, where it is one or reads as one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n),
            Self::Text(t) => parse_number(t),
            Self::Null | Self::Bool(_) => None,
        }
    }

    /// As a condition: texts `true` and `false` (in any case) count, numbers do not.
    pub fn as_truth(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            Self::Text(t) if t.eq_ignore_ascii_case(b"true") => Some(true),
            Self::Text(t) if t.eq_ignore_ascii_case(b"false") => Some(false),
            _ => None,
        }
    }

    /// As text, or `None` for NULL: numbers in the shortest form that reads back.
    pub fn into_text(self) -> Option<Cow<'a, [u8]>> {
        match self {
            Self::Null => None,
            Self::Bool(b) => Some(Cow::Borrowed(if b { b"true" } else { b"false" })),
            Self::Number(n) => Some(Cow::Owned(format_number(n).into_bytes())),
            Self::Text(t) => Some(t),
        }
    }

    /// SQL's comparison: `None` where the two can't be compared.
    ///
    /// ```
    /// use leaflet::engine::value::Value;
    /// use std::cmp::Ordering;
    /// assert_eq!(Value::text(b"10").compare(&Value::text(b"9.0")), Some(Ordering::Greater));
    /// assert_eq!(Value::text(b"10").compare(&Value::text(b"9a")), Some(Ordering::Less));
    /// assert_eq!(Value::text(b"x").compare(&Value::Number(1.0)), None);
    /// ```
    pub fn compare(&self, other: &Value<'_>) -> Option<Ordering> {
        match (self, other) {
            (Self::Null, _) | (_, Value::Null) => None,
            // The same text is the same number, if it is one.
            (Self::Text(a), Value::Text(b)) if a == b => Some(Ordering::Equal),
            (Self::Text(a), Value::Text(b)) => {
                let numbers = parse_number(a).and_then(|a| Some((a, parse_number(b)?)));
                match numbers {
                    Some((a, b)) => a.partial_cmp(&b),
                    None => Some(a.cmp(b)),
                }
            }
            (Self::Bool(_), _) | (_, Value::Bool(_)) => {
                Some(self.as_truth()?.cmp(&other.as_truth()?))
            }
            _ => self.as_number()?.partial_cmp(&other.as_number()?),
        }
    }
}

/// A decimal number, exponent allowed; no blanks, `inf`, `nan` or hex, nothing beyond a double's range.
pub fn parse_number(text: &[u8]) -> Option<f64> {
    /// So many digits are exact in a double, and so is the power of ten.
    const EXACT: usize = 15;
    const POWERS_OF_TEN: [f64; EXACT + 1] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ];
    let (mut digits, mut points, mut whole, mut plain) = (0, 0, 0, true);
    for byte in text {
        match byte {
            b'0'..=b'9' => digits += 1,
            b'.' => (points, whole) = (points + 1, digits),
            b'+' | b'-' | b'e' | b'E' => plain = false,
            _ => return None,
        }
    }
    if plain && points <= 1 && (1..=EXACT).contains(&digits) {
        let number = text.iter().filter(|byte| **byte != b'.');
        let number = number.fold(0, |n, byte| 10 * n + u64::from(byte - b'0')) as f64;
        // Both are exact in a double, so their quotient is the double that is nearest (Clinger 1990).
        let fraction = if points == 0 { 0 } else { digits - whole };
        return Some(number / POWERS_OF_TEN[fraction]);
    }
    if digits == 0 || points > 1 {
        return None;
    }
    let number: f64 = std::str::from_utf8(text).ok()?.parse().ok()?;
    number.is_finite().then_some(number)
}

/// The shortest decimal that reads back as the same double: `10`, `0.1`, `1e300`.
pub fn format_number(n: f64) -> String {
    let n = if n == 0.0 { 0.0 } else { n };
    let magnitude = n.abs();
    if n.fract() == 0.0 && magnitude < 1e15 {
        itoa::Buffer::new().format(n as i64).to_owned()
    } else if (1e-5..1e15).contains(&magnitude) {
        zmij::Buffer::new().format(n).to_owned()
    } else if magnitude != 0.0 && !(1e-7..1e21).contains(&magnitude) {
        format!("{n:e}")
    } else {
        format!("{n}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn numbers_are_read_and_written_as_the_standard_library_does(
            n in prop_oneof![any::<f64>(), -1e16..1e16, -1.0..1.0, -1e-4..1e-4],
            text in "-?[0-9]{0,17}(\\.[0-9]{0,17})?",
        ) {
            let number: Option<f64> = text.parse().ok();
            prop_assert_eq!(parse_number(text.as_bytes()), number);
            if n.is_finite() {
                let written = format_number(n);
                prop_assert_eq!(written.parse::<f64>().unwrap(), n);
                // Of two that are as short and as near, either may be written.
                let plain = (1e-7..1e21).contains(&n.abs());
                prop_assert!(!plain || written.len() == n.to_string().len(), "{}", written);
            }
        }
    }

    #[test]
    fn texts_that_read_as_numbers() {
        for (text, expected) in [
            ("12.5", Some(12.5)),
            ("-3", Some(-3.0)),
            ("+3", Some(3.0)),
            ("1e3", Some(1000.0)),
            (".5", Some(0.5)),
            ("inf", None),
            ("nan", None),
            ("0x10", None),
            (" 1", None),
            ("", None),
            ("e", None),
            ("1e999", None),
            ("007", Some(7.0)),
            ("999999999999999", Some(999_999_999_999_999.0)),
            ("9007199254740993", Some(9_007_199_254_740_992.0)),
            ("10.0.0.1", None),
            ("1-2", None),
        ] {
            assert_eq!(parse_number(text.as_bytes()), expected, "{text:?}");
        }
    }

    #[test]
    fn numbers_are_written_short_and_read_back() {
        for (n, expected) in [
            (10.0, "10"),
            (-0.0, "0"),
            (0.1, "0.1"),
            (1e20, "100000000000000000000"),
            (1e300, "1e300"),
            (1.5e-9, "1.5e-9"),
            (2.0 / 3.0, "0.6666666666666666"),
        ] {
            assert_eq!(format_number(n), expected);
            assert_eq!(parse_number(expected.as_bytes()), Some(n));
        }
    }

    #[test]
    fn booleans_compare_with_their_texts_only() {
        assert_eq!(
            Value::Bool(true).compare(&Value::text(b"TRUE")),
            Some(Ordering::Equal)
        );
        assert_eq!(Value::Bool(true).compare(&Value::text(b"yes")), None);
        assert_eq!(Value::Bool(true).compare(&Value::Number(1.0)), None);
        assert_eq!(Value::Null.compare(&Value::Null), None);
    }
}
