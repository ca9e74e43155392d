//! `Dns`.

use core::net::IpAddr;

use embedded_nal_async::{AddrType, Dns};

use crate::Error;
use crate::stack::{Net, Sharing};

impl<S: Sharing> Dns for &Net<S> {
    type Error = Error;

    /// [`Net::lookup`]; the text of an address is its own answer. While all UDP slots are taken, but
    /// a closed socket will leave its own, it waits for that.
    async fn get_host_by_name(&self, host: &str, addr_type: AddrType) -> Result<IpAddr, Error> {
        self.lookup_when_free(host, addr_type.into()).await?.await
    }

    /// [`Net::lookup_name`]. For a name that does not fit, [`Error::Truncated`] has its length.
    async fn get_host_by_address(&self, addr: IpAddr, result: &mut [u8]) -> Result<usize, Error> {
        self.host_name_when_free(addr, result).await
    }
}
