//! Virtual time, one for each thread, and embassy-time's timers in it.

use std::cell::{Cell, RefCell};
use std::task::Waker;

use embassy_time_driver::Driver;
use sockstate::Instant;

thread_local! {
    static NOW: Cell<u64> = const { Cell::new(0) };
    static ALARMS: RefCell<Vec<(u64, Waker)>> = const { RefCell::new(Vec::new()) };
}

/// The time now, in microseconds.
pub fn now() -> u64 {
    NOW.get()
}

/// The time now, for smoltcp.
pub fn instant() -> Instant {
    Instant::from_micros(now() as i64)
}

/// Begins anew: for another world in the same thread.
pub fn restart() {
    NOW.set(0);
    ALARMS.take();
}

/// Lets the time pass until `at`.
pub fn pass_until(at: u64) {
    NOW.set(now().max(at));
}

/// When the next alarm is due.
pub fn next_alarm() -> Option<u64> {
    ALARMS.with_borrow(|alarms| alarms.iter().map(|(at, _)| *at).min())
}

/// Calls the wakers whose time has come. Whether there were any.
pub fn ring() -> bool {
    let due = ALARMS.with_borrow_mut(|alarms| {
        alarms.extract_if(.., |(at, _)| *at <= now()).collect::<Vec<_>>()
    });
    let any = !due.is_empty();
    due.into_iter().for_each(|(_, waker)| waker.wake());
    any
}

/// As the queues of embassy-time are: a task has one alarm, which is the earliest of those that it
/// has asked for, and which it cannot take back.
struct VirtualTime;

impl Driver for VirtualTime {
    fn now(&self) -> u64 {
        now()
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
