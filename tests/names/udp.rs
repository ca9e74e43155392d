//! UDP: from a name to a peer.

use sockstate::{AnyUdpSocket, Protocol, Unfinished};

use super::*;
use crate::common::{assert_blocks, failed, near};

fn connect_udp<'net>(lab: &'net Lab, addrs: &[&str]) -> Tied<'net> {
    let server = Server::new(&lab.far);
    let socket = lab.near.udp().unwrap().connect_by_name(HOST, PORT).unwrap();
    tie(lab, &server, socket, |asked| knows(asked, addrs))
}

#[test]
fn a_name_leads_to_a_peer_over_either_version() {
    for addr in ["192.168.69.2", "fd00::2"] {
        let lab = lab();
        let mut far = lab.far.udp().unwrap().bind(PORT).unwrap();
        let mut socket = connect_udp(&lab, &[addr]).unwrap();
        assert_eq!(socket.remote_endpoint(), Ok(at(addr)));
        assert_eq!(free(&lab.near), [SLOTS, SLOTS - 1], "the look-up is over");
        socket.send(b"hello").unwrap();
        let mut buffer = [0; 9];
        let (size, from) = lab.block(|| far.receive_from(&mut buffer)).unwrap();
        far.send_to(&buffer[..size], from).unwrap();
        assert_eq!(lab.block(|| socket.receive(&mut buffer)), Ok(5));
    }
}

#[test]
fn the_first_address_with_a_route_is_the_peer() {
    let lab = lab();
    for (known, expected) in [
        (&["192.168.69.2", "fd00::2"][..], Ok(at("fd00::2"))),
        (&["2001:db8::1", "10.0.0.1", "192.168.69.2"][..], Ok(at("192.168.69.2"))),
        (&["2001:db8::1", "10.0.0.1"][..], Err(Error::NoRoute)),
        (&["::"][..], Err(Error::Unaddressable)),
    ] {
        let tied = connect_udp(&lab, known).map_err(|(_, error)| error);
        assert_eq!(tied.and_then(|socket| socket.remote_endpoint()), expected, "of {known:?}");
    }
    assert_eq!(free(&lab.near), [SLOTS, SLOTS]);
}

#[test]
fn a_bound_socket_keeps_its_port_and_nothing_of_strangers() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut stranger = lab.far.udp().unwrap().bind(9).unwrap();
    let bound = lab.near.udp().unwrap().bind(6000).unwrap();
    let socket = bound.connect_by_name(HOST, PORT).unwrap();
    stranger.send_to(b"psst", near(6000)).unwrap();
    let mut socket = tie(&lab, &server, socket, |asked| knows(asked, &["192.168.69.2"])).unwrap();
    assert_eq!(socket.local_endpoint().unwrap().port, 6000);
    assert_blocks(socket.receive(&mut [0; 9]));
    let mut far = lab.far.udp().unwrap().bind(PORT).unwrap();
    far.send_to(b"hello", near(6000)).unwrap();
    assert_eq!(lab.block(|| socket.receive(&mut [0; 9])), Ok(5));
}

#[test]
fn a_failure_closes_the_socket_and_frees_its_port() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let bound = lab.near.udp().unwrap().bind(6000).unwrap();
    let socket = bound.connect_by_name(HOST, PORT).unwrap();
    let (socket, error) = tie(&lab, &server, socket, |asked| knows(asked, &[])).unwrap_err();
    assert_eq!(error, Error::NameNotFound);
    let other = lab.near.udp().unwrap().bind(6000);
    assert!(other.is_ok(), "the port is free");
    let socket = socket.bind(6001).unwrap();
    assert_eq!(socket.local_endpoint().unwrap().port, 6001);
    assert_eq!(free(&lab.near), [SLOTS, SLOTS - 2]);
}

#[test]
fn the_text_of_an_address_needs_neither_a_slot_nor_a_server() {
    let lab = Lab::builder(7).near(common::slots(0, 1)).build();
    let mut socket = lab.near.udp().unwrap().connect_by_name("fd00::2", PORT).unwrap();
    assert_eq!(socket.poll(), Ok(()));
    assert_eq!(socket.wait().unwrap().remote_endpoint(), Ok(at("fd00::2")));
}

#[test]
fn without_a_second_slot_the_socket_comes_back() {
    let lab = Lab::builder(7).near(common::slots(0, 1)).build();
    lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
    let bound = lab.near.udp().unwrap().bind(6000).unwrap();
    let (bound, error) = failed(bound.connect_by_name(HOST, PORT));
    assert_eq!(error, Error::OutOfSlots(Protocol::Udp));
    assert_eq!(bound.local_endpoint().unwrap().port, 6000);
    let (_, error) = failed(bound.connect_by_name(HOST, 0));
    assert_eq!(error, Error::PortZero);
}

#[test]
fn dropping_it_frees_both_slots_at_once() {
    let lab = lab();
    let socket = lab.near.udp().unwrap().connect_by_name(HOST, PORT).unwrap();
    assert_eq!(free(&lab.near), [SLOTS, SLOTS - 2]);
    drop(socket);
    assert_eq!(free(&lab.near), [SLOTS, SLOTS]);
}

#[test]
fn it_is_polled_among_other_things_and_held_in_any_state() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let socket = lab.near.udp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let Err(Unfinished::Pending(socket)) = socket.finish() else { panic!("no answer yet") };
    let mut any = AnyUdpSocket::from(socket);
    assert_eq!(any.state(), "Resolving");
    lab.run_for(Duration::from_millis(10));
    server.step(&lab, |asked| knows(asked, &["192.168.69.2"]));
    lab.run_for(Duration::from_millis(10));
    let AnyUdpSocket::Resolving(mut socket) = any.take() else { panic!("it is resolving") };
    assert_eq!(socket.poll(), Ok(()));
    assert_eq!(free(&lab.near), [SLOTS, SLOTS - 1], "with the answer, the slot is free");
    let Ok(connected) = socket.finish() else { panic!("the addresses are known") };
    assert_eq!(connected.remote_endpoint(), Ok(at("192.168.69.2")));
}

#[test]
fn the_end_of_the_link_ends_it() {
    let lab = lab();
    let socket = lab.near.udp().unwrap().connect_by_name(HOST, PORT).unwrap();
    lab.near.link_down().unwrap();
    assert_eq!(failed(socket.wait()).1, Error::LinkDown);
    assert_eq!(free(&lab.near), [SLOTS, SLOTS]);
}

/// Within a closure of the stack nothing can be asked; the socket comes back, and its look-up ends.
#[test]
fn a_look_up_ends_with_a_failure_within_a_closure() {
    let lab = lab();
    let net = lab.near.net();
    let mut other = net.udp().unwrap().bind(7_000).unwrap();
    let before = free(net);
    for _ in 0..3 {
        let mut resolving = Some(net.udp().unwrap().connect_by_name(HOST, PORT).unwrap());
        let mut closed = None;
        other
            .send_to_with(4, (ip("192.168.69.2"), 9).into(), |_| {
                let Some(resolving) = resolving.take() else { return 0 };
                closed = resolving.finish().err();
                4
            })
            .unwrap();
        let Some(Unfinished::Failed(failed)) = closed else { panic!("not a failure") };
        let (closed, error) = failed.into_parts();
        assert_eq!(error, Error::Reentrant);
        drop(closed.connect_by_name(HOST, PORT).unwrap());
        lab.run_for(Duration::from_secs(1));
        assert_eq!(free(net), before);
    }
}
