//! Calls that have nothing to do yet: 4 and 13.

use embedded_nal::{TcpClientStack, TcpFullStack, UdpClientStack, UdpFullStack};
use sockstate::testing::Lab;
use sockstate::{Duration, Error, nb};

use crate::common::{DEAD, assert_blocks, assert_error, far, near};

/// Defect: "no data yet" and "end of the stream" are both `Ok(0)`, so that a client either spins
/// for ever or gives up too early.
#[test]
fn d04_no_data_blocks_and_the_end_is_an_error() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    let mut buffer = [0; 16];
    assert_blocks(socket.receive(&mut buffer));
    assert_blocks(socket.peek(&mut buffer));
    assert_blocks(socket.recv_with(|data| (data.len(), ())));
    assert_eq!(socket.receive_queue(), Ok(0));

    peer.send(b"last").unwrap();
    drop(peer);
    lab.run_for(Duration::from_secs(1));
    // The end comes after the last byte, not with the FIN.
    assert_eq!(socket.receive(&mut buffer[..3]), Ok(3));
    assert_eq!(socket.receive(&mut buffer), Ok(1));
    assert_error(socket.receive(&mut buffer), Error::PeerClosed);
}

/// No room is `WouldBlock` as well, and never `Ok(0)`.
#[test]
fn d04_no_room_blocks() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    // The peer reads nothing: both buffers fill up.
    let mut sent = 0;
    while let Ok(len) = lab.near.block_with(
        |_| lab.step(),
        || match socket.send(&[7; 1_000]) {
            Err(nb::Error::WouldBlock) => Err(nb::Error::Other(Error::TimedOut)),
            sent => sent,
        },
    ) {
        assert_ne!(len, 0);
        sent += len;
        lab.run_for(Duration::from_millis(100));
    }
    assert_eq!(sent, 8_192);
    assert_eq!(socket.send_room(), Ok(0));
    assert_blocks(socket.send(b"x"));
    assert_blocks(socket.send_with(|_| -> (usize, ()) { unreachable!("there is no room") }));
    // Room comes back with what the peer reads.
    assert_eq!(peer.receive(&mut [0; 4_096]), Ok(4_096));
    lab.block(|| socket.send(b"x")).unwrap();
}

/// As above, through the traits; an empty buffer is not the end of the stream either.
#[test]
fn d04_tcp_through_embedded_nal() {
    let lab = Lab::new(1);
    let mut net = lab.near.net();
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut client = TcpClientStack::socket(&mut net).unwrap();
    lab.block(|| TcpClientStack::connect(&mut net, &mut client, far(80))).unwrap();
    let (peer, _) = lab.block(|| listener.accept()).unwrap();

    let mut buffer = [0; 16];
    assert_blocks(TcpClientStack::receive(&mut net, &mut client, &mut buffer));
    let full = (0..100).find_map(|_| {
        let sent = TcpClientStack::send(&mut net, &mut client, &[7; 1_000]);
        assert_ne!(sent, Ok(0));
        sent.err()
    });
    assert_eq!(full, Some(nb::Error::WouldBlock));
    assert_blocks(TcpClientStack::send(&mut net, &mut client, b"x"));
    drop(peer);
    let end = lab.block(|| TcpClientStack::receive(&mut net, &mut client, &mut buffer));
    assert!(matches!(end, Err(Error::PeerClosed | Error::Reset)), "{end:?}");
    assert_eq!(TcpClientStack::receive(&mut net, &mut client, &mut []), Ok(0));
}

/// Defect: an empty or a full UDP socket is a hard error.
#[test]
fn d04_udp_without_data_or_room_blocks() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let mut buffer = [0; 16];
    assert_blocks(socket.receive_from(&mut buffer));
    assert_blocks(socket.recv_from_with(|_, _| ()));
    assert_eq!(socket.next_len(), Ok(None));
    // Datagrams to a host that is not there wait in the queue until that is full.
    let dead = (DEAD, 7).into();
    let taken = (0..1_000).take_while(|_| socket.send_to(b"hello", dead).is_ok()).count();
    assert!((1..1_000).contains(&taken), "{taken} datagrams");
    assert_blocks(socket.send_to(b"hello", dead));

    let mut socket = socket.connect(far(7)).unwrap();
    assert_blocks(socket.receive(&mut buffer));
    assert_blocks(socket.recv_with(|_| ()));
    assert_blocks(socket.send(b"hello"));
}

/// As above, through the traits.
#[test]
fn d04_udp_through_embedded_nal() {
    let lab = Lab::new(1);
    let mut net = lab.near.net();
    let mut socket = UdpClientStack::socket(&mut net).unwrap();
    UdpFullStack::bind(&mut net, &mut socket, 7).unwrap();
    assert_blocks(UdpClientStack::receive(&mut net, &mut socket, &mut [0; 16]));
    let dead = (DEAD, 7).into();
    let sent = (0..1_000).take_while(|_| net.send_to(&mut socket, dead, b"hello").is_ok()).count();
    assert!((1..1_000).contains(&sent), "{sent} datagrams");
    assert_blocks(net.send_to(&mut socket, dead, b"hello"));
    UdpClientStack::connect(&mut net, &mut socket, far(7)).unwrap();
    assert_blocks(UdpClientStack::receive(&mut net, &mut socket, &mut [0; 16]));
}

/// A loop around one call. The far stack has somebody to poll it; the near stack has only the
/// call itself.
#[track_caller]
fn spin<R, E: std::fmt::Debug>(lab: &Lab, mut call: impl FnMut() -> nb::Result<R, E>) -> R {
    for _ in 0..1_000 {
        match call() {
            Ok(result) => return result,
            Err(nb::Error::Other(error)) => panic!("{error:?}"),
            Err(nb::Error::WouldBlock) => {}
        }
        lab.far.poll().unwrap();
        lab.clock.advance(Duration::from_millis(1));
    }
    panic!("the loop would never end: nothing polls the stack");
}

/// Defect: a blocking loop around a call never ends, unless something else polls the stack.
#[test]
fn d13_a_call_that_would_block_polls_the_stack() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    spin(&lab, || connecting.poll());
    let mut socket = connecting.finish().unwrap();
    let (mut peer, _) = lab.far.block_with(|_| lab.step(), || listener.accept()).unwrap();

    let mut sent = 0;
    while sent < 20_000 {
        let len = spin(&lab, || socket.send(&[7; 1_000]));
        assert_ne!(len, 0);
        sent += len;
        let _ = peer.receive(&mut [0; 4_096]);
    }
    spin(&lab, || {
        let _ = peer.receive(&mut [0; 4_096]);
        socket.flush()
    });
    peer.send(b"answer").unwrap();
    assert_eq!(spin(&lab, || socket.receive(&mut [0; 16])), 6);
    drop(peer);
    let mut closing = socket.close();
    spin(&lab, || closing.poll());

    let mut listener = lab.near.tcp().unwrap().bind(81).unwrap().listen(1).unwrap();
    let client = lab.far.tcp().unwrap().connect(near(81)).unwrap();
    drop(spin(&lab, || listener.accept()));
    drop(client);
}

#[test]
fn d13_a_udp_call_that_would_block_polls_the_stack() {
    let lab = Lab::new(1);
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    for _ in 0..100 {
        spin(&lab, || socket.send_to(&[7; 1_000], far(7)));
        let _ = peer.receive_from(&mut [0; 1_000]);
    }
    spin(&lab, || socket.flush());
    peer.send_to(b"answer", near(7)).unwrap();
    assert_eq!(spin(&lab, || socket.receive_from(&mut [0; 16])), (6, far(7)));
}

/// As above, for clients that know nothing but the traits.
#[test]
fn d13_embedded_nal_calls_poll_the_stack() {
    let lab = Lab::new(1);
    let mut net = lab.near.net();
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut socket = TcpClientStack::socket(&mut net).unwrap();
    spin(&lab, || TcpClientStack::connect(&mut net, &mut socket, far(80)));
    let (mut peer, _) = lab.far.block_with(|_| lab.step(), || listener.accept()).unwrap();
    let mut sent = 0;
    while sent < 20_000 {
        let len = spin(&lab, || TcpClientStack::send(&mut net, &mut socket, &[7; 1_000]));
        assert_ne!(len, 0);
        sent += len;
        let _ = peer.receive(&mut [0; 4_096]);
    }
    peer.send(b"answer").unwrap();
    assert_eq!(spin(&lab, || TcpClientStack::receive(&mut net, &mut socket, &mut [0; 16])), 6);

    let mut server = TcpClientStack::socket(&mut net).unwrap();
    TcpFullStack::bind(&mut net, &mut server, 81).unwrap();
    net.listen(&mut server).unwrap();
    let _client = lab.far.tcp().unwrap().connect(near(81)).unwrap();
    drop(spin(&lab, || net.accept(&mut server)));

    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut udp = UdpClientStack::socket(&mut net).unwrap();
    UdpClientStack::connect(&mut net, &mut udp, far(7)).unwrap();
    spin(&lab, || UdpClientStack::send(&mut net, &mut udp, b"question"));
    let (_, client) =
        lab.far.block_with(|_| lab.step(), || peer.receive_from(&mut [0; 16])).unwrap();
    peer.send_to(b"answer", client).unwrap();
    assert_eq!(
        spin(&lab, || UdpClientStack::receive(&mut net, &mut udp, &mut [0; 16])),
        (6, far(7))
    );
}
