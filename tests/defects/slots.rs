//! Who owns a slot: 3, 15 and 16.

use embedded_nal::{TcpClientStack, UdpClientStack};
use sockstate::smoltcp::socket::tcp::State;
use sockstate::state::{Bound, Closed, Connected, Listening, ReadHalf, WriteHalf};
use sockstate::testing::Lab;
use sockstate::{AnyTcpSocket, AnyUdpSocket, Duration, Error, Protocol, TcpSocket, UdpSocket};

use crate::common::{assert_error, far, near, read_to_end, slots};

/// Asserts at compile time that a type cannot be cloned: for one that can, which of the two
/// implementations is meant would be ambiguous.
macro_rules! assert_not_clone {
    ($($type:ty),+ $(,)?) => {$({
        trait Ambiguous<Which> {
            fn check() {}
        }
        struct Cloneable;
        impl<T> Ambiguous<()> for T {}
        impl<T: Clone> Ambiguous<Cloneable> for T {}
        <$type as Ambiguous<_>>::check();
    })+};
}

/// Defect: a socket is a number that can be copied. Closing it twice compiles, and so do two
/// users of one socket, neither of whom knows of the other.
#[test]
fn d03_a_socket_has_one_owner() {
    assert_not_clone!(
        TcpSocket<'static, Closed>,
        TcpSocket<'static, Bound>,
        TcpSocket<'static, Listening>,
        TcpSocket<'static, Connected>,
        TcpSocket<'static, ReadHalf>,
        TcpSocket<'static, WriteHalf>,
        UdpSocket<'static, Closed>,
        UdpSocket<'static, Bound>,
        UdpSocket<'static, Connected>,
        AnyTcpSocket<'static>,
        AnyUdpSocket<'static>,
    );

    // What is taken out of the erased form is not in there any more.
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut place = AnyTcpSocket::from(lab.near.tcp().unwrap());
    let taken = place.take();
    assert_eq!((place.state(), taken.state()), ("Idle", "Closed"));
    drop(place);
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(0), "the slot was given back twice");
    drop(taken);
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(1));
}

/// Defect: with no slot left, opening a socket panics or fails without saying of what.
#[test]
fn d15_running_out_of_slots_names_the_protocol() {
    let lab = Lab::builder(1).near(slots(2, 3)).build();
    let net = lab.near.net();
    let tcp: Vec<_> = (0..2).map(|_| net.tcp().unwrap()).collect();
    assert_eq!(net.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));
    let udp: Vec<_> = (0..3).map(|_| net.udp().unwrap()).collect();
    assert_eq!(net.udp().unwrap_err(), Error::OutOfSlots(Protocol::Udp));

    let mut nal = net;
    let error = TcpClientStack::socket(&mut nal).unwrap_err();
    assert_eq!(error, Error::OutOfSlots(Protocol::Tcp));
    let error = UdpClientStack::socket(&mut nal).unwrap_err();
    assert_eq!(error, Error::OutOfSlots(Protocol::Udp));

    // None is lost on the way.
    drop((tcp, udp));
    assert_eq!(net.free_slots(Protocol::Tcp), Ok(2));
    assert_eq!(net.free_slots(Protocol::Udp), Ok(3));
    assert!(net.tcp().is_ok() && net.udp().is_ok());
}

/// A listener that does not get its whole backlog gives back what it took.
#[test]
fn d15_a_backlog_is_all_or_nothing() {
    let lab = Lab::builder(1).near(slots(4, 1)).build();
    let bound = lab.near.tcp().unwrap().bind(80).unwrap();
    let (bound, error) = bound.listen(5).unwrap_err().into_parts();
    assert_eq!(error, Error::OutOfSlots(Protocol::Tcp));
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(3));
    let listener = bound.listen(4).unwrap();
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(0));
    drop(listener);
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(4));
}

/// Defect: ports stay taken after the socket is gone.
#[test]
fn d15_a_port_is_free_as_soon_as_its_socket_is_gone() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    for _ in 0..3 {
        let bound = net.tcp().unwrap().bind(80).unwrap();
        assert_eq!(net.tcp().unwrap().bind(80).unwrap_err().error(), Error::AddressInUse);
        drop(bound);
        let listener = net.tcp().unwrap().bind(80).unwrap().listen(3).unwrap();
        assert_eq!(net.tcp().unwrap().bind(80).unwrap_err().error(), Error::AddressInUse);
        drop(listener);
        let bound = net.udp().unwrap().bind(80).unwrap();
        assert_eq!(net.udp().unwrap().bind(80).unwrap_err().error(), Error::AddressInUse);
        drop(bound);
    }
}

/// Defect: a handle is a number that is used again. The owner of an ended connection reaches
/// somebody else's, or the stack panics.
#[test]
fn d16_an_ended_connection_keeps_its_slot_until_its_owner_lets_go() {
    let lab = Lab::builder(1).near(slots(2, 1)).build();
    let (mut ended, peer) = lab.connection().unwrap();
    peer.abort();
    lab.run_for(Duration::from_secs(1));
    assert_error(ended.send(b"x"), Error::Reset);

    // The other slot is used again and again, and the first one is nobody's but ours.
    for _ in 0..10 {
        let (mut other, mut peer) = lab.connection().unwrap();
        assert_eq!(lab.near.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));
        peer.send(b"secret").unwrap();
        lab.run_for(Duration::from_millis(100));
        assert_error(ended.receive(&mut [0; 16]), Error::Reset);
        assert_error(ended.send(b"x"), Error::Reset);
        assert_eq!(other.receive(&mut [0; 16]), Ok(6));
        drop(other);
        assert_eq!(read_to_end(&lab, &mut peer), (vec![], Error::PeerClosed));
        drop(peer);
        lab.run_for(Duration::from_secs(15));
    }
    drop(ended);
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(2));
}

/// A slot in TIME-WAIT is handed out when it is needed, but not while somebody holds it.
#[test]
fn d16_a_slot_in_time_wait_that_is_held_is_not_handed_out() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let (socket, peer) = lab.connection().unwrap();
    let mut closing = socket.close();
    drop(peer);
    lab.block(|| closing.poll()).unwrap();
    assert_eq!(closing.tcp_state(), Ok(State::TimeWait));
    assert_eq!(lab.near.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));

    let closed = closing.finish().unwrap();
    assert_eq!(lab.near.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));
    drop(closed);
    assert!(lab.near.tcp().is_ok());
}

/// Nor is one whose connection is over, before its owner has asked how it ended.
#[test]
fn d16_a_slot_of_a_finished_close_that_is_held_is_not_handed_out() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let (socket, peer) = lab.connection().unwrap();
    drop(peer);
    lab.run_for(Duration::from_secs(1));
    let mut closing = socket.close();
    lab.run_for(Duration::from_secs(60));
    assert_eq!(closing.tcp_state(), Ok(State::Closed));
    assert_eq!(lab.near.tcp().unwrap_err(), Error::OutOfSlots(Protocol::Tcp));
    assert_eq!(closing.poll(), Ok(()));
}

/// Nothing of a slot's last connection is left for the next one.
#[test]
fn d16_a_new_socket_in_an_old_slot_begins_empty() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let (mut socket, mut peer) = lab.connection().unwrap();
    peer.send(b"for the first").unwrap();
    socket.send(b"from the first").unwrap();
    lab.run_for(Duration::from_millis(100));
    socket.abort();
    lab.run_for(Duration::from_millis(100));
    drop(peer);

    let (mut socket, mut peer) = lab.connection().unwrap();
    assert_eq!((socket.receive_queue(), socket.send_queue()), (Ok(0), Ok(0)));
    socket.send(b"second").unwrap();
    let mut buffer = [0; 16];
    assert_eq!(lab.block(|| peer.receive(&mut buffer)), Ok(6));
    assert_eq!(&buffer[..6], b"second");

    let old = lab.near.udp().unwrap().bind(7).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    peer.send_to(b"for the first", near(7)).unwrap();
    lab.run_for(Duration::from_millis(100));
    assert_eq!(old.next_len(), Ok(Some(13)));
    drop(old);
    let new = lab.near.udp().unwrap().bind(7).unwrap();
    assert_eq!(new.next_len(), Ok(None));
    assert_eq!(new.connect(far(7)).unwrap().next_len(), Ok(None));
}
