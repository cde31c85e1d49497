//! `LEAFLET.RULE.EXPLAIN`

use super::args::Args;
use super::{with_state, Reply, Request, Result};
use crate::engine::domain::DEFAULT_DOMAIN;
use crate::engine::report::Report;

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
