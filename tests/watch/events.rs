//! What is told of one socket, in each state.

use sockstate::testing::Lab;
use sockstate::{AddrType, Duration, Error, Protocol, Ready};

use super::common::name_server::{A, Server, address, reply};
use super::common::{FAR, NEAR, assert_blocks, far, near, slots};
use super::{ready, round, settle};

#[test]
fn a_connection_tells_what_can_be_done_with_it() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE | Ready::SEND | Ready::FLUSHED | Ready::ACCEPT).unwrap();
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED);

    peer.send(b"hello").unwrap();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::RECEIVE | Ready::SEND | Ready::FLUSHED);

    assert_eq!(socket.receive(&mut [0; 3]), Ok(3));
    assert!(ready(&mut watch).contains(Ready::RECEIVE), "two bytes are left");
    assert_eq!(socket.receive(&mut [0; 3]), Ok(2));
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED);

    while socket.send(&[0; 1024]).is_ok() {}
    assert_eq!(ready(&mut watch), Ready::NONE);

    drop(peer);
    settle(&lab);
    // The peer does not want what was sent, and says so.
    let all = Ready::RECEIVE | Ready::SEND | Ready::FLUSHED | Ready::ENDED;
    assert_eq!(ready(&mut watch), all);
    assert_eq!(socket.send(b"more"), Err(Error::Reset.into()));
}

#[test]
fn a_connection_without_interest_still_tells_of_its_end() {
    let lab = Lab::new(1);
    let (socket, mut peer) = lab.connection().unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::NONE).unwrap();
    peer.send(b"hello").unwrap();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::NONE);
    peer.abort();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::ENDED);
}

#[test]
fn the_end_of_the_stream_can_be_received() {
    let lab = Lab::new(1);
    let (mut socket, peer) = lab.connection().unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE).unwrap();
    let _peer = peer.shutdown();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::RECEIVE);
    assert_eq!(socket.receive(&mut [0; 3]), Err(Error::PeerClosed.into()));
}

#[test]
fn a_connection_request_tells_how_it_went() {
    let lab = Lab::new(1);
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let accepted = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let refused = lab.near.tcp().unwrap().connect(far(81)).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&accepted, 80, Ready::SEND).unwrap();
    watch.add(&refused, 81, Ready::SEND).unwrap();
    assert_eq!(round(&mut watch), []);
    settle(&lab);
    assert_eq!(round(&mut watch), [(80, Ready::SEND), (81, Ready::SEND | Ready::ENDED)]);
    let connected = accepted.finish().unwrap();
    drop(refused);
    assert_eq!(ready(&mut watch), Ready::SEND, "the watch goes on through the states");
    drop(connected);
    assert_eq!(ready(&mut watch), Ready::NONE);
}

#[test]
fn a_time_limit_that_ends_is_told() {
    let lab = Lab::builder(1)
        .configure_near(|config| config.deadlines.connect = Some(Duration::from_secs(3)))
        .build();
    let dead = ([192, 168, 69, 77], 80).into();
    let socket = lab.near.tcp().unwrap().connect(dead).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::SEND).unwrap();
    lab.run_for(Duration::from_millis(2_900));
    assert_eq!(ready(&mut watch), Ready::NONE);
    lab.run_for(Duration::from_millis(200));
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::ENDED);
}

#[test]
fn closing_is_over_when_everything_is_delivered() {
    let lab = Lab::new(1);
    let (mut socket, peer) = lab.connection().unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::NONE).unwrap();
    socket.send(b"that is all").unwrap();
    let closing = socket.close();
    assert_eq!(ready(&mut watch), Ready::NONE);
    drop(peer);
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::ENDED);
    let closed = closing.finish().unwrap();
    assert_eq!(ready(&mut watch), Ready::NONE, "a closed socket is not over: it is as good as new");
    drop(closed);
}

#[test]
fn a_half_closed_connection_is_over_when_the_peer_has_closed() {
    let lab = Lab::new(1);
    let (socket, peer) = lab.connection().unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::NONE).unwrap();
    let socket = socket.shutdown();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::NONE);
    drop(peer);
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::ENDED);
    drop(socket);
}

#[test]
fn an_open_or_bound_socket_is_ready_for_nothing() {
    let lab = Lab::new(1);
    let mut watch = lab.near.watch().unwrap();
    let all = Ready::RECEIVE | Ready::SEND | Ready::ACCEPT | Ready::FLUSHED;
    let open = lab.near.tcp().unwrap();
    watch.add(&open, 1, all).unwrap();
    assert_eq!(ready(&mut watch), Ready::NONE);
    let _bound = open.bind(6_000).unwrap();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::NONE);
}

#[test]
fn a_udp_socket_tells_what_can_be_done_with_it() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(9).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE | Ready::SEND | Ready::FLUSHED).unwrap();
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED);
    peer.send_to(b"hello", near(7)).unwrap();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::RECEIVE | Ready::SEND | Ready::FLUSHED);
    socket.receive_from(&mut [0; 8]).unwrap();
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED);

    let dead = ([192, 168, 69, 77], 9).into();
    while socket.send_to(&[0; 1_000], dead).is_ok() {}
    assert_eq!(ready(&mut watch), Ready::NONE, "no room while the neighbour is looked for");
    lab.run_for(Duration::from_secs(70));
    assert_eq!(ready(&mut watch), Ready::RECEIVE | Ready::SEND | Ready::FLUSHED);
    assert_eq!(socket.receive_from(&mut [0; 8]), Err(Error::TimedOut.into()));
    assert_eq!(ready(&mut watch), Ready::SEND | Ready::FLUSHED, "told once, and usable again");
}

#[test]
fn strangers_do_not_make_a_connected_udp_socket_ready() {
    let lab = Lab::new(1);
    let socket = lab.near.udp().unwrap().bind(7).unwrap();
    let mut stranger = lab.far.udp().unwrap().bind(8).unwrap();
    stranger.send_to(b"spam", near(7)).unwrap();
    settle(&lab);
    let socket = socket.connect(far(9)).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE).unwrap();
    assert_eq!(ready(&mut watch), Ready::NONE);
}

#[test]
fn a_lost_address_ends_those_who_had_it() {
    let lab = Lab::new(1);
    let (tcp, _peer) = lab.connection().unwrap();
    let udp = lab.near.udp().unwrap().bind((NEAR, 7)).unwrap();
    let any = lab.near.udp().unwrap().bind(8).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&tcp, 1, Ready::NONE).unwrap();
    watch.add(&udp, 2, Ready::NONE).unwrap();
    watch.add(&any, 3, Ready::NONE).unwrap();
    assert_eq!(round(&mut watch), []);
    lab.near.remove_address(NEAR.into()).unwrap();
    assert_eq!(round(&mut watch), [(1, Ready::ENDED), (2, Ready::ENDED)]);
}

#[test]
fn a_link_that_is_down_ends_connections_and_is_no_event_for_others() {
    let lab = Lab::new(1);
    let (tcp, _peer) = lab.connection().unwrap();
    let udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&tcp, 1, Ready::RECEIVE).unwrap();
    watch.add(&udp, 2, Ready::RECEIVE).unwrap();
    lab.near.link_down().unwrap();
    assert_eq!(round(&mut watch), [(1, Ready::RECEIVE | Ready::ENDED)]);
}

#[test]
fn a_look_up_tells_when_to_ask_it() {
    let lab = Lab::new(1);
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    let _silence = lab.far.udp().unwrap().bind(53).unwrap();
    let mut lookup = lab.near.lookup("nobody.example", AddrType::Ipv4).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&lookup, 1, Ready::RECEIVE).unwrap();
    assert_blocks(lookup.poll());
    assert_eq!(ready(&mut watch), Ready::NONE);
    lab.run_for(Duration::from_millis(1_600));
    assert_eq!(ready(&mut watch), Ready::RECEIVE, "time to ask again");
    assert_blocks(lookup.poll());
    assert_eq!(ready(&mut watch), Ready::NONE);
    watch.remove(&lookup).unwrap();

    let mut name = lab.near.lookup_name(FAR.into()).unwrap();
    watch.add(&name, 2, Ready::RECEIVE).unwrap();
    assert_blocks(name.poll());
    assert_eq!(ready(&mut watch), Ready::NONE);
    lab.run_for(Duration::from_millis(1_600));
    assert_eq!(ready(&mut watch), Ready::RECEIVE, "time to ask again");
}

/// The look-up, then the connection: one key for both.
#[test]
fn a_connection_by_name_tells_of_each_step() {
    let lab = Lab::new(1);
    let server = Server::new(&lab.far);
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    let mut resolving = lab.near.tcp().unwrap().connect_by_name("far.example", 80).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&resolving, 7, Ready::SEND).unwrap();
    assert_eq!(ready(&mut watch), Ready::NONE);
    settle(&lab);
    server.step(&lab, |asked| match asked.kind {
        A => vec![reply(asked, 0, &[address("far.example", "192.168.69.2")])],
        _ => vec![reply(asked, 0, &[])],
    });
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::RECEIVE);
    assert_eq!(resolving.poll(), Ok(()));
    let connecting = resolving.finish().unwrap();
    assert_eq!(ready(&mut watch), Ready::NONE);
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::SEND);
    assert!(connecting.finish().is_ok());
}

/// Nothing is told of a socket that was ready and is closed before its turn, nor of the one that
/// gets its slot.
#[test]
fn nothing_is_told_of_a_socket_that_is_gone() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut peer = lab.far.udp().unwrap().connect(near(7)).unwrap();
    let mut watch = lab.near.watch().unwrap();
    for _ in 0..3 {
        let socket = lab.near.udp().unwrap().bind(7).unwrap();
        watch.add(&socket, 1, Ready::RECEIVE).unwrap();
        peer.send(b"hello").unwrap();
        settle(&lab);
        drop(socket);
        assert_eq!(ready(&mut watch), Ready::NONE);
        let _next = lab.near.udp().unwrap().bind(7).unwrap();
        peer.send(b"hello").unwrap();
        settle(&lab);
        assert_eq!(ready(&mut watch), Ready::NONE);
    }
    let (tcp, mut peer) = lab.connection().unwrap();
    watch.add(&tcp, 2, Ready::RECEIVE).unwrap();
    peer.send(b"hello").unwrap();
    settle(&lab);
    tcp.abort();
    assert_eq!(ready(&mut watch), Ready::NONE);
}

#[test]
fn a_socket_has_one_key_and_one_set() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let mut peer = lab.far.udp().unwrap().connect(near(7)).unwrap();
    let mut one = lab.near.watch().unwrap();
    let mut other = lab.near.watch().unwrap();
    one.add(&socket, 1, Ready::RECEIVE).unwrap();
    peer.send(b"hello").unwrap();
    settle(&lab);
    assert_eq!(round(&mut one), [(1, Ready::RECEIVE)]);
    one.add(&socket, 2, Ready::RECEIVE).unwrap();
    assert_eq!(round(&mut one), [(2, Ready::RECEIVE)]);
    other.remove(&socket).unwrap();
    assert_eq!(round(&mut one), [(2, Ready::RECEIVE)], "it is not the other's to remove");
    other.add(&socket, 3, Ready::RECEIVE).unwrap();
    assert_eq!((round(&mut one), round(&mut other)), (vec![], vec![(3, Ready::RECEIVE)]));
    drop(other);
    one.add(&socket, 4, Ready::RECEIVE).unwrap();
    assert_eq!(round(&mut one), [(4, Ready::RECEIVE)]);
    one.remove(&socket).unwrap();
    assert_eq!(round(&mut one), []);
    socket.receive_from(&mut [0; 8]).unwrap();
}

#[test]
fn halves_share_a_place() {
    let lab = Lab::new(1);
    let (socket, mut peer) = lab.connection().unwrap();
    let (mut reader, writer) = socket.split();
    let mut watch = lab.near.watch().unwrap();
    let mut other = lab.near.watch().unwrap();
    watch.add(&reader, 1, Ready::RECEIVE | Ready::SEND).unwrap();
    peer.send(b"hello").unwrap();
    settle(&lab);
    assert_eq!(ready(&mut watch), Ready::RECEIVE, "sending is the writer's");
    assert_eq!(watch.add(&writer, 2, Ready::SEND), Err(Error::AlreadyWatched));
    assert_eq!(other.add(&writer, 1, Ready::SEND), Err(Error::AlreadyWatched));
    watch.add(&writer, 1, Ready::SEND | Ready::RECEIVE).unwrap();
    assert_eq!(ready(&mut watch), Ready::RECEIVE | Ready::SEND);
    watch.remove(&writer).unwrap();
    assert_eq!(ready(&mut watch), Ready::RECEIVE);
    watch.add(&writer, 1, Ready::SEND).unwrap();
    drop(writer);
    assert_eq!(ready(&mut watch), Ready::RECEIVE, "the writer's interest went with it");
    reader.receive(&mut [0; 8]).unwrap();
    assert_eq!(ready(&mut watch), Ready::NONE);
}

#[test]
fn sets_are_few_and_come_back() {
    let lab = Lab::new(1);
    let stranger = lab.far.udp().unwrap().bind(7).unwrap();
    for _ in 0..3 {
        let mut sets: Vec<_> = (0..4).map(|_| lab.near.watch().unwrap()).collect();
        assert_eq!(lab.near.watch().err(), Some(Error::OutOfWatches));
        assert_eq!(sets[0].add(&stranger, 1, Ready::RECEIVE), Err(Error::OtherStack));
    }
    // Dropped within a closure of the stack, a set comes back when that returns.
    let (mut socket, _peer) = lab.connection().unwrap();
    let mut sets: Vec<_> = (0..4).map(|_| lab.near.watch().unwrap()).collect();
    let watch = sets.pop();
    socket.send_with(|_| (0, drop(watch))).unwrap();
    sets.push(lab.near.watch().unwrap());
}

#[test]
fn a_set_dropped_within_a_closure_takes_no_other_along() {
    let lab = Lab::new(1);
    let (mut socket, _peer) = lab.connection().unwrap();
    let sockets = [1, 2, 3].map(|port| lab.near.udp().unwrap().bind(port).unwrap());
    let mut sets: Vec<_> = (0..4).map(|_| lab.near.watch().unwrap()).collect();
    let dropped = sets.remove(1);
    for ((key, socket), set) in (0..).zip(&sockets).zip(&mut sets) {
        set.add(socket, key, Ready::SEND).unwrap();
    }
    socket.send_with(|_| (0, drop(dropped))).unwrap();
    let keys: Vec<_> = sets.iter_mut().map(|set| set.event().map(|event| event.key)).collect();
    assert_eq!(keys, [Ok(0), Ok(1), Ok(2)]);
    sets.push(lab.near.watch().unwrap());
    assert_eq!(lab.near.watch().err(), Some(Error::OutOfWatches));
}

#[test]
fn a_socket_is_watched_by_reference_as_well() {
    let lab = Lab::new(1);
    let (socket, mut other) = {
        let net = &lab.near;
        (net.udp().unwrap().bind(7).unwrap(), net.udp().unwrap().bind(8).unwrap())
    };
    let mut watch = lab.near.watch().unwrap();
    watch.add(&&socket, 7, Ready::RECEIVE).unwrap();
    watch.add(&&mut other, 8, Ready::RECEIVE).unwrap();
    assert_eq!(round(&mut watch), []);
    for port in [7, 8] {
        lab.far.udp().unwrap().connect(near(port)).unwrap().send(b"hello").unwrap();
    }
    settle(&lab);
    assert_eq!(round(&mut watch), [(7, Ready::RECEIVE), (8, Ready::RECEIVE)]);
}

/// What is always ready leaves the others their turn, and the stack its own.
#[test]
fn what_is_always_ready_starves_nobody() {
    let lab = Lab::new(1);
    let (eager, _peer) = lab.connection().unwrap();
    let patient = lab.near.udp().unwrap().bind(7).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&eager, 1, Ready::SEND).unwrap();
    watch.add(&patient, 2, Ready::RECEIVE).unwrap();
    let mut peer = lab.far.udp().unwrap().connect(near(7)).unwrap();
    peer.send(b"hello").unwrap();
    lab.block(|| peer.flush()).unwrap();
    // Nobody polls the near stack but the watch.
    let keys: Vec<_> = (0..4).map(|_| watch.event().unwrap().key).collect();
    assert!(keys.contains(&1) && keys.contains(&2), "{keys:?}");
}

#[test]
fn waiting_ends_with_the_limit() {
    let lab = Lab::new(1);
    let socket = lab.near.udp().unwrap().bind(7).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE).unwrap();
    let limit = Duration::from_secs(2);
    let before = lab.clock.time();
    let waited = lab.near.block_for(limit, || watch.event());
    assert_eq!(waited.map(|event| event.key), Err(Error::TimedOut));
    assert_eq!(lab.clock.time() - before, limit);
    assert_eq!(lab.near.free_slots(Protocol::Udp).unwrap(), 15);
}
