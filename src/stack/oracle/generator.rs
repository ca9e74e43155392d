//! Frames: valid ones, near misses and noise.

use std::vec::Vec;

use smoltcp::phy::Medium;
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::frames::{self, ACK, FIN, Header, PSH, RST, SYN, Segment, UDP};
use super::{CONNECT_PORTS, LISTEN_PORTS, OWN_MAC, PEER_PORTS, UDP_PORTS, World, host};

impl World {
    pub(super) fn frame(&mut self) -> Vec<u8> {
        let packet = match self.dice.below(20) {
            0 if self.medium == Medium::Ethernet => return self.neighbor_frame(),
            1 => {
                let len = self.dice.below(80);
                return self.dice.bytes(len);
            }
            _ => self.packet(),
        };
        let packet = if self.dice.one_in(12) { self.damaged(packet) } else { packet };
        if self.medium == Medium::Ip || packet.is_empty() {
            return packet;
        }
        let dst = match self.dice.below(30) {
            0 => frames::BROADCAST_MAC,
            1 => [0x33, 0x33, 0, 0, 0, 1],
            2 => [0x02, 0, 0, 0, 0, 0x77],
            _ => OWN_MAC,
        };
        let src = self.dice.pick(&self.neighbors);
        let frame = frames::ethernet(dst, frames::mac_of(src), &packet);
        if self.dice.one_in(60) { self.damaged(frame) } else { frame }
    }

    /// ARP and neighbour discovery.
    fn neighbor_frame(&mut self) -> Vec<u8> {
        let own = self.dice.pick(&self.networks).address();
        let number = self.dice.pick(&[1, 2, 3, 4, 9]);
        let neighbor = host(own, number);
        let frame = if self.dice.one_in(2) {
            frames::introduction(neighbor, own, OWN_MAC)
        } else {
            frames::solicitation(neighbor, own)
        };
        if self.dice.one_in(5) { self.damaged(frame) } else { frame }
    }

    /// Cut off, lengthened, or with a few bits flipped.
    fn damaged(&mut self, mut bytes: Vec<u8>) -> Vec<u8> {
        match self.dice.below(6) {
            0 => bytes.truncate(self.dice.below(bytes.len() + 1)),
            1 => {
                let len = self.dice.below(20);
                bytes.extend(self.dice.bytes(len));
            }
            _ => {
                for _ in 0..1 + self.dice.below(3) {
                    // More often in the headers than in the data.
                    let end = if self.dice.one_in(3) { bytes.len() } else { bytes.len().min(60) };
                    let bit = self.dice.below(end * 8);
                    bytes[bit / 8] ^= 1 << (bit % 8);
                }
            }
        }
        bytes
    }

    fn packet(&mut self) -> Vec<u8> {
        let src = self.peer();
        let dst = self.destination(src);
        let (src, dst, protocol, payload) = match self.dice.below(20) {
            0..=10 if !self.flows.is_empty() => self.answer(),
            11 | 12 => {
                let remote = IpEndpoint::new(src, self.dice.pick(&PEER_PORTS));
                let local = IpEndpoint::new(dst, self.dice.pick(&UDP_PORTS));
                let len = self.dice.below(300);
                let data = self.dice.bytes(len);
                (src, dst, UDP, frames::datagram(remote, local, &data))
            }
            13 => {
                let (protocol, payload) = frames::echo_request(src, dst);
                (src, dst, protocol, payload)
            }
            14 => {
                let (protocol, len) = (self.dice.number() as u8, self.dice.below(100));
                (src, dst, protocol, self.dice.bytes(len))
            }
            _ => self.request(src, dst),
        };
        self.header(dst).packet(src, dst, protocol, &payload)
    }

    /// Ours, as a rule.
    fn destination(&mut self, src: IpAddress) -> IpAddress {
        let v4 = matches!(src, IpAddress::Ipv4(_));
        let candidates: Vec<_> = self
            .networks
            .iter()
            .map(|network| network.address())
            .filter(|addr| matches!(addr, IpAddress::Ipv4(_)) == v4)
            .collect();
        let own = self.dice.pick(&candidates);
        let group = if v4 { "224.0.0.1" } else { "ff02::1" };
        match self.dice.below(40) {
            0 => group.parse().unwrap(),
            1 if v4 => IpAddress::v4(255, 255, 255, 255),
            2 => host(own, 255),
            3 => host(own, 77),
            _ => own,
        }
    }

    /// What else may be in an IP header.
    fn header(&mut self, dst: IpAddress) -> Header {
        let mut header = Header::default();
        if self.dice.one_in(12) {
            let options: &[&[u8]] = match dst {
                // No operation; a router alert; an option of unknown kind.
                IpAddress::Ipv4(_) => {
                    &[&[1, 1, 1, 0], &[148, 4, 0, 0], &[0x9f, 8, 1, 2, 3, 4, 5, 6]]
                }
                // Padding; a router alert; unknown options to be skipped, dropped and answered; and
                // a header too long for the packet it is in.
                IpAddress::Ipv6(_) => &[
                    &[1, 4, 0, 0, 0, 0],
                    &[5, 2, 0, 0, 1, 0],
                    &[0x3e, 4, 0, 0, 0, 0],
                    &[0x7e, 4, 0, 0, 0, 0],
                    &[0xbe, 4, 0, 0, 0, 0],
                    &[0xfe, 4, 0, 0, 0, 0],
                    &[1, 12, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                ],
            };
            header.options = self.dice.pick(options).to_vec();
        }
        if self.dice.one_in(40) {
            header.fragment = self.dice.pick(&[(1, 0x2000), (1, 0x0010), (2, 0), (3, 0x2040)]);
        }
        if self.dice.one_in(40) {
            header.hop_limit = self.dice.pick(&[0, 1, 255]);
        }
        header
    }

    /// A connection request, to a port where somebody listens or does not.
    fn request(&mut self, src: IpAddress, dst: IpAddress) -> (IpAddress, IpAddress, u8, Vec<u8>) {
        let port = match self.dice.below(12) {
            0 => self.dice.pick(&CONNECT_PORTS),
            1 => self.dice.pick(&LISTEN_PORTS) + 1,
            _ => self.dice.pick(&LISTEN_PORTS),
        };
        let remote = IpEndpoint::new(src, self.dice.pick(&PEER_PORTS));
        let mut segment = Segment::new(remote, IpEndpoint::new(dst, port), SYN);
        segment.seq = self.dice.number() as u32;
        segment.window = self.dice.pick(&[0, 100, 4_096, 65_535]);
        let options: &[&[u8]] = &[
            &[],
            &[2, 4, 0x05, 0xb4],
            &[2, 4, 0, 100],
            &[2, 4, 0, 0],
            &[2, 4, 0x05, 0xb4, 1, 3, 3, 7],
            &[4, 2, 1, 1],
            &[99, 4, 0, 0],
        ];
        segment.options = self.dice.pick(options).to_vec();
        if self.dice.one_in(10) {
            segment.payload = self.dice.bytes(10);
        }
        (src, dst, frames::TCP, segment.payload())
    }

    /// What a peer might say next on a connection, or nearly that.
    fn answer(&mut self) -> (IpAddress, IpAddress, u8, Vec<u8>) {
        let flow = self.dice.pick(&self.flows);
        let mut segment = Segment::new(flow.remote, flow.local, ACK);
        (segment.seq, segment.ack) = (flow.ack, flow.seq);
        segment.window = self.dice.pick(&[0, 200, 4_096, 4_096, 4_096, 65_535]);
        if flow.flags & (SYN | ACK) == SYN {
            segment.seq = self.dice.number() as u32;
            segment.flags = self.dice.pick(&[SYN | ACK, SYN | ACK, SYN | ACK, SYN, RST | ACK, ACK]);
        } else {
            segment.flags = match self.dice.below(24) {
                0 | 1 => FIN | ACK,
                2 => RST | ACK,
                3 => RST,
                4 => SYN,
                5 => SYN | ACK,
                6 => 0,
                7..=15 => PSH | ACK,
                _ => ACK,
            };
        }
        if segment.flags & PSH != 0 || self.dice.one_in(10) {
            let len = self.dice.pick(&[1, 10, 500, 1_400]);
            segment.payload = self.dice.bytes(len);
        }
        if segment.flags & SYN != 0 && segment.flags & ACK == 0 && self.dice.one_in(2) {
            // The first segment of the connection, once more.
            segment.seq = segment.seq.wrapping_sub(1);
        }
        if self.dice.one_in(5) {
            self.miss(&mut segment);
        }
        (segment.src.addr, segment.dst.addr, frames::TCP, segment.payload())
    }

    /// Makes one thing about a segment not quite right.
    fn miss(&mut self, segment: &mut Segment) {
        let by = self.dice.pick(&[1_u32, u32::MAX, 10, 1_000, 1 << 20]);
        match self.dice.below(6) {
            0 | 1 => segment.seq = segment.seq.wrapping_add(by),
            2 => segment.ack = segment.ack.wrapping_add(by),
            3 => segment.src.port = segment.src.port.wrapping_add(by as u16),
            4 => segment.dst.port = segment.dst.port.wrapping_add(by as u16),
            _ => segment.src.addr = host(segment.src.addr, 4),
        }
    }
}
