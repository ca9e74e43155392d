//! Answers of name servers, hosts, routers and DHCP servers to what the stack has asked them.

use std::net::IpAddr;

use sockstate::state::Resolving;
use sockstate::{
    AddrType, AnyTcpSocket, Dhcp, Duration, Error, IcmpSocket, Lookup, NameLookup, Net, TcpSocket,
    UdpSocket, Unfinished, nb, state,
};

use crate::bench::{Bench, host_v4, host_v6};
use crate::dice::Dice;
use crate::dns::{self, A, AAAA, PTR};
use crate::grammar::{self, mac_from};
use crate::packet;
use crate::peer::Peer;
use crate::{control, dhcp};

const HOSTS: [&str; 4] = ["a.example", "b.c", "Printer.local", "x.a.example"];

/// The most actions of one run.
const ACTIONS: usize = 60;

/// The most look-ups at a time.
const LOOKUPS: usize = 3;

enum Ask<'n> {
    Addr(&'static str, AddrType, Lookup<'n, 'static>),
    Name(IpAddr, NameLookup<'n>),
    Connect(&'static str, TcpSocket<'n, Resolving<'static>>),
}

/// Sockets that answers are about, beside the look-ups.
struct Others<'n> {
    connecting: AnyTcpSocket<'n>,
    udp: Option<UdpSocket<'n, state::Connected>>,
    ping: Option<IcmpSocket<'n, state::Bound>>,
    dhcp: Option<Dhcp<'n>>,
}

/// Answers, as the bytes say. The first chooses what the stack asks for on its own.
///
/// # Panics
///
/// If a look-up finds what nobody has said, or the stack cannot stop.
pub fn answers(data: &[u8]) {
    let mut dice = Dice::new(data);
    let setup = dice.byte();
    let (bench, mut peer) = Bench::new(setup & 1 != 0, u64::from(setup >> 4), |_| {});
    peer.neighbors_answer = setup & 2 == 0;
    let net = bench.stack.net();
    let mut others = Others { connecting: AnyTcpSocket::Idle, udp: None, ping: None, dhcp: None };
    if setup & 4 != 0 {
        others.dhcp = net.dhcp().ok();
    }
    let mut asks = Vec::new();
    for _ in 0..ACTIONS {
        if dice.are_used_up() {
            break;
        }
        match dice.below(16) {
            0 | 1 => asks.extend(ask(&mut dice, net, asks.len())),
            2 => others.begin(&mut dice, net),
            3 => {
                let millis = dice.pick(&[1, 100, 1_000, 1_600, 4_000, 11_000, 40_000]);
                bench.run_for(Duration::from_millis(millis), &mut peer);
            }
            _ => say(&mut dice, &mut peer),
        }
        bench.settle(&mut peer);
        asks = asks.into_iter().filter_map(|ask| ask.go_on(&peer)).collect();
        others.go_on();
        bench.settle(&mut peer);
    }
}

fn ask<'n>(dice: &mut Dice<'_>, net: &'n Net, asked: usize) -> Option<Ask<'n>> {
    let host = dice.pick(&HOSTS);
    let kind = dice.pick(&[AddrType::Ipv4, AddrType::Ipv6, AddrType::Either]);
    if asked >= LOOKUPS {
        return None;
    }
    match dice.below(4) {
        0 | 1 => Some(Ask::Addr(host, kind, net.lookup(host, kind).ok()?)),
        2 => {
            let addr = dice.pick(&[host_v4(0), host_v6(2)]);
            Some(Ask::Name(addr, net.lookup_name(addr).ok()?))
        }
        _ => Some(Ask::Connect(host, net.tcp().ok()?.connect_by_name(host, 7).ok()?)),
    }
}

fn say(dice: &mut Dice<'_>, peer: &mut Peer) {
    let message = match dice.below(16) {
        0..=8 => dns::answer(dice, peer),
        9 | 10 => control::error(dice, peer),
        11 => control::redirect(dice, peer),
        12 => control::echo(dice, peer),
        13 => {
            let frame = control::advertisement(dice);
            return peer.say(&frame);
        }
        14 => {
            let frame = dhcp::answer(dice, peer);
            return frame.iter().for_each(|frame| peer.say(frame));
        }
        _ => return grammar::say(dice, peer),
    };
    let Some((ends, protocol, message)) = message else { return };
    let packet = packet::ip(ends, protocol, 255, false, &message);
    let mut frame = packet::ethernet(crate::bench::OWN_MAC, mac_from(ends.0), &packet);
    if dice.one_in(16) {
        grammar::damage(dice, &mut frame);
    }
    peer.say(&frame);
}

impl<'n> Ask<'n> {
    /// Nothing once it is over.
    fn go_on(self, peer: &Peer) -> Option<Ask<'n>> {
        match self {
            Ask::Addr(host, kind, mut lookup) => match lookup.poll_all() {
                Ok(addrs) => check_addrs(peer, host, kind, &addrs),
                Err(nb::Error::WouldBlock) => return Some(Ask::Addr(host, kind, lookup)),
                Err(nb::Error::Other(error)) => check_error(peer, host, &[A, AAAA], error),
            },
            Ask::Name(addr, mut lookup) => match lookup.poll() {
                Ok(name) => {
                    let said = dns::said_of(peer, &filed_name(addr), &[PTR]).names;
                    assert!(said.contains(&name.to_ascii_lowercase()), "{name} of {said:?}");
                }
                Err(nb::Error::WouldBlock) => return Some(Ask::Name(addr, lookup)),
                Err(nb::Error::Other(error)) => check_error(peer, &filed_name(addr), &[PTR], error),
            },
            Ask::Connect(host, socket) => match socket.finish() {
                Ok(connecting) => {
                    if let Ok(remote) = connecting.remote_endpoint() {
                        check_addrs(peer, host, AddrType::Either, &[remote.ip()]);
                    }
                }
                Err(Unfinished::Pending(socket)) => return Some(Ask::Connect(host, socket)),
                Err(Unfinished::Failed(failed)) => {
                    check_error(peer, host, &[A, AAAA], failed.error())
                }
            },
        }
        None
    }
}

fn check_addrs(peer: &Peer, host: &str, kind: AddrType, found: &[IpAddr]) {
    let kinds: &[u16] = match kind {
        AddrType::Ipv4 => &[A],
        AddrType::Ipv6 => &[AAAA],
        AddrType::Either => &[A, AAAA],
    };
    let said = dns::said_of(peer, host, kinds).addrs;
    assert!(!found.is_empty());
    if !found.iter().all(|addr| said.contains(addr)) {
        eprintln!("Q {:02x?}\nS {:02x?}", peer.questions, peer.said);
    }
    assert!(found.iter().all(|addr| said.contains(addr)), "{host}: {found:?} of {said:?}");
}

/// That there is no such name has to be said by somebody who was asked.
fn check_error(peer: &Peer, host: &str, kinds: &[u16], error: Error) {
    let was_said = error != Error::NameNotFound || dns::said_of(peer, host, kinds).any;
    assert!(was_said, "{host} is not found, and nobody said so");
}

/// RFC 1035 section 3.5, RFC 3596 section 2.5.
fn filed_name(addr: IpAddr) -> String {
    let octets = packet::octets(addr);
    let labels: Vec<_> = match addr {
        IpAddr::V4(_) => octets.iter().rev().map(u8::to_string).collect(),
        IpAddr::V6(_) => {
            octets.iter().rev().map(|o| format!("{:x}.{:x}", o & 15, o >> 4)).collect()
        }
    };
    let root = if addr.is_ipv4() { "in-addr.arpa" } else { "ip6.arpa" };
    format!("{}.{root}", labels.join("."))
}

impl<'n> Others<'n> {
    fn begin(&mut self, dice: &mut Dice<'_>, net: &'n Net) {
        let to = dice.pick(&[host_v4(0), host_v4(2), host_v6(0), host_v6(2)]);
        match dice.below(3) {
            0 => {
                self.connecting.take();
                let begun = net.tcp().and_then(|socket| Ok(socket.connect((to, 7).into())?));
                self.connecting = begun.map_or(AnyTcpSocket::Idle, Into::into);
            }
            1 => {
                self.udp = None;
                let opened = net.udp().and_then(|socket| Ok(socket.connect((to, 7).into())?));
                self.udp = opened.ok();
                if let Some(socket) = &mut self.udp {
                    let _ = socket.send(b"hello");
                }
            }
            _ => {
                self.ping = None;
                self.ping = net.icmp().and_then(|socket| Ok(socket.bind(7)?)).ok();
                if let Some(socket) = &mut self.ping {
                    let _ = socket.send_echo(to, 1, b"hello");
                }
            }
        }
    }

    fn go_on(&mut self) {
        let mut buffer = [0; 64];
        if let AnyTcpSocket::Connecting(socket) = self.connecting.take() {
            self.connecting = match socket.finish() {
                Ok(connected) => connected.into(),
                Err(Unfinished::Pending(socket)) => socket.into(),
                Err(Unfinished::Failed(_)) => AnyTcpSocket::Idle,
            };
        }
        if let Some(socket) = &mut self.udp {
            let _ = socket.receive(&mut buffer);
        }
        if let Some(socket) = &mut self.ping {
            let _ = socket.receive_echo(&mut buffer);
        }
        if let Some(dhcp) = &mut self.dhcp {
            let _ = dhcp.poll();
        }
    }
}
