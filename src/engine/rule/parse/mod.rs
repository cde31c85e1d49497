//! Tokens → tree: the grammar of `docs/rules.md`, rule by rule.
//!
//! Every token says with its label what it is to a reader; `message` makes the error line from the labels. Each
//! choice is made by the next token, so that reading takes time in proportion to the text.

mod expr;
pub(super) mod pattern;
pub(super) mod statement;
pub(super) mod tokens;

use chumsky::prelude::{end, group, Parser, Rich};
use chumsky::IterParser;

use self::expr::{expr, path};
use self::pattern::{atom, pattern};
use self::tokens::*;
use super::ast::{
    Consume, Duration, Emit, Expr, Input, Integrate, Limit, Match, Path, Rule, Select,
};
use super::lex::Kind;
use super::words;

/// A whole rule.
pub(super) fn rule<'t>() -> impl Grammar<'t, Rule> {
    let expr = expr().boxed();
    match_rule(expr.clone())
        .map(Rule::Match)
        .or(integrate_rule(expr).map(Rule::Integrate))
        .then_ignore(end())
}

fn match_rule<'t>(expr: impl Grammar<'t, Expr>) -> impl Grammar<'t, Match> {
    let select = keyword("SELECT").ignore_then(one_of(&words::SELECTS, "LAST, FIRST or ALL"));
    let consume =
        keyword("CONSUME").ignore_then(one_of(&words::CONSUMES, "MATCHED, PARTITION or NONE"));
    let select_consume =
        select
            .or_not()
            .then(consume.or_not())
            .validate(|(select, consume), e, emitter| {
                if select == Some(Select::All) && consume == Some(Consume::Matched) {
                    emitter.emit(Rich::custom(
                        e.span(),
                        "SELECT ALL can't CONSUME MATCHED, since its matches share events",
                    ));
                }
                (select, consume)
            });
    keyword("MATCH")
        .ignore_then(group((
            pattern(expr.clone()),
            keyword("WHERE").ignore_then(expr.clone()).or_not(),
            partition_by(),
            within(),
            select_consume,
            keyword("HAVING").ignore_then(expr.clone()).or_not(),
            limit().or_not(),
            emit(expr),
        )))
        .map(
            |(pattern, filter, partition_by, within, (select, consume), having, limit, emit)| {
                Match {
                    pattern,
                    filter,
                    partition_by,
                    within,
                    select,
                    consume,
                    having,
                    limit,
                    emit,
                }
            },
        )
        .boxed()
}

fn integrate_rule<'t>(expr: impl Grammar<'t, Expr>) -> impl Grammar<'t, Integrate> {
    let input = atom(expr.clone())
        .then(keyword("WEIGHT").ignore_then(expr.clone()).or_not())
        .map(|(atom, weight)| Input { atom, weight });
    let threshold = positive(number(), |n| *n > 0.0, "THRESHOLD");
    let from = keyword("FROM")
        .ignore_then(positive(int(), |n| *n > 0, "FROM"))
        .then_ignore(keyword("AXONS"));
    // The one duration that may be 0: it says that there is no refractory period.
    let refractory = keyword("REFRACTORY").ignore_then(duration());
    let reset = keyword("RESET").ignore_then(one_of(&words::RESETS, "ZERO or SUBTRACT"));
    keyword("INTEGRATE")
        .ignore_then(group((
            input.separated_by(symbol(",", "','")).at_least(1).collect(),
            keyword("DECAY").ignore_then(some_time("DECAY")),
            keyword("THRESHOLD").ignore_then(threshold),
            from.or_not(),
            refractory.or_not(),
            reset.or_not(),
            partition_by(),
            within(),
            limit().or_not(),
            emit(expr),
        )))
        .map(
            |(inputs, decay, threshold, from_axons, refractory, reset, by, within, limit, emit)| {
                Integrate {
                    inputs,
                    decay,
                    threshold,
                    from_axons,
                    refractory,
                    reset,
                    partition_by: by,
                    within,
                    limit,
                    emit,
                }
            },
        )
        .boxed()
}

fn partition_by<'t>() -> impl Grammar<'t, Vec<Path>> {
    word("PARTITION", "PARTITION BY")
        .then(keyword("BY"))
        .ignore_then(
            path()
                .labelled(FIELD)
                .separated_by(symbol(",", "','"))
                .at_least(1)
                .collect(),
        )
        .or_not()
        .map(Option::unwrap_or_default)
}

fn within<'t>() -> impl Grammar<'t, Duration> {
    keyword("WITHIN").ignore_then(some_time("WITHIN"))
}

fn limit<'t>() -> impl Grammar<'t, Limit> {
    keyword("LIMIT")
        .ignore_then(positive(int(), |n| *n > 0, "LIMIT"))
        .then_ignore(keyword("PER"))
        .then(some_time("PER"))
        .map(|(count, per)| Limit { count, per })
}

fn emit<'t>(expr: impl Grammar<'t, Expr>) -> impl Grammar<'t, Vec<Emit>> {
    // A reserved word may stand here, since nothing but a name can.
    let field = token(|t| t.kind == Kind::Word)
        .map(|t| (t.text.to_owned(), t.column))
        .or(quoted())
        .labelled(NAME);
    let item = field
        .then_ignore(symbol("=", "'='"))
        .then(expr)
        .map(|((field, column), expr)| Emit {
            field,
            expr,
            column,
        });
    keyword("EMIT")
        .ignore_then(item.separated_by(symbol(",", "','")).at_least(1).collect())
        .or_not()
        .map(Option::unwrap_or_default)
}
