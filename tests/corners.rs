//! Corners: what goes wrong only where two things meet.

use std::cell::{Cell, RefCell};

use sockstate::device::Faults;
use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Heap, Protocol, TcpSocket, nb};

const FAR: &str = "192.168.69.2:80";
const NEAR: &str = "192.168.69.1:80";

fn small(tcp: usize, udp: usize) -> Heap {
    Heap { tcp, udp, tcp_rx: 4096, tcp_tx: 4096, udp_buf: 4096, udp_packets: 8, ..Heap::default() }
}

/// An ARP request of one stranger for another, as broadcast on any network.
fn chatter() -> Vec<u8> {
    let (mac, sender, target) = ([2, 0, 0, 0, 0, 9], [192, 168, 69, 9], [192, 168, 69, 10]);
    let mut frame = vec![0xff; 6];
    frame.extend(mac);
    frame.extend([8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame.extend(mac);
    frame.extend(sender);
    frame.extend([0; 6]);
    frame.extend(target);
    frame
}

fn connect<'lab>(lab: &'lab Lab) -> TcpSocket<'lab, Connected> {
    lab.near.tcp().unwrap().connect(FAR.parse().unwrap()).unwrap().wait().unwrap()
}

fn connect_back<'lab>(lab: &'lab Lab) -> TcpSocket<'lab, Connected> {
    lab.far.tcp().unwrap().connect(NEAR.parse().unwrap()).unwrap().wait().unwrap()
}

#[test]
fn a_reused_socket_does_not_inherit_the_end_of_its_last_connection() {
    let lab = Lab::new(1);
    let refused = lab.near.tcp().unwrap().connect("192.168.69.2:9".parse().unwrap()).unwrap();
    let closed = refused.wait().unwrap_err().into_socket();
    let mut listener = closed.bind(80).unwrap().listen(2).unwrap();
    let clients = [connect_back(&lab), connect_back(&lab)];
    let accepted = [(); 2].map(|()| lab.block(|| listener.accept()).unwrap().0);
    drop(clients);
    for connection in accepted {
        assert!(connection.close().wait().is_ok());
    }
}

#[test]
fn a_socket_that_lost_its_address_sends_from_another() {
    let lab = Lab::new(1);
    let connecting = lab.near.tcp().unwrap().connect("192.168.69.2:9".parse().unwrap()).unwrap();
    lab.near.remove_address("192.168.69.1".parse().unwrap()).unwrap();
    let failed = connecting.wait().unwrap_err();
    assert_eq!(failed.error(), Error::AddressLost);
    lab.near.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    let mut listener = failed.into_socket().bind(80).unwrap().listen(1).unwrap();
    let mut client = connect_back(&lab);
    let (mut accepted, _) = lab.block(|| listener.accept()).unwrap();
    accepted.send(b"hello").unwrap();
    lab.run_for(Duration::from_secs(1));
    assert_eq!(client.receive(&mut [0; 16]), Ok(5));
}

#[test]
fn a_reused_socket_has_the_options_of_a_new_one() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut near = connect(&lab);
    near.set_timeout(Some(Duration::from_millis(500))).unwrap();
    // The peer closes first: there is no TIME-WAIT here, and the slot is kept.
    drop(lab.block(|| listener.accept()).unwrap());
    lab.run_for(Duration::from_secs(1));
    let closed = near.close().wait().unwrap();
    let mut near = closed.connect(FAR.parse().unwrap()).unwrap().wait().unwrap();
    lab.cable.cut();
    near.send(b"x").unwrap();
    lab.run_for(Duration::from_secs(5));
    assert_eq!(near.flush(), Err(nb::Error::WouldBlock));
}

#[test]
fn a_reused_slot_does_not_wait_for_the_neighbour_of_its_last_owner() {
    let lab = Lab::builder(1).near(small(1, 1)).build();
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let mut known = lab.near.udp().unwrap().bind(9).unwrap();
    known.send_to(b"x", FAR.parse().unwrap()).unwrap();
    lab.run_for(Duration::from_secs(3));
    let dead = lab.near.tcp().unwrap().connect("192.168.69.77:80".parse().unwrap()).unwrap();
    lab.run_for(Duration::from_millis(5));
    drop(dead);
    let start = lab.clock.time();
    let _near = connect(&lab);
    assert!(lab.clock.time() - start < Duration::from_millis(100));
}

#[test]
fn a_close_that_is_complete_stays_complete() {
    // The peer closes late, and the answer is asked for after the closing deadline.
    let lab = Lab::new(1);
    let (near, far) = lab.connection().unwrap();
    let mut closing = near.close();
    lab.run_for(Duration::from_secs(25));
    drop(far);
    lab.run_for(Duration::from_secs(6));
    assert_eq!(closing.poll(), Ok(()));
}

#[test]
fn a_close_is_complete_only_when_the_peer_knows_that_its_own_is() {
    use sockstate::smoltcp::socket::tcp::State;
    let lab = Lab::new(1);
    let (near, mut far) = lab.connection().unwrap();
    let mut near = near.shutdown();
    assert_eq!(lab.block(|| near.flush()), Ok(()));
    // Data and FIN arrive together: their acknowledgement may wait for a while.
    far.send(b"the rest").unwrap();
    let far = far.shutdown();
    let mut buffer = [0; 16];
    assert_eq!(lab.block(|| near.receive(&mut buffer)), Ok(8));
    assert_eq!(lab.block(|| near.receive(&mut buffer)), Err(Error::PeerClosed));
    assert!(near.close().wait().is_ok());
    // A program may end now: nothing more is owed to the peer.
    lab.far.poll().unwrap();
    assert_eq!(far.tcp_state(), Ok(State::Closed));
}

#[test]
fn a_delivered_close_ends_even_if_its_last_word_has_nowhere_to_go() {
    // Longer than the neighbour stays known: then the RST that ends the wait cannot be sent.
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.closing = Some(Duration::from_secs(90)))
        .build();
    let (near, _far) = lab.connection().unwrap();
    let mut closing = near.close();
    assert_eq!(lab.block(|| closing.flush()), Ok(()));
    lab.cable.cut();
    let start = lab.clock.time();
    assert_eq!(lab.near.block_for(Duration::from_secs(600), || closing.poll()), Ok(()));
    assert!(lab.clock.time() - start < Duration::from_secs(95));
}

#[test]
fn a_rst_for_unread_data_that_cannot_be_sent_does_not_hold_up_a_close() {
    let lab = Lab::new(1);
    let (near, mut far) = lab.connection().unwrap();
    let mut closing = near.close();
    assert_eq!(lab.block(|| closing.flush()), Ok(()));
    // The peer sends on; the answer would be a RST, but the neighbour is forgotten by then.
    far.send(b"unwanted").unwrap();
    lab.far.poll().unwrap();
    lab.cable.cut();
    lab.near.remove_address("fd00::1".parse().unwrap()).unwrap();
    let start = lab.clock.time();
    assert_eq!(lab.near.block_for(Duration::from_secs(600), || closing.poll()), Ok(()));
    assert!(lab.clock.time() - start < Duration::from_secs(5));
}

#[test]
fn keep_alive_does_not_end_what_both_sides_have_closed() {
    let lab = Lab::new(1);
    let (mut near, far) = lab.connection().unwrap();
    near.set_keep_alive(Some(Duration::from_secs(1))).unwrap();
    near.set_timeout(Some(Duration::from_secs(3))).unwrap();
    let mut half = near.shutdown();
    drop(far);
    for _ in 0..3 {
        lab.run_for(Duration::from_secs(2));
        assert_eq!(half.flush(), Ok(()));
    }
}

#[test]
fn time_wait_is_not_cut_short_by_the_closing_deadline() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.closing = Some(Duration::from_secs(3)))
        .build();
    let (near, far) = lab.connection().unwrap();
    let closing = near.close();
    drop(far);
    lab.run_for(Duration::from_secs(1));
    drop(closing);
    let waiting = lab.near.free_slots(Protocol::Tcp).unwrap();
    lab.run_for(Duration::from_secs(5));
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(waiting));
    lab.run_for(Duration::from_secs(10));
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(waiting + 1));
}

#[test]
fn of_several_in_time_wait_the_oldest_makes_room() {
    let lab = Lab::builder(1).near(small(3, 1)).build();
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(3).unwrap();
    let far = FAR.parse().unwrap();
    let again = |port| lab.near.tcp().unwrap().bind(port).unwrap().connect(far);
    let mut pairs = [5_001, 5_002, 5_003].map(|port| {
        let near = again(port).unwrap().wait().unwrap();
        Some((near, lab.block(|| listener.accept()).unwrap().0))
    });
    // Neither the first slot nor the last one.
    for place in [1, 0, 2] {
        let (near, far) = pairs[place].take().unwrap();
        drop((near, far));
        lab.run_for(Duration::from_secs(1));
    }
    let _first = again(5_002).expect("the oldest is gone");
    // This one found a slot and a connection in TIME-WAIT.
    assert_eq!(again(5_003).unwrap_err().error(), Error::AddressInUse);
    let _second = again(5_001).expect("that slot was the second one's");
}

#[test]
fn what_is_closed_unread_is_answered_with_a_rst_once_all_is_delivered() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    far.send(b"unread").unwrap();
    near.send(b"delivered").unwrap();
    lab.run_for(Duration::from_secs(1));
    let closing = near.close();
    lab.run_for(Duration::from_secs(1));
    assert!(closing.wait().is_ok());
    assert_eq!(far.receive(&mut [0; 16]), Ok(9));
    assert_eq!(far.send(b"more"), Err(nb::Error::Other(Error::Reset)));
}

#[test]
fn a_socket_dropped_in_a_closure_after_a_long_silence_loses_nothing() {
    let lab = Lab::new(1);
    let (mut one, _peer) = lab.connection().unwrap();
    let (mut other, mut other_peer) = lab.connection().unwrap();
    // The application is busy, and nobody polls.
    lab.clock.advance(Duration::from_secs(40));
    other.send(b"precious").unwrap();
    one.send_with(|_| (0, drop(other))).unwrap();
    lab.run_for(Duration::from_secs(5));
    assert_eq!(other_peer.receive(&mut [0; 16]), Ok(8));
}

#[test]
fn the_chatter_of_others_does_not_hold_a_connect_up() {
    let lab = Lab::new(1);
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let start = lab.clock.time();
    let connecting = lab.near.tcp().unwrap().connect(FAR.parse().unwrap()).unwrap();
    lab.near.poll().unwrap();
    let (_, mut wire) = lab.cable.plugs();
    wire.inject(lab.clock.time(), &chatter());
    lab.near.poll().unwrap();
    assert!(connecting.wait().is_ok());
    assert!(lab.clock.time() - start < Duration::from_millis(100));
}

#[test]
fn the_chatter_of_others_does_not_keep_a_dead_next_hop_alive() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    socket.send_to(b"x", "192.168.69.77:7".parse().unwrap()).unwrap();
    let (_, mut wire) = lab.cable.plugs();
    let given_up = (0..60).map(|_| {
        lab.run_for(Duration::from_secs(10));
        wire.inject(lab.clock.time(), &chatter());
        socket.flush()
    });
    let end = given_up.into_iter().find(|result| *result != Err(nb::Error::WouldBlock));
    assert_eq!(end, Some(Err(nb::Error::Other(Error::TimedOut))));
}

#[test]
fn a_flush_ends_when_the_link_goes_down() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    socket.send_to(b"x", FAR.parse().unwrap()).unwrap();
    lab.near.link_down().unwrap();
    assert_eq!(socket.flush(), Err(nb::Error::Other(Error::LinkDown)));
}

#[test]
fn a_dropped_udp_socket_leaves_its_slot_when_the_link_goes_down() {
    let lab = Lab::builder(1).near(small(1, 1)).build();
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    socket.send_to(b"x", FAR.parse().unwrap()).unwrap();
    drop(socket);
    lab.near.link_down().unwrap();
    assert!(lab.near.udp().is_ok());
}

#[test]
fn only_a_host_can_be_a_gateway() {
    let lab = Lab::new(1);
    for gateway in ["224.0.0.1", "0.0.0.0", "255.255.255.255", "ff02::1", "::"] {
        let set = lab.near.set_gateway(gateway.parse().unwrap());
        assert_eq!(set, Err(Error::Unaddressable), "{gateway}");
    }
}

#[test]
fn there_is_no_loopback_behind_a_gateway() {
    let lab = Lab::new(1);
    lab.near.set_gateway("192.168.69.2".parse().unwrap()).unwrap();
    let failed = lab.near.tcp().unwrap().connect("127.0.0.1:80".parse().unwrap()).unwrap_err();
    assert_eq!(failed.error(), Error::NoRoute);
}

#[test]
fn a_limit_beyond_all_time_is_no_limit() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.connect = Some(Duration::MAX))
        .build();
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let connecting = lab.near.tcp().unwrap().connect(FAR.parse().unwrap()).unwrap();
    let mut connecting = connecting;
    assert_eq!(lab.near.block_for(Duration::MAX, || connecting.poll()), Ok(()));
}

/// Limits are milliseconds of 32 bits.
#[test]
fn a_limit_of_49_days_is_kept_and_one_of_50_is_none() {
    const DAY: Duration = Duration::from_secs(24 * 3_600);
    for (days, end) in [(49, nb::Error::Other(Error::TimedOut)), (50, nb::Error::WouldBlock)] {
        let lab = Lab::builder(1)
            .configure_near(|config| config.deadlines.connect = Some(DAY * days))
            .build();
        lab.cable.cut();
        let mut connecting = lab.near.tcp().unwrap().connect(FAR.parse().unwrap()).unwrap();
        lab.near.poll().unwrap();
        lab.clock.advance(DAY * days - Duration::from_millis(1));
        lab.near.poll().unwrap();
        assert_eq!(connecting.poll(), Err(nb::Error::WouldBlock), "{days} days");
        lab.clock.advance(Duration::from_millis(1));
        lab.near.poll().unwrap();
        assert_eq!(connecting.poll(), Err(end), "{days} days");
    }
}

#[test]
fn probes_leave_time_for_other_things() {
    for interval in [Duration::ZERO, Duration::MAX] {
        let lab = Lab::new(1);
        let (mut near, mut far) = lab.connection().unwrap();
        near.set_keep_alive(Some(interval)).unwrap();
        near.send(b"x").unwrap();
        lab.near.poll().unwrap();
        lab.run_for(Duration::from_millis(20));
        assert_eq!(far.receive(&mut [0; 8]), Ok(1), "{interval}");
        assert_eq!(near.flush(), Ok(()), "{interval}");
    }
}

#[test]
fn nobody_goes_to_sleep_on_what_another_has_taken_in() {
    let lab = Lab::new(1);
    let receiver = RefCell::new(lab.near.udp().unwrap().bind(7).unwrap());
    let mut sender = lab.far.udp().unwrap().bind(7).unwrap();
    let near = "192.168.69.1:7".parse().unwrap();
    sender.send_to(b"the neighbours are known", near).unwrap();
    lab.run_for(Duration::from_secs(1));
    receiver.borrow_mut().recv_from_with(|_, _| ()).unwrap();

    let sent = Cell::new(false);
    let received = lab.near.block_with(
        |_| assert_eq!(receiver.borrow().next_len(), Ok(None)),
        || {
            let result = receiver.borrow_mut().receive_from(&mut [0; 16]);
            if !sent.replace(true) {
                // Another thread or handler, between this call and the wait.
                sender.send_to(b"x", near).unwrap();
                lab.far.poll().unwrap();
                lab.near.poll().unwrap();
            }
            result
        },
    );
    assert_eq!(received.map(|(size, _)| size), Ok(1));
}

/// A call of the program's own may poll nothing: who waits for it does.
#[test]
fn a_wait_takes_in_what_its_call_does_not() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let near = "192.168.69.1:7".parse().unwrap();
    let mut sender = lab.far.udp().unwrap().connect(near).unwrap();
    sender.send(b"the neighbours are known").unwrap();
    lab.run_for(Duration::from_secs(1));
    socket.receive_from(&mut [0; 32]).unwrap();

    sender.send(b"hello").unwrap();
    lab.far.poll().unwrap();
    let size = lab.near.block_with(
        |_| panic!("it has arrived"),
        || socket.next_len()?.ok_or(nb::Error::<Error>::WouldBlock),
    );
    assert_eq!(size, Ok(5));
}

/// What a wait sends may be what its call waits for.
#[test]
fn nobody_sleeps_on_a_slot_that_is_free_when_all_is_sent() {
    let lab = Lab::new(1);
    let far = "192.168.69.2:7".parse().unwrap();
    let _peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut socket = lab.near.udp().unwrap().connect(far).unwrap();
    socket.send(b"the neighbours are known").unwrap();
    lab.run_for(Duration::from_secs(1));
    let free = || lab.near.free_slots(Protocol::Udp);
    let before = free().unwrap();

    socket.send(b"hello").unwrap();
    drop(socket);
    assert_eq!(free(), Ok(before));
    let waited = lab.near.block_with(
        |_| panic!("the slot is free"),
        || if free()? > before { Ok(()) } else { Err(nb::Error::<Error>::WouldBlock) },
    );
    assert_eq!(waited, Ok(()));
}

#[test]
fn slots_beyond_what_can_be_told_apart_are_left_out() {
    let heap = Heap {
        tcp: 65_536,
        udp: 1,
        tcp_rx: 1,
        tcp_tx: 1,
        udp_buf: 1,
        udp_packets: 1,
        ..Heap::default()
    };
    let lab = Lab::builder(1).near(heap).build();
    let (one, other) = (lab.near.tcp().unwrap(), lab.near.tcp().unwrap());
    assert_ne!(format!("{one:?}"), format!("{other:?}"));
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(65_532));
    assert_eq!(lab.near.free_slots(Protocol::Udp), Ok(0));
}

#[test]
fn a_bound_socket_is_closed_in_the_eyes_of_the_protocol() {
    use sockstate::smoltcp::socket::tcp::State;
    let lab = Lab::new(1);
    let bound = lab.near.tcp().unwrap().bind(80).unwrap();
    assert_eq!(bound.tcp_state(), Ok(State::Closed));
}

#[test]
fn what_is_not_read_yet_outlasts_time_wait() {
    let lab = Lab::new(1);
    let (near, mut far) = lab.connection().unwrap();
    let mut near = near.shutdown();
    far.send(b"late").unwrap();
    drop(far);
    lab.run_for(Duration::from_secs(30));
    assert_eq!(lab.near.poll_delay(), None);
    assert_eq!(near.receive(&mut [0; 16]), Ok(4));
    assert_eq!(near.receive(&mut [0; 16]), Err(nb::Error::Other(Error::PeerClosed)));
    let free = lab.near.free_slots(Protocol::Tcp).unwrap();
    drop(near);
    lab.run_for(Duration::from_secs(15));
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(free + 1));
}

#[test]
fn a_close_is_complete_when_the_last_acknowledgement_left_as_an_answer() {
    let lab = Lab::new(1);
    let (near, mut far) = lab.connection().unwrap();
    let mut near = near.shutdown();
    lab.run_for(Duration::from_secs(1));
    // The second copy of the peer's FIN is answered at once, before the first one's time has come.
    lab.cable.set_faults(Faults { duplication: 1.0, ..Faults::default() });
    far.send(b"the last").unwrap();
    drop(far);
    lab.far.poll().unwrap();
    lab.cable.set_faults(Faults::default());
    assert_eq!(lab.block(|| near.receive(&mut [0; 16])), Ok(8));
    let start = lab.clock.time();
    assert!(near.close().wait().is_ok());
    assert!(lab.clock.time() - start < Duration::from_secs(1));
}

#[test]
fn a_live_peer_is_not_given_up_while_window_updates_put_its_probe_off() {
    let lab = Lab::new(1);
    let (mut near, mut far) = lab.connection().unwrap();
    near.set_keep_alive(Some(Duration::from_secs(3))).unwrap();
    near.set_timeout(Some(Duration::from_secs(2))).unwrap();
    far.send(&[1; 4096]).unwrap();
    lab.run_for(Duration::from_millis(500));
    // Each of them is told of, and needs no answer.
    for size in [64, 64, 128, 256, 512, 1024, 2048] {
        assert_eq!(near.receive(&mut vec![0; size]), Ok(size));
        lab.run_for(Duration::from_secs(1));
    }
    assert_eq!(near.send(b"x"), Ok(1));
    // And one that is gone is given up.
    lab.run_for(Duration::from_secs(1));
    lab.cable.cut();
    lab.run_for(Duration::from_millis(5_100));
    assert_eq!(near.send(b"x"), Err(nb::Error::Other(Error::TimedOut)));
}
