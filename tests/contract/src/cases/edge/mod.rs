//! The cases of edge-nal that are its own; `TcpConnect` and `Dns` are in
//! [`connect`](super::connect) and [`names`](super::names).

pub mod accept;
pub mod multicast;
pub mod parts;
pub mod udp;
