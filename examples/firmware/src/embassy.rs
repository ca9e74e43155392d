//! What embassy wants of a board: its time, an executor, and a device that wakes a task.

use core::cell::RefCell;
use core::ptr;
use core::task::{Context, Poll, Waker};

use cortex_m::peripheral::NVIC;
use critical_section::Mutex;
use embassy_executor::{Spawner, raw};
use embassy_time_driver::{Driver, time_driver_impl};
use embassy_time_queue_utils::Queue;
use smoltcp::time::Duration;
use sockstate::device::AsyncDevice;
use static_cell::StaticCell;

use crate::{Controller, Ethernet, board, clock};

time_driver_impl!(static TIME: Time = Time { queue: Mutex::new(RefCell::new(Queue::new())) });

/// The task that waits for a frame.
static RECEIVER: Mutex<RefCell<Option<Waker>>> = Mutex::new(RefCell::new(None));

/// Runs tasks. embassy's own executor for these cores sleeps by WFE, which in QEMU does not sleep,
/// and until an alarm interrupts; this one knows the next alarm when it goes to sleep.
pub fn run(start: impl FnOnce(Spawner)) -> ! {
    static EXECUTOR: StaticCell<raw::Executor> = StaticCell::new();
    let executor = EXECUTOR.init(raw::Executor::new(ptr::null_mut()));
    start(executor.spawner());
    loop {
        // SAFETY: nobody else calls it, and `pender` does not either.
        unsafe { executor.poll() };
        clock::sleep(TIME.next_alarm());
    }
}

/// A task is to be polled.
#[unsafe(export_name = "__pender")]
fn pender(_executor: *mut ()) {
    clock::send_event();
}

struct Time {
    queue: Mutex<RefCell<Queue>>,
}

impl Time {
    /// Wakes the tasks whose time has come, and says how long it is until the next one's.
    fn next_alarm(&self) -> Option<Duration> {
        let now = self.now();
        let next = critical_section::with(|cs| self.queue.borrow_ref_mut(cs).next_expiration(now));
        (next != u64::MAX).then(|| Duration::from_micros(next - now))
    }
}

impl Driver for Time {
    fn now(&self) -> u64 {
        clock::now().total_micros() as u64
    }

    fn schedule_wake(&self, at: u64, waker: &Waker) {
        // Only tasks call this: `run` asks for the next alarm afterwards.
        critical_section::with(|cs| self.queue.borrow_ref_mut(cs).schedule_wake(at, waker));
    }
}

/// For the handler of the Ethernet's interrupt: wakes the task that waits for a frame. There is no
/// further interrupt until it waits again.
pub fn wake_receiver() {
    NVIC::mask(board::Interrupt::Ethernet);
    if let Some(waker) = critical_section::with(|cs| RECEIVER.take(cs)) {
        waker.wake();
    }
}

impl AsyncDevice for Ethernet {
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // What the interrupt said of frames that were taken since is over.
        NVIC::unpend(board::Interrupt::Ethernet);
        if !board::has_frame() {
            critical_section::with(|cs| RECEIVER.replace(cs, Some(cx.waker().clone())));
            crate::interrupts::unmask();
            return Poll::Pending;
        }
        if !self.controller.has_room() {
            // No interrupt tells of room for the answer: the other tasks have a turn meanwhile.
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        Poll::Ready(())
    }
}
