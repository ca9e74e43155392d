//! Connecting to a host by its name.

use smoltcp::time::Duration;

use super::UdpSocket;
use crate::socket::resolution::Resolution;
use crate::stack::Sharing;
use crate::state::udp::{CanConnect, CanWait};
use crate::state::{Closed, Connected, Resolving, State};
use crate::{Error, Failed, Unfinished};

impl<'net, St: State, S: Sharing> UdpSocket<'net, St, S> {
    /// Looks a host up, to tie the socket to it: to its first address that there is a route to.
    /// Nothing is sent to the host, so that nothing tells whether it answers there.
    ///
    /// Which addresses are looked up, in what order they come and what slot that takes, is as with
    /// [`TcpSocket::connect_by_name`](crate::TcpSocket::connect_by_name). A bound socket keeps its
    /// port, and what arrives meanwhile from others is thrown away.
    ///
    /// ```
    /// use sockstate::{Error, Net, UdpSocket, state::Connected};
    ///
    /// fn time_server<'net>(net: &'net Net, host: &str) -> Result<UdpSocket<'net, Connected>, Error> {
    ///     Ok(net.udp()?.connect_by_name(host, 123)?.wait()?)
    /// }
    /// # let lab = sockstate::testing::Lab::new(1);
    /// # time_server(&lab.near, "192.168.69.2")?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::PortZero`]; [`Error::InvalidName`]; [`Error::NoNameServer`];
    /// [`Error::AddressFamily`] for the text of an address of another IP version than that of the
    /// address it is bound to; [`Error::OutOfSlots`] if no second UDP slot is free, for the
    /// look-up; [`Error::NoAddress`], [`Error::NoRoute`], [`Error::LinkDown`] and
    /// [`Error::DatagramTooLarge`] if no server can be asked; [`Error::Reentrant`].
    pub fn connect_by_name<'n>(
        self,
        host: &'n str,
        port: u16,
    ) -> Result<UdpSocket<'net, Resolving<'n>, S>, Failed<Self>>
    where
        St: CanConnect,
    {
        let (net, slot) = (self.handle.net, self.handle.slot);
        let begun = net.with_clock(|core| {
            let local = core.udp_local(slot).addr;
            let begun = Resolution::begin(core, host, port, local)?;
            core.udp_seek(slot, begun.1);
            Ok(begun)
        });
        match begun.flatten() {
            Ok((resolution, lookup)) => {
                let mut socket: UdpSocket<'net, Resolving<'n>, S> =
                    self.into_state_with(resolution);
                socket.handle.lookup = lookup;
                Ok(socket)
            }
            Err(error) => Err(Failed::new(self, error)),
        }
    }

    /// Asks whether the addresses of the host are known, and polls the stack if they are not.
    /// [`finish`](UdpSocket::finish) then gives the connected socket.
    ///
    /// ```
    /// # use sockstate::{Error, Unfinished, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let mut resolving = net.udp()?.connect_by_name("192.168.69.2", 123)?;
    /// while resolving.poll() == Err(sockstate::nb::Error::WouldBlock) {
    ///     // something else meanwhile
    /// }
    /// let connected = match resolving.finish() {
    ///     Ok(connected) => connected,
    ///     Err(Unfinished::Failed(failed)) => return Err(failed.into()),
    ///     Err(Unfinished::Pending(_)) => unreachable!("`poll` said otherwise"),
    /// };
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `WouldBlock` while there is no answer. Otherwise those of
    /// [`Lookup::poll`](crate::Lookup::poll).
    pub fn poll(&mut self) -> nb::Result<(), Error>
    where
        St: CanWait,
    {
        let (net, slot) = (self.handle.net, self.handle.slot);
        let (lookup, extra) = (&mut self.handle.lookup, &mut self.extra);
        net.try_twice_on_time(|core| St::check(core, slot, lookup, extra))
    }

    /// The connected socket, if the addresses of the host are known.
    ///
    /// # Errors
    ///
    /// The socket as it is, if that is not yet decided. Closed, without its port and what it had
    /// still to send or to be received, with the reason, if it failed: that
    /// of [`poll`](UdpSocket::poll), or, if the host can be reached at no address, what
    /// [`connect`](UdpSocket::connect) says to the last one.
    pub fn finish(
        mut self,
    ) -> Result<UdpSocket<'net, Connected, S>, Unfinished<Self, UdpSocket<'net, Closed, S>>>
    where
        St: CanWait,
    {
        match self.poll() {
            Ok(()) => self.leave().map_err(Unfinished::Failed),
            Err(nb::Error::WouldBlock) => Err(Unfinished::Pending(self)),
            Err(nb::Error::Other(error)) => Err(Unfinished::Failed(self.fail(error))),
        }
    }

    /// Waits for the addresses of the host, and does what [`Config::idle`](crate::Config::idle)
    /// says meanwhile.
    ///
    /// # Errors
    ///
    /// Those of [`finish`](UdpSocket::finish), with the socket closed, to be used for another
    /// attempt.
    pub fn wait(self) -> Result<UdpSocket<'net, Connected, S>, Failed<UdpSocket<'net, Closed, S>>>
    where
        St: CanWait,
    {
        let idle = self.handle.net.idle_hook();
        self.wait_with(idle)
    }

    /// As [`wait`](UdpSocket::wait), with another way to pass the time. The argument is the time
    /// until the stack has work again, `None` if only a frame can bring some.
    ///
    /// # Errors
    ///
    /// As [`wait`](UdpSocket::wait).
    pub fn wait_with(
        mut self,
        idle: impl FnMut(Option<Duration>),
    ) -> Result<UdpSocket<'net, Connected, S>, Failed<UdpSocket<'net, Closed, S>>>
    where
        St: CanWait,
    {
        match self.handle.net.block_with(idle, || self.poll()) {
            Ok(()) => self.leave(),
            Err(error) => Err(self.fail(error)),
        }
    }

    pub(super) fn leave(
        mut self,
    ) -> Result<UdpSocket<'net, Connected, S>, Failed<UdpSocket<'net, Closed, S>>>
    where
        St: CanWait,
    {
        let (net, slot, extra) = (self.handle.net, self.handle.slot, &mut self.extra);
        match net.with_clock(|core| St::leave(core, slot, extra)).flatten() {
            Ok(()) => Ok(self.into_state()),
            Err(error) => Err(self.fail(error)),
        }
    }

    pub(super) fn fail(mut self, error: Error) -> Failed<UdpSocket<'net, Closed, S>> {
        self.handle.end_lookup();
        let slot = self.handle.slot;
        // Within a closure of the stack it stays bound, which its next owner does not see.
        let _ = self.handle.net.with_clock(|core| core.udp_renew(slot));
        Failed::new(self.into_state(), error)
    }
}
