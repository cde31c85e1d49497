//! Everything unsafe: the server's functions behind safe ones, and the functions that the server calls.
//!
//! Each function the server calls hands over to safe code inside [`guard`], so that a panic can't unwind
//! into the server. The server calls them all on its main thread, with pointers that are valid for the
//! length of the call; [`Context`] and [`KeyName`] live no longer than that.

use super::alloc::{aligned_start, padded_size, Allocator, SERVER_ALIGN};
use super::commands::{self, signature::Signature, spec::Command, table::COMMANDS};
use super::config::{self, Setting, Switch, SETTINGS, SWITCHES};
use super::log::{escaped, Level};
use super::{
    emit, free, guard, info, ingest, load, persistence, phase, rebuild, reindex, rewrite, slots,
    state, torn, wake, NAME, VERSION,
};
use crate::engine::EntryId;
use redis_module::raw;
use smallvec::SmallVec;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ffi::{c_char, c_int, c_long, c_longlong, c_uint, c_void, CStr, CString};
use std::marker::PhantomData;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::time::Duration;

const OK: c_int = raw::REDISMODULE_OK as c_int;
const ERR: c_int = raw::REDISMODULE_ERR as c_int;

/// Calls a function of the server. [`check_server`] has seen that it exists.
macro_rules! api {
    ($function:ident($($argument:expr),* $(,)?)) => {
        // SAFETY: the pointers are the server's own or outlive the call; the server copies what it keeps.
        unsafe { raw::$function.expect(stringify!($function))($($argument),*) }
    };
}

mod block;
mod import;
pub mod noted;
mod record;
mod walk;

pub use block::{free_elsewhere, Blocked, BlockedId};
pub use walk::Walk;

// ---- memory

// SAFETY: blocks come from one of two allocators: the system's before the module has the server's functions
// (in the server nothing is allocated before that, in tests they never come), the server's afterwards.
// Stricter alignment than the server guarantees is made by hand, with the allocation's address noted in
// front of the block.
unsafe impl GlobalAlloc for Allocator {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let Some(allocate) = raw::RedisModule_Alloc else {
            return System.alloc(layout);
        };
        if layout.align() <= SERVER_ALIGN {
            return allocate(layout.size()).cast();
        }
        let Some(size) = padded_size(layout.size(), layout.align()) else {
            return null_mut();
        };
        let allocation: *mut u8 = allocate(size).cast();
        let block = allocation
            .add(aligned_start(allocation as usize, layout.align()) - allocation as usize);
        block.cast::<*mut u8>().sub(1).write(allocation);
        block
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        match raw::RedisModule_Free {
            None => System.dealloc(block, layout),
            Some(free) if layout.align() <= SERVER_ALIGN => free(block.cast()),
            Some(free) => free(block.cast::<*mut u8>().sub(1).read().cast()),
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        match raw::RedisModule_Calloc {
            None => System.alloc_zeroed(layout),
            Some(allocate) if layout.align() <= SERVER_ALIGN => allocate(1, layout.size()).cast(),
            Some(_) => {
                let block = self.alloc(layout);
                if !block.is_null() {
                    block.write_bytes(0, layout.size());
                }
                block
            }
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        match raw::RedisModule_Realloc {
            None => System.realloc(block, layout, size),
            Some(reallocate) if layout.align() <= SERVER_ALIGN => {
                reallocate(block.cast(), size).cast()
            }
            Some(_) => {
                let new = self.alloc(Layout::from_size_align_unchecked(size, layout.align()));
                if !new.is_null() {
                    new.copy_from_nonoverlapping(block, layout.size().min(size));
                    self.dealloc(block, layout);
                }
                new
            }
        }
    }
}

// ---- the log

static LOG_CONTEXT: AtomicPtr<raw::RedisModuleCtx> = AtomicPtr::new(null_mut());

/// From here on log lines carry the module's name.
pub fn start_logging(ctx: &Context) {
    // SAFETY: without the function, on an old server, lines carry no name.
    if let Some(detached) = unsafe { raw::RedisModule_GetDetachedThreadSafeContext } {
        LOG_CONTEXT.store(unsafe { detached(ctx.ptr) }, Ordering::Relaxed);
    }
}

/// Writes one line to the server's log; not loaded in a server (in tests) there is none.
pub fn log(level: Level, line: &str) {
    let level = match level {
        Level::Notice => c"notice",
        Level::Warning => c"warning",
    };
    // SAFETY: the line is an argument, never the format.
    if let (Some(log), Ok(line)) = (unsafe { raw::RedisModule_Log }, CString::new(line)) {
        unsafe {
            log(
                LOG_CONTEXT.load(Ordering::Relaxed),
                level.as_ptr(),
                c"%s".as_ptr(),
                line.as_ptr(),
            )
        };
    }
}

// ---- contexts, strings, keys

/// What the server wants to be told with a call: which client, which database. Valid during one callback.
pub struct Context<'a> {
    ptr: *mut raw::RedisModuleCtx,
    callback: PhantomData<&'a ()>,
}

/// Parts of the server's state.
#[derive(Debug, Clone, Copy)]
pub struct Flags {
    pub loading: bool,
    pub replica: bool,
    pub cluster: bool,
}

/// What someone wants to do with a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    Read,
    Append,
}

/// The name of the key that a notification is about. Valid during that notification.
pub struct KeyName<'a> {
    ptr: *mut raw::RedisModuleString,
    callback: PhantomData<&'a ()>,
}

impl KeyName<'_> {
    pub fn as_bytes(&self) -> &[u8] {
        string_bytes(self.ptr)
    }
}

/// A string of the server's that belongs to us.
pub struct Str(*mut raw::RedisModuleString);

impl Str {
    pub fn new(bytes: &[u8]) -> Self {
        Self(api!(RedisModule_CreateString(
            null_mut(),
            bytes.as_ptr().cast(),
            bytes.len()
        )))
    }

    pub fn as_bytes(&self) -> &[u8] {
        string_bytes(self.0)
    }

    /// The same string once more. It must not be changed from now on, and nothing here does.
    pub fn share(&self) -> Self {
        api!(RedisModule_RetainString(null_mut(), self.0));
        Self(self.0)
    }
}

impl Drop for Str {
    fn drop(&mut self) {
        api!(RedisModule_FreeString(null_mut(), self.0));
    }
}

/// The bytes of a string that is not changed and outlives the borrow.
fn string_bytes<'a>(string: *const raw::RedisModuleString) -> &'a [u8] {
    let mut len = 0;
    let start = api!(RedisModule_StringPtrLen(string, &mut len));
    // SAFETY: the server gave start and length of one buffer; it has one for an empty string too.
    unsafe { std::slice::from_raw_parts(start.cast(), len) }
}

/// What there is at a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyType {
    Nothing,
    Stream,
    Other,
}

/// A stream, opened to read its entries.
pub struct Stream(*mut raw::RedisModuleKey);

impl Stream {
    /// Starts at the first of the entries with these ids and those between.
    pub fn start(&self, from: EntryId, to: EntryId) -> bool {
        let [mut from, mut to] = [from, to].map(|id| raw::RedisModuleStreamID {
            ms: id.ms,
            seq: id.seq,
        });
        let start = api!(RedisModule_StreamIteratorStart(
            self.0, 0, &mut from, &mut to
        ));
        start == OK
    }

    /// Goes to the newest entry: its id and its number of fields.
    pub fn newest(&self) -> Option<(EntryId, usize)> {
        self.start_reverse(null_mut()).then(|| self.next_entry())?
    }

    /// Starts at the newest of the entries up to this one, to go backwards.
    pub fn start_at_newest(&self, to: EntryId) -> bool {
        let mut end = raw::RedisModuleStreamID {
            ms: to.ms,
            seq: to.seq,
        };
        self.start_reverse(&mut end)
    }

    /// The same; null stands for the largest id.
    fn start_reverse(&self, end: *mut raw::RedisModuleStreamID) -> bool {
        let reverse = raw::REDISMODULE_STREAM_ITERATOR_REVERSE as c_int;
        let start = api!(RedisModule_StreamIteratorStart(
            self.0,
            reverse,
            null_mut(),
            end
        ));
        start == OK
    }

    /// The id of the newest entry but so many; `None`: there are not more.
    pub fn nth_newest(&self, n: usize) -> Option<EntryId> {
        let mut next = self.newest();
        for _ in 0..n {
            next?;
            while self.next_field().is_some() {}
            next = self.next_entry();
        }
        next.map(|(id, _)| id)
    }

    /// Goes to the next entry, when all fields of the one before have been read: its id and its number of fields.
    pub fn next_entry(&self) -> Option<(EntryId, usize)> {
        let mut id = raw::RedisModuleStreamID { ms: 0, seq: 0 };
        let mut fields: c_long = 0;
        if api!(RedisModule_StreamIteratorNextID(
            self.0,
            &mut id,
            &mut fields
        )) != OK
        {
            return None;
        }
        let raw::RedisModuleStreamID { ms, seq } = id;
        Some((EntryId { ms, seq }, usize::try_from(fields).ok()?))
    }

    /// The next field of that entry: name and value.
    pub fn next_field(&self) -> Option<(Str, Str)> {
        let (mut name, mut value) = (null_mut(), null_mut());
        let status = api!(RedisModule_StreamIteratorNextField(
            self.0, &mut name, &mut value
        ));
        (status == OK).then(|| (Str(name), Str(value)))
    }
}

impl Drop for Stream {
    /// Ends the iteration too.
    fn drop(&mut self) {
        api!(RedisModule_CloseKey(self.0));
    }
}

/// The name of a user, who may be gone by the time it is asked about.
pub struct User(Str);

impl User {
    /// May the user do this with this key?
    pub fn may(&self, access: Access, key: &[u8]) -> bool {
        let wanted = match access {
            Access::Read => raw::REDISMODULE_CMD_KEY_ACCESS,
            Access::Append => raw::REDISMODULE_CMD_KEY_INSERT,
        };
        let user = api!(RedisModule_GetModuleUserFromUserName((self.0).0));
        if user.is_null() {
            return false;
        }
        let key = Str::new(key);
        let status = api!(RedisModule_ACLCheckKeyPermissions(
            user,
            key.0,
            wanted as c_int
        ));
        api!(RedisModule_FreeModuleUser(user));
        status == OK
    }
}

impl Context<'_> {
    fn new(ptr: *mut raw::RedisModuleCtx) -> Self {
        Self {
            ptr,
            callback: PhantomData,
        }
    }

    pub fn selected_db(&self) -> i32 {
        api!(RedisModule_GetSelectedDb(self.ptr))
    }

    /// False: there is no such database.
    pub fn select_db(&self, db: i32) -> bool {
        api!(RedisModule_SelectDb(self.ptr, db)) == OK
    }

    pub fn flags(&self) -> Flags {
        let flags = api!(RedisModule_GetContextFlags(self.ptr)) as u32;
        let loading = raw::REDISMODULE_CTX_FLAGS_LOADING | raw::REDISMODULE_CTX_FLAGS_ASYNC_LOADING;
        Flags {
            loading: flags & loading != 0,
            replica: flags & raw::REDISMODULE_CTX_FLAGS_SLAVE != 0,
            cluster: flags & raw::REDISMODULE_CTX_FLAGS_CLUSTER != 0,
        }
    }

    /// When the command or callback that is running was called, as [`clock`] tells it.
    pub fn unit_start(&self) -> u64 {
        u64::try_from(api!(RedisModule_CachedMicroseconds())).unwrap_or(0)
    }

    /// Replicas must see no write now; one would stop the server.
    pub fn avoid_replica_traffic(&self) -> bool {
        api!(RedisModule_AvoidReplicaTraffic()) != 0
    }

    /// Has [`emit::run`] called at the end of this execution unit. False: the server refuses.
    pub fn add_post_job(&self) -> bool {
        api!(RedisModule_AddPostNotificationJob(
            self.ptr,
            Some(on_job),
            null_mut(),
            None
        )) == OK
    }

    /// Has [`wake::on_timer`] called once, after this time.
    pub fn start_timer(&self, after: Duration) {
        self.call_after(after, on_timer);
    }

    /// Has [`free::on_timer`] called once, after this time.
    pub fn start_free(&self, after: Duration) {
        self.call_after(after, on_free);
    }

    /// Has [`torn::on_timer`] called once, after this time.
    pub fn start_rewrite(&self, after: Duration) {
        self.call_after(after, on_rewrite);
    }

    /// Has [`slots::on_timer`] called once, after this time.
    pub fn start_settling(&self, after: Duration) {
        self.call_after(after, on_settling);
    }

    fn call_after(&self, after: Duration, call: OnTimer) {
        let after = after.as_millis() as c_longlong;
        api!(RedisModule_CreateTimer(
            self.ptr,
            after,
            Some(call),
            null_mut()
        ));
    }

    /// Opens the stream at this key, without a trace of having done so.
    pub fn open_stream(&self, key: &KeyName) -> Option<Stream> {
        self.open(key.ptr)
    }

    /// The same by name, in the selected database.
    pub fn open_stream_at(&self, key: &[u8]) -> Option<Stream> {
        self.open(Str::new(key).0)
    }

    /// What there is at this key of the selected database.
    pub fn key_type(&self, key: &[u8]) -> KeyType {
        match self.open(Str::new(key).0) {
            None => KeyType::Nothing,
            Some(Stream(key)) => match api!(RedisModule_KeyType(key)) as isize {
                raw::REDISMODULE_KEYTYPE_STREAM => KeyType::Stream,
                _ => KeyType::Other,
            },
        }
    }

    fn open(&self, key: *mut raw::RedisModuleString) -> Option<Stream> {
        let mode = raw::REDISMODULE_READ
            | raw::REDISMODULE_OPEN_KEY_NOTOUCH
            | raw::REDISMODULE_OPEN_KEY_NONOTIFY
            | raw::REDISMODULE_OPEN_KEY_NOSTATS
            | raw::REDISMODULE_OPEN_KEY_NOEXPIRE
            | raw::REDISMODULE_OPEN_KEY_NOEFFECTS;
        let key = api!(RedisModule_OpenKey(self.ptr, key, mode as c_int));
        (!key.is_null()).then_some(Stream(key))
    }

    /// Runs a command in the selected database; its writes go to replicas and the AOF.
    ///
    /// # Errors
    /// The server's own error line.
    pub fn write(&self, command: &CStr, args: &[Str]) -> Result<(), String> {
        self.call(command, c"!Ev", args, |_| ())
    }

    /// Has the server append an entry to a stream, as these arguments of `XADD` say: its id.
    ///
    /// # Errors
    /// The server's own error line.
    pub fn append(&self, args: &[Str]) -> Result<Option<EntryId>, String> {
        self.call(c"XADD", c"!Ev", args, |reply| {
            let id = std::str::from_utf8(reply_bytes(reply)).ok();
            id.and_then(|id| id.parse().ok())
        })
    }

    /// Runs a command that only reads, and does not look at the reply.
    ///
    /// # Errors
    /// The server's own error line.
    pub fn read(&self, command: &CStr, args: &[Str]) -> Result<(), String> {
        self.call(command, c"Ev", args, |_| ())
    }

    /// The keys of a cluster's slot, at most so many; none where there is no cluster.
    pub fn keys_in_slot(&self, slot: u16, most: usize) -> Vec<Vec<u8>> {
        let (slot, most) = (slot.to_string(), most.to_string());
        let args = ["GETKEYSINSLOT", &slot, &most].map(|arg| Str::new(arg.as_bytes()));
        let keys = self.call(c"CLUSTER", c"Ev", &args, |reply| {
            let len = api!(RedisModule_CallReplyLength(reply));
            let key = |i| api!(RedisModule_CallReplyArrayElement(reply, i));
            (0..len).map(|i| reply_bytes(key(i)).to_vec()).collect()
        });
        keys.unwrap_or_default()
    }

    /// A hash tag of this slot.
    pub fn tag_of(&self, slot: u16) -> String {
        let tag = api!(RedisModule_ClusterCanonicalKeyNameInSlot(c_uint::from(
            slot
        )));
        // SAFETY: the server has a name for each of its slots, which stays where it is.
        unsafe { CStr::from_ptr(tag) }
            .to_string_lossy()
            .into_owned()
    }

    /// The server is a Valkey.
    fn is_valkey(&self) -> bool {
        let args = [Str::new(b"server")];
        self.call(c"INFO", c"Ev", &args, reply_text)
            .is_ok_and(|info| info.contains("\nvalkey_version:"))
    }

    /// What the server tells about its modules.
    fn modules(&self) -> String {
        let args = [Str::new(b"modules")];
        self.call(c"INFO", c"Ev", &args, reply_text)
            .unwrap_or_default()
    }

    /// The value of one of the server's own settings, where it can be had.
    pub fn config(&self, name: &str) -> Option<String> {
        let args = [Str::new(b"GET"), Str::new(name.as_bytes())];
        self.call(c"CONFIG", c"Ev", &args, |reply| {
            let value = api!(RedisModule_CallReplyArrayElement(reply, 1));
            (!value.is_null()).then(|| reply_text(value))
        })
        .ok()?
    }

    /// The same, but refused as a client's write would be: where there are too few good replicas, or where the server
    /// can't persist.
    ///
    /// # Errors
    /// The server's own error line.
    pub fn write_if_allowed(&self, command: &CStr, args: &[Str]) -> Result<(), String> {
        self.call(command, c"!ESv", args, |_| ())
    }

    /// Has the server rewrite its append-only file.
    ///
    /// # Errors
    /// The server's own error line.
    pub fn rewrite_aof(&self) -> Result<(), String> {
        self.call(c"BGREWRITEAOF", c"Ev", &[], |_| ())
    }

    /// How many entries the stream at this key has, and how many were ever added to it.
    pub fn stream_counts(&self, key: &[u8]) -> Option<(u64, u64)> {
        let args = [Str::new(b"STREAM"), Str::new(key)];
        self.call(c"XINFO", c"v", &args, |reply| {
            let figure = |name: &str| {
                let items = (0..api!(RedisModule_CallReplyLength(reply))).step_by(2);
                let item = |at| api!(RedisModule_CallReplyArrayElement(reply, at));
                let mut values = items.filter(|at| reply_text(item(*at)) == name);
                let value = item(values.next()? + 1);
                u64::try_from(api!(RedisModule_CallReplyInteger(value))).ok()
            };
            Some((figure("length")?, figure("entries-added")?))
        })
        .ok()?
    }

    /// Has [`rebuild::on_timer`] called once, after this time.
    pub fn start_rebuild_slice(&self, after: Duration) {
        self.call_after(after, on_rebuild_slice);
    }

    /// Has [`reindex::on_timer`] called once, after this time.
    pub fn start_reindex_slice(&self, after: Duration) {
        self.call_after(after, on_reindex_slice);
    }

    /// Has the AOF, and no replica, get a command of the module's.
    pub fn write_to_aof(&self, command: &CStr, arg: &[u8]) {
        let (arg, format) = (Str::new(arg), c"Rs");
        api!(RedisModule_Replicate(
            self.ptr,
            command.as_ptr(),
            format.as_ptr(),
            arg.0
        ));
    }

    /// A child process is writing a new AOF.
    pub fn rewrites_aof(&self) -> bool {
        let info = api!(RedisModule_GetServerInfo(self.ptr, c"persistence".as_ptr()));
        let field = c"aof_rewrite_in_progress".as_ptr();
        let figure = api!(RedisModule_ServerInfoGetFieldUnsigned(
            info,
            field,
            null_mut()
        ));
        api!(RedisModule_FreeServerInfo(self.ptr, info));
        figure != 0
    }

    /// Has [`rewrite::state_definitions`] called once, after this time.
    pub fn state_definitions_after(&self, after: Duration) {
        self.call_after(after, on_restating);
    }

    fn call<R>(
        &self,
        command: &CStr,
        format: &CStr,
        args: &[Str],
        read: impl FnOnce(*mut raw::RedisModuleCallReply) -> R,
    ) -> Result<R, String> {
        let pointers: SmallVec<[*mut raw::RedisModuleString; 32]> =
            args.iter().map(|arg| arg.0).collect();
        noted::forget();
        let reply = api!(RedisModule_Call(
            self.ptr,
            command.as_ptr(),
            format.as_ptr(),
            pointers.as_ptr(),
            pointers.len()
        ));
        if reply.is_null() {
            return Err("the server refused the call".into());
        }
        let result =
            if api!(RedisModule_CallReplyType(reply)) == raw::REDISMODULE_REPLY_ERROR as c_int {
                Err(reply_text(reply))
            } else {
                Ok(read(reply))
            };
        api!(RedisModule_FreeCallReply(reply));
        result
    }

    /// May the client's user do this with this key? Commands from the primary or from the AOF may: they were
    /// allowed there.
    pub fn may(&self, access: Access, key: &[u8]) -> bool {
        let trusted = raw::REDISMODULE_CTX_FLAGS_REPLICATED
            | raw::REDISMODULE_CTX_FLAGS_LOADING
            | raw::REDISMODULE_CTX_FLAGS_ASYNC_LOADING;
        if api!(RedisModule_GetContextFlags(self.ptr)) as u32 & trusted != 0 {
            return true;
        }
        self.user().may(access, key)
    }

    /// The user whose command is running.
    pub fn user(&self) -> User {
        User(Str(api!(RedisModule_GetCurrentUserName(self.ptr))))
    }

    /// Has replicas and the AOF get the command that is running.
    pub fn replicate(&self) {
        api!(RedisModule_ReplicateVerbatim(self.ptr));
    }

    pub fn reply_wrong_arity(&self) {
        api!(RedisModule_WrongArity(self.ptr));
    }

    pub fn reply_error(&self, line: &str) {
        api!(RedisModule_ReplyWithError(self.ptr, c_line(line).as_ptr()));
    }

    pub fn reply_status(&self, line: &str) {
        api!(RedisModule_ReplyWithSimpleString(
            self.ptr,
            c_line(line).as_ptr()
        ));
    }

    pub fn reply_bytes(&self, text: &[u8]) {
        let (start, len) = (text.as_ptr().cast(), text.len());
        api!(RedisModule_ReplyWithStringBuffer(self.ptr, start, len));
    }

    pub fn reply_integer(&self, n: i64) {
        api!(RedisModule_ReplyWithLongLong(self.ptr, n));
    }

    pub fn reply_bool(&self, value: bool) {
        api!(RedisModule_ReplyWithBool(self.ptr, c_int::from(value)));
    }

    /// So many replies follow.
    pub fn reply_array(&self, len: usize) {
        api!(RedisModule_ReplyWithArray(self.ptr, len as c_long));
    }

    /// So many pairs of replies follow.
    pub fn reply_map(&self, len: usize) {
        api!(RedisModule_ReplyWithMap(self.ptr, len as c_long));
    }
}

/// The server's clock, in µs since the epoch.
pub fn clock() -> u64 {
    u64::try_from(api!(RedisModule_Microseconds())).unwrap_or(0)
}

/// One line as C takes it: [`escaped`] leaves no NUL.
pub fn c_line(text: &str) -> CString {
    CString::new(escaped(text)).unwrap_or_default()
}

fn reply_text(reply: *mut raw::RedisModuleCallReply) -> String {
    String::from_utf8_lossy(reply_bytes(reply)).into_owned()
}

/// The text of a reply that outlives the borrow.
fn reply_bytes<'a>(reply: *mut raw::RedisModuleCallReply) -> &'a [u8] {
    let mut len = 0;
    let start = api!(RedisModule_CallReplyStringPtr(reply, &mut len));
    if start.is_null() {
        return &[];
    }
    // SAFETY: the server gave start and length of one buffer, which lives as long as the reply.
    unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) }
}

// ---- registration

/// Looks whether the server is one that Leaflet can work in.
///
/// # Errors
/// What it lacks.
pub fn check_server() -> Result<(), String> {
    macro_rules! lacking {
        ($($function:ident)*) => {
            // SAFETY: reads pointers that were set when the module was loaded and don't change.
            unsafe { [$(({ raw::$function }.is_none(), stringify!($function))),*] }
        };
    }
    let lacking = lacking![
        RedisModule_ACLCheckKeyPermissions RedisModule_AddPostNotificationJob
        RedisModule_AvoidReplicaTraffic RedisModule_BlockClient RedisModule_CachedMicroseconds RedisModule_Call RedisModule_CommandFilterArgGet RedisModule_CreateDataType RedisModule_CreateTimer RedisModule_GetCommand
        RedisModule_GetModuleUserFromUserName RedisModule_LoadConfigs RedisModule_Replicate RedisModule_ReplyWithBool
        RedisModule_ReplyWithMap RedisModule_RegisterBoolConfig RedisModule_RegisterCommandFilter RedisModule_RegisterInfoFunc RedisModule_RegisterNumericConfig RedisModule_Scan
        RedisModule_SetCommandACLCategories RedisModule_SetCommandInfo RedisModule_SetModuleOptions
        RedisModule_StreamIteratorStart RedisModule_SubscribeToKeyspaceEvents
        RedisModule_SubscribeToServerEvent
    ];
    match lacking.iter().find(|(lacking, _)| *lacking) {
        Some((_, function)) => Err(format!(
            "Leaflet needs Redis 7.2 or later, or Valkey: this server has no {function}"
        )),
        None => Ok(()),
    }
}

/// Tells the server about everything it shall call.
///
/// # Errors
/// What the server refused.
pub fn register(ctx: &Context) -> Result<(), String> {
    let ptr = ctx.ptr;
    let mut options = raw::REDISMODULE_OPTIONS_HANDLE_IO_ERRORS as c_int;
    let valkey = ctx.is_valkey();
    if valkey {
        options |= import::HANDLED;
    }
    api!(RedisModule_SetModuleOptions(ptr, options));
    // SAFETY: the name is a literal. Servers before Redis 7.4 have no categories of modules.
    let category = match unsafe { raw::RedisModule_AddACLCategory } {
        Some(add) => unsafe { add(ptr, NAME.as_ptr()) == OK },
        None => false,
    };
    for (command, entry) in COMMANDS.iter().zip(ENTRIES) {
        accepted(
            register_command(ptr, command, entry, category),
            command.name,
        )?;
    }
    for (index, setting) in SETTINGS.iter().enumerate() {
        accepted(register_setting(ptr, setting, index), "a setting")?;
    }
    for (index, switch) in SWITCHES.iter().enumerate() {
        accepted(register_switch(ptr, switch, index), "a setting")?;
    }
    accepted(record::register(ptr), "a setting")?;
    accepted(
        api!(RedisModule_LoadConfigs(ptr)) == OK,
        "the settings' values",
    )?;
    accepted(register_data_type(ptr), "the data type")?;
    let status = api!(RedisModule_RegisterInfoFunc(ptr, Some(on_info)));
    accepted(status == OK, "the INFO section")?;
    for id in [
        raw::REDISMODULE_EVENT_LOADING,
        raw::REDISMODULE_EVENT_FLUSHDB,
        raw::REDISMODULE_EVENT_FORK_CHILD,
        raw::REDISMODULE_EVENT_CONFIG,
        raw::REDISMODULE_EVENT_MODULE_CHANGE,
    ] {
        let event = raw::RedisModuleEvent { id, dataver: 1 };
        let status = api!(RedisModule_SubscribeToServerEvent(
            ptr,
            event,
            Some(on_event)
        ));
        accepted(status == OK, "server events")?;
    }
    if valkey && ctx.flags().cluster {
        // A Valkey that can't move slots at once has no such event.
        import::subscribe(ctx);
    }
    // A slot's keys move by RESTORE and DEL.
    let moves = match ctx.flags().cluster {
        true => raw::REDISMODULE_NOTIFY_GENERIC,
        false => 0,
    };
    let kind = raw::REDISMODULE_NOTIFY_STREAM | moves;
    let callback = Some(on_notification as _);
    let status = api!(RedisModule_SubscribeToKeyspaceEvents(ptr, kind, callback));
    accepted(status == OK, "notifications")?;
    accepted(noted::register(ctx), "a command filter")
}

fn accepted(accepted: bool, what: &str) -> Result<(), String> {
    accepted
        .then_some(())
        .ok_or_else(|| format!("the server refused {what}"))
}

fn register_command(
    ctx: *mut raw::RedisModuleCtx,
    command: &Command,
    entry: Entrypoint,
    category: bool,
) -> bool {
    let name = c_line(command.name);
    let flags = c_line(&command.flag_names());
    let (name, entry, flags) = (name.as_ptr(), Some(entry), flags.as_ptr());
    if api!(RedisModule_CreateCommand(ctx, name, entry, flags, 0, 0, 0)) != OK {
        return false;
    }
    let handle = api!(RedisModule_GetCommand(ctx, name));
    let mut categories = command.acl_categories().join(" ");
    if category {
        categories.push_str(" leaflet");
    }
    let categories = c_line(&categories);
    let signature = Signature::new(command);
    !handle.is_null()
        && api!(RedisModule_SetCommandACLCategories(
            handle,
            categories.as_ptr()
        )) == OK
        && api!(RedisModule_SetCommandInfo(handle, &signature.info())) == OK
}

fn register_setting(ctx: *mut raw::RedisModuleCtx, setting: &Setting, index: usize) -> bool {
    let flags = if setting.memory {
        raw::REDISMODULE_CONFIG_MEMORY
    } else {
        raw::REDISMODULE_CONFIG_DEFAULT
    };
    api!(RedisModule_RegisterNumericConfig(
        ctx,
        setting.name.as_ptr(),
        setting.default,
        flags as c_uint,
        setting.min,
        setting.max,
        Some(on_config_get),
        Some(on_config_set),
        None,
        index as *mut c_void,
    )) == OK
}

fn register_switch(ctx: *mut raw::RedisModuleCtx, switch: &Switch, index: usize) -> bool {
    api!(RedisModule_RegisterBoolConfig(
        ctx,
        switch.name.as_ptr(),
        c_int::from(switch.default),
        raw::REDISMODULE_CONFIG_DEFAULT as c_uint,
        Some(on_switch_get),
        Some(on_switch_set),
        None,
        index as *mut c_void,
    )) == OK
}

fn register_data_type(ctx: *mut raw::RedisModuleCtx) -> bool {
    // SAFETY: all members are optional functions or numbers, for which zero stands for none.
    let mut methods: raw::RedisModuleTypeMethods = unsafe { std::mem::zeroed() };
    methods.version = u64::from(raw::REDISMODULE_TYPE_METHOD_VERSION);
    methods.aux_load = Some(on_aux_load);
    methods.aux_save2 = Some(on_aux_save);
    methods.aux_save_triggers = raw::REDISMODULE_AUX_BEFORE_RDB as c_int;
    let (name, version) = (c"leaflet-d".as_ptr(), persistence::VERSION);
    !api!(RedisModule_CreateDataType(ctx, name, version, &mut methods)).is_null()
}

// ---- what the server calls

/// Where the server starts. The crate's own macro for this stops servers that lack what newer ones have,
/// before the module could refuse them.
#[no_mangle]
#[allow(non_snake_case)]
unsafe extern "C" fn RedisModule_OnLoad(
    ctx: *mut raw::RedisModuleCtx,
    _argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    // Nothing is allocated before this call: the server's allocator comes with it.
    let api = raw::REDISMODULE_APIVER_1 as c_int;
    if raw::Export_RedisModule_Init(ctx, NAME.as_ptr(), VERSION, api) != OK {
        return ERR;
    }
    match guard(|| load(&Context::new(ctx), argc as usize)) {
        Some(true) => OK,
        _ => ERR,
    }
}

type Entrypoint = unsafe extern "C" fn(
    *mut raw::RedisModuleCtx,
    *mut *mut raw::RedisModuleString,
    c_int,
) -> c_int;

macro_rules! entries {
    ($($index:literal)*) => { [$(on_command::<$index>),*] };
}

/// One function for each command of the table: the server passes no other sign of which was called.
const ENTRIES: [Entrypoint; COMMANDS.len()] =
    entries![0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20 21 22 23];

unsafe extern "C" fn on_command<const INDEX: usize>(
    ctx: *mut raw::RedisModuleCtx,
    argv: *mut *mut raw::RedisModuleString,
    argc: c_int,
) -> c_int {
    guard(|| {
        // SAFETY: the server passes argc strings, of which the first is the command's name.
        let argv = unsafe { std::slice::from_raw_parts(argv, argc as usize) };
        let args: SmallVec<[&[u8]; 8]> = argv[1..].iter().map(|arg| string_bytes(*arg)).collect();
        commands::dispatch(&Context::new(ctx), &COMMANDS[INDEX], &args);
    });
    OK
}

unsafe extern "C" fn on_notification(
    ctx: *mut raw::RedisModuleCtx,
    _kind: c_int,
    event: *const c_char,
    key: *mut raw::RedisModuleString,
) -> c_int {
    guard(|| {
        let key = KeyName {
            ptr: key,
            callback: PhantomData,
        };
        // SAFETY: the server passes the event's name as a C string.
        let event = unsafe { CStr::from_ptr(event) };
        if event == c"xadd" {
            ingest::on_xadd(&Context::new(ctx), &key);
        } else if event == c"restore" || event == c"del" {
            slots::on_key(&Context::new(ctx), &key);
        }
    });
    OK
}

unsafe extern "C" fn on_job(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    guard(|| emit::run(&Context::new(ctx)));
}

type OnTimer = unsafe extern "C" fn(*mut raw::RedisModuleCtx, *mut c_void);

unsafe extern "C" fn on_timer(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    guard(|| wake::on_timer(&Context::new(ctx)));
}

unsafe extern "C" fn on_free(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    guard(|| free::on_timer(&Context::new(ctx)));
}

unsafe extern "C" fn on_rewrite(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    guard(|| torn::on_timer(&Context::new(ctx)));
}

unsafe extern "C" fn on_rebuild_slice(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    guard(|| rebuild::on_timer(&Context::new(ctx)));
}

unsafe extern "C" fn on_reindex_slice(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    guard(|| reindex::on_timer(&Context::new(ctx)));
}

unsafe extern "C" fn on_restating(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    guard(|| rewrite::state_definitions(&Context::new(ctx)));
}

unsafe extern "C" fn on_settling(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    guard(|| slots::on_timer(&Context::new(ctx)));
}

unsafe extern "C" fn on_info(info: *mut raw::RedisModuleInfoCtx, for_crash_report: c_int) {
    guard(|| {
        // A crash report is written from a signal handler: nothing can be relied on then.
        if for_crash_report != 0 {
            return;
        }
        // Refused is a section that was not asked for.
        if api!(RedisModule_InfoAddSection(info, c"stats".as_ptr())) == OK {
            let figures = state::with(|state| info::figures(state, None, None).unwrap_or_default());
            for (name, figure) in figures.unwrap_or_default() {
                api!(RedisModule_InfoAddFieldULongLong(
                    info,
                    c_line(name).as_ptr(),
                    figure
                ));
            }
        }
        if api!(RedisModule_InfoAddSection(info, c"saccules".as_ptr())) == OK {
            let saccules = state::with(|state| info::saccules(state)).unwrap_or_default();
            for (number, saccule) in saccules.iter().enumerate() {
                api!(RedisModule_InfoAddFieldCString(
                    info,
                    c_line(&format!("saccule_{number}")).as_ptr(),
                    c_line(saccule).as_ptr()
                ));
            }
        }
    });
}

unsafe extern "C" fn on_config_get(_name: *const c_char, index: *mut c_void) -> c_longlong {
    let setting = &SETTINGS[index as usize];
    guard(|| config::get(setting)).unwrap_or(setting.default)
}

unsafe extern "C" fn on_config_set(
    _name: *const c_char,
    value: c_longlong,
    index: *mut c_void,
    error: *mut *mut raw::RedisModuleString,
) -> c_int {
    if guard(|| config::set(&SETTINGS[index as usize], value)) == Some(true) {
        return OK;
    }
    let why = c"internal error";
    let message = api!(RedisModule_CreateString(
        null_mut(),
        why.as_ptr(),
        why.count_bytes()
    ));
    // SAFETY: the server takes the string over.
    unsafe { *error = message };
    ERR
}

unsafe extern "C" fn on_switch_get(_name: *const c_char, index: *mut c_void) -> c_int {
    let switch = &SWITCHES[index as usize];
    c_int::from(guard(switch.get).unwrap_or(switch.default))
}

unsafe extern "C" fn on_switch_set(
    _name: *const c_char,
    value: c_int,
    index: *mut c_void,
    _error: *mut *mut raw::RedisModuleString,
) -> c_int {
    match guard(|| (SWITCHES[index as usize].set)(value != 0)) {
        Some(()) => OK,
        None => ERR,
    }
}

unsafe extern "C" fn on_event(
    ctx: *mut raw::RedisModuleCtx,
    event: raw::RedisModuleEvent,
    subevent: u64,
    data: *mut c_void,
) {
    guard(|| match (event.id, subevent) {
        (raw::REDISMODULE_EVENT_MODULE_CHANGE, _) => noted::look_for_others(&Context::new(ctx)),
        (raw::REDISMODULE_EVENT_LOADING, raw::REDISMODULE_SUBEVENT_LOADING_AOF_START) => {
            phase::on_loading_start();
            torn::on_aof_start(&Context::new(ctx));
        }
        (
            raw::REDISMODULE_EVENT_LOADING,
            raw::REDISMODULE_SUBEVENT_LOADING_RDB_START
            | raw::REDISMODULE_SUBEVENT_LOADING_REPL_START,
        ) => phase::on_loading_start(),
        (raw::REDISMODULE_EVENT_LOADING, raw::REDISMODULE_SUBEVENT_LOADING_ENDED) => {
            torn::on_loaded(&Context::new(ctx));
            phase::on_loading_end(&Context::new(ctx));
        }
        (raw::REDISMODULE_EVENT_FORK_CHILD, raw::REDISMODULE_SUBEVENT_FORK_CHILD_BORN) => {
            rewrite::on_fork(&Context::new(ctx));
        }
        (raw::REDISMODULE_EVENT_CONFIG, _) => {
            // SAFETY: this is what the server passes with this event.
            let change = unsafe { &*data.cast::<raw::RedisModuleConfigChangeV1>() };
            let names = (0..change.num_changes as usize).map(|i| {
                // SAFETY: so many names there are, each a C string.
                unsafe { CStr::from_ptr(*change.config_names.add(i)) }
            });
            if names
                .into_iter()
                .any(|name| name == c"aof-use-rdb-preamble")
            {
                rewrite::warn(&Context::new(ctx));
            }
        }
        (raw::REDISMODULE_EVENT_FLUSHDB, raw::REDISMODULE_SUBEVENT_FLUSHDB_START) => {
            // SAFETY: this is what the server passes with this event.
            let info = unsafe { &*data.cast::<raw::RedisModuleFlushInfoV1>() };
            phase::on_flush((info.dbnum >= 0).then_some(info.dbnum));
            free::arm(&Context::new(ctx));
        }
        _ => {}
    });
}

unsafe extern "C" fn on_aux_save(rdb: *mut raw::RedisModuleIO, _when: c_int) {
    if let Some(Some(bytes)) = guard(persistence::save) {
        api!(RedisModule_SaveStringBuffer(
            rdb,
            bytes.as_ptr().cast(),
            bytes.len()
        ));
    }
}

unsafe extern "C" fn on_aux_load(
    rdb: *mut raw::RedisModuleIO,
    version: c_int,
    _when: c_int,
) -> c_int {
    let mut len = 0;
    let start = api!(RedisModule_LoadStringBuffer(rdb, &mut len));
    // SAFETY: the server gave start and length of one buffer, which is ours to free.
    let bytes =
        (!start.is_null()).then(|| unsafe { std::slice::from_raw_parts(start.cast::<u8>(), len) });
    let loaded = guard(|| persistence::load(version, bytes)) == Some(true);
    if !start.is_null() {
        api!(RedisModule_Free(start.cast()));
    }
    if loaded {
        OK
    } else {
        ERR
    }
}
