//! IP packets and Ethernet frames made by hand, right in everything until a test changes it.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use sockstate::smoltcp::phy::ChecksumCapabilities;
use sockstate::smoltcp::wire::{Icmpv4Packet, Icmpv4Repr, Icmpv6Packet, Icmpv6Repr, Ipv4Packet};
use sockstate::testing::Lab;

pub const NEAR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
pub const FAR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 2];

/// An IPv4 packet.
pub fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let len = (20 + payload.len()) as u16;
    let mut packet = vec![0x45, 0, 0, 0, 0, 0, 0, 0, 64, protocol, 0, 0];
    packet[2..4].copy_from_slice(&len.to_be_bytes());
    packet.extend(src.octets());
    packet.extend(dst.octets());
    packet.extend(payload);
    mend_header(&mut packet);
    packet
}

/// An IPv6 packet.
pub fn ipv6(src: Ipv6Addr, dst: Ipv6Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([protocol, 64]);
    packet.extend(src.octets());
    packet.extend(dst.octets());
    packet.extend(payload);
    packet
}

/// A packet of the IP version of both addresses.
pub fn ip(src: IpAddr, dst: IpAddr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    match (src, dst) {
        (IpAddr::V4(src), IpAddr::V4(dst)) => ipv4(src, dst, protocol, payload),
        (IpAddr::V6(src), IpAddr::V6(dst)) => ipv6(src, dst, protocol, payload),
        _ => panic!("{src} and {dst} are of two IP versions"),
    }
}

/// Makes the checksum of an IPv4 header right, if it is all there.
pub fn mend_header(packet: &mut [u8]) {
    if usize::from(packet[0] & 0x0f) * 4 <= packet.len() {
        Ipv4Packet::new_unchecked(packet).fill_checksum();
    }
}

/// A packet with an echo reply.
pub fn echo_reply(src: IpAddr, dst: IpAddr, ident: u16, seq_no: u16, data: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 8 + data.len()];
    let caps = ChecksumCapabilities::default();
    match (src, dst) {
        (IpAddr::V4(_), IpAddr::V4(_)) => {
            let reply = Icmpv4Repr::EchoReply { ident, seq_no, data };
            reply.emit(&mut Icmpv4Packet::new_unchecked(&mut message), &caps);
            ip(src, dst, 1, &message)
        }
        (IpAddr::V6(from), IpAddr::V6(to)) => {
            let reply = Icmpv6Repr::EchoReply { ident, seq_no, data };
            reply.emit(&from, &to, &mut Icmpv6Packet::new_unchecked(&mut message), &caps);
            ip(src, dst, 58, &message)
        }
        _ => panic!("{src} and {dst} are of two IP versions"),
    }
}

/// A frame from the far stack's hardware address to the near one's.
pub fn to_near(packet: &[u8]) -> Vec<u8> {
    let ethertype = if packet[0] >> 4 == 6 { [0x86, 0xdd] } else { [0x08, 0x00] };
    [&NEAR_MAC[..], &FAR_MAC, &ethertype, packet].concat()
}

/// Shows a frame to the near stack.
pub fn show(lab: &Lab, frame: &[u8]) {
    let (_, mut far_end) = lab.cable.plugs();
    far_end.inject(lab.clock.time(), frame);
    lab.near.poll().unwrap();
}

/// Takes the IP packets off the cable that the near stack sent; address resolution is left out.
pub fn sent_by_near(lab: &Lab) -> Vec<Vec<u8>> {
    let (_, mut far_end) = lab.cable.plugs();
    lab.near.poll().unwrap();
    std::iter::from_fn(|| far_end.take(lab.clock.time()))
        .filter(|frame| frame[12..14] != [0x08, 0x06])
        .map(|frame| frame[14..].to_vec())
        .filter(|packet| !(packet[0] >> 4 == 6 && packet[6] == 58 && packet[40] == 135))
        .collect()
}

/// Lets both stacks learn where the other one is.
pub fn introduce(lab: &Lab) {
    for far in ["192.168.69.2:9", "[fd00::2]:9"] {
        let mut socket = lab.near.udp().unwrap().bind(9).unwrap();
        socket.send_to(b"hello", far.parse().unwrap()).unwrap();
        lab.run_for(sockstate::Duration::from_secs(2));
    }
}
