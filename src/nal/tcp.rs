//! `TcpClientStack` and `TcpFullStack`.

use core::net::SocketAddr;

use embedded_nal::{TcpClientStack, TcpFullStack};

use super::{erase, settle};
use crate::stack::{Net, Sharing};
use crate::state::Connecting;
use crate::{AnyTcpSocket, Error, Protocol, TcpSocket, Unfinished};

impl<'net, S: Sharing> TcpClientStack for &'net Net<S> {
    type TcpSocket = AnyTcpSocket<'net, S>;
    type Error = Error;

    /// Opens a socket.
    ///
    /// With all slots taken, but one by a connection that is closed and still delivering, the
    /// socket comes without a slot, and `connect` blocks until it has one: a client with one
    /// slot may close and open in one breath.
    fn socket(&mut self) -> Result<Self::TcpSocket, Error> {
        match open(self) {
            Ok(socket) => Ok(socket),
            Err(nb::Error::WouldBlock) => Ok(AnyTcpSocket::Idle),
            Err(nb::Error::Other(error)) => Err(error),
        }
    }

    /// Connects; to be called until it no longer would block. After an error the socket can be
    /// connected again. On a socket that has a connection already, that one is aborted.
    fn connect(
        &mut self,
        socket: &mut Self::TcpSocket,
        remote: SocketAddr,
    ) -> nb::Result<(), Error> {
        let mut is_asked = false;
        loop {
            let next = match socket.take() {
                AnyTcpSocket::Idle => Ok(open(self)?),
                AnyTcpSocket::Closed(closed) => {
                    is_asked = true;
                    closed.connect(remote).map(Into::into).map_err(erase)
                }
                AnyTcpSocket::Bound(bound) => {
                    is_asked = true;
                    bound.connect(remote).map(Into::into).map_err(erase)
                }
                #[cfg(feature = "dns")]
                AnyTcpSocket::Resolving(other) => {
                    drop(other);
                    Ok(AnyTcpSocket::Idle)
                }
                AnyTcpSocket::Connecting(other) if !is_asked && asks_another(&other, remote) => {
                    drop(other);
                    Ok(AnyTcpSocket::Idle)
                }
                AnyTcpSocket::Connecting(connecting) => match connecting.finish() {
                    Ok(connected) => {
                        *socket = connected.into();
                        return Ok(());
                    }
                    Err(Unfinished::Pending(connecting)) => {
                        *socket = connecting.into();
                        return Err(nb::Error::WouldBlock);
                    }
                    Err(Unfinished::Failed(failed)) => Err(erase(failed)),
                },
                AnyTcpSocket::Connected(old) => {
                    old.abort();
                    Ok(AnyTcpSocket::Idle)
                }
                AnyTcpSocket::HalfClosed(old) => {
                    old.abort();
                    Ok(AnyTcpSocket::Idle)
                }
                AnyTcpSocket::Closing(old) => {
                    old.abort();
                    Ok(AnyTcpSocket::Idle)
                }
                listening @ AnyTcpSocket::Listening(_) => Err((listening, Error::WrongState)),
            };
            settle(socket, next)?;
        }
    }

    fn send(&mut self, socket: &mut Self::TcpSocket, buffer: &[u8]) -> nb::Result<usize, Error> {
        let AnyTcpSocket::Connected(connected) = socket else {
            return Err(Error::WrongState.into());
        };
        let sent = connected.send(buffer)?;
        self.poll()?;
        Ok(sent)
    }

    /// Takes received data. The end of the stream is an error of the kind `PipeClosed`, after the
    /// last byte; `Ok(0)` is for an empty buffer only.
    fn receive(
        &mut self,
        socket: &mut Self::TcpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<usize, Error> {
        match socket {
            AnyTcpSocket::Connected(connected) => connected.receive(buffer),
            AnyTcpSocket::HalfClosed(half) => half.receive(buffer),
            _ => Err(Error::WrongState.into()),
        }
    }

    /// Closes gracefully: what was sent is still delivered, by this and by later calls on the stack.
    fn close(&mut self, socket: Self::TcpSocket) -> Result<(), Error> {
        drop(socket);
        self.poll()?;
        Ok(())
    }
}

impl<S: Sharing> TcpFullStack for &Net<S> {
    fn bind(&mut self, socket: &mut Self::TcpSocket, local_port: u16) -> Result<(), Error> {
        let bound = match socket.take() {
            AnyTcpSocket::Idle => self.tcp()?.bind(local_port).map_err(erase),
            AnyTcpSocket::Closed(closed) => closed.bind(local_port).map_err(erase),
            other => Err((other, Error::WrongState)),
        };
        settle(socket, bound)
    }

    /// Listens, with the backlog of [`Config::backlog`](crate::Config::backlog), but at most half
    /// of the slots that are free.
    fn listen(&mut self, socket: &mut Self::TcpSocket) -> Result<(), Error> {
        let half = self.free_slots(Protocol::Tcp)?.div_ceil(2);
        let backlog = self.backlog.min(u16::try_from(half).unwrap_or(u16::MAX));
        let listening = match socket.take() {
            AnyTcpSocket::Bound(bound) => bound.listen(backlog).map_err(erase),
            other => Err((other, Error::WrongState)),
        };
        settle(socket, listening)
    }

    fn accept(
        &mut self,
        socket: &mut Self::TcpSocket,
    ) -> nb::Result<(Self::TcpSocket, SocketAddr), Error> {
        let AnyTcpSocket::Listening(listening) = socket else {
            return Err(Error::WrongState.into());
        };
        match listening.accept() {
            Ok((connected, remote)) => Ok((connected.into(), remote)),
            Err(_) => Err(nb::Error::WouldBlock),
        }
    }
}

/// Opens a socket; blocks while there is none, but a closed connection will leave its slot.
fn open<'net, S: Sharing>(net: &'net Net<S>) -> nb::Result<AnyTcpSocket<'net, S>, Error> {
    let opened = match net.tcp() {
        Err(Error::OutOfSlots(_)) => {
            net.poll()?;
            net.tcp()
        }
        opened => opened,
    };
    match opened {
        Ok(socket) => Ok(socket.into()),
        Err(Error::OutOfSlots(_)) if net.is_closing(Protocol::Tcp)? => Err(nb::Error::WouldBlock),
        Err(error) => Err(error.into()),
    }
}

/// Whether a connection request is for another peer. One that has failed is for none, and its
/// failure is still to be told.
fn asks_another<S: Sharing>(connecting: &TcpSocket<'_, Connecting, S>, remote: SocketAddr) -> bool {
    connecting.remote_endpoint().is_ok_and(|asked| asked != remote)
}
