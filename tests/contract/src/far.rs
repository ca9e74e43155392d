//! The far end of every world: a stack of this crate, and on it the peers that a case asks for.
//!
//! A case steers it by orders and looks at what it wrote on its board. So the same script runs in
//! virtual time, where the world calls [`FarEnd::step`], and in a thread of its own.

mod dns;

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sockstate::state::{Bound, Listening};
use sockstate::{
    AnyTcpSocket, Duration, Error, Heap, Instant, Net, TcpSocket, UdpSocket, Unfinished, nb,
};

use dns::Server;
pub use dns::{BOTH, NAME};

/// Memory of the far stack. Small buffers, so that a peer that does not read is soon felt.
// Where other members are built as well, features add fields.
#[allow(clippy::needless_update)]
pub const HEAP: Heap = Heap {
    tcp: 24,
    udp: 8,
    tcp_rx: 4_096,
    tcp_tx: 4_096,
    udp_buf: 8_192,
    udp_packets: 32,
    ..Heap::DEFAULT
};

/// What the far end is asked to do.
#[derive(Clone, Debug)]
pub enum Order {
    /// Listen on a port, and treat each connection like this.
    Serve(u16, Role),
    /// Connect to the stack under test, and then do as told.
    Dial(SocketAddr, Role),
    /// From now on read what was held back so far.
    Drain,
    /// Send this on all connections.
    Say(Vec<u8>),
    /// Close all connections.
    Close,
    /// End all connections with a RST.
    Reset,
    /// Answer datagrams on a port with themselves.
    Echo(u16),
    /// Take datagrams on a port.
    Take(u16),
    /// Send a datagram from a port.
    Datagram { from: u16, to: SocketAddr, data: Vec<u8> },
    /// Be a name server, which either answers or does not.
    Resolve { silent: bool },
    /// Answer nothing at all any more, as if the cable were out.
    Vanish,
}

/// How the far end treats a connection.
#[derive(Clone, Debug)]
pub enum Role {
    /// Sends back what it gets.
    Echo,
    /// Reads, and closes when the other side has.
    Sink,
    /// Sends this, ends its sending direction, and goes on reading.
    Source(Vec<u8>),
    /// Sends this, and closes at once.
    SayAndClose(Vec<u8>),
    /// Does not read.
    Hold,
    /// Does not read for [`LATE`], and then as `Sink`.
    Late,
}

/// How long a peer may let the other side wait.
pub const LATE: Duration = Duration::from_millis(200);

/// What the far end has seen.
#[derive(Debug, Default)]
pub struct Board {
    /// Its connections, in the order of their beginning.
    pub connections: Vec<Connection>,
    /// The datagrams it got.
    pub datagrams: Vec<Datagram>,
    /// How many names were asked for.
    pub queries: usize,
}

impl Board {
    /// The connections that were made to a port of the far end.
    pub fn at(&self, port: u16) -> impl Iterator<Item = &Connection> {
        self.connections.iter().filter(move |connection| connection.local == port)
    }
}

/// A connection, as the far end sees it.
#[derive(Clone, Debug)]
pub struct Connection {
    /// The far end's port; 0 while it is not known.
    pub local: u16,
    /// The other end.
    pub remote: SocketAddr,
    /// What arrived.
    pub received: Vec<u8>,
    /// How the receiving direction ended, if it did.
    pub end: Option<Error>,
}

/// A datagram that arrived.
#[derive(Clone, Debug)]
pub struct Datagram {
    /// The far end's port.
    pub local: u16,
    /// Where it came from.
    pub remote: SocketAddr,
    /// Its payload.
    pub data: Vec<u8>,
}

/// The board, shared with the thread of the case.
pub type SharedBoard = Arc<Mutex<Board>>;

/// Looks at a board.
pub fn look(board: &SharedBoard) -> MutexGuard<'_, Board> {
    // Nothing is half written when a case panics with the board in its hands.
    board.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The far end.
pub struct FarEnd<'net> {
    net: &'net Net,
    board: SharedBoard,
    listeners: Vec<(TcpSocket<'net, Listening>, Role)>,
    links: Vec<Link<'net>>,
    /// Each with whether it answers.
    ports: HashMap<u16, (UdpSocket<'net, Bound>, bool)>,
    server: Option<Server<'net>>,
    vanished: bool,
}

/// A connection and its place on the board.
struct Link<'net> {
    socket: AnyTcpSocket<'net>,
    role: Role,
    /// What is still to be sent.
    unsent: Vec<u8>,
    /// When it begins to read.
    reads_from: Instant,
    place: usize,
}

impl<'net> FarEnd<'net> {
    /// A far end that does nothing yet.
    pub fn new(net: &'net Net, board: SharedBoard) -> Self {
        FarEnd {
            net,
            board,
            listeners: Vec::new(),
            links: Vec::new(),
            ports: HashMap::new(),
            server: None,
            vanished: false,
        }
    }

    /// Does what it is told.
    pub fn obey(&mut self, order: Order) -> Result<(), Error> {
        match order {
            Order::Serve(port, role) => {
                let listener = self.net.tcp()?.bind(port)?.listen(4)?;
                self.listeners.push((listener, role));
            }
            Order::Dial(to, role) => {
                let socket = self.net.tcp()?.connect(to)?.into();
                self.enter(socket, to, role);
            }
            Order::Drain => self.links.iter_mut().for_each(Link::read_from_now_on),
            Order::Say(data) => {
                self.links.iter_mut().for_each(|link| link.unsent.extend_from_slice(&data));
            }
            Order::Close => self.links.clear(),
            Order::Reset => self.links.drain(..).for_each(Link::reset),
            Order::Echo(port) => self.open(port, true)?,
            Order::Take(port) => self.open(port, false)?,
            Order::Datagram { from, to, data } => {
                self.open(from, false)?;
                if let Some((socket, _)) = self.ports.get_mut(&from) {
                    self.net.block(|| socket.send_to(&data, to))?;
                }
            }
            Order::Resolve { silent } => self.server = Some(Server::new(self.net, silent)?),
            Order::Vanish => {
                self.step();
                self.vanished = true;
            }
        }
        self.step();
        Ok(())
    }

    /// Lets the stack and all peers do what they can do now. Whether a frame moved.
    pub fn step(&mut self) -> bool {
        if self.vanished {
            return false;
        }
        let moved = self.net.poll().unwrap_or(false);
        self.accept();
        let now = self.now();
        let board = Arc::clone(&self.board);
        let mut board = look(&board);
        self.links.retain_mut(|link| {
            let place = link.place;
            board.connections.get_mut(place).is_some_and(|entry| link.step(entry, now))
        });
        for (local, (socket, answers)) in &mut self.ports {
            let mut buffer = [0; 2_048];
            while let Ok((size, remote)) = socket.receive_from(&mut buffer) {
                let data = buffer.get(..size).unwrap_or_default().to_vec();
                if *answers {
                    // No room: the answer is lost, as on any network.
                    let _ = socket.send_to(&data, remote);
                }
                board.datagrams.push(Datagram { local: *local, remote, data });
            }
        }
        if let Some(server) = &mut self.server {
            board.queries += server.step();
        }
        moved | self.net.poll().unwrap_or(false)
    }

    fn accept(&mut self) {
        let mut accepted = Vec::new();
        for (listener, role) in &mut self.listeners {
            while let Ok((socket, remote)) = listener.accept() {
                accepted.push((socket, remote, role.clone()));
            }
        }
        for (socket, remote, role) in accepted {
            self.enter(socket.into(), remote, role);
        }
    }

    fn enter(&mut self, socket: AnyTcpSocket<'net>, remote: SocketAddr, role: Role) {
        let unsent = match &role {
            Role::Source(data) | Role::SayAndClose(data) => data.clone(),
            Role::Echo | Role::Sink | Role::Hold | Role::Late => Vec::new(),
        };
        let reads_from = match &role {
            Role::Late => self.now() + LATE,
            _ => Instant::ZERO,
        };
        let mut board = look(&self.board);
        let place = board.connections.len();
        let (local, received, end) = (local_port(&socket), Vec::new(), None);
        board.connections.push(Connection { local, remote, received, end });
        self.links.push(Link { socket, role, unsent, reads_from, place });
    }

    fn now(&self) -> Instant {
        self.net.now().unwrap_or(Instant::ZERO)
    }

    fn open(&mut self, port: u16, answers: bool) -> Result<(), Error> {
        if !self.ports.contains_key(&port) {
            self.ports.insert(port, (self.net.udp()?.bind(port)?, answers));
        }
        Ok(())
    }
}

impl Link<'_> {
    fn read_from_now_on(&mut self) {
        if matches!(self.role, Role::Hold) {
            self.role = Role::Sink;
        }
    }

    fn reset(self) {
        match self.socket {
            AnyTcpSocket::Connected(socket) => socket.abort(),
            AnyTcpSocket::HalfClosed(socket) => socket.abort(),
            other => drop(other),
        }
    }

    /// Whether it goes on.
    fn step(&mut self, entry: &mut Connection, now: Instant) -> bool {
        if let AnyTcpSocket::Connecting(_) = self.socket
            && !self.complete(entry)
        {
            return entry.end.is_none();
        }
        self.send();
        if matches!(self.role, Role::SayAndClose(_)) && self.unsent.is_empty() {
            return false;
        }
        let holds = matches!(self.role, Role::Hold) || now < self.reads_from;
        if holds || (self.echoes() && !self.unsent.is_empty()) {
            return true;
        }
        let mut buffer = [0; 4_096];
        loop {
            let received = match &mut self.socket {
                AnyTcpSocket::Connected(socket) => socket.receive(&mut buffer),
                AnyTcpSocket::HalfClosed(socket) => socket.receive(&mut buffer),
                _ => return false,
            };
            match received {
                // `Ok(0)` would be a fault of ours, and one that must not hang the far end.
                Ok(0) | Err(nb::Error::WouldBlock) => return true,
                Ok(size) => {
                    let data = buffer.get(..size).unwrap_or_default();
                    entry.received.extend_from_slice(data);
                    if self.echoes() {
                        self.unsent.extend_from_slice(data);
                        self.send();
                    }
                }
                Err(nb::Error::Other(error)) => {
                    entry.end = Some(error);
                    return false;
                }
            }
        }
    }

    fn echoes(&self) -> bool {
        matches!(self.role, Role::Echo)
    }

    /// Whether the connection it asked for stands.
    fn complete(&mut self, entry: &mut Connection) -> bool {
        let AnyTcpSocket::Connecting(connecting) = self.socket.take() else { return false };
        match connecting.finish() {
            Ok(socket) => {
                self.socket = socket.into();
                entry.local = local_port(&self.socket);
                return true;
            }
            Err(Unfinished::Pending(socket)) => self.socket = socket.into(),
            Err(Unfinished::Failed(failed)) => entry.end = Some(failed.error()),
        }
        false
    }

    fn send(&mut self) {
        if let AnyTcpSocket::Connected(socket) = &mut self.socket
            && !self.unsent.is_empty()
            && let Ok(sent) = socket.send(&self.unsent)
        {
            self.unsent.drain(..sent);
        }
        if matches!(self.role, Role::Source(_)) && self.unsent.is_empty() {
            self.socket = match self.socket.take() {
                AnyTcpSocket::Connected(socket) => socket.shutdown().into(),
                other => other,
            };
        }
    }
}

fn local_port(socket: &AnyTcpSocket<'_>) -> u16 {
    match socket {
        AnyTcpSocket::Connecting(socket) => socket.local_endpoint(),
        AnyTcpSocket::Connected(socket) => socket.local_endpoint(),
        _ => return 0,
    }
    .map_or(0, |local| local.port)
}
