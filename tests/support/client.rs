//! A connection that speaks in short words, and fails the test with the command and the reply.

use redis::{Connection, Value};
use std::collections::BTreeMap;

/// One entry of a stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub id: String,
    pub fields: Vec<(String, String)>,
}

impl Entry {
    /// A field's value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.fields
            .iter()
            .find(|(field, _)| field == name)
            .map(|(_, value)| value.as_str())
    }

    /// The event ids of the sources, with blanks between.
    pub fn sources(&self) -> String {
        let json = self.get("source_events").expect("source_events");
        let ids: Vec<String> = serde_json::from_str(json).expect("a JSON array of texts");
        ids.join(" ")
    }
}

/// A connection to a server.
pub struct Client {
    connection: Connection,
}

impl Client {
    /// Connects with RESP2, or as the address says.
    pub fn connect(url: &str) -> Self {
        let connection = redis::Client::open(url)
            .and_then(|client| client.get_connection_with_timeout(super::server::PATIENCE))
            .unwrap_or_else(|error| panic!("{url}: {error}"));
        connection
            .set_read_timeout(Some(super::server::PATIENCE))
            .expect("a read timeout");
        Self { connection }
    }

    /// The reply, or the server's error line.
    pub fn try_call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Result<Value, String> {
        let mut command = redis::Cmd::new();
        for arg in args {
            command.arg(arg.as_ref());
        }
        command
            .query(&mut self.connection)
            .map_err(|error| match error.code() {
                Some(code) => format!("{code} {}", error.detail().unwrap_or_default()),
                None => format!("not an error reply: {error}"),
            })
    }

    /// The reply of a command that has to succeed.
    pub fn call<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Value {
        self.try_call(args)
            .unwrap_or_else(|error| panic!("{}: {error}", shown(args)))
    }

    /// A pipeline all of whose commands have to succeed.
    pub fn pipeline(&mut self, commands: &redis::Pipeline) {
        commands
            .exec(&mut self.connection)
            .unwrap_or_else(|error| panic!("a pipeline: {error}"));
    }

    /// A command that has to reply OK.
    pub fn ok<A: AsRef<[u8]>>(&mut self, args: &[A]) {
        assert_eq!(self.call(args), Value::Okay, "{}", shown(args));
    }

    /// The error line of a command that has to be refused.
    pub fn refused<A: AsRef<[u8]>>(&mut self, args: &[A]) -> String {
        match self.try_call(args) {
            Err(error) => error,
            Ok(reply) => panic!("{} was not refused: {reply:?}", shown(args)),
        }
    }

    /// A command that has to be refused with exactly this line.
    pub fn refused_with<A: AsRef<[u8]>>(&mut self, args: &[A], line: &str) {
        assert_eq!(self.refused(args), line, "{}", shown(args));
    }

    /// A command that has to be refused with a line of Leaflet's that holds this phrase.
    pub fn refused_about<A: AsRef<[u8]>>(&mut self, args: &[A], phrase: &str) {
        let line = self.refused(args);
        assert!(
            line.starts_with("ERR LEAFLET: ") && line.contains(phrase),
            "{}: expected 'ERR LEAFLET: … {phrase} …', got '{line}'",
            shown(args)
        );
    }

    /// A reply that is text.
    pub fn text<A: AsRef<[u8]>>(&mut self, args: &[A]) -> String {
        text(&self.call(args))
    }

    /// A reply that is a whole number.
    pub fn int<A: AsRef<[u8]>>(&mut self, args: &[A]) -> i64 {
        match self.call(args) {
            Value::Int(number) => number,
            other => panic!("{}: expected a number, got {other:?}", shown(args)),
        }
    }

    /// A reply that is a map (RESP3) or an array of names and values (RESP2), in its order.
    pub fn fields<A: AsRef<[u8]>>(&mut self, args: &[A]) -> Vec<(String, Value)> {
        fields(&self.call(args))
    }

    /// The same as texts, to look up by name.
    pub fn map<A: AsRef<[u8]>>(&mut self, args: &[A]) -> BTreeMap<String, String> {
        self.fields(args)
            .iter()
            .map(|(name, value)| (name.clone(), text(value)))
            .collect()
    }

    /// All entries of a stream.
    pub fn entries(&mut self, key: &str) -> Vec<Entry> {
        let Value::Array(entries) = self.call(&["XRANGE", key, "-", "+"]) else {
            panic!("{key} is no stream");
        };
        entries.iter().map(entry).collect()
    }

    /// One section of INFO, by name.
    pub fn info(&mut self, section: &str) -> BTreeMap<String, String> {
        self.text(&["INFO", section])
            .lines()
            .filter_map(|line| line.split_once(':'))
            .map(|(name, value)| (name.to_string(), value.to_string()))
            .collect()
    }

    /// Waits until this holds.
    pub fn wait_until(&mut self, what: &str, mut holds: impl FnMut(&mut Self) -> bool) {
        let start = std::time::Instant::now();
        while !holds(self) {
            assert!(
                start.elapsed() < super::server::PATIENCE,
                "waited in vain: {what}"
            );
            std::thread::sleep(std::time::Duration::from_millis(10));
        }
    }
}

/// A reply as text: strings as they are, numbers as written, lists as their members' texts with blanks between.
pub fn text(value: &Value) -> String {
    match value {
        Value::Nil => String::new(),
        Value::Okay => "OK".into(),
        Value::Int(number) => number.to_string(),
        Value::Double(number) => number.to_string(),
        Value::Boolean(truth) => truth.to_string(),
        Value::SimpleString(text) | Value::VerbatimString { text, .. } => text.clone(),
        Value::BulkString(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Array(items) | Value::Set(items) => {
            items.iter().map(text).collect::<Vec<_>>().join(" ")
        }
        other => panic!("no text: {other:?}"),
    }
}

/// The names and values of a map reply of either protocol.
pub fn fields(value: &Value) -> Vec<(String, Value)> {
    match value {
        Value::Map(pairs) => pairs
            .iter()
            .map(|(name, value)| (text(name), value.clone()))
            .collect(),
        Value::Array(items) => {
            assert!(items.len() % 2 == 0, "not names and values: {items:?}");
            items
                .chunks(2)
                .map(|pair| (text(&pair[0]), pair[1].clone()))
                .collect()
        }
        other => panic!("no map: {other:?}"),
    }
}

/// The members of an array reply.
pub fn items(value: Value) -> Vec<Value> {
    match value {
        Value::Array(items) | Value::Set(items) => items,
        other => panic!("no array: {other:?}"),
    }
}

fn entry(value: &Value) -> Entry {
    match value {
        Value::Array(parts) if parts.len() == 2 => Entry {
            id: text(&parts[0]),
            fields: fields(&parts[1])
                .into_iter()
                .map(|(name, value)| (name, text(&value)))
                .collect(),
        },
        other => panic!("no stream entry: {other:?}"),
    }
}

fn shown<A: AsRef<[u8]>>(args: &[A]) -> String {
    let words: Vec<String> = args
        .iter()
        .map(|arg| {
            let shown: String = String::from_utf8_lossy(arg.as_ref())
                .chars()
                .take(80)
                .collect();
            format!("{shown:?}")
        })
        .collect();
    words[..words.len().min(20)].join(" ")
}
