//! embassy-net.

use std::cell::Cell;
use std::convert::Infallible;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Context, Poll};

use embassy_net::dns::DnsQueryType;
use embassy_net::tcp::{State, TcpSocket};
use embassy_net::udp::{PacketMetadata, UdpSocket};
use embassy_net::{
    Config, IpAddress, IpEndpoint, Ipv4Address, Ipv4Cidr, Stack, StackResources, StaticConfigV4,
};
use embassy_net_driver::{self as driver, Capabilities, Driver, HardwareAddress, LinkState};
use smoltcp::time::Duration;

use super::executor::{Endless, Executor, turn};
use super::{DATAGRAM_BYTES, DATAGRAMS, Near, Setup};
use crate::cable::{Frame, MTU, Plug, Room};
use crate::remote::{HOST, NEAR_HARDWARE, NEAR_HOST};

/// embassy-net, with room for so many sockets, and one of them for look-ups: it walks along all of
/// them. What it borrows is leaked, as if it were static memory of some firmware.
pub struct EmbassyNet<const SOCKETS: usize> {
    stack: Stack<'static>,
    executor: Executor,
    buffer: usize,
    /// Sockets that are closed.
    free: Vec<TcpSocket<'static>>,
    names: Rc<Names>,
    resolver: Endless,
}

/// What the resolver is asked for, and its answer.
#[derive(Default)]
struct Names {
    asked: Cell<Option<&'static str>>,
    found: Cell<Option<[u8; 4]>>,
}

/// Asks for one name after the other. The future of a question cannot be dropped and made anew, as
/// that would end it; and to keep one for each question, there would have to be a heap.
async fn resolve(stack: Stack<'static>, names: Rc<Names>) -> Infallible {
    loop {
        let name = poll_fn(|_| match names.asked.take() {
            Some(name) => Poll::Ready(name),
            None => Poll::Pending,
        });
        let found = stack.dns_query(name.await, DnsQueryType::A).await.expect("an answer");
        match found[..] {
            [IpAddress::Ipv4(address), ..] => names.found.set(Some(address.octets())),
            _ => panic!("not an address of IPv4"),
        }
    }
}

/// One of the sockets of a backlog, and the port for all of them.
pub struct Listener {
    port: u16,
    backlog: Vec<TcpSocket<'static>>,
}

impl<const SOCKETS: usize> EmbassyNet<SOCKETS> {
    /// A socket that is closed.
    fn open(&mut self) -> TcpSocket<'static> {
        self.free
            .pop()
            .unwrap_or_else(|| TcpSocket::new(self.stack, leaked(self.buffer), leaked(self.buffer)))
    }

    /// A socket that listens.
    fn listening(&mut self, port: u16) -> TcpSocket<'static> {
        let mut socket = self.open();
        // As with `connect`.
        let accepted = self.executor.poll(socket.accept(port));
        assert_eq!(accepted, None);
        socket
    }
}

impl<const SOCKETS: usize> Near for EmbassyNet<SOCKETS> {
    const NAME: &str = "embassy-net 0.9.1";

    type Connecting = TcpSocket<'static>;
    type Tcp = TcpSocket<'static>;
    type Closing = TcpSocket<'static>;
    type Listener = Listener;
    type Udp = (UdpSocket<'static>, IpEndpoint);
    /// There is one at a time.
    type Query = ();

    fn new(plug: Plug, setup: Setup) -> Self {
        let config = Config::ipv4_static(StaticConfigV4 {
            address: Ipv4Cidr::new(Ipv4Address::from(NEAR_HOST), 24),
            gateway: None,
            dns_servers: [Ipv4Address::from(HOST)].into_iter().collect(),
        });
        let resources = Box::leak(Box::new(StackResources::<SOCKETS>::new()));
        let (stack, mut runner) = embassy_net::new(plug, config, resources, 1);
        let executor = Executor::new(plug, Box::pin(async move { runner.run().await }));
        let names = Rc::new(Names::default());
        let resolver = Box::pin(resolve(stack, Rc::clone(&names)));
        EmbassyNet { stack, executor, buffer: setup.buffer, free: vec![], names, resolver }
    }

    fn begin(&mut self) {
        self.executor.begin();
    }

    fn turn(&mut self, application: &mut impl FnMut(&mut Self)) -> Option<Duration> {
        turn(self, |embassy| &mut embassy.executor, application)
    }

    fn connect(&mut self, port: u16) -> TcpSocket<'static> {
        let mut socket = self.open();
        // The future need not be kept, for which there would have to be a heap: this has asked for
        // the connection, and whether it is there is the same as whether it can be written to.
        let connected = self.executor.poll(socket.connect(remote(port)));
        assert_eq!(connected, None);
        socket
    }

    fn connected(
        &mut self,
        connecting: TcpSocket<'static>,
    ) -> Result<TcpSocket<'static>, TcpSocket<'static>> {
        match self.executor.poll(connecting.wait_write_ready()) {
            Some(()) => Ok(connecting),
            None => Err(connecting),
        }
    }

    fn send(&mut self, tcp: &mut TcpSocket<'static>, data: &[u8]) -> usize {
        self.executor.poll(tcp.write(data)).map_or(0, |sent| sent.expect("a connection"))
    }

    fn receive(&mut self, tcp: &mut TcpSocket<'static>, buffer: &mut [u8]) -> Option<usize> {
        Some(self.executor.poll(tcp.read(buffer))?.expect("a connection"))
    }

    fn close(&mut self, mut tcp: TcpSocket<'static>) -> TcpSocket<'static> {
        tcp.close();
        tcp
    }

    fn closed(&mut self, mut closing: TcpSocket<'static>) -> Result<(), TcpSocket<'static>> {
        if !matches!(closing.state(), State::Closed | State::TimeWait) {
            // Our direction's end, and then the other's.
            let flushed = self.executor.poll(closing.flush());
            if flushed.is_some() {
                let read = self.executor.poll(closing.read(&mut [0]));
                assert_eq!(read, None);
            }
            return Err(closing);
        }
        self.free.push(closing);
        Ok(())
    }

    fn listen(&mut self, port: u16, backlog: u16) -> Listener {
        Listener { port, backlog: (0..backlog).map(|_| self.listening(port)).collect() }
    }

    fn accept(&mut self, listener: &mut Listener) -> Option<TcpSocket<'static>> {
        let executor = &self.executor;
        let place = listener
            .backlog
            .iter()
            .position(|socket| executor.poll(socket.wait_write_ready()).is_some())?;
        let next = self.listening(listener.port);
        Some(std::mem::replace(&mut listener.backlog[place], next))
    }

    fn udp(&mut self, local: u16, port: u16) -> Self::Udp {
        let places = || Box::leak(Box::new([PacketMetadata::EMPTY; DATAGRAMS]));
        let bytes = || leaked(DATAGRAM_BYTES);
        let mut socket = UdpSocket::new(self.stack, places(), bytes(), places(), bytes());
        socket.bind(local).expect("a port");
        (socket, remote(port))
    }

    fn send_datagram(&mut self, (socket, remote): &mut Self::Udp, data: &[u8]) {
        self.executor.poll(socket.send_to(data, *remote)).expect("room").expect("a datagram");
    }

    fn receive_datagram(&mut self, udp: &mut Self::Udp, buffer: &mut [u8]) -> Option<usize> {
        let (size, from) = self.executor.poll(udp.0.recv_from(buffer))?.expect("a datagram");
        (from.endpoint == udp.1).then_some(size)
    }

    fn look_up(&mut self, name: &'static str) {
        self.names.asked.set(Some(name));
        // It asks nobody before it is polled.
        let found = self.found(());
        assert_eq!(found, Err(()));
    }

    fn found(&mut self, (): ()) -> Result<[u8; 4], ()> {
        let (resolver, found) = (&mut self.resolver, &self.names.found);
        let answered = poll_fn(|cx| match (resolver.as_mut().poll(cx), found.take()) {
            (Poll::Ready(never), _) => match never {},
            (Poll::Pending, Some(found)) => Poll::Ready(found),
            (Poll::Pending, None) => Poll::Pending,
        });
        self.executor.poll(answered).ok_or(())
    }
}

fn remote(port: u16) -> IpEndpoint {
    IpEndpoint::new(IpAddress::Ipv4(Ipv4Address::from(HOST)), port)
}

fn leaked(size: usize) -> &'static mut [u8] {
    Box::leak(vec![0; size].into_boxed_slice())
}

impl Driver for Plug {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room;

    // A frame that comes later wakes the runner without being asked, and there is always room.
    fn receive(&mut self, _cx: &mut Context<'_>) -> Option<(Frame, Room)> {
        Some((self.take()?, self.room()?))
    }

    fn transmit(&mut self, _cx: &mut Context<'_>) -> Option<Room> {
        self.room()
    }

    fn link_state(&mut self, _cx: &mut Context<'_>) -> LinkState {
        LinkState::Up
    }

    fn capabilities(&self) -> Capabilities {
        let mut caps = Capabilities::default();
        caps.max_transmission_unit = MTU;
        caps
    }

    fn hardware_address(&self) -> HardwareAddress {
        HardwareAddress::Ethernet(NEAR_HARDWARE)
    }
}

impl driver::RxToken for Frame {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        self.read(read)
    }
}

impl driver::TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        self.write(len, write)
    }
}
