//! The parsed form of a saccule: what it asks of events, and what it makes of them.
//!
//! As with rules, printing the tree gives the canonical text, and parsing that gives the same tree again.

use std::fmt::{Display, Formatter, Result};

use super::ast::Expr;
use super::print::{identifier, quote};
use super::words::{spelling, CASTS};

/// A saccule: what `LEAFLET.SACCULE.ADD` takes. At least one statement.
#[derive(Debug, Clone, PartialEq)]
pub struct Saccule {
    /// In the order in which they are carried out.
    pub statements: Vec<Statement>,
}

/// One thing that a saccule does. Its fields are whole fields of the entry; expressions also see into their JSON.
#[derive(Debug, Clone, PartialEq)]
pub enum Statement {
    /// `REQUIRE expr [ELSE 'reason']`: rejects the event where the condition is not TRUE.
    Require { expr: Expr, reason: Option<String> },
    /// `SKIP WHEN expr`: the event goes no further where the condition is TRUE.
    Skip(Expr),
    /// `SET field = expr`; NULL leaves the field out.
    Set { field: String, expr: Expr },
    /// `DEFAULT field = expr`: the same where the field is missing.
    Default { field: String, expr: Expr },
    /// `RENAME from TO to`: takes the place of a field that has the name already.
    Rename { from: String, to: String },
    /// `DROP field`
    Drop(String),
    /// `CAST field AS …`: rejects the event where the field can't be read so.
    Cast { field: String, to: Cast },
}

/// What a field is read as, and written as in one way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cast {
    Number,
    Text,
    Bool,
    Time,
}

impl Statement {
    /// Its expression, if it has one.
    pub fn expr(&self) -> Option<&Expr> {
        match self {
            Self::Require { expr, .. }
            | Self::Skip(expr)
            | Self::Set { expr, .. }
            | Self::Default { expr, .. } => Some(expr),
            Self::Rename { .. } | Self::Drop(_) | Self::Cast { .. } => None,
        }
    }
}

impl Display for Saccule {
    fn fmt(&self, f: &mut Formatter) -> Result {
        for (number, statement) in self.statements.iter().enumerate() {
            if number > 0 {
                f.write_str("; ")?;
            }
            statement.fmt(f)?;
        }
        Ok(())
    }
}

impl Display for Statement {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match self {
            Self::Require { expr, reason } => {
                write!(f, "REQUIRE {expr}")?;
                match reason {
                    Some(reason) => {
                        f.write_str(" ELSE ")?;
                        quote(f, reason, '\'')
                    }
                    None => Ok(()),
                }
            }
            Self::Skip(expr) => write!(f, "SKIP WHEN {expr}"),
            Self::Set { field, expr } => assign(f, "SET ", field, expr),
            Self::Default { field, expr } => assign(f, "DEFAULT ", field, expr),
            Self::Rename { from, to } => {
                f.write_str("RENAME ")?;
                identifier(f, from)?;
                f.write_str(" TO ")?;
                identifier(f, to)
            }
            Self::Drop(field) => {
                f.write_str("DROP ")?;
                identifier(f, field)
            }
            Self::Cast { field, to } => {
                f.write_str("CAST ")?;
                identifier(f, field)?;
                write!(f, " AS {}", spelling(&CASTS, *to))
            }
        }
    }
}

fn assign(f: &mut Formatter, keyword: &str, field: &str, expr: &Expr) -> Result {
    f.write_str(keyword)?;
    identifier(f, field)?;
    write!(f, " = {expr}")
}
