//! Clients that wait for their reply, and work in slices that is done meanwhile.

use super::{Context, OK};
use crate::engine::backtest::Backtest;
use crate::redis::{backtest, guard};
use redis_module::raw;
use std::ffi::{c_int, c_void};
use std::ptr::null_mut;
use std::time::Duration;

/// A client that waits for its reply. When this is dropped, the client gets it: [`backtest::answer`] is asked for it,
/// unless the client is gone.
#[derive(Debug)]
pub struct Blocked(*mut raw::RedisModuleBlockedClient);

/// Which of the clients that wait.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BlockedId(usize);

impl Blocked {
    pub fn id(&self) -> BlockedId {
        BlockedId(self.0 as usize)
    }
}

impl Drop for Blocked {
    fn drop(&mut self) {
        api!(RedisModule_UnblockClient(self.0, null_mut()));
    }
}

impl Context<'_> {
    /// The client can wait: it is in no transaction and no script.
    pub fn may_block(&self) -> bool {
        let deny = raw::REDISMODULE_CTX_FLAGS_MULTI
            | raw::REDISMODULE_CTX_FLAGS_LUA
            | raw::REDISMODULE_CTX_FLAGS_DENY_BLOCKING;
        api!(RedisModule_GetContextFlags(self.ptr)) as u32 & deny == 0
    }

    /// Has the client wait, where it can. When it is disconnected, or `CLIENT UNBLOCK` names it, [`backtest::stop`] is
    /// told.
    pub fn block_client(&self) -> Option<Blocked> {
        let client = api!(RedisModule_BlockClient(
            self.ptr,
            Some(on_unblocked),
            Some(on_timeout),
            None,
            0
        ));
        if client.is_null() {
            return None;
        }
        api!(RedisModule_SetDisconnectCallback(
            client,
            Some(on_disconnect)
        ));
        Some(Blocked(client))
    }

    /// Has [`backtest::on_timer`] called once, after this time.
    pub fn start_slice(&self, after: Duration) {
        let after = after.as_millis() as i64;
        api!(RedisModule_CreateTimer(
            self.ptr,
            after,
            Some(on_slice),
            null_mut()
        ));
    }
}

/// A backtest that is sent away.
struct Alone(Box<Backtest>);

// SAFETY: the counted references inside of a backtest are to its own parts only: it makes an engine for itself and gives
// out nothing but copies. So whoever has it has them all.
unsafe impl Send for Alone {}

impl Alone {
    fn free(self) {
        drop(self.0);
    }
}

/// Frees what a backtest holds on a thread of its own: it can be a lot, and the server need not wait for that.
pub fn free_elsewhere(test: Box<Backtest>) {
    let test = Alone(test);
    // Where there is no thread to be had, it is freed here.
    let _ = std::thread::Builder::new()
        .name("leaflet-free".into())
        .spawn(move || test.free());
}

unsafe extern "C" fn on_slice(ctx: *mut raw::RedisModuleCtx, _data: *mut c_void) {
    guard(|| backtest::on_timer(&Context::new(ctx)));
}

unsafe extern "C" fn on_unblocked(
    ctx: *mut raw::RedisModuleCtx,
    _argv: *mut *mut raw::RedisModuleString,
    _argc: c_int,
) -> c_int {
    let id = BlockedId(api!(RedisModule_GetBlockedClientHandle(ctx)) as usize);
    guard(|| backtest::answer(&Context::new(ctx), id));
    OK
}

unsafe extern "C" fn on_timeout(
    ctx: *mut raw::RedisModuleCtx,
    _argv: *mut *mut raw::RedisModuleString,
    _argc: c_int,
) -> c_int {
    let id = BlockedId(api!(RedisModule_GetBlockedClientHandle(ctx)) as usize);
    guard(|| {
        backtest::stop(id);
        backtest::answer_stopped(&Context::new(ctx));
    });
    OK
}

unsafe extern "C" fn on_disconnect(
    _ctx: *mut raw::RedisModuleCtx,
    client: *mut raw::RedisModuleBlockedClient,
) {
    guard(|| backtest::stop(BlockedId(client as usize)));
}
