//! The router against smoltcp itself: the same frames and the same calls go into a stack, and into
//! one plain `Interface` with one plain `SocketSet` of all sockets. The same frames must come out,
//! and every socket must be in the same state after every step.
//!
//! Everything follows from the seed, which a failure prints; `ORACLE_SEED=n cargo test oracle`
//! runs that one alone, step for step as before.
//!
//! Where the stack has a policy that smoltcp has not, the policy is switched off (the deadlines,
//! silence from a full listener), or the program of the plain set does by hand what the stack
//! does by itself (a listener listens again when a connection was lost before it was accepted,
//! see `mirror_backlog`), or the case is kept out:
//!
//! - Who asks for an unknown neighbour, and when again: all neighbours introduce themselves in
//!   time. What happens while one is unknown has its own tests, in `points`.
//! - Bytes that are still readable in a connection whose address was taken away: the program
//!   gives such a connection back at once.
//! - Bytes that nobody has received when TIME-WAIT ends: smoltcp throws them away, and the stack
//!   keeps them. The program receives them before.
//! - The window of a RST, which nobody reads (RFC 9293 section 3.5.3 looks at its sequence number
//!   alone): the stack throws away what arrived for a connection that its program has ended, and
//!   the plain program does not.
//! - Which of several sockets with one UDP port gets a broadcast: such frames are counted and
//!   passed over.
//! - Two defects of smoltcp. A repeated SYN of a connection is taken by any listener that comes
//!   before the connection in the set, and then two sockets have one 4-tuple. And a SYN that
//!   meets a socket in SYN-SENT whose own SYN is not sent yet makes smoltcp panic. Such frames
//!   are counted and passed over.
//! - Segments to a group or to all hosts: only the stack gets them, which is to be silent.

// Clippy takes a module for a test only if it is so without other conditions.
#![allow(clippy::indexing_slicing, clippy::panic, clippy::unwrap_used)]

mod dice;
mod frames;
#[cfg(fuzzing)]
mod fuzz;
mod generator;
#[cfg(test)]
mod points;
mod program;

use std::collections::BTreeMap;
use std::string::ToString;
use std::vec::Vec;
use std::{eprintln, format, vec};

use smoltcp::iface::{Interface, PollResult, SocketHandle, SocketSet};
use smoltcp::phy::Medium;
use smoltcp::socket::{Socket, tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{HardwareAddress, IpAddress, IpCidr, IpEndpoint};

use self::dice::Dice;
use self::frames::{FIN, Mac, RST, Read, SYN, TCP, UDP};
use super::core::{Core, Sending};
use super::slot::{Role, SlotId};
use super::{Config, Deadlines, Heap, Overflow, Stack};
use crate::device::{Cable, Plug};
use crate::testing::VirtualClock;

#[cfg(fuzzing)]
pub use self::fuzz::fuzz_router;

#[cfg(test)]
const SEEDS: u64 = 40;
#[cfg(test)]
const STEPS: u32 = 3_500;

const TCP_SLOTS: u16 = 12;
const UDP_SLOTS: u16 = 4;
const TCP_BUFFER: usize = 2_048;
const UDP_BUFFER: usize = 1_024;
const UDP_PACKETS: usize = 4;

const OWN_MAC: Mac = [0x02, 0, 0, 0, 0, 1];
const LISTEN_PORTS: [u16; 3] = [80, 81, 443];
const CONNECT_PORTS: [u16; 3] = [2_000, 2_001, 2_002];
const UDP_PORTS: [u16; 3] = [7, 53, 5_000];
const PEER_PORTS: [u16; 4] = [1_000, 1_001, 1_002, 80];

/// How long what the interface knows of a neighbour is left alone; it forgets after a minute.
const INTRODUCTION: Duration = Duration::from_secs(20);

#[test]
fn the_router_and_one_plain_set_agree() {
    let replay = std::env::var("ORACLE_SEED").ok().and_then(|seed| seed.parse().ok());
    let seeds = replay.map_or(0..SEEDS, |seed| seed..seed + 1);
    let mut total = Counts::default();
    for seed in seeds {
        let mut world = World::new(seed, Dice::seeded(seed));
        for step in 0..STEPS {
            world.step = step;
            world.run_step();
        }
        total.add(&world.counts);
    }
    eprintln!("oracle: {total:?}");
    if replay.is_none() {
        assert!(total.frames >= 100_000, "{total:?}");
        assert_eq!(total.states.len(), 11, "not all states of TCP came up: {total:?}");
        assert!(total.states.values().all(|seen| *seen > 100), "{total:?}");
    }
}

/// What came up in a run.
#[derive(Debug, Default)]
struct Counts {
    frames: u64,
    introductions: u64,
    answers: u64,
    /// The exception: a repeated SYN that a listener of the plain set would have taken.
    repeated_requests: u64,
    /// The other exception: a SYN that would make smoltcp panic.
    early_requests: u64,
    ambiguous_broadcasts: u64,
    /// What smoltcp would refuse, and from an address that is nobody's.
    segments_for_all: u64,
    calls: u64,
    /// How often a socket was seen in each state at the end of a step.
    states: BTreeMap<std::string::String, u64>,
}

impl Counts {
    #[cfg(test)]
    fn add(&mut self, other: &Counts) {
        self.frames += other.frames;
        self.introductions += other.introductions;
        self.answers += other.answers;
        self.repeated_requests += other.repeated_requests;
        self.early_requests += other.early_requests;
        self.ambiguous_broadcasts += other.ambiguous_broadcasts;
        self.segments_for_all += other.segments_for_all;
        self.calls += other.calls;
        for (state, seen) in &other.states {
            *self.states.entry(state.clone()).or_default() += seen;
        }
    }
}

/// What a peer knows of one of our connections: from the last segment it got of it.
#[derive(Clone, Debug)]
struct Flow {
    local: IpEndpoint,
    remote: IpEndpoint,
    /// The next sequence number of the socket.
    seq: u32,
    /// The next sequence number the socket expects, and 0 as long as it knows of none.
    ack: u32,
    flags: u8,
}

struct Listener {
    head: SlotId,
    backlog: u16,
}

/// The router and its oracle.
struct World {
    seed: u64,
    step: u32,
    dice: Dice,
    medium: Medium,
    clock: VirtualClock,
    /// The networks of the interface; their addresses come and go.
    networks: Vec<IpCidr>,
    /// Hosts on the link, which are all introduced, and hosts beyond the gateway.
    neighbors: Vec<IpAddress>,
    strangers: Vec<IpAddress>,

    stack: Stack<Plug, VirtualClock>,
    wire: Plug,

    plain: Interface,
    device: Plug,
    plain_wire: Plug,
    set: SocketSet<'static>,
    /// The plain socket of each slot.
    tcp: Vec<SocketHandle>,
    udp: Vec<SocketHandle>,

    listeners: Vec<Listener>,
    bound: Vec<SlotId>,
    held: Vec<SlotId>,
    open_udp: Vec<SlotId>,
    /// What was connected since the last egress.
    requested: Vec<(IpEndpoint, IpEndpoint)>,
    /// Connections that were asked for anew while the RST of the one before was still to be
    /// sent: two sockets in two states, and the order across sockets may differ.
    doubled: Vec<(IpEndpoint, IpEndpoint)>,
    flows: Vec<Flow>,
    introduced: Instant,
    counts: Counts,
}

/// A panic within smoltcp has no message of ours.
impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("oracle: ORACLE_SEED={} fails in step {}", self.seed, self.step);
        }
    }
}

fn cable(medium: Medium) -> Cable {
    if medium == Medium::Ethernet { Cable::ethernet() } else { Cable::ip() }
}

fn networks(layout: u64) -> Vec<IpCidr> {
    let cidrs = match layout {
        0 => ["192.168.69.1/24", "fd00::1/64"],
        1 => ["192.168.69.1/24", "10.1.2.1/16"],
        _ => ["fd00::1/64", "fe80::1/64"],
    };
    cidrs.iter().map(|cidr| cidr.parse().unwrap()).collect()
}

/// Another host of the same network.
fn host(addr: IpAddress, number: u8) -> IpAddress {
    match addr {
        IpAddress::Ipv4(addr) => {
            let [a, b, c, _] = addr.octets();
            IpAddress::v4(a, b, c, number)
        }
        IpAddress::Ipv6(addr) => {
            let mut octets = addr.octets();
            octets[15] = number;
            IpAddress::Ipv6(octets.into())
        }
    }
}

fn plain_tcp() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; TCP_BUFFER]);
    tcp::Socket::new(buffer(), buffer())
}

fn plain_udp() -> udp::Socket<'static> {
    let buffer = || {
        udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; UDP_PACKETS], vec![0; UDP_BUFFER])
    };
    udp::Socket::new(buffer(), buffer())
}

/// Closes a plain socket at once and without a RST, as a slot is when it changes hands.
fn renew(socket: &mut tcp::Socket<'_>) {
    socket.abort();
    socket.listen(1).unwrap();
    socket.close();
}

impl World {
    fn new(seed: u64, dice: Dice) -> Self {
        let medium = if seed % 4 == 3 { Medium::Ip } else { Medium::Ethernet };
        let networks = networks(seed % 3);
        let clock = VirtualClock::new();

        let mut config = if medium == Medium::Ethernet {
            Config::ethernet(OWN_MAC, seed)
        } else {
            Config::ip(seed)
        };
        config.deadlines = Deadlines {
            connect: None,
            handshake: None,
            unreachable: None,
            closing: None,
            ..Deadlines::default()
        };
        config.overflow = Overflow::Refuse;
        let heap = Heap {
            tcp: TCP_SLOTS.into(),
            udp: UDP_SLOTS.into(),
            tcp_rx: TCP_BUFFER,
            tcp_tx: TCP_BUFFER,
            udp_buf: UDP_BUFFER,
            udp_packets: UDP_PACKETS,
            ..Heap::default()
        };
        let (near, wire) = cable(medium).plugs();
        let stack = Stack::new(heap, near, clock.clone(), config).unwrap();

        let (mut device, plain_wire) = cable(medium).plugs();
        let hardware_addr = match medium {
            Medium::Ethernet => HardwareAddress::Ethernet(smoltcp::wire::EthernetAddress(OWN_MAC)),
            _ => HardwareAddress::Ip,
        };
        let mut config = smoltcp::iface::Config::new(hardware_addr);
        config.random_seed = super::rng::interface_seed(seed);
        let mut plain = Interface::new(config, &mut device, clock.time());

        let mut strangers = Vec::new();
        for network in &networks {
            let gateway = host(network.address(), 3);
            match gateway {
                IpAddress::Ipv4(addr) => {
                    plain.routes_mut().add_default_ipv4_route(addr).unwrap();
                    strangers.push(IpAddress::v4(198, 51, 100, 9));
                }
                IpAddress::Ipv6(addr) => {
                    plain.routes_mut().add_default_ipv6_route(addr).unwrap();
                    strangers.push("2001:db8::9".parse().unwrap());
                }
            }
            stack.set_gateway(crate::addr::ip_addr(gateway)).unwrap();
        }
        let neighbors = networks
            .iter()
            .flat_map(|network| [2, 3].map(|number| host(network.address(), number)))
            .collect();

        let mut set = SocketSet::new(vec![]);
        let tcp = (0..TCP_SLOTS).map(|_| set.add(plain_tcp())).collect();
        let udp = (0..UDP_SLOTS).map(|_| set.add(plain_udp())).collect();
        let mut world = World {
            seed,
            step: 0,
            dice,
            medium,
            introduced: clock.time(),
            clock,
            networks: networks.clone(),
            neighbors,
            strangers,
            stack,
            wire,
            plain,
            device,
            plain_wire,
            set,
            tcp,
            udp,
            listeners: Vec::new(),
            bound: Vec::new(),
            held: Vec::new(),
            open_udp: Vec::new(),
            requested: Vec::new(),
            doubled: Vec::new(),
            flows: Vec::new(),
            counts: Counts::default(),
        };
        for network in networks {
            world.add_address(network);
        }
        world
    }

    fn place(&self) -> std::string::String {
        format!("seed {}, step {}", self.seed, self.step)
    }

    /// A few frames and calls, time perhaps, then egress to the end and a comparison.
    fn run_step(&mut self) {
        for _ in 0..1 + self.dice.below(3) {
            if self.dice.one_in(3) {
                self.counts.calls += 1;
                self.call();
            } else {
                let frame = self.frame();
                self.counts.frames += 1;
                self.feed(&frame);
            }
        }
        self.settle();
        self.receive_before_time_wait_ends();
        self.pass_time();
        self.settle();
        if self.dice.one_in(150) {
            let network = self.dice.pick(&self.networks);
            if !self.is_all_that_reaches_the_gateway(network) {
                self.toggle_address(network);
                self.settle();
            }
        }
    }

    fn settle(&mut self) {
        self.introduce();
        self.egress();
        self.compare_frames();
        self.mirror_backlog();
        self.compare_states();
        self.check_filing();
        self.compare_delays();
        self.release_closed();
    }
}

/// Both sides.
impl World {
    fn now(&self) -> Instant {
        self.clock.time()
    }

    fn core<R>(&self, work: impl FnOnce(&mut Core) -> R) -> R {
        self.stack.net().with_clock(work).unwrap()
    }

    fn plain_tcp(&mut self, id: SlotId) -> &mut tcp::Socket<'static> {
        self.set.get_mut(self.tcp[usize::from(id)])
    }

    fn plain_udp(&mut self, id: SlotId) -> &mut udp::Socket<'static> {
        self.set.get_mut(self.udp[usize::from(id - TCP_SLOTS)])
    }

    fn role(&self, id: SlotId) -> Role {
        self.core(|core| core.slot(id).unwrap().role)
    }

    /// One frame into both.
    fn feed(&mut self, frame: &[u8]) {
        if self.is_repeated_request(frame) {
            self.counts.repeated_requests += 1;
            return;
        }
        if self.is_early_request(frame) {
            self.counts.early_requests += 1;
            return;
        }
        if self.is_ambiguous_broadcast(frame) {
            self.counts.ambiguous_broadcasts += 1;
            return;
        }
        let half_open = self.half_open();
        let now = self.now();
        self.wire.inject(now, frame);
        let taken = self.stack.net().with_port(|core, port| {
            core.now = now;
            port.ingress(core)
        });
        assert_eq!(taken, Ok(true));
        if self.is_segment_for_all(frame) {
            self.counts.segments_for_all += 1;
        } else {
            self.plain_wire.inject(now, frame);
            self.plain.poll_ingress_single(now, &mut self.device, &mut self.set);
        }

        self.pair_up();
        self.mirror_backlog();
        self.scrub(&half_open);
        self.note_doubled();
        if frames::is_about_neighbors(self.medium, frame) {
            self.introduced = Instant::ZERO;
        }
    }

    fn note_doubled(&mut self) {
        let sockets = || self.tcp.iter().map(|handle| self.set.get::<tcp::Socket>(*handle));
        for closed in sockets().filter(|socket| socket.state() == tcp::State::Closed) {
            let alive = |socket: &tcp::Socket<'_>| socket.state() != tcp::State::Closed;
            if let Some(tuple) = tuple(closed)
                && sockets().any(|socket| alive(socket) && tuple_of(socket) == Some(tuple))
            {
                self.doubled.push(tuple);
            }
        }
    }

    fn egress(&mut self) {
        let now = self.now();
        self.requested.clear();
        for round in 0.. {
            assert!(round < 10_000, "endless egress of the stack, {}", self.place());
            let sending = self.stack.net().with_port(|core, port| {
                core.now = now;
                port.egress(core)
            });
            if matches!(sending.unwrap(), None | Some(Sending::Refused)) {
                break;
            }
        }
        while self.plain.poll_egress(now, &mut self.device, &mut self.set) != PollResult::None {}
    }

    /// A listener of the stack puts its slots into LISTEN by itself. A program over a plain set
    /// has to do that by hand.
    fn mirror_backlog(&mut self) {
        for id in 0..TCP_SLOTS {
            let listen = self.core(|core| {
                let slot = core.slot(id).unwrap();
                (slot.role == Role::Backlog).then(|| slot.tcp().unwrap().listen_endpoint())
            });
            let Some(listen) = listen else { continue };
            let socket = self.plain_tcp(id);
            if socket.state() == tcp::State::Closed {
                renew(socket);
                default_options(socket);
                socket.listen(listen).unwrap();
            }
        }
    }

    /// Which of several sockets that listen to one endpoint takes a request is left open: the
    /// plain socket that took it becomes the partner of the slot that took it.
    fn pair_up(&mut self) {
        for id in 0..TCP_SLOTS {
            let (role, tuple, listen) = self.core(|core| {
                let slot = core.slot(id).unwrap();
                let socket = slot.tcp().unwrap();
                (slot.role, tuple(socket), socket.listen_endpoint())
            });
            if role != Role::Backlog || tuple.is_none() || tuple == tuple_of(self.plain_tcp(id)) {
                continue;
            }
            let other = (0..TCP_SLOTS).find(|other| {
                let plain = self.set.get::<tcp::Socket>(self.tcp[usize::from(*other)]);
                let brother = self.role(*other) == Role::Backlog;
                brother && tuple_of(plain) == tuple && plain.listen_endpoint() == listen
            });
            if let Some(other) = other
                && self.plain_tcp(id).state() == tcp::State::Listen
            {
                self.tcp.swap(usize::from(id), usize::from(other));
            }
        }
    }

    fn half_open(&mut self) -> Vec<SlotId> {
        (0..TCP_SLOTS).filter(|id| self.plain_tcp(*id).state() == tcp::State::SynReceived).collect()
    }

    /// A socket that a RST brought back from SYN-RECEIVED to LISTEN keeps traces of the
    /// connection (the peer's segment size, for one), so that it would matter which one of
    /// several listeners takes the next request. Both sides listen anew.
    fn scrub(&mut self, half_open: &[SlotId]) {
        fn listen_anew(socket: &mut tcp::Socket<'_>) {
            let listen = socket.listen_endpoint();
            socket.close();
            socket.listen(listen).unwrap();
        }
        for id in half_open {
            if self.plain_tcp(*id).state() != tcp::State::Listen {
                continue;
            }
            listen_anew(self.plain_tcp(*id));
            self.core(|core| {
                let socket = core.tcp_mut(*id).unwrap();
                if socket.state() == tcp::State::Listen {
                    listen_anew(socket);
                }
            });
        }
    }

    /// Whether the plain set would give the SYN of an existing connection to a listener.
    fn is_repeated_request(&self, frame: &[u8]) -> bool {
        let read = frames::read(self.medium, frame);
        let Some((remote, local)) = read.ends.filter(|_| read.is_request()) else { return false };
        let accepting = self.set.iter().filter_map(|(_, socket)| match socket {
            Socket::Tcp(socket) if socket.state() == tcp::State::Listen => {
                let listen = socket.listen_endpoint();
                let fits = listen.addr.is_none_or(|addr| addr == local.addr);
                (fits && listen.port == local.port).then_some(tcp::State::Listen)
            }
            Socket::Tcp(socket) if socket.state() != tcp::State::Closed => {
                (tuple_of(socket) == Some((local, remote))).then_some(socket.state())
            }
            _ => None,
        });
        let states: Vec<_> = accepting.collect();
        states.first() == Some(&tcp::State::Listen)
            && states.iter().any(|state| *state != tcp::State::Listen)
    }

    /// Whether a SYN is for a socket that has its own SYN still to send.
    fn is_early_request(&self, frame: &[u8]) -> bool {
        let read = frames::read(self.medium, frame);
        let Some((remote, local)) = read.ends.filter(|_| read.is_request()) else { return false };
        self.requested.contains(&(local, remote))
    }

    /// Whether several sockets would take a datagram.
    fn is_ambiguous_broadcast(&self, frame: &[u8]) -> bool {
        let read = frames::read(self.medium, frame);
        let Some((_, local)) = read.ends.filter(|_| read.protocol == UDP) else { return false };
        let sockets = self.set.iter().filter(|(_, socket)| match socket {
            Socket::Udp(socket) => socket.endpoint().port == local.port,
            _ => false,
        });
        self.is_for_all(local.addr) && sockets.count() > 1
    }

    /// Whether it is a TCP segment to a group or to all hosts.
    fn is_segment_for_all(&self, frame: &[u8]) -> bool {
        let read = frames::read(self.medium, frame);
        read.protocol == TCP && read.ends.is_some_and(|(_, local)| self.is_for_all(local.addr))
    }

    fn is_for_all(&self, addr: IpAddress) -> bool {
        addr.is_multicast() || self.core(|core| core.is_broadcast(addr))
    }

    /// All neighbours say who they are, before they are forgotten; and with them those that a
    /// frame made up.
    fn introduce(&mut self) {
        if self.medium == Medium::Ip {
            return;
        }
        let on_link = |addr: &IpAddress| self.networks.iter().any(|net| net.contains_addr(addr));
        let made_up: Vec<_> = self
            .tcp
            .iter()
            .filter_map(|handle| tuple_of(self.set.get(*handle)))
            .map(|(_, remote)| remote.addr)
            .filter(|addr| on_link(addr) && !self.neighbors.contains(addr))
            .collect();
        if made_up.is_empty() && self.now() < self.introduced + INTRODUCTION {
            return;
        }
        let own = self.plain.ip_addrs().to_vec();
        for addr in made_up.into_iter().chain(self.neighbors.clone()) {
            if let Some(network) = own.iter().find(|network| network.contains_addr(&addr)) {
                self.counts.introductions += 1;
                self.feed(&frames::introduction(addr, network.address(), OWN_MAC));
            }
        }
        self.introduced = self.now();
    }
}

fn tuple(socket: &tcp::Socket<'_>) -> Option<(IpEndpoint, IpEndpoint)> {
    Some((socket.local_endpoint()?, socket.remote_endpoint()?))
}

use tuple as tuple_of;

fn default_options(socket: &mut tcp::Socket<'_>) {
    socket.set_nagle_enabled(true);
    socket.set_ack_delay(Some(Duration::from_millis(10)));
    socket.set_keep_alive(None);
    socket.set_hop_limit(None);
}

/// Comparisons.
impl World {
    fn compare_frames(&mut self) {
        let now = self.now();
        let ours = drain(&mut self.wire, now);
        let plain = drain(&mut self.plain_wire, now);
        self.counts.answers += plain.len() as u64;
        let medium = self.medium;
        let doubled = core::mem::take(&mut self.doubled);
        let by_flow = |frames: &[Vec<u8>]| -> Vec<(Read, Vec<u8>)> {
            let mut read: Vec<_> = frames
                .iter()
                .map(|frame| {
                    let (read, mut frame) = (frames::read(medium, frame), frame.clone());
                    if read.protocol == TCP && read.flags & RST != 0 {
                        frames::clear_window(&mut frame);
                    }
                    (read, frame)
                })
                .collect();
            // Stable: within a flow the order remains.
            read.sort_by_key(|(read, _)| {
                let two = read.ends.is_some_and(|ends| doubled.contains(&ends));
                (read.flow(), two && read.flags & RST != 0)
            });
            read
        };
        assert_eq!(
            by_flow(&ours),
            by_flow(&plain),
            "{}: frames of the stack, of the plain set",
            self.place()
        );
        for frame in &plain {
            self.note(&frames::read(medium, frame));
        }
    }

    /// Remembers what a peer would know from a segment.
    fn note(&mut self, read: &Read) {
        let Some((local, remote)) = read.ends.filter(|_| read.protocol == frames::TCP) else {
            return;
        };
        self.flows.retain(|flow| (flow.local, flow.remote) != (local, remote));
        if read.flags & RST != 0 {
            return;
        }
        let control = u32::from(read.flags & (SYN | FIN) != 0);
        let seq = read.seq.wrapping_add(read.len + control);
        self.flows.push(Flow { local, remote, seq, ack: read.ack, flags: read.flags });
        if self.flows.len() > 24 {
            self.flows.remove(0);
        }
    }

    fn compare_states(&mut self) {
        for id in 0..TCP_SLOTS {
            let plain = self.set.get::<tcp::Socket>(self.tcp[usize::from(id)]);
            let (role, ours) = self.core(|core| {
                let slot = core.slot(id).unwrap();
                (slot.role, view(slot.role, slot.tcp().unwrap()))
            });
            let plain_view = view(if role == Role::Bound { Role::Free } else { role }, plain);
            assert_eq!(ours, plain_view, "{}: slot {id}, {role:?}", self.place());
            *self.counts.states.entry(plain.state().to_string()).or_default() += 1;
        }
        for id in TCP_SLOTS..TCP_SLOTS + UDP_SLOTS {
            let view = |socket: &udp::Socket<'_>| {
                let waits = (socket.send_queue(), socket.recv_queue(), socket.can_recv());
                (socket.is_open(), socket.endpoint(), waits)
            };
            let ours = self.core(|core| view(core.slot(id).unwrap().udp().unwrap()));
            assert_eq!(ours, view(self.plain_udp(id)), "{}: UDP slot {id}", self.place());
        }
    }

    /// A slot is filed where the router looks for it as long as it has a key, and no longer: what
    /// is left behind would make the search longer for others.
    fn check_filing(&self) {
        self.core(|core| {
            let filed = core.table.filed();
            for (id, slot) in core.table.ids().filter_map(|id| Some((id, core.slot(id)?))) {
                let has_key = slot.tcp().is_some_and(|s| s.is_listening() || tuple(s).is_some())
                    || slot.udp().is_some_and(|socket| socket.is_open());
                let found = filed.iter().filter(|filed| **filed == id).count();
                assert_eq!(found, usize::from(has_key), "{}: slot {id}", self.place());
            }
        });
    }

    /// When the stack wants to be polled again.
    fn compare_delays(&mut self) {
        let now = self.now();
        // smoltcp says nothing of what its interface has to do beside the sockets.
        let ours = self.core(|core| match (core.poll_delay(now), core.delay_of_chores()) {
            (delay, None) => delay,
            (_, Some(_)) => core.delay_of_slots(),
        });
        let plain = self.plain.poll_delay(now, &self.set);
        // smoltcp asks to be polled at once while a segment waits for room at the peer.
        if plain != Some(Duration::ZERO) {
            assert_eq!(ours, plain, "{}: delay of the stack, of the plain set", self.place());
        }
    }

    /// The program gives back what is closed.
    fn release_closed(&mut self) {
        let (closed, held) = self.held.iter().partition(|id| {
            self.core(|core| {
                let socket = core.tcp(**id).unwrap();
                socket.state() == tcp::State::Closed && socket.remote_endpoint().is_none()
            })
        });
        self.held = held;
        let closed: Vec<SlotId> = closed;
        for id in closed {
            self.core(|core| core.release(id));
            renew(self.plain_tcp(id));
        }
    }
}

fn drain(wire: &mut Plug, now: Instant) -> Vec<Vec<u8>> {
    // Reports of groups have turns of their own: when they are sent is not for the sockets to say.
    core::iter::from_fn(|| wire.take(now)).filter(|frame| !frames::is_group_report(frame)).collect()
}

/// What is compared of a socket. One that nobody holds keeps traces of what it was.
fn view(role: Role, socket: &tcp::Socket<'_>) -> std::string::String {
    match role {
        // Bound: smoltcp's LISTEN is where the stack keeps the address.
        Role::Bound => "CLOSED None".to_string(),
        Role::Free | Role::Closing => format!("{} {:?}", socket.state(), tuple(socket)),
        Role::Held | Role::Backlog => format!(
            "{} {:?} listen {} send {} {} receive {} {}",
            socket.state(),
            tuple(socket),
            socket.listen_endpoint(),
            socket.send_queue(),
            socket.may_send(),
            socket.recv_queue(),
            socket.may_recv(),
        ),
    }
}

/// Time and addresses.
impl World {
    fn pass_time(&mut self) {
        let now = self.now();
        let by = match self.dice.below(40) {
            0..=14 => Duration::from_millis(1 + self.dice.below(15) as u64),
            15..=22 => self.plain.poll_delay(now, &self.set).unwrap_or(Duration::ZERO),
            23..=25 => Duration::from_millis(self.dice.below(3_000) as u64),
            26 => Duration::from_secs(self.dice.below(70) as u64),
            _ => Duration::ZERO,
        };
        self.clock.advance(by);
    }

    fn toggle_address(&mut self, network: IpCidr) {
        if self.plain.has_ip_addr(network.address()) {
            self.remove_address(network);
        } else {
            self.add_address(network);
        }
    }

    /// Whether another network would be left with a gateway that cannot be found any more.
    fn is_all_that_reaches_the_gateway(&self, network: IpCidr) -> bool {
        let version = network.address().version();
        let mut routes = self.networks.iter().filter(|other| other.address().version() == version);
        routes.clone().count() > 1 && routes.next_back() == Some(&network)
    }

    fn add_address(&mut self, network: IpCidr) {
        self.stack.add_address(network).unwrap();
        self.plain.update_ip_addrs(|addrs| addrs.push(network).unwrap());
        // With a change of addresses, smoltcp forgets its neighbours.
        self.introduced = Instant::ZERO;
    }

    /// Connections from the address end: in the plain set when they next want to send.
    fn remove_address(&mut self, network: IpCidr) {
        let addr = network.address();
        self.stack.remove_address(crate::addr::ip_addr(addr)).unwrap();
        self.plain.update_ip_addrs(|addrs| addrs.retain(|cidr| cidr.address() != addr));
        self.introduced = Instant::ZERO;
        for id in 0..TCP_SLOTS {
            if tuple_of(self.plain_tcp(id)).is_none_or(|(local, _)| local.addr != addr) {
                continue;
            }
            renew(self.plain_tcp(id));
            if self.held.contains(&id) {
                self.held.retain(|held| *held != id);
                self.core(|core| {
                    let renewed = core.tcp_renew(id);
                    core.release(renewed);
                });
            }
        }
        self.mirror_backlog();
    }
}
