//! How much of the stack the image has used.

unsafe extern "C" {
    static _stack_end: u32;
    static _stack_start: u32;
}

/// What the start-up code fills the stack with.
const PAINT: u32 = 0xcccc_cccc;

/// Prints how many bytes of the stack were used at most until now, even if nothing else is printed.
pub(crate) fn print() {
    #[cfg(not(feature = "defmt"))]
    crate::semihosting::print(format_args!("stack: {}", used()));
    #[cfg(feature = "defmt")]
    crate::say!("stack: {}", used());
}

fn used() -> usize {
    let top = &raw const _stack_start;
    let mut word = &raw const _stack_end;
    // SAFETY: between the two, which are the linker's, is the memory of the stack.
    while unsafe { word.read_volatile() } == PAINT {
        word = word.wrapping_add(1);
    }
    top as usize - word as usize
}
