//! UDP slots: the transitions that sockets ask for, and what the network makes of them.

#[cfg(feature = "embedded-nal-async")]
use core::net::IpAddr;
use core::net::SocketAddr;
use core::num::NonZeroU8;

use smoltcp::socket::udp::{Socket, UdpMetadata};
#[cfg(feature = "embedded-nal-async")]
use smoltcp::wire::IpAddress;
use smoltcp::wire::{IpEndpoint, IpListenEndpoint};

use super::core::{Cause, Core, Sending};
use super::peer::Peer;
use super::slot::{NEVER, Role, Slot, SlotId};
#[cfg(feature = "embedded-nal-async")]
use crate::addr::ip_address;
use crate::addr::{ip_addr, ip_endpoint, overlap, socket_addr};
use crate::{Error, LocalEndpoint, Protocol};

const UDP_HEADER: usize = 8;

/// The headers of UDP and of IP without options, the longer of both versions.
const HEADERS: usize = UDP_HEADER + 40;

type Nb<R> = nb::Result<R, Error>;

/// A datagram that was received.
pub(crate) struct Received {
    /// How long it was, whatever of it there was room for.
    pub(crate) size: usize,
    pub(crate) remote: SocketAddr,
    /// Where it was sent to.
    #[cfg(feature = "embedded-nal-async")]
    pub(crate) local: Option<SocketAddr>,
}

/// Transitions of the application.
impl Core {
    fn udp(&self, id: SlotId) -> Option<&Socket<'static>> {
        self.slot(id)?.udp()
    }

    fn udp_mut(&mut self, id: SlotId) -> Option<&mut Socket<'static>> {
        self.slot_mut(id)?.udp_mut()
    }

    /// Whom a UDP socket talks to.
    #[cfg_attr(not(feature = "indexed"), inline(never))]
    pub(crate) fn peer(&self, id: SlotId) -> Peer {
        self.peers.get(self.table.udp_index(id)).copied().unwrap_or(Peer::None)
    }

    #[cfg_attr(not(feature = "indexed"), inline(never))]
    pub(super) fn set_peer(&mut self, id: SlotId, peer: Peer) {
        self.table.forget_recent();
        if let Some(entry) = self.peers.get_mut(self.table.udp_index(id)) {
            *entry = peer;
        }
    }

    /// `Closed` to `Bound`.
    pub(crate) fn udp_bind(&mut self, id: SlotId, local: LocalEndpoint) -> Result<(), Error> {
        let local = local.to_listen_endpoint()?;
        self.check_local(local)?;
        if self.udp_port_taken(local) {
            return Err(Error::AddressInUse);
        }
        self.set_peer(id, Peer::None);
        self.udp_open(id, local)
    }

    pub(super) fn udp_open(&mut self, id: SlotId, local: IpListenEndpoint) -> Result<(), Error> {
        let socket = self.udp_mut(id).ok_or(Error::WrongState)?;
        socket.close();
        socket.bind(local).map_err(|_| Error::WrongState)?;
        self.table.register(id, Some(self.port_key(Protocol::Udp, local.port)));
        Ok(())
    }

    /// `Closed` or `Bound` to `Connected`.
    pub(crate) fn udp_connect(&mut self, id: SlotId, remote: SocketAddr) -> Result<(), Error> {
        let remote = ip_endpoint(remote)?;
        self.udp_check_remote(id, remote)?;
        if self.udp(id).is_some_and(|socket| !socket.is_open()) {
            let port = self.udp_free_port()?;
            self.udp_open(id, IpListenEndpoint { addr: None, port })?;
        }
        self.udp_forget_report(id);
        self.set_peer(id, Peer::Only(remote));
        Ok(())
    }

    pub(crate) fn udp_free_port(&mut self) -> Result<u16, Error> {
        self.ephemeral_port(|core, port| core.udp_port_taken(IpListenEndpoint { addr: None, port }))
    }

    /// Waits for a look-up to know its peer.
    #[cfg(feature = "dns")]
    pub(crate) fn udp_seek(&mut self, id: SlotId, lookup: SlotId) {
        self.set_peer(id, Peer::Sought);
        self.seek(id, lookup);
    }

    /// `Connected` to `Bound`.
    pub(crate) fn udp_disconnect(&mut self, id: SlotId) {
        self.udp_forget_report(id);
        self.set_peer(id, Peer::None);
    }

    pub(super) fn udp_port_taken(&self, local: IpListenEndpoint) -> bool {
        #[cfg(feature = "dhcp")]
        if self.dhcp.takes(local) {
            return true;
        }
        self.table
            .chain(self.port_key(Protocol::Udp, local.port))
            .filter_map(|(_, slot)| slot.udp())
            .any(|socket| socket.is_open() && overlap(socket.endpoint(), local))
    }

    /// Whether datagrams can go from this socket to that destination.
    #[cfg_attr(feature = "indexed", inline)]
    fn udp_check_remote(&mut self, id: SlotId, remote: IpEndpoint) -> Result<(), Error> {
        if remote.port == 0 {
            return Err(Error::PortZero);
        }
        if remote.addr.is_unspecified() {
            return Err(Error::Unaddressable);
        }
        if !self.link_up {
            return Err(Error::LinkDown);
        }
        match self.udp(id).and_then(|socket| socket.endpoint().addr) {
            Some(addr) if addr.version() != remote.addr.version() => {
                return Err(Error::AddressFamily);
            }
            Some(addr) if !self.iface.has_ip_addr(addr) => return Err(Error::AddressLost),
            Some(_) => {}
            None => {
                self.source_for(remote.addr)?;
            }
        }
        if !self.routable(remote.addr) {
            return Err(Error::NoRoute);
        }
        Ok(())
    }

    /// Queues a datagram of at most `size` bytes, written by `fill`, which says how many it wrote.
    /// `fill` is taken when there is room for it.
    pub(crate) fn udp_send_with(
        &mut self,
        id: SlotId,
        remote: SocketAddr,
        size: usize,
        fill: &mut Option<impl FnOnce(&mut [u8]) -> usize>,
    ) -> Nb<usize> {
        let remote = ip_endpoint(remote)?;
        self.udp_sendable(id, remote, size)?;
        let is_empty = !self.has_work(id);
        let Some(socket) = self.udp_mut(id) else { return Err(Error::WrongState.into()) };
        let mut queue = |socket: &mut Socket<'static>| {
            socket.send_with(size, remote, |buffer| match fill.take() {
                Some(fill) => fill(buffer).min(buffer.len()),
                None => 0,
            })
        };
        let mut sent = queue(socket);
        // Here smoltcp begins where the last datagram ended even if nothing is queued: one that is
        // longer than each of the two parts of the buffer would never fit. It empties both queues
        // or none.
        if sent.is_err() && is_empty && !socket.can_recv() {
            let local = socket.endpoint();
            socket.close();
            let _ = socket.bind(local);
            sent = queue(socket);
        }
        let sent = sent.map_err(|_| nb::Error::WouldBlock)?;
        self.table.touch(id);
        Ok(sent)
    }

    /// Queues a datagram.
    pub(crate) fn udp_send(&mut self, id: SlotId, remote: SocketAddr, data: &[u8]) -> Nb<()> {
        let remote = ip_endpoint(remote)?;
        self.udp_sendable(id, remote, data.len())?;
        self.udp_queue(id, remote.into(), data)
    }

    /// Queues a datagram for the peer, or for want of one the last destination.
    pub(crate) fn udp_send_to_peer(&mut self, id: SlotId, data: &[u8]) -> Nb<()> {
        let remote = self.udp_peer(id)?;
        let is_near = self.is_neighbor(remote.addr);
        let fits = data.len() + HEADERS <= self.caps.ip_mtu();
        let Some(slot) = self.table.get_mut(id) else { return Err(Error::WrongState.into()) };
        let is_usual = is_near && fits && self.link_up && slot.end.is_none();
        // What is left to be checked of a usual one is whether there is room.
        if is_usual
            && let Some(socket) = slot.udp_mut()
            && socket.endpoint().addr.is_none()
            && socket.send_slice(data, remote).is_ok()
        {
            self.table.touch(id);
            return Ok(());
        }
        self.udp_sendable(id, remote, data.len())?;
        self.udp_queue(id, remote.into(), data)
    }

    #[cfg_attr(feature = "indexed", inline)]
    fn udp_queue(&mut self, id: SlotId, meta: UdpMetadata, data: &[u8]) -> Nb<()> {
        let Some(socket) = self.udp_mut(id) else { return Err(Error::WrongState.into()) };
        socket.send_slice(data, meta).map_err(|_| nb::Error::WouldBlock)?;
        self.table.touch(id);
        Ok(())
    }

    /// Whether a datagram of this size can be sent to this destination.
    #[cfg_attr(feature = "indexed", inline)]
    fn udp_sendable(&mut self, id: SlotId, remote: IpEndpoint, size: usize) -> Result<(), Error> {
        if let Some(error) = self.slot_mut(id).and_then(|slot| slot.end.take()) {
            return Err(error);
        }
        self.udp_check_remote(id, remote)?;
        let limit = self.udp_limit(id, remote);
        if size > usize::from(limit) { Err(Error::DatagramTooLarge(limit)) } else { Ok(()) }
    }

    /// The largest datagram that this socket can send to that destination: what its buffer
    /// holds and what the medium, or the fragmentation of IPv4, carries.
    pub(crate) fn udp_limit(&self, id: SlotId, remote: IpEndpoint) -> u16 {
        let mtu = self.caps.ip_mtu();
        let packet = match remote.addr {
            #[cfg(feature = "proto-ipv4-fragmentation")]
            smoltcp::wire::IpAddress::Ipv4(_) => {
                mtu.max(smoltcp::config::FRAGMENTATION_BUFFER_SIZE).saturating_sub(20)
            }
            #[cfg(all(feature = "proto-ipv4", not(feature = "proto-ipv4-fragmentation")))]
            smoltcp::wire::IpAddress::Ipv4(_) => mtu.saturating_sub(20),
            #[cfg(feature = "proto-ipv6")]
            smoltcp::wire::IpAddress::Ipv6(_) => mtu.saturating_sub(40),
        };
        let buffer = self.udp(id).map_or(0, |socket| socket.payload_send_capacity());
        buffer.min(packet.saturating_sub(UDP_HEADER)).min(usize::from(u16::MAX)) as u16
    }

    /// Why nothing can be received any more, if so.
    pub(crate) fn udp_ended(&mut self, id: SlotId) -> Option<Error> {
        if let Some(error) = self.slot_mut(id)?.end.take() {
            return Some(error);
        }
        match self.udp(id)?.endpoint().addr {
            Some(addr) if !self.iface.has_ip_addr(addr) => Some(Error::AddressLost),
            _ if !self.link_up => Some(Error::LinkDown),
            _ => None,
        }
    }

    /// Brings the next datagram to the head of the queue that this socket is to have, and gives
    /// its size. What came from others before a socket got its one peer is passed over.
    fn udp_next(&mut self, id: SlotId) -> Nb<usize> {
        match self.udp_head(id) {
            Some(size) => Ok(size),
            None => Err(self.udp_ended(id).map_or(nb::Error::WouldBlock, nb::Error::Other)),
        }
    }

    pub(super) fn udp_head(&mut self, id: SlotId) -> Option<usize> {
        let peer = self.peer(id);
        let socket = self.udp_mut(id)?;
        loop {
            let (data, meta) = socket.peek().ok()?;
            if peer.has_sent(meta.endpoint) {
                return Some(data.len());
            }
            let _ = socket.recv();
        }
    }

    pub(crate) fn udp_receive(&mut self, id: SlotId, buffer: &mut [u8]) -> Nb<(usize, SocketAddr)> {
        let received = self.udp_receive_cut(id, buffer)?;
        if received.size > buffer.len() {
            return Err(Error::Truncated(received.size as u16).into());
        }
        Ok((received.size, received.remote))
    }

    /// What of the next datagram fits into the buffer.
    pub(crate) fn udp_receive_cut(&mut self, id: SlotId, buffer: &mut [u8]) -> Nb<Received> {
        let peer = self.peer(id);
        let Some(socket) = self.udp_mut(id) else { return Err(Error::WrongState.into()) };
        #[cfg(feature = "embedded-nal-async")]
        let port = socket.endpoint().port;
        while let Ok((data, meta)) = socket.recv() {
            if !peer.has_sent(meta.endpoint) {
                continue;
            }
            let fits = data.len().min(buffer.len());
            if let (Some(buffer), Some(data)) = (buffer.get_mut(..fits), data.get(..fits)) {
                buffer.copy_from_slice(data);
            }
            return Ok(Received {
                size: data.len(),
                remote: socket_addr(meta.endpoint),
                #[cfg(feature = "embedded-nal-async")]
                local: meta.local_address.map(|addr| SocketAddr::new(ip_addr(addr), port)),
            });
        }
        Err(self.udp_ended(id).map_or(nb::Error::WouldBlock, nb::Error::Other))
    }

    /// `take` is taken when there is a datagram for it.
    pub(crate) fn udp_recv_with<R>(
        &mut self,
        id: SlotId,
        take: &mut Option<impl FnOnce(&[u8], SocketAddr) -> R>,
    ) -> Nb<R> {
        self.udp_next(id)?;
        let Some(socket) = self.udp_mut(id) else { return Err(Error::WrongState.into()) };
        let (data, meta) = socket.recv().map_err(|_| nb::Error::WouldBlock)?;
        let Some(take) = take.take() else { return Err(nb::Error::WouldBlock) };
        Ok(take(data, socket_addr(meta.endpoint)))
    }

    /// The size of the next datagram, if there is one.
    pub(crate) fn udp_waiting(&mut self, id: SlotId) -> Result<Option<usize>, Error> {
        match self.udp_next(id) {
            Ok(size) => Ok(Some(size)),
            Err(nb::Error::WouldBlock) => Ok(None),
            Err(nb::Error::Other(error)) => Err(error),
        }
    }

    pub(crate) fn udp_local(&self, id: SlotId) -> LocalEndpoint {
        let local = self.udp(id).map_or_else(Default::default, |socket| socket.endpoint());
        LocalEndpoint { addr: local.addr.map(ip_addr), port: local.port }
    }

    /// The peer, or for want of one the last destination.
    pub(crate) fn udp_remote(&self, id: SlotId) -> Result<SocketAddr, Error> {
        self.udp_peer(id).map(socket_addr)
    }

    #[cfg_attr(feature = "indexed", inline)]
    fn udp_peer(&self, id: SlotId) -> Result<IpEndpoint, Error> {
        match self.peer(id) {
            Peer::Only(remote) => Ok(remote),
            #[cfg(feature = "embedded-nal")]
            Peer::Last(remote) => Ok(remote),
            _ => Err(Error::WrongState),
        }
    }

    /// Remembers the last destination of a socket that has no peer.
    #[cfg(feature = "embedded-nal")]
    pub(crate) fn udp_sent_to(&mut self, id: SlotId, remote: SocketAddr) {
        if let Ok(remote) = ip_endpoint(remote) {
            self.set_peer(id, Peer::Last(remote));
        }
    }

    pub(crate) fn udp_set_hop_limit(&mut self, id: SlotId, limit: Option<NonZeroU8>) {
        if let Some(socket) = self.udp_mut(id) {
            socket.set_hop_limit(limit.map(NonZeroU8::get));
        }
    }

    /// Nobody holds the slot any more.
    pub(crate) fn udp_release(&mut self, id: SlotId) {
        #[cfg(feature = "dns")]
        if matches!(self.peer(id), Peer::NameServer(_)) {
            return self.udp_forget(id);
        }
        self.udp_disconnect(id);
        if !self.link_up || !self.has_work(id) {
            return self.udp_forget(id);
        }
        self.unwait(id);
        if let Some(slot) = self.slot_mut(id) {
            slot.role = Role::Closing;
        }
        self.set_deadline(id, self.after(self.limits.closing));
        self.table.touch(id);
    }

    /// Makes a held slot as good as new, for another attempt.
    #[cfg(feature = "dns")]
    pub(crate) fn udp_renew(&mut self, id: SlotId) {
        self.udp_disconnect(id);
        self.udp_clear(id);
        if let Some(socket) = self.udp_mut(id) {
            socket.close();
        }
        self.renew(id);
        self.table.register(id, None);
    }

    pub(super) fn udp_forget(&mut self, id: SlotId) {
        if let Some(socket) = self.udp_mut(id) {
            socket.close();
        }
        self.free(id);
    }
}

/// Local addresses of single datagrams.
#[cfg(feature = "embedded-nal-async")]
impl Core {
    /// Queues a datagram that is to come from a local address, if one is given: that of an answer
    /// to a datagram which was sent to many is not one to send from.
    pub(crate) fn udp_send_from(
        &mut self,
        id: SlotId,
        local: SocketAddr,
        remote: SocketAddr,
        data: &[u8],
    ) -> Nb<()> {
        let source = self.udp_source(id, local, remote)?;
        let remote = ip_endpoint(remote)?;
        self.udp_sendable(id, remote, data.len())?;
        let meta = UdpMetadata { local_address: source, ..remote.into() };
        self.udp_queue(id, meta, data)
    }

    fn udp_source(
        &self,
        id: SlotId,
        local: SocketAddr,
        remote: SocketAddr,
    ) -> Result<Option<IpAddress>, Error> {
        let bound = self.udp(id).map_or_else(Default::default, |socket| socket.endpoint());
        if local.port() != 0 && local.port() != bound.port {
            return Err(Error::AddressNotAvailable);
        }
        if local.ip().is_unspecified() {
            return Ok(None);
        }
        let addr = ip_address(local.ip())?;
        if addr.is_multicast() || self.is_broadcast(addr) {
            return Ok(None);
        }
        if !self.iface.has_ip_addr(addr) || bound.addr.is_some_and(|bound| bound != addr) {
            return Err(Error::AddressNotAvailable);
        }
        if local.is_ipv4() != remote.is_ipv4() {
            return Err(Error::AddressFamily);
        }
        Ok(Some(addr))
    }

    /// The address to bind to where one is to be picked: of the interface's addresses of the same
    /// IP version, one that is known beyond the link, if there is one.
    pub(crate) fn some_local(&self, unspecified: IpAddr) -> Result<IpAddr, Error> {
        let same = |addr: &IpAddr| addr.is_ipv4() == unspecified.is_ipv4();
        let addrs =
            || self.iface.ip_addrs().iter().map(|cidr| ip_addr(cidr.address())).filter(same);
        let is_wide = |addr: &IpAddr| match addr {
            IpAddr::V4(_) => true,
            IpAddr::V6(addr) => !addr.is_unicast_link_local(),
        };
        addrs().find(is_wide).or_else(|| addrs().next()).ok_or(Error::NoAddress)
    }
}

impl Slot {
    /// Whether nothing is to be made of a frame that a UDP socket was shown, or has sent.
    pub(super) fn is_settled_udp(&self, cause: Cause) -> bool {
        let is_usual = match cause {
            Cause::Ingress { .. } => true,
            Cause::Egress(sending) => sending == Sending::Sent && self.deadline == NEVER,
        };
        is_usual && self.role == Role::Held && self.udp().is_some()
    }
}

/// What the network makes of a slot.
impl Core {
    pub(crate) fn udp_settle(&mut self, id: SlotId, cause: Cause) {
        // The deadline of a look-up is its alarm, whatever happens to the question.
        #[cfg(feature = "dns")]
        if matches!(self.peer(id), Peer::NameServer(_)) {
            return;
        }
        if self.watch_next_hop(id, cause) {
            self.udp_forget(id);
        }
    }

    /// A time limit is over.
    pub(crate) fn udp_expire(&mut self, id: SlotId) {
        #[cfg(feature = "dns")]
        if let Peer::NameServer(query) = self.peer(id) {
            return self.lookup_alarm(id, query);
        }
        let Some(slot) = self.slot_mut(id) else { return };
        let role = slot.role;
        let Some(socket) = slot.udp_mut() else { return };
        if role == Role::Closing {
            return self.udp_forget(id);
        }
        if socket.can_recv() {
            // smoltcp empties both queues or none, and what was received is not to be lost.
            return self.set_deadline(id, self.now + smoltcp::time::Duration::from_secs(1));
        }
        slot.end = Some(Error::TimedOut);
        slot.deadline = NEVER;
        self.udp_clear(id);
    }

    /// Empties both queues.
    pub(super) fn udp_clear(&mut self, id: SlotId) {
        let Some(slot) = self.table.get_mut(id) else { return };
        if let Some(socket) = slot.udp_mut() {
            let local = socket.endpoint();
            socket.close();
            let _ = socket.bind(local);
        }
        // The next datagram may be for another neighbour, and is not to wait for this one.
        slot.forget_neighbor(&mut self.iface, self.now);
        self.table.unlink(id);
    }
}
