//! From nothing to a connection: open, bind, listen, accept, connect, wait.

use core::net::SocketAddr;

use smoltcp::time::Duration;
use void::Void;

use super::{Handle, TcpSocket};
use crate::stack::candidates::Candidates;
#[cfg(not(feature = "dns"))]
use crate::stack::slot::NONE;
use crate::stack::{Net, Sharing};
use crate::state::tcp::{CanAccept, CanBind, CanConnect, CanListen, CanWait, IsOpen};
use crate::state::{Bound, Closed, Connected, Connecting, Listening, State};
use crate::{Error, Failed, LocalEndpoint, Protocol, Unfinished};

impl<S: Sharing> Net<S> {
    /// Opens a TCP socket: takes one of the stack's TCP slots.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let socket = net.tcp()?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::OutOfSlots`] if all are taken. A connection that was closed keeps its slot until
    /// what it sent is delivered; one in TIME-WAIT gives it up when it is needed.
    pub fn tcp(&self) -> Result<TcpSocket<'_, Closed, S>, Error> {
        let slot = self.with_core(|core| core.open(Protocol::Tcp))??;
        Ok(TcpSocket::new(Handle::new(self, slot)))
    }
}

impl<'net, St: State, S: Sharing> TcpSocket<'net, St, S> {
    /// Ties the socket to a local port, or to a local address and port.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let any_address = net.tcp()?.bind(6000)?;
    /// let one_address = net.tcp()?.bind(([192, 168, 69, 1], 6001))?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::PortZero`], [`Error::AddressFamily`],
    /// [`Error::AddressNotAvailable`] for an address that the interface does not have, and
    /// [`Error::AddressInUse`] for a port that another socket is bound to or listens on.
    pub fn bind(
        self,
        local: impl Into<LocalEndpoint>,
    ) -> Result<TcpSocket<'net, Bound, S>, Failed<Self>>
    where
        St: CanBind,
    {
        let (net, slot, local) = (self.handle.net, self.handle.slot, local.into());
        match net.with_core(|core| core.tcp_bind(slot, local)).flatten() {
            Ok(()) => Ok(self.into_state()),
            Err(error) => Err(Failed::new(self, error)),
        }
    }

    /// Takes in connections, up to `backlog` at a time until they are accepted (0 counts as 1).
    ///
    /// The backlog takes as many TCP slots, and keeps them: an accepted connection takes its slot
    /// with it, and the next free one takes its place. So `n` connections at once need `n +
    /// backlog` slots to keep the whole backlog, and `n + 1` at least: the last slot stays with
    /// the listener, and a connection in it waits to be accepted until another slot is free. What
    /// happens to a request that finds the backlog full is for
    /// [`Config::overflow`](crate::Config::overflow) to say.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let mut listener = net.tcp()?.bind(80)?.listen(4)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::OutOfSlots`] if there are fewer free slots than the backlog
    /// needs, [`Error::AddressNotAvailable`] if the address it is bound to is gone.
    pub fn listen(self, backlog: u16) -> Result<TcpSocket<'net, Listening, S>, Failed<Self>>
    where
        St: CanListen,
    {
        let (net, slot) = (self.handle.net, self.handle.slot);
        match net.with_clock(|core| core.tcp_listen(slot, backlog)).flatten() {
            Ok(()) => Ok(self.into_state_with(backlog.max(1))),
            Err(error) => Err(Failed::new(self, error)),
        }
    }

    /// Asks a peer for a connection. From `Closed`, an ephemeral port is taken.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let server = "192.168.69.2:80".parse().unwrap();
    /// let connecting = net.tcp()?.connect(server)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::PortZero`]; [`Error::Unaddressable`] for an unspecified,
    /// multicast or broadcast address; [`Error::AddressFamily`]; [`Error::NoAddress`] and
    /// [`Error::NoRoute`] if the interface has no address or no route for it;
    /// [`Error::AddressLost`] if the address it was bound to is gone; [`Error::AddressInUse`] if
    /// this very connection exists, be it in TIME-WAIT; [`Error::OutOfPorts`];
    /// [`Error::LinkDown`].
    pub fn connect(self, remote: SocketAddr) -> Result<TcpSocket<'net, Connecting, S>, Failed<Self>>
    where
        St: CanConnect,
    {
        let (net, slot) = (self.handle.net, self.handle.slot);
        match net.with_clock(|core| core.tcp_connect(slot, remote)).flatten() {
            Ok(()) => Ok(self.into_state_with(Candidates::default())),
            Err(error) => Err(Failed::new(self, error)),
        }
    }

    /// Takes the next connection, in the order in which they were complete, and the address of the
    /// peer.
    ///
    /// The connection may have been closed by the peer already: what it sent can be received,
    /// and then comes the end of the stream.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut listener = net.tcp()?.bind(80)?.listen(1)?;
    /// # let client = lab.far.tcp()?.connect("192.168.69.1:80".parse().unwrap())?;
    /// # lab.run_for(sockstate::Duration::from_millis(50));
    /// let (connection, remote) = net.block(|| listener.accept())?;
    /// # assert_eq!(remote.ip().to_string(), "192.168.69.2");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// None but `WouldBlock`: a listener cannot fail. It is also the answer while the only slot
    /// left is the listener's own ([`listen`](TcpSocket::listen)), and within a closure of the
    /// stack.
    pub fn accept(&mut self) -> nb::Result<(TcpSocket<'net, Connected, S>, SocketAddr), Void>
    where
        St: CanAccept,
    {
        let (net, backlog) = (self.handle.net, self.extra);
        let head = &mut self.handle.slot;
        let accepted =
            net.try_twice(|core| core.tcp_accept(head, backlog).ok_or(nb::Error::WouldBlock));
        match accepted {
            Ok((slot, remote)) => Ok((TcpSocket::new(Handle::new(net, slot)), remote)),
            Err(_) => Err(nb::Error::WouldBlock),
        }
    }

    /// The local address and port: without an address, if bound to all of them.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let socket = net.tcp()?.bind(6000)?;
    /// assert_eq!(socket.local_endpoint()?.port, 6000);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Why the connection ended, if it did; [`Error::Reentrant`].
    pub fn local_endpoint(&self) -> Result<LocalEndpoint, Error>
    where
        St: IsOpen,
    {
        self.handle.net.with_core(|core| core.tcp_local(self.handle.slot)).flatten()
    }

    /// Asks whether the next state is reached, and polls the stack if it is not: for `Resolving`
    /// that the addresses of the host are known, for `Connecting` that the peer has answered (a
    /// host that was named and does not is asked at its next address), for `Closing` that
    /// everything is delivered and the peer has closed too, or let the time for that pass
    /// ([`Deadlines::closing`](crate::Deadlines)). [`finish`](TcpSocket::finish) then gives the
    /// socket in that state. Whether everything is delivered, whatever the peer does then, is what
    /// [`flush`](TcpSocket::flush) tells.
    ///
    /// ```
    /// # use sockstate::{Error, Unfinished, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// # let mut listener = lab.far.tcp()?.bind(80)?.listen(1)?;
    /// let mut connecting = net.tcp()?.connect("192.168.69.2:80".parse().unwrap())?;
    /// while connecting.poll() == Err(sockstate::nb::Error::WouldBlock) {
    ///     // something else meanwhile
    /// #   lab.step();
    /// }
    /// let connected = match connecting.finish() {
    ///     Ok(connected) => connected,
    ///     Err(Unfinished::Failed(failed)) => return Err(failed.into()),
    ///     Err(Unfinished::Pending(_)) => unreachable!("`poll` said otherwise"),
    /// };
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Why it will not be reached: for `Resolving` what a look-up gives; for `Connecting`
    /// [`Error::Refused`], [`Error::Unreachable`], [`Error::TimedOut`], [`Error::AddressLost`] or
    /// [`Error::LinkDown`], and for a host that was named also what
    /// [`connect`](TcpSocket::connect) gives; for `Closing` [`Error::Reset`] or
    /// [`Error::TimedOut`], after which part of what was sent may not have arrived.
    pub fn poll(&mut self) -> nb::Result<(), Error>
    where
        St: CanWait,
    {
        let Handle { net, slot, .. } = self.handle;
        #[cfg(feature = "dns")]
        let lookup = &mut self.handle.lookup;
        #[cfg(not(feature = "dns"))]
        let lookup = &mut { NONE };
        let extra = &mut self.extra;
        net.try_twice_on_time(|core| St::check(core, slot, lookup, extra))
    }

    /// The socket in the next state, if that is reached.
    ///
    /// # Errors
    ///
    /// The socket as it is, if that is not yet decided, or closed, with the reason, if it failed.
    pub fn finish(
        mut self,
    ) -> Result<TcpSocket<'net, St::Next, S>, Unfinished<Self, TcpSocket<'net, Closed, S>>>
    where
        St: CanWait,
    {
        match self.enter() {
            Ok(extra) => Ok(self.into_state_with(extra)),
            Err(nb::Error::WouldBlock) => Err(Unfinished::Pending(self)),
            Err(nb::Error::Other(error)) => Err(Unfinished::Failed(self.fail(error))),
        }
    }

    /// Waits for the next state, and does what [`Config::idle`](crate::Config::idle) says
    /// meanwhile.
    ///
    /// # Errors
    ///
    /// Those of [`poll`](TcpSocket::poll), with the socket closed again, to be used for another
    /// attempt.
    pub fn wait(self) -> Result<TcpSocket<'net, St::Next, S>, Failed<TcpSocket<'net, Closed, S>>>
    where
        St: CanWait,
    {
        let net = self.handle.net;
        self.wait_with(net.idle_hook())
    }

    /// As [`wait`](TcpSocket::wait), with another way to pass the time. The argument is the time
    /// until the stack has work again, `None` if only a frame can bring some.
    ///
    /// # Errors
    ///
    /// As [`wait`](TcpSocket::wait).
    pub fn wait_with(
        mut self,
        idle: impl FnMut(Option<Duration>),
    ) -> Result<TcpSocket<'net, St::Next, S>, Failed<TcpSocket<'net, Closed, S>>>
    where
        St: CanWait,
    {
        match self.handle.net.block_with(idle, || self.enter()) {
            Ok(extra) => Ok(self.into_state_with(extra)),
            Err(error) => Err(self.fail(error)),
        }
    }

    /// Asks whether the next state is reached, and does then what this one has to do when it is left.
    fn enter(&mut self) -> nb::Result<<St::Next as State>::Extra, Error>
    where
        St: CanWait,
    {
        let handle = &mut self.handle;
        let (net, slot) = (handle.net, &mut handle.slot);
        #[cfg(feature = "dns")]
        let lookup = &mut handle.lookup;
        #[cfg(not(feature = "dns"))]
        let lookup = &mut { NONE };
        let extra = &mut self.extra;
        net.try_twice_on_time(|core| {
            St::check(core, *slot, lookup, extra)?;
            Ok(St::leave(core, slot, extra)?)
        })
    }

    /// Does what a state has to do when it is left for the next one.
    #[cfg(feature = "async")]
    pub(super) fn leave(
        mut self,
    ) -> Result<TcpSocket<'net, St::Next, S>, Failed<TcpSocket<'net, Closed, S>>>
    where
        St: CanWait,
    {
        let (net, slot, extra) = (self.handle.net, &mut self.handle.slot, &mut self.extra);
        match net.with_clock(|core| St::leave(core, slot, extra)).flatten() {
            Ok(extra) => Ok(self.into_state_with(extra)),
            Err(error) => Err(self.fail(error)),
        }
    }

    pub(super) fn fail(mut self, error: Error) -> Failed<TcpSocket<'net, Closed, S>> {
        #[cfg(feature = "dns")]
        self.handle.end_lookup();
        self.renew();
        Failed::new(self.into_state(), error)
    }

    /// Makes the slot fit for another connection.
    fn renew(&mut self) {
        let slot = self.handle.slot;
        if let Ok(slot) = self.handle.net.with_clock(|core| core.tcp_renew(slot)) {
            self.handle.slot = slot;
        }
    }
}
