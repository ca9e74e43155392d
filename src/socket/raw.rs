//! Raw sockets: whole IP packets.

use core::fmt;
use core::marker::PhantomData;
#[cfg(feature = "async")]
use core::task::Waker;

use smoltcp::wire;

use super::Handle;
#[cfg(feature = "async")]
use super::outlast;
#[cfg(feature = "async")]
use crate::Ready;
use crate::socket::any::any_socket;
use crate::stack::{Local, Net, Sharing};
use crate::state::raw::{CanBind, CanReceivePacket, CanSendPacket, IsOpen};
use crate::state::{Bound, Closed, State};
use crate::{Error, Failed, Protocol};

/// A raw socket whose state is in its type: for protocols that the stack does not speak, it
/// exchanges whole IP packets, each with its header (RFC 791 section 3.1, RFC 8200 section 3).
///
/// `Bound`, it has packets of one IP version and one protocol: copies of those that arrive, as
/// they arrive. TCP, UDP and ICMP sockets still get theirs, and the stack answers ICMP, ICMPv6 and
/// IGMP as ever. But to other packets of this kind that nobody else is there for, it no longer says
/// that they are unreachable, nor resets anything: they are the socket's now.
///
/// # What arrives
///
/// Packets to an address of this host, to multicast and to broadcast, with right lengths and, in
/// IPv4, a right checksum of the header. What is in them is for the application to check. A
/// fragment of an IPv4 packet arrives as the fragment that it is. In IPv6, what counts as the
/// protocol is what follows a hop-by-hop header, if there is one (RFC 8200 section 4.3); a
/// fragment is of protocol 44.
///
/// # What is sent
///
/// A whole packet with its header, from an address of this host. smoltcp writes the header anew:
/// with a right checksum, not to be fragmented, and with the identification, the type of service,
/// the traffic class and the flow label zero. Options it would not take over: packets with options
/// are refused.
///
/// # Types
///
/// Nobody has to write the parameters; see [`TcpSocket`](crate::TcpSocket#types).
///
/// # Drop
///
/// Packets that were accepted are still sent, by later polls of the stack, and only then is the
/// slot free again. What the socket was bound to is free at once.
///
/// # Example
///
/// ```
/// # use sockstate::{Error, testing::Lab};
/// # let lab = Lab::new(1);
/// # let (net, far) = (lab.near.net(), lab.far.net());
/// use sockstate::IpVersion;
///
/// const EXPERIMENT: u8 = 253; // for experiments, RFC 3692
/// let mut socket = net.raw()?.bind(IpVersion::V4, EXPERIMENT)?;
/// # let mut peer = far.raw()?.bind(IpVersion::V4, EXPERIMENT)?;
/// let packet = [
///     0x45, 0, 0, 24, 0, 0, 0, 0, 64, EXPERIMENT, 0, 0, // the checksum is filled in
///     192, 168, 69, 1, 192, 168, 69, 2, // from, to
///     b'd', b'a', b't', b'a',
/// ];
/// socket.send(&packet).unwrap();
/// # let mut buffer = [0; 64];
/// # assert_eq!(lab.block(|| peer.receive(&mut buffer)), Ok(24));
/// # assert_eq!(&buffer[20..24], b"data");
/// # Ok::<(), Error>(())
/// ```
pub struct RawSocket<'net, St: State, S: Sharing = Local> {
    handle: Handle<'net, S>,
    state: PhantomData<fn() -> St>,
}

/// A version of the Internet Protocol.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum IpVersion {
    /// IPv4, RFC 791.
    V4,
    /// IPv6, RFC 8200.
    V6,
}

impl IpVersion {
    fn to_wire(self) -> Result<wire::IpVersion, Error> {
        match self {
            #[cfg(feature = "proto-ipv4")]
            IpVersion::V4 => Ok(wire::IpVersion::Ipv4),
            #[cfg(feature = "proto-ipv6")]
            IpVersion::V6 => Ok(wire::IpVersion::Ipv6),
            #[allow(unreachable_patterns)]
            _ => Err(Error::AddressFamily),
        }
    }
}

impl<S: Sharing> Net<S> {
    /// Opens a raw socket: takes one of the stack's raw slots.
    ///
    /// # Errors
    ///
    /// [`Error::OutOfSlots`] if all are taken, or if the stack got no memory for any: see
    /// [`RawStorage`](crate::RawStorage). [`Error::Reentrant`].
    pub fn raw(&self) -> Result<RawSocket<'_, Closed, S>, Error> {
        let slot = self.with_clock(|core| core.open(Protocol::Raw))??;
        Ok(RawSocket { handle: Handle::new(self, slot), state: PhantomData })
    }
}

#[cfg(feature = "watch")]
impl<'net, St: State, S: Sharing> crate::Watchable<'net, S> for RawSocket<'net, St, S> {
    fn handle(&self) -> Option<&Handle<'net, S>> {
        Some(&self.handle)
    }
}

/// Transitions.
impl<'net, St: State, S: Sharing> RawSocket<'net, St, S> {
    /// The stack the socket belongs to.
    pub fn net(&self) -> &'net Net<S> {
        self.handle.net
    }

    /// Has `waker` called when the socket is ready for something of `interest`, or is over; at once
    /// if it is. For a thread that sleeps meanwhile, or an executor; somebody has to
    /// [run](Net::run) the stack, or poll it. It is called once, or a few times, and sometimes in
    /// vain: whoever is woken tries, and registers again before it sleeps.
    ///
    /// It holds one waker for who receives and one for who sends; the last one counts.
    ///
    /// ```
    /// # use sockstate::{Config, Error, Heap, IpVersion, Ready, Stack, device::{self, Plug, StdClock}};
    /// # let (device, _far_end) = Plug::pair();
    /// # let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    /// # let stack = Stack::shared(Heap::default(), device, StdClock::new(), config)?;
    /// # stack.add_address("192.168.69.1/24".parse().unwrap())?;
    /// let mut socket = stack.raw()?.bind(IpVersion::V4, 253)?;
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

    /// Ties the socket to the packets of an IP version and a protocol, by its number.
    ///
    /// ```
    /// # use sockstate::{Error, IpVersion, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let socket = net.raw()?.bind(IpVersion::V6, 89)?; // OSPF
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::AddressInUse`] if another socket has them,
    /// [`Error::AddressFamily`] for a version that is not compiled in, [`Error::Reentrant`].
    pub fn bind(
        self,
        version: IpVersion,
        protocol: u8,
    ) -> Result<RawSocket<'net, Bound, S>, Failed<Self>>
    where
        St: CanBind,
    {
        let (net, slot) = (self.handle.net, self.handle.slot);
        let bound = version
            .to_wire()
            .and_then(|version| net.with_core(|core| core.raw_bind(slot, (version, protocol)))?);
        match bound {
            Ok(()) => Ok(RawSocket { handle: self.handle, state: PhantomData }),
            Err(error) => Err(Failed::new(self, error)),
        }
    }
}

/// Sending.
impl<St: State, S: Sharing> RawSocket<'_, St, S> {
    /// Queues a packet, with its header. The next poll sends it to where its header says.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is no room. [`Error::DatagramTooLarge`], with what would fit.
    /// [`Error::InvalidPacket`] for one of another version or protocol, with lengths that
    /// contradict each other or the size of the packet, with a hop limit of 0, with IPv4 options,
    /// or for a fragment. [`Error::Unaddressable`] for an unspecified destination,
    /// [`Error::AddressNotAvailable`] for a source that is not an address of this host,
    /// [`Error::NoRoute`], [`Error::LinkDown`], [`Error::Reentrant`]. [`Error::TimedOut`], once,
    /// if packets sent before were given up because their next hop did not answer
    /// ([`Deadlines::unreachable`](crate::Deadlines::unreachable)).
    pub fn send(&mut self, packet: &[u8]) -> nb::Result<(), Error>
    where
        St: CanSendPacket,
    {
        self.handle.net.try_twice(|core| core.raw_send(self.handle.slot, packet))
    }

    /// Queues a packet of at most `size` bytes: `fill` writes it, with its header, and says how
    /// many bytes it is.
    ///
    /// ```
    /// # use sockstate::{Error, IpVersion, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let mut socket = net.raw()?.bind(IpVersion::V4, 253)?;
    /// let sent = socket.send_with(1500, |packet| {
    ///     let header = [0x45, 0, 0, 20, 0, 0, 0, 0, 64, 253, 0, 0, 192, 168, 69, 1, 192, 168, 69, 2];
    ///     packet[..20].copy_from_slice(&header);
    ///     20
    /// });
    /// assert_eq!(sent, Ok(20));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](RawSocket::send). What is wrong with the packet is seen after `fill` was called;
    /// a packet that is refused then takes a place in the queue until the next poll. Within
    /// `fill`, every call on the stack gives [`Error::Reentrant`].
    pub fn send_with(
        &mut self,
        size: usize,
        fill: impl FnOnce(&mut [u8]) -> usize,
    ) -> nb::Result<usize, Error>
    where
        St: CanSendPacket,
    {
        let (slot, mut fill) = (self.handle.slot, Some(fill));
        self.handle.net.try_twice(|core| core.raw_send_with(slot, size, &mut fill))
    }

    /// Asks whether all packets have been handed to the device.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if not; [`Error::TimedOut`] if they were given up because their next hop did
    /// not answer; [`Error::LinkDown`] if they cannot be; [`Error::Reentrant`].
    pub fn flush(&mut self) -> nb::Result<(), Error>
    where
        St: IsOpen,
    {
        self.handle.net.try_twice(|core| core.flush(self.handle.slot))
    }
}

/// Receiving.
impl<St: State, S: Sharing> RawSocket<'_, St, S> {
    /// Takes the next packet, with its header, and its size.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if there is none. [`Error::Truncated`], with the size of the packet, if the
    /// buffer is too small: it is filled, and the rest of the packet is gone;
    /// [`next_len`](RawSocket::next_len) tells before. [`Error::LinkDown`], [`Error::TimedOut`] as
    /// with [`send`](RawSocket::send), [`Error::Reentrant`].
    pub fn receive(&mut self, buffer: &mut [u8]) -> nb::Result<usize, Error>
    where
        St: CanReceivePacket,
    {
        self.handle.net.try_twice(|core| core.raw_receive(self.handle.slot, buffer))
    }

    /// Lets `take` read the next packet in place, with its header.
    ///
    /// # Errors
    ///
    /// As [`receive`](RawSocket::receive) but for `Truncated`. Then `take` is not called. Within
    /// `take`, every call on the stack gives [`Error::Reentrant`].
    pub fn recv_with<R>(&mut self, take: impl FnOnce(&[u8]) -> R) -> nb::Result<R, Error>
    where
        St: CanReceivePacket,
    {
        let mut take = Some(take);
        self.handle.net.try_twice(|core| core.raw_recv_with(self.handle.slot, &mut take))
    }

    /// The size of the next packet in bytes, if one waits.
    ///
    /// # Errors
    ///
    /// As [`receive`](RawSocket::receive) but for `WouldBlock` and `Truncated`.
    pub fn next_len(&self) -> Result<Option<usize>, Error>
    where
        St: IsOpen,
    {
        self.handle.net.with_core(|core| core.raw_waiting(self.handle.slot)).flatten()
    }
}

/// In tasks: the calls that would block, as futures. Somebody has to run the stack meanwhile:
/// [`Net::run_async`], say. Each may be dropped before it is done, and has then done nothing.
#[cfg(feature = "async")]
impl<St: State, S: Sharing> RawSocket<'_, St, S> {
    /// Queues a packet: [`send`](RawSocket::send) in a task. Waits until there is room for it.
    ///
    /// # Errors
    ///
    /// Those of [`send`](RawSocket::send) but for `WouldBlock`.
    pub async fn send_async(&mut self, packet: &[u8]) -> Result<(), Error>
    where
        St: CanSendPacket,
    {
        self.handle.until(Ready::SEND, |core, slot| core.raw_send(slot, packet)).await
    }

    /// Waits until all packets have been handed to the device: [`flush`](RawSocket::flush) in a
    /// task.
    ///
    /// # Errors
    ///
    /// Those of [`flush`](RawSocket::flush) but for `WouldBlock`.
    pub async fn flush_async(&mut self) -> Result<(), Error>
    where
        St: IsOpen,
    {
        self.handle.until(Ready::FLUSHED, |core, slot| core.flush(slot)).await
    }

    /// Takes the next packet, with its header, and its size: [`receive`](RawSocket::receive) in a
    /// task. Waits until there is one.
    ///
    /// ```
    /// use sockstate::{Error, IpVersion, Net};
    ///
    /// async fn next_ospf_packet(net: &Net, buffer: &mut [u8]) -> Result<usize, Error> {
    ///     net.raw()?.bind(IpVersion::V4, 89)?.receive_async(buffer).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`receive`](RawSocket::receive) but for `WouldBlock` and [`Error::LinkDown`]: it
    /// waits until the link is up again.
    pub async fn receive_async(&mut self, buffer: &mut [u8]) -> Result<usize, Error>
    where
        St: CanReceivePacket,
    {
        self.handle
            .until(Ready::RECEIVE, |core, slot| outlast(core.raw_receive(slot, buffer)))
            .await
    }

    /// Waits until the socket is ready for something of `interest`, and says for what. For calls
    /// that have no future of their own: they may still block then, but seldom.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub async fn ready(&mut self, interest: Ready) -> Result<Ready, Error>
    where
        St: IsOpen,
    {
        self.handle.ready(interest).await
    }
}

impl<St: State, S: Sharing> fmt::Debug for RawSocket<'_, St, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = core::any::type_name::<St>().rsplit("::").next().unwrap_or_default();
        write!(f, "RawSocket<{state}>(#{})", self.handle.slot)
    }
}

any_socket! {
    /// A raw socket in any state: for fields of structs. As
    /// [`AnyTcpSocket`](crate::AnyTcpSocket).
    AnyRawSocket over RawSocket {
        /// Open, and no more.
        Closed,
        /// Bound to an IP version and a protocol.
        Bound,
    }
}
