//! Who is woken, when, and how often.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Wake, Waker};

use std::net::Ipv4Addr;

use sockstate::device::Cable;
use sockstate::testing::Lab;
use sockstate::{AddrType, Duration, IpVersion, Ready};

use super::common::packets::ipv4;
use super::common::{DEAD, FAR, NEAR, assert_blocks, near, slots};
use super::settle;

const BROADCAST: Ipv4Addr = Ipv4Addr::BROADCAST;

/// Counts how often it was woken.
#[derive(Default)]
struct Count(AtomicUsize);

impl Wake for Count {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// A waker, and how often it was woken since that was asked last.
struct Sleeper(Arc<Count>, Waker);

impl Sleeper {
    fn new() -> Self {
        let count = Arc::<Count>::default();
        Sleeper(count.clone(), count.into())
    }

    fn woken(&self) -> usize {
        self.0.0.swap(0, Ordering::Relaxed)
    }

    /// How many others hold the waker.
    fn held(&self) -> usize {
        Arc::strong_count(&self.0) - 2
    }
}

#[test]
fn a_reader_is_woken_by_data_once() {
    let lab = Lab::new(1);
    let (mut socket, mut peer) = lab.connection().unwrap();
    let reader = Sleeper::new();
    socket.wake_on(Ready::RECEIVE, &reader.1).unwrap();
    // Acknowledgements are no data.
    socket.send(b"question").unwrap();
    settle(&lab);
    assert_eq!(reader.woken(), 0);
    peer.send(b"answer").unwrap();
    settle(&lab);
    peer.send(b"answer").unwrap();
    settle(&lab);
    assert_eq!(reader.woken(), 1);
    socket.wake_on(Ready::RECEIVE, &reader.1).unwrap();
    assert_eq!(reader.woken(), 1, "it is ready already");
}

#[test]
fn a_writer_is_woken_by_room_and_by_delivery() {
    let lab = Lab::builder(1).near(slots(2, 0)).far(slots(2, 0)).build();
    let (mut socket, mut peer) = lab.connection().unwrap();
    let (writer, reader) = (Sleeper::new(), Sleeper::new());
    while socket.send(&[0; 1024]).is_ok() {
        settle(&lab);
    }
    socket.wake_on(Ready::SEND, &writer.1).unwrap();
    socket.wake_on(Ready::RECEIVE, &reader.1).unwrap();
    settle(&lab);
    assert_eq!(writer.woken(), 0, "the peer takes nothing");
    peer.receive(&mut [0; 3_000]).unwrap();
    settle(&lab);
    assert_eq!((writer.woken(), reader.woken()), (1, 0));
    socket.wake_on(Ready::FLUSHED, &writer.1).unwrap();
    settle(&lab);
    assert_eq!(writer.woken(), 0, "not all is delivered");
    while peer.receive(&mut [0; 3_000]).is_ok() {
        settle(&lab);
    }
    assert_eq!((writer.woken(), reader.woken()), (1, 0));
}

#[test]
fn the_end_wakes_both_halves() {
    for end in ["reset", "address", "link", "close"] {
        let lab = Lab::new(1);
        let (socket, peer) = lab.connection().unwrap();
        let (mut reader, mut writer) = socket.split();
        // What cannot be delivered keeps the writer from being ready.
        lab.cable.cut();
        while writer.send(&[0; 4096]).is_ok() {}
        lab.cable.mend();
        let (waits, writes) = (Sleeper::new(), Sleeper::new());
        reader.wake_on(Ready::RECEIVE, &waits.1).unwrap();
        writer.wake_on(Ready::SEND, &writes.1).unwrap();
        match end {
            "reset" => peer.abort(),
            "address" => lab.near.remove_address(NEAR.into()).unwrap(),
            "link" => lab.near.link_down().unwrap(),
            _ => drop(peer),
        }
        settle(&lab);
        lab.run_for(Duration::from_secs(5));
        assert_eq!((waits.woken(), writes.woken()), (1, 1), "{end}");
    }
}

#[test]
fn halves_wait_for_their_own() {
    let lab = Lab::new(1);
    let (socket, mut peer) = lab.connection().unwrap();
    let (mut reader, mut writer) = socket.split();
    let (waits, writes) = (Sleeper::new(), Sleeper::new());
    reader.wake_on(Ready::RECEIVE | Ready::SEND, &waits.1).unwrap();
    assert_eq!(waits.woken(), 0, "that there is room is the writer's affair");
    writer.wake_on(Ready::RECEIVE | Ready::SEND, &writes.1).unwrap();
    assert_eq!((waits.woken(), writes.woken()), (0, 1));
    writer.wake_on(Ready::FLUSHED, &writes.1).unwrap();
    assert_eq!(writes.woken(), 1);
    while writer.send(&[0; 1024]).is_ok() {}
    writer.wake_on(Ready::FLUSHED, &writes.1).unwrap();
    assert_eq!((waits.held(), writes.held()), (1, 1));
    drop(writer);
    assert_eq!((waits.held(), writes.held()), (1, 0));
    drop(reader);
    assert_eq!((waits.held(), writes.held()), (0, 0));
    peer.send(b"too late").unwrap();
    settle(&lab);
    assert_eq!((waits.woken(), writes.woken()), (0, 0), "who is gone waits no more");
}

#[test]
fn a_half_still_waits_when_the_other_is_dropped() {
    let lab = Lab::new(1);
    let waits = Sleeper::new();
    let (socket, mut peer) = lab.connection().unwrap();
    let (mut reader, writer) = socket.split();
    reader.wake_on(Ready::RECEIVE, &waits.1).unwrap();
    drop(writer);
    settle(&lab);
    assert_eq!(waits.woken(), 0);
    peer.send(b"answer").unwrap();
    settle(&lab);
    assert_eq!(waits.woken(), 1);
    assert_eq!(reader.receive(&mut [0; 8]), Ok(6));
}

#[test]
fn who_drops_a_socket_waits_no_more() {
    let lab = Lab::new(1);
    let sleeper = Sleeper::new();
    // What is not delivered yet keeps the slots, but not the wakers.
    let (mut tcp, _peer) = lab.connection().unwrap();
    tcp.send(b"hello").unwrap();
    tcp.wake_on(Ready::RECEIVE, &sleeper.1).unwrap();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    udp.send_to(b"hello", (DEAD, 9).into()).unwrap();
    udp.wake_on(Ready::RECEIVE, &sleeper.1).unwrap();
    let mut icmp = lab.near.icmp().unwrap().bind(7).unwrap();
    icmp.send_echo(DEAD.into(), 1, b"hello").unwrap();
    icmp.wake_on(Ready::RECEIVE, &sleeper.1).unwrap();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let _client = lab.far.tcp().unwrap().connect(near(80)).unwrap();
    settle(&lab);
    listener.accept().unwrap().0.abort();
    listener.wake_on(Ready::ACCEPT, &sleeper.1).unwrap();
    lab.cable.cut();
    assert_eq!(sleeper.held(), 5);
    drop((tcp, udp, icmp, listener));
    assert_eq!((sleeper.held(), sleeper.woken()), (0, 0));
}

/// The end of a connection does not wait for the device.
#[test]
fn a_time_limit_wakes_even_while_the_device_is_full() {
    let lab = Lab::builder(1)
        .cable(Cable::ethernet().with_capacity(2))
        .configure_near(|config| config.deadlines.connect = Some(Duration::from_secs(3)))
        .build();
    let mut socket = lab.near.tcp().unwrap().connect((FAR, 80).into()).unwrap();
    let mut udp = lab.near.udp().unwrap().bind(7).unwrap();
    let sleeper = Sleeper::new();
    socket.wake_on(Ready::SEND, &sleeper.1).unwrap();
    lab.near.poll().unwrap();
    // Nobody takes the frames off the cable.
    for _ in 0..4 {
        udp.send_to(b"filler", (BROADCAST, 9).into()).unwrap();
        lab.near.poll().unwrap();
    }
    lab.clock.advance(Duration::from_secs(4));
    lab.near.poll().unwrap();
    assert_eq!(sleeper.woken(), 1);
}

#[test]
fn a_listener_wakes_for_a_connection_in_any_slot() {
    let lab = Lab::builder(1).near(slots(4, 0)).build();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let sleeper = Sleeper::new();
    for _ in 0..5 {
        listener.wake_on(Ready::ACCEPT, &sleeper.1).unwrap();
        assert_blocks(listener.accept());
        assert_eq!(sleeper.woken(), 0);
        let client = lab.far.tcp().unwrap().connect(near(80)).unwrap();
        settle(&lab);
        assert_eq!(sleeper.woken(), 1);
        let (socket, _) = listener.accept().unwrap();
        drop((client, socket));
        settle(&lab);
        sleeper.woken();
    }
}

#[test]
fn a_slot_that_joins_a_backlog_wakes_as_the_others() {
    let lab = Lab::builder(1).near(slots(2, 0)).build();
    let other = lab.near.tcp().unwrap();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let first = lab.far.tcp().unwrap().connect(near(80)).unwrap();
    settle(&lab);
    assert_blocks(listener.accept());
    let sleeper = Sleeper::new();
    listener.wake_on(Ready::ACCEPT, &sleeper.1).unwrap();
    assert_eq!(sleeper.woken(), 0, "there is no slot");
    drop(other);
    assert_eq!(sleeper.woken(), 1, "there is one");
    let (_socket, _) = listener.accept().unwrap();
    listener.wake_on(Ready::ACCEPT, &sleeper.1).unwrap();
    let _second = lab.far.tcp().unwrap().connect(near(80)).unwrap();
    settle(&lab);
    assert_eq!(sleeper.woken(), 1, "it came to the slot that joined");
    drop(first);
}

#[test]
fn a_slot_that_joins_while_its_owner_waits_wakes_as_the_others() {
    let lab = Lab::builder(1).near(slots(2, 0)).build();
    let mut listener = lab.near.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let _first = lab.far.tcp().unwrap().connect(near(80)).unwrap();
    settle(&lab);
    let (first, _) = listener.accept().unwrap();
    let sleeper = Sleeper::new();
    listener.wake_on(Ready::ACCEPT, &sleeper.1).unwrap();
    first.abort();
    settle(&lab);
    assert_eq!(sleeper.woken(), 1, "there is a slot");
    listener.wake_on(Ready::ACCEPT, &sleeper.1).unwrap();
    // The slot that came back joins now, and is the first to be asked.
    assert_blocks(listener.accept());
    let _second = lab.far.tcp().unwrap().connect(near(80)).unwrap();
    settle(&lab);
    assert_eq!(sleeper.woken(), 1);
    assert!(listener.accept().is_ok());
}

#[test]
fn a_udp_socket_wakes_for_a_datagram_and_for_room() {
    let lab = Lab::builder(1).near(slots(0, 1)).build();
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let mut peer = lab.far.udp().unwrap().connect(near(7)).unwrap();
    let (reader, writer) = (Sleeper::new(), Sleeper::new());
    while socket.send_to(&[0; 1_000], (DEAD, 9).into()).is_ok() {}
    socket.wake_on(Ready::RECEIVE, &reader.1).unwrap();
    socket.wake_on(Ready::SEND, &writer.1).unwrap();
    peer.send(b"hello").unwrap();
    settle(&lab);
    assert_eq!((reader.woken(), writer.woken()), (1, 0));
    socket.receive_from(&mut [0; 8]).unwrap();
    lab.run_for(Duration::from_secs(70));
    assert_eq!(writer.woken(), 1, "the datagrams were given up");
}

#[test]
fn a_raw_socket_wakes_for_a_packet() {
    let lab = Lab::new(1);
    let mut socket = lab.near.raw().unwrap().bind(IpVersion::V4, 253).unwrap();
    let mut peer = lab.far.raw().unwrap().bind(IpVersion::V4, 253).unwrap();
    let sleeper = Sleeper::new();
    socket.wake_on(Ready::RECEIVE, &sleeper.1).unwrap();
    settle(&lab);
    assert_eq!(sleeper.woken(), 0);
    peer.send(&ipv4(FAR, NEAR, 253, b"data")).unwrap();
    settle(&lab);
    assert_eq!(sleeper.woken(), 1);
    assert!(socket.receive(&mut [0; 64]).is_ok());
}

#[test]
fn a_link_that_goes_down_wakes_all_who_wait() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let sleeper = Sleeper::new();
    socket.wake_on(Ready::RECEIVE, &sleeper.1).unwrap();
    lab.near.link_down().unwrap();
    assert_eq!(sleeper.woken(), 1);
    assert!(socket.receive_from(&mut [0; 8]).is_err());
}

#[test]
fn a_set_wakes_when_one_of_its_sockets_is_ready() {
    let lab = Lab::new(1);
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    let mut peer = lab.far.udp().unwrap().connect(near(7)).unwrap();
    let mut watch = lab.near.watch().unwrap();
    watch.add(&socket, 1, Ready::RECEIVE).unwrap();
    let sleeper = Sleeper::new();
    watch.wake_on(&sleeper.1).unwrap();
    settle(&lab);
    assert_eq!(sleeper.woken(), 0);
    peer.send(b"hello").unwrap();
    settle(&lab);
    peer.send(b"hello").unwrap();
    settle(&lab);
    assert_eq!(sleeper.woken(), 1);
    watch.wake_on(&sleeper.1).unwrap();
    assert_eq!(sleeper.woken(), 1, "one is ready already");
    while socket.receive_from(&mut [0; 8]).is_ok() {}
    assert_blocks(watch.event());
    watch.wake_on(&sleeper.1).unwrap();
    assert_eq!(sleeper.woken(), 0);
}

#[test]
fn a_look_up_wakes_when_it_is_to_be_asked() {
    let lab = Lab::new(1);
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    let _silence = lab.far.udp().unwrap().bind(53).unwrap();
    let sleeper = Sleeper::new();
    let mut lookup = lab.near.lookup("nobody.example", AddrType::Ipv4).unwrap();
    assert_blocks(lookup.poll());
    lookup.wake_on(&sleeper.1).unwrap();
    assert_eq!(sleeper.woken(), 0);
    lab.run_for(Duration::from_millis(1_600));
    assert_eq!(sleeper.woken(), 1, "time to ask again");
    let mut known = lab.near.lookup("192.168.69.2", AddrType::Ipv4).unwrap();
    known.wake_on(&sleeper.1).unwrap();
    assert_eq!(sleeper.woken(), 1, "it is known already");
    let mut name = lab.near.lookup_name(FAR.into()).unwrap();
    name.wake_on(&sleeper.1).unwrap();
    lab.run_for(Duration::from_millis(1_600));
    assert_eq!(sleeper.woken(), 1);
}
