//! The rule language: text → [`ast::Rule`] → compiled program; and that of saccules, which is made of the same parts.

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
mod schema;
pub mod statement;
#[cfg(test)]
mod tests;
mod types;
pub mod words;

use std::fmt::Display;

use chumsky::Parser;

use super::error::{Error, Result};
use lex::Language;
pub(super) use parse::statement::MAX_REASON;
pub(super) use print::shown;

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
    check_canonical(Language::Rule, &rule)?;
    Ok(rule)
}

/// The tree of a saccule's text; `docs/saccules.md` has the language.
///
/// # Errors
///
/// One line that says where the text is wrong and what was expected there.
///
/// ```
/// use leaflet::engine::rule::parse_saccule;
///
/// let saccule = parse_saccule("require value > 0 else 'negative'; set value = value / 10;").unwrap();
/// assert_eq!(saccule.to_string(), "REQUIRE value > 0 ELSE 'negative'; SET value = value / 10");
///
/// let error = parse_saccule("REQUIRE value >; DROP x").unwrap_err();
/// assert_eq!(error.to_string(), "column 16: expected a value, found ';'");
/// ```
pub fn parse_saccule(text: &str) -> Result<statement::Saccule> {
    if text.trim_start().starts_with('{') {
        lex::check_length(Language::Saccule, text.len(), "")?;
        let statements = schema::read(text)?.to_string();
        let limit = |error| Error::new(format!("written as statements, {error}"));
        return parse_saccule(&statements).map_err(limit);
    }
    let tokens = lex::lex(text, Language::Saccule)?;
    let read = parse::statement::saccule().parse(&tokens[..]).into_result();
    let saccule = read.map_err(|f| message::describe(Language::Saccule, &tokens, f))?;
    saccule
        .statements
        .iter()
        .filter_map(statement::Statement::expr)
        .try_for_each(|expr| check::check_expr(expr, Some("a saccule")))?;
    check_canonical(Language::Saccule, &saccule)?;
    Ok(saccule)
}

/// What was stored in canonical form must be read again.
fn check_canonical(language: Language, tree: &impl Display) -> Result<()> {
    let length = tree.to_string().len();
    lex::check_length(language, length, " in canonical form")
}

/// The tree, without a look at its sense.
fn read(text: &str) -> Result<ast::Rule> {
    let tokens = lex::lex(text, Language::Rule)?;
    let parser = parse::rule();
    let read = parser.parse(&tokens[..]).into_result();
    read.map_err(|failures| message::describe(Language::Rule, &tokens, failures))
}
