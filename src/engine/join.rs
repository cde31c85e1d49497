//! Candidates by the value of a field: what an equality in WHERE turns into, so that the partners of an event are looked
//! up and not looked for.

use std::collections::VecDeque;
use std::mem::size_of;

use ahash::AHashMap;

use super::partition::Candidate;
use super::value::Value;

/// A value as equality sees it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
enum Key {
    /// A number, or a text that reads as one: a double's bits, with one zero.
    Number(u64),
    Text(Box<[u8]>),
}

/// How equality sees a value.
enum Place {
    /// It is equal to what has the same key.
    Key(Key),
    /// It is equal to nothing: NULL.
    Nowhere,
    /// A truth value is equal to several texts that differ among themselves.
    Anywhere,
}

fn place(value: &Value) -> Place {
    match value {
        Value::Null => Place::Nowhere,
        Value::Bool(_) => Place::Anywhere,
        _ => Place::Key(match (value.as_number(), value) {
            // Adding 0 makes one zero of the two.
            (Some(number), _) => Key::Number((number + 0.0).to_bits()),
            (None, Value::Text(text)) => Key::Text((&**text).into()),
            _ => return Place::Anywhere,
        }),
    }
}

/// The candidates of one buffer by the value of one field.
#[derive(Debug, Default)]
pub struct Join {
    lists: AHashMap<Key, VecDeque<Candidate>>,
    /// How many have a truth value there, which stand in no list.
    anywhere: usize,
}

impl Join {
    /// What a candidate takes in a list, which is partly empty.
    const PLACE_BYTES: usize = 3 * size_of::<Candidate>() / 2;
    /// What a list takes for itself: its place in the table, and its first block.
    const LIST_BYTES: usize =
        2 * size_of::<(Key, VecDeque<Candidate>)>() + 2 * size_of::<Candidate>();

    /// The most a candidate takes, apart from the text of its value.
    pub const BYTES: usize = Self::PLACE_BYTES + Self::LIST_BYTES;

    /// Adds a candidate with this value; what it takes.
    pub fn insert(&mut self, value: &Value, candidate: Candidate) -> u64 {
        let key = match place(value) {
            Place::Nowhere => return 0,
            Place::Anywhere => {
                self.anywhere += 1;
                return 0;
            }
            Place::Key(key) => key,
        };
        let bytes = list_bytes(&key);
        let list = self.lists.entry(key).or_default();
        list.push_back(candidate);
        let new = if list.len() == 1 { bytes } else { 0 };
        (Self::PLACE_BYTES + new) as u64
    }

    /// Takes a candidate with this value out; what it took.
    pub fn remove(&mut self, value: &Value, seq: u64) -> u64 {
        let key = match place(value) {
            Place::Nowhere => return 0,
            Place::Anywhere => {
                self.anywhere -= 1;
                return 0;
            }
            Place::Key(key) => key,
        };
        let Some(list) = self.lists.get_mut(&key) else {
            return 0;
        };
        let Ok(at) = list.binary_search_by_key(&seq, |c| c.seq) else {
            return 0;
        };
        list.remove(at);
        let mut bytes = Self::PLACE_BYTES;
        if list.is_empty() {
            self.lists.remove(&key);
            bytes += list_bytes(&key);
        }
        bytes as u64
    }

    /// The candidates whose value is equal to this one, in processing order. `Err`: that can't be looked up.
    pub fn equal_to(&self, value: &Value) -> Result<Option<&VecDeque<Candidate>>, ()> {
        match place(value) {
            Place::Nowhere => Ok(None),
            Place::Key(key) if self.anywhere == 0 => Ok(self.lists.get(&key)),
            Place::Key(_) | Place::Anywhere => Err(()),
        }
    }
}

fn list_bytes(key: &Key) -> usize {
    let text = match key {
        Key::Number(_) => 0,
        Key::Text(text) => text.len(),
    };
    Join::LIST_BYTES + text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_equal_stands_together() {
        let values = [
            Value::text(b"10"),
            Value::Number(10.0),
            Value::text(b"1e1"),
            Value::text(b"x"),
            Value::text(b"X"),
            Value::text(b"-0"),
            Value::Number(0.0),
            Value::Null,
        ];
        let mut join = Join::default();
        let mut bytes = 0;
        for (seq, value) in (0..).zip(&values) {
            bytes += join.insert(value, Candidate::new(seq, 0, 0));
        }
        for value in &values {
            let found = join.equal_to(value).unwrap().into_iter().flatten();
            let found: Vec<u64> = found.map(|c| c.seq).collect();
            let same = (0..)
                .zip(&values)
                .filter(|(_, other)| value.compare(other) == Some(std::cmp::Ordering::Equal));
            assert_eq!(
                found,
                same.map(|(seq, _)| seq).collect::<Vec<u64>>(),
                "{value:?}"
            );
        }
        // With a truth value there, everything has to be looked at.
        join.insert(&Value::Bool(true), Candidate::new(9, 0, 0));
        assert!(join.equal_to(&values[0]).is_err());
        join.remove(&Value::Bool(true), 9);
        for (seq, value) in (0..).zip(&values) {
            bytes -= join.remove(value, seq);
        }
        assert_eq!((bytes, join.lists.len()), (0, 0));
    }
}
