//! Slots, taken and given back, and what their owners may want at any time.

#[cfg(feature = "tcp")]
use smoltcp::time::Duration;

use super::core::Core;
#[cfg(feature = "udp")]
use super::peer::Peer;
use super::slot::{Flags, NEVER, NONE, Role, Slot, SlotId};
use super::table::ListId;
use crate::{Error, Protocol};

/// Slots, taken and given back.
impl Core {
    /// Takes a free slot.
    pub(crate) fn open(&mut self, protocol: Protocol) -> Result<SlotId, Error> {
        let free = match protocol {
            Protocol::Tcp => ListId::FreeTcp,
            Protocol::Udp => ListId::FreeUdp,
            Protocol::Icmp => ListId::FreeIcmp,
            Protocol::Raw => ListId::FreeRaw,
        };
        let id = match self.table.first(free) {
            Some(id) => id,
            #[cfg(feature = "tcp")]
            None if protocol == Protocol::Tcp => {
                self.recycle_time_wait().ok_or(Error::OutOfSlots(protocol))?
            }
            #[cfg(feature = "dns")]
            None if protocol == Protocol::Udp => {
                self.recycle_lookup().ok_or(Error::OutOfSlots(protocol))?
            }
            None => return Err(Error::OutOfSlots(protocol)),
        };
        self.table.unlink(id);
        self.renew(id);
        Ok(id)
    }

    /// Makes a slot as good as new for its next owner: nothing of the last connection stays.
    pub(crate) fn renew(&mut self, id: SlotId) {
        let patience = self.limits.unreachable;
        self.unwait(id);
        let Some(slot) = self.table.get_mut(id) else { return };
        slot.role = Role::Held;
        slot.end = None;
        slot.flags = Flags::default();
        slot.patience = patience;
        slot.deadline = NEVER;
        slot.group = NONE;
        slot.forget_neighbor(&mut self.iface, self.now);
        #[cfg(feature = "tcp")]
        if let Some(socket) = slot.tcp_mut() {
            socket.set_nagle_enabled(true);
            socket.set_ack_delay(Some(Duration::from_millis(10)));
            socket.set_keep_alive(None);
            socket.set_hop_limit(None);
            socket.set_timeout(None);
            // The controller would otherwise begin with what it learnt on the last connection.
            socket.set_congestion_control(socket.congestion_control());
        }
        #[cfg(feature = "udp")]
        if let Some(socket) = slot.udp_mut() {
            socket.set_hop_limit(None);
        }
    }

    /// Gives a slot back that nobody needs any more.
    pub(crate) fn free(&mut self, id: SlotId) {
        self.unwait(id);
        self.table.register(id, None);
        self.table.unschedule(id);
        if let Some(slot) = self.slot_mut(id) {
            slot.role = Role::Free;
            slot.deadline = NEVER;
            slot.group = NONE;
        }
        #[cfg(feature = "udp")]
        if let Some(peer) = self.peers.get_mut(self.table.udp_index(id)) {
            *peer = Peer::None;
        }
        self.table.move_to(id, self.table.free_list(id));
        self.slot_is_free(self.table.protocol(id));
    }

    /// A slot is there for whoever needs one.
    pub(crate) fn slot_is_free(&mut self, protocol: Protocol) {
        if protocol == Protocol::Tcp {
            self.feed_starved();
        }
        #[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
        self.call_waiting(protocol);
    }

    /// How many slots of a protocol are free.
    pub(crate) fn free_slots(&self, protocol: Protocol) -> usize {
        self.slots_of(protocol).filter(|slot| slot.role == Role::Free).count()
    }

    /// Whether a slot of the protocol is held by nobody and still delivering.
    #[cfg(any(feature = "embedded-nal", feature = "edge-nal"))]
    pub(crate) fn is_closing(&self, protocol: Protocol) -> bool {
        self.slots_of(protocol).any(|slot| slot.role == Role::Closing)
    }

    fn slots_of(&self, protocol: Protocol) -> impl Iterator<Item = &Slot> {
        self.table
            .ids()
            .filter(move |id| self.table.protocol(*id) == protocol)
            .filter_map(|id| self.slot(id))
    }

    /// The handle of a slot is gone: what it had accepted is still delivered.
    pub(crate) fn release(&mut self, id: SlotId) {
        if self.table.is_tcp(id) {
            #[cfg(feature = "tcp")]
            self.tcp_release(id);
        } else if self.table.is_udp(id) {
            #[cfg(feature = "udp")]
            self.udp_release(id);
        } else {
            #[cfg(any(feature = "icmp", feature = "raw"))]
            self.packet_release(id);
        }
    }

    /// Does what the owner of a slot wants and what cannot fail.
    pub(crate) fn end(&mut self, id: SlotId, marks: u8) {
        // Most owners want nothing else.
        if marks == Ending::WHOLE {
            return self.release(id);
        }
        #[cfg(feature = "udp")]
        if marks & Ending::DISCONNECT != 0 {
            self.udp_disconnect(id);
        }
        #[cfg(feature = "tcp")]
        {
            if marks & Ending::SHUTDOWN != 0 {
                self.tcp_shutdown(id);
            }
            if marks & Ending::CLOSE != 0 {
                self.tcp_close(id);
            }
            if marks & Ending::ABORT != 0 {
                self.tcp_abort(id);
            }
            if marks & Ending::WRITER != 0 {
                self.tcp_release_half(id, Flags::NO_WRITER);
            }
            if marks & Ending::READER != 0 {
                self.tcp_release_half(id, Flags::NO_READER);
            }
        }
        if marks & Ending::WHOLE != 0 {
            self.release(id);
        }
    }
}

/// Nobody can wait for a slot but by asking again.
#[cfg(not(any(feature = "watch", feature = "async")))]
impl Core {
    pub(crate) fn changed(&mut self, _id: SlotId) {}
    pub(crate) fn all_changed(&mut self) {}
    pub(crate) fn unwait(&mut self, _id: SlotId) {}
    pub(crate) fn feed_starved(&mut self) {}
    #[cfg(feature = "dns")]
    pub(crate) fn look_up_along(&mut self, _id: SlotId, _lookup: SlotId) {}
}

/// What the owner of a slot may want at any time, even while the stack is locked: a set of marks on
/// the slot. Each mark is set once at most, and the last two give the slot back.
pub(crate) struct Ending;

impl Ending {
    #[cfg(feature = "tcp")]
    pub(crate) const READER: u8 = 1;
    #[cfg(feature = "tcp")]
    pub(crate) const WRITER: u8 = 2;
    #[cfg(feature = "tcp")]
    pub(crate) const SHUTDOWN: u8 = 4;
    #[cfg(feature = "tcp")]
    pub(crate) const CLOSE: u8 = 8;
    #[cfg(feature = "udp")]
    pub(crate) const DISCONNECT: u8 = 16;
    #[cfg(feature = "tcp")]
    pub(crate) const ABORT: u8 = 32;
    pub(crate) const WHOLE: u8 = 64;
}
