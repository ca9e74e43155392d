//! The far end of the cable: a plain smoltcp that echoes, swallows and sends.

use sockstate::Instant;
use sockstate::smoltcp::iface::{Config, Interface, SocketHandle, SocketSet};
use sockstate::smoltcp::socket::{tcp, udp};
use sockstate::smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::cable::Plug;
use crate::time::{instant, now};

/// The address of the far end, without its last byte.
pub const NETWORK: [u8; 3] = [192, 168, 69];
/// The last byte of the address of the far end.
pub const HOST: u8 = 2;

/// What the far end answers at its ports.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// What arrives is sent back.
    Echo,
    /// What arrives is thrown away.
    Discard,
    /// So many bytes are sent.
    Source(usize),
}

impl Service {
    /// The port of the service.
    pub fn port(self) -> u16 {
        match self {
            Service::Echo => 7,
            Service::Discard => 9,
            Service::Source(_) => 19,
        }
    }
}

/// So much that it is never what the stack under test waits for.
const BUFFER: usize = 65_535;

/// The far end.
pub struct Far {
    plug: Plug,
    interface: Interface,
    sockets: SocketSet<'static>,
    tcp: Vec<(SocketHandle, Service)>,
    udp: SocketHandle,
    buffer: Vec<u8>,
    /// Bytes that its services have received.
    pub received: usize,
    /// Whether it sends what it is to send.
    begun: bool,
    /// When smoltcp wants to be polled, and a frame does not have it polled before.
    due: Option<u64>,
}

impl Far {
    /// The far end, which takes one connection for each of the services, and echoes datagrams.
    pub fn new(mut plug: Plug, services: &[Service]) -> Self {
        let mut config = Config::new(EthernetAddress(plug.hardware_address()).into());
        config.random_seed = 2;
        let mut interface = Interface::new(config, &mut plug, instant());
        let [a, b, c] = NETWORK;
        interface.update_ip_addrs(|addresses| {
            // It has room for two.
            let _ = addresses.push(IpCidr::new(IpAddress::v4(a, b, c, HOST), 24));
        });
        let mut sockets = SocketSet::new(Vec::new());
        let tcp = services.iter().map(|service| {
            let buffer = || tcp::SocketBuffer::new(vec![0; BUFFER]);
            let mut socket = tcp::Socket::new(buffer(), buffer());
            // It can: the socket is new, and the port is none.
            socket.listen(service.port()).expect("a port");
            (sockets.add(socket), *service)
        });
        let tcp = tcp.collect();
        let buffer =
            || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 16], vec![0; BUFFER]);
        let mut socket = udp::Socket::new(buffer(), buffer());
        socket.bind(Service::Echo.port()).expect("a port");
        let udp = sockets.add(socket);
        Far {
            plug,
            interface,
            sockets,
            tcp,
            udp,
            buffer: vec![0; BUFFER],
            received: 0,
            begun: false,
            due: Some(now()),
        }
    }

    /// Sends from now on what it is to send.
    pub fn begin(&mut self) {
        self.begun = true;
        self.due = Some(now());
    }

    /// When it has something to do, if no frame arrives before.
    pub fn due(&self) -> Option<u64> {
        self.due
    }

    /// Takes frames in, serves, sends.
    pub fn poll(&mut self) {
        let now = instant();
        loop {
            self.interface.poll(now, &mut self.plug, &mut self.sockets);
            if !self.serve() {
                break;
            }
        }
        let later = now + sockstate::Duration::from_micros(1);
        let next = self.interface.poll_at(now, &self.sockets);
        self.due = next.map(|at: Instant| at.max(later).total_micros() as u64);
    }

    /// Whether anything moved between a service and its socket.
    fn serve(&mut self) -> bool {
        let mut moved = false;
        for (handle, service) in &mut self.tcp {
            let socket = self.sockets.get_mut::<tcp::Socket>(*handle);
            let size = match service {
                Service::Echo | Service::Discard => {
                    socket.recv_slice(&mut self.buffer).unwrap_or(0)
                }
                Service::Source(_) if !self.begun => 0,
                Service::Source(left) => (*left).min(self.buffer.len()),
            };
            let sent = match service {
                Service::Discard => size,
                _ => socket.send_slice(&self.buffer[..size]).unwrap_or(0),
            };
            match service {
                Service::Source(left) => *left -= sent,
                _ => self.received += size,
            }
            moved |= sent > 0;
        }
        let socket = self.sockets.get_mut::<udp::Socket>(self.udp);
        while let Ok((size, from)) = socket.recv_slice(&mut self.buffer) {
            self.received += size;
            moved |= socket.send_slice(&self.buffer[..size], from.endpoint).is_ok();
        }
        moved
    }
}
