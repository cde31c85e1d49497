//! Any text is a rule or a saccule, or is refused with one line.

use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
use leaflet::engine::rule::parse;
use leaflet::engine::{Engine, Error, Settings};

/// Reads the bytes as a rule's text, and as a saccule's.
pub fn check(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    check_saccule(text);
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

/// What is taken as written is taken in canonical form, which stays as it is.
fn check_saccule(text: &str) {
    let add = |text: &str| {
        let mut engine = Engine::new(Settings::default());
        let added = engine.add_saccule(DEFAULT_DOMAIN, "saccule", text, None, false);
        added.map(|()| engine.saccule_definitions(DEFAULT_DOMAIN))
    };
    match add(text) {
        Ok(definitions) => {
            let canonical = &definitions.as_ref().expect("the domain is there")[0].text;
            assert_eq!(add(canonical), Ok(definitions.clone()), "{canonical}");
        }
        Err(error) => assert_one_line(&error),
    }
}

fn assert_one_line(error: &Error) {
    let line = error.to_string();
    let broken = line.is_empty() || line.chars().any(char::is_control);
    assert!(!broken, "not one line: {line:?}");
}
