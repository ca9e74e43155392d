//! The stack behind the lock: interface, slots, and what happens to a slot around each frame.

use smoltcp::iface::{Interface, SocketSet};
use smoltcp::phy::DeviceCapabilities;
use smoltcp::time::{Duration, Instant};
#[cfg(feature = "udp")]
use smoltcp::wire::IpAddress;
#[cfg(feature = "tcp")]
use smoltcp::{socket::tcp::State, wire::IpListenEndpoint};

use super::config::{Config, Overflow};
use super::limits::{Limit, Limits};
#[cfg(feature = "udp")]
use super::peer::Peer;
use super::port::{Look, Work};
#[cfg(feature = "watch")]
use super::ready::Watches;
use super::rng::Rng;
#[cfg(feature = "proto-ipv4-fragmentation")]
use super::router::FragmentMap;
use super::router::Route;
#[cfg(feature = "async")]
use super::runner::Runner;
use super::slot::{Flags, NEVER, Role, Slot, SlotId};
use super::statistics::Counters;
#[cfg(any(feature = "udp", feature = "icmp", feature = "raw"))]
use super::storage::Lent;
use super::storage::SlotMemory;
use super::table::{ListId, Table};
use crate::Error;

/// What became of one slot's turn to send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// One frame went out.
    Sent,
    /// There was nothing to send.
    Nothing,
    /// The device had no room.
    Refused,
    /// The device had room, but the neighbour has to be found first.
    Stalled,
}

/// What changes when something happens for which a call may be made again that would block.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Pulse {
    /// Frames that arrived, time limits that ended, and what else the sockets did not do.
    pub(crate) arrived: u32,
    /// Begun polls.
    pub(crate) polls: u16,
    /// Frames that were sent for sockets.
    pub(crate) sent: u16,
}

impl Pulse {
    pub(super) fn arrives(&mut self) {
        self.arrived = self.arrived.wrapping_add(1);
    }
}

/// How long smoltcp keeps quiet after asking for a neighbour, on the whole interface.
const DISCOVERY_SILENCE: Duration = Duration::from_millis(1_000);

/// How much longer the one whose question went out waits than those whose question did not: they
/// get the next chance. Without it, a neighbour that never answers starves all others.
const DISCOVERY_TURN: Duration = Duration::from_millis(500);

/// The stack behind the lock.
pub struct Core {
    pub(crate) iface: Interface,
    pub(crate) table: Table,
    #[cfg(feature = "udp")]
    pub(crate) peers: Lent<Peer>,
    #[cfg(feature = "icmp")]
    pub(super) echoes: Lent<super::icmp::Echoes>,
    #[cfg(feature = "raw")]
    pub(super) taps: Lent<super::raw::Tap>,
    /// How many raw sockets are bound: only while there are some do they look at frames.
    #[cfg(feature = "raw")]
    pub(super) raw_bound: u16,
    #[cfg(feature = "proto-ipv4-fragmentation")]
    pub(crate) fragments: FragmentMap,
    pub(crate) limits: Limits,
    pub(crate) overflow: Overflow,
    #[cfg(feature = "dns")]
    pub(crate) name_servers: heapless::Vec<IpAddress, { super::dns::MOST_SERVERS }>,
    #[cfg(feature = "dhcp")]
    pub(super) dhcp: super::dhcp::Client,
    pub(crate) rng: Rng,
    /// Makes hashes unpredictable.
    #[cfg(any(feature = "indexed", feature = "dns"))]
    pub(crate) hash_key: u64,
    pub(crate) caps: DeviceCapabilities,
    /// The time of the current poll.
    pub(crate) now: Instant,
    pub(crate) link_up: bool,
    /// Slots of backlogs that are not in LISTEN: only while there are some can a listener be
    /// out of room.
    pub(crate) half_open: u16,
    /// How many connections were complete in backlogs.
    #[cfg(feature = "tcp")]
    pub(super) completed: u32,
    /// When smoltcp may ask for a neighbour again.
    discovery_at: Instant,
    /// The last destination that was found to be another host of a network of the interface.
    #[cfg(feature = "udp")]
    pub(super) neighbor: Option<IpAddress>,
    /// Frames came faster than one poll takes them.
    pub(crate) more: bool,
    /// A time limit has ended since the stack was last asked how long it may sleep: whoever waits
    /// for it is to look first. Any call may have been the one that found it.
    pub(super) rang: bool,
    #[cfg(feature = "watch")]
    pub(crate) watches: Watches,
    #[cfg(feature = "async")]
    pub(crate) runner: Runner,
    #[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
    pub(super) vacancies: super::ready::Vacancies,
    /// A backlog has fewer slots than it is to have.
    #[cfg(all(feature = "tcp", feature = "async"))]
    pub(super) short: bool,
    /// A connection could not be accepted for want of a slot.
    #[cfg(any(feature = "watch", feature = "async"))]
    pub(crate) starved: bool,
    pub(crate) pulse: Pulse,
    pub(crate) counters: Counters,
    #[cfg(feature = "multicast")]
    pub(crate) groups: super::groups::Groups,
    #[cfg(feature = "slaac")]
    pub(crate) slaac: super::slaac::Slaac,
}

/// What a slot was like before a frame.
pub(crate) struct Before {
    #[cfg(feature = "tcp")]
    pub(crate) tcp: smoltcp::socket::tcp::State,
    #[cfg(feature = "tcp")]
    pub(crate) queued: usize,
    #[cfg(feature = "tcp")]
    pub(crate) listen: IpListenEndpoint,
}

impl Before {
    fn of(slot: &Slot) -> Self {
        #[cfg_attr(not(feature = "tcp"), allow(unused_mut))]
        let mut before = Before::open(slot.tcp_state());
        #[cfg(feature = "tcp")]
        if let Some(socket) = slot.tcp() {
            before.queued = socket.send_queue();
            // It is needed for those alone that will listen again.
            if slot.role == Role::Backlog {
                before.listen = socket.listen_endpoint();
            }
        }
        before
    }

    /// As `of`, for a slot that is simply open: of that, no more than the state is asked for.
    #[cfg(feature = "tcp")]
    fn open(state: Option<State>) -> Self {
        let tcp = state.unwrap_or(State::Closed);
        Before { tcp, queued: 0, listen: IpListenEndpoint::default() }
    }

    #[cfg(not(feature = "tcp"))]
    fn open(_: Option<State>) -> Self {
        Before {}
    }
}

/// No socket has it.
#[cfg(not(feature = "tcp"))]
type State = core::convert::Infallible;

impl Slot {
    /// Whether it is held, and its application has not closed it.
    pub(super) fn is_open(&self) -> bool {
        self.role == Role::Held && !self.flags.has(Flags::DISCARD)
    }

    fn tcp_state(&self) -> Option<State> {
        #[cfg(feature = "tcp")]
        return self.tcp().map(|socket| socket.state());
        #[cfg(not(feature = "tcp"))]
        None
    }

    /// Whether nothing more is to be made of a frame that the slot was shown, or has sent: by far
    /// the most frames are of that kind. `before` is the state that it had.
    #[inline]
    fn is_settled(
        &mut self,
        before: Option<State>,
        cause: Cause,
        iface: &mut Interface,
        now: Instant,
    ) -> bool {
        #[cfg(feature = "tcp")]
        if let Some(before) = before {
            return self.heeds(before, cause, iface, now);
        }
        #[cfg(feature = "udp")]
        if self.is_settled_udp(cause) {
            return true;
        }
        let _ = (before, iface, now);
        false
    }
}

impl Core {
    pub(crate) fn new(
        iface: Interface,
        caps: DeviceCapabilities,
        memory: SlotMemory,
        config: &Config,
        now: Instant,
    ) -> Self {
        #[cfg_attr(not(any(feature = "indexed", feature = "dns")), allow(unused_mut))]
        let mut rng = Rng::new(config.seed);
        #[cfg(any(feature = "indexed", feature = "dns"))]
        let hash_key = rng.next() | 1;
        #[cfg(feature = "slaac")]
        let ethernet = super::slaac::is_possible(caps.medium);
        Core {
            iface,
            table: Table::new(memory.tcp, memory.udp, memory.icmp, memory.raw),
            #[cfg(feature = "udp")]
            peers: memory.peers,
            #[cfg(feature = "icmp")]
            echoes: memory.echoes,
            #[cfg(feature = "raw")]
            taps: memory.taps,
            #[cfg(feature = "raw")]
            raw_bound: 0,
            #[cfg(feature = "proto-ipv4-fragmentation")]
            fragments: FragmentMap::new(),
            limits: config.deadlines.into(),
            overflow: config.overflow,
            #[cfg(feature = "dns")]
            name_servers: heapless::Vec::new(),
            #[cfg(feature = "dhcp")]
            dhcp: super::dhcp::Client::new(memory.dhcp),
            rng,
            #[cfg(any(feature = "indexed", feature = "dns"))]
            hash_key,
            caps,
            now,
            link_up: true,
            half_open: 0,
            #[cfg(feature = "tcp")]
            completed: 0,
            discovery_at: now,
            #[cfg(feature = "udp")]
            neighbor: None,
            more: false,
            rang: false,
            #[cfg(feature = "watch")]
            watches: Watches::default(),
            #[cfg(feature = "async")]
            runner: Runner::NOBODY,
            #[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
            vacancies: super::ready::Vacancies::default(),
            #[cfg(all(feature = "tcp", feature = "async"))]
            short: false,
            #[cfg(any(feature = "watch", feature = "async"))]
            starved: false,
            pulse: Pulse::default(),
            counters: Counters::default(),
            #[cfg(feature = "multicast")]
            groups: super::groups::Groups::new(now),
            #[cfg(feature = "slaac")]
            slaac: super::slaac::Slaac::new(config.slaac && ethernet),
        }
    }

    pub(crate) fn slot(&self, id: SlotId) -> Option<&Slot> {
        self.table.get(id)
    }

    pub(crate) fn slot_mut(&mut self, id: SlotId) -> Option<&mut Slot> {
        self.table.get_mut(id)
    }
}

/// Frames.
impl Core {
    pub(super) fn begin_poll(&mut self, now: Instant) {
        self.now = now;
        self.more = false;
        self.pulse.polls = self.pulse.polls.wrapping_add(1);
        #[cfg(feature = "async")]
        self.set_polled(self.link_up);
    }

    pub(super) fn begin_egress(&mut self, now: Instant) {
        self.now = now;
        #[cfg(feature = "async")]
        self.set_polled(self.link_up);
    }

    /// Shows one frame to the slot it is for.
    pub(crate) fn deliver(&mut self, frame: &[u8], ingress: impl Work<()>) {
        let route = self.route(frame);
        #[cfg(any(feature = "icmp", feature = "raw"))]
        let (route, is_taken) = self.tap(frame, route);
        #[cfg(not(any(feature = "icmp", feature = "raw")))]
        let is_taken = false;
        match route {
            Route::Slot { id, rst, full } => self.deliver_to(id, rst, full, ingress),
            _ => self.deliver_aside(frame, route, is_taken, ingress),
        }
    }

    fn deliver_to(&mut self, id: SlotId, rst: bool, full: bool, ingress: impl Work<()>) {
        let Some(slot) = self.table.get_mut(id) else { return };
        let cause = Cause::Ingress { rst, full };
        self.pulse.arrives();
        if !slot.is_open() {
            return self.deliver_to_other(id, cause, ingress);
        }
        let state = slot.tcp_state();
        let Some(set) = &mut slot.set else { return };
        show(&mut self.iface, set, self.now, ingress);
        if !slot.is_settled(state, cause, &mut self.iface, self.now) {
            self.settle(id, &Before::open(state), cause);
        } else if state.is_some() {
            match slot.links.list() {
                None => self.table.append(id, ListId::Doubtful),
                Some(ListId::Stalled) => self.plan_after_frame(id),
                Some(_) => {}
            }
        }
        self.changed(id);
    }

    /// Shows one frame to a slot that is not simply open.
    #[inline(never)]
    fn deliver_to_other(&mut self, id: SlotId, cause: Cause, ingress: impl Work<()>) {
        let Some(slot) = self.table.get_mut(id) else { return };
        let before = Before::of(slot);
        let Some(set) = &mut slot.set else { return };
        show(&mut self.iface, set, self.now, ingress);
        self.settle(id, &before, cause);
        self.changed(id);
    }

    /// Shows one frame to the interface alone, or to the DHCP client.
    #[inline(never)]
    fn deliver_aside(
        &mut self,
        frame: &[u8],
        route: Route,
        is_taken: bool,
        ingress: impl Work<()>,
    ) {
        #[cfg(feature = "dhcp")]
        if route == Route::Dhcp {
            let Some(wanted_at) = self.dhcp_heeds(frame) else { return };
            self.pulse.arrives();
            show(&mut self.iface, &mut self.dhcp.set, self.now, ingress);
            return self.dhcp_heard(frame, wanted_at);
        }
        match route {
            _ if is_taken => {}
            Route::Drop => self.counters.dropped = self.counters.dropped.wrapping_add(1),
            _ => self.counters.for_nobody = self.counters.for_nobody.wrapping_add(1),
        }
        if route == Route::Drop {
            return;
        }
        self.pulse.arrives();
        show(&mut self.iface, &mut SocketSet::new(&mut [][..]), self.now, ingress);
        match route {
            Route::Neighbor => {
                #[cfg(feature = "slaac")]
                self.router_advert(frame);
                self.wake_found();
                #[cfg(feature = "dhcp")]
                self.dhcp_neighbor();
            }
            Route::Report => self.icmp_error(frame),
            #[cfg(feature = "multicast")]
            Route::Query => self.group_query(frame),
            _ => {}
        }
    }

    /// Wakes the slots whose neighbour is known now. The others keep waiting where they are.
    #[inline(never)]
    fn wake_found(&mut self) {
        let mut next = self.table.first(ListId::Stalled);
        while let Some(id) = next {
            next = self.table.after(id);
            if !self.waits_for_neighbor(id) {
                self.table.move_to(id, ListId::Dirty);
            }
        }
    }

    /// When smoltcp wants the socket of a slot to have its turn to send.
    pub(crate) fn wanted_at(&mut self, id: SlotId) -> Option<Instant> {
        self.with_set(id, |iface, set, now| iface.poll_at(now, set))
    }

    /// Whether a slot is to have a turn to send now. The doubtful ones that come before it are asked,
    /// and leave the list if they have nothing.
    pub(super) fn wants_to_send(&mut self) -> bool {
        self.next_sender().is_some()
    }

    /// The slot that is to have the next turn to send.
    #[cfg_attr(feature = "indexed", inline)]
    fn next_sender(&mut self) -> Option<SlotId> {
        loop {
            let id = self.table.first(ListId::Dirty)?;
            if self.table.list(id) == Some(ListId::Dirty) || self.is_dirty_indeed(id) {
                return Some(id);
            }
        }
    }

    /// Asks a doubtful slot, and decides when it is to be visited if not now.
    fn is_dirty_indeed(&mut self, id: SlotId) -> bool {
        let at = self.wanted_at(id).unwrap_or(NEVER);
        if at <= self.now {
            self.table.touch(id);
            return true;
        }
        self.table.unlink(id);
        let deadline = self.time_limit(id);
        self.table.plan(id, at.min(deadline));
        false
    }

    /// The deadline of a slot that was shown something, and has nothing to send.
    fn time_limit(&mut self, id: SlotId) -> Instant {
        let Some(slot) = self.table.get_mut(id) else { return NEVER };
        #[cfg(feature = "tcp")]
        slot.limit_patience(&mut self.iface, self.now);
        slot.deadline
    }

    /// Whether a stalled slot would be turned away: its neighbour is not known, and it is not
    /// its time to ask again.
    fn waits_for_neighbor(&mut self, id: SlotId) -> bool {
        self.wanted_at(id).is_some_and(|at| at > self.now)
    }

    /// Gives the next slot its turn to send, and says what became of it. `None` if there is none.
    pub(crate) fn send_one(
        &mut self,
        egress: impl FnOnce(&mut Interface, &mut SocketSet<'static>, Instant, &mut Look) -> Sending,
    ) -> Option<Sending> {
        let is_aside = self.interface_has_work() || self.has_chores() || self.dhcp_is_due();
        if is_aside {
            return Some(self.send_aside(egress));
        }
        let came_due = self.take_due();
        let Some(id) = self.next_sender() else {
            return came_due.then_some(Sending::Nothing);
        };
        let slot = self.table.get_mut(id)?;
        if has_lost_its_address(slot) {
            return Some(self.pass_over(id));
        }
        let is_open = slot.is_open();
        let state = slot.tcp_state();
        #[cfg(feature = "tcp")]
        if state == Some(State::TimeWait) && slot.keeps_what_it_received() {
            return Some(self.pass_over(id));
        }
        let before = if is_open { None } else { Some(Before::of(slot)) };
        let mut look = Look::default();
        #[cfg(feature = "tcp")]
        if state == Some(State::SynSent) || state.is_some() && slot.may_probe() {
            look.medium = Some(self.caps.medium);
        }
        let set = slot.set.as_mut()?;
        let sending = let_send(&mut self.iface, set, self.now, &mut look, egress);
        #[cfg(feature = "tcp")]
        if let Some(said) = look.said {
            slot.has_said(said, self.now);
        }
        match sending {
            // Without room in the device, it stays the first of the list.
            Sending::Refused => {
                self.begin_limits();
                return Some(sending);
            }
            Sending::Sent => self.pulse.sent = self.pulse.sent.wrapping_add(1),
            Sending::Stalled | Sending::Nothing => {}
        }
        let cause = Cause::Egress(sending);
        let is_settled = is_open && slot.is_settled(state, cause, &mut self.iface, self.now);
        let is_full = look.len >= self.caps.max_transmission_unit;
        if is_settled && sending == Sending::Sent && is_full {
            // There is more, most likely. If not, its next turn tells.
            self.take_turns(id);
        } else if is_settled {
            let (at, deadline) = (wish(&slot.set, &mut self.iface, self.now), slot.deadline);
            // Taken off the list now, so that it is decided anew where it belongs.
            self.table.unlink(id);
            self.plan_for(id, cause, at, deadline);
        } else {
            self.table.unlink(id);
            self.settle(id, &before.unwrap_or_else(|| Before::open(state)), cause);
        }
        self.changed(id);
        Some(sending)
    }

    /// Gives a slot no turn. When it is to be visited is decided anew all the same: a frame may have
    /// changed that.
    fn pass_over(&mut self, id: SlotId) -> Sending {
        self.table.unlink(id);
        self.plan(id, Cause::Egress(Sending::Nothing));
        Sending::Nothing
    }

    /// Begins the time limits of those that would have had a turn: the device may never have room.
    #[cold]
    #[inline(never)]
    fn begin_limits(&mut self) {
        let mut next = self.table.first(ListId::Dirty);
        while let Some(id) = next {
            next = self.table.after(id);
            let deadline = self.time_limit(id);
            if deadline != NEVER {
                self.table.schedule(id, deadline);
            }
        }
    }

    /// The others come first.
    fn take_turns(&mut self, id: SlotId) {
        if let Some(deadline) = self.slot(id).map(|slot| slot.deadline).filter(|at| *at != NEVER) {
            self.table.schedule(id, deadline);
        }
        if self.table.after(id).is_some() {
            self.table.move_to(id, ListId::Dirty);
        }
    }

    /// Gives the interface its turn to send, or the DHCP client.
    #[inline(never)]
    fn send_aside(
        &mut self,
        egress: impl FnOnce(&mut Interface, &mut SocketSet<'static>, Instant, &mut Look) -> Sending,
    ) -> Sending {
        let mut look = Look::default();
        #[cfg(feature = "dhcp")]
        if !self.interface_has_work() && !self.has_chores() {
            if !self.dhcp_may_send() {
                return Sending::Nothing;
            }
            let set = &mut self.dhcp.set;
            let sending = let_send(&mut self.iface, set, self.now, &mut look, egress);
            if sending == Sending::Sent {
                self.pulse.sent = self.pulse.sent.wrapping_add(1);
            }
            self.dhcp_had_a_turn(sending);
            return sending;
        }
        #[cfg(all(feature = "multicast", feature = "proto-ipv6"))]
        {
            look.medium = Some(self.caps.medium);
            look.mends = true;
        }
        let set = &mut SocketSet::new(&mut [][..]);
        let sending = let_send(&mut self.iface, set, self.now, &mut look, egress);
        self.chores_had_a_turn(sending);
        sending
    }

    /// Whether there may be more to send. False if there certainly is not.
    pub(super) fn may_send_more(&mut self) -> bool {
        self.table.first(ListId::Dirty).is_some()
            || self.table.due_by(self.now).is_some()
            || self.interface_has_work()
            || self.has_chores()
            || self.dhcp_is_due()
    }

    /// Whether a datagram is waiting to be sent in fragments: only when it is gone may a slot
    /// fill the one buffer there is for that.
    pub(super) fn interface_has_work(&mut self) -> bool {
        cfg!(feature = "proto-ipv4-fragmentation")
            && self.iface.poll_at(self.now, &SocketSet::new(&mut [][..])) == Some(Instant::ZERO)
    }

    /// Visits one slot whose time has come, if there is one: no more at a time, as the lock is
    /// held.
    #[inline]
    fn take_due(&mut self) -> bool {
        self.table.due_by(self.now).is_some_and(|id| self.visit(id))
    }

    fn visit(&mut self, id: SlotId) -> bool {
        self.table.unschedule(id);
        if self.slot(id).is_some_and(|slot| slot.deadline <= self.now) {
            self.expire(id);
            self.changed(id);
            self.pulse.arrives();
            self.rang = true;
        }
        let Some((role, deadline)) = self.slot(id).map(|slot| (slot.role, slot.deadline)) else {
            return false;
        };
        if self.table.list(id) == Some(ListId::Stalled) && self.waits_for_neighbor(id) {
            // The heap may be early, and a stalled slot must not lose its place for that: on the
            // dirty list it would be turned away, and no frame would wake it any more.
            let at = self.wanted_at(id).unwrap_or(NEVER).min(deadline);
            self.table.schedule(id, at);
        } else if role != Role::Free {
            // A stalled slot has waited long enough to ask for its neighbour again.
            self.table.move_to(id, ListId::Dirty);
        }
        true
    }

    /// Works on the interface and the set of one slot, or an empty set.
    pub(crate) fn with_set<R>(&mut self, id: SlotId, work: impl Work<R>) -> R {
        match self.table.get_mut(id).and_then(|slot| slot.set.as_mut()) {
            Some(set) => work(&mut self.iface, set, self.now),
            None => work(&mut self.iface, &mut SocketSet::new(&mut [][..]), self.now),
        }
    }

    /// After a frame: follows the slot's state, and decides when it is to be visited again.
    fn settle(&mut self, id: SlotId, before: &Before, cause: Cause) {
        if self.table.is_tcp(id) {
            #[cfg(feature = "tcp")]
            self.tcp_settle(id, before, cause);
        } else if self.table.is_udp(id) {
            #[cfg(feature = "udp")]
            self.udp_settle(id, cause);
        } else {
            #[cfg(any(feature = "icmp", feature = "raw"))]
            self.packet_settle(id, cause);
        }
        #[cfg(not(feature = "tcp"))]
        let _ = before;
        self.plan(id, cause);
    }

    /// Decides when a slot is to be visited again.
    fn plan(&mut self, id: SlotId, cause: Cause) {
        let Some(slot) = self.table.get(id) else { return };
        if slot.role == Role::Free {
            return;
        }
        if matches!(cause, Cause::Ingress { .. }) {
            // Nothing comes of a datagram, a message or a packet.
            if self.table.is_tcp(id) {
                self.plan_after_frame(id);
            }
            return;
        }
        let (at, deadline) = (wish(&slot.set, &mut self.iface, self.now), slot.deadline);
        self.plan_for(id, cause, at, deadline);
    }

    /// As `plan`, for a slot that has had its turn to send, and wants the next one at `at`.
    #[inline]
    fn plan_for(&mut self, id: SlotId, cause: Cause, mut at: Instant, deadline: Instant) {
        if at <= self.now {
            // Asked to come at once, yet it had nothing: it waits for an event, not for time.
            let waits = cause == Cause::Egress(Sending::Nothing) && self.table.is_tcp(id);
            if !waits {
                self.table.touch(id);
            }
            if deadline != NEVER {
                self.table.schedule(id, deadline);
            }
            return;
        }
        if cause == Cause::Egress(Sending::Stalled) && at != NEVER {
            self.table.move_to(id, ListId::Stalled);
            if self.now >= self.discovery_at {
                self.discovery_at = self.now + DISCOVERY_SILENCE;
                at += DISCOVERY_TURN;
            }
        }
        self.table.plan(id, at.min(deadline));
    }

    /// As `plan`, for a TCP slot that was shown a frame. Often the application has something to send
    /// before it has to be known whether smoltcp has.
    #[inline]
    fn plan_after_frame(&mut self, id: SlotId) {
        self.table.suspect(id);
        // It may have an earlier deadline than it had. All others are asked before anything is made
        // of their time.
        if self.table.list(id) == Some(ListId::Stalled) {
            let deadline = self.time_limit(id);
            if deadline != NEVER {
                self.table.schedule(id, deadline);
            }
        }
    }

    /// A deadline has passed.
    fn expire(&mut self, id: SlotId) {
        if self.table.is_tcp(id) {
            #[cfg(feature = "tcp")]
            self.tcp_expire(id);
        } else if self.table.is_udp(id) {
            #[cfg(feature = "udp")]
            self.udp_expire(id);
        } else {
            #[cfg(any(feature = "icmp", feature = "raw"))]
            self.packet_expire(id);
        }
    }

    pub(crate) fn set_deadline(&mut self, id: SlotId, at: Instant) {
        if let Some(slot) = self.slot_mut(id) {
            slot.deadline = at;
        }
        if at == NEVER {
            self.table.loosen(id);
        } else {
            self.table.schedule(id, at);
        }
    }

    /// The moment a time limit that begins now is over.
    pub(crate) fn after(&self, limit: Limit) -> Instant {
        limit.after(self.now)
    }
}

/// Why a slot is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cause {
    /// A frame was shown to it; `rst` if that was a TCP segment with the RST bit, `full` if it was
    /// one that closes the window.
    Ingress {
        #[cfg_attr(not(feature = "tcp"), allow(dead_code))]
        rst: bool,
        #[cfg_attr(not(feature = "tcp"), allow(dead_code))]
        full: bool,
    },
    /// It had its turn to send.
    Egress(Sending),
}

/// Time.
impl Core {
    /// When there is work, as far as the stack can tell without a frame: now, later, or never.
    pub(crate) fn poll_delay(&mut self, now: Instant) -> Option<Duration> {
        self.now = self.now.max(now);
        if !self.link_up {
            return None;
        }
        match (self.delay_of_slots(), self.delay_of_chores()) {
            (Some(slots), Some(chores)) => Some(slots.min(chores)),
            (slots, chores) => slots.or(chores),
        }
    }

    pub(super) fn delay_of_slots(&mut self) -> Option<Duration> {
        let now = self.now;
        let rang = core::mem::take(&mut self.rang);
        if rang || self.more || self.wants_to_send() || self.interface_has_work() {
            return Some(Duration::ZERO);
        }
        // The tables may be early; the first entry that is not is the answer.
        while let Some((id, due)) = self.table.next_due() {
            if due <= now {
                return Some(Duration::ZERO);
            }
            if self.table.is_exact(id) {
                return Some(due - now);
            }
            let exact = self.exact_due(id);
            if exact <= due {
                return Some(due - now);
            }
            self.table.unschedule(id);
            self.table.plan(id, exact);
        }
        None
    }

    fn exact_due(&mut self, id: SlotId) -> Instant {
        let Some(slot) = self.table.get(id) else { return NEVER };
        let deadline = slot.deadline;
        if self.table.list(id) == Some(ListId::Stalled) {
            // Its time is its turn to ask for the neighbour, which smoltcp does not know of.
            return self.table.next_due().map_or(deadline, |(_, due)| due);
        }
        let at = self.wanted_at(id);
        match at {
            // Due, yet not dirty: the entry of the heap is all that brings it back.
            Some(at) if at <= self.now => self.table.next_due().map_or(deadline, |(_, due)| due),
            at => at.unwrap_or(NEVER).min(deadline),
        }
    }
}

/// Shows a frame to whom it is for: in one place, since all of smoltcp that does so is compiled into
/// it. Not inlined on small devices, so that what follows does not stand on top of the stack that it
/// takes.
#[cfg_attr(feature = "indexed", inline)]
#[cfg_attr(not(feature = "indexed"), inline(never))]
fn show(iface: &mut Interface, set: &mut SocketSet<'static>, now: Instant, ingress: impl Work<()>) {
    ingress(iface, set, now);
}

/// As `show`, to let somebody send a frame.
#[cfg_attr(feature = "indexed", inline)]
#[cfg_attr(not(feature = "indexed"), inline(never))]
fn let_send(
    iface: &mut Interface,
    set: &mut SocketSet<'static>,
    now: Instant,
    look: &mut Look,
    egress: impl FnOnce(&mut Interface, &mut SocketSet<'static>, Instant, &mut Look) -> Sending,
) -> Sending {
    egress(iface, set, now, look)
}

/// When smoltcp wants a socket to have its turn to send.
fn wish(set: &Option<SocketSet<'static>>, iface: &mut Interface, now: Instant) -> Instant {
    set.as_ref().and_then(|set| iface.poll_at(now, set)).unwrap_or(NEVER)
}

/// Whether a socket is to have no turn to send: smoltcp empties one whose address is gone, and what
/// was received before is not to be lost.
fn has_lost_its_address(slot: &Slot) -> bool {
    slot.role == Role::Held && slot.end == Some(Error::AddressLost)
}

/// The moment a time limit is over; a limit beyond all time is never over.
pub(crate) fn later(now: Instant, limit: Duration) -> Instant {
    let limit = i64::try_from(limit.total_micros()).unwrap_or(i64::MAX);
    Instant::from_micros(now.total_micros().saturating_add(limit))
}
