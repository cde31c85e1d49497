//! Patterns: operators over atoms.

use chumsky::prelude::{any, choice, group, recursive, Parser, Rich};
use chumsky::IterParser;

use super::tokens::*;
use crate::engine::rule::ast::{Atom, Column, Expr, Pattern, Quantifier};
use crate::engine::rule::lex::{Kind, Token};

pub(super) fn pattern<'t>(expr: impl Grammar<'t, Expr>) -> impl Grammar<'t, Pattern> {
    recursive(|pattern| {
        let atom = atom(expr).boxed();
        // A deadline at the last event's own time would leave no time in which x could come: FOR 0s is refused.
        let not = keyword("NOT")
            .then(atom.clone())
            .then(keyword("FOR").ignore_then(some_time("FOR")).or_not())
            .map(|((column, atom), for_)| Pattern::Not { atom, for_, column });
        let of = int()
            .map_with(|count, e| (count, first_column(e.slice())))
            .then_ignore(keyword("OF"))
            .then(
                pattern
                    .clone()
                    .separated_by(symbol(",", "','"))
                    .at_least(1)
                    .collect()
                    .delimited_by(symbol("(", "'('"), symbol(")", "')'")),
            )
            .map(|((count, column), patterns)| Pattern::Of {
                count,
                patterns,
                column,
            });
        let operand = choice((
            not,
            of,
            pattern.delimited_by(symbol("(", "'('"), symbol(")", "')'")),
            atom.map(Pattern::Atom),
        ))
        .labelled(EVENT_TYPE)
        .boxed();
        let all = chain(operand, keyword("AND"), Pattern::And);
        let either = chain(all, keyword("OR"), Pattern::Or);
        chain(either, symbol("->", "->"), Pattern::Seq)
    })
}

/// `member {separator member}`, as one flat list.
fn chain<'t>(
    member: impl Grammar<'t, Pattern>,
    separator: impl Grammar<'t, Column>,
    list: fn(Vec<Pattern>) -> Pattern,
) -> impl Grammar<'t, Pattern> {
    member
        .separated_by(separator)
        .at_least(1)
        .collect::<Vec<_>>()
        .map(move |mut members| match members.len() {
            1 => members.remove(0),
            _ => flat(list, members),
        })
        .boxed()
}

/// The list without lists of its own kind in it: they mean the same as their members.
pub(in crate::engine::rule) fn flat(
    list: fn(Vec<Pattern>) -> Pattern,
    members: Vec<Pattern>,
) -> Pattern {
    let whole = list(Vec::new());
    let mut flattened = Vec::new();
    for member in members {
        let same = std::mem::discriminant(&member) == std::mem::discriminant(&whole);
        match member {
            Pattern::Seq(inner) | Pattern::Or(inner) | Pattern::And(inner) if same => {
                flattened.extend(inner);
            }
            other => flattened.push(other),
        }
    }
    list(flattened)
}

pub(super) fn atom<'t>(expr: impl Grammar<'t, Expr>) -> impl Grammar<'t, Atom> {
    let event_type = word("ANY", EVENT_TYPE)
        .to(None)
        .or(stream_name().map(Some))
        .labelled(EVENT_TYPE);
    let axon = symbol("@", QUIET).ignore_then(stream_name().labelled(AXON));
    let predicate = expr.delimited_by(symbol("[", QUIET), symbol("]", "']'"));
    let alias = keyword("AS").ignore_then(identifier().labelled(NAME));
    group((
        event_type.map_with(|name, e| (name, first_column(e.slice()))),
        axon.or_not(),
        predicate.or_not(),
        quantifier().or_not(),
        alias.or_not(),
    ))
    .map(
        |((event_type, column), axon, predicate, quantifier, alias)| Atom {
            event_type,
            axon,
            predicate,
            quantifier,
            alias: alias.map(|(name, _)| name),
            column,
        },
    )
}

fn quantifier<'t>() -> impl Grammar<'t, Quantifier> {
    let bounds = int()
        .then(
            symbol(",", "','")
                .ignore_then(int().labelled(QUIET).or_not())
                .or_not(),
        )
        .delimited_by(symbol("{", QUIET), symbol("}", "'}'"))
        .validate(|(min, rest), e, emitter| {
            let max = rest.unwrap_or(Some(min));
            if max.is_some_and(|max| max < min) {
                emitter.emit(Rich::custom(
                    e.span(),
                    "the second number of {n,m} must not be smaller than the first",
                ));
            } else if max == Some(0) {
                emitter.emit(Rich::custom(e.span(), "{0} takes no event"));
            }
            Quantifier { min, max }
        });
    choice((
        symbol("+", QUIET).to(Quantifier { min: 1, max: None }),
        symbol("*", QUIET).to(Quantifier { min: 0, max: None }),
        symbol("?", QUIET).to(Quantifier {
            min: 0,
            max: Some(1),
        }),
        bounds,
    ))
}

/// A type or an axon: words, numbers, dots and dashes that touch, or a text in quotes.
fn stream_name<'t>() -> impl Grammar<'t, String> {
    let piece = |t: &Token| {
        t.glued
            && (matches!(t.kind, Kind::Word | Kind::Int | Kind::Number)
                || t.is_symbol(".")
                || t.is_symbol("-"))
    };
    let plain = token(|t| t.is_name())
        .then(any().filter(piece).labelled(QUIET).repeated())
        .to_slice()
        .map(|pieces: Tokens| pieces.iter().map(|t| t.text).collect::<String>());
    let quoted = token(|t| t.kind == Kind::Text).validate(|t, e, emitter| {
        let name = t.unquoted();
        if name.is_empty() {
            emitter.emit(Rich::custom(e.span(), "a name can't be empty"));
        }
        name
    });
    plain.or(quoted)
}
