//! Any text is a rule, or is refused with one line.

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::rule::parse;
use leaflet::engine::{Engine, Error, Settings};

/// Reads the bytes as a rule's text.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    let rule = match parse(text) {
        Ok(rule) => rule,
        Err(error) => return assert_one_line(&error),
    };
    let canonical = rule.to_string();
    match parse(&canonical) {
        Ok(again) => {
            assert_eq!(again, rule, "read again, it is another: {canonical}");
            assert_eq!(again.to_string(), canonical, "it prints in two ways");
        }
        Err(error) => panic!("can't be read again: {canonical}\n{error}"),
    }
    // What can be read can still be refused, and what is taken as written is taken in canonical form.
    let [written, printed] = [text, &*canonical].map(|text| {
        let mut engine = Engine::new(Settings::default());
        let added = engine.add_rule(DEFAULT_DOMAIN, "rule", text, AddRule::default());
        added.map(|()| engine.definitions())
    });
    match (written, printed) {
        (Ok(written), Ok(printed)) => assert_eq!(written, printed),
        (Err(written), Err(_)) => assert_one_line(&written),
        (written, printed) => panic!("{canonical}\n{written:?}\n{printed:?}"),
    }
}

pub(super) fn assert_one_line(error: &Error) {
    let line = error.to_string();
    let broken = line.is_empty() || line.chars().any(char::is_control);
    assert!(!broken, "not one line: {line:?}");
}
