//! embedded-io-async.

use embedded_io_async::{Read, Write};

use super::ended_is_zero;
use crate::stack::Sharing;
use crate::state::tcp::{CanReceive, CanSend, HasPeer};
use crate::{Error, TcpSocket};

impl<St: CanReceive, S: Sharing> Read for TcpSocket<'_, St, S> {
    /// [`receive_async`](TcpSocket::receive_async), with `Ok(0)` for the end of the stream. If it is
    /// dropped before it is done, nothing has been read.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, mut peer) = lab.connection()?;
    /// # peer.send(b"hello").unwrap();
    /// # drop(peer);
    /// use embedded_io_async::Read;
    ///
    /// # lab.block_on(async {
    /// let mut text = [0; 5];
    /// socket.read_exact(&mut text).await.unwrap();
    /// assert_eq!(&text, b"hello");
    /// assert_eq!(socket.read(&mut text).await, Ok(0));
    /// # });
    /// # Ok::<(), Error>(())
    /// ```
    async fn read(&mut self, buf: &mut [u8]) -> Result<usize, Error> {
        ended_is_zero(self.receive_async(buf).await)
    }
}

impl<St: CanSend + HasPeer, S: Sharing> Write for TcpSocket<'_, St, S> {
    /// [`send_async`](TcpSocket::send_async). If it is dropped before it is done, nothing has been
    /// written. What was written is sent without a `flush`.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, _peer) = lab.connection()?;
    /// use embedded_io_async::Write;
    ///
    /// # lab.block_on(async {
    /// socket.write_all(b"99 bottles").await?;
    /// Write::flush(&mut socket).await?; // `socket.flush()` is the socket's own, of `nb`
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    async fn write(&mut self, buf: &[u8]) -> Result<usize, Error> {
        self.send_async(buf).await
    }

    /// [`flush_async`](TcpSocket::flush_async): waits until the peer has acknowledged everything.
    async fn flush(&mut self) -> Result<(), Error> {
        self.flush_async().await
    }
}
