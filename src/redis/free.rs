//! Gives back what was dropped, a slice of time at a time, while the server serves others: as it does itself with `UNLINK`,
//! but on its main thread, for all of this belongs to that.

use super::ffi::{Context, Str};
use super::log::{self, Kind};
use super::phase::Phase;
use super::state::{self, State};
use std::time::{Duration, Instant};

/// How long a slice lasts, and the time others have between two.
const SLICE: Duration = Duration::from_millis(1);
const REST: Duration = Duration::from_millis(1);
/// While a replica waits for its primary, or the primary for the end of a pause.
const WAIT: Duration = Duration::from_millis(100);
/// So many small things are freed between two looks at the clock.
const PIECES: usize = 256;

/// After something was dropped: sees to it that the timer runs.
pub fn arm(ctx: &Context) {
    let wanted = |state: &mut State| {
        (state.engine.free_some(0) || state.engine.clearing().is_some())
            && !std::mem::replace(&mut state.freeing, true)
    };
    if state::with(wanted) == Ok(true) {
        ctx.start_free(REST);
    }
}

/// The timer: frees a slice, and runs on while anything is left.
pub fn on_timer(ctx: &Context) {
    let start = Instant::now();
    let left = state::with(|state| {
        let mut left = true;
        while left && start.elapsed() < SLICE {
            left = state.engine.free_some(PIECES);
        }
        state.freeing = left || state.engine.clearing().is_some();
        (
            left,
            state.engine.clearing().map(|domain| domain.to_string()),
        )
    });
    let Ok((left, clearing)) = left else {
        return;
    };
    let mut next = REST;
    if let Some(domain) = &clearing {
        // What is counted must go at the same place in the stream of writes everywhere.
        if Phase::of(ctx) == Phase::Primary {
            let args = [domain.as_bytes(), b"", b"0"].map(Str::new);
            if let Err(why) = ctx.write(c"LEAFLET.TICK", &args) {
                log::repeated(Kind::Emit, || {
                    format!("can't clear what was deleted: {why}")
                });
                next = WAIT;
            }
        } else if !left {
            next = WAIT;
        }
    }
    if left || clearing.is_some() {
        ctx.start_free(next);
    }
}
