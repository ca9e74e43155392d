//! The time of a host.

use smoltcp::time::{Duration, Instant};

use crate::Clock;

/// The host's monotonic clock, from zero when it is made.
///
/// ```
/// use sockstate::{Clock, device::StdClock};
///
/// let mut clock = StdClock::new();
/// assert!(clock.now() <= clock.now());
/// ```
#[derive(Clone, Copy, Debug)]
pub struct StdClock(std::time::Instant);

impl StdClock {
    /// A clock that starts now.
    pub fn new() -> Self {
        StdClock(std::time::Instant::now())
    }
}

impl Default for StdClock {
    fn default() -> Self {
        Self::new()
    }
}

impl Clock for StdClock {
    fn now(&mut self) -> Instant {
        Instant::from_micros(self.0.elapsed().as_micros() as i64)
    }
}

/// For [`Config::idle`](crate::Config::idle): sleeps until the stack has work, and a millisecond
/// at most, because a frame may arrive before.
pub fn sleep(delay: Option<Duration>) {
    const LONGEST: Duration = Duration::from_millis(1);
    let delay = delay.map_or(LONGEST, |delay| delay.min(LONGEST));
    std::thread::sleep(delay.into());
}
