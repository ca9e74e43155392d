//! TCP slots: the transitions that sockets ask for, and what the network makes of them.

use core::net::SocketAddr;

use smoltcp::iface::Interface;
use smoltcp::socket::tcp::{Socket, State};
use smoltcp::time::{Duration, Instant};
use smoltcp::wire::{IpAddress, IpEndpoint, IpListenEndpoint};

use super::core::{Before, Cause, Core, Sending};
use super::limits::Limit;
use super::router::Said;
use super::slot::{Flags, NEVER, NONE, Role, Slot, SlotId};
use crate::addr::{ip_endpoint, overlap, socket_addr};
use crate::{Error, LocalEndpoint, Protocol};

/// Longer than smoltcp keeps a socket in TIME-WAIT: the deadline of such a slot does not end it,
/// it only tells which one has been waiting longest.
const TIME_WAIT_ORDER: Duration = Duration::from_secs(60);

/// Sooner than smoltcp ends TIME-WAIT, and later than it delays an acknowledgement: what it wants
/// to send before that is the acknowledgement of the peer's FIN.
const SOON: Duration = Duration::from_secs(5);

/// How long a RST may wait for the device before its slot is taken back regardless.
const LAST_WORD: Duration = Duration::from_millis(1_000);

/// Brings a socket back to CLOSED without a RST.
fn forget(socket: &mut Socket<'_>) {
    if socket.state() == State::Closed && socket.remote_endpoint().is_none() {
        return;
    }
    socket.abort();
    // `listen` is smoltcp's only way to reset a socket at once; the port is arbitrary.
    let _ = socket.listen(1);
    socket.close();
}

/// Whether the peer owes this side an acknowledgement.
pub(super) fn owes(socket: &Socket<'_>) -> bool {
    socket.send_queue() > 0
        || matches!(socket.state(), State::FinWait1 | State::Closing | State::LastAck)
}

/// Transitions of the application.
impl Core {
    pub(super) fn tcp(&self, id: SlotId) -> Option<&Socket<'static>> {
        self.slot(id)?.tcp()
    }

    pub(super) fn tcp_mut(&mut self, id: SlotId) -> Option<&mut Socket<'static>> {
        self.slot_mut(id)?.tcp_mut()
    }

    /// `Closed` to `Bound`.
    pub(crate) fn tcp_bind(&mut self, id: SlotId, local: LocalEndpoint) -> Result<(), Error> {
        let local = local.to_listen_endpoint()?;
        self.check_local(local)?;
        if self.tcp_port_taken(local) {
            return Err(Error::AddressInUse);
        }
        let socket = self.tcp_mut(id).ok_or(Error::WrongState)?;
        // smoltcp refuses a socket that is open. No RST leaves: `listen` begins anew.
        socket.abort();
        socket.listen(local).map_err(|_| Error::WrongState)?;
        if let Some(slot) = self.slot_mut(id) {
            slot.role = Role::Bound;
        }
        self.tcp_register(id);
        Ok(())
    }

    /// `Closed` or `Bound` to `Connecting`.
    pub(crate) fn tcp_connect(&mut self, id: SlotId, remote: SocketAddr) -> Result<(), Error> {
        let remote = self.tcp_check_remote(remote)?;
        let bound = (self.slot(id).map(|slot| slot.role) == Some(Role::Bound))
            .then(|| self.tcp(id).map(|socket| socket.listen_endpoint()))
            .flatten();
        let addr = match bound.and_then(|local| local.addr) {
            Some(addr) if addr.version() != remote.addr.version() => {
                return Err(Error::AddressFamily);
            }
            Some(addr) if !self.iface.has_ip_addr(addr) => return Err(Error::AddressLost),
            Some(addr) => addr,
            None => self.source_for(remote.addr)?,
        };
        if !self.routable(remote.addr) {
            return Err(Error::NoRoute);
        }
        let port = match bound {
            Some(local) if self.is_tuple_taken(IpEndpoint::new(addr, local.port), remote) => {
                return Err(Error::AddressInUse);
            }
            Some(local) => local.port,
            None => self.tcp_ephemeral_port(addr, remote)?,
        };
        let local = IpEndpoint::new(addr, port);
        let slot = self.table.get_mut(id).ok_or(Error::WrongState)?;
        slot.role = Role::Held;
        slot.end = None;
        slot.flags.set(Flags::UNSENT, true);
        #[cfg(feature = "dns")]
        slot.flags.set(Flags::FOUND, false);
        let socket = slot.tcp_mut().ok_or(Error::WrongState)?;
        // smoltcp refuses a socket that is open. No RST leaves: `connect` begins anew.
        socket.abort();
        socket.connect(self.iface.context(), remote, local).map_err(|_| Error::Unaddressable)?;
        self.tcp_register(id);
        self.set_deadline(id, self.after(self.limits.connect));
        self.table.touch(id);
        Ok(())
    }

    fn tcp_check_remote(&self, remote: SocketAddr) -> Result<IpEndpoint, Error> {
        let remote = ip_endpoint(remote)?;
        if remote.port == 0 {
            return Err(Error::PortZero);
        }
        if !remote.addr.is_unicast() || self.is_broadcast(remote.addr) {
            return Err(Error::Unaddressable);
        }
        if !self.link_up {
            return Err(Error::LinkDown);
        }
        Ok(remote)
    }

    /// `Bound` to `Listening`, with a backlog of so many slots, this one among them.
    pub(crate) fn tcp_listen(&mut self, id: SlotId, backlog: u16) -> Result<(), Error> {
        let local = self.tcp(id).ok_or(Error::WrongState)?.listen_endpoint();
        self.check_local(local)?;
        for _ in 1..backlog {
            if let Err(error) = self.tcp_grow(id, local) {
                // All or nothing: what was taken goes back, and the socket stays bound.
                let rest = self
                    .slot_mut(id)
                    .map_or(NONE, |slot| core::mem::replace(&mut slot.group, NONE));
                self.tcp_release_group(rest);
                return Err(error);
            }
        }
        if let Some(slot) = self.slot_mut(id) {
            slot.role = Role::Backlog;
        }
        Ok(())
    }

    /// Adds a slot to the backlog that begins with `head`.
    fn tcp_grow(&mut self, head: SlotId, local: IpListenEndpoint) -> Result<(), Error> {
        let id = self.open(Protocol::Tcp)?;
        if let Some(slot) = self.slot_mut(id) {
            slot.role = Role::Backlog;
        }
        self.tcp_rearm(id, local);
        #[cfg(any(feature = "watch", feature = "async"))]
        self.wait_along(head, id);
        let last = self.tcp_group(head).last().unwrap_or(head);
        if let Some(slot) = self.slot_mut(last) {
            slot.group = id;
        }
        Ok(())
    }

    /// Puts a slot of a backlog into LISTEN.
    fn tcp_rearm(&mut self, id: SlotId, local: IpListenEndpoint) {
        if let Some(slot) = self.table.get_mut(id) {
            slot.deadline = NEVER;
            slot.end = None;
            if let Some(socket) = slot.tcp_mut() {
                forget(socket);
            }
            slot.forget_neighbor(&mut self.iface, self.now);
            if let Some(socket) = slot.tcp_mut() {
                let _ = socket.listen(local);
            }
        }
        self.tcp_register(id);
    }

    /// The slots of a backlog, from the given one on.
    fn tcp_group(&self, head: SlotId) -> impl Iterator<Item = SlotId> {
        let existing = |id: SlotId| (id != NONE).then_some(id);
        core::iter::successors(existing(head), move |id| existing(self.slot(*id)?.group))
    }

    /// Takes the connection that was complete first out of a backlog and keeps the backlog at its
    /// size, as far as there are free slots. `head` is its first slot, and may become another one.
    ///
    /// A listener does not give its last slot away: it would be deaf, and nobody could tell a
    /// connection request to it from one to a port that nobody listens to.
    pub(crate) fn tcp_accept(
        &mut self,
        head: &mut SlotId,
        backlog: u16,
    ) -> Option<(SlotId, SocketAddr)> {
        let local = self.tcp(*head)?.listen_endpoint();
        let ready = self
            .tcp_group(*head)
            .filter_map(|id| Some((id, self.slot(id)?)))
            .filter(|(_, slot)| slot.tcp().is_some_and(|socket| is_complete(socket.state())))
            .max_by_key(|(_, slot)| self.completed.wrapping_sub(slot.number))
            .map(|(id, _)| id);
        let size = self.tcp_group(*head).count();
        let wanted = usize::from(backlog) + usize::from(ready.is_some());
        let grown = (size..wanted).take_while(|_| self.tcp_grow(*head, local).is_ok()).count();
        #[cfg(feature = "async")]
        if size + grown < wanted {
            self.short = true;
        }
        let ready = ready?;
        if size + grown == 1 {
            #[cfg(any(feature = "watch", feature = "async"))]
            self.starve(ready);
            return None;
        }

        self.unwait(ready);
        let slot = self.slot_mut(ready)?;
        let rest = core::mem::replace(&mut slot.group, NONE);
        slot.role = Role::Held;
        let remote = slot.tcp()?.remote_endpoint()?;
        if ready == *head {
            *head = rest;
        } else {
            let prev = self
                .tcp_group(*head)
                .find(|id| self.slot(*id).is_some_and(|slot| slot.group == ready));
            self.slot_mut(prev?)?.group = rest;
        }
        self.half_open = self.half_open.saturating_sub(1);
        self.tcp_watch(ready);
        Some((ready, socket_addr(remote)))
    }

    /// Ends the sending direction: a FIN follows what is still to be sent.
    pub(crate) fn tcp_shutdown(&mut self, id: SlotId) {
        if let Some(socket) = self.tcp_mut(id) {
            socket.close();
        }
        self.tcp_watch(id);
        self.table.touch(id);
    }

    /// Ends both directions for the application: what it sent is delivered, what arrives is not
    /// wanted any more.
    pub(crate) fn tcp_close(&mut self, id: SlotId) {
        if let Some(slot) = self.slot_mut(id) {
            slot.flags.set(Flags::DISCARD, true);
            if let Some(socket) = slot.tcp_mut() {
                socket.close();
            }
        }
        self.set_deadline(id, self.after(self.limits.closing));
        self.tcp_discard(id);
        self.table.touch(id);
    }

    /// Ends the connection with a RST.
    pub(crate) fn tcp_abort(&mut self, id: SlotId) {
        self.table.forget_recent();
        if let Some(socket) = self.tcp_mut(id) {
            socket.abort();
        }
        self.tcp_release(id);
    }

    /// Gives up a connection attempt.
    pub(crate) fn tcp_cancel(&mut self, id: SlotId, end: Error) {
        if let Some(slot) = self.slot_mut(id) {
            slot.end = Some(end);
            slot.deadline = NEVER;
            if let Some(socket) = slot.tcp_mut() {
                forget(socket);
            }
        }
        self.tcp_register(id);
    }

    /// Nobody holds the slot any more.
    pub(crate) fn tcp_release(&mut self, id: SlotId) {
        let Some(slot) = self.slot(id) else { return };
        if slot.role == Role::Backlog {
            return self.tcp_release_group(id);
        }
        let Some(socket) = slot.tcp() else { return };
        match socket.state() {
            // Nobody knows of it: a SYN-ACK for it is answered with a RST by the interface.
            State::Listen | State::SynSent => self.tcp_forget(id),
            State::Closed if socket.remote_endpoint().is_none() || !self.link_up => {
                self.tcp_forget(id);
            }
            State::Closed => self.tcp_orphan(id, self.now + LAST_WORD),
            // A request that crossed the peer's own. Closed now, smoltcp would take the ACK of its SYN
            // for that of a FIN, and never send one.
            State::SynReceived => self.tcp_abort(id),
            State::TimeWait => {
                self.tcp_orphan(id, self.now + TIME_WAIT_ORDER);
                self.slot_is_free(Protocol::Tcp);
            }
            _ => {
                let deadline = slot.deadline;
                let closing = slot.flags.has(Flags::DISCARD);
                self.tcp_close(id);
                // One that was closed before keeps its deadline.
                let deadline = if closing { deadline } else { self.after(self.limits.closing) };
                self.tcp_orphan(id, deadline);
            }
        }
    }

    fn tcp_orphan(&mut self, id: SlotId, deadline: Instant) {
        self.unwait(id);
        if let Some(slot) = self.slot_mut(id) {
            slot.role = Role::Closing;
            slot.flags.set(Flags::DISCARD, true);
        }
        self.set_deadline(id, deadline);
        self.table.touch(id);
    }

    fn tcp_forget(&mut self, id: SlotId) {
        if let Some(socket) = self.tcp_mut(id) {
            forget(socket);
        }
        self.free(id);
    }

    /// A listener is gone. Peers that believe themselves connected are told otherwise.
    fn tcp_release_group(&mut self, head: SlotId) {
        let mut next = head;
        while let Some(slot) = self.slot_mut(next) {
            let id = core::mem::replace(&mut next, slot.group);
            slot.role = Role::Held;
            slot.group = NONE;
            if self.tcp(id).is_some_and(|socket| socket.state() != State::Listen) {
                self.half_open = self.half_open.saturating_sub(1);
                self.tcp_abort(id);
            } else {
                self.tcp_release(id);
            }
        }
    }

    /// One half of a split connection is gone. The last one takes the connection with it; the
    /// writing half ends the sending direction.
    pub(crate) fn tcp_release_half(&mut self, id: SlotId, half: Flags) {
        let Some(slot) = self.slot_mut(id) else { return };
        slot.flags.set(half, true);
        #[cfg(any(feature = "watch", feature = "async"))]
        self.unwait_half(id, half);
        let Some(slot) = self.slot(id) else { return };
        if slot.flags.has(Flags::NO_READER) && slot.flags.has(Flags::NO_WRITER) {
            self.tcp_release(id);
        } else if slot.flags.has(Flags::NO_WRITER) {
            self.tcp_shutdown(id);
        }
    }

    /// Makes a slot whose connection is over fit for a new one. One in TIME-WAIT is left to it
    /// and exchanged for another; with no other, it is the oldest in TIME-WAIT and taken itself.
    pub(crate) fn tcp_renew(&mut self, id: SlotId) -> SlotId {
        if self.tcp(id).is_some_and(|socket| socket.state() == State::TimeWait) {
            self.tcp_orphan(id, self.now + TIME_WAIT_ORDER);
            return self.open(Protocol::Tcp).unwrap_or(id);
        }
        if let Some(socket) = self.tcp_mut(id) {
            forget(socket);
        }
        // It may still be waiting for the neighbour of the last connection.
        self.table.unlink(id);
        self.renew(id);
        self.tcp_register(id);
        id
    }

    /// Whether a closed connection is over: everything is delivered and acknowledged in both
    /// directions, and the peer has closed as well (or was told to, with a RST).
    pub(crate) fn tcp_is_over(&self, id: SlotId) -> bool {
        let Some(slot) = self.slot(id) else { return true };
        slot.tcp().is_none_or(|socket| match socket.state() {
            State::TimeWait => !slot.flags.has(Flags::UNSENT),
            State::Closed => socket.remote_endpoint().is_none(),
            _ => false,
        })
    }

    /// The oldest connection that only waits for old duplicates to die, cut short.
    pub(crate) fn recycle_time_wait(&mut self) -> Option<SlotId> {
        let (mut oldest, mut end) = (None, NEVER);
        for id in self.table.tcp_ids() {
            if let Some(slot) = self.slot(id)
                && slot.role == Role::Closing
                && slot.deadline < end
                && slot.tcp().is_some_and(|socket| socket.state() == State::TimeWait)
            {
                (oldest, end) = (Some(id), slot.deadline);
            }
        }
        let oldest = oldest?;
        self.tcp_forget(oldest);
        Some(oldest)
    }
}

/// Whether the handshake is done.
pub(super) fn is_complete(state: State) -> bool {
    !matches!(state, State::Closed | State::Listen | State::SynSent | State::SynReceived)
}

/// Whether a socket whose state has changed is to be found by something else than before: the states
/// of a connection all have the same two ends.
fn is_filed_anew(was: State, state: State) -> bool {
    was == State::Listen || matches!(state, State::Closed | State::Listen)
}

impl Slot {
    /// Follows what an open connection hears and says, if its state is what it was before, and all
    /// is said with that: for the time limit of the peer. A word of the peer puts it off, a question
    /// to the peer may bring it nearer. The slot is to be planned afterwards.
    #[inline]
    pub(super) fn heeds(
        &mut self,
        before: State,
        cause: Cause,
        iface: &mut Interface,
        now: Instant,
    ) -> bool {
        let is_followed = is_complete(before) && self.is_open();
        if !is_followed || self.tcp().is_none_or(|socket| socket.state() != before) {
            return false;
        }
        match cause {
            Cause::Ingress { full, .. } => {
                self.flags.set(Flags::FULL, full);
                self.deadline = NEVER;
                return !self.owes_last_word();
            }
            Cause::Egress(sending) => {
                if sending == Sending::Sent {
                    self.flags.set(Flags::UNSENT, false);
                }
                // One whose window is closed owes nothing until it is asked whether it still is.
                let asked = sending != Sending::Nothing;
                if self.deadline == NEVER || asked && self.may_probe() {
                    self.begin_patience(asked, iface, now);
                }
            }
        }
        true
    }

    /// Whether the peer's FIN is still to be acknowledged.
    fn owes_last_word(&self) -> bool {
        self.flags.has(Flags::UNSENT)
            && self.tcp().is_some_and(|socket| socket.state() == State::TimeWait)
    }

    /// Whether a turn to send in TIME-WAIT would do harm, and nothing else: at its end smoltcp
    /// empties a socket, and what was received before is not to be lost.
    pub(super) fn keeps_what_it_received(&self) -> bool {
        self.is_open()
            && !self.flags.has(Flags::UNSENT)
            && self.tcp().is_some_and(|socket| socket.can_recv())
    }

    /// Notes why the connection ended, if it just did.
    fn note_end(&mut self, was: State, state: State, cause: Cause) {
        if state != State::Closed || was == State::Closed || self.end.is_some() {
            return;
        }
        self.end = Some(match cause {
            // Both sides had closed, and all was acknowledged: nothing can undo that.
            _ if was == State::TimeWait => Error::PeerClosed,
            // In SYN-RECEIVED as well, if both ends asked at once (RFC 9293 section 3.10.7.4).
            Cause::Ingress { rst: true, .. } if !is_complete(was) => Error::Refused,
            Cause::Ingress { rst: true, .. } => Error::Reset,
            Cause::Ingress { rst: false, .. } => Error::PeerClosed,
            // smoltcp resets a socket in silence when its address is gone.
            Cause::Egress(_) => Error::AddressLost,
        });
        self.deadline = NEVER;
    }

    /// Whether smoltcp sends probes: of a closed window, or to keep the connection alive. What is
    /// sent is looked at then, since a time limit may have begun for a probe that was still to come.
    #[inline]
    pub(super) fn may_probe(&self) -> bool {
        self.flags.has(Flags::FULL) || self.tcp().is_some_and(|tcp| tcp.keep_alive().is_some())
    }

    /// Notes what has just been sent, of a connection request and of one that may probe.
    pub(super) fn has_said(&mut self, said: Said, now: Instant) {
        if let Some(number) = said.request {
            self.number = number;
        } else if self.is_open() {
            let asked_now = self.patience.after(now);
            if said.has_data {
                self.deadline = self.deadline.min(asked_now);
            } else if self.deadline > asked_now {
                // Nothing was asked yet, and what was sent has put the probe off.
                self.deadline = NEVER;
            }
        }
    }

    /// Begins the time limit of a peer that owes an answer, or has just been asked.
    fn begin_patience(&mut self, asked: bool, iface: &mut Interface, now: Instant) {
        if asked || !self.flags.has(Flags::FULL) {
            self.deadline = self.deadline.min(patience_ends(self, iface, now));
        }
    }

    /// Begins the time limit of a peer that owes an answer, if none has begun.
    pub(super) fn limit_patience(&mut self, iface: &mut Interface, now: Instant) {
        if self.deadline == NEVER
            && self.is_open()
            && self.tcp().is_some_and(|socket| is_complete(socket.state()))
        {
            self.begin_patience(false, iface, now);
        }
    }
}

/// When the patience with a peer is at its end. With one that will only be asked later, it begins
/// later: a probe may be further away than the patience lasts.
#[cfg_attr(feature = "indexed", inline)]
fn patience_ends(slot: &Slot, iface: &mut Interface, now: Instant) -> Instant {
    let (Some(socket), Some(set)) = (slot.tcp(), &slot.set) else { return NEVER };
    if slot.patience == Limit::NONE {
        return NEVER;
    }
    let begins = match socket.keep_alive() {
        _ if owes(socket) => {
            let asked = if slot.flags.has(Flags::FULL) { iface.poll_at(now, set) } else { None };
            asked.map_or(now, |asked| asked.max(now))
        }
        Some(interval) => now + interval,
        None => return NEVER,
    };
    slot.patience.after(begins)
}

/// What the network makes of a slot.
impl Core {
    /// Follows a connection whose state has changed, or that is not open for its application.
    pub(crate) fn tcp_settle(&mut self, id: SlotId, before: &Before, cause: Cause) {
        let Some(slot) = self.table.get_mut(id) else { return };
        let Some(socket) = slot.tcp() else { return };
        let (state, queued) = (socket.state(), socket.send_queue());
        if matches!(cause, Cause::Egress(Sending::Sent)) {
            slot.flags.set(Flags::UNSENT, false);
        }
        if state != before.tcp || state == State::Closed {
            slot.note_end(before.tcp, state, cause);
            let is_filed_anew = is_filed_anew(before.tcp, state);
            if is_filed_anew || state == State::TimeWait || slot.role == Role::Backlog {
                self.tcp_changed(id, before, state, is_filed_anew);
            }
        }
        if self.slot(id).is_some_and(Slot::owes_last_word) {
            self.tcp_look_for_last_word(id);
        }
        let Some(slot) = self.table.get_mut(id) else { return };
        if slot.heeds(state, cause, &mut self.iface, self.now) {
            return;
        }
        let is_over = match slot.role {
            Role::Held => slot.flags.has(Flags::DISCARD),
            role => role == Role::Closing,
        };
        if !is_over {
            return;
        }
        if queued < before.queued {
            self.set_deadline(id, self.after(self.limits.closing));
        }
        self.tcp_discard(id);
        self.tcp_bury(id, before, cause);
    }

    /// The state of a slot has changed to one that means more than that.
    fn tcp_changed(&mut self, id: SlotId, before: &Before, state: State, is_filed_anew: bool) {
        if is_filed_anew {
            self.tcp_register(id);
        }
        if self.slot(id).is_some_and(|slot| slot.role == Role::Backlog) {
            self.tcp_backlog_changed(id, before, state);
        }
        if state == State::TimeWait
            && before.tcp != State::TimeWait
            && let Some(slot) = self.slot_mut(id)
        {
            slot.flags.set(Flags::UNSENT, true);
        }
    }

    /// Whether the acknowledgement of the peer's FIN has still to be sent. It may have left as an
    /// answer to a frame, and not in a turn.
    fn tcp_look_for_last_word(&mut self, id: SlotId) {
        if self.wanted_at(id).is_none_or(|at| at >= self.now + SOON)
            && let Some(slot) = self.slot_mut(id)
        {
            slot.flags.set(Flags::UNSENT, false);
        }
    }

    /// The state of a slot of a backlog has changed.
    fn tcp_backlog_changed(&mut self, id: SlotId, before: &Before, state: State) {
        let was = before.tcp;
        match (was == State::Listen, state == State::Listen) {
            (true, false) => self.half_open += 1,
            (false, true) => self.half_open = self.half_open.saturating_sub(1),
            _ => {}
        }
        match state {
            State::SynReceived => self.set_deadline(id, self.after(self.limits.handshake)),
            State::Closed => {
                self.half_open = self.half_open.saturating_sub(1);
                self.tcp_rearm(id, before.listen);
            }
            // smoltcp goes back to LISTEN with what it had learnt of the last peer.
            State::Listen => self.tcp_rearm(id, before.listen),
            _ => {
                let number = self.completed;
                if let Some(slot) = self.slot_mut(id) {
                    slot.deadline = NEVER;
                    if !is_complete(was) {
                        slot.number = number;
                        self.completed = number.wrapping_add(1);
                    }
                }
            }
        }
    }

    /// Gives the peer a new time limit if it owes an answer or will be asked for one, and none
    /// otherwise.
    pub(crate) fn tcp_watch(&mut self, id: SlotId) {
        let Some(slot) = self.table.get(id) else { return };
        let ends = patience_ends(slot, &mut self.iface, self.now);
        self.set_deadline(id, ends);
    }

    /// Throws away what arrived after the application closed. Once everything the application
    /// sent is acknowledged, the peer is told so with a RST (RFC 1122 section 4.2.2.13).
    fn tcp_discard(&mut self, id: SlotId) {
        let Some(slot) = self.slot_mut(id) else { return };
        let Some(socket) = slot.tcp_mut() else { return };
        let mut unwanted = false;
        while socket.recv_queue() > 0 && socket.recv(|data| (data.len(), ())).is_ok() {
            unwanted = true;
        }
        let acknowledged = socket.state() == State::FinWait2;
        if unwanted {
            slot.flags.set(Flags::UNWANTED, true);
        }
        if acknowledged && slot.flags.has(Flags::UNWANTED) {
            self.tcp_part(id);
        }
    }

    /// Ends a closed connection that has nothing more to deliver with a RST, if that can be sent.
    fn tcp_part(&mut self, id: SlotId) {
        self.table.forget_recent();
        if let Some(socket) = self.tcp_mut(id) {
            socket.abort();
        }
        self.set_deadline(id, self.now + LAST_WORD);
        self.table.touch(id);
    }

    /// Frees a slot that nobody holds, once there is nothing more to deliver; one that is held has
    /// no deadline then.
    fn tcp_bury(&mut self, id: SlotId, before: &Before, cause: Cause) {
        let Some(slot) = self.slot(id) else { return };
        let Some(socket) = slot.tcp() else { return };
        let held = slot.role == Role::Held;
        match socket.state() {
            State::Closed if socket.remote_endpoint().is_none() => {
                if held {
                    self.set_deadline(id, NEVER);
                } else {
                    self.free(id);
                }
            }
            _ if held => {}
            State::TimeWait if before.tcp != State::TimeWait => {
                self.set_deadline(id, self.now + TIME_WAIT_ORDER);
                // From now on the slot is there for whoever needs one.
                self.slot_is_free(Protocol::Tcp);
            }
            State::Closed if matches!(cause, Cause::Egress(Sending::Stalled)) => {
                self.set_deadline(id, self.now + LAST_WORD);
            }
            _ => {}
        }
    }

    /// A time limit is over.
    pub(crate) fn tcp_expire(&mut self, id: SlotId) {
        self.table.forget_recent();
        let Some(slot) = self.slot_mut(id) else { return };
        slot.deadline = NEVER;
        let role = slot.role;
        let closed = slot.flags.has(Flags::DISCARD);
        let Some(socket) = slot.tcp_mut() else { return };
        let listen = socket.listen_endpoint();
        match (role, socket.state()) {
            (Role::Backlog, State::SynReceived) => {
                self.half_open = self.half_open.saturating_sub(1);
                self.tcp_rearm(id, listen);
            }
            (Role::Backlog | Role::Bound | Role::Free, _) => {}
            // Delivered, and closed by both: only the last acknowledgement has found no way.
            (Role::Held, State::TimeWait) => slot.flags.set(Flags::UNSENT, false),
            (Role::Held, State::SynSent | State::SynReceived) => {
                self.tcp_cancel(id, Error::TimedOut);
            }
            // Closed, and everything is delivered: it is over, whatever the peer still means to do.
            (Role::Held, State::FinWait2) if closed => self.tcp_part(id),
            (Role::Held, State::Closed) if closed => {
                forget(socket);
                self.tcp_register(id);
            }
            (Role::Held, _) => {
                socket.abort();
                if slot.end.is_none() {
                    slot.end = Some(Error::TimedOut);
                }
                self.table.touch(id);
            }
            // It had its time, and its chance to send a RST.
            (Role::Closing, State::Closed | State::TimeWait) => self.tcp_forget(id),
            (Role::Closing, _) => {
                socket.abort();
                self.tcp_orphan(id, self.now + LAST_WORD);
            }
        }
    }

    /// Ends what depended on an address that is gone.
    pub(crate) fn tcp_address_changed(&mut self, id: SlotId) {
        let Some(local) = self.tcp(id).and_then(|socket| socket.local_endpoint()) else { return };
        if !self.iface.has_ip_addr(local.addr) {
            self.tcp_cut(id, Error::AddressLost);
        }
    }

    /// The link is down: ends connections, keeps listeners.
    pub(crate) fn tcp_link_lost(&mut self, id: SlotId) {
        if self.tcp(id).is_some_and(|socket| socket.local_endpoint().is_some()) {
            self.tcp_cut(id, Error::LinkDown);
        }
    }

    /// Ends a connection without a word to the peer, who could not hear it.
    fn tcp_cut(&mut self, id: SlotId, end: Error) {
        self.table.forget_recent();
        let Some(slot) = self.slot(id) else { return };
        match slot.role {
            Role::Free | Role::Bound => {}
            Role::Closing => self.tcp_forget(id),
            Role::Backlog => {
                let local = slot.tcp().map_or_else(Default::default, |s| s.listen_endpoint());
                self.half_open = self.half_open.saturating_sub(1);
                self.tcp_rearm(id, local);
            }
            Role::Held => {
                let end = slot.end.unwrap_or(end);
                if let Some(slot) = self.slot_mut(id) {
                    slot.end = Some(end);
                    slot.deadline = NEVER;
                    if let Some(socket) = slot.tcp_mut() {
                        socket.abort();
                    }
                }
                // Not its turn to send: what was received before stays readable, and with the
                // attempt to send its RST smoltcp would throw that away.
                self.table.unlink(id);
                self.table.unschedule(id);
            }
        }
    }
}

/// Keys and ports.
impl Core {
    /// Files the slot where the router looks for it.
    pub(crate) fn tcp_register(&mut self, id: SlotId) {
        let key = self.tcp(id).and_then(|socket| {
            match (socket.local_endpoint(), socket.remote_endpoint()) {
                (Some(local), Some(remote)) => Some(self.connection_key(local.port, remote)),
                _ if socket.state() == State::Listen => {
                    Some(self.port_key(Protocol::Tcp, socket.listen_endpoint().port))
                }
                _ => None,
            }
        });
        self.table.register(id, key);
    }

    /// Whether another socket is bound to the same address and port, or listens there.
    fn tcp_port_taken(&self, local: IpListenEndpoint) -> bool {
        let key = self.port_key(Protocol::Tcp, local.port);
        let taken = |socket: &Socket<'_>| overlap(socket.listen_endpoint(), local);
        self.table
            .chain(key)
            .filter_map(|(_, slot)| slot.tcp())
            .any(|socket| socket.state() == State::Listen && taken(socket))
            || self.tcp_listener_is_full(local)
    }

    /// Whether a listener for this address has all its slots taken.
    ///
    /// Looks at every slot, but only while some listener has a connection that nobody accepted.
    pub(crate) fn tcp_listener_is_full(&self, local: IpListenEndpoint) -> bool {
        self.half_open > 0
            && self
                .table
                .tcp_ids()
                .filter_map(|id| self.slot(id))
                .filter(|slot| slot.role == Role::Backlog)
                .filter_map(|slot| slot.tcp())
                .any(|socket| overlap(socket.listen_endpoint(), local))
    }

    /// A random port that makes a connection no other socket has (RFC 6056 section 3.3.1).
    fn tcp_ephemeral_port(&mut self, addr: IpAddress, remote: IpEndpoint) -> Result<u16, Error> {
        self.ephemeral_port(|core, port| {
            core.is_tuple_taken(IpEndpoint::new(addr, port), remote)
                || core.tcp_port_taken(IpListenEndpoint { addr: Some(addr), port })
        })
    }
}
