//! ICMP errors that are forged, damaged or about something else: all of them are ignored.

use std::net::Ipv4Addr;

use sockstate::testing::Lab;
use sockstate::{Duration, device::Cable};

use crate::common::{DEAD, FAR, NEAR, assert_blocks, far, slots};
use crate::wire::{
    ICMP, NEAR_V6, ROUTER, ROUTER_V6, TCP, UDP, Wire, ethernet, icmp, icmpv6, ipv4, ipv6, outcome,
    report, seal_ipv4,
};

/// Sends what is forged after a request of each IP version, and looks whether the attempts go on;
/// at last what is true, so that it is known what the forged was to do.
fn ignored(forge: impl Fn(&[u8], &[u8]) -> Vec<Vec<u8>>) {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let (mut v4, request_v4) = wire.request();
    let (mut v6, request_v6) = wire.request_to((crate::common::FAR_V6, 80).into());
    let forged = forge(&request_v4, &request_v6);
    assert!(!forged.is_empty());
    for packet in &forged {
        wire.send(packet);
        let went_on = (outcome(&mut v4), outcome(&mut v6)) == (None, None);
        assert!(went_on, "believed: {packet:x?}");
    }
    assert_eq!(wire.reports().0, 0);
    wire.send(&report(3, 1, 0, &request_v4));
    wire.send(&report(1, 0, 0, &request_v6));
    assert!(outcome(&mut v4).is_some() && outcome(&mut v6).is_some());
}

/// The same packet with other bytes at a place.
fn with(packet: &[u8], at: usize, bytes: &[u8]) -> Vec<u8> {
    let mut changed = packet.to_vec();
    changed[at..at + bytes.len()].copy_from_slice(bytes);
    changed
}

#[test]
fn of_another_sequence_number() {
    ignored(|v4, v6| {
        let number = u32::from_be_bytes(v4[24..28].try_into().unwrap());
        let near_misses = [number.wrapping_add(1), number.wrapping_sub(1), 0];
        let mut forged: Vec<_> = near_misses
            .iter()
            .map(|number| report(3, 1, 0, &with(v4, 24, &number.to_be_bytes())))
            .collect();
        forged.push(report(1, 0, 0, &with(v6, 44, &[0; 4])));
        forged
    });
}

#[test]
fn of_other_addresses_or_ports() {
    ignored(|v4, v6| {
        vec![
            report(3, 1, 0, &with(v4, 12, &DEAD.octets())),
            report(3, 1, 0, &with(v4, 16, &DEAD.octets())),
            report(3, 1, 0, &with(v4, 20, &[1, 2])),
            report(3, 1, 0, &with(v4, 22, &[0, 81])),
            report(1, 0, 0, &with(v6, 23, &[9])),
            report(1, 0, 0, &with(v6, 39, &[9])),
            report(1, 0, 0, &with(v6, 40, &[1, 2])),
            report(1, 0, 0, &with(v6, 42, &[0, 81])),
        ]
    });
}

/// An error goes to the host whose packet it is about, and to no group.
#[test]
fn to_somebody_else() {
    ignored(|v4, v6| {
        let message = icmp(3, 1, 0, v4);
        let nodes = "ff02::1".parse().unwrap();
        let stranger = "fd00::9".parse().unwrap();
        vec![
            ipv4(ROUTER, DEAD, ICMP, &message),
            ipv4(ROUTER, Ipv4Addr::BROADCAST, ICMP, &message),
            ipv4(ROUTER, Ipv4Addr::new(224, 0, 0, 1), ICMP, &message),
            ipv6(ROUTER_V6, nodes, 58, 64, &icmpv6((ROUTER_V6, nodes), 1, 0, 0, v6)),
            ipv6(ROUTER_V6, stranger, 58, 64, &icmpv6((ROUTER_V6, stranger), 1, 0, 0, v6)),
        ]
    });
}

#[test]
fn from_a_group() {
    ignored(|v4, v6| {
        let nodes = "ff02::1".parse().unwrap();
        vec![
            ipv4(Ipv4Addr::new(224, 0, 0, 1), NEAR, ICMP, &icmp(3, 1, 0, v4)),
            ipv4(Ipv4Addr::BROADCAST, NEAR, ICMP, &icmp(3, 1, 0, v4)),
            ipv6(nodes, NEAR_V6, 58, 64, &icmpv6((nodes, NEAR_V6), 1, 0, 0, v6)),
        ]
    });
}

#[test]
fn cut_short_at_any_place() {
    ignored(|v4, v6| {
        let short_v4 = (1..28).map(|len| report(3, 1, 0, &v4[..len]));
        let short_v6 = (1..48).map(|len| report(1, 0, 0, &v6[..len]));
        let mut forged: Vec<_> = short_v4.chain(short_v6).collect();
        // Without any quote, and without all of its own header.
        forged.push(ipv4(ROUTER, NEAR, ICMP, &icmp(3, 1, 0, &[])));
        for len in 0..8 {
            let own = &icmp(3, 1, 0, v4)[..len];
            forged.push(ipv4(ROUTER, NEAR, ICMP, own));
            forged.push(ipv6(ROUTER_V6, NEAR_V6, 58, 64, own));
        }
        forged
    });
}

/// A quote whose header claims to be longer than there are bytes, or shorter than any.
#[test]
fn with_a_false_header_length() {
    ignored(|v4, v6| {
        let mut forged = Vec::new();
        for words in [0, 1, 4, 6, 15] {
            forged.push(report(3, 1, 0, &with(&v4[..28], 0, &[0x40 | words])));
        }
        // Of another version than the packet around it.
        for version in [0x05, 0x65, 0xf5] {
            forged.push(ipv4(ROUTER, NEAR, ICMP, &icmp(3, 1, 0, &with(v4, 0, &[version]))));
        }
        let ends = (ROUTER_V6, NEAR_V6);
        forged.push(ipv6(ends.0, ends.1, 58, 64, &icmpv6(ends, 1, 0, 0, &with(v6, 0, &[0x40]))));
        forged.push(ipv6(ends.0, ends.1, 58, 64, &icmpv6(ends, 1, 0, 0, v4)));
        forged.push(ipv4(ROUTER, NEAR, ICMP, &icmp(3, 1, 0, v6)));
        forged
    });
}

#[test]
fn with_a_wrong_checksum() {
    ignored(|v4, v6| {
        let (true_v4, true_v6) = (report(3, 1, 0, v4), report(1, 0, 0, v6));
        let flip = |packet: &[u8], at: usize| with(packet, at, &[packet[at] ^ 1]);
        vec![flip(&true_v4, 22), flip(&true_v4, 10), flip(&true_v4, 27), flip(&true_v6, 42)]
    });
}

/// Only the first fragment has ports; and an error in fragments is not whole.
#[test]
fn of_a_later_fragment_or_in_fragments() {
    ignored(|v4, _| {
        let mut forged = vec![report(3, 1, 0, &with(v4, 6, &[0, 1]))];
        for flags in [[0x20, 0], [0, 1]] {
            let mut packet = with(&report(3, 1, 0, v4), 6, &flags);
            seal_ipv4(&mut packet);
            forged.push(packet);
        }
        forged
    });
}

/// Errors about errors do not exist (RFC 1122 section 3.2.2), and a quote of a quote is none.
#[test]
fn about_another_error() {
    ignored(|v4, v6| {
        let error_v4 = ipv4(NEAR, FAR, ICMP, &icmp(3, 1, 0, v4));
        let ends = (NEAR_V6, ROUTER_V6);
        let error_v6 = ipv6(ends.0, ends.1, 58, 64, &icmpv6(ends, 1, 0, 0, v6));
        // With the sequence number where a segment would have it.
        let disguised = ipv4(NEAR, FAR, ICMP, &v4[20..]);
        vec![report(3, 1, 0, &error_v4), report(1, 0, 0, &error_v6), report(3, 1, 0, &disguised)]
    });
}

/// A datagram of the same ports is another conversation.
#[test]
fn of_another_protocol() {
    ignored(|v4, v6| {
        vec![report(3, 1, 0, &with(v4, 9, &[UDP])), report(1, 0, 0, &with(v6, 6, &[UDP]))]
    });
}

/// Types and codes that are no errors, with the quote of one.
#[test]
fn that_is_no_error() {
    ignored(|v4, v6| {
        let v4 = [0, 4, 5, 8, 9, 10, 13, 30, 255].map(|kind| report(kind, 0, 0, v4));
        let v6 = [0, 5, 100, 127, 128, 129, 200].map(|kind| report(kind, 0, 0, v6));
        v4.into_iter().chain(v6).collect()
    });
}

/// Before the request is sent nobody can know of it, whatever number they guess: not even the one
/// of the last request of the same slot.
#[test]
fn a_request_that_is_not_sent_yet_cannot_be_undeliverable() {
    let lab = Lab::builder(1).near(slots(1, 1)).cable(Cable::ethernet()).build();
    let mut wire = Wire::new(&lab);
    let bound = lab.near.tcp().unwrap().bind(6_000).unwrap();
    let before = bound.connect(far(80)).unwrap();
    let request = wire.only();
    drop(before);
    // The next one waits for its neighbour, who does not answer.
    let bound = lab.near.tcp().unwrap().bind(6_000).unwrap();
    let mut connecting = bound.connect((DEAD, 80).into()).unwrap();
    wire.sent();
    let to_dead = with(&request, 16, &DEAD.octets());
    wire.send(&report(3, 1, 0, &to_dead));
    wire.send(&report(3, 1, 0, &with(&to_dead, 24, &[0; 4])));
    assert_eq!(outcome(&mut connecting), None);
    assert_eq!(wire.reports(), (0, 2));
}

/// The same for UDP: not of this peer, not of this port, not of this host.
#[test]
fn of_datagrams_to_somebody_else() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let mut socket = lab.near.udp().unwrap().connect(far(7)).unwrap();
    socket.send(b"hello").unwrap();
    let datagram = wire.only();
    let forged = [
        with(&datagram, 12, &DEAD.octets()),
        with(&datagram, 16, &DEAD.octets()),
        with(&datagram, 20, &[1, 2]),
        with(&datagram, 22, &[0, 8]),
        with(&datagram, 9, &[TCP]),
        datagram[..27].to_vec(),
    ];
    for quote in &forged {
        wire.send(&report(3, 3, 0, quote));
        assert_blocks(socket.receive(&mut [0; 16]));
    }
    assert_eq!(wire.reports(), (0, 6));
    // To another host, about a packet of that.
    let message = icmp(3, 3, 0, &with(&datagram, 12, &DEAD.octets()));
    wire.send(&ipv4(ROUTER, DEAD, ICMP, &message));
    assert_blocks(socket.receive(&mut [0; 16]));
    assert_eq!(wire.reports(), (0, 7));
    wire.send(&report(3, 3, 0, &datagram));
    assert_eq!(wire.reports(), (1, 7));
}

/// With few slots many ports are filed together, and still are different ports.
#[test]
fn of_other_ports_that_are_filed_together() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut wire = Wire::new(&lab);
    let mut socket = lab.near.udp().unwrap().connect(far(7)).unwrap();
    socket.send(b"hello").unwrap();
    let datagram = wire.only();
    for port in 1..200_u16 {
        wire.send(&report(3, 3, 0, &with(&datagram, 20, &port.to_be_bytes())));
    }
    assert_blocks(socket.receive(&mut [0; 16]));
    assert_eq!(wire.reports(), (0, 199));
}

/// A header cannot be so short that addresses are taken for ports.
#[test]
fn with_a_header_that_ends_in_its_addresses() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    // The address of the far stack, read as two ports.
    let bound = lab.near.udp().unwrap().bind(192 << 8 | 168).unwrap();
    let mut socket = bound.connect(far(69 << 8 | 2)).unwrap();
    socket.send(b"hello").unwrap();
    let datagram = wire.only();
    wire.send(&report(3, 3, 0, &with(&datagram, 0, &[0x44])));
    assert_blocks(socket.receive(&mut [0; 16]));
    assert_eq!(wire.reports(), (0, 1));
}

/// Thousands of them that are random behind the first bytes: nothing panics, nothing is believed.
#[test]
fn random_ones() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let (mut connecting, request) = wire.request();
    let mut random = crate::common::Random(7);
    for _ in 0..5_000 {
        let mut quote: Vec<u8> = (0..random.below(64)).map(|_| random.next() as u8).collect();
        let true_until = random.below(27).min(quote.len());
        quote[..true_until].copy_from_slice(&request[..true_until]);
        let message = icmp([3, 11, 12][random.below(3)], random.below(16) as u8, 0, &quote);
        wire.send(&ipv4(ROUTER, NEAR, ICMP, &message));
    }
    assert_eq!(outcome(&mut connecting), None);
    assert_eq!(wire.reports().0, 0);
    assert!(wire.wait(Duration::from_secs(1)).len() <= 1, "only the request, once more");
}

#[test]
fn in_a_frame_for_another_host() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let (mut socket, request) = wire.request();
    let true_report = report(3, 1, 0, &request);
    wire.send_frame(&ethernet([2, 9, 9, 9, 9, 9], &true_report));
    assert_eq!(outcome(&mut socket), None);
    wire.send(&true_report);
    assert!(outcome(&mut socket).is_some());
}
