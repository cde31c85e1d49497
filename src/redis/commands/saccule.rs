//! `LEAFLET.SACCULE.*`

use super::args::{once, Args};
use super::{with_state, Reply, Request, Result};
use crate::engine::domain::{SacculeInfo, DEFAULT_DOMAIN};

pub fn add(request: &Request) -> Result {
    let mut args = Args::new(request);
    let saccule = args.text("the saccule's name")?;
    let text = args.text("the saccule's text")?;
    let (mut domain, mut axon, mut replace) = (None, None, None);
    while !args.done() {
        if args.keyword("DOMAIN") {
            once(&mut domain, args.text("the domain")?, "DOMAIN")?;
        } else if args.keyword("AXON") {
            once(&mut axon, args.text("the glob of AXON")?, "AXON")?;
        } else if args.keyword("REPLACE") {
            once(&mut replace, (), "REPLACE")?;
        } else {
            return Err(args.unknown_option("DOMAIN, AXON or REPLACE"));
        }
    }
    let domain = domain.unwrap_or(DEFAULT_DOMAIN);
    let replace = replace.is_some();
    request.check_domain(domain)?;
    with_state(|state| {
        let engine = &mut state.engine;
        Ok(engine.add_saccule(domain, saccule, text, axon, replace)?)
    })?;
    Ok(Reply::Ok)
}

pub fn delete(request: &Request) -> Result {
    let mut args = Args::new(request);
    let saccule = args.text("the saccule's name")?;
    let domain = args.domain()?.unwrap_or(DEFAULT_DOMAIN);
    request.check_domain(domain)?;
    with_state(|state| Ok(state.engine.delete_saccule(domain, saccule)?))?;
    Ok(Reply::Ok)
}

pub fn list(request: &Request) -> Result {
    let domain = Args::new(request).domain()?.unwrap_or(DEFAULT_DOMAIN);
    let infos = with_state(|state| Ok(state.engine.saccule_infos(domain)?))?;
    Ok(Reply::Array(infos.iter().map(describe).collect()))
}

fn describe(info: &SacculeInfo) -> Reply {
    let reason = |(reason, count): &(std::rc::Rc<str>, u64)| {
        let count = (*count).into();
        Reply::Map(vec![("reason", (&**reason).into()), ("events", count)])
    };
    Reply::Map(vec![
        ("name", info.name.as_str().into()),
        ("domain", info.domain.as_str().into()),
        ("text", info.text.as_str().into()),
        ("axon", info.axon.as_str().into()),
        ("seen", info.seen.into()),
        ("skipped", info.skipped.into()),
        ("rejected", info.rejected.into()),
        (
            "reasons",
            Reply::Array(info.reasons.iter().map(reason).collect()),
        ),
    ])
}
