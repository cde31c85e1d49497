//! Text → tokens.
//!
//! The lexer knows no context. Dashes and dots are tokens of their own, and the parser joins `order.created-2`
//! to one name where a name may stand, from the tokens that touch (`Token::glued`); in an expression the same
//! tokens are a path and a minus.

use super::ast::Column;
use super::words::is_reserved;
use crate::engine::error::{Error, Result};

/// The longest text of a rule, in bytes.
pub const MAX_TEXT: usize = 64 * 1024;

/// How deep brackets, `NOT` and unary minus may nest.
pub const MAX_DEPTH: usize = 32;

/// How many operators a rule may have: the depth of a tree that is built from a chain of them.
pub const MAX_OPERATORS: usize = 512;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// `[A-Za-z_][A-Za-z0-9_]*`: a keyword, a name or a piece of one.
    Word,
    /// Digits alone.
    Int,
    /// A number with a fraction or an exponent.
    Number,
    /// `'text'`, with its quotes.
    Text,
    /// `"name"`, with its quotes.
    Quoted,
    Symbol,
}

#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Token<'a> {
    pub kind: Kind,
    /// As it stands in the rule's text.
    pub text: &'a str,
    pub column: Column,
    /// Nothing stands between the token before and this one.
    pub glued: bool,
}

impl Token<'_> {
    /// Whether this is the given keyword, in whatever case.
    pub fn is_word(&self, word: &str) -> bool {
        self.kind == Kind::Word && self.text.eq_ignore_ascii_case(word)
    }

    pub fn is_symbol(&self, symbol: &str) -> bool {
        self.kind == Kind::Symbol && self.text == symbol
    }

    /// Whether this is a word that can be a name.
    pub fn is_name(&self) -> bool {
        self.kind == Kind::Word && !is_reserved(self.text)
    }

    /// What stands between the quotes of a `Text` or `Quoted`.
    pub fn unquoted(&self) -> String {
        let quote = &self.text[..1];
        let doubled = quote.repeat(2);
        self.text[1..self.text.len() - 1].replace(&doubled, quote)
    }

    /// The column behind the token.
    pub fn end(&self) -> Column {
        Column(self.column.0 + self.text.chars().count() as u32)
    }
}

/// The language of a text: rules and saccules have the same tokens, but for one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Language {
    Rule,
    Saccule,
}

impl Language {
    /// What its texts are, in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Rule => "rule",
            Self::Saccule => "saccule",
        }
    }

    fn has(self, symbol: &str) -> bool {
        symbol != ";" || self == Self::Saccule
    }
}

/// Longer symbols first, since the first that fits is taken.
const SYMBOLS: [&str; 24] = [
    "->", "!=", "<>", "<=", ">=", "<", ">", "=", "+", "-", "*", "/", "%", "(", ")", "[", "]", "{",
    "}", ",", ".", "@", "?", ";",
];

/// Refuses a text of more bytes than there may be; `form` says in which form it has them.
pub(super) fn check_length(language: Language, length: usize, form: &str) -> Result<()> {
    match length {
        0..=MAX_TEXT => Ok(()),
        _ => Err(Error::new(format!(
            "a {}'s text has at most {MAX_TEXT} bytes, this one has {length}{form}",
            language.name()
        ))),
    }
}

/// The tokens of a text.
pub(super) fn lex(text: &str, language: Language) -> Result<Vec<Token<'_>>> {
    check_length(language, text.len(), "")?;
    let mut tokens = Vec::new();
    let mut rest = text;
    let mut column = 1;
    let mut glued = false;
    while let Some(c) = rest.chars().next() {
        let at = Column(column);
        let (kind, length) = if c.is_whitespace() {
            (None, c.len_utf8())
        } else if rest.starts_with("--") {
            (None, rest.find('\n').unwrap_or(rest.len()))
        } else {
            let (kind, length) = token(rest, c, at, language)?;
            (Some(kind), length)
        };
        let (piece, after) = rest.split_at(length);
        if let Some(kind) = kind {
            tokens.push(Token {
                kind,
                text: piece,
                column: at,
                glued,
            });
        }
        glued = kind.is_some();
        column += piece.chars().count() as u32;
        rest = after;
    }
    check_depth(&tokens, language)?;
    Ok(tokens)
}

/// The token at the start of `rest`, whose first character is `c`: its kind and its length in bytes.
fn token(rest: &str, c: char, at: Column, language: Language) -> Result<(Kind, usize)> {
    let symbol = |symbol: &&&str| language.has(symbol) && rest.starts_with(**symbol);
    let bytes = rest.as_bytes();
    if c.is_ascii_alphabetic() || c == '_' {
        let length = prefix(bytes, |b| b.is_ascii_alphanumeric() || b == b'_');
        Ok((Kind::Word, length))
    } else if c.is_ascii_digit() || (c == '.' && bytes.get(1).is_some_and(u8::is_ascii_digit)) {
        Ok(number(bytes))
    } else if c == '\'' || c == '"' {
        quoted(rest, c, at)
    } else if let Some(symbol) = SYMBOLS.iter().find(symbol) {
        Ok((Kind::Symbol, symbol.len()))
    } else if c.is_alphabetic() {
        Err(Error::at(
            at,
            format!("unexpected character '{c}' (a name with such letters is written in quotes)"),
        ))
    } else {
        Err(Error::at(at, format!("unexpected character '{c}'")))
    }
}

/// How many bytes at the start fit.
fn prefix(bytes: &[u8], fits: impl Fn(u8) -> bool) -> usize {
    bytes.iter().take_while(|b| fits(**b)).count()
}

/// `12`, `12.5`, `.5`, `1e3`; a dot or an `e` without digits behind it is not part of the number.
fn number(bytes: &[u8]) -> (Kind, usize) {
    let digits = |from: usize| prefix(&bytes[from..], |b| b.is_ascii_digit());
    let mut kind = Kind::Int;
    let mut length = digits(0);
    if bytes.get(length) == Some(&b'.') && digits(length + 1) > 0 {
        kind = Kind::Number;
        length += 1 + digits(length + 1);
    }
    if matches!(bytes.get(length), Some(b'e' | b'E')) {
        let sign = usize::from(matches!(bytes.get(length + 1), Some(b'+' | b'-')));
        let exponent = bytes
            .get(length + 1 + sign..)
            .map_or(0, |_| digits(length + 1 + sign));
        if exponent > 0 {
            kind = Kind::Number;
            length += 1 + sign + exponent;
        }
    }
    (kind, length)
}

/// `'text'` or `"name"`; the quote is doubled to stand in it.
fn quoted(rest: &str, quote: char, at: Column) -> Result<(Kind, usize)> {
    let (kind, what) = if quote == '\'' {
        (Kind::Text, "text")
    } else {
        (Kind::Quoted, "name")
    };
    let mut length = 1;
    while let Some(found) = rest[length..].find(quote) {
        length += found + 1;
        if !rest[length..].starts_with(quote) {
            return match rest[..length].contains('\0') {
                true => Err(Error::at(
                    at,
                    format!("a {what} can't hold the character NUL"),
                )),
                false => Ok((kind, length)),
            };
        }
        length += 1;
    }
    Err(Error::at(
        at,
        format!("the {what} that begins here has no closing {quote}"),
    ))
}

/// Refuses what would make the parser, or whoever walks the tree, recurse too deep.
fn check_depth(tokens: &[Token], language: Language) -> Result<()> {
    let what = language.name();
    let mut open = Vec::new();
    let mut depth = 0;
    // Signs and NOTs that stand directly before the current token; a bracket keeps them open.
    let mut prefixes = 0;
    let mut operators = 0;
    for token in tokens {
        let prefix = token.is_symbol("-") || token.is_word("NOT");
        match (token.kind, token.text) {
            (Kind::Symbol, "(" | "[" | "{") => {
                open.push(prefixes + 1);
                depth += prefixes + 1;
                prefixes = 0;
            }
            (Kind::Symbol, ")" | "]" | "}") => {
                depth -= open.pop().unwrap_or(0);
                prefixes = 0;
            }
            _ if prefix => prefixes += 1,
            _ => prefixes = 0,
        }
        if depth + prefixes > MAX_DEPTH {
            return Err(Error::at(
                token.column,
                format!("a {what} nests at most {MAX_DEPTH} deep"),
            ));
        }
        operators += usize::from(is_operator(token));
        if operators > MAX_OPERATORS {
            return Err(Error::at(
                token.column,
                format!("a {what} has at most {MAX_OPERATORS} operators"),
            ));
        }
    }
    Ok(())
}

fn is_operator(token: &Token) -> bool {
    match token.kind {
        Kind::Symbol => matches!(
            token.text,
            "->" | "!=" | "<>" | "<=" | ">=" | "<" | ">" | "=" | "+" | "-" | "*" | "/" | "%"
        ),
        Kind::Word => ["AND", "OR", "NOT"].iter().any(|w| token.is_word(w)),
        _ => false,
    }
}
