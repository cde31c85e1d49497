//! An append-only file that was cut off in the middle of a transaction, as by a power failure.
//!
//! The server loads such a file up to the cut, and leaves out the transaction. But where a command of it was cut,
//! Redis up to 8.2 keeps the commands before it in the file, after a MULTI without an EXEC, and appends to that. At the next
//! start what was written since would be part of the torn transaction: gone, or with half a transaction before it. Each
//! write that completes a match is a transaction, so Leaflet has the file rewritten once it was cut.

use std::time::Duration;

use super::ffi::Context;
use super::log::{self, Level};
use super::state;

/// The server is done with loading by then.
const SOON: Duration = Duration::from_millis(1);

/// The server begins to load its append-only files.
pub fn on_aof_start(ctx: &Context) {
    let size = size(ctx);
    let _ = state::with(|state| state.aof_size = size);
}

/// The server has loaded something.
pub fn on_loaded(ctx: &Context) {
    let before = state::with(|state| state.aof_size.take());
    let Ok(Some(before)) = before else {
        return;
    };
    if size(ctx).is_some_and(|size| size < before) {
        ctx.start_rewrite(SOON);
    }
}

/// The timer: has the files rewritten.
pub fn on_timer(ctx: &Context) {
    let what = "the append-only file was cut off at its end";
    if ctx.config("aof-use-rdb-preamble").as_deref() == Some("no") {
        let line = format!(
            "{what}. If that was in a transaction, what is written from now on can be lost at the next start: stop \
             the server, and use redis-check-aof --fix (aof-use-rdb-preamble is off, so a rewrite is no help)."
        );
        return log::line(Level::Warning, &line);
    }
    match ctx.rewrite_aof() {
        Ok(()) => log::line(
            Level::Notice,
            &format!("{what}; it is rewritten, so that no torn transaction is left in it"),
        ),
        Err(why) => log::line(
            Level::Warning,
            &format!("{what}, and a rewrite is refused: {why}. Call BGREWRITEAOF."),
        ),
    }
}

/// How large all append-only files are together. The server works in the folder that their folder is in.
fn size(ctx: &Context) -> Option<u64> {
    let files = std::fs::read_dir(ctx.config("appenddirname")?).ok()?;
    let sizes = files.map(|file| Ok(file?.metadata()?.len()));
    sizes.sum::<std::io::Result<u64>>().ok()
}
