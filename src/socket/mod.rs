//! Sockets: typed handles on the slots of a stack.

mod any;
#[cfg(feature = "dhcp")]
pub(crate) mod dhcp;
#[cfg(feature = "icmp")]
pub(crate) mod icmp;
#[cfg(feature = "dns")]
pub(crate) mod lookup;
#[cfg(feature = "raw")]
pub(crate) mod raw;
#[cfg(feature = "dns")]
pub(crate) mod resolution;
#[cfg(feature = "tcp")]
pub(crate) mod tcp;
#[cfg(feature = "udp")]
pub(crate) mod udp;
#[cfg(all(feature = "async", any(feature = "tcp", feature = "dns")))]
pub(crate) mod wait;
#[cfg(feature = "watch")]
pub(crate) mod watch;
#[cfg(any(feature = "embedded-nal-async", feature = "edge-nal"))]
mod when_free;

#[cfg(feature = "async")]
use core::task::{Context, Poll, Waker};

#[cfg(feature = "async")]
use crate::Error;
#[cfg(feature = "async")]
use crate::stack::core::Core;
#[cfg(any(feature = "watch", feature = "async"))]
use crate::stack::ready::Ready;
#[cfg(all(feature = "tcp", any(feature = "watch", feature = "async")))]
use crate::stack::ready::WRITER;
#[cfg(feature = "dns")]
use crate::stack::slot::NONE;
use crate::stack::slot::SlotId;
use crate::stack::{Ending, Net, Sharing};

/// The one owner of a slot, or of one half of it. Dropping it gives the slot back.
// Its name is in a hidden method of a public trait, with the feature `watch`.
#[cfg_attr(not(feature = "watch"), allow(unreachable_pub))]
pub struct Handle<'net, S: Sharing> {
    pub(crate) net: &'net Net<S>,
    pub(crate) slot: SlotId,
    /// The slot of the look-up that the socket waits for, or `NONE`.
    #[cfg(feature = "dns")]
    pub(crate) lookup: SlotId,
    part: u8,
}

impl<'net, S: Sharing> Handle<'net, S> {
    pub(crate) const fn new(net: &'net Net<S>, slot: SlotId) -> Self {
        Handle {
            net,
            slot,
            #[cfg(feature = "dns")]
            lookup: NONE,
            part: Ending::WHOLE,
        }
    }

    /// What of the slot this handle may wait for.
    #[cfg(any(feature = "watch", feature = "async"))]
    pub(crate) fn ready_part(&self) -> Ready {
        match self.part {
            #[cfg(feature = "tcp")]
            Ending::READER => !WRITER,
            #[cfg(feature = "tcp")]
            Ending::WRITER => WRITER,
            _ => Ready::ALL,
        }
    }

    /// The slots that are to be waited for, and for what of each: a look-up is waited for until it
    /// has its answer, whatever the socket that needs it is to do then.
    #[cfg(any(feature = "watch", feature = "async"))]
    pub(crate) fn waits_for(&self, interest: Ready) -> impl Iterator<Item = (SlotId, Ready)> {
        #[cfg(feature = "dns")]
        let lookup = Some(self.lookup).filter(|lookup| *lookup != NONE);
        #[cfg(not(feature = "dns"))]
        let lookup = None;
        let lookup = lookup.map(|lookup| (lookup, Ready::RECEIVE));
        core::iter::once((self.slot, interest)).chain(lookup)
    }

    #[cfg(feature = "async")]
    pub(crate) fn wake_on(&self, interest: Ready, waker: &Waker) -> Result<(), Error> {
        self.net.with_core(|core| {
            for (slot, interest) in self.waits_for(interest) {
                core.wake_on(slot, interest, self.ready_part(), waker);
            }
        })
    }

    /// Makes a call, for as long as it would block anew whenever the socket may be ready for
    /// `interest`. The stack is for others to run: nothing here takes frames in.
    #[cfg(feature = "async")]
    pub(crate) async fn until<R>(
        &self,
        interest: Ready,
        mut call: impl FnMut(&mut Core, SlotId) -> nb::Result<R, Error>,
    ) -> Result<R, Error> {
        core::future::poll_fn(|cx| self.poll_until(cx, interest, &mut call)).await
    }

    #[cfg(feature = "async")]
    fn poll_until<R>(
        &self,
        cx: &mut Context<'_>,
        interest: Ready,
        call: &mut impl FnMut(&mut Core, SlotId) -> nb::Result<R, Error>,
    ) -> Poll<Result<R, Error>> {
        let called = self.net.with_core_in_task(|core| {
            let called = call(core, self.slot);
            if let Err(nb::Error::WouldBlock) = called {
                for (slot, interest) in self.waits_for(interest) {
                    core.wake_later(slot, interest, self.ready_part(), cx.waker());
                }
            }
            called
        });
        pending(called?)
    }

    /// Waits until the socket is ready for something of `interest`, or over.
    #[cfg(feature = "async")]
    pub(crate) async fn ready(&self, interest: Ready) -> Result<Ready, Error> {
        self.until(interest, |core, _| {
            let ready = self.waits_for(interest).fold(Ready::NONE, |ready, (slot, interest)| {
                ready | core.socket_readiness(slot) & (interest & self.ready_part() | Ready::ENDED)
            });
            if ready.is_empty() { Err(nb::Error::WouldBlock) } else { Ok(ready) }
        })
        .await
    }

    /// Gives the slot of the look-up back, if there is one.
    #[cfg(feature = "dns")]
    pub(crate) fn end_lookup(&mut self) {
        let lookup = core::mem::replace(&mut self.lookup, NONE);
        if lookup != NONE {
            self.net.end(lookup, Ending::WHOLE);
        }
    }

    /// The slot, which is not given back.
    #[cfg(feature = "tcp")]
    pub(crate) fn into_slot(self) -> (&'net Net<S>, SlotId) {
        let parts = (self.net, self.slot);
        core::mem::forget(self);
        parts
    }

    /// Two halves: the reader's and the writer's.
    #[cfg(feature = "tcp")]
    pub(crate) fn split(self) -> (Self, Self) {
        let (net, slot) = self.into_slot();
        let half = |part| {
            let mut half = Handle::new(net, slot);
            half.part = part;
            half
        };
        (half(Ending::READER), half(Ending::WRITER))
    }

    /// Whether two halves are of one slot.
    #[cfg(feature = "tcp")]
    pub(crate) fn is_other_half(&self, other: &Self) -> bool {
        core::ptr::addr_eq(self.net, other.net) && self.slot == other.slot
    }

    /// The opposite of `split`.
    #[cfg(feature = "tcp")]
    pub(crate) fn reunite(self, other: Self) -> Self {
        other.into_slot();
        let (net, slot) = self.into_slot();
        Handle::new(net, slot)
    }
}

/// A socket without connections outlasts a link that is down, and so does who waits for what it
/// receives.
#[cfg(all(feature = "async", any(feature = "udp", feature = "icmp", feature = "raw")))]
pub(crate) fn outlast<R>(received: nb::Result<R, Error>) -> nb::Result<R, Error> {
    match received {
        Err(nb::Error::Other(Error::LinkDown)) => Err(nb::Error::WouldBlock),
        received => received,
    }
}

/// What a call that may block comes to in a future.
#[cfg(feature = "async")]
fn pending<R>(called: nb::Result<R, Error>) -> Poll<Result<R, Error>> {
    match called {
        Ok(result) => Poll::Ready(Ok(result)),
        Err(nb::Error::Other(error)) => Poll::Ready(Err(error)),
        Err(nb::Error::WouldBlock) => Poll::Pending,
    }
}

impl<S: Sharing> Drop for Handle<'_, S> {
    fn drop(&mut self) {
        #[cfg(feature = "dns")]
        self.end_lookup();
        self.net.end(self.slot, self.part);
    }
}
