//! The JSON that a field holds, parsed once for an event.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::Value as Tree;
use smallvec::SmallVec;

use super::value::Value;

/// Texts of more bytes are not looked into: to parse them would keep others waiting.
const MOST_BYTES: usize = 256 << 10;
/// Up to so many bytes, a list of nodes is faster than a tree: it needs no memory of its own, and to go through it
/// takes no time that matters.
const FEW_BYTES: usize = 1 << 10;

/// A JSON document.
#[derive(Debug)]
pub enum Document {
    List(List),
    Tree(Tree),
}

impl Document {
    /// Parses a text; one that is no JSON, or too long, is NULL.
    pub fn parse(text: &[u8]) -> Self {
        if text.len() <= FEW_BYTES {
            return Self::List(List::parse(text).unwrap_or_default());
        }
        let tree = (text.len() <= MOST_BYTES).then(|| serde_json::from_slice(text).ok());
        Self::Tree(tree.flatten().unwrap_or_default())
    }

    /// What stands at a path of keys; NULL where nothing does. `text`: what this was parsed from.
    pub fn read<'a>(&self, path: &[String], text: &'a [u8]) -> Value<'a> {
        match self {
            Self::List(list) => list.read(path, text),
            Self::Tree(tree) => read_tree(tree, path),
        }
    }
}

fn read_tree(tree: &Tree, path: &[String]) -> Value<'static> {
    match path.iter().try_fold(tree, |node, key| node.get(key)) {
        None | Some(Tree::Null) => Value::Null,
        Some(Tree::Bool(b)) => Value::Bool(*b),
        Some(Tree::Number(n)) => n.as_f64().map_or(Value::Null, Value::number),
        Some(Tree::String(s)) => Value::Text(s.clone().into_bytes().into()),
        Some(nested) => Value::Text(nested.to_string().into_bytes().into()),
    }
}

/// The nodes of a document in the order of its text. An object is followed by its keys, each followed by its value.
#[derive(Debug, Default)]
pub struct List {
    nodes: SmallVec<[Node; 12]>,
    /// Texts with escapes, one after the other.
    unescaped: String,
}

#[derive(Debug, Clone, Copy)]
enum Node {
    Null,
    Bool(bool),
    Number(f64),
    /// From here to there in the document's text.
    Text(u32, u32),
    /// The same in the list's own.
    Unescaped(u32, u32),
    /// Ends before the node of this place.
    Array(u32),
    Object(u32),
}

impl List {
    fn parse(text: &[u8]) -> serde_json::Result<Self> {
        let mut list = Self::default();
        let mut json = serde_json::Deserializer::from_slice(text);
        Append {
            list: &mut list,
            text,
        }
        .deserialize(&mut json)?;
        json.end()?;
        Ok(list)
    }

    fn read<'a>(&self, path: &[String], text: &'a [u8]) -> Value<'a> {
        let found = path
            .iter()
            .try_fold(0, |at, key| self.member(at, key, text));
        match found.and_then(|at| self.nodes.get(at)) {
            None | Some(Node::Null) => Value::Null,
            Some(Node::Bool(b)) => Value::Bool(*b),
            Some(Node::Number(n)) => Value::number(*n),
            Some(&Node::Text(from, to)) => Value::text(&text[from as usize..to as usize]),
            Some(&Node::Unescaped(from, to)) => {
                let text = &self.unescaped[from as usize..to as usize];
                Value::Text(text.as_bytes().to_vec().into())
            }
            // Written anew, as a tree writes it.
            Some(Node::Array(_) | Node::Object(_)) => {
                read_tree(&serde_json::from_slice(text).unwrap_or_default(), path)
            }
        }
    }

    /// The place of the value of a key, of one that stands twice the last.
    fn member(&self, object: usize, key: &str, text: &[u8]) -> Option<usize> {
        let Node::Object(end) = *self.nodes.get(object)? else {
            return None;
        };
        let (mut at, mut found) = (object + 1, None);
        while at < end as usize {
            let name = match self.nodes[at] {
                Node::Text(from, to) => &text[from as usize..to as usize],
                Node::Unescaped(from, to) => &self.unescaped.as_bytes()[from as usize..to as usize],
                _ => b"",
            };
            if name == key.as_bytes() {
                found = Some(at + 1);
            }
            at = match self.nodes[at + 1] {
                Node::Array(end) | Node::Object(end) => end as usize,
                _ => at + 2,
            };
        }
        found
    }
}

/// Appends what is parsed to a list.
struct Append<'l, 't> {
    list: &'l mut List,
    text: &'t [u8],
}

impl Append<'_, '_> {
    fn again(&mut self) -> Append<'_, '_> {
        Append {
            list: self.list,
            text: self.text,
        }
    }

    fn push(self, node: Node) {
        self.list.nodes.push(node);
    }

    fn end(&self) -> u32 {
        self.list.nodes.len() as u32
    }
}

impl<'de> DeserializeSeed<'de> for Append<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<(), D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Append<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JSON")
    }

    fn visit_unit<E: Error>(self) -> Result<(), E> {
        self.push(Node::Null);
        Ok(())
    }

    fn visit_bool<E: Error>(self, b: bool) -> Result<(), E> {
        self.push(Node::Bool(b));
        Ok(())
    }

    fn visit_f64<E: Error>(self, n: f64) -> Result<(), E> {
        self.push(Node::Number(n));
        Ok(())
    }

    fn visit_u64<E: Error>(self, n: u64) -> Result<(), E> {
        self.visit_f64(n as f64)
    }

    fn visit_i64<E: Error>(self, n: i64) -> Result<(), E> {
        self.visit_f64(n as f64)
    }

    fn visit_borrowed_str<E: Error>(self, part: &'de str) -> Result<(), E> {
        let from = part.as_ptr() as usize - self.text.as_ptr() as usize;
        self.push(Node::Text(from as u32, (from + part.len()) as u32));
        Ok(())
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<(), E> {
        let from = self.list.unescaped.len();
        self.list.unescaped.push_str(text);
        self.push(Node::Unescaped(from as u32, (from + text.len()) as u32));
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(mut self, mut items: A) -> Result<(), A::Error> {
        let place = self.list.nodes.len();
        self.again().push(Node::Array(0));
        while items.next_element_seed(self.again())?.is_some() {}
        self.list.nodes[place] = Node::Array(self.end());
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(mut self, mut members: A) -> Result<(), A::Error> {
        let place = self.list.nodes.len();
        self.again().push(Node::Object(0));
        while members.next_key_seed(self.again())?.is_some() {
            members.next_value_seed(self.again())?;
        }
        self.list.nodes[place] = Node::Object(self.end());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn json() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            Just("null".to_string()),
            Just("true".into()),
            Just("-0".into()),
            Just("1e999".into()),
            Just("18446744073709551616".into()),
            any::<f64>().prop_map(|n| serde_json::to_string(&n).unwrap()),
            any::<i64>().prop_map(|n| n.to_string()),
            ".{0,6}".prop_map(|text| serde_json::to_string(&text).unwrap()),
            Just(r#""\u00e9\n\ud83d\ude00""#.into()),
            Just(r#""\ud800""#.into()),
        ];
        leaf.prop_recursive(4, 24, 4, |inner| {
            let key = prop_oneof![Just("a"), Just("b"), Just(r"\u0061"), Just("")];
            prop_oneof![
                prop::collection::vec(inner.clone(), 0..4)
                    .prop_map(|items| format!("[{}]", items.join(" , "))),
                prop::collection::vec((key, inner), 0..4).prop_map(|members| {
                    let member = |(key, value)| format!("\"{key}\" : {value}");
                    let members: Vec<String> = members.into_iter().map(member).collect();
                    format!("{{{}}}", members.join(","))
                }),
            ]
        })
    }

    proptest! {
        #[test]
        fn a_list_reads_as_a_tree_does(
            text in prop_oneof![3 => json(), 1 => "[\\[\\]{}\",:0-9a ]{0,12}"],
            path in prop::collection::vec("[ab]?", 0..4),
            cut in prop::option::weighted(0.1, 0..40usize),
        ) {
            let text = &text.as_bytes()[..cut.unwrap_or(text.len()).min(text.len())];
            let tree = Document::Tree(serde_json::from_slice(text).unwrap_or_default());
            let list = Document::List(List::parse(text).unwrap_or_default());
            prop_assert_eq!(list.read(&path, text), tree.read(&path, text));
        }
    }

    #[test]
    fn long_texts_are_read_too_and_very_long_ones_are_not() {
        let read = |length: usize| {
            let text = format!(r#"{{"a":7,"b":"{}"}}"#, "x".repeat(length));
            Document::parse(text.as_bytes())
                .read(&["a".into()], text.as_bytes())
                .as_number()
        };
        assert_eq!(
            [0, FEW_BYTES, MOST_BYTES].map(read),
            [Some(7.0), Some(7.0), None]
        );
    }
}
