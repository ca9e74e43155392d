//! TI's evaluation board for the LM3S6965: a Cortex-M3 with 256 KiB of flash, 64 KiB of RAM and an
//! Ethernet controller of its own.

use cortex_m::interrupt::InterruptNumber;
use smoltcp::time::Duration;

use crate::registers::Registers;
use crate::stellaris;

pub use stellaris::Ethernet;

/// The core starts with its internal oscillator.
pub(crate) const CYCLES_PER_MICROSECOND: u32 = 12;

const ETHERNET: usize = 0x4004_8000;
const SYSTEM_CONTROL: usize = 0x400f_e000;

/// The interrupts in use.
#[derive(Clone, Copy)]
#[repr(u16)]
pub enum Interrupt {
    Ethernet = 42,
}

// SAFETY: this is a number of the board.
unsafe impl InterruptNumber for Interrupt {
    fn number(self) -> u16 {
        self as u16
    }
}

/// # Safety
///
/// Called once.
pub(crate) unsafe fn ethernet(address: [u8; 6]) -> Ethernet {
    const RCGC2: usize = 0x108;
    // SAFETY: both are there, and this is the only one who uses them.
    unsafe {
        Registers::new(SYSTEM_CONTROL).set(RCGC2, 1 << 30 | 1 << 28); // EPHY0, EMAC0
        Ethernet::new(ETHERNET, address)
    }
}

/// Whether the controller says that a frame waits.
pub(crate) fn has_frame() -> bool {
    // SAFETY: the controller is there, and looking changes nothing.
    stellaris::has_frame(unsafe { Registers::new(ETHERNET) })
}

/// Sleeps until an interrupt is pending. The board's timers cannot be read while they run in QEMU,
/// so that SysTick goes on and ends a longer sleep: the caller looks whether it was long enough.
/// Says how many cycles went by without SysTick: none.
pub(crate) fn doze(at_most: Option<Duration>) -> u32 {
    0
}
