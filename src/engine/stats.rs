//! The engine's counters.

/// Counters of the engine, a domain or a rule. `rules`, `saccules`, `domains`, `leaflets`, `partitions` and the
/// `window_…` figures are levels; the rest only grow (until a `LEAFLET.RESET` or a restart).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Entries of watched axons.
    pub events_seen: u64,
    /// Events that at least one rule used.
    pub events_taken: u64,
    /// Events that were already out of a rule's window when they came.
    pub events_late: u64,
    /// Events that a saccule turned away.
    pub events_rejected: u64,
    /// Events that a saccule let go no further, though nothing was wrong with them.
    pub events_skipped: u64,
    /// Entries without a type.
    pub events_untyped: u64,
    /// Events that found no room in the window.
    pub events_shed: u64,
    /// Events without a time that can be read, where it is a field.
    pub events_untimed: u64,
    /// Events whose time is too far ahead of their entry id.
    pub events_ahead: u64,
    /// Entries of untagged axons in Redis Cluster.
    pub events_untagged: u64,
    pub matches: u64,
    /// Integrated events handed to the host, less those it could not append.
    pub emitted: u64,
    /// Matches that a LIMIT held back.
    pub limited: u64,
    /// Entries the host could not append.
    pub emit_errors: u64,
    /// Entries not emitted because of the hop limit.
    pub hops_cut: u64,
    /// Searches that ran out of their budget.
    pub budget_cuts: u64,
    /// Triggers at which `SELECT ALL` found more matches than it may take.
    pub matches_cut: u64,
    pub window_events: u64,
    /// Events that wait for their time to come.
    pub events_held: u64,
    pub window_bytes: u64,
    pub partitions: u64,
    pub leaflets: u64,
    pub rules: u64,
    pub domains: u64,
    pub saccules: u64,
}

impl Stats {
    /// Adds what only grows.
    pub fn add_counters(&mut self, other: &Self) {
        self.events_seen += other.events_seen;
        self.events_taken += other.events_taken;
        self.events_late += other.events_late;
        self.events_rejected += other.events_rejected;
        self.events_skipped += other.events_skipped;
        self.events_untyped += other.events_untyped;
        self.events_shed += other.events_shed;
        self.events_untagged += other.events_untagged;
        self.events_untimed += other.events_untimed;
        self.events_ahead += other.events_ahead;
        self.matches += other.matches;
        self.emitted += other.emitted;
        self.limited += other.limited;
        self.emit_errors += other.emit_errors;
        self.hops_cut += other.hops_cut;
        self.budget_cuts += other.budget_cuts;
        self.matches_cut += other.matches_cut;
    }

    /// Adds the levels.
    pub fn add_levels(&mut self, other: &Self) {
        self.window_events += other.window_events;
        self.events_held += other.events_held;
        self.window_bytes += other.window_bytes;
        self.partitions += other.partitions;
        self.leaflets += other.leaflets;
        self.rules += other.rules;
        self.domains += other.domains;
        self.saccules += other.saccules;
    }
}
