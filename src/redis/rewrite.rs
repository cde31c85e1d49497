//! What an AOF rewrite without RDB preamble leaves out: the module's part of the data set.
//!
//! Such a file has a command for each key, and nothing beside them. But while it is written, what comes in goes to a new
//! incremental file, which is read after it: there the definitions are stated once more. What windows held is read
//! from the streams then.

use super::ffi::Context;
use super::log::{self, Level};
use super::{state, wake};
use std::time::Duration;

/// Says what it means, where it is so.
pub fn warn(ctx: &Context) {
    if without_preamble(ctx) {
        log::line(
            Level::Warning,
            "aof-use-rdb-preamble is off: after an AOF rewrite a restart keeps domains and rules, but NOT their windows; \
             they are rebuilt from what the streams still hold. Set aof-use-rdb-preamble to yes.",
        );
    }
}

/// The server has forked: if that was for an AOF rewrite, the definitions are stated once more.
pub fn on_fork(ctx: &Context) {
    if without_preamble(ctx) && ctx.rewrites_aof() {
        // Not at once: the server would take what is written here for work of the command that asked for the rewrite, and
        // replicate that. The timer's turn comes before the server can see that the rewrite is done.
        ctx.state_definitions_after(Duration::ZERO);
    }
}

fn without_preamble(ctx: &Context) -> bool {
    ctx.config("aof-use-rdb-preamble").as_deref() == Some("no")
}

/// Writes the definitions to the AOF, as soon as anything may be written.
pub fn state_definitions(ctx: &Context) {
    if ctx.avoid_replica_traffic() {
        ctx.state_definitions_after(wake::PERIOD);
        return;
    }
    let json = state::with(|state| serde_json::to_vec(&state.engine.definitions()));
    if let Ok(Ok(json)) = json {
        ctx.write_to_aof(c"LEAFLET.RESTORE", &json);
    }
}
