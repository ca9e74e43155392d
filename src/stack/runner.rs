//! Who runs the stack: polls it, and sleeps until it has work.

use core::convert::Infallible;
use core::future::{Future, poll_fn};
use core::ops::ControlFlow;
#[cfg(feature = "embedded-hal-async")]
use core::ops::Deref;
use core::pin::{Pin, pin};
use core::task::{Context, Poll, Waker};

#[cfg(feature = "embedded-hal-async")]
use embedded_hal_async::delay::DelayNs;
use smoltcp::time::{Duration, Instant};

use super::core::Core;
use super::port::Drive;
use super::slot::NEVER;
#[cfg(feature = "embedded-hal-async")]
use super::{Clock, Stack};
use super::{Net, Sharing};
use crate::Error;
#[cfg(feature = "embedded-hal-async")]
use crate::device::AsyncDevice;

impl<S: Sharing> Net<S> {
    /// Runs the stack until `sleep` ends that: polls it, and calls `sleep`, in turn. That is given
    /// the time until there is work again: zero if there is some now, `None` if only a frame can
    /// bring it. It is to return when the time is over, when a frame has arrived, or when `waker`
    /// was called: some other thread, task or handler has given the stack something to do.
    ///
    /// So no one else has to poll, and nothing spins: whoever waits for a socket may sleep until
    /// the stack wakes it (`wake_on`). One runs a stack at a time; the waker is the last one's.
    ///
    /// All wakers are called while the stack is locked: what one does must be short, and may
    /// neither use the stack nor wait for somebody who does.
    ///
    /// ```
    /// use core::ops::ControlFlow;
    /// use sockstate::{Config, Error, Heap, Stack, device::{self, Plug, StdClock}};
    ///
    /// # let (device, _far_end) = Plug::pair();
    /// # let config = Config::ethernet([0x02, 0, 0, 0, 0, 1], 1);
    /// let stack = Stack::shared(Heap::default(), device, StdClock::new(), config)?;
    /// let waker = device::thread_waker();
    /// let mut naps = 0;
    /// stack.run(&waker, |_delay| {
    ///     // std::thread::park_timeout(...), say
    ///     naps += 1;
    ///     if naps < 3 { ControlFlow::Continue(()) } else { ControlFlow::Break(()) }
    /// })?;
    /// # Ok::<(), Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack.
    pub fn run(
        &self,
        waker: &Waker,
        mut sleep: impl FnMut(Option<Duration>) -> ControlFlow<()>,
    ) -> Result<(), Error> {
        let serial = self.with_core(|core| core.runner_begins(Some(waker)))?;
        loop {
            let delay = self.run_once()?;
            if sleep(delay).is_break() {
                return self.with_core(|core| core.runner_ends(serial));
            }
        }
    }

    /// Runs the stack in a task, for as long as the task is: [`run`](Net::run) with a `sleep` that
    /// is awaited. One runs a stack at a time. The closure is given the time until there is work
    /// again, `None` if only a frame can bring it; it is to end when the time is over or a frame
    /// has arrived. When the stack is given something to do meanwhile, it is dropped.
    ///
    /// It polls the stack only when there is a reason to. What a task queues, the task hands to the
    /// device itself, but for a short segment that more may join. It knows no executor, and needs
    /// none in particular: how to wait for time and for a frame is for the closure to say. A
    /// `Stack` whose device is a [`device::AsyncDevice`](crate::device::AsyncDevice) needs a timer
    /// alone (`Stack::run_with`, feature `embedded-hal-async`).
    ///
    /// ```no_run
    /// use sockstate::{Duration, Error, Net};
    ///
    /// # async fn frame() {}
    /// # async fn timer(time: Duration) {}
    /// # async fn first<A, B>(a: A, b: B) {}
    /// /// `frame`, `timer` and `first` are what the platform has: an interrupt's signal, a timer,
    /// /// and a `select`.
    /// async fn run(net: &Net) -> Result<(), Error> {
    ///     let never = net.run_async(async |delay| match delay {
    ///         Some(time) => first(frame(), timer(time)).await,
    ///         None => frame().await,
    ///     });
    ///     match never.await? {}
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack. It does not end otherwise.
    pub async fn run_async(
        &self,
        mut sleep: impl AsyncFnMut(Option<Duration>),
    ) -> Result<Infallible, Error> {
        let _running = Running::begin(self)?;
        loop {
            let delay = self.run_once()?;
            let is_called = |cx: &mut Context<'_>| {
                self.with_core_aside(|core| core.runner_is_called(cx.waker()))
            };
            nap(delay, is_called, pin!(sleep(delay))).await?;
        }
    }

    /// Polls the stack, and says how long it may sleep then, if nobody calls the runner.
    fn run_once(&self) -> Result<Option<Duration>, Error> {
        self.with_core_aside(|core| core.runner_wakes())?;
        self.poll()?;
        self.with_port_aside(|core, port| {
            let delay = match core.poll_delay(port.now()) {
                // It cannot tell when it has room again.
                Some(Duration::ZERO) if core.runner.refused => Some(FULL_DEVICE),
                delay => delay,
            };
            core.runner_sleeps(delay);
            delay
        })
    }

    /// As `with_core`, for a call that a task makes. What that leaves to be sent the task sends
    /// itself, so that whoever runs the stack sleeps on; unless that is awake or called already.
    pub(crate) fn with_core_in_task<R>(
        &self,
        work: impl FnOnce(&mut Core) -> R,
    ) -> Result<R, Error> {
        let (result, sends) = self.with_core_aside(|core| {
            let result = work(core);
            let sends = core.would_wake_runner_to_send();
            if sends {
                self.read_clock(core);
                core.set_polled(true);
            }
            (result, sends)
        })?;
        if sends {
            self.step(|core, port| Self::send_one(core, port, &mut false))?;
        }
        Ok(result)
    }
}

#[cfg(feature = "embedded-hal-async")]
impl<D: AsyncDevice + 'static, C: Clock + 'static, S: Sharing> Stack<D, C, S>
where
    Self: Deref<Target = Net<S>>,
{
    /// Runs the stack in a task, for as long as the task is, with a timer of embedded-hal-async. It
    /// sleeps until a frame arrives, the timer ends or a socket has something to send; see
    /// [`Net::run_async`], which waits in other ways.
    ///
    /// A function that is generic over `S` as well repeats the bound of this one: `where
    /// Stack<D, C, S>: Deref<Target = Net<S>>`.
    ///
    /// ```
    /// use core::convert::Infallible;
    /// use embedded_hal_async::delay::DelayNs;
    /// use sockstate::{Clock, Error, Local, Stack, device::AsyncDevice};
    ///
    /// async fn run<D: AsyncDevice + 'static, C: Clock + 'static>(
    ///     stack: &Stack<D, C, Local>,
    ///     timer: impl DelayNs, // embassy_time::Delay, say
    /// ) -> Result<Infallible, Error> {
    ///     stack.run_with(timer).await
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// [`Error::Reentrant`] within a closure of the stack. It does not end otherwise.
    pub async fn run_with(&self, mut timer: impl DelayNs) -> Result<Infallible, Error> {
        let net: &Net<S> = self;
        let _running = Running::begin(net)?;
        loop {
            let delay = net.run_once()?;
            let has_work = |cx: &mut Context<'_>| {
                self.net.with_port_aside(|core, port| {
                    core.runner_is_called(cx.waker()) || port.device.poll_frame(cx).is_ready()
                })
            };
            nap(delay, has_work, pin!(after(&mut timer, delay))).await?;
        }
    }
}

/// The end of a time, by a timer that knows short ones only.
#[cfg(feature = "embedded-hal-async")]
async fn after(timer: &mut impl DelayNs, delay: Option<Duration>) {
    let Some(delay) = delay else { return core::future::pending().await };
    let mut left = delay.total_micros();
    while left > 0 {
        let part = u32::try_from(left).unwrap_or(u32::MAX);
        timer.delay_us(part).await;
        left -= u64::from(part);
    }
}

/// Sleeps until the sleep is over, or there is work: somebody calls the runner, say. The others have
/// their turn in any case, also if there is work now, or frames come faster than they are taken in.
async fn nap(
    delay: Option<Duration>,
    mut has_work: impl FnMut(&mut Context<'_>) -> Result<bool, Error>,
    mut sleep: Pin<&mut impl Future<Output = ()>>,
) -> Result<(), Error> {
    let (mut over, mut slept) = (delay == Some(Duration::ZERO), false);
    poll_fn(|cx| {
        over = over || has_work(cx)? || sleep.as_mut().poll(cx).is_ready();
        let slept = core::mem::replace(&mut slept, true);
        if over && slept {
            return Poll::Ready(Ok(()));
        }
        if over {
            cx.waker().wake_by_ref();
        }
        Poll::Pending
    })
    .await
}

/// A task that runs the stack, for as long as it does.
struct Running<'net, S: Sharing> {
    net: &'net Net<S>,
    serial: u8,
}

impl<'net, S: Sharing> Running<'net, S> {
    fn begin(net: &'net Net<S>) -> Result<Self, Error> {
        let serial = net.with_core(|core| core.runner_begins(None))?;
        Ok(Running { net, serial })
    }
}

impl<S: Sharing> Drop for Running<'_, S> {
    fn drop(&mut self) {
        // Within a closure of the stack its waker stays, and wakes a task that is gone.
        let _ = self.net.with_core(|core| core.runner_ends(self.serial));
    }
}

/// How long a device without room is left alone before it is asked again.
const FULL_DEVICE: Duration = Duration::from_millis(1);

/// Who runs the stack.
#[derive(Debug)]
pub(crate) struct Runner {
    waker: Option<Waker>,
    /// The how manieth: one that ends must not end the next one.
    serial: u8,
    /// Until when it sleeps if nobody wakes it; `None` while it is awake.
    asleep_until: Option<Instant>,
    /// Somebody polls the stack, and will have done the work that there is meanwhile.
    polled: bool,
    /// The device had no room when it was asked last.
    refused: bool,
}

impl Runner {
    pub(crate) const NOBODY: Self =
        Runner { waker: None, serial: 0, asleep_until: None, polled: false, refused: false };
}

impl Core {
    /// There is somebody who runs the stack, and is awake now. With a number, for the end of that.
    fn runner_begins(&mut self, waker: Option<&Waker>) -> u8 {
        self.runner.waker = waker.cloned();
        self.runner.asleep_until = None;
        self.runner.serial = self.runner.serial.wrapping_add(1);
        self.runner.serial
    }

    /// Nobody runs the stack, unless somebody else has begun to.
    fn runner_ends(&mut self, serial: u8) {
        if self.runner.serial == serial {
            self.runner.waker = None;
            self.runner.asleep_until = None;
        }
    }

    /// Whether whoever runs the stack was called since it fell asleep. If not, it is by this waker
    /// from now on.
    pub(crate) fn runner_is_called(&mut self, waker: &Waker) -> bool {
        let called = self.runner.asleep_until.is_none();
        if !called && !self.runner.waker.as_ref().is_some_and(|known| known.will_wake(waker)) {
            self.runner.waker = Some(waker.clone());
        }
        called
    }

    pub(crate) fn runner_wakes(&mut self) {
        self.runner.asleep_until = None;
    }

    /// Whoever runs the stack was told how long it may sleep.
    pub(crate) fn runner_sleeps(&mut self, delay: Option<Duration>) {
        self.runner.asleep_until = match delay {
            Some(delay) if delay == Duration::ZERO => None,
            delay => Some(delay.map_or(NEVER, |delay| self.now + delay)),
        };
    }

    pub(crate) fn set_polled(&mut self, polled: bool) {
        self.runner.polled = polled;
        if polled {
            self.runner.refused = false;
        }
    }

    /// The device has no room for what is to be sent: whoever polls gives up.
    pub(crate) fn set_refused(&mut self) {
        self.runner.refused = true;
        self.runner.polled = false;
        // One that sleeps for long would not ask the device again.
        if self.runner.asleep_until.is_some_and(|until| until > self.now + FULL_DEVICE) {
            self.call_runner();
        }
    }

    /// Whether whoever runs the stack would have to be woken for what is to be sent. For all else it
    /// is.
    fn would_wake_runner_to_send(&mut self) -> bool {
        let Some(until) = self.runner_sleeps_until() else { return false };
        let sends = self.wants_to_send();
        if !sends {
            self.wake_runner_before(until, false);
        }
        sends
    }

    /// Wakes whoever runs the stack, if it would sleep longer than there is nothing to do.
    #[inline]
    pub(crate) fn wake_runner(&mut self) {
        if let Some(until) = self.runner_sleeps_until() {
            self.wake_runner_from(until);
        }
    }

    /// Apart, as it is behind every call, and mostly nobody is to be woken.
    #[inline(never)]
    fn wake_runner_from(&mut self, until: Instant) {
        let sends = self.wants_to_send();
        self.wake_runner_before(until, sends);
    }

    fn wake_runner_before(&mut self, until: Instant, sends: bool) {
        let sends = sends || self.interface_has_work();
        let next = self.table.next_due().map(|(_, due)| due);
        let chore = self.delay_of_chores().map(|delay| self.now + delay);
        let due = next.into_iter().chain(chore).any(|due| due < until);
        // Without room for what is to be sent, it sleeps only as long as is worth while.
        if due || sends && !self.runner.refused {
            self.call_runner();
        }
    }

    /// Until when whoever runs the stack sleeps, unless somebody polls it now. While the link is
    /// down, what is to be sent stays where it is, and no time limit ends.
    #[inline]
    fn runner_sleeps_until(&self) -> Option<Instant> {
        self.runner.asleep_until.filter(|_| !self.runner.polled && self.link_up)
    }

    /// Wakes whoever runs the stack, for what a task has to send and does not send itself.
    #[cfg(feature = "tcp")]
    pub(crate) fn leave_to_runner(&mut self) {
        if !self.runner.polled {
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
