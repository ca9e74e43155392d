//! The clock of one node, which goes with the world's but for jumps and stops.

use std::cell::Cell;
use std::rc::Rc;

use sockstate::Instant;

/// What a node reads, and by how much that differs from the world's time.
#[derive(Clone, Debug)]
pub struct NodeClock {
    reading: Rc<Cell<Instant>>,
    ahead: Rc<Cell<i64>>,
    stopped: Rc<Cell<bool>>,
    jumped: Rc<Cell<u64>>,
}

impl NodeClock {
    /// A clock that is so many microseconds ahead of the world's.
    pub fn new(ahead: i64) -> Self {
        NodeClock {
            reading: Rc::new(Cell::new(Instant::from_micros(ahead))),
            ahead: Rc::new(Cell::new(ahead)),
            stopped: Rc::default(),
            jumped: Rc::default(),
        }
    }

    pub fn reading(&self) -> Instant {
        self.reading.get()
    }

    /// Lets it show the world's time.
    pub fn set(&self, now: u64) {
        if !self.stopped.get() {
            self.reading.set(Instant::from_micros(now as i64 + self.ahead.get()));
        }
    }

    /// When it will show that, if it goes on as it goes now.
    pub fn world_time_of(&self, reading: Instant) -> Option<u64> {
        let time = reading.total_micros().checked_sub(self.ahead.get())?;
        (!self.stopped.get()).then_some(time.max(0) as u64)
    }

    /// By how many microseconds it has jumped in all.
    pub fn jumped(&self) -> u64 {
        self.jumped.get()
    }

    pub fn jump(&self, by: u64) {
        self.jumped.set(self.jumped.get() + by);
        self.ahead.set(self.ahead.get() + by as i64);
    }

    pub fn stop(&self) {
        self.stopped.set(true);
    }

    /// Goes on from where it stands.
    pub fn go_on(&self, now: u64) {
        if self.stopped.replace(false) {
            self.ahead.set(self.reading.get().total_micros() - now as i64);
        }
    }
}

impl sockstate::Clock for NodeClock {
    fn now(&mut self) -> Instant {
        self.reading()
    }
}
