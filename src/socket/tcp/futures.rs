//! What a TCP socket does in a task.

use core::future::{IntoFuture, poll_fn};
use core::net::SocketAddr;
use core::task::{Context, Poll};

use super::TcpSocket;
use crate::socket::wait::{Awaited, Wait};
use crate::socket::{Handle, pending};
use crate::stack::Sharing;
#[cfg(not(feature = "dns"))]
use crate::stack::slot::NONE;
use crate::state::tcp::{CanAccept, CanReceive, CanSend, CanWait, HasPeer, IsOpen};
use crate::state::{Closed, Connected, State};
use crate::{Error, Failed, Ready};

/// In tasks: the calls that would block, as futures. Somebody has to run the stack meanwhile:
/// [`Net::run_async`](crate::Net::run_async), say.
///
/// Each may be dropped before it is done, and has then done nothing, with the exception of
/// [`send_all_async`](TcpSocket::send_all_async).
impl<'net, St: State, S: Sharing> TcpSocket<'net, St, S> {
    /// Takes the next connection, and the address of the peer: [`accept`](TcpSocket::accept) in a
    /// task.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut listener = net.tcp()?.bind(80)?.listen(1)?;
    /// # let client = lab.far.tcp()?.connect("192.168.69.1:80".parse().unwrap())?;
    /// # lab.block_on(async {
    /// let (connection, remote) = listener.accept_async().await;
    /// # assert_eq!(remote.ip().to_string(), "192.168.69.2");
    /// # });
    /// # Ok::<(), Error>(())
    /// ```
    pub async fn accept_async(&mut self) -> (TcpSocket<'net, Connected, S>, SocketAddr)
    where
        St: CanAccept,
    {
        poll_fn(|cx| self.poll_accept(cx)).await
    }

    fn poll_accept(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<(TcpSocket<'net, Connected, S>, SocketAddr)>
    where
        St: CanAccept,
    {
        let (net, backlog) = (self.handle.net, self.extra);
        let head = &mut self.handle.slot;
        let accepted = net.with_core(|core| {
            let accepted = core.tcp_accept(head, backlog);
            if accepted.is_none() {
                core.wake_later(*head, Ready::ACCEPT, Ready::ALL, cx.waker());
            }
            accepted
        });
        match accepted {
            Ok(Some((slot, remote))) => {
                Poll::Ready((TcpSocket::new(Handle::new(net, slot)), remote))
            }
            Ok(None) => Poll::Pending,
            Err(_) => {
                // Within a closure of the stack nobody can be told later.
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        }
    }

    /// Waits until the next state is reached: [`poll`](TcpSocket::poll) in a task.
    /// [`finish`](TcpSocket::finish) then gives the socket in that state. Unlike `socket.await` it
    /// may be dropped, and the socket is still there.
    ///
    /// ```
    /// # use sockstate::{Error, Failed, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut listener = lab.far.tcp()?.bind(80)?.listen(1)?;
    /// let mut connecting = net.tcp()?.connect("192.168.69.2:80".parse().unwrap())?;
    /// # lab.block_on(async {
    /// connecting.poll_async().await?; // or what else there is to wait for, in a `select`
    /// # Ok::<(), Error>(())
    /// # })?;
    /// let connected = connecting.finish().unwrap();
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`poll`](TcpSocket::poll) but for `WouldBlock`.
    pub async fn poll_async(&mut self) -> Result<(), Error>
    where
        St: CanWait,
    {
        poll_fn(|cx| self.poll_over(cx)).await
    }

    /// Queues data to be sent, as much of it as fits, and says how much that was:
    /// [`send`](TcpSocket::send) in a task. Waits until there is room for some of it.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, _peer) = lab.connection()?;
    /// # lab.block_on(async {
    /// let sent = socket.send_async(b"hello").await?;
    /// # assert_eq!(sent, 5);
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`send`](TcpSocket::send) but for `WouldBlock`.
    pub async fn send_async(&mut self, data: &[u8]) -> Result<usize, Error>
    where
        St: CanSend,
    {
        self.handle.until(Ready::SEND, |core, slot| core.tcp_send_in_task(slot, data)).await
    }

    /// Queues all of the data, and waits for room as often as it must: it may be dropped when a
    /// part is queued, and nobody knows then how much.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, _peer) = lab.connection()?;
    /// # lab.block_on(async {
    /// socket.send_all_async(b"longer than any buffer, perhaps").await?;
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`send_async`](TcpSocket::send_async); a part may have been queued then.
    pub async fn send_all_async(&mut self, data: &[u8]) -> Result<(), Error>
    where
        St: CanSend,
    {
        let mut rest = data;
        while !rest.is_empty() {
            let sent = self.send_async(rest).await?;
            rest = rest.get(sent..).unwrap_or_default();
        }
        Ok(())
    }

    /// Waits until the peer has acknowledged everything, and after a shutdown or close the FIN as
    /// well: [`flush`](TcpSocket::flush) in a task.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, _peer) = lab.connection()?;
    /// # lab.block_on(async {
    /// socket.send_all_async(b"hello").await?;
    /// socket.flush_async().await?;
    /// # assert_eq!(socket.send_queue(), Ok(0));
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`flush`](TcpSocket::flush) but for `WouldBlock`.
    pub async fn flush_async(&mut self) -> Result<(), Error>
    where
        St: HasPeer,
    {
        self.handle.until(Ready::FLUSHED, |core, slot| core.tcp_flush(slot)).await
    }

    /// Takes received data, as much as there is and as fits, and says how much that was:
    /// [`receive`](TcpSocket::receive) in a task. Waits until there is some.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, mut peer) = lab.connection()?;
    /// # peer.send(b"hello").unwrap();
    /// # let _ = peer.close();
    /// # lab.block_on(async {
    /// let mut buffer = [0; 16];
    /// let size = socket.receive_async(&mut buffer).await?;
    /// # assert_eq!(&buffer[..size], b"hello");
    /// assert_eq!(socket.receive_async(&mut buffer).await, Err(Error::PeerClosed));
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`receive`](TcpSocket::receive) but for `WouldBlock`.
    pub async fn receive_async(&mut self, buffer: &mut [u8]) -> Result<usize, Error>
    where
        St: CanReceive,
    {
        self.handle.until(Ready::RECEIVE, |core, slot| core.tcp_receive(slot, buffer)).await
    }

    /// As [`receive_async`](TcpSocket::receive_async), but leaves the data where it is.
    ///
    /// # Errors
    ///
    /// As [`receive_async`](TcpSocket::receive_async).
    pub async fn peek_async(&mut self, buffer: &mut [u8]) -> Result<usize, Error>
    where
        St: CanReceive,
    {
        self.handle.until(Ready::RECEIVE, |core, slot| core.tcp_peek(slot, buffer)).await
    }

    /// Waits until the connection is over in both directions, and says why: the end of a task that
    /// has nothing more to do than to notice that.
    ///
    /// What arrived before can still be received. A peer that has closed only its own direction
    /// has not ended the connection: that is told by [`receive_async`](TcpSocket::receive_async).
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, peer) = lab.connection()?;
    /// # peer.abort();
    /// # lab.block_on(async {
    /// assert_eq!(socket.closed().await, Error::Reset);
    /// # });
    /// # Ok::<(), Error>(())
    /// ```
    pub async fn closed(&mut self) -> Error
    where
        St: HasPeer,
    {
        let ended = self.handle.until(Ready::NONE, |core, slot| match core.readiness(slot) {
            ready if ready.contains(Ready::ENDED) => Ok(core.tcp_end(slot)),
            _ => Err(nb::Error::WouldBlock),
        });
        ended.await.unwrap_or_else(|error| error)
    }

    /// Waits until the socket is ready for something of `interest`, or is over, and says for what.
    /// For calls that have no future of their own: they may still block then, but seldom.
    ///
    /// ```
    /// # use sockstate::{Error, Ready, nb, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let (mut socket, mut peer) = lab.connection()?;
    /// # peer.send(b"one\ntwo\n").unwrap();
    /// # lab.block_on(async {
    /// let size = loop {
    ///     socket.ready(Ready::RECEIVE).await?;
    ///     match socket.recv_with(|data| (data.len(), data.len())) {
    ///         Err(nb::Error::WouldBlock) => {}
    ///         Err(nb::Error::Other(error)) => return Err(error),
    ///         Ok(size) => break size,
    ///     }
    /// };
    /// # assert_eq!(size, 8);
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub async fn ready(&mut self, interest: Ready) -> Result<Ready, Error>
    where
        St: IsOpen,
    {
        self.handle.ready(interest).await
    }
}

impl<'net, St: CanWait, S: Sharing> Awaited for TcpSocket<'net, St, S> {
    type Output = Result<TcpSocket<'net, St::Next, S>, Failed<TcpSocket<'net, Closed, S>>>;
    type Reached = Result<(), Error>;

    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
        let Handle { net, slot, .. } = self.handle;
        let reached = net.with_clock(|core| {
            #[cfg(feature = "dns")]
            let lookup = &mut self.handle.lookup;
            #[cfg(not(feature = "dns"))]
            let lookup = &mut { NONE };
            let reached = St::check(core, slot, lookup, &mut self.extra);
            if let Err(nb::Error::WouldBlock) = reached {
                for (slot, interest) in self.handle.waits_for(Ready::SEND) {
                    core.wake_later(slot, interest, Ready::ALL, cx.waker());
                }
            }
            reached
        });
        pending(reached?)
    }

    fn into_output(self, reached: Result<(), Error>) -> Self::Output {
        match reached {
            Ok(()) => self.leave(),
            Err(error) => Err(self.fail(error)),
        }
    }
}

/// [`wait`](TcpSocket::wait) in a task, for `Resolving`, `Connecting` and `Closing`. Dropping the
/// future drops the socket; [`poll_async`](TcpSocket::poll_async) does not take it.
///
/// ```
/// use core::net::SocketAddr;
/// use sockstate::{Error, Net, TcpSocket, state::Connected};
///
/// async fn connect(net: &Net, server: SocketAddr) -> Result<TcpSocket<'_, Connected>, Error> {
///     Ok(net.tcp()?.connect(server)?.await?)
/// }
/// # let lab = sockstate::testing::Lab::new(1);
/// # let _listener = lab.far.tcp()?.bind(80)?.listen(1)?;
/// # lab.block_on(connect(&lab.near, "192.168.69.2:80".parse().unwrap()))?;
/// # Ok::<(), Error>(())
/// ```
impl<'net, St: CanWait, S: Sharing> IntoFuture for TcpSocket<'net, St, S> {
    type Output = <Self as Awaited>::Output;
    type IntoFuture = Wait<Self>;

    fn into_future(self) -> Wait<Self> {
        Wait::new(self)
    }
}
