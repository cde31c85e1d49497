//! The names by which a rule's clauses call the events of its atoms.

use super::ast::{Atom, Path};
use super::pattern::AtomSet;
use super::words;
use crate::engine::{Error, Result};

/// The names of a rule, in the order of the atoms.
#[derive(Debug, Default)]
pub struct Names {
    /// `None`: more than one atom could be meant.
    list: Vec<(String, Option<u8>)>,
    /// The atoms of NOT, which have no events to name.
    absent: AtomSet,
}

impl Names {
    /// Every atom's name: what AS says, or else its type, where no other atom has that type. Atoms are numbered in
    /// their order; `absent` are those of NOT.
    pub fn new(atoms: &[&Atom], absent: AtomSet) -> Self {
        let mut list: Vec<(String, Option<u8>)> = Vec::with_capacity(atoms.len());
        for (number, atom) in (0..).zip(atoms) {
            let Some(name) = atom.alias.as_ref().or(atom.event_type.as_ref()) else {
                continue;
            };
            let same_type = |other: &&&Atom| other.event_type == atom.event_type;
            let unique = atom.alias.is_some() || atoms.iter().filter(same_type).count() == 1;
            match list.iter_mut().find(|(taken, _)| taken == name) {
                Some((_, meant)) => *meant = None,
                None => list.push((name.clone(), unique.then_some(number))),
            }
        }
        Self { list, absent }
    }

    /// Splits a dotted name into the atom it begins with and the field. A type may hold dots itself, so the longest
    /// name that an atom has counts.
    ///
    /// # Errors
    /// Where no atom, or more than one, has the name.
    pub fn resolve<'p>(&self, path: &'p Path) -> Result<(u8, &'p [String])> {
        let segments = &path.segments;
        for length in (1..=segments.len()).rev() {
            let name = segments[..length].join(".");
            match self.list.iter().find(|(known, _)| *known == name) {
                Some((_, Some(atom))) if self.absent & (1 << atom) != 0 => {
                    let message =
                        format!("'{name}' is part of a NOT, whose events are in no match");
                    return Err(Error::at(path.column, message));
                }
                Some((_, Some(atom))) => return Ok((*atom, &segments[length..])),
                Some((_, None)) => {
                    let message =
                        format!("'{name}' names more than one atom: give each a name with AS");
                    return Err(Error::at(path.column, message));
                }
                None => {}
            }
        }
        Err(Error::at(path.column, self.unknown(segments)))
    }

    fn unknown(&self, segments: &[String]) -> String {
        let name = &segments[0];
        let known: Vec<&str> = self.list.iter().map(|(name, _)| name.as_str()).collect();
        let Some(first) = known.first() else {
            return format!("no event is named '{name}': give one a name with AS");
        };
        if segments.len() == 1 {
            return format!(
                "expected the name of an event and a field, as in {first}.{name}, found '{name}'"
            );
        }
        match words::nearest(name, known.iter().copied()) {
            Some(near) => format!("no event is named '{name}' (did you mean {near}?)"),
            None => format!(
                "no event is named '{name}': the names are {}",
                known.join(", ")
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::engine::rule::{compile::compile, parse};

    fn refusal(text: &str) -> Option<String> {
        let rule = parse(text).unwrap();
        compile(&rule).err().map(|error| error.to_string())
    }

    #[test]
    fn a_type_is_a_name_where_it_is_unique() {
        for text in [
            "MATCH A -> B WHERE A.v = B.v WITHIN 1s",
            "MATCH A AS x -> A AS y WHERE x.v = y.v WITHIN 1s",
            "MATCH A AS B -> C WHERE B.v = C.v WITHIN 1s",
            "MATCH order.paid -> order WHERE order.paid.v = order.v WITHIN 1s",
        ] {
            assert_eq!(refusal(text), None, "{text}");
        }
        for (text, why) in [
            (
                "MATCH A -> A AS a WHERE A.v = a.v WITHIN 1s",
                "column 25: 'A' names more than one atom: give each a name with AS",
            ),
            (
                "MATCH A -> B AS A WHERE A.v = 1 WITHIN 1s",
                "column 25: 'A' names more than one atom: give each a name with AS",
            ),
            (
                "MATCH Login -> Pay WHERE Logn.v = 1 WITHIN 1s",
                "column 26: no event is named 'Logn' (did you mean Login?)",
            ),
            (
                "MATCH A -> B WHERE C.v = 1 WITHIN 1s",
                "column 20: no event is named 'C': the names are A, B",
            ),
            (
                "MATCH A -> B WHERE v = 1 WITHIN 1s",
                "column 20: expected the name of an event and a field, as in A.v, found 'v'",
            ),
            (
                "MATCH ANY WHERE x.v = 1 WITHIN 1s",
                "column 17: no event is named 'x': give one a name with AS",
            ),
        ] {
            assert_eq!(refusal(text).as_deref(), Some(why), "{text}");
        }
    }
}
