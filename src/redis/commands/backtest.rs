//! `LEAFLET.RULE.BACKTEST`

use super::args::{once, refusal, shortened, Args};
use super::{with_state, Refusal, Request, Result};
use crate::engine::backtest::Plan;
use crate::engine::domain::DEFAULT_DOMAIN;
use crate::engine::EntryId;
use crate::redis::backtest::{Axons, Order};

const OPTIONS: [&str; 7] = ["TEXT", "DOMAIN", "FROM", "TO", "AXONS", "LIMIT", "TAG"];
/// What a rule without a name is called.
const NAMELESS: &str = "backtest";
/// Integrated events in the reply, where LIMIT says nothing else, and at most.
const KEEP: usize = 10;
const KEEP_MOST: u64 = 1_000;

pub fn run(request: &Request) -> Result {
    let parsed = parse(request)?;
    let Parsed { rule, domain, .. } = parsed;
    let (spec, saccules, text) = with_state(|state| {
        let spec = state.engine.domain_spec(domain)?.clone();
        let saccules = state.engine.saccule_definitions(domain)?;
        let text = match parsed.text {
            Some(text) => text.into(),
            None => state.engine.rule_info(domain, rule)?.text,
        };
        Ok((spec, saccules, text))
    })?;
    (request.backtest)(Order {
        plan: Plan {
            spec,
            rule: rule.into(),
            text,
            saccules,
            from: parsed.from,
            to: parsed.to,
            keep: parsed.keep,
        },
        axons: parsed.axons,
    })
}

#[derive(Debug, PartialEq)]
struct Parsed<'a> {
    rule: &'a str,
    /// The text where it is not that of the rule.
    text: Option<&'a str>,
    domain: &'a str,
    from: Option<EntryId>,
    to: Option<EntryId>,
    axons: Axons,
    keep: usize,
}

fn parse<'a>(request: &Request<'a>) -> std::result::Result<Parsed<'a>, Refusal> {
    let mut args = Args::new(request);
    let (mut text, mut domain, mut axons, mut limit, mut tag) = (None, None, None, None, None);
    let rule = if nameless(request.args) {
        NAMELESS
    } else {
        args.text("the rule's name")?
    };
    let (mut from, mut to) = (None, None);
    while !args.done() {
        if args.keyword("TEXT") {
            once(&mut text, args.text("the rule's text")?, "TEXT")?;
        } else if args.keyword("DOMAIN") {
            once(&mut domain, args.text("the domain")?, "DOMAIN")?;
        } else if args.keyword("FROM") {
            once(&mut from, id(&mut args, "FROM", "-", 0)?, "FROM")?;
        } else if args.keyword("TO") {
            once(&mut to, id(&mut args, "TO", "+", u64::MAX)?, "TO")?;
        } else if args.keyword("AXONS") {
            once(&mut axons, keys(&mut args)?, "AXONS")?;
        } else if args.keyword("LIMIT") {
            once(&mut limit, args.number("LIMIT")?, "LIMIT")?;
        } else if args.keyword("TAG") {
            once(&mut tag, args.bytes("the tag")?, "TAG")?;
        } else {
            return Err(args.unknown_option("TEXT, DOMAIN, FROM, TO, AXONS, LIMIT or TAG"));
        }
    }
    let (from, to) = (from.flatten(), to.flatten());
    if let (Some(from), Some(to)) = (from, to) {
        if from > to {
            return Err(refusal(format!("FROM {from} lies after TO {to}")));
        }
    }
    let axons = match (axons, tag) {
        (None, None) => Axons::All,
        (None, Some(tag)) => Axons::Tagged(tag.into()),
        (Some(keys), None) => Axons::Named(keys),
        (Some(_), Some(_)) => return Err(refusal("AXONS and TAG can't stand together")),
    };
    let keep = match limit {
        None => KEEP,
        Some(limit) if limit <= KEEP_MOST => limit as usize,
        Some(limit) => {
            return Err(refusal(format!(
                "LIMIT must be at most {KEEP_MOST}, found {limit}"
            )))
        }
    };
    Ok(Parsed {
        rule,
        text,
        domain: domain.unwrap_or(DEFAULT_DOMAIN),
        from,
        to,
        axons,
        keep,
    })
}

/// A text comes first, without a rule's name. No text reads like an option, so a rule may be called `text` all the same.
fn nameless(args: &[&[u8]]) -> bool {
    let is = |arg: &[u8], keyword: &str| arg.eq_ignore_ascii_case(keyword.as_bytes());
    match args {
        [first, second, ..] => {
            is(first, "TEXT") && !OPTIONS.iter().any(|option| is(second, option))
        }
        _ => false,
    }
}

/// An entry id, as in `XRANGE`: with both parts, or the time alone, which stands for all ids of that millisecond; or the
/// sign for the end of the stream.
fn id(
    args: &mut Args,
    option: &str,
    end: &str,
    seq: u64,
) -> std::result::Result<Option<EntryId>, Refusal> {
    let text = args.text(option)?;
    if text == end {
        return Ok(None);
    }
    let id = match text.contains('-') {
        true => text.parse(),
        false => format!("{text}-{seq}").parse(),
    };
    let id = id.map_err(|_| {
        refusal(format!(
            "{option} must be {end} or an entry id, as 1700000000000 or 1700000000000-0, found '{}'",
            shortened(text.as_bytes())
        ))
    })?;
    Ok(Some(id))
}

/// At least one key, up to the next option.
fn keys(args: &mut Args) -> std::result::Result<Vec<Vec<u8>>, Refusal> {
    let mut keys = Vec::new();
    while !args.done() && !args.at_keyword(&OPTIONS) {
        keys.push(args.bytes("an axon")?.to_vec());
    }
    if keys.is_empty() {
        return Err(refusal("AXONS needs at least one key"));
    }
    Ok(keys)
}

#[cfg(test)]
mod tests {
    use super::super::Reply;
    use super::*;

    fn parsed<T>(line: &str, then: impl FnOnce(Parsed) -> T) -> std::result::Result<T, String> {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let request = Request {
            args: &args,
            db: 0,
            loading: false,
            may: &|_, _| true,
            submit: &|_| {},
            settle: &|_, _| Vec::new(),
            entries: &crate::redis::lineage::NoEntries,
            backtest: &|_| Ok(Reply::Later),
        };
        parse(&request).map(then).map_err(|refusal| match refusal {
            Refusal::Error(error) => error.to_string(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn options_come_in_any_order_and_case() {
        let plain = |rule| Parsed {
            rule,
            text: None,
            domain: DEFAULT_DOMAIN,
            from: None,
            to: None,
            axons: Axons::All,
            keep: KEEP,
        };
        let is = |expected: Parsed<'static>| move |parsed: Parsed| parsed == expected;
        assert_eq!(parsed("r", is(plain("r"))), Ok(true));
        assert_eq!(parsed("r TO + FROM -", is(plain("r"))), Ok(true));
        let all = Parsed {
            text: Some("MATCH"),
            domain: "d",
            from: Some(EntryId { ms: 5, seq: 0 }),
            to: Some(EntryId {
                ms: 5,
                seq: u64::MAX,
            }),
            axons: Axons::Named(vec![b"a".into(), b"b{t}".into()]),
            keep: 1_000,
            ..plain("text")
        };
        let line = "text limit 1000 axons a b{t} From 5 to 5 TEXT MATCH Domain d";
        assert_eq!(parsed(line, is(all)), Ok(true));
        let nameless = Parsed {
            text: Some("MATCH"),
            domain: "d",
            ..plain(NAMELESS)
        };
        assert_eq!(parsed("text MATCH DOMAIN d", is(nameless)), Ok(true));
        assert_eq!(parsed("text", is(plain("text"))), Ok(true));
        let exact = parsed("r FROM 5-1 TO 7-2 TAG t LIMIT 0", |parsed| {
            assert_eq!(parsed.axons, Axons::Tagged(b"t".into()));
            (parsed.from, parsed.to, parsed.keep)
        });
        let id = |ms, seq| Some(EntryId { ms, seq });
        assert_eq!(exact, Ok((id(5, 1), id(7, 2), 0)));
        assert_eq!(parsed("r TAG ", |p| p.axons), Ok(Axons::Tagged(b"".into())));
    }

    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            (
                "r FROM +",
                "FROM must be - or an entry id, as 1700000000000 or 1700000000000-0, found '+'",
            ),
            (
                "r TO 1-2-3",
                "TO must be + or an entry id, as 1700000000000 or 1700000000000-0, found '1-2-3'",
            ),
            ("r FROM 5-1 TO 5-0", "FROM 5-1 lies after TO 5-0"),
            ("r FROM", "FROM is missing"),
            ("r TEXT", "the rule's text is missing"),
            ("r AXONS TO 5", "AXONS needs at least one key"),
            ("r AXONS a TAG t", "AXONS and TAG can't stand together"),
            ("r LIMIT 1001", "LIMIT must be at most 1000, found 1001"),
            ("r LIMIT x", "LIMIT must be a whole number, found 'x'"),
            ("r TO 1 TO 2", "TO is given twice"),
            (
                "r X",
                "unknown option 'X' (argument 2), expected TEXT, DOMAIN, FROM, TO, AXONS, LIMIT or TAG",
            ),
        ] {
            assert_eq!(parsed(line, |_| ()), Err(message.into()), "{line}");
        }
        for id in ["", "-", "-1", "1-", "1-x", "99999999999999999999", "+1"] {
            assert!(parsed(&format!("r TO {id}"), |_| ()).is_err(), "{id}");
        }
    }
}
