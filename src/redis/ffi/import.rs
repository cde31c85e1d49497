//! What Valkey tells when slots are moved at once (`CLUSTER MIGRATESLOTS`). The bindings are Redis's and lack it.

use super::Context;
use crate::redis::{guard, slots};
use redis_module::raw;
use std::ffi::{c_char, c_int, c_void};

/// The module's option without which the server refuses to do so.
pub const HANDLED: c_int = 1 << 5;
const EVENT: u64 = 19;
const STARTED: u64 = 0;
const ABORTED: u64 = 2;
const COMPLETED: u64 = 4;

/// What comes with the event.
#[repr(C)]
struct Info {
    version: u64,
    job: [c_char; 41],
    ranges: *const Range,
    count: u32,
}

#[repr(C)]
struct Range {
    start: c_int,
    end: c_int,
}

pub fn subscribe(ctx: &Context) {
    let event = raw::RedisModuleEvent {
        id: EVENT,
        dataver: 1,
    };
    api!(RedisModule_SubscribeToServerEvent(
        ctx.ptr,
        event,
        Some(on_migration)
    ));
}

unsafe extern "C" fn on_migration(
    ctx: *mut raw::RedisModuleCtx,
    _event: raw::RedisModuleEvent,
    what: u64,
    data: *mut c_void,
) {
    let begins = match what {
        STARTED => true,
        ABORTED | COMPLETED => false,
        _ => return,
    };
    guard(|| {
        // SAFETY: this is what the server passes with this event: so many ranges of slots.
        let ranges = unsafe {
            let info = &*data.cast::<Info>();
            std::slice::from_raw_parts(info.ranges, info.count as usize)
        };
        for range in ranges {
            if let (Ok(start), Ok(end)) = (range.start.try_into(), range.end.try_into()) {
                slots::on_import(&Context::new(ctx), start..=end, begins);
            }
        }
    });
}
