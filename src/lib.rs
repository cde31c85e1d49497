//! Leaflet: complex event processing inside Redis.
//!
//! [`engine`] is the correlation engine, pure Rust. With the feature `module` (on by default) the crate
//! is also a Redis module: `redis` is the glue, and the server finds its `RedisModule_OnLoad`.

#![deny(unsafe_code)]

pub mod engine;
#[cfg(feature = "module")]
mod redis;

#[cfg(feature = "module")]
#[global_allocator]
static ALLOCATOR: redis::Allocator = redis::Allocator;
