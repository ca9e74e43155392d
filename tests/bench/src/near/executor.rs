//! An executor of two tasks: the one that runs a stack, and the application. And embassy-time's
//! timers, in virtual time.

use std::cell::{Cell, RefCell};
use std::convert::Infallible;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use embassy_time_driver::Driver;
use smoltcp::time::Duration;

use crate::cable::Plug;
use crate::time::now;

/// What a task does that has no end.
pub type Endless = Pin<Box<dyn Future<Output = Infallible>>>;

/// Whether a task was woken.
struct Bell(AtomicBool);

impl Bell {
    fn is_rung(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }

    fn set(&self, rung: bool) {
        self.0.store(rung, Ordering::Relaxed);
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.set(true);
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.set(true);
    }
}

/// A bell, and the waker that rings it: made once, as it is borrowed wherever a task is polled.
struct Task {
    bell: Arc<Bell>,
    waker: Waker,
}

impl Task {
    fn new() -> Self {
        let bell = Arc::new(Bell(AtomicBool::new(true)));
        Task { waker: Waker::from(Arc::clone(&bell)), bell }
    }

    /// Whether it was woken, which is then forgotten.
    fn take_wake(&self) -> bool {
        let woken = self.bell.is_rung();
        self.bell.set(false);
        woken
    }
}

/// What runs both tasks.
pub struct Executor {
    plug: Plug,
    application: Task,
    /// Whether the application has come to something that it waits for.
    waits: Cell<bool>,
    runner: Task,
    future: Endless,
}

impl Executor {
    /// An executor with a stack on this device.
    pub fn new(plug: Plug, future: Endless) -> Self {
        // Those of another stack, which is gone.
        ALARMS.with_borrow_mut(Vec::clear);
        let (application, runner) = (Task::new(), Task::new());
        Executor { plug, application, waits: Cell::new(false), runner, future }
    }

    /// Polls a future of the application's once.
    pub fn poll<R>(&self, future: impl Future<Output = R>) -> Option<R> {
        match pin!(future).poll(&mut Context::from_waker(&self.application.waker)) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => {
                self.waits.set(true);
                None
            }
        }
    }

    /// Another application begins, and is to be polled.
    pub fn begin(&self) {
        self.application.bell.set(true);
    }

    /// Wakes the application, if it was left where a task would have gone on, and the runner, if the
    /// device has interrupted.
    fn begin_turn(&self) {
        if !self.waits.get() {
            self.application.bell.set(true);
        }
        if self.plug.has_frame() {
            self.runner.bell.set(true);
        }
    }

    /// Whether the application is to be polled, which is then done.
    fn calls_application(&self) -> bool {
        let woken = self.application.take_wake();
        if woken {
            self.waits.set(false);
        }
        woken
    }

    /// Polls the runner, if it was woken. Whether it was, or the application is.
    fn run(&mut self) -> bool {
        ring();
        if !self.runner.take_wake() {
            return self.application.bell.is_rung();
        }
        match self.future.as_mut().poll(&mut Context::from_waker(&self.runner.waker)) {
            Poll::Ready(never) => match never {},
            Poll::Pending => true,
        }
    }
}

/// One turn of a stack for tasks: until no task is woken any more. How long it is until a timer ends.
pub fn turn<N>(
    near: &mut N,
    executor: impl Fn(&mut N) -> &mut Executor,
    application: &mut impl FnMut(&mut N),
) -> Option<Duration> {
    executor(near).begin_turn();
    loop {
        if executor(near).calls_application() {
            application(near);
        }
        if !executor(near).run() {
            return until_alarm();
        }
    }
}

thread_local! {
    static ALARMS: RefCell<Vec<(u64, Waker)>> = const { RefCell::new(Vec::new()) };
}

/// Of a task that has no alarm now, but had one.
const NEVER: u64 = u64::MAX;

/// How long it is until the next alarm.
fn until_alarm() -> Option<Duration> {
    let next = ALARMS.with_borrow(|alarms| alarms.iter().map(|(at, _)| *at).min())?;
    (next != NEVER).then(|| Duration::from_micros(next.saturating_sub(now() as u64)))
}

/// Calls the wakers whose time has come.
fn ring() {
    let now = now() as u64;
    ALARMS.with_borrow_mut(|alarms| {
        for (at, waker) in alarms {
            if *at <= now {
                *at = NEVER;
                waker.wake_by_ref();
            }
        }
    });
}

/// As the queues of embassy-time are: a task has one alarm, which is the earliest of those that it
/// has asked for, and which it cannot take back.
struct VirtualTime;

impl Driver for VirtualTime {
    fn now(&self) -> u64 {
        now() as u64
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        ALARMS.with_borrow_mut(|alarms| {
            match alarms.iter_mut().find(|(_, known)| known.will_wake(waker)) {
                Some((known, _)) => *known = at.min(*known),
                None => alarms.push((at, waker.clone())),
            }
        });
    }
}

// A tick is a microsecond: that is what embassy-time counts in unless told otherwise.
const _: () = assert!(embassy_time_driver::TICK_HZ == 1_000_000);

embassy_time_driver::time_driver_impl!(static DRIVER: VirtualTime = VirtualTime);
