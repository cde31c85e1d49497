//! The language's words, each in one table: the parser, the printer and the error messages all read these.

use super::ast::{Aggregate, BinaryOp, Consume, Function, Reset, Select, Unit};
use super::statement::Cast;

/// Words that are never a name, in any case. To use one as a name, write it in quotes.
///
/// The words that have a meaning only in one place (`LAST`, `BY`, `WEIGHT`, `count` …) are not among them,
/// so that fields may have these names.
pub const RESERVED: [&str; 26] = [
    "AND",
    "ANY",
    "AS",
    "BETWEEN",
    "CONSUME",
    "DECAY",
    "EMIT",
    "FALSE",
    "FOR",
    "HAVING",
    "IN",
    "INTEGRATE",
    "IS",
    "LIKE",
    "LIMIT",
    "MATCH",
    "NOT",
    "NULL",
    "OF",
    "OR",
    "PARTITION",
    "SELECT",
    "THRESHOLD",
    "TRUE",
    "WHERE",
    "WITHIN",
];

/// Whether `word` is reserved, in whatever case it is written.
pub fn is_reserved(word: &str) -> bool {
    RESERVED.iter().any(|r| r.eq_ignore_ascii_case(word))
}

pub(super) const UNITS: [(&str, Unit); 5] = [
    ("ms", Unit::Millisecond),
    ("s", Unit::Second),
    ("m", Unit::Minute),
    ("h", Unit::Hour),
    ("d", Unit::Day),
];

pub(super) const FUNCTIONS: [(&str, Function); 10] = [
    ("abs", Function::Abs),
    ("round", Function::Round),
    ("floor", Function::Floor),
    ("ceil", Function::Ceil),
    ("coalesce", Function::Coalesce),
    ("lower", Function::Lower),
    ("upper", Function::Upper),
    ("length", Function::Length),
    ("least", Function::Least),
    ("greatest", Function::Greatest),
];

pub(super) const AGGREGATES: [(&str, Aggregate); 7] = [
    ("count", Aggregate::Count),
    ("sum", Aggregate::Sum),
    ("avg", Aggregate::Avg),
    ("min", Aggregate::Min),
    ("max", Aggregate::Max),
    ("first", Aggregate::First),
    ("last", Aggregate::Last),
];

pub(super) const SELECTS: [(&str, Select); 3] = [
    ("LAST", Select::Last),
    ("FIRST", Select::First),
    ("ALL", Select::All),
];

pub(super) const CONSUMES: [(&str, Consume); 3] = [
    ("MATCHED", Consume::Matched),
    ("PARTITION", Consume::Partition),
    ("NONE", Consume::None),
];

pub(super) const RESETS: [(&str, Reset); 2] =
    [("ZERO", Reset::Zero), ("SUBTRACT", Reset::Subtract)];

pub(super) const CASTS: [(&str, Cast); 4] = [
    ("NUMBER", Cast::Number),
    ("TEXT", Cast::Text),
    ("BOOL", Cast::Bool),
    ("TIME", Cast::Time),
];

/// `!=` comes before `<>`, so that it is the spelling that is printed.
pub(super) const COMPARISONS: [(&str, BinaryOp); 7] = [
    ("=", BinaryOp::Eq),
    ("!=", BinaryOp::Ne),
    ("<>", BinaryOp::Ne),
    ("<", BinaryOp::Lt),
    ("<=", BinaryOp::Le),
    (">", BinaryOp::Gt),
    (">=", BinaryOp::Ge),
];

pub(super) const ADDITIVE: [(&str, BinaryOp); 2] = [("+", BinaryOp::Add), ("-", BinaryOp::Sub)];

pub(super) const MULTIPLICATIVE: [(&str, BinaryOp); 3] = [
    ("*", BinaryOp::Mul),
    ("/", BinaryOp::Div),
    ("%", BinaryOp::Rem),
];

/// What `word` stands for in one of the tables, in whatever case it is written.
pub(super) fn meaning<T: Copy>(table: &[(&'static str, T)], word: &str) -> Option<T> {
    table
        .iter()
        .find(|(spelling, _)| spelling.eq_ignore_ascii_case(word))
        .map(|&(_, value)| value)
}

/// How a value of one of the tables is written; every value has its place in its table.
pub(super) fn spelling<T: PartialEq>(table: &[(&'static str, T)], value: T) -> &'static str {
    table
        .iter()
        .find(|(_, v)| *v == value)
        .map_or("", |&(spelling, _)| spelling)
}

/// A function's or aggregate's name, for messages.
pub(super) fn function_name(function: Function) -> &'static str {
    spelling(&FUNCTIONS, function)
}

/// The known word that a misspelt one is most likely meant to be, if any is near: one letter wrong in a short
/// word, two in a longer one (swapped neighbours count once).
pub fn nearest<'w>(word: &str, known: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    let word = word.to_ascii_lowercase();
    known
        .into_iter()
        .map(|k| (strsim::osa_distance(&word, &k.to_ascii_lowercase()), k))
        .filter(|&(distance, k)| {
            let length = word.len().min(k.len());
            distance < length && distance <= if length < 5 { 1 } else { 2 }
        })
        .min_by_key(|&(distance, _)| distance)
        .map(|(_, k)| k)
}
