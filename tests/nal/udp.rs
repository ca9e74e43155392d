//! `UdpClientStack` and `UdpFullStack`.

use embedded_nal::{UdpClientStack, UdpFullStack};
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Net, nb};

use crate::{addr, block};

#[test]
fn udp_answers_reach_whoever_was_sent_to() {
    let lab = Lab::new(1);
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    let mut other = lab.far.udp().unwrap().bind(8).unwrap();
    let (far_addr, other_addr) = (addr("192.168.69.2:7"), addr("192.168.69.2:8"));
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    let mut buffer = [0; 16];
    let unbound = net.receive(&mut socket, &mut buffer);
    assert_eq!(unbound, Err(nb::Error::Other(Error::WrongState)));

    net.bind(&mut socket, 6000).unwrap();
    net.connect(&mut socket, far_addr).unwrap();
    net.send(&mut socket, b"one").unwrap();
    let (size, from) = lab.block(|| far.receive_from(&mut buffer)).unwrap();
    assert_eq!((size, from), (3, addr("192.168.69.1:6000")));
    far.send_to(b"uno", from).unwrap();
    let received = block(&lab, || net.receive(&mut socket, &mut buffer));
    assert_eq!(received, Ok((3, far_addr)));

    // To another destination, and `send` follows there.
    net.send_to(&mut socket, other_addr, b"two").unwrap();
    net.send(&mut socket, b"three").unwrap();
    assert_eq!(lab.block(|| other.receive_from(&mut buffer)).unwrap().0, 3);
    assert_eq!(lab.block(|| other.receive_from(&mut buffer)).unwrap().0, 5);
    other.send_to(b"dos", from).unwrap();
    let received = block(&lab, || net.receive(&mut socket, &mut buffer));
    assert_eq!(received, Ok((3, other_addr)));
    let nothing = net.receive(&mut socket, &mut buffer);
    assert_eq!(nothing, Err(nb::Error::WouldBlock));
    net.close(socket).unwrap();
}

#[test]
fn udp_sends_without_a_bind_from_an_ephemeral_port() {
    let lab = Lab::new(1);
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    net.send_to(&mut socket, addr("192.168.69.2:7"), b"hello").unwrap();
    let (_, from) = lab.block(|| far.receive_from(&mut [0; 16])).unwrap();
    assert!(from.port() >= 49_152);
    far.send_to(b"hi", from).unwrap();
    let received = block(&lab, || net.receive(&mut socket, &mut [0; 16]));
    assert_eq!(received, Ok((2, addr("192.168.69.2:7"))));
}

#[test]
fn an_oversize_datagram_is_dropped_and_does_not_block_the_next() {
    let lab = Lab::new(1);
    let mut far = lab.far.udp().unwrap().bind(7).unwrap();
    let mut net: &Net = &lab.near;
    let mut socket = net.socket().unwrap();
    net.bind(&mut socket, 6000).unwrap();
    let near = addr("192.168.69.1:6000");
    far.send_to(&[1; 100], near).unwrap();
    far.send_to(&[2; 10], near).unwrap();
    lab.run_for(Duration::from_secs(1));
    let mut buffer = [0; 50];
    let truncated = net.receive(&mut socket, &mut buffer);
    assert_eq!(truncated, Err(nb::Error::Other(Error::Truncated(100))));
    let next = net.receive(&mut socket, &mut buffer);
    assert_eq!(next.map(|(size, _)| size), Ok(10));
}

/// A client may make no other call for long: what could not be sent before is, if it now can.
#[test]
fn a_close_sends_what_waited_for_the_neighbour() {
    fn check<T: UdpClientStack<Error = Error>>(lab: &Lab, mut stack: T) {
        let mut far = lab.far.udp().unwrap().bind(7).unwrap();
        let mut socket = stack.socket().unwrap();
        stack.connect(&mut socket, addr("192.168.69.2:7")).unwrap();
        stack.send(&mut socket, b"hello").unwrap();
        while lab.far.poll().unwrap() {}
        stack.close(socket).unwrap();
        while lab.far.poll().unwrap() {}
        assert_eq!(far.receive_from(&mut [0; 8]).map(|(size, _)| size), Ok(5));
    }
    let (plain, client) = (Lab::new(1), Lab::new(1));
    check(&plain, plain.near.net());
    check(&client, client.client(|| {}));
}
