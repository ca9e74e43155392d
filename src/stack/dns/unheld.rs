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
        let Some(id) = known else {
            return match self.lookup_start(name, wanted, Some(key)) {
                // Others have the slots, and will be over or forgotten.
                Err(Error::OutOfSlots(_)) if self.find_unheld(|_| true).is_some() => {
                    Err(nb::Error::WouldBlock)
                }
                Err(error) => Err(error.into()),
                Ok(_) => Err(nb::Error::WouldBlock),
            };
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
        // Each call asks for it: eight bytes at a time. In what names are made of, this bit is all that
        // upper and lower case differ in, and nothing else differs in it alone.
        const CASE: u64 = 0x2020_2020_2020_2020;
        let mix = |hash: u64, bits: u64| {
            let mixed = (hash ^ bits).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            mixed ^ mixed >> 29
        };
        let (words, rest) = name.as_bytes().as_chunks::<8>();
        let hash = words.iter().fold(self.hash_key, |hash, word| {
            // From a start that strangers do not know.
            mix(hash, u64::from_le_bytes(*word) | CASE)
        });
        let rest =
            rest.iter().fold(u64::from(kind), |bits, byte| bits << 8 | u64::from(*byte | 0x20));
        let hash = mix(hash, rest);
        NonZeroU32::new((hash >> 32) as u32).unwrap_or(NonZeroU32::MIN)
    }
}
