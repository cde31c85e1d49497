//! The commands: `table` describes them all, the other files carry them out.

mod args;
mod backtest;
mod docs;
mod domain;
mod explain;
mod lineage;
mod rule;
mod saccule;
mod server;
pub mod signature;
pub mod spec;
pub mod table;

use super::backtest::{start, Order};
use super::ffi::{Access, Context};
use super::lineage::Entries;
use super::state::{self, State};
use super::{audit, emit, free, guard, rebuild, reindex, slots, wake};
use crate::engine::domain::DomainSpec;
use crate::engine::key::output_key;
use crate::engine::{Emission, Error};
use spec::Command;
use std::borrow::Cow;

/// What a command is given.
pub struct Request<'a> {
    /// The arguments after the command's name.
    pub args: &'a [&'a [u8]],
    /// The client's database.
    pub db: i32,
    /// The command stands in a file that is being loaded.
    pub loading: bool,
    /// May the client's user do this with this key?
    pub may: &'a dyn Fn(Access, &[u8]) -> bool,
    /// Has what a command completed appended.
    pub submit: &'a dyn Fn(Vec<Emission>),
    /// Makes the leaflets of a slot that has moved since then (ms) anew; what is to be appended.
    pub settle: &'a dyn Fn(u16, u64) -> Vec<Emission>,
    /// Entries of streams, as the client may see them.
    pub entries: &'a dyn Entries,
    /// Starts a backtest, and has the client wait for it.
    pub backtest: &'a dyn Fn(Order) -> Result,
}

impl Request<'_> {
    /// Refuses a client whose user could not itself read what the domain reads and write what it writes.
    fn check_keys(&self, spec: &DomainSpec) -> std::result::Result<(), Refusal> {
        self.check_reads(spec)?;
        let mut written = spec.rejected.iter().chain([&spec.output]);
        written.try_for_each(|key| self.check_key(Access::Append, key))
    }

    /// The same of a domain that is there, for whoever changes it.
    fn check_domain(&self, name: &str) -> std::result::Result<(), Refusal> {
        let spec = with_state(|state| Ok(state.engine.domain_spec(name)?.clone()))?;
        self.check_keys(&spec)
    }

    /// Refuses a client whose user could not itself read what the domain reads.
    fn check_reads(&self, spec: &DomainSpec) -> std::result::Result<(), Refusal> {
        let mut axons = spec.axons.iter();
        axons.try_for_each(|glob| self.check_key(Access::Read, glob))
    }

    fn check_key(&self, access: Access, key: &str) -> std::result::Result<(), Refusal> {
        let may = |key: String| (self.may)(access, key.as_bytes());
        match stand_ins(key).into_iter().all(may) {
            true => Ok(()),
            false => Err(Refusal::Key(access, key.into())),
        }
    }
}

/// Keys that stand for all that a glob or an output can mean: as it is written, with a hash tag, and with nothing and
/// with something unlikely in the place of what may vary, so that a user's own `?` or `[…]` does not let a wider glob pass.
fn stand_ins(key: &str) -> [String; 4] {
    const UNLIKELY: &str = "\u{1}any\u{1}";
    [
        key.into(),
        String::from_utf8_lossy(&output_key(key, b"*")).into_owned(),
        key.replace('*', ""),
        key.replace(['*', '?'], UNLIKELY),
    ]
}

/// What a command replies.
#[derive(Debug, Clone, PartialEq)]
pub enum Reply {
    Ok,
    /// Nothing now: the client waits.
    Later,
    Text(String),
    Bytes(Vec<u8>),
    /// A line of help: sent as a status, which clients print without quotes.
    Line(String),
    Integer(u64),
    Bool(bool),
    Array(Vec<Reply>),
    /// A map in RESP3, the flat array of names and values in RESP2.
    Map(Vec<(&'static str, Reply)>),
    /// The same with the fields of an event.
    Fields(Vec<(Cow<'static, str>, Vec<u8>)>),
}

impl From<u64> for Reply {
    fn from(n: u64) -> Self {
        Self::Integer(n)
    }
}

impl From<&str> for Reply {
    fn from(text: &str) -> Self {
        Self::Text(text.into())
    }
}

/// Why a command was refused.
#[derive(Debug, Clone, PartialEq)]
pub enum Refusal {
    /// The server's standard error for a wrong number of arguments.
    Arity,
    /// The client's user has no right to this key.
    Key(Access, String),
    /// There is something else than a stream at a key.
    WrongType,
    /// `ERR LEAFLET: ` and this.
    Error(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Error(error)
    }
}

impl From<state::Unavailable> for Refusal {
    fn from(_: state::Unavailable) -> Self {
        Self::Error(Error::new("internal error: the state is in use"))
    }
}

/// A command's result.
pub type Result = std::result::Result<Reply, Refusal>;

/// Carries out a command, has replicas and the AOF get it if it changed something, and replies.
pub fn dispatch(ctx: &Context, command: &Command, args: &[&[u8]]) {
    let request = Request {
        args,
        db: ctx.selected_db(),
        loading: ctx.flags().loading,
        may: &|access, key| ctx.may(access, key),
        submit: &|emissions| emit::submit(ctx, emissions),
        settle: &|slot, since| slots::settle(ctx, slot, since),
        entries: ctx,
        backtest: &|order| start(ctx, order),
    };
    let result = guard(|| (command.run)(&request));
    if command.writes() && matches!(result, Some(Ok(_))) {
        ctx.replicate();
        audit::record(ctx);
        wake::arm(ctx);
        free::arm(ctx);
        rebuild::arm(ctx);
        reindex::arm(ctx);
    }
    answer(ctx, &result);
}

/// Replies what came out of a command. None: it was stopped by an internal error.
pub fn answer(ctx: &Context, result: &Option<Result>) {
    match result {
        Some(Ok(reply)) => send(ctx, reply),
        Some(Err(Refusal::Arity)) => ctx.reply_wrong_arity(),
        Some(Err(Refusal::Key(access, key))) => {
            let action = match access {
                Access::Read => "read",
                Access::Append => "write to",
            };
            let key = args::shortened(key.as_bytes());
            ctx.reply_error(&format!(
                "NOPERM LEAFLET: no permission to {action} '{key}'"
            ));
        }
        Some(Err(Refusal::WrongType)) => {
            ctx.reply_error("WRONGTYPE Operation against a key holding the wrong kind of value");
        }
        Some(Err(Refusal::Error(error))) => send_error(ctx, &error.to_string()),
        None => send_error(
            ctx,
            "internal error: the command was stopped, see the server's log",
        ),
    }
}

fn send(ctx: &Context, reply: &Reply) {
    match reply {
        Reply::Ok => ctx.reply_status("OK"),
        Reply::Line(line) => ctx.reply_status(line),
        Reply::Later => {}
        Reply::Text(text) => ctx.reply_bytes(text.as_bytes()),
        Reply::Bytes(bytes) => ctx.reply_bytes(bytes),
        Reply::Integer(n) => ctx.reply_integer(i64::try_from(*n).unwrap_or(i64::MAX)),
        Reply::Bool(value) => ctx.reply_bool(*value),
        Reply::Array(items) => {
            ctx.reply_array(items.len());
            items.iter().for_each(|item| send(ctx, item));
        }
        Reply::Map(pairs) => {
            ctx.reply_map(pairs.len());
            for (name, value) in pairs {
                ctx.reply_bytes(name.as_bytes());
                send(ctx, value);
            }
        }
        Reply::Fields(fields) => {
            ctx.reply_map(fields.len());
            for (name, value) in fields {
                ctx.reply_bytes(name.as_bytes());
                ctx.reply_bytes(value);
            }
        }
    }
}

fn send_error(ctx: &Context, message: &str) {
    ctx.reply_error(&format!("ERR LEAFLET: {message}"));
}

/// Runs a closure on the state and passes its refusal on.
fn with_state<R>(
    f: impl FnOnce(&mut State) -> std::result::Result<R, Refusal>,
) -> std::result::Result<R, Refusal> {
    state::with(f)?
}

#[cfg(test)]
mod tests {
    use super::stand_ins;

    #[test]
    fn what_stands_for_a_glob_is_all_that_it_can_mean() {
        assert_eq!(
            stand_ins("mine:*"),
            ["mine:*", "mine:*{*}", "mine:", "mine:\u{1}any\u{1}"]
        );
        assert_eq!(stand_ins("a{}b")[1], "a{*}b");
    }
}
