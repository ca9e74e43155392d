//! A stack in virtual time, with a peer in the fuzzer's hands at the other end of its cable.

use std::net::IpAddr;

use sockstate::device::{Cable, Plug};
use sockstate::testing::VirtualClock;
use sockstate::{Config, Duration, Heap, Protocol, Stack};

use crate::packet::Mac;
use crate::peer::Peer;

pub const OWN_MAC: Mac = [2, 0, 0, 0, 0, 1];
pub const OWN_V4: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 168, 69, 1));
pub const OWN_V6: IpAddr = IpAddr::V6(std::net::Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1));

/// A neighbour, the gateway, somebody beyond it, and somebody who is not there.
pub const HOSTS_V4: [[u8; 4]; 4] =
    [[192, 168, 69, 2], [192, 168, 69, 3], [198, 51, 100, 9], [192, 168, 69, 77]];
pub const HOSTS_V6: [[u16; 8]; 4] = [
    [0xfd00, 0, 0, 0, 0, 0, 0, 2],
    [0xfd00, 0, 0, 0, 0, 0, 0, 3],
    [0x2001, 0xdb8, 0, 0, 0, 0, 0, 9],
    [0xfd00, 0, 0, 0, 0, 0, 0, 77],
];

pub const GROUP: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(224, 0, 0, 99));

/// How many sockets there are of each kind.
pub const SLOTS: [(Protocol, usize); 4] =
    [(Protocol::Tcp, 8), (Protocol::Udp, 8), (Protocol::Icmp, 2), (Protocol::Raw, 2)];

/// The most polls that a stack may want at one instant, each with up to 64 frames in.
const MOST_POLLS: u32 = 64;

/// The most polls a second that a stack may want on its own. Who sends the most is DHCP with the
/// shortest lease, connections that are acknowledged late, and reports of groups.
const MOST_POLLS_A_SECOND: u64 = 500;

pub fn name_servers() -> [IpAddr; 3] {
    [host_v4(0), host_v6(0), host_v4(2)]
}

pub fn host_v4(number: usize) -> IpAddr {
    HOSTS_V4[number].into()
}

pub fn host_v6(number: usize) -> IpAddr {
    HOSTS_V6[number].into()
}

pub struct Bench {
    pub stack: Stack<Plug, VirtualClock>,
    pub clock: VirtualClock,
    wire: Plug,
}

impl Bench {
    /// A stack with small buffers, two addresses, gateways and name servers.
    pub fn new(slaac: bool, seed: u64, change: impl FnOnce(&mut Config)) -> (Self, Peer) {
        let [tcp, udp, icmp, raw] = SLOTS.map(|(_, slots)| slots);
        let heap = Heap {
            tcp,
            udp,
            icmp,
            raw,
            tcp_rx: 600,
            tcp_tx: 600,
            udp_buf: 1_024,
            udp_packets: 4,
            icmp_buf: 512,
            icmp_packets: 4,
            raw_buf: 1_024,
            raw_packets: 4,
        };
        let mut config = Config::ethernet(OWN_MAC, seed);
        config.slaac = slaac;
        change(&mut config);
        let clock = VirtualClock::new();
        let (near, wire) = Cable::ethernet().plugs();
        let stack = Stack::new(heap, near, clock.clone(), config).unwrap();
        for (own, len) in [(OWN_V4, 24), (OWN_V6, 64)] {
            stack.add_address(sockstate::IpCidr::new(own.into(), len)).unwrap();
        }
        for gateway in [host_v4(1), host_v6(1)] {
            stack.set_gateway(gateway).unwrap();
        }
        stack.set_dns_servers(&name_servers()).unwrap();
        let peer = Peer::new(wire.clone(), clock.clone());
        (Bench { stack, clock, wire }, peer)
    }

    /// Polls until the stack has nothing more to do at this instant, and lets the peer hear what it
    /// says.
    pub fn settle(&self, peer: &mut Peer) {
        for _ in 0..MOST_POLLS {
            let moved = self.stack.poll().unwrap();
            let answered = peer.hear();
            if !moved && !answered && self.stack.poll_delay() != Some(Duration::ZERO) {
                return;
            }
        }
        panic!("the stack wants to be polled for ever at {}", self.clock.time());
    }

    /// What a blocking call does while it waits: lets time pass, with nobody who listens.
    pub fn idle(&self, delay: Option<Duration>) {
        let mut wire = self.wire.clone();
        while wire.take(self.clock.time()).is_some() {}
        self.clock.advance(delay.unwrap_or(Duration::from_secs(1)));
    }

    /// Lets time pass, with the stack polled whenever it wants to be.
    pub fn run_for(&self, time: Duration, peer: &mut Peer) {
        let end = self.clock.time() + time;
        let most = 20 + time.total_millis() * MOST_POLLS_A_SECOND / 1_000;
        for _ in 0..most {
            self.settle(peer);
            let left = end - self.clock.time();
            if left == Duration::ZERO {
                return;
            }
            self.clock.advance(self.stack.poll_delay().unwrap_or(left).min(left));
        }
        panic!("the stack wants to be polled more than {MOST_POLLS_A_SECOND} times a second");
    }
}
