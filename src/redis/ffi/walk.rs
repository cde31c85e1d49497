//! A walk over all keys of a database.

use super::{string_bytes, Context};
use crate::redis::guard;
use redis_module::raw;
use std::ffi::c_void;

/// How far a walk has come. It can rest between two steps while keys come and go: as `SCAN` does, it meets every key that
/// is there all the time, some of them twice.
#[derive(Debug)]
pub struct Walk(*mut raw::RedisModuleScanCursor);

impl Walk {
    /// A walk that stands at the beginning.
    pub fn new() -> Self {
        Self(api!(RedisModule_ScanCursorCreate()))
    }
}

impl Drop for Walk {
    fn drop(&mut self) {
        api!(RedisModule_ScanCursorDestroy(self.0));
    }
}

/// What is done with the keys of a step.
struct Visitor<'a>(&'a mut dyn FnMut(&[u8]));

impl Context<'_> {
    /// One step over a few keys of the selected database. False: it was the last.
    pub fn walk(&self, walk: &Walk, mut visit: impl FnMut(&[u8])) -> bool {
        let mut visitor = Visitor(&mut visit);
        let data: *mut Visitor = &mut visitor;
        api!(RedisModule_Scan(
            self.ptr,
            walk.0,
            Some(on_key),
            data.cast()
        )) != 0
    }
}

unsafe extern "C" fn on_key(
    _ctx: *mut raw::RedisModuleCtx,
    name: *mut raw::RedisModuleString,
    _key: *mut raw::RedisModuleKey,
    data: *mut c_void,
) {
    guard(|| {
        // SAFETY: this is what `walk` passes, which waits for the call.
        let visitor = unsafe { &mut *data.cast::<Visitor>() };
        (visitor.0)(string_bytes(name));
    });
}
