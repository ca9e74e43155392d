//! Who sleeps until a slot is ready.

use core::task::Waker;

use super::{Ready, WRITER};
use crate::stack::core::Core;
use crate::stack::slot::SlotId;

/// Who sleeps until a slot is ready: a reader and a writer, as a connection has two halves.
#[derive(Debug)]
pub(super) struct Wakers {
    interest: Ready,
    receive: Option<Waker>,
    send: Option<Waker>,
}

impl Wakers {
    pub(super) const NONE: Self = Wakers { interest: Ready::NONE, receive: None, send: None };

    /// Whoever waits for anything is told of the end.
    pub(super) fn interest(&self) -> Ready {
        let waits = self.receive.is_some() || self.send.is_some();
        if waits { self.interest | Ready::ENDED } else { Ready::NONE }
    }
}

impl Core {
    /// Has a waker called once the slot is ready for something of `interest`, or over; at once if
    /// it is.
    pub(crate) fn wake_on(&mut self, id: SlotId, interest: Ready, part: Ready, waker: &Waker) {
        self.wake_later(id, interest, part, waker);
        let mut next = Some(id);
        while let Some(id) = next {
            self.changed(id);
            next = self.next_of_backlog(id);
        }
    }

    /// As `wake_on`, for a slot that is not ready, as a call on it has just found. `part` is what of
    /// the slot its owner has: it takes one place at least, also to wait for the end alone.
    pub(crate) fn wake_later(&mut self, id: SlotId, interest: Ready, part: Ready, waker: &Waker) {
        let interest = interest & part;
        let send = interest.intersects(WRITER) || part == WRITER;
        let receive = interest.intersects(!WRITER) || !send;
        let mut next = Some(id);
        while let Some(id) = next {
            if let Some(slot) = self.slot_mut(id) {
                let wakers = &mut slot.waited.wakers;
                wakers.interest = wakers.interest | interest;
                if receive {
                    register(&mut wakers.receive, waker);
                }
                if send {
                    register(&mut wakers.send, waker);
                }
            }
            next = self.next_of_backlog(id);
        }
    }

    /// A slot joins a backlog: whoever waits for the others waits for it.
    #[cfg(feature = "tcp")]
    pub(super) fn wake_along(&mut self, head: SlotId, id: SlotId) {
        let Some(waker) = self.slot(head).and_then(|slot| slot.waited.wakers.receive.clone())
        else {
            return;
        };
        if let Some(slot) = self.slot_mut(id) {
            slot.waited.wakers.interest = Ready::ACCEPT;
            slot.waited.wakers.receive = Some(waker);
        }
    }

    /// Wakes those who wait for what the slot is ready for. They are woken once.
    pub(super) fn wake(&mut self, id: SlotId, ready: Ready) {
        let Some(slot) = self.slot_mut(id) else { return };
        let wakers = &mut slot.waited.wakers;
        let over = ready.contains(Ready::ENDED);
        if over || ready.intersects(wakers.interest & !WRITER) {
            wakers.interest = wakers.interest & WRITER;
            if let Some(waker) = wakers.receive.take() {
                waker.wake();
            }
        }
        if over || ready.intersects(wakers.interest & WRITER) {
            wakers.interest = wakers.interest & !WRITER;
            if let Some(waker) = wakers.send.take() {
                waker.wake();
            }
        }
    }

    pub(super) fn forget_wakers(&mut self, id: SlotId, part: Ready) {
        let Some(slot) = self.slot_mut(id) else { return };
        let wakers = &mut slot.waited.wakers;
        wakers.interest = wakers.interest & !part;
        if part.intersects(WRITER) {
            wakers.send = None;
        }
        if part.intersects(!WRITER) {
            wakers.receive = None;
        }
    }
}

/// Cloning a waker may cost more than asking whether it is the same.
fn register(place: &mut Option<Waker>, waker: &Waker) {
    if !place.as_ref().is_some_and(|known| known.will_wake(waker)) {
        *place = Some(waker.clone());
    }
}
