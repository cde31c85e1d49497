//! The shorthand for what is usually asked of events, in the words of JSON Schema: `{"required":["user"], …}` becomes
//! REQUIRE statements.
//!
//! As in JSON Schema, what is asked of a field is asked where it is there; `required` says that it has to be. Fields
//! of events are texts: a number is a text that reads as one, and every text is a string.

use std::fmt;

use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::Deserialize;

use super::ast::{BinaryOp, Column, Expr, Function, Path};
use super::print::shown;
use super::statement::{Saccule, Statement};
use super::words::nearest;
use crate::engine::error::{Error, Result};
use crate::engine::value::format_number;

/// Schemas stand in schemas of objects up to so many deep.
const MAX_DEPTH: usize = 16;
/// So many of the values of an enumeration are named in its reason.
const NAMED: usize = 5;
/// The longest part of a name or a value that stands in a reason, in characters.
const MAX_SHOWN: usize = 40;

const KEYWORDS: [&str; 14] = [
    "type",
    "required",
    "properties",
    "enum",
    "const",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "$schema",
    "title",
    "description",
];

/// The statements of a schema.
///
/// # Errors
/// Where the text is no JSON, or something else than the schema of an object that this language can check.
pub(super) fn read(text: &str) -> Result<Saccule> {
    let schema: Schema = serde_json::from_str(text).map_err(|error| located(text, &error))?;
    let mut statements = Vec::new();
    if !matches!(schema.kind, None | Some(Kind::Object)) {
        return Err(Error::new("the schema of an event is one of an object"));
    }
    schema.statements(&mut Vec::new(), true, &mut statements)?;
    match statements.is_empty() {
        true => Err(Error::new("the schema asks for nothing")),
        false => Ok(Saccule { statements }),
    }
}

/// An error of the JSON reader, with its place in characters of the whole text.
fn located(text: &str, error: &serde_json::Error) -> Error {
    let message = error.to_string();
    let place = format!(" at line {} column {}", error.line(), error.column());
    let message = message.strip_suffix(&place).unwrap_or(&message);
    // What types are called elsewhere.
    let message = [
        ("f64", "a number"),
        ("u32", "a whole number"),
        ("a sequence", "a list"),
    ]
    .iter()
    .find_map(|(theirs, ours)| {
        let before = message.strip_suffix(theirs)?;
        before
            .ends_with("expected ")
            .then(|| format!("{before}{ours}"))
    })
    .unwrap_or_else(|| message.to_owned());
    let lines = text.split_inclusive('\n').take(error.line());
    let before: usize =
        lines.clone().map(str::len).sum::<usize>() - lines.last().map_or(0, str::len);
    let read = text
        .char_indices()
        .take_while(|(at, _)| *at < before + error.column());
    Error::at(Column(read.count().max(1) as u32), message)
}

#[derive(Debug, Default)]
struct Schema {
    kind: Option<Kind>,
    required: Vec<String>,
    properties: Vec<(String, Schema)>,
    values: Option<Vec<Scalar>>,
    least: Option<f64>,
    most: Option<f64>,
    above: Option<f64>,
    below: Option<f64>,
    shortest: Option<u32>,
    longest: Option<u32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Object,
    String,
    Number,
    Integer,
    Boolean,
}

/// What a field can be compared with.
#[derive(Debug)]
enum Scalar {
    Text(String),
    Number(f64),
    Bool(bool),
}

impl Schema {
    /// Adds what is asked of the field at this path, or of the event.
    fn statements(
        &self,
        path: &mut Vec<String>,
        required: bool,
        statements: &mut Vec<Statement>,
    ) -> Result<()> {
        if path.len() > MAX_DEPTH {
            return Err(Error::new(format!(
                "schemas stand in schemas at most {MAX_DEPTH} deep"
            )));
        }
        if let Some(field) = Field::of(path, required) {
            self.of_value(&field, statements);
        }
        for name in &self.required {
            path.push(name.clone());
            if let Some(field) = Field::of(path, true) {
                let is_there = is_null(field.path(), true);
                statements.push(match Field::of(&path[..path.len() - 1], required) {
                    Some(outer) if !required => {
                        field.require(outer.or_missing(is_there), "is missing")
                    }
                    _ => field.require(is_there, "is missing"),
                });
            }
            path.pop();
        }
        for (name, schema) in &self.properties {
            path.push(name.clone());
            let required = required && self.required.contains(name);
            schema.statements(path, required, statements)?;
            path.pop();
        }
        Ok(())
    }

    /// What is asked of a field itself.
    fn of_value(&self, field: &Field, statements: &mut Vec<Statement>) {
        let mut ask = |test: Expr, what: &str| statements.push(field.check(test, what));
        match self.kind {
            None | Some(Kind::Object | Kind::String) => {}
            Some(Kind::Number) => {
                let number = Box::new(field.call(Function::Abs));
                ask(is_null(number, true), "is no number");
            }
            Some(Kind::Integer) => {
                let one = Box::new(Expr::Number(1.0));
                let rest = Expr::Binary(BinaryOp::Rem, field.path(), one);
                let test = Expr::Binary(BinaryOp::Eq, Box::new(rest), Box::new(Expr::Number(0.0)));
                ask(test, "is no whole number");
            }
            Some(Kind::Boolean) => {
                let test = Expr::In {
                    expr: field.path(),
                    list: vec![Expr::Bool(true), Expr::Bool(false)],
                    negated: false,
                };
                ask(test, "is neither true nor false");
            }
        }
        if let Some(values) = &self.values {
            let test = Expr::In {
                expr: field.path(),
                list: values.iter().map(Scalar::expr).collect(),
                negated: false,
            };
            ask(test, &among(values));
        }
        for (bound, op, what) in [
            (self.least, BinaryOp::Ge, "is less than"),
            (self.above, BinaryOp::Gt, "is not more than"),
            (self.most, BinaryOp::Le, "is more than"),
            (self.below, BinaryOp::Lt, "is not less than"),
        ] {
            if let Some(bound) = bound {
                let test = Expr::Binary(op, field.path(), Box::new(number(bound)));
                ask(test, &format!("{what} {}", format_number(bound)));
            }
        }
        for (bound, op, what) in [
            (self.shortest, BinaryOp::Ge, "is shorter than"),
            (self.longest, BinaryOp::Le, "is longer than"),
        ] {
            if let Some(bound) = bound {
                let length = Box::new(field.call(Function::Length));
                let test = Expr::Binary(op, length, Box::new(number(f64::from(bound))));
                ask(test, &format!("{what} {bound} characters"));
            }
        }
    }
}

/// A field of events.
struct Field<'a> {
    path: &'a [String],
    /// It is known to be there.
    required: bool,
}

impl<'a> Field<'a> {
    /// `None`: that is the event itself.
    fn of(path: &'a [String], required: bool) -> Option<Self> {
        (!path.is_empty()).then_some(Self { path, required })
    }

    fn path(&self) -> Box<Expr> {
        Box::new(Expr::Path(Path {
            segments: self.path.to_vec(),
            column: Column::default(),
        }))
    }

    fn call(&self, function: Function) -> Expr {
        Expr::Call {
            function,
            args: vec![*self.path()],
            column: Column::default(),
        }
    }

    fn require(&self, expr: Expr, what: &str) -> Statement {
        let name = self.path.join(".");
        Statement::Require {
            expr,
            reason: Some(format!("{} {what}", shown(&name, MAX_SHOWN))),
        }
    }

    /// The same of a field that may be missing.
    fn check(&self, test: Expr, what: &str) -> Statement {
        match self.required {
            true => self.require(test, what),
            false => self.require(self.or_missing(test), what),
        }
    }

    fn or_missing(&self, test: Expr) -> Expr {
        let missing = is_null(self.path(), false);
        Expr::Binary(BinaryOp::Or, Box::new(missing), Box::new(test))
    }
}

fn is_null(expr: Box<Expr>, negated: bool) -> Expr {
    Expr::IsNull { expr, negated }
}

/// As the language has it: without negative numbers.
fn number(n: f64) -> Expr {
    match n.is_sign_negative() {
        true => Expr::Negate(Box::new(Expr::Number(-n))),
        false => Expr::Number(n),
    }
}

/// `is none of a, b, …`
fn among(values: &[Scalar]) -> String {
    let mut named: Vec<String> = values.iter().take(NAMED).map(Scalar::shown).collect();
    if named.len() < values.len() {
        named.push("…".into());
    }
    match &named[..] {
        [only] => format!("is not {only}"),
        _ => format!("is none of {}", named.join(", ")),
    }
}

impl Scalar {
    fn expr(&self) -> Expr {
        match self {
            Self::Text(text) => Expr::Text(text.clone()),
            Self::Number(n) => number(*n),
            Self::Bool(b) => Expr::Bool(*b),
        }
    }

    fn shown(&self) -> String {
        match self {
            // So that NAMED of them and a name fit into a reason.
            Self::Text(text) => shown(text, MAX_SHOWN / NAMED * 2),
            Self::Number(n) => format_number(*n),
            Self::Bool(b) => b.to_string(),
        }
    }
}

impl<'de> Deserialize<'de> for Scalar {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Any;

        impl Visitor<'_> for Any {
            type Value = Scalar;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text, a number, true or false")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<Scalar, E> {
                match text.contains('\0') {
                    true => Err(E::custom("a text can't hold the character NUL")),
                    false => Ok(Scalar::Text(text.into())),
                }
            }

            fn visit_bool<E>(self, b: bool) -> std::result::Result<Scalar, E> {
                Ok(Scalar::Bool(b))
            }

            fn visit_u64<E>(self, n: u64) -> std::result::Result<Scalar, E> {
                Ok(Scalar::Number(n as f64))
            }

            fn visit_i64<E>(self, n: i64) -> std::result::Result<Scalar, E> {
                Ok(Scalar::Number(n as f64))
            }

            fn visit_f64<E>(self, n: f64) -> std::result::Result<Scalar, E> {
                Ok(Scalar::Number(n))
            }
        }

        deserializer.deserialize_any(Any)
    }
}

/// Keys and values, in their order.
struct Entries<T>(Vec<(String, T)>);

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Entries<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct InOrder<T>(std::marker::PhantomData<T>);

        impl<'de, T: Deserialize<'de>> Visitor<'de> for InOrder<T> {
            type Value = Entries<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object with a schema for each field")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Self::Value, A::Error> {
                let mut entries: Vec<(String, T)> = Vec::new();
                while let Some(name) = map.next_key::<String>()? {
                    check_name(&name)?;
                    if entries.iter().any(|(known, _)| *known == name) {
                        return Err(A::Error::custom(format!("'{name}' stands twice")));
                    }
                    entries.push((name, map.next_value()?));
                }
                Ok(Entries(entries))
            }
        }

        deserializer.deserialize_map(InOrder(std::marker::PhantomData))
    }
}

impl<'de> Deserialize<'de> for Schema {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Keywords;

        impl<'de> Visitor<'de> for Keywords {
            type Value = Schema;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a schema: a JSON object")
            }

            fn visit_map<A: MapAccess<'de>>(
                self,
                mut map: A,
            ) -> std::result::Result<Schema, A::Error> {
                let mut schema = Schema::default();
                let mut seen = Vec::new();
                while let Some(keyword) = map.next_key::<String>()? {
                    if seen.contains(&keyword) {
                        return Err(A::Error::custom(format!("'{keyword}' stands twice")));
                    }
                    schema.keyword(&keyword, &mut map)?;
                    seen.push(keyword);
                }
                Ok(schema)
            }
        }

        deserializer.deserialize_map(Keywords)
    }
}

impl Schema {
    /// Takes over what a keyword says.
    fn keyword<'de, A: MapAccess<'de>>(
        &mut self,
        keyword: &str,
        map: &mut A,
    ) -> std::result::Result<(), A::Error> {
        let refuse = |why: String| Err(A::Error::custom(why));
        match keyword {
            "type" => self.kind = Some(map.next_value()?),
            "required" => {
                self.required = map.next_value()?;
                self.required.iter().try_for_each(|name| check_name(name))?;
            }
            "properties" => self.properties = map.next_value::<Entries<Schema>>()?.0,
            "enum" | "const" if self.values.is_some() => {
                return refuse("'enum' and 'const' exclude each other".into());
            }
            "enum" => {
                let values: Vec<Scalar> = map.next_value()?;
                if values.is_empty() {
                    return refuse("an enumeration has at least one value".into());
                }
                self.values = Some(values);
            }
            "const" => self.values = Some(vec![map.next_value()?]),
            "minimum" => self.least = Some(map.next_value()?),
            "maximum" => self.most = Some(map.next_value()?),
            "exclusiveMinimum" => self.above = Some(map.next_value()?),
            "exclusiveMaximum" => self.below = Some(map.next_value()?),
            "minLength" => self.shortest = Some(map.next_value()?),
            "maxLength" => self.longest = Some(map.next_value()?),
            "$schema" | "title" | "description" => {
                map.next_value::<serde::de::IgnoredAny>()?;
            }
            other => {
                let other: String = shown(other, MAX_SHOWN);
                return refuse(match nearest(&other, KEYWORDS) {
                    Some(meant) => format!("there is no '{other}' here (did you mean '{meant}'?)"),
                    None => format!("there is no '{other}' here, only {}", KEYWORDS.join(", ")),
                });
            }
        }
        Ok(())
    }
}

fn check_name<E: serde::de::Error>(name: &str) -> std::result::Result<(), E> {
    match name {
        "" => Err(E::custom("a field's name can't be empty")),
        _ if name.contains('\0') => Err(E::custom("a field's name can't hold the character NUL")),
        _ => Ok(()),
    }
}
