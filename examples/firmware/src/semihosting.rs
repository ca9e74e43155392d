//! The debugger's side of the program, which in QEMU is the host: its command line, its output and
//! its end.

use core::fmt::Debug;

use cortex_m_semihosting::debug;
#[cfg(feature = "defmt")]
use defmt_semihosting as _;

use crate::clock;

/// Ends the program, and says how long it has run, and why it failed.
pub fn exit<E: Debug>(outcome: Result<(), E>) -> ! {
    #[cfg(feature = "stack")]
    crate::stack::print();
    if let Err(error) = &outcome {
        #[cfg(not(feature = "defmt"))]
        crate::say!("failed: {:?}", error);
        #[cfg(feature = "defmt")]
        crate::say!("failed: {:?}", defmt::Debug2Format(error));
    }
    crate::say!("ended after {} ms", clock::now().total_millis());
    loop {
        debug::exit(if outcome.is_ok() { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    }
}

/// Prints a line, if the images may print at all.
#[cfg(not(feature = "defmt"))]
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => {
        if cfg!(feature = "semihosting") {
            $crate::semihosting::print(format_args!($($argument)*));
        }
    };
}

/// Prints a line, as a frame of defmt.
#[cfg(feature = "defmt")]
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => {
        defmt::println!($($argument)*)
    };
}

#[cfg(not(feature = "defmt"))]
#[doc(hidden)]
pub fn print(line: core::fmt::Arguments) {
    cortex_m_semihosting::hprintln!("{}", line);
}
