//! The board's part of the vector table, which a peripheral access crate brings on others; and the
//! Ethernet's interrupt on and off.

use cortex_m::peripheral::NVIC;

/// For handlers, as `#[interrupt] fn Ethernet() { .. }`.
pub use cortex_m_rt::interrupt;

pub use crate::board::Interrupt as interrupt;

use crate::board;

/// Images may handle the Ethernet's. The table ends there, as nobody handles a later one.
const COUNT: usize = interrupt::Ethernet as usize + 1;

type Handler = unsafe extern "C" fn();

unsafe extern "C" {
    fn DefaultHandler();
    /// The same, in an image that has no handler of this name (`build.rs`).
    fn Ethernet();
}

#[unsafe(link_section = ".vector_table.interrupts")]
#[unsafe(no_mangle)]
static __INTERRUPTS: [Handler; COUNT] = {
    let mut handlers: [Handler; COUNT] = [DefaultHandler; COUNT];
    handlers[interrupt::Ethernet as usize] = Ethernet;
    handlers
};

/// Has frames interrupt, in an image that has a handler for it.
pub fn unmask() {
    // SAFETY: whoever is interrupted shares with the handler only what is made for it.
    unsafe { NVIC::unmask(interrupt::Ethernet) };
}

/// For a handler that has received what it could. A frame that is still there has no room for its
/// answer, and would interrupt for ever: that is over until the next [`unmask`].
pub fn mask_if_full() {
    if board::has_frame() {
        NVIC::mask(interrupt::Ethernet);
    }
}
