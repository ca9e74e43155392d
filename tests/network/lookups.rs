//! Look-ups whose name server is not there, and says so.

use sockstate::testing::Lab;
use sockstate::{AddrType, Duration, Error};

use crate::common::name_server::{self, Server};
use crate::common::{FAR, FAR_V6};
use crate::wire::{Wire, report};

/// A name server's port that nobody listens at is known at once, not after ten seconds.
#[test]
fn a_server_that_is_not_there_is_an_error_at_once() {
    let lab = Lab::new(1);
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    let start = lab.clock.time();
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    assert_eq!(lookup.wait(), Err(Error::NameServerFailed));
    assert!(lab.clock.time() - start < Duration::from_millis(10));
    assert_eq!(lab.near.free_slots(sockstate::Protocol::Udp), Ok(16));
}

/// The next server is asked at once.
#[test]
fn the_next_server_is_asked_at_once() {
    let lab = Lab::new(1);
    let gone = std::net::Ipv4Addr::new(192, 168, 69, 3);
    lab.far.add_address(sockstate::IpCidr::new(gone.into(), 24)).unwrap_err();
    lab.far.remove_address(FAR_V6.into()).unwrap();
    lab.far.add_address(sockstate::IpCidr::new(gone.into(), 24)).unwrap();
    // Only one of its two addresses has a server.
    lab.near.set_dns_servers(&[gone.into(), FAR.into()]).unwrap();
    let mut socket = lab.far.udp().unwrap().bind((FAR, 53)).unwrap();
    // The hardware addresses of both are known: asking for one takes a second's turn.
    let mut probe = lab.near.udp().unwrap().bind(9).unwrap();
    for host in [gone, FAR] {
        probe.send_to(b"", (host, 9).into()).unwrap();
        lab.run_for(Duration::from_secs(3));
    }
    let start = lab.clock.time();
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let mut buffer = [0; 512];
    let (len, from) = lab
        .block(|| {
            assert_eq!(lookup.poll(), Err(sockstate::nb::Error::WouldBlock));
            socket.receive_from(&mut buffer)
        })
        .unwrap();
    assert!(lab.clock.time() - start < Duration::from_millis(10), "it waited");
    let mut answer = buffer[..len].to_vec();
    answer[2] |= 0x80;
    answer[7] = 1;
    answer.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4, 10, 0, 0, 7]);
    socket.send_to(&answer, from).unwrap();
    let found = lab.block(|| lookup.poll()).unwrap();
    assert_eq!(found, std::net::Ipv4Addr::new(10, 0, 0, 7));
}

/// Each of them says so, and that is an error as soon as the last one has.
#[test]
fn servers_that_are_all_gone_are_an_error_at_once() {
    let lab = Lab::new(1);
    let gone = std::net::Ipv4Addr::new(192, 168, 69, 3);
    lab.far.remove_address(FAR_V6.into()).unwrap();
    lab.far.add_address(sockstate::IpCidr::new(gone.into(), 24)).unwrap();
    lab.near.set_dns_servers(&[gone.into(), FAR.into()]).unwrap();
    let mut probe = lab.near.udp().unwrap().bind(9).unwrap();
    for host in [gone, FAR] {
        probe.send_to(b"", (host, 9).into()).unwrap();
        lab.run_for(Duration::from_secs(3));
    }
    let start = lab.clock.time();
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    assert_eq!(lookup.wait(), Err(Error::NameServerFailed));
    assert!(lab.clock.time() - start < Duration::from_millis(10), "it waited");
}

/// A report may come twice.
#[test]
fn a_server_that_is_reported_twice_is_gone() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let question = wire.only();
    for _ in 0..2 {
        wire.send(&report(3, 3, 0, &question));
    }
    assert_eq!(lookup.poll(), Err(Error::NameServerFailed.into()));
}

/// A server that comes back is asked by the next look-up.
#[test]
fn a_server_that_was_gone_is_asked_by_the_next_look_up() {
    let lab = Lab::new(1);
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    assert_eq!(lookup.wait(), Err(Error::NameServerFailed));
    let server = Server::new(&lab.far);
    let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    let found = lookup.wait_with(|_| {
        server.step(&lab, |asked| {
            vec![name_server::reply(asked, 0, &[name_server::address("host.test", "10.0.0.7")])]
        });
        lab.step();
    });
    assert_eq!(found, Ok("10.0.0.7".parse().unwrap()));
}

/// The same for a connection by name, which asks for both kinds of address at once.
#[test]
fn the_next_server_is_asked_at_once_for_both_kinds() {
    let lab = Lab::new(1);
    let gone = std::net::Ipv4Addr::new(192, 168, 69, 3);
    lab.far.remove_address(FAR_V6.into()).unwrap();
    lab.far.add_address(sockstate::IpCidr::new(gone.into(), 24)).unwrap();
    lab.near.set_dns_servers(&[gone.into(), FAR.into()]).unwrap();
    let mut server = lab.far.udp().unwrap().bind((FAR, 53)).unwrap();
    let mut probe = lab.near.udp().unwrap().bind(9).unwrap();
    for host in [gone, FAR] {
        probe.send_to(b"", (host, 9).into()).unwrap();
        lab.run_for(Duration::from_secs(3));
    }
    let start = lab.clock.time();
    let mut resolving = lab.near.tcp().unwrap().connect_by_name("host.test", 80).unwrap();
    lab.block(|| {
        assert_eq!(resolving.poll(), Err(sockstate::nb::Error::WouldBlock));
        server.receive_from(&mut [0; 512])
    })
    .unwrap();
    assert!(lab.clock.time() - start < Duration::from_millis(10), "it waited");
}

/// That one packet was lost on its way says nothing of the server.
#[test]
fn a_question_that_is_lost_is_not_the_server_gone() {
    let lab = Lab::new(1);
    let mut wire = Wire::new(&lab);
    lab.near.set_dns_servers(&[FAR.into()]).unwrap();
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    assert_eq!(lookup.poll(), Err(sockstate::nb::Error::WouldBlock));
    let question = wire.only();
    wire.send(&report(11, 0, 0, &question));
    assert_eq!(lookup.poll(), Err(sockstate::nb::Error::WouldBlock));
    wire.send(&report(3, 3, 0, &question));
    assert_eq!(lookup.poll(), Err(Error::NameServerFailed.into()));
}
