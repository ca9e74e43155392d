//! Raw slots: whole IP packets of one version and protocol.

use smoltcp::iface::Interface;
use smoltcp::socket::Socket;
use smoltcp::storage::PacketBuffer;
use smoltcp::time::Instant;
use smoltcp::wire::IpVersion;

use super::addresses::routable;
use super::core::Core;
use super::packet::{Header, clear, copy};
use super::router::Route;
use super::slot::SlotId;
use super::table::Key;
use crate::{Error, Protocol};

const ICMP: u8 = 1;
const IGMP: u8 = 2;
#[cfg(feature = "proto-ipv4-fragmentation")]
const TCP: u8 = 6;
#[cfg(feature = "proto-ipv4-fragmentation")]
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// The shortest packet: an IPv4 header.
const SHORTEST: usize = 20;

type Nb<R> = nb::Result<R, Error>;

/// The packets that a socket is bound to.
type Kind = (IpVersion, u8);

/// What a raw slot is bound to, and what it has received.
#[derive(Debug)]
pub(crate) struct Tap {
    bound: Option<Kind>,
    queue: PacketBuffer<'static, ()>,
}

impl Tap {
    pub(crate) fn new(queue: PacketBuffer<'static, ()>) -> Self {
        Tap { bound: None, queue }
    }
}

/// Transitions of the application.
impl Core {
    fn tap_of(&mut self, id: SlotId) -> Result<&mut Tap, Error> {
        let index = self.table.raw_index(id);
        self.taps.get_mut(index).ok_or(Error::WrongState)
    }

    fn raw_kind(&self, id: SlotId) -> Option<Kind> {
        self.taps.get(self.table.raw_index(id))?.bound
    }

    fn raw_key(&self, (version, protocol): Kind) -> Key {
        let version: u16 = match version {
            #[cfg(feature = "proto-ipv4")]
            IpVersion::Ipv4 => 4,
            #[cfg(feature = "proto-ipv6")]
            IpVersion::Ipv6 => 6,
        };
        self.port_key(Protocol::Raw, version << 8 | u16::from(protocol))
    }

    /// The slot that is bound to packets of this kind.
    fn raw_find(&self, kind: Kind) -> Option<SlotId> {
        self.table
            .chain(self.raw_key(kind))
            .find(|(id, _)| self.raw_kind(*id) == Some(kind))
            .map(|(id, _)| id)
    }

    /// `Closed` to `Bound`.
    pub(crate) fn raw_bind(&mut self, id: SlotId, kind: Kind) -> Result<(), Error> {
        if self.raw_find(kind).is_some() {
            return Err(Error::AddressInUse);
        }
        self.tap_of(id)?.bound = Some(kind);
        self.raw_bound += 1;
        self.table.register(id, Some(self.raw_key(kind)));
        Ok(())
    }

    pub(super) fn raw_unbind(&mut self, id: SlotId) {
        let Ok(tap) = self.tap_of(id) else { return };
        clear(&mut tap.queue);
        if tap.bound.take().is_some() {
            self.raw_bound -= 1;
        }
    }

    /// The largest packet that this socket can send: what its buffer holds and what the medium,
    /// or the fragmentation of IPv4, carries.
    fn raw_limit(&mut self, id: SlotId, version: IpVersion) -> u16 {
        let mtu = self.caps.ip_mtu();
        let packet = match version {
            #[cfg(feature = "proto-ipv4-fragmentation")]
            IpVersion::Ipv4 => mtu.max(smoltcp::config::FRAGMENTATION_BUFFER_SIZE),
            #[allow(unreachable_patterns)]
            _ => mtu,
        };
        let buffer = self.with_set(id, |_, set, _| match set.iter().next() {
            Some((_, Socket::Raw(socket))) => socket.payload_send_capacity(),
            _ => 0,
        });
        buffer.min(packet).min(usize::from(u16::MAX)) as u16
    }

    /// The kind of packets that can be sent now, if one of this size can.
    fn raw_sendable(&mut self, id: SlotId, size: usize) -> Result<Kind, Error> {
        self.packet_ready(id)?;
        let kind = self.raw_kind(id).ok_or(Error::WrongState)?;
        let limit = self.raw_limit(id, kind.0);
        if size > usize::from(limit) {
            return Err(Error::DatagramTooLarge(limit));
        }
        if size < SHORTEST {
            return Err(Error::InvalidPacket);
        }
        Ok(kind)
    }

    /// Queues a packet.
    pub(crate) fn raw_send(&mut self, id: SlotId, packet: &[u8]) -> Nb<()> {
        let kind = self.raw_sendable(id, packet.len())?;
        let now = self.now;
        check(&mut self.iface, now, kind, packet)?;
        self.with_set(id, |_, set, _| match set.iter_mut().next() {
            Some((_, Socket::Raw(socket))) => {
                socket.send_slice(packet).map_err(|_| nb::Error::WouldBlock)
            }
            _ => Err(Error::WrongState.into()),
        })?;
        self.table.touch(id);
        Ok(())
    }

    /// Queues a packet of at most `size` bytes, written by `fill`, which says how many it wrote.
    /// `fill` is taken when there is room for it.
    pub(crate) fn raw_send_with(
        &mut self,
        id: SlotId,
        size: usize,
        fill: &mut Option<impl FnOnce(&mut [u8]) -> usize>,
    ) -> Nb<usize> {
        let kind = self.raw_sendable(id, size)?;
        let mut checked = Ok(());
        let sent: Nb<usize> = self.with_set(id, |iface, set, now| match set.iter_mut().next() {
            // Not `send_with`, which begins where the last packet ended even if nothing is queued:
            // one that is longer than each of the two parts of the buffer would never fit. That the
            // place is larger than the packet does no harm, as the packet says how long it is.
            Some((_, Socket::Raw(socket))) => {
                let buffer = socket.send(size).map_err(|_| nb::Error::WouldBlock)?;
                let filled = fill.take().map_or(0, |fill| fill(buffer));
                let packet = buffer.get(..filled).unwrap_or(buffer);
                let len = packet.len();
                checked = check(iface, now, kind, packet);
                if checked.is_err() {
                    // It has its place in the queue already. smoltcp throws away what is of no
                    // IP version, at its next turn to send.
                    buffer.iter_mut().take(1).for_each(|first| *first = 0);
                }
                Ok(len)
            }
            _ => Err(Error::WrongState.into()),
        });
        let sent = sent?;
        self.table.touch(id);
        checked?;
        Ok(sent)
    }

    pub(crate) fn raw_receive(&mut self, id: SlotId, buffer: &mut [u8]) -> Nb<usize> {
        let mut take = Some(|packet: &[u8]| copy(packet, buffer));
        Ok(self.raw_recv_with(id, &mut take)??)
    }

    /// `take` is taken when there is a packet for it.
    pub(crate) fn raw_recv_with<R>(
        &mut self,
        id: SlotId,
        take: &mut Option<impl FnOnce(&[u8]) -> R>,
    ) -> Nb<R> {
        if let Ok(((), packet)) = self.tap_of(id)?.queue.dequeue()
            && let Some(take) = take.take()
        {
            return Ok(take(packet));
        }
        self.packet_ready(id)?;
        Err(nb::Error::WouldBlock)
    }

    #[cfg(any(feature = "watch", feature = "async"))]
    pub(super) fn raw_received(&self, id: SlotId) -> bool {
        let tap = self.taps.get(self.table.raw_index(id));
        tap.is_some_and(|tap| !tap.queue.is_empty())
    }

    /// The size of the next packet, if there is one.
    pub(crate) fn raw_waiting(&mut self, id: SlotId) -> Result<Option<usize>, Error> {
        if let Ok((_, packet)) = self.tap_of(id)?.queue.peek() {
            return Ok(Some(packet.len()));
        }
        self.packet_ready(id).map(|()| None)
    }
}

/// Whether a packet can be sent. smoltcp panics on one for the unspecified address, drops what it
/// cannot read without a word, and takes no options and no fragments over.
fn check(iface: &mut Interface, now: Instant, kind: Kind, packet: &[u8]) -> Result<(), Error> {
    let header = Header::read(packet).ok_or(Error::InvalidPacket)?;
    if (header.dst.version(), header.protocol) != kind
        || header.len != packet.len()
        || header.hop_limit == 0
        || header.is_fragment
        || header.has_options
    {
        return Err(Error::InvalidPacket);
    }
    if header.dst.is_unspecified() {
        return Err(Error::Unaddressable);
    }
    if !iface.has_ip_addr(header.src) {
        return Err(Error::AddressNotAvailable);
    }
    if routable(iface, now, header.dst) { Ok(()) } else { Err(Error::NoRoute) }
}

/// What the network makes of a slot.
impl Core {
    /// Keeps the packet that a frame holds, if a socket is bound to its kind, and says where the
    /// frame goes then. Without room it is lost.
    pub(super) fn raw_take(&mut self, frame: &[u8], route: Route) -> (Route, bool) {
        let Some((header, packet)) = self.arrived(frame) else { return (route, false) };
        let kind = (header.dst.version(), header.protocol);
        let Some(id) = self.raw_find(kind) else { return (route, false) };
        if let Ok(tap) = self.tap_of(id)
            && let Ok(buffer) = tap.queue.enqueue(packet.len(), ())
        {
            buffer.copy_from_slice(packet);
            self.changed(id);
        }
        self.pulse.arrives();
        let concerns_interface = match (packet.first().map(|first| first >> 4), header.protocol) {
            (Some(4), ICMP | IGMP) | (Some(6), ICMPV6) => true,
            // Another socket's datagram may be put together from it.
            #[cfg(feature = "proto-ipv4-fragmentation")]
            (_, TCP | UDP) => header.is_fragment,
            _ => false,
        };
        match route {
            Route::Nobody if !concerns_interface => (Route::Drop, true),
            route => (route, route != Route::Drop),
        }
    }
}
