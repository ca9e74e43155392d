//! What is told of ICMP and raw sockets, and of what ICMP says of others.

use std::net::Ipv4Addr;

use sockstate::smoltcp::wire::Icmpv4Packet;
use sockstate::testing::Lab;
use sockstate::{AddrType, Duration, Error, Heap, IpVersion, Ready};

use super::common::packets::{introduce, ipv4, sent_by_near, show, to_near};
use super::common::{DEAD, FAR, NEAR, far};
use super::{ready, round, settle};

/// A protocol number for experiments (RFC 3692).
const EXPERIMENT: u8 = 253;

/// A packet of the experimental protocol.
fn packet(from: Ipv4Addr, to: Ipv4Addr, size: usize) -> Vec<u8> {
    ipv4(from, to, EXPERIMENT, &vec![7; size])
}

/// A report of ICMP that the host of a request cannot be reached: type 3, code 1.
fn unreachable(request: &[u8]) -> Vec<u8> {
    let mut message = vec![3, 1, 0, 0, 0, 0, 0, 0];
    message.extend(&request[..28]);
    Icmpv4Packet::new_unchecked(&mut message[..]).fill_checksum();
    to_near(&ipv4(FAR, NEAR, 1, &message))
}

#[test]
fn an_icmp_socket_tells_of_replies_and_of_room() {
    let lab = Lab::new(1);
    let mut socket = lab.near.icmp().unwrap().bind(7).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE | Ready::SEND | Ready::FLUSHED).unwrap();
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED);
    socket.send_echo(FAR.into(), 1, b"hello").unwrap();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::RECEIVE | Ready::SEND | Ready::FLUSHED);
    socket.receive_echo(&mut [0; 8]).unwrap();
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED);
    while socket.send_echo(DEAD.into(), 1, &[0; 1_000]).is_ok() {}
    assert_eq!(ready(&mut watch), Ready::NONE);
    lab.run_for(Duration::from_secs(70));
    assert_eq!(ready(&mut watch), Ready::RECEIVE | Ready::SEND | Ready::FLUSHED);
    assert_eq!(socket.receive_echo(&mut [0; 8]), Err(Error::TimedOut.into()));
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED);
}

#[test]
fn a_raw_socket_tells_of_packets_and_of_room() {
    let lab = Lab::new(1);
    let mut socket = lab.near.raw().unwrap().bind(IpVersion::V4, EXPERIMENT).unwrap();
    let mut peer = lab.far.raw().unwrap().bind(IpVersion::V4, EXPERIMENT).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE | Ready::SEND | Ready::FLUSHED).unwrap();
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED);
    peer.send(&packet(FAR, NEAR, 8)).unwrap();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::RECEIVE | Ready::SEND | Ready::FLUSHED);
    socket.receive(&mut [0; 64]).unwrap();
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED);
    while socket.send(&packet(NEAR, DEAD, 1_000)).is_ok() {}
    assert_eq!(ready(&mut watch), Ready::NONE);
    lab.run_for(Duration::from_secs(70));
    assert_eq!(ready(&mut watch), Ready::RECEIVE | Ready::SEND | Ready::FLUSHED);
}

/// Room is told of while any packet of the medium fits, or any that the buffer holds at all.
#[test]
fn there_is_room_while_any_packet_fits() {
    let heap = |size| Heap {
        icmp_buf: size,
        icmp_packets: 8,
        raw_buf: size,
        raw_packets: 8,
        ..Heap::default()
    };
    for (size, sent, last) in [(4_096, 72, 1_100), (128, 0, 40)] {
        let lab = Lab::builder(1).near(heap(size)).build();
        let mut icmp = lab.near.icmp().unwrap().bind(7).unwrap();
        let mut raw = lab.near.raw().unwrap().bind(IpVersion::V4, EXPERIMENT).unwrap();
        let mut watch = lab.near.watch().unwrap();
        watch.add(&icmp, 1, Ready::SEND).unwrap();
        watch.add(&raw, 2, Ready::SEND).unwrap();
        assert_eq!(round(&mut watch), [(1, Ready::SEND), (2, Ready::SEND)], "{size}");
        if sent > 0 {
            icmp.send_echo(DEAD.into(), 1, &vec![0; sent]).unwrap();
            raw.send(&packet(NEAR, DEAD, sent)).unwrap();
            assert_eq!(round(&mut watch), [(1, Ready::SEND), (2, Ready::SEND)], "{size}");
        }
        icmp.send_echo(DEAD.into(), 2, &vec![0; last]).unwrap();
        raw.send(&packet(NEAR, DEAD, last)).unwrap();
        assert_eq!(round(&mut watch), [], "{size}");
    }
}

/// What arrives puts a socket among those that are ready.
#[test]
fn what_arrives_is_told_where_nothing_else_was() {
    let lab = Lab::new(1);
    let mut icmp = lab.near.icmp().unwrap().bind(7).unwrap();
    let raw = lab.near.raw().unwrap().bind(IpVersion::V4, EXPERIMENT).unwrap();
    let mut peer = lab.far.raw().unwrap().bind(IpVersion::V4, EXPERIMENT).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&icmp, 1, Ready::RECEIVE).unwrap();
    watch.add(&raw, 2, Ready::RECEIVE).unwrap();
    icmp.send_echo(FAR.into(), 1, b"hello").unwrap();
    settle(&lab);
    assert_eq!(round(&mut watch), [(1, Ready::RECEIVE)]);
    peer.send(&packet(FAR, NEAR, 8)).unwrap();
    settle(&lab);
    assert_eq!(round(&mut watch), [(1, Ready::RECEIVE), (2, Ready::RECEIVE)]);
}

/// The port of a peer that does not listen is closed, and its stack says so.
#[test]
fn a_closed_port_makes_a_udp_socket_ready() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().connect(far(9)).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE).unwrap();
    socket.send(b"hello").unwrap();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::RECEIVE);
    assert_eq!(socket.receive(&mut [0; 8]), Err(Error::Refused.into()));
    assert_eq!(ready(&mut watch), Ready::NONE);
}

#[test]
fn a_closed_port_makes_a_look_up_ready() {
    let lab = Lab::new(1);
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    let mut lookup = lab.near.lookup("nobody.example", AddrType::Ipv4).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&lookup, 1, Ready::RECEIVE).unwrap();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::RECEIVE);
    assert_eq!(lookup.poll(), Err(Error::NameServerFailed.into()));
}

/// A connection request that cannot be delivered is over.
#[test]
fn a_connection_request_that_cannot_be_delivered_is_told() {
    let lab = Lab::new(1);
    introduce(&lab);
    sent_by_near(&lab);
    let socket = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::SEND).unwrap();
    let request = sent_by_near(&lab).remove(0);
    show(&lab, &unreachable(&request));
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::ENDED);
}

/// Who sent an echo request is told that it cannot be delivered: once, and of the last one only.
#[test]
fn an_echo_request_that_cannot_be_delivered_is_told() {
    let lab = Lab::new(1);
    introduce(&lab);
    sent_by_near(&lab);
    let mut socket = lab.near.icmp().unwrap().bind(7).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE).unwrap();
    let mut ask = |seq_no| {
        socket.send_echo(FAR.into(), seq_no, b"hello").unwrap();
        sent_by_near(&lab).remove(0)
    };
    let (first, second) = (ask(1), ask(2));
    let mut forged = second.clone();
    forged[24] ^= 1;
    let mut elsewhere = second.clone();
    elsewhere[19] ^= 1;
    for request in [first, forged, elsewhere] {
        show(&lab, &unreachable(&request));
    }
    assert_eq!(ready(&mut watch), Ready::NONE);
    show(&lab, &unreachable(&second));
    assert_eq!(ready(&mut watch), Ready::RECEIVE);
    assert_eq!(socket.receive_echo(&mut [0; 8]), Err(Error::Unreachable.into()));
    show(&lab, &unreachable(&second));
    assert_eq!(ready(&mut watch), Ready::NONE, "it was told");
}
