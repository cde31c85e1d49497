//! Saccules: what stands in front of the windows. They check events and change the engine's view of them; the streams
//! stay as they are.
//!
//! Those of a domain form a line, in the order in which they were added. An event meets the ones of its axon before
//! anything else looks at its fields: its type, its time, the rules.

mod letter;
mod manage;
mod program;
mod view;

use std::rc::Rc;

use super::domain::{check_name, SacculeDefinition, SacculeInfo, MAX_NAME};
use super::event::EntryId;
use super::key::short_name;
use super::rule::{self, program::AxonPattern};
use super::{Error, Result};
pub use letter::Letter;
pub use program::Outcome;
use program::Program;
pub use view::View;

/// The most saccules that a domain can have.
const MAX_SACCULES: usize = 256;
/// What all saccules of a domain together may cost for one event, as [`Program::cost`] counts it.
const MAX_COST: u64 = 16_384;

/// The most that the saccules of an axon may do to one event: their cost for each [`PIECE`] of its bytes. It would else
/// keep others waiting for too long.
const MAX_WORK: u64 = 1 << 20;
const PIECE: usize = 4_096;

/// A saccule in force.
#[derive(Debug)]
pub struct Saccule {
    pub name: Rc<str>,
    /// The canonical text.
    pub text: Rc<str>,
    /// The axons whose events it looks at; `None`: all.
    axon: Option<AxonPattern>,
    program: Rc<Program>,
    /// See [`SacculeDefinition::sees_from`].
    pub sees_from: Option<EntryId>,
    counts: Counts,
}

/// What came of the events that a saccule has looked at.
#[derive(Debug, Default)]
struct Counts {
    seen: u64,
    skipped: u64,
    /// By the numbers of the reasons.
    rejected: Vec<u64>,
}

/// The saccules of one axon, in their order.
#[derive(Debug)]
pub struct Line {
    /// Their places among the domain's, and what they do.
    programs: Box<[(usize, Rc<Program>)]>,
    cost: u64,
}

impl Line {
    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.programs.is_empty()
    }
}

/// The saccules of a domain.
#[derive(Debug, Default)]
pub struct Saccules {
    /// In the order in which they were added.
    line: Vec<Saccule>,
    /// By the number of the axon, as far as it was asked for.
    known: Vec<Option<Rc<Line>>>,
}

impl Saccule {
    /// Whether it looks at the events of this axon (its key without the tag).
    pub fn looks_at(&self, name: &[u8]) -> bool {
        let axon = self.axon.as_ref();
        axon.is_none_or(|axon| axon.matches(name, short_name(name)))
    }

    /// Whether it can look at what this rule reads.
    pub fn stands_before(&self, rule: &rule::program::Program) -> bool {
        let meets = |atom: &rule::program::Atom| match (&self.axon, &atom.axon) {
            (Some(own), Some(axon)) => own.overlaps(axon),
            _ => true,
        };
        rule.atoms.iter().any(meets)
    }

    /// The axons, as they were written; empty: all.
    pub fn axon(&self) -> String {
        let axon = self.axon.as_ref();
        axon.map_or_else(String::new, |axon| {
            String::from_utf8_lossy(axon.glob()).into_owned()
        })
    }

    /// Its text and its axons, for the record of changes.
    pub fn definition_text(&self) -> String {
        match &self.axon {
            None => self.text.to_string(),
            Some(_) => format!("{} AXON {}", self.text, self.axon()),
        }
    }

    /// How many events it has rejected.
    pub fn rejected(&self) -> u64 {
        self.counts.rejected.iter().sum()
    }

    /// How many events it has skipped.
    pub fn skipped(&self) -> u64 {
        self.counts.skipped
    }

    /// A reason by its number.
    pub fn reason(&self, number: u16) -> &Rc<str> {
        &self.program.reasons[usize::from(number)]
    }

    /// The reasons for which it has rejected events, and how many for each.
    pub fn reasons(&self) -> impl Iterator<Item = (Rc<str>, u64)> + '_ {
        let counts = self.counts.rejected.iter().copied();
        let reasons = self.program.reasons.iter().cloned().zip(counts);
        reasons.filter(|(_, count)| *count > 0)
    }

    fn count(&mut self, outcome: Outcome) {
        self.counts.seen += 1;
        match outcome {
            Outcome::Passes => {}
            Outcome::Skipped => self.counts.skipped += 1,
            Outcome::Rejected(reason) => self.counts.rejected[usize::from(reason)] += 1,
        }
    }

    fn clear(&mut self) {
        self.counts = Counts {
            rejected: vec![0; self.program.reasons.len()],
            ..Counts::default()
        };
    }

    fn info(&self, domain: &str) -> SacculeInfo {
        SacculeInfo {
            name: self.name.to_string(),
            domain: domain.to_string(),
            text: self.text.to_string(),
            axon: self.axon(),
            seen: self.counts.seen,
            skipped: self.counts.skipped,
            rejected: self.rejected(),
            reasons: self.reasons().collect(),
        }
    }
}

impl Saccules {
    /// There is none.
    pub fn is_empty(&self) -> bool {
        self.line.is_empty()
    }

    /// In the order in which they were added.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &Saccule> {
        self.line.iter()
    }

    /// The same, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Saccule> {
        self.line.iter_mut()
    }

    fn place_of(&self, name: &str) -> Option<usize> {
        self.line.iter().position(|saccule| *saccule.name == *name)
    }

    /// The [definition's text](Saccule::definition_text) of the saccule of this name.
    pub fn text_of(&self, name: &str) -> Option<String> {
        Some(self.line[self.place_of(name)?].definition_text())
    }

    /// Adds a saccule at the end, or puts it in the place of the one of this name. False: nothing has changed.
    pub fn put(&mut self, new: Saccule, replace: bool, domain: &str) -> Result<bool> {
        let place = self.place_of(&new.name);
        let old = place.map(|place| &self.line[place]);
        if let Some(old) = old {
            if !replace {
                return Err(Error::new(format!(
                    "saccule '{}' exists already in domain '{domain}' (REPLACE replaces it)",
                    new.name
                )));
            }
            if old.text == new.text && old.axon == new.axon {
                return Ok(false);
            }
        } else if self.line.len() == MAX_SACCULES {
            return Err(Error::new(format!(
                "domain '{domain}' has {MAX_SACCULES} saccules already, which is the limit"
            )));
        }
        let others: u64 = self.line.iter().map(|saccule| saccule.program.cost).sum();
        let cost = others - old.map_or(0, |old| old.program.cost) + new.program.cost;
        if cost > MAX_COST {
            return Err(Error::new(format!(
                "the saccules of a domain have at most {MAX_COST} parts of expressions, with this one they would have \
                 {cost}"
            )));
        }
        match place {
            Some(place) => self.line[place] = new,
            None => self.line.push(new),
        }
        self.known.clear();
        Ok(true)
    }

    /// Takes out the saccule of this name.
    ///
    /// # Errors
    /// Where there is none.
    pub fn delete(&mut self, name: &str, domain: &str) -> Result<()> {
        let place = self
            .place_of(name)
            .ok_or_else(|| Error::new(format!("no such saccule '{name}' in domain '{domain}'")))?;
        self.line.remove(place);
        self.known.clear();
        Ok(())
    }

    /// Those that look at the events of this axon (its number, and its key without the tag).
    pub fn of(&mut self, axon: usize, name: &[u8]) -> &Rc<Line> {
        if self.known.len() <= axon {
            self.known.resize(axon + 1, None);
        }
        let line = &self.line;
        self.known[axon].get_or_insert_with(|| {
            let of_axon = line.iter().enumerate();
            let of_axon = of_axon.filter(|(_, saccule)| saccule.looks_at(name));
            let programs = of_axon.map(|(place, saccule)| (place, Rc::clone(&saccule.program)));
            let programs: Box<[_]> = programs.collect();
            let cost = programs.iter().map(|(_, program)| program.cost).sum();
            Rc::new(Line { programs, cost })
        })
    }

    /// Lets the saccules of an axon look at an event, one after the other, as long as it passes: what comes of it, and the
    /// place of the one that decided. An event of the past is seen by those that were there when it came, and counted by none.
    pub fn run<'p>(
        &mut self,
        line: &'p Line,
        view: &mut View<'p>,
        past: Option<EntryId>,
    ) -> (Outcome, Option<usize>) {
        let pieces = (view.bytes() / PIECE) as u64 + 1;
        let too_large = line.cost.saturating_mul(pieces) > MAX_WORK;
        for (place, program) in &line.programs {
            let saccule = &mut self.line[*place];
            if past.is_some_and(|id| saccule.sees_from.is_none_or(|from| id < from)) {
                continue;
            }
            let outcome = match too_large {
                true => program.too_large(),
                false => program.run(view),
            };
            if past.is_none() {
                saccule.count(outcome);
            }
            if outcome != Outcome::Passes {
                return (outcome, Some(*place));
            }
        }
        (Outcome::Passes, None)
    }

    /// Axons have got other numbers.
    pub fn forget_axons(&mut self) {
        self.known.clear();
    }

    /// Forgets what was counted.
    pub fn clear(&mut self) {
        self.line.iter_mut().for_each(Saccule::clear);
    }

    /// All of them, as they are described.
    pub fn infos(&self, domain: &str) -> Vec<SacculeInfo> {
        self.iter().map(|saccule| saccule.info(domain)).collect()
    }

    /// Those that have rejected events, why, and how many.
    pub fn rejections(&self) -> Vec<(Rc<str>, Rc<str>, u64)> {
        let of = |saccule: &Saccule| {
            let name = Rc::clone(&saccule.name);
            let reasons: Vec<_> = saccule.reasons().collect();
            let named = |(reason, count)| (Rc::clone(&name), reason, count);
            reasons.into_iter().map(named).collect::<Vec<_>>()
        };
        self.iter().flat_map(of).collect()
    }

    /// All of them, as they were defined.
    pub fn definitions(&self) -> Vec<SacculeDefinition> {
        let define = |saccule: &Saccule| SacculeDefinition {
            name: saccule.name.to_string(),
            text: saccule.text.to_string(),
            axon: saccule.axon.is_some().then(|| saccule.axon()),
            sees_from: saccule.sees_from,
        };
        self.iter().map(define).collect()
    }
}

impl Saccule {
    /// A saccule that has seen nothing yet.
    ///
    /// # Errors
    /// Where the name is no name, or the text no saccule's.
    pub fn new(name: &str, text: &str, axon: Option<&str>) -> Result<Self> {
        check_name("saccule", name)?;
        let axon = match axon {
            Some("") => return Err(Error::new("the glob of AXON can't be empty")),
            Some(glob) if glob.len() > MAX_NAME => {
                return Err(Error::new(format!(
                    "the glob of AXON has at most {} bytes, found {}",
                    MAX_NAME,
                    glob.len()
                )));
            }
            axon => axon.map(AxonPattern::new),
        };
        let saccule = rule::parse_saccule(text)?;
        let program = Program::new(&saccule)?;
        let mut new = Self {
            name: name.into(),
            text: saccule.to_string().into(),
            axon,
            program: Rc::new(program),
            sees_from: None,
            counts: Counts::default(),
        };
        new.clear();
        Ok(new)
    }
}
