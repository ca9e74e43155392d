//! Addresses and routers from router advertisements: stateless address autoconfiguration of IPv6,
//! RFC 4862, with the router discovery of RFC 4861 section 6.3.
//!
//! smoltcp has this too, and it is not used: with it on, smoltcp's answer to when a socket wants
//! its turn is no longer about that socket, which this stack relies on, and an interface without a
//! link-local address panics.

use smoltcp::iface::Route;
use smoltcp::phy::Medium;
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{Icmpv6Packet, IpAddress, IpCidr, Ipv6Address};

use super::core::{Core, later};
use super::slot::NEVER;

/// RFC 4861 section 10.
const MOST_SOLICITATIONS: u8 = 3;
const SOLICITATION_INTERVAL: Duration = Duration::from_secs(4);
const MOST_DELAY_MILLIS: u64 = 1_000;

/// RFC 4862 section 5.5.3: nobody can shorten what is left of an address below this.
const TWO_HOURS: Duration = Duration::from_secs(2 * 3_600);

const ALL_ROUTERS: Ipv6Address = Ipv6Address::new(0xff02, 0, 0, 0, 0, 0, 0, 2);
const DEFAULT: IpCidr = IpCidr::new(IpAddress::v6(0, 0, 0, 0, 0, 0, 0, 0), 0);

const ETHERNET: usize = 14;
const IPV6: usize = 40;
const ICMPV6: u8 = 58;
const SOLICITATION: u8 = 133;
const ADVERTISEMENT: u8 = 134;

/// A question for routers: in Ethernet and IPv6, with the option that names the sender.
type Solicitation = heapless::Vec<u8, { ETHERNET + IPV6 + 16 }>;

/// What was learnt from routers, beside the routes, which smoltcp keeps.
pub(crate) struct Slaac {
    on: bool,
    /// How many questions may still be sent, and when the next one is.
    left: u8,
    ask_at: Instant,
    addresses: heapless::Vec<Learnt, { smoltcp::config::IFACE_MAX_ADDR_COUNT }>,
    /// When there is something to do.
    due: Instant,
}

/// An address, and when its time is over.
#[derive(Clone, Copy)]
struct Learnt {
    cidr: IpCidr,
    until: Instant,
}

impl Slaac {
    pub(crate) const fn new(on: bool) -> Self {
        Slaac { on, left: 0, ask_at: NEVER, addresses: heapless::Vec::new(), due: NEVER }
    }

    pub(crate) fn delay(&self, now: Instant) -> Option<Duration> {
        (self.due != NEVER).then(|| self.due.max(now) - now)
    }
}

impl Core {
    /// Begins to ask for routers, and gives the interface an address to ask from.
    pub(crate) fn slaac_begin(&mut self) {
        if !self.slaac.on {
            return;
        }
        let has_one = self.link_local().is_some();
        if let Some(addr) = self.eui64([0xfe, 0x80, 0, 0, 0, 0, 0, 0]).filter(|_| !has_one) {
            self.assign(addr);
        }
        // Not all hosts at once, when the power is back (RFC 4861 section 6.3.7).
        let delay = Duration::from_millis(self.rng.next() % MOST_DELAY_MILLIS);
        self.slaac.left = MOST_SOLICITATIONS;
        self.slaac.ask_at = self.now + delay;
        self.slaac_plan();
    }

    /// The application has set an address: its time is not for a router to say.
    pub(crate) fn slaac_leaves(&mut self, addr: IpAddress) {
        self.slaac.addresses.retain(|known| known.cidr.address() != addr);
    }

    /// Whether a question is to be sent now. Ends what is over, if something is.
    pub(crate) fn solicits(&mut self) -> bool {
        if self.slaac.due > self.now {
            return false;
        }
        self.slaac_expire();
        self.slaac.left > 0 && self.slaac.ask_at <= self.now
    }

    /// The question, RFC 4861 section 4.1; it counts as asked.
    pub(crate) fn solicitation(&mut self) -> Solicitation {
        self.slaac.left -= 1;
        self.slaac.ask_at = self.now + SOLICITATION_INTERVAL;
        self.slaac_plan();

        let own = self.hardware_addr().unwrap_or_default();
        let src = self.link_local().unwrap_or(Ipv6Address::UNSPECIFIED);
        let mut message: heapless::Vec<u8, 16> = heapless::Vec::new();
        let _ = message.extend_from_slice(&[SOLICITATION, 0, 0, 0, 0, 0, 0, 0]);
        if !src.is_unspecified() {
            let _ = message.extend_from_slice(&[1, 1]);
            let _ = message.extend_from_slice(&own);
        }
        Icmpv6Packet::new_unchecked(&mut message[..]).fill_checksum(&src, &ALL_ROUTERS);

        let mut frame = Solicitation::new();
        let len = [0, message.len() as u8];
        for part in [
            &[0x33, 0x33, 0, 0, 0, 2][..],
            &own,
            &[0x86, 0xdd],
            &[0x60, 0, 0, 0],
            &len,
            &[ICMPV6, 255],
            &src.octets(),
            &ALL_ROUTERS.octets(),
            &message,
        ] {
            // It has room for all of them.
            let _ = frame.extend_from_slice(part);
        }
        frame
    }

    /// What a router advertises, if that is what the frame is: RFC 4861 section 6.3.4.
    pub(crate) fn router_advert(&mut self, frame: &[u8]) {
        if !self.slaac.on {
            return;
        }
        let Some((whole, packet)) = super::router::read_frame(self.caps.medium, frame) else {
            return;
        };
        #[cfg_attr(not(feature = "proto-ipv4"), allow(irrefutable_let_patterns))]
        let (IpAddress::Ipv6(src), IpAddress::Ipv6(dst)) = (packet.src, packet.dst) else { return };
        let message = packet.payload;
        // RFC 4861 section 6.1.2: a hop limit of 255 shows that it comes from this link.
        let [ADVERTISEMENT, 0, _, _, _, _, life @ .., _, _, _, _, _, _, _, _] =
            message.first_chunk::<16>().copied().unwrap_or_default()
        else {
            return;
        };
        let sound = whole.get(7) == Some(&255)
            && self.is_addressed(frame)
            && src.is_unicast_link_local()
            && options(message).all(|option| option.is_some())
            && Icmpv6Packet::new_unchecked(message).verify_checksum(&src, &dst);
        if !sound {
            return;
        }
        let life = Duration::from_secs(u16::from_be_bytes(life).into());
        self.learn_router(src, life);
        for (kind, option) in options(message).flatten() {
            if kind == 3
                && let Some(option) = option.first_chunk::<30>()
            {
                self.learn_prefix(option);
            }
        }
        if life > Duration::ZERO {
            self.slaac.left = 0;
        }
        self.slaac_plan();
    }

    /// A router of that default is forgotten after its time; at once, if it has none.
    fn learn_router(&mut self, router: Ipv6Address, life: Duration) {
        let until = later(self.now, life);
        let via = IpAddress::Ipv6(router);
        let learnt = |route: &Route| route.cidr == DEFAULT && route.expires_at.is_some();
        let mut is_new = false;
        self.iface.routes_mut().update(|routes| {
            let known = routes.iter_mut().find(|route| learnt(route) && route.via_router == via);
            match known {
                Some(route) => route.expires_at = Some(until),
                None if life > Duration::ZERO => {
                    let route = Route {
                        cidr: DEFAULT,
                        via_router: via,
                        preferred_until: None,
                        expires_at: Some(until),
                    };
                    // Before the gateway that was set, which smoltcp then prefers.
                    is_new = routes.insert(0, route).is_ok();
                }
                None => {}
            }
        });
        if is_new {
            self.table.wake_stalled();
        }
    }

    /// The prefix information option, without its first two bytes: RFC 4861 section 4.6.2, RFC 4862
    /// section 5.5.3.
    fn learn_prefix(&mut self, option: &[u8; 30]) {
        const FOR_ADDRESSES: u8 = 0x40;
        let [len, flags, v0, v1, v2, v3, p0, p1, p2, p3, _, _, _, _, prefix @ ..] = *option;
        let (valid, preferred) =
            (u32::from_be_bytes([v0, v1, v2, v3]), u32::from_be_bytes([p0, p1, p2, p3]));
        let [prefix @ .., _, _, _, _, _, _, _, _] = prefix;
        let unfit = prefix[0] == 0xff || (prefix[0] == 0xfe && prefix[1] & 0xc0 == 0x80);
        if flags & FOR_ADDRESSES == 0 || len != 64 || preferred > valid || unfit {
            return;
        }
        let Some(cidr) = self.eui64(prefix) else { return };
        let now = self.now;
        let until = match valid {
            u32::MAX => NEVER,
            valid => later(now, Duration::from_secs(valid.into())),
        };
        match self.slaac.addresses.iter_mut().find(|known| known.cidr == cidr) {
            Some(known) => {
                let floor = (now + TWO_HOURS).min(known.until);
                known.until = until.max(floor);
            }
            None if valid > 0 => {
                let room = !self.slaac.addresses.is_full();
                if room && !self.iface.has_ip_addr(cidr.address()) && self.assign(cidr) {
                    let _ = self.slaac.addresses.push(Learnt { cidr, until });
                }
            }
            None => {}
        }
    }

    /// Takes away what is over.
    fn slaac_expire(&mut self) {
        let now = self.now;
        self.iface.routes_mut().update(|routes| {
            routes.retain(|route| route.expires_at.is_none_or(|until| until > now));
        });
        let is_over = |known: &Learnt| known.until <= now;
        if self.slaac.addresses.iter().any(is_over) {
            let known = self.slaac.addresses.clone();
            self.iface.update_ip_addrs(|addrs| {
                addrs.retain(|cidr| {
                    !known.iter().any(|known| known.cidr == *cidr && is_over(known))
                });
            });
            self.slaac.addresses.retain(|known| !is_over(known));
            self.addresses_changed();
            self.pulse.arrives();
            self.rang = true;
        }
        self.slaac_plan();
    }

    /// Finds out when there is something to do next.
    fn slaac_plan(&mut self) {
        let asks = if self.slaac.left > 0 { self.slaac.ask_at } else { NEVER };
        let mut due = self.slaac.addresses.iter().map(|known| known.until).fold(asks, Instant::min);
        self.iface.routes_mut().update(|routes| {
            due = routes.iter().filter_map(|route| route.expires_at).fold(due, Instant::min);
        });
        self.slaac.due = due;
    }

    fn assign(&mut self, cidr: IpCidr) -> bool {
        let mut added = false;
        self.iface.update_ip_addrs(|addrs| added = addrs.push(cidr).is_ok());
        if added {
            self.addresses_changed();
        }
        added
    }

    fn link_local(&self) -> Option<Ipv6Address> {
        self.iface.ip_addrs().iter().find_map(|cidr| match cidr.address() {
            IpAddress::Ipv6(addr) if addr.is_unicast_link_local() => Some(addr),
            _ => None,
        })
    }

    /// The address of this interface on a network: its hardware address with two bytes in the
    /// middle, and the bit the other way round that says who gave it out (RFC 4291 appendix A).
    fn eui64(&self, [a, b, c, d, e, f, g, h]: [u8; 8]) -> Option<IpCidr> {
        let [i, j, k, l, m, n] = self.hardware_addr()?;
        let bytes = [a, b, c, d, e, f, g, h, i ^ 2, j, k, 0xff, 0xfe, l, m, n];
        Some(IpCidr::new(IpAddress::Ipv6(Ipv6Address::from(bytes)), 64))
    }
}

/// Whether a stack can do this at all: only Ethernet has what addresses are formed of.
pub(super) fn is_possible(medium: Medium) -> bool {
    medium == Medium::Ethernet
}

/// The options of an advertisement, each with its type and what is in it; `None` in the place of
/// one that cannot be, after which there are no more.
fn options(message: &[u8]) -> impl Iterator<Item = Option<(u8, &[u8])>> {
    let mut rest = message.get(16..).unwrap_or_default();
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let option = rest
            .get(1)
            .map(|words| usize::from(*words) * 8)
            .filter(|len| *len > 0)
            .and_then(|len| rest.split_at_checked(len));
        match option {
            Some(([kind, _, inside @ ..], after)) => {
                rest = after;
                Some(Some((*kind, inside)))
            }
            _ => {
                rest = &[];
                Some(None)
            }
        }
    })
}
