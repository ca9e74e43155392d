//! What both stacks are to do: written once.

use std::rc::Rc;

use crate::cable::Line;
use crate::executor::{Calls, Kind};
use crate::far::Service;
use crate::near::{Near, Setup};
use crate::time::now;
use crate::world::World;

/// What an application sends or receives in bulk.
pub const BULK: usize = 4 * MIB;
const MIB: usize = 1 << 20;
/// How much of it at a time.
pub const PIECE: usize = 1_024;
/// Requests, and how long each of them and of the answers is.
pub const REQUESTS: usize = 1_000;
const REQUEST: usize = 64;
/// Connections beside the busy one.
pub const IDLE: usize = 16;
/// Microseconds.
const SECOND: u64 = 1_000_000;
const HOUR: u64 = 3_600 * SECOND;

/// Some work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Work {
    /// 4 MiB to the far end, in writes of so many bytes.
    Send(usize),
    /// 4 MiB from the far end.
    Receive,
    /// 1,000 requests of 64 bytes on a TCP connection, each answered by as much.
    TcpRequests,
    /// The same without Nagle's algorithm.
    TcpRequestsAtOnce,
    /// The same beside 16 connections on each of which a reader waits.
    Beside,
    /// As many requests by UDP.
    UdpRequests,
    /// A connection on which a reader waits for an hour.
    IdleConnection,
    /// A listener that waits for an hour.
    IdleListener,
    /// A connection on which a reader waits for an hour, and that is probed every minute.
    KeepAlive,
}

/// What some work has cost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cost {
    /// Of the task that runs the stack.
    pub runner: Calls,
    /// Of the tasks that use it.
    pub application: Calls,
    /// Microseconds that it took.
    pub time: u64,
}

/// Some work on some line with buffers of some size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// The work.
    pub work: Work,
    /// The line.
    pub line: Line,
    /// Bytes of each TCP buffer.
    pub buffer: usize,
}

impl Case {
    /// All of them, in the order of the table.
    pub fn all() -> Vec<Case> {
        let mut cases = Vec::new();
        let mut add = |work, buffers: &[usize], lines: &[Line]| {
            for &buffer in buffers {
                cases.extend(lines.iter().map(|&line| Case { work, line, buffer }));
            }
        };
        let lines = [Line::SHORT, Line::LONG, Line::PACED];
        add(Work::Send(BULK), &[4_096, 16_384], &lines);
        add(Work::Send(PIECE), &[4_096, 16_384], &lines);
        add(Work::Receive, &[4_096, 16_384], &lines);
        add(Work::TcpRequests, &[4_096], &lines[..2]);
        add(Work::TcpRequestsAtOnce, &[4_096], &lines[..2]);
        add(Work::Beside, &[4_096], &lines[..2]);
        add(Work::UdpRequests, &[4_096], &lines[..2]);
        add(Work::KeepAlive, &[4_096], &lines[..2]);
        add(Work::IdleConnection, &[4_096], &lines[..2]);
        add(Work::IdleListener, &[4_096], &lines[..2]);
        cases
    }

    /// For how many units the cost counts: MiB, or one.
    pub fn units(&self) -> u64 {
        match self.work {
            Work::Send(_) | Work::Receive => (BULK / MIB) as u64,
            _ => 1,
        }
    }

    /// Does the work on a stack. What goes before it, and is not counted: that connections are
    /// opened, and a second of silence. What is counted: the work from the first poll of its tasks
    /// to its end, and the second after that.
    ///
    /// # Panics
    ///
    /// If the work is not done in a day.
    pub fn cost<N: Near>(&self) -> Cost {
        let service = match self.work {
            Work::Send(_) => Service::Discard,
            Work::Receive => Service::Source(BULK),
            _ => Service::Echo,
        };
        let connections = match self.work {
            Work::UdpRequests | Work::IdleListener => 0,
            Work::Beside => 1 + IDLE,
            _ => 1,
        };
        let setup = Setup { tcp: 1 + IDLE, buffer: self.buffer };
        let mut world = World::<N>::new(self.line, setup, &vec![service; connections]);
        let mut open = || {
            let near = Rc::clone(&world.near);
            let mut tcp = world.finish(async move { near.connect(service.port()).await });
            if self.work == Work::KeepAlive {
                N::set_keep_alive(&mut tcp, 60);
            }
            if matches!(self.work, Work::TcpRequestsAtOnce | Work::Beside) {
                N::send_at_once(&mut tcp);
            }
            tcp
        };
        let mut connections: Vec<_> = (0..connections).map(|_| open()).collect();
        world.pass(SECOND);
        world.executor.forget();
        world.far.begin();

        let begin = now();
        let busy = connections.pop();
        connections.into_iter().for_each(|tcp| world.spawn(wait::<N>(tcp)));
        let near = Rc::clone(&world.near);
        let received = match (self.work, busy) {
            (Work::Send(piece), Some(tcp)) => {
                world.finish(send::<N>(tcp, piece));
                BULK
            }
            (Work::Receive, Some(tcp)) => {
                world.finish(receive::<N>(tcp));
                0
            }
            (Work::TcpRequests | Work::TcpRequestsAtOnce | Work::Beside, Some(tcp)) => {
                world.finish(tcp_requests::<N>(tcp));
                REQUESTS * REQUEST
            }
            (Work::UdpRequests, _) => {
                world.finish(udp_requests(near));
                REQUESTS * REQUEST
            }
            (_, Some(tcp)) => {
                world.spawn(wait::<N>(tcp));
                world.pass(HOUR);
                0
            }
            (_, None) => {
                world.spawn(async move { drop(near.accept(80).await) });
                world.pass(HOUR);
                0
            }
        };
        let time = now() - begin;
        world.pass(SECOND);
        assert_eq!(world.far.received, received, "{}: the far end has something else", N::NAME);
        Cost {
            runner: world.executor.calls(Kind::Runner),
            application: world.executor.calls(Kind::Application),
            time,
        }
    }
}

async fn send<N: Near>(mut tcp: N::Tcp, piece: usize) -> N::Tcp {
    let data = vec![0x5a; BULK];
    let mut sent = 0;
    while sent < BULK {
        let piece = &data[sent..BULK.min(sent + piece)];
        sent += N::write(&mut tcp, piece).await;
    }
    N::flush(&mut tcp).await;
    tcp
}

async fn receive<N: Near>(mut tcp: N::Tcp) -> N::Tcp {
    let mut piece = [0; PIECE];
    let mut left = BULK;
    while left > 0 {
        left -= N::read(&mut tcp, &mut piece).await;
    }
    tcp
}

async fn tcp_requests<N: Near>(mut tcp: N::Tcp) -> N::Tcp {
    let request = [0x5a; REQUEST];
    let mut answer = [0; REQUEST];
    for _ in 0..REQUESTS {
        let mut sent = 0;
        while sent < REQUEST {
            sent += N::write(&mut tcp, &request[sent..]).await;
        }
        let mut size = 0;
        while size < REQUEST {
            size += N::read(&mut tcp, &mut answer[size..]).await;
        }
    }
    tcp
}

async fn udp_requests<N: Near>(near: Rc<N>) -> N::Udp {
    let mut udp = near.udp();
    let request = [0x5a; REQUEST];
    let mut answer = [0; REQUEST];
    for _ in 0..REQUESTS {
        N::send(&mut udp, &request, Service::Echo.port()).await;
        N::receive(&mut udp, &mut answer).await;
    }
    udp
}

/// Waits for what does not come.
async fn wait<N: Near>(mut tcp: N::Tcp) {
    N::read(&mut tcp, &mut [0; PIECE]).await;
}
