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
    /// It may be an output.
    pub output: bool,
    /// `None`: nobody watches it.
    number: Option<u32>,
    /// Where the tag stands in the key.
    tag: (u32, u32),
}

impl Route {
    /// It is an axon of some domain.
    pub fn is_axon(self) -> bool {
        self.number.is_some()
    }

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

/// What is known of a name.
#[derive(Debug, Clone, Copy)]
struct Known {
    /// Who watches it. `None`: nobody.
    number: Option<u32>,
    /// A domain's output has this name, wherever the tag stands.
    output: bool,
}

/// Remembers for every key it was asked about, tag aside, who watches it. What it remembers can be found anew at any
/// time, so it forgets everything when that becomes too much.
#[derive(Debug, Default)]
pub struct Router {
    recent: Recent,
    /// By database and name.
    known: AHashMap<i32, AHashMap<Box<[u8]>, Known>>,
    targets: Vec<SmallVec<[Target; 1]>>,
    /// What the names in `known` take, about.
    bytes: usize,
    /// `known` is out of date.
    stale: bool,
    /// What stands in a stream of this name is nobody's event.
    silent: Option<Box<[u8]>>,
}

/// The most that remembered names may take: few enough that forgetting them takes no noticeable time.
const MAX_BYTES: usize = 4 << 20;

impl Router {
    /// Takes note that domains have changed.
    pub fn redefined(&mut self) {
        self.stale = true;
    }

    /// Has nobody watch streams of this name (their keys without the tag).
    pub fn silence(&mut self, name: &[u8]) {
        self.silent = (!name.is_empty()).then(|| name.into());
        self.stale = true;
    }

    /// Who gets the events of a route.
    pub fn targets(&self, route: Route) -> &[Target] {
        match route.number {
            Some(number) => &self.targets[number as usize],
            None => &[],
        }
    }

    /// The route of a key, or `None` where nobody watches it and nobody writes to it.
    pub fn route(&mut self, domains: &mut [Domain], db: i32, key: &[u8]) -> Option<Route> {
        if self.stale || self.bytes > MAX_BYTES {
            *self = Self {
                silent: self.silent.take(),
                ..Self::default()
            };
            domains.iter_mut().for_each(Domain::forget_axons);
        }
        if let Some(known) = self.recent.get(db, key) {
            return known;
        }
        let AxonKey { tag, tag_at, name } = AxonKey::parse(key);
        let known = self.known.get(&db).and_then(|names| names.get(&*name));
        let Known { number, output } = match known {
            Some(known) => *known,
            None => self.find(domains, db, &name),
        };
        let route = (number.is_some() || output).then(|| Route {
            untagged: tag.is_empty(),
            output,
            number,
            tag: (tag_at as u32, (tag_at + tag.len()) as u32),
        });
        self.recent.put(db, key, route);
        route
    }

    fn find(&mut self, domains: &mut [Domain], db: i32, name: &[u8]) -> Known {
        let silent = self.silent.as_deref() == Some(name);
        let watches =
            |domain: &Domain| !silent && domain.spec.db == db && domain.spec.watches(name);
        let writes = |domain: &Domain| domain.spec.db == db && domain.spec.writes_to(name);
        let output = domains.iter().any(writes);
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
        let known = Known { number, output };
        let names = self.known.entry(db).or_default();
        names.insert(name.into(), known);
        known
    }
}
