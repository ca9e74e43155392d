//! sockstate's typed sockets.

use std::fmt::Display;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use smoltcp::time::Duration;
use sockstate::state::{Closing, Connected, Connecting, Listening};
use sockstate::{
    AddrType, Config, Error, Heap, Instant, IpCidr, Lookup, Net, Stack, TcpSocket, UdpSocket, nb,
};

use super::{DATAGRAM_BYTES, DATAGRAMS, Near, Setup};
use crate::cable::Plug;
use crate::remote::{HOST, NEAR_HARDWARE, NEAR_HOST};
use crate::time;

/// sockstate's typed sockets.
pub struct Typed {
    net: &'static Net,
}

/// A stack that stays, as if it were in a static of some firmware.
pub fn stack(plug: Plug, setup: Setup) -> &'static Stack<Plug, fn() -> Instant> {
    let mut heap = Heap::DEFAULT;
    (heap.tcp, heap.tcp_rx, heap.tcp_tx) = (setup.tcp, setup.buffer, setup.buffer);
    // And the socket of look-ups.
    (heap.udp, heap.udp_buf, heap.udp_packets) = (setup.udp + 1, DATAGRAM_BYTES, DATAGRAMS);
    let clock: fn() -> Instant = time::instant;
    let config = Config::ethernet(NEAR_HARDWARE, 1);
    let stack = Stack::new(heap, plug, clock, config).expect("a stack");
    let address = IpCidr::new(Ipv4Addr::from(NEAR_HOST).into(), 24);
    stack.add_address(address).expect("an address");
    stack.set_dns_servers(&[IpAddr::from(HOST)]).expect("a name server");
    Box::leak(Box::new(stack))
}

/// A port of the remote end.
pub fn remote(port: u16) -> SocketAddr {
    SocketAddr::from((HOST, port))
}

/// A listener.
pub fn listener(net: &'static Net, port: u16, backlog: u16) -> TcpSocket<'static, Listening> {
    let socket = net.tcp().expect("a socket").bind(port).expect("a port");
    socket.listen(backlog).expect("slots")
}

/// A UDP socket that talks to a port of the remote end.
pub fn peer(net: &'static Net, local: u16, port: u16) -> UdpSocket<'static, Connected> {
    let socket = net.udp().expect("a socket").bind(local).expect("a port");
    socket.connect(remote(port)).expect("a peer")
}

impl Near for Typed {
    const NAME: &str = "sockstate, typed";

    type Connecting = TcpSocket<'static, Connecting>;
    type Tcp = TcpSocket<'static, Connected>;
    type Closing = TcpSocket<'static, Closing>;
    type Listener = TcpSocket<'static, Listening>;
    type Udp = UdpSocket<'static, Connected>;
    type Query = Lookup<'static, 'static>;

    fn new(plug: Plug, setup: Setup) -> Self {
        Typed { net: stack(plug, setup).net() }
    }

    fn turn(&mut self, application: &mut impl FnMut(&mut Self)) -> Option<Duration> {
        self.net.poll_ingress().expect("the stack");
        application(self);
        self.net.poll_egress().expect("the stack");
        self.net.poll_delay()
    }
    fn connect(&mut self, port: u16) -> Self::Connecting {
        self.net.tcp().expect("a socket").connect(remote(port)).expect("a request")
    }

    fn connected(
        &mut self,
        mut connecting: Self::Connecting,
    ) -> Result<Self::Tcp, Self::Connecting> {
        match settled(connecting.poll()) {
            Some(()) => Ok(connecting.finish().expect("a connection")),
            None => Err(connecting),
        }
    }

    fn send(&mut self, tcp: &mut Self::Tcp, data: &[u8]) -> usize {
        settled(tcp.send(data)).unwrap_or(0)
    }

    fn receive(&mut self, tcp: &mut Self::Tcp, buffer: &mut [u8]) -> Option<usize> {
        match tcp.receive(buffer) {
            Err(nb::Error::Other(Error::PeerClosed)) => Some(0),
            received => settled(received),
        }
    }

    fn close(&mut self, tcp: Self::Tcp) -> Self::Closing {
        tcp.close()
    }

    fn closed(&mut self, mut closing: Self::Closing) -> Result<(), Self::Closing> {
        match closing.poll() {
            Err(nb::Error::WouldBlock) => Err(closing),
            // The remote end does not wait for old duplicates, and answers one with a reset.
            Ok(()) | Err(nb::Error::Other(_)) => Ok(()),
        }
    }

    fn listen(&mut self, port: u16, backlog: u16) -> Self::Listener {
        listener(self.net, port, backlog)
    }

    fn accept(&mut self, listener: &mut Self::Listener) -> Option<Self::Tcp> {
        Some(listener.accept().ok()?.0)
    }

    fn udp(&mut self, local: u16, port: u16) -> Self::Udp {
        peer(self.net, local, port)
    }

    fn send_datagram(&mut self, udp: &mut Self::Udp, data: &[u8]) {
        settled(udp.send(data)).expect("room");
    }

    fn receive_datagram(&mut self, udp: &mut Self::Udp, buffer: &mut [u8]) -> Option<usize> {
        settled(udp.receive(buffer))
    }

    fn look_up(&mut self, name: &'static str) -> Self::Query {
        self.net.lookup(name, AddrType::Ipv4).expect("a question")
    }

    fn found(&mut self, mut query: Self::Query) -> Result<[u8; 4], Self::Query> {
        match settled(query.poll()) {
            Some(IpAddr::V4(address)) => Ok(address.octets()),
            _ => Err(query),
        }
    }
}

/// What there is, if anything. Nothing here fails.
pub fn settled<R, E: Display>(outcome: nb::Result<R, E>) -> Option<R> {
    match outcome {
        Ok(result) => Some(result),
        Err(nb::Error::WouldBlock) => None,
        Err(nb::Error::Other(error)) => panic!("{error}"),
    }
}
