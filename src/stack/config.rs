//! What a stack is told when it is built.

use smoltcp::time::Duration;
use smoltcp::wire::HardwareAddress;

/// Time limits on what a peer may owe, each one switched off by `None`.
///
/// They are kept as milliseconds, rounded up; one of more than 49 days is none.
///
/// ```
/// use sockstate::{Config, Duration};
///
/// let mut config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 0x1234_5678_9abc_def0);
/// config.deadlines.connect = Some(Duration::from_secs(5));
/// config.deadlines.unreachable = None;
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Deadlines {
    /// From a connection request to the answer; less for an address of a host that has others, see
    /// `connect_by_name`. Default: 30 s.
    pub connect: Option<Duration>,
    /// From a SYN that a listener answered to the ACK that completes the connection; then the
    /// half-open connection makes room for the next one. Default: 10 s.
    pub handshake: Option<Duration>,
    /// From the last word of a peer that owes an acknowledgement to giving it up, or from the
    /// first probe (keep-alive, or of a closed window) that it does not answer; each connection
    /// may set its own. For UDP, ICMP and raw sockets: how long a datagram waits for its next hop
    /// to be found. Default: 60 s.
    pub unreachable: Option<Duration>,
    /// From the close of a connection (or the last progress in delivering what it still had to
    /// send) to a RST. Default: 30 s.
    pub closing: Option<Duration>,
    /// From the first question of a look-up to giving the name servers up. Default: 10 s. For a
    /// shorter limit on one look-up there is [`Net::block_for`](crate::Net::block_for). Less than
    /// two seconds is too little: look-ups that begin anew more often than that, with a server on
    /// the same link that is gone, keep the stack from finding other neighbours.
    #[cfg(feature = "dns")]
    pub lookup: Option<Duration>,
}

impl Default for Deadlines {
    fn default() -> Self {
        Deadlines {
            connect: Some(Duration::from_secs(30)),
            handshake: Some(Duration::from_secs(10)),
            unreachable: Some(Duration::from_secs(60)),
            closing: Some(Duration::from_secs(30)),
            #[cfg(feature = "dns")]
            lookup: Some(Duration::from_secs(10)),
        }
    }
}

/// What a listener does with a connection request while all slots of its backlog are taken.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Overflow {
    /// Says nothing: the peer asks again, a second later as a rule. What Linux does by default.
    #[default]
    Ignore,
    /// Answers with a RST: the peer sees its connection refused at once.
    Refuse,
}

/// What a stack is told when it is built.
///
/// The seed is an argument and not an option: initial sequence numbers, ephemeral ports and the
/// hash of the socket table come from it, and a guessable one lets strangers forge segments
/// (RFC 6528, RFC 6056). Take it from a hardware random number generator, or from whatever
/// differs at every boot.
///
/// ```
/// use sockstate::Config;
///
/// let seed = 0x1234_5678_9abc_def0; // from the board's random number generator
/// let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], seed);
/// ```
#[derive(Clone, Copy, Debug)]
#[non_exhaustive]
pub struct Config {
    /// The hardware address; `HardwareAddress::Ip` for a device of plain IP packets.
    pub hardware_addr: HardwareAddress,
    /// The random seed.
    pub seed: u64,
    /// Time limits.
    pub deadlines: Deadlines,
    /// What listeners do when their backlog is full.
    pub overflow: Overflow,
    /// What a blocking call does while there is nothing to do. The argument is the time until
    /// the stack has work again, `None` if only a frame can bring some: spin (the default), wait
    /// for an interrupt, or sleep.
    ///
    /// A frame may arrive just before the wait begins, and must end it at once. On Arm cores
    /// `wfe` does that, as each interrupt leaves an event behind; `wfi` does if interrupts are off
    /// while the device is looked at (module [`firmware`](crate::firmware)), and sleeps through
    /// otherwise.
    pub idle: fn(Option<Duration>),
    /// How many connection requests a listener takes at once where the caller cannot say so:
    /// embedded-nal's `listen`, edge-nal's `bind`. Default: 4.
    pub backlog: u16,
    /// Whether the stack takes addresses and routers of IPv6 from what routers advertise (RFC 4862,
    /// RFC 4861), on Ethernet. It asks for routers when it is built and when the link comes up,
    /// and has a link-local address, formed of the hardware address (RFC 4291 appendix A), unless
    /// it is given one before. Default: no.
    ///
    /// For each prefix of 64 bits that is advertised for it, the interface gets an address, as long
    /// as the prefix is valid; sockets of one that is over end with
    /// [`Error::AddressLost`](crate::Error::AddressLost). smoltcp has room for two addresses, which
    /// are the link-local one and one more: with IPv4 beside it, or several prefixes, set
    /// `SMOLTCP_IFACE_MAX_ADDR_COUNT` when smoltcp is compiled. What finds no room is left out. A
    /// gateway that was set is preferred to advertised ones.
    ///
    /// Not done: finding out whether a neighbour has the same address (RFC 4862 section 5.4), other
    /// addresses for new connections when one is no longer preferred, name servers (RFC 8106), and
    /// DHCPv6.
    #[cfg(feature = "slaac")]
    pub slaac: bool,
}

impl Config {
    /// For a device of Ethernet frames.
    #[cfg(feature = "medium-ethernet")]
    pub fn ethernet(mac: [u8; 6], seed: u64) -> Self {
        let addr = smoltcp::wire::EthernetAddress(mac);
        Config::new(HardwareAddress::Ethernet(addr), seed)
    }

    /// For a device of plain IP packets.
    #[cfg(feature = "medium-ip")]
    pub fn ip(seed: u64) -> Self {
        Config::new(HardwareAddress::Ip, seed)
    }

    fn new(hardware_addr: HardwareAddress, seed: u64) -> Self {
        Config {
            hardware_addr,
            seed,
            deadlines: Deadlines::default(),
            overflow: Overflow::default(),
            idle: spin,
            backlog: 4,
            #[cfg(feature = "slaac")]
            slaac: false,
        }
    }
}

fn spin(_delay: Option<Duration>) {
    core::hint::spin_loop();
}
