//! Counts instructions, of which the emulator (`-icount shift=0`) executes one each nanosecond.

use cortex_m::peripheral::{SYST, syst::SystClkSource};

use crate::board::CYCLES_PER_MICROSECOND;

/// SysTick counts down from here, and then again.
const LAST: u32 = 0x00ff_ffff;

/// What some work has cost.
pub struct Cost {
    pub instructions: u64,
    /// Frames in both directions.
    pub frames: u32,
    /// How often the near end has waited.
    pub turns: u32,
}

/// Counts the instructions of the near end, and its turns.
pub(super) struct Meter {
    /// What SysTick showed when the near end went on.
    mark: u32,
    cycles: u64,
    turns: u32,
    /// Frames before counting.
    frames: u32,
}

impl Meter {
    pub(super) fn new() -> Self {
        // SAFETY: nobody else uses SysTick in an image that counts.
        let mut counter = unsafe { cortex_m::Peripherals::steal() }.SYST;
        counter.set_clock_source(SystClkSource::Core);
        counter.set_reload(LAST);
        counter.clear_current();
        counter.enable_counter();
        Meter { mark: 0, cycles: 0, turns: 0, frames: 0 }
    }

    pub(super) fn begin(&mut self, frames: u32) {
        *self = Meter { mark: 0, cycles: 0, turns: 0, frames };
        self.go_on();
    }

    pub(super) fn end(&mut self, frames: u32) -> Cost {
        self.pause();
        Cost {
            instructions: self.cycles * 1_000 / u64::from(CYCLES_PER_MICROSECOND),
            frames: frames - self.frames,
            turns: self.turns,
        }
    }

    /// The near end waits.
    pub(super) fn pause(&mut self) {
        self.cycles += u64::from(self.mark.wrapping_sub(SYST::get_current()) & LAST);
        self.turns += 1;
    }

    /// The near end goes on, for less than one round of SysTick.
    pub(super) fn go_on(&mut self) {
        self.mark = SYST::get_current();
    }
}
