//! Whole keys that were asked about lately: a busy one costs little more than a comparison.

use super::Route;

/// Longer keys are not remembered.
const MOST_BYTES: usize = 48;
/// How many keys are, each in the one place that its hash says.
const PLACES: usize = 256;

#[derive(Debug, Clone, Copy)]
struct Place {
    db: i32,
    len: u8,
    key: [u8; MOST_BYTES],
    route: Option<Route>,
}

/// The routes of keys that were asked about lately.
#[derive(Debug, Default)]
pub struct Recent(Vec<Place>);

impl Recent {
    /// What is known of the key, if anything is.
    pub fn get(&self, db: i32, key: &[u8]) -> Option<Option<Route>> {
        let place = self.0.get(place(key))?;
        // An empty place has an empty key.
        let same = !key.is_empty()
            && place.db == db
            && place.key.get(..usize::from(place.len)) == Some(key);
        same.then_some(place.route)
    }

    /// Remembers the route of a key.
    pub fn put(&mut self, db: i32, key: &[u8], route: Option<Route>) {
        if key.is_empty() || key.len() > MOST_BYTES {
            return;
        }
        const EMPTY: Place = Place {
            db: 0,
            len: 0,
            key: [0; MOST_BYTES],
            route: None,
        };
        self.0.resize(PLACES, EMPTY);
        let place = &mut self.0[place(key)];
        place.db = db;
        place.len = key.len() as u8;
        place.key[..key.len()].copy_from_slice(key);
        place.route = route;
    }
}

/// Where a key stands. The hash has nothing to withstand: who makes keys collide only makes them be looked up anew.
fn place(key: &[u8]) -> usize {
    let mix = |hash: u64, bytes: [u8; 8]| {
        (hash.rotate_left(5) ^ u64::from_le_bytes(bytes)).wrapping_mul(0x9e37_79b9_7f4a_7c15)
    };
    let chunks = key.chunks_exact(8);
    let mut last = [0; 8];
    last[..chunks.remainder().len()].copy_from_slice(chunks.remainder());
    let whole = chunks.map(|chunk| chunk.try_into().unwrap_or_default());
    let hash = whole.fold(key.len() as u64, mix);
    // The upper bits depend on all others.
    (mix(hash, last) >> 56) as usize % PLACES
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn remembers_keys_by_database_until_others_take_their_place() {
        let mut recent = Recent::default();
        let route = |number| {
            Some(Route {
                untagged: true,
                output: false,
                number: Some(number),
                tag: (0, 0),
            })
        };
        assert_eq!(recent.get(0, b"a"), None);
        recent.put(0, b"a", route(1));
        recent.put(0, b"", route(2));
        recent.put(0, &[b'x'; MOST_BYTES + 1], route(2));
        recent.put(0, &[b'x'; MOST_BYTES], None);
        assert_eq!(recent.get(0, b"a"), Some(route(1)));
        assert_eq!(recent.get(1, b"a"), None);
        assert_eq!(recent.get(0, b"a\0"), None);
        assert_eq!(recent.get(0, b""), None);
        assert_eq!(recent.get(0, &[b'x'; MOST_BYTES]), Some(None));
        assert_eq!(recent.get(0, &[b'x'; MOST_BYTES + 1]), None);
        let keys: Vec<String> = (0..PLACES * 40)
            .map(|i| format!("stream:axon_{i}"))
            .collect();
        for (i, key) in keys.iter().enumerate() {
            recent.put(0, key.as_bytes(), route(i as u32));
            assert_eq!(recent.get(0, key.as_bytes()), Some(route(i as u32)));
        }
        let left = keys
            .iter()
            .filter(|key| recent.get(0, key.as_bytes()).is_some());
        assert!(left.count() > PLACES / 2);
    }
}
