//! What the server is doing right now, and what the server's own events mean for Leaflet.

use super::ffi::{noted, Context, Flags};
use super::log::{self, Level};
use super::{backtest, rebuild, reindex, state, wake};
use crate::engine::Engine;

/// The server's phase: only a primary that serves clients emits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Phase {
    /// A primary that serves clients.
    Primary,
    /// A replica: the primary's integrated events arrive by themselves.
    Replica,
    /// Data is being loaded: what was emitted is in the file.
    Loading,
    /// The primary must not write now, as during `CLIENT PAUSE`: a write would stop the server.
    Paused,
}

impl Phase {
    /// The phase of the server that this context belongs to.
    pub fn of(ctx: &Context) -> Self {
        Self::from_flags(ctx.flags(), ctx.avoid_replica_traffic())
    }

    fn from_flags(flags: Flags, paused: bool) -> Self {
        if flags.loading {
            Self::Loading
        } else if flags.replica {
            Self::Replica
        } else if paused {
            Self::Paused
        } else {
            Self::Primary
        }
    }
}

/// A data set is about to be loaded: whatever was defined gives way to what the data set says. A data set
/// without definitions means none but the `default` domain.
pub fn on_loading_start() {
    noted::forget();
    backtest::stop_all();
    let _ = state::with(|state| {
        state.replace_engine(Engine::new(state.engine.settings()));
        state.rebuilds.restart();
        state.renew_wakes();
    });
}

/// A data set has been loaded, or has failed to.
pub fn on_loading_end(ctx: &Context) {
    report_misplaced(ctx);
    wake::arm(ctx);
    rebuild::arm(ctx);
    reindex::arm(ctx);
}

/// Tells of domains in databases that the server does not have.
fn report_misplaced(ctx: &Context) {
    let infos = state::with(|state| state.engine.domain_infos()).unwrap_or_default();
    let home = ctx.selected_db();
    for spec in infos.into_iter().map(|info| info.spec) {
        if !ctx.select_db(spec.db) {
            log::line(
                Level::Warning,
                &format!(
                    "domain '{}' works in database {}, which this server does not have: it gets no events",
                    spec.name, spec.db
                ),
            );
        }
    }
    ctx.select_db(home);
}

/// A database, or all, has been emptied.
pub fn on_flush(db: Option<i32>) {
    let _ = state::with(|state| {
        state.engine.flush(db);
        // What was read is gone, and ids may begin anew.
        state.rebuilds.restart();
        state.renew_wakes();
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn loading_comes_before_role_and_role_before_pause() {
        let flags = |loading, replica| Flags {
            loading,
            replica,
            cluster: false,
        };
        assert_eq!(Phase::from_flags(flags(true, true), true), Phase::Loading);
        assert_eq!(Phase::from_flags(flags(false, true), true), Phase::Replica);
        assert_eq!(Phase::from_flags(flags(false, false), true), Phase::Paused);
        assert_eq!(
            Phase::from_flags(flags(false, false), false),
            Phase::Primary
        );
    }
}
