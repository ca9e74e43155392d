//! Sockets and look-ups for traits whose calls wait for a slot.

use super::Handle;
use crate::stack::{Net, Sharing};
use crate::{Error, Protocol};

#[cfg(feature = "dns")]
mod lookups {
    use core::net::IpAddr;

    use super::{Error, Handle, Net, Protocol, Sharing};
    use crate::AddrType;
    use crate::socket::lookup::{Lookup, NameLookup, literal};
    use crate::stack::dns::{Wanted, reverse_name};

    impl<S: Sharing> Net<S> {
        pub(crate) async fn lookup_when_free<'n>(
            &self,
            host: &'n str,
            addr_type: AddrType,
        ) -> Result<Lookup<'_, 'n, S>, Error> {
            if literal(host, addr_type).is_some() {
                return self.lookup(host, addr_type);
            }
            let handle = self.ask_when_free(host, Wanted::Addr(addr_type)).await?;
            Ok(Lookup::asking(handle, host))
        }

        /// The name of a host, put into a buffer, and its length.
        pub(crate) async fn host_name_when_free(
            &self,
            addr: IpAddr,
            result: &mut [u8],
        ) -> Result<usize, Error> {
            let handle = self.ask_when_free(&reverse_name(addr), Wanted::Name).await?;
            let name = NameLookup::asking(handle, addr).await?;
            let size = name.len();
            let place = result.get_mut(..size).ok_or(Error::Truncated(size as u16))?;
            place.copy_from_slice(name.as_bytes());
            Ok(size)
        }

        async fn ask_when_free(&self, name: &str, wanted: Wanted) -> Result<Handle<'_, S>, Error> {
            let slot = self.when_free(Protocol::Udp, |core| core.lookup_open(name, wanted)).await?;
            Ok(Handle::new(self, slot))
        }
    }
}

#[cfg(feature = "tcp")]
impl<S: Sharing> Net<S> {
    pub(crate) async fn tcp_when_free(
        &self,
    ) -> Result<crate::TcpSocket<'_, crate::state::Closed, S>, Error> {
        let slot = self.when_free(Protocol::Tcp, |core| core.open(Protocol::Tcp)).await?;
        Ok(crate::TcpSocket::new(Handle::new(self, slot)))
    }
}

#[cfg(feature = "udp")]
impl<S: Sharing> Net<S> {
    pub(crate) async fn udp_when_free(
        &self,
    ) -> Result<crate::UdpSocket<'_, crate::state::Closed, S>, Error> {
        let slot = self.when_free(Protocol::Udp, |core| core.open(Protocol::Udp)).await?;
        Ok(crate::UdpSocket::new(Handle::new(self, slot)))
    }
}
