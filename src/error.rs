//! Why a call failed, and the failed transition that gives the socket back.

use core::fmt;

/// What a socket speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub enum Protocol {
    /// Transmission Control Protocol, RFC 9293.
    Tcp,
    /// User Datagram Protocol, RFC 768.
    Udp,
    /// Internet Control Message Protocol, RFC 792 and RFC 4443: the feature `icmp`.
    Icmp,
    /// Whole IP packets: the feature `raw`.
    Raw,
}

impl fmt::Display for Protocol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Protocol::Tcp => "TCP",
            Protocol::Udp => "UDP",
            Protocol::Icmp => "ICMP",
            Protocol::Raw => "raw",
        })
    }
}

/// Why a call failed.
///
/// The first group says why a connection ended; it stays with the socket, so that every later
/// call gives the same answer. The second group says what was wrong with the call itself. The
/// third says what ran out.
///
/// # Example
///
/// ```
/// use sockstate::Error;
///
/// fn worth_trying_again(error: Error) -> bool {
///     error.ends_connection() && error != Error::LinkDown
/// }
///
/// assert!(worth_trying_again(Error::Refused));
/// assert!(!worth_trying_again(Error::PortZero));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
#[non_exhaustive]
pub enum Error {
    /// The peer answered the connection request with a RST (RFC 9293 section 3.10.7.3), or with an
    /// ICMP error that says so: nobody listens on that port. For a connected UDP socket: its peer
    /// answered a datagram with such an error (RFC 1122 section 4.1.3.3).
    Refused,
    /// A router or the peer said that the packet cannot be delivered (ICMP: RFC 792, RFC 4443). It
    /// ends a connection attempt; a connected UDP socket is told once, and goes on.
    Unreachable,
    /// The peer reset an established connection (RFC 9293 section 3.5.3).
    Reset,
    /// The peer did not answer before a deadline: of the connection request, of data or a FIN
    /// waiting for its acknowledgement, or of keep-alive probes. For UDP, ICMP and raw sockets:
    /// the next hop did not answer address resolution, and what waited for it was given up. For
    /// a look-up: nobody who was asked answered.
    TimedOut,
    /// The peer closed its sending direction, and everything that it sent has been received:
    /// the end of the stream. Sending may still be possible.
    PeerClosed,
    /// The local address of the socket was taken off the interface: by hand, or because its lease
    /// ended.
    AddressLost,
    /// The link is down; see [`Net::link_down`](crate::Net::link_down).
    LinkDown,

    /// The socket is not in a state that allows the call. Only sockets whose state is not in
    /// their type ([`AnyTcpSocket`](crate::AnyTcpSocket), [`AnyUdpSocket`](crate::AnyUdpSocket))
    /// and the trait implementations over them can give this; and a `Dhcp` after DHCP was stopped.
    WrongState,
    /// Port 0 was given where a port is needed.
    PortZero,
    /// The remote address cannot be a peer: unspecified, or for TCP multicast or broadcast. Or an
    /// address given to the stack is none of its kind: unicast, or multicast.
    Unaddressable,
    /// The address is of an IP version that is not compiled in, or of another one than the
    /// local address the socket is bound to.
    AddressFamily,
    /// The interface has no address of the IP version needed.
    NoAddress,
    /// The local address to bind to is not one of the interface.
    AddressNotAvailable,
    /// No route leads to the remote address.
    NoRoute,
    /// Another socket is bound to the same address and port (or identifier, or protocol), or has
    /// the same connection. Or DHCP runs already, or has the port.
    AddressInUse,
    /// The hardware address is not a unicast one, or does not fit the medium of the device.
    HardwareAddress,
    /// The datagram is too large to be sent; with the largest size in bytes that could be. For a
    /// connected UDP socket also: one that was sent, too large for the way to its peer.
    DatagramTooLarge(u16),
    /// The datagram received was larger than the buffer: the buffer was filled, the rest of the
    /// datagram is gone; with the full size of the datagram in bytes. For the look-up of a name
    /// by embedded-nal: the name was, with its length.
    Truncated(u16),
    /// What was to be sent by a raw socket is not a packet that it can send: of another IP version
    /// or protocol than the socket is bound to, with lengths that contradict each other or the
    /// size of the packet, with a hop limit of 0, with IPv4 options, or a fragment.
    InvalidPacket,
    /// The text cannot be the name of a host: a label that is empty or longer than 63 bytes, more
    /// than 253 bytes in all (RFC 1035 section 2.3.4), or anything but the letters and digits of
    /// ASCII, `-` and `_` in a label.
    InvalidName,
    /// A name is to be looked up, and no name server is set.
    NoNameServer,
    /// There is no such name, or nothing of the kind that was asked for is known of it.
    NameNotFound,
    /// The name servers answered that they could not, or would not, answer, or cannot be reached.
    NameServerFailed,
    /// The socket is of another stack than the [`Watch`](crate::Watch) that it was to be put into.
    #[cfg(feature = "watch")]
    OtherStack,
    /// The other half of the connection is in another [`Watch`](crate::Watch), or under another
    /// key.
    #[cfg(feature = "watch")]
    AlreadyWatched,
    /// Somebody else is reading from this [`Duplex`](crate::Duplex), or writing to it, already.
    #[cfg(all(feature = "tcp", feature = "embedded-io"))]
    Busy,
    /// The stack was called from within a closure that the stack itself was running.
    Reentrant,

    /// All slots for sockets of this protocol are taken.
    OutOfSlots(Protocol),
    /// No ephemeral port is free.
    OutOfPorts,
    /// The table of interface addresses is full (`SMOLTCP_IFACE_MAX_ADDR_COUNT`).
    OutOfAddresses,
    /// The routing table is full (`SMOLTCP_IFACE_MAX_ROUTE_COUNT`).
    OutOfRoutes,
    /// The table of multicast groups is full (`SMOLTCP_IFACE_MAX_MULTICAST_GROUP_COUNT`).
    OutOfGroups,
    /// More name servers than the stack keeps: three.
    OutOfNameServers,
    /// More sets of watched sockets than a stack has: four.
    #[cfg(feature = "watch")]
    OutOfWatches,
}

impl Error {
    /// Whether this is the end of a connection, as opposed to a call that could not be made.
    pub const fn ends_connection(self) -> bool {
        matches!(
            self,
            Error::Refused
                | Error::Unreachable
                | Error::Reset
                | Error::TimedOut
                | Error::PeerClosed
                | Error::AddressLost
                | Error::LinkDown
        )
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = match self {
            Error::Refused => "connection refused",
            Error::Unreachable => "the destination is unreachable",
            Error::Reset => "connection reset by the peer",
            Error::TimedOut => "timed out",
            Error::PeerClosed => "closed by the peer",
            Error::AddressLost => "the local address is no longer assigned",
            Error::LinkDown => "the link is down",
            Error::WrongState => "the socket is not in a state that allows this",
            Error::PortZero => "port 0 is not a port",
            Error::Unaddressable => "not an address of the kind that is needed here",
            Error::AddressFamily => "wrong IP version",
            Error::NoAddress => "no local address of this IP version",
            Error::AddressNotAvailable => "not an address of this interface",
            Error::NoRoute => "no route to the remote address",
            Error::AddressInUse => "address already in use",
            Error::HardwareAddress => "hardware address not unicast or not fit for the device",
            Error::DatagramTooLarge(limit) => {
                return write!(f, "datagram too large, at most {limit} bytes fit");
            }
            Error::Truncated(size) => {
                return write!(f, "buffer too small for a datagram of {size} bytes");
            }
            Error::InvalidPacket => "not a packet that this socket can send",
            Error::InvalidName => "not the name of a host",
            Error::NoNameServer => "no name server is set",
            Error::NameNotFound => "no such name",
            Error::NameServerFailed => "the name servers could not answer",
            #[cfg(feature = "watch")]
            Error::OtherStack => "the socket is of another stack",
            #[cfg(feature = "watch")]
            Error::AlreadyWatched => "the other half of the connection is watched elsewhere",
            #[cfg(all(feature = "tcp", feature = "embedded-io"))]
            Error::Busy => "somebody else is reading or writing already",
            Error::Reentrant => "called from within a closure of the stack",
            Error::OutOfSlots(protocol) => {
                write!(f, "no {protocol} slot is free")?;
                return match protocol {
                    Protocol::Tcp | Protocol::Udp => Ok(()),
                    Protocol::Icmp => f.write_str(" (their memory is an `IcmpStorage`)"),
                    Protocol::Raw => f.write_str(" (their memory is a `RawStorage`)"),
                };
            }
            Error::OutOfPorts => "no ephemeral port is free",
            Error::OutOfAddresses => "no room for another address (SMOLTCP_IFACE_MAX_ADDR_COUNT)",
            Error::OutOfRoutes => "no room for another route",
            Error::OutOfGroups => "no room for another multicast group",
            Error::OutOfNameServers => "no room for another name server",
            #[cfg(feature = "watch")]
            Error::OutOfWatches => "no set of watched sockets is free",
        };
        f.write_str(text)
    }
}

impl core::error::Error for Error {}

impl From<void::Void> for Error {
    fn from(void: void::Void) -> Self {
        void::unreachable(void)
    }
}

/// A transition that failed, with the socket as it was.
///
/// Under `?` it becomes the plain [`Error`] (or a boxed one), and the socket is dropped. To go on
/// with the socket, take it apart:
///
/// ```
/// # use sockstate::{Error, testing::Lab};
/// # let lab = Lab::new(1);
/// # let net = lab.near.net();
/// let socket = net.tcp()?;
/// let (socket, error) = match socket.bind(0) {
///     Ok(_) => unreachable!("port 0 cannot be bound"),
///     Err(failed) => failed.into_parts(),
/// };
/// assert_eq!(error, Error::PortZero);
/// let bound = socket.bind(6000)?;
/// # Ok::<(), Error>(())
/// ```
#[must_use = "the socket is in here; `into_parts` gives it back"]
pub struct Failed<T> {
    socket: T,
    error: Error,
}

impl<T> Failed<T> {
    pub(crate) const fn new(socket: T, error: Error) -> Self {
        Failed { socket, error }
    }

    /// The reason.
    pub const fn error(&self) -> Error {
        self.error
    }

    /// The socket, and the reason.
    pub fn into_parts(self) -> (T, Error) {
        (self.socket, self.error)
    }

    /// The socket alone.
    pub fn into_socket(self) -> T {
        self.socket
    }
}

impl<T> fmt::Debug for Failed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Failed").field(&self.error).finish()
    }
}

impl<T> fmt::Display for Failed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl<T> From<Failed<T>> for Error {
    fn from(failed: Failed<T>) -> Self {
        failed.error
    }
}

impl<T> From<Failed<T>> for nb::Error<Error> {
    fn from(failed: Failed<T>) -> Self {
        nb::Error::Other(failed.error)
    }
}

/// Without the socket, which does not live as long as a boxed error may.
#[cfg(feature = "alloc")]
impl<T> From<Failed<T>> for alloc::boxed::Box<dyn core::error::Error> {
    fn from(failed: Failed<T>) -> Self {
        alloc::boxed::Box::new(failed.error)
    }
}

/// Without the socket, which does not live as long as a boxed error may.
#[cfg(feature = "alloc")]
impl<T> From<Failed<T>> for alloc::boxed::Box<dyn core::error::Error + Send + Sync> {
    fn from(failed: Failed<T>) -> Self {
        alloc::boxed::Box::new(failed.error)
    }
}

/// A transition taken by value that has not come to its end.
///
/// Given by the `finish` methods of sockets in `Resolving`, `Connecting` and `Closing`, the
/// [states](crate::state) that lead to another one by themselves.
#[derive(Debug)]
pub enum Unfinished<P, T> {
    /// Not yet: the socket, to be asked again later.
    Pending(P),
    /// It failed, and will not succeed any more.
    Failed(Failed<T>),
}
