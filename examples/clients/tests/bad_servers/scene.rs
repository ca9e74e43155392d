//! The far end: a server that behaves as it is told.

use std::cell::{Cell, RefCell};
use std::net::SocketAddr;

use sockstate::state::{Bound, Listening};
use sockstate::testing::Lab;
use sockstate::{AnyTcpSocket, Duration, Instant, Protocol, TcpSocket, UdpSocket};

/// The port of all servers.
pub(crate) const PORT: u16 = 4_000;

/// Where all servers are.
pub(crate) fn server() -> SocketAddr {
    format!("192.168.69.2:{PORT}").parse().unwrap()
}

/// What the server does with each packet that it gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Behaviour {
    /// Answers as it should.
    Good,
    /// Answers with these bytes.
    Garbage(&'static [u8]),
    /// Sends so many bytes of the right answer, and closes.
    Partly(usize),
    /// Reads, and says nothing.
    Silent,
    /// Sends so many bytes of the right answer, and resets the connection a little later.
    PartlyReset(usize),
    /// Resets the connection; for UDP, the port is closed.
    Reset,
}

/// The right answer to what has been received; it takes away what it has dealt with.
pub(crate) type Answer = fn(&mut Vec<u8>) -> Vec<u8>;

/// Two stacks, of which the far one has a server, and the time that passes between them.
pub(crate) struct Scene<'lab> {
    lab: &'lab Lab,
    server: RefCell<Server<'lab>>,
    start: Instant,
    /// Calls of clients since time has passed.
    calls: Cell<usize>,
    /// Slots of both protocols that were free at the near stack before there was a client.
    free: [usize; 2],
}

struct Server<'lab> {
    behaviour: Behaviour,
    answer: Answer,
    listener: TcpSocket<'lab, Listening>,
    connections: Vec<Connection<'lab>>,
    accepted: usize,
    udp: Option<UdpSocket<'lab, Bound>>,
}

struct Connection<'lab> {
    socket: AnyTcpSocket<'lab>,
    /// What has been received and not been dealt with.
    request: Vec<u8>,
    /// When it is to be reset.
    reset_at: Option<Instant>,
}

impl<'lab> Scene<'lab> {
    pub(crate) fn new(lab: &'lab Lab, behaviour: Behaviour, answer: Answer) -> Self {
        let listener = lab.far.tcp().unwrap().bind(PORT).unwrap().listen(4).unwrap();
        let server = Server {
            behaviour,
            answer,
            listener,
            connections: Vec::new(),
            accepted: 0,
            udp: Some(lab.far.udp().unwrap().bind(PORT).unwrap()),
        };
        let scene = Scene {
            lab,
            server: RefCell::new(server),
            start: lab.clock.time(),
            calls: Cell::new(0),
            free: free(lab),
        };
        scene.behave(behaviour);
        scene
    }

    pub(crate) fn lab(&self) -> &'lab Lab {
        self.lab
    }

    /// Lets the server behave in another way from now on.
    pub(crate) fn behave(&self, behaviour: Behaviour) {
        let mut server = self.server.borrow_mut();
        server.behaviour = behaviour;
        if behaviour == Behaviour::Reset {
            server.udp = None;
        } else if server.udp.is_none() {
            server.udp = Some(self.lab.far.udp().unwrap().bind(PORT).unwrap());
        }
    }

    /// How many connections the server has accepted.
    pub(crate) fn accepted(&self) -> usize {
        self.server.borrow().accepted
    }

    /// Lets a millisecond pass, in which the far end does what it has to do. The near stack is left
    /// to its client.
    ///
    /// # Panics
    ///
    /// If that goes on for an hour: no client here takes as long.
    pub(crate) fn pass(&self) {
        assert!(self.now() < self.start + Duration::from_secs(3_600), "a client never ends");
        self.calls.set(0);
        self.lab.far.poll().unwrap();
        self.server.borrow_mut().turn(self.now());
        self.lab.far.poll().unwrap();
        self.lab.clock.advance(Duration::from_millis(1));
    }

    /// Fails a client that calls for ever without anything that would block.
    pub(crate) fn count_call(&self) {
        self.calls.set(self.calls.get() + 1);
        assert!(self.calls.get() < 100_000, "a client never waits");
    }

    pub(crate) fn now(&self) -> Instant {
        self.lab.clock.time()
    }

    /// Asserts that no slot was lost, at the latest when the closing deadline has passed. By now
    /// the clients are gone, and nobody but this test polls the near stack.
    pub(crate) fn assert_no_slot_lost(&self) {
        self.lab.run_for(Duration::from_secs(31));
        assert_eq!(free(self.lab), self.free, "free slots");
    }
}

fn free(lab: &Lab) -> [usize; 2] {
    [Protocol::Tcp, Protocol::Udp].map(|protocol| lab.near.free_slots(protocol).unwrap())
}

impl Server<'_> {
    fn turn(&mut self, now: Instant) {
        while let Ok((socket, _)) = self.listener.accept() {
            self.accepted += 1;
            let socket = socket.into();
            self.connections.push(Connection { socket, request: Vec::new(), reset_at: None });
        }
        for connection in &mut self.connections {
            connection.turn(now, self.behaviour, self.answer);
        }
        self.turn_udp();
    }

    fn turn_udp(&mut self) {
        let Some(udp) = &mut self.udp else { return };
        let mut buffer = [0; 2048];
        let Ok((size, from)) = udp.receive_from(&mut buffer) else { return };
        let mut request = buffer[..size].to_vec();
        let answer = match self.behaviour {
            Behaviour::Good => (self.answer)(&mut request),
            Behaviour::Garbage(garbage) => garbage.to_vec(),
            Behaviour::Partly(size) | Behaviour::PartlyReset(size) => {
                (self.answer)(&mut request)[..size].to_vec()
            }
            Behaviour::Silent | Behaviour::Reset => return,
        };
        udp.send_to(&answer, from).unwrap();
    }
}

/// How much later.
const LITTLE: Duration = Duration::from_millis(20);

impl Connection<'_> {
    fn turn(&mut self, now: Instant, behaviour: Behaviour, answer: Answer) {
        let AnyTcpSocket::Connected(socket) = &mut self.socket else { return };
        if self.reset_at.is_some_and(|at| at <= now) {
            return self.reset();
        }
        let mut buffer = [0; 2048];
        let Ok(size) = socket.receive(&mut buffer) else { return };
        self.request.extend_from_slice(&buffer[..size]);
        match behaviour {
            Behaviour::Good => socket.send_all(&answer(&mut self.request)).unwrap(),
            Behaviour::Garbage(garbage) => socket.send_all(garbage).unwrap(),
            Behaviour::Partly(size) => {
                socket.send_all(&answer(&mut self.request)[..size]).unwrap();
                // Dropped, it is closed: the stack delivers what there is.
                self.socket = AnyTcpSocket::Idle;
            }
            Behaviour::PartlyReset(size) => {
                socket.send_all(&answer(&mut self.request)[..size]).unwrap();
                self.reset_at = Some(now + LITTLE);
            }
            Behaviour::Silent => {}
            Behaviour::Reset => self.reset(),
        }
    }

    fn reset(&mut self) {
        if let AnyTcpSocket::Connected(socket) = self.socket.take() {
            socket.abort();
        }
    }
}
