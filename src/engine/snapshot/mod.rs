//! Everything the engine holds, as bytes: what a snapshot was taken of goes on elsewhere as if nothing had been.
//!
//! The bytes hold what windows hold, not the definitions: those are restored first, and must be the same. Counters begin
//! anew. Nothing in the bytes is believed: what does not fit together is refused, and nothing changes then.

mod bytes;
mod domain;
mod leaflet;
mod window;

use serde::{Deserialize, Serialize};

use super::{Engine, Error, Result};

/// All windows and clocks, domain by domain.
#[derive(Debug, Serialize, Deserialize)]
struct Snapshot<'a> {
    #[serde(borrow)]
    domains: Vec<domain::DomainState<'a>>,
}

impl Engine {
    /// What all windows hold, as bytes for [`Engine::restore_windows`]. The same state gives the same bytes.
    ///
    /// # Errors
    /// Where the bytes can't be made; there is no known reason for that.
    ///
    /// ```
    /// use leaflet::engine::{Engine, Settings};
    /// let engine = Engine::new(Settings::default());
    /// let mut other = Engine::new(Settings::default());
    /// other.restore_windows(&engine.snapshot()?)?;
    /// assert_eq!(other.snapshot()?, engine.snapshot()?);
    /// # Ok::<(), leaflet::engine::Error>(())
    /// ```
    pub fn snapshot(&self) -> Result<Vec<u8>> {
        let snapshot = Snapshot {
            domains: self.domains.iter().map(|domain| domain.capture()).collect(),
        };
        postcard::to_stdvec(&snapshot).map_err(|error| Error::new(format!("no snapshot: {error}")))
    }

    /// Takes over what the windows of an engine with the same definitions held.
    ///
    /// # Errors
    /// Where the bytes are no snapshot, or one of other definitions; nothing changes then.
    pub fn restore_windows(&mut self, bytes: &[u8]) -> Result<()> {
        *self = Self::restored(self.settings, &self.definitions(), Some(bytes))?;
        Ok(())
    }

    /// Takes over the leaflets of an engine with the same definitions, beside its own.
    ///
    /// # Errors
    /// Where the definitions are others.
    pub fn absorb(&mut self, other: &Self) -> Result<()> {
        require(
            other.domains.len() == self.domains.len(),
            "it is of other domains",
        )?;
        for (domain, other) in self.domains.iter_mut().zip(&other.domains) {
            domain.restore(other.capture(), &mut self.wakes)?;
        }
        Ok(())
    }

    /// Fills windows that hold nothing.
    pub(super) fn fill(&mut self, bytes: &[u8]) -> Result<()> {
        let (snapshot, rest): (Snapshot, _) = postcard::take_from_bytes(bytes)
            .map_err(|error| Error::new(format!("this is no snapshot: {error}")))?;
        require(rest.is_empty(), "it is too long")?;
        require(
            snapshot.domains.len() == self.domains.len(),
            "it is of other domains",
        )?;
        for (domain, state) in self.domains.iter_mut().zip(snapshot.domains) {
            domain.restore(state, &mut self.wakes)?;
        }
        Ok(())
    }
}

/// Why a snapshot is refused.
fn misfit(why: &str) -> Error {
    Error::new(format!("the snapshot does not fit: {why}"))
}

/// Refuses what does not hold.
fn require(holds: bool, why: &str) -> Result<()> {
    if holds {
        Ok(())
    } else {
        Err(misfit(why))
    }
}
