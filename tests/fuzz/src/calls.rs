//! Calls of a program, with frames and time between them. In the end everything is dropped, time
//! passes, and nothing may be left.

mod other;
mod tcp;
mod udp;

use std::pin::pin;
use std::task::{Context, Poll, Waker};

use sockstate::{
    AnyIcmpSocket, AnyRawSocket, AnyTcpSocket, AnyUdpSocket, Dhcp, Duration, Error, Lookup,
    NameLookup, Net, Overflow, Ready, TcpReader, TcpWriter, Watch,
};

use crate::bench::{Bench, HOSTS_V4, HOSTS_V6, OWN_V4, OWN_V6, SLOTS};
use crate::dice::Dice;
use crate::grammar::{self, OWN_PORTS, PEER_PORTS};
use crate::peer::Peer;

/// The most actions of one run.
const ACTIONS: usize = 120;

/// By when all is over that was dropped: longer than any time limit, TIME-WAIT, and a look-up that
/// nobody asks for any more.
const PATIENCE: Duration = Duration::from_secs(200);

/// How often the stack may want to be polled until it has nothing to do ever again. Routers may
/// have given it an hour to say which groups it is in, and looks become rarer; and a day for an
/// address.
const MOST_POLLS: usize = 2_000;

const HOSTS: [&str; 5] = ["a.example", "b.local", "192.168.69.2", "fd00::2", "not a name"];

/// Everything that a program may hold.
struct Program<'n> {
    bench: &'n Bench,
    tcp: Vec<AnyTcpSocket<'n>>,
    readers: Vec<TcpReader<'n>>,
    writers: Vec<TcpWriter<'n>>,
    udp: Vec<AnyUdpSocket<'n>>,
    icmp: Vec<AnyIcmpSocket<'n>>,
    raw: Vec<AnyRawSocket<'n>>,
    lookups: Vec<Lookup<'n, 'static>>,
    names: Vec<NameLookup<'n>>,
    watches: Vec<Watch<'n>>,
    dhcp: Option<Dhcp<'n>>,
}

/// Calls, frames and time, as the bytes say. The first chooses what the stack is like.
///
/// # Panics
///
/// If something is left when everything was dropped, or the stack cannot stop.
pub fn calls(data: &[u8]) {
    let mut dice = Dice::new(data);
    let setup = dice.byte();
    let (bench, mut peer) = Bench::new(setup & 4 != 0, u64::from(setup >> 4), |config| {
        config.overflow = if setup & 1 == 0 { Overflow::Ignore } else { Overflow::Refuse };
    });
    peer.neighbors_answer = setup & 2 == 0;
    // Here anything is sent.
    peer.follows_streams = false;
    let mut program = Program::new(&bench);
    for _ in 0..ACTIONS {
        if dice.are_used_up() {
            break;
        }
        match dice.below(18) {
            0..=3 => program.call_tcp(&mut dice),
            4 => program.call_half(&mut dice),
            5 => program.call_udp(&mut dice),
            6 => program.call_packets(&mut dice),
            7 => program.call_lookups(&mut dice),
            8 => program.call_network(&mut dice),
            9 => program.call_watches(&mut dice),
            10 => {
                let millis = dice.pick(&[1, 20, 300, 1_600, 12_000, 35_000]);
                bench.run_for(Duration::from_millis(millis), &mut peer);
            }
            11 | 12 => peer.shake_hands(),
            _ => grammar::say(&mut dice, &mut peer),
        }
        // A program need not poll after each call.
        if !dice.one_in(4) {
            bench.settle(&mut peer);
        }
    }
    program.end();
    check_that_nothing_is_left(&bench, &mut peer);
}

impl<'n> Program<'n> {
    fn new(bench: &'n Bench) -> Self {
        Program {
            bench,
            tcp: Vec::new(),
            readers: Vec::new(),
            writers: Vec::new(),
            udp: Vec::new(),
            icmp: Vec::new(),
            raw: Vec::new(),
            lookups: Vec::new(),
            names: Vec::new(),
            watches: Vec::new(),
            dhcp: None,
        }
    }

    fn net(&self) -> &'n Net {
        self.bench.stack.net()
    }

    /// Drops everything, and undoes what is not undone by that.
    fn end(self) {
        let net = self.net();
        drop(self);
        // Whoever holds the handle may have dropped it.
        if let Ok(dhcp) = net.dhcp() {
            dhcp.stop().unwrap();
        }
        for group in net.multicast_groups().unwrap() {
            net.leave_multicast(group).unwrap();
        }
    }
}

fn check_that_nothing_is_left(bench: &Bench, peer: &mut Peer) {
    let net = bench.stack.net();
    bench.run_for(PATIENCE, peer);
    for (protocol, slots) in SLOTS {
        assert_eq!(net.free_slots(protocol), Ok(slots), "free slots of {protocol}");
    }
    for port in OWN_PORTS.into_iter().chain([0, 68]) {
        let expected = if port == 0 { Some(Error::PortZero) } else { None };
        let tcp = net.tcp().unwrap().bind(port).map_err(Error::from).err();
        let udp = net.udp().unwrap().bind(port).map_err(Error::from).err();
        assert_eq!((tcp, udp), (expected, expected), "port {port} is not free");
    }
    for ident in other::IDENTS {
        assert!(net.icmp().unwrap().bind(ident).is_ok(), "identifier {ident} is not free");
    }
    for (version, protocol) in other::RAW_KINDS {
        assert!(net.raw().unwrap().bind(version, protocol).is_ok(), "{protocol} is not free");
    }
    let watches: Vec<_> = core::iter::from_fn(|| net.watch().ok()).collect();
    assert_eq!(watches.len(), 4, "sets of sockets");
    drop(watches);
    for _ in 0..MOST_POLLS {
        bench.settle(peer);
        match net.poll_delay() {
            Some(delay) => bench.clock.advance(delay),
            None => return,
        }
    }
    panic!("the stack still wants to be polled, in {:?}", net.poll_delay());
}

/// One of several, if there is one.
fn any<'v, T>(dice: &mut Dice<'_>, from: &'v mut [T]) -> Option<&'v mut T> {
    let at = dice.below(from.len().max(1));
    from.get_mut(at)
}

/// Takes one of several out.
fn take<T>(dice: &mut Dice<'_>, from: &mut Vec<T>) -> Option<T> {
    let at = dice.below(from.len().max(1));
    (at < from.len()).then(|| from.swap_remove(at))
}

/// Polls a future once, and drops it unless it is done.
fn poll_once<F: Future>(future: F) -> Option<F::Output> {
    match pin!(future).poll(&mut Context::from_waker(Waker::noop())) {
        Poll::Ready(output) => Some(output),
        Poll::Pending => None,
    }
}

fn interest(dice: &mut Dice<'_>) -> Ready {
    dice.pick(&[Ready::RECEIVE, Ready::SEND, Ready::ACCEPT, Ready::FLUSHED, Ready::NONE])
}

fn own_addr(dice: &mut Dice<'_>) -> std::net::IpAddr {
    dice.pick(&[OWN_V4, OWN_V6])
}

fn remote_addr(dice: &mut Dice<'_>) -> std::net::IpAddr {
    match dice.below(10) {
        number @ 0..4 => HOSTS_V4[number].into(),
        number @ 4..8 => HOSTS_V6[number - 4].into(),
        8 => std::net::Ipv4Addr::BROADCAST.into(),
        _ => std::net::Ipv6Addr::UNSPECIFIED.into(),
    }
}

fn remote(dice: &mut Dice<'_>) -> std::net::SocketAddr {
    (remote_addr(dice), dice.pick(&PEER_PORTS)).into()
}

/// What a call is given to send.
fn data(dice: &mut Dice<'_>) -> &'static [u8] {
    const DATA: [u8; 2_000] = [7; 2_000];
    &DATA[..dice.pick(&[0, 1, 30, 500, 1_000, 2_000])]
}

/// How much a call may receive.
fn room<'b>(dice: &mut Dice<'_>, buffer: &'b mut [u8; 700]) -> &'b mut [u8] {
    &mut buffer[..dice.pick(&[0, 1, 50, 700])]
}
