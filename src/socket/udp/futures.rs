//! What a UDP socket does in a task.

use core::net::SocketAddr;

use super::UdpSocket;
use crate::socket::outlast;
use crate::stack::Sharing;
use crate::state::State;
use crate::state::udp::{CanReceive, CanReceiveFrom, CanSend, CanSendTo, IsOpen};
use crate::{Error, Ready};

/// In tasks: the calls that would block, as futures. Somebody has to run the stack meanwhile:
/// [`Net::run_async`](crate::Net::run_async), say. Each may be dropped before it is done, and has
/// then done nothing.
impl<St: State, S: Sharing> UdpSocket<'_, St, S> {
    /// Queues a datagram for a destination: [`send_to`](UdpSocket::send_to) in a task. Waits until
    /// there is room for it.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let mut socket = net.udp()?.bind(6000)?;
    /// # lab.block_on(async {
    /// socket.send_to_async(b"hello", "192.168.69.2:7".parse().unwrap()).await?;
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`send_to`](UdpSocket::send_to) but for `WouldBlock`.
    pub async fn send_to_async(&mut self, data: &[u8], remote: SocketAddr) -> Result<(), Error>
    where
        St: CanSendTo,
    {
        self.handle.until(Ready::SEND, |core, slot| core.udp_send(slot, remote, data)).await
    }

    /// Queues a datagram for the peer: [`send`](UdpSocket::send) in a task. Waits until there is
    /// room for it.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let mut socket = net.udp()?.connect("192.168.69.2:7".parse().unwrap())?;
    /// # lab.block_on(async {
    /// socket.send_async(b"hello").await?;
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`send`](UdpSocket::send) but for `WouldBlock`.
    pub async fn send_async(&mut self, data: &[u8]) -> Result<(), Error>
    where
        St: CanSend,
    {
        self.handle.until(Ready::SEND, |core, slot| core.udp_send_to_peer(slot, data)).await
    }

    /// Waits until all datagrams have been handed to the device: [`flush`](UdpSocket::flush) in a
    /// task.
    ///
    /// # Errors
    ///
    /// Those of [`flush`](UdpSocket::flush) but for `WouldBlock`.
    pub async fn flush_async(&mut self) -> Result<(), Error>
    where
        St: IsOpen,
    {
        self.handle.until(Ready::FLUSHED, |core, slot| core.flush(slot)).await
    }

    /// Takes the next datagram, its size and where it came from:
    /// [`receive_from`](UdpSocket::receive_from) in a task. Waits until there is one.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut peer = lab.far.udp()?.bind(7)?;
    /// # peer.send_to(b"hello", "192.168.69.1:6000".parse().unwrap()).unwrap();
    /// let mut socket = net.udp()?.bind(6000)?;
    /// # lab.block_on(async {
    /// let mut buffer = [0; 16];
    /// let (size, from) = socket.receive_from_async(&mut buffer).await?;
    /// # assert_eq!((&buffer[..size], from.port()), (&b"hello"[..], 7));
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`receive_from`](UdpSocket::receive_from) but for `WouldBlock` and
    /// [`Error::LinkDown`]: it waits until the link is up again.
    pub async fn receive_from_async(
        &mut self,
        buffer: &mut [u8],
    ) -> Result<(usize, SocketAddr), Error>
    where
        St: CanReceiveFrom,
    {
        self.handle
            .until(Ready::RECEIVE, |core, slot| outlast(core.udp_receive(slot, buffer)))
            .await
    }

    /// Takes the next datagram of the peer, and its size: [`receive`](UdpSocket::receive) in a
    /// task. Waits until there is one.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut peer = lab.far.udp()?.bind(7)?;
    /// let mut socket = net.udp()?.connect("192.168.69.2:7".parse().unwrap())?;
    /// # let local = (core::net::Ipv4Addr::new(192, 168, 69, 1), socket.local_endpoint()?.port);
    /// # peer.send_to(b"hello", local.into()).unwrap();
    /// # lab.block_on(async {
    /// let mut buffer = [0; 16];
    /// let size = socket.receive_async(&mut buffer).await?;
    /// # assert_eq!(&buffer[..size], b"hello");
    /// # Ok::<(), Error>(())
    /// # })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`receive`](UdpSocket::receive) but for `WouldBlock` and [`Error::LinkDown`]: it
    /// waits until the link is up again.
    pub async fn receive_async(&mut self, buffer: &mut [u8]) -> Result<usize, Error>
    where
        St: CanReceive,
    {
        let received = self
            .handle
            .until(Ready::RECEIVE, |core, slot| outlast(core.udp_receive(slot, buffer)))
            .await;
        received.map(|(size, _)| size)
    }

    /// Waits until the socket is ready for something of `interest`, or is over, and says for what.
    /// For calls that have no future of their own: they may still block then, but seldom.
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

/// Connecting to a host by its name.
#[cfg(feature = "dns")]
mod by_name {
    use core::future::{IntoFuture, poll_fn};
    use core::task::{Context, Poll};

    use super::UdpSocket;
    use crate::socket::pending;
    use crate::socket::wait::{Awaited, Wait};
    use crate::stack::Sharing;
    use crate::state::udp::CanWait;
    use crate::state::{Closed, Connected, State};
    use crate::{Error, Failed, Ready};

    impl<St: State, S: Sharing> UdpSocket<'_, St, S> {
        /// Waits until the addresses of the host are known: [`poll`](UdpSocket::poll) in a task.
        /// [`finish`](UdpSocket::finish) then gives the connected socket. Unlike `socket.await` it
        /// may be dropped, and the socket is still there.
        ///
        /// # Errors
        ///
        /// Those of [`poll`](UdpSocket::poll) but for `WouldBlock`.
        pub async fn poll_async(&mut self) -> Result<(), Error>
        where
            St: CanWait,
        {
            poll_fn(|cx| self.poll_over(cx)).await
        }
    }

    impl<'net, St: CanWait, S: Sharing> Awaited for UdpSocket<'net, St, S> {
        type Output = Result<UdpSocket<'net, Connected, S>, Failed<UdpSocket<'net, Closed, S>>>;
        type Reached = Result<(), Error>;

        fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), Error>> {
            let (net, slot) = (self.handle.net, self.handle.slot);
            let reached = net.with_clock(|core| {
                let reached = St::check(core, slot, &mut self.handle.lookup, &mut self.extra);
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

    /// [`wait`](UdpSocket::wait) in a task. Dropping the future drops the socket;
    /// [`poll_async`](UdpSocket::poll_async) does not take it.
    ///
    /// ```
    /// use sockstate::{Error, Net, UdpSocket, state::Connected};
    ///
    /// async fn time_server<'net>(
    ///     net: &'net Net,
    ///     host: &str,
    /// ) -> Result<UdpSocket<'net, Connected>, Error> {
    ///     Ok(net.udp()?.connect_by_name(host, 123)?.await?)
    /// }
    /// # let lab = sockstate::testing::Lab::new(1);
    /// # lab.block_on(time_server(&lab.near, "192.168.69.2"))?;
    /// # Ok::<(), Error>(())
    /// ```
    impl<'net, St: CanWait, S: Sharing> IntoFuture for UdpSocket<'net, St, S> {
        type Output = <Self as Awaited>::Output;
        type IntoFuture = Wait<Self>;

        fn into_future(self) -> Wait<Self> {
            Wait::new(self)
        }
    }
}
