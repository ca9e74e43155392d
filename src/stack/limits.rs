//! Time limits, as the stack keeps them.

use smoltcp::time::{Duration, Instant};

use super::config::Deadlines;
use super::core::later;
use super::slot::NEVER;

/// A time limit as the stack keeps it: milliseconds, or none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Limit(u32);

impl Limit {
    pub(crate) const NONE: Self = Limit(0);

    #[cfg(feature = "dns")]
    pub(crate) const fn seconds(seconds: u32) -> Self {
        Limit(seconds * 1_000)
    }

    /// The moment a limit that begins then is over, or `NEVER`.
    pub(crate) fn after(self, begin: Instant) -> Instant {
        match self {
            Limit::NONE => NEVER,
            Limit(millis) => later(begin, Duration::from_millis(millis.into())),
        }
    }

    /// An equal part of it.
    #[cfg(feature = "dns")]
    pub(crate) fn divided(self, by: u32) -> Self {
        if self == Limit::NONE { self } else { Limit((self.0 / by).max(1)) }
    }

    /// `u32::MAX` for none.
    #[cfg(feature = "dns")]
    pub(crate) fn millis(self) -> u32 {
        if self == Limit::NONE { u32::MAX } else { self.0 }
    }
}

impl From<Option<Duration>> for Limit {
    /// Rounded up, and one at least. One that is longer than can be told is none.
    fn from(limit: Option<Duration>) -> Self {
        let millis = limit.map(|limit| limit.total_micros().div_ceil(1_000).max(1));
        Limit(millis.and_then(|millis| u32::try_from(millis).ok()).unwrap_or(0))
    }
}

/// [`Deadlines`], as the stack keeps them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Limits {
    pub(crate) connect: Limit,
    pub(crate) handshake: Limit,
    pub(crate) unreachable: Limit,
    pub(crate) closing: Limit,
    #[cfg(feature = "dns")]
    pub(crate) lookup: Limit,
}

impl From<Deadlines> for Limits {
    fn from(deadlines: Deadlines) -> Self {
        Limits {
            connect: deadlines.connect.into(),
            handshake: deadlines.handshake.into(),
            unreachable: deadlines.unreachable.into(),
            closing: deadlines.closing.into(),
            #[cfg(feature = "dns")]
            lookup: deadlines.lookup.into(),
        }
    }
}
