//! From (axon, type) to the atoms that can take the event, so that an event touches only the rules that can use it.
//!
//! Adding or taking out a rule costs about as much as it has atoms, however many others there are. What was worked out
//! for an axon and a type is kept until a rule that concerns it changes.

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
    /// Its place among the domain's rules.
    pub position: usize,
    pub program: &'a Program,
    /// By the program's fields.
    pub slots: &'a [Slot],
}

/// What was worked out, and after which change.
#[derive(Debug)]
struct Known {
    uses: Rc<Uses>,
    version: u64,
}

/// The rules that name a type.
#[derive(Debug, Default)]
struct Named {
    /// By their order among the domain's rules.
    rules: Vec<u64>,
    /// The last change of them.
    version: u64,
    by_axon: AHashMap<usize, Known>,
}

#[derive(Debug)]
struct Axon {
    name: Box<[u8]>,
    /// For types that no rule names.
    other: Option<Known>,
}

/// A domain's index.
#[derive(Debug, Default)]
pub struct Index {
    by_type: AHashMap<Box<[u8]>, Named>,
    /// The rules that take any type, by their order.
    any: Vec<u64>,
    axons: Vec<Axon>,
    numbers: AHashMap<Box<[u8]>, usize>,
    /// Counts the changes.
    version: u64,
    /// The last change that concerns all types.
    common: u64,
}

impl Index {
    /// Adds a rule of this order, which no other has.
    pub fn add(&mut self, order: u64, program: &Program) {
        self.change(order, program, |rules, at| {
            if let Err(at) = at {
                rules.insert(at, order);
            }
        });
    }

    /// Takes out the rule of this order.
    pub fn remove(&mut self, order: u64, program: &Program) {
        self.change(order, program, |rules, at| {
            if let Ok(at) = at {
                rules.remove(at);
            }
        });
        for atom in &program.atoms {
            if let Some(event_type) = &atom.event_type {
                if self
                    .by_type
                    .get(event_type.as_bytes())
                    .is_some_and(|named| named.rules.is_empty())
                {
                    self.by_type.remove(event_type.as_bytes());
                }
            }
        }
    }

    fn change(
        &mut self,
        order: u64,
        program: &Program,
        change: impl Fn(&mut Vec<u64>, Result<usize, usize>),
    ) {
        self.version += 1;
        for atom in &program.atoms {
            let rules = match &atom.event_type {
                Some(event_type) => {
                    let named = self
                        .by_type
                        .entry(event_type.as_bytes().into())
                        .or_default();
                    named.version = self.version;
                    &mut named.rules
                }
                None => {
                    self.common = self.version;
                    &mut self.any
                }
            };
            let at = rules.binary_search(&order);
            change(rules, at);
        }
    }

    /// Rules have moved to other places.
    pub fn moved(&mut self) {
        self.version += 1;
        self.common = self.version;
    }

    /// The number of an axon (its key without the tag), which it keeps until [all are forgotten](Self::forget_axons).
    pub fn axon(&mut self, name: &[u8]) -> usize {
        if let Some(number) = self.numbers.get(name) {
            return *number;
        }
        let number = self.axons.len();
        self.axons.push(Axon {
            name: name.into(),
            other: None,
        });
        self.numbers.insert(name.into(), number);
        number
    }

    /// An axon's name: its key without the tag.
    pub fn name(&self, axon: usize) -> &[u8] {
        &self.axons[axon].name
    }

    /// Forgets all axons and their numbers.
    pub fn forget_axons(&mut self) {
        self.axons = Vec::new();
        self.numbers = AHashMap::new();
        for named in self.by_type.values_mut() {
            named.by_axon = AHashMap::new();
        }
    }

    /// Who can use an event of this axon and type; `rule` tells of the rule of an order.
    pub fn uses<'a>(
        &mut self,
        axon: usize,
        event_type: &[u8],
        rule: impl Fn(u64) -> Option<Indexed<'a>>,
    ) -> Rc<Uses> {
        let named = self.by_type.get_mut(event_type);
        let Axon { name, other } = &mut self.axons[axon];
        let (version, common) = (self.version, self.common);
        let Some(named) = named else {
            if let Some(known) = other.as_ref().filter(|known| known.version >= common) {
                return Rc::clone(&known.uses);
            }
            let uses = Rc::new(uses(name, None, &self.any, rule));
            let known = Rc::clone(&uses);
            *other = Some(Known { uses, version });
            return known;
        };
        let since = named.version.max(common);
        if let Some(known) = named
            .by_axon
            .get(&axon)
            .filter(|known| known.version >= since)
        {
            return Rc::clone(&known.uses);
        }
        let mut orders = [&*named.rules, &*self.any].concat();
        // Two sorted runs.
        orders.sort();
        orders.dedup();
        let uses = Rc::new(uses(name, Some(event_type), &orders, rule));
        let known = Rc::clone(&uses);
        named.by_axon.insert(axon, Known { uses, version });
        known
    }
}

fn uses<'a>(
    name: &[u8],
    event_type: Option<&[u8]>,
    orders: &[u64],
    rule: impl Fn(u64) -> Option<Indexed<'a>>,
) -> Uses {
    let mut uses = Uses::default();
    for Indexed {
        position,
        program,
        slots,
    } in orders.iter().filter_map(|order| rule(*order))
    {
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
