//! What a stack is told about the network: addresses, routers, name servers, the link.

use ::core::net::IpAddr;

use smoltcp::wire::{IpAddress, IpCidr};

use super::{Net, Sharing};
use crate::addr::ip_address;
use crate::{Error, Protocol};

/// The network.
impl<S: Sharing> Net<S> {
    /// Gives the interface an address, with the length of its network's prefix.
    ///
    /// # Errors
    ///
    /// [`Error::Unaddressable`] if it is not a unicast address, [`Error::OutOfAddresses`] if
    /// there is no room for another: smoltcp keeps two unless the environment variable
    /// `SMOLTCP_IFACE_MAX_ADDR_COUNT` says otherwise when it is compiled.
    pub fn add_address(&self, cidr: IpCidr) -> Result<(), Error> {
        if !cidr.address().is_unicast() {
            return Err(Error::Unaddressable);
        }
        self.with_core(|core| {
            let mut added = true;
            core.iface.update_ip_addrs(|addrs| {
                addrs.retain(|known| known.address() != cidr.address());
                added = addrs.push(cidr).is_ok();
            });
            core.addresses_changed();
            if added { Ok(()) } else { Err(Error::OutOfAddresses) }
        })?
    }

    /// Takes an address off the interface. Connections from it end with [`Error::AddressLost`].
    ///
    /// # Errors
    ///
    /// [`Error::AddressNotAvailable`] if the interface does not have it.
    pub fn remove_address(&self, addr: IpAddr) -> Result<(), Error> {
        let addr = ip_address(addr)?;
        self.with_core(|core| {
            let had = core.iface.has_ip_addr(addr);
            core.iface.update_ip_addrs(|addrs| addrs.retain(|cidr| cidr.address() != addr));
            core.addresses_changed();
            if had { Ok(()) } else { Err(Error::AddressNotAvailable) }
        })?
    }

    /// The addresses of the interface.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn addresses(
        &self,
    ) -> Result<heapless::Vec<IpCidr, { smoltcp::config::IFACE_MAX_ADDR_COUNT }>, Error> {
        self.with_core(|core| core.iface.ip_addrs().iter().copied().collect())
    }

    /// Sends what is for another network to this router; one for each IP version.
    ///
    /// # Errors
    ///
    /// [`Error::Unaddressable`] if it is not a unicast address, [`Error::OutOfRoutes`] if there is
    /// no room for another route.
    pub fn set_gateway(&self, gateway: IpAddr) -> Result<(), Error> {
        let gateway = ip_address(gateway)?;
        if !gateway.is_unicast() {
            return Err(Error::Unaddressable);
        }
        self.with_core(|core| {
            let routes = core.iface.routes_mut();
            let added = match gateway {
                #[cfg(feature = "proto-ipv4")]
                IpAddress::Ipv4(addr) => routes.add_default_ipv4_route(addr).is_ok(),
                #[cfg(feature = "proto-ipv6")]
                IpAddress::Ipv6(addr) => routes.add_default_ipv6_route(addr).is_ok(),
            };
            core.table.wake_stalled();
            if added { Ok(()) } else { Err(Error::OutOfRoutes) }
        })?
    }

    /// Forgets the routers of both IP versions.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn clear_gateways(&self) -> Result<(), Error> {
        self.with_core(|core| {
            let routes = core.iface.routes_mut();
            #[cfg(feature = "proto-ipv4")]
            routes.remove_default_ipv4_route();
            #[cfg(feature = "proto-ipv6")]
            routes.remove_default_ipv6_route();
        })
    }

    /// Sets the name servers that look-ups ask, in this order; up to three. None, at first.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// net.set_dns_servers(&["192.168.69.2".parse().unwrap()])?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::OutOfNameServers`] for more than three, [`Error::Unaddressable`] for one that is
    /// not a unicast address, [`Error::AddressFamily`]; then the servers are as before.
    #[cfg(feature = "dns")]
    pub fn set_dns_servers(&self, servers: &[IpAddr]) -> Result<(), Error> {
        self.with_core(|core| core.set_name_servers(servers))?
    }

    /// Says that the link is down: the cable is out, the access point is gone. Connections end
    /// with [`Error::LinkDown`]; what they had received can still be read. Listeners and bound
    /// sockets stay, and nothing is sent or received until [`link_up`](Net::link_up).
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn link_down(&self) -> Result<(), Error> {
        self.with_clock(|core| core.set_link(false))
    }

    /// Says that the link is up again.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn link_up(&self) -> Result<(), Error> {
        self.with_clock(|core| core.set_link(true))
    }

    /// How many sockets of a protocol can be opened before one has to be closed.
    ///
    /// Counts them by looking at each: for diagnostics and tests.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn free_slots(&self, protocol: Protocol) -> Result<usize, Error> {
        self.with_core(|core| core.free_slots(protocol))
    }
}
