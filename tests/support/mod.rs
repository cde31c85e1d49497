//! What the tests share.

pub mod aof;
pub mod client;
pub mod cluster;
pub mod saved;
pub mod scene;
pub mod server;

pub use client::{fields, items, text, Client, Entry};
pub use scene::{check, own, remove_keys, skip, stat, unique, Scene};
pub use server::{module_path, Options, Server};
