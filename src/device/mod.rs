//! Devices and a clock for a host.
//!
//! A stack takes any [`smoltcp::phy::Device`]; these are for programs and tests that run under an
//! operating system. smoltcp's own work as well: its `TunTapInterface`, its `PcapWriter` around
//! any other.

#[cfg(feature = "async")]
use core::task::{Context, Poll};

#[cfg(feature = "cable")]
mod cable;
#[cfg(feature = "std")]
mod host;
#[cfg(all(feature = "tap", target_os = "linux"))]
mod tap;

#[cfg(feature = "cable")]
pub use cable::{Cable, Faults, Plug};
#[cfg(feature = "std")]
pub use host::{StdClock, sleep};
#[cfg(all(feature = "std", feature = "async"))]
pub use host::{park_until, thread_waker};
#[cfg(all(feature = "tap", target_os = "linux"))]
pub use tap::{Doze, Tap};

/// A device that wakes the task that waits for its frames: for `Stack::run_with` (feature
/// `embedded-hal-async`).
///
/// A driver implements it with a place for one waker, which the interrupt of a received frame
/// calls:
///
/// ```
/// use core::task::{Context, Poll, Waker};
/// use sockstate::device::AsyncDevice;
/// # use sockstate::smoltcp::phy::{Device, DeviceCapabilities, Medium, RxToken, TxToken};
/// # use sockstate::Instant;
///
/// struct Mac {
///     /// Called, and taken out, by the handler of the interrupt.
///     waker: &'static critical_section::Mutex<core::cell::RefCell<Option<Waker>>>,
///     // and the descriptors and buffers
/// }
///
/// impl Mac {
///     fn has_frame(&self) -> bool {
///         false // what the ring of descriptors says
///     }
/// }
/// # struct Token;
/// # impl RxToken for Token {
/// #     fn consume<R, F: FnOnce(&[u8]) -> R>(self, f: F) -> R { f(&[]) }
/// # }
/// # impl TxToken for Token {
/// #     fn consume<R, F: FnOnce(&mut [u8]) -> R>(self, _: usize, f: F) -> R { f(&mut []) }
/// # }
/// # impl Device for Mac {
/// #     type RxToken<'a> = Token;
/// #     type TxToken<'a> = Token;
/// #     fn receive(&mut self, _: Instant) -> Option<(Token, Token)> { None }
/// #     fn transmit(&mut self, _: Instant) -> Option<Token> { None }
/// #     fn capabilities(&self) -> DeviceCapabilities { DeviceCapabilities::default() }
/// # }
///
/// impl AsyncDevice for Mac {
///     fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<()> {
///         // The waker goes in before the look, or a frame between the two would wake nobody.
///         critical_section::with(|cs| self.waker.replace(cs, Some(cx.waker().clone())));
///         if self.has_frame() { Poll::Ready(()) } else { Poll::Pending }
///     }
/// }
/// ```
#[cfg(feature = "async")]
pub trait AsyncDevice: smoltcp::phy::Device {
    /// Whether a frame has arrived that can be received, which wants room for an answer as well. If
    /// not, the task is woken when one has: the last task that asked.
    fn poll_frame(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}
