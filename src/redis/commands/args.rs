//! Reading a command's arguments.

use super::{Refusal, Request};
use crate::engine::rule::ast::Duration;
use crate::engine::Error;

/// The arguments of a command, taken one by one.
pub struct Args<'a> {
    items: &'a [&'a [u8]],
    at: usize,
}

impl<'a> Args<'a> {
    pub fn new(request: &Request<'a>) -> Self {
        Self {
            items: request.args,
            at: 0,
        }
    }

    /// All arguments have been taken.
    pub fn done(&self) -> bool {
        self.at == self.items.len()
    }

    /// The next argument; `what` names it in errors.
    pub fn bytes(&mut self, what: &str) -> Result<&'a [u8], Refusal> {
        let bytes = *self
            .items
            .get(self.at)
            .ok_or_else(|| refusal(format!("{what} is missing")))?;
        self.at += 1;
        Ok(bytes)
    }

    /// The next argument as text; `what` names it in errors.
    pub fn text(&mut self, what: &str) -> Result<&'a str, Refusal> {
        let bytes = self.bytes(what)?;
        std::str::from_utf8(bytes).map_err(|_| refusal(format!("{what} is not UTF-8 text")))
    }

    /// The next argument as a whole number.
    pub fn number(&mut self, what: &str) -> Result<u64, Refusal> {
        let text = self.text(what)?;
        if text.bytes().all(|byte| byte.is_ascii_digit()) {
            if let Ok(number) = text.parse() {
                return Ok(number);
            }
        }
        Err(refusal(format!(
            "{what} must be a whole number, found '{}'",
            shortened(text.as_bytes())
        )))
    }

    /// The next argument as a number of ms, or as a duration as in rules: `5s`.
    pub fn millis(&mut self, what: &str) -> Result<u64, Refusal> {
        let text = self.text(what)?;
        Duration::parse(text)
            .or_else(|| Duration::parse(&format!("{text}ms")))
            .and_then(Duration::millis)
            .ok_or_else(|| {
                refusal(format!(
                    "{what} must be a number of ms or a duration such as 5s, found '{}'",
                    shortened(text.as_bytes())
                ))
            })
    }

    /// Takes the next argument if it is this keyword, in any case.
    pub fn keyword(&mut self, keyword: &str) -> bool {
        let found = self
            .items
            .get(self.at)
            .is_some_and(|item| item.eq_ignore_ascii_case(keyword.as_bytes()));
        self.at += usize::from(found);
        found
    }

    /// The next argument is one of these keywords, in any case.
    pub fn at_keyword(&self, keywords: &[&str]) -> bool {
        self.items.get(self.at).is_some_and(|item| {
            keywords
                .iter()
                .any(|keyword| item.eq_ignore_ascii_case(keyword.as_bytes()))
        })
    }

    /// The next argument is none of the options that may stand here.
    pub fn unknown_option(&self, expected: &str) -> Refusal {
        let found = self.items.get(self.at).copied().unwrap_or_default();
        refusal(format!(
            "unknown option '{}' (argument {}), expected {expected}",
            shortened(found),
            self.at + 1
        ))
    }

    /// `[DOMAIN d] [RULE r]`, in any order.
    pub fn domain_and_rule(&mut self) -> Result<(Option<&'a str>, Option<&'a str>), Refusal> {
        let (mut domain, mut rule) = (None, None);
        while !self.done() {
            if self.keyword("DOMAIN") {
                once(&mut domain, self.text("the domain")?, "DOMAIN")?;
            } else if self.keyword("RULE") {
                once(&mut rule, self.text("the rule")?, "RULE")?;
            } else {
                return Err(self.unknown_option("DOMAIN or RULE"));
            }
        }
        Ok((domain, rule))
    }

    /// `[DOMAIN d]`, the only option a command has.
    pub fn domain(&mut self) -> Result<Option<&'a str>, Refusal> {
        let mut domain = None;
        while !self.done() {
            if !self.keyword("DOMAIN") {
                return Err(self.unknown_option("DOMAIN"));
            }
            once(&mut domain, self.text("the domain")?, "DOMAIN")?;
        }
        Ok(domain)
    }
}

/// Sets an option that may be given once.
pub fn once<T>(option: &mut Option<T>, value: T, name: &str) -> Result<(), Refusal> {
    match option.replace(value) {
        None => Ok(()),
        Some(_) => Err(refusal(format!("{name} is given twice"))),
    }
}

/// A refusal with this message.
pub fn refusal(message: impl Into<String>) -> Refusal {
    Refusal::Error(Error::new(message))
}

/// What was found, short enough for an error line.
pub fn shortened(bytes: &[u8]) -> String {
    const LONGEST: usize = 64;
    let text = String::from_utf8_lossy(bytes);
    match text.char_indices().nth(LONGEST) {
        None => text.into_owned(),
        Some((end, _)) => format!("{}…", &text[..end]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn args<'a>(items: &'a [&'a [u8]]) -> Args<'a> {
        Args::new(&Request {
            args: items,
            db: 0,
            loading: false,
            may: &|_, _| true,
            submit: &|_| {},
            settle: &|_, _| Vec::new(),
            entries: &crate::redis::lineage::NoEntries,
            backtest: &|_| Ok(super::super::Reply::Later),
        })
    }

    fn message<T>(result: Result<T, Refusal>) -> String {
        match result {
            Err(Refusal::Error(error)) => error.to_string(),
            Err(other) => format!("{other:?}"),
            Ok(_) => "ok".into(),
        }
    }

    #[test]
    fn options_come_in_any_order_and_case_but_once() {
        let items: [&[u8]; 4] = [b"rule", b"r", b"Domain", b"d"];
        assert_eq!(args(&items).domain_and_rule(), Ok((Some("d"), Some("r"))));
        let items: [&[u8]; 4] = [b"DOMAIN", b"a", b"DOMAIN", b"a"];
        assert_eq!(message(args(&items).domain()), "DOMAIN is given twice");
        assert_eq!(message(args(&items[..1]).domain()), "the domain is missing");
    }

    #[test]
    fn what_is_wrong_is_said_in_one_line() {
        let items: [&[u8]; 1] = [b"X\r\n\0Y"];
        assert_eq!(
            message(args(&items).domain()),
            "unknown option 'X\\r\\n\\u{0}Y' (argument 1), expected DOMAIN"
        );
        let items: [&[u8]; 2] = [b"DOMAIN", b"\xff"];
        assert_eq!(
            message(args(&items).domain()),
            "the domain is not UTF-8 text"
        );
        for wrong in ["", "-1", "+1", "1.5", "99999999999999999999"] {
            let items: [&[u8]; 1] = [wrong.as_bytes()];
            assert_eq!(
                message(args(&items).number("MAXLEN")),
                format!("MAXLEN must be a whole number, found '{wrong}'")
            );
        }
        assert_eq!(shortened("ä".repeat(100).as_bytes()).chars().count(), 65);
    }
}
