//! TCP: from a name to a connection, and what can come between.

use sockstate::{AnyTcpSocket, Protocol, Unfinished, nb};

use super::*;
use crate::common::name_server::{AAAA, NX_DOMAIN, SERVER_FAILURE};
use crate::common::{assert_blocks, assert_error, failed};

#[test]
fn a_name_leads_to_a_connection_over_either_version() {
    for addr in ["192.168.69.2", "fd00::2"] {
        let lab = lab();
        let mut listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
        let mut near = connect(&lab, &[addr]).unwrap().wait().unwrap();
        assert_eq!(near.remote_endpoint(), Ok(at(addr)));
        let (mut far, _) = lab.block(|| listener.accept()).unwrap();
        near.send_all(b"hello").unwrap();
        let mut buffer = [0; 9];
        assert_eq!(lab.block(|| far.receive(&mut buffer)), Ok(5));
        assert_eq!(free(&lab.near), [SLOTS - 1, SLOTS], "the look-up is over");
    }
}

#[test]
fn both_versions_are_asked_for_at_once() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    resolve(&lab, &server, socket, |asked| knows(asked, &["192.168.69.2"])).unwrap();
    let asked = server.asked.borrow();
    let kinds: Vec<_> = asked.iter().map(|asked| asked.kind).collect();
    assert_eq!(kinds, [A, AAAA]);
    assert_eq!(server.times(), [0, 0]);
    assert_eq!(asked[0].from, asked[1].from, "by one slot");
}

#[test]
fn a_version_that_the_interface_has_not_is_not_asked_for() {
    let lab = lab();
    lab.near.remove_address(ip("fd00::1")).unwrap();
    let server = Server::new(&lab.far);
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    resolve(&lab, &server, socket, |asked| knows(asked, &["fd00::2", "192.168.69.2"])).unwrap();
    assert_eq!(server.asked.borrow().len(), 1);
}

#[test]
fn the_text_of_an_address_needs_neither_a_slot_nor_a_server() {
    let lab = Lab::builder(7).near(common::slots(1, 0)).build();
    let _listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    for text in ["192.168.69.2", "fd00::2"] {
        let mut socket = lab.near.tcp().unwrap().connect_by_name(text, PORT).unwrap();
        assert_eq!(socket.poll(), Ok(()));
        let connected = socket.wait().unwrap().wait().unwrap();
        assert_eq!(connected.remote_endpoint(), Ok(at(text)));
        connected.abort();
        lab.run_for(Duration::from_millis(10));
    }
}

#[test]
fn a_known_address_waits_a_moment_for_the_other_kind() {
    for silent in [A, AAAA] {
        let lab = lab();
        let _listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
        let server = Server::new(&lab.far);
        let start = lab.clock.time();
        let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
        let resolved = resolve(&lab, &server, socket, |asked| {
            let all = knows(asked, &["fd00::2", "192.168.69.2"]);
            if asked.kind == silent { vec![] } else { all }
        });
        assert_eq!((lab.clock.time() - start).total_millis(), 50);
        let connected = resolved.unwrap().wait().unwrap();
        assert_eq!(connected.remote_endpoint().unwrap().is_ipv6(), silent == A);
    }
}

#[test]
fn one_kind_may_fail_or_be_denied() {
    for (wrong, code) in
        [(A, SERVER_FAILURE), (AAAA, SERVER_FAILURE), (A, NX_DOMAIN), (AAAA, NX_DOMAIN)]
    {
        let lab = lab();
        let server = Server::new(&lab.far);
        let start = lab.clock.time();
        let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
        let resolved = resolve(&lab, &server, socket, |asked| {
            let all = knows(asked, &["fd00::2", "192.168.69.2"]);
            if asked.kind == wrong { vec![reply(asked, code, &[])] } else { all }
        });
        let remote = resolved.unwrap().remote_endpoint().unwrap();
        assert_eq!(remote.is_ipv6(), wrong == A, "kind {wrong}, code {code}");
        assert!(lab.clock.time() - start <= Duration::from_millis(50));
    }
}

#[test]
fn a_server_that_fails_hands_over_to_the_next_one() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let resolved = resolve(&lab, &server, socket, |asked| match asked.from {
        SocketAddr::V4(_) => vec![reply(asked, SERVER_FAILURE, &[])],
        SocketAddr::V6(_) => knows(asked, &["fd00::2", "192.168.69.2"]),
    });
    assert_eq!(resolved.unwrap().remote_endpoint(), Ok(at("fd00::2")));
    // The other server is another neighbour, and one is asked for in a second.
    assert_eq!(server.times(), [0, 0, 1_000, 1_000], "without the pause of 1.5 s");
}

#[test]
fn a_server_that_fails_is_not_asked_again() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let resolved = resolve(&lab, &server, socket, |asked| match asked.from {
        SocketAddr::V4(_) => vec![reply(asked, SERVER_FAILURE, &[])],
        SocketAddr::V6(_) => vec![],
    });
    assert_eq!(resolved.map(drop).unwrap_err().1, Error::TimedOut);
    let asked = server.asked.borrow();
    assert_eq!(asked.iter().filter(|asked| asked.from.is_ipv4()).count(), 2);
    assert!(asked.len() >= 6, "the other one is asked again");
}

/// What a server cannot tell of one kind says nothing of the other, for which its turn comes again.
#[test]
fn a_server_that_fails_for_one_kind_is_asked_for_the_other() {
    for failing in [A, AAAA] {
        let lab = lab();
        let server = Server::new(&lab.far);
        let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
        let mut times = 0;
        let resolved = resolve(&lab, &server, socket, |asked| match asked.from {
            SocketAddr::V6(_) => vec![],
            SocketAddr::V4(_) if asked.kind == failing => vec![reply(asked, SERVER_FAILURE, &[])],
            SocketAddr::V4(_) => {
                times += 1;
                if times > 1 { knows(asked, &["fd00::2", "192.168.69.2"]) } else { vec![] }
            }
        });
        let expected = if failing == A { "fd00::2" } else { "192.168.69.2" };
        assert_eq!(resolved.unwrap().remote_endpoint(), Ok(at(expected)));
    }
}

#[test]
fn what_every_server_fails_to_tell_is_not_asked_for_again() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
    for (failing, other) in [(A, AAAA), (AAAA, A)] {
        let server = Server::new(&lab.far);
        let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
        let resolved = resolve(&lab, &server, socket, |asked| match asked.kind == failing {
            true => vec![reply(asked, SERVER_FAILURE, &[])],
            false => vec![],
        });
        assert_eq!(resolved.map(drop).unwrap_err().1, Error::TimedOut);
        let asked = server.asked.borrow();
        let kinds: Vec<_> = asked.iter().map(|asked| asked.kind).collect();
        assert_eq!(kinds, [A, AAAA, other, other], "the other one is asked for to the end");
        assert_eq!(server.times(), [0, 0, 1_500, 4_500]);
    }
}

#[test]
fn a_silent_server_hands_over_to_the_next_one() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let resolved = resolve(&lab, &server, socket, |asked| match asked.from {
        SocketAddr::V4(_) => vec![],
        SocketAddr::V6(_) => knows(asked, &["fd00::2"]),
    });
    assert_eq!(resolved.unwrap().remote_endpoint(), Ok(at("fd00::2")));
    assert_eq!(server.times(), [0, 0, 1_500, 1_500]);
}

#[test]
fn with_room_for_one_question_the_other_one_follows() {
    let heap = sockstate::Heap { udp_packets: 1, ..common::slots(1, 1) };
    let lab = Lab::builder(7).near(heap).build();
    lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
    let server = Server::new(&lab.far);
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let resolved = resolve(&lab, &server, socket, |asked| knows(asked, &["fd00::2"]));
    assert_eq!(resolved.unwrap().remote_endpoint(), Ok(at("fd00::2")));
    assert_eq!(server.times(), [0, 1_500]);
}

#[test]
fn no_answer_at_all_is_a_time_limit() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let start = lab.clock.time();
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let (socket, error) = resolve(&lab, &server, socket, |_| vec![]).unwrap_err();
    assert_eq!(error, Error::TimedOut);
    assert_eq!((lab.clock.time() - start).secs(), 10);
    assert_eq!(free(&lab.near), [SLOTS - 1, SLOTS]);
    assert!(socket.bind(6000).is_ok(), "the socket is as good as new");
}

#[test]
fn without_a_slot_for_the_look_up_the_socket_comes_back() {
    let lab = Lab::builder(7).near(common::slots(1, 1)).build();
    lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
    let taken = lab.near.udp().unwrap();
    let socket = lab.near.tcp().unwrap().bind(6000).unwrap();
    let (socket, error) = failed(socket.connect_by_name(HOST, PORT));
    assert_eq!(error, Error::OutOfSlots(Protocol::Udp));
    assert_eq!(socket.local_endpoint().unwrap().port, 6000, "still bound");
    drop(taken);
    assert!(socket.connect_by_name(HOST, PORT).is_ok());
}

#[test]
fn what_cannot_begin_gives_the_socket_back() {
    let lab = Lab::builder(7).near(common::slots(1, 1)).build();
    let socket = lab.near.tcp().unwrap();
    let (socket, error) = failed(socket.connect_by_name(HOST, PORT));
    assert_eq!(error, Error::NoNameServer);
    lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
    let (socket, error) = failed(socket.connect_by_name(HOST, 0));
    assert_eq!(error, Error::PortZero);
    lab.near.link_down().unwrap();
    let (socket, error) = failed(socket.connect_by_name(HOST, PORT));
    assert_eq!(error, Error::LinkDown);
    lab.near.link_up().unwrap();
    assert_eq!(free(&lab.near), [0, 1]);
    assert!(socket.connect_by_name(HOST, PORT).is_ok());
}

#[test]
fn dropping_it_frees_both_slots_at_once() {
    let lab = lab();
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    assert_eq!(free(&lab.near), [SLOTS - 1, SLOTS - 1]);
    drop(socket);
    assert_eq!(free(&lab.near), [SLOTS, SLOTS]);

    // Within a closure of the stack: when that returns.
    let mut socket = Some(lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap());
    let mut other = lab.near.udp().unwrap().bind(6000).unwrap();
    let sent = other.send_to_with(1, at("192.168.69.2"), |_| {
        socket = None;
        1
    });
    assert_eq!(sent, Ok(1));
    drop(other);
    lab.run_for(Duration::from_millis(10));
    assert_eq!(free(&lab.near), [SLOTS, SLOTS]);
}

#[test]
fn it_is_polled_among_other_things() {
    let lab = lab();
    let _listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    let server = Server::new(&lab.far);
    let mut socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    assert_blocks(socket.poll());
    let Err(Unfinished::Pending(mut socket)) = socket.finish() else { panic!("no answer yet") };
    lab.run_for(Duration::from_millis(10));
    server.step(&lab, |asked| knows(asked, &["192.168.69.2"]));
    lab.run_for(Duration::from_millis(10));
    assert_eq!(socket.poll(), Ok(()));
    assert_eq!(free(&lab.near), [SLOTS - 1, SLOTS], "with the answer, the slot is free");
    lab.near.link_down().unwrap();
    assert_eq!(socket.poll(), Ok(()), "the answer stays");
    lab.near.link_up().unwrap();
    let Ok(connecting) = socket.finish() else { panic!("the addresses are known") };
    assert!(connecting.wait().is_ok());
}

#[test]
fn an_error_stays_until_it_is_finished() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let found = lab.block(|| {
        server.step(&lab, |asked| vec![reply(asked, NX_DOMAIN, &[])]);
        socket.poll()
    });
    assert_eq!(found, Err(Error::NameNotFound));
    assert_error(socket.poll(), Error::NameNotFound);
    let Err(Unfinished::Failed(failed)) = socket.finish() else { panic!("it has failed") };
    assert_eq!(failed.error(), Error::NameNotFound);
    assert!(failed.into_socket().connect(at("192.168.69.2")).is_ok());
}

#[test]
fn link_address_and_servers_may_change_meanwhile() {
    let lab = lab();
    let start = || lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    let mut socket = start();
    lab.near.link_down().unwrap();
    assert_error(socket.poll(), Error::LinkDown);
    lab.near.link_up().unwrap();
    drop(socket);

    let server = Server::new(&lab.far);
    let socket = start();
    lab.near.set_dns_servers(&[ip("fd00::2")]).unwrap();
    lab.near.remove_address(ip("192.168.69.1")).unwrap();
    let resolved = resolve(&lab, &server, socket, |asked| match asked.from {
        SocketAddr::V4(_) => panic!("from an address that is gone"),
        SocketAddr::V6(_) => knows(asked, &["192.168.69.2", "fd00::2"]),
    });
    assert_eq!(resolved.unwrap().remote_endpoint(), Ok(at("fd00::2")));

    let mut socket = start();
    lab.near.remove_address(ip("fd00::1")).unwrap();
    let found = lab.block(|| socket.poll());
    assert_eq!(found, Err(Error::NoAddress));
    assert_eq!(free(&lab.near), [SLOTS - 1, SLOTS]);
}

#[test]
fn a_field_holds_it_in_any_state() {
    let lab = lab();
    let mut socket: AnyTcpSocket<'_> =
        lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap().into();
    assert_eq!(socket.state(), "Resolving");
    let AnyTcpSocket::Resolving(mut resolving) = socket.take() else { panic!("it is resolving") };
    assert_eq!(format!("{resolving:?}"), "TcpSocket<Resolving>(#0)");
    assert_eq!(resolving.poll(), Err(nb::Error::WouldBlock));
}

/// Within a closure of the stack nothing can be waited for; the socket comes back, and its look-up
/// ends.
#[test]
fn a_look_up_ends_with_a_failure_within_a_closure() {
    let lab = lab();
    let net = lab.near.net();
    let mut other = net.udp().unwrap().bind(7_000).unwrap();
    let before = free(net);
    for _ in 0..3 {
        let mut resolving = Some(net.tcp().unwrap().connect_by_name(HOST, PORT).unwrap());
        let mut failed = None;
        other
            .send_to_with(4, (ip("192.168.69.2"), 9).into(), |_| {
                failed = resolving.take().and_then(|resolving| resolving.wait().err());
                4
            })
            .unwrap();
        let (closed, error) = failed.unwrap().into_parts();
        assert_eq!(error, Error::Reentrant);
        drop(closed.connect_by_name(HOST, PORT).unwrap());
        lab.run_for(Duration::from_secs(1));
        assert_eq!(free(net), before);
    }
}
