//! `UdpStack`, and its sockets.

use core::net::SocketAddr;

use embedded_nal_async::{ConnectedUdp, UdpStack, UnconnectedUdp};

use crate::addr::{ip_addr, ip_endpoint};
use crate::socket::outlast;
use crate::stack::{Net, Sharing};
use crate::state::{Bound, Connected};
use crate::{Error, LocalEndpoint, Ready, UdpSocket};

impl<S: Sharing> ConnectedUdp for UdpSocket<'_, Connected, S> {
    type Error = Error;

    /// [`send_async`](UdpSocket::send_async).
    async fn send(&mut self, data: &[u8]) -> Result<(), Error> {
        self.send_async(data).await
    }

    /// Takes the next datagram of the peer, and its full size: of one that is longer than the
    /// buffer, the rest is gone.
    async fn receive_into(&mut self, buffer: &mut [u8]) -> Result<usize, Error> {
        let received = self
            .until(Ready::RECEIVE, |core, slot| outlast(core.udp_receive_cut(slot, buffer)))
            .await?;
        Ok(received.size)
    }
}

impl<S: Sharing> UnconnectedUdp for UdpSocket<'_, Bound, S> {
    type Error = Error;

    /// Sends from an address of the socket. An unspecified one of either IP version, port 0, and
    /// the multicast or broadcast address that a datagram was received at, leave the choice to the
    /// stack.
    ///
    /// # Errors
    ///
    /// Those of [`send_to`](UdpSocket::send_to); [`Error::AddressNotAvailable`] for a local address
    /// or port that is not the socket's.
    async fn send(
        &mut self,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) -> Result<(), Error> {
        self.until(Ready::SEND, |core, slot| core.udp_send_from(slot, local, remote, data)).await
    }

    /// Takes the next datagram, its full size, where it was sent to and where it came from. Of one
    /// that is longer than the buffer, the rest is gone.
    async fn receive_into(
        &mut self,
        buffer: &mut [u8],
    ) -> Result<(usize, SocketAddr, SocketAddr), Error> {
        let received = self
            .until(Ready::RECEIVE, |core, slot| outlast(core.udp_receive_cut(slot, buffer)))
            .await?;
        let local = received.local.ok_or(Error::AddressLost)?;
        Ok((received.size, local, received.remote))
    }
}

/// While all slots are taken, but a closed socket will leave its own when it has sent everything,
/// each call waits for that.
impl<'net, S: Sharing> UdpStack for &'net Net<S> {
    type Error = Error;
    type Connected = UdpSocket<'net, Connected, S>;
    type UniquelyBound = UdpSocket<'net, Bound, S>;
    type MultiplyBound = UdpSocket<'net, Bound, S>;

    /// Ties a socket to a peer, and to the local address that is given, or else to the one from
    /// which the peer is reached. Port 0 stands for an ephemeral one.
    async fn connect_from(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<(SocketAddr, Self::Connected), Error> {
        let socket = self.udp_when_free().await?;
        let addr = match local.ip() {
            addr if addr.is_unspecified() => {
                let remote = ip_endpoint(remote)?.addr;
                ip_addr(self.with_core(|core| core.source_for(remote))??)
            }
            addr => addr,
        };
        let socket = socket.bind_free((addr, local.port()).into())?;
        let local = SocketAddr::new(addr, socket.local_endpoint()?.port);
        Ok((local, socket.connect(remote)?))
    }

    /// Ties a socket to one local address: for an unspecified one, to one of the interface's of its
    /// IP version. Port 0 stands for an ephemeral one.
    async fn bind_single(
        &self,
        local: SocketAddr,
    ) -> Result<(SocketAddr, Self::UniquelyBound), Error> {
        let socket = self.udp_when_free().await?;
        let addr = match local.ip() {
            addr if addr.is_unspecified() => self.with_core(|core| core.some_local(addr))??,
            addr => addr,
        };
        let socket = socket.bind_free((addr, local.port()).into())?;
        Ok((SocketAddr::new(addr, socket.local_endpoint()?.port), socket))
    }

    /// Ties a socket to a port of all local addresses, of both IP versions, if the address is
    /// unspecified. Port 0 stands for an ephemeral one.
    async fn bind_multiple(&self, local: SocketAddr) -> Result<Self::MultiplyBound, Error> {
        Ok(self.udp_when_free().await?.bind_free(LocalEndpoint::from(local))?)
    }
}
