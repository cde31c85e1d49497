//! Definitions and windows in the RDB: beside the keyspace, as auxiliary data.
//!
//! Two blocks, each with its length and checksum in front: the definitions as JSON, and what the windows hold
//! (see [`Engine::snapshot`]). Version 1 had the first block only.

use super::log::{self, Level};
use super::state;
use crate::engine::domain::Definitions;
use crate::engine::{Engine, Settings};

/// The version of the format; a data set of a newer one is refused.
pub const VERSION: i32 = 2;

/// What goes into the RDB. None: nothing, because nothing was defined beyond what is there from the start;
/// then a server without Leaflet can load the file.
pub fn save() -> Option<Vec<u8>> {
    let saved = state::with(|state| {
        let definitions = state.engine.definitions();
        let nothing = definitions == Engine::new(Settings::default()).definitions();
        (!nothing).then(|| encode(&definitions, &state.engine))
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

fn restore(version: i32, bytes: Option<&[u8]>) -> Result<(), String> {
    if version > VERSION {
        return Err(format!(
            "it is of version {version}, this module knows versions up to {VERSION}; load a newer module"
        ));
    }
    let (definitions, windows) = decode(version, bytes.ok_or("the data ends early")?)?;
    let events = state::with(|state| {
        // Either both or none.
        let engine = Engine::restored(state.engine.settings(), &definitions, windows)?;
        let stats = engine.stats(None, None)?;
        state.engine = engine;
        state.note_wakes();
        Ok(stats.window_events + stats.events_held)
    });
    let events = events
        .map_err(|_| "internal error".to_string())?
        .map_err(|error: crate::engine::Error| error.to_string())?;
    let rules: usize = definitions
        .domains
        .iter()
        .map(|domain| domain.rules.len())
        .sum();
    log::line(
        Level::Notice,
        &format!(
            "{} domain(s), {rules} rule(s) and {events} event(s) in windows restored",
            definitions.domains.len()
        ),
    );
    Ok(())
}

fn encode(definitions: &Definitions, engine: &Engine) -> Result<Vec<u8>, String> {
    let json = serde_json::to_vec(definitions).map_err(|error| error.to_string())?;
    let windows = engine.snapshot().map_err(|error| error.to_string())?;
    let mut bytes = Vec::new();
    for block in [json, windows] {
        bytes.extend((block.len() as u64).to_le_bytes());
        bytes.extend(checksum(&block).to_le_bytes());
        bytes.extend(block);
    }
    Ok(bytes)
}

fn decode(version: i32, bytes: &[u8]) -> Result<(Definitions, Option<&[u8]>), String> {
    let (json, rest) = block(bytes)?;
    let (windows, rest) = match version {
        1 => (None, rest),
        _ => block(rest).map(|(windows, rest)| (Some(windows), rest))?,
    };
    if !rest.is_empty() {
        return Err("it is too long".into());
    }
    let definitions = serde_json::from_slice(json).map_err(|error| error.to_string())?;
    Ok((definitions, windows))
}

/// The next block, and what comes after it.
fn block(bytes: &[u8]) -> Result<(&[u8], &[u8]), String> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or("it is cut short")?;
    let (sum, rest) = rest.split_first_chunk::<8>().ok_or("it is cut short")?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (block, rest) = rest.split_at_checked(length).ok_or("it is cut short")?;
    if u64::from_le_bytes(*sum) != checksum(block) {
        return Err("its checksum is wrong".into());
    }
    Ok((block, rest))
}

/// FNV-1a: guards against damage, not against forgery.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::domain::{DomainDefinition, DomainSpec, RuleDefinition};

    fn definitions() -> Definitions {
        Definitions {
            domains: vec![DomainDefinition {
                spec: DomainSpec::new("a b", 3),
                rules: vec![RuleDefinition {
                    name: "r".into(),
                    text: "MATCH A WITHIN 1s".into(),
                    paused: true,
                    sees_from: None,
                }],
                rebuilding: false,
            }],
        }
    }

    fn encoded() -> Vec<u8> {
        let mut engine = Engine::new(Settings::default());
        engine.restore(&definitions()).unwrap();
        encode(&definitions(), &engine).unwrap()
    }

    #[test]
    fn definitions_and_windows_come_back() {
        let bytes = encoded();
        let (decoded, windows) = decode(2, &bytes).unwrap();
        assert_eq!(decoded, definitions());
        let mut engine = Engine::new(Settings::default());
        engine.restore(&decoded).unwrap();
        engine.restore_windows(windows.unwrap()).unwrap();
    }

    #[test]
    fn what_version_1_saved_is_read() {
        let bytes = encoded();
        let (json, _) = block(&bytes).unwrap();
        let old = &bytes[..16 + json.len()];
        assert_eq!(decode(1, old), Ok((definitions(), None)));
        assert!(decode(2, old).is_err());
        assert!(decode(1, &bytes).is_err());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let bytes = encoded();
        for i in 0..bytes.len() {
            assert!(decode(2, &bytes[..i]).is_err(), "cut at {i}");
            let mut damaged = bytes.clone();
            damaged[i] ^= 1;
            assert!(decode(2, &damaged).is_err(), "bit flipped in byte {i}");
        }
    }

    #[test]
    fn a_newer_version_is_refused() {
        let why = restore(VERSION + 1, Some(&[])).unwrap_err();
        assert!(why.contains("version 3"), "{why}");
    }
}
