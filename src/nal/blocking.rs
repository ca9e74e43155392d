//! A stack for clients that make each call once.

#[cfg(feature = "dns")]
use core::net::IpAddr;
use core::net::SocketAddr;

use embedded_nal::TcpClientStack;

use crate::stack::{Local, Net, Sharing};
use crate::{AnyTcpSocket, Error};

/// A stack whose `connect`, `send` and look-ups wait: for clients that make each call once, take a
/// connection that is not there yet for a failure, and do not look at how much of their data was
/// taken.
///
/// Made by [`Net::blocking`]. It has `TcpClientStack` and `Dns`. `receive` does not wait, because
/// clients that have time limits of their own look at the clock when it would block. Waiting is
/// [`Net::block`]: it does what [`Config::idle`](crate::Config::idle) says, and ends at the stack's
/// [deadlines](crate::Deadlines). A peer that is alive and does not read is waited for as long as
/// it is.
///
/// ```
/// use embedded_nal::TcpClientStack;
/// # use sockstate::{Error, testing::Lab};
/// # let lab = Lab::new(1);
/// # let net = lab.near.net();
/// # let _listener = lab.far.tcp()?.bind(80)?.listen(1)?;
/// let mut stack = net.blocking();
/// let mut socket = stack.socket()?;
/// assert_eq!(stack.connect(&mut socket, "192.168.69.2:80".parse().unwrap()), Ok(()));
/// assert_eq!(stack.send(&mut socket, b"all of this"), Ok(11));
/// # Ok::<(), Error>(())
/// ```
#[derive(Debug)]
pub struct Blocking<'net, S: Sharing = Local>(&'net Net<S>);

impl<S: Sharing> Clone for Blocking<'_, S> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<S: Sharing> Copy for Blocking<'_, S> {}

impl<S: Sharing> Net<S> {
    /// This stack for clients of embedded-nal that make each call once; see [`Blocking`].
    pub fn blocking(&self) -> Blocking<'_, S> {
        Blocking(self)
    }
}

impl<'net, S: Sharing> TcpClientStack for Blocking<'net, S> {
    type TcpSocket = AnyTcpSocket<'net, S>;
    type Error = Error;

    fn socket(&mut self) -> Result<Self::TcpSocket, Error> {
        TcpClientStack::socket(&mut self.0)
    }

    /// Waits until the connection is there or has failed.
    fn connect(
        &mut self,
        socket: &mut Self::TcpSocket,
        remote: SocketAddr,
    ) -> nb::Result<(), Error> {
        let mut net = self.0;
        Ok(self.0.block(|| TcpClientStack::connect(&mut net, socket, remote))?)
    }

    /// Waits until there was room for everything. After an error, a part of it may have been sent.
    fn send(&mut self, socket: &mut Self::TcpSocket, buffer: &[u8]) -> nb::Result<usize, Error> {
        let mut net = self.0;
        let mut sent = 0;
        loop {
            let rest = buffer.get(sent..).unwrap_or_default();
            sent += self.0.block(|| TcpClientStack::send(&mut net, socket, rest))?;
            if sent >= buffer.len() {
                return Ok(sent);
            }
        }
    }

    fn receive(
        &mut self,
        socket: &mut Self::TcpSocket,
        buffer: &mut [u8],
    ) -> nb::Result<usize, Error> {
        TcpClientStack::receive(&mut self.0, socket, buffer)
    }

    fn close(&mut self, socket: Self::TcpSocket) -> Result<(), Error> {
        TcpClientStack::close(&mut self.0, socket)
    }
}

#[cfg(feature = "dns")]
impl<S: Sharing> embedded_nal::Dns for Blocking<'_, S> {
    type Error = Error;

    /// Waits for the address.
    fn get_host_by_name(
        &mut self,
        hostname: &str,
        addr_type: embedded_nal::AddrType,
    ) -> nb::Result<IpAddr, Error> {
        Ok(self.0.lookup(hostname, addr_type.into())?.wait()?)
    }

    /// Waits for the name.
    fn get_host_by_address(&mut self, addr: IpAddr, result: &mut [u8]) -> nb::Result<usize, Error> {
        let mut net = self.0;
        Ok(self.0.block(|| embedded_nal::Dns::get_host_by_address(&mut net, addr, result))?)
    }
}
