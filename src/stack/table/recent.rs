//! By what came last: often the next packet is for the same socket.

use super::Table;
use crate::stack::slot::{NONE, SlotId};

/// Addresses and ports, as they are in a packet of IPv4.
pub(crate) type Ends = [u8; 12];

/// Where the last packet went.
#[derive(Debug)]
pub(super) struct Recent {
    ends: Ends,
    protocol: u8,
    id: SlotId,
}

impl Recent {
    pub(super) const NONE: Self = Recent { ends: [0; 12], protocol: 0, id: NONE };
}

/// By what came last.
impl Table {
    /// The slot that the last packet was for, if this one is from and to the same.
    pub(crate) fn recent(&self, protocol: u8, ends: &Ends) -> Option<SlotId> {
        let recent = &self.recent;
        let is_same = recent.ends == *ends && recent.protocol == protocol && recent.id != NONE;
        is_same.then_some(recent.id)
    }

    /// A packet was for this slot, and what follows it from and to the same will be as well, until
    /// it is forgotten.
    pub(crate) fn remember(&mut self, protocol: u8, ends: &Ends, id: SlotId) {
        self.recent = Recent { ends: *ends, protocol, id };
    }
}
