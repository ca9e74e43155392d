//! The stack for clients that make each call once.

use embedded_nal::{AddrType, Dns, TcpClientStack, TcpError, TcpErrorKind};
use sockstate::testing::Lab;
use sockstate::{Error, Heap, nb};

use crate::addr;

#[test]
fn connect_and_send_wait_and_receive_does_not() {
    let small = Heap { tcp: 2, udp: 0, tcp_rx: 512, tcp_tx: 512, ..Heap::default() };
    let lab = Lab::builder(1).near(small).build();
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut stack = lab.near.blocking();
    let mut socket = stack.socket().unwrap();
    assert_eq!(stack.connect(&mut socket, addr("192.168.69.2:80")), Ok(()));
    assert_eq!(stack.receive(&mut socket, &mut [0; 8]), Err(nb::Error::WouldBlock));

    // Many times the send buffer, and less than what the far one and its window hold.
    let data: Vec<u8> = (0..4_000).map(|at| at as u8).collect();
    assert_eq!(stack.send(&mut socket, &data), Ok(data.len()));
    assert_eq!(stack.send(&mut socket, &[]), Ok(0));
    stack.close(socket).unwrap();
    let (mut far, _) = lab.block(|| listener.accept()).unwrap();
    let mut received = Vec::new();
    let mut buffer = [0; 512];
    while let Ok(size) = lab.block(|| far.receive(&mut buffer)) {
        received.extend_from_slice(&buffer[..size]);
    }
    assert_eq!(received, data);
}

#[test]
fn a_refused_connection_and_a_reset_one_are_errors() {
    let lab = Lab::new(1);
    let mut stack = lab.near.blocking();
    let mut socket = stack.socket().unwrap();
    for data in [&b"x"[..], b""] {
        assert_eq!(stack.send(&mut socket, data), Err(nb::Error::Other(Error::WrongState)));
    }
    let refused = stack.connect(&mut socket, addr("192.168.69.2:80"));
    assert_eq!(refused, Err(nb::Error::Other(Error::Refused)));

    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    assert_eq!(stack.connect(&mut socket, addr("192.168.69.2:80")), Ok(()));
    lab.block(|| listener.accept()).unwrap().0.abort();
    // More than fits: it waits for room, and hears of the reset instead.
    match stack.send(&mut socket, &[0; 100_000]) {
        Err(nb::Error::Other(error)) => assert_eq!(error.kind(), TcpErrorKind::PipeClosed),
        other => panic!("sent to nobody: {other:?}"),
    }
}

#[test]
fn look_ups_wait() {
    let lab = Lab::new(1);
    let mut stack = lab.near.blocking();
    let server = [addr("192.168.69.2:53").ip()];
    let none = stack.get_host_by_name("host.test", AddrType::IPv4);
    assert_eq!(none, Err(nb::Error::Other(Error::NoNameServer)));
    lab.near.set_dns_servers(&server).unwrap();
    // A server that keeps quiet: the wait ends with the stack's own limit.
    let silent = lab.far.udp().unwrap().bind(53).unwrap();
    let start = lab.clock.time();
    let found = stack.get_host_by_name("host.test", AddrType::IPv4);
    assert_eq!(found, Err(nb::Error::Other(Error::TimedOut)));
    let found = stack.get_host_by_address(server[0], &mut [0; 255]);
    assert_eq!(found, Err(nb::Error::Other(Error::TimedOut)));
    assert_eq!((lab.clock.time() - start).secs(), 20);
    // And none at all says so.
    drop(silent);
    let found = stack.get_host_by_name("host.test", AddrType::IPv4);
    assert_eq!(found, Err(nb::Error::Other(Error::NameServerFailed)));
    assert_eq!((lab.clock.time() - start).secs(), 20);
    let known = stack.get_host_by_name("10.0.0.7", AddrType::Either);
    assert_eq!(known, Ok("10.0.0.7".parse().unwrap()));
}
