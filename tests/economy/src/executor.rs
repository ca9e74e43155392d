//! An executor that counts.

use std::ops::AddAssign;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};

/// A task.
pub type Future = Pin<Box<dyn std::future::Future<Output = ()>>>;

/// What a task is there for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// It runs the stack.
    Runner,
    /// It uses the stack.
    Application,
}

/// How often tasks were called.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Calls {
    /// How often they were polled.
    pub polls: u64,
    /// How often their wakers were called.
    pub wakes: u64,
}

impl AddAssign for Calls {
    fn add_assign(&mut self, other: Calls) {
        self.polls += other.polls;
        self.wakes += other.wakes;
    }
}

#[derive(Default)]
struct Bell {
    woken: AtomicBool,
    wakes: AtomicU64,
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.wakes.fetch_add(1, Ordering::Relaxed);
        self.woken.store(true, Ordering::Relaxed);
    }
}

struct Task {
    kind: Kind,
    /// Gone when it is done.
    future: Option<Future>,
    bell: Arc<Bell>,
    polls: u64,
}

/// Tasks, which are polled when they were woken, in the order in which they were spawned.
#[derive(Default)]
pub struct Executor {
    tasks: Vec<Task>,
}

impl Executor {
    /// Adds a task. It is polled a first time without being woken.
    pub fn spawn(&mut self, kind: Kind, future: Future) {
        let bell = Bell { woken: AtomicBool::new(true), ..Bell::default() };
        self.tasks.push(Task { kind, future: Some(future), bell: Arc::new(bell), polls: 0 });
    }

    /// Polls every task that was woken, once. Whether there was any.
    pub fn turn(&mut self) -> bool {
        let mut any = false;
        for task in &mut self.tasks {
            let Some(future) = &mut task.future else { continue };
            if !task.bell.woken.swap(false, Ordering::Relaxed) {
                continue;
            }
            any = true;
            task.polls += 1;
            let waker = Waker::from(Arc::clone(&task.bell));
            if let Poll::Ready(()) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                task.future = None;
            }
        }
        any
    }

    /// How often tasks of a kind were called since the last `forget`.
    pub fn calls(&self, kind: Kind) -> Calls {
        let mut calls = Calls::default();
        for task in self.tasks.iter().filter(|task| task.kind == kind) {
            calls += Calls { polls: task.polls, wakes: task.bell.wakes.load(Ordering::Relaxed) };
        }
        calls
    }

    /// Counts from zero.
    pub fn forget(&mut self) {
        for task in &mut self.tasks {
            task.polls = 0;
            task.bell.wakes.store(0, Ordering::Relaxed);
        }
    }
}
