//! What a socket keeps while the host that it is to connect to is being looked up.

use core::net::IpAddr;

use super::lookup::{literal, one};
use crate::stack::core::Core;
use crate::stack::dns::Wanted;
use crate::stack::slot::{NONE, SlotId};
use crate::{AddrType, Error, HostAddrs};

/// The host to connect to, and what is known of it.
#[derive(Debug)]
pub struct Resolution<'n> {
    host: &'n str,
    port: u16,
    found: HostAddrs,
    /// How the look-up ended.
    over: Option<Result<(), Error>>,
}

impl<'n> Resolution<'n> {
    /// Begins to look a host up, for a socket that may be bound to an address already: then by that
    /// one's IP version alone. With the slot of the look-up; the text of an address needs none.
    pub(crate) fn begin(
        core: &mut Core,
        host: &'n str,
        port: u16,
        local: Option<IpAddr>,
    ) -> Result<(Self, SlotId), Error> {
        if port == 0 {
            return Err(Error::PortZero);
        }
        let addr_type = match local {
            None => AddrType::Either,
            Some(IpAddr::V4(_)) => AddrType::Ipv4,
            Some(IpAddr::V6(_)) => AddrType::Ipv6,
        };
        let wanted = if local.is_none() { Wanted::Hosts } else { Wanted::Addr(addr_type) };
        match literal(host, addr_type) {
            Some(known) => {
                Ok((Resolution { host, port, found: one(known?), over: Some(Ok(())) }, NONE))
            }
            None => {
                let slot = core.lookup_open(host, wanted)?;
                Ok((Resolution { host, port, found: HostAddrs::new(), over: None }, slot))
            }
        }
    }

    /// Asks whether the addresses are known. Once there is an answer, it stays, and the slot of the
    /// look-up is given back.
    pub(crate) fn poll(
        &mut self,
        core: &mut Core,
        slot: SlotId,
        lookup: &mut SlotId,
    ) -> nb::Result<(), Error> {
        if let Some(over) = self.over {
            return Ok(over?);
        }
        let result = match core.lookup_hosts(*lookup, self.host, &mut self.found) {
            Err(nb::Error::WouldBlock) => return Err(nb::Error::WouldBlock),
            Err(nb::Error::Other(error)) => Err(error),
            Ok(()) => Ok(()),
        };
        core.release(core::mem::replace(lookup, NONE));
        self.over = Some(result);
        core.host_is_known(slot);
        Ok(result?)
    }

    pub(crate) fn found(&self) -> &HostAddrs {
        &self.found
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }
}
