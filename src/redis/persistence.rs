//! Definitions in the RDB: beside the keyspace, as auxiliary data.

use super::log::{self, Level};
use super::state;
use crate::engine::domain::Definitions;
use crate::engine::{Engine, Settings};

/// The version of the format; a data set of a newer one is refused.
pub const VERSION: i32 = 1;

/// Length of what stands in front of the JSON: its length and its checksum.
const HEADER: usize = 16;

/// What goes into the RDB. None: nothing, because nothing was defined beyond what is there from the start;
/// then a server without Leaflet can load the file.
pub fn save() -> Option<Vec<u8>> {
    let definitions = state::with(|state| state.engine.definitions()).ok()?;
    if definitions == Engine::new(Settings::default()).definitions() {
        return None;
    }
    match encode(&definitions) {
        Ok(bytes) => Some(bytes),
        Err(error) => {
            log::line(
                Level::Warning,
                &format!("the definitions can't be saved: {error}"),
            );
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
            log::line(
                Level::Warning,
                &format!("the definitions in this data set can't be loaded: {why}"),
            );
            false
        }
    }
}

fn restore(version: i32, bytes: Option<&[u8]>) -> Result<(), String> {
    if version > VERSION {
        return Err(format!(
            "they are of version {version}, this module knows versions up to {VERSION}; load a newer module"
        ));
    }
    let definitions = decode(bytes.ok_or("the data ends early")?)?;
    state::with(|state| state.engine.restore(&definitions))
        .map_err(|_| "internal error".to_string())?
        .map_err(|error| error.to_string())?;
    let rules: usize = definitions
        .domains
        .iter()
        .map(|domain| domain.rules.len())
        .sum();
    log::line(
        Level::Notice,
        &format!(
            "{} domain(s) and {rules} rule(s) restored",
            definitions.domains.len()
        ),
    );
    Ok(())
}

fn encode(definitions: &Definitions) -> Result<Vec<u8>, String> {
    let json = serde_json::to_vec(definitions).map_err(|error| error.to_string())?;
    let mut bytes = Vec::with_capacity(HEADER + json.len());
    bytes.extend((json.len() as u64).to_le_bytes());
    bytes.extend(checksum(&json).to_le_bytes());
    bytes.extend(json);
    Ok(bytes)
}

fn decode(bytes: &[u8]) -> Result<Definitions, String> {
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or("they are cut short")?;
    let (sum, json) = rest.split_first_chunk::<8>().ok_or("they are cut short")?;
    if u64::from_le_bytes(*length) != json.len() as u64 {
        return Err("their length is wrong".into());
    }
    if u64::from_le_bytes(*sum) != checksum(json) {
        return Err("their checksum is wrong".into());
    }
    serde_json::from_slice(json).map_err(|error| error.to_string())
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
                spec: DomainSpec::new("a\0b", 3),
                rules: vec![RuleDefinition {
                    name: "r".into(),
                    text: "MATCH A WITHIN 1s".into(),
                    paused: true,
                }],
            }],
        }
    }

    #[test]
    fn definitions_come_back() {
        let bytes = encode(&definitions()).unwrap();
        assert_eq!(decode(&bytes), Ok(definitions()));
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let bytes = encode(&definitions()).unwrap();
        for i in 0..bytes.len() {
            assert!(decode(&bytes[..i]).is_err(), "cut at {i}");
            let mut damaged = bytes.clone();
            damaged[i] ^= 1;
            assert!(decode(&damaged).is_err(), "bit flipped in byte {i}");
        }
    }

    #[test]
    fn a_newer_version_is_refused() {
        let why = restore(VERSION + 1, Some(&[])).unwrap_err();
        assert!(why.contains("version 2"), "{why}");
    }
}
