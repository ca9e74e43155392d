//! A stack under test, the far end, and the passing of time.

use std::cell::RefCell;
use std::rc::Rc;

use crate::cable::{Cable, End, Line, Plug};
use crate::executor::{Executor, Future, Kind};
use crate::far::{Far, Service};
use crate::near::{Near, Setup};
use crate::time;

/// No work takes longer than this, nor does anything wait longer to become quiet.
const DAY: u64 = 24 * 3_600 * 1_000_000;

/// A stack under test with a far end.
pub struct World<N> {
    /// The stack under test.
    pub near: Rc<N>,
    /// The other end.
    pub far: Far,
    /// The tasks.
    pub executor: Executor,
    cable: Rc<RefCell<Cable>>,
}

impl<N: Near> World<N> {
    /// A stack that runs already, and a far end with these services.
    pub fn new(line: Line, setup: Setup, services: &[Service]) -> Self {
        time::restart();
        let cable = Rc::new(RefCell::new(Cable::new(line)));
        let far = Far::new(Plug::new(&cable, End::Far), services);
        let mut executor = Executor::default();
        let (near, runner) = N::new(Plug::new(&cable, End::Near), setup);
        executor.spawn(Kind::Runner, runner);
        World { near: Rc::new(near), far, executor, cable }
    }

    /// Adds a task that uses the stack.
    pub fn spawn(&mut self, task: impl std::future::Future<Output = ()> + 'static) {
        let task: Future = Box::pin(task);
        self.executor.spawn(Kind::Application, task);
    }

    /// Runs all tasks until a future is done.
    ///
    /// # Panics
    ///
    /// If it is not done after a day.
    pub fn finish<T: 'static>(
        &mut self,
        future: impl std::future::Future<Output = T> + 'static,
    ) -> T {
        let result = Rc::new(RefCell::new(None));
        let place = Rc::clone(&result);
        self.spawn(async move {
            let value = future.await;
            place.replace(Some(value));
        });
        self.run(time::now() + DAY, || result.borrow().is_some());
        result.take().expect("no end in a day")
    }

    /// Runs all tasks for so many microseconds.
    pub fn pass(&mut self, time: u64) {
        self.run(time::now() + time, || false);
    }

    /// Runs all tasks until something is so, or until `end`.
    fn run(&mut self, end: u64, is_so: impl Fn() -> bool) {
        while !is_so() {
            if self.executor.turn() || time::ring() {
                continue;
            }
            let far_has_frame = self.cable.borrow_mut().has_frame(End::Far);
            if far_has_frame || self.far.due().is_some_and(|due| due <= time::now()) {
                self.far.poll();
                self.cable.borrow_mut().wake();
                continue;
            }
            let events = [self.cable.borrow().next_arrival(), time::next_alarm(), self.far.due()];
            let next = events.into_iter().flatten().filter(|at| *at > time::now()).min();
            let next = next.unwrap_or(end);
            if next >= end {
                time::pass_until(end);
                return;
            }
            time::pass_until(next);
            self.cable.borrow_mut().wake();
        }
    }
}
