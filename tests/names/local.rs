//! Names in `.local`: hosts of the link are asked, and one that is played by hand answers.
//!
//! The cable is one of IP packets, and its far end is in the test's hands: a stack would have to
//! join the groups that are asked.

use std::cell::RefCell;
use std::net::IpAddr;

use embedded_nal::Dns;
use sockstate::device::{Cable, Plug};
use sockstate::smoltcp::phy::ChecksumCapabilities;
use sockstate::smoltcp::wire::{
    IpAddress, IpProtocol, IpRepr, Ipv4Packet, Ipv6Packet, UdpPacket, UdpRepr,
};
use sockstate::testing::VirtualClock;
use sockstate::{AddrType, Config, Duration, Error, Net, Protocol, Stack, nb};

use super::ip;
use crate::common::name_server::{A, AAAA, NX_DOMAIN, Record, address, append, name};
use crate::common::slots;

const HOST: &str = "lamp.local";
const GROUPS: [&str; 2] = ["224.0.0.251", "ff02::fb"];
const MDNS: u16 = 5_353;

/// A question, and where it went.
#[derive(Clone, Debug)]
struct Question {
    to: IpAddr,
    to_port: u16,
    from: IpAddr,
    from_port: u16,
    kind: u16,
    at: u64,
    message: Vec<u8>,
}

/// An answer: from whom, from which port, and what.
type Answer = (IpAddr, u16, Vec<u8>);

struct Link {
    stack: Stack<Plug, VirtualClock>,
    wire: Plug,
    clock: VirtualClock,
    asked: RefCell<Vec<Question>>,
}

impl Link {
    fn new() -> Self {
        let clock = VirtualClock::new();
        let (plug, wire) = Cable::ip().plugs();
        let stack = Stack::new(slots(2, 2), plug, clock.clone(), Config::ip(1)).unwrap();
        stack.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
        stack.add_address("fd00::1/64".parse().unwrap()).unwrap();
        Link { stack, wire, clock, asked: RefCell::default() }
    }

    fn net(&self) -> &Net {
        self.stack.net()
    }

    /// Repeats a call until it no longer would block, while questions are answered as told.
    fn block<R, E>(
        &self,
        mut call: impl FnMut() -> nb::Result<R, E>,
        mut answer: impl FnMut(&Question) -> Vec<Answer>,
    ) -> Result<R, E> {
        loop {
            match call() {
                Ok(result) => return Ok(result),
                Err(nb::Error::Other(error)) => return Err(error),
                Err(nb::Error::WouldBlock) => {}
            }
            let mut moved = self.stack.poll().unwrap();
            while let Some(packet) = self.wire.clone().take(self.clock.time()) {
                let question = self.read(&packet);
                for answer in answer(&question) {
                    self.send(&question, answer);
                    moved = true;
                }
                self.asked.borrow_mut().push(question);
            }
            if !moved {
                let delay = self.stack.poll_delay().expect("it waits for something");
                self.clock.advance(delay.max(Duration::from_micros(1)));
            }
        }
    }

    fn read(&self, packet: &[u8]) -> Question {
        let (from, to, datagram): (IpAddr, IpAddr, _) = match packet[0] >> 4 {
            4 => {
                let ip = Ipv4Packet::new_checked(packet).unwrap();
                (ip.src_addr().into(), ip.dst_addr().into(), &packet[20..])
            }
            _ => {
                let ip = Ipv6Packet::new_checked(packet).unwrap();
                (ip.src_addr().into(), ip.dst_addr().into(), &packet[40..])
            }
        };
        let udp = UdpPacket::new_checked(datagram).unwrap();
        let message = udp.payload().to_vec();
        assert_eq!(message[2..12], [0, 0, 0, 1, 0, 0, 0, 0, 0, 0], "one question, no recursion");
        let kind = u16::from_be_bytes([message[message.len() - 4], message[message.len() - 3]]);
        assert_eq!(message[12..message.len() - 4], name(HOST));
        assert_eq!(message[message.len() - 2..], [0, 1], "of class IN");
        Question {
            to,
            to_port: udp.dst_port(),
            from,
            from_port: udp.src_port(),
            kind,
            at: self.clock.time().total_millis() as u64,
            message,
        }
    }

    fn send(&self, to: &Question, (from, src_port, message): Answer) {
        let checks = ChecksumCapabilities::default();
        let (src, dst) = (IpAddress::from(from), IpAddress::from(to.from));
        let ip = IpRepr::new(src, dst, IpProtocol::Udp, 8 + message.len(), 255);
        let mut packet = vec![0; ip.buffer_len()];
        ip.emit(&mut packet, &checks);
        UdpRepr { src_port, dst_port: to.from_port }.emit(
            &mut UdpPacket::new_unchecked(&mut packet[ip.header_len()..]),
            &src,
            &dst,
            message.len(),
            |payload| payload.copy_from_slice(&message),
            &checks,
        );
        self.wire.clone().inject(self.clock.time(), &packet);
    }
}

/// A host of the link.
fn lamp(question: &Question) -> IpAddr {
    ip(if question.from.is_ipv4() { "192.168.69.9" } else { "fd00::9" })
}

/// What a host says of itself: authoritative, and without recursion (RFC 6762 section 18).
fn says(question: &Question, code: u8, records: &[Record]) -> Vec<u8> {
    let mut message = question.message.clone();
    message[2] = 0x84;
    message[3] = code;
    append(&mut message, records);
    message
}

/// The answer of a host that has this address, and is silent about what it has not.
fn has(question: &Question, addr: &str) -> Vec<Answer> {
    if ip(addr).is_ipv4() != (question.kind == A) {
        return vec![];
    }
    vec![(lamp(question), MDNS, says(question, 0, &[address(HOST, addr)]))]
}

#[test]
fn a_host_of_the_link_is_found_without_a_server() {
    for (addr_type, kind, addr) in
        [(AddrType::Ipv4, A, "192.168.69.9"), (AddrType::Ipv6, AAAA, "fd00::9")]
    {
        let link = Link::new();
        let mut lookup = link.net().lookup(HOST, addr_type).unwrap();
        assert_eq!(link.block(|| lookup.poll(), |asked| has(asked, addr)), Ok(ip(addr)));
        let asked = link.asked.borrow();
        let groups: Vec<_> = asked.iter().map(|asked| asked.to).collect();
        assert_eq!(groups, GROUPS.map(ip), "by both versions");
        for asked in asked.iter() {
            assert_eq!((asked.kind, asked.to_port), (kind, MDNS));
            assert!(asked.from_port >= 49_152, "so that the answer comes to this port alone");
        }
        assert_eq!(link.net().free_slots(Protocol::Udp), Ok(2));
    }
}

#[test]
fn either_version_is_asked_for_at_once_as_hosts_say_nothing_of_what_they_have_not() {
    for addr in ["192.168.69.9", "fd00::9"] {
        let link = Link::new();
        let mut lookup = link.net().lookup(HOST, AddrType::Either).unwrap();
        assert_eq!(link.block(|| lookup.poll(), |asked| has(asked, addr)), Ok(ip(addr)));
        assert!(
            link.asked.borrow().iter().all(|question| question.at == link.asked.borrow()[0].at)
        );
    }
}

#[test]
fn only_the_versions_of_the_interface_are_used() {
    let link = Link::new();
    link.net().remove_address(ip("192.168.69.1")).unwrap();
    let mut lookup = link.net().lookup(HOST, AddrType::Either).unwrap();
    assert_eq!(link.block(|| lookup.poll(), |asked| has(asked, "fd00::9")), Ok(ip("fd00::9")));
    let asked = link.asked.borrow();
    assert!(asked.iter().all(|asked| asked.to == ip(GROUPS[1]) && asked.kind == AAAA));
    link.net().remove_address(ip("fd00::1")).unwrap();
    let lookup = link.net().lookup(HOST, AddrType::Either).map(drop);
    assert_eq!(lookup, Err(Error::NoAddress));
}

#[test]
fn a_link_local_host_may_answer() {
    let link = Link::new();
    let mut lookup = link.net().lookup(HOST, AddrType::Either).unwrap();
    let found = link.block(
        || lookup.poll(),
        |asked| {
            let answer = says(asked, 0, &[address(HOST, "fd00::9")]);
            let is_wanted = asked.from.is_ipv6() && asked.kind == AAAA;
            if is_wanted { vec![(ip("fe80::9"), MDNS, answer)] } else { vec![] }
        },
    );
    assert_eq!(found, Ok(ip("fd00::9")));
}

#[test]
fn the_question_is_repeated_with_growing_pauses_and_silence_has_an_end() {
    let link = Link::new();
    let mut lookup = link.net().lookup(HOST, AddrType::Ipv4).unwrap();
    assert_eq!(link.block(|| lookup.poll(), |_| vec![]), Err(Error::TimedOut));
    let asked = link.asked.borrow();
    let times: Vec<_> = asked.iter().map(|question| question.at - asked[0].at).collect();
    assert_eq!(times, [0, 0, 1_500, 1_500, 4_500, 4_500]);
}

#[test]
fn what_is_not_from_the_link_or_not_an_answer_is_passed_over() {
    let link = Link::new();
    let mut lookup = link.net().lookup(HOST, AddrType::Ipv4).unwrap();
    let found = link.block(
        || lookup.poll(),
        |asked| {
            if asked.from.is_ipv6() {
                return vec![];
            }
            let wrong = says(asked, 0, &[address(HOST, "10.6.6.6")]);
            let mut other_number = wrong.clone();
            other_number[0] ^= 1;
            vec![
                (ip("10.0.0.1"), MDNS, wrong.clone()),
                (ip("192.168.69.9"), 53, wrong),
                (ip("192.168.69.9"), MDNS, other_number),
                (ip("192.168.69.8"), MDNS, says(asked, NX_DOMAIN, &[])),
                (ip("192.168.69.8"), MDNS, says(asked, 2, &[])),
                (ip("192.168.69.9"), MDNS, says(asked, 0, &[address(HOST, "192.168.69.9")])),
            ]
        },
    );
    assert_eq!(found, Ok(ip("192.168.69.9")));
    assert_eq!(link.asked.borrow().len(), 2, "asked once by each version");
}

#[test]
fn servers_are_not_asked_for_names_of_the_link_nor_the_link_for_others() {
    let link = Link::new();
    link.net().set_dns_servers(&[ip("192.168.69.2")]).unwrap();
    let mut lookup = link.net().lookup("LAMP.Local.", AddrType::Ipv4).unwrap();
    assert_eq!(lookup.poll(), Err(nb::Error::WouldBlock));
    let destination = |packet: Vec<u8>| match packet[0] >> 4 {
        4 => IpAddr::from(Ipv4Packet::new_checked(&packet[..]).unwrap().dst_addr()),
        _ => IpAddr::from(Ipv6Packet::new_checked(&packet[..]).unwrap().dst_addr()),
    };
    let sent = || link.wire.clone().take(link.clock.time()).map(destination);
    assert_eq!([sent(), sent(), sent()], [Some(ip(GROUPS[0])), Some(ip(GROUPS[1])), None]);
    for host in ["lamp.locals", "local", "local.test", "xlocal"] {
        let mut lookup = link.net().lookup(host, AddrType::Ipv4).unwrap();
        assert_eq!(lookup.poll(), Err(nb::Error::WouldBlock));
        assert_eq!([sent(), sent()], [Some(ip("192.168.69.2")), None], "{host}");
    }
}

#[test]
fn sockets_connect_to_hosts_of_the_link() {
    let link = Link::new();
    let mut socket = link.net().tcp().unwrap().connect_by_name(HOST, 80).unwrap();
    link.block(|| socket.poll(), |asked| has(asked, "192.168.69.9")).unwrap();
    let Ok(connecting) = socket.finish() else { panic!("the address is known") };
    assert_eq!(connecting.remote_endpoint().unwrap(), "192.168.69.9:80".parse().unwrap());
    drop(connecting);

    let mut socket = link.net().udp().unwrap().connect_by_name(HOST, 80).unwrap();
    let both = |asked: &Question| [has(asked, "192.168.69.9"), has(asked, "fd00::9")].concat();
    link.block(|| socket.poll(), both).unwrap();
    let Ok(connected) = socket.finish() else { panic!("the address is known") };
    assert_eq!(connected.remote_endpoint().unwrap(), "[fd00::9]:80".parse().unwrap());
    assert_eq!(link.net().free_slots(Protocol::Udp), Ok(1));
}

#[test]
fn clients_of_embedded_nal_find_hosts_of_the_link() {
    let link = Link::new();
    let mut net = link.net();
    let found = link.block(
        || net.get_host_by_name(HOST, embedded_nal::AddrType::Either),
        |asked| has(asked, "fd00::9"),
    );
    assert_eq!(found, Ok(ip("fd00::9")));
}
