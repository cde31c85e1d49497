//! From a key to the domains that watch it.

mod recent;

use ahash::AHashMap;
use smallvec::SmallVec;

use super::key::AxonKey;
use super::processor::Domain;
use recent::Recent;

/// Where the events of a key go; valid until the next definition.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// The key has no tag.
    pub untagged: bool,
    number: u32,
    /// Where the tag stands in the key.
    tag: (u32, u32),
}

impl Route {
    /// The tag of the key that this is the route of.
    pub fn tag(self, key: &[u8]) -> &[u8] {
        key.get(self.tag.0 as usize..self.tag.1 as usize)
            .unwrap_or_default()
    }
}

/// One domain that watches an axon.
#[derive(Debug, Clone, Copy)]
pub struct Target {
    /// Its place among the domains.
    pub domain: usize,
    /// The axon's number there.
    pub axon: usize,
}

/// Remembers for every key it was asked about, tag aside, who watches it. What it remembers can be found anew at any
/// time, so it forgets everything when that becomes too much.
#[derive(Debug, Default)]
pub struct Router {
    recent: Recent,
    /// By database and name. `None`: nobody.
    known: AHashMap<i32, AHashMap<Box<[u8]>, Option<u32>>>,
    targets: Vec<SmallVec<[Target; 1]>>,
    /// What the names in `known` take, about.
    bytes: usize,
    /// `known` is out of date.
    stale: bool,
}

/// The most that remembered names may take: few enough that forgetting them takes no noticeable time.
const MAX_BYTES: usize = 4 << 20;

impl Router {
    /// Takes note that domains have changed.
    pub fn redefined(&mut self) {
        self.stale = true;
    }

    /// Who gets the events of a route.
    pub fn targets(&self, route: Route) -> &[Target] {
        &self.targets[route.number as usize]
    }

    /// The route of a key, or `None` where nobody watches it.
    pub fn route(&mut self, domains: &mut [Domain], db: i32, key: &[u8]) -> Option<Route> {
        if self.stale || self.bytes > MAX_BYTES {
            *self = Self::default();
            domains.iter_mut().for_each(Domain::forget_axons);
        }
        if let Some(known) = self.recent.get(db, key) {
            return known;
        }
        let route = self.look_up(domains, db, key);
        self.recent.put(db, key, route);
        route
    }

    fn look_up(&mut self, domains: &mut [Domain], db: i32, key: &[u8]) -> Option<Route> {
        let AxonKey { tag, tag_at, name } = AxonKey::parse(key);
        let untagged = tag.is_empty();
        let known = self
            .known
            .get(&db)
            .and_then(|names| names.get(&*name))
            .copied();
        let number = known.unwrap_or_else(|| self.find(domains, db, &name))?;
        let tag = (tag_at as u32, (tag_at + tag.len()) as u32);
        Some(Route {
            untagged,
            number,
            tag,
        })
    }

    fn find(&mut self, domains: &mut [Domain], db: i32, name: &[u8]) -> Option<u32> {
        let watches = |domain: &Domain| domain.spec.db == db && domain.spec.watches(name);
        let targets: SmallVec<[Target; 1]> = domains
            .iter_mut()
            .enumerate()
            .filter(|(_, domain)| watches(domain))
            .map(|(place, domain)| Target {
                domain: place,
                axon: domain.axon(name),
            })
            .collect();
        let number = (!targets.is_empty()).then(|| {
            self.targets.push(targets);
            (self.targets.len() - 1) as u32
        });
        /// What an entry takes apart from the name, roughly, with an axon's part of the index.
        const ENTRY_BYTES: usize = 256;
        self.bytes += name.len() + ENTRY_BYTES;
        self.known
            .entry(db)
            .or_default()
            .insert(name.into(), number);
        number
    }
}
