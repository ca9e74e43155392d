//! The stacks under test, behind one trait.

pub mod bare;
#[cfg(feature = "tasks")]
pub mod embassy_net;
#[cfg(feature = "tasks")]
mod executor;
pub mod nal;
pub mod smoltcp_nal;
#[cfg(feature = "tasks")]
pub mod tasks;
pub mod typed;

use smoltcp::time::Duration;

use crate::cable::Plug;

/// How large a stack is.
#[derive(Clone, Copy, Debug)]
pub struct Setup {
    /// TCP sockets that can be open at once.
    pub tcp: usize,
    /// UDP sockets that can be open at once.
    pub udp: usize,
    /// Bytes of each TCP buffer.
    pub buffer: usize,
}

/// Datagrams, and bytes, in each UDP buffer.
pub const DATAGRAMS: usize = 4;
pub const DATAGRAM_BYTES: usize = 1_024;

/// A stack under test. It panics where it fails: nothing here may.
///
/// No call waits: what is not there yet is asked for again in the next turn.
pub trait Near: Sized {
    /// What it is called in tables.
    const NAME: &str;
    /// Whether it can listen.
    const HAS_LISTENERS: bool = true;
    /// How many sockets of each kind it can have.
    const MOST_SOCKETS: usize = usize::MAX;
    /// Whether it asks again if a closed window still is: if not, one lost frame may be the end.
    const PROBES_WINDOWS: bool = true;

    /// A connection request.
    type Connecting;
    /// A TCP connection.
    type Tcp;
    /// A connection that is being closed.
    type Closing;
    /// Takes connections.
    type Listener;
    /// A UDP socket that talks to one peer.
    type Udp;
    /// A look-up.
    type Query;

    /// A stack on a device.
    fn new(plug: Plug, setup: Setup) -> Self;

    /// Another application begins: the next turn is to call it, whether or not something has happened.
    fn begin(&mut self) {}

    /// One turn of the loop that runs the stack, with the application's part in it. How long nothing
    /// is to be done then unless a frame comes; zero for another turn at once.
    fn turn(&mut self, application: &mut impl FnMut(&mut Self)) -> Option<Duration>;

    /// Asks the remote end for a connection.
    fn connect(&mut self, port: u16) -> Self::Connecting;
    /// Whether it is there.
    fn connected(&mut self, connecting: Self::Connecting) -> Result<Self::Tcp, Self::Connecting>;
    /// Queues some of the data, and says how much: none if there is no room.
    fn send(&mut self, tcp: &mut Self::Tcp, data: &[u8]) -> usize;
    /// Takes what has arrived, if anything: no byte is the end of the stream.
    fn receive(&mut self, tcp: &mut Self::Tcp, buffer: &mut [u8]) -> Option<usize>;
    /// Closes a connection.
    fn close(&mut self, tcp: Self::Tcp) -> Self::Closing;
    /// Whether both directions are closed, and its memory can be used again.
    fn closed(&mut self, closing: Self::Closing) -> Result<(), Self::Closing>;

    /// Listens, with so many connections at a time that are not accepted yet.
    fn listen(&mut self, port: u16, backlog: u16) -> Self::Listener;
    /// Takes the next connection, if there is one.
    fn accept(&mut self, listener: &mut Self::Listener) -> Option<Self::Tcp>;

    /// Opens a UDP socket that talks to a port of the remote end.
    fn udp(&mut self, local: u16, port: u16) -> Self::Udp;
    /// Sends a datagram.
    fn send_datagram(&mut self, udp: &mut Self::Udp, data: &[u8]);
    /// Takes a datagram, if there is one, and says how long it was.
    fn receive_datagram(&mut self, udp: &mut Self::Udp, buffer: &mut [u8]) -> Option<usize>;

    /// Asks for the address of a host.
    fn look_up(&mut self, name: &'static str) -> Self::Query;
    /// Whether it is there.
    fn found(&mut self, query: Self::Query) -> Result<[u8; 4], Self::Query>;
}
