//! Both ends, and the passing of time.

use std::cell::Cell;
use std::time;

use smoltcp::time::Duration;

use crate::cable::{Plug, cable};
use crate::near::{Near, Setup};
use crate::remote::Remote;
use crate::time::{now, pass_until};

/// A stack under test, and the remote end.
pub struct World<N> {
    pub near: N,
    pub remote: Remote,
    pub plug: Plug,
    /// How long the near end's turns have taken, if that is measured.
    pub watch: Option<time::Duration>,
}

impl<N: Near> World<N> {
    /// Both ends. At the remote one, so many connections may go on at once.
    pub fn new(setup: Setup, parallel: usize) -> Self {
        let (plug, far) = cable();
        let remote = Remote::new(far, parallel);
        World { near: N::new(plug, setup), remote, plug, watch: None }
    }

    /// Runs both ends until the application says that it is done.
    ///
    /// # Panics
    ///
    /// If neither end will ever have something to do.
    pub fn run(&mut self, mut application: impl FnMut(&mut N) -> bool) {
        self.near.begin();
        let done = Cell::new(false);
        let mut application = |near: &mut N| done.set(done.get() || application(near));
        loop {
            let delay = match &mut self.watch {
                None => near_end(&mut self.near, &mut application),
                Some(watch) => {
                    let begin = time::Instant::now();
                    let delay = near_end(&mut self.near, &mut application);
                    *watch += begin.elapsed();
                    delay
                }
            };
            if delay == Some(Duration::ZERO) {
                continue;
            }
            self.remote.run();
            if done.get() {
                return;
            }
            if self.plug.has_frame() {
                continue;
            }
            let at = delay.map(|delay| now() + delay.total_micros() as i64);
            let next = at.into_iter().chain(self.remote.next()).min();
            pass_until(next.expect("something to wait for"));
        }
    }
}

/// One turn of the near end: what is counted.
#[inline(never)]
fn near_end<N: Near>(near: &mut N, application: &mut impl FnMut(&mut N)) -> Option<Duration> {
    near.turn(application)
}
