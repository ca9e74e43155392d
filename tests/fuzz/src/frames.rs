//! Frames into a stack with open sockets of every kind.

use sockstate::state::{Bound, Connected, Listening};
use sockstate::{
    AddrType, AnyTcpSocket, Dhcp, Duration, Echo, IcmpSocket, IpVersion, Lookup, Net, Overflow,
    RawSocket, TcpSocket, UdpSocket, Unfinished, nb,
};

use crate::bench::{Bench, GROUP, host_v4, host_v6};
use crate::dice::Dice;
use crate::grammar;
use crate::packet::ip;
use crate::peer::Peer;
use crate::stream::Stream;

/// The most actions of one run.
const ACTIONS: usize = 80;

/// A socket of every kind.
struct Sockets<'n> {
    listeners: Vec<TcpSocket<'n, Listening>>,
    streams: Vec<Stream<'n>>,
    udp: UdpSocket<'n, Bound>,
    udp_connected: UdpSocket<'n, Connected>,
    icmp: IcmpSocket<'n, Bound>,
    raw: RawSocket<'n, Bound>,
    lookups: Vec<Lookup<'n, 'static>>,
    dhcp: Option<Dhcp<'n>>,
}

/// Frames and time, as the bytes say. The first chooses what the stack is like.
///
/// # Panics
///
/// If a stream is not the one that was sent, or the stack cannot stop.
pub fn frames(data: &[u8]) {
    let mut dice = Dice::new(data);
    let setup = dice.byte();
    let (bench, mut peer) = Bench::new(setup & 1 != 0, u64::from(setup >> 4), |config| {
        config.overflow = if setup & 2 == 0 { Overflow::Ignore } else { Overflow::Refuse };
    });
    peer.neighbors_answer = setup & 4 == 0;
    let mut sockets = Sockets::open(&bench, &mut peer);
    if setup & 8 != 0 {
        sockets.dhcp = bench.stack.dhcp().ok();
    }
    for _ in 0..ACTIONS {
        if dice.are_used_up() {
            break;
        }
        match dice.below(16) {
            0 | 1 => {
                let millis = dice.pick(&[1, 10, 100, 700, 1_500, 5_000, 12_000, 61_000]);
                bench.run_for(Duration::from_millis(millis), &mut peer);
            }
            2 | 3 => sockets.work(&mut dice, &bench, &peer),
            _ => grammar::say(&mut dice, &mut peer),
        }
        bench.settle(&mut peer);
        sockets.receive(&peer);
        bench.settle(&mut peer);
    }
    drop(sockets);
    bench.run_for(Duration::from_secs(2), &mut peer);
}

impl<'n> Sockets<'n> {
    fn open(bench: &'n Bench, peer: &mut Peer) -> Self {
        let net = bench.stack.net();
        let listen = |port| net.tcp().unwrap().bind(port).unwrap().listen(1).unwrap();
        net.join_multicast(GROUP).unwrap();
        let connect = |port, to| {
            let socket = net.tcp().unwrap().bind(port).unwrap().connect(to).unwrap();
            AnyTcpSocket::from(socket)
        };
        let to = (host_v4(0), 7).into();
        let mut sockets = Sockets {
            listeners: vec![listen(80), listen(81)],
            streams: vec![
                Stream::new(connect(6_000, to)),
                Stream::new(connect(6_001, (host_v6(0), 7).into())),
                Stream::new(connect(6_002, to)),
            ],
            udp: net.udp().unwrap().bind(5_000).unwrap(),
            udp_connected: net.udp().unwrap().bind(5_001).unwrap().connect(to).unwrap(),
            icmp: net.icmp().unwrap().bind(0x1234).unwrap(),
            raw: net.raw().unwrap().bind(IpVersion::V4, 2).unwrap(),
            lookups: Vec::new(),
            dhcp: None,
        };
        sockets.ask(net);
        bench.settle(peer);
        // Two of the three are answered: one is open, one half closed, and one still asks.
        peer.flows.retain(|flow| flow.local.port() != 6_002);
        peer.shake_hands();
        bench.settle(peer);
        for stream in &mut sockets.streams {
            stream.go_on();
        }
        sockets.streams[1].shut_down();
        sockets
    }

    /// Asks a name server, and the hosts of the link.
    fn ask(&mut self, net: &'n Net) {
        for host in ["a.example", "b.local"] {
            self.lookups.extend(net.lookup(host, AddrType::Either));
        }
    }

    /// What a program does now and then.
    fn work(&mut self, dice: &mut Dice<'_>, bench: &'n Bench, peer: &Peer) {
        let net = bench.stack.net();
        let at = dice.below(self.streams.len().max(1));
        let to = dice.pick(&[host_v4(0), host_v4(2), host_v6(0), host_v6(2), host_v4(3)]);
        let data = [7; 100];
        match dice.below(12) {
            0..=2 => {
                let len = dice.pick(&[1, 50, 400]);
                self.streams.get_mut(at).into_iter().for_each(|stream| stream.send(len));
            }
            3 => self.streams.get_mut(at).into_iter().for_each(Stream::shut_down),
            4 if !self.streams.is_empty() => self.streams.swap_remove(at).close(),
            5 => {
                let _ = self.udp.send_to(&data, (to, 1_000).into());
            }
            6 => {
                let _ = self.udp_connected.send(&data);
            }
            7 => {
                let _ = self.icmp.send_echo(to, dice.byte().into(), &data);
            }
            8 => {
                let own = (crate::bench::OWN_V4, to);
                if to.is_ipv4() {
                    let _ = self.raw.send(&ip(own, 2, 1, false, &data));
                }
            }
            9 if self.lookups.is_empty() => self.ask(net),
            10 if self.streams.len() < 4 => {
                let begun = net.tcp().and_then(|socket| Ok(socket.connect((to, 7).into())?));
                self.streams.extend(begun.map(|socket| Stream::new(socket.into())));
            }
            11 => self.streams.iter_mut().for_each(|stream| stream.reads(peer, dice.one_in(2))),
            _ => {}
        }
    }

    /// What a program does with whatever has arrived.
    fn receive(&mut self, peer: &Peer) {
        for listener in &mut self.listeners {
            while let Ok((connection, _)) = listener.accept() {
                self.streams.push(Stream::new(connection.into()));
            }
        }
        self.streams.iter_mut().for_each(Stream::go_on);
        self.streams.iter_mut().for_each(|stream| stream.receive(peer));
        self.streams.retain(|stream| !stream.is_over());
        let mut buffer = [0; 256];
        while self.udp.receive_from(&mut buffer).is_ok() {}
        while self.udp_connected.receive(&mut buffer).is_ok() {}
        while let Ok(Echo { len, .. }) = self.icmp.receive_echo(&mut buffer) {
            assert!(len <= buffer.len());
        }
        while self.raw.receive(&mut buffer).is_ok() {}
        self.lookups.retain_mut(|lookup| lookup.poll() == Err(nb::Error::WouldBlock));
        if let Some(dhcp) = &mut self.dhcp {
            let _ = dhcp.poll();
        }
    }
}

/// Where a connecting socket gets to.
pub fn finish<'n>(socket: AnyTcpSocket<'n>) -> AnyTcpSocket<'n> {
    match socket {
        AnyTcpSocket::Connecting(socket) => match socket.finish() {
            Ok(connected) => connected.into(),
            Err(Unfinished::Pending(socket)) => socket.into(),
            Err(Unfinished::Failed(failed)) => failed.into_socket().into(),
        },
        other => other,
    }
}
