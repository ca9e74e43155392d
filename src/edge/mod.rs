//! The edge-nal traits for `&Net`, over the typed sockets.
//!
//! Their sockets change their state behind `&mut self`, and part into halves that are borrowed:
//! hence types of their own, which hold the typed sockets. Each future may be dropped before it is
//! done, and nothing is lost by that.

#[cfg(feature = "tcp")]
mod tcp;
#[cfg(feature = "udp")]
mod udp;

#[cfg(feature = "tcp")]
pub use self::tcp::{Acceptor, Connection, ConnectionReader, ConnectionWriter};
#[cfg(feature = "udp")]
pub use self::udp::{Groups, UdpEndpoint, UdpHalf};

#[cfg(feature = "dns")]
mod dns {
    use core::net::IpAddr;

    use edge_nal::{AddrType, Dns};

    use crate::Error;
    use crate::stack::{Net, Sharing};

    impl From<AddrType> for crate::AddrType {
        fn from(addr_type: AddrType) -> Self {
            match addr_type {
                AddrType::IPv4 => crate::AddrType::Ipv4,
                AddrType::IPv6 => crate::AddrType::Ipv6,
                AddrType::Either => crate::AddrType::Either,
            }
        }
    }

    impl<S: Sharing> Dns for &Net<S> {
        type Error = Error;

        /// [`Net::lookup`]; the text of an address is its own answer.
        async fn get_host_by_name(&self, host: &str, addr_type: AddrType) -> Result<IpAddr, Error> {
            self.lookup_when_free(host, addr_type.into()).await?.await
        }

        /// [`Net::lookup_name`]. For a name that does not fit, [`Error::Truncated`] has its length.
        async fn get_host_by_address(
            &self,
            addr: IpAddr,
            result: &mut [u8],
        ) -> Result<usize, Error> {
            self.host_name_when_free(addr, result).await
        }
    }
}
