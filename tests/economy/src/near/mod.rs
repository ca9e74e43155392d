//! The stacks under test, behind one trait.

mod embassy;
mod ours;

use std::future::Future;

pub use embassy::Embassy;
pub use ours::Ours;

use crate::cable::Plug;
use crate::executor;

/// How large a stack is.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// TCP sockets that can be open at once.
    pub tcp: usize,
    /// Bytes of each TCP buffer.
    pub buffer: usize,
}

/// The last byte of the address of the stack under test.
pub const HOST: u8 = 1;

/// Datagrams, and bytes, in each UDP buffer.
const DATAGRAMS: usize = 4;
const DATAGRAM_BYTES: usize = 4_096;

/// A stack under test. Its remote ports are the far end's.
pub trait Near: Sized + 'static {
    /// What it is called in the table.
    const NAME: &str;

    /// A TCP connection.
    type Tcp: 'static;
    /// A UDP socket.
    type Udp: 'static;

    /// A stack on a device, and the task that runs it.
    fn new(plug: Plug, setup: Setup) -> (Self, executor::Future);

    /// Opens a connection.
    fn connect(&self, port: u16) -> impl Future<Output = Self::Tcp>;

    /// Waits for a connection.
    fn accept(&self, port: u16) -> impl Future<Output = Self::Tcp>;

    /// Has the connection probe its peer so often.
    fn set_keep_alive(tcp: &mut Self::Tcp, seconds: u64);

    /// Has short segments sent without waiting for more: Nagle's algorithm is off.
    fn send_at_once(tcp: &mut Self::Tcp);

    /// Queues a part of the data, once there is room, and says how much.
    fn write(tcp: &mut Self::Tcp, data: &[u8]) -> impl Future<Output = usize>;

    /// Waits until everything is acknowledged.
    fn flush(tcp: &mut Self::Tcp) -> impl Future<Output = ()>;

    /// Takes what has arrived, once there is something, and says how much.
    fn read(tcp: &mut Self::Tcp, buffer: &mut [u8]) -> impl Future<Output = usize>;

    /// Opens a UDP socket.
    fn udp(&self) -> Self::Udp;

    /// Sends a datagram, once there is room for it.
    fn send(udp: &mut Self::Udp, data: &[u8], port: u16) -> impl Future<Output = ()>;

    /// Takes a datagram, once there is one, and says how long it was.
    fn receive(udp: &mut Self::Udp, buffer: &mut [u8]) -> impl Future<Output = usize>;
}
