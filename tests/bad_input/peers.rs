//! Peers that misbehave, and calls in the wrong state where the type does not rule them out.

use embedded_nal::{TcpClientStack, TcpFullStack, UdpClientStack, UdpFullStack};
use sockstate::smoltcp::wire::TcpControl;
use sockstate::state::{Closed, Connected};
use sockstate::testing::Lab;
use sockstate::{AnyTcpSocket, Duration, Error, Protocol, TcpSocket, nb};

use crate::common::script::{Line, Script};
use crate::common::{assert_blocks, assert_error, failed, far, slots};

/// A peer that resets, vanishes or never answers, one after the other, on a stack with one slot:
/// the socket that the failure gives back is good for the next.
#[test]
fn a_socket_survives_every_kind_of_peer() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut script = Script::new(&lab);
    let idle = |_| lab.step();

    let mut socket = lab.near.tcp().unwrap();
    for _ in 0..3 {
        // Refuses.
        let connecting = socket.connect(far(80)).unwrap();
        let syn = script.next();
        script.send(&syn.refusal());
        let (back, error) = failed(connecting.wait_with(idle));
        assert_eq!(error, Error::Refused);

        // Never answers.
        let mut connecting = back.connect(far(80)).unwrap();
        script.wait(Duration::from_secs(31));
        assert_error(connecting.poll(), Error::TimedOut);
        let (back, error) = failed(connecting.wait_with(idle));
        assert_eq!(error, Error::TimedOut);

        // Resets, while the connection is being closed.
        let (connected, line) = greeted(&mut script, back);
        let closing = connected.close();
        script.exchange();
        script.send(&line.segment(TcpControl::Rst, &[]));
        let (back, error) = failed(closing.wait_with(idle));
        assert_eq!(error, Error::Reset);

        // Vanishes with data unacknowledged, while the connection is being closed.
        let (mut connected, _) = greeted(&mut script, back);
        connected.send(b"hello").unwrap();
        let mut closing = connected.close();
        script.wait(Duration::from_secs(31));
        assert_error(closing.poll(), Error::TimedOut);
        let (back, error) = failed(closing.wait_with(idle));
        assert_eq!(error, Error::TimedOut);
        socket = back;
    }
    drop(socket);
    assert_eq!(lab.near.free_slots(Protocol::Tcp), Ok(1));
}

/// A connection over which the peer has said something, and been heard.
fn greeted<'lab>(
    script: &mut Script<'lab>,
    socket: TcpSocket<'lab, Closed>,
) -> (TcpSocket<'lab, Connected>, Line) {
    let (mut connected, mut line) = script.connect(socket, 80);
    script.send(&line.segment(TcpControl::Psh, b"welcome"));
    line.seq += 7;
    assert_eq!(connected.receive(&mut [0; 16]), Ok(7));
    script.exchange();
    (connected, line)
}

/// A peer that vanishes is noticed without data to send if the application asks for probes, and
/// is not without.
#[test]
fn a_silent_peer_is_noticed_by_keep_alive() {
    let lab = Lab::new(1);
    let mut script = Script::new(&lab);
    let (mut probing, _) = script.connection(80);
    let (mut trusting, _) = script.connection(81);
    probing.set_keep_alive(Some(Duration::from_secs(10))).unwrap();
    probing.set_timeout(Some(Duration::from_secs(25))).unwrap();
    let probes = script.wait(Duration::from_secs(24));
    assert!(!probes.is_empty());
    assert_blocks(probing.receive(&mut [0; 4]));
    script.wait(Duration::from_secs(3_600));
    assert_error(probing.receive(&mut [0; 4]), Error::TimedOut);
    assert_blocks(trusting.receive(&mut [0; 4]));
}

/// What the traits cannot rule out is an error, and harms nothing.
#[test]
fn tcp_calls_in_the_wrong_state_through_embedded_nal() {
    const WRONG: Error = Error::WrongState;
    let lab = Lab::builder(1).near(slots(2, 1)).build();
    let mut net = lab.near.net();
    let mut socket = TcpClientStack::socket(&mut net).unwrap();
    assert_error(TcpClientStack::send(&mut net, &mut socket, b"x"), WRONG);
    assert_error(TcpClientStack::receive(&mut net, &mut socket, &mut [0; 4]), WRONG);
    assert_eq!(net.listen(&mut socket), Err(WRONG));
    assert_error(net.accept(&mut socket), WRONG);
    assert_eq!(TcpFullStack::bind(&mut net, &mut socket, 0), Err(Error::PortZero));
    assert_eq!(socket.state(), "Closed");

    assert_error(TcpClientStack::connect(&mut net, &mut socket, far(0)), Error::PortZero);
    assert_eq!(socket.state(), "Closed");

    TcpFullStack::bind(&mut net, &mut socket, 80).unwrap();
    assert_eq!(TcpFullStack::bind(&mut net, &mut socket, 81), Err(WRONG));
    assert_error(TcpClientStack::connect(&mut net, &mut socket, far(0)), Error::PortZero);
    assert_eq!(socket.state(), "Bound");
    net.listen(&mut socket).unwrap();
    assert_eq!(net.listen(&mut socket), Err(WRONG));
    assert_error(TcpClientStack::connect(&mut net, &mut socket, far(80)), WRONG);
    assert_error(TcpClientStack::send(&mut net, &mut socket, b"x"), WRONG);
    assert_eq!(socket.state(), "Listening");

    let mut idle = AnyTcpSocket::Idle;
    assert_error(TcpClientStack::send(&mut net, &mut idle, b"x"), WRONG);
    assert_eq!(net.listen(&mut idle), Err(WRONG));
    TcpClientStack::close(&mut net, idle).unwrap();
    // The other slot is there for a connection.
    let mut other = TcpClientStack::socket(&mut net).unwrap();
    assert_blocks(TcpClientStack::connect(&mut net, &mut other, far(80)));
}

#[test]
fn udp_calls_in_the_wrong_state_through_embedded_nal() {
    const WRONG: Error = Error::WrongState;
    let lab = Lab::new(1);
    let mut net = lab.near.net();
    let mut socket = UdpClientStack::socket(&mut net).unwrap();
    assert_eq!(UdpClientStack::send(&mut net, &mut socket, b"x"), Err(nb::Error::Other(WRONG)));
    assert_error(UdpClientStack::receive(&mut net, &mut socket, &mut [0; 4]), WRONG);
    UdpFullStack::bind(&mut net, &mut socket, 7).unwrap();
    // Bound, but nothing was sent yet that would name a destination.
    assert_eq!(UdpClientStack::send(&mut net, &mut socket, b"x"), Err(nb::Error::Other(WRONG)));
    assert_eq!(UdpFullStack::bind(&mut net, &mut socket, 8), Err(WRONG));
    net.send_to(&mut socket, far(7), b"x").unwrap();
    UdpClientStack::send(&mut net, &mut socket, b"x").unwrap();
    assert_eq!(UdpClientStack::connect(&mut net, &mut socket, far(0)), Err(Error::PortZero));
    assert_eq!(socket.state(), "Bound");
}

/// A backlog of zero is one of one.
#[test]
fn a_backlog_of_zero_takes_one() {
    let lab = Lab::new(1);
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(0).unwrap();
    for _ in 0..3 {
        let connecting = lab.near.tcp().unwrap().connect(far(80)).unwrap();
        let _client = connecting.wait_with(|_| lab.step()).unwrap();
        drop(lab.block(|| listener.accept()).unwrap());
    }
}
