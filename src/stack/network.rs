//! What a stack is told about the network: addresses, routers, name servers, the link.

use ::core::net::IpAddr;

use smoltcp::iface::{Interface, Route};
use smoltcp::wire::{IpAddress, IpCidr};

use super::core::Core;
use super::port::Drive;
use super::{Net, Sharing, Statistics};
use crate::addr::{ip_addr, ip_address};
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
    /// [`Error::Reentrant`] within a closure of the stack.
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
            core.address_set(cidr.address());
            core.addresses_changed();
            if added { Ok(()) } else { Err(Error::OutOfAddresses) }
        })?
    }

    /// Takes an address off the interface. Connections from it end with [`Error::AddressLost`].
    ///
    /// # Errors
    ///
    /// [`Error::AddressNotAvailable`] if the interface does not have it.
    /// [`Error::Reentrant`] within a closure of the stack.
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
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn set_gateway(&self, gateway: IpAddr) -> Result<(), Error> {
        let gateway = ip_address(gateway)?;
        if !gateway.is_unicast() {
            return Err(Error::Unaddressable);
        }
        let everywhere = match gateway {
            #[cfg(feature = "proto-ipv4")]
            IpAddress::Ipv4(_) => IpAddress::v4(0, 0, 0, 0),
            #[cfg(feature = "proto-ipv6")]
            IpAddress::Ipv6(_) => IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0),
        };
        self.with_core(|core| core.add_route(IpCidr::new(everywhere, 0), gateway))?
    }

    /// Forgets the routers of both IP versions; those that advertise themselves until they do so
    /// again.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn clear_gateways(&self) -> Result<(), Error> {
        self.with_core(|core| {
            core.iface.routes_mut().update(|routes| {
                routes.retain(|route| route.cidr.prefix_len() > 0);
            });
            #[cfg(feature = "dhcp")]
            core.dhcp_leaves_router();
        })
    }

    /// Sends what is for another network to this router: the closest of the networks that an
    /// address belongs to decides. The route that was known for the network is replaced; those that
    /// routers advertised stay beside it.
    /// [`set_gateway`](Net::set_gateway) is the same for the network of all addresses.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let network = "10.0.0.0/8".parse().unwrap();
    /// net.add_route(network, "192.168.69.2".parse().unwrap())?;
    /// assert_eq!(net.routes()?.len(), 1);
    /// net.remove_route(network)?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unaddressable`] if the router's address is not a unicast one, or of another IP
    /// version than the network. [`Error::OutOfRoutes`] if there is no room: smoltcp keeps two
    /// routes, those of gateways among them, unless the environment variable
    /// `SMOLTCP_IFACE_MAX_ROUTE_COUNT` says otherwise when it is compiled.
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn add_route(&self, network: IpCidr, router: IpAddr) -> Result<(), Error> {
        let router = ip_address(router)?;
        if !router.is_unicast() || router.version() != network.address().version() {
            return Err(Error::Unaddressable);
        }
        self.with_core(|core| core.add_route(network, router))?
    }

    /// Forgets the route to a network.
    ///
    /// # Errors
    ///
    /// [`Error::NoRoute`] if there is none.
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn remove_route(&self, network: IpCidr) -> Result<(), Error> {
        self.with_core(|core| core.remove_route(network))?
    }

    /// The networks to which there are routes, each with its router; a gateway is the router of the
    /// network of all addresses, `0.0.0.0/0` or `::/0`.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn routes(
        &self,
    ) -> Result<heapless::Vec<(IpCidr, IpAddr), { smoltcp::config::IFACE_MAX_ROUTE_COUNT }>, Error>
    {
        self.with_core(|core| {
            let mut known = heapless::Vec::new();
            core.iface.routes_mut().update(|routes| {
                let routes = routes.iter().map(|route| (route.cidr, ip_addr(route.via_router)));
                known = routes.collect();
            });
            known
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
    /// [`Error::Reentrant`] within a closure of the stack.
    #[cfg(feature = "dns")]
    pub fn set_dns_servers(&self, servers: &[IpAddr]) -> Result<(), Error> {
        self.with_core(|core| {
            core.set_name_servers(servers)?;
            #[cfg(feature = "dhcp")]
            core.dhcp_leaves_names();
            Ok(())
        })?
    }

    /// Says that the link is down: the cable is out, the access point is gone. Connections end
    /// with [`Error::LinkDown`]; what they had received can still be read. Listeners and bound
    /// sockets stay, and nothing is sent or received until [`link_up`](Net::link_up): frames that
    /// the device has all the same are lost.
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

    /// Whether the link is up, as far as the stack was told; at first it is.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn is_link_up(&self) -> Result<bool, Error> {
        self.with_core(|core| core.link_up)
    }

    /// The hardware address of the interface.
    ///
    /// # Errors
    ///
    /// [`Error::HardwareAddress`] if the device has none, as its frames are plain IP packets.
    /// [`Error::Reentrant`] within a closure of the stack.
    #[cfg(feature = "medium-ethernet")]
    pub fn hardware_addr(&self) -> Result<[u8; 6], Error> {
        self.with_core(|core| core.hardware_addr().ok_or(Error::HardwareAddress))?
    }

    /// Gives the interface another hardware address. The device has to be told as well, if it looks
    /// at the addresses of frames; and neighbours, who keep the old one until they ask again. An IP
    /// address that was formed of the old one stays.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// net.set_hardware_addr([0x02, 0, 0, 0, 0, 7])?;
    /// assert_eq!(net.hardware_addr()?[5], 7);
    /// assert_eq!(net.set_hardware_addr([0xff; 6]), Err(Error::HardwareAddress));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::HardwareAddress`] if it is not a unicast one, or the device has none.
    /// [`Error::Reentrant`] within a closure of the stack.
    #[cfg(feature = "medium-ethernet")]
    pub fn set_hardware_addr(&self, addr: [u8; 6]) -> Result<(), Error> {
        let addr = smoltcp::wire::EthernetAddress(addr);
        if !addr.is_unicast() {
            return Err(Error::HardwareAddress);
        }
        self.with_core(|core| {
            core.hardware_addr().ok_or(Error::HardwareAddress)?;
            core.iface.set_hardware_addr(addr.into());
            Ok(())
        })?
    }

    /// How many bytes an IP packet may have on this link, its header included.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn mtu(&self) -> Result<usize, Error> {
        self.with_core(|core| core.caps.ip_mtu())
    }

    /// Works on smoltcp's interface, for what this crate has no call for.
    ///
    /// Afterwards the stack looks at the addresses anew: connections from one that is gone end with
    /// [`Error::AddressLost`], and whoever waits for a neighbour asks again. What must not be done
    /// is to exchange the interface for another one, or to make it poll: the stack would not learn
    /// what happened to its sockets. With AnyIP (`set_any_ip`) it takes every address for one of
    /// its own, and refuses to send to any.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// let routes = net.with_interface(|interface| {
    ///     let mut count = 0;
    ///     interface.routes_mut().update(|routes| count = routes.len());
    ///     count
    /// })?;
    /// assert_eq!(routes, 0);
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Where smoltcp does: if an address is given to it that is not a unicast one, for example.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn with_interface<R>(&self, work: impl FnOnce(&mut Interface) -> R) -> Result<R, Error> {
        self.with_clock(|core| {
            let result = work(&mut core.iface);
            core.addresses_changed();
            result
        })
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

    /// What has gone through the stack since it was made.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn statistics(&self) -> Result<Statistics, Error> {
        self.with_port(|core, port| Statistics::new(port.traffic(), core.counters))
    }
}

/// Routes, and what there is to know of the link.
impl Core {
    fn add_route(&mut self, network: IpCidr, router: IpAddress) -> Result<(), Error> {
        let mut added = true;
        self.iface.routes_mut().update(|routes| {
            // Those that were advertised stay beside it.
            routes.retain(|known| {
                known.expires_at.is_some() || !is_same_network(known.cidr, network)
            });
            make_room(routes);
            let route = Route {
                cidr: network,
                via_router: router,
                preferred_until: None,
                expires_at: None,
            };
            added = routes.push(route).is_ok();
        });
        self.table.wake_stalled();
        self.default_route_set(network);
        if added { Ok(()) } else { Err(Error::OutOfRoutes) }
    }

    /// An address that was set by hand is neither the lease's nor a router's to take away.
    fn address_set(&mut self, addr: IpAddress) {
        #[cfg(feature = "dhcp")]
        self.dhcp_leaves_address(addr);
        #[cfg(feature = "slaac")]
        self.slaac_leaves(addr);
        #[cfg(not(any(feature = "dhcp", feature = "slaac")))]
        let _ = addr;
    }

    /// A default route that was set by hand is not the lease's to take away.
    fn default_route_set(&mut self, network: IpCidr) {
        #[cfg(feature = "dhcp")]
        if matches!(network, IpCidr::Ipv4(cidr) if cidr.prefix_len() == 0) {
            self.dhcp_leaves_router();
        }
        #[cfg(not(feature = "dhcp"))]
        let _ = network;
    }

    fn remove_route(&mut self, network: IpCidr) -> Result<(), Error> {
        let mut had = false;
        self.iface.routes_mut().update(|routes| {
            had = routes.iter().any(|known| is_same_network(known.cidr, network));
            routes.retain(|known| !is_same_network(known.cidr, network));
        });
        self.default_route_set(network);
        if had { Ok(()) } else { Err(Error::NoRoute) }
    }

    #[cfg(feature = "medium-ethernet")]
    pub(super) fn hardware_addr(&self) -> Option<[u8; 6]> {
        // smoltcp panics when it is asked for one that there is none of.
        match (self.caps.medium == smoltcp::phy::Medium::Ethernet)
            .then(|| self.iface.hardware_addr())?
        {
            smoltcp::wire::HardwareAddress::Ethernet(addr) => Some(addr.0),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }
}

/// Of several routers that were advertised, one gives way to a route that was not.
pub(super) fn make_room<const N: usize>(routes: &mut heapless::Vec<Route, N>) {
    let advertised = |route: &Route| route.expires_at.is_some();
    if routes.is_full() && routes.iter().filter(|route| advertised(route)).count() > 1 {
        let place = routes.iter().position(advertised);
        place.map(|place| routes.remove(place));
    }
}

/// Whether these are the same network, whichever of its addresses names it.
fn is_same_network(a: IpCidr, b: IpCidr) -> bool {
    a.prefix_len() == b.prefix_len()
        && a.address().version() == b.address().version()
        && a.contains_addr(&b.address())
}
