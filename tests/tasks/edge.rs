//! The edge-nal traits: what is waited for, and what is not.

use std::future::{Future, poll_fn};
use std::pin::pin;

use edge_nal::io::{Read, Write};
use edge_nal::{
    Close, MulticastV4, Readable, TcpBind, TcpConnect, TcpShutdown, TcpSplit, UdpBind, UdpSend,
    UdpSplit,
};
use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Net, Protocol, TcpSocket, edge};

use super::common::drive::{Stop, drive, finish};
use super::common::{DEAD, NEAR, far, near, slots};
use super::lab;

const A_WHILE: Stop = Stop::AfterSteps(20);

fn connect(lab: &Lab) -> (edge::Connection<'_>, TcpSocket<'_, Connected>) {
    let net: &Net = &lab.near;
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let connection = finish(lab, async { TcpConnect::connect(&net, far(80)).await }, || {});
    let (peer, _) = finish(lab, listener.accept_async(), || {});
    (connection.unwrap(), peer)
}

#[test]
fn a_listener_takes_half_of_the_free_slots_rounded_up() {
    let lab = Lab::builder(1).near(slots(3, 0)).build();
    let net: &Net = &lab.near;
    let acceptor = finish(&lab, TcpBind::bind(&net, near(80)), || {}).unwrap();
    assert_eq!(net.free_slots(Protocol::Tcp), Ok(1));
    drop(acceptor);
}

#[test]
fn a_connection_is_readable_when_there_is_something_to_read() {
    let lab = lab();
    let (mut connection, mut peer) = connect(&lab);
    assert_eq!(drive(&lab, A_WHILE, connection.readable(), || {}), None);
    assert_eq!(drive(&lab, A_WHILE, connection.split().0.readable(), || {}), None);
    peer.send(b"hello").unwrap();
    assert_eq!(finish(&lab, connection.readable(), || {}), Ok(()));
    assert_eq!(finish(&lab, connection.split().0.readable(), || {}), Ok(()));
    let mut buffer = [0; 8];
    assert_eq!(finish(&lab, connection.read(&mut buffer), || {}), Ok(5));
    assert_eq!(&buffer[..5], b"hello");
    drop(peer);
    assert_eq!(finish(&lab, connection.readable(), || {}), Ok(()));
    assert_eq!(finish(&lab, connection.read(&mut buffer), || {}), Ok(0));
}

#[test]
fn flushing_waits_until_everything_is_acknowledged() {
    let lab = lab();
    let (mut connection, mut peer) = connect(&lab);
    for split in [false, true] {
        finish(&lab, connection.write(b"hello"), || {}).unwrap();
        if split {
            assert_eq!(finish(&lab, connection.split().1.flush(), || {}), Ok(()));
        } else {
            assert_eq!(finish(&lab, connection.flush(), || {}), Ok(()));
        }
        assert_eq!(peer.receive(&mut [0; 8]), Ok(5));
    }
}

#[test]
fn what_comes_is_thrown_away_by_who_closes_for_reading() {
    let lab = lab();
    let (mut connection, mut peer) = connect(&lab);
    // More than the buffers of both ends hold.
    for _ in 0..4 {
        assert_eq!(peer.send(&[7; 3_000]), Ok(3_000));
        assert_eq!(drive(&lab, A_WHILE, connection.close(Close::Read), || {}), None);
    }
    drop(peer);
    assert_eq!(finish(&lab, connection.close(Close::Read), || {}), Ok(()));
}

#[test]
fn closing_waits_for_the_peer_to_close() {
    for seconds in [1, 5] {
        let lab = lab();
        let (mut connection, peer) = connect(&lab);
        let (start, mut peer) = (lab.clock.time(), Some(peer));
        let wait = Duration::from_secs(seconds);
        let closed = async {
            let closing = connection.close(Close::Both);
            let (mut closing, mut waiting) = (pin!(closing), pin!(lab.sleep(wait)));
            poll_fn(|cx| {
                if peer.is_some() && waiting.as_mut().poll(cx).is_ready() {
                    peer = None;
                }
                closing.as_mut().poll(cx)
            })
            .await
        };
        assert_eq!(finish(&lab, closed, || {}), Ok(()));
        let took = lab.clock.time() - start;
        assert!(took >= wait && took < wait + Duration::from_secs(1), "{took}");
    }
}

#[test]
fn a_connection_that_was_aborted_is_closed() {
    let lab = lab();
    let (mut connection, mut peer) = connect(&lab);
    finish(&lab, connection.close(Close::Write), || {}).unwrap();
    finish(&lab, connection.abort(), || {}).unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(peer.send(b"x"), Err(Error::Reset.into()));

    for what in [Close::Read, Close::Write, Close::Both] {
        assert_eq!(finish(&lab, connection.close(what), || {}), Ok(()));
    }
    assert_eq!(finish(&lab, connection.readable(), || {}), Ok(()));
    assert_eq!(finish(&lab, connection.read(&mut [0; 8]), || {}), Ok(0));
    assert_eq!(finish(&lab, connection.write(b"x"), || {}), Err(Error::WrongState));
}

#[test]
fn a_datagram_socket_is_readable_when_there_is_a_datagram() {
    let lab = lab();
    let net: &Net = &lab.near;
    let mut socket = finish(&lab, UdpBind::bind(&net, near(7)), || {}).unwrap();
    assert_eq!(drive(&lab, A_WHILE, socket.readable(), || {}), None);
    assert_eq!(drive(&lab, A_WHILE, socket.split().0.readable(), || {}), None);
    lab.far.udp().unwrap().connect(near(7)).unwrap().send(b"hello").unwrap();
    assert_eq!(finish(&lab, socket.readable(), || {}), Ok(()));
}

/// RFC 6335 section 6.
#[test]
fn a_datagram_socket_of_port_zero_has_a_free_one() {
    let lab = lab();
    let net: &Net = &lab.near;
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut sockets = [(); 2].map(|()| finish(&lab, UdpBind::bind(&net, near(0)), || {}).unwrap());
    let ports = sockets.each_mut().map(|socket| {
        finish(&lab, socket.send(far(7), b"hello"), || {}).unwrap();
        finish(&lab, peer.receive_from_async(&mut [0; 8]), || {}).unwrap().1.port()
    });
    assert!(ports.iter().all(|port| *port >= 49_152), "{ports:?}");
    assert_ne!(ports[0], ports[1]);
}

#[test]
fn groups_are_joined_on_the_interface_that_there_is() {
    let lab = lab();
    let net: &Net = &lab.near;
    let mut socket = finish(&lab, UdpBind::bind(&net, near(7)), || {}).unwrap();
    let group = [239, 1, 2, 3].into();
    let other = finish(&lab, socket.join_v4(group, DEAD), || {});
    assert_eq!(other, Err(Error::AddressNotAvailable));
    for own in [NEAR, [0; 4].into()] {
        assert_eq!(finish(&lab, socket.join_v4(group, own), || {}), Ok(()));
        assert_eq!(finish(&lab, socket.leave_v4(group, own), || {}), Ok(()));
    }
}
