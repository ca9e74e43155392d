//! Board support for the images: what a board's HAL is on real hardware.
#![no_std]

#[cfg(feature = "bench")]
pub mod bench;
pub mod board;
pub mod clock;
#[cfg(feature = "embassy")]
pub mod embassy;
mod ethernet;
pub mod interrupts;
#[cfg(feature = "mps2-an385")]
mod lan9118;
mod registers;
pub mod semihosting;
#[cfg(feature = "stack")]
mod stack;
#[cfg(feature = "lm3s6965evb")]
mod stellaris;

#[cfg(not(any(feature = "mps2-an385", feature = "lm3s6965evb")))]
compile_error!("a board: one of the features `mps2-an385` and `lm3s6965evb`");
#[cfg(all(feature = "mps2-an385", feature = "lm3s6965evb"))]
compile_error!("one board: leave out the default one, with --no-default-features");

#[cfg(all(feature = "semihosting", feature = "defmt"))]
compile_error!("either `semihosting` or `defmt`: lines of text and frames would share one output");

use core::panic::PanicInfo;

use cortex_m_semihosting::debug;
use static_cell::ConstStaticCell;

use ethernet::{Buffers, Controller, Driver};

/// The board's network device.
pub type Ethernet = Driver<board::Ethernet>;

/// Its address. A real board reads one that was given to it.
pub const HARDWARE_ADDR: [u8; 6] = [0x02, 0x00, 0x00, 0x00, 0x00, 0x01];

/// A real board reads it from its generator of random numbers, which QEMU's have not.
pub const SEED: u64 = 0x7a3c_91d2_5be8_406f;

/// Starts the clock, and the network device.
///
/// # Panics
///
/// The second time.
pub fn start() -> Ethernet {
    static BUFFERS: ConstStaticCell<Buffers> = ConstStaticCell::new(Buffers::new());
    let buffers = BUFFERS.take();
    // SAFETY: `take` makes sure that this is done once.
    let (peripherals, controller) =
        unsafe { (cortex_m::Peripherals::steal(), board::ethernet(HARDWARE_ADDR)) };
    clock::start(peripherals.SYST);
    Driver::new(controller, buffers)
}

#[panic_handler]
fn panic(info: &PanicInfo) -> ! {
    #[cfg(not(feature = "defmt"))]
    say!("{}", info);
    #[cfg(feature = "defmt")]
    say!("{}", defmt::Display2Format(info));
    loop {
        debug::exit(debug::EXIT_FAILURE);
    }
}
