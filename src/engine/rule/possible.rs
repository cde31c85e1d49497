//! Whether there is a value that passes several tests: NULL, a truth value, a number (or a text that reads as one), or
//! another text, each for itself, since each is compared in its own way.

use std::cmp::Ordering;

use crate::engine::like;
use crate::engine::value::Value;

/// What a condition asks of a value.
#[derive(Clone)]
pub enum Test<'e> {
    /// It stands so to this constant: a bit each for less, equal, greater.
    Compare(u8, Value<'e>),
    /// It is equal to one of these.
    In(Vec<Value<'e>>),
    /// It is like this, or is not.
    Like(like::Pattern, bool),
    /// It is NULL, or is not.
    Null(bool),
}

/// What an expression's values are, where they are not NULL.
#[derive(Debug, Clone, Copy)]
pub struct Nature {
    number: bool,
    low: Option<u64>,
    high: Option<u64>,
}

impl Nature {
    /// Any values.
    pub const ANY: Self = Self {
        number: false,
        low: None,
        high: None,
    };
    /// Numbers.
    pub const NUMBER: Self = Self {
        number: true,
        ..Self::ANY
    };

    /// Numbers from here to there.
    pub fn from(low: u64, high: Option<u64>) -> Self {
        Self {
            number: true,
            low: Some(low),
            high,
        }
    }

    /// In words, where there are bounds.
    pub fn range(&self) -> Option<String> {
        Some(match (self.low?, self.high) {
            (low, Some(high)) if low == high => low.to_string(),
            (low, Some(high)) => format!("between {low} and {high}"),
            (low, None) => format!("{low} or more"),
        })
    }
}

/// Is there a value of this nature that passes all the tests?
pub fn possible(tests: &[Test], nature: Nature) -> bool {
    let null = tests.iter().all(|test| matches!(test, Test::Null(true)));
    null || number_possible(tests, nature)
        || !nature.number && (text_possible(tests) || truth_possible(tests))
}

fn truth_possible(tests: &[Test]) -> bool {
    [false, true].into_iter().any(|truth| {
        tests.iter().all(|test| match test {
            Test::Compare(orders, value) => compares(&Value::Bool(truth), *orders, value),
            Test::In(list) => list
                .iter()
                .any(|value| compares(&Value::Bool(truth), 2, value)),
            Test::Like(..) => true,
            Test::Null(null) => !null,
        })
    })
}

fn compares(value: &Value, orders: u8, other: &Value) -> bool {
    value
        .compare(other)
        .is_some_and(|order| orders & bit(order) != 0)
}

fn bit(order: Ordering) -> u8 {
    1 << (order as i8 + 1)
}

/// A number, or a text that reads as one.
fn number_possible(tests: &[Test], nature: Nature) -> bool {
    let mut span = Span::default();
    if let Some(low) = nature.low {
        span.limit(2 | 4, low as f64);
    }
    if let Some(high) = nature.high {
        span.limit(1 | 2, high as f64);
    }
    for test in tests {
        match test {
            Test::Compare(_, Value::Null | Value::Bool(_)) | Test::Null(true) => return false,
            Test::Compare(orders, value) => match value.as_number() {
                Some(number) => span.limit(*orders, number),
                // It is compared byte by byte, however the number is written.
                None if *orders == 2 => return false,
                None => {}
            },
            Test::In(list) => span.points(list.iter().filter_map(Value::as_number).collect()),
            Test::Like(..) | Test::Null(false) => {}
        }
    }
    !span.is_empty()
}

/// A text that does not read as a number.
fn text_possible(tests: &[Test]) -> bool {
    let mut span = Span::<&[u8]>::default();
    for test in tests {
        match test {
            Test::Compare(_, Value::Null | Value::Number(_)) | Test::Null(true) => return false,
            Test::Compare(orders, value @ Value::Text(text)) => {
                if *orders == 2 && value.as_number().is_some() {
                    return false;
                }
                span.limit(*orders, text);
            }
            Test::In(list) if !list.iter().any(|value| matches!(value, Value::Bool(_))) => {
                let texts = list.iter().filter(|value| value.as_number().is_none());
                let texts = texts.filter_map(|value| match value {
                    Value::Text(text) => Some(&**text),
                    _ => None,
                });
                span.points(texts.collect());
            }
            // The words for a truth value, in capitals or not: left open.
            Test::Compare(_, Value::Bool(_)) | Test::In(_) => {}
            Test::Like(..) | Test::Null(false) => {}
        }
    }
    let alike = |text: &&[u8]| {
        tests.iter().all(|test| match test {
            Test::Like(pattern, like) => pattern.matches(text) == *like,
            _ => true,
        })
    };
    !span.is_empty_but_for(alike)
}

/// Values in order: those between two bounds, without some, or some points among them.
struct Span<T> {
    low: Option<(T, bool)>,
    high: Option<(T, bool)>,
    except: Vec<T>,
    points: Option<Vec<T>>,
}

impl<T> Default for Span<T> {
    fn default() -> Self {
        Self {
            low: None,
            high: None,
            except: Vec::new(),
            points: None,
        }
    }
}

impl<T: PartialOrd + Copy> Span<T> {
    /// Leaves what stands so to this value.
    fn limit(&mut self, orders: u8, value: T) {
        let included = orders & 2 != 0;
        match orders & 5 {
            0 => self.points(vec![value]),
            5 if included => {}
            5 => self.except.push(value),
            1 => {
                if self
                    .high
                    .is_none_or(|(high, with)| value < high || value == high && with)
                {
                    self.high = Some((value, included));
                }
            }
            _ => {
                if self
                    .low
                    .is_none_or(|(low, with)| value > low || value == low && with)
                {
                    self.low = Some((value, included));
                }
            }
        }
    }

    /// Leaves only these.
    fn points(&mut self, points: Vec<T>) {
        self.points = Some(match self.points.take() {
            None => points,
            Some(known) => known.into_iter().filter(|p| points.contains(p)).collect(),
        });
    }

    fn fits(&self, value: T) -> bool {
        let above = self
            .low
            .is_none_or(|(low, with)| value > low || with && value == low);
        let below = self
            .high
            .is_none_or(|(high, with)| value < high || with && value == high);
        above && below && !self.except.contains(&value)
    }

    fn is_empty(&self) -> bool {
        self.is_empty_but_for(|_| true)
    }

    /// Nothing is left of which also this is known to hold; it is asked about points only.
    fn is_empty_but_for(&self, holds: impl Fn(&T) -> bool) -> bool {
        if let Some(points) = &self.points {
            return !points.iter().any(|point| self.fits(*point) && holds(point));
        }
        match (self.low, self.high) {
            (Some((low, _)), Some((high, _))) if low == high => !self.fits(low) || !holds(&low),
            (Some((low, _)), Some((high, _))) => low > high,
            _ => false,
        }
    }
}
