//! `TcpClientStack` and `TcpFullStack`.

use embedded_nal::{TcpClientStack, TcpError, TcpErrorKind, TcpFullStack};
use sockstate::state::Connected;
use sockstate::testing::{Lab, LabStack};
use sockstate::{AnyTcpSocket, Duration, Error, Heap, Net, Protocol, TcpSocket, nb};

use crate::{addr, block};

const FAR: &str = "192.168.69.2:80";

fn small(tcp: usize) -> Heap {
    Heap { tcp, udp: 2, tcp_rx: 1024, tcp_tx: 1024, ..Heap::default() }
}

fn kind(result: nb::Result<usize, Error>) -> TcpErrorKind {
    match result {
        Err(nb::Error::Other(error)) => error.kind(),
        other => panic!("no error: {other:?}"),
    }
}

/// An echo of one connection at the far end, run until it is closed.
fn serve(far: &LabStack, port: u16) -> impl FnMut() + '_ {
    let mut listener = far.tcp().unwrap().bind(port).unwrap().listen(4).unwrap();
    let mut connections = Vec::new();
    move || {
        while let Ok((connection, _)) = listener.accept() {
            connections.push(connection);
        }
        connections.retain_mut(|connection| {
            let mut buffer = [0; 512];
            match connection.receive(&mut buffer) {
                Ok(n) => connection.send(&buffer[..n]).is_ok(),
                Err(nb::Error::WouldBlock) => true,
                Err(nb::Error::Other(_)) => false,
            }
        });
    }
}

#[test]
fn a_client_connects_sends_receives_and_closes() {
    let lab = Lab::new(1);
    let mut server = serve(&lab.far, 80);
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    block(&lab, || net.connect(&mut socket, addr(FAR))).unwrap();
    assert_eq!(net.send(&mut socket, b"hello"), Ok(5));
    let mut buffer = [0; 16];
    let received = block(&lab, || {
        server();
        net.receive(&mut socket, &mut buffer)
    });
    assert_eq!(received, Ok(5));
    assert_eq!(net.receive(&mut socket, &mut []), Ok(0));
    assert_eq!(net.close(socket), Ok(()));
}

#[test]
fn a_refused_socket_is_reported_and_connects_again() {
    let lab = Lab::new(1);
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    assert_eq!(block(&lab, || net.connect(&mut socket, addr(FAR))), Err(Error::Refused));
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    assert_eq!(block(&lab, || net.connect(&mut socket, addr(FAR))), Ok(()));
}

#[test]
fn a_connected_socket_that_connects_again_starts_anew() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    block(&lab, || net.connect(&mut socket, addr(FAR))).unwrap();
    let (mut first, _) = lab.block(|| listener.accept()).unwrap();
    block(&lab, || net.connect(&mut socket, addr(FAR))).unwrap();
    assert_eq!(lab.block(|| first.receive(&mut [0; 8])), Err(Error::Reset));
    let (mut second, _) = lab.block(|| listener.accept()).unwrap();
    assert_eq!(net.send(&mut socket, b"anew"), Ok(4));
    assert_eq!(lab.block(|| second.receive(&mut [0; 8])), Ok(4));
}

#[test]
fn another_remote_while_connecting_replaces_the_first() {
    let lab = Lab::new(1);
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    let nobody = addr("192.168.69.9:80");
    assert_eq!(net.connect(&mut socket, nobody), Err(nb::Error::WouldBlock));
    assert_eq!(block(&lab, || net.connect(&mut socket, addr(FAR))), Ok(()));
}

#[test]
fn one_slot_is_closed_and_opened_in_one_breath_and_loses_nothing() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(4).unwrap();
    let mut net: &Net = &lab.near;
    for round in 0..20u8 {
        let mut socket = net.socket().unwrap();
        block(&lab, || net.connect(&mut socket, addr(FAR))).unwrap();
        let data = [round; 700];
        assert_eq!(net.send(&mut socket, &data), Ok(700));
        net.close(socket).unwrap();
        // No poll in between: the next round opens and connects at once.
        let mut next = net.socket().unwrap();
        let mut received = Vec::new();
        let mut buffer = [0; 256];
        let mut accepted = None;
        let done = block(&lab, || {
            if accepted.is_none() {
                accepted = listener.accept().ok().map(|(connection, _)| connection);
            }
            if let Some(connection) = &mut accepted {
                while let Ok(n) = connection.receive(&mut buffer) {
                    received.extend_from_slice(&buffer[..n]);
                }
                if connection.receive(&mut buffer) == Err(nb::Error::Other(Error::PeerClosed)) {
                    accepted = None;
                    return Ok(());
                }
            }
            match net.connect(&mut next, addr(FAR)) {
                Err(nb::Error::Other(error)) => Err(nb::Error::Other(error)),
                _ => Err(nb::Error::WouldBlock),
            }
        });
        assert_eq!(done, Ok(()), "round {round}");
        assert_eq!(received, data, "round {round}");
        net.close(next).unwrap();
        while listener.accept().is_ok() {}
    }
}

#[test]
fn the_end_of_the_stream_is_a_closed_pipe_after_the_last_byte() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    block(&lab, || net.connect(&mut socket, addr(FAR))).unwrap();
    let mut buffer = [0; 16];
    let nothing = net.receive(&mut socket, &mut buffer);
    assert_eq!(nothing, Err(nb::Error::WouldBlock));

    let (mut far, _) = lab.block(|| listener.accept()).unwrap();
    far.send(b"bye").unwrap();
    drop(far);
    lab.far.poll().unwrap();
    let received = block(&lab, || net.receive(&mut socket, &mut buffer));
    assert_eq!(received, Ok(3));
    let end = block(&lab, || net.receive(&mut socket, &mut buffer));
    assert_eq!(end.unwrap_err().kind(), TcpErrorKind::PipeClosed);
    assert_eq!(net.receive(&mut socket, &mut []), Ok(0));
}

#[test]
fn a_full_buffer_takes_a_part_and_then_blocks() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    block(&lab, || net.connect(&mut socket, addr(FAR))).unwrap();
    let _far = lab.block(|| listener.accept()).unwrap();
    lab.cable.cut();
    assert_eq!(net.send(&mut socket, &[0; 2000]), Ok(1024));
    let full = net.send(&mut socket, &[0; 2000]);
    assert_eq!(full, Err(nb::Error::WouldBlock));
}

#[test]
fn the_wrong_state_is_an_error_of_its_own() {
    let lab = Lab::new(1);
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    assert_eq!(kind(net.send(&mut socket, b"x")), TcpErrorKind::Other);
    let received = net.receive(&mut socket, &mut [0; 4]);
    assert_eq!(kind(received), TcpErrorKind::Other);
    assert_eq!(net.listen(&mut socket), Err(Error::WrongState));
    assert!(matches!(net.accept(&mut socket), Err(nb::Error::Other(Error::WrongState))));

    net.bind(&mut socket, 80).unwrap();
    assert_eq!(net.bind(&mut socket, 81), Err(Error::WrongState));
    net.listen(&mut socket).unwrap();
    assert!(matches!(
        net.connect(&mut socket, addr(FAR)),
        Err(nb::Error::Other(Error::WrongState))
    ));
    assert!(matches!(net.accept(&mut socket), Err(nb::Error::WouldBlock)));
}

#[test]
fn no_slot_is_an_error_unless_one_is_about_to_be_free() {
    let lab = Lab::builder(1).near(small(1)).build();
    let mut net: &Net = &lab.near;
    let socket = net.socket().unwrap();
    let error = net.socket().unwrap_err();
    assert_eq!(error, Error::OutOfSlots(sockstate::Protocol::Tcp));
    net.close(socket).unwrap();
    assert!(net.socket().is_ok());
}

#[test]
fn a_server_accepts_several_clients_and_tells_who_they_are() {
    let lab = Lab::new(1);
    let mut net: &Net = &lab.near;
    let mut server = net.socket().unwrap();
    net.bind(&mut server, 80).unwrap();
    net.listen(&mut server).unwrap();
    let clients: Vec<_> =
        (0..3).map(|_| lab.far.tcp().unwrap().connect(addr("192.168.69.1:80")).unwrap()).collect();
    let mut ports: Vec<_> = (0..3)
        .map(|_| {
            let (mut socket, remote) = block(&lab, || net.accept(&mut server)).unwrap();
            assert_eq!(remote.ip(), addr(FAR).ip());
            assert_eq!(net.send(&mut socket, b"welcome"), Ok(7));
            net.close(socket).unwrap();
            remote.port()
        })
        .collect();
    let mut expected = Vec::new();
    for client in clients {
        let mut client = client.wait_with(|_| lab.step()).unwrap();
        assert_eq!(lab.block(|| client.receive(&mut [0; 16])), Ok(7));
        expected.push(client.local_endpoint().map_or(0, |local| local.port));
    }
    ports.sort_unstable();
    expected.sort_unstable();
    assert_eq!(ports, expected);
}

#[test]
fn two_clients_share_one_stack() {
    let lab = Lab::new(1);
    let mut server = serve(&lab.far, 80);
    let (mut one, mut two): (&Net, &Net) = (&lab.near, &lab.near);
    let mut first = one.socket().unwrap();
    let mut second = two.socket().unwrap();
    block(&lab, || one.connect(&mut first, addr(FAR))).unwrap();
    block(&lab, || two.connect(&mut second, addr(FAR))).unwrap();
    one.send(&mut first, b"1").unwrap();
    two.send(&mut second, b"2").unwrap();
    for (net, socket, expected) in [(&mut one, &mut first, b'1'), (&mut two, &mut second, b'2')] {
        let mut buffer = [0; 4];
        let received = block(&lab, || {
            server();
            net.receive(socket, &mut buffer)
        });
        assert_eq!((received, buffer[0]), (Ok(1), expected));
    }
}

/// A logger: its acknowledgements are taken in by the calls that send.
#[test]
fn a_client_that_only_sends_keeps_its_connection() {
    let lab = Lab::new(1);
    let mut far = serve(&lab.far, 80);
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    block(&lab, || {
        far();
        net.connect(&mut socket, addr(FAR))
    })
    .unwrap();
    for minute in 0..10 {
        assert_eq!(net.send(&mut socket, b"x"), Ok(1), "minute {minute}");
        for _ in 0..60 {
            far();
            let _ = lab.far.poll();
            lab.clock.advance(sockstate::Duration::from_secs(1));
        }
    }
}

/// The backlog, of which the listener's own slot is one, is four if nothing else is configured.
#[test]
fn a_listener_takes_four_slots_and_at_most_half_of_the_free_ones() {
    for (slots, backlog) in [(16, 4), (4, 2), (2, 1), (1, 1)] {
        let lab = Lab::builder(7).near(small(slots)).build();
        let mut net: &Net = &lab.near;
        let mut socket = net.socket().unwrap();
        net.bind(&mut socket, 80).unwrap();
        net.listen(&mut socket).unwrap();
        assert_eq!(net.free_slots(sockstate::Protocol::Tcp), Ok(slots - backlog), "{slots} slots");
    }
}

/// A client may make no other call for long: what it closes tells the peer at once.
#[test]
fn a_socket_has_its_slot_at_once_and_closes_at_once() {
    fn check<T: TcpClientStack<Error = Error>>(lab: &Lab, mut stack: T) {
        let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
        let mut socket = stack.socket().unwrap();
        assert_eq!(stack.socket().err(), Some(Error::OutOfSlots(Protocol::Tcp)));
        block(lab, || stack.connect(&mut socket, addr(FAR))).unwrap();
        lab.run_for(Duration::from_secs(1));
        assert_eq!(lab.cable.next_arrival(), None);
        stack.close(socket).unwrap();
        assert!(lab.cable.next_arrival().is_some());
    }
    let lab = || Lab::builder(1).near(small(1)).build();
    let (plain, blocking, client) = (lab(), lab(), lab());
    check(&plain, plain.near.net());
    check(&blocking, blocking.near.blocking());
    check(&client, client.client(|| {}));
}

#[test]
fn what_comes_after_a_shutdown_is_received() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    block(&lab, || net.connect(&mut socket, addr(FAR))).unwrap();
    let (mut far, _) = lab.block(|| listener.accept()).unwrap();
    let connected = TcpSocket::<Connected>::try_from(socket).unwrap();
    let mut socket = AnyTcpSocket::from(connected.shutdown());
    assert_eq!(lab.block(|| far.receive(&mut [0; 8])), Err(Error::PeerClosed));
    far.send(b"late").unwrap();
    assert_eq!(block(&lab, || net.receive(&mut socket, &mut [0; 8])), Ok(4));
    assert_eq!(net.send(&mut socket, b"x"), Err(nb::Error::Other(Error::WrongState)));
}
