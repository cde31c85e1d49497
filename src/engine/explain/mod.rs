//! How a rule will run: what `LEAFLET.RULE.EXPLAIN` shows.

mod memory;
#[cfg(test)]
mod tests;

use super::axons::doubt;
use super::key::short_name;
use super::processor::Domain;
use super::report::{counted, duration, joined, Report};
use super::rule::ast::{Consume, Reset, Select};
use super::rule::compile::compile;
use super::rule::contradiction;
use super::rule::describe::{Written, WrittenAtom};
use super::rule::pattern::{members, set_of, AtomSet};
use super::rule::program::{Absence, Condition, Gap, Integrate, Kind, Limit, Match, Program};
use super::rule::{ast, parse};
use super::value::format_number;
use super::{Engine, Result, Settings};

/// The most axons that are listed for each type and axon of a rule.
const LISTED_AXONS: usize = 16;

impl Engine {
    /// Explains how a rule runs.
    ///
    /// # Errors
    /// Where there is no such domain or rule.
    pub fn explain(&self, domain: &str, name: &str) -> Result<Report> {
        let (at, place) = self.rule_place(domain, name)?;
        let rule = &self.domains[at].rules[place];
        self.explain_parsed(at, name, &parse(&rule.text)?)
    }

    /// Explains how a rule of this text would run.
    ///
    /// # Errors
    /// Where there is no such domain, or the text is no rule.
    pub fn explain_text(&self, domain: &str, text: &str) -> Result<Report> {
        let at = self.domain_place(domain)?;
        let rule = parse(text)?;
        let report = self.explain_parsed(at, "", &rule)?;
        contradiction::check(&rule)?;
        Ok(report)
    }

    fn explain_parsed(&self, at: usize, name: &str, rule: &ast::Rule) -> Result<Report> {
        let explained = Explained {
            domain: &self.domains[at],
            settings: &self.settings,
            program: &compile(rule)?,
            written: &Written::new(rule),
        };
        Ok(explained.report(name, &rule.to_string()))
    }
}

/// A rule that is explained.
struct Explained<'a> {
    domain: &'a Domain,
    settings: &'a Settings,
    program: &'a Program,
    written: &'a Written,
}

impl Explained<'_> {
    fn report(&self, name: &str, text: &str) -> Report {
        let mut report = vec![
            ("name", name.into()),
            ("domain", self.domain.spec.name.as_str().into()),
            ("text", text.into()),
            ("atoms", self.atoms()),
            ("reads", self.reads()),
            (
                "partition_by",
                Report::list(self.written.partition_by.iter().cloned()),
            ),
        ];
        match &self.program.kind {
            Kind::Match(rule) => report.extend([
                ("where", self.conditions(rule)),
                ("ends", Report::list(self.ends(rule))),
                ("finds", finds(rule).into()),
                ("select", select(rule.select).into()),
                ("consume", consume(rule.consume).into()),
                (
                    "having",
                    self.written
                        .having
                        .as_ref()
                        .map_or(String::new(), ToString::to_string)
                        .into(),
                ),
            ]),
            Kind::Integrate(rule) => report.extend([
                ("fires", fires(rule).into()),
                ("decay", decay(rule).into()),
                ("reset", reset(rule).into()),
            ]),
        }
        report.extend([
            ("within", duration(self.program.within).into()),
            (
                "limit",
                self.program.limit.map_or(String::new(), limit).into(),
            ),
            ("emit", Report::list(self.written.emit.iter().cloned())),
            ("keeps", self.keeps()),
            ("fields_kept", self.fields_kept()),
            ("bytes", self.bytes()),
            ("budget", self.budget()),
            ("saccules", self.saccules()),
        ]);
        Report::Map(report)
    }

    /// What its events meet first.
    fn saccules(&self) -> Report {
        let saccules = self.domain.saccules.iter();
        let before = saccules.filter(|saccule| saccule.stands_before(self.program));
        Report::list(before.map(|saccule| saccule.name.to_string()))
    }

    fn atoms(&self) -> Report {
        let atom = |(number, written): (usize, &WrittenAtom)| {
            let mut atom = vec![
                ("number", (number as u64 + 1).into()),
                ("name", written.name.as_str().into()),
                ("type", written.event_type.as_str().into()),
                ("axon", written.axon.as_str().into()),
                ("condition", written.predicate.as_str().into()),
            ];
            match &written.weight {
                Some(weight) => atom.push(("weight", weight.as_str().into())),
                None => atom.push(("takes", written.takes.as_str().into())),
            }
            atom.push(("role", self.role(number as u8).into()));
            Report::Map(atom)
        };
        Report::list(self.written.atoms.iter().enumerate().map(atom))
    }

    /// What becomes of an event that fits an atom.
    fn role(&self, atom: u8) -> String {
        let Kind::Match(rule) = &self.program.kind else {
            return "adds its weight to the level".into();
        };
        let absence = |absence: &&Absence| absence.atom == atom;
        if let Some(absence) = rule.absences.iter().find(absence) {
            return self.absence(absence.place);
        }
        let ends = rule.last & (1 << atom) != 0;
        if ends && waited(rule) & (1 << atom) != 0 {
            return "waits for the others or, as the last, for its deadline".into();
        }
        let waits = self.program.atoms[atom as usize].buffer.is_some();
        match (waits, ends) {
            (true, true) => "waits for the others, and can be the last",
            (true, false) => "waits for the others",
            (false, _) => "comes last: it is tried when it comes and never waits",
        }
        .into()
    }

    fn absence(&self, place: Gap) -> String {
        match place {
            Gap::Leading { after } => format!(
                "must not come in the {} before {}",
                duration(self.program.within),
                self.names(after, "or")
            ),
            Gap::Between { before, after } => format!(
                "must not come between {} and {}",
                self.names(before, "or"),
                self.names(after, "or")
            ),
            Gap::Trailing { before, wait } => format!(
                "must not come in the {} after {}, when the match ends",
                duration(wait),
                self.names(before, "or")
            ),
        }
    }

    fn names(&self, atoms: AtomSet, conjunction: &str) -> String {
        let name = |atom: u8| self.written.atoms[atom as usize].name.clone();
        joined(&members(atoms).map(name).collect::<Vec<_>>(), conjunction)
    }

    /// The types and axons whose events reach the rule, and which of the domain's axons these are.
    fn reads(&self) -> Report {
        let mut seen = Vec::new();
        let mut reads = Vec::new();
        for (written, atom) in self.written.atoms.iter().zip(&self.program.atoms) {
            let key = (&written.event_type, &written.axon);
            if seen.contains(&key) {
                continue;
            }
            seen.push(key);
            let matches = |name: &&[u8]| {
                let axon = atom.axon.as_ref();
                axon.is_none_or(|axon| axon.matches(name, short_name(name)))
            };
            let covered = || self.domain.axons().filter(matches);
            let listed = covered()
                .take(LISTED_AXONS)
                .map(|name| String::from_utf8_lossy(name).into_owned());
            let doubt = atom.axon.as_ref().and_then(|axon| doubt(self.domain, axon));
            reads.push(Report::Map(vec![
                ("type", written.event_type.as_str().into()),
                ("axon", written.axon.as_str().into()),
                ("axons_known", (covered().count() as u64).into()),
                ("axons", Report::list(listed)),
                ("doubt", doubt.unwrap_or_default().into()),
            ]));
        }
        Report::List(reads)
    }

    fn conditions(&self, rule: &Match) -> Report {
        let numbered = rule.conditions.iter().zip(&self.written.conditions);
        let condition = |(number, (condition, text)): (usize, (&Condition, &ast::Expr))| {
            let name = |atom: u8| self.written.atoms[atom as usize].name.as_str();
            Report::Map(vec![
                ("condition", text.to_string().into()),
                ("reads", Report::list(members(condition.atoms).map(name))),
                ("tested", self.tested(rule, number, condition).into()),
            ])
        };
        Report::list(numbered.enumerate().map(condition))
    }

    /// When a condition of WHERE is tested, as the matcher does it.
    fn tested(&self, rule: &Match, number: usize, condition: &Condition) -> String {
        let forward = rule.mirrored.is_some();
        if condition.atoms == 0 || forward && condition.atoms & rule.repeated != 0 {
            return "at the end".into();
        }
        let verb = if condition.atoms.count_ones() == 1 {
            "is"
        } else {
            "are"
        };
        let names = self.names(condition.atoms, "and");
        let mut when = format!("as soon as {names} {verb} known");
        if members(condition.atoms).any(|atom| rule.tree.can_do_without(atom)) {
            when.push_str(", at the end where one has no event");
        }
        let lookups = rule
            .lookups
            .iter()
            .filter(|lookup| lookup.condition == number)
            .filter(|lookup| !(forward && rule.repeated & (1 << lookup.other) != 0));
        let looked_up = set_of(lookups.map(|lookup| lookup.atom));
        if looked_up != 0 {
            let names = self.names(looked_up, "and");
            when.push_str(&format!("; {names} can be looked up by it"));
        }
        when
    }

    /// What can end a match.
    fn ends(&self, rule: &Match) -> Vec<String> {
        let mut ends: Vec<String> = members(rule.last & !waited(rule))
            .map(|atom| self.written.atoms[atom as usize].text.clone())
            .collect();
        for absence in &rule.absences {
            let Gap::Trailing { before, wait } = absence.place else {
                continue;
            };
            ends.push(format!(
                "{} after {}, if no {} comes",
                duration(wait),
                self.names(before, "or"),
                self.written.atoms[absence.atom as usize].text
            ));
        }
        ends
    }

    fn budget(&self) -> Report {
        let settings = self.settings;
        Report::Map(match &self.program.kind {
            Kind::Match(rule) => vec![
                ("steps_per_search", settings.match_budget.into()),
                (
                    "matches_per_trigger",
                    match rule.select {
                        Select::All => (settings.max_matches_per_trigger as u64).into(),
                        Select::Last | Select::First => 1.into(),
                    },
                ),
            ],
            Kind::Integrate(_) => vec![("sources", (settings.max_sources as u64).into())],
        })
    }
}

/// The atoms after whose events a match waits for its deadline.
fn waited(rule: &Match) -> AtomSet {
    let before = |absence: &Absence| match absence.place {
        Gap::Trailing { before, .. } => before,
        _ => 0,
    };
    rule.absences.iter().map(before).fold(0, |set, b| set | b)
}

fn select(select: Select) -> &'static str {
    match select {
        Select::Last => {
            "LAST: of the matches that end at one event, the one with the most recent partners"
        }
        Select::First => {
            "FIRST: of the matches that end at one event, the one with the oldest partners"
        }
        Select::All => "ALL: every match that ends at an event",
    }
}

/// How the matches that end with an event are found.
fn finds(rule: &Match) -> String {
    match &rule.automaton {
        Some(automaton) => format!(
            "the open matches that an event makes whole: they are kept, in {}",
            counted(automaton.kept() as u64, "state")
        ),
        None => "by a search from the event that ends a match".into(),
    }
}

fn consume(consume: Consume) -> &'static str {
    match consume {
        Consume::Matched => "MATCHED: a match's events can't be in another match of this rule",
        Consume::Partition => {
            "PARTITION: a match makes the rule forget everything of its partition"
        }
        Consume::None => "NONE: a match uses nothing up",
    }
}

fn limit(limit: Limit) -> String {
    format!(
        "{} in {}",
        counted(limit.count, "emission"),
        duration(limit.per)
    )
}

fn fires(rule: &Integrate) -> String {
    let mut fires = format!(
        "when the level is {} or more",
        format_number(rule.threshold)
    );
    if rule.from_axons > 1 {
        fires.push_str(&format!(", from {} axons or more", rule.from_axons));
    }
    if rule.refractory > 0 {
        let refractory = duration(rule.refractory);
        fires.push_str(&format!(", {refractory} or more after it last fired"));
    }
    fires
}

fn decay(rule: &Integrate) -> String {
    format!("to 37 % in {}", duration(rule.decay))
}

fn reset(rule: &Integrate) -> &'static str {
    match rule.reset {
        Reset::Zero => "ZERO: firing sets the level to 0",
        Reset::Subtract => "SUBTRACT: firing lowers the level by the threshold",
    }
}
