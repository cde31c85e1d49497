//! Limits that the host sets.

/// The engine's limits. They are the same on a primary and its replicas, or their windows may differ.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Settings {
    /// Bytes that all windows together may take. An event that finds no room can complete a match, but is
    /// not kept, and is counted as shed.
    pub max_window_memory: u64,
    /// Steps one event may spend in the search for one rule's match.
    pub match_budget: u64,
    /// Matches that `SELECT ALL` takes at one trigger; what is over is counted.
    pub max_matches_per_trigger: usize,
    /// Sources of an integrated event of an INTEGRATE rule: the newest contributions.
    pub max_sources: usize,
    /// With `TIME FIELD`, an event whose time is more than so many ms beyond its entry id is not taken: one bad clock
    /// can't make all others late.
    pub max_time_ahead: u64,
    /// Integrated events may lead to integrated events this many times; what would go further is counted
    /// and not emitted.
    pub max_hops: u32,
    /// Bytes that the index of integrated events and their sources may take of what windows leave of their limit; 0: there
    /// is none.
    pub max_lineage_memory: u64,
    /// Redis Cluster: untagged axons are not correlated.
    pub cluster: bool,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            max_window_memory: 256 << 20,
            match_budget: 25_000,
            max_matches_per_trigger: 128,
            max_sources: 64,
            max_time_ahead: 86_400_000,
            max_hops: 8,
            max_lineage_memory: 16 << 20,
            cluster: false,
        }
    }
}
