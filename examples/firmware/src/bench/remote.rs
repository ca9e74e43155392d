//! The remote end: bare smoltcp, with services as inetd had them.

use core::sync::atomic::{AtomicU32, Ordering};

use smoltcp::iface::{
    Config, Interface, PollIngressSingleResult, PollResult, SocketHandle, SocketSet, SocketStorage,
};
use smoltcp::socket::{tcp, udp};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{EthernetAddress, IpAddress, IpCidr};
use static_cell::ConstStaticCell;

use super::cable::Plug;
use super::meter::{Cost, Meter};
use super::{BULK, REQUEST};

/// The remote end's address.
pub const HOST: [u8; 4] = [192, 168, 69, 2];

/// Answers with what it gets, by TCP and by UDP.
pub(super) const ECHO: u16 = 7;
/// Takes everything.
pub(super) const DISCARD: u16 = 9;
/// Sends [`BULK`] bytes, and closes.
pub(super) const SOURCE: u16 = 19;

const PORTS: [u16; 3] = [ECHO, DISCARD, SOURCE];
const TCP_BUFFER: usize = 2_048;
const SOCKETS: usize = PORTS.len() + 1;

static MICROS: AtomicU32 = AtomicU32::new(0);

/// The time of both ends.
pub fn now() -> Instant {
    Instant::from_micros(MICROS.load(Ordering::Relaxed))
}

/// The remote end. It also counts what the near end takes, as it knows when that waits.
pub struct Remote {
    device: Plug<false>,
    iface: Interface,
    sockets: SocketSet<'static>,
    tcp: [(u16, SocketHandle); PORTS.len()],
    udp: SocketHandle,
    /// What [`SOURCE`] has still to send.
    unsent: usize,
    meter: Meter,
}

impl Remote {
    /// The remote end, at this end of the cable.
    ///
    /// # Panics
    ///
    /// The second time.
    pub fn new(mut device: Plug<false>) -> Self {
        static SET: ConstStaticCell<[SocketStorage; SOCKETS]> =
            ConstStaticCell::new([SocketStorage::EMPTY; SOCKETS]);
        static TCP: ConstStaticCell<[[[u8; TCP_BUFFER]; 2]; PORTS.len()]> =
            ConstStaticCell::new([[[0; TCP_BUFFER]; 2]; PORTS.len()]);
        static UDP: ConstStaticCell<[([udp::PacketMetadata; 1], [u8; REQUEST]); 2]> =
            ConstStaticCell::new([([udp::PacketMetadata::EMPTY; 1], [0; REQUEST]); 2]);

        let config = Config::new(EthernetAddress([0x02, 0, 0, 0, 0, 2]).into());
        let mut iface = Interface::new(config, &mut device, now());
        let [a, b, c, d] = HOST;
        iface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::v4(a, b, c, d), 24)).expect("room for it");
        });

        let mut sockets = SocketSet::new(&mut SET.take()[..]);
        let mut buffers = TCP.take().iter_mut();
        let tcp = PORTS.map(|port| {
            let [rx, tx] = buffers.next().expect("buffers for each port");
            let (rx, tx) =
                (tcp::SocketBuffer::new(&mut rx[..]), tcp::SocketBuffer::new(&mut tx[..]));
            (port, sockets.add(tcp::Socket::new(rx, tx)))
        });
        let [rx, tx] = UDP.take();
        let mut socket = udp::Socket::new(
            udp::PacketBuffer::new(&mut rx.0[..], &mut rx.1[..]),
            udp::PacketBuffer::new(&mut tx.0[..], &mut tx.1[..]),
        );
        socket.bind(ECHO).expect("a port");
        let udp = sockets.add(socket);
        let meter = Meter::new();
        let mut remote = Remote { device, iface, sockets, tcp, udp, unsent: BULK, meter };
        remote.serve();
        remote
    }

    /// Runs until the near end has something to do, which waits for at most this long.
    ///
    /// # Panics
    ///
    /// If neither end will ever have.
    pub fn run(&mut self, at_most: Option<Duration>) {
        self.meter.pause();
        let end = at_most.map(|delay| now() + delay);
        loop {
            self.poll();
            if self.device.is_heard() || end.is_some_and(|end| now() >= end) {
                break;
            }
            let next = self.iface.poll_at(now(), &self.sockets);
            let next = next.into_iter().chain(end).min().expect("something to wait for");
            MICROS.store(next.max(now()).total_micros() as u32, Ordering::Relaxed);
        }
        self.meter.go_on();
    }

    pub(super) fn begin(&mut self) {
        self.meter.begin(self.device.frames());
    }

    pub(super) fn end(&mut self) -> Cost {
        self.meter.end(self.device.frames())
    }

    fn poll(&mut self) {
        // Served one by one: the next frame may be for a socket that this one closes.
        while self.iface.poll_ingress_single(now(), &mut self.device, &mut self.sockets)
            != PollIngressSingleResult::None
        {
            self.serve();
        }
        while self.iface.poll_egress(now(), &mut self.device, &mut self.sockets) != PollResult::None
        {
            self.serve();
        }
        // What they had to acknowledge has gone out.
        for (port, handle) in self.tcp {
            if self.sockets.get::<tcp::Socket>(handle).state() == tcp::State::TimeWait {
                self.listen(port, handle);
            }
        }
    }

    fn listen(&mut self, port: u16, handle: SocketHandle) {
        self.sockets.get_mut::<tcp::Socket>(handle).listen(port).expect("a port");
        if port == SOURCE {
            self.unsent = BULK;
        }
    }

    fn serve(&mut self) {
        let mut buffer = [0; REQUEST];
        for (port, handle) in self.tcp {
            let socket = self.sockets.get_mut::<tcp::Socket>(handle);
            match port {
                ECHO => echo(socket, &mut buffer),
                DISCARD => while matches!(socket.recv(|data| (data.len(), data.len())), Ok(1..)) {},
                _ => source(socket, &mut self.unsent),
            }
            if socket.state() == tcp::State::CloseWait {
                socket.close();
            }
            if socket.state() == tcp::State::Closed {
                self.listen(port, handle);
            }
        }
        let socket = self.sockets.get_mut::<udp::Socket>(self.udp);
        while let Ok((size, from)) = socket.recv_slice(&mut buffer) {
            socket.send_slice(&buffer[..size], from.endpoint).expect("room for the one answer");
        }
    }
}

fn echo(socket: &mut tcp::Socket, buffer: &mut [u8]) {
    while let Ok(size @ 1..) = socket.recv_slice(buffer) {
        // The peer sends no more before it has the answer.
        let _ = socket.send_slice(&buffer[..size]);
    }
}

/// Sends what is left, and then closes.
fn source(socket: &mut tcp::Socket, left: &mut usize) {
    while let Ok(size @ 1..) = socket.send(|room| {
        let size = room.len().min(*left);
        (size, size)
    }) {
        *left -= size;
    }
    if *left == 0 {
        socket.close();
    }
}
