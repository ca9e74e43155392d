//! Frames, made by hand and read by hand: nothing here shares code with the router.

use std::vec;
use std::vec::Vec;

use smoltcp::phy::Medium;
use smoltcp::wire::{IpAddress, IpEndpoint};

pub(super) const ICMP: u8 = 1;
pub(super) const TCP: u8 = 6;
pub(super) const UDP: u8 = 17;
pub(super) const ICMPV6: u8 = 58;
const HOP_BY_HOP: u8 = 0;

pub(super) const FIN: u8 = 0x01;
pub(super) const SYN: u8 = 0x02;
pub(super) const RST: u8 = 0x04;
pub(super) const PSH: u8 = 0x08;
pub(super) const ACK: u8 = 0x10;

pub(super) const ARP_REQUEST: u16 = 1;
pub(super) const ARP_REPLY: u16 = 2;

pub(super) type Mac = [u8; 6];
pub(super) const BROADCAST_MAC: Mac = [0xff; 6];

/// The hardware address of a host: it ends as its IP address does.
pub(super) fn mac_of(addr: IpAddress) -> Mac {
    [0x02, 0, 0, 0, 0, *octets(addr).last().unwrap()]
}

fn octets(addr: IpAddress) -> Vec<u8> {
    match addr {
        IpAddress::Ipv4(addr) => addr.octets().to_vec(),
        IpAddress::Ipv6(addr) => addr.octets().to_vec(),
    }
}

/// The Internet checksum, RFC 1071.
fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// Fills in the checksum at `at` over the pseudo header and the payload.
fn seal(src: IpAddress, dst: IpAddress, protocol: u8, payload: &mut [u8], at: usize) {
    let mut bytes = [octets(src), octets(dst)].concat();
    bytes.extend((payload.len() as u32).to_be_bytes());
    bytes.extend([0, 0, 0, protocol]);
    bytes.extend_from_slice(payload);
    let sum = match (checksum(&bytes), protocol) {
        // RFC 768: zero says that there is no checksum.
        (0, UDP) => 0xffff,
        (sum, _) => sum,
    };
    payload[at..at + 2].copy_from_slice(&sum.to_be_bytes());
}

/// What an IP packet may have beside the usual.
#[derive(Clone, Debug)]
pub(super) struct Header {
    pub(super) hop_limit: u8,
    /// IPv4: options, a multiple of four bytes. IPv6: the options of a hop-by-hop header, six bytes
    /// more than a multiple of eight.
    pub(super) options: Vec<u8>,
    /// IPv4: identification, and the flags with the offset.
    pub(super) fragment: (u16, u16),
}

impl Default for Header {
    fn default() -> Self {
        Header { hop_limit: 64, options: Vec::new(), fragment: (0, 0x4000) }
    }
}

impl Header {
    pub(super) fn packet(
        &self,
        src: IpAddress,
        dst: IpAddress,
        protocol: u8,
        payload: &[u8],
    ) -> Vec<u8> {
        let mut packet;
        if let IpAddress::Ipv4(_) = src {
            let header_len = 20 + self.options.len();
            packet = vec![0x40 | (header_len / 4) as u8, 0];
            packet.extend(((header_len + payload.len()) as u16).to_be_bytes());
            packet.extend(self.fragment.0.to_be_bytes());
            packet.extend(self.fragment.1.to_be_bytes());
            packet.extend([self.hop_limit, protocol, 0, 0]);
            packet.extend(octets(src));
            packet.extend(octets(dst));
            packet.extend(&self.options);
            let sum = checksum(&packet);
            packet[10..12].copy_from_slice(&sum.to_be_bytes());
        } else {
            let extension = match &self.options[..] {
                [] => Vec::new(),
                options => [&[protocol, ((options.len() + 2) / 8 - 1) as u8], options].concat(),
            };
            let next = if extension.is_empty() { protocol } else { HOP_BY_HOP };
            packet = vec![0x60, 0, 0, 0];
            packet.extend(((extension.len() + payload.len()) as u16).to_be_bytes());
            packet.extend([next, self.hop_limit]);
            packet.extend(octets(src));
            packet.extend(octets(dst));
            packet.extend(extension);
        }
        packet.extend_from_slice(payload);
        packet
    }
}

/// A TCP segment.
#[derive(Clone, Debug)]
pub(super) struct Segment {
    pub(super) src: IpEndpoint,
    pub(super) dst: IpEndpoint,
    pub(super) flags: u8,
    pub(super) seq: u32,
    pub(super) ack: u32,
    pub(super) window: u16,
    pub(super) options: Vec<u8>,
    pub(super) payload: Vec<u8>,
}

impl Segment {
    pub(super) fn new(src: IpEndpoint, dst: IpEndpoint, flags: u8) -> Self {
        Segment {
            src,
            dst,
            flags,
            seq: 0,
            ack: 0,
            window: 4096,
            options: Vec::new(),
            payload: Vec::new(),
        }
    }

    pub(super) fn payload(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        bytes.extend(self.src.port.to_be_bytes());
        bytes.extend(self.dst.port.to_be_bytes());
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.ack.to_be_bytes());
        bytes.extend([((20 + self.options.len()) * 4) as u8, self.flags]);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0, 0, 0, 0]);
        bytes.extend(&self.options);
        bytes.extend(&self.payload);
        seal(self.src.addr, self.dst.addr, TCP, &mut bytes, 16);
        bytes
    }
}

pub(super) fn datagram(src: IpEndpoint, dst: IpEndpoint, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend(src.port.to_be_bytes());
    bytes.extend(dst.port.to_be_bytes());
    bytes.extend(((8 + data.len()) as u16).to_be_bytes());
    bytes.extend([0, 0]);
    bytes.extend_from_slice(data);
    seal(src.addr, dst.addr, UDP, &mut bytes, 6);
    bytes
}

/// An ICMP or ICMPv6 message.
pub(super) fn icmp(src: IpAddress, dst: IpAddress, kind: u8, body: &[u8]) -> (u8, Vec<u8>) {
    let mut bytes = [&[kind, 0, 0, 0], body].concat();
    match src {
        IpAddress::Ipv4(_) => {
            let sum = checksum(&bytes);
            bytes[2..4].copy_from_slice(&sum.to_be_bytes());
            (ICMP, bytes)
        }
        IpAddress::Ipv6(_) => {
            seal(src, dst, ICMPV6, &mut bytes, 2);
            (ICMPV6, bytes)
        }
    }
}

pub(super) fn echo_request(src: IpAddress, dst: IpAddress) -> (u8, Vec<u8>) {
    let kind = if let IpAddress::Ipv4(_) = src { 8 } else { 128 };
    icmp(src, dst, kind, b"\x12\x34\0\x01echo")
}

/// A neighbour says what its hardware address is: an ARP reply, or a neighbour advertisement.
pub(super) fn introduction(neighbor: IpAddress, own: IpAddress, own_mac: Mac) -> Vec<u8> {
    let mac = mac_of(neighbor);
    match neighbor {
        IpAddress::Ipv4(_) => arp(ARP_REPLY, (mac, neighbor), (own_mac, own)),
        IpAddress::Ipv6(_) => {
            // Solicited, override; the option is the target's link-layer address.
            let body = [&[0x60, 0, 0, 0], &octets(neighbor)[..], &[2, 1], &mac].concat();
            let (protocol, payload) = icmp(neighbor, own, 136, &body);
            let header = Header { hop_limit: 255, ..Header::default() };
            ethernet(own_mac, mac, &header.packet(neighbor, own, protocol, &payload))
        }
    }
}

/// Asks who has the target's address.
pub(super) fn solicitation(neighbor: IpAddress, own: IpAddress) -> Vec<u8> {
    let mac = mac_of(neighbor);
    let IpAddress::Ipv6(target) = own else {
        return arp(ARP_REQUEST, (mac, neighbor), ([0; 6], own));
    };
    let body = [&[0, 0, 0, 0], &target.octets()[..], &[1, 1], &mac].concat();
    let mut group = [0; 16];
    group[..2].copy_from_slice(&[0xff, 0x02]);
    group[11..13].copy_from_slice(&[0x01, 0xff]);
    group[13..].copy_from_slice(&target.octets()[13..]);
    let group = IpAddress::Ipv6(group.into());
    let (protocol, payload) = icmp(neighbor, group, 135, &body);
    let header = Header { hop_limit: 255, ..Header::default() };
    let [.., a, b, c] = target.octets();
    let packet = header.packet(neighbor, group, protocol, &payload);
    ethernet([0x33, 0x33, 0xff, a, b, c], mac, &packet)
}

fn arp(operation: u16, sender: (Mac, IpAddress), target: (Mac, IpAddress)) -> Vec<u8> {
    let dst = if operation == ARP_REQUEST { BROADCAST_MAC } else { target.0 };
    let mut frame = [&dst[..], &sender.0, &[0x08, 0x06, 0, 1, 0x08, 0, 6, 4]].concat();
    frame.extend(operation.to_be_bytes());
    for (mac, addr) in [sender, target] {
        frame.extend(mac);
        frame.extend(octets(addr));
    }
    frame
}

pub(super) fn ethernet(dst: Mac, src: Mac, packet: &[u8]) -> Vec<u8> {
    let kind = if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    [&dst[..], &src, &kind, packet].concat()
}

/// What a frame says, as far as it can be told.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Read {
    pub(super) protocol: u8,
    pub(super) ends: Option<(IpEndpoint, IpEndpoint)>,
    pub(super) flags: u8,
    pub(super) seq: u32,
    pub(super) ack: u32,
    /// Bytes of data.
    pub(super) len: u32,
}

impl Read {
    /// Which frames may not overtake each other.
    pub(super) fn flow(&self) -> (u8, Option<(IpEndpoint, IpEndpoint)>) {
        (self.protocol, self.ends)
    }

    pub(super) fn is_request(&self) -> bool {
        self.protocol == TCP && self.flags & (SYN | ACK | RST) == SYN
    }
}

pub(super) fn read(medium: Medium, frame: &[u8]) -> Read {
    let packet = match medium {
        Medium::Ethernet => frame.get(14..).filter(|_| frame[12..14] != [0x08, 0x06]),
        _ => Some(frame),
    };
    packet.and_then(read_packet).unwrap_or_default()
}

/// Clears the window of a RST, and the checksum, which is another one with another window. A RST is a
/// bare header at the end of its frame.
pub(super) fn clear_window(frame: &mut [u8]) {
    const HEADER: usize = 20;
    let header = frame.last_chunk_mut::<HEADER>().unwrap();
    assert_eq!(header[12] >> 4, 5, "no options");
    header[14..18].fill(0);
}

/// A report of MLDv2 in an Ethernet frame, RFC 3810 section 5.2: to all routers of such groups.
pub(super) fn is_group_report(frame: &[u8]) -> bool {
    frame.get(..6) == Some(&[0x33, 0x33, 0, 0, 0, 0x16])
}

/// Whether a frame may change what the interface knows of its neighbours.
pub(super) fn is_about_neighbors(medium: Medium, frame: &[u8]) -> bool {
    medium == Medium::Ethernet
        && frame.len() >= 14
        && (frame[12..14] == [0x08, 0x06] || read(medium, frame).protocol == ICMPV6)
}

fn read_packet(packet: &[u8]) -> Option<Read> {
    let (src, dst, mut protocol, mut payload): (IpAddress, IpAddress, u8, &[u8]);
    match packet.first()? >> 4 {
        4 => {
            let addr = |at: usize| Some(<[u8; 4]>::try_from(packet.get(at..at + 4)?).ok()?.into());
            let addr = |at| addr(at).map(IpAddress::Ipv4);
            (src, dst, protocol) = (addr(12)?, addr(16)?, packet[9]);
            let total_len = usize::from(u16::from_be_bytes([packet[2], packet[3]]));
            payload = packet.get(usize::from(packet[0] & 15) * 4..total_len)?;
        }
        6 => {
            let addr =
                |at: usize| Some(<[u8; 16]>::try_from(packet.get(at..at + 16)?).ok()?.into());
            let addr = |at| addr(at).map(IpAddress::Ipv6);
            (src, dst, protocol) = (addr(8)?, addr(24)?, packet[6]);
            let len = usize::from(u16::from_be_bytes([packet[4], packet[5]]));
            payload = packet.get(40..40 + len)?;
            if protocol == HOP_BY_HOP {
                protocol = *payload.first()?;
                payload = payload.get((usize::from(*payload.get(1)?) + 1) * 8..)?;
            }
        }
        _ => return None,
    }
    let mut read = Read { protocol, ..Read::default() };
    if !matches!(protocol, TCP | UDP) {
        return Some(read);
    }
    let word = |at: usize| Some(u16::from_be_bytes([*payload.get(at)?, *payload.get(at + 1)?]));
    read.ends = Some((IpEndpoint::new(src, word(0)?), IpEndpoint::new(dst, word(2)?)));
    if protocol == TCP {
        let long = |at| Some(u32::from(word(at)?) << 16 | u32::from(word(at + 2)?));
        (read.seq, read.ack) = (long(4)?, long(8)?);
        read.flags = *payload.get(13)?;
        read.len = payload.len().saturating_sub(usize::from(payload[12] >> 4) * 4) as u32;
    }
    Some(read)
}
