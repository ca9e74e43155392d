//! Which slot a frame is for.
//!
//! smoltcp asks every socket of a set whether a packet is for it. Here each socket has a set of
//! its own, and the router finds the right one by its key first, so that a frame costs the same
//! with one socket and with a thousand. It only points: smoltcp still checks everything about the
//! frame itself, and a frame that the router cannot read goes to the interface with no socket at
//! all, which answers it as it should be answered.

use smoltcp::phy::Medium;
#[cfg(feature = "tcp")]
use smoltcp::socket::tcp::{Socket, State};
#[cfg(feature = "medium-ethernet")]
use smoltcp::wire::EthernetAddress;
#[cfg(feature = "tcp")]
use smoltcp::wire::IpListenEndpoint;
use smoltcp::wire::{IpAddress, IpEndpoint};

#[cfg(feature = "tcp")]
use super::config::Overflow;
use super::core::Core;
#[cfg(feature = "udp")]
use super::peer::Peer;
use super::report::{is_error_v4, is_error_v6};
use super::slot::SlotId;
#[cfg(feature = "tcp")]
use super::slot::{Flags, Role};
#[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
use super::table::Ends;
use super::table::Key;
use crate::Protocol;

/// Where a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// To one slot; `rst` if it is a TCP segment with the RST bit, `full` if it is one that closes
    /// the window.
    Slot { id: SlotId, rst: bool, full: bool },
    /// To no socket: to the interface alone.
    Nobody,
    /// To the interface alone, which may learn the address of a neighbour from it.
    Neighbor,
    /// To the interface alone, and then to the socket whose packet this ICMP error is about.
    Report,
    /// To the interface alone: it is asked for its multicast groups.
    #[cfg(feature = "multicast")]
    Query,
    /// To the DHCP client.
    #[cfg(feature = "dhcp")]
    Dhcp,
    /// Nowhere.
    Drop,
}

/// The part of an IP packet that the router reads.
pub(super) struct Packet<'f> {
    pub(super) src: IpAddress,
    pub(super) dst: IpAddress,
    protocol: u8,
    pub(super) payload: &'f [u8],
    #[cfg(feature = "proto-ipv4-fragmentation")]
    fragment: Option<Fragment>,
}

/// Which fragment of which datagram.
#[cfg(feature = "proto-ipv4-fragmentation")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Fragment {
    ident: u16,
    first: bool,
}

const ICMP: u8 = 1;
const ICMPV6: u8 = 58;
#[cfg(feature = "multicast")]
const IGMP: u8 = 2;
/// RFC 3810 section 5.1.
#[cfg(feature = "multicast")]
const MLD_QUERY: u8 = 130;
#[cfg(feature = "proto-ipv6")]
const HOP_BY_HOP: u8 = 0;
#[cfg(feature = "tcp")]
const TCP: u8 = 6;
#[cfg(any(feature = "udp", feature = "dhcp"))]
const UDP: u8 = 17;

/// Flags of TCP (RFC 9293 section 3.1).
#[cfg(feature = "tcp")]
const SYN: u8 = 0x02;
#[cfg(feature = "tcp")]
const RST: u8 = 0x04;
#[cfg(feature = "tcp")]
const ACK: u8 = 0x10;

impl Core {
    /// Finds the slot for a frame.
    pub(crate) fn route(&mut self, frame: &[u8]) -> Route {
        match self.caps.medium {
            #[cfg(feature = "medium-ethernet")]
            Medium::Ethernet => {
                const ARP: [u8; 2] = [0x08, 0x06];
                const IPV4: [u8; 2] = [0x08, 0x00];
                const IPV6: [u8; 2] = [0x86, 0xdd];
                let Some((header, packet)) = frame.split_first_chunk::<14>() else {
                    return Route::Nobody;
                };
                match [header[12], header[13]] {
                    ARP => Route::Neighbor,
                    IPV4 | IPV6 => self.route_packet(packet),
                    _ => Route::Nobody,
                }
            }
            #[allow(unreachable_patterns)]
            _ => self.route_packet(frame),
        }
    }

    fn route_packet(&mut self, packet: &[u8]) -> Route {
        #[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
        if let Some(route) = self.route_as_before(packet) {
            return route;
        }
        self.route_anew(packet)
    }

    /// The short way, for a packet from and to the same as the last one.
    #[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
    fn route_as_before(&self, packet: &[u8]) -> Option<Route> {
        /// As far as TCP's window: shorter packets go the long way.
        const LEAST: usize = 36;
        let ip = packet.first_chunk::<24>()?;
        let (protocol, ends) = plain_ipv4(ip)?;
        let id = self.table.recent(protocol, ends)?;
        let len = usize::from(u16::from_be_bytes([ip[2], ip[3]]));
        if len > packet.len() || len < LEAST {
            return None;
        }
        match protocol {
            #[cfg(feature = "tcp")]
            TCP => {
                let [.., flags, a, b] = *packet.first_chunk::<LEAST>()?;
                let (rst, full) = (flags & RST != 0, [a, b] == [0, 0]);
                (flags & SYN == 0).then_some(Route::Slot { id, rst, full })
            }
            _ => Some(Route::Slot { id, rst: false, full: false }),
        }
    }

    // Not to stand on the stack while the frame is shown.
    #[inline(never)]
    fn route_anew(&mut self, whole: &[u8]) -> Route {
        let Some(packet) = parse(whole) else { return Route::Nobody };
        #[cfg(feature = "proto-ipv4-fragmentation")]
        if let Some(fragment) = packet.fragment {
            return self.route_fragment(&packet, fragment);
        }
        let route = self.route_payload(&packet);
        #[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
        if let Route::Slot { id, .. } = route
            && self.is_lasting(id)
            && let Some((protocol, ends)) = whole.first_chunk().and_then(plain_ipv4)
        {
            self.table.remember(protocol, ends, id);
        }
        route
    }

    /// Whether what comes next from the same peer is for this slot as well, unless it is bound or
    /// connected anew.
    #[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
    fn is_lasting(&self, id: SlotId) -> bool {
        #[cfg(feature = "udp")]
        if self.table.is_udp(id) {
            #[cfg(feature = "dns")]
            return !matches!(self.peer(id), Peer::NameServer(_));
            #[cfg(not(feature = "dns"))]
            return true;
        }
        #[cfg(feature = "tcp")]
        if self.table.is_tcp(id) {
            return self.slot(id).is_some_and(|slot| slot.role == Role::Held);
        }
        false
    }

    /// Only the first fragment of a datagram names the ports; the others follow it.
    #[cfg(feature = "proto-ipv4-fragmentation")]
    fn route_fragment(&mut self, packet: &Packet<'_>, fragment: Fragment) -> Route {
        let key = FragmentKey {
            src: packet.src,
            dst: packet.dst,
            protocol: packet.protocol,
            ident: fragment.ident,
        };
        if fragment.first {
            let route = self.route_payload(packet);
            if let Route::Slot { id, .. } = route {
                self.fragments.insert(key, id);
            }
            return route;
        }
        match self.fragments.find(key) {
            Some(id) => Route::Slot { id, rst: false, full: false },
            None => Route::Nobody,
        }
    }

    fn route_payload(&self, packet: &Packet<'_>) -> Route {
        match packet.protocol {
            #[cfg(feature = "tcp")]
            TCP => self.route_tcp(packet),
            #[cfg(feature = "dhcp")]
            UDP if self.is_for_dhcp(packet) => Route::Dhcp,
            #[cfg(feature = "udp")]
            UDP => self.route_udp(packet),
            ICMP => match packet.payload.first() {
                Some(kind) if is_error_v4(*kind) => Route::Report,
                #[cfg(feature = "icmp")]
                Some(0) => self.route_echo_reply(0, packet),
                _ => Route::Nobody,
            },
            #[cfg(feature = "multicast")]
            IGMP => Route::Query,
            ICMPV6 => match packet.payload.first() {
                #[cfg(feature = "multicast")]
                Some(&MLD_QUERY) => Route::Query,
                Some(kind) if is_error_v6(*kind) => Route::Report,
                // Router and neighbour discovery, RFC 4861 section 4.
                Some(133..=137) => Route::Neighbor,
                #[cfg(feature = "icmp")]
                Some(129) => self.route_echo_reply(129, packet),
                _ => Route::Nobody,
            },
            _ => Route::Nobody,
        }
    }

    #[cfg(feature = "tcp")]
    fn route_tcp(&self, packet: &Packet<'_>) -> Route {
        let Some(header) = packet.payload.first_chunk::<16>() else { return Route::Nobody };
        let local = IpEndpoint::new(packet.dst, u16::from_be_bytes([header[2], header[3]]));
        let remote = IpEndpoint::new(packet.src, u16::from_be_bytes([header[0], header[1]]));
        let flags = header[13];
        let request = flags & (SYN | RST | ACK) == SYN;
        let slot = |id| Route::Slot {
            id,
            rst: flags & RST != 0,
            full: [header[14], header[15]] == [0, 0],
        };
        if let Some(id) = self.find_connection(local, remote) {
            if request && self.has_request_to_send(id) {
                return Route::Drop;
            }
            return slot(id);
        }
        // smoltcp would refuse it, from an address that is nobody's.
        if local.addr.is_multicast() || self.is_broadcast(local.addr) {
            return Route::Drop;
        }
        if let Some(id) = self.find_listener(local) {
            return slot(id);
        }
        let listen = IpListenEndpoint { addr: Some(local.addr), port: local.port };
        if request && self.overflow == Overflow::Ignore && self.tcp_listener_is_full(listen) {
            return Route::Drop;
        }
        Route::Nobody
    }

    /// The slot of a connection. One that is closed is none, even if its RST is still to be sent:
    /// smoltcp shows it nothing more, and the peer may be asking for a new connection already.
    #[cfg(feature = "tcp")]
    pub(super) fn find_connection(&self, local: IpEndpoint, remote: IpEndpoint) -> Option<SlotId> {
        self.with_tuple(local, remote)
            .find(|(_, socket)| socket.state() != State::Closed)
            .map(|(id, _)| id)
    }

    /// Whether the SYN of a connection has still to be sent. If the peer's own SYN is shown to
    /// smoltcp before that (both open at once), it panics; the peer will repeat it.
    #[cfg(feature = "tcp")]
    fn has_request_to_send(&self, id: SlotId) -> bool {
        self.tcp_state(id) == State::SynSent
            && self.slot(id).is_some_and(|slot| slot.flags.has(Flags::UNSENT))
    }

    /// Whether a slot has this connection, or has still to send the RST that ends it.
    #[cfg(feature = "tcp")]
    pub(crate) fn is_tuple_taken(&self, local: IpEndpoint, remote: IpEndpoint) -> bool {
        self.with_tuple(local, remote).next().is_some()
    }

    #[cfg(feature = "tcp")]
    fn with_tuple(
        &self,
        local: IpEndpoint,
        remote: IpEndpoint,
    ) -> impl Iterator<Item = (SlotId, &Socket<'static>)> {
        self.table
            .chain(self.connection_key(local.port, remote))
            .filter_map(|(id, slot)| Some((id, slot.tcp()?)))
            .filter(move |(_, socket)| {
                socket.remote_endpoint() == Some(remote) && socket.local_endpoint() == Some(local)
            })
    }

    /// A slot in LISTEN for this address.
    #[cfg(feature = "tcp")]
    fn find_listener(&self, local: IpEndpoint) -> Option<SlotId> {
        self.table
            .chain(self.port_key(Protocol::Tcp, local.port))
            .find(|(_, slot)| {
                slot.role == Role::Backlog
                    && slot.tcp().is_some_and(|socket| {
                        let listen = socket.listen_endpoint();
                        socket.is_listening()
                            && listen.port == local.port
                            && listen.addr.is_none_or(|addr| addr == local.addr)
                    })
            })
            .map(|(id, _)| id)
    }

    #[cfg(feature = "dhcp")]
    fn is_for_dhcp(&self, packet: &Packet<'_>) -> bool {
        let port = super::dhcp::CLIENT_PORT.to_be_bytes();
        self.dhcp.runs
            && packet.payload.get(2..4) == Some(&port)
            && packet.dst.version() == smoltcp::wire::IpVersion::Ipv4
    }

    #[cfg(feature = "udp")]
    fn route_udp(&self, packet: &Packet<'_>) -> Route {
        let Some(header) = packet.payload.first_chunk::<8>() else { return Route::Nobody };
        let port = u16::from_be_bytes([header[2], header[3]]);
        let remote = IpEndpoint::new(packet.src, u16::from_be_bytes([header[0], header[1]]));
        let for_all = || packet.dst.is_multicast() || self.is_broadcast(packet.dst);
        let found = self.table.chain(self.port_key(Protocol::Udp, port)).find(|(id, slot)| {
            slot.udp().is_some_and(|socket| {
                let bound = socket.endpoint();
                bound.port == port
                    && (bound.addr.is_none_or(|addr| addr == packet.dst) || for_all())
                    && match self.peer(*id) {
                        Peer::Only(peer) => peer == remote,
                        #[cfg(feature = "dns")]
                        Peer::NameServer(query) => self.may_answer(query, remote),
                        _ => true,
                    }
            })
        });
        match found {
            Some((id, _)) => Route::Slot { id, rst: false, full: false },
            None => Route::Nobody,
        }
    }

    /// Replies alone: the interface answers requests.
    #[cfg(feature = "icmp")]
    fn route_echo_reply(&self, reply: u8, packet: &Packet<'_>) -> Route {
        match packet.payload.first_chunk::<6>() {
            Some(&[kind, 0, _, _, ident @ ..]) if kind == reply => {
                match self.icmp_find(u16::from_be_bytes(ident)) {
                    Some(id) => Route::Slot { id, rst: false, full: false },
                    None => Route::Nobody,
                }
            }
            _ => Route::Nobody,
        }
    }

    #[cfg(feature = "tcp")]
    pub(super) fn connection_key(&self, local_port: u16, remote: IpEndpoint) -> Key {
        Key::connection(self.key_seed(), local_port, remote)
    }

    pub(super) fn port_key(&self, protocol: Protocol, port: u16) -> Key {
        Key::port(self.key_seed(), protocol, port)
    }

    #[cfg(feature = "indexed")]
    fn key_seed(&self) -> u64 {
        self.hash_key
    }

    /// There is nothing to hash.
    #[cfg(not(feature = "indexed"))]
    fn key_seed(&self) -> u64 {
        0
    }
}

/// The IP packet of a frame, as it is and as the router reads it.
pub(super) fn read_frame(medium: Medium, frame: &[u8]) -> Option<(&[u8], Packet<'_>)> {
    let whole = match medium {
        #[cfg(feature = "medium-ethernet")]
        Medium::Ethernet => frame.get(14..)?,
        #[allow(unreachable_patterns)]
        _ => frame,
    };
    Some((whole, parse(whole)?))
}

impl Core {
    /// Whether a frame is for this host, or for all or some of its link: a device may show others.
    pub(super) fn is_addressed(&self, frame: &[u8]) -> bool {
        #[cfg(feature = "medium-ethernet")]
        if let Some(ours) = self.hardware_addr() {
            return frame
                .first_chunk::<6>()
                .is_some_and(|to| *to == ours || EthernetAddress(*to).is_multicast());
        }
        let _ = frame;
        true
    }
}

/// What a TCP segment says that was sent.
#[cfg(feature = "tcp")]
#[derive(Clone, Copy, Debug)]
pub(crate) struct Said {
    /// The sequence number of a connection request.
    pub(super) request: Option<u32>,
    pub(super) has_data: bool,
}

#[cfg(feature = "tcp")]
pub(super) fn said(medium: Medium, frame: &[u8]) -> Option<Said> {
    let (_, packet) = read_frame(medium, frame)?;
    let header = packet.payload.first_chunk::<20>().filter(|_| packet.protocol == TCP)?;
    let [_, _, _, _, number @ .., _, _, _, _] = *header.first_chunk::<12>()?;
    let request = (header[13] & SYN != 0).then(|| u32::from_be_bytes(number));
    let has_data = packet.payload.len() > usize::from(header[12] >> 4) * 4;
    Some(Said { request, has_data })
}

fn parse(packet: &[u8]) -> Option<Packet<'_>> {
    match packet.first()? >> 4 {
        #[cfg(feature = "proto-ipv4")]
        4 => parse_ipv4(packet),
        #[cfg(feature = "proto-ipv6")]
        6 => parse_ipv6(packet),
        _ => None,
    }
}

/// RFC 791 section 3.1.
#[cfg(feature = "proto-ipv4")]
fn parse_ipv4(packet: &[u8]) -> Option<Packet<'_>> {
    let header = packet.first_chunk::<20>()?;
    let header_len = usize::from(header[0] & 0x0f) * 4;
    let total_len = usize::from(u16::from_be_bytes([header[2], header[3]]));
    Some(Packet {
        src: IpAddress::v4(header[12], header[13], header[14], header[15]),
        dst: IpAddress::v4(header[16], header[17], header[18], header[19]),
        protocol: header[9],
        payload: packet.get(header_len..total_len)?,
        #[cfg(feature = "proto-ipv4-fragmentation")]
        fragment: fragment(header),
    })
}

/// The protocol of a packet of IPv4, and from where to where it is, if it is whole and has no options.
#[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
fn plain_ipv4(header: &[u8; 24]) -> Option<(u8, &Ends)> {
    const NO_OPTIONS: u8 = 0x45;
    let [first, _, _, _, _, _, more, offset, _, protocol, _, _, ends @ ..] = header;
    let is_whole = more & 0x3f | offset == 0;
    (*first == NO_OPTIONS && is_whole).then_some((*protocol, ends))
}

#[cfg(feature = "proto-ipv4-fragmentation")]
fn fragment(header: &[u8; 20]) -> Option<Fragment> {
    let ident = u16::from_be_bytes([header[4], header[5]]);
    let flags = u16::from_be_bytes([header[6], header[7]]);
    let (more, offset) = (flags & 0x2000 != 0, flags & 0x1fff);
    (more || offset != 0).then_some(Fragment { ident, first: offset == 0 })
}

/// RFC 8200 section 3, and the one extension header that smoltcp passes over (section 4.3).
#[cfg(feature = "proto-ipv6")]
fn parse_ipv6(packet: &[u8]) -> Option<Packet<'_>> {
    let (header, rest) = packet.split_first_chunk::<40>()?;
    let [_, _, _, _, len @ .., next, _] = *header.first_chunk::<8>()?;
    let address = |at: usize| -> Option<IpAddress> {
        let bytes = header.get(at..)?.first_chunk::<16>()?;
        Some(IpAddress::Ipv6((*bytes).into()))
    };
    let payload = rest.get(..usize::from(u16::from_be_bytes(len)))?;
    let (protocol, payload) = match next {
        HOP_BY_HOP => {
            let [next, len] = *payload.first_chunk::<2>()?;
            (next, payload.get((usize::from(len) + 1) * 8..)?)
        }
        next => (next, payload),
    };
    Some(Packet {
        src: address(8)?,
        dst: address(24)?,
        protocol,
        payload,
        #[cfg(feature = "proto-ipv4-fragmentation")]
        fragment: None,
    })
}

/// What identifies the fragments of one datagram (RFC 791 section 3.2).
#[cfg(feature = "proto-ipv4-fragmentation")]
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct FragmentKey {
    src: IpAddress,
    dst: IpAddress,
    protocol: u8,
    ident: u16,
}

/// Where the fragments of the datagrams seen last go.
#[cfg(feature = "proto-ipv4-fragmentation")]
pub(crate) struct FragmentMap {
    /// One more than smoltcp reassembles at a time.
    entries:
        heapless::Deque<(FragmentKey, SlotId), { smoltcp::config::REASSEMBLY_BUFFER_COUNT + 1 }>,
}

#[cfg(feature = "proto-ipv4-fragmentation")]
impl FragmentMap {
    pub(crate) const fn new() -> Self {
        FragmentMap { entries: heapless::Deque::new() }
    }

    fn insert(&mut self, key: FragmentKey, id: SlotId) {
        if self.entries.is_full() {
            self.entries.pop_front();
        }
        // There is room now.
        let _ = self.entries.push_back((key, id));
    }

    fn find(&self, key: FragmentKey) -> Option<SlotId> {
        self.entries.iter().rev().find(|(entry, _)| *entry == key).map(|(_, id)| *id)
    }
}
