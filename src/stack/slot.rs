//! One slot: a smoltcp socket in a set of its own, and what the stack knows about it.

use smoltcp::iface::{Interface, SocketSet};
use smoltcp::socket::Socket;
#[cfg(feature = "tcp")]
use smoltcp::socket::tcp;
#[cfg(feature = "udp")]
use smoltcp::socket::udp;
use smoltcp::time::Instant;

use super::limits::Limit;
#[cfg(any(feature = "watch", feature = "async"))]
use super::ready::Waited;
use super::table::Links;
use crate::Error;

/// The number of a slot. TCP slots come first, then those of UDP, ICMP and raw sockets.
pub(crate) type SlotId = u16;

/// No slot.
pub(crate) const NONE: SlotId = SlotId::MAX;

/// No deadline.
pub(crate) const NEVER: Instant = Instant::from_micros_const(i64::MAX);

/// Who the slot belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Nobody.
    Free,
    /// A typed socket, or the two halves of one.
    Held,
    /// A typed socket that is bound and no more. A TCP socket remembers its address as if it
    /// listened, and the router passes it over.
    #[cfg(feature = "tcp")]
    Bound,
    /// The backlog of a listener: one of a group of slots, chained by `group`.
    #[cfg(feature = "tcp")]
    Backlog,
    /// Nobody any more, but what it accepted from the application is still being delivered.
    Closing,
}

/// Memory for one socket and for the links of the tables that find it.
#[derive(Debug)]
pub(crate) struct Slot {
    /// The single-slot set; `None` only until the stack is built.
    pub(crate) set: Option<SocketSet<'static>>,
    pub(crate) links: Links,
    /// When this slot ends what it is doing, or `NEVER`.
    pub(crate) deadline: Instant,
    /// How long a peer may owe an answer.
    pub(crate) patience: Limit,
    /// The next slot of a listener's backlog.
    pub(crate) group: SlotId,
    pub(crate) role: Role,
    /// Why the connection ended.
    pub(crate) end: Option<Error>,
    pub(crate) flags: Flags,
    #[cfg(any(feature = "watch", feature = "async"))]
    pub(crate) waited: Waited,
    /// The sequence number of the connection request that was sent: who reports that it could not
    /// be delivered must know it. In a backlog, the number of the connection that is complete.
    #[cfg(feature = "tcp")]
    pub(crate) number: u32,
}

/// Small facts about a slot.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Flags(u8);

impl Flags {
    /// The reading half is gone, the writing half is still held.
    pub(crate) const NO_READER: Flags = Flags(1);
    /// The writing half is gone, the reading half is still held.
    pub(crate) const NO_WRITER: Flags = Flags(2);
    /// The application has closed: what still arrives is not wanted.
    pub(crate) const DISCARD: Flags = Flags(4);
    /// The peer has closed its window, as of its last word.
    pub(crate) const FULL: Flags = Flags(8);
    /// Something arrived that the application did not want any more.
    pub(crate) const UNWANTED: Flags = Flags(32);
    /// The one word that is owed has not been sent yet: the connection request, or the
    /// acknowledgement of the peer's FIN.
    pub(crate) const UNSENT: Flags = Flags(16);
    /// The host that the socket is to connect to is known: it is to be asked for the connection.
    #[cfg(feature = "dns")]
    pub(crate) const FOUND: Flags = Flags(128);
    /// A complete connection that could not be accepted: its slot is the listener's last.
    #[cfg(any(feature = "watch", feature = "async"))]
    pub(crate) const STARVED: Flags = Flags(64);

    pub(crate) const fn has(self, flag: Flags) -> bool {
        self.0 & flag.0 != 0
    }

    pub(crate) fn set(&mut self, flag: Flags, on: bool) {
        if on {
            self.0 |= flag.0;
        } else {
            self.0 &= !flag.0;
        }
    }
}

impl Slot {
    pub(crate) const EMPTY: Self = Slot {
        set: None,
        links: Links::NONE,
        deadline: NEVER,
        patience: Limit::NONE,
        group: NONE,
        role: Role::Free,
        end: None,
        flags: Flags(0),
        #[cfg(any(feature = "watch", feature = "async"))]
        waited: Waited::BY_NOBODY,
        #[cfg(feature = "tcp")]
        number: 0,
    };

    /// Forgets the neighbour that did not answer the last owner of the slot. smoltcp notes that
    /// beside the socket, and would hold back the first packet to another one. A socket that has
    /// nothing to send waits for a time only if that was noted.
    pub(crate) fn forget_neighbor(&mut self, iface: &mut Interface, now: Instant) {
        let Some(set) = &mut self.set else { return };
        if iface.poll_at(now, set).is_none() {
            return;
        }
        let Some((handle, _)) = set.iter().next() else { return };
        match set.remove(handle) {
            #[cfg(feature = "tcp")]
            Socket::Tcp(socket) => set.add(socket),
            #[cfg(feature = "udp")]
            Socket::Udp(socket) => set.add(socket),
            #[cfg(feature = "icmp")]
            Socket::Icmp(socket) => set.add(socket),
            #[cfg(feature = "raw")]
            Socket::Raw(socket) => set.add(socket),
            #[allow(unreachable_patterns)]
            _ => return,
        };
    }

    #[cfg(feature = "tcp")]
    #[cfg_attr(not(feature = "indexed"), inline(never))]
    pub(crate) fn tcp(&self) -> Option<&tcp::Socket<'static>> {
        match self.set.as_ref()?.iter().next()? {
            (_, Socket::Tcp(socket)) => Some(socket),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    #[cfg(feature = "tcp")]
    #[cfg_attr(not(feature = "indexed"), inline(never))]
    pub(crate) fn tcp_mut(&mut self) -> Option<&mut tcp::Socket<'static>> {
        match self.set.as_mut()?.iter_mut().next()? {
            (_, Socket::Tcp(socket)) => Some(socket),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    #[cfg(feature = "udp")]
    #[cfg_attr(not(feature = "indexed"), inline(never))]
    pub(crate) fn udp(&self) -> Option<&udp::Socket<'static>> {
        match self.set.as_ref()?.iter().next()? {
            (_, Socket::Udp(socket)) => Some(socket),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    #[cfg(feature = "icmp")]
    pub(crate) fn icmp_mut(&mut self) -> Option<&mut smoltcp::socket::icmp::Socket<'static>> {
        match self.set.as_mut()?.iter_mut().next()? {
            (_, Socket::Icmp(socket)) => Some(socket),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    #[cfg(feature = "udp")]
    #[cfg_attr(not(feature = "indexed"), inline(never))]
    pub(crate) fn udp_mut(&mut self) -> Option<&mut udp::Socket<'static>> {
        match self.set.as_mut()?.iter_mut().next()? {
            (_, Socket::Udp(socket)) => Some(socket),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }
}
