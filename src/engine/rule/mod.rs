//! The rule language: text → [`ast::Rule`] → compiled program.

pub mod ast;
pub mod automaton;
mod check;
pub mod compile;
pub mod contradiction;
mod count;
pub mod describe;
pub mod lex;
mod message;
mod names;
mod parse;
pub mod pattern;
mod possible;
mod print;
pub mod program;
#[cfg(test)]
mod tests;
mod types;
pub mod words;

use chumsky::Parser;

use super::error::{Error, Result};

/// The tree of a rule's text; `docs/rules.md` has the language.
///
/// # Errors
///
/// One line that says where the rule is wrong and what was expected there.
///
/// ```
/// use leaflet::engine::rule::parse;
///
/// let rule = parse("match A@axon_1 and B@axon_2 within 2 s").unwrap();
/// assert_eq!(rule.to_string(), "MATCH A@axon_1 AND B@axon_2 WITHIN 2s");
///
/// let error = parse("MATCH A AND WITHIN 2s").unwrap_err();
/// assert_eq!(error.to_string(), "column 13: expected an event type, found 'WITHIN'");
/// ```
pub fn parse(text: &str) -> Result<ast::Rule> {
    let rule = read(text)?;
    check::check(&rule)?;
    // What was stored in canonical form must be read again.
    let canonical = rule.to_string().len();
    if canonical > lex::MAX_TEXT {
        return Err(Error::new(format!(
            "a rule's text has at most {} bytes, this one has {canonical} in canonical form",
            lex::MAX_TEXT
        )));
    }
    Ok(rule)
}

/// The tree, without a look at its sense.
fn read(text: &str) -> Result<ast::Rule> {
    let tokens = lex::lex(text)?;
    let parser = parse::rule();
    let read = parser.parse(&tokens[..]).into_result();
    read.map_err(|failures| message::describe(&tokens, failures))
}
