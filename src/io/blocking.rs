//! embedded-io: calls that wait by way of [`Net::block`](crate::Net::block), which does meanwhile
//! what [`Config::idle`](crate::Config::idle) says.

use embedded_io::{ErrorType, Read, ReadReady, Write, WriteReady};

use super::ended_is_zero;
use crate::stack::Sharing;
use crate::state::State;
use crate::state::tcp::{CanReceive, CanSend, HasPeer};
use crate::{Error, TcpSocket};

impl<St: State, S: Sharing> ErrorType for TcpSocket<'_, St, S> {
    type Error = Error;
}

impl<St: CanReceive, S: Sharing> Read for TcpSocket<'_, St, S> {
    /// Takes received data; waits until there is some. `Ok(0)` is the end of the stream, or the
    /// answer to an empty buffer. The errors are those of [`receive`](TcpSocket::receive).
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, mut peer) = lab.connection()?;
    /// # peer.send(b"hello").unwrap();
    /// # drop(peer);
    /// use embedded_io::Read;
    ///
    /// let mut text = [0; 5];
    /// socket.read_exact(&mut text).unwrap();
    /// assert_eq!(&text, b"hello");
    /// assert_eq!(socket.read(&mut text), Ok(0));
    /// # Ok::<(), Error>(())
    /// ```
    fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        let net = self.net();
        ended_is_zero(net.block(|| self.receive(buf)))
    }
}

impl<St: CanReceive, S: Sharing> ReadReady for TcpSocket<'_, St, S> {
    /// Whether [`read`](Read::read) would not wait: also at the end of the stream, and for an error.
    fn read_ready(&mut self) -> Result<bool, Error> {
        self.read_ready_shared()
    }
}

impl<St: CanSend + HasPeer, S: Sharing> Write for TcpSocket<'_, St, S> {
    /// Queues data to be sent, as much of it as fits; waits until some does. The stack sends it
    /// when it is polled next. The errors are those of [`send`](TcpSocket::send).
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, _peer) = lab.connection()?;
    /// use embedded_io::Write;
    ///
    /// write!(socket, "{} bottles", 99).unwrap();
    /// Write::flush(&mut socket)?; // `socket.flush()` is the socket's own, of `nb`
    /// # Ok::<(), Error>(())
    /// ```
    fn write(&mut self, buf: &[u8]) -> Result<usize, Error> {
        let net = self.net();
        net.block(|| self.send(buf))
    }

    /// Waits until the peer has acknowledged everything. The errors are those of
    /// [`flush`](TcpSocket::flush).
    fn flush(&mut self) -> Result<(), Error> {
        let net = self.net();
        net.block(|| TcpSocket::flush(self))
    }
}

impl<St: CanSend, S: Sharing> WriteReady for TcpSocket<'_, St, S> {
    /// Whether [`write`](Write::write) would not wait: also if it would fail.
    fn write_ready(&mut self) -> Result<bool, Error> {
        self.write_ready_shared()
    }
}

impl<St: State, S: Sharing> TcpSocket<'_, St, S> {
    pub(super) fn read_ready_shared(&self) -> Result<bool, Error> {
        would_not_block(self.net().try_twice(|core| match core.tcp_receive_queue(self.slot())? {
            0 => Err(nb::Error::WouldBlock),
            _ => Ok(()),
        }))
    }

    pub(super) fn write_ready_shared(&self) -> Result<bool, Error> {
        would_not_block(self.net().try_twice(|core| match core.tcp_send_room(self.slot())? {
            0 => Err(nb::Error::WouldBlock),
            _ => Ok(()),
        }))
    }
}

fn would_not_block(call: nb::Result<(), Error>) -> Result<bool, Error> {
    match call {
        Err(nb::Error::Other(Error::Reentrant)) => Err(Error::Reentrant),
        Err(nb::Error::WouldBlock) => Ok(false),
        _ => Ok(true),
    }
}
