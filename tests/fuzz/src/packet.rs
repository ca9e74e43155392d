//! Packets, made by hand and right in everything until somebody damages them.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

pub const ICMP: u8 = 1;
pub const IGMP: u8 = 2;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMPV6: u8 = 58;

pub const FIN: u8 = 0x01;
pub const SYN: u8 = 0x02;
pub const RST: u8 = 0x04;
pub const PSH: u8 = 0x08;
pub const ACK: u8 = 0x10;

pub type Mac = [u8; 6];
pub const EVERYBODY: Mac = [0xff; 6];

pub fn octets(addr: IpAddr) -> Vec<u8> {
    match addr {
        IpAddr::V4(addr) => addr.octets().to_vec(),
        IpAddr::V6(addr) => addr.octets().to_vec(),
    }
}

/// The hardware address of a host: it ends as its IP address does.
pub fn mac_of(addr: IpAddr) -> Mac {
    [2, 0, 0, 0, 0, octets(addr).last().copied().unwrap_or_default()]
}

/// RFC 1071.
fn checksum(bytes: &[u8]) -> [u8; 2] {
    let words = bytes.chunks(2).map(|pair| [pair[0], pair.get(1).copied().unwrap_or(0)]);
    let mut sum: u32 = words.map(|word| u32::from(u16::from_be_bytes(word))).sum();
    while sum > 0xffff {
        sum = (sum & 0xffff) + (sum >> 16);
    }
    (!(sum as u16)).to_be_bytes()
}

/// Puts in the checksum over a message and its pseudo header.
fn seal(src: IpAddr, dst: IpAddr, protocol: u8, message: &mut [u8], at: usize) {
    let mut covered = [octets(src), octets(dst)].concat();
    covered.extend((message.len() as u32).to_be_bytes());
    covered.extend([0, 0, 0, protocol]);
    covered.extend_from_slice(message);
    let sum = checksum(&covered);
    // RFC 768: of UDP, zero would say that there is none.
    let sum = if sum == [0, 0] && protocol == UDP { [0xff, 0xff] } else { sum };
    message[at..at + 2].copy_from_slice(&sum);
}

/// An IP packet; of IPv4 with options, of IPv6 with a hop-by-hop header if there are `options`, four
/// and six bytes of them.
pub fn ip(
    (src, dst): (IpAddr, IpAddr),
    protocol: u8,
    hops: u8,
    options: bool,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet = if src.is_ipv4() {
        // A router alert.
        let options: &[u8] = if options { &[148, 4, 0, 0] } else { &[] };
        let header = 20 + options.len();
        let len = ((header + payload.len()) as u16).to_be_bytes();
        let mut packet =
            vec![0x40 | (header / 4) as u8, 0, len[0], len[1], 0, 0, 0x40, 0, hops, protocol, 0, 0];
        packet.extend(octets(src));
        packet.extend(octets(dst));
        packet.extend(options);
        let sum = checksum(&packet);
        packet[10..12].copy_from_slice(&sum);
        packet
    } else {
        let extension = [protocol, 0, 5, 2, 0, 0, 1, 0];
        let extension: &[u8] = if options { &extension } else { &[] };
        let len = ((extension.len() + payload.len()) as u16).to_be_bytes();
        let next = if options { 0 } else { protocol };
        let mut packet = vec![0x60, 0, 0, 0, len[0], len[1], next, hops];
        packet.extend(octets(src));
        packet.extend(octets(dst));
        packet.extend(extension);
        packet
    };
    packet.extend_from_slice(payload);
    packet
}

/// A TCP segment.
#[derive(Clone, Debug)]
pub struct Segment {
    pub src: SocketAddr,
    pub dst: SocketAddr,
    pub flags: u8,
    pub seq: u32,
    pub ack: u32,
    pub window: u16,
    pub options: Vec<u8>,
    /// How many bytes of data: each is the lowest byte of its sequence number.
    pub len: usize,
}

impl Segment {
    pub fn message(&self) -> Vec<u8> {
        let mut bytes = [self.src.port().to_be_bytes(), self.dst.port().to_be_bytes()].concat();
        bytes.extend(self.seq.to_be_bytes());
        bytes.extend(self.ack.to_be_bytes());
        bytes.extend([((20 + self.options.len()) * 4) as u8, self.flags]);
        bytes.extend(self.window.to_be_bytes());
        bytes.extend([0; 4]);
        bytes.extend(&self.options);
        let first = self.seq.wrapping_add(u32::from(self.flags & SYN != 0));
        bytes.extend((0..self.len).map(|at| first.wrapping_add(at as u32) as u8));
        seal(self.src.ip(), self.dst.ip(), TCP, &mut bytes, 16);
        bytes
    }
}

pub fn udp(src: SocketAddr, dst: SocketAddr, data: &[u8]) -> Vec<u8> {
    let len = ((8 + data.len()) as u16).to_be_bytes();
    let mut bytes = [src.port().to_be_bytes(), dst.port().to_be_bytes(), len, [0, 0]].concat();
    bytes.extend_from_slice(data);
    seal(src.ip(), dst.ip(), UDP, &mut bytes, 6);
    bytes
}

/// A message of ICMP or ICMPv6, and its protocol.
pub fn icmp(src: IpAddr, dst: IpAddr, kind: u8, code: u8, body: &[u8]) -> (u8, Vec<u8>) {
    let mut bytes = [&[kind, code, 0, 0], body].concat();
    if src.is_ipv6() {
        seal(src, dst, ICMPV6, &mut bytes, 2);
        return (ICMPV6, bytes);
    }
    let sum = checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum);
    (ICMP, bytes)
}

/// A message of IGMP.
pub fn igmp(kind: u8, time: u8, group: Ipv4Addr) -> Vec<u8> {
    let mut bytes = [&[kind, time, 0, 0][..], &group.octets()].concat();
    let sum = checksum(&bytes);
    bytes[2..4].copy_from_slice(&sum);
    bytes
}

/// ARP: a request, or an answer.
pub fn arp(is_request: bool, sender: Ipv4Addr, target: Ipv4Addr, target_mac: Mac) -> Vec<u8> {
    let mac = mac_of(sender.into());
    let dst = if is_request { EVERYBODY } else { target_mac };
    let operation = if is_request { 1 } else { 2 };
    let mut frame = [&dst[..], &mac, &[8, 6, 0, 1, 8, 0, 6, 4, 0, operation], &mac].concat();
    frame.extend(sender.octets());
    frame.extend(target_mac);
    frame.extend(target.octets());
    frame
}

/// Neighbour discovery: a neighbour says what its hardware address is.
pub fn advertisement(sender: Ipv6Addr, target: Ipv6Addr, target_mac: Mac) -> Vec<u8> {
    let mac = mac_of(sender.into());
    let body = [&[0x60, 0, 0, 0][..], &sender.octets(), &[2, 1], &mac].concat();
    let ends = (sender.into(), target.into());
    let (protocol, message) = icmp(ends.0, ends.1, 136, 0, &body);
    ethernet(target_mac, mac, &ip(ends, protocol, 255, false, &message))
}

pub fn ethernet(dst: Mac, src: Mac, packet: &[u8]) -> Vec<u8> {
    let kind = if packet[0] >> 4 == 4 { [0x08, 0x00] } else { [0x86, 0xdd] };
    [&dst[..], &src, &kind, packet].concat()
}
