//! `UdpBind`, `UdpConnect`, and their sockets.

use core::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use edge_nal::io::ErrorType;
use edge_nal::{
    MulticastV4, MulticastV6, Readable, UdpBind, UdpConnect, UdpReceive, UdpSend, UdpSplit,
    UdpSplitMulticast,
};

use crate::socket::outlast;
use crate::stack::core::Core;
use crate::stack::slot::SlotId;
use crate::stack::udp::Received;
use crate::stack::{Local, Net, Sharing};
use crate::state::{Bound, Connected};
use crate::{Error, LocalEndpoint, Ready, UdpSocket};

impl<'net, S: Sharing> UdpBind for &'net Net<S> {
    type Error = Error;
    type Socket<'a>
        = UdpEndpoint<'net, S>
    where
        Self: 'a;

    /// Ties a socket to a port of one local address, or of all, of both IP versions, if it is
    /// unspecified. Port 0 stands for an ephemeral one. While all slots are taken, but a closed
    /// socket will leave its own when it has sent everything, it waits for that.
    async fn bind(&self, local: SocketAddr) -> Result<Self::Socket<'_>, Error> {
        let socket = self.udp_when_free().await?.bind_free(LocalEndpoint::from(local))?;
        Ok(UdpEndpoint(Peers::Any(socket)))
    }
}

impl<'net, S: Sharing> UdpConnect for &'net Net<S> {
    type Error = Error;
    type Socket<'a>
        = UdpEndpoint<'net, S>
    where
        Self: 'a;

    /// Ties a socket to a local address and port, as [`bind`](UdpBind::bind) does, and to a peer:
    /// of others it hears nothing, and it sends to nobody else.
    async fn connect(
        &self,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Self::Socket<'_>, Error> {
        let socket = self.udp_when_free().await?.bind_free(LocalEndpoint::from(local))?;
        Ok(UdpEndpoint(Peers::One(socket.connect(remote)?, remote)))
    }
}

/// A UDP socket of edge-nal.
#[derive(Debug)]
pub struct UdpEndpoint<'net, S: Sharing = Local>(Peers<'net, S>);

#[derive(Debug)]
enum Peers<'net, S: Sharing> {
    Any(UdpSocket<'net, Bound, S>),
    One(UdpSocket<'net, Connected, S>, SocketAddr),
}

impl<'net, S: Sharing> UdpEndpoint<'net, S> {
    /// The local address and port: without an address, if bound to all of them.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`].
    pub fn local_endpoint(&self) -> Result<LocalEndpoint, Error> {
        match &self.0 {
            Peers::Any(socket) => socket.local_endpoint(),
            Peers::One(socket, _) => socket.local_endpoint(),
        }
    }

    fn net(&self) -> &'net Net<S> {
        match &self.0 {
            Peers::Any(socket) => socket.net(),
            Peers::One(socket, _) => socket.net(),
        }
    }

    async fn until<R>(
        &self,
        interest: Ready,
        call: impl FnMut(&mut Core, SlotId) -> nb::Result<R, Error>,
    ) -> Result<R, Error> {
        match &self.0 {
            Peers::Any(socket) => socket.until(interest, call).await,
            Peers::One(socket, _) => socket.until(interest, call).await,
        }
    }

    /// Takes the next datagram; of one that is longer than the buffer, the rest is gone.
    async fn take(&self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
        let Received { size, remote, .. } = self
            .until(Ready::RECEIVE, |core, slot| outlast(core.udp_receive_cut(slot, buffer)))
            .await?;
        Ok((size, remote))
    }

    async fn wait(&self) -> Result<(), Error> {
        self.until(Ready::RECEIVE, |core, slot| match core.readiness(slot) {
            ready if ready.intersects(Ready::RECEIVE) => Ok(()),
            _ => Err(nb::Error::WouldBlock),
        })
        .await
    }

    async fn queue(&self, remote: SocketAddr, data: &[u8]) -> Result<(), Error> {
        let remote = match self.0 {
            Peers::Any(_) => remote,
            Peers::One(_, peer) => peer,
        };
        self.until(Ready::SEND, |core, slot| core.udp_send(slot, remote, data)).await
    }

    fn endpoint(&self) -> &Self {
        self
    }

    fn groups(&self) -> Groups<'net, S> {
        Groups(self.net())
    }
}

/// The receiving half of a [`UdpEndpoint`].
#[derive(Debug)]
pub struct UdpReader<'a, 'net, S: Sharing = Local>(&'a UdpEndpoint<'net, S>);

impl<'net, S: Sharing> UdpReader<'_, 'net, S> {
    fn endpoint(&self) -> &UdpEndpoint<'net, S> {
        self.0
    }
}

/// The sending half of a [`UdpEndpoint`].
#[derive(Debug)]
pub struct UdpWriter<'a, 'net, S: Sharing = Local>(&'a UdpEndpoint<'net, S>);

impl<'net, S: Sharing> UdpWriter<'_, 'net, S> {
    fn endpoint(&self) -> &UdpEndpoint<'net, S> {
        self.0
    }
}

/// The multicast groups of the interface. They are joined by that, and not by a socket: whoever is
/// bound to the port hears them, and they stay joined until they are left.
#[derive(Debug)]
pub struct Groups<'net, S: Sharing = Local>(&'net Net<S>);

impl<S: Sharing> Groups<'_, S> {
    fn groups(&self) -> Groups<'_, S> {
        Groups(self.0)
    }

    /// Whether an address stands for the only interface there is.
    fn check(&self, interface: Ipv4Addr) -> Result<(), Error> {
        let own = self.0.with_core(|core| core.has_addr(interface.into()))?;
        if own || interface.is_unspecified() { Ok(()) } else { Err(Error::AddressNotAvailable) }
    }
}

impl<S: Sharing> ErrorType for Groups<'_, S> {
    type Error = Error;
}

impl<S: Sharing> ErrorType for UdpEndpoint<'_, S> {
    type Error = Error;
}

impl<S: Sharing> ErrorType for UdpReader<'_, '_, S> {
    type Error = Error;
}

impl<S: Sharing> ErrorType for UdpWriter<'_, '_, S> {
    type Error = Error;
}

/// What the whole socket and its receiving half have in common.
macro_rules! receiving {
    ($($Part:ty;)*) => {$(
        impl<S: Sharing> UdpReceive for $Part {
            /// Takes the next datagram, its full size and where it came from. Of one that is longer
            /// than the buffer, the rest is gone.
            async fn receive(&mut self, buffer: &mut [u8]) -> Result<(usize, SocketAddr), Error> {
                self.endpoint().take(buffer).await
            }
        }

        impl<S: Sharing> Readable for $Part {
            async fn readable(&mut self) -> Result<(), Error> {
                self.endpoint().wait().await
            }
        }
    )*};
}
receiving! {
    UdpEndpoint<'_, S>;
    UdpReader<'_, '_, S>;
}

/// What the whole socket and its sending half have in common.
macro_rules! sending {
    ($($Part:ty;)*) => {$(
        impl<S: Sharing> UdpSend for $Part {
            /// Queues a datagram. One that is connected sends it to its peer, whatever the address.
            async fn send(&mut self, remote: SocketAddr, data: &[u8]) -> Result<(), Error> {
                self.endpoint().queue(remote, data).await
            }
        }
    )*};
}
sending! {
    UdpEndpoint<'_, S>;
    UdpWriter<'_, '_, S>;
}

/// What the whole socket and its part for groups have in common.
macro_rules! groups {
    ($($Part:ty;)*) => {$(
        impl<S: Sharing> MulticastV4 for $Part {
            /// [`Net::join_multicast`]. The interface is given by an address of it, or unspecified.
            async fn join_v4(&mut self, group: Ipv4Addr, interface: Ipv4Addr) -> Result<(), Error> {
                self.groups().check(interface)?;
                self.groups().0.join_multicast(IpAddr::V4(group))
            }

            /// [`Net::leave_multicast`].
            async fn leave_v4(&mut self, group: Ipv4Addr, interface: Ipv4Addr) -> Result<(), Error> {
                self.groups().check(interface)?;
                self.groups().0.leave_multicast(IpAddr::V4(group))
            }
        }

        impl<S: Sharing> MulticastV6 for $Part {
            /// [`Net::join_multicast`]. There is one interface, whatever its number.
            async fn join_v6(&mut self, group: Ipv6Addr, _interface: u32) -> Result<(), Error> {
                self.groups().0.join_multicast(IpAddr::V6(group))
            }

            /// [`Net::leave_multicast`].
            async fn leave_v6(&mut self, group: Ipv6Addr, _interface: u32) -> Result<(), Error> {
                self.groups().0.leave_multicast(IpAddr::V6(group))
            }
        }
    )*};
}
groups! {
    UdpEndpoint<'_, S>;
    Groups<'_, S>;
}

impl<'net, S: Sharing> UdpSplit for UdpEndpoint<'net, S> {
    type Receive<'a>
        = UdpReader<'a, 'net, S>
    where
        Self: 'a;
    type Send<'a>
        = UdpWriter<'a, 'net, S>
    where
        Self: 'a;

    fn split(&mut self) -> (Self::Receive<'_>, Self::Send<'_>) {
        (UdpReader(self), UdpWriter(self))
    }
}

impl<'net, S: Sharing> UdpSplitMulticast for UdpEndpoint<'net, S> {
    type MulticastV4<'a>
        = Groups<'net, S>
    where
        Self: 'a;
    type MulticastV6<'a>
        = Groups<'net, S>
    where
        Self: 'a;

    fn split_multicast(
        &mut self,
    ) -> (Self::Receive<'_>, Self::Send<'_>, Self::MulticastV4<'_>, Self::MulticastV6<'_>) {
        let (receive, send) = (UdpReader(&*self), UdpWriter(&*self));
        (receive, send, self.groups(), self.groups())
    }
}
