//! From (axon, type) to the atoms that can take the event, so that an event touches only the rules that can use it.

use std::rc::Rc;

use ahash::AHashMap;

use super::key::short_name;
use super::rule::pattern::AtomSet;
use super::rule::program::Program;
use super::store::Slot;

/// The rules that can use an event of one axon and type.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Uses {
    /// Positions of rules, in the order they were added, and their atoms of this type and axon.
    pub rules: Vec<(usize, AtomSet)>,
    /// The fields that any of them keeps.
    pub slots: Vec<Slot>,
}

/// A rule as the index sees it.
pub struct Indexed<'a> {
    pub program: &'a Program,
    /// By the program's fields.
    pub slots: &'a [Slot],
}

/// One axon's part of the index, filled as types come by. Only types that a rule names get an entry of their own.
#[derive(Debug)]
struct Axon {
    name: Box<[u8]>,
    any: Rc<Uses>,
    by_type: AHashMap<Box<[u8]>, Rc<Uses>>,
}

/// A domain's index.
#[derive(Debug, Default)]
pub struct Index {
    /// For each type that a rule names, the rules that do; and those that take any type.
    by_type: AHashMap<Box<[u8]>, Vec<usize>>,
    any: Vec<usize>,
    axons: Vec<Axon>,
    numbers: AHashMap<Box<[u8]>, usize>,
}

impl Index {
    /// Indexes these rules, in their order.
    pub fn new<'a>(rules: impl Iterator<Item = Indexed<'a>>) -> Self {
        let mut index = Self::default();
        for (position, rule) in rules.enumerate() {
            for atom in &rule.program.atoms {
                let list = match &atom.event_type {
                    Some(event_type) => index
                        .by_type
                        .entry(event_type.as_bytes().into())
                        .or_default(),
                    None => &mut index.any,
                };
                if list.last() != Some(&position) {
                    list.push(position);
                }
            }
        }
        index
    }

    /// The number of an axon (its key without the tag), which it keeps until the index is made anew.
    pub fn axon<'a>(&mut self, name: &[u8], rule: impl Fn(usize) -> Indexed<'a>) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let any = Rc::new(uses(name, None, &self.any, rule));
        self.axons.push(Axon {
            name: name.into(),
            any,
            by_type: AHashMap::new(),
        });
        let number = self.axons.len() - 1;
        self.numbers.insert(name.into(), number);
        number
    }

    /// Who can use an event of this axon and type.
    pub fn uses<'a>(
        &mut self,
        axon: usize,
        event_type: &[u8],
        rule: impl Fn(usize) -> Indexed<'a>,
    ) -> Rc<Uses> {
        let axon = &mut self.axons[axon];
        if let Some(uses) = axon.by_type.get(event_type) {
            return Rc::clone(uses);
        }
        let Some((event_type, positions)) = self.by_type.get_key_value(event_type) else {
            return Rc::clone(&axon.any);
        };
        let mut positions: Vec<usize> = positions.iter().chain(&self.any).copied().collect();
        positions.sort_unstable();
        positions.dedup();
        let uses = Rc::new(uses(&axon.name, Some(event_type), &positions, rule));
        axon.by_type.insert(event_type.clone(), Rc::clone(&uses));
        uses
    }
}

fn uses<'a>(
    name: &[u8],
    event_type: Option<&[u8]>,
    rules: &[usize],
    rule: impl Fn(usize) -> Indexed<'a>,
) -> Uses {
    let mut uses = Uses::default();
    for &position in rules {
        let Indexed { program, slots } = rule(position);
        let fits = program.atoms.iter().enumerate().filter(|(_, atom)| {
            atom.event_type
                .as_deref()
                .is_none_or(|wanted| Some(wanted.as_bytes()) == event_type)
                && atom
                    .axon
                    .as_ref()
                    .is_none_or(|axon| axon.matches(name, short_name(name)))
        });
        let atoms: AtomSet = fits.fold(0, |set, (i, _)| set | 1 << i);
        if atoms != 0 {
            uses.rules.push((position, atoms));
            uses.slots
                .extend(program.kept.iter().map(|field| slots[*field as usize]));
        }
    }
    uses.slots.sort_unstable();
    uses.slots.dedup();
    uses
}
