//! `TcpConnect`, `TcpBind`, `TcpAccept`, and their connections.

use core::fmt;
use core::net::SocketAddr;

use edge_nal::io::{ErrorType, Read, Write};
use edge_nal::{Close, Readable, TcpAccept, TcpBind, TcpConnect, TcpShutdown, TcpSplit};
use maitake_sync::Mutex;
use mutex::ConstInit;

use crate::stack::core::Core;
use crate::stack::slot::SlotId;
use crate::stack::{Local, Net, Sharing};
use crate::state::{Closing, Connected, HalfClosed, Listening, State};
use crate::{Error, Protocol, Ready, TcpSocket};

impl<'net, S: Sharing> TcpConnect for &'net Net<S> {
    type Error = Error;
    type Socket<'a>
        = Connection<'net, S>
    where
        Self: 'a;

    /// Opens a socket and connects it. While all slots are taken, but a closed connection will
    /// leave its own when it has delivered everything, it waits for that.
    async fn connect(&self, remote: SocketAddr) -> Result<Self::Socket<'_>, Error> {
        let socket = self.tcp_when_free().await?.connect(remote)?.await?;
        Ok(Connection(Direction::Both(socket)))
    }
}

impl<'net, S: Sharing> TcpBind for &'net Net<S> {
    type Error = Error;
    type Accept<'a>
        = Acceptor<'net, S>
    where
        Self: 'a;

    /// Listens on a port of one address, or of all, with the backlog of
    /// [`Config::backlog`](crate::Config::backlog), but at most half of the slots that are free,
    /// rounded up.
    /// Several clients that come at the same time are all taken in. Port 0 is refused with
    /// [`Error::PortZero`], as nobody could learn which one it became.
    async fn bind(&self, local: SocketAddr) -> Result<Self::Accept<'_>, Error> {
        let bound = self.tcp_when_free().await?.bind(local)?;
        let half = (self.free_slots(Protocol::Tcp)? + 1).div_ceil(2);
        let backlog = self.backlog.min(u16::try_from(half).unwrap_or(u16::MAX));
        let listener = bound.listen(backlog)?;
        Ok(Acceptor(Mutex::new_with_raw_mutex(listener, S::Lock::INIT)))
    }
}

/// A listener of edge-nal, which several tasks may ask for connections at the same time: they are
/// served in the order in which they came. For `n` connections at once it needs `n + 1` TCP slots,
/// as [any listener](TcpSocket::listen). Dropping it closes the port.
pub struct Acceptor<'net, S: Sharing = Local>(Mutex<TcpSocket<'net, Listening, S>, S::Lock>);

impl<S: Sharing> fmt::Debug for Acceptor<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Acceptor").finish_non_exhaustive()
    }
}

impl<'net, S: Sharing> TcpAccept for Acceptor<'net, S> {
    type Error = Error;
    type Socket<'a>
        = Connection<'net, S>
    where
        Self: 'a;

    async fn accept(&self) -> Result<(SocketAddr, Self::Socket<'_>), Error> {
        let (socket, remote) = self.0.lock().await.accept_async().await;
        Ok((remote, Connection(Direction::Both(socket))))
    }
}

/// A connection of edge-nal. Dropping it closes it; what was written is still delivered.
#[derive(Debug)]
pub struct Connection<'net, S: Sharing = Local>(Direction<'net, S>);

/// Which directions this side has not closed.
#[derive(Debug, Default)]
enum Direction<'net, S: Sharing> {
    Both(TcpSocket<'net, Connected, S>),
    Receiving(TcpSocket<'net, HalfClosed, S>),
    Neither(TcpSocket<'net, Closing, S>),
    #[default]
    Aborted,
}

impl<'net, S: Sharing> Connection<'net, S> {
    /// The typed connection, for its options. Not after it was closed, in one direction or in both.
    pub fn socket(&mut self) -> Option<&mut TcpSocket<'net, Connected, S>> {
        match &mut self.0 {
            Direction::Both(socket) => Some(socket),
            _ => None,
        }
    }

    /// A call on the socket, in whatever state that is.
    async fn until<R>(
        &self,
        interest: Ready,
        call: impl FnMut(&mut Core, SlotId) -> nb::Result<R, Error>,
    ) -> Result<R, Error> {
        match &self.0 {
            Direction::Both(socket) => socket.until(interest, call).await,
            Direction::Receiving(socket) => socket.until(interest, call).await,
            Direction::Neither(socket) => socket.until(interest, call).await,
            Direction::Aborted => Err(Error::WrongState),
        }
    }

    /// Whether this side may still receive.
    fn receives(&self) -> bool {
        matches!(self.0, Direction::Both(_) | Direction::Receiving(_))
    }

    /// Receives. The end of the stream is `Ok(0)`; so is what comes after this side is closed.
    async fn receive(&self, buffer: &mut [u8]) -> Result<usize, Error> {
        if !self.receives() {
            return Ok(0);
        }
        match self.until(Ready::RECEIVE, |core, slot| core.tcp_receive(slot, buffer)).await {
            Err(Error::PeerClosed) => Ok(0),
            received => received,
        }
    }

    /// Waits until `receive` does not wait.
    async fn readable(&self) -> Result<(), Error> {
        if !self.receives() {
            return Ok(());
        }
        self.until(Ready::RECEIVE, |core, slot| match core.tcp_receive_queue(slot) {
            Ok(0) => Err(nb::Error::WouldBlock),
            _ => Ok(()),
        })
        .await
    }

    async fn send(&self, data: &[u8]) -> Result<usize, Error> {
        if !matches!(self.0, Direction::Both(_)) {
            return Err(Error::WrongState);
        }
        self.until(Ready::SEND, |core, slot| core.tcp_send_in_task(slot, data)).await
    }

    /// Waits until the peer has acknowledged everything.
    async fn flush(&self) -> Result<(), Error> {
        self.until(Ready::FLUSHED, |core, slot| core.tcp_flush(slot)).await
    }
}

impl<S: Sharing> ErrorType for Connection<'_, S> {
    type Error = Error;
}

impl<S: Sharing> Read for Connection<'_, S> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        self.receive(buf).await
    }
}

impl<S: Sharing> Write for Connection<'_, S> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Error> {
        self.send(buf).await
    }

    /// Waits until the peer has acknowledged everything.
    async fn flush(&mut self) -> Result<(), Error> {
        Connection::flush(self).await
    }
}

impl<S: Sharing> Readable for Connection<'_, S> {
    async fn readable(&mut self) -> Result<(), Error> {
        Connection::readable(self).await
    }
}

impl<S: Sharing> TcpShutdown for Connection<'_, S> {
    /// Closes one direction or both, and waits until that is done.
    ///
    /// - `Write`: everything written is delivered, and the FIN after it acknowledged.
    /// - `Read`: the peer has closed its own; what it still sends is thrown away.
    /// - `Both`: as [`TcpSocket::close`]: the peer has everything, and has closed too, or has let the
    ///   time for that pass ([`Deadlines::closing`](crate::Deadlines)).
    ///
    /// Dropped before that, `Write` and `Both` have closed nevertheless.
    async fn close(&mut self, what: Close) -> Result<(), Error> {
        self.0 = match (core::mem::take(&mut self.0), what) {
            (Direction::Both(socket), Close::Write) => Direction::Receiving(socket.shutdown()),
            (Direction::Both(socket), Close::Both) => Direction::Neither(socket.close()),
            (Direction::Receiving(socket), Close::Both) => Direction::Neither(socket.close()),
            (direction, _) => direction,
        };
        match (&mut self.0, what) {
            (Direction::Aborted, _) => Ok(()),
            (Direction::Neither(socket), _) => socket.poll_async().await,
            (_, Close::Read) => {
                while self.receive(&mut [0; 64]).await? > 0 {}
                Ok(())
            }
            _ => Connection::flush(self).await,
        }
    }

    /// Ends the connection at once, with a RST, which the next poll of the stack sends. What is
    /// queued is lost. A connection that is over is left alone.
    async fn abort(&mut self) -> Result<(), Error> {
        match core::mem::take(&mut self.0) {
            Direction::Both(socket) => socket.abort(),
            Direction::Receiving(socket) if !is_over(&socket)? => socket.abort(),
            Direction::Neither(socket) if !is_over(&socket)? => socket.abort(),
            // Dropped, one that is over keeps its TIME-WAIT, and resets nobody.
            Direction::Receiving(_) | Direction::Neither(_) | Direction::Aborted => {}
        }
        Ok(())
    }
}

/// Whether everything is delivered and both sides have closed.
fn is_over<St: State, S: Sharing>(socket: &TcpSocket<'_, St, S>) -> Result<bool, Error> {
    let slot = socket.slot();
    socket.net().with_core(|core| core.tcp_closed(slot) == Ok(()))
}

impl<'net, S: Sharing> TcpSplit for Connection<'net, S> {
    type Read<'a>
        = ConnectionReader<'a, 'net, S>
    where
        Self: 'a;
    type Write<'a>
        = ConnectionWriter<'a, 'net, S>
    where
        Self: 'a;

    fn split(&mut self) -> (Self::Read<'_>, Self::Write<'_>) {
        (ConnectionReader(self), ConnectionWriter(self))
    }
}

/// The receiving half of a [`Connection`].
#[derive(Debug)]
pub struct ConnectionReader<'a, 'net, S: Sharing = Local>(&'a Connection<'net, S>);

impl<S: Sharing> ErrorType for ConnectionReader<'_, '_, S> {
    type Error = Error;
}

impl<S: Sharing> Read for ConnectionReader<'_, '_, S> {
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        self.0.receive(buf).await
    }
}

impl<S: Sharing> Readable for ConnectionReader<'_, '_, S> {
    async fn readable(&mut self) -> Result<(), Error> {
        self.0.readable().await
    }
}

/// The sending half of a [`Connection`].
#[derive(Debug)]
pub struct ConnectionWriter<'a, 'net, S: Sharing = Local>(&'a Connection<'net, S>);

impl<S: Sharing> ErrorType for ConnectionWriter<'_, '_, S> {
    type Error = Error;
}

impl<S: Sharing> Write for ConnectionWriter<'_, '_, S> {
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Error> {
        self.0.send(buf).await
    }

    async fn flush(&mut self) -> Result<(), Error> {
        self.0.flush().await
    }
}
