//! Tasks in virtual time.

use core::cell::RefCell;
use core::future::{Future, poll_fn};
use core::pin::pin;
use core::sync::atomic::{AtomicBool, Ordering};
use core::task::{Context, Poll, Waker};
use std::sync::Arc;
use std::task::Wake;
use std::vec::Vec;

use smoltcp::time::{Duration, Instant};

use super::Bench;

/// Tasks that wait for a time.
#[derive(Debug, Default)]
pub(super) struct Timers(RefCell<Vec<(Instant, Waker)>>);

impl Timers {
    pub(super) fn next(&self) -> Option<Instant> {
        self.0.borrow().iter().map(|(at, _)| *at).min()
    }

    /// Wakes those whose time has come.
    pub(super) fn ring(&self, now: Instant) {
        let due = self.0.borrow_mut().extract_if(.., |(at, _)| *at <= now).collect::<Vec<_>>();
        for (_, waker) in due {
            waker.wake();
        }
    }
}

/// How often a future may wake itself between two steps.
const MOST_POLLS: u32 = 1_000;

/// Whether a task was woken.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

impl Bench {
    /// Runs a future to its end: polls it when it was woken, and [steps](Bench::step) otherwise.
    /// The steps run both stacks, so that it needs no runner. Several tasks are one future, by way
    /// of a `join` or a `select`.
    ///
    /// ```
    /// use sockstate::{Error, testing::Lab};
    ///
    /// let lab = Lab::new(1);
    /// let mut listener = lab.far.tcp()?.bind(80)?.listen(1)?;
    /// let socket = lab.near.tcp()?.connect("192.168.69.2:80".parse().unwrap())?;
    /// let client = lab.block_on(async { socket.await })?;
    /// let (server, _) = lab.block_on(listener.accept_async());
    /// # drop((client, server));
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// If the future is not at its end after a day.
    #[allow(clippy::panic)]
    pub fn block_on<F: Future>(&self, future: F) -> F::Output {
        let start = self.clock.time();
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut future = pin!(future);
        let mut polls = 0;
        loop {
            // One that wakes itself is not to keep the time from passing.
            if polls < MOST_POLLS && woken.0.swap(false, Ordering::Relaxed) {
                polls += 1;
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker))
                {
                    return output;
                }
                continue;
            }
            polls = 0;
            self.step();
            if self.clock.time() > start + Duration::from_secs(24 * 3_600) {
                panic!("a future has been waiting for a day");
            }
        }
    }

    /// Waits, in virtual time: for tasks under [`block_on`](Bench::block_on).
    ///
    /// ```
    /// use sockstate::{Duration, testing::Lab};
    ///
    /// let lab = Lab::new(1);
    /// let start = lab.clock.time();
    /// lab.block_on(lab.sleep(Duration::from_secs(3_600)));
    /// assert_eq!(lab.clock.time() - start, Duration::from_secs(3_600));
    /// ```
    pub async fn sleep(&self, time: Duration) {
        let end = self.clock.time() + time;
        poll_fn(|cx| {
            if self.clock.time() >= end {
                return Poll::Ready(());
            }
            self.timers.0.borrow_mut().push((end, cx.waker().clone()));
            Poll::Pending
        })
        .await;
    }

    /// A timer of embedded-hal-async, in virtual time.
    ///
    /// ```
    /// use embedded_hal_async::delay::DelayNs;
    /// use sockstate::testing::Lab;
    ///
    /// let lab = Lab::new(1);
    /// lab.block_on(lab.timer().delay_ms(10));
    /// ```
    #[cfg(feature = "embedded-hal-async")]
    pub fn timer(&self) -> LabTimer<'_> {
        LabTimer(self)
    }
}

/// A timer in virtual time; made by [`Bench::timer`].
#[cfg(feature = "embedded-hal-async")]
#[derive(Clone, Copy, Debug)]
pub struct LabTimer<'a>(&'a Bench);

#[cfg(feature = "embedded-hal-async")]
impl embedded_hal_async::delay::DelayNs for LabTimer<'_> {
    async fn delay_ns(&mut self, ns: u32) {
        self.0.sleep(Duration::from_micros(u64::from(ns.div_ceil(1_000)))).await;
    }
}
