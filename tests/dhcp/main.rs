//! Leases, from a DHCP server that is played by hand.

mod bad_answers;
#[path = "../common/mod.rs"]
mod common;
mod leases;
mod link;
mod server;
mod settings;
mod tasks;
mod time;

use std::net::{IpAddr, Ipv4Addr};

use common::{FAR, far};
use server::{ACK, Asked, DISCOVER, NAMES, OFFER, REQUEST, ROUTER, Server};
use sockstate::state::Connected;
use sockstate::testing::Lab;
use sockstate::{Dhcp, Duration, Error, IpCidr, Lease, TcpSocket, nb};

/// What the server leases.
const LEASED: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 100);
const OTHER: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 101);
const ROUTED: Ipv4Addr = Ipv4Addr::new(192, 168, 69, 254);

/// For how many seconds.
const HOUR: u32 = 3_600;

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn ip(addr: Ipv4Addr) -> IpAddr {
    addr.into()
}

/// A lab whose near stack has no IPv4 address.
fn lab() -> Lab {
    let lab = Lab::new(7);
    lab.near.remove_address(ip(common::NEAR)).unwrap();
    lab
}

/// The server of a network that lacks nothing.
fn sound(asked: &Asked) -> Vec<Vec<u8>> {
    leasing(LEASED, HOUR)(asked)
}

/// A server that leases this address for so many seconds.
fn leasing(addr: Ipv4Addr, seconds: u32) -> impl Fn(&Asked) -> Vec<Vec<u8>> {
    move |asked| {
        let answer = asked.grant(addr, seconds);
        vec![answer.with(ROUTER, &ROUTED.octets()).with(NAMES, &FAR.octets()).bytes()]
    }
}

fn silent(_: &Asked) -> Vec<Vec<u8>> {
    Vec::new()
}

/// Waits for a change while the server answers as told.
fn next(
    lab: &Lab,
    server: &Server<'_>,
    dhcp: &mut Dhcp<'_>,
    mut answer: impl FnMut(&Asked) -> Vec<Vec<u8>>,
) -> Result<Option<Lease>, Error> {
    lab.block(|| {
        server.step(lab, &mut answer);
        dhcp.poll()
    })
}

/// Takes a lease, and gives the moment of that.
fn lease(
    lab: &Lab,
    server: &Server<'_>,
    dhcp: &mut Dhcp<'_>,
    answer: impl FnMut(&Asked) -> Vec<Vec<u8>>,
) -> sockstate::Instant {
    assert!(next(lab, server, dhcp, answer).unwrap().is_some());
    server.forget();
    lab.clock.time()
}

/// Lets time pass while the server answers as told.
fn pass(
    lab: &Lab,
    server: &Server<'_>,
    time: Duration,
    mut answer: impl FnMut(&Asked) -> Vec<Vec<u8>>,
) {
    let end = lab.near.block_for(time, || -> nb::Result<(), Error> {
        server.step(lab, &mut answer);
        Err(nb::Error::WouldBlock)
    });
    assert_eq!(end, Err(Error::TimedOut));
}

/// The IPv4 addresses of the near stack.
fn addresses(lab: &Lab) -> Vec<IpCidr> {
    let addresses = lab.near.addresses().unwrap();
    addresses.into_iter().filter(|cidr| matches!(cidr, IpCidr::Ipv4(_))).collect()
}

fn cidr(addr: Ipv4Addr, prefix_len: u8) -> IpCidr {
    IpCidr::new(addr.into(), prefix_len)
}

/// Whether there is a way to other networks; if need be, from an address that is lent for that.
fn is_routed(lab: &Lab) -> bool {
    let is_lent = addresses(lab).is_empty();
    if is_lent {
        lab.near.add_address(cidr(common::NEAR, 24)).unwrap();
    }
    let connected = lab.near.udp().unwrap().connect("203.0.113.1:9".parse().unwrap());
    let error = connected.map(drop).map_err(|failed| failed.error());
    assert!(matches!(error, Ok(()) | Err(Error::NoRoute)), "{error:?}");
    if is_lent {
        lab.near.remove_address(ip(common::NEAR)).unwrap();
    }
    error.is_ok()
}

/// A connection to the far stack, and its other end.
fn connection<'lab>(lab: &'lab Lab) -> (TcpSocket<'lab, Connected>, TcpSocket<'lab, Connected>) {
    let mut listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let near = lab.near.tcp().unwrap().connect(far(80)).unwrap().wait().unwrap();
    (near, lab.block(|| listener.accept()).unwrap().0)
}
