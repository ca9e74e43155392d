//! Addresses and ports: which packets can go where, and from which address; and what ends when an
//! address or the link is lost.

use smoltcp::iface::Interface;
use smoltcp::time::Instant;
use smoltcp::wire::{IpAddress, IpListenEndpoint};

use super::core::Core;
#[cfg(any(feature = "udp", feature = "icmp", feature = "raw"))]
use super::slot::Role;
use crate::Error;
use crate::addr::ip_addr;

/// The first port of the range for ephemeral ports (RFC 6335 section 6), and their number.
const EPHEMERAL: u16 = 49_152;
const EPHEMERAL_COUNT: u16 = 16_384;

/// Addresses.
impl Core {
    /// Whether packets can be sent to this address: directly, or by a route. Not to an address of
    /// the interface itself: there is no loopback.
    pub(crate) fn routable(&mut self, addr: IpAddress) -> bool {
        #[cfg(feature = "udp")]
        if self.neighbor == Some(addr) {
            return true;
        }
        let way = way(&mut self.iface, self.now, addr);
        #[cfg(feature = "udp")]
        if way == Some(Way::Near) {
            self.neighbor = Some(addr);
        }
        way.is_some()
    }

    /// Whether this is another host of a network of the interface.
    #[cfg(feature = "udp")]
    #[inline]
    pub(crate) fn is_neighbor(&mut self, addr: IpAddress) -> bool {
        self.neighbor == Some(addr) || self.finds_neighbor(addr)
    }

    #[cfg(feature = "udp")]
    #[inline(never)]
    fn finds_neighbor(&mut self, addr: IpAddress) -> bool {
        let cidrs = self.iface.ip_addrs();
        let is_neighbor = cidrs.iter().any(|cidr| cidr.contains_addr(&addr))
            && cidrs.iter().all(|cidr| cidr.address() != addr);
        if is_neighbor {
            self.neighbor = Some(addr);
        }
        is_neighbor
    }

    /// The local address to use towards a remote one.
    pub(crate) fn source_for(&self, remote: IpAddress) -> Result<IpAddress, Error> {
        self.iface
            .get_source_address(&remote)
            // smoltcp names the loopback address where it has no other.
            .filter(|addr| self.iface.has_ip_addr(*addr))
            .ok_or(Error::NoAddress)
    }

    /// Whether this is an address of the interface.
    #[cfg(feature = "edge-nal")]
    pub(crate) fn has_addr(&self, addr: core::net::IpAddr) -> bool {
        crate::addr::ip_address(addr).is_ok_and(|addr| self.iface.has_ip_addr(addr))
    }

    /// The checks on a bind that TCP and UDP have in common.
    pub(crate) fn check_local(&self, local: IpListenEndpoint) -> Result<(), Error> {
        match local.addr {
            Some(addr) if !self.iface.has_ip_addr(addr) => Err(Error::AddressNotAvailable),
            _ => Ok(()),
        }
    }

    /// Whether this is an address that every host of the network listens to.
    pub(crate) fn is_broadcast(&self, addr: IpAddress) -> bool {
        addr.is_broadcast()
            || self.iface.ip_addrs().iter().any(|cidr| match (cidr, addr) {
                #[cfg(feature = "proto-ipv4")]
                (smoltcp::wire::IpCidr::Ipv4(cidr), IpAddress::Ipv4(addr)) => {
                    cidr.broadcast() == Some(addr)
                }
                #[allow(unreachable_patterns)]
                _ => false,
            })
    }

    /// The addresses of the interface have changed: ends what depended on one that is gone.
    pub(crate) fn addresses_changed(&mut self) {
        #[cfg(feature = "udp")]
        {
            self.neighbor = None;
        }
        #[cfg(feature = "tcp")]
        for id in self.table.tcp_ids() {
            self.tcp_address_changed(id);
        }
        self.pulse.arrives();
        self.all_changed();
        self.chores_changed();
        self.table.wake_stalled();
    }

    pub(crate) fn set_link(&mut self, up: bool) {
        if core::mem::replace(&mut self.link_up, up) == up {
            return;
        }
        #[cfg(feature = "tcp")]
        if !up {
            for id in self.table.tcp_ids() {
                self.tcp_link_lost(id);
            }
        }
        #[cfg(any(feature = "udp", feature = "icmp", feature = "raw"))]
        if !up {
            for id in self.table.ids() {
                let closing = self.slot(id).is_some_and(|slot| slot.role == Role::Closing);
                if closing && !self.table.is_tcp(id) {
                    self.release(id);
                }
            }
        }
        #[cfg(feature = "dns")]
        if !up {
            self.forget_lookups();
        }
        // Frames may have come meanwhile.
        #[cfg(feature = "async")]
        if up {
            self.call_runner();
        }
        self.pulse.arrives();
        self.all_changed();
        if up {
            self.chores_begin_anew();
        }
        self.table.wake_stalled();
    }
}

/// Ephemeral ports.
impl Core {
    /// The first port that is not taken, from a random one on.
    pub(crate) fn ephemeral_port(
        &mut self,
        taken: impl Fn(&Self, u16) -> bool,
    ) -> Result<u16, Error> {
        let start = (self.rng.next() % u64::from(EPHEMERAL_COUNT)) as u16;
        (0..EPHEMERAL_COUNT)
            .map(|offset| EPHEMERAL + (start + offset) % EPHEMERAL_COUNT)
            .find(|port| !taken(self, *port))
            .ok_or(Error::OutOfPorts)
    }
}

/// See `Core::routable`.
#[cfg(feature = "raw")]
pub(super) fn routable(iface: &mut Interface, now: Instant, addr: IpAddress) -> bool {
    way(iface, now, addr).is_some()
}

/// How packets get to an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    /// It is one of a network of the interface.
    Near,
    /// By a route, or to all or a group of the hosts.
    Other,
}

fn way(iface: &mut Interface, now: Instant, addr: IpAddress) -> Option<Way> {
    if iface.has_ip_addr(addr) || ip_addr(addr).is_loopback() {
        return None;
    }
    if iface.ip_addrs().iter().any(|cidr| cidr.contains_addr(&addr)) {
        return Some(Way::Near);
    }
    if addr.is_broadcast() || addr.is_multicast() {
        return Some(Way::Other);
    }
    let mut routed = false;
    iface.routes_mut().update(|routes| {
        routed = routes.iter().any(|route| {
            route.cidr.contains_addr(&addr)
                && route.expires_at.is_none_or(|expires_at| expires_at > now)
        });
    });
    routed.then_some(Way::Other)
}
