//! What a router advertises beside what was set by hand, and when it is no longer used.

use std::net::{IpAddr, Ipv6Addr, SocketAddr};

use sockstate::device::Cable;
use sockstate::testing::VirtualClock;
use sockstate::{Config, Duration, Error, IpCidr, Net, Stack};

use crate::common::{failed, slots};
use crate::slaac::{GLOBAL, LINK_LOCAL, Link, ROUTER, advertisement, prefix, usual};

/// Not all hosts at once, when the power is back (RFC 4861 section 6.3.7).
#[test]
fn hosts_ask_at_different_times_and_within_a_second() {
    let mut first: Vec<Duration> = (1..=8)
        .map(|seed| Link::with(|config| config.seed = seed).wait(Duration::from_secs(2))[0].0)
        .collect();
    first.sort();
    assert!(first.iter().all(|at| *at < Duration::from_secs(1)), "{first:?}");
    let apart = first.windows(2).filter(|pair| pair[0] != pair[1]).count();
    assert!(apart > 5, "{first:?}");
}

/// Each of the others is right in a part of what tells ff00::/8 and fe80::/10.
#[test]
fn prefixes_of_the_link_and_of_groups_bring_no_address_and_others_do() {
    for (network, is_fit) in [
        ("febf::", false),
        ("fe8f:1::", false),
        ("ff15::", false),
        ("fd80::", true),
        ("fec0::", true),
        ("2a80::", true),
        ("3fff::", true),
    ] {
        let network: Ipv6Addr = network.parse().unwrap();
        let link = Link::with_router(1_800, &prefix(network, 64, 0xc0, 600, 600));
        assert_eq!(link.addresses().len(), if is_fit { 2 } else { 1 }, "{network}");
    }
}

/// Neither a router nor an address whose time is none, and not between the halves of a poll either.
#[test]
fn what_is_over_from_the_start_is_not_there() {
    let link = Link::new();
    link.wait(Duration::from_secs(1));
    link.tell(&advertisement(ROUTER, 0, &usual(0)));
    for half in [Net::poll_ingress, Net::poll_egress] {
        half(&link.stack).unwrap();
        assert_eq!(link.addresses(), [IpAddr::V6(LINK_LOCAL)]);
        assert!(link.routers().is_empty());
    }
}

/// At the very moment, whether or not the stack was polled since.
#[test]
fn a_router_is_not_used_from_the_moment_on_at_which_its_time_is_over() {
    let elsewhere: SocketAddr = "[2001:db8:ffff::9]:7".parse().unwrap();
    let link = Link::with_router(600, &usual(7_200));
    link.clock.advance(Duration::from_millis(599_999));
    drop(link.stack.udp().unwrap().connect(elsewhere).unwrap());
    link.clock.advance(Duration::from_millis(1));
    let (_, error) = failed(link.stack.udp().unwrap().connect(elsewhere));
    assert_eq!(error, Error::NoRoute);
}

/// The gateway is the application's word, even if the router says of itself that it goes.
#[test]
fn a_gateway_that_advertises_itself_stays() {
    let link = Link::new();
    link.stack.set_gateway(ROUTER.into()).unwrap();
    link.wait(Duration::from_secs(1));
    link.hear(&advertisement(ROUTER, 100, &[]));
    link.hear(&advertisement(ROUTER, 0, &[]));
    link.wait(Duration::from_secs(200));
    assert_eq!(link.routers(), [IpAddr::V6(ROUTER)]);
}

/// An address that was there before is not the router's to take away.
#[test]
fn an_address_that_was_set_before_stays() {
    let link = Link::new();
    link.stack.remove_address(LINK_LOCAL.into()).unwrap();
    link.stack.add_address(IpCidr::new(GLOBAL.into(), 64)).unwrap();
    link.wait(Duration::from_secs(1));
    link.hear(&advertisement(ROUTER, 1_800, &usual(100)));
    assert_eq!(link.addresses(), [IpAddr::V6(GLOBAL)]);
    link.wait(Duration::from_secs(200));
    assert_eq!(link.addresses(), [IpAddr::V6(GLOBAL)]);
}

/// An address of another kind does not stand in for it, nor are routers asked from that.
#[test]
fn a_link_local_address_that_is_missing_is_given_when_the_link_is_back() {
    let link = Link::with_router(1_800, &usual(86_400));
    link.stack.remove_address(LINK_LOCAL.into()).unwrap();
    link.stack.link_down().unwrap();
    link.stack.link_up().unwrap();
    assert_eq!(link.addresses(), [IpAddr::V6(GLOBAL), IpAddr::V6(LINK_LOCAL)]);
    let sent = link.wait(Duration::from_secs(1));
    assert_eq!(sent[0].1[22..38], LINK_LOCAL.octets());
}

/// The one route that is learnt does not give way to one that there is no room for.
#[test]
fn the_only_router_that_is_known_does_not_give_way() {
    let link = Link::with_router(1_800, &[]);
    let gateway: IpAddr = "192.168.69.254".parse().unwrap();
    link.stack.set_gateway(gateway).unwrap();
    let other = "10.0.0.0/8".parse().unwrap();
    assert_eq!(link.stack.add_route(other, gateway), Err(Error::OutOfRoutes));
    assert_eq!(link.routers(), [IpAddr::V6(ROUTER), gateway]);
}

/// A medium without hardware addresses has nothing to form an address of.
#[test]
fn a_medium_of_plain_ip_does_without() {
    let (device, mut plug) = Cable::ip().plugs();
    let clock = VirtualClock::new();
    let mut config = Config::ip(1);
    config.slaac = true;
    let stack = Stack::new(slots(1, 1), device, clock.clone(), config).unwrap();
    for _ in 0..20 {
        clock.advance(Duration::from_secs(1));
        stack.poll().unwrap();
        assert_eq!(plug.take(clock.time()), None);
    }
    assert!(stack.addresses().unwrap().is_empty());
    assert_eq!(stack.poll_delay(), None);
}
