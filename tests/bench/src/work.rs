//! The work that all stacks do: written once.

use crate::near::{Near, Setup};
use crate::remote::{BULK, DISCARD, ECHO, FOUND, MUTE, ONCE, REQUEST, SERVER, SOURCE};
use crate::world::World;

/// Some work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// A request of 64 bytes, and as long an answer, on a TCP connection.
    TcpRoundTrip,
    /// The same by UDP.
    UdpRoundTrip,
    /// A connection for each request, which the server closes.
    Churn,
    /// 256 KiB to the remote end.
    Send,
    /// 256 KiB from the remote end.
    Receive,
    /// The address of a host.
    LookUp,
    /// Clients that come all at once, each with one request.
    Burst,
    /// 64 KiB over each of 64 connections at once, to the remote end.
    Parallel,
    /// As `Send` and `Receive`, where one frame in twenty is lost.
    SendWithLoss,
    ReceiveWithLoss,
}

/// Sockets that do nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Idle {
    Listening,
    Connected,
    Udp,
}

/// Connections of [`Work::Parallel`], and clients of [`Work::Burst`] with the backlog that they meet.
const PARALLEL: usize = 64;
const CLIENTS: usize = 256;
const BACKLOG: u16 = 16;

/// Idle connections that are opened at a time. One by one, a stack that visits all sockets would take
/// long to open thousands.
const OPENED_AT_ONCE: usize = 64;

/// What of its data an application handles at a time.
const PIECE: usize = 1_024;

/// Some work beside so many idle sockets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    pub work: Work,
    pub idle: Option<(Idle, usize)>,
}

impl Work {
    pub const ALL: [Work; 10] = [
        Work::TcpRoundTrip,
        Work::UdpRoundTrip,
        Work::Churn,
        Work::Send,
        Work::Receive,
        Work::LookUp,
        Work::Burst,
        Work::Parallel,
        Work::SendWithLoss,
        Work::ReceiveWithLoss,
    ];

    /// Of how much the cost is told: of one, or of each full segment.
    pub fn units(self) -> f64 {
        match self {
            Work::Send | Work::Receive | Work::SendWithLoss | Work::ReceiveWithLoss => {
                BULK as f64 / 1_460.0
            }
            _ => 1.0,
        }
    }

    /// How often it is done at least and at most: the difference counts.
    fn times(self) -> [u32; 2] {
        match self {
            Work::TcpRoundTrip | Work::UdpRoundTrip | Work::LookUp => [20, 120],
            Work::Churn => [20, 70],
            Work::SendWithLoss | Work::ReceiveWithLoss => [0, 8],
            Work::Burst | Work::Parallel => [0, 1],
            Work::Send | Work::Receive => [1, 3],
        }
    }

    fn setup(self) -> Setup {
        let (tcp, buffer) = match self {
            Work::Burst => (CLIENTS + usize::from(BACKLOG), 1_024),
            Work::Parallel => (PARALLEL, 16_384),
            Work::TcpRoundTrip | Work::UdpRoundTrip => (1, 1_024),
            Work::Churn | Work::LookUp => (2, 1_024),
            // The remote end does not ask whether a closed window still is, so that one lost word of
            // the near end's would be the end: it never closes.
            Work::ReceiveWithLoss => (2, BULK),
            _ => (2, 16_384),
        };
        Setup { tcp, udp: 1, buffer }
    }
}

impl Idle {
    pub const ALL: [Idle; 3] = [Idle::Listening, Idle::Connected, Idle::Udp];
}

impl Case {
    /// Some work alone.
    pub const fn alone(work: Work) -> Self {
        Case { work, idle: None }
    }

    /// How often it is done at least and at most: the difference counts. Beside many sockets a few
    /// times will do, as each is as the other, and some stacks visit all of them each time.
    pub fn times(self) -> [u32; 2] {
        if self.idle.is_some() { [4, 24] } else { self.work.times() }
    }

    /// How large a stack it needs.
    pub fn setup(self) -> Setup {
        let mut setup = self.work.setup();
        match self.idle {
            Some((Idle::Udp, count)) => setup.udp += count,
            Some((Idle::Listening | Idle::Connected, count)) => setup.tcp += count,
            None => {}
        }
        setup
    }

    /// Whether a stack can do it.
    pub fn suits<N: Near>(self) -> bool {
        let is_idle = |kind| self.idle.is_some_and(|(idle, _)| idle == kind);
        let Setup { tcp, udp, .. } = self.setup();
        (N::HAS_LISTENERS || !(self.work == Work::Burst || is_idle(Idle::Listening)))
            && (N::PROBES_WINDOWS || self.work != Work::SendWithLoss)
            && tcp + udp <= N::MOST_SOCKETS
    }

    /// A world in which the work can be done, with what it is done with.
    pub fn begin<N: Near>(self) -> Bench<N> {
        let parallel = match self.idle {
            Some((Idle::Connected, _)) => OPENED_AT_ONCE,
            _ if self.work == Work::Parallel => PARALLEL,
            _ => 1,
        };
        let mut world = World::<N>::new(self.setup(), parallel);
        let idle = self.idle.map_or_else(Vec::new, |(kind, count)| open(&mut world, kind, count));
        let tcp = match self.work {
            Work::TcpRoundTrip => vec![connect(&mut world, ECHO)],
            Work::Parallel => (0..PARALLEL).map(|_| connect(&mut world, DISCARD)).collect(),
            _ => vec![],
        };
        let udp = (self.work == Work::UdpRoundTrip).then(|| world.near.udp(6_000, ECHO));
        if matches!(self.work, Work::SendWithLoss | Work::ReceiveWithLoss) {
            world.plug.lose_one_of(20);
        }
        Bench { world, work: self.work, tcp, udp, _idle: idle }
    }
}

/// A world, and the work that is done in it.
pub struct Bench<N: Near> {
    pub world: World<N>,
    work: Work,
    tcp: Vec<N::Tcp>,
    udp: Option<N::Udp>,
    _idle: Vec<IdleSocket<N>>,
}

/// A socket that is there, and no more.
#[allow(dead_code)]
enum IdleSocket<N: Near> {
    Tcp(N::Tcp),
    Listener(N::Listener),
    Udp(N::Udp),
}

impl<N: Near> Bench<N> {
    /// Does the work so many times.
    pub fn run(&mut self, times: u32) {
        let world = &mut self.world;
        if let Some(tcp) = self.tcp.first_mut()
            && self.work == Work::TcpRoundTrip
        {
            tcp_round_trips(world, tcp, times);
        }
        if let Some(udp) = &mut self.udp {
            udp_round_trips(world, udp, times);
        }
        match self.work {
            Work::TcpRoundTrip | Work::UdpRoundTrip => {}
            Work::Churn => churn(world, times),
            Work::Send | Work::SendWithLoss => (0..times).for_each(|_| send(world)),
            Work::Receive | Work::ReceiveWithLoss => (0..times).for_each(|_| receive(world)),
            Work::LookUp => look_up(world, times),
            Work::Burst => (0..times).for_each(|_| burst(world)),
            Work::Parallel => (0..times).for_each(|_| parallel(world, &mut self.tcp)),
        }
    }
}

fn open<N: Near>(world: &mut World<N>, idle: Idle, count: usize) -> Vec<IdleSocket<N>> {
    let ports = (10_000..).take(count);
    match idle {
        Idle::Listening => {
            ports.map(|port| IdleSocket::Listener(world.near.listen(port, 1))).collect()
        }
        Idle::Connected => open_connections(world, count),
        Idle::Udp => ports.map(|port| IdleSocket::Udp(world.near.udp(port, MUTE))).collect(),
    }
}

fn open_connections<N: Near>(world: &mut World<N>, count: usize) -> Vec<IdleSocket<N>> {
    let mut open = Vec::with_capacity(count);
    while open.len() < count {
        let mut new = OPENED_AT_ONCE.min(count - open.len());
        let mut pending = vec![];
        world.run(|near| {
            pending.extend((0..std::mem::take(&mut new)).map(|_| near.connect(MUTE)));
            for connecting in std::mem::take(&mut pending) {
                match near.connected(connecting) {
                    Ok(tcp) => open.push(IdleSocket::Tcp(tcp)),
                    Err(connecting) => pending.push(connecting),
                }
            }
            pending.is_empty()
        });
    }
    open
}

fn connect<N: Near>(world: &mut World<N>, port: u16) -> N::Tcp {
    let mut pending = None;
    let mut tcp = None;
    world.run(|near| {
        let connecting = pending.take().unwrap_or_else(|| near.connect(port));
        match near.connected(connecting) {
            Ok(connected) => tcp = Some(connected),
            Err(connecting) => pending = Some(connecting),
        }
        tcp.is_some()
    });
    tcp.expect("a connection")
}

fn close<N: Near>(world: &mut World<N>, tcp: N::Tcp) {
    let (mut tcp, mut pending) = (Some(tcp), None);
    world.run(|near| {
        if let Some(tcp) = tcp.take() {
            pending = Some(near.close(tcp));
        }
        pending = pending.take().and_then(|closing| near.closed(closing).err());
        pending.is_none()
    });
}

fn tcp_round_trips<N: Near>(world: &mut World<N>, tcp: &mut N::Tcp, times: u32) {
    let (mut left, mut asked) = (times, false);
    let mut answer = [0; REQUEST];
    world.run(|near| {
        if asked {
            match near.receive(tcp, &mut answer) {
                None => return false,
                Some(size) => assert_eq!(size, REQUEST),
            }
            left -= 1;
        }
        if left > 0 {
            assert_eq!(near.send(tcp, &[1; REQUEST]), REQUEST);
            asked = true;
        }
        left == 0
    });
}

fn udp_round_trips<N: Near>(world: &mut World<N>, udp: &mut N::Udp, times: u32) {
    let (mut left, mut asked) = (times, false);
    let mut answer = [0; REQUEST];
    world.run(|near| {
        if asked {
            match near.receive_datagram(udp, &mut answer) {
                None => return false,
                Some(size) => assert_eq!(size, REQUEST),
            }
            left -= 1;
        }
        if left > 0 {
            near.send_datagram(udp, &[1; REQUEST]);
            asked = true;
        }
        left == 0
    });
}

/// How far the client of one connection is.
enum Step<N: Near> {
    Connecting(N::Connecting),
    Asking(N::Tcp),
    Ending(N::Tcp),
    Closing(N::Closing),
    Done,
}

impl<N: Near> Step<N> {
    /// Goes on as far as possible.
    fn go_on(mut self, near: &mut N) -> Step<N> {
        let mut answer = [0; REQUEST];
        loop {
            self = match self {
                Step::Connecting(connecting) => match near.connected(connecting) {
                    Ok(mut tcp) => {
                        assert_eq!(near.send(&mut tcp, &[1; REQUEST]), REQUEST);
                        return Step::Asking(tcp);
                    }
                    Err(connecting) => return Step::Connecting(connecting),
                },
                Step::Asking(mut tcp) => match near.receive(&mut tcp, &mut answer) {
                    None => return Step::Asking(tcp),
                    Some(size) => {
                        assert_eq!(size, REQUEST);
                        Step::Ending(tcp)
                    }
                },
                Step::Ending(mut tcp) => match near.receive(&mut tcp, &mut answer) {
                    None => return Step::Ending(tcp),
                    Some(size) => {
                        assert_eq!(size, 0);
                        return Step::Closing(near.close(tcp));
                    }
                },
                Step::Closing(closing) => match near.closed(closing) {
                    Err(closing) => return Step::Closing(closing),
                    Ok(()) => Step::Done,
                },
                Step::Done => return Step::Done,
            }
        }
    }
}

fn churn<N: Near>(world: &mut World<N>, times: u32) {
    let (mut left, mut step) = (times, Step::Done);
    world.run(|near| {
        step = std::mem::replace(&mut step, Step::Done).go_on(near);
        if matches!(step, Step::Done) && left > 0 {
            left -= 1;
            step = Step::Connecting(near.connect(ONCE));
        }
        matches!(step, Step::Done)
    });
}

fn send<N: Near>(world: &mut World<N>) {
    let mut tcp = connect(world, DISCARD);
    let mut left = BULK;
    world.run(|near| {
        while left > 0 {
            match near.send(&mut tcp, &[1; PIECE][..left.min(PIECE)]) {
                0 => break,
                sent => left -= sent,
            }
        }
        left == 0
    });
    close(world, tcp);
}

fn receive<N: Near>(world: &mut World<N>) {
    let mut tcp = connect(world, SOURCE);
    let (mut received, mut ended) = (0, false);
    world.run(|near| {
        while !ended && let Some(size) = near.receive(&mut tcp, &mut [0; PIECE]) {
            received += size;
            ended = size == 0;
        }
        ended
    });
    assert_eq!(received, BULK);
    close(world, tcp);
}

fn look_up<N: Near>(world: &mut World<N>, times: u32) {
    let (mut left, mut query) = (times, None);
    world.run(|near| {
        if let Some(pending) = query.take() {
            match near.found(pending) {
                Err(pending) => {
                    query = Some(pending);
                    return false;
                }
                Ok(address) => assert_eq!(address, FOUND),
            }
        }
        if left > 0 {
            left -= 1;
            query = Some(near.look_up("device.example.org"));
        }
        query.is_none()
    });
}

/// How far the server of one connection is.
enum Serving<N: Near> {
    Open(N::Tcp),
    Closing(N::Closing),
}

impl<N: Near> Serving<N> {
    /// Goes on as far as possible: `None` at the end.
    fn go_on(self, near: &mut N, request: &mut [u8]) -> Option<Self> {
        let closing = match self {
            Serving::Closing(closing) => closing,
            Serving::Open(mut tcp) => loop {
                match near.receive(&mut tcp, request) {
                    None => return Some(Serving::Open(tcp)),
                    Some(0) => break near.close(tcp),
                    Some(size) => assert_eq!(near.send(&mut tcp, &request[..size]), size),
                }
            },
        };
        near.closed(closing).err().map(Serving::Closing)
    }
}

fn burst<N: Near>(world: &mut World<N>) {
    let mut listener = world.near.listen(SERVER, BACKLOG);
    let mut connections: Vec<Serving<N>> = vec![];
    let (mut served, mut request) = (0, [0; REQUEST]);
    world.remote.come(CLIENTS);
    world.run(|near| {
        while let Some(tcp) = near.accept(&mut listener) {
            connections.push(Serving::Open(tcp));
        }
        for connection in std::mem::take(&mut connections) {
            match connection.go_on(near, &mut request) {
                Some(connection) => connections.push(connection),
                None => served += 1,
            }
        }
        served == CLIENTS
    });
    assert_eq!(world.remote.answered(), CLIENTS);
}

fn parallel<N: Near>(world: &mut World<N>, connections: &mut [N::Tcp]) {
    let mut left = vec![65_536; connections.len()];
    world.run(|near| {
        for (tcp, left) in connections.iter_mut().zip(&mut left) {
            while *left > 0 {
                match near.send(tcp, &[1; PIECE][..PIECE.min(*left)]) {
                    0 => break,
                    sent => *left -= sent,
                }
            }
        }
        left.iter().all(|left| *left == 0)
    });
}
