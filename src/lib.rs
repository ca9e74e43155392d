//! TCP, UDP, ICMP and raw sockets whose *type* carries their state, over smoltcp: `no_std`, no
//! allocator, no `unsafe`. What a socket cannot do in its state does not compile.
//!
#![doc = include_str!("../assets/states.svg")]
//!
//! # Where to begin
//!
//! - [`Stack`] owns the device, the clock and the memory of all sockets; a program makes one, with
//!   [`Storage`] from a static or a `Heap`, and a [`Config`].
//! - [`Net`] is the stack as applications see it: `&Net`, whatever the device. It opens sockets.
//! - [`TcpSocket`] and [`UdpSocket`] are the sockets; [`state`] lists their states and what each
//!   may do; [`AnyTcpSocket`] and [`AnyUdpSocket`] hold one in any state.
//! - `IcmpSocket` (feature `icmp`) pings; `RawSocket` (feature `raw`) exchanges whole IP packets.
//! - [`Lookup`] and [`NameLookup`] (feature `dns`) find the address of a host, or its name.
//! - `Watch` (feature `watch`) waits for many sockets; the `_async` methods, `wake_on` and
//!   [`Net`]`::run` (feature `async`) let tasks and threads sleep.
//! - `Dhcp` (feature `dhcp`) follows the lease that a DHCP server gives the interface.
//! - [`Error`] says why a call failed or a connection ended; [`Failed`] gives the socket back.
//! - `testing` (feature `cable`) has two stacks on one cable in virtual time, for tests.
//!
//! # A first program
//!
//! ```
//! use core::net::SocketAddr;
//! use sockstate::{Error, Net};
//!
//! /// Binds to a local port, connects, sends 16 bytes, closes.
//! fn classic_client(net: &Net, server: SocketAddr) -> Result<(), Error> {
//!     let socket = net.tcp()?;                 // TcpSocket<Closed>
//!     let socket = socket.bind(6000)?;         // TcpSocket<Bound>
//!     let socket = socket.connect(server)?;    // TcpSocket<Connecting>
//!     let mut socket = socket.wait()?;         // TcpSocket<Connected>
//!     socket.send_all(b"sixteen bytes...")?;
//!     let socket = socket.close();             // TcpSocket<Closing>
//!     socket.wait()?;                          // everything is delivered
//!     Ok(())
//! }
//! # let lab = sockstate::testing::Lab::new(1);
//! # let _listener = lab.far.tcp()?.bind(7)?.listen(1)?;
//! # classic_client(&lab.near, "192.168.69.2:7".parse().unwrap())?;
//! # Ok::<(), Error>(())
//! ```
//!
//! # Waiting
//!
//! Three ways, for every call that may have to wait: poll it, as it is an
//! [`nb`](https://docs.rs/nb) call that says `WouldBlock`; [`Net::block`] it, with what
//! [`Config::idle`] does meanwhile, or for a limited time ([`Net::block_for`]); or block it with a
//! closure of one's own ([`Net::block_with`], [`TcpSocket::wait_with`]). A call that would block
//! polls the stack before it says so. A `Watch` waits for many sockets in the same three ways.
//!
//! With the feature `async` there is a fourth: tasks await the calls that would block
//! (`receive_async`, ...), a socket on its way to its next state, or a look-up, while one of them
//! runs the stack (`Net::run_async`, `Stack::run_with`).
//!
//! # Coming from C
//!
//! The module `from_c` sets each function of a C socket API beside its typed counterpart.
//!
//! # On a board
//!
//! The module [`firmware`] leads from a board's HAL to a first connection, and says how much memory
//! to give, what happens when that runs out, and how to sleep.
//!
//! # What to rely on
//!
//! The module [`promises`] lists what is guaranteed, with the tests behind each promise, and what is
//! not.
//!
//! # Client crates
//!
//! With the feature `embedded-nal`, `&Net` is the stack that clients of embedded-nal take:
//! `TcpClientStack`, `TcpFullStack`, `UdpClientStack`, `UdpFullStack` and `Dns`. They need not know
//! that it wants to be polled: a call that would block does that. For clients that make each call
//! once, there is [`Net::blocking`]; for tests of clients, `testing::LabClient`.
//!
//! Others take embedded-io, embedded-io-async, embedded-nal-async or edge-nal, the features of
//! these names: connections and their halves, or a `Duplex`, have the `Read` and `Write` of the
//! first two, and `&Net` is the stack of the others (the module `edge` has the sockets of the
//! last). All may be at work on one stack at the same time.
//!
//! # Sharing
//!
//! A stack is for one thread ([`Local`], the default) or for threads and interrupt handlers
//! (`Shared`, made by `Stack::shared`, with the feature `critical-section`). A connection is
//! [split](TcpSocket::split) into a reader and a writer, each with one owner; these two may be in
//! different threads. What each thread and what a handler does is told with `Shared`.
#![no_std]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(unreachable_pub)]
#![deny(clippy::expect_used, clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

#[cfg(feature = "alloc")]
extern crate alloc;
#[cfg(any(feature = "std", test))]
extern crate std;

#[cfg(not(any(feature = "medium-ethernet", feature = "medium-ip")))]
compile_error!("enable `medium-ethernet` or `medium-ip`: what the device's frames are");
#[cfg(not(any(feature = "proto-ipv4", feature = "proto-ipv6")))]
compile_error!("enable `proto-ipv4` or `proto-ipv6`");
#[cfg(not(any(feature = "tcp", feature = "udp")))]
compile_error!("enable `tcp` or `udp`");

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

mod addr;
pub mod device;
#[cfg(feature = "edge-nal")]
pub mod edge;
mod error;
pub mod firmware;
#[cfg(all(feature = "tcp", feature = "udp", feature = "raw", feature = "dns", feature = "watch"))]
pub mod from_c;
#[cfg(feature = "embedded-io")]
mod io;
#[cfg(feature = "embedded-nal")]
mod nal;
#[cfg(feature = "embedded-nal-async")]
mod nal_async;
pub mod promises;
mod socket;
// With one protocol left out, some of what the two share has no user.
#[cfg_attr(not(all(feature = "tcp", feature = "udp")), allow(dead_code))]
mod stack;
pub mod state;
#[cfg(feature = "cable")]
pub mod testing;
pub mod wrong;

#[cfg(feature = "dns")]
pub use addr::AddrType;
pub use addr::LocalEndpoint;
pub use error::{Error, Failed, Protocol, Unfinished};
#[cfg(all(feature = "tcp", feature = "embedded-io"))]
pub use io::Duplex;
#[cfg(all(feature = "embedded-nal", feature = "tcp"))]
pub use nal::Blocking;
#[cfg(feature = "dhcp")]
pub use socket::dhcp::Dhcp;
#[cfg(feature = "icmp")]
pub use socket::icmp::{AnyIcmpSocket, Echo, IcmpSocket};
#[cfg(feature = "dns")]
pub use socket::lookup::{HostAddrs, HostName, Lookup, MOST_ADDRESSES, NameLookup};
#[cfg(feature = "raw")]
pub use socket::raw::{AnyRawSocket, IpVersion, RawSocket};
#[cfg(feature = "tcp")]
pub use socket::tcp::{AnyTcpSocket, ReuniteError, TcpReader, TcpSocket, TcpWriter};
#[cfg(feature = "udp")]
pub use socket::udp::{AnyUdpSocket, UdpSocket};
#[cfg(all(feature = "async", any(feature = "tcp", feature = "dns")))]
pub use socket::wait::Wait;
#[cfg(feature = "watch")]
pub use socket::watch::{Event, Watch, Watchable};
#[cfg(feature = "alloc")]
pub use stack::Heap;
#[cfg(feature = "icmp")]
pub use stack::IcmpStorage;
#[cfg(feature = "raw")]
pub use stack::RawStorage;
#[cfg(feature = "critical-section")]
pub use stack::Shared;
#[cfg(feature = "dhcp")]
pub use stack::dhcp::{DhcpConfig, Lease};
#[cfg(any(feature = "watch", feature = "async"))]
pub use stack::ready::Ready;
pub use stack::{
    Clock, Config, Deadlines, Local, Memory, Net, Overflow, Port, Sharing, Stack, Statistics,
    Storage,
};

/// For tests/fuzz.
#[cfg(all(
    fuzzing,
    feature = "cable",
    feature = "tcp",
    feature = "udp",
    feature = "proto-ipv4",
    feature = "proto-ipv6",
    feature = "medium-ethernet",
    feature = "medium-ip"
))]
#[doc(hidden)]
pub use stack::oracle::fuzz_router;

pub use smoltcp::time::{Duration, Instant};
pub use smoltcp::wire::IpCidr;
pub use {heapless, nb, smoltcp};
