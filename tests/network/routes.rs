//! Static routes.

use std::net::{IpAddr, Ipv4Addr};

use sockstate::testing::Lab;
use sockstate::{Duration, Error, IpCidr};

use crate::common::{FAR, FAR_V6, NEAR, assert_error, failed};

fn cidr(text: &str) -> IpCidr {
    text.parse().unwrap()
}

fn addr(text: &str) -> IpAddr {
    text.parse().unwrap()
}

#[test]
fn packets_for_another_network_go_to_its_router() {
    let lab = Lab::new(1);
    let remote = (Ipv4Addr::new(10, 1, 2, 3), 7).into();
    let (_, error) = failed(lab.near.udp().unwrap().connect(remote));
    assert_eq!(error, Error::NoRoute);

    lab.near.add_route(cidr("10.0.0.0/8"), FAR.into()).unwrap();
    // The router has the address of the other network as well.
    lab.far.remove_address(FAR_V6.into()).unwrap();
    lab.far.add_address(cidr("10.1.2.3/8")).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let mut socket = lab.near.udp().unwrap().connect(remote).unwrap();
    socket.send(b"hello").unwrap();
    let (len, from) = lab.block(|| peer.receive_from(&mut [0; 16])).unwrap();
    assert_eq!((len, from.ip()), (5, IpAddr::V4(NEAR)));

    lab.near.remove_route(cidr("10.0.0.0/8")).unwrap();
    assert_error(socket.send(b"hello"), Error::NoRoute);
    // Another network that is not on the link has no route either.
    let elsewhere = (Ipv4Addr::new(11, 1, 2, 3), 7).into();
    assert_eq!(failed(lab.near.udp().unwrap().connect(elsewhere)).1, Error::NoRoute);
}

/// Other networks have no route, nor has what is not a packet of the same IP version.
#[test]
fn a_route_is_for_its_own_network() {
    let lab = Lab::new(1);
    lab.near.add_route(cidr("10.0.0.0/8"), FAR.into()).unwrap();
    for remote in ["11.1.2.3:7", "9.255.255.255:7", "[2001:db8::1]:7"] {
        let (_, error) = failed(lab.near.udp().unwrap().connect(remote.parse().unwrap()));
        assert_eq!(error, Error::NoRoute, "{remote}");
    }
}

/// The closest network decides: the other router does not exist.
#[test]
fn the_closest_network_decides() {
    let lab = Lab::new(1);
    lab.near.add_route(cidr("10.1.0.0/16"), FAR.into()).unwrap();
    lab.near.set_gateway(addr("192.168.69.77")).unwrap();
    lab.far.remove_address(FAR_V6.into()).unwrap();
    lab.far.add_address(cidr("10.1.2.3/8")).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let remote = (Ipv4Addr::new(10, 1, 2, 3), 7).into();
    let mut socket = lab.near.udp().unwrap().connect(remote).unwrap();
    socket.send(b"hello").unwrap();
    assert_eq!(lab.block(|| peer.receive_from(&mut [0; 16])).unwrap().0, 5);
}

/// What waited for a router that did not answer goes to the new one.
#[test]
fn a_new_route_is_used_at_once_by_what_waits() {
    let lab = Lab::new(1);
    // The new one's hardware address is known.
    let mut probe = lab.near.udp().unwrap().bind(9).unwrap();
    probe.send_to(b"", (FAR, 9).into()).unwrap();
    lab.run_for(Duration::from_secs(2));
    lab.near.add_route(cidr("10.0.0.0/8"), addr("192.168.69.77")).unwrap();
    lab.far.remove_address(FAR_V6.into()).unwrap();
    lab.far.add_address(cidr("10.1.2.3/8")).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(7).unwrap();
    let remote = (Ipv4Addr::new(10, 1, 2, 3), 7).into();
    let mut socket = lab.near.udp().unwrap().connect(remote).unwrap();
    socket.send(b"hello").unwrap();
    lab.run_for(Duration::from_millis(5_100));
    lab.near.add_route(cidr("10.0.0.0/8"), FAR.into()).unwrap();
    let start = lab.clock.time();
    assert_eq!(lab.block(|| peer.receive_from(&mut [0; 16])).unwrap().0, 5);
    assert!(lab.clock.time() - start < Duration::from_millis(1));
}

#[test]
fn routes_are_listed_replaced_and_removed() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    net.add_route(cidr("10.0.0.0/8"), addr("192.168.69.2")).unwrap();
    net.set_gateway(addr("fd00::2")).unwrap();
    let expected = [(cidr("10.0.0.0/8"), addr("192.168.69.2")), (cidr("::/0"), addr("fd00::2"))];
    assert_eq!(net.routes().unwrap(), expected);

    // The table is full, but a network that is known has its place, whatever names it.
    assert_eq!(net.add_route(cidr("11.0.0.0/8"), addr("192.168.69.2")), Err(Error::OutOfRoutes));
    assert_eq!(net.routes().unwrap(), expected);
    net.add_route(cidr("10.9.9.9/8"), addr("192.168.69.3")).unwrap();
    assert_eq!(net.routes().unwrap().len(), 2);
    assert_eq!(net.remove_route(cidr("10.0.0.0/9")), Err(Error::NoRoute));
    assert_eq!(net.remove_route(cidr("fd00::/8")), Err(Error::NoRoute));
    net.remove_route(cidr("10.0.0.0/8")).unwrap();
    assert_eq!(net.remove_route(cidr("10.0.0.0/8")), Err(Error::NoRoute));
    net.clear_gateways().unwrap();
    assert!(net.routes().unwrap().is_empty());

    // It leaves other routes alone.
    net.add_route(cidr("10.0.0.0/8"), addr("192.168.69.2")).unwrap();
    net.set_gateway(addr("192.168.69.3")).unwrap();
    net.clear_gateways().unwrap();
    assert_eq!(net.routes().unwrap(), [(cidr("10.0.0.0/8"), addr("192.168.69.2"))]);
    net.remove_route(cidr("10.0.0.0/8")).unwrap();

    // The network of all addresses is the gateway's.
    net.add_route(cidr("0.0.0.0/0"), FAR.into()).unwrap();
    net.clear_gateways().unwrap();
    assert!(net.routes().unwrap().is_empty());
}

#[test]
fn a_router_that_cannot_be_one_is_an_error() {
    let lab = Lab::new(1);
    for (network, router) in [
        ("10.0.0.0/8", "224.0.0.1"),
        ("10.0.0.0/8", "0.0.0.0"),
        ("10.0.0.0/8", "255.255.255.255"),
        ("10.0.0.0/8", "fd00::2"),
        ("fd01::/64", "192.168.69.2"),
        ("fd01::/64", "ff02::1"),
    ] {
        let added = lab.near.add_route(cidr(network), addr(router));
        assert_eq!(added, Err(Error::Unaddressable), "{network} by {router}");
    }
    assert!(lab.near.routes().unwrap().is_empty());
}
