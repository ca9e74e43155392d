//! UDP sockets.

mod any;
#[cfg(feature = "dns")]
mod by_name;
#[cfg(feature = "async")]
mod futures;

use core::fmt;
use core::marker::PhantomData;
use core::net::SocketAddr;
use core::num::NonZeroU8;
#[cfg(feature = "async")]
use core::task::Waker;

use super::Handle;
#[cfg(feature = "async")]
use crate::Ready;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
use crate::stack::core::Core;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
use crate::stack::slot::SlotId;
use crate::stack::{Ending, Local, Net, Sharing};
use crate::state::udp::{
    CanBind, CanConnect, CanDisconnect, CanReceive, CanReceiveFrom, CanSend, CanSendTo, IsOpen,
};
use crate::state::{Bound, Closed, Connected, State};
use crate::{Error, Failed, LocalEndpoint, Protocol};

pub use any::AnyUdpSocket;

/// A UDP socket whose state is in its type.
///
/// `Bound`, it exchanges datagrams with anyone; `Connected`, with one peer only, and datagrams of
/// others are answered as if nobody listened. Multicast and broadcast addresses are destinations
/// as any other.
///
/// # Types
///
/// Nobody has to write the parameters; see [`TcpSocket`](crate::TcpSocket#types).
///
/// # Drop
///
/// Datagrams that were accepted are still sent, by later polls of the stack, and only then is
/// the slot free again.
///
/// # Example
///
/// ```
/// # use sockstate::{Error, testing::Lab};
/// # let lab = Lab::new(1);
/// # let net = lab.near.net();
/// let mut socket = net.udp()?.bind(6000)?;
/// socket.send_to(b"hello", "192.168.69.2:7".parse().unwrap()).unwrap();
///
/// let mut socket = socket.connect("192.168.69.2:7".parse().unwrap())?;
/// socket.send(b"hello").unwrap();
/// # Ok::<(), Error>(())
/// ```
pub struct UdpSocket<'net, St: State, S: Sharing = Local> {
    handle: Handle<'net, S>,
    // Only a look-up keeps something here.
    #[cfg_attr(not(feature = "dns"), allow(dead_code))]
    extra: St::Extra,
    state: PhantomData<fn() -> St>,
}

impl<S: Sharing> Net<S> {
    /// Opens a UDP socket: takes one of the stack's UDP slots.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfSlots`] if all are taken. [`Error::Reentrant`].
    pub fn udp(&self) -> Result<UdpSocket<'_, Closed, S>, Error> {
        let slot = self.with_clock(|core| core.open(Protocol::Udp))??;
        Ok(UdpSocket::new(Handle::new(self, slot)))
    }
}

impl<'net, S: Sharing> UdpSocket<'net, Closed, S> {
    pub(crate) fn new(handle: Handle<'net, S>) -> Self {
        UdpSocket { handle, extra: (), state: PhantomData }
    }
}

#[cfg(feature = "watch")]
impl<'net, St: State, S: Sharing> crate::Watchable<'net, S> for UdpSocket<'net, St, S> {
    fn handle(&self) -> Option<&Handle<'net, S>> {
        Some(&self.handle)
    }
}

/// Transitions.
impl<'net, St: State, S: Sharing> UdpSocket<'net, St, S> {
    /// The same socket in another state.
    fn into_state<Next: State<Extra = ()>>(self) -> UdpSocket<'net, Next, S> {
        self.into_state_with(())
    }

    /// The same socket in another state, with what it keeps there.
    fn into_state_with<Next: State>(self, extra: Next::Extra) -> UdpSocket<'net, Next, S> {
        UdpSocket { handle: self.handle, extra, state: PhantomData }
    }

    /// The stack the socket belongs to.
    pub fn net(&self) -> &'net Net<S> {
        self.handle.net
    }

    /// For those who see to it otherwise that one receives and one sends.
    #[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
    pub(crate) async fn until<R>(
        &self,
        interest: Ready,
        call: impl FnMut(&mut Core, SlotId) -> nb::Result<R, Error>,
    ) -> Result<R, Error> {
        self.handle.until(interest, call).await
    }

    /// Has `waker` called when the socket is ready for something of `interest`, or is over; at once
    /// if it is. For a thread that sleeps meanwhile, or an executor; somebody has to
    /// [run](Net::run) the stack, or poll it. It is called once, or a few times, and sometimes in
    /// vain: whoever is woken tries, and registers again before it sleeps.
    ///
    /// It holds one waker for who receives and one for who sends; the last one counts.
    ///
    /// ```
    /// # use sockstate::{Config, Error, Heap, Ready, Stack, device::{self, Plug, StdClock}};
    /// # let (device, _far_end) = Plug::pair();
    /// # let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    /// # let stack = Stack::shared(Heap::default(), device, StdClock::new(), config)?;
    /// # stack.add_address("192.168.69.1/24".parse().unwrap())?;
    /// let mut socket = stack.udp()?.bind(6000)?;
    /// let waker = device::thread_waker();
    /// socket.wake_on(Ready::RECEIVE, &waker)?;
    /// // ... and `std::thread::park()`, if the call that would block does
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    #[cfg(feature = "async")]
    pub fn wake_on(&mut self, interest: Ready, waker: &Waker) -> Result<(), Error> {
        self.handle.wake_on(interest, waker)
    }

    /// Ties the socket to a local port, or to a local address and port. Bound to an address it
    /// receives what is sent to that address, to multicast and to broadcast.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let socket = net.udp()?.bind(6000)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::PortZero`], [`Error::AddressFamily`],
    /// [`Error::AddressNotAvailable`] for an address that the interface does not have, and
    /// [`Error::AddressInUse`].
    pub fn bind(
        self,
        local: impl Into<LocalEndpoint>,
    ) -> Result<UdpSocket<'net, Bound, S>, Failed<Self>>
    where
        St: CanBind,
    {
        let (net, slot, local) = (self.handle.net, self.handle.slot, local.into());
        match net.with_core(|core| core.udp_bind(slot, local)).flatten() {
            Ok(()) => Ok(self.into_state()),
            Err(error) => Err(Failed::new(self, error)),
        }
    }

    /// Ties the socket to a local port that is free, if none is given.
    #[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
    pub(crate) fn bind_free(
        self,
        local: LocalEndpoint,
    ) -> Result<UdpSocket<'net, Bound, S>, Failed<Self>>
    where
        St: CanBind,
    {
        let (net, slot) = (self.handle.net, self.handle.slot);
        let port = match local.port {
            0 => net.with_core(|core| core.udp_free_port()).flatten(),
            port => Ok(port),
        };
        let bound = port.and_then(|port| {
            net.with_core(|core| core.udp_bind(slot, LocalEndpoint { port, ..local })).flatten()
        });
        match bound {
            Ok(()) => Ok(self.into_state()),
            Err(error) => Err(Failed::new(self, error)),
        }
    }

    /// Ties the socket to one peer: only its datagrams are delivered from now on. From `Closed`,
    /// an ephemeral port is taken. Nothing is sent.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let socket = net.udp()?.connect("192.168.69.2:123".parse().unwrap())?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::PortZero`], [`Error::Unaddressable`] for an unspecified address,
    /// [`Error::AddressFamily`], [`Error::NoAddress`], [`Error::NoRoute`],
    /// [`Error::AddressLost`], [`Error::OutOfPorts`], [`Error::LinkDown`].
    pub fn connect(self, remote: SocketAddr) -> Result<UdpSocket<'net, Connected, S>, Failed<Self>>
    where
        St: CanConnect,
    {
        let (net, slot) = (self.handle.net, self.handle.slot);
        match net.with_core(|core| core.udp_connect(slot, remote)).flatten() {
            Ok(()) => Ok(self.into_state()),
            Err(error) => Err(Failed::new(self, error)),
        }
    }

    /// Gives up the peer, and keeps the port.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let remote = "192.168.69.2:123".parse().unwrap();
    /// # let other = "192.168.69.3:123".parse().unwrap();
    /// let socket = net.udp()?.connect(remote)?.disconnect().connect(other)?;
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use = "dropping the result closes the socket"]
    pub fn disconnect(self) -> UdpSocket<'net, Bound, S>
    where
        St: CanDisconnect,
    {
        self.handle.net.end(self.handle.slot, Ending::DISCONNECT);
        self.into_state()
    }
}

/// Sending.
impl<St: State, S: Sharing> UdpSocket<'_, St, S> {
    /// Queues a datagram for a destination. The next poll sends it.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let mut socket = net.udp()?.bind(6000)?;
    /// socket.send_to(b"to one", "192.168.69.2:7".parse().unwrap()).unwrap();
    /// socket.send_to(b"to all", "192.168.69.255:7".parse().unwrap()).unwrap();
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room. [`Error::DatagramTooLarge`], with what would fit.
    /// [`Error::PortZero`], [`Error::Unaddressable`] for an unspecified address,
    /// [`Error::AddressFamily`], [`Error::NoAddress`], [`Error::NoRoute`],
    /// [`Error::AddressLost`], [`Error::LinkDown`], [`Error::Reentrant`]. [`Error::TimedOut`],
    /// once, if datagrams sent before were given up because their next hop did not answer.
    pub fn send_to(&mut self, data: &[u8], remote: SocketAddr) -> nb::Result<(), Error>
    where
        St: CanSendTo,
    {
        self.send_slice(data, remote)
    }

    /// Queues a datagram of at most `size` bytes for a destination: `fill` writes it, and says
    /// how many bytes it is.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UdpSocket::send_to). Then `fill` is not called. Within `fill`, every call on
    /// the stack gives [`Error::Reentrant`].
    pub fn send_to_with(
        &mut self,
        size: usize,
        remote: SocketAddr,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> nb::Result<usize, Error>
    where
        St: CanSendTo,
    {
        self.send_filled(size, remote, fill)
    }

    /// Queues a datagram for the peer. The next poll sends it.
    ///
    /// # Errors
    ///
    /// As [`send_to`](UdpSocket::send_to). Once for each time that the peer or a router answered
    /// an earlier datagram with an ICMP error: [`Error::Refused`] if nobody is there at the port,
    /// [`Error::Unreachable`] if it did not get there, [`Error::DatagramTooLarge`] if it was too
    /// large for the way (RFC 1122 section 4.1.3.3). The socket goes on; this datagram is not
    /// queued. Sockets without a peer are told nothing, as they could not know whom it is about.
    pub fn send(&mut self, data: &[u8]) -> nb::Result<(), Error>
    where
        St: CanSend,
    {
        self.handle.net.try_twice(|core| core.udp_send_to_peer(self.handle.slot, data))
    }

    /// Queues a datagram of at most `size` bytes for the peer: `fill` writes it, and says how
    /// many bytes it is.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let mut socket = net.udp()?.connect("192.168.69.2:123".parse().unwrap())?;
    /// let sent = socket.send_with(48, |buffer| {
    ///     buffer[0] = 0x23; // an NTP request
    ///     buffer.len()
    /// });
    /// assert_eq!(sent, Ok(48));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send_to_with`](UdpSocket::send_to_with).
    pub fn send_with(
        &mut self,
        size: usize,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> nb::Result<usize, Error>
    where
        St: CanSend,
    {
        self.send_filled(size, self.remote_endpoint()?, fill)
    }

    fn send_slice(&self, data: &[u8], remote: SocketAddr) -> nb::Result<(), Error> {
        self.handle.net.try_twice(|core| core.udp_send(self.handle.slot, remote, data))
    }

    fn send_filled(
        &self,
        size: usize,
        remote: SocketAddr,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> nb::Result<usize, Error> {
        let (net, slot, mut fill) = (self.handle.net, self.handle.slot, Some(fill));
        net.try_twice(|core| core.udp_send_with(slot, remote, size, &mut fill))
    }

    /// Asks whether all datagrams have been handed to the device.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if not; [`Error::TimedOut`] if they were given up because their next hop did
    /// not answer; [`Error::Reentrant`].
    pub fn flush(&mut self) -> nb::Result<(), Error>
    where
        St: IsOpen,
    {
        self.handle.net.try_twice(|core| core.flush(self.handle.slot))
    }
}

/// For embedded-nal, whose bound sockets send to where they sent last.
#[cfg(feature = "embedded-nal")]
impl<S: Sharing> UdpSocket<'_, Bound, S> {
    pub(crate) fn send_again(&mut self, data: &[u8]) -> nb::Result<(), Error> {
        let net = self.handle.net;
        let remote = net.with_core(|core| core.udp_remote(self.handle.slot)).flatten()?;
        self.send_slice(data, remote)
    }

    pub(crate) fn remember(&mut self, remote: SocketAddr) -> Result<(), Error> {
        self.handle.net.with_core(|core| core.udp_sent_to(self.handle.slot, remote))
    }
}

/// Receiving.
impl<St: State, S: Sharing> UdpSocket<'_, St, S> {
    /// Takes the next datagram, its size and where it came from.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut peer = lab.far.udp()?.bind(7)?;
    /// # peer.send_to(b"hello", "192.168.69.1:6000".parse().unwrap()).unwrap();
    /// let mut socket = net.udp()?.bind(6000)?;
    /// # lab.run_for(sockstate::Duration::from_millis(10));
    /// let mut buffer = [0; 16];
    /// let (size, from) = net.block(|| socket.receive_from(&mut buffer))?;
    /// assert_eq!(&buffer[..size], b"hello");
    /// assert_eq!(from, "192.168.69.2:7".parse().unwrap());
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none. [`Error::Truncated`], with the size of the datagram, if the
    /// buffer is too small: it is filled, and the rest of the datagram is gone;
    /// [`next_len`](UdpSocket::next_len) tells before. [`Error::AddressLost`] if the address it is
    /// bound to is gone, [`Error::LinkDown`], [`Error::TimedOut`] as with
    /// [`send_to`](UdpSocket::send_to), [`Error::Reentrant`].
    pub fn receive_from(&mut self, buffer: &mut [u8]) -> nb::Result<(usize, SocketAddr), Error>
    where
        St: CanReceiveFrom,
    {
        self.handle.net.try_twice(|core| core.udp_receive(self.handle.slot, buffer))
    }

    /// Lets `take` read the next datagram in place, with where it came from.
    ///
    /// # Errors
    ///
    /// As [`receive_from`](UdpSocket::receive_from) but for `Truncated`. Then `take` is not
    /// called. Within `take`, every call on the stack gives [`Error::Reentrant`].
    pub fn recv_from_with<R>(
        &mut self,
        take: impl FnOnce(&[u8], SocketAddr) -> R,
    ) -> nb::Result<R, Error>
    where
        St: CanReceiveFrom,
    {
        let mut take = Some(take);
        self.handle.net.try_twice(|core| core.udp_recv_with(self.handle.slot, &mut take))
    }

    /// Takes the next datagram of the peer, and its size.
    ///
    /// # Errors
    ///
    /// As [`receive_from`](UdpSocket::receive_from), and the ICMP errors of
    /// [`send`](UdpSocket::send), after what was received before.
    pub fn receive(&mut self, buffer: &mut [u8]) -> nb::Result<usize, Error>
    where
        St: CanReceive,
    {
        self.receive_and_from(buffer).map(|(size, _)| size)
    }

    pub(crate) fn receive_and_from(
        &mut self,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Error> {
        self.handle.net.try_twice(|core| core.udp_receive(self.handle.slot, buffer))
    }

    /// Lets `take` read the next datagram of the peer in place.
    ///
    /// # Errors
    ///
    /// As [`recv_from_with`](UdpSocket::recv_from_with).
    pub fn recv_with<R>(&mut self, take: impl FnOnce(&[u8]) -> R) -> nb::Result<R, Error>
    where
        St: CanReceive,
    {
        let mut take = Some(|data: &[u8], _: SocketAddr| take(data));
        self.handle.net.try_twice(|core| core.udp_recv_with(self.handle.slot, &mut take))
    }

    /// The size of the next datagram in bytes, if one waits.
    ///
    /// # Errors
    ///
    /// As [`receive_from`](UdpSocket::receive_from) but for `WouldBlock` and `Truncated`.
    pub fn next_len(&self) -> Result<Option<usize>, Error>
    where
        St: IsOpen,
    {
        self.handle.net.with_core(|core| core.udp_waiting(self.handle.slot)).flatten()
    }
}

/// Questions and options.
impl<St: State, S: Sharing> UdpSocket<'_, St, S> {
    /// The local address and port: without an address, if bound to all of them.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn local_endpoint(&self) -> Result<LocalEndpoint, Error>
    where
        St: IsOpen,
    {
        self.handle.net.with_core(|core| core.udp_local(self.handle.slot))
    }

    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn remote_endpoint(&self) -> Result<SocketAddr, Error>
    where
        St: CanSend,
    {
        self.handle.net.with_core(|core| core.udp_remote(self.handle.slot)).flatten()
    }

    /// The hop limit (IPv6) or time to live (IPv4) of the datagrams sent; `None`, as at first, for
    /// 64.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn set_hop_limit(&mut self, limit: Option<NonZeroU8>) -> Result<(), Error>
    where
        St: IsOpen,
    {
        self.handle.net.with_core(|core| core.udp_set_hop_limit(self.handle.slot, limit))
    }
}

impl<St: State, S: Sharing> fmt::Debug for UdpSocket<'_, St, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = crate::state::name::<St>();
        write!(f, "UdpSocket<{state}>(#{})", self.handle.slot)
    }
}
