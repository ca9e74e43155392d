//! What is told while a socket is on its way from one state to another: neither nothing at all, nor
//! the same again and again.

use sockstate::testing::Lab;
use sockstate::{Duration, Error, Heap, Ready, Watch, nb};

use super::common::name_server::{A, Server, address, reply};
use super::common::{DEAD, FAR, NEAR, far, near, slots};
use super::{ready, round, settle};

/// A lab whose near stack knows a name server, which says nothing unless it is played.
fn lab() -> Lab {
    let lab = Lab::builder(1).near(slots(4, 4)).build();
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    lab
}

/// How many events there are within a minute until a call no longer would block, or at all.
fn events<R>(
    lab: &Lab,
    watch: &mut Watch<'_>,
    mut call: impl FnMut() -> nb::Result<R, Error>,
) -> usize {
    const TOO_MANY: usize = 100;
    (1..TOO_MANY)
        .find(|_| {
            let event = lab.near.block_for(Duration::from_secs(60), || watch.event());
            event.is_err() || !matches!(call(), Err(nb::Error::WouldBlock))
        })
        .unwrap_or(TOO_MANY)
}

#[test]
fn a_closing_connection_that_is_cut_is_over() {
    for how in ["link", "address", "silence"] {
        let lab = Lab::builder(1)
            .configure_near(|config| config.deadlines.closing = Some(Duration::from_secs(200)))
            .build();
        let (mut socket, _peer) = lab.connection().unwrap();
        let mut watch = lab.near.watch().unwrap();
        watch.add(&socket, 1, Ready::FLUSHED).unwrap();
        lab.cable.cut();
        socket.send(b"lost").unwrap();
        let mut closing = socket.close();
        settle(&lab);
        assert_eq!(round(&mut watch), []);
        match how {
            "link" => lab.near.link_down().unwrap(),
            "address" => lab.near.remove_address(NEAR.into()).unwrap(),
            _ => lab.run_for(Duration::from_secs(250)),
        }
        settle(&lab);
        assert_eq!(round(&mut watch), [(1, Ready::ENDED | Ready::FLUSHED)], "{how}");
        assert!(matches!(closing.poll(), Err(nb::Error::Other(_))));
    }
}

#[test]
fn a_name_server_that_is_not_there_ends_a_connection_by_name_at_once() {
    let lab = lab();
    let start = lab.clock.time();
    let mut resolving = lab.near.tcp().unwrap().connect_by_name("host.test", 80).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&resolving, 1, Ready::SEND).unwrap();
    let mut ended = None;
    let told = events(&lab, &mut watch, || {
        let polled = resolving.poll();
        ended = Some(polled);
        polled
    });
    assert_eq!((told, ended), (1, Some(Err(Error::NameServerFailed.into()))));
    assert!(lab.clock.time() - start < Duration::from_millis(10));
}

#[test]
fn a_socket_that_is_in_a_set_takes_its_look_up_along() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let tcp = lab.near.tcp().unwrap();
    let udp = lab.near.udp().unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&tcp, 1, Ready::SEND).unwrap();
    watch.add(&udp, 2, Ready::RECEIVE).unwrap();
    let mut tcp = tcp.connect_by_name("far.example", 80).unwrap();
    let mut udp = udp.connect_by_name("far.example", 80).unwrap();
    settle(&lab);
    server.step(&lab, |asked| {
        let known = [address("far.example", "192.168.69.2")];
        vec![reply(asked, 0, if asked.kind == A { &known } else { &[] })]
    });
    settle(&lab);
    assert_eq!(round(&mut watch), [(1, Ready::RECEIVE), (2, Ready::RECEIVE)]);
    assert_eq!((tcp.poll(), udp.poll()), (Ok(()), Ok(())));
    // Polled, they are still to be taken on.
    assert_eq!(round(&mut watch), [(1, Ready::SEND), (2, Ready::RECEIVE)]);
    let (_tcp, _udp) = (tcp.finish().unwrap(), udp.finish().unwrap());
    assert_eq!(round(&mut watch), []);
}

/// The text of an address is known at once.
#[test]
fn an_address_in_place_of_a_name_is_told() {
    let lab = lab();
    let tcp = lab.near.tcp().unwrap().connect_by_name("192.168.69.2", 80).unwrap();
    let bound = lab.near.tcp().unwrap().bind(5_000).unwrap();
    let bound = bound.connect_by_name("192.168.69.2", 80).unwrap();
    let udp = lab.near.udp().unwrap().connect_by_name("192.168.69.2", 80).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&tcp, 1, Ready::RECEIVE).unwrap();
    watch.add(&bound, 2, Ready::SEND).unwrap();
    watch.add(&udp, 3, Ready::RECEIVE).unwrap();
    let told = [(1, Ready::RECEIVE), (2, Ready::SEND), (3, Ready::RECEIVE)];
    assert_eq!(round(&mut watch), told);
    let (_tcp, _bound) = (tcp.finish().unwrap(), bound.finish().unwrap());
    let udp = udp.finish().unwrap();
    assert_eq!(round(&mut watch), []);
    // Nothing of it is left for the next look-up.
    let resolving = udp.disconnect().connect_by_name("far.example", 80).unwrap();
    watch.add(&resolving, 3, Ready::RECEIVE | Ready::SEND).unwrap();
    assert_eq!(round(&mut watch), []);
}

/// What a UDP socket could send or receive is nothing to it before its peer is known.
#[test]
fn a_udp_socket_waits_for_its_look_up_alone() {
    let lab = lab();
    let _silence = lab.far.udp().unwrap().bind(53).unwrap();
    let mut stranger = lab.far.udp().unwrap().bind(9).unwrap();
    for interest in [Ready::SEND, Ready::RECEIVE] {
        let bound = lab.near.udp().unwrap().bind(5_000).unwrap();
        let mut resolving = bound.connect_by_name("far.example", 80).unwrap();
        let mut watch = lab.near.watch().unwrap();
        watch.add(&resolving, 7, interest).unwrap();
        stranger.send_to(b"psst", near(5_000)).unwrap();
        settle(&lab);
        let told = events(&lab, &mut watch, || resolving.poll());
        // The alarms of the look-up, and its end.
        assert!(told < 10, "{told} events for {interest:?}");
        assert_eq!(resolving.poll(), Err(Error::TimedOut.into()));
    }
}

#[test]
fn a_half_that_waits_for_the_end_alone_is_told_without_the_other() {
    let lab = Lab::new(1);
    for removed in [true, false] {
        let (socket, peer) = lab.connection().unwrap();
        let (reader, writer) = socket.split();
        let mut watch = lab.near.watch().unwrap();
        watch.add(&reader, 1, Ready::RECEIVE).unwrap();
        watch.add(&writer, 1, Ready::NONE).unwrap();
        if removed {
            watch.remove(&reader).unwrap();
        }
        let reader = removed.then_some(reader);
        peer.abort();
        settle(&lab);
        assert_eq!(round(&mut watch), [(1, Ready::ENDED)]);
        watch.remove(&writer).unwrap();
        assert_eq!(round(&mut watch), []);
        drop(reader);
    }
}

/// Whoever waits for room finds it: for any datagram that fits into a frame.
#[test]
fn room_is_told_when_any_datagram_fits() {
    let heap = Heap { udp_buf: 1_472, icmp_buf: 1_472, ..slots(1, 1) };
    let lab = Lab::builder(1).near(heap).build();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut icmp = lab.near.icmp().unwrap().bind(7).unwrap();
    let mut watch = lab.near.watch().unwrap();
    let dead = (DEAD, 9).into();
    watch.add(&udp, 1, Ready::SEND).unwrap();
    udp.send_to(&[0; 600], dead).unwrap();
    assert!(events(&lab, &mut watch, || udp.send_to(&[0; 1_000], dead)) < 10);
    watch.remove(&udp).unwrap();
    watch.add(&icmp, 2, Ready::SEND).unwrap();
    icmp.send_echo(DEAD.into(), 1, &[0; 600]).unwrap();
    assert!(events(&lab, &mut watch, || icmp.send_echo(DEAD.into(), 1, &[0; 1_000])) < 10);

    // Room in two pieces is none.
    let lab = Lab::builder(1).near(Heap { udp_buf: 2_800, ..slots(1, 1) }).build();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&udp, 1, Ready::SEND).unwrap();
    udp.send_to(&[0; 1_000], far(9)).unwrap();
    udp.send_to(&[0; 700], dead).unwrap();
    settle(&lab);
    assert!(events(&lab, &mut watch, || udp.send_to(&[0; 1_472], dead)) < 10);

    // With more room, it is told before all is sent.
    let lab = Lab::builder(1).near(Heap { udp_buf: 6_000, ..slots(1, 1) }).build();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&udp, 1, Ready::SEND).unwrap();
    udp.send_to(&[0; 1_000], far(9)).unwrap();
    assert_eq!(ready(&mut watch), Ready::SEND);
}
