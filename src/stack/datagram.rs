//! What all sockets but those of TCP have in common: what they send is queued whole, and given up
//! when the next hop does not answer.

use super::core::{Cause, Core, Sending};
use super::slot::{NEVER, Role, SlotId};
use crate::Error;

impl Core {
    /// Whether something waits to be sent; even an empty datagram, which the queue's size in bytes
    /// would not tell.
    pub(super) fn has_work(&mut self, id: SlotId) -> bool {
        self.wanted_at(id).is_some()
    }

    pub(crate) fn flush(&mut self, id: SlotId) -> nb::Result<(), Error> {
        if self.link_up && self.has_work(id) {
            return Err(nb::Error::WouldBlock);
        }
        match self.slot_mut(id).and_then(|slot| slot.end.take()) {
            Some(error) => Err(error.into()),
            None if self.has_work(id) => Err(Error::LinkDown.into()),
            None => Ok(()),
        }
    }

    /// After a frame: how long a next hop that does not answer is waited for. Whether the slot is
    /// held by nobody, and has sent all that it had.
    pub(super) fn watch_next_hop(&mut self, id: SlotId, cause: Cause) -> bool {
        let Some(slot) = self.slot(id) else { return false };
        let (role, deadline) = (slot.role, slot.deadline);
        match (role, cause) {
            (Role::Closing, _) => return !self.has_work(id),
            (Role::Held, Cause::Egress(Sending::Stalled)) if deadline == NEVER => {
                self.set_deadline(id, self.after(self.limits.unreachable));
            }
            (Role::Held, Cause::Egress(Sending::Sent)) => self.set_deadline(id, NEVER),
            (Role::Held, Cause::Egress(Sending::Nothing)) if !self.has_work(id) => {
                self.set_deadline(id, NEVER);
            }
            _ => {}
        }
        false
    }
}
