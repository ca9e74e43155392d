//! The addresses to connect to, of both IP versions at once.
//!
//! Both questions are asked together, by one slot. An answer to one of them is enough to begin
//! with; the other one is waited for a moment longer (RFC 8305 section 3). A server that never
//! answers the question for the other kind, of which there are some (RFC 4074 section 4.1), then
//! costs that moment and no more.

use core::net::SocketAddr;

use smoltcp::time::Duration;
use smoltcp::wire::IpAddress;

use super::message::{Record, Reply};
use super::{Answer, Nb, Query};
use crate::socket::resolution::Resolution;
use crate::stack::core::{Core, later};
use crate::stack::peer::Peer;
use crate::stack::slot::{Flags, NONE, SlotId};
use crate::{Error, HostAddrs, MOST_ADDRESSES};

/// How long the addresses of one kind wait for those of the other: as RFC 8305 section 8 says.
const MOMENT: Duration = Duration::from_millis(50);

impl Query {
    /// The question for one kind of address alone.
    pub(super) fn only(self, record: Record) -> Query {
        let failed = if record == self.record { self.failed & 0x0f } else { self.failed >> 4 };
        Query { record, or_else: None, both: false, failed, ..self }
    }
}

impl Core {
    /// Takes the answers to a look-up of addresses to connect to, or does what there is to do for
    /// it. `found` is kept from call to call, and has at least one address in the end.
    pub(crate) fn lookup_hosts(&mut self, id: SlotId, name: &str, found: &mut HostAddrs) -> Nb<()> {
        match self.lookup_both(id, name, found) {
            // What is known is enough, whatever became of the other kind.
            Err(nb::Error::Other(_)) if !found.is_empty() => Ok(()),
            polled => polled,
        }
    }

    fn lookup_both(&mut self, id: SlotId, name: &str, found: &mut HostAddrs) -> Nb<()> {
        let Some(mut query) = self.query(id) else { return Err(Error::WrongState.into()) };
        if !self.link_up {
            return Err(Error::LinkDown.into());
        }
        let servers = self.round(query).into();
        let mut is_due = query.rung > 0 || query.hurried;
        while let Some(other) = query.or_else.filter(|_| query.both) {
            let Some((reply, record, server)) = self.next_reply(id, query, name, &mut []) else {
                if (0..servers).all(|server| query.has_failed(server)) {
                    return Err(Error::NameServerFailed.into());
                }
                if query.rung > 0 && query.left == 0 {
                    return Err(Error::TimedOut.into());
                }
                self.set_peer(id, Peer::NameServer(query));
                if is_due {
                    self.ask_again(id, query, name)?;
                }
                return Err(nb::Error::WouldBlock);
            };
            let is_first = record == query.record;
            let rest = query.only(if is_first { other } else { query.record });
            match reply {
                Reply::Addresses(addrs) => {
                    *found = addrs;
                    query = Query { left: 0, rung: 0, ..rest };
                    self.set_deadline(id, later(self.now, MOMENT));
                }
                // Also one that does not know the name: that may be true of one kind only, if a
                // server is wrong about it (RFC 4074 section 4.2).
                Reply::NoName | Reply::NoRecord | Reply::Name(_) => query = rest,
                Reply::Failure => {
                    let failed = 1 << server << if is_first { 0 } else { 4 };
                    is_due |= query.failed & failed == 0;
                    query.failed |= failed;
                    if query.only(record).failed.count_ones() as usize >= servers {
                        query = query.only(rest.record);
                    }
                }
            }
            self.set_peer(id, Peer::NameServer(query));
        }
        match self.lookup_poll(id, name, &mut [])? {
            Answer::Addrs(addrs) => {
                merge(found, &addrs);
                Ok(())
            }
            Answer::Name(_) => Err(Error::NameNotFound.into()),
        }
    }
}

/// Puts the addresses of both kinds together: half of the room is for each, and what one does not
/// need for the other.
fn merge(found: &mut HostAddrs, more: &HostAddrs) {
    found.truncate(MOST_ADDRESSES - more.len().min(MOST_ADDRESSES / 2));
    for addr in more {
        // The first ones are those that there is room for.
        let _ = found.push(*addr);
    }
}

/// A socket and the look-up that it needs.
impl Core {
    /// A socket waits for a look-up, or for nothing: then its host is known.
    pub(crate) fn seek(&mut self, id: SlotId, lookup: SlotId) {
        if lookup == NONE {
            return self.host_is_known(id);
        }
        if let Some(slot) = self.slot_mut(id) {
            slot.flags.set(Flags::FOUND, false);
        }
        self.look_up_along(id, lookup);
    }

    /// Whoever waits for the socket is to ask it for the connection.
    pub(crate) fn host_is_known(&mut self, id: SlotId) {
        if let Some(slot) = self.slot_mut(id) {
            slot.flags.set(Flags::FOUND, true);
        }
        self.changed(id);
    }
}

/// Choosing among the addresses of a host.
impl Core {
    /// The addresses of a host in the order in which to ask them: both IP versions take turns (RFC
    /// 8305 section 4), IPv6 first where the interface is known beyond its link by it. One without
    /// a route is passed over when its turn comes.
    pub(crate) fn in_order(&self, found: &HostAddrs) -> HostAddrs {
        let of = |is_v6: bool| found.iter().filter(move |addr| addr.is_ipv6() == is_v6);
        let is_v6_first = self.has_wide_ipv6();
        let (mut first, mut second) = (of(is_v6_first), of(!is_v6_first));
        let mut ordered = HostAddrs::new();
        for _ in found {
            for addr in [first.next(), second.next()].into_iter().flatten() {
                // There is room for as many as there are.
                let _ = ordered.push(*addr);
            }
        }
        ordered
    }

    /// Whether the interface has an IPv6 address that others than its link know of. For want of a
    /// table of policies this stands for the rules of RFC 6724 section 6 that avoid unusable
    /// destinations and prefer a matching scope.
    fn has_wide_ipv6(&self) -> bool {
        self.iface.ip_addrs().iter().any(|cidr| match cidr.address() {
            #[cfg(feature = "proto-ipv6")]
            IpAddress::Ipv6(addr) => !addr.is_unicast_link_local(),
            #[cfg(feature = "proto-ipv4")]
            IpAddress::Ipv4(_) => false,
        })
    }

    /// Ties a UDP socket to a host, at its first address that there is a way to.
    pub(crate) fn udp_connect_host(
        &mut self,
        id: SlotId,
        host: &Resolution<'_>,
    ) -> Result<(), Error> {
        let mut connected = Err(Error::NameNotFound);
        for addr in self.in_order(host.found()) {
            connected = self.udp_connect(id, SocketAddr::new(addr, host.port()));
            if connected.is_ok() {
                break;
            }
        }
        connected
    }
}
