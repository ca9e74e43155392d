//! Look-ups: UDP slots that ask a name server.
//!
//! The stack keeps of a look-up only how far it is, beside the slot. The name comes with every
//! call, so that it takes no memory here; hence the stack cannot ask again by itself. It only
//! wakes whoever waits when it is time to: the deadline of such a slot is its alarm.

mod asking;
mod hosts;
mod local;
mod message;
mod unheld;

use core::fmt::Write;
use core::net::IpAddr;
use core::num::NonZeroU32;

use smoltcp::time::Duration;
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use self::local::is_local;
use self::message::{Question, Record, Reply};
use super::core::{Core, later};
use super::peer::Peer;
use super::slot::SlotId;
use crate::addr::ip_address;
use crate::{AddrType, Error, HostAddrs, Protocol};

/// The port of name servers (RFC 1035 section 4.2.1).
const PORT: u16 = 53;

/// The most name servers that are kept: as many as the resolvers of other systems.
pub(crate) const MOST_SERVERS: usize = 3;

/// How long after an alarm that nobody heard comes the next one. After the first of them, a look-up
/// that nobody holds gives up its slot if that is needed.
const REMINDER: Duration = Duration::from_secs(1);

/// How many alarms nobody hears before a look-up that nobody holds is forgotten.
const ABANDONED: u8 = 11;

type Nb<R> = nb::Result<R, Error>;

/// What is to be found.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wanted {
    /// The address of a host.
    Addr(AddrType),
    /// The addresses of a host of both IP versions that the interface has, asked for at once.
    Hosts,
    /// The name of a host, by the name under which that is filed.
    Name,
}

/// What was found.
#[derive(Clone, Debug)]
pub(crate) enum Answer {
    /// One address at least.
    Addrs(HostAddrs),
    /// A name of this length, which was written as far as there was room.
    Name(usize),
}

/// A look-up: how far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Query {
    /// The hash of the question, of a look-up that nobody holds: that is how it is found again.
    key: Option<NonZeroU32>,
    /// The transaction that the answer must name.
    id: u16,
    record: Record,
    /// The other kind of address is asked for if there is none of this kind.
    or_else: Option<Record>,
    /// The other kind is asked for in any case, at the same time.
    both: bool,
    /// The hosts of the link are asked, and not the servers.
    local: bool,
    /// How often it was asked.
    tries: u8,
    /// The servers that would not answer, a bit each; in the upper half those that would not tell
    /// the other kind, if both are asked for.
    failed: u8,
    /// How many milliseconds the servers have beyond the next alarm; `u32::MAX` for ever.
    left: u32,
    /// How many alarms it has had since it was asked: with the first, it is time to ask again.
    rung: u8,
    /// A server turned out to be gone: the next one is to be asked at once.
    hurried: bool,
}

impl Query {
    /// Whether its owner is to call again.
    #[cfg(any(feature = "watch", feature = "async"))]
    pub(crate) fn has_rung(self) -> bool {
        self.rung > 0 || self.hurried
    }

    /// Whether there is nothing more to ask this server for.
    fn has_failed(self, server: usize) -> bool {
        let others = if self.both { self.failed >> 4 } else { self.failed };
        self.failed & others & 1 << server != 0
    }
}

impl Core {
    pub(crate) fn set_name_servers(&mut self, servers: &[IpAddr]) -> Result<(), Error> {
        let mut known = heapless::Vec::new();
        for server in servers {
            let server = ip_address(*server)?;
            if !server.is_unicast() {
                return Err(Error::Unaddressable);
            }
            if !known.contains(&server) {
                known.push(server).map_err(|_| Error::OutOfNameServers)?;
            }
        }
        if core::mem::replace(&mut self.name_servers, known) != self.name_servers {
            // What look-ups know of servers is by their places.
            for id in self.table.udp_ids() {
                if let Some(query) = self.query(id).filter(|query| !query.local) {
                    // Its time may be over before the next alarm.
                    let query = Query { tries: 0, failed: 0, hurried: true, ..query };
                    self.set_peer(id, Peer::NameServer(query));
                    self.changed(id);
                }
            }
        }
        Ok(())
    }

    /// Whether a datagram is from one of those that are asked.
    pub(crate) fn may_answer(&self, query: Query, remote: IpEndpoint) -> bool {
        if query.local {
            return self.may_answer_locally(remote);
        }
        remote.port == PORT && self.name_servers.contains(&remote.addr)
    }

    /// Begins a look-up that has an owner.
    pub(crate) fn lookup_open(&mut self, name: &str, wanted: Wanted) -> Result<SlotId, Error> {
        self.lookup_start(name, wanted, None)
    }

    // The question is not to stand on the caller's stack.
    #[inline(never)]
    fn lookup_start(
        &mut self,
        name: &str,
        wanted: Wanted,
        key: Option<NonZeroU32>,
    ) -> Result<SlotId, Error> {
        let (record, or_else) = self.records(wanted)?;
        let local = is_local(name);
        // No slot, perhaps another's, for what can never be asked.
        let id = self.rng.next() as u16;
        let mut question = Question::EMPTY;
        question.write(name, id, !local)?;
        if self.name_servers.is_empty() && !local {
            return Err(Error::NoNameServer);
        }
        // A host of the link says nothing to a question for what it has not.
        let both = or_else.is_some() && (local || matches!(wanted, Wanted::Hosts));
        let slot = self.open(Protocol::Udp)?;
        let left = self.limits.lookup.millis();
        let query = Query {
            key,
            id,
            record,
            or_else,
            both,
            local,
            tries: 0,
            failed: 0,
            left,
            rung: 0,
            hurried: false,
        };
        let started = self
            .ephemeral_port(|core, port| core.udp_port_taken(IpListenEndpoint { addr: None, port }))
            .and_then(|port| self.udp_open(slot, IpListenEndpoint { addr: None, port }))
            .and_then(|()| self.ask(slot, query, &mut question));
        if started.is_err() {
            self.udp_forget(slot);
        }
        started.map(|()| slot)
    }

    /// The records to ask for, the second one if there is none of the first kind.
    fn records(&self, wanted: Wanted) -> Result<(Record, Option<Record>), Error> {
        #[cfg(feature = "proto-ipv4")]
        let v4 = Some(Record::A);
        #[cfg(not(feature = "proto-ipv4"))]
        let v4 = None;
        #[cfg(feature = "proto-ipv6")]
        let v6 = Some(Record::Aaaa);
        #[cfg(not(feature = "proto-ipv6"))]
        let v6 = None;
        let addrs = self.iface.ip_addrs();
        let in_use = |record: &Record| match record {
            #[cfg(feature = "proto-ipv4")]
            Record::A => addrs.iter().any(|addr| matches!(addr.address(), IpAddress::Ipv4(_))),
            #[cfg(feature = "proto-ipv6")]
            Record::Aaaa => addrs.iter().any(|addr| matches!(addr.address(), IpAddress::Ipv6(_))),
            Record::Ptr => false,
        };
        match wanted {
            Wanted::Name => Ok((Record::Ptr, None)),
            Wanted::Addr(AddrType::Ipv4) => Ok((v4.ok_or(Error::AddressFamily)?, None)),
            Wanted::Addr(AddrType::Ipv6) => Ok((v6.ok_or(Error::AddressFamily)?, None)),
            Wanted::Addr(AddrType::Either) | Wanted::Hosts => {
                match (v4.filter(in_use), v6.filter(in_use)) {
                    (Some(first), second) => Ok((first, second)),
                    (None, Some(only)) => Ok((only, None)),
                    (None, None) => Err(Error::NoAddress),
                }
            }
        }
    }

    fn query(&self, id: SlotId) -> Option<Query> {
        match self.peer(id) {
            Peer::NameServer(query) => Some(query),
            _ => None,
        }
    }

    /// Takes the answer to a look-up, or does what there is to do for one.
    // Nor is what is read of the answer.
    #[inline(never)]
    pub(crate) fn lookup_poll(&mut self, id: SlotId, name: &str, written: &mut [u8]) -> Nb<Answer> {
        let Some(mut query) = self.query(id) else { return Err(Error::WrongState.into()) };
        if !self.link_up {
            return Err(Error::LinkDown.into());
        }
        let mut is_due = query.rung > 0 || query.hurried;
        while let Some((reply, record, server)) = self.next_reply(id, query, name, written) {
            match (reply, query.or_else) {
                (Reply::Addresses(addrs), _) => return Ok(Answer::Addrs(addrs)),
                (Reply::Name(size), _) => return Ok(Answer::Name(size)),
                (Reply::NoRecord, Some(other)) => {
                    let rest = if record == query.record { other } else { query.record };
                    query = Query { tries: 0, failed: 0, ..query.only(rest) };
                    is_due = true;
                }
                (Reply::NoName | Reply::NoRecord, _) => return Err(Error::NameNotFound.into()),
                (Reply::Failure, _) => {
                    is_due |= query.failed & 1 << server == 0;
                    query.failed |= 1 << server;
                }
            }
        }
        if query.failed.count_ones() as usize >= self.name_servers.len().max(1) {
            return Err(Error::NameServerFailed.into());
        }
        if query.rung > 0 && query.left == 0 {
            return Err(Error::TimedOut.into());
        }
        if is_due {
            self.ask_again(id, query, name)?;
        }
        Err(nb::Error::WouldBlock)
    }

    /// The next answer to the question, to which one, and which server gave it. What else has
    /// arrived is passed over.
    fn next_reply(
        &mut self,
        id: SlotId,
        query: Query,
        name: &str,
        written: &mut [u8],
    ) -> Option<(Reply, Record, usize)> {
        let socket = self.table.get_mut(id)?.udp_mut()?;
        while let Ok((message, meta)) = socket.recv() {
            let place = self.name_servers.iter().position(|addr| *addr == meta.endpoint.addr);
            let Some(place) = place.or(query.local.then_some(0)) else { continue };
            let other = query.or_else.filter(|_| query.both);
            for record in core::iter::once(query.record).chain(other) {
                match message::answer(message, name, record, query.id, written) {
                    // What a host of the link does not know, another one may.
                    Some(Reply::NoName | Reply::Failure) if query.local => {}
                    Some(reply) => return Some((reply, record, place)),
                    None => {}
                }
            }
        }
        None
    }

    /// A name server cannot be reached, or nobody is there at its port: it has failed.
    pub(crate) fn lookup_report(&mut self, id: SlotId, query: Query, remote: IpEndpoint) -> bool {
        let place = self.name_servers.iter().position(|addr| *addr == remote.addr);
        let Some(place) = place.filter(|_| remote.port == PORT) else { return false };
        // With both kinds of address asked for, each has its bits.
        let both = if query.both { 1 << (place + 4) } else { 0 };
        let failed = query.failed | both | 1 << place;
        self.set_peer(id, Peer::NameServer(Query { failed, hurried: true, ..query }));
        true
    }

    /// The alarm of a look-up: its owner is to call again. One that nobody holds is given time for
    /// that, and then forgotten.
    pub(crate) fn lookup_alarm(&mut self, id: SlotId, query: Query) {
        let rung = query.rung.saturating_add(1);
        if query.key.is_some() && rung >= ABANDONED {
            return self.udp_forget(id);
        }
        self.set_peer(id, Peer::NameServer(Query { rung, ..query }));
        self.set_deadline(id, later(self.now, REMINDER));
    }
}

/// The name under which the name of an address is filed: RFC 1035 section 3.5, RFC 3596 section
/// 2.5.
pub(crate) fn reverse_name(addr: IpAddr) -> heapless::String<72> {
    let mut name = heapless::String::new();
    // It has room for the longest one.
    let _ = match addr.to_canonical() {
        IpAddr::V4(addr) => {
            let [a, b, c, d] = addr.octets();
            write!(name, "{d}.{c}.{b}.{a}.in-addr.arpa")
        }
        IpAddr::V6(addr) => addr
            .octets()
            .iter()
            .rev()
            .try_for_each(|byte| write!(name, "{:x}.{:x}.", byte & 0xf, byte >> 4))
            .and_then(|()| name.write_str("ip6.arpa")),
    };
    name
}
