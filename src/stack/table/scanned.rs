//! Sockets found by looking at every slot: for few of them, where that is less code and less work
//! than to keep tables.

use smoltcp::time::Instant;
#[cfg(feature = "tcp")]
use smoltcp::wire::IpEndpoint;

use super::{LISTS, ListId, Table};
use crate::Protocol;
use crate::stack::slot::{NEVER, NONE, Slot, SlotId};

/// What a slot contributes to the tables.
#[derive(Debug)]
pub(crate) struct Links {
    /// The list this slot is in, and since which turn.
    pub(super) list: Option<ListId>,
    since: u32,
    /// Whether it can be found by its key.
    filed: bool,
    /// When this slot is to be visited, and whether it wanted just that when it was asked last;
    /// otherwise it may be early.
    due: Instant,
    is_exact: bool,
}

impl Links {
    pub(crate) const NONE: Self =
        Links { list: None, since: 0, filed: false, due: NEVER, is_exact: false };
}

/// What spares most looks.
pub(super) struct Index {
    /// How often a slot was put on a list.
    turns: u32,
    /// How many slots are on each list.
    members: [u16; LISTS],
    /// No slot is to be visited before.
    quiet_until: Instant,
}

impl Index {
    pub(super) const EMPTY: Self = Index { turns: 0, members: [0; LISTS], quiet_until: NEVER };
}

/// What a slot is found by. Nothing to look for: whoever finds a slot compares all of it anyway.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Key;

impl Key {
    #[cfg(feature = "tcp")]
    pub(crate) fn connection(_seed: u64, _local_port: u16, _remote: IpEndpoint) -> Self {
        Key
    }

    pub(crate) fn port(_seed: u64, _protocol: Protocol, _port: u16) -> Self {
        Key
    }
}

/// By list.
impl Table {
    /// How many turns ago this slot was put on the list; none if it is not there.
    fn age(&self, id: SlotId, list: ListId) -> Option<u32> {
        let links = &self.get(id)?.links;
        (links.list.map(ListId::whole) == Some(list))
            .then_some(self.index.turns.wrapping_sub(links.since))
    }

    /// The slot that is longest on the list of those that came there so many turns ago or less.
    fn oldest(&self, list: ListId, at_most: u32) -> Option<SlotId> {
        let mut oldest = None;
        for id in self.ids() {
            if let Some(age) = self.age(id, list).filter(|age| *age <= at_most)
                && oldest.is_none_or(|(most, _)| most < age)
            {
                oldest = Some((age, id));
            }
        }
        oldest.map(|(_, id)| id)
    }

    fn members(&mut self, list: ListId) -> Option<&mut u16> {
        self.index.members.get_mut(list.whole() as usize)
    }

    pub(crate) fn first(&self, list: ListId) -> Option<SlotId> {
        match self.index.members.get(list as usize) {
            Some(0) | None => None,
            Some(_) => self.oldest(list, u32::MAX),
        }
    }

    /// The next slot of the list that this one is in.
    pub(crate) fn after(&self, id: SlotId) -> Option<SlotId> {
        let list = self.list(id)?.whole();
        self.oldest(list, self.age(id, list)?.checked_sub(1)?)
    }

    /// Puts a slot that is in no list at the end of one.
    pub(crate) fn append(&mut self, id: SlotId, list: ListId) {
        self.move_to(id, list);
    }

    /// Takes the slot out of the list it is in, and puts it at the end of another.
    pub(crate) fn move_to(&mut self, id: SlotId, list: ListId) {
        self.file_in(id, Some(list));
    }

    /// Takes the slot out of the list it is in.
    pub(crate) fn unlink(&mut self, id: SlotId) {
        self.file_in(id, None);
    }

    #[inline(never)]
    fn file_in(&mut self, id: SlotId, list: Option<ListId>) {
        self.index.turns = self.index.turns.wrapping_add(1);
        let since = self.index.turns;
        let Some(links) = self.links(id) else { return };
        links.since = since;
        let old = core::mem::replace(&mut links.list, list);
        if let Some(members) = old.and_then(|old| self.members(old)) {
            *members -= 1;
        }
        if let Some(members) = list.and_then(|list| self.members(list)) {
            *members += 1;
        }
    }
}

/// By key.
impl Table {
    /// The slots that may have this key.
    pub(crate) fn chain(&self, _key: Key) -> impl Iterator<Item = (SlotId, &Slot)> {
        self.ids().filter_map(|id| Some((id, self.get(id)?))).filter(|(_, slot)| slot.links.filed)
    }

    /// Files the slot under a key, or under none.
    pub(super) fn file(&mut self, id: SlotId, key: Option<Key>) {
        if let Some(links) = self.links(id) {
            links.filed = key.is_some();
            // What it wanted was for what it was.
            links.is_exact = false;
        }
    }

    /// All that can be found by a key.
    #[cfg(any(test, all(fuzzing, feature = "cable")))]
    #[cfg_attr(not(test), allow(dead_code))]
    pub(crate) fn filed(&self) -> std::vec::Vec<SlotId> {
        self.chain(Key).map(|(id, _)| id).collect()
    }
}

/// By time.
impl Table {
    /// Visits the slot at `at` at the latest.
    #[inline(never)]
    pub(crate) fn schedule(&mut self, id: SlotId, at: Instant) {
        let Some(links) = self.links(id) else { return };
        links.is_exact = false;
        if at < links.due {
            links.due = at;
            self.index.quiet_until = self.index.quiet_until.min(at);
        }
    }

    /// Visits the slot at `at`, and not before.
    pub(crate) fn plan(&mut self, id: SlotId, at: Instant) {
        let Some(links) = self.links(id) else { return };
        links.due = at;
        links.is_exact = true;
        self.index.quiet_until = self.index.quiet_until.min(at);
    }

    /// What the slot wanted may have changed, to a later time.
    pub(crate) fn loosen(&mut self, id: SlotId) {
        if let Some(links) = self.links(id) {
            links.is_exact = false;
        }
    }

    /// Whether the slot need not be visited before the time that `next_due` tells.
    pub(crate) fn is_exact(&self, id: SlotId) -> bool {
        self.get(id).is_some_and(|slot| slot.links.is_exact)
    }

    /// The slot that is to be visited by now, and first.
    pub(crate) fn due_by(&mut self, now: Instant) -> Option<SlotId> {
        if now < self.index.quiet_until {
            return None;
        }
        self.next_due().filter(|(_, due)| *due <= now).map(|(id, _)| id)
    }

    /// The earliest visit.
    pub(crate) fn next_due(&mut self) -> Option<(SlotId, Instant)> {
        if self.index.quiet_until == NEVER {
            return None;
        }
        let mut next = (NONE, NEVER);
        for id in self.ids() {
            if let Some(slot) = self.get(id)
                && slot.links.due < next.1
            {
                next = (id, slot.links.due);
            }
        }
        self.index.quiet_until = next.1;
        (next.0 != NONE).then_some(next)
    }

    /// Forgets the visit.
    pub(crate) fn unschedule(&mut self, id: SlotId) {
        if let Some(links) = self.links(id) {
            links.due = NEVER;
        }
    }
}
