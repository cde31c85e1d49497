//! Windows that are filled anew from what the streams still hold.
//!
//! The past is played again, as far back as it can matter. What a rule found then stands in the output, so that is read
//! first: where a match is known to have ended, the search is not asked again, but the match's sources are consumed as they
//! were. What should have been found and is not in the output is emitted.
//!
//! While a domain is rebuilt it takes nothing in by itself: what comes in is in the streams, and is read from there.

mod past;

use std::collections::BTreeSet;

use ahash::AHashMap;

use super::domain::DomainSpec;
use super::emission::{Emission, Host};
use super::event::{EntryId, Event};
use super::processor::Domain;
use super::{Engine, Result};
pub use past::Past;

/// A domain whose windows are being filled anew.
#[derive(Debug, Default)]
pub struct Rebuild {
    /// By tag.
    leaflets: AHashMap<Box<[u8]>, Past>,
    /// The keys of axons that something came to meanwhile.
    touched: BTreeSet<Box<[u8]>>,
    /// What is known of the past takes about so much memory.
    bytes: u64,
}

impl Rebuild {
    /// What is known of a leaflet's past.
    pub fn past(&mut self, tag: &[u8]) -> &mut Past {
        if !self.leaflets.contains_key(tag) {
            self.leaflets.insert(tag.into(), Past::default());
        }
        self.leaflets.get_mut(tag).expect("it is there")
    }

    /// Something came to this axon: it has to be read on.
    pub fn touch(&mut self, key: &[u8]) {
        if !self.touched.contains(key) {
            self.touched.insert(key.into());
        }
    }
}

/// The steps of a rebuild, for the host that reads the streams. It first tells what it finds in the outputs, then feeds
/// the events in the order of their ids; at the end it says that nothing is left.
impl Engine {
    /// Forgets the windows of a domain, or of all, and has them filled anew, as if their rules had always been there.
    ///
    /// # Errors
    /// Where there is no such domain.
    pub fn rebuild(&mut self, domain: Option<&str>) -> Result<()> {
        let places = match domain {
            None => 0..self.domains.len(),
            Some(domain) => {
                let at = self.domain_place(domain)?;
                at..at + 1
            }
        };
        for domain in &mut self.domains[places] {
            let rules = domain.rules.iter_mut().map(|rule| &mut rule.sees_from);
            let saccules = domain
                .saccules
                .iter_mut()
                .map(|saccule| &mut saccule.sees_from);
            rules
                .chain(saccules)
                .for_each(|from| *from = Some(EntryId::MIN));
            self.remains.push_back(domain.start_rebuild());
        }
        Ok(())
    }

    /// The windows of all rules are lost: has them filled anew. Each rule sees what it saw.
    pub fn rebuild_lost(&mut self) {
        let with_rules = |domain: &&mut Domain| !domain.rules.is_empty();
        let lost = self.domains.iter_mut().filter(with_rules);
        self.remains.extend(lost.map(Domain::start_rebuild));
    }

    /// The first domain that is being rebuilt.
    pub fn rebuilding(&self) -> Option<&DomainSpec> {
        let mut domains = self.domains.iter();
        Some(&domains.find(|domain| domain.rebuild.is_some())?.spec)
    }

    /// How many domains are being rebuilt.
    pub fn rebuilding_count(&self) -> u64 {
        let domains = self.domains.iter();
        domains.filter(|domain| domain.rebuild.is_some()).count() as u64
    }

    /// How much of the past has to be read for a domain that is being rebuilt, ms: its rules depend on no more than half of
    /// it, so that what ends in the other half is found as it was.
    pub fn reach(&self, domain: &str) -> Option<u64> {
        let at = self.domain_place(domain).ok()?;
        let domain = &self.domains[at];
        domain.rebuild.as_ref()?;
        let lateness = domain.spec.time.lateness();
        let reach = domain.rules.iter().map(|rule| rule.program.reach());
        let reach = reach.max().unwrap_or(0);
        Some(reach.saturating_mul(2).saturating_add(lateness))
    }

    /// Takes note of an entry of a leaflet's output: when the match ended, if it is one of this domain's rules as they
    /// are now.
    pub fn recall(&mut self, domain: &str, tag: &[u8], fields: &[(&[u8], &[u8])]) -> Option<u64> {
        let at = self.domain_place(domain).ok()?;
        let domain = &mut self.domains[at];
        let rebuild = domain.rebuild.as_mut()?;
        let past = rebuild.past(tag);
        let before = past.bytes();
        let time = past.recall(&domain.name, tag, &domain.rules, fields);
        let more = past.bytes() - before;
        rebuild.bytes += more;
        time
    }

    /// What is known of the past of a domain's leaflets takes about so much memory (bytes).
    pub fn recalled_bytes(&self, domain: &str) -> u64 {
        let rebuild = self.domain_place(domain).ok();
        let rebuild = rebuild.and_then(|at| self.domains[at].rebuild.as_ref());
        rebuild.map_or(0, |rebuild| rebuild.bytes)
    }

    /// What ends in a leaflet before this time (ms) is not emitted.
    pub fn settle_past(&mut self, domain: &str, tag: &[u8], time: u64) {
        if let Ok(at) = self.domain_place(domain) {
            if let Some(rebuild) = &mut self.domains[at].rebuild {
                rebuild.past(tag).settle(time);
            }
        }
    }

    /// The axons that something came to since the last call, while the domain is being rebuilt.
    pub fn touched(&mut self, domain: &str) -> BTreeSet<Box<[u8]>> {
        let rebuild = self.domain_place(domain).ok();
        let rebuild = rebuild.and_then(|at| self.domains[at].rebuild.as_mut());
        rebuild.map_or_else(BTreeSet::new, |rebuild| {
            std::mem::take(&mut rebuild.touched)
        })
    }

    /// Takes in an event of the past; what is to be emitted is appended to `out`.
    pub fn refeed(&mut self, domain: &str, event: &Event<'_>, out: &mut Vec<Emission>) {
        self.refill(domain, out, |domain, cluster, host| {
            domain.refeed(cluster, event, host);
        });
    }

    /// Lets enough time pass in silence for what waits in a leaflet.
    pub fn repass(&mut self, domain: &str, tag: &[u8], out: &mut Vec<Emission>) {
        self.refill(domain, out, |domain, _, host| domain.repass(tag, host));
    }

    fn refill(
        &mut self,
        domain: &str,
        out: &mut Vec<Emission>,
        fill: impl FnOnce(&mut Domain, bool, &mut Host),
    ) {
        let Ok(at) = self.domain_place(domain) else {
            return;
        };
        let mut host = Host {
            settings: &self.settings,
            total: &self.meter,
            out,
            wakes: &mut self.wakes,
            steps: 0,
        };
        fill(&mut self.domains[at], self.settings.cluster, &mut host);
    }

    /// Everything has been read: the domain takes in events by itself again.
    pub fn rebuilt(&mut self, domain: &str) {
        if let Ok(at) = self.domain_place(domain) {
            self.domains[at].rebuild = None;
        }
    }
}
