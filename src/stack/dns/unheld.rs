//! Look-ups that nobody holds: those of embedded-nal, whose calls name what they ask and no more.

use core::num::NonZeroU32;

use super::{Answer, Nb, Query, Wanted};
use crate::Error;
use crate::stack::core::Core;
use crate::stack::slot::SlotId;

impl Core {
    /// Begins or continues a look-up that nobody holds. It is known by what it asks, and over with
    /// its answer.
    pub(crate) fn lookup_unheld(
        &mut self,
        name: &str,
        wanted: Wanted,
        written: &mut [u8],
    ) -> Nb<Answer> {
        let key = self.lookup_key(name, wanted);
        let known = self.find_unheld(|query| query.key == Some(key));
        let id = match known {
            Some(id) => id,
            None => match self.lookup_start(name, wanted, Some(key)) {
                // Others have the slots, and will be over or forgotten.
                Err(Error::OutOfSlots(_)) if self.find_unheld(|_| true).is_some() => {
                    return Err(nb::Error::WouldBlock);
                }
                started => started?,
            },
        };
        let answer = self.lookup_poll(id, name, written);
        if !matches!(answer, Err(nb::Error::WouldBlock)) {
            self.udp_forget(id);
        }
        answer
    }

    fn find_unheld(&self, is_it: impl Fn(Query) -> bool) -> Option<SlotId> {
        self.table
            .udp_ids()
            .find(|id| self.query(*id).is_some_and(|query| query.key.is_some() && is_it(query)))
    }

    /// One that was not asked for in time, cut short.
    pub(crate) fn recycle_lookup(&mut self) -> Option<SlotId> {
        let id = self.find_unheld(|query| query.rung > 1)?;
        self.udp_forget(id);
        Some(id)
    }

    /// The link is down, and who asked cannot be told.
    pub(crate) fn forget_lookups(&mut self) {
        for id in self.table.udp_ids() {
            if self.query(id).is_some_and(|query| query.key.is_some()) {
                self.udp_forget(id);
            }
        }
    }

    /// The hash of a question.
    fn lookup_key(&self, name: &str, wanted: Wanted) -> NonZeroU32 {
        let kind = match wanted {
            Wanted::Name | Wanted::Hosts => 0,
            Wanted::Addr(addr_type) => 1 + addr_type as u8,
        };
        let bytes = name.bytes().map(|byte| byte.to_ascii_lowercase());
        let hash = bytes.chain([kind]).fold(self.hash_key, |hash, byte| {
            // FNV-1a, from a start that strangers do not know.
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        NonZeroU32::new((hash >> 32) as u32).unwrap_or(NonZeroU32::MIN)
    }
}
