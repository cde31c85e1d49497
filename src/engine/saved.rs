//! A whole engine as bytes: what stands in the RDB.
//!
//! Two blocks, each with its length and checksum in front: the definitions as JSON, and what the windows hold
//! (see [`Engine::snapshot`]). Version 1 had the first block only. Nothing in the bytes is believed.

use super::{Engine, Error, Result, Settings};

/// The version of the format; a newer one can't be read.
pub const VERSION: i32 = 2;

impl Engine {
    /// Definitions and windows, for [`Engine::from_saved`].
    ///
    /// # Errors
    /// Where the bytes can't be made; there is no known reason for that.
    ///
    /// ```
    /// use leaflet::engine::domain::{AddRule, DEFAULT_DOMAIN};
    /// use leaflet::engine::{saved, Engine, Settings};
    ///
    /// let mut engine = Engine::new(Settings::default());
    /// engine.add_rule(DEFAULT_DOMAIN, "one", "MATCH A WITHIN 1s", AddRule::default())?;
    /// let again = Engine::from_saved(Settings::default(), saved::VERSION, &engine.save()?)?;
    /// assert_eq!(again.definitions(), engine.definitions());
    /// # Ok::<(), leaflet::engine::Error>(())
    /// ```
    pub fn save(&self) -> Result<Vec<u8>> {
        let definitions = serde_json::to_vec(&self.definitions())
            .map_err(|error| Error::new(format!("no definitions: {error}")))?;
        Ok(seal(&[&definitions, &self.snapshot()?]))
    }

    /// The engine that was saved.
    ///
    /// # Errors
    /// Where the bytes are damaged, of a newer version, or make no sense.
    pub fn from_saved(settings: Settings, version: i32, bytes: &[u8]) -> Result<Self> {
        if version > VERSION {
            return Err(Error::new(format!(
                "it is of version {version}, this module knows versions up to {VERSION}; load a newer module"
            )));
        }
        let (definitions, rest) = block(bytes)?;
        let (windows, rest) = match version {
            1 => (None, rest),
            _ => block(rest).map(|(windows, rest)| (Some(windows), rest))?,
        };
        if !rest.is_empty() {
            return Err(Error::new("it is too long"));
        }
        let definitions =
            serde_json::from_slice(definitions).map_err(|error| Error::new(error.to_string()))?;
        Self::restored(settings, &definitions, windows)
    }
}

/// Blocks one after the other, each with its length and checksum in front.
pub fn seal(blocks: &[&[u8]]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for block in blocks {
        bytes.extend((block.len() as u64).to_le_bytes());
        bytes.extend(checksum(block).to_le_bytes());
        bytes.extend(*block);
    }
    bytes
}

/// The next block, and what comes after it.
///
/// # Errors
/// Where it is damaged.
pub fn block(bytes: &[u8]) -> Result<(&[u8], &[u8])> {
    let short = || Error::new("it is cut short");
    let (length, rest) = bytes.split_first_chunk::<8>().ok_or_else(short)?;
    let (sum, rest) = rest.split_first_chunk::<8>().ok_or_else(short)?;
    let length = usize::try_from(u64::from_le_bytes(*length)).unwrap_or(usize::MAX);
    let (block, rest) = rest.split_at_checked(length).ok_or_else(short)?;
    if u64::from_le_bytes(*sum) != checksum(block) {
        return Err(Error::new("its checksum is wrong"));
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
    use crate::engine::domain::{Definitions, DomainDefinition, DomainSpec, RuleDefinition};

    fn engine() -> Engine {
        let definitions = Definitions {
            domains: vec![DomainDefinition {
                spec: DomainSpec::new("a b", 3),
                rules: vec![RuleDefinition {
                    name: "r".into(),
                    text: "MATCH A WITHIN 1s".into(),
                    paused: true,
                }],
            }],
        };
        Engine::restored(Settings::default(), &definitions, None).unwrap()
    }

    fn read(version: i32, bytes: &[u8]) -> Result<Engine> {
        Engine::from_saved(Settings::default(), version, bytes)
    }

    #[test]
    fn what_version_1_saved_is_read() {
        let bytes = engine().save().unwrap();
        let (json, _) = block(&bytes).unwrap();
        let old = &bytes[..16 + json.len()];
        assert_eq!(read(1, old).unwrap().definitions(), engine().definitions());
        assert!(read(2, old).is_err());
        assert!(read(1, &bytes).is_err());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let bytes = engine().save().unwrap();
        for i in 0..bytes.len() {
            assert!(read(2, &bytes[..i]).is_err(), "cut at {i}");
            let mut damaged = bytes.clone();
            damaged[i] ^= 1;
            assert!(read(2, &damaged).is_err(), "bit flipped in byte {i}");
        }
    }

    #[test]
    fn a_newer_version_is_refused() {
        let why = read(VERSION + 1, &[]).unwrap_err().to_string();
        assert!(why.contains("version 3"), "{why}");
    }
}
