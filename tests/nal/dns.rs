//! `Dns`.

use embedded_nal::{AddrType, Dns};
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Heap, Net, Protocol, nb};

use crate::common::name_server::{A, NX_DOMAIN, Server, address, pointer, reply};

const SLOTS: usize = 3;

fn lab() -> Lab {
    let heap = Heap { tcp: 1, udp: SLOTS, udp_buf: 2048, udp_packets: 4, ..Heap::default() };
    let lab = Lab::builder(3).near(heap).build();
    lab.near.set_dns_servers(&["192.168.69.2".parse().unwrap()]).unwrap();
    lab
}

fn free(net: &Net) -> usize {
    net.free_slots(Protocol::Udp).unwrap()
}

/// Repeats a call of the near stack, while the server answers and the time goes on.
fn block<R, E>(
    lab: &Lab,
    server: &Server<'_>,
    mut call: impl FnMut() -> nb::Result<R, E>,
) -> Result<R, E> {
    crate::block(lab, || {
        server.step(lab, |asked| {
            let records = match asked.name.as_str() {
                "both.test" if asked.kind == A => vec![address("both.test", "10.0.0.7")],
                "both.test" => vec![address("both.test", "fd00::7")],
                "7.0.0.10.in-addr.arpa" => vec![pointer("7.0.0.10.in-addr.arpa", "host.test")],
                "silent.test" => return vec![],
                _ => return vec![reply(asked, NX_DOMAIN, &[])],
            };
            vec![reply(asked, 0, &records)]
        });
        call()
    })
}

#[test]
fn names_have_addresses_of_the_kind_that_is_asked_for() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut net: &Net = &lab.near;
    for (kind, expected) in
        [(AddrType::IPv4, "10.0.0.7"), (AddrType::IPv6, "fd00::7"), (AddrType::Either, "10.0.0.7")]
    {
        let found = block(&lab, &server, || net.get_host_by_name("both.test", kind.clone()));
        assert_eq!(found, Ok(expected.parse().unwrap()));
    }
    let found = block(&lab, &server, || net.get_host_by_name("nobody.test", AddrType::Either));
    assert_eq!(found, Err(Error::NameNotFound));
    assert_eq!(free(net), SLOTS);
    let known = net.get_host_by_name("127.0.0.1", AddrType::Either);
    assert_eq!(known, Ok("127.0.0.1".parse().unwrap()));
    let other = net.get_host_by_name("127.0.0.1", AddrType::IPv6);
    assert_eq!(other, Err(nb::Error::Other(Error::AddressFamily)));
}

#[test]
fn two_clients_look_up_at_the_same_time() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let (mut one, mut two): (&Net, &Net) = (&lab.near, &lab.near);
    let (mut first, mut second, mut third) = (None, None, None);
    block(&lab, &server, || {
        first = first.or_else(|| one.get_host_by_name("both.test", AddrType::IPv4).ok());
        second = second.or_else(|| two.get_host_by_name("both.test", AddrType::IPv6).ok());
        // The same question as the first client's: whichever takes the answer, both get one.
        third = third.or_else(|| two.get_host_by_name("both.test", AddrType::IPv4).ok());
        let all = first.is_some() && second.is_some() && third.is_some();
        if all { Ok::<_, nb::Error<()>>(()) } else { Err(nb::Error::WouldBlock) }
    })
    .unwrap();
    assert_eq!(first, third);
    assert_eq!(second, Some("fd00::7".parse().unwrap()));
    assert_eq!(free(one), SLOTS);
}

#[test]
fn abandoned_look_ups_do_not_exhaust_the_stack() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut net: &Net = &lab.near;
    for number in 0..50 {
        let name = format!("{number}.test");
        let abandoned = net.get_host_by_name(&name, AddrType::IPv4);
        assert_eq!(abandoned, Err(nb::Error::WouldBlock));
    }
    // One that is asked for gets its turn.
    let found = block(&lab, &server, || net.get_host_by_name("both.test", AddrType::IPv4));
    assert_eq!(found, Ok("10.0.0.7".parse().unwrap()));
    // And the slots come back without anybody asking.
    lab.run_for(Duration::from_secs(12));
    assert_eq!(free(net), SLOTS);
}

/// One slot, and two that ask for it in turn: neither takes it from the other.
#[test]
fn two_clients_and_one_slot_come_to_an_end() {
    for name in ["silent.test", "both.test"] {
        let heap = Heap { tcp: 1, udp: 1, ..Heap::default() };
        let lab = Lab::builder(3).near(heap).build();
        lab.near.set_dns_servers(&["192.168.69.2".parse().unwrap()]).unwrap();
        let server = Server::new(&lab.far);
        let mut net: &Net = &lab.near;
        let kinds = [AddrType::IPv4, AddrType::IPv6];
        let mut ends = [None, None];
        let start = lab.clock.time();
        block(&lab, &server, || {
            lab.run_for(Duration::from_millis(7));
            for (kind, end) in kinds.iter().zip(&mut ends) {
                if end.is_none() {
                    match net.get_host_by_name(name, kind.clone()) {
                        Err(nb::Error::WouldBlock) => {}
                        found => *end = Some((found.is_ok(), lab.clock.time() - start)),
                    }
                }
            }
            if ends.iter().all(Option::is_some) {
                Ok::<_, nb::Error<()>>(())
            } else {
                Err(nb::Error::WouldBlock)
            }
        })
        .unwrap();
        let mut ends = ends.map(Option::unwrap);
        ends.sort_by_key(|(_, time)| *time);
        let [first, second] = ends.map(|(found, time)| (found, time.secs()));
        match name {
            "silent.test" => assert_eq!((first, second), ((false, 10), (false, 20))),
            _ => assert_eq!((first, second), ((true, 0), (true, 0))),
        }
    }
}

/// Who sleeps as long as the stack says wakes up when the slot may be taken.
#[test]
fn a_slot_of_an_abandoned_look_up_is_had_in_time() {
    let heap = Heap { tcp: 1, udp: 1, ..Heap::default() };
    let lab = Lab::builder(3).near(heap).build();
    lab.near.set_dns_servers(&["192.168.69.2".parse().unwrap()]).unwrap();
    let server = Server::new(&lab.far);
    let mut net: &Net = &lab.near;
    assert_eq!(net.get_host_by_name("a.test", AddrType::IPv4), Err(nb::Error::WouldBlock));
    let start = lab.clock.time();
    let sleep = |delay: Option<Duration>| {
        server.step(&lab, |asked| vec![reply(asked, 0, &[address("b.test", "10.0.0.7")])]);
        let arrival = lab.cable.next_arrival().map(|at| at - lab.clock.time().min(at));
        lab.clock.advance(delay.into_iter().chain(arrival).min().unwrap());
    };
    let found = lab.near.block_with(sleep, || net.get_host_by_name("b.test", AddrType::IPv4));
    assert_eq!(found, Ok("10.0.0.7".parse().unwrap()));
    assert_eq!((lab.clock.time() - start).total_millis(), 2_500);
}

#[test]
fn what_cannot_be_asked_takes_nobodys_slot() {
    let lab = lab();
    let mut net: &Net = &lab.near;
    for name in ["a.test", "b.test", "c.test"] {
        assert_eq!(net.get_host_by_name(name, AddrType::IPv4), Err(nb::Error::WouldBlock));
    }
    lab.run_for(Duration::from_secs(5));
    let invalid = net.get_host_by_name("a..test", AddrType::IPv4);
    assert_eq!(invalid, Err(nb::Error::Other(Error::InvalidName)));
    assert_eq!(free(net), 0);
}

#[test]
fn a_slot_of_an_abandoned_look_up_is_there_for_a_socket() {
    let lab = lab();
    let mut net: &Net = &lab.near;
    for name in ["a.test", "b.test", "c.test"] {
        assert_eq!(net.get_host_by_name(name, AddrType::IPv4), Err(nb::Error::WouldBlock));
    }
    // They are asked for again a second and a half later, and have a second to do so.
    lab.run_for(Duration::from_millis(2_400));
    assert_eq!(net.udp().map(drop), Err(Error::OutOfSlots(Protocol::Udp)));
    lab.run_for(Duration::from_millis(200));
    let socket = net.udp().unwrap();
    // Held by sockets, there is none for a look-up.
    let others = [net.udp().unwrap(), net.udp().unwrap()];
    let none = net.get_host_by_name("d.test", AddrType::IPv4);
    assert_eq!(none, Err(nb::Error::Other(Error::OutOfSlots(Protocol::Udp))));
    drop((socket, others));
    assert_eq!(free(net), SLOTS);
}

#[test]
fn a_silent_server_is_given_up_and_its_slot_is_free() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut net: &Net = &lab.near;
    let start = lab.clock.time();
    let found = block(&lab, &server, || net.get_host_by_name("silent.test", AddrType::IPv4));
    assert_eq!(found, Err(Error::TimedOut));
    assert_eq!((lab.clock.time() - start).secs(), 10);
    assert_eq!(server.times(), [0, 1_500, 4_500]);
    assert_eq!(free(net), SLOTS);
}

#[test]
fn the_link_takes_look_ups_with_it() {
    let lab = lab();
    let mut net: &Net = &lab.near;
    assert_eq!(net.get_host_by_name("a.test", AddrType::IPv4), Err(nb::Error::WouldBlock));
    net.link_down().unwrap();
    assert_eq!(free(net), SLOTS);
    let down = net.get_host_by_name("a.test", AddrType::IPv4);
    assert_eq!(down, Err(nb::Error::Other(Error::LinkDown)));
}

#[test]
fn addresses_have_names() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut net: &Net = &lab.near;
    let addr = "10.0.0.7".parse().unwrap();
    for size in 0..12 {
        let mut name = [0xaa; 255];
        let found = block(&lab, &server, || net.get_host_by_address(addr, &mut name[..size]));
        let expected = if size < 9 { Err(Error::Truncated(9)) } else { Ok(9) };
        assert_eq!(found, expected);
        assert_eq!(&name[..size.min(9)], &b"host.test"[..size.min(9)]);
        assert!(name[size.min(9)..].iter().all(|byte| *byte == 0xaa), "no more is written");
    }
    let nobody = "10.0.0.8".parse().unwrap();
    let found = block(&lab, &server, || net.get_host_by_address(nobody, &mut [0; 255]));
    assert_eq!(found, Err(Error::NameNotFound));
    assert_eq!(free(net), SLOTS);
}

#[test]
fn without_a_server_there_is_an_error() {
    let lab = Lab::new(1);
    let mut net: &Net = &lab.near;
    let before = free(net);
    let found = net.get_host_by_name("host.test", AddrType::IPv4);
    assert_eq!(found, Err(nb::Error::Other(Error::NoNameServer)));
    let found = net.get_host_by_address("10.0.0.7".parse().unwrap(), &mut [0; 255]);
    assert_eq!(found, Err(nb::Error::Other(Error::NoNameServer)));
    assert_eq!(free(net), before);
}

/// Each question has a slot of its own, and the same one in another case has the same.
#[test]
fn questions_are_told_apart_by_name_and_kind() {
    use AddrType::{Either, IPv4, IPv6};
    const REVERSE: &str = "7.0.0.10.in-addr.arpa";
    let cases = [
        (vec![("a.test", IPv4), ("b.test", IPv4), ("c.test", IPv4), ("e.test", IPv4)], 4),
        (vec![("aaaaaaaa.test", IPv4), ("bbbbbbbb.test", IPv4), ("xbbbbbbb.test", IPv4)], 3),
        (vec![("a.test", IPv4), ("a.test", IPv6), ("a.test", Either)], 3),
        (vec![("A.test", IPv4), ("a.test", IPv4), ("a.TEST", IPv4)], 1),
        (vec![("LongNames.test", IPv4), ("longnames.test", IPv4)], 1),
        (vec![(REVERSE, IPv4), (REVERSE, IPv6), (REVERSE, Either)], 3),
    ];
    for (seed, (questions, count)) in (0..8).flat_map(|seed| cases.iter().map(move |c| (seed, c))) {
        let heap = Heap { tcp: 1, udp: 8, ..Heap::default() };
        let lab = Lab::builder(seed).near(heap).build();
        lab.near.set_dns_servers(&["192.168.69.2".parse().unwrap()]).unwrap();
        let mut net: &Net = &lab.near;
        for (name, kind) in questions {
            assert_eq!(net.get_host_by_name(name, kind.clone()), Err(nb::Error::WouldBlock));
        }
        assert_eq!(free(net), 8 - count, "seed {seed}: {questions:?}");
        // None of these is the name of an address.
        let found = net.get_host_by_address("10.0.0.7".parse().unwrap(), &mut [0; 255]);
        assert_eq!(found, Err(nb::Error::WouldBlock));
        assert_eq!(free(net), 8 - count - 1, "seed {seed}: {questions:?}");
    }
}

/// RFC 1035 section 2.3.4, though there would be room for it.
#[test]
fn a_name_of_more_than_253_bytes_is_none() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut net: &Net = &lab.near;
    for (last, expected) in [(61, Ok(253)), (62, Err(Error::NameNotFound))] {
        let long = [63, 63, 63, last].map(|len| "x".repeat(len)).join(".");
        let found = crate::block(&lab, || {
            server.step(&lab, |asked| vec![reply(asked, 0, &[pointer(&asked.name, &long)])]);
            net.get_host_by_address("10.0.0.7".parse().unwrap(), &mut [0; 255])
        });
        assert_eq!(found, expected);
    }
}

/// A question that nobody asks any more gives its slot up for what needs one, and for nothing else.
#[test]
fn a_question_that_was_given_up_is_no_room_for_other_protocols() {
    let lab = Lab::builder(3).near(Heap { icmp: 1, udp: 1, ..Heap::default() }).build();
    lab.near.set_dns_servers(&["192.168.69.2".parse().unwrap()]).unwrap();
    let _silent = Server::new(&lab.far);
    let mut net: &Net = &lab.near;
    assert_eq!(net.get_host_by_name("a.test", AddrType::IPv4), Err(nb::Error::WouldBlock));
    lab.run_for(Duration::from_secs(8));
    let held = lab.near.icmp().unwrap();
    assert_eq!(lab.near.icmp().err(), Some(Error::OutOfSlots(Protocol::Icmp)));
    assert!(lab.near.udp().is_ok());
    drop(held);
}
