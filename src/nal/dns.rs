//! `Dns`.

use core::net::IpAddr;

use embedded_nal::Dns;

use crate::socket::lookup::literal;
use crate::stack::dns::{Answer, Wanted, reverse_name};
use crate::stack::{Net, Sharing};
use crate::{AddrType, Error};

impl From<embedded_nal::AddrType> for AddrType {
    fn from(addr_type: embedded_nal::AddrType) -> Self {
        match addr_type {
            embedded_nal::AddrType::IPv4 => AddrType::Ipv4,
            embedded_nal::AddrType::IPv6 => AddrType::Ipv6,
            embedded_nal::AddrType::Either => AddrType::Either,
        }
    }
}

impl<S: Sharing> Dns for &Net<S> {
    type Error = Error;

    /// Looks up an address; to be called until it no longer would block.
    ///
    /// Look-ups are known by what they ask: as many go on at the same time as there are UDP slots,
    /// and further ones wait for theirs. One that nobody asks for any more, for a second after the
    /// server's time for an answer was over, gives its slot up when the slot is needed, and after
    /// ten seconds in any case. The errors are those of [`Net::lookup`] and of
    /// [`Lookup::poll`](crate::Lookup::poll).
    fn get_host_by_name(
        &mut self,
        hostname: &str,
        addr_type: embedded_nal::AddrType,
    ) -> nb::Result<IpAddr, Error> {
        let addr_type = addr_type.into();
        if let Some(known) = literal(hostname, addr_type) {
            return Ok(known?);
        }
        let wanted = Wanted::Addr(addr_type);
        match self.try_twice_on_time(|core| core.lookup_unheld(hostname, wanted, &mut []))? {
            Answer::Addrs(addrs) => Ok(*addrs.first().ok_or(Error::NameNotFound)?),
            Answer::Name(_) => Err(Error::NameNotFound.into()),
        }
    }

    /// Looks up the name of the host that has this address; to be called until it no longer would
    /// block. For a name that does not fit, [`Error::Truncated`] has its length.
    fn get_host_by_address(&mut self, addr: IpAddr, result: &mut [u8]) -> nb::Result<usize, Error> {
        let question = reverse_name(addr);
        let answer = self
            .try_twice_on_time(|core| core.lookup_unheld(&question, Wanted::Name, &mut *result))?;
        match answer {
            Answer::Name(size) if size <= result.len() => Ok(size),
            Answer::Name(size) => Err(Error::Truncated(size as u16).into()),
            Answer::Addrs(_) => Err(Error::NameNotFound.into()),
        }
    }
}
