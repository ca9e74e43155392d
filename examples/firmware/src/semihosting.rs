//! The debugger's side of the program, which in QEMU is the host: its command line, its output and
//! its end.

use cortex_m_semihosting::debug;

/// Ends the program.
pub fn exit<E>(outcome: Result<(), E>) -> ! {
    loop {
        debug::exit(if outcome.is_ok() { debug::EXIT_SUCCESS } else { debug::EXIT_FAILURE });
    }
}

/// Prints a line, if the images may print at all.
#[macro_export]
macro_rules! say {
    ($($argument:tt)*) => {
        if cfg!(feature = "semihosting") {
            $crate::semihosting::print(format_args!($($argument)*));
        }
    };
}

#[doc(hidden)]
pub fn print(line: core::fmt::Arguments) {
    cortex_m_semihosting::hprintln!("{}", line);
}
