//! Sockets and look-ups that are awaited: `.await` is their `wait` in a task.

use core::future::Future;
use core::pin::Pin;
use core::task::{Context, Poll};

/// What can be awaited for as long as it takes, and is used up by that.
pub trait Awaited: Unpin {
    #[doc(hidden)]
    type Output;
    /// Asks whether it is over, and has the task woken if not. It is then asked for its result.
    #[doc(hidden)]
    fn poll_over(&mut self, cx: &mut Context<'_>) -> Poll<Self::Reached>;
    /// What `poll_over` has found out.
    #[doc(hidden)]
    type Reached;
    #[doc(hidden)]
    fn into_output(self, reached: Self::Reached) -> Self::Output;
}

/// The future of a socket that is on its way to its next state, or of a look-up; made by `.await`, of
/// a `TcpSocket` in `Resolving`, `Connecting` or `Closing`, a `UdpSocket` in `Resolving`, a `Lookup`
/// or a `NameLookup`.
///
/// It owns what is awaited: if it is dropped before it is done, so is that, which gives its slot
/// back. `poll_async` waits for the same and leaves the socket where it is.
///
/// Once it has given its result, it stays pending.
#[must_use = "futures do nothing unless they are awaited"]
#[derive(Debug)]
pub struct Wait<T>(Option<T>);

impl<T> Wait<T> {
    pub(crate) const fn new(awaited: T) -> Self {
        Wait(Some(awaited))
    }
}

impl<T: Awaited> Future for Wait<T> {
    type Output = T::Output;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T::Output> {
        let Some(awaited) = &mut self.0 else { return Poll::Pending };
        match awaited.poll_over(cx) {
            Poll::Pending => Poll::Pending,
            Poll::Ready(reached) => match self.0.take() {
                Some(awaited) => Poll::Ready(awaited.into_output(reached)),
                None => Poll::Pending,
            },
        }
    }
}
