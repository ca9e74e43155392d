//! Addresses and routers that a router advertises, which is played by hand.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use sockstate::device::{Cable, Plug};
use sockstate::testing::{LabStack, VirtualClock};
use sockstate::{Config, Duration, Error, IpCidr, Stack};

use crate::common::{assert_error, failed, slots};
use crate::wire::{ICMPV6, NEAR_MAC, ethernet, icmpv6, ipv6};

pub const ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfe);
const OTHER_ROUTER: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xfd);
const ALL_NODES: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
const ALL_ROUTERS: Ipv6Addr = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const PREFIX: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0, 0, 0);
/// What 02:00:00:00:00:01 becomes, RFC 4291 appendix A.
pub const LINK_LOCAL: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0xff, 0xfe00, 1);
pub const GLOBAL: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 1, 0, 0xff, 0xfe00, 1);
const ELSEWHERE: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0xffff, 0, 0, 0, 0, 9);

/// The option of a prefix, RFC 4861 section 4.6.2.
pub fn prefix(prefix: Ipv6Addr, len: u8, flags: u8, valid: u32, preferred: u32) -> Vec<u8> {
    let mut option = vec![3, 4, len, flags];
    option.extend(valid.to_be_bytes());
    option.extend(preferred.to_be_bytes());
    option.extend([0; 4]);
    option.extend(prefix.octets());
    option
}

/// For addresses and on the link, as routers do.
pub fn usual(valid: u32) -> Vec<u8> {
    prefix(PREFIX, 64, 0xc0, valid, valid.min(600))
}

/// An advertisement, RFC 4861 section 4.2: the packet.
pub fn advertisement(from: Ipv6Addr, life: u16, options: &[u8]) -> Vec<u8> {
    let rest = [&[0; 8][..], options].concat();
    let word = 64 << 24 | u32::from(life);
    ipv6(from, ALL_NODES, ICMPV6, 255, &icmpv6((from, ALL_NODES), 134, 0, word, &rest))
}

pub struct Link {
    pub stack: LabStack,
    plug: Plug,
    pub clock: VirtualClock,
}

impl Link {
    pub fn with(change: impl FnOnce(&mut Config)) -> Self {
        let (device, plug) = Cable::ethernet().plugs();
        let clock = VirtualClock::new();
        let mut config = Config::ethernet(NEAR_MAC, 1);
        config.slaac = true;
        change(&mut config);
        let stack = Stack::new(slots(4, 4), device, clock.clone(), config).unwrap();
        Link { stack, plug, clock }
    }

    pub fn new() -> Self {
        Link::with(|_| {})
    }

    /// One that has heard a router, and what it sent before.
    pub fn with_router(life: u16, options: &[u8]) -> Self {
        let link = Link::new();
        link.wait(Duration::from_secs(1));
        link.hear(&advertisement(ROUTER, life, options));
        link
    }

    /// Puts a packet for all on the wire.
    pub fn tell(&self, packet: &[u8]) {
        let frame = ethernet([0x33, 0x33, 0, 0, 0, 1], packet);
        self.plug.clone().inject(self.clock.time(), &frame);
    }

    pub fn hear(&self, packet: &[u8]) {
        self.tell(packet);
        self.stack.poll().unwrap();
    }

    /// Lets so much time pass, and gives the frames that are sent meanwhile, but reports of groups.
    pub fn wait(&self, time: Duration) -> Vec<(Duration, Vec<u8>)> {
        let start = self.clock.time();
        let mut sent = Vec::new();
        loop {
            while self.stack.poll().unwrap() {}
            let passed = self.clock.time() - start;
            while let Some(frame) = self.plug.clone().take(self.clock.time()) {
                if frame[..6] != [0x33, 0x33, 0, 0, 0, 0x16] {
                    sent.push((passed, frame));
                }
            }
            if passed >= time {
                return sent;
            }
            let left = time - passed;
            let delay = self.stack.poll_delay().unwrap_or(left);
            self.clock.advance(delay.max(Duration::from_micros(1)).min(left));
        }
    }

    pub fn addresses(&self) -> Vec<IpAddr> {
        let addresses = self.stack.addresses().unwrap();
        addresses.iter().map(|cidr| cidr.address().into()).collect()
    }

    pub fn routers(&self) -> Vec<IpAddr> {
        self.stack.routes().unwrap().iter().map(|(_, router)| *router).collect()
    }
}

fn elsewhere() -> SocketAddr {
    (ELSEWHERE, 7).into()
}

/// RFC 4861 sections 4.1, 6.3.7 and 10.
#[test]
fn routers_are_asked_for_three_times() {
    let link = Link::new();
    assert_eq!(link.addresses(), [IpAddr::V6(LINK_LOCAL)]);
    let sent = link.wait(Duration::from_secs(3_600));
    assert_eq!(sent.len(), 3, "{sent:?}");
    assert!(sent[0].0 < Duration::from_secs(1), "{sent:?}");
    for pair in sent.windows(2) {
        assert_eq!(pair[1].0 - pair[0].0, Duration::from_secs(4));
    }
    for (_, frame) in &sent {
        assert_eq!(frame[..6], [0x33, 0x33, 0, 0, 0, 2]);
        assert_eq!(frame[6..12], NEAR_MAC);
        let option = [&[1, 1][..], &NEAR_MAC].concat();
        let message = icmpv6((LINK_LOCAL, ALL_ROUTERS), 133, 0, 0, &option);
        assert_eq!(frame[14..], ipv6(LINK_LOCAL, ALL_ROUTERS, ICMPV6, 255, &message));
    }
    assert_eq!(link.stack.poll_delay(), None);
}

#[test]
fn an_advertisement_brings_an_address_and_a_router() {
    let link = Link::with_router(1_800, &usual(86_400));
    assert_eq!(link.addresses(), [IpAddr::V6(LINK_LOCAL), IpAddr::V6(GLOBAL)]);
    assert_eq!(link.stack.addresses().unwrap()[1].prefix_len(), 64);
    assert_eq!(link.routers(), [IpAddr::V6(ROUTER)]);
    // There is no need to ask any more.
    assert_eq!(link.wait(Duration::from_secs(60)), []);

    // A datagram for elsewhere asks for the router, and goes there.
    let mut socket = link.stack.udp().unwrap().connect(elsewhere()).unwrap();
    socket.send(b"hello").unwrap();
    let question = link.wait(Duration::ZERO).remove(0).1;
    assert_eq!((question[54], &question[62..78]), (135, &ROUTER.octets()[..]));
    let answer = [&ROUTER.octets()[..], &[2, 1, 2, 0, 0, 0, 0, 2]].concat();
    let ends = (ROUTER, Ipv6Addr::from(<[u8; 16]>::try_from(&question[22..38]).unwrap()));
    let answer = icmpv6(ends, 136, 0, 0x6000_0000, &answer);
    link.hear(&ipv6(ends.0, ends.1, ICMPV6, 255, &answer));
    let datagram = link.wait(Duration::ZERO).remove(0).1;
    drop(socket);
    assert_eq!(datagram[22..38], GLOBAL.octets());
    assert_eq!(datagram[38..54], ELSEWHERE.octets());
    assert_eq!(datagram[62..], *b"hello");
}

/// Without that feature, or with it off, they are heard in vain.
#[test]
fn nothing_of_it_happens_unless_it_is_wanted() {
    let link = Link::with(|config| config.slaac = false);
    assert_eq!(link.wait(Duration::from_secs(60)), []);
    link.hear(&advertisement(ROUTER, 1_800, &usual(86_400)));
    assert!(link.addresses().is_empty() && link.routers().is_empty());
}

#[test]
fn an_address_ends_with_its_prefix() {
    let link = Link::with_router(9_000, &usual(7_200));
    let mut bound = link.stack.udp().unwrap().bind((GLOBAL, 7)).unwrap();
    link.wait(Duration::from_secs(7_190));
    let mut connecting = link.stack.tcp().unwrap().connect(elsewhere()).unwrap();
    link.wait(Duration::from_secs(9));
    assert_eq!(link.addresses().len(), 2);
    link.wait(Duration::from_secs(1));
    assert_eq!(link.addresses(), [IpAddr::V6(LINK_LOCAL)]);
    assert_error(connecting.poll(), Error::AddressLost);
    assert_error(bound.receive_from(&mut [0; 16]), Error::AddressLost);
    assert_eq!(link.routers(), [IpAddr::V6(ROUTER)], "the router has its own time");
    link.wait(Duration::from_secs(1_800));
    assert!(link.routers().is_empty());
    assert_eq!(link.stack.poll_delay(), None);
}

/// A device that sleeps wakes up for it.
#[test]
fn the_delay_tells_when_something_ends() {
    let link = Link::with_router(600, &usual(7_200));
    while link.stack.poll().unwrap() {}
    assert_eq!(link.stack.poll_delay(), Some(Duration::from_secs(600)));
    let link = Link::with_router(0, &usual(700));
    while link.stack.poll().unwrap() {}
    // It has no router yet, and asks on.
    assert!(link.stack.poll_delay().unwrap() <= Duration::from_secs(4));
}

#[test]
fn what_is_advertised_again_lasts_longer() {
    let link = Link::with_router(600, &usual(600));
    for _ in 0..10 {
        link.wait(Duration::from_secs(500));
        link.hear(&advertisement(ROUTER, 600, &usual(600)));
    }
    assert_eq!((link.addresses().len(), link.routers().len()), (2, 1));
    // For ever is for ever.
    link.hear(&advertisement(ROUTER, 600, &usual(u32::MAX)));
    link.wait(Duration::from_secs(1_000_000));
    assert_eq!((link.addresses().len(), link.routers().len()), (2, 0));
    assert_eq!(link.stack.poll_delay(), None);
}

/// RFC 4862 section 5.5.3: whoever forges an advertisement cannot end what is in use.
#[test]
fn an_address_cannot_be_cut_short() {
    let link = Link::with_router(1_800, &usual(86_400));
    link.hear(&advertisement(ROUTER, 1_800, &usual(0)));
    link.wait(Duration::from_secs(2 * 3_600 - 1));
    assert_eq!(link.addresses().len(), 2);
    link.wait(Duration::from_secs(1));
    assert_eq!(link.addresses().len(), 1);

    // What is left of one that has less than that stays as it is.
    let link = Link::with_router(1_800, &usual(600));
    link.hear(&advertisement(ROUTER, 1_800, &usual(1)));
    link.wait(Duration::from_secs(599));
    assert_eq!(link.addresses().len(), 2);
    link.wait(Duration::from_secs(1));
    assert_eq!(link.addresses().len(), 1);
}

#[test]
fn a_router_that_leaves_is_forgotten_at_once() {
    let link = Link::with_router(1_800, &usual(86_400));
    link.hear(&advertisement(OTHER_ROUTER, 1_800, &[]));
    assert_eq!(link.routers().len(), 2);
    link.hear(&advertisement(ROUTER, 0, &[]));
    assert_eq!(link.routers(), [IpAddr::V6(OTHER_ROUTER)]);
    link.hear(&advertisement(OTHER_ROUTER, 0, &[]));
    let (_, error) = failed(link.stack.udp().unwrap().connect(elsewhere()));
    assert_eq!(error, Error::NoRoute);
}

/// A gateway that was set is the application's word, and comes first.
#[test]
fn a_gateway_that_was_set_stays() {
    let link = Link::new();
    let gateway = "fe80::77".parse().unwrap();
    link.stack.set_gateway(gateway).unwrap();
    link.wait(Duration::from_secs(1));
    link.hear(&advertisement(ROUTER, 1_800, &usual(86_400)));
    assert_eq!(link.routers(), [IpAddr::V6(ROUTER), gateway]);
    let mut socket = link.stack.udp().unwrap().connect(elsewhere()).unwrap();
    socket.send(b"hello").unwrap();
    let question = link.wait(Duration::ZERO).remove(0).1;
    assert_eq!((question[54], question[77]), (135, 0x77), "it asked for the other");
    // Another one takes the place of the first, not of the router.
    let other = "fe80::78".parse().unwrap();
    link.stack.set_gateway(other).unwrap();
    assert_eq!(link.routers(), [IpAddr::V6(ROUTER), other]);
    link.wait(Duration::from_secs(3_600));
    assert_eq!(link.routers(), [other]);
}

/// RFC 4861 section 6.1.2, RFC 4862 section 5.5.3.
#[test]
fn what_is_no_proper_advertisement_is_ignored() {
    let options = usual(86_400);
    let good = advertisement(ROUTER, 1_800, &options);
    let change = |at: usize, value: u8| {
        let mut packet = good.clone();
        packet[at] = value;
        packet
    };
    let with_code = {
        let rest = [&[0; 8][..], &options].concat();
        ipv6(ROUTER, ALL_NODES, ICMPV6, 255, &icmpv6((ROUTER, ALL_NODES), 134, 1, 1_800, &rest))
    };
    let short = icmpv6((ROUTER, ALL_NODES), 134, 0, 1_800, &[0; 4]);
    let bad = [
        change(7, 254),
        change(43, good[43] ^ 1),
        change(60, 1),
        with_code,
        ipv6(ROUTER, ALL_NODES, ICMPV6, 255, &short),
        advertisement(GLOBAL, 1_800, &options),
        advertisement(ROUTER, 1_800, &[&options[..], &[0, 0]].concat()),
        advertisement(ROUTER, 1_800, &[&options[..], &[1, 0, 0, 0, 0, 0, 0, 0]].concat()),
        advertisement(ROUTER, 1_800, &[&options[..], &[1, 2, 0, 0, 0, 0, 0, 0]].concat()),
        advertisement(ROUTER, 1_800, &options[..31]),
        advertisement(ROUTER, 1_800, &[&options[..], &[5]].concat()),
    ];
    for packet in bad {
        let link = Link::new();
        link.wait(Duration::from_secs(1));
        link.hear(&packet);
        assert_eq!(link.addresses().len(), 1, "{packet:x?}");
        assert!(link.routers().is_empty(), "{packet:x?}");
    }
}

#[test]
fn a_prefix_that_is_not_for_addresses_brings_none() {
    let multicast = "ff02::".parse().unwrap();
    let link_local = "fe80::".parse().unwrap();
    for option in [
        prefix(PREFIX, 64, 0x80, 600, 600),
        prefix(PREFIX, 63, 0xc0, 600, 600),
        prefix(PREFIX, 48, 0xc0, 600, 600),
        prefix(PREFIX, 64, 0xc0, 600, 601),
        prefix(PREFIX, 64, 0xc0, 0, 0),
        prefix(link_local, 64, 0xc0, 600, 600),
        prefix(multicast, 64, 0xc0, 600, 600),
        [&[3, 1][..], &[64, 0xc0, 0, 0, 1, 0]].concat(),
    ] {
        let link = Link::with_router(1_800, &option);
        assert_eq!(link.addresses().len(), 1, "{option:x?}");
        assert_eq!(link.routers().len(), 1, "the rest of it is good");
    }
}

/// Options that are not known are passed over, and there may be several prefixes; what finds no
/// room is left out.
#[test]
fn other_options_and_too_many_prefixes_do_no_harm() {
    let mut options = vec![5, 1, 0, 0, 0, 0, 5, 0xdc, 200, 2];
    options.extend([7; 14]);
    options.extend(usual(600));
    for net in 2..20 {
        options.extend(prefix(
            Ipv6Addr::new(0x2001, 0xdb8, 0, net, 0, 0, 0, 0),
            64,
            0xc0,
            600,
            600,
        ));
    }
    let link = Link::with_router(1_800, &options);
    assert_eq!(link.addresses(), [IpAddr::V6(LINK_LOCAL), IpAddr::V6(GLOBAL)]);
    for router in 0..20 {
        link.hear(&advertisement(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 1, router), 1_800, &[]));
    }
    assert_eq!(link.routers().len(), 2);
}

#[test]
fn routers_are_asked_for_again_when_the_link_is_back() {
    let link = Link::with_router(1_800, &usual(86_400));
    link.stack.link_down().unwrap();
    assert_eq!(link.stack.poll_delay(), None);
    assert_eq!(link.wait(Duration::from_secs(60)), []);
    link.stack.link_up().unwrap();
    assert_eq!(link.wait(Duration::from_secs(1)).len(), 1);
    link.hear(&advertisement(OTHER_ROUTER, 1_800, &usual(86_400)));
    assert_eq!(link.wait(Duration::from_secs(60)), []);
}

/// A question that the device has no room for is sent when it has.
#[test]
fn a_question_waits_for_room() {
    let (device, mut plug) = Cable::ethernet().with_capacity(1).plugs();
    let clock = VirtualClock::new();
    let mut config = Config::ethernet(NEAR_MAC, 1);
    config.slaac = true;
    let stack = Stack::new(slots(1, 1), device.clone(), clock.clone(), config).unwrap();
    device.clone().inject(clock.time(), b"in the way");
    clock.advance(Duration::from_secs(1));
    stack.poll().unwrap();
    assert_eq!(stack.poll_delay(), Some(Duration::ZERO));
    assert_eq!(plug.take(clock.time()).unwrap(), b"in the way");
    let mut kinds = Vec::new();
    for _ in 0..4 {
        stack.poll().unwrap();
        kinds.extend(plug.take(clock.time()).map(|frame| frame[5]));
    }
    assert!(kinds.contains(&2), "{kinds:?}");
}

/// One that has an address of its own asks from that.
#[test]
fn a_link_local_address_that_was_given_is_used() {
    let link = Link::new();
    link.stack.remove_address(LINK_LOCAL.into()).unwrap();
    link.stack
        .add_address(IpCidr::new(Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5).into(), 64))
        .unwrap();
    let sent = link.wait(Duration::from_secs(1));
    assert_eq!(sent[0].1[22..38], Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 5).octets());
    // And one that has none from none, and does not say who it is.
    let link = Link::new();
    link.stack.remove_address(LINK_LOCAL.into()).unwrap();
    let sent = link.wait(Duration::from_secs(1));
    assert_eq!((sent[0].1.len(), &sent[0].1[22..38]), (14 + 40 + 8, &[0; 16][..]));
}

/// Whoever waits for a socket of an address that ends looks before it sleeps.
#[test]
fn the_end_of_an_address_is_looked_at() {
    let link = Link::with_router(1_800, &usual(100));
    let socket = link.stack.udp().unwrap().bind((GLOBAL, 7)).unwrap();
    link.clock.advance(Duration::from_secs(101));
    link.stack.poll().unwrap();
    assert_eq!(link.stack.poll_delay(), Some(Duration::ZERO));
    drop(socket);
}

#[test]
fn an_address_that_is_set_by_hand_stays() {
    let link = Link::with_router(1_800, &usual(100));
    link.stack.add_address(IpCidr::new(GLOBAL.into(), 64)).unwrap();
    link.wait(Duration::from_secs(200));
    assert!(link.addresses().contains(&GLOBAL.into()));
}

/// Advertised routers leave room for the one that is set.
#[test]
fn a_gateway_finds_room_among_routers() {
    let link = Link::with_router(1_800, &usual(100));
    link.hear(&advertisement(OTHER_ROUTER, 1_800, &usual(100)));
    let gateway = "192.168.69.254".parse().unwrap();
    assert_eq!(link.stack.set_gateway(gateway), Ok(()));
    assert!(link.routers().contains(&gateway));
    assert!(link.routers().iter().any(|router| router.is_ipv6()));
}

/// A device may show frames that are for others.
#[test]
fn an_advertisement_to_another_host_is_not_heard() {
    let link = Link::new();
    link.wait(Duration::from_secs(1));
    let frame = ethernet([2, 9, 9, 9, 9, 9], &advertisement(ROUTER, 1_800, &usual(100)));
    link.plug.clone().inject(link.clock.time(), &frame);
    link.stack.poll().unwrap();
    assert_eq!((link.addresses().len(), link.routers().len()), (1, 0));
}
