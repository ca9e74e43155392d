//! The cases of embedded-nal-async that are its own; `TcpConnect` and `Dns` are in
//! [`connect`](super::connect) and [`names`](super::names).

pub mod bound;
pub mod connected;
