//! Sockets that connect to a host by its name, in virtual time; names of the link's own hosts.

mod bad_names;
#[path = "../common/mod.rs"]
mod common;
mod local;
mod tcp;
mod turns;
mod udp;

use std::net::{IpAddr, SocketAddr};

use common::name_server::{A, Asked, Server, address, reply};
use sockstate::state::{Closed, Connected, Connecting, Resolving};
use sockstate::testing::Lab;
use sockstate::{Duration, Error, Net, Protocol, TcpSocket, UdpSocket};

const HOST: &str = "host.test";
const PORT: u16 = 80;
const SLOTS: usize = 4;

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}

fn at(text: &str) -> SocketAddr {
    (ip(text), PORT).into()
}

/// A lab whose near stack has four slots of each protocol and asks the far one, at both of its
/// addresses.
fn lab() -> Lab {
    let lab = Lab::builder(7).near(common::slots(SLOTS, SLOTS)).build();
    lab.near.set_dns_servers(&[ip("192.168.69.2"), ip("fd00::2")]).unwrap();
    lab
}

/// The free slots of each protocol.
fn free(net: &Net) -> [usize; 2] {
    [Protocol::Tcp, Protocol::Udp].map(|protocol| net.free_slots(protocol).unwrap())
}

/// What a server says that knows these addresses of every host.
fn knows(asked: &Asked, addrs: &[&str]) -> Vec<Vec<u8>> {
    let is_wanted = |addr: &&&str| ip(addr).is_ipv4() == (asked.kind == A);
    let records: Vec<_> =
        addrs.iter().filter(is_wanted).map(|addr| address(&asked.name, addr)).collect();
    vec![reply(asked, 0, &records)]
}

type Resolved<'net> = Result<TcpSocket<'net, Connecting>, (TcpSocket<'net, Closed>, Error)>;
type Tied<'net> = Result<UdpSocket<'net, Connected>, (UdpSocket<'net, Closed>, Error)>;

/// Waits until the addresses are known, while the server answers as told.
fn resolve<'net>(
    lab: &Lab,
    server: &Server<'_>,
    socket: TcpSocket<'net, Resolving<'_>>,
    mut answer: impl FnMut(&Asked) -> Vec<Vec<u8>>,
) -> Resolved<'net> {
    let end = lab.clock.time() + Duration::from_secs(3_600);
    let resolved = socket.wait_with(|_| {
        assert!(lab.clock.time() < end, "it has no end");
        server.step(lab, &mut answer);
        lab.step();
    });
    resolved.map_err(|failed| failed.into_parts())
}

/// As `resolve`, for a UDP socket.
fn tie<'net>(
    lab: &Lab,
    server: &Server<'_>,
    socket: UdpSocket<'net, Resolving<'_>>,
    mut answer: impl FnMut(&Asked) -> Vec<Vec<u8>>,
) -> Tied<'net> {
    let end = lab.clock.time() + Duration::from_secs(3_600);
    let tied = socket.wait_with(|_| {
        assert!(lab.clock.time() < end, "it has no end");
        server.step(lab, &mut answer);
        lab.step();
    });
    tied.map_err(|failed| failed.into_parts())
}

/// A request to a host that has these addresses.
fn connect<'net>(lab: &'net Lab, addrs: &[&str]) -> Resolved<'net> {
    let server = Server::new(&lab.far);
    let socket = lab.near.tcp().unwrap().connect_by_name(HOST, PORT).unwrap();
    resolve(lab, &server, socket, |asked| knows(asked, addrs))
}
