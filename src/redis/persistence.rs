//! Definitions and windows in the RDB: beside the keyspace, as auxiliary data (see [`Engine::save`]).

use super::log::{self, Level};
use super::state::{self, State};
use crate::engine::domain::Definitions;
pub use crate::engine::saved::VERSION;
use crate::engine::{Engine, Error, Settings};

/// What goes into the RDB. None: nothing, because nothing was defined beyond what is there from the start;
/// then a server without Leaflet can load the file.
pub fn save() -> Option<Vec<u8>> {
    let saved = state::with(|state| {
        let nothing = Engine::new(Settings::default()).definitions();
        let nothing = state.engine.definitions().without_past() == nothing;
        (!nothing).then(|| state.engine.save())
    });
    match saved.ok()?? {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            let line = format!("definitions and windows can't be saved: {error}");
            log::line(Level::Warning, &line);
            None
        }
    }
}

/// Takes over what stands in the RDB. False: it can't be used, the reason is in the log, and the load has
/// to fail so that nothing is lost silently.
pub fn load(version: i32, bytes: Option<&[u8]>) -> bool {
    match restore(version, bytes) {
        Ok(()) => true,
        Err(why) => {
            let line = format!("Leaflet's part of this data set can't be loaded: {why}");
            log::line(Level::Warning, &line);
            false
        }
    }
}

fn restore(version: i32, bytes: Option<&[u8]>) -> Result<(), Error> {
    let bytes = bytes.ok_or_else(|| Error::new("the data ends early"))?;
    let stats = state::with(|state| {
        let (engine, lost) = Engine::from_saved(state.engine.settings(), version, bytes)?;
        if let Some(why) = lost {
            log::line(
                Level::Warning,
                &format!(
                    "windows are LOST ({why}): they are rebuilt from what the streams still hold"
                ),
            );
        }
        let stats = engine.stats(None, None)?;
        let lineage_lost = engine.lineage_is_lost();
        state.replace_engine(engine);
        if lineage_lost {
            state.reindex_all();
        }
        state.note_wakes();
        Ok(stats)
    });
    let stats = stats.map_err(|_| Error::new("internal error"))??;
    log::line(
        Level::Notice,
        &format!(
            "{} domain(s), {} rule(s) and {} event(s) in windows restored",
            stats.domains,
            stats.rules,
            stats.window_events + stats.events_held
        ),
    );
    Ok(())
}

/// Takes over definitions that an append-only file states once more, without windows. Where they are in force already
/// windows hold what they should.
pub fn restate(state: &mut State, definitions: &Definitions) -> crate::engine::Result<()> {
    if state.engine.definitions().without_past() == definitions.without_past() {
        return Ok(());
    }
    let engine = Engine::restored(state.engine.settings(), definitions, None)?;
    state.replace_engine(engine);
    state.engine.rebuild_lost();
    state.reindex_all();
    state.rebuilds.restart();
    state.renew_wakes();
    Ok(())
}
