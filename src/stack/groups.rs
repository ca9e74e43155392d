//! Multicast groups, and the reports by which routers and switches know of them.
//!
//! smoltcp sends the reports, in whatever turn to send comes first, and does not say when it means
//! to. So a turn with no socket in it is given to it before any slot has one, whenever there may
//! be something to report: after a group was joined or left or an address changed, and from a
//! router's question until the time for the answer is over. At all other times this costs one
//! comparison.

use ::core::net::IpAddr;

use smoltcp::config::IFACE_MAX_MULTICAST_GROUP_COUNT as MOST_GROUPS;
use smoltcp::iface::MulticastError;
#[cfg(feature = "proto-ipv6")]
use smoltcp::phy::Medium;
use smoltcp::time::{Duration, Instant};
#[cfg(feature = "proto-ipv6")]
use smoltcp::wire::Icmpv6Packet;
use smoltcp::wire::IpAddress;

use super::core::{Core, Sending};
use super::{Net, Sharing};
use crate::Error;
use crate::addr::{ip_addr, ip_address};

/// How often to look for answers in the time for them.
const LOOKS: u32 = 2 * (MOST_GROUPS as u32 + 1);

/// The groups of the interface, and when there is something to say of them.
pub(crate) struct Groups {
    /// Those that the application joined.
    joined: heapless::Vec<IpAddress, MOST_GROUPS>,
    /// There may be something to report.
    open: bool,
    /// The time as of which there was nothing to report.
    quiet: Option<Instant>,
    /// When to look again...
    next: Instant,
    /// ...every so often...
    step: Duration,
    /// ...until then.
    until: Instant,
    /// When a router asked last.
    asked: Instant,
    /// smoltcp was told to leave all groups, so that it reports them when it joins them again.
    rejoining: bool,
    /// The interface had an IPv4 address. Without one smoltcp takes a group for reported that it
    /// could not report.
    #[cfg(feature = "proto-ipv4")]
    had_ipv4: bool,
}

impl Groups {
    pub(crate) const fn new(now: Instant) -> Self {
        Groups {
            joined: heapless::Vec::new(),
            open: false,
            quiet: None,
            next: now,
            step: Duration::ZERO,
            until: now,
            asked: now,
            rejoining: false,
            #[cfg(feature = "proto-ipv4")]
            had_ipv4: false,
        }
    }

    /// Whether smoltcp is to have a turn without a socket.
    pub(crate) fn want_a_turn(&self, now: Instant) -> bool {
        self.open && self.quiet != Some(now)
    }

    /// How long until it is.
    pub(crate) fn delay(&self, now: Instant) -> Option<Duration> {
        match (self.open, self.quiet) {
            (false, _) => None,
            (true, None) => Some(Duration::ZERO),
            (true, Some(_)) => Some(self.next.max(now) - now),
        }
    }

    fn something_changed(&mut self) {
        self.open = true;
        self.quiet = None;
    }

    /// A router has asked, and waits so long for the answers. When smoltcp gives each is its
    /// choice; to look a few times for each group finds them in time.
    fn asked(&mut self, now: Instant, wait: Duration) {
        let step = (wait / LOOKS).max(Duration::from_millis(1));
        let under_way = self.open && self.until > now;
        self.step = if under_way { self.step.min(step) } else { step };
        self.until = self.until.max(now + wait);
        self.asked = now;
        self.something_changed();
    }
}

/// Multicast groups.
///
/// A group that was joined is known to routers and switches by the reports that are sent (IGMPv2,
/// RFC 2236; MLDv2, RFC 3810): when it is joined, when one of them asks, and again when the link
/// has come back. Sockets that are [bound](crate::UdpSocket::bind) to a port, on every address,
/// receive what is sent to the port in any group. Nothing has to be joined to *send* to a group.
///
/// Without the feature `multicast`, only what is sent to all hosts arrives: 224.0.0.1 and ff02::1.
impl<S: Sharing> Net<S> {
    /// Joins a group. To join one again changes nothing.
    ///
    /// ```
    /// # use sockstate::{Error, testing::Lab};
    /// # let lab = Lab::new(1);
    /// # let net = lab.near.net();
    /// net.join_multicast("224.0.0.251".parse().unwrap())?; // multicast DNS
    /// let mut socket = net.udp()?.bind(5353)?;
    /// # let mut peer = lab.far.udp()?.bind(5353)?;
    /// # peer.send_to(b"hello", "224.0.0.251:5353".parse().unwrap()).unwrap();
    /// let mut buffer = [0; 16];
    /// let (size, from) = net.block(|| socket.receive_from(&mut buffer))?;
    /// # assert_eq!(&buffer[..size], b"hello");
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Unaddressable`] if it is not a multicast address; [`Error::AddressFamily`];
    /// [`Error::OutOfGroups`] if there is no room for another: smoltcp keeps four groups unless the
    /// environment variable `SMOLTCP_IFACE_MAX_MULTICAST_GROUP_COUNT` says otherwise when it is
    /// compiled, and needs one of them for each IPv6 address of an Ethernet interface.
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn join_multicast(&self, group: IpAddr) -> Result<(), Error> {
        let group = ip_address(group)?;
        self.with_core(|core| core.join_group(group))?
    }

    /// Leaves a group.
    ///
    /// # Errors
    ///
    /// [`Error::AddressNotAvailable`] if it was not joined; [`Error::AddressFamily`].
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn leave_multicast(&self, group: IpAddr) -> Result<(), Error> {
        let group = ip_address(group)?;
        self.with_core(|core| core.leave_group(group))?
    }

    /// The groups that were joined.
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn multicast_groups(&self) -> Result<heapless::Vec<IpAddr, MOST_GROUPS>, Error> {
        self.with_core(|core| core.groups.joined.iter().copied().map(ip_addr).collect())
    }
}

impl Core {
    fn join_group(&mut self, group: IpAddress) -> Result<(), Error> {
        if self.groups.joined.contains(&group) {
            return Ok(());
        }
        self.iface.join_multicast_group(group).map_err(|error| match error {
            MulticastError::GroupTableFull => Error::OutOfGroups,
            MulticastError::Unaddressable => Error::Unaddressable,
        })?;
        // It has as much room as smoltcp's table.
        let _ = self.groups.joined.push(group);
        self.groups.something_changed();
        Ok(())
    }

    fn leave_group(&mut self, group: IpAddress) -> Result<(), Error> {
        let known = self.groups.joined.iter().position(|joined| *joined == group);
        self.groups.joined.swap_remove(known.ok_or(Error::AddressNotAvailable)?);
        let _ = self.iface.leave_multicast_group(group);
        self.groups.something_changed();
        Ok(())
    }

    /// A router asks for groups: IGMP, RFC 2236 section 2, whose time is in tenths of a second; or
    /// MLD, RFC 3810 section 5.1, in thousandths.
    pub(crate) fn group_query(&mut self, frame: &[u8]) {
        #[cfg(feature = "proto-ipv4")]
        const UNIT: Duration = Duration::from_millis(100);
        let Some((_, packet)) = super::router::read_frame(self.caps.medium, frame) else { return };
        let wait = match (packet.dst, packet.payload) {
            #[cfg(feature = "proto-ipv4")]
            (IpAddress::Ipv4(_), [0x11, code, ..]) => match *code {
                // IGMPv1: one answer in each unit.
                0 => UNIT * (MOST_GROUPS as u32 + 1),
                code @ 1..128 => UNIT * u32::from(code),
                code => UNIT * (u32::from(code & 0xf | 0x10) << (u32::from(code >> 4 & 7) + 3)),
            },
            #[cfg(feature = "proto-ipv6")]
            (IpAddress::Ipv6(_), [_, _, _, _, high, low, ..]) => {
                Duration::from_millis(u16::from_be_bytes([*high, *low]).into())
            }
            _ => return,
        };
        self.groups.asked(self.now, wait);
    }

    /// What became of the turn without a socket.
    pub(crate) fn groups_had_a_turn(&mut self, sending: Sending) {
        if sending != Sending::Nothing {
            return;
        }
        if core::mem::take(&mut self.groups.rejoining) {
            self.join_again();
            return self.groups.something_changed();
        }
        let (now, groups) = (self.now, &mut self.groups);
        groups.quiet = Some(now);
        // Once a question with little time is answered, one with much is left that needs no such
        // steps.
        let step = groups.step.max((now - groups.asked) / LOOKS);
        groups.next = (now + step).min(groups.until);
        groups.open = now < groups.until;
    }

    /// The addresses of the interface have changed, and with them the groups of IPv6 that neighbours
    /// use to find them.
    pub(crate) fn groups_changed(&mut self) {
        #[cfg(feature = "proto-ipv4")]
        {
            let has_ipv4 = self.iface.ipv4_addr().is_some();
            if has_ipv4 && !core::mem::replace(&mut self.groups.had_ipv4, has_ipv4) {
                self.report_groups_again();
            }
            self.groups.had_ipv4 = has_ipv4;
        }
        self.groups.something_changed();
    }

    /// The link is back, perhaps at another switch, which knows of no group: they are all left and
    /// joined again, as there is no other way to have smoltcp report them.
    pub(crate) fn report_groups_again(&mut self) {
        for group in self.all_groups() {
            if self.iface.has_multicast_group(group) {
                let _ = self.iface.leave_multicast_group(group);
            }
        }
        self.groups.rejoining = true;
        self.groups.something_changed();
    }

    fn join_again(&mut self) {
        for group in self.all_groups() {
            // All that had room before have it again.
            let _ = self.iface.join_multicast_group(group);
        }
    }

    /// Those of the application, and then those of the interface's own addresses.
    fn all_groups(&self) -> heapless::Vec<IpAddress, MOST_GROUPS> {
        let mut all = self.groups.joined.clone();
        for cidr in self.iface.ip_addrs() {
            if let Some(group) = self.own_group(cidr.address())
                && !all.contains(&group)
                && all.push(group).is_err()
            {
                break;
            }
        }
        all
    }

    /// The group by which neighbours find an address: RFC 4291 section 2.7.1.
    fn own_group(&self, addr: IpAddress) -> Option<IpAddress> {
        match addr {
            #[cfg(all(feature = "proto-ipv6", feature = "medium-ethernet"))]
            IpAddress::Ipv6(addr) if self.caps.medium == Medium::Ethernet => {
                let [.., a, b, c] = addr.octets();
                let last = u16::from_be_bytes([b, c]);
                Some(IpAddress::v6(0xff02, 0, 0, 0, 0, 1, 0xff00 | u16::from(a), last))
            }
            _ => None,
        }
    }
}

/// Exchanges "joined" and "left" in a report of MLDv2, which smoltcp has the wrong way round: RFC
/// 3810 section 5.2.12 calls a change to listening to all sources EXCLUDE, with none excluded.
#[cfg(feature = "proto-ipv6")]
pub(super) fn mend_report(medium: Option<Medium>, frame: &mut [u8]) {
    const REPORT: u8 = 143;
    const TO_INCLUDE: u8 = 3;
    const TO_EXCLUDE: u8 = 4;
    let start = match medium {
        #[cfg(feature = "medium-ethernet")]
        Some(Medium::Ethernet) => 14,
        _ => 0,
    };
    let Some((header, rest)) =
        frame.get_mut(start..).and_then(|packet| packet.split_at_mut_checked(40))
    else {
        return;
    };
    // The router alert, a hop-by-hop header of eight bytes, comes first.
    let (Some([0x60, .., 0, _]), Some([58, 0, ..])) = (header.first_chunk::<8>(), rest.get(..8))
    else {
        return;
    };
    let addresses = header.get(8..24).zip(header.get(24..40)).and_then(|(src, dst)| {
        Some((<[u8; 16]>::try_from(src).ok()?.into(), <[u8; 16]>::try_from(dst).ok()?.into()))
    });
    let (Some(message), Some((src, dst))) = (rest.get_mut(8..), addresses) else { return };
    let [REPORT, 0, sum_high, sum_low, _, _, _, _, kind, ..] = message else { return };
    *kind = match *kind {
        TO_INCLUDE => TO_EXCLUDE,
        TO_EXCLUDE => TO_INCLUDE,
        _ => return,
    };
    // Otherwise it is the device that makes it.
    if (*sum_high, *sum_low) != (0, 0) {
        Icmpv6Packet::new_unchecked(message).fill_checksum(&src, &dst);
    }
}
