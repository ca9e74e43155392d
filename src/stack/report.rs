//! ICMP errors, and which socket's packet they are about.
//!
//! Anybody can send one. So none is believed that does not show what only those can know who saw
//! the packet: its addresses and ports, and for a connection request its sequence number too (RFC
//! 5927 section 4.1). And none does more than to end what has not begun yet, or to be told once:
//! an open connection goes on, and its own time limits find out whether the peer is gone (RFC 1122
//! section 4.2.3.9).

#[cfg(feature = "proto-ipv4")]
use smoltcp::wire::{Icmpv4Packet, Ipv4Packet};
#[cfg(feature = "proto-ipv6")]
use smoltcp::wire::{Icmpv6Packet, Ipv6Address};
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::core::Core;
#[cfg(feature = "udp")]
use super::peer::Peer;
use super::router::{Packet, read_frame};
#[cfg(feature = "tcp")]
use super::slot::{Flags, Role};
use crate::Error;
#[cfg(feature = "udp")]
use crate::Protocol;

/// What is in the way of a packet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Obstacle {
    /// The host is there, and has nobody for the packet.
    Refused,
    /// No way leads there, or none that is allowed.
    Unreachable,
    /// The packet was lost on its way, or not understood. The next one may fare better.
    Lost,
    /// It is too large for the way; packets of so many bytes are not.
    TooLarge(u32),
}

/// An ICMP error, with what it quotes of the packet.
struct Report<'f> {
    obstacle: Obstacle,
    src: IpAddress,
    dst: IpAddress,
    protocol: u8,
    /// Ports or an identifier, and in TCP the sequence number.
    start: &'f [u8; 8],
}

/// The header of an ICMP error, before the quote.
const HEADER: usize = 8;

impl Core {
    /// Takes an ICMP error to the socket whose packet it is about, and counts it.
    // What a frame is shown in is not to stand on top of the stack that this takes.
    #[inline(never)]
    pub(crate) fn icmp_error(&mut self, frame: &[u8]) {
        let taken = self.read_report(frame).is_some_and(|report| self.take_report(&report));
        let counter =
            if taken { &mut self.counters.errors_taken } else { &mut self.counters.errors_ignored };
        *counter = counter.wrapping_add(1);
    }

    fn read_report<'f>(&self, frame: &'f [u8]) -> Option<Report<'f>> {
        let (whole, packet) = read_frame(self.caps.medium, frame)?;
        let for_us = self.iface.has_ip_addr(packet.dst)
            && packet.src.is_unicast()
            && self.is_addressed(frame);
        if !for_us || !self.is_sound(whole, &packet) {
            return None;
        }
        let report = match packet.dst {
            #[cfg(feature = "proto-ipv4")]
            IpAddress::Ipv4(_) => read_v4(&packet),
            #[cfg(feature = "proto-ipv6")]
            IpAddress::Ipv6(_) => read_v6(&packet),
        };
        // An error is sent to whom the packet came from.
        report.filter(|report| report.src == packet.dst)
    }

    /// Whether it is whole, and its checksums are right.
    fn is_sound(&self, whole: &[u8], packet: &Packet<'_>) -> bool {
        #[cfg(not(feature = "proto-ipv4"))]
        let _ = whole;
        match (packet.src, packet.dst) {
            #[cfg(feature = "proto-ipv4")]
            (IpAddress::Ipv4(_), IpAddress::Ipv4(_)) => {
                let checks = &self.caps.checksum;
                let ip = Ipv4Packet::new_unchecked(whole);
                packet.payload.len() >= HEADER
                    && !ip.more_frags()
                    && ip.frag_offset() == 0
                    && (!checks.ipv4.rx() || ip.verify_checksum())
                    && (!checks.icmpv4.rx()
                        || Icmpv4Packet::new_unchecked(packet.payload).verify_checksum())
            }
            #[cfg(feature = "proto-ipv6")]
            (IpAddress::Ipv6(src), IpAddress::Ipv6(dst)) => {
                packet.payload.len() >= HEADER
                    && (!self.caps.checksum.icmpv6.rx()
                        || Icmpv6Packet::new_unchecked(packet.payload).verify_checksum(&src, &dst))
            }
            #[allow(unreachable_patterns)]
            _ => false,
        }
    }

    /// Whether it meant something to a socket.
    fn take_report(&mut self, report: &Report<'_>) -> bool {
        #[cfg(feature = "tcp")]
        const TCP: u8 = 6;
        #[cfg(feature = "udp")]
        const UDP: u8 = 17;
        #[cfg(feature = "icmp")]
        const ICMP: u8 = 1;
        #[cfg(feature = "icmp")]
        const ICMPV6: u8 = 58;
        let (from, to, rest) = split(report.start);
        #[cfg(not(feature = "tcp"))]
        let _ = rest;
        let local = IpEndpoint::new(report.src, from);
        let remote = IpEndpoint::new(report.dst, to);
        match report.protocol {
            #[cfg(feature = "tcp")]
            TCP => self.tcp_report(report.obstacle, local, remote, rest),
            #[cfg(feature = "udp")]
            UDP => self.udp_report(report.obstacle, local, remote),
            #[cfg(feature = "icmp")]
            ICMP | ICMPV6 => match *report.start {
                // Echo requests of either version, RFC 792 and RFC 4443 section 4.1.
                [8 | 128, 0, _, _, i, j, s, t] => {
                    let (ident, seq_no) = (u16::from_be_bytes([i, j]), u16::from_be_bytes([s, t]));
                    self.icmp_report(ident, report.dst, seq_no)
                }
                _ => false,
            },
            _ => false,
        }
    }

    /// Ends a connection attempt, and nothing else. RFC 1122 would have it go on after most of
    /// these; that makes whoever waits for it wait in vain (RFC 5461 section 4.1).
    #[cfg(feature = "tcp")]
    fn tcp_report(
        &mut self,
        obstacle: Obstacle,
        local: IpEndpoint,
        remote: IpEndpoint,
        seq: u32,
    ) -> bool {
        use smoltcp::socket::tcp::State;

        let end = match obstacle {
            Obstacle::Refused => Error::Refused,
            Obstacle::Unreachable => Error::Unreachable,
            Obstacle::Lost | Obstacle::TooLarge(_) => return false,
        };
        let Some(id) = self.find_connection(local, remote) else { return false };
        let asked = self.tcp_state(id) == State::SynSent
            && self.slot(id).is_some_and(|slot| {
                slot.role == Role::Held && !slot.flags.has(Flags::UNSENT) && slot.number == seq
            });
        if asked {
            self.tcp_cancel(id, end);
            self.changed(id);
        }
        asked
    }

    /// Tells a socket that has one peer, or a look-up.
    #[cfg(feature = "udp")]
    fn udp_report(&mut self, obstacle: Obstacle, local: IpEndpoint, remote: IpEndpoint) -> bool {
        #[cfg(feature = "proto-ipv4")]
        const HEADERS_V4: u32 = 20 + 8;
        #[cfg(feature = "proto-ipv6")]
        const HEADERS_V6: u32 = 40 + 8;
        let found = self.table.chain(self.port_key(Protocol::Udp, local.port)).find(|(_, slot)| {
            slot.udp().map(|socket| socket.endpoint()).is_some_and(|bound| {
                bound.port == local.port && bound.addr.is_none_or(|addr| addr == local.addr)
            })
        });
        let Some((id, _)) = found else { return false };
        let taken = match self.peer(id) {
            Peer::Only(peer) if peer == remote => {
                let headers = match remote.addr {
                    #[cfg(feature = "proto-ipv4")]
                    IpAddress::Ipv4(_) => HEADERS_V4,
                    #[cfg(feature = "proto-ipv6")]
                    IpAddress::Ipv6(_) => HEADERS_V6,
                };
                let error = match obstacle {
                    Obstacle::Refused => Error::Refused,
                    Obstacle::Unreachable | Obstacle::Lost => Error::Unreachable,
                    // Routers of old do not say how large.
                    Obstacle::TooLarge(mtu) if mtu <= headers => return false,
                    Obstacle::TooLarge(mtu) => {
                        let limit = u16::try_from(mtu - headers).unwrap_or(u16::MAX);
                        Error::DatagramTooLarge(limit)
                    }
                };
                if let Some(slot) = self.slot_mut(id) {
                    slot.end.get_or_insert(error);
                }
                true
            }
            #[cfg(feature = "dns")]
            Peer::NameServer(query)
                if matches!(obstacle, Obstacle::Refused | Obstacle::Unreachable) =>
            {
                self.lookup_report(id, query, remote)
            }
            _ => false,
        };
        self.changed(id);
        taken
    }

    /// What was said of one peer is not for the next.
    #[cfg(feature = "udp")]
    pub(crate) fn udp_forget_report(&mut self, id: super::slot::SlotId) {
        if let Some(slot) = self.slot_mut(id)
            && matches!(
                slot.end,
                Some(Error::Refused | Error::Unreachable | Error::DatagramTooLarge(_))
            )
        {
            slot.end = None;
        }
    }
}

/// Two ports and what follows them.
fn split(start: &[u8; 8]) -> (u16, u16, u32) {
    let [a, b, c, d, rest @ ..] = *start;
    (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]), u32::from_be_bytes(rest))
}

/// Whether a message of ICMP is an error that a socket may be told of: RFC 792.
pub(super) const fn is_error_v4(kind: u8) -> bool {
    matches!(kind, 3 | 11 | 12)
}

/// The same for IPv6: RFC 4443 section 2.1.
pub(super) const fn is_error_v6(kind: u8) -> bool {
    matches!(kind, 1..=4)
}

/// RFC 792, RFC 1122 section 3.2.2.1 and RFC 1191 section 4; the quote is an IPv4 packet, RFC 791
/// section 3.1, and at least eight bytes of what is in it.
#[cfg(feature = "proto-ipv4")]
fn read_v4<'f>(packet: &Packet<'f>) -> Option<Report<'f>> {
    let (header, quote) = packet.payload.split_first_chunk::<HEADER>()?;
    let obstacle = match (header[0], header[1]) {
        (3, 2 | 3) => Obstacle::Refused,
        (3, 4) => Obstacle::TooLarge(u16::from_be_bytes([header[6], header[7]]).into()),
        (3, _) => Obstacle::Unreachable,
        (11 | 12, _) => Obstacle::Lost,
        _ => return None,
    };
    let ip = quote.first_chunk::<20>()?;
    let header_len = usize::from(ip[0] & 0x0f) * 4;
    let not_first = u16::from_be_bytes([ip[6], ip[7]]) & 0x1fff != 0;
    if ip[0] >> 4 != 4 || header_len < 20 || not_first {
        return None;
    }
    Some(Report {
        obstacle,
        src: IpAddress::v4(ip[12], ip[13], ip[14], ip[15]),
        dst: IpAddress::v4(ip[16], ip[17], ip[18], ip[19]),
        protocol: ip[9],
        start: quote.get(header_len..)?.first_chunk()?,
    })
}

/// RFC 4443 section 3; the quote is an IPv6 packet, RFC 8200 section 3. This stack sends none with
/// extension headers whose fate could matter to a socket.
#[cfg(feature = "proto-ipv6")]
fn read_v6<'f>(packet: &Packet<'f>) -> Option<Report<'f>> {
    let (header, quote) = packet.payload.split_first_chunk::<HEADER>()?;
    let [kind, code, _, _, value @ ..] = *header;
    let obstacle = match (kind, code) {
        // The second one: the next header, which is the transport protocol, is not known there.
        (1, 4) | (4, 1) => Obstacle::Refused,
        (1, _) => Obstacle::Unreachable,
        (2, _) => Obstacle::TooLarge(u32::from_be_bytes(value)),
        (3 | 4, _) => Obstacle::Lost,
        _ => return None,
    };
    let (ip, payload) = quote.split_first_chunk::<40>()?;
    if ip[0] >> 4 != 6 {
        return None;
    }
    let address = |at: usize| -> Option<IpAddress> {
        let bytes: [u8; 16] = *ip.get(at..)?.first_chunk()?;
        Some(IpAddress::Ipv6(Ipv6Address::from(bytes)))
    };
    Some(Report {
        obstacle,
        src: address(8)?,
        dst: address(24)?,
        protocol: ip[6],
        start: payload.first_chunk()?,
    })
}
