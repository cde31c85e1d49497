//! `LEAFLET.RULE.EXPLAIN` and `LEAFLET.RULE.WHYNOT`

use super::args::{once, Args};
use super::{with_state, Reply, Request, Result};
use crate::engine::domain::DEFAULT_DOMAIN;
use crate::engine::report::Report;
use crate::engine::whynot::Question;

/// `rule [DOMAIN d]` or `TEXT text [DOMAIN d]`. Since options come in pairs, the number of arguments tells the two apart,
/// and a rule may be called `text`.
pub fn explain(request: &Request) -> Result {
    let mut args = Args::new(request);
    let of_text = request.args.len().is_multiple_of(2) && args.keyword("TEXT");
    let what = args.text(if of_text {
        "the rule's text"
    } else {
        "the rule's name"
    })?;
    let domain = args.domain()?.unwrap_or(DEFAULT_DOMAIN);
    let report = with_state(|state| {
        Ok(match of_text {
            true => state.engine.explain_text(domain, what)?,
            false => state.engine.explain(domain, what)?,
        })
    })?;
    Ok(report.into())
}

/// The options of WHYNOT.
const OPTIONS: [&str; 3] = ["DOMAIN", "PARTITION", "TAG"];

/// `rule [DOMAIN d] [PARTITION value …] [TAG t]`. The answer shows events, so the caller must be allowed to read the axons.
pub fn why_not(request: &Request) -> Result {
    let mut args = Args::new(request);
    let rule = args.text("the rule's name")?;
    let (mut domain, mut partition, mut tag) = (None, None, None);
    while !args.done() {
        if args.keyword("DOMAIN") {
            once(&mut domain, args.text("the domain")?, "DOMAIN")?;
        } else if args.keyword("TAG") {
            once(&mut tag, args.bytes("the tag")?, "TAG")?;
        } else if args.keyword("PARTITION") {
            // What follows at once is a value, whatever it is.
            let mut values = vec![args.bytes("the partition's value")?];
            while !args.done() && !args.at_keyword(&OPTIONS) {
                values.push(args.bytes("the partition's value")?);
            }
            once(&mut partition, values, "PARTITION")?;
        } else {
            return Err(args.unknown_option("DOMAIN, PARTITION or TAG"));
        }
    }
    let domain = domain.unwrap_or(DEFAULT_DOMAIN);
    let spec = with_state(|state| Ok(state.engine.domain_spec(domain)?.clone()))?;
    request.check_reads(&spec)?;
    let question = Question {
        tag: tag.unwrap_or_default(),
        partition: partition.as_deref(),
    };
    let report = with_state(|state| Ok(state.engine.why_not(domain, rule, question)?))?;
    Ok(report.into())
}

impl From<Report> for Reply {
    fn from(report: Report) -> Self {
        match report {
            Report::Text(text) => Self::Text(text),
            Report::Number(n) => Self::Integer(n),
            Report::Flag(flag) => Self::Bool(flag),
            Report::List(items) => Self::Array(items.into_iter().map(Into::into).collect()),
            Report::Map(pairs) => Self::Map(
                pairs
                    .into_iter()
                    .map(|(name, value)| (name, value.into()))
                    .collect(),
            ),
        }
    }
}
