//! The network around the sockets: what a stack is told about it, and what it hears from it.

#[path = "../common/mod.rs"]
mod common;

mod adverts;
mod icmp;
mod link;
mod lookups;
mod multicast;
mod quotes;
mod routes;
mod slaac;
mod wire;
