//! From the engine to the output streams: by replicated XADDs, in the execution unit of the write that
//! completed the pattern.

use super::ffi::{self, Context, Str};
use super::log::{self, Kind};
use super::phase::Phase;
use super::{guard, slots, state};
use crate::engine::output::{MULTI_ORIGINATED, SCHEMA};
use crate::engine::Emission;
use smallvec::SmallVec;
use std::mem::ManuallyDrop;

/// Queues what an event completed, for the job that runs at the end of this execution unit. On a replica
/// and while loading there is nothing to do: the primary's own XADD arrives by itself.
pub fn submit(ctx: &Context, emissions: Vec<Emission>) {
    if emissions.is_empty() || matches!(Phase::of(ctx), Phase::Replica | Phase::Loading) {
        return;
    }
    let add_job = state::with(|state| {
        let moving = &state.moving;
        let mut emissions = emissions;
        emissions.retain(|emission| !moving.holds(&emission.output));
        state.enqueue(emissions, ctx.unit_start())
    });
    if add_job == Ok(true) && !ctx.add_post_job() {
        drain(|_| Err("the server refused the job that appends".into()));
    }
}

/// Appends these at once, where no event of a client's is under way.
pub fn append_now(ctx: &Context, emissions: Vec<Emission>) {
    if state::with(|state| state.enqueue(emissions, ffi::clock())) == Ok(true) {
        run(ctx);
    }
}

/// The job: appends everything in the queue, and what that completes in turn. It ends because the engine
/// limits the hops.
pub fn run(ctx: &Context) {
    let home = ctx.selected_db();
    drain(|emission| append(ctx, emission));
    ctx.select_db(home);
}

fn append(ctx: &Context, emission: &Emission) -> Result<(), String> {
    // A transaction may have made this server a replica, or paused its writes, after the event came.
    match Phase::of(ctx) {
        Phase::Primary => {}
        Phase::Replica | Phase::Loading => return Err("the server is no primary any more".into()),
        Phase::Paused => return Err("writes are paused".into()),
    }
    if !ctx.select_db(emission.db) {
        return Err(format!("no database {}", emission.db));
    }
    let fields = emission.fields.iter();
    let fields = fields.map(|(name, value)| (&**name, &value[..]));
    let args = arguments(&emission.output, emission.maxlen, fields);
    let appended = ctx.append(&args).map(|id| {
        if let Some(id) = id {
            let _ = state::with(|state| state.engine.note_appended(emission, id));
        }
    });
    match appended {
        // The output's slot moves: what it lacks then is appended when it has settled.
        Err(_) if ctx.flags().cluster && slots::look(ctx, &emission.output) => Ok(()),
        result => result,
    }
}

/// `key [MAXLEN n] * field value …`
pub fn arguments<'a>(
    key: &[u8],
    maxlen: Option<u64>,
    fields: impl Iterator<Item = (&'a str, &'a [u8])>,
) -> SmallVec<[Str; 32]> {
    WORDS.with(|words| {
        let mut args = SmallVec::new();
        args.push(Str::new(key));
        if let Some(maxlen) = maxlen {
            args.push(words.maxlen.share());
            args.push(Str::new(itoa::Buffer::new().format(maxlen).as_bytes()));
        }
        args.push(words.any_id.share());
        for (name, value) in fields {
            let known = SCHEMA.iter().position(|field| name == *field);
            args.push(match known {
                Some(field) => words.schema[field].share(),
                None => Str::new(name.as_bytes()),
            });
            args.push(match value == MULTI_ORIGINATED.as_bytes() {
                true => words.event_type.share(),
                false => Str::new(value),
            });
        }
        args
    })
}

/// What stands in every emission.
struct Words {
    maxlen: Str,
    any_id: Str,
    schema: [Str; SCHEMA.len()],
    event_type: Str,
}

thread_local! {
    // ManuallyDrop: see the state's.
    static WORDS: ManuallyDrop<Words> = ManuallyDrop::new(Words {
        maxlen: Str::new(b"MAXLEN"),
        any_id: Str::new(b"*"),
        schema: SCHEMA.map(|name| Str::new(name.as_bytes())),
        event_type: Str::new(MULTI_ORIGINATED.as_bytes()),
    });
}

/// Empties the queue through `append`. A panic costs the one emission it happened at.
fn drain(append: impl Fn(&Emission) -> Result<(), String>) {
    while let Ok(Some(queued)) = state::with(|state| state.next_to_append()) {
        let result =
            guard(|| append(&queued.emission)).unwrap_or_else(|| Err("internal error".into()));
        let _ = state::with(|state| state.appended(&queued, result.is_ok(), ffi::clock));
        if let Err(why) = result {
            log::repeated(Kind::Emit, || {
                let Emission {
                    rule,
                    domain,
                    output,
                    dead_letter,
                    ..
                } = &queued.emission;
                let id = queued.emission.event_id().escape_ascii();
                let output = output.escape_ascii();
                let what = if *dead_letter { "saccule" } else { "rule" };
                format!(
                    "{what} '{rule}' of domain '{domain}': can't append {id} to '{output}': {why}"
                )
            });
        }
    }
}
