//! What was sent, by whom and to whom: what everything that is received is held against.

mod datagrams;
mod streams;

pub use datagrams::Datagrams;
pub use streams::{Inbound, StreamId, Streams};
