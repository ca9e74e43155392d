//! sockstate.

use std::net::SocketAddr;

use embassy_time::Delay;
use sockstate::state::{Bound, Connected};
use sockstate::{Config, Duration, Heap, Instant, Local, Stack, TcpSocket, UdpSocket};

use super::{DATAGRAM_BYTES, DATAGRAMS, HOST, Near, Setup};
use crate::cable::Plug;
use crate::executor;
use crate::far;
use crate::time;

/// sockstate.
pub struct Ours {
    /// Leaked, as if it were a static one of some firmware.
    stack: &'static Stack<Plug, fn() -> Instant, Local>,
}

fn remote(port: u16) -> SocketAddr {
    let [a, b, c] = far::NETWORK;
    SocketAddr::from(([a, b, c, far::HOST], port))
}

impl Near for Ours {
    const NAME: &str = "sockstate";

    type Tcp = TcpSocket<'static, Connected>;
    type Udp = UdpSocket<'static, Bound>;

    fn new(plug: Plug, setup: Setup) -> (Self, executor::Future) {
        let mut heap = Heap::DEFAULT;
        (heap.tcp, heap.tcp_rx, heap.tcp_tx) = (setup.tcp, setup.buffer, setup.buffer);
        (heap.udp, heap.udp_buf, heap.udp_packets) = (1, DATAGRAM_BYTES, DATAGRAMS);
        let config = Config::ethernet(plug.hardware_address(), 1);
        let clock: fn() -> Instant = time::instant;
        let stack = Stack::new(heap, plug, clock, config).expect("a stack");
        let [a, b, c] = far::NETWORK;
        let address = std::net::IpAddr::from([a, b, c, HOST]);
        stack.add_address(sockstate::IpCidr::new(address.into(), 24)).expect("an address");
        let stack: &'static Stack<_, _, _> = Box::leak(Box::new(stack));
        let runner = async { match stack.run_with(Delay).await.expect("a runner") {} };
        (Ours { stack }, Box::pin(runner))
    }

    async fn connect(&self, port: u16) -> Self::Tcp {
        let socket = self.stack.tcp().expect("a socket");
        socket.connect(remote(port)).expect("a request").await.expect("a connection")
    }

    async fn accept(&self, port: u16) -> Self::Tcp {
        let socket = self.stack.tcp().expect("a socket").bind(port).expect("a port");
        let mut listener = socket.listen(1).expect("a listener");
        listener.accept_async().await.0
    }

    fn set_keep_alive(tcp: &mut Self::Tcp, seconds: u64) {
        tcp.set_keep_alive(Some(Duration::from_secs(seconds))).expect("an option");
    }

    fn send_at_once(tcp: &mut Self::Tcp) {
        tcp.set_nagle(false).expect("an option");
    }

    async fn write(tcp: &mut Self::Tcp, data: &[u8]) -> usize {
        tcp.send_async(data).await.expect("a connection")
    }

    async fn flush(tcp: &mut Self::Tcp) {
        tcp.flush_async().await.expect("a connection");
    }

    async fn read(tcp: &mut Self::Tcp, buffer: &mut [u8]) -> usize {
        tcp.receive_async(buffer).await.expect("a connection")
    }

    fn udp(&self) -> Self::Udp {
        self.stack.udp().expect("a socket").bind(6_000).expect("a port")
    }

    async fn send(udp: &mut Self::Udp, data: &[u8], port: u16) {
        udp.send_to_async(data, remote(port)).await.expect("a datagram");
    }

    async fn receive(udp: &mut Self::Udp, buffer: &mut [u8]) -> usize {
        udp.receive_from_async(buffer).await.expect("a datagram").0
    }
}
