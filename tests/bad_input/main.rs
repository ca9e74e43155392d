//! Bad input: each kind gives an error of its own, nothing panics, and a socket whose transition
//! failed comes back usable.

#[path = "../common/mod.rs"]
mod common;

mod addresses;
mod closures;
mod data;
mod frames;
mod peers;
