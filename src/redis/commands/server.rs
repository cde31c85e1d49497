//! `LEAFLET.STATS`, `LEAFLET.RESET` and `LEAFLET.HELP`

use super::args::{refusal, shortened, Args};
use super::{docs, table, with_state, Refusal, Reply, Request, Result};
use crate::engine::domain::DEFAULT_DOMAIN;
use crate::redis::{info, persistence};

pub fn stats(request: &Request) -> Result {
    let (domain, rule) = target(request)?;
    let figures = with_state(|state| Ok(info::figures(state, domain, rule)?))?;
    let figures = figures
        .into_iter()
        .map(|(name, figure)| (name, figure.into()));
    Ok(Reply::Map(figures.collect()))
}

pub fn reset(request: &Request) -> Result {
    let (domain, rule) = target(request)?;
    check(request, domain)?;
    with_state(|state| {
        state.engine.reset(domain, rule)?;
        state.renew_wakes();
        if domain.is_none() {
            state.latency.reset();
            state.counters = Default::default();
        }
        Ok(())
    })?;
    Ok(Reply::Ok)
}

pub fn rebuild(request: &Request) -> Result {
    let domain = Args::new(request).domain()?;
    check(request, domain)?;
    with_state(|state| {
        state.engine.rebuild(domain)?;
        state.reindex_all();
        state.rebuilds.restart();
        state.renew_wakes();
        Ok(())
    })?;
    Ok(Reply::Ok)
}

pub fn restore(request: &Request) -> Result {
    let mut args = Args::new(request);
    let definitions = args.text("the definitions")?;
    if !request.loading {
        return Err(refusal("only an append-only file restores definitions"));
    }
    let definitions = serde_json::from_str(definitions)
        .map_err(|error| refusal(format!("these are no definitions: {error}")))?;
    with_state(|state| Ok(persistence::restate(state, &definitions)?))?;
    Ok(Reply::Ok)
}

pub fn tick(request: &Request) -> Result {
    let mut args = Args::new(request);
    let domain = args.text("the domain")?;
    let tag = args.bytes("the tag")?;
    let time = args.number("the time")?;
    let mut emissions = Vec::new();
    with_state(|state| Ok(state.engine.tick(domain, tag, time, &mut emissions)?))?;
    (request.submit)(emissions);
    Ok(Reply::Ok)
}

pub fn settle(request: &Request) -> Result {
    let mut args = Args::new(request);
    let slot = args.number("the slot")?;
    let since = args.number("the time")?;
    let slot = u16::try_from(slot).ok().filter(|slot| *slot < 16_384);
    let slot = slot.ok_or_else(|| refusal("a slot is a number from 0 to 16383"))?;
    (request.submit)((request.settle)(slot, since));
    Ok(Reply::Ok)
}

pub fn help(request: &Request) -> Result {
    if request.args.len() > 1 {
        return Err(Refusal::Arity);
    }
    let mut args = Args::new(request);
    let lines = if args.done() {
        docs::overview()
    } else {
        let name = args.text("the command")?;
        let command = table::find(name)
            .ok_or_else(|| refusal(format!("no such command '{}'", shortened(name.as_bytes()))))?;
        docs::help(command)
    };
    Ok(Reply::Array(lines.into_iter().map(Reply::Line).collect()))
}

/// May the user change this domain, or all of them?
fn check(request: &Request, domain: Option<&str>) -> std::result::Result<(), Refusal> {
    if let Some(domain) = domain {
        return request.check_domain(domain);
    }
    let all: Vec<_> = with_state(|state| Ok(state.engine.domain_specs().cloned().collect()))?;
    all.iter().try_for_each(|spec| request.check_keys(spec))
}

/// `[DOMAIN d] [RULE r]`; a rule without a domain is one of the default domain.
fn target<'a>(
    request: &Request<'a>,
) -> std::result::Result<(Option<&'a str>, Option<&'a str>), Refusal> {
    let (domain, rule) = Args::new(request).domain_and_rule()?;
    Ok((domain.or(rule.map(|_| DEFAULT_DOMAIN)), rule))
}
