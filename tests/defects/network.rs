//! What happens to the network under open sockets: 19, 21 and 24.

use std::net::{IpAddr, Ipv4Addr};

use embedded_nal::{TcpClientStack, TcpError, TcpErrorKind};
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Protocol, nb};

use crate::common::{
    DEAD, NEAR, assert_blocks, assert_error, failed, far, near, pattern, read_to_end,
};

fn remove_address(lab: &Lab) {
    lab.near.remove_address(IpAddr::V4(NEAR)).unwrap();
}

/// Defect: without an address yet, a connection request panics.
#[test]
fn d19_without_an_address_yet_there_is_an_error_and_then_a_connection() {
    let lab = Lab::new(1);
    remove_address(&lab);
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let (tcp, error) = failed(lab.near.tcp().unwrap().connect(far(80)));
    assert_eq!(error, Error::NoAddress);
    let (udp, error) = failed(lab.near.udp().unwrap().connect(far(7)));
    assert_eq!(error, Error::NoAddress);
    let mut bound = udp.bind(7).unwrap();
    assert_error(bound.send_to(b"hello", far(7)), Error::NoAddress);

    lab.near.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    drop(tcp.connect(far(80)).unwrap().wait_with(|_| lab.step()).unwrap());
    assert_eq!(bound.send_to(b"hello", far(7)), Ok(()));
}

/// Defect: when the address is taken away, connections hang or the stack panics.
#[test]
fn d19_a_lost_address_ends_connections_with_the_reason() {
    let lab = Lab::new(1);
    let (mut connected, mut peer) = lab.connection().unwrap();
    let (_reader, mut writer) = {
        let (socket, _peer) = lab.connection().unwrap();
        socket.split()
    };
    let mut connecting = lab.near.tcp().unwrap().connect((DEAD, 80).into()).unwrap();
    let message = pattern(3_000);
    assert_eq!(peer.send(&message), Ok(message.len()));
    lab.run_for(Duration::from_secs(1));

    remove_address(&lab);
    assert_error(connecting.poll(), Error::AddressLost);
    assert_error(writer.send(b"x"), Error::AddressLost);
    assert_error(connected.send(b"x"), Error::AddressLost);
    // What was received before stays readable, however long that takes and whatever comes in.
    peer.send(b"to an address that is gone").unwrap();
    let (mut received, mut buffer) = (Vec::new(), [0; 100]);
    let end = loop {
        match connected.receive(&mut buffer) {
            Ok(len) => received.extend_from_slice(&buffer[..len]),
            Err(end) => break end,
        }
        lab.run_for(Duration::from_secs(10));
    };
    assert_eq!(received.len(), message.len(), "received data was lost");
    assert_eq!((received, end), (message, nb::Error::Other(Error::AddressLost)));

    // The socket can be used anew, with another address.
    lab.near.add_address("192.168.69.3/24".parse().unwrap()).unwrap();
    drop(connected);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let (closed, error) = failed(connecting.wait_with(|_| lab.step()));
    assert_eq!(error, Error::AddressLost);
    drop(closed.connect(far(80)).unwrap().wait_with(|_| lab.step()).unwrap());
    let (_, remote) = lab.block(|| listener.accept()).unwrap();
    assert_eq!(remote.ip(), Ipv4Addr::new(192, 168, 69, 3));
}

/// A UDP socket that is bound to the address is told; one that is bound to none goes on.
#[test]
fn d19_a_lost_address_ends_udp_sockets_that_are_bound_to_it() {
    let lab = Lab::new(1);
    let mut bound = lab.near.udp().unwrap().bind((NEAR, 7)).unwrap();
    let connected = lab.near.udp().unwrap().bind((NEAR, 8)).unwrap();
    let mut connected = connected.connect(far(8)).unwrap();
    let mut anywhere = lab.near.udp().unwrap().bind(9).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(8).unwrap();
    for port in 7..9 {
        peer.send_to(b"before", near(port)).unwrap();
    }
    lab.run_for(Duration::from_secs(1));
    remove_address(&lab);

    let mut buffer = [0; 16];
    assert_error(bound.send_to(b"x", far(8)), Error::AddressLost);
    assert_eq!(bound.receive_from(&mut buffer), Ok((6, far(8))));
    assert_error(connected.send(b"x"), Error::AddressLost);
    assert_eq!(connected.receive(&mut buffer), Ok(6));
    for _ in 0..3 {
        assert_error(bound.receive_from(&mut buffer), Error::AddressLost);
        assert_error(connected.receive(&mut buffer), Error::AddressLost);
    }
    assert_error(anywhere.send_to(b"x", far(8)), Error::NoAddress);
    assert_blocks(anywhere.receive_from(&mut buffer));

    lab.near.add_address("192.168.69.3/24".parse().unwrap()).unwrap();
    assert_eq!(anywhere.send_to(b"after", far(8)), Ok(()));
    assert_eq!(lab.block(|| peer.receive_from(&mut buffer)).unwrap().0, 5);
}

/// Through the traits, a lost address is `PipeClosed` for a connection: clients connect anew.
#[test]
fn d19_a_lost_address_is_pipe_closed_through_embedded_nal() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let mut net = lab.near.net();
    let mut socket = net.socket().unwrap();
    lab.block(|| net.connect(&mut socket, far(80))).unwrap();
    drop(lab.block(|| listener.accept()).unwrap());
    remove_address(&lab);
    let error = net.receive(&mut socket, &mut [0; 16]).unwrap_err();
    let nb::Error::Other(error) = error else { panic!("still waiting") };
    assert_eq!((error, error.kind()), (Error::AddressLost, TcpErrorKind::PipeClosed));
    assert_error(net.connect(&mut socket, far(80)), Error::NoAddress);
    lab.near.add_address("192.168.69.3/24".parse().unwrap()).unwrap();
    lab.block(|| net.connect(&mut socket, far(80))).unwrap();
}

/// Defect: a host that does not answer address resolution keeps all others from being asked for.
#[test]
fn d21_a_dead_next_hop_does_not_starve_a_live_udp_peer() {
    let lab = Lab::new(1);
    let mut server = lab.far.udp().unwrap().bind(7).unwrap();
    let mut dead = lab.near.udp().unwrap().connect((DEAD, 7).into()).unwrap();
    dead.send(b"is anybody there?").unwrap();
    lab.run_for(Duration::from_millis(1));
    let mut live = lab.near.udp().unwrap().connect(far(7)).unwrap();
    live.send(b"hello").unwrap();

    let start = lab.clock.time();
    let (len, _) = lab.block(|| server.receive_from(&mut [0; 16])).unwrap();
    let took = lab.clock.time() - start;
    assert_eq!(len, 5);
    assert!(took < Duration::from_secs(3), "{took}");

    // The one to the dead host is given up at last, once, and its socket goes on.
    assert_blocks(dead.flush());
    lab.run_for(Duration::from_secs(62));
    assert_error(dead.flush(), Error::TimedOut);
    assert_eq!(dead.flush(), Ok(()));
    let mut dead = dead.disconnect();
    dead.send_to(b"hello", far(7)).unwrap();
    assert_eq!(lab.block(|| server.receive_from(&mut [0; 16])).unwrap().0, 5);
}

/// The same for TCP, with several that are dead.
#[test]
fn d21_dead_next_hops_do_not_starve_a_live_tcp_peer() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let _dead: Vec<_> = (77..80)
        .map(|host| {
            let remote = (Ipv4Addr::new(192, 168, 69, host), 80).into();
            lab.near.tcp().unwrap().connect(remote).unwrap()
        })
        .collect();
    lab.run_for(Duration::from_millis(1));
    let live = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let start = lab.clock.time();
    drop(live.wait_with(|_| lab.step()).unwrap());
    let took = lab.clock.time() - start;
    // Each gets its turn to ask, a second apart.
    assert!(took < Duration::from_secs(5), "{took}");
    drop(lab.block(|| listener.accept()).unwrap());
}

/// One dead and one live, over TCP.
#[test]
fn d21_a_dead_next_hop_does_not_starve_a_live_tcp_peer() {
    let lab = Lab::new(1);
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let _dead = lab.near.tcp().unwrap().connect((DEAD, 80).into()).unwrap();
    lab.run_for(Duration::from_millis(1));
    let live = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let start = lab.clock.time();
    drop(live.wait_with(|_| lab.step()).unwrap());
    let took = lab.clock.time() - start;
    assert!(took < Duration::from_secs(3), "{took}");
}

/// Defect: with the link lost under open sockets the stack spins, and does not recover.
#[test]
fn d24_a_lost_link_ends_every_connection_with_the_reason() {
    let lab = Lab::new(1);
    let (mut connected, mut peer) = lab.connection().unwrap();
    let (half, _half_peer) = lab.connection().unwrap();
    let mut half = half.shutdown();
    let (closing, _closing_peer) = lab.connection().unwrap();
    let mut closing = closing.close();
    let mut connecting = lab.near.tcp().unwrap().connect((DEAD, 80).into()).unwrap();
    let mut udp = lab.near.udp().unwrap().connect(far(7)).unwrap();
    let message = pattern(3_000);
    assert_eq!(peer.send(&message), Ok(message.len()));
    lab.run_for(Duration::from_millis(500));

    lab.near.link_down().unwrap();
    assert_error(connecting.poll(), Error::LinkDown);
    assert_error(connected.send(b"x"), Error::LinkDown);
    assert_error(half.receive(&mut [0; 4]), Error::LinkDown);
    assert_error(closing.poll(), Error::LinkDown);
    assert_error(udp.send(b"x"), Error::LinkDown);
    assert_error(udp.receive(&mut [0; 4]), Error::LinkDown);
    let (_, error) = failed(lab.near.tcp().unwrap().connect(far(80)));
    assert_eq!(error, Error::LinkDown);

    // What was received before stays readable, before and after the link comes back.
    let mut received = vec![0; 1_000];
    assert_eq!(connected.receive(&mut received), Ok(1_000));
    lab.near.link_up().unwrap();
    lab.run_for(Duration::from_secs(1));
    let (rest, end) = read_to_end(&lab, &mut connected);
    received.extend(rest);
    assert_eq!(received.len(), message.len(), "received data was lost");
    assert_eq!((received, end), (message, Error::LinkDown));
}

/// While the link is down the stack asks for nothing, whatever is going on in it.
#[test]
fn d24_a_stack_without_a_link_may_sleep() {
    let lab = Lab::new(1);
    let (mut connected, mut peer) = lab.connection().unwrap();
    let (mut closing, _far) = lab.connection().unwrap();
    let _listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let _connecting = lab.near.tcp().unwrap().connect((DEAD, 80).into()).unwrap();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    peer.send(&[7; 3_000]).unwrap();
    lab.run_for(Duration::from_millis(100));

    // All of them have something to send when the link goes.
    connected.send(&[7; 1_000]).unwrap();
    closing.send(&[7; 1_000]).unwrap();
    drop(closing);
    udp.send_to(b"hello", far(7)).unwrap();
    udp.send_to(b"hello", (DEAD, 7).into()).unwrap();
    lab.near.link_down().unwrap();
    assert_eq!(lab.near.poll_delay(), None, "a busy loop");
    connected.receive(&mut [0; 100]).unwrap();
    lab.clock.advance(Duration::from_secs(3_600));
    assert_eq!(lab.near.poll(), Ok(false));
    assert_eq!(lab.near.poll_delay(), None, "a busy loop");
}

/// When the link is back, everything works again without being opened anew: listeners, bound
/// sockets, and sockets that failed while it was down.
#[test]
fn d24_the_stack_recovers_when_the_link_is_back() {
    let lab = Lab::new(1);
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut far_udp = lab.far.udp().unwrap().bind(7).unwrap();
    let mut far_listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let connected = lab.connection().unwrap().0;
    // A connection that nobody has accepted goes as well.
    let _unaccepted = lab.far.tcp().unwrap().connect(near(80)).unwrap();
    lab.run_for(Duration::from_secs(1));

    lab.near.link_down().unwrap();
    assert_blocks(listener.accept());
    drop(connected);
    let (closed, _) = failed(lab.near.tcp().unwrap().connect(far(80)));
    lab.clock.advance(Duration::from_secs(600));
    lab.near.link_up().unwrap();

    drop(closed.connect(far(80)).unwrap().wait_with(|_| lab.step()).unwrap());
    drop(lab.block(|| far_listener.accept()).unwrap());
    for _ in 0..2 {
        let client = lab.far.tcp().unwrap().connect(near(80)).unwrap();
        let _client = client.wait_with(|_| lab.step()).unwrap();
        drop(lab.block(|| listener.accept()).unwrap());
    }
    udp.send_to(b"hello", far(7)).unwrap();
    let (_, from) = lab.block(|| far_udp.receive_from(&mut [0; 16])).unwrap();
    far_udp.send_to(b"hello", from).unwrap();
    assert_eq!(lab.block(|| udp.receive_from(&mut [0; 16])).unwrap().0, 5);

    drop(listener);
    lab.run_for(Duration::from_secs(60));
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(16));
}
