//! What the client programs have in common: the command line, a stack on a TAP interface, a clock
//! for the clients that want one, and the adapters that a client crate leaves to its user.
//!
//! None of it polls the stack, which [`Options::run_async`] runs beside a program in tasks. The
//! clients know the embedded-nal traits of `&Net`, or the embedded-io ones of its connections, and
//! nothing else. A loop around one passes the time with [`pause`] at most.

pub mod coap;
pub mod duties;
pub mod http;
pub mod mqtt;
pub mod ntp;
mod options;
pub mod tls;
pub mod web;

use std::error::Error;
use std::time::{Duration, Instant};

use embedded_time::fraction::Fraction;

pub use options::{Options, Own};

pub type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// Passes a little time between two turns of a loop.
pub fn pause() {
    sockstate::device::sleep(None);
}

/// An error of a client crate, which implements no trait that `?` could use.
pub fn failure(error: impl std::fmt::Debug) -> Box<dyn Error> {
    format!("{error:?}").into()
}

/// Bytes in the way hashes are written.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The host's monotonic clock, for clients that take one of embedded-time.
#[derive(Clone, Copy, Debug)]
pub struct HostClock(Instant);

impl HostClock {
    /// A clock that starts now.
    pub fn start() -> Self {
        HostClock(Instant::now())
    }

    /// The time since it was started.
    pub fn now(&self) -> Duration {
        self.0.elapsed()
    }
}

impl embedded_time::Clock for HostClock {
    type T = u64;

    const SCALING_FACTOR: Fraction = Fraction::new(1, 1_000_000);

    fn try_now(&self) -> Result<embedded_time::Instant<Self>, embedded_time::clock::Error> {
        let micros = u64::try_from(self.now().as_micros());
        micros.map(embedded_time::Instant::new).map_err(|_| Default::default())
    }
}
