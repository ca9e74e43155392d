//! The remote end: services as inetd had them, and clients that come all at once. It stands on a
//! version of smoltcp that no stack under test shares.

use smoltcp_0_11::iface::{Config, Interface, SocketHandle, SocketSet};
use smoltcp_0_11::phy::{self, Device, DeviceCapabilities, Medium};
use smoltcp_0_11::socket::{tcp, udp};
use smoltcp_0_11::time::Instant;
use smoltcp_0_11::wire::{EthernetAddress, IpAddress, IpCidr};

use crate::cable::{Frame, MTU, Plug, Room};
use crate::time;

/// The addresses of both ends.
pub const HOST: [u8; 4] = [192, 168, 69, 2];
pub const NEAR_HOST: [u8; 4] = [192, 168, 69, 1];
pub const NEAR_HARDWARE: [u8; 6] = [2, 0, 0, 0, 0, 1];

/// Answers with what it gets, by TCP and by UDP.
pub const ECHO: u16 = 7;
/// Takes everything.
pub const DISCARD: u16 = 9;
/// Sends [`BULK`] bytes, and closes.
pub const SOURCE: u16 = 19;
/// Answers with the first [`REQUEST`] bytes, and closes.
pub const ONCE: u16 = 80;
/// Accepts connections, and then knows nothing of them.
pub const MUTE: u16 = 81;
/// Answers every question about a name with [`FOUND`].
const DOMAIN: u16 = 53;

/// The answer to questions about names.
pub const FOUND: [u8; 4] = [192, 0, 2, 7];
/// Bytes that go in one direction.
pub const BULK: usize = 256 * 1_024;
/// Bytes of a request, and of its answer.
pub const REQUEST: usize = 64;
/// Where the clients come to.
pub const SERVER: u16 = 8_080;
/// How long a client waits that was refused.
const PAUSE: i64 = 1_000_000;

/// How many sockets each service has.
const SERVICES: [(u16, usize); 5] = [(ECHO, 2), (DISCARD, 64), (SOURCE, 2), (ONCE, 4), (MUTE, 64)];

/// A client of the server at the near end.
struct Client {
    handle: SocketHandle,
    port: u16,
    /// When it is to be connected.
    at: Option<i64>,
    asked: bool,
    answered: bool,
}

/// The remote end.
pub struct Remote {
    device: Plug,
    iface: Interface,
    sockets: SocketSet<'static>,
    /// Each with the bytes it has still to send.
    tcp: Vec<(u16, SocketHandle, usize)>,
    udp: Vec<(u16, SocketHandle)>,
    clients: Vec<Client>,
}

impl Remote {
    /// The remote end of a cable, with so many sockets of services: not more than are needed, as each
    /// frame is shown to all of them.
    pub fn new(mut device: Plug, parallel: usize) -> Self {
        let config = Config::new(EthernetAddress([2, 0, 0, 0, 0, 2]).into());
        let mut iface = Interface::new(config, &mut device, now());
        let [a, b, c, d] = HOST;
        iface.update_ip_addrs(|addresses| {
            addresses.push(IpCidr::new(IpAddress::v4(a, b, c, d), 24)).expect("room for it");
        });
        let mut sockets = SocketSet::new(vec![]);
        let mut tcp = vec![];
        for (port, most) in SERVICES {
            for _ in 0..most.min(parallel.max(4)) {
                tcp.push((port, sockets.add(socket()), 0));
            }
        }
        let udp = [ECHO, DOMAIN].map(|port| {
            let buffer =
                || udp::PacketBuffer::new(vec![udp::PacketMetadata::EMPTY; 16], vec![0; 4_096]);
            let mut socket = udp::Socket::new(buffer(), buffer());
            socket.bind(port).expect("a port");
            (port, sockets.add(socket))
        });
        let udp = udp.into();
        let mut remote = Remote { device, iface, sockets, tcp, udp, clients: vec![] };
        remote.serve();
        remote
    }

    /// Lets so many clients come, all at once.
    pub fn come(&mut self, clients: usize) {
        for n in 0..clients {
            let handle = self.sockets.add(socket());
            let (port, at) = (10_000 + n as u16, Some(time::now()));
            self.clients.push(Client { handle, port, at, asked: false, answered: false });
        }
        self.serve();
    }

    /// How many clients have had their answer.
    pub fn answered(&self) -> usize {
        self.clients.iter().filter(|client| client.answered).count()
    }

    /// Runs until nothing more is to be done now.
    pub fn run(&mut self) {
        loop {
            let moved = self.iface.poll(now(), &mut self.device, &mut self.sockets);
            if !self.serve() && !moved {
                break;
            }
        }
    }

    /// When it has something to do, unless a frame comes.
    pub fn next(&mut self) -> Option<i64> {
        let next = self.iface.poll_at(now(), &self.sockets).map(|at| at.total_micros());
        next.into_iter().chain(self.clients.iter().filter_map(|client| client.at)).min()
    }

    /// Does what the applications do. Whether that may lead to more.
    fn serve(&mut self) -> bool {
        let mut any = false;
        for (port, handle, left) in &mut self.tcp {
            let socket = self.sockets.get_mut::<tcp::Socket>(*handle);
            any |= serve(*port, socket, left);
        }
        for (port, handle) in &self.udp {
            let socket = self.sockets.get_mut::<udp::Socket>(*handle);
            while let Ok((data, from)) = socket.recv() {
                let mut answer = data.to_vec();
                if *port == DOMAIN {
                    resolve(&mut answer);
                }
                let _ = socket.send_slice(&answer, from.endpoint);
                any = true;
            }
        }
        for client in &mut self.clients {
            any |= client.step(&mut self.iface, &mut self.sockets);
        }
        any
    }
}

fn serve(port: u16, socket: &mut tcp::Socket, left: &mut usize) -> bool {
    let mut any = false;
    match port {
        ECHO | ONCE => {
            let mut buffer = [0; REQUEST];
            while let Ok(size @ 1..) = socket.recv_slice(&mut buffer) {
                // The peer sends no more before it has the answer.
                let _ = socket.send_slice(&buffer[..size]);
                any = true;
                if port == ONCE {
                    socket.close();
                }
            }
        }
        SOURCE => {
            while *left > 0
                && let Ok(size @ 1..) = socket.send(|room| {
                    let size = room.len().min(*left);
                    (size, size)
                })
            {
                *left -= size;
                any = true;
                if *left == 0 {
                    socket.close();
                }
            }
        }
        _ => {
            while matches!(socket.recv(|data| (data.len(), data.len())), Ok(1..)) {
                any = true;
            }
        }
    }
    let state = socket.state();
    match state {
        tcp::State::CloseWait => {
            socket.close();
            any = true;
        }
        tcp::State::Established if port == MUTE => *socket = self::socket(),
        // What it had to acknowledge has gone out.
        tcp::State::TimeWait => *socket = self::socket(),
        _ => {}
    }
    if !socket.is_open() {
        socket.listen(port).expect("a port");
        *left = BULK;
    }
    any
}

impl Client {
    fn step(&mut self, iface: &mut Interface, sockets: &mut SocketSet) -> bool {
        let socket = sockets.get_mut::<tcp::Socket>(self.handle);
        if self.at.is_some_and(|at| at <= time::now()) {
            self.at = None;
            let [a, b, c, d] = NEAR_HOST;
            let server = (IpAddress::v4(a, b, c, d), SERVER);
            socket.connect(iface.context(), server, self.port).expect("a request");
            return true;
        }
        if !self.asked && socket.may_send() {
            socket.send_slice(&[1; REQUEST]).expect("a connection");
            self.asked = true;
            return true;
        }
        if self.asked && !self.answered && socket.recv_queue() == REQUEST {
            socket.recv(|data| (data.len(), ())).expect("an answer");
            self.answered = true;
            socket.close();
            return true;
        }
        if self.at.is_none() && !self.answered && !socket.is_open() {
            self.asked = false;
            self.at = Some(time::now() + PAUSE);
        }
        false
    }
}

fn socket() -> tcp::Socket<'static> {
    let buffer = || tcp::SocketBuffer::new(vec![0; 16_384]);
    tcp::Socket::new(buffer(), buffer())
}

/// Makes an answer of a question about one name (RFC 1035 section 4.1).
fn resolve(message: &mut Vec<u8>) {
    // It is a response, recursion is available, and there is one answer...
    message[2] |= 0x80;
    message[3] = 0x80;
    message[7] = 1;
    // ...about the name in the question: an address of the Internet, good for a minute.
    message.extend([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 60, 0, 4]);
    message.extend(FOUND);
}

fn now() -> Instant {
    Instant::from_micros(time::now())
}

impl Device for Plug {
    type RxToken<'a> = Frame;
    type TxToken<'a> = Room;

    fn receive(&mut self, _now: Instant) -> Option<(Frame, Room)> {
        Some((self.take()?, self.room()?))
    }

    fn transmit(&mut self, _now: Instant) -> Option<Room> {
        self.room()
    }

    fn capabilities(&self) -> DeviceCapabilities {
        let mut caps = DeviceCapabilities::default();
        caps.medium = Medium::Ethernet;
        caps.max_transmission_unit = MTU;
        caps
    }
}

impl phy::RxToken for Frame {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, read: F) -> R {
        self.read(read)
    }
}

impl phy::TxToken for Room {
    fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, len: usize, write: F) -> R {
        self.write(len, write)
    }
}
