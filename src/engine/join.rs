//! Candidates by the value of a field: what an equality in WHERE turns into, so that the partners of an event are looked
//! up and not looked for.

use std::mem::size_of;

use smallvec::smallvec;

use super::candidates::Candidates;
use super::partition::Candidate;
use super::table::{hash_of, Hashed, Table};
use super::value::Value;

/// A value as equality sees it: a number, or a text that reads as one, as a double's bits with one zero.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Key<T> {
    Number(u64),
    Text(T),
}

/// How equality sees a value.
enum Place<'v> {
    /// It is equal to what has the same key.
    Key(Key<&'v [u8]>),
    /// It is equal to nothing: NULL.
    Nowhere,
    /// A truth value is equal to several texts that differ among themselves.
    Anywhere,
}

fn place<'v>(value: &'v Value) -> Place<'v> {
    match value {
        Value::Null => Place::Nowhere,
        Value::Bool(_) => Place::Anywhere,
        _ => Place::Key(match (value.as_number(), value) {
            // Adding 0 makes one zero of the two.
            (Some(number), _) => Key::Number((number + 0.0).to_bits()),
            (None, Value::Text(text)) => Key::Text(text),
            _ => return Place::Anywhere,
        }),
    }
}

impl Key<&[u8]> {
    fn hash(&self) -> u32 {
        match self {
            Self::Number(bits) => hash_of(&bits.to_le_bytes()),
            Self::Text(text) => hash_of(text),
        }
    }
}

impl Key<Box<[u8]>> {
    fn is(&self, other: &Key<&[u8]>) -> bool {
        match (self, other) {
            (Self::Number(a), Key::Number(b)) => a == b,
            (Self::Text(a), Key::Text(b)) => **a == **b,
            _ => false,
        }
    }
}

/// The candidates whose field has the same value, in processing order.
#[derive(Debug)]
struct Same {
    hash: u32,
    key: Key<Box<[u8]>>,
    list: Box<Candidates>,
}

impl Hashed for Same {
    fn hash(&self) -> u32 {
        self.hash
    }
}

/// The candidates of one buffer by the value of one field.
#[derive(Debug, Default)]
pub struct Join {
    lists: Table<Same>,
    /// How many have a truth value there, which stand in no list.
    anywhere: usize,
}

impl Join {
    /// What a candidate takes in a list, which is partly empty.
    const PLACE_BYTES: usize = 3 * size_of::<Candidate>() / 2;
    /// What a list takes for itself, with its place in the table.
    const LIST_BYTES: usize = 2 * size_of::<Same>() + size_of::<Candidates>();

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
        let hash = key.hash();
        if let Some(same) = self.lists.get_mut(hash, |same| same.key.is(&key)) {
            same.list.push(candidate);
            return Self::PLACE_BYTES as u64;
        }
        let bytes = list_bytes(&key);
        self.lists.insert(Same {
            hash,
            key: match key {
                Key::Number(bits) => Key::Number(bits),
                Key::Text(text) => Key::Text(text.into()),
            },
            list: Box::new(Candidates::Few(smallvec![candidate])),
        });
        (Self::PLACE_BYTES + bytes) as u64
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
        let hash = key.hash();
        let Some(same) = self.lists.get_mut(hash, |same| same.key.is(&key)) else {
            return 0;
        };
        let Some(at) = same.list.find(seq) else {
            return 0;
        };
        same.list.remove(at);
        let mut bytes = Self::PLACE_BYTES;
        if same.list.is_empty() {
            self.lists.remove(hash, |same| same.key.is(&key));
            bytes += list_bytes(&key);
        }
        bytes as u64
    }

    /// The candidates whose value is equal to this one, in processing order. `Err`: that can't be looked up.
    pub fn equal_to(&self, value: &Value) -> Result<Option<&Candidates>, ()> {
        match place(value) {
            Place::Nowhere => Ok(None),
            Place::Key(key) if self.anywhere == 0 => {
                let same = self.lists.get(key.hash(), |same| same.key.is(&key));
                Ok(same.map(|same| &*same.list))
            }
            Place::Key(_) | Place::Anywhere => Err(()),
        }
    }
}

fn list_bytes(key: &Key<&[u8]>) -> usize {
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
            let found = join.equal_to(value).unwrap();
            let found: Vec<u64> = found
                .iter()
                .flat_map(|found| found.iter())
                .map(|c| c.seq)
                .collect();
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
        assert_eq!(bytes, 0);
        for value in &values {
            assert!(join.equal_to(value).unwrap().is_none());
        }
    }
}
