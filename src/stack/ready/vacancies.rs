//! Tasks that wait for a slot to become free.

use core::future::poll_fn;
use core::task::{Poll, Waker};

use crate::stack::core::Core;
use crate::stack::{Net, Sharing};
use crate::{Error, Protocol};

/// How many tasks may wait for a slot at a time.
const PLACES: usize = 4;

/// Those who wait for a slot.
#[derive(Debug, Default)]
pub(crate) struct Vacancies([Place; PLACES]);

#[derive(Debug, Default)]
enum Place {
    #[default]
    Empty,
    /// Taken by a task that waits for a slot of this protocol; until it is called.
    Taken(Protocol, Option<Waker>),
}

impl Core {
    /// A slot is free: whoever waits for one is to look.
    pub(crate) fn call_waiting(&mut self, freed: Protocol) {
        for place in &mut self.vacancies.0 {
            if let Place::Taken(protocol, waker) = place
                && *protocol == freed
                && let Some(waker) = waker.take()
            {
                waker.wake();
            }
        }
    }

    /// Whether a task can wait for a slot: if a closed socket will leave its own, and there is a
    /// place to wait in.
    fn wait_for_slot(
        &mut self,
        protocol: Protocol,
        place: &mut Option<usize>,
        waker: &Waker,
    ) -> bool {
        if !self.is_closing(protocol) {
            return false;
        }
        let places = &mut self.vacancies.0;
        let empty = |place: &Place| matches!(place, Place::Empty);
        let index = place.or_else(|| places.iter().position(empty));
        let Some((index, entry)) = index.and_then(|index| Some((index, places.get_mut(index)?)))
        else {
            return false;
        };
        *entry = Place::Taken(protocol, Some(waker.clone()));
        *place = Some(index);
        true
    }
}

/// A place among those who wait, which is given back in the end.
struct Waiting<'net, S: Sharing> {
    net: &'net Net<S>,
    place: Option<usize>,
}

impl<S: Sharing> Drop for Waiting<'_, S> {
    fn drop(&mut self) {
        let Some(place) = self.place else { return };
        // Within a closure of the stack the place is lost, as there is nobody to give it back to.
        let _ = self.net.with_core(|core| {
            if let Some(place) = core.vacancies.0.get_mut(place) {
                *place = Place::Empty;
            }
        });
    }
}

impl<S: Sharing> Net<S> {
    /// Opens what needs a slot of the protocol. While all are taken, but a closed socket will leave
    /// its own when it has delivered everything, the task waits for that.
    pub(crate) async fn when_free<R>(
        &self,
        protocol: Protocol,
        mut open: impl FnMut(&mut Core) -> Result<R, Error>,
    ) -> Result<R, Error> {
        let mut waiting = Waiting { net: self, place: None };
        poll_fn(|cx| {
            let place = &mut waiting.place;
            let opened = self.with_clock(|core| match open(core) {
                Err(Error::OutOfSlots(kind))
                    if kind == protocol && core.wait_for_slot(protocol, place, cx.waker()) =>
                {
                    None
                }
                opened => Some(opened),
            });
            match opened {
                Ok(None) => Poll::Pending,
                Ok(Some(opened)) => Poll::Ready(opened),
                Err(error) => Poll::Ready(Err(error)),
            }
        })
        .await
    }
}
