//! Virtual time: it passes only while both ends wait.

use std::sync::atomic::{AtomicI64, Ordering};

static NOW: AtomicI64 = AtomicI64::new(0);

/// The time now, in microseconds.
pub fn now() -> i64 {
    NOW.load(Ordering::Relaxed)
}

/// The time now, for smoltcp 0.14.
pub fn instant() -> smoltcp::time::Instant {
    smoltcp::time::Instant::from_micros(now())
}

/// Lets the time pass until `at`.
pub fn pass_until(at: i64) {
    NOW.fetch_max(at, Ordering::Relaxed);
}
