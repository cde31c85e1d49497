//! Leaflet's figures, as `LEAFLET.STATS` replies them and `INFO` shows them.

use super::state::State;
use crate::engine::Result;

/// Names and figures, in a fixed order. The latency is that of the whole module also where a domain or a
/// rule is asked for.
///
/// # Errors
/// There is no such domain or rule.
pub fn figures(
    state: &State,
    domain: Option<&str>,
    rule: Option<&str>,
) -> Result<Vec<(&'static str, u64)>> {
    let stats = state.engine.stats(domain, rule)?;
    let latency = &state.latency;
    Ok(vec![
        ("events_seen", stats.events_seen),
        ("events_taken", stats.events_taken),
        ("events_late", stats.events_late),
        ("events_rejected", stats.events_rejected),
        ("events_untyped", stats.events_untyped),
        ("events_shed", stats.events_shed),
        ("matches", stats.matches),
        ("emitted", stats.emitted),
        ("limited", stats.limited),
        ("emit_errors", stats.emit_errors),
        ("budget_cuts", stats.budget_cuts),
        ("window_events", stats.window_events),
        ("window_bytes", stats.window_bytes),
        ("partitions", stats.partitions),
        ("leaflets", stats.leaflets),
        ("rules", stats.rules),
        ("domains", stats.domains),
        ("latency_us_p50", latency.value_at_quantile(0.5)),
        ("latency_us_p99", latency.value_at_quantile(0.99)),
        ("latency_us_max", latency.max()),
        ("events_untagged", stats.events_untagged),
        ("hops_cut", stats.hops_cut),
        ("matches_cut", stats.matches_cut),
        ("events_untimed", stats.events_untimed),
        ("events_ahead", stats.events_ahead),
        ("events_held", stats.events_held),
        ("events_skipped", stats.events_skipped),
        ("saccules", stats.saccules),
        (
            "max_window_memory",
            state.engine.settings().max_window_memory,
        ),
        ("events_oversized", state.counters.oversized),
        ("internal_errors", state.counters.internal_errors),
        ("ticks_refused", state.counters.ticks_refused),
        ("events_from_arguments", state.counters.read_from_arguments),
        ("freeing", state.engine.freeing()),
        ("domains_rebuilding", state.engine.rebuilding_count()),
        ("lineage_events", state.engine.lineage().count()),
        ("lineage_bytes", state.engine.lineage().bytes()),
        ("lineage_rebuilding", state.reindex.is_busy().into()),
        ("audit_errors", state.counters.audit_errors),
    ])
}

/// So many saccules are shown.
const MOST_SACCULES: usize = 64;

/// The first saccules that have turned events away, as `INFO` shows them: `domain=d,name=s,rejected=2,skipped=0`.
pub fn saccules(state: &State) -> Vec<String> {
    // As the server does with what stands between fields.
    let plain = |name: &str| name.replace([',', '='], "_");
    let figures = state.engine.saccule_figures();
    let busy = figures.filter(|(.., rejected, skipped)| rejected + skipped > 0);
    busy.take(MOST_SACCULES)
        .map(|(domain, name, rejected, skipped)| {
            let (domain, name) = (plain(domain), plain(name));
            format!("domain={domain},name={name},rejected={rejected},skipped={skipped}")
        })
        .collect()
}
