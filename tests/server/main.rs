//! Leaflet in real servers.
//!
//! The tests share one server with the module; those that need a server to themselves start one.
//! `LEAFLET_URL=redis://…` runs them against a running server instead; those that need their own are skipped.

mod backtest;
mod clients;
mod cluster;
mod cluster_nodes;
mod cluster_slots;
mod commands;
mod deadlines;
mod deadlines_alone;
mod deadlines_kept;
mod domains;
mod durability;
mod explain;
mod failover;
mod faults;
mod faults_writes;
mod hostile;
mod hostile_limits;
mod introspection;
mod language;
mod lifecycle;
mod loops;
mod operators;
mod persistence;
mod rebuild;
mod replication;
mod resync;
mod rights;
mod saccules;
mod schema;
mod seed;
mod selection;
mod soak;
mod starter;
#[path = "../support/mod.rs"]
mod support;
mod tags;
mod time_field;
mod torn;
mod transactions;
mod ways_in;
mod ways_in_clients;
mod ways_in_keys;
