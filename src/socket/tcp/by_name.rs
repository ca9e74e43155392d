//! Connecting to a host by its name.

use super::TcpSocket;
use crate::socket::resolution::Resolution;
use crate::stack::Sharing;
use crate::state::tcp::CanConnect;
use crate::state::{Resolving, State};
use crate::{Error, Failed};

impl<'net, St: State, S: Sharing> TcpSocket<'net, St, S> {
    /// Looks a host up, to connect to it: the first [`wait`](TcpSocket::wait) is for its addresses,
    /// the second one for its answer.
    ///
    /// The name is looked up as [`Net::lookup`](crate::Net::lookup) does, for addresses of each IP
    /// version that the interface has an address of, by two questions at once. When there is an
    /// answer to one of them, the other one is waited for no longer than 50 ms (RFC 8305 section
    /// 3). Meanwhile it takes a UDP slot beside the TCP slot, whose buffers should hold 512 bytes;
    /// the text of an address needs neither that slot nor a server.
    ///
    /// The host is then asked at one address after the other, [four](crate::MOST_ADDRESSES) at
    /// most, until it accepts. Both versions take turns (RFC 8305 section 4), IPv6 first if the
    /// interface has an IPv6 address that is not link-local: of RFC 6724 section 6 that stands for
    /// the rules on unusable destinations, scope and precedence (1, 2 and 6). One address has
    /// [`Deadlines::connect`](crate::Deadlines::connect), divided by the number of those that have
    /// not been asked yet, itself among them: with two, half of the time, and the last one all of
    /// it; without a deadline, all but the last one have ten seconds. A refusal or a missing route
    /// leads to the next one at once. The error is that of the last one.
    ///
    /// A bound socket asks from its port each time. If all fail, it is closed, as after a failed
    /// [`connect`](TcpSocket::connect).
    ///
    /// ```
    /// use sockstate::{Error, Net, TcpSocket, state::Connected};
    ///
    /// fn connect<'net>(net: &'net Net, host: &str) -> Result<TcpSocket<'net, Connected>, Error> {
    ///     Ok(net.tcp()?.connect_by_name(host, 1883)?.wait()?.wait()?)
    /// }
    /// # let lab = sockstate::testing::Lab::new(1);
    /// # let _listener = lab.far.tcp()?.bind(1883)?.listen(1)?;
    /// # connect(&lab.near, "192.168.69.2")?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// With the socket: [`Error::PortZero`]; [`Error::InvalidName`]; [`Error::NoNameServer`];
    /// [`Error::AddressFamily`] for the text of an address of another IP version than that of the
    /// address it is bound to; [`Error::OutOfSlots`] if no UDP slot is free; [`Error::NoAddress`],
    /// [`Error::NoRoute`], [`Error::LinkDown`] and [`Error::DatagramTooLarge`] if no server can be
    /// asked; [`Error::Reentrant`].
    pub fn connect_by_name<'n>(
        self,
        host: &'n str,
        port: u16,
    ) -> Result<TcpSocket<'net, Resolving<'n>, S>, Failed<Self>>
    where
        St: CanConnect,
    {
        let (net, slot) = (self.handle.net, self.handle.slot);
        let begun = net.with_clock(|core| {
            let local = core.tcp_local(slot).ok().and_then(|local| local.addr);
            let begun = Resolution::begin(core, host, port, local)?;
            core.seek(slot, begun.1);
            Ok(begun)
        });
        let begun: Result<_, Error> = begun.flatten();
        match begun {
            Ok((resolution, lookup)) => {
                let mut socket: TcpSocket<'net, Resolving<'n>, S> =
                    self.into_state_with(resolution);
                socket.handle.lookup = lookup;
                Ok(socket)
            }
            Err(error) => Err(Failed::new(self, error)),
        }
    }
}
