//! The rules of `examples/rules`: each is read, fed its input and compared with the integrated events that its
//! author expects. The engine alone does this, without a server.

use std::collections::HashMap;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::output::{format_time, SCHEMA};
use leaflet::engine::{rule, Emission, Engine, EntryId, Event, Settings};

/// A rule file and what stands beside it.
struct Example {
    name: String,
    rule: String,
    input: Vec<Entry>,
    expected: Vec<Integrated>,
}

/// One `XADD key id field value …` of an input.
struct Entry {
    key: String,
    id: EntryId,
    fields: Vec<(String, String)>,
}

/// One line of an expected output: `timestamp | sources | field=value …`.
#[derive(Debug, Clone, PartialEq)]
struct Integrated {
    timestamp: String,
    sources: Vec<String>,
    /// `integrated_value` and `confidence`, where they are of interest, and the rule's own fields.
    fields: Vec<(String, String)>,
}

#[test]
fn each_rule_finds_what_its_author_expects() {
    let mut report = String::new();
    let mut failed = 0;
    for example in examples() {
        let name = &example.name;
        match run(&example) {
            Err(refusal) => {
                failed += 1;
                report.push_str(&format!("{name}: refused: {refusal}\n"));
            }
            Ok(actual) => {
                let differences = differences(&example.expected, &actual);
                if differences.is_empty() {
                    report.push_str(&format!("{name}: as expected\n"));
                } else {
                    failed += 1;
                    report.push_str(&format!("{name}: (-) missing, (+) not expected\n"));
                    for line in differences {
                        report.push_str(&format!("  {line}\n"));
                    }
                }
            }
        }
    }
    assert!(failed == 0, "{failed} rules failed\n\n{report}");
}

#[test]
fn the_canonical_text_of_each_rule_is_stable() {
    for Example { name, rule, .. } in examples() {
        let read = |text: &str| rule::parse(text).unwrap_or_else(|e| panic!("{name}: {text}: {e}"));
        let canonical = read(&rule).to_string();
        assert_eq!(read(&canonical).to_string(), canonical, "{name}");
    }
}

#[test]
fn redis_would_take_each_input() {
    for Example { name, input, .. } in examples() {
        let events = input.len();
        assert!((8..=20).contains(&events), "{name}: {events} events");
        let mut last: HashMap<&str, EntryId> = HashMap::new();
        for Entry { key, id, fields } in &input {
            let place = format!("{name}: {key} {id}");
            let before = last.insert(key, *id);
            assert!(before.is_none_or(|before| before < *id), "{place}: its id");
            let (_, timestamp) = fields
                .iter()
                .find(|(field, _)| field == "timestamp")
                .unwrap_or_else(|| panic!("{place}: no timestamp"));
            let time = format_time(id.ms).replace(".000Z", "Z");
            assert_eq!(*timestamp, time, "{place}: its timestamp is not its id's");
        }
    }
}

#[test]
fn the_table_has_each_rule_and_the_folder_nothing_else() {
    let table = read(&folder().join("README.md"));
    let names: Vec<String> = examples().into_iter().map(|example| example.name).collect();
    for name in &names {
        let line = format!("| [`{name}`]({name}.rule) |");
        assert!(table.contains(&line), "README.md lacks: {line}");
    }
    for file in files() {
        let known = [".rule", ".in.txt", ".out.txt"]
            .iter()
            .any(|end| names.iter().any(|name| file == format!("{name}{end}")));
        assert!(known || file == "README.md", "what is {file}?");
    }
}

/// Feeds an example's input to an engine with its rule alone.
fn run(example: &Example) -> Result<Vec<Integrated>, leaflet::engine::Error> {
    let mut engine = Engine::new(Settings::default());
    let how = AddRule::default();
    engine.add_rule(DEFAULT_DOMAIN, &example.name, &example.rule, how)?;
    let mut emissions = Vec::new();
    for entry in &example.input {
        let fields: Vec<(&[u8], &[u8])> = entry
            .fields
            .iter()
            .map(|(name, value)| (name.as_bytes(), value.as_bytes()))
            .collect();
        let event = Event {
            key: entry.key.as_bytes(),
            id: entry.id,
            fields: &fields,
            hops: 0,
        };
        let route = engine
            .route(0, event.key)
            .unwrap_or_else(|| panic!("{}: {} is no axon", example.name, entry.key));
        engine.on_event(route, &event, &mut emissions);
    }
    Ok(emissions.iter().map(Integrated::emitted).collect())
}

impl Integrated {
    fn emitted(emission: &Emission) -> Self {
        let text = |value: &[u8]| String::from_utf8_lossy(value).into_owned();
        let field = |wanted: &str| {
            let found = emission.fields.iter().find(|(name, _)| name == wanted);
            text(&found.unwrap_or_else(|| panic!("no {wanted}")).1)
        };
        let of_interest = |name: &str| {
            ["integrated_value", "confidence"].contains(&name) || !SCHEMA.contains(&name)
        };
        Self {
            timestamp: field("timestamp"),
            sources: serde_json::from_str(&field("source_events")).expect("a JSON array"),
            fields: emission
                .fields
                .iter()
                .filter(|(name, _)| of_interest(name))
                .map(|(name, value)| (name.to_string(), text(value)))
                .collect(),
        }
    }

    /// Is this what was expected? The fields of the schema count only where the expected line names them.
    fn fits(&self, expected: &Self) -> bool {
        let fields = self.fields.iter().filter(|(name, _)| {
            !SCHEMA.contains(&name.as_str()) || expected.fields.iter().any(|(e, _)| e == name)
        });
        self.timestamp == expected.timestamp
            && self.sources == expected.sources
            && fields.eq(&expected.fields)
    }
}

impl fmt::Display for Integrated {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} | {} |", self.timestamp, self.sources.join(" "))?;
        for (name, value) in &self.fields {
            if value.contains([' ', '"', '\'']) || value.is_empty() {
                write!(f, " {name}={value:?}")?;
            } else {
                write!(f, " {name}={value}")?;
            }
        }
        Ok(())
    }
}

/// The lines that only one of the two has, in their order; none where all fit.
fn differences(expected: &[Integrated], actual: &[Integrated]) -> Vec<String> {
    // The length of the longest common part of the rests that begin at (e, a).
    let mut common = vec![vec![0; actual.len() + 1]; expected.len() + 1];
    for e in (0..expected.len()).rev() {
        for a in (0..actual.len()).rev() {
            common[e][a] = if actual[a].fits(&expected[e]) {
                1 + common[e + 1][a + 1]
            } else {
                common[e + 1][a].max(common[e][a + 1])
            };
        }
    }
    let (mut e, mut a) = (0, 0);
    let mut lines = Vec::new();
    while e < expected.len() || a < actual.len() {
        if e < expected.len() && a < actual.len() && actual[a].fits(&expected[e]) {
            (e, a) = (e + 1, a + 1);
        } else if a == actual.len() || e < expected.len() && common[e + 1][a] >= common[e][a + 1] {
            lines.push(format!("- {}", expected[e]));
            e += 1;
        } else {
            lines.push(format!("+ {}", actual[a]));
            a += 1;
        }
    }
    lines
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/rules")
}

/// The names of the files in the folder, sorted.
fn files() -> Vec<String> {
    let mut files: Vec<String> = fs::read_dir(folder())
        .expect("examples/rules can be read")
        .map(|file| file.expect("a file").file_name().to_string_lossy().into())
        .collect();
    files.sort();
    files
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

fn examples() -> Vec<Example> {
    let example = |name: &str| {
        let beside = |end: &str| read(&folder().join(format!("{name}{end}")));
        Example {
            name: name.to_string(),
            rule: beside(".rule"),
            input: lines(&beside(".in.txt")).map(entry).collect(),
            expected: lines(&beside(".out.txt")).map(integrated).collect(),
        }
    };
    let examples: Vec<Example> = files()
        .iter()
        .filter_map(|file| file.strip_suffix(".rule"))
        .map(example)
        .collect();
    assert!(examples.len() >= 10, "only {} rules", examples.len());
    examples
}

/// The lines that are neither blank nor comments.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
}

/// Reads `XADD key id field value …`.
fn entry(line: &str) -> Entry {
    let mut words = words(line).into_iter();
    let mut next = |what: &str| words.next().unwrap_or_else(|| panic!("no {what}: {line}"));
    assert_eq!(next("command"), "XADD", "{line}");
    let key = next("key");
    let id = next("id");
    let id = id
        .split_once('-')
        .and_then(|(ms, seq)| Some((ms.parse().ok()?, seq.parse().ok()?)))
        .map(|(ms, seq)| EntryId { ms, seq })
        .unwrap_or_else(|| panic!("no entry id: {line}"));
    let rest: Vec<String> = words.collect();
    assert!(
        rest.len().is_multiple_of(2),
        "a field without a value: {line}"
    );
    let fields = rest
        .chunks(2)
        .map(|pair| (pair[0].clone(), pair[1].clone()))
        .collect();
    Entry { key, id, fields }
}

/// Reads `timestamp | sources | field=value …`.
fn integrated(line: &str) -> Integrated {
    let mut parts = line.splitn(3, '|').map(words);
    let mut next = || parts.next().unwrap_or_else(|| panic!("two bars: {line}"));
    Integrated {
        timestamp: next().concat(),
        sources: next(),
        fields: next()
            .iter()
            .map(|word| word.split_once('='))
            .map(|pair| pair.unwrap_or_else(|| panic!("field=value: {line}")))
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect(),
    }
}

/// Splits a line as redis-cli does: at blanks, with `"…"` and `'…'` kept together and a backslash for the next
/// character in them.
fn words(line: &str) -> Vec<String> {
    let mut words = Vec::new();
    let mut word: Option<String> = None;
    let mut quote = None;
    let mut characters = line.chars();
    while let Some(c) = characters.next() {
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some(_), '\\') => word.get_or_insert_default().extend(characters.next()),
            (None, '"' | '\'') => {
                quote = Some(c);
                word.get_or_insert_default();
            }
            (None, c) if c.is_whitespace() => words.extend(word.take()),
            (_, c) => word.get_or_insert_default().push(c),
        }
    }
    assert!(quote.is_none(), "a quote that is not closed: {line}");
    words.extend(word);
    words
}
