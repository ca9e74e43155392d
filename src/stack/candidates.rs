//! A host that was named may have several addresses: it is asked for a connection at one after the
//! other, until it accepts.
//!
//! One at a time, and not several at once as RFC 8305 section 5 has it: each would take a slot.

#[cfg(not(feature = "dns"))]
use super::core::Core;
#[cfg(not(feature = "dns"))]
use super::slot::SlotId;

#[cfg(feature = "dns")]
pub(crate) use by_name::Candidates;

/// Without names, each peer has one address.
#[cfg(not(feature = "dns"))]
#[derive(Debug, Default)]
pub struct Candidates {}

#[cfg(not(feature = "dns"))]
impl Core {
    pub(crate) fn tcp_connected_to_any(
        &self,
        id: SlotId,
        _: &mut Candidates,
    ) -> nb::Result<(), crate::Error> {
        self.tcp_connected(id)
    }
}

#[cfg(feature = "dns")]
mod by_name {
    use core::net::SocketAddr;

    use crate::socket::resolution::Resolution;
    use crate::stack::core::Core;
    use crate::stack::limits::Limit;
    use crate::stack::slot::{Role, SlotId};
    use crate::{Error, HostAddrs, LocalEndpoint};

    /// How long an address is asked if others follow and connecting has no deadline.
    const WITHOUT_DEADLINE: Limit = Limit::seconds(10);

    /// Where else the host can be asked for a connection, if it does not answer. None, if an address
    /// was named and not a host.
    #[derive(Debug, Default)]
    pub struct Candidates {
        /// The next one is the last of these.
        rest: HostAddrs,
        port: u16,
        /// What the socket was bound to, and is again for each of them.
        local: Option<LocalEndpoint>,
    }

    impl Core {
        /// Asks a host for a connection, at its first address that it can be asked at.
        pub(crate) fn tcp_connect_host(
            &mut self,
            id: SlotId,
            host: &Resolution<'_>,
        ) -> Result<Candidates, Error> {
            let mut rest = self.in_order(host.found());
            rest.reverse();
            let is_bound = self.slot(id).is_some_and(|slot| slot.role == Role::Bound);
            let local = if is_bound { Some(self.tcp_local(id)?) } else { None };
            let mut candidates = Candidates { rest, port: host.port(), local };
            self.tcp_connect_next(id, &mut candidates, Error::NameNotFound)?;
            Ok(candidates)
        }

        /// Whether one of the addresses has answered; goes on to the next one, if one has not.
        pub(crate) fn tcp_connected_to_any(
            &mut self,
            id: SlotId,
            candidates: &mut Candidates,
        ) -> nb::Result<(), Error> {
            match self.tcp_connected(id) {
                Err(nb::Error::Other(error)) if !candidates.rest.is_empty() => {
                    self.tcp_connect_next(id, candidates, error)?;
                    Err(nb::Error::WouldBlock)
                }
                connected => connected,
            }
        }

        /// Goes on to the next address that can be asked. If there is none, `error` says why the
        /// last one could not, and the socket ends with it.
        fn tcp_connect_next(
            &mut self,
            id: SlotId,
            candidates: &mut Candidates,
            mut error: Error,
        ) -> Result<(), Error> {
            while let Some(addr) = candidates.rest.pop() {
                match self.tcp_try(id, SocketAddr::new(addr, candidates.port), candidates.local) {
                    Ok(()) => {
                        self.shorten(id, candidates.rest.len() as u32);
                        return Ok(());
                    }
                    Err(reason) => error = reason,
                }
            }
            if let Some(slot) = self.slot_mut(id) {
                slot.role = Role::Held;
            }
            self.tcp_cancel(id, error);
            Err(error)
        }

        fn tcp_try(
            &mut self,
            id: SlotId,
            remote: SocketAddr,
            local: Option<LocalEndpoint>,
        ) -> Result<(), Error> {
            // The next packet is for another neighbour, and is not to wait for the last one.
            self.table.unlink(id);
            if let Some(slot) = self.table.get_mut(id) {
                slot.forget_neighbor(&mut self.iface, self.now);
            }
            let is_bound = self.slot(id).is_some_and(|slot| slot.role == Role::Bound);
            if let Some(local) = local.filter(|_| !is_bound) {
                self.tcp_bind(id, local)?;
            }
            self.tcp_connect(id, remote)
        }

        /// Leaves time for the addresses that follow: this one has an equal part of the time limit.
        fn shorten(&mut self, id: SlotId, following: u32) {
            if following > 0 {
                let limit = match self.limits.connect {
                    Limit::NONE => WITHOUT_DEADLINE,
                    limit => limit.divided(following + 1),
                };
                self.set_deadline(id, self.after(limit));
            }
        }
    }
}
