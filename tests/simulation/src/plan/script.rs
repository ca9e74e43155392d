//! How one end of a connection behaves.

use std::fmt;

use crate::Time;
use crate::rng::Rng;

/// How one end of a connection behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Script {
    /// Of what is drawn for each call.
    pub seed: u64,
    /// Bytes to send in all, and in one call at most.
    pub bytes: u64,
    pub write: u64,
    /// Bytes to receive in one call at most, and the pause after each one.
    pub read: u64,
    pub pause: u64,
    /// After all is sent.
    pub ending: Ending,
    /// When it is over whatever has happened, and how.
    pub time: u64,
    pub last: Ending,
    pub flushes: bool,
    pub splits: bool,
    pub nagle: bool,
    pub delays_acks: bool,
    /// Milliseconds.
    pub keep_alive: Option<u64>,
    pub timeout: Option<u64>,
}

/// What an application does when it has sent all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Ends its direction, and receives until the peer ends.
    Shutdown,
    /// Closes, and waits for it.
    Close,
    /// Closes, and waits for nothing.
    Drop,
    Abort,
    /// Receives until the peer ends, and closes then.
    Stay,
}

impl Script {
    pub fn random(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let sometimes = |rng: &mut Rng, one_in: u64| rng.below(one_in) == 0;
        Script {
            seed,
            bytes: if sometimes(&mut rng, 8) { 0 } else { rng.scaled(1, 200_000) },
            write: rng.scaled(8, 8_192),
            read: rng.scaled(1, 8_192),
            pause: if sometimes(&mut rng, 3) { rng.scaled(100, 3_000_000) } else { 0 },
            ending: rng.pick(&[
                Ending::Shutdown,
                Ending::Shutdown,
                Ending::Shutdown,
                Ending::Close,
                Ending::Close,
                Ending::Drop,
                Ending::Abort,
                Ending::Stay,
                Ending::Stay,
            ]),
            time: rng.between(100_000, 40_000_000),
            last: rng.pick(&[Ending::Close, Ending::Drop, Ending::Abort]),
            flushes: sometimes(&mut rng, 3),
            splits: sometimes(&mut rng, 4),
            nagle: !sometimes(&mut rng, 3),
            delays_acks: !sometimes(&mut rng, 3),
            keep_alive: sometimes(&mut rng, 4).then(|| rng.between(500, 5_000)),
            timeout: sometimes(&mut rng, 4).then(|| rng.between(1_000, 10_000)),
        }
    }
}

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "send {} bytes by {}, receive by {}", self.bytes, self.write, self.read)?;
        if self.pause > 0 {
            write!(f, " every {}", Time(self.pause))?;
        }
        for (is_so, text) in [
            (self.splits, "split"),
            (self.flushes, "flush"),
            (!self.nagle, "no Nagle"),
            (!self.delays_acks, "no delayed ACK"),
        ] {
            if is_so {
                write!(f, ", {text}")?;
            }
        }
        if let Some(keep_alive) = self.keep_alive {
            write!(f, ", keep-alive {keep_alive} ms")?;
        }
        if let Some(timeout) = self.timeout {
            write!(f, ", timeout {timeout} ms")?;
        }
        write!(f, ", then {:?}; {:?} after {}", self.ending, self.last, Time(self.time))
    }
}
