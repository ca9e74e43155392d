//! Connections: send, receive, shut down, close, split.

use core::fmt;
use core::net::SocketAddr;
use core::num::NonZeroU8;

use smoltcp::time::Duration;

use super::{TcpReader, TcpSocket, TcpWriter};
use crate::Error;
use crate::stack::{Ending, Sharing};
use crate::state::tcp::{CanAbort, CanClose, CanReceive, CanSend, CanShutdown, CanSplit, HasPeer};
use crate::state::{Closing, Connected, HalfClosed, State};

/// Sending.
impl<'net, St: State, S: Sharing> TcpSocket<'net, St, S> {
    /// Queues data to be sent, as much of it as fits, and says how much that was.
    ///
    /// The next poll sends it. Success means that the stack took it, not that the peer has it:
    /// [`flush`](TcpSocket::flush) tells that.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, _peer) = lab.connection()?;
    /// assert_eq!(socket.send(b"hello"), Ok(5));
    /// assert_eq!(socket.send(b""), Ok(0));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing fits, never `Ok(0)` for data that is not empty. Why the connection
    /// ended, if it did. [`Error::Reentrant`].
    pub fn send(&mut self, data: &[u8]) -> nb::Result<usize, Error>
    where
        St: CanSend,
    {
        self.handle.net.try_twice(|core| core.tcp_send(self.handle.slot, data))
    }

    /// Queues all of the data, and waits for room as often as it must.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, _peer) = lab.connection()?;
    /// socket.send_all(b"longer than any buffer, perhaps")?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](TcpSocket::send) but for `WouldBlock`; a part may have been queued then.
    pub fn send_all(&mut self, data: &[u8]) -> Result<(), Error>
    where
        St: CanSend,
    {
        let net = self.handle.net;
        let mut rest = data;
        while !rest.is_empty() {
            let sent = net.block(|| self.send(rest))?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Lets `fill` write into the free part of the send buffer, and queues as much as it says it
    /// wrote. The slice is as long as the buffer is contiguous, and never empty.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, _peer) = lab.connection()?;
    /// let sent = socket.send_with(|buffer| {
    ///     buffer[..3].copy_from_slice(b"abc");
    ///     (3, "three")
    /// });
    /// assert_eq!(sent, Ok("three"));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send`](TcpSocket::send). Then `fill` is not called. Within `fill`, every call on the
    /// stack gives [`Error::Reentrant`].
    pub fn send_with<R>(
        &mut self,
        fill: impl FnOnce(&mut [u8]) -> (usize, R),
    ) -> nb::Result<R, Error>
    where
        St: CanSend,
    {
        let mut fill = Some(fill);
        self.handle.net.try_twice(|core| core.tcp_send_with(self.handle.slot, &mut fill))
    }

    /// How many bytes can be queued to be sent.
    ///
    /// # Errors
    ///
    /// Why the connection ended, if it did; [`Error::Reentrant`].
    pub fn send_room(&self) -> Result<usize, Error>
    where
        St: CanSend,
    {
        self.handle.net.with_core(|core| core.tcp_send_room(self.handle.slot)).flatten()
    }

    /// How many bytes are queued and not acknowledged by the peer.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn send_queue(&self) -> Result<usize, Error>
    where
        St: HasPeer,
    {
        self.handle.net.with_core(|core| core.tcp_send_queue(self.handle.slot))
    }

    /// Asks whether the peer has acknowledged everything, and after a shutdown or close the FIN
    /// as well.
    ///
    /// # Errors
    ///
    /// `WouldBlock` if not. Why the connection ended, if it did before that. [`Error::Reentrant`].
    pub fn flush(&mut self) -> nb::Result<(), Error>
    where
        St: HasPeer,
    {
        self.handle.net.try_twice(|core| core.tcp_flush(self.handle.slot))
    }
}

/// Receiving.
impl<'net, St: State, S: Sharing> TcpSocket<'net, St, S> {
    /// Takes received data, as much as there is and as fits, and says how much that was.
    ///
    /// ```
    /// # use sockstate::{Error, nb, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, mut peer) = lab.connection()?;
    /// # peer.send(b"hello").unwrap();
    /// # let _ = peer.close();
    /// # lab.run_for(sockstate::Duration::from_millis(50));
    /// let mut buffer = [0; 16];
    /// assert_eq!(socket.receive(&mut buffer), Ok(5));
    /// assert_eq!(socket.receive(&mut buffer), Err(nb::Error::Other(Error::PeerClosed)));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `WouldBlock` if nothing has arrived, never `Ok(0)` for a buffer that is not empty. After
    /// the last byte: [`Error::PeerClosed`] if the peer closed, else why the connection ended.
    /// [`Error::Reentrant`].
    pub fn receive(&mut self, buffer: &mut [u8]) -> nb::Result<usize, Error>
    where
        St: CanReceive,
    {
        self.handle.net.try_twice(|core| core.tcp_receive(self.handle.slot, buffer))
    }

    /// As [`receive`](TcpSocket::receive), but leaves the data where it is.
    ///
    /// # Errors
    ///
    /// As [`receive`](TcpSocket::receive).
    pub fn peek(&mut self, buffer: &mut [u8]) -> nb::Result<usize, Error>
    where
        St: CanReceive,
    {
        self.handle.net.try_twice(|core| core.tcp_peek(self.handle.slot, buffer))
    }

    /// Lets `take` read from the receive buffer, and removes as much as it says it took. The slice
    /// is as long as the data is contiguous, and never empty.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, mut peer) = lab.connection()?;
    /// # peer.send(b"one\ntwo\n").unwrap();
    /// # lab.run_for(sockstate::Duration::from_millis(50));
    /// let line = socket.recv_with(|data| {
    ///     let end = data.iter().position(|byte| *byte == b'\n').map_or(data.len(), |at| at + 1);
    ///     (end, data[..end].to_vec())
    /// });
    /// assert_eq!(line, Ok(b"one\n".to_vec()));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`receive`](TcpSocket::receive). Then `take` is not called. Within `take`, every call on
    /// the stack gives [`Error::Reentrant`].
    pub fn recv_with<R>(
        &mut self,
        take: impl FnOnce(&mut [u8]) -> (usize, R),
    ) -> nb::Result<R, Error>
    where
        St: CanReceive,
    {
        let mut take = Some(take);
        self.handle.net.try_twice(|core| core.tcp_recv_with(self.handle.slot, &mut take))
    }

    /// How many bytes wait to be received.
    ///
    /// # Errors
    ///
    /// If none wait and none will: [`Error::PeerClosed`], or why the connection ended.
    /// [`Error::Reentrant`].
    pub fn receive_queue(&self) -> Result<usize, Error>
    where
        St: CanReceive,
    {
        self.handle.net.with_core(|core| core.tcp_receive_queue(self.handle.slot)).flatten()
    }
}

/// Ending.
impl<'net, St: State, S: Sharing> TcpSocket<'net, St, S> {
    /// Ends the sending direction: what is queued is still sent, a FIN follows, and receiving goes
    /// on until the peer closes as well (RFC 9293 section 3.6).
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, _peer) = lab.connection()?;
    /// socket.send(b"that is all").unwrap();
    /// let mut socket = socket.shutdown();
    /// let answer = socket.receive(&mut [0; 16]);
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use = "dropping the result closes the connection"]
    pub fn shutdown(self) -> TcpSocket<'net, HalfClosed, S>
    where
        St: CanShutdown,
    {
        self.handle.net.end(self.handle.slot, Ending::SHUTDOWN);
        self.into_state()
    }

    /// Closes both directions. What is queued is still sent, by later polls, whether the socket
    /// in its new state is waited for, polled or dropped. What the peer still sends is not wanted
    /// any more; it is told so with a RST once it has acknowledged everything.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, peer) = lab.connection()?;
    /// # drop(peer);
    /// # let idle = |_| lab.step();
    /// socket.send(b"that is all").unwrap();
    /// let socket = socket.close().wait_with(idle)?; // everything is delivered
    /// let socket = socket.bind(6000)?;              // and the socket can be used anew
    /// # Ok::<(), Error>(())
    /// ```
    pub fn close(self) -> TcpSocket<'net, Closing, S>
    where
        St: CanClose,
    {
        self.handle.net.end(self.handle.slot, Ending::CLOSE);
        self.into_state()
    }

    /// Ends the connection at once, with a RST (RFC 9293 section 3.10.5). What is queued is lost.
    /// The next poll sends the RST, and then frees the slot.
    pub fn abort(self)
    where
        St: CanAbort,
    {
        let (net, slot) = self.handle.into_slot();
        net.end(slot, Ending::ABORT);
    }

    /// Parts the connection into its two directions, each owned on its own: with a `Shared`
    /// stack one thread may receive while another sends.
    ///
    /// Dropping the writer ends the sending direction, as [`shutdown`](TcpSocket::shutdown) does.
    /// Dropping the reader alone throws nothing away: what arrives fills the buffer, and the peer
    /// then waits.
    /// Dropping both closes the connection.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (socket, _peer) = lab.connection()?;
    /// let (mut reader, mut writer) = socket.split();
    /// writer.send(b"question").unwrap();
    /// let answer = reader.receive(&mut [0; 16]);
    /// let socket = reader.reunite(writer).unwrap();
    /// # Ok::<(), Error>(())
    /// ```
    #[must_use = "dropping the result closes the connection"]
    pub fn split(self) -> (TcpReader<'net, S>, TcpWriter<'net, S>)
    where
        St: CanSplit,
    {
        let (reader, writer) = self.handle.split();
        (TcpSocket::new(reader), TcpSocket::new(writer))
    }
}

impl<'net, S: Sharing> TcpReader<'net, S> {
    /// Puts the two directions of one connection together again.
    ///
    /// # Errors
    ///
    /// [`ReuniteError`], with both halves, if they are not of one connection.
    pub fn reunite(
        self,
        writer: TcpWriter<'net, S>,
    ) -> Result<TcpSocket<'net, Connected, S>, ReuniteError<'net, S>> {
        if self.handle.is_other_half(&writer.handle) {
            Ok(TcpSocket::new(self.handle.reunite(writer.handle)))
        } else {
            Err(ReuniteError { reader: self, writer })
        }
    }
}

/// Two halves that are not of one connection.
pub struct ReuniteError<'net, S: Sharing> {
    /// The reader.
    pub reader: TcpReader<'net, S>,
    /// The writer.
    pub writer: TcpWriter<'net, S>,
}

impl<S: Sharing> fmt::Debug for ReuniteError<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ReuniteError").field(&self.reader).field(&self.writer).finish()
    }
}

impl<S: Sharing> fmt::Display for ReuniteError<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the halves are not of one connection")
    }
}

impl<S: Sharing> core::error::Error for ReuniteError<'_, S> {}

/// Questions and options.
impl<'net, St: State, S: Sharing> TcpSocket<'net, St, S> {
    /// The address of the peer.
    ///
    /// # Errors
    ///
    /// Why the connection ended, if it did; [`Error::Reentrant`].
    pub fn remote_endpoint(&self) -> Result<SocketAddr, Error>
    where
        St: HasPeer,
    {
        self.handle.net.with_core(|core| core.tcp_remote(self.handle.slot)).flatten()
    }

    /// The state of the connection, in the terms of RFC 9293 section 3.3.2.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn tcp_state(&self) -> Result<smoltcp::socket::tcp::State, Error> {
        self.handle.net.with_core(|core| core.tcp_state(self.handle.slot))
    }

    /// Sets how long the peer may owe an acknowledgement, or an answer to keep-alive probes,
    /// before the connection ends with [`Error::TimedOut`] (the user timeout of RFC 9293 section
    /// 3.9.1); `None`, or more than 49 days, for ever. At first,
    /// [`Deadlines::unreachable`](crate::Deadlines::unreachable).
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn set_timeout(&mut self, timeout: Option<Duration>) -> Result<(), Error>
    where
        St: HasPeer,
    {
        self.handle.net.with_clock(|core| core.tcp_set_timeout(self.handle.slot, timeout))
    }

    /// Sends a probe whenever nothing was heard for so long (RFC 9293 section 3.8.4); `None`, as
    /// at first, for no probes. The first one leaves at once. A peer that does not answer within the
    /// [timeout](TcpSocket::set_timeout) is given up.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn set_keep_alive(&mut self, interval: Option<Duration>) -> Result<(), Error>
    where
        St: HasPeer,
    {
        self.handle.net.with_clock(|core| core.tcp_set_keep_alive(self.handle.slot, interval))
    }

    /// Whether to hold back a small segment while another is not acknowledged (Nagle's
    /// algorithm, RFC 9293 section 3.7.4). At first, yes.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn set_nagle(&mut self, on: bool) -> Result<(), Error>
    where
        St: HasPeer,
    {
        self.set_option(|socket| socket.set_nagle_enabled(on))
    }

    /// How long an acknowledgement may wait for data to travel with (RFC 9293 section 3.8.6.3).
    /// At first 10 ms; `None` for not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn set_ack_delay(&mut self, delay: Option<Duration>) -> Result<(), Error>
    where
        St: HasPeer,
    {
        self.set_option(|socket| socket.set_ack_delay(delay))
    }

    /// The hop limit (IPv6) or time to live (IPv4) of the packets sent; `None`, as at first, for
    /// 64.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn set_hop_limit(&mut self, limit: Option<NonZeroU8>) -> Result<(), Error>
    where
        St: HasPeer,
    {
        self.set_option(|socket| socket.set_hop_limit(limit.map(NonZeroU8::get)))
    }

    fn set_option(
        &mut self,
        set: impl FnOnce(&mut smoltcp::socket::tcp::Socket<'static>),
    ) -> Result<(), Error> {
        self.handle.net.with_core(|core| core.tcp_set_option(self.handle.slot, set))
    }
}
