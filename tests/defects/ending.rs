//! How a connection ended, and that it stays known: 14 and 23.

use std::net::IpAddr;

use embedded_nal::{TcpClientStack, TcpError, TcpErrorKind};
use sockstate::smoltcp::wire::TcpControl;
use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Protocol, TcpSocket, nb};

use crate::common::script::Script;
use crate::common::{NEAR, assert_error, failed, far, read_to_end, slots};

/// Defect: the peer's FIN is not noticed; a client waits for ever on a connection that is over.
#[test]
fn d14_the_end_of_the_stream_is_observable_and_our_half_is_ours_to_close() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let (mut client, mut server) = lab.connection().unwrap();
    server.send(b"bye").unwrap();
    let mut server = server.shutdown();
    assert_eq!(read_to_end(&lab, &mut client), (b"bye".to_vec(), Error::PeerClosed));

    // Our direction is open for as long as we like.
    lab.run_for(Duration::from_secs(3_600));
    assert_eq!(client.send(b"one more thing"), Ok(14));
    assert_eq!(lab.block(|| server.receive(&mut [0; 32])), Ok(14));
    // Closing is explicit, and gives the slot back.
    let closed = client.close().wait_with(|_| lab.step());
    drop(server);
    drop(closed.unwrap());
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(1));
}

/// As above, through the traits: clients look for `PipeClosed`.
#[test]
fn d14_the_end_of_the_stream_is_pipe_closed_through_embedded_nal() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut net = lab.near.net();
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut client = net.socket().unwrap();
    lab.block(|| net.connect(&mut client, far(80))).unwrap();
    let (mut server, _) = lab.block(|| listener.accept()).unwrap();
    server.send(b"bye").unwrap();
    drop(server);
    lab.run_for(Duration::from_secs(1));

    let mut buffer = [0; 16];
    assert_eq!(net.receive(&mut client, &mut buffer), Ok(3));
    for _ in 0..3 {
        let error = net.receive(&mut client, &mut buffer).unwrap_err();
        let nb::Error::Other(error) = error else { panic!("the client is stuck") };
        assert_eq!((error, error.kind()), (Error::PeerClosed, TcpErrorKind::PipeClosed));
    }
    net.close(client).unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(1));
}

/// Every call that asks about an ended connection gives the same reason, and does so again.
#[track_caller]
fn assert_ended(socket: &mut TcpSocket<'_, Connected>, reason: Error) {
    for _ in 0..3 {
        assert_error(socket.send(b"x"), reason);
        assert_error(socket.send_with(|_| (0, ())), reason);
        assert_eq!(socket.send_room(), Err(reason));
        assert_error(socket.flush(), reason);
        assert_stream_ended(socket, reason);
    }
}

#[track_caller]
fn assert_stream_ended(socket: &mut TcpSocket<'_, Connected>, reason: Error) {
    let mut buffer = [0; 4];
    assert_error(socket.receive(&mut buffer), reason);
    assert_error(socket.peek(&mut buffer), reason);
    assert_error(socket.recv_with(|data| (data.len(), ())), reason);
    assert_eq!(socket.receive_queue(), Err(reason));
}

/// Defect: a socket whose connection request was refused answers as one that was never connected.
#[test]
fn d23_refused_is_remembered() {
    let lab = Lab::new(1);
    let mut connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    assert_eq!(lab.block(|| connecting.poll()), Err(Error::Refused));
    for _ in 0..3 {
        assert_error(connecting.poll(), Error::Refused);
    }
    let (closed, error) = failed(connecting.wait_with(|_| lab.step()));
    assert_eq!(error, Error::Refused);
    // The reason goes with the connection.
    let mut listener = lab.far.tcp().unwrap().bind(81).unwrap().listen(1).unwrap();
    drop(closed.connect(far(81)).unwrap().wait_with(|_| lab.step()).unwrap());
    drop(lab.block(|| listener.accept()).unwrap());
}

#[test]
fn d23_reset_is_remembered() {
    let lab = Lab::new(1);
    let (mut socket, peer) = lab.connection().unwrap();
    peer.abort();
    lab.run_for(Duration::from_secs(1));
    assert_ended(&mut socket, Error::Reset);
    // Nor do time and further frames change it.
    lab.run_for(Duration::from_secs(3_600));
    lab.near.link_down().unwrap();
    assert_ended(&mut socket, Error::Reset);
}

#[test]
fn d23_timed_out_is_remembered() {
    let lab = Lab::new(1);
    let (mut socket, peer) = lab.connection().unwrap();
    lab.cable.cut();
    socket.send(b"hello").unwrap();
    lab.run_for(Duration::from_secs(59));
    assert_eq!(socket.send_queue(), Ok(5));
    lab.run_for(Duration::from_secs(2));
    assert_ended(&mut socket, Error::TimedOut);
    drop(peer);
}

#[test]
fn d23_peer_closed_is_remembered() {
    let lab = Lab::new(1);
    let (mut socket, peer) = lab.connection().unwrap();
    let _peer = peer.close();
    lab.run_for(Duration::from_secs(1));
    for _ in 0..3 {
        assert_stream_ended(&mut socket, Error::PeerClosed);
    }
    // It ends one direction only.
    assert_eq!(socket.send(b""), Ok(0));
}

#[test]
fn d23_address_lost_is_remembered() {
    let lab = Lab::new(1);
    let (mut socket, _peer) = lab.connection().unwrap();
    lab.near.remove_address(IpAddr::V4(NEAR)).unwrap();
    assert_ended(&mut socket, Error::AddressLost);
    // The first reason counts.
    lab.near.link_down().unwrap();
    assert_ended(&mut socket, Error::AddressLost);
    lab.near.link_up().unwrap();
    // The address comes back; the connection does not.
    lab.near.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    lab.run_for(Duration::from_secs(60));
    assert_ended(&mut socket, Error::AddressLost);
}

#[test]
fn d23_link_down_is_remembered() {
    let lab = Lab::new(1);
    let (mut socket, _peer) = lab.connection().unwrap();
    lab.near.link_down().unwrap();
    assert_ended(&mut socket, Error::LinkDown);
    // The first reason counts.
    lab.near.remove_address(IpAddr::V4(NEAR)).unwrap();
    assert_ended(&mut socket, Error::LinkDown);
    lab.near.link_up().unwrap();
    lab.run_for(Duration::from_secs(60));
    assert_ended(&mut socket, Error::LinkDown);
}

/// A RST after the peer's FIN: what came before stays readable, and the reason is the RST.
#[test]
fn d23_the_data_before_the_end_comes_first() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let (mut socket, mut line) = script.connection(80);
    script.send(&line.segment(TcpControl::Psh, b"data"));
    script.exchange();
    line.seq += 4;
    script.send(&line.segment(TcpControl::Rst, &[]));
    script.exchange();
    assert_error(socket.send(b"x"), Error::Reset);
    assert_eq!(read_to_end(&lab, &mut socket), (b"data".to_vec(), Error::Reset));
    assert_ended(&mut socket, Error::Reset);
}
