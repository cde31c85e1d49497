//! `LEAFLET.RULE.*`

use super::args::{once, Args};
use super::{with_state, Refusal, Reply, Request, Result};
use crate::engine::domain::{AddRule, RuleInfo, DEFAULT_DOMAIN};

pub fn add(request: &Request) -> Result {
    let mut args = Args::new(request);
    let rule = args.text("the rule's name")?;
    let text = args.text("the rule's text")?;
    let (mut domain, mut replace, mut paused) = (None, None, None);
    while !args.done() {
        if args.keyword("DOMAIN") {
            once(&mut domain, args.text("the domain")?, "DOMAIN")?;
        } else if args.keyword("REPLACE") {
            once(&mut replace, (), "REPLACE")?;
        } else if args.keyword("PAUSED") {
            once(&mut paused, (), "PAUSED")?;
        } else {
            return Err(args.unknown_option("DOMAIN, REPLACE or PAUSED"));
        }
    }
    let domain = domain.unwrap_or(DEFAULT_DOMAIN);
    let how = AddRule {
        replace: replace.is_some(),
        paused: paused.is_some(),
    };
    request.check_domain(domain)?;
    with_state(|state| Ok(state.engine.add_rule(domain, rule, text, how)?))?;
    Ok(Reply::Ok)
}

pub fn delete(request: &Request) -> Result {
    let (domain, rule) = target(request)?;
    request.check_domain(domain)?;
    with_state(|state| Ok(state.engine.delete_rule(domain, rule)?))?;
    Ok(Reply::Ok)
}

pub fn pause(request: &Request) -> Result {
    set_paused(request, true)
}

pub fn resume(request: &Request) -> Result {
    set_paused(request, false)
}

fn set_paused(request: &Request, paused: bool) -> Result {
    let (domain, rule) = target(request)?;
    request.check_domain(domain)?;
    with_state(|state| Ok(state.engine.set_paused(domain, rule, paused)?))?;
    Ok(Reply::Ok)
}

pub fn get(request: &Request) -> Result {
    let (domain, rule) = target(request)?;
    let info = with_state(|state| Ok(state.engine.rule_info(domain, rule)?))?;
    Ok(describe(&info))
}

pub fn list(request: &Request) -> Result {
    let domain = Args::new(request).domain()?.unwrap_or(DEFAULT_DOMAIN);
    let infos = with_state(|state| Ok(state.engine.rule_infos(domain)?))?;
    Ok(Reply::Array(infos.iter().map(describe).collect()))
}

/// `rule [DOMAIN d]`: the domain and the rule.
fn target<'a>(request: &Request<'a>) -> std::result::Result<(&'a str, &'a str), Refusal> {
    let mut args = Args::new(request);
    let rule = args.text("the rule's name")?;
    Ok((args.domain()?.unwrap_or(DEFAULT_DOMAIN), rule))
}

fn describe(info: &RuleInfo) -> Reply {
    Reply::Map(vec![
        ("name", info.name.as_str().into()),
        ("domain", info.domain.as_str().into()),
        ("text", info.text.as_str().into()),
        ("paused", Reply::Bool(info.paused)),
        ("matches", info.matches.into()),
        ("emitted", info.emitted.into()),
        ("limited", info.limited.into()),
        ("window_events", info.window_events.into()),
        ("partitions", info.partitions.into()),
    ])
}
