//! Which sockets are ready: what changes on a slot is told to the one who waits for it.
//!
//! A slot that may have become ready is put on the list of the [`Watch`](crate::Watch) it is in,
//! and wakes whoever sleeps until then. So a loop over a thousand sockets visits those to which
//! something happened, and no others.

#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
mod vacancies;
#[cfg(feature = "async")]
mod wakers;
#[cfg(feature = "watch")]
mod watch;

use core::fmt;
use core::ops::{BitAnd, BitOr, Not};

use super::core::Core;
#[cfg(feature = "dns")]
use super::peer::Peer;
#[cfg(any(feature = "tcp", feature = "dns"))]
use super::slot::Flags;
use super::slot::{NONE, Role, SlotId};
use crate::Protocol;

#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
pub(crate) use vacancies::Vacancies;
#[cfg(feature = "watch")]
pub(crate) use watch::{WatchId, Watches};

/// What a socket is ready for, or what of it is waited for: a set.
///
/// A socket is ready for a call that would not block: because there is something to do, or because
/// it would fail. That the link is down is told of connections and look-ups alone: other sockets
/// outlast it.
///
/// ```
/// use sockstate::Ready;
///
/// let interest = Ready::RECEIVE | Ready::SEND;
/// assert!(interest.contains(Ready::SEND));
/// assert!(!interest.intersects(Ready::ACCEPT));
/// assert!((interest & Ready::ACCEPT).is_empty());
/// assert_eq!(format!("{interest:?}"), "RECEIVE | SEND");
/// ```
#[derive(Clone, Copy, Default, PartialEq, Eq, Hash)]
#[cfg_attr(feature = "defmt", derive(defmt::Format))]
pub struct Ready(u8);

impl Ready {
    /// Nothing. A socket that is watched for nothing still tells of its end.
    pub const NONE: Ready = Ready(0);
    /// Something can be received: data, the end of the stream, a datagram, or the answer to a
    /// look-up (or it is time to ask for it again).
    pub const RECEIVE: Ready = Ready(1);
    /// There is room to send: for a byte, or for any datagram that fits into a frame (for a longer
    /// one, wait for [`FLUSHED`](Ready::FLUSHED)). For a connection request: it was accepted.
    pub const SEND: Ready = Ready(2);
    /// A connection can be accepted.
    pub const ACCEPT: Ready = Ready(4);
    /// Everything that was sent is delivered: `flush` would not block.
    pub const FLUSHED: Ready = Ready(8);
    /// It is over: the connection ended, the connection request failed, or what was to be closed
    /// is closed. It need not be asked for. Of a host that was named it is told for each address
    /// that fails: `poll` goes on to the next one, or says that there is none.
    pub const ENDED: Ready = Ready(16);

    /// Everything.
    pub(crate) const ALL: Ready = Ready(u8::MAX);

    /// Whether all of `other` is in this set.
    pub const fn contains(self, other: Ready) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some of `other` is in this set.
    pub const fn intersects(self, other: Ready) -> bool {
        self.0 & other.0 != 0
    }

    /// Whether there is nothing in this set.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    const fn when(self, condition: bool) -> Ready {
        if condition { self } else { Ready::NONE }
    }
}

impl fmt::Debug for Ready {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        const NAMES: [(Ready, &str); 5] = [
            (Ready::RECEIVE, "RECEIVE"),
            (Ready::SEND, "SEND"),
            (Ready::ACCEPT, "ACCEPT"),
            (Ready::FLUSHED, "FLUSHED"),
            (Ready::ENDED, "ENDED"),
        ];
        let mut names = NAMES.iter().filter(|(one, _)| self.contains(*one)).map(|(_, name)| name);
        f.write_str(names.next().unwrap_or(&"NONE"))?;
        names.try_for_each(|name| write!(f, " | {name}"))
    }
}

impl BitOr for Ready {
    type Output = Ready;

    fn bitor(self, other: Ready) -> Ready {
        Ready(self.0 | other.0)
    }
}

impl BitAnd for Ready {
    type Output = Ready;

    fn bitand(self, other: Ready) -> Ready {
        Ready(self.0 & other.0)
    }
}

impl Not for Ready {
    type Output = Ready;

    fn not(self) -> Ready {
        Ready(!self.0)
    }
}

/// What the writer of a connection waits for. The rest is the reader's.
pub(crate) const WRITER: Ready = Ready(Ready::SEND.0 | Ready::FLUSHED.0 | 64);

/// That the reader, or the writer, is in a set, even if it waits for nothing but the end.
#[cfg(feature = "watch")]
const MEMBERS: Ready = Ready(32 | 64);

/// Who waits for a slot, and for what.
#[derive(Debug)]
pub(crate) struct Waited {
    #[cfg(feature = "watch")]
    watched: watch::Watched,
    #[cfg(feature = "async")]
    wakers: wakers::Wakers,
}

impl Waited {
    /// Nobody waits.
    pub(crate) const BY_NOBODY: Self = Waited {
        #[cfg(feature = "watch")]
        watched: watch::Watched::BY_NOBODY,
        #[cfg(feature = "async")]
        wakers: wakers::Wakers::NONE,
    };

    /// What of the slot is waited for.
    fn interest(&self) -> Ready {
        let interest = Ready::NONE;
        #[cfg(feature = "watch")]
        let interest = interest | self.watched.interest();
        #[cfg(feature = "async")]
        let interest = interest | self.wakers.interest();
        interest
    }
}

/// What a slot is ready for.
impl Core {
    /// Something happened to a slot: whoever waits for that is told.
    pub(crate) fn changed(&mut self, id: SlotId) {
        let Some(slot) = self.slot(id) else { return };
        let interest = slot.waited.interest();
        if interest.is_empty() {
            return;
        }
        let ready = self.readiness_for(id, interest);
        if ready.is_empty() {
            return;
        }
        #[cfg(feature = "async")]
        self.wake(id, ready);
        #[cfg(feature = "watch")]
        self.enlist(id);
    }

    /// What happened may concern any slot: those who sleep are to look for themselves.
    pub(crate) fn all_changed(&mut self) {
        for id in self.table.ids() {
            self.changed(id);
            #[cfg(feature = "async")]
            self.wake(id, Ready::ALL);
        }
    }

    /// Nobody waits for a slot any more.
    pub(crate) fn unwait(&mut self, id: SlotId) {
        self.unwait_part(id, Ready::ALL);
    }

    /// One of two who hold a slot does not wait for it any more.
    fn unwait_part(&mut self, id: SlotId, part: Ready) {
        #[cfg(feature = "watch")]
        self.unwatch_part(id, part);
        #[cfg(feature = "async")]
        self.forget_wakers(id, part);
    }

    /// One half of a connection is gone.
    #[cfg(feature = "tcp")]
    pub(crate) fn unwait_half(&mut self, id: SlotId, half: Flags) {
        self.unwait_part(id, if half == Flags::NO_WRITER { WRITER } else { !WRITER });
    }

    /// A slot joins a backlog: whoever waits for the others waits for it.
    #[cfg(feature = "tcp")]
    pub(crate) fn wait_along(&mut self, head: SlotId, id: SlotId) {
        #[cfg(feature = "watch")]
        self.watch_along(head, id);
        #[cfg(feature = "async")]
        self.wake_along(head, id);
    }

    /// A socket needs a look-up: whoever watches the socket watches that.
    #[cfg(feature = "dns")]
    pub(crate) fn look_up_along(&mut self, id: SlotId, lookup: SlotId) {
        #[cfg(feature = "watch")]
        self.watch_look_up(id, lookup);
        #[cfg(not(feature = "watch"))]
        let _ = (id, lookup);
    }

    /// A connection is complete, and there is no slot to take its place in the backlog.
    #[cfg(feature = "tcp")]
    pub(crate) fn starve(&mut self, id: SlotId) {
        self.starved = true;
        if let Some(slot) = self.slot_mut(id) {
            slot.flags.set(Flags::STARVED, true);
        }
    }

    /// A slot is free: a connection that waited for that can be accepted, and a task that waits for
    /// connections makes its backlog larger.
    pub(crate) fn feed_starved(&mut self) {
        #[cfg(all(feature = "tcp", feature = "async"))]
        if core::mem::take(&mut self.short) {
            for id in self.table.tcp_ids() {
                if self.slot(id).is_some_and(|slot| slot.role == Role::Backlog) {
                    self.wake(id, Ready::ACCEPT);
                }
            }
        }
        #[cfg(feature = "tcp")]
        if core::mem::take(&mut self.starved) {
            for id in self.table.tcp_ids() {
                let Some(slot) = self.slot_mut(id) else { continue };
                if slot.role == Role::Backlog && slot.flags.has(Flags::STARVED) {
                    slot.flags.set(Flags::STARVED, false);
                    self.changed(id);
                }
            }
        }
    }

    /// The slot of a backlog that comes after this one.
    fn next_of_backlog(&self, id: SlotId) -> Option<SlotId> {
        let next = self.slot(id)?.group;
        (next != NONE).then_some(next)
    }

    /// What a socket is ready for: a listener for what one of its slots is.
    #[cfg(feature = "async")]
    pub(crate) fn socket_readiness(&mut self, id: SlotId) -> Ready {
        let (mut ready, mut next) = (Ready::NONE, Some(id));
        while let Some(id) = next {
            ready = ready | self.readiness(id);
            next = self.next_of_backlog(id);
        }
        ready
    }

    #[cfg(feature = "async")]
    pub(crate) fn readiness(&mut self, id: SlotId) -> Ready {
        self.readiness_for(id, Ready::ALL)
    }

    /// What of `interest` a slot is ready for: no more is found out than that.
    fn readiness_for(&mut self, id: SlotId, interest: Ready) -> Ready {
        let ready = match self.table.protocol(id) {
            #[cfg(feature = "tcp")]
            Protocol::Tcp => self.tcp_readiness(id, interest),
            #[cfg(feature = "udp")]
            Protocol::Udp => self.udp_readiness(id, interest),
            #[cfg(any(feature = "icmp", feature = "raw"))]
            Protocol::Icmp | Protocol::Raw => self.packet_readiness(id, interest),
            #[allow(unreachable_patterns)]
            _ => Ready::NONE,
        };
        ready & interest
    }

    #[cfg(feature = "tcp")]
    fn tcp_readiness(&self, id: SlotId, interest: Ready) -> Ready {
        use super::tcp::is_complete;
        use smoltcp::socket::tcp::State;

        let Some(slot) = self.slot(id) else { return Ready::NONE };
        let Some(socket) = slot.tcp() else { return Ready::NONE };
        let state = socket.state();
        match slot.role {
            #[cfg(feature = "dns")]
            Role::Held | Role::Bound if slot.flags.has(Flags::FOUND) => {
                Ready::RECEIVE | Ready::SEND
            }
            Role::Backlog => {
                Ready::ACCEPT.when(is_complete(state) && !slot.flags.has(Flags::STARVED))
            }
            Role::Held if slot.flags.has(Flags::DISCARD) => {
                Ready::ENDED.when(self.tcp_closed(id) != Err(nb::Error::WouldBlock))
                    | Ready::FLUSHED.when(self.tcp_flush(id) != Err(nb::Error::WouldBlock))
            }
            Role::Held if is_complete(state) => {
                let ended = Ready::ENDED.when(state == State::TimeWait);
                let receive = Ready::RECEIVE.when(socket.can_recv() || !socket.may_recv());
                let send = Ready::SEND.when(socket.can_send());
                let flushed = interest.intersects(Ready::FLUSHED) && self.tcp_flush(id).is_ok();
                receive | send | ended | Ready::FLUSHED.when(flushed)
            }
            Role::Held if state == State::Closed && slot.end.is_some() => {
                Ready::RECEIVE | Ready::SEND | Ready::FLUSHED | Ready::ENDED
            }
            _ => Ready::NONE,
        }
    }

    #[cfg(feature = "udp")]
    fn udp_readiness(&mut self, id: SlotId, interest: Ready) -> Ready {
        let Some(slot) = self.slot(id).filter(|slot| slot.role == Role::Held) else {
            return Ready::NONE;
        };
        let failed = slot.end.is_some();
        #[cfg(feature = "dns")]
        let found = slot.flags.has(Flags::FOUND);
        let Some(socket) = slot.udp() else { return Ready::NONE };
        let received = socket.can_recv();
        // Half of what is free is in one piece.
        let has_room = || {
            let (queued, capacity) = (socket.send_queue(), socket.payload_send_capacity());
            let largest = capacity.min(self.caps.ip_mtu());
            socket.can_send() && (queued == 0 || capacity - queued >= 2 * largest)
        };
        let room = interest.intersects(Ready::SEND) && has_room();
        let lost = socket.endpoint().addr.is_some_and(|addr| !self.iface.has_ip_addr(addr));
        match self.peer(id) {
            #[cfg(feature = "dns")]
            Peer::NameServer(query) => {
                Ready::RECEIVE.when(received || query.has_rung() || !self.link_up)
            }
            // Its look-up is what there is to wait for, until that has its answer.
            #[cfg(feature = "dns")]
            Peer::Sought => (Ready::RECEIVE | Ready::SEND).when(found) | Ready::ENDED.when(lost),
            _ => {
                let fails = failed || lost;
                let received = received && self.udp_head(id).is_some();
                Ready::RECEIVE.when(received || fails)
                    | Ready::SEND.when(room || fails)
                    | self.flushed(id, interest)
                    | Ready::ENDED.when(lost)
            }
        }
    }

    #[cfg(any(feature = "icmp", feature = "raw"))]
    fn packet_readiness(&mut self, id: SlotId, interest: Ready) -> Ready {
        let Some(slot) = self.slot(id).filter(|slot| slot.role == Role::Held) else {
            return Ready::NONE;
        };
        let fails = slot.end.is_some();
        let received = self.packet_received(id);
        Ready::RECEIVE.when(received || fails)
            | Ready::SEND.when(self.packet_has_room(id) || fails)
            | self.flushed(id, interest)
    }

    /// smoltcp is asked, which is not for nothing.
    #[cfg(any(feature = "udp", feature = "icmp", feature = "raw"))]
    fn flushed(&mut self, id: SlotId, interest: Ready) -> Ready {
        Ready::FLUSHED.when(interest.intersects(Ready::FLUSHED) && !self.has_work(id))
    }
}
