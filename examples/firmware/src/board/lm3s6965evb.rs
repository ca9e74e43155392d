//! TI's evaluation board for the LM3S6965: a Cortex-M3 at 25 MHz, with 256 KiB of flash, 64 KiB of
//! RAM and an Ethernet controller of its own.
//!
//! The controller's FIFO holds one frame of full size, so that smoltcp offers a window of one
//! segment, and whoever sends waits for an acknowledgement after each. An image with receive buffers
//! that are larger switches off what delays it: `set_ack_delay(None)`. Those here have smaller ones,
//! and say at once that a full one has room again.

use cortex_m::interrupt::InterruptNumber;
use cortex_m::peripheral::NVIC;
use smoltcp::time::Duration;

use crate::registers::Registers;
use crate::stellaris;

pub use stellaris::Ethernet;

pub(crate) const CYCLES_PER_MICROSECOND: u32 = 25;

const ETHERNET: usize = 0x4004_8000;

const SYSTEM_CONTROL: usize = 0x400f_e000;
/// Some of its registers.
const RIS: usize = 0x50;
const RCC: usize = 0x60;
const RCGC1: usize = 0x104;
const RCGC2: usize = 0x108;

const TIMER0: usize = 0x4003_0000;
const TIMER1: usize = 0x4003_1000;
/// Registers of each.
const CFG: usize = 0x00;
const TAMR: usize = 0x04;
const CTL: usize = 0x0c;
const IMR: usize = 0x18;
const ICR: usize = 0x24;
const TAILR: usize = 0x28;

/// The interrupts in use.
#[derive(Clone, Copy)]
#[repr(u16)]
pub enum Interrupt {
    Timer0 = 19,
    Ethernet = 42,
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
    // SAFETY: all are there, and this is the only one who uses them.
    let (system, timer) = unsafe { (Registers::new(SYSTEM_CONTROL), Registers::new(TIMER1)) };
    use_crystal(system);
    system.write(RCGC1, 1 << 17 | 1 << 16); // TIMER1, TIMER0
    system.write(RCGC2, 1 << 30 | 1 << 28); // EPHY0, EMAC0
    while system.read(RCGC2) == 0 {} // a few cycles until they have their clock

    // QEMU looks for frames from the host only when something happens in the machine. A timer goes
    // round every millisecond for that; its interrupt is off, so that it wakes nobody.
    timer.write(CFG, 0); // one timer of 32 bits
    timer.write(TAMR, 2); // periodic
    timer.write(TAILR, 1_000 * CYCLES_PER_MICROSECOND);
    timer.write(CTL, 1);

    // SAFETY: as above.
    unsafe { Ethernet::new(ETHERNET, address) }
}

/// From the crystal of 8 MHz the PLL makes 200 MHz, of which the core gets an eighth. The order is
/// that of the data sheet, chapter "System Control", "Initialization and Configuration".
fn use_crystal(system: Registers) {
    const BYPASS: u32 = 1 << 11;
    const PWRDN: u32 = 1 << 13;
    const XTAL_8_MHZ: u32 = 0xe << 6;
    const USESYSDIV: u32 = 1 << 22;
    const AN_EIGHTH: u32 = 7 << 23 | USESYSDIV;
    const PLLLRIS: u32 = 1 << 6;

    system.write(RCC, XTAL_8_MHZ | BYPASS | PWRDN);
    system.write(RCC, XTAL_8_MHZ | BYPASS);
    system.write(RCC, XTAL_8_MHZ | BYPASS | AN_EIGHTH);
    while system.read(RIS) & PLLLRIS == 0 {}
    system.write(RCC, XTAL_8_MHZ | AN_EIGHTH);
}

/// Whether the controller says that a frame waits.
pub(crate) fn has_frame() -> bool {
    // SAFETY: the controller is there, and looking changes nothing.
    stellaris::has_frame(unsafe { Registers::new(ETHERNET) })
}

/// Sleeps until an interrupt is pending, for at most this long; SysTick, too, ends it when it goes
/// round. The board's timers cannot be read in QEMU, so that SysTick goes on: says that none went by
/// without it.
pub(crate) fn doze(at_most: Option<Duration>) -> Option<u32> {
    let micros = at_most.map_or(u64::MAX, |delay| delay.total_micros());
    let micros = u32::try_from(micros).unwrap_or(u32::MAX).max(1);

    // SAFETY: the timer is there, and nobody else uses it.
    let timer = unsafe { Registers::new(TIMER0) };
    timer.write(CFG, 0); // one timer of 32 bits
    timer.write(TAMR, 1); // one shot
    timer.write(TAILR, micros.saturating_mul(CYCLES_PER_MICROSECOND));
    timer.write(IMR, 1); // TATOIM
    timer.write(CTL, 1);
    // SAFETY: interrupts are off, so that this one ends the sleep and is not handled.
    unsafe { NVIC::unmask(Interrupt::Timer0) };
    cortex_m::asm::wfi();
    timer.write(CTL, 0);
    timer.write(ICR, 1);
    NVIC::mask(Interrupt::Timer0);
    NVIC::unpend(Interrupt::Timer0);
    None
}
