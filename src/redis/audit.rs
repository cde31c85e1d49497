//! The record of what was changed of the definitions: a stream that a primary appends to in the execution unit of the
//! command, so that replicas and the AOF get both together, and each entry once.

use super::ffi::Context;
use super::log::{self, Kind};
use super::phase::Phase;
use super::{emit, slots, state};
use crate::engine::change::Change;

/// Where the record is, and how long it gets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The stream's key; empty: there is no record.
    pub stream: Vec<u8>,
    pub maxlen: u64,
}

/// The stream's key where nothing else is set.
pub const DEFAULT_STREAM: &std::ffi::CStr = c"leaflet:audit";
/// Its length, in the same case.
const DEFAULT_MAXLEN: u64 = 10_000;

impl Default for Settings {
    fn default() -> Self {
        Self {
            stream: DEFAULT_STREAM.to_bytes().into(),
            maxlen: DEFAULT_MAXLEN,
        }
    }
}

/// The longest name of the stream.
const MAX_NAME: usize = 1_024;

/// Changes where the record is.
///
/// # Errors
/// Why that can't be.
pub fn set_stream(name: &[u8]) -> Result<(), &'static str> {
    if name.len() > MAX_NAME {
        return Err("the name of the audit stream can have at most 1024 bytes");
    }
    if name.contains(&b'{') || name.contains(&b'}') {
        return Err("the name of the audit stream can't hold braces");
    }
    let set = state::with(|state| {
        state.audit.stream = name.into();
        state.engine.silence(name);
    });
    set.map_err(|_| "internal error")
}

/// A command that has succeeded may have changed definitions: appends what and who to the record.
pub fn record(ctx: &Context) {
    let changed = state::with(|state| (state.engine.take_changes(), state.audit.clone()));
    let Ok((changes, settings)) = changed else {
        return;
    };
    // To a replica, and from a file, the primary's entries come by themselves.
    let phase = Phase::of(ctx);
    if changes.is_empty()
        || settings.stream.is_empty()
        || matches!(phase, Phase::Replica | Phase::Loading)
    {
        return;
    }
    let home = ctx.selected_db();
    ctx.select_db(0);
    for change in changes {
        let appended = match phase {
            Phase::Paused => Err("writes are paused".into()),
            _ => match key(ctx, &settings.stream) {
                Some(key) => append(ctx, &key, settings.maxlen, &change),
                None => Err("this node has no slot for it".into()),
            },
        };
        if let Err(why) = appended {
            let _ = state::with(|state| state.counters.audit_errors += 1);
            log::repeated(Kind::Audit, || {
                let Change { action, domain, .. } = change;
                format!("{action} in domain '{domain}' is NOT in the audit stream: {why}")
            });
        }
    }
    ctx.select_db(home);
}

/// In a cluster each primary has a record of its own, in a slot of its own.
fn key(ctx: &Context, stream: &[u8]) -> Option<Vec<u8>> {
    if !ctx.flags().cluster {
        return Some(stream.into());
    }
    let tag = slots::own_tag(ctx)?;
    Some([stream, b"{", tag.as_bytes(), b"}"].concat())
}

fn append(ctx: &Context, key: &[u8], maxlen: u64, change: &Change) -> Result<(), String> {
    let client = ctx.client();
    let version = change.version.map(|version| version.to_string());
    let paused = change
        .paused
        .map(|paused| if paused { "yes" } else { "no" });
    let fields = [
        ("action", Some(change.action)),
        ("domain", Some(&change.domain)),
        ("name", change.name.as_deref()),
        ("version", version.as_deref()),
        ("old", change.old.as_deref()),
        ("new", change.new.as_deref()),
        ("paused", paused),
        ("user", Some(&client.user)),
        ("client", client.address.as_deref()),
        ("client_name", client.name.as_deref()),
    ];
    let told = fields
        .iter()
        .filter_map(|(name, value)| Some((*name, value.as_ref()?.as_bytes())));
    ctx.append(&emit::arguments(key, Some(maxlen), told))
        .map(|_| ())
}
