//! Addresses and ports that cannot be used.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use sockstate::device::Plug;
use sockstate::state::Closed;
use sockstate::testing::Lab;
use sockstate::{
    Config, Duration, Error, Heap, Instant, LocalEndpoint, Net, Protocol, Stack, TcpSocket,
};

use crate::common::{FAR_V6, NEAR, assert_error, failed, far, slots};

const NEAR_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 1);
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);

fn addr(text: &str) -> SocketAddr {
    text.parse().unwrap()
}

fn tcp(net: &Net) -> TcpSocket<'_, Closed> {
    net.tcp().unwrap()
}

#[test]
fn port_zero() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let net = lab.near.net();
    // One slot only: each failure gives it back.
    let (socket, error) = failed(tcp(net).bind(0));
    assert_eq!(error, Error::PortZero);
    let (socket, error) = failed(socket.bind((NEAR, 0)));
    assert_eq!(error, Error::PortZero);
    let (socket, error) = failed(socket.connect(far(0)));
    assert_eq!(error, Error::PortZero);
    let bound = socket.bind(6_000).unwrap();
    let (bound, error) = failed(bound.connect(far(0)));
    assert_eq!(error, Error::PortZero);
    assert_eq!(bound.local_endpoint(), Ok(LocalEndpoint::from(6_000)));
    drop(bound.connect(far(80)).unwrap());

    let (socket, error) = failed(net.udp().unwrap().bind(0));
    assert_eq!(error, Error::PortZero);
    let (socket, error) = failed(socket.connect(far(0)));
    assert_eq!(error, Error::PortZero);
    let mut bound = socket.bind(6_000).unwrap();
    assert_error(bound.send_to(b"x", far(0)), Error::PortZero);
    assert_eq!(bound.send_to(b"x", far(7)), Ok(()));
}

#[test]
fn remote_that_cannot_be_a_tcp_peer() {
    let lab = Lab::builder(1).near(slots(1, 1)).build();
    let mut socket = tcp(lab.near.net());
    for remote in [
        "0.0.0.0:80",
        "255.255.255.255:80",
        "192.168.69.255:80",
        "224.0.0.1:80",
        "239.255.255.255:80",
        "[::]:80",
        "[ff02::1]:80",
        "[ff0e::1234]:80",
    ] {
        let (closed, error) = failed(socket.connect(addr(remote)));
        assert_eq!(error, Error::Unaddressable, "{remote}");
        let (bound, error) = failed(closed.bind(6_000).unwrap().connect(addr(remote)));
        assert_eq!(error, Error::Unaddressable, "{remote}");
        drop(bound);
        socket = tcp(lab.near.net());
    }
    drop(socket.connect(far(80)).unwrap());
}

/// For UDP only the unspecified address is no destination.
#[test]
fn remote_that_is_many_or_none_for_udp() {
    let lab = Lab::new(1);
    let mut server = lab.far.udp().unwrap().bind(7).unwrap();
    let mut socket = lab.near.udp().unwrap().bind(7).unwrap();
    for remote in ["0.0.0.0:7", "[::]:7"] {
        assert_error(socket.send_to(b"x", addr(remote)), Error::Unaddressable);
        let (_, error) = failed(lab.near.udp().unwrap().connect(addr(remote)));
        assert_eq!(error, Error::Unaddressable, "{remote}");
    }
    for remote in ["255.255.255.255:7", "192.168.69.255:7", "224.0.0.1:7", "[ff02::1]:7"] {
        assert_eq!(socket.send_to(remote.as_bytes(), addr(remote)), Ok(()));
        let mut buffer = [0; 32];
        let (len, _) = lab.block(|| server.receive_from(&mut buffer)).unwrap();
        assert_eq!(&buffer[..len], remote.as_bytes());
    }
}

#[test]
fn address_of_the_other_ip_version() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    let pairs: [(IpAddr, SocketAddr); 2] =
        [(NEAR.into(), (FAR_V6, 80).into()), (NEAR_V6.into(), far(80))];
    for (local, remote) in pairs {
        let (bound, error) = failed(tcp(net).bind((local, 6_000)).unwrap().connect(remote));
        assert_eq!(error, Error::AddressFamily);
        assert_eq!(bound.local_endpoint().unwrap().addr, Some(local));

        let mut bound = net.udp().unwrap().bind((local, 6_000)).unwrap();
        assert_error(bound.send_to(b"x", remote), Error::AddressFamily);
        let (_bound, error) = failed(bound.connect(remote));
        assert_eq!(error, Error::AddressFamily);
    }
}

#[test]
fn no_address_of_the_version_yet() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    net.remove_address(NEAR_V6.into()).unwrap();
    let (socket, error) = failed(tcp(net).connect((FAR_V6, 80).into()));
    assert_eq!(error, Error::NoAddress);
    drop(socket.connect(far(80)).unwrap());
    let (socket, error) = failed(net.udp().unwrap().connect((FAR_V6, 7).into()));
    assert_eq!(error, Error::NoAddress);
    let mut bound = socket.bind(7).unwrap();
    assert_error(bound.send_to(b"x", (FAR_V6, 7).into()), Error::NoAddress);
    assert_eq!(bound.send_to(b"x", far(7)), Ok(()));
}

#[test]
fn no_route() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    let (mut socket, error) = failed(tcp(net).connect((ELSEWHERE, 80).into()));
    assert_eq!(error, Error::NoRoute);
    for remote in ["127.0.0.1:80", "[::ffff:192.168.69.2]:80", "[2001:db8::1]:80"] {
        let (back, error) = failed(socket.connect(addr(remote)));
        assert_eq!(error, Error::NoRoute, "{remote}");
        socket = back;
    }
    let mut udp = net.udp().unwrap().bind(7).unwrap();
    assert_error(udp.send_to(b"x", (ELSEWHERE, 7).into()), Error::NoRoute);

    net.set_gateway(IpAddr::from([192, 168, 69, 2])).unwrap();
    drop(socket.connect((ELSEWHERE, 80).into()).unwrap());
    assert_eq!(udp.send_to(b"x", (ELSEWHERE, 7).into()), Ok(()));
    net.clear_gateways().unwrap();
    assert_error(udp.send_to(b"x", (ELSEWHERE, 7).into()), Error::NoRoute);
}

/// There is no loopback, and the stack is not its own neighbour.
#[test]
fn connecting_to_the_own_address() {
    let lab = Lab::new(1);
    let _listener = tcp(lab.near.net()).bind(80).unwrap().listen(1).unwrap();
    for own in [(NEAR, 80).into(), (NEAR_V6, 80).into()] {
        let (_, error) = failed(tcp(lab.near.net()).connect(own));
        assert_eq!(error, Error::NoRoute);
    }
}

#[test]
fn address_that_is_not_of_the_interface() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    let (socket, error) = failed(tcp(net).bind((ELSEWHERE, 80)));
    assert_eq!(error, Error::AddressNotAvailable);
    let (udp, error) = failed(net.udp().unwrap().bind((ELSEWHERE, 80)));
    assert_eq!(error, Error::AddressNotAvailable);
    let bound = socket.bind((NEAR, 80)).unwrap();
    drop(udp.bind((NEAR, 80)).unwrap());

    // One that is lost between bind and listen.
    net.remove_address(NEAR.into()).unwrap();
    let (bound, error) = failed(bound.listen(1));
    assert_eq!(error, Error::AddressNotAvailable);
    let (bound, error) = failed(bound.connect(far(80)));
    assert_eq!(error, Error::AddressLost);
    net.add_address("192.168.69.1/24".parse().unwrap()).unwrap();
    drop(bound.listen(1).unwrap());
}

/// A port on every address is in the way of the same port on one address, and the other way
/// round; on two addresses it is free twice.
#[test]
fn second_bind_of_an_address() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    let any = LocalEndpoint::from(80);
    let v4 = LocalEndpoint::from((NEAR, 80));
    let v6 = LocalEndpoint::from((NEAR_V6, 80));
    for (first, second, free) in [
        (any, any, false),
        (any, v4, false),
        (v4, any, false),
        (v4, v4, false),
        (v6, any, false),
        (v4, v6, true),
    ] {
        let bound = tcp(net).bind(first).unwrap();
        let error = tcp(net).bind(second).err().map(|failed| failed.error());
        assert_eq!(error.is_none(), free, "{first:?}, {second:?}");
        assert!(free || error == Some(Error::AddressInUse));
        // A listener is in the way as well.
        let _listener = bound.listen(2).unwrap();
        let error = tcp(net).bind(second).err().map(|failed| failed.error());
        assert_eq!(error.is_none(), free, "{first:?}, {second:?}");

        let _bound = net.udp().unwrap().bind(first).unwrap();
        let error = net.udp().unwrap().bind(second).err().map(|failed| failed.error());
        assert_eq!(error.is_none(), free, "{first:?}, {second:?}");
        assert!(free || error == Some(Error::AddressInUse));
    }
    // The protocols do not share their ports; the failed ones gave their slots back.
    assert_eq!(net.free_slots(Protocol::Tcp), Ok(16));
    assert_eq!(net.free_slots(Protocol::Udp), Ok(16));
}

/// A listener whose backlog is full still has its port.
#[test]
fn second_bind_while_the_backlog_is_full() {
    let lab = Lab::new(1);
    let _listener = lab.far.tcp().unwrap().bind(80).unwrap().listen(1).unwrap();
    let _client = tcp(lab.near.net()).connect(far(80)).unwrap();
    lab.run_for(Duration::from_secs(1));
    let (_, error) = failed(lab.far.tcp().unwrap().bind(80));
    assert_eq!(error, Error::AddressInUse);
}

#[test]
fn addresses_for_the_interface() {
    let lab = Lab::new(1);
    let net = lab.near.net();
    for cidr in ["224.0.0.1/24", "ff02::1/64", "255.255.255.255/32", "0.0.0.0/0"] {
        assert_eq!(net.add_address(cidr.parse().unwrap()), Err(Error::Unaddressable), "{cidr}");
    }
    assert_eq!(net.remove_address(ELSEWHERE.into()), Err(Error::AddressNotAvailable));
    let room = sockstate::smoltcp::config::IFACE_MAX_ADDR_COUNT - net.addresses().unwrap().len();
    for host in 0..room {
        net.add_address(format!("10.0.0.{}/8", host + 1).parse().unwrap()).unwrap();
    }
    let before = net.addresses();
    assert_eq!(net.add_address("10.1.0.1/8".parse().unwrap()), Err(Error::OutOfAddresses));
    assert_eq!(net.addresses(), before);
    // The same address with another prefix is no other address.
    assert_eq!(net.add_address("192.168.69.1/16".parse().unwrap()), Ok(()));
}

#[test]
fn hardware_address_that_does_not_fit() {
    for config in [Config::ethernet([0x01, 0, 0, 0, 0, 1], 1), Config::ip(1)] {
        let (device, _far) = Plug::pair();
        let stack = Stack::new(Heap::default(), device, || Instant::ZERO, config);
        assert_eq!(stack.err(), Some(Error::HardwareAddress));
    }
}
