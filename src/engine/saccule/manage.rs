//! How saccules are defined and described.

use super::Saccule;
use crate::engine::change::Change;
use crate::engine::domain::{SacculeDefinition, SacculeInfo};
use crate::engine::processor::Domain;
use crate::engine::{Engine, Result};

impl Engine {
    /// Adds a saccule at the end of a domain's line, or replaces one in its place. It sees the events that come from now
    /// on. Replacing one by the same changes nothing.
    ///
    /// # Errors
    /// Where there is no such domain, the name is taken or no name, the text is no saccule's, or there are too many;
    /// nothing changes then.
    ///
    /// ```
    /// use leaflet::engine::domain::DEFAULT_DOMAIN;
    /// use leaflet::engine::{Engine, Settings};
    ///
    /// let mut engine = Engine::new(Settings::default());
    /// engine.add_saccule(DEFAULT_DOMAIN, "scale", "SET value = value / 100", Some("axon_1"), false)?;
    /// assert_eq!(engine.saccule_infos(DEFAULT_DOMAIN)?[0].text, "SET value = value / 100");
    /// # Ok::<(), leaflet::engine::Error>(())
    /// ```
    pub fn add_saccule(
        &mut self,
        domain: &str,
        name: &str,
        text: &str,
        axon: Option<&str>,
        replace: bool,
    ) -> Result<()> {
        let at = self.domain_place(domain)?;
        let saccule = Saccule::new(name, text, axon)?;
        let old = self.domains[at].saccules.text_of(name);
        let change = Change {
            action: "SACCULE.ADD",
            domain: domain.into(),
            name: Some(name.into()),
            old,
            new: Some(saccule.definition_text()),
            ..Change::default()
        };
        self.domains[at].put_saccule(saccule, replace)?;
        self.changes
            .extend((change.old != change.new).then_some(change));
        Ok(())
    }

    /// Deletes a saccule. What windows hold stays as it is.
    ///
    /// # Errors
    /// Where there is no such domain or saccule.
    pub fn delete_saccule(&mut self, domain: &str, name: &str) -> Result<()> {
        let at = self.domain_place(domain)?;
        let old = self.domains[at].saccules.text_of(name);
        self.domains[at].saccules.delete(name, domain)?;
        self.changes.push(Change {
            action: "SACCULE.DEL",
            domain: domain.into(),
            name: Some(name.into()),
            old,
            ..Change::default()
        });
        Ok(())
    }

    /// Describes a domain's saccules, in the order in which events meet them.
    ///
    /// # Errors
    /// Where there is no such domain.
    pub fn saccule_infos(&self, domain: &str) -> Result<Vec<SacculeInfo>> {
        let at = self.domain_place(domain)?;
        Ok(self.domains[at].saccules.infos(domain))
    }

    /// What all saccules have counted: domain, name, how many events were rejected and skipped.
    pub fn saccule_figures(&self) -> impl Iterator<Item = (&str, &str, u64, u64)> {
        fn of(domain: &Domain) -> impl Iterator<Item = (&str, &str, u64, u64)> {
            let saccules = domain.saccules.iter();
            saccules.map(|s| (&*domain.name, &*s.name, s.rejected(), s.skipped()))
        }
        self.domains.iter().flat_map(of)
    }

    /// A domain's saccules as they are defined, for an engine that has to see what this one sees.
    ///
    /// # Errors
    /// Where there is no such domain.
    pub fn saccule_definitions(&self, domain: &str) -> Result<Vec<SacculeDefinition>> {
        let at = self.domain_place(domain)?;
        Ok(self.domains[at].saccules.definitions())
    }
}
