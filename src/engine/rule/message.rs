//! A failed parse → one line for a reader.

use chumsky::error::{RichPattern, RichReason};

use super::ast::Column;
use super::lex::{Kind, Language, Token};
use super::parse::tokens::{Failure, AXON, EVENT_TYPE, FIELD, NAME, OPERATOR, QUIET, VALUE};
use super::print::shown;
use super::words::{self, is_reserved, nearest};
use crate::engine::error::Error;

/// The label of the end, whatever it is the end of.
const END: &str = "end";

/// Labels that are only named where nothing else could stand: what they begin is optional.
const OPTIONAL: [&str; 9] = [
    "AS",
    "ELSE",
    "FOR",
    "WEIGHT",
    "WHERE",
    "PARTITION BY",
    "FROM",
    "REFRACTORY",
    "RESET",
];

/// The order in which a message lists what was expected; what is not here comes first.
const ORDER: [&str; 25] = [
    "MATCH",
    "INTEGRATE",
    OPERATOR,
    "->",
    "AND",
    "OR",
    "','",
    "'('",
    "')'",
    "']'",
    "'}'",
    "FROM",
    "REFRACTORY",
    "RESET",
    "WHERE",
    "PARTITION BY",
    "DECAY",
    "WITHIN",
    "SELECT",
    "CONSUME",
    "HAVING",
    "LIMIT",
    "EMIT",
    "';'",
    END,
];

const MATCH_CLAUSES: [&str; 8] = [
    "WHERE",
    "PARTITION",
    "WITHIN",
    "SELECT",
    "CONSUME",
    "HAVING",
    "LIMIT",
    "EMIT",
];

/// Clauses that no rule of their kind can do without.
const MANDATORY: [&str; 3] = ["DECAY", "THRESHOLD", "WITHIN"];

const INTEGRATE_CLAUSES: [&str; 9] = [
    "DECAY",
    "THRESHOLD",
    "FROM",
    "REFRACTORY",
    "RESET",
    "PARTITION",
    "WITHIN",
    "LIMIT",
    "EMIT",
];

/// The longest piece of the rule's text that a message repeats, in characters.
const MAX_FOUND: usize = 40;

/// The error line of the first of the failures in the text.
pub(super) fn describe(language: Language, tokens: &[Token], failures: Vec<Failure>) -> Error {
    let first = failures.into_iter().min_by_key(|f| f.span().start);
    let index = first.as_ref().map_or(0, |f| f.span().start);
    let column = match tokens.get(index) {
        Some(token) => token.column,
        None => tokens.last().map_or(Column(1), Token::end),
    };
    match first.map(Failure::into_reason) {
        Some(RichReason::Custom(message)) => Error::at(column, message),
        Some(RichReason::ExpectedFound { expected, .. }) => {
            let expected: Vec<&str> = expected.iter().map(label).collect();
            let found = match tokens.get(index) {
                Some(token) => show(token) + &hint(language, tokens, index, &expected),
                None => end_of(language),
            };
            Error::at(
                column,
                format!("expected {}, found {found}", list(language, &expected)),
            )
        }
        None => Error::new(format!("the {} can't be read", language.name())),
    }
}

fn end_of(language: Language) -> String {
    format!("end of {}", language.name())
}

fn label<'e>(pattern: &'e RichPattern<'_, Token<'_>>) -> &'e str {
    match pattern {
        RichPattern::Label(label) => label,
        RichPattern::EndOfInput => END,
        _ => QUIET,
    }
}

/// `a, b or c`
fn list(language: Language, expected: &[&str]) -> String {
    let mut labels: Vec<&str> = expected.iter().copied().filter(|l| *l != QUIET).collect();
    if labels.iter().any(|l| !OPTIONAL.contains(l)) {
        labels.retain(|l| !OPTIONAL.contains(l));
    }
    labels.sort_by_key(|l| (ORDER.iter().position(|o| o == l), *l));
    labels.dedup();
    let end = end_of(language);
    if let Some(last) = labels.last_mut().filter(|last| **last == END) {
        *last = &end;
    }
    match labels.split_last() {
        None => "something else".to_owned(),
        Some((last, [])) => (*last).to_owned(),
        Some((last, rest)) => format!("{} or {last}", rest.join(", ")),
    }
}

/// The token as it was written, in quotes where it has none.
fn show(token: &Token) -> String {
    let text = shown(token.text, MAX_FOUND);
    match token.kind {
        Kind::Text | Kind::Quoted => text,
        _ => format!("'{text}'"),
    }
}

/// What the writer probably meant, as ` (…)`; empty where there is no guess.
fn hint(language: Language, tokens: &[Token], index: usize, expected: &[&str]) -> String {
    let token = &tokens[index];
    let hint = match token.kind {
        Kind::Word => (language == Language::Rule)
            .then(|| clause_hint(tokens, index, expected))
            .flatten()
            .or_else(|| reserved_hint(token, expected))
            .or_else(|| spelling_hint(token, expected)),
        Kind::Text if takes_name(expected) => Some("names take double quotes".to_owned()),
        Kind::Quoted if takes_stream(expected) => {
            Some("types and axons take single quotes".to_owned())
        }
        Kind::Symbol if token.text == "(" => index
            .checked_sub(1)
            .and_then(|before| words::meaning(&words::AGGREGATES, tokens[before].text))
            .map(|_| "aggregates belong in HAVING or EMIT".to_owned()),
        Kind::Symbol if expected.contains(&OPERATOR) => {
            words::meaning(&words::COMPARISONS, token.text)
                .map(|_| "comparisons don't chain".to_owned())
        }
        _ => None,
    };
    hint.map_or(String::new(), |hint| format!(" ({hint})"))
}

/// For a clause that stands in a wrong place, or twice.
fn clause_hint(tokens: &[Token], index: usize, expected: &[&str]) -> Option<String> {
    let clauses: &[&str] = if tokens[0].is_word("MATCH") {
        &MATCH_CLAUSES
    } else {
        &INTEGRATE_CLAUSES
    };
    let place = |t: &Token| clauses.iter().position(|c| t.is_word(c));
    let found = place(&tokens[index])?;
    let missing = expected
        .iter()
        .find(|l| MANDATORY.contains(l))
        .map(|l| clauses.iter().position(|c| c == l));
    if let Some(Some(missing)) = missing {
        if missing < found {
            return Some(format!(
                "{} stands after {}",
                clauses[found], clauses[missing]
            ));
        }
    } else if !expected.contains(&END) {
        return None;
    }
    // The clauses so far; `CONSUME PARTITION` is no PARTITION.
    let earlier: Vec<usize> = (1..index)
        .filter(|&i| !tokens[i - 1].is_word("CONSUME"))
        .filter_map(|i| place(&tokens[i]))
        .collect();
    if earlier.contains(&found) {
        return Some(format!("there is a {} already", clauses[found]));
    }
    let follower = earlier.into_iter().find(|&e| e > found)?;
    Some(format!(
        "{} stands before {}",
        clauses[found], clauses[follower]
    ))
}

/// For a reserved word where a name could stand. Who writes it in capitals means the keyword.
fn reserved_hint(token: &Token, expected: &[&str]) -> Option<String> {
    let capitals = !token.text.bytes().any(|b| b.is_ascii_lowercase());
    if capitals || !is_reserved(token.text) {
        return None;
    }
    let quotes = if takes_stream(expected) {
        "single"
    } else if takes_name(expected) || expected.contains(&VALUE) {
        "double"
    } else {
        return None;
    };
    Some(format!(
        "a reserved word; as a name it needs {quotes} quotes"
    ))
}

/// Whether a type or an axon could stand here.
fn takes_stream(expected: &[&str]) -> bool {
    expected.contains(&EVENT_TYPE) || expected.contains(&AXON)
}

/// Whether nothing but a field or an alias could stand here.
fn takes_name(expected: &[&str]) -> bool {
    expected.contains(&FIELD) || expected.contains(&NAME)
}

/// For a misspelt keyword: one of those that could stand here.
fn spelling_hint(token: &Token, expected: &[&str]) -> Option<String> {
    if is_reserved(token.text) {
        return None;
    }
    let operators = "AND OR NOT IN BETWEEN LIKE IS";
    let keywords = expected
        .iter()
        .map(|l| if *l == OPERATOR { operators } else { l })
        .flat_map(|l| l.split([' ', ',']))
        .filter(|w| w.len() > 1 && w.bytes().all(|b| b.is_ascii_uppercase()));
    nearest(token.text, keywords).map(|keyword| format!("did you mean {keyword}?"))
}
