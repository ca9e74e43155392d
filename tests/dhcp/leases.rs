//! What a lease does, and what an application sees of it.

use std::net::SocketAddr;

use sockstate::AddrType;
use sockstate::smoltcp::wire::DhcpOption;

use super::*;
use crate::common::name_server::{self, address, reply};
use crate::common::{assert_blocks, assert_error, failed};
use crate::server::HOST_NAME;

#[test]
fn a_lease_is_taken() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    assert_blocks(dhcp.poll());
    assert_eq!(dhcp.lease(), Ok(None));

    let start = lab.clock.time();
    let lease = next(&lab, &server, &mut dhcp, sound).unwrap().unwrap();
    assert_eq!(lease.address, cidr(LEASED, 24));
    assert_eq!(lease.router, Some(ip(ROUTED)));
    assert_eq!(lease.dns_servers[..], [ip(FAR)]);
    assert_eq!(lease.server, ip(FAR));
    assert_eq!(lease.since, start);
    assert_eq!(lease.until, Some(start + seconds(HOUR.into())));
    assert_eq!(dhcp.lease(), Ok(Some(lease)));
    assert_blocks(dhcp.poll());

    assert_eq!(server.kinds(), [DISCOVER, REQUEST]);
    let request = server.last();
    assert_eq!((request.requested, request.server), (Some(LEASED), Some(FAR)));
    assert_eq!(addresses(&lab), [cidr(LEASED, 24)]);
    assert!(is_routed(&lab));
    let (near, _far) = connection(&lab);
    assert_eq!(near.local_endpoint().unwrap().addr, Some(ip(LEASED)));
}

#[test]
fn waiting_gives_the_lease_and_tells_of_it_once() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let lease = dhcp.wait_with(|_| {
        server.step(&lab, sound);
        lab.step();
    });
    let lease = lease.unwrap();
    assert_eq!(lease.address, cidr(LEASED, 24));
    assert_blocks(dhcp.poll());
    assert_eq!(dhcp.wait(), Ok(lease));
}

#[test]
fn look_ups_ask_the_servers_of_the_lease() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let names = name_server::Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let lookup = || lab.near.lookup("host.test", AddrType::Ipv4);
    next(&lab, &server, &mut dhcp, sound).unwrap();

    let mut asking = lookup().unwrap();
    let found = lab.block(|| {
        names.step(&lab, |asked| vec![reply(asked, 0, &[address("host.test", "10.0.0.7")])]);
        asking.poll()
    });
    assert_eq!(found, Ok("10.0.0.7".parse().unwrap()));
    drop(asking);
    dhcp.stop().unwrap();
    assert_eq!(lookup().map(drop), Err(Error::NoNameServer));
}

#[test]
fn the_handle_may_go_and_others_are_told_all_the_same() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let _ = lab.near.dhcp().unwrap();
    let mut first = lab.near.dhcp().unwrap();
    next(&lab, &server, &mut first, sound).unwrap().unwrap();

    // One that comes later is told of the lease that there is, and of every change from then on.
    let mut second = lab.near.dhcp().unwrap();
    assert_blocks(first.poll());
    assert_eq!(second.poll().unwrap(), first.lease().unwrap());
    assert_blocks(second.poll());
    pass(&lab, &server, seconds(HOUR.into()), silent);
    assert_eq!(first.poll(), Ok(None));
    assert_eq!(second.poll(), Ok(None));
    assert_blocks(second.poll());
}

#[test]
fn of_several_changes_the_last_one_is_told() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    pass(&lab, &server, seconds(30), leasing(LEASED, 120));
    // It is lost, and taken anew.
    pass(&lab, &server, seconds(120), silent);
    pass(&lab, &server, seconds(30), leasing(OTHER, 120));
    assert_eq!(dhcp.poll().unwrap().unwrap().address, cidr(OTHER, 24));
    assert_blocks(dhcp.poll());
}

#[test]
fn stopping_takes_everything_away() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut dhcp = lab.near.dhcp().unwrap();
    let mut other = lab.near.dhcp().unwrap();
    next(&lab, &server, &mut dhcp, sound).unwrap();
    let (mut near, _far) = connection(&lab);
    let mut udp = lab.near.udp().unwrap().bind((LEASED, 9)).unwrap();

    dhcp.stop().unwrap();
    assert_error(near.receive(&mut [0; 16]), Error::AddressLost);
    assert_error(udp.receive_from(&mut [0; 16]), Error::AddressLost);
    assert_eq!(addresses(&lab), []);
    assert!(!is_routed(&lab));
    assert_error(other.poll(), Error::WrongState);
    assert_eq!(other.lease(), Ok(None));

    server.forget();
    pass(&lab, &server, seconds(HOUR.into()), sound);
    assert_eq!(server.kinds(), []);
    // A new beginning is no change yet.
    let mut dhcp = lab.near.dhcp().unwrap();
    assert_blocks(dhcp.poll());
    assert!(next(&lab, &server, &mut dhcp, sound).unwrap().is_some());
}

#[test]
fn a_socket_is_not_bound_to_the_clients_port() {
    let lab = lab();
    let server = Server::new(&lab.far);
    let socket = lab.near.udp().unwrap().bind(68).unwrap();
    assert_eq!(lab.near.dhcp().map(drop), Err(Error::AddressInUse));
    drop(socket);
    let mut dhcp = lab.near.dhcp().unwrap();
    let (socket, error) = failed(lab.near.udp().unwrap().bind(68));
    assert_eq!(error, Error::AddressInUse);
    // It is the client's for IPv4 alone.
    let v6 = "[fd00::1]:68".parse::<SocketAddr>().unwrap();
    let mut other = lab.near.udp().unwrap().bind(v6).unwrap();
    let mut peer = lab.far.udp().unwrap().bind(9).unwrap();
    peer.send_to(b"hello", v6).unwrap();
    assert_eq!(lab.block(|| other.receive_from(&mut [0; 16])).unwrap().0, 5);
    drop(other);
    next(&lab, &server, &mut dhcp, sound).unwrap();
    dhcp.stop().unwrap();
    let mut socket = socket.bind(68).unwrap();

    // Then the port is as any other.
    lab.near.add_address(cidr(common::NEAR, 24)).unwrap();
    peer.send_to(b"hello", common::near(68)).unwrap();
    assert_eq!(lab.block(|| socket.receive_from(&mut [0; 16])), Ok((5, far(9))));
}

#[test]
fn options_of_ones_own_are_sent() {
    static OPTIONS: [DhcpOption; 1] = [DhcpOption { kind: HOST_NAME, data: b"thermometer" }];
    let lab = lab();
    let server = Server::new(&lab.far);
    let mut config = sockstate::DhcpConfig::default();
    config.options = &OPTIONS;
    let mut dhcp = lab.near.dhcp_with(config).unwrap();
    assert_eq!(lab.near.dhcp_with(config).map(drop), Err(Error::AddressInUse));
    next(&lab, &server, &mut dhcp, sound).unwrap();
    for asked in server.asked.borrow().iter() {
        assert!(asked.options.contains(&(HOST_NAME, b"thermometer".to_vec())));
    }
}
