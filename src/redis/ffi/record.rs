//! Who sent a command, and the setting that says where changes are recorded.

use super::{reply_text, string_bytes, Context, Str, ERR, OK};
use crate::redis::{audit, guard, state};
use redis_module::raw;
use std::cell::RefCell;
use std::ffi::{c_char, c_int, c_uint, c_void};
use std::mem::ManuallyDrop;
use std::ptr::null_mut;

/// The client whose command is running, as far as the server tells.
pub struct Client {
    pub user: String,
    /// Address and port; a script or function has none.
    pub address: Option<String>,
    /// What `CLIENT SETNAME` has set.
    pub name: Option<String>,
}

fn text(string: *mut raw::RedisModuleString) -> Option<String> {
    if string.is_null() {
        return None;
    }
    let string = Str(string);
    Some(String::from_utf8_lossy(string.as_bytes()).into_owned())
}

impl Context<'_> {
    /// Who sent the command that is running.
    pub fn client(&self) -> Client {
        // By a command, as GetClientInfoById takes a script on Valkey for a client with a connection, and crashes.
        let id = api!(RedisModule_GetClientId(self.ptr)).to_string();
        let args = ["LIST", "ID", &id].map(|arg| Str::new(arg.as_bytes()));
        let line = self.call(c"CLIENT", c"Ev", &args, reply_text);
        let line = line.unwrap_or_default();
        let fact = |name: &str| {
            let mut facts = line.split_whitespace();
            let fact = facts.find_map(|fact| fact.strip_prefix(name)?.strip_prefix('='))?;
            (!fact.is_empty()).then(|| fact.to_owned())
        };
        // A script has no connection.
        let connected = |address: &String| !matches!(&**address, "?:0" | ":0");
        Client {
            user: text(api!(RedisModule_GetCurrentUserName(self.ptr))).unwrap_or_default(),
            address: fact("addr").filter(connected),
            name: fact("name"),
        }
    }
}

pub fn register(ctx: *mut raw::RedisModuleCtx) -> bool {
    let stream = api!(RedisModule_RegisterStringConfig(
        ctx,
        c"audit-stream".as_ptr(),
        audit::DEFAULT_STREAM.as_ptr(),
        raw::REDISMODULE_CONFIG_DEFAULT as c_uint,
        Some(on_stream_get),
        Some(on_stream_set),
        None,
        null_mut(),
    ));
    stream == OK
}

thread_local! {
    /// The server reads the name that it was given last.
    static SHOWN: ManuallyDrop<RefCell<Option<Str>>> =
        const { ManuallyDrop::new(RefCell::new(None)) };
}

unsafe extern "C" fn on_stream_get(
    _name: *const c_char,
    _data: *mut c_void,
) -> *mut raw::RedisModuleString {
    let shown = guard(|| {
        let stream = state::with(|state| state.audit.stream.clone());
        let shown = Str::new(&stream.unwrap_or_default());
        let string = shown.0;
        SHOWN.with(|last| last.replace(Some(shown)));
        string
    });
    shown.unwrap_or(null_mut())
}

unsafe extern "C" fn on_stream_set(
    _name: *const c_char,
    value: *mut raw::RedisModuleString,
    _data: *mut c_void,
    error: *mut *mut raw::RedisModuleString,
) -> c_int {
    let set = guard(|| audit::set_stream(string_bytes(value)));
    match set.unwrap_or(Err("internal error")) {
        Ok(()) => OK,
        Err(why) => {
            // SAFETY: the server takes the string over.
            unsafe { *error = ManuallyDrop::new(Str::new(why.as_bytes())).0 };
            ERR
        }
    }
}
