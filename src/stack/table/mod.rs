//! The slots, and the ways to find one.
//!
//! - by number, which is what a socket handle holds;
//! - by key, for the router;
//! - by list: free, dirty (may have something to send) or stalled (waits for a neighbour);
//! - by time: whose deadline is the next.
//!
//! By key, list and time is there twice: with tables that find one of a thousand at once (the feature
//! `indexed`), and without, for devices with a handful of sockets.

#[cfg(feature = "indexed")]
mod indexed;
#[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
mod recent;
#[cfg(not(feature = "indexed"))]
mod scanned;

#[cfg(feature = "indexed")]
use self::indexed::Index;
#[cfg(feature = "indexed")]
pub(crate) use self::indexed::{Key, Links};
#[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
pub(crate) use self::recent::Ends;
#[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
use self::recent::Recent;
#[cfg(not(feature = "indexed"))]
use self::scanned::Index;
#[cfg(not(feature = "indexed"))]
pub(crate) use self::scanned::{Key, Links};

use super::slot::{NONE, Slot, SlotId};
use super::storage::{LentIcmp, LentRaw, LentTcp, LentUdp};
use crate::Protocol;

/// Whether there can be slots that are neither for TCP nor for UDP.
const FURTHER: bool = cfg!(any(feature = "icmp", feature = "raw"));

/// The lists a slot can be in, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListId {
    FreeTcp,
    FreeUdp,
    Dirty,
    Stalled,
    FreeIcmp,
    FreeRaw,
    /// On the list of the dirty ones as well: smoltcp is to be asked whether it has something to
    /// send, once that has to be known. Often it is made dirty before.
    Doubtful,
}

const LISTS: usize = 6;

#[cfg(not(feature = "indexed"))]
impl ListId {
    /// The list where the slot is found.
    fn whole(self) -> ListId {
        if self == ListId::Doubtful { ListId::Dirty } else { self }
    }
}

impl Links {
    /// The list that the slot is in.
    pub(crate) fn list(&self) -> Option<ListId> {
        self.list
    }

    /// Makes a slot that is on the list of the dirty ones dirty for sure, unless it waits for a
    /// neighbour: then it would only be turned away again. False for one that is in neither list.
    pub(crate) fn touch(&mut self) -> bool {
        match self.list {
            Some(ListId::Dirty | ListId::Stalled) => true,
            Some(ListId::Doubtful) => {
                self.list = Some(ListId::Dirty);
                true
            }
            _ => false,
        }
    }
}

pub(crate) struct Table {
    tcp: LentTcp<Slot>,
    udp: LentUdp<Slot>,
    /// Empty without the features.
    icmp: LentIcmp<Slot>,
    raw: LentRaw<Slot>,
    /// The number of all slots.
    len: u16,
    index: Index,
    #[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
    recent: Recent,
}

impl Table {
    /// Takes the slots over; all of them are free.
    pub(crate) fn new(
        tcp: LentTcp<Slot>,
        udp: LentUdp<Slot>,
        icmp: LentIcmp<Slot>,
        raw: LentRaw<Slot>,
    ) -> Self {
        let len = tcp.len() + udp.len() + icmp.len() + raw.len();
        let mut table = Table {
            tcp,
            udp,
            icmp,
            raw,
            len: len.min(usize::from(NONE)) as u16,
            index: Index::EMPTY,
            #[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
            recent: Recent::NONE,
        };
        for id in 0..table.len() {
            table.move_to(id, table.free_list(id));
        }
        table
    }

    pub(crate) fn len(&self) -> u16 {
        self.len
    }

    pub(crate) fn is_tcp(&self, id: SlotId) -> bool {
        usize::from(id) < self.tcp.len()
    }

    pub(crate) fn is_udp(&self, id: SlotId) -> bool {
        usize::from(id).wrapping_sub(self.tcp.len()) < self.udp.len()
    }

    /// The protocol of the sockets in this slot.
    pub(crate) fn protocol(&self, id: SlotId) -> Protocol {
        if self.is_tcp(id) {
            Protocol::Tcp
        } else if self.is_udp(id) {
            Protocol::Udp
        } else if self.icmp_index(id) < self.icmp.len() {
            Protocol::Icmp
        } else {
            Protocol::Raw
        }
    }

    /// The place of a UDP slot among the UDP slots.
    #[cfg(feature = "udp")]
    pub(crate) fn udp_index(&self, id: SlotId) -> usize {
        usize::from(id).wrapping_sub(self.tcp.len())
    }

    /// The place of an ICMP slot among the ICMP slots.
    pub(crate) fn icmp_index(&self, id: SlotId) -> usize {
        usize::from(id).wrapping_sub(self.tcp.len() + self.udp.len())
    }

    /// The place of a raw slot among the raw slots.
    #[cfg(feature = "raw")]
    pub(crate) fn raw_index(&self, id: SlotId) -> usize {
        self.icmp_index(id).wrapping_sub(self.icmp.len())
    }

    // Without the tables, code is to be small: what is called from dozens of places is there once.
    #[cfg_attr(not(feature = "indexed"), inline(never))]
    pub(crate) fn get(&self, id: SlotId) -> Option<&Slot> {
        let index = usize::from(id);
        match index.checked_sub(self.tcp.len()) {
            None => self.tcp.get(index),
            Some(index) => self.udp.get(index).or_else(|| self.get_further(index)),
        }
    }

    /// A slot that is neither for TCP nor for UDP, by its place after the TCP slots.
    fn get_further(&self, index: usize) -> Option<&Slot> {
        if !FURTHER {
            return None;
        }
        let index = index.checked_sub(self.udp.len())?;
        self.icmp.get(index).or_else(|| self.raw.get(index.checked_sub(self.icmp.len())?))
    }

    #[cfg_attr(not(feature = "indexed"), inline(never))]
    pub(crate) fn get_mut(&mut self, id: SlotId) -> Option<&mut Slot> {
        let index = usize::from(id);
        match index.checked_sub(self.tcp.len()) {
            None => self.tcp.get_mut(index),
            Some(index) => match self.udp.len() {
                udp if FURTHER && index >= udp => {
                    let index = index - udp;
                    match index.checked_sub(self.icmp.len()) {
                        None => self.icmp.get_mut(index),
                        Some(index) => self.raw.get_mut(index),
                    }
                }
                _ => self.udp.get_mut(index),
            },
        }
    }

    /// All TCP slots, for what is rare enough to look at every one.
    pub(crate) fn tcp_ids(&self) -> core::ops::Range<SlotId> {
        0..self.tcp.len() as SlotId
    }

    /// All UDP slots, for what is rare enough to look at every one.
    #[cfg(feature = "dns")]
    pub(crate) fn udp_ids(&self) -> core::ops::Range<SlotId> {
        self.tcp.len() as SlotId..(self.tcp.len() + self.udp.len()) as SlotId
    }

    /// All slots, for what is rare enough to look at every one.
    pub(crate) fn ids(&self) -> core::ops::Range<SlotId> {
        0..self.len()
    }

    pub(crate) fn free_list(&self, id: SlotId) -> ListId {
        match self.protocol(id) {
            Protocol::Tcp => ListId::FreeTcp,
            Protocol::Udp => ListId::FreeUdp,
            Protocol::Icmp => ListId::FreeIcmp,
            Protocol::Raw => ListId::FreeRaw,
        }
    }

    /// Files the slot under a key, or under none.
    pub(crate) fn register(&mut self, id: SlotId, key: Option<Key>) {
        self.forget_recent();
        self.file(id, key);
    }

    /// What came last is no guide any more: a slot is bound, connected or closed, or has another
    /// peer.
    pub(crate) fn forget_recent(&mut self) {
        #[cfg(all(feature = "proto-ipv4", feature = "indexed"))]
        {
            self.recent = Recent::NONE;
        }
    }

    fn links(&mut self, id: SlotId) -> Option<&mut Links> {
        self.get_mut(id).map(|slot| &mut slot.links)
    }
}

/// By list.
impl Table {
    pub(crate) fn list(&self, id: SlotId) -> Option<ListId> {
        self.get(id)?.links.list
    }

    /// Puts the slot on the list of those that may have something to send, unless it waits for a
    /// neighbour.
    pub(crate) fn touch(&mut self, id: SlotId) {
        let Some(links) = self.links(id) else { return };
        if links.touch() {
            return;
        }
        match links.list {
            None => self.append(id, ListId::Dirty),
            Some(_) => self.move_to(id, ListId::Dirty),
        }
    }

    /// As `touch`, for a slot that often has nothing to send.
    pub(crate) fn suspect(&mut self, id: SlotId) {
        match self.list(id) {
            Some(ListId::Dirty | ListId::Doubtful | ListId::Stalled) => {}
            None => self.append(id, ListId::Doubtful),
            Some(_) => self.move_to(id, ListId::Doubtful),
        }
    }

    /// Puts every slot that waits for a neighbour among those that may have something to send.
    pub(crate) fn wake_stalled(&mut self) {
        while let Some(id) = self.first(ListId::Stalled) {
            self.move_to(id, ListId::Dirty);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::rng::Rng;
    use crate::stack::storage::Lent;
    use smoltcp::time::Instant;
    use std::collections::BTreeMap;
    use std::vec::Vec;

    pub(super) fn table(tcp: usize, udp: usize) -> Table {
        let slots = |n: usize| Lent::Heap((0..n).map(|_| Slot::EMPTY).collect::<Vec<_>>().into());
        Table::new(slots(tcp), slots(udp), slots(0), slots(0))
    }

    /// Under random schedules, removals and pops.
    #[test]
    fn times_agree_with_an_ordered_map() {
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let mut table = table(13, 8);
            let mut model = BTreeMap::<SlotId, Instant>::new();
            for step in 0..2_000 {
                let id = (rng.next() % 21) as SlotId;
                let at = Instant::from_micros((rng.next() % 1_000) as i64);
                match rng.next() % 5 {
                    0 | 1 => {
                        table.schedule(id, at);
                        model.entry(id).and_modify(|due| *due = at.min(*due)).or_insert(at);
                    }
                    2 => {
                        table.plan(id, at);
                        let due = model.entry(id).or_insert(at);
                        // It may stay early, but it has to say so.
                        *due = if table.is_exact(id) { at } else { at.min(*due) };
                    }
                    3 => {
                        table.unschedule(id);
                        model.remove(&id);
                    }
                    _ => {
                        if let Some((id, _)) = table.next_due() {
                            table.unschedule(id);
                            model.remove(&id);
                        }
                    }
                }
                let expected = model.values().min().copied();
                let due = table.next_due().map(|(_, due)| due);
                assert_eq!(due, expected, "seed {seed}, step {step}");
                if let Some((id, due)) = table.next_due() {
                    assert_eq!(model.get(&id), Some(&due), "seed {seed}, step {step}");
                }
            }
        }
    }

    /// Under random keys.
    #[test]
    fn filed_is_exactly_what_was_registered() {
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let mut table = table(9, 4);
            let mut model = BTreeMap::<SlotId, Key>::new();
            for step in 0..1_000 {
                let id = (rng.next() % 13) as SlotId;
                let port = rng.next() as u16;
                let key = (!rng.next().is_multiple_of(3))
                    .then(|| Key::port(seed | 1, Protocol::Udp, port));
                table.register(id, key);
                match key {
                    Some(key) => model.insert(id, key),
                    None => model.remove(&id),
                };
                let mut filed = table.filed();
                filed.sort_unstable();
                let expected: Vec<SlotId> = model.keys().copied().collect();
                assert_eq!(filed, expected, "seed {seed}, step {step}");
                for (id, key) in &model {
                    let found = table.chain(*key).filter(|(found, _)| found == id).count();
                    assert_eq!(found, 1, "seed {seed}, step {step}, slot {id}");
                }
            }
        }
    }

    #[test]
    fn lists_keep_their_order() {
        let mut table = table(4, 1);
        for id in [2, 0, 3] {
            table.touch(id);
        }
        table.touch(2);
        table.unlink(0);
        table.move_to(2, ListId::Stalled);
        assert_eq!(table.first(ListId::Dirty), Some(3));
        assert_eq!(table.first(ListId::FreeTcp), Some(1));
        assert_eq!(table.first(ListId::FreeUdp), Some(4));
        table.touch(2);
        table.suspect(2);
        assert_eq!(table.list(2), Some(ListId::Stalled));
        table.wake_stalled();
        assert_eq!(table.first(ListId::Stalled), None);
        assert_eq!(table.list(2), Some(ListId::Dirty));
    }

    #[test]
    fn doubtful_ones_have_their_place_among_the_dirty_ones() {
        let mut table = table(4, 1);
        table.suspect(3);
        table.touch(1);
        table.suspect(1);
        table.suspect(4);
        assert_eq!([3, 1, 4].map(|id| table.list(id)), {
            [Some(ListId::Doubtful), Some(ListId::Dirty), Some(ListId::Doubtful)]
        });
        table.touch(4);
        table.unlink(1);
        assert_eq!(table.first(ListId::Dirty), Some(3));
        assert_eq!((table.after(3), table.after(4)), (Some(4), None));
        table.unlink(3);
        assert_eq!((table.first(ListId::Dirty), table.list(4)), (Some(4), Some(ListId::Dirty)));
        table.unlink(4);
        assert_eq!(table.first(ListId::Dirty), None);
    }
}
