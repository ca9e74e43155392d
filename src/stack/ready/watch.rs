//! Sets of watched sockets: of each, the list of those that may be ready.

#[cfg(feature = "async")]
use core::task::Waker;

use super::{MEMBERS, Ready};
use crate::Error;
use crate::stack::core::Core;
use crate::stack::slot::{NONE, SlotId};

/// How many sets a stack has.
const MOST_WATCHES: usize = 4;

/// The number of a set.
pub(crate) type WatchId = u8;

/// No set.
const NOBODY: WatchId = WatchId::MAX;

/// The set a slot is in, what of the slot is waited for, and under which key.
#[derive(Debug)]
pub(super) struct Watched {
    by: WatchId,
    interest: Ready,
    key: u16,
    /// Whether it is on the list of its set, between these two.
    listed: bool,
    prev: SlotId,
    next: SlotId,
}

impl Watched {
    pub(super) const BY_NOBODY: Self = Watched {
        by: NOBODY,
        interest: Ready::NONE,
        key: 0,
        listed: false,
        prev: NONE,
        next: NONE,
    };

    pub(super) fn interest(&self) -> Ready {
        if self.by == NOBODY { Ready::NONE } else { self.interest | Ready::ENDED }
    }
}

/// The sets of a stack.
#[derive(Debug)]
pub(crate) struct Watches {
    lists: [WatchList; MOST_WATCHES],
}

#[derive(Debug)]
struct WatchList {
    taken: bool,
    len: u16,
    first: SlotId,
    last: SlotId,
    #[cfg(feature = "async")]
    waker: Option<Waker>,
}

impl WatchList {
    const FREE: Self = WatchList {
        taken: false,
        len: 0,
        first: NONE,
        last: NONE,
        #[cfg(feature = "async")]
        waker: None,
    };
}

impl Default for Watches {
    fn default() -> Self {
        Watches { lists: [const { WatchList::FREE }; MOST_WATCHES] }
    }
}

impl Core {
    pub(crate) fn watch_open(&mut self) -> Result<WatchId, Error> {
        let free = self.watches.lists.iter_mut().zip(0..).find(|(list, _)| !list.taken);
        let (list, by) = free.ok_or(Error::OutOfWatches)?;
        list.taken = true;
        Ok(by)
    }

    /// Looks at every slot: sets are made seldom.
    pub(crate) fn watch_close(&mut self, by: WatchId) {
        for id in self.table.ids() {
            if self.watched(id).is_some_and(|watched| watched.by == by) {
                self.unwatch(id);
            }
        }
        if let Some(list) = self.watch_list(by) {
            *list = WatchList::FREE;
        }
    }

    /// Puts a slot into a set, under a key: for so much of `part` as is of `interest`. What is not
    /// of `part` is another owner's, who holds the other half of the connection.
    pub(crate) fn watch_add(
        &mut self,
        id: SlotId,
        by: WatchId,
        key: u16,
        interest: Ready,
        part: Ready,
    ) -> Result<(), Error> {
        let Some(watched) = self.watched(id) else { return Ok(()) };
        let is_whole = part == Ready::ALL;
        let stays = watched.by == by && watched.key == key;
        if !is_whole && watched.by != NOBODY && !stays {
            return Err(Error::AlreadyWatched);
        }
        let others = if stays { watched.interest & !part } else { Ready::NONE };
        let mut next = Some(id);
        while let Some(id) = next {
            self.unwatch(id);
            if let Some(watched) = self.watched_mut(id) {
                watched.by = by;
                watched.key = key;
                watched.interest = others | ((interest | MEMBERS) & part);
            }
            self.changed(id);
            next = self.next_of_backlog(id);
        }
        Ok(())
    }

    /// Takes a slot, or one owner's part of it, out of a set, if it is in that.
    pub(crate) fn watch_remove(&mut self, id: SlotId, by: WatchId, part: Ready) {
        let mut next = Some(id);
        while let Some(id) = next {
            if self.watched(id).is_some_and(|watched| watched.by == by) {
                self.unwatch_part(id, part);
            }
            next = self.next_of_backlog(id);
        }
    }

    /// One of two who hold a slot, or the only one, does not watch it any more.
    pub(super) fn unwatch_part(&mut self, id: SlotId, part: Ready) {
        let Some(watched) = self.watched_mut(id) else { return };
        watched.interest = watched.interest & !part;
        if watched.interest.is_empty() {
            self.unwatch(id);
        }
    }

    /// A slot joins a backlog: it is in the set that the others are in.
    #[cfg(feature = "tcp")]
    pub(super) fn watch_along(&mut self, head: SlotId, id: SlotId) {
        let Some(watched) = self.watched(head) else { return };
        let (by, key, interest) = (watched.by, watched.key, watched.interest);
        if let Some(watched) = self.watched_mut(id) {
            watched.by = by;
            watched.key = key;
            watched.interest = interest;
        }
    }

    /// A socket needs a look-up: it is in the set that the socket is in.
    #[cfg(feature = "dns")]
    pub(super) fn watch_look_up(&mut self, id: SlotId, lookup: SlotId) {
        let Some(watched) = self.watched(id).filter(|watched| watched.by != NOBODY) else { return };
        let (by, key) = (watched.by, watched.key);
        // It is held as a whole, and in no set yet.
        let _ = self.watch_add(lookup, by, key, Ready::RECEIVE, Ready::ALL);
    }

    /// How many slots may be ready.
    pub(crate) fn watch_len(&self, by: WatchId) -> u16 {
        self.watches.lists.get(usize::from(by)).map_or(0, |list| list.len)
    }

    /// Takes the next slot of the list: its key and what it is ready for, if it is. Then it stays
    /// on the list, as the last, until it is found not to be ready any more.
    pub(crate) fn watch_next(&mut self, by: WatchId) -> Option<(u16, Ready)> {
        let id = self.watches.lists.get(usize::from(by))?.first;
        let watched = self.watched(id)?;
        let (key, interest) = (watched.key, watched.interest());
        let ready = self.readiness_for(id, interest);
        self.unlist(id);
        if ready.is_empty() {
            return None;
        }
        self.enlist(id);
        Some((key, ready))
    }

    /// Whom to wake when a slot of the set becomes ready.
    #[cfg(feature = "async")]
    pub(crate) fn watch_wake_on(&mut self, by: WatchId, waker: &Waker) {
        let Some(list) = self.watch_list(by) else { return };
        if list.len > 0 {
            waker.wake_by_ref();
        } else {
            list.waker = Some(waker.clone());
        }
    }

    fn unwatch(&mut self, id: SlotId) {
        self.unlist(id);
        if let Some(watched) = self.watched_mut(id) {
            *watched = Watched::BY_NOBODY;
        }
    }

    /// Puts a slot at the end of the list of its set.
    pub(super) fn enlist(&mut self, id: SlotId) {
        let Some(watched) = self.watched(id).filter(|watched| !watched.listed) else { return };
        let by = watched.by;
        let Some(list) = self.watch_list(by) else { return };
        let last = core::mem::replace(&mut list.last, id);
        if last == NONE {
            list.first = id;
        }
        list.len += 1;
        #[cfg(feature = "async")]
        if let Some(waker) = list.waker.take() {
            waker.wake();
        }
        if let Some(watched) = self.watched_mut(id) {
            watched.listed = true;
            watched.prev = last;
            watched.next = NONE;
        }
        if let Some(watched) = self.watched_mut(last) {
            watched.next = id;
        }
    }

    fn unlist(&mut self, id: SlotId) {
        let Some(watched) = self.watched_mut(id).filter(|watched| watched.listed) else { return };
        watched.listed = false;
        let (by, prev, next) = (watched.by, watched.prev, watched.next);
        if let Some(watched) = self.watched_mut(prev) {
            watched.next = next;
        }
        if let Some(watched) = self.watched_mut(next) {
            watched.prev = prev;
        }
        let Some(list) = self.watch_list(by) else { return };
        list.len -= 1;
        if prev == NONE {
            list.first = next;
        }
        if next == NONE {
            list.last = prev;
        }
    }

    fn watch_list(&mut self, by: WatchId) -> Option<&mut WatchList> {
        self.watches.lists.get_mut(usize::from(by))
    }

    fn watched(&self, id: SlotId) -> Option<&Watched> {
        self.slot(id).map(|slot| &slot.waited.watched)
    }

    fn watched_mut(&mut self, id: SlotId) -> Option<&mut Watched> {
        self.slot_mut(id).map(|slot| &mut slot.waited.watched)
    }
}
