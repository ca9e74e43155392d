//! The time of a host.

#[cfg(feature = "async")]
use core::task::Waker;
#[cfg(feature = "async")]
use std::{sync::Arc, task::Wake, thread::Thread};

use smoltcp::time::{Duration, Instant};

use crate::Clock;

/// The host's monotonic clock, from zero when it is made.
///
/// ```
/// use sockstate::{Clock, device::StdClock};
///
/// let mut clock = StdClock::new();
/// assert!(clock.now() <= clock.now());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StdClock(std::time::Instant);

impl StdClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        StdClock(std::time::Instant::now())
    }
}

impl Default for StdClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for StdClock {
    fn now(&mut self) -> Instant {
        Instant::from_micros(self.0.elapsed().as_micros() as i64)
    }
}

/// For [`Config::idle`](crate::Config::idle): sleeps until the stack has work, and a millisecond
/// at most, because a frame may arrive before.
pub fn sleep(delay: Option<Duration>) {
    const LONGEST: Duration = Duration::from_millis(1);
    let delay = delay.map_or(LONGEST, |delay| delay.min(LONGEST));
    std::thread::sleep(delay.into());
}

/// The waker of the current thread: called, it ends the thread's [`park`](std::thread::park), or
/// the next one.
///
/// ```
/// use sockstate::device;
///
/// device::thread_waker().wake();
/// std::thread::park(); // does not wait
/// ```
#[cfg(feature = "async")]
pub fn thread_waker() -> Waker {
    struct Unpark(Thread);

    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }

    std::thread_local! {
        static WAKER: Waker = Arc::new(Unpark(std::thread::current())).into();
    }
    WAKER.with(Waker::clone)
}

/// Calls `op` until it no longer would block, and lets the thread sleep meanwhile. `op` has to see
/// to it that the waker is called when it is worth trying again, before it tries.
///
/// Somebody has to [run](crate::Net::run) the stack.
///
/// ```
/// use sockstate::{Error, Ready, Shared, TcpReader, device};
///
/// fn read(reader: &mut TcpReader<'_, Shared>, buffer: &mut [u8]) -> Result<usize, Error> {
///     device::park_until(|waker| {
///         reader.wake_on(Ready::RECEIVE, waker)?;
///         reader.receive(buffer)
///     })
/// }
/// ```
///
/// A listener, whose `accept` has no error of its own:
///
/// ```
/// use sockstate::state::{Connected, Listening};
/// use sockstate::{Error, Ready, Shared, TcpSocket, device};
///
/// fn next<'net>(
///     listener: &mut TcpSocket<'net, Listening, Shared>,
/// ) -> Result<TcpSocket<'net, Connected, Shared>, Error> {
///     device::park_until(|waker| {
///         listener.wake_on(Ready::ACCEPT, waker)?;
///         listener.accept().map(|(socket, _)| socket).map_err(|error| error.map(Error::from))
///     })
/// }
/// ```
///
/// # Errors
///
/// Those of `op`.
#[cfg(feature = "async")]
pub fn park_until<R, E>(mut op: impl FnMut(&Waker) -> nb::Result<R, E>) -> Result<R, E> {
    let waker = thread_waker();
    loop {
        match op(&waker) {
            Ok(result) => return Ok(result),
            Err(nb::Error::Other(error)) => return Err(error),
            Err(nb::Error::WouldBlock) => std::thread::park(),
        }
    }
}
