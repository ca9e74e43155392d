//! Bare smoltcp, in the two styles of loop that there are.

use std::marker::PhantomData;

use smoltcp::iface::{Config, Interface, PollIngressSingleResult, SocketHandle, SocketSet};
use smoltcp::socket::{dns, tcp, udp};
use smoltcp::time::Duration;
use smoltcp::wire::{DnsQueryType, EthernetAddress, IpAddress, IpCidr, IpEndpoint};

use super::{DATAGRAM_BYTES, DATAGRAMS, Near, Setup};
use crate::cable::Plug;
use crate::remote::{HOST, NEAR_HARDWARE, NEAR_HOST};
use crate::time;

/// A style of loop.
pub trait Style {
    const NAME: &str;
    fn turn<N>(
        bare: &mut N,
        parts: impl FnMut(&mut N) -> Parts<'_>,
        application: &mut impl FnMut(&mut N),
    ) -> Option<Duration>;
}

/// What a loop works with.
pub struct Parts<'b> {
    iface: &'b mut Interface,
    plug: &'b mut Plug,
    sockets: &'b mut SocketSet<'static>,
}

/// As smoltcp's documentation and examples have it: poll, then the application, then sleep.
pub struct Documented;

impl Style for Documented {
    const NAME: &str = "smoltcp, documented style";

    fn turn<N>(
        bare: &mut N,
        mut parts: impl FnMut(&mut N) -> Parts<'_>,
        application: &mut impl FnMut(&mut N),
    ) -> Option<Duration> {
        let Parts { iface, plug, sockets } = parts(bare);
        iface.poll(time::instant(), plug, sockets);
        application(bare);
        let Parts { iface, sockets, .. } = parts(bare);
        iface.poll_delay(time::instant(), sockets)
    }
}

/// Frames in, then the application, then one frame out of each socket, then sleep.
pub struct Tuned;

impl Style for Tuned {
    const NAME: &str = "smoltcp, tuned style";

    fn turn<N>(
        bare: &mut N,
        mut parts: impl FnMut(&mut N) -> Parts<'_>,
        application: &mut impl FnMut(&mut N),
    ) -> Option<Duration> {
        let now = time::instant();
        let Parts { iface, plug, sockets } = parts(bare);
        while iface.poll_ingress_single(now, plug, sockets) != PollIngressSingleResult::None {}
        application(bare);
        let Parts { iface, plug, sockets } = parts(bare);
        iface.poll_egress(now, plug, sockets);
        iface.poll_delay(now, sockets)
    }
}

/// Bare smoltcp.
pub struct Bare<S> {
    iface: Interface,
    plug: Plug,
    sockets: SocketSet<'static>,
    setup: Setup,
    /// Sockets that are closed.
    free: Vec<SocketHandle>,
    /// Only if it looks up something: each frame is shown to it.
    dns: Option<SocketHandle>,
    port: u16,
    style: PhantomData<S>,
}

/// One of the sockets of a backlog, and the port for all of them.
pub struct Listener {
    port: u16,
    backlog: Vec<SocketHandle>,
}

impl<S> Bare<S> {
    fn dns(&mut self) -> SocketHandle {
        *self
            .dns
            .get_or_insert_with(|| self.sockets.add(dns::Socket::new(&[address(HOST)], vec![None])))
    }

    fn tcp(&mut self, handle: SocketHandle) -> &mut tcp::Socket<'static> {
        self.sockets.get_mut(handle)
    }

    /// A socket that is closed.
    fn open(&mut self) -> SocketHandle {
        self.free.pop().unwrap_or_else(|| {
            let buffer = || tcp::SocketBuffer::new(vec![0; self.setup.buffer]);
            self.sockets.add(tcp::Socket::new(buffer(), buffer()))
        })
    }
}

impl<S: Style> Near for Bare<S> {
    const NAME: &str = S::NAME;

    type Connecting = SocketHandle;
    type Tcp = SocketHandle;
    type Closing = SocketHandle;
    type Listener = Listener;
    type Udp = (SocketHandle, IpEndpoint);
    type Query = dns::QueryHandle;

    fn new(mut plug: Plug, setup: Setup) -> Self {
        let mut config = Config::new(EthernetAddress(NEAR_HARDWARE).into());
        config.random_seed = 1;
        let mut iface = Interface::new(config, &mut plug, time::instant());
        iface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(address(NEAR_HOST), 24)).expect("room for it");
        });
        let (sockets, free, style) = (SocketSet::new(vec![]), vec![], PhantomData);
        Bare { iface, plug, sockets, setup, free, dns: None, port: 49_152, style }
    }

    fn turn(&mut self, application: &mut impl FnMut(&mut Self)) -> Option<Duration> {
        S::turn(
            self,
            |bare| Parts {
                iface: &mut bare.iface,
                plug: &mut bare.plug,
                sockets: &mut bare.sockets,
            },
            application,
        )
    }

    fn connect(&mut self, port: u16) -> SocketHandle {
        let handle = self.open();
        self.port = self.port.checked_add(1).unwrap_or(49_152);
        let socket = self.sockets.get_mut::<tcp::Socket>(handle);
        socket.connect(self.iface.context(), (address(HOST), port), self.port).expect("a request");
        handle
    }

    fn connected(&mut self, connecting: SocketHandle) -> Result<SocketHandle, SocketHandle> {
        if self.tcp(connecting).may_send() { Ok(connecting) } else { Err(connecting) }
    }

    fn send(&mut self, tcp: &mut SocketHandle, data: &[u8]) -> usize {
        self.tcp(*tcp).send_slice(data).expect("a connection")
    }

    fn receive(&mut self, tcp: &mut SocketHandle, buffer: &mut [u8]) -> Option<usize> {
        match self.tcp(*tcp).recv_slice(buffer) {
            Ok(0) => None,
            Ok(size) => Some(size),
            Err(tcp::RecvError::Finished) => Some(0),
            Err(tcp::RecvError::InvalidState) => panic!("no connection"),
        }
    }

    fn close(&mut self, tcp: SocketHandle) -> SocketHandle {
        self.tcp(tcp).close();
        tcp
    }

    fn closed(&mut self, closing: SocketHandle) -> Result<(), SocketHandle> {
        if self.tcp(closing).is_open() {
            return Err(closing);
        }
        self.free.push(closing);
        Ok(())
    }

    fn listen(&mut self, port: u16, backlog: u16) -> Listener {
        let backlog = (0..backlog).map(|_| self.open()).collect();
        for handle in &backlog {
            let _: &SocketHandle = handle;
            self.tcp(*handle).listen(port).expect("a port");
        }
        Listener { port, backlog }
    }

    fn accept(&mut self, listener: &mut Listener) -> Option<SocketHandle> {
        let place = listener.backlog.iter().position(|handle| {
            let socket = self.sockets.get::<tcp::Socket>(*handle);
            socket.may_send()
        })?;
        let next = self.open();
        self.tcp(next).listen(listener.port).expect("a port");
        Some(std::mem::replace(&mut listener.backlog[place], next))
    }

    fn udp(&mut self, local: u16, port: u16) -> Self::Udp {
        let buffer = || {
            let places = vec![udp::PacketMetadata::EMPTY; DATAGRAMS];
            udp::PacketBuffer::new(places, vec![0; DATAGRAM_BYTES])
        };
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(local).expect("a port");
        (self.sockets.add(socket), IpEndpoint::new(address(HOST), port))
    }

    fn send_datagram(&mut self, (handle, remote): &mut Self::Udp, data: &[u8]) {
        self.sockets.get_mut::<udp::Socket>(*handle).send_slice(data, *remote).expect("room");
    }

    fn receive_datagram(&mut self, udp: &mut Self::Udp, buffer: &mut [u8]) -> Option<usize> {
        let (size, from) = self.sockets.get_mut::<udp::Socket>(udp.0).recv_slice(buffer).ok()?;
        (from.endpoint == udp.1).then_some(size)
    }

    fn look_up(&mut self, name: &'static str) -> dns::QueryHandle {
        let handle = self.dns();
        let socket = self.sockets.get_mut::<dns::Socket>(handle);
        socket.start_query(self.iface.context(), name, DnsQueryType::A).expect("a question")
    }

    fn found(&mut self, query: dns::QueryHandle) -> Result<[u8; 4], dns::QueryHandle> {
        let handle = self.dns();
        match self.sockets.get_mut::<dns::Socket>(handle).get_query_result(query) {
            Err(dns::GetQueryResultError::Pending) => Err(query),
            Err(error) => panic!("{error}"),
            Ok(addresses) => match addresses[..] {
                [IpAddress::Ipv4(address), ..] => Ok(address.octets()),
                _ => panic!("not an address of IPv4"),
            },
        }
    }
}

fn address([a, b, c, d]: [u8; 4]) -> IpAddress {
    IpAddress::v4(a, b, c, d)
}
