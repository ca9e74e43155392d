//! Look-ups.

use sockstate::{AddrType, Duration, Error, Instant, Lookup, Net, nb};

use crate::checks::{Invariant, Violation};
use crate::cx::Cx;
use crate::net::owner;

/// A look-up.
pub struct Ask<'net> {
    lookup: Lookup<'net, 'static>,
    of: Option<usize>,
    kind: AddrType,
    since: Instant,
    jumped: u64,
    /// When the application gives it up.
    until: u64,
}

impl<'net> Ask<'net> {
    pub fn begin(
        net: &'net Net,
        of: Option<usize>,
        kind: AddrType,
        until: u64,
        cx: &mut Cx<'_>,
    ) -> Result<Self, Error> {
        let lookup = net.lookup(crate::name_of(of), kind)?;
        cx.shared.stats.lookups += 1;
        Ok(Ask { lookup, of, kind, since: cx.own, jumped: cx.jumped, until })
    }

    /// Whether it is over.
    pub fn step(&mut self, limit: u64, cx: &mut Cx<'_>) -> Result<bool, Violation> {
        if cx.now >= self.until {
            cx.shared.stats.given_up += 1;
            return Ok(true);
        }
        cx.wake_at(self.until);
        let addr = match self.lookup.poll() {
            Ok(addr) => addr,
            Err(nb::Error::WouldBlock) => {
                cx.waits(self.since, limit_of(limit, self.jumped, cx), "a look-up")?;
                return Ok(false);
            }
            Err(nb::Error::Other(_)) => {
                cx.shared.stats.lookups_failed += 1;
                return Ok(true);
            }
        };
        cx.shared.stats.lookups_answered += 1;
        cx.shared.stats.checks.count(Invariant::Answer);
        let is_of_kind = match self.kind {
            AddrType::Ipv4 => addr.is_ipv4(),
            AddrType::Ipv6 => addr.is_ipv6(),
            AddrType::Either => true,
        };
        if !is_of_kind || self.of != Some(owner(addr)) {
            let text = format!("{addr} for {}, {:?}", crate::name_of(self.of), self.kind);
            return cx.fails(Invariant::Answer, text);
        }
        Ok(true)
    }
}

/// How long a look-up may take. A question has its time, even if the clock jumps over the end of
/// it; and when one IP version is found, the other one has a moment more.
pub fn limit_of(millis: u64, jumped_before: u64, cx: &Cx<'_>) -> Duration {
    const MOMENT: u64 = 50;
    Duration::from_millis(millis + MOMENT) + Duration::from_micros(cx.jumped - jumped_before)
}
