//! ICMP errors that are true, and what becomes of the sockets whose packets they are about.

use std::net::SocketAddr;

use embedded_nal::{TcpClientStack, TcpError, TcpErrorKind};
use sockstate::device::Cable;
use sockstate::smoltcp::phy::{Device, RxToken, TxToken};
use sockstate::testing::{Lab, VirtualClock};
use sockstate::{Config, Duration, Error, Heap, IpCidr, Stack, nb};

use crate::common::{FAR_V6, NEAR, assert_blocks, assert_error, failed, far};
use crate::wire::{ICMP, NEAR_V6, ROUTER, Wire, icmp, ipv4, outcome, report, seal_ipv4};

fn far_v6(port: u16) -> SocketAddr {
    (FAR_V6, port).into()
}

/// RFC 792 and RFC 1122 section 3.2.2.1: which of the reports end an attempt, and how.
#[test]
fn a_connection_attempt_ends_with_what_icmp_says() {
    let ends = [
        (3, 0, Error::Unreachable),
        (3, 1, Error::Unreachable),
        (3, 2, Error::Refused),
        (3, 3, Error::Refused),
        (3, 5, Error::Unreachable),
        (3, 9, Error::Unreachable),
        (3, 12, Error::Unreachable),
        (3, 13, Error::Unreachable),
    ];
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    for (kind, code, expected) in ends {
        let (mut connecting, request) = wire.request();
        wire.send(&report(kind, code, 0, &request[..28]));
        assert_eq!(outcome(&mut connecting), Some(expected), "type {kind}, code {code}");
        assert!(expected.ends_connection());
        // It is over: nothing more is sent, and the socket can be used again.
        assert_eq!(wire.wait(Duration::from_secs(60)), []);
        let (closed, error) = failed(connecting.wait_with(|_| panic!("it is over")));
        assert_eq!(error, expected);
        // The neighbour is known for a minute only.
        wire = Wire::new(&lab);
        let again = closed.connect(far(80)).unwrap();
        assert_eq!(wire.sent().len(), 1);
        drop(again);
    }
    assert_eq!(wire.reports(), (8, 0));
}

/// RFC 4443 section 3.
#[test]
fn a_connection_attempt_over_ipv6_ends_with_what_icmp_says() {
    let ends = [
        (1, 0, Error::Unreachable),
        (1, 1, Error::Unreachable),
        (1, 2, Error::Unreachable),
        (1, 3, Error::Unreachable),
        (1, 4, Error::Refused),
        (1, 5, Error::Unreachable),
        (1, 6, Error::Unreachable),
        (4, 1, Error::Refused),
    ];
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    for (kind, code, expected) in ends {
        let (mut connecting, request) = wire.request_to(far_v6(80));
        wire.send(&report(kind, code, 0, &request[..48]));
        assert_eq!(outcome(&mut connecting), Some(expected), "type {kind}, code {code}");
    }
    assert_eq!(wire.reports(), (8, 0));
}

/// What was lost on its way once may arrive the next time.
#[test]
fn a_connection_attempt_goes_on_after_soft_errors() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let (mut v4, request_v4) = wire.request();
    let (mut v6, request_v6) = wire.request_to(far_v6(80));
    for (kind, code) in [(3, 4), (11, 0), (11, 1), (12, 0)] {
        wire.send(&report(kind, code, 0, &request_v4));
    }
    for (kind, code) in [(2, 0), (3, 0), (3, 1), (4, 0), (4, 2)] {
        wire.send(&report(kind, code, 0, &request_v6));
    }
    assert_eq!((outcome(&mut v4), outcome(&mut v6)), (None, None));
    assert_eq!(wire.reports(), (0, 9));
}

/// The request is sent again and again; each of them may be reported.
#[test]
fn a_report_of_the_second_request_counts_as_well() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let (mut connecting, first) = wire.request();
    let again = wire.wait(Duration::from_secs(3));
    let (_, second) = again.last().unwrap();
    assert_eq!(first[24..28], second[24..28], "the same sequence number");
    wire.send(&report(3, 1, 0, second));
    assert_eq!(outcome(&mut connecting), Some(Error::Unreachable));
}

/// The peer itself may have sent it, and the quote may have the options of a router.
#[test]
fn a_quote_with_options_is_read() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let (mut connecting, request) = wire.request();
    let mut quote = [&request[..20], &[1; 8], &request[20..28]].concat();
    quote[0] = 0x47;
    seal_ipv4(&mut quote);
    wire.send(&report(3, 3, 0, &quote));
    assert_eq!(outcome(&mut connecting), Some(Error::Refused));
}

/// RFC 1122 section 4.2.3.9, RFC 5927 section 5.2: whoever can forge a report must not be able to
/// end a connection with it.
#[test]
fn an_open_connection_goes_on_whatever_icmp_says() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let (connecting, request) = wire.request();
    wire.pass_on(&request);
    let mut near = connecting.wait_with(|_| lab.step()).unwrap();
    let (mut far, _) = lab.block(|| listener.accept()).unwrap();
    lab.run_for(Duration::from_millis(100));
    // Not even by the number of its request.
    wire.send(&report(3, 1, 0, &request));
    near.send(b"one").unwrap();
    let segment = wire.only();
    for code in 0..16 {
        wire.send(&report(3, code, 0, &segment));
    }
    wire.send(&report(11, 0, 0, &segment));
    assert_eq!(wire.reports(), (0, 18));
    near.send(b"two").unwrap();
    let mut buffer = [0; 16];
    let mut received = Vec::new();
    while received.len() < 6 {
        let len = lab.block(|| far.receive(&mut buffer)).unwrap();
        received.extend_from_slice(&buffer[..len]);
    }
    assert_eq!(received, b"onetwo");
}

/// The same for one that a listener has answered.
#[test]
fn a_half_open_connection_goes_on_whatever_icmp_says() {
    let lab = Lab::new(1);
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut wire = Wire::new(&lab);
    let mut client = lab.far.tcp().unwrap().connect((NEAR, 80).into()).unwrap();
    lab.far.poll().unwrap();
    // The client does not get this answer; it asks again.
    let answer = wire.only();
    assert_blocks(listener.accept());
    wire.send(&report(3, 3, 0, &answer));
    assert_eq!(wire.reports(), (0, 1));
    lab.block(|| client.poll()).unwrap();
    lab.block(|| listener.accept()).unwrap();
}

/// Through embedded-nal it is an error like a refusal.
#[test]
fn a_client_of_embedded_nal_hears_of_it() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let mut net = lab.near.net();
    let mut socket = net.socket().unwrap();
    assert_blocks(net.connect(&mut socket, far(80)));
    let request = wire.only();
    wire.send(&report(3, 1, 0, &request));
    let nb::Error::Other(error) = net.connect(&mut socket, far(80)).unwrap_err() else {
        panic!("still waiting")
    };
    assert_eq!((error, error.kind()), (Error::Unreachable, TcpErrorKind::PipeClosed));
    // And may try again with the same socket.
    assert_blocks(net.connect(&mut socket, far(80)));
    assert_eq!(wire.sent().len(), 1);
}

/// RFC 1122 section 4.1.3.3; with two real stacks.
#[test]
fn a_connected_udp_socket_is_told_once_that_nobody_is_there() {
    let lab = Lab::new(1);
    for remote in [far(7), far_v6(7)] {
        let mut socket = lab.near.udp().unwrap().connect(remote).unwrap();
        socket.send(b"anybody?").unwrap();
        let told = lab.block(|| socket.receive(&mut [0; 16]));
        assert_eq!(told, Err(Error::Refused));
        assert_blocks(socket.receive(&mut [0; 16]));

        socket.send(b"anybody?").unwrap();
        lab.run_for(Duration::from_secs(1));
        assert_error(socket.send(b"lost for this"), Error::Refused);

        // It is the same socket as before.
        let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
        socket.send(b"now?").unwrap();
        let (len, from) = lab.block(|| peer.receive_from(&mut [0; 16])).unwrap();
        assert_eq!(len, 4);
        peer.send_to(b"yes", from).unwrap();
        assert_eq!(lab.block(|| socket.receive(&mut [0; 16])), Ok(3));
    }
}

#[test]
fn a_connected_udp_socket_is_told_what_else_is_in_the_way() {
    let told = [
        (3, 1, 0, Some(Error::Unreachable)),
        (3, 13, 0, Some(Error::Unreachable)),
        (11, 0, 0, Some(Error::Unreachable)),
        (12, 0, 0, Some(Error::Unreachable)),
        (3, 4, 1_400, Some(Error::DatagramTooLarge(1_372))),
        (3, 4, 0, None),
        (3, 4, 28, None),
    ];
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let mut socket = lab.near.udp().unwrap().connect(far(7)).unwrap();
    for (kind, code, word, expected) in told {
        socket.send(b"hello").unwrap();
        let datagram = wire.only();
        wire.send(&report(kind, code, word, &datagram[..28]));
        match expected {
            Some(error) => assert_error(socket.receive(&mut [0; 16]), error),
            None => assert_blocks(socket.receive(&mut [0; 16])),
        }
        assert_blocks(socket.receive(&mut [0; 16]));
    }
    let mut socket = lab.near.udp().unwrap().connect(far_v6(7)).unwrap();
    socket.send(b"hello").unwrap();
    let datagram = wire.only();
    wire.send(&report(2, 0, 1_280, &datagram[..48]));
    assert_error(socket.send(b"hello"), Error::DatagramTooLarge(1_232));
    wire.send(&report(2, 0, u32::MAX, &datagram[..48]));
    assert_error(socket.send(b"hello"), Error::DatagramTooLarge(u16::MAX));
    for (kind, code) in [(3, 0), (3, 1), (4, 0), (4, 2)] {
        wire.send(&report(kind, code, 0, &datagram[..48]));
        assert_error(socket.send(b"hello"), Error::Unreachable);
    }
}

/// The address is its own as well, and not only the port.
#[test]
fn a_udp_socket_that_is_bound_to_an_address_is_told() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let mut socket = lab.near.udp().unwrap().bind((NEAR, 6_000)).unwrap().connect(far(7)).unwrap();
    let other = lab.near.udp().unwrap().bind((NEAR_V6, 6_000)).unwrap();
    let mut other = other.connect(far_v6(7)).unwrap();
    socket.send(b"hello").unwrap();
    let datagram = wire.only();
    wire.send(&report(3, 3, 0, &datagram[..28]));
    assert_error(socket.receive(&mut [0; 16]), Error::Refused);
    other.send(b"hello").unwrap();
    let datagram = wire.only();
    wire.send(&report(1, 4, 0, &datagram[..48]));
    assert_error(other.receive(&mut [0; 16]), Error::Refused);
    assert_blocks(socket.receive(&mut [0; 16]));
}

/// What was received before is received first.
#[test]
fn received_datagrams_come_before_the_report() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().connect(far(7)).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    socket.send(b"hello").unwrap();
    let (_, from) = lab.block(|| peer.receive_from(&mut [0; 16])).unwrap();
    peer.send_to(b"bye", from).unwrap();
    lab.run_for(Duration::from_secs(1));
    drop(peer);
    lab.run_for(Duration::from_secs(1));
    socket.send(b"hello").unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(socket.receive(&mut [0; 16]), Ok(3));
    assert_error(socket.receive(&mut [0; 16]), Error::Refused);
}

/// One that talks to everybody has no use for an error that does not say who it is about.
#[test]
fn a_bound_udp_socket_is_not_told() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(6_000).unwrap();
    socket.send_to(b"anybody?", far(7)).unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(lab.near.statistics().unwrap().icmp_errors_ignored, 1);
    assert_blocks(socket.receive_from(&mut [0; 16]));
    assert_eq!(socket.send_to(b"anybody?", far(7)), Ok(()));
}

/// What was said of one peer is not said of the next.
#[test]
fn a_report_does_not_outlive_the_peer_it_is_about() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().connect(far(7)).unwrap();
    socket.send(b"anybody?").unwrap();
    lab.run_for(Duration::from_secs(1));
    let mut socket = socket.disconnect();
    assert_blocks(socket.receive_from(&mut [0; 16]));
    let mut socket = socket.connect(far(8)).unwrap();
    assert_eq!(socket.send(b"and here?"), Ok(()));
}

/// Whoever waits in another way than by asking the socket is woken as well.
#[test]
fn an_icmp_error_is_a_frame_that_moved() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    let (connecting, request) = wire.request();
    let mut told = false;
    let result = connecting.wait_with(|_| {
        assert!(!told, "it went on waiting");
        told = true;
        let packet = ipv4(ROUTER, NEAR, ICMP, &icmp(3, 1, 0, &request));
        wire.send(&packet);
    });
    assert_eq!(failed(result).1, Error::Unreachable);
}

/// Frames of plain IP are for this host without an address that says so.
#[test]
fn an_icmp_error_on_a_medium_of_plain_ip_is_heard() {
    let (device, mut router) = Cable::ip().plugs();
    let stack = Stack::new(Heap::default(), device, VirtualClock::new(), Config::ip(1)).unwrap();
    stack.add_address(IpCidr::new(NEAR.into(), 24)).unwrap();
    let mut connecting = stack.tcp().unwrap().connect(far(80)).unwrap();
    stack.poll().unwrap();
    let (rx, tx) = router.receive(stack.now().unwrap()).expect("a request");
    let report = rx.consume(|request| ipv4(ROUTER, NEAR, ICMP, &icmp(3, 1, 0, request)));
    tx.consume(report.len(), |room| room.copy_from_slice(&report));
    assert_eq!(outcome(&mut connecting), Some(Error::Unreachable));
}
