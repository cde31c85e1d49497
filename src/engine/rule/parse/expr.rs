//! Expressions: operators by how tightly they bind, then values.

use chumsky::prelude::{choice, recursive, Parser, Rich};
use chumsky::primitive::select;
use chumsky::IterParser;

use super::tokens::*;
use crate::engine::rule::ast::{BinaryOp, Expr, Over, Path};
use crate::engine::rule::lex::Token;
use crate::engine::rule::words::{self, meaning};

/// What may follow the first operand of a comparison.
#[derive(Clone)]
enum Test {
    Compare(BinaryOp, Expr),
    IsNull,
    In(Vec<Expr>),
    Between(Expr, Expr),
    Like(Expr, Option<char>),
}

/// An expression, one level of operators over the other.
///
/// The levels are loops of their own and not chumsky's Pratt parser: that one tries an operator again at every
/// level above when its operand fails, which takes exponential time in nested brackets.
pub(super) fn expr<'t>() -> impl Grammar<'t, Expr> {
    recursive(|expr| {
        let signed = symbol("-", VALUE)
            .repeated()
            .foldr(value(expr.clone()), |_, e| Expr::Negate(Box::new(e)))
            .boxed();
        let product = left_to_right(signed, operator(&words::MULTIPLICATIVE));
        let sum = left_to_right(product, operator(&words::ADDITIVE));
        let condition = word("NOT", VALUE)
            .repeated()
            .foldr(comparison(sum, expr), |_, e| Expr::Not(Box::new(e)))
            .boxed();
        let all = left_to_right(condition, word("AND", OPERATOR).to(BinaryOp::And));
        left_to_right(all, word("OR", OPERATOR).to(BinaryOp::Or))
    })
}

/// `operand {operator operand}`
fn left_to_right<'t>(
    operand: impl Grammar<'t, Expr>,
    operator: impl Grammar<'t, BinaryOp>,
) -> impl Grammar<'t, Expr> {
    operand
        .clone()
        .foldl(operator.then(operand).repeated(), |l, (op, r)| {
            Expr::Binary(op, Box::new(l), Box::new(r))
        })
        .boxed()
}

/// One comparison at most: they don't chain.
fn comparison<'t>(
    sum: impl Grammar<'t, Expr>,
    expr: impl Grammar<'t, Expr>,
) -> impl Grammar<'t, Expr> {
    let escape =
        keyword("ESCAPE").ignore_then(text().labelled("one character in quotes").validate(
            |text, e, emitter| {
                let mut chars = text.chars();
                let first = chars.next();
                if first.is_none() || chars.next().is_some() {
                    emitter.emit(Rich::custom(e.span(), "ESCAPE takes one character"));
                }
                first.unwrap_or_default()
            },
        ));
    let list = expr
        .separated_by(symbol(",", "','"))
        .at_least(1)
        .collect()
        .delimited_by(symbol("(", "'('"), symbol(")", "')'"));
    let negatable = choice((
        word("IN", OPERATOR).ignore_then(list).map(Test::In),
        word("BETWEEN", OPERATOR)
            .ignore_then(sum.clone())
            .then_ignore(keyword("AND"))
            .then(sum.clone())
            .map(|(low, high)| Test::Between(low, high)),
        word("LIKE", OPERATOR)
            .ignore_then(sum.clone())
            .then(escape.or_not())
            .map(|(pattern, escape)| Test::Like(pattern, escape)),
    ))
    .boxed();
    let test = choice((
        operator(&words::COMPARISONS)
            .then(sum.clone())
            .map(|(op, e)| (false, Test::Compare(op, e))),
        word("IS", OPERATOR)
            .ignore_then(word("NOT", "NOT").or_not())
            .then_ignore(keyword("NULL"))
            .map(|not| (not.is_some(), Test::IsNull)),
        word("NOT", OPERATOR)
            .ignore_then(negatable.clone().labelled("IN, BETWEEN or LIKE"))
            .map(|test| (true, test)),
        negatable.map(|test| (false, test)),
    ));
    sum.then(test.or_not()).map(|(operand, test)| {
        let Some((negated, test)) = test else {
            return operand;
        };
        let expr = Box::new(operand);
        match test {
            Test::Compare(op, right) => Expr::Binary(op, expr, Box::new(right)),
            Test::IsNull => Expr::IsNull { expr, negated },
            Test::In(list) => Expr::In {
                expr,
                list,
                negated,
            },
            Test::Between(low, high) => Expr::Between {
                expr,
                low: Box::new(low),
                high: Box::new(high),
                negated,
            },
            Test::Like(pattern, escape) => Expr::Like {
                expr,
                pattern: Box::new(pattern),
                escape,
                negated,
            },
        }
    })
}

fn value<'t>(expr: impl Grammar<'t, Expr>) -> impl Grammar<'t, Expr> {
    let fields = symbol(".", QUIET)
        .ignore_then(identifier().map(|(name, _)| name).labelled(FIELD))
        .repeated()
        .collect();
    let over = symbol("*", QUIET)
        .ignore_then(fields)
        .map(Over::All)
        .or(path().map(Over::Name))
        .labelled("a name or *");
    let aggregate =
        select(|t: Token, _| meaning(&words::AGGREGATES, t.text).map(|a| (a, t.column)))
            .then_ignore(symbol("(", QUIET))
            .then(over)
            .then_ignore(symbol(")", "')'"))
            .map(|((aggregate, column), over)| Expr::Aggregate {
                aggregate,
                over,
                column,
            });
    let call = token(|t| t.is_name() && meaning(&words::AGGREGATES, t.text).is_none())
        .then_ignore(symbol("(", QUIET))
        .then(
            expr.clone()
                .separated_by(symbol(",", "','"))
                .collect()
                .then_ignore(symbol(")", "')'")),
        )
        .validate(
            |(name, args), e, emitter| match meaning(&words::FUNCTIONS, name.text) {
                Some(function) => Expr::Call {
                    function,
                    args,
                    column: name.column,
                },
                None => {
                    emitter.emit(Rich::custom(e.span(), no_function(name.text)));
                    Expr::Null
                }
            },
        );
    choice((
        number().map(Expr::Number),
        text().map(Expr::Text),
        word("TRUE", VALUE).to(Expr::Bool(true)),
        word("FALSE", VALUE).to(Expr::Bool(false)),
        word("NULL", VALUE).to(Expr::Null),
        aggregate,
        call,
        expr.clone()
            .delimited_by(symbol("(", VALUE), symbol(")", "')'")),
        path().map(Expr::Path),
    ))
    .labelled(VALUE)
    .boxed()
}

fn no_function(name: &str) -> String {
    let functions = words::FUNCTIONS.iter().map(|&(name, _)| name);
    let aggregates = words::AGGREGATES.iter().map(|&(name, _)| name);
    match words::nearest(name, functions.chain(aggregates)) {
        Some(known) => format!("there is no function '{name}' (did you mean {known}?)"),
        None => format!("there is no function '{name}'"),
    }
}

pub(super) fn path<'t>() -> impl Grammar<'t, Path> {
    identifier()
        .then(
            symbol(".", QUIET)
                .ignore_then(identifier().labelled(FIELD))
                .repeated()
                .collect::<Vec<_>>(),
        )
        .map(|((first, column), rest)| Path {
            segments: std::iter::once(first)
                .chain(rest.into_iter().map(|(name, _)| name))
                .collect(),
            column,
        })
}
