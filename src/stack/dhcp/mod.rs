//! DHCPv4: the address, the router and the name servers of the interface, leased from a server
//! (RFC 2131).
//!
//! smoltcp's DHCP socket speaks with the server. It has a set of its own beside the slots, gets its
//! turn when its time has come, and is shown what comes to its port if that makes sense. What a
//! lease changes is changed here, so that it needs no application: the stack takes the address,
//! and takes it away again.

mod lease;
mod message;

use core::net::IpAddr;
#[cfg(feature = "async")]
use core::task::Waker;

use smoltcp::iface::SocketSet;
use smoltcp::phy::Medium;
use smoltcp::socket::dhcpv4::{Event, Socket};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{DhcpOption, IpAddress, IpCidr, Ipv4Address};
#[cfg(feature = "udp")]
use smoltcp::wire::{IpListenEndpoint, IpVersion};

use self::message::Message;
use super::core::{Core, Sending, later};
use super::slot::NEVER;
use crate::Error;

pub(super) const SERVER_PORT: u16 = 67;
pub(super) const CLIENT_PORT: u16 = 68;

/// The most name servers of a lease: as many as the stack keeps.
const MOST_SERVERS: usize = 3;

/// The bytes of a message beside the application's own options, and of the headers before it.
const MESSAGE: usize = 300;
const HEADERS: usize = 28;

/// The most bytes of the application's own options: with them, a message is no longer than any
/// server takes (RFC 2131 section 2).
const MOST_OPTIONS: usize = 200;

/// How long after a refusal the server is asked anew if it refused before, and how long after a
/// turn that ended in the search for the server's hardware address comes the next one. Without
/// it, a server that is confused or gone would take every turn.
const PAUSE: Duration = Duration::from_secs(10);

/// What a DHCP server has leased to the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Lease {
    /// The address, with the length of its network's prefix.
    pub address: IpCidr,
    /// The router to other networks: the first one of the lease that is on the same network, as
    /// others cannot be reached.
    pub router: Option<IpAddr>,
    /// The name servers, in the order in which they are to be asked.
    pub dns_servers: heapless::Vec<IpAddr, 3>,
    /// The server that granted it, by its identifier (RFC 2132 section 9.7).
    pub server: IpAddr,
    /// When the address was obtained, by the stack's clock.
    pub since: Instant,
    /// When the lease ends unless it is renewed before; `None` for never. Each renewal puts this
    /// off, which is no change that [`Dhcp::poll`](crate::Dhcp::poll) tells of.
    pub until: Option<Instant>,
}

/// How a lease is asked for.
///
/// ```
/// use sockstate::{DhcpConfig, smoltcp::wire::DhcpOption};
///
/// // The name of this host (RFC 2132 section 3.14).
/// static OPTIONS: [DhcpOption; 1] = [DhcpOption { kind: 12, data: b"thermometer" }];
///
/// let mut config = DhcpConfig::default();
/// config.options = &OPTIONS;
/// ```
#[derive(Clone, Copy, Debug, Default)]
#[non_exhaustive]
pub struct DhcpConfig {
    /// Options that each message to a server has beside those that it must have (RFC 2132): a
    /// host name, a vendor class. 200 bytes at most, with two for each option.
    pub options: &'static [DhcpOption<'static>],
    /// Renews a lease as if it were no longer than this; at least two seconds. Default: as long as
    /// the server says.
    pub max_lease: Option<Duration>,
}

/// The DHCP client of a stack.
pub(crate) struct Client {
    /// Empty while DHCP does not run.
    pub(super) set: SocketSet<'static>,
    pub(super) runs: bool,
    /// When it has its next turn.
    pub(super) due: Instant,
    /// It has no turn before, whatever smoltcp says.
    pause: Instant,
    /// It waits for the server's hardware address.
    stalled: bool,
    /// smoltcp holds a lease. While a new one is sought after the link was down, it does not, and
    /// the stack still does.
    bound: bool,
    max_lease: Option<Duration>,
    /// The server whose offer smoltcp took, and the address offered.
    chosen: Option<(Ipv4Address, Ipv4Address)>,
    refused_at: Option<Instant>,
    lease: Option<Lease>,
    /// What of the lease is in force, as opposed to what was set by hand.
    has_address: bool,
    has_router: bool,
    #[cfg(feature = "dns")]
    names_by_hand: bool,
    /// What could not be done with a lease, until somebody asks.
    failure: Option<Error>,
    /// Changes with the lease.
    changes: u32,
    /// Who sleeps until there is something to tell.
    #[cfg(feature = "async")]
    waker: Option<Waker>,
}

impl Client {
    pub(super) fn new(set: SocketSet<'static>) -> Self {
        Client {
            set,
            runs: false,
            due: NEVER,
            pause: Instant::ZERO,
            stalled: false,
            bound: false,
            max_lease: None,
            chosen: None,
            refused_at: None,
            lease: None,
            has_address: false,
            has_router: false,
            #[cfg(feature = "dns")]
            names_by_hand: false,
            failure: None,
            changes: 0,
            #[cfg(feature = "async")]
            waker: None,
        }
    }

    /// There is something to tell.
    fn tell(&mut self) {
        #[cfg(feature = "async")]
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// How long it has nothing to do.
    pub(super) fn delay(&self, now: Instant) -> Option<Duration> {
        (self.due != NEVER).then(|| self.due.max(now) - now)
    }

    /// Whether a local endpoint of UDP is the client's.
    #[cfg(feature = "udp")]
    pub(super) fn takes(&self, local: IpListenEndpoint) -> bool {
        self.runs
            && local.port == CLIENT_PORT
            && !matches!(local.addr, Some(addr) if addr.version() != IpVersion::Ipv4)
    }

    fn socket(&mut self) -> Option<&mut Socket<'static>> {
        match self.set.iter_mut().next()? {
            (_, smoltcp::socket::Socket::Dhcpv4(socket)) => Some(socket),
            #[allow(unreachable_patterns)]
            _ => None,
        }
    }

    /// Whether smoltcp's lease has changed, and if so whether it has one.
    fn event(&mut self) -> Option<bool> {
        Some(matches!(self.socket()?.poll()?, Event::Configured(_)))
    }

    /// Lets smoltcp begin anew, without a word about the lease that it had.
    fn restart(&mut self) {
        if let Some(socket) = self.socket() {
            socket.reset();
        }
        let _ = self.event();
        self.bound = false;
        self.chosen = None;
    }

    fn ends_at(&self) -> Instant {
        self.lease.as_ref().and_then(|lease| lease.until).unwrap_or(NEVER)
    }
}

/// What the application asks for.
impl Core {
    /// Starts DHCP if it does not run, and gives what a new handle has seen: not the lease that
    /// there is.
    pub(crate) fn dhcp_watch(&mut self) -> Result<u32, Error> {
        if !self.dhcp.runs {
            return self.dhcp_start(DhcpConfig::default());
        }
        let untold = u32::from(self.dhcp.lease.is_some());
        Ok(self.dhcp.changes.wrapping_sub(untold))
    }

    /// Starts DHCP, or fails and changes nothing.
    pub(crate) fn dhcp_start(&mut self, config: DhcpConfig) -> Result<u32, Error> {
        if self.dhcp.runs {
            return Err(Error::AddressInUse);
        }
        if self.caps.medium != Medium::Ethernet {
            return Err(Error::HardwareAddress);
        }
        #[cfg(feature = "udp")]
        if self.udp_port_taken(IpListenEndpoint { addr: None, port: CLIENT_PORT }) {
            return Err(Error::AddressInUse);
        }
        let size: usize = config.options.iter().map(|option| 2 + option.data.len()).sum();
        if size > MOST_OPTIONS {
            return Err(Error::DatagramTooLarge((MESSAGE + MOST_OPTIONS) as u16));
        }
        let room = self.caps.ip_mtu().saturating_sub(HEADERS);
        if MESSAGE + size > room {
            return Err(Error::DatagramTooLarge(room as u16));
        }
        if self.iface.ip_addrs().len() >= smoltcp::config::IFACE_MAX_ADDR_COUNT {
            return Err(Error::OutOfAddresses);
        }
        let mut socket = Socket::new();
        socket.set_outgoing_options(config.options);
        self.dhcp.max_lease = config.max_lease.map(|limit| limit.max(Duration::from_secs(2)));
        socket.set_max_lease_duration(self.dhcp.max_lease);
        // With a buffer for it, be it empty, smoltcp tells of every grant, and not of changes alone.
        socket.set_receive_packet_buffer(&mut []);
        self.dhcp.set.add(socket);
        self.dhcp.runs = true;
        self.dhcp.failure = None;
        self.dhcp.refused_at = None;
        self.dhcp_restart();
        Ok(self.dhcp.changes)
    }

    /// Ends DHCP, and takes away what was leased.
    pub(crate) fn dhcp_stop(&mut self) {
        let handle = self.dhcp.set.iter().next().map(|(handle, _)| handle);
        if let Some(handle) = handle {
            self.dhcp.set.remove(handle);
        }
        self.dhcp.runs = false;
        self.dhcp.due = NEVER;
        self.dhcp_lose();
        self.dhcp.tell();
    }

    /// Has a waker called when there is something new for who has seen so many changes.
    #[cfg(feature = "async")]
    pub(crate) fn dhcp_wake_on(&mut self, seen: u32, waker: &Waker) {
        let client = &mut self.dhcp;
        client.waker = Some(waker.clone());
        if !client.runs || client.changes != seen || client.failure.is_some() {
            client.tell();
        }
    }

    /// How often the lease has changed, and the lease; the failure, once.
    pub(crate) fn dhcp_state(&mut self) -> Result<(u32, Option<&Lease>), Error> {
        if !self.dhcp.runs {
            return Err(Error::WrongState);
        }
        self.dhcp_expire();
        match self.dhcp.failure.take() {
            Some(error) => Err(error),
            None => Ok((self.dhcp.changes, self.dhcp.lease.as_ref())),
        }
    }

    pub(crate) fn dhcp_lease(&mut self) -> Option<&Lease> {
        self.dhcp_expire();
        self.dhcp.lease.as_ref()
    }

    /// The application has set an address: if it is that of the lease, the lease is to leave it.
    pub(crate) fn dhcp_leaves_address(&mut self, addr: IpAddress) {
        let leased = self.dhcp.lease.as_ref().map(|lease| lease.address.address());
        self.dhcp.has_address &= leased != Some(addr);
    }

    /// The application has set or cleared a router: a lease is to leave it alone.
    pub(crate) fn dhcp_leaves_router(&mut self) {
        self.dhcp.has_router = false;
    }

    /// The application has set the name servers. If to none, those of the lease are in force.
    #[cfg(feature = "dns")]
    pub(crate) fn dhcp_leaves_names(&mut self) {
        self.dhcp.names_by_hand = !self.name_servers.is_empty();
        self.dhcp_set_names();
    }
}

/// What the network does.
impl Core {
    /// Whether a frame for the client's port is to be shown to smoltcp; if it makes sense, with
    /// when smoltcp wants its turn before that.
    // As the others here not inlined: what it has on the stack would be below all of smoltcp's.
    #[inline(never)]
    pub(in crate::stack) fn dhcp_heeds(&mut self, frame: &[u8]) -> Option<Instant> {
        let wanted_at = self.dhcp_wanted_at();
        let is_other = |server| self.dhcp.chosen.is_none_or(|(chosen, _)| chosen != server);
        let makes_sense = match message::read(frame)? {
            // Only the server whose offer was taken is asked (RFC 2131 section 4.3.2).
            Message::Ack { server, .. } | Message::Nak { server } => {
                self.dhcp.bound || !is_other(server)
            }
            // About to ask, which it would be as well if it took this.
            Message::Offer { .. } => wanted_at > self.now,
        };
        makes_sense.then_some(wanted_at)
    }

    /// smoltcp has seen it. It is read once more: a message takes room on the stack, which smoltcp
    /// needs meanwhile.
    #[inline(never)]
    pub(in crate::stack) fn dhcp_heard(&mut self, frame: &[u8], wanted_at: Instant) {
        let event = self.dhcp.event();
        let taken = self.dhcp_wanted_at() != wanted_at || event.is_some();
        match message::read(frame) {
            Some(Message::Offer { server, address }) if taken => {
                self.dhcp.chosen = Some((server, address));
            }
            Some(Message::Ack { server, terms }) if taken => self.dhcp_take(server, terms),
            Some(Message::Nak { .. }) if taken => self.dhcp_refused(),
            _ => {}
        }
        self.dhcp_plan();
    }

    pub(in crate::stack) fn dhcp_is_due(&self) -> bool {
        self.dhcp.due <= self.now
    }

    /// It is the client's turn to send, unless it is to be quiet.
    #[inline(never)]
    pub(in crate::stack) fn dhcp_may_send(&mut self) -> bool {
        self.dhcp_expire();
        let is_quiet = self.dhcp.pause > self.now;
        if is_quiet {
            self.dhcp_plan();
        }
        !is_quiet
    }

    /// What became of that turn.
    #[inline(never)]
    pub(in crate::stack) fn dhcp_had_a_turn(&mut self, sending: Sending) {
        if sending == Sending::Stalled {
            self.dhcp.pause = later(self.now, PAUSE);
        }
        self.dhcp.stalled = sending == Sending::Stalled;
        if self.dhcp.event() == Some(false) {
            self.dhcp.bound = false;
            self.dhcp_lose();
        }
        self.dhcp_plan();
    }

    /// A neighbour has been found: if it is the server, it can be asked now.
    pub(super) fn dhcp_neighbor(&mut self) {
        if self.dhcp.stalled && self.dhcp_wanted_at() <= self.now {
            self.dhcp.stalled = false;
            self.dhcp.pause = Instant::ZERO;
            self.dhcp_plan();
        }
    }

    /// The link is up again, perhaps to another network. The lease stays until a server grants
    /// another, or it ends (RFC 2131 section 3.7).
    pub(super) fn dhcp_restart(&mut self) {
        if self.dhcp.runs {
            if self.dhcp.ends_at() <= self.now {
                self.dhcp_lose();
            }
            self.dhcp.restart();
            self.dhcp.stalled = false;
            self.dhcp.pause = Instant::ZERO;
            self.dhcp_plan();
        }
    }

    /// When smoltcp wants a turn.
    fn dhcp_wanted_at(&mut self) -> Instant {
        self.iface.poll_at(self.now, &self.dhcp.set).unwrap_or(NEVER)
    }

    fn dhcp_plan(&mut self) {
        self.dhcp.due = self.dhcp_wanted_at().max(self.dhcp.pause).min(self.dhcp.ends_at());
    }

    fn dhcp_refused(&mut self) {
        // smoltcp begins anew at once. A server that offers what it then refuses would have it
        // do so without end.
        let again = self.dhcp.refused_at.is_some_and(|before| later(before, PAUSE) > self.now);
        if again {
            self.dhcp.pause = later(self.now, PAUSE);
        }
        self.dhcp.refused_at = Some(self.now);
        let offered = self.dhcp.chosen.take().map(|(_, address)| IpAddress::Ipv4(address));
        let leased = self.dhcp.lease.as_ref().map(|lease| lease.address.address());
        if self.dhcp.bound || offered == leased {
            self.dhcp_lose();
        }
        self.dhcp.bound = false;
    }

    /// Ends a lease whose time is over.
    fn dhcp_expire(&mut self) {
        if self.dhcp.ends_at() > self.now {
            return;
        }
        if self.dhcp.bound {
            self.dhcp_restart();
        }
        self.dhcp_lose();
        self.dhcp_plan();
        self.rang = true;
    }
}
