//! Futures that are driven step by step, and dropped where a test wants it.

use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use sockstate::testing::Lab;

/// When a future is dropped, if it is not done before.
#[derive(Clone, Copy, Debug)]
pub enum Stop {
    /// After so many polls, at once.
    AfterPolls(usize),
    /// After so many steps of the network: it may have been woken by the last one.
    AfterSteps(usize),
    Never,
}

/// Counts how often a task was woken.
#[derive(Debug, Default)]
pub struct Bell(AtomicUsize);

impl Bell {
    pub fn new() -> (Arc<Bell>, Waker) {
        let bell = Arc::<Bell>::default();
        (bell.clone(), bell.into())
    }

    /// How often it rang since that was asked last.
    pub fn rang(&self) -> usize {
        self.0.swap(0, Ordering::Relaxed)
    }
}

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

/// Drives a future: polls it when it was woken, and otherwise lets the peers do their part and the
/// network make a step. Its output, if it is done before it is dropped.
pub fn drive<F: Future>(
    lab: &Lab,
    stop: Stop,
    future: F,
    mut peers: impl FnMut(),
) -> Option<F::Output> {
    /// One that is never woken is dropped at last.
    const PATIENCE: usize = 2_000;
    let (bell, waker) = Bell::new();
    let mut future = pin!(future);
    let (mut polls, mut steps, mut woken) = (0, 0, true);
    loop {
        match stop {
            Stop::AfterPolls(most) if polls >= most => return None,
            Stop::AfterSteps(most) if steps >= most => return None,
            _ if steps >= PATIENCE => return None,
            _ => {}
        }
        if woken {
            polls += 1;
            if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                return Some(output);
            }
        } else {
            steps += 1;
            peers();
            lab.step();
        }
        woken = bell.rang() > 0;
    }
}

/// Drives a future to its end.
#[track_caller]
pub fn finish<F: Future>(lab: &Lab, future: F, peers: impl FnMut()) -> F::Output {
    drive(lab, Stop::Never, future, peers).expect("the future is never done")
}

/// Runs a scenario once for each place at which its future can be dropped: after each poll, and
/// after each step of the network, until it is done before that. The scenario says whether it was.
/// How many times it ran.
#[track_caller]
pub fn sweep(mut scenario: impl FnMut(Stop) -> bool) -> usize {
    const ENOUGH: usize = 500;
    let mut runs = 0;
    for stop in [Stop::AfterPolls as fn(usize) -> Stop, Stop::AfterSteps] {
        let end = (0..ENOUGH).find(|n| scenario(stop(*n)));
        runs += 1 + end.expect("the future is never done");
    }
    runs
}
