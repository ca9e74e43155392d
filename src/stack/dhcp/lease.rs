//! What a lease does to the interface, and what its end takes away.

use core::net::IpAddr;

use smoltcp::wire::{IpCidr, Ipv4Address};

use super::message::Terms;
use super::{Lease, PAUSE};
use crate::Error;
use crate::stack::core::{Core, later};

impl Core {
    pub(super) fn dhcp_take(&mut self, server: Ipv4Address, terms: Terms) {
        self.dhcp.bound = true;
        let time = match (terms.time, self.dhcp.max_lease) {
            (Some(time), Some(limit)) => Some(time.min(limit)),
            (time, limit) => time.or(limit),
        };
        let addr = |addr: Ipv4Address| IpAddr::V4(addr);
        let address = IpCidr::Ipv4(terms.address);
        let until = time.map(|time| later(self.now, time));
        let old = self.dhcp.lease.as_ref().map(|lease| (lease.address, lease.since));
        if let Some(lease) = &mut self.dhcp.lease
            && lease.address == address
            && lease.router == terms.router.map(addr)
            && lease.server == addr(server)
            && lease.dns_servers.iter().copied().eq(terms.name_servers.iter().copied().map(addr))
        {
            lease.until = until;
            return;
        }
        if !self.dhcp_set_address(old.map(|(address, _)| address), address) {
            // The application has filled the table meanwhile.
            self.dhcp.failure = Some(Error::OutOfAddresses);
            self.dhcp.tell();
            self.dhcp.restart();
            self.dhcp.pause = later(self.now, PAUSE);
            self.dhcp_lose();
            return;
        }
        self.dhcp_set_router(terms.router);
        self.dhcp.lease = Some(Lease {
            address,
            router: terms.router.map(addr),
            dns_servers: terms.name_servers.iter().copied().map(addr).collect(),
            server: addr(server),
            since: old.filter(|(old, _)| *old == address).map_or(self.now, |(_, since)| since),
            until,
        });
        self.dhcp_changed();
    }

    /// Takes away what was leased.
    pub(super) fn dhcp_lose(&mut self) {
        let Some(lease) = self.dhcp.lease.take() else { return };
        if core::mem::take(&mut self.dhcp.has_address) {
            self.iface.update_ip_addrs(|addrs| addrs.retain(|known| *known != lease.address));
        }
        self.dhcp_set_router(None);
        self.dhcp_changed();
    }

    fn dhcp_changed(&mut self) {
        #[cfg(feature = "dns")]
        self.dhcp_set_names();
        self.dhcp.changes = self.dhcp.changes.wrapping_add(1);
        self.dhcp.tell();
        self.pulse.arrives();
        self.addresses_changed();
    }

    /// Puts the new address in the place of the old one. False if there is no room.
    fn dhcp_set_address(&mut self, old: Option<IpCidr>, new: IpCidr) -> bool {
        let had = core::mem::take(&mut self.dhcp.has_address);
        let old = old.filter(|_| had);
        let mut is_there = false;
        let mut added = false;
        self.iface.update_ip_addrs(|addrs| {
            addrs.retain(|known| Some(*known) != old);
            is_there = addrs.iter().any(|known| known.address() == new.address());
            added = !is_there && addrs.push(new).is_ok();
        });
        // One that was set by hand stays when the lease ends.
        self.dhcp.has_address = added;
        is_there || added
    }

    /// Puts a router in the place of that of the lease before, unless one is set by hand.
    fn dhcp_set_router(&mut self, router: Option<Ipv4Address>) {
        let routes = self.iface.routes_mut();
        if core::mem::take(&mut self.dhcp.has_router) {
            routes.remove_default_ipv4_route();
        }
        if let Some(router) = router
            && routes.get_default_ipv4_route().is_none()
        {
            routes.update(crate::stack::network::make_room);
            match routes.add_default_ipv4_route(router) {
                Ok(_) => self.dhcp.has_router = true,
                Err(_) => self.dhcp.failure = Some(Error::OutOfRoutes),
            }
        }
    }

    /// Has look-ups ask the servers of the lease, unless some are set by hand.
    #[cfg(feature = "dns")]
    pub(super) fn dhcp_set_names(&mut self) {
        if !self.dhcp.names_by_hand {
            let lease = self.dhcp.lease.as_ref();
            let servers = lease.map(|lease| lease.dns_servers.clone()).unwrap_or_default();
            // They are no more than the stack keeps, and all of them can be asked.
            let _ = self.set_name_servers(&servers);
        }
    }
}
