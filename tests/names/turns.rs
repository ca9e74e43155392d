//! TCP: a host with several addresses is asked at one after the other.

use sockstate::nb;

use super::*;
use crate::common::failed;

const DEAD_V4: &str = "192.168.69.77";
const DEAD_V6: &str = "fd00::77";

/// The addresses that are asked, each with the milliseconds from the start, and the end.
fn asked_in_turn(lab: &Lab, mut socket: TcpSocket<'_, Connecting>) -> (Vec<(String, u64)>, Error) {
    let start = lab.clock.time();
    let mut asked: Vec<(String, u64)> = Vec::new();
    let end = lab.block(|| {
        let polled = socket.poll();
        if let Ok(remote) = socket.remote_endpoint() {
            let addr = remote.ip().to_string();
            if asked.last().is_none_or(|(last, _)| *last != addr) {
                asked.push((addr, (lab.clock.time() - start).total_millis()));
            }
        }
        polled
    });
    (asked, end.unwrap_err())
}

#[test]
fn one_that_refuses_leads_to_the_next_one_at_once() {
    let lab = lab();
    let mut listener = lab.far.tcp().unwrap().bind((common::FAR, PORT)).unwrap().listen(1).unwrap();
    let start = lab.clock.time();
    let connecting = connect(&lab, &["192.168.69.2", "fd00::2"]).unwrap();
    assert_eq!(connecting.remote_endpoint(), Ok(at("fd00::2")), "IPv6 first");
    let connected = connecting.wait().unwrap();
    assert_eq!(connected.remote_endpoint(), Ok(at("192.168.69.2")));
    // It is another neighbour, and one is asked for in a second.
    assert_eq!((lab.clock.time() - start).secs(), 1);
    assert!(lab.block(|| listener.accept()).is_ok());
}

#[test]
fn all_that_refuse_are_a_refusal_and_the_socket_is_closed() {
    let lab = lab();
    let connecting = connect(&lab, &["192.168.69.2", "fd00::2"]).unwrap();
    let (socket, error) = failed(connecting.wait());
    assert_eq!(error, Error::Refused);
    assert_eq!(free(&lab.near), [SLOTS - 1, SLOTS]);
    let _listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    assert!(socket.connect(at("192.168.69.2")).unwrap().wait().is_ok(), "as good as new");
}

#[test]
fn the_last_error_stays() {
    let lab = lab();
    let mut connecting = connect(&lab, &["192.168.69.2", "fd00::2", "2001:db8::1"]).unwrap();
    for _ in 0..3 {
        let end = lab.block(|| connecting.poll());
        assert_eq!(end, Err(Error::NoRoute), "of the last one, which has no route");
    }
}

#[test]
fn one_that_is_gone_has_its_part_of_the_time() {
    let lab = lab();
    let _listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    let connecting = connect(&lab, &[DEAD_V6, "192.168.69.2"]).unwrap();
    let start = lab.clock.time();
    let connected = connecting.wait().unwrap();
    assert_eq!(connected.remote_endpoint(), Ok(at("192.168.69.2")));
    // Nor does it wait for the neighbour that was asked for before.
    assert_eq!((lab.clock.time() - start).total_millis(), 15_000, "half of 30 s");
}

#[test]
fn another_attempt_does_not_wait_for_the_neighbour_of_the_last_one() {
    let lab = lab();
    let _listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    lab.near.tcp().unwrap().connect(at("192.168.69.2")).unwrap().wait().unwrap().abort();
    let connecting = lab.near.tcp().unwrap().connect(at(DEAD_V4)).unwrap();
    let (socket, error) = failed(connecting.wait());
    assert_eq!(error, Error::TimedOut);
    let start = lab.clock.time();
    socket.connect(at("192.168.69.2")).unwrap().wait().unwrap();
    assert_eq!(lab.clock.time(), start);
}

#[test]
fn each_has_its_part_and_the_last_one_all_of_the_time() {
    let addrs = [DEAD_V6, "fd00::78", DEAD_V4, "192.168.69.78"];
    let lab = lab();
    let start = lab.clock.time();
    let connecting = connect(&lab, &addrs).unwrap();
    let (asked, end) = asked_in_turn(&lab, connecting);
    assert_eq!(end, Error::TimedOut);
    let times = [(DEAD_V6, 0), (DEAD_V4, 7_500), ("fd00::78", 17_500), ("192.168.69.78", 32_500)];
    assert_eq!(asked, times.map(|(addr, at)| (addr.to_string(), at)));
    assert_eq!((lab.clock.time() - start).secs(), 62);
}

#[test]
fn without_a_deadline_only_the_last_one_has_for_ever() {
    let lab = Lab::builder(7).configure_near(|config| config.deadlines.connect = None).build();
    lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
    let mut connecting = connect(&lab, &[DEAD_V6, DEAD_V4]).unwrap();
    let mut remote_after = |seconds| {
        lab.run_for(Duration::from_secs(seconds));
        assert_eq!(connecting.poll(), Err(nb::Error::WouldBlock));
        connecting.remote_endpoint().unwrap()
    };
    assert_eq!(remote_after(9), at(DEAD_V6));
    assert_eq!(remote_after(2), at(DEAD_V4));
    assert_eq!(remote_after(3_600), at(DEAD_V4));
}

#[test]
fn of_more_than_four_addresses_each_version_has_two() {
    let lab = lab();
    let many = ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4", "10.0.0.5"].map(|_| DEAD_V4);
    let v4 = ["192.168.69.71", "192.168.69.72", "192.168.69.73", "192.168.69.74", "192.168.69.75"];
    let v6 = ["fd00::71", "fd00::72", "fd00::73", "fd00::74", "fd00::75"];
    let hosts = [
        ([&v4[..], &v6[..]].concat(), vec![v6[0], v4[0], v6[1], v4[1]]),
        ([&v4[..], &v6[..1]].concat(), vec![v6[0], v4[0], v4[1], v4[2]]),
        ([&v4[..1], &v6[..]].concat(), vec![v6[0], v4[0], v6[1], v6[2]]),
        (v4.to_vec(), v4[..4].to_vec()),
        (many.to_vec(), vec![DEAD_V4]),
    ];
    for (known, expected) in hosts {
        let (asked, _) = asked_in_turn(&lab, connect(&lab, &known).unwrap());
        let asked: Vec<_> = asked.iter().map(|(addr, _)| addr.as_str()).collect();
        assert_eq!(asked, expected, "of {known:?}");
    }
}

#[test]
fn ipv4_is_first_where_ipv6_is_the_links_own_or_leads_nowhere() {
    let lab = lab();
    let both = |v6: &str| connect(&lab, &[v6, "192.168.69.2"]).unwrap().remote_endpoint();
    assert_eq!(both("fd00::2"), Ok(at("fd00::2")));
    assert_eq!(both("2001:db8::1"), Ok(at("192.168.69.2")), "no route");
    lab.near.set_gateway(ip("fd00::2")).unwrap();
    assert_eq!(both("2001:db8::1"), Ok(at("2001:db8::1")), "by a router");
    lab.near.remove_address(ip("fd00::1")).unwrap();
    lab.near.add_address("fe80::1/64".parse().unwrap()).unwrap();
    assert_eq!(both("2001:db8::1"), Ok(at("192.168.69.2")), "from an address of the link alone");
}

#[test]
fn addresses_without_a_route_are_passed_over() {
    let lab = lab();
    let connecting = connect(&lab, &["2001:db8::1", "10.0.0.1", "192.168.69.2"]).unwrap();
    assert_eq!(connecting.remote_endpoint(), Ok(at("192.168.69.2")));
    drop(connecting);
    let (_, error) = connect(&lab, &["2001:db8::1", "10.0.0.1"]).map(drop).unwrap_err();
    assert_eq!(error, Error::NoRoute);
    let (_, error) = connect(&lab, &["0.0.0.0", "224.0.0.1"]).map(drop).unwrap_err();
    assert_eq!(error, Error::Unaddressable);
    lab.near.remove_address(ip("192.168.69.1")).unwrap();
    assert_eq!(free(&lab.near), [SLOTS, SLOTS]);
}

#[test]
fn a_bound_port_is_that_of_every_request() {
    let lab = lab();
    let mut listener = lab.far.tcp().unwrap().bind((common::FAR, PORT)).unwrap().listen(1).unwrap();
    let server = Server::new(&lab.far);
    let socket = lab.near.tcp().unwrap().bind(6000).unwrap().connect_by_name(HOST, PORT).unwrap();
    let connecting =
        resolve(&lab, &server, socket, |asked| knows(asked, &["192.168.69.2", "fd00::2"])).unwrap();
    assert_eq!(connecting.local_endpoint().unwrap(), (ip("fd00::1"), 6000).into());
    let _connected = connecting.wait().unwrap();
    let (_, from) = lab.block(|| listener.accept()).unwrap();
    assert_eq!(from, common::near(6000));
}

#[test]
fn a_bound_socket_that_fails_is_closed_and_leaves_its_port() {
    let lab = lab();
    let server = Server::new(&lab.far);
    for known in [&["fd00::2", "192.168.69.2"][..], &["fd00::2", "10.0.0.1"], &["10.0.0.1"]] {
        let bound = lab.near.tcp().unwrap().bind(6000).unwrap();
        let socket = bound.connect_by_name(HOST, PORT).unwrap();
        let resolved = resolve(&lab, &server, socket, |asked| knows(asked, known));
        let socket = match resolved {
            Ok(connecting) => failed(connecting.wait()).0,
            Err((socket, error)) => {
                assert_eq!(error, Error::NoRoute);
                socket
            }
        };
        assert!(lab.near.tcp().unwrap().bind(6000).is_ok(), "the port is free: {known:?}");
        assert!(socket.bind(6001).is_ok());
        assert_eq!(free(&lab.near), [SLOTS, SLOTS]);
    }
}

#[test]
fn a_bound_socket_that_has_failed_has_no_address() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let bound = lab.near.tcp().unwrap().bind(6000).unwrap();
    let socket = bound.connect_by_name(HOST, PORT).unwrap();
    let known = ["fd00::2", "10.0.0.1"];
    let mut connecting = resolve(&lab, &server, socket, |asked| knows(asked, &known)).unwrap();
    assert_eq!(lab.block(|| connecting.poll()), Err(Error::NoRoute));
    assert_eq!(connecting.local_endpoint(), Err(Error::NoRoute));
    assert_eq!(connecting.remote_endpoint(), Err(Error::NoRoute));
}

#[test]
fn a_bound_port_that_is_taken_between_two_requests_is_an_error() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let bound = lab.near.tcp().unwrap().bind(6000).unwrap();
    let socket = bound.connect_by_name(HOST, PORT).unwrap();
    let known = ["fd00::2", "192.168.69.2"];
    let mut connecting = resolve(&lab, &server, socket, |asked| knows(asked, &known)).unwrap();
    // The refusal of the first one is in, and nobody has asked for it.
    lab.run_for(Duration::from_secs(2));
    let _other = lab.near.tcp().unwrap().bind(6000).unwrap();
    for _ in 0..2 {
        assert_eq!(connecting.poll(), Err(nb::Error::Other(Error::AddressInUse)));
    }
}

#[test]
fn a_bound_address_says_which_version() {
    let lab = lab();
    let server = Server::new(&lab.far);
    for (local, kind) in [("192.168.69.1", A), ("fd00::1", common::name_server::AAAA)] {
        server.asked.borrow_mut().clear();
        let bound = lab.near.tcp().unwrap().bind((ip(local), 6000)).unwrap();
        let socket = bound.connect_by_name(HOST, PORT).unwrap();
        let known = ["fd00::2", "192.168.69.2"];
        let connecting = resolve(&lab, &server, socket, |asked| knows(asked, &known)).unwrap();
        assert_eq!(server.asked.borrow().len(), 1);
        assert_eq!(server.asked.borrow()[0].kind, kind);
        assert_eq!(failed(connecting.wait()).1, Error::Refused);
    }
    let bound = lab.near.tcp().unwrap().bind((ip("fd00::1"), 6000)).unwrap();
    let (_, error) = failed(bound.connect_by_name("192.168.69.2", PORT));
    assert_eq!(error, Error::AddressFamily);
}

#[test]
fn the_options_of_the_socket_are_those_of_every_request() {
    let lab = lab();
    let mut listener = lab.far.tcp().unwrap().bind((common::FAR, PORT)).unwrap().listen(1).unwrap();
    let mut connecting = connect(&lab, &["192.168.69.2", "fd00::2"]).unwrap();
    connecting.set_timeout(Some(Duration::from_secs(5))).unwrap();
    let mut connected = connecting.wait().unwrap();
    let _far = lab.block(|| listener.accept()).unwrap();
    lab.cable.cut();
    connected.send(b"hello").unwrap();
    let start = lab.clock.time();
    assert_eq!(lab.block(|| connected.flush()), Err(Error::TimedOut));
    assert_eq!((lab.clock.time() - start).secs(), 5);
}

#[test]
fn the_link_and_the_address_end_a_request_as_ever() {
    let lab = lab();
    let mut connecting = connect(&lab, &[DEAD_V6, DEAD_V4]).unwrap();
    lab.near.link_down().unwrap();
    assert_eq!(lab.block(|| connecting.poll()), Err(Error::LinkDown));
    drop(connecting);
    lab.near.link_up().unwrap();

    let _listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(1).unwrap();
    let connecting = connect(&lab, &[DEAD_V6, "192.168.69.2"]).unwrap();
    lab.near.remove_address(ip("fd00::1")).unwrap();
    let connected = connecting.wait().unwrap();
    assert_eq!(connected.remote_endpoint(), Ok(at("192.168.69.2")), "from the other address");
}
