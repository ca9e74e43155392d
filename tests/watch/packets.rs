//! What is told of ICMP and raw sockets, and of what ICMP says of others.

use std::net::Ipv4Addr;

use sockstate::device::Plug;
use sockstate::testing::Lab;
use sockstate::{AddrType, Duration, Error, IpVersion, Ready};

use super::common::{DEAD, FAR, NEAR, far, near};
use super::{ready, round, settle};

/// A protocol number for experiments (RFC 3692).
const EXPERIMENT: u8 = 253;

/// A packet of the experimental protocol.
fn packet(from: Ipv4Addr, to: Ipv4Addr, size: usize) -> Vec<u8> {
    let total = (20 + size) as u16;
    let mut packet =
        vec![0x45, 0, (total >> 8) as u8, total as u8, 0, 0, 0, 0, 64, EXPERIMENT, 0, 0];
    packet.extend(from.octets());
    packet.extend(to.octets());
    packet.resize(usize::from(total), 7);
    packet
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

/// A report of ICMP that the host of a request cannot be reached: type 3, code 1.
fn unreachable(request: &[u8]) -> Vec<u8> {
    let mut message = vec![3, 1, 0, 0, 0, 0, 0, 0];
    message.extend(&request[..28]);
    let sum = checksum(&message);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    let mut report = packet(FAR, NEAR, message.len());
    report[9] = 1;
    report.truncate(20);
    let sum = checksum(&report);
    report[10..12].copy_from_slice(&sum.to_be_bytes());
    report.extend(message);
    report
}

fn checksum(bytes: &[u8]) -> u16 {
    let words = bytes.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum: u32 = words.sum();
    !((sum & 0xffff) as u16 + (sum >> 16) as u16)
}

/// A connection request that cannot be delivered is over.
#[test]
fn a_connection_request_that_cannot_be_delivered_is_told() {
    let lab = Lab::new(1);
    let (_, mut wire) = lab.cable.plugs();
    let mut udp = lab.far.udp().unwrap().connect(near(9)).unwrap();
    udp.send(b"hello").unwrap();
    settle(&lab);
    while wire.take(lab.clock.time()).is_some() {}
    let socket = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::SEND).unwrap();
    lab.near.poll().unwrap();
    let request = wire.take(lab.clock.time()).unwrap().split_off(14);
    let header = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
    wire.inject(lab.clock.time(), &[&header[..], &unreachable(&request)].concat());
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::ENDED);
}

/// Who sent an echo request is told that it cannot be delivered: once, and of the last one only.
#[test]
fn an_echo_request_that_cannot_be_delivered_is_told() {
    let lab = Lab::new(1);
    let (_, mut wire) = lab.cable.plugs();
    // So that the neighbour is known.
    let mut udp = lab.far.udp().unwrap().connect(near(9)).unwrap();
    udp.send(b"hello").unwrap();
    settle(&lab);
    let mut socket = lab.near.icmp().unwrap().bind(7).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE).unwrap();
    let mut ask = |seq_no, wire: &mut Plug| {
        while wire.take(lab.clock.time()).is_some() {}
        socket.send_echo(FAR.into(), seq_no, b"hello").unwrap();
        lab.near.poll().unwrap();
        wire.take(lab.clock.time()).unwrap().split_off(14)
    };
    let first = ask(1, &mut wire);
    let second = ask(2, &mut wire);
    let mut report = |request: &[u8]| {
        let header = [2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0];
        let frame = [&header[..], &unreachable(request)].concat();
        wire.inject(lab.clock.time(), &frame);
        lab.near.poll().unwrap();
    };
    report(&first);
    let mut forged = second.clone();
    forged[24] ^= 1;
    report(&forged);
    let mut elsewhere = second.clone();
    elsewhere[19] ^= 1;
    report(&elsewhere);
    assert_eq!(ready(&mut watch), Ready::NONE);
    report(&second);
    assert_eq!(ready(&mut watch), Ready::RECEIVE);
    assert_eq!(socket.receive_echo(&mut [0; 8]), Err(Error::Unreachable.into()));
    report(&second);
    assert_eq!(ready(&mut watch), Ready::NONE, "it was told");
}
