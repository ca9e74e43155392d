//! Closures that the stack runs, and that call the stack, drop sockets or say what is not so.

use sockstate::testing::Lab;
use sockstate::{Duration, Error, Net, Protocol, nb};

use crate::common::{assert_blocks, far, near, read_to_end, slots};

/// Everything that can be called on a stack; within a closure of it nothing can.
fn assert_reentrant(net: &Net) {
    assert_eq!(net.tcp().unwrap_err(), Error::Reentrant);
    assert_eq!(net.udp().unwrap_err(), Error::Reentrant);
    assert_eq!(net.poll(), Err(Error::Reentrant));
    assert_eq!(net.free_slots(Protocol::Tcp), Err(Error::Reentrant));
    assert_eq!(net.addresses(), Err(Error::Reentrant));
    assert_eq!(net.link_down(), Err(Error::Reentrant));
    let blocked = net.block(|| Err::<(), _>(nb::Error::<Error>::WouldBlock));
    assert_eq!(blocked, Err(Error::Reentrant));
}

#[test]
fn calling_the_stack_from_its_closures() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    let (mut tcp, mut peer) = lab.connection().unwrap();
    let (mut other, _other_peer) = lab.connection().unwrap();
    let mut listener = net.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    peer.send(b"data").unwrap();
    let mut far_udp = lab.far.udp().unwrap().bind(7).unwrap();
    let mut udp = net.udp().unwrap().bind(7).unwrap();
    for _ in 0..2 {
        far_udp.send_to(b"data", near(7)).unwrap();
    }
    lab.run_for(Duration::from_secs(1));

    let mut ran = 0;
    let mut check = || {
        assert_reentrant(net);
        let reentrant = Some(nb::Error::Other(Error::Reentrant));
        assert_eq!(other.send(b"x").err(), reentrant);
        assert_eq!(other.receive(&mut [0; 4]).err(), reentrant);
        assert_eq!(other.send_with(|_| (0, ())).err(), reentrant);
        assert_eq!(other.flush().err(), reentrant);
        assert_eq!(other.remote_endpoint().err(), Some(Error::Reentrant));
        assert!(matches!(listener.accept(), Err(nb::Error::WouldBlock)));
        ran += 1;
    };
    tcp.send_with(|_| (0, check())).unwrap();
    tcp.recv_with(|data| (data.len(), check())).unwrap();
    udp.send_to_with(4, far(7), |buffer| {
        check();
        buffer.len()
    })
    .unwrap();
    udp.recv_from_with(|_, _| check()).unwrap();
    let mut udp = udp.connect(far(7)).unwrap();
    udp.send_with(4, |buffer| {
        check();
        buffer.len()
    })
    .unwrap();
    udp.recv_with(|_| check()).unwrap();
    lab.near.with_device(|_| check()).unwrap();
    assert_eq!(ran, 7);
    // And everything works again.
    assert_eq!(other.send(b"x"), Ok(1));
    assert!(net.poll().is_ok());
}

/// The slots of sockets that are dropped within a closure are given back when it returns.
#[test]
fn dropping_sockets_in_a_closure() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    let (mut tcp, _peer) = lab.connection().unwrap();
    let (connected, mut connected_peer) = lab.connection().unwrap();
    let (split, mut split_peer) = lab.connection().unwrap();
    let (reader, writer) = split.split();
    let closed = net.tcp().unwrap();
    let bound = net.tcp().unwrap().bind(80).unwrap();
    let listener = net.tcp().unwrap().bind(81).unwrap().listen(3).unwrap();
    let udp = net.udp().unwrap().bind(80).unwrap();
    tcp.send_with(|_| {
        drop((connected, writer, reader, closed, bound, listener, udp));
        (0, ())
    })
    .unwrap();

    assert_eq!(net.free_slots(Protocol::Udp), Ok(16));
    drop(net.tcp().unwrap().bind(80).unwrap());
    drop(net.tcp().unwrap().bind(81).unwrap());
    for peer in [&mut connected_peer, &mut split_peer] {
        assert_eq!(read_to_end(&lab, peer), (vec![], Error::PeerClosed));
    }
    drop((connected_peer, split_peer));
    lab.run_for(Duration::from_secs(60));
    assert_eq!(net.free_slots(Protocol::Tcp), Ok(15));
}

/// A half that is dropped within a closure ends its direction, and no more.
#[test]
fn dropping_the_writer_in_a_closure() {
    let lab = Lab::new(1);
    let (mut tcp, _peer) = lab.connection().unwrap();
    let (split, mut split_peer) = lab.connection().unwrap();
    let (mut reader, writer) = split.split();
    tcp.send_with(|_| (0, drop(writer))).unwrap();
    assert_eq!(read_to_end(&lab, &mut split_peer), (vec![], Error::PeerClosed));
    split_peer.send(b"still here").unwrap();
    assert_eq!(lab.block(|| reader.receive(&mut [0; 16])), Ok(10));
}

/// Transitions that cannot fail take effect when the closure returns.
#[test]
fn ending_connections_in_a_closure() {
    let lab = Lab::builder(1).near(slots(5, 1)).build();
    let net = lab.near.net();
    let (mut tcp, _peer) = lab.connection().unwrap();
    let (to_close, mut close_peer) = lab.connection().unwrap();
    let (to_shut_down, mut shutdown_peer) = lab.connection().unwrap();
    let (to_abort, mut abort_peer) = lab.connection().unwrap();
    let udp = net.udp().unwrap().connect(far(7)).unwrap();
    let (closing, half, mut udp) = tcp
        .send_with(|_| {
            to_abort.abort();
            (0, (to_close.close(), to_shut_down.shutdown(), udp.disconnect()))
        })
        .unwrap();

    assert_eq!(read_to_end(&lab, &mut abort_peer), (vec![], Error::Reset));
    assert_eq!(read_to_end(&lab, &mut shutdown_peer), (vec![], Error::PeerClosed));
    assert_eq!(read_to_end(&lab, &mut close_peer), (vec![], Error::PeerClosed));
    drop((close_peer, half));
    closing.wait_with(|_| lab.step()).map(drop).unwrap();

    // Not from the former peer only.
    let mut stranger = lab.far.udp().unwrap().bind(8).unwrap();
    stranger.send_to(b"hello", near(udp.local_endpoint().unwrap().port)).unwrap();
    assert_eq!(lab.block(|| udp.receive_from(&mut [0; 16])), Ok((5, far(8))));
}

/// More than the buffer holds counts as all of it; nothing counts as nothing.
#[test]
fn closures_that_claim_what_is_not_so() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    let room = socket.send_room().unwrap();
    assert_eq!(socket.send_with(|_| (0, "nothing")), Ok("nothing"));
    assert_eq!(socket.send_room(), Ok(room));
    let filled = socket.send_with(|buffer| {
        buffer.fill(7);
        (usize::MAX, buffer.len())
    });
    assert_eq!(filled, Ok(room));
    assert_eq!(socket.send_queue(), Ok(room));
    assert_eq!(socket.send_room(), Ok(0));
    lab.run_for(Duration::from_secs(1));

    assert_eq!(peer.recv_with(|_| (0, ())), Ok(()));
    assert_eq!(peer.receive_queue(), Ok(room));
    let taken = peer.recv_with(|data| (usize::MAX, data.len()));
    assert_eq!(taken, Ok(room));
    assert_blocks(peer.receive(&mut [0; 4]));

    let mut server = lab.far.udp().unwrap().bind(7).unwrap();
    let mut client = lab.near.udp().unwrap().bind(7).unwrap();
    assert_eq!(client.send_to_with(10, far(7), |_| usize::MAX), Ok(10));
    assert_eq!(client.send_to_with(10, far(7), |_| 0), Ok(0));
    let mut client = client.connect(far(7)).unwrap();
    assert_eq!(client.send_with(10, |_| 11), Ok(10));
    for len in [10, 0, 10] {
        assert_eq!(lab.block(|| server.receive_from(&mut [0; 16])), Ok((len, near(7))));
    }
}
