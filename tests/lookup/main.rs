//! Look-ups of names and addresses, against a name server that is played by hand.

mod bad_answers;
#[path = "../common/mod.rs"]
mod common;
mod servers;
mod together;

use std::collections::HashSet;
use std::net::IpAddr;

use common::name_server::{
    A, AAAA, Asked, NX_DOMAIN, PTR, Record, SERVER_FAILURE, Server, address, alias, name, pointer,
    reply,
};
use sockstate::testing::Lab;
use sockstate::{AddrType, Duration, Error, Heap, Lookup, NameLookup, Net, Protocol, nb};

const SLOTS: usize = 4;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

/// A lab whose near stack has four UDP slots and asks the far one.
fn lab() -> Lab {
    let heap = Heap { tcp: 1, udp: SLOTS, udp_buf: 2048, udp_packets: 4, ..Heap::default() };
    let lab = Lab::builder(7).near(heap).build();
    lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
    lab
}

fn free(net: &Net) -> usize {
    net.free_slots(Protocol::Udp).unwrap()
}

/// Asks until there is an answer, while the server answers as told.
fn ask(
    lab: &Lab,
    server: &Server<'_>,
    mut lookup: Lookup<'_, '_>,
    mut answer: impl FnMut(&Asked) -> Vec<Vec<u8>>,
) -> Result<IpAddr, Error> {
    lab.block(|| {
        server.step(lab, &mut answer);
        lookup.poll()
    })
}

/// As `ask`, for the name of a host by that name.
fn ask_for(
    lab: &Lab,
    host: &str,
    addr_type: AddrType,
    answer: impl FnMut(&Asked) -> Vec<Vec<u8>>,
) -> Result<IpAddr, Error> {
    let server = Server::new(&lab.far);
    let result = ask(lab, &server, lab.near.lookup(host, addr_type)?, answer);
    assert_eq!(free(&lab.near), SLOTS, "the slot is free again");
    result
}

/// Lets a look-up ask so many times, without an answer.
fn ask_in_vain(lab: &Lab, server: &Server<'_>, lookup: &mut Lookup<'_, '_>, times: usize) {
    while server.asked.borrow().len() < times {
        assert_eq!(lookup.poll(), Err(nb::Error::WouldBlock));
        lab.step();
        server.step(lab, |_| vec![]);
    }
}

#[test]
fn a_name_has_an_address_of_either_version() {
    let lab = lab();
    for (addr_type, kind, addr) in
        [(AddrType::Ipv4, A, "10.0.0.7"), (AddrType::Ipv6, AAAA, "fd00::7")]
    {
        let found = ask_for(&lab, "host.test", addr_type, |asked| {
            assert_eq!((asked.name.as_str(), asked.kind), ("host.test", kind));
            vec![reply(asked, 0, &[address("host.test", addr)])]
        });
        assert_eq!(found, Ok(ip(addr)));
    }
}

#[test]
fn either_version_is_ipv4_first_and_ipv6_if_there_is_none() {
    let lab = lab();
    let both = |asked: &Asked| {
        let addr = if asked.kind == A { "10.0.0.7" } else { "fd00::7" };
        vec![reply(asked, 0, &[address("host.test", addr)])]
    };
    assert_eq!(ask_for(&lab, "host.test", AddrType::Either, both), Ok(ip("10.0.0.7")));

    let only_v6 = |asked: &Asked| {
        let record = address("host.test", "fd00::7");
        let records = if asked.kind == A { vec![] } else { vec![record] };
        vec![reply(asked, 0, &records)]
    };
    assert_eq!(ask_for(&lab, "host.test", AddrType::Either, only_v6), Ok(ip("fd00::7")));

    let none = |asked: &Asked| vec![reply(asked, 0, &[])];
    let found = ask_for(&lab, "host.test", AddrType::Either, none);
    assert_eq!(found, Err(Error::NameNotFound));
}

#[test]
fn all_addresses_come_in_the_order_of_the_answer_each_once_and_four_at_most() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let hosts = [9, 7, 9, 8, 6, 5];
    let mut lookup = lab.near.lookup("host.test", AddrType::Either).unwrap();
    let found = lab.block(|| {
        server.step(&lab, |asked| {
            let records = hosts.map(|host| address("host.test", &format!("10.0.0.{host}")));
            vec![reply(asked, 0, &records)]
        });
        lookup.poll_all()
    });
    let expected = [9, 7, 8, 6].map(|host| IpAddr::from([10, 0, 0, host]));
    assert_eq!(found.as_deref(), Ok(&expected[..]));
    assert_eq!(lookup.poll(), Ok(expected[0]));
    assert_eq!(lookup.wait_all().as_deref(), Ok(&expected[..]));
}

#[test]
fn either_version_is_one_that_the_interface_has() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("fd00::2")]).unwrap();
    lab.near.remove_address(ip("192.168.69.1")).unwrap();
    let found = ask_for(&lab, "host.test", AddrType::Either, |asked| {
        assert_eq!(asked.kind, AAAA);
        vec![reply(asked, 0, &[address("host.test", "fd00::7")])]
    });
    assert_eq!(found, Ok(ip("fd00::7")));
}

#[test]
fn the_text_of_an_address_is_its_own_answer() {
    let lab = Lab::new(7);
    let before = free(&lab.near);
    for text in ["127.0.0.1", "fd00::9", "fd00::a", "::", "::abcd"] {
        let mut lookup = lab.near.lookup(text, AddrType::Either).unwrap();
        assert_eq!(free(&lab.near), before, "without a slot");
        assert_eq!(lookup.poll(), Ok(ip(text)), "without a server");
        assert_eq!(lookup.poll(), Ok(ip(text)), "for good");
    }
    let other = lab.near.lookup("127.0.0.1", AddrType::Ipv6).map(drop);
    assert_eq!(other, Err(Error::AddressFamily));
}

#[test]
fn aliases_are_followed_in_any_order_and_upper_case_is_lower_case() {
    let lab = lab();
    let found = ask_for(&lab, "www.Example.test.", AddrType::Ipv4, |asked| {
        assert_eq!(asked.name, "www.Example.test");
        let records = [
            address("host", "10.0.0.1"),
            address("host.example", "10.0.0.1"),
            address("HOST.example.test", "10.0.0.9"),
            alias("web.example.test", "host.example.test"),
            address("other.example.test", "10.0.0.1"),
            alias("WWW.example.test", "Web.example.test"),
        ];
        vec![reply(asked, 0, &records)]
    });
    assert_eq!(found, Ok(ip("10.0.0.9")));
}

#[test]
fn a_chain_of_eight_aliases_is_followed_to_its_end_and_none_of_nine() {
    let lab = lab();
    for (length, expected) in [(8, Ok(ip("10.0.0.7"))), (9, Err(Error::NameNotFound))] {
        let found = ask_for(&lab, "0.test", AddrType::Ipv4, |asked| {
            let aliases =
                (0..length).map(|n| alias(&format!("{n}.test"), &format!("{}.test", n + 1)));
            let last = address(&format!("{length}.test"), "10.0.0.7");
            vec![reply(asked, 0, &aliases.chain([last]).collect::<Vec<_>>())]
        });
        assert_eq!(found, expected, "{length} aliases");
    }
}

#[test]
fn a_circle_of_aliases_has_an_end() {
    let lab = lab();
    let found = ask_for(&lab, "a.test", AddrType::Ipv4, |asked| {
        vec![reply(asked, 0, &[alias("a.test", "b.test"), alias("b.test", "a.test")])]
    });
    assert_eq!(found, Err(Error::NameNotFound));
}

#[test]
fn an_unknown_name_is_an_error_that_stays() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut lookup = lab.near.lookup("nobody.test", AddrType::Either).unwrap();
    let found = lab.block(|| {
        server.step(&lab, |asked| vec![reply(asked, NX_DOMAIN, &[])]);
        lookup.poll()
    });
    assert_eq!(found, Err(Error::NameNotFound));
    assert_eq!(server.asked.borrow().len(), 1, "no other kind of address of no host");
    assert_eq!(lookup.poll(), Err(nb::Error::Other(Error::NameNotFound)));
    assert_eq!(free(&lab.near), SLOTS, "and the slot is free, though the look-up is held");
}

#[test]
fn a_late_answer_to_an_earlier_question_is_one() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    ask_in_vain(&lab, &server, &mut lookup, 2);
    let first = server.asked.borrow()[0].clone();
    server.send(&reply(&first, 0, &[address("host.test", "10.0.0.7")]), first.from);
    assert_eq!(lab.block(|| lookup.poll()), Ok(ip("10.0.0.7")));
}

#[test]
fn each_look_up_has_a_number_and_a_port_of_its_own() {
    let lab = lab();
    let server = Server::new(&lab.far);
    for _ in 0..100 {
        let lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
        ask(&lab, &server, lookup, |asked| vec![reply(asked, NX_DOMAIN, &[])]).unwrap_err();
    }
    let asked = server.asked.borrow();
    let ids: HashSet<_> = asked.iter().map(|asked| asked.id).collect();
    let ports: HashSet<_> = asked.iter().map(|asked| asked.from.port()).collect();
    assert!(ids.len() > 95 && ports.len() > 90, "{} and {}", ids.len(), ports.len());
    assert!(ports.iter().all(|port| *port >= 49_152));
}

#[test]
fn the_second_kind_of_address_is_asked_for_from_the_start() {
    let lab = lab();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    let server = Server::new(&lab.far);
    let lookup = lab.near.lookup("host.test", AddrType::Either).unwrap();
    let found = ask(&lab, &server, lookup, |asked| match (asked.kind, asked.from.is_ipv4()) {
        (A, true) => vec![reply(asked, SERVER_FAILURE, &[])],
        (A, false) => vec![reply(asked, 0, &[])],
        // Of those for the other kind, the first question is lost.
        _ if server.asked.borrow().iter().any(|before| before.kind == AAAA) => {
            vec![reply(asked, 0, &[address("host.test", "fd00::7")])]
        }
        _ => vec![],
    });
    assert_eq!(found, Ok(ip("fd00::7")));
    let asked = server.asked.borrow();
    let second: Vec<_> = asked.iter().filter(|asked| asked.kind == AAAA).collect();
    assert!(second[0].from.is_ipv4(), "the first server may know, whatever it knew before");
    assert_eq!((second[1].at - second[0].at).total_millis(), 1_500, "with the first pause");
}

#[test]
fn both_kinds_of_address_have_one_time_limit() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let start = lab.clock.time();
    let lookup = lab.near.lookup("host.test", AddrType::Either).unwrap();
    let found = ask(&lab, &server, lookup, |asked| {
        if asked.kind == A { vec![reply(asked, 0, &[])] } else { vec![] }
    });
    assert_eq!(found, Err(Error::TimedOut));
    assert_eq!((lab.clock.time() - start).secs(), 10);
}

#[test]
fn the_time_limit_is_adjustable() {
    for limit in [Some(Duration::from_millis(2_500)), None] {
        let lab = Lab::builder(7).configure_near(|c| c.deadlines.lookup = limit).build();
        lab.near.set_dns_servers(&[ip("192.168.69.2")]).unwrap();
        let server = Server::new(&lab.far);
        let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
        let start = lab.clock.time();
        let found = lab.block(|| {
            server.step(&lab, |_| vec![]);
            if server.asked.borrow().len() == 100 { Ok(None) } else { lookup.poll().map(Some) }
        });
        match limit {
            Some(limit) => {
                assert_eq!(found, Err(Error::TimedOut));
                assert_eq!(lab.clock.time() - start, limit);
            }
            None => {
                assert_eq!(found, Ok(None), "it asks for ever");
                let first = [0, 1_500, 4_500, 10_500, 22_500, 34_500, 46_500];
                assert_eq!(server.times()[..7], first);
            }
        }
    }
}

#[test]
fn what_cannot_be_asked_is_an_error_at_once() {
    let lab = Lab::new(7);
    let before = free(&lab.near);
    let without_server = lab.near.lookup("host.test", AddrType::Either).map(drop);
    assert_eq!(without_server, Err(Error::NoNameServer));

    let servers = [2, 3, 4, 5].map(|host| IpAddr::from([192, 168, 69, host]));
    assert_eq!(lab.near.set_dns_servers(&servers), Err(Error::OutOfNameServers));
    let multicast = lab.near.set_dns_servers(&[ip("224.0.0.251")]);
    assert_eq!(multicast, Err(Error::Unaddressable));
    lab.near.set_dns_servers(&servers[..3]).unwrap();

    let long_label = "x".repeat(64);
    let long_name = ["x".repeat(63).as_str(); 4].join(".");
    for host in
        ["", ".", "..", "a..b", ".a", "a b", "a\0b", "m\u{fc}nchen.test", "[fd00::1]", "http://a"]
    {
        assert_eq!(lab.near.lookup(host, AddrType::Ipv4).map(drop), Err(Error::InvalidName));
    }
    for host in [&long_label, &long_name] {
        assert_eq!(lab.near.lookup(host, AddrType::Ipv4).map(drop), Err(Error::InvalidName));
    }
    // 253 bytes are the most.
    let longest = &long_name[..253];
    assert_eq!(lab.near.lookup(longest, AddrType::Ipv4).map(drop), Ok(()));
    assert_eq!(free(&lab.near), before);
}

#[test]
fn a_dropped_look_up_frees_its_slot_and_a_missing_slot_is_an_error() {
    let lab = lab();
    let lookups: Vec<_> = ["a", "b", "c", "d"]
        .iter()
        .map(|host| lab.near.lookup(host, AddrType::Ipv4).unwrap())
        .collect();
    let fifth = lab.near.lookup("e", AddrType::Ipv4).map(drop);
    assert_eq!(fifth, Err(Error::OutOfSlots(Protocol::Udp)));
    drop(lookups);
    assert_eq!(free(&lab.near), SLOTS);
}

#[test]
fn look_ups_at_the_same_time_get_their_own_answers() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let hosts = ["a.test", "b.test", "c.test"];
    let mut lookups: Vec<_> =
        hosts.iter().map(|host| lab.near.lookup(host, AddrType::Ipv4).unwrap()).collect();
    lab.run_for(Duration::from_millis(10));
    let mut waiting = Vec::new();
    server.step(&lab, |asked| {
        waiting.push(asked.clone());
        vec![]
    });
    assert_eq!(waiting.len(), 3);
    let mut socket = lab.far.udp().unwrap().bind(54).unwrap();
    let answer = |asked: &Asked| {
        let addr = format!("10.0.0.{}", asked.name.as_bytes()[0]);
        reply(asked, 0, &[address(&asked.name, &addr)])
    };
    // From another port it is no answer.
    for asked in &waiting {
        socket.send_to(&answer(asked), asked.from).unwrap();
    }
    lab.run_for(Duration::from_millis(10));
    assert!(lookups.iter_mut().all(|lookup| lookup.poll() == Err(nb::Error::WouldBlock)));
    // In the opposite order.
    for asked in waiting.iter().rev() {
        server.send(&answer(asked), asked.from);
    }
    lab.run_for(Duration::from_millis(10));
    for (lookup, host) in lookups.iter_mut().zip(hosts) {
        assert_eq!(lookup.poll(), Ok(ip(&format!("10.0.0.{}", host.as_bytes()[0]))));
    }
    assert_eq!(server.asked.borrow().len(), 3);
}

#[test]
fn the_end_of_the_link_ends_a_look_up() {
    let lab = lab();
    let mut lookup = lab.near.lookup("host.test", AddrType::Ipv4).unwrap();
    lab.near.link_down().unwrap();
    assert_eq!(lookup.poll(), Err(nb::Error::Other(Error::LinkDown)));
    let another = lab.near.lookup("host.test", AddrType::Ipv4).map(drop);
    assert_eq!(another, Err(Error::LinkDown));
    assert_eq!(free(&lab.near), SLOTS);
}

fn name_of(lab: &Lab, addr: &str, target: &[u8]) -> Result<String, Error> {
    let server = Server::new(&lab.far);
    let mut lookup: NameLookup<'_> = lab.near.lookup_name(ip(addr)).unwrap();
    let name = lab.block(|| {
        server.step(lab, |asked| {
            assert_eq!(asked.kind, PTR);
            let mut record = pointer(&asked.name, "");
            record.data = target.to_vec();
            vec![reply(asked, 0, &[record])]
        });
        lookup.poll()
    });
    let question = server.asked.borrow()[0].name.clone();
    let expected = match ip(addr) {
        IpAddr::V4(_) => "7.0.0.10.in-addr.arpa".to_owned(),
        IpAddr::V6(_) => "7".to_owned() + &".0".repeat(27) + ".0.0.d.f.ip6.arpa",
    };
    assert_eq!(question, expected);
    assert_eq!(free(&lab.near), SLOTS);
    name.map(|name| name.to_string())
}

#[test]
fn an_address_has_a_name_in_either_version() {
    let lab = lab();
    for addr in ["10.0.0.7", "fd00::7"] {
        assert_eq!(name_of(&lab, addr, &name("host.test")), Ok("host.test".into()));
    }
}

#[test]
fn a_name_is_waited_for() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let silence = lab.near.lookup_name(ip("10.0.0.7")).unwrap().wait();
    assert_eq!(silence.err(), Some(Error::TimedOut));
    let found = lab.near.lookup_name(ip("10.0.0.7")).unwrap().wait_with(|_| {
        server.step(&lab, |asked| vec![reply(asked, 0, &[pointer(&asked.name, "host.test")])]);
        lab.step();
    });
    assert_eq!(found.map(|name| name.to_string()), Ok("host.test".into()));
}

#[test]
fn what_is_no_name_of_a_host_is_none() {
    let lab = lab();
    for target in
        [&b"\0"[..], b"\x03a.b\0", b"\x03a/b\0", b"\x02\x1b[\0", b"\x01\xff\0", b"\x05ab\0"]
    {
        assert_eq!(name_of(&lab, "10.0.0.7", target), Err(Error::NameNotFound), "{target:?}");
    }
}
