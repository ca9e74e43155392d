//! The slots, and the four ways to find one without looking at the others.
//!
//! - by number, which is what a socket handle holds;
//! - by key: a hash table, for the router;
//! - by list: free, dirty (may have something to send) or stalled (waits for a neighbour);
//! - by time: a heap of deadlines.
//!
//! All of it is intrusive: `n` slots bring `n` buckets and `n` places of the heap with them, so
//! that storage is one array however many slots there are, and nothing can run out.

use smoltcp::time::Instant;

use super::slot::{NONE, Slot, SlotId};
use super::storage::Lent;
use crate::Protocol;

/// Whether there can be slots that are neither for TCP nor for UDP.
const FURTHER: bool = cfg!(any(feature = "icmp", feature = "raw"));

/// What a slot contributes to the tables.
#[derive(Debug)]
pub(crate) struct Links {
    /// The list this slot is in, and its neighbours there.
    list: Option<ListId>,
    prev: SlotId,
    next: SlotId,
    /// The bucket this slot is in, and the next slot of its chain.
    bucket: SlotId,
    chain: SlotId,
    /// When this slot is to be visited, and its place in the heap.
    due: Instant,
    place: u16,
    /// Not about this slot: the first slot of the bucket with this slot's number...
    head: SlotId,
    /// ...and the slot at the place of the heap with this slot's number.
    heap: SlotId,
}

impl Links {
    pub(crate) const NONE: Self = Links {
        list: None,
        prev: NONE,
        next: NONE,
        bucket: NONE,
        chain: NONE,
        due: super::slot::NEVER,
        place: NONE,
        head: NONE,
        heap: NONE,
    };
}

/// The lists a slot can be in, one at a time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ListId {
    FreeTcp,
    FreeUdp,
    Dirty,
    Stalled,
    FreeIcmp,
    FreeRaw,
}

const LISTS: usize = 6;

#[derive(Clone, Copy, Debug)]
struct Ends {
    first: SlotId,
    last: SlotId,
}

pub(crate) struct Table {
    tcp: Lent<Slot>,
    udp: Lent<Slot>,
    /// Empty without the features.
    icmp: Lent<Slot>,
    raw: Lent<Slot>,
    /// The number of all slots, which every look-up by key needs.
    len: u16,
    lists: [Ends; LISTS],
    heap_len: u16,
}

impl Table {
    /// Takes the slots over; all of them are free.
    pub(crate) fn new(tcp: Lent<Slot>, udp: Lent<Slot>, icmp: Lent<Slot>, raw: Lent<Slot>) -> Self {
        let len = tcp.len() + udp.len() + icmp.len() + raw.len();
        let mut table = Table {
            tcp,
            udp,
            icmp,
            raw,
            len: len.min(usize::from(NONE)) as u16,
            lists: [Ends { first: NONE, last: NONE }; LISTS],
            heap_len: 0,
        };
        for id in 0..table.len() {
            table.move_to(id, Some(table.free_list(id)));
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

    fn links(&mut self, id: SlotId) -> Option<&mut Links> {
        self.get_mut(id).map(|slot| &mut slot.links)
    }
}

/// By list.
impl Table {
    fn ends(&mut self, list: ListId) -> &mut Ends {
        let [free_tcp, free_udp, dirty, stalled, free_icmp, free_raw] = &mut self.lists;
        match list {
            ListId::FreeTcp => free_tcp,
            ListId::FreeUdp => free_udp,
            ListId::Dirty => dirty,
            ListId::Stalled => stalled,
            ListId::FreeIcmp => free_icmp,
            ListId::FreeRaw => free_raw,
        }
    }

    pub(crate) fn first(&self, list: ListId) -> Option<SlotId> {
        let first = self.lists.get(list as usize)?.first;
        (first != NONE).then_some(first)
    }

    pub(crate) fn list(&self, id: SlotId) -> Option<ListId> {
        self.get(id)?.links.list
    }

    /// The next slot of the list that this one is in.
    pub(crate) fn after(&self, id: SlotId) -> Option<SlotId> {
        let next = self.get(id)?.links.next;
        (next != NONE).then_some(next)
    }

    /// Takes the slot out of the list it is in, and puts it at the end of another, or of none.
    pub(crate) fn move_to(&mut self, id: SlotId, list: Option<ListId>) {
        self.unlink(id);
        let Some(list) = list else { return };
        let last = core::mem::replace(&mut self.ends(list).last, id);
        if last == NONE {
            self.ends(list).first = id;
        } else if let Some(links) = self.links(last) {
            links.next = id;
        }
        if let Some(links) = self.links(id) {
            links.list = Some(list);
            links.prev = last;
            links.next = NONE;
        }
    }

    fn unlink(&mut self, id: SlotId) {
        let Some(links) = self.links(id) else { return };
        let Some(list) = links.list.take() else { return };
        let (prev, next) = (links.prev, links.next);
        match self.links(prev) {
            Some(links) => links.next = next,
            None => self.ends(list).first = next,
        }
        match self.links(next) {
            Some(links) => links.prev = prev,
            None => self.ends(list).last = prev,
        }
    }

    /// Puts the slot on the list of those that may have something to send, unless it waits for a
    /// neighbour: then it would only be turned away again.
    pub(crate) fn touch(&mut self, id: SlotId) {
        if !matches!(self.list(id), Some(ListId::Dirty | ListId::Stalled)) {
            self.move_to(id, Some(ListId::Dirty));
        }
    }

    /// Puts every slot that waits for a neighbour among those that may have something to send.
    pub(crate) fn wake_stalled(&mut self) {
        while let Some(id) = self.first(ListId::Stalled) {
            self.move_to(id, Some(ListId::Dirty));
        }
    }
}

/// By key.
impl Table {
    /// The bucket for a hash.
    pub(crate) fn bucket(&self, hash: u32) -> SlotId {
        ((u64::from(hash) * u64::from(self.len())) >> 32) as SlotId
    }

    /// The slots in the bucket of a hash; all that have this hash are among them.
    pub(crate) fn chain(&self, hash: u32) -> impl Iterator<Item = (SlotId, &Slot)> {
        let head = self.get(self.bucket(hash)).map_or(NONE, |slot| slot.links.head);
        core::iter::successors(self.get(head).map(|slot| (head, slot)), |(_, slot)| {
            let next = slot.links.chain;
            self.get(next).map(|slot| (next, slot))
        })
    }

    /// Files the slot under a hash, or under none.
    pub(crate) fn register(&mut self, id: SlotId, hash: Option<u32>) {
        let new = hash.map_or(NONE, |hash| self.bucket(hash));
        let Some(links) = self.links(id) else { return };
        let old = core::mem::replace(&mut links.bucket, new);
        if old == new {
            return;
        }
        let rest = core::mem::replace(&mut links.chain, NONE);
        if old != NONE {
            self.unchain(old, id, rest);
        }
        if let Some(bucket) = self.links(new) {
            let head = core::mem::replace(&mut bucket.head, id);
            if let Some(links) = self.links(id) {
                links.chain = head;
            }
        }
    }

    fn unchain(&mut self, bucket: SlotId, id: SlotId, rest: SlotId) {
        let Some(links) = self.links(bucket) else { return };
        if links.head == id {
            links.head = rest;
            return;
        }
        let mut at = links.head;
        while let Some(links) = self.links(at) {
            if links.chain == id {
                links.chain = rest;
                return;
            }
            at = links.chain;
        }
    }
}

/// By time.
///
/// The time of a slot in the heap may be earlier than needed, never later: moving it back at each
/// packet would cost more than the visit in vain that it saves.
impl Table {
    /// Visits the slot at `at` at the latest.
    pub(crate) fn schedule(&mut self, id: SlotId, at: Instant) {
        let Some(links) = self.get(id).map(|slot| &slot.links) else { return };
        if links.place == NONE {
            self.heap_len += 1;
            self.sift_up(self.heap_len - 1, id, at);
        } else if at < links.due {
            self.sift_up(links.place, id, at);
        }
    }

    /// The earliest visit.
    pub(crate) fn next_due(&self) -> Option<(SlotId, Instant)> {
        if self.heap_len == 0 {
            return None;
        }
        let id = self.at(0)?;
        Some((id, self.get(id)?.links.due))
    }

    /// Forgets the visit.
    pub(crate) fn unschedule(&mut self, id: SlotId) {
        let Some(links) = self.links(id) else { return };
        let place = core::mem::replace(&mut links.place, NONE);
        if place == NONE {
            return;
        }
        self.heap_len -= 1;
        let Some(last) = self.at(self.heap_len) else { return };
        if last == id {
            return;
        }
        let due = self.due(last);
        self.sift_down(place, last, due);
        // The slot from the end may belong above the gap just as well as below it.
        let place = self.get(last).map_or(NONE, |slot| slot.links.place);
        self.sift_up(place, last, due);
    }

    fn at(&self, place: u16) -> Option<SlotId> {
        self.get(place).map(|slot| slot.links.heap)
    }

    fn due(&self, id: SlotId) -> Instant {
        self.get(id).map_or(super::slot::NEVER, |slot| slot.links.due)
    }

    fn put(&mut self, place: u16, id: SlotId, due: Instant) {
        if let Some(links) = self.links(place) {
            links.heap = id;
        }
        if let Some(links) = self.links(id) {
            links.place = place;
            links.due = due;
        }
    }

    fn sift_up(&mut self, mut place: u16, id: SlotId, due: Instant) {
        while place > 0 {
            let parent = (place - 1) / 2;
            let Some(above) = self.at(parent) else { break };
            let above_due = self.due(above);
            if above_due <= due {
                break;
            }
            self.put(place, above, above_due);
            place = parent;
        }
        self.put(place, id, due);
    }

    fn sift_down(&mut self, mut place: u16, id: SlotId, due: Instant) {
        loop {
            let left = u32::from(place) * 2 + 1;
            let Some((child, below)) = (left..left + 2)
                .filter(|child| *child < u32::from(self.heap_len))
                .filter_map(|child| Some((child as u16, self.at(child as u16)?)))
                .min_by_key(|(_, id)| self.due(*id))
            else {
                break;
            };
            let below_due = self.due(below);
            if due <= below_due {
                break;
            }
            self.put(place, below, below_due);
            place = child;
        }
        self.put(place, id, due);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::stack::rng::Rng;
    use std::collections::{BTreeMap, BTreeSet};
    use std::vec::Vec;

    fn table(tcp: usize, udp: usize) -> Table {
        let slots = |n| Lent::Heap((0..n).map(|_| Slot::EMPTY).collect::<Vec<_>>().into());
        Table::new(slots(tcp), slots(udp), slots(0), slots(0))
    }

    /// The heap against an ordered map, under random schedules, removals and pops.
    #[test]
    fn heap_agrees_with_an_ordered_map() {
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let mut table = table(13, 8);
            let mut model = BTreeMap::<SlotId, Instant>::new();
            for step in 0..2_000 {
                let id = (rng.next() % 21) as SlotId;
                let at = Instant::from_micros((rng.next() % 1_000) as i64);
                match rng.next() % 4 {
                    0 | 1 => {
                        table.schedule(id, at);
                        model.entry(id).and_modify(|due| *due = at.min(*due)).or_insert(at);
                    }
                    2 => {
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

    #[test]
    fn chains_hold_exactly_what_was_registered() {
        for seed in 0..200 {
            let mut rng = Rng::new(seed);
            let mut table = table(9, 4);
            let mut model = BTreeMap::<SlotId, u32>::new();
            for step in 0..1_000 {
                let id = (rng.next() % 13) as SlotId;
                let hash = (!rng.next().is_multiple_of(3)).then(|| rng.next() as u32);
                table.register(id, hash);
                match hash {
                    Some(hash) => model.insert(id, hash),
                    None => model.remove(&id),
                };
                for bucket in 0..13 {
                    let hash = ((u64::from(bucket as u16) << 32) / 13) as u32 + 1;
                    assert_eq!(table.bucket(hash), bucket as SlotId);
                    let found: BTreeSet<_> = table.chain(hash).map(|(id, _)| id).collect();
                    let expected: BTreeSet<_> = model
                        .iter()
                        .filter(|(_, hash)| table.bucket(**hash) == bucket as SlotId)
                        .map(|(id, _)| *id)
                        .collect();
                    assert_eq!(found, expected, "seed {seed}, step {step}, bucket {bucket}");
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
        table.move_to(0, None);
        table.move_to(2, Some(ListId::Stalled));
        assert_eq!(table.first(ListId::Dirty), Some(3));
        assert_eq!(table.first(ListId::FreeTcp), Some(1));
        assert_eq!(table.first(ListId::FreeUdp), Some(4));
        table.touch(2);
        assert_eq!(table.list(2), Some(ListId::Stalled));
        table.wake_stalled();
        assert_eq!(table.first(ListId::Stalled), None);
        assert_eq!(table.list(2), Some(ListId::Dirty));
    }
}
