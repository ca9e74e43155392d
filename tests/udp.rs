//! What UDP sockets do, between two stacks on one cable in virtual time.

use core::net::SocketAddr;
use core::num::NonZeroU8;

use sockstate::smoltcp::wire::{EthernetFrame, Ipv4Packet};
use sockstate::testing::Lab;
use sockstate::{AnyUdpSocket, Duration, Error, Heap, Protocol, UdpSocket, nb};

const NEAR: &str = "192.168.69.1:6000";
const FAR: &str = "192.168.69.2:7";

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

#[test]
fn datagrams_go_both_ways_over_both_ip_versions() {
    for (near_addr, far_addr) in [(NEAR, FAR), ("[fd00::1]:6000", "[fd00::2]:7")] {
        let lab = Lab::new(1);
        let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
        let mut far = lab.far.udp().unwrap().bind(7).unwrap();
        let mut buffer = [0; 16];
        near.send_to(b"ping", addr(far_addr)).unwrap();
        assert_eq!(lab.block(|| far.receive_from(&mut buffer)), Ok((4, addr(near_addr))));
        far.send_to(b"pong!", addr(near_addr)).unwrap();
        assert_eq!(lab.block(|| near.receive_from(&mut buffer)), Ok((5, addr(far_addr))));
        assert_eq!(&buffer[..5], b"pong!");
    }
}

/// Also one that most media carry, unless it can go in fragments.
#[test]
#[cfg(not(feature = "proto-ipv4-fragmentation"))]
fn a_datagram_that_the_medium_does_not_carry_is_refused() {
    let lab = Lab::builder(1).cable(sockstate::device::Cable::ethernet().with_mtu(310)).build();
    let mut near = lab.near.udp().unwrap().connect(addr(FAR)).unwrap();
    for (size, sent) in [(248, Ok(())), (268, Ok(())), (269, Err(Error::DatagramTooLarge(268)))] {
        assert_eq!(near.send(&[0; 300][..size]), sent.map_err(nb::Error::Other), "{size} bytes");
    }
}

#[test]
fn a_connected_socket_hears_its_peer_only() {
    let lab = Lab::new(1);
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap().connect(addr(FAR)).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut stranger = lab.far.udp().unwrap().bind(8).unwrap();
    stranger.send_to(b"spam", addr(NEAR)).unwrap();
    peer.send_to(b"news", addr(NEAR)).unwrap();
    lab.run_for(Duration::from_secs(1));
    let mut buffer = [0; 16];
    assert_eq!(near.receive(&mut buffer), Ok(4));
    assert_eq!(&buffer[..4], b"news");
    assert_eq!(near.receive(&mut buffer), Err(nb::Error::WouldBlock));
}

#[test]
fn what_strangers_sent_before_a_connect_is_passed_over() {
    let lab = Lab::new(1);
    let near = lab.near.udp().unwrap().bind(6000).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut stranger = lab.far.udp().unwrap().bind(8).unwrap();
    stranger.send_to(b"spam", addr(NEAR)).unwrap();
    peer.send_to(b"news", addr(NEAR)).unwrap();
    lab.run_for(Duration::from_secs(1));
    let mut near = near.connect(addr(FAR)).unwrap();
    assert_eq!(near.next_len(), Ok(Some(4)));
    assert_eq!(near.recv_with(<[u8]>::to_vec), Ok(b"news".to_vec()));
    assert_eq!(near.next_len(), Ok(None));
}

#[test]
fn disconnect_keeps_the_port_and_hears_everyone() {
    let lab = Lab::new(1);
    let near = lab.near.udp().unwrap().connect(addr(FAR)).unwrap();
    assert_eq!(near.remote_endpoint(), Ok(addr(FAR)));
    let port = near.local_endpoint().unwrap().port;
    assert!((49_152..=65_535).contains(&port));
    let mut near = near.disconnect();
    assert_eq!(near.local_endpoint().unwrap().port, port);

    let mut stranger = lab.far.udp().unwrap().bind(8).unwrap();
    stranger.send_to(b"hello", addr(&format!("192.168.69.1:{port}"))).unwrap();
    let mut buffer = [0; 16];
    let from = addr("192.168.69.2:8");
    assert_eq!(lab.block(|| near.receive_from(&mut buffer)), Ok((5, from)));
}

#[test]
fn broadcast_and_multicast_are_destinations() {
    let lab = Lab::new(1);
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    for destination in ["192.168.69.255:7", "255.255.255.255:7", "224.0.0.1:7", "[ff02::1]:7"] {
        near.send_to(b"to all", addr(destination)).unwrap();
        let (size, from) = lab.block(|| far.receive_from(&mut [0; 16])).unwrap();
        assert_eq!((size, from.port()), (6, 6000), "{destination}");
    }
}

#[test]
fn a_socket_bound_to_an_address_hears_that_one_and_broadcasts() {
    let lab = Lab::new(1);
    let local = addr("192.168.69.2:7");
    let mut far = lab.far.udp().unwrap().bind(local).unwrap();
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
    near.send_to(b"6", addr("[fd00::2]:7")).unwrap();
    near.send_to(b"to all", addr("192.168.69.255:7")).unwrap();
    near.send_to(b"to one", addr(FAR)).unwrap();
    lab.run_for(Duration::from_secs(1));
    let mut received = Vec::new();
    while let Ok(data) = far.recv_from_with(|data, _| data.to_vec()) {
        received.push(data);
    }
    assert_eq!(received, [b"to all", b"to one"]);
}

#[test]
fn closures_write_and_read_datagrams_in_place() {
    let lab = Lab::new(1);
    let mut near = lab.near.udp().unwrap().connect(addr(FAR)).unwrap();
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    let sent = near.send_with(100, |buffer| {
        assert_eq!(buffer.len(), 100);
        buffer[..4].copy_from_slice(b"four");
        4
    });
    assert_eq!(sent, Ok(4));
    lab.run_for(Duration::from_secs(1));
    assert_eq!(far.recv_from_with(|data, _| data.to_vec()), Ok(b"four".to_vec()));

    let mut other = lab.near.udp().unwrap().bind(6000).unwrap();
    assert_eq!(other.send_to_with(3, addr(FAR), |buffer| buffer.len()), Ok(3));
}

#[test]
fn a_full_queue_blocks_until_there_is_room() {
    let heap = Heap { udp_buf: 100, udp_packets: 2, ..Heap::default() };
    let lab = Lab::builder(1).near(heap).build();
    let mut near = lab.near.udp().unwrap().connect(addr(FAR)).unwrap();
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    lab.cable.cut();
    // The next hop is not known and cannot be found: the queue fills.
    assert_eq!(near.send(&[1; 50]), Ok(()));
    assert_eq!(near.send(&[2; 50]), Ok(()));
    assert_eq!(near.send(&[3; 50]), Err(nb::Error::WouldBlock));
    assert_eq!(near.flush(), Err(nb::Error::WouldBlock));
    lab.cable.mend();
    assert_eq!(lab.block(|| near.send(&[3; 50])), Ok(()));
    assert_eq!(lab.block(|| near.flush()), Ok(()));
    for expected in 1..=3 {
        let data = lab.block(|| far.recv_from_with(|data, _| data.to_vec())).unwrap();
        assert_eq!(data, [expected; 50]);
    }
}

#[test]
fn a_dropped_socket_still_sends_what_it_accepted() {
    let lab = Lab::new(1);
    let free = lab.near.free_slots(Protocol::Udp).unwrap();
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
    near.send_to(b"last words", addr(FAR)).unwrap();
    near.send_to(b"", addr(FAR)).unwrap();
    drop(near);
    assert_eq!(lab.block(|| far.receive_from(&mut [0; 16])).unwrap().0, 10);
    assert_eq!(lab.block(|| far.receive_from(&mut [0; 16])).unwrap().0, 0);
    assert_eq!(lab.near.free_slots(Protocol::Udp), Ok(free));
}

#[test]
fn datagrams_for_a_next_hop_that_never_answers_are_given_up_and_reported_once() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.unreachable = Some(Duration::from_secs(3)))
        .build();
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    near.send_to(b"nobody", addr("192.168.69.77:7")).unwrap();
    lab.run_for(Duration::from_secs(10));
    assert_eq!(near.send_to(b"hello", addr(FAR)), Err(nb::Error::Other(Error::TimedOut)));
    assert_eq!(near.send_to(b"hello", addr(FAR)), Ok(()));
    assert_eq!(lab.block(|| far.receive_from(&mut [0; 16])).unwrap().0, 5);
}

/// A next hop that answers late has answered: nothing is given up later.
#[test]
fn the_time_limit_of_a_next_hop_ends_with_its_answer() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.unreachable = Some(Duration::from_secs(5)))
        .build();
    let _far = lab.far.udp().unwrap().bind(7).unwrap();
    let mut near = lab.near.udp().unwrap().connect(addr(FAR)).unwrap();
    lab.cable.cut();
    near.send(b"hello").unwrap();
    lab.run_for(Duration::from_secs(2));
    lab.cable.mend();
    assert_eq!(lab.block(|| near.flush()), Ok(()));
    lab.run_for(Duration::from_secs(10));
    assert_eq!(near.flush(), Ok(()));
    assert_eq!(near.send(b"hello"), Ok(()));
}

/// What lost the address that it was to be sent from waits for no next hop any more.
#[test]
fn the_time_limit_of_a_next_hop_ends_with_the_datagram() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.unreachable = Some(Duration::from_secs(5)))
        .build();
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
    near.send_to(b"nobody", addr("192.168.69.77:7")).unwrap();
    lab.run_for(Duration::from_secs(2));
    lab.near.remove_address("192.168.69.1".parse().unwrap()).unwrap();
    assert_eq!(lab.block(|| near.flush()), Ok(()));
    lab.run_for(Duration::from_secs(10));
    assert_eq!(near.send_to(b"hello", addr("[fd00::2]:7")), Ok(()));
}

/// That the stack is without an address for a moment does not put it off.
#[test]
fn the_time_limit_of_a_next_hop_does_not_begin_anew_with_an_address() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.unreachable = Some(Duration::from_secs(5)))
        .build();
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
    let start = lab.clock.time();
    near.send_to(b"nobody", addr("192.168.69.77:7")).unwrap();
    lab.run_for(Duration::from_millis(500));
    lab.near.remove_address("192.168.69.1".parse().unwrap()).unwrap();
    lab.near.poll().unwrap();
    lab.near.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    assert_eq!(lab.block(|| near.flush()), Err(Error::TimedOut));
    assert_eq!((lab.clock.time() - start).total_millis(), 5_000);
}

/// It is told when what was received has been taken, and the stack sleeps meanwhile.
#[test]
fn what_was_received_is_not_lost_with_what_is_given_up() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.unreachable = Some(Duration::from_secs(5)))
        .build();
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    far.send_to(b"news", addr(NEAR)).unwrap();
    lab.run_for(Duration::from_secs(1));
    near.send_to(b"nobody", addr("192.168.69.77:7")).unwrap();
    lab.near.poll().unwrap();
    lab.clock.advance(Duration::from_secs(20));
    let polls = (0..20).take_while(|_| lab.near.poll().unwrap()).count();
    assert!(polls < 20, "it goes on and on");
    assert_eq!(lab.near.poll_delay(), Some(Duration::ZERO), "there may be something to look at");
    assert_eq!(lab.near.poll_delay(), Some(Duration::from_secs(1)));
    assert_eq!(near.receive_from(&mut [0; 16]), Ok((4, addr(FAR))));
    lab.run_for(Duration::from_secs(1));
    assert_eq!(near.flush(), Err(nb::Error::Other(Error::TimedOut)));
}

/// There is no loopback, also to an address that has become the stack's own.
#[test]
fn a_peer_whose_address_is_taken_over_has_no_route() {
    let lab = Lab::new(1);
    let mut near = lab.near.udp().unwrap().connect(addr(FAR)).unwrap();
    assert_eq!(near.send(b"hello"), Ok(()));
    for own in ["fd00::1", "192.168.69.1"] {
        lab.near.remove_address(own.parse().unwrap()).unwrap();
    }
    lab.near.add_address("192.168.69.2/24".parse().unwrap()).unwrap();
    assert_eq!(near.send(b"hello"), Err(nb::Error::Other(Error::NoRoute)));
}

#[test]
fn the_hop_limit_is_on_the_wire() {
    let lab = Lab::new(1);
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
    // To a broadcast address: no neighbour has to be found first.
    let all = addr("192.168.69.255:7");
    let (_, mut wire) = lab.cable.plugs();
    lab.run_for(Duration::from_secs(1));
    for (limit, expected) in [(NonZeroU8::new(1), 1), (None, 64)] {
        near.set_hop_limit(limit).unwrap();
        near.send_to(b"x", all).unwrap();
        lab.near.poll().unwrap();
        let frame = wire.take(lab.clock.time()).unwrap();
        let frame = EthernetFrame::new_checked(&frame[..]).unwrap();
        assert_eq!(Ipv4Packet::new_checked(frame.payload()).unwrap().hop_limit(), expected);
    }
}

#[test]
fn an_erased_socket_converts_back_to_its_own_state_only() {
    let lab = Lab::new(1);
    let any = AnyUdpSocket::from(lab.near.udp().unwrap().bind(6000).unwrap());
    let any = UdpSocket::<sockstate::state::Connected>::try_from(any).unwrap_err();
    assert_eq!(any.state(), "Bound");
    assert!(UdpSocket::<sockstate::state::Bound>::try_from(any).is_ok());
}

/// A datagram finds room whenever nothing is queued, wherever in the buffer the last one ended.
#[test]
fn an_empty_queue_has_room_for_any_datagram() {
    let lab =
        Lab::builder(1).near(Heap { udp_buf: 1_472, udp_packets: 4, ..Heap::default() }).build();
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    let mut near = lab.near.udp().unwrap().bind(6000).unwrap();
    let mut arrives = |size: usize| {
        assert_eq!(lab.block(|| far.receive_from(&mut [0; 1_500])).unwrap().0, size);
    };
    for size in [700, 1_000, 1_000, 1_472, 700, 1_000] {
        assert_eq!(near.send_to(&vec![7; size], addr(FAR)), Ok(()), "{size}");
        arrives(size);
    }
    for size in [700, 1_000, 1_000, 1_472, 700, 1_000] {
        let fill = |buffer: &mut [u8]| buffer.len();
        assert_eq!(near.send_to_with(size, addr(FAR), fill), Ok(size), "{size}");
        arrives(size);
    }
}
