//! Domains as they are defined and described.

use std::rc::Rc;

use serde::{Deserialize, Serialize};

use super::event::EntryId;
use super::field::FieldRef;
pub use super::history::Retired;
use super::time::TimeSource;
use super::{glob, Error, Result};

/// The name of the domain that exists from the start.
pub const DEFAULT_DOMAIN: &str = "default";

/// How an integrated event lists its sources.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub enum SourcesFormat {
    /// A JSON array of event ids.
    #[default]
    Json,
    /// The event ids with commas between.
    Csv,
}

impl SourcesFormat {
    /// The keyword: `JSON` or `CSV`.
    pub fn keyword(self) -> &'static str {
        match self {
            Self::Json => "JSON",
            Self::Csv => "CSV",
        }
    }
}

/// A domain's definition: what `LEAFLET.DOMAIN.CREATE` takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainSpec {
    pub name: String,
    /// Globs on an axon's key without its tag.
    pub axons: Vec<String>,
    /// The output's key; `{}` in it is where a leaflet's tag goes, else the tag is appended.
    pub output: String,
    /// Trim the output to this many entries.
    pub maxlen: Option<u64>,
    pub sources: SourcesFormat,
    #[serde(default)]
    pub time: TimeSource,
    /// The stream that is told of events which saccules reject, in the form of the output's key.
    #[serde(default)]
    pub rejected: Option<String>,
    /// The database the domain works in.
    pub db: i32,
}

impl DomainSpec {
    /// A domain of this name with the default axons (`stream:axon_*`) and output (`stream:integrated_events`).
    pub fn new(name: impl Into<String>, db: i32) -> Self {
        Self {
            name: name.into(),
            axons: vec!["stream:axon_*".into()],
            output: "stream:integrated_events".into(),
            maxlen: None,
            sources: SourcesFormat::Json,
            time: TimeSource::Id,
            rejected: None,
            db,
        }
    }
}

/// The longest name of a domain, rule or saccule, glob or output, in bytes.
pub(super) const MAX_NAME: usize = 1_024;

/// Is this a name for a domain, a rule or a saccule? Any text without control characters is.
pub(super) fn check_name(what: &str, name: &str) -> Result<()> {
    if name.is_empty() {
        Err(Error::new(format!("the name of a {what} can't be empty")))
    } else if name.len() > MAX_NAME {
        Err(Error::new(format!(
            "the name of a {what} can have at most {MAX_NAME} bytes, found {}",
            name.len()
        )))
    } else if name.chars().any(char::is_control) {
        Err(Error::new(format!(
            "the name of a {what} can't hold control characters"
        )))
    } else {
        Ok(())
    }
}

impl DomainSpec {
    /// Is the stream of this name (its key without the tag) one of the domain's axons?
    pub fn watches(&self, name: &[u8]) -> bool {
        let mut globs = self.axons.iter();
        globs.any(|axon| glob::matches(axon.as_bytes(), name))
    }

    /// Has an output of the domain this name (its key without the tag)?
    pub fn writes_to(&self, name: &[u8]) -> bool {
        let (head, tail) = self.output.split_once("{}").unwrap_or((&self.output, ""));
        let tail = name
            .strip_prefix(head.as_bytes())
            .map(|rest| rest == tail.as_bytes());
        tail == Some(true)
    }

    /// The most globs a domain can have.
    const MAX_AXONS: usize = 256;

    /// The definition as text, for records.
    pub(super) fn describe(&self) -> String {
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Where the time of events stands, if it is a field.
    pub(super) fn time_field(&self) -> Option<FieldRef> {
        let TimeSource::Field { field, .. } = &self.time else {
            return None;
        };
        let segments: Vec<String> = field.split('.').map(String::from).collect();
        Some(FieldRef::new(&segments))
    }

    /// Is this the key of a stream that the domain can write to? Its name without a tag.
    fn check_written(&self, option: &str, what: &str, key: &str) -> Result<String> {
        if key.is_empty() || key.len() > MAX_NAME {
            return Err(Error::new(format!(
                "the key of {option} has 1 to {MAX_NAME} bytes, found {}",
                key.len()
            )));
        }
        let untagged = key.replacen("{}", "", 1);
        if untagged.contains(['{', '}']) {
            return Err(Error::new(format!(
                "{option} can hold {{}} once, where the tag goes, and no other braces"
            )));
        }
        let mut axons = self.axons.iter();
        match axons.find(|axon| glob::matches(axon.as_bytes(), untagged.as_bytes())) {
            None => Ok(untagged),
            Some(axon) => Err(Error::new(format!(
                "{what} '{key}' would be one of the domain's own axons ('{axon}')"
            ))),
        }
    }

    /// Does the definition make sense?
    pub(super) fn check(&self) -> Result<()> {
        check_name("domain", &self.name)?;
        if self.axons.is_empty() || self.axons.len() > Self::MAX_AXONS {
            return Err(Error::new(format!(
                "expected 1 to {} globs after AXONS, found {}",
                Self::MAX_AXONS,
                self.axons.len()
            )));
        }
        if let Some(axon) = self
            .axons
            .iter()
            .find(|axon| axon.is_empty() || axon.len() > MAX_NAME)
        {
            return Err(Error::new(format!(
                "globs of AXONS have 1 to {MAX_NAME} bytes, found {}",
                axon.len()
            )));
        }
        let output = self.check_written("OUTPUT", "output", &self.output)?;
        if let Some(rejected) = &self.rejected {
            if self.check_written("REJECTED", "stream", rejected)? == output {
                let why = "REJECTED must be another stream than OUTPUT";
                return Err(Error::new(why));
            }
        }
        if let TimeSource::Field { field, .. } = &self.time {
            if field.len() > MAX_NAME || field.split('.').any(str::is_empty) {
                return Err(Error::new(format!(
                    "expected a field after TIME FIELD, as in rules: ts or metadata.at, found '{field}'"
                )));
            }
        }
        if self.maxlen == Some(0) {
            return Err(Error::new("MAXLEN must be at least 1"));
        }
        Ok(())
    }
}

/// What `LEAFLET.DOMAIN.INFO` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DomainInfo {
    pub spec: DomainSpec,
    pub rules: u64,
    pub leaflets: u64,
    pub partitions: u64,
    pub window_events: u64,
    pub window_bytes: u64,
    pub saccules: u64,
    pub events_rejected: u64,
    /// The saccules that have rejected events, why, and how many.
    pub rejections: Vec<(Rc<str>, Rc<str>, u64)>,
}

/// What `LEAFLET.SACCULE.LIST` shows of each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SacculeInfo {
    pub name: String,
    pub domain: String,
    /// The canonical text.
    pub text: String,
    /// The glob on its axons; empty: all.
    pub axon: String,
    /// Events that came to it.
    pub seen: u64,
    pub skipped: u64,
    pub rejected: u64,
    /// Why it has rejected events, and how many.
    pub reasons: Vec<(Rc<str>, u64)>,
}

/// What `LEAFLET.RULE.GET` shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RuleInfo {
    pub name: String,
    pub domain: String,
    /// The canonical text.
    pub text: String,
    pub paused: bool,
    pub matches: u64,
    pub emitted: u64,
    pub limited: u64,
    pub window_events: u64,
    pub partitions: u64,
}

/// How a rule is added.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct AddRule {
    /// Take the place of a rule of the same name.
    pub replace: bool,
    /// Start paused.
    pub paused: bool,
}

/// Everything that was defined, in the order it was defined: enough to define it again.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Definitions {
    pub domains: Vec<DomainDefinition>,
    /// What rules read before, the oldest first.
    #[serde(default)]
    pub retired: Vec<Retired>,
}

impl Definitions {
    /// The same without what they remember of the past.
    pub fn without_past(&self) -> Self {
        let mut definitions = self.clone();
        definitions.retired.clear();
        for domain in &mut definitions.domains {
            domain.rebuilding = false;
            let rules = domain.rules.iter_mut().map(|rule| &mut rule.sees_from);
            let saccules = domain
                .saccules
                .iter_mut()
                .map(|saccule| &mut saccule.sees_from);
            rules.chain(saccules).for_each(|from| *from = None);
        }
        definitions
    }
}

/// A domain, its rules and its saccules.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainDefinition {
    pub spec: DomainSpec,
    pub rules: Vec<RuleDefinition>,
    /// In the order in which events meet them.
    #[serde(default)]
    pub saccules: Vec<SacculeDefinition>,
    /// Its windows are being filled anew from the streams, and what they hold is worth nothing.
    #[serde(default)]
    pub rebuilding: bool,
}

/// A rule's definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleDefinition {
    pub name: String,
    /// The canonical text.
    pub text: String,
    pub paused: bool,
    /// How many texts it has had, this one included.
    #[serde(default = "first")]
    pub version: u64,
    /// The first entry id it saw since it was added, resumed or reset; `None`: nothing has come since.
    #[serde(default = "always")]
    pub sees_from: Option<EntryId>,
}

/// A saccule's definition.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SacculeDefinition {
    pub name: String,
    /// The canonical text.
    pub text: String,
    /// The glob on its axons; `None`: all.
    pub axon: Option<String>,
    /// The first entry id it saw since it was added; `None`: nothing has come since.
    #[serde(default = "always")]
    pub sees_from: Option<EntryId>,
}

/// What older versions saved does not say.
fn always() -> Option<EntryId> {
    Some(EntryId::MIN)
}

/// What older versions saved does not say; each text is the first that is known then.
fn first() -> u64 {
    1
}
