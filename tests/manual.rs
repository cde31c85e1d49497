//! The manual is kept true: each timeline of `docs/timelines.md` and `docs/coming-from.md` and each example of values
//! in `docs/rules.md` is given to the engine, and what comes out has to stand there; so is each saccule of `docs/saccules.md`.

use leaflet::engine::domain::{AddRule, DomainSpec, DEFAULT_DOMAIN};
use leaflet::engine::{Emission, Engine, EntryId, Event, Settings};

/// A picture: a rule, events on a time axis, and for each of the rule's variants what comes out when.
struct Timeline {
    /// The rule; `…` in it is where a variant's text goes.
    rule: String,
    /// The axis: place in the line and time, ms.
    axis: Vec<(usize, u64)>,
    /// Names of events, by their times.
    events: Vec<(u64, String)>,
    /// Fields of events: field, time, value.
    fields: Vec<(String, u64, String)>,
    /// A variant's text (`out` where there is one only), and the matches by their times.
    outputs: Vec<(String, Vec<(u64, String)>)>,
}

#[test]
fn every_picture_shows_what_the_engine_does() {
    let manual = [
        include_str!("../docs/timelines.md"),
        include_str!("../docs/coming-from.md"),
    ];
    let blocks = manual
        .iter()
        .flat_map(|page| page.split("```text\n").skip(1));
    let mut differences = Vec::new();
    let mut seen = 0;
    for block in blocks {
        let timeline = Timeline::read(block.split("```").next().unwrap_or_default());
        for (variant, expected) in &timeline.outputs {
            seen += 1;
            let rule = timeline.rule.replace('…', variant);
            match timeline.run(&rule) {
                Err(refusal) => differences.push(format!("{rule}\n  refused: {refusal}")),
                Ok(actual) if actual == *expected => {}
                Ok(actual) => differences.push(format!(
                    "{rule}\n  picture: {}\n  engine:  {}",
                    show(expected),
                    show(&actual)
                )),
            }
        }
    }
    assert!(seen >= 30, "only {seen} timelines found");
    let count = differences.len();
    assert!(
        differences.is_empty(),
        "{count} of {seen} differ\n\n{}\n",
        differences.join("\n")
    );
}

#[test]
fn every_expression_gives_what_the_table_says() {
    let manual = include_str!("../docs/rules.md");
    let (_, section) = manual
        .split_once("### NULL and numbers, by example\n")
        .expect("the section");
    let rows = section
        .lines()
        .take_while(|line| !line.starts_with('#'))
        .filter(|line| line.starts_with("| `"));
    let mut seen = 0;
    for row in rows {
        seen += 1;
        let mut columns = row.split('|').map(str::trim).skip(1);
        let mut next = || columns.next().unwrap_or_else(|| panic!("{row}"));
        let (expression, expected) = (next().trim_matches('`'), next());
        let actual = match evaluate(expression) {
            Some(value) if value == "true" => "TRUE".into(),
            Some(value) if value == "false" => "FALSE".into(),
            Some(value) => value,
            None => "NULL".into(),
        };
        assert_eq!(actual, expected, "{expression}");
    }
    assert!(seen >= 20, "only {seen} expressions found");
}

#[test]
fn every_saccule_does_what_the_page_says() {
    let manual = include_str!("../docs/saccules.md");
    let mut seen = 0;
    for block in manual.split("```text\n").skip(1) {
        let block = block.split("```").next().unwrap_or_default();
        let (saccule, lines) = block.split_once("\n\n").expect("a saccule, and events");
        for line in lines.lines() {
            seen += 1;
            let (event, expected) = line.split_once("->").expect("an event -> what it is then");
            let fields = |part: &str| -> Vec<(String, String)> {
                let words = part.trim().split("  ").filter(|word| !word.is_empty());
                let pairs = words.map(|word| word.trim().split_once('=').expect("field=text"));
                pairs
                    .map(|(field, text)| (field.into(), text.into()))
                    .collect()
            };
            let expected = expected.trim();
            let asked = match expected.contains('=') {
                true => fields(expected),
                false => Vec::new(),
            };
            let found = sifted(saccule, fields(event), asked);
            assert_eq!(found, expected, "{saccule}\n{line}");
        }
    }
    assert!(seen >= 20, "only {seen} events found");
}

/// What a saccule leaves of an event, in the order in which it is asked for, or what else becomes of it.
fn sifted(saccule: &str, fields: Vec<(String, String)>, asked: Vec<(String, String)>) -> String {
    let mut engine = Engine::new(Settings::default());
    let spec = DomainSpec {
        rejected: Some("rejected".into()),
        ..DomainSpec::new("sifting", 0)
    };
    engine.create_domain(spec).expect("a domain");
    // All fields that the event has had or is said to have.
    let mut names: Vec<&String> = asked.iter().map(|(name, _)| name).collect();
    let typed = fields
        .iter()
        .any(|(name, _)| name == "type" || name == "kind");
    for (name, _) in &fields {
        if !names.contains(&name) && name != "type" {
            names.push(name);
        }
    }
    let shown: Vec<String> = names
        .iter()
        .map(|name| format!("\"{name} is\" = e.\"{name}\""))
        .collect();
    let emit = match shown.is_empty() {
        true => String::new(),
        false => format!(" EMIT {}", shown.join(", ")),
    };
    let rule = format!("MATCH ANY AS e WITHIN 1s{emit}");
    let added = engine.add_rule("sifting", "r", &rule, AddRule::default());
    added.unwrap_or_else(|refusal| panic!("{rule}: {refusal}"));
    let added = engine.add_saccule("sifting", "s", saccule, None, false);
    added.unwrap_or_else(|refusal| panic!("{saccule}: {refusal}"));
    let mut pairs: Vec<(&[u8], &[u8])> = fields
        .iter()
        .map(|(n, t)| (n.as_bytes(), t.as_bytes()))
        .collect();
    if !typed {
        pairs.push((b"type", b"A"));
    }
    let event = Event {
        key: b"stream:axon_1",
        id: EntryId { ms: 1, seq: 0 },
        fields: &pairs,
        hops: 0,
    };
    let mut out = Vec::new();
    let route = engine.route(0, event.key).expect("an axon");
    engine.on_event(route, &event, &mut out);
    let out: Vec<&Emission> = out
        .iter()
        .filter(|emission| *emission.domain == *"sifting")
        .collect();
    let Some(emission) = out.first() else {
        return "skipped".into();
    };
    let texts = emission
        .fields
        .iter()
        .map(|(name, text)| (name, String::from_utf8_lossy(text)));
    if emission.dead_letter {
        let (_, reason) = emission.fields.last().expect("a reason");
        let reason = String::from_utf8_lossy(reason);
        return format!("rejected: {reason}");
    }
    let own =
        texts.filter_map(|(name, text)| Some(format!("{}={text}", name.strip_suffix(" is")?)));
    own.collect::<Vec<_>>().join("  ")
}

/// What an expression over the table's event gives.
fn evaluate(expression: &str) -> Option<String> {
    let mut engine = Engine::new(Settings::default());
    let rule = format!("MATCH A AS a WITHIN 1s EMIT it = {expression}");
    engine
        .add_rule(DEFAULT_DOMAIN, "r", &rule, AddRule::default())
        .unwrap_or_else(|refusal| panic!("{rule}: {refusal}"));
    let texts = [
        ("type", "A"),
        ("n", "10"),
        ("i", "9"),
        ("m", "2.50"),
        ("t", "ten"),
        ("e", ""),
    ];
    let event = Event {
        key: b"stream:axon_a",
        id: EntryId { ms: 1, seq: 0 },
        fields: &texts.map(|(name, value)| (name.as_bytes(), value.as_bytes())),
        hops: 0,
    };
    let mut out = Vec::new();
    let route = engine.route(0, event.key).expect("an axon");
    engine.on_event(route, &event, &mut out);
    let fields = &out.first().expect("a match").fields;
    let (_, value) = fields.iter().find(|(name, _)| name == "it")?;
    Some(String::from_utf8_lossy(value).into_owned())
}

impl Timeline {
    fn read(block: &str) -> Self {
        let (rule, picture) = block.split_once("\n\n").expect("a rule, and a picture");
        let mut lines = picture.lines();
        let header = lines.next().expect("the line of the seconds");
        assert!(header.starts_with("seconds "), "{header}");
        let words = groups(header, 0);
        let axis: Vec<(usize, u64)> = words[1..]
            .iter()
            .map(|(place, word)| (*place, 1_000 * word.parse::<u64>().expect("a whole second")))
            .collect();
        let first = axis.first().expect("a second").0;
        let mut timeline = Self {
            rule: rule.into(),
            axis,
            events: Vec::new(),
            fields: Vec::new(),
            outputs: Vec::new(),
        };
        for line in lines.filter(|line| !line.trim().is_empty()) {
            let label: String = line.chars().take(first).collect();
            let label = label.trim();
            let cells = timeline.cells(line, first);
            let is_field = label.chars().all(|c| c.is_ascii_lowercase());
            match label {
                "events" => timeline.events = cells,
                "out" => timeline.outputs.push((String::new(), cells)),
                // A remark.
                _ if label.starts_with('(') => {}
                _ if is_field => timeline.fields.extend(
                    cells
                        .into_iter()
                        .map(|(time, value)| (label.to_string(), time, value)),
                ),
                variant => {
                    assert!(
                        timeline.rule.contains('…'),
                        "no place for {variant}: {rule}"
                    );
                    timeline.outputs.push((variant.into(), cells));
                }
            }
        }
        timeline
    }

    /// What stands in a line, by the times it stands under. Of matches with commas between, each by itself.
    fn cells(&self, line: &str, first: usize) -> Vec<(u64, String)> {
        let mut cells = Vec::new();
        for (place, group) in groups(line, first) {
            let under = self.axis.iter().find(|(second, _)| *second == place);
            let (_, time) = under.unwrap_or_else(|| panic!("'{group}' is under no second: {line}"));
            cells.extend(group.split(", ").map(|cell| (*time, cell.to_string())));
        }
        cells
    }

    /// The matches that the engine finds, by their times, in their order.
    fn run(&self, rule: &str) -> Result<Vec<(u64, String)>, leaflet::engine::Error> {
        let mut engine = Engine::new(Settings::default());
        engine.add_rule(DEFAULT_DOMAIN, "r", rule, AddRule::default())?;
        let mut out = Vec::new();
        let mut feed = |time: u64, name: &str, fields: &[(&[u8], &[u8])]| {
            let kind: String = name.chars().take_while(|c| c.is_alphabetic()).collect();
            let event_type = kind.to_uppercase();
            let key = format!("stream:axon_{kind}");
            let own = [
                (&b"type"[..], event_type.as_bytes()),
                (&b"event_id"[..], name.as_bytes()),
            ];
            let event = Event {
                key: key.as_bytes(),
                id: EntryId { ms: time, seq: 0 },
                fields: &[&own, fields].concat(),
                hops: 0,
            };
            let route = engine.route(0, event.key).expect("an axon");
            engine.on_event(route, &event, &mut out);
        };
        for (time, name) in &self.events {
            let fields: Vec<(&[u8], &[u8])> = self
                .fields
                .iter()
                .filter(|(_, at, _)| at == time)
                .map(|(field, _, value)| (field.as_bytes(), value.as_bytes()))
                .collect();
            feed(*time, name, &fields);
        }
        // Later than all deadlines, which it thereby meets.
        feed(1_000_000, "end", &[]);
        Ok(out.iter().map(|emission| self.shown(emission)).collect())
    }

    fn shown(&self, emission: &Emission) -> (u64, String) {
        let field = |wanted: &str| {
            let found = emission.fields.iter().find(|(name, _)| name == wanted);
            String::from_utf8_lossy(&found.expect("a field of the schema").1).into_owned()
        };
        let timestamp: jiff::Timestamp = field("timestamp").parse().expect("RFC 3339");
        let time = u64::try_from(timestamp.as_millisecond()).expect("a time after 1970");
        let sources: Vec<String> =
            serde_json::from_str(&field("source_events")).expect("a JSON array");
        (time, sources.join(" "))
    }
}

/// The texts of a line from a place on that have two blanks or more between them, with their places.
fn groups(line: &str, from: usize) -> Vec<(usize, String)> {
    let mut groups: Vec<(usize, String)> = Vec::new();
    let mut end = None;
    for (place, c) in line.chars().enumerate().skip(from) {
        if c == ' ' {
            continue;
        }
        match groups.last_mut() {
            Some((_, group)) if end.is_some_and(|end| place <= end + 2) => {
                if end.is_some_and(|end| place == end + 2) {
                    group.push(' ');
                }
                group.push(c);
            }
            _ => groups.push((place, c.into())),
        }
        end = Some(place);
    }
    groups
}

fn show(matches: &[(u64, String)]) -> String {
    let seconds = |ms: u64| ms as f64 / 1_000.0;
    let each = matches
        .iter()
        .map(|(time, sources)| format!("{} at {}", sources, seconds(*time)));
    let shown = each.collect::<Vec<_>>().join(", ");
    if shown.is_empty() {
        "nothing".into()
    } else {
        shown
    }
}
