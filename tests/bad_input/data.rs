//! Buffers that are empty, too small or too large.

use embedded_nal::UdpClientStack;
use sockstate::smoltcp::phy::ChecksumCapabilities;
use sockstate::smoltcp::wire::{EthernetFrame, Ipv4Packet, Ipv4Repr};
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Heap, TcpSocket, nb, state::Connected};

use crate::common::{FAR_V6, assert_blocks, assert_error, far, near, pattern, slots};

#[test]
fn empty_tcp_buffers_are_no_end_of_the_stream() {
    fn check(socket: &mut TcpSocket<'_, Connected>) {
        assert_eq!(socket.receive(&mut []), Ok(0));
        assert_eq!(socket.peek(&mut []), Ok(0));
    }
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    assert_eq!(socket.send(b""), Ok(0));
    check(&mut socket);
    peer.send(b"data").unwrap();
    drop(peer);
    lab.run_for(Duration::from_secs(1));
    check(&mut socket);
    // Nothing was taken.
    let mut buffer = [0; 16];
    assert_eq!(socket.peek(&mut buffer), Ok(4));
    assert_eq!(socket.receive(&mut buffer), Ok(4));
    check(&mut socket);
    assert_error(socket.receive(&mut buffer), Error::PeerClosed);
}

#[test]
fn empty_datagrams_are_sent_and_received() {
    let lab = Lab::new(1);
    let mut server = lab.far.udp().unwrap().bind(7).unwrap();
    let mut client = lab.near.udp().unwrap().bind(7).unwrap();
    assert_eq!(client.send_to(b"", far(7)), Ok(()));
    assert_eq!(client.send_to(b"after", far(7)), Ok(()));
    lab.run_for(Duration::from_secs(1));
    assert_eq!(client.flush(), Ok(()));
    assert_eq!(server.next_len(), Ok(Some(0)));
    assert_eq!(server.receive_from(&mut []), Ok((0, near(7))));
    // An empty buffer is too small for the next one.
    assert_error(server.receive_from(&mut []), Error::Truncated(5));
    assert_blocks(server.receive_from(&mut [0; 16]));

    let mut client = client.connect(far(7)).unwrap();
    let mut server = server.connect(near(7)).unwrap();
    assert_eq!(client.send(b""), Ok(()));
    assert_eq!(lab.block(|| server.receive(&mut [0; 16])), Ok(0));
}

/// An empty datagram whose socket is dropped at once is sent as any other.
#[test]
fn an_empty_datagram_outlives_its_socket() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut server = lab.far.udp().unwrap().bind(7).unwrap();
    let mut client = lab.near.udp().unwrap().bind(7).unwrap();
    client.send_to(b"", far(7)).unwrap();
    drop(client);
    assert_eq!(lab.block(|| server.receive_from(&mut [0; 4])), Ok((0, near(7))));
    assert!(lab.near.udp().is_ok());
}

#[test]
fn a_datagram_too_large_to_be_sent() {
    let lab = Lab::new(1);
    let mut server = lab.far.udp().unwrap().bind(7).unwrap();
    let mut client = lab.near.udp().unwrap().bind(7).unwrap();
    // What the medium carries, less the headers of IP and UDP.
    for (remote, limit) in [(far(7), 1_472_u16), ((FAR_V6, 7).into(), 1_452)] {
        let fits = pattern(usize::from(limit));
        let mut large = fits.clone();
        large.push(0);
        assert_error(client.send_to(&large, remote), Error::DatagramTooLarge(limit));
        let filled = client.send_to_with(large.len(), remote, |_| unreachable!("it is too large"));
        assert_error(filled, Error::DatagramTooLarge(limit));
        assert_eq!(client.send_to(&fits, remote), Ok(()));
        let mut buffer = [0; 2_000];
        let (len, _) = lab.block(|| server.receive_from(&mut buffer)).unwrap();
        assert_eq!(buffer[..len], fits);
    }
}

/// A buffer smaller than the medium's frames is the limit then.
#[test]
fn a_datagram_too_large_for_the_buffer() {
    let lab = Lab::builder(1).near(Heap { udp_buf: 100, ..slots(1, 1) }).build();
    let mut server = lab.far.udp().unwrap().bind(7).unwrap();
    let mut client = lab.near.udp().unwrap().connect(far(7)).unwrap();
    assert_error(client.send(&[0; 101]), Error::DatagramTooLarge(100));
    assert_eq!(client.send(&[0; 100]), Ok(()));
    assert_eq!(lab.block(|| server.receive_from(&mut [0; 200])), Ok((100, client_addr(&client))));

    // What does not fit into the receive buffer is lost, and nothing else.
    server.send_to(&[0; 101], client_addr(&client)).unwrap();
    server.send_to(b"small", client_addr(&client)).unwrap();
    assert_eq!(lab.block(|| client.receive(&mut [0; 200])), Ok(5));
}

fn client_addr(client: &sockstate::UdpSocket<'_, Connected>) -> std::net::SocketAddr {
    near(client.local_endpoint().unwrap().port)
}

#[test]
fn a_datagram_larger_than_the_buffer_says_so_and_spares_the_next() {
    let lab = Lab::new(1);
    let mut server = lab.far.udp().unwrap().bind(7).unwrap();
    let mut client = lab.near.udp().unwrap().connect(far(7)).unwrap();
    let (large, small) = (pattern(1_000), pattern(10));
    for datagram in [&large, &small, &large, &small] {
        client.send(datagram).unwrap();
    }
    lab.run_for(Duration::from_secs(1));
    let mut buffer = [0; 100];
    assert_error(server.receive_from(&mut buffer), Error::Truncated(1_000));
    assert_eq!(buffer[..], large[..100]);
    assert_eq!(server.receive_from(&mut buffer).unwrap().0, 10);
    assert_eq!(buffer[..10], small);

    // The same for a socket with one peer, and `next_len` warns.
    let mut server = server.connect(client_addr(&client)).unwrap();
    assert_eq!(server.next_len(), Ok(Some(1_000)));
    assert_error(server.receive(&mut buffer), Error::Truncated(1_000));
    assert_eq!(server.receive(&mut buffer), Ok(10));
}

#[test]
fn a_datagram_larger_than_the_buffer_through_embedded_nal() {
    let lab = Lab::new(1);
    let mut server = lab.far.udp().unwrap().bind(7).unwrap();
    let mut net = lab.near.net();
    let mut client = UdpClientStack::socket(&mut net).unwrap();
    net.connect(&mut client, far(7)).unwrap();
    net.send(&mut client, b"").unwrap();
    let (len, from) = lab.block(|| server.receive_from(&mut [0; 16])).unwrap();
    assert_eq!(len, 0);
    server.send_to(&[7; 100], from).unwrap();
    server.send_to(&[8; 10], from).unwrap();
    let mut buffer = [0; 50];
    let large = lab.block(|| net.receive(&mut client, &mut buffer));
    assert_eq!(large, Err(Error::Truncated(100)));
    assert_eq!(net.receive(&mut client, &mut buffer), Ok((10, far(7))));
    assert_eq!(
        net.send(&mut client, &[0; 2_000]),
        Err(nb::Error::Other(Error::DatagramTooLarge(1_472)))
    );
}

/// The hop limit that was asked for is the one on the wire; zero is not a hop limit, which the
/// type says.
#[test]
fn hop_limits() {
    let lab = Lab::new(1);
    let (mut tcp, _peer) = lab.connection().unwrap();
    let mut udp = lab.near.udp().unwrap().connect(far(7)).unwrap();
    let mut far_end = lab.cable.plugs().1;
    for (limit, on_wire) in [(Some(1), 1), (Some(255), 255), (None, 64)] {
        let limit = limit.and_then(std::num::NonZeroU8::new);
        tcp.set_hop_limit(limit).unwrap();
        udp.set_hop_limit(limit).unwrap();
        tcp.send(b"x").unwrap();
        udp.send(b"x").unwrap();
        lab.near.poll().unwrap();
        let mut seen = 0;
        while let Some(frame) = far_end.take(lab.clock.time()) {
            let frame = EthernetFrame::new_checked(&frame[..]).unwrap();
            let packet = Ipv4Packet::new_checked(frame.payload()).unwrap();
            let packet = Ipv4Repr::parse(&packet, &ChecksumCapabilities::default()).unwrap();
            assert_eq!(packet.hop_limit, on_wire);
            seen += 1;
        }
        assert!(seen >= 1, "nothing was sent");
    }
}
