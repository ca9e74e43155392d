//! What the router must get right, point by point, on frames made by hand.

use core::net::SocketAddr;
use std::vec::Vec;

use smoltcp::phy::Medium;
use smoltcp::socket::tcp::State;
use smoltcp::time::Duration;
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::frames::{self, ACK, Header, ICMP, ICMPV6, RST, Read, SYN, Segment, UDP};
use super::{OWN_MAC, drain};
use crate::addr::{ip_addr, socket_addr};
use crate::device::{Cable, Plug};
use crate::testing::VirtualClock;
use crate::{Config, Error, Heap, Net, Stack};

/// ARP is not read any further.
const ARP: u8 = 0;

/// The stack's address and a neighbour's.
type Pair = [IpAddress; 2];
const V4: Pair = [IpAddress::v4(192, 168, 69, 1), IpAddress::v4(192, 168, 69, 2)];
const V6: Pair =
    [IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 1), IpAddress::v6(0xfd00, 0, 0, 0, 0, 0, 0, 2)];

/// A stack, and the other end of its cable in the test's hands.
struct Bench {
    stack: Stack<Plug, VirtualClock>,
    wire: Plug,
    clock: VirtualClock,
}

impl Bench {
    fn on(cable: Cable) -> Self {
        let clock = VirtualClock::new();
        let (plug, wire) = cable.plugs();
        let config = Config::ethernet(OWN_MAC, 7);
        let stack = Stack::new(Heap::default(), plug, clock.clone(), config).unwrap();
        for cidr in ["192.168.69.1/24", "fd00::1/64"] {
            stack.add_address(cidr.parse().unwrap()).unwrap();
        }
        Bench { stack, wire, clock }
    }

    /// Knows its neighbours.
    fn new() -> Self {
        let bench = Bench::on(Cable::ethernet());
        for pair in [V4, V6] {
            assert_eq!(bench.introduce(pair), []);
        }
        bench
    }

    fn net(&self) -> &Net {
        self.stack.net()
    }

    fn introduce(&self, [own, peer]: Pair) -> Vec<Read> {
        self.exchange(&frames::introduction(peer, own, OWN_MAC))
    }

    /// A frame in, and what comes out.
    fn exchange(&self, frame: &[u8]) -> Vec<Read> {
        self.wire.clone().inject(self.clock.time(), frame);
        self.poll()
    }

    fn exchange_packet(&self, packet: &[u8]) -> Vec<Read> {
        self.exchange(&frames::ethernet(OWN_MAC, frames::mac_of(V4[1]), packet))
    }

    fn exchange_segment(&self, segment: &Segment) -> Vec<Read> {
        let payload = segment.payload();
        let header = Header::default();
        let packet = header.packet(segment.src.addr, segment.dst.addr, frames::TCP, &payload);
        self.exchange_packet(&packet)
    }

    fn poll(&self) -> Vec<Read> {
        self.stack.poll().unwrap();
        let frames = drain(&mut self.wire.clone(), self.clock.time());
        frames.iter().map(|frame| frames::read(Medium::Ethernet, frame)).collect()
    }

    /// Polls, and gives the last byte of each address that ARP asks for.
    fn questions(&self) -> Vec<u8> {
        self.stack.poll().unwrap();
        let frames = drain(&mut self.wire.clone(), self.clock.time());
        frames.iter().map(|frame| frame[41]).collect()
    }

    fn poll_after(&self, time: Duration) -> Vec<Read> {
        self.clock.advance(time);
        self.poll()
    }

    /// A connection from the peer, whose next segment is returned.
    fn handshake(&self, request: &Segment) -> Segment {
        let [answer] = &self.exchange_segment(request)[..] else { panic!("not one answer") };
        assert_eq!(answer.flags, SYN | ACK);
        let (seq, ack) = (answer.ack, answer.seq.wrapping_add(1));
        let segment = Segment { flags: ACK, seq, ack, ..request.clone() };
        assert_eq!(self.exchange_segment(&segment), []);
        segment
    }
}

fn request([own, peer]: Pair, from: u16, to: u16) -> Segment {
    Segment::new(IpEndpoint::new(peer, from), IpEndpoint::new(own, to), SYN)
}

fn server([_, peer]: Pair) -> SocketAddr {
    socket_addr(IpEndpoint::new(peer, 80))
}

fn flags(answers: &[Read]) -> Vec<u8> {
    answers.iter().map(|read| read.flags).collect()
}

fn protocols(answers: &[Read]) -> Vec<u8> {
    answers.iter().map(|read| read.protocol).collect()
}

/// Point 1.
#[test]
fn what_waits_for_a_neighbour_goes_out_when_it_answers() {
    for (pair, question) in [(V4, ARP), (V6, ICMPV6)] {
        let bench = Bench::on(Cable::ethernet());
        let _first = bench.net().tcp().unwrap().connect(server(pair)).unwrap();
        let _second = bench.net().tcp().unwrap().connect(server(pair)).unwrap();
        assert_eq!(protocols(&bench.poll()), [question], "one question for both");
        assert_eq!(bench.poll_after(Duration::from_millis(3)), []);
        assert_eq!(flags(&bench.introduce(pair)), [SYN, SYN], "at once, not after a second");
    }
}

/// Point 1, when nobody answers: whose question went out steps back for the next one.
#[test]
fn a_neighbour_that_never_answers_does_not_starve_another() {
    let bench = Bench::on(Cable::ethernet());
    let dead = socket_addr(IpEndpoint::new(IpAddress::v4(192, 168, 69, 9), 80));
    let _dead = bench.net().tcp().unwrap().connect(dead).unwrap();
    let _alive = bench.net().tcp().unwrap().connect(server(V4)).unwrap();
    assert_eq!(bench.questions(), [9]);
    bench.clock.advance(Duration::from_millis(1_000));
    assert_eq!(bench.questions(), [2], "not the first one again");
    bench.clock.advance(Duration::from_millis(1_000));
    assert_eq!(bench.questions(), [9]);
    assert_eq!(flags(&bench.introduce(V4)), [SYN]);
}

/// Point 2.
#[test]
fn a_full_device_delays_and_keeps_the_order() {
    let bench = Bench::on(Cable::ethernet().with_capacity(2));
    bench.introduce(V4);
    let mut first = bench.net().udp().unwrap().bind(1).unwrap();
    let mut second = bench.net().udp().unwrap().bind(2).unwrap();
    for len in [1, 3, 5] {
        first.send_to(&[0; 9][..len], server(V4)).unwrap();
        second.send_to(&[0; 9][..len + 1], server(V4)).unwrap();
    }
    let mut sent = Vec::new();
    for round in 0..3 {
        let out = bench.poll();
        assert_eq!(out.len(), 2, "as many as fit, round {round}");
        sent.extend(out.iter().map(|read| read.ends.unwrap().0.port));
    }
    assert_eq!(sent, [1, 2, 1, 2, 1, 2], "each in its turn");
    assert_eq!(bench.net().poll_delay(), None);
}

#[test]
fn a_full_device_is_tried_again_at_the_next_poll() {
    let bench = Bench::on(Cable::ethernet().with_capacity(1));
    bench.introduce(V4);
    let mut socket = bench.net().udp().unwrap().bind(1).unwrap();
    socket.send_to(b"one", server(V4)).unwrap();
    socket.send_to(b"two", server(V4)).unwrap();
    bench.stack.poll().unwrap();
    bench.stack.poll().unwrap();
    assert_eq!(bench.net().poll_delay(), Some(Duration::ZERO), "there is still work");
    assert_eq!(drain(&mut bench.wire.clone(), bench.clock.time()).len(), 1);
    assert_eq!(bench.poll().len(), 1);
}

/// Point 3, from LISTEN on: by the request, by a RST in the handshake, and by the connection.
#[test]
fn a_listener_is_found_again_after_every_change() {
    for pair in [V4, V6] {
        let bench = Bench::new();
        let mut listener = bench.net().tcp().unwrap().bind(80).unwrap().listen(1).unwrap();

        let asked = request(pair, 1_000, 80);
        let [answer] = &bench.exchange_segment(&asked)[..] else { panic!("not one answer") };
        let reset = Segment { flags: RST, seq: answer.ack, ..asked.clone() };
        assert_eq!(bench.exchange_segment(&reset), []);

        let segment = bench.handshake(&request(pair, 1_001, 80));
        let (mut connection, _) = listener.accept().unwrap();
        let data = Segment { payload: b"hello".to_vec(), ..segment };
        bench.exchange_segment(&data);
        assert_eq!(connection.receive(&mut [0; 9]), Ok(5));

        bench.handshake(&request(pair, 1_002, 80));
    }
}

/// Point 3: from a bound socket to a connection, to its end by a RST, and back to a bound socket.
#[test]
fn a_connection_is_found_and_forgotten() {
    let bench = Bench::new();
    let socket = bench.net().tcp().unwrap().bind(2_000).unwrap();
    let to_bound = Segment { seq: 77, ..request(V4, 80, 2_000) };
    assert_eq!(flags(&bench.exchange_segment(&to_bound)), [RST | ACK], "bound is not listening");

    let mut connecting = socket.connect(server(V4)).unwrap();
    let [asked] = &bench.poll()[..] else { panic!("not one request") };
    let refusal =
        Segment { flags: RST | ACK, ack: asked.seq.wrapping_add(1), ..request(V4, 80, 2_000) };
    assert_eq!(bench.exchange_segment(&refusal), []);
    assert_eq!(connecting.poll(), Err(nb::Error::Other(Error::Refused)));
    assert_eq!(flags(&bench.exchange_segment(&to_bound)), [RST | ACK], "and no longer known");
    drop(connecting);

    let _listener = bench.net().tcp().unwrap().bind(2_000).unwrap().listen(1).unwrap();
    assert_eq!(flags(&bench.exchange_segment(&to_bound)), [SYN | ACK]);
}

/// Point 3: when TIME-WAIT is over, which only the turn to send tells.
#[test]
fn the_end_of_time_wait_is_noticed() {
    let bench = Bench::new();
    let mut listener = bench.net().tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let segment = bench.handshake(&request(V4, 1_000, 80));
    let (connection, _) = listener.accept().unwrap();
    let closing = connection.close();
    let [fin] = &bench.poll()[..] else { panic!("not one FIN") };
    let last = Segment { flags: frames::FIN | ACK, ack: fin.seq.wrapping_add(1), ..segment };
    assert_eq!(flags(&bench.exchange_segment(&last)), [ACK]);
    assert_eq!(closing.tcp_state(), Ok(State::TimeWait));

    let again = Segment { seq: 5_000, ..request(V4, 1_000, 80) };
    assert_ne!(flags(&bench.exchange_segment(&again)), [SYN | ACK]);
    bench.poll_after(Duration::from_secs(60));
    assert_eq!(closing.tcp_state(), Ok(State::Closed));
    bench.introduce(V4);
    bench.handshake(&again);
}

/// Point 3: a UDP socket takes its port with it.
#[test]
fn a_datagram_follows_the_port() {
    let bench = Bench::new();
    let datagram = |port| {
        let [own, peer] = V4;
        let (src, dst) = (IpEndpoint::new(peer, 9), IpEndpoint::new(own, port));
        Header::default().packet(peer, own, UDP, &frames::datagram(src, dst, b"data"))
    };
    let mut socket = bench.net().udp().unwrap().bind(7).unwrap();
    assert_eq!(bench.exchange_packet(&datagram(7)), []);
    assert_eq!(socket.receive_from(&mut [0; 9]).unwrap().0, 4);
    drop(socket);
    assert_eq!(protocols(&bench.exchange_packet(&datagram(7))), [ICMP]);
    let mut socket = bench.net().udp().unwrap().bind(8).unwrap();
    assert_eq!(bench.exchange_packet(&datagram(8)), []);
    assert_eq!(socket.receive_from(&mut [0; 9]).unwrap().0, 4);
}

/// Point 4.
#[test]
fn frames_for_nobody_are_answered_by_the_interface() {
    let bench = Bench::new();
    for (pair, message) in [(V4, ICMP), (V6, ICMPV6)] {
        let [own, peer] = pair;
        let (src, dst) = (IpEndpoint::new(peer, 9), IpEndpoint::new(own, 9));
        let packet = |(protocol, payload): (u8, Vec<u8>)| {
            Header::default().packet(peer, own, protocol, &payload)
        };

        assert_eq!(flags(&bench.exchange_segment(&request(pair, 1_000, 9))), [RST | ACK]);
        let datagram = packet((UDP, frames::datagram(src, dst, b"data")));
        assert_eq!(protocols(&bench.exchange_packet(&datagram)), [message], "port unreachable");
        let echo = packet(frames::echo_request(peer, own));
        assert_eq!(protocols(&bench.exchange_packet(&echo)), [message], "echo");
        let unknown = packet((99, b"data".to_vec()));
        assert_eq!(protocols(&bench.exchange_packet(&unknown)), [message], "unknown protocol");
    }
    let asked = |[own, peer]: Pair| protocols(&bench.exchange(&frames::solicitation(peer, own)));
    assert_eq!(asked(V4), [ARP]);
    assert_eq!(asked(V6), [ICMPV6]);
}

/// Point 5: fragments follow the first one, whatever comes between.
#[cfg(feature = "proto-ipv4-fragmentation")]
#[test]
fn fragments_follow_the_first_one() {
    let bench = Bench::new();
    let [own, peer] = V4;
    let other = IpAddress::v4(192, 168, 69, 3);
    let fragments = |src, port, byte| {
        let (from, to) = (IpEndpoint::new(src, 9), IpEndpoint::new(own, port));
        let datagram = frames::datagram(from, to, &[byte; 32]);
        let piece = |offset: usize, more: u16, data: &[u8]| {
            let fragment = (5, more | (offset / 8) as u16);
            Header { fragment, ..Header::default() }.packet(src, own, UDP, data)
        };
        [piece(0, 0x2000, &datagram[..24]), piece(24, 0, &datagram[24..])]
    };
    let mut first = bench.net().udp().unwrap().bind(1).unwrap();
    let mut second = bench.net().udp().unwrap().bind(2).unwrap();
    let [one_a, one_b] = fragments(peer, 1, b'1');
    let [two_a, two_b] = fragments(other, 2, b'2');
    // One after the other, and the last one first.
    for order in [[&one_a, &one_b, &two_a, &two_b], [&two_b, &two_a, &one_b, &one_a]] {
        for packet in order {
            assert_eq!(bench.exchange_packet(packet), []);
        }
        let mut buffer = [0; 64];
        assert_eq!(first.receive_from(&mut buffer).unwrap().0, 32);
        assert_eq!(buffer[..32], [b'1'; 32]);
        assert_eq!(second.receive_from(&mut buffer).unwrap().0, 32);
        assert_eq!(buffer[..32], [b'2'; 32]);
    }
}

/// Point 5: addresses that go and come back.
#[test]
fn changed_addresses_reach_every_slot() {
    let bench = Bench::new();
    let mut listener = bench.net().tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let first = request(V4, 1_000, 80);
    bench.handshake(&first);
    let (mut connection, _) = listener.accept().unwrap();
    let other = bench.handshake(&request(V6, 1_000, 80));
    let (mut over_v6, _) = listener.accept().unwrap();

    bench.net().remove_address(ip_addr(V4[0])).unwrap();
    assert_eq!(connection.receive(&mut [0; 9]), Err(nb::Error::Other(Error::AddressLost)));
    assert_eq!(bench.exchange_segment(&request(V4, 1_001, 80)), [], "nobody is at home");
    bench.introduce(V6);
    bench.exchange_segment(&Segment { payload: b"hello".to_vec(), ..other });
    assert_eq!(over_v6.receive(&mut [0; 9]), Ok(5));

    // The dead connection is still held, and must not be in the way of the same peer's next one.
    bench.net().add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    bench.introduce(V4);
    bench.handshake(&Segment { seq: 9_000, ..first });
}

/// smoltcp would panic if it saw the peer's SYN before its own is sent.
#[test]
fn both_ends_may_open_at_once() {
    for known in [true, false] {
        let bench = if known { Bench::new() } else { Bench::on(Cable::ethernet()) };
        let socket = bench.net().tcp().unwrap().bind(2_000).unwrap();
        let connecting = socket.connect(server(V4)).unwrap();
        let crossing = request(V4, 80, 2_000);
        if known {
            assert_eq!(flags(&bench.exchange_segment(&crossing)), [SYN], "ours");
        } else {
            assert_eq!(protocols(&bench.exchange_segment(&crossing)), [ARP]);
            assert_eq!(bench.exchange_segment(&crossing), []);
            assert_eq!(flags(&bench.introduce(V4)), [SYN], "ours");
        }
        let [answer] = &bench.exchange_segment(&crossing)[..] else { panic!("not one answer") };
        assert_eq!(answer.flags, SYN | ACK);
        let last =
            Segment { flags: ACK, seq: answer.ack, ack: answer.seq.wrapping_add(1), ..crossing };
        bench.exchange_segment(&last);
        assert!(connecting.finish().is_ok());
    }
}
