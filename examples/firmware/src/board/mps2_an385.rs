//! Arm's MPS2 board with the image AN385: a Cortex-M3 at 25 MHz and a LAN9118.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::{NVIC, SCB};
use smoltcp::time::Duration;

use crate::lan9118;
use crate::registers::Registers;

pub use lan9118::Ethernet;

pub(crate) const CYCLES_PER_MICROSECOND: u32 = 25;

const ETHERNET: usize = 0x4020_0000;
/// A timer of 32 bits, for sleeping: SysTick has 24, which are over in 0.7 s.
const TIMER0: usize = 0x4000_0000;
const TIMER1: usize = 0x4000_1000;
/// Registers of each.
const CTRL: usize = 0x0;
const VALUE: usize = 0x4;
const RELOAD: usize = 0x8;
const INTCLEAR: usize = 0xc;

/// The interrupts in use.
#[derive(Clone, Copy)]
#[repr(u16)]
pub enum Interrupt {
    Timer0 = 8,
    Ethernet = 13,
}

// SAFETY: these are numbers of the board.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// # Safety
///
/// Called once.
pub(crate) unsafe fn ethernet(address: [u8; 6]) -> Ethernet {
    // SAFETY: both are there, and this is the only one who uses them.
    let (timer, ethernet) = unsafe { (Registers::new(TIMER1), Ethernet::new(ETHERNET, address)) };
    // QEMU looks for frames from the host only when something happens in the machine. A timer goes
    // round every millisecond for that; its interrupt is off, so that it wakes nobody.
    timer.write(RELOAD, 1_000 * CYCLES_PER_MICROSECOND);
    timer.write(CTRL, 1);
    ethernet
}

/// Whether the controller says that a frame waits.
pub(crate) fn has_frame() -> bool {
    // SAFETY: the controller is there, and looking changes nothing.
    lan9118::has_frame(unsafe { Registers::new(ETHERNET) })
}

/// Sleeps until an interrupt is pending, for at most this long. Says how many cycles went by
/// without SysTick.
pub(crate) fn doze(at_most: Option<Duration>) -> Option<u32> {
    /// Within 32 bits of cycles.
    const LONGEST: u32 = 120_000_000;

    let micros = at_most.map_or(u64::MAX, |delay| delay.total_micros());
    let cycles = u32::try_from(micros).map_or(LONGEST, |micros| micros.min(LONGEST));
    let cycles = cycles.max(1) * CYCLES_PER_MICROSECOND;

    // SAFETY: the timer is there, and nobody else uses it; interrupts are off.
    let (timer, mut counter) =
        unsafe { (Registers::new(TIMER0), cortex_m::Peripherals::steal().SYST) };
    // The clock is not to end the sleep, be it for going round meanwhile or just before.
    counter.disable_interrupt();
    SCB::clear_pendst();
    timer.write(RELOAD, u32::MAX);
    timer.write(VALUE, cycles);
    timer.write(CTRL, 1 << 3 | 1); // interrupt, enable
    // SAFETY: interrupts are off, so that this one ends the sleep and is not handled.
    unsafe { NVIC::unmask(Interrupt::Timer0) };
    cortex_m::asm::wfi();
    let slept = cycles.wrapping_sub(timer.read(VALUE));
    timer.write(CTRL, 0);
    timer.write(INTCLEAR, 1);
    NVIC::mask(Interrupt::Timer0);
    NVIC::unpend(Interrupt::Timer0);
    counter.enable_interrupt();
    Some(slept)
}
