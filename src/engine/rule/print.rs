//! Tree → canonical text: capitals for keywords, single spaces, quotes and brackets only where needed.
//!
//! `parse(rule.to_string())` gives `rule` again, and the `event_id` of every match depends on this text: a
//! change here is a change of the ids.

use std::fmt::{Display, Formatter, Result};

use super::ast::*;
use super::words::{self, is_reserved, spelling};

impl Display for Rule {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match self {
            Rule::Match(rule) => rule.fmt(f),
            Rule::Integrate(rule) => rule.fmt(f),
        }
    }
}

impl Display for Match {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, "MATCH {}", self.pattern)?;
        clause(f, "WHERE", self.filter.as_ref())?;
        list(f, " PARTITION BY ", &self.partition_by)?;
        write!(f, " WITHIN {}", self.within)?;
        clause(
            f,
            "SELECT",
            self.select.map(|s| spelling(&words::SELECTS, s)),
        )?;
        clause(
            f,
            "CONSUME",
            self.consume.map(|c| spelling(&words::CONSUMES, c)),
        )?;
        clause(f, "HAVING", self.having.as_ref())?;
        clause(f, "LIMIT", self.limit)?;
        list(f, " EMIT ", &self.emit)
    }
}

impl Display for Integrate {
    fn fmt(&self, f: &mut Formatter) -> Result {
        list(f, "INTEGRATE ", &self.inputs)?;
        write!(f, " DECAY {} THRESHOLD ", self.decay)?;
        number(f, self.threshold)?;
        if let Some(axons) = self.from_axons {
            write!(f, " FROM {axons} AXONS")?;
        }
        clause(f, "REFRACTORY", self.refractory)?;
        clause(f, "RESET", self.reset.map(|r| spelling(&words::RESETS, r)))?;
        list(f, " PARTITION BY ", &self.partition_by)?;
        write!(f, " WITHIN {}", self.within)?;
        clause(f, "LIMIT", self.limit)?;
        list(f, " EMIT ", &self.emit)
    }
}

impl Display for Input {
    fn fmt(&self, f: &mut Formatter) -> Result {
        self.atom.fmt(f)?;
        clause(f, "WEIGHT", self.weight.as_ref())
    }
}

impl Display for Limit {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, "{} PER {}", self.count, self.per)
    }
}

impl Display for Emit {
    fn fmt(&self, f: &mut Formatter) -> Result {
        // No word is reserved here.
        if is_word(&self.field) {
            f.write_str(&self.field)?;
        } else {
            quote(f, &self.field, '"')?;
        }
        write!(f, " = {}", self.expr)
    }
}

impl Display for Duration {
    fn fmt(&self, f: &mut Formatter) -> Result {
        write!(f, "{}{}", self.count, spelling(&words::UNITS, self.unit))
    }
}

impl Display for Pattern {
    fn fmt(&self, f: &mut Formatter) -> Result {
        self.write(f, Pattern::SEQ)
    }
}

impl Pattern {
    // How tightly the operators bind.
    const SEQ: u8 = 1;
    const OR: u8 = 2;
    const AND: u8 = 3;
    const OPERAND: u8 = 4;

    /// The text as part of something that takes nothing looser than `least` without brackets.
    fn write(&self, f: &mut Formatter, least: u8) -> Result {
        let (binding, operator, members) = match self {
            Pattern::Seq(members) => (Self::SEQ, " -> ", members),
            Pattern::Or(members) => (Self::OR, " OR ", members),
            Pattern::And(members) => (Self::AND, " AND ", members),
            Pattern::Of {
                count, patterns, ..
            } => {
                list(f, &format!("{count} OF ("), patterns)?;
                return f.write_str(")");
            }
            Pattern::Not { atom, for_, .. } => {
                write!(f, "NOT {atom}")?;
                return clause(f, "FOR", *for_);
            }
            Pattern::Atom(atom) => return atom.fmt(f),
        };
        bracketed(f, binding < least, |f| {
            for (i, member) in members.iter().enumerate() {
                if i > 0 {
                    f.write_str(operator)?;
                }
                member.write(f, (binding + 1).min(Self::OPERAND))?;
            }
            Ok(())
        })
    }
}

impl Display for Atom {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match &self.event_type {
            Some(name) => stream_name(f, name)?,
            None => f.write_str("ANY")?,
        }
        if let Some(axon) = &self.axon {
            f.write_str("@")?;
            stream_name(f, axon)?;
        }
        if let Some(predicate) = &self.predicate {
            write!(f, "[{predicate}]")?;
        }
        if let Some(quantifier) = &self.quantifier {
            quantifier.fmt(f)?;
        }
        if let Some(alias) = &self.alias {
            f.write_str(" AS ")?;
            identifier(f, alias)?;
        }
        Ok(())
    }
}

impl Display for Quantifier {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match (self.min, self.max) {
            (0, None) => f.write_str("*"),
            (1, None) => f.write_str("+"),
            (0, Some(1)) => f.write_str("?"),
            (min, None) => write!(f, "{{{min},}}"),
            (min, Some(max)) if min == max => write!(f, "{{{min}}}"),
            (min, Some(max)) => write!(f, "{{{min},{max}}}"),
        }
    }
}

impl Display for Path {
    fn fmt(&self, f: &mut Formatter) -> Result {
        dotted(f, &self.segments)
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter) -> Result {
        self.write(f, Expr::OR)
    }
}

impl Expr {
    // How tightly the operators bind.
    const OR: u8 = 1;
    const AND: u8 = 2;
    const NOT: u8 = 3;
    const COMPARISON: u8 = 4;
    const SUM: u8 = 5;
    const PRODUCT: u8 = 6;
    const SIGN: u8 = 7;
    const VALUE: u8 = 8;

    fn binding(&self) -> u8 {
        match self {
            Expr::Binary(op, ..) => match op {
                BinaryOp::Or => Self::OR,
                BinaryOp::And => Self::AND,
                BinaryOp::Add | BinaryOp::Sub => Self::SUM,
                BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => Self::PRODUCT,
                _ => Self::COMPARISON,
            },
            Expr::Not(_) => Self::NOT,
            Expr::In { .. } | Expr::Between { .. } | Expr::Like { .. } | Expr::IsNull { .. } => {
                Self::COMPARISON
            }
            Expr::Negate(_) => Self::SIGN,
            _ => Self::VALUE,
        }
    }

    /// The text as part of something that takes nothing looser than `least` without brackets.
    fn write(&self, f: &mut Formatter, least: u8) -> Result {
        bracketed(f, self.binding() < least, |f| self.write_bare(f))
    }

    fn write_bare(&self, f: &mut Formatter) -> Result {
        let not = |negated: bool| if negated { " NOT" } else { "" };
        match self {
            Expr::Text(text) => quote(f, text, '\''),
            Expr::Number(n) => number(f, *n),
            Expr::Bool(true) => f.write_str("TRUE"),
            Expr::Bool(false) => f.write_str("FALSE"),
            Expr::Null => f.write_str("NULL"),
            Expr::Path(path) => path.fmt(f),
            Expr::Negate(expr) => {
                // A sign directly behind a sign would begin a comment.
                let sign = if matches!(**expr, Expr::Negate(_)) {
                    "- "
                } else {
                    "-"
                };
                f.write_str(sign)?;
                expr.write(f, Self::SIGN)
            }
            Expr::Not(expr) => {
                f.write_str("NOT ")?;
                expr.write(f, Self::NOT)
            }
            Expr::Binary(op, left, right) => {
                let binding = self.binding();
                // Comparisons don't chain; all others group to the left.
                let chains = binding != Self::COMPARISON;
                left.write(f, binding + u8::from(!chains))?;
                write!(f, " {} ", operator(*op))?;
                right.write(f, binding + 1)
            }
            Expr::In {
                expr,
                list: values,
                negated,
            } => {
                expr.write(f, Self::SUM)?;
                list(f, &format!("{} IN (", not(*negated)), values)?;
                f.write_str(")")
            }
            Expr::Between {
                expr,
                low,
                high,
                negated,
            } => {
                expr.write(f, Self::SUM)?;
                write!(f, "{} BETWEEN ", not(*negated))?;
                low.write(f, Self::SUM)?;
                f.write_str(" AND ")?;
                high.write(f, Self::SUM)
            }
            Expr::Like {
                expr,
                pattern,
                escape,
                negated,
            } => {
                expr.write(f, Self::SUM)?;
                write!(f, "{} LIKE ", not(*negated))?;
                pattern.write(f, Self::SUM)?;
                match escape {
                    Some(c) => {
                        f.write_str(" ESCAPE ")?;
                        quote(f, c.encode_utf8(&mut [0; 4]), '\'')
                    }
                    None => Ok(()),
                }
            }
            Expr::IsNull { expr, negated } => {
                expr.write(f, Self::SUM)?;
                write!(f, " IS{} NULL", not(*negated))
            }
            Expr::Call { function, args, .. } => {
                write!(f, "{}(", words::function_name(*function))?;
                list(f, "", args)?;
                f.write_str(")")
            }
            Expr::Aggregate {
                aggregate, over, ..
            } => {
                write!(f, "{}({over})", spelling(&words::AGGREGATES, *aggregate))
            }
        }
    }
}

impl Display for Over {
    fn fmt(&self, f: &mut Formatter) -> Result {
        match self {
            Over::Name(path) => path.fmt(f),
            Over::All(fields) => {
                f.write_str("*")?;
                if !fields.is_empty() {
                    f.write_str(".")?;
                }
                dotted(f, fields)
            }
        }
    }
}

fn operator(op: BinaryOp) -> &'static str {
    match op {
        BinaryOp::Or => "OR",
        BinaryOp::And => "AND",
        BinaryOp::Add | BinaryOp::Sub => spelling(&words::ADDITIVE, op),
        BinaryOp::Mul | BinaryOp::Div | BinaryOp::Rem => spelling(&words::MULTIPLICATIVE, op),
        _ => spelling(&words::COMPARISONS, op),
    }
}

fn bracketed(
    f: &mut Formatter,
    needed: bool,
    write: impl FnOnce(&mut Formatter) -> Result,
) -> Result {
    if !needed {
        return write(f);
    }
    f.write_str("(")?;
    write(f)?;
    f.write_str(")")
}

/// ` KEYWORD value`, where there is a value.
fn clause(f: &mut Formatter, keyword: &str, value: Option<impl Display>) -> Result {
    match value {
        Some(value) => write!(f, " {keyword} {value}"),
        None => Ok(()),
    }
}

/// `start a, b`; nothing where the list is empty.
fn list(f: &mut Formatter, start: &str, items: &[impl Display]) -> Result {
    for (i, item) in items.iter().enumerate() {
        f.write_str(if i == 0 { start } else { ", " })?;
        item.fmt(f)?;
    }
    Ok(())
}

fn dotted(f: &mut Formatter, segments: &[String]) -> Result {
    for (i, segment) in segments.iter().enumerate() {
        if i > 0 {
            f.write_str(".")?;
        }
        identifier(f, segment)?;
    }
    Ok(())
}

pub(super) fn identifier(f: &mut Formatter, name: &str) -> Result {
    if is_word(name) && !is_reserved(name) {
        f.write_str(name)
    } else {
        quote(f, name, '"')
    }
}

/// A type or an axon. `--` would begin a comment, and a name can't begin with a reserved word.
fn stream_name(f: &mut Formatter, name: &str) -> Result {
    let first = name.split(['.', '-']).next().unwrap_or_default();
    let plain = is_word(first)
        && !is_reserved(first)
        && !name.contains("--")
        && name
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'.' | b'-'));
    if plain {
        f.write_str(name)
    } else {
        quote(f, name, '\'')
    }
}

/// `[A-Za-z_][A-Za-z0-9_]*`
fn is_word(name: &str) -> bool {
    !name.starts_with(|c: char| c.is_ascii_digit())
        && !name.is_empty()
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

pub(super) fn quote(f: &mut Formatter, text: &str, quote: char) -> Result {
    let doubled = [quote, quote].iter().collect::<String>();
    write!(f, "{quote}{}{quote}", text.replace(quote, &doubled))
}

/// The shortest digits that read back as the same number; an exponent only where it saves a row of zeros.
fn number(f: &mut Formatter, n: f64) -> Result {
    if n == 0.0 || (1e-7..1e21).contains(&n.abs()) {
        write!(f, "{n}")
    } else {
        write!(f, "{n:e}")
    }
}

/// A text, cut to so many characters.
pub(in crate::engine) fn shown(text: &str, longest: usize) -> String {
    match text.char_indices().nth(longest) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}
