//! What a node has at hand in its turn, and what the nodes share.

use std::fmt;
use std::hash::{DefaultHasher, Hash, Hasher};

use sockstate::{Duration, Instant};

use crate::Time;
use crate::checks::{Invariant, Violation};
use crate::ledger::{Datagrams, Streams};
use crate::net::Addresses;
use crate::plan::Plant;
use crate::stats::Stats;

/// What the nodes share.
#[derive(Debug)]
pub struct Shared {
    pub streams: Streams,
    pub datagrams: Datagrams,
    pub stats: Stats,
    pub addresses: Addresses,
    pub plant: Option<Plant>,
    /// Nothing gets lost on the network.
    pub is_calm: bool,
    pub trace: Trace,
}

/// What happened, as a hash, and as text for whoever wants to read it.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    hash: DefaultHasher,
    pub prints: bool,
}

impl Trace {
    pub fn note(&mut self, what: impl Hash) {
        what.hash(&mut self.hash);
    }

    pub fn hash(&self) -> u64 {
        self.hash.finish()
    }
}

/// What a node has at hand in its turn.
#[derive(Debug)]
pub struct Cx<'a> {
    pub node: usize,
    /// The world's time in microseconds, and that of the node's clock.
    pub now: u64,
    pub own: Instant,
    /// By how many microseconds its clock has jumped in all.
    pub jumped: u64,
    /// When the application wants another turn, by the one clock or the other.
    pub wake: Option<u64>,
    pub wake_own: Option<Instant>,
    pub shared: &'a mut Shared,
}

/// How much later than its deadline a wait may end: limits are rounded up to milliseconds.
const SLACK: Duration = Duration::from_millis(3);

impl Cx<'_> {
    pub fn wake_at(&mut self, at: u64) {
        self.wake = Some(self.wake.map_or(at, |wake| wake.min(at)));
    }

    pub fn fails<T>(&self, invariant: Invariant, text: impl fmt::Display) -> Result<T, Violation> {
        let text = format!("node {}: {text}", self.node);
        Err(Violation { invariant, at: self.now, text })
    }

    /// What the ledger says.
    pub fn heed(&self, said: Result<(), (Invariant, String)>) -> Result<(), Violation> {
        said.or_else(|(invariant, text)| self.fails(invariant, text))
    }

    /// Something waits that may do so for `limit`, since then. If that is over, it is too late.
    pub fn waits(
        &mut self,
        since: Instant,
        limit: Duration,
        what: impl fmt::Display,
    ) -> Result<(), Violation> {
        self.shared.stats.checks.count(Invariant::Wait);
        let limit = if self.has(Plant::Impatience) { limit / 2 } else { limit };
        let end = since + limit + SLACK;
        if self.own > end {
            let waited = Time((self.own - since).total_micros());
            let limit = Time(limit.total_micros());
            return self
                .fails(Invariant::Wait, format!("{what} has waited for {waited}, limit {limit}"));
        }
        let end = end + Duration::from_micros(1);
        self.wake_own = Some(self.wake_own.map_or(end, |wake| wake.min(end)));
        Ok(())
    }

    /// Whether this is done wrong on purpose.
    pub fn has(&self, plant: Plant) -> bool {
        self.shared.plant == Some(plant)
    }

    /// Notes what the application has seen.
    pub fn note(&mut self, what: impl fmt::Display) {
        if self.shared.trace.prints {
            println!("{} node {}: {what}", Time(self.now), self.node);
        }
    }
}
