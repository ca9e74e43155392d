//! `UdpClientStack` and `UdpFullStack`.

use core::net::SocketAddr;

use embedded_nal::{UdpClientStack, UdpFullStack};

use super::{erase, settle};
use crate::stack::{Net, Sharing};
use crate::{AnyUdpSocket, Error};

impl<'net, S: Sharing> UdpClientStack for &'net Net<S> {
    type UdpSocket = AnyUdpSocket<'net, S>;
    type Error = Error;

    fn socket(&mut self) -> Result<Self::UdpSocket, Error> {
        let opened = match self.udp() {
            Err(Error::OutOfSlots(_)) => {
                // A closed socket may only be waiting for its last datagram to be sent.
                self.poll()?;
                self.udp()
            }
            opened => opened,
        };
        opened.map(AnyUdpSocket::from)
    }

    /// Ties the socket to one peer; one that is bound keeps its port.
    fn connect(&mut self, socket: &mut Self::UdpSocket, remote: SocketAddr) -> Result<(), Error> {
        let connected = match socket.take() {
            AnyUdpSocket::Idle => return Err(Error::WrongState),
            #[cfg(feature = "dns")]
            resolving @ AnyUdpSocket::Resolving(_) => Err((resolving, Error::WrongState)),
            AnyUdpSocket::Closed(closed) => closed.connect(remote).map_err(erase),
            AnyUdpSocket::Bound(bound) => bound.connect(remote).map_err(erase),
            AnyUdpSocket::Connected(old) => old.disconnect().connect(remote).map_err(erase),
        };
        settle(socket, connected)
    }

    /// Sends to the peer, or to the last destination of `send_to`.
    fn send(&mut self, socket: &mut Self::UdpSocket, buffer: &[u8]) -> nb::Result<(), Error> {
        match socket {
            AnyUdpSocket::Connected(connected) => connected.send(buffer)?,
            AnyUdpSocket::Bound(bound) => bound.send_again(buffer)?,
            _ => return Err(Error::WrongState.into()),
        }
        self.poll()?;
        Ok(())
    }

    fn receive(
        &mut self,
        socket: &mut Self::UdpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<(usize, SocketAddr), Error> {
        match socket {
            AnyUdpSocket::Connected(connected) => connected.receive_and_from(buffer),
            AnyUdpSocket::Bound(bound) => bound.receive_from(buffer),
            _ => Err(Error::WrongState.into()),
        }
    }

    /// Closes the socket: what was sent is still delivered, by this and by later calls on the stack.
    fn close(&mut self, socket: Self::UdpSocket) -> Result<(), Error> {
        drop(socket);
        self.poll()?;
        Ok(())
    }
}

impl<S: Sharing> UdpFullStack for &Net<S> {
    fn bind(&mut self, socket: &mut Self::UdpSocket, local_port: u16) -> Result<(), Error> {
        let bound = match socket.take() {
            AnyUdpSocket::Closed(closed) => closed.bind(local_port).map_err(erase),
            other => Err((other, Error::WrongState)),
        };
        settle(socket, bound)
    }

    /// Sends to any destination. A socket without a port gets an ephemeral one; a connected one
    /// gives up its peer, so that the answer reaches it.
    fn send_to(
        &mut self,
        socket: &mut Self::UdpSocket,
        remote: SocketAddr,
        buffer: &[u8],
    ) -> nb::Result<(), Error> {
        let bound = match socket.take() {
            AnyUdpSocket::Closed(closed) => {
                closed.connect(remote).map(|socket| socket.disconnect()).map_err(erase)
            }
            AnyUdpSocket::Connected(connected) => Ok(connected.disconnect()),
            AnyUdpSocket::Bound(bound) => Ok(bound),
            other => Err((other, Error::WrongState)),
        };
        settle(socket, bound)?;
        if let AnyUdpSocket::Bound(bound) = socket {
            bound.send_to(buffer, remote)?;
            bound.remember(remote)?;
        }
        self.poll()?;
        Ok(())
    }
}
