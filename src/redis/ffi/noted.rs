//! The arguments of the XADD that is running: a command filter takes note of them, so that the entry's fields need not
//! be read back from the stream.
//!
//! The note does not say which command is running: what the filter saw may have been refused, put off or be over. The
//! key tells. A notification gets the very object that is the running command's first argument, and while that lives
//! nothing else has its address; so if it is the noted one, its command is the noted one:
//!
//! - A command passes the filter right before it runs, and what was noted before is forgotten. One that was put off
//!   (by MULTI, by CLIENT PAUSE) had passed it earlier, and its arguments have lived since: what was noted later are
//!   others.
//! - What runs without passing it (data that is loaded, the module's own calls) is announced by [`forget`].
//!
//! A filter of another module that is called later could exchange arguments that are noted here. While there is one,
//! nothing is noted.

use super::{string_bytes, Context, KeyName};
use crate::engine::Route;
use crate::redis::{guard, ingest};
use redis_module::raw::{self, RedisModuleString};
use smallvec::SmallVec;
use std::cell::Cell;
use std::ffi::c_int;
use std::ptr::null_mut;

/// A command with more arguments is not noted.
const MOST: usize = 64;
/// `XADD key id field value`.
const FEWEST: usize = 5;

struct Note {
    /// The database of the last notification, in which the next XADD is likely to be too.
    db: Cell<i32>,
    /// Where the events of the noted key go, were it in that database.
    route: Cell<Option<Route>>,
    /// It is wanted.
    wanted: Cell<bool>,
    /// No other module has a filter.
    alone: Cell<bool>,
    /// How many arguments are noted, the command's name included.
    len: Cell<usize>,
    args: [Cell<*mut RedisModuleString>; MOST],
}

thread_local! {
    static NOTE: Note = const {
        Note {
            db: Cell::new(0),
            route: Cell::new(None),
            wanted: Cell::new(true),
            alone: Cell::new(false),
            len: Cell::new(0),
            args: [const { Cell::new(null_mut()) }; MOST],
        }
    };
}

/// Names and values of fields.
pub type Pairs<'a> = SmallVec<[(&'a [u8], &'a [u8]); 16]>;

/// Are notes wanted?
pub fn wanted() -> bool {
    NOTE.with(|note| note.wanted.get())
}

/// Says whether notes are wanted.
pub fn want(wanted: bool) {
    NOTE.with(|note| note.wanted.set(wanted));
}

/// Has every command pass the filter. False: the server refuses.
pub fn register(ctx: &Context) -> bool {
    // Its own calls need no filter: they are few, and made with arguments that it has.
    let flags = raw::REDISMODULE_CMDFILTER_NOSELF as c_int;
    let filter = api!(RedisModule_RegisterCommandFilter(
        ctx.ptr,
        Some(on_command),
        flags
    ));
    look_for_others(ctx);
    !filter.is_null()
}

/// Modules have come or gone: does another one have a filter?
pub fn look_for_others(ctx: &Context) {
    let modules = ctx.modules();
    let filters = |line: &str| -> Option<bool> {
        let module = line.strip_prefix("module:name=")?;
        let (name, facts) = module.split_once(',')?;
        let none = facts.split(',').any(|fact| fact == "filters=0");
        Some(name != "leaflet" && !none)
    };
    let others = modules.lines().filter_map(filters).any(|other| other);
    NOTE.with(|note| note.alone.set(!modules.is_empty() && !others));
    forget();
}

/// The next XADD may be one that did not pass the filter.
pub fn forget() {
    NOTE.with(|note| note.len.set(0));
}

/// Where the events of this key in this database go, if that was found out when its XADD passed.
pub fn route(db: i32, key: &KeyName) -> Option<Option<Route>> {
    NOTE.with(|note| {
        let known =
            note.db.replace(db) == db && note.len.get() > 1 && note.args[1].get() == key.ptr;
        known.then(|| note.route.get())
    })
}

/// The fields of the entry that was just added to the stream at this key, if its XADD was noted and has so many. The
/// note is used up.
pub fn fields<'a>(key: &'a KeyName, count: usize) -> Option<Pairs<'a>> {
    NOTE.with(|note| {
        let args = &note.args[..note.len.take()];
        // The options and the id, whatever they are, come before the fields.
        let start = args.len().checked_sub(2 * count)?;
        if start < FEWEST - 2 || args[1].get() != key.ptr {
            return None;
        }
        // As the key's object is the running command's first argument, the others are its others, which live until
        // after the notification.
        let text = |arg: &Cell<*mut RedisModuleString>| string_bytes(arg.get());
        let pairs = args[start..].chunks_exact(2);
        Some(pairs.map(|pair| (text(&pair[0]), text(&pair[1]))).collect())
    })
}

/// Called for every command that passes, except the module's own.
unsafe extern "C" fn on_command(filter: *mut raw::RedisModuleCommandFilterCtx) {
    NOTE.with(|note| {
        note.len.set(0);
        let count = api!(RedisModule_CommandFilterArgsCount(filter)) as usize;
        let wanted = note.wanted.get() && note.alone.get();
        if !wanted || !(FEWEST..=MOST).contains(&count) {
            return;
        }
        guard(|| note_xadd(note, filter, count));
    });
}

fn note_xadd(note: &Note, filter: *mut raw::RedisModuleCommandFilterCtx, count: usize) {
    // SAFETY: the server has the function, and there are so many arguments.
    let get = unsafe { raw::RedisModule_CommandFilterArgGet }.expect("the server has filters");
    let arg = |at: usize| unsafe { get(filter, at as c_int) };
    if !string_bytes(arg(0)).eq_ignore_ascii_case(b"xadd") {
        return;
    }
    let key = arg(1);
    let route = ingest::route(note.db.get(), string_bytes(key));
    note.route.set(route);
    note.args[1].set(key);
    // Where nobody watches it, that is all there is to know.
    let len = if route.is_some() { count } else { 2 };
    for (at, place) in note.args[..len].iter().enumerate().skip(2) {
        place.set(arg(at));
    }
    note.len.set(len);
}
