//! embassy-net.

use embassy_net::tcp::TcpSocket;
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{
    Config, IpAddress, IpEndpoint, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4,
};
use embassy_time::Duration;

use super::{DATAGRAM_BYTES, DATAGRAMS, HOST, Near, Setup};
use crate::cable::Plug;
use crate::executor;
use crate::far;

/// The most sockets that some work needs.
const SOCKETS: usize = 32;

/// embassy-net. What it borrows is leaked, as if it were static memory of some firmware.
pub struct Embassy {
    stack: Stack<'static>,
    buffer: usize,
}

fn remote(port: u16) -> IpEndpoint {
    let [a, b, c] = far::NETWORK;
    IpEndpoint::new(IpAddress::v4(a, b, c, far::HOST), port)
}

fn buffer(size: usize) -> &'static mut [u8] {
    Box::leak(vec![0; size].into_boxed_slice())
}

impl Embassy {
    fn socket(&self) -> TcpSocket<'static> {
        TcpSocket::new(self.stack, buffer(self.buffer), buffer(self.buffer))
    }
}

impl Near for Embassy {
    const NAME: &str = "embassy-net 0.9.1";

    type Tcp = TcpSocket<'static>;
    type Udp = UdpSocket<'static>;

    fn new(plug: Plug, setup: Setup) -> (Self, executor::Future) {
        assert!(setup.tcp < SOCKETS, "more sockets than there is room for");
        let [a, b, c] = far::NETWORK;
        let config = Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(Ipv4Address::new(a, b, c, HOST), 24),
            gateway: None,
            dns_servers: Default::default(),
        });
        let resources = Box::leak(Box::new(StackResources::<SOCKETS>::new()));
        let (stack, mut runner) = embassy_net::new(plug, config, resources, 1);
        (Embassy { stack, buffer: setup.buffer }, Box::pin(async move { runner.run().await }))
    }

    async fn connect(&self, port: u16) -> Self::Tcp {
        let mut socket = self.socket();
        socket.connect(remote(port)).await.expect("a connection");
        socket
    }

    async fn accept(&self, port: u16) -> Self::Tcp {
        let mut socket = self.socket();
        socket.accept(port).await.expect("a connection");
        socket
    }

    fn set_keep_alive(tcp: &mut Self::Tcp, seconds: u64) {
        tcp.set_keep_alive(Some(Duration::from_secs(seconds)));
    }

    fn send_at_once(tcp: &mut Self::Tcp) {
        tcp.set_nagle_enabled(false);
    }

    async fn write(tcp: &mut Self::Tcp, data: &[u8]) -> usize {
        tcp.write(data).await.expect("a connection")
    }

    async fn flush(tcp: &mut Self::Tcp) {
        tcp.flush().await.expect("a connection");
    }

    async fn read(tcp: &mut Self::Tcp, buffer: &mut [u8]) -> usize {
        tcp.read(buffer).await.expect("a connection")
    }

    fn udp(&self) -> Self::Udp {
        let places = || Box::leak(Box::new([PacketMetadata::EMPTY; DATAGRAMS]));
        let bytes = || buffer(DATAGRAM_BYTES);
        let mut socket = UdpSocket::new(self.stack, places(), bytes(), places(), bytes());
        socket.bind(6_000).expect("a port");
        socket
    }

    async fn send(udp: &mut Self::Udp, data: &[u8], port: u16) {
        udp.send_to(data, remote(port)).await.expect("a datagram");
    }

    async fn receive(udp: &mut Self::Udp, buffer: &mut [u8]) -> usize {
        udp.recv_from(buffer).await.expect("a datagram").0
    }
}
