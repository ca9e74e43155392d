//! ICMP slots: echo requests, and the replies to them.

use core::net::IpAddr;
use core::num::NonZeroU8;

use smoltcp::storage::PacketBuffer;
#[cfg(feature = "proto-ipv4")]
use smoltcp::wire::{Icmpv4Packet, Icmpv4Repr};
#[cfg(feature = "proto-ipv6")]
use smoltcp::wire::{Icmpv6Packet, Icmpv6Repr};
use smoltcp::wire::{IpAddress, IpVersion};

use super::core::Core;
use super::packet::{clear, copy};
use super::slot::SlotId;
use crate::addr::{ip_addr, ip_address};
use crate::{Echo, Error, Protocol};

/// The header of an echo message in bytes (RFC 792, RFC 4443 section 4).
const HEADER: usize = 8;

type Nb<R> = nb::Result<R, Error>;

/// What an ICMP slot is bound to, and what it has received.
#[derive(Debug)]
pub(crate) struct Echoes {
    ident: Option<u16>,
    /// Whom the last request was for, and its number.
    asked: Option<(IpAddress, u16)>,
    queue: PacketBuffer<'static, Head>,
}

/// What is known of a reply beside its data.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Head {
    from: IpAddress,
    seq_no: u16,
    hop_limit: u8,
}

impl Echoes {
    pub(crate) fn new(queue: PacketBuffer<'static, Head>) -> Self {
        Echoes { ident: None, asked: None, queue }
    }
}

/// Transitions of the application.
impl Core {
    fn echoes(&mut self, id: SlotId) -> Result<&mut Echoes, Error> {
        let index = self.table.icmp_index(id);
        self.echoes.get_mut(index).ok_or(Error::WrongState)
    }

    /// `Closed` to `Bound`; without an identifier, to one that is free.
    pub(crate) fn icmp_bind(&mut self, id: SlotId, ident: Option<u16>) -> Result<(), Error> {
        let ident = match ident {
            Some(ident) if self.icmp_find(ident).is_some() => return Err(Error::AddressInUse),
            Some(ident) => ident,
            None => self.icmp_free_ident()?,
        };
        self.echoes(id)?.ident = Some(ident);
        self.icmp_set_hop_limit(id, None);
        self.table.register(id, Some(self.port_key(Protocol::Icmp, ident)));
        Ok(())
    }

    /// The first identifier that is not taken, from a random one on.
    fn icmp_free_ident(&mut self) -> Result<u16, Error> {
        let start = self.rng.next() as u16;
        (0..=u16::MAX)
            .map(|offset| start.wrapping_add(offset))
            .find(|ident| self.icmp_find(*ident).is_none())
            .ok_or(Error::OutOfPorts)
    }

    /// The slot that is bound to an identifier.
    pub(super) fn icmp_find(&self, ident: u16) -> Option<SlotId> {
        self.table
            .chain(self.port_key(Protocol::Icmp, ident))
            .find(|(id, _)| self.icmp_bound(*id) == Some(ident))
            .map(|(id, _)| id)
    }

    fn icmp_bound(&self, id: SlotId) -> Option<u16> {
        self.echoes.get(self.table.icmp_index(id))?.ident
    }

    pub(crate) fn icmp_ident(&self, id: SlotId) -> Result<u16, Error> {
        self.icmp_bound(id).ok_or(Error::WrongState)
    }

    pub(super) fn icmp_unbind(&mut self, id: SlotId) {
        if let Ok(echoes) = self.echoes(id) {
            echoes.ident = None;
            echoes.asked = None;
            clear(&mut echoes.queue);
        }
    }

    pub(crate) fn icmp_send(&mut self, id: SlotId, to: IpAddr, seq_no: u16, data: &[u8]) -> Nb<()> {
        self.packet_ready(id)?;
        let to = ip_address(to)?;
        if to.is_unspecified() {
            return Err(Error::Unaddressable.into());
        }
        self.source_for(to)?;
        if !self.routable(to) {
            return Err(Error::NoRoute.into());
        }
        let ident = self.icmp_ident(id)?;
        let (request, header) = match to.version() {
            #[cfg(feature = "proto-ipv4")]
            IpVersion::Ipv4 => (8, 20),
            #[cfg(feature = "proto-ipv6")]
            IpVersion::Ipv6 => (128, 40),
        };
        // Never in fragments, which smoltcp would fill with a wrong checksum.
        let largest = self.caps.ip_mtu().saturating_sub(header);
        let Some(socket) = self.slot_mut(id).and_then(|slot| slot.icmp_mut()) else {
            return Err(Error::WrongState.into());
        };
        let limit = largest.min(socket.payload_send_capacity()).saturating_sub(HEADER);
        if data.len() > limit {
            return Err(Error::DatagramTooLarge(limit.min(usize::from(u16::MAX)) as u16).into());
        }
        let buffer = socket.send(HEADER + data.len(), to).map_err(|_| nb::Error::WouldBlock)?;
        if let Some((header, rest)) = buffer.split_first_chunk_mut::<HEADER>() {
            let ([ident_0, ident_1], [seq_0, seq_1]) = (ident.to_be_bytes(), seq_no.to_be_bytes());
            // smoltcp fills in the checksum.
            *header = [request, 0, 0, 0, ident_0, ident_1, seq_0, seq_1];
            rest.copy_from_slice(data);
        }
        self.echoes(id)?.asked = Some((to, seq_no));
        self.table.touch(id);
        Ok(())
    }

    pub(crate) fn icmp_receive(&mut self, id: SlotId, buffer: &mut [u8]) -> Nb<Echo> {
        let (head, data) = match self.echoes(id)?.queue.dequeue() {
            Ok(received) => received,
            Err(_) => {
                self.packet_ready(id)?;
                return Err(nb::Error::WouldBlock);
            }
        };
        let len = copy(data, buffer)?;
        let Head { from, seq_no, hop_limit } = head;
        Ok(Echo { from: ip_addr(from), seq_no, hop_limit, len })
    }

    #[cfg(any(feature = "watch", feature = "async"))]
    pub(super) fn icmp_received(&self, id: SlotId) -> bool {
        let echoes = self.echoes.get(self.table.icmp_index(id));
        echoes.is_some_and(|echoes| !echoes.queue.is_empty())
    }

    /// The size of the data of the next reply, if there is one.
    pub(crate) fn icmp_waiting(&mut self, id: SlotId) -> Result<Option<usize>, Error> {
        if let Ok((_, data)) = self.echoes(id)?.queue.peek() {
            return Ok(Some(data.len()));
        }
        self.packet_ready(id).map(|()| None)
    }

    pub(crate) fn icmp_set_hop_limit(&mut self, id: SlotId, limit: Option<NonZeroU8>) {
        if let Some(socket) = self.slot_mut(id).and_then(|slot| slot.icmp_mut()) {
            socket.set_hop_limit(limit.map(NonZeroU8::get));
        }
    }
}

/// What the network makes of a slot.
impl Core {
    /// Keeps the reply that a frame holds, if it is one: complete, with a right checksum, from a
    /// host to this one. Without room it is lost.
    pub(super) fn icmp_take(&mut self, id: SlotId, frame: &[u8]) {
        let Some((header, packet)) = self.arrived(frame) else { return };
        if header.is_fragment || !header.src.is_unicast() || !self.iface.has_ip_addr(header.dst) {
            return;
        }
        let Some(message) = packet.get(header.payload..) else { return };
        let caps = &self.caps.checksum;
        let reply = match (header.src, header.dst, header.protocol) {
            #[cfg(feature = "proto-ipv4")]
            (IpAddress::Ipv4(_), IpAddress::Ipv4(_), 1) => Icmpv4Packet::new_checked(message)
                .and_then(|message| match Icmpv4Repr::parse(&message, caps)? {
                    Icmpv4Repr::EchoReply { seq_no, data, .. } => Ok((seq_no, data)),
                    _ => Err(smoltcp::wire::Error),
                }),
            #[cfg(feature = "proto-ipv6")]
            (IpAddress::Ipv6(src), IpAddress::Ipv6(dst), 58) => Icmpv6Packet::new_checked(message)
                .and_then(|message| match Icmpv6Repr::parse(&src, &dst, &message, caps)? {
                    Icmpv6Repr::EchoReply { seq_no, data, .. } => Ok((seq_no, data)),
                    _ => Err(smoltcp::wire::Error),
                }),
            _ => return,
        };
        let Ok((seq_no, data)) = reply else { return };
        let Ok(echoes) = self.echoes(id) else { return };
        let head = Head { from: header.src, seq_no, hop_limit: header.hop_limit };
        if let Ok(buffer) = echoes.queue.enqueue(data.len(), head) {
            buffer.copy_from_slice(data);
            self.changed(id);
        }
    }

    /// Takes the report that an echo request could not be delivered, if it is the last one that was
    /// sent; and says whether it is.
    pub(super) fn icmp_report(&mut self, ident: u16, to: IpAddress, seq_no: u16) -> bool {
        let Some(id) = self.icmp_find(ident) else { return false };
        let Ok(echoes) = self.echoes(id) else { return false };
        // Told once.
        if echoes.asked.take_if(|asked| *asked == (to, seq_no)).is_none() {
            return false;
        }
        if let Some(slot) = self.slot_mut(id) {
            slot.end.get_or_insert(Error::Unreachable);
        }
        self.changed(id);
        true
    }
}
