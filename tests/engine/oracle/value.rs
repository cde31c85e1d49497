//! Values of expressions.

use std::cmp::Ordering;

#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    Null,
    Bool(bool),
    Number(f64),
    Text(String),
}

impl Value {
    /// What is no finite number is NULL, as the result of a division by 0 is.
    pub fn number(n: f64) -> Self {
        if n.is_finite() {
            Self::Number(n)
        } else {
            Self::Null
        }
    }

    pub fn is_null(&self) -> bool {
        *self == Self::Null
    }

    /// As a number: one, or a text that reads as one.
    pub fn as_number(&self) -> Option<f64> {
        match self {
            Self::Number(n) => Some(*n),
            Self::Text(text) => decimal(text),
            _ => None,
        }
    }

    /// As a condition: `None` is unknown.
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(b) => Some(*b),
            _ => None,
        }
    }

    pub fn truth(truth: Option<bool>) -> Self {
        truth.map_or(Self::Null, Self::Bool)
    }

    /// Text, as `EMIT` writes it; NULL has none.
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Bool(b) => Some(b.to_string()),
            Self::Number(n) => Some(n.to_string()),
            Self::Text(text) => Some(text.clone()),
        }
    }

    /// `None` where SQL says NULL.
    pub fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Text(a), Self::Text(b)) => match (decimal(a), decimal(b)) {
                (Some(a), Some(b)) => a.partial_cmp(&b),
                _ => Some(a.as_bytes().cmp(b.as_bytes())),
            },
            _ => self.as_number()?.partial_cmp(&other.as_number()?),
        }
    }
}

/// A text that reads as a decimal number: digits with a point and an exponent, where they are wanted.
fn decimal(text: &str) -> Option<f64> {
    let plain = |c: char| c.is_ascii_digit() || "+-.eE".contains(c);
    let number: f64 = text.chars().all(plain).then(|| text.parse().ok())??;
    number.is_finite().then_some(number)
}
