//! The far end of the cable, played by hand: frames as bytes.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sockstate::device::Plug;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, TcpSocket, state::Connecting};

use crate::common::{FAR, FAR_V6, NEAR, far};

pub const NEAR_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
/// A router on the link, which reports what cannot be delivered.
pub const ROUTER: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 254);
pub const ROUTER_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0xfe);

pub const NEAR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 1];
const FAR_MAC: [u8; 6] = [0x02, 0, 0, 0, 0, 2];

pub const ICMP: u8 = 1;
pub const TCP: u8 = 6;
pub const UDP: u8 = 17;
pub const ICMPV6: u8 = 58;

/// The Internet checksum, RFC 1071.
pub fn checksum(bytes: &[u8]) -> u16 {
    let mut sum: u32 = bytes
        .chunks(2)
        .map(|pair| u32::from(pair[0]) << 8 | u32::from(*pair.get(1).unwrap_or(&0)))
        .sum();
    while sum > 0xffff {
        sum = (sum >> 16) + (sum & 0xffff);
    }
    !(sum as u16)
}

/// A frame to the near stack, or to a group.
pub fn ethernet(to: [u8; 6], packet: &[u8]) -> Vec<u8> {
    let ethertype: [u8; 2] = if packet[0] >> 4 == 4 { [0x08, 0] } else { [0x86, 0xdd] };
    [&to[..], &FAR_MAC, &ethertype, packet].concat()
}

pub fn ipv4(src: Ipv4Addr, dst: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x45, 0];
    packet.extend((20 + payload.len() as u16).to_be_bytes());
    packet.extend([0, 1, 0, 0, 64, protocol, 0, 0]);
    packet.extend(src.octets());
    packet.extend(dst.octets());
    seal_ipv4(&mut packet);
    packet.extend(payload);
    packet
}

/// Fills in the checksum of an IPv4 header.
pub fn seal_ipv4(packet: &mut [u8]) {
    let header_len = usize::from(packet[0] & 0xf) * 4;
    packet[10..12].fill(0);
    let sum = checksum(&packet[..header_len.min(packet.len())]);
    packet[10..12].copy_from_slice(&sum.to_be_bytes());
}

pub fn ipv6(src: Ipv6Addr, dst: Ipv6Addr, next: u8, hop_limit: u8, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x60, 0, 0, 0];
    packet.extend((payload.len() as u16).to_be_bytes());
    packet.extend([next, hop_limit]);
    packet.extend(src.octets());
    packet.extend(dst.octets());
    packet.extend(payload);
    packet
}

/// An ICMP message, RFC 792: type, code, the second word of the header, and the rest.
pub fn icmp(kind: u8, code: u8, word: u32, rest: &[u8]) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(word.to_be_bytes());
    message.extend(rest);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// An ICMPv6 message, RFC 4443, whose checksum is also over the addresses.
pub fn icmpv6(
    (src, dst): (Ipv6Addr, Ipv6Addr),
    kind: u8,
    code: u8,
    word: u32,
    rest: &[u8],
) -> Vec<u8> {
    let mut message = vec![kind, code, 0, 0];
    message.extend(word.to_be_bytes());
    message.extend(rest);
    let mut pseudo = [src.octets(), dst.octets()].concat();
    pseudo.extend((message.len() as u32).to_be_bytes());
    pseudo.extend([0, 0, 0, ICMPV6]);
    pseudo.extend(&message);
    message[2..4].copy_from_slice(&checksum(&pseudo).to_be_bytes());
    message
}

/// A report of the router about a packet of the near stack.
pub fn report(kind: u8, code: u8, word: u32, quote: &[u8]) -> Vec<u8> {
    if quote[0] >> 4 == 4 {
        ipv4(ROUTER, NEAR, ICMP, &icmp(kind, code, word, quote))
    } else {
        let ends = (ROUTER_V6, NEAR_V6);
        ipv6(ends.0, ends.1, ICMPV6, 64, &icmpv6(ends, kind, code, word, quote))
    }
}

/// The far end of the cable, in the place of the far stack.
pub struct Wire<'lab> {
    pub lab: &'lab Lab,
    plug: Plug,
}

impl<'lab> Wire<'lab> {
    /// The near stack knows the hardware address of the far one from here on, for both IP versions.
    pub fn new(lab: &'lab Lab) -> Self {
        let mut probe = lab.near.udp().unwrap().bind(9).unwrap();
        let _heard = lab.far.udp().unwrap().bind(9).unwrap();
        for far in [IpAddr::V4(FAR), IpAddr::V6(FAR_V6)] {
            probe.send_to(b"", SocketAddr::new(far, 9)).unwrap();
            lab.run_for(Duration::from_secs(3));
        }
        Wire::bare(lab)
    }

    /// The near stack knows nobody.
    pub fn bare(lab: &'lab Lab) -> Self {
        Wire { lab, plug: lab.cable.plugs().1 }
    }

    /// Sends a packet to the near stack, which takes it in.
    pub fn send(&mut self, packet: &[u8]) {
        self.send_frame(&ethernet(NEAR_MAC, packet));
    }

    pub fn send_frame(&mut self, frame: &[u8]) {
        self.plug.inject(self.lab.clock.time(), frame);
        self.lab.near.poll().unwrap();
    }

    /// What the near stack has sent: the packets, without the headers of their frames.
    pub fn sent(&mut self) -> Vec<Vec<u8>> {
        while self.lab.near.poll().unwrap() {}
        let taken = std::iter::from_fn(|| self.plug.take(self.lab.clock.time()));
        taken.map(|frame| frame[14..].to_vec()).collect()
    }

    /// Lets the far stack have a packet of the near one after all.
    pub fn pass_on(&self, packet: &[u8]) {
        let ethertype: [u8; 2] = if packet[0] >> 4 == 4 { [0x08, 0] } else { [0x86, 0xdd] };
        let frame = [&FAR_MAC[..], &NEAR_MAC, &ethertype, packet].concat();
        self.lab.cable.plugs().0.inject(self.lab.clock.time(), &frame);
    }

    /// The one packet that the near stack has sent.
    #[track_caller]
    pub fn only(&mut self) -> Vec<u8> {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "one packet was expected: {sent:x?}");
        sent.remove(0)
    }

    /// Lets so much time pass, and gives the packets that the near stack sends meanwhile.
    pub fn wait(&mut self, time: Duration) -> Vec<(Duration, Vec<u8>)> {
        let start = self.lab.clock.time();
        let mut all = Vec::new();
        loop {
            let passed = self.lab.clock.time() - start;
            all.extend(self.sent().into_iter().map(|packet| (passed, packet)));
            if passed >= time {
                return all;
            }
            let left = time - passed;
            let delay = self.lab.near.poll_delay().unwrap_or(left);
            self.lab.clock.advance(delay.max(Duration::from_micros(1)).min(left));
        }
    }

    /// A connection attempt, and the packet of its request.
    pub fn request(&mut self) -> (TcpSocket<'lab, Connecting>, Vec<u8>) {
        self.request_to(far(80))
    }

    pub fn request_to(&mut self, remote: SocketAddr) -> (TcpSocket<'lab, Connecting>, Vec<u8>) {
        let connecting = self.lab.near.tcp().unwrap().connect(remote).unwrap();
        (connecting, self.only())
    }

    /// How many ICMP errors the near stack took, and how many it ignored.
    pub fn reports(&self) -> (u32, u32) {
        let counted = self.lab.near.statistics().unwrap();
        (counted.icmp_errors_taken, counted.icmp_errors_ignored)
    }
}

/// Whether a connection attempt goes on, or why it ended.
pub fn outcome(socket: &mut TcpSocket<'_, Connecting>) -> Option<Error> {
    match socket.poll() {
        Err(sockstate::nb::Error::Other(error)) => Some(error),
        Err(sockstate::nb::Error::WouldBlock) => None,
        Ok(()) => panic!("it is connected"),
    }
}
