//! `LEAFLET.DOMAIN.*`

use super::args::{once, refusal, shortened, Args};
use super::{with_state, Refusal, Reply, Request, Result};
use crate::engine::domain::{DomainInfo, DomainSpec, SourcesFormat};
use crate::engine::time::TimeSource;

/// The options; the first group is carried out, the second is recognised and refused.
const OPTIONS: [&str; 10] = [
    "AXONS",
    "OUTPUT",
    "TIME",
    "CONSISTENCY",
    "MAXLEN",
    "SOURCES",
    "LATENESS",
    "LIMITS",
    "SHED",
    "REJECTED",
];
const UNSUPPORTED: [&str; 2] = ["LIMITS", "SHED"];

pub fn create(request: &Request) -> Result {
    let spec = parse(request)?;
    request.check_keys(&spec)?;
    with_state(|state| Ok(state.engine.create_domain(spec)?))?;
    Ok(Reply::Ok)
}

fn parse(request: &Request) -> std::result::Result<DomainSpec, Refusal> {
    let mut args = Args::new(request);
    let mut spec = DomainSpec::new(args.text("the name")?, request.db);
    let (mut axons, mut output, mut maxlen, mut sources) = (None, None, None, None);
    let (mut time, mut lateness, mut consistency) = (None, None, None);
    let mut rejected = None;
    while !args.done() {
        if args.keyword("AXONS") {
            once(&mut axons, globs(&mut args)?, "AXONS")?;
        } else if args.keyword("OUTPUT") {
            once(&mut output, args.text("the output")?.to_string(), "OUTPUT")?;
        } else if args.keyword("TIME") {
            let field = match choice(&mut args, "TIME", &["ID", "FIELD"], &[])? {
                0 => None,
                _ => Some(args.text("the field of TIME FIELD")?.to_string()),
            };
            once(&mut time, field, "TIME")?;
        } else if args.keyword("LATENESS") {
            once(&mut lateness, args.millis("LATENESS")?, "LATENESS")?;
        } else if args.keyword("CONSISTENCY") {
            let chosen = choice(&mut args, "CONSISTENCY", &["STRONG"], &["EVENTUAL"])?;
            once(&mut consistency, chosen, "CONSISTENCY")?;
        } else if args.keyword("MAXLEN") {
            once(&mut maxlen, args.number("MAXLEN")?, "MAXLEN")?;
        } else if args.keyword("SOURCES") {
            let chosen = match choice(&mut args, "SOURCES", &["JSON", "CSV"], &[])? {
                0 => SourcesFormat::Json,
                _ => SourcesFormat::Csv,
            };
            once(&mut sources, chosen, "SOURCES")?;
        } else if args.keyword("REJECTED") {
            let key = args.text("the stream of REJECTED")?.to_string();
            once(&mut rejected, key, "REJECTED")?;
        } else if let Some(option) = UNSUPPORTED.iter().find(|option| args.keyword(option)) {
            return Err(unsupported(option));
        } else {
            return Err(args.unknown_option(
                "AXONS, OUTPUT, TIME, LATENESS, CONSISTENCY, MAXLEN, SOURCES or REJECTED",
            ));
        }
    }
    spec.time = match (time.flatten(), lateness) {
        (Some(field), lateness) => TimeSource::Field {
            field,
            lateness: lateness.unwrap_or(0),
        },
        (None, None) => TimeSource::Id,
        (None, Some(_)) => return Err(refusal("LATENESS needs TIME FIELD")),
    };
    spec.axons = axons.unwrap_or(spec.axons);
    spec.output = output.unwrap_or(spec.output);
    spec.maxlen = maxlen.filter(|n| *n > 0);
    spec.sources = sources.unwrap_or(spec.sources);
    spec.rejected = rejected;
    Ok(spec)
}

/// At least one glob, up to the next option.
fn globs(args: &mut Args) -> std::result::Result<Vec<String>, Refusal> {
    let mut globs = Vec::new();
    while !args.done() && !args.at_keyword(&OPTIONS) {
        globs.push(args.text("an AXONS pattern")?.to_string());
    }
    if globs.is_empty() {
        return Err(refusal("AXONS needs at least one pattern"));
    }
    Ok(globs)
}

/// The index of the keyword that follows among those that are supported.
fn choice(
    args: &mut Args,
    option: &str,
    supported: &[&str],
    refused: &[&str],
) -> std::result::Result<usize, Refusal> {
    if let Some(chosen) = supported.iter().position(|keyword| args.keyword(keyword)) {
        return Ok(chosen);
    }
    if let Some(keyword) = refused.iter().find(|keyword| args.keyword(keyword)) {
        return Err(unsupported(&format!("{option} {keyword}")));
    }
    let found = args.text(option)?;
    Err(refusal(format!(
        "{option} must be {}, found '{}'",
        supported.join(" or "),
        shortened(found.as_bytes())
    )))
}

fn unsupported(option: &str) -> Refusal {
    refusal(format!("{option} is not supported by this version"))
}

pub fn drop(request: &Request) -> Result {
    let name = Args::new(request).text("the name")?;
    request.check_domain(name)?;
    with_state(|state| {
        state.engine.drop_domain(name)?;
        state.renew_wakes();
        Ok(())
    })?;
    Ok(Reply::Ok)
}

pub fn list(_: &Request) -> Result {
    let infos = with_state(|state| Ok(state.engine.domain_infos()))?;
    Ok(Reply::Array(infos.iter().map(describe).collect()))
}

pub fn info(request: &Request) -> Result {
    let name = Args::new(request).text("the name")?;
    let info = with_state(|state| Ok(state.engine.domain_info(name)?))?;
    Ok(describe(&info))
}

fn describe(info: &DomainInfo) -> Reply {
    let spec = &info.spec;
    let axons = spec.axons.iter().map(|glob| glob.as_str().into()).collect();
    let rejections = info.rejections.iter().map(|(saccule, reason, events)| {
        Reply::Map(vec![
            ("saccule", (&**saccule).into()),
            ("reason", (&**reason).into()),
            ("events", (*events).into()),
        ])
    });
    let limits = ["events", "bytes", "partitions"].map(|limit| (limit, 0.into()));
    Reply::Map(vec![
        ("name", spec.name.as_str().into()),
        ("axons", Reply::Array(axons)),
        ("output", spec.output.as_str().into()),
        ("time", Reply::Text(spec.time.to_string())),
        ("lateness", spec.time.lateness().into()),
        ("consistency", "STRONG".into()),
        ("maxlen", spec.maxlen.unwrap_or(0).into()),
        ("sources", spec.sources.keyword().into()),
        ("limits", Reply::Map(limits.into())),
        ("shed", "NEWEST".into()),
        ("rules", info.rules.into()),
        ("leaflets", info.leaflets.into()),
        ("partitions", info.partitions.into()),
        ("window_events", info.window_events.into()),
        ("window_bytes", info.window_bytes.into()),
        (
            "rejected",
            spec.rejected.as_deref().unwrap_or_default().into(),
        ),
        ("saccules", info.saccules.into()),
        ("events_rejected", info.events_rejected.into()),
        ("rejections", Reply::Array(rejections.collect())),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parsed(line: &str) -> std::result::Result<DomainSpec, String> {
        let args: Vec<&[u8]> = line.split(' ').map(str::as_bytes).collect();
        let request = Request {
            args: &args,
            db: 3,
            loading: false,
            may: &|_, _| true,
            submit: &|_| {},
            settle: &|_, _| Vec::new(),
            entries: &crate::redis::lineage::NoEntries,
            backtest: &|_| Ok(super::super::Reply::Later),
        };
        parse(&request).map_err(|refusal| match refusal {
            Refusal::Error(error) => error.to_string(),
            other => format!("{other:?}"),
        })
    }

    #[test]
    fn options_come_in_any_order_and_case() {
        let spec =
            parsed("d MAXLEN 10 sources csv AXONS a:* b OUTPUT out TIME ID consistency Strong rejected bad");
        let expected = DomainSpec {
            axons: vec!["a:*".into(), "b".into()],
            output: "out".into(),
            maxlen: Some(10),
            sources: SourcesFormat::Csv,
            rejected: Some("bad".into()),
            ..DomainSpec::new("d", 3)
        };
        assert_eq!(spec, Ok(expected));
        for lateness in ["LATENESS 5000", "LATENESS 5s", "lateness 5S"] {
            let time = TimeSource::Field {
                field: "metadata.at".into(),
                lateness: 5000,
            };
            let spec = parsed(&format!("d {lateness} TIME FIELD metadata.at"));
            assert_eq!(spec.map(|spec| spec.time), Ok(time));
        }
        assert_eq!(parsed("d"), Ok(DomainSpec::new("d", 3)));
        assert_eq!(parsed("d MAXLEN 0"), Ok(DomainSpec::new("d", 3)));
    }

    #[test]
    fn what_this_version_does_not_do_is_refused() {
        for (line, what) in [
            ("d CONSISTENCY eventual", "CONSISTENCY EVENTUAL"),
            ("d LIMITS EVENTS 5", "LIMITS"),
            ("d SHED OLDEST", "SHED"),
        ] {
            assert_eq!(
                parsed(line),
                Err(format!("{what} is not supported by this version"))
            );
        }
    }

    #[test]
    fn mistakes_are_named() {
        for (line, message) in [
            ("d AXONS", "AXONS needs at least one pattern"),
            ("d AXONS OUTPUT o", "AXONS needs at least one pattern"),
            ("d OUTPUT", "the output is missing"),
            ("d REJECTED", "the stream of REJECTED is missing"),
            ("d REJECTED a REJECTED a", "REJECTED is given twice"),
            ("d MAXLEN 1 MAXLEN 2", "MAXLEN is given twice"),
            ("d SOURCES XML", "SOURCES must be JSON or CSV, found 'XML'"),
            ("d TIME", "TIME is missing"),
            ("d TIME FIELD", "the field of TIME FIELD is missing"),
            ("d AXONS a LATENESS 5", "LATENESS needs TIME FIELD"),
            ("d TIME ID LATENESS 5s", "LATENESS needs TIME FIELD"),
            (
                "d TIME FIELD t LATENESS 5x",
                "LATENESS must be a number of ms or a duration such as 5s, found '5x'",
            ),
            (
                "d X",
                "unknown option 'X' (argument 2), expected AXONS, OUTPUT, TIME, LATENESS, CONSISTENCY, MAXLEN, SOURCES or REJECTED",
            ),
        ] {
            assert_eq!(parsed(line), Err(message.into()), "{line}");
        }
    }
}
