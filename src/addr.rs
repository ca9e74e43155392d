//! Between the address types of `core::net`, which the public interface speaks, and smoltcp's.
//!
//! smoltcp's own conversions exist only with both IP versions compiled in.

use core::net::{IpAddr, SocketAddr};
use core::num::NonZeroU16;

use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use crate::Error;

pub(crate) fn ip_address(addr: IpAddr) -> Result<IpAddress, Error> {
    match addr {
        #[cfg(feature = "proto-ipv4")]
        IpAddr::V4(addr) => Ok(IpAddress::Ipv4(addr)),
        #[cfg(feature = "proto-ipv6")]
        IpAddr::V6(addr) => Ok(IpAddress::Ipv6(addr)),
        #[allow(unreachable_patterns)]
        _ => Err(Error::AddressFamily),
    }
}

pub(crate) fn ip_endpoint(addr: SocketAddr) -> Result<IpEndpoint, Error> {
    Ok(IpEndpoint::new(ip_address(addr.ip())?, addr.port()))
}

pub(crate) fn socket_addr(endpoint: IpEndpoint) -> SocketAddr {
    SocketAddr::new(ip_addr(endpoint.addr), endpoint.port)
}

pub(crate) fn ip_addr(addr: IpAddress) -> IpAddr {
    match addr {
        #[cfg(feature = "proto-ipv4")]
        IpAddress::Ipv4(addr) => IpAddr::V4(addr),
        #[cfg(feature = "proto-ipv6")]
        IpAddress::Ipv6(addr) => IpAddr::V6(addr),
    }
}

/// Whether two local endpoints would compete for the same packets.
pub(crate) fn overlap(a: IpListenEndpoint, b: IpListenEndpoint) -> bool {
    a.port == b.port && (a.addr.is_none() || b.addr.is_none() || a.addr == b.addr)
}

/// What a socket is bound to: a port on every address of the interface, or on one of them.
///
/// Made from a port (`u16` or [`NonZeroU16`]), from an address and a port, or from a
/// [`SocketAddr`], whose unspecified address (`0.0.0.0`, `::`) stands for every address.
///
/// ```
/// use core::net::{Ipv4Addr, SocketAddr};
/// use sockstate::LocalEndpoint;
///
/// assert_eq!(LocalEndpoint::from(80), LocalEndpoint { addr: None, port: 80 });
/// assert_eq!(
///     LocalEndpoint::from((Ipv4Addr::new(10, 0, 0, 1), 80)).port,
///     LocalEndpoint::from("0.0.0.0:80".parse::<SocketAddr>().unwrap()).port,
/// );
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LocalEndpoint {
    /// The address, or `None` for every address of the interface.
    pub addr: Option<IpAddr>,
    /// The port; 0 is refused with [`Error::PortZero`] when it is used.
    pub port: u16,
}

impl LocalEndpoint {
    pub(crate) fn to_listen_endpoint(self) -> Result<IpListenEndpoint, Error> {
        if self.port == 0 {
            return Err(Error::PortZero);
        }
        let addr = self.addr.map(ip_address).transpose()?;
        Ok(IpListenEndpoint { addr, port: self.port })
    }
}

impl core::fmt::Display for LocalEndpoint {
    /// As `*:80`, `10.0.0.1:80` or `[fd00::1]:80`.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self.addr {
            Some(addr) => SocketAddr::new(addr, self.port).fmt(f),
            None => write!(f, "*:{}", self.port),
        }
    }
}

impl From<u16> for LocalEndpoint {
    fn from(port: u16) -> Self {
        LocalEndpoint { addr: None, port }
    }
}

impl From<NonZeroU16> for LocalEndpoint {
    fn from(port: NonZeroU16) -> Self {
        LocalEndpoint::from(port.get())
    }
}

impl From<SocketAddr> for LocalEndpoint {
    fn from(addr: SocketAddr) -> Self {
        let specified = Some(addr.ip()).filter(|ip| !ip.is_unspecified());
        LocalEndpoint { addr: specified, port: addr.port() }
    }
}

impl<A: Into<IpAddr>> From<(A, u16)> for LocalEndpoint {
    fn from((addr, port): (A, u16)) -> Self {
        LocalEndpoint::from(SocketAddr::new(addr.into(), port))
    }
}

/// Which kind of address a look-up is to find. Made from embedded-nal's type of the same name, too.
///
/// ```
/// use sockstate::{AddrType, Error, Net};
///
/// fn is_reachable_over_ipv6(net: &Net, host: &str) -> bool {
///     net.lookup(host, AddrType::Ipv6).and_then(|lookup| lookup.wait()).is_ok()
/// }
/// ```
#[cfg(feature = "dns")]
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AddrType {
    /// IPv4: an `A` record.
    Ipv4,
    /// IPv6: an `AAAA` record.
    Ipv6,
    /// Either, of those IP versions that the interface has an address of; IPv4 first.
    Either,
}
