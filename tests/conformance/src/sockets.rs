//! The sockets under test, and the calls on them.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use sockstate::state::Listening;
use sockstate::{AnyTcpSocket, Error, Net, Protocol, TcpSocket, Unfinished, nb};

use crate::call::{Call, Data, Outcome};
use crate::peer::Flow;

/// A socket of a script, and how far its streams have come.
#[derive(Debug)]
struct Held<'net> {
    socket: AnyTcpSocket<'net>,
    sent: usize,
    received: usize,
}

#[derive(Debug)]
pub(crate) struct Sockets<'net> {
    net: &'net Net,
    peer: IpAddr,
    listener: Option<TcpSocket<'net, Listening>>,
    held: BTreeMap<String, Held<'net>>,
}

/// Does something with a socket that has a peer.
macro_rules! with_peer {
    ($socket:expr, $connection:ident => $call:expr) => {
        match $socket {
            AnyTcpSocket::Connecting($connection) => $call,
            AnyTcpSocket::Connected($connection) => $call,
            AnyTcpSocket::HalfClosed($connection) => $call,
            AnyTcpSocket::Closing($connection) => $call,
            other => return Err(format!("{other:?} has no peer")),
        }
    };
}

impl<'net> Sockets<'net> {
    pub(crate) fn new(net: &'net Net, peer: IpAddr) -> Self {
        Sockets { net, peer, listener: None, held: BTreeMap::new() }
    }

    /// Makes a call. An error is one of the script: a call that the socket does not have.
    pub(crate) fn call(
        &mut self,
        name: &str,
        call: &Call,
        flow: &mut Flow,
    ) -> Result<Outcome, String> {
        match call {
            Call::Listen { port, backlog } => Ok(self.listen(*port, *backlog)),
            Call::Unlisten => {
                self.listener.take().ok_or("there is no listener")?;
                Ok(Outcome::Done)
            }
            Call::Accept => self.accept(name, flow),
            Call::Connect { port, from } => self.connect(name, *port, *from, flow),
            Call::Free => Ok(outcome(self.net.free_slots(Protocol::Tcp), Outcome::Count)),
            Call::Shutdown | Call::Close | Call::Closed | Call::Connected => {
                self.transition(name, call)
            }
            Call::Abort => {
                match self.take(name)?.socket {
                    AnyTcpSocket::Connected(socket) => socket.abort(),
                    AnyTcpSocket::HalfClosed(socket) => socket.abort(),
                    AnyTcpSocket::Closing(socket) => socket.abort(),
                    other => return Err(format!("{other:?} has nothing to abort")),
                }
                Ok(Outcome::Done)
            }
            Call::Drop => self.take(name).map(|_| Outcome::Done),
            _ => self.operate(name, call),
        }
    }

    fn listen(&mut self, port: u16, backlog: u16) -> Outcome {
        let listener = self.net.tcp().and_then(|socket| Ok(socket.bind(port)?.listen(backlog)?));
        outcome(listener, |listener| {
            self.listener = Some(listener);
            Outcome::Done
        })
    }

    fn accept(&mut self, name: &str, flow: &Flow) -> Result<Outcome, String> {
        let listener = self.listener.as_mut().ok_or("there is no listener")?;
        let Ok((socket, remote)) = listener.accept() else { return Ok(Outcome::WouldBlock) };
        let wanted = SocketAddr::new(self.peer, flow.peer_port);
        if remote != wanted {
            return Err(format!("a connection with {remote} was accepted, not with {wanted}"));
        }
        self.hold(name, socket.into())?;
        Ok(Outcome::Done)
    }

    /// A socket that was refused is connected again; otherwise a new one is.
    fn connect(
        &mut self,
        name: &str,
        port: u16,
        from: Option<u16>,
        flow: &mut Flow,
    ) -> Result<Outcome, String> {
        let socket = match self.held.remove(name).map(|held| held.socket) {
            Some(AnyTcpSocket::Closed(socket)) => Ok(socket),
            Some(other) => return Err(format!("{other:?} cannot connect")),
            None => self.net.tcp(),
        };
        let remote = SocketAddr::new(self.peer, port);
        let connecting = socket.and_then(|socket| match from {
            Some(from) => Ok(socket.bind(from)?.connect(remote)?),
            None => Ok(socket.connect(remote)?),
        });
        let connecting = match connecting {
            Ok(connecting) => connecting,
            Err(error) => return Ok(Outcome::Error(error)),
        };
        flow.peer_port = port;
        flow.stack_port = connecting.local_endpoint().ok().map(|local| local.port);
        self.hold(name, connecting.into())?;
        Ok(Outcome::Done)
    }

    fn transition(&mut self, name: &str, call: &Call) -> Result<Outcome, String> {
        let Held { socket, sent, received } = self.take(name)?;
        let (socket, outcome): (AnyTcpSocket<'net>, _) = match (call, socket) {
            (Call::Shutdown, AnyTcpSocket::Connected(socket)) => {
                (socket.shutdown().into(), Outcome::Done)
            }
            (Call::Close, AnyTcpSocket::Connected(socket)) => {
                (socket.close().into(), Outcome::Done)
            }
            (Call::Close, AnyTcpSocket::HalfClosed(socket)) => {
                (socket.close().into(), Outcome::Done)
            }
            (Call::Connected, AnyTcpSocket::Connecting(socket)) => finished(socket.finish()),
            (Call::Closed, AnyTcpSocket::Closing(socket)) => finished(socket.finish()),
            (_, other) => return Err(format!("{other:?} has no such call")),
        };
        self.held.insert(name.into(), Held { socket, sent, received });
        Ok(outcome)
    }

    /// A call that leaves the socket in its state.
    fn operate(&mut self, name: &str, call: &Call) -> Result<Outcome, String> {
        let held = self.held.get_mut(name).ok_or_else(|| nobody(name))?;
        let socket = &mut held.socket;
        let done = match call {
            Call::Send(data) => return held.send(data),
            Call::Receive { wanted, at_most } => return held.receive(wanted, *at_most),
            Call::Flush => return with_peer!(socket, s => Ok(blocking(s.flush(), done))),
            Call::State => {
                return with_peer!(socket, s => Ok(outcome(s.tcp_state(), Outcome::State)));
            }
            Call::KeepAlive(interval) => with_peer!(socket, s => s.set_keep_alive(*interval)),
            Call::Timeout(timeout) => with_peer!(socket, s => s.set_timeout(*timeout)),
            Call::AckDelay(delay) => with_peer!(socket, s => s.set_ack_delay(*delay)),
            Call::Nagle(on) => with_peer!(socket, s => s.set_nagle(*on)),
            _ => unreachable!("the other calls are made elsewhere"),
        };
        Ok(outcome(done, |()| Outcome::Done))
    }

    fn hold(&mut self, name: &str, socket: AnyTcpSocket<'net>) -> Result<(), String> {
        match self.held.insert(name.into(), Held { socket, sent: 0, received: 0 }) {
            None => Ok(()),
            Some(_) => Err(format!("`@{name}` has a socket already")),
        }
    }

    fn take(&mut self, name: &str) -> Result<Held<'net>, String> {
        self.held.remove(name).ok_or_else(|| nobody(name))
    }
}

impl Held<'_> {
    fn send(&mut self, data: &Data) -> Result<Outcome, String> {
        let AnyTcpSocket::Connected(socket) = &mut self.socket else {
            return Err(format!("{:?} cannot send", self.socket));
        };
        Ok(blocking(socket.send(&data.bytes(self.sent)), |count| {
            self.sent += count;
            Outcome::Count(count)
        }))
    }

    fn receive(&mut self, wanted: &Data, at_most: usize) -> Result<Outcome, String> {
        let mut buffer = vec![0; at_most];
        let result = match &mut self.socket {
            AnyTcpSocket::Connected(socket) => socket.receive(&mut buffer),
            AnyTcpSocket::HalfClosed(socket) => socket.receive(&mut buffer),
            other => return Err(format!("{other:?} cannot receive")),
        };
        Ok(blocking(result, |count| {
            buffer.truncate(count);
            let is_wanted = wanted.bytes(self.received) == buffer;
            self.received += count;
            Outcome::Received(if is_wanted { wanted.clone() } else { Data::Text(buffer) })
        }))
    }
}

fn nobody(name: &str) -> String {
    format!("`@{name}` has no socket")
}

fn done((): ()) -> Outcome {
    Outcome::Done
}

fn outcome<T>(result: Result<T, Error>, ok: impl FnOnce(T) -> Outcome) -> Outcome {
    result.map_or_else(Outcome::Error, ok)
}

fn blocking<T>(result: nb::Result<T, Error>, ok: impl FnOnce(T) -> Outcome) -> Outcome {
    match result {
        Ok(value) => ok(value),
        Err(nb::Error::WouldBlock) => Outcome::WouldBlock,
        Err(nb::Error::Other(error)) => Outcome::Error(error),
    }
}

/// The socket as it is after it was asked to finish.
fn finished<'net, Next, Pending, Closed>(
    result: Result<Next, Unfinished<Pending, Closed>>,
) -> (AnyTcpSocket<'net>, Outcome)
where
    Next: Into<AnyTcpSocket<'net>>,
    Pending: Into<AnyTcpSocket<'net>>,
    Closed: Into<AnyTcpSocket<'net>>,
{
    match result {
        Ok(next) => (next.into(), Outcome::Done),
        Err(Unfinished::Pending(pending)) => (pending.into(), Outcome::WouldBlock),
        Err(Unfinished::Failed(failed)) => {
            let (closed, error) = failed.into_parts();
            (closed.into(), Outcome::Error(error))
        }
    }
}
