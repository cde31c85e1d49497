//! A whole engine as bytes: what stands in the RDB.
//!
//! Three blocks, each with its length and checksum in front: the definitions as JSON, what the windows hold
//! (see [`Engine::snapshot`]), and the index of lineages. Version 1 had the first block only, version 2 the first two, and
//! before version 3 there were no saccules, so that who reads no more than version 2 would let pass what they reject.
//! Nothing in the bytes is believed.

use super::lineage::Index;
use super::{Engine, Error, Result, Settings};

/// The version of the format; a newer one can't be read.
pub const VERSION: i32 = 3;

impl Engine {
    /// Definitions, windows and lineages, for [`Engine::from_saved`].
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
    /// let (again, lost) = Engine::from_saved(Settings::default(), saved::VERSION, &engine.save()?)?;
    /// assert_eq!((again.definitions(), lost), (engine.definitions(), None));
    /// # Ok::<(), leaflet::engine::Error>(())
    /// ```
    pub fn save(&self) -> Result<Vec<u8>> {
        let definitions = serde_json::to_vec(&self.definitions())
            .map_err(|error| Error::new(format!("no definitions: {error}")))?;
        let lineage = self.lineage.to_bytes()?;
        Ok(seal(&[&definitions, &self.snapshot()?, &lineage]))
    }

    /// The engine that was saved. Where the windows can't be used they are empty and to be
    /// [rebuilt](Engine::rebuild_lost); then also why. Where the index of lineages can't be used it is empty, and
    /// [says so](Engine::lineage_is_lost).
    ///
    /// # Errors
    /// Where the bytes are of a newer version, or the definitions are damaged or make no sense.
    pub fn from_saved(
        settings: Settings,
        version: i32,
        bytes: &[u8],
    ) -> Result<(Self, Option<Error>)> {
        if version > VERSION {
            return Err(Error::new(format!(
                "it is of version {version}, this module knows versions up to {VERSION}; load a newer module"
            )));
        }
        let (definitions, rest) = block(bytes)?;
        let definitions =
            serde_json::from_slice(definitions).map_err(|error| Error::new(error.to_string()))?;
        let too_long = || Error::new("it is too long");
        let (windows, lineage) = match version {
            1 if rest.is_empty() => (Err(Error::new("version 1 did not save them")), None),
            1 => return Err(too_long()),
            _ => match block(rest) {
                Ok((windows, rest)) if version == 2 => match rest {
                    [] => (Ok(windows), None),
                    _ => (Err(too_long()), None),
                },
                Ok((windows, rest)) => (Ok(windows), Some(rest)),
                Err(why) => (Err(why), None),
            },
        };
        let restore = |windows| Self::restored(settings, &definitions, windows);
        let (mut engine, lost) = match windows.and_then(|windows| restore(Some(windows))) {
            Ok(engine) => (engine, None),
            Err(why) => {
                let mut engine = restore(None)?;
                engine.rebuild_lost();
                (engine, Some(why))
            }
        };
        let room = engine.lineage_room();
        let lineage = lineage.and_then(|bytes| match block(bytes) {
            Ok((index, [])) => Index::from_bytes(index, room).ok(),
            _ => None,
        });
        engine.lineage_lost = lineage.is_none();
        engine.lineage = lineage.unwrap_or_default();
        Ok((engine, lost))
    }

    /// What was saved had no index of lineages that could be used.
    pub fn lineage_is_lost(&self) -> bool {
        self.lineage_lost
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
    use crate::engine::domain::{
        Definitions, DomainDefinition, DomainSpec, RuleDefinition, SacculeDefinition,
    };
    use crate::engine::EntryId;

    fn definitions() -> Definitions {
        Definitions {
            retired: Vec::new(),
            domains: vec![DomainDefinition {
                spec: DomainSpec::new("a b", 3),
                rules: vec![RuleDefinition {
                    name: "r".into(),
                    text: "MATCH A WITHIN 1s".into(),
                    paused: true,
                    version: 1,
                    sees_from: None,
                }],
                saccules: vec![SacculeDefinition {
                    name: "s".into(),
                    text: "REQUIRE value > 0 ELSE 'too little'".into(),
                    axon: Some("axon_*".into()),
                    sees_from: None,
                }],
                rebuilding: false,
            }],
        }
    }

    fn saved() -> Vec<u8> {
        let engine = Engine::restored(Settings::default(), &definitions(), None);
        engine.unwrap().save().unwrap()
    }

    fn read(version: i32, bytes: &[u8]) -> Result<(Engine, Option<Error>)> {
        Engine::from_saved(Settings::default(), version, bytes)
    }

    #[test]
    fn what_older_versions_saved_is_read() {
        let bytes = saved();
        let (json, rest) = block(&bytes).unwrap();
        let (windows, _) = block(rest).unwrap();
        let old = &bytes[..16 + json.len()];
        let (engine, lost) = read(1, old).unwrap();
        let again = engine.definitions().without_past();
        assert_eq!((again, lost.is_some()), (definitions(), true));
        assert!(read(2, old).unwrap().1.is_some());
        assert!(read(1, &bytes).is_err());
        let (engine, lost) = read(2, &bytes[..32 + json.len() + windows.len()]).unwrap();
        assert_eq!((lost, engine.lineage_is_lost()), (None, true));
        assert!(read(2, &bytes).unwrap().1.is_some());
        let (engine, lost) = read(3, &bytes).unwrap();
        assert_eq!((lost, engine.lineage_is_lost()), (None, false));
    }

    #[test]
    fn definitions_without_later_fields_are_of_rules_that_saw_everything() {
        let mut before = definitions();
        before.domains[0].saccules.clear();
        let mut json = serde_json::to_value(&before).unwrap();
        let domain = json["domains"][0].as_object_mut().unwrap();
        domain.remove("rebuilding");
        for later in ["sees_from", "version"] {
            let rule = domain["rules"][0].as_object_mut().unwrap();
            rule.remove(later);
        }
        domain.remove("saccules");
        domain["spec"].as_object_mut().unwrap().remove("rejected");
        json.as_object_mut().unwrap().remove("retired");
        let read: Definitions = serde_json::from_value(json).unwrap();
        assert_eq!(read.domains[0].rules[0].sees_from, Some(EntryId::MIN));
        assert_eq!(read.without_past(), before.without_past());
    }

    #[test]
    fn every_flipped_bit_and_every_cut_is_seen() {
        let bytes = saved();
        let (json, rest) = block(&bytes).unwrap();
        let windows = 16 + json.len();
        let lineage = windows + 16 + block(rest).unwrap().0.len();
        for i in 0..bytes.len() {
            let mut damaged = bytes.clone();
            damaged[i] ^= 1;
            for (what, damaged) in [("cut", &bytes[..i]), ("bit flipped", &damaged)] {
                match read(VERSION, damaged) {
                    Err(_) => assert!(i < windows, "{what} at {i}"),
                    // The windows alone, or the lineages: they are rebuilt.
                    Ok((engine, lost)) => {
                        assert!(i >= windows, "{what} at {i}");
                        assert_eq!(lost.is_some(), i < lineage, "{what} at {i}");
                        assert!(engine.lineage_is_lost(), "{what} at {i}");
                        assert_eq!(engine.definitions().without_past(), definitions());
                    }
                }
            }
        }
    }

    #[test]
    fn a_newer_version_is_refused() {
        let why = read(VERSION + 1, &[]).unwrap_err().to_string();
        assert!(why.contains(&format!("version {}", VERSION + 1)), "{why}");
    }
}
