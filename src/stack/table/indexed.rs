//! Sockets found by a hash table, lists and a heap: for one of many at the price of one.
//!
//! All of it is intrusive: `n` slots bring `n` buckets and `n` places of the heap with them, so
//! that storage is one array however many slots there are, and nothing can run out.

use smoltcp::time::Instant;
#[cfg(feature = "tcp")]
use smoltcp::wire::{IpAddress, IpEndpoint};

use super::{LISTS, ListId, Table};
use crate::Protocol;
use crate::stack::slot::{NEVER, NONE, Slot, SlotId};

/// What a slot contributes to the tables.
#[derive(Debug)]
pub(crate) struct Links {
    /// The list this slot is in, and its neighbours there.
    pub(super) list: Option<ListId>,
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
        due: NEVER,
        place: NONE,
        head: NONE,
        heap: NONE,
    };
}

/// What the tables know beside the slots.
pub(super) struct Index {
    lists: [Ends; LISTS],
    heap_len: u16,
    /// When the first of the heap is to be visited.
    earliest: Instant,
    /// The slot that was planned last, if it wanted just that and nothing later.
    exact: SlotId,
}

#[derive(Clone, Copy, Debug)]
struct Ends {
    first: SlotId,
    last: SlotId,
}

impl Index {
    pub(super) const EMPTY: Self = Index {
        lists: [Ends { first: NONE, last: NONE }; LISTS],
        heap_len: 0,
        earliest: NEVER,
        exact: NONE,
    };
}

/// What a slot is found by: the hash of a connection, or of what is bound to a port.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key(u32);

impl Key {
    /// The key of a connection. The local address is left out: it differs too rarely to matter, and
    /// the comparison that follows looks at it.
    #[cfg(feature = "tcp")]
    pub(crate) fn connection(seed: u64, local_port: u16, remote: IpEndpoint) -> Self {
        let ports = u64::from(local_port) << 16 | u64::from(remote.port);
        Key::new(seed, fold(remote.addr) << 32 ^ fold(remote.addr) >> 32 ^ ports)
    }

    /// The key of what is bound to a port.
    pub(crate) fn port(seed: u64, protocol: Protocol, port: u16) -> Self {
        Key::new(seed, u64::from(port) << 2 | protocol as u64 | 1 << 40)
    }

    fn new(seed: u64, bits: u64) -> Self {
        let mixed = (bits ^ seed).wrapping_mul(seed);
        Key(((mixed ^ mixed >> 29).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32) as u32)
    }
}

#[cfg(feature = "tcp")]
fn fold(addr: IpAddress) -> u64 {
    match addr {
        #[cfg(feature = "proto-ipv4")]
        IpAddress::Ipv4(addr) => u64::from(addr.to_bits()),
        #[cfg(feature = "proto-ipv6")]
        IpAddress::Ipv6(addr) => {
            let bits = addr.to_bits();
            (bits >> 64) as u64 ^ (bits as u64).rotate_left(23)
        }
    }
}

/// By list.
impl Table {
    #[inline]
    fn ends(&mut self, list: ListId) -> &mut Ends {
        let [free_tcp, free_udp, dirty, stalled, free_icmp, free_raw] = &mut self.index.lists;
        match list {
            ListId::FreeTcp => free_tcp,
            ListId::FreeUdp => free_udp,
            ListId::Dirty | ListId::Doubtful => dirty,
            ListId::Stalled => stalled,
            ListId::FreeIcmp => free_icmp,
            ListId::FreeRaw => free_raw,
        }
    }

    pub(crate) fn first(&self, list: ListId) -> Option<SlotId> {
        let first = self.index.lists.get(list as usize)?.first;
        (first != NONE).then_some(first)
    }

    /// The next slot of the list that this one is in.
    pub(crate) fn after(&self, id: SlotId) -> Option<SlotId> {
        let next = self.get(id)?.links.next;
        (next != NONE).then_some(next)
    }

    /// Takes the slot out of the list it is in, and puts it at the end of another.
    pub(crate) fn move_to(&mut self, id: SlotId, list: ListId) {
        self.unlink(id);
        self.append(id, list);
    }

    /// Puts a slot that is in no list at the end of one.
    #[inline]
    pub(crate) fn append(&mut self, id: SlotId, list: ListId) {
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

    /// Takes the slot out of the list it is in.
    #[inline]
    pub(crate) fn unlink(&mut self, id: SlotId) {
        let Some(links) = self.links(id) else { return };
        let Some(list) = links.list.take() else { return };
        let (prev, next) = (links.prev, links.next);
        if prev == NONE {
            self.ends(list).first = next;
        } else if let Some(links) = self.links(prev) {
            links.next = next;
        }
        if next == NONE {
            self.ends(list).last = prev;
        } else if let Some(links) = self.links(next) {
            links.prev = prev;
        }
    }
}

/// By key.
impl Table {
    fn bucket(&self, key: Key) -> SlotId {
        ((u64::from(key.0) * u64::from(self.len())) >> 32) as SlotId
    }

    /// The slots that may have this key.
    pub(crate) fn chain(&self, key: Key) -> impl Iterator<Item = (SlotId, &Slot)> {
        let head = self.get(self.bucket(key)).map_or(NONE, |slot| slot.links.head);
        core::iter::successors(self.get(head).map(|slot| (head, slot)), |(_, slot)| {
            let next = slot.links.chain;
            self.get(next).map(|slot| (next, slot))
        })
    }

    /// Files the slot under a key, or under none.
    pub(super) fn file(&mut self, id: SlotId, key: Option<Key>) {
        let new = key.map_or(NONE, |key| self.bucket(key));
        // What it wanted was for what it was.
        self.loosen(id);
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

    /// All that can be found by a key.
    #[cfg(any(test, all(fuzzing, feature = "cable")))]
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) fn filed(&self) -> std::vec::Vec<SlotId> {
        let next = |id: &SlotId| self.get(*id).map(|slot| slot.links.chain);
        let chain = |head| std::iter::successors(Some(head), next).take_while(|id| *id != NONE);
        self.ids().filter_map(|id| Some(self.get(id)?.links.head)).flat_map(chain).collect()
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
/// packet would cost more than the visit in vain that it saves, unless it keeps its place.
impl Table {
    /// Visits the slot at `at` at the latest.
    pub(crate) fn schedule(&mut self, id: SlotId, at: Instant) {
        self.loosen(id);
        let Some(links) = self.links(id) else { return };
        if links.place == NONE {
            self.index.heap_len += 1;
            self.sift_up(self.index.heap_len - 1, id, at);
        } else if at < links.due {
            let place = links.place;
            self.sift_up(place, id, at);
        }
    }

    /// Visits the slot at `at`, or before.
    #[inline]
    pub(crate) fn plan(&mut self, id: SlotId, at: Instant) {
        let Some(links) = self.get(id).map(|slot| &slot.links) else { return };
        let (place, due) = (links.place, links.due);
        if at == NEVER {
            if place != NONE {
                self.schedule(id, due);
            }
            return;
        }
        if place == NONE || at < due {
            self.schedule(id, at);
        } else if at > due {
            let [first, second] = [1, 2].map(|nth| u32::from(place) * 2 + nth);
            if [first, second].iter().any(|child| self.due_at(*child) < at) {
                return self.schedule(id, at);
            }
            self.put(place, id, at);
        }
        self.index.exact = id;
    }

    /// What the slot wanted may have changed, to a later time.
    pub(crate) fn loosen(&mut self, id: SlotId) {
        if self.index.exact == id {
            self.index.exact = NONE;
        }
    }

    /// Whether the slot need not be visited before the time that `next_due` tells.
    pub(crate) fn is_exact(&self, id: SlotId) -> bool {
        self.index.exact == id
    }

    /// The slot that is to be visited by now, and first.
    pub(crate) fn due_by(&self, now: Instant) -> Option<SlotId> {
        if now < self.index.earliest { None } else { self.next_due().map(|(id, _)| id) }
    }

    /// The earliest visit.
    pub(crate) fn next_due(&self) -> Option<(SlotId, Instant)> {
        if self.index.heap_len == 0 {
            return None;
        }
        let id = self.at(0)?;
        Some((id, self.get(id)?.links.due))
    }

    /// Forgets the visit.
    pub(crate) fn unschedule(&mut self, id: SlotId) {
        self.loosen(id);
        let Some(links) = self.links(id) else { return };
        let place = core::mem::replace(&mut links.place, NONE);
        if place == NONE {
            return;
        }
        self.index.heap_len -= 1;
        if self.index.heap_len == 0 {
            self.index.earliest = NEVER;
        }
        let Some(last) = self.at(self.index.heap_len) else { return };
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

    /// The time of the slot at a place, which may be beyond the end.
    fn due_at(&self, place: u32) -> Instant {
        if place >= u32::from(self.index.heap_len) {
            return NEVER;
        }
        self.at(place as u16).map_or(NEVER, |id| self.due(id))
    }

    fn due(&self, id: SlotId) -> Instant {
        self.get(id).map_or(NEVER, |slot| slot.links.due)
    }

    fn put(&mut self, place: u16, id: SlotId, due: Instant) {
        if let Some(links) = self.links(place) {
            links.heap = id;
        }
        if let Some(links) = self.links(id) {
            links.place = place;
            links.due = due;
        }
        if place == 0 {
            self.index.earliest = due;
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
                .filter(|child| *child < u32::from(self.index.heap_len))
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
#[cfg(all(feature = "tcp", feature = "proto-ipv4", feature = "proto-ipv6"))]
mod tests {
    use super::super::tests::table;
    use super::*;
    use crate::stack::rng::Rng;
    use std::vec::Vec;

    const SLOTS: u16 = 256;

    /// However alike the connections are: a search is a look at few slots.
    #[track_caller]
    fn assert_spread(key: impl Fn(u64, u16) -> Key) {
        let table = table(SLOTS.into(), 0);
        let mut rng = Rng::new(1);
        for _ in 0..20 {
            // Odd, as the stack's own.
            let seed = rng.next() | 1;
            let mut buckets = [0_u32; SLOTS as usize];
            (0..SLOTS).for_each(|n| buckets[usize::from(table.bucket(key(seed, n)))] += 1);
            // A random choice makes it two slots a search, and some seven for the worst: twice that
            // is not spread any more.
            let looks: u32 = buckets.iter().map(|n| n * n).sum();
            let longest = buckets.iter().max().copied();
            let is_spread = looks < u32::from(SLOTS) * 4 && longest <= Some(12);
            assert!(is_spread, "seed {seed}: {looks}, {longest:?}");
        }
    }

    #[test]
    fn connections_are_spread() {
        let local = 443;
        let host = IpAddress::v4(10, 0, 0, 1);
        assert_spread(|seed, n| Key::connection(seed, local, (host, 49_152 + n).into()));
        assert_spread(|seed, n| Key::connection(seed, 49_152 + n, (host, 80).into()));
        let in_network = |n| IpAddress::v4(10, 0, 0, n as u8);
        assert_spread(|seed, n| Key::connection(seed, local, (in_network(n), 50_000).into()));
        let networks = |n| IpAddress::v4(10, n as u8, 0, 1);
        assert_spread(|seed, n| Key::connection(seed, local, (networks(n), 50_000).into()));
        for changing in 0..8 {
            let addr = |n| {
                let mut parts = [0x2001, 0xdb8, 0, 0, 0, 0, 0, 1];
                parts[changing] += n;
                IpAddress::Ipv6(parts.into())
            };
            assert_spread(|seed, n| Key::connection(seed, local, (addr(n), 50_000).into()));
        }
    }

    #[test]
    fn ports_are_spread() {
        assert_spread(|seed, n| Key::port(seed, Protocol::Tcp, n));
        assert_spread(|seed, n| Key::port(seed, Protocol::Udp, 49_152 + n));
        let of = |protocol| Key::port(0x1234_5678_9abc_def1, protocol, 80).0;
        assert_ne!(of(Protocol::Tcp), of(Protocol::Udp));
    }

    /// Whoever does not know the seed cannot choose addresses and ports that meet in one place.
    #[test]
    fn where_connections_meet_is_for_the_seed_to_say() {
        let table = table(SLOTS.into(), 0);
        let remote = |n| (IpAddress::v4(10, 0, 0, 1), n).into();
        let meeting = |seed| -> Vec<u16> {
            let bucket = |n| table.bucket(Key::connection(seed, 443, remote(n)));
            (1..10_000).filter(|n| bucket(*n) == bucket(0)).collect()
        };
        let (one, other) = (meeting(0x1234_5678_9abc_def1), meeting(0xfedc_ba98_7654_3211));
        assert!(one.len() > 10);
        let both = one.iter().filter(|n| other.contains(n)).count();
        assert!(both <= 5, "{both} of {}", one.len());
    }
}
