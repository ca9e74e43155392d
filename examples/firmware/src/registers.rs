//! Registers of a peripheral.

use core::ptr::{read_volatile, write_volatile};

/// The registers of one peripheral, each named by its distance from the first.
#[derive(Clone, Copy)]
pub struct Registers(usize);

impl Registers {
    /// # Safety
    ///
    /// At `base` are 32-bit registers and no memory of the program; whoever holds another copy
    /// does not use the same registers at the same time.
    pub const unsafe fn new(base: usize) -> Self {
        Registers(base)
    }

    pub fn read(self, offset: usize) -> u32 {
        // SAFETY: these are registers, as `new` was promised.
        unsafe { read_volatile((self.0 + offset) as *const u32) }
    }

    pub fn write(self, offset: usize, value: u32) {
        // SAFETY: as above.
        unsafe { write_volatile((self.0 + offset) as *mut u32, value) }
    }
}
