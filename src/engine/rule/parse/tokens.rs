//! Parsers of single tokens, and of the few that belong together: numbers, durations, names.
//!
//! What depends on one value alone (a zero, a number that is too large) is refused here, where its place in the
//! text is known; what needs the tree is in `check`.

use chumsky::prelude::{any, extra, Parser, Rich};
use chumsky::primitive::select;

use crate::engine::rule::ast::{BinaryOp, Column, Duration};
use crate::engine::rule::lex::{Kind, Token};
use crate::engine::rule::words::{self, meaning};

pub(in crate::engine::rule) type Failure<'t> = Rich<'t, Token<'t>>;
pub(in crate::engine::rule) type Tokens<'t> = &'t [Token<'t>];
pub(in crate::engine::rule) type Extra<'t> = extra::Err<Failure<'t>>;

/// A parser over tokens; a name for the bound that all the functions here share.
pub(in crate::engine::rule) trait Grammar<'t, O>:
    Parser<'t, Tokens<'t>, O, Extra<'t>> + Clone + 't
{
}
impl<'t, O, P: Parser<'t, Tokens<'t>, O, Extra<'t>> + Clone + 't> Grammar<'t, O> for P {}

/// The label of what is never worth a mention, because it continues something that is already complete.
pub(in crate::engine::rule) const QUIET: &str = "";
pub(in crate::engine::rule) const OPERATOR: &str = "an operator";
pub(in crate::engine::rule) const VALUE: &str = "a value";
pub(in crate::engine::rule) const EVENT_TYPE: &str = "an event type";
pub(in crate::engine::rule) const AXON: &str = "an axon";
pub(in crate::engine::rule) const FIELD: &str = "a field name";
pub(in crate::engine::rule) const NAME: &str = "a name";

pub(super) fn token<'t>(fits: impl Fn(&Token) -> bool + Clone + 't) -> impl Grammar<'t, Token<'t>> {
    any().filter(fits)
}

pub(super) fn first_column(tokens: Tokens) -> Column {
    tokens.first().map_or(Column::default(), |t| t.column)
}

/// A keyword that the error messages call by its own name.
pub(super) fn keyword<'t>(word_: &'static str) -> impl Grammar<'t, Column> {
    word(word_, word_)
}

pub(super) fn word<'t>(word: &'static str, label: &'static str) -> impl Grammar<'t, Column> {
    token(move |t| t.is_word(word))
        .map(|t| t.column)
        .labelled(label)
}

pub(super) fn symbol<'t>(symbol: &'static str, label: &'static str) -> impl Grammar<'t, Column> {
    token(move |t| t.is_symbol(symbol))
        .map(|t| t.column)
        .labelled(label)
}

/// One of a table's words.
pub(super) fn one_of<'t, T: Copy + 'static>(
    table: &'static [(&'static str, T)],
    label: &'static str,
) -> impl Grammar<'t, T> {
    select(move |t: Token, _| meaning(table, t.text)).labelled(label)
}

pub(super) fn operator<'t>(
    table: &'static [(&'static str, BinaryOp)],
) -> impl Grammar<'t, BinaryOp> {
    one_of(table, OPERATOR)
}

/// A plain name: an alias, or one segment of a path.
pub(super) fn identifier<'t>() -> impl Grammar<'t, (String, Column)> {
    token(|t| t.is_name())
        .map(|t| (t.text.to_owned(), t.column))
        .or(quoted())
}

pub(super) fn quoted<'t>() -> impl Grammar<'t, (String, Column)> {
    token(|t| t.kind == Kind::Quoted).validate(|t, e, emitter| {
        let name = t.unquoted();
        if name.is_empty() {
            emitter.emit(Rich::custom(e.span(), "a name can't be empty"));
        }
        (name, t.column)
    })
}

pub(super) fn text<'t>() -> impl Grammar<'t, String> {
    token(|t| t.kind == Kind::Text).map(|t| t.unquoted())
}

pub(super) fn number<'t>() -> impl Grammar<'t, f64> {
    token(|t| matches!(t.kind, Kind::Int | Kind::Number))
        .validate(|t, e, emitter| match t.text.parse::<f64>() {
            Ok(n) if n.is_finite() => n,
            _ => {
                emitter.emit(Rich::custom(e.span(), "the number is too large"));
                1.0
            }
        })
        .labelled("a number")
}

pub(super) fn int<'t>() -> impl Grammar<'t, u64> {
    token(|t| t.kind == Kind::Int)
        .validate(|t, e, emitter| {
            t.text.parse().unwrap_or_else(|_| {
                emitter.emit(Rich::custom(e.span(), "the number is too large"));
                1
            })
        })
        .labelled("a whole number")
}

pub(super) fn duration<'t>() -> impl Grammar<'t, Duration> {
    int()
        .then(one_of(&words::UNITS, "a unit: ms, s, m, h or d"))
        .map(|(count, unit)| Duration { count, unit })
        .validate(|duration: Duration, e, emitter| {
            if duration.millis().is_none() {
                emitter.emit(Rich::custom(e.span(), "the duration is too long"));
            }
            duration
        })
        .labelled("a duration such as 2s")
}

/// A duration that can't be 0.
pub(super) fn some_time<'t>(clause: &'static str) -> impl Grammar<'t, Duration> {
    positive(duration(), |d| d.count > 0, clause)
}

pub(super) fn positive<'t, T: 't>(
    number: impl Grammar<'t, T>,
    fits: impl Fn(&T) -> bool + Clone + 't,
    clause: &'static str,
) -> impl Grammar<'t, T> {
    number.validate(move |value, e, emitter| {
        if !fits(&value) {
            let message = format!("{clause} must be more than 0");
            emitter.emit(Rich::custom(e.span(), message));
        }
        value
    })
}
