//! The one table of all commands.

use super::spec::{Arg, Command, Flag, Group, Kind};
use super::{backtest, domain, explain, lineage, rule, saccule, server};

/// Changes definitions and needs memory.
const DEFINE: &[Flag] = &[Flag::Write, Flag::DenyOom];
/// Changes definitions or windows and needs no memory.
const CHANGE: &[Flag] = &[Flag::Write];
/// Looks at what is there.
const LOOK: &[Flag] = &[Flag::ReadOnly, Flag::AllowLoading, Flag::AllowStale];

const DOMAIN_NAME: Arg = Arg::new("name", Kind::Text, "The domain's name.");
const RULE_NAME: Arg = Arg::new("rule", Kind::Text, "The rule's name.");
const IN_DOMAIN: Arg = Arg::new(
    "domain",
    Kind::Text,
    "The rule's domain, by default `default`.",
)
.after("DOMAIN")
.optional();
const SACCULE_NAME: Arg = Arg::new("saccule", Kind::Text, "The saccule's name.");
const SACCULES_DOMAIN: Arg = Arg::new(
    "domain",
    Kind::Text,
    "The saccule's domain, by default `default`.",
)
.after("DOMAIN")
.optional();
const OF_DOMAIN: Arg = Arg::new("domain", Kind::Text, "Only this domain.")
    .after("DOMAIN")
    .optional();
const OF_RULE: Arg = Arg::new(
    "rule",
    Kind::Text,
    "Only this rule, of the domain `default` where no other is given.",
)
.after("RULE")
.optional();

const DOMAIN_FIELDS: &str = "a map: `name`, `axons` (array), `output`, `time` (`ID` or `FIELD` and its name), `lateness` (ms), \
    `consistency` (`STRONG`), `maxlen` (0: not trimmed), `sources` (`JSON` or `CSV`), `limits` (a map: `events`, \
    `bytes`, `partitions`, 0: none), `shed` (`NEWEST`), `rules`, `leaflets`, `partitions`, `window_events`, \
    `window_bytes`, `rejected` (the stream of REJECTED, empty: none), `saccules`, `events_rejected`, `rejections` (maps: \
    `saccule`, `reason`, `events`)";
const RULE_FIELDS: &str =
    "a map: `name`, `domain`, `text` (canonical), `paused`, `matches`, `emitted`, \
    `limited`, `window_events`, `partitions`";

/// Every command.
pub static COMMANDS: [Command; 24] = [
    Command {
        name: "LEAFLET.DOMAIN.CREATE",
        group: Group::Domains,
        summary: "Defines a domain: which streams are its axons and where integrated events go. It works in the \
                  database it is created in.",
        since: "0.1.0",
        complexity: "O(N) with N the number of patterns",
        arity: -2,
        flags: DEFINE,
        args: &[
            DOMAIN_NAME,
            Arg::new(
                "glob",
                Kind::Pattern,
                "A glob on the axons' keys without their hash tag, by default `stream:axon_*`.",
            )
            .after("AXONS")
            .optional()
            .multiple(),
            Arg::new(
                "output",
                Kind::Text,
                "The output stream, by default `stream:integrated_events`; `{}` in it is where a leaflet's hash \
                 tag goes, else it is appended.",
            )
            .after("OUTPUT")
            .optional(),
            Arg::new(
                "time",
                Kind::OneOf(&[
                    Arg::token("id", "ID", "The millisecond part of the entry's id (the default)."),
                    Arg::new(
                        "field",
                        Kind::Text,
                        "This field: RFC 3339, or milliseconds since the epoch. Events are put in order by it.",
                    )
                    .after("FIELD"),
                ]),
                "Where an event's time comes from.",
            )
            .after("TIME")
            .optional(),
            Arg::new(
                "lateness",
                Kind::Text,
                "How far an event's time may lie behind the largest one seen, in ms or as a duration (`5s`), by default \
                 0. Events are held back so long; what is later is counted as `events_late`.",
            )
            .after("LATENESS")
            .optional(),
            Arg::new(
                "consistency",
                Kind::OneOf(&[Arg::token(
                    "strong",
                    "STRONG",
                    "When XADD replies, the integrated event is there.",
                )]),
                "When the domain's rules are evaluated.",
            )
            .after("CONSISTENCY")
            .optional(),
            Arg::new(
                "maxlen",
                Kind::Integer,
                "Trim the output to this many entries, by default 0: not at all.",
            )
            .after("MAXLEN")
            .optional(),
            Arg::new(
                "sources",
                Kind::OneOf(&[
                    Arg::token("json", "JSON", "A JSON array of event ids (the default)."),
                    Arg::token("csv", "CSV", "The event ids with commas between."),
                ]),
                "The form of the field `source_events`.",
            )
            .after("SOURCES")
            .optional(),
            Arg::new(
                "rejected",
                Kind::Text,
                "The stream that is told of events which saccules reject, with a `{}` as in OUTPUT; by default they are \
                 only counted.",
            )
            .after("REJECTED")
            .optional(),
        ],
        reply: "`OK`",
        example: "LEAFLET.DOMAIN.CREATE fraud AXONS logins:* payments OUTPUT fraud:alerts MAXLEN 10000",
        run: domain::create,
    },
    Command {
        name: "LEAFLET.DOMAIN.DROP",
        group: Group::Domains,
        summary: "Drops a domain with its rules and windows. Its streams stay.",
        since: "0.1.0",
        complexity: "O(N) with N the number of rules; what it held is freed in slices, while others are served",
        arity: 2,
        flags: CHANGE,
        args: &[DOMAIN_NAME],
        reply: "`OK`",
        example: "LEAFLET.DOMAIN.DROP fraud",
        run: domain::drop,
    },
    Command {
        name: "LEAFLET.DOMAIN.LIST",
        group: Group::Domains,
        summary: "Describes all domains, in the order they were created.",
        since: "0.1.0",
        complexity: "O(N) with N the number of domains and their leaflets",
        arity: 1,
        flags: LOOK,
        args: &[],
        reply: "an array of what `LEAFLET.DOMAIN.INFO` replies",
        example: "LEAFLET.DOMAIN.LIST",
        run: domain::list,
    },
    Command {
        name: "LEAFLET.DOMAIN.INFO",
        group: Group::Domains,
        summary: "Describes a domain.",
        since: "0.1.0",
        complexity: "O(N) with N the number of its leaflets",
        arity: 2,
        flags: LOOK,
        args: &[DOMAIN_NAME],
        reply: DOMAIN_FIELDS,
        example: "LEAFLET.DOMAIN.INFO default",
        run: domain::info,
    },
    Command {
        name: "LEAFLET.RULE.ADD",
        group: Group::Rules,
        summary: "Adds a rule to a domain. It sees the events that come from now on.",
        since: "0.1.0",
        complexity: "O(N) with N the length of the text",
        arity: -3,
        flags: DEFINE,
        args: &[
            RULE_NAME,
            Arg::new("text", Kind::Text, "The rule in Leaflet's rule language."),
            IN_DOMAIN,
            Arg::token(
                "replace",
                "REPLACE",
                "Take the place of a rule of this name; with the same text nothing changes.",
            )
            .optional(),
            Arg::token("paused", "PAUSED", "Start paused.").optional(),
        ],
        reply: "`OK`",
        example: "LEAFLET.RULE.ADD a_and_b \"MATCH A@axon_1 AND B@axon_2 WITHIN 2s\"",
        run: rule::add,
    },
    Command {
        name: "LEAFLET.RULE.DEL",
        group: Group::Rules,
        summary: "Deletes a rule and what it holds.",
        since: "0.1.0",
        complexity: "O(N) with N the number of leaflets; what it holds is cleared in slices, while others are served",
        arity: -2,
        flags: CHANGE,
        args: &[RULE_NAME, IN_DOMAIN],
        reply: "`OK`",
        example: "LEAFLET.RULE.DEL a_and_b",
        run: rule::delete,
    },
    Command {
        name: "LEAFLET.RULE.GET",
        group: Group::Rules,
        summary: "Describes a rule.",
        since: "0.1.0",
        complexity: "O(N) with N the number of its leaflets",
        arity: -2,
        flags: LOOK,
        args: &[RULE_NAME, IN_DOMAIN],
        reply: RULE_FIELDS,
        example: "LEAFLET.RULE.GET a_and_b",
        run: rule::get,
    },
    Command {
        name: "LEAFLET.RULE.LIST",
        group: Group::Rules,
        summary: "Describes a domain's rules, in the order they were added.",
        since: "0.1.0",
        complexity: "O(N) with N the number of its rules and leaflets",
        arity: -1,
        flags: LOOK,
        args: &[IN_DOMAIN],
        reply: "an array of what `LEAFLET.RULE.GET` replies",
        example: "LEAFLET.RULE.LIST DOMAIN default",
        run: rule::list,
    },
    Command {
        name: "LEAFLET.RULE.EXPLAIN",
        group: Group::Rules,
        summary: "Shows how a rule runs, or how a rule of this text would.",
        since: "0.1.0",
        complexity: "O(N) with N the length of the text and the number of the domain's axons",
        arity: -2,
        flags: LOOK,
        args: &[
            Arg::new(
                "which",
                Kind::OneOf(&[
                    RULE_NAME,
                    Arg::new("text", Kind::Text, "A rule's text; nothing is added.").after("TEXT"),
                ]),
                "A rule, or a text.",
            ),
            IN_DOMAIN,
        ],
        reply: "a map. Of every rule: `name` (empty for a text), `domain`, `text` (canonical), `atoms` (maps: `number`, \
                `name`, `type`, `axon`, `condition`, `takes` or `weight`, `role`), `reads` (maps: `type`, `axon`, \
                `axons_known`, `axons`, `doubt`: which events reach the rule, and the first 16 of the axons seen so far that \
                these can come from; what is wrong with the axon where none of them is known), `partition_by`. Of `MATCH`: `where` (maps: `condition`, `reads`, `tested`), \
                `ends`, `finds` (how matches are found), `select`, `consume`, `having`. Of `INTEGRATE`: `fires`, `decay`, `reset`. Of every rule: \
                `within`, `limit`, `emit`, `keeps` (how far the leaflet's time runs ahead of what is kept), \
                `fields_kept` (of each event), `bytes` (what things take in memory without their texts; `event` once \
                for all rules that hold it), `budget`, `saccules` (the names of those that its events can meet first)",
        example: "LEAFLET.RULE.EXPLAIN TEXT \"MATCH A@axon_1 AND B@axon_2 WITHIN 2s\"",
        run: explain::explain,
    },
    Command {
        name: "LEAFLET.RULE.WHYNOT",
        group: Group::Rules,
        summary: "Tells why a rule did not fire. Who asks needs the right to read the domain's axons.",
        since: "0.1.0",
        complexity: "O(N) with N the number of events looked at, at most `leaflet.match-budget` steps of search",
        arity: -2,
        flags: LOOK,
        args: &[
            RULE_NAME,
            IN_DOMAIN,
            Arg::new(
                "value",
                Kind::Text,
                "Look at this partition: a value for each field of PARTITION BY, up to the next option. By default \
                 the partitions nearest to a match, among the 256 in which something came last.",
            )
            .after("PARTITION")
            .optional()
            .multiple(),
            Arg::new("tag", Kind::Text, "Look at the leaflet of this hash tag, by default at the untagged one.")
                .after("TAG")
                .optional(),
        ],
        reply: "a map (`docs/why.md` explains it). Of every rule: `name`, `domain`, `tag`, `text`, `reasons` (sentences, the \
                plainest first), `paused`, `time` and `clock` (of the leaflet, ms), `events` (a map: `seen`, `taken`, \
                `late`, `shed`, `without_partition`), `matches`, `emitted`, `limited`, `having_failed`, `budget_cuts`, \
                `last_fired` (ms, 0: never), `limit` (a map: `count`, `per_ms`, `used`), `atoms` (maps: `name`, `atom`, \
                `seen`, `fit`, `last`, `waiting`). Of `MATCH`: `nearest` (at most 10 maps: `partition`, `has`, `events`, \
                `lacks`, `fails`, `left_ms`), `deadlines` (at most 10 maps: `partition`, `at`, `left_ms`, `unless`, `after`). Of \
                `INTEGRATE`: `levels` (at most 10 maps: `partition`, `level`, `threshold`, `axons`, `axons_needed`, \
                `refractory_left_ms`, `newest`). Of every rule: `search` (a map: `partitions`, `looked_at`, `steps`, `cut`). \
                An event is a map: `atom`, `axon`, `id`, `type`, `time`, `event_id`",
        example: "LEAFLET.RULE.WHYNOT a_and_b",
        run: explain::why_not,
    },
    Command {
        name: "LEAFLET.RULE.PAUSE",
        group: Group::Rules,
        summary: "Pauses a rule: it sees nothing and keeps what it holds.",
        since: "0.1.0",
        complexity: "O(N) with N the number of leaflets and of deadlines that wait",
        arity: -2,
        flags: CHANGE,
        args: &[RULE_NAME, IN_DOMAIN],
        reply: "`OK`",
        example: "LEAFLET.RULE.PAUSE a_and_b",
        run: rule::pause,
    },
    Command {
        name: "LEAFLET.RULE.RESUME",
        group: Group::Rules,
        summary: "Lets a paused rule see events again.",
        since: "0.1.0",
        complexity: "O(N) with N the number of leaflets and of deadlines that wait",
        arity: -2,
        flags: CHANGE,
        args: &[RULE_NAME, IN_DOMAIN],
        reply: "`OK`",
        example: "LEAFLET.RULE.RESUME a_and_b",
        run: rule::resume,
    },
    Command {
        name: "LEAFLET.RULE.BACKTEST",
        group: Group::Rules,
        summary: "Tries a rule, one that is there or one that is not yet, on what the domain's axons still hold: how often it \
                  would have fired, and when. Nothing is written. The client waits for it, others are served meanwhile.",
        since: "0.1.0",
        complexity: "O(N) with N the number of keys and of entries read, in slices of a few ms",
        arity: -2,
        flags: &[Flag::ReadOnly, Flag::DenyOom, Flag::Blocking],
        args: &[
            Arg::new(
                "which",
                Kind::OneOf(&[
                    RULE_NAME,
                    Arg::new("text", Kind::Text, "A rule's text; the rule is called `backtest` then.").after("TEXT"),
                ]),
                "A rule, or a text.",
            ),
            Arg::new(
                "named_text",
                Kind::Text,
                "After a name: the text of this rule, which need not be there. Ids of integrated events depend on name and text.",
            )
            .after("TEXT")
            .optional(),
            IN_DOMAIN,
            Arg::new(
                "from",
                Kind::Text,
                "The first entry id, `1700000000000` or `1700000000000-0`; by default `-`, the oldest.",
            )
            .after("FROM")
            .optional(),
            Arg::new(
                "to",
                Kind::Text,
                "The last entry id; by default `+`, the newest one when the backtest starts. Up to its time deadlines \
                 are met, with `+` up to that of the last event read.",
            )
            .after("TO")
            .optional(),
            Arg::new(
                "key",
                Kind::Text,
                "Only these axons; by default all keys of the domain's database are looked through for them.",
            )
            .after("AXONS")
            .optional()
            .multiple(),
            Arg::new(
                "limit",
                Kind::Integer,
                "So many integrated events are replied in full, by default 10, at most 1000.",
            )
            .after("LIMIT")
            .optional(),
            Arg::new("tag", Kind::Text, "Only axons with this hash tag; empty: those without one.")
                .after("TAG")
                .optional(),
        ],
        reply: "a map: `rule`, `domain`, `text` (canonical), `events_read`, `events_taken`, `events_late`, `events_untyped`, `events_rejected`, `events_skipped`, \
                `events_untimed`, `events_ahead`, `events_held`, `events_untagged`, `events_oversized`, `events_shed`, \
                `budget_cuts`, `matches_cut`, `matches`, `emitted`, `limited`, `first_trigger` and `last_trigger` (RFC 3339, empty \
                where there is none), `took_ms`, `slices`, `longest_slice_us`, `axons_read`, `axons_denied` (those the user \
                may not read), `axons` (array of maps of the first 1000: `key`, `events`, `first_id`, `last_id`), `events` (array of \
                maps, the first integrated events: `output`, `timestamp`, `fields`, a map)",
        example: "LEAFLET.RULE.BACKTEST a_and_b TEXT \"MATCH A@axon_1 AND B@axon_2 WITHIN 5s\" FROM 1700000000000 LIMIT 3",
        run: backtest::run,
    },
    Command {
        name: "LEAFLET.LINEAGE",
        group: Group::Server,
        summary: "Shows what an integrated event was made of, level by level, by which rule and which of its texts; or which \
                  integrated events an entry took part in. Who asks needs the right to read the stream; of entries in \
                  streams that the user may not read no fields are shown.",
        since: "0.1.0",
        complexity: "O(N) with N the number of entries read, at most 512 and 1 MiB",
        arity: -2,
        flags: &[Flag::ReadOnly],
        args: &[
            Arg::new(
                "what",
                Kind::Text,
                "The `event_id` of an integrated event; or the stream of an entry, with the entry's id behind it.",
            ),
            Arg::new("id", Kind::Text, "The entry's id: the answer shows what came of it.").optional(),
            Arg::new("depth", Kind::Integer, "So many levels, by default 8, at most 64.")
                .after("DEPTH")
                .optional(),
            Arg::new(
                "domain",
                Kind::Text,
                "The domain whose output holds the integrated event, by default the index says; of an entry: only \
                 integrated events of this domain.",
            )
            .after("DOMAIN")
            .optional(),
            Arg::new("tag", Kind::Text, "The hash tag of the output that holds the integrated event.")
                .after("TAG")
                .optional(),
        ],
        reply: "a map (`docs/lineage.md` explains it): `event_id`, `stream`, `id`, `state` (`there`, `trimmed`, `denied`, \
                `elsewhere` or `cut`), `domain`, `tag`, `rule`, `version` and `text` (of the rule as it was then; 0 and \
                empty where that is not known), `fields` (a map), `sources` (array of such maps, oldest first) or, of an \
                entry, `events` (the same, newest first), `left_out` (so many more there are), `nodes` (entries shown), \
                `cut` (something was left out) and, of an entry, `since` (what was integrated before this id is not known \
                any more; empty: all is)",
        example: "LEAFLET.LINEAGE stream:axon_1 1700000000000-0",
        run: lineage::lineage,
    },
    Command {
        name: "LEAFLET.SACCULE.ADD",
        group: Group::Saccules,
        summary: "Adds a saccule at the end of a domain's line: it checks and changes the events that come from now on, before \
                  anything else looks at them. The streams stay as they are.",
        since: "0.1.0",
        complexity: "O(N) with N the length of the text and the number of the domain's saccules",
        arity: -3,
        flags: DEFINE,
        args: &[
            SACCULE_NAME,
            Arg::new(
                "text",
                Kind::Text,
                "Statements with `;` between them, or a JSON Schema (`docs/saccules.md`).",
            ),
            SACCULES_DOMAIN,
            Arg::new(
                "axon",
                Kind::Pattern,
                "Only events of these axons: a glob on their short names, or with a `:` on their keys without the hash \
                 tag.",
            )
            .after("AXON")
            .optional(),
            Arg::token(
                "replace",
                "REPLACE",
                "Take the place of a saccule of this name; with the same text and axons nothing changes.",
            )
            .optional(),
        ],
        reply: "`OK`",
        example: "LEAFLET.SACCULE.ADD sane \"REQUIRE value >= 0 ELSE 'negative'; CAST value AS NUMBER\" AXON axon_1",
        run: saccule::add,
    },
    Command {
        name: "LEAFLET.SACCULE.DEL",
        group: Group::Saccules,
        summary: "Deletes a saccule. What windows hold stays as it made it.",
        since: "0.1.0",
        complexity: "O(N) with N the number of the domain's saccules",
        arity: -2,
        flags: CHANGE,
        args: &[SACCULE_NAME, SACCULES_DOMAIN],
        reply: "`OK`",
        example: "LEAFLET.SACCULE.DEL sane",
        run: saccule::delete,
    },
    Command {
        name: "LEAFLET.SACCULE.LIST",
        group: Group::Saccules,
        summary: "Describes a domain's saccules, in the order in which events meet them.",
        since: "0.1.0",
        complexity: "O(N) with N the number of the domain's saccules",
        arity: -1,
        flags: LOOK,
        args: &[SACCULES_DOMAIN],
        reply: "an array of maps: `name`, `domain`, `text` (canonical), `axon` (empty: all), `seen` (the events it has looked \
                at), `skipped`, `rejected`, `reasons` (maps: `reason`, `events`)",
        example: "LEAFLET.SACCULE.LIST DOMAIN default",
        run: saccule::list,
    },
    Command {
        name: "LEAFLET.STATS",
        group: Group::Server,
        summary: "Leaflet's figures: of everything, of a domain or of a rule.",
        since: "0.1.0",
        complexity: "O(N) with N the number of rules and leaflets",
        arity: -1,
        flags: LOOK,
        args: &[OF_DOMAIN, OF_RULE],
        reply: "a map of numbers: `events_seen`, `events_taken`, `events_late`, `events_rejected`, \
                `events_untyped`, `events_shed`, `matches`, `emitted`, `limited`, `emit_errors`, `budget_cuts`, \
                `window_events`, `window_bytes`, `partitions`, `leaflets`, `rules`, `domains`, `latency_us_p50`, \
                `latency_us_p99`, `latency_us_max`, `events_untagged`, `hops_cut`, `matches_cut`, `events_untimed`, `events_ahead`, `events_held`, `events_skipped`, `saccules`, `max_window_memory`, \
                `events_oversized`, `internal_errors`, `ticks_refused`, `events_from_arguments` (read from the arguments of their XADD, not back from the stream), `freeing` (dropped or emptied domains whose memory is still being given back), `domains_rebuilding`, `lineage_events` and `lineage_bytes` (in the index of lineages), `lineage_rebuilding` (it is being filled, 0 or 1), `audit_errors` (changes that could not be recorded). The latency (µs from the start of the write that completed something to \
                its last integrated event's append) and those from `max_window_memory` on are always those of the whole module",
        example: "LEAFLET.STATS DOMAIN default",
        run: server::stats,
    },
    Command {
        name: "LEAFLET.TICK",
        group: Group::Server,
        summary: "Lets a leaflet's clock pass to a time at which it has got no event: deadlines of NOT … FOR behind it \
                  are met. A primary calls it by itself, in silence and to clear what deleted rules have left, and its replicas and the AOF get it.",
        since: "0.1.0",
        complexity: "O(N) with N the number of deadlines met",
        arity: 4,
        flags: &[Flag::Write, Flag::Admin],
        args: &[
            Arg::new("domain", Kind::Text, "The leaflet's domain."),
            Arg::new("tag", Kind::Text, "The leaflet's hash tag, empty for the untagged one."),
            Arg::new("time", Kind::Integer, "Milliseconds since the epoch. A clock never goes back."),
        ],
        reply: "`OK`",
        example: "LEAFLET.TICK default \"\" 1700000000000",
        run: server::tick,
    },
    Command {
        name: "LEAFLET.SETTLE",
        group: Group::Server,
        summary: "Makes the leaflets of a cluster's slot anew from what their streams hold, and appends the integrated events \
                  that their outputs lack. A primary calls it by itself when a slot has moved, and its replicas and the AOF \
                  get it. On a server that is no cluster's it does nothing.",
        since: "0.1.0",
        complexity: "O(N) with N the number of the slot's keys and of the entries read, at most 65,536 of them",
        arity: 3,
        flags: &[Flag::Write, Flag::Admin],
        args: &[
            Arg::new("slot", Kind::Integer, "The slot."),
            Arg::new("since", Kind::Integer, "When it began to move, in milliseconds since the epoch: what was completed much earlier was emitted."),
        ],
        reply: "`OK`",
        example: "LEAFLET.SETTLE 5061 1700000000000",
        run: server::settle,
    },
    Command {
        name: "LEAFLET.RESET",
        group: Group::Server,
        summary: "Forgets windows, clocks and figures: of everything, of a domain or of a rule. Definitions stay.",
        since: "0.1.0",
        complexity: "O(N) with N the number of rules, and of one rule the number of leaflets; what was held is freed in slices, while others are served",
        arity: -1,
        flags: CHANGE,
        args: &[OF_DOMAIN, OF_RULE],
        reply: "`OK`",
        example: "LEAFLET.RESET DOMAIN default RULE a_and_b",
        run: server::reset,
    },
    Command {
        name: "LEAFLET.REBUILD",
        group: Group::Server,
        summary: "Forgets windows and clocks, of everything or of a domain, and fills them anew from what the axons still hold, \
                  as if the rules had always been there: after they were lost or defined late. Integrated events that \
                  are lacking in the outputs are appended, those that are there are not. The work is done after the reply.",
        since: "0.1.0",
        complexity: "O(N) with N the number of keys and of entries read, in slices of a few ms",
        arity: -1,
        flags: DEFINE,
        args: &[OF_DOMAIN],
        reply: "`OK`; `domains_rebuilding` in `LEAFLET.STATS` tells when it is done",
        example: "LEAFLET.REBUILD DOMAIN default",
        run: server::rebuild,
    },
    Command {
        name: "LEAFLET.RESTORE",
        group: Group::Server,
        summary: "States all definitions at once, as JSON, in an append-only file that is rewritten without RDB preamble. \
                  It is refused from everywhere else.",
        since: "0.1.0",
        complexity: "O(N) with N the length of the definitions",
        arity: 2,
        flags: &[Flag::Write, Flag::Admin],
        args: &[Arg::new("definitions", Kind::Text, "What was defined.")],
        reply: "`OK`",
        example: "LEAFLET.RESTORE {\"domains\":[]}",
        run: server::restore,
    },
    Command {
        name: "LEAFLET.HELP",
        group: Group::Server,
        summary: "Shows all commands, or how one is used.",
        since: "0.1.0",
        complexity: "O(1)",
        arity: -1,
        flags: &[
            Flag::ReadOnly,
            Flag::Fast,
            Flag::AllowLoading,
            Flag::AllowStale,
        ],
        args: &[Arg::new(
            "command",
            Kind::Text,
            "The command, in any case, with or without `LEAFLET.` in front.",
        )
        .optional()],
        reply: "an array of lines",
        example: "LEAFLET.HELP RULE.ADD",
        run: server::help,
    },
];

/// Finds a command by its name, in any case, with or without `LEAFLET.` in front.
pub fn find(name: &str) -> Option<&'static Command> {
    COMMANDS.iter().find(|command| {
        command.name.eq_ignore_ascii_case(name)
            || command.name["LEAFLET.".len()..].eq_ignore_ascii_case(name)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_found_and_its_example_is_its_own() {
        for command in &COMMANDS {
            assert_eq!(
                find(&command.name.to_lowercase()).unwrap().name,
                command.name
            );
            assert!(find(&command.name["LEAFLET.".len()..]).is_some());
            assert_eq!(command.example.split(' ').next(), Some(command.name));
        }
        assert!(find("LEAFLET.NOSUCH").is_none());
    }

    #[test]
    fn arity_agrees_with_the_arguments() {
        for command in &COMMANDS {
            let required = 1 + command.args.iter().filter(|arg| !arg.optional).count() as i32;
            let arity = if required as usize == command.args.len() + 1 {
                required
            } else {
                -required
            };
            assert_eq!(command.arity, arity, "{}", command.name);
        }
    }

    #[test]
    fn a_command_reads_or_writes() {
        for command in &COMMANDS {
            assert_ne!(
                command.writes(),
                command.flags.contains(&Flag::ReadOnly),
                "{}",
                command.name
            );
        }
    }
}
