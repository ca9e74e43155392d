//! Who may use a stack: one thread, or several threads and interrupt handlers.

use mutex::{ConstInit, ScopedRawMutex, raw_impls};

use super::port::Drive;

mod sealed {
    #[diagnostic::on_unimplemented(
        message = "`{Self}` cannot become a way to share a stack",
        note = "the ways are `sockstate::Local` and `sockstate::Shared`: each has a lock of its own"
    )]
    pub trait Sealed {}
}

/// Who may use a stack: [`Local`] or `Shared`. It has a default, so that nobody has to write it.
#[diagnostic::on_unimplemented(
    message = "`{Self}` does not say who shares a stack",
    note = "the two ways are `sockstate::Local` (one thread) and `sockstate::Shared` (threads and interrupts)"
)]
pub trait Sharing: sealed::Sealed + 'static {
    #[doc(hidden)]
    type Lock: ScopedRawMutex + ConstInit;
    #[doc(hidden)]
    type Driver: ?Sized + Drive;
}

/// One thread uses the stack. Locking costs a flag, and neither the stack nor its sockets can be
/// used from another thread: that does not compile.
#[derive(Debug)]
pub enum Local {}

impl sealed::Sealed for Local {}
impl Sharing for Local {
    type Lock = raw_impls::local::LocalRawMutex;
    type Driver = dyn Drive;
}

/// Threads, or interrupt handlers and the main loop, share the stack, each with its own sockets.
///
/// The lock is a critical section, held for the work of one frame at most.
#[cfg(feature = "critical-section")]
#[derive(Debug)]
pub enum Shared {}

#[cfg(feature = "critical-section")]
impl sealed::Sealed for Shared {}
#[cfg(feature = "critical-section")]
impl Sharing for Shared {
    type Lock = raw_impls::cs::CriticalSectionRawMutex;
    type Driver = dyn Drive + Send;
}
