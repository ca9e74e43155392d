//! Connections that are closed or aborted and at once replaced: 2, 20 and 22.

use embedded_nal::TcpClientStack;
use sockstate::smoltcp::wire::TcpControl;
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Heap, Protocol};

use crate::common::script::Script;
use crate::common::{assert_blocks, assert_error, far, pattern, read_to_end, slots, slow_cable};

/// A near stack with so many TCP slots, and a far one that takes in a little at a time: most of
/// what is sent still waits in the near stack.
fn lab(near_slots: usize) -> Lab {
    Lab::builder(1)
        .cable(slow_cable())
        .near(slots(near_slots, 1))
        .far(Heap { tcp_rx: 512, ..slots(8, 1) })
        .build()
}

/// Defect: the slot of a closed connection is given to the next socket before what was accepted
/// is sent. The bytes are lost, the peer hears neither FIN nor RST, and stays open for ever.
#[test]
fn d02_closing_then_connecting_without_a_poll_loses_nothing() {
    let lab = lab(2);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let mut first = connecting.wait_with(|_| lab.step()).unwrap();
    let (mut peer, _) = lab.block(|| listener.accept()).unwrap();

    let message = pattern(4_000);
    assert_eq!(first.send(&message), Ok(message.len()));
    drop(first.close());
    let second = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    // Its slot is not for anybody else before all is delivered.
    lab.run_for(Duration::from_secs(5));
    assert_eq!(lab.near.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));

    assert_eq!(read_to_end(&lab, &mut peer), (message, Error::PeerClosed));
    drop(peer);
    drop(second.wait_with(|_| lab.step()).unwrap());
    // TIME-WAIT makes way.
    lab.run_for(Duration::from_millis(100));
    assert!(lab.near.tcp().is_ok());
}

/// The same when the socket is only dropped.
#[test]
fn d02_dropping_then_connecting_without_a_poll_loses_nothing() {
    let lab = lab(2);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let mut first = connecting.wait_with(|_| lab.step()).unwrap();
    let (mut peer, _) = lab.block(|| listener.accept()).unwrap();

    let message = pattern(4_000);
    assert_eq!(first.send(&message), Ok(message.len()));
    drop(first);
    let second = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    assert_eq!(read_to_end(&lab, &mut peer), (message, Error::PeerClosed));
    drop(second.wait_with(|_| lab.step()).unwrap());
}

/// The same for clients that have one slot only, and close, open and connect in one breath.
#[test]
fn d02_one_slot_closed_and_connected_in_one_breath_through_embedded_nal() {
    let lab = lab(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let mut net = lab.near.net();
    let mut first = net.socket().unwrap();
    lab.block(|| net.connect(&mut first, far(80))).unwrap();
    let (mut peer, _) = lab.block(|| listener.accept()).unwrap();

    let message = pattern(4_000);
    assert_eq!(net.send(&mut first, &message), Ok(message.len()));
    net.close(first).unwrap();
    let mut second = net.socket().unwrap();
    assert_blocks(net.connect(&mut second, far(80)));
    // The peer reads nothing yet: the one slot stays with what is to be delivered.
    lab.run_for(Duration::from_secs(5));
    assert_blocks(net.connect(&mut second, far(80)));

    assert_eq!(read_to_end(&lab, &mut peer), (message, Error::PeerClosed));
    drop(peer);
    lab.block(|| net.connect(&mut second, far(80))).unwrap();
    let (mut peer, _) = lab.block(|| listener.accept()).unwrap();
    assert_eq!(net.send(&mut second, b"again"), Ok(5));
    assert_eq!(lab.block(|| peer.receive(&mut [0; 16])), Ok(5));
}

/// Where the peer has closed first, as after an end of stream, the one slot is back as soon as
/// the FIN is acknowledged.
#[test]
fn d02_after_the_end_of_the_stream_the_one_slot_is_back_at_once() {
    let lab = lab(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let mut net = lab.near.net();
    let mut socket = net.socket().unwrap();
    for _ in 0..5 {
        lab.block(|| net.connect(&mut socket, far(80))).unwrap();
        let (peer, _) = lab.block(|| listener.accept()).unwrap();
        drop(peer);
        let end = lab.block(|| net.receive(&mut socket, &mut [0; 16]));
        assert_eq!(end, Err(Error::PeerClosed));

        let start = lab.clock.time();
        net.close(socket).unwrap();
        socket = net.socket().unwrap();
        lab.block(|| net.connect(&mut socket, far(80))).unwrap();
        let took = lab.clock.time() - start;
        assert!(took < Duration::from_millis(200), "{took}");
        // `connect` on a connected socket begins the next round.
    }
}

/// A second before the time of a closed connection is over, whose peer has vanished.
fn close_to_the_closing_deadline(lab: &Lab) -> Script<'_> {
    let mut script = Script::new(lab);
    let (mut socket, _) = script.connection(80);
    socket.send(b"never acknowledged").unwrap();
    drop(socket.close());
    script.wait(Duration::from_secs(29));
    script
}

/// A closed connection whose peer vanished does not hold its slot for ever: after the closing
/// deadline the peer is sent a RST, and the slot is free.
#[test]
fn d02_the_closing_deadline_frees_the_slot_with_a_rst() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut script = close_to_the_closing_deadline(&lab);
    assert_eq!(lab.near.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));
    let last = script.wait(Duration::from_secs(2));
    assert_eq!(last.last().map(|segment| segment.control), Some(TcpControl::Rst));
    assert!(lab.near.tcp().is_ok());
}

/// It has its chance to leave, if the device has no room for it when the time is over.
#[test]
fn d02_the_rst_of_the_closing_deadline_waits_for_room_in_the_device() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut script = close_to_the_closing_deadline(&lab);
    lab.cable.clone().with_capacity(0);
    lab.clock.advance(Duration::from_millis(1_500));
    lab.near.poll().unwrap();
    assert_eq!(lab.near.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));

    lab.cable.clone().with_capacity(8);
    assert_eq!(script.next().control, TcpControl::Rst);
    assert!(lab.near.tcp().is_ok());
}

/// Its slot waits for that a second at most.
#[test]
fn d02_the_rst_of_the_closing_deadline_does_not_keep_its_slot() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let _script = close_to_the_closing_deadline(&lab);
    lab.cable.clone().with_capacity(0);
    lab.run_for(Duration::from_millis(2_100));
    assert!(lab.near.tcp().is_ok());
}

/// Defect: the slot of an aborted connection is used anew before its RST is sent. The RST is
/// cancelled, and the peer stays open.
#[test]
fn d20_aborting_then_connecting_without_a_poll_still_sends_the_rst() {
    let lab = lab(2);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    let first = connecting.wait_with(|_| lab.step()).unwrap();
    let (mut peer, _) = lab.block(|| listener.accept()).unwrap();

    first.abort();
    let second = lab.near.tcp().unwrap().connect(far(80)).unwrap();
    // The RST has not been sent: its slot is taken as well.
    assert_eq!(lab.near.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));
    lab.near.poll().unwrap();
    assert!(lab.near.tcp().is_ok());

    assert_eq!(read_to_end(&lab, &mut peer), (vec![], Error::Reset));
    drop(second.wait_with(|_| lab.step()).unwrap());
}

/// The same with one slot through the traits, where `connect` on a connected socket aborts.
#[test]
fn d20_one_slot_aborted_and_connected_in_one_breath_through_embedded_nal() {
    let lab = lab(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(2).unwrap();
    let mut net = lab.near.net();
    let mut socket = net.socket().unwrap();
    lab.block(|| net.connect(&mut socket, far(80))).unwrap();
    for _ in 0..5 {
        let (mut peer, _) = lab.block(|| listener.accept()).unwrap();
        // The peer has nothing to say: no frame of its own would bring it a RST.
        lab.run_for(Duration::from_secs(1));
        assert_blocks(net.connect(&mut socket, far(80)));
        assert_eq!(read_to_end(&lab, &mut peer).1, Error::Reset);
        lab.block(|| net.connect(&mut socket, far(80))).unwrap();
    }
}

/// A RST for which the device has no room is not cancelled either.
#[test]
fn d20_a_rst_waits_for_room_in_the_device() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let (socket, mut peer) = lab.connection().unwrap();
    lab.run_for(Duration::from_millis(100));
    lab.cable.clone().with_capacity(0);
    socket.abort();
    assert_eq!(lab.near.poll(), Ok(false));
    assert_eq!(lab.near.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));
    lab.cable.clone().with_capacity(8);
    assert_eq!(read_to_end(&lab, &mut peer).1, Error::Reset);
    assert!(lab.near.tcp().is_ok());
}

/// Defect: waiting for everything to be acknowledged never ends once the peer has sent a RST.
#[test]
fn d22_flush_ends_with_a_rst() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let (mut socket, line) = script.connection(80);
    socket.send(b"hello").unwrap();
    script.next();
    assert_blocks(socket.flush());
    script.send(&line.segment(TcpControl::Rst, &[]));
    assert_error(socket.flush(), Error::Reset);
    assert_error(socket.flush(), Error::Reset);
}

/// The same after a shutdown, where a FIN waits too.
#[test]
fn d22_flush_after_shutdown_ends_with_a_rst() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let (mut socket, line) = script.connection(80);
    socket.send(b"hello").unwrap();
    let mut socket = socket.shutdown();
    assert_blocks(socket.flush());
    script.exchange();
    script.send(&line.segment(TcpControl::Rst, &[]));
    assert_error(socket.flush(), Error::Reset);
}

/// Nor does it end when the peer falls silent; here it ends with the deadline.
#[test]
fn d22_flush_ends_when_the_peer_falls_silent() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let (mut socket, _) = script.connection(80);
    socket.send(b"hello").unwrap();
    script.wait(Duration::from_secs(59));
    assert_blocks(socket.flush());
    script.wait(Duration::from_secs(2));
    assert_error(socket.flush(), Error::TimedOut);
}

/// Defect: after a shutdown, the wait for everything to be acknowledged takes no account of the
/// FIN, and ends too early.
#[test]
fn d22_flush_after_shutdown_waits_for_the_ack_of_the_fin() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let (mut socket, mut line) = script.connection(80);
    socket.send(b"hello").unwrap();
    let mut socket = socket.shutdown();
    let fin = script.next();
    assert_eq!((fin.control, &fin.payload[..]), (TcpControl::Fin, &b"hello"[..]));

    // The data, but not the FIN.
    line.ack += fin.payload.len();
    script.send(&line.segment(TcpControl::None, &[]));
    assert_blocks(socket.flush());
    assert_eq!(socket.send_queue(), Ok(0));
    // The FIN as well.
    line.ack += 1;
    script.send(&line.segment(TcpControl::None, &[]));
    assert_eq!(socket.flush(), Ok(()));
}

/// A closed connection says that it is over when the FINs of both sides are acknowledged, and
/// not before.
#[test]
fn d22_closing_is_over_when_both_fins_are_acknowledged() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let (socket, mut line) = script.connection(80);
    let mut socket = socket.close();
    script.next();
    assert_blocks(socket.poll());
    line.ack += 1;
    script.send(&line.segment(TcpControl::None, &[]));
    assert_eq!(socket.flush(), Ok(()));
    assert_blocks(socket.poll());
    script.send(&line.segment(TcpControl::Fin, &[]));
    assert_eq!(socket.poll(), Ok(()));
}
