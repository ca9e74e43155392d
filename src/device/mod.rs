//! Devices and a clock for a host.
//!
//! A stack takes any [`smoltcp::phy::Device`]; these are for programs and tests that run under an
//! operating system. smoltcp's own work as well: its `TunTapInterface`, its `PcapWriter` around
//! any other.

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
