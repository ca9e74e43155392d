//! sockstate in tasks.

use std::future::IntoFuture;
use std::net::IpAddr;
use std::task::{Context, Poll};

use embassy_time::Delay;
use smoltcp::time::Duration;
use sockstate::device::AsyncDevice;
use sockstate::state::{Closing, Connected, Connecting, Listening};
use sockstate::{AddrType, Error, Lookup, Net, TcpSocket, UdpSocket, Wait};

use super::executor::{Executor, turn};
use super::typed::{listener, peer, remote, stack};
use super::{Near, Setup};
use crate::cable::Plug;

/// sockstate in tasks: one runs the stack, and the application awaits.
pub struct Tasks {
    net: &'static Net,
    executor: Executor,
}

impl Near for Tasks {
    const NAME: &str = "sockstate, async";

    type Connecting = Wait<TcpSocket<'static, Connecting>>;
    type Tcp = TcpSocket<'static, Connected>;
    type Closing = Wait<TcpSocket<'static, Closing>>;
    type Listener = TcpSocket<'static, Listening>;
    type Udp = UdpSocket<'static, Connected>;
    type Query = Wait<Lookup<'static, 'static>>;

    fn new(plug: Plug, setup: Setup) -> Self {
        let stack = stack(plug, setup);
        let runner = async { stack.run_with(Delay).await.expect("the stack") };
        Tasks { net: stack.net(), executor: Executor::new(plug, Box::pin(runner)) }
    }

    fn begin(&mut self) {
        self.executor.begin();
    }

    fn turn(&mut self, application: &mut impl FnMut(&mut Self)) -> Option<Duration> {
        turn(self, |tasks| &mut tasks.executor, application)
    }

    fn connect(&mut self, port: u16) -> Self::Connecting {
        let socket = self.net.tcp().expect("a socket");
        socket.connect(remote(port)).expect("a request").into_future()
    }

    fn connected(
        &mut self,
        mut connecting: Self::Connecting,
    ) -> Result<Self::Tcp, Self::Connecting> {
        match self.executor.poll(&mut connecting) {
            Some(connected) => Ok(connected.expect("a connection")),
            None => Err(connecting),
        }
    }

    fn send(&mut self, tcp: &mut Self::Tcp, data: &[u8]) -> usize {
        self.executor.poll(tcp.send_async(data)).map_or(0, |sent| sent.expect("a connection"))
    }

    fn receive(&mut self, tcp: &mut Self::Tcp, buffer: &mut [u8]) -> Option<usize> {
        match self.executor.poll(tcp.receive_async(buffer))? {
            Err(Error::PeerClosed) => Some(0),
            received => Some(received.expect("a connection")),
        }
    }

    fn close(&mut self, tcp: Self::Tcp) -> Self::Closing {
        tcp.close().into_future()
    }

    fn closed(&mut self, mut closing: Self::Closing) -> Result<(), Self::Closing> {
        // The remote end does not wait for old duplicates, and answers one with a reset.
        self.executor.poll(&mut closing).map(drop).ok_or(closing)
    }

    fn listen(&mut self, port: u16, backlog: u16) -> Self::Listener {
        listener(self.net, port, backlog)
    }

    fn accept(&mut self, listener: &mut Self::Listener) -> Option<Self::Tcp> {
        Some(self.executor.poll(listener.accept_async())?.0)
    }

    fn udp(&mut self, local: u16, port: u16) -> Self::Udp {
        peer(self.net, local, port)
    }

    fn send_datagram(&mut self, udp: &mut Self::Udp, data: &[u8]) {
        self.executor.poll(udp.send_async(data)).expect("room").expect("a datagram");
    }

    fn receive_datagram(&mut self, udp: &mut Self::Udp, buffer: &mut [u8]) -> Option<usize> {
        Some(self.executor.poll(udp.receive_async(buffer))?.expect("a datagram"))
    }

    fn look_up(&mut self, name: &'static str) -> Self::Query {
        self.net.lookup(name, AddrType::Ipv4).expect("a question").into_future()
    }

    fn found(&mut self, mut query: Self::Query) -> Result<[u8; 4], Self::Query> {
        match self.executor.poll(&mut query) {
            Some(Ok(IpAddr::V4(address))) => Ok(address.octets()),
            Some(other) => panic!("{other:?}"),
            None => Err(query),
        }
    }
}

impl AsyncDevice for Plug {
    fn poll_frame(&mut self, _cx: &mut Context<'_>) -> Poll<()> {
        // A frame that comes later wakes the runner without being asked.
        if self.has_frame() { Poll::Ready(()) } else { Poll::Pending }
    }
}
