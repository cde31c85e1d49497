//! The engine's one error type.

use std::fmt;

/// Why a definition was refused; `Display` gives one line, without the `ERR LEAFLET: ` in front.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Error(String);

impl Error {
    /// An error with this message. Control characters are escaped, so that the line stays one line.
    pub fn new(message: impl Into<String>) -> Self {
        let message = message.into();
        if message.chars().any(char::is_control) {
            Self(message.chars().fold(String::new(), |mut line, c| {
                if c.is_control() {
                    line.extend(c.escape_default());
                } else {
                    line.push(c);
                }
                line
            }))
        } else {
            Self(message)
        }
    }

    /// An error at a place in a rule's text: `column 13: expected …, found …`.
    pub fn at(column: super::rule::ast::Column, message: impl fmt::Display) -> Self {
        Self::new(format!("column {}: {message}", column.0))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}

/// The engine's results.
pub type Result<T> = std::result::Result<T, Error>;
