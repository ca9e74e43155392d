#![doc = include_str!("../README.md")]
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(unreachable_pub)]
#![deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

mod addr;
pub mod device;
mod error;
#[cfg(feature = "embedded-nal")]
mod nal;
mod socket;
// With one protocol left out, some of what the two share has no user.
#[cfg_attr(not(all(feature = "tcp", feature = "udp")), allow(dead_code))]
mod stack;
pub mod state;
#[cfg(feature = "cable")]
pub mod testing;

pub use addr::LocalEndpoint;
pub use error::{Error, Failed, Protocol, Unfinished};
#[cfg(feature = "tcp")]
pub use socket::tcp::{AnyTcpSocket, TcpReader, TcpSocket, TcpWriter};
#[cfg(feature = "udp")]
pub use socket::udp::{AnyUdpSocket, UdpSocket};
#[cfg(feature = "alloc")]
pub use stack::Heap;
#[cfg(feature = "critical-section")]
pub use stack::Shared;
pub use stack::{
    Clock, Config, Deadlines, Local, Memory, Net, Overflow, Port, Sharing, Stack, Storage,
};

pub use smoltcp::time::{Duration, Instant};
pub use smoltcp::wire::IpCidr;
pub use {nb, smoltcp};
