//! Who sleeps until a slot is ready, and who sleeps until the stack has work.

use core::task::Waker;

use super::{Ready, WRITER};
use crate::stack::core::Core;
use crate::stack::slot::{NEVER, SlotId};
use crate::stack::table::ListId;

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
    /// Has a waker called once the slot is ready for something of `interest`, or over. `part` is
    /// what of the slot its owner has: it takes one place at least, also to wait for the end alone.
    pub(crate) fn wake_on(&mut self, id: SlotId, interest: Ready, part: Ready, waker: &Waker) {
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
            self.changed(id);
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

/// Who runs the stack.
#[derive(Debug)]
pub(crate) struct Runner {
    waker: Option<Waker>,
    /// Until when it sleeps if nobody wakes it; `None` while it is awake.
    asleep_until: Option<smoltcp::time::Instant>,
    /// Somebody polls the stack, and will have done the work that there is meanwhile.
    polled: bool,
}

impl Runner {
    pub(crate) const NOBODY: Self = Runner { waker: None, asleep_until: None, polled: false };
}

impl Core {
    /// There is somebody, or nobody, who runs the stack: and is awake now.
    pub(crate) fn runner_is(&mut self, waker: Option<&Waker>) {
        self.runner.waker = waker.cloned();
        self.runner.asleep_until = None;
    }

    pub(crate) fn runner_wakes(&mut self) {
        self.runner.asleep_until = None;
    }

    /// Whoever runs the stack was told how long it may sleep.
    pub(crate) fn runner_sleeps(&mut self, delay: Option<smoltcp::time::Duration>) {
        self.runner.asleep_until = match delay {
            Some(delay) if delay == smoltcp::time::Duration::ZERO => None,
            delay => Some(delay.map_or(NEVER, |delay| self.now + delay)),
        };
    }

    pub(crate) fn set_polled(&mut self, polled: bool) {
        self.runner.polled = polled;
    }

    /// Wakes whoever runs the stack, if it would sleep longer than there is nothing to do.
    pub(crate) fn wake_runner(&mut self) {
        let Some(asleep_until) = self.runner.asleep_until.filter(|_| !self.runner.polled) else {
            return;
        };
        // While the link is down, what is to be sent stays where it is, and no time limit ends.
        if !self.link_up {
            return;
        }
        let next = self.table.next_due().map(|(_, due)| due);
        let chore = self.delay_of_chores().map(|delay| self.now + delay);
        let due = next.into_iter().chain(chore).any(|due| due < asleep_until);
        if due || self.table.first(ListId::Dirty).is_some() || self.interface_has_work() {
            self.call_runner();
        }
    }

    /// Wakes whoever runs the stack, if it sleeps, to see for itself.
    pub(crate) fn call_runner(&mut self) {
        if self.runner.asleep_until.take().is_none() {
            return;
        }
        if let Some(waker) = &self.runner.waker {
            waker.wake_by_ref();
        }
    }
}
