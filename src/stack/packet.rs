//! What ICMP and raw slots have in common.
//!
//! smoltcp cannot unbind sockets of these kinds, nor empty their queues, and a frame shown to it
//! twice would be answered twice. So its sockets are never bound here: they send. What is received
//! is kept in queues beside the slots, which the stack fills itself.

use smoltcp::iface::{self, Interface};
use smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
#[cfg(any(feature = "watch", feature = "async"))]
use smoltcp::socket::Socket;
use smoltcp::storage::PacketBuffer;
use smoltcp::time::Instant;
#[cfg(feature = "proto-ipv4")]
use smoltcp::wire::Ipv4Packet;
#[cfg(feature = "proto-ipv6")]
use smoltcp::wire::Ipv6Packet;
use smoltcp::wire::{HardwareAddress, IpAddress};

use super::core::{Cause, Core};
use super::router::Route;
use super::slot::{NEVER, Role, SlotId};
use crate::{Error, Protocol};

/// What the header of an IP packet says, once nothing in it contradicts the packet's size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Header {
    pub(super) src: IpAddress,
    pub(super) dst: IpAddress,
    /// What the payload is; of IPv6, what follows a hop-by-hop header.
    pub(super) protocol: u8,
    pub(super) hop_limit: u8,
    /// Where the payload begins.
    pub(super) payload: usize,
    /// The size of the whole packet, without what a medium adds to short ones.
    pub(super) len: usize,
    /// Whether it is one of several fragments (RFC 791 section 3.2).
    pub(super) is_fragment: bool,
    /// Whether the header has IPv4 options.
    pub(super) has_options: bool,
}

impl Header {
    /// Reads the header of a packet; `None` if it is none, or lies about a length.
    pub(super) fn read(packet: &[u8]) -> Option<Header> {
        match packet.first()? >> 4 {
            #[cfg(feature = "proto-ipv4")]
            4 => {
                let packet = Ipv4Packet::new_checked(packet).ok()?;
                Some(Header {
                    src: packet.src_addr().into(),
                    dst: packet.dst_addr().into(),
                    protocol: packet.next_header().into(),
                    hop_limit: packet.hop_limit(),
                    payload: packet.header_len().into(),
                    len: packet.total_len().into(),
                    is_fragment: packet.more_frags() || packet.frag_offset() != 0,
                    has_options: packet.header_len() > 20,
                })
            }
            #[cfg(feature = "proto-ipv6")]
            6 => {
                const HOP_BY_HOP: u8 = 0;
                let packet = Ipv6Packet::new_checked(packet).ok()?;
                let (protocol, payload) = match packet.next_header().into() {
                    // RFC 8200 section 4.3.
                    HOP_BY_HOP => {
                        let [next, len] = *packet.payload().first_chunk::<2>()?;
                        let payload = (usize::from(len) + 1) * 8;
                        packet.payload().get(payload..)?;
                        (next, 40 + payload)
                    }
                    next => (next, 40),
                };
                Some(Header {
                    src: packet.src_addr().into(),
                    dst: packet.dst_addr().into(),
                    protocol,
                    hop_limit: packet.hop_limit(),
                    payload,
                    len: packet.total_len(),
                    is_fragment: false,
                    has_options: false,
                })
            }
            _ => None,
        }
    }
}

/// What arrives.
impl Core {
    /// Keeps what the frame holds for an ICMP or a raw socket, and says where the frame goes then,
    /// and whether there was such a socket.
    pub(super) fn tap(&mut self, frame: &[u8], route: Route) -> (Route, bool) {
        #[cfg(feature = "icmp")]
        let (route, is_taken) = match route {
            Route::Slot { id, .. } if self.table.protocol(id) == Protocol::Icmp => {
                self.icmp_take(id, frame);
                // The interface may learn that the neighbour is still there.
                (Route::Nobody, true)
            }
            route => (route, false),
        };
        #[cfg(not(feature = "icmp"))]
        let is_taken = false;
        #[cfg(feature = "raw")]
        if self.raw_bound > 0 {
            let (route, is_tapped) = self.raw_take(frame, route);
            return (route, is_taken || is_tapped);
        }
        (route, is_taken)
    }

    /// The IP packet in a frame, and its header, if it is for this host and nothing about it is
    /// wrong.
    pub(super) fn arrived<'f>(&self, frame: &'f [u8]) -> Option<(Header, &'f [u8])> {
        let packet = match self.caps.medium {
            #[cfg(feature = "medium-ethernet")]
            Medium::Ethernet => {
                let (header, packet) = frame.split_first_chunk::<14>()?;
                let dst = smoltcp::wire::EthernetAddress(*header.first_chunk()?);
                let is_ours = self.iface.hardware_addr() == HardwareAddress::Ethernet(dst);
                let version = match [header[12], header[13]] {
                    [0x08, 0x00] => 4,
                    [0x86, 0xdd] => 6,
                    _ => return None,
                };
                if !(is_ours || dst.is_multicast() || dst.is_broadcast())
                    || packet.first()? >> 4 != version
                {
                    return None;
                }
                packet
            }
            #[allow(unreachable_patterns)]
            _ => frame,
        };
        let header = Header::read(packet)?;
        let for_us = self.iface.has_ip_addr(header.dst)
            || header.dst.is_multicast()
            || self.is_broadcast(header.dst);
        if !for_us || header.src.is_multicast() || self.is_broadcast(header.src) {
            return None;
        }
        let packet = packet.get(..header.len)?;
        #[cfg(feature = "proto-ipv4")]
        if matches!(header.dst, IpAddress::Ipv4(_))
            && self.caps.checksum.ipv4.rx()
            && !Ipv4Packet::new_unchecked(packet).verify_checksum()
        {
            return None;
        }
        Some((header, packet))
    }
}

/// Transitions of the application.
impl Core {
    /// What is wrong already, before anything is said about a packet.
    pub(super) fn packet_ready(&mut self, id: SlotId) -> Result<(), Error> {
        match self.slot_mut(id).and_then(|slot| slot.end.take()) {
            Some(error) => Err(error),
            None if !self.link_up => Err(Error::LinkDown),
            None => Ok(()),
        }
    }

    /// Nobody holds the slot any more. What it was bound to is free at once.
    pub(crate) fn packet_release(&mut self, id: SlotId) {
        match self.table.protocol(id) {
            #[cfg(feature = "icmp")]
            Protocol::Icmp => self.icmp_unbind(id),
            #[cfg(feature = "raw")]
            Protocol::Raw => self.raw_unbind(id),
            _ => {}
        }
        if !self.link_up || !self.has_work(id) {
            return self.packet_forget(id);
        }
        self.unwait(id);
        if let Some(slot) = self.slot_mut(id) {
            slot.role = Role::Closing;
        }
        self.set_deadline(id, self.after(self.limits.closing));
        self.table.touch(id);
    }

    /// Whether a packet waits to be received.
    #[cfg(any(feature = "watch", feature = "async"))]
    pub(super) fn packet_received(&self, id: SlotId) -> bool {
        match self.table.protocol(id) {
            #[cfg(feature = "icmp")]
            Protocol::Icmp => self.icmp_received(id),
            #[cfg(feature = "raw")]
            Protocol::Raw => self.raw_received(id),
            _ => false,
        }
    }

    /// Whether there is room for any packet that fits into a frame. Half of what is free is in one
    /// piece.
    #[cfg(any(feature = "watch", feature = "async"))]
    pub(super) fn packet_has_room(&mut self, id: SlotId) -> bool {
        let mtu = self.caps.ip_mtu();
        let has_room = |queued: usize, capacity: usize| {
            queued == 0 || capacity - queued >= 2 * capacity.min(mtu)
        };
        self.with_set(id, |_, set, _| match set.iter().next() {
            #[cfg(feature = "icmp")]
            Some((_, Socket::Icmp(socket))) => {
                socket.can_send() && has_room(socket.send_queue(), socket.payload_send_capacity())
            }
            #[cfg(feature = "raw")]
            Some((_, Socket::Raw(socket))) => {
                socket.can_send() && has_room(socket.send_queue(), socket.payload_send_capacity())
            }
            _ => false,
        })
    }

    fn packet_forget(&mut self, id: SlotId) {
        self.packet_clear(id);
        self.free(id);
    }

    /// Throws away what is waiting to be sent.
    ///
    /// smoltcp has no call for that, and lets go of a packet only when it is sent. So each goes
    /// out by an interface of plain IP packets, which asks for no neighbour, to a device that is
    /// nowhere.
    fn packet_clear(&mut self, id: SlotId) {
        let now = self.now;
        let Some(slot) = self.table.get_mut(id) else { return };
        // Else smoltcp would hold the packets back.
        slot.forget_neighbor(&mut self.iface, now);
        let Some(set) = &mut slot.set else { return };
        loop {
            let config = iface::Config::new(HardwareAddress::Ip);
            // A new one for each packet: it may have begun to send the last one in fragments.
            let mut nowhere = Interface::new(config, &mut Nowhere, now);
            if nowhere.poll_at(now, set).is_none() {
                return;
            }
            nowhere.poll_egress(now, &mut Nowhere, set);
        }
    }
}

/// What the network makes of a slot.
impl Core {
    pub(crate) fn packet_settle(&mut self, id: SlotId, cause: Cause) {
        if self.watch_next_hop(id, cause) {
            self.packet_forget(id);
        }
    }

    /// A time limit is over: the next hop was not found.
    pub(crate) fn packet_expire(&mut self, id: SlotId) {
        let Some(slot) = self.slot_mut(id) else { return };
        if slot.role == Role::Closing {
            return self.packet_forget(id);
        }
        slot.end = Some(Error::TimedOut);
        slot.deadline = NEVER;
        self.packet_clear(id);
        self.table.unlink(id);
    }
}

/// Empties a queue of received packets.
pub(super) fn clear<H>(queue: &mut PacketBuffer<'static, H>) {
    while queue.dequeue().is_ok() {}
}

/// Copies as much of a packet as fits into a buffer; if that is not all, says what size it has.
pub(super) fn copy(packet: &[u8], buffer: &mut [u8]) -> Result<usize, Error> {
    let fits = packet.len().min(buffer.len());
    if let (Some(buffer), Some(packet)) = (buffer.get_mut(..fits), packet.get(..fits)) {
        buffer.copy_from_slice(packet);
    }
    if fits < packet.len() { Err(Error::Truncated(packet.len() as u16)) } else { Ok(fits) }
}

/// A device that loses every packet, and takes so little of one that it needs no room.
struct Nowhere;

impl Nowhere {
    /// An IPv4 header, and the least that a fragment carries.
    const MTU: usize = 28;
}

impl Device for Nowhere {
    type RxToken<'a> = Nowhere;
    type TxToken<'a> = Nowhere;

    fn receive(&mut self, _now: Instant) -> Option<(Nowhere, Nowhere)> {
        None
    }

    fn transmit(&mut self, _now: Instant) -> Option<Nowhere> {
        Some(Nowhere)
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ip;
        caps.max_transmission_unit = Self::MTU;
        caps
    }
}

impl RxToken for Nowhere {
    fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R {
        f(&[])
    }
}

impl TxToken for Nowhere {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, f: F) -> R {
        // smoltcp never asks for more than the MTU.
        let mut lost = [0; Self::MTU];
        f(lost.get_mut(..len).unwrap_or_default())
    }
}
