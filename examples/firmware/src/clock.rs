//! The time since the start, by SysTick; and sleeping.

use core::cell::Cell;
use core::sync::atomic::{AtomicBool, AtomicU32, Ordering};

use cortex_m::peripheral::{NVIC, SYST, syst::SystClkSource};
use cortex_m_rt::exception;
use critical_section::{CriticalSection, Mutex};
use smoltcp::time::{Duration, Instant};

use crate::board;

/// SysTick counts down from here, and then again.
const LAST: u32 = 0x00ff_ffff;

static READING: Mutex<Cell<Reading>> =
    Mutex::new(Cell::new(Reading { micros: 0, cycles: 0, counter: 0 }));
static EVENT: AtomicBool = AtomicBool::new(false);
static WAKE_UPS: AtomicU32 = AtomicU32::new(0);

#[derive(Clone, Copy)]
struct Reading {
    micros: u64,
    /// Those beyond the last whole microsecond.
    cycles: u32,
    /// What SysTick showed.
    counter: u32,
}

pub(crate) fn start(mut counter: SYST) {
    counter.set_clock_source(SystClkSource::Core);
    counter.set_reload(LAST);
    counter.clear_current();
    counter.enable_counter();
    counter.enable_interrupt();
}

/// The time since the start.
pub fn now() -> Instant {
    Instant::from_micros(critical_section::with(|cs| read(cs, None)) as i64)
}

/// Reads the clock, which SysTick did not drive for that many cycles, if it ever paused.
fn read(cs: CriticalSection, slept: Option<u32>) -> u64 {
    let reading = READING.borrow(cs).get();
    let counter = SYST::get_current();
    let passed = reading.counter.wrapping_sub(counter) & LAST;
    let cycles = reading.cycles + slept.unwrap_or(passed);
    let micros = reading.micros + u64::from(cycles / board::CYCLES_PER_MICROSECOND);
    let cycles = cycles % board::CYCLES_PER_MICROSECOND;
    READING.borrow(cs).set(Reading { micros, cycles, counter });
    micros
}

/// Comes before SysTick has gone round and nobody has read the clock.
#[exception]
fn SysTick() {
    now();
}

/// Ends the sleep, or the next one if that has not begun: what SEV is for WFE, which in QEMU does
/// not sleep. Handlers call it when there is something to do for whoever sleeps.
pub fn send_event() {
    EVENT.store(true, Ordering::Relaxed);
}

/// Sleeps until a frame arrives or another interrupt comes, for at most this long.
pub fn sleep(at_most: Option<Duration>) {
    // With interrupts off, one that comes before the core sleeps ends the sleep as well.
    critical_section::with(|cs| {
        if EVENT.load(Ordering::Relaxed) {
            return;
        }
        read(cs, None);
        let slept = if NVIC::is_enabled(board::Interrupt::Ethernet) {
            board::doze(at_most)
        } else {
            // Nobody handles the interrupt: what it said of frames that were taken since is over.
            NVIC::unpend(board::Interrupt::Ethernet);
            if board::has_frame() {
                return;
            }
            // SAFETY: interrupts are off until it is masked again.
            unsafe { NVIC::unmask(board::Interrupt::Ethernet) };
            let slept = board::doze(at_most);
            NVIC::mask(board::Interrupt::Ethernet);
            slept
        };
        WAKE_UPS.store(WAKE_UPS.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
        read(cs, slept);
    });
    // Interrupts are on again, and what ended the sleep is handled: whoever slept looks now.
    EVENT.store(false, Ordering::Relaxed);
}

/// How often the core has slept and woken.
pub fn wake_ups() -> u32 {
    WAKE_UPS.load(Ordering::Relaxed)
}
