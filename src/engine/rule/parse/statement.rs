//! Saccules: statements with `;` between them. Each begins with its keyword; none of these is reserved.

use chumsky::prelude::{choice, end, Parser, Rich};
use chumsky::IterParser;

use super::expr::{expr, path};
use super::tokens::*;
use crate::engine::rule::statement::{Saccule, Statement};
use crate::engine::rule::words;

/// The most statements of a saccule.
const MAX_STATEMENTS: usize = 256;
/// The longest reason, in characters: it stands in every entry about a rejected event.
pub(in crate::engine) const MAX_REASON: usize = 256;

/// A whole saccule.
pub(in crate::engine::rule) fn saccule<'t>() -> impl Grammar<'t, Saccule> {
    statement()
        .separated_by(symbol(";", "';'"))
        .at_least(1)
        .allow_trailing()
        .collect::<Vec<_>>()
        .validate(|statements, e, emitter| {
            if statements.len() > MAX_STATEMENTS {
                let message = format!(
                    "a saccule has at most {MAX_STATEMENTS} statements, this one has {}",
                    statements.len()
                );
                emitter.emit(Rich::custom(e.span(), message));
            }
            Saccule { statements }
        })
        .then_ignore(end())
}

fn statement<'t>() -> impl Grammar<'t, Statement> {
    let expr = expr().boxed();
    let assigned = field()
        .then_ignore(symbol("=", "'='"))
        .then(expr.clone())
        .boxed();
    let require = keyword("REQUIRE")
        .ignore_then(expr.clone())
        .then(keyword("ELSE").ignore_then(reason()).or_not())
        .map(|(expr, reason)| Statement::Require { expr, reason });
    let skip = keyword("SKIP")
        .then(keyword("WHEN"))
        .ignore_then(expr)
        .map(Statement::Skip);
    let set = keyword("SET")
        .ignore_then(assigned.clone())
        .map(|(field, expr)| Statement::Set { field, expr });
    let default = keyword("DEFAULT")
        .ignore_then(assigned)
        .map(|(field, expr)| Statement::Default { field, expr });
    let names = field().then_ignore(keyword("TO")).then(field());
    let rename = keyword("RENAME").ignore_then(names.validate(|(from, to), e, emitter| {
        if from == to {
            let message = format!("'{from}' has that name already");
            emitter.emit(Rich::custom(e.span(), message));
        }
        Statement::Rename { from, to }
    }));
    let drop = keyword("DROP").ignore_then(field()).map(Statement::Drop);
    let cast = keyword("CAST")
        .ignore_then(field())
        .then_ignore(keyword("AS"))
        .then(one_of(&words::CASTS, "NUMBER, TEXT, BOOL or TIME"))
        .map(|(field, to)| Statement::Cast { field, to });
    choice((require, skip, set, default, rename, drop, cast)).boxed()
}

/// A field of the entry; what is within its JSON can be read and not be changed.
fn field<'t>() -> impl Grammar<'t, String> {
    path().labelled(FIELD).validate(|path, e, emitter| {
        if path.segments.len() > 1 {
            let message = format!(
                "only whole fields are changed, and '{path}' is a part of '{}'",
                path.segments[0]
            );
            emitter.emit(Rich::custom(e.span(), message));
        }
        path.segments.into_iter().next().unwrap_or_default()
    })
}

fn reason<'t>() -> impl Grammar<'t, String> {
    text()
        .labelled("a text in quotes")
        .validate(|text, e, emitter| {
            let length = text.chars().count();
            if !(1..=MAX_REASON).contains(&length) {
                let message =
                    format!("a reason has 1 to {MAX_REASON} characters, this one has {length}");
                emitter.emit(Rich::custom(e.span(), message));
            }
            text
        })
}
