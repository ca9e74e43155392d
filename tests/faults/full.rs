//! A device without room.

use std::cell::{Cell, RefCell};
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::task::{Context, Poll, Waker};

use sockstate::{Duration, Error};

use super::common::drive::Bell;
use super::common::far;
use super::device::{Fault, Kind, When};
use super::pair::Pair;
use super::scene::{ECHO, Scene};
use super::sweep::{self, Outcome, at_each_call, at_every};

#[test]
fn for_one_frame() {
    at_each_call(Kind::Full, 1);
}

#[test]
fn for_a_while() {
    at_each_call(Kind::Full, 7);
}

#[test]
fn time_and_again() {
    at_every(Kind::Full, 2..=24, Outcome::Complete);
}

#[test]
fn for_ever() {
    sweep::for_ever(Kind::Full);
}

const ALWAYS: Fault = Fault { kind: Kind::Full, when: When::Every(1) };

/// The peer's time begins when data would have been sent, though the device never had room for it.
#[test]
fn time_limits_begin_all_the_same() {
    let pair = Pair::new();
    let scene = Scene::new(&pair);
    let mut socket = pair.near.stack.tcp().unwrap().connect(far(ECHO)).unwrap();
    scene.wait(5, || socket.poll()).unwrap();
    let Ok(mut socket) = socket.finish() else { panic!("it was connected") };
    scene.run_for(5);
    pair.near.control.fault.set(Some(ALWAYS));
    let start = pair.now();
    socket.send(b"never on its way").unwrap();
    assert_eq!(scene.wait(62, || socket.flush()), Err(Error::TimedOut));
    assert!(pair.now() >= start + Duration::from_secs(60));
}

/// A task that meets a device without room calls whoever runs the stack, who asks the device again:
/// the task does not, and neither does a runner that sleeps until there is a frame.
#[test]
fn who_runs_the_stack_is_called_by_a_task() {
    let pair = Pair::new();
    let (delays, over) = (RefCell::new(Vec::new()), Cell::new(false));
    let mut runs = pin!(pair.near.stack.run_async(async |delay| {
        delays.borrow_mut().push(delay);
        poll_fn(|_| if over.take() { Poll::Ready(()) } else { Poll::Pending }).await;
    }));
    let (bell, waker) = Bell::new();
    let mut run = || while_called(&bell, || poll_once(runs.as_mut(), &waker));
    run();
    assert_eq!(delays.take(), [None]);

    pair.near.control.fault.set(Some(ALWAYS));
    let mut socket = pair.near.stack.udp().unwrap().connect(far(ECHO)).unwrap();
    let (_task, task_waker) = Bell::new();
    assert!(poll_once(pin!(socket.send_async(b"hello")), &task_waker).is_ready());
    assert_eq!(pair.near.control.refusals.get(), 1);
    assert_eq!(bell.rang(), 1);
    run();
    assert_eq!(delays.take(), [Some(Duration::from_millis(1))]);

    pair.near.control.fault.set(None);
    over.set(true);
    run();
    assert_eq!(pair.near.control.calls(Kind::Lossy), 1, "frames sent");
}

fn poll_once<F: Future>(future: Pin<&mut F>, waker: &Waker) -> Poll<F::Output> {
    future.poll(&mut Context::from_waker(waker))
}

/// Polls a task, and again as long as it is called.
fn while_called<R>(bell: &Bell, mut poll: impl FnMut() -> Poll<R>) {
    for _ in 0..10 {
        assert!(poll().is_pending());
        if bell.rang() == 0 {
            return;
        }
    }
    panic!("it is called over and over");
}
