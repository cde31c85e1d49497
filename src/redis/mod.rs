//! The glue between the engine and the server, thin on purpose.
//!
//! `ffi` (with its folder) holds every unsafe line and every function the server calls; it hands over to `ingest` (entries
//! in), `emit` (integrated events out), `wake` (time in silence), `free` (what was dropped), `backtest` (rules tried on the past),
//! `rebuild` (windows filled anew from the streams), `slots` (of a cluster, that move), `lineage` and `reindex` (where
//! integrated events stand), `audit` (the record of definitions), `commands`, `config`, `info`,
//! `persistence`, `torn` (a damaged append-only file), `rewrite` (of one without RDB preamble) and `phase`, which share
//! the `state`.

mod alloc;
mod audit;
mod backtest;
mod commands;
mod config;
mod emit;
#[allow(unsafe_code)]
mod ffi;
mod free;
mod history;
mod info;
mod ingest;
mod lineage;
mod log;
mod persistence;
mod phase;
mod rebuild;
mod reindex;
mod rewrite;
mod slots;
mod state;
mod torn;
mod wake;

use crate::engine::Settings;
use log::{Kind, Level};
use std::ffi::CStr;
use std::panic::{catch_unwind, AssertUnwindSafe};

pub use alloc::Allocator;

/// The module's name.
const NAME: &CStr = c"leaflet";
/// The module's version as the server shows it: 1.2.3 is 10203.
const VERSION: i32 = number(env!("CARGO_PKG_VERSION_MAJOR")) * 10_000
    + number(env!("CARGO_PKG_VERSION_MINOR")) * 100
    + number(env!("CARGO_PKG_VERSION_PATCH"));

const fn number(digits: &str) -> i32 {
    let (bytes, mut i, mut number) = (digits.as_bytes(), 0, 0);
    while i < bytes.len() {
        number = number * 10 + (bytes[i] - b'0') as i32;
        i += 1;
    }
    number
}

/// Runs a closure that must not unwind into the server. None: it panicked, which is counted and logged.
fn guard<R>(f: impl FnOnce() -> R) -> Option<R> {
    catch_unwind(AssertUnwindSafe(f))
        .inspect_err(|_| state::count_internal_error())
        .ok()
}

/// Sets the module up when the server loads it with this many arguments. False: it can't be loaded, and
/// the log says why.
fn load(ctx: &ffi::Context, arguments: usize) -> bool {
    std::panic::set_hook(Box::new(|panic| {
        log::repeated(Kind::Panic, || format!("internal error: {panic}"));
    }));
    ffi::start_logging(ctx);
    match set_up(ctx, arguments) {
        Ok(()) => true,
        Err(why) => {
            log::line(Level::Warning, &format!("not loaded: {why}"));
            false
        }
    }
}

fn set_up(ctx: &ffi::Context, arguments: usize) -> Result<(), String> {
    ffi::check_server()?;
    if arguments > 0 {
        return Err("Leaflet takes no module arguments; its settings are leaflet.* (redis.conf, CONFIG SET, --leaflet.*)".into());
    }
    state::init(Settings {
        cluster: ctx.flags().cluster,
        ..Settings::default()
    });
    ffi::register(ctx)?;
    rewrite::warn(ctx);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_panic_stops_at_the_guard_and_is_counted() {
        state::init(Settings::default());
        assert_eq!(guard(|| 1), Some(1));
        assert_eq!(guard(|| -> i32 { panic!("on purpose") }), None);
        assert_eq!(state::with(|state| state.counters.internal_errors), Ok(1));
    }
}
